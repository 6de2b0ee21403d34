#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runner.py [--result FILE] [--only WORD,...] [--jobs N] FOLDER|FILE...: runs the unittest files of the folders, one line per test;
--only those with one of the words (patterns as of a shell) in their names. Most tests wait more than they work: N files run side by
side, each in a process of its own whose lines come when it has ended. A file that says RUNS_ALONE = True, for what it measures, runs
by itself behind the others.

FILE gets "PASSED FAILED" and a line for each thing left out with its reason. A test that takes longer than
its `limit_seconds` (default 300; 2400 in the full tier) fails rather than hold up the run."""

import argparse
import collections
import concurrent.futures
import faulthandler
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from kit import settings  # noqa: E402


class TookTooLong(BaseException):
    pass


def _raise_too_long(*_):
    faulthandler.dump_traceback(all_threads=False)
    raise TookTooLong("the test took longer than its limit")


class Result(unittest.TestResult):
    """Prints as it goes."""

    def __init__(self):
        super().__init__()
        self.passed = self.failed = 0
        self.left_out = {}
        self._began = time.monotonic()
        self._parts_failed = False

    def startTest(self, test):
        super().startTest(test)
        self._began, self._parts_failed = time.monotonic(), False
        signal.alarm(getattr(test, "limit_seconds", settings.pick(300, 2400)))

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test):
        if not self._parts_failed:
            self.passed += 1
            self._line("ok   ", test)

    def addError(self, test, err):
        self._fail(test, err)

    def addFailure(self, test, err):
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err is None:
            return
        self._parts_failed = True
        self._fail(subtest, err)

    def addSkip(self, test, reason):
        self.left_out.setdefault(reason, []).append(_name(test))
        self._line("skip ", test, f" ({reason})")

    def _fail(self, test, err):
        self.failed += 1
        self._line("FAIL ", test)
        print("      " + _short(err).replace("\n", "\n      "), flush=True)
        print(_evidence(test), flush=True)

    def _line(self, word, test, rest=""):
        print(f"{word} {_name(test)} {time.monotonic() - self._began:.2f} s{rest}", flush=True)


def _short(err) -> str:
    """The exception, and the lines of tests/ that led to it."""
    kind, value, trace = err
    here = [frame for frame in traceback.extract_tb(trace) if "/tests/" in frame.filename]
    lines = [f"{pathlib.Path(frame.filename).name}:{frame.lineno}: {frame.line}" for frame in here]
    return "\n".join([*lines, f"{kind.__name__}: {str(value)[:3000]}"])


def _evidence(test) -> str:
    case = getattr(test, "test_case", test)
    try:
        return case.evidence()
    except (AttributeError, OSError):
        return ""


def _name(test) -> str:
    name = test.id().split(".", 1)[-1]
    if test.id().startswith(("setUpClass", "tearDownClass")):
        return f"{name.removesuffix(')')}, all of it"
    return name.replace("test_", "").replace("_", " ") if "(" not in name else name


def _suite(file, only):
    loader = unittest.TestLoader()
    if only:
        loader.testNamePatterns = [f"*{word}*" for word in only.split(",")]
    return loader.discover(str(file.parent), pattern=file.name, top_level_dir=str(file.parent))


def _files(names) -> list:
    files = []
    for path in map(pathlib.Path, names):
        files += sorted(path.glob("test_*.py")) if path.is_dir() else [path]
    return files


def _runs_alone(file) -> bool:
    return re.search(r"^RUNS_ALONE = True$", file.read_text(), re.MULTILINE) is not None


class Outcome:
    """Of one file, or of many: how many passed and failed, and how many were left out for which reason."""

    def __init__(self, passed=0, failed=0, left_out=()):
        self.passed, self.failed, self.left_out = passed, failed, collections.Counter(dict(left_out))

    def add(self, other):
        self.passed, self.failed, self.left_out = self.passed + other.passed, self.failed + other.failed, self.left_out + other.left_out

    @staticmethod
    def read(path):
        counts, *rest = path.read_text().splitlines()
        found = [re.fullmatch(r"(\d+) of .*?: (.*)", line) for line in rest]
        return Outcome(*map(int, counts.split()), {match[2]: int(match[1]) for match in found})

    def write(self, path, what):
        lines = [f"{count} of {what}: {reason}" for reason, count in self.left_out.items()]
        pathlib.Path(path).write_text("\n".join([f"{self.passed} {self.failed}", *lines, ""]))


def _run_here(file, only) -> Outcome:
    result = Result()
    _suite(file, only).run(result)
    return Outcome(result.passed, result.failed, {reason: len(tests) for reason, tests in result.left_out.items()})


def _run_apart(file, only) -> Outcome:
    """In a process of its own; what it printed is printed in one piece."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "result"
        words = [sys.executable, __file__, "--jobs", "1", "--result", str(path), *(["--only", only] if only else []), str(file)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        text = re.sub(r"\d+ passed, \d+ failed\n\Z", "", done.stdout)
        if path.exists():
            outcome = Outcome.read(path)
        else:
            text, outcome = f"{text}FAIL  {file} ended without a result ({done.returncode})\n", Outcome(failed=1)
        sys.stdout.write(text)
        sys.stdout.flush()
        return outcome


def _run_all(files, only, jobs) -> Outcome:
    total = Outcome()
    if jobs == 1 or len(files) == 1:
        for file in files:
            total.add(_run_here(file, only))
        return total
    alone = [file for file in files if _runs_alone(file)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(lambda file: _run_apart(file, only), [file for file in files if file not in alone]):
            total.add(outcome)
    for file in alone:
        total.add(_run_apart(file, only))
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--result")
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=min(8, 2 * len(os.sched_getaffinity(0))))
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _raise_too_long)
    outcome = _run_all(_files(options.folders), options.only, max(1, options.jobs))
    print(f"{outcome.passed} passed, {outcome.failed} failed")
    if options.result:
        outcome.write(options.result, options.folders[0])
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
