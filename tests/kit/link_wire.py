# SPDX-License-Identifier: Apache-2.0
"""The messages of the link protocol, apart from the gateway's own code: what is signed, the invitation and its proof, the words.
Written from docs/link-protocol.md."""

import base64
import datetime
import hashlib
import hmac
import json
import re
import time

from kit import cbor, settings

EXPORTER = b"EXPORTER-causeway-link-1"
DATE_SKEW_S = 300
_HEADER = re.compile(r"link=([0-9a-z]{26}), epoch=(\d+), node=([a-z0-9][a-z0-9._-]{0,62}), sequence=(\d+), "
                     r"date=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z), signature=([A-Za-z0-9+/]{86})")

# The members of each message in the order in which they are printed; what may be missing has a question mark.
MEMBERS = {
    "hello": "versions org node features must body_max items_max roots date",
    "join": "v link invite_epoch last_epoch org node address? incarnation roots proof",
    "joined": "v link epoch incarnation roots reaches? ignored?",
    "heartbeat": "v from to sequence? state confirmed suspended isolated taken roots roots_known credit load settled? we_store? they_store? draining? ignored?",
    "roots": "v from to sequence roots",
    "batch": "v from to settled? items",
    "results": "v from to credit results ignored?",
    "statement": "v from to sequence? after? settled? settled_there? page? signature? ignored?",
    "end": "v epoch cause date",
    "error": "error message epoch? floor? retry_after_s? date? versions?",
}


def print_message(kind, message) -> bytes:
    """The one form: members in their order, no white space."""
    names = [name.rstrip("?") for name in MEMBERS[kind].split()]
    assert set(message) <= set(names), message
    return json.dumps({name: message[name] for name in names if name in message}, separators=(",", ":"), ensure_ascii=False).encode()


def read_message(kind, body: bytes) -> dict:
    """ValueError for what is none; members that are not known are left out."""
    message = json.loads(body, object_pairs_hook=_no_member_twice, parse_float=_no_float)
    for name in MEMBERS[kind].split():
        if not name.endswith("?") and name not in message:
            raise ValueError(f"{kind}: '{name}' is missing")
    known = [name.rstrip("?") for name in MEMBERS[kind].split()]
    return {name: message[name] for name in known if name in message}


def _no_member_twice(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def _no_float(text):
    raise ValueError(f"{text} is no whole number")


# ---- parts

def print_date(seconds=None) -> str:
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def read_date(text) -> float:
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def print_bytes(data) -> str:
    return "m" + base64.b64encode(data).decode().rstrip("=")


def read_bytes(text) -> bytes:
    if not text.startswith("m"):
        raise ValueError("no multibase base64")
    return base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), validate=True)


def print_incarnation(number) -> str:
    return f"{number:016x}"


# ---- signatures

def signed_lines(method, path, link, epoch, node, sequence, date, body) -> bytes:
    """What the signature of a request is over; of an answer method is the status."""
    digest = hashlib.sha256(body).hexdigest()
    return (b"causeway link 1\0"
            + f"causeway-link-1\n{method}\n{path}\n{link}\n{epoch}\n{node} {sequence}\n{date}\n{digest}\n".encode())


def print_header(link, epoch, node, sequence, date, signature) -> str:
    return (f"link={link}, epoch={epoch}, node={node}, sequence={sequence}, date={date}, "
            f"signature={base64.b64encode(signature).decode().rstrip('=')}")


def read_header(text) -> dict:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError(f"no Causeway-Signed header: {text}")
    link, epoch, node, sequence, date, signature = match.groups()
    return {"link": link, "epoch": int(epoch), "node": node, "sequence": int(sequence), "date": date,
            "signature": base64.b64decode(signature + "==")}


# ---- invitations

class Invitation:
    """link, epoch, org, root (hash), addresses, secret, expires_ms."""

    def __init__(self, **members):
        self.__dict__.update(members)

    @classmethod
    def read(cls, text):
        text = "".join(text.split())
        if not text.startswith("cwi1"):
            raise ValueError("no invitation")
        letters = text[4:].upper()
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
        if hashlib.sha256(data[:-4]).digest()[:4] != data[-4:]:
            raise ValueError("the invitation is damaged")
        document = cbor.decode(data[:-4])
        if document.pop("v") != 1:
            raise ValueError("an invitation of another version")
        document["expires_ms"] = document.pop("expires")
        return cls(**document)

    def print(self) -> str:
        data = cbor.encode({"v": 1, "link": self.link, "epoch": self.epoch, "org": self.org, "root": self.root,
                            "addresses": self.addresses, "secret": self.secret, "expires": self.expires_ms})
        data += hashlib.sha256(data).digest()[:4]
        return "cwi1" + base64.b32encode(data).decode().rstrip("=").lower()


def prove(secret, link, exporter, inviter_root, joiner_root) -> bytes:
    message = b"causeway join 1\0" + link.encode() + exporter + inviter_root + joiner_root
    return hmac.new(hashlib.sha256(secret).digest(), message, hashlib.sha256).digest()


# ---- words

def words_of(link, epoch, inviter, joiner, exporter) -> str:
    """inviter, joiner: (org, root hash)."""
    transcript = cbor.encode([link, epoch, inviter[0], inviter[1], joiner[0], joiner[1], exporter])
    bits = hashlib.scrypt(hashlib.sha256(transcript).digest(), salt=b"causeway words 1", n=1 << 14, r=8, p=1, maxmem=64 << 20, dklen=9)
    number = int.from_bytes(bits, "big")
    return " ".join(_listed()[number >> (72 - 11 * (i + 1)) & 2047] for i in range(6))


def _listed():
    """BIP-39's English list, from the copy that is here."""
    return re.findall(r'"([a-z]+)"', (settings.root() / "auth" / "words_list.c").read_text())
