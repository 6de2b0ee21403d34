# SPDX-License-Identifier: Apache-2.0
"""Credentials that are wrong, expired, revoked, malformed or in a wrong place: refused in one voice, before any byte of a body,
and none of it goes upstream or into a log. Who guesses is slowed alone."""

import base64
import json
import socket
import time

import test_browsers
from kit import members
from kit.client import FORM, Client
from kit.http1 import Reader
from kit.process import wait_for
from member_case import POLICY, MemberCase
from rpc_case import CID

CAT = f"/api/v0/cat?arg={CID}"
NOT_TAKEN = "the credential was not accepted"


def b64(text):
    return base64.b64encode(text.encode("latin-1")).decode()


def forms(member, token):
    """The credential in each form, as the header's value."""
    _, identity, secret = token.split("_")
    return {"Bearer": f"Bearer {token}", "Basic id": "Basic " + b64(f"{identity}:{secret}"), "Basic member": "Basic " + b64(f"{member}:{token}")}


def other_letter(text, at):
    """The same length, one letter changed."""
    return text[:at] + ("b" if text[at] == "a" else "a") + text[at + 1:]


def wrong_tokens(token):
    """Tokens of the right shape that are nobody's, and texts that have not the shape."""
    _, identity, secret = token.split("_")
    return {
        "first letter of the secret": f"cw1_{identity}_{other_letter(secret, 0)}", "last letter of the secret": f"cw1_{identity}_{other_letter(secret, 50)}",
        "spare bits of the secret": f"cw1_{identity}_{secret[:51]}{'b' if secret[51] == 'a' else 'r'}",
        "another id": f"cw1_{other_letter(identity, 3)}_{secret}", "an id of nobody": f"cw1_{identity[::-1]}_{'a' * 52}",
        "upper case": token.upper(), "upper case secret": f"cw1_{identity}_{secret.upper()}", "cut by one": token[:-1],
        "longer by one": token + "a", "no secret": f"cw1_{identity}_", "no id": f"cw1__{secret}", "id and secret exchanged": f"cw1_{secret}_{identity}",
        "another version": f"cw2_{identity}_{secret}", "secret alone": secret, "id alone": identity, "empty": "", "dashes": f"cw1-{identity}-{secret}",
        "letters outside base32": f"cw1_{identity}_{'1' * 52}", "8 KiB": "cw1_" + "a" * 8192, "padded": token + "====", "quoted": f'"{token}"',
        "the hash of it": f"cw1_{identity}_{'0' * 64}",
    }


def malformed_values(member, token):
    """Values of the header that have none of the three forms, around a token that is good."""
    _, identity, secret = token.split("_")
    pair = b64(f"{identity}:{secret}")
    return {
        "scheme alone": "Bearer", "scheme and a blank": "Bearer ", "no scheme": token, "tab": f"Bearer\t{token}",
        "two tokens": f"Bearer {token} {token}", "list": f"Bearer {token}, Bearer {token}", "parameter": f"Bearer token={token}",
        "other scheme": f"Token {token}", "digest": f'Digest username="{member}", response="{token}"', "negotiate": f"Negotiate {pair}",
        "glued": f"Bearer{token}", "colon": f"Bearer: {token}", "basic without padding": "Basic " + b64(f"{identity}:{secret}a").rstrip("="),
        "basic with more padding": f"Basic {pair}====", "basic in the clear": f"Basic {identity}:{secret}", "basic of nothing": "Basic ",
        "basic without a colon": "Basic " + b64(identity + secret), "basic with two colons": "Basic " + b64(f"{identity}::{secret}"),
        "basic with a NUL": "Basic " + b64(f"{identity}:{secret}\0"), "basic with a newline": "Basic " + b64(f"{identity}:{secret}\n"),
        "basic of a bearer": "Basic " + b64(token), "basic, id and all": "Basic " + b64(f"{identity}:{token}"),
        "basic, no member": "Basic " + b64(f":{token}"), "basic, member in capitals": "Basic " + b64(f"{member.upper()}:{token}"),
        "basic, member and secret": "Basic " + b64(f"{member}:{secret}"), "basic with other letters": "Basic " + pair.replace(pair[3], "*"),
        "bytes above 127": "Bearer \xff\xfe",
    }


class Credentials(MemberCase):
    """Each request comes from an address of its own, so that none is slowed as a guess."""

    limit_seconds = 120

    def setUp(self):
        super().setUp()
        self.start_with_policy()
        self.asked = 0

    def address(self):
        self.asked += 1
        return f"127.{1 + self.asked // 62500}.{self.asked // 250 % 250}.{1 + self.asked % 250}"

    def ask_from(self, address, target, *headers, method="POST", body=b"", more=b""):
        """One exchange from that address of this machine."""
        with socket.socket() as sock:
            sock.settimeout(10)
            sock.bind((address, 0))
            sock.connect(("127.0.0.1", self.gateway.port))
            head = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, *([] if more else [f"Content-Length: {len(body)}"])]
            sock.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body + more)
            reader = Reader(sock)
            reply = reader.reply()
            reader.body(reply, until_end=True)
            return reply

    def assert_not_taken(self, reply):
        error = self.assert_refused(reply, 401, NOT_TAKEN)
        self.assertEqual(error["Code"], 4)
        self.assertEqual(reply.get("www-authenticate"), "Bearer")
        return error["Message"]

    def check_nothing_leaked(self, *tokens):
        """Neither upstream, nor in any file or metric."""
        self.assert_nothing_went_upstream()
        time.sleep(0.3)
        texts = [path.read_bytes() for path in self.gateway.folder.rglob("*") if path.is_file()]
        texts.append(self.gateway.operators("/metrics")[1].encode())
        for token in tokens:
            secret = token.split("_")[2]
            for text in texts:
                for form in (secret, b64(f"{token.split('_')[1]}:{secret}")):
                    self.assertNotIn(form.encode(), text)

    def test_a_good_one_is_taken_in_every_form(self):
        for form, value in forms("reader", self.token("reader")).items():
            for name in ("Authorization", "authorization", "AUTHORIZATION"):
                with self.subTest(form, name=name):
                    self.assertEqual(self.ask(CAT, f"{name}: {value}").status, 200)
                    self.assertEqual(self.ask(CAT, f"{name}:  {value} ").status, 200)  # blanks around a value are no part of it

    def test_every_wrong_token_is_refused_in_every_form_and_place_with_one_text(self):
        texts, tokens = set(), []
        for what in wrong_tokens(f"cw1_{'a' * 10}_{'a' * 52}"):
            for form in ("Bearer", "Basic id", "Basic member"):
                tokens.append(members.ask_operators(self.gateway, "/token/new", owner="writer")["token"])  # one token is guessed at ten times
                value = self.value_in_form(form, wrong_tokens(tokens[-1])[what])
                if value is None:
                    continue
                for target in (CAT, "/api/v0/version", "/api/v0/commands", "/api/v0/add", "/causeway/v1/whoami", "/api/v0/shutdown"):
                    with self.subTest(what, form=form, target=target):
                        method = "GET" if "whoami" in target else "POST"
                        upload = (FORM,) if target.endswith("add") else ()
                        reply = self.ask_from(self.address(), target, f"Authorization: {value}", *upload, method=method)
                        self.assertEqual(reply.status, 401)
                        self.assertEqual(reply.get("www-authenticate"), "Bearer")
                        texts.add(json.loads(reply.text())["Message"])
        self.assertEqual(len(texts), 1, texts)
        self.assertIn(NOT_TAKEN, texts.pop())
        self.check_nothing_leaked(*tokens)

    @staticmethod
    def value_in_form(form, wrong):
        """The header's value, or None where that form has no room for what is wrong."""
        if form == "Bearer":
            return f"Bearer {wrong}"
        if form == "Basic member":
            return "Basic " + b64(f"writer:{wrong}")
        prefix, _, rest = wrong.partition("_")
        return "Basic " + b64(rest.replace("_", ":")) if prefix == "cw1" and "_" in rest else None

    def test_every_malformed_value_is_refused(self):
        texts = set()
        for what in malformed_values("writer", f"cw1_{'a' * 10}_{'a' * 52}"):
            token = members.ask_operators(self.gateway, "/token/new", owner="writer")["token"]
            value = malformed_values("writer", token)[what]
            with self.subTest(what):
                texts.add(self.assert_not_taken(self.ask_from(self.address(), CAT, f"Authorization: {value}")))
        self.assertEqual(len(texts), 1, texts)
        self.check_nothing_leaked(token)

    def test_blanks_between_scheme_and_token_are_fine(self):
        self.assertEqual(self.ask(CAT, f"Authorization: Bearer   {self.token('reader')}").status, 200)

    def test_what_was_good_once_is_refused_in_every_form(self):
        expired, revoked, rotated, left = (self.token("writer", *more) for more in (("--expires-in", "1s"), (), (), ()))
        self.command("token", "revoke", revoked.split("_")[1])
        self.command("token", "rotate", rotated.split("_")[1], "--grace", "0")
        time.sleep(1.1)
        for what, token in {"expired": expired, "revoked": revoked, "rotated": rotated}.items():
            for form, value in forms("writer", token).items():
                with self.subTest(what, form=form):
                    self.assert_not_taken(self.ask_from(self.address(), CAT, f"Authorization: {value}"))
        self.policy_path.write_text("\n".join(line for line in POLICY.splitlines() if "writer: {groups" not in line and "as: writer" not in line))
        self.command("reload", check=False)
        self.assertTrue(wait_for(lambda: self.ask_as(left, CAT).status in (401, 403), 5))
        for form, value in forms("writer", left).items():
            with self.subTest("left", form=form):
                reply = self.ask_from(self.address(), CAT, f"Authorization: {value}")
                self.assertIn(reply.status, (401, 403))
        self.check_nothing_leaked(expired, revoked, rotated, left)

    def test_another_members_name_does_not_go_with_a_token(self):
        token = self.token("writer")
        for member in ("reader", "chief", "nobody", "writer2", "write", "", "WRITER", "member:writer"):
            with self.subTest(member):
                self.assert_not_taken(self.ask_from(self.address(), CAT, "Authorization: Basic " + b64(f"{member}:{token}")))
        self.assert_nothing_went_upstream()

    def test_a_good_one_in_a_wrong_place_is_none(self):
        token = self.token("writer")
        bearer = f"Bearer {token}"
        places = {
            "query api-auth": (f"{CAT}&api-auth=bearer:{token}", ()), "query token": (f"{CAT}&token={token}", ()),
            "query access_token": (f"{CAT}&access_token={token}", ()), "query authorization": (f"{CAT}&Authorization=Bearer%20{token}", ()),
            "cookie": (CAT, (f"Cookie: Authorization={bearer}; token={token}",)), "api key": (CAT, (f"X-Api-Key: {token}",)),
            "proxy": (CAT, (f"Proxy-Authorization: {bearer}",)), "other name": (CAT, (f"X-Authorization: {bearer}",)),
            "forwarded": (CAT, ("X-Forwarded-User: writer", "Remote-User: writer")), "referer": (CAT, (f"X-Referer: http://x/?{token}",)),
        }
        for what, (target, headers) in places.items():
            with self.subTest(what):
                reply = self.ask(target, *headers)
                self.assert_refused(reply, 401, "no token came with this request")
        for target in (f"http://writer:{token}@127.0.0.1{CAT}", f"//writer:{token}@127.0.0.1{CAT}"):
            with self.subTest(target[:9]):
                self.assertIn(self.ask(target).status, (400, 401, 404))
        self.check_nothing_leaked(token)

    def test_one_in_the_trailers_comes_too_late(self):
        token = self.token("writer")
        reply = self.ask_from(self.address(), "/api/v0/add", FORM, "Transfer-Encoding: chunked", "Trailer: Authorization",
                              more=f"3\r\nabc\r\n0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.assertEqual(reply.status, 401)
        self.assert_nothing_went_upstream()

    def test_two_are_ambiguous_whatever_they_are(self):
        good, other = (f"Authorization: {value}" for value in list(forms("writer", self.token("writer")).values())[:2])
        for pair in ((good, good), (good, other), (other, good), (good, "Authorization: "), ("Authorization: Bearer x", good)):
            self.assert_refused(self.ask(CAT, *pair), 400, "Authorization is given more than once")
        self.assert_nothing_went_upstream()

    def test_each_request_of_a_connection_is_judged_by_itself(self):
        reader, writer = self.token("reader"), self.token("writer")
        pin = f"/api/v0/pin/add?arg={CID}"
        with Client(self.gateway.port) as client:
            for token, status in ((writer, 200), (None, 401), (reader, 403), (writer, 200), (writer[:-2], 401), (writer, 200)):
                header = f"Authorization: Bearer {token}\r\n" if token else ""
                reply = client.ask(f"POST {pin} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}Content-Length: 0\r\n\r\n".encode())
                self.assertEqual(reply.status, status)

    def test_an_upload_is_refused_before_its_body(self):
        wrong = other_letter(self.token("writer"), 20)
        for header in ((), (f"Authorization: Bearer {wrong}",)):
            with Client(self.gateway.port) as client:
                lines = ["POST /api/v0/add HTTP/1.1", "Host: 127.0.0.1", FORM, *header, "Expect: 100-continue", f"Content-Length: {5 << 30}"]
                client.send("\r\n".join([*lines, "", ""]).encode())
                reply = client.reply()
                self.assertEqual((reply.status, reply.interim), (401, []))
        self.assert_nothing_went_upstream()

    def test_the_audit_log_says_who_was_refused_and_no_secret(self):
        token = self.token("reader")
        self.ask_as(token, f"/api/v0/pin/add?arg={CID}")
        self.ask(f"/api/v0/pin/add?arg={CID}")
        denials = lambda: [line["principal"] for line in self.audit() if line.get("decision") == "deny"]  # noqa: E731
        self.assertTrue(wait_for(lambda: len(denials()) == 2, 5))
        self.assertEqual([(who["kind"], who.get("id"), who.get("token")) for who in denials()],
                         [("member", "reader", token.split("_")[1]), ("anonymous", None, None)])

    # ---- guessing

    def guess(self, address, count, identity="aaaaaaaaaa"):
        value = f"Authorization: Bearer cw1_{identity}_" + "a" * 52
        return [self.ask_from(address, CAT, value).status for _ in range(count)]

    def test_guessing_from_one_address_slows_no_one_else(self):
        token = self.token("reader")
        statuses = self.guess("127.0.0.66", 200)
        self.assertEqual(statuses[0], 401)
        self.assertEqual(set(statuses[20:]), {429})
        for address in ("127.0.0.67", "127.0.1.66", "127.0.0.1"):
            self.assertEqual(self.guess(address, 1, "bbbbbbbbb" + address[-1].translate(str.maketrans("167", "cde"))), [401], address)
        good = f"Authorization: Bearer {token}"
        waits = []
        for address in ("127.0.0.66", "127.0.0.67") * 10:  # also for who sits beside the guesser
            start = time.monotonic()
            self.assertEqual(self.ask_from(address, CAT, good).status, 200)
            waits.append(time.monotonic() - start)
            self.guess("127.0.0.66", 5)
        self.assertLess(sorted(waits)[len(waits) // 2], 0.1)

    def test_guessing_the_secret_of_one_token_from_everywhere_does_not_lock_its_owner_out(self):
        token = self.token("reader")
        identity = token.split("_")[1]
        statuses = [self.guess(self.address(), 1, identity)[0] for _ in range(60)]
        self.assertIn(429, statuses)
        self.assertEqual(self.ask_from(self.address(), CAT, f"Authorization: Bearer {token}").status, 200)
        self.assertEqual(self.guess(self.address(), 1, "cccccccccc"), [401])

    def test_behind_a_trusted_proxy_it_is_the_clients_address_that_counts(self):
        self.start_with_policy(more="trusted_proxies: [127.0.0.1]\n")
        wrong = "Authorization: Bearer cw1_aaaaaaaaaa_" + "a" * 52
        statuses = [self.ask(CAT, "X-Forwarded-Proto: https", f"X-Forwarded-For: 192.0.2.{number}", wrong.replace("aaaaaaaaaa", f"{'a' * 9}{letter}")).status
                    for number, letter in [(1, "b")] * 40 + [(2, "c")]]
        self.assertEqual((statuses[0], statuses[39], statuses[40]), (401, 429, 401))

    def test_a_slowed_answer_says_when_and_is_readable(self):
        reply = None
        for _ in range(40):
            reply = self.ask_from("127.0.0.68", CAT, "Authorization: Bearer cw1_aaaaaaaaaa_" + "a" * 52)
        error = self.assert_refused(reply, 429, "try again in ")
        self.assertEqual(error["Code"], 3)
        self.assertGreater(int(reply.get("retry-after")), 0)


class BrowsersWithCredentials(test_browsers.Browsers, MemberCase):
    """Every browser test again, with a policy in place of `allow` and a good token in every request but preflights: a credential
    opens no door to a page."""

    BROWSER_POLICY = POLICY.replace('  reader: {allow: ["class:tool", "class:read"]}', '  reader: {allow: ["class:tool", "class:read", "class:pin"]}')
    good = None

    def start(self, script=None, *, more="", **options):
        kept = "\n".join(line for line in more.splitlines() if not line.startswith("allow:"))
        path = self.folder / "policy.yaml"
        path.write_text(self.BROWSER_POLICY)
        super().start(script, more=f"org: lab.example\npolicy: {path}\n{kept}", **options)
        self.good = self.token("reader")

    def ask(self, target, *headers, method="POST", **options):
        headers = [header for header in headers if not header.startswith("Authorization:")]
        if method != "OPTIONS":
            headers.append(f"Authorization: Bearer {self.good}")
        return super().ask(target, *headers, method=method, **options)

    def test_a_listed_page_may_read_that_its_credential_is_bad(self):
        for header in (f"Authorization: Bearer {other_letter(self.good, 20)}", "Authorization: Basic !"):
            lines = [f"POST {CAT} HTTP/1.1", "Host: 127.0.0.1", header, f"Origin: {test_browsers.LISTED}", "Content-Length: 0", "", ""]
            with Client(self.gateway.port) as client:
                reply = client.ask("\r\n".join(lines).encode())
            self.assert_refused(reply, 401, NOT_TAKEN)
            self.assert_readable(reply)

    def test_a_foreign_page_learns_nothing_of_a_credential(self):
        """Good or bad, the answer is the same."""
        texts = set()
        for token in (self.good, other_letter(self.good, 20)):
            lines = [f"POST {CAT} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Origin: https://evil.example.com",
                     "Content-Length: 0", "", ""]
            with Client(self.gateway.port) as client:
                reply = client.ask("\r\n".join(lines).encode())
            texts.add((reply.status, json.loads(reply.text())["Message"]))
        self.assertEqual(len(texts), 1, texts)
        self.assertEqual({status for status, _ in texts}, {403})
