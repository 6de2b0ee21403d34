# SPDX-License-Identifier: Apache-2.0
"""The base of the tests that send RPC calls through a gateway to a recording upstream."""

import json
import urllib.parse

from kit.case import RelayCase
from kit.client import Client
from kit.process import wait_for

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
CID_V0 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
ALL_CLASSES = "tool, read, write, pin, files, key, pubsub, network, repo, remote-pin"


class RpcCase(RelayCase):
    relay_kinds = ("causeway",)

    def start(self, script=None, *, more=f"allow: [{ALL_CLASSES}]", **options):
        """A recording upstream, and a gateway before it."""
        self.upstream = self.start_upstream(script) if script else self.start_upstream()
        self.gateway = self.start_relay(self.upstream.port, more=more, **options)

    def ask(self, target, *headers, method="POST", host="127.0.0.1", version="1.1", body=b"", content_type=None,
            length=True):
        """One exchange on a connection of its own. host None: no Host at all."""
        lines = [f"{method} {target} HTTP/{version}"]
        lines += [f"Host: {host}"] if host is not None else []
        lines += headers
        lines += [f"Content-Type: {content_type}"] if content_type else []
        lines += [f"Content-Length: {len(body)}"] if length else []
        with Client(self.gateway.port) as client:
            return client.ask("\r\n".join([*lines, "", ""]).encode("latin-1") + body, head_only=method == "HEAD")

    def assert_refused(self, reply, status, *words):
        """Refused in Kubo's dialect, in one line with these words."""
        self.assertEqual(reply.status, status, reply.text())
        self.assertEqual(reply.get("content-type"), "application/json")
        error = json.loads(reply.text())
        self.assertEqual(set(error), {"Message", "Code", "Type"})
        self.assertEqual(error["Type"], "error")
        self.assertNotIn("\n", error["Message"])
        for word in words:
            self.assertIn(word, error["Message"])
        return error

    def assert_nothing_went_upstream(self):
        self.assertEqual([request.target for request in self.upstream.requests], [])
        self.assertEqual(self.upstream.bad, [])

    def received(self):
        """The targets that the upstream saw, and forgets them."""
        self.assertEqual(self.upstream.bad, [])
        targets = [request.target for request in self.upstream.requests]
        self.upstream.forget()
        return targets

    def received_one(self):
        """The one request that the upstream saw, and forgets it."""
        self.assertEqual(self.upstream.bad, [])
        self.assertEqual(len(self.upstream.requests), 1, [request.target for request in self.upstream.requests])
        request = self.upstream.requests[0]
        self.upstream.forget()
        return request

    def access_lines(self, count):
        """The access log, once it has that many lines."""
        path = self.gateway.access_path
        self.assertTrue(wait_for(lambda: path.exists() and path.read_text().count("\n") >= count, 5))
        return path.read_text()


def read_target(target):
    """Path, arguments and options of a target, as Python's own parser reads it."""
    path, _, query = target.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    return path, [value for name, value in pairs if name == "arg"], [pair for pair in pairs if pair[0] != "arg"]


def multipart(*parts, boundary="xyz"):
    """Content-Type and body; each part is (name, filename, content) with content as bytes."""
    body = b""
    for name, filename, content in parts:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()
