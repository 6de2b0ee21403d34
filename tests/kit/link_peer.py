# SPDX-License-Identifier: Apache-2.0
"""A second implementation of the link protocol, as small as can be, written from docs/link-protocol.md: it invites or joins, confirms,
keeps a link active by heartbeats both ways, sends and takes batches, ends a link. And it misbehaves as it is told: what is wrong with a
request, or with who sends it, is an argument."""

import json
import os
import pathlib
import socket
import threading
import time
import traceback

from cryptography.exceptions import InvalidSignature

from kit import link_wire as wire
from kit.http1 import Cut, Reader
from kit.link_org import Roots
from kit.ports import free_port
from kit.tls_channel import Context

HEARTBEAT_S = 10
_CREDIT = {"items": 256, "bytes": 1 << 20}


class Answer:
    """Status, body, what the body says as JSON, and the header Causeway-Signed as read, or None."""

    def __init__(self, message):
        self.status, self.body = message.status, bytes(message.body)
        self.header = message.get("causeway-signed")
        self.retry_after = message.get("retry-after")
        try:
            self.json = json.loads(self.body) if self.body else None
        except ValueError:
            self.json = None

    @property
    def problem(self):
        """The error's name, or None."""
        return self.json.get("error") if isinstance(self.json, dict) else None

    @property
    def was_cut(self):
        """The link changed meanwhile, and its connections end: whoever connects anew is told what is so now."""
        return self.problem == "later" and "connect anew" in self.json.get("message", "")

    def __repr__(self):
        return f"{self.status} {self.body[:400].decode(errors='replace')}"


class Connection:
    """One connection to a partner port."""

    def __init__(self, channel):
        self.channel, self.reader = channel, Reader(channel)

    def ask(self, method, path, body=b"", headers=()) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: partner", *headers]
        if method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.channel.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        message = self.reader.reply()
        return Answer(self.reader.body(message, until_end=message.get("content-length") is None and not message.is_chunked()))

    def close(self):
        self.channel.close()


class Peer:
    """The gateway of ORG (kit.link_org.Org). FOLDER is for its certificates. Started by listen(), stopped by close()."""

    def __init__(self, folder, org, *, host="127.0.0.1"):
        self.org, self.host, self.port = org, host, None
        self.folder = pathlib.Path(folder) / f"peer-{org.org}-{os.urandom(3).hex()}"
        self.folder.mkdir(parents=True)
        self.link = self.their_address = self.their_roots = self.words = None
        self.epoch, self.last_epoch = 0, 0
        self.incarnation, self.their_incarnation = _draw_incarnation(), 0
        self.next_number, self.taken, self._seen = 1, 0, set()
        self.confirmed = self.suspended = self.isolated = False
        self.their_levels = None  # of their last heartbeat or answer
        self.heard_at = self.acked_at = None
        self.ended = None  # `end`, once they said so
        self.items = []  # that they asked for: (key, action, with)
        self.replies = {}  # by key
        self.actions = {}  # what is done of items: by name, a function of (key, with) to (status, with, message or None)
        self.holder = None  # kit.link_holder.Holder: the bytes that are sent here and read back
        self.heard = []  # every request: (method, path, status)
        self.invitation = None  # ours, open
        self.is_mute = False  # takes connections and says nothing
        self._lock = threading.RLock()
        self._listener = self._beat = None
        self._kept = None
        self._channels = []
        self._stopped = threading.Event()
        self._unused = 0

    # ---- who we are to TLS

    def files(self, leaf=None, chain=None):
        """Paths of chain and key; leaf, chain: others than the organization's own."""
        leaf = leaf or self.org.leaf
        self._unused += 1
        chain_path, key_path = (self.folder / f"{name}-{self._unused}.pem" for name in ("chain", "key"))
        chain_path.write_bytes(b"".join(chain or [leaf.pem, self.org.issuer.pem]))
        key_path.write_bytes(leaf.key_pem)
        return chain_path, key_path

    def connect(self, *, address=None, leaf=None, chain=None, session=None, seconds=10, **versions) -> Connection:
        context = Context(*self.files(leaf, chain), **versions)
        host, _, port = (address or self.their_address).rpartition(":")
        sock = socket.create_connection((host, int(port)), timeout=seconds)
        connection = Connection(context.wrap(sock, session=session, seconds=seconds))
        connection.context = context
        return connection

    # ---- joining

    def join_body(self, connection, invitation, **changes) -> bytes:
        exporter = connection.channel.export(wire.EXPORTER)
        message = {"v": 1, "link": invitation.link, "invite_epoch": invitation.epoch, "last_epoch": self.last_epoch,
                   "org": self.org.org, "node": self.org.node, "incarnation": wire.print_incarnation(self.incarnation),
                   "roots": wire.print_bytes(self.org.roots_document),
                   "proof": wire.prove(invitation.secret, invitation.link, exporter, invitation.root, self.org.root_hash).hex()}
        if self.port is not None:
            message["address"] = f"{self.host}:{self.port}"
        message.update(changes)
        return wire.print_message("join", message)

    def join(self, text, *, address=None, connection=None, **changes) -> Answer:
        """By the invitation; changes: of the message. The answer; if it is `joined`, the link and its words are known."""
        invitation = wire.Invitation.read(text)
        own = connection is None
        connection = connection or self.connect(address=address or invitation.addresses[0])
        try:
            answer = connection.ask("POST", "/link/v1/join", self.join_body(connection, invitation, **changes))
            if answer.status == 200:
                self._take_joined(answer, invitation, connection)
                self.their_address = address or invitation.addresses[0]
        finally:
            if own:
                connection.close()
        return answer

    def _take_joined(self, answer, invitation, connection):
        joined = wire.read_message("joined", answer.body)
        roots = Roots(wire.read_bytes(joined["roots"]))
        roots.pin(invitation.org, invitation.root)
        roots.verify_chain(connection.channel.peer_chain())  # nobody stands between
        self._begin(joined["link"], joined["epoch"], int(joined["incarnation"], 16), roots)
        self.words = wire.words_of(self.link, self.epoch, (invitation.org, invitation.root), (self.org.org, self.org.root_hash),
                                   connection.channel.export(wire.EXPORTER))

    def _begin(self, link, epoch, incarnation, roots):
        with self._lock:
            self.link, self.epoch, self.their_roots = link, epoch, roots
            self.their_incarnation, self.next_number, self.taken, self._seen = incarnation, 1, 0, set()
            self.confirmed = False

    def invite(self, link, epoch=1, hours=24) -> str:
        """An invitation of ours; it is taken by whoever joins first."""
        self.invitation = wire.Invitation(link=link, epoch=epoch, org=self.org.org, root=self.org.root_hash, secret=os.urandom(32),
                                          addresses=[f"{self.host}:{self.port}"], expires_ms=int((time.time() + 3600 * hours) * 1000))
        return self.invitation.print()

    # ---- what we send

    def draw_number(self):
        with self._lock:
            self.next_number += 1
            return self.next_number - 1

    def levels(self):
        return {"v": 1, "from": wire.print_incarnation(self.incarnation), "to": wire.print_incarnation(self.their_incarnation),
                "state": "active" if self.confirmed else "pending", "confirmed": self.confirmed, "suspended": self.suspended,
                "isolated": self.isolated, "taken": self.taken, "roots": self.org.roots_number,
                "roots_known": self.their_roots.number if self.their_roots else 0, "credit": _CREDIT, "load": 0}

    def sign(self, method, path, body, *, number, link=None, epoch=None, node=None, date=None, key=None) -> str:
        """The value of Causeway-Signed."""
        said = (link or self.link, self.epoch if epoch is None else epoch, node or self.org.node, number, date or wire.print_date())
        return wire.print_header(*said, (key or self.org.signing).sign(wire.signed_lines(method, path, *said, body)))

    def send(self, path, body, *, method="POST", connection=None, number=None, sent_body=None, header=None, **signed) -> Answer:
        """One signed request. sent_body: another one than was signed; header: another header; signed: of sign()."""
        if header is None:
            header = self.sign(method, path, body, number=self.draw_number() if number is None else number, **signed)
        headers = [f"Causeway-Signed: {header}"] if header else []
        own = connection is None
        connection = connection or self.connect()
        try:
            return connection.ask(method, path, sent_body if sent_body is not None else body, headers)
        finally:
            if own:
                connection.close()

    def heartbeat(self, *, changes=None, **options) -> Answer:
        given = options.pop("number", None)
        for _ in range(5):
            number = given or self.draw_number()
            answer = self.send("/link/v1/heartbeat", wire.print_message("heartbeat", {**self.levels(), **(changes or {})}),
                               number=number, **options)
            if given or options.get("connection") or not answer.was_cut:
                break
        if answer.status == 200:
            self.check_answer(answer, "/link/v1/heartbeat", number)
            self._take_levels(wire.read_message("heartbeat", answer.body))
            self.acked_at = time.monotonic()
        elif answer.problem == "number":
            self.next_number = max(self.next_number, answer.json["floor"] + 1)
        elif answer.status == 410:
            self.ended = answer.json
        return answer

    def check_answer(self, answer, path, number):
        """Their signature, over our number."""
        said = wire.read_header(answer.header)
        assert (said["link"], said["epoch"], said["sequence"]) == (self.link, self.epoch, number), said
        self.their_roots.verify(said["signature"], wire.signed_lines(answer.status, path, said["link"], said["epoch"], said["node"],
                                                                     said["sequence"], said["date"], answer.body))

    def batch(self, items, settled=None, changes=None, **options) -> Answer:
        """items: (key, action, with)."""
        message = {"v": 1, "from": wire.print_incarnation(self.incarnation), "to": wire.print_incarnation(self.their_incarnation),
                   "items": [{"key": key, "do": action, **({"with": given} if given is not None else {})} for key, action, given in items]}
        if settled:
            message["settled"] = settled
        return self.send("/link/v1/batch", wire.print_message("batch", {**message, **(changes or {})}), **options)

    def send_roots(self, document=None, number=None, **options) -> Answer:
        message = {"v": 1, "from": wire.print_incarnation(self.incarnation), "to": wire.print_incarnation(self.their_incarnation),
                   "sequence": number or self.org.roots_number, "roots": wire.print_bytes(document or self.org.roots_document)}
        return self.send("/link/v1/roots", wire.print_message("roots", message), **options)

    def restore(self):
        """As a gateway whose ledger is a backup: another incarnation, isolated until both hold the same to be true."""
        self.incarnation, self.isolated = _draw_incarnation(), True

    def send_statement(self, **options) -> Answer:
        """We hold nothing for anybody, and believe that nobody holds anything for us."""
        answer = self.send("/link/v1/statement", self._empty_page(), **options)
        if answer.status == 200:
            self._compare(wire.read_message("statement", answer.body))
        return answer

    def _empty_page(self, **more):
        return wire.print_message("statement", {"v": 1, "from": wire.print_incarnation(self.incarnation),
                                                "to": wire.print_incarnation(self.their_incarnation), **more})

    def _compare(self, statement):
        if int(statement["to"], 16) == self.incarnation and "page" not in statement:
            self.isolated = False

    def end(self, **options) -> Answer:
        body = wire.print_message("end", {"v": 1, "epoch": self.epoch, "cause": "revoked", "date": wire.print_date()})
        return self.send("/link/v1/end", body, **options)

    # ---- heartbeats by themselves

    def beat(self, seconds=HEARTBEAT_S):
        """One each `seconds`, on a kept connection, until close()."""
        self._beat = threading.Thread(target=self._run_beat, args=(seconds,), daemon=True)
        self._beat.start()

    def _run_beat(self, seconds):
        while not self._stopped.is_set() and self.ended is None:
            try:
                self._kept = self._kept or self.connect(seconds=5)
                self.heartbeat(connection=self._kept)
            except (OSError, ValueError, Cut, InvalidSignature, AssertionError):
                self._kept = None
            self._stopped.wait(seconds)

    # ---- what we are sent

    def listen(self, port=None):
        """Returns itself."""
        self.port = port or free_port()
        self._listener = socket.create_server((self.host, self.port), backlog=64)
        self._context = Context(*self.files(), is_server=True)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def renew_certificate(self, leaf, chain=None):
        """What the next connections are shown."""
        self._context = Context(*self.files(leaf, chain), is_server=True)

    def cut(self):
        """Ends every connection that others made to us."""
        for channel in self._channels:
            try:
                channel.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        listener = self._listener
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self._stopped.is_set():  # its number may be another listener's by now
                sock.close()
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            if self.is_mute:
                sock.recv(1)
                time.sleep(60)
            channel = self._context.wrap(sock, seconds=120)
            self._channels.append(channel)
            reader = Reader(channel)
            while (request := reader.request()) is not None:
                if self.holder is not None and request.target.startswith("/link/v1/allocations/"):
                    self.their_roots.verify_chain(channel.peer_chain())
                    self.heard.append((request.method, request.target, self.holder.serve(request, reader, channel)))
                    continue
                reader.body(request)
                status, body, headers = self._answer(request, bytes(request.body), channel)
                self.heard.append((request.method, request.target, status))
                lines = [f"HTTP/1.1 {status} Answer", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
                channel.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        except (OSError, Cut):
            pass
        except Exception:  # a mistake of this file: the test that fails shows it
            traceback.print_exc()
        finally:
            sock.close()

    def _answer(self, request, body, channel):
        """Status, body, headers."""
        if (request.method, request.target) == ("GET", "/link/v1/hello"):
            return 200, self._hello(), []
        if request.target == "/link/v1/join":
            return self._let_join(body, channel)
        try:
            said = wire.read_header(request.get("causeway-signed", ""))
            self.their_roots.verify_chain(channel.peer_chain())
            self.their_roots.verify(said["signature"], wire.signed_lines(request.method, request.target, said["link"], said["epoch"],
                                                                         said["node"], said["sequence"], said["date"], body))
        except (ValueError, InvalidSignature, AttributeError) as error:
            return _error(403, "signature" if isinstance(error, InvalidSignature) else "stranger", f"you are not who we know: {error}")
        status, body = self._take(request.target.rpartition("/")[2], said, body)
        return status, body, [f"Causeway-Signed: {self.sign(str(status), request.target, body, number=said['sequence'])}"]

    def _hello(self):
        return wire.print_message("hello", {"versions": {"min": 1, "max": 1}, "org": self.org.org, "node": self.org.node,
                                            "features": [], "must": [], "body_max": 1 << 20, "items_max": 50,
                                            "roots": self.org.roots_number, "date": wire.print_date()})

    def _let_join(self, body, channel):
        message, invitation = wire.read_message("join", body), self.invitation
        if invitation is None or message["link"] != invitation.link:
            return _error(409 if invitation is None else 403, "used" if invitation is None else "proof", "no such invitation")
        roots = Roots(wire.read_bytes(message["roots"]))
        exporter = channel.export(wire.EXPORTER)
        joiner = roots.in_force[0]
        if message["proof"] != wire.prove(invitation.secret, invitation.link, exporter, invitation.root, joiner).hex():
            return _error(403, "proof", "you do not have the invitation, or somebody stands between")
        roots.pin(message["org"], joiner)
        roots.verify_chain(channel.peer_chain())
        epoch = max(invitation.epoch, message["last_epoch"] + 1)
        self._begin(invitation.link, epoch, int(message["incarnation"], 16), roots)
        self.their_address = message.get("address")
        self.words = wire.words_of(self.link, epoch, (self.org.org, self.org.root_hash), (message["org"], joiner), exporter)
        self.invitation = None
        return 200, wire.print_message("joined", {"v": 1, "link": self.link, "epoch": epoch, "roots": wire.print_bytes(
            self.org.roots_document), "incarnation": wire.print_incarnation(self.incarnation), "reaches": False}), []

    def _take(self, kind, said, body):
        """Status and body of a request of who we know."""
        if said["link"] != self.link or said["epoch"] > self.epoch:
            return _error(409, "behind", "no such link or epoch")[:2]
        if self.ended is not None or said["epoch"] < self.epoch:
            return 410, wire.print_message("end", {"v": 1, "epoch": said["epoch"], "cause": "revoked", "date": wire.print_date()})
        with self._lock:
            if said["sequence"] in self._seen:
                return _error(409, "number", "used before", floor=max(self._seen))[:2]
            self._seen.add(said["sequence"])
            self.taken = max(self.taken, said["sequence"])
        return getattr(self, f"_take_{kind}")(body)

    def _take_levels(self, levels):
        self.their_levels = levels
        self.their_incarnation = int(levels["from"], 16)

    def _take_heartbeat(self, body):
        self._take_levels(wire.read_message("heartbeat", body))
        self.heard_at = time.monotonic()
        return 200, wire.print_message("heartbeat", {**self.levels(), "sequence": self.draw_number()})

    def _take_roots(self, body):
        roots = Roots(wire.read_bytes(wire.read_message("roots", body)["roots"]))
        if roots.number <= self.their_roots.number:
            return _error(409, "old_roots", "not newer")[:2]
        if not roots.signed_by & set(self.their_roots.roots):
            return _error(403, "stranger", "no root that we know signed it")[:2]
        self.their_roots = roots
        return 200, b"{}"

    def _take_statement(self, body):
        self._compare(wire.read_message("statement", body))
        return 200, self._empty_page(sequence=self.draw_number())

    def _take_batch(self, body):
        message = wire.read_message("batch", body)
        results = []
        for item in message["items"]:
            if item["key"] not in self.replies:
                self.items.append((item["key"], item["do"], item.get("with")))
                status, given, said = self.actions.get(item["do"], _do_nothing)(item["key"], item.get("with"))
                self.replies[item["key"]] = {"key": item["key"], "status": status, **({"with": given} if given is not None else {}),
                                             **({"message": said} if said else {})}
            results.append(self.replies[item["key"]])
        return 200, wire.print_message("results", {"v": 1, "from": wire.print_incarnation(self.incarnation), "credit": _CREDIT,
                                                   "to": wire.print_incarnation(self.their_incarnation), "results": results})

    def _take_end(self, body):
        self.ended = wire.read_message("end", body)
        return 200, b"{}"

    def close(self):
        self._stopped.set()
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # who waits in accept() is woken by this alone
            self._listener.close()
        self.cut()
        if self._beat is not None:
            self._beat.join(10)


def _do_nothing(key, given):
    return 404, None, "nobody does this here"


def _draw_incarnation():
    return int.from_bytes(os.urandom(8), "big") or 1


def _error(status, name, message, **more):
    return status, wire.print_message("error", {"error": name, "message": message, **more}), []
