#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""results.py [--figures FILE.jsonl] [--bench FILE.json]: puts measured figures into tests/RESULTS.md, a row for each name;
rows that this run did not measure stay as they are."""

import argparse
import json
import pathlib

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "RESULTS.md"
HEAD = """\
# Results

One row for each figure: what was measured last, of which commit, at which load (of the last minute, on two processors; a
bench's own work is not in it), and with which seed. `tests/run full STEP` and
`tests/run bench --json FILE` followed by `tests/bench/results.py --bench FILE` write it. Ratios are medians of the
rounds' ratios, taken side by side in one run, with their quartiles.

What limits, on a machine of two processors that client, relay and upstream share (workers: 1): an upload is limited by the
client's and the upstream's own copies and by who is woken when, not by the relay, which is idle half of the time; small POSTs
by the relay's processor; latency by the scheduler. On a loaded machine the ratios hold within their quartiles, values do not.

| figure | value | beside | ratio | goal | tier | load | commit | seed |
|---|---|---|---|---|---|---|---|---|
"""


def rows_now() -> dict:
    """The rows of the file by their first cells (figure and what it is beside)."""
    if not RESULTS.exists():
        return {}
    lines = [line for line in RESULTS.read_text().splitlines() if line.startswith("| ") and not line.startswith("| figure")]
    return {_key(_cells(line)): line for line in lines}


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def _key(cells):
    return cells[0], cells[2].split(" ")[0]


def _line(cells) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def figure_row(figure):
    return [figure["name"], f"{figure['value']} {figure['unit']}", "", "", figure["goal"] or "", figure["tier"],
            figure.get("load", ""), figure["commit"], figure["seed"]]


def bench_row(entry):
    low, high = entry["ratio_quartiles"]
    return [entry["name"], f"{entry['value']} {entry['unit']}", f"{entry['peer']} {entry['peer_value']}",
            f"{entry['ratio']} ({low}-{high})", entry["goal"] or "", f"{entry['rounds']} rounds",
            entry.get("load", ""), entry["commit"], entry["seed"]]


def read_figures(path):
    """Only what was measured of causeway."""
    if not path or not pathlib.Path(path).exists():
        return []
    figures = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    return [figure for figure in figures if figure["target"] == "causeway"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--figures")
    parser.add_argument("--bench")
    options = parser.parse_args()
    rows = rows_now()
    entries = json.loads(pathlib.Path(options.bench).read_text()) if options.bench and pathlib.Path(options.bench).exists() else []
    for cells in [*map(figure_row, read_figures(options.figures)), *map(bench_row, entries)]:
        rows[_key([str(cell) for cell in cells])] = _line(cells)
    RESULTS.write_text(HEAD + "\n".join(rows.values()) + "\n")


if __name__ == "__main__":
    main()
