# SPDX-License-Identifier: Apache-2.0
"""The `ipfs` program says the same through the gateway as straight to the node: output, errors and exit codes."""

import re
import signal
import subprocess

from differential import EMPTY_FOLDER, DifferentialCase, OfMember, as_version_1
from kit.process import wait_for

MISSING = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
MISSING_PB = "QmYwAPJzv5CZsnA625s1Xf2nemtYgPpHdWEz79ojWnPbdG"


class Cli(DifferentialCase):
    def add(self, *words):
        return self.well("add", "-Q", *words)

    # ---- add

    def test_add_files(self):
        for words in ([], ["-q"], ["-Q"], ["--progress"], ["--progress=false"], ["-n"], ["--only-hash", "-Q"], ["-w"], ["-w", "-q"],
                      ["--pin=false"], ["--silent"], ["--quieter"], ["--cid-version=1"], ["--cid-version=0"], ["--raw-leaves"],
                      ["--raw-leaves=false", "--cid-version=1"], ["--chunker=size-65536"], ["--chunker=rabin"], ["--chunker=buzhash"],
                      ["--hash=sha2-512"], ["--hash=blake2b-256"], ["--hash=sha3-256"], ["--trickle"], ["--inline"],
                      ["--inline", "--inline-limit=8"], ["--mode=0644"], ["--mtime=1700000000"],
                      ["--mtime=1700000000", "--mtime-nsecs=5"], ["--preserve-mode"], ["--preserve-mtime=false"],
                      ["--max-file-links=8", "--chunker=size-4096"], ["--to-files=/to-files", "--pin=false"], ["--offline"],
                      ["--stdin-name=x"], ["--hash=identity"], ["--fscache=false"], ["--cid-base=base36", "--cid-version=1"],
                      ["--upgrade-cidv0-in-output", "--cid-base=base32"], ["--pin-name=first"], ["--encoding=json"], ["--enc=xml"]):
            for path in ("a.txt", "empty", "big"):
                self.same("add", *words, path)

    def test_add_several_and_wrapped(self):
        self.well("add", "a.txt", "empty")
        self.well("add", "-w", "a.txt", "big")
        self.well("add", "-rw", "tree", "a.txt")

    def test_add_trees(self):
        for words in ([], ["-q"], ["-Q"], ["-H"], ["--ignore=one"], ["--ignore-rules-path=ignored"], ["--dereference-args"],
                      ["--dereference-symlinks"], ["--empty-dirs=false"], ["--only-hash"], ["--cid-version=1"], ["-w"], ["--progress"],
                      ["--preserve-mode"], ["--max-directory-links=2", "--cid-version=1"], ["--ignore=one", "--ignore=below"]):
            self.same("add", "-r", *words, "tree")
        self.ill("add", "tree")

    def test_add_from_standard_input(self):
        for words in ([], ["-Q"], ["--progress"], ["--stdin-name=x"], ["-w", "--stdin-name=x"], ["--cid-version=1"]):
            self.well("add", *words, stdin=b"from standard input\n" * 50_000)
        self.well("add", stdin=b"")

    def test_add_a_link(self):
        self.same("add", "tree/link")
        self.same("add", "--dereference-args", "tree/link")

    def test_add_that_cannot_be(self):
        for words in (["no-such-file"], ["--chunker=nonsense", "a.txt"], ["--hash=nonsense", "a.txt"],
                      ["--cid-version=7", "a.txt"], ["--cid-version=0", "--hash=sha2-512", "a.txt"], ["--mode=9", "a.txt"],
                      ["--inline-limit=9999", "--inline", "a.txt"],
                      ["--unheard-of", "a.txt"], ["--pin=maybe", "a.txt"], ["--pin-name=x", "--pin=false", "a.txt"]):
            self.same("add", *words)

    # ---- reading

    def test_cat(self):
        text, big = self.add("a.txt"), self.add("big")
        tree = self.add("-r", "tree")
        self.well("cat", text)
        self.well("cat", big)
        self.well("cat", text, text)
        self.well("cat", f"{tree}/one", f"{tree}/two words", f"{tree}/ä ö%20+")
        for words in (["-o", "2"], ["-l", "3"], ["--offset=2", "--length=2"], ["-o", "100"], ["--progress"], ["--progress=false"], ["-l", "0"]):
            self.same("cat", *words, text)
        self.well("cat", "-o", "1000000", "-l", "500000", big)
        self.well("cat", stdin=text.encode())
        self.well("cat", stdin=f"{text}\n{text}\n".encode())
        for path in (f"/ipfs/{text}", f"ipfs://{text}", f"IPFS://{text}", f"ipfs:{text}", f"/ipfs/{tree}/below/three", f"{tree}/link"):
            self.same("cat", path)

    def test_cat_that_cannot_be(self):
        tree = self.add("-r", "tree")
        for words in ([tree], [f"{tree}/none"], [f"{tree}/nothing"], [f"{tree}/one/below"], ["--offset=-1", f"{tree}/one"],
                      ["--length=-1", f"{tree}/one"], ["--offset=x", f"{tree}/one"], ["--offline", MISSING], ["--offline", MISSING_PB],
                      ["--timeout=50ms", MISSING], ["--timeout=soon", tree], ["/ipfs"], [""], ["/"]):
            self.same("cat", *words)

    def test_get(self):
        tree, text, big = self.add("-r", "tree"), self.add("a.txt"), self.add("big")
        for name, words in {"tree": [tree], "one": [f"{tree}/one"], "text": [text], "archive.tar": ["-a", tree], "zipped.tar.gz": ["-a", "-C", tree],
                            "zipped.gz": ["-C", text], "level": ["-C", "-l", "9", big], "link": [f"{tree}/link"],
                            "quiet": ["--progress=false", big], "progress": ["--progress", big], "uri": [f"ipfs://{tree}"]}.items():
            self.same("get", "-o", f"out-{name}", *words)
            if name not in ("archive.tar", "zipped.tar.gz", "zipped.gz", "level"):  # those hold times
                self.same_files(f"out-{name}")
        self.same("get", text)
        self.same_files(text)
        for words in ([f"{tree}/nothing"], ["--offline", MISSING], ["-l", "99", "-C", text], ["not a path"]):
            self.same("get", *words)

    def test_ls(self):
        tree, text, big = self.add("-r", "tree"), self.add("a.txt"), self.add("big")
        for words in ([], ["-v"], ["--headers"], ["--size=false"], ["--resolve-type=false"], ["-s"], ["--stream"], ["--stream", "-v"],
                      ["--resolve-type=false", "--size=false"], ["--long"], ["-l", "-v"], ["--cid-base=base32"], ["--encoding=json"],
                      ["--encoding=xml"], ["--offline"]):
            for paths in ([tree], [f"{tree}/below"], [tree, f"/ipfs/{tree}/below"], [text], [big], [f"ipfs://{tree}/below/"]):
                self.same("ls", *words, *paths)
        for words in ([f"{tree}/nothing"], ["--offline", MISSING], ["x"]):
            self.ill("ls", *words)
        self.well("ls", stdin=f"{tree}\n{tree}/below\n".encode())

    def test_refs(self):
        tree, big = self.add("-r", "tree"), self.add("big")
        for words in ([], ["-r"], ["-r", "-u"], ["-e"], ["-r", "-e"], ["--format=<src> <dst> <linkname>"], ["-r", "--max-depth=1"],
                      ["-r", "--max-depth=0"], ["--max-depth=-1"], ["-r", "-u", "--cid-base=base32"], ["--encoding=json"]):
            for path in (tree, big, f"{tree}/below"):
                self.same("refs", *words, path)
        self.well("refs", "-r", tree, big)
        self.well("refs", stdin=f"{tree}\n{big}".encode())
        self.ill("refs", "-u", "-e", "--format=x", tree)
        self.ill("refs", "--offline", MISSING_PB)
        for code, out, err in self.both(lambda side: side.run("refs", "local")):
            self.assertEqual((code, err), (0, b""))
            self.assertGreater(out.count(b"\n"), 10)

    def test_resolve(self):
        tree = self.add("-r", "tree")
        for words in ([tree], [f"/ipfs/{tree}/below/three"], [f"ipfs://{tree}/below"], ["-r=false", f"/ipfs/{tree}"],
                      [f"/ipfs/{tree}/nothing"], ["--timeout=50ms", f"/ipfs/{MISSING_PB}/x"],
                      ["/ipns/no.such.domain.invalid"], ["/unknown/x"]):
            self.same("resolve", *words)

    # ---- blocks and DAGs

    def test_block(self):
        for words in ([], ["--cid-codec=dag-pb"], ["--cid-codec=raw"], ["--mhtype=sha2-512"], ["--mhtype=blake2b-256"], ["--pin"],
                      ["--format=v0"], ["--format=protobuf"], ["--mhlen=20"], ["--allow-big-block"], ["--cid-codec=nonsense"],
                      ["--mhtype=nonsense"], ["--mhlen=500"]):
            self.same("block", "put", *words, "a.txt")
        self.well("block", "put", stdin=b"a block")
        self.well("block", "put", "a.txt", "empty")
        cid = self.well("block", "put", "a.txt")
        self.well("block", "get", cid)
        self.well("block", "get", stdin=cid.encode())
        self.well("block", "stat", cid)
        self.well("block", "stat", "--encoding=json", cid)
        self.ill("block", "put", "big")
        for command in ("get", "stat"):
            self.ill("block", command, "--offline", MISSING)
            self.ill("block", command, "--timeout=50ms", MISSING)
            self.ill("block", command, "nonsense")

    def test_dag(self):
        for words in ([], ["--store-codec=dag-json"], ["--store-codec=raw", "--input-codec=raw"], ["--input-codec=dag-json"],
                      ["--hash=sha2-512"], ["--pin"], ["--store-codec=nonsense"], ["--input-codec=nonsense"], ["--allow-big-block"]):
            self.same("dag", "put", *words, "lines.json")
        self.well("dag", "put", stdin=b'{"x":1}')
        self.same("dag", "put", stdin=b"{")
        cid = self.well("dag", "put", "lines.json")
        tree = self.add("-r", "tree")
        for words in ([cid], [f"{cid}/a"], [f"{cid}/a/2/b"], [f"{cid}/c"], ["--output-codec=dag-cbor", cid], ["--output-codec=dag-pb", tree],
                      [tree], [f"{tree}/below"], [f"{cid}/nothing"], ["--output-codec=nonsense", cid], ["--offline", MISSING], ["nonsense"]):
            self.same("dag", "get", *words)
        for words in ([cid], [f"{cid}/a/2"], [f"{tree}/below/three"], [f"{cid}/nothing"], ["--timeout=50ms", f"{MISSING_PB}/x"], ["x/y"]):
            self.same("dag", "resolve", *words)
        for words in ([tree], [cid, tree], ["--progress=false", tree], ["--progress", tree], ["--encoding=json", tree], ["--offline", MISSING]):
            self.same("dag", "stat", *words)

    def test_dag_export_and_import(self):
        tree, text = self.add("-r", "tree"), self.add("a.txt")
        car = self.well("dag", "export", "--progress=false", tree, text=False)
        self.same("dag", "export", "--progress", text)
        self.same("dag", "export", "--offline", MISSING)
        self.same("dag", "export", "nonsense")
        for side in self.sides:
            side.get("tree.car").write_bytes(car)
            side.get("cut.car").write_bytes(car[:len(car) // 2])
            side.get("bad.car").write_bytes(b"no car at all")
        for words in ([], ["--pin-roots=false"], ["--stats"], ["--silent"], ["--stats", "--pin-roots=false"], ["--encoding=json"],
                      ["--allow-big-block"], ["--fast-provide-root=false"]):
            self.same("dag", "import", *words, "tree.car")
        self.well("dag", "import", "tree.car", "tree.car")
        self.well("dag", "import", stdin=car)
        for name in ("cut.car", "bad.car", "empty"):
            self.same("dag", "import", name)

    # ---- pins

    def test_pin(self):
        tree, big, text = (self.add("--pin=false", *words) for words in (["-r", "tree"], ["big"], ["a.txt"]))
        for words in ([tree], ["--progress", big], ["--recursive=false", text], ["-r", text], ["--name=a name ä", big], ["--progress", tree, big],
                      [f"/ipfs/{tree}/below"], [f"ipfs://{tree}"], ["--timeout=50ms", MISSING], ["--offline", MISSING], ["nonsense"],
                      ["--name=" + "x" * 300, text], ["--encoding=json", big], ["--name=a name ä", big]):
            self.same("pin", "add", *words)
        for words in ([], ["-q", "--type=recursive"], ["--type=all"], ["--type=recursive"], ["--type=direct"], ["-s"], ["--stream", "--type=recursive"],
                      ["--names"], ["-n", "--type=recursive"], ["--name=a name"]):
            self.same("pin", "ls", *words, listing=True)
        for words in ([tree], [f"{tree}/one"], [MISSING], ["--type=nonsense"],
                      ["--type=direct", tree], ["--encoding=json", tree], ["nonsense"]):
            self.same("pin", "ls", *words, order=False)
        self.same("pin", "verify", order=False)
        self.same("pin", "verify", "-v", order=False)
        self.same("pin", "verify", "-q", order=False)
        self.same("pin", "verify", "-q", "-v")
        self.same("pin", "update", tree, big)
        self.same("pin", "update", "--unpin=false", big, tree)
        self.same("pin", "update", MISSING, big)
        for words in ([tree], [tree], ["--recursive=false", text], [big, MISSING], [MISSING], ["nonsense"], [big]):
            self.same("pin", "rm", *words)

    def test_pins_through_a_pipe(self):
        self.add("-r", "tree"), self.add("big")
        listed = self.well("pin", "ls", "-q", "--type=recursive", listing=True).split()
        forms = [as_version_1(name) for name in listed]
        names = [name for name in listed if forms.count(as_version_1(name)) == 1 and name != EMPTY_FOLDER]
        self.assertGreater(len(names), 1)
        lines = "\n".join(sorted(names)).encode() + b"\n"
        self.well("pin", "add", stdin=lines)
        self.well("pin", "rm", stdin=lines)
        self.ill("pin", "rm", stdin=lines)
        self.well("pin", "add", "--progress", stdin=lines)
        self.ill("pin", "add", stdin=b"nonsense\n" + lines)
        self.ill("pin", "add", stdin=b"\n" + lines)
        for side in self.sides:
            piped = subprocess.run(f'"{side.cli.binary}" --api {side.cli.api} pin ls -q --type=recursive | '
                                   f'"{side.cli.binary}" --api {side.cli.api} pin add',
                                   shell=True, env=side.cli.environment, capture_output=True, text=True)
            self.assertEqual((piped.returncode, piped.stderr), (0, ""))
            self.assertEqual(piped.stdout.count("pinned"), side.run("pin", "ls", "-q", "--type=recursive")[1].count(b"\n"))
            self.assertGreaterEqual(piped.stdout.count("pinned"), len(names))

    # ---- files

    def test_files(self):
        tree, text = self.add("-r", "tree"), self.add("a.txt")
        for words in (["mkdir", "/d"], ["mkdir", "/d"], ["mkdir", "-p", "/d/e/f"], ["mkdir", "--cid-version=1", "/v1"], ["mkdir", "relative"],
                      ["cp", f"/ipfs/{text}", "/d/a"], ["cp", f"/ipfs/{tree}", "/tree"], ["cp", "-p", "/d/a", "/x/y/z"],
                      ["cp", f"ipfs://{text}", "/d/uri"], ["cp", "/d/a", "/d/a"], ["cp", "--force", "/d/uri", "/d/a"], ["cp", "/nothing", "/n"],
                      ["cp", f"/ipfs/{tree}/below/three", "/three"], ["cp", "--offline", f"/ipfs/{MISSING}", "/m"],
                      ["ls"], ["ls", "/"], ["ls", "-l"], ["ls", "-U", "/"], ["ls", "/d"], ["ls", "/d/a"], ["ls", "-l", "/tree"], ["ls", "/nothing"],
                      ["stat", "/"], ["stat", "/d"], ["stat", "/d/a"], ["stat", "--hash", "/d"], ["stat", "--size", "/d/a"],
                      ["stat", "--format=<hash> <type> <size>", "/d"], ["stat", "--with-local", "/tree"], ["stat", f"/ipfs/{tree}"],
                      ["stat", f"ipfs://{tree}/below"], ["stat", "/nothing"], ["stat", "--timeout=50ms", f"/ipfs/{MISSING_PB}"],
                      ["read", "/d/a"], ["read", "-o", "1", "-n", "2", "/d/a"], ["read", "/d"], ["read", "/nothing"], ["read", "-o", "99", "/d/a"],
                      ["mv", "/three", "/drei"], ["mv", "/drei", "/d/"], ["mv", "/nothing", "/n"], ["flush"], ["flush", "/d"],
                      ["flush", "/nothing"], ["chcid", "--cid-version=1", "/v1"], ["chcid", "/nothing"], ["chmod", "0600", "/d/a"],
                      ["stat", "/d/a"], ["chmod", "x", "/d/a"], ["touch", "--mtime=1700000000", "/d/a"], ["stat", "/d/a"],
                      ["touch", "--mtime=1700000000", "--mtime-nsecs=7", "/d/a"], ["rm", "/d/a"], ["rm", "/d"], ["rm", "-r", "/d", "/tree"],
                      ["rm", "--force", "/nothing"], ["rm", "/nothing"], ["rm", "-r", "/"], ["ls", "--", "//x//./y"], ["stat", "/x/y/"],
                      ["mkdir", "/ä ö%2F+?"], ["ls", "/"], ["rm", "-r", "/ä ö%2F+?"]):
            self.same("files", *words)

    def test_files_write(self):
        for words, stdin in ((["-e", "/w"], b"first"), (["/w"], b"FI"), (["-o", "3", "/w"], b"xx"), (["-t", "/w"], b"short"), (["-n", "2", "-e", "/n"], b"abcdef"),
                             (["/no/such"], b"x"), (["-e", "-p", "/deep/er/f"], b"x"), (["-e", "--raw-leaves", "--cid-version=1", "/r"], b"x"),
                             (["-e", "--flush=false", "/u"], b"x"), (["-o", "-1", "/w"], b"x"), (["-e", "relative"], b"x"), (["/"], b"x"),
                             (["-e", "-o", "10", "/hole"], b"x"), (["-e", "/large"], b"0123456789" * 100_000)):
            self.same("files", "write", *words, stdin=stdin)
        for path in ("/w", "/n", "/deep/er/f", "/r", "/hole", "/large"):
            self.same("files", "read", path)
            self.same("files", "stat", path)
        self.same("files", "write", "-e", "/named", "a.txt")
        self.same("files", "rm", "-r", "/w", "/n", "/deep", "/r", "/u", "/hole", "/large", "/named")

    # ---- keys and names

    def test_keys(self):
        for words in (["gen", "one"], ["gen", "one"], ["gen", "--type=rsa", "--size=2048", "two"], ["gen", "--type=nonsense", "three"], ["gen", "self"],
                      ["gen", "--ipns-base=b58mh", "four"], ["list"], ["ls"], ["ls", "--ipns-base=base36"], ["rename", "one", "eins"], ["rename", "none", "x"],
                      ["rename", "--force", "eins", "two"], ["rm", "two"], ["rm", "two"], ["rm", "self"], ["rm", "-l", "four"], ["gen", "a name ä"], ["list"]):
            self.same("key", *words)
        self.same("key", "rm", stdin="a name ä".encode())

    def test_names(self):
        text = self.add("a.txt")
        identity = re.search(r"12D3[A-Za-z0-9]+", self.well("id", "-f", "<id>"))[0]
        for words in (["publish", "--allow-offline", f"/ipfs/{text}"], ["publish", "--allow-offline", "-Q", "--ttl=1m", "--lifetime=1h", text],
                      ["publish", "--offline", f"ipfs://{text}"], ["publish", f"/ipfs/{text}"], ["publish", "--key=none", "--allow-offline", text],
                      ["publish", "--allow-offline", "--lifetime=x", text], ["publish", "--allow-offline", "nonsense"],
                      ["resolve", identity], ["resolve", f"/ipns/{identity}"], ["resolve", f"ipns://{identity}"], ["resolve"], ["resolve", "-r=false"],
                      ["resolve", "--nocache", identity], ["resolve", "--stream", identity], ["resolve", "no.such.invalid"], ["resolve", "nonsense"],
                      ["inspect"], ["pubsub", "state"], ["pubsub", "subs"], ["pubsub", "cancel", identity]):
            self.same("name", *words)
        self.same("name", "inspect", stdin=b"no record")
        (code, record, _), (code_through, record_through, _) = self.both(lambda side: side.run("name", "get", identity))
        self.assertEqual((code, code_through), (0, 0))  # the records differ by their times
        self.assertEqual(*(re.sub(rb"20[0-9-]+T[0-9:.]+Z", b"", text)[:50] for text in (record, record_through)))
        for words in ([], ["--verify", identity]):
            self.well("name", "inspect", *words, stdin=record)

    def test_names_are_read_as_paths(self):
        tree = self.add("-r", "tree")
        names = {}
        for side in self.sides:
            _, name, _ = side.run("key", "gen", "for-paths")
            names[side] = name.decode().strip()
            side.run("name", "publish", "--allow-offline", "--key=for-paths", f"/ipfs/{tree}")
        for words in (["cat", "{}/one"], ["cat", "{}"], ["ls", "{}"], ["ls", "{}/below"], ["ls", "--stream", "{}"], ["ls", "{}", "{}/below"], ["ls", "--encoding=json", "{}"],
                      ["ls", "--encoding=json", "--stream", "{}", "{}/below"], ["refs", "{}"], ["refs", "-r", "{}"],
                      ["resolve", "{}/below"], ["dag", "get", "{}"], ["dag", "resolve", "{}/below"], ["dag", "stat", "--progress=false", "{}"],
                      ["block", "stat", "{}"], ["files", "stat", "{}/below"], ["get", "-o", "out-named", "{}/below"], ["pin", "add", "{}/below"], ["pin", "ls", "{}"],
                      ["pin", "rm", "{}/below"], ["pin", "ls", "--type=direct", "{}/two words"], ["pin", "ls", "{}/ä ö%20+"], ["pin", "ls", "{}/below"], ["files", "cp", "{}/one", "/from-name"], ["files", "rm", "/from-name"],
                      ["cat", "{}/nothing"], ["dag", "export", "{}"], ["pin", "rm", "{}/below"]):
            for form in ("/ipns/{}", "ipns://{}"):
                self.same(*words, per_side=lambda side, form=form: form.format(names[side]))
        for words in (["cat", "/ipns/no.such.invalid"], ["ls", "/ipns/nonsense"], ["pin", "add", "/ipns/nonsense"], ["cat", "/ipns/"]):
            self.same(*words)

    # ---- the node

    def test_the_node(self):
        for words in (["id"], ["id", "-f", "<id> <aver>\n"], ["id", "--encoding=json"], ["version"], ["version", "--all"], ["version", "-n"],
                      ["version", "--commit"], ["version", "deps"], ["repo", "stat"], ["repo", "stat", "--human"], ["repo", "stat", "--size-only"],
                      ["repo", "version"], ["repo", "version", "-q"], ["stats", "repo"], ["swarm", "peers"], ["swarm", "peers", "-v"],
                      ["swarm", "addrs"], ["swarm", "addrs", "local"], ["swarm", "addrs", "listen"], ["swarm", "filters"], ["swarm", "peering", "ls"],
                      ["bootstrap", "list"], ["bootstrap"], ["bitswap", "stat"], ["bitswap", "wantlist"], ["stats", "bitswap"], ["stats", "bw"],
                      ["pubsub", "ls"], ["diag", "healthy"], ["routing", "findprovs", "--timeout=50ms", MISSING], ["provide", "stat"]):
            self.same(*words, order=words[:2] != ["stats", "bw"])

    def test_tools(self):
        for words in (["cid", "base32", MISSING_PB], ["cid", "format", "-b=base36", MISSING], ["cid", "format", "-f=%M", MISSING], ["cid", "bases"],
                      ["cid", "bases", "--prefix"], ["cid", "codecs"], ["cid", "hashes", "--numeric"], ["cid", "base32", "nonsense"],
                      ["cid", "inspect", MISSING], ["multibase", "list"], ["multibase", "list", "--prefix"]):
            self.same(*words)
        self.same("multibase", "encode", stdin=b"hello")
        self.same("multibase", "decode", stdin=b"uaGVsbG8")
        self.same("multibase", "transcode", "-b=base16", stdin=b"uaGVsbG8")
        self.same("cid", "base32", stdin=f"{MISSING_PB}\n{MISSING}\n".encode())

    def test_deprecated_and_removed(self):
        tree, text = self.add("-r", "tree"), self.add("a.txt")
        for words in (["object", "diff", tree, text], ["object", "patch", "add-link", tree, "x", text], ["object", "patch", "rm-link", tree, "one"],
                      ["object", "get", tree], ["object", "stat", tree], ["dht", "query", "x"], ["dht", "findprovs", text], ["tar", "add", "a.txt"],
                      ["pin", "remote", "ls", "--service=x"]):
            self.same(*words)

    def test_what_is_refused_in_other_words(self):
        """Both fail, and the gateway says why before it has let anything through."""
        for words, said in (
            (["files", "cp", "/ipfs/nonsense", "/n"], 'invalid path "/ipfs/nonsense": invalid cid'),
            (["add", "--to-files=relative/", "a.txt"], "to-files: paths must start with a leading slash"),
            (["add", "--chunker=size-0", "a.txt"], "chunker 'size-0' makes pieces below 4096 bytes"),
            (["add", "--to-files=/no/such/", "a.txt"], "to-files: MFS destination directory"),
            (["pin", "ls", "--type=indirect"], "indirect pins are listed for a named CID only"),
            (["add", "--nocopy", "a.txt"], "add: option 'nocopy' is not available: with it, an upload could name files of the server"),
            (["add", "--fscache", "a.txt"], "add: option 'fscache' is not available: with it, an upload could name files of the server"),
        ):
            with self.subTest(words):
                straight, through = self.both(lambda side, words=words: side.run(*words))
                self.assertEqual(through[0], 1)
                self.assertEqual(through[1], b"")
                self.assertIn(said, through[2].decode())
                self.assertEqual(straight[0], 0 if {"--fscache", "--type=indirect"} & set(words) else 1)

    # ---- pubsub, and ends by a signal

    def _interrupted(self, side, *words, until=b""):
        """Starts the program, sends Ctrl-C once it printed `until`; what it printed and its exit code."""
        popen = side.cli.popen(*words, cwd=side.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with popen:
            self.assertTrue(wait_for(lambda: self._is_running(side, words[0]), 5, 0.1), f"{words} did not begin")
            out = popen.stdout.read(len(until)) if until else b""
            popen.send_signal(signal.SIGINT)
            rest, err = popen.communicate(timeout=20)
        return popen.returncode, out + rest, err

    def _is_running(self, side, command):
        """Does the node itself say that a command runs?"""
        lines = subprocess.run([side.cli.binary, "--api", f"/ip4/127.0.0.1/tcp/{side.node.port}", "diag", "cmds"], env=side.cli.environment,
                               capture_output=True, text=True).stdout.splitlines()
        return any(command in line and "true" in line for line in lines)

    def test_ctrl_c_ends_the_call_at_the_node(self):
        for words in (["cat", MISSING], ["pin", "add", MISSING], ["refs", MISSING_PB], ["dag", "get", MISSING], ["pubsub", "sub", "topic"],
                      ["add", "-"], ["ls", "--size=false", "--resolve-type=false", MISSING_PB], ["get", MISSING]):
            with self.subTest(words):
                if words[0] == "add":
                    results = self.both(lambda side: self._interrupted_upload(side))
                else:
                    results = self.both(lambda side: self._interrupted(side, *words))
                self.assertEqual(*results)
                for side in self.sides:
                    self.assertTrue(wait_for(lambda side=side: not self._is_running(side, words[0]), 5, 0.1), f"{words} goes on at {side.name}")

    def _interrupted_upload(self, side):
        popen = side.cli.popen("add", "-Q", cwd=side.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with popen:
            popen.stdin.write(b"x" * 1_000_000)
            popen.stdin.flush()
            self.assertTrue(wait_for(lambda: self._is_running(side, "add"), 10))
            popen.send_signal(signal.SIGINT)
            # an end of its input that comes first would be the upload's own end
            self.assertTrue(wait_for(lambda: not self._is_running(side, "add"), 10, 0.1), "the node goes on with an upload that was cut")
            popen.stdin.close()
            out, err = popen.stdout.read(), popen.stderr.read()
        return popen.returncode, out, err

    def test_pubsub(self):
        self.same("pubsub", "pub", "topic", stdin=b"nobody listens")
        self.same("pubsub", "peers")
        self.same("pubsub", "peers", "topic")

        def heard(side):
            popen = side.cli.popen("pubsub", "sub", "topic ä/", stdout=subprocess.PIPE)
            with popen:
                wait_for(lambda: "topic ä/" in side.run("pubsub", "ls")[1].decode(), 10)
                for word in (b"one", b"two\n", b"\x00\xff"):
                    side.run("pubsub", "pub", "topic ä/", stdin=word)
                text = popen.stdout.read(9)
                popen.send_signal(signal.SIGINT)
            return text

        self.assertEqual(self.both(heard), [b"onetwo\n\x00\xff"] * 2)

    def test_help_and_usage_come_from_the_program_itself(self):
        for words in (["--help"], ["pin", "--help"], ["cat"], ["nothing"], ["pin", "nothing"], ["cat", "--nothing", "x"]):
            self.same(*words)


class CliOfMember(OfMember, Cli):
    """The same with a policy and its one member's token."""


class CliOlderKubo(DifferentialCase):
    """A node and a program of an older release."""

    kubo_variable = "KUBO_0_39"

    def test_an_older_node_and_program(self):
        tree = self.well("add", "-Q", "-r", "tree")
        big = self.well("add", "-Q", "--progress", "big")
        cid = self.well("dag", "put", "lines.json")
        for words in (["add", "a.txt"], ["add", "-w", "a.txt"], ["add", "--cid-version=1", "big"], ["cat", f"{tree}/one"], ["cat", "-o", "5", "-l", "7", big],
                      ["get", "-o", "out", tree], ["ls", tree], ["ls", "--stream", tree], ["refs", "-r", "-u", tree], ["block", "stat", tree],
                      ["block", "get", cid], ["dag", "get", cid], ["dag", "resolve", f"{tree}/below"], ["dag", "stat", tree], ["dag", "export", tree],
                      ["pin", "add", "--progress", big], ["pin", "ls", tree], ["pin", "rm", big], ["pin", "add", "--name=x", big],
                      ["pin", "verify"], ["pin", "update", big, tree], ["files", "mkdir", "/d"], ["files", "cp", f"/ipfs/{tree}", "/d/t"],
                      ["files", "ls", "-l", "/d"], ["files", "stat", "/d"], ["files", "rm", "-r", "/d"], ["key", "gen", "k"], ["key", "list"],
                      ["name", "publish", "--allow-offline", tree], ["name", "resolve"], ["repo", "stat"], ["id"], ["swarm", "peers"], ["version"],
                      ["cat", "--offline", MISSING], ["cat", "--timeout=50ms", MISSING], ["pin", "add", "nonsense"], ["bitswap", "stat"],
                      ["resolve", f"/ipfs/{tree}/below"], ["diag", "healthy"], ["cid", "inspect", MISSING], ["object", "stat", tree]):
            self.same(*words)
        self.same_files("out")
        names = self.well("pin", "ls", "-q", "--type=recursive", listing=True)
        self.well("pin", "add", stdin="\n".join(sorted(names.split())).encode())
