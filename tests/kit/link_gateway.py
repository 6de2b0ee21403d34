# SPDX-License-Identifier: Apache-2.0
"""Real gateways with links, and what their operators type."""

import json
import re
import subprocess
import time

from kit import relay
from kit.ports import free_port
from kit.process import Process, accepts, wait_for

_POLICY = """\
version: 1
org: {org}
members: {{ada: {{groups: [staff]}}}}
groups: {{staff: {{}}}}
roles: {{writer: {{allow: ["class:tool", "class:read", "class:write", "class:pin"]}}}}
bind: [{{to: "group:staff", roles: [writer]}}]
"""


class Refused(Exception):
    """A command that did not end with 0; its text is what it printed."""


class LinkGateway(relay.Causeway):
    """`causeway serve` of an organization with a port for partners. wrapper: words before the program, such as those that enter a
    network namespace; advertise: HOST:PORT that partners are told."""

    def __init__(self, folder, org, *, host="127.0.0.1", port=None, advertise=None, more="", upstream_port=None, has_policy=True, **options):
        self.org, self.partners_port, self._listen_host = org, port or free_port(), host
        self.partners_address = advertise or f"{host}:{self.partners_port}"
        lines = [f"org: {org}", more]
        if has_policy:
            path = folder / f"policy-{org}-{self.partners_port}.yaml"
            path.write_text(_POLICY.format(org=org))
            lines.append(f"policy: {path}")
        listen = f"  partners:\n    address: {host}:{self.partners_port}\n    advertise: {self.partners_address}\n"
        super().__init__(folder, upstream_port, partners=listen, more="\n".join(filter(None, lines)), **options)

    def start(self):
        """Its log says that it serves: in another network namespace no port of its can be asked from here."""
        self._starts += 1
        socket_path = self.folder / "data" / "operators.sock"
        socket_path.unlink(missing_ok=True)
        self.process = Process("causeway" if self._starts == 1 else f"causeway-{self._starts}", self._words, self.folder, **self._options)
        self.process.wait_ready(lambda: socket_path.exists() and "health and metrics on" in self.process.log())

    def command(self, *words, seconds=60, stdin=None):
        """Exit status and what was printed, errors behind it."""
        done = subprocess.run([relay.causeway_program(), *words, "--config", self.config], capture_output=True, text=True,
                              timeout=seconds, input=stdin)
        return done.returncode, done.stdout + done.stderr

    def link(self, *words, **options) -> str:
        """What `causeway link WORDS` prints."""
        status, text = self.command("link", *words, **options)
        if status != 0:
            raise Refused(text)
        return text

    def invite(self, partner, *options) -> str:
        """The invitation."""
        return re.search(r"^(cwi1[a-z2-7]+)$", self.link("invite", partner, *options), re.MULTILINE)[1]

    def show(self, partner) -> dict:
        return json.loads(self.link("show", partner, "--json"))

    def state(self, partner):
        """None: there is no such link."""
        try:
            return self.show(partner)["state"]
        except Refused:
            return None

    def words(self, partner) -> str:
        return self.show(partner)["words"]

    def wait_state(self, partner, *states, seconds=45) -> str:
        """The state, once it is one of these, or at the end of the time."""
        wait_for(lambda: self.state(partner) in states, seconds, 0.1)
        return self.state(partner)

    def log_text(self) -> str:
        return self.process.log()

    def audit(self) -> list:
        path = self.folder / "data" / "audit.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def metric(self, pattern) -> float:
        """The sum of the samples whose line has PATTERN in front of the number."""
        text = self.operators("/metrics")[1]
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(pattern, line))


def link_two(inviter, joiner, names=None):
    """From nothing to active, by what two operators type. names: what each calls the other."""
    theirs, ours = names or (joiner.org.partition(".")[0], inviter.org.partition(".")[0])
    joiner.link("join", inviter.invite(theirs), "--as", ours)
    words = inviter.words(theirs)
    assert words == joiner.words(ours), (words, joiner.words(ours))
    inviter.link("confirm", theirs, *words.split())
    joiner.link("confirm", ours, *words.split())
    for gateway, partner in ((inviter, theirs), (joiner, ours)):
        state = gateway.wait_state(partner, "active")
        assert state == "active", (gateway.org, gateway.show(partner), gateway.log_text()[-2000:])


def link_peer(gateway, peer, partner=None):
    """The same with a kit.link_peer.Peer that joins and listens already; it beats from then on."""
    partner = partner or peer.org.org.partition(".")[0]
    answer = peer.join(gateway.invite(partner))
    assert answer.status == 200, answer
    assert gateway.words(partner) == peer.words, (gateway.words(partner), peer.words)
    gateway.link("confirm", partner, *peer.words.split())
    peer.confirmed = True
    return partner


def seconds_until(condition, limit) -> float:
    began = time.monotonic()
    wait_for(condition, limit, 0.02)
    return time.monotonic() - began


def is_open(address) -> bool:
    return accepts(int(address.rpartition(":")[2]))
