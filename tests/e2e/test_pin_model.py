# SPDX-License-Identifier: Apache-2.0
"""Many members before one real Kubo, at random: each pins, names, removes, moves and breaks off calls on objects that others have
too, and sees at every step exactly what a model of it alone foretells. Whatever they did, the node then holds what is claimed."""

import concurrent.futures
import itertools
import json
import os
import pathlib
import queue
import random
import subprocess
import threading
import time
import unittest
import urllib.parse

from kit import figures, settings
from kit.client import Client
from kit.embedded_case import EmbeddedCase
from kit.forward import Forward
from kit.kubo_case import KuboCase
from kit.pin_model import DIRECT, RECURSIVE, Model, Pin
from kit.process import wait_for
from kit.upstream import Upstream

MEMBERS = settings.pick(ci=12, full=64)
CALLS = settings.pick(ci=25, full=60)  # of each member in each act
ACTS = settings.pick(ci=3, full=6)
SHARED, FOREIGN, OWN = 8, 2, 1  # objects: everybody's, pinned at the node by others, and each member's own
SETTLE_SECONDS = 30


class JsClients:
    """kubo-rpc-client for many members, in one program."""

    def __init__(self, port):
        script = pathlib.Path(__file__).with_name("pins.mjs")
        self.popen = subprocess.Popen(["node", script, os.environ["KUBO_RPC_CLIENT"], f"http://127.0.0.1:{port}"], text=True, bufsize=1,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ids, self._lock, self._waiting = itertools.count(), threading.Lock(), {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.popen.stdout:
            result = json.loads(line)
            self._waiting.pop(result["id"]).put(result)

    def call(self, token, command, cid, cut_ms=None, **options):
        """None if all went well, or what the client threw; "aborted": it was cut."""
        mine, answer = next(self._ids), queue.Queue()
        self._waiting[mine] = answer
        with self._lock:
            self.popen.stdin.write(json.dumps({"id": mine, "token": token, "command": command, "cid": cid, "options": options,
                                               "cutMs": cut_ms}) + "\n")
        return answer.get(timeout=120).get("message")

    def close(self):
        self.popen.stdin.close()
        self.popen.wait(10)
        self.popen.stdout.close()


class Player:
    """One member: makes calls one after the other, and tells its model."""

    def __init__(self, case, name, token, seed, js):
        self.case, self.name, self.token, self.js = case, name, token, js
        self.random = random.Random(seed)
        self.model = Model()
        self.objects = []
        self.calls = self.cuts = 0

    # ---- calls

    def ask(self, target, cut=None):
        """The refusal's text, or None; "cut" if it was cut before an answer came."""
        head = f"POST /api/v0/{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n"
        with Client(self.case.port) as client:
            client.send(head.encode())
            if cut is not None:
                time.sleep(cut)
                (client.reset if self.random.random() < 0.7 else client.finish)()
                return "cut"
            reply = client.reply()
        if reply.broken or '"Message"' in reply.text():
            return json.loads(reply.text().strip().splitlines()[-1])["Message"] if '"Message"' in reply.text() else reply.broken
        return None

    def pin(self, command, key, cut, **options):
        """By raw HTTP, or by the client in JavaScript."""
        cid = self.random.choice(self.case.spellings[key])
        if self.js is not None:
            answer = self.js.call(self.token, command, cid, None if cut is None else int(cut * 1000) + 1, **options)
            return "cut" if answer == "aborted" else answer
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items()}
        return self.ask(f"pin/{command}?{urllib.parse.urlencode({'arg': cid, **query})}", cut)

    # ---- moves

    def play(self):
        for _ in range(CALLS):
            move = self.random.choices([self.add, self.rm, self.update, self.look], [5, 3, 1, 1])[0]
            key = self.random.choice(self.objects)
            if not self.model.is_cut(key):
                self.calls += 1
                move(key)

    def cut(self):
        if self.random.random() > 0.2:
            return None
        self.cuts += 1
        return self.random.choice([0, 0.005, 0.02, 0.06])

    def add(self, key):
        mode = DIRECT if self.random.random() < 0.2 else RECURSIVE
        name = f"{self.name} {self.calls}" if self.random.random() < 0.5 else None
        options = {**({"name": name} if name else {}), **({"recursive": False} if mode == DIRECT else {})}
        answer = self.pin("add", key, self.cut(), **options)
        if answer == "cut":
            self.model.add_cut(key, mode, name)
        else:
            self.model.added(key, answer, mode, name)

    def rm(self, key):
        recursive = self.random.random() > 0.2
        answer = self.pin("rm", key, self.cut(), **({} if recursive else {"recursive": False}))
        if answer == "cut":
            self.model.rm_cut(key, recursive)
        else:
            self.model.removed(key, answer, recursive)

    def update(self, key):
        other = self.random.choice(self.objects)
        if other == key or any(self.model.is_cut(one) or len(self.model.may_be(one)) > 1 for one in (key, other)):
            return
        unpin = self.random.random() > 0.3
        answer = self.ask(f"pin/update?arg={key}&arg={other}" + ("" if unpin else "&unpin=false"))
        self.model.updated(key, other, answer, unpin)

    def look(self, key):
        """One pin, by its name: as the model has it."""
        answer = self.ask(f"pin/ls?arg={key}")
        if answer is not None and "is not pinned" not in answer:
            raise AssertionError(f"{self.name}: pin/ls of {key}: {answer}")
        seen = {pin is not None for pin in self.model.may_be(key)}
        if (answer is None) not in seen:
            raise AssertionError(f"{self.name}: pin/ls of {key}: {answer}; {self.model.may_be(key)} {self.model.history.get(key)}")

    def listed(self):
        """key -> Pin, by pin/ls."""
        target = "/api/v0/pin/ls?names=true&stream=true"
        with Client(self.case.port) as client:
            reply = client.ask(f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n".encode())
        lines = [json.loads(line) for line in reply.text().splitlines() if line]
        pins = {self.case.keys[line["Cid"]]: Pin(line["Type"], line.get("Name", "")) for line in lines}
        self.case.assertEqual(len(pins), len(lines), f"{self.name} sees an object twice")
        return pins


class PinModel(KuboCase):
    where = ""  # in the names of figures
    limit_seconds = settings.pick(ci=300, full=1800)

    def setUp(self):
        self.seed = settings.seed()
        self.start_all([f"member-{number}" for number in range(MEMBERS)])
        self.js = JsClients(self.port) if os.environ.get("KUBO_RPC_CLIENT") else None
        if self.js:
            self.addCleanup(self.js.close)
        self.players = [Player(self, name, token, self.seed * 1000 + number, self.js if number % 4 == 3 else None)
                        for number, (name, token) in enumerate(self.tokens.items())]
        self.keys = {}
        self.others = self.at_node(known=False)  # the empty folder of the node's own
        self.make_objects()

    def start_all(self, names):
        self.kubo = self.start_kubo()
        waits = random.Random(self.seed)
        slow = lambda request: waits.choice([0, 0, 0.01, 0.05]) if "/pin/" in request.target else 0  # noqa: E731
        self.upstream = Upstream(Forward(self.kubo.port, delay=slow))
        self.addCleanup(self.upstream.close)
        self.start_gateway(names, port=self.upstream.port, workers=2)
        self.port = self.relay.port

    def evidence(self):
        return f"seed {self.seed}\n{super().evidence()}"

    # ---- objects

    def make_objects(self):
        self.spellings, self.numbers = {}, itertools.count()
        shared = [self.new_object() for _ in range(SHARED)]
        self.foreign = shared[:FOREIGN]
        for key in self.foreign:
            self.straight("pin", "add", "--name=theirs", key)
        for player in self.players:
            player.objects = shared + [self.new_object() for _ in range(OWN)]

    def new_object(self):
        """A folder with a file in it: its key, the CIDv1; spelled in both versions."""
        number = next(self.numbers)
        folder = self.folder / f"object-{number}"
        folder.mkdir()
        (folder / "file").write_bytes(f"{number} ".encode() * 1000)
        old = self.straight("add", "-Q", "-r", "--pin=false", str(folder))
        key = self.straight("cid", "format", "-v", "1", "-b", "base32", old)
        self.spellings[key] = [key, old]
        self.keys.update({key: key, old: key})
        return key

    # ---- what holds at rest

    def settle(self):
        """Every model and every listing agree, once all that was cut has come to its end."""
        def is_at_rest():
            return self.check()["intents"] == 0

        time.sleep(1.5)  # what a client left is given up a second later
        self.assertTrue(wait_for(is_at_rest, SETTLE_SECONDS, 0.3), f"intents stay open: {self.check()}")
        for player in self.players:
            player.model.settle(player.listed())
        self.check_node()
        check = self.check()
        self.assertEqual((check["faults"], check["different_accounts"]), (0, 0), check)
        if check["upstream"] is not None:
            self.assertEqual((check["upstream"]["lost"], check["upstream"]["unknown"]), (0, 0), check)
            self.assertIn(check["upstream"]["foreign"] - len(self.others), range(FOREIGN + 1), check)  # but those that serve a claim
        self.assertEqual(check["pins"], sum(len(player.model.own()) for player in self.players))

    def at_node(self, known=True):
        """key -> (mode, name), by the node's own word."""
        pins = {}
        for mode in (RECURSIVE, DIRECT):
            for line in self.kubo.ask(f"pin/ls?type={mode}&names=true&stream=true").splitlines():
                pin = json.loads(line)
                key = self.keys.get(pin["Cid"], pin["Cid"])
                self.assertTrue(not known or key in self.keys or key in self.others, f"a pin of nobody's: {pin}")
                self.assertNotIn(key, pins, "two pins of one object")
                pins[key] = (pin["Type"], pin.get("Name", ""))
        return {key: pin for key, pin in pins.items() if not known or key not in self.others}

    def check_node(self):
        claimed = {}
        for player in self.players:
            for key, pin in player.model.own().items():
                claimed[key] = RECURSIVE if RECURSIVE in (pin.mode, claimed.get(key)) else DIRECT
        seen = self.at_node()
        for key in self.foreign:
            self.assertEqual(seen.pop(key), (RECURSIVE, "theirs"))
            claimed.pop(key, None)
        self.assertEqual({key: mode for key, (mode, _) in seen.items()}, claimed)
        self.assertEqual({name for _, name in seen.values() if not name.startswith("cw:")}, set())

    # ---- the test

    def test_random_interleavings_agree_with_the_model(self):
        for _ in range(ACTS):
            with concurrent.futures.ThreadPoolExecutor(MEMBERS) as pool:
                for result in [pool.submit(player.play) for player in self.players]:
                    result.result()
            self.settle()
        figures.report(f"random pin calls of {MEMBERS} members like the model's{self.where}", sum(player.calls for player in self.players),
                       f"calls, {sum(player.cuts for player in self.players)} of them cut")


class PinModelEmbedded(EmbeddedCase, PinModel):
    """The same on the gateway's own node."""

    where = ", embedded"

    def start_all(self, names):
        self.start_embedded(names, workers=2)
        self.port = self.relay.port


class PinModelOlder(PinModel):
    """The same before Kubo 0.39."""

    variable = "KUBO_0_39"


if __name__ == "__main__":
    unittest.main()
