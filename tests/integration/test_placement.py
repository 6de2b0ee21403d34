# SPDX-License-Identifier: Apache-2.0
"""`causeway place` and `causeway plan`, which work on files."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from kit import relay

HEAD = """version: 1
org: lab.example
members: {alice: {groups: [lab]}}
groups: {lab: {}}
roles: {r: {allow: [add]}}
bind: [{to: "member:alice", roles: [r]}]
placement:
  labels: {class: {values: [public, secret]}}
  sites:
    local: {attributes: {country: DE}}
    beta: {attributes: {country: FR}}
    gamma: {attributes: {country: FR}}
    delta: {attributes: {country: US}}
"""
RULES = """  rules:
    - {id: default, copies: {min: 2, want: 3}, filter: "site.free > 2 * object.size", spread: {country: 1}}
    - {id: secret, priority: 1, for: "label.class == 'secret'", copies: {min: 2}, filter: "site.country in ['DE', 'FR']"}
"""
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


class Placement(unittest.TestCase):
    def setUp(self):
        if relay.why_not("causeway"):
            self.skipTest(relay.why_not("causeway"))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.policy = self.write("policy.yaml", HEAD + RULES)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def run_command(self, *words, expect=0, given=None):
        result = subprocess.run([relay.causeway_program(), *map(str, words)], capture_output=True, text=True, timeout=20, input=given)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def place(self, *words, expect=0):
        return self.run_command("place", "--policy", self.policy, *words, expect=expect)

    def test_place_says_where_copies_go_and_by_which_rule(self):
        said = self.place(CID, "--size", "1GiB")
        self.assertIn("complete: 3 of at least 2 and at best 3 copies by rule 'default' (", said)
        self.assertIn("policy.yaml:15)", said)
        self.assertEqual(said.splitlines()[1], "  local")
        answer = json.loads(self.place(CID, "--size", "1GiB", "--json"))
        self.assertEqual(len(answer["sites"]), 3)
        self.assertEqual(answer["sites"][0], "local")
        self.assertNotIn("why", answer)

    def test_place_explains_each_site(self):
        sites = self.write("sites.json", "\n".join(json.dumps(site) for site in (
            {"site": "local", "free": 10**12}, {"site": "beta", "free": 10**9}, {"site": "gamma", "linked": False})))
        said = self.place(CID, "--size", "1GiB", "--sites", sites, "--explain", expect=1)
        self.assertIn("stuck: 1 of at least 2", said)
        self.assertIn("beta             site.free > 2 * object.size does not hold: site.free is 1000000000, object.size is 1073741824", said)
        self.assertIn("gamma            no link", said)
        self.assertIn("delta            not observed", said)
        self.assertIn("of 4 sites: 1 taken, ", said)
        why = json.loads(self.place(CID, "--size", "1GiB", "--sites", sites, "--explain", "--json", expect=1))["why"]
        self.assertEqual({site["site"]: site["outcome"] for site in why},
                         {"local": "taken", "beta": "refused", "gamma": "refused", "delta": "refused"})

    def test_place_takes_labels_that_are_tighter(self):
        self.assertIn("by rule 'secret'", self.place("--label", "class=secret"))
        self.assertIn("'sekret' is no value of the label 'class'", self.place("--label", "class=sekret", expect=1))
        self.assertIn("--size", self.place("--size", "much", expect=2))

    def test_place_needs_the_section(self):
        self.policy = self.write("other.yaml", HEAD.split("placement:")[0])
        self.assertIn("the policy has no section 'placement'", self.place(expect=1))

    def test_plan_tells_what_moves_before_it_is_made(self):
        without = self.write("without.yaml", HEAD.replace("    gamma: {attributes: {country: FR}}\n", "") + RULES)
        said = self.run_command("plan", self.policy, without, "--count", "1000")
        self.assertIn("made-up objects", said)
        self.assertRegex(said, r"gamma +\d+ +0 +0 +\d+")
        plan = json.loads(self.run_command("plan", "--json", self.policy, without, "--count", "1000"))
        self.assertEqual(plan["copies_added"], plan["released"]["gone"])
        self.assertEqual(plan["bytes_added"], plan["copies_added"] * 2**30)
        self.assertGreater(plan["released"]["gone"], 300)

    def test_plan_takes_objects_from_its_input_and_lists_them(self):
        strict = self.write("strict.yaml", HEAD + RULES.replace("site.free >", "site.country != 'US' and site.free >"))
        objects = json.dumps({"cid": CID, "bytes": 10, "sites": ["local", "delta"]}) + "\n" + \
            json.dumps({"cid": CID, "bytes": 10, "labels": {"class": "secret"}, "sites": ["local", "beta"]}) + "\n"
        lines = self.run_command("plan", "--json", "--list", "--objects", "-", self.policy, strict, given=objects).splitlines()
        self.assertEqual(len(lines), 2)
        change, plan = map(json.loads, lines)
        self.assertEqual(change["cid"], CID)
        self.assertEqual(change["released"], [{"site": "delta", "cause": "filtered"}])
        self.assertEqual(len(change["added"]), 1)
        self.assertEqual((plan["objects"], plan["changed"], plan["bytes_added"]), (2, 1, 10))
        self.assertIn("-:2: one JSON object stands on each line",
                      self.run_command("plan", "--objects", "-", self.policy, strict, given=objects.splitlines()[0] + "\nx\n", expect=1))

    def test_a_test_in_the_policy_that_fails_says_why(self):
        path = self.write("tested.yaml", HEAD + RULES + 'tests:\n  - {place: {size: 1GiB}, expect: {not: [delta]}}\n'
                          '  - {place: {size: 1GiB}, by: secret}\n  - {place: {}, expect: {copies: 4}}\n')
        said = self.run_command("policy", "test", path, expect=1)
        self.assertIn("tested.yaml:18:41: error: 'delta' may have a copy; complete: 3 of at least 2", said)
        self.assertIn("tested.yaml:19:31: error: another rule is for it; complete: ", said)
        self.assertIn("tested.yaml:20:34: error: there are 3 copies; ", said)

    def test_a_gateway_without_a_port_for_partners_does_not_start_with_it(self):
        self.write("causeway.yaml", "org: lab.example\npolicy: policy.yaml\ndata: data\n")
        result = subprocess.run([relay.causeway_program(), "serve", "--config", self.folder / "causeway.yaml"], capture_output=True, text=True,
                                timeout=20)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("a section 'placement', and this gateway no port for partners", result.stdout + result.stderr)
