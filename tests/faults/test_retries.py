# SPDX-License-Identifier: Apache-2.0
"""Idle upstream connections that died: a read without a body is tried once more, nothing else is ever sent twice."""

import time

from kit.case import RelayCase
from kit.client import Client, add_number, add_path, ask, post, read_path
from kit.upstream import answer


class Counting:
    """Answers `good` requests of each connection, then treats the next one in the named way."""

    def __init__(self, good, way):
        self.good, self.way = good, way
        self.served = {}

    def __call__(self, peer, request):
        served = self.served[peer.number] = self.served.get(peer.number, 0) + 1
        if served <= self.good:
            return answer(peer, request)
        if self.way == "reset":
            peer.reset()
        elif self.way == "after the body":
            peer.read_body(request)
        return False


class Retries(RelayCase):
    relay_kinds = ("causeway",)

    def before(self, script):
        upstream = self.start_upstream(script)
        return upstream, self.start_relay(upstream.port)

    def tagged(self, upstream, tag):
        return [request for request in upstream.requests if request.target == tag]

    def test_a_connection_that_the_upstream_closed_is_not_used(self):
        def once(peer, request):
            answer(peer, request)
            return False

        upstream, relay = self.before(once)
        with Client(relay.port) as client:
            for number in range(20):
                self.assertEqual(client.ask(post(add_path(number), body=b"abc")).status, 200)
                time.sleep(0.02)
        for number in range(20):
            self.assertEqual(len(self.tagged(upstream, add_path(number))), 1)

    def test_a_read_is_tried_once_more_on_a_fresh_connection(self):
        for way in ("close", "reset"):
            with self.subTest(way):
                upstream, relay = self.before(Counting(1, way))
                with Client(relay.port) as client:
                    self.assertEqual(client.ask(post(read_path(1))).status, 200)
                    self.assertEqual(client.ask(post(read_path(2))).status, 200)
                self.assertEqual(len(self.tagged(upstream, read_path(2))), 2)

    def test_a_read_is_not_tried_a_third_time(self):
        upstream, relay = self.before(Counting(1, "close"))
        with Client(relay.port) as client:
            client.ask(post(read_path(1)))
            upstream.script = Counting(0, "close")
            self.assertEqual(client.ask(post(read_path(2))).status, 502)
        self.assertLessEqual(len(self.tagged(upstream, read_path(2))), 2)

    def test_a_read_that_fails_on_a_fresh_connection_is_not_retried(self):
        upstream, relay = self.before(Counting(0, "close"))
        self.assertEqual(ask(relay.port, post(read_path(3))).status, 502)
        self.assertEqual(len(self.tagged(upstream, read_path(3))), 1)

    def test_a_post_with_a_body_is_never_delivered_twice(self):
        for way in ("close", "reset", "after the body"):
            for body in (b"a", b"a" * 1_000_000):
                with self.subTest(way, size=len(body)):
                    upstream, relay = self.before(Counting(1, way))
                    with Client(relay.port) as client:
                        self.assertEqual(client.ask(post(read_path(1))).status, 200)
                        reply = client.ask(post(add_path(2), body=body))
                        self.assertIn(reply.status, (200, 502))
                        if reply.status == 502:
                            self.assertIn("not retried", reply.text())
                    self.assertEqual(len(self.tagged(upstream, add_path(2))), 1)

    def test_a_post_with_a_body_does_not_use_a_connection_that_idled(self):
        upstream, relay = self.before(Counting(1, "close"))
        with Client(relay.port) as client:
            self.assertEqual(client.ask(post(read_path(1))).status, 200)
            time.sleep(1.3)
            self.assertEqual(client.ask(post(add_path(2), body=b"abc")).status, 200)
        self.assertEqual(len(self.tagged(upstream, add_path(2))), 1)

    def test_nothing_is_delivered_twice_by_an_upstream_that_dies_at_random(self):
        """200 uploads, numbered; the upstream kills connections at every point of a request."""
        ways = ["close", "reset", "after the body"]

        def dying(peer, request):
            number = add_number(request.target)
            if number % 4 == 3:
                return Counting(0, ways[number // 4 % 3])(peer, request)
            return answer(peer, request)

        upstream, relay = self.before(dying)
        with Client(relay.port) as client:
            for number in range(200):
                reply = client.ask(post(add_path(number), body=b"x" * (number * 37)))
                self.assertIn(reply.status, (200, 502))
        seen = [request.target for request in upstream.requests]
        self.assertEqual(len(seen), len(set(seen)))

    def test_connections_are_reused(self):
        upstream, relay = self.before(answer)
        with Client(relay.port) as client:
            for _ in range(50):
                self.assertEqual(client.ask(post()).status, 200)
        self.assertEqual(len(upstream.peers), 1)
