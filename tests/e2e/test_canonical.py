# SPDX-License-Identifier: Apache-2.0
"""What was checked is what is sent: generated calls in every spelling, sent through a gateway to Kubo's own reader."""

import time

from kit import reader, settings
from kit.case import RelayCase
from kit.ports import free_port

CLASSES = "tool, read, write, pin, files, key, pubsub, network, repo, remote-pin"
FIRST_LOOK_S = 3  # a second after its start; with nothing in the ledger it asks its storage for nothing then, and never again


class Canonical(RelayCase):
    relay_kinds = ("causeway",)
    limit_seconds = settings.pick(600, 2400)  # the first run builds Kubo's reader

    def test_only_canonical_calls_that_equal_the_checked_one_arrive(self):
        if reader.why_not():
            self.skipTest(reader.why_not())
        storage_port = free_port()
        gateway = self.start_relay(storage_port, more=f"allow: [{CLASSES}]", access="off")
        time.sleep(FIRST_LOOK_S)  # what is sent may pin something
        seed = settings.seed()
        agreed, printed = reader.through_gateway(gateway.port, storage_port, seed, settings.pick(10_000, 1_000_000))
        self.assertTrue(agreed, f"RIG_SEED={seed}\n{printed}")
