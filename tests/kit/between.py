# SPDX-License-Identifier: Apache-2.0
"""A forwarder between a client and a server that keeps what the server said, and can change the head of a request on its way:
so a real client shows what it makes of an answer to a request that it would never send itself."""

import re
import socket
import threading

_VERSION = b'{"Version":"0.43.1","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.26"}\n'
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) [^\r]*\r\n((?:[^\r]+\r\n)*)\r\n")


class Between:
    """Listens on a free loopback port until closed. change: bytes of a request's head -> those that the server gets instead; then
    the question for the version, which the `ipfs` program asks before each command, is answered here."""

    def __init__(self, port, change=None):
        self.server, self.change = port, change
        self.said = b""  # by the server, on the connection that was opened last
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self._open = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def answer(self):
        """Status, headers (by lower-case name) and body of the last answer, framing included; None if there was none."""
        heads = list(_HEAD.finditer(self.said))
        if not heads:
            return None
        lines = heads[-1][2].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        return int(heads[-1][1]), headers, self.said[heads[-1].end():]

    def close(self):
        for sock in [self._listener, *self._open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            head, end, rest = head.partition(b"\r\n\r\n")
            if self.change is not None and head.startswith(b"POST /api/v0/version"):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(_VERSION) + _VERSION)
                return
            self._forward(client, (self.change(head + end) if self.change is not None else head + end) + rest)
        except OSError:
            pass
        finally:
            client.close()

    def _forward(self, client, first):
        server = socket.create_connection(("127.0.0.1", self.server))
        self._open.append(server)
        self.said = b""
        server.sendall(first)
        back = threading.Thread(target=self._pump_back, args=(server, client), daemon=True)
        back.start()
        try:
            while piece := client.recv(65536):
                server.sendall(piece)
        except OSError:
            pass
        try:
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        back.join(30)
        server.close()

    def _pump_back(self, server, client):
        try:
            while piece := server.recv(65536):
                self.said += piece
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
