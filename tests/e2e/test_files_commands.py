# SPDX-License-Identifier: Apache-2.0
"""The mutable files of an embedded node beside those of a real Kubo, offline: random sequences of `files` commands under any
options. After each, what was answered and the root are the same.

Left out is what Kubo does otherwise than it says, or differently from one time to the next:
- a directory moved into itself, the root copied into a directory, chcid to a hash that is not allowed: Kubo loses data or
  cannot read its tree any more; here these are refused;
- writes of more than 2 MiB: where Kubo's leaves end depends on how the bytes arrive;
- writes to a file that has a time, which becomes the present one, or whose mode was changed: Kubo still goes by what the file was before;
- sharded directories within the length of a name of the size at which they become plain."""

import json
import pathlib
import random
import shutil
import tempfile
import unittest
import urllib.parse

from kit import kubo, rpc, settings, task_shell
from kit.client import Client, post

SEQUENCES = settings.pick(12, 600)
STEPS = settings.pick(80, 250)
LARGE = settings.pick(1, 30)  # sequences with sharded directories
FILES = settings.pick(3, 60)  # files that are written to again and again
EMPTY = "/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
SHARDED_FROM = 256 << 10
SIZES = [0, 1, 5, 100, 4095, 4096, 4097, 10000, 262143, 262144, 262145, 300000, 524289, 1000000, 2097152]
HASHES = ["sha2-256", "blake2b-256", "sha2-512", "sha3-256", "SHA1", "nope", "md5"]
MODES = ["0644", "755", "0", "7777", "40000755", "9", "-1", "", "+17", "99999999999999", "4755", "10000644"]


def target(command, *arguments, **options):
    pairs = [("arg", a) for a in arguments] + [(name.replace("_", "-"), value) for name, value in options.items()]
    return f"/api/v0/files/{command}?" + urllib.parse.urlencode(pairs)


def form(content):
    return rpc.body([rpc.part("file", "file", content)])


class Files(unittest.TestCase):
    limit_seconds = settings.pick(300, 7200)

    def setUp(self):
        if kubo.why_not() or task_shell.why_not():
            self.skipTest(kubo.why_not() or task_shell.why_not())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.kubo = kubo.Kubo(self.folder)
        self.addCleanup(self.kubo.stop)
        self.shell = None

    def begin(self):
        """Both have no files."""
        if self.shell is not None:
            self.shell.close()
        self.shell = task_shell.TaskShell()
        self.theirs(target("chmod", "0", "/"))
        for entry in json.loads(self.theirs(target("ls", "/"))[0])["Entries"] or []:
            self.theirs(target("rm", "/" + entry["Name"], recursive="true", force="true"))
        self.theirs(target("flush", "/"))
        self.ours(target("chmod", "0", "/"))
        self.steps = []

    def tearDown(self):
        if self.shell is not None:
            self.shell.close()

    def theirs(self, call, content=None):
        request = post(call)
        if content is not None:
            request = post(call, f"Content-Type: multipart/form-data; boundary={rpc.BOUNDARY}", body=form(content))
        with Client(self.kubo.port) as client:
            reply = client.ask(request, keep=1 << 30)
        if reply.status == 200:
            return reply.body, dict(reply.trailers).get("x-stream-error", "")
        return b"", json.loads(reply.text())["Message"]

    def ours(self, call, content=None):
        body = b"" if content is None else form(content)
        _, output, message = self.shell.call(call, body.replace(rpc.BOUNDARY.encode(), task_shell.BOUNDARY.encode()),
                                             self.random.choice([0, 1000, 100000]))
        return output, message[:400]

    def both(self, call, content=None):
        """The reply of both, which is the same."""
        self.steps.append(call[:200])
        theirs, ours = self.theirs(call, content), self.ours(call, content)
        theirs = theirs[0], theirs[1][:400]
        where = f"seed {self.seed}, step {len(self.steps)}: " + "\n".join(self.steps[-20:])
        self.assertEqual(ours, theirs, where)
        return ours[0], where

    def same_root(self, where):
        root = target("stat", "/")
        self.assertEqual(self.ours(root), self.theirs(root), where)


class Sequences(Files):
    def path(self):
        path = "/" + "/".join(self.random.choices("abcd", k=self.random.choice([1, 1, 2, 2, 2, 3])))
        return self.random.choices([path, path + "/", "/"], [96, 3, 1])[0]

    def some(self, chance, **options):
        return options if self.random.random() < chance else {}

    def format(self, hashes=HASHES):
        return self.some(0.25, cid_version=self.random.choice("011")) | self.some(0.1, hash=self.random.choice(hashes))

    def unflushed(self):
        return self.some(0.08, flush="false")

    def mkdir(self):
        return target("mkdir", self.path(), **self.some(0.5, parents="true"), **self.format(), **self.unflushed()), None

    def cp(self):
        source = self.random.choice([self.path(), self.path(), self.path(), EMPTY])
        if source == "/":
            return None
        return target("cp", source, self.path(), **self.some(0.3, parents="true"), **self.some(0.3, force="true"),
                      **self.unflushed()), None

    def added(self):
        """A file of `ipfs add`, which is in both stores."""
        options = self.random.choice(["cid-version=1", "raw-leaves=true", "chunker=size-1000&raw-leaves=true", "chunker=size-300"])
        content = self.random.randbytes(self.random.choice([5000, 60000, 100000]))
        added, _ = self.theirs(f"/api/v0/add?pin=false&{options}", content)
        root = json.loads(added.splitlines()[-1])["Hash"]
        refs, _ = self.theirs(f"/api/v0/refs?recursive=true&unique=true&arg={root}")
        for cid in [root] + [json.loads(line)["Ref"] for line in refs.splitlines()]:
            self.shell.put(cid, self.theirs(f"/api/v0/block/get?arg={cid}")[0])
        return target("cp", f"/ipfs/{root}", self.path(), **self.some(0.3, parents="true")), None

    def mv(self):
        source, to = self.path(), self.path()
        end = to + source.strip("/").split("/")[-1] if to.endswith("/") else to
        if (end.strip("/") + "/").startswith(source.strip("/") + "/"):
            return None
        return target("mv", source, to, **self.unflushed()), None

    def rm(self):
        return target("rm", *(self.path() for _ in range(self.random.choice([1, 1, 1, 3]))), **self.some(0.5, recursive="true"),
                      **self.some(0.3, force="true")), None

    def write(self):
        size = self.random.choice(SIZES) if self.random.random() < 0.5 else self.random.randrange(3000)
        offset = self.random.choice([0, 1, 5, 100, 4096, 262144, 300000, self.random.randrange(600000), -1])
        options = {**self.some(0.75, create="true"), **self.some(0.4, parents="true"), **self.some(0.2, truncate="true"),
                   **self.some(0.5, offset=offset), **self.some(0.1, count=self.random.choice([0, 1, 1000, 300000, -1])), **self.format()}
        # Kubo remembers raw-leaves of a file until it is flushed
        options |= self.random.choice([self.unflushed(), self.some(0.3, raw_leaves=self.random.choice(["true", "false"]))])
        return target("write", self.path(), **options), self.random.randbytes(size)

    def stat(self):
        return target("stat", self.path(), **self.random.choice([{}, {"with_local": "true"}, {"hash": "true"},
                                                                 {"size": "true", "hash": "true"}])), None

    def ls(self):
        return target("ls", self.path(), **self.random.choice([{}, {"long": "true"}, {"U": "true"}])), None

    def read(self):
        return target("read", self.path(), **self.some(0.5, offset=self.random.randrange(300000)),
                      **self.some(0.5, count=self.random.randrange(5000))), None

    def chcid(self):
        return target("chcid", self.path(), **self.format(HASHES[:-1]), **self.unflushed()), None

    def flush(self):
        return target("flush", self.path()), None

    def chmod(self):
        return target("chmod", self.random.choice(MODES), self.path()), None

    def touch(self):
        path = self.path()
        if path == "/":
            return None
        return target("touch", path, mtime=self.random.choice([1, 123456789, -5, 1700000000]),
                      **self.random.choice([{}, {"mtime_nsecs": 5}, {"mtime_nsecs": 1500000000}])), None

    def run_sequence(self, commands, weights):
        self.begin()
        for _ in range(STEPS):
            step = None
            while step is None:
                step = self.random.choices(commands, weights)[0]()
            _, where = self.both(*step)
            self.same_root(where)

    def test_random_commands_answer_and_leave_the_same(self):
        commands = [self.mkdir, self.cp, self.added, self.mv, self.rm, self.write, self.stat, self.ls, self.read, self.chcid,
                    self.flush]
        for _ in range(SEQUENCES):
            self.run_sequence(commands, [14, 13, 3, 12, 8, 30, 6, 6, 8, 4, 3])

    def test_random_modes_and_times_answer_and_leave_the_same(self):
        commands = [self.mkdir, self.cp, self.added, self.mv, self.rm, self.stat, self.ls, self.read, self.chcid, self.chmod,
                    self.touch]
        for _ in range(SEQUENCES // 3):
            self.run_sequence(commands, [20, 16, 8, 8, 5, 12, 6, 4, 3, 14, 12])


class LargeDirectories(Files):
    """Names are long, so that a few dozen shard a directory."""

    def weight(self, directory):
        listed, _ = self.ours(target("ls", directory, long="true"))
        entries = json.loads(listed or b'{"Entries":null}')["Entries"] or []
        return sum(len(entry["Name"]) + (34 if entry["Hash"].startswith("Qm") else 36) for entry in entries)

    def step(self):
        path = f"/{self.random.choice('xy')}/" + self.random.choice(self.names)
        kind = self.random.choices(["cp", "rm", "mv", "write", "flush"], [50, 25, 6, 6, 3])[0]
        if kind == "cp":
            return target("cp", EMPTY, path, parents="true"), None
        if kind == "rm":
            return target("rm", path, recursive="true", force=self.random.choice(["true", "false"])), None
        if kind == "mv":
            to = f"/{self.random.choice('xy')}/" + self.random.choice(self.names)
            return (target("mv", path, to), None) if to != path else self.step()
        if kind == "write":
            return target("write", path, create="true", parents="true"), self.random.randbytes(100)
        return target("ls", "/"), None

    def test_directories_are_sharded_and_plain_as_kubos_are(self):
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        compared = 0
        for _ in range(LARGE):
            self.begin()
            self.names = [letter * self.random.choice([6000, 8000]) for letter in letters]
            for _ in range(350):
                _, where = self.both(*self.step())
                if self.random.random() < 0.05:
                    self.theirs(target("flush", "/"))
                    self.ours(target("flush", "/"))
                if all(abs(self.weight(f"/{d}") - SHARDED_FROM) > 10000 for d in "xy"):
                    self.same_root(where)
                    compared += 1
        self.assertGreater(compared, 200 * LARGE)


class Written(Files):
    """One file is appended to, written over and made longer, in the middle of its many leaves."""

    def test_files_of_many_writes_have_kubos_cids_and_their_bytes(self):
        for number in range(FILES):
            self.begin()
            options = self.random.choice([{}, {"cid_version": 1}, {"raw_leaves": "true"}, {"cid_version": 1, "raw_leaves": "false"},
                                          {"hash": "blake2b-256"}])
            content, path = bytearray(), f"/f{number}"
            for _ in range(settings.pick(50, 150)):
                offset, size = self.write_of(len(content))
                new = self.random.randbytes(size)
                content.extend(bytes(max(0, offset - len(content))))
                content[offset:offset + size] = new
                self.both(target("write", path, create="true", offset=offset, **options), new)
                self.both(target("stat", path))
            read, where = self.ours(target("read", path))[0], f"seed {self.seed}"
            self.assertTrue(read == bytes(content), where)

    def write_of(self, length):
        kind = self.random.choices(["append", "small", "over", "behind"], [30, 30, 20, 20])[0]
        if kind == "append":
            return length, self.random.choice([262144, 300000, 1000000, 2097152])
        if kind == "small":
            return length, self.random.randrange(1, 5000)
        if kind == "over":
            return self.random.randrange(length + 1), self.random.choice([1, 5000, 400000, 2000000])
        return length + self.random.randrange(1, 3000000), self.random.randrange(5000)


if __name__ == "__main__":
    unittest.main()
