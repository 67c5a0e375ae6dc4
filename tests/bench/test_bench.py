# SPDX-License-Identifier: MIT
"""The benchmarks work: their arithmetic, and a quick run of everything. Nothing is timed here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import figures
import goals
import picture
import report

HERE = os.path.dirname(os.path.abspath(__file__))
UFL = os.environ.get("UFL_BINARY", "build/dev/ufl")
STAMP = os.environ.get("UFL_BENCH_STAMP", "build/dev/tests/bench/ufl_bench_stamp")


class Figures(unittest.TestCase):
    """The arithmetic."""

    def test_median(self):
        self.assertEqual(figures.median([3, 1, 2]), 2)
        self.assertEqual(figures.median([4, 1, 2, 3]), 2.5)
        self.assertIsNone(figures.median([]))

    def test_99th_percentile_is_one_of_the_values(self):
        self.assertEqual(figures.p99(list(range(1, 101))), 99)
        self.assertEqual(figures.p99(list(range(1, 201))), 198)
        self.assertEqual(figures.p99([7, 5]), 7)
        self.assertIsNone(figures.p99([]))

    def test_ratio_of_what_is_missing_is_missing(self):
        self.assertEqual(figures.ratio(3, 2), 1.5)
        self.assertIsNone(figures.ratio(None, 2))
        self.assertIsNone(figures.ratio(3, None))
        self.assertIsNone(figures.ratio(3, 0))

    def test_stamps_without_the_line_that_is_cut_off(self):
        self.assertEqual(figures.parse_stamps("12 100 200\n13 300 400\n14 5", 7),
                         [(100, 200, 7), (300, 400, 7)])

    def test_turns_one_after_the_other_do_not_overlap(self):
        self.assertEqual(figures.overlaps([(300, 400, 1), (100, 200, 0), (200, 300, 2)]), 0)

    def test_two_holders_at_once_are_found(self):
        self.assertEqual(figures.overlaps([(100, 200, 0), (199, 300, 1)]), 1)

    def test_a_long_turn_overlaps_all_within_it(self):
        self.assertEqual(figures.overlaps([(0, 1000, 0), (10, 20, 1), (30, 40, 2)]), 2)

    def test_gaps_and_who_got_the_lock(self):
        turns = [(100, 200, 0), (210, 300, 1), (330, 400, 1)]
        self.assertEqual(figures.gaps(turns), [10, 30])
        self.assertEqual(figures.changes(turns), 0.5)
        self.assertIsNone(figures.changes(turns[:1]))


class Trouble(unittest.TestCase):
    """What went wrong is said."""

    def parts(self, overlaps):
        check = {"cell": "1 waiters", "overlaps": overlaps, "failures": 0}
        found = {"gaps": figures.summary([0.001]), "changes": 1.0, "checks": [check]}
        rows = {tool: {"pairs": found, "loops 1": found} for tool in ("ufl", "flock")}
        return {"hand-off": {"kinds": ["pairs", "loops 1"], "rows": rows}}

    def test_all_is_well(self):
        self.assertEqual(goals.troubles(self.parts(0)), [])

    def test_an_overlap_is_reported(self):
        parts = self.parts(1)
        self.assertIn(("hand-off", "ufl", "2 × two holders at once"), goals.troubles(parts))
        results = {"machine": {}, "quick": False, "missing": [], "tools": [], "parts": parts,
                   "checked": goals.count_checks(parts), "troubles": goals.troubles(parts),
                   "goals": goals.goals(parts)}
        self.assertIn("FAILED: ufl, hand-off: 2 × two holders at once", report.markdown(results))
        self.assertIn("**FAILED: 1 × two holders at once** 1.00 ms", report.markdown(results))

    def test_missed_and_met(self):
        met = {goal["goal"]: goal["met"] for goal in goals.goals(self.parts(0))}
        self.assertEqual(list(met.values()), [True, True])


class Run(unittest.TestCase):
    """The whole program, on tiny numbers."""

    @classmethod
    def setUpClass(cls):
        cls.out = tempfile.mkdtemp(prefix="ufl-bench-")
        cls.addClassCleanup(shutil.rmtree, cls.out)
        cls.done = cls.bench("--quick", "--dir", os.path.join(cls.out, "locks"))
        with open(os.path.join(cls.out, "bench.json"), encoding="utf-8") as file:
            cls.results = json.load(file)

    @classmethod
    def bench(cls, *options, ufl=UFL):
        """Run bench.py; UFL_DELAY would be seen in every number if it were not taken away."""
        return subprocess.run(
            [sys.executable, "-B", os.path.join(HERE, "bench.py"), ufl, STAMP, "--out", cls.out,
             *options], env={**os.environ, "UFL_DELAY": "nonsense"}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)

    def test_it_succeeds_and_finds_nothing_wrong(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout)
        self.assertEqual([found for found in self.results["troubles"] if found[1] == "ufl"], [])

    def test_exclusion_was_checked(self):
        self.assertGreater(self.results["checked"], 0)

    def test_every_part_has_both_tools(self):
        parts = self.results["parts"]
        self.assertEqual(list(parts), ["uncontended", "hand-off", "throughput", "delay", "idle"])
        for tool in ("ufl", "flock"):
            with self.subTest(tool=tool):
                free = parts["uncontended"]["rows"][tool]
                self.assertGreater(free["count"], 1)
                self.assertGreater(free["p99"], 0)
                for cell in parts["hand-off"]["rows"][tool].values():
                    self.assertGreater(cell["gaps"]["count"], 0)
                    self.assertGreater(cell["gaps"]["median"], 0)
                crowd = parts["throughput"]["rows"][tool]["crowd"]
                self.assertGreater(crowd["turns"], 0)
                self.assertGreater(crowd["per_turn"], 0)
                idle = parts["idle"]["rows"][tool]
                self.assertGreaterEqual(idle["waiters"]["used"], 0)
                self.assertGreaterEqual(idle["waiters"]["waiters"], 1)
                self.assertGreaterEqual(idle["holder"]["used"], 0)
        for name in ("flock", "ufl -d 0", "ufl -d 0.1"):
            self.assertGreater(parts["delay"]["rows"][name]["median"], 0)

    def test_tables(self):
        with open(os.path.join(self.out, "bench.md"), encoding="utf-8") as file:
            text = file.read()
        for words in ("## Goals", "## Free lock", "## Hand-off", "## Throughput", "| ufl |",
                      "| flock |", self.results["machine"]["kernel"]):
            self.assertIn(words, text)

    def test_picture(self):
        self.assertIn("$dots", picture.script(self.results))
        self.assertEqual(os.path.exists(os.path.join(self.out, "bench.svg")),
                         shutil.which("gnuplot") is not None, self.done.stdout)

    def test_nothing_is_left_behind(self):
        self.assertEqual(os.listdir(os.path.join(self.out, "locks")), [])


class NoLock(unittest.TestCase):
    """A tool that excludes nobody, in place of ufl: the benchmark must notice."""

    def test_it_fails(self):
        with tempfile.TemporaryDirectory(prefix="ufl-bench-") as out:
            fake = os.path.join(out, "fake")
            with open(fake, "w", encoding="ascii") as file:
                file.write('#!/bin/sh\n[ "$1" = --version ] && exit\nshift; exec "$@"\n')
            os.chmod(fake, 0o755)
            done = subprocess.run(
                [sys.executable, "-B", os.path.join(HERE, "bench.py"), fake, STAMP, "--out", out,
                 "--quick", "--only", "hand-off", "--tool", "flock",
                 "--dir", os.path.join(out, "locks")],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("bench: FAILED: ufl, hand-off:", done.stdout)
            self.assertIn("two holders at once", done.stdout)


if __name__ == "__main__":
    unittest.main()
