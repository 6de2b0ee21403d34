# SPDX-License-Identifier: Apache-2.0
"""A Kubo that lets the gateway in with a secret, and to the paths alone that `causeway help kubo-allowed-paths` prints."""

import json
import subprocess
import urllib.error
import urllib.request

from kit import kubo, relay
from kit.case import RelayCase


class AllowedPaths(RelayCase):
    relay_kinds = ("causeway",)

    def test_a_kubo_with_these_paths_serves_the_gateway_and_nothing_else(self):
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        printed = subprocess.run([relay.causeway_program(), "help", "kubo-allowed-paths"], capture_output=True, text=True, check=True).stdout
        paths = json.loads(printed)
        self.assertIn("/api/v0/add", paths)
        self.assertIn("/api/v0/repo/verify", paths)  # for operators
        self.assertNotIn("/api/v0/config/show", paths)
        node = self.keep_node(paths)
        (self.folder / "secret").write_text("Bearer between-us\n")
        (self.folder / "secret").chmod(0o600)
        gateway = self.start_relay(node.port, more="allow: [tool, read, write, pin, files]")
        gateway.stop()
        gateway.write_config(upstream_port=node.port, authorization_file=self.folder / "secret")
        gateway = self.restart(gateway)
        cli = kubo.Cli(self.folder, gateway.port)
        (self.folder / "a.txt").write_text("hello\n")
        added = cli.run("add", "-Q", str(self.folder / "a.txt"))
        self.assertEqual(added.returncode, 0, added.stderr)
        cid = added.stdout.strip()
        for words in (["cat", cid], ["pin", "add", cid], ["pin", "ls", cid], ["files", "cp", f"/ipfs/{cid}", "/a"], ["dag", "stat", cid], ["version"]):
            done = cli.run(*words)
            self.assertEqual(done.returncode, 0, (words, done.stderr))
        self.assertEqual(self.ask_node(node, "config/show", "between-us"), 403)
        self.assertEqual(self.ask_node(node, "id", None), 403)
        self.assertEqual(self.ask_node(node, "id", "between-us"), 200)

    def keep_node(self, paths):
        rule = {"gateway": {"AuthSecret": "bearer:between-us", "AllowedPaths": paths}}
        node = kubo.Kubo(self.folder, settings=[("API.Authorizations", json.dumps(rule))])
        self.addCleanup(node.stop)
        return node

    def restart(self, gateway):
        """The same configuration, in a new process."""
        process = relay.Process("causeway", [relay.causeway_program(), "serve", "--config", gateway.config], gateway.folder)
        self.keep(process)
        process.wait_ready(lambda: relay.accepts(gateway.port))
        return gateway

    @staticmethod
    def ask_node(node, command, secret):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        request = urllib.request.Request(f"http://127.0.0.1:{node.port}/api/v0/{command}", method="POST", headers=headers)
        try:
            return urllib.request.urlopen(request, timeout=20).status
        except urllib.error.HTTPError as error:
            return error.code
