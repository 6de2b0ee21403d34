# SPDX-License-Identifier: Apache-2.0
"""The C programs of tests/bench: an upstream that counts, a steady load, an uploader, a holder of connections."""

import json
import shutil
import subprocess
import urllib.request

from kit import settings
from kit.process import Process, accepts, wait_for


class Missing(Exception):
    """A program of the build is not there."""


def tool(name):
    path = settings.find_program(f"bench_{name}")
    if path is None:
        raise Missing(f"{settings.build()} has no bench_{name}: build it")
    return path


def hash_speeds() -> list:
    """One round of bench_hash: its figures, OpenSSL with and without the SHA extensions among the peers."""
    done = subprocess.run([str(tool("hash")), "--quick", "--json"], capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def format_speeds(quick) -> list:
    """One round of bench_ipfs."""
    words = ["--json", *(["--quick"] if quick else [])]
    done = subprocess.run([str(tool("ipfs")), *words], capture_output=True, text=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def policy_speeds(quick) -> list:
    """One round of bench_policy."""
    words = ["--json", *(["--quick"] if quick else [])]
    done = subprocess.run([str(tool("policy")), *words], capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def pin_speeds(quick, folder) -> list:
    """bench_pins with a ledger of its own below folder: on the disk that it is on."""
    words = ["--json", str(folder / "ledger"), str(20_000 if quick else 1_000_000)]
    done = subprocess.run([str(tool("pins")), *words], capture_output=True, text=True, timeout=1500)
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Sink:
    """bench_sink on a port of its own."""

    def __init__(self, folder, *, workers=1, cpus=None):
        self.process = Process("sink", [tool("sink"), "--workers", workers], folder, cpus=cpus)
        wait_for(lambda: self.process.log().strip(), 5)
        self.port = int(self.process.log().split()[0])
        self.process.wait_ready(lambda: accepts(self.port))

    def stats(self) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stats", timeout=10) as reply:
            return json.load(reply)

    def stop(self):
        self.process.popen.kill()
        return self.process.stop()


class Load:
    """bench_load in the background: small POSTs at a steady rate. `finish` ends it and gives its figures."""

    def __init__(self, port, *, rate=200, seconds=600, connections=8, cpus=None, target="version", token=None):
        """target: of the RPC API, with a small reply; token: of a member."""
        words = [tool("load"), port, rate, seconds, connections, target, *([token] if token else [])]
        words = ["taskset", "-c", cpus, *words] if cpus else words
        self.popen = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait(self) -> dict:
        """Until its seconds are over."""
        out, err = self.popen.communicate(timeout=700)
        if self.popen.returncode != 0:
            return {"requests": 0, "failed": 1, "error": err.decode().strip()}
        return json.loads(out)

    def finish(self) -> dict:
        self.popen.terminate()
        return self.wait()

    def abandon(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.communicate()


class Hold:
    """bench_hold: many connections in one state until closed."""

    def __init__(self, port, count, state, *, authority=None):
        words = [tool("hold"), port, count, state, *([authority] if authority else [])]
        self.popen = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        if self.popen.stdout.readline() != b"ready\n":
            raise Missing(f"hold: {self.popen.stderr.read().decode()}")

    def close(self):
        if self.popen.poll() is None:
            self.popen.communicate(timeout=60)


def upload(port, size, framing, *, cpus=None) -> dict:
    """One upload; framing is "length" or "chunked"."""
    words = [tool("upload"), port, size, framing]
    words = ["taskset", "-c", cpus, *words] if cpus else words
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600)
    if not done.stdout:
        return {"seconds": 0.0, "bytes": 0, "status": 0, "error": done.stderr.strip()}
    return json.loads(done.stdout)
