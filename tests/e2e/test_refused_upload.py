# SPDX-License-Identifier: Apache-2.0
"""A refused upload of 5 GiB: answered at its head, no byte of the body goes upstream, and every client sees the text."""

import statistics
import subprocess
import time

from kit import figures, kubo, settings
from kit.case import RelayCase
from kit.client import FORM, Client, upload_head
from kit.settings import GIB

TRIES = settings.pick(10, 300)
REFUSED = "/api/v0/config/replace"  # never relayed, and the ipfs program sends a body with it
TEXT = "config/replace is not available"
STATUS = 403

NODE = """
const [url, tries, bytes] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
async function* body() {
  const piece = new Uint8Array(65536);
  for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
}
(async () => {
  let seen = 0;
  for (let i = 0; i < tries; i++) {
    try {
      const reply = await fetch(url, { method: 'POST', headers: {'Content-Type': 'multipart/form-data; boundary=rig'}, body: body(), duplex: 'half' });
      if ((await reply.text()).includes('config/replace is not available')) seen++;
    } catch (error) { console.error(String(error.cause ?? error)); }
  }
  console.log(seen);
  process.exit(0);
})();
"""


class RefusedUpload(RelayCase):
    relay_kinds = ("causeway",)
    limit_seconds = settings.pick(300, 1800)

    def setUp(self):
        super().setUp()
        self.upstream = self.start_upstream()
        self.relay = self.start_relay(self.upstream.port)
        self.big = self.folder / "big"
        with open(self.big, "wb") as out:
            out.truncate(5 * GIB)  # sparse: it takes no room

    def assert_seen(self, name, seen):
        figures.report(f"refusals seen by {name}", seen, f"of {TRIES}", f"{TRIES} of {TRIES}")
        self.assertEqual(seen, TRIES)
        self.assertEqual(self.upstream.received(), 0, "something of a refused upload went upstream")

    def test_the_answer_comes_at_once(self):
        waits = []
        for _ in range(max(TRIES, 50)):
            with Client(self.relay.port) as client:
                start = time.monotonic()
                client.send(f"POST {REFUSED} HTTP/1.1\r\nHost: 127.0.0.1\r\n{FORM}\r\nContent-Length: {5 * GIB}\r\n\r\n".encode())
                reply = client.reader.reply()
                waits.append((time.monotonic() - start) * 1000)
                self.assertEqual(reply.status, STATUS)
        figures.report("time to refuse a 5 GiB upload, p50", round(statistics.median(waits), 3), "ms", "<= 1")
        if settings.is_full():
            self.assertLess(statistics.median(waits), 1.0)
        self.assertEqual(self.upstream.received(), 0)

    def test_100_continue_is_not_sent_with_a_refusal(self):
        with Client(self.relay.port) as client:
            client.send(f"POST {REFUSED} HTTP/1.1\r\nHost: 127.0.0.1\r\n{FORM}\r\nExpect: 100-continue\r\n"
                        f"Content-Length: {5 * GIB}\r\n\r\n".encode())
            reply = client.reply()
        self.assertEqual((reply.status, reply.interim), (STATUS, []))

    def test_100_continue_is_sent_after_a_yes(self):
        with Client(self.relay.port) as client:
            client.send(upload_head("Content-Length: 3", "Expect: 100-continue"))
            self.assertEqual(client.reader.head().start, b"HTTP/1.1 100 Continue")
            self.assertEqual(client.ask(b"abc").status, 200)

    def test_curl_sees_the_text(self):
        seen = 0
        for _ in range(TRIES):
            done = subprocess.run(["curl", "-sS", "-H", "Expect:", "-F", f"file=@{self.big}",
                                   f"http://127.0.0.1:{self.relay.port}{REFUSED}"], capture_output=True, text=True, timeout=60)
            seen += TEXT in done.stdout
        self.assert_seen("curl", seen)

    def test_node_fetch_sees_the_text(self):
        done = subprocess.run(["node", "-e", NODE, f"http://127.0.0.1:{self.relay.port}{REFUSED}", str(TRIES), str(5 * GIB)],
                              capture_output=True, text=True, timeout=1500)
        self.assertTrue(done.stdout.strip(), done.stderr[-2000:])
        self.assert_seen("node fetch", int(done.stdout))

    def test_a_go_client_sees_the_text(self):
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        self.upstream.script = version_only
        cli = kubo.Cli(self.folder, self.relay.port)
        seen = 0
        for _ in range(TRIES):
            done = cli.run("config", "replace", str(self.big), timeout=60)
            seen += TEXT in done.stderr
        figures.report("refusals seen by ipfs", seen, f"of {TRIES}", f"{TRIES} of {TRIES}")
        self.assertEqual(seen, TRIES)
        others = [request.target for request in self.upstream.requests if "/version" not in request.target]
        self.assertEqual(others, [])


def version_only(peer, request):
    """The ipfs program asks for the version before each command."""
    peer.read_body(request)
    peer.reply(b'{"Version":"0.43.1","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.26"}\n')
    return True
