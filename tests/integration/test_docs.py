# SPDX-License-Identifier: Apache-2.0
"""What the documents say is true: every policy in docs/policy.md passes check and its own tests."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from kit import relay, settings


class Documents(unittest.TestCase):
    def setUp(self):
        if relay.why_not("causeway"):
            self.skipTest(relay.why_not("causeway"))

    def test_every_policy_in_the_guide_holds(self):
        examples = re.findall(r"```yaml\n(.*?)```", (settings.root() / "docs" / "policy.md").read_text(), re.DOTALL)
        self.assertGreaterEqual(len(examples), 6)
        for number, example in enumerate(examples, 1):
            with self.subTest(number), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "policy.yaml"
                path.write_text(example)
                for command in ("check", "test"):
                    result = subprocess.run([relay.causeway_program(), "policy", command, path], capture_output=True, text=True, timeout=10)
                    self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_every_sample_policy_holds(self):
        for path in (settings.root() / "deploy" / "policy").iterdir():
            with self.subTest(path.name):
                result = subprocess.run([relay.causeway_program(), "policy", "test", path], capture_output=True, text=True, timeout=10)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_the_policy_that_init_writes_is_without_a_warning(self):
        """As it is, and with the lines that its comments offer."""
        with tempfile.TemporaryDirectory() as folder:
            words = [relay.causeway_program(), "init", folder, "--org", "lab.example", "--member", "chief"]
            subprocess.run(words, check=True, capture_output=True, timeout=10)
            path = pathlib.Path(folder) / "policy.yaml"
            for change in (lambda text: text, lambda text: re.sub("^# (.*staff)", r"  \1", text, flags=re.MULTILINE)):
                path.write_text(change(path.read_text()))
                result = subprocess.run([relay.causeway_program(), "policy", "check", "--strict", path], capture_output=True, text=True, timeout=10)
                self.assertEqual((result.returncode, result.stdout), (0, "0 errors, 0 warnings, 0 notes; 4 tests passed, 0 failed\n"))
            self.assertIn("  alice: {groups: [staff]}", path.read_text())

    def test_what_nobody_would_enforce_is_refused_by_name(self):
        sections = {"grants": "[{partner: beta, we_store: {bytes: 1GiB}}]", "placement": "{sites: {local: {}}, rules: [{id: all, copies: {min: 1}}]}"}
        for section, value in sections.items():
            with self.subTest(section), tempfile.TemporaryDirectory() as folder:
                subprocess.run([relay.causeway_program(), "init", folder, "--org", "lab.example"], check=True, capture_output=True, timeout=10)
                with open(pathlib.Path(folder) / "policy.yaml", "a") as policy:
                    policy.write(f"{section}: {value}\n")
                config = pathlib.Path(folder) / "causeway.yaml"
                config.write_text(re.sub(r"^  partners:\n    address:.*\n", "", config.read_text(), flags=re.MULTILINE))
                words = [relay.causeway_program(), "serve", "--config", pathlib.Path(folder) / "causeway.yaml"]
                result = subprocess.run(words, capture_output=True, text=True, timeout=10)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(f"the policy has a section '{section}', and this gateway no port for partners", result.stderr)
