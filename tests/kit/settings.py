# SPDX-License-Identifier: Apache-2.0
"""What the environment says about this run. Read once per question; nothing is kept."""

import os
import pathlib
import random

MIB = 1 << 20
GIB = 1 << 30


def root() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[2]


def is_full() -> bool:
    return os.environ.get("RIG_TIER", "ci") == "full"


def pick(ci, full):
    """The size of a test in this tier."""
    return full if is_full() else ci


def within(seconds):
    """The bound of what is to happen within so many seconds. The full tier runs alone and is exact; in ci another file runs beside
    this one, and either may wait for the processor."""
    return pick(seconds + 3, seconds)


def target() -> str:
    """What is under test: causeway, nginx, haproxy or direct."""
    return os.environ.get("RIG_TARGET", "causeway")


def build() -> pathlib.Path:
    return pathlib.Path(os.environ.get("RIG_BUILD", root() / "build" / "release")).resolve()


def find_program(name: str):
    """A program of the build under test by file name, or None."""
    for path in sorted(build().rglob(name)):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def seed() -> int:
    """RIG_SEED repeats a run's random choices; without it they are drawn."""
    given = os.environ.get("RIG_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 32)
