# SPDX-License-Identifier: Apache-2.0
"""`causeway cid` beside Kubo's `ipfs cid`: the same text of the same CID in every base and by every format sign, and the
same verdict on damaged ones, but for what is refused here on purpose."""

import base64
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

from kit import kubo, settings

BASES = {"f": "base16", "F": "base16upper", "b": "base32", "B": "base32upper", "c": "base32pad", "C": "base32padupper",
         "v": "base32hex", "V": "base32hexupper", "t": "base32hexpad", "T": "base32hexpadupper", "k": "base36",
         "K": "base36upper", "z": "base58btc", "m": "base64", "M": "base64pad", "u": "base64url", "U": "base64urlpad"}
SIGNS = "%b|%B|%v|%V|%c|%C|%h|%H|%L|%m|%M|%d|%D|%s|%S|%P|%%"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

# Why a CID that Kubo reads may be refused here: a word of each message. Its decoders pass over a last digit that adds no
# byte, loose bits and missing padding: many texts for one CID.
ON_PURPOSE = ("CIDv0 inside a multibase", "no whole number of bytes", "bits beyond the data", "must be padded",
              "at most 128 are taken", "has only", "is not supported")

HASHES = {0x00: None, 0x11: 20, 0x12: 32, 0x13: 64, 0x14: 64, 0x15: 48, 0x16: 32, 0x17: 28, 0x18: 32, 0x19: 64, 0x1a: 28,
          0x1b: 32, 0x1c: 48, 0x1d: 64, 0x1e: 32, 0x56: 32, 0xd5: 16, 0x1012: 32, 0x1100: 64, 0xb401: 32,
          0xb201: 1, 0xb214: 20, 0xb220: 32, 0xb240: 64, 0xb241: 1, 0xb254: 20, 0xb260: 32}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def in_number_base(data, alphabet):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(alphabet))
        text = alphabet[digit] + text
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def encode(prefix, data):
    """Multibase by Python's own library where it has the base."""
    if prefix in "fF":
        text = data.hex()
    elif prefix in "bBcCvVtT":
        text = base64.b32encode(data).decode().lower()
        if prefix in "vVtT":
            text = text.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdefghijklmnopqrstuv"))
        if prefix in "bBvV":
            text = text.rstrip("=")
    elif prefix in "kK":
        text = in_number_base(data, "0123456789abcdefghijklmnopqrstuvwxyz")
    elif prefix == "z":
        text = in_number_base(data, BASE58)
    else:
        text = (base64.urlsafe_b64encode if prefix in "uU" else base64.b64encode)(data).decode()
        if prefix in "mu":
            text = text.rstrip("=")
    return prefix + (text.upper() if prefix in "FBCVTK" else text)


class Cids(unittest.TestCase):
    limit_seconds = settings.pick(300, 1200)

    def setUp(self):
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        self.causeway = settings.find_program("causeway")
        if not self.causeway:
            self.skipTest("no causeway in the build")
        self.home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.home)
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.codecs = [int(line.split()[0]) for line in
                       self.run_kubo("codecs", "--numeric").stdout.splitlines()]

    def run_kubo(self, *words, lines=None):
        return self.run_program([os.environ["KUBO"], "cid", *words], lines)

    def run_causeway(self, *words, lines=None):
        return self.run_program([self.causeway, "cid", *words], lines)

    def run_program(self, argv, lines):
        environment = {**os.environ, "HOME": self.home, "IPFS_PATH": self.home + "/none", "IPFS_TELEMETRY": "off"}
        given = None if lines is None else "".join(line + "\n" for line in lines)
        return subprocess.run([str(word) for word in argv], input=given, text=True, capture_output=True, timeout=300,
                              env=environment, stdin=None if given is not None else subprocess.DEVNULL)

    def random_parts(self):
        """(version, codec, hash, digest): known ones, and numbers that no table has."""
        if self.random.random() < 0.15:
            return 0, 0x70, 0x12, self.random.randbytes(32)
        code = self.random.choice([*HASHES, self.random.randrange(1 << 40, 1 << 62)])
        size = HASHES.get(code) or self.random.randrange(0, 129)
        if code != 0 and self.random.random() < 0.1:
            size = self.random.randrange(0, size + 1)
        codec = self.random.choice([*self.codecs, self.random.randrange(1 << 40, 1 << 62)])
        digest = self.random.randbytes(size)
        if size and self.random.random() < 0.1:
            digest = b"\0" * self.random.randrange(1, size + 1) + digest
        return 1, codec, code, digest[:size]

    def random_bytes(self):
        version, codec, code, digest = self.random_parts()
        multihash = varint(code) + varint(len(digest)) + digest
        return multihash if version == 0 else b"\x01" + varint(codec) + multihash

    def random_cid(self):
        data = self.random_bytes()
        if data[0] == 0x12:
            return in_number_base(data, BASE58)
        return encode(self.random.choice(list(BASES)), data)

    def count(self):
        return settings.pick(3000, 30000)

    def both(self, *, format_, lines, options=(), kubo_options=()):
        """The lines that each prints, all CIDs being good."""
        theirs = self.run_kubo("format", "-f", format_, *kubo_options, lines=lines)
        ours = self.run_causeway("--format", format_, *options, lines=lines)
        self.assertEqual((theirs.returncode, theirs.stderr), (0, ""), f"RIG_SEED={self.seed}")
        self.assertEqual((ours.returncode, ours.stderr), (0, ""), f"RIG_SEED={self.seed}")
        return theirs.stdout.splitlines(), ours.stdout.splitlines()

    def assert_same_lines(self, lines, theirs, ours):
        self.assertEqual(len(theirs), len(lines))
        for line, their, our in zip(lines, theirs, ours, strict=True):
            self.assertEqual(our, their, f"{line} (RIG_SEED={self.seed})")

    def test_every_sign_in_the_base_that_was_typed(self):
        lines = [self.random_cid() for _ in range(self.count())]
        self.assert_same_lines(lines, *self.both(format_=SIGNS, lines=lines))

    def test_every_sign_in_every_other_base(self):
        lines = [self.random_cid() for _ in range(self.count())]
        for name in BASES.values():
            with self.subTest(base=name):
                self.assert_same_lines(lines, *self.both(format_=SIGNS, lines=lines, options=["--base", name],
                                                         kubo_options=["-b", name]))

    def test_version_0_of_what_has_one(self):
        lines = []
        for _ in range(self.count()):
            data = b"\x01\x70\x12\x20" + self.random.randbytes(32)
            lines.append(encode(self.random.choice(list(BASES)), data))
        self.assert_same_lines(lines, *self.both(format_="%s %P", lines=lines, options=["--v0"], kubo_options=["-v", "0"]))

    def test_base32_of_anything(self):
        lines = [self.random_cid() for _ in range(self.count())]
        theirs = self.run_kubo("base32", lines=lines).stdout.splitlines()
        ours = self.run_causeway("--base", "base32", lines=lines).stdout.splitlines()
        self.assert_same_lines(lines, theirs, ours)

    def test_inspection(self):
        for _ in range(settings.pick(60, 600)):
            typed = self.random_cid()
            theirs = json.loads(self.run_kubo("inspect", "--enc=json", typed).stdout)
            ours = json.loads(self.run_causeway("--json", typed).stdout)
            expected = {
                "cid": typed, "version": theirs["version"], "base": theirs["multibase"]["name"],
                "codec": theirs["multicodec"]["name"], "codec_code": theirs["multicodec"]["code"],
                "hash": theirs["multihash"]["name"], "hash_code": theirs["multihash"]["code"],
                "digest_size": theirs["multihash"]["length"], "digest": theirs["multihash"]["digest"],
                "v1": theirs["cidV1"], **({"v0": theirs["cidV0"]} if "cidV0" in theirs else {}),
            }
            self.assertEqual(ours, expected, f"RIG_SEED={self.seed}")

    def damaged_text(self):
        text = list(self.random_cid())
        for _ in range(self.random.randrange(1, 3)):
            at = self.random.randrange(len(text))
            what = self.random.randrange(4)
            char = self.random.choice("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_=+")
            if what == 0:
                text[at] = char
            elif what == 1:
                text.insert(at, char)
            elif what == 2 and len(text) > 1:
                del text[at]
            else:
                del text[max(at, 1):]
        return "".join(text)

    def damaged_bytes(self):
        data = bytearray(self.random_bytes())
        for _ in range(self.random.randrange(1, 3)):
            at = self.random.randrange(min(len(data), 12))
            what = self.random.randrange(4)
            if what == 0:
                data[at] = self.random.randrange(256)
            elif what == 1:
                data.insert(at, self.random.choice([0, 0x80, 0xff, 1]))
            elif what == 2 and len(data) > 1:
                del data[at]
            else:
                data += b"\0"
        return encode(self.random.choice(list(BASES)), bytes(data))

    def test_damaged_ones_are_refused_or_read_alike(self):
        lines = [self.random.choice([self.damaged_text, self.damaged_bytes])() for _ in range(2 * self.count())]
        lines = [line for line in dict.fromkeys(lines) if not line.startswith("-")]
        done = self.run_kubo("format", "-f", "%s %V %C %H %L %D", lines=lines)
        refused = {line.split(": ", 1)[0] for line in done.stderr.splitlines()}
        theirs = dict(zip([line for line in lines if line not in refused], done.stdout.splitlines(), strict=True))
        both = only_kubo = 0
        for line in self.run_causeway("--json", "--format", "%s %V %C %H %L %D", lines=lines).stdout.splitlines():
            ours = json.loads(line)
            if "formatted" in ours:
                self.assertEqual(theirs.get(ours["cid"]), ours["formatted"], f"{ours} (RIG_SEED={self.seed})")
                both += 1
            elif ours["cid"] in theirs:
                self.assertTrue(any(word in ours["error"] for word in ON_PURPOSE),
                                f"{ours}; Kubo reads {theirs[ours['cid']]} (RIG_SEED={self.seed})")
                only_kubo += 1
        self.assertGreater(both, 10)
        self.assertGreater(len(lines) - both - only_kubo, len(lines) // 10)


if __name__ == "__main__":
    unittest.main()
