# SPDX-License-Identifier: Apache-2.0
"""Uploads through a gateway beside the same ones to a Kubo of their own: what they print and what is pinned afterwards is alike,
and what is charged is what Kubo measures. Failed ones, and those whose client left, pin nothing."""

import json
import os
import sqlite3
import subprocess
import time
import unittest

from kit.kubo_case import KuboCase
from kit.process import wait_for
from kit.rpc import Refused, Rpc, part

POLICY = """\
version: 1
org: lab.example
groups: {staff: {}, small: {}, few: {}}
members: {alice: {groups: [staff]}, bob: {groups: [staff]}, small: {groups: [small]}, few: {groups: [few]}}
roles: {writer: {allow: ["class:tool", "class:read", "class:write", "class:pin"]}}
bind: [{to: "member:*", roles: [writer]}]
quotas:
  - {id: small, scope: "group:small", stored: {bytes: 1MB}}
  - {id: few, scope: "group:few", stored: {pins: 2}}
"""
NAMES = ["alice", "bob", "small", "few"]
LINK = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"  # to what nobody has


class AsMember(Rpc):
    """RPC calls with a token."""

    def __init__(self, port, token):
        super().__init__(port)
        self._token = token

    def call(self, command, *arguments, parts=None, **options):
        import http.client  # noqa: PLC0415
        self._connection = self._connection or _Bearer(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60), self._token)
        return super().call(command, *arguments, parts=parts, **options)


class _Bearer:
    def __init__(self, connection, token):
        self._connection, self._token = connection, token

    def request(self, *arguments, headers, **rest):
        self._connection.request(*arguments, headers={**headers, "Authorization": f"Bearer {self._token}"}, **rest)

    def getresponse(self):
        return self._connection.getresponse()

    def close(self):
        self._connection.close()


class Uploads(KuboCase):
    limit_seconds = 300

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubo, cls.alone = cls.start_kubo(), cls.start_kubo("alone")
        cls.start_gateway(NAMES, policy=POLICY)
        cls.direct = cls.cli_of(cls.alone.port)
        tree = cls.folder / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "a").write_text("a file\n")
        (tree / "sub" / "large").write_bytes(os.urandom(700_000))
        (tree / "sub" / "same").write_text("a file\n")
        for name in ("one.car", "two.car"):
            cid = cls.straight("add", "-Q", "--pin=false", "--cid-version=1", input=name)
            (cls.folder / name).write_bytes(cls.alone.ask(f"dag/export?arg={cid}"))
        root = cls.straight("add", "-rQ", "--pin=false", str(tree))
        (cls.folder / "tree.car").write_bytes(cls.alone.ask(f"dag/export?arg={root}"))
        (cls.folder / "header.car").write_bytes((cls.folder / "one.car").read_bytes()[:1 + (cls.folder / "one.car").read_bytes()[0]])

    def setUp(self):
        self.forget(self.direct.run)
        for name in NAMES:
            self.forget(lambda *words, name=name: self.run_as(name, *words))
        self.held = self.storage_holds()

    # ---- both sides

    def run_as(self, who, *words, **options):
        return super().run_as(who, *words, cwd=self.folder, **options)

    def pins(self, run):
        """{CID: (type, name)}."""
        done = run("pin", "ls", "--names", "--type=recursive")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
        return {line[0]: (line[1].strip(), line[2].strip() if len(line) > 2 else "") for line in lines}

    def forget(self, run):
        pins = self.pins(run)
        if pins:
            self.assertEqual(run("pin", "rm", *pins).returncode, 0)

    def both(self, *words, order=True, **options):
        """Runs it through the gateway as alice, and directly; what is printed and pinned must be the same. The gateway's."""
        mine = self.run_as("alice", *words, **options)
        other = self.direct.run(*words, cwd=self.folder, **options)
        show = (lambda text: text) if order else (lambda text: sorted(text.splitlines()))
        self.assertEqual((mine.returncode, show(mine.stdout)), (other.returncode, show(other.stdout)), mine.stderr)
        self.assertEqual(self.pins(lambda *w: self.run_as("alice", *w)), self.pins(self.direct.run))
        self.assert_charged("alice")
        return mine

    # ---- what the ledger has

    def ledger(self, query):
        with sqlite3.connect(self.relay.folder / "data" / "ledger.db") as database:
            return database.execute(query).fetchall()

    def assert_charged(self, who):
        """To the byte what Kubo's dag stat says of each."""
        total = 0
        for cid in self.pins(lambda *words: self.run_as(who, *words)):
            lines = self.kubo.ask(f"dag/stat?progress=false&offline=true&arg={cid}").splitlines()
            total += json.loads(lines[-1])["DagStats"][0]["Size"]
        rows = self.ledger(f"select bytes from usage where owner_kind = 'member' and owner = '{who}'")
        self.assertEqual(rows[0][0] if rows else 0, total)

    def assert_nothing_is_left(self, who):
        self.assertEqual(self.pins(lambda *words: self.run_as(who, *words)), {})
        self.assert_charged(who)
        self.assertTrue(wait_for(lambda: self.ledger("select * from journal") == [], 5), "the journal has open entries")

    def storage_holds(self):
        """How many pins of ours."""
        lines = self.kubo.ask("pin/ls?names=true&type=recursive&stream=true").splitlines()
        return len([line for line in lines if b'"cw:' in line])

    def assert_storage_holds(self, count):
        """So many more than when the test began."""
        self.assertEqual(self.storage_holds() - self.held, count)

    # ---- what Kubo would pin

    def test_adding_files(self):
        for words in (["tree/a"], ["-r", "tree"], ["-w", "tree/a"], ["-w", "tree/a", "tree/sub/large"], ["-rw", "tree"],
                      ["tree/a", "tree/sub/large"], ["-r", "tree", "tree/a"], ["tree/a", "tree/a", "tree/sub/same"],
                      ["--pin-name=mine", "tree/a", "tree/sub/large"], ["--pin-name=it", "-w", "tree/a"], ["tree/a"],
                      ["-Q", "-r", "tree"], ["-q", "-r", "tree"], ["--silent", "tree/sub/large"], ["--cid-version=1", "tree/a"],
                      ["--inline", "--cid-version=1", "tree/a"], ["--trickle", "tree/sub/large"],
                      ["--chunker=size-4096", "tree/sub/large"], ["--chunker=rabin-65536", "tree/sub/large"],
                      ["--pin=false", "--cid-version=1", "tree/sub/same"], ["-n", "--raw-leaves", "tree/sub/large"],
                      ["--cid-base=base32", "--cid-version=1", "tree/sub/large"], ["--progress", "-r", "tree"]):
            with self.subTest(words):
                self.both("add", *words)

    def test_adding_what_comes_from_a_pipe(self):
        for words in ([], ["-Q"], ["-w"], ["-w", "--stdin-name=x"], ["--pin-name=piped"]):
            with self.subTest(words):
                self.both("add", *words, input="from a pipe")

    def test_nodes_and_blocks(self):
        self.both("dag", "put", "--pin", input='{"a": 1}')
        self.both("dag", "put", input='{"a": 2}')
        self.both("block", "put", "--pin", "tree/a")
        self.both("block", "put", "tree/sub/same", "--mhtype=sha2-512")
        self.both("block", "put", "--pin", "tree/a", "tree/sub/large")

    def test_importing(self):
        for words in (["one.car"], ["tree.car"], ["one.car", "two.car"], ["one.car", "one.car"], ["--stats", "one.car", "tree.car"],
                      ["--silent", "two.car"], ["--pin-roots=false", "--stats", "two.car"]):
            with self.subTest(words):
                self.forget(self.direct.run)
                self.forget(lambda *w: self.run_as("alice", *w))
                self.both("dag", "import", *words, order=False)

    def test_importing_what_is_not_all_there(self):
        """The root that is here is pinned, the other one is told about in the reply, as Kubo does."""
        self.kubo.collect_garbage()
        done = self.run_as("alice", "dag", "import", "two.car", "header.car")
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not find", done.stderr)
        self.assertEqual(len(self.pins(lambda *words: self.run_as("alice", *words))), 1)
        self.assert_charged("alice")

    def test_a_directory_without_a_name_is_one_root(self):
        """As Kubo's Go client sends it."""
        parts = [part("", "directory"), part("x", "file", b"xx"), part("y", "directory"), part("y/z", "file", b"zz")]
        rpc = AsMember(self.relay.port, self.tokens["alice"])
        self.addCleanup(rpc.close)
        lines = rpc.lines("add", parts=parts)
        self.assertEqual([line["Name"] for line in lines], ["x", "y/z", "y", ""])
        self.assertEqual(list(self.pins(lambda *words: self.run_as("alice", *words))), [lines[-1]["Hash"]])

    def test_progress_comes_while_the_upload_goes_on(self):
        rpc = AsMember(self.relay.port, self.tokens["alice"])
        self.addCleanup(rpc.close)
        lines = rpc.lines("add", parts=[part("a", "file", os.urandom(1_000_000))], progress=True)
        self.assertEqual([line["Bytes"] for line in lines[:-1]], [262144, 524288, 786432, 1000000])
        self.assertIn("Hash", lines[-1])

    def test_a_wide_tree(self):
        """Many lines, one root."""
        parts = [part("w", "directory")] + [part(f"w/{i}", "file", b"%d" % i) for i in range(3000)]
        rpc = AsMember(self.relay.port, self.tokens["alice"])
        self.addCleanup(rpc.close)
        lines = rpc.lines("add", parts=parts)
        self.assertEqual(len(lines), 3001)
        self.assertEqual(list(self.pins(lambda *words: self.run_as("alice", *words))), [lines[-1]["Hash"]])
        self.assert_charged("alice")

    def test_two_members_add_the_same(self):
        for who in ("alice", "bob"):
            self.assertEqual(self.run_as(who, "add", "-Q", f"--pin-name={who}", "tree/a").returncode, 0)
        self.assert_storage_holds(1)
        cid, = self.pins(lambda *words: self.run_as("alice", *words))
        self.assertEqual(self.run_as("alice", "pin", "rm", cid).returncode, 0)
        self.assert_nothing_is_left("alice")
        self.assertEqual(self.pins(lambda *words: self.run_as("bob", *words)), {cid: ("recursive", "bob")})
        self.assert_storage_holds(1)
        self.assert_charged("bob")

    # ---- what comes to nothing

    def test_a_link_to_what_is_not_here(self):
        self.run_as("alice", "pin", "ls")
        done = self.run_as("alice", "dag", "put", "--pin", input=json.dumps({"a": {"/": LINK}}))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(f"could not find {LINK}", done.stderr)
        self.assert_nothing_is_left("alice")
        self.assert_storage_holds(0)

    def test_small_pieces_are_refused(self):
        done = self.run_as("alice", "add", "--chunker=size-4095", "tree/a")
        self.assertEqual(done.returncode, 1)
        self.assertIn("pieces below 4096 bytes", done.stderr)

    def test_the_shared_tree_is_not_written_to_without_a_right(self):
        done = self.run_as("alice", "add", "--to-files=/x", "tree/a")
        self.assertEqual(done.returncode, 1)
        self.assertIn("shared-node", done.stderr)
        self.assert_nothing_is_left("alice")

    def test_a_full_quota_on_bytes(self):
        for size in (1_100_000, 900_000):
            (self.folder / "random").write_bytes(os.urandom(size))
            done = self.run_as("small", "add", "-Q", "random")
            self.assertEqual(done.returncode, 0 if size < 1_000_000 else 1, done.stderr)
            if done.returncode:
                self.assertRegex(done.stderr, r"^Error: the quota small \(policy.yaml:8\) allows group small .* of stored data; .*more\n$")
                self.assertEqual(done.stdout, "")
                self.assert_nothing_is_left("small")
        (self.folder / "random").write_bytes(os.urandom(200_000))
        done = self.run_as("small", "add", "-Q", "random")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the quota small", done.stderr)
        self.assert_charged("small")
        self.assertEqual(self.run_as("small", "add", "-Q", "tree/a").returncode, 0)

    def test_a_quota_is_held_to_the_byte(self):
        """One raw block: nothing but its bytes is stored."""
        for size in (1_000_000, 1_000_001):
            (self.folder / "block").write_bytes(os.urandom(size))
            done = self.run_as("small", "add", "-Q", "--raw-leaves", "--chunker=size-1048576", "block")
            self.assertEqual(done.returncode, size - 1_000_000, done.stderr)
            self.forget(lambda *words: self.run_as("small", *words))
        self.assert_nothing_is_left("small")

    def test_a_full_quota_on_pins(self):
        done = self.run_as("few", "add", "-q", "tree/a", "tree/sub/large", "one.car")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the quota few", done.stderr)
        self.assertIn("one of 3 roots", done.stderr)
        self.assertEqual(len(self.pins(lambda *words: self.run_as("few", *words))), 2)
        self.assert_charged("few")

    def test_room_is_given_back(self):
        (self.folder / "large").write_bytes(os.urandom(900_000))
        for _ in range(3):
            self.assertEqual(self.run_as("small", "add", "-Q", "--pin=false", "large").returncode, 0)
            self.assertEqual(self.run_as("small", "add", "-Q", "large").returncode, 0)
            self.forget(lambda *words: self.run_as("small", *words))

    def test_a_client_that_leaves_midway(self):
        process = self.cli.popen("--api-auth", f"bearer:{self.tokens['alice']}", "add", "-Q", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        process.stdin.write(os.urandom(3_000_000))
        process.stdin.flush()
        self.assertTrue(wait_for(lambda: self.ledger("select kind from journal") == [("upload",)], 5))
        time.sleep(0.2)
        process.kill()
        process.communicate()
        self.assert_nothing_is_left("alice")
        self.assert_storage_holds(0)

    def test_a_call_that_pins_needs_an_owner(self):
        with self.assertRaises(Refused) as refused:
            Rpc(self.relay.port).call("add", parts=[part("a", "file", b"x")])
        self.assertIn("no token", str(refused.exception))

    def test_own_options(self):
        rpc = AsMember(self.relay.port, self.tokens["alice"])
        self.addCleanup(rpc.close)
        rpc.call("add", parts=[part("a", "file", b"for the staff")], cw_owner="group:staff", cw_expire_in="1h")
        self.assertEqual(self.pins(lambda *words: self.run_as("alice", *words)), {})
        rows = self.ledger("select owner_kind, owner, expires_ms from pin where owner = 'staff'")
        self.assertEqual(rows[0][:2], ("group", "staff"))
        self.assertAlmostEqual(rows[0][2] / 1000, time.time() + 3600, delta=60)
        with self.assertRaises(Refused) as refused:
            rpc.call("add", parts=[part("a", "file", b"x")], cw_label="x")
        self.assertIn("cw-label", str(refused.exception))


class UploadsOlderKubo(Uploads):
    variable = "KUBO_0_39"


if __name__ == "__main__":
    unittest.main()
