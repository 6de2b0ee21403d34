# SPDX-License-Identifier: Apache-2.0
"""Commands of an embedded node without a gateway: the program of tests/e2e/task_shell.c, a fresh node each."""

import subprocess

from kit import settings

BOUNDARY = "task-shell-boundary"


def why_not():
    return None if settings.find_program("task_shell") else "task_shell is not built"


class TaskShell:
    def __init__(self):
        self._process = subprocess.Popen([str(settings.find_program("task_shell"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)

    def close(self):
        _, said = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, said.decode()

    def _send(self, target, piece, body):
        self._process.stdin.write(f"{target} {piece} {len(body)}\n".encode() + body)

    def put(self, cid, block):
        """Stores a block under this CID; it is not hashed."""
        self._send(cid, 0, block)

    def call(self, target, body=b"", piece=0):
        """enum error_code, output, and the message of what failed. body: multipart with BOUNDARY, in pieces of this size."""
        self._send(target, piece, body)
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line.startswith(b"["):  # the test runner's own
            line = self._process.stdout.readline()
        code, output_size, message_size = map(int, line.split())
        output = self._process.stdout.read(output_size)
        return code, output, self._process.stdout.read(message_size).decode()
