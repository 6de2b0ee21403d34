# SPDX-License-Identifier: Apache-2.0
"""The table of commands against Kubo: its own table, and what running daemons of the newest and an older release say.

A command or option that the table does not know fails these."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from kit import kubo, reader, settings

_BOUNDARY = "B"
_BODY = (b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nzz\r\n--B--\r\n')


class Table:
    """catalogue.def as call_reader prints it."""

    def __init__(self):
        rows = reader.ours("catalogue")
        self.commands = {row["command"]: row for row in rows if "command" in row}
        self.groups = {row["group"] for row in rows if "group" in row}
        self.local = {row["local"] for row in rows if "local" in row}
        self.stripped = {row["stripped"] for row in rows if "stripped" in row}

    def knows(self, path):
        return path in self.commands or path in self.groups or path in self.local


def named(options):
    """{long name: aliases}, without the empty names that Kubo has by mistake."""
    return {names[0]: tuple(name for name in names[1:] if name) for names in options}


class AgainstKubosTable(unittest.TestCase):
    """Every fact that Kubo's own table has, for the release that is pinned."""

    limit_seconds = 600

    def setUp(self):
        if reader.why_not():
            self.skipTest(reader.why_not())
        self.table = Table()
        self.kubo = {row["path"]: row for row in reader.kubos_catalogue()}

    def test_every_command_is_classified(self):
        for path, row in self.kubo.items():
            with self.subTest(path):
                kind = "local" if row["local"] else "command" if row["runs"] else "group"
                ours = ("command" if path in self.table.commands else "local" if path in self.table.local else
                        "group" if path in self.table.groups else None)
                if path != "diag/datastore":  # a group of local ones
                    self.assertEqual(ours, kind)
        self.assertEqual(set(self.table.commands) - set(self.kubo), set())

    def test_arguments_are_the_same(self):
        for path, ours in self.table.commands.items():
            with self.subTest(path):
                theirs = self.kubo[path]["arguments"]
                texts = [a for a in theirs if not a["file"]]
                self.assertEqual([(a["name"], a["required"], a["many"]) for a in ours["arguments"]],
                                 [(a["name"], a["required"], a["many"]) for a in texts])
                body = ("file" if len(texts) < len(theirs) else
                        "arguments" if texts and texts[-1]["stdin"] else "none")
                self.assertEqual(ours["body"], body)

    def test_options_are_the_same(self):
        for path, ours in self.table.commands.items():
            with self.subTest(path):
                theirs = {o["names"][0]: o for o in self.kubo[path]["options"]}
                self.assertEqual(named(o["names"] for o in theirs.values()),
                                 {o["name"]: (o["alias"],) if o["alias"] else () for o in ours["options"]})
                self.assertEqual({name: o["type"] for name, o in theirs.items()},
                                 {o["name"]: o["type"] for o in ours["options"]})


class AgainstDaemon(unittest.TestCase):
    """What a daemon tells, without running a command: `timeout=no` makes Kubo check a call and stop before it."""

    part, minor = "kubo", 43
    limit_seconds = 900

    def setUp(self):
        if settings.find_program("call_reader") is None:
            self.skipTest("call_reader is not built")
        built = subprocess.run([settings.root() / "tests/rig/build", self.part], capture_output=True, text=True)
        if built.returncode != 0:
            self.skipTest(built.stderr.strip().splitlines()[-1])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.kubo = kubo.Kubo(self.folder, binary=built.stdout.strip())
        self.addCleanup(self.kubo.process.stop)
        self.table = Table()

    def post(self, target, *, body=None):
        """(status, text)."""
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} if body else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.kubo.port}/api/v0/{target}", method="POST",
                                         data=body or b"", headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def probe(self, path, query, *, body=None):
        return self.post(f"{path}?timeout=no{query}", body=body)

    def tree(self):
        """{path: [(long name, alias...)]} with inherited options, and the global ones under ""."""
        found = {}

        def walk(path, command, inherited):
            options = [tuple(option["Names"]) for option in command["Options"]]
            found[path] = inherited + options
            for sub in command["Subcommands"] or []:
                walk(f"{path}/{sub['Name']}".lstrip("/"), sub, found[path] if path else [])

        status, text = self.post("commands?flags=true")
        self.assertEqual(status, 200)
        walk("", json.loads(text), [])
        return found

    def there(self):
        """The commands of the table that this release has."""
        return {path: row for path, row in self.table.commands.items() if row["since"] <= self.minor}

    def test_every_command_of_the_daemon_is_known(self):
        tree = self.tree()
        self.assertEqual(self.probe("version", ""), (200, ""), "timeout=no no longer stops a command")
        for path in tree:
            with self.subTest(path):
                self.assertTrue(path == "" or self.table.knows(path))
        for path in self.table.commands:
            with self.subTest(path):
                self.assertEqual(path in tree, path in self.there())
        for path in self.table.local & set(tree):
            with self.subTest(path):
                self.assertEqual(self.probe(path, "")[0], 404)

    def test_every_option_of_the_daemon_is_known(self):
        tree = self.tree()
        handled = self.table.stripped | {"encoding", "enc", "timeout", "offline", "local", "L", "cid-base",
                                         "upgrade-cidv0-in-output"}
        self.assertEqual({name for names in tree[""] for name in names} - handled, set())
        for path, row in self.there().items():
            with self.subTest(path):
                ours = {o["name"]: (o["alias"],) if o["alias"] else () for o in row["options"]}
                theirs = named(tree[path])
                self.assertEqual(theirs, {name: ours[name] for name in theirs})
                if self.minor >= 43:
                    self.assertEqual(set(ours), set(theirs))

    def test_options_have_the_types_of_the_table(self):
        tree = self.tree()
        for path, row in self.there().items():
            body = _BODY if row["body"] == "file" else None
            known = named(tree[path])
            for option in row["options"]:
                if option["name"] not in known:
                    continue
                with self.subTest(f"{path} {option['name']}"):
                    _, said = self.probe(path, f"&{option['name']}=zz", body=body)
                    told = re.search(r'to type "(\w+)"', said)
                    if told:
                        self.assertEqual(told[1], option["type"])
                        continue
                    _, said = self.probe(path, f"&{option['name']}=a&{option['name']}=b", body=body)
                    self.assertEqual("string" if "only a single value" in said else "array", option["type"])

    def test_arguments_are_demanded_as_the_table_says(self):
        for path, row in self.there().items():
            if row["removed"]:
                continue
            body = _BODY if row["body"] == "file" else None
            required = [a["name"] for a in row["arguments"] if a["required"]]
            if path == "files/chcid" and self.minor < 40:
                required = []  # it was optional then
            with self.subTest(path):
                for given, name in enumerate(required):
                    said = self.probe(path, "&arg=zz" * given, body=body)
                    self.assertEqual(said, (400, f'argument "{name}" is required\n'))
                    last = given + 1 == len(required)
                    if body is None and last:  # can a body stand in for it?
                        said = self.probe(path, "&arg=zz" * given, body=_BODY)
                        self.assertEqual(said[0] == 200, row["body"] == "arguments", said)
                self.assertEqual(self.probe(path, "&arg=zz" * len(required), body=body), (200, ""))
                said = self.probe(path, "&arg=zz" * len(required))
                self.assertEqual("file argument" in said[1], row["body"] == "file", said)


class AgainstOlderDaemon(AgainstDaemon):
    part, minor = "kubo-0.39", 39
