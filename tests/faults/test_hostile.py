# SPDX-License-Identifier: Apache-2.0
"""The hostile tables against a recording upstream: it sees nothing, or exactly what the client framed."""

from hostile_bodies import AMBIGUOUS, CHUNKS
from hostile_heads import CLOSE, HEADERS, REQUEST_LINES

from kit.case import RelayCase
from kit.client import Client, post
from kit.http1 import BadMessage, Cut
from kit.process import wait_for


def outcome(port, data):
    """The status of the first reply, or CLOSE. Our side half-closes behind the bytes, so nothing waits for more."""
    with Client(port, timeout=10) as client:
        client.send(data)
        try:
            client.finish()
            return client.reply().status
        except (Cut, OSError):
            return CLOSE


class Hostile(RelayCase):
    relay_kinds = ("causeway",)

    def check_table(self, table):
        upstream = self.start_upstream()
        relay = self.start_relay(upstream.port, limits={"head_timeout": "2s", "body_idle_timeout": "2s"})
        for name, data, allowed, seen in table:
            with self.subTest(name):
                upstream.forget()
                status = outcome(relay.port, data)
                self.assertIn(status, allowed)
                self.assert_seen(upstream, seen)
                self.assertTrue(relay.process.is_running(), "the relay has died")
                self.assert_serves(relay)

    def assert_seen(self, upstream, allowed):
        """Every complete request that arrived is one that the client framed, in its order."""
        wait_for(lambda: all(peer.closed_at or not peer.reader.buffer for peer in upstream.peers), 1)
        self.assertEqual(upstream.bad, [], "what reached the upstream was not strict HTTP/1.1")
        complete = [(request.target, bytes(request.body)) for request in upstream.requests if request.complete]
        self.assertEqual(complete, allowed[:len(complete)])
        for request in upstream.requests:
            self.assertIn(request.target, ["/api/v0/add?pin=false", *[target for target, _ in allowed]])
            self.assertLessEqual(len(request.all("content-length")) + len(request.all("transfer-encoding")), 1)

    def assert_serves(self, relay):
        with Client(relay.port, timeout=5) as client:
            self.assertEqual(client.ask(post()).status, 200)

    def test_request_lines(self):
        self.check_table(REQUEST_LINES)

    def test_headers(self):
        self.check_table(HEADERS)

    def test_ambiguous_framing(self):
        self.check_table(AMBIGUOUS)

    def test_chunks(self):
        self.check_table(CHUNKS)

    def test_the_tables_hold_at_least_a_hundred_cases(self):
        self.assertGreaterEqual(sum(map(len, (REQUEST_LINES, HEADERS, AMBIGUOUS, CHUNKS))), 100)

    def test_a_refused_head_says_why_and_closes(self):
        upstream = self.start_upstream()
        relay = self.start_relay(upstream.port)
        with Client(relay.port) as client:
            reply = client.ask(b"POST /api/v0/version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            self.assertEqual((reply.status, reply.get("content-type")), (400, "application/json"))
            self.assertIn("Host", reply.text())
            self.assertTrue(client.is_closed_within(3))

    def test_every_byte_alone_in_every_place_of_a_head(self):
        """One odd byte between the parts of a well-formed head: refused, or passed on as one request."""
        upstream = self.start_upstream()
        relay = self.start_relay(upstream.port, limits={"head_timeout": "1s"})
        good = post("/api/v0/version?all=true", "X-A: a")
        places = [0, 4, 5, 12, 25, 33, 35, 41, 51, len(good) - 23, len(good) - 4, len(good) - 2]
        for byte in [*range(0, 33), 127, 128, 255, ord(":"), ord(","), ord(";")]:
            for place in places:
                upstream.forget()
                data = good[:place] + bytes([byte]) + good[place:]
                status = outcome(relay.port, data)
                with self.subTest(byte=byte, place=place):
                    self.assertIn(status, {200, 400, 403, 404, 405, 408, 411, 501, 505, CLOSE})
                    self.assertEqual(upstream.bad, [])
                    self.assertLessEqual(len(upstream.requests), 1)
        self.assert_serves(relay)
