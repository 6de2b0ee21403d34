# SPDX-License-Identifier: Apache-2.0
"""What the `ipfs` program and kubo-rpc-client show of a quota that refused or cut, before a real Kubo: the gateway's sentence."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from kit import kubo, members, relay, settings

POLICY = """\
version: 1
org: lab.example
groups: {asks: {}, sends: {}, takes: {}}
members: {asker: {groups: [asks]}, sender: {groups: [sends]}, taker: {groups: [takes]}}
roles: {all: {allow: ["**"]}}
bind: [{to: "member:*", roles: [all]}]
quotas:
  - {id: asks, scope: "group:asks", requests: {rate: 1/d, burst: 1}}
  - {id: sends, scope: "group:sends", upload: {bytes: 100kB, per: 1h}}
  - {id: takes, scope: "group:takes", egress: {bytes: 300kB, per: 1h}}
"""
SIZE = 400 * 1000


class QuotaTexts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = settings.target() != "causeway" and f"not for {settings.target()}" or relay.why_not() or kubo.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        (cls.folder / "policy.yaml").write_text(POLICY)
        cls.kubo = kubo.Kubo(cls.folder)
        cls.addClassCleanup(cls.kubo.stop)
        cls.relay = relay.start(cls.folder, cls.kubo.port, more=f"org: lab.example\npolicy: {cls.folder}/policy.yaml")
        cls.addClassCleanup(cls.relay.stop)
        cls.cli = kubo.Cli(cls.folder, cls.relay.port)
        names = ["asker", "sender", "taker"]
        cls.tokens = dict(zip(names, members.mint(cls.relay, names)))
        (cls.folder / "large").write_bytes(os.urandom(SIZE))
        (cls.folder / "tree").mkdir()
        (cls.folder / "tree" / "a").write_text("a file\n")
        direct = kubo.Cli(cls.folder, cls.kubo.port)
        cls.large = direct.run("add", "-Q", str(cls.folder / "large")).stdout.strip()
        cls.tree = direct.run("add", "-r", "-Q", str(cls.folder / "tree")).stdout.strip()
        cls.block = direct.run("block", "put", str(cls.folder / "tree" / "a")).stdout.strip()

    def run_as(self, who, *words):
        return self.cli.run("--api-auth", f"bearer:{self.tokens[who]}", *words, timeout=60, errors="replace")

    def lines_of(self, who):
        """What came of each of the client's calls."""
        client = os.environ.get("KUBO_RPC_CLIENT")
        if not client:
            self.skipTest("no kubo-rpc-client: set KUBO_RPC_CLIENT, or run through tests/run")
        script = pathlib.Path(__file__).with_name("roles.mjs")
        done = subprocess.run(["node", script, client, f"http://127.0.0.1:{self.relay.port}", f"Bearer {self.tokens[who]}", self.tree,
                               self.block, "name"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_too_many_requests(self):
        self.run_as("asker", "cat", f"{self.tree}/a")
        done = self.run_as("asker", "cat", f"{self.tree}/a")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^Error: too many requests: the quota asks \(policy.yaml:8\) allows group asks 1 per 1d, 1 at once, and they are "
                                      r"used up; try again in 24 hours, or ask whoever runs this gateway for more\n$")
        self.assertEqual(self.run_as("asker", "version").returncode, 0)
        refused = [line for line in self.lines_of("asker") if "too many requests: the quota asks" in line]
        self.assertGreater(len(refused), 20)

    def test_an_upload_that_does_not_fit(self):
        (self.folder / "other").write_bytes(os.urandom(SIZE))
        before = self.kubo.ask("pin/ls?type=recursive")
        done = self.run_as("sender", "add", "-Q", str(self.folder / "other"))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("the quota sends (policy.yaml:9) allows group sends 100000 B of upload per 1h", done.stderr)
        self.assertNotIn("{", done.stderr)
        self.assertEqual(self.kubo.ask("pin/ls?type=recursive"), before)
        lines = {line["call"]: line for line in map(json.loads, self.lines_of("sender"))}
        self.assertIn("the quota sends", lines["add"].get("message", ""))
        self.assertEqual(lines["add"]["status"], 429)

    def test_a_download_that_does_not_fit_ends_with_an_error(self):
        done = self.run_as("taker", "cat", self.large)
        self.assertEqual(done.returncode, 1)
        self.assertLessEqual(len(done.stdout), 300000)
        self.assertNotEqual(done.stderr, "")
        again = self.run_as("taker", "cat", self.large)
        self.assertIn("the quota takes (policy.yaml:10) allows group takes 300000 B of downloads per 1h, and 300000 B are used", again.stderr)


if __name__ == "__main__":
    unittest.main()
