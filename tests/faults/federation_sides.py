# SPDX-License-Identifier: Apache-2.0
"""Two organizations that place with each other what their members pin, each with members that play: what can be killed, and what must
hold of both sides together when all has come to rest."""

import contextlib
import hashlib
import json
import sqlite3
import time
import urllib.parse

from kit import crash_points, link_gateway, members, relay, rpc
from kit.client import Client
from kit.crash_case import CrashMember
from kit.embedded_case import text_of

_MULTIPART = f"Content-Type: multipart/form-data; boundary={rpc.BOUNDARY}"
_POLICY = """\
version: 1
org: {org}
members: {{{members}}}
groups: {{staff: {{}}}}
roles: {{writer: {{allow: ["class:tool", "class:read", "class:write", "class:pin"]}}}}
bind: [{{to: "group:staff", roles: [writer]}}]
grants:
  - {{partner: {partner}, we_store: {{bytes: 10GiB, pins: 10000}}, they_store: {{bytes: 10GiB}}}}
placement:
  sites: {{local: {{}}, {partner}: {{}}}}
  rules:
    - {{id: two, copies: {{min: 1, want: 2}}}}
"""
# What a copy is on its way through; all else rests, or says why it waits.
MOVING = {"queued", "reserving", "transferring", "committing", "releasing", "reserved", "receiving", "importing", "leaving", "removing"}


class Member(CrashMember):
    """Adds, unpins and pins again, until told to stop."""

    contents = None  # CID -> bytes; shared by all of a side

    def play(self, stop):
        while not stop.is_set():
            self.random.choice([self.add, self.add, self.remove, self.pin_again])()
            time.sleep(self.random.uniform(0, 0.05))

    def read(self, cid):
        """All of it, or None."""
        head = f"POST /api/v0/cat?arg={cid} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n"
        with Client(self.case.relay.port, timeout=60) as client:
            reply = client.ask(head.encode(), keep=1 << 30)
        return bytes(reply.body) if reply.status == 200 and not reply.broken else None

    def add(self):
        self.made += 1
        size = self.random.choice([200, 3000, 100_000, 700_000, 2_000_000])
        self.upload(f"{self.name} {self.made} ".encode() + self.random.randbytes(self.random.randrange(size)))

    def upload(self, content):
        reply = self.send("add?cid-version=1&progress=false", _MULTIPART, body=rpc.body([rpc.part("file", "file", content)]))
        if reply is None or reply.status != 200:
            if reply is not None:
                self.case.assertNotEqual(reply.status // 100, 4, reply.text())
            if len(content) <= 262144:  # one block: its name is known all the same
                self.cut(content)
            return
        cid = json.loads(reply.text().splitlines()[-1])["Hash"]
        self.contents[cid] = content
        self.model.added(cid, None)
        self.case.acknowledged += 1

    def settle(self, extra):
        """All has come to rest. What was cut and has several blocks is known by its name now."""
        listed = self.listed()
        for cid in listed.keys() - self.contents.keys():
            self.model.add_cut(cid)
            self.contents[cid] = None
        self.model.settle(listed, extra)

    def cut(self, content):
        cid = text_of(bytes([1, 0x55, 0x12, 32]) + hashlib.sha256(content).digest())
        self.contents[cid] = content
        self.model.add_cut(cid)

    def remove(self):
        own = self.model.surely_pinned()
        if len(own) > 3:
            cid = self.random.choice(own)
            reply = self.send(f"pin/rm?arg={cid}")
            if reply is not None and reply.status == 200:
                self.model.removed(cid, None)
            else:
                self.model.rm_cut(cid)

    def pin_again(self):
        """What was unpinned a moment ago, by whomever, may still be there."""
        gone = [cid for cid in self.contents if self.model.may_be(cid) == {None} and not self.model.is_cut(cid)]
        if gone:
            cid = self.random.choice(gone)
            reply = self.send(f"pin/add?arg={urllib.parse.quote(cid)}")
            if reply is None:
                self.model.add_cut(cid)
            elif reply.status == 200:
                self.model.added(cid, None)


class Side:
    """An organization: its gateway, storage and members."""

    def __init__(self, case, name, partner, seed, upstream_port=None, names=("ada", "bob")):
        self.case, self.name, self.partner, self.acknowledged = case, name, partner, 0
        self.points = crash_points.Points(case.folder / f"points-{name}") if crash_points.why_not() is None else None
        policy = case.folder / f"policy-{name}.yaml"
        policy.write_text(_POLICY.format(org=f"{name}.example", partner=partner, members=", ".join(f"{one}: {{groups: [staff]}}" for one in names)))
        self.gateway = self.relay = link_gateway.LinkGateway(case.folder, f"{name}.example", has_policy=False, more=f"policy: {policy}",
                                                             wrapper=self.points.wrapper if self.points else (), upstream_port=upstream_port)
        case.addCleanup(relay.stop_well, self.gateway)
        self.contents = {}
        self.members = [Member(self, one, token, seed * 100 + number) for number, (one, token) in
                        enumerate(zip(names, members.mint(self.gateway, names)))]
        for member in self.members:
            member.contents = self.contents

    def __getattr__(self, name):
        return getattr(self.case, name)

    def kill(self):
        self.gateway.kill()

    def start_again(self):
        if self.points:
            self.points.disarm()
        if not self.gateway.process.is_running():
            self.gateway.start()

    # ---- what it says of itself

    def allocations(self, *words):
        """Rows of `allocation list`, tombstones too."""
        status, text = self.gateway.command("allocation", "list", "--all", "--json", *words)
        self.case.assertEqual(status, 0, text)
        return [json.loads(line) for line in text.splitlines()]

    def check(self):
        """What `ledger check` says, sound or not."""
        return json.loads(self.gateway.command("ledger", "check", "--json")[1])

    def spools(self):
        return sorted(path.name for path in (self.gateway.folder / "data" / "inbox").iterdir())

    def storage_pins(self):
        """CIDs that the embedded node has pinned."""
        with contextlib.closing(sqlite3.connect(self.gateway.folder / "data" / "blocks" / "node.db")) as database:
            return {text_of(cid) for cid, in database.execute("select cid from pin")}

    def pinned(self):
        """CIDs that members have, when all is known."""
        return set().union(*(member.model.own() for member in self.members))
