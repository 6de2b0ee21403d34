# SPDX-License-Identifier: Apache-2.0
"""A call that pins is answered when there are as many copies as it, its token or the policy asks for: with curl's options, with the `ipfs`
program and kubo-rpc-client, which send none of ours; and what is said when they do not come."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import socket
import subprocess
import time
import unittest

from kit import relay
from kit.organizations import EMBEDDED, KUBO, OrganizationsCase
from kit.process import wait_for

_HEAD = {"Content-Type": "multipart/form-data; boundary=x"}


def multipart(content, name="f"):
    return f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n--x--\r\n"


class WaitsForCopies(OrganizationsCase):
    limit_seconds = 240

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_organization("alpha", EMBEDDED), self.start_organization("beta", EMBEDDED)
        self.link_all()
        self.source = random.Random(8)

    def settle(self, copies="min: 1, want: 2", labels=""):
        """Both store for each other; alpha's rule says so much of copies."""
        self.alpha.agree(["beta"], copies=2)
        self.beta.agree(["alpha"], copies=1)
        path = next(self.alpha.gateway.folder.parent.glob("policy-alpha.example-*.yaml"))
        path.write_text(path.read_text().replace("min: 1, want: 2", copies).replace("placement:\n", f"placement:\n{labels}"))
        self.reload(self.alpha)

    def reload(self, organization):
        before = organization.log().count("reloaded")
        organization.gateway.reload()
        self.assertTrue(wait_for(lambda: organization.log().count("reloaded") > before, 20), organization.log()[-2000:])

    def token(self, *options):
        return next(word for word in self.alpha.command("token", "new", "ada", *options).split() if word.startswith("cw1_"))

    def call(self, target, body=b"", token=None, seconds=60, **headers):
        """Status, the lines of the reply, and whether it was cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.alpha.gateway.port, timeout=seconds)
        self.addCleanup(connection.close)
        connection.request("POST", f"/api/v0/{target}", body, {"Authorization": f"Bearer {token or self.plain}", **headers})
        reply = connection.getresponse()
        try:
            content, is_cut = reply.read(), False
        except http.client.IncompleteRead as error:
            content, is_cut = error.partial, True
        return reply.status, [json.loads(line) for line in content.splitlines()], is_cut

    def add(self, options, content=None, **more):
        content = content or self.source.randbytes(200_000)
        return self.call(f"add?{options}", multipart(content), **_HEAD, **more)

    @property
    def plain(self):
        return self.alpha._auth[1].partition(":")[2]

    def there(self, cid):
        return sorted(copy["site"] for copy in json.loads(self.alpha.command("pin", "status", cid, "--json"))["copies"] if copy["counts"])

    def test_what_is_asked_for_is_there_when_the_call_is_answered(self):
        self.settle()
        status, lines, _ = self.add("cw-min-copies=2&progress=true")
        self.assertEqual(status, 200, lines)
        cid = lines[-1]["Hash"]
        self.assertEqual(self.there(cid), ["beta", "local"])
        told = [line for line in lines if "Copies" in line]
        self.assertTrue(all(line["Name"] == "f" and line["MinCopies"] == 2 and "Hash" not in line for line in told), lines)
        self.assertEqual(json.loads(self.alpha.command("pin", "ls", "--json").splitlines()[0])["min_copies"], 2)

        content = self.source.randbytes(100_000)
        cid = self.add("pin=false&raw-leaves=true&cid-version=1", content)[1][-1]["Hash"]
        status, lines, _ = self.call(f"pin/add?arg={cid}&cw-min-copies=2&progress=true")
        self.assertEqual((status, lines[-1]), (200, {"Pins": [cid]}), lines)
        self.assertEqual(self.there(cid), ["beta", "local"])

        car = subprocess.run(["curl", "-sf", "-X", "POST", "-H", f"Authorization: Bearer {self.plain}",
                              f"http://127.0.0.1:{self.alpha.gateway.port}/api/v0/dag/export?arg={cid}"], capture_output=True, check=True).stdout
        self.call(f"pin/rm?arg={cid}")
        self.beta.wait_gone(cid, "alpha")
        status, lines, _ = self.call("dag/import?cw-min-copies=2", multipart(car), **_HEAD)
        self.assertEqual((status, lines[-1]["Root"]["Cid"]["/"]), (200, cid), lines)
        self.assertEqual(self.there(cid), ["beta", "local"])

    def test_a_token_fixes_it_for_clients_that_cannot_say_it(self):
        self.settle()
        token = self.token("--pin-min-copies", "2")
        path = self.work / "file"
        path.write_bytes(self.source.randbytes(300_000))
        added = self.alpha.member.run("--api-auth", f"bearer:{token}", "add", "-Q", "--progress=false", str(path))
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertEqual(self.there(added.stdout.strip()), ["beta", "local"])
        path.write_bytes(self.source.randbytes(300_000))
        added = self.alpha.member.run("--api-auth", f"bearer:{token}", "add", "-Q", "--progress=true", str(path))
        self.assertEqual(added.returncode, 0, added.stderr)
        cid = added.stdout.strip()
        self.assertEqual(self.there(cid), ["beta", "local"])
        pinned = self.alpha.member.run("--api-auth", f"bearer:{token}", "pin", "add", "--progress", cid)
        self.assertEqual((pinned.returncode, f"pinned {cid} recursively" in pinned.stdout), (0, True), pinned.stderr)
        self.assertEqual(self.call(f"pin/add?arg={cid}&cw-min-copies=1", token=token)[0], 200)  # no less than the token says
        pin = next(pin for pin in map(json.loads, self.alpha.command("pin", "ls", "--json").splitlines()) if pin["cid"] == cid)
        self.assertEqual(pin["min_copies"], 2)
        if os.environ.get("KUBO_RPC_CLIENT"):
            self.pin_with_js(token, cid)

    def pin_with_js(self, token, cid):
        script = str(pathlib.Path(__file__).with_name("pins.mjs"))
        request = {"id": 1, "token": token, "command": "add", "cid": cid, "options": {}}
        done = subprocess.run(["node", script, os.environ["KUBO_RPC_CLIENT"], f"http://127.0.0.1:{self.alpha.gateway.port}"],
                              input=json.dumps(request) + "\n", capture_output=True, text=True, timeout=60)
        self.assertIn(done.stdout, ("", json.dumps({"id": 1}) + "\n", '{"id":1}\n'), done.stderr)

    def test_when_they_do_not_come_the_pin_stays_and_it_says_why(self):
        self.settle()
        relay.stop_well(self.beta.gateway)
        status, lines, is_cut = self.add("cw-min-copies=2&timeout=5s&progress=true")
        self.assertTrue(is_cut or status == 504, lines)
        said = lines[-1]["Message"]
        for words in ("is pinned here", "1 of the 2 copies", "1 copy exists: local", "beta"):
            self.assertIn(words, said)
        cid = said.split()[0]
        self.assertIn(cid, self.call("pin/ls")[1][0]["Keys"])
        began = time.monotonic()
        status, lines, _ = self.call(f"pin/add?arg={cid}&cw-min-copies=2&timeout=1s")
        self.assertEqual(status, 504, lines)
        self.assertLess(time.monotonic() - began, 60)
        self.assertIn("1 copy exists: local", lines[-1]["Message"])
        done = self.alpha.try_ipfs("--timeout=30s", "pin", "add", cid)
        self.assertEqual(done.returncode, 0, done.stderr)  # who asks for nothing waits for nothing

        self.beta.gateway.start()
        status, lines, _ = self.call(f"pin/add?arg={cid}&cw-min-copies=2", seconds=120)
        self.assertEqual(status, 200, lines)
        self.assertEqual(self.there(cid), ["beta", "local"])

    def test_garbage_is_collected_meanwhile(self):
        """A call that waits for copies writes nothing more: it is neither waited for nor cut."""
        self.settle()
        relay.stop_well(self.beta.gateway)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waits = pool.submit(self.add, "cw-min-copies=2&cid-version=1", seconds=150)
            self.assertTrue(wait_for(lambda: '"pinned"' in self.alpha.command("pin", "ls", "--json"), 20, 0.1))
            self.alpha.command("gc")
            self.assertFalse(waits.done())
            self.beta.gateway.start()
            status, lines, _ = waits.result(150)
        self.assertEqual(status, 200, lines)
        self.assertEqual(self.there(lines[-1]["Hash"]), ["beta", "local"])

    def test_the_policy_may_have_all_calls_wait(self):
        self.settle("min: 1, want: 2, wait: 2")
        cid = self.alpha.ipfs("add", "-Q", str(self.file(50_000)))
        self.assertEqual(self.there(cid), ["beta", "local"])
        relay.stop_well(self.beta.gateway)
        path = self.file(60_000)
        done = self.alpha.try_ipfs("--timeout=6s", "add", "-Q", "--progress=false", str(path))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("1 of the 2 copies", done.stderr)
        cid = self.add("pin=false")[1][-1]["Hash"]
        gone = r'causeway_exchanges_total\{close="client_gone"\}'
        before = self.alpha.gateway.metric(gone)
        with socket.create_connection(("127.0.0.1", self.alpha.gateway.port)) as leaves:
            leaves.sendall(f"POST /api/v0/pin/add?arg={cid} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n"
                           f"Authorization: Bearer {self.plain}\r\n\r\n".encode())
            leaves.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                leaves.recv(1)
        self.assertTrue(wait_for(lambda: self.alpha.gateway.metric(gone) > before, 10), before)
        direct = self.call(f"pin/add?arg={self.raw_block()}&recursive=false")
        self.assertEqual(direct[0], 200, direct)  # what is pinned direct has no copies to wait for
        relay.stop_well(self.alpha.gateway)

    def raw_block(self):
        status, lines, _ = self.call("block/put?cid-codec=raw", multipart(b"a block"), **_HEAD)
        self.assertEqual(status, 200, lines)
        return lines[-1]["Key"]

    def file(self, size):
        path = self.work / f"file-{size}"
        path.write_bytes(self.source.randbytes(size))
        return path

    def test_what_no_site_is_found_for_is_said(self):
        self.settle()
        status, lines, _ = self.add("cw-min-copies=3&timeout=5s&cid-version=1")
        said = lines[-1]["Message"]
        for words in ("2 of the 3 copies", "beta, local" if "beta, local" in said else "local, beta", "at least 3"):
            self.assertIn(words, said)
        cid = said.split()[0]
        stuck = [json.loads(line) for line in self.alpha.command("pin", "ls", "--stuck", "--json").splitlines()]
        rows = [row for row in stuck if row["cid"] == cid]
        self.assertEqual(len(rows), 1, (stuck, self.alpha.command("pin", "status", cid)))
        row = rows[0]
        self.assertEqual((row["site"], row["state"]), (None, "no site"), row)
        self.assertIn("at least 3", row["why"])
        self.assertIn("at least 3", self.alpha.command("pin", "status", cid))

        block = self.raw_block()
        self.assertEqual(self.call(f"pin/add?arg={block}&recursive=false")[0], 200)
        self.assertIn("pinned direct alone", self.alpha.command("pin", "status", block))
        status, lines, _ = self.call(f"pin/add?arg={block}&recursive=false&cw-min-copies=2")
        self.assertEqual((status, "pin it recursively" in lines[-1]["Message"]), (403, True), lines)
        for number in ("0", "33"):
            status, lines, _ = self.call(f"pin/add?arg={block}&cw-min-copies={number}")
            self.assertEqual((status, "1 to 32" in lines[-1]["Message"]), (400, True), lines)

    def test_a_token_fixes_labels(self):
        self.settle(labels="  labels: {class: {values: [public, secret]}}\n")
        path = next(self.alpha.gateway.folder.parent.glob("policy-alpha.example-*.yaml"))
        path.write_text(path.read_text() + "    - {id: secret, priority: 9, for: \"label.class == 'secret'\", copies: {min: 1},"
                                           " filter: \"site.id == 'local'\"}\n")
        self.reload(self.alpha)
        token = self.token("--pin-label", "class=secret")
        status, lines, _ = self.add("", token=token)
        self.assertEqual(status, 200, lines)
        secret = lines[-1]["Hash"]
        status, lines, _ = self.add("cw-min-copies=2")
        self.assertEqual((status, self.there(lines[-1]["Hash"])), (200, ["beta", "local"]), lines)
        self.assertEqual(self.alpha.copies(secret), {})  # though what came later was placed
        status, lines, _ = self.add("cw-label=class=public", token=token)
        self.assertEqual((status, "looser" in lines[-1]["Message"]), (403, True), lines)
        odd = self.token("--pin-label", "class=purple")
        status, lines, _ = self.add("", token=odd)
        self.assertEqual((status, "pin-label" in lines[-1]["Message"]), (403, True), lines)


class WaitsBeforeKubo(OrganizationsCase):
    def test_a_member_of_a_kubo_waits_as_one_of_an_embedded_node(self):
        alpha, beta = self.start_organization("alpha", KUBO), self.start_organization("beta", EMBEDDED)
        self.link_all()
        alpha.agree(["beta"], copies=2)
        beta.agree(["alpha"], copies=1)
        token = next(word for word in alpha.command("token", "new", "ada", "--pin-min-copies", "2").split() if word.startswith("cw1_"))
        path = self.work / "file"
        path.write_bytes(random.Random(9).randbytes(700_000))
        done = alpha.member.run("--api-auth", f"bearer:{token}", "add", "-Q", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(alpha.copies(done.stdout.strip())["beta"]["counts"])
        relay.stop_well(beta.gateway)
        path.write_bytes(b"another")
        done = alpha.member.run("--api-auth", f"bearer:{token}", "--timeout=3s", "add", "-Q", str(path))
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
