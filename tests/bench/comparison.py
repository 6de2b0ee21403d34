# SPDX-License-Identifier: Apache-2.0
"""Values of several targets, measured round by round side by side, and what can be said of them.

Machines are noisy: only values of one round are compared with each other. A ratio is the median of the rounds' ratios."""

import statistics


class Series:
    """One quantity: the values of each target, in the order of the rounds."""

    def __init__(self, name, unit, higher_is_better=True):
        self.name, self.unit, self.higher_is_better = name, unit, higher_is_better
        self.values = {}

    def add(self, target, value):
        self.values.setdefault(target, []).append(value)

    def median(self, target):
        return statistics.median(self.values[target])

    def quartiles(self, target):
        values = self.values[target]
        if len(values) < 2:
            return [values[0], values[0]]
        cut = statistics.quantiles(values, n=4, method="inclusive")
        return [cut[0], cut[2]]

    def ratio(self, target, peer):
        """Median and quartiles of target / peer, pair by pair."""
        pairs = Series("", "")
        for mine, other in zip(self.values[target], self.values[peer]):
            if other:
                pairs.add("ratio", mine / other)
        return pairs.median("ratio"), pairs.quartiles("ratio")

    def best(self, peers):
        return (max if self.higher_is_better else min)(peers, key=self.median)

    def entry(self, target, peer, goal=None):
        """A row of the results."""
        ratio, spread = self.ratio(target, peer)
        return {"name": self.name, "value": _round(self.median(target)), "unit": self.unit, "peer": peer,
                "peer_value": _round(self.median(peer)), "ratio": _round(ratio), "goal": goal,
                "quartiles": [_round(value) for value in self.quartiles(target)],
                "peer_quartiles": [_round(value) for value in self.quartiles(peer)],
                "ratio_quartiles": [_round(value) for value in spread], "rounds": len(self.values[target]),
                "met": _is_met(ratio, goal)}


def table(entries) -> str:
    rows = [("", "value", "peer", "its value", "ratio (quartiles)", "goal", "")]
    for entry in entries:
        low, high = entry["ratio_quartiles"]
        rows.append((entry["name"], f"{entry['value']} {entry['unit']}", entry["peer"], str(entry["peer_value"]),
                     f"{entry['ratio']} ({low}-{high})", entry["goal"] or "-",
                     {True: "met", False: "NOT MET", None: ""}[entry["met"]]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def _is_met(ratio, goal):
    if goal is None:
        return None
    sign, bound = goal.split()
    return ratio >= float(bound) if sign == ">=" else ratio <= float(bound)


def _round(value):
    """Four significant digits."""
    return float(f"{value:.4g}") if value else 0.0
