# SPDX-License-Identifier: Apache-2.0
"""A reply that the client has whole has ended for the gateway too, wherever its last bytes fell."""

import os
import subprocess

from kit import native
from kit.case import RelayCase
from kit.client import read_path
from kit.process import wait_for
from kit.settings import MIB

DOWNLOADS = 40


class Ends(RelayCase):
    relay_kinds = ("causeway",)

    def test_a_download_that_came_whole_is_over_at_once(self):
        sink = native.Sink(self.folder, workers=1)
        self.addCleanup(sink.stop)
        relay = self.start_relay(sink.port)
        for _ in range(DOWNLOADS):
            subprocess.run(["curl", "-sS", "--fail", "-X", "POST", "-o", os.devnull,
                            f"http://127.0.0.1:{relay.port}{read_path(0)}&length={20 * MIB}"], check=True, timeout=60)
        ended = wait_for(lambda: len(relay.access_path.read_text().splitlines()) == DOWNLOADS, 5)
        self.assertTrue(ended, f"{len(relay.access_path.read_text().splitlines())} of {DOWNLOADS} have ended")
