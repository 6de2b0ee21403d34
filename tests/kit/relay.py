# SPDX-License-Identifier: Apache-2.0
"""The relay under test, and its peers, each started before one upstream with the same number of workers."""

import os
import pathlib
import shutil
import signal
import urllib.request

from kit import peers, settings
from kit.ports import free_port
from kit.process import Process, accepts, wait_for

_CONFIG = """\
data: data
listen:
  clients:
    address: 127.0.0.1:{port}
{tls}{partners}  operators:
    address: 127.0.0.1:{operators_port}
upstream: {upstream}
workers: {workers}
log:
  access: {access}
{limits}{more}"""


class Causeway:
    """`causeway serve` in FOLDER, before the node at upstream_port; None: its own. limits: options of the `limits` section by name; wrapper: words before the program;
    more: further lines of causeway.yaml, such as "allow: [read]"; partners: those of listen.partners, each with its end."""

    kind = "causeway"

    def __init__(self, folder, upstream_port, *, workers=1, tls=None, limits=None, access="access.log",
                 descriptors=None, cpus=None, wrapper=(), more="", partners="", **_):
        self.folder = pathlib.Path(folder) / f"causeway-{free_port()}"
        self.folder.mkdir(parents=True)
        self.port, self.operators_port = free_port(), free_port()
        self.access_path = self.folder / "access.log"
        self.config = self.folder / "causeway.yaml"
        self._values = dict(port=self.port, operators_port=self.operators_port, workers=workers,
                            upstream=_upstream(upstream_port), access=access, more=more and more + "\n",
                            partners=partners)
        (self.folder / "data").mkdir(mode=0o700)
        self.write_config(tls=tls, limits=limits)
        self._words = [*wrapper, causeway_program(), "serve", "--config", self.config]
        self._options = dict(descriptors=descriptors, cpus=cpus)
        self._starts = 0
        self.start()

    def start(self):
        """Again, too, after kill() or stop(); at the same addresses."""
        self._starts += 1
        name = "causeway" if self._starts == 1 else f"causeway-{self._starts}"
        self.process = Process(name, self._words, self.folder, **self._options)
        self.process.wait_ready(lambda: accepts(self.port) and accepts(self.operators_port))

    def kill(self):
        self.process.kill()

    def write_config(self, tls=None, limits=None, upstream_port=None, authorization_file=None, **changes):
        """Writes causeway.yaml (again, before a SIGHUP). authorization_file: goes with upstream_port."""
        self._values.update(changes)
        if upstream_port is not None:
            self._values["upstream"] = _upstream(upstream_port, authorization_file)
        lines = ""
        if tls is not None:
            lines = f"    tls:\n      certificate_file: {tls[0]}\n      key_file: {tls[1]}\n"
            lines += f"      client_ca_file: {tls[2]}\n" if len(tls) > 2 else ""
        # else the storage is asked how full it is, and a scripted upstream sees calls that no client made
        if "limits:" not in self._values["more"]:
            limits = limits or {}
        named = "".join(f"  {name}: {value}\n" for name, value in (limits or {}).items())
        self.config.write_text(_CONFIG.format(tls=lines, limits="limits:\n" + named if named else "",
                                              **self._values))

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def wait_reloaded(self) -> bool:
        """After the first reload."""
        return wait_for(lambda: f"reloaded {self.config}" in self.process.log(), 5)

    def operators(self, path: str):
        """Status and text of a page of the operators' port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.operators_port}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self, seconds=10) -> int:
        return self.process.stop(seconds)


def _upstream(port, authorization_file=None):
    if port is None:
        return "{kind: embedded}"
    secret = f", authorization_file: {authorization_file}" if authorization_file else ""
    return f"{{kind: kubo, address: 'http://127.0.0.1:{port}'{secret}}}"


class Direct:
    """No relay: clients reach the upstream itself."""

    kind = "direct"
    process = None

    def __init__(self, folder, upstream_port, **_):
        self.port = upstream_port

    def stop(self, seconds=10) -> int:
        return 0


_KINDS = {"causeway": Causeway, "nginx": peers.Nginx, "haproxy": peers.Haproxy, "direct": Direct}


def causeway_program():
    return os.environ.get("RIG_CAUSEWAY") or settings.find_program("causeway") or "causeway"


def start(folder, upstream_port, kind=None, **options):
    """The relay that RIG_TARGET names, or KIND. Peers ignore options they have no word for."""
    return _KINDS[kind or settings.target()](folder, upstream_port, **options)


def stop_well(started):
    """Stops it; fails if it did not end well."""
    status = started.stop()
    log = started.process.log()
    for report in ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
        assert report not in log, log
    assert status == 0, f"{started.kind} ended with status {status}\n{log[-3000:]}"


def why_not(kind=None):
    """Why this relay cannot be started here, or None."""
    kind = kind or settings.target()
    if kind == "direct":
        return None
    program = str(causeway_program()) if kind == "causeway" else kind
    return None if shutil.which(program) else f"there is no {program} program"
