# SPDX-License-Identifier: Apache-2.0
"""Streams that are not the object that was promised: each a name, what is sent, and how it must be refused."""

import gzip
import os

from kit import dag

MIB = 1 << 20


class Bomb:
    """thing: whose room is asked for; size, blocks: other ones than it has. body: bytes, or pieces. marks: what must be nowhere afterwards."""

    def __init__(self, name, thing, body, status=400, problem="data", said=".", *, size=None, blocks=0, headers=(), marks=(), end="bad"):
        self.__dict__.update(name=name, thing=thing, body=body, status=status, problem=problem, said=said, size=size, blocks=blocks,
                             headers=headers, marks=marks, end=end)


def _contents(count=3, size=1000):
    return [os.urandom(size) for _ in range(count)]


def _section(cid, data):
    return dag.section(cid, data)


def wrong_blocks():
    """Well formed CARs with blocks that are not wanted."""
    contents = _contents()
    thing = dag.tree(contents)
    marks = [content[:24] for content in contents]
    foreign = os.urandom(500)
    start = thing.car(upto=2)
    more = dict(marks=[*marks, foreign[:24]])
    yield Bomb("a foreign block", thing, start + _section(dag.cid_of(foreign), foreign), said="comes where only", **more)
    yield Bomb("a corrupt block", thing, start + _section(thing.blocks[2][0], foreign), said="hash|CID|is not", **more)
    yield Bomb("a block twice", thing, start + _section(*thing.blocks[1]), said="comes where only", **more)
    yield Bomb("the root twice", thing, thing.car(upto=1) + _section(*thing.blocks[0]), said="comes where only", **more)
    yield Bomb("blocks out of order", thing, thing.car(upto=1) + _section(*thing.blocks[2]), said="comes where only", **more)
    yield Bomb("a leaf before the root", thing, dag.header(thing.root) + _section(*thing.blocks[1]), said="comes where only", **more)
    yield Bomb("a block behind the last", thing, thing.car() + _section(dag.cid_of(b""), b""), said="nothing is missing", **more)
    yield Bomb("bytes behind the last", thing, thing.car() + _section(dag.cid_of(foreign), foreign), 413, "too_large", "reserved", end="beyond", **more)
    yield Bomb("more bytes than were reserved", thing, thing.car(), 413, "too_large", "reserved", size=thing.bytes - 1, end="beyond", **more)
    yield Bomb("more blocks than were reserved", thing, thing.car(), 413, "too_large", "blocks", blocks=3, end="beyond", **more)
    yield Bomb("another codec's CID of the same bytes", thing, start + _section(dag.cid_of(contents[1], dag.DAG_CBOR), contents[1]), **more)
    yield Bomb("a root that is no dag-cbor", _Lone(b"\xff" * 100, dag.DAG_CBOR), dag.Object([(dag.cid_of(b"\xff" * 100, dag.DAG_CBOR), b"\xff" * 100)]).car())


class _Lone(dag.Object):
    def __init__(self, data, codec):
        super().__init__([(dag.cid_of(data, codec), data)])


def wrong_streams():
    """What is no CAR of the object."""
    thing, other = dag.tree(_contents()), dag.tree(_contents())
    rest = thing.car()[len(dag.header(thing.root)):]
    yield Bomb("another root", thing, other.car(), said="root")
    yield Bomb("two roots", thing, dag.header(thing.root, other.root) + rest, said="one root")
    yield Bomb("no root", thing, dag.header() + rest)
    yield Bomb("a CAR of version 2", thing, bytes.fromhex("0aa16776657273696f6e02") + bytes(40) + thing.car())
    yield Bomb("a header of a gigabyte", thing, dag.varint(1 << 30) + os.urandom(5000), 413, "too_large", "more than the 1024 allowed", end="beyond")
    yield Bomb("a header with a length that never ends", thing, b"\xff" * 5000)
    yield Bomb("a header that is no dag-cbor", thing, dag.varint(100) + b"\xff" * 5000)
    yield Bomb("a header that nests deep", thing, dag.varint(1000) + b"\x81" * 1000 + rest, 413, "too_large", "deeper than 128", end="beyond")
    yield Bomb("a section of an exabyte", thing, dag.header(thing.root) + dag.varint(1 << 60) + bytes(1000), 413, "too_large", "more than the 8388608 allowed", end="beyond")
    yield Bomb("sections of length zero without end", thing, (dag.header(thing.root) if not n else bytes(65536) for n in range(1000)))
    yield Bomb("a section shorter than its CID", thing, dag.header(thing.root) + b"\x05" + thing.root + bytes(100))
    yield Bomb("an identity CID of a mebibyte", thing, dag.header(thing.root) + dag.section(dag.inline_cid(bytes(MIB)), b""), 413, "too_large", "at most 128 are taken", end="beyond")
    yield Bomb("an identity CID that says more than it has", thing, dag.header(thing.root) + dag.section(dag.inline_cid(b"abc", size=1 << 40), b""), 413, "too_large", "at most 128 are taken", end="beyond")
    yield Bomb("identity CIDs that nothing links to", thing, dag.header(thing.root) + b"".join(
        dag.section(dag.inline_cid(b"%8d" % n), b"%8d" % n) for n in range(1000)))
    yield Bomb("a hash that nobody knows", thing, dag.header(thing.root) + dag.section(b"\1\x55\xff\x7f\x20" + bytes(32), b"x"))
    yield Bomb("a stream that is packed", thing, gzip.compress(thing.car()), headers=("Content-Encoding: gzip",))
    yield Bomb("a stream that ends in a block", thing, thing.car()[:-1])


def bombs():
    """Objects that are small to send and large to walk."""
    thing = dag.chain(300)
    yield Bomb("a chain longer than was reserved", thing, thing.car(), 413, "too_large", "blocks", blocks=100, end="beyond")
    links = [dag.inline_cid(b"%7d" % n) for n in range(100000)]
    thing = dag.Object([dag.node(links)])
    yield Bomb("a node with 100,000 inline links", thing, thing.car(), 413, "too_large", size=thing.bytes, blocks=0, end="beyond")
    data = b"\x81" * 100000 + b"\x80"
    yield Bomb("a block that nests 100,000 deep", _Lone(data, dag.DAG_CBOR), dag.Object([(dag.cid_of(data, dag.DAG_CBOR), data)]).car(), 413, "too_large", "deeper than 128", end="beyond")
    thing = dag.Object([dag.node([], os.urandom(5 * MIB))])
    yield Bomb("a block larger than the storage takes", thing, thing.car(), 413, "too_large", "more than the 4194304", end="beyond")
    thing = dag.Object([dag.node([], os.urandom(9 * MIB))])
    yield Bomb("a block of nine mebibytes", thing, thing.car(), 413, "too_large", "more than the 8388608 allowed", end="beyond")
    thing = dag.Object([dag.node([dag.Link(b"\1\x71\x12\x20" + os.urandom(32))] * 1000)])
    yield Bomb("a link that nobody can follow", thing, thing.car() + dag.section(thing.root, b""))
