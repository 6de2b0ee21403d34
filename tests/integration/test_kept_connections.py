# SPDX-License-Identifier: Apache-2.0
"""Many requests on one connection: what its credential was taken for before counts no longer than it may. And credentials
that several workers see."""

import time
import unittest

from kit.client import Client, post
from kit.process import wait_for
from member_case import POLICY, MemberCase
from rpc_case import CID

CAT = f"/api/v0/cat?arg={CID}"
PIN = f"/api/v0/pin/add?arg={CID}"


class KeptConnections(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()
        self.client = Client(self.gateway.port)
        self.addCleanup(self.client.close)

    def status(self, token, target=CAT):
        return self.client.ask(post(target, f"Authorization: Bearer {token}")).status

    def test_a_revoked_token_is_refused_at_once(self):
        token = self.token("reader")
        self.assertEqual([self.status(token) for _ in range(3)], [200] * 3)
        self.command("token", "revoke", token.split("_")[1])
        self.assertEqual(self.status(token), 401)

    def test_another_members_token_is_taken_for_its_own(self):
        reader, writer = self.token("reader"), self.token("writer")
        for _ in range(2):
            self.assertEqual([self.status(reader, PIN), self.status(writer, PIN)], [403, 200])

    def test_a_wrong_secret_is_refused_behind_a_good_one(self):
        token = self.token("reader")
        self.assertEqual(self.status(token), 200)
        self.assertEqual(self.status(token[:-2] + ("ba" if token[-2] == "a" else "aa")), 401)
        self.assertEqual(self.status(token), 200)

    def test_no_credential_is_nobody_behind_a_good_one(self):
        self.assertEqual(self.status(self.token("reader")), 200)
        self.assertEqual(self.client.ask(post(CAT)).status, 401)

    def test_an_old_secret_ends_with_its_grace(self):
        token = self.token("reader")
        self.assertEqual(self.status(token), 200)
        new = self.command("token", "rotate", token.split("_")[1], "--grace", "2s").stdout
        self.assertEqual(self.status(token), 200)
        self.assertTrue(wait_for(lambda: self.status(token) == 401, 4))
        self.assertEqual(self.status(next(word for word in new.split() if word.startswith("cw1_"))), 200)

    def test_a_new_policy_counts_for_the_next_request(self):
        token = self.token("reader")
        self.assertEqual(self.status(token, PIN), 403)
        self.policy_path.write_text(POLICY.partition("tests:")[0].replace("reader: {groups: [readers]}", "reader: {groups: [writers]}"))
        self.assertTrue(wait_for(lambda: self.status(token, PIN) == 200, 5))

    def test_a_token_that_expires_is_refused_from_then_on(self):
        token = self.token("reader", "--expires-in", "2s")
        self.assertEqual(self.status(token), 200)
        time.sleep(2.1)
        self.assertEqual(self.status(token), 401)


class SeveralWorkers(MemberCase):
    def test_guessing_counts_once_for_all_workers(self):
        """Each connection is of the worker that the kernel chose for it."""
        self.start_with_policy(workers=4)
        token = self.token("reader")
        wrong = "Authorization: Bearer cw1_aaaaaaaaaa_" + "b" * 52
        statuses = [self.ask(CAT, wrong).status for _ in range(40)]
        self.assertEqual(sorted(set(statuses)), [401, 429])
        self.assertLessEqual(statuses.count(401), 12)  # ten, and what leaks away meanwhile
        self.assertEqual(self.ask_as(token, CAT).status, 200)


if __name__ == "__main__":
    unittest.main()
