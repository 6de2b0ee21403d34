# SPDX-License-Identifier: Apache-2.0
"""Ambiguous and broken framing as data, in the shape of hostile_heads. Behind each ambiguous request stands a second
one: a relay that frames the first differently than its client lets it through (/api/v0/version)."""

from hostile_heads import BAD, BAD_OR_CLOSE, CLOSE

_SMUGGLED = b"POST /api/v0/version HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
_FORM = b"Content-Type: multipart/form-data; boundary=rig\r\n"
_ZERO = b"0\r\n\r\n"
_BAD_TE = {400, 501}


def _add(*headers, body=b"", version=b"1.1"):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST /api/v0/add?pin=false HTTP/" + version + b"\r\nHost: 127.0.0.1\r\n" + _FORM + lines + b"\r\n" + body


def _te(value, body=_ZERO + _SMUGGLED, **options):
    return _add(value, body=body, **options)


def _length(*values, body=b"abc" + _SMUGGLED):
    return _add(*[b"Content-Length: " + value for value in values], body=body)


def _chunks(body):
    return _add(b"Transfer-Encoding: chunked", body=body)


def _seen(body):
    return [("/api/v0/add?pin=false", body)]


AMBIGUOUS = [
    ("CL and TE", _add(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=_ZERO + _SMUGGLED), BAD, []),
    ("TE and CL", _add(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=_ZERO + _SMUGGLED), BAD, []),
    ("CL 0 and TE", _add(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=_ZERO + _SMUGGLED), BAD, []),
    ("CL and TE identity", _add(b"Content-Length: 3", b"Transfer-Encoding: identity", body=b"abc" + _SMUGGLED), _BAD_TE, []),
    ("TE : chunked", _te(b"Transfer-Encoding : chunked"), BAD, []),
    ("TE:\\tchunked", _te(b"Transfer-Encoding:\tchunked"), {200, 400, 501}, _seen(b"") + [("/api/v0/version", b"")]),
    ("TE:\\vchunked", _te(b"Transfer-Encoding:\x0bchunked"), _BAD_TE, []),
    ("TE xchunked", _te(b"Transfer-Encoding: xchunked"), _BAD_TE, []),
    ("TE chunkedx", _te(b"Transfer-Encoding: chunkedx"), _BAD_TE, []),
    ("TE chunked twice", _te(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), _BAD_TE, []),
    ("TE chunked, chunked", _te(b"Transfer-Encoding: chunked, chunked"), _BAD_TE, []),
    ("TE chunked, identity", _te(b"Transfer-Encoding: chunked, identity"), _BAD_TE, []),
    ("TE identity, chunked", _te(b"Transfer-Encoding: identity, chunked"), _BAD_TE, []),
    ("TE gzip, chunked", _te(b"Transfer-Encoding: gzip, chunked"), _BAD_TE, []),
    ("TE identity", _te(b"Transfer-Encoding: identity"), _BAD_TE, []),
    ("TE gzip", _te(b"Transfer-Encoding: gzip"), _BAD_TE, []),
    ("TE empty", _te(b"Transfer-Encoding:"), _BAD_TE, []),
    ("TE comma", _te(b"Transfer-Encoding: ,"), _BAD_TE, []),
    ("TE chunked with a comma", _te(b"Transfer-Encoding: chunked,"), _BAD_TE, []),
    ("TE chunked;q=1", _te(b"Transfer-Encoding: chunked;q=1"), _BAD_TE, []),
    ("TE in quotes", _te(b'Transfer-Encoding: "chunked"'), _BAD_TE, []),
    ("TE with an 8-bit byte", _te(b"Transfer-Encoding: chunked\xa0"), _BAD_TE, []),
    ("TE with a NUL", _te(b"Transfer-Encoding: chunked\x00"), BAD, []),
    ("TE behind a bare CR", _te(b"X-A: a\rTransfer-Encoding: chunked"), BAD, []),
    ("TE behind a bare LF", _te(b"X-A: a\nTransfer-Encoding: chunked"), BAD, []),
    ("TE folded", _te(b"Transfer-Encoding:\r\n chunked"), BAD, []),
    ("TE with an underscore", _add(b"Transfer_Encoding: chunked", b"Content-Length: 3", body=b"abc"), {200, 400}, _seen(b"abc")),
    ("TE in HTTP/1.0", _te(b"Transfer-Encoding: chunked", version=b"1.0"), {400, 501}, []),
    ("length twice, same", _length(b"3", b"3"), BAD, []),
    ("length twice, different", _length(b"3", b"4"), BAD, []),
    ("length list, same", _length(b"3, 3"), BAD, []),
    ("length list, different", _length(b"3, 4"), BAD, []),
    ("length +3", _length(b"+3"), BAD, []),
    ("length -3", _length(b"-3"), BAD, []),
    ("length -0", _length(b"-0"), BAD, []),
    ("length 0x3", _length(b"0x3"), BAD, []),
    ("length 3.0", _length(b"3.0"), BAD, []),
    ("length 3e0", _length(b"3e0"), BAD, []),
    ("length 3 3", _length(b"3 3"), BAD, []),
    ("length with a comma", _length(b"3,"), BAD, []),
    ("length empty", _length(b""), BAD, []),
    ("length abc", _length(b"abc"), BAD, []),
    ("length of 20 digits", _length(b"99999999999999999999"), {400, 413}, []),
    ("length of 2^64", _length(b"18446744073709551616"), {400, 413}, []),
    ("length of 2^64+3", _length(b"18446744073709551619"), {400, 413}, []),
    ("length of 1000 digits", _length(b"3" * 1000), {400, 413}, []),
    ("length with an 8-bit byte", _length(b"3\xb2"), BAD, []),
    ("length with leading zeros", _length(b"0003", body=b"abc"), {200, 400}, _seen(b"abc")),
    ("length with blanks around", _length(b"  3  ", body=b"abc"), {200}, _seen(b"abc")),
    ("length : 3", _add(b"Content-Length : 3", body=b"abc" + _SMUGGLED), BAD, []),
    ("length behind a bare LF", _add(b"X-A: a\nContent-Length: 3", body=b"abc" + _SMUGGLED), BAD, []),
    ("a body behind Content-Length: 0", _add(b"Content-Length: 0", body=b"abc"), {200, 400}, _seen(b"")),
    ("a body without a length", _add(body=_SMUGGLED), {200, 400, 411}, _seen(b"") + [("/api/v0/version", b"")]),
]

CHUNKS = [
    ("plain chunks", _chunks(b"3\r\nabc\r\n0\r\n\r\n"), {200}, _seen(b"abc")),
    ("upper and lower case sizes", _chunks(b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), {200}, _seen(b"0123456789" * 2)),
    ("size with leading zeros", _chunks(b"0003\r\nabc\r\n0\r\n\r\n"), {200, 400}, _seen(b"abc")),
    ("an extension", _chunks(b"3;a=b\r\nabc\r\n0\r\n\r\n"), {200, 400}, _seen(b"abc")),
    ("an extension in quotes", _chunks(b'3;a="b;c"\r\nabc\r\n0\r\n\r\n'), {200, 400}, _seen(b"abc")),
    ("an extension with a bare LF", _chunks(b"3;a\nb\r\nabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("an extension with a bare CR", _chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("an extension with a NUL", _chunks(b"3;a\x00b\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("a giant extension", _chunks(b"3;" + b"a" * 100_000 + b"\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("many extensions", _chunks(b"1;" + b"a" * 200 + b"\r\nx\r\n" + b"0\r\n\r\n"), {200, 400}, _seen(b"x")),
    ("size of 17 digits", _chunks(b"10000000000000003\r\nabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("size of 16 F", _chunks(b"FFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("negative size", _chunks(b"-3\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("signed size", _chunks(b"+3\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("0x size", _chunks(b"0x3\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("size with a blank first", _chunks(b" 3\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("size with a blank behind", _chunks(b"3 \r\nabc\r\n0\r\n\r\n"), {200, 400, CLOSE}, _seen(b"abc")),
    ("empty size", _chunks(b"\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("size that is no number", _chunks(b"xyz\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("size with an underscore", _chunks(b"1_0\r\nabc\r\n0\r\n\r\n"), BAD_OR_CLOSE, []),
    ("size ended by LF", _chunks(b"3\nabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("size ended by CR", _chunks(b"3\rabc\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("no CRLF behind a chunk", _chunks(b"3\r\nabc0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("LF behind a chunk", _chunks(b"3\r\nabc\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("a byte too many", _chunks(b"3\r\nabcd\r\n0\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("last chunk ended by LF", _chunks(b"3\r\nabc\r\n0\n\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("last chunk 00000", _chunks(b"3\r\nabc\r\n00000\r\n\r\n"), {200, 400}, _seen(b"abc")),
    ("a trailer", _chunks(b"3\r\nabc\r\n0\r\nX-A: a\r\n\r\n"), {200, 400}, _seen(b"abc")),
    ("trailer Content-Length", _chunks(b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"), {200, 400, CLOSE}, _seen(b"abc")),
    ("trailer Transfer-Encoding", _chunks(b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), {200, 400, CLOSE}, _seen(b"abc")),
    ("trailer Host", _chunks(b"3\r\nabc\r\n0\r\nHost: evil.example\r\n\r\n"), {200, 400, CLOSE}, _seen(b"abc")),
    ("trailer Authorization", _chunks(b"3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n"), {200, 400, CLOSE}, _seen(b"abc")),
    ("trailer with a NUL", _chunks(b"3\r\nabc\r\n0\r\nX-A: a\x00b\r\n\r\n"), BAD_OR_CLOSE, []),
    ("trailer without a colon", _chunks(b"3\r\nabc\r\n0\r\nX-A\r\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("trailer folded", _chunks(b"3\r\nabc\r\n0\r\nX-A: a\r\n b\r\n\r\n"), BAD_OR_CLOSE, []),
    ("trailer with a bare LF", _chunks(b"3\r\nabc\r\n0\r\nX-A: a\n\r\n" + _SMUGGLED), BAD_OR_CLOSE, []),
    ("a giant trailer", _chunks(b"3\r\nabc\r\n0\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n"), BAD_OR_CLOSE, []),
    ("10,000 trailers", _chunks(b"3\r\nabc\r\n0\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n"), BAD_OR_CLOSE, []),
    ("chunks without end", _chunks(b"3\r\nabc\r\n"), {CLOSE, 400, 408}, []),
    ("a body shorter than its length", _add(b"Content-Length: 10", body=b"abc"), {CLOSE, 400, 408}, []),
]
