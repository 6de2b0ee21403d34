# SPDX-License-Identifier: Apache-2.0
"""The base of tests with a gateway that has links, and the second implementation beside it."""

import re

from kit import link_gateway, relay
from kit.case import RelayCase
from kit.link_org import Org
from kit.link_peer import Peer
from kit.process import wait_for


class LinkCase(RelayCase):
    relay_kinds = ("causeway",)

    def start_gateway(self, org="alpha.example", **options) -> link_gateway.LinkGateway:
        gateway = link_gateway.LinkGateway(self.folder, org, **options)
        self.processes.append(gateway.process)
        self.addCleanup(relay.stop_well, gateway)
        return gateway

    def start_peer(self, org="beta.example", **options) -> Peer:
        """Organization or its name."""
        peer = Peer(self.folder, Org(org) if isinstance(org, str) else org, **options).listen()
        self.addCleanup(peer.close)
        return peer

    def link(self, gateway, peer, *, beats=True):
        """Active; returns what the gateway calls the peer."""
        partner = link_gateway.link_peer(gateway, peer)
        peer.their_address = gateway.partners_address
        if beats:
            peer.beat(1)
            self.assertEqual(gateway.wait_state(partner, "active"), "active", gateway.show(partner))
        return partner

    def assert_refused(self, gateway, answer, status, problem, *, rule=None, said="."):
        """The peer is told the problem and why; the gateway's log says the same, and the rule if one is named."""
        self.assertEqual((answer.status, answer.problem), (status, problem), answer)
        self.assertRegex(answer.json["message"], said)
        self.assert_logged(gateway, re.escape(answer.json["message"]))
        if rule:
            self.assert_logged(gateway, f"{status} {rule}")

    def assert_logged(self, gateway, pattern):
        self.assertTrue(wait_for(lambda: re.search(pattern, gateway.log_text()), 5), f"'{pattern}' is not in\n{gateway.log_text()[-2000:]}")
