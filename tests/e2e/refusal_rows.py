# SPDX-License-Identifier: Apache-2.0
"""Every answer that the gateway refuses or fails a call with, and how each is provoked. A new one is one entry here, and
`RIG_RECORD=1 tests/run e2e` writes what the clients make of it into golden/refusals.txt."""

import dataclasses
import socket
import typing

from kit import members, upstream
from kit.process import wait_for

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
MIB = 1 << 20

POLICY = """\
version: 1
org: lab.example
members:
  alice: {groups: [staff]}
  bob: {groups: [staff]}
groups: {staff: {}}
roles:
  reader: {allow: ["class:tool", "class:read"]}
  staff: {inherits: [reader], allow: ["class:write", "class:pin"]}
bind: [{to: "group:staff", roles: [staff]}]
rules:
  - id: small-uploads
    deny: [add]
    when: "has(req.content_length) and req.content_length > 1000"
    message: uploads have at most 1 kB this week
  - {id: no-listing, deny: [pin/ls]}
"""
NO_BYTES = POLICY + "quotas: [{id: each, scope: each member, stored: {bytes: 4, pins: 10}}]\n"
NO_PINS = POLICY + "quotas: [{id: each, scope: each member, stored: {bytes: 1MB, pins: 1}}]\n"
NO_CALLS = POLICY + "quotas: [{id: each, scope: each member, requests: {rate: 1/h, burst: 1}}]\n"
NO_RIGHT = POLICY.replace('"class:pin"]', '"class:pin", "class:files"]')
LATER = POLICY.replace("  bob: {groups: [staff]}\n", "")
EXPIRED = POLICY.replace("bob: {groups: [staff]}", "bob: {groups: [staff], expires: 2020-01-01}")

# ---- upstreams, for what a real node cannot be made to do


def answers(body=b"{}\n", **options):
    def script(peer, request):
        peer.read_body(request)
        peer.reply(body, **options)
        return True

    return script


def after_version(script):
    """The question for the version is answered, and the connection kept."""

    def both(peer, request):
        if "/version" not in request.target:
            return script(peer, request)
        peer.read_body(request)
        peer.reply(b'{"Version":"0.43.1","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.26"}\n',
                   connection=getattr(script, "version_connection", None))
        return getattr(script, "version_connection", None) is None

    return both


@after_version
def silent(peer, request):
    peer.read_body(request)
    peer.wait_closed(60)


@after_version
def closes(peer, request):
    peer.read_body(request)


def _closes_fresh(peer, request):
    peer.read_body(request)


_closes_fresh.version_connection = "close"
closes_fresh = after_version(_closes_fresh)


@after_version
def speaks_nonsense(peer, request):
    peer.read_body(request)
    peer.send(b"SMTP ready\r\n\r\n")


def begins(head, body, waits=False):
    """The beginning of a chunked reply; then the connection ends, or nothing more comes."""

    @after_version
    def script(peer, request):
        peer.read_body(request)
        peer.send(b"HTTP/1.1 200 OK\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n")
        if waits:
            peer.wait_closed(60)

    return script


LINES = begins(b"Content-Type: application/json\r\nX-Chunked-Output: 1\r\n", b'{"Ref":"%s","Err":""}\n' % CID.encode())
BYTES = begins(b"Content-Type: text/plain\r\nX-Stream-Output: 1\r\n", b"the beginning\n")
BYTES_THEN_SILENT = begins(b"Content-Type: text/plain\r\nX-Stream-Output: 1\r\n", b"the beginning\n", waits=True)


def not_resolved(peer, request):
    peer.read_body(request)
    if "/name/resolve" in request.target or "/resolve" in request.target:
        peer.reply(b'{"Message":"could not resolve name","Code":0,"Type":"error"}\n', status="500 Internal Server Error")
    else:
        peer.reply(b'{"Version":"0.43.1","Commit":"","Repo":"18","System":"amd64/linux","Golang":"go1.26"}\n')
    return True


@after_version
def pins(peer, request):
    """Every object is there, and has five bytes."""
    if "/dag/stat" not in request.target:
        return upstream.answer(peer, request)
    peer.read_body(request)
    peer.reply(b'{"UniqueBlocks":1,"TotalSize":5,"DagStats":[{"Cid":{"/":"%s"},"Size":5,"NumBlocks":1}]}\n' % CID.encode())
    return True


# ---- places where nobody listens


def nobody(case):
    """A port that refuses."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def takes_nobody(case):
    """A port whose queue of connections is full: a SYN is not answered."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    case.addCleanup(listener.close)
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        case.addCleanup(sock.close)
    return listener.getsockname()[1]


# ---- changes of a request's head on its way


def header(line):
    return lambda head: head[:-2] + line.encode() + b"\r\n\r\n"


def path(text):
    return lambda head: b"POST " + text.encode() + head[head.index(b" HTTP/1.1"):]


def replaced(old, new):
    return lambda head: head.replace(old.encode(), new.encode())


def host(name):
    return lambda head: b"\r\n".join(b"Host: " + name.encode() if line.lower().startswith(b"host:") else line for line in head.split(b"\r\n"))


def without(head, *names):
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(names))


def unframed(head):
    return without(head, b"content-length", b"content-type", b"transfer-encoding")


def form(length):
    """A body of that length is announced."""
    return lambda head: header(f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}")(unframed(head))


# ---- what happens while a call waits


def stops_the_gateway(test):
    test.gateway.process.signal(15)


def collecting(peer, request):
    """A node with nothing pinned, whose collection does not end."""
    peer.read_body(request)
    if "/repo/gc" in request.target:
        peer.wait_closed(30)
        return False
    if "/pin/ls" in request.target:
        peer.reply(b"")
    else:
        peer.reply(b'{"Version":"0.43.1"}\n')
    return True


def full(peer, request):
    """A node that has 1 of its 100 bytes left."""
    peer.read_body(request)
    peer.reply(b'{"RepoSize":99,"StorageMax":100}\n' if "/repo/stat" in request.target else b'{"Version":"0.43.1"}\n')
    return True


def collects_garbage(test):
    members.ask_operators(test.gateway, "/gc")
    test.assertTrue(wait_for(lambda: members.ask_operators(test.gateway, "/gc/status")["phase"] == "collecting", 10))


def waits_until_full(test):
    test.assertTrue(wait_for(lambda: (members.ask_operators(test.gateway, "/status")["storage"] or {}).get("full"), 20))


def suspends(test):
    members.ask_operators(test.gateway, "/member/suspend", id="alice", reason="left for the summer")


def revokes_the_token(test):
    test.revoke()


@dataclasses.dataclass
class Row:
    status: int  # 0: the reply had begun
    title: str
    cli: list  # words of the ipfs program; {token} stands for alice's
    js: str  # the same with kubo-rpc-client; "": it has no such call
    change: typing.Optional[typing.Callable] = None
    changed: str = ""  # what `change` does, for the reader
    script: typing.Optional[typing.Callable] = None
    port: typing.Optional[typing.Callable] = None  # instead of an upstream
    more: str = ""  # lines of causeway.yaml
    limits: dict = dataclasses.field(default_factory=dict)
    policy: str = ""
    policy_then: str = ""  # what it is changed to, once there is a token
    member: str = ""  # whose token is sent
    credential: str = ""  # sent instead
    stdin: typing.Union[bytes, None] = b""  # None: stays open without a byte
    meanwhile: typing.Optional[typing.Callable] = None  # once the upstream has the call
    prepare: typing.Optional[typing.Callable] = None  # before the call
    before: int = 0  # calls with the same credential before the one that is shown
    first: str = "/api/v0/id"  # these calls


CAT, CAT_JS = ["cat", CID], "await each(ipfs.cat(cid))"
ADD, ADD_JS = ["add", "-Q"], "await ipfs.add('x')"
LS, LS_JS = ["pin", "ls"], "await each(ipfs.pin.ls())"
ALL = "allow: [tool, read, write, pin, files, key, pubsub, network, repo, remote-pin]"

ROWS = [
    # ---- 400: what the call says is wrong
    Row(400, "an option's value is none", CAT, CAT_JS, change=path(f"/api/v0/cat?arg={CID}&offset=far"), changed="offset=far"),
    Row(400, "an option is given twice", CAT, CAT_JS, change=path(f"/api/v0/cat?arg={CID}&offset=1&offset=2"), changed="offset=1&offset=2"),
    Row(400, "a bad escape", CAT, CAT_JS, change=path("/api/v0/cat?arg=%zz"), changed="arg=%zz"),
    Row(400, "an argument is missing", CAT, CAT_JS, change=path("/api/v0/cat"), changed="no arg"),
    Row(400, "too many arguments on the standard input", ["pin", "add"], "", stdin=f"{CID}\n".encode() * 10_001),
    Row(400, "a body for a command that takes none", LS, LS_JS, change=form(5), changed="a body of 5 bytes"),
    Row(400, "a body of arguments that is no form", CAT, CAT_JS, change=lambda head: header("Content-Length: 5")(unframed(head)),
        changed="a body of 5 bytes without a type"),
    Row(400, "a change over HTTP/1.0", ["pin", "add", CID], "await ipfs.pin.add(cid)", change=replaced(" HTTP/1.1\r\n", " HTTP/1.0\r\n"), changed="HTTP/1.0"),
    Row(400, "a head that can be read in two ways", CAT, CAT_JS, change=header("Content-Length: 7\r\nContent-Length: 9"), changed="Content-Length twice"),
    Row(400, "two credentials", CAT, CAT_JS, policy=POLICY, member="alice", change=header("Authorization: Bearer other"), changed="Authorization twice"),
    # ---- 401: who asks
    Row(401, "no token", CAT, CAT_JS, policy=POLICY),
    Row(401, "an unknown token", CAT, CAT_JS, policy=POLICY, credential="cw1_aaaaaaaaaa_" + "a" * 52),
    Row(401, "something that is no token", CAT, CAT_JS, policy=POLICY, credential="secret"),
    Row(401, "a token that is revoked while its call waits", CAT, CAT_JS, policy=POLICY, member="alice", script=silent, meanwhile=revokes_the_token),
    # ---- 403: not for you
    Row(403, "a class that is not allowed (no policy)", ADD, ADD_JS, more="allow: [tool, read]"),
    Row(403, "too dangerous for a shared node (no policy)", ["repo", "gc"], "await each(ipfs.repo.gc())", more=ALL),
    Row(403, "too dangerous for a shared node (policy)", ["repo", "gc"], "await each(ipfs.repo.gc())", policy=POLICY, member="alice"),
    Row(403, "nothing in the policy allows it", ["key", "list"], "await ipfs.key.list()", policy=POLICY, member="alice"),
    Row(403, "a rule denies it", LS, LS_JS, policy=POLICY, member="alice"),
    Row(403, "a rule with a message denies it", ADD, ADD_JS, policy=POLICY, member="alice", change=form(5000), changed="a body of 5000 bytes"),
    Row(403, "a member that the policy does not know", CAT, CAT_JS, policy=POLICY, member="bob", policy_then=LATER),
    Row(403, "an expired membership", CAT, CAT_JS, policy=POLICY, member="bob", policy_then=EXPIRED),
    Row(403, "a token of fewer roles", ["pin", "add", CID], "await ipfs.pin.add(cid)", policy=POLICY, member="alice", credential="{narrow}"),
    Row(403, "what all who use the storage share", ["files", "ls", "/"], "await each(ipfs.files.ls('/'))", policy=NO_RIGHT, member="alice"),
    Row(403, "a suspended member", CAT, CAT_JS, policy=POLICY, member="alice", prepare=suspends),
    Row(403, "files of the server", ["add", "--nocopy", "a.txt"], "await ipfs.add('x', { nocopy: true })"),
    Row(403, "a page of another site (Origin)", CAT, CAT_JS, change=header("Origin: https://evil.example"), changed="Origin: https://evil.example"),
    Row(403, "a page of another site (Referer)", CAT, CAT_JS, change=header("Referer: https://evil.example/page"), changed="Referer: https://evil.example/page"),
    Row(403, "two pages", CAT, CAT_JS, change=header("Origin: https://a.example\r\nOrigin: https://b.example"), changed="Origin twice"),
    Row(403, "a browser that does not say where it comes from", CAT, CAT_JS,
        change=lambda head: header("User-Agent: Mozilla/5.0")(without(head, b"user-agent")),
        changed="User-Agent: Mozilla/5.0"),
    Row(403, "a foreign host name (rebinding)", CAT, CAT_JS, change=host("evil.example"), changed="Host: evil.example"),
    # ---- 404, 405: no such thing
    Row(404, "an unknown command", CAT, CAT_JS, change=path("/api/v0/catalog?arg=x"), changed="/api/v0/catalog"),
    Row(404, "a group of commands", CAT, CAT_JS, change=path("/api/v0/pin"), changed="/api/v0/pin"),
    Row(404, "an argument in the path", CAT, CAT_JS, change=path(f"/api/v0/cat/{CID}"), changed="/api/v0/cat/<cid>"),
    Row(404, "a command of the node's own machine", CAT, CAT_JS, change=path("/api/v0/daemon"), changed="/api/v0/daemon"),
    Row(404, "what is not built", CAT, CAT_JS, change=path("/psa/pins"), changed="/psa/pins"),
    Row(404, "what is not built, of the gateway's own", CAT, CAT_JS, change=path("/causeway/v1/nothing"), changed="/causeway/v1/nothing"),
    Row(405, "a GET", CAT, CAT_JS, change=lambda head: b"GET" + head[4:], changed="GET"),
    Row(405, "whoami is not asked with POST", CAT, CAT_JS, change=path("/causeway/v1/whoami"), changed="/causeway/v1/whoami"),
    # ---- 408, 413, 417, 429, 431: too slow, too large, too often
    Row(408, "an upload stalls", ADD, "await ipfs.add(stalls())", stdin=None, limits={"body_idle_timeout": "1s"}),
    Row(413, "arguments of more than 1 MiB are announced", ["pin", "add", CID], "await ipfs.pin.add(cid)", change=form(2 * MIB), changed="a body of 2 MiB"),
    Row(417, "another expectation than 100-continue", CAT, CAT_JS, change=header("Expect: the-unexpected"), changed="Expect: the-unexpected"),
    Row(429, "credentials are being guessed", CAT, CAT_JS, policy=POLICY, credential="cw1_aaaaaaaaaa_" + "a" * 52, before=11),
    Row(429, "the rate of a quota is used up", CAT, CAT_JS, policy=NO_CALLS, member="alice", before=1),
    Row(431, "more than a hundred headers", CAT, CAT_JS, change=header("\r\n".join(f"X-{i}: x" for i in range(101))), changed="101 more headers"),
    Row(431, "a head of more than 64 KiB", CAT, CAT_JS, change=header("X: " + "x" * 70_000), changed="a header of 70,000 bytes"),
    # ---- 500: as Kubo says it
    Row(500, "an argument that is no path", ["cat", "nonsense"], "await each(ipfs.cat('nonsense'))"),
    Row(500, "a name that the node cannot resolve", ["cat", "/ipns/example.org"], "await each(ipfs.cat('/ipns/example.org'))", script=not_resolved),
    # ---- 501, 505: not HTTP/1.1 as it is spoken here
    Row(501, "another transfer coding", CAT, CAT_JS, change=lambda head: header("Transfer-Encoding: gzip")(unframed(head)),
        changed="Transfer-Encoding: gzip"),
    Row(505, "another version of HTTP", CAT, CAT_JS, change=replaced(" HTTP/1.1\r\n", " HTTP/3.0\r\n"), changed="HTTP/3.0"),
    # ---- 502, 504: the storage behind
    Row(502, "the node does not run", CAT, CAT_JS, port=nobody),
    Row(502, "the node closes before it answers", CAT, CAT_JS, script=closes_fresh),
    Row(502, "the node closes a kept connection on a change", ["files", "mkdir", "/a"], "await ipfs.version(); await ipfs.files.mkdir('/a')", script=closes,
        more=ALL),
    Row(502, "the node closes while it is asked for a pin", ["pin", "add", CID], "await ipfs.pin.add(cid)", script=closes),
    Row(502, "the node answers something that is no HTTP", CAT, CAT_JS, script=speaks_nonsense),
    Row(502, "the node redirects", CAT, CAT_JS, script=after_version(answers(status="302 Found", headers=["Location: http://127.0.0.1:9/"]))),
    Row(502, "the node does not accept the gateway", CAT, CAT_JS, script=after_version(answers(status="403 Forbidden"))),
    Row(502, "the node closes while a name is resolved", ["cat", "/ipns/example.org"], "await each(ipfs.cat('/ipns/example.org'))", script=closes_fresh),
    Row(504, "the node does not answer", CAT, CAT_JS, script=silent, limits={"upstream_head_timeout": "1s"}),
    Row(504, "no connection to the node", CAT, CAT_JS, port=takes_nobody, limits={"connect_timeout": "300ms"}),
    Row(504, "a name is not resolved in time", CAT, CAT_JS, script=silent, change=path("/api/v0/cat?arg=/ipns/example.org&timeout=500ms"),
        changed="arg=/ipns/example.org&timeout=500ms"),
    # ---- 503: the gateway
    Row(503, "the gateway is stopped while a call waits", CAT, CAT_JS, script=silent, limits={"drain_timeout": "300ms"}, meanwhile=stops_the_gateway),
    Row(503, "garbage is being collected", ADD, ADD_JS, script=collecting, prepare=collects_garbage),
    # ---- 507: no room
    Row(507, "the storage is nearly full", ADD, ADD_JS, script=full, prepare=waits_until_full, limits={"storage_high_water": 95}),
    Row(507, "the stored bytes of a quota are used up", ["pin", "add", CID], "await ipfs.pin.add(cid)", script=pins, policy=NO_BYTES, member="alice"),
    Row(507, "the pins of a quota are used up", ["pin", "add", CID], "await ipfs.pin.add(cid)", script=pins, policy=NO_PINS, member="alice", before=1,
        first="/api/v0/pin/add?arg=bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    # ---- after the reply has begun: cut, never a clean end
    Row(0, "the node breaks off a list", ["refs", "-r", CID], "await each(ipfs.refs(cid, { recursive: true }))", script=LINES),
    Row(0, "the node breaks off a file", CAT, CAT_JS, script=BYTES),
    Row(0, "the node falls silent inside a file", CAT, CAT_JS, script=BYTES_THEN_SILENT, limits={"upstream_idle_timeout": "1s"}),
    Row(0, "a token is revoked inside a file", CAT, CAT_JS, script=BYTES_THEN_SILENT, policy=POLICY, member="alice", meanwhile=revokes_the_token),
]

# What no call is answered with yet; when it is, it becomes a row.
NOT_BUILT = [
]

# Statuses of the operators' socket alone, which no client of the API reaches.
OPERATORS_ONLY = {409}

# Sentences of the code that no row shows, and why.
NOT_SHOWN = {
    " by this token": "of a narrowed token; otherwise as what all who use the storage share",
    "a token must not travel in clear text": "needs a client of another machine, and tests listen on loopback only",
    "this gateway serves clients on its own machine only": "the configuration refuses such an address without a policy",
    "no member of this gateway's policy has a name": "a certificate: integration/test_certificates.py",
    "the body is malformed": "no client's body is: faults/hostile_bodies.py",
    "101 Switching Protocols": "as the other malformed replies: faults/test_upstream_faults.py",
    "its head is too large": "as the other malformed replies: faults/test_upstream_faults.py",
    "go on with its reply": "its head came and nothing was written yet: no command holds a reply back so far",
    "handshake with ": "a line of the log, where no request has come: integration/test_link_refusals.py",
    "it was not done in time": "likewise: unit/http/test_peers.c",
    "limits.min_body_rate": "takes 30 seconds; as the stalled upload",
    "a block of what this reads is missing here": "needs partners: e2e/test_federation.py and its mixtures",
    "a block on the way to": "likewise",
    "ipld: could not find": "what storages say, and the gateway looks for",
    "failed to fetch all nodes": "likewise",
    "copies that were asked for": "needs partners: e2e/test_copies.py",
    "its copies are not there in time": "part of the same",
    "those on their way go on": "part of the same",
    "no more copies come": "part of the same",
}
