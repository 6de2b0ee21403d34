# SPDX-License-Identifier: Apache-2.0
"""Deterministic dag-cbor (ipld.io/specs/codecs/dag-cbor/spec) of what the link protocol has: whole numbers, bytes, text, lists, maps, links, null."""


class Link(bytes):
    """A CID in its binary form: tag 42 of bytes that begin with a zero."""

    __slots__ = ()


def encode(value) -> bytes:
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, Link):
        return b"\xd8\x2a" + _head(2, len(value) + 1) + b"\0" + bytes(value)
    if isinstance(value, (bytes, bytearray)):
        return _head(2, len(value)) + bytes(value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(encode(item) for item in value)
    entries = sorted(((key.encode(), item) for key, item in value.items()), key=lambda entry: (len(entry[0]), entry[0]))
    return _head(5, len(entries)) + b"".join(_head(3, len(key)) + key + encode(item) for key, item in entries)


def decode(data: bytes):
    """The value; ValueError unless it is written in the one way, and whole."""
    value, end = _decode(data, 0)
    if end != len(data) or encode(value) != data:
        raise ValueError("not deterministic dag-cbor")
    return value


def _head(major, number) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError("too large a number")


def _decode(data, at):
    if at >= len(data):
        raise ValueError("cut short")
    first = data[at]
    at += 1
    if first in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at
    if data[at - 1:at + 1] == b"\xd8\x2a":
        piece, at = _decode(data, at + 1)
        if not isinstance(piece, bytes) or piece[:1] != b"\0":
            raise ValueError("no link")
        return Link(piece[1:]), at
    major, number = first >> 5, first & 31
    if number >= 24:
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(number)
        if size is None or at + size > len(data):
            raise ValueError(f"no head of dag-cbor at byte {at - 1}")
        number, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major in (0, 1):
        return number if major == 0 else -1 - number, at
    if major in (2, 3):
        piece = data[at:at + number]
        if len(piece) != number:
            raise ValueError("cut short")
        return piece if major == 2 else piece.decode(), at + number
    items = []
    for _ in range(number * (major - 3) if major in (4, 5) else 0):
        item, at = _decode(data, at)
        items.append(item)
    if major == 4:
        return items, at
    if major == 5:
        return dict(zip(items[::2], items[1::2])), at
    raise ValueError(f"nothing of dag-cbor's at byte {at}")
