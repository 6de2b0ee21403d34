# SPDX-License-Identifier: Apache-2.0
"""An organization of the link protocol, apart from the gateway's own code: its CA, its leaf, its signing key, its roots document.
Written from docs/link-protocol.md; what may be wrong in each of them is an argument."""

import datetime
import hashlib
import os
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kit import cbor

DAY = 86400
_ROOTS_CONTEXT = b"causeway roots 1\0"
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_USES = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]


def _time(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _usage(**given):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def _constraints(org):
    import ipaddress
    return x509.NameConstraints(
        permitted_subtrees=[x509.UniformResourceIdentifier(org), x509.DNSName(org), x509.RFC822Name(org)],
        excluded_subtrees=[x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")), x509.IPAddress(ipaddress.ip_network("::/0"))])


class Certified:
    """A certificate and its key."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.der).digest()


def _certify(org, role, by, days, extensions, began=None, ended=None):
    """by: None is itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), time.time()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, org[:64]),
                      x509.NameAttribute(NameOID.COMMON_NAME, f"Other {role} {os.urandom(4).hex()}")])
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(by.certificate.subject if by else name)
               .public_key(key.public_key()).serial_number(int.from_bytes(b"\x40" + os.urandom(15), "big"))
               .not_valid_before(_time(began if began is not None else now - 3600))
               .not_valid_after(_time(ended if ended is not None else now + days * DAY)))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    if by:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), False)
    return Certified(builder.sign(by.key if by else key, hashes.SHA256()), key)


class Org:
    """A new organization: org is its DNS name, node the gateway's id."""

    def __init__(self, org, node="main"):
        self.org, self.node = org, node
        self.root = self.make_root()
        self.issuer = self.make_issuer()
        self.leaf = self.make_leaf()
        self.signing = ed25519.Ed25519PrivateKey.generate()
        self.signing_from = int(time.time()) - 3600
        self.roots_number = int(time.time())
        self.roots_document = self.make_roots()

    @property
    def root_hash(self) -> bytes:
        return self.root.hash

    @property
    def chain(self) -> list:
        """What TLS sends: leaf and issuing CA, in PEM."""
        return [self.leaf.pem, self.issuer.pem]

    def make_root(self):
        return _certify(self.org, "root", None, 3652, [(x509.BasicConstraints(True, 1), True), (_usage(key_cert_sign=True), True),
                                                       (_constraints(self.org), True)])

    def make_issuer(self, **more):
        return _certify(self.org, "issuing CA", self.root, 365,
                        [(x509.BasicConstraints(True, 0), True), (_usage(key_cert_sign=True), True),
                         (x509.ExtendedKeyUsage(_USES), False), (_constraints(self.org), True)], **more)

    def make_leaf(self, names=None, uses=None, issuer=None, **more):
        """names: the URI names instead of the one that is right; began, ended: seconds since 1970."""
        names = names if names is not None else [f"spiffe://{self.org}/gateway/{self.node}"]
        return _certify(self.org, "gateway", issuer or self.issuer, 7,
                        [(x509.BasicConstraints(False, None), True), (_usage(digital_signature=True), True),
                         (x509.ExtendedKeyUsage(uses or _USES), False),
                         (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) for name in names]), False)], **more)

    def make_roots(self, number=None, roots=None, next_roots=(), signers=None) -> bytes:
        """The signed document, whole. signers: roots that sign it; the first root alone unless told."""
        roots = roots or [self.root]
        document = cbor.encode({
            "org": self.org, "version": 1, "sequence": number or self.roots_number, "issued_at": int(time.time()),
            "roots": [{"hash": root.hash, "certificate": root.der} for root in roots],
            "next_roots": [{"hash": root.hash, "certificate": root.der} for root in next_roots],
            "signing_keys": [{"key": self.signing.public_key().public_bytes(*_RAW), "from": self.signing_from, "until": None}]})
        signed = [{"root": root.hash, "signature": root.key.sign(_ROOTS_CONTEXT + document, ec.ECDSA(hashes.SHA256()))}
                  for root in sorted(signers or roots[:1], key=lambda root: root.hash)]
        return cbor.encode({"document": document, "signatures": signed})


class Roots:
    """A roots document of somebody else, read and its own signatures checked."""

    def __init__(self, envelope: bytes):
        self.bytes = envelope
        outer = cbor.decode(envelope)
        body = cbor.decode(outer["document"])
        if body["version"] != 1 or set(outer) != {"document", "signatures"}:
            raise ValueError("no roots document of version 1")
        self.org, self.number = body["org"], body["sequence"]
        self.roots = {root["hash"]: _root(root) for root in body["roots"] + body["next_roots"]}
        self.in_force = [root["hash"] for root in body["roots"]]
        self.keys = [(ed25519.Ed25519PublicKey.from_public_bytes(key["key"]), key["from"], key["until"]) for key in body["signing_keys"]]
        self.signed_by = set()
        for signature in outer["signatures"]:
            root = self.roots.get(signature["root"])
            if root is not None:  # raises if it is wrong
                root.public_key().verify(signature["signature"], _ROOTS_CONTEXT + outer["document"], ec.ECDSA(hashes.SHA256()))
                self.signed_by.add(signature["root"])
        if not self.signed_by:
            raise ValueError("no root of its own signed it")

    def pin(self, org, root_hash):
        if self.org != org or root_hash not in self.in_force or root_hash not in self.signed_by:
            raise ValueError("not the document of the invitation's root")

    def verify_chain(self, ders, org=None):
        """leaf and issuing CA, as TLS sent them; returns the name of the leaf. ValueError or InvalidSignature else."""
        leaf, issuer = (x509.load_der_x509_certificate(der) for der in ders[:2])
        root = next((root for root in self.roots.values() if root.subject == issuer.issuer), None)
        if root is None:
            raise ValueError("no root that is known of this organization")
        for certificate, by in ((issuer, root), (leaf, issuer)):
            by.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.UniformResourceIdentifier)
        if len(names) != 1 or not names[0].startswith(f"spiffe://{org or self.org}/gateway/"):
            raise ValueError(f"not a gateway of {self.org}: {names}")
        return names[0]

    def verify(self, signature: bytes, message: bytes):
        """By the newest key. Raises if it is wrong."""
        self.keys[-1][0].verify(signature, message)


def _root(entry):
    if hashlib.sha256(entry["certificate"]).digest() != entry["hash"]:
        raise ValueError("a root's hash is wrong")
    return x509.load_der_x509_certificate(entry["certificate"])
