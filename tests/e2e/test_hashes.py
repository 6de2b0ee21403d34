# SPDX-License-Identifier: Apache-2.0
"""Digests that Kubo made, judged by `causeway car verify`: every hash that both compute, whole and cut short, of blocks
around the sizes where padding changes; one bit wrong is refused; a hash that is not computed here is refused by name."""

import os
import random
import shutil
import subprocess
import tempfile
import unittest

from kit import kubo, settings

SIZES = [0, 1, 54, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 135, 136, 1000, 4096, 262144]
WHOLE = {"sha1": 20, "sha2-256": 32, "sha2-512": 64, "sha3-224": 28, "sha3-256": 32, "sha3-384": 48, "sha3-512": 64,
         "dbl-sha2-256": 32, "blake2s-256": 32, **{f"blake2b-{size * 8}": size for size in range(20, 65)}}
REFUSED = ["blake3", "keccak-256", "shake-256"]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def cbor_head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    size = 1 if value < 1 << 8 else 2 if value < 1 << 16 else 4
    return bytes([major << 5 | 23 + size.bit_length()]) + value.to_bytes(size, "big")


def car_of(blocks):
    """A CARv1 whose roots are all of its blocks, (CID, bytes) each."""
    links = b"".join(b"\xd8\x2a" + cbor_head(2, len(cid) + 1) + b"\0" + cid for cid, _ in blocks)
    header = b"\xa2\x65roots" + cbor_head(4, len(blocks)) + links + b"\x67version\x01"
    return varint(len(header)) + header + b"".join(varint(len(cid) + len(data)) + cid + data for cid, data in blocks)


class Hashes(unittest.TestCase):
    limit_seconds = settings.pick(300, 1200)

    def setUp(self):
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        self.causeway = settings.find_program("causeway")
        if not self.causeway:
            self.skipTest("no causeway in the build")
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {**os.environ, "HOME": self.folder, "IPFS_PATH": self.folder + "/repo",
                            "IPFS_TELEMETRY": "off"}
        self.kubo("init", "--profile=test", "--empty-repo")
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        lengths = [name for name in WHOLE if name.startswith("blake2b")]
        drawn = {"blake2b-256", *self.random.sample(lengths, settings.pick(4, len(lengths)))}
        self.names = sorted(drawn | set(WHOLE) - set(lengths))

    def kubo(self, *words):
        return subprocess.run([os.environ["KUBO"], *words], env=self.environment, check=True, capture_output=True,
                              text=True).stdout

    def put(self, blocks, name, size):
        """The CIDs, as bytes, of the blocks under a hash cut to size bytes."""
        paths = []
        for index, data in enumerate(blocks):
            paths.append(f"{self.folder}/{index:03}")  # the program sends them in the order of their names
            with open(paths[-1], "wb") as file:
                file.write(data)
        lines = self.kubo("block", "put", "--cid-codec=raw", f"--mhtype={name}", f"--mhlen={size}", *paths)
        printed = self.kubo("cid", "format", "-b", "base16", "-f", "%S", *lines.split())
        return [bytes.fromhex(line) for line in printed.split()]

    def verify(self, blocks):
        path = self.folder + "/blocks.car"
        with open(path, "wb") as file:
            file.write(car_of(blocks))
        return subprocess.run([self.causeway, "car", "verify", path], capture_output=True, text=True, timeout=120)

    def some_blocks(self):
        return [self.random.randbytes(size) for size in SIZES]

    def made_by_kubo(self):
        made = []
        for name in self.names:
            for size in sorted({20, WHOLE[name]}):
                blocks = self.some_blocks()
                made += [(name, *pair) for pair in zip(self.put(blocks, name, size), blocks, strict=True)]
        return made

    def test_digests_of_kubo_hold_and_one_wrong_bit_does_not(self):
        made = self.made_by_kubo()
        done = self.verify([(cid, data) for _, cid, data in made])
        self.assertEqual(done.returncode, 0, f"{done.stderr} (RIG_SEED={self.seed})")
        for name in self.names:
            cid, data = self.random.choice([(cid, data) for other, cid, data in made if other == name and data])
            bit = self.random.randrange(len(data) * 8)
            wrong = bytearray(data)
            wrong[bit // 8] ^= 1 << bit % 8
            done = self.verify([(cid, bytes(wrong))])
            self.assertEqual(done.returncode, 1, f"{name} {cid.hex()} (RIG_SEED={self.seed})")
            self.assertIn(name, done.stderr)

    def test_other_hashes_of_kubo_are_refused_by_name(self):
        for name in REFUSED:
            blocks = self.some_blocks()
            done = self.verify(list(zip(self.put(blocks, name, -1), blocks, strict=True)))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{name} is not supported", done.stderr)


if __name__ == "__main__":
    unittest.main()
