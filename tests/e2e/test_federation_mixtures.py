# SPDX-License-Identifier: Apache-2.0
"""A member's tree is placed at partners, whatever storage is behind either side: seen while parts of it are killed, verified where it
is held, read back when it is lost here, and released when it is unpinned. Sizes are those of the tier."""

import json
import random
import subprocess
import time

from kit import figures
from kit.organizations import EMBEDDED, KUBO, KUBO_0_39, OrganizationsCase, difference, make_tree
from kit.process import wait_for
from kit.settings import GIB, MIB, is_full, pick, seed

FILES, SIZE = pick(500, 50000), pick(32 * MIB, 5 * GIB)
RATE = pick("12MiB", "200MiB")  # of the link, so that there is a middle to kill something in
LOST = 6 * MIB  # with a death: what was on its way, and what a spool had not written
WAIT = pick(120, 2000)


class Mixture(OrganizationsCase):
    """alpha's member pins, beta holds."""

    storages = ()
    add_options = ()
    deaths = ()  # who, and what of it
    dies_importing = dies_giving = False

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = (self.start_organization(name, storage, settings=self.settings(name, storage))
                                 for name, storage in zip(("alpha", "beta"), self.storages))
        self.link_all()
        self.alpha.agree(["beta"], copies=2)
        self.beta.agree(["alpha"])

    def settings(self, name, storage):
        return ()

    def die(self, organization, part):
        """-9, and there again."""
        if part == "gateway":
            organization.kill_gateway()
            organization.gateway.start()
        else:
            organization.kill_node()
            time.sleep(1)  # long enough that it is missed
            organization.node.kubo.start()

    def place_with_deaths(self, tree):
        """Its CID, and its blocks. Each death comes later on the way."""
        self.alpha.command("link", "limit", "beta", "--bandwidth", RATE)
        cid = self.alpha.ipfs("add", "-r", "-Q", *self.add_options, str(tree))
        blocks = set(self.alpha.ipfs("refs", "-r", "-u", cid).split())
        for number, (name, part) in enumerate(self.deaths):
            goal = SIZE * (number + 1) // (number + 2)
            self.assertTrue(wait_for(lambda: self.came() >= goal, WAIT), self.evidence())
            self.assertNotEqual(self.alpha.state(cid, "beta"), "placed")
            came = self.came()
            self.die(getattr(self, name), part)
            if (name, part) == ("beta", "gateway"):
                self.earlier = came
        self.alpha.command("link", "limit", "beta", "--bandwidth", "none")
        if self.dies_importing:
            wait_for(lambda: self.beta.state(cid, "alpha", "holder") in ("importing", "pinned"), WAIT)
            self.die(self.beta, "node")
        self.wait_placed(cid)
        return cid, blocks

    earlier = 0  # what the holder's gateways had counted when they died

    def came(self):
        """Bytes of blocks, over the link to the holder."""
        return self.earlier + self.beta.moved("in")

    def wait_placed(self, cid):
        copy = self.alpha.wait_state(cid, "beta", "placed", seconds=WAIT)
        self.assertTrue(copy["counts"], copy)
        self.assertLess(copy["evidence_age_ms"], 60000)
        held = self.beta.copies(cid, "holder")["alpha"]
        self.assertEqual(held["state"], "pinned")
        self.assertEqual((held["bytes"], held["blocks"]), (copy["bytes"], copy["blocks"]))

    # ---- all of it

    def go_through(self):
        tree = make_tree(self.work / "tree", FILES, SIZE, seed())
        cid, blocks = self.timed("placed", lambda: self.place_with_deaths(tree))
        size = self.alpha.copies(cid)["beta"]["bytes"]
        self.assertGreater(size, SIZE * 9 // 10)
        self.assertLess(self.came(), size * 21 // 20 + len(self.deaths) * LOST, "it began anew")
        self.assert_seen(cid)
        self.beta.assert_holds(self.v1(cid), blocks)
        self.beta.command("repo", "verify")
        self.alpha.lose_storage()
        self.timed("read back", lambda: self.assert_read_back(cid, tree))
        self.assert_released(cid)
        self.assert_no_network()

    def timed(self, what, work):
        """Adding and reading are in it, and what the deaths cost."""
        began = time.monotonic()
        done = work()
        if is_full():
            way = f"{FILES} files of {SIZE // GIB} GiB, {' to '.join(self.storages)}"
            figures.report(f"{way}: {what}", round(time.monotonic() - began, 1), "s")
            for organization in self.organizations:
                figures.report(f"{way}: {what}: peak memory of {organization.name}",
                               round(organization.gateway.process.peak_rss() / MIB, 1), "MiB")
        return done

    def v1(self, cid):
        return self.alpha.ipfs("cid", "format", "-v", "1", "-b", "base32", cid)

    def assert_seen(self, cid):
        """By the sums of the links; and by nobody at beta who has no claim on it."""
        self.assertEqual(self.alpha.gateway.show("beta")["holds"]["ours_there"]["objects"], 1)
        self.assertEqual(self.beta.gateway.show("alpha")["holds"]["theirs_here"]["objects"], 1)
        for words in (("ls",), ("pin", "add")):
            refused = self.beta.try_ipfs(*words, cid)
            self.assertNotEqual(refused.returncode, 0, refused.stdout)
            self.assertIn("ipld: could not find", refused.stderr)

    def assert_read_back(self, cid, tree):
        self.assertNotIn(self.v1(cid), self.alpha.pins())
        self.assertEqual(self.alpha.gateway.wait_state("beta", "active"), "active")
        back = self.work / "back"
        if self.dies_giving:
            self.die_giving(cid)
        self.get(cid, back)
        self.assertEqual(difference(tree, back), [])
        if self.dies_giving:
            self.assertLess(self.alpha.moved("in"), SIZE * 21 // 20 + LOST, "it began anew")
        self.assertTrue(wait_for(lambda: self.v1(cid) in self.alpha.pins(), WAIT, 0.2), self.evidence())
        self.assertEqual(self.alpha.state(cid, "beta"), "placed")

    def get(self, cid, to):
        """Whoever is told that it does not come now tries again later: a holder's Kubo reads over what is here already."""
        for _ in range(pick(3, 10)):
            done = self.alpha.try_ipfs("get", "-o", str(to), cid, timeout=WAIT)
            if done.returncode == 0 or "brought back from a partner" not in done.stderr:
                break
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{self.evidence()}")

    def die_giving(self, cid):
        """The holder's gateway, in the midst of a read, which waits for it for some seconds; who reads again goes on from there."""
        self.alpha.command("link", "limit", "beta", "--bandwidth", RATE)
        reader = self.alpha.member.popen(*self.alpha._auth, "get", "-o", str(self.work / "cut"), cid, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE)
        self.assertTrue(wait_for(lambda: self.alpha.moved("in") > SIZE // 2, WAIT), self.evidence())
        self.die(self.beta, "gateway")
        errors = reader.communicate(timeout=WAIT)[1]
        self.assertTrue(reader.returncode == 0 or b"brought back from a partner" in errors, errors)
        self.assertEqual(self.alpha.gateway.wait_state("beta", "active"), "active")

    def assert_released(self, cid):
        self.alpha.ipfs("pin", "rm", cid)
        self.beta.wait_gone(cid, "alpha")
        self.assertTrue(wait_for(lambda: self.v1(cid) not in self.beta.pins(), 60, 0.2), self.beta.pins())


class EmbeddedAndKubo(Mixture):
    storages = (EMBEDDED, KUBO)
    deaths = (("beta", "gateway"), ("alpha", "gateway"))
    dies_giving = True

    def test_a_tree_survives_both_gateways(self):
        self.go_through()


class KuboAndEmbedded(Mixture):
    storages = (KUBO, EMBEDDED)
    deaths = (("alpha", "node"), ("beta", "gateway"))
    add_options = ("--cid-version=1",)

    def settings(self, name, storage):
        return (("Import.UnixFSHAMTDirectorySizeThreshold", '"1KiB"'),) if storage == KUBO else ()

    def test_a_tree_of_shards_survives_its_node_and_the_holder(self):
        self.go_through()


class KuboTwice(Mixture):
    """The holder's is an older one, and dies while it takes the blocks in (in the tier of ci it may be too fast for that)."""

    storages = (KUBO, KUBO_0_39)
    deaths = (("alpha", "gateway"),)
    dies_importing = True
    add_options = ("--cid-version=1", "--inline")

    def test_a_tree_goes_between_nodes_that_do_not_know_each_other(self):
        self.go_through()


class ThreeOrganizations(OrganizationsCase):
    """alpha wants three copies: here, at beta and at gamma; these two have rules of their own that would have them spread what they
    pin, too."""

    def setUp(self):
        super().setUp()
        self.alpha = self.start_organization("alpha", EMBEDDED)
        self.beta = self.start_organization("beta", KUBO)
        self.gamma = self.start_organization("gamma", EMBEDDED)
        self.link_all()
        for organization in self.organizations:
            partners = [other.name for other in self.organizations if other is not organization]
            organization.agree(partners, copies=3)

    def allocations(self, organization):
        """(site, role, state) of all that stand."""
        rows = [json.loads(line) for line in organization.command("allocation", "list", "--json").splitlines()]
        return sorted((row["site"], row["role"], row["state"]) for row in rows)

    def test_three_copies_of_which_two_burn(self):
        tree = make_tree(self.work / "tree", 60, 4 * MIB, seed())
        cid = self.alpha.ipfs("add", "-r", "-Q", "--cid-version=1", str(tree))
        for partner in ("beta", "gamma"):
            self.alpha.wait_state(cid, partner, "placed")
        # one hop: what they hold for alpha they do not place at each other
        self.assertEqual(self.allocations(self.alpha), [("beta", "owner", "placed"), ("gamma", "owner", "placed")])
        for holder in (self.beta, self.gamma):
            self.assertEqual(self.allocations(holder), [("alpha", "holder", "pinned")])
        # what a member of beta pins is spread from there, though it is the same object
        same = self.beta.ipfs("add", "-r", "-Q", "--cid-version=1", str(tree))
        self.assertEqual(same, cid)
        self.beta.ipfs("ls", cid)  # theirs now, at once
        for partner in ("alpha", "gamma"):
            self.beta.wait_state(cid, partner, "placed")
        self.assertTrue(wait_for(lambda: len(self.allocations(self.gamma)) == 2, 30, 0.2), self.allocations(self.gamma))
        self.beta.ipfs("pin", "rm", cid)
        self.assertTrue(wait_for(lambda: self.allocations(self.gamma) == [("alpha", "holder", "pinned")], 60, 0.2),
                        self.allocations(self.gamma))
        self.assertEqual(self.alpha.state(cid, "beta"), "placed")
        self.assertTrue(wait_for(lambda: self.beta.try_ipfs("ls", cid).returncode != 0, 30, 0.2))
        # beta is gone, and so is alpha's storage: gamma has it
        self.beta.kill_gateway()
        self.alpha.lose_storage()
        back = self.work / "back"
        self.alpha.ipfs("get", "-o", str(back), cid, timeout=WAIT)
        self.assertEqual(difference(tree, back), [])
        # and the other way round
        self.beta.gateway.start()
        self.gamma.kill_gateway()
        self.alpha.lose_storage()
        self.assertEqual(self.alpha.gateway.wait_state("beta", "active"), "active")
        again = self.work / "again"
        self.alpha.ipfs("get", "-o", str(again), cid, timeout=WAIT)
        self.assertEqual(difference(tree, again), [])
        self.gamma.gateway.start()
        self.assert_no_network()


class Particulars(OrganizationsCase):
    """Objects of every make, from a Kubo to one that is older, or to a gateway's own node."""

    storages = (KUBO, KUBO_0_39)

    def setUp(self):
        super().setUp()
        self.alpha, self.beta = (self.start_organization(name, storage) for name, storage in zip(("alpha", "beta"), self.storages))
        self.link_all()
        self.alpha.agree(["beta"], copies=2)
        self.beta.agree(["alpha"])
        self.random = random.Random(seed())

    # ---- what is placed: each returns a CID that a member of alpha's has pinned

    def file_of(self, size):
        path = self.work / f"file-{size}-{self.random.randrange(1 << 32):08x}"
        path.write_bytes(self.random.randbytes(size))
        return str(path)

    def block(self, size, *options):
        return self.alpha.ipfs("block", "put", "--pin", *options, self.file_of(size))

    def dag(self, node):
        path = self.work / f"node-{self.random.randrange(1 << 32):08x}"
        path.write_text(json.dumps(node))
        return self.alpha.ipfs("dag", "put", "--pin", str(path))

    def a_file_of_v0(self):
        return self.alpha.ipfs("add", "-Q", self.file_of(MIB))

    def a_raw_block(self):
        return self.alpha.ipfs("add", "-Q", "--cid-version=1", self.file_of(1000))

    def a_block_beyond_1_mib(self):
        return self.block(MIB * 19 // 10)

    def a_block_beyond_2_mib(self):
        return self.block(3 * MIB, "--allow-big-block")

    def an_empty_directory(self):
        (self.work / "empty").mkdir()
        return self.alpha.ipfs("add", "-r", "-Q", str(self.work / "empty"))

    def a_tree_of_shards(self):
        folder = self.work / "many"
        folder.mkdir()
        for number in range(1900):
            (folder / f"{number:05}-{'long' * 30}").write_bytes(b"%d" % (number % 100))
        return self.alpha.ipfs("add", "-r", "-Q", "--cid-version=1", str(folder))

    def a_tree_with_inline_files(self):
        folder = make_tree(self.work / "inline", 100, MIB, seed())
        return self.alpha.ipfs("add", "-r", "-Q", "--cid-version=1", "--inline", str(folder))

    def dag_cbor_above_all_of_them(self):
        leaf = self.a_raw_block()
        both = self.alpha.ipfs("add", "-Q", self.file_of(100000))
        return self.dag({"inline": {"/": "bafkqabtimvwgy3yk"}, "raw": {"/": leaf}, "v0": [{"/": both}, {"/": both}],
                         "v1": {"/": self.alpha.ipfs("cid", "format", "-v", "1", "-b", "base32", both)},
                         "again": {"/": leaf}, "number": 7, "a": {"deep": [{"/": self.dag({"x": 1})}]}})

    def a_car_of_another_node(self):
        root = self.a_tree_with_inline_files()
        car = self.work / "of-another.car"
        car.write_bytes(self.alpha.node.kubo.ask(f"dag/export?arg={root}&progress=false"))
        self.alpha.ipfs("pin", "rm", root)
        self.beta.wait_gone(root, "alpha")
        self.alpha.ipfs("dag", "import", str(car))
        return root

    makes = ("a_file_of_v0", "a_raw_block", "a_block_beyond_1_mib", "an_empty_directory", "a_tree_of_shards",
             "a_tree_with_inline_files", "dag_cbor_above_all_of_them", "a_car_of_another_node", "a_block_beyond_2_mib")

    def export(self, organization, cid):
        path = self.work / "export.car"
        with open(path, "wb") as file:
            done = organization.member.popen(*organization._auth, "dag", "export", "--progress=false", cid, stdout=file).wait(60)
        self.assertEqual(done, 0, self.evidence())
        return path.read_bytes()

    def test_objects_of_every_make(self):
        made = {}
        for make in self.makes:
            with self.subTest(make):
                cid = getattr(self, make)()
                made[make] = cid, self.export(self.alpha, cid)
                self.alpha.wait_state(cid, "beta", "placed", seconds=60)
                self.beta.assert_holds(self.alpha.ipfs("cid", "format", "-v", "1", "-b", "base32", cid),
                                       set(self.alpha.ipfs("refs", "-r", "-u", cid).split()))
        self.beta.command("repo", "verify")
        self.alpha.lose_storage()
        for make, (cid, car) in made.items():
            with self.subTest(make + " read back"):
                self.assertEqual(self.export(self.alpha, cid), car)


class ParticularsEmbedded(Particulars):
    storages = (KUBO, EMBEDDED)

    def test_a_block_larger_than_the_partners_storage_takes(self):
        cid = self.block(5 * MIB, "--allow-big-block")
        copy = self.alpha.wait_state(cid, "beta", "stuck", seconds=60)
        self.assertRegex(copy["why"], "more than the 4194304 that one block may have")
        listed = json.loads(self.alpha.command("pin", "ls", "--stuck", "--json"))
        self.assertIn("4194304", json.dumps(listed))
        self.assertEqual(self.beta.state(cid, "alpha", "holder"), "gone")


class MissesMidway(OrganizationsCase):
    """A part of what is read is missing, and Kubo has begun its reply when it notices: that reply fails, what is missing is brought
    back, and the next one has it."""

    def setUp(self):
        super().setUp()
        alpha, beta = self.start_organization("alpha", KUBO), self.start_organization("beta", EMBEDDED)
        self.link_all()
        alpha.agree(["beta"], copies=2)
        beta.agree(["alpha"])
        self.alpha = alpha
        self.content = random.Random(seed()).randbytes(8 * MIB)
        (self.work / "file").write_bytes(self.content)
        self.cid = alpha.ipfs("add", "-Q", "--cid-version=1", str(self.work / "file"))
        alpha.wait_state(self.cid, "beta", "placed")
        self.name = alpha.pins()[self.cid]

    def lose(self, which):
        block = self.alpha.ipfs("refs", self.cid).split()[which]
        self.alpha.node.kubo.ask(f"pin/rm?arg={self.cid}")
        self.alpha.node.kubo.ask(f"block/rm?arg={block}")

    def assert_whole_again(self):
        self.assertTrue(wait_for(lambda: self.alpha.pins().get(self.cid) == self.name, 60, 0.2), self.evidence())
        self.assertEqual(self.alpha.node.kubo.ask(f"cat?arg={self.cid}&offline=true"), self.content)

    def read(self):
        reader = self.alpha.member.popen(*self.alpha._auth, "cat", self.cid, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errors = reader.communicate(timeout=60)
        return reader.returncode, out, errors

    def go_through(self, which):
        self.lose(which)
        status, out, errors = self.read()
        self.assertNotEqual(status, 0)
        self.assertLess(len(out), len(self.content))
        self.assertEqual(out, self.content[:len(out)])
        self.assertIn(b"Error", errors)
        self.assert_whole_again()
        self.assertEqual(self.read()[:2], (0, self.content))

    def test_the_first_block(self):
        self.go_through(0)

    def test_the_last_block(self):
        self.go_through(-1)


class PinsOfOthers(OrganizationsCase):
    """The operator of the holder's node has pins of their own."""

    def test_they_are_left_alone(self):
        alpha, beta = self.start_organization("alpha", EMBEDDED), self.start_organization("beta", KUBO)
        self.link_all()
        path = self.work / "file"
        path.write_bytes(random.Random(seed()).randbytes(2 * MIB))
        cli = beta.node.cli(self.folder)
        cid = cli.run("add", "-Q", "--cid-version=1", "--pin-name=mine", str(path)).stdout.strip()
        before = beta.node.pins()
        self.assertEqual(before[cid], "mine")
        alpha.agree(["beta"], copies=2)
        beta.agree(["alpha"])
        self.assertEqual(alpha.ipfs("add", "-Q", "--cid-version=1", str(path)), cid)
        alpha.wait_state(cid, "beta", "placed")
        self.assertEqual(beta.node.pins(), before)
        alpha.ipfs("pin", "rm", cid)
        beta.wait_gone(cid, "alpha")
        self.assertEqual(beta.node.pins(), before)
