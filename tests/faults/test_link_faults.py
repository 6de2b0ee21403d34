# SPDX-License-Identifier: Apache-2.0
"""Real gateways whose network fails between them: what each says of the link is true within three heartbeats, and the link comes back by
itself; a member notices nothing."""

import time
import unittest

from kit import link_gateway, network, relay, settings
from kit.case import RelayCase
from kit.client import Client, post
from kit.figures import report
from kit.hindrance import Hindrance
from kit.process import wait_for
from link_watch import MISSED_S, Watch

_SLACK_S = 3  # the polls' own
in_full = unittest.skipUnless(settings.is_full(), "in the full tier")
_BACK_S = 60  # the longest pause of the breaker after half a minute, and a heartbeat


class LinkFaultCase(RelayCase):
    relay_kinds = ("causeway",)
    limit_seconds = 900

    def start_gateway(self, org, **options):
        gateway = link_gateway.LinkGateway(self.folder, org, **options)
        self.processes.append(gateway.process)
        self.addCleanup(relay.stop_well, gateway)
        return gateway

    def watch(self, *sides):
        watch = Watch(*sides)
        self.addCleanup(watch.close)
        self.assertLess(watch.wait("active", 30), 30, watch.changes)
        return watch

    def assert_degraded_in_time(self, watch, name):
        seconds = watch.wait("degraded", MISSED_S + 2 * _SLACK_S)
        self.assertLess(seconds, MISSED_S + _SLACK_S, watch.changes)
        report(f"links say degraded after: {name}", round(seconds, 1), "s", f"<= {MISSED_S}")

    def assert_back(self, watch, name):
        seconds = watch.wait("active", _BACK_S)
        self.assertLess(seconds, _BACK_S, watch.changes)
        report(f"links are active again after: {name}", round(seconds, 1), "s")

    def assert_true(self, watch):
        self.assertEqual(watch.lies, [])


class Namespaces(LinkFaultCase):
    """Two gateways on machines of their own."""

    def setUp(self):
        super().setUp()
        try:
            self.network = network.Network(2)
        except (network.NoNamespaces, OSError) as why:
            self.skipTest(f"no network namespaces: {why}")
        self.addCleanup(self.network.close)
        self.gateways = [self.start_gateway(f"{name}.example", host=machine.address, port=9501, wrapper=machine.words)
                         for name, machine in zip(("alpha", "beta"), self.network.machines)]
        link_gateway.link_two(*self.gateways)
        self.watching = self.watch((self.gateways[0], "beta"), (self.gateways[1], "alpha"))

    def check(self, name, hinder, heal):
        hinder()
        self.assert_degraded_in_time(self.watching, name)
        heal()
        self.assert_back(self.watching, name)
        self.assert_true(self.watching)

    def test_a_black_hole_between_them(self):
        one, other = self.network.machines

        def hinder():
            self.network.drop(one, other)
            self.network.drop(other, one)

        self.check("a black hole", hinder, self.network.heal)

    @in_full
    def test_a_wire_that_is_pulled(self):
        self.check("a wire pulled", self.network.machines[1].unplug, self.network.machines[1].plug)

    @in_full
    def test_a_hole_in_one_direction(self):
        self.check("a hole in one direction", lambda: self.network.drop(*self.network.machines), self.network.heal)


class Hindered(LinkFaultCase):
    """Two gateways, each of which the other reaches through a forwarder alone."""

    def start_two(self, **hindrance):
        self.hindrances, gateways = [], []
        for name in ("alpha", "beta"):
            port = link_gateway.free_port()
            way = Hindrance(port, seed=settings.seed(), **hindrance)
            self.addCleanup(way.close)
            self.hindrances.append(way)
            gateways.append(self.start_gateway(f"{name}.example", port=port, advertise=way.address))
        return gateways

    def link_and_watch(self, gateways):
        link_gateway.link_two(*gateways)
        return self.watch((gateways[0], "beta"), (gateways[1], "alpha"))

    def test_single_bytes_do_no_harm(self):
        gateways = self.start_two(piece=1)
        watching = self.link_and_watch(gateways)
        time.sleep(MISSED_S / 3 + 1)  # a heartbeat
        self.assertEqual(set(watching.states.values()), {"active"}, watching.changes)
        self.assertGreater(sum(way.connections for way in self.hindrances), 0)
        self.assert_true(watching)

    @in_full
    def test_answers_a_second_late_do_no_harm(self):
        gateways = self.start_two(delay_s=0.2)
        watching = self.link_and_watch(gateways)
        for way in self.hindrances:
            way.delay_s = 0.5
        time.sleep(MISSED_S / 2)
        self.assertEqual(set(watching.states.values()), {"active"}, watching.changes)
        self.assert_true(watching)

    @in_full
    def test_connections_that_are_lost_are_made_anew(self):
        """One in four pieces is a connection's last: some heartbeats come through, and nothing that is said is untrue."""
        gateways = self.start_two()
        watching = self.link_and_watch(gateways)
        for way in self.hindrances:
            way.loss = 0.25
            way.cut()
        time.sleep(MISSED_S)
        self.assertTrue(any(way.lost for way in self.hindrances))
        for way in self.hindrances:
            way.loss = 0.0
        self.assert_back(watching, "a quarter of all pieces lost")
        self.assert_true(watching)

    def test_silence_in_the_middle_of_connections(self):
        gateways = self.start_two()
        watching = self.link_and_watch(gateways)
        for way in self.hindrances:
            way.is_silent = True
        self.assert_degraded_in_time(watching, "silence")
        self.assert_members_notice_nothing(gateways[0])
        for way in self.hindrances:
            way.is_silent = False
        self.assert_back(watching, "silence")
        self.assert_true(watching)

    def assert_members_notice_nothing(self, gateway):
        """Calls are answered at once while a partner is silent."""
        began = time.monotonic()
        for _ in range(50):
            client = Client(gateway.port)
            self.assertIn(client.ask(post("/api/v0/version")).status, (200, 401, 403))
        self.assertLess(time.monotonic() - began, 5)

    @in_full
    def test_a_peer_that_dies_and_one_that_is_killed_come_back(self):
        gateways = self.start_two()
        watching = self.link_and_watch(gateways)
        gateways[1].kill()
        began = time.monotonic()
        self.assertTrue(wait_for(lambda: watching.states["alpha.example"] == "degraded", MISSED_S + _SLACK_S))
        report("a link says degraded after: the peer's kill -9", round(time.monotonic() - began, 1), "s", f"<= {MISSED_S}")
        gateways[1].start()
        self.assert_back(watching, "the peer's kill -9")
        self.assert_true(watching)


if __name__ == "__main__":
    unittest.main()
