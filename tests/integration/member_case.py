# SPDX-License-Identifier: Apache-2.0
"""The base of the tests with members: a gateway with a policy before a recording upstream, and tokens from the command line."""

import base64
import json
import subprocess
import time

from kit import relay
from rpc_case import RpcCase

POLICY = """\
version: 1
org: lab.example
members:
  reader: {groups: [readers]}
  writer: {groups: [writers]}
  chief: {groups: [chiefs]}
groups: {readers: {}, writers: {}, chiefs: {}}
roles:
  reader: {allow: ["class:tool", "class:read"]}
  writer: {inherits: [reader], allow: ["class:write", "class:pin"]}
  chief: {inherits: [writer], allow: ["class:files", "class:key", "class:network", "class:repo", "class:pubsub"], rights: [shared-node]}
bind:
  - {to: "group:readers", roles: [reader]}
  - {to: "group:writers", roles: [writer]}
  - {to: "group:chiefs", roles: [chief]}
tests:
  - {as: reader, call: "add", expect: deny}
  - {as: writer, call: "add", expect: allow}
"""


class MemberCase(RpcCase):
    def start_with_policy(self, policy=POLICY, script=None, more="", **options):
        (self.folder / "policy.yaml").write_text(policy)
        self.start(script, more=f"org: lab.example\npolicy: {self.folder}/policy.yaml\n{more}", **options)
        self.policy_path = self.folder / "policy.yaml"

    def command(self, *words, check=True):
        """Runs `causeway WORDS --config ...`; its result, with output as text. Who finds a reload under way, for the gateway saw
        the file itself, asks again: then what is said is of the file as it is."""
        end = time.monotonic() + 20
        while True:
            result = subprocess.run([relay.causeway_program(), *words, "--config", self.gateway.config], text=True,
                                    capture_output=True, timeout=30)
            if "a reload is under way" not in result.stderr or time.monotonic() > end:
                break
            time.sleep(0.1)
        if check:
            self.assertEqual(result.returncode, 0, result.stderr)
        return result

    @staticmethod
    def plain(*words):
        """Runs `causeway WORDS`, without a configuration."""
        return subprocess.run([relay.causeway_program(), *words], text=True, capture_output=True, timeout=30)

    def token(self, member, *options):
        """A new token: its text."""
        return json.loads(self.command("token", "new", member, "--json", *options).stdout)["token"]

    def ask_as(self, token, target, *headers, **options):
        return self.ask(target, f"Authorization: Bearer {token}", *headers, **options)

    @staticmethod
    def basic(user, password):
        return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def audit(self):
        """The audit log's lines as objects."""
        path = self.gateway.folder / "data" / "audit.log"
        return [json.loads(line) for line in path.read_text().splitlines()]
