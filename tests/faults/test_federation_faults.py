# SPDX-License-Identifier: Apache-2.0
"""kill -9 of either of two organizations' gateways, or both, at each kind of point of an allocation's life and at random times, while
members of both pin and unpin: started again, nothing that was acknowledged is lost, each copy is at the partner with all its blocks
and once, sums and statements of both sides are the same, nothing is left in an inbox, and what is not over says why it waits."""

import concurrent.futures
import itertools
import json
import random
import shutil
import threading
import time
import unittest

from federation_sides import MOVING, Side
from kit import crash_points, figures, link_gateway, settings
from kit.case import RelayCase
from kit.process import wait_for

TRIES = settings.pick(ci=0, full=5)  # at each point
SOME = settings.pick(ci=4, full=0)  # points that are drawn instead
RANDOM_KILLS = settings.pick(ci=1, full=60)
POINTS = list(itertools.product(crash_points.KINDS, crash_points.WHEN, ["alpha", "beta"]))
# Acts of a kind come by the dozen in a second, or one in a few seconds.
MOST = {"ledger write": 60, "ledger sync": 30, "spool write": 6, "spool remove": 6, "blocks write": 40, "blocks sync": 20,
        "bytes sent": 20, "bytes taken": 40}
REST_S = 90


class FederationFaults(RelayCase):
    relay_kinds = ("causeway",)
    limit_seconds = settings.pick(ci=300, full=3600)

    def setUp(self):
        super().setUp()
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.happened = []
        self.sides = {"alpha": Side(self, "alpha", "beta", self.seed), "beta": Side(self, "beta", "alpha", self.seed + 1)}
        link_gateway.link_two(*(side.gateway for side in self.sides.values()))
        for side in self.sides.values():
            if side.points:
                side.points.watch_links(*(one.gateway.partners_port for one in self.sides.values()))

    def evidence(self):
        logs = (f"--- {side.name}\n{side.gateway.log_text()[-3000:]}" for side in self.sides.values())
        return "\n".join([f"seed {self.seed}; {self.happened[-5:]}", *logs])

    # ---- what is killed, and when

    def play(self, until):
        """Members of both play; until() says when they stop."""
        stop = threading.Event()
        players = [member for side in self.sides.values() for member in side.members]
        with concurrent.futures.ThreadPoolExecutor(len(players)) as pool:
            playing = [pool.submit(member.play, stop) for member in players]
            try:
                until()
            finally:
                stop.set()
                for side in self.sides.values():
                    side.start_again()
            for one in playing:
                one.result()

    def kill_at(self, kind, when, victim):
        side, count = self.sides[victim], self.random.randint(1, MOST[kind])
        self.happened.append((kind, when, victim, count))

        def until():
            side.points.arm(kind, when, count)
            if not crash_points.wait_dead(side.gateway.process, 15):
                self.happened.append("not reached")
                side.kill()

        self.play(until)

    def kill_after(self, victims, seconds):
        self.happened.append((victims, seconds))

        def until():
            time.sleep(seconds)
            for victim in victims:
                self.sides[victim].kill()

        self.play(until)

    # ---- what holds then

    def why_not_at_rest(self):
        """What still moves, or None."""
        for side in self.sides.values():
            state = side.gateway.state(side.partner)
            if state != "active":
                return f"{side.name}: link {state}"
            if side.check()["intents"] != 0:
                return f"{side.name}: intents"
            for row in side.allocations():
                if row["state"] in MOVING or row["stuck"]:
                    return f"{side.name}: {row}"
            missing = side.pinned() - {row["cid"] for row in self.copies_of(side)}
            if missing:
                return f"{side.name}: no copy of {missing}"
        return None

    def copies_of(self, side):
        return [row for row in side.allocations("--role", "owner") if row["state"] == "placed"]

    def settle(self):
        """Models are told what came of calls that were cut."""
        for side in self.sides.values():
            self.assertTrue(wait_for(lambda: side.check()["intents"] == 0, 60, 0.2), f"intents stay open: {side.check()}")
            for member in side.members:
                member.settle(lambda cid: str(self.happened[-3:]))

    def trace_of(self, side, cids):
        return "\n".join(f"{cid} {member.name}: {member.model.history.get(cid)}" for cid in cids for member in side.members)

    def check_all(self):
        self.settle()
        self.why = None

        def rests():
            self.why = self.why_not_at_rest()
            return self.why is None

        self.assertTrue(wait_for(rests, REST_S, 0.3), self.why)
        for side in self.sides.values():
            self.check_side(side, self.sides[side.partner])

    def check_side(self, side, other):
        check = side.check()
        self.assertEqual((check["faults"], check["different_accounts"]), (0, 0), check)
        placed, pinned = self.copies_of(side), side.pinned()
        wrong = {row["cid"] for row in placed} ^ pinned
        self.assertEqual(wrong, set(), f"{side.name}: a copy of each, and of nothing else; {self.trace_of(side, wrong)}")
        self.assertEqual(len(placed), len(pinned), f"{side.name}: one copy of each; {placed}")
        held = [row for row in other.allocations("--role", "holder") if row["state"] == "pinned"]
        self.assertEqual({(row["id"], row["cid"], row["bytes"]) for row in placed}, {(row["id"], row["cid"], row["bytes"]) for row in held})
        ours = side.gateway.show(other.name)["holds"]["ours_there"]
        theirs = other.gateway.show(side.name)["holds"]["theirs_here"]
        self.assertEqual(ours, theirs)
        self.assertEqual((ours["objects"], ours["bytes"]), (len(placed), sum(row["bytes"] for row in placed)))
        self.assertEqual(side.spools(), [])
        self.assertEqual(side.storage_pins(), pinned | other.pinned())

    def check_read_back(self, side):
        """Its disk burns: all that its members pinned comes back from the partner."""
        side.gateway.command("gc")
        self.sides[side.partner].gateway.command("gc")
        side.gateway.stop()
        shutil.rmtree(side.gateway.folder / "data" / "blocks")
        side.gateway.start()
        self.assertEqual(side.gateway.wait_state(side.partner, "active"), "active")
        for member in side.members:
            for cid in member.model.own():
                content = member.read(cid)
                self.assertIsNotNone(content, f"{cid} is not read back")
                if side.contents[cid] is not None:
                    self.assertEqual(content, side.contents[cid], cid)

    # ---- the tests

    def test_killed_at_each_point(self):
        if crash_points.why_not():
            self.skipTest(crash_points.why_not())
        self.play(lambda: time.sleep(1))
        self.check_all()
        points = POINTS * TRIES + self.random.sample(POINTS, SOME)
        self.random.shuffle(points)
        for kind, when, victim in points:
            self.kill_at(kind, when, victim)
            self.check_all()
        reached = len(points) - self.happened.count("not reached")
        figures.report("kills at a point of an allocation's life, after which both sides agreed", reached, "kills")
        self.assertGreater(reached, len(points) // 2)
        self.check_read_back(self.sides["alpha"])

    def test_killed_at_random_times(self):
        for _ in range(RANDOM_KILLS):
            self.kill_after(self.random.choice([["alpha"], ["beta"], ["alpha", "beta"]]), self.random.uniform(0.2, 2))
            self.check_all()
        figures.report("kills of one or both organizations, after which both sides agreed", RANDOM_KILLS, "kills")
        self.check_read_back(self.sides["beta"])


if __name__ == "__main__":
    unittest.main()
