# SPDX-License-Identifier: Apache-2.0
"""What operators type about partners: what each command says and returns, and what the README promises."""

import datetime
import json
import re
import subprocess
import unittest

from kit import relay, settings
from kit.link_gateway import link_two
from kit.link_org import Org
from kit.ports import free_port
from kit.process import Process, accepts, wait_for
from link_case import LinkCase

_LINK = "01jd0000000000000000000000"


def _chapter():
    """The README's on partners."""
    return re.search(r"^## Link with a partner\n(.*?)^## ", (settings.root() / "README.md").read_text(), re.DOTALL | re.MULTILINE)[1]


class CommandCase(LinkCase):
    def assert_done(self, gateway, *words, says="", **options):
        status, text = gateway.command(*words, **options)
        self.assertEqual(status, 0, text)
        self.assertRegex(text, says or "(?s).*")
        return text

    def assert_fails(self, gateway, *words, says, status=1, **options):
        found, text = gateway.command(*words, **options)
        self.assertEqual((found, text.count("\n") > 0), (status, True), text)
        self.assertRegex(text, says)
        return text

    def list(self, gateway):
        return [json.loads(line) for line in self.assert_done(gateway, "link", "list", "--json").splitlines()]

    def pair(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(alpha, beta)
        return alpha, beta


class Mistakes(CommandCase):
    """Each error says what would be right."""

    def test_a_gateway_without_a_port_for_partners_names_the_line(self):
        gateway = relay.Causeway(self.folder, None, more="org: alpha.example")
        self.addCleanup(relay.stop_well, gateway)
        for words in (("invite", "beta"), ("join", "cwi1abc"), ("list",), ("show", "beta"), ("confirm", "beta", "--yes"), ("suspend", "beta"),
                      ("limit", "beta")):
            done = subprocess.run([relay.causeway_program(), "link", *words, "--config", gateway.config], capture_output=True, text=True, timeout=10)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertIn("listen.partners.address", done.stderr)

    def test_a_gateway_that_does_not_run_is_said_so(self):
        gateway = self.start_gateway()
        relay.stop_well(gateway)
        self.assert_fails(gateway, "link", "list", says="operators.sock|does not run|no gateway")
        gateway.start()

    def test_who_is_not_linked_is_not_known(self):
        gateway = self.start_gateway()
        self.assert_fails(gateway, "link", "show", "beta", says="there is no link with beta; .*causeway link invite beta")
        for word in ("confirm", "suspend", "resume", "cancel", "revoke", "repin", "limit"):
            extra = ("--yes",) if word == "confirm" else ()
            self.assert_fails(gateway, "link", word, "beta", *extra, says="there is no link with '?beta")
        self.assert_fails(gateway, "link", "invite", "Beta", says="partner")
        self.assert_fails(gateway, "link", "invite", "beta", "--ttl", "60d", says="1m to 30d")
        self.assert_fails(gateway, "link", "invite", status=2, says="PARTNER")
        self.assertIn("there is no link; causeway link invite PARTNER begins one", self.assert_done(gateway, "link", "list"))

    def test_an_invitation_that_is_no_good_is_told_why(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        invitation = alpha.invite("beta")
        self.assert_fails(beta, "link", "join", invitation[:-9], says="damaged|cut|whole|slip")
        self.assert_fails(beta, "link", "join", invitation[:20] + ("a" if invitation[20] != "a" else "b") + invitation[21:],
                          says="damaged|cut|whole|slip")
        self.assert_fails(beta, "link", "join", "https://alpha.example/join", says="cwi1")
        self.assert_fails(alpha, "link", "join", invitation, says="our own|ours|own invitation")
        peer = self.start_peer("gamma.example")
        self.assert_fails(beta, "link", "join", peer.invite(_LINK, hours=-1), "--as", "gamma", says="run out.*link invite")
        self.assertEqual(self.list(beta), [])

    def test_an_organization_is_linked_once_whatever_it_is_called(self):
        alpha, peer = self.start_gateway(), self.start_peer()
        self.link(alpha, peer)
        self.assert_fails(alpha, "link", "join", peer.invite("01jd0000000000000000000001"), "--as", "other",
                          says="beta.example is linked here already, as 'beta'; .*link revoke beta")
        impostor = self.start_peer(Org("beta.example"))
        self.assert_fails(alpha, "link", "join", impostor.invite("01jd0000000000000000000001"), "--as", "other",
                          says="beta.example is linked here already, as 'beta', by another root than this invitation has")
        self.assert_fails(alpha, "link", "join", impostor.invite("01jd0000000000000000000001"), "--as", "beta", says="by another link")
        self.assertEqual([link["partner"] for link in self.list(alpha)], ["beta"])
        self.assertEqual(alpha.state("beta"), "active")

    def test_a_canceled_invitation_lets_nobody_in(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        invitation = alpha.invite("beta")
        self.assert_done(alpha, "link", "cancel", "beta", says="void")
        self.assertEqual(alpha.state("beta"), "expired")
        self.assert_fails(beta, "link", "join", invitation, "--as", "alpha", says="void|canceled|over|run out|new one|gone")

    def test_a_word_that_is_none_is_named(self):
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        beta.link("join", alpha.invite("beta"), "--as", "alpha")
        words = alpha.words("beta").split()
        self.assert_fails(alpha, "link", "confirm", "beta", *words[:2], "qwzzy", *words[3:], says="qwzzy")
        self.assert_fails(alpha, "link", "confirm", "beta", *words[:5], says="six|5|missing")
        self.assert_fails(alpha, "link", "confirm", "beta", *reversed(words), says="not the words")
        self.assert_fails(alpha, "link", "confirm", "beta", status=2, says="six words|--yes", stdin="")
        self.assertEqual(alpha.state("beta"), "pending")
        self.assert_done(alpha, "link", "confirm", "beta", *(word[:4].upper() for word in words), says="confirmed")


class Walk(CommandCase):
    """The README, to the letter."""

    def test_every_command_of_the_chapter_is_there(self):
        named = set(re.findall(r"causeway (link [a-z]+)", _chapter()))
        self.assertGreaterEqual(len(named), 9)
        listed = subprocess.run([relay.causeway_program(), "help"], capture_output=True, text=True, check=True, timeout=10).stdout
        for words in named:
            self.assertRegex(listed, rf"(?m)^  {words} ")

    def init(self, org):
        """A gateway as init writes it, at free ports of the loopback."""
        folder = self.folder / org
        subprocess.run([relay.causeway_program(), "init", "--org", org, folder], check=True, capture_output=True, timeout=10)
        config = folder / "causeway.yaml"
        ports = {9500: free_port(), 9501: free_port(), 9502: free_port()}
        text = re.sub(r"#   advertise: .*", f"    advertise: 127.0.0.1:{ports[9501]}", config.read_text())
        text = text.replace("127.0.0.1:9500", f"127.0.0.1:{ports[9500]}").replace("0.0.0.0:9501", f"127.0.0.1:{ports[9501]}")
        text = text.replace("listen:\n", f"listen:\n  operators:\n    address: 127.0.0.1:{ports[9502]}\n", 1)
        config.write_text(text)
        process = self.keep(Process(org, [relay.causeway_program(), "serve", "--config", config], folder))
        process.wait_ready(lambda: accepts(ports[9500]) and accepts(ports[9502]))
        return config

    def type(self, config, *words):
        done = subprocess.run([relay.causeway_program(), *words, "--config", config], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_an_invitation_can_come_on_standard_input(self):
        """All that `link invite` prints, or the line as a mail program broke it: in no list of processes."""
        alpha, beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        printed = alpha.link("invite", "beta")
        self.assertRegex(beta.link("join", "-", "--as", "alpha", stdin=printed), "six words")
        beta.link("revoke", "alpha")
        alpha.link("revoke", "beta")
        line = alpha.invite("beta")
        broken = "\n> ".join(["", line[:70], line[70:]]).replace("> ", "  ")
        self.assertRegex(beta.link("join", "-", "--as", "alpha", stdin=broken + "\n"), "six words")
        self.assert_fails(beta, "link", "join", "-", stdin="nothing of the kind\n", says="cwi1")

    def test_from_nothing_to_active_in_two_commands_a_side(self):
        alpha, beta = self.init("alpha.example"), self.init("beta.example")
        invited = self.type(alpha, "link", "invite", "beta")
        joined = self.type(beta, "link", "join", re.search(r"^cwi1\S+$", invited, re.MULTILINE)[0], "--as", "alpha")
        self.assertRegex(joined, "we dial them:  works")
        self.assertRegex(joined, "they dial us:  works")
        words = re.search(r"^  ((?:[a-z]+ ){5}[a-z]+)$", joined, re.MULTILINE)[1].split()
        self.type(alpha, "link", "confirm", "beta", *words)
        self.type(beta, "link", "confirm", "alpha", *words)
        for config, partner in ((alpha, "beta"), (beta, "alpha")):
            self.assertTrue(wait_for(lambda: re.search(rf"(?m)^{partner} +active ", self.type(config, "link", "list")), 25, 0.2),
                            self.type(config, "link", "show", partner))


class Life(CommandCase):
    def test_show_tells_evidence_addresses_numbers_and_history(self):
        alpha, beta = self.pair()
        shown = alpha.show("beta")
        self.assertEqual((shown["partner"], shown["org"], shown["state"], shown["epoch"]), ("beta", "beta.example", "active", 1))
        self.assertEqual(shown["confirmed"], {"here": True, "there": True})
        self.assertEqual(shown["addresses"]["theirs"], [beta.partners_address])
        self.assertGreaterEqual(shown["numbers"]["sent"], 1)
        self.assertRegex(shown["numbers"]["incarnation_here"], "^[0-9a-f]{16}$")
        self.assertEqual(shown["roots"], {"ours": beta.show("alpha")["roots"]["theirs"], "theirs": beta.show("alpha")["roots"]["ours"],
                                          "known_there": shown["roots"]["ours"]})
        self.assertGreater(shown["roots"]["ours"], 0)
        self.assertEqual(shown["breaker"]["state"], "closed")
        events = [(event["event"], event["to"]) for event in shown["history"]]
        self.assertEqual(events[0], ("invite", "invited"))
        self.assertEqual(events[-1][1], "active")
        self.assertTrue(any(event["actor"] == "operator" for event in shown["history"]))
        text = self.assert_done(alpha, "link", "show", "beta")
        for line in ("link       beta (beta.example), epoch 1", "state      active since ", "heard  ", "answered  ", "breaker    closed", "history"):
            self.assertIn(line, text)
        self.assertNotIn("words", text)

    def test_status_counts_links_by_state_and_says_until_when_certificates_are_good(self):
        alpha, _ = self.pair()
        alpha.invite("gamma")
        text = self.assert_done(alpha, "status")
        self.assertRegex(text, r"(?m)^partners links active +1$")
        self.assertRegex(text, r"(?m)^partners links invited +1$")
        self.assertRegex(text, r"(?m)^partners identity leaf until +20\d\d-.*Z$")
        self.assertRegex(text, r"(?m)^partners identity due +none$")
        self.assertEqual(json.loads(self.assert_done(alpha, "status", "--json"))["partners"]["links"], {"active": 1, "invited": 1})

    def test_json_is_one_object_a_line(self):
        alpha, _ = self.pair()
        for words in (("list",), ("show", "beta"), ("suspend", "beta"), ("resume", "beta"), ("limit", "beta", "--hours", "20-6"), ("revoke", "beta")):
            text = self.assert_done(alpha, "link", *words, "--json")
            self.assertEqual(text.count("\n"), 1, text)
            self.assertEqual(json.loads(text)["partner"], "beta", text)

    def test_limits_are_kept_over_a_restart(self):
        alpha, _ = self.pair()
        self.assert_done(alpha, "link", "limit", "beta", "--bandwidth", "10MiB", "--hours", "20-6")
        self.assert_fails(alpha, "link", "limit", "beta", "--hours", "25-6", says="'25' is no hour of the day; write 20-6")
        self.assert_fails(alpha, "link", "limit", "beta", "--bandwidth", "1", says="bandwidth: ")
        relay.stop_well(alpha)
        alpha.start()
        self.assertEqual(alpha.show("beta")["limits"], {"bandwidth": 10 << 20, "hours": "20-6"})
        self.assert_done(alpha, "link", "limit", "beta", "--bandwidth", "none")
        self.assertEqual(alpha.show("beta")["limits"], {"bandwidth": 0, "hours": "20-6"})

    def test_no_bytes_move_in_hours_that_are_closed(self):
        """The port says when they are open; heartbeats go on meanwhile."""
        alpha, peer = self.start_gateway(), self.start_peer()
        partner = self.link(alpha, peer)
        opens = (datetime.datetime.now(datetime.timezone.utc).hour + 6) % 24

        def read():
            return peer.connect().ask("GET", f"/link/v1/allocations/{_LINK}/blocks?from=0")

        self.assertEqual((read().status, read().problem), (404, "unknown"))
        self.assert_done(alpha, "link", "limit", partner, "--hours", f"{opens}-{opens + 1}")
        self.assertTrue(wait_for(lambda: read().status == 503, 10))
        answer = read()
        self.assert_refused(alpha, answer, 503, "later", said="at this hour")
        self.assertIn(int(answer.retry_after), range(4 * 3600, 6 * 3600 + 2))
        self.assertEqual((peer.heartbeat().status, alpha.state(partner)), (200, "active"))
        self.assert_done(alpha, "link", "limit", partner, "--hours", "always")
        self.assertTrue(wait_for(lambda: read().status == 404, 10))

    def test_an_end_is_told_to_both_and_a_new_invitation_begins_the_next_epoch(self):
        alpha, beta = self.pair()
        self.assert_fails(alpha, "link", "invite", "beta", says="linked already.*repin.*revoke")
        self.assert_fails(alpha, "link", "revoke", "beta", "slowly", says="drain.*not .slowly")
        self.assert_done(alpha, "link", "revoke", "beta", says="Nothing was deleted")
        self.assertEqual(beta.wait_state("alpha", "revoked", seconds=15), "revoked")
        self.assert_done(alpha, "link", "revoke", "beta", says="over already")
        self.assert_fails(beta, "link", "suspend", "alpha", says="is over.*link invite alpha")
        link_two(alpha, beta)
        self.assertEqual((alpha.show("beta")["epoch"], beta.show("alpha")["epoch"]), (2, 2))

    def test_a_partner_who_lost_its_keys_is_pinned_anew(self):
        alpha, beta = self.pair()
        relay.stop_well(beta)
        keys = beta.folder / "data" / "keys"
        keys.rename(keys.with_name("keys-lost"))
        beta.start()
        root = alpha.show("beta")["root"]
        text = self.assert_done(alpha, "link", "repin", "beta", says="trusted no longer")
        self.assert_done(beta, "link", "join", re.search(r"^cwi1\S+$", text, re.MULTILINE)[0], "--as", "alpha")
        for gateway, partner in ((alpha, "beta"), (beta, "alpha")):
            self.assert_done(gateway, "link", "confirm", partner, "--yes")
        self.assertIn(alpha.wait_state("beta", "active", "isolated"), ("active", "isolated"))
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"))
        self.assertNotEqual(alpha.show("beta")["root"], root)

    def test_a_restored_ledger_isolates_the_link_until_both_agree(self):
        alpha, beta = self.pair()
        self.assert_done(alpha, "ledger", "backup", str(self.folder / "backup"))
        relay.stop_well(alpha)
        self.assert_done(alpha, "ledger", "restore", str(self.folder / "backup"))
        alpha.start()
        self.assertEqual((alpha.wait_state("beta", "active"), beta.wait_state("alpha", "active")), ("active", "active"))
        events = [event["to"] for event in alpha.show("beta")["history"]]
        self.assertIn("isolated", events, events)

    def test_a_link_that_was_revoked_stays_so_over_a_restore(self):
        alpha, beta = self.pair()
        self.assert_done(alpha, "ledger", "backup", str(self.folder / "backup"))
        self.assert_done(alpha, "link", "revoke", "beta")
        relay.stop_well(alpha)
        self.assert_done(alpha, "ledger", "restore", str(self.folder / "backup"))
        alpha.start()
        self.assertIn(alpha.state("beta"), ("revoking", "revoked"))
        self.assertEqual(beta.wait_state("alpha", "revoked", seconds=15), "revoked")


if __name__ == "__main__":
    unittest.main()
