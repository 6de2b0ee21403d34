# SPDX-License-Identifier: Apache-2.0
"""Organizations that place objects with each other, under crashes at every journal point, lost and repeated items, restores, revocations,
evictions and grants that change: seeded histories in which nothing is placed twice, no grant is passed, nothing happens past a revocation,
both sides' statements are the same bytes at any cut, and all comes to rest with the copies that are wanted."""

import json
import subprocess
import time
import unittest

from kit import figures, settings

OPERATIONS = settings.pick(ci=1_000_000, full=100_000_000)
AT_POINTS = settings.pick(ci=300_000, full=20_000_000)


class Allocations(unittest.TestCase):
    def setUp(self):
        self.program = settings.find_program("sim_allocations")
        self.assertIsNotNone(self.program, f"{settings.build()} has no sim_allocations")

    def run_it(self, *words):
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, timeout=2400)

    def test_what_must_hold_holds_in_every_history(self):
        start = time.monotonic()
        done = self.run_it(settings.seed(), OPERATIONS)
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = json.loads(done.stdout)
        self.assertGreaterEqual(counts["operations"], OPERATIONS)
        for kind in ("repeated", "placed", "evicted", "crashes", "restores", "revocations", "refusals", "statements", "rejected", "stuck"):
            self.assertGreater(counts[kind], OPERATIONS // 10_000, f"hardly any {kind}: the histories are too quiet")
        seconds = time.monotonic() - start
        figures.report("allocation steps simulated", counts["operations"], f"steps in {counts['histories']} histories, {seconds:.0f} s")

    def test_what_must_hold_holds_after_a_crash_at_every_point(self):
        """Before and after each commit of a short history; the effect of an item and its kept reply are two."""
        done = self.run_it("--points", settings.seed() % 1_000_000, AT_POINTS)
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = json.loads(done.stdout)
        figures.report("crashes simulated, one at each point of a history", counts["histories"], f"in {counts['operations']} steps")

    def test_a_seed_is_one_history(self):
        seed = settings.seed() % 1_000_000
        first, second = (self.run_it("--history", seed) for _ in range(2))
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stdout, second.stdout)
        self.assertGreater(len(first.stdout.splitlines()), 50)

    def test_a_journal_that_is_not_always_written_is_found_out(self):
        done = self.run_it("--forgetful", settings.seed(), 300_000)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("not so:", done.stderr)


if __name__ == "__main__":
    unittest.main()
