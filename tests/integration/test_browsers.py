# SPDX-License-Identifier: Apache-2.0
"""Web pages get in only from listed origins, whatever they send; and none of what they send reaches the upstream."""


from kit.client import Client
from rpc_case import CID, RpcCase, multipart

LISTED = "https://app.example.org"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ELECTRON = "Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0 Electron/28.0.0 Safari/537.36"
CAT = f"/api/v0/cat?arg={CID}"
MORE = f"allow: [read, pin]\nhosts: [ipfs.example.org, 'exact.example.org:8443']\norigins: ['{LISTED}', 'http://localhost:3000']"

FOREIGN_ORIGINS = [
    "https://evil.example.com", "null", "", "http://app.example.org", "https://app.example.org:8443", "https://app.example.org.evil.com",
    "https://app.example.org/", "https://app.example.org, https://evil.example.com", "https://evil.app.example.org", "http://localhost:3001",
    "http://localhost", "app.example.org", "*", "https://app.example.org@evil.com", "chrome-extension://nibjojkomfdiaoajekhjakgkdhaomnch",
]
# what a page served by the gateway's own address would send
OWN_ORIGINS = ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://[::1]:{port}"]

FOREIGN_REFERERS = [
    "https://evil.example.com/", "https://evil.example.com/https://app.example.org/", "https://app.example.org.evil.com/",
    "https://app.example.org@evil.com/", "http://app.example.org/", "https://app.example.org:444/", "about:client", "",
    "https://evil.example.com?://app.example.org/", "://app.example.org/",
]

OWN_HOSTS = ["127.0.0.1", "127.0.0.1:9500", "localhost", "LocalHost:1", "[::1]", "[::1]:9500", "ipfs.example.org", "IPFS.example.org:80",
             "exact.example.org:8443", "192.0.2.7"]
FOREIGN_HOSTS = ["evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com", "127.0.0.1.nip.io", "localhost.", "ipfs.example.org.evil.com",
                 "exact.example.org", "exact.example.org:443", "evil.example.com:9500", "0x7f.1", "2130706433", "[evil]", "[::1", "127.1", "evil"]


class Browsers(RpcCase):
    def setUp(self):
        super().setUp()
        self.start(more=MORE)

    # ---- Host

    def test_own_and_listed_hosts_are_answered(self):
        for host in OWN_HOSTS:
            with self.subTest(host):
                self.assertEqual(self.ask(CAT, host=host).status, 200)

    def test_a_foreign_host_is_refused(self):
        for host in FOREIGN_HOSTS:
            with self.subTest(host):
                self.assertIn(self.ask(CAT, host=host).status, (400, 403))
                self.assert_nothing_went_upstream()
        self.assert_refused(self.ask(CAT, host="evil.example.com"), 403, "evil.example.com", "`hosts`")

    def test_two_hosts_or_none_are_refused(self):
        self.assertEqual(self.ask(CAT, "Host: evil.example.com").status, 400)
        self.assertEqual(self.ask(CAT, host=None).status, 400)
        self.assert_nothing_went_upstream()

    def test_http_1_0_needs_no_host(self):
        self.assertEqual(self.ask(CAT, host=None, version="1.0").status, 200)
        self.assert_refused(self.ask(CAT, host="evil.example.com", version="1.0"), 403)

    def test_the_upstream_is_told_neither_host_nor_page(self):
        self.ask(CAT, f"Origin: {LISTED}", f"Referer: {LISTED}/page", f"User-Agent: {FIREFOX}", "Cookie: a=b", "X-Forwarded-For: 192.0.2.1",
                 "Forwarded: for=192.0.2.1", "Authorization: Bearer x", "Accept-Encoding: gzip", "Connection: keep-alive, X-Hop", "X-Hop: 1",
                 "Sec-Fetch-Site: cross-site", "X-Anything: 1", "Expect: 100-continue", "Upgrade: websocket", host="ipfs.example.org")
        headers = dict(self.received_one().headers)
        self.assertEqual(headers.pop("host"), f"127.0.0.1:{self.upstream.port}")
        self.assertRegex(headers.pop("user-agent"), r"^causeway/[0-9.]+$")
        headers.pop("content-length", None)
        headers.pop("connection", None)
        self.assertEqual(headers, {})

    # ---- Origin, Referer, User-Agent

    def test_a_listed_origin_is_let_in(self):
        for origin in (LISTED, "http://localhost:3000"):
            with self.subTest(origin):
                self.assertEqual(self.ask(CAT, f"Origin: {origin}", f"User-Agent: {FIREFOX}").status, 200)

    def test_a_foreign_origin_is_refused_whatever_else_is_right(self):
        for origin in [*FOREIGN_ORIGINS, *(text.format(port=self.gateway.port) for text in OWN_ORIGINS)]:
            for more in ((), (f"Referer: {LISTED}/",), (f"User-Agent: {ELECTRON}",)):
                with self.subTest((origin, more)):
                    reply = self.ask(CAT, f"Origin: {origin}", *more)
                    self.assert_refused(reply, 403, "`origins`")
                    self.assertIsNone(reply.get("access-control-allow-origin"))
                    self.assert_nothing_went_upstream()

    def test_two_origins_are_refused(self):
        for first, second in ((LISTED, "https://evil.example.com"), ("https://evil.example.com", LISTED)):
            self.assert_refused(self.ask(CAT, f"Origin: {first}", f"Origin: {second}"), 403)
            self.assert_refused(self.ask(CAT, f"Referer: {first}/", f"Referer: {second}/"), 403)
        self.assert_nothing_went_upstream()

    def test_a_listed_referer_is_let_in(self):
        for referer in (LISTED, f"{LISTED}/", f"{LISTED}/a/page?x=https://evil.example.com/"):
            with self.subTest(referer):
                self.assertEqual(self.ask(CAT, f"Referer: {referer}", f"User-Agent: {FIREFOX}").status, 200)

    def test_a_foreign_referer_is_refused_even_with_a_listed_origin(self):
        for referer in FOREIGN_REFERERS:
            for more in ((), (f"Origin: {LISTED}",)):
                with self.subTest((referer, more)):
                    self.assert_refused(self.ask(CAT, f"Referer: {referer}", *more), 403, "`origins`")
                    self.assert_nothing_went_upstream()

    def test_a_browser_that_does_not_say_its_page_is_refused(self):
        for agent in (FIREFOX, "Mozilla/4.0", "Mozilla"):
            with self.subTest(agent):
                self.assert_refused(self.ask(CAT, f"User-Agent: {agent}"), 403, "Origin")
        self.assert_nothing_went_upstream()

    def test_programs_are_let_in(self):
        for agent in (ELECTRON, "curl/8.5.0", "go-ipfs-cmds/http", "node", "kubo-rpc-client/7.1.0", "My Mozilla/5.0", ""):
            with self.subTest(agent):
                self.assertEqual(self.ask(CAT, f"User-Agent: {agent}").status, 200)
        self.assertEqual(self.ask(CAT).status, 200)

    def test_agents_that_kubo_would_refuse_for_their_version_are_not_told_to_it(self):
        for agent in ("/go-ipfs/0.4.0/", "/kubo/0.1.0/"):
            self.assertEqual(self.ask(CAT, f"User-Agent: {agent}").status, 200)
            self.assertRegex(self.received_one().get("user-agent"), "^causeway/")

    def test_a_form_of_a_foreign_page_is_refused_before_its_body(self):
        content_type, body = multipart(("file", "x", b"x" * 1000))
        with Client(self.gateway.port) as client:
            client.send((f"POST /api/v0/pin/add?arg={CID} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\nContent-Type: {content_type}\r\n"
                         f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n").encode())
            reply = client.reply()
        self.assert_refused(reply, 403)
        self.assertEqual(reply.interim, [])
        self.assert_nothing_went_upstream()

    # ---- preflights and CORS

    def preflight(self, *headers, target=CAT):
        return self.ask(target, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type", *headers,
                        method="OPTIONS", length=False)

    def test_the_preflight_of_a_listed_origin_is_answered(self):
        reply = self.preflight(f"Origin: {LISTED}", f"User-Agent: {FIREFOX}")
        self.assertEqual((reply.status, bytes(reply.body)), (204, b""))
        self.assertEqual(reply.get("access-control-allow-origin"), LISTED)
        self.assertEqual(reply.get("access-control-allow-methods"), "POST")
        self.assertIn("Content-Type", reply.get("access-control-allow-headers"))
        self.assertIn("Authorization", reply.get("access-control-allow-headers"))
        self.assertIn("Origin", ", ".join(reply.all("vary")))
        self.assertIsNone(reply.get("access-control-allow-credentials"))
        self.assert_nothing_went_upstream()

    def test_the_preflight_of_a_foreign_page_is_refused(self):
        for headers in (("Origin: https://evil.example.com",), ("Origin: null",), (f"User-Agent: {FIREFOX}",)):
            with self.subTest(headers):
                reply = self.preflight(*headers)
                self.assertEqual(reply.status, 403)
                self.assertEqual([name for name, _ in reply.headers if name.startswith("access-control")], [])
        self.assertEqual(self.ask(CAT, f"Origin: {LISTED}", method="OPTIONS", host="evil.example.com").status, 403)
        self.assert_nothing_went_upstream()

    def test_options_without_an_origin_says_what_is_allowed(self):
        reply = self.ask(CAT, method="OPTIONS", length=False)
        self.assertEqual((reply.status, reply.get("allow")), (204, "OPTIONS, POST"))
        self.assertIsNone(reply.get("access-control-allow-methods"))

    def assert_readable(self, reply):
        """A page of the listed origin may read this, and no cache gives it to another."""
        self.assertEqual(reply.all("access-control-allow-origin"), [LISTED])
        self.assertEqual(reply.all("vary"), ["Origin"])
        for name in ("X-Stream-Output", "X-Chunked-Output", "X-Content-Length", "X-Request-Id"):
            self.assertIn(name, reply.get("access-control-expose-headers"))
        self.assertIsNone(reply.get("access-control-allow-credentials"))

    def test_a_listed_page_may_read_replies_and_every_refusal(self):
        arguments_type, arguments = multipart(("file", "stdin", b"x\n" * 600_000))
        for status, target, options in [
            (200, CAT, {}), (400, "/api/v0/cat", {}), (400, CAT + ";", {}), (400, CAT, {"body": b"x"}),
            (403, "/api/v0/add", {"content_type": "multipart/form-data; boundary=x"}), (403, "/api/v0/repo/gc", {}),
            (404, "/api/v0/nothing", {}), (404, "/other", {}), (405, CAT, {"method": "PUT"}), (500, "/api/v0/cat?arg=bad", {}),
            (403, CAT, {"host": "evil.example.com"}),
            (413, "/api/v0/pin/add", {"content_type": arguments_type, "body": arguments}),
        ]:
            with self.subTest((status, target)):
                reply = self.ask(target, f"Origin: {LISTED}", **options)
                self.assertEqual(reply.status, status)
                self.assert_readable(reply)

    def test_without_an_origin_no_cors_header_is_sent(self):
        for target in (CAT, "/api/v0/nothing"):
            reply = self.ask(target)
            self.assertEqual([name for name, _ in reply.headers if name.startswith("access-control")], [])

    def test_failures_of_the_upstream_can_be_read_too(self):
        for status, script in [(502, lambda peer, request: False), (504, lambda peer, request: peer.wait_closed(5))]:
            with self.subTest(status):
                self.start(script, more=MORE, limits={"upstream_head_timeout": "300ms"})
                reply = self.ask(CAT, f"Origin: {LISTED}")
                self.assertEqual(reply.status, status)
                self.assert_readable(reply)

    # ---- the upstream's own headers

    def test_the_upstreams_cors_and_cookies_do_not_pass(self):
        def script(peer, request):
            peer.read_body(request)
            peer.reply(headers=["Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true", "Set-Cookie: a=b",
                                "Server: kubo/0.43.1", "Vary: Origin", "Allow: GET", "X-Stream-Output: 1", "X-Content-Length: 3",
                                "X-Chunked-Output: 1", "Access-Control-Expose-Headers: X-Secret", "X-Secret: 1", "Location: /x",
                                "Link: </x>; rel=preload", "Strict-Transport-Security: max-age=1", "Alt-Svc: h3=x"])
            return True

        self.start(script, more=MORE)
        reply = self.ask(CAT, f"Origin: {LISTED}")
        self.assert_readable(reply)
        names = {name for name, _ in reply.headers} - {"access-control-allow-origin", "access-control-expose-headers", "vary"}
        self.assertEqual(names, {"content-type", "content-length", "x-request-id", "x-stream-output", "x-chunked-output",
                                 "x-content-length"})

    def test_kubos_answers_to_the_gateway_are_not_the_members(self):
        for line in ("301 Moved\r\nLocation: /api/v0/other", "302 Found", "307 Temporary Redirect", "401 Unauthorized", "403 Forbidden"):
            with self.subTest(line):
                def script(peer, request, line=line):
                    peer.read_body(request)
                    peer.reply(b"403 - Forbidden\n", status=line)
                    return True

                self.start(script, more=MORE)
                reply = self.ask(CAT, f"Origin: {LISTED}")
                self.assert_refused(reply, 502)
                self.assert_readable(reply)


class NoListedOrigin(RpcCase):
    def test_by_default_no_page_is_let_in(self):
        self.start(more="")
        for origin in (LISTED, "null", f"http://127.0.0.1:{self.gateway.port}", f"http://127.0.0.1:{self.upstream.port}"):
            with self.subTest(origin):
                self.assert_refused(self.ask(CAT, f"Origin: {origin}"), 403, "`origins`")
                self.assert_refused(self.ask(CAT, f"Referer: {origin}/"), 403, "`origins`")
                self.assert_refused(self.ask(CAT, f"Origin: {origin}", method="OPTIONS"), 403, "`origins`")
        self.assert_nothing_went_upstream()

    def test_a_reload_lists_an_origin(self):
        self.start(more="")
        self.assertEqual(self.ask(CAT, f"Origin: {LISTED}").status, 403)
        self.gateway.write_config(more=f"origins: ['{LISTED}']\n")
        self.gateway.reload()
        self.assertTrue(self.gateway.wait_reloaded())
        self.assertEqual(self.ask(CAT, f"Origin: {LISTED}").status, 200)

    def test_the_operators_port_answers_to_local_names_only(self):
        self.start(more="")
        port, self.gateway.port = self.gateway.port, self.gateway.operators_port
        self.assertEqual(self.ask("/healthz", method="GET", length=False, host="localhost").status, 200)
        for host in ("evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com", "[::1].evil.com", "192.0.2.1"):
            with self.subTest(host):
                self.assertIn(self.ask("/metrics", method="GET", length=False, host=host).status, (400, 403))
        self.gateway.port = port


class Authorized(RpcCase):
    def test_the_nodes_secret_is_sent_and_never_the_clients(self):
        secret = self.folder / "secret"
        secret.write_text("Bearer of-the-gateway\n")
        secret.chmod(0o600)
        self.upstream = self.start_upstream()
        self.gateway = self.start_relay(self.upstream.port)
        self.gateway.write_config(upstream_port=self.upstream.port, authorization_file=secret)
        self.gateway.reload()
        self.assertTrue(self.gateway.wait_reloaded())
        self.assertEqual(self.ask(CAT, "Authorization: Bearer of-the-client").status, 200)
        self.assertEqual(self.received_one().all("authorization"), ["Bearer of-the-gateway"])
        self.assertNotIn("of-the-gateway", self.access_lines(1) + self.gateway.process.log() + self.gateway.operators("/metrics")[1])
