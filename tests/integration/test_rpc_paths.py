# SPDX-License-Identifier: Apache-2.0
"""Every spelling of a path, an option or an argument reaches the upstream in one form, or is refused."""

import urllib.parse

from rpc_case import CID, CID_V0, RpcCase, read_target

SECRET = "Basic c2VjcmV0OnNlY3JldA"

# what a client sends as path -> what the upstream sees
NORMALIZED_PATHS = {
    "/api/v0/dag/export": "/api/v0/dag/export",
    "/api/v0/%64ag/export": "/api/v0/dag/export",
    "/api/v0/dag%2Fexport": "/api/v0/dag/export",
    "/api/v0/dag%2fexport": "/api/v0/dag/export",
    "/api/v0/%64%61%67%2f%65%78%70%6f%72%74": "/api/v0/dag/export",
}

UNKNOWN_PATHS = [
    "/api/v0/pin//add", "//api/v0/pin/add", "/api//v0/pin/add", "/api/v0//pin/add", "/api/v0/pin/add/", "/api/v0/pin/add//",
    "/api/v0/./pin/add", "/api/v0/pin/./add", "/api/v0/pin/../pin/add", "/api/v0/cat/../pin/add", "/api/v0/../v0/pin/add",
    "/../api/v0/pin/add", "/api/v0/pin/add/..", "/api/v0/%2e%2e/v0/pin/add", "/api/v0/pin/%2e/add", "/api/v0/pin%2f%2fadd",
    "/api/v0/%2570in/add", "/api/v0/pin%252Fadd", "/api/v0/pin%00add", "/api/v0/pin/add%00", "/api/v0/pin/add%20",
    "/api/v0/pin/add%0a", "/api/v0/PIN/ADD", "/API/v0/pin/add", "/api/V0/pin/add", "/api/v1/pin/add", "/api/v0", "/api/v0/",
    "/api/v0/pin", "/api/v0/pin/", "/api/v0/pin/addd", "/api/v0/pin\\add", "/api/v0/pin;/add", "/api/v0/pin/add;x",
    "/api/v0/pin+add", f"/api/v0/pin/add/{CID}", f"/api/v0/dag/export/{CID}", f"/api/v0/cat/ipfs/{CID}", "/api/v0/repo/gc/x",
    "/api/v0/daemon", "/api/v0/config/edit", "/api/v0/diag/datastore/get", "/api/v0/key/export", "/", "/webui", "/debug/vars",
    "/debug/pprof/", "/debug/metrics/prometheus", "/logs", "/version", f"/ipfs/{CID}", f"/ipns/{CID}", "/%61pi/v0/pin/add",
    "/api%2fv0%2Fpin/add",
]

BAD_PATHS = ["*", "/api/v0/pin/add%", "/api/v0/pin/add%2", "/api/v0/pin/%zzadd", "/api/v0/%u0070in/add"]

# global options that no call takes with it
STRIPPED = ["config-file", "c", "config", "repo-dir", "api", "api-auth", "debug", "D", "help", "h", "stream-channels"]

# what a client sends as one argument of `cat` -> the upstream sees the same
PATH_SPELLINGS = [
    CID, CID_V0, f"/ipfs/{CID}", f"/ipfs/{CID}/a/b", f"{CID}/a/b", f"ipfs://{CID}", f"ipfs:{CID}", f"IPFS://{CID}/a", f"iPfS:{CID}",
    f"/ipfs/{CID}/", f"/ipfs//{CID}", f"/ipfs/{CID}/./a", f"/ipld/{CID}", f"/ipfs/{CID}/ä ö", f"/ipfs/{CID}/a%2Fb", f"/ipfs/{CID}/a+b",
    f"/ipfs/{CID}/?#&=;", "zdj7WbTaiJT1fgatdet9Ei9iDB5hdCxkbVyhyh8YTUnXMiwYi", "f01551220" + "ab" * 32, "F01551220" + "AB" * 32,
]

BAD_ARGUMENTS = [
    f"/ipfs/{CID}/../{CID_V0}", f"/ipfs/../ipfs/{CID}", f"{CID}/..", f"ipfs://{CID}/../x", "/ipfs/", "/ipfs", "", "/", "QmNoCid",
    f"/ipfx/{CID}", f"https://{CID}", f"file://{CID}", f"{CID}x", CID[:-1], f" {CID}", f"{CID} ", f"{CID}\n", "Qm" + "1" * 44,
    f"http://localhost:5001/ipfs/{CID}",
]


class RpcPaths(RpcCase):
    def setUp(self):
        super().setUp()
        self.start()

    def test_a_path_is_decoded_once_and_sent_in_one_form(self):
        for path, seen in NORMALIZED_PATHS.items():
            with self.subTest(path):
                self.assertEqual(self.ask(f"{path}?arg={CID}").status, 200)
                offline = "&offline=true" if seen.endswith("dag/export") else ""  # it never fetches
                self.assertEqual(self.received(), [f"{seen}?arg={CID}{offline}"])

    def test_what_is_no_command_is_refused(self):
        for path in UNKNOWN_PATHS:
            with self.subTest(path):
                self.assert_refused(self.ask(f"{path}?arg={CID}"), 404)
                self.assert_nothing_went_upstream()

    def test_a_bad_escape_in_the_path_is_refused(self):
        for path in BAD_PATHS:
            with self.subTest(path):
                self.assert_refused(self.ask(f"{path}?arg={CID}"), 400)
                self.assert_nothing_went_upstream()

    def test_an_absolute_target_is_not_taken(self):
        for target in (f"http://127.0.0.1/api/v0/cat?arg={CID}", f"//127.0.0.1/api/v0/cat?arg={CID}"):
            with self.subTest(target):
                self.assertGreaterEqual(self.ask(target).status, 400)
                self.assert_nothing_went_upstream()

    def test_an_argument_in_the_path_is_told_where_it_belongs(self):
        self.assert_refused(self.ask(f"/api/v0/dag/export/{CID}?arg={CID_V0}"), 404, "dag/export?arg=")

    def test_options_of_the_node_itself_are_not_passed_on(self):
        for name in STRIPPED:
            with self.subTest(name):
                self.assertEqual(self.ask(f"/api/v0/cat?arg={CID}&{name}=x").status, 200)
                self.assertEqual(self.received(), [f"/api/v0/cat?arg={CID}"])

    def test_a_secret_in_the_query_reaches_nothing(self):
        secret = urllib.parse.quote(SECRET)
        calls = [f"cat?arg={CID}&api-auth={secret}", f"cat?api-auth={secret}&arg=bad", f"cat?arg={CID}&api-auth={secret};",
                 f"cat?arg={CID}&api-auth={secret}&api-auth={secret}", f"repo/gc?api-auth={secret}", f"nothing?api-auth={secret}",
                 f"cat?arg={CID}&api-auth={secret}&offset=x", f"add?api-auth={secret}", f"%61pi-auth?api-auth={secret}",
                 f"cat?arg={CID}&%61pi-auth={secret}", f"cat?arg={CID}&api-auth={secret}%zz"]
        texts = []
        for call in calls:
            texts.append(self.ask(f"/api/v0/{call}", f"Authorization: {SECRET}").text())
        texts.append(self.access_lines(len(calls)))
        texts.append(self.gateway.process.log())
        texts.append(self.gateway.operators("/metrics")[1])
        texts += [request.raw.decode("latin-1") for request in self.upstream.requests]
        self.assertEqual(len(self.upstream.requests), 3)
        for text in texts:
            self.assertNotIn("c2VjcmV0", text)

    def test_every_spelling_of_a_path_is_sent_as_typed(self):
        for text in PATH_SPELLINGS:
            with self.subTest(text):
                self.assertEqual(self.ask("/api/v0/cat?arg=" + urllib.parse.quote(text, safe="")).status, 200)
                self.assertEqual(read_target(self.received()[0]), ("/api/v0/cat", [text], []))

    def test_what_is_no_path_is_refused_as_kubo_refuses_it(self):
        for text in BAD_ARGUMENTS:
            with self.subTest(text):
                reply = self.ask("/api/v0/cat?arg=" + urllib.parse.quote(text, safe=""))
                self.assert_refused(reply, 500)
                self.assert_nothing_went_upstream()

    def test_bytes_that_are_no_text_are_refused(self):
        for escaped in ("%00", "a%00b", "%ff", "%c3%28", "%ed%a0%80", "%f4%90%80%80", "%c0%af"):
            with self.subTest(escaped):
                self.assert_refused(self.ask(f"/api/v0/cat?arg=/ipfs/{CID}/{escaped}"), 400)
                self.assert_nothing_went_upstream()

    def test_options_are_sent_by_their_long_name_and_in_one_spelling(self):
        for query, seen in [
            ("u=1&e=1", [("edges", "true"), ("unique", "true")]),
            ("unique", [("unique", "true")]),
            ("unique=", [("unique", "true")]),
            ("recursive=F", [("recursive", "false")]),
            ("timeout=1m30s&unique=T", [("timeout", "1m30s"), ("unique", "true")]),
            ("for%6dat=a+b%2Bc", [("format", "a b+c")]),
            ("&&format=x&&", [("format", "x")]),
            ("unheard-of=1&format=x&unheard-of=2", [("format", "x")]),
            ("FORMAT=x", []),
        ]:
            with self.subTest(query):
                self.assertEqual(self.ask(f"/api/v0/refs?arg={CID}&{query}").status, 200)
                self.assertEqual(read_target(self.received()[0]), ("/api/v0/refs", [CID], seen))

    def test_what_could_be_read_in_two_ways_is_refused(self):
        for query in ("name=a&name=b", "name=a&n=b", "r=1&recursive=true", "recursive=yes", "recursive=true;progress=true",
                      "name=%", "name=%4", "name=%zz", "timeout=soon", "timeout=5", "=x", "encoding=yaml", "name=a;b", "name=a#b"):
            with self.subTest(query):
                self.assert_refused(self.ask(f"/api/v0/pin/add?arg={CID}&{query}"), 400)
                self.assert_nothing_went_upstream()

    def test_only_post_calls_commands(self):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "FOO"):
            with self.subTest(method):
                reply = self.ask(f"/api/v0/cat?arg={CID}", method=method)
                self.assertEqual((reply.status, reply.get("allow")), (405, "OPTIONS, POST"))
                self.assert_nothing_went_upstream()

    def test_a_call_that_changes_something_is_not_taken_over_http_1_0(self):
        self.assert_refused(self.ask(f"/api/v0/pin/add?arg={CID}", version="1.0"), 400, "HTTP/1.1")
        self.assert_nothing_went_upstream()
        self.assertEqual(self.ask(f"/api/v0/cat?arg={CID}", version="1.0").status, 200)
