# SPDX-License-Identifier: Apache-2.0
"""A partner that objects are placed at, and that lies about them: what it says is believed only as far as it is evidence, and why a copy
is missing is told."""

import os
import re
import shutil
import time
import unittest

from kit import dag, link_wire as wire, relay, settings
from kit.link_holder import CAR_TYPE, Holder, answer, head, position, take
from kit.link_org import Org
from kit.link_owner import draw_ulid
from kit.process import wait_for
from hostile_case import MIB, HostileCase, Members


def refuse(status, problem, message="no"):
    """A lie in the place of an answer to a request for bytes."""
    def lie(holder, held, request, reader, channel):
        take(request, reader)
        return answer(channel, status, wire.print_message("error", {"error": problem, "message": message}))

    return lie


def say(body, status=200):
    def lie(holder, held, request, reader, channel):
        take(request, reader)
        return answer(channel, status, body)

    return lie


class HolderCase(HostileCase):
    def setUp(self):
        super().setUp()
        self.holder = Holder(self.peer)

    def place(self, size=20000, **lies) -> dict:
        """A member's object, and its row once there is one: {cid, id, ...}."""
        self.holder.lies = lies
        cid = self.add(os.urandom(size))
        self.assertTrue(wait_for(lambda: self.row_of(cid), 5, 0.05), self.gateway.log_text()[-3000:])
        return self.row_of(cid)

    def row_of(self, cid) -> dict:
        return next((row for row in self.rows("--all") if row["cid"] == cid and row["role"] == "owner"), {})

    def wait_why(self, row, pattern, states, seconds=8) -> dict:
        """The row, once it is in one of the states and says so."""
        def is_so():
            found = self.row(row["id"])
            return found.get("state") in states and re.search(pattern, found["why"])

        wait_for(is_so, seconds, 0.1)
        found = self.row(row["id"])
        self.assertIn(found["state"], states, found)
        self.assertRegex(found["why"], pattern)
        self.assertFalse(found["counts"], found)
        return found

    def unpin(self, row):
        """The partner is honest again, and lets go of it."""
        self.holder.lies = {}
        self.assertEqual(self.call(f"pin/rm?arg={row['cid']}")[0], 200)
        self.wait_row(row["id"], ("released", "lost", "refused"))


class Receipts(HolderCase):
    def test_an_honest_holder_is_believed(self):
        row = self.place()
        self.assertTrue(self.wait_row(row["id"], ("placed",))["counts"])
        self.assertEqual(self.held("ours_there"), (1, row["bytes"], 0))
        self.assertEqual([given["root"] for given in self.holder.reserved][-1:], [row["cid"]])
        self.unpin(row)

    def test_false_receipts(self):
        row = self.place(receipt=lambda holder, held: None)
        held = self.wait_held(row)
        self.wait_row(row["id"], ("committing",))
        other = Org("beta.example")
        forged = {
            "another root": (409, {"root": dag.cid_of(b"other")}), "other bytes": (409, {"bytes": held.bytes - 1}),
            "more bytes": (409, {"bytes": held.bytes + 1}), "another allocation": (400, {"id": draw_ulid()}),
            "another link": (400, {"link": draw_ulid()}), "another owner": (400, {"owner": "gamma.example"}),
            "another holder": (400, {"holder": "gamma.example"}), "another epoch": (400, {"epoch": self.peer.epoch + 1}),
            "another version": (400, {"v": 2}), "the key of somebody else": (400, {"signing": other.signing}),
            "another context": (400, {"context": b"causeway link 1\0"}), "before the key": (400, {"at": 1000}),
            "a key that is none": (400, {"key": "x" * 26}), "a text for a number": (400, {"bytes": str(held.bytes)}),
            "no signature": (400, {"item": {"signature": "m"}}), "a signature of nothing": (400, {"item": {"signature": wire.print_bytes(bytes(64))}}),
            "no receipt": (400, {"item": {"receipt": "m"}}), "what is no text": (400, {"item": {"receipt": 5}}),
            "two thousand bytes": (400, {"item": {"receipt": wire.print_bytes(bytes(2000))}}),
            "what is left out": (400, {"item": {"receipt": None}}),
        }
        for name, (status, changes) in forged.items():
            with self.subTest(name):
                before = self.items_refused()
                said = self.holder.tell_receipt(held, **changes)
                self.assertEqual(said["status"], status, said)
                self.assertEqual(self.items_refused(), before + 1)
                self.assertNotEqual(self.row(row["id"])["state"], "placed")
                self.assertFalse(self.row(row["id"])["counts"])
        never = type(held)(draw_ulid(), {"root": row["cid"], "bytes": held.bytes})
        self.let_lines_flow()
        said = self.holder.tell_receipt(never)
        self.assertEqual(said["status"], 404)
        self.assert_logged(self.gateway, f"allocation.receipt .item {said['key']}. refused to beta with 404")
        self.assertEqual(self.row(never.id), {})
        self.assertEqual(self.held("ours_there")[:2], (0, 0))
        self.assertEqual(self.holder.tell_receipt(held)["status"], 200)
        self.assertEqual(self.wait_row(row["id"], ("placed",))["state"], "placed")
        self.unpin(row)

    def wait_held(self, row):
        self.assertTrue(wait_for(lambda: row["id"] in self.holder.held and self.holder.held[row["id"]].is_committed, 20), self.row(row["id"]))
        return self.holder.held[row["id"]]

    def test_a_receipt_before_the_bytes(self):
        row = self.place(position=refuse(503, "later"))
        self.wait_why(row, "tried again", ("transferring",))
        held = self.holder.held[row["id"]]
        said = self.holder.tell_receipt(held, bytes=row["bytes"], blocks=1)
        self.assertEqual(said["status"], 409, said)
        self.assert_logged(self.gateway, "allocation.receipt.* refused to beta with 409")
        self.assertFalse(self.row(row["id"])["counts"])
        self.unpin(row)

    def test_a_storm_of_evictions(self):
        """What is evicted does not come again at once, however often it is evicted."""
        def evict(holder, held):
            holder.send_receipt(held)
            holder.evict(held.id)

        with Members(self) as members:
            rows = [self.place(receipt=evict) for _ in range(5)]
            time.sleep(3)
        self.assertEqual(members.failures, [])
        cids = {row["cid"] for row in rows}
        asked = [given for given in self.holder.reserved if given["root"] in cids]
        self.assertEqual(len(asked), len(rows), "placed anew again and again")
        for row in rows:
            self.assertIn("the disk is wanted", self.row(row["id"])["why"])
            waits = next(one for one in self.rows() if one["cid"] == row["cid"] and one["state"] == "stuck")
            self.assertEqual(waits["reason"], "evicted", waits)
            self.assertRegex(waits["why"], "not sent again at once")
        for _ in range(4):  # of what is evicted already, and of what never was there
            items = [("allocation.evict", {"id": id, "reason": "evicted", "said": "x"}) for id in [rows[0]["id"], draw_ulid()] * 25]
            self.assertEqual([said["status"] for said in self.holder.owner.ask(items)], [200, 404] * 25)
        self.let_lines_flow()
        self.holder.lies = {}
        for row in rows:
            self.assertEqual(self.call(f"pin/rm?arg={row['cid']}")[0], 200)
        self.assertTrue(wait_for(lambda: self.held("ours_there") == (0, 0, 0), 10), self.rows())


class Space(HolderCase):
    """Yes, and then no."""

    def test_what_it_says_of_room(self):
        def reserve(status, given=None, said="no room for you"):
            return lambda holder, held, asked: (status, given, said)

        stuck = {
            "no": (dict(reserve=reserve(507)), "no room for you"),
            "forbidden": (dict(reserve=reserve(403)), "no room for you"),
            "yes and then no": (dict(put=refuse(507, "later", "full after all")), "full after all"),
            "yes and then forbidden": (dict(put=refuse(403, "stranger", "not you")), "not you"),
            "what was sent is bad": (dict(put=refuse(400, "data", "I do not like it")), "I do not like it"),
            "what was sent is too much": (dict(put=refuse(413, "too_large", "too much")), "too much"),
            "a commitment that is refused": (dict(commit=lambda *_: (403, None, "not any more")), "not any more"),
        }
        for name, (lies, said) in stuck.items():
            with self.subTest(name):
                row = self.place(**lies)
                found = self.wait_why(row, said, ("stuck",))
                self.assertIsNotNone(found["retry"])
                self.assertIn(said, self.command("pin", "status", row["cid"]))
                self.assertEqual(self.held("ours_there"), (0, 0, 0), "nothing is charged for it")
                self.unpin(row)


class Grants(HolderCase):
    def test_a_grant_that_is_told_and_not_kept(self):
        """What they tell of their grant holds against us, never for us."""
        row = self.place(reserve=lambda holder, held, asked: (507, {"grant": {"bytes": 10, "pins": 1 << 50, "max_object": 1 << 50}}, "ten bytes"))
        self.wait_why(row, "ten bytes", ("stuck",))
        cid = self.add(os.urandom(20000))
        self.assertTrue(wait_for(lambda: cid in self.command("pin", "ls", "--stuck"), 10, 0.2), "nobody says that it finds no room")
        self.assertEqual(len([given for given in self.holder.reserved if given["root"] == cid]), 0)


class Positions(HolderCase):
    def test_positions_that_cannot_be(self):
        """Each is an answer to where they are, or to what was sent."""
        answers = {
            "beyond the end": position((1 << 53) - 1, False), "below nothing": b'{"position":-1,"whole":false}',
            "beyond all numbers": b'{"position":99999999999999999999999,"whole":false}', "no object": b"[]", "deep": b"[" * 100000, "whole beyond the end": position(10 ** 9, True),
            "a mebibyte": b'{"position":0,"whole":false,"more":"' + b"x" * MIB + b'"}',
            "two mebibytes": b'{"position":0,"whole":false,"more":"' + b"x" * (2 * MIB) + b'"}',
        }
        self.throw(answers, "position", ("a mebibyte",))

    def test_what_is_said_of_what_was_sent(self):
        answers = {"whole beyond the end": position(10 ** 9, True), "nothing": b"", "back to the start": position(0, False), "half of it": b'{"position":1'}
        self.throw(answers, "put", ())

    def throw(self, answers, where, fine):
        rss = self.gateway.process.rss()
        with Members(self) as members:
            for name, body in answers.items():
                with self.subTest(name):
                    row = self.place(**{where: say(body)})
                    if name in fine:
                        self.wait_row(row["id"], ("placed",))
                    else:
                        self.wait_why(row, "tried again in", ("transferring",))
                    self.unpin(row)
        self.assertEqual(members.failures, [])
        self.assert_memory(rss, 48 * MIB)

    def test_words_that_would_do_something_to_a_terminal(self):
        evil = 'x\x1b[2Jx"\n' + "time=2026-01-01T00:00:00.000Z level=error forged" + "\u202e" + "y" * 5000
        row = self.place(position=say(wire.print_message("error", {"error": "later", "message": evil}), 403))
        self.wait_why(row, "forged", ("stuck",))
        for text in (self.command("allocation", "list"), self.command("pin", "status", row["cid"]), self.gateway.log_text()):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\ntime=2026-01-01", text)
        self.unpin(row)


class ReadBack(HolderCase):
    """Two partners hold what is lost here: one lies, the other has it."""

    orgs = ("beta.example", "gamma.example")
    want = 3

    def setUp(self):
        super().setUp()
        self.holders = {partner: Holder(peer) for partner, peer in self.peers.items()}
        self.holder = self.holders["beta"]

    def lose(self, size):
        """A member's object that is at both partners, and lost here."""
        content = os.urandom(size)
        cid = self.add(content)
        self.assertTrue(wait_for(lambda: self.placed(cid) == {"beta", "gamma"}, 15, 0.1), (self.rows(), self.gateway.log_text()[-2000:]))
        relay.stop_well(self.gateway)
        shutil.rmtree(self.gateway.folder / "data" / "blocks")
        self.gateway.start()
        for partner in self.peers:
            self.assertEqual(self.gateway.wait_state(partner, "active"), "active")
        return cid, content

    def placed(self, cid):
        return {row["partner"] for row in self.rows() if row["cid"] == cid and row["state"] == "placed"}

    def unplaced(self, cids):
        """Those that one of both does not hold, and all that is known of them."""
        return {name: [row for row in self.rows() if row["cid"] == cid] for name, cid in cids.items() if self.placed(cid) != {"beta", "gamma"}}

    def answers(self):
        """What a holder may say in the place of the object: each a name and a lie."""
        other = self.other = dag.tree([os.urandom(1000)])
        return {
            "another object": lambda held: other.car(),
            "a corrupt block": lambda held: dag.header(held.root) + dag.section(held.blocks[0][0], b"x" * len(held.blocks[0][1])),
            "a foreign block": lambda held: dag.header(held.root) + dag.section(*other.blocks[1]),
            "more than all": lambda held: dag.Object(held.blocks).car() + dag.section(*other.blocks[1]),
            "all of it twice": lambda held: dag.Object(held.blocks).car() + dag.section(*held.blocks[0]),
            "nothing": lambda held: b"",
            "a header alone": lambda held: dag.header(held.root),
            "half of it": lambda held: dag.Object(held.blocks).car()[:-100],
            "no CAR": lambda held: b"<html>" * 1000,
            "sections of length zero": lambda held: dag.header(held.root) + bytes(1 << 20),
        }

    def test_a_holder_that_lies_is_found_out_and_the_other_is_asked(self):
        names = self.answers()
        cids = {}
        content = {}
        for name in names:
            content[name] = os.urandom(20000)
            cids[name] = self.add(content[name])
        self.assertTrue(wait_for(lambda: all(self.placed(cid) == {"beta", "gamma"} for cid in cids.values()), 30, 0.2), self.unplaced(cids))
        self.lose(20000)
        rss = self.gateway.process.rss()
        for name, lie in names.items():
            with self.subTest(name):
                def give(holder, held, request, reader, channel, lie=lie):
                    reader.body(request)
                    return answer(channel, 200, lie(held), CAR_TYPE)

                self.holder.lies = {"get": give}
                self.assertEqual(self.call(f"cat?arg={cids[name]}"), (200, content[name]))
        self.assert_memory(rss, 64 * MIB)
        self.assert_logged(self.gateway, "could not be brought back from partner beta")
        self.assertFalse(self.is_on_disk(self.other.blocks[1][1][:24]))
        self.assertFalse(self.is_on_disk(b"x" * 1000))
        self.assertTrue(all(name.endswith(".back") for name in self.inbox()), "what came right may be gone on from")

    def test_nothing_is_served_that_no_holder_has(self):
        """Both lie: the member is told so, and nothing of what they sent is here."""
        cid, content = self.lose(20000)
        mark = os.urandom(24)

        def give(holder, held, request, reader, channel):
            reader.body(request)
            return answer(channel, 200, dag.header(held.root) + dag.section(held.blocks[0][0], mark + bytes(len(held.blocks[0][1]) - 24)), CAR_TYPE)

        for holder in self.holders.values():
            holder.lies = {"get": give}
        status, said = self.call(f"cat?arg={cid}")
        self.assertIn(status, (502, 504), said)
        self.assertFalse(self.is_on_disk(mark))
        self.assertEqual(self.gateway.metric(r'causeway_link_transfers_total\{what="fetched",end="bad"\}') > 0, True)
        for holder in self.holders.values():
            holder.lies = {}
        self.assertEqual(self.call(f"cat?arg={cid}"), (200, content))

    @unittest.skipUnless(settings.is_full(), "in the full tier: 30 s pass before a silent partner is given up")
    def test_holders_that_are_silent_or_trickle(self):
        cid, content = self.lose(20000)

        def stall(holder, held, request, reader, channel):
            reader.body(request)
            channel.sendall(head(200, CAR_TYPE, 100000))
            for _ in range(90):
                channel.sendall(b"x" if holder is self.holder else b"")
                time.sleep(1)

        for holder in self.holders.values():
            holder.lies = {"get": stall}
        began = time.monotonic()
        status, said = self.call(f"cat?arg={cid}", seconds=120)
        self.assertEqual(status, 504, said)
        self.assertLess(time.monotonic() - began, 45)


if __name__ == "__main__":
    unittest.main()
