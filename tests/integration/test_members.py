# SPDX-License-Identifier: Apache-2.0
"""Members with tokens and a policy: exactly their commands, and a sentence for every refusal."""

import json
import threading
import time
import urllib.request

from kit import settings
from kit.client import Client, upload_head
from kit.process import wait_for
from member_case import POLICY, MemberCase
from rpc_case import CID

CAT = f"/api/v0/cat?arg={CID}"
PIN = f"/api/v0/pin/add?arg={CID}"


class Members(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()

    def test_each_may_do_what_its_roles_allow(self):
        reader, writer, chief = (self.token(member) for member in ("reader", "writer", "chief"))
        table = [
            ("/api/v0/version", reader, 200), ("/api/v0/version", writer, 200),
            (CAT, reader, 200), (CAT, writer, 200), (CAT, chief, 200),
            (PIN, reader, 403), (PIN, writer, 200), (PIN, chief, 200),
            ("/api/v0/key/ls", writer, 403), ("/api/v0/key/ls", chief, 200),
            ("/api/v0/config/show", chief, 403),
        ]
        for target, token, status in table:
            with self.subTest(target, status=status):
                self.assertEqual(self.ask_as(token, target).status, status)

    def test_nobody_is_asked_for_a_credential(self):
        reply = self.ask(PIN)
        self.assert_refused(reply, 401)
        self.assertEqual(reply.get("www-authenticate"), "Bearer")
        self.assert_nothing_went_upstream()

    def test_version_is_answered_to_everybody(self):
        reply = self.ask("/api/v0/version")
        self.assertEqual(reply.status, 200)
        self.assertIn("Version", json.loads(reply.text()))

    def test_a_refusal_names_command_and_member(self):
        self.assert_refused(self.ask_as(self.token("reader"), PIN), 403, "pin/add", "reader")

    def test_permission_comes_before_whatever_is_wrong_with_a_call(self):
        """Who may not use a command learns that and nothing else; who may, or may under a condition, what is wrong."""
        self.start_with_policy(POLICY + "rules:\n  - {id: named, to: [member:writer], deny: [pin/ls], unless: opt.names}\n")
        reader, writer = self.token("reader"), self.token("writer")
        for target in ("pin/add", "pin/add?arg=QmNoCid", f"pin/add?arg={CID}&arg=%zz", f"pin/add?arg={CID}&recursive=maybe", "pin/ls?type=a&type=b"):
            with self.subTest(target):
                self.assert_refused(self.ask_as(reader, f"/api/v0/{target}"), 403, target.partition("?")[0])
                self.assert_refused(self.ask(f"/api/v0/{target}"), 401)
                self.assertIn(self.ask_as(writer, f"/api/v0/{target}").status, (400, 500))
        self.assert_refused(self.ask_as(writer, "/api/v0/repo/gc?timeout=soon"), 403)
        self.assert_refused(self.ask_as(writer, "/api/v0/nothing?timeout=soon"), 404)
        self.assert_nothing_went_upstream()
        denied = lambda: [line for line in self.audit() if line["command"] == "pin/add" and line["decision"] == "deny"]  # noqa: E731
        self.assertTrue(wait_for(lambda: len(denied()) == 8, 3), denied())

    def test_every_form_of_the_credential_is_taken(self):
        token = self.token("reader")
        identity, secret = token.split("_")[1:]
        for header in (f"Authorization: Bearer {token}", f"authorization: bearer {token}", self.basic(identity, secret),
                       self.basic("reader", token)):
            with self.subTest(header[:24]):
                self.assertEqual(self.ask(CAT, header).status, 200)

    def test_what_is_no_good_credential_is_401_and_sounds_the_same(self):
        token = self.token("reader")
        changed = token[:-1] + ("a" if token[-1] != "a" else "b")
        bad = ["Authorization: Bearer " + changed, "Authorization: Bearer cw1_aaaaaaaaaa_" + "a" * 52, "Authorization: Bearer",
               "Authorization: Bearer x", "Authorization: Basic !!!", "Authorization: Digest x", self.basic("writer", token),
               "Authorization: Bearer " + token.upper()]
        texts = set()
        for header in bad:
            with self.subTest(header[:30]):
                reply = self.ask(CAT, header)
                texts.add(self.assert_refused(reply, 401)["Message"])
                self.assertEqual(reply.get("www-authenticate"), "Bearer")
        self.assertEqual(len(texts), 1)
        self.assert_nothing_went_upstream()

    def test_two_credentials_are_refused(self):
        token = self.token("reader")
        self.assert_refused(self.ask(CAT, f"Authorization: Bearer {token}", f"Authorization: Bearer {token}"), 400)

    def test_guessing_is_slowed_and_a_valid_token_is_not(self):
        token = self.token("reader")
        replies = [self.ask(CAT, "Authorization: Bearer cw1_aaaaaaaaaa_" + "b" * 52) for _ in range(30)]
        self.assertIn(429, {reply.status for reply in replies})
        slowed = next(reply for reply in replies if reply.status == 429)
        self.assertGreater(int(slowed.get("retry-after")), 0)
        self.assertEqual(self.ask_as(token, CAT).status, 200)

    def test_a_token_narrowed_to_a_role_does_no_more(self):
        token = self.token("writer", "--roles", "reader")
        self.assertEqual(self.ask_as(token, CAT).status, 200)
        self.assertEqual(self.ask_as(token, PIN).status, 403)

    def test_a_revoked_token_ends(self):
        token = self.token("reader")
        self.assertEqual(self.ask_as(token, CAT).status, 200)
        self.command("token", "revoke", token.split("_")[1])
        self.assertEqual(self.ask_as(token, CAT).status, 401)

    def test_the_secret_is_nowhere_but_with_the_member(self):
        token = self.token("reader")
        self.ask_as(token, CAT)
        secret = token.split("_")[2].encode()
        time.sleep(0.3)
        for path in self.gateway.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret, path.read_bytes(), path)

    def test_whoami_says_who_the_credential_is(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.port}/causeway/v1/whoami",
                                         headers={"Authorization": f"Bearer {self.token('writer')}"})
        answer = json.loads(urllib.request.urlopen(request, timeout=5).read())
        self.assertEqual((answer["kind"], answer["id"], answer["groups"]), ("member", "writer", ["writers"]))
        self.assertIn("pin/add", answer["commands"])
        self.assertNotIn("key/gen", answer["commands"])

    def test_operators_are_told_of_members_and_roles_that_are_none(self):
        for words in (("raeder",), ("reader", "--roles", "raeder")):
            result = self.command("token", "new", *words, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn("raeder", result.stderr)

    def test_what_operators_do_is_in_the_audit_log_without_secrets(self):
        token = self.token("reader")
        self.command("token", "revoke", token.split("_")[1])
        self.assertTrue(wait_for(lambda: len(self.audit()) == 2, 3))
        self.assertEqual([(line["principal"]["kind"], line["command"]) for line in self.audit()],
                         [("operator", "token/new"), ("operator", "token/revoke")])

    def test_the_audit_log_has_refusals_and_changes_and_holds_together(self):
        reader, writer = self.token("reader"), self.token("writer")
        self.ask_as(reader, PIN)
        self.ask_as(writer, PIN)
        self.ask_as(reader, CAT)
        self.assertTrue(wait_for(lambda: len([line for line in self.audit() if line.get("command") == "pin/add"]) == 2, 3))
        decisions = [(line["decision"], line["command"]) for line in self.audit() if line.get("command") == "pin/add"]
        self.assertEqual(decisions, [("deny", "pin/add"), ("allow", "pin/add")])
        self.assertEqual(self.command("audit", "verify").returncode, 0)


class Reloads(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()

    @staticmethod
    def begun_upload(token):
        """An upload whose client goes silent in the middle."""
        return upload_head("Content-Length: 1000000", f"Authorization: Bearer {token}") + b"--rig\r\n"

    def in_force(self):
        return json.loads(self.command("status", "--json").stdout)["policy"]["version"]

    def test_a_saved_policy_comes_into_force(self):
        token = self.token("reader")
        self.assertEqual(self.ask_as(token, PIN).status, 403)
        self.policy_path.write_text(POLICY.replace("groups: [readers]", "groups: [writers]").replace(
            "as: reader, call: \"add\", expect: deny", "as: reader, call: \"add\", expect: allow"))
        self.assertTrue(wait_for(lambda: self.ask_as(token, PIN).status == 200, 5))

    def test_a_policy_with_a_mistake_changes_nothing_and_is_told(self):
        token = self.token("reader")
        self.policy_path.write_text(POLICY.replace("inherits: [reader]", "inherits: [raeder]"))
        result = self.command("reload", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("policy.yaml:10:23", result.stderr)
        self.assertIn("reader", result.stderr)
        self.assertEqual(self.ask_as(token, CAT).status, 200)
        self.assertIn("raeder", json.loads(self.command("status", "--json").stdout)["fault"])

    def test_a_policy_that_fails_its_own_tests_is_refused(self):
        self.policy_path.write_text(POLICY.replace("expect: deny", "expect: allow"))
        self.assertEqual(self.command("reload", check=False).returncode, 1)

    def test_reloads_under_load_fail_nothing_and_mix_nothing(self):
        """Two policies in turn: every answer is one of theirs, none an error."""
        token = self.token("reader")
        other = POLICY.replace("  reader: {groups: [readers]}", "  reader: {groups: [writers]}").replace("expect: deny", "expect: allow")
        statuses, stop = [], threading.Event()

        def ask_on():
            with Client(self.gateway.port) as client:
                while not stop.is_set():
                    client.send(f"POST {PIN} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                                "Content-Length: 0\r\n\r\n".encode())
                    statuses.append(client.reply().status)

        threads = [threading.Thread(target=ask_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(10):
            self.policy_path.write_text(other if i % 2 == 0 else POLICY)
            self.command("reload", check=False)  # the watch may have been first: then one is under way
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200, 403})

    def test_rollback_holds_until_the_files_change(self):
        token = self.token("reader")
        self.policy_path.write_text(POLICY.replace("  reader: {groups: [readers]}", "  reader: {groups: [chiefs]}").replace(
            "expect: deny", "expect: allow"))
        self.assertTrue(wait_for(lambda: self.ask_as(token, PIN).status == 200, 5))
        self.command("policy", "rollback", "1")
        self.assertEqual(self.in_force(), 1)
        self.assertEqual(self.ask_as(token, PIN).status, 403)
        self.command("reload")
        self.assertEqual(self.in_force(), 1)
        self.policy_path.write_text(POLICY + "\n# changed\n")
        self.assertTrue(wait_for(lambda: self.in_force() == 3, 5))

    def test_an_upload_on_a_revoked_token_is_cut_within_two_seconds(self):
        token = self.token("writer")
        with Client(self.gateway.port) as client:
            client.send(self.begun_upload(token))
            time.sleep(0.3)
            self.command("token", "revoke", token.split("_")[1])
            start = time.monotonic()
            reply = client.reply()
            self.assertLess(time.monotonic() - start, settings.within(2.5))
            self.assertEqual(reply.status, 401)

    def test_what_a_member_runs_is_cut_when_it_leaves_the_policy(self):
        token = self.token("writer")
        with Client(self.gateway.port) as client:
            client.send(self.begun_upload(token))
            time.sleep(0.3)
            self.policy_path.write_text("\n".join(line for line in POLICY.splitlines() if not line.startswith("  writer: {groups")
                                                  and "as: writer" not in line) + "\n")
            reply = client.reply()
            self.assertEqual(reply.status, 401)
        self.assertIn(self.ask_as(token, CAT).status, (401, 403))
