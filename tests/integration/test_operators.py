# SPDX-License-Identifier: Apache-2.0
"""Operators' routes answer operators alone: root and the gateway's own user, over the socket in the data folder."""

import json
import os
import re
import socket
import stat
import subprocess
import unittest

from kit import settings
from kit.client import Client
from kit.process import wait_for
from member_case import MemberCase

NOBODY = 65534


def routes():
    """Every route of the tables that the gateway mounts, as the sources have them."""
    found = set()
    for path in settings.root().glob("*/operator*.c"):
        found |= set(re.findall(r'^\s*\{"(/[a-z/]+)", ', path.read_text(), re.MULTILINE))
    return sorted(found)


class Operators(MemberCase):
    def setUp(self):
        super().setUp()
        self.start_with_policy()
        self.socket_path = self.gateway.folder / "data" / "operators.sock"

    def post(self, path, user=None):
        """Status of a POST of {} over the socket, as another user if one is named."""
        words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "--unix-socket", str(self.socket_path), "-d", "{}",
                 f"http://localhost{path}"]
        return int(subprocess.run(words, capture_output=True, text=True, user=user).stdout or 0)

    def test_the_table_of_routes_is_not_empty(self):
        self.assertGreaterEqual(len(routes()), 8)

    def test_an_operator_is_answered(self):
        for path in routes():
            with self.subTest(path):
                self.assertNotIn(self.post(path), (0, 403, 404, 405))

    def test_the_socket_and_its_folder_are_closed_to_others(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.socket_path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.socket_path.parent).st_mode), 0o700)

    @unittest.skipUnless(os.geteuid() == 0, "only root can act as somebody else")
    def test_somebody_who_reaches_the_socket_all_the_same_is_refused(self):
        for folder in (self.folder, self.gateway.folder, self.socket_path.parent):
            os.chmod(folder, 0o755)
        os.chmod(self.socket_path, 0o777)
        for path in routes():
            with self.subTest(path):
                self.assertEqual(self.post(path, user=NOBODY), 403)

    def test_an_audit_log_that_cannot_be_written_is_shown(self):
        def health():
            return json.loads(self.command("status", "--json").stdout)["audit"]

        self.assertTrue(health()["healthy"])
        path = self.socket_path.parent / "audit.log"
        path.rename(path.with_name("audit.log.1"))
        path.mkdir()
        self.gateway.reload()
        self.assertTrue(wait_for(lambda: not health()["healthy"], 5))
        self.assertIn("audit.log", health()["fault"])
        status, text = self.gateway.operators("/readyz")
        self.assertEqual((status, "audit.log" in text), (503, True), text)
        self.assertIn("causeway_audit_healthy 0", self.gateway.operators("/metrics")[1])
        path.rmdir()
        self.gateway.reload()
        self.assertTrue(wait_for(lambda: health()["healthy"], 5))
        self.assertIn("causeway_audit_healthy 1", self.gateway.operators("/metrics")[1])

    def test_no_route_is_on_another_port(self):
        token = self.token("chief")
        for path in routes():
            for prefix in ("", "/api/v0", "/causeway/v1"):
                with self.subTest(prefix + path):
                    self.assertIn(self.ask_as(token, prefix + path, body=b"{}").status, (400, 403, 404))
            with Client(self.gateway.operators_port) as client:
                client.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode())
                self.assertEqual(client.reply().status, 405)

    def test_other_methods_are_refused(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.socket_path))
            sock.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertTrue(sock.recv(100).startswith(b"HTTP/1.1 405"))
