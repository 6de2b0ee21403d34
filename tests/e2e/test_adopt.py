# SPDX-License-Identifier: Apache-2.0
"""`causeway pin ls|status|adopt` before a real Kubo: what others pinned gets an owner, and nothing is left when it goes."""

import json
import random
import unittest

from kit import settings
from kit.kubo_case import KuboCase


class Adopt(KuboCase):
    def setUp(self):
        self.random = random.Random(settings.seed())
        self.kubo = self.start_kubo()
        self.start_gateway(["alice", "bob"])

    def listed(self, *words):
        return [json.loads(line) for line in self.causeway("pin", "ls", "--json", *words).stdout.splitlines()]

    def put(self, *words, size=100_000):
        """Adds and pins at the node itself; the CID."""
        path = self.folder / f"file-{self.random.randrange(1 << 40)}"
        path.write_bytes(self.random.randbytes(size))
        return self.straight("add", "-Q", *words, str(path))

    def pinned(self, kind="recursive"):
        lines = self.kubo.ask(f"pin/ls?stream=true&names=true&type={kind}").splitlines()
        return {line["Cid"]: line.get("Name", "") for line in map(json.loads, lines)}

    def v1_of(self, cid):
        return self.straight("cid", "format", "-v", "1", "-b", "base32", cid)

    def test_both_forms_are_adopted_and_nothing_is_left_behind(self):
        before = self.pinned()
        v0, v1 = self.put("--cid-version=0"), self.put("--cid-version=1")
        done = self.causeway("pin", "adopt", v0, v1, "--owner", "member:alice")
        self.assertIn("2 adopted, 0 were this gateway's already, 0 failed", done.stdout)
        self.assertNotIn(v0, self.pinned())
        self.assertRegex(self.pinned()[self.v1_of(v0)], "^cw:")
        self.assertEqual(self.pinned()[v1], "")  # taken over as it is
        self.assertEqual({pin["cid"] for pin in self.listed("--owner", "member:alice")}, {self.v1_of(v0), v1})
        self.assertEqual(self.listed("--owner", "member:bob"), [])
        again = self.causeway("pin", "adopt", v0, "--owner", "member:bob")
        self.assertIn("0 adopted, 1 were this gateway's already", again.stdout)
        for cid in (v0, v1):
            self.good("alice", "pin", "rm", cid)
        self.assertEqual(self.pinned(), before)
        self.assertEqual(self.listed(), [])

    def test_all_of_them(self):
        foreign = [self.put(f"--cid-version={i % 2}", size=1000) for i in range(30)]
        direct = self.put("--pin=false", "--cid-version=1", size=1000)
        self.straight("pin", "add", "--recursive=false", direct)
        own = self.put("--pin=false", "--cid-version=1", size=1000)
        self.good("bob", "pin", "add", own)
        self.causeway("pin", "adopt", "--all", "--owner", "group:staff")
        listed = {pin["cid"]: pin for pin in self.listed("--owner", "group:staff")}
        self.assertLessEqual({self.v1_of(cid) for cid in foreign}, set(listed))
        self.assertEqual(listed[direct]["mode"], "direct")
        self.assertNotIn(own, listed)
        check = json.loads(self.causeway("ledger", "check", "--json").stdout)
        self.assertEqual((check["upstream"]["foreign"], check["upstream"]["unknown"], check["upstream"]["lost"]), (0, 0, 0))
        self.assertEqual(check["different_accounts"], 0)

    def test_status_has_the_word_of_the_ledger_and_of_the_storage(self):
        cid = self.put("--pin=false", "--cid-version=1")
        self.good("alice", "pin", "add", "--name", "a\u001bname", cid)
        self.good("bob", "pin", "add", "--recursive=false", cid)
        status = json.loads(self.causeway("pin", "status", cid, "--json").stdout)
        self.assertEqual(status["storage"], {"ours": "recursive", "foreign": "none", "foreign_v0": "none"})
        self.assertEqual({(pin["owner"], pin["mode"], pin["state"]) for pin in status["pins"]},
                         {("member:alice", "recursive", "pinned"), ("member:bob", "direct", "pinned")})
        self.assertEqual(status["ledger"]["bytes"], 100_000)
        by_id = json.loads(self.causeway("pin", "status", status["pins"][0]["id"], "--json").stdout)
        self.assertEqual(by_id["cid"], cid)
        text = self.causeway("pin", "status", cid).stdout
        self.assertIn("ours: recursive", text)
        self.assertNotIn("\u001b", text)
        unknown = self.put("--cid-version=0")
        text = self.causeway("pin", "status", unknown).stdout
        self.assertIn("ledger    does not know it", text)
        self.assertIn("in the v0 form: recursive", text)

    def test_what_cannot_be_adopted_is_named(self):
        cid = self.put("--pin=false", "--cid-version=1")
        done = self.causeway("pin", "adopt", cid, "--owner", "member:alice", status=1)
        self.assertIn(f"{cid}: the storage has no pin of it", done.stderr)
        self.assertIn("has no member 'carol'", self.causeway("pin", "adopt", cid, "--owner", "member:carol", status=1).stderr)
        self.assertIn("has no group 'crew'", self.causeway("pin", "adopt", cid, "--owner", "group:crew", status=1).stderr)
        self.assertIn("is no CID", self.causeway("pin", "adopt", "nonsense", "--owner", "member:alice", status=1).stderr)
        self.causeway("pin", "adopt", cid, status=2)
        self.assertIn("state: 'odd' is none", self.causeway("pin", "ls", "--state", "odd", status=1).stderr)

    def test_an_adoption_is_audited(self):
        cid = self.put("--cid-version=1")
        self.causeway("pin", "adopt", cid, "--owner", "member:alice")
        self.causeway("pin", "ls")
        self.causeway("pin", "status", cid)
        lines = [json.loads(line) for line in (self.relay.folder / "data" / "audit.log").read_text().splitlines()]
        self.assertEqual([(line["command"], line["arguments"]) for line in lines if line.get("command", "").startswith("pin/")],
                         [("pin/adopt", ["member:alice", cid])])


if __name__ == "__main__":
    unittest.main()
