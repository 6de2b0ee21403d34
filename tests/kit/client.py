# SPDX-License-Identifier: Apache-2.0
"""A client that sends exactly the bytes it is given."""

import socket
import ssl
import struct
import time
from urllib.parse import parse_qs, urlsplit

from kit.http1 import BadMessage, Cut, Reader

HOST = b"Host: 127.0.0.1\r\n"
FORM = "Content-Type: multipart/form-data; boundary=rig"
CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
FIRST_CHUNKER = 262144


def read_path(number=0) -> str:
    """A read without a body; the number tells it from others at the upstream."""
    return f"/api/v0/cat?arg={CID}&offset={number}"


def add_path(number=0) -> str:
    """An upload; the number tells it from others at the upstream."""
    return f"/api/v0/add?chunker=size-{FIRST_CHUNKER + number}&pin=false"


def add_number(target) -> int:
    """The number of the upload that add_path made."""
    size = parse_qs(urlsplit(target).query)["chunker"][0]
    return int(size.removeprefix("size-")) - FIRST_CHUNKER


def upload_head(framing="Transfer-Encoding: chunked", *headers) -> bytes:
    """The head of an upload whose body the caller sends."""
    lines = ["POST /api/v0/add?pin=false HTTP/1.1", "Host: 127.0.0.1", FORM, *headers, framing, "", ""]
    return "\r\n".join(lines).encode()


def post(path="/api/v0/version", *headers, body=None, chunks=None, version="1.1") -> bytes:
    """A well-formed POST. body: an upload with content-length; chunks: one whose pieces are each a chunk."""
    if (body is not None or chunks is not None) and not any(header.lower().startswith("content-type") for header in headers):
        headers = (*headers, FORM)
    lines = [f"POST {path} HTTP/{version}\r\n".encode(), HOST]
    lines += [f"{header}\r\n".encode("latin-1") for header in headers]
    if chunks is not None:
        framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in chunks)
        return b"".join(lines) + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    return b"".join(lines) + b"Content-Length: %d\r\n\r\n" % len(body or b"") + (body or b"")


class Client:
    """One connection. tls: the path of the authority's certificate."""

    def __init__(self, port, *, tls=None, timeout=30, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            context = ssl.create_default_context(cafile=str(tls))
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.reader = Reader(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data) -> bool:
        """False if the peer has closed: its reply may be there all the same."""
        try:
            self.sock.sendall(data)
            return True
        except (ConnectionError, socket.timeout):
            return False

    def reply(self, *, head_only=False, **options):
        """The next reply with its body. A broken body leaves `complete` False and the reason in `broken`."""
        message = self.reader.reply()
        message.broken = None
        if head_only or message.status in (204, 304):
            return message
        try:
            self.reader.body(message, until_end=True, **options)
        except (Cut, BadMessage) as error:
            message.broken = str(error)
        return message

    def ask(self, data, **options):
        self.send(data)
        return self.reply(**options)

    def is_closed_within(self, seconds) -> bool:
        """Nothing but the end (or a reset) comes within that time."""
        self.sock.settimeout(seconds)
        try:
            return not self.reader.buffer and self.sock.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionError:
            return True

    def finish(self):
        """Half-closes: FIN, still reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def ask(port, data, **options):
    """One exchange on a connection of its own."""
    with Client(port, **options) as client:
        return client.ask(data)


def timed_ask(port, data):
    """A reply and the seconds until its head."""
    with Client(port) as client:
        start = time.monotonic()
        client.send(data)
        message = client.reader.reply()
        return message, time.monotonic() - start
