# SPDX-License-Identifier: Apache-2.0
"""Links of real gateways with each other and with the second implementation: from nothing to active, and to the end."""

import time
import unittest

from kit import relay
from kit.link_gateway import Refused, link_two
from kit.process import wait_for
from link_case import LinkCase

_LINK = "01jd0000000000000000000000"


class TwoImplementations(LinkCase):
    def test_the_other_one_joins_confirms_and_stays_active(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer)
        self.assertTrue(wait_for(lambda: peer.their_levels["state"] == "active", 15), peer.their_levels)
        self.assertTrue(wait_for(lambda: peer.heard_at is not None, 15), "the gateway sends heartbeats too")
        end = time.monotonic() + 12  # more than one heartbeat of the gateway's
        while time.monotonic() < end:
            self.assertEqual(gateway.state(partner), "active", gateway.show(partner))
            time.sleep(0.5)
        self.assertGreaterEqual([path for _, path, status in peer.heard if status == 200].count("/link/v1/heartbeat"), 2)
        self.assertIsNone(peer.ended)

    def test_the_other_one_invites_and_the_gateway_joins(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        gateway.link("join", peer.invite(_LINK), "--as", "beta")
        self.assertEqual(gateway.words("beta"), peer.words)
        self.assertEqual(peer.their_address, gateway.partners_address)
        gateway.link("confirm", "beta", *peer.words.split())
        peer.confirmed = True
        peer.beat(1)
        self.assertEqual(gateway.wait_state("beta", "active"), "active", gateway.show("beta"))

    def test_the_gateway_tells_the_other_one_that_it_is_over(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer)
        gateway.link("revoke", partner)
        self.assertTrue(wait_for(lambda: peer.ended is not None, 10))
        self.assertEqual((peer.ended["cause"], peer.ended["epoch"]), ("revoked", 1))

    def test_the_other_one_says_that_it_is_over(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer, beats=False)
        self.assertEqual(peer.heartbeat().status, 200)
        self.assertEqual(peer.end().status, 200)
        self.assertEqual(gateway.wait_state(partner, "revoked", seconds=5), "revoked")
        self.assert_logged(gateway, "has ended the link")

    def test_what_nobody_serves_is_answered_once_and_for_all(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        self.link(gateway, peer)
        key = "01jd0000000000000000000002"
        answer = peer.batch([(key, "nothing", {"a": 1})])
        self.assertEqual((answer.status, answer.json["results"][0]["status"]), (200, 404), answer)
        again = peer.batch([(key, "nothing", {"a": 1})])
        self.assertEqual(again.json["results"], answer.json["results"])
        other = peer.batch([(key, "nothing", {"a": 2})])
        self.assertEqual(other.json["results"][0]["status"], 410, other)

    def test_a_restored_one_is_isolated_until_both_hold_the_same_to_be_true(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer)
        peer.restore()
        self.assertEqual(gateway.wait_state(partner, "isolated", seconds=15), "isolated")
        self.assertEqual(gateway.wait_state(partner, "active"), "active", gateway.show(partner))
        self.assertFalse(peer.isolated)
        self.assertIn(("POST", "/link/v1/statement", 200), peer.heard)

    def test_workers_of_clients_have_no_part_in_it(self):
        """300 heartbeats wake the partners' worker and control each time, and the clients' worker no more than its own clock does."""
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer, beats=False)
        peer.heartbeat()
        self.assertEqual(gateway.wait_state(partner, "active", seconds=15), "active")
        time.sleep(0.5)  # a change of state cuts
        connection, before, began = peer.connect(), gateway.process.wakeups(), time.monotonic()
        for _ in range(300):
            self.assertEqual(peer.heartbeat(connection=connection).status, 200)
        seconds, after = time.monotonic() - began, gateway.process.wakeups()
        woken = {name: count - before.get(name, 0) for name, count in after.items()}
        self.assertGreaterEqual(woken["partners"], 300, woken)
        self.assertLess(woken["worker-1"], 20 + 8 * seconds, woken)

    def test_new_roots_are_followed_and_old_ones_are_not_taken_back(self):
        gateway, peer = self.start_gateway(), self.start_peer()
        partner = self.link(gateway, peer, beats=False)
        before, next_root = peer.org.roots_document, peer.org.make_root()
        peer.org.roots_number += 1
        peer.org.roots_document = peer.org.make_roots(next_roots=[next_root])
        self.assertEqual(peer.send_roots().status, 200)
        self.assertEqual(gateway.show(partner)["roots"]["theirs"], peer.org.roots_number)
        answer = peer.send_roots(before, peer.org.roots_number - 1)
        self.assertEqual((answer.status, answer.problem), (409, "old_roots"))
        self.assertEqual(peer.heartbeat().status, 200)


class RealGateways(LinkCase):
    def test_two_from_nothing_to_active_by_two_commands_a_side(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        began = time.monotonic()
        link_two(alpha, beta)
        self.assertLess(time.monotonic() - began, 60)
        for gateway, partner in ((alpha, "beta"), (beta, "alpha")):
            shown = gateway.show(partner)
            self.assertLess(shown["evidence"]["heard_ms"], 30000)
            self.assertLess(shown["evidence"]["acked_ms"], 30000)

    def test_three_in_a_triangle_and_one_side_ends_alone(self):
        alpha, beta, gamma = (self.start_gateway(f"{name}.example") for name in ("alpha", "beta", "gamma"))
        for one, other in ((alpha, beta), (beta, gamma), (gamma, alpha)):
            link_two(one, other)
        alpha.link("revoke", "beta")
        self.assertEqual(beta.wait_state("alpha", "revoked", seconds=15), "revoked")
        self.assertEqual([alpha.state("gamma"), beta.state("gamma"), gamma.state("alpha"), gamma.state("beta")], ["active"] * 4)

    def test_words_that_differ_confirm_nothing(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        beta.link("join", alpha.invite("beta"), "--as", "alpha")
        words = alpha.words("beta").split()
        words[2] = "zoo" if words[2] != "zoo" else "able"
        with self.assertRaisesRegex(Refused, "not the words"):
            alpha.link("confirm", "beta", *words)
        self.assertEqual(alpha.state("beta"), "pending")

    def test_they_are_linked_again_after_a_restart_of_both(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(alpha, beta)
        for gateway in (alpha, beta):
            relay.stop_well(gateway)
            gateway.start()
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"))
        alpha.kill()
        alpha.start()
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"))

    def test_suspended_and_resumed_both_sides_say_so(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(alpha, beta)
        alpha.link("suspend", "beta")
        self.assertEqual((alpha.state("beta"), beta.wait_state("alpha", "suspended", seconds=15)), ("suspended", "suspended"))
        with self.assertRaisesRegex(Refused, "only they can resume"):
            beta.link("resume", "alpha")
        alpha.link("resume", "beta")
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"))

    def test_one_that_cannot_be_dialled_is_linked_and_says_so(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example", advertise="127.0.0.1:9")
        said = beta.link("join", alpha.invite("beta"), "--as", "alpha")
        self.assertRegex(said, "dial")
        words = alpha.words("beta").split()
        alpha.link("confirm", "beta", *words)
        beta.link("confirm", "alpha", *words)
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"),
                         (alpha.show("beta"), beta.show("alpha")))


if __name__ == "__main__":
    unittest.main()
