#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runner.py [--result FILE] [--only WORD,...] FOLDER...: runs the unittest files of the folders, one line per test; --only those
with one of the words (patterns as of a shell) in their names.

FILE gets "PASSED FAILED" and a line for each thing left out with its reason. A test that takes longer than
its `limit_seconds` (default 300; 2400 in the full tier) fails rather than hold up the run."""

import argparse
import faulthandler
import pathlib
import signal
import sys
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


def _suite(folder, only):
    loader = unittest.TestLoader()
    if only:
        loader.testNamePatterns = [f"*{word}*" for word in only.split(",")]
    return loader.discover(folder, pattern="test_*.py", top_level_dir=folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--result")
    parser.add_argument("--only")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _raise_too_long)
    result = Result()
    for folder in options.folders:
        _suite(folder, options.only).run(result)
    print(f"{result.passed} passed, {result.failed} failed")
    if options.result:
        lines = [f"{len(tests)} of {options.folders[0]}: {reason}" for reason, tests in result.left_out.items()]
        pathlib.Path(options.result).write_text("\n".join([f"{result.passed} {result.failed}", *lines, ""]))
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
