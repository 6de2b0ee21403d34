# SPDX-License-Identifier: Apache-2.0
"""How far reads reach: the right read-any, and the places for commands that read far more than they answer."""

import threading
import time

from kit.client import Client
from kit.process import wait_for
from kit.upstream import answer
from member_case import MemberCase
from rpc_case import CID, CID_V0, read_target

POLICY = """\
version: 1
org: lab.example
members: {held: {}, any: {}}
roles:
  reader: {allow: ["class:tool", "class:read", "class:files", "name/{get,resolve}", "object/patch/*"], rights: [shared-node]}
  farther: {inherits: [reader], rights: [read-any]}
bind:
  - {to: "member:held", roles: [reader]}
  - {to: "member:any", roles: [farther]}
"""

READS = [f"cat?arg={CID}", f"cat?arg={CID}&offline=false", f"get?arg={CID}", f"refs?arg={CID_V0}", f"block/get?arg={CID}", f"block/stat?arg={CID}",
         f"dag/get?arg={CID}", f"dag/resolve?arg={CID}/a", f"resolve?arg=/ipfs/{CID}/a", f"files/stat?arg=/ipfs/{CID}",
         f"files/cp?arg=/ipfs/{CID}&arg=/a", f"ls?arg={CID}&size=false&resolve-type=false", f"object/patch/add-link?arg={CID_V0}&arg=a&arg={CID_V0}",
         f"object/patch/rm-link?arg={CID_V0}&arg=a", "name/resolve?arg=docs.example", "resolve?arg=/ipns/docs.example"]
WALKS = [f"dag/stat?arg={CID}", f"dag/export?arg={CID}", f"refs?arg={CID_V0}&recursive=true", f"ls?arg={CID_V0}", f"ls?arg={CID_V0}&size=false",
         f"files/stat?arg=/ipfs/{CID}&with-local=true", f"object/diff?arg={CID_V0}&arg={CID_V0}"]


class Reads(MemberCase):
    def offline(self, target):
        """What the storage is told about fetching."""
        return [value for name, value in read_target(target)[2] if name == "offline"]

    def test_only_read_any_reaches_the_network(self):
        self.start_with_policy(POLICY)
        for member, expected in (("held", ["true"]), ("any", [])):
            token = self.token(member)
            for read in READS:
                with self.subTest(read, member=member):
                    self.assertEqual(self.ask_as(token, f"/api/v0/{read}").status, 200)
                    wanted = ["false"] if "offline=false" in read and not expected else expected
                    self.assertEqual(self.offline(self.received_one().target), wanted)

    def test_what_reads_far_more_than_it_answers_never_fetches(self):
        self.start_with_policy(POLICY)
        for member in ("held", "any"):
            token = self.token(member)
            for walk in WALKS:
                with self.subTest(walk, member=member):
                    self.assertEqual(self.ask_as(token, f"/api/v0/{walk}").status, 200)
                    self.assertEqual(self.offline(self.received_one().target), ["true"])

    def test_without_a_policy_reads_reach_the_network(self):
        self.start()
        self.assertEqual(self.ask(f"/api/v0/cat?arg={CID}").status, 200)
        self.assertEqual(self.offline(self.received_one().target), [])

    def test_names_are_resolved_no_farther_than_the_caller_reads(self):
        def script(peer, request):
            if "/resolve?" not in request.target:
                return answer(peer, request)
            peer.read_body(request)
            peer.reply(f'{{"Path":"/ipfs/{CID}"}}\n'.encode())
            return True

        self.start_with_policy(POLICY, script)
        for member, expected in (("held", [["true"], ["true"]]), ("any", [[], []])):
            with self.subTest(member):
                self.assertEqual(self.ask_as(self.token(member), "/api/v0/cat?arg=/ipns/docs.example").status, 200)
                self.assertEqual([[v for v in self.offline(target) if v == "true"] for target in self.received()], expected)

    def hold(self):
        """A script that answers dag/stat only when self.release is set."""
        self.release = threading.Event()

        def script(peer, request):
            if "dag/stat" in request.target:
                self.release.wait(20)
            return answer(peer, request)
        return script

    def begin(self, token):
        client = Client(self.gateway.port)
        client.send(f"POST /api/v0/dag/stat?arg={CID} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n".encode())
        self.addCleanup(client.close)
        return client

    def test_only_so_many_walks_run_at_once(self):
        self.start_with_policy(POLICY, self.hold(), "limits: {walks: 3, walks_each: 2}\n", workers=2)
        self.addCleanup(self.release.set)
        held, farther = self.token("held"), self.token("any")
        clients = [self.begin(held), self.begin(held)]
        self.assertTrue(wait_for(lambda: len(self.upstream.requests) == 2, 5))
        reply = self.ask_as(held, f"/api/v0/dag/export?arg={CID}")
        self.assert_refused(reply, 429, "dag/export", "limits.walks_each")
        self.assertEqual(reply.get("retry-after"), "1")
        clients.append(self.begin(farther))
        self.assertTrue(wait_for(lambda: len(self.upstream.requests) == 3, 5))
        self.assert_refused(self.ask_as(farther, f"/api/v0/ls?arg={CID}"), 429, "limits.walks ")
        self.assertEqual(self.ask_as(held, f"/api/v0/cat?arg={CID}").status, 200)
        clients.pop(0).close()  # a client that left holds no place
        self.assertTrue(wait_for(lambda: self.ask_as(farther, f"/api/v0/ls?arg={CID}").status == 200, 5))
        self.release.set()
        time.sleep(0.2)
        for _ in range(4):
            self.assertEqual(self.ask_as(held, f"/api/v0/dag/stat?arg={CID}").status, 200)
