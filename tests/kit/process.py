# SPDX-License-Identifier: Apache-2.0
"""A server started for a test: its folder, log, resource use, and an end by its own process id."""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import time


class StartError(Exception):
    """A server did not become ready; the text has the end of its log."""


def wait_for(condition, seconds: float, step: float = 0.01) -> bool:
    """Polls until the condition holds; False when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return bool(condition())


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """One child process (and its own children), its output in FOLDER/NAME.log."""

    def __init__(self, name, argv, folder, *, env=None, descriptors=None, cpus=None, stdin=None):
        self.name = name
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self._log = open(self.log_path, "ab")
        if cpus is not None:
            argv = ["taskset", "-c", cpus, *argv]
        self.popen = subprocess.Popen(
            [str(word) for word in argv],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=stdin if stdin is not None else subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=_limit_descriptors(descriptors),
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def is_running(self) -> bool:
        return self.popen.poll() is None

    def wait_ready(self, condition, seconds=20):
        ready = wait_for(lambda: not self.is_running() or condition(), seconds)
        if not ready or not self.is_running():
            raise StartError(f"{self.name} did not become ready:\n{self.log()[-2000:]}")

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, and gone when it returns."""
        self.popen.kill()
        self.popen.wait()
        self._log.close()

    def stop(self, seconds=10):
        """SIGTERM, then SIGKILL. Returns the exit status; a status that says `crashed` is negative."""
        if self.is_running():
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self._log.close()
        return self.popen.returncode

    def family(self) -> list:
        """Its process id and those of all below it."""
        pids, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            pids.append(pid)
            todo += _children(pid)
        return pids

    def rss(self) -> int:
        """Resident bytes, children included."""
        return sum(_status_kib(pid, "VmRSS") for pid in self.family()) * 1024

    def peak_rss(self) -> int:
        """The most resident bytes that it ever had, without its children."""
        return _status_kib(self.pid, "VmHWM") * 1024

    def cpu_seconds(self) -> float:
        """User and system time so far, children included."""
        return sum(_cpu_seconds(pid) for pid in self.family())

    def wakeups(self) -> dict:
        """By each thread's name: how often it has waited and was woken."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            name = (task / "comm").read_text().strip()
            line = next(line for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt_switches"))
            found[name] = found.get(name, 0) + int(line.split()[1])
        return found

    def descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.family())


def _limit_descriptors(limit):
    def apply():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = limit if limit is not None else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted if limit is not None else hard))

    return apply


def _children(pid) -> list:
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += open(f"/proc/{pid}/task/{task}/children").read().split()
    except OSError:
        pass
    return [int(child) for child in found]


def _status_kib(pid, field) -> int:
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _cpu_seconds(pid) -> float:
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
