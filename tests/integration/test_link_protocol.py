# SPDX-License-Identifier: Apache-2.0
"""The golden files of the link protocol, read and written by the second implementation; and two of it that speak with each other."""

import pathlib
import shutil
import tempfile
import time
import unittest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from kit import cbor, link_wire as wire, settings
from kit.link_org import Org, Roots
from kit.link_peer import Peer
from kit.process import wait_for

_LINK = "01jd0000000000000000000000"


def _golden(name):
    return (settings.root() / "tests/unit/federation/golden" / name).read_bytes()


def _lines(name):
    return _golden(name).decode().splitlines()


class GoldenFiles(unittest.TestCase):
    def test_messages_are_read_and_printed_the_same(self):
        for kind, number in [*((kind, 1) for kind in wire.MEMBERS), ("statement", 2), ("heartbeat", 2)]:
            with self.subTest(kind, number=number):
                body = _golden(f"{kind}-{number}.json").rstrip(b"\n")
                self.assertEqual(wire.print_message(kind, wire.read_message(kind, body)), body)

    def test_the_invitation_is_read_and_printed_the_same(self):
        text, link, epoch, org, root, addresses, secret, expires = _lines("invitation-1.txt")
        invitation = wire.Invitation.read(text)
        self.assertEqual([invitation.link, str(invitation.epoch), invitation.org, invitation.root.hex(), " ".join(invitation.addresses),
                          invitation.secret.hex(), str(invitation.expires_ms)], [link, epoch, org, root, addresses, secret, expires])
        self.assertEqual(invitation.print(), text)
        with self.assertRaisesRegex(ValueError, "damaged"):
            wire.Invitation.read(text[:-20] + "a" + text[-19:])

    def test_the_proof_and_the_words_are_made_the_same(self):
        secret, link, exporter, inviter, joiner, proof = _lines("proof-1.txt")
        self.assertEqual(wire.prove(*map(bytes.fromhex, [secret]), link, *map(bytes.fromhex, [exporter, inviter, joiner])).hex(), proof)
        link, epoch, org, root, other, other_root, exporter, words = _lines("words-1.txt")
        self.assertEqual(wire.words_of(link, int(epoch), (org, bytes.fromhex(root)), (other, bytes.fromhex(other_root)),
                                       bytes.fromhex(exporter)), words)

    def test_the_roots_document_is_pinned_and_has_one_spelling(self):
        org, number, root, next_root, _, text = _lines("roots-document-1.txt")
        document = wire.read_bytes(text)
        roots = Roots(document)
        roots.pin(org, bytes.fromhex(root))
        self.assertEqual((roots.number, [hash.hex() for hash in roots.roots]), (int(number), [root, next_root]))
        self.assertEqual(cbor.encode(cbor.decode(document)), document)
        inner = cbor.decode(document)["document"]
        self.assertEqual(cbor.encode(cbor.decode(inner)), inner)
        for at in range(0, len(document), 7):
            with self.assertRaises((ValueError, InvalidSignature, KeyError, TypeError)):
                Roots(document[:at] + bytes([document[at] ^ 1]) + document[at + 1:]).pin(org, bytes.fromhex(root))

    def test_the_signed_header_is_read_printed_and_verified(self):
        for name in ("signed-1.txt", "signed-2.txt"):
            said = wire.read_header(_lines(name)[8].removeprefix("Causeway-Signed: "))
            self.assertEqual(wire.print_header(**said), _lines(name)[8].removeprefix("Causeway-Signed: "))
        body = _golden("batch-1.json").rstrip(b"\n")
        signed = wire.signed_lines("POST", "/link/v1/batch", said["link"], said["epoch"], said["node"], said["sequence"], said["date"], body)
        self.assertEqual(signed, b"causeway link 1\0" + "\n".join([*_lines("signed-2.txt")[:8], ""]).encode())
        key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(_lines("roots-document-1.txt")[4]))
        key.verify(said["signature"], signed)


class TwoOfThem(unittest.TestCase):
    """What the second implementation is worth as a measure: it gets on with itself."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.inviter, self.joiner = (Peer(self.folder, Org(name)).listen() for name in ("alpha.example", "beta.example"))
        self.addCleanup(self.inviter.close)
        self.addCleanup(self.joiner.close)

    def test_they_join_confirm_speak_both_ways_and_end(self):
        self.assertEqual(self.joiner.join(self.inviter.invite(_LINK)).status, 200)
        self.assertEqual(self.joiner.words, self.inviter.words)
        for peer in (self.inviter, self.joiner):
            peer.confirmed = True
            peer.beat(0.1)
        self.assertTrue(wait_for(lambda: all(peer.their_levels and peer.their_levels["state"] == "active" and peer.acked_at
                                             and peer.heard_at for peer in (self.inviter, self.joiner)), 10))
        key = "01jd0000000000000000000002"
        first, again = (self.joiner.batch([(key, "x", {"a": 1})]) for _ in range(2))
        self.assertEqual((first.json["results"], len(self.inviter.items)), (again.json["results"], 1))
        self.assertEqual(self.joiner.end().status, 200)
        self.assertEqual(self.inviter.ended["cause"], "revoked")
        self.assertEqual(self.joiner.heartbeat().status, 410)

    def test_a_relay_between_them_proves_nothing(self):
        """It takes what the joiner says and says it again over a connection of its own."""
        text = self.inviter.invite(_LINK)
        relay = Peer(self.folder, Org("beta.example")).listen()
        self.addCleanup(relay.close)
        heard = []
        relay._let_join = lambda body, channel: (heard.append(body), (503, b"{}", []))[1]
        self.assertEqual(self.joiner.join(text, address=f"127.0.0.1:{relay.port}").status, 503)
        answer = relay.connect(address=f"127.0.0.1:{self.inviter.port}").ask("POST", "/link/v1/join", heard[0])
        self.assertEqual((answer.status, answer.problem), (403, "proof"))

    def test_a_number_used_twice_is_told_the_floor(self):
        self.joiner.join(self.inviter.invite(_LINK))
        self.assertEqual(self.joiner.heartbeat(number=5).status, 200)
        answer = self.joiner.heartbeat(number=5)
        self.assertEqual((answer.status, answer.problem, answer.json["floor"]), (409, "number", 5))
        self.assertEqual(self.joiner.next_number, 6)


if __name__ == "__main__":
    unittest.main()
