# SPDX-License-Identifier: Apache-2.0
"""The connections of a link beside OpenSSL's own tools: handshakes of both sides' certificates, with one small request each, and one
large reply. Each side of a pair has one processor for its server and one for its client, where there are two."""

import functools
import os
import re
import subprocess
import time

from comparison import Series
from kit import native
from kit.ports import free_port
from kit.process import Process, accepts, wait_for

_ALPN = "causeway/1"


class _Ours:
    """bench_links as server; its other modes are the client, of either server."""

    name = "causeway"

    def __init__(self, folder, cpus, client_cpus):
        self.folder, self._client_cpus = folder, client_cpus
        self.process = Process("link-server", [native.tool("links"), "serve", folder], folder, cpus=cpus)
        wait_for(lambda: self.process.log().strip(), 5)
        self.port = int(self.process.log().split()[0])

    def shake_hands(self, mode, seconds):
        """Count and seconds of connections."""
        seen = _client(self, "handshakes", self.folder, self.port, mode, seconds)
        if mode == "resumed" and seen["resumed"] != seen["count"]:
            raise RuntimeError(f"{seen['resumed']} of {seen['count']} were resumed")
        return seen["count"], seen["seconds"]

    def download(self, path, size):
        return _client(self, "download", self.folder, self.port, path, size)["seconds"]


class _OpenSsl(_Ours):
    """openssl s_server and s_time, which verify both sides' chains too; the large reply is read by the same client as of ours, which
    is faster than s_client."""

    name = "openssl"

    def __init__(self, folder, cpus, client_cpus):
        self.folder, self._client_cpus, self.port = folder, client_cpus, free_port()
        (folder / "small").write_text("ok\n")
        self.process = Process("s_server", ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-tls1_3", "-alpn", _ALPN,
                                            "-cert", "server.leaf", "-key", "server.key", "-cert_chain", "server.issuer",
                                            "-CAfile", "client.authorities", "-Verify", 3, "-verify_return_error", "-WWW", "-quiet"],
                               folder, cpus=cpus)
        self.process.wait_ready(lambda: accepts(self.port))

    def shake_hands(self, mode, seconds):
        words = ["taskset", "-c", self._client_cpus, "openssl", "s_time", "-connect", f"127.0.0.1:{self.port}", "-tls1_3",
                 "-cert", "client.leaf", "-key", "client.key", "-CAfile", "server.authorities", "-verify", 3,
                 "-www", "/small", "-time", seconds, "-reuse" if mode == "resumed" else "-new"]
        begin = time.monotonic()  # it counts whole seconds itself
        done = subprocess.run([str(word) for word in words], cwd=self.folder, capture_output=True, text=True, timeout=600)
        seconds = time.monotonic() - begin
        count = re.search(r"(\d+) connections in \d+ real seconds, (\d+) bytes", done.stdout)
        # a t in place of an r is a connection that was not resumed; the first is not counted
        if not count or int(count.group(2)) == 0 or (mode == "resumed" and "t" in re.sub(r"[^rt*]", "", done.stdout.split("starting")[1].split("\n")[1])):
            raise RuntimeError(f"s_time: {done.stdout[-500:]} {done.stderr[-500:]}")
        return int(count.group(1)), seconds


def _client(server, mode, *words):
    argv = ["taskset", "-c", server._client_cpus, native.tool("links"), mode, *words]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"bench_links {mode}: {done.stderr}")
    return native.json.loads(done.stdout)


def link_tls(bench):
    """Handshakes a second, full and resumed, beside s_time; a large reply over a link's connection beside s_server."""
    size = (64 if bench.options.quick else 1024) << 20
    rate = {mode: Series(f"handshakes of a link, {mode}, one after the other", "1/s") for mode in ("full", "resumed")}
    cost = {mode: Series(f"CPU of the server per handshake, {mode}", "us", False) for mode in rate}
    speed, spent = Series(f"{size >> 20} MiB over a link's connection", "MB/s"), Series("CPU of the server per GB over a link", "s", False)
    folder = bench.folder / "link_tls"
    folder.mkdir()
    bench.stop_relays()
    subprocess.run([str(native.tool("links")), "identities", str(folder)], check=True)
    with open(folder / f"large-{size}", "wb") as large:
        os.truncate(large.fileno(), size)
    servers = [kind(folder, bench.relay_cpus, bench.other_cpus) for kind in (_Ours, _OpenSsl)]
    # the same client as of ours, which verifies the chain each time, tells the servers apart from the clients
    ways = [(server.name, server, server.shake_hands) for server in servers]
    ways.append(("s_server", servers[1], functools.partial(_Ours.shake_hands, servers[1])))
    try:
        for _ in range(bench.options.rounds):
            for name, server, shake_hands in bench.random.sample(ways, len(ways)):
                for mode in rate:
                    before = server.process.cpu_seconds()
                    count, seconds = shake_hands(mode, bench.options.seconds)
                    rate[mode].add(name, count / seconds)
                    cost[mode].add(name, (server.process.cpu_seconds() - before) / count * 1e6)
            for server in bench.random.sample(servers, 2):
                before = server.process.cpu_seconds()
                speed.add(server.name, size / 1e6 / server.download(f"/large-{size}", size))
                spent.add(server.name, (server.process.cpu_seconds() - before) / (size / 1e9))
    finally:
        for server in servers:
            server.process.stop()
    entries = [series.entry("causeway", "openssl") for series in (*rate.values(), *cost.values(), speed, spent)]
    return [*entries, *(series.entry("causeway", "s_server") for series in (*rate.values(), *cost.values()))]
