# SPDX-License-Identifier: Apache-2.0
"""A pin that outgrows its owner's quota while the node fetches it is cut then, not when the node has it all."""

import threading

from kit.upstream import answer_pins
from member_case import MemberCase
from rpc_case import CID

POLICY = """\
version: 1
org: lab.example
members: {ann: {}}
roles: {all: {allow: ["**"], rights: [read-any]}}
bind: [{to: "member:*", roles: [all]}]
quotas:
  - {id: room, scope: each member, stored: {bytes: 1MB}}
"""


class LiveLimit(MemberCase):
    def script(self, peer, request):
        """A node that fetches 100 kB every 20 ms, for ever."""
        peer.read_body(request)
        path = request.target.partition("?")[0]
        if path != "/api/v0/pin/add":
            return answer_pins(peer, path)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.done.wait(0.02) and self.fetched < 100:
            self.fetched += 1
            line = b'{"Progress":%d,"Bytes":%d}\n' % (self.fetched, self.fetched * 100_000)
            peer.send(b"%x\r\n%s\r\n" % (len(line), line))
        return False

    def test_an_endless_dag_is_cut_at_the_quota(self):
        self.done, self.fetched = threading.Event(), 0
        self.addCleanup(self.done.set)
        self.start_with_policy(POLICY, self.script)
        reply = self.ask_as(self.token("ann"), f"/api/v0/pin/add?arg={CID}")
        self.assert_refused(reply, 507, "the quota room", "policy.yaml:7", "member ann", "1000000 B of stored data", "ask your admin")
        self.assertTrue(10 < self.fetched < 90, self.fetched)
