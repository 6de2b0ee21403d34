# SPDX-License-Identifier: Apache-2.0
"""Members for a gateway of a test: a policy that knows them, and many tokens at once."""

import concurrent.futures
import json
import socket

POLICY = """\
version: 1
org: lab.example
members:
{members}groups: {{staff: {{}}}}
roles:
  writer: {{allow: ["class:tool", "class:read", "class:write", "class:pin"]}}
bind: [{{to: "group:staff", roles: [writer]}}]
"""


def write_policy(folder, names):
    """FOLDER/policy.yaml with these members, and the lines of causeway.yaml that go with it."""
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(members="".join(f"  {name}: {{groups: [staff]}}\n" for name in names)))
    return f"org: lab.example\npolicy: {path}"


def ask_operators(gateway, path, **fields):
    """What the gateway's operators' socket answers."""
    body = json.dumps(fields).encode()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(gateway.folder / "data" / "operators.sock"))
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        reply = b""
        while part := sock.recv(65536):
            reply += part
    return json.loads(reply.partition(b"\r\n\r\n")[2])


def mint(gateway, names):
    """A token for each name; many wait at once, so that the ledger writes them in few groups."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda name: ask_operators(gateway, "/token/new", owner=name)["token"], names))
