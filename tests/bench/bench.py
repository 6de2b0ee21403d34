#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [--json FILE] [--quick] [--rounds N] [--workers N] [--only small,members,quotas,upload,latency,hashes,formats,policy,pins,pin_list,node,links,link_tls,placement,transfers]: Causeway beside nginx, haproxy
and no relay at all, interleaved in one run: same number of workers, same processors, each with an access line per request."""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from comparison import Series, table  # noqa: E402
from link_tls import link_tls  # noqa: E402
from links import links  # noqa: E402
from node import node  # noqa: E402
from placement import placement  # noqa: E402
from transfers import transfers  # noqa: E402
from kit import figures, native, relay, settings, upstream  # noqa: E402
from kit import members as kit_members  # noqa: E402
from kit.client import CID, Client, post  # noqa: E402

RELAYS = ["causeway", "nginx", "haproxy"]
WRK_SCRIPT = 'wrk.method = "POST"\n'


class Bench:
    """The targets, all running, and the processors that relays and the others have."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.random = random.Random(options.seed)
        self.relay_cpus, self.other_cpus = _processors(options.workers)
        self.sink = native.Sink(folder, workers=options.workers, cpus=self.other_cpus)
        self.targets = {}

    def start(self, **extra):
        self.stop_relays()
        for kind in [*RELAYS, "direct"]:
            self.targets[kind] = relay.start(self.folder, self.sink.port, kind=kind, workers=self.options.workers,
                                             cpus=self.relay_cpus, **extra)

    def stop_relays(self):
        for target in self.targets.values():
            target.stop()
        self.targets = {}

    def close(self):
        self.stop_relays()
        self.sink.stop()

    def rounds(self):
        """Each round's targets, in an order of its own."""
        for number in range(self.options.rounds):
            print(f"  round {number + 1} of {self.options.rounds}", file=sys.stderr)
            yield self.random.sample(list(self.targets.items()), len(self.targets))

    def cpu(self, target) -> float:
        return target.process.cpu_seconds() if target.process else 0.0


def small_requests(bench):
    """POSTs without a body at 64 connections: requests a second, and the relay's CPU for each."""
    rate, cost = Series("small POSTs, 64 connections", "requests/s"), Series("CPU per small POST", "us", False)
    bench.start(buffer=16384)
    for targets in bench.rounds():
        for kind, target in targets:
            before = bench.cpu(target)
            count, seconds = _wrk(bench, target.port)
            rate.add(kind, count / seconds)
            cost.add(kind, (bench.cpu(target) - before) / count * 1e6)
    return [rate.entry("causeway", "nginx", ">= 1.1"), rate.entry("causeway", "haproxy"), rate.entry("causeway", "direct"),
            cost.entry("causeway", "nginx", "<= 0.8"), cost.entry("causeway", "haproxy")]


def members(bench):
    """The same with 10,000 tokens on both sides, of which the requests use one: a policy's decision beside a map."""
    return _with_tokens(bench, "small POSTs with a token of 10,000", "CPU per small POST with a token", "version", ())


def quotas(bench):
    """Reads with a token, each metered by three quotas of every kind: nginx does without."""
    return _with_tokens(bench, "reads with a token under quotas", "CPU per read with a token under quotas", f"cat?arg={CID}", kit_members.QUOTAS)


def _with_tokens(bench, rate_name, cost_name, target_path, limits):
    rate, cost = Series(rate_name, "requests/s"), Series(cost_name, "us", False)
    names = [f"member-{number}" for number in range(10000)]
    bench.stop_relays()
    gateway = relay.start(bench.folder, bench.sink.port, kind="causeway", workers=bench.options.workers, cpus=bench.relay_cpus,
                          more=kit_members.write_policy(bench.folder, names, limits))
    bench.targets["causeway"] = gateway
    tokens = kit_members.mint(gateway, names)
    bench.targets["nginx"] = relay.start(bench.folder, bench.sink.port, kind="nginx", workers=bench.options.workers,
                                         cpus=bench.relay_cpus, tokens=tokens)
    for targets in bench.rounds():
        for kind, target in targets:
            before = bench.cpu(target)
            count, seconds = _wrk(bench, target.port, tokens[5000], target_path)
            rate.add(kind, count / seconds)
            cost.add(kind, (bench.cpu(target) - before) / count * 1e6)
    return [rate.entry("causeway", "nginx", ">= 1.05"), cost.entry("causeway", "nginx", "<= 0.85")]


def _wrk(bench, port, token=None, path="version"):
    script = bench.folder / "post.lua"
    script.write_text(WRK_SCRIPT + (f'wrk.headers["Authorization"] = "Bearer {token}"\n' if token else ""))
    command = ["taskset", "-c", bench.other_cpus, "wrk", "-t", "1", "-c", "64", "-d", f"{bench.options.seconds}s", "-s", script,
               f"http://127.0.0.1:{port}/api/v0/{path}"]
    out = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    if bad:
        raise RuntimeError(f"wrk on port {port}: {bad.group(0)}")
    count, seconds = re.search(r"(\d+) requests in ([0-9.]+)s", out).groups()
    return int(count), float(seconds)


def uploads(bench):
    """One big upload on one connection: throughput, and the relay's CPU for a gigabyte."""
    entries = []
    bench.start(buffer=131072)
    for framing in ("length", "chunked"):
        speed = Series(f"upload of {bench.options.upload >> 20} MiB, {framing}", "MB/s")
        cost = Series(f"CPU per GB uploaded, {framing}", "s", False)
        for targets in bench.rounds():
            for kind, target in targets:
                before = bench.cpu(target)
                result = native.upload(target.port, bench.options.upload, framing)
                if result["status"] != 200:
                    raise RuntimeError(f"{kind}: {result}")
                speed.add(kind, result["bytes"] / result["seconds"] / 1e6)
                cost.add(kind, (bench.cpu(target) - before) / (result["bytes"] / 1e9))
        best = speed.best(["nginx", "haproxy"])
        entries += [speed.entry("causeway", best, ">= 0.95")]
        entries += [speed.entry("causeway", other) for other in ("nginx", "haproxy", "direct") if other != best]
        entries += [cost.entry("causeway", peer) for peer in ("nginx", "haproxy")]
    return entries


def latency(bench):
    """1,000 requests a second, open loop: what a relay adds to the median and to the slowest hundredth."""
    names = {"p50_us": Series("p50 added at 1,000 requests/s", "us", False),
             "p99_us": Series("p99 added at 1,000 requests/s", "us", False)}
    bench.start(buffer=16384)
    for targets in bench.rounds():
        seen = {}
        for kind, target in targets:
            load = native.Load(target.port, rate=1000, seconds=bench.options.seconds, connections=16, cpus=bench.other_cpus)
            seen[kind] = load.wait()
            if seen[kind]["failed"]:
                raise RuntimeError(f"{kind}: {seen[kind]}")
        for kind in RELAYS:
            for key, series in names.items():
                series.add(kind, max(seen[kind][key] - seen["direct"][key], 1))
    return [series.entry("causeway", peer) for series in names.values() for peer in ("nginx", "haproxy")]


def hashes(bench):
    """SHA-256 of many blocks: what hash_many chooses, and each kind of lanes, beside OpenSSL one by one."""
    series, goals = {}, {}
    for _ in range(bench.options.rounds):
        for figure in native.hash_speeds():
            one = series.setdefault(figure["name"], Series(figure["name"], figure["unit"]))
            one.add("causeway", figure["value"])
            one.add(figure["peer"], figure["peer_value"])
            goals[figure["name"]] = (figure["peer"], figure["goal"])
    return [series[name].entry("causeway", peer, f">= {goal}") for name, (peer, goal) in goals.items() if goal]


def formats(bench):
    """Listing links and verifying CARs, beside what is required and hashing alone; and the memory that a walk takes."""
    return _of_parts(bench, native.format_speeds)


def policy(bench):
    """Decisions under a large policy, checking one of many lines, and the memory of many tokens, beside what is allowed."""
    return _of_parts(bench, native.policy_speeds)


def pins(bench):
    """The ledger with a million pins: durable transactions beside the disk's syncs, one member's list, a recount."""
    return _of_parts(bench, lambda quick: native.pin_speeds(quick, bench.folder), rounds=1)  # most of it is filling


def pin_list(bench):
    """One member's pin/ls of 1,000 of a million through the gateway, and the memory of a list of them all."""
    count = 20_000 if bench.options.quick else 1_000_000
    name = "member-1"
    bench.stop_relays()
    with upstream.Upstream(lambda peer, request: False) as nobody:  # a list asks no node
        gateway = relay.start(bench.folder, nobody.port, kind="causeway", more=kit_members.write_policy(bench.folder, [name]))
        gateway.stop()
        _put_ledger(bench, gateway, count)
        gateway.start()
        (token,) = kit_members.mint(gateway, [name])
        took = sorted(_list_pins(gateway, token, count // 1000) for _ in range(50))
        gateway.stop()
        with sqlite3.connect(gateway.folder / "data" / "ledger.db") as ledger:
            ledger.execute("UPDATE pin SET owner = ?", [name])
        ledger.close()
        gateway.start()
        _list_pins(gateway, token, count, most=1000)
        before = gateway.process.rss()
        _list_pins(gateway, token, count)
        grown = (gateway.process.rss() - before) / settings.MIB
        gateway.stop()
    entries = []
    for what, value, unit, goal in ((f"pin/ls of {count // 1000} of {count:,} pins through the gateway, p50", took[25] * 1000, "ms", 20),
                                    (f"pin/ls of {count // 1000} of {count:,} pins through the gateway, worst of 50", took[-1] * 1000, "ms", 20),
                                    (f"RSS growth over a pin/ls of {count:,} pins", max(grown, 0.01), "MiB", 8)):
        series = Series(what, unit, False)
        series.add("causeway", value)
        series.add("what is allowed", goal)
        entries.append(series.entry("causeway", "what is allowed", "<= 1.0"))
    return entries


def _put_ledger(bench, gateway, count):
    """A ledger of so many pins of 1,000 members becomes the gateway's."""
    filled = bench.folder / "filled"
    subprocess.run([str(native.tool("pins")), str(filled), str(count)], check=True, capture_output=True, timeout=1500)
    data = gateway.folder / "data"
    for path in data.glob("ledger.db*"):
        path.unlink()
    for path in filled.glob("ledger.db*"):
        shutil.move(path, data / path.name)
    shutil.rmtree(filled)


def _list_pins(gateway, token, count, most=None):
    """Seconds until the last pin is there; or until so many are."""
    begin, seen = time.monotonic(), 0
    with Client(gateway.port) as client:
        client.send(post("/api/v0/pin/ls?stream=true", f"Authorization: Bearer {token}"))
        reply = client.reader.reply()
        if reply.status != 200:
            raise RuntimeError(f"pin/ls: {reply.status}")
        if most:
            client.reset()
            return None

        def on_piece(piece):
            nonlocal seen
            seen += piece.count(b"\n")

        client.reader.body(reply, on_piece=on_piece)
    if seen < count:
        raise RuntimeError(f"{seen} pins are listed, not {count}")
    return time.monotonic() - begin


def _of_parts(bench, measure, rounds=3):
    """Entries of a tool that measures parts of the gateway beside goals of its own."""
    series, goals = {}, {}
    for _ in range(min(bench.options.rounds, rounds)):  # each takes its own best of several
        for figure in measure(bench.options.quick):
            one = series.setdefault(figure["name"], Series(figure["name"], figure["unit"], not figure["below"]))
            one.add("causeway", figure["value"])
            one.add(figure["peer"], figure["peer_value"])
            goals[figure["name"]] = (figure["peer"], f"{'<=' if figure['below'] else '>='} {figure['goal']}")
    return [series[name].entry("causeway", peer, goal) for name, (peer, goal) in goals.items()]


def _processors(workers):
    """The relays' processors, and those of everybody else: apart, where there are enough."""
    count = len(_allowed())
    names = [str(number) for number in _allowed()]
    if count <= workers:
        return ",".join(names), ",".join(names)
    return ",".join(names[:workers]), ",".join(names[workers:])


def _allowed():
    return sorted(os.sched_getaffinity(0))


PARTS = {"small": small_requests, "members": members, "quotas": quotas, "upload": uploads, "latency": latency, "hashes": hashes, "formats": formats,
         "policy": policy, "pins": pins, "pin_list": pin_list, "node": node, "links": links, "link_tls": link_tls, "placement": placement,
         "transfers": transfers}


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.seconds = 1 if options.quick else 4
    options.upload = (256 if options.quick else 2048) * settings.MIB
    options.seed = settings.seed()
    return options


def main():
    options = parse()
    missing = [kind for kind in RELAYS if relay.why_not(kind)] + [name for name in ("wrk",) if not shutil.which(name)]
    if missing:
        sys.exit(f"bench: missing: {', '.join(missing)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
    load = round(os.getloadavg()[0], 1)  # of others, before it begins
    entries, bench = [], Bench(folder, options)
    try:
        for part in options.only.split(","):
            print(f"{part}: {PARTS[part].__doc__}", file=sys.stderr)
            entries += PARTS[part](bench)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    for entry in entries:
        entry.update(commit=figures.commit(), seed=options.seed, workers=options.workers, load=load)
    print(table(entries))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
