# SPDX-License-Identifier: Apache-2.0
"""Copies at a partner, two real gateways on loopback: how fast a large object is placed and read back beside TLS and hashing, how many small ones a
second, in how much memory; and members of a gateway whose partners are black holes while copies are queued for them."""

import concurrent.futures
import http.client
import json
import os
import re
import shutil
import subprocess
import time

from comparison import Series
from kit import files, members, native, settings
from kit.link_gateway import LinkGateway, link_two
from kit.process import wait_for
from link_tls import _OpenSsl, _Ours
from links import Fleet

_GRANT = "  - {{partner: {partner}, we_store: {{bytes: 100GiB, pins: 1000000}}, they_store: {{bytes: 100GiB}}}}\n"
_RULE = "  rules:\n    - {{id: all, copies: {{min: 1, want: {copies}}}}}\n"
_HOLES, _PAIRS = 8, 20
_BOUNDARY = "rig-transfers"


def transfers(bench):
    """A large object placed and read back, small ones a second, memory meanwhile; members' p99 with copies queued for black holes."""
    bench.stop_relays()
    return [*_large(bench), *_small(bench), *_beside_black_holes(bench)]


class Site:
    """A gateway that stores what it is given itself; one member, with a token."""

    def __init__(self, bench, org, **options):
        self.gateway = LinkGateway(bench.folder, org, workers=bench.options.workers, **options)
        (self.token,) = members.mint(self.gateway, ["ada"])
        self.policy = next(bench.folder.glob(f"policy-{org}-{self.gateway.partners_port}.yaml"))

    def allow(self, partners, copies=None):
        """Grants for these partners; copies: so many of each object, this one's among them."""
        text = self.policy.read_text().partition("grants:")[0] + "grants:\n" + "".join(_GRANT.format(partner=name) for name in partners)
        if copies:
            text += f"placement:\n  sites: {{{', '.join(f'{name}: {{}}' for name in ['local', *partners])}}}\n" + _RULE.format(copies=copies)
        before = self.gateway.log_text().count("reloaded")
        self.policy.write_text(text)
        self.gateway.reload()
        if not wait_for(lambda: self.gateway.log_text().count("reloaded") > before, 10):
            raise RuntimeError(f"the policy was not reloaded: {self.gateway.log_text()[-2000:]}")

    def call(self, target, *words):
        """What curl says of an RPC call."""
        done = subprocess.run(["curl", "-sS", "--fail-with-body", "-X", "POST", "-H", f"Authorization: Bearer {self.token}", *words,
                               f"http://127.0.0.1:{self.gateway.port}/api/v0/{target}"], capture_output=True, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"{target}: {done.stderr.decode()} {done.stdout[-500:]!r} {self.gateway.log_text()[-2000:]}")
        return done.stdout

    def add(self, path) -> str:
        return json.loads(self.call("add?progress=false&quieter=true", "-F", f"file=@{path}").splitlines()[-1])["Hash"]

    def add_small(self, count, seed):
        """COUNT objects of 1 KiB, four at a time."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda part: self._add_some(range(part, count, 4), seed), range(4)))

    def _add_some(self, numbers, seed):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        for number in numbers:
            content = f"{seed} {number} ".encode().ljust(1024, b"x")
            body = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
            connection.request("POST", "/api/v0/add?quieter=true", body, headers)
            reply = connection.getresponse()
            said = reply.read()
            if reply.status != 200:
                raise RuntimeError(f"add: {reply.status} {said!r}")
        connection.close()

    def states(self) -> dict:
        """How many allocations are in which state."""
        text = self.gateway.operators("/metrics")[1]
        return {state: int(number) for state, number in re.findall(r'^causeway_allocations\{role="\w+",state="(\w+)"\} (\d+)$', text, re.MULTILINE)}

    def stop(self):
        self.gateway.stop()
        shutil.rmtree(self.gateway.folder)


class Pair:
    """Two sites, linked; copies of what members of the first add go to the second, from `place` on."""

    def __init__(self, bench, copies=2):
        self.alpha, self.beta = Site(bench, "alpha.example"), Site(bench, "beta.example")
        try:
            link_two(self.alpha.gateway, self.beta.gateway)
            self.beta.allow(["alpha"])
            self.alpha.allow(["beta"], copies)
        except BaseException:
            self.stop()
            raise

    def place(self):
        self.alpha.allow(["beta"], 2)

    def wait(self, condition, seconds, step=0.02):
        """Until it holds of the first one's states; seconds since an unknown moment."""
        if not wait_for(lambda: condition(self.alpha.states()), seconds, step):
            raise RuntimeError(f"{self.alpha.states()}\n{self.alpha.gateway.log_text()[-3000:]}\n{self.beta.gateway.log_text()[-3000:]}")
        return time.monotonic()

    def peak_rss(self):
        return [site.gateway.process.peak_rss() / settings.MIB for site in (self.alpha, self.beta)]

    def burn(self):
        """The first one's blocks are gone."""
        self.alpha.gateway.stop()
        shutil.rmtree(self.alpha.gateway.folder / "data" / "blocks")
        self.alpha.gateway.start()
        if self.alpha.gateway.wait_state("beta", "active") != "active":
            raise RuntimeError(self.alpha.gateway.log_text()[-3000:])

    def stop(self):
        self.alpha.stop()
        self.beta.stop()


class _Limits:
    """What a transfer cannot be faster than: TLS over loopback, SHA-256, the disk."""

    def __init__(self, bench, size):
        self.size, self.folder = size, bench.folder / "limits"
        self.folder.mkdir()
        subprocess.run([str(native.tool("links")), "identities", str(self.folder)], check=True)
        with open(self.folder / f"large-{size}", "wb") as large:
            os.truncate(large.fileno(), size)
        self._servers = [kind(self.folder, bench.relay_cpus, bench.other_cpus) for kind in (_OpenSsl, _Ours)]

    def tls(self):
        """MB/s: s_server's, read by the client that is faster than s_client."""
        return self.size / 1e6 / self._servers[0].download(f"/large-{self.size}", self.size)

    def ours(self):
        """The same by the gateway's own client and server, without files on either side."""
        return self.size / 1e6 / self._servers[1].download(f"/large-{self.size}", self.size)

    def hashing(self, data):
        return self._timed("openssl", "dgst", "-sha256", str(data))

    def disk(self, data):
        target = self.folder / "written"
        speed = self._timed("dd", f"if={data}", f"of={target}", "bs=1M", "conv=fsync")
        target.unlink()
        return speed

    def _timed(self, *words):
        begin = time.monotonic()
        subprocess.run(words, check=True, capture_output=True)
        return self.size / 1e6 / (time.monotonic() - begin)

    def stop(self):
        for server in self._servers:
            server.process.stop()


def _large(bench):
    size = (10 if bench.options.quick else 1024) * settings.MIB
    name = f"{size >> 20} MiB"
    limits = _Limits(bench, size)
    over, placed, back = (Series(f"{name} {what}", "MB/s") for what in
                          ("sent over a link to a partner's inbox", "placed at a partner", "read back from a partner by cat"))
    memory = Series(f"growth of the larger of both gateways' peaks, {name} placed behind 1 MiB", "MiB", False)
    try:
        for number in range(min(bench.options.rounds, 3)):
            steps = [lambda: _place_large(bench, number, size, (over, placed, back), memory), lambda: _measure_limits(bench, limits, number, (over, placed, back))]
            for step in bench.random.sample(steps, 2):
                step()
    finally:
        limits.stop()
    peers = ("openssl's TLS", "own TLS", "openssl's sha256", "the disk, synced, with all of it twice: inbox and storage")
    entries = [series.entry("causeway", "slower of TLS and sha256", goal) for series, goal in ((over, ">= 0.8"), (placed, ">= 0.8"), (back, None))]
    entries += [placed.entry("causeway", peer) for peer in peers]
    return [*entries, memory.entry("causeway", "what is allowed", "<= 1.0")]


def _measure_limits(bench, limits, number, all_series):
    data = bench.folder / "limit-data"
    files.write_file(data, limits.size, seed=1000 + number)
    seen = {"openssl's TLS": limits.tls(), "own TLS": limits.ours(), "openssl's sha256": limits.hashing(data), "disk, synced": limits.disk(data)}
    data.unlink()
    seen["the disk, synced, with all of it twice: inbox and storage"] = seen["disk, synced"] / 2
    seen["slower of TLS and sha256"] = min(seen["openssl's TLS"], seen["openssl's sha256"])
    for series in all_series:
        for peer, value in seen.items():
            series.add(peer, value)


def _place_large(bench, number, size, all_series, memory):
    data, small = bench.folder / "large-data", bench.folder / "small-data"
    files.write_file(data, size, seed=2 * number + 1)
    files.write_file(small, settings.MIB, seed=2 * number + 2)
    pair = Pair(bench)
    try:
        pair.alpha.add(small)
        pair.wait(lambda states: states["placed"] == 1, 60)
        before = pair.peak_rss()
        root = pair.alpha.add(data)
        begin = time.monotonic()
        sent = pair.wait(lambda states: states["placed"] + states["committing"] == 2, 600, 0.01)
        placed = pair.wait(lambda states: states["placed"] == 2, 600, 0.01)
        memory.add("causeway", max(max(after - one for after, one in zip(pair.peak_rss(), before)), 0.01))
        memory.add("what is allowed", 16)
        pair.burn()
        reading = time.monotonic()
        pair.alpha.call(f"cat?arg={root}", "-o", "/dev/null")
        for series, seconds in zip(all_series, (sent - begin, placed - begin, time.monotonic() - reading)):
            series.add("causeway", size / 1e6 / seconds)
    finally:
        pair.stop()
        data.unlink()
        small.unlink()


def _small(bench):
    count = 100 if bench.options.quick else 10_000
    series = Series(f"allocations of {count:,} objects of 1 KiB, from the first asked for to the last placed", "/s")
    cpu = Series("CPU of both gateways for each small allocation", "us", False)
    for number in range(min(bench.options.rounds, 3)):
        pair = Pair(bench, None)
        try:
            pair.alpha.add_small(count, number)
            before = sum(site.gateway.process.cpu_seconds() for site in (pair.alpha, pair.beta))
            pair.place()
            begin = pair.wait(lambda states: sum(states.values()) > 0, 60)
            end = pair.wait(lambda states: states["placed"] == count, 600)
            spent = sum(site.gateway.process.cpu_seconds() for site in (pair.alpha, pair.beta)) - before
            series.add("causeway", count / (end - begin))
            series.add("what is wanted", 1000)
            cpu.add("causeway", spent / count * 1e6)
            cpu.add("what two processors have at 1,000 a second", 2000)
        finally:
            pair.stop()
    return [series.entry("causeway", "what is wanted", ">= 1.0"), cpu.entry("causeway", "what two processors have at 1,000 a second")]


def _beside_black_holes(bench):
    """Pairs, in an order of chance: the same objects are at both gateways, and each is to be at every partner of the first."""
    pairs = _PAIRS if bench.options.rounds > 1 and not bench.options.quick else 3
    count = 100 if bench.options.quick else 2000
    series = Series(f"members' p99 at 500 reads/s, {_HOLES * count:,} copies queued for {_HOLES} black holes", "us", False)
    fleet = Fleet(bench.folder, _HOLES)
    sites = {"causeway": Site(bench, "gamma.example", cpus=bench.relay_cpus), "without links": Site(bench, "delta.example", cpus=bench.relay_cpus)}
    try:
        for site in sites.values():
            site.add_small(count, 0)
        held = sites["causeway"].call("pin/ls?quiet=true&stream=true").splitlines()[0]
        target = f"cat?arg={json.loads(held)['Cid']}"
        fleet.link(sites["causeway"].gateway)
        fleet.black_hole()
        sites["causeway"].allow([f"partner-{number}" for number in range(_HOLES)], _HOLES + 1)
        waiting = ("queued", "reserving", "stuck")
        if not wait_for(lambda: sum(sites["causeway"].states()[state] for state in waiting) == _HOLES * count, 60, 0.1):
            raise RuntimeError(f"{sites['causeway'].states()}\n{sites['causeway'].gateway.log_text()[-2000:]}")
        for _ in range(pairs):
            for name, site in bench.random.sample(list(sites.items()), 2):
                seen = native.Load(site.gateway.port, rate=500, seconds=bench.options.seconds, connections=16, cpus=bench.other_cpus,
                                   target=target, token=site.token).wait()
                if seen["failed"]:
                    raise RuntimeError(f"{name}: {seen}")
                series.add(name, max(seen["p99_us"], 1))
        if sum(sites["causeway"].states()[state] for state in waiting) != _HOLES * count:
            raise RuntimeError(f"they did not stay queued: {sites['causeway'].states()}")
    finally:
        fleet.close()
        for site in sites.values():
            site.stop()
    return [series.entry("causeway", "without links", "<= 1.1")]
