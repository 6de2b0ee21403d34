# SPDX-License-Identifier: Apache-2.0
"""A typo in any word of the sample policies is found by `policy check`: letters swapped, one lost, one twice."""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from kit import figures, relay, settings

WORD = re.compile(r"[A-Za-z][A-Za-z_-]{2,}")
# What no program can know to be a typo: names that are given here, texts for people, a unit that is one as well.
FREE = re.compile(r"^org:|^\s*message:|^\s*- id:|^\s*#")
UNITS = {"GiB", "TiB"}


def typos(word):
    middle = len(word) // 2
    yield word[:middle - 1] + word[middle] + word[middle - 1] + word[middle + 1:]
    yield word[:middle] + word[middle + 1:]
    yield word[:middle] + word[middle] + word[middle:]


def mistakes(text):
    """(what was changed, the changed text) for each word above the policy's tests, which are there to find them."""
    start = 0
    for line in text.partition("\ntests:")[0].splitlines(keepends=True):
        if not FREE.search(line):
            for match in WORD.finditer(line):
                for typo in list(typos(match[0]))[:settings.pick(1, 3)]:
                    if typo != match[0] and match[0] not in UNITS:
                        yield f"{match[0]} -> {typo} in {line.strip()}", text[:start + match.start()] + typo + text[start + match.end():]
        start += len(line)


class Typos(unittest.TestCase):
    limit_seconds = 300

    def setUp(self):
        if relay.why_not("causeway"):
            self.skipTest(relay.why_not("causeway"))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def is_found(self, number, sample, name, text):
        """True if check says anything about the sample with that text in place of one of its files."""
        path = self.folder / str(number)
        if sample.is_dir():
            shutil.copytree(sample, path)
            (path / name).write_text(text)
        else:
            path.write_text(text)
        done = subprocess.run([relay.causeway_program(), "policy", "check", "--strict", path], capture_output=True, timeout=30)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode == 1

    def test_every_one_is_found(self):
        cases = []
        for sample in sorted((settings.root() / "deploy" / "policy").iterdir()):
            for path in sorted(sample.iterdir()) if sample.is_dir() else [sample]:
                cases += [(sample, path.name, what, text) for what, text in mistakes(path.read_text())]
        self.assertGreater(len(cases), 300)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda case: self.is_found(case[0], case[1][0], case[1][1], case[1][3]), enumerate(cases)))
        missed = [case[2] for case, is_found in zip(cases, found) if not is_found]
        figures.report("typos in sample policies found by check", len(cases) - len(missed), f"of {len(cases)}", f"{len(cases)} of {len(cases)}")
        self.assertEqual(missed, [])
