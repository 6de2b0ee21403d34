# SPDX-License-Identifier: Apache-2.0
"""Objects of IPFS, apart from the gateway's own code: blocks, their CIDs, CARs (ipld.io/specs/transport/car/carv1) and the order in
which a depth first walk meets them."""

import base64
import hashlib

from kit import cbor
from kit.cbor import Link

RAW, DAG_CBOR = 0x55, 0x71
_SHA2_256, _IDENTITY = 0x12, 0


def varint(number) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def cid_of(data: bytes, codec=RAW) -> Link:
    return Link(b"\1" + varint(codec) + varint(_SHA2_256) + b"\x20" + hashlib.sha256(data).digest())


def inline_cid(data: bytes, codec=RAW, size=None) -> Link:
    """An identity CID. size: that it says, instead of the one that it has."""
    return Link(b"\1" + varint(codec) + varint(_IDENTITY) + varint(len(data) if size is None else size) + data)


def print_cid(cid: bytes) -> str:
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def read_cid(text: str) -> Link:
    return Link(base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8)))


def header(*roots) -> bytes:
    body = cbor.encode({"roots": list(roots), "version": 1})
    return varint(len(body)) + body


def section(cid: bytes, data: bytes) -> bytes:
    return varint(len(cid) + len(data)) + cid + data


class Object:
    """blocks: (cid, data) in the order of the walk, the root's first."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.root = blocks[0][0]

    @property
    def cid(self) -> str:
        return print_cid(self.root)

    @property
    def bytes(self) -> int:
        return sum(len(data) for _, data in self.blocks)

    def car(self, skip=0, upto=None) -> bytes:
        return header(self.root) + b"".join(section(*block) for block in self.blocks[skip:upto])


def leaves(contents) -> list:
    return [(cid_of(data), data) for data in contents]


def node(links, more=b"") -> tuple:
    """A block of dag-cbor with these links."""
    data = cbor.encode([*links, *([more] if more else [])])
    return cid_of(data, DAG_CBOR), data


def tree(contents) -> Object:
    """A root above raw leaves."""
    below = leaves(contents)
    return Object([node([cid for cid, _ in below]), *below])


def chain(length, content=b"end") -> Object:
    """Each block has one link, to the next one."""
    blocks = leaves([content])
    for _ in range(length - 1):
        blocks.append(node([blocks[-1][0]]))
    return Object(blocks[::-1])


def doubling(levels, content=b"end") -> Object:
    """Each block links twice to the next: 2 to the power of levels ways to the last."""
    blocks = leaves([content])
    for _ in range(levels):
        blocks.append(node([blocks[-1][0]] * 2))
    return Object(blocks[::-1])


def read_car(data: bytes) -> tuple:
    """The roots, and (cid, data) of each block."""
    size, at = _varint(data, 0)
    roots = cbor.decode(data[at:at + size])["roots"]
    blocks, at = [], at + size
    while at < len(data):
        size, at = _varint(data, at)
        cid = _cid(data, at)
        blocks.append((cid, data[at + len(cid):at + size]))
        at += size
    return roots, blocks


def is_cut_behind_a_length(car: bytes) -> bool:
    """Whether a section (or the header) is announced at its end of which no byte follows."""
    at = 0
    while at < len(car):
        try:
            size, at = _varint(car, at)
        except IndexError:
            return False
        if at == len(car) and size > 0:
            return True
        at += size
    return False


def _varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return number, at


def _cid(data, at):
    end = at
    for _ in range(3):
        _, end = _varint(data, end)
    size, end = _varint(data, end)
    return Link(data[at:end + size])
