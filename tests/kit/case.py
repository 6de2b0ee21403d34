# SPDX-License-Identifier: Apache-2.0
"""The base of every test that puts a relay before an upstream."""

import pathlib
import shutil
import tempfile
import unittest

from kit import relay, settings
from kit.upstream import Upstream, answer


class RelayCase(unittest.TestCase):
    """Everything a test starts is stopped when it ends; a relay that did not end well fails the test."""

    relay_kinds = ()  # which relays this test is for; () is all of them

    def setUp(self):
        if self.relay_kinds and settings.target() not in self.relay_kinds:
            self.skipTest(f"not for {settings.target()}")
        reason = relay.why_not()
        if reason:
            self.skipTest(reason)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.processes = []

    def start_upstream(self, script=answer, **options) -> Upstream:
        upstream = Upstream(script, **options)
        self.addCleanup(upstream.close)
        return upstream

    def start_relay(self, upstream_port, kind=None, **options):
        started = relay.start(self.folder, upstream_port, kind=kind, **options)
        if started.process is not None:
            self.processes.append(started.process)
            self.addCleanup(relay.stop_well, started)
        return started

    def keep(self, process):
        """Stops a process of the test's own at its end."""
        self.processes.append(process)
        self.addCleanup(process.stop)
        return process

    def evidence(self) -> str:
        """The ends of the logs, for a test that failed."""
        return "\n".join(f"--- {process.name}\n{process.log()[-1500:]}" for process in self.processes if process.name != "kubo")
