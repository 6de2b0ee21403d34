# SPDX-License-Identifier: Apache-2.0
"""Quotas on what passes by, at limit - 1, limit and limit + 1, with 64 racing clients: never exceeded, and named."""

import concurrent.futures
import json
import signal
import sqlite3
import threading
import time
import urllib.request

from kit import relay
from kit.client import Client
from kit.process import Process, accepts, wait_for
from kit.upstream import answer
from member_case import MemberCase
from rpc_case import CID, multipart

HEAD = """\
version: 1
org: lab.example
groups: {all: {}, staff: {parent: all}}
members: {ann: {groups: [staff]}, ben: {groups: [all]}, eve: {}}
roles: {all: {allow: ["class:tool", "class:read", "class:write", "class:pin"]}}
bind: [{to: "member:*", roles: [all]}]
quotas:
"""
CAT = f"/api/v0/cat?arg={CID}"
ADD = "/api/v0/add"
RACERS = 64


class Quotas(MemberCase):
    def begin(self, *quotas, script=None, **options):
        self.start_with_policy(HEAD + "".join(f"  - {quota}\n" for quota in quotas), script, **options)

    def race(self, ask, count=RACERS):
        """What COUNT clients get that ask at the same time."""
        barrier = threading.Barrier(count)

        def run(number):
            barrier.wait()
            return ask(number)

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    def kill_and_start_again(self, meanwhile=lambda: None):
        process = self.gateway.process
        process.signal(signal.SIGKILL)
        self.assertTrue(wait_for(lambda: not process.is_running(), 5))
        meanwhile()
        self.gateway.process = Process("causeway-again", [relay.causeway_program(), "serve", "--config", self.gateway.config], self.gateway.folder)
        self.gateway.process.wait_ready(lambda: accepts(self.gateway.port))

    def quota_of(self, token):
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.port}/causeway/v1/quota", headers={"Authorization": f"Bearer {token}"})
        return json.loads(urllib.request.urlopen(request, timeout=5).read())


class Requests(Quotas):
    def test_the_burst_passes_and_no_more(self):
        for burst in (RACERS - 1, RACERS, RACERS + 1):
            with self.subTest(burst):
                self.begin(f"{{id: each, scope: each member, requests: {{rate: 1/d, burst: {burst}}}}}", workers=2)
                token = self.token("ann")
                statuses = [reply.status for reply in self.race(lambda _: self.ask_as(token, CAT))]
                self.assertEqual(statuses.count(200), min(burst, RACERS))
                self.assertEqual(statuses.count(429), RACERS - min(burst, RACERS))

    def test_the_refusal_says_which_limit_where_and_when(self):
        self.begin("{id: each, scope: each member, requests: {rate: 1/m, burst: 2}}")
        token = self.token("ann")
        first = self.ask_as(token, CAT)
        self.assertEqual(first.get("ratelimit-policy"), '"each";q=1;w=60')
        self.assertEqual(first.get("ratelimit"), '"each";r=1;t=60')
        self.ask_as(token, CAT)
        reply = self.ask_as(token, CAT)
        error = self.assert_refused(reply, 429, "each", "policy.yaml:8", "member ann", "1 per 1m", "try again in 60 s", "whoever runs this gateway")
        self.assertEqual(error["Code"], 3)
        self.assertTrue(50 <= int(reply.get("retry-after")) <= 60)
        self.assertEqual(self.ask_as(self.token("ben"), CAT).status, 200)
        lines = lambda: [line for line in self.audit() if line.get("rule") == "quota:each"]  # noqa: E731
        self.assertTrue(wait_for(lambda: len(lines()) == 1, 3), self.audit())
        self.assertEqual((lines()[0]["decision"], lines()[0]["principal"]["id"]), ("deny", "ann"))

    def test_version_whoami_and_quota_are_always_answered(self):
        self.begin("{id: each, scope: each member, requests: {rate: 1/d, burst: 1}}")
        token = self.token("ann")
        self.ask_as(token, CAT)
        self.assertEqual(self.ask_as(token, CAT).status, 429)
        self.assertEqual(self.ask_as(token, "/api/v0/version").status, 200)
        (limit,) = self.quota_of(token)["limits"]
        self.assertEqual((limit["quota"], limit["scope"], limit["dimension"], limit["limit"], limit["used"], limit["left"]),
                         ("each", "member ann", "requests", 1, 1, 0))
        self.assertGreater(limit["reset_s"], 86000)

    def test_the_tightest_of_several_is_named_and_the_others_are_not_charged(self):
        self.begin('{id: everybody, scope: org, requests: {rate: 1/d, burst: 5}}', '{id: each, scope: each member, requests: {rate: 1/d, burst: 9}}',
                   '{id: group, scope: "group:all", requests: {rate: 1/d, burst: 3}}', '{id: token, scope: each token, requests: {rate: 1/d, burst: 2}}')
        ann, ben, eve = (self.token(name) for name in ("ann", "ben", "eve"))
        self.assertEqual([self.ask_as(ann, CAT).status for _ in range(3)], [200, 200, 429])
        self.assert_refused(self.ask_as(ann, CAT), 429, "the quota token", "token " + ann.split("_")[1])
        self.assertEqual(self.ask_as(ben, CAT).status, 200)
        self.assert_refused(self.ask_as(ben, CAT), 429, "the quota group", "group all")
        self.assertEqual([self.ask_as(eve, CAT).status for _ in range(2)], [200, 200])
        self.assert_refused(self.ask_as(self.token("eve"), CAT), 429, "the quota everybody", "the organization")
        self.assertEqual({limit["quota"]: limit["used"] for limit in self.quota_of(eve)["limits"]}, {"each": 2, "everybody": 5, "token": 2})

    def test_a_reload_forgets_nothing(self):
        self.begin("{id: each, scope: each member, requests: {rate: 1/d, burst: 2}}")
        token = self.token("ann")
        self.assertEqual(self.ask_as(token, CAT).status, 200)
        self.policy_path.write_text(self.policy_path.read_text() + "  - {id: other, scope: org, concurrent: 5}\n")
        self.command("reload")
        self.assertEqual([self.ask_as(token, CAT).status for _ in range(2)], [200, 429])


class Concurrent(Quotas):
    def hold(self):
        """A script that answers nothing until self.release is set."""
        self.release = threading.Event()
        self.addCleanup(self.release.set)

        def script(peer, request):
            self.release.wait(20)
            return answer(peer, request)
        return script

    def test_calls_at_once_are_limited_and_given_back(self):
        for most in (RACERS - 1, RACERS, RACERS + 1):
            with self.subTest(most):
                self.begin(f"{{id: each, scope: each member, concurrent: {most}}}", script=self.hold(), workers=2)
                token = self.token("ann")
                passed = min(most, RACERS)
                with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
                    replies = [pool.submit(self.ask_as, token, CAT) for _ in range(RACERS)]
                    self.assertTrue(self.upstream.wait_requests(passed))
                    self.assertTrue(wait_for(lambda: sum(reply.done() for reply in replies) == RACERS - passed, 5))
                    time.sleep(0.1)
                    self.assertEqual(len(self.upstream.requests), passed)
                    self.release.set()
                    statuses = [reply.result().status for reply in replies]
                self.assertEqual((statuses.count(200), statuses.count(429)), (passed, RACERS - passed))
                self.assertEqual({reply.status for reply in self.race(lambda _: self.ask_as(token, CAT), min(most, 10))}, {200})
                self.assertTrue(wait_for(lambda: self.quota_of(token)["limits"][0]["used"] == 0, 3))

    def test_a_client_that_leaves_gives_its_place_back(self):
        self.begin("{id: each, scope: each member, concurrent: 1}", script=self.hold())
        token = self.token("ann")
        client = Client(self.gateway.port)
        client.send(f"POST {CAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n".replace("Host: x", "Host: 127.0.0.1").encode())
        self.assertTrue(self.upstream.wait_requests(1))
        self.assert_refused(self.ask_as(token, CAT), 429, "too many calls at once", "each", "member ann 1, and 1 are running")
        client.reset()
        self.assertTrue(wait_for(lambda: self.quota_of(token)["limits"][0]["used"] == 0, 5))


class Stored(Quotas):
    def charge(self, member, size):
        """Writes an object of that size into the ledger, pinned by the member."""
        key = b"\x01\x55\x12\x20" + b"k" * 32
        with sqlite3.connect(self.gateway.folder / "data" / "ledger.db") as ledger:
            ledger.execute("INSERT INTO object (number, key, upstream, is_adopted, has_direct_bytes, direct_bytes, has_recursive_bytes, recursive_bytes) "
                           "VALUES (1, ?, 2, 0, 0, 0, 1, ?)", (key, size))
            ledger.execute("INSERT INTO pin (owner_kind, owner, id, object, key, slot, held, wanted, state, is_ownerless, cid, name, created_ms, "
                           "expires_ms) VALUES ('member', ?, '01j00000000000000000000000', 1, ?, 0, 2, 0, 'pinned', 0, ?, '', 1, 0)",
                           (member, key, CID))
            ledger.executemany("INSERT INTO usage (owner_kind, owner, bytes, objects, pins) VALUES (?, ?, ?, 1, 1)", [("member", member, size), ("org", "", size)])
        ledger.close()

    def test_what_the_ledger_says_is_counted_for_member_groups_and_organization(self):
        self.begin("{id: disk, scope: org, stored: {bytes: 2000}}", '{id: group, scope: "group:all", stored: {bytes: 1500, pins: 3}}',
                   "{id: each, scope: each member, stored: {bytes: 1000, soft: 85%}}", script=answer)
        ann, ben, eve = (self.token(name) for name in ("ann", "ben", "eve"))
        self.kill_and_start_again(lambda: self.charge("ann", 900))
        stands = {(limit["quota"], limit["dimension"]): (limit["used"], limit["left"]) for limit in self.quota_of(ann)["limits"]}
        self.assertEqual(stands, {("disk", "stored_bytes"): (900, 1100), ("group", "stored_bytes"): (900, 600), ("group", "stored_pins"): (1, 2),
                                  ("each", "stored_bytes"): (900, 100)})
        mine, other = self.quota_of(ann), self.quota_of(eve)
        self.assertEqual((mine["stored"], mine["org"]), ({"bytes": 900, "pins": 1}, {"bytes": 900, "pins": 1}))
        self.assertEqual((other["stored"], other["org"]), ({"bytes": 0, "pins": 0}, {"bytes": 900, "pins": 1}))
        self.assertIn("ann: charged 900 B in 1 pins; the organization holds 900 B", self.command("quota", "ann").stdout)
        shown = [json.loads(line) for line in self.command("quota", "--json").stdout.splitlines()]
        self.assertEqual([(member["member"], member["stored"]["bytes"]) for member in shown], [("ann", 900), ("ben", 0), ("eve", 0)])
        self.assertNotEqual(self.command("quota", "nobody", check=False).returncode, 0)
        self.assertEqual(self.quota_of(ben)["limits"][0]["used"], 0)

    def test_who_is_above_a_soft_limit_is_warned(self):
        self.begin("{id: each, scope: each member, stored: {bytes: 1000, soft: 85%}}")
        ann, ben = self.token("ann"), self.token("ben")
        self.kill_and_start_again(lambda: self.charge("ann", 900))
        add = lambda token: self.ask_as(token, "/api/v0/block/put", body=multipart(("file", "f", b"x"))[1], content_type="multipart/form-data; boundary=xyz")  # noqa: E731
        warning = add(ann).get("warning")
        self.assertIn('299 causeway "the quota each (', warning)
        self.assertIn("allows member ann 1000 B of stored data, and 900 B are used", warning)
        self.assertIsNone(add(ben).get("warning"))
        self.assertIsNone(self.ask_as(ann, CAT).get("warning"))
        self.assertTrue(wait_for(lambda: [line for line in self.audit() if line.get("rule") == "quota:soft"], 3))


class Windows(Quotas):
    SIZE = 10000

    def add(self, token, size=SIZE, chunked=False, stop_after=None):
        """An upload whose body has exactly that many bytes."""
        empty = len(multipart(("file", "f", b""))[1])
        content_type, body = multipart(("file", "f", b"x" * (size - empty)))
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        head = f"POST {ADD} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
        if chunked:
            pieces = [body[i:i + 1000] for i in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        with Client(self.gateway.port) as client:
            client.send(head.encode() + body[:stop_after])
            if stop_after is None:
                return client.reply()
            self.assertTrue(wait_for(lambda: self.upstream.received() > stop_after, 5))
            client.reset()

    def used(self, token, dimension="upload_bytes"):
        return next(limit["used"] for limit in self.quota_of(token)["limits"] if limit["dimension"] == dimension)

    def upstream_bytes(self):
        return sum(request.body_bytes for request in self.upstream.requests)

    def test_declared_uploads_fill_the_window_and_no_more(self):
        for limit in (RACERS * self.SIZE - 1, RACERS * self.SIZE, RACERS * self.SIZE + 1):
            with self.subTest(limit):
                self.begin(f"{{id: each, scope: each member, upload: {{bytes: {limit}, per: 1h}}}}", workers=2)
                token = self.token("ann")
                statuses = [reply.status for reply in self.race(lambda _: self.add(token))]
                self.assertEqual(set(statuses) - {200, 429}, set())
                self.assertLessEqual(self.upstream_bytes(), limit)
                self.assertEqual(statuses.count(200), limit // self.SIZE)

    def test_a_declared_upload_above_what_is_left_is_refused_at_once(self):
        self.begin("{id: each, scope: each member, upload: {bytes: 25kB, per: 1h}}")
        token = self.token("ann")
        first = self.add(token)
        self.assertEqual(first.get("ratelimit-policy"), '"each.upload";q=25000;qu="content-bytes";w=3600')
        self.assertEqual(first.get("ratelimit"), '"each.upload";r=25000;t=0')
        self.assertEqual(self.add(token).status, 200)
        self.upstream.forget()
        reply = self.add(token)
        self.assert_refused(reply, 429, "each", "policy.yaml:8", "member ann", "of upload per 1h", "20000 B are used")
        self.assertTrue(3500 < int(reply.get("retry-after")) <= 3662)
        self.assert_refused(self.add(token, 25001), 413, "more than it ever allows")
        self.assert_nothing_went_upstream()
        self.assertEqual(self.add(token, 5000).status, 200)
        self.assertEqual(self.used(token), 25000)

    def test_uploads_of_unknown_length_never_pass_more_than_the_window(self):
        for limit in (RACERS * self.SIZE // 2 - 1, RACERS * self.SIZE // 2, RACERS * self.SIZE // 2 + 1):
            with self.subTest(limit):
                self.begin(f"{{id: each, scope: each member, upload: {{bytes: {limit}, per: 1h}}}}", workers=2)
                token = self.token("ann")
                statuses = [reply.status for reply in self.race(lambda _: self.add(token, chunked=True))]
                self.assertEqual(set(statuses) - {200, 429}, set())
                self.assertIn(429, statuses)
                self.assertLessEqual(self.upstream_bytes(), limit)
                self.assertLessEqual(self.used(token), limit)

    def test_one_upload_of_unknown_length_may_fill_the_window_to_its_last_byte(self):
        for limit, status in ((self.SIZE - 1, 429), (self.SIZE, 200), (self.SIZE + 1, 200)):
            with self.subTest(limit):
                self.begin(f"{{id: each, scope: org, upload: {{bytes: {limit}, per: 1h}}}}")
                reply = self.add(self.token("ann"), chunked=True)
                self.assertEqual(reply.status, status, reply.text())
                if status == 429:
                    self.assert_refused(reply, 429, "each", "the organization", "of upload per 1h")

    def test_an_upload_that_was_cut_keeps_its_charge(self):
        self.begin("{id: each, scope: each member, upload: {bytes: 1MB, per: 1h}}")
        token = self.token("ann")
        self.add(token, 500000, stop_after=200000)
        self.assertTrue(wait_for(lambda: self.used(token) == 200000, 5), self.used(token))

    def test_downloads_never_pass_more_than_the_window(self):
        size = 20000

        def script(peer, request):
            peer.read_body(request)
            peer.reply(b"y" * size)
            return True
        for limit in (RACERS * size // 2 - 1, RACERS * size // 2, RACERS * size // 2 + 1):
            with self.subTest(limit):
                self.begin(f"{{id: each, scope: each member, egress: {{bytes: {limit}, per: 1h}}}}", script=script, workers=2)
                token = self.token("ann")
                replies = self.race(lambda _: self.ask_as(token, CAT))
                passed = sum(len(reply.body) for reply in replies if reply.status == 200)
                self.assertLessEqual(passed, limit)
                self.assertGreater(passed, limit // 2)
                self.assertTrue(wait_for(lambda: self.used(token, "egress_bytes") >= passed, 3))
                self.assertLessEqual(self.used(token, "egress_bytes"), limit)

    def test_nothing_is_read_when_the_egress_window_is_used_up(self):
        self.begin("{id: each, scope: each member, egress: {bytes: 10, per: 1h}}")
        token = self.token("ann")
        self.ask_as(token, CAT)
        self.upstream.forget()
        reply = self.ask_as(token, CAT)
        if self.used(token, "egress_bytes") == 10:
            self.assert_refused(reply, 429, "each", "of downloads per 1h")
            self.assert_nothing_went_upstream()

    def test_a_restart_remembers_the_window(self):
        self.begin("{id: each, scope: each member, upload: {bytes: 25kB, per: 1h}}")
        token = self.token("ann")
        self.add(token)
        self.add(token)
        time.sleep(2.2)  # it is kept once a second
        self.kill_and_start_again()
        self.assertEqual(self.used(token), 20000)
        self.assertEqual(self.add(token).status, 429)


if __name__ == "__main__":
    import unittest
    unittest.main()
