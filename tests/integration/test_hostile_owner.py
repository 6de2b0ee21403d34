# SPDX-License-Identifier: Apache-2.0
"""A partner that places objects here and breaks every promise: what it sends is refused and explained, and of what was refused nothing
is stored, charged or told."""

import base64
import time
import unittest

from kit import dag, dag_bombs, link_wire as wire, settings
from kit.link_owner import Owner, answer_of, begin_put, chunk, draw_ulid
from kit.process import wait_for
from hostile_case import MIB, HostileCase, Members, marked, some_object

RSS_MORE = 48 * MIB


class Bytes(HostileCase):
    """What comes in bodies."""

    def setUp(self):
        super().setUp()
        self.owner.release(self.owner.place(some_object()[0]))  # what is allocated once is not what is measured
        self.assert_nothing_left()
        self.rss = self.gateway.process.rss()

    def throw(self, bombs):
        with Members(self) as members:
            for bomb in bombs:
                with self.subTest(bomb.name):
                    self.throw_one(bomb)
        self.assertEqual(members.failures, [])
        self.assertGreater(len(members.times), 5)
        self.assert_memory(self.rss, RSS_MORE)

    def throw_one(self, bomb):
        id, reserved = self.owner.reserve(bomb.thing, size=bomb.size, blocks=bomb.blocks)
        self.assertEqual(reserved["status"], 200, reserved)
        before = self.transfers("received", bomb.end)
        self.assert_problem(self.owner.put(id, bomb.body, headers=bomb.headers), bomb.status, bomb.problem, bomb.said)
        self.assertEqual(self.transfers("received", bomb.end), before + 1)
        row = self.wait_row(id, ("gone",))
        self.assertEqual(row["reason"], "bad-data", row)
        self.assertRegex(row["why"], bomb.said)
        self.assert_nothing_left(*bomb.marks)
        self.assertEqual(self.owner.position(id).status, 410)
        again = self.owner.commit(id, bomb.thing)
        self.assertEqual((again["status"], again["with"]["is_over"]), (410, True), again)

    def test_blocks_that_are_not_the_objects(self):
        self.throw(dag_bombs.wrong_blocks())

    def test_streams_that_are_no_car_of_the_object(self):
        self.throw(dag_bombs.wrong_streams())

    def test_bombs(self):
        self.throw(dag_bombs.bombs())

    def test_marks_are_found_where_they_are_stored(self):
        """What the other tests say is nowhere would be seen if it were somewhere."""
        thing, marks = some_object()
        id = self.owner.place(thing)
        self.wait_row(id, ("pinned",))
        self.assertTrue(all(self.is_on_disk(mark) for mark in marks))
        self.assertEqual(self.held(), (1, thing.bytes, 0))
        read = self.owner.read(id)
        self.assertEqual(dag.read_car(read.body), ([thing.root], thing.blocks))
        self.owner.release(id)
        self.assert_nothing_left()

    def test_fewer_bytes_than_were_promised_are_not_kept(self):
        thing, marks = some_object()
        id, _ = self.owner.reserve(thing, size=thing.bytes + 1)
        self.assertEqual(self.owner.put(id, thing.car()).status, 200)
        self.assertEqual(self.wait_row(id, ("gone",))["reason"], "bad-data")
        self.assertEqual(self.owner.commit(id, thing)["status"], 410)
        self.assert_nothing_left(*marks)

    def test_a_dag_that_multiplies_is_walked_once(self):
        thing = dag.doubling(60)
        began = time.monotonic()
        id = self.owner.place(thing)
        self.wait_row(id, ("pinned",))
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.owner.release(id)["status"], 200)
        self.assert_nothing_left()

    def test_a_body_without_end_is_cut_at_what_was_reserved(self):
        thing, marks = some_object(1, 4 * MIB)
        id, _ = self.owner.reserve(thing)
        endless = (thing.car() if n == 0 else dag.section(*thing.blocks[1]) for n in range(200))
        self.assert_problem(self.owner.put(id, endless), 413, "too_large", "reserved")
        self.assert_nothing_left(*marks)

    def test_what_came_before_a_cut_stays_and_the_rest_goes_on_behind_it(self):
        thing, _ = some_object(20, 20000)
        id, _ = self.owner.reserve(thing)
        connection = self.peer.connect()
        begin_put(connection, id)
        connection.channel.sendall(chunk(thing.car(upto=10)))
        wait_for(lambda: self.transfers("received", "broken") > 0, 0.3)
        connection.close()
        wait_for(lambda: self.owner.position(id).json == {"position": 10, "whole": False}, 5)
        self.assertEqual(self.owner.position(id).json, {"position": 10, "whole": False})
        self.assert_problem(self.owner.put(id, thing.car()), 409, "position", "10 blocks of it here, not 0")
        self.assert_problem(self.owner.put(id, thing.car(skip=11), at=11), 409, "position")
        self.assert_problem(self.owner.put(id, thing.car(skip=10), at=(1 << 64) - 1), 409, "position")
        self.assertEqual(self.owner.put(id, thing.car(skip=10), at=10).json, {"position": 21, "whole": True})
        self.owner.release(id)
        self.assert_nothing_left()

    def test_two_bodies_of_one_id_at_once(self):
        thing, _ = some_object(10, 20000)
        id, _ = self.owner.reserve(thing)
        first, second = self.peer.connect(), self.peer.connect()
        begin_put(first, id)
        first.channel.sendall(chunk(thing.car(upto=5)))
        time.sleep(0.3)
        self.assert_problem(self.owner.put(id, thing.car(), connection=second), 429, "busy")
        first.channel.sendall(chunk(thing.car(skip=5)[len(dag.header(thing.root)):]) + b"0\r\n\r\n")
        self.assertEqual(answer_of(first).json, {"position": 11, "whole": True})
        self.owner.release(id)
        self.assert_nothing_left()

    def test_a_release_ends_the_body_that_is_coming(self):
        thing, marks = some_object(10, 20000)
        id, _ = self.owner.reserve(thing)
        connection = self.peer.connect()
        begin_put(connection, id)
        connection.channel.sendall(chunk(thing.car(upto=5)))
        time.sleep(0.2)
        self.assertEqual(self.owner.release(id)["status"], 200)
        self.assertEqual(answer_of(connection).status, 410)
        self.assert_nothing_left(*marks)

    @unittest.skipUnless(settings.is_full(), "in the full tier: a body may pause for 30 s")
    def test_bodies_that_stall_or_trickle_are_cut(self):
        thing, marks = some_object(10, 20000)
        for name, trickle in (("nothing", b""), ("a byte a second", b"\0"), ("heads of chunks alone", None)):
            with self.subTest(name):
                id, _ = self.owner.reserve(thing)
                connection = self.peer.connect(seconds=60)
                begin_put(connection, id, length=thing.bytes if trickle is not None else None)
                began = time.monotonic()
                for at in range(60):
                    try:
                        connection.channel.sendall(trickle if trickle is not None else b"0" if at < 16 else b"1")
                    except OSError:
                        break
                    if connection.channel.is_cut(1):
                        break
                self.assertLess(time.monotonic() - began, 45)
                self.owner.release(id)
                self.assert_nothing_left(*marks)


class Items(HostileCase):
    """What is asked for."""

    def refused(self, answer, status, said="."):
        """A result's status and message; the log has it too."""
        self.assertEqual(answer["status"], status, answer)
        self.assertRegex(answer.get("message", ""), said)
        self.assert_logged(self.gateway, f"{status}.*{said}")

    def test_more_than_is_granted(self):
        thing, _ = some_object()
        for size in (49 * MIB, (1 << 53) - 1):
            id, answer = self.owner.reserve(thing, size=size)
            self.refused(answer, 507, "more than the .* granted for one object")
            self.assertEqual(self.row(id), {})
        first, answer = self.owner.reserve(thing, size=40 * MIB)
        self.assertEqual(answer["status"], 200, answer)
        self.assertEqual(answer["with"]["grant"], {"bytes": 64 * MIB, "pins": 40, "max_object": 48 * MIB})
        id, answer = self.owner.reserve(thing, size=30 * MIB)
        self.refused(answer, 507, "pass the 67108864 bytes granted, of which 41943040 are used")
        self.assert_problem(self.owner.put(id, thing.car()), 404, "unknown")
        self.assertEqual(self.held(), (0, 0, 1))
        self.owner.release(first)
        self.assert_nothing_left()

    def test_a_thousand_reservations_without_bytes(self):
        """As many as are granted hold room, for an hour at most; they are gone when they are released."""
        thing, _ = some_object()
        ids = [draw_ulid() for _ in range(1000)]
        given = [("allocation.reserve", {"id": id, "root": thing.cid, "bytes": 1000, "blocks": 0, "mode": "recursive"}) for id in ids]
        answers = [answer for at in range(0, 1000, 50) for answer in self.owner.ask(given[at:at + 50])]
        self.assertEqual([answer["status"] for answer in answers], [200] * 40 + [507] * 960)
        self.assertRegex(answers[-1]["message"], "all 40 pins granted are used")
        self.assertEqual(self.held(), (0, 0, 40))
        row = self.row(ids[0])
        self.assertEqual((row["state"], row["role"]), ("reserved", "holder"))
        for at in range(0, 1000, 50):
            self.owner.ask([("allocation.release", {"id": id}) for id in ids[at:at + 50]])
        self.assert_nothing_left()
        self.let_lines_flow()

    def carry(self, thing, car, **changes):
        """Reserved with a CAR that goes along."""
        text = car if isinstance(car, str) else "m" + base64.b64encode(car).decode().rstrip("=")
        return self.owner.reserve(thing, car=text, **changes)

    def test_what_goes_along_with_its_reservation(self):
        thing, marks = some_object()
        id, answer = self.carry(thing, bytes(thing.car()))
        self.assertEqual(answer["status"], 202, answer)
        self.wait_row(id, ("pinned",))
        self.assertEqual(self.held(), (1, thing.bytes, 0))
        self.assertEqual(dag.read_car(self.owner.read(id).body), ([thing.root], thing.blocks))
        self.assertEqual(self.inbox(), [])
        self.owner.release(id)
        self.assert_nothing_left()

    def test_what_goes_along_and_is_not_the_object(self):
        thing, marks = some_object()
        other, others = some_object()
        large, _ = some_object(count=10)
        car = bytes(thing.car())
        broken = car[:-5] + bytes([car[-5] ^ 1]) + car[-4:]
        for bad in (bytes(other.car()), broken, car[:-1], bytes(thing.car(upto=2)), car + car, b"", "m!!", "xyz"):
            id, answer = self.carry(thing, bad)
            self.refused(answer, 400, "car")
            self.assertEqual(self.row(id), {})
        for size in (thing.bytes - 1, thing.bytes + 1):
            self.refused(self.carry(thing, car, size=size)[1], 400, "car")
        self.refused(self.carry(large, bytes(large.car()))[1], 400, "car.*8192")
        self.refused(self.carry(thing, car, blocks=2)[1], 400, "blocks")
        self.assert_nothing_left(*marks, *others)

    def test_replays(self):
        """The same item, the same key with something else, a body again, another epoch."""
        thing, _ = some_object()
        other, _ = some_object()
        key, settled = draw_ulid(), self.owner.settled
        id, first = self.owner.reserve(thing, key=key)
        self.owner.settled = settled
        self.assertEqual(self.owner.reserve(thing, id=id, key=key)[1], first)
        self.owner.settled = settled
        self.assertEqual(self.owner.reserve(other, id=id, key=key)[1]["status"], 410)
        self.assertEqual(self.owner.reserve(thing, id=id, key=key)[1]["status"], 410, "it was settled")
        self.refused(self.owner.reserve(other, id=id)[1], 409)
        self.assertEqual(self.owner.reserve(thing, id=id)[1]["status"], 200)
        self.assertEqual(self.held(), (0, 0, 1), "charged once")
        self.refused(self.owner.commit(id, thing), 409, "not all of it is here")
        answers = [self.owner.put(id, thing.car(), at=at) for at in (0, 0, 4)]
        self.assertEqual([answer.json for answer in answers], [{"position": 4, "whole": True}] * 3)
        self.refused(self.owner.commit(id, thing, bytes=thing.bytes + 1), 400)
        self.refused(self.owner.commit(id, thing, blocks=3), 400)
        self.assertEqual(self.owner.commit(id, thing)["status"], 202)
        self.wait_row(id, ("pinned",))
        self.assertEqual(self.owner.put(id, thing.car()).json, {"position": 4, "whole": True})
        self.assertEqual(self.owner.reserve(thing, id=id)[1]["status"], 200)
        self.assertEqual(self.owner.reserve(other, id=id)[1]["status"], 409)
        self.assertEqual(self.held(), (1, thing.bytes, 0))
        with self.assertRaisesRegex(AssertionError, "410|behind"):
            self.owner.ask([("allocation.release", {"id": id})], epoch=self.peer.epoch + 1)
        self.assertEqual(self.row(id)["state"], "pinned")
        self.assertEqual(self.owner.release(id)["status"], 200)
        self.wait_row(id, ("gone",))
        self.assertEqual(self.owner.reserve(thing, id=id)[1]["status"], 410)
        self.assert_problem(self.owner.put(id, thing.car()), 410, "gone")
        self.assertEqual(self.owner.read(id).status, 404)
        self.assert_nothing_left()

    def test_objects_that_come_along_and_lie(self):
        """In a reservation's `car`: refused, and nothing is reserved."""
        tried = 0
        for bomb in [*dag_bombs.wrong_blocks(), *dag_bombs.wrong_streams()]:
            if not isinstance(bomb.body, bytes) or len(bomb.body) > 8192:
                continue
            with self.subTest(bomb.name):
                id, answer = self.owner.reserve(bomb.thing, size=bomb.size, blocks=bomb.blocks, car=wire.print_bytes(bomb.body))
                self.refused(answer, 400, "car")
                self.assertEqual(self.row(id), {})
                tried += 1
        self.assertGreater(tried, 20)
        thing, marks = some_object()
        large, _ = some_object(20)
        for given in (5, "", "m", "m!!", wire.print_bytes(bytes(2000)), wire.print_bytes(thing.car(upto=2)), wire.print_bytes(thing.car()[:-1])):
            answer = self.owner.reserve(thing, car=given)[1]
            self.assertEqual(answer["status"], 400, (given, answer))
        self.assertEqual(self.peer.batch([(draw_ulid(), "allocation.reserve", {"id": draw_ulid(), "root": large.cid, "bytes": large.bytes, "blocks": 0,
                                           "mode": "recursive", "car": wire.print_bytes(large.car())})]).status // 100 in (2, 4), True)
        self.assert_nothing_left(*marks)
        id, answer = self.owner.reserve(thing, car=wire.print_bytes(thing.car()))
        self.assertEqual(answer["status"], 202, answer)
        self.assertEqual(self.owner.put(id, thing.car()).status, 200)
        self.wait_row(id, ("pinned",))
        self.assertEqual(self.held(), (1, thing.bytes, 0))
        self.owner.release(id)
        self.assert_nothing_left()

    def test_items_that_say_nothing_sensible(self):
        thing, _ = some_object()
        id = draw_ulid()
        good = {"id": id, "root": thing.cid, "bytes": 10, "blocks": 0, "mode": "recursive"}
        for changes in ({"id": "x"}, {"id": 7}, {"id": id.upper()}, {"root": 5}, {"root": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG"},
                        {"root": "b"}, {"root": dag.print_cid(dag.inline_cid(bytes(1000)))}, {"bytes": -1}, {"bytes": "10"}, {"blocks": -1},
                        {"bytes": 1 << 60}, {"mode": "direct"}, {"mode": None}):
            with self.subTest(changes=changes):
                self.assertEqual(self.owner.ask([("allocation.reserve", {**good, **changes})])[0]["status"], 400)
        for action in ("reserve", "commit", "release", "receipt", "evict"):
            self.assertEqual(self.owner.ask([(f"allocation.{action}", None)])[0]["status"], 400, action)
        self.assertEqual(self.owner.ask([("allocation.burn", good)])[0]["status"], 404)
        self.assert_nothing_left()
        self.assertEqual(self.row(id), {})
        self.let_lines_flow()


class Others(HostileCase):
    """What belongs to another partner, or to nobody, cannot be told apart, and cannot be touched."""

    orgs = ("beta.example", "gamma.example")

    def setUp(self):
        super().setUp()
        self.other = Owner(self.peers["gamma"])
        self.thing, self.marks = some_object()
        self.theirs = self.other.place(self.thing)
        self.wait_row(self.theirs, ("pinned",))
        self.half, _ = self.other.reserve(some_object()[0])
        self.addCleanup(lambda: [self.other.release(id) for id in (self.theirs, self.half)])

    def whole_answer(self, method, path):
        """Everything that comes, but for what differs between any two answers."""
        connection = self.peer.connect()
        body = b"PUT" == method.encode() and self.thing.car() or b""
        began = time.monotonic()
        framing = f"Content-Length: {len(body)}\r\n" if method == "PUT" else ""
        connection.channel.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n".encode() + body)
        message = connection.reader.reply()
        connection.reader.body(message)
        took = time.monotonic() - began
        connection.close()
        return (message.status, sorted(header for header in message.headers if header[0] not in ("date", "x-request-id")), bytes(message.body)), took

    def test_what_is_there_is_answered_as_what_is_not(self):
        nobodys = draw_ulid()
        for method, path in (("GET", "{}"), ("GET", "{}/blocks?from=0"), ("GET", "{}/blocks?from=3"), ("PUT", "{}/blocks?from=0")):
            answers, times = {}, {}
            for name, id in (("pinned", self.theirs), ("reserved", self.half), ("nobody's", nobodys)):
                found = [self.whole_answer(method, f"/link/v1/allocations/{path.format(id)}") for _ in range(5)]
                answers[name], times[name] = found[0][0], sorted(took for _, took in found)[2]
                self.assertEqual(len({repr(one) for one, _ in found}), 1, found)
            self.assertEqual(answers["pinned"][0], 404)
            self.assertEqual(answers["pinned"], answers["nobody's"])
            self.assertEqual(answers["reserved"], answers["nobody's"])
            self.assertLess(max(times.values()), 5 * min(times.values()) + 0.02, times)

    def test_items_about_them_are_answered_as_those_about_nothing(self):
        nobodys = draw_ulid()

        def said(action, id, **given):
            answer = self.owner.do(action, id=id, **given)
            return {name: answer[name] for name in answer if name != "key"}

        for action, given in (("commit", {"bytes": self.thing.bytes, "blocks": 4}), ("release", {}), ("evict", {"reason": "evicted", "said": "x"})):
            self.assertEqual(said(action, self.theirs, **given), said(action, nobodys, **given), action)
        self.assertEqual(self.row(self.theirs)["state"], "pinned")
        self.assertEqual(self.other.read(self.theirs).status, 200)

    def test_an_id_that_another_partner_uses_is_this_links_own(self):
        """Reserving it says nothing, takes nothing, gives nothing."""
        id, answer = self.owner.reserve(self.thing, id=self.theirs)
        fresh, other = self.owner.reserve(self.thing)
        self.assertEqual({**answer, "key": ""}, {**other, "key": ""})
        self.assertEqual(self.owner.position(id).json, {"position": 0, "whole": False})
        self.assertEqual(self.owner.read(id).status, 404)
        self.assertEqual(self.owner.commit(id, self.thing)["status"], 409)
        for one in (id, fresh):
            self.assertEqual(self.owner.release(one)["status"], 200)
        self.assertTrue(wait_for(lambda: self.held() == (0, 0, 0), 5))
        self.assertEqual(self.other.read(self.theirs).status, 200)
        self.assertEqual(self.gateway.show("gamma")["holds"]["theirs_here"],
                         {"objects": 1, "bytes": self.thing.bytes, "under_way": 1})

    def test_only_the_links_own_partner_is_heard(self):
        """The certificate says whose it is: a member's object, read as if it were an allocation, is nobody's."""
        cid = self.add(b"a member's own")
        for path in (cid, f"{cid}/blocks?from=0", "", "/", f"{self.theirs}/blocks", f"{self.theirs}/blocks?from=-1", f"{self.theirs}/blocks?from=0&x=1",
                     f"{self.theirs}/../{self.theirs}"):
            self.assertEqual(self.owner.get(f"/link/v1/allocations/{path}").status, 404, path)
        stranger = self.start_peer("delta.example")
        answer = stranger.connect(address=self.gateway.partners_address).ask("GET", f"/link/v1/allocations/{self.theirs}")
        self.assertEqual((answer.status, answer.problem), (403, "stranger"))


if __name__ == "__main__":
    unittest.main()
