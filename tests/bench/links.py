# SPDX-License-Identifier: Apache-2.0
"""What links cost: members of a gateway whose partners are black holes beside members of one without partners; and a thousand links."""

import selectors
import socket
import threading
import time

from comparison import Series
from kit import members, native
from kit.link_gateway import LinkGateway
from kit.link_org import Org
from kit.link_peer import Peer
from kit.process import wait_for
from kit.tls_channel import Context

_ORG = "alpha.example"
_HOLES = 8
_PAIRS = 20


def links(bench):
    """Members' p99 with partners that are black holes; memory and idle CPU of a thousand links."""
    bench.stop_relays()
    return [*_beside_black_holes(bench), *_many(bench)]


class Fleet:
    """Peers that one thread listens for, since a thousand threads that wait are a thousand stacks."""

    def __init__(self, folder, count):
        self.peers = [Peer(folder, Org(f"partner-{number}.example")) for number in range(count)]
        self._selector, self._is_closed = selectors.DefaultSelector(), False
        for peer in self.peers:
            peer._listener = socket.create_server((peer.host, 0), backlog=8)
            peer.port = peer._listener.getsockname()[1]
            peer._context = Context(*peer.files(), is_server=True)
            self._selector.register(peer._listener, selectors.EVENT_READ, peer)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._is_closed:
            for key, _ in self._selector.select(0.2):
                try:
                    sock, _ = key.fileobj.accept()
                except OSError:
                    continue
                threading.Thread(target=key.data._serve, args=(sock,), daemon=True).start()

    def link(self, gateway):
        """All of them pending, then confirmed by both; each beats from then on."""
        threading.stack_size(256 * 1024)
        for number, peer in enumerate(self.peers):
            partner = f"partner-{number}"
            invitation = members.ask_operators(gateway, "/link/invite", partner=partner)["invitation"]
            answer = peer.join(invitation)
            if answer.status != 200:
                raise RuntimeError(f"{partner} could not join: {answer}")
            members.ask_operators(gateway, "/link/confirm", partner=partner, words=peer.words)
            peer.confirmed = True
            peer.beat()
        wait_for(lambda: self.active(gateway) == len(self.peers), 60, 0.5)

    def active(self, gateway):
        return int(gateway.metric(r'causeway_links\{.*state="active"'))

    def black_hole(self):
        for peer in self.peers:
            peer.is_mute = True
            peer._stopped.set()  # it beats no more
            peer.cut()

    def close(self):
        self._is_closed = True
        for peer in self.peers:
            peer.close()


def _beside_black_holes(bench):
    """Pairs, in an order of chance, so that what else the machine does falls on both."""
    pairs = _PAIRS if bench.options.rounds > 1 else 3
    series = Series(f"members' p99 at 500 requests/s, {_HOLES} partners that are black holes", "us", False)
    options = dict(upstream_port=bench.sink.port, has_policy=False, workers=bench.options.workers, cpus=bench.relay_cpus)
    fleet = Fleet(bench.folder, _HOLES)
    gateways = {"causeway": LinkGateway(bench.folder, _ORG, **options), "without links": LinkGateway(bench.folder, "beta.example", **options)}
    try:
        fleet.link(gateways["causeway"])
        fleet.black_hole()
        wait_for(lambda: fleet.active(gateways["causeway"]) == 0, 60, 0.5)
        for _ in range(pairs):
            for name, gateway in bench.random.sample(list(gateways.items()), 2):
                seen = native.Load(gateway.port, rate=500, seconds=bench.options.seconds, connections=16, cpus=bench.other_cpus).wait()
                if seen["failed"]:
                    raise RuntimeError(f"{name}: {seen}")
                series.add(name, max(seen["p99_us"], 1))
    finally:
        fleet.close()
        for gateway in gateways.values():
            gateway.stop()
    return [series.entry("causeway", "without links", "<= 1.1")]


def _many(bench):
    """Resident memory and idle CPU that each link adds; all are active, heartbeats go both ways."""
    count, seconds = (50, 10) if bench.options.quick else (1000, 60)
    memory, cpu = (Series(f"{name} with {count:,} links", unit, False) for name, unit in (("memory", "MiB"), ("idle CPU", "% of a processor")))
    gateway = LinkGateway(bench.folder, _ORG, upstream_port=bench.sink.port, has_policy=False, workers=bench.options.workers, limits={})
    fleet = Fleet(bench.folder, count)
    try:
        for name in ("without links", "causeway"):
            if name == "causeway":
                fleet.link(gateway)
                if fleet.active(gateway) < count:
                    raise RuntimeError(f"{fleet.active(gateway)} of {count} links are active")
            before = gateway.process.cpu_seconds()
            time.sleep(seconds)
            cpu.add(name, max((gateway.process.cpu_seconds() - before) / seconds * 100, 0.01))
            memory.add(name, gateway.process.rss() / (1 << 20))
    finally:
        fleet.close()
        gateway.stop()
    return [memory.entry("causeway", "without links"), cpu.entry("causeway", "without links")]
