# SPDX-License-Identifier: Apache-2.0
"""A real Kubo behind the relay: what curl and the ipfs program add comes back the same, with the same CIDs."""

import json
import shutil
import subprocess

from kit import files, kubo, settings
from kit.case import RelayCase
from kit.settings import GIB, MIB
from kit.tls import Authority

SMALL = {"empty": 0, "one-byte": 1, "one-mebibyte": MIB}


def big_size():
    return settings.pick(100 * MIB, 10 * GIB)


class KuboBehind(RelayCase):
    limit_seconds = settings.pick(300, 2400)
    with_tls = False

    def setUp(self):
        super().setUp()
        if kubo.why_not():
            self.skipTest(kubo.why_not())
        tls = None
        self.authority = None
        if self.with_tls:
            authority = Authority(self.folder / "tls")
            tls, self.authority = authority.issue("localhost"), authority.certificate
        self.kubo = kubo.Kubo(self.folder)
        self.keep(self.kubo.process)
        self.relay = self.start_relay(self.kubo.port, tls=tls)
        self.cli = kubo.Cli(self.folder, self.relay.port, authority=self.authority)
        self.direct = kubo.Cli(self.folder, self.kubo.port)

    def url(self, path):
        scheme = "https" if self.with_tls else "http"
        return f"{scheme}://localhost:{self.relay.port}{path}"

    def curl(self, *words, **options):
        trust = ["--cacert", str(self.authority)] if self.authority else []
        return subprocess.run(["curl", "-sS", "--fail-with-body", "-X", "POST", *trust, *words], capture_output=True,
                              **options)

    def file_of(self, name, size):
        return files.write_file(self.folder / name, size, seed=len(name))

    def cid_straight(self, path):
        """What Kubo itself says when no relay is between; nothing is stored."""
        done = self.direct.run("add", "-Q", "--only-hash", str(path), timeout=2400)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def add_with_curl(self, path, *, chunked, progress=True):
        """The CID of the last line, after the progress lines before it were looked at."""
        words = ["-H", "Transfer-Encoding: chunked"] if chunked else []
        query = "?progress=true" if progress else "?progress=false"
        done = self.curl(*words, "-F", f"file=@{path}", self.url("/api/v0/add" + query))
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-500:])
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if progress and path.stat().st_size:
            self.assertEqual(max(line.get("Bytes", 0) for line in lines), path.stat().st_size)
        return lines[-1]["Hash"]

    def add_with_cli(self, path):
        done = self.cli.run("add", "--progress=true", "-Q", str(path), timeout=2400)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def assert_reads_back(self, cid, path):
        """cat by curl and by the ipfs program."""
        expected = files.sha256_of_file(path)
        trust = ["--cacert", str(self.authority)] if self.authority else []
        command = ["curl", "-sS", "--fail", "-X", "POST", *trust, self.url(f"/api/v0/cat?arg={cid}")]
        # One after the other: a reader that waits for its turn would be cut for being too slow.
        for start in (lambda: subprocess.Popen(command, stdout=subprocess.PIPE),
                      lambda: self.cli.popen("cat", cid, stdout=subprocess.PIPE)):
            with start() as popen:
                self.assertEqual(files.sha256_of(popen.stdout), expected)
            self.assertEqual(popen.returncode, 0)

    def check(self, path):
        cid = self.cid_straight(path)
        self.assertEqual(self.add_with_curl(path, chunked=False), cid)
        self.assertEqual(self.add_with_curl(path, chunked=True, progress=False), cid)
        self.assertEqual(self.add_with_cli(path), cid)
        self.assert_reads_back(cid, path)

    def test_small_files_come_back_the_same(self):
        for name, size in SMALL.items():
            with self.subTest(name):
                self.check(self.file_of(name, size))

    def test_a_big_file_comes_back_the_same(self):
        needed = 3 * big_size()
        if shutil.disk_usage(self.folder).free < needed:
            self.skipTest(f"less than {needed >> 30} GiB of disk free")
        self.check(self.file_of("big", big_size()))

    def test_version_is_answered(self):
        self.assertIn("Version", json.loads(self.curl(self.url("/api/v0/version")).stdout))

    def test_a_folder_is_added_as_by_kubo_itself(self):
        tree = self.folder / "tree"
        (tree / "below").mkdir(parents=True)
        for name in ("a", "below/b", "ä ö%20"):
            files.write_file(tree / name, 300_000, seed=len(name))
        straight = self.direct.run("add", "-Q", "-r", "--only-hash", str(tree)).stdout
        self.assertEqual(self.cli.run("add", "-Q", "-r", str(tree)).stdout, straight)

    def test_what_kubo_refuses_is_told_in_its_words(self):
        done = self.cli.run("cat", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not found", done.stderr)


class KuboBehindTls(KuboBehind):
    with_tls = True
