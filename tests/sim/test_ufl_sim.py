# SPDX-License-Identifier: MIT
"""ufl_sim as its user sees it: one seed told, many seeds counted, a failure ready to paste."""

import csv
import os
import re
import shlex
import subprocess
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UFL_CURVE = os.environ.get("UFL_CURVE", "build/dev/tests/ufl_curve")
UFL_SIM = os.environ.get("UFL_SIM", "build/dev/ufl_sim")
DIGESTS = Path(__file__).with_name("digests.txt")
PART = "0..10999"
SECONDS = 120  # far more than any run here takes


def ufl_sim(*arguments):
    return subprocess.run([UFL_SIM, *arguments], stdin=subprocess.DEVNULL, check=False, text=True,
                          capture_output=True, timeout=SECONDS)


class UflSim(unittest.TestCase):
    def test_one_seed_is_one_history(self):
        once = ufl_sim("--seed", "11", "--trace")
        self.assertEqual((once.returncode, once.stderr), (0, ""))
        self.assertEqual(ufl_sim("--seed", "11", "--trace").stdout, once.stdout)
        self.assertNotEqual(ufl_sim("--seed", "12", "--trace").stdout, once.stdout)

    def test_a_trace_is_read_line_by_line(self):
        head, *lines, tail = ufl_sim("--seed", "0", "--trace").stdout.splitlines()
        self.assertRegex(head, r"^seed 0 · theorem · \d ufl, \d five-step · V .* B .* W .* D ")
        self.assertRegex(tail, r"^\d+ times somebody got the lock; no violation; ends at ")
        for line in lines:
            self.assertRegex(line, r"^ *\d+\.\d{3,9} s  [A-Z] \S")
        self.assertIn("HOLDS THE LOCK", "\n".join(lines))

    def test_without_trace_only_the_outcome(self):
        self.assertEqual(len(ufl_sim("--seed", "0").stdout.splitlines()), 2)

    def test_many_seeds_are_counted(self):
        done = ufl_sim("--seeds", "0..699")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\A700 histories, \d+ entries, 0 violations, ")

    def test_machines_do_what_they_did(self):
        """A part of digests.txt; the whole takes half an hour."""
        recorded = [line for line in DIGESTS.read_text().splitlines() if not line.startswith("#")]
        part = [line for line in recorded if f" {PART} " in line]
        self.assertEqual(ufl_sim("--digest", "--seeds", PART).stdout.splitlines(), part)
        for mutant, _, digest in re.findall(r"^(\w+) (\w+ 0\.\.999 (.*))$",
                                            "\n".join(recorded), re.M)[::4]:
            with self.subTest(mutant):
                done = ufl_sim("--digest", "--mutant", mutant, "--seeds", "0..999")
                self.assertEqual(done.stdout.split()[-1], digest)

    def test_a_failing_seed_is_ready_to_paste(self):
        many = ufl_sim("--seeds", "0..999", "--mutant", "delay_50")
        self.assertEqual(many.returncode, 1)
        command = next(line for line in many.stdout.splitlines() if line.startswith("ufl_sim "))
        program, *arguments = shlex.split(command)
        self.assertEqual(program, "ufl_sim")
        again = ufl_sim(*arguments)
        self.assertEqual(again.returncode, 1)
        violation = re.search(r"^VIOLATION at .*", again.stdout, re.M).group()
        self.assertIn(violation, many.stdout)
        story = again.stdout.partition("the interleaving:\n")[2]
        self.assertRegex(story, r"\A   1 +\d+\.\d+ s  [A-Z] ")

    def test_seeds_that_break_a_promise_are_listed(self):
        """A line each, in order, with what the history of that seed says itself."""
        broken = ("--mutant", "delay_50")
        many = ufl_sim("--seeds", "0..99", *broken, "--list")
        self.assertEqual((many.returncode, many.stderr), (1, ""))
        count = int(re.search(r"^100 histories, \d+ entries, (\d+) violations", many.stdout,
                              re.M).group(1))
        listed = re.findall(r"^(\d+) theorem (\d+\.\d+ s: .*)$", many.stdout, re.M)
        seeds = [int(seed) for seed, _ in listed]
        self.assertEqual(len(seeds), count)
        self.assertGreater(count, 1)
        self.assertEqual(seeds, sorted(set(seeds)))
        for seed, violation in (listed[0], listed[-1]):
            one = ufl_sim("--seed", seed, *broken).stdout
            self.assertEqual(re.search(r"^VIOLATION at (.*)", one, re.M).group(1), violation)

    def test_where_none_breaks_a_promise_none_is_listed(self):
        done = ufl_sim("--seeds", "0..99", "--list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\A100 histories, ")

    def test_names_are_told_and_documented(self):
        page = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
        for option in ("--mutant", "--family"):
            said = ufl_sim(option, "none").stderr
            names = said.partition("; there are: ")[2].split()
            self.assertGreater(len(names), 5, said)
            for name in names:
                self.assertRegex(page, rf"(?m)^\| {name} \|", f"{name} is not in README.md")

    def test_bad_arguments_are_usage_errors(self):
        for arguments, quoted in ((("--seeds", "5..1"), "5..1"), (("--seeds", "x"), "x"),
                                  (("--mutant", "none"), "none"), (("--family", "none"), "none"),
                                  (("--seed", "one"), "one"), (("--sed", "1"), "--sed")):
            done = ufl_sim(*arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ""), arguments)
            self.assertIn(quoted, done.stderr)


class Curve(unittest.TestCase):
    def test_is_printed_and_drawn(self):
        values = subprocess.run([UFL_CURVE, "--histories", "5"], check=True, timeout=SECONDS,
                                capture_output=True, text=True).stdout
        self.assertEqual(len(set(map(len, csv.reader(values.splitlines())))), 1)
        drawn = subprocess.run([sys.executable, "-B", ROOT / "tests/sim/plot_curve.py"], check=True,
                               input=values, capture_output=True, text=True).stdout
        self.assert_picture(drawn)

    def test_the_picture_beside_the_readme_is_one(self):
        self.assert_picture((ROOT / "protocol-curve.svg").read_text(encoding="utf-8"))

    def assert_picture(self, text):
        picture = xml.etree.ElementTree.fromstring(text)
        kinds = {"five-step programs", "ufl where create may overwrite",
                 "ufl where create is exclusive"}
        words = {element.text for element in picture.iter() if element.tag.endswith("}text")}
        self.assertLess(kinds, words)
        lines = [element for element in picture.iter() if element.tag.endswith("}polyline")]
        self.assertEqual(len(lines), len(kinds))


if __name__ == "__main__":
    unittest.main()
