#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Placement once more, without tables and without haste: writes placement_vectors.jsonl, which test_placement_vectors.c holds
the gateway's to. Logarithms are decimals of 60 digits, rounded to the table's 2^-32 at 257 places and straight between them.

    python3 tests/unit/federation/placement_vectors.py > tests/unit/federation/placement_vectors.jsonl

The answers are for ever: an object is where they say. A change of them moves what everybody has stored."""

import decimal
import hashlib
import json
import random

decimal.getcontext().prec = 60
LN2 = decimal.Decimal(2).ln()
MASK = (1 << 64) - 1


def rounded(value):
    return int(value.to_integral_value(rounding=decimal.ROUND_HALF_EVEN))


LOGARITHMS = [rounded((1 + decimal.Decimal(i) / 256).ln() / LN2 * 2**32) for i in range(257)]
COSTS = [rounded(decimal.Decimal(2) ** (decimal.Decimal(i) / 4) * 2**16) for i in range(18)]
EDGES = [rounded(decimal.Decimal(2) ** (-(i + decimal.Decimal("0.5")) / 4) * 10**6) for i in range(17)]


def first_bytes(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def mix(x):
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def depth(x):
    if x == 0:
        return 64 << 32
    exponent = x.bit_length() - 1
    fraction = (x << (64 - exponent)) & MASK if exponent else 0
    place, rest = fraction >> 56, (fraction >> 24) & 0xFFFFFFFF
    low = LOGARITHMS[place] + ((LOGARITHMS[place + 1] - LOGARITHMS[place]) * rest >> 32)
    return (64 << 32) - (exponent << 32) - low


def distance(root, rule, site, kind):
    pair = first_bytes(root) ^ first_bytes(rule.encode() + b"\0" + site.encode())
    return depth(mix(pair)) * COSTS[kind]


def place(case, root):
    """All sites sorted, and each taken that fits."""
    order = sorted(case["sites"], key=lambda s: (s["tier"], distance(root, case["rule"], s["id"], s["class"]), s["id"]))
    taken = []
    for site in order:
        fits = all(sum(t["domains"][c] == site["domains"][c] for t in taken) < most for c, most in enumerate(case["caps"]))
        if fits and site["may"] and len(taken) < case["want"]:
            taken.append(site)
    return [site["id"] for site in taken]


def make_case(source, number):
    count = source.choice([1, 2, 3, 5, 8, 12, 20, 40, 100])
    countries = source.randint(1, 6)
    sites = []
    for i in range(count):
        country = source.randrange(countries)
        sites.append({
            "id": f"site-{i:03}", "class": source.randrange(18), "tier": source.choice([1, 1, 1, 16, 17]),
            # a house lies in one country: the domains are nested
            "domains": [country, country * 10 + source.randrange(3)], "may": source.random() < 0.9,
        })
    roots = [bytes([1, 0x55, 0x12, 0x20]) + source.randbytes(32) for _ in range(20)]
    case = {"rule": f"rule-{number % 7}", "caps": [source.randint(1, 4), source.randint(1, 2)], "want": source.randint(1, 8), "sites": sites}
    case["answers"] = [[root.hex(), place(case, root)] for root in roots]
    return case


def main():
    source = random.Random(2026)
    for x in [0, 1, 2, 3, 255, 256, 257, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, MASK - 1, MASK] + [source.getrandbits(64) for _ in range(50)]:
        print(json.dumps({"kind": "depth", "x": f"{x:016x}", "depth": depth(x)}))
    for score in [0, 1, 999999, 1000000] + [edge + step for edge in EDGES for step in (-1, 0, 1)]:
        kind = next((i for i, edge in enumerate(EDGES) if score >= edge), 17)
        print(json.dumps({"kind": "class", "score": score, "class": kind}))
    for number in range(60):
        print(json.dumps({"kind": "place", **make_case(source, number)}))


main()
