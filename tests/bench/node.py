# SPDX-License-Identifier: Apache-2.0
"""The embedded node beside a Kubo node: both reached by their RPC API, both on the same disk, each with data of its own round."""

import json
import pathlib
import shutil
import subprocess
import time

from comparison import Series
from kit import files, kubo, relay, settings

BOUNDARY = "rig-4d1f"


def _syncing():
    """Kubo's own way to store, but for one setting: what it has acknowledged is on the disk, as it is with the embedded node."""
    blocks = {"type": "flatfs", "path": "blocks", "sync": True, "shardFunc": "/repo/flatfs/shard/v1/next-to-last/2"}
    values = {"type": "levelds", "path": "datastore", "compression": "none"}
    mounts = [{"mountpoint": "/blocks", "type": "measure", "prefix": "flatfs.datastore", "child": blocks},
              {"mountpoint": "/", "type": "measure", "prefix": "leveldb.datastore", "child": values}]
    return [("Datastore.Spec", json.dumps({"type": "mount", "mounts": mounts}))]


class _Nodes:
    """A Kubo, offline, another one that syncs, and a gateway that stores what it is given itself."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.kubo = kubo.Kubo(folder)
        self.syncing = kubo.Kubo(folder, settings=_syncing(), name="syncing")
        self.causeway = relay.start(folder, None, kind="causeway")

    def ports(self):
        return {"causeway": self.causeway.port, "kubo": self.kubo.port, "kubo that syncs": self.syncing.port}

    def stop(self):
        self.causeway.stop()
        self.kubo.stop()
        self.syncing.stop()
        shutil.rmtree(self.folder)


def node(bench):
    """add and cat of a large file, add of many small ones, import of a CAR, beside Kubo; memory, and the limits of disk and hash."""
    size = (64 if bench.options.quick else 1024) * settings.MIB
    count = 2_000 if bench.options.quick else 100_000
    rounds = min(bench.options.rounds, 3)
    speed = {name: Series(f"{name} of {size >> 20} MiB, embedded", "MB/s") for name in ("add", "cat", "dag/import")}
    small = Series(f"add of {count:,} files of 1 KiB, embedded", "files/s")
    peak = Series("peak memory of the gateway with its node", "MiB", False)
    bench.stop_relays()
    for number in range(rounds):
        first, second = _Nodes(bench.folder / f"first-{number}"), _Nodes(bench.folder / f"second-{number}")
        data, many = bench.folder / "data", bench.folder / "many"
        files.write_file(data, size, seed=number + 1)
        _write_small_files(many, count, number)
        car = bench.folder / "data.car"
        for name, port in bench.random.sample(list(first.ports().items()), 3):
            seconds, reply = _timed(port, "add?progress=false&quieter=true", "-F", f"file=@{data}")
            speed["add"].add(name, size / 1e6 / seconds)
            root = reply.split(b'"Hash":"')[-1].split(b'"')[0].decode()
            speed["cat"].add(name, size / 1e6 / _timed(port, f"cat?arg={root}", "-o", "/dev/null")[0])
            small.add(name, count / _timed(port, "add?progress=false&quieter=true", "-H", f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
                                           "-H", "Expect:", "-T", str(many))[0])
        _timed(first.kubo.port, f"dag/export?arg={root}", "-o", str(car))
        for name, port in bench.random.sample(list(second.ports().items()), 3):
            speed["dag/import"].add(name, size / 1e6 / _timed(port, "dag/import", "-F", f"file=@{car}")[0])
        disk, hashed = _disk_speed(bench.folder, data), _hash_speed(data)
        for name in ("add", "dag/import"):
            speed[name].add("disk", disk)
            speed[name].add("openssl's sha256", hashed)
        peak.add("causeway", max(first.causeway.process.peak_rss(), second.causeway.process.peak_rss()) / settings.MIB)
        peak.add("what is allowed", 64)
        first.stop()
        second.stop()
    entries = [series.entry("causeway", "kubo", ">= 2") for series in (*speed.values(), small)]
    entries += [speed[name].entry("causeway", peer) for name in ("add", "dag/import") for peer in ("kubo that syncs", "disk", "openssl's sha256")]
    entries.append(small.entry("causeway", "kubo that syncs"))
    return [*entries, peak.entry("causeway", "what is allowed", "<= 1.0")]


def _timed(port, target, *words):
    """Seconds of an RPC call made by curl, and the reply."""
    begin = time.monotonic()
    done = subprocess.run(["curl", "-sS", "--fail-with-body", "-X", "POST", *words, f"http://127.0.0.1:{port}/api/v0/{target}"],
                          capture_output=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{target.split('?')[0]}: {done.stderr.decode()} {done.stdout[-500:]!r}")
    return time.monotonic() - begin, done.stdout


def _write_small_files(path, count, seed):
    """A multipart body with a folder of COUNT files."""
    with open(path, "wb") as out:
        def part(name, kind, content):
            out.write(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode())
            out.write(content + b"\r\n")

        part("many", "application/x-directory", b"")
        for number in range(count):
            part(f"many%2F{number:06}", "application/octet-stream", f"{seed} {number} ".encode().ljust(1024, b"x"))
        out.write(f"--{BOUNDARY}--\r\n".encode())


def _disk_speed(folder, data):
    """MB/s of writing the same bytes in one piece, synced."""
    target = pathlib.Path(folder) / "written"
    begin = time.monotonic()
    subprocess.run(["dd", f"if={data}", f"of={target}", "bs=1M", "conv=fsync"], check=True, capture_output=True)
    seconds = time.monotonic() - begin
    target.unlink()
    return data.stat().st_size / 1e6 / seconds


def _hash_speed(data):
    begin = time.monotonic()
    subprocess.run(["openssl", "dgst", "-sha256", str(data)], check=True, capture_output=True)
    return data.stat().st_size / 1e6 / (time.monotonic() - begin)
