# SPDX-License-Identifier: Apache-2.0
"""Placement: a plan of a million objects over a thousand sites, and what moves when one of twelve sites goes."""

import base64
import hashlib
import json
import os
import subprocess
import time

from comparison import Series
from kit import native, settings

HEAD = """version: 1
org: lab.example
members: {alice: {}}
roles: {writer: {allow: [add]}}
bind: [{to: "member:alice", roles: [writer]}]
placement:
  labels: {class: {values: [public, secret]}}
  sites:
    local: {attributes: {country: here, city: here, tier: 0}}
"""
RULE = """  rules:
    - id: default
      copies: {min: 2, want: 4}
      filter: "site.healthy and site.free > 2 * object.size and (site.tier < 2 or label.class == 'public')"
      score: [{value: site.free_ratio, weight: 60}, {value: site.rtt, worst: 1s, best: 0s, weight: 40}]
      spread: {country: 2, city: 1}
"""


def placement(bench):
    """`causeway plan` of many objects, beside what is allowed; what moves beside what was lost."""
    objects = 20_000 if bench.options.quick else 1_000_000
    path = bench.folder / "objects.jsonl"
    _write_objects(path, objects)
    large = _policy(bench.folder, "large", 1000, None), _policy(bench.folder, "less", 1000, 17)
    small = _policy(bench.folder, "twelve", 12, None), _policy(bench.folder, "eleven", 12, 5)
    took, memory, _ = _plan(path, *large)
    _, _, plan = _plan(path, *small)
    path.unlink()
    entries = []
    for what, value, unit, allowed in ((f"plan of {objects:,} objects over 1,000 sites", took, "s", 60),
                                       (f"memory of a plan of {objects:,} objects", memory, "MiB", 32)):
        series = Series(what, unit, False)
        series.add("causeway", value)
        series.add("what is allowed", allowed)
        entries.append(series.entry("causeway", "what is allowed", "<= 1.0"))
    series = Series("copies moved when one of 12 sites goes", "copies", False)
    series.add("causeway", plan["copies_added"])
    series.add("lost", plan["released"]["gone"])
    return [*entries, series.entry("causeway", "lost", "<= 1.0")]


def _policy(folder, name, sites, without):
    lines = [f"    site-{i:04}: {{attributes: {{country: c{i % 40:02}, city: t{i % 200:03}, tier: {i % 3}}}}}\n"
             for i in range(sites - 1) if i != without]
    path = folder / f"{name}.yaml"
    path.write_text(HEAD + "".join(lines) + RULE)
    return path


def _write_objects(path, count):
    with open(path, "w") as out:
        for i in range(count):
            root = b"\x01\x55\x12\x20" + hashlib.sha256(i.to_bytes(8, "little")).digest()
            cid = "b" + base64.b32encode(root).decode().rstrip("=").lower()
            out.write(f'{{"cid":"{cid}","bytes":{1000 + i},"labels":{{"class":"{"secret" if i % 2 else "public"}"}}}}\n')


def _plan(objects, old, new):
    """Seconds, MiB at most, and what is said."""
    begin = time.monotonic()
    program = subprocess.Popen([str(settings.find_program("causeway")), "plan", "--json", "--objects", str(objects), str(old), str(new)],
                               stdout=subprocess.PIPE)
    said = program.stdout.read()
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode != 0:
        raise native.Missing("causeway plan failed")
    return time.monotonic() - begin, usage.ru_maxrss / 1024, json.loads(said)
