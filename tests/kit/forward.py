# SPDX-License-Identifier: Apache-2.0
"""A script for kit.upstream that hands every request on to a real node: it can wait, and act, before and after."""

import select
import socket
import time


class Forward:
    """Requests go on to PORT, each over a connection of its own. delay(request): seconds that one waits before it goes on
    and before its answer's last bytes do; before(request), after(request): called when it is about to go on, and when the
    node has answered whole and the gateway has seen nothing of it yet. What the gateway gave up meanwhile is not sent on,
    or cut."""

    def __init__(self, port, *, delay=None, before=None, after=None):
        self.port, self.delay, self.before, self.after = port, delay, before, after

    def __call__(self, peer, request):
        body = self._body(peer, request)
        wait = self.delay(request) if self.delay else 0
        if _gives_up(peer.sock, wait):
            return False
        if self.before:
            self.before(request)
        lines = [f"POST {request.target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", f"Content-Length: {len(body)}"]
        if request.get("content-type"):
            lines.append(f"Content-Type: {request.get('content-type')}")
        with socket.create_connection(("127.0.0.1", self.port)) as node:
            node.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            self._answer(peer, request, node, wait)
        return False

    def _answer(self, peer, request, node, wait):
        """Byte by byte if nobody wants to know when it ends; else whole."""
        kept = b""
        while True:
            readable, _, _ = select.select([node, peer.sock], [], [])
            if peer.sock in readable and _has_ended(peer.sock):
                return
            if node in readable:
                piece = node.recv(1 << 18)
                if not piece:
                    break
                if self.after or wait:
                    kept += piece
                else:
                    peer.send(piece)
        if not _gives_up(peer.sock, wait) and kept:
            if self.after:
                self.after(request)
            peer.send(kept)

    @staticmethod
    def _body(peer, request):
        pieces = []
        peer.read_body(request, on_piece=pieces.append)
        return b"".join(pieces)


def _has_ended(sock):
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except OSError:
        return True


def _gives_up(sock, seconds):
    """Does the gateway leave within that time?"""
    end = time.monotonic() + seconds
    while True:
        left = max(end - time.monotonic(), 0)
        readable, _, _ = select.select([sock], [], [], left)
        if readable and _has_ended(sock):
            return True
        if left == 0:
            return False
        if readable:
            time.sleep(min(left, 0.01))  # bytes of its next request
