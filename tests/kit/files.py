# SPDX-License-Identifier: Apache-2.0
"""Test files of any size that no block store can fold together, and hashes of streams."""

import hashlib
import random

from kit.settings import MIB


def write_file(path, size, seed=1):
    """SIZE bytes that repeat from the seed; every 256 KiB differ from all others."""
    base = bytearray(random.Random(seed).randbytes(min(size, MIB)))
    with open(path, "wb") as out:
        for number in range(0, size, MIB):
            for at in range(0, min(len(base), size - number), MIB // 4):
                base[at:at + 8] = (number + at + seed).to_bytes(8, "big")[:len(base) - at]
            out.write(base[:size - number])
    return path


def sha256_of(stream) -> str:
    digest = hashlib.sha256()
    while piece := stream.read(MIB):
        digest.update(piece)
    return digest.hexdigest()


def sha256_of_file(path) -> str:
    with open(path, "rb") as stream:
        return sha256_of(stream)
