# SPDX-License-Identifier: Apache-2.0
"""Quotas on what is stored, at limit - 1, limit and limit + 1, with 64 racing clients before a real Kubo: never exceeded; what does
not fit leaves no pin and no charge; and what is charged is what is there, whatever a DAG claims about itself."""

import concurrent.futures
import json
import os
import re
import threading
import time
import unittest

from kit import rpc, settings
from kit.client import Client
from kit.kubo_case import KuboCase
from kit.process import wait_for

RACERS = 64
SIZE = 1000  # of each object: one raw block
TEXT = r".*the quota room \(policy.yaml:[0-9]+\) allows .*(remove some|remove pins), or ask your admin for more"
NAMES = ["ann", "ben", "eve", "kim"]
SCOPES = ["each member", '"group:staff"', "org"]


class StoredQuotas(KuboCase):
    limit_seconds = settings.pick(ci=300, full=900)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubo = cls.start_kubo()
        cls.node = rpc.Rpc(cls.kubo.port)
        cls.addClassCleanup(cls.node.close)

    def begin(self, *quotas):
        self.start_gateway(NAMES, quotas=quotas, workers=2)

    # ---- objects, straight at the node, pinned by nobody

    def put(self, data, codec="raw"):
        """The CID of a block of these bytes."""
        (answer,) = self.node.lines("block/put", parts=[rpc.part("x", "file", data)], cid_codec=codec)
        return answer["Key"]

    def objects(self, count):
        return [self.put(os.urandom(SIZE)) for _ in range(count)]

    def node_of(self, *links, data=b""):
        """A dag-pb node with these links (CID, Tsize): its CID and the length of its block."""
        document = {"Data": {"/": {"bytes": data.decode()}}, "Links": [{"Hash": {"/": cid}, "Name": "", "Tsize": size} for cid, size in links]}
        (answer,) = self.node.lines("dag/put", parts=[rpc.part("x", "file", json.dumps(document).encode())], store_codec="dag-pb",
                                    input_codec="dag-json")
        cid = answer["Cid"]["/"]
        return cid, len(self.node.call("block/get", cid))

    # ---- calls

    def ask(self, who, target):
        """Status and text."""
        head = f"POST /api/v0/{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.tokens[who]}\r\nContent-Length: 0\r\n\r\n"
        with Client(self.relay.port) as client:
            client.sock.settimeout(120)
            reply = client.ask(head.encode())
        return reply.status, reply.text()

    def race(self, cids, who):
        """What 64 clients get that pin one of these each, at the same time."""
        barrier = threading.Barrier(len(cids))

        def run(number):
            barrier.wait()
            return self.ask(who[number % len(who)], f"pin/add?arg={cids[number]}")

        with concurrent.futures.ThreadPoolExecutor(len(cids)) as pool:
            return list(pool.map(run, range(len(cids))))

    # ---- what is so

    def pinned(self, cids):
        """Those of these that Kubo holds."""
        lines = self.node.lines("pin/ls", stream=True, type="recursive")
        return {line["Cid"] for line in lines} & set(cids)

    def assert_exact(self, cids, replies, fitting):
        statuses = [status for status, _ in replies]
        self.assertEqual((statuses.count(200), statuses.count(507)), (fitting, len(cids) - fitting), replies)
        self.assertTrue(wait_for(lambda: self.check()["intents"] == 0, 20, 0.2))
        check = self.check()
        self.assertEqual((check["pins"], check["bytes"], check["different_accounts"]), (fitting, fitting * SIZE, 0), check)
        self.assertEqual(self.pinned(cids), {cid for cid, status in zip(cids, statuses) if status == 200})

    def race_for(self, dimension, limit, scope, fitting):
        self.begin(f"{{id: room, scope: {scope}, stored: {{{dimension}: {limit}}}}}")
        cids = self.objects(RACERS)
        replies = self.race(cids, NAMES if scope != "each member" else NAMES[:1])
        self.assert_exact(cids, replies, fitting)
        for status, text in replies:
            self.assertTrue(status == 200 or re.match(TEXT, json.loads(text)["Message"]), text)
        if fitting < RACERS:  # what is removed makes room again, to the last byte
            taken = next(cid for cid, (status, _) in zip(cids, replies) if status == 200)
            owner = (NAMES if scope != "each member" else NAMES[:1])[cids.index(taken) % (4 if scope != "each member" else 1)]
            self.assertEqual(self.ask(owner, f"pin/rm?arg={taken}")[0], 200)
            self.assertEqual(self.ask(owner, f"pin/add?arg={taken}")[0], 200)

    # ---- the tests

    def test_pins_at_the_limit(self):
        for scope in SCOPES:
            for limit in (RACERS - 1, RACERS, RACERS + 1):
                with self.subTest(f"{scope} {limit}"):
                    self.race_for("pins", limit, scope, min(limit, RACERS))

    def test_bytes_at_the_limit(self):
        most = RACERS // 2
        for scope in SCOPES:
            for limit in (most * SIZE - 1, most * SIZE, most * SIZE + 1):
                with self.subTest(f"{scope} {limit}"):
                    self.race_for("bytes", limit, scope, limit // SIZE)

    def test_one_object_pinned_by_all_is_the_organizations_once(self):
        self.begin(f"{{id: room, scope: org, stored: {{bytes: {SIZE}}}}}", f"{{id: each, scope: each member, stored: {{bytes: {SIZE}}}}}")
        (cid,) = self.objects(1)
        self.assertEqual({status for status, _ in self.race([cid] * RACERS, NAMES)}, {200})
        check = self.check()
        self.assertEqual((check["bytes"], check["pins"]), (SIZE, len(NAMES)))
        (other,) = self.objects(1)
        self.assertEqual(self.ask("ann", f"pin/add?arg={other}")[0], 507)

    def test_a_dag_is_charged_what_it_is_whatever_it_claims(self):
        self.begin("{id: room, scope: each member, stored: {bytes: 1MB}}")
        leaf = self.put(os.urandom(5000))
        for claimed in (0, 1, 1 << 60):
            root, size = self.node_of((leaf, claimed), data=b"AAAA")
            with self.subTest(claimed):
                before = self.check()["bytes"]
                self.assertEqual(self.ask("ben", f"pin/add?arg={root}")[0], 200)
                self.assertEqual(self.check()["bytes"] - before, size + 5000)
                self.ask("ben", f"pin/rm?arg={root}")

    def test_shared_links_are_counted_once(self):
        """A DAG of 40 blocks with 2^39 ways through it."""
        self.begin("{id: room, scope: each member, stored: {bytes: 1MB}}")
        cid, total = self.put(b"leaf" * 10), 40
        for _ in range(39):
            cid, size = self.node_of((cid, 1 << 50), (cid, 1 << 50))
            total += size
        start = time.monotonic()
        self.assertEqual(self.ask("eve", f"pin/add?arg={cid}"), (200, f'{{"Pins":["{cid}"]}}\n'))
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(self.check()["bytes"], total)

    def test_what_outgrows_its_quota_is_cut(self):
        self.begin("{id: room, scope: each member, stored: {bytes: 300kB}}")
        cid = self.put(b"leaf" * 10)
        for level in range(40):
            cid, _ = self.node_of(*((self.put(os.urandom(10_000)), 0) for _ in range(5)), (cid, 0))
        status, text = self.ask("kim", f"pin/add?arg={cid}")
        self.assertEqual(status, 507, text)
        self.assertRegex(text, TEXT)
        status, text = self.ask("kim", f"pin/add?arg={cid}&progress=true")
        self.assertRegex(text, TEXT)
        self.assertTrue(wait_for(lambda: self.check()["intents"] == 0, 20, 0.2))
        self.assertEqual((self.check()["bytes"], self.check()["pins"]), (0, 0))
        self.assertEqual(self.pinned([cid]), set())


class StoredQuotasOlder(StoredQuotas):
    """The same before Kubo 0.39, which tells no bytes while it pins."""

    variable = "KUBO_0_39"


if __name__ == "__main__":
    unittest.main()
