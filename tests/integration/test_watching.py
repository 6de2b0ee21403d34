# SPDX-License-Identifier: Apache-2.0
"""Watching it: one access line for each exchange, request ids, health, readiness, metrics."""

import json
import re
import urllib.request

from kit.case import RelayCase
from kit.client import Client, ask, post, read_path, upload_head
from kit.ports import free_port
from kit.process import wait_for

FIELDS = {"time", "id", "client", "method", "command", "status", "bytes_in", "bytes_out", "first_byte_ms", "total_ms",
          "upstream_ms", "close"}


class Watching(RelayCase):
    relay_kinds = ("causeway",)

    def before(self, script=None, **options):
        upstream = self.start_upstream(script) if script else self.start_upstream()
        return upstream, self.start_relay(upstream.port, **options)

    def lines(self, relay, count):
        """The access log once it has that many lines."""
        read = lambda: relay.access_path.read_text().splitlines() if relay.access_path.exists() else []  # noqa: E731
        wait_for(lambda: len(read()) >= count, 3)
        self.assertEqual(len(read()), count)
        return [json.loads(line) for line in read()]

    def test_each_exchange_has_one_line(self):
        _, relay = self.before()
        with Client(relay.port) as client:
            client.ask(post())
            client.ask(post("/api/v0/add", body=b"a" * 1000))
            client.ask(post("/api/v0/nonsense"))
        version, add, nonsense = self.lines(relay, 3)
        for line in (version, add, nonsense):
            self.assertLessEqual(FIELDS, set(line))
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            self.assertEqual((line["client"], line["method"]), ("127.0.0.1", "POST"))
            self.assertGreaterEqual(line["total_ms"], line["first_byte_ms"])
        self.assertEqual((version["command"], version["status"], version["close"]), ("version", 200, "done"))
        self.assertEqual((add["bytes_in"], add["status"]), (1000, 200))
        self.assertGreaterEqual(add["bytes_out"], len(b'{"Bytes":1000}\n'))
        self.assertEqual((nonsense["command"], nonsense["status"], nonsense["close"]), ("unknown", 404, "refused"))

    def test_the_query_is_not_logged(self):
        _, relay = self.before()
        ask(relay.port, post(read_path() + "&api-auth=SECRET"))
        self.lines(relay, 1)
        self.assertNotIn("SECRET", relay.access_path.read_text())
        self.assertNotIn("bafkrei", relay.access_path.read_text())

    def test_the_log_names_commands_and_nothing_that_was_typed(self):
        cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        _, relay = self.before(more="allow: [read]")
        named = [(f"POST /api/v0/cat?arg={cid}", "cat", 200), (f"POST /api/v0/%63at?arg={cid}", "cat", 200),
                 (f"POST /api/v0/cat?arg={cid}/..", "cat", 500), (f"POST /api/v0/pin/add?arg={cid}", "pin/add", 403),
                 (f"POST /api/v0/repo/gc?arg={cid}", "repo/gc", 403), (f"GET /api/v0/cat?arg={cid}", "cat", 405),
                 (f"OPTIONS /api/v0/cat?arg={cid}", "cat", 204), ("GET /causeway/v1/whoami", "whoami", 200),
                 (f"POST /api/v0/cat/{cid}", "unknown", 404), (f"POST /api/v0/{cid}", "unknown", 404), (f"GET /ipfs/{cid}", "unknown", 404),
                 (f"POST /{cid}", "unknown", 404), (f"GET /causeway/v1/{cid}", "unknown", 404), (f"{cid} /x", "unknown", 404),
                 (f"POST {cid}", "unknown", 400)]
        for request, _, _ in named:
            ask(relay.port, f"{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
        ask(relay.port, f"POST /api/v0/cat?arg={cid} HTTP/1.1\r\nHost: {cid}\r\n\r\n".encode())
        lines = self.lines(relay, len(named) + 1)
        for (request, command, status), line in zip(named, lines):
            with self.subTest(request):
                self.assertEqual((line["command"], line["status"]), (command, status))
        self.assertEqual((lines[-1]["command"], lines[-1]["status"]), ("cat", 403))
        self.assertEqual({line["method"] for line in lines}, {"POST", "GET", "OPTIONS", "other", ""})
        self.assertNotIn("bafkr", relay.access_path.read_text())
        self.assertNotIn("bafkr", relay.process.log())

    def test_hostile_bytes_cannot_forge_a_line(self):
        _, relay = self.before()
        with Client(relay.port) as client:
            client.ask(b'POST /api/v0/version","status":200 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: a"b\\\xff\r\n\r\n')
        self.lines(relay, 1)

    def test_the_reason_of_an_end_is_logged(self):
        def break_off(peer, request):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc")
            return False

        _, relay = self.before(break_off)
        ask(relay.port, post(read_path()))
        with Client(relay.port) as client:
            client.send(upload_head() + b"3\r\nabc\r\n")
        ask(relay.port, b"POST / HTTP/1.1\r\n\r\n")
        lines = {line["close"]: line for line in self.lines(relay, 3)}
        self.assertEqual(lines["upstream_broken" if "upstream_broken" in lines else "upstream_closed"]["status"], 200)
        self.assertIn("bad_request", lines)

    def test_request_ids_are_unique_and_a_clients_own_is_kept_beside(self):
        _, relay = self.before()
        with Client(relay.port) as client:
            ids = [client.ask(post("/api/v0/version", "X-Request-Id: mine")).get("x-request-id") for _ in range(50)]
            refused = client.ask(post("/api/v0/nonsense")).get("x-request-id")
        self.assertEqual(len(set(ids)), 50)
        lines = self.lines(relay, 51)
        self.assertEqual([line["id"] for line in lines], [*ids, refused])
        self.assertEqual({line.get("client_id") for line in lines[:50]}, {"mine"})

    def test_health_and_readiness(self):
        _, relay = self.before()
        self.assertEqual(relay.operators("/healthz")[0], 200)
        self.assertTrue(wait_for(lambda: relay.operators("/readyz")[0] == 200, 5))

    def test_readiness_fails_while_the_upstream_is_down(self):
        relay = self.start_relay(free_port())
        self.assertEqual(relay.operators("/healthz")[0], 200)
        self.assertTrue(wait_for(lambda: relay.operators("/readyz")[0] == 503, 10))

    def test_metrics_are_prometheus_text(self):
        _, relay = self.before()
        for path in ("/api/v0/version", "/api/v0/nonsense"):
            ask(relay.port, post(path))
        status, text = relay.operators("/metrics")
        self.assertEqual(status, 200)
        sample = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+')
        samples = [line for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual([line for line in samples if not sample.fullmatch(line)], [])
        typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        bare = {re.sub(r"_(bucket|sum|count)$", "", re.split(r"[{ ]", line)[0]) for line in samples}
        self.assertLessEqual(bare, typed | {re.split(r"[{ ]", line)[0] for line in samples if line.split()[0] in typed})

    def test_metrics_count_requests(self):
        _, relay = self.before()

        def answered():
            text = relay.operators("/metrics")[1]
            return sum(float(line.split()[-1]) for line in text.splitlines()
                       if re.match(r"causeway_[a-z_]*requests_total|causeway_[a-z_]*responses_total", line))

        before = answered()
        for _ in range(10):
            ask(relay.port, post())
        self.assertTrue(wait_for(lambda: answered() >= before + 10, 3), relay.operators("/metrics")[1])

    def test_the_operators_port_serves_nothing_else(self):
        _, relay = self.before()
        for path in ("/", "/api/v0/version", "/debug", "/healthz/../metrics", "/metrics/"):
            self.assertIn(relay.operators(path)[0], (400, 404), path)

    def test_the_operators_port_checks_the_host(self):
        _, relay = self.before()
        request = urllib.request.Request(f"http://127.0.0.1:{relay.operators_port}/metrics", headers={"Host": "evil.example"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        self.assertEqual(refused.exception.code, 403)

    def test_client_paths_are_not_served_with_operators_pages(self):
        _, relay = self.before()
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(ask(relay.port, post(path)).status, 404)
