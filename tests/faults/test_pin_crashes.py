# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway, of Kubo, and of both, at each kind of request that the gateway makes of Kubo and at random times, while
members pin and unpin: started again, nothing that was answered is missing, what was begun is ended, what is charged can be
recounted, and what others pinned at Kubo is as it was. The same when an older backup of the ledger is put back."""

import concurrent.futures
import itertools
import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from kit import figures, kubo, members, relay, settings
from kit.client import Client
from kit.forward import Forward
from kit.http1 import BadMessage, Cut, Silent
from kit.pin_model import DIRECT, RECURSIVE, Model, Pin
from kit.process import wait_for
from kit.upstream import Upstream

MEMBERS = 4
OBJECTS = 6
TRIES = settings.pick(ci=0, full=3)  # at each point
SOME = settings.pick(ci=4, full=0)  # points that are drawn instead
RANDOM_KILLS = settings.pick(ci=2, full=60)
RESTORES = settings.pick(ci=1, full=20)
POINTS = list(itertools.product(["pin/ls", "pin/add", "pin/rm"], ["before", "after"], ["gateway", "kubo", "both"]))


class Member:
    """Pins and unpins until told to stop, and tells its model."""

    def __init__(self, case, name, token, seed):
        self.case, self.name, self.token = case, name, token
        self.random, self.model, self.made = random.Random(seed), Model(), 0

    def ask(self, target):
        """None: done; "cut": nobody knows; else the refusal's text."""
        head = f"POST /api/v0/{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n"
        try:
            with Client(self.case.relay.port) as client:
                client.sock.settimeout(60)
                reply = client.ask(head.encode())
        except (OSError, Cut, BadMessage, Silent):
            return "cut"
        if reply.broken:
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

    def listed(self):
        target = "/api/v0/pin/ls?names=true&stream=true"
        with Client(self.case.relay.port) as client:
            reply = client.ask(f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n".encode())
        self.case.assertEqual(reply.status, 200, reply.text())
        return {pin["Cid"]: Pin(pin["Type"], pin.get("Name", "")) for pin in map(json.loads, reply.text().splitlines())}


class PinCrashes(unittest.TestCase):
    limit_seconds = settings.pick(ci=300, full=2300)
    variable = "KUBO"

    def setUp(self):
        reason = settings.target() != "causeway" and f"not for {settings.target()}" or relay.why_not() or kubo.why_not(self.variable)
        if reason:
            self.skipTest(reason)
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.kubo = kubo.Kubo(self.folder, kubo.binary(self.variable))
        self.addCleanup(lambda: self.kubo.stop())
        self.trap, self.passed, self.began = None, [], time.monotonic()
        self.forward = Forward(self.kubo.port, before=lambda request: self.pass_by(request, "before"),
                               after=lambda request: self.pass_by(request, "after"))
        self.upstream = Upstream(self.forward)
        self.addCleanup(self.upstream.close)
        names = [f"member-{number}" for number in range(MEMBERS)]
        self.relay = relay.start(self.folder, self.upstream.port, more=members.write_policy(self.folder, names))
        self.addCleanup(lambda: self.relay.stop())
        tokens = members.mint(self.relay, names)
        self.members = [Member(self, name, token, self.seed * 100 + number) for number, (name, token) in enumerate(zip(names, tokens))]
        self.cli = kubo.Cli(self.folder, self.kubo.port, binary=kubo.binary(self.variable))
        self.objects = [self.new_object(number) for number in range(OBJECTS)]
        self.straight("pin", "add", "--name=theirs", self.objects[0])
        self.straight("pin", "add", "--name=strangers", self.new_object("foreign"))
        self.foreign = self.pins_of_others()
        self.happened = []

    def evidence(self):
        return f"seed {self.seed}; {self.happened[-5:]}\n{self.relay.process.log()[-3000:]}"

    def straight(self, *words):
        done = self.cli.run(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def new_object(self, number):
        folder = self.folder / f"object-{number}"
        folder.mkdir()
        (folder / "file").write_bytes(f"{number} ".encode() * 1000)
        return self.straight("add", "-Q", "-r", "--pin=false", "--cid-version=1", str(folder))

    # ---- what is killed, and when

    def pass_by(self, request, when):
        """A request of the gateway's is about to go on to Kubo, or was answered by it."""
        self.passed.append((round(time.monotonic() - self.began, 3), when, request.target.removeprefix("/api/v0/")))
        trap = self.trap
        if trap and trap[:2] == (request.target.partition("?")[0].removeprefix("/api/v0/"), when):
            self.trap = None
            self.kill(trap[2])

    def kill(self, victim):
        self.passed.append((round(time.monotonic() - self.began, 3), "killed", victim))
        if victim in ("gateway", "both"):
            self.relay.kill()
        if victim in ("kubo", "both"):
            self.kubo.kill()
        self.dead.set()

    def crash(self, victim, point=None, seconds=None):
        """Members play; the victim dies at the point or after that time; what died is started again."""
        self.dead, stop = threading.Event(), threading.Event()
        self.happened.append((victim, point, seconds))
        with concurrent.futures.ThreadPoolExecutor(MEMBERS) as pool:
            playing = [pool.submit(member.play, stop) for member in self.members]
            try:
                if point:
                    self.trap = (*point, victim)
                    self.assertTrue(self.dead.wait(60), f"no such request came: {point}")
                else:
                    time.sleep(seconds)
                    self.kill(victim)
                time.sleep(0.05)
            finally:
                stop.set()
            self.start_again()
            for one in playing:
                one.result()

    def start_again(self):
        if not self.kubo.process.is_running():
            self.kubo.start()
        if not self.relay.process.is_running():
            self.relay.start()

    # ---- what holds then

    def check(self):
        done = subprocess.run([relay.causeway_program(), "ledger", "check", "--json", "--config", self.relay.config], text=True,
                              capture_output=True, timeout=60)
        self.assertTrue(done.stdout, done.stderr)
        return json.loads(done.stdout)

    def pins_of_kubo(self):
        """All, as (CID, mode, name)."""
        lines = [line for mode in (RECURSIVE, DIRECT) for line in self.kubo.ask(f"pin/ls?type={mode}&names=true&stream=true").splitlines()]
        return {(pin["Cid"], pin["Type"], pin.get("Name", "")) for pin in map(json.loads, lines)}

    def pins_of_others(self):
        return {pin for pin in self.pins_of_kubo() if not pin[2].startswith("cw:")}

    def check_ledger(self):
        """What was begun is ended, and usage is what a recount finds."""
        self.assertTrue(wait_for(lambda: self.check()["intents"] == 0, 60, 0.2), f"intents stay open: {self.check()} {self.happened[-3:]}")
        check = self.check()
        self.assertEqual((check["faults"], check["different_accounts"]), (0, 0), check)

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

    def trace_of(self, cids):
        """What the gateway asked about these objects since all was right, and the members did."""
        return "\n".join([str(line) for line in self.passed if any(cid in line[2] for cid in cids)] +
                         [f"{member.name} {cid}: {member.model.history.get(cid, [])[-6:]}" for member in self.members for cid in cids])

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
        figures.report("kills at a random time, after which all was right", RANDOM_KILLS, "kills")

    def test_an_older_backup_is_put_back(self):
        """What was pinned when the backup was made is the members' again, or shown as lost; nothing at Kubo is removed, neither what
        was pinned since nor what others pinned; and what is charged can be recounted."""
        for number in range(RESTORES):
            self.play_for(0.3)
            self.check_all()
            before = [member.model.own() for member in self.members]
            backup = self.folder / f"backup-{number}.db"
            self.operate("ledger", "backup", backup)
            self.crash(self.random.choice(["gateway", "both"]), seconds=self.random.uniform(0, 1))
            self.relay.stop()
            self.passed.clear()
            pinned = self.pins_of_kubo()
            self.operate("ledger", "restore", backup)
            self.relay.start()
            self.assertTrue(wait_for(lambda: self.check()["doubtful_objects"] == 0, 60, 0.2), self.check())
            self.check_ledger()
            self.check_restored(before, pinned)
            self.begin_anew()
        figures.report("older backups put back, after which all was right", RESTORES, "restores")

    def play_for(self, seconds):
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(MEMBERS) as pool:
            playing = [pool.submit(member.play, stop) for member in self.members]
            time.sleep(seconds)
            stop.set()
            for one in playing:
                one.result()

    def operate(self, *words):
        done = subprocess.run([relay.causeway_program(), *words, "--config", self.relay.config], text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

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


if __name__ == "__main__":
    unittest.main()
