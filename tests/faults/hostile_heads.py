# SPDX-License-Identifier: Apache-2.0
"""Hostile and odd heads as data: (name, bytes, what may come of it, the requests that the upstream may see).

`allowed` is a set of statuses; CLOSE stands for a connection that ends without a reply. What the upstream sees is a
list of (target, body): nothing, or exactly what the client framed."""

CLOSE = "close"
BAD = {400}
BAD_OR_CLOSE = {400, CLOSE}
_HOST = b"Host: 127.0.0.1\r\n"
_LINE = b"POST /api/v0/version HTTP/1.1\r\n"
_SEEN = [("/api/v0/version", b"")]


def _head(*lines, start=_LINE, host=_HOST):
    return start + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _line(start):
    return start + b"\r\n" + _HOST + b"Content-Length: 0\r\n\r\n"


REQUEST_LINES = [
    ("HTTP/0.9", b"GET /\r\n", BAD_OR_CLOSE, []),
    ("HTTP/0.9 post", b"POST /api/v0/version\r\n\r\n", BAD_OR_CLOSE, []),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505, CLOSE}, []),
    ("HTTP/1.2", _line(b"POST /api/v0/version HTTP/1.2"), {400, 505}, []),
    ("HTTP/3.0", _line(b"POST /api/v0/version HTTP/3.0"), {400, 505}, []),
    ("HTTP/1.10", _line(b"POST /api/v0/version HTTP/1.10"), {400, 505}, []),
    ("HTTP/01.1", _line(b"POST /api/v0/version HTTP/01.1"), {400, 505}, []),
    ("HTTP/1", _line(b"POST /api/v0/version HTTP/1"), {400, 505}, []),
    ("lower-case http", _line(b"POST /api/v0/version http/1.1"), {400, 505}, []),
    ("HTP/1.1", _line(b"POST /api/v0/version HTP/1.1"), {400, 505}, []),
    ("no version, blank at the end", _line(b"POST /api/v0/version "), BAD_OR_CLOSE, []),
    ("no version and nothing else", b"GET / \r\n\r\n", BAD, []),
    ("two blanks behind the method", _line(b"POST  /api/v0/version HTTP/1.1"), BAD, []),
    ("two blanks before the version", _line(b"POST /api/v0/version  HTTP/1.1"), BAD, []),
    ("tab for a blank", _line(b"POST\t/api/v0/version HTTP/1.1"), BAD, []),
    ("blank behind the version", _line(b"POST /api/v0/version HTTP/1.1 "), BAD, []),
    ("blank before the method", _line(b" POST /api/v0/version HTTP/1.1"), BAD, []),
    ("blank in the target", _line(b"POST /api/v0/ver sion HTTP/1.1"), BAD, []),
    ("NUL in the method", _line(b"PO\x00ST /api/v0/version HTTP/1.1"), BAD, []),
    ("NUL in the target", _line(b"POST /api/v0/ver\x00sion HTTP/1.1"), BAD, []),
    ("NUL in the version", _line(b"POST /api/v0/version HTTP/1.\x001"), BAD, []),
    ("control in the target", _line(b"POST /api/v0/ver\x01sion HTTP/1.1"), BAD, []),
    ("DEL in the target", _line(b"POST /api/v0/version\x7f HTTP/1.1"), BAD, []),
    ("bare CR in the target", _line(b"POST /api/v0/ver\rsion HTTP/1.1"), BAD, []),
    ("fragment in the target", _line(b"POST /api/v0/version#x HTTP/1.1"), {400, 404}, []),
    ("8-bit byte in the target", _line(b"POST /api/v0/version\xff HTTP/1.1"), {400, 404}, []),
    ("empty target", _line(b"POST  HTTP/1.1"), BAD, []),
    ("target without a slash", _line(b"POST api/v0/version HTTP/1.1"), {400, 404}, []),
    ("colon in the method", _line(b"PO:ST /api/v0/version HTTP/1.1"), {400, 405, 501}, []),
    ("no method", _line(b"/api/v0/version HTTP/1.1"), BAD, []),
    ("lower-case method", _line(b"post /api/v0/version HTTP/1.1"), {400, 405, 501}, []),
    ("giant method", _line(b"A" * 70000 + b" /api/v0/version HTTP/1.1"), {400, 405, 414, 431, 501}, []),
    ("absolute target", _line(b"POST http://127.0.0.1/api/v0/version HTTP/1.1"), {200, 400, 404}, _SEEN),
    ("absolute target of another host", _line(b"POST http://evil.example/api/v0/version HTTP/1.1"), {400, 403, 404}, []),
    ("asterisk", _line(b"POST * HTTP/1.1"), {400, 404}, []),
    ("OPTIONS *", _line(b"OPTIONS * HTTP/1.1"), {200, 204, 400, 404, 405}, []),
    ("CONNECT", _line(b"CONNECT 127.0.0.1:80 HTTP/1.1"), {400, 404, 405, 501}, []),
    ("CONNECT of a path", _line(b"CONNECT /api/v0/version HTTP/1.1"), {400, 404, 405, 501}, []),
    ("authority for a POST", _line(b"POST 127.0.0.1:80 HTTP/1.1"), {400, 404}, []),
    ("TRACE", _line(b"TRACE /api/v0/version HTTP/1.1"), {400, 404, 405, 501}, []),
    ("GET", _line(b"GET /api/v0/version HTTP/1.1"), {405}, []),
    ("giant target", _line(b"POST /api/v0/version?" + b"a" * 300_000 + b" HTTP/1.1"), {400, 414, 431}, []),
    ("dots in the path", _line(b"POST /api/v0/pin/../version HTTP/1.1"), {400, 404}, []),
    ("double slash", _line(b"POST //api/v0/version HTTP/1.1"), {400, 404}, []),
    ("escaped letter", _line(b"POST /api/v0/%76ersion HTTP/1.1"), {200, 400, 404}, _SEEN),
    ("escaped slash", _line(b"POST /api/v0%2Fversion HTTP/1.1"), {400, 404}, []),
    ("escaped NUL", _line(b"POST /api/v0/version%00 HTTP/1.1"), {400, 404}, []),
    ("bare LF behind the line", b"POST /api/v0/version HTTP/1.1\n" + _HOST + b"Content-Length: 0\r\n\r\n", BAD, []),
    ("only LFs", b"POST /api/v0/version HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0\n\n", BAD, []),
    ("TLS hello on a plain port", bytes.fromhex("16030100c8010000c40303") + b"\x01" * 190, BAD_OR_CLOSE, []),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", BAD_OR_CLOSE, []),
    ("PROXY line", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + _head(b"Content-Length: 0"), BAD_OR_CLOSE, []),
    ("only zeros", b"\x00" * 4096, BAD_OR_CLOSE, []),
    ("empty lines first", b"\r\n" + _head(b"Content-Length: 0"), {200, 400}, _SEEN),
    ("empty lines without end", b"\r\n" * 100_000, BAD_OR_CLOSE, []),
    ("blank line first", b" \r\n" + _head(b"Content-Length: 0"), BAD, []),
]

HEADERS = [
    ("no Host", _head(b"Content-Length: 0", host=b""), BAD, []),
    ("Host twice", _head(_HOST[:-2], b"Content-Length: 0"), BAD, []),
    ("Host twice, different", _head(b"Host: evil.example", b"Content-Length: 0"), BAD, []),
    ("Host with a path", _head(b"Content-Length: 0", host=b"Host: 127.0.0.1/x\r\n"), {400, 403}, []),
    ("Host with a user", _head(b"Content-Length: 0", host=b"Host: a@127.0.0.1\r\n"), {400, 403}, []),
    ("Host with a blank", _head(b"Content-Length: 0", host=b"Host: 127.0.0.1 evil\r\n"), {400, 403}, []),
    ("Host with a giant port", _head(b"Content-Length: 0", host=b"Host: 127.0.0.1:99999999\r\n"), {200, 400, 403}, _SEEN),
    ("Host with a comma", _head(b"Content-Length: 0", host=b"Host: 127.0.0.1,evil\r\n"), {400, 403}, []),
    ("Host with a control", _head(b"Content-Length: 0", host=b"Host: 127.0.0.1\x01\r\n"), BAD, []),
    ("obs-fold", _head(b"X-A: a", b" b", b"Content-Length: 0"), BAD, []),
    ("obs-fold with a tab", _head(b"X-A: a", b"\tb", b"Content-Length: 0"), BAD, []),
    ("folded first line", _LINE + b" folded\r\n" + _HOST + b"\r\n", BAD, []),
    ("folded Transfer-Encoding", _head(b"Transfer-Encoding:", b" chunked"), BAD, []),
    ("blank before the colon", _head(b"X-A : a", b"Content-Length: 0"), BAD, []),
    ("tab before the colon", _head(b"X-A\t: a", b"Content-Length: 0"), BAD, []),
    ("no colon", _head(b"X-A", b"Content-Length: 0"), BAD, []),
    ("empty name", _head(b": a", b"Content-Length: 0"), BAD, []),
    ("blank in a name", _head(b"X A: a", b"Content-Length: 0"), BAD, []),
    ("NUL in a name", _head(b"X\x00A: a", b"Content-Length: 0"), BAD, []),
    ("8-bit byte in a name", _head(b"X\xe4: a", b"Content-Length: 0"), BAD, []),
    ("control in a name", _head(b"X\x1bA: a", b"Content-Length: 0"), BAD, []),
    ("bracket in a name", _head(b"X(A): a", b"Content-Length: 0"), BAD, []),
    ("NUL in a value", _head(b"X-A: a\x00b", b"Content-Length: 0"), BAD, []),
    ("control in a value", _head(b"X-A: a\x01b", b"Content-Length: 0"), BAD, []),
    ("DEL in a value", _head(b"X-A: a\x7fb", b"Content-Length: 0"), BAD, []),
    ("bare CR in a value", _head(b"X-A: a\rb", b"Content-Length: 0"), BAD, []),
    ("CR CR LF", _head(b"X-A: a\r", b"Content-Length: 0"), BAD, []),
    ("bare LF in a value", _head(b"X-A: a\nX-B: b", b"Content-Length: 0"), BAD, []),
    ("bare LF ends the head", _LINE + _HOST + b"Content-Length: 0\r\n\n", BAD_OR_CLOSE, []),
    ("bare CR ends the head", _LINE + _HOST + b"Content-Length: 0\r\n\r\r", BAD_OR_CLOSE, []),
    ("a giant header", _head(b"X-A: " + b"a" * 300_000, b"Content-Length: 0"), {400, 431}, []),
    ("a giant name", _head(b"X" * 300_000 + b": a", b"Content-Length: 0"), {400, 431}, []),
    ("too many headers", _head(*[b"X-%d: a" % n for n in range(5000)], b"Content-Length: 0"), {400, 431}, []),
    ("10,000 empty headers", _head(*[b"A:"] * 10000, b"Content-Length: 0"), {400, 431}, []),
    ("a head without end", _LINE + _HOST + b"X-A: a\r\n" * 100_000, {400, 431}, []),
    ("Expect of something else", _head(b"Expect: 200-maybe", b"Content-Length: 0"), {200, 417}, _SEEN),
    ("Upgrade to h2c", _head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
                             b"Content-Length: 0"), {200, 400}, _SEEN),
    ("Upgrade to websocket", _head(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 0"), {200, 400}, _SEEN),
    ("Connection names the framing", _head(b"Connection: Content-Length", b"Content-Length: 0"), {200, 400}, _SEEN),
    ("Connection names Host", _head(b"Connection: Host", b"Content-Length: 0"), {200, 400}, _SEEN),
    ("an underscore twin", _head(b"Content_Length: 5", b"Content-Length: 0"), {200, 400}, _SEEN),
]
