# SPDX-License-Identifier: Apache-2.0
"""Organizations with links and the storage of each behind it, embedded or a Kubo of its own: what they hold of each other, and how
each of their parts is killed or lost."""

import filecmp
import json
import pathlib
import random
import shutil
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from kit import kubo, relay
from kit.embedded_case import EmbeddedNode
from kit.link_gateway import link_two
from kit.process import wait_for
from kit.settings import MIB
from link_case import LinkCase

EMBEDDED, KUBO, KUBO_0_39 = "embedded", "KUBO", "KUBO_0_39"  # the last two as kit.kubo.binary

_GRANT = "  - {{partner: {partner}, we_store: {{bytes: {size}, pins: 10000}}, they_store: {{bytes: {size}}}}}\n"


_ODD = {1: b"alike" * 100, 3: b"small"}


def make_tree(folder, files, size, seed):
    """FILES files of SIZE bytes in all below FOLDER, a few of them of many blocks; some alike, and very small."""
    source = random.Random(seed)
    small = size // (files * 2)
    big = {index: size // 2 // 5 for index in range(0, files, max(files // 5, 1))}
    for index in range(files):
        path = folder / f"part-{index % 7}" / f"file-{index:05}-{source.randrange(1 << 32):08x}"
        path.parent.mkdir(parents=True, exist_ok=True)
        length = big.get(index, source.randrange(2 * small + 1))
        if index % 50 in _ODD:
            path.write_bytes(_ODD[index % 50])
            continue
        with open(path, "wb") as file:
            while length > 0:
                length -= file.write(source.randbytes(min(length, 16 * MIB)))
    return folder


def difference(one, other):
    """Of two trees: the paths that differ; none is what is hoped for."""
    paths = {str(path.relative_to(tree)) for tree in (one, other) for path in tree.rglob("*")}
    return sorted(path for path in paths if not _is_alike(one / path, other / path))


def _is_alike(one, other):
    if one.is_dir() or other.is_dir():
        return one.is_dir() and other.is_dir()
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


class Node:
    """A Kubo behind a gateway, online with nobody to talk to."""

    def __init__(self, case, name, variable, settings=()):
        self._make = lambda: kubo.Kubo(case.folder, kubo.binary(variable), settings, name=f"kubo-{name}", online=True)
        self.kubo = self._make()
        case.addCleanup(lambda: self.kubo.stop())
        self.is_killed = False

    @property
    def port(self):
        return self.kubo.port

    def cli(self, folder):
        """Of its operator, straight at it."""
        return kubo.Cli(folder, self.port, binary=self.kubo.binary)

    def lines(self, target):
        return [json.loads(line) for line in self.kubo.ask(target).splitlines()]

    def pins(self):
        """All of the recursive ones, as {CID: name}."""
        return {cid: pin.get("Name", "") for cid, pin in json.loads(self.kubo.ask("pin/ls?type=recursive&names=true"))["Keys"].items()}

    def peers(self):
        """Of the network of IPFS."""
        return json.loads(self.kubo.ask("swarm/peers"))["Peers"] or []

    def blocks_below(self, cid):
        """Raises if one is missing."""
        found = [line for line in self.lines(f"refs?arg={cid}&recursive=true&unique=true&offline=true")]
        assert not any(line.get("Err") for line in found), found[-3:]
        return {line["Ref"] for line in found}

    def lose(self):
        """Another empty repository in its place, at the same address."""
        self.kubo.stop()
        shutil.rmtree(self.kubo.folder / "repo")
        self.kubo.initialize()
        self.kubo.start()


class Organization:
    """storage: EMBEDDED, KUBO or KUBO_0_39; settings: of the Kubo."""

    def __init__(self, case, org, storage, settings=()):
        self.case, self.name, self.storage = case, org.partition(".")[0], storage
        self.node = None if storage == EMBEDDED else Node(case, self.name, storage, settings)
        self.gateway = case.start_gateway(org, upstream_port=self.node.port if self.node else None)
        token = next(word for word in self.command("token", "new", "ada").split() if word.startswith("cw1_"))
        self.member = kubo.Cli(case.folder, self.gateway.port, binary=kubo.binary())
        self._auth = ("--api-auth", f"bearer:{token}")

    def command(self, *words):
        status, text = self.gateway.command(*words, seconds=600)
        self.case.assertEqual(status, 0, f"{words}\n{text}")
        return text

    def ipfs(self, *words, **options):
        """What the `ipfs` program of a member prints."""
        done = self.try_ipfs(*words, **options)
        self.case.assertEqual(done.returncode, 0, f"{words}\n{done.stdout}\n{done.stderr}\n{self.case.evidence()}")
        return done.stdout.strip()

    def try_ipfs(self, *words, **options):
        return self.member.run(*self._auth, *words, **options)

    def agree(self, partners, *, copies=1, size="100GiB"):
        """Its policy: what they may store here, and how many copies there are to be."""
        path = next(self.gateway.folder.parent.glob(f"policy-{self.gateway.org}-*.yaml"))
        grants = "".join(_GRANT.format(partner=partner, size=size) for partner in partners)
        sites = ", ".join(f"{partner}: {{}}" for partner in partners)
        rules = f"    - {{id: all, copies: {{min: 1, want: {copies}}}}}\n"
        text = path.read_text().partition("grants:")[0]
        path.write_text(f"{text}grants:\n{grants}placement:\n  sites: {{local: {{}}, {sites}}}\n  rules:\n{rules}")
        before = self.log().count("reloaded")
        self.gateway.reload()
        self.case.assertTrue(wait_for(lambda: self.log().count("reloaded") > before, 20), self.log()[-2000:])

    def log(self):
        return self.gateway.log_text()

    # ---- what is there

    def copies(self, cid, role="owner"):
        """By partner: those of ours there, or (holder) those of theirs here."""
        found = json.loads(self.command("pin", "status", cid, "--json"))["copies"]
        return {copy["site"]: copy for copy in found if copy.get("role") == role}

    def state(self, cid, partner, role="owner"):
        return self.copies(cid, role).get(partner, {}).get("state")

    def wait_state(self, cid, partner, state, role="owner", seconds=120):
        wait_for(lambda: self.state(cid, partner, role) == state, seconds, 0.2)
        copy = self.copies(cid, role).get(partner, {})
        self.case.assertEqual(copy.get("state"), state, f"{self.name}: {copy}\n{self.case.evidence()}")
        return copy

    def wait_gone(self, cid, owner, seconds=60):
        """What is held for it."""
        wait_for(lambda: self.state(cid, owner, "holder") in (None, "gone"), seconds, 0.2)
        self.case.assertIn(self.state(cid, owner, "holder"), (None, "gone"), f"{self.name}\n{self.case.evidence()}")

    def moved(self, direction):
        """Bytes of blocks over links since its gateway's start."""
        return self.gateway.metric(f'causeway_link_bytes_total{{direction="{direction}"}}')

    def pins(self):
        """What the storage has pinned recursively: {CID: name}."""
        if self.node:
            return self.node.pins()
        node = EmbeddedNode(types.SimpleNamespace(relay=self.gateway))
        return {cid: name for cid, mode, name in node.pins() if mode == "recursive"}

    def assert_holds(self, cid, blocks):
        """It is kept by a pin of the gateway's, and nothing below it is missing in a Kubo."""
        found = [name for pinned, name in self.pins().items() if pinned == cid]
        self.case.assertEqual(len(found), 1, self.pins())
        self.case.assertRegex(found[0], "^cw:[0-9a-f-]{36}$")
        if self.node:
            self.case.assertEqual(self.node.blocks_below(cid), blocks)

    # ---- how it ends

    def kill_gateway(self):
        self.gateway.kill()

    def kill_node(self):
        self.node.kubo.kill()

    def lose_storage(self):
        """The disk burns. The gateway sees it only if it is its own."""
        if self.node:
            self.node.lose()
            return
        relay.stop_well(self.gateway)
        shutil.rmtree(self.gateway.folder / "data" / "blocks")
        self.gateway.start()


class OrganizationsCase(LinkCase):
    def setUp(self):
        super().setUp()
        if reason := kubo.why_not():
            self.skipTest(reason)
        self.organizations = []
        self.work = self.folder / "work"  # beside the policies: what comes and goes in their folder is read
        self.work.mkdir()

    def start_organization(self, name, storage, **options):
        if storage != EMBEDDED and (reason := kubo.why_not(storage)):
            self.skipTest(reason)
        made = Organization(self, f"{name}.example", storage, **options)
        self.organizations.append(made)
        return made

    def link_all(self):
        for index, one in enumerate(self.organizations):
            for other in self.organizations[index + 1:]:
                link_two(one.gateway, other.gateway)

    def assert_no_network(self):
        """No node of theirs knows any other one but by way of the links."""
        for organization in self.organizations:
            if organization.node:
                self.assertEqual(organization.node.peers(), [])

    def evidence(self):
        return "\n".join(f"--- {organization.name}\n{organization.log()[-2500:]}" for organization in self.organizations)
