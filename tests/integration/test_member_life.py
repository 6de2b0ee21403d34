# SPDX-License-Identifier: Apache-2.0
"""Members are suspended, resumed, removed: what they run is cut, what they own is not touched."""

import json
import time

from kit import settings
from kit.client import Client, upload_head
from kit.process import wait_for
from member_case import POLICY, MemberCase
from rpc_case import CID

CAT = f"/api/v0/cat?arg={CID}"


class MemberLife(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()

    def listed(self):
        return {line["id"]: line for line in map(json.loads, self.command("member", "list", "--json").stdout.splitlines())}

    def test_a_suspended_member_is_told_so_and_nobody_else(self):
        tokens = [self.token("writer"), self.token("writer")]
        other = self.token("reader")
        self.command("member", "suspend", "writer", "--reason", "left the keys on the bus")
        for token in tokens:
            self.assert_refused(self.ask_as(token, CAT), 403, "suspended")
            self.assertEqual(self.ask_as(token, "/causeway/v1/whoami", method="GET").status, 403)
        self.assertEqual(self.ask_as(other, CAT).status, 200)
        wrong = tokens[0][:-1] + ("a" if tokens[0][-1] != "a" else "b")
        self.assertEqual(self.ask_as(wrong, CAT).status, 401)
        listed = self.listed()
        self.assertEqual((listed["writer"]["state"], listed["writer"]["reason"]), ("suspended", "left the keys on the bus"))
        self.assertEqual(listed["reader"]["state"], "active")
        self.assert_refused(self.ask_as(self.token("writer"), CAT), 403, "suspended")  # a new token, too
        self.command("member", "resume", "writer")
        self.assertEqual(self.ask_as(tokens[0], CAT).status, 200)
        self.assertEqual(self.listed()["writer"]["state"], "active")

    def test_what_a_suspended_member_runs_is_cut_within_two_seconds(self):
        token = self.token("writer")
        with Client(self.gateway.port) as client:
            client.send(upload_head("Transfer-Encoding: chunked", f"Authorization: Bearer {token}"))
            client.send(b"1\r\nx\r\n")
            time.sleep(0.3)
            self.command("member", "suspend", "writer")
            began = time.monotonic()
            self.assertEqual(client.reply().status, 403)
            self.assertLess(time.monotonic() - began, settings.within(2.5))

    def test_a_suspension_outlives_a_reload_and_is_recorded(self):
        token = self.token("writer")
        self.command("member", "suspend", "writer", "--reason", "why")
        self.command("reload")
        self.assert_refused(self.ask_as(token, CAT), 403, "suspended")
        lines = lambda: [line for line in self.audit() if line["command"] == "member/suspend"]  # noqa: E731
        self.assertTrue(wait_for(lines, 3))
        self.assertEqual(lines()[0]["arguments"], ["writer"])
        self.assertIn(["reason", "why"], lines()[0]["options"])

    def test_a_name_that_is_no_member_is_refused(self):
        for words in (("suspend", "nobody"), ("resume", "writer"), ("remove", "nobody"), ("transfer", "writer", "nobody"),
                      ("transfer", "writer", "writer"), ("transfer", "writer", "group:none")):
            with self.subTest(words):
                self.assertEqual(self.command("member", *words, check=False).returncode, 1)

    def test_removing_ends_every_token_and_says_what_is_left_to_do(self):
        tokens = [self.token("writer") for _ in range(3)]
        self.command("token", "revoke", tokens[0])
        said = self.command("member", "remove", "writer").stdout
        self.assertIn("2 tokens", said)
        self.assertIn("policy.yaml:5", said)
        for token in tokens:
            self.assertEqual(self.ask_as(token, CAT).status, 401)
        self.policy_path.write_text(POLICY.replace("  writer: {groups: [writers]}\n", "").replace("  - {as: writer, call: \"add\", expect: allow}\n", ""))
        self.command("reload")
        self.assertNotIn("writer", self.listed())
        self.assertEqual(self.command("member", "remove", "writer").returncode, 0)
