# SPDX-License-Identifier: Apache-2.0
"""Reader, writer, admin and nobody with the `ipfs` program and kubo-rpc-client, before a real Kubo: exactly their commands, in
every form of the credential, and refusals that these programs show as a sentence. The policy is the one that `causeway init`
writes, with the changes that its comments propose."""

import base64
import json
import os
import pathlib
import re
import subprocess
import unittest

from kit import members, relay
from kit.kubo_case import KuboCase

ALL = {"anonymous", "reader", "writer", "admin"}
MEMBERS = ALL - {"anonymous"}
WRITERS = {"writer", "admin"}
ADMIN = {"admin"}
NOBODY = set()

# Who may call, and what: {cid} a folder of Kubo's, {block} a raw block, {car} and {file} files, {new} a name not used before.
CLI = [
    (ALL, "version"), (ALL, "commands"),
    (MEMBERS, "cat {cid}/a"), (MEMBERS, "ls {cid}"), (MEMBERS, "get -o {out} {cid}"), (MEMBERS, "refs {cid}"), (MEMBERS, "resolve /ipfs/{cid}/a"),
    (MEMBERS, "block get {block}"), (MEMBERS, "block stat {block}"), (MEMBERS, "dag get {cid}"), (MEMBERS, "dag export --progress=false {cid}"),
    (MEMBERS, "dag resolve {cid}/a"), (MEMBERS, "dag stat --progress=false {cid}"),
    (WRITERS, "add -Q {file}"), (WRITERS, "add -r -Q {folder}"), (WRITERS, "block put {file}"), (WRITERS, "dag put {json}"),
    (WRITERS, "dag import {car}"),
    (WRITERS, "pin add {cid}"), (WRITERS, "pin ls"), (WRITERS, "pin update --unpin=false {cid} {cid}"), (WRITERS, "pin verify"),
    (WRITERS, "pin rm {cid}"),
    (ADMIN, "files mkdir /{new}"), (ADMIN, "files ls /"), (ADMIN, "files write --create /{new} {file}"), (ADMIN, "files stat /"),
    (ADMIN, "files cp /ipfs/{cid} /{new}"), (ADMIN, "files flush"), (ADMIN, "files read /kept"),
    (ADMIN, "key list"), (ADMIN, "key gen {new}"), (ADMIN, "name publish --allow-offline {cid}"),
    (ADMIN, "id"), (ADMIN, "swarm peers"), (ADMIN, "swarm addrs local"), (ADMIN, "bootstrap list"),
    (ADMIN, "repo stat"), (ADMIN, "repo version"), (ADMIN, "refs local"), (ADMIN, "stats repo"),
    (NOBODY, "pubsub ls"), (NOBODY, "pin remote ls --service=x"),
    (NOBODY, "config show"), (NOBODY, "config Addresses.API"), (NOBODY, "config replace {json}"), (NOBODY, "shutdown"), (NOBODY, "repo gc"),
    (NOBODY, "repo verify"), (NOBODY, "log ls"), (NOBODY, "block rm {block}"), (NOBODY, "bootstrap rm all"), (NOBODY, "p2p ls"),
    (NOBODY, "swarm connect /ip4/127.0.0.1/tcp/1/p2p/12D3KooWAGzHFoCYfbd7K8f2mo99zCR5aECe2jSWKjeehyW7c3Wh"),
    (NOBODY, "filestore ls"), (NOBODY, "pin remote service ls"), (NOBODY, "diag cmds"),
]
# The same through kubo-rpc-client: names of roles.mjs.
JS = {
    "version": ALL, "cat": MEMBERS, "ls": MEMBERS, "get": MEMBERS, "refs": MEMBERS, "resolve": MEMBERS, "block.get": MEMBERS,
    "block.stat": MEMBERS, "dag.get": MEMBERS, "dag.export": MEMBERS, "add": WRITERS, "addAll": WRITERS, "block.put": WRITERS,
    "dag.put": WRITERS, "dag.import": WRITERS, "pin.add": WRITERS, "pin.addAll": WRITERS, "pin.ls": WRITERS, "pin.rm": WRITERS,
    "files.mkdir": ADMIN, "files.ls": ADMIN, "files.write": ADMIN, "files.stat": ADMIN, "files.read": ADMIN, "key.list": ADMIN,
    "key.gen": ADMIN, "name.publish": ADMIN, "id": ADMIN, "swarm.peers": ADMIN, "repo.stat": ADMIN, "pubsub.ls": NOBODY,
    "pubsub.publish": NOBODY, "config.getAll": NOBODY, "config.set": NOBODY, "stop": NOBODY, "repo.gc": NOBODY, "log.ls": NOBODY,
    "block.rm": NOBODY, "swarm.connect": NOBODY, "pin.remote.service.ls": NOBODY,
}
NEVER = {"config", "shutdown", "repo gc", "repo verify", "log", "block rm", "bootstrap rm", "p2p", "swarm connect", "filestore",
         "pin remote service", "diag cmds"}


def forms(member, token):
    """The credential in each form: what --api-auth takes, and the Authorization header's value."""
    identity, secret = token.split("_")[1:]
    yield f"bearer:{token}", f"Bearer {token}"
    for pair in (f"{identity}:{secret}", f"{member}:{token}"):
        yield f"basic:{pair}", "Basic " + base64.b64encode(pair.encode()).decode()


class Roles(KuboCase):
    """One Kubo, one gateway, one token for each member."""

    limit_seconds = 600

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubo = cls.start_kubo(online=True)
        cls.start_gateway(sorted(MEMBERS), policy=cls.policy())
        cls.make_inputs()

    @classmethod
    def policy(cls):
        own = cls.folder / "own"
        words = [relay.causeway_program(), "init", own, "--org", "lab.example", "--member", "admin"]
        subprocess.run(words, check=True, capture_output=True)
        text = re.sub(r"^# (.*staff)", r"  \1", (own / "policy.yaml").read_text(), flags=re.MULTILINE)
        text = text.replace("  alice:", "  reader: {}\n  writer:")
        return text.replace("bind:\n", 'bind:\n  - {to: "member:reader", roles: [reader]}\n')

    @classmethod
    def make_inputs(cls):
        folder = cls.folder / "tree"
        folder.mkdir()
        (folder / "a").write_text("a file\n")
        (cls.folder / "json").write_text("{}")
        cid = cls.straight("add", "-r", "-Q", str(folder))
        with open(cls.folder / "car", "wb") as out:
            subprocess.run([cls.direct.binary, "--api", cls.direct.api, "dag", "export", "--progress=false", cid],
                           env=cls.direct.environment, stdout=out, check=True)
        cls.straight("files", "write", "--create", "/kept", str(folder / "a"))
        cls.values = {"cid": cid, "block": cls.straight("block", "put", str(folder / "a")), "file": folder / "a", "folder": folder,
                      "json": cls.folder / "json", "car": cls.folder / "car"}

    def state(self):
        """What Kubo holds, as Kubo says."""
        return [self.kubo.ask(target) for target in ("pin/ls?type=recursive", "files/ls?arg=/", "key/ls")]

    def attempt(self, who, words, credential=None):
        """Of the tables: their words, filled in."""
        auth = ["--api-auth", credential or f"bearer:{self.tokens[who]}"] if who != "anonymous" else []
        self.count = getattr(self, "count", 0) + 1
        filled = words.format(new=f"{who}-{self.count}", out=self.folder / f"out-{who}-{self.count}", **self.values)
        return self.cli.run(*auth, *filled.split(" "), timeout=60, errors="replace")

    def assert_refused(self, who, words, text):
        """One sentence that says what and why; to nobody also what to do."""
        why = "is not available" if any(words.startswith(start) for start in NEVER) else "is denied"
        self.assertIn(why, text)
        self.assertNotIn("{", text)
        if who == "anonymous":
            self.assertIn("--api-auth", text)
        elif why == "is denied":
            self.assertIn(f"member:{who}", text)

    # ---- the ipfs program

    def check_cli(self, who):
        """Every row of the table; what a refused one asked for has not happened."""
        for allowed, words in CLI:
            before = None if who in allowed else self.state()
            done = self.attempt(who, words)
            with self.subTest(words, who=who):
                if who in allowed:
                    self.assertEqual(done.returncode, 0, done.stderr)
                else:
                    self.assertEqual(done.returncode, 1, done.stdout)
                    self.assertEqual(done.stderr.strip().count("\n"), 0, done.stderr)
                    self.assert_refused(who, words, done.stderr)
                    self.assertEqual(self.state(), before)
            if who in allowed and words.startswith("pin rm"):
                self.straight("pin", "add", self.values["cid"])

    def test_a_reader_reads_with_the_ipfs_program_and_nothing_else(self):
        self.check_cli("reader")

    def test_a_writer_writes_and_pins_with_the_ipfs_program(self):
        self.check_cli("writer")

    def test_an_admin_has_files_keys_and_the_node_with_the_ipfs_program(self):
        self.check_cli("admin")

    def test_nobody_has_the_version_with_the_ipfs_program(self):
        self.check_cli("anonymous")
        self.assertTrue(self.kubo.process.is_running())

    def test_the_ipfs_program_takes_every_form(self):
        for who in sorted(MEMBERS):
            for credential, _ in forms(who, self.tokens[who]):
                with self.subTest(credential[:12], who=who):
                    self.assertEqual(self.attempt(who, "cat {cid}/a", credential).stdout, "a file\n")
                    self.assertEqual(self.attempt(who, "add -Q {file}", credential).returncode, 0 if who in WRITERS else 1)
                    self.assertEqual(self.attempt(who, "key list", credential).returncode, 0 if who in ADMIN else 1)

    def test_a_bad_credential_is_a_sentence_in_the_ipfs_program(self):
        token = self.tokens["writer"]
        wrong = token[:-2] + ("aa" if token[-2:] != "aa" else "ba")
        for credential in (f"bearer:{wrong}", f"basic:writer:{wrong}", f"basic:reader:{token}", "basic:writer:password", "bearer:x"):
            with self.subTest(credential[:14]):
                done = self.attempt("writer", "cat {cid}/a", credential)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertRegex(done.stderr, r"^Error: the credential was not accepted: .*operator for a token\n$")

    def test_a_narrowed_and_a_revoked_token_are_sentences_in_the_ipfs_program(self):
        made = members.ask_operators(self.relay, "/token/new", owner="writer", roles=["reader"])["token"]
        self.assertEqual(self.attempt("writer", "cat {cid}/a", f"bearer:{made}").returncode, 0)
        self.assertIn("token", self.attempt("writer", "pin ls", f"bearer:{made}").stderr)
        members.ask_operators(self.relay, "/token/revoke", id=made.split("_")[1])
        self.assertIn("revoked", self.attempt("writer", "cat {cid}/a", f"bearer:{made}").stderr)

    # ---- kubo-rpc-client

    def lines_of(self, who, authorization):
        """What came of each call: its name, "ok" or the error."""
        script = pathlib.Path(__file__).with_name("roles.mjs")
        words = ["node", script, os.environ["KUBO_RPC_CLIENT"], f"http://127.0.0.1:{self.relay.port}", authorization or "",
                 self.values["cid"], self.values["block"], f"js-{who}-{len(authorization or '')}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {line["call"]: line for line in map(json.loads, done.stdout.splitlines())}

    def check_js(self, who, authorization):
        lines = self.lines_of(who, authorization)
        self.assertEqual(set(lines), set(JS))
        for name, allowed in JS.items():
            line = lines[name]
            with self.subTest(name, who=who, form=(authorization or "none").split(" ")[0]):
                if who in allowed:
                    self.assertNotIn("error", line)
                else:
                    self.assertEqual(line["error"], "HTTPError", line)
                    self.assertEqual(line["status"], 403 if authorization else 401)
                    self.assert_refused(who, "config" if "is not available" in line["message"] else name, line["message"])

    @unittest.skipUnless(os.environ.get("KUBO_RPC_CLIENT"), "no kubo-rpc-client: run through tests/run with Node 20")
    def test_each_has_exactly_its_calls_with_kubo_rpc_client_in_every_form(self):
        for who in sorted(MEMBERS):
            for _, authorization in forms(who, self.tokens[who]):
                self.check_js(who, authorization)
        self.check_js("anonymous", None)
        self.assertTrue(self.kubo.process.is_running())
