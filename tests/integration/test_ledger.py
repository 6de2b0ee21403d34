# SPDX-License-Identifier: Apache-2.0
"""`causeway ledger check|backup|restore`: beside a gateway that runs, and without one."""

import json
import os
import stat
import unittest

from member_case import MemberCase


class Ledger(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()
        self.data = self.gateway.folder / "data"
        self.file = self.folder / "backup.db"

    def check(self):
        return json.loads(self.command("ledger", "check", "--json").stdout)

    def test_a_running_gateways_ledger_is_checked_and_copied(self):
        token = self.token("writer")
        self.assertEqual((self.check()["faults"], self.check()["different_accounts"]), (0, 0))
        self.assertIn("file          whole", self.command("ledger", "check").stdout)
        done = self.command("ledger", "backup", str(self.file))
        self.assertIn(str(self.file), done.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        again = self.command("ledger", "backup", str(self.file), check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is there already", again.stderr)
        self.assertEqual(self.ask_as(token, "/api/v0/version").status, 200)

    def test_a_backup_is_audited_and_a_check_is_not(self):
        self.command("ledger", "check")
        self.command("ledger", "backup", str(self.file))
        self.gateway.stop()
        lines = [line for line in self.audit() if line["command"].startswith("ledger/")]
        self.assertEqual([(line["command"], line["arguments"]) for line in lines], [("ledger/backup", [str(self.file)])])

    def test_a_restore_waits_for_the_gateway_to_end_and_lets_nobody_in_again(self):
        token = self.token("writer")
        token_id = token.split("_")[1]
        self.command("ledger", "backup", str(self.file))
        uuid = self.check()["uuid"]
        refused = self.command("ledger", "restore", str(self.file), check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stop that gateway first", refused.stderr)
        self.command("token", "revoke", token_id)
        self.gateway.stop()
        done = json.loads(self.command("ledger", "restore", str(self.file), "--json").stdout)
        self.assertTrue(done["carried_over"])
        self.assertTrue(os.path.exists(done["kept"]))
        found = self.check()
        self.assertEqual((found["uuid"], found["faults"]), (uuid, 0))
        self.assertIsNotNone(found["restored"])

    def test_a_ledger_that_is_damaged_is_named_as_such(self):
        self.gateway.stop()
        with open(self.data / "ledger.db", "r+b") as ledger:
            ledger.write(b"Z" * 200)
        done = self.command("ledger", "check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("it is damaged, or no ledger", done.stderr)


if __name__ == "__main__":
    unittest.main()
