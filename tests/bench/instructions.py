#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""instructions.py [--record]: the instructions that a request costs the gateway (callgrind, fixed input), compared with the
record in instructions.json. More than 3 % above it fails; --record writes what was measured, for a commit that means it.

Each figure is the difference of two runs with different numbers of requests, so start and end of the process drop out."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from kit import members, native, relay  # noqa: E402
from kit.client import CID, Client, post  # noqa: E402
from kit.figures import commit, report  # noqa: E402

RECORD = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.03
FEW, MANY = 200, 1200
MEMBER = "alice"
CAT = f"/api/v0/cat?arg={CID}"
INPUTS = {"a relayed POST": ("/api/v0/version", 200, None, ()), "a refused POST": ("/api/v0/nonsense", 404, None, ()),
          "a relayed POST with a token": ("/api/v0/version", 200, MEMBER, ()),
          "a read with a token": (CAT, 200, MEMBER, ()), "a read with a token under quotas": (CAT, 200, MEMBER, members.QUOTAS)}


def total(folder, sink, target, status, member, quotas, count) -> int:
    """Instructions of a whole run in which one connection asks COUNT times, one after the other."""
    started = relay.Causeway(folder, sink.port, wrapper=["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"],
                             more=members.write_policy(folder, [member], quotas) if member else "")
    tokens = members.mint(started, [member]) if member else []
    request = post(target, *[f"Authorization: Bearer {token}" for token in tokens])
    with Client(started.port, timeout=60) as client:
        for _ in range(count):
            if client.ask(request).status != status:
                raise RuntimeError("the gateway answered something else")
    started.stop(60)
    return int(re.search(r"Collected : (\d+)", started.process.log()).group(1))


def measure() -> dict:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="instructions-"))
    sink = native.Sink(folder)
    try:
        return {name: round((total(folder, sink, *words, MANY) - total(folder, sink, *words, FEW)) / (MANY - FEW))
                for name, words in INPUTS.items()}
    finally:
        sink.stop()
        shutil.rmtree(folder, ignore_errors=True)


def compiler() -> str:
    return subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()


def compare(measured, record) -> bool:
    good = True
    for name, value in measured.items():
        known = record["instructions"].get(name)
        change = value / known - 1 if known else 0.0
        word = "new" if not known else "GREW" if change > TOLERANCE else "ok"
        good = good and word != "GREW"
        print(f"{word:5} {name}: {value} instructions, recorded {known} ({change:+.1%})")
    if not good:
        print("If this is meant, say why in the commit and run: python3 tests/bench/instructions.py --record")
    return good


def main():
    measured = measure()
    if "--record" in sys.argv:
        RECORD.write_text(json.dumps({"instructions": measured, "compiler": compiler(), "commit": commit()}, indent=1) + "\n")
        print(json.dumps(measured))
        return 0
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"instructions": {}, "compiler": compiler()}
    for name, value in measured.items():
        report(f"instructions for {name}", value, "instructions", f"<= {record['instructions'].get(name, 0) * (1 + TOLERANCE):.0f}")
    if record["compiler"] != compiler():
        print(f"not compared: the record is of compiler {record['compiler']}, this is {compiler()}")
        return 0
    return 0 if compare(measured, record) else 1


if __name__ == "__main__":
    sys.exit(main())
