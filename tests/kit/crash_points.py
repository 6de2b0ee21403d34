# SPDX-License-Identifier: Apache-2.0
"""Ends a gateway by kill -9 at a point of its life: before or after its n-th write or sync of a kind (tests/faults/crash/points.c,
which is preloaded; the program is the one that users have)."""

import mmap
import struct

from kit import settings
from kit.process import wait_for

KINDS = ["ledger write", "ledger sync", "spool write", "spool remove", "blocks write", "blocks sync", "bytes sent", "bytes taken"]
WHEN = ["before", "after"]
_LIBRARY = "libcrash_points.so"
_PORTS_AT, _PASSED_AT, _SIZE = 16, 32, 32 + 8 * (len(KINDS) + 1)


def why_not():
    """Why there are no points here, or None."""
    return None if settings.find_program(_LIBRARY) else f"{settings.build()} has no {_LIBRARY}: it cannot be sanitized"


class Points:
    """Of one gateway, across its starts; `wrapper` goes before the words that start it."""

    def __init__(self, path):
        path.write_bytes(bytes(_SIZE))
        self.wrapper = ["env", f"LD_PRELOAD={settings.find_program(_LIBRARY)}", f"CRASH_POINTS={path}"]
        with open(path, "r+b") as file:
            self._board = mmap.mmap(file.fileno(), _SIZE)

    def watch_links(self, *ports):
        """What goes over connections from or to these is `bytes sent` and `bytes taken`."""
        self._board[_PORTS_AT:_PORTS_AT + 4 * len(ports)] = struct.pack(f"<{len(ports)}I", *ports)

    def arm(self, kind, when, count):
        """It ends at the count-th act of that kind from now on. There is one at a time."""
        self.disarm()
        self._board[4:16] = struct.pack("<Iq", WHEN.index(when), count)
        self._board[0:4] = struct.pack("<I", KINDS.index(kind) + 1)

    def disarm(self):
        self._board[0:4] = bytes(4)

    def passed(self, kind) -> int:
        """Acts of that kind so far."""
        at = _PASSED_AT + 8 * (KINDS.index(kind) + 1)
        return struct.unpack("<Q", self._board[at:at + 8])[0]


def wait_dead(process, seconds) -> bool:
    return wait_for(lambda: not process.is_running(), seconds)
