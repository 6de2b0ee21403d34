# SPDX-License-Identifier: Apache-2.0
"""How calls and bodies are read: by the gateway's parsers (call_reader) and by Kubo's own (reader)."""

import json
import os
import subprocess

from kit import settings


def why_not():
    """Why the two cannot be compared here, or None."""
    if settings.find_program("call_reader") is None:
        return "call_reader is not built"
    done = _build()
    return done.stderr.strip().splitlines()[-1] if done.returncode == 3 else None


def _build():
    return subprocess.run([settings.root() / "tests/rig/build", "reader"], capture_output=True, text=True)


def ours(*words):
    """What call_reader prints, as a list of objects."""
    done = subprocess.run([settings.find_program("call_reader"), *words], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def kubos_catalogue():
    done = subprocess.run([_build().stdout.strip(), "catalogue"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def through_gateway(gateway_port, storage_port, seed, count):
    """(agreed, what was printed): COUNT generated calls sent to the gateway, whose storage is Kubo's reader."""
    return _read("calls", seed, count, "gateway", f"127.0.0.1:{gateway_port}", f"127.0.0.1:{storage_port}")


def compare(what, seed, count):
    """(agreed, what was printed): COUNT generated calls or bodies read by both."""
    return _read(what, seed, count, what)


def _read(what, seed, count, *words):
    kubos = _build().stdout.strip()
    quiet = {**os.environ, "GOLOG_LOG_LEVEL": "fatal"}  # Kubo's parser panics over some, and goes on
    with subprocess.Popen([settings.find_program("call_reader"), what, str(seed), str(count)],
                          stdout=subprocess.PIPE) as writer:
        done = subprocess.run([kubos, *words], stdin=writer.stdout, capture_output=True, text=True, env=quiet)
    return writer.returncode == 0 and done.returncode == 0, done.stdout + done.stderr
