# SPDX-License-Identifier: Apache-2.0
"""What befalls the disk under a gateway that stores what it is given itself: damaged blocks, a disk that is full or cannot be
written, a second gateway in the same folder. Each is said in a clear sentence, and nothing that was acknowledged is lost."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from kit import members, relay, rpc, settings
from kit.crash_case import CrashMember
from kit.ports import free_port

MULTIPART = f"Content-Type: multipart/form-data; boundary={rpc.BOUNDARY}"
SMALL_DISK = 24 << 20


class EmbeddedFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = settings.target() != "causeway" and f"not for {settings.target()}" or relay.why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, folder=None):
        self.relay = relay.start(folder or self.folder, None, more=members.write_policy(self.folder, ["alice"]))
        self.addCleanup(relay.stop_well, self.relay)
        self.alice = CrashMember(self, "alice", *members.mint(self.relay, ["alice"]), seed=1)

    def add(self, data):
        """(status, the CID or what was said instead)."""
        reply = self.alice.send("add?cid-version=1&progress=false", MULTIPART, body=rpc.body([rpc.part("file", "file", data)]))
        if reply is None:
            return 0, "cut"
        line = json.loads(reply.text().splitlines()[-1])
        return (reply.status, line["Hash"]) if "Hash" in line else (500, line["Message"])

    def cat(self, cid):
        reply = self.alice.send(f"cat?arg={cid}")
        return reply.body if reply and reply.status == 200 and not reply.trailers else None

    def operate(self, *words, config=None):
        done = subprocess.run([relay.causeway_program(), *words, "--config", str(config or self.relay.config)], capture_output=True, text=True,
                              timeout=60)
        return done.returncode, done.stdout + done.stderr

    def segment(self):
        return self.relay.folder / "data" / "blocks" / "0000000001.blocks"

    def test_a_damaged_block_is_named_and_repaired_by_adding_it_again(self):
        self.start()
        data = os.urandom(100_000)
        status, cid = self.add(data)
        self.assertEqual(status, 200, cid)
        self.assertEqual(self.operate("repo", "verify")[0], 0)
        content = self.segment().read_bytes()
        with open(self.segment(), "r+b") as file:
            file.seek(content.index(data) + 5000)
            file.write(b"damage")
        status, said = self.operate("repo", "verify")
        self.assertEqual(status, 1, said)
        self.assertIn(f"block {cid}: ", said)
        self.assertIn("0000000001.blocks at offset 0: the block's bytes are damaged", said)
        self.assertIn("1 are damaged", said)
        self.assertEqual(self.add(data), (200, cid))
        status, said = self.operate("repo", "verify")
        self.assertEqual(status, 0, said)
        self.assertEqual(self.cat(cid), data)

    def test_a_second_gateway_in_the_same_folder_is_refused(self):
        self.start()
        config = self.folder / "second.yaml"
        text = self.relay.config.read_text().replace("data: data\n", f"data: {self.relay.folder}/data\n")
        for port in (self.relay.port, self.relay.operators_port):
            text = text.replace(f":{port}", f":{free_port()}")
        config.write_text(text)
        status, said = self.operate("serve", config=config)
        self.assertNotEqual(status, 0)
        self.assertIn(f"is in use by process {self.relay.process.popen.pid}", said)
        self.assertEqual(self.add(b"goes on")[0], 200)

    def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", disk], capture_output=True).returncode:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=False)
        self.start(disk)
        kept = {}
        for _ in range(200):
            data = os.urandom(500_000)
            status, said = self.add(data)
            if status != 200:
                break
            kept[said] = data
        self.assertNotEqual(status, 200)
        self.assertGreater(len(kept), 5)
        for word in ("full", "room", "No space"):
            if word in said:
                break
        else:
            self.fail(f"it does not say that the disk is full: {said}")
        for cid, data in kept.items():
            self.assertEqual(self.cat(cid), data)
        self.assertEqual(self.operate("repo", "verify")[0], 0)


if __name__ == "__main__":
    unittest.main()
