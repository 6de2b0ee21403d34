# SPDX-License-Identifier: Apache-2.0
"""Whatever the upstream does, the client learns the truth: 502, 504, or a cut; never a clean end of something broken."""

import json
import time

from kit.case import RelayCase
from kit.client import Client, ask, post, read_path, timed_ask, upload_head
from kit.http1 import Cut
from kit.ports import free_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def replying(data, *, end="close"):
    """A script that reads the request, sends DATA as it is, and then closes, resets or keeps silent."""

    def script(peer, request):
        peer.read_body(request)
        if data:
            peer.send(data)
        if end == "reset":
            time.sleep(0.05)
            peer.reset()
        elif end == "silent":
            peer.wait_closed(20)
        return False

    return script


# name, what the upstream sends, how it goes on, statuses that may come of it
BROKEN_HEADS = [
    ("closed before the head", b"", "close", 502),
    ("reset before the head", b"", "reset", 502),
    ("silent", b"", "silent", 504),
    ("half a head, then closed", b"HTTP/1.1 200 OK\r\nContent-", "close", 502),
    ("half a head, then reset", b"HTTP/1.1 200 OK\r\nContent-", "reset", 502),
    ("half a head, then silent", b"HTTP/1.1 200 OK\r\nContent-", "silent", 504),
    ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "silent", 502),
    ("HTTP/0.9", b"hello\n", "close", 502),
    ("HTTP/2", b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("status 600", b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("status 099", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("NUL in the head", HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("NUL in the reason", b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "silent", 502),
    ("obs-fold", HEAD + b"X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("blank before the colon", HEAD + b"Content-Length : 0\r\n\r\n", "silent", 502),
    ("CL and TE", HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "silent", 502),
    ("two lengths", HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "silent", 502),
    ("negative length", HEAD + b"Content-Length: -3\r\n\r\nabc", "silent", 502),
    ("length with a sign", HEAD + b"Content-Length: +3\r\n\r\nabc", "silent", 502),
    ("length too large", HEAD + b"Content-Length: 99999999999999999999\r\n\r\nabc", "silent", 502),
    ("TE gzip", HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc", "silent", 502),
    ("TE gzip, chunked", HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "silent", 502),
    ("TE twice", HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "silent", 502),
    ("101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello", "silent", 502),
    ("a giant head", HEAD + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n", "silent", 502),
    ("1xx without end", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000, "silent", None),
    ("redirect", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("401", b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "silent", 502),
    ("403", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "silent", 502),
]

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN_BODIES = [
    ("length short, closed", HEAD + b"Content-Length: 10\r\n\r\nabc", "close"),
    ("length short, reset", HEAD + b"Content-Length: 10\r\n\r\nabc", "reset"),
    ("length short, silent", HEAD + b"Content-Length: 10\r\n\r\nabc", "silent"),
    ("chunked without end", CHUNKED + b"3\r\nabc\r\n", "close"),
    ("chunked without end, reset", CHUNKED + b"3\r\nabc\r\n", "reset"),
    ("chunked without end, silent", CHUNKED + b"3\r\nabc\r\n", "silent"),
    ("cut within a chunk", CHUNKED + b"30\r\nabc", "close"),
    ("cut within the size", CHUNKED + b"3\r\nabc\r\n3", "close"),
    ("cut before the last CRLF", CHUNKED + b"3\r\nabc\r\n0\r\n", "close"),
    ("cut within a trailer", CHUNKED + b"3\r\nabc\r\n0\r\nX-Stream-", "close"),
    ("bad size", CHUNKED + b"3\r\nabc\r\nxyz\r\n", "silent"),
    ("negative size", CHUNKED + b"3\r\nabc\r\n-1\r\n", "silent"),
    ("0x size", CHUNKED + b"3\r\nabc\r\n0x3\r\nabc\r\n0\r\n\r\n", "silent"),
    ("17 digits", CHUNKED + b"3\r\nabc\r\n10000000000000003\r\nabc\r\n0\r\n\r\n", "silent"),
    ("no CRLF behind a chunk", CHUNKED + b"3\r\nabcX\r\n0\r\n\r\n", "silent"),
    ("bare LF in the framing", CHUNKED + b"3\nabc\n0\n\n", "silent"),
    ("NUL in a trailer", CHUNKED + b"3\r\nabc\r\n0\r\nX-Stream-Error: a\x00b\r\n\r\n", "silent"),
    ("giant trailer", CHUNKED + b"3\r\nabc\r\n0\r\nX-A: " + b"a" * 300_000, "silent"),
    ("giant extension", CHUNKED + b"3;" + b"a" * 300_000, "silent"),
]


class UpstreamFaults(RelayCase):
    relay_kinds = ("causeway",)
    limits = {"upstream_head_timeout": "1s", "upstream_idle_timeout": "1s", "connect_timeout": "1s"}

    def before(self, script):
        upstream = self.start_upstream(script)
        return upstream, self.start_relay(upstream.port, limits=self.limits)

    def assert_error(self, reply, status):
        self.assertEqual(reply.status, status, reply.text())
        self.assertEqual(reply.get("content-type"), "application/json")
        message = json.loads(reply.text())
        self.assertEqual(message["Type"], "error")
        self.assertEqual(message["Code"], 0)
        self.assertTrue(message["Message"])

    def assert_cut_or_502(self, relay):
        """A relay that has not sent the head yet may still say it with a status, or close without one."""
        try:
            reply = ask(relay.port, post())
        except Cut:
            return
        if reply.status == 200:
            self.assertIsNotNone(reply.broken, f"ended cleanly with {reply.text()[:80]!r}")
            self.assertTrue(b"abc".startswith(reply.body), reply.body[:80])
        else:
            self.assert_error(reply, 502)

    def test_an_upstream_that_is_down_is_502(self):
        relay = self.start_relay(free_port(), limits=self.limits)
        self.assert_error(ask(relay.port, post()), 502)
        self.assert_error(ask(relay.port, post("/api/v0/add?pin=false", chunks=[b"abc"])), 502)

    def test_an_upstream_that_comes_back_is_used_again(self):
        port = free_port()
        relay = self.start_relay(port, limits=self.limits)
        self.assert_error(ask(relay.port, post()), 502)
        self.start_upstream(port=port)
        self.assertEqual(ask(relay.port, post()).status, 200)

    def test_a_silent_upstream_is_504_at_its_limit(self):
        _, relay = self.before(replying(b"", end="silent"))
        reply, seconds = timed_ask(relay.port, post())
        self.assertEqual(reply.status, 504)
        self.assertTrue(0.9 <= seconds <= 2.5, f"after {seconds:.2f} s")

    def test_a_broken_head_is_never_passed_on(self):
        upstream, relay = self.before(None)
        for name, data, end, status in BROKEN_HEADS:
            for body in (None, b"abc"):
                with self.subTest(name, body=body):
                    upstream.script = replying(data, end=end)
                    reply = ask(relay.port, post("/api/v0/add?pin=false" if body else read_path(), body=body))
                    self.assertIn(reply.status, (502, 504) if status is None else (status,))
                    self.assert_error(reply, reply.status)

    def test_a_broken_body_is_cut_and_never_ended(self):
        upstream, relay = self.before(None)
        for name, data, end in BROKEN_BODIES:
            with self.subTest(name):
                upstream.script = replying(data, end=end)
                self.assert_cut_or_502(relay)

    def test_a_body_that_ends_with_its_connection_passes(self):
        _, relay = self.before(replying(HEAD + b"Connection: close\r\n\r\nabc", end="close"))
        reply = ask(relay.port, post())
        self.assertEqual((reply.status, bytes(reply.body), reply.broken), (200, b"abc", None))

    def test_a_trailer_passes(self):
        data = CHUNKED.replace(b"\r\n\r\n", b"\r\nTrailer: X-Stream-Error\r\n\r\n")
        _, relay = self.before(replying(data + b"3\r\nabc\r\n0\r\nX-Stream-Error: it broke\r\n\r\n"))
        reply = ask(relay.port, post())
        self.assertEqual((bytes(reply.body), reply.trailers), (b"abc", [("x-stream-error", "it broke")]))

    def test_bytes_behind_a_reply_end_the_upstream_connection(self):
        data = HEAD + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        upstream, relay = self.before(None)
        upstream.script = replying(data, end="silent")
        with Client(relay.port) as client:
            self.assertEqual(bytes(client.ask(post()).body), b"ok")
            upstream.script = replying(HEAD + b"Content-Length: 5\r\n\r\nclean", end="silent")
            self.assertEqual(bytes(client.ask(post()).body), b"clean")

    def test_an_early_reply_reaches_a_client_that_still_uploads(self):
        def refuse(peer, request):
            peer.reply(b'{"Message":"too large"}\n', status="413 Too Large", connection="close")
            peer.wait_closed(2)
            return False

        _, relay = self.before(refuse)
        with Client(relay.port) as client:
            client.send(upload_head("Content-Length: 5368709120"))
            client.sock.settimeout(3)
            for _ in range(64):
                if not client.send(b"a" * 65536):
                    break
            client.sock.settimeout(10)
            reply = client.reply()
        self.assertEqual(reply.status, 413)
        self.assertIn("too large", reply.text())

    def test_a_reply_flows_while_the_upload_is_under_way(self):
        def echo(peer, request):
            peer.send(CHUNKED)
            peer.read_body(request, on_piece=lambda piece: peer.send(b"%x\r\n%s\r\n" % (len(piece), piece)))
            peer.send(b"0\r\n\r\n")
            return True

        _, relay = self.before(echo)
        with Client(relay.port) as client:
            client.send(upload_head())
            client.send(b"5\r\nfirst\r\n")
            reply = client.reader.reply()
            self.assertEqual(reply.status, 200)
            self.assertEqual(client.reader.line(), b"5")
            self.assertEqual(client.reader.line(), b"first")
            client.send(b"6\r\nsecond\r\n0\r\n\r\n")
            client.reader.body(reply)
        self.assertEqual(bytes(reply.body), b"second")
