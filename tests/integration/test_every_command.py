# SPDX-License-Identifier: Apache-2.0
"""One table: every command of the catalogue, for each kind of caller. Read from catalogue.def with a reader of the test's own."""

import re
import urllib.parse

from kit import settings
from member_case import MemberCase
from rpc_case import CID, multipart

ROLES = {
    "reader": {"TOOL", "READ"},
    "writer": {"TOOL", "READ", "WRITE", "PIN"},
    "chief": {"TOOL", "READ", "WRITE", "PIN", "FILES", "KEY", "NETWORK", "REPO", "PUBSUB"},
}
PEER = "12D3KooWAGzHFoCYfbd7K8f2mo99zCR5aECe2jSWKjeehyW7c3Wh"
SAMPLES = {"PATH": f"/ipfs/{CID}", "CID": CID, "NAME": "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r", "MFS": "/a",
           "MFS_OR_PATH": "/a", "KEY": "k", "PEER": PEER, "MULTIADDR": f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}", "TOPIC": "uZm9v", "TEXT": "x"}
FILES = {"dag/import": b"\x0a\xa1gversion\x01"}  # a CAR without roots
ROW = re.compile(r'^COMMAND\((\w+), "([^"]+)", (\w+), (\d), (\w+),.*?(?=^COMMAND\(|^GROUP\(|\Z)', re.MULTILINE | re.DOTALL)


def commands():
    """(path, class, danger, takes a file, argument kinds) of each command."""
    text = (settings.root() / "ipfs" / "catalogue.def").read_text().split("clang-format off", 1)[1]
    for match in ROW.finditer(text):
        kinds = re.findall(r'\b(?:ONE|MANY)\((\w+), "', match.group(0))
        yield match.group(2), match.group(3), int(match.group(4)), match.group(5) == "FILE", kinds


class EveryCommand(MemberCase):
    limit_seconds = 120

    def setUp(self):
        super().setUp()
        self.start_with_policy()

    def status(self, token, path, takes_file, kinds):
        query = "&".join("arg=" + urllib.parse.quote(SAMPLES[kind], safe="") for kind in kinds)
        content_type, body = multipart(("file", "a", FILES.get(path, b"x"))) if takes_file else (None, b"")
        headers = [f"Authorization: Bearer {token}"] if token else []
        return self.ask(f"/api/v0/{path}" + (f"?{query}" if query else ""), *headers, body=body, content_type=content_type).status

    def test_each_role_has_exactly_its_classes(self):
        rows = list(commands())
        self.assertGreater(len(rows), 150)
        for role, classes in ROLES.items():
            token = self.token(role)
            for path, group, danger, takes_file, kinds in rows:
                with self.subTest(path, role=role):
                    allowed = (group in classes and danger < 4) or path == "version"
                    status = self.status(token, path, takes_file, kinds)
                    if path == "pin/update":  # of a pin that is not there
                        self.assertEqual(status, 500 if allowed else 403)
                    else:
                        self.assertEqual(status, 200 if allowed else 403)

    def test_nobody_has_anything_but_version(self):
        for path, _, _, takes_file, kinds in commands():
            with self.subTest(path):
                self.assertEqual(self.status(None, path, takes_file, kinds), 200 if path == "version" else 401)
