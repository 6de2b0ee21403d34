# SPDX-License-Identifier: Apache-2.0
"""Writes reads.jsonl: blocks, calls that read them, and what a real Kubo, offline, answers.

    KUBO=$(tests/rig/build kubo) PYTHONPATH=tests python3 tests/unit/upstream/embedded/record_reads.py

test_reads.c replays it on a node of its own. What hangs on the clock of the day is not in it.
"""

import base64
import gzip
import hashlib
import http.client
import json
import pathlib
import tempfile
import urllib.parse

from kit.kubo import Kubo

CODECS = {"raw": 0x55, "dag-pb": 0x70, "dag-cbor": 0x71, "dag-json": 0x129, "cbor": 0x51, "libp2p-key": 0x72}


# ---- blocks by hand: also such as nobody makes

def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def unixfs(kind, data=None, size=None, sizes=(), hash=None, fanout=None, mode=None, mtime=None):
    out = field(1, kind)
    for number, value in ((2, data), (3, size)):
        out += b"" if value is None else field(number, value)
    out += b"".join(field(4, each) for each in sizes)
    for number, value in ((5, hash), (6, fanout), (7, mode)):
        out += b"" if value is None else field(number, value)
    if mtime is not None:
        nanos = varint(2 << 3 | 5) + mtime[1].to_bytes(4, "little") if mtime[1] else b""
        out += field(8, field(1, mtime[0]) + nanos)
    return out


def cid_bytes(text):
    return base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))


def cid_of(block, codec):
    digest = hashlib.sha256(block).digest()
    return "b" + base64.b32encode(b"\x01" + varint(CODECS[codec]) + b"\x12\x20" + digest).decode().lower().rstrip("=")


def link(cid, name=None, size=None):
    out = field(1, cid_bytes(cid))
    if name is not None:
        out += field(2, name if isinstance(name, bytes) else name.encode())
    return out + (b"" if size is None else field(3, size))


def node(links=(), data=None):
    return b"".join(field(2, each) for each in links) + (b"" if data is None else field(1, data))


def cbor_link(cid):
    data = b"\0" + cid_bytes(cid)
    return b"\xd8\x2a\x58" + bytes([len(data)]) + data


def multipart(files):
    """The body of an add: {name: bytes}."""
    parts = [b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
             b"Content-Type: application/octet-stream\r\n\r\n%s\r\n"
             % (urllib.parse.quote(name, safe="").encode(), content) for name, content in files.items()]
    return b"".join(parts) + b"--B--\r\n"


class Recorder:
    def __init__(self, kubo, out):
        self.kubo, self.out = kubo, out

    def put(self, block, codec="dag-pb"):
        """Stores it there and writes it down; returns its CID."""
        cid = cid_of(block, codec)
        body = (b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + block + b"\r\n--B--\r\n")
        answer = self.ask(f"block/put?cid-codec={codec}&allow-big-block=true", body)
        assert json.loads(answer["output"])["Key"] == cid, answer
        self.note(block=cid, hex=block.hex())
        return cid

    def add(self, files, without=(), **options):
        """Adds a directory of these files there, and writes its blocks down; those in `without` go from both."""
        query = urllib.parse.urlencode({name.replace("_", "-"): value for name, value in options.items()})
        answer = self.ask(f"add?pin=false&wrap-with-directory=true&{query}", multipart(files))
        root = json.loads(answer["output"].splitlines()[-1])["Hash"]
        refs = self.ask(f"refs?arg={root}&recursive=true&unique=true")["output"].splitlines()
        for cid in [root, *(json.loads(line)["Ref"] for line in refs)]:
            if cid in without:
                self.ask(f"block/rm?arg={cid}&force=true")
            else:
                self.note(block=cid, hex=self.ask(f"block/get?arg={cid}")["output"].hex())
        return root

    def note(self, **line):
        self.out.write(json.dumps(line) + "\n")

    def ask(self, target, body=b""):
        connection = http.client.HTTPConnection("127.0.0.1", self.kubo.port)
        headers = {"Content-Type": "multipart/form-data; boundary=B"} if body else {}
        connection.request("POST", "/api/v0/" + target, body, headers)
        reply = connection.getresponse()
        output, trailer = read_chunked(reply)
        return {"status": reply.status, "headers": reply.headers, "output": output, "trailer": trailer}

    def call(self, command, *arguments, loose=False, **options):
        """loose: how much came before the failure is a race in Kubo."""
        pairs = [("arg", each) for each in arguments]
        pairs += [(name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value)
                  for name, value in options.items()]
        target = command + "?" + urllib.parse.urlencode(pairs)
        answer = self.ask(target)
        line = {"target": "/api/v0/" + target, "status": answer["status"]}
        if answer["status"] == 200:
            names = ("X-Stream-Output", "X-Chunked-Output", "X-Content-Length")
            line["type"] = answer["headers"]["Content-Type"]
            line["headers"] = "".join(f"{name}: {answer['headers'][name]}\r\n"
                                      for name in names if name in answer["headers"])
            output = answer["output"]
            if line["type"] == "application/gzip":  # two compressors need not agree on more than what it is of
                output = gzip.decompress(output) if not answer["trailer"] else b""
            if len(output) > 1000:
                line["sha256"] = hashlib.sha256(output).hexdigest()
            else:
                line["hex"] = output.hex()
            if answer["trailer"]:
                line["error"] = answer["trailer"]
            if loose:
                line["loose"] = True
        else:
            line["error"] = json.loads(answer["output"])["Message"]
        self.note(**line)


def read_chunked(reply):
    """Body and X-Stream-Error of a reply."""
    if not reply.chunked:
        return reply.read(), None
    raw, output = reply.fp, b""
    while size := int(raw.readline(), 16):
        output += raw.read(size)
        raw.readline()
    trailer = None
    while (line := raw.readline().strip()):
        name, _, value = line.decode().partition(": ")
        trailer = value if name == "X-Stream-Error" else trailer
    return output, trailer


def record(recorder):
    put, call = recorder.put, recorder.call
    raw = put(b"hello raw", "raw")
    leaf = put(node((), unixfs(2, b"leafdata", 8)))
    gone, gone_pb = cid_of(b"not here", "raw"), cid_of(b"not here either", "dag-pb")
    two = put(node([link(raw, "", 9), link(leaf, "", 8)], unixfs(2, None, 17, [9, 8])))
    deep = put(node([link(two, "", 17), link(raw, "", 9), link(two, "", 17)], unixfs(2, None, 43, [17, 9, 17])))
    no_first = put(node([link(gone, "", 7), link(leaf, "", 8)], unixfs(2, None, 15, [7, 8])))
    no_second = put(node([link(raw, "", 9), link(gone, "", 7)], unixfs(2, None, 16, [9, 7])))
    sizeless = put(node([link(raw, "", 9), link(leaf, "", 8)], unixfs(2, None, 17)))
    liar = put(node([link(raw, "", 9), link(leaf, "", 8)], unixfs(2, None, 10, [3, 8])))
    symlink = put(node((), unixfs(4, b"tar/get")))
    metadata = put(node([link(two, "", 9)], unixfs(3, b"")))
    empty_file = put(node((), unixfs(2, b"", 0)))
    bare = put(node([link(raw, "a", 9)]))
    nothing = put(b"")
    folder = put(node([link(raw, "a", 9), link(two, "b", 100), link(gone, "gone", 5)], unixfs(1)))
    outer = put(node([link(folder, "d", 10), link(gone_pb, "x", 3)], unixfs(1)))
    no_folder = put(node((), unixfs(1)))
    cbor = put(b"\xa4\x61a\x01\x61l" + cbor_link(raw) + b"\x61m\x82" + cbor_link(folder) + b"\x05\x61z" +
               cbor_link(gone), "dag-cbor")
    key = put(b"\xa1aa\x01", "libp2p-key")
    odd = {kind: put(node([link(each, "", 1)], unixfs(2, None, 1, [1])))
           for kind, each in (("symlink", symlink), ("cbor", put(b"\xa1aa\x01", "dag-cbor")))}

    for each in (raw, leaf, two, deep, sizeless, liar, symlink, metadata, empty_file, bare, nothing, folder, no_folder,
                 cbor, gone, gone_pb, key, *odd.values()):
        call("cat", each)
    call("cat", no_first, loose=True)
    call("cat", no_second, loose=True)
    for offset, length in ((0, 1), (3, None), (9, 3), (16, None), (17, None), (18, None), (26, 5), (27, 20), (43, None),
                           (44, None), (None, 0), (None, 17), (None, 18), (None, 100), (-1, None), (None, -1)):
        options = {name: value for name, value in (("offset", offset), ("length", length)) if value is not None}
        for each in (two, deep, raw, liar, symlink, gone, empty_file):
            call("cat", each, **options)
    call("cat", sizeless, offset=3)
    call("cat", no_first, offset=8)
    call("cat", no_first, offset=3)
    for arguments in ((two, raw), (two, gone), (two, folder), (empty_file, symlink, two), (two,) * 5):
        for offset, length in ((0, 100), (15, 5), (17, 9), (18, 3), (30, 1)):
            call("cat", *arguments, offset=offset, length=length)

    paths = ["/a", "/q", "/gone", "/a/x", "/b/x", "/b/x/y", "/a/x/y", "/q/r", "/gone/x"]
    for path in paths:
        call("cat", folder + path)
        call("cat", outer + "/d" + path)
        call("resolve", outer + "/d" + path)
    call("cat", outer + "/x/y")
    call("cat", outer + "/x")
    for path in ("/a", "/l", "/m/0/a", "/m/1", "/m/7", "/m/x", "/q", "/a/b", "/l/b", "/z", "/z/k", "/q/r", "/m/x/y",
                 "/a/x/y", "/m/0/zz", "/m/0/zz/yy", "/m/00/a", "/m/-1", "/m/+0", "/m/99999999999999999999"):
        call("cat", cbor + path)
        call("resolve", "/ipfs/" + cbor + path)
        call("block/stat", "/ipfs/" + cbor + path)
    for each in (bare, nothing, symlink, two, leaf, raw, key, no_folder, gone, put(node((), unixfs(2, None, 0)))):
        call("resolve", each + "/a")
        call("resolve", each + "/a/b")
    call("resolve", folder + "/q\"\\\x01\n\u00e9")
    for path in ("Links/0/Hash", "Links/0", "Data", "Links/9", "a", "Links/0/Hash/x", "Links/x/Hash", "Links", "Hash",
                 "Links/1/Hash/Links/0/Tsize", "Links/2/Hash/Links/0/Tsize", "Links/0/Foo", "Links/0/Foo/x", "Data/x/y",
                 "Links/9/Hash", "Links/0/Name/x/y"):
        call("resolve", "/ipld/" + folder + "/" + path)
    call("resolve", gone)
    call("resolve", "ipfs://" + folder + "/b")
    call("resolve", folder, recursive=False)
    call("resolve", folder, cid_base="base58btc")
    call("resolve", folder, cid_base="nobase")
    base36 = json.loads(recorder.ask(f"cid/format?arg={folder}&b=base36")["output"])["Formatted"]
    for path in (base36, base36 + "/a", "/ipfs/" + base36 + "/b", "ipfs://" + base36 + "/a"):
        call("resolve", path)
        call("resolve", path, cid_base="base32")
    for name in ("/ipns/k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r", "/ipns/example.com/x"):
        call("resolve", name)
        call("cat", name)
    for each in (two, gone, raw, nothing, cbor, "bafkqac3imvwgy3zao5xxe3de", "bafkqaaa", folder + "/a", folder + "/q",
                 folder + "/gone", cbor + "/m/1"):
        call("block/get", each)
        call("block/stat", each)
    call("block/stat", two, cid_base="base36")

    whole = put(node([link(raw, "a<&", 9), link(two, "b", 100)], unixfs(1)))
    wide = put(node([link(whole, "d", 10), link(two, "t", 3), link(whole, "d2", 1), link(raw, "r", 1)], unixfs(1)))
    lower = put(node([link(two, "x", 1)], unixfs(1)))
    uneven = put(node([link(lower, "1", 1), link(two, "2", 1), link(lower, "3", 1)], unixfs(1)))
    mixed = put(node([link(cbor, "c", 1), link(whole, "w", 1)], unixfs(1)))
    for each in (folder, outer, wide, uneven, mixed, cbor, raw, gone, key, nothing, bare, no_first, symlink, two):
        for unique in (False, True):
            call("refs", each, unique=unique)
            for depth in (-1, 0, 1, 2, 3):
                call("refs", each, recursive=True, unique=unique, max_depth=depth)
        call("refs", each, edges=True, recursive=True)
        call("refs", each, format="<src> <linkname> <dst> <foo> <<dst>>")
    call("refs", wide, whole, unique=True)
    call("refs", wide, gone, whole, outer, unique=True, recursive=True)
    call("refs", whole, wide + "/d", whole)
    call("refs", whole, folder + "/q")
    call("refs", whole, edges=True, format="<dst>x")
    call("refs", whole, format="")
    call("refs", whole, cid_base="base58btc")
    call("refs", "bafkqaaa", whole, max_depth=0)

    modes = [0o755, 0o644, 0, 0o123, 0o4755, 0o1777, 0o2755, 0o7777, 0o100644, 0xffffffff]
    times = [(0, 0), (1, 0), (-1, 0), (1600000000, 5), (1, 120000000), (0, 999999999), (253402300799, 0),
             (-62135596801, 0), (-62167219200, 0), (-62135596800, 1)]
    stamped = [put(node((), unixfs(kind, b"x" * kind, kind, mode=mode, mtime=time)))
               for kind, mode, time in zip((2, 0, 4, 2, 2, 2, 2, 2, 2, 2), modes, times)]
    stamped += [put(node((), unixfs(1, mode=0o1700, mtime=(5, 5)))), put(node((), unixfs(4, b"t", mode=0o777)))]
    names = ["z", "b", "r<&>\u00e9\u2028", "\x01\x7f", "\"\\", "a", "A", "", "aa", "a b", "dir", "sym"]
    stat = put(node([link(each, name, 3) for each, name in zip(stamped, names)], unixfs(1)))
    for year in (-62167219201, 1 << 62):
        call("ls", put(node([link(put(node((), unixfs(2, b"x", 1, mtime=(year, 0)))), "t", 1)], unixfs(1))))
    kinds = put(node([link(each, name, 77) for name, each in
                      (("raw", raw), ("two", two), ("cbor", cbor), ("meta", metadata), ("empty", empty_file),
                       ("key", key), (b"\xff\xfe", raw), (None, raw), ("raw", leaf))], unixfs(1)))
    lost = put(node([link(gone_pb, "gone", 5), link(raw, "a", 9)], unixfs(1)))
    for options in ({}, {"size": False}, {"resolve_type": False}, {"size": False, "resolve_type": False},
                    {"stream": True}, {"stream": True, "size": False, "resolve_type": False}, {"sort_size": True},
                    {"long": True}, {"headers": True}, {"human": True}, {"sort_size": True, "stream": True},
                    {"sort_size": True, "size": False}, {"cid_base": "base58btc"}, {"cid_base": "nobase"}):
        for each in (stat, kinds, folder, no_folder, raw, two, leaf, cbor, symlink, bare, nothing, metadata, key, gone,
                     folder + "/a", folder + "/q", lost):
            call("ls", each, **options)
        call("ls", folder + "/b", "/ipfs/" + stat, raw, no_folder, "ipfs://" + whole, **options)
        call("ls", stat, gone, **options)
    for hidden in ({}, {"size": False, "resolve_type": False}):
        call("ls", put(node([link(bare, "q", 1)], unixfs(1))), **hidden)

    files = {f"file {number} \u00fc": b"%d" % number for number in range(60)}
    for fanout, version in ((8, 0), (16, 1), (256, 1)):
        shards = recorder.add(files, cid_version=version, max_hamt_fanout=fanout, max_directory_links=8, raw_leaves=False)
        call("ls", shards)
        call("ls", shards, sort_size=True, size=True)
        call("ls", shards, size=False, resolve_type=False)
        call("refs", shards, recursive=True, format="<linkname>")
        for name in (*list(files)[:60:7], "none", "file"):
            call("cat", shards + "/" + name)
            call("resolve", shards + "/" + name + "/below")
    lines = recorder.ask(f"refs?arg={shards}&format=%3Cdst%3E+%3Clinkname%3E")["output"].splitlines()
    shard = next(json.loads(line)["Ref"].split()[0] for line in lines if len(json.loads(line)["Ref"].split()) == 2)
    part = recorder.add(files, without={shard}, cid_version=1, max_hamt_fanout=256, max_directory_links=8)
    call("ls", part)
    for name in files:
        call("cat", part + "/" + name)
        call("cat", part + "/" + name + "/below")
    wrong = [unixfs(5, b"\xff", None, hash=0x22, fanout=8), unixfs(5, b"\x01", None, hash=0x23, fanout=8),
             unixfs(5, b"\x01\x01", None, hash=0x22, fanout=8), unixfs(5, b"\x01", None, hash=0x22, fanout=7),
             unixfs(5, b"", None, hash=0x22, fanout=16)]
    for data in wrong:
        for below in (link(raw, "0x", 1), link(raw, "", 1), link(two, "0", 1)):
            each = put(node([below], data))
            call("ls", each, loose=True)
            if data is not wrong[2]:  # of which Kubo's other reader of shards says the same in other words
                call("cat", each + "/x")

    record_archives(recorder, folder, gone, two, symlink, cbor, no_second)


def record_archives(recorder, folder, gone, two, symlink, cbor, no_second):
    """get: everything in these has a time, since Kubo gives what has none the time of day."""
    put, call = recorder.put, recorder.call

    def file(content, mtime=(1600000000, 0), mode=None):
        return put(node((), unixfs(2, content, len(content), mode=mode, mtime=mtime)))

    def directory(entries, mtime=(1600000001, 0), mode=None, kind=1, **shard):
        return put(node([link(each, name, 7) for name, each in entries], unixfs(kind, mode=mode, mtime=mtime, **shard)))

    plain = file(b"plain")
    link_to = put(node((), unixfs(4, b"../else/where", mtime=(1500000000, 7))))
    pieces = put(node([link(two, "", 17), link(two, "", 17)], unixfs(2, None, 34, [17, 17], mtime=(5, 0))))
    roots = {
        "file": plain, "empty": file(b""), "block": file(b"x" * 512), "more": file(b"y" * 513), "pieces": pieces,
        "nanos": file(b"n", (1600000000, 123456789)), "round": file(b"n", (1600000000, 500000000)),
        "down": file(b"n", (1600000000, 499999999)), "before": file(b"n", (-5, 0)),
        "before nanos": file(b"n", (-5, 250000000)), "first": file(b"n", (0, 0)), "late": file(b"n", (1 << 33, 0)),
        "last octal": file(b"n", ((1 << 33) - 1, 0)), "mode": file(b"n", mode=0o4711), "bits": file(b"n", mode=0o170777),
        "link": link_to, "long link": put(node((), unixfs(4, b"t" * 101, mtime=(9, 0)))),
        "link with letters": put(node((), unixfs(4, "\u00fc/t".encode(), mtime=(9, 0)))),
        "nothing in it": directory([]), "mode of it": directory([("f", plain)], mode=0o1750),
    }
    names = ["a", "b c", "\u00fc", "z" * 100, "y" * 101, "x" * 40, "\xff".encode("latin1"), ".", "a/b", "", "q\n"]
    many = directory([(name, plain) for name in names])
    for _ in range(5):
        many = directory([("d" * 40, many), ("file", plain), ("u\u00fc" * 30, link_to), ("e" * 90, many)])
    for name in ("..", "../x", "a/../../x", "a/../b", "../.."):
        roots["up " + name] = directory([("d", directory([(name, plain)])), ("e", plain)])
        roots["up at once " + name] = directory([(name, plain)])
    roots |= {"many": many, "lost": directory([("a", plain), ("b", gone)]), "cut": no_second, "odd": cbor,
              "oddly": directory([("o", cbor)]),
              "shorter": directory([("s", put(node([link(two, "", 17)], unixfs(2, None, 20, [17], mtime=(5, 0))))),
                                    ("t", plain)]),
              "long": put(node([link(two, "", 17)], unixfs(2, None, 10, [17], mtime=(5, 0)))),
              "gone": gone}
    whole = directory(list(roots.items())[:20])
    below = directory([("0x", plain), ("3y", link_to)], kind=5, data=b"\x09", hash=0x22, fanout=16)
    shards = directory([("0deep", plain), ("1", below), ("Ffile", pieces)], kind=5, data=b"\x80\x03", hash=0x22, fanout=16)
    roots |= {"whole": whole, "shards": shards}
    for name, each in roots.items():
        loose = name in ("cut", "lost", "shorter", "long", "oddly") or name.startswith("up")
        for options in ({}, {"archive": True}, {"compress": True}, {"archive": True, "compress": True}):
            call("get", each, loose=loose or "compress" in options and name in ("odd",), **options)
    for level in (0, 1, 9, 10, -1):
        call("get", whole, archive=True, compress=True, compression_level=level)
        call("get", plain, compression_level=level)
    for path in (whole + "/file", "/ipfs/" + whole + "/before nanos", "ipfs://" + whole, "ipfs://" + whole + "/empty",
                 whole + "/none", folder + "/gone", "/ipfs/" + whole + "/nothing in it/"):
        call("get", path)
    call("get", plain, output="elsewhere", progress=True)
    call("get", symlink, compress=True)


def main():
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder, open(here / "reads.jsonl", "w", encoding="ascii") as out:
        kubo = Kubo(folder)
        try:
            record(Recorder(kubo, out))
        finally:
            kubo.stop()


main()
