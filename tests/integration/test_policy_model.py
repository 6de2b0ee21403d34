# SPDX-License-Identifier: Apache-2.0
"""Decisions held to a second evaluator, as shipped: tests/unit/policy/test_model.c with this run's seed; ten million of them in
the full tier."""

import os
import re
import subprocess
import unittest

from kit import figures, settings


class PolicyModel(unittest.TestCase):
    limit_seconds = settings.pick(300, 1500)

    def test_a_second_evaluator_decides_the_same(self):
        program = settings.find_program("policy_test_model")
        if program is None:
            self.skipTest(f"{settings.build()} has no policy_test_model: build it")
        done = subprocess.run([program], env={**os.environ, "POLICY_SEED": str(settings.seed())}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-3000:])
        for name, pattern in [("policy decisions like a second evaluator's", r"([0-9]+) requests: "),
                              ("narrowed tokens that may do no more", r"([0-9]+) narrowed: "),
                              ("policies reordered and split that decide the same", r"([0-9]+) policies reordered")]:
            count = re.search(pattern, done.stdout + done.stderr)[1]
            figures.report(name, count, f"of {count}", f"{count} of {count}")
