# SPDX-License-Identifier: Apache-2.0
"""Garbage, expiring pins and the check of the ledger, before a real Kubo: what is pinned or being uploaded is kept, reads go on,
and who is refused meanwhile reads why."""

import json
import random
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

from kit import settings
from kit.kubo_case import KuboCase
from kit.process import wait_for
from kit.relay import causeway_program

MIB = 1 << 20


class Garbage(KuboCase):
    def setUp(self):
        self.random = random.Random(settings.seed())

    def start(self, *, kubo_settings=(), **limits):
        self.kubo = self.start_kubo(settings=kubo_settings)
        self.start_gateway(workers=2, limits=limits)

    def asked(self, *words, status=0):
        return json.loads(self.causeway(*words, "--json", status=status).stdout)

    def put(self, data, *, pin="false", version=1):
        """Adds to the node itself, behind the gateway's back; the CID."""
        path = self.folder / f"file-{self.random.randrange(1 << 40)}"
        path.write_bytes(data)
        return self.straight("add", "-Q", f"--pin={pin}", f"--cid-version={version}", str(path))

    def has(self, cid):
        return self.direct.run("block", "stat", "--offline", cid).returncode == 0

    def pinned(self):
        """What the node has pinned, by CID."""
        lines = self.kubo.ask("pin/ls?stream=true&names=true&type=recursive").splitlines()
        return {line["Cid"]: line.get("Name", "") for line in map(json.loads, lines)}

    def pin(self, cid, *words):
        done = self.cli.run("pin", "add", *words, cid)
        self.assertEqual(done.returncode, 0, done.stderr)

    def begin_upload(self):
        """An `ipfs add` that has sent a part; call the result with the rest, or None to break off."""
        process = self.cli.popen("add", "-Q", "--cid-version=1", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        process.stdin.write(self.random.randbytes(4 * MIB))
        process.stdin.flush()
        self.assertTrue(wait_for(lambda: self.asked("status")["garbage"]["writing"] >= 1, 10))
        return process

    def collect_in_background(self):
        result = []
        thread = threading.Thread(target=lambda: result.append(self.causeway("gc", status=None)))
        thread.start()
        self.addCleanup(thread.join)
        return thread, result

    def wait_phase(self, *phases):
        self.assertTrue(wait_for(lambda: self.asked("status")["garbage"]["phase"] in phases, 20, 0.05))

    # ---- what is kept, and what is not

    def test_garbage_goes_and_pins_stay(self):
        self.start()
        kept = [self.put(self.random.randbytes(MIB)) for _ in range(3)]
        for cid in kept:
            self.pin(cid)
        foreign = self.put(self.random.randbytes(MIB), pin="true")
        garbage = self.put(self.random.randbytes(MIB))
        done = self.asked("gc")
        self.assertGreaterEqual(done["removed"], 4)
        self.assertEqual([self.has(cid) for cid in [*kept, foreign, garbage]], [True] * 4 + [False])
        again = self.causeway("gc")
        self.assertIn("0 blocks removed", again.stdout)
        self.assertIn("checking that every object of the ledger is pinned", again.stderr)

    def test_an_upload_that_runs_ends_and_is_kept_and_new_ones_wait(self):
        self.start(collect_wait="60s")
        readable = self.put(self.random.randbytes(2 * MIB))
        self.pin(readable)
        upload = self.begin_upload()
        thread, result = self.collect_in_background()
        self.wait_phase("waiting")
        refused = self.cli.run("add", "-Q", str(self.write(b"x" * 1000)), timeout=30)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("the storage behind this gateway collects garbage, and nothing is written meanwhile; try again in 10 seconds", refused.stderr)
        self.assertNotIn("{", refused.stderr)
        for words in (("pin", "add", readable), ("pin", "rm", readable), ("dag", "put", str(self.write(b"{}")))):
            self.assertIn("collects garbage", self.cli.run(*words, timeout=30).stderr, words)
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.kubo_rpc(f"pin/rm?arg={readable}")
        self.assertEqual((raised.exception.code, raised.exception.headers["Retry-After"]), (503, "10"))
        self.assertEqual(json.loads(raised.exception.read())["Code"], 0)
        self.assertEqual(self.cli.run("block", "stat", readable).returncode, 0)  # reading goes on
        self.assertIn("causeway_writes_refused_total", self.relay.operators("/metrics")[1])
        out, err = upload.communicate(self.random.randbytes(MIB), timeout=60)
        self.assertEqual(upload.returncode, 0, err)
        thread.join(60)
        self.assertEqual(result[0].returncode, 0, result[0].stderr)
        self.assertIn("0 calls were cut", result[0].stdout)
        cid = out.decode().strip()
        self.assertIn(cid, self.pinned())
        self.assertEqual(self.direct.run("refs", "-r", "--offline", cid).returncode, 0)
        self.pin(readable)  # writing goes on

    def test_an_upload_that_does_not_end_is_cut(self):
        self.start(collect_wait="1s")
        before = self.pinned()
        upload = self.begin_upload()
        done = self.asked("gc")
        self.assertEqual(done["cut"], 1)
        _, err = upload.communicate(timeout=60)
        self.assertNotEqual(upload.returncode, 0)
        self.assertNotEqual(err, b"")
        self.assertEqual(self.pinned(), before)
        self.assertEqual(self.asked("status")["garbage"]["writing"], 0)

    def test_reads_go_on_while_garbage_is_collected(self):
        self.start()
        data = self.random.randbytes(8 * MIB)
        cid = self.put(data)
        self.pin(cid)
        for _ in range(40):
            self.put(self.random.randbytes(MIB))
        ends, failures, count = threading.Event(), [], [0]

        def read():
            while not ends.is_set():
                reply = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.relay.port}/api/v0/cat?arg={cid}", method="POST"), timeout=30)
                if reply.read() != data:
                    failures.append("other bytes")
                count[0] += 1

        thread = threading.Thread(target=read)
        thread.start()
        try:
            self.assertGreater(self.asked("gc")["removed"], 40)
        finally:
            ends.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(count[0], 0)

    def write(self, data):
        path = self.folder / f"own-{self.random.randrange(1 << 40)}"
        path.write_bytes(data)
        return path

    # ---- the check of the ledger

    def test_nothing_is_collected_while_something_is_lost(self):
        self.start()
        lost, other = self.put(self.random.randbytes(MIB)), self.put(self.random.randbytes(MIB))
        for cid in (lost, other):
            self.pin(cid)
        self.straight("pin", "rm", lost)
        self.kubo.collect_garbage()
        garbage = self.put(self.random.randbytes(1000))
        done = self.causeway("gc", status=1)
        self.assertIn("1 objects of the ledger are lost", done.stderr)
        self.assertTrue(self.has(garbage))
        check = self.asked("ledger", "check", status=None)
        self.assertEqual((check["upstream"]["lost"], check["upstream"]["objects"]), (1, 2))
        self.assertIn(f"lost {lost}", check["upstream"]["examples"])
        self.assertEqual(self.asked("status")["ledger"]["lost"], 1)
        self.assertEqual(self.cli.run("pin", "rm", lost).returncode, 0)
        self.assertEqual(self.asked("gc")["cut"], 0)
        self.assertFalse(self.has(garbage))
        self.assertTrue(self.has(other))

    def test_what_was_unpinned_behind_our_back_is_pinned_again_if_it_is_here(self):
        self.start()
        others = self.pinned()  # what the node pinned when it was made
        cid, foreign = self.put(self.random.randbytes(MIB)), self.put(self.random.randbytes(1000), pin="true")
        self.pin(cid)
        name = self.pinned()[cid]
        self.assertRegex(name, "^cw:")
        stray = self.put(self.random.randbytes(1000))
        self.straight("pin", "add", "--name", name, stray)
        self.straight("pin", "rm", cid)
        check = self.asked("ledger", "check")["upstream"]
        self.assertEqual((check["repaired"], check["lost"], check["unknown"], check["foreign"]), (1, 0, 1, len(others) + 1))
        self.assertEqual(set(check["examples"]), {f"repaired {cid}", f"unknown {stray} (recursive)",
                                                  *(f"foreign {each} (recursive)" for each in (*others, foreign))})
        self.assertEqual(self.pinned()[cid], name)
        self.assertIn(stray, self.pinned())
        metrics = self.relay.operators("/metrics")[1]
        self.assertIn('causeway_ledger_check_objects{found="unknown"} 1', metrics)

    def test_the_ledger_is_checked_after_a_start(self):
        self.start()
        cid = self.put(self.random.randbytes(MIB))
        self.pin(cid)
        self.assertTrue(wait_for(lambda: self.asked("status")["ledger"], 30, 0.2))  # of this start; it mends what it misses
        self.straight("pin", "rm", cid)
        self.relay.stop()
        again = subprocess.Popen([causeway_program(), "serve", "--config", str(self.relay.config)], cwd=self.relay.folder,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(wait_for(lambda: cid in self.pinned(), 20, 0.2))
        finally:
            again.terminate()
            self.assertEqual(again.wait(20), 0)

    # ---- pins with an end

    def test_pins_expire(self):
        self.start()
        short, long = self.put(self.random.randbytes(MIB)), self.put(self.random.randbytes(MIB))
        for cid, until in ((short, "2s"), (long, "1h")):
            self.kubo_rpc(f"pin/add?arg={cid}&cw-expire-in={until}")
        self.assertIn(short, self.pinned())
        self.assertTrue(wait_for(lambda: short not in self.pinned(), 20, 0.2))
        self.assertIn(long, self.pinned())
        listed = json.loads(self.kubo_rpc("pin/ls"))["Keys"]
        self.assertEqual(set(listed), {long})

    def kubo_rpc(self, target):
        return urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.relay.port}/api/v0/{target}", method="POST"), timeout=60).read()

    # ---- a storage that is full

    def test_a_storage_above_its_mark_takes_nothing_more(self):
        self.start(kubo_settings=[("Datastore.StorageMax", '"10MB"')], storage_high_water=50)
        cid = self.put(self.random.randbytes(1000))
        self.pin(cid)
        garbage = self.put(self.random.randbytes(6 * MIB))
        self.assertTrue(wait_for(lambda: (self.asked("status")["storage"] or {}).get("full"), 30, 0.2))
        refused = self.cli.run("add", "-Q", str(self.write(b"x" * 1000)), timeout=30)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"the storage behind this gateway is nearly full: .* of 10(\.0)? ?MB are used, and above 50 % "
                                         r"\(limits.storage_high_water\) nothing is added|nearly full: \d+ B of 10000000 B")
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.kubo_rpc(f"pin/add?arg={garbage}")
        self.assertEqual(raised.exception.code, 507)
        self.assertEqual(self.kubo_rpc(f"cat?arg={cid}"), self.kubo.ask(f"cat?arg={cid}"))
        self.assertEqual(self.cli.run("pin", "rm", cid).returncode, 0)  # what makes room is let through
        self.assertGreater(self.asked("gc")["removed"], 6)
        self.assertTrue(wait_for(lambda: not self.asked("status")["storage"]["full"], 30, 0.2))
        self.assertEqual(self.cli.run("add", "-Q", str(self.write(b"x" * 1000)), timeout=30).returncode, 0)

    def test_garbage_is_collected_by_itself_above_a_mark(self):
        self.start(kubo_settings=[("Datastore.StorageMax", '"10MB"')], collect_above=50)
        garbage = self.put(self.random.randbytes(6 * MIB))
        self.assertTrue(wait_for(lambda: not self.has(garbage), 30, 0.2))


if __name__ == "__main__":
    unittest.main()
