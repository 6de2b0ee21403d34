# SPDX-License-Identifier: Apache-2.0
"""A call or body that the gateway reads one way and Kubo another does not exist: both read the same generated ones."""

import unittest

from kit import reader, settings


class Readers(unittest.TestCase):
    limit_seconds = settings.pick(600, 2400)  # the first run builds Kubo's reader

    def setUp(self):
        if reader.why_not():
            self.skipTest(reader.why_not())

    def check(self, what, count):
        seed = settings.seed()
        agreed, printed = reader.compare(what, seed, count)
        self.assertTrue(agreed, f"RIG_SEED={seed}\n{printed}")

    def test_kubo_reads_generated_calls_alike(self):
        self.check("calls", settings.pick(10_000, 1_000_000))

    def test_go_cuts_up_generated_bodies_alike(self):
        self.check("multipart", settings.pick(10_000, 1_000_000))
