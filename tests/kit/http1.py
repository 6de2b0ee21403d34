# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 read strictly from a socket: both ends of the tests use it. What is not well formed raises BadMessage."""

import re
import socket

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\t\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*")
_REQUEST = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.([01])")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: ([\x20-\x7e\t]*))?")
_PIECE = 256 * 1024


class BadMessage(Exception):
    """Bytes that are not strict HTTP/1.1."""


class Cut(Exception):
    """The peer ended or reset the connection in the middle of a message."""


class Message:
    """Head and body of a request or a reply. `start` is its first line; names are lower case."""

    def __init__(self, start, headers, raw):
        self.start, self.headers, self.raw = start, headers, raw
        self.body = bytearray()  # its first bytes, up to `keep` of read_body
        self.body_bytes = 0
        self.trailers = []
        self.complete = False
        self.status = self.method = self.target = None

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def is_chunked(self) -> bool:
        return (self.get("transfer-encoding") or "").lower() == "chunked"

    def text(self) -> str:
        return self.body.decode(errors="replace")


class Silent(Exception):
    """Nothing came within the socket's time limit: neither bytes nor an end."""


class Reader:
    """A socket with what was read from it and not used yet."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.total = 0
        self.reads = 0

    def fill(self) -> bool:
        """Reads once. False at the end; a reset raises Cut."""
        try:
            piece = self.sock.recv(_PIECE)
        except socket.timeout as error:
            raise Silent(f"no byte within {self.sock.gettimeout()} s") from error
        except ConnectionError as error:
            raise Cut(str(error) or type(error).__name__) from error
        self.buffer += piece
        self.total += len(piece)
        self.reads += 1
        return bool(piece)

    def take(self, size) -> bytes:
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        return piece

    def line(self, limit=65536) -> bytes:
        """Up to the next CRLF, which is not part of the result."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > limit:
                raise BadMessage("line too long")
            if not self.fill():
                raise Cut("end within a line")
        line = self.take(end)
        self.take(2)
        if b"\n" in line or b"\r" in line:
            raise BadMessage(f"bare CR or LF in {line!r}")
        return line

    def head(self):
        """The next head as Message, or None if the connection ended before its first byte."""
        if not self.buffer and not self.fill():
            return None
        lines = []
        while line := self.line():
            lines.append(line)
        if not lines:
            raise BadMessage("an empty line where a head should be")
        return Message(lines[0], _fields(lines[1:]), b"\r\n".join([*lines, b"", b""]))

    def request(self):
        message = self.head()
        if message is not None:
            match = _REQUEST.fullmatch(message.start)
            if not match:
                raise BadMessage(f"request line {message.start!r}")
            message.method, message.target = match[1].decode(), match[2].decode()
        return message

    def reply(self):
        """The next final reply head; 1xx heads before it are in `.interim`."""
        interim = []
        while True:
            message = self.head()
            if message is None:
                raise Cut("end where a reply should be")
            match = _STATUS.fullmatch(message.start)
            if not match:
                raise BadMessage(f"status line {message.start!r}")
            message.status = int(match[2])
            if message.status >= 200:
                message.interim = interim
                return message
            interim.append(message)

    def body(self, message, *, keep=1 << 20, on_piece=None, until_end=False):
        """Reads the body into `message`. until_end: a reply without length lasts as long as its connection."""
        sink = _Sink(message, keep, on_piece)
        if message.is_chunked():
            self._chunks(message, sink)
        elif message.get("content-length") is not None:
            self._counted(_length(message), sink)
        elif until_end:
            while self.buffer or self.fill():
                sink.add(self.take(len(self.buffer)))
        message.complete = True
        return message

    def _counted(self, left, sink):
        while left:
            if not self.buffer and not self.fill():
                raise Cut(f"end with {left} bytes of the body missing")
            piece = self.take(min(left, len(self.buffer)))
            left -= len(piece)
            sink.add(piece)

    def _chunks(self, message, sink):
        while True:
            line = self.line(4096).split(b";", 1)[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", line):
                raise BadMessage(f"chunk size {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            self._counted(size, sink)
            if self.line(2):
                raise BadMessage("no CRLF behind a chunk")
        lines = []
        while line := self.line():
            lines.append(line)
        message.trailers = _fields(lines)


class _Sink:
    def __init__(self, message, keep, on_piece):
        self._message, self._keep, self._on_piece = message, keep, on_piece

    def add(self, piece):
        message = self._message
        message.body_bytes += len(piece)
        room = self._keep - len(message.body)
        if room > 0:
            message.body += piece[:room]
        if self._on_piece:
            self._on_piece(piece)


def _fields(lines):
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if not match:
            raise BadMessage(f"header line {line!r}")
        fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
    return fields


def _length(message) -> int:
    values = message.all("content-length")
    if len(values) != 1 or not re.fullmatch(r"[0-9]{1,19}", values[0]):
        raise BadMessage(f"content-length {values!r}")
    return int(values[0])
