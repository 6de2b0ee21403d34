# SPDX-License-Identifier: Apache-2.0
"""How far members reach before a real Kubo that has a peer: what the peer alone has is read and claimed with the right read-any;
what is held here, whoever put it there, is read and claimed by whoever knows its CID. The refusals are Kubo's own words."""

import base64
import hashlib
import json
import pathlib
import random
import unittest

from kit import members
from kit.kubo_case import KuboCase
from kit.ports import free_port
from kit.process import wait_for

POLICY = """\
version: 1
org: lab.example
members: {held: {}, farther: {}, owner: {}}
roles:
  writer: {allow: ["class:tool", "class:read", "class:write", "class:pin"]}
  sharer: {inherits: [writer], allow: ["class:files"], rights: [shared-node]}
  farther: {inherits: [sharer], rights: [read-any, shared-node]}
bind:
  - {to: ["member:held", "member:owner"], roles: [sharer]}
  - {to: "member:farther", roles: [farther]}
"""
NAMES = ["held", "farther", "owner"]


def varint(number):
    out = b""
    while number >= 0x80:
        out, number = out + bytes([number & 0x7f | 0x80]), number >> 7
    return out + bytes([number])


class Reach(KuboCase):
    limit_seconds = 300

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        cls.peer = cls.start_kubo("peer", settings=[("Addresses.Swarm", f'["/ip4/127.0.0.1/tcp/{port}"]')], online=True)
        cls.kubo = cls.start_kubo(settings=[("Addresses.Swarm", '["/ip4/127.0.0.1/tcp/0"]')], online=True)
        identity = json.loads(cls.peer.ask("id"))["ID"]
        cls.kubo.ask(f"swarm/connect?arg=/ip4/127.0.0.1/tcp/{port}/p2p/{identity}")
        cls.start_gateway(NAMES, policy=POLICY)
        cls.far = cls.cli_of(cls.peer.port)
        cls.made = 0

    def not_here(self, who, *words):
        """Refused since a block is not here: what Kubo says of it depends on the command."""
        done = self.run_as(who, *words)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stderr, "could not find|failed to fetch all nodes")

    def file(self, size=1000):
        type(self).made += 1
        path = self.folder / f"file-{self.made}"
        path.write_bytes(base64.b64encode(random.Random(self.made).randbytes(size))[:size])  # no two have a block in common
        return str(path)

    def remote(self, size=1000):
        """The CID of a file that the peer alone has."""
        return self.straight("add", "-Q", "--cid-version=1", self.file(size), cli=self.far)

    def local(self, size=1000):
        """The CID of a file that a member called owner has pinned."""
        cid = self.straight("add", "-Q", "--pin=false", "--cid-version=1", self.file(size))
        self.good("owner", "pin", "add", cid)
        return cid

    def is_here(self, cid):
        return self.direct.run("block", "stat", "--offline", cid).returncode == 0

    def missing(self, cid):
        """What Kubo itself says offline."""
        done = self.direct.run("cat", "--offline", cid)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr.strip()

    def usage(self, who):
        """Pins and bytes that a member is charged."""
        for line in members.ask_operators(self.relay, "/member/list")["members"]:
            if line["id"] == who:
                return line["pins"], line["bytes"]
        return None

    def own(self, who):
        return {line.split()[0] for line in self.good(who, "pin", "ls", "--type=recursive").splitlines()}

    # ---- reading

    def test_what_the_peer_alone_has_is_read_with_the_right_and_not_without(self):
        for words in (("cat",), ("block", "get"), ("block", "stat"), ("refs",), ("dag", "get"), ("get", "-o", str(self.folder / "out")),
                      ("files", "stat")):
            with self.subTest(words):
                cid = self.remote()
                named = f"/ipfs/{cid}" if words[0] == "files" else cid
                said = self.refused("held", "block was not found locally (offline): ipld: could not find", *words, named)
                if words == ("cat",):
                    self.assertEqual(said.strip(), self.missing(cid))
                self.assertFalse(self.is_here(cid))
                self.good("farther", *words, named)
                self.good("held", *words, named)  # now it is held: its CID is a capability
        cid = self.remote()
        self.refused("held", "could not find", "cat", "--offline=false", cid)
        self.refused("held", "could not find", "files", "cp", f"/ipfs/{cid}", f"/{cid}")

    def test_walks_never_fetch(self):
        for words in (("dag", "stat", "--progress=false"), ("dag", "export", "--progress=false"), ("refs", "--recursive"), ("ls",)):
            cid = self.remote(600_000)
            for who in ("held", "farther"):
                with self.subTest(words, who=who):
                    self.refused(who, "could not find", *words, cid)
            self.assertFalse(self.is_here(cid))

    # ---- claims

    def test_what_the_peer_alone_has_is_pinned_with_the_right_and_not_without(self):
        cid = self.remote(600_000)
        self.refused("held", f"could not find {cid}", "pin", "add", cid)
        self.assertFalse(self.is_here(cid))
        self.assertNotIn(cid, self.own("held"))
        self.good("farther", "pin", "add", cid)
        self.good("held", "pin", "add", cid)
        self.assertIn(cid, self.own("held"))

    def test_pin_update_reaches_no_farther(self):
        old, new = self.local(), self.remote()
        self.good("held", "pin", "add", old)
        self.refused("held", "could not find", "pin", "update", old, new)
        self.assertIn(old, self.own("held"))
        self.assertNotIn(new, self.own("held"))
        self.assertFalse(self.is_here(new))
        other = self.local()
        self.good("held", "pin", "update", old, other)
        self.assertEqual({old, other} & self.own("held"), {other})
        self.good("farther", "pin", "add", old)
        self.good("farther", "pin", "update", old, new)
        self.assertIn(new, self.own("farther"))

    def wrap(self, who, cid):
        """A node of one's own that links to the CID."""
        path = self.folder / f"wrap-{who}-{cid}.json"
        path.write_text(json.dumps({"mine": who, "link": {"/": cid}}))
        done = self.run_as(who, "dag", "put", "--pin=false", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_wrapping_anothers_object_gives_what_its_cid_gives_and_costs_what_it_weighs(self):
        """Of what is held here, a CID is a capability: wrapping it adds nothing, pinning it is charged in full."""
        for who in ("held", "farther"):
            with self.subTest(who):
                cid = self.local(100_000)
                root = self.wrap(who, cid)
                before = self.usage(who) or (0, 0)
                self.good(who, "pin", "add", root)
                size = json.loads(self.direct.run("dag", "stat", "--progress=false", "--enc=json", root).stdout.splitlines()[-1])["TotalSize"]
                after = self.usage(who)
                self.assertEqual((after[0] - before[0], after[1] - before[1]), (1, size))
                self.assertGreater(size, 100_000)
                self.assertEqual(self.good(who, "cat", cid), self.straight("cat", cid))
                self.assertIn(cid, self.good(who, "refs", root))
                self.assertIn("link", self.good(who, "dag", "get", root))
                self.good("owner", "pin", "rm", cid)  # the owner lets go: the wrapper holds it still
                self.direct.run("repo", "gc", "-q")
                self.assertTrue(self.is_here(cid))
                self.good(who, "pin", "rm", root)
                self.direct.run("repo", "gc", "-q")
                self.assertFalse(self.is_here(cid))

    def test_wrapping_what_the_peer_alone_has_fetches_it_with_the_right_and_not_without(self):
        cid = self.remote(100_000)
        root = self.wrap("held", cid)
        self.refused("held", "could not find", "pin", "add", root)
        for words in (("cat", cid), ("refs", "--recursive", root), ("dag", "export", "--progress=false", root), ("dag", "get", f"{root}/link")):
            with self.subTest(words):
                self.not_here("held", *words)
        self.assertFalse(self.is_here(cid))
        self.assertNotIn(root, self.own("held"))
        wrapped = self.wrap("farther", cid)
        self.good("farther", "pin", "add", wrapped)
        self.assertTrue(self.is_here(cid))

    def test_a_root_that_was_put_here_alone_fetches_nothing_below_it(self):
        """A member may put any block, also the root of what it has not."""
        cid = self.remote(600_000)
        leaves = self.straight("refs", cid, cli=self.far).splitlines()
        root = self.folder / "root.block"
        root.write_bytes(self.peer.ask(f"block/get?arg={cid}"))
        self.assertIn(cid, self.good("held", "block", "put", "--cid-codec=dag-pb", str(root)))
        for words in (("cat",), ("get", "-o", str(self.folder / "cut")), ("refs", "--recursive"), ("dag", "stat", "--progress=false"),
                      ("dag", "export", "--progress=false"), ("pin", "add"), ("pin", "add", "--progress")):
            with self.subTest(words):
                self.not_here("held", *words, cid)
                self.assertFalse([leaf for leaf in leaves if self.is_here(leaf)])
        for words in (("dag", "stat", "--progress=false"), ("refs", "--recursive"), ("dag", "export", "--progress=false")):
            with self.subTest(words, who="farther"):
                self.not_here("farther", *words, cid)
                self.assertFalse([leaf for leaf in leaves if self.is_here(leaf)])
        self.assertEqual(self.good("farther", "cat", cid), self.straight("cat", cid, cli=self.far))
        self.good("held", "pin", "add", cid)

    def test_importing_a_root_alone_claims_nothing_that_the_peer_has_below_it(self):
        cid = self.remote(600_000)
        block = self.peer.ask(f"block/get?arg={cid}")
        binary = bytes([1, 0x70, 0x12, 0x20]) + hashlib.sha256(block).digest()
        header = bytes.fromhex("a265726f6f747381d82a582500") + binary + bytes.fromhex("6776657273696f6e01")
        car = self.folder / "root.car"
        car.write_bytes(b"".join(varint(len(part)) + part for part in (header, binary + block)))
        self.assertIn("could not find", self.run_as("held", "dag", "import", str(car)).stderr)
        self.assertNotIn(cid, self.own("held"))
        leaves = self.straight("refs", cid, cli=self.far).splitlines()
        self.assertFalse([leaf for leaf in leaves if self.is_here(leaf)])
        self.good("farther", "dag", "import", str(car))
        self.assertIn(cid, self.own("farther"))

    # ---- the denylist

    def test_what_is_denied_is_neither_read_nor_uploaded(self):
        path, other = self.file(), self.file()
        cid = self.straight("add", "-Q", "--only-hash", "--cid-version=1", path)
        folder = self.straight("add", "-Q", "-w", "--pin=false", "--cid-version=1", other, path)
        members.ask_operators(self.relay, "/deny/add", cid=cid, reason="court order 7")
        for who in ("held", "farther"):
            with self.subTest(who):
                self.refused(who, "denylist (court order 7)", "cat", cid)
                self.refused(who, "denylist (court order 7)", "cat", f"/ipfs/{folder}/{pathlib.Path(path).name}")
                self.good(who, "cat", f"/ipfs/{folder}/{pathlib.Path(other).name}")
                self.refused(who, "denylist (court order 7)", "pin", "add", cid)
                self.assertIn("denylist (court order 7)", self.run_as(who, "add", "--cid-version=1", path).stderr)
                self.assertIn("denylist", self.run_as(who, "block", "put", "--pin", "--cid-codec=raw", path).stderr)
                self.assertNotIn(cid, self.own(who))
        members.ask_operators(self.relay, "/deny/remove", cid=cid)
        self.good("held", "add", "--cid-version=1", path)

    # ---- the life of a member

    def test_pins_of_who_left_the_policy_are_kept_and_given_away(self):
        policy = self.folder / "policy.yaml"
        text = policy.read_text()
        with_guest = text.replace("owner: {}}", "owner: {}, guest: {}, heir: {}}").replace('["member:held",', '["member:guest", "member:heir", "member:held",')
        reload = lambda: self.assertNotIn("message", members.ask_operators(self.relay, "/reload"))  # noqa: E731
        listed = lambda: {line["id"]: line for line in members.ask_operators(self.relay, "/member/list")["members"]}  # noqa: E731
        policy.write_text(with_guest)
        reload()
        self.tokens["guest"], self.tokens["heir"] = members.mint(self.relay, ["guest", "heir"])
        cids = [self.local() for _ in range(3)]
        self.good("guest", "pin", "add", "--name", "kept", *cids)
        self.good("heir", "pin", "add", cids[0])
        policy.write_text(with_guest.replace("guest: {}, ", "").replace('"member:guest", ', ""))
        reload()
        self.assertTrue(wait_for(lambda: listed()["guest"]["has_ownerless"] and listed()["guest"]["pins"] == 0, 10), listed())
        self.assertEqual(listed()["guest"]["state"], "gone")
        policy.write_text(with_guest)  # back: its own again
        reload()
        self.assertTrue(wait_for(lambda: not listed()["guest"]["has_ownerless"] and listed()["guest"]["pins"] == 3, 10), listed())
        self.assertTrue(set(cids) <= self.own("guest"))
        policy.write_text(with_guest.replace("guest: {}, ", "").replace('"member:guest", ', ""))
        reload()
        self.assertTrue(wait_for(lambda: listed()["guest"]["has_ownerless"], 10), listed())
        for cid in cids:
            self.good("owner", "pin", "rm", cid)
        self.direct.run("repo", "gc", "-q")
        self.assertTrue(all(self.is_here(cid) for cid in cids))
        moved = members.ask_operators(self.relay, "/member/transfer", **{"from": "guest", "to": "heir"})
        self.assertEqual((moved["moved"], moved["left"], moved["has_more"]), (3, [], False), moved)
        self.assertTrue(set(cids) <= self.own("heir"))
        self.assertNotIn("guest", listed())
        policy.write_text(text)
        reload()


class ReachOlderKubo(Reach):
    variable = "KUBO_0_39"


if __name__ == "__main__":
    unittest.main()
