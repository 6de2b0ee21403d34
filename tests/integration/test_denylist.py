# SPDX-License-Identifier: Apache-2.0
"""The denylist: by multihash, in whatever form a CID comes, for what is named and for what paths lead to; at once."""

import base64
import json
import threading
import time

from kit import settings
from kit.process import wait_for
from kit.upstream import answer
from member_case import MemberCase
from rpc_case import CID, CID_V0, multipart, read_target

DENIED = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
BINARY = base64.b32decode(DENIED[1:].upper() + "=" * (-len(DENIED[1:]) % 8))


def forms():
    """The same multihash as CIDs of other codecs and bases, and as CIDv0."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, v0 = int.from_bytes(BINARY[2:], "big"), ""
    while number:
        number, digit = divmod(number, 58)
        v0 = alphabet[digit] + v0
    yield v0
    for codec in (0x55, 0x70, 0x71):
        binary = bytes([1, codec]) + BINARY[2:]
        yield "f" + binary.hex()
        yield "b" + base64.b32encode(binary).decode().lower().rstrip("=")
        yield "u" + base64.urlsafe_b64encode(binary).decode().rstrip("=")


class Denylist(MemberCase):
    def setUp(self):
        super().setUp()
        self.target = f"/ipfs/{CID}"  # what every path leads to
        self.start_with_policy(script=self.script)
        self.reader, self.writer = self.token("reader"), self.token("writer")

    def script(self, peer, request):
        if "/resolve?" not in request.target:
            return answer(peer, request)
        peer.read_body(request)
        peer.reply(json.dumps({"Path": self.target}).encode() + b"\n")
        return True

    def deny(self, cid=DENIED, *options):
        self.command("deny", "add", cid, *options)

    def test_every_form_of_the_cid_is_denied(self):
        other = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
        self.assertEqual(self.ask_as(self.reader, f"/api/v0/cat?arg={DENIED}").status, 200)
        self.deny(DENIED, "--reason", "court order 7")
        self.received()
        for form in forms():
            with self.subTest(form):
                reply = self.ask_as(self.reader, f"/api/v0/cat?arg={form}")
                self.assert_refused(reply, 410, form, "denylist", "court order 7")
                self.assertEqual(self.ask_as(self.reader, f"/api/v0/block/get?arg=/ipfs/{form}/a/b").status, 410)
                self.assertEqual(self.ask_as(self.writer, f"/api/v0/pin/add?arg={form}").status, 410)
        self.assert_nothing_went_upstream()
        self.assertEqual(self.ask_as(self.reader, f"/api/v0/cat?arg={other}").status, 200)

    def test_it_holds_within_a_second_and_ends_as_soon(self):
        self.deny()
        began = time.monotonic()
        self.assertTrue(wait_for(lambda: self.ask_as(self.reader, f"/api/v0/cat?arg={DENIED}").status == 410, 5))
        self.assertLess(time.monotonic() - began, settings.within(1))
        self.command("deny", "rm", next(forms()))
        self.assertTrue(wait_for(lambda: self.ask_as(self.reader, f"/api/v0/cat?arg={DENIED}").status == 200, settings.within(1)))
        self.assertEqual(self.command("deny", "rm", DENIED, check=False).returncode, 1)

    def test_what_a_path_leads_to_is_denied(self):
        self.deny()
        for arg in (f"/ipfs/{CID_V0}/a", f"/ipld/{CID_V0}/a", "/ipns/docs.example"):
            with self.subTest(arg):
                self.target = f"/ipfs/{CID_V0}"
                self.assertEqual(self.ask_as(self.reader, f"/api/v0/cat?arg={arg}").status, 200)
                self.target = f"/ipfs/{DENIED}"
                self.upstream.forget()
                self.assert_refused(self.ask_as(self.reader, f"/api/v0/cat?arg={arg}"), 410, "denylist")
                self.assertFalse([target for target in self.received() if "/cat?" in target])

    def test_one_of_many_arguments_is_enough_also_in_a_body(self):
        self.deny()
        self.assert_refused(self.ask_as(self.reader, f"/api/v0/cat?arg={CID_V0}&arg={DENIED}"), 410, DENIED)
        kind, body = multipart(("file", "stdin", f"{CID_V0}\n{DENIED}\n".encode()))
        self.assert_refused(self.ask_as(self.reader, "/api/v0/cat", content_type=kind, body=body), 410, DENIED)
        self.assert_nothing_went_upstream()

    def test_what_is_denied_can_be_let_go_of(self):
        self.deny()
        self.assertNotEqual(self.ask_as(self.writer, f"/api/v0/pin/rm?arg={DENIED}").status, 410)
        self.assertNotEqual(self.ask_as(self.writer, f"/api/v0/pin/ls?arg={DENIED}").status, 410)

    def test_the_list_is_shown(self):
        self.deny(DENIED, "--reason", "court order 7")
        self.deny(CID_V0)
        lines = [json.loads(line) for line in self.command("deny", "list", "--json").stdout.splitlines()]
        self.assertEqual([line["reason"] for line in lines if line["cid"] == DENIED], ["court order 7"])
        self.assertEqual(len(lines), 2)
        self.assertIn("court order 7", self.command("deny", "list").stdout)
        self.command("deny", "rm", CID_V0)
        self.assertEqual(len(self.command("deny", "list", "--json").stdout.splitlines()), 1)

    def test_the_audit_log_has_the_change_and_the_refusals(self):
        self.deny(DENIED, "--reason", "court order 7")
        self.ask_as(self.reader, f"/api/v0/cat?arg={DENIED}")
        found = lambda **fields: [line for line in self.audit() if all(line.get(name) == value for name, value in fields.items())]  # noqa: E731
        self.assertTrue(wait_for(lambda: found(command="cat", decision="deny", rule="denylist"), 3), self.audit())
        self.assertTrue(found(command="deny/add"))
        self.assertIn(["reason", "court order 7"], found(command="deny/add")[0]["options"])

    def test_what_is_no_cid_is_refused(self):
        self.assertIn("no CID", self.command("deny", "add", "nonsense", check=False).stderr)

    def test_lists_change_under_load_and_nothing_else_is_denied(self):
        stop, wrong = threading.Event(), []

        def read():
            while not stop.is_set():
                reply = self.ask_as(self.reader, f"/api/v0/cat?arg={CID_V0}")
                if reply.status != 200:
                    wrong.append(reply.text())

        reading = threading.Thread(target=read)
        reading.start()
        for _ in range(5):
            self.deny()
            self.command("deny", "rm", DENIED)
        stop.set()
        reading.join()
        self.assertEqual(wrong, [])
        self.assertEqual(read_target(self.received()[0])[0], "/api/v0/cat")
