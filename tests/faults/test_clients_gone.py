# SPDX-License-Identifier: Apache-2.0
"""A client that goes away stops its upstream within two seconds; one that only half-closes still gets its reply."""

import time

from kit import settings
from kit.case import RelayCase
from kit.client import Client, post, read_path, upload_head
from kit.http1 import Cut
from kit.process import wait_for

UPLOAD = upload_head("Content-Length: 1073741824")
CHUNKED_UPLOAD = upload_head()


def endless_reply(peer, request):
    """A reply without end, as fast as it is taken; ends when the relay closes."""
    peer.read_body(request)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    while True:
        peer.send(piece)


def slow_reader(peer, request):
    """Takes the body at 256 KiB a 20 ms, so that the relay feels back-pressure."""
    peer.reader.sock.settimeout(5)
    while peer.reader.fill():
        peer.reader.buffer.clear()
        time.sleep(0.02)
    return False


def slow_answer(seconds):
    def script(peer, request):
        peer.read_body(request)
        if peer.wait_closed(seconds):
            return False
        peer.reply(b'{"late":true}\n')
        return True

    return script


class ClientsGone(RelayCase):
    relay_kinds = ("causeway",)
    cancel_seconds = 2.0

    def before(self, script, **options):
        upstream = self.start_upstream(script, **options)
        return upstream, self.start_relay(upstream.port)

    def assert_cancelled(self, upstream, since):
        done = wait_for(lambda: upstream.peers and all(peer.closed_at for peer in upstream.peers), settings.within(5))
        took = time.monotonic() - since
        self.assertTrue(done, "the upstream's connection was still open")
        self.assertLess(took, settings.within(self.cancel_seconds + 0.5))

    def begin_upload(self, upstream, relay, head, part):
        client = Client(relay.port)
        client.send(head + part)
        self.assertTrue(upstream.wait_requests(1), "the upload did not reach the upstream")
        time.sleep(0.1)
        return client

    def leave(self, how, client):
        {"FIN": client.close, "half-close": client.finish, "RST": client.reset}[how]()
        return time.monotonic()

    def test_leaving_within_a_body_cancels(self):
        for head, part in ((UPLOAD, b"a" * 1000), (CHUNKED_UPLOAD, b"5\r\nhello\r\n"), (CHUNKED_UPLOAD, b"5\r\nhe")):
            for how in ("FIN", "half-close", "RST"):
                with self.subTest(how, head=head[-30:], part=part[:10]):
                    upstream, relay = self.before(slow_reader)
                    client = self.begin_upload(upstream, relay, head, part)
                    self.assert_cancelled(upstream, self.leave(how, client))
                    client.close()

    def test_leaving_a_silent_upstream_cancels(self):
        upstream, relay = self.before(slow_answer(20))
        client = self.begin_upload(upstream, relay, post(read_path()), b"")
        self.assert_cancelled(upstream, self.leave("RST", client))

    def test_closing_on_a_silent_upstream_cancels_after_a_second(self):
        upstream, relay = self.before(slow_answer(20))
        client = self.begin_upload(upstream, relay, post(read_path()), b"")
        self.assert_cancelled(upstream, self.leave("FIN", client))

    def test_leaving_within_a_reply_cancels(self):
        for how in ("FIN", "RST"):
            with self.subTest(how):
                upstream, relay = self.before(endless_reply)
                client = Client(relay.port)
                client.send(post(read_path()))
                self.assertEqual(client.reader.reply().status, 200)
                self.assert_cancelled(upstream, self.leave(how, client))

    def test_leaving_under_back_pressure_of_the_upstream_cancels(self):
        for how in ("FIN", "RST"):
            with self.subTest(how):
                upstream, relay = self.before(slow_reader, receive_buffer=65536)
                client = self.begin_upload(upstream, relay, UPLOAD, b"")
                client.sock.settimeout(1)
                client.send(b"a" * (64 << 20))
                started = self.leave(how, client)
                # A FIN stands behind what the kernel still holds for us; a reset is seen at once.
                limit = 4 if how == "FIN" else 2.5
                self.assertTrue(wait_for(lambda: all(peer.closed_at for peer in upstream.peers), limit + 3))
                self.assertLess(time.monotonic() - started, settings.within(limit))

    def test_a_client_that_reads_nothing_and_resets_cancels(self):
        upstream, relay = self.before(endless_reply)
        client = Client(relay.port, receive_buffer=4096)
        client.send(post(read_path()))
        time.sleep(1)  # both sides are full now
        self.assert_cancelled(upstream, self.leave("RST", client))

    def test_a_half_closed_client_gets_a_reply_that_begins_within_a_second(self):
        for body in (None, b"abc"):
            with self.subTest(body=body):
                _, relay = self.before(slow_answer(0.5))
                with Client(relay.port) as client:
                    client.send(post("/api/v0/add?pin=false" if body else read_path(), body=body))
                    client.finish()
                    self.assertEqual(client.reply().text(), '{"late":true}\n')

    def test_a_half_closed_client_gets_the_whole_of_a_long_reply(self):
        def slowly(peer, request):
            peer.read_body(request)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n\r\n")
            for _ in range(30):
                peer.send(b"a")
                time.sleep(0.1)
            return True

        _, relay = self.before(slowly)
        with Client(relay.port) as client:
            client.send(post(read_path()))
            client.finish()
            reply = client.reply()
        self.assertEqual((reply.body_bytes, reply.broken), (30, None))

    def test_a_half_closed_client_is_given_up_when_no_reply_begins(self):
        upstream, relay = self.before(slow_answer(20))
        with Client(relay.port, timeout=5) as client:
            client.send(post(read_path()))
            client.finish()
            with self.assertRaises(Cut):
                client.reply()
            self.assertTrue(upstream.wait_all_closed(2.5))

    def test_a_client_that_keeps_waiting_is_not_given_up(self):
        _, relay = self.before(slow_answer(2.5))
        with Client(relay.port, timeout=5) as client:
            self.assertEqual(client.ask(post(read_path())).text(), '{"late":true}\n')

    def test_the_next_client_is_served_all_the_same(self):
        upstream, relay = self.before(slow_answer(20))
        for how in ("FIN", "RST"):
            self.leave(how, self.begin_upload(upstream, relay, UPLOAD, b"a" * 70000))
        upstream.script = slow_answer(0)
        with Client(relay.port) as client:
            self.assertEqual(client.ask(post()).status, 200)
