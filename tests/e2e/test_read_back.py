# SPDX-License-Identifier: Apache-2.0
"""What an organization has lost is brought back from its partner by whoever reads it: by name, below a path, with a denylist in force."""

import random

from kit.organizations import EMBEDDED, KUBO, OrganizationsCase
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
