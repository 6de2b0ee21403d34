# SPDX-License-Identifier: Apache-2.0
"""dag-json, dag-cbor, dag-pb and CAR as a real Kubo reads and writes them: random values convert to the same bytes,
and what is read here Kubo reads too. Where this is stricter than Kubo, it is by the list below, and nowhere else."""

import base64
import hashlib
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

from kit import kubo, rpc, settings

VALUES = settings.pick(60, 3000)
MUTANTS = settings.pick(100, 6000)

LINKS = ["bafkqaaa", "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
         "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"]

# What is refused here and read by Kubo 0.43.1, by our words for it.
STRICTER = {
    "dag-json": [r"a value should begin here", r"a key should begin here", r"not a number of JSON", r"more bytes behind",
                 r"nested deeper", r"the bytes: ", r"the link: "],  # commas at the end, "1.", NULs behind, base64 bits
    "dag-cbor": [r"tag \d+ is not dag-cbor", r"tag 42 \(a link\) is not around bytes", r"nested deeper",
                 r"the link: "],  # Kubo passes over tags of what is no bytes
    "dag-pb": [r"not in its shortest form", r"the link's Hash: "],  # bytes behind the CID of a Hash
    "car": [r"no block before it", r"was there before", r"ends here without", r"more than version and roots",
            r"list one root or more", r"out of order",  # Kubo imports blocks of no DAG, and in any order
            r"the header: dag-cbor: ", r"runs past the end", r"CARv2 ends", r"index of a CARv2"],
}


def random_text(rand):
    pools = ["abc", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "äß€😀\u2028\u2029\ufffd", "<>&'", "/"]
    return "".join(rand.choices(rand.choice(pools), k=rand.choice([0, 1, 2, 9])))


def random_float(rand):
    while True:
        kind = rand.randrange(4)
        if kind == 0:
            value = struct.unpack(">d", rand.randbytes(8))[0]
        elif kind == 1:
            value = round(rand.uniform(-1e6, 1e6), rand.randrange(8))
        elif kind == 2:
            value = 2.0 ** rand.randrange(-1074, 1024) * rand.choice([1, -1])
        else:
            value = rand.choice([1e21, 1e-7, 1e-6, 0.1, -0.0, 123456789012345680.0, 5e-324, 9.999999999999999e20])
        if value == value and abs(value) != float("inf"):
            return value


def random_value(rand, depth=0):
    kind = rand.choice("niifstbl" if depth > 5 else "nifstblLLMM")
    if kind == "n":
        return rand.choice([None, True, False])
    if kind == "i":
        return rand.choice([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, -1, -24, -25, -2**63,
                            rand.randrange(-2**63, 2**63)])
    if kind == "f":
        return random_float(rand)
    if kind in "st":
        return random_text(rand)
    if kind == "b":
        return rand.randbytes(rand.choice([0, 1, 2, 3, 30, 300]))
    if kind == "l":
        return Link(rand.choice(LINKS))
    if kind == "L":
        return [random_value(rand, depth + 1) for _ in range(rand.choice([0, 1, 2, 5, 30]))]
    return {random_text(rand) or str(rand.randrange(40)): random_value(rand, depth + 1)
            for _ in range(rand.choice([0, 1, 2, 5, 30]))}


def is_reserved(value):
    """A map that dag-json takes for a link or for bytes."""
    return len(value) == 1 and isinstance(value.get("/"), (str, dict))


class Link(str):
    """A CID in a value."""


def cid_bytes(text):
    if text.startswith("Qm"):
        number = 0
        for letter in text:
            number = number * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(letter)
        return number.to_bytes(34, "big")
    letters = text[1:].upper()
    return base64.b32decode(letters + "=" * (-len(letters) % 8))


def to_json(value):
    """Values that json.dumps writes as dag-json."""
    if isinstance(value, Link):
        return {"/": str(value)}
    if isinstance(value, bytes):
        return {"/": {"bytes": base64.b64encode(value).decode().rstrip("=")}}
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {} if is_reserved(value) else {key: to_json(one) for key, one in value.items()}
    return value


def head(major, number):
    for info, limit, form in ((None, 24, ""), (24, 2**8, ">B"), (25, 2**16, ">H"), (26, 2**32, ">I"), (27, 2**64, ">Q")):
        if number < limit:
            return bytes([major << 5 | (number if info is None else info)]) + (struct.pack(form, number) if form else b"")
    raise ValueError(number)


def to_cbor(value, rand):
    """dag-cbor with the liberties that Kubo allows: keys in any order, floats of any width that holds them."""
    if value is None or value is True or value is False:
        return {None: rand.choice([b"\xf6", b"\xf6", b"\xf7"]), True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        for code, form in rand.sample([(b"\xf9", ">e"), (b"\xfa", ">f"), (b"\xfb", ">d")], 3):
            try:
                if struct.unpack(form, struct.pack(form, value))[0] == value:
                    return code + struct.pack(form, value)
            except OverflowError:
                pass
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, Link):
        data = b"\x00" + cid_bytes(value)
        return b"\xd8\x2a" + head(2, len(data)) + data
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return head(3, len(data)) + data
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(to_cbor(one, rand) for one in value)
    return head(5, len(value)) + b"".join(to_cbor(key, rand) + to_cbor(one, rand) for key, one in value.items())


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def random_pb(rand):
    def field(number, data):
        return varint(number << 3 | 2) + varint(len(data)) + data

    links = b"".join(field(2, field(1, cid_bytes(rand.choice(LINKS)))
                           + (field(2, random_text(rand).encode()) if rand.random() < 0.8 else b"")
                           + (b"\x18" + varint(rand.randrange(1 << 40)) if rand.random() < 0.8 else b""))
                     for _ in range(rand.choice([0, 1, 2, 5])))
    data = field(1, rand.randbytes(rand.choice([0, 4, 200]))) if rand.random() < 0.7 else b""
    return rand.choice([links + data, data + links])


def mutate(data, rand):
    """A few bytes changed, dropped, doubled or swapped."""
    data = bytearray(data)
    for _ in range(rand.choice([1, 1, 2, 3])):
        at = rand.randrange(len(data)) if data else 0
        kind = rand.randrange(5)
        if kind == 0 and data:
            data[at] = rand.randrange(256)
        elif kind == 1 and data:
            data[at] ^= 1 << rand.randrange(8)
        elif kind == 2:
            del data[at:at + rand.choice([1, 1, 4])]
        elif kind == 3:
            data[at:at] = rand.choice([rand.randbytes(1), data[at:at + 8], b"\x00", b"\xd8\x2a", b",", b"."])
        else:
            data = data[:at]
    return bytes(data)


class Formats(unittest.TestCase):
    limit_seconds = settings.pick(300, 2400)

    def setUp(self):
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        self.codec, self.causeway = settings.find_program("ipfs_codec"), settings.find_program("causeway")
        if not self.codec or not self.causeway:
            self.skipTest("ipfs_codec and causeway are not built")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        daemon = kubo.Kubo(self.folder)
        self.addCleanup(daemon.stop)
        self.rpc = rpc.Rpc(daemon.port)
        self.addCleanup(self.rpc.close)

    def ours(self, *words, blocks):
        """What ipfs_codec answers to each block: bytes, or the text of its refusal."""
        done = subprocess.run([str(self.codec), *words], input="".join(block.hex() + "\n" for block in blocks),
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line[2:] if line.startswith("! ") else b"ok" if line == "ok" else bytes.fromhex(line)
                for line in done.stdout.splitlines()]

    def theirs(self, source, target, block):
        """The block that Kubo makes of it, or the text of its refusal."""
        try:
            lines = self.rpc.lines("dag/put", parts=[rpc.part("b", "file", block)], input_codec=source,
                                   store_codec=target, pin=False)
        except rpc.Refused as refusal:
            return str(refusal)
        if not lines:
            return "refused after the answer had begun"
        return self.rpc.call("block/get", lines[-1]["Cid"]["/"])

    def compare(self, codec, block, ours, theirs):
        place = f"seed {self.seed}: {codec} {block.hex()}: {ours!r} here, {theirs!r} in Kubo"
        if isinstance(ours, str):
            stricter = any(re.search(words, ours) for words in STRICTER[codec])
            self.assertTrue(isinstance(theirs, str) or stricter, place)
        elif isinstance(theirs, str):
            self.fail(place)
        elif ours != b"ok":
            self.assertEqual(ours, theirs, place)


class Conversions(Formats):
    def check(self, source, target, blocks, all_read=True):
        for block, ours in zip(blocks, self.ours("convert", source, target, blocks=blocks), strict=True):
            if all_read:
                self.assertIsInstance(ours, bytes, f"seed {self.seed}: {block!r}")
            self.compare(source, block, ours, self.theirs(source, target, block))

    def json_blocks(self, count):
        styles = [{}, {"ensure_ascii": False}, {"indent": 1}, {"separators": (",", ":")}]
        return [json.dumps(to_json(random_value(self.random)), **self.random.choice(styles)).encode()
                for _ in range(count)]

    def cbor_blocks(self, count):
        return [to_cbor(random_value(self.random), self.random) for _ in range(count)]

    def test_json_becomes_the_same_cbor(self):
        self.check("dag-json", "dag-cbor", self.json_blocks(VALUES))

    def test_json_is_written_in_the_same_form(self):
        self.check("dag-json", "dag-json", self.json_blocks(VALUES))

    def test_cbor_becomes_the_same_json(self):
        self.check("dag-cbor", "dag-json", self.cbor_blocks(VALUES))

    def test_cbor_is_written_in_the_same_form(self):
        self.check("dag-cbor", "dag-cbor", self.cbor_blocks(VALUES))

    def test_dag_get_prints_what_we_print(self):
        blocks = self.cbor_blocks(VALUES)
        for block, ours in zip(blocks, self.ours("convert", "dag-cbor", "dag-json", blocks=blocks), strict=True):
            cid = self.rpc.lines("block/put", parts=[rpc.part("b", "file", block)], cid_codec="dag-cbor")[-1]["Key"]
            self.assertEqual(ours, self.rpc.call("dag/get", cid), f"seed {self.seed}: {block.hex()}")

    def test_strings_that_are_not_utf8_are_replaced_alike(self):
        blocks = [b'"' + self.random.randbytes(5).replace(b'"', b"").replace(b"\\", b"").translate(
            bytes(c if c >= 32 else 255 for c in range(256))) + b'"' for _ in range(VALUES)]
        self.check("dag-json", "dag-cbor", blocks)
        self.check("dag-cbor", "dag-json", [head(3, 4) + self.random.randbytes(4) for _ in range(VALUES)])

    def test_broken_json_is_read_only_if_kubo_reads_it(self):
        self.check("dag-json", "dag-cbor", [mutate(one, self.random) for one in self.json_blocks(MUTANTS)], False)

    def test_broken_cbor_is_read_only_if_kubo_reads_it(self):
        self.check("dag-cbor", "dag-cbor", [mutate(one, self.random) for one in self.cbor_blocks(MUTANTS)], False)


class Blocks(Formats):
    def test_broken_dag_pb_is_read_only_if_kubo_reads_it(self):
        blocks = [random_pb(self.random) for _ in range(MUTANTS)]
        blocks += [mutate(block, self.random) for block in blocks]
        for block, ours in zip(blocks, self.ours("read", "dag-pb", blocks=blocks), strict=True):
            self.compare("dag-pb", block, ours, self.theirs("dag-pb", "dag-json", block))

    def section(self, cid, data):
        return varint(len(cid) + len(data)) + cid + data

    def random_car(self):
        """A small whole DAG in one of the two versions."""
        leaves = [self.random.randbytes(self.random.choice([0, 5, 50])) for _ in range(self.random.choice([0, 1, 3]))]
        cids = [b"\x01\x55\x12\x20" + hashlib.sha256(leaf).digest() for leaf in leaves]
        root = head(4, len(cids)) + b"".join(
            b"\xd8\x2a" + head(2, len(cid) + 1) + b"\x00" + cid for cid in cids)
        root_cid = b"\x01\x71\x12\x20" + hashlib.sha256(root).digest()
        header = (b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + root_cid + b"\x67version\x01")
        car = varint(len(header)) + header + self.section(root_cid, root)
        seen = set()
        for cid, leaf in zip(cids, leaves):
            car += b"" if cid in seen else self.section(cid, leaf)
            seen.add(cid)
        if self.random.random() < 0.3:
            padding = self.random.choice([0, 7])
            car = (b"\x0a\xa1\x67version\x02" + bytes(16) + struct.pack("<QQQ", 51 + padding, len(car), 0)
                   + bytes(padding) + car)
        return car

    def imports(self, car):
        try:
            lines = self.rpc.lines("dag/import", parts=[rpc.part("c", "file", car)])
        except rpc.Refused as refusal:
            return str(refusal)
        said = [line["Root"]["PinErrorMsg"] for line in lines if "Root" in line]
        if not said:
            return "refused after the answer had begun"
        return "".join(said) or b"ok"

    def test_broken_cars_are_verified_only_if_kubo_imports_them(self):
        for number in range(MUTANTS // 2):
            car = self.random_car()
            if number % 4:
                car = mutate(car, self.random)
            done = subprocess.run([str(self.causeway), "car", "verify", "--json", "-"], input=car, capture_output=True)
            said = json.loads(done.stdout)
            ours = b"ok" if said["ok"] else said["error"]
            if number % 4 == 0:
                self.assertEqual(ours, b"ok", f"seed {self.seed}: {car.hex()}")
            self.compare("car", car, ours, self.imports(car))


if __name__ == "__main__":
    unittest.main()
