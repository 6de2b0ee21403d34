# SPDX-License-Identifier: Apache-2.0
"""The three gates: what the head, a body of arguments and a resolved name must pass before anything goes upstream."""

import json
import threading
import urllib.parse

from kit.client import Client
from kit.process import wait_for
from rpc_case import CID, CID_V0, RpcCase, multipart, read_target

MIB = 1 << 20
# with the number of arguments that each takes
NEVER = {"block/rm": 1, "bootstrap/add": 1, "bootstrap/rm": 1, "bootstrap/rm/all": 0, "config": 2, "config/show": 0, "config/replace": 0,
         "config/profile/apply": 1, "diag/cmds": 0, "diag/cmds/clear": 0, "diag/cmds/set-time": 1, "diag/profile": 0, "filestore/dups": 0,
         "filestore/ls": 0, "filestore/verify": 0, "log/level": 2, "log/ls": 0, "log/tail": 0, "mount": 0, "p2p/close": 0, "p2p/forward": 3,
         "p2p/listen": 2, "p2p/ls": 0, "p2p/stream/close": 1, "p2p/stream/ls": 0, "pin/remote/service/add": 3, "pin/remote/service/ls": 0,
         "pin/remote/service/rm": 1, "provide/clear": 0, "pubsub/reset": 0, "repo/gc": 0, "repo/verify": 0, "shutdown": 0,
         "swarm/connect": 1, "swarm/disconnect": 1, "swarm/filters/add": 1, "swarm/filters/rm": 1, "swarm/peering/add": 1,
         "swarm/peering/rm": 1}

# what is wrong with a call of class pin -> what who may use it is told
WRONG = {
    "pin/add": (400, "required"),
    f"pin/update?arg={CID}": (400, "required"),
    f"pin/update?arg={CID}&arg={CID}&arg={CID}": (400, "no more than"),
    "pin/add?arg=QmNoCid": (500,),
    f"pin/add?arg={CID}/..": (500,),
    f"pin/add?arg={CID}&arg=%00": (400, "NUL"),
    f"pin/add?arg={CID}&arg=%zz": (400, "escape"),
    f"pin/add?arg={CID}&recursive=maybe": (400, "true or false"),
    f"pin/add?arg={CID}&name=a&name=b": (400, "twice"),
    f"pin/add?arg={CID}&timeout=soon": (400, "duration"),
    f"pin/add?arg={CID};x": (400, "%3B"),
}


class HeadGate(RpcCase):
    def test_no_allow_list_opens_what_is_too_dangerous(self):
        self.start()
        content_type, body = multipart(("file", "x", b"{}"))
        for path in NEVER:
            query = "&".join(["arg=" + CID] * NEVER[path])
            options = {"content_type": content_type, "body": body} if path == "config/replace" else {}
            with self.subTest(path):
                self.assert_refused(self.ask(f"/api/v0/{path}?{query}", **options), 403, path, "not available")
        self.assert_nothing_went_upstream()

    def test_a_class_that_is_not_allowed_is_refused_by_name(self):
        self.start(more="allow: [read]")
        error = self.assert_refused(self.ask(f"/api/v0/pin/add?arg={CID}"), 403, "pin/add", "'pin'", "`allow`", "causeway.yaml")
        self.assertEqual(error["Code"], 4)
        self.assertEqual(self.ask(f"/api/v0/cat?arg={CID}").status, 200)
        self.assertEqual(self.received(), [f"/api/v0/cat?arg={CID}"])

    def test_permission_comes_before_whatever_is_wrong_with_a_call(self):
        self.start(more="allow: [read]")
        content_type, body = multipart(("file", "x", b"x"))
        for target in WRONG:
            with self.subTest(target):
                self.assert_refused(self.ask(f"/api/v0/{target}"), 403, target.partition("?")[0], "'pin'")
                self.assert_refused(self.ask(f"/api/v0/{target}", version="1.0"), 403, "'pin'")
                self.assert_refused(self.ask(f"/api/v0/{target}", content_type=content_type, body=body), 403, "'pin'")
        self.assert_refused(self.ask("/api/v0/add?nocopy=true"), 403, "'write'")
        for target in ("config/show?x=%zz", "config?;", "repo/gc?timeout=soon", "block/rm", "swarm/connect?arg=x&arg=%00"):
            with self.subTest(target):
                self.assert_refused(self.ask(f"/api/v0/{target}"), 403, "not available")
        self.assert_nothing_went_upstream()

    def test_who_may_use_a_command_is_told_what_is_wrong_with_a_call(self):
        self.start(more="allow: [pin]")
        for target, (status, *words) in WRONG.items():
            with self.subTest(target):
                self.assert_refused(self.ask(f"/api/v0/{target}"), status, *words)
        self.assert_refused(self.ask("/api/v0/version?number=maybe"), 400, "true or false")
        self.assert_refused(self.ask("/api/v0/pin/nothing?arg=%00"), 404, "no command")
        self.assert_nothing_went_upstream()

    def test_version_and_commands_are_answered_whatever_is_allowed(self):
        self.start(more="allow: [read]")
        self.assertEqual(json.loads(self.ask("/api/v0/version").text())["Version"], "0.43.1")
        names = {child["Name"] for child in json.loads(self.ask("/api/v0/commands").text())["Subcommands"]}
        self.assertLessEqual({"cat", "version", "commands"}, names)
        self.assertNotIn("add", names)
        self.assert_nothing_went_upstream()

    def test_where_tools_are_allowed_the_upstream_says_its_version(self):
        self.start()
        self.assertEqual(self.ask("/api/v0/version?number=1").status, 200)
        self.assertEqual(self.received(), ["/api/v0/version?number=true"])

    def test_an_upload_that_could_name_files_of_the_server_is_refused(self):
        self.start()
        content_type, body = multipart(("file", "x", b"x"))
        for query in ("nocopy=true", "nocopy", "nocopy=1", "fscache=T", "fscache", "%6eocopy=true"):
            with self.subTest(query):
                self.assert_refused(self.ask(f"/api/v0/add?{query}", content_type=content_type, body=body), 403, "files of the server")
        self.assert_nothing_went_upstream()
        self.assertEqual(self.ask("/api/v0/add?nocopy=false&fscache=0", content_type=content_type, body=body).status, 200)

    def test_a_body_where_none_belongs_is_refused(self):
        self.start()
        content_type, body = multipart(("file", "stdin", CID_V0.encode()))
        for path in ("pin/ls", "repo/stat", "files/mkdir?arg=/x", "key/gen?arg=x", f"pin/update?arg={CID}&arg={CID_V0}", "commands", "version"):
            with self.subTest(path):
                self.assert_refused(self.ask(f"/api/v0/{path}", content_type=content_type, body=body), 400, "takes no body")
        self.assert_refused(self.ask(f"/api/v0/cat?arg={CID}", content_type="text/plain", body=body), 400, "multipart/form-data")
        self.assert_refused(self.ask(f"/api/v0/cat?arg={CID}", body=body), 400, "multipart/form-data")
        self.assert_refused(self.ask("/api/v0/add", content_type="application/octet-stream", body=body), 400, "a file is required")
        self.assert_nothing_went_upstream()

    def test_without_a_body_no_type_of_one_is_sent(self):
        self.start()
        for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            with self.subTest(content_type):
                reply = self.ask("/api/v0/repo/stat", "Content-Disposition: form-data; name=x", content_type=content_type, length=False)
                self.assertEqual(reply.status, 200)
                request = self.received_one()
                self.assertIsNone(request.get("content-type"))
                self.assertIsNone(request.get("content-disposition"))

    def test_a_refusal_comes_before_the_body_is_asked_for(self):
        self.start(more="allow: [read]")
        with Client(self.gateway.port) as client:
            client.send(b"POST /api/v0/add HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                        b"Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
            reply = client.reply()
        self.assert_refused(reply, 403, "'write'")
        self.assertEqual(reply.interim, [])
        self.assert_nothing_went_upstream()


class ArgumentsGate(RpcCase):
    def setUp(self):
        super().setUp()
        self.start()

    def send_lines(self, path, lines, *headers, **options):
        content_type, body = multipart(("file", "stdin", lines), **options)
        return self.ask(path, *headers, content_type=content_type, body=body)

    def arguments_received(self):
        """Path and arguments of the one request, those of the body as Python's own mail parser reads them."""
        import email

        request = self.received_one()
        path, arguments, options = read_target(request.target)
        message = email.message_from_bytes(b"Content-Type: " + request.get("content-type", "text/plain").encode() + b"\r\n\r\n" +
                                           bytes(request.body))
        if message.is_multipart():
            parts = message.get_payload()
            self.assertEqual(len(parts), 1)
            self.assertEqual(parts[0].get_filename(), "stdin")
            arguments += parts[0].get_payload(decode=True).decode().splitlines()
        return path, arguments, options

    def test_arguments_in_a_body_are_sent_on_in_a_body(self):
        for lines, arguments in [
            (f"{CID}\n", [CID]), (CID, [CID]), (f"{CID}\r\n{CID_V0}\r\n", [CID, CID_V0]), (f"{CID}\n{CID_V0}/a b/ä\n", [CID, f"{CID_V0}/a b/ä"]),
        ]:
            with self.subTest(lines):
                self.assertEqual(self.send_lines("/api/v0/refs?unique=1", lines.encode()).status, 200)
                self.assertEqual(self.arguments_received(), ("/api/v0/refs", arguments, [("unique", "true")]))

    def test_those_of_the_query_come_first(self):
        self.assertEqual(self.send_lines(f"/api/v0/refs?arg={CID}", CID_V0.encode()).status, 200)
        self.assertEqual(self.arguments_received(), ("/api/v0/refs", [CID, CID_V0], []))

    def test_one_bad_argument_refuses_them_all(self):
        for bad in (b"QmNoCid", b"", b"/ipfs/../x", b"/ipfs/" + CID.encode() + b"/.."):
            with self.subTest(bad):
                reply = self.send_lines("/api/v0/refs", b"\n".join([CID.encode(), bad, CID_V0.encode()]))
                self.assert_refused(reply, 500)
                self.assert_nothing_went_upstream()

    def test_a_body_that_is_read_in_two_ways_is_refused(self):
        content_type, body = multipart(("file", "stdin", CID.encode()), ("file", "x", CID_V0.encode()))
        good_type, good = multipart(("file", "stdin", CID.encode()))
        for content_type, body in [
            (content_type, body), (good_type, good[:-4]), (good_type, b""), (good_type, b"x"), ("multipart/form-data", good),
            ("multipart/form-data; boundary=other", good), (good_type, good.replace(CID.encode(), b"a\x00b")),
            (good_type, good.replace(CID.encode(), b"a\rb")), (good_type, good.replace(CID.encode(), b"\xff")),
            (good_type, good.replace(b"application/octet-stream", b"application/x-directory")),
            (good_type, good.replace(b"application/octet-stream", b"application/symlink")),
            ("multipart/form-data; boundary=xyz; boundary=abc", good), ("multipart/form-data; boundary=\"\"", good),
        ]:
            with self.subTest((content_type, body)):
                self.assert_refused(self.ask("/api/v0/refs", content_type=content_type, body=body), 400)
                self.assert_nothing_went_upstream()

    def test_no_more_than_ten_thousand_arguments(self):
        line = CID_V0.encode() + b"\n"
        self.assertEqual(self.send_lines("/api/v0/refs", line * 10_000).status, 200)
        self.assertEqual(self.arguments_received()[1], [CID_V0] * 10_000)
        self.assert_refused(self.send_lines("/api/v0/refs", line * 10_001), 400, "10000")
        self.assert_refused(self.send_lines(f"/api/v0/refs?arg={CID}", line * 10_000), 400, "10000")
        self.assert_nothing_went_upstream()

    def test_no_more_than_a_mebibyte(self):
        path = b"/ipfs/" + CID.encode() + b"/" + b"a" * 60_000 + b"\n"
        content_type, body = multipart(("file", "stdin", path * 17))
        self.assertLess(len(body), MIB)
        self.assertEqual(self.ask("/api/v0/refs", content_type=content_type, body=body).status, 200)
        self.upstream.forget()
        content_type, body = multipart(("file", "stdin", path * 18))
        self.assertGreater(len(body), MIB)
        self.assert_refused(self.ask("/api/v0/refs", content_type=content_type, body=body), 413, "1048576")
        self.assert_nothing_went_upstream()

    def test_a_chunked_body_is_bounded_as_well(self):
        head = (b"POST /api/v0/refs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
        with Client(self.gateway.port) as client:
            client.send(head)
            piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
            for _ in range(20):
                if not client.send(piece):
                    break
            self.assert_refused(client.reply(), 413)
        self.assert_nothing_went_upstream()

    def test_the_missing_argument_of_single_commands_may_stand_in_the_body(self):
        for path in ("block/get", "dag/get", "resolve", "files/stat"):
            with self.subTest(path):
                reply = self.send_lines(f"/api/v0/{path}", CID.encode())
                if path == "files/stat":  # takes none
                    self.assert_refused(reply, 400)
                    continue
                self.assertEqual(reply.status, 200)
                self.assertEqual(self.arguments_received()[1], [CID])


class ResolvedGate(RpcCase):
    """/ipns names are resolved once, and what they stood for then is what is sent."""

    names = {"/ipns/name.example": f"/ipfs/{CID}", "/ipns/name.example/a/b": f"/ipfs/{CID_V0}/b", "/ipns/loop": "/ipns/loop"}

    def script(self, peer, request):
        peer.read_body(request)
        path, arguments, _ = read_target(request.target)
        if path == "/api/v0/resolve" and arguments[0] not in self.names:
            peer.reply(b'{"Message":"could not resolve name","Code":0,"Type":"error"}\n', status="500 Internal Server Error")
        elif path == "/api/v0/resolve":
            peer.reply(json.dumps({"Path": self.names[arguments[0]]}).encode())
        else:
            peer.reply()
        return True

    def setUp(self):
        super().setUp()
        self.start(self.script)

    def calls(self):
        return [read_target(target) for target in self.received()]

    def resolve_call(self, name):
        return ("/api/v0/resolve", [name], [("recursive", "true"), ("timeout", "30000ms")])

    def test_a_name_is_resolved_once_and_its_end_is_sent(self):
        for path in ("cat", "get", "refs", "dag/export", "block/stat", "dag/resolve"):
            with self.subTest(path):
                self.assertEqual(self.ask(f"/api/v0/{path}?arg=/ipns/name.example").status, 200)
                resolve, call = self.calls()
                self.assertEqual(resolve, self.resolve_call("/ipns/name.example"))
                self.assertEqual(call[:2], (f"/api/v0/{path}", [f"/ipfs/{CID}"]))

    def test_every_spelling_of_a_name_is_resolved(self):
        for text in ("ipns://name.example", "ipns:name.example", "IPNS://name.example", "/ipns/name.example/", "//ipns//name.example"):
            with self.subTest(text):
                self.names = {**self.names, text: f"/ipfs/{CID}"}
                self.assertEqual(self.ask("/api/v0/cat?arg=" + urllib.parse.quote(text, safe="")).status, 200)
                self.assertEqual([call[1] for call in self.calls()], [[text], [f"/ipfs/{CID}"]])

    def test_several_names_are_resolved_one_by_one(self):
        self.assertEqual(self.ask(f"/api/v0/cat?arg=/ipns/name.example/a/b&arg={CID}&arg=/ipns/name.example").status, 200)
        *resolved, call = self.calls()
        self.assertEqual([resolve[1] for resolve in resolved], [["/ipns/name.example/a/b"], ["/ipns/name.example"]])
        self.assertEqual(call, ("/api/v0/cat", [f"/ipfs/{CID_V0}/b", CID, f"/ipfs/{CID}"], []))

    def test_names_in_a_body_are_resolved_too(self):
        content_type, body = multipart(("file", "stdin", b"/ipns/name.example\n" + CID_V0.encode()))
        self.assertEqual(self.ask("/api/v0/refs", content_type=content_type, body=body).status, 200)
        self.assertEqual(self.upstream.requests[0].target.split("?")[0], "/api/v0/resolve")
        self.assertIn(f"/ipfs/{CID}\n{CID_V0}\n".encode(), self.upstream.requests[1].body)
        self.assertNotIn(b"ipns", self.upstream.requests[1].body)

    def test_a_name_that_does_not_resolve_is_told_in_kubos_words(self):
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/other.example"), 500, "could not resolve name")
        self.assertEqual([call[0] for call in self.calls()], ["/api/v0/resolve"])

    def test_a_name_that_ends_at_a_name_is_not_sent(self):
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/loop"), 502, "/ipns/loop", "without a path below /ipfs")
        self.assertEqual([call[0] for call in self.calls()], ["/api/v0/resolve"])

    def test_what_is_about_the_name_itself_is_sent_as_typed(self):
        for path in ("resolve", "name/resolve", "name/get", "name/publish", "name/pubsub/cancel"):
            with self.subTest(path):
                self.assertEqual(self.ask(f"/api/v0/{path}?arg=/ipns/{CID}").status, 500 if path == "resolve" else 200)
                self.assertEqual([call[:2] for call in self.calls()], [(f"/api/v0/{path}", [f"/ipns/{CID}"])])

    def test_the_clients_options_hold_for_its_names_as_well(self):
        for query, options in [("timeout=200ms", [("recursive", "true"), ("timeout", "200ms")]), ("timeout=1h", [("recursive", "true"), ("timeout", "30000ms")]),
                               ("offline=1", [("offline", "true"), ("recursive", "true"), ("timeout", "30000ms")])]:
            with self.subTest(query):
                self.assertEqual(self.ask(f"/api/v0/cat?arg=/ipns/name.example&{query}").status, 200)
                self.assertEqual(self.calls()[0][2], options)

    def test_a_silent_upstream_is_waited_for_as_long_as_the_client_says(self):
        self.start(lambda peer, request: peer.wait_closed(5))
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/name.example&timeout=200ms"), 504, "/ipns/name.example")

    def test_what_the_node_says_to_the_gateway_is_not_the_members(self):
        def script(peer, request):
            peer.read_body(request)
            peer.reply(b"403 - Forbidden\n", status="403 Forbidden")
            return True

        self.start(script)
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/name.example"), 502, "authorization_file")

    def test_an_upstream_that_does_not_answer_is_told_as_such(self):
        self.start(lambda peer, request: False)
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/name.example"), 502)
        self.upstream.close()
        self.assert_refused(self.ask("/api/v0/cat?arg=/ipns/name.example"), 502)

    def test_a_client_that_leaves_ends_the_resolving(self):
        resolving = threading.Event()
        closed = []

        def script(peer, request):
            resolving.set()
            closed.append(peer.wait_closed(10))
            return False

        self.start(script)
        with Client(self.gateway.port) as client:
            client.send(b"POST /api/v0/cat?arg=/ipns/name.example HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
            self.assertTrue(resolving.wait(5))
        self.assertTrue(wait_for(lambda: closed, 5))
        self.assertEqual(closed, [True])


