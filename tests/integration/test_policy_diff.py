# SPDX-License-Identifier: Apache-2.0
"""`policy diff --audit` and `policy test` on what a running gateway has recorded."""

import json
import urllib.parse

from kit.process import wait_for
from member_case import MemberCase
from rpc_case import CID, CID_V0, multipart

POLICY = """\
version: 1
org: lab.example
vars: {here: [127.0.0.0/8]}
members:
  reader: {groups: [readers]}
  writer: {groups: [writers], attributes: {clearance: 2}}
  late: {groups: [writers], expires: 2020-01-01}
groups: {readers: {}, writers: {}}
roles:
  reader: {allow: ["class:tool", "class:read"]}
  writer:
    inherits: [reader]
    allow:
      - add
      - {command: "pin/{add,rm}", where: "cid.codec(arg) in ['raw', 'dag-pb']"}
      - {command: "files/{mkdir,rm}", where: "arg.path under '/home/' + principal.id"}
bind:
  - {to: "group:readers", roles: [reader], when: "net.src in $here"}
  - {to: "group:writers", roles: [writer]}
rules:
  - id: short-names
    deny: pin/add
    when: "has(opt.name) and len(opt.name) > 8"
  - id: small
    deny: add
    when: "not has(req.content_length) or req.content_length > 1000"
  - id: no-bodies
    deny: pin/rm
    unless: "req.content_length < 1000"
  - {id: trial, mode: report, deny: "files/mkdir"}
tests:
  - {as: writer, call: "pin add %s", expect: allow}
""" % CID

PIN = f"/api/v0/pin/add?arg={CID}"


class PolicyDiff(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy(POLICY)

    def make_requests(self):
        """Some of every kind: by condition, by token, in bodies, unknown length, denied by rule, nobody's."""
        tokens = {name: self.token(name) for name in ("reader", "writer", "late")}
        narrowed = self.token("writer", "--roles", "reader")
        upload_type, upload = multipart(("file", "a", b"x"))
        _, big = multipart(("file", "a", b"x" * 2000))
        pins_type, pins = multipart(("file", "stdin", f"{CID}\n{CID_V0}\n".encode()))
        for token in (*tokens.values(), narrowed):
            for target in (PIN, PIN + "&name=short", PIN + "&name=much-too-long", f"{PIN}&arg={CID_V0}&recursive=false",
                           f"/api/v0/pin/rm?arg={CID}", "/api/v0/files/mkdir?arg=/home/writer/a", "/api/v0/files/mkdir?arg=/home/other",
                           f"/api/v0/pin/add?arg={urllib.parse.quote('/ipfs/' + CID + '/ä ö')}", "/api/v0/key/gen?arg=x", "/api/v0/shutdown",
                           f"/api/v0/cat?arg={CID}", "/api/v0/pin/ls?type=recursive"):
                self.ask_as(token, target)
            self.ask_as(token, "/api/v0/add?pin=false&wrap-with-directory=true", body=upload, content_type=upload_type)
            self.ask_as(token, "/api/v0/add", body=big, content_type=upload_type)
            self.ask_as(token, "/api/v0/pin/add", body=pins, content_type=pins_type)
            self.ask_as(token, "/api/v0/add", "Transfer-Encoding: chunked", length=False, content_type=upload_type,
                        body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(upload), upload))
        self.ask(PIN)
        self.ask(f"/api/v0/cat?arg={CID}", "X-Request-Id: \"\\\xe4")

    def recorded(self):
        """The decisions in the audit log, once all are there."""
        read = lambda: [line for line in self.audit() if "policy" in line]  # noqa: E731
        count = -1

        def is_settled():
            nonlocal count
            before, count = count, len(read())
            return count == before

        self.assertTrue(wait_for(is_settled, 5, step=0.3))
        return read()

    def diff(self, new, *options):
        path = self.folder / "new.yaml"
        path.write_text(new)
        # the guide's form: without --config
        return self.plain("policy", "diff", self.policy_path, path, "--audit", self.gateway.folder / "data" / "audit.log", *options)

    def test_the_same_policy_decides_every_recorded_request_as_it_was(self):
        self.make_requests()
        lines = self.recorded()
        self.assertGreater(len(lines), 40)
        self.assertEqual({line["decision"] for line in lines}, {"allow", "deny"})
        result = self.diff(POLICY)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.splitlines(), ["no rights change", f"0 of {len(lines)} recorded requests would be decided otherwise"])
        self.assertEqual(result.returncode, 0)

    def test_it_names_the_requests_that_would_be_decided_otherwise(self):
        self.make_requests()
        lines = self.recorded()
        result = self.diff(POLICY.replace("> 8", "> 4").replace("  - {id: trial, mode: report,", "  - {id: trial,"), "--json")
        told = [json.loads(line) for line in result.stdout.splitlines()]
        requests = {line["line"]: line for line in told if line["kind"] == "request"}
        audit = self.audit()
        expected = {number for number, line in enumerate(audit, 1) if line.get("decision") == "allow" and (
            ["name", "short"] in line.get("options", []) or line.get("command") == "files/mkdir")}
        self.assertEqual(set(requests), expected)
        self.assertTrue(expected)
        for number, line in requests.items():
            self.assertEqual((line["before"], line["after"]), ("allow", "deny"))
            self.assertEqual(line["command"], audit[number - 1]["command"])
            self.assertEqual(line["principal"], "member:" + audit[number - 1]["principal"]["id"])
            self.assertIn(line["after_by"], ("short-names", "trial"))
        summary = told[-1]
        self.assertEqual((summary["decided"], summary["changed"], summary["unlike_recorded"]), (len(lines), len(expected), 0))

    def test_lines_of_another_policy_are_told(self):
        token = self.token("writer")
        self.ask_as(token, PIN)
        self.assertTrue(wait_for(lambda: len(self.audit()) == 2, 5), "the making of the token, and the call")
        self.policy_path.write_text(POLICY.replace("bind:", "bind: []\nvoid:").split("void:")[0])
        result = self.diff(self.policy_path.read_text())
        self.assertIn("1 were decided otherwise than the first policy does", result.stdout)

    def test_the_files_own_tests_run_as_at_the_reload(self):
        self.assertEqual(self.plain("policy", "test", self.policy_path).stdout, "1 test passed, 0 failed\n")
        self.policy_path.write_text(POLICY.replace("expect: allow", "expect: deny"))
        result = self.plain("policy", "test", self.policy_path)
        self.assertEqual(result.returncode, 1)
        reload = self.command("reload", check=False)
        self.assertEqual(reload.returncode, 1)
        line = POLICY[:POLICY.index("  - {as: writer, call")].count("\n") + 1
        for text in (result.stdout, reload.stderr):
            self.assertIn(f"policy.yaml:{line}:", text)
