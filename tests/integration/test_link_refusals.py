# SPDX-License-Identifier: Apache-2.0
"""What the partner port refuses: the peer is told why, and so is whoever runs the gateway, in the log and in `link show`."""

import socket
import time
import unittest

from kit import link_wire as wire, settings
from kit.http1 import Cut
from kit.link_gateway import Refused
from kit.link_org import DAY, Org
from kit.link_peer import Connection
from kit.process import wait_for
from kit.tls_channel import TLS_1_2, Context
from link_case import LinkCase


class Strangers(LinkCase):
    """Who is not let in, whatever is asked."""

    def setUp(self):
        super().setUp()
        self.gateway, self.peer = self.start_gateway(), self.start_peer()
        self.partner = self.link(self.gateway, self.peer, beats=False)

    def assert_stranger(self, connection, verdict, said):
        answer = connection.ask("GET", "/link/v1/hello")
        self.assert_refused(self.gateway, answer, 403, "stranger", rule=f"stranger:{verdict}", said=said)

    def connect_with(self, **leaf):
        return self.peer.connect(leaf=self.peer.org.make_leaf(**leaf))

    def test_a_stranger(self):
        other = self.start_peer("gamma.example")
        self.assert_stranger(other.connect(address=self.gateway.partners_address), "unknown", "no link with 'gamma.example'")
        self.assertTrue(any(line.get("rule") == "stranger:unknown" for line in self.gateway.audit()), self.gateway.audit())

    def test_a_stranger_who_sends_a_body_is_not_listened_to(self):
        other = self.start_peer("gamma.example")
        connection = other.connect(address=self.gateway.partners_address)
        connection.channel.sendall(b"POST /link/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100000)
        reply = connection.reader.reply()
        self.assertEqual(reply.status, 403)
        self.assertTrue(connection.channel.is_cut(5))

    def test_one_without_a_certificate(self):
        host, _, port = self.gateway.partners_address.rpartition(":")
        try:
            channel = Context().wrap(socket.create_connection((host, int(port))))
            answer = Connection(channel).ask("GET", "/link/v1/hello")
            self.assertEqual((answer.status, answer.problem), (403, "stranger"), answer)
        except (OSError, Cut) as error:  # the handshake may refuse it as well
            self.assertRegex(str(error), "certificate|cut|reset")

    def test_a_wrong_ca_under_the_right_name(self):
        other = Org("beta.example")
        self.assert_stranger(self.peer.connect(leaf=other.leaf, chain=[other.leaf.pem, other.issuer.pem]), "unknown_root", "no root that is known")

    def test_a_leaf_that_the_issuing_ca_did_not_sign(self):
        other = Org("beta.example")
        self.assert_stranger(self.peer.connect(leaf=other.leaf, chain=[other.leaf.pem, self.peer.org.issuer.pem]), "(unknown_root|forged)", ".")

    def test_the_right_ca_and_a_wrong_organization(self):
        self.assert_stranger(self.connect_with(names=["spiffe://gamma.example/gateway/main"]), "unknown", "no link with 'gamma.example'")
        gamma = self.start_peer("gamma.example")
        self.link(self.gateway, gamma, beats=False)
        self.assert_stranger(self.connect_with(names=["spiffe://gamma.example/gateway/main"]), "unknown_root", "no root that is known")

    def test_names_that_are_no_gateways(self):
        for names, said in (([], "names|extension|gateway"), (["spiffe://beta.example/gateway/main", "spiffe://beta.example/gateway/b"], "names"),
                            (["https://beta.example/gateway/main"], "spiffe"), (["spiffe://beta.example/node/main"], "gateway"),
                            (["spiffe://beta.example/gateway/Main"], "node|gateway"), (["spiffe://BETA.example/gateway/main"], "lower|name")):
            if not names:
                continue
            with self.subTest(names):
                self.assert_stranger(self.connect_with(names=names), "malformed", said)

    def test_what_has_expired_or_is_not_valid_yet(self):
        now = time.time()
        self.assert_stranger(self.connect_with(began=now - 8 * DAY, ended=now - 60), "expired", "has expired")
        self.assert_stranger(self.connect_with(began=now + 3600, ended=now + DAY), "not_yet", "clock")

    def test_a_leaf_for_one_side_of_tls_alone(self):
        from cryptography.x509.oid import ExtendedKeyUsageOID
        self.assert_stranger(self.connect_with(uses=[ExtendedKeyUsageOID.CLIENT_AUTH]), "refused", "clients and servers both")

    def test_the_same_name_with_another_root(self):
        """A new organization of the old name: its roots document does not make it the partner, and nobody else's invitation either."""
        impostor = self.start_peer(Org("beta.example"))
        impostor.their_address = self.gateway.partners_address
        impostor.link, impostor.epoch = self.peer.link, self.peer.epoch
        impostor.their_roots, impostor.their_incarnation = self.peer.their_roots, self.peer.their_incarnation
        self.assert_refused(self.gateway, impostor.heartbeat(), 403, "stranger", rule="stranger:unknown_root", said="no root that is known")
        for number in (-1, 0, 1):
            impostor.org.roots_number = self.peer.org.roots_number + number
            if impostor.org.roots_number > 0:
                self.assert_refused(self.gateway, impostor.send_roots(impostor.org.make_roots()), 403, "stranger",
                                    said="no root that was known|is an old one")
        self.assert_refused(self.gateway, impostor.send_roots(self.peer.org.roots_document), 403, "stranger",
                            said="certificate that came with it leads to none of its roots")
        self.assertEqual(self.gateway.show(self.partner)["root"], self.peer.org.root_hash.hex())
        self.assertEqual(self.peer.heartbeat().status, 200)

    def test_tls_1_2_is_refused_and_counted(self):
        with self.assertRaisesRegex(OSError, "protocol version|alert"):
            self.peer.connect(low=TLS_1_2, high=TLS_1_2)
        self.assert_logged(self.gateway, "(?i)tls|protocol version")

    def test_plain_http_is_refused_and_counted(self):
        host, _, port = self.gateway.partners_address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(b"GET /link/v1/hello HTTP/1.1\r\nHost: x\r\n\r\n")
            said = b""
            try:
                while piece := sock.recv(4096):
                    said += piece
            except ConnectionError:
                pass
        self.assertFalse(said.startswith(b"HTTP/1.1 200"), said)
        self.assert_logged(self.gateway, "(?i)tls|handshake")

    def test_another_protocol_of_tls_is_refused(self):
        with self.assertRaises((OSError, Cut)):
            connection = self.peer.connect(alpn=b"h2")
            answer = connection.ask("GET", "/link/v1/hello")
            self.assertEqual(answer.status, 403)
            raise Cut("answered in words")


class Invitations(LinkCase):
    def setUp(self):
        super().setUp()
        self.gateway, self.peer = self.start_gateway(), self.start_peer()

    def join(self, peer, text, **options):
        return peer.join(text, address=self.gateway.partners_address, **options)

    def test_an_invitation_is_used_once(self):
        text, other = self.gateway.invite("beta"), self.start_peer("gamma.example")
        self.assertEqual(self.join(self.peer, text).status, 200)
        self.gateway.invite("delta")  # else the port hears nobody who wants to join
        answer = self.join(other, text)
        self.assertEqual((answer.status, answer.problem), (409, "used"), answer)
        self.assert_logged(self.gateway, answer.json["message"])
        self.assertEqual((self.gateway.state("beta"), self.gateway.show("beta")["org"]), ("pending", "beta.example"))

    def test_who_joined_and_asks_again_is_answered_the_same(self):
        text = self.gateway.invite("beta")
        first, again = self.join(self.peer, text), self.join(self.peer, text)
        self.assertEqual((first.status, first.json["epoch"], first.json["incarnation"]),
                         (again.status, again.json["epoch"], again.json["incarnation"]))

    def test_without_an_invitation_nobody_is_heard(self):
        text = self.gateway.invite("beta")
        self.gateway.link("cancel", "beta")
        answer = self.join(self.peer, text)
        self.assertIn((answer.status, answer.problem), ((403, "stranger"), (410, "gone"), (403, "proof")), answer)
        self.assert_logged(self.gateway, answer.json["message"])

    @unittest.skipUnless(settings.is_full(), "in the full tier: a minute is the shortest that an invitation can be good for")
    def test_one_that_has_run_out(self):
        text = self.gateway.invite("beta", "--ttl", "1m")
        time.sleep(61)
        answer = self.join(self.peer, text)
        self.assertIn((answer.status, answer.problem), ((410, "gone"), (403, "stranger")), answer)
        self.assertIn(self.gateway.state("beta"), ("expired", "invited"))

    def test_the_gateway_does_not_join_by_one_that_has_run_out(self):
        with self.assertRaisesRegex(Refused, "run out"):
            self.gateway.link("join", self.peer.invite("01jd0000000000000000000000", hours=-1))

    def test_a_guessed_secret_proves_nothing_and_ends_nothing(self):
        text = self.gateway.invite("beta")
        invitation = wire.Invitation.read(text)
        invitation.secret = b"x" * 32
        answer = self.join(self.peer, invitation.print())
        self.assertEqual((answer.status, answer.problem), (403, "proof"), answer)
        self.assert_logged(self.gateway, "did not prove")
        self.assertEqual(self.join(self.peer, text).status, 200)

    def test_a_relayed_join(self):
        """Somebody in the middle, whom the joiner dials, says its join again over a connection of its own."""
        text, relay, heard = self.gateway.invite("beta"), self.start_peer("beta.example"), []
        relay._let_join = lambda body, channel: (heard.append(body), (503, b"{}", []))[1]
        self.peer.join(text, address=f"127.0.0.1:{relay.port}")
        answer = relay.connect(address=self.gateway.partners_address).ask("POST", "/link/v1/join", heard[0])
        self.assertEqual((answer.status, answer.problem), (403, "proof"), answer)
        self.assert_logged(self.gateway, "did not prove")
        self.assertEqual(self.gateway.state("beta"), "invited")

    def test_a_join_with_the_roots_of_somebody_else(self):
        text = self.gateway.invite("beta")
        answer = self.join(self.peer, text, roots=wire.print_bytes(Org("beta.example").roots_document))
        self.assertEqual(answer.status, 403, answer)
        self.assertEqual(self.gateway.state("beta"), "invited")

    def test_an_invitation_for_another_organization(self):
        text = self.gateway.invite("beta", "--org", "gamma.example")
        answer = self.join(self.peer, text)
        self.assertEqual(answer.status, 403, answer)
        self.assertRegex(answer.json["message"], "gamma.example|invitation")

    def test_a_join_too_large_or_too_slow(self):
        self.gateway.invite("beta")
        connection = self.peer.connect(address=self.gateway.partners_address)
        self.assertEqual(connection.ask("POST", "/link/v1/join", b"{" + b" " * 20000).status, 413)
        connection = self.peer.connect(address=self.gateway.partners_address, seconds=15)
        connection.channel.sendall(b"POST /link/v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        began = time.monotonic()
        try:
            self.assertEqual(connection.reader.reply().status, 408)
        except (OSError, Cut):
            pass
        self.assertLess(time.monotonic() - began, settings.within(8))

    def test_the_gateway_refuses_to_join_by_a_damaged_or_used_invitation(self):
        text = self.peer.invite("01jd0000000000000000000000")
        with self.assertRaisesRegex(Refused, "missing or changed"):
            self.gateway.link("join", text[:-30] + "a" * 3 + text[-27:])
        self.peer.invitation = None
        with self.assertRaisesRegex(Refused, "used|no such|not let"):
            self.gateway.link("join", text)

    def test_the_gateway_does_not_believe_whoever_answers(self):
        """At the address of the invitation somebody of another root answers that we may join."""
        other = self.start_peer("beta.example")
        text = self.peer.invite("01jd0000000000000000000000")
        other.invite("01jd0000000000000000000000")
        other.invitation.__dict__.update(secret=wire.Invitation.read(text).secret, root=self.peer.org.root_hash)
        invitation = wire.Invitation.read(text)
        invitation.addresses = [f"127.0.0.1:{other.port}"]
        with self.assertRaisesRegex(Refused, "root|not who|impostor|invitation"):
            self.gateway.link("join", invitation.print(), "--as", "beta")
        self.assertNotIn(self.gateway.state("beta"), ("active", "degraded"))


class Messages(LinkCase):
    """Of an accepted peer."""

    def setUp(self):
        super().setUp()
        self.gateway, self.peer = self.start_gateway(), self.start_peer()
        self.partner = self.link(self.gateway, self.peer, beats=False)
        self.assertEqual(self.peer.heartbeat().status, 200)

    def beat(self, **options):
        return self.peer.heartbeat(**options)

    def refused(self, answer, status, problem, said="."):
        self.assert_refused(self.gateway, answer, status, problem, said=said)

    def test_a_replayed_message(self):
        body = wire.print_message("heartbeat", self.peer.levels())
        header = self.peer.sign("POST", "/link/v1/heartbeat", body, number=self.peer.draw_number())
        self.assertEqual(self.peer.send("/link/v1/heartbeat", body, header=header).status, 200)
        answer = self.peer.send("/link/v1/heartbeat", body, header=header)
        self.refused(answer, 409, "number", "used|before|number")
        self.assertGreaterEqual(answer.json["floor"], 0)

    def test_a_reordered_message_changes_nothing(self):
        late, early = self.peer.draw_number(), self.peer.draw_number()
        self.assertEqual(self.beat(number=early).status, 200)
        self.assertEqual(self.beat(number=late, changes={"suspended": True}).status, 200)
        self.assertNotEqual(self.gateway.state(self.partner), "suspended")

    def test_a_message_from_long_ago(self):
        early = self.peer.draw_number()
        self.peer.next_number += 2000
        self.assertEqual(self.beat().status, 200)
        self.refused(self.beat(number=early), 409, "number")

    def test_a_body_that_was_not_signed(self):
        body, other = (wire.print_message("heartbeat", {**self.peer.levels(), "load": load}) for load in (1, 2))
        self.refused(self.peer.send("/link/v1/heartbeat", body, sent_body=other), 403, "signature", "signature")

    def test_the_key_of_somebody_else(self):
        self.refused(self.beat(key=Org("beta.example").signing), 403, "signature", "none of the keys")

    def test_no_signature_or_a_strange_one(self):
        body = wire.print_message("heartbeat", self.peer.levels())
        self.refused(self.peer.send("/link/v1/heartbeat", body, header=""), 403, "signature", "missing")
        good = self.peer.sign("POST", "/link/v1/heartbeat", body, number=self.peer.draw_number())
        self.refused(self.peer.send("/link/v1/heartbeat", body, header=good.replace("link=", "LINK=")), 403, "signature", "link=")
        self.refused(self.peer.send("/link/v1/end", body, header=good), 403, "signature", "signature")

    def test_another_node_than_the_certificate_says(self):
        self.refused(self.beat(node="other"), 403, "signature", "node")

    def test_clocks_that_differ(self):
        answer = self.beat(date=wire.print_date(time.time() - 400))
        self.refused(answer, 400, "date", "clocks")
        self.assertLess(abs(wire.read_date(answer.json["date"]) - time.time()), 30)
        self.assertTrue(wait_for(lambda: abs(self.gateway.show(self.partner)["skew_ms"]) > 300000, 5), self.gateway.show(self.partner))

    def test_a_later_epoch_and_another_link(self):
        self.refused(self.beat(epoch=7), 409, "behind")
        self.refused(self.beat(link="01jd0000000000000000000009"), 409, "behind", "no link")

    def test_an_old_epoch_is_told_its_end(self):
        self.gateway.link("revoke", self.partner)
        old = self.peer.epoch
        answer = self.peer.join(self.gateway.invite(self.partner))
        self.assertEqual((answer.status, answer.json["epoch"]), (200, old + 1), answer)
        answer = self.beat(epoch=old)
        self.assertEqual((answer.status, answer.json["epoch"]), (410, old), answer)
        self.assertEqual(wire.read_header(answer.header)["epoch"], old)

    def test_an_incarnation_for_somebody_else(self):
        """A heartbeat for an incarnation that we are not is answered, and changes nothing; anything else is refused."""
        other = {"to": wire.print_incarnation(self.peer.their_incarnation ^ 1)}
        self.refused(self.peer.batch([("01jd0000000000000000000002", "x", None)], changes=other), 409, "wrong_party")
        self.assertEqual(self.beat(changes={**other, "suspended": True}).status, 200)
        self.assertNotEqual(self.gateway.state(self.partner), "suspended")

    def test_a_restored_peer_is_isolated(self):
        self.peer.incarnation ^= 1
        self.assertEqual(self.beat().status, 200)
        self.assertEqual(self.gateway.wait_state(self.partner, "isolated", seconds=5), "isolated")
        self.refused(self.peer.batch([("01jd0000000000000000000002", "x", None)]), 503, "state")

    def test_what_is_no_message(self):
        connection = self.peer.connect()
        self.refused(self.peer.send("/link/v1/heartbeat", b"{}", connection=connection), 400, "malformed", "missing")
        answer = self.peer.send("/link/v1/heartbeat", b"x" * 5000)
        self.assertEqual((answer.status, answer.problem), (413, "too_large"), answer)
        self.assertEqual(self.peer.send("/link/v1/nothing", b"{}").status, 404)
        self.assertEqual(self.peer.send("/link/v1/heartbeat", b"", method="PUT").status, 404)

    def test_members_that_nobody_knows_are_counted(self):
        body = wire.print_message("heartbeat", self.peer.levels())[:-1] + b',"later":1,"more":{"a":2}}'
        answer = self.peer.send("/link/v1/heartbeat", body)
        self.assertEqual((answer.status, answer.json["ignored"]), (200, 2))


class Revoked(LinkCase):
    def setUp(self):
        super().setUp()
        self.gateway, self.peer = self.start_gateway(), self.start_peer()
        self.partner = self.link(self.gateway, self.peer, beats=False)
        self.peer.heartbeat()
        self.assertEqual(self.gateway.wait_state(self.partner, "active", seconds=15), "active")
        time.sleep(0.5)  # a change of state cuts too

    def test_its_live_sessions_are_cut_within_a_second(self):
        busy, idle = self.peer.connect(), self.peer.connect()
        for connection in (busy, idle):
            self.assertEqual(self.peer.heartbeat(connection=connection).status, 200)
        self.assertFalse(idle.channel.is_cut(0.5), "not before")
        busy.channel.sendall(b"POST /link/v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                             + f"Causeway-Signed: {self.peer.sign('POST', '/link/v1/batch', b'', number=99)}\r\n\r\n".encode() + b"x")
        self.gateway.link("revoke", self.partner)
        began = time.monotonic()
        self.assertTrue(idle.channel.is_cut(3))
        self.assertLess(time.monotonic() - began, settings.within(1.0))
        try:  # who is in the middle of a request is told, and given a second to read it
            self.assertGreaterEqual(busy.reader.reply().status, 400)
        except (OSError, Cut):
            pass
        self.assertLess(time.monotonic() - began, settings.within(1.0))
        self.assertTrue(busy.channel.is_cut(3))
        self.assertLess(time.monotonic() - began, settings.within(2.5))
        self.assert_logged(self.gateway, "revok")

    def test_a_resumed_session_is_no_way_in(self):
        connection = self.peer.connect()
        self.assertEqual(self.peer.heartbeat(connection=connection).status, 200)
        session = connection.channel.session()
        connection.close()
        again = self.peer.connect(session=session)
        self.assertTrue(again.channel.resumed, "the session is worth something before")
        self.assertEqual(self.peer.heartbeat(connection=again).status, 200)
        session = again.channel.session()  # a ticket is used once
        self.gateway.link("revoke", self.partner)
        after = self.peer.connect(session=session)
        self.assertFalse(after.channel.resumed)
        answer = self.peer.heartbeat(connection=after)
        self.assertEqual((answer.status, answer.json["cause"], answer.json["epoch"]), (410, "revoked", self.peer.epoch), answer)

    def test_it_is_told_the_end_whatever_it_says(self):
        self.gateway.link("revoke", self.partner)
        answer = self.peer.batch([("01jd0000000000000000000002", "x", None)])
        self.assertEqual((answer.status, answer.json["cause"]), (410, "revoked"), answer)
        self.peer.check_answer(answer, "/link/v1/batch", self.peer.next_number - 1)
        self.assertIn(self.gateway.state(self.partner), ("revoking", "revoked"))
        self.assertEqual(self.gateway.show(self.partner)["words"] if "words" in self.gateway.show(self.partner) else "", "")


if __name__ == "__main__":
    unittest.main()
