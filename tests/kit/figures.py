# SPDX-License-Identifier: Apache-2.0
"""Figures that tests measure on their way: printed, and added to the file that RIG_FIGURES names (one JSON object a line)."""

import json
import os
import subprocess

from kit import settings


def commit() -> str:
    try:
        done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=settings.root(), capture_output=True,
                              text=True, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def report(name, value, unit, goal=None):
    """goal: text such as "<= 16"; shown beside the value, asserted by the caller where it is asserted."""
    line = {"name": name, "value": value, "unit": unit, "goal": goal, "tier": "full" if settings.is_full() else "ci",
            "target": settings.target(), "load": round(os.getloadavg()[0], 1), "commit": commit(), "seed": settings.seed()}
    print(f"      {name}: {value} {unit}" + (f" (goal {goal})" if goal else ""), flush=True)
    path = os.environ.get("RIG_FIGURES")
    if path:
        with open(path, "a") as out:
            out.write(json.dumps(line) + "\n")
