# SPDX-License-Identifier: Apache-2.0
"""A gateway before a real Kubo, with all that goes between them in sight: kill -9 of either or both at a request or a time, and
what must hold when they were started again."""

import concurrent.futures
import json
import random
import threading
import time

from kit import settings
from kit.client import Client
from kit.embedded_case import EmbeddedCase
from kit.forward import Forward
from kit.http1 import BadMessage, Cut, Silent
from kit.kubo_case import KuboCase
from kit.pin_model import DIRECT, RECURSIVE, Model, Pin
from kit.process import wait_for
from kit.upstream import Upstream


class CrashMember:
    """One who calls and keeps a model of its pins; a heir says what it plays."""

    def __init__(self, case, name, token, seed):
        self.case, self.name, self.token = case, name, token
        self.random, self.model, self.made = random.Random(seed), Model(), 0

    def send(self, target, *headers, body=b""):
        """The reply; None: it was cut, or none came."""
        head = [f"POST /api/v0/{target} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.token}", *headers]
        try:
            with Client(self.case.relay.port, timeout=60) as client:
                reply = client.ask("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        except (OSError, Cut, BadMessage, Silent):
            return None
        return None if reply.broken else reply

    def listed(self):
        reply = self.send("pin/ls?names=true&stream=true")
        self.case.assertIsNotNone(reply)
        self.case.assertEqual(reply.status, 200, reply.text())
        return {pin["Cid"]: Pin(pin["Type"], pin.get("Name", "")) for pin in map(json.loads, reply.text().splitlines())}


class CrashCase(KuboCase):
    """setUp calls start_all and leaves `members` (each with play(stop)) and `foreign`: what others have pinned."""

    def start_all(self, names):
        """Tokens for members of these names."""
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.kubo = self.start_kubo()
        self.trap, self.passed, self.happened, self.began = None, [], [], time.monotonic()
        self.forward = Forward(self.kubo.port, before=lambda request: self.pass_by(request, "before"),
                               after=lambda request: self.pass_by(request, "after"))
        self.upstream = Upstream(self.forward)
        self.addCleanup(self.upstream.close)
        self.start_gateway(names, port=self.upstream.port)
        return list(self.tokens.values())

    def evidence(self):
        return f"seed {self.seed}; {self.happened[-5:]}\n{super().evidence()}"

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
        with concurrent.futures.ThreadPoolExecutor(len(self.members)) as pool:
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

    def play_for(self, seconds):
        stop = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(len(self.members)) as pool:
            playing = [pool.submit(member.play, stop) for member in self.members]
            time.sleep(seconds)
            stop.set()
            for one in playing:
                one.result()

    def start_again(self):
        if not self.kubo.process.is_running():
            self.kubo.start()
        if not self.relay.process.is_running():
            self.relay.start()

    # ---- what holds then

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

    def trace_of(self, cids):
        """What the gateway asked about these objects since all was right, and the members did."""
        return "\n".join([str(line) for line in self.passed if any(cid in line[2] for cid in cids)] +
                         [f"{member.name} {cid}: {member.model.history.get(cid, [])[-6:]}" for member in self.members for cid in cids])


class EmbeddedCrash(EmbeddedCase):
    """In front of a CrashCase: the gateway stores what it is given itself, and is what dies."""

    def start_all(self, names):
        self.seed = settings.seed()
        self.random = random.Random(self.seed)
        self.trap, self.passed, self.happened, self.began = None, [], [], time.monotonic()
        self.start_embedded(names)
        return list(self.tokens.values())

    def crash(self, victim, point=None, seconds=None):
        super().crash("gateway", seconds=seconds)

    def check_ledger(self):
        super().check_ledger()
        self.causeway("repo", "verify")

    def pins_of_kubo(self):
        return self.kubo.pins()

    def size_at_kubo(self, cid):
        return self.keep(f"dag/stat?progress=false&offline=true&arg={cid}")["DagStats"][0]["Size"]
