# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of real gateways change while they are linked, and copies of old ones come back."""

import json
import shutil
import time
import unittest

from kit.link_gateway import Refused, link_two
from kit.process import wait_for
from link_case import LinkCase


class Rotations(LinkCase):
    def setUp(self):
        super().setUp()
        self.alpha, self.beta = self.start_gateway("alpha.example"), self.start_gateway("beta.example")
        link_two(self.alpha, self.beta)
        self.keys = self.alpha.folder / "data" / "keys"

    def rotate(self, *words) -> dict:
        return json.loads(self.alpha.link("rotate", *words, "--json"))

    def assert_beta_knows(self, number):
        """The newest document reached the partner, and both say so."""
        self.assertTrue(wait_for(lambda: self.beta.show("alpha")["roots"]["theirs"] == number, 90, 0.1), self.beta.show("alpha"))
        self.assertTrue(wait_for(lambda: self.alpha.show("beta")["roots"]["known_there"] == number, 90, 0.1), self.alpha.show("beta"))

    def assert_active(self, seconds=45):
        self.assertEqual(self.alpha.wait_state("beta", "active", seconds=seconds), "active", self.alpha.log_text()[-3000:])
        self.assertEqual(self.beta.wait_state("alpha", "active", seconds=seconds), "active", self.beta.log_text()[-3000:])

    def assert_fresh(self):
        """Both sides were heard and answered since now."""
        began = time.monotonic()

        def is_fresh():
            age = (time.monotonic() - began) * 1000
            shown = [self.alpha.show("beta")["evidence"], self.beta.show("alpha")["evidence"]]
            return all(evidence[name] is not None and evidence[name] < age for evidence in shown for name in ("heard_ms", "acked_ms"))

        self.assertTrue(wait_for(is_fresh, 40, 0.2), (self.alpha.show("beta"), self.beta.show("alpha"), self.beta.log_text()[-2000:]))
        self.assert_active()

    def test_everything_is_rotated_and_the_link_stays(self):
        for what, said in (("leaf", "A new leaf is in force"), ("issuer", "A new issuing CA is in force"),
                           ("signing-key", "A new signing key is in force"), ("root", "A next root was made")):
            answer = self.rotate(what)
            self.assertIn(said, answer["said"])
            self.assert_beta_knows(answer["roots"])
        with self.assertRaisesRegex(Refused, "--force"):
            self.alpha.link("rotate", "root")
        for said in ("is in force", "is out of the roots document"):
            answer = self.rotate("root", "--force")
            self.assertIn(said, answer["said"])
            self.assert_beta_knows(answer["roots"])
        self.assert_fresh()

    def test_partner_that_was_off_follows_when_it_is_back(self):
        self.beta.stop()
        for words in (("signing-key",), ("root",), ("root", "--force"), ("root", "--force"), ("issuer",)):
            answer = self.rotate(*words)
        self.beta.start()
        self.assert_beta_knows(answer["roots"])
        self.assert_fresh()

    def test_gateway_from_before_a_signing_key_learns_of_it_from_its_partner(self):
        copy = self.folder / "keys-before"
        shutil.copytree(self.keys, copy)
        time.sleep(1.1)  # keys are in force from a whole second on
        self.assert_beta_knows(self.rotate("signing-key")["roots"])
        self.alpha.stop()
        shutil.rmtree(self.keys)
        shutil.copytree(copy, self.keys)
        for folder in (self.keys, self.keys / "roots"):
            folder.chmod(0o700)
        time.sleep(1.1)
        self.alpha.start()
        self.assertTrue(wait_for(lambda: "restored from an older copy" in self.alpha.log_text(), 60), self.alpha.log_text()[-3000:])
        self.assertTrue(wait_for(lambda: self.beta.show("alpha")["roots"]["theirs"] ==
                                 self.alpha.show("beta")["roots"]["ours"], 60, 0.2),
                        (self.alpha.show("beta"), self.beta.show("alpha"), self.beta.log_text()[-2000:]))
        self.assert_fresh()


if __name__ == "__main__":
    unittest.main()
