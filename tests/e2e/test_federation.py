# SPDX-License-Identifier: Apache-2.0
"""Two organizations with embedded storages: what a member of one pins is placed at the other, seen with its evidence, read back when it is lost
here, and released when it is unpinned."""

import hashlib
import json
import pathlib
import random
import shutil
import sys
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from kit import relay
from kit.link_gateway import link_two
from kit.process import wait_for
from link_case import LinkCase

_GRANTS = """\
grants:
  - {{partner: {partner}, we_store: {{bytes: {bytes}, pins: 1000}}, they_store: {{bytes: 10GiB}}}}
placement:
  sites: {{local: {{}}, {partner}: {{}}}}
  rules:
    - {{id: two, copies: {{min: 1, want: 2}}}}
"""


class TwoCase(LinkCase):
    """alpha and beta, linked, each with an embedded storage; a member of alpha's."""

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(self.alpha, self.beta)
        self.token = self.command(self.alpha, "token", "new", "ada").split()
        self.token = next(word for word in self.token if word.startswith("cw1_"))

    def command(self, gateway, *words):
        status, text = gateway.command(*words)
        self.assertEqual(status, 0, text)
        return text

    def grant(self, gateway, partner, size="10GiB"):
        path = next(gateway.folder.parent.glob(f"policy-{gateway.org}-*.yaml"))
        text = path.read_text().partition("grants:")[0]
        path.write_text(text + _GRANTS.format(partner=partner, bytes=size))
        before = gateway.log_text().count("reloaded")
        gateway.reload()
        self.assertTrue(wait_for(lambda: gateway.log_text().count("reloaded") > before, 10), gateway.log_text()[-2000:])

    def call(self, target, body=b"", **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.alpha.port}/api/v0/{target}", data=body, method="POST",
                                         headers={"Authorization": f"Bearer {self.token}", **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def add(self, content):
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n--x--\r\n"
        reply = self.call("add?quieter=true", body, **{"Content-Type": "multipart/form-data; boundary=x"})
        self.assertEqual(reply[0], 200, reply[1])
        return json.loads(reply[1].splitlines()[-1])["Hash"]

    def copies(self, gateway, cid):
        return {copy["site"]: copy for copy in json.loads(self.command(gateway, "pin", "status", cid, "--json"))["copies"]}

    def wait_placed(self, cid, seconds=30):
        wait_for(lambda: self.copies(self.alpha, cid).get("beta", {}).get("state") == "placed", seconds, 0.1)
        copy = self.copies(self.alpha, cid).get("beta", {})
        self.assertEqual(copy.get("state"), "placed", (copy, self.alpha.log_text()[-3000:], self.beta.log_text()[-3000:]))
        return copy


class TwoOrganizations(TwoCase):
    def test_a_pin_is_placed_seen_read_back_and_released(self):
        self.grant(self.alpha, "beta")
        self.grant(self.beta, "alpha")
        content = random.Random(8).randbytes(3_000_000)
        cid = self.add(content)
        copy = self.wait_placed(cid)
        self.assertTrue(copy["counts"])
        self.assertLess(copy["evidence_age_ms"], 60000)
        held = self.copies(self.beta, cid)["alpha"]
        self.assertEqual((held["role"], held["state"]), ("holder", "pinned"))
        self.assertEqual(self.alpha.show("beta")["holds"]["ours_there"]["objects"], 1)
        self.assertEqual(self.beta.show("alpha")["holds"]["theirs_here"]["objects"], 1)

        relay.stop_well(self.alpha)  # the disk burns
        shutil.rmtree(self.alpha.folder / "data" / "blocks")
        self.alpha.start()
        self.assertEqual(self.alpha.wait_state("beta", "active"), "active")
        reply = self.call(f"cat?arg={cid}")
        self.assertEqual(reply[0], 200, (reply[1][:500], self.alpha.log_text()[-3000:], self.beta.log_text()[-3000:]))
        self.assertEqual(hashlib.sha256(reply[1]).hexdigest(), hashlib.sha256(content).hexdigest())

        self.assertEqual(self.call(f"pin/rm?arg={cid}")[0], 200)
        self.assertTrue(wait_for(lambda: "alpha" not in self.copies(self.beta, cid) or self.copies(self.beta, cid)["alpha"]["state"] == "gone", 30, 0.2),
                        (self.copies(self.beta, cid), self.alpha.log_text()[-2000:]))

    def test_without_a_grant_nothing_goes(self):
        self.grant(self.alpha, "beta")
        cid = self.add(b"without a grant")
        self.assertTrue(wait_for(lambda: self.alpha.show("beta")["grants"]["there"]["theirs"] is not None, 15, 0.2))
        copies = self.copies(self.alpha, cid)
        self.assertNotEqual(copies.get("beta", {}).get("state"), "placed", copies)
        self.assertEqual(self.copies(self.beta, cid), {})
        self.grant(self.beta, "alpha")


class Statements(TwoCase):
    """What both sides hold for each other is said by both with the same bytes, whatever is under way."""

    def setUp(self):
        super().setUp()
        self.grant(self.alpha, "beta")
        self.grant(self.beta, "alpha")
        self.random = random.Random(9)

    def statement(self, gateway, partner, *options):
        """Exit status; what it says; the bytes and both signatures that it wrote."""
        name = f"statement-{gateway.org}-{self.random.getrandbits(40):x}"
        path = gateway.folder / name
        status, text = gateway.command("link", "statement", partner, "--json", "--output", str(path), *options)
        said = json.loads(text.splitlines()[0]) if text.startswith("{") else text
        return status, said, path.read_bytes(), {sig.name[len(name) + 1:-len(".sig")]: sig.read_bytes()
                                                 for sig in sorted(gateway.folder.glob(f"{name}.*.sig"))}

    def assert_agree(self):
        """Either side says that the other agrees; and each makes, alone, the bytes that the other made."""
        for gateway, partner, other, name in ((self.alpha, "beta", self.beta, "alpha"), (self.beta, "alpha", self.alpha, "beta")):
            status, said, made, signatures = self.statement(gateway, partner)
            self.assertEqual((status, said["agrees"]), (0, True), said)
            self.assertEqual(sorted(signatures), ["alpha.example", "beta.example"])
            status, alone, theirs, _ = self.statement(other, name, "--at", said["there"], "--local")
            self.assertEqual(status, 0, alone)
            self.assertEqual((alone["digest"], theirs), (said["digest"], made))
            self.assertEqual(hashlib.sha256(made).hexdigest() if said["pages"] == 1 else said["digest"], said["digest"])
        return said

    def kill(self, gateway):
        gateway.process.kill()
        gateway.start()

    def test_both_sides_say_the_same_while_much_is_under_way(self):
        self.assertEqual(self.assert_agree()["entries"], 0)
        pinned = [self.add(self.random.randbytes(2000)) for _ in range(40)]
        self.assert_agree()  # some are placed, some on their way
        self.wait_placed(pinned[-1])
        for cid in pinned[:10]:
            self.assertEqual(self.call(f"pin/rm?arg={cid}")[0], 200)
        self.assert_agree()
        held = json.loads(self.command(self.beta, "allocation", "list", "--role", "holder", "--state", "pinned", "--json").splitlines()[-1])
        self.command(self.beta, "allocation", "evict", held["id"], "--reason", "room", "--within", "0")
        self.assert_agree()
        self.assertTrue(wait_for(lambda: self.assert_agree()["entries"] in (29, 30), 20, 0.5))

    def test_a_cut_holds_over_kills_and_later_changes(self):
        pinned = [self.add(self.random.randbytes(3000)) for _ in range(12)]
        self.wait_placed(pinned[-1])
        status, first, made, _ = self.statement(self.alpha, "beta")
        self.assertEqual((status, first["agrees"]), (0, True), first)
        for cid in pinned[:4]:
            self.assertEqual(self.call(f"pin/rm?arg={cid}")[0], 200)
        self.kill(self.beta)
        self.kill(self.alpha)
        self.assertEqual(self.alpha.wait_state("beta", "active"), "active")
        self.assertEqual(self.beta.wait_state("alpha", "active"), "active")
        self.assert_agree()
        for gateway, partner, at in ((self.alpha, "beta", first["cut"]), (self.beta, "alpha", first["there"])):
            status, again, bytes_again, _ = self.statement(gateway, partner, "--at", at)
            self.assertEqual((status, again["agrees"], bytes_again), (0, True, made), again)

    def test_a_partner_that_is_away_is_said_to_be(self):
        cid = self.add(b"away")
        self.wait_placed(cid)
        self.beta.process.kill()
        status, said, made, _ = self.statement(self.alpha, "beta")
        self.assertEqual((status, said["agrees"]), (1, None), said)
        self.assertIn("beta was not reached", said["why"])
        self.beta.start()
        status, text = self.alpha.command("link", "statement", "beta", "--at", "7zzzzzzzzzzzzzzzzzzzzzzzzz,")
        self.assertEqual(status, 1)
        self.assertIn("is no cut of ours", text)


class Drains(TwoCase):
    """A link ends in good order: what is over it is elsewhere, or released, before."""

    def setUp(self):
        super().setUp()
        self.gamma = self.start_gateway("gamma.example")
        link_two(self.alpha, self.gamma)
        for gateway in (self.beta, self.gamma):
            self.grant(gateway, "alpha")
        self.grant_both()

    def grant_both(self):
        """beta and gamma may hold what alpha's people pin; two copies are wanted, one of them here."""
        path = next(self.alpha.folder.parent.glob("policy-alpha.example-*.yaml"))
        grant = "  - {{partner: {}, we_store: {{bytes: 10GiB, pins: 1000}}, they_store: {{bytes: 10GiB}}}}\n"
        path.write_text(path.read_text().partition("grants:")[0] + "grants:\n" + grant.format("beta") + grant.format("gamma") +
                        'placement:\n  sites: {local: {}, beta: {attributes: {near: "yes"}}, gamma: {attributes: {near: "no"}}}\n'
                        "  rules:\n    - {id: two, copies: {min: 1, want: 2}, prefer: [\"site.near == 'yes'\"]}\n")
        before = self.alpha.log_text().count("reloaded")
        self.alpha.reload()
        self.assertTrue(wait_for(lambda: self.alpha.log_text().count("reloaded") > before, 10), self.alpha.log_text()[-2000:])

    def left(self):
        return self.alpha.show("beta").get("drain", {}).get("left")

    def test_what_is_there_moves_and_then_the_link_ends(self):
        rng = random.Random(10)
        pinned = [self.add(rng.randbytes(5000)) for _ in range(8)]
        self.wait_placed(pinned[-1])
        self.assertIn("nothing new is placed", self.alpha.link("revoke", "beta", "drain"))
        self.assertTrue(wait_for(lambda: self.beta.show("alpha").get("draining_there"), 15, 0.2), self.beta.show("alpha"))
        self.alpha.process.kill()  # it goes on after a start
        self.alpha.start()
        self.assertIn(self.alpha.wait_state("beta", "revoking", "revoked", seconds=60), ("revoking", "revoked"), self.alpha.show("beta"))
        for cid in pinned:
            copies = self.copies(self.alpha, cid)
            self.assertEqual(copies["gamma"]["state"], "placed", copies)
            self.assertNotIn(copies.get("beta", {}).get("state"), ("placed", "lost"), copies)
        self.assertTrue(wait_for(lambda: self.beta.state("alpha") in ("revoked", "revoking"), 20, 0.2))

    def test_what_no_other_site_takes_stays_until_the_drain_is_canceled(self):
        self.alpha.link("suspend", "gamma")
        cid = self.add(b"nowhere else")
        self.wait_placed(cid)
        self.alpha.link("revoke", "beta", "drain")
        self.assertTrue(wait_for(lambda: self.left() == {"ours_there": 1, "theirs_here": 0}, 10, 0.2), self.alpha.show("beta"))
        self.assertTrue(wait_for(lambda: not self.copies(self.alpha, cid)["beta"]["counts"], 10, 0.2))
        status, text = self.alpha.command("link", "revoke", "beta", "restrict")
        self.assertEqual(status, 1, text)
        self.assertIn("drained no more", self.alpha.link("cancel", "beta"))
        self.assertTrue(wait_for(lambda: self.copies(self.alpha, cid)["beta"]["counts"], 15, 0.2), self.copies(self.alpha, cid))
        self.assertIsNone(self.left())
        later = self.add(b"placed again")
        self.wait_placed(later)

    def test_who_holds_drains_too_and_is_told_to_end_it_now(self):
        cid = self.add(b"held by who drains")
        self.wait_placed(cid)
        self.alpha.link("suspend", "gamma")
        self.beta.link("revoke", "alpha", "drain")
        self.assertTrue(wait_for(lambda: not self.copies(self.alpha, cid)["beta"]["counts"], 15, 0.2), self.copies(self.alpha, cid))
        self.assertEqual(self.copies(self.beta, cid)["alpha"]["state"], "leaving")
        self.beta.link("cancel", "alpha")
        self.assertTrue(wait_for(lambda: self.copies(self.alpha, cid)["beta"]["counts"], 15, 0.2), self.copies(self.alpha, cid))
        self.assertEqual(self.copies(self.beta, cid)["alpha"]["state"], "pinned")
        self.beta.link("revoke", "alpha", "drain")
        self.beta.link("revoke", "alpha", "now")
        self.assertIn(self.beta.wait_state("alpha", "revoking", "revoked"), ("revoking", "revoked"))
        self.assertEqual(self.copies(self.beta, cid)["alpha"]["state"], "orphaned")


class Grants(TwoCase):
    """What a partner grants is known when it changes, and what waited for it goes at once."""

    def test_what_waits_for_a_grant_goes_when_it_is_given(self):
        self.grant(self.alpha, "beta")
        cid = self.add(b"waits for a grant")
        self.assertTrue(wait_for(lambda: self.alpha.show("beta")["grants"]["there"]["theirs"] is not None, 15, 0.2), self.alpha.show("beta"))
        there = self.alpha.show("beta")["grants"]["there"]
        self.assertEqual((there["theirs"]["bytes"], there["in_force"]["bytes"], there["ours"]["bytes"]), (0, 0, 10 << 30))
        self.grant(self.beta, "alpha", "1MiB")
        self.wait_placed(cid, 20)
        there = self.alpha.show("beta")["grants"]["there"]
        self.assertEqual((there["in_force"]["bytes"], there["used_bytes"] > 0), (1 << 20, True), there)
        self.assertEqual(self.beta.show("alpha")["grants"]["here"]["theirs"]["bytes"], 10 << 30)

    def test_what_passes_the_grant_goes_when_there_is_more(self):
        self.grant(self.alpha, "beta")
        self.grant(self.beta, "alpha", "100KiB")
        rng = random.Random(11)
        first, second = self.add(rng.randbytes(80_000)), self.add(rng.randbytes(80_000))
        self.wait_placed(first)
        self.assertTrue(wait_for(lambda: self.copies(self.alpha, second).get("beta", {}).get("state") in (None, "stuck"), 10, 0.2))
        self.assertEqual(self.call(f"pin/rm?arg={first}")[0], 200)  # leaves room
        self.wait_placed(second)
        third = self.add(rng.randbytes(80_000))
        self.assertNotEqual(self.copies(self.alpha, third).get("beta", {}).get("state"), "placed")
        self.grant(self.beta, "alpha", "1MiB")
        self.wait_placed(third)
