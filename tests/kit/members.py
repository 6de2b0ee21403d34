# SPDX-License-Identifier: Apache-2.0
"""Members for a gateway of a test: a policy that knows them, and many tokens at once."""

import concurrent.futures
import json
import socket

from kit.process import wait_for

POLICY = """\
version: 1
org: lab.example
members:
{members}groups: {{staff: {{}}}}
roles:
  writer: {{allow: ["class:tool", "class:read", "class:write", "class:pin"]}}
bind: [{{to: "group:staff", roles: [writer]}}]
"""


# Of every kind, in three scopes; none is ever reached.
QUOTAS = [f"{{id: {name}, scope: {scope}, upload: {{bytes: 1TiB, per: 24h}}, egress: {{bytes: 1000TiB, per: 24h}}, "
          "requests: {rate: 1000000/s, burst: 1000000}, concurrent: 10000}" for name, scope in
          (("everybody", "org"), ("staff", '"group:staff"'), ("each", "each member"))]


def write_policy(folder, names, quotas=()):
    """FOLDER/policy.yaml with these members and quotas, and the lines of causeway.yaml that go with it."""
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(members="".join(f"  {name}: {{groups: [staff]}}\n" for name in names))
                    + ("quotas:\n" + "".join(f"  - {quota}\n" for quota in quotas) if quotas else ""))
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
    wait_for((gateway.folder / "data" / "operators.sock").exists, 20)  # the last thing that a start opens
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda name: ask_operators(gateway, "/token/new", owner=name)["token"], names))
