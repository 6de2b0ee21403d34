# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, many or wasteful: they are cut at their limits, and a bystander is served all the while."""

import contextlib
import socket
import time

from kit import figures, native, settings
from kit.case import RelayCase
from kit.client import Client, ask, post, read_path, upload_head
from kit.http1 import Cut
from kit.process import wait_for

RUNS_ALONE = True

PIPELINED = post("/api/v0/version")
CHUNKED_HEAD = upload_head()


class UnderLoad(RelayCase):
    relay_kinds = ("causeway",)

    def before(self, **options):
        self.sink = native.Sink(self.folder)
        self.addCleanup(self.sink.stop)
        return self.start_relay(self.sink.port, **options)

    @contextlib.contextmanager
    def bystander(self, relay, name, *, limit_ms=1000):
        """A steady 200 requests a second beside the block; its p99 is reported, its failures fail the test."""
        load = native.Load(relay.port)
        self.addCleanup(load.abandon)
        time.sleep(0.5)
        yield
        time.sleep(0.5)
        result = load.finish()
        self.assertEqual(result["failed"], 0, result)
        figures.report(f"bystander p99 during {name}", round(result["p99_us"] / 1000, 2), "ms")
        self.assertLess(result["p99_us"] / 1000, limit_ms)

    def assert_cut_within(self, client, low, high):
        start = time.monotonic()
        client.sock.settimeout(settings.within(high) + 5)
        with contextlib.suppress(Cut, OSError):
            while client.reader.fill():
                pass
        took = time.monotonic() - start
        self.assertTrue(low <= took <= settings.within(high), f"cut after {took:.1f} s")

    def test_slow_heads_are_cut_at_the_head_timeout(self):
        relay = self.before(limits={"head_timeout": "2s"})
        with self.bystander(relay, "100 slow heads"):
            clients = [Client(relay.port) for _ in range(100)]
            start, dripping = time.monotonic(), clients
            while dripping and time.monotonic() - start < 10:
                dripping = [client for client in dripping if self.drips(client)]
                time.sleep(0.25)
            took = time.monotonic() - start
            self.assertTrue(1.5 <= took <= settings.within(4), f"the head timeout is 2 s from its first byte, and it took {took:.1f} s")
            for client in clients:
                client.close()

    def drips(self, client) -> bool:
        """One more byte of a head; False once the relay has ended the connection."""
        client.sock.settimeout(0.001)
        try:
            client.sock.send(b"P")
            client.sock.recv(4096)
            return False
        except socket.timeout:
            return True
        except OSError:
            return False

    def test_a_connection_that_sends_nothing_is_closed_when_idle_too_long(self):
        relay = self.before(limits={"idle_timeout": "1s", "head_timeout": "1s"})
        with Client(relay.port) as fresh, Client(relay.port) as used:
            self.assertEqual(used.ask(post()).status, 200)
            self.assert_cut_within(used, 0.5, 2.5)
            self.assert_cut_within(fresh, 0.0, 2.5)

    def test_a_body_that_stops_is_cut_at_its_idle_timeout(self):
        relay = self.before(limits={"body_idle_timeout": "1s"})
        with Client(relay.port) as client:
            client.send(CHUNKED_HEAD + b"5\r\nhe")
            self.assert_cut_within(client, 0.5, 4)
        self.assertTrue(wait_for(lambda: self.sink.stats()["open"] <= 1, 3))

    def test_a_body_below_the_floor_is_cut(self):
        relay = self.before(limits={"min_body_rate": "1 KiB"})
        with Client(relay.port) as client:
            client.send(CHUNKED_HEAD)
            start = time.monotonic()
            while time.monotonic() - start < 60 and client.send(b"1\r\na\r\n") and not self.has_ended(client):
                time.sleep(0.5)
            self.assertTrue(10 <= time.monotonic() - start <= 50, f"{time.monotonic() - start:.0f} s")

    def has_ended(self, client) -> bool:
        client.sock.settimeout(0.01)
        try:
            return client.sock.recv(4096) is not None
        except socket.timeout:
            return False
        except OSError:
            return True

    def test_slow_readers_do_not_slow_others(self):
        relay = self.before()
        # Few, and one by one: the kernel takes megabytes for each, and copying those would be what is measured.
        with self.bystander(relay, "30 slow readers"):
            clients = [Client(relay.port, receive_buffer=4096) for _ in range(30)]
            for client in clients:
                client.send(post(read_path() + "&length=67108864"))
                time.sleep(0.03)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                for client in clients:
                    client.sock.recv(100)
                time.sleep(0.05)
            for client in clients:
                client.close()

    def test_a_million_one_byte_chunks_are_coalesced(self):
        relay = self.before()
        with self.bystander(relay, "a million one-byte chunks"), Client(relay.port) as client:
            reads = self.sink.stats()["reads"]
            client.send(CHUNKED_HEAD)
            for _ in range(100):
                client.send(b"1\r\nx\r\n" * 10_000)
            self.assertEqual(client.ask(b"0\r\n\r\n").status, 200)
            used = self.sink.stats()["reads"] - reads
        figures.report("upstream reads for a million one-byte chunks", used, "reads")
        self.assertLess(used, 20_000)
        self.assertGreaterEqual(self.sink.stats()["body_bytes"], 1_000_000)

    def test_a_head_of_single_bytes_is_understood(self):
        relay = self.before()
        with Client(relay.port) as client:
            for byte in post("/api/v0/add?pin=false", body=b"abc"):
                client.send(bytes([byte]))
            self.assertEqual(client.reply().status, 200)

    def test_ten_thousand_pipelined_requests_are_answered_in_order(self):
        relay = self.before()
        with self.bystander(relay, "10,000 pipelined requests"), Client(relay.port) as client:
            self.flood(client, PIPELINED, 10_000, 200)

    def test_ten_thousand_pipelined_refusals_are_answered(self):
        relay = self.before()
        with self.bystander(relay, "10,000 pipelined refusals"), Client(relay.port) as client:
            self.flood(client, post("/api/v0/nonsense"), 10_000, 404)

    def flood(self, client, request, count, status):
        """All of them in one burst, while the replies are read."""
        rest, answered = memoryview(request * count), 0
        while answered < count:
            if rest:
                sent = self.send_some(client, rest)
                rest = rest[sent:]
            while answered < count and (not rest or b"\r\n\r\n" in client.reader.buffer):
                self.assertEqual(client.reply().status, status)
                answered += 1
            if rest:
                self.read_some(client)

    def send_some(self, client, data) -> int:
        try:
            return client.sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def read_some(self, client):
        try:
            client.reader.buffer += client.sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            time.sleep(0.001)

    def test_connections_opened_and_closed_leave_nothing_behind(self):
        relay = self.before()
        ask(relay.port, post())
        before = relay.process.descriptors()
        count = settings.pick(2_000, 20_000)
        with self.bystander(relay, f"{count} connections opened and closed"):
            for number in range(count):
                client = Client(relay.port)
                if number % 4 == 1:
                    client.send(b"POST /api/")
                elif number % 4 == 2:
                    client.ask(post())
                client.reset() if number % 8 == 3 else client.close()
        self.assertTrue(wait_for(lambda: relay.process.descriptors() <= before + 12, 5))

    def test_running_out_of_descriptors_pauses_and_recovers(self):
        relay = self.before(descriptors=64)
        held = [Client(relay.port) for _ in range(200)]
        time.sleep(0.5)
        before = relay.process.cpu_seconds()
        time.sleep(2)
        spent = relay.process.cpu_seconds() - before
        figures.report("CPU while out of descriptors", round(spent / 2 * 100, 1), "% of a core", "<= 10")
        self.assertLess(spent, 0.2)
        for client in held:
            client.close()
        with Client(relay.port, timeout=10) as client:
            self.assertEqual(client.ask(post()).status, 200)

    def test_an_open_connection_is_served_while_out_of_descriptors(self):
        relay = self.before(descriptors=64)
        with Client(relay.port) as first:
            self.assertEqual(first.ask(post()).status, 200)
            held = [Client(relay.port) for _ in range(200)]
            time.sleep(0.5)
            self.assertEqual(first.ask(post()).status, 200)
            for client in held:
                client.close()
