# SPDX-License-Identifier: Apache-2.0
"""Every way in which a crash could leave the ledger and the audit log, or the block store: a recording of what was written, synced,
renamed and acknowledged is cut behind every record, with subsets of what was not synced, torn at 512 bytes."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from kit import figures, settings

PINS = settings.pick(ci=120, full=150)
BUNDLES = settings.pick(ci=60, full=150)  # of blocks
SUBSETS = settings.pick(ci=10, full=1000)  # of each sync interval
EVERY = settings.pick(ci=4, full=1)  # records
RECORDER = "libcrash_recorder.so"


class Replay:
    """What a kind of storage is: who writes it, who looks at it, and how much is written."""

    def setUp(self):
        self.recorder = settings.find_program(RECORDER)
        self.writer = settings.find_program(self.WRITER)
        self.replayer = settings.find_program(self.REPLAYER)
        if self.recorder is None:
            self.skipTest(f"{settings.build()} has no {RECORDER}: it cannot be sanitized")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # states are made and thrown away by the thousand: in memory
        self.states = pathlib.Path(tempfile.mkdtemp(prefix="rig-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.states, ignore_errors=True)

    def record(self, *, syncs=True) -> pathlib.Path:
        data, notes, log = self.folder / "data", self.folder / "notes", self.folder / "log"
        data.mkdir(mode=0o700)
        environment = dict(os.environ, LD_PRELOAD=str(self.recorder), CRASH_FOLDER=str(data), CRASH_LOG=str(log),
                           CRASH_NOTES=str(notes))
        if not syncs:
            environment["CRASH_NO_SYNC"] = "1"
        done = subprocess.run([self.writer, data, notes, str(self.AMOUNT)], env=environment, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return log

    def replay(self, log, *, subsets=SUBSETS, every=EVERY):
        seed = settings.seed()
        done = subprocess.run([self.replayer, log, self.states / "data", str(subsets), str(every), str(seed)],
                              capture_output=True, text=True, timeout=3000)
        self.assertTrue(done.stdout, done.stderr)
        return json.loads(done.stdout), f"seed {seed}\n{done.stderr}"

    def test_nothing_acknowledged_is_missing_after_any_crash(self):
        result, text = self.replay(self.record())
        self.assertEqual(result["failures"], 0, text)
        self.assertGreater(result["intervals"], 20)
        self.assertGreaterEqual(result["states"], SUBSETS * result["intervals"])
        figures.report(self.FIGURE, result["states"], f"states of {result['intervals']} sync intervals")

    def test_a_build_that_never_syncs_is_found_out(self):
        result, text = self.replay(self.record(syncs=False), subsets=50, every=20)
        self.assertEqual(result["intervals"], 0)
        self.assertGreater(result["failures"], 0)
        self.assertRegex(text, self.WITHOUT_SYNC)


class CrashStates(Replay, unittest.TestCase):
    WRITER, REPLAYER, AMOUNT, FIGURE = "crash_ledger_writer", "crash_ledger_replay", PINS, "crash states"
    WITHOUT_SYNC = "was acknowledged"


class BlockCrashStates(Replay, unittest.TestCase):
    WRITER, REPLAYER, AMOUNT = "crash_blocks_writer", "crash_blocks_replay", BUNDLES
    FIGURE = "crash states of the block store"
    WITHOUT_SYNC = "bundle|block"


if __name__ == "__main__":
    unittest.main()
