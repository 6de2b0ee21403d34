# SPDX-License-Identifier: Apache-2.0
"""Reloads and revocations under full load: no request fails, none is decided by two policies, and what is taken back ends soon."""

import json
import os
import select
import shutil
import subprocess
import threading
import time
import unittest

from kit import figures, native, settings
from kit.client import Client, upload_head
from kit.http1 import BadMessage, Cut
from kit.process import wait_for
from member_case import MemberCase
from rpc_case import CID, multipart

RUNS_ALONE = True

SECONDS = settings.pick(6, 30)
MEMBERS = settings.pick(500, 10_000)
CAT = f"/api/v0/cat?arg={CID}"
PIN = f"/api/v0/refs?arg={CID}"


def policy(name):
    """One of two policies, "even" and "odd", that share no group, role or rule: who takes anything of one and anything of the
    other is allowed nothing, and told so in words that neither uses."""
    denied = {"even": "refs", "odd": "cat"}[name]
    fillers = "".join(f"  {name}-{number}: {{groups: [{name}]}}\n" for number in range(MEMBERS))
    return (f"version: 1\norg: lab.example\nmembers:\n  tester: {{groups: [{name}]}}\n  other: {{groups: [{name}]}}\n{fillers}"
            f"groups: {{{name}: {{}}}}\nroles:\n  {name}-role: {{allow: [cat, refs, add]}}\n"
            f"bind: [{{to: \"group:{name}\", roles: [{name}-role]}}]\n"
            f"rules: [{{id: {name}-rule, deny: {denied}, to: \"group:{name}\", message: \"it is {name}\"}}]\n")


# wrk counts what it was told: which answer, by status and, if refused, by the rule that the text names.
SCRIPT = """\
local targets = {"%(cat)s", "%(pin)s"}
local number, threads = 0, {}
function setup(thread) table.insert(threads, thread) end
function init() even, odd, allowed, other, sample = 0, 0, 0, 0, "" end
function request()
  number = number + 1
  return wrk.format("POST", targets[number %% 2 + 1], {["Authorization"] = "Bearer %(token)s", ["Host"] = "127.0.0.1"})
end
function response(status, headers, body)
  if status == 200 then allowed = allowed + 1
  elseif status == 403 and body:find("even-rule", 1, true) and body:find("it is even", 1, true) then even = even + 1
  elseif status == 403 and body:find("odd-rule", 1, true) and body:find("it is odd", 1, true) then odd = odd + 1
  else other = other + 1 sample = status .. " " .. body end
end
function done(summary, latency)
  for _, thread in ipairs(threads) do
    io.write(string.format('COUNTS {"allowed":%%d,"even":%%d,"odd":%%d,"other":%%d,"broken":%%d,"p99_us":%%d,"max_us":%%d}\\nSAMPLE %%s\\n',
      thread:get("allowed"), thread:get("even"), thread:get("odd"), thread:get("other"),
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
      latency:percentile(99), latency.max, thread:get("sample")))
  end
end
"""


class UnderLoad(MemberCase):
    limit_seconds = settings.pick(120, 600)

    def start_before_sink(self, **options):
        """A gateway of two workers before an upstream that is faster than it."""
        self.sink = native.Sink(self.folder)
        self.addCleanup(self.sink.stop)
        self.policy_path = self.folder / "policy.yaml"
        self.policy_path.write_text(policy("even"))
        self.gateway = self.start_relay(self.sink.port, workers=2, more=f"org: lab.example\npolicy: {self.policy_path}", **options)

    def start_load(self, token, seconds):
        script = self.folder / "load.lua"
        script.write_text(SCRIPT % {"cat": CAT, "pin": PIN, "token": token})
        load = subprocess.Popen(["wrk", "-t", "1", "-c", "64", "-d", f"{seconds}s", "-s", script, f"http://127.0.0.1:{self.gateway.port}"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: load.poll() is None and load.kill())
        return load

    def counts_of(self, load):
        printed = load.communicate(timeout=60)[0]
        lines = dict(line.split(" ", 1) for line in printed.splitlines() if line.startswith(("COUNTS ", "SAMPLE ")))
        self.assertIn("COUNTS", lines, printed)
        counts = json.loads(lines["COUNTS"])
        self.assertEqual((counts["other"], counts["broken"]), (0, 0), lines["SAMPLE"] + printed)
        return counts


class Reloading(UnderLoad):
    def reload_with(self, name):
        """Writes it and asks for it; it comes into force soon after."""
        written = self.policy_path.with_suffix(".new")
        written.write_text(policy(name))
        os.replace(written, self.policy_path)
        result = self.command("reload", check=False)  # the watch may have been first: then one is under way
        self.assertIn(result.returncode, (0, 1), result.stderr)

    @unittest.skipUnless(shutil.which("wrk"), "there is no wrk program")
    def test_a_reload_each_second_under_full_load_fails_nothing_and_mixes_nothing(self):
        self.start_before_sink()
        token = self.token("tester")
        load, start, reloads = self.start_load(token, SECONDS), time.monotonic(), 0
        while time.monotonic() - start < SECONDS - 1.5:
            time.sleep(max(0.0, start + reloads + 1 - time.monotonic()))
            reloads += 1
            name = "odd" if reloads % 2 else "even"
            self.reload_with(name)
            self.assertTrue(wait_for(lambda name=name: f"{name}-rule" in self.ask_as(token, PIN if name == "even" else CAT).text(), 5),
                            f"reload {reloads} did not come into force")
        counts = self.counts_of(load)
        for outcome in ("allowed", "even", "odd"):
            self.assertGreater(counts[outcome], 50, counts)
        self.assertGreaterEqual(reloads, SECONDS - 3)
        total = counts["allowed"] + counts["even"] + counts["odd"]
        figures.report("requests decided by one policy, a reload each second", total, f"of {total + counts['other'] + counts['broken']}",
                       "all")
        figures.report("p99 under full load with a reload each second", round(counts["p99_us"] / 1000, 1), "ms")
        self.check_audit()

    def check_audit(self):
        """Each line's policy, rule and place belong together."""
        seen = {}
        for text in open(self.gateway.folder / "data" / "audit.log"):
            line = json.loads(text)
            if "policy" in line:
                seen.setdefault(line["policy"], set()).add((line["command"], line["decision"], line["rule"], line["at"]))
        self.assertEqual(len(seen), 2)
        for decisions in seen.values():
            names = {rule.removeprefix("role:").split("-")[0] for _, _, rule, _ in decisions}
            self.assertEqual(len(names), 1, decisions)
            self.assertLessEqual(len(decisions), 2, decisions)

    def test_a_call_keeps_the_policy_it_began_with(self):
        """Its arguments come after a reload that denies it."""
        self.start_before_sink()
        self.reload_with("odd")  # allows refs
        token = self.token("tester")
        content_type, body = multipart(("file", "stdin", f"{CID}\n".encode()))
        head = (f"POST /api/v0/refs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        self.assertTrue(wait_for(lambda: self.ask_as(token, PIN).status == 200, 5))
        with Client(self.gateway.port) as client:
            client.send(head + body[:20])
            time.sleep(0.3)
            self.reload_with("even")
            self.assertTrue(wait_for(lambda: self.ask_as(token, PIN).status == 403, 5))
            self.assertEqual(client.ask(body[20:]).status, 200)
            self.assertEqual(client.ask(head + body).status, 403)


class Upload(threading.Thread):
    """Sends chunks as fast as they are taken until an answer comes (`status`, at `ended`), as clients do that read beside."""

    def __init__(self, port, token):
        super().__init__()
        self.client = Client(port)
        self.client.send(upload_head("Transfer-Encoding: chunked", f"Authorization: Bearer {token}") + b"5\r\n--rig\r\n")
        self.sent, self.ended, self.status, self.stop = 0, None, None, False

    def run(self):
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        while not self.stop and not select.select([self.client.sock], [], [], 0.001)[0] and self.client.send(chunk):
            self.sent += 1
        self.ended = time.monotonic()
        try:
            self.status = None if self.stop else self.client.reply().status
        except (Cut, BadMessage, OSError):
            pass


class Revoking(UnderLoad):
    def before(self, seconds):
        """An upload of the one who will lose its right, one of another member, and load of that one's."""
        self.start_before_sink()
        self.victim, self.other = self.token("tester"), self.token("other")
        self.uploads = [Upload(self.gateway.port, token) for token in (self.victim, self.other)]
        load = self.start_load(self.other, seconds) if seconds > 0 and shutil.which("wrk") else None
        for upload in self.uploads:
            upload.start()
        self.addCleanup(self.end_uploads)
        self.assertTrue(wait_for(lambda: min(upload.sent for upload in self.uploads) > 20, 10))
        return load

    def end_uploads(self):
        for upload in self.uploads:
            upload.stop = True
            upload.client.close()
            upload.join(10)

    def assert_only_the_first_ends(self, start, load):
        first, second = self.uploads
        self.assertTrue(wait_for(lambda: first.ended is not None, 5), "the upload went on")
        took = first.ended - start
        figures.report("an upload under full load ends after its right was taken back", round(took, 2), "s", "<= 2")
        self.assertLessEqual(took, settings.within(2.0))
        self.assertEqual(first.status, 401)
        sent = second.sent
        self.assertTrue(wait_for(lambda: second.sent > sent, 5), "the other member's upload ended too")
        if load is not None:
            self.counts_of(load)

    def test_the_running_upload_of_a_revoked_token_ends_within_two_seconds(self):
        load = self.before(4)
        start = time.monotonic()
        self.command("token", "revoke", self.victim.split("_")[1])
        self.assert_only_the_first_ends(start, load)
        self.assertTrue(wait_for(lambda: '"close":"revoked"' in self.gateway.access_path.read_text(), 3))

    def test_nothing_of_it_goes_upstream_any_more(self):
        self.before(0)
        self.uploads[1].stop = True
        self.uploads[1].join(10)
        self.uploads[1].client.close()
        self.command("token", "revoke", self.victim.split("_")[1])
        self.assertTrue(wait_for(lambda: self.uploads[0].ended is not None, 3))
        self.uploads[0].client.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        arrived = self.sink.stats()
        time.sleep(0.3)
        self.assertEqual(self.sink.stats()["body_bytes"], arrived["body_bytes"])
        self.assertEqual(self.sink.stats()["open"], 1, "the connection to the upstream is open, and the asking one")

    def test_the_running_upload_of_a_member_who_left_ends_within_two_seconds_of_the_reload(self):
        load = self.before(4)
        self.policy_path.write_text(policy("even").replace("  tester: {groups: [even]}\n", ""))
        self.command("reload", check=False)
        self.assertTrue(wait_for(lambda: self.ask_as(self.victim, CAT).status != 200, 5))
        self.assert_only_the_first_ends(time.monotonic(), load)

