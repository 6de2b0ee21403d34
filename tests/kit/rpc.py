# SPDX-License-Identifier: Apache-2.0
"""Kubo's RPC without its command line: one connection, thousands of calls."""

import http.client
import json
import urllib.parse

BOUNDARY = "causeway-boundary-4b1d"
TYPES = {"file": "application/octet-stream", "directory": "application/x-directory", "symlink": "application/symlink"}


class Refused(Exception):
    """Kubo's own message."""


def part(name, kind, data=b"", mode=None, mtime_ns=None):
    """One entry of a body: a directory comes before what is in it."""
    stat = []
    if mode is not None:
        bits = (mode & 0o777) | (mode & 0o6000) << 12 | (mode & 0o1000) << 11  # as Go numbers them
        stat.append(f"mode=0{bits:o}")
    if mtime_ns is not None:
        stat += [f"mtime={mtime_ns // 10**9}", f"mtime-nsecs={mtime_ns % 10**9}"]
    field = "file" + ("?" + "&".join(stat) if stat else "")
    head = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; '
            f'filename="{urllib.parse.quote_plus(name)}"\r\nContent-Type: {TYPES[kind]}\r\n\r\n')
    return head.encode() + data + b"\r\n"


def body(parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class Rpc:
    def __init__(self, port):
        self._port = port
        self._connection = None

    def call(self, command, *arguments, parts=None, **options):
        """The whole answer; Refused if it is no 200."""
        query = [("arg", one) for one in arguments]
        query += [(name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value)
                  for name, value in options.items()]
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if parts is not None else {}
        self._connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=600)
        self._connection.request("POST", f"/api/v0/{command}?{urllib.parse.urlencode(query)}",
                                 body=body(parts) if parts is not None else None, headers=headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.getheader("Connection") == "close":
            self.close()
        if answer.status != 200:
            raise Refused(data.decode(errors="replace").strip())
        return data

    def lines(self, command, *arguments, **rest):
        """The JSON values of an answer."""
        return [json.loads(line) for line in self.call(command, *arguments, **rest).splitlines() if line.strip()]

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
