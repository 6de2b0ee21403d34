# SPDX-License-Identifier: Apache-2.0
"""What an organization has lost is brought back from its partner by whoever reads it: by name, below a path, with a denylist in force."""

import random
import subprocess

from kit.organizations import EMBEDDED, KUBO, OrganizationsCase, difference, make_tree
from kit.process import wait_for
from kit.settings import MIB, seed


class ReadBack(OrganizationsCase):
    storage = EMBEDDED

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_organization("alpha", self.storage), self.start_organization("beta", EMBEDDED)
        self.link_all()
        self.alpha.agree(["beta"], copies=2)
        self.beta.agree(["alpha"])
        self.content = random.Random(seed()).randbytes(2 * MIB)
        folder = self.work / "tree" / "below"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(self.content)
        (folder / "other").write_bytes(b"another one")
        self.cid = self.alpha.ipfs("add", "-r", "-Q", "--cid-version=1", str(folder.parent))
        self.alpha.wait_state(self.cid, "beta", "placed")

    def cat(self, path):
        out = self.work / "out"
        done = self.alpha.try_ipfs("get", "-o", str(out), path)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{self.evidence()}")
        self.assertEqual(out.read_bytes(), self.content)
        out.unlink()

    def assert_pinned(self):
        self.assertTrue(wait_for(lambda: self.alpha.pins().get(self.cid, "").startswith("cw:"), 30, 0.2), self.evidence())


class ReadBackEmbedded(ReadBack):
    def test_below_what_is_missing_with_a_denylist(self):
        """From its first entry on, where a path leads to is looked at before it is read."""
        denied = self.alpha.ipfs("resolve", f"/ipfs/{self.cid}/below/other").removeprefix("/ipfs/")
        self.alpha.command("deny", "add", denied)
        self.alpha.lose_storage()
        self.alpha.gateway.wait_state("beta", "active")
        self.cat(f"/ipfs/{self.cid}/below/file")
        self.assert_pinned()
        done = self.alpha.try_ipfs("cat", f"/ipfs/{self.cid}/below/other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("denylist", done.stderr)

    def test_what_nobody_has_is_said_as_the_storage_does(self):
        self.alpha.command("deny", "add", "bafkqaaa")
        done = self.alpha.try_ipfs("cat", "/ipfs/bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/below")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("could not find", done.stderr)


class ReadBackKubo(ReadBack):
    storage = KUBO

    def lose_blocks(self):
        """Names stay: only what they stand for is gone."""
        node = self.alpha.node.kubo
        node.ask(f"pin/rm?arg={self.cid}")
        node.ask("repo/gc")

    def test_below_a_name_of_what_is_missing(self):
        node = self.alpha.node.kubo
        name = self.alpha.node.lines(f"name/publish?arg=/ipfs/{self.cid}&allow-offline=true&offline=true")[0]["Name"]
        self.lose_blocks()
        self.cat(f"/ipns/{name}/below/file")
        self.assert_pinned()
        self.assertTrue(node.ask(f"block/stat?arg={self.cid}&offline=true"))

    def test_below_what_is_missing_with_a_denylist(self):
        self.alpha.command("deny", "add", "bafkqaaa")
        self.lose_blocks()
        self.cat(f"/ipfs/{self.cid}/below/file")
        self.assert_pinned()


class Streams(OrganizationsCase):
    """The embedded node goes on with its reply as what it lacks arrives; nobody waits for the whole."""

    SIZE = 32 * MIB

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_organization("alpha", EMBEDDED), self.start_organization("beta", EMBEDDED)
        self.link_all()
        self.alpha.agree(["beta"], copies=2)
        self.beta.agree(["alpha"])
        self.content = random.Random(seed()).randbytes(self.SIZE)
        (self.work / "file").write_bytes(self.content)
        self.cid = self.alpha.ipfs("add", "-Q", "--cid-version=1", str(self.work / "file"))
        self.alpha.wait_state(self.cid, "beta", "placed")
        self.alpha.lose_storage()
        self.alpha.gateway.wait_state("beta", "active")
        self.beta.command("link", "limit", "alpha", "--bandwidth", "3MiB")

    def begin(self):
        reader = self.alpha.member.popen(*self.alpha._auth, "cat", self.cid, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(reader.kill)
        first = reader.stdout.read(MIB)
        self.assertEqual(first, self.content[:MIB], self.evidence())
        self.assertLess(self.alpha.moved("in"), self.SIZE * 3 // 4)
        return reader

    def test_the_reply_begins_before_all_is_there(self):
        reader = self.begin()
        self.beta.command("link", "limit", "alpha", "--bandwidth", "none")
        rest, errors = reader.communicate(timeout=120)
        self.assertEqual((reader.returncode, rest == self.content[MIB:]), (0, True), f"{errors}\n{self.evidence()}")
        self.assertTrue(wait_for(lambda: self.alpha.pins().get(self.cid, "").startswith("cw:"), 30, 0.2), self.evidence())

    def test_what_does_not_come_any_more_cuts_the_reply(self):
        """And the next read goes on with what had come."""
        reader = self.begin()
        self.beta.kill_gateway()
        rest, errors = reader.communicate(timeout=120)
        self.assertNotEqual(reader.returncode, 0, self.evidence())
        self.assertLess(len(rest), self.SIZE - MIB)
        self.assertEqual(rest, self.content[MIB:MIB + len(rest)])
        self.assertRegex(errors, b"Error: a block of what this reads is missing here.*partner", self.evidence())
        self.beta.gateway.start()
        self.alpha.gateway.wait_state("beta", "active")
        self.beta.command("link", "limit", "alpha", "--bandwidth", "none")
        before = self.alpha.moved("in")
        again = self.alpha.member.popen(*self.alpha._auth, "cat", self.cid, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        whole, errors = again.communicate(timeout=120)
        self.assertEqual(whole == self.content, True, f"{len(whole)} {errors}\n{self.evidence()}")
        self.assertLess(self.alpha.moved("in") - before, self.SIZE)

    def test_a_tree_is_unpacked_while_it_comes(self):
        """Its directory is sharded: shards are waited for, too."""
        self.beta.command("link", "limit", "alpha", "--bandwidth", "none")
        tree, back = make_tree(self.work / "tree", 300, self.SIZE // 2, seed()), self.work / "back"
        cid = self.alpha.ipfs("add", "-r", "-Q", "--cid-version=1", "--max-directory-links=8", "--max-hamt-fanout=8", str(tree))
        self.alpha.wait_state(cid, "beta", "placed")
        self.alpha.lose_storage()
        self.alpha.gateway.wait_state("beta", "active")
        self.beta.command("link", "limit", "alpha", "--bandwidth", "3MiB")
        before = self.alpha.moved("in")
        reader = self.alpha.member.popen(*self.alpha._auth, "get", "-o", str(back), cid, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE)
        self.addCleanup(reader.kill)
        self.assertTrue(wait_for(lambda: sum(path.is_file() for path in back.rglob("*")) > 5, 30), self.evidence())
        self.assertLess(self.alpha.moved("in") - before, self.SIZE * 3 // 8)
        self.beta.command("link", "limit", "alpha", "--bandwidth", "none")
        errors = reader.communicate(timeout=120)[1]
        self.assertEqual(reader.returncode, 0, f"{errors}\n{self.evidence()}")
        self.assertEqual(difference(tree, back), [])
