# SPDX-License-Identifier: Apache-2.0
"""A gateway that stores what it is given itself, in the place of one before a Kubo: for tests that look at the node from beside."""

import base64
import contextlib
import json
import pathlib
import shutil
import sqlite3
import tempfile
import unittest

from kit import members, relay, rpc, settings
from kit.client import Client
from kit.pin_model import DIRECT, RECURSIVE


def text_of(cid):
    """Of a binary CIDv1."""
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


class EmbeddedNode:
    """The node inside a gateway, in the place of kit.kubo.Kubo: seen in the files that it has in the gateway's folder."""

    port = None

    def __init__(self, case):
        self.case, self.process = case, self

    def is_running(self):
        return True

    def pins(self):
        """All, as (CID, mode, name)."""
        with contextlib.closing(sqlite3.connect(self.path())) as database:
            rows = database.execute("select cid, mode, name from pin").fetchall()
        return {(text_of(cid), {1: DIRECT, 2: RECURSIVE}[mode], name.decode()) for cid, mode, name in rows}

    def pin(self, text, name):
        """As somebody else's; the gateway does not run."""
        cid = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
        with contextlib.closing(sqlite3.connect(self.path())) as database, database:
            database.execute("insert into pin values (?, ?, 2, ?)", (cid, b"u" + base64.urlsafe_b64encode(cid).rstrip(b"="), name.encode()))

    def ask(self, target):
        """`pin/ls` of one type, as lines."""
        mode = DIRECT if "type=direct" in target else RECURSIVE
        return "\n".join(json.dumps({"Cid": cid, "Type": mode, "Name": name}) for cid, found, name in self.pins() if found == mode).encode()

    def path(self):
        return self.case.relay.folder / "data" / "blocks" / "node.db"

    def collect_garbage(self):
        self.case.causeway("gc")


def values_of(words, option):
    return [word.partition("=")[2] for word in map(str, words) if word.startswith(f"{option}=")]


class EmbeddedCase:
    """In front of a KuboCase: needs no Kubo and no `ipfs`."""

    @classmethod
    def setUpClass(cls):
        reason = settings.target() != "causeway" and f"not for {settings.target()}" or relay.why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def start_embedded(self, names, **options):
        """self.relay, self.kubo (its node), and self.tokens of these members."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.kubo = EmbeddedNode(self)
        self.relay = relay.start(self.folder, None, more=members.write_policy(self.folder, [*names, "keeper"]), **options)
        self.addCleanup(relay.stop_well, self.relay)
        *tokens, self.keeper = members.mint(self.relay, [*names, "keeper"])
        self.tokens = dict(zip(names, tokens))

    def keep(self, target, *headers, body=b""):
        """What a member who plays no part gets."""
        head = [f"POST /api/v0/{target} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.keeper}", *headers]
        with Client(self.relay.port, timeout=60) as client:
            reply = client.ask("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        self.assertEqual(reply.status, 200, reply.text())
        return json.loads(reply.text().splitlines()[-1])

    def straight(self, *words):
        """`add`, `pin add` and `cid format` alone: what is added has no pin, and what is pinned is a stranger's."""
        if words[:2] == ("pin", "add"):
            return self.pin_as_stranger(words[-1], *values_of(words, "--name"))
        if words[0] == "cid":
            return self.keep(f"cid/format?v=1&b=base32&arg={words[-1]}")["Formatted"]
        path = pathlib.Path(words[-1])
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        named = values_of(words, "--pin-name")
        version = 1 if named or "--cid-version=1" in words else 0
        cid = self.keep(f"add?pin=false&cid-version={version}&progress=false", f"Content-Type: multipart/form-data; boundary={rpc.BOUNDARY}",
                        body=rpc.body([rpc.part(str(file.relative_to(path.parent)), "file", file.read_bytes()) for file in files]))["Hash"]
        return self.pin_as_stranger(cid, *named) if named else cid

    def pin_as_stranger(self, cid, name):
        self.relay.stop()
        self.kubo.pin(cid, name)
        self.relay.start()
        return cid
