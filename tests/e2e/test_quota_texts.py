# SPDX-License-Identifier: Apache-2.0
"""What the `ipfs` program and kubo-rpc-client show of a quota that refused or cut, before a real Kubo: the gateway's sentence."""

import json
import os
import pathlib
import subprocess
import unittest

from kit.kubo_case import KuboCase

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


class QuotaTexts(KuboCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubo = cls.start_kubo()
        cls.start_gateway(["asker", "sender", "taker"], policy=POLICY)
        (cls.folder / "large").write_bytes(os.urandom(SIZE))
        (cls.folder / "tree").mkdir()
        (cls.folder / "tree" / "a").write_text("a file\n")
        cls.large = cls.straight("add", "-Q", str(cls.folder / "large"))
        cls.tree = cls.straight("add", "-r", "-Q", str(cls.folder / "tree"))
        cls.block = cls.straight("block", "put", str(cls.folder / "tree" / "a"))

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
