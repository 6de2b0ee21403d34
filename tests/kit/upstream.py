# SPDX-License-Identifier: Apache-2.0
"""An upstream that records every request and answers by script.

A script is called once per request with the connection and the request, whose body is not read yet, and returns
whether the connection goes on. The recorder keeps what arrived also when it was not strict HTTP (`bad`)."""

import socket
import struct
import threading
import time

from kit.http1 import BadMessage, Cut, Reader, Silent
from kit.process import wait_for


class Peer:
    """One connection as the upstream sees it."""

    def __init__(self, sock, number):
        self.sock, self.number = sock, number
        self.reader = Reader(sock)
        self.opened_at = time.monotonic()
        self.closed_at = None

    def send(self, data):
        self.sock.sendall(data)

    def read_body(self, request, **options):
        return self.reader.body(request, **options)

    def reply(self, body=b"{}\n", *, status="200 OK", headers=(), connection=None):
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
        if connection:
            lines.append(f"Connection: {connection}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_closed(self, seconds) -> bool:
        """Reads and drops until the other side closes."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                if not self.sock.recv(1 << 20):
                    return True
        except ConnectionError:
            return True
        except socket.timeout:
            pass
        return False


def answer_pins(peer, path):
    """As a node that holds every block and no pin, for a gateway that asks for itself."""
    if path == "/api/v0/pin/ls":
        peer.reply(b'{"Message":"path is not pinned","Code":0,"Type":"error"}\n', status="500 Internal Server Error")
    elif path == "/api/v0/pin/add":
        peer.reply(b'{"Progress":1,"Bytes":5}\n{"Pins":["x"]}\n', headers=["X-Chunked-Output: 1"])
    elif path == "/api/v0/dag/stat":
        peer.reply(b'{"UniqueBlocks":1,"TotalSize":5,"DagStats":[{"Cid":{"/":"x"},"Size":5,"NumBlocks":1}]}\n')
    elif path == "/api/v0/pin/rm":
        peer.reply(b'{"Pins":["x"]}\n')
    else:
        return False
    return True


def answer(peer, request):
    """Reads the body, answers 200 with the number of its bytes; but pin/* as a node does."""
    peer.read_body(request)
    if not answer_pins(peer, request.target.split("?")[0]):
        peer.reply(b'{"Bytes":%d}\n' % request.body_bytes)
    return True


class Upstream:
    """Listens on a free loopback port until closed."""

    def __init__(self, script=answer, *, port=0, receive_buffer=None):
        self.script = script
        self.requests, self.peers, self.bad = [], [], []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(1024)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops listening and cuts what is open."""
        self._listener.close()
        for peer in list(self.peers):
            _shut(peer.sock)

    def forget(self):
        """Begins the record anew; connections stay."""
        self.requests, self.bad = [], []

    def received(self) -> int:
        """Bytes that arrived, on all connections."""
        return sum(peer.reader.total for peer in self.peers)

    def wait_requests(self, count, seconds=5) -> bool:
        return wait_for(lambda: len(self.requests) >= count, seconds)

    def wait_all_closed(self, seconds) -> bool:
        return wait_for(lambda: all(peer.closed_at for peer in self.peers), seconds)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, len(self.peers))
            self.peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            while (request := peer.reader.request()) is not None:
                request.peer = peer
                self.requests.append(request)
                if not self.script(peer, request):
                    break
        except BadMessage as error:
            self.bad.append(f"{error}: {bytes(peer.reader.buffer[:200])!r}")
        except (Cut, Silent, OSError):
            pass
        finally:
            peer.closed_at = time.monotonic()
            peer.sock.close()


def _shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
