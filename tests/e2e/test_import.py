# SPDX-License-Identifier: Apache-2.0
"""Files and trees imported here and by a real Kubo have the same CIDs; what Kubo exports verifies, is walked to the
same size, and is written again byte for byte."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

from kit import kubo, rpc, settings

FILES = settings.pick(40, 4000)
TREES = settings.pick(20, 1000)
DAGS = settings.pick(20, 2000)

# Options of ipfs_codec and what they are in Kubo's words. Chunks and nodes are small, so that trees are deep.
PROFILES = [
    (["profile=v0"], {}),
    (["profile=v1"], {"cid-version": 1}),
    (["profile=v0", "raw-leaves=1"], {"raw-leaves": True}),
    (["profile=v1", "raw-leaves=0"], {"cid-version": 1, "raw-leaves": False}),
    (["profile=v1", "hash=blake2b-256"], {"cid-version": 1, "hash": "blake2b-256"}),
    (["profile=v1", "hash=sha2-512"], {"cid-version": 1, "hash": "sha2-512"}),
    (["profile=v0", "inline=32"], {"inline": True}),
    (["profile=v1", "inline=128"], {"cid-version": 1, "inline": True, "inline-limit": 128}),
]


class Imports(unittest.TestCase):
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

    def start_kubo(self, **imports):
        daemon = kubo.Kubo(self.folder, settings=[(f"Import.{name}", value) for name, value in imports.items()])
        self.addCleanup(daemon.stop)
        self.rpc = rpc.Rpc(daemon.port)
        self.addCleanup(self.rpc.close)

    def ours(self, *words):
        done = subprocess.run([str(self.codec), *map(str, words)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"seed {self.seed}: {done.stderr}")
        return [line.split() for line in done.stdout.splitlines()]

    def add(self, parts, **options):
        """The root's line of the answer."""
        return self.rpc.lines("add", parts=parts, pin=False, progress=False, **options)[-1]

    def compare_export(self, cid):
        """Verified, walked, written: all as Kubo has it."""
        car = self.folder / "export.car"
        car.write_bytes(self.rpc.call("dag/export", cid))
        done = subprocess.run([str(self.causeway), "car", "verify", "--json", str(car)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"seed {self.seed}: {done.stdout}{done.stderr}")
        again = subprocess.run([str(self.codec), "export", str(car)], capture_output=True, check=True).stdout
        self.assertEqual(again, car.read_bytes(), f"seed {self.seed}: {cid}")
        stat = self.rpc.lines("dag/stat", cid, progress=False)[-1]["DagStats"][0]
        self.assertEqual(self.ours("stat", car), [[str(stat["Size"]), str(stat["NumBlocks"]), "0"]], cid)

    def size_near_a_boundary(self, chunk, links):
        """Where a chunk, a node or a level of the tree of a file is about to end."""
        level = self.random.choice([0, 1, 1, links, links * links])
        return max(0, chunk * level * self.random.choice([1, 1, 2]) + self.random.choice([-1, 0, 1, chunk // 2]))


class Files(Imports):
    def test_files_around_every_boundary_have_kubos_cids(self):
        self.start_kubo()
        batches = max(1, FILES // 20)
        for batch in range(batches):
            ours, theirs = PROFILES[batch % len(PROFILES)]
            chunk, links = self.random.choice([(1, 2), (7, 3), (64, 4), (1000, 5), (4096, 174), (262144, 174)])
            if links == 174:
                chunk = min(chunk, 4096) if batch % 5 else chunk
            paths = []
            for number in range(FILES // batches):
                paths.append(self.folder / f"file-{number}")
                limit = 60 * settings.MIB if chunk == 262144 else 200000
                paths[-1].write_bytes(self.random.randbytes(min(limit, self.size_near_a_boundary(chunk, links))))
            lines = self.ours("add", *ours, f"chunk={chunk}", f"links={links}", *paths)
            for path, (cid, tsize) in zip(paths, lines, strict=True):
                theirs_said = self.add([rpc.part("f", "file", path.read_bytes())], chunker=f"size-{chunk}",
                                       max_file_links=links, only_hash=True, **theirs)
                self.assertEqual((cid, tsize), (theirs_said["Hash"], theirs_said["Size"]),
                                 f"seed {self.seed}: {path.stat().st_size} bytes, chunk {chunk}, links {links}, {ours}")

    def test_modes_and_times_are_kept_as_kubo_keeps_them(self):
        self.start_kubo()
        path = self.folder / "file"
        for _ in range(max(5, FILES // 10)):
            path.write_bytes(self.random.randbytes(self.size_near_a_boundary(100, 3)))
            mode = self.random.choice([0o644, 0o600, 0o4755, 0o7777, 0o1])
            mtime = self.random.choice([1, 10**9, 1700000000123456789, -5 * 10**9, 2**33 * 10**9 + 1])
            os.chmod(path, mode | 0o400)
            os.utime(path, ns=(0, mtime))
            (cid, _), = self.ours("add", "profile=v1", "raw-leaves=0", "chunk=100", "links=3", "mode=1", "mtime=1", path)
            theirs = self.add([rpc.part("f", "file", path.read_bytes(), mode=mode | 0o400, mtime_ns=mtime)],
                              cid_version=1, chunker="size-100", max_file_links=3, preserve_mode=True,
                              preserve_mtime=True, only_hash=True)
            self.assertEqual(cid, theirs["Hash"], f"seed {self.seed}: mode {mode:o}, mtime {mtime}")


class Trees(Imports):
    def random_name(self):
        letters = self.random.choice(["abc", "0123456789", "äöü€😀", "A B.C", "x"])
        return "".join(self.random.choices(letters, k=self.random.choice([1, 2, 8, 40])))

    def grow(self, path, name, parts, budget, depth=0):
        """A random tree under path, as files and as parts of a body."""
        path.mkdir()
        parts.append(rpc.part(name, "directory"))
        for _ in range(self.random.choice([0, 1, 3, 12, 40])):
            if budget[0] == 0:
                break
            budget[0] -= 1
            word = self.random_name()
            below, entry = path / word, f"{name}/{word}"
            if below.exists() or below.is_symlink():
                continue
            kind = self.random.choice(["file", "file", "file", "symlink", "directory"])
            if kind == "directory" and depth < 6:
                self.grow(below, entry, parts, budget, depth + 1)
            elif kind == "symlink":
                target = self.random_name()
                below.symlink_to(target)
                parts.append(rpc.part(entry, "symlink", target.encode()))
            else:
                data = self.random.randbytes(self.random.choice([0, 1, 9, 10, 11, 31, 400]))
                below.write_bytes(data)
                parts.append(rpc.part(entry, "file", data))

    def compare_tree(self, number):
        ours, theirs = PROFILES[number % len(PROFILES)]
        links, fanout = self.random.choice([(0, 256), (2, 8), (5, 16), (10, 256), (3, 1024)])
        tree, parts = self.folder / "tree", []
        shutil.rmtree(tree, ignore_errors=True)
        self.grow(tree, "tree", parts, [120])
        (cid, tsize), = self.ours("add", *ours, "chunk=10", "links=3", f"directory-links={links}", f"fanout={fanout}", tree)
        said = self.add(parts, chunker="size-10", max_file_links=3, max_directory_links=links, max_hamt_fanout=fanout,
                        **theirs)
        self.assertEqual((cid, tsize), (said["Hash"], said["Size"]), f"seed {self.seed}: tree {number}, {ours}")
        return cid

    def test_random_trees_have_kubos_cids_and_its_exports_verify(self):
        self.start_kubo()
        for number in range(TREES):
            self.compare_export(self.compare_tree(number))

    def directory_of(self, names):
        """A directory with these empty files: its parts, and itself."""
        path = self.folder / "wide"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for name in names:
            (path / name).write_bytes(b"")
        return path, [rpc.part("wide", "directory"), *(rpc.part(f"wide/{name}", "file") for name in names)]

    def check_threshold(self, profile, size_of, empty, **options):
        """Directories one byte below, at, and above 256 KiB by the estimate in force; only the last is sharded."""
        for extra in (-1, 0, 1):
            path, parts = self.directory_of(names_of_size(262144 + extra - empty, size_of))
            (cid, tsize), = self.ours("add", profile, path)
            said = self.add(parts, **options)
            self.assertEqual((cid, tsize), (said["Hash"], said["Size"]), f"{profile} {extra}")
            root = json.loads(self.rpc.call("dag/get", cid, output_codec="dag-json"))
            self.assertEqual(len(root["Links"]) <= 256, extra > 0, f"{profile} {extra}")
            self.compare_export(cid)

    def test_directories_are_sharded_from_the_same_entry_on(self):
        self.start_kubo()
        self.check_threshold("profile=v0", lambda name: name + 34, 0)
        self.check_threshold("profile=v1", lambda name: name + 36, 0, cid_version=1)

    def test_directories_are_sharded_by_block_size_where_kubo_is_told_so(self):
        self.start_kubo(CidVersion="1", UnixFSRawLeaves="true", UnixFSChunker='"size-1048576"', UnixFSFileMaxLinks="1024",
                        UnixFSHAMTDirectorySizeEstimation='"block"')

        def size_of(name):
            content = 2 + 36 + 1 + (1 if name < 128 else 2) + name + 2  # hash, name, size 0
            return 1 + (1 if content < 128 else 2) + content

        self.check_threshold("profile=v1-2025", size_of, 4)


def names_of_size(size, size_of):
    """Names of a directory whose links make up size: all of 240 letters but two."""
    for count in range(size // size_of(240), 0, -1):
        rest = size - count * size_of(240)
        for first in range(1, 240):
            for second in range(1, 240):
                if size_of(first) + size_of(second) == rest:
                    return [f"{number:0240d}" for number in range(count)] + ["x" * first, "y" * second]
    raise AssertionError(f"no names make up {size}")


class Dags(Imports):
    """Blocks of all codecs that link to each other at random, identity CIDs among them."""

    def put(self, codec, data):
        done = self.rpc.lines("block/put", parts=[rpc.part("b", "file", data)], cid_codec=codec,
                              mhtype=self.random.choice(["sha2-256", "sha2-256", "blake2b-256", "sha3-512"]))
        return done[-1]["Key"]

    def random_links(self, cids):
        links = [{"/": self.random.choice(cids)} for _ in range(self.random.choice([0, 1, 2, 7]))] if cids else []
        if self.random.random() < 0.2:
            links.append({"/": self.random.choice(["bafkqaaa", "bafkqabiaaebagba"])})
        return links

    def random_block(self, cids):
        kind = self.random.choice(["raw", "dag-pb", "dag-cbor", "dag-json", "cbor", "json"])
        if kind in ("raw", "cbor", "json"):
            return self.put(kind, {"raw": self.random.randbytes(20), "cbor": b"\x82\x01\x02", "json": b"[1]"}[kind])
        links = self.random_links(cids)
        if kind == "dag-pb":
            node = {"Links": [{"Hash": link, "Name": self.random.choice(["", "a", "b"]),
                               "Tsize": self.random.randrange(1 << 40)} for link in links]}
            if self.random.random() < 0.8:
                node["Data"] = {"/": {"bytes": "CAE"}}
        else:
            node = {"z": links, "a": {"nested": links[:1], "n": self.random.randrange(1 << 30)}, "bb": links[1:2]}
        return self.dag_put(node, kind)

    def dag_put(self, node, codec):
        done = self.rpc.lines("dag/put", parts=[rpc.part("d", "file", json.dumps(node).encode())], store_codec=codec)
        return done[-1]["Cid"]["/"]

    def test_random_dags_are_exported_and_walked_as_by_kubo(self):
        self.start_kubo()
        for _ in range(DAGS):
            cids = []
            for _ in range(self.random.choice([1, 3, 10, 25])):
                cids.append(self.random_block(cids))
            self.compare_export(self.dag_put([{"/": cid} for cid in cids[-3:]], "dag-cbor"))


if __name__ == "__main__":
    unittest.main()
