# SPDX-License-Identifier: Apache-2.0
"""A real Kubo daemon of one's own, offline and quiet, and its command line."""

import os
import pathlib
import shutil
import subprocess
import urllib.request

from kit.ports import free_port
from kit.process import Process

_QUIET = [
    ("Routing.Type", '"none"'),
    ("Provide.Enabled", "false"),
    ("Swarm.RelayClient.Enabled", "false"),
    ("Swarm.EnableHolePunching", "false"),
    ("AutoNAT.ServiceMode", '"disabled"'),
    ("Gateway.NoFetch", "true"),
    ("Addresses.Swarm", "[]"),
]


def binary(variable="KUBO"):
    """The program that this variable of the environment names, or None. KUBO_0_39: the older one."""
    return os.environ.get(variable)


def why_not(variable="KUBO"):
    """Why there is no such Kubo here, or None."""
    return None if binary(variable) else f"no Kubo: set {variable}=/path/to/ipfs, or run through tests/run with Go"


class Kubo:
    """`ipfs daemon` with an empty repository in FOLDER/NAME, and these settings (name, JSON) on top; offline, or online
    with pubsub; it never dials anybody. like: another one, whose identity this one takes."""

    def __init__(self, folder, binary=None, settings=(), *, name="kubo", online=False, like=None):
        self.binary = binary or os.environ["KUBO"]
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.environment = {"IPFS_PATH": str(self.folder / "repo"), "IPFS_TELEMETRY": "off", "HOME": str(self.folder)}
        self.port = free_port()
        self._settings, self._like = settings, like
        self.initialize()
        self._how = ["--enable-pubsub-experiment", "--enable-namesys-pubsub"] if online else ["--offline"]
        self._starts = 0
        self.start()

    def initialize(self):
        """The repository; again, too, behind stop() and where there is none any more."""
        self._run("init", "--profile=test", "--empty-repo")
        if self._like is not None:
            shutil.copy(self._like.folder / "repo" / "config", self.folder / "repo" / "config")
        own = [("Addresses.API", f'"/ip4/127.0.0.1/tcp/{self.port}"'),
               ("Addresses.Gateway", '"/ip4/127.0.0.1/tcp/0"'), *_QUIET]
        for setting, value in [*own, *self._settings]:
            self._run("config", "--json", setting, value)

    def start(self):
        """Again, too, after kill() or stop(); at the same address."""
        self._starts += 1
        name = "kubo" if self._starts == 1 else f"kubo-{self._starts}"
        self.process = Process(name, [self.binary, "daemon", *self._how], self.folder, env=self.environment)
        self.process.wait_ready(lambda: "Daemon is ready" in self.process.log(), 60)

    def kill(self):
        self.process.kill()

    def _run(self, *words):
        subprocess.run([self.binary, *words], env={**os.environ, **self.environment}, check=True, capture_output=True)

    def ask(self, target):
        """The node's own answer to an RPC call: bytes."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v0/{target}", method="POST")
        return urllib.request.urlopen(request, timeout=600).read()

    def collect_garbage(self):
        """Unpins nothing; drops what is not pinned."""
        self.ask("repo/gc?quiet=true")

    def stop(self):
        return self.process.stop(30)


class Cli:
    """The `ipfs` program against one API address, with no repository of its own."""

    def __init__(self, folder, port, *, authority=None, binary=None):
        self.binary = binary or os.environ["KUBO"]
        self.home = pathlib.Path(folder) / "cli"
        self.home.mkdir(exist_ok=True)
        self.api = f"/dns4/localhost/tcp/{port}/https" if authority else f"/ip4/127.0.0.1/tcp/{port}"
        self.environment = {**os.environ, "IPFS_PATH": str(self.home), "HOME": str(self.home),
                            "IPFS_TELEMETRY": "off"}
        if authority:
            self.environment["SSL_CERT_FILE"] = str(authority)

    def popen(self, *words, **options):
        return subprocess.Popen([self.binary, "--api", self.api, *words], env=self.environment, **options)

    def run(self, *words, timeout=600, **options):
        """CompletedProcess with text output."""
        return subprocess.run([self.binary, "--api", self.api, *words], env=self.environment, text=True,
                              capture_output=True, timeout=timeout, **options)
