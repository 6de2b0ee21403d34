# SPDX-License-Identifier: Apache-2.0
"""Two members with the `ipfs` program before one real Kubo: pins are their owner's, and nobody else notices."""

import concurrent.futures
import contextlib
import sqlite3
import subprocess
import unittest

from kit import members
from kit.kubo_case import KuboCase

MEMBERS = ["alice", "bob"]


class Pins(KuboCase):
    limit_seconds = 300

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kubo = cls.start_kubo()
        cls.start_gateway(MEMBERS)
        made = members.ask_operators(cls.relay, "/token/new", owner="alice", pin_group="staff", pin_expire_in="1h")
        cls.tokens["alice for staff"] = made["token"]
        cls.made = 0

    def new_object(self, size=1000):
        """The CID of a file that nobody has pinned."""
        type(self).made += 1
        path = self.folder / f"file-{self.made}"
        path.write_bytes(f"{self.made}".encode().ljust(size, b"."))
        return self.straight("add", "-Q", "--pin=false", "--cid-version=1", str(path))

    def pinned(self, cid):
        """How Kubo holds it, by its own word."""
        done = self.direct.run("pin", "ls", "--names", "--type=recursive")
        return [line for line in done.stdout.splitlines() if line.startswith(cid)]

    def own(self, who, *options):
        return sorted(line.split()[0] for line in self.good(who, "pin", "ls", *options).splitlines())

    # ---- one member

    def test_a_pin_is_added_listed_and_removed(self):
        cid = self.new_object()
        self.assertEqual(self.good("alice", "pin", "add", cid), f"pinned {cid} recursively\n")
        self.assertIn("cw:", self.pinned(cid)[0])
        self.assertIn(cid, self.own("alice"))
        self.assertEqual(self.good("alice", "pin", "ls", cid), f"{cid} recursive\n")
        self.assertEqual(self.good("alice", "pin", "rm", cid), f"unpinned {cid}\n")
        self.assertEqual(self.pinned(cid), [])
        self.refused("alice", "is not pinned", "pin", "ls", cid)
        self.refused("alice", "not pinned or pinned indirectly", "pin", "rm", cid)

    def test_direct_pins(self):
        cid = self.new_object()
        self.good("alice", "pin", "add", "--recursive=false", cid)
        self.assertEqual(self.good("alice", "pin", "ls", cid), f"{cid} direct\n")
        self.assertIn(cid, self.own("alice", "--type=direct"))
        self.assertNotIn(cid, self.own("alice", "--type=recursive"))
        self.good("alice", "pin", "add", cid)
        self.refused("alice", "already pinned recursively", "pin", "add", "--recursive=false", cid)
        self.refused("alice", "is pinned recursively", "pin", "rm", "--recursive=false", cid)
        self.good("alice", "pin", "rm", cid)

    def test_names(self):
        cid = self.new_object()
        self.good("alice", "pin", "add", "--name", "a \"name\"", cid)
        self.assertIn("a \"name\"", self.good("alice", "pin", "ls", "--names", cid))
        self.assertEqual(self.own("alice", "--name=nam"), [cid])
        self.good("alice", "pin", "add", "--name", "other", cid)
        self.assertIn("other", self.good("alice", "pin", "ls", "--names", cid))
        self.good("alice", "pin", "rm", cid)
        self.refused("alice", "max 255 bytes", "pin", "add", "--name", "x" * 256, cid)

    def test_several_and_from_stdin(self):
        cids = [self.new_object() for _ in range(3)]
        self.good("alice", "pin", "add", *cids)
        self.assertTrue(set(cids) <= set(self.own("alice", "--stream")))
        done = subprocess.run([self.cli.binary, "--api", self.cli.api, "--api-auth", f"bearer:{self.tokens['alice']}", "pin", "rm"],
                              input="".join(f"{cid}\n" for cid in cids), env=self.cli.environment, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(set(cids) & set(self.own("alice")))

    def test_the_first_failure_ends_a_call_and_what_came_before_stays(self):
        good, missing = self.new_object(), "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        self.refused("alice", "could not find", "pin", "add", good, missing, self.new_object())
        self.assertIn(good, self.own("alice"))
        self.assertNotIn(missing, self.own("alice"))

    def test_progress(self):
        cid = self.new_object(3_000_000)
        self.assertIn(f"pinned {cid} recursively", self.good("alice", "pin", "add", "--progress", cid))
        self.good("alice", "pin", "rm", cid)

    def test_paths_are_pinned_by_what_they_lead_to(self):
        folder = self.folder / "tree"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "leaf").write_text("a leaf")
        root = self.straight("add", "-r", "-Q", "--pin=false", str(folder))
        leaf = self.straight("resolve", f"/ipfs/{root}/sub/leaf").removeprefix("/ipfs/")
        self.assertIn(leaf, self.good("alice", "pin", "add", f"/ipfs/{root}/sub/leaf"))
        self.assertIn(leaf, self.own("alice"))
        self.good("alice", "pin", "rm", f"{root}/sub/leaf")
        self.refused("alice", "is not pinned", "pin", "ls", leaf)
        self.good("alice", "pin", "add", root)
        self.assertEqual(self.good("alice", "pin", "ls", leaf), f"{leaf} indirect through {root}\n")
        self.assertEqual(self.good("alice", "pin", "ls", "--type=indirect", leaf), f"{leaf} indirect through {root}\n")
        self.refused("alice", "is not pinned", "pin", "ls", "--type=recursive", leaf)
        self.refused("bob", "is not pinned", "pin", "ls", leaf)
        self.good("alice", "pin", "rm", root)

    def test_update_moves_the_name(self):
        one, two = self.new_object(), self.new_object()
        self.refused("alice", "'from' cid was not recursively pinned already", "pin", "update", one, two)
        self.good("alice", "pin", "add", "--name=kept", one)
        self.good("alice", "pin", "update", one, two)
        self.assertNotIn(one, self.own("alice"))
        self.assertIn("kept", self.good("alice", "pin", "ls", "--names", two))
        self.assertEqual(self.pinned(one), [])
        self.good("alice", "pin", "rm", two)

    def end_of(self, cid):
        """When the one pin of this CID ends, in ms since 1970; 0: never."""
        with contextlib.closing(sqlite3.connect(f"file:{self.relay.folder}/data/ledger.db?mode=ro", uri=True)) as ledger:
            rows = ledger.execute("SELECT expires_ms FROM pin WHERE cid = ?", (cid,)).fetchall()
        self.assertEqual(len(rows), 1)
        return rows[0][0]

    def test_update_does_not_put_the_end_off(self):
        one, two, three = self.new_object(), self.new_object(), self.new_object()
        self.good("alice for staff", "pin", "add", one)
        end = self.end_of(one)
        self.assertGreater(end, 0)
        self.good("alice for staff", "pin", "update", one, two)
        self.assertEqual(self.end_of(two), end)
        self.good("alice for staff", "pin", "update", "--unpin=false", two, three)
        self.assertEqual(self.end_of(three), end)
        self.good("alice for staff", "pin", "rm", two, three)

    def test_verify_reads_ones_own(self):
        cid = self.new_object()
        self.good("alice", "pin", "add", cid)
        self.assertIn(f"{cid} ok", self.good("alice", "pin", "verify", "--verbose"))
        self.assertNotIn(cid, self.good("bob", "pin", "verify", "--verbose"))
        self.good("alice", "pin", "rm", cid)

    def test_indirect_pins_need_a_name(self):
        self.refused("alice", "named CID only", "pin", "ls", "--type=indirect")
        self.refused("alice", "invalid type", "pin", "ls", "--type=wrong")

    # ---- two members

    def test_each_sees_its_own(self):
        mine, shared = self.new_object(), self.new_object()
        self.good("alice", "pin", "add", mine, shared)
        self.good("bob", "pin", "add", shared)
        self.assertIn(mine, self.own("alice"))
        self.assertNotIn(mine, self.own("bob"))
        self.refused("bob", "is not pinned", "pin", "ls", mine)
        self.refused("bob", "not pinned or pinned indirectly", "pin", "rm", mine)
        self.good("alice", "pin", "rm", shared)
        self.assertEqual(len(self.pinned(shared)), 1)
        self.assertIn(shared, self.own("bob"))
        self.good("bob", "pin", "rm", shared)
        self.assertEqual(self.pinned(shared), [])

    def test_a_token_pins_for_a_group(self):
        cid = self.new_object()
        self.good("alice for staff", "pin", "add", cid)
        self.assertIn(cid, self.own("alice for staff"))
        self.assertNotIn(cid, self.own("alice"))
        self.refused("alice", "not pinned or pinned indirectly", "pin", "rm", cid)
        self.good("alice for staff", "pin", "rm", cid)
        self.assertEqual(self.pinned(cid), [])

    def test_what_was_pinned_at_the_node_is_left_alone(self):
        cid = self.new_object()
        self.straight("pin", "add", "--name=theirs", cid)
        self.good("alice", "pin", "add", cid)
        self.good("alice", "pin", "rm", cid)
        self.assertIn("theirs", self.pinned(cid)[0])

    def test_both_pin_and_unpin_at_once(self):
        cids = [self.new_object() for _ in range(4)]

        def play(who):
            for _ in range(3):
                self.good(who, "pin", "add", *cids)
                self.good(who, "pin", "rm", *cids)
            self.good(who, "pin", "add", cids[0])

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(play, MEMBERS))
        self.assertEqual(len(self.pinned(cids[0])), 1)
        for cid in cids[1:]:
            self.assertEqual(self.pinned(cid), [])
        for who in MEMBERS:
            self.good(who, "pin", "rm", cids[0])
        self.assertEqual(self.pinned(cids[0]), [])


class PinsOlder(Pins):
    """The same before Kubo 0.39."""

    variable = "KUBO_0_39"


if __name__ == "__main__":
    unittest.main()
