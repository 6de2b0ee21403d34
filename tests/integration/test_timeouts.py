# SPDX-License-Identifier: Apache-2.0
"""Which calls are given a `timeout`, and what becomes of a reply that breaks off."""

import json
import threading
import unittest

from kit import settings
from kit.client import Client
from kit.process import wait_for
from rpc_case import CID, RpcCase, multipart, read_target

HEAD_TIMEOUT = {"upstream_head_timeout": "2s"}
LIMITED = [f"resolve?arg=/ipfs/{CID}", f"block/get?arg={CID}", f"block/stat?arg={CID}", f"dag/get?arg={CID}", f"dag/resolve?arg={CID}",
           "files/stat?arg=/a", f"files/stat?arg=/ipfs/{CID}", "name/resolve?arg=/ipns/a.example", "name/resolve"]
UNLIMITED = [f"cat?arg={CID}", f"get?arg={CID}", f"ls?arg={CID}", f"refs?arg={CID}", f"dag/export?arg={CID}", f"dag/stat?arg={CID}",
             "files/read?arg=/a",
             "files/ls", "files/mkdir?arg=/a", "version", "id", "repo/stat", "key/ls", "name/publish?arg=" + CID, "pubsub/sub?arg=uZm9v"]


class Timeouts(RpcCase):
    def options_of(self, call):
        self.assertEqual(self.ask(f"/api/v0/{call}").status, 200, call)
        return dict(read_target(self.received_one().target)[2])

    def test_single_answers_get_a_timeout_a_little_below_our_own(self):
        self.start(limits=HEAD_TIMEOUT)
        for call in LIMITED:
            with self.subTest(call):
                self.assertEqual(self.options_of(call), {"timeout": "1900ms"})

    def test_streams_get_none(self):
        self.start(limits=HEAD_TIMEOUT)
        for call in UNLIMITED:
            with self.subTest(call):
                self.assertNotIn("timeout", self.options_of(call))
        content_type, body = multipart(("file", "x", b"x"))
        for call in ("add", "dag/put", "block/put", "dag/import?pin-roots=false", "files/write?arg=/a", "name/inspect"):
            with self.subTest(call):
                self.assertEqual(self.ask(f"/api/v0/{call}", content_type=content_type, body=body).status, 200)
                self.assertNotIn("timeout", self.received_one().target)

    def test_the_clients_own_timeout_passes(self):
        self.start(limits=HEAD_TIMEOUT)
        for text in ("30s", "1h2m3.5s", "100ms", "0"):
            for call in (LIMITED[0], UNLIMITED[0]):
                with self.subTest((text, call)):
                    self.assertEqual(self.options_of(f"{call}&timeout={text}"), {"timeout": text})

    def test_an_invalid_timeout_is_refused(self):
        self.start()
        for text in ("", "5", "soon", "1x", "s", "1 s", "--1s", "1s1", ".s", "99999999999h"):
            for call in (LIMITED[0], UNLIMITED[0]):
                with self.subTest((text, call)):
                    self.assert_refused(self.ask(f"/api/v0/{call}&timeout={text.replace(' ', '%20')}"), 400, "timeout")
                    self.assert_nothing_went_upstream()

    def test_without_a_limit_of_ours_there_is_none_for_kubo(self):
        self.start(limits={"upstream_head_timeout": 0})
        self.assertEqual(self.options_of(LIMITED[0]), {})

    def test_endless_streams_may_be_silent(self):
        def script(peer, request):
            peer.read_body(request)
            if not peer.wait_closed(1):
                peer.reply()
            return True

        self.start(script, limits={"upstream_head_timeout": "300ms", "upstream_idle_timeout": "300ms"})
        self.assert_refused(self.ask(f"/api/v0/cat?arg={CID}"), 504)
        self.assertEqual(self.ask("/api/v0/pubsub/sub?arg=uZm9v").status, 200)


class Breaks(RpcCase):
    """The upstream breaks off inside a reply."""

    def broken(self, call, first, **options):
        def script(peer, request):
            peer.read_body(request)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Chunked-Output: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            peer.send(b"%x\r\n%s\r\n" % (len(first), first))
            return False

        self.start(script)
        lines = [f"POST /api/v0/{call} HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 0"]
        with Client(self.gateway.port) as client:
            return client.ask("\r\n".join([*lines, "", ""]).encode())

    def test_json_lines_end_with_an_error_line_and_a_cut(self):
        for call in (f"refs?arg={CID}&recursive=true", f"ls?arg={CID}&stream=1",
                     "repo/ls"):
            with self.subTest(call):
                reply = self.broken(call, b'{"Ref":"a"}\n')
                self.assertEqual(reply.status, 200)
                self.assertFalse(reply.complete)
                lines = reply.text().splitlines()
                self.assertEqual(lines[0], '{"Ref":"a"}')
                error = json.loads(lines[1])
                self.assertEqual((error["Code"], error["Type"]), (0, "error"))

    def test_the_error_line_begins_a_line(self):
        reply = self.broken(f"refs?arg={CID}", b'{"Ref":"a"}\n{"Re')
        self.assertFalse(reply.complete)
        self.assertEqual(json.loads(reply.text().splitlines()[-1])["Type"], "error")

    def test_other_replies_are_only_cut(self):
        for call in (f"cat?arg={CID}", f"get?arg={CID}", f"dag/export?arg={CID}", "repo/stat", f"ls?arg={CID}"):
            with self.subTest(call):
                reply = self.broken(call, b'{"Keys":')
                self.assertEqual((reply.status, reply.complete, reply.text()), (200, False, '{"Keys":'))


class Endless(RpcCase):
    """A stream that only its client ends."""

    def closed_after_finish(self, call, seconds):
        """Does the upstream's call end when the client sends FIN in the middle of the reply?"""
        closed = []

        def script(peer, request):
            peer.read_body(request)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n")
            closed.append(peer.wait_closed(seconds))
            return False

        self.start(script)
        with Client(self.gateway.port) as client:
            client.send(f"POST /api/v0/{call} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
            self.assertEqual(client.reader.reply().status, 200)
            client.finish()
            self.assertTrue(wait_for(lambda: closed, seconds + 1))
        return closed[0]

    def test_a_client_that_finished_ends_it(self):
        self.assertTrue(self.closed_after_finish("pubsub/sub?arg=uZm9v", 5))

    def test_other_replies_go_on_for_a_half_closed_client(self):
        self.assertFalse(self.closed_after_finish(f"cat?arg={CID}", 4))

    @unittest.skipUnless(settings.is_full(), "takes more than a minute: in the full tier")
    def test_a_client_that_left_during_a_silence_is_noticed_in_the_end(self):
        closed = threading.Event()

        def script(peer, request):
            peer.read_body(request)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            if peer.wait_closed(120):
                closed.set()
            return False

        self.start(script)
        with Client(self.gateway.port) as client:
            client.send(f"POST /api/v0/cat?arg={CID} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
            client.reader.reply()
            self.assertTrue(client.reader.buffer or client.reader.fill())  # nothing unread: the close is a FIN, no reset
        self.assertTrue(closed.wait(100))
