# SPDX-License-Identifier: Apache-2.0
"""Running it: a drain and a reload that fail no request, and a start that says what is wrong."""

import json
import signal
import socket
import ssl
import subprocess
import threading
import time

from kit import native, relay as relays, settings
from kit.case import RelayCase
from kit.client import Client, ask, post, read_path, upload_head
from kit.http1 import Cut
from kit.ports import free_port
from kit.process import accepts, wait_for
from kit.tls import Authority


class Running(RelayCase):
    relay_kinds = ("causeway",)

    def before(self, script=None, **options):
        upstream = self.start_upstream(script) if script else self.start_upstream()
        return upstream, self.start_relay(upstream.port, **options)

    # ---- SIGTERM

    def test_an_idle_gateway_ends_at_once(self):
        _, relay = self.before()
        with Client(relay.port) as client:
            client.ask(post())
            start = time.monotonic()
            self.assertEqual(relay.stop(), 0)
            self.assertLess(time.monotonic() - start, settings.within(2))
            self.assertTrue(client.is_closed_within(2))

    def test_a_drain_finishes_what_is_under_way(self):
        def slowly(peer, request):
            peer.read_body(request)
            time.sleep(1.5)
            peer.reply(b'{"finished":true}\n')
            return True

        upstream, relay = self.before(slowly)
        with Client(relay.port) as asking, Client(relay.port) as uploading:
            asking.send(post(read_path()))
            uploading.send(upload_head() + b"3\r\nabc\r\n")
            self.assertTrue(upstream.wait_requests(2))
            relay.process.signal(signal.SIGTERM)
            time.sleep(0.3)
            uploading.send(b"3\r\ndef\r\n0\r\n\r\n")
            for client in (asking, uploading):
                reply = client.reply()
                self.assertEqual((reply.status, reply.text()), (200, '{"finished":true}\n'))
                self.assertEqual(reply.get("connection"), "close")
        self.assertEqual(relay.stop(), 0)

    def test_while_draining_new_connections_are_not_taken_and_readyz_says_so(self):
        upstream, relay = self.before(lambda peer, request: peer.wait_closed(20))
        with Client(relay.port) as client:
            client.send(post(read_path()))
            self.assertTrue(upstream.wait_requests(1))
            self.assertEqual(relay.operators("/readyz")[0], 200)
            relay.process.signal(signal.SIGTERM)
            self.assertTrue(wait_for(lambda: not accepts(relay.port), 3))
            self.assertEqual(relay.operators("/healthz")[0], 200)
            self.assertEqual(relay.operators("/readyz")[0], 503)

    def test_a_drain_ends_at_its_limit(self):
        upstream, relay = self.before(lambda peer, request: peer.wait_closed(20), limits={"drain_timeout": "1s"})
        with Client(relay.port) as client:
            client.send(post(read_path()))
            self.assertTrue(upstream.wait_requests(1))
            start = time.monotonic()
            relay.stop()
            self.assertTrue(0.8 <= time.monotonic() - start <= settings.within(4), f"{time.monotonic() - start:.1f} s")

    # ---- SIGHUP

    def test_reloads_fail_no_request(self):
        sink = native.Sink(self.folder)
        self.addCleanup(sink.stop)
        relay = self.start_relay(sink.port, workers=2)
        load = native.Load(relay.port, rate=500, connections=16)
        self.addCleanup(load.abandon)
        with Client(relay.port) as uploading:
            uploading.send(upload_head() + b"3\r\nabc\r\n")
            for _ in range(20):
                relay.reload()
                time.sleep(0.1)
            self.assertEqual(uploading.ask(b"0\r\n\r\n").status, 200)
        result = load.finish()
        self.assertEqual(result["failed"], 0, result)
        self.assertGreater(result["requests"], 500)

    def test_a_reload_takes_another_upstream_for_new_requests(self):
        first, relay = self.before()
        second = self.start_upstream()
        with Client(relay.port) as client:
            self.assertEqual(client.ask(post()).status, 200)
            relay.write_config(upstream_port=second.port)
            relay.reload()
            self.assertTrue(wait_for(lambda: client.ask(post()).status == 200 and second.requests, 5))
        self.assertTrue(first.requests)

    def test_a_bad_configuration_is_told_and_changes_nothing(self):
        _, relay = self.before()
        good = relay.config.read_text()
        relay.config.write_text(good.replace("workers:", "wokers:"))
        relay.reload()
        self.assertTrue(wait_for(lambda: "wokers" in relay.process.log(), 5), relay.process.log())
        self.assertIn("causeway.yaml:", relay.process.log())
        self.assertEqual(ask(relay.port, post()).status, 200)

    def test_a_reload_takes_another_certificate(self):
        authority = Authority(self.folder / "tls")
        _, relay = self.before(tls=authority.issue("first"))
        self.assertEqual(self.name_of(relay, authority), "first")
        with Client(relay.port, tls=authority.certificate) as kept:
            self.assertEqual(kept.ask(post()).status, 200)
            relay.write_config(tls=authority.issue("second"))
            relay.reload()
            self.assertTrue(wait_for(lambda: self.name_of(relay, authority) == "second", 5, step=0.1))
            self.assertEqual(kept.ask(post()).status, 200)

    def test_a_certificate_that_cannot_be_read_keeps_the_old_one(self):
        authority = Authority(self.folder / "tls")
        certificate, key = authority.issue("first")
        _, relay = self.before(tls=(certificate, key))
        certificate.write_text("rubbish")
        relay.reload()
        self.assertTrue(wait_for(lambda: "first.crt" in relay.process.log(), 5), relay.process.log())
        self.assertEqual(self.name_of(relay, authority), "first")

    def name_of(self, relay, authority):
        """The common name in the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=str(authority.certificate))
        with socket.create_connection(("127.0.0.1", relay.port), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                return dict(pair[0] for pair in wrapped.getpeercert()["subject"])["commonName"]

    # ---- TLS

    def tls_socket(self, relay, authority, **changes):
        context = ssl.create_default_context(cafile=str(authority.certificate))
        for name, value in changes.items():
            if name == "alpn":
                context.set_alpn_protocols(value)
            else:
                setattr(context, name, value)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", relay.port), timeout=5), server_hostname="localhost")

    def test_tls_versions_and_alpn(self):
        authority = Authority(self.folder / "tls")
        _, relay = self.before(tls=authority.issue("localhost"))
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            with self.tls_socket(relay, authority, maximum_version=version, alpn=["h2", "http/1.1"]) as wrapped:
                self.assertEqual((wrapped.version(), wrapped.selected_alpn_protocol()), (name, "http/1.1"))
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)

    def test_a_session_is_resumed(self):
        authority = Authority(self.folder / "tls")
        _, relay = self.before(tls=authority.issue("localhost"))
        for version in ("-tls1_2", "-tls1_3"):
            state = self.folder / f"session{version}"
            request = post().decode()
            for option in ("-sess_out", "-sess_in"):
                done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}", version, "-CAfile",
                                       authority.certificate, option, state, "-ign_eof"],
                                      input=request.replace("Host:", "Connection: close\r\nHost:"), capture_output=True,
                                      text=True, timeout=20)
                self.assertIn("200 OK", done.stdout)
            self.assertIn("Reused, ", done.stdout, f"{version} was not resumed")

    def test_a_plain_request_to_a_tls_port_does_no_harm(self):
        authority = Authority(self.folder / "tls")
        upstream, relay = self.before(tls=authority.issue("localhost"))
        with Client(relay.port) as client:
            client.send(post())
            client.reader.sock.settimeout(5)
            while client.reader.fill():  # an alert may come before the end
                pass
            self.assertNotIn(b"HTTP/1.1 200", client.reader.buffer)
        self.assertEqual(upstream.requests, [])
        with Client(relay.port, tls=authority.certificate) as client:
            self.assertEqual(client.ask(post()).status, 200)

    # ---- start

    def test_an_address_in_use_is_said(self):
        upstream = self.start_upstream()
        folder = self.folder / "taken"
        folder.mkdir()
        (folder / "causeway.yaml").write_text(f"listen: {{clients: {{address: '127.0.0.1:{upstream.port}'}}, "
                                              f"operators: {{address: '127.0.0.1:{free_port()}'}}}}\n")
        done = subprocess.run([relays.causeway_program(), "serve", "--config", folder / "causeway.yaml"], cwd=folder,
                              capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(upstream.port), done.stderr)

    def test_requests_spread_over_workers_are_all_answered(self):
        upstream, relay = self.before(workers=4)
        failures = []

        def ask_many():
            try:
                for _ in range(100):
                    if ask(relay.port, post()).status != 200:
                        failures.append("status")
            except (Cut, OSError) as error:
                failures.append(str(error))

        threads = [threading.Thread(target=ask_many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(upstream.requests), 800)
        self.assertTrue(wait_for(lambda: len(relay.access_path.read_text().splitlines()) == 800, 3))
        ids = {json.loads(line)["id"] for line in relay.access_path.read_text().splitlines()}
        self.assertEqual(len(ids), 800)
