# SPDX-License-Identifier: Apache-2.0
"""Machines that are network namespaces, each with a wire of its own to one router, which drops what it is told to: partitions and black
holes as the kernel makes them. All of it is gone with the processes that hold the namespaces."""

import itertools
import os
import subprocess

_numbers = itertools.count(1)


class NoNamespaces(Exception):
    """This kernel, or this user, may not make them; the text says what failed."""


def _run(words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise NoNamespaces(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


class _Space:
    """A namespace, held by a process that sleeps."""

    def __init__(self):
        self._holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        if not self._holder.stdout.readline():
            raise NoNamespaces(f"unshare -n: {self._holder.stderr.read().decode().strip()}")

    @property
    def pid(self):
        return self._holder.pid

    @property
    def words(self):
        """Before a command, so that it runs there."""
        return ["nsenter", "-t", str(self.pid), "-n"]

    def run(self, *words):
        return _run([*self.words, *words])

    def close(self):
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()
        self._holder.stderr.close()


class Machine(_Space):
    def __init__(self, router, number):
        super().__init__()
        self.address, self._net = f"10.77.{number}.2", f"10.77.{number}"
        self._near, self._far = (f"cw{end}{os.getpid() % 100000}x{next(_numbers)}" for end in "nf")
        _run(["ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far])
        for space, end, address in ((self, self._near, self.address), (router, self._far, f"{self._net}.1")):
            _run(["ip", "link", "set", end, "netns", space.pid])
            space.run("ip", "address", "add", f"{address}/24", "dev", end)
            space.run("ip", "link", "set", end, "up")
            space.run("ip", "link", "set", "lo", "up")
        self.run("ip", "route", "add", "default", "via", f"{self._net}.1")

    def unplug(self):
        self.run("ip", "link", "set", self._near, "down")

    def plug(self):
        self.run("ip", "link", "set", self._near, "up")
        self.run("ip", "route", "replace", "default", "via", f"{self._net}.1")


class Network:
    """COUNT machines. Raises NoNamespaces where the kernel refuses."""

    def __init__(self, count):
        self.machines, self._rules = [], []
        self._router = _Space()
        try:
            self._router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
            for number in range(1, count + 1):
                self.machines.append(Machine(self._router, number))
        except (NoNamespaces, OSError):
            self.close()
            raise

    def drop(self, source, target):
        """Silently, what SOURCE sends to TARGET; not what comes back."""
        rule = ["from", source.address, "to", target.address, "blackhole"]
        self._router.run("ip", "rule", "add", *rule)
        self._rules.append(rule)

    def heal(self):
        for rule in self._rules:
            self._router.run("ip", "rule", "del", *rule)
        self._rules = []

    def close(self):
        for space in [*self.machines, self._router]:
            space.close()
