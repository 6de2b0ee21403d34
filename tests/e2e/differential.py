# SPDX-License-Identifier: Apache-2.0
"""Two Kubo nodes with one identity, one reached straight and one through a gateway: the same calls must look the same."""

import base64
import concurrent.futures
import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from kit import files, kubo, kubo_case, members, relay, settings

ALL_CLASSES = "tool, read, write, pin, files, key, pubsub, network, repo, remote-pin"

# What differs from call to call, whoever is called.
_VARYING = [
    (re.compile(r"\bk51[a-z0-9]{59}\b"), "<key>"),
    (re.compile(r"\bk2k4r8[a-z0-9]{50,60}\b"), "<name>"),
    (re.compile(r"127\.0\.0\.1(:|/tcp/)[0-9]+"), r"127.0.0.1\1<port>"),
    (re.compile(r"12D3KooW[1-9A-HJ-NP-Za-km-z]{44}"), "<peer>"),
    (re.compile(r"\S*/(node-)?(straight|gateway)/"), "<folder>/"),
    (re.compile(r"(invalid cid): [^\"\n]*"), r"\1: <why>"),  # ours are clearer
    (re.compile(r"/record/[A-Za-z0-9_-]{51,}"), "/record/<key>"),
    (re.compile(r"((RepoSize|NumObjects)\W+)[0-9]+"), r"\1<size>"),  # what a cut upload leaves depends on the moment
    (re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9:]+)?( UTC)?"), "<time>"),
    (re.compile(r"\b[0-9]+(\.[0-9]+)?(ms|µs|s)\b"), "<duration>"),
]


def without_varying(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


# ---- what differs by design
#
# Listings of pins. The gateway lists a member's own: without the pins that Kubo made for itself (the root of its file tree, an
# empty folder) and without all that is held through others (`indirect`), which is answered for a named CID only. A CID of
# version 0 and its version 1 are one object, and one pin of its owner. Compare them with `listing` or `own_pins`.
# What reads far more than it answers (`refs -r`, `ls` with sizes or types, `dag stat`) reads what is here, and so ends at once
# where Kubo waits for the network: no Ctrl-C, no abort.
# Chunkers below 4 KiB are refused, as is `to-files` into a folder that is none, before a line is printed: a last line says that
# all is pinned. See OTHERWISE of the tests.

EMPTY_FOLDER = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def as_version_1(text: str) -> str:
    """The text with every CID of version 0 in it as version 1."""

    def convert(found):
        number = 0
        for digit in found[0]:
            number = number * 58 + _BASE58.index(digit)
        raw = b"\x01\x70" + number.to_bytes(34, "big")
        return "b" + base64.b32encode(raw).decode().rstrip("=").lower()

    return re.sub(r"\bQm[1-9A-HJ-NP-Za-km-z]{44}\b", convert, text)


def own_pins(lines):
    """Of a listing, what is a member's own."""
    return sorted({as_version_1(line) for line in lines if "indirect" not in line and EMPTY_FOLDER not in line})


def without_progress(text: str) -> str:
    """The lines that are left of what a program drew on its standard error."""
    lines = re.split(r"\r|\n|\x1b\[2K", text)
    return "\n".join(line for line in lines if not re.match(r"\s*([0-9.]+ [KMG]?i?B\b|Fetched/Processed|$)", line))


class Side:
    """One of the two ways to a node: its port, a folder to work in, and the node itself."""

    def __init__(self, name, folder, node, port, binary):
        self.name, self.node, self.port = name, node, port
        self.folder = folder / name
        self.folder.mkdir()
        self.cli = kubo.Cli(self.folder, port, binary=binary)
        self.work = self.folder / "work"
        self.work.mkdir()

    def run(self, *words, stdin=None, **options):
        """What the program printed and how it ended."""
        done = subprocess.run([self.cli.binary, "--api", self.cli.api, *words], env=self.cli.environment, cwd=self.work,
                              input=stdin if stdin is not None else b"", capture_output=True, timeout=120, **options)
        return done.returncode, done.stdout, done.stderr

    def get(self, path):
        return self.work / path


class DifferentialCase(unittest.TestCase):
    """`straight` and `gateway` live as long as the class; each test adds to both in the same way."""

    kubo_variable = "KUBO"
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if settings.pick(True, False):
            raise unittest.SkipTest("takes three minutes: tests/run full 2")
        binary = kubo.binary(cls.kubo_variable)
        reason = kubo_case.why_not(cls.kubo_variable)
        if reason:
            raise unittest.SkipTest(reason)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        first, second = cls.start_nodes(binary)
        cls.relay = relay.start(cls.folder, second and second.port, more=cls.write_access())
        cls.addClassCleanup(cls.relay.stop)
        cls.straight = Side("straight", cls.folder, first, first.port, binary)
        cls.gateway = Side("gateway", cls.folder, second, cls.relay.port, cls.program(binary))
        cls.sides = (cls.straight, cls.gateway)
        for side in cls.sides:
            make_inputs(side.work)

    @classmethod
    def start_nodes(cls, binary):
        """The node that is reached straight, and the one behind the gateway. None: the gateway is one itself."""
        first = kubo.Kubo(cls.folder, binary, name="node-straight", online=True)
        cls.addClassCleanup(first.stop)
        second = kubo.Kubo(cls.folder, binary, name="node-gateway", online=True, like=first)
        cls.addClassCleanup(second.stop)
        return first, second

    @classmethod
    def write_access(cls):
        """The lines of causeway.yaml that say who may do what."""
        return f"allow: [{ALL_CLASSES}]"

    @classmethod
    def program(cls, binary):
        """What is run as `ipfs` on the gateway's side."""
        return binary

    def evidence(self):
        return self.relay.process.log()[-2000:]

    def both(self, action):
        """The action on both sides, at the same time."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(action, self.sides))

    def same(self, *words, stdin=None, text=True, order=True, per_side=None, listing=False):
        """Runs the program on both sides; the result of the straight one, once both are found to be the same.
        text False: the output is bytes. order False: lines may come in any order. per_side: what {} in the words stands for on a side.
        listing: the output lists pins; their owner's are compared."""

        def run(side):
            own = words if per_side is None else [word.replace("{}", per_side(side)) for word in words]
            return side.run(*own, stdin=stdin)

        results = self.both(run)
        with self.subTest(words):
            self.assertEqual(*(_comparable(result, order and not listing, listing) for result in results))
        code, out, err = results[0]
        return code, out.decode(errors="backslashreplace") if text else out, err.decode()

    def well(self, *words, **options):
        """As `same`, for what must succeed. The output."""
        code, out, err = self.same(*words, **options)
        self.assertEqual(code, 0, f"{words}: {err}")
        return out.strip() if isinstance(out, str) else out

    def ill(self, *words, **options):
        """As `same`, for what must fail. What was printed about it."""
        code, _, err = self.same(*words, **options)
        self.assertNotEqual(code, 0, words)
        return err

    def same_files(self, path):
        """What both sides have written there is the same."""
        with self.subTest(path):
            self.assertEqual(*(_tree(side.get(path)) for side in self.sides))


_POLICY = f"""\
version: 1
org: lab.example
members: {{{{alice: {{{{}}}}}}}}
roles:
  all: {{{{allow: [{', '.join(f'"class:{name}"' for name in ALL_CLASSES.split(', '))}], rights: [read-any, shared-node]}}}}
bind: [{{{{to: "member:alice", roles: [all]}}}}]
""".format()


class OfMember:
    """Mixed into a DifferentialCase: the gateway has a policy, whose one member has every right."""

    @classmethod
    def write_access(cls):
        path = cls.folder / "policy.yaml"
        path.write_text(_POLICY)
        return f"org: lab.example\npolicy: {path}"

    @classmethod
    def program(cls, binary):
        token = members.mint(cls.relay, ["alice"])[0]
        program = cls.folder / "ipfs-of-alice"
        program.write_text(f'#!/bin/sh\nexec "{binary}" --api-auth bearer:{token} "$@"\n')
        program.chmod(0o700)
        return str(program)


class BesideEmbedded:
    """Mixed into a DifferentialCase: the gateway stores what it is given itself, and the node beside it is offline as well."""

    @classmethod
    def start_nodes(cls, binary):
        first = kubo.Kubo(cls.folder, binary, name="node-straight")
        cls.addClassCleanup(first.stop)
        return first, None


def _comparable(result, order, listing=False):
    code, out, err = result
    err = without_varying(without_progress(err.decode()))
    if len(out) > 100_000:
        return code, hashlib.sha256(out).hexdigest(), err
    out = without_varying(out.decode(errors="backslashreplace"))
    if listing:
        return code, own_pins(out.splitlines()), err
    return code, out if order else sorted(out.splitlines()), err


def _tree(path):
    """Names, kinds and contents below a path."""
    if path.is_symlink():
        return "link", str(path.readlink())
    if path.is_dir():
        return {child.name: _tree(child) for child in sorted(path.iterdir())}
    return ("file", files.sha256_of_file(path), oct(path.stat().st_mode)) if path.exists() else None


def make_inputs(folder):
    """The same small files in each folder of work."""
    (folder / "a.txt").write_text("hello\n")
    (folder / "empty").write_bytes(b"")
    (folder / "lines.json").write_text('{"a":[1,2,{"b":null}],"c":"text"}')
    files.write_file(folder / "big", 3_000_000, seed=7)
    tree = folder / "tree"
    (tree / "below" / "deeper").mkdir(parents=True)
    (tree / "none").mkdir()
    for number, name in enumerate(["one", "two words", "ä ö%20+", "below/three", "below/deeper/four", ".hidden"]):
        files.write_file(tree / name, 1000 + number * 300_000, seed=number)
    (tree / "link").symlink_to("one")
    (folder / "ignored").write_text("one\n")
    (tree / "one").chmod(0o640)
