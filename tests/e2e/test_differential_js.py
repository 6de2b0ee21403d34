# SPDX-License-Identifier: Apache-2.0
"""kubo-rpc-client says the same through the gateway as straight to the node: results, progress and errors."""

import json
import os
import pathlib
import subprocess
import unittest

from differential import DifferentialCase, own_pins, without_varying


# What comes out otherwise through the gateway: how the call's name begins, and what is said then (a pattern).
OTHER = {
    # Kubo takes what is no CID for a path in the file tree; the gateway refuses what could be read in two ways
    "files.stat /ipfs/nonsense": "invalid path .*invalid cid",
    "ls ipfs://": "invalid path",
    # see differential.py
    'pin.ls {"type":"indirect"}': "indirect pins are listed for a named CID only",
    'pin.ls {"name":': '"name\\\\":\\\\"a name',
    "refs aborted": "block was not found locally",
    # the client asks files.stat for "/ipfs/" and the name that ls repeats: an error at Kubo as well
    "ls /ipns/": '"cid":"Qm|"message":"(invalid path|no link named)',
}
# It knows no /ipns in these, but the gateway has looked the name up.
OTHER_WITH_OLDER_KUBO = {**OTHER, "files.stat /ipns/": '"cid":"Qm|no link named'}


def _own_pins(line):
    """Of a listing, each pin without the name: the straight one has forgotten it."""
    pins = [json.loads(text) for text in json.loads(line)[1]]
    return own_pins([f"{pin['cid']} {pin['type']}" for pin in pins])


class JavaScript(DifferentialCase):
    other = OTHER

    def setUp(self):
        self.client = os.environ.get("KUBO_RPC_CLIENT")
        if not self.client:
            raise unittest.SkipTest("no kubo-rpc-client: run through tests/run with Node 20")

    def lines_of(self, side):
        """Name and result of each call."""
        script = pathlib.Path(__file__).with_name("calls.mjs")
        done = subprocess.run(["node", script, self.client, f"http://127.0.0.1:{side.port}"], cwd=side.work, capture_output=True,
                              text=True, timeout=250)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [(json.loads(line)[0], without_varying(line)) for line in done.stdout.splitlines()]

    def test_hundreds_of_calls_come_to_the_same(self):
        straight, through = self.both(self.lines_of)
        self.assertGreater(len(straight), 250)
        self.assertEqual(*([without_varying(name) for name, _ in lines] for lines in (straight, through)))
        for (name, line), (_, line_through) in zip(straight, through):
            said = [text for start, text in self.other.items() if name.startswith(start)]
            with self.subTest(name):
                if "fetch failed" in line:  # Kubo itself cuts an upload off that it refuses
                    self.assertIn('"error":', line_through)
                elif said:
                    self.assertRegex(line_through, said[0])
                elif name in ("pin.ls {}", 'pin.ls {"type":"recursive"}', 'pin.ls {"names":true}'):
                    self.assertEqual(*(_own_pins(text) for text in (line, line_through)))
                else:
                    self.assertEqual(line, line_through)


class JavaScriptOlderKubo(JavaScript):
    kubo_variable = "KUBO_0_39"
    other = OTHER_WITH_OLDER_KUBO
