# SPDX-License-Identifier: Apache-2.0
"""The holder's side of allocations, written from docs/link-protocol.md ("Allocations", "Data"): keeps in memory what it is sent, signs
receipts, gives it back. How it lies is told by `lies`: what is done, or said, in the place of the honest thing."""

import re
import threading
import time

from kit import cbor, dag, link_wire as wire
from kit.link_owner import Owner, draw_ulid

_PATH = re.compile(r"/link/v1/allocations/([0-9a-z]{26})(/blocks\?from=(\d+))?")
_CONTEXT = b"causeway receipt 1\0"
CAR_TYPE = "application/vnd.ipld.car; version=1"


class Held:
    def __init__(self, id, given):
        self.id, self.root, self.bytes = id, dag.read_cid(given["root"]), given["bytes"]
        self.blocks = []
        self.is_committed = self.is_receipted = False

    @property
    def is_whole(self) -> bool:
        return sum(len(data) for _, data in self.blocks) >= self.bytes


class Holder:
    """Of PEER (kit.link_peer.Peer). lies: by "reserve", "commit", "release" (functions of (holder, held or None, with) to (status, with, message)), "put", "get",
    "position" (functions of (holder, held, request, reader, channel), which answer on the channel by themselves), "receipt" (a
    function of (holder, held) instead of sending one). What is not among them is done honestly."""

    def __init__(self, peer, **lies):
        self.peer, self.lies, self.owner = peer, lies, Owner(peer)
        self.held = {}
        self.reserved = []  # every reservation that was asked for: its `with`
        self.puts = []  # (id, from, bytes)
        self.receipts = []  # what was answered to ours
        peer.holder = self
        peer.actions.update({f"allocation.{name}": self._action(name) for name in ("reserve", "commit", "release")})

    # ---- items

    def _action(self, name):
        def act(key, given):
            held = self.held.get(given["id"])
            if name == "reserve":
                self.reserved.append(given)
                if held is None:
                    held = self.held[given["id"]] = Held(given["id"], given)
            lie = self.lies.get(name)
            return lie(self, held, given) if lie else getattr(self, f"_{name}")(held)

        return act

    def _reserve(self, held):
        return 200, {"position": len(held.blocks), "grant": {}}, None

    def _commit(self, held):
        if held is None:
            return 404, {"is_over": True}, "no such allocation is held here"
        if not held.is_whole:
            return 409, {"position": len(held.blocks)}, "not all of it is here"
        if not held.is_committed:
            held.is_committed = True
            threading.Thread(target=self.lies.get("receipt", Holder.send_receipt), args=(self, held), daemon=True).start()
        return 202, {"position": len(held.blocks), "is_whole": True}, None

    def _release(self, held):
        return (200 if self.held.pop(held.id, None) else 404) if held else 404, None, None if held else "no such allocation is held here"

    # ---- receipts

    def receipt(self, held, item_key, *, signing=None, context=_CONTEXT, **changes) -> dict:
        """The item's `with`. changes: of the document."""
        peer = self.peer
        document = cbor.encode({"v": 1, "at": int(time.time() * 1000), "id": held.id, "key": item_key, "link": peer.link, "root": held.root,
                                "bytes": held.bytes, "epoch": peer.epoch, "owner": peer.their_roots.org, "blocks": len(held.blocks),
                                "holder": peer.org.org, **changes})
        signature = (signing or peer.org.signing).sign(context + document)
        return {"id": held.id, "receipt": wire.print_bytes(document), "signature": wire.print_bytes(signature)}

    def tell_receipt(self, held, *, item=None, **changes) -> dict:
        """What was answered. item: changes of the item's `with` itself."""
        key = draw_ulid()
        given = {**self.receipt(held, key, **changes), **(item or {})}
        answer = self.owner.ask([("allocation.receipt", given, key)])[0]
        self.receipts.append(answer)
        return answer

    def send_receipt(self, held):
        held.is_receipted = self.tell_receipt(held)["status"] == 200

    def evict(self, id, **given) -> dict:
        return self.owner.do("evict", id=id, reason="evicted", said=given.pop("said", "the disk is wanted"), **given)

    # ---- bytes

    def serve(self, request, reader, channel) -> int:
        """Answers one request, and returns the status."""
        match = _PATH.fullmatch(request.target)
        held = self.held.get(match[1]) if match else None
        name = "position" if request.method == "GET" and match and not match[2] else request.method.lower()
        if held is not None and name in self.lies:
            return self.lies[name](self, held, request, reader, channel) or 0
        if held is None:
            reader.body(request)
            return answer(channel, 404, wire.print_message("error", {"error": "unknown", "message": "there is nothing of that name here for you"}))
        return getattr(self, f"_serve_{name}")(held, int(match[3] or 0), request, reader, channel)

    def _serve_position(self, held, at, request, reader, channel):
        return answer(channel, 200, position(len(held.blocks), held.is_whole))

    def _serve_put(self, held, at, request, reader, channel):
        if at != len(held.blocks):
            return answer(channel, 409, wire.print_message("error", {"error": "position", "message": "from somewhere else"}))
        body = take(request, reader)
        self.puts.append((held.id, at, len(body)))
        roots, blocks = dag.read_car(body)
        assert roots == [held.root], "a CAR of another object"
        held.blocks += blocks
        return answer(channel, 200, position(len(held.blocks), held.is_whole))

    def _serve_get(self, held, at, request, reader, channel):
        return answer(channel, 200, dag.Object(held.blocks).car(skip=at), CAR_TYPE)


def take(request, reader) -> bytes:
    """The whole body."""
    pieces = []
    reader.body(request, keep=0, on_piece=pieces.append)
    return b"".join(pieces)


def position(number, is_whole) -> bytes:
    return b'{"position":%d,"whole":%s}' % (number, b"true" if is_whole else b"false")


def head(status, kind="application/json", length=None, *more) -> bytes:
    """Without a length the body lasts as long as the connection."""
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Type: {kind}", f"Content-Length: {length}" if length is not None else "Connection: close"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def answer(channel, status, body, kind="application/json") -> int:
    channel.sendall(head(status, kind, len(body)) + body)
    return status
