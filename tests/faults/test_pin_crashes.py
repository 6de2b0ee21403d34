# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway, of Kubo, and of both, at each kind of request that the gateway makes of Kubo and at random times, while
members pin and unpin: started again, nothing that was answered is missing, what was begun is ended, what is charged can be
recounted, and what others pinned at Kubo is as it was. The same when an older backup of the ledger is put back."""

import itertools
import json
import time
import unittest
import urllib.parse

from kit import figures, settings
from kit.crash_case import CrashCase, CrashMember, EmbeddedCrash
from kit.pin_model import DIRECT, RECURSIVE, Model
from kit.process import wait_for

MEMBERS = 4
OBJECTS = 6
TRIES = settings.pick(ci=0, full=3)  # at each point
SOME = settings.pick(ci=4, full=0)  # points that are drawn instead
RANDOM_KILLS = settings.pick(ci=2, full=60)
RESTORES = settings.pick(ci=1, full=20)
POINTS = list(itertools.product(["pin/ls", "pin/add", "pin/rm"], ["before", "after"], ["gateway", "kubo", "both"]))


class Member(CrashMember):
    """Pins and unpins until told to stop, and tells its model."""

    def ask(self, target):
        """None: done; "cut": nobody knows; else the refusal's text."""
        reply = self.send(target)
        if reply is None:
            return "cut"
        return None if reply.status == 200 else f"{reply.status} {json.loads(reply.text())['Message']}"

    def play(self, stop, most=1 << 30):
        while not stop.is_set() and most > 0:
            most -= 1
            key = self.random.choice(self.case.objects)
            if self.model.is_cut(key):
                time.sleep(0.01)
            elif self.random.random() < 0.6:
                self.add(key)
            else:
                self.rm(key)

    def add(self, key):
        self.made += 1
        mode = DIRECT if self.random.random() < 0.2 else RECURSIVE
        name = f"{self.name} {self.made}" if self.random.random() < 0.5 else None
        query = {"arg": key, "recursive": "true" if mode == RECURSIVE else "false", **({"name": name} if name else {})}
        answer = self.ask(f"pin/add?{urllib.parse.urlencode(query)}")
        if answer == "cut":
            self.model.add_cut(key, mode, name)
        elif answer is None or "already pinned" in answer:
            self.model.added(key, answer, mode, name)
        # else: it failed, and all is as it was

    def rm(self, key):
        answer = self.ask(f"pin/rm?arg={key}")
        if answer == "cut":
            self.model.rm_cut(key)
        elif answer is None or "not pinned" in answer:
            self.model.removed(key, answer)


class PinCrashes(CrashCase):
    where = ""  # in the names of figures
    limit_seconds = settings.pick(ci=300, full=2300)

    def setUp(self):
        names = [f"member-{number}" for number in range(MEMBERS)]
        tokens = self.start_all(names)
        self.members = [Member(self, name, token, self.seed * 100 + number) for number, (name, token) in enumerate(zip(names, tokens))]
        self.objects = [self.new_object(number) for number in range(OBJECTS)]
        self.straight("pin", "add", "--name=theirs", self.objects[0])
        self.straight("pin", "add", "--name=strangers", self.new_object("foreign"))
        self.foreign = self.pins_of_others()

    def new_object(self, number):
        folder = self.folder / f"object-{number}"
        folder.mkdir()
        (folder / "file").write_bytes(f"{number} ".encode() * 1000)
        return self.straight("add", "-Q", "-r", "--pin=false", "--cid-version=1", str(folder))

    # ---- what holds then

    def check_all(self):
        self.check_ledger()
        claimed = {}
        for member in self.members:
            member.model.settle(member.listed(), lambda key: str(self.happened[-3:]))
            for key, pin in member.model.own().items():
                claimed[key] = RECURSIVE if RECURSIVE in (pin.mode, claimed.get(key)) else DIRECT
        self.assertEqual(self.pins_of_others(), self.foreign)
        claimed.pop(self.objects[0], None)  # held by theirs
        found = {(cid, mode) for cid, mode, name in self.pins_of_kubo() - self.foreign}
        wrong = [cid for cid, mode in found ^ set(claimed.items())]
        self.assertEqual(found, set(claimed.items()), f"{self.happened[-3:]} {self.trace_of(wrong)}")
        self.passed.clear()

    # ---- the tests

    def test_killed_at_each_request(self):
        for point in POINTS * TRIES + self.random.sample(POINTS, SOME):
            self.crash(point[2], point=point[:2])
            self.check_all()
        figures.report("kills at a request, after which all was right", len(POINTS) * TRIES + SOME, "kills")

    def test_killed_at_random_times(self):
        for _ in range(RANDOM_KILLS):
            self.crash(self.random.choice(["gateway", "kubo", "both"]), seconds=self.random.uniform(0, 1.5))
            self.check_all()
        figures.report(f"kills at a random time, after which all was right{self.where}", RANDOM_KILLS, "kills")

    def test_an_older_backup_is_put_back(self):
        """What was pinned when the backup was made is the members' again, or shown as lost; nothing at Kubo is removed, neither what
        was pinned since nor what others pinned; and what is charged can be recounted."""
        for number in range(RESTORES):
            self.play_for(0.3)
            self.check_all()
            before = [member.model.own() for member in self.members]
            backup = self.folder / f"backup-{number}.db"
            self.causeway("ledger", "backup", backup)
            self.crash(self.random.choice(["gateway", "both"]), seconds=self.random.uniform(0, 1))
            self.relay.stop()
            self.passed.clear()
            pinned = self.pins_of_kubo()
            self.causeway("ledger", "restore", backup)
            self.relay.start()
            self.assertTrue(wait_for(lambda: self.check()["doubtful_objects"] == 0, 60, 0.2), self.check())
            self.check_ledger()
            self.check_restored(before, pinned)
            self.begin_anew()
        figures.report("older backups put back, after which all was right", RESTORES, "restores")

    def check_restored(self, before, pinned):
        self.assertEqual(self.pins_of_others(), self.foreign)
        modes = {cid: mode for cid, mode, name in self.pins_of_kubo()}
        for cid, mode, name in pinned:
            self.assertIn(modes.get(cid), (mode, RECURSIVE), f"a restore took {cid} away, {mode}; {self.trace_of([cid])}")
        for member, own in zip(self.members, before):
            self.assertEqual(member.listed(), own, member.name)

    def begin_anew(self):
        """Members let everything go, and what nobody has any more is taken away at Kubo."""
        for member in self.members:
            for cid in member.listed():
                self.assertIn(member.ask(f"pin/rm?arg={cid}"), (None, "500 not pinned or pinned indirectly"))
            self.assertEqual(member.listed(), {})
            member.model = Model()
        for cid, mode, name in self.pins_of_kubo() - self.foreign:
            self.straight("pin", "rm", cid)
        self.assertEqual(self.pins_of_others(), self.foreign)


class PinCrashesEmbedded(EmbeddedCrash, PinCrashes):
    """With the gateway's own node in the place of Kubo."""

    where = ", embedded"
    test_killed_at_each_request = test_an_older_backup_is_put_back = None


if __name__ == "__main__":
    unittest.main()
