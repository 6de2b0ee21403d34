# SPDX-License-Identifier: Apache-2.0
"""A forwarder between two gateways that hinders: it delays, passes single bytes, loses connections, or falls silent."""

import random
import socket
import threading
import time

from kit.ports import free_port


class Hindrance:
    """Forwards connections to PORT; listens on .port. What hinders may be changed while it runs: delay_s (each piece, each way), piece
    (bytes at once; 0: as they come), loss (the chance of each piece to be the connection's last), is_silent (nothing passes, and nobody is
    told)."""

    def __init__(self, port, *, delay_s=0.0, piece=0, loss=0.0, seed=1):
        self.target, self.port = port, free_port()
        self.delay_s, self.piece, self.loss, self.is_silent = delay_s, piece, loss, False
        self.connections = self.lost = 0
        self._random, self._open = random.Random(seed), []
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                client.close()
                continue
            self.connections += 1
            for sock in (client, server):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(sock)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source, target):
        try:
            while data := source.recv(self.piece or 65536):
                time.sleep(self.delay_s)
                while self.is_silent:
                    time.sleep(0.05)
                if self.loss and self._random.random() < self.loss:
                    self.lost += 1
                    break
                for at in range(0, len(data), self.piece or len(data)):
                    target.sendall(data[at:at + (self.piece or len(data))])
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends what is open."""
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._open = []

    def close(self):
        self._listener.close()
        self.is_silent = False
        self.cut()
