# SPDX-License-Identifier: Apache-2.0
"""The ledger of a linked gateway is restored from a backup: what ended stays ended, and the rest is isolated until both agree."""

import json
import unittest

from kit.link_gateway import link_two
from kit.process import wait_for
from link_case import LinkCase


class Restores(LinkCase):
    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(self.alpha, self.beta)
        self.backup = self.folder / "backup.db"

    def alpha_does(self, *words) -> str:
        status, text = self.alpha.command(*words)
        self.assertEqual(status, 0, text)
        return text

    def restore(self) -> dict:
        self.alpha.stop()
        restored = json.loads(self.alpha_does("ledger", "restore", str(self.backup), "--json"))
        self.alpha.start()
        return restored

    def test_restored_link_is_isolated_and_active_again_once_both_agree(self):
        self.alpha_does("ledger", "backup", str(self.backup))
        before = self.alpha.show("beta")["numbers"]["incarnation_here"]
        restored = self.restore()
        self.assertEqual((restored["links"], restored["carried_over"]), (1, True))
        self.assertTrue(wait_for(lambda: "restored from a backup" in self.beta.log_text(), 45), self.beta.log_text()[-2000:])
        self.assertEqual(self.alpha.wait_state("beta", "active", seconds=60), "active", self.alpha.log_text()[-3000:])
        self.assertEqual(self.beta.wait_state("alpha", "active", seconds=60), "active", self.beta.log_text()[-3000:])
        self.assertNotEqual(self.alpha.show("beta")["numbers"]["incarnation_here"], before)
        self.assertIn("isolated", [event["to"] for event in self.alpha.show("beta")["history"]])

    def test_link_that_was_revoked_since_the_backup_stays_revoked(self):
        self.alpha_does("ledger", "backup", str(self.backup))
        self.alpha.link("revoke", "beta")
        self.assertEqual(self.beta.wait_state("alpha", "revoked", seconds=15), "revoked")
        self.restore()
        self.assertIn(self.alpha.state("beta"), ("revoking", "revoked"))
        check = json.loads(self.alpha_does("ledger", "check", "--json"))
        self.assertEqual((check["links"], check["allocations"]), (1, 0))
        self.assertEqual(self.alpha.wait_state("beta", "revoked", seconds=30), "revoked")
        self.assertEqual(self.beta.state("alpha"), "revoked")


if __name__ == "__main__":
    unittest.main()
