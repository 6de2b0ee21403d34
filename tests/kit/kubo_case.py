# SPDX-License-Identifier: Apache-2.0
"""The base of tests that put a gateway before a real Kubo, with the `ipfs` program before both."""

import functools
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from kit import kubo, members, relay, settings


def why_not(variable="KUBO"):
    """Why no gateway can be put before that Kubo here, or None."""
    return settings.target() != "causeway" and f"not for {settings.target()}" or relay.why_not() or kubo.why_not(variable)


class either:
    """A method of a class, in setUpClass for all of its tests, or of one test: `at` is what it was called on. There stands what
    it makes, and with that it ends."""

    def __init__(self, function):
        self._function = function

    def __get__(self, test, case):
        return functools.partial(self._function, case if test is None else test)


class KuboCase(unittest.TestCase):
    """setUpClass or setUp calls start_kubo, then start_gateway. A gateway that does not end well fails."""

    variable = "KUBO"  # which one: see kit.kubo.binary
    relay = None

    @classmethod
    def setUpClass(cls):
        reason = why_not(cls.variable)
        if reason:
            raise unittest.SkipTest(reason)

    @either
    def when_done(at, *call, **options):
        (at.addClassCleanup if isinstance(at, type) else at.addCleanup)(*call, **options)

    @either
    def start_kubo(at, name="kubo", **options):
        """A node in at.folder, which is made before the first."""
        if "folder" not in vars(at):  # not that of a class which this one is derived from
            at.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
            at.when_done(shutil.rmtree, at.folder, ignore_errors=True)
        node = kubo.Kubo(at.folder, kubo.binary(at.variable), name=name, **options)
        at.when_done(node.stop)
        return node

    @either
    def cli_of(at, port):
        """The `ipfs` program, of the Kubo's own version, at this port."""
        return kubo.Cli(at.folder, port, binary=kubo.binary(at.variable))

    @either
    def start_gateway(at, names=(), *, port=None, policy=None, quotas=(), **options):
        """at.relay before at.kubo, or what stands before that at this port; at.cli before it, at.direct before Kubo itself, and at.tokens, one for each of these members. The
        policy is this text, or one where they are all alike (kit.members); without names, there is none."""
        if policy is not None:
            (at.folder / "policy.yaml").write_text(policy)
            options["more"] = f"org: lab.example\npolicy: {at.folder}/policy.yaml"
        elif names:
            options["more"] = members.write_policy(at.folder, names, quotas)
        at.relay = relay.start(at.folder, port or at.kubo.port, **options)
        at.when_done(relay.stop_well, at.relay)
        at.cli, at.direct = at.cli_of(at.relay.port), at.cli_of(at.kubo.port)
        at.tokens = dict(zip(names, members.mint(at.relay, names))) if names else {}

    def evidence(self):
        return self.relay.process.log()[-3000:] if self.relay else ""

    # ---- calls

    @either
    def straight(at, *words, cli=None, **options):
        """What the `ipfs` program says at Kubo itself, or at another node's."""
        done = (cli or at.direct).run(*words, **options)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def run_as(self, who, *words, **options):
        """The `ipfs` program with this member's token."""
        return self.cli.run("--api-auth", f"bearer:{self.tokens[who]}", *words, timeout=60, errors="replace", **options)

    def good(self, who, *words, **options):
        done = self.run_as(who, *words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, who, text, *words, **options):
        done = self.run_as(who, *words, **options)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(text, done.stderr)
        return done.stderr

    def causeway(self, *words, status=0):
        """A command of the gateway's operators. status None: it may end with any."""
        done = subprocess.run([relay.causeway_program(), *words, "--config", str(self.relay.config)], capture_output=True, text=True,
                              timeout=120)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{words}\n{done.stdout}\n{done.stderr}\n{self.evidence()}")
        return done

    def check(self):
        """What the check of the ledger says, sound or not."""
        return json.loads(self.causeway("ledger", "check", "--json", status=None).stdout)
