# SPDX-License-Identifier: Apache-2.0
"""cat, get, ls, refs, resolve and block/* of an embedded node behind the gateway, beside a real Kubo, offline: random trees
that both imported, plain and sharded, and paths into them that lead somewhere or not. Status, headers, bytes and messages
are the same; `get` is, but for the times that nobody gave."""

import gzip
import io
import json
import pathlib
import random
import shutil
import tarfile
import tempfile
import unittest
import urllib.parse

from kit import kubo, relay, rpc, settings
from kit.client import Client, post

TREES = settings.pick(12, 400)
CALLS = settings.pick(60, 150)  # for each tree
NAMES = ["a", "b c", "\u00fc", "z" * 90, "c.txt", "d" * 120, "e&<f>", "0", "\u65e5\u672c", "q\"\\", "%41", "x=y+z"]
HEADERS = ["content-type", "x-stream-output", "x-chunked-output", "x-content-length"]
IMPORTS = [{}, {"cid_version": 1}, {"cid_version": 1, "raw_leaves": False}, {"max_directory_links": 4, "max_hamt_fanout": 8},
           {"cid_version": 1, "max_directory_links": 3, "max_hamt_fanout": 16}, {"max_file_links": 3}]


class Tree:
    """Files, directories and links, as the parts of an upload; paths are where each of them is."""

    def __init__(self, rand):
        self.rand = rand
        self.parts, self.paths = [], []
        self.is_stamped = rand.random() < 0.5
        self.put("tree", 0)

    def stat(self):
        return {"mode": self.rand.choice([0o644, 0o755, 0o4711, 0o600]),
                "mtime_ns": self.rand.choice([0, 10**18, 10**18 + 5 * 10**8, 1600000000123456789])} if self.is_stamped else {}

    def put(self, path, depth):
        kind = self.rand.random()
        self.paths.append(path)
        if depth == 0 or (kind < 0.35 and depth < 4):
            self.parts.append(rpc.part(path, "directory", **self.stat()))
            for name in self.rand.sample(NAMES, self.rand.choice([0, 1, 3, 6, len(NAMES)])):
                self.put(f"{path}/{name}", depth + 1)
        elif kind < 0.45:
            self.parts.append(rpc.part(path, "symlink", b"../" * self.rand.randrange(3) + b"t" * self.rand.choice([1, 120])))
        else:
            size = self.rand.choice([0, 1, 200, 4095, 4096, 4097, 20000, 60000])
            self.parts.append(rpc.part(path, "file", self.rand.randbytes(size), **self.stat()))

    def options(self):
        return {"chunker": f"size-{self.rand.choice([4096, 4097, 10000, 262144])}", "pin": False, "progress": False,
                **self.rand.choice(IMPORTS), **({"preserve_mode": True, "preserve_mtime": True} if self.is_stamped else {})}


class ReadCommands(unittest.TestCase):
    limit_seconds = settings.pick(300, 3600)

    def setUp(self):
        reason = settings.target() != "causeway" and "for the gateway only" or relay.why_not() or kubo.why_not()
        if reason:
            self.skipTest(reason)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.kubo = kubo.Kubo(self.folder)
        self.addCleanup(self.kubo.stop)
        self.relay = relay.start(self.folder, None)
        self.addCleanup(relay.stop_well, self.relay)
        self.seed = settings.seed()
        self.random = random.Random(self.seed)

    def add(self, tree):
        """The root's CID, the same at both."""
        options, roots = tree.options(), []
        for port in (self.kubo.port, self.relay.port):
            api = rpc.Rpc(port)
            roots.append(api.lines("add", parts=tree.parts, **options)[-1]["Hash"])
            api.close()
        self.assertEqual(*roots, f"seed {self.seed}: {options}")
        return roots[0]

    def ask(self, port, target):
        with Client(port) as client:
            client.send(post(f"/api/v0/{target}"))
            reply = client.reply(keep=1 << 26)
        self.assertIsNone(reply.broken, f"seed {self.seed}: {target}")
        return reply

    def answer(self, port, target, is_get):
        """What must be the same."""
        reply = self.ask(port, target)
        trailers = {name.lower(): value for name, value in reply.trailers if value}
        body = bytes(reply.body)
        if reply.status != 200:
            return reply.status, json.loads(body)
        body = self.archive(body, reply.get("content-type")) if is_get else body
        return reply.status, [reply.get(name) for name in HEADERS], body, trailers.get("x-stream-error")

    def archive(self, body, kind):
        """An archive without the times that are today's: those of what has none."""
        if kind == "application/gzip":
            body = gzip.decompress(body)
        if body[257:262] != b"ustar":
            return body
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return [(one.name, one.type, one.mode, one.size, one.linkname, one.mtime if one.mtime < 1.7e9 else "now",
                     tar.extractfile(one).read() if one.isfile() else None) for one in tar]

    def flag(self, names):
        return {name: self.random.choice(["true", "false"]) for name in names if self.random.random() < 0.3}

    def call(self, root, tree):
        """A command with options, and a path below the root, or two."""
        rand = self.random
        below = [path.removeprefix("tree") for path in tree.paths]
        paths = [root + rand.choice([*below, *below, "/none", rand.choice(below) + "/none", rand.choice(below) + "/0/none"])
                 for _ in range(rand.choice([1, 1, 1, 2, 3]))]
        paths = [rand.choice(["", "", "/ipfs/", "ipfs://"]) + path for path in paths]
        command = rand.choice(["cat", "cat", "get", "get", "ls", "ls", "refs", "resolve", "block/get", "block/stat"])
        options = {}
        if command == "cat":
            options = {name: rand.choice([0, 1, 100, 4095, 4096, 4097, 8192, 19999, 20000, 59999, 10**6])
                       for name in ("offset", "length") if rand.random() < 0.4}
        elif command == "get":
            options = self.flag(["archive", "compress"])
        elif command == "ls":
            options = self.flag(["size", "resolve-type", "sort-size", "long", "headers", "human"])
        elif command == "refs":
            options = self.flag(["recursive", "unique", "edges"])
            if rand.random() < 0.3:
                options["max-depth"] = rand.randrange(4)
            if rand.random() < 0.2 and options.get("edges") != "true":
                options["format"] = "<src>|<linkname>|<dst>"
        if command in ("ls", "refs", "resolve", "block/stat") and rand.random() < 0.2:
            options["cid-base"] = rand.choice(["base32", "base58btc", "base36"])
        if command not in ("cat", "ls", "refs"):
            paths = paths[:1]
        query = [("arg", path) for path in paths] + sorted(options.items())
        return f"{command}?{urllib.parse.urlencode(query, encoding='utf-8')}", command == "get"

    def test_reads_of_random_trees_answer_as_kubo_does(self):
        for number in range(TREES):
            tree = Tree(self.random)
            root = self.add(tree)
            for _ in range(CALLS):
                target, is_get = self.call(root, tree)
                wanted, had = (self.answer(port, target, is_get) for port in (self.kubo.port, self.relay.port))
                self.assertEqual(wanted, had, f"seed {self.seed}, tree {number}: {target}")

    def test_the_program_unpacks_what_it_gets(self):
        """`ipfs get`, which reads the archive strictly, and `ipfs cat`, `ls` and `refs` before and behind it."""
        tree = Tree(self.random)
        root = self.add(tree)
        outputs = []
        for name, port in (("kubo", self.kubo.port), ("ours", self.relay.port)):
            folder = self.folder / name
            if not folder.exists():
                folder.mkdir()
            program = kubo.Cli(folder, port)
            got = program.run("get", "-o", str(folder / "got"), root)
            self.assertEqual(got.returncode, 0, f"seed {self.seed}: {got.stderr}")
            said = [program.run(*words).stdout for words in (("ls", root), ("refs", "-r", root), ("resolve", root))]
            files = {str(path.relative_to(folder / "got")): (path.lstat().st_mode, path.is_symlink() and path.readlink()
                                                             or path.is_file() and path.read_bytes())
                     for path in sorted((folder / "got").rglob("*"))}
            outputs.append((said, files))
        self.assertEqual(*outputs, f"seed {self.seed}")


if __name__ == "__main__":
    unittest.main()
