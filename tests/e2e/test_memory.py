# SPDX-License-Identifier: Apache-2.0
"""Constant memory: what the process grows by under big bodies, stalled uploads and idle connections. The bars are
asserted in the full tier and reported in every one."""

import os
import subprocess
import time

from kit import figures, native, settings
from kit.case import RelayCase
from kit.client import FORM, ask, post, read_path
from kit.process import wait_for
from kit.settings import GIB, MIB
from kit.tls import Authority

RUNS_ALONE = True


class Memory(RelayCase):
    limit_seconds = settings.pick(300, 1200)

    def before(self, *, tls=None, **options):
        if settings.target() == "direct":
            self.skipTest("there is no relay to measure")
        self.sink = native.Sink(self.folder)
        self.addCleanup(self.sink.stop)
        relay = self.start_relay(self.sink.port, tls=tls, **options)
        if tls is None:
            for _ in range(20):
                ask(relay.port, post())
        time.sleep(0.3)
        self.at_rest = relay.process.rss()
        return relay

    def bar(self, name, grown, mebibytes, *, assert_it=True):
        value = round(grown / MIB, 1)
        figures.report(name, value, "MiB", f"<= {mebibytes}")
        if settings.is_full() and assert_it and settings.target() == "causeway":
            self.assertLessEqual(value, mebibytes)

    def peak_growth(self, relay, popen):
        """The most that the relay grew by while a program ran, looked at each 50 ms."""
        peak = 0
        while popen.poll() is None:
            peak = max(peak, relay.process.rss() - self.at_rest)
            time.sleep(0.05)
        self.assertEqual(popen.returncode, 0, popen.stderr.read())
        return peak

    def start(self, *words):
        return subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def test_a_big_upload(self):
        relay = self.before()
        size = settings.pick(100 * MIB, 10 * GIB)
        for framing in ("length", "chunked"):
            popen = self.start(native.tool("upload"), relay.port, size, framing)
            self.bar(f"RSS growth, {size // MIB} MiB up, {framing}", self.peak_growth(relay, popen), 16)

    def test_a_big_download(self):
        relay = self.before()
        size = settings.pick(100 * MIB, 10 * GIB)
        for offset, name in ((0, "length"), (1, "chunked")):
            popen = self.start("curl", "-sS", "--fail", "-X", "POST", "-o", os.devnull,
                               f"http://127.0.0.1:{relay.port}{read_path(offset)}&length={size}")
            self.bar(f"RSS growth, {size // MIB} MiB down, {name}", self.peak_growth(relay, popen), 16)

    def test_a_big_upload_over_tls(self):
        authority = Authority(self.folder / "tls")
        relay = self.before(tls=authority.issue("localhost"))
        size = settings.pick(100 * MIB, 10 * GIB)
        url = f"https://localhost:{relay.port}/api/v0/add?pin=false"
        source = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
        popen = subprocess.Popen(["curl", "-sS", "--fail", "--cacert", str(authority.certificate), "-T", "-", "-X", "POST", "-H", FORM,
                                  "-o", os.devnull, url], stdin=source.stdout, stderr=subprocess.PIPE)
        self.bar(f"RSS growth, {size // MIB} MiB up over TLS", self.peak_growth(relay, popen), 16, assert_it=False)
        source.wait()

    def held(self, relay, count, state, *, authority=None):
        """Growth once `count` connections stand in that state."""
        hold = native.Hold(relay.port, count, state, authority=authority)
        self.addCleanup(hold.close)
        time.sleep(1)
        return hold, relay.process.rss() - self.at_rest

    def test_stalled_uploads(self):
        count = settings.pick(100, 1000)
        relay = self.before()
        hold, grown = self.held(relay, count, "stalled")
        self.assertGreaterEqual(self.sink.stats()["open"], count)
        self.bar(f"RSS growth, {count} uploads stalled by the client", grown, 96)
        hold.close()

    def test_uploads_that_the_upstream_stalls(self):
        count = settings.pick(100, 1000)
        # The client's end stands behind bytes that nobody reads: only the limit ends the drain.
        relay = self.before(limits={"drain_timeout": "1s"})
        hold, grown = self.held(relay, count, "deaf")
        self.bar(f"RSS growth, {count} uploads stalled by the upstream", grown, 96)
        hold.close()

    def test_stalled_uploads_give_their_memory_back(self):
        count = settings.pick(100, 1000)
        relay = self.before()
        first, _ = self.held(relay, count, "stalled")
        first.close()
        self.assertTrue(wait_for(lambda: self.sink.stats()["open"] < 70, 10))
        peak = relay.process.rss() - self.at_rest
        second, grown = self.held(relay, count, "stalled")
        second.close()
        figures.report(f"RSS growth after {count} stalled uploads ended", round(peak / MIB, 1), "MiB")
        self.assertLess(grown, peak + 32 * MIB, "the second thousand costs as much again: memory is not reused")

    def test_idle_connections(self):
        count = settings.pick(1000, 10_000)
        relay = self.before()
        for state in ("fresh", "idle"):
            hold, grown = self.held(relay, count, state)
            self.bar(f"RSS growth, {count} {state} connections", grown, 32)
            hold.close()

    def test_idle_connections_over_tls(self):
        count = settings.pick(1000, 10_000)
        authority = Authority(self.folder / "tls")
        relay = self.before(tls=authority.issue("localhost"))
        hold, grown = self.held(relay, count, "idle", authority=authority.certificate)
        figures.report(f"RSS growth, {count} idle TLS connections", round(grown / MIB, 1), "MiB")
        hold.close()
