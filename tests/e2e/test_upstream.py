# SPDX-License-Identifier: Apache-2.0
"""The operations of upstream/upstream.h on real Kubo nodes: what they do there, and what they say of it."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from kit import kubo, settings
from kit.settings import MIB

NAME = "cw:7c1d7a1e-0000-4000-8000-000000000001"
ABSENT = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
EMPTY_BLOCK = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
HEADER = 59  # bytes of a CAR's header that names one root, of CIDv1 with sha2-256
UNSUPPORTED, NOT_FOUND, MISMATCH, IO, TIMEOUT = 3, 4, 5, 6, 8  # of enum error_code


def multipart(contents):
    """A body of so many files, and its Content-Type."""
    boundary = "of-the-test-7d2f"
    parts = [b'--%s\r\nContent-Disposition: form-data; name="file"; filename="f%d"\r\n'
             b"Content-Type: application/octet-stream\r\n\r\n%s\r\n" % (boundary.encode(), number, content)
             for number, content in enumerate(contents)]
    return b"".join(parts) + b"--%s--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


class Operations:
    """For both versions of Kubo."""

    limit_seconds = 300
    variable = "KUBO"
    tells_bytes = True

    def setUp(self):
        if kubo.why_not(self.variable):
            self.skipTest(kubo.why_not(self.variable))
        self.program = settings.find_program("upstream_operation")
        if self.program is None:
            self.skipTest(f"{settings.build()} has no upstream_operation: build it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.node = kubo.Kubo(self.folder, kubo.binary(self.variable))
        self.addCleanup(self.node.process.stop)
        self.random = random.Random(settings.seed())

    # ---- the node's own word

    def rpc(self, call, body=None, content_type=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.node.port}/api/v0/{call}", method="POST", data=body,
                                         headers={"Content-Type": content_type} if content_type else {})
        with urllib.request.urlopen(request, timeout=120) as reply:
            return [json.loads(line) for line in reply.read().splitlines()]

    def add(self, content, options="cid-version=1&raw-leaves=true"):
        body, content_type = multipart([content])
        return self.rpc(f"add?pin=false&{options}", body, content_type)[-1]["Hash"]

    def pins(self):
        return {(line["Cid"], line["Type"], line.get("Name", ""))
                for mode in ("recursive", "direct")
                for line in self.rpc(f"pin/ls?type={mode}&names=true&stream=true")}

    def v1_of(self, cid):
        return self.rpc(f"cid/format?arg={cid}&v=1&b=base32")[0]["Formatted"]

    # ---- operations

    def start(self, *words):
        return subprocess.Popen([str(self.program), f"127.0.0.1:{self.node.port}", *map(str, words)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def do(self, *words):
        """The last line: how it ended."""
        return self.finish(self.start(*words))[-1]

    def assert_looks(self, cid, ours, foreign="none", foreign_v0="none"):
        found = self.do("look", cid, NAME)
        self.assertEqual((found.get("ours"), found.get("foreign"), found.get("foreign_v0")), (ours, foreign, foreign_v0),
                         found)

    # ---- tests

    def test_pin_measure_and_unpin(self):
        half = self.random.randbytes(MIB)
        cid = self.add(half + half)  # every block of it stands there twice
        stat = self.rpc(f"dag/stat?arg={cid}&progress=false")[-1]["DagStats"][0]
        self.assertLess(stat["Size"], len(half) + 4096)
        self.assert_looks(cid, "none")
        pinned = self.do("pin", cid, "recursive", NAME, "offline")
        self.assertEqual(pinned["has_bytes"], self.tells_bytes)
        self.assertEqual(pinned["blocks"], stat["NumBlocks"])
        if self.tells_bytes:
            self.assertEqual(pinned["bytes"], stat["Size"])
        measured = self.do("measure", cid, "recursive")
        self.assertEqual((measured["bytes"], measured["blocks"]), (stat["Size"], stat["NumBlocks"]))
        root = self.rpc(f"block/stat?arg={cid}")[0]["Size"]
        self.assertEqual(self.do("measure", cid, "direct")["bytes"], root)
        self.assert_looks(cid, "recursive")
        self.assertEqual(self.do("unpin", cid, "direct")["error"], UNSUPPORTED)
        self.assert_looks(cid, "recursive")
        self.assertNotIn("error", self.do("unpin", cid, "recursive"))
        self.assertEqual(self.do("unpin", cid, "recursive")["error"], NOT_FOUND)
        self.assert_looks(cid, "none")

    def test_a_direct_pin_and_its_upgrade(self):
        cid = self.add(self.random.randbytes(MIB))
        self.assertFalse(self.do("pin", cid, "direct", NAME, "offline")["has_bytes"])
        self.assert_looks(cid, "direct")
        self.assertNotIn("error", self.do("pin", cid, "recursive", NAME, "offline"))
        self.assert_looks(cid, "recursive")
        self.assertEqual(self.do("pin", cid, "direct", NAME, "offline")["error"], UNSUPPORTED)
        self.assert_looks(cid, "recursive")

    def test_the_two_forms_of_a_cid_are_two_pins(self):
        v0 = self.add(self.random.randbytes(MIB), "cid-version=0")
        v1 = self.v1_of(v0)
        self.rpc(f"pin/add?arg={v0}&name={NAME}")  # even with our name
        for cid in (v0, v1):
            self.assert_looks(cid, "none", "none", "recursive")
        self.assertEqual(self.do("unpin", v1, "recursive")["error"], NOT_FOUND)
        self.assertNotIn("error", self.do("pin", v0, "recursive", NAME, "offline"))
        self.assertLessEqual({(v0, "recursive", NAME), (v1, "recursive", NAME)}, self.pins())
        self.assert_looks(v0, "recursive", "none", "recursive")
        self.assertNotIn("error", self.do("unpin", v0, "recursive"))  # the foreign one, in its own form
        self.assert_looks(v0, "recursive")

    def test_a_pin_of_anothers_name_is_foreign(self):
        cid = self.add(self.random.randbytes(1000))
        self.rpc(f"pin/add?arg={cid}&name={NAME}x")
        self.assert_looks(cid, "none", "recursive")
        self.rpc(f"pin/rm?arg={cid}")
        self.rpc(f"pin/add?arg={cid}&recursive=false")
        self.assert_looks(cid, "none", "direct")

    def test_what_is_pinned_below_another_is_not_pinned_itself(self):
        root = self.add(self.random.randbytes(MIB))
        child = self.rpc(f"refs?arg={root}")[0]["Ref"]
        self.rpc(f"pin/add?arg={root}")
        self.assert_looks(child, "none")

    def test_blocks_that_are_missing(self):
        self.assertEqual(self.do("pin", ABSENT, "recursive", NAME, "offline")["error"], NOT_FOUND)
        self.assertEqual(self.do("pin", ABSENT, "direct", NAME, "offline")["error"], NOT_FOUND)
        for mode in ("recursive", "direct"):
            self.assertEqual(self.do("measure", ABSENT, mode)["error"], NOT_FOUND)
        self.assert_looks(ABSENT, "none")
        cid = self.add(self.random.randbytes(MIB))
        self.rpc(f"block/rm?arg={self.rpc(f'refs?arg={cid}')[-1]['Ref']}")
        self.assertEqual(self.do("pin", cid, "recursive", NAME, "offline")["error"], NOT_FOUND)
        self.assertEqual(self.do("measure", cid, "recursive")["error"], NOT_FOUND)
        self.assert_looks(cid, "none")

    def test_an_object_without_a_byte(self):
        self.assertEqual(self.add(b""), EMPTY_BLOCK)
        for cid in (EMPTY_BLOCK, "bafkqaaa"):
            self.assertNotIn("error", self.do("pin", cid, "recursive", NAME, "offline"))
            measured = self.do("measure", cid, "recursive")
            self.assertEqual((measured.get("bytes"), measured.get("blocks")), (0, 1), measured)
            self.assert_looks(cid, "recursive")

    def test_list_pins_gives_all(self):
        foreign = {(line["cid"], line["mode"], line["name"]) for line in self.finish(self.start("list"))[:-1]}
        self.assertEqual(foreign, self.pins())
        body, content_type = multipart([b"block %d" % number for number in range(300)])
        self.rpc("block/put?pin=true", body, content_type)
        cid = self.add(self.random.randbytes(1000))
        self.rpc(f"pin/add?arg={cid}&recursive=false&name=%22%C3%A4%20%5C")
        lines = self.finish(self.start("list"))
        self.assertEqual({(line["cid"], line["mode"], line["name"]) for line in lines[:-1]}, self.pins())
        self.assertIn((cid, "direct", '"ä \\'), self.pins())
        self.assertEqual(lines[-1]["count"], len(foreign) + 301)

    def test_gc_takes_what_no_pin_reaches(self):
        kept, lost = self.add(self.random.randbytes(MIB)), self.add(self.random.randbytes(MIB))
        blocks = self.do("pin", kept, "recursive", NAME, "offline")["blocks"]
        self.assertGreaterEqual(self.do("gc")["count"], 5)
        self.assertEqual(self.do("measure", kept, "recursive")["blocks"], blocks)
        self.assertEqual(self.do("measure", lost, "recursive")["error"], NOT_FOUND)

    def test_capacity_is_the_nodes_own(self):
        capacity = self.do("capacity")
        self.assertEqual(capacity["total"], self.rpc("repo/stat?size-only=true")[0]["StorageMax"])
        self.add(self.random.randbytes(MIB))
        self.assertGreaterEqual(self.do("capacity")["used"], capacity["used"] + MIB)

    def test_resolve(self):
        cid = self.add(b"a file")
        self.assertEqual(self.do("resolve", f"/ipfs/{cid}")["path"], f"/ipfs/{cid}")
        self.assertEqual(self.do("resolve", f"/ipfs/{cid}/no/such")["error"], UNSUPPORTED)

    def test_an_object_goes_out_and_comes_back_as_a_car(self):
        cid = self.add(self.random.randbytes(3 * MIB), "cid-version=1&raw-leaves=true&chunker=size-65536")
        with urllib.request.urlopen(urllib.request.Request(
                f"http://127.0.0.1:{self.node.port}/api/v0/dag/export?arg={cid}&progress=false", method="POST")) as reply:
            whole = reply.read()
        count = self.do("measure", cid, "recursive")["blocks"]
        sizes = []
        for skip in (0, 1, 7, count):
            car = self.folder / f"from-{skip}.car"
            self.assertNotIn("error", self.do("export", cid, skip, car))
            sizes.append(car.stat().st_size)
            self.assertTrue(whole.endswith(car.read_bytes()[HEADER:]))
        self.assertEqual(sizes[0], len(whole))
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(self.do("export", cid, count + 1, self.folder / "none.car")["error"], MISMATCH)
        self.rpc("repo/gc")
        self.assertEqual(self.do("export", cid, 0, self.folder / "gone.car")["error"], NOT_FOUND)
        imported = self.do("import", self.folder / "from-0.car")
        self.assertEqual(imported["blocks"], count)
        self.assertEqual(self.do("measure", cid, "recursive")["blocks"], count)
        self.assert_looks(cid, "none")

    def test_what_is_cut_or_dies_midway(self):
        cid = self.add(self.random.randbytes(16 * MIB), "cid-version=1&chunker=size-1024")
        self.assertEqual(self.do("--cut-ms", 60, "pin", cid, "recursive", NAME, "offline"), {"cut": True})
        time.sleep(1)
        self.assert_looks(cid, "none")
        pinned = self.finish(self.start("pin", cid, "recursive", NAME, "offline"))
        told = [line["nodes"] for line in pinned[:-1]]
        self.assertEqual(told, sorted(told))
        self.assertEqual(told[-1], pinned[-1]["blocks"])
        # a node that stands still, and one that is gone
        pid = self.node.process.popen.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            stopped = self.do("--silence-ms", 500, "measure", cid, "recursive")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(stopped["error"], TIMEOUT)
        measuring = self.start("measure", cid, "recursive")
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.finish(measuring)[-1]["error"], IO)
        self.assertEqual(self.do("capacity")["error"], IO)


class OperationsOnKubo(Operations, unittest.TestCase):
    pass


class OperationsOnKubo039(Operations, unittest.TestCase):
    variable = "KUBO_0_39"
    tells_bytes = False
