# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway, of Kubo, and of both, at each kind of request that an upload causes and at random times, while members
upload what is to be pinned: started again, every upload that was answered whole is pinned by its owner, in the ledger and at Kubo,
with all its blocks; what was not is whole or gone; and what others pinned at Kubo is as it was."""

import base64
import hashlib
import itertools
import json
import sqlite3
import time
import unittest
import urllib.parse

from kit import figures, rpc, settings
from kit.crash_case import CrashCase, CrashMember, EmbeddedCrash
from kit.pin_model import RECURSIVE

MEMBERS = 4
SHARED = 4
TRIES = settings.pick(ci=0, full=2)  # at each point
SOME = settings.pick(ci=1, full=0)  # points that are drawn instead
RANDOM_KILLS = settings.pick(ci=1, full=40)
MULTIPART = f"Content-Type: multipart/form-data; boundary={rpc.BOUNDARY}"
RAW, DAG_CBOR = 0x55, 0x71


# ---- blocks, and what they are called

def cid_bytes(codec, block):
    return bytes([1, codec, 0x12, 32]) + hashlib.sha256(block).digest()


def cid_text(codec, block):
    return "b" + base64.b32encode(cid_bytes(codec, block)).decode().lower().rstrip("=")


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def cbor_head(major, number):
    """Of numbers below 65536."""
    if number < 24:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + number.to_bytes(2, "big")


def cbor_links(cids):
    return cbor_head(4, len(cids)) + b"".join(b"\xd8\x2a" + cbor_head(2, len(cid) + 1) + b"\0" + cid for cid in cids)


def car(codec, root, leaves):
    """Of one root and the raw blocks that it links to."""
    header = b"\xa2\x65roots" + cbor_links([cid_bytes(codec, root)]) + b"\x67version\x01"
    blocks = [cid_bytes(RAW, leaf) + leaf for leaf in leaves] + [cid_bytes(codec, root) + root]
    return b"".join(varint(len(section)) + section for section in [header, *blocks])


# ---- who uploads

class Uploader(CrashMember):
    """Uploads, and unpins now and then, until told to stop, and tells its model."""

    def play(self, stop):
        while not stop.is_set():
            self.random.choice([self.add, self.add, self.add_shared, self.dag_import, self.dag_put, self.block_put, self.remove])()

    def new_bytes(self, most=3000):
        self.made += 1
        return f"{self.name} {self.made} ".encode() + self.random.randbytes(self.random.randrange(most))

    def upload(self, target, parts, roots, name=""):
        """ROOTS: CID -> bytes with all that it links to."""
        if any(self.model.is_cut(cid) for cid in roots):
            return
        self.case.sizes.update(roots)
        reply = self.send(target, MULTIPART, body=rpc.body(parts))
        lines = [json.loads(line) for line in reply.text().splitlines()] if reply else []
        is_whole = reply and reply.status == 200 and not reply.trailers and not any("Message" in line for line in lines)
        if reply:
            self.case.assertNotEqual(reply.status // 100, 4, reply.text())
        if not is_whole:
            for cid in roots:
                self.model.add_cut(cid, RECURSIVE, name)
            time.sleep(0.02)
            return
        self.case.answered += 1
        told = {cid: note for cid, note in map(self.read, lines)}
        self.case.assertEqual(set(told), set(roots), f"{target}: {lines}")
        for cid, note in told.items():
            if note:
                self.model.add_cut(cid, RECURSIVE, name)
            else:
                self.model.added(cid, None, RECURSIVE, name)

    @staticmethod
    def read(line):
        """(CID, why it is not pinned)."""
        if "Root" in line:
            return line["Root"]["Cid"]["/"], line["Root"]["PinErrorMsg"]
        return line.get("Hash") or line.get("Key") or line["Cid"]["/"], ""

    def add(self):
        """One to five files."""
        files = [self.new_bytes(200_000) for _ in range(self.random.randrange(1, 6))]
        name = f"{self.name} {self.made}" if self.random.random() < 0.5 else ""
        query = {"cid-version": 1, "progress": "false", **({"pin-name": name} if name else {})}
        self.upload(f"add?{urllib.parse.urlencode(query)}", [rpc.part(f"file-{i}", "file", data) for i, data in enumerate(files)],
                    {cid_text(RAW, data): len(data) for data in files}, name)

    def add_shared(self):
        """What others add too, of several blocks."""
        data, cid, size = self.random.choice(self.case.shared)
        self.upload("add?cid-version=1&progress=false", [rpc.part("shared", "file", data)], {cid: size})

    def dag_import(self):
        """One or two archives, each of a root and what it links to."""
        parts, roots = [], {}
        for _ in range(self.random.randrange(1, 3)):
            leaves = [self.new_bytes(50_000) for _ in range(self.random.randrange(1, 20))]
            root = cbor_links([cid_bytes(RAW, leaf) for leaf in leaves])
            parts.append(rpc.part("car", "file", car(DAG_CBOR, root, leaves)))
            roots[cid_text(DAG_CBOR, root)] = len(root) + sum(map(len, leaves))
        self.upload("dag/import", parts, roots)

    def dag_put(self):
        data = self.new_bytes()
        node = b"\x81" + cbor_head(2, len(data)) + data
        self.upload("dag/put?pin=true&input-codec=dag-cbor&store-codec=dag-cbor", [rpc.part("node", "file", node)],
                    {cid_text(DAG_CBOR, node): len(node)})

    def block_put(self):
        blocks = [self.new_bytes() for _ in range(self.random.randrange(1, 3))]
        self.upload("block/put?pin=true", [rpc.part("block", "file", block) for block in blocks],
                    {cid_text(RAW, block): len(block) for block in blocks})

    def remove(self):
        """Of what is certainly pinned."""
        own = self.model.surely_pinned()
        if not own:
            return
        cid = self.random.choice(own)
        reply = self.send(f"pin/rm?arg={cid}")
        if reply and reply.status == 200:
            self.model.removed(cid, None)
        else:
            self.model.rm_cut(cid)


class UploadCrashes(CrashCase):
    limit_seconds = settings.pick(ci=300, full=2300)
    requests = ["add", "dag/import", "dag/put", "block/put", "pin/ls", "dag/stat", "pin/add"]

    def setUp(self):
        names = [f"member-{number}" for number in range(MEMBERS)]
        tokens = self.start_all(names)
        self.answered, self.sizes, self.checked = 0, {}, set()
        self.members = [Uploader(self, name, token, self.seed * 100 + number) for number, (name, token) in enumerate(zip(names, tokens))]
        self.shared = [self.new_shared(number) for number in range(SHARED)]
        self.straight("pin", "add", "--name=theirs", self.shared[0][1])
        self.straight("add", "-Q", "--pin-name=strangers", self.relay.config)
        self.foreign = self.pins_of_others()
        self.kubo.collect_garbage()

    def new_shared(self, number):
        data = self.random.randbytes(300_000 + number * 200_000)
        path = self.folder / f"shared-{number}"
        path.write_bytes(data)
        cid = self.straight("add", "-Q", "--pin=false", "--cid-version=1", str(path))
        return data, cid, self.size_at_kubo(cid)

    def size_at_kubo(self, cid):
        """Of all its blocks; an error if one is missing."""
        lines = self.kubo.ask(f"dag/stat?progress=false&offline=true&arg={cid}").splitlines()
        return json.loads(lines[-1])["DagStats"][0]["Size"]

    # ---- what holds then

    def check_all(self):
        """Garbage is collected first: what is only there by chance is gone."""
        self.check_ledger()
        self.kubo.collect_garbage()
        claimed = set()
        for member in self.members:
            member.model.settle(member.listed(), lambda cid: f"{self.happened[-3:]} {self.trace_of([cid])}")
            own = member.model.own()
            claimed |= set(own)
            self.assertEqual(self.charge_of(member.name), sum(self.sizes[cid] for cid in own), f"{member.name} {self.happened[-3:]}")
        self.assertEqual(self.pins_of_others(), self.foreign, self.happened[-3:])
        found = {cid for cid, mode, name in self.pins_of_kubo() - self.foreign}
        held = claimed - {self.shared[0][1]}  # by theirs
        self.assertEqual(found, held, f"{self.happened[-3:]} {self.trace_of(found ^ held)}")
        for cid in claimed - self.checked:
            self.assertEqual(self.size_at_kubo(cid), self.sizes[cid], cid)
        self.checked = claimed
        self.passed.clear()

    def charge_of(self, name):
        with sqlite3.connect(self.relay.folder / "data" / "ledger.db") as database:
            rows = database.execute("select bytes from usage where owner_kind = 'member' and owner = ?", (name,)).fetchall()
        return rows[0][0] if rows else 0

    # ---- the tests

    def play_undisturbed(self):
        self.play_for(0.5)
        self.assertGreater(self.answered, 0)
        self.check_all()

    def points(self):
        every = list(itertools.product(self.requests, ["before", "after"], ["gateway", "kubo", "both"]))
        return every * TRIES + self.random.sample(every, SOME)

    def test_killed_at_each_request(self):
        points = self.points()
        self.play_undisturbed()
        for request, when, victim in points:
            self.crash(victim, point=(request, when))
            self.check_all()
        figures.report(f"kills at a request of an upload, after which all was right, {self.variable.lower()}", len(points), "kills")

    def test_killed_at_random_times(self):
        self.play_undisturbed()
        for _ in range(RANDOM_KILLS):
            self.crash(self.random.choice(["gateway", "kubo", "both"]), seconds=self.random.uniform(0, 1.5))
            self.check_all()
        figures.report(f"kills while members uploaded, after which all was right, {self.variable.lower()}", RANDOM_KILLS, "kills")


class UploadCrashesOlderKubo(UploadCrashes):
    """It does not say what a pin measures while it pins."""

    variable = "KUBO_0_39"
    requests = ["dag/stat", "pin/add"]
    test_killed_at_random_times = None


class UploadCrashesEmbedded(EmbeddedCrash, UploadCrashes):
    """With the gateway's own node in the place of Kubo."""

    variable = "embedded"
    test_killed_at_each_request = None


if __name__ == "__main__":
    unittest.main()
