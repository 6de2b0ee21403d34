# SPDX-License-Identifier: Apache-2.0
"""Members who show a certificate instead of a token."""

import json
import subprocess

from kit import tls
from member_case import POLICY, MemberCase

NAME = "uri:spiffe://lab.example/ci"
WITH_ROBOT = POLICY.replace("members:\n", f'members:\n  robot: {{groups: [writers], attributes: {{certificate: "{NAME}"}}}}\n')


class Certificates(MemberCase):
    def setUp(self):
        super().setUp()
        self.authority = tls.Authority(self.folder / "ca")
        server = self.authority.issue("server")
        self.start_with_policy(WITH_ROBOT, tls=(*server, self.authority.certificate))

    def whoami(self, *words):
        """Status and answer of /causeway/v1/whoami."""
        result = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", "--cacert", str(self.authority.certificate), *words,
                                 f"https://localhost:{self.gateway.port}/causeway/v1/whoami"], capture_output=True, text=True, timeout=10)
        body, _, status = result.stdout.rpartition("\n")
        return int(status), json.loads(body) if body else None

    @staticmethod
    def showing(pair):
        return "--cert", str(pair[0]), "--key", str(pair[1])

    def test_a_listed_name_makes_the_member(self):
        status, answer = self.whoami(*self.showing(self.authority.issue("robot", "URI:spiffe://lab.example/ci")))
        self.assertEqual((status, answer["kind"], answer["id"], answer["certificate"]), (200, "member", "robot", NAME))

    def test_a_name_that_no_member_has_is_refused(self):
        status, answer = self.whoami(*self.showing(self.authority.issue("other", "URI:spiffe://lab.example/other")))
        self.assertEqual(status, 401)
        self.assertIn("certificate", answer["Message"])

    def test_the_subject_makes_nobody(self):
        self.assertEqual(self.whoami(*self.showing(self.authority.issue("robot")))[0], 401)

    def test_a_certificate_of_another_authority_ends_the_handshake(self):
        stranger = tls.Authority(self.folder / "stranger").issue("robot", "URI:spiffe://lab.example/ci")
        self.assertEqual(self.whoami(*self.showing(stranger)), (0, None))

    def test_without_a_certificate_nobody_is_somebody(self):
        self.assertEqual(self.whoami()[1]["kind"], "anonymous")

    def test_a_token_goes_before_a_certificate(self):
        robot = self.showing(self.authority.issue("robot", "URI:spiffe://lab.example/ci"))
        status, answer = self.whoami(*robot, "-H", f"Authorization: Bearer {self.token('reader')}")
        self.assertEqual((status, answer["id"]), (200, "reader"))

    def test_two_members_cannot_list_one_certificate(self):
        self.policy_path.write_text(WITH_ROBOT.replace("  reader: {groups: [readers]}",
                                                       f'  reader: {{groups: [readers], attributes: {{certificate: "{NAME}"}}}}'))
        result = self.command("reload", check=False)
        self.assertEqual(result.returncode, 1)
        for word in ("reader", "robot", "policy.yaml"):
            self.assertIn(word, result.stderr)
