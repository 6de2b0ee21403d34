# SPDX-License-Identifier: Apache-2.0
"""The base of tests with a partner that breaks the protocol, lies or attacks, and what must be so afterwards whatever it did."""

import json
import os
import re
import threading
import time
import urllib.error
import urllib.request

from kit import dag, members, settings
from kit.link_owner import Owner
from kit.process import wait_for
from link_case import LinkCase

MIB = 1 << 20
_POLICY = """\
grants:
{grants}placement:
  sites: {{local: {{}}{sites}}}
  rules:
    - {{id: two, copies: {{min: 1, want: {want}}}}}
"""
_GRANT = "  - {{partner: {partner}, we_store: {we_store}, they_store: {they_store}}}\n"
LIMITS = "{bytes: 64MiB, pins: 40, max_object: 48MiB}"


class HostileCase(LinkCase):
    """One gateway serves all tests of a class: each leaves it as it found it."""

    orgs = ("beta.example",)
    we_store = LIMITS
    they_store = "{bytes: 1GiB}"
    want = 2

    def setUp(self):
        cls = type(self)
        if "shared" not in cls.__dict__:
            self.addCleanup = cls.addClassCleanup
            super().setUp()
            self.start_linked(*self.orgs)
            del self.addCleanup
            cls.shared = dict(self.__dict__)
        self.__dict__.update({name: value for name, value in cls.shared.items() if not name.startswith("_")})

    def start_linked(self, *orgs, **options):
        """self.gateway with its token, self.peers by partner, and their grants."""
        self.gateway = self.start_gateway(**options)
        self.peers = {}
        for org in orgs:
            peer = self.start_peer(org)
            self.peers[self.link(self.gateway, peer)] = peer
        self.partner, self.peer = next(iter(self.peers.items()))
        self.owner = Owner(self.peer)
        self.grant()
        words = self.command("token", "new", "ada").split()
        self.token = next(word for word in words if word.startswith("cw1_"))

    def grant(self, **changes):
        given = {"we_store": self.we_store, "they_store": self.they_store, **changes}
        path = next(self.gateway.folder.parent.glob(f"policy-{self.gateway.org}-*.yaml"))
        path.write_text(path.read_text().partition("grants:")[0] + _POLICY.format(
            grants="".join(_GRANT.format(partner=partner, **given) for partner in self.peers),
            sites="".join(f", {partner}: {{}}" for partner in self.peers), want=changes.get("want", self.want)))
        before = self.gateway.log_text().count("reloaded")
        self.gateway.reload()
        self.assertTrue(wait_for(lambda: self.gateway.log_text().count("reloaded") > before, 10), self.gateway.log_text()[-2000:])

    # ---- what operators and members see

    def command(self, *words):
        status, text = self.gateway.command(*words)
        self.assertEqual(status, 0, text)
        return text

    def rows(self, *options) -> list:
        fields, found = {"all": True} if "--all" in options else {}, []
        while True:
            page = members.ask_operators(self.gateway, "/allocation/list", **fields)
            found += page["allocations"]
            if not page["has_more"]:
                return found
            fields["after"] = page["last"]

    def row(self, id, *options) -> dict:
        """Of `allocation list --all`; {}: there is none."""
        return next((row for row in self.rows("--all", *options) if row["id"] == id), {})

    def wait_row(self, id, states, seconds=12) -> dict:
        wait_for(lambda: self.row(id).get("state") in states, seconds, 0.1)
        row = self.row(id)
        self.assertIn(row.get("state"), states, (row, self.gateway.log_text()[-3000:]))
        return row

    def call(self, target, body=b"", seconds=60, **headers):
        """Status and body of a member's call."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.port}/api/v0/{target}", data=body, method="POST",
                                         headers={"Authorization": f"Bearer {self.token}", **headers})
        try:
            with urllib.request.urlopen(request, timeout=seconds) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def add(self, content, more="") -> str:
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n--x--\r\n"
        status, said = self.call(f"add?quieter=true&cid-version=1{more}", body, **{"Content-Type": "multipart/form-data; boundary=x"})
        self.assertEqual(status, 200, said)
        return json.loads(said.splitlines()[-1])["Hash"]

    # ---- what must be so

    def inbox(self) -> list:
        return sorted(path.name for path in (self.gateway.folder / "data" / "inbox").iterdir())

    def is_on_disk(self, marker: bytes) -> bool:
        """Anywhere in the gateway's data: blocks, spools."""
        for path in (self.gateway.folder / "data").rglob("*"):
            try:
                if path.is_file() and marker in path.read_bytes():
                    return True
            except OSError:  # went meanwhile
                pass
        return False

    def held(self, which="theirs_here") -> tuple:
        """Objects and bytes of `link show`, and how many more are charged."""
        holds = self.gateway.show(self.partner)["holds"][which]
        return holds["objects"], holds["bytes"], holds["under_way"]

    def assert_nothing_left(self, *markers, held=(0, 0, 0)):
        self.assertTrue(wait_for(lambda: not self.inbox(), 10), self.inbox())
        self.assertTrue(wait_for(lambda: self.held() == held, 10), (self.held(), self.rows()))
        for marker in markers:
            self.assertFalse(self.is_on_disk(marker), marker)

    def assert_problem(self, answer, status, problem, said="."):
        """The partner is told, the log and the audit log say the same."""
        self.assertIsNotNone(answer, "it was cut without a word")
        self.assertEqual((answer.status, answer.problem), (status, problem), answer)
        self.assertRegex(answer.json["message"], said)
        self.assert_logged(self.gateway, re.escape(answer.json["message"][:200]))
        self.assertTrue(wait_for(lambda: any(line.get("message") == answer.json["message"] for line in self.gateway.audit()), 5), answer)

    def items_refused(self) -> float:
        return self.gateway.metric(r'causeway_link_items_total\{what="refused"\}')

    def let_lines_flow(self):
        """Behind many refusals: of a second's only so many have a line."""
        time.sleep(1.1)

    def assert_memory(self, before, more):
        """A sanitizer keeps what was freed."""
        if "san" not in settings.build().name:
            self.assertLess(self.gateway.process.rss(), before + more)

    def transfers(self, what, end) -> float:
        return self.gateway.metric(rf'causeway_link_transfers_total\{{what="{what}",end="{end}"\}}')


def marked(size=1000) -> tuple:
    """A content that is nowhere else, and the mark by which it is found."""
    mark = os.urandom(24)
    return mark + os.urandom(size - len(mark)) if size > len(mark) else mark[:size], mark


def some_object(count=3, size=1000) -> tuple:
    """A tree of leaves, and the marks in them."""
    made = [marked(size) for _ in range(count)]
    return dag.tree([content for content, _ in made]), [mark for _, mark in made]


class Members:
    """A member who works on while partners attack: reads and adds, one call after the other."""

    def __init__(self, case):
        self.case, self.times, self.failures = case, [], []
        self._stop = threading.Event()
        self.cid = case.add(os.urandom(100), "&pin=false")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def _run(self):
        while not self._stop.wait(0.02):
            began = time.monotonic()
            status, said = self.case.call(f"cat?arg={self.cid}")
            self.times.append(time.monotonic() - began)
            if status != 200:
                self.failures.append((status, said))
