# SPDX-License-Identifier: Apache-2.0
"""Loopback ports for servers that must be told theirs. A port belongs to the process that drew it until that process ends, also while
its server is not there yet or starts anew: other test files run beside this one and draw as well."""

import fcntl
import os
import pathlib
import random
import socket
import tempfile

_PORTS = range(12000, 32000)  # below those that clients draw theirs from
_given = set()
_locks = None  # a file whose byte N is locked by the process that has port N; the lock ends with the process


def free_port() -> int:
    """One that nothing listens on; another one each time."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        if port in _given or not _reserve(port):
            continue
        _given.add(port)
        if _is_free(port):  # asked last: the question itself would be in the way of the server of whoever has it
            return port


def _is_free(port) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def _reserve(port) -> bool:
    global _locks
    if _locks is None:
        path = pathlib.Path(tempfile.gettempdir()) / f"causeway-rig-ports-{os.getuid()}"
        _locks = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        return True
    except OSError:
        return False
