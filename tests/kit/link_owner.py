# SPDX-License-Identifier: Apache-2.0
"""The owner's side of allocations, written from docs/link-protocol.md ("Items", "Allocations", "Data"): asks for room, sends blocks,
commits, reads back, releases. What is wrong with it is an argument."""

import os
import select
import threading
import time

from kit import link_wire as wire
from kit.dag import print_cid
from kit.http1 import Cut, Silent

PIECE = 1 << 16
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_last, _lock = [0], threading.Lock()


def draw_ulid() -> str:
    """Each one greater than the one before."""
    with _lock:
        drawn = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(9), "big")
        _last[0] = number = max(drawn, _last[0] + 1)
    return "".join(_LETTERS[number >> shift & 31] for shift in range(125, -1, -5))


class Owner:
    """Of PEER (kit.link_peer.Peer), which is linked."""

    def __init__(self, peer):
        self.peer, self.settled = peer, None

    # ---- items

    def ask(self, items, **options) -> list:
        """items: (action, with) or (action, with, key). What is answered to each: {status, with, message}."""
        items = [(item[2] if len(item) > 2 else draw_ulid(), item[0], item[1]) for item in items]
        answer = self.peer.batch(items, settled=self.settled, **options)
        if answer.status != 200:
            raise AssertionError(answer)
        results = wire.read_message("results", answer.body)["results"]
        assert [result["key"] for result in results] == [item[0] for item in items], results
        self.settled = max(item[0] for item in items)
        return results

    def do(self, action, *, key=None, **given) -> dict:
        return self.ask([(f"allocation.{action}", given, *([key] if key else []))])[0]

    def reserve(self, thing, *, id=None, size=None, blocks=0, key=None, **changes) -> tuple:
        """Room for a kit.dag.Object. Its id, and what was answered."""
        id = id or draw_ulid()
        given = {"id": id, "root": print_cid(thing.root), "bytes": thing.bytes if size is None else size, "blocks": blocks,
                 "mode": "recursive", **changes}
        return id, self.do("reserve", key=key, **given)

    def commit(self, id, thing, **changes) -> dict:
        return self.do("commit", **{"id": id, "bytes": thing.bytes, "blocks": len(thing.blocks), **changes})

    def release(self, id, **options) -> dict:
        return self.do("release", id=id, **options)

    def place(self, thing) -> str:
        """All that an honest owner does until the bytes are there. The id."""
        id, answer = self.reserve(thing)
        assert answer["status"] == 200, answer
        answer = self.put(id, thing.car())
        assert answer.status == 200 and answer.json == {"position": len(thing.blocks), "whole": True}, answer
        answer = self.commit(id, thing)
        assert answer["status"] in (200, 202), answer
        return id

    # ---- bytes

    def put(self, id, body, *, at=0, headers=(), path=None, connection=None, seconds=20):
        """The answer. body: bytes, or pieces that are sent as chunks; who is answered before the end stops sending. None: it was cut
        without a word."""
        own = connection is None
        connection = connection or self.peer.connect(seconds=seconds)
        try:
            return _send(connection, path or f"/link/v1/allocations/{id}/blocks?from={at}", body, headers)
        except (Cut, OSError, Silent):
            return None
        finally:
            if own:
                connection.close()

    def get(self, path, *, connection=None):
        own = connection is None
        connection = connection or self.peer.connect()
        try:
            return connection.ask("GET", path)
        finally:
            if own:
                connection.close()

    def position(self, id, **options):
        return self.get(f"/link/v1/allocations/{id}", **options)

    def read(self, id, at=0, **options):
        return self.get(f"/link/v1/allocations/{id}/blocks?from={at}", **options)


def begin_put(connection, id, *, at=0, length=None, headers=()):
    """The head alone, for bodies by hand; without a length they come in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"PUT /link/v1/allocations/{id}/blocks?from={at} HTTP/1.1", "Host: partner", "Content-Type: application/vnd.ipld.car", framing,
             *headers, "", ""]
    connection.channel.sendall("\r\n".join(lines).encode())


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def answer_of(connection):
    """As Connection.ask reads it."""
    from kit.link_peer import Answer
    message = connection.reader.reply()
    return Answer(connection.reader.body(message, until_end=message.get("content-length") is None and not message.is_chunked()))


def _send(connection, path, body, headers):
    is_whole = isinstance(body, (bytes, bytearray))
    framing = f"Content-Length: {len(body)}" if is_whole else "Transfer-Encoding: chunked"
    lines = [f"PUT {path} HTTP/1.1", "Host: partner", "Content-Type: application/vnd.ipld.car; version=1", framing, *headers, "", ""]
    connection.channel.sendall("\r\n".join(lines).encode())
    pieces = (body[start:start + PIECE] for start in range(0, len(body), PIECE)) if is_whole else map(chunk, body)
    try:
        for piece in pieces:
            connection.channel.sendall(piece)
            if is_answered(connection):
                break
        else:
            connection.channel.sendall(b"" if is_whole else b"0\r\n\r\n")
    except OSError:
        pass  # refused in the middle: the answer is there already
    return answer_of(connection)


def is_answered(connection) -> bool:
    """Something of an answer has come (a session's ticket is none)."""
    if not select.select([connection.channel.sock], [], [], 0)[0]:
        return False
    seconds = connection.channel.gettimeout()
    connection.channel.settimeout(0.01)
    try:
        connection.reader.fill()
    except Silent:
        pass
    finally:
        connection.channel.settimeout(seconds)
    return bool(connection.reader.buffer)
