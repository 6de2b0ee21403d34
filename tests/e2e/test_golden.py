# SPDX-License-Identifier: Apache-2.0
"""What a member sees when a call is refused or fails: every answer, as the `ipfs` program and kubo-rpc-client print it.
RIG_RECORD=1 writes golden/refusals.txt anew; read the difference before you commit it."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import unittest

import refusal_rows
from kit import client, kubo, members, relay, settings
from kit.between import Between
from kit.case import RelayCase
from kit.process import wait_for

GOLDEN = pathlib.Path(__file__).with_name("golden") / "refusals.txt"

_MASKED = [
    (re.compile(r"127\.0\.0\.1:[0-9]+"), "127.0.0.1:<port>"),
    (re.compile(r"cw1_[a-z2-7]{10}_[a-z2-7]{52}"), "<token>"),
    (re.compile(r"\S*/policy\.yaml"), "policy.yaml"),
    (re.compile(r"(Retry-After: |try again in )[0-9]+"), r"\1<seconds>"),
]


def masked(text):
    for pattern, word in _MASKED:
        text = pattern.sub(word, text)
    return text


class Golden(RelayCase):
    relay_kinds = ("causeway",)

    def setUp(self):
        reason = kubo.why_not() or (None if os.environ.get("KUBO_RPC_CLIENT") else "no kubo-rpc-client: run through tests/run with Node 20")
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.node = subprocess.Popen(["node", pathlib.Path(__file__).with_name("golden.mjs"), os.environ["KUBO_RPC_CLIENT"]], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self._end_node)
        (self.folder / "a.txt").write_text("x")
        self.numbers = itertools.count()

    def _end_node(self):
        self.node.stdin.close()
        self.node.wait(10)
        self.node.stdout.close()

    def test_refusals_print_as_recorded(self):
        texts = {title_of(row): self._show(row) for row in refusal_rows.ROWS}
        self.assertEqual(len(texts), len(refusal_rows.ROWS), "two rows have one title")
        if os.environ.get("RIG_RECORD"):
            GOLDEN.write_text(HEADING + "\n".join([*texts.values(), not_built()]))
        golden = read_golden()
        self.assertEqual(golden.pop("not built yet"), not_built())
        self.assertEqual(list(golden), list(texts), "the rows of the golden file are others: RIG_RECORD=1 records them")
        for title, text in texts.items():
            with self.subTest(title):
                self.assertEqual(golden[title], text)

    # ---- one row

    def _show(self, row):
        said_to_cli, cli = self._with_gateway(row, self._run_cli)
        said_to_js, js = self._with_gateway(row, self._run_js) if row.js else (said_to_cli, "  kubo-rpc-client has no such call")
        for said in (said_to_cli, said_to_js):
            with self.subTest(title_of(row)):
                self.assertEqual(said and said[0], row.status or 200, said)
        way = f"   [on the way: {row.changed}]" if row.changed else ""
        return masked(f"== {title_of(row)}{way}\n{shown_http(row, said_to_js)}\n$ ipfs {' '.join(row.cli)}\n{cli}\n> {row.js}\n{js}\n")

    def _with_gateway(self, row, action):
        """A gateway of its own for each: the one before may have been stopped, or have counted failures."""
        more = row.more
        if row.policy:
            (self.folder / "policy.yaml").write_text(row.policy)
            more = f"org: lab.example\npolicy: {self.folder}/policy.yaml"
        self.upstream = None if row.port else self.start_upstream(row.script or refusal_rows.after_version(refusal_rows.answers()))
        folder = self.folder / f"gateway-{next(self.numbers)}"
        self.gateway = relay.start(folder, row.port(self) if row.port else self.upstream.port, more=more, limits=row.limits)
        between = Between(self.gateway.port, row.change)
        try:
            credential = self._credential(row)
            if row.policy_then:
                (self.folder / "policy.yaml").write_text(row.policy_then)
                self.assertTrue(wait_for(lambda: "policy version 2" in self.gateway.process.log(), 5))
            if row.prepare is not None:
                row.prepare(self)
            for _ in range(row.before):
                client.ask(self.gateway.port, client.post(row.first, f"Authorization: Bearer {credential}"))
            shown = action(row, between.port, credential)
            wait_for(lambda: between.answer() is not None, 2)
            return between.answer(), shown
        finally:
            between.close()
            relay.stop_well(self.gateway)
            if self.upstream is not None:
                self.upstream.close()

    def _credential(self, row):
        self.token_id = None
        if row.credential == "{narrow}":
            return members.ask_operators(self.gateway, "/token/new", owner=row.member, roles=["reader"])["token"]
        if row.member:
            token = members.ask_operators(self.gateway, "/token/new", owner=row.member)["token"]
            self.token_id = token.split("_")[1]
            return token
        return row.credential

    def revoke(self):
        members.ask_operators(self.gateway, "/token/revoke", id=self.token_id)

    def _meanwhile(self, row):
        if row.meanwhile is not None:
            self.assertTrue(wait_for(lambda: any("/cat" in request.target for request in self.upstream.requests), 5))
            row.meanwhile(self)

    def _run_cli(self, row, port, credential):
        cli = kubo.Cli(self.folder, port)
        auth = ["--api-auth", f"bearer:{credential}"] if credential else []
        popen = cli.popen(*auth, *row.cli, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with popen:
            self._meanwhile(row)
            if row.stdin is None:
                popen.wait(30)
                out, err = popen.stdout.read(), popen.stderr.read()
            else:
                out, err = popen.communicate(row.stdin, timeout=30)
        lines = [f"  {line}" for line in out.decode().splitlines()] + [f"  {line}" for line in visible(err.decode())]
        return "\n".join([*lines, f"  exit {popen.returncode}"])

    def _run_js(self, row, port, credential):
        headers = {"authorization": f"Bearer {credential}"} if credential else {}
        self.node.stdin.write(json.dumps({"url": f"http://127.0.0.1:{port}", "headers": headers, "code": row.js}) + "\n")
        self.node.stdin.flush()
        self._meanwhile(row)
        result = json.loads(self.node.stdout.readline())
        lines = [f"  {item}" for item in result["got"]]
        if "name" in result:
            cause = f" (cause: {result['cause']})" if result.get("cause") else ""
            lines.append(f"  {result['name']}: {result['message']}{cause}")
        return "\n".join(lines) or "  no error"


def title_of(row):
    return f"{row.status or 'cut'}: {row.title}"


def visible(text):
    """The lines that are left of what a program drew on its standard error."""
    return [line for line in re.split(r"\r|\n|\x1b\[2K", text) if line.strip() and not re.match(r"\s*[0-9.]+ [KMG]?i?B\b", line)]


def shown_http(row, said):
    status, headers, body = said
    code = re.search(rb'"Code":([0-9]+)', body)
    words = [f"HTTP {status}" if row.status else "HTTP 200, then cut without an end"]
    words += [f"code {code[1].decode()}"] if code and row.status else []
    words += [f"{name}: {headers[name.lower()]}" for name in ("WWW-Authenticate", "Retry-After", "Allow") if name.lower() in headers]
    return ", ".join(words)


HEADING = """\
What a member sees when a call is refused or fails: first the answer's status and error code, then what the ipfs program
(Kubo 0.43.1) prints, then what kubo-rpc-client throws, with what came before. In brackets: what was changed in the request
on its way, where the client would not send it by itself.

"""


def read_golden():
    """The text of each row by its title."""
    parts = re.split(r"^(?=== )", GOLDEN.read_text(), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0][3:].partition("   [")[0]: part.rstrip("\n") + "\n" for part in parts}


def not_built():
    return "== not built yet\n" + "".join(f"{status}: {what}\n" for status, what in refusal_rows.NOT_BUILT)


# ---- the table is whole

SOURCES = ["http/collect.c", "http/pace.c", "http/relay.c", "http/session.c", "proxy/access_gate.c", "proxy/bring_back.c",
           "proxy/browser.c", "proxy/copies_wait.c", "proxy/front.c", "proxy/identity.c", "proxy/member.c", "proxy/read_back.c", "proxy/rpc.c",
           "proxy/rpc_gate.c", "policy/reason.c"]
_LITERAL = r'"(?:[^"\\\n]|\\.)*"'
_TEXT = re.compile(rf"/\*.*?\*/|{_LITERAL}(?:\s*{_LITERAL})*", re.DOTALL)


def sentences():
    """The sentences in the source of what refuses and fails: strings of at least four words that are no header lines."""
    found = set()
    for name in SOURCES:
        text = re.sub(r"static_assert\(.*?\);|assert\(!.*?\);", "", (settings.root() / name).read_text(), flags=re.DOTALL)
        for match in _TEXT.finditer(text):
            words = "".join(re.findall(_LITERAL, match[0])).replace('""', "")[1:-1] if match[0].startswith('"') else ""
            if words.count(" ") >= 3 and "\\r\\n" not in words:
                found.add(re.sub(r'^\{\\"Message\\":\\"(.*?)\\".*', r"\1", words))
    return found


def as_pattern(sentence):
    parts = re.split(r"%(?:\.\*s|s|zu|u|d|llu|ld)", sentence)
    return re.compile(".*".join(re.escape(part) for part in parts))


class TableIsWhole(unittest.TestCase):
    def test_every_status_has_a_row(self):
        phrases = (settings.root() / "http" / "answer.c").read_text()
        statuses = {int(number) for number in re.findall(r"\{([45][0-9]{2}), \"", phrases)}
        shown = {row.status for row in refusal_rows.ROWS}
        self.assertGreater(len(statuses), 15)
        named = {status for status, _ in refusal_rows.NOT_BUILT} | refusal_rows.OPERATORS_ONLY
        self.assertEqual(statuses - shown - named, set(), "give it a row in refusal_rows.py")
        self.assertLessEqual(shown - {0}, statuses, "http/answer.c has no phrase for it")

    def test_every_sentence_is_shown(self):
        golden = " ".join(GOLDEN.read_text().split("\n"))
        said = sentences()
        self.assertGreater(len(said), 30)
        for sentence in sorted(said):
            if not any(part in sentence for part in refusal_rows.NOT_SHOWN):
                with self.subTest(sentence):
                    self.assertTrue(as_pattern(sentence).search(golden), "give it a row in refusal_rows.py")
        for part in refusal_rows.NOT_SHOWN:
            with self.subTest(part):
                self.assertTrue(any(part in sentence for sentence in said), "no source says this any more: take it out of NOT_SHOWN")
