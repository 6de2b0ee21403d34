# SPDX-License-Identifier: Apache-2.0
"""The embedded node says what an offline Kubo beside it says, to the `ipfs` program and to kubo-rpc-client: output, errors and exit
codes. What it does not have it refuses by name."""

import re

from differential import BesideEmbedded, OfMember
from test_differential_cli import MISSING, MISSING_PB, Cli
from test_differential_js import OTHER, JavaScript

# Needs keys, names or a network, or is deprecated in Kubo too.
COMMANDS_NOT_HERE = (["key"], ["name"], ["object", "diff"], ["object", "patch"], ["pin", "remote"], ["version", "deps"])
OPTIONS_NOT_HERE = {
    "--chunker=rabin": "chunker 'rabin' is not supported",
    "--chunker=buzhash": "chunker 'buzhash' is not supported",
    "--trickle": "the option 'trickle' is not supported by the embedded node",
    "--hash=identity": "the identity hash is not supported",
}
# It is its own node: other keys, another version, another place.
OF_ITSELF = (["id"], ["repo", "stat"], ["stats", "repo"])
# Kubo ends well without a word when JSON breaks off inside; and a block that is not here is told at once, not after the timeout.
OTHERWISE = (["dag", "put"], ["block", "stat", "--timeout=50ms", MISSING], ["pin", "add", "--timeout=50ms", MISSING])


def begins_with(words, beginnings):
    return any(list(words[:len(beginning)]) == beginning for beginning in beginnings)


class BesideKubo(BesideEmbedded):
    """Mixed into the differential tests: what is not here is asked of the gateway alone, so that both go on with the same content."""

    def same(self, *words, **options):
        refusal = self.refusal(words)
        if refusal is not None:
            with self.subTest(words):
                return self.refused_by_name(words, refusal, options.get("stdin"))
        if begins_with(words, OF_ITSELF):
            with self.subTest(words):
                return self.own(words)
        if list(words) in OTHERWISE:
            return self.otherwise(words, options.get("stdin"))
        return super().same(*words, **options)

    @staticmethod
    def refusal(words):
        """What must be said if this is not here, else None."""
        said = [text for option, text in OPTIONS_NOT_HERE.items() if option in words]
        if begins_with(words, COMMANDS_NOT_HERE):
            said.append("the embedded node does not have this command")
        return said[0] if said else None

    def refused_by_name(self, words, refusal, stdin):
        code, out, err = self.gateway.run(*words, stdin=stdin)
        self.assertEqual(code, 1, err)
        self.assertIn(refusal, err.decode())
        return code, out.decode(), err.decode()

    def own(self, words):
        results = self.both(lambda side: side.run(*words))
        shapes = [sorted(re.findall(r"^ *\"?(\w+)\"?:", out.decode(), re.M)) for _, out, _ in results]
        self.assertEqual([code for code, _, _ in results], [0, 0])
        self.assertEqual(*shapes)
        return 0, results[0][1].decode(), ""

    def otherwise(self, words, stdin):
        results = self.both(lambda side: side.run(*words, stdin=stdin))
        if results[0] != results[1]:
            with self.subTest(words):
                self.assertEqual(results[1][0], 1)
                self.assertRegex(results[1][2].decode(), "^Error: .")
        return results[1][0], results[1][1].decode(), results[1][2].decode()


class EmbeddedCli(BesideKubo, Cli):
    # of commands that are not here
    test_keys = test_names = test_names_are_read_as_paths = test_pubsub = None
    # asks the node behind which calls run; what the gateway does when its client leaves is tested before a Kubo
    test_ctrl_c_ends_the_call_at_the_node = None

    def test_what_needs_keys_or_names_is_refused_by_name(self):
        for words in (["key", "gen", "one"], ["key", "list"], ["key", "rm", "one"], ["key", "rename", "one", "two"],
                      ["name", "publish", MISSING], ["name", "resolve"], ["name", "inspect"]):
            self.same(*words, stdin=b"x")

    def test_names_cannot_be_resolved(self):
        for words in (["cat", "/ipns/no.such.invalid"], ["ls", "/ipns/nonsense"], ["resolve", "/ipns/nonsense"], ["pin", "add", "/ipns/nonsense"]):
            self.assertEqual(self.gateway.run(*words)[0], 1, words)

    def test_pubsub_needs_a_network(self):
        for words in (["pubsub", "ls"], ["pubsub", "pub", "topic"], ["pubsub", "peers"]):
            self.same(*words, stdin=b"nobody listens")

    def test_missing_blocks_are_told_at_once(self):
        for words in (["cat", MISSING], ["get", MISSING], ["ls", MISSING_PB], ["refs", "-r", MISSING_PB], ["pin", "add", MISSING], ["dag", "get", MISSING],
                      ["dag", "export", MISSING_PB], ["dag", "stat", MISSING_PB], ["block", "get", MISSING], ["files", "cp", f"/ipfs/{MISSING}", "/missing"]):
            self.ill(*words)


class EmbeddedCliOfMember(OfMember, EmbeddedCli):
    """The same with a policy and its one member's token."""


class EmbeddedJavaScript(BesideEmbedded, JavaScript):
    other = {
        **OTHER,
        "key.": "the embedded node does not have this command",
        "object.patch": "the embedded node does not have this command",
        "name.publish": "the embedded node does not have this command|invalid path",
        "name.resolve": "the embedded node does not have this command",
        "name.pubsub.state": "IPNS pubsub",
        'add {"chunker":"rabin': "chunker 'rabin[^']*' is not supported",
        'add big {"chunker":"rabin': "chunker 'rabin[^']*' is not supported",
        'add {"trickle"': "the option 'trickle' is not supported by the embedded node",
        'add big {"trickle"': "the option 'trickle' is not supported by the embedded node",
        **{f"{name} /ipns/": "could not resolve name" for name in ("cat", "ls", "refs", "resolve", "pin.add", "files.stat")},
        "id": '"agentVersion":"causeway/',
        "version": '"version":"0.43.1"',
        # what was refused above is not there; Kubo's folder for its own files is
        "refs.local": "bafy|bafk",
        **{f"pin.ls {options}": "baf" for options in ("{}", '{"type":"recursive"}', '{"names":true}')},
    }


del Cli, JavaScript
