# SPDX-License-Identifier: MIT
"""Holds ARCHITECTURE.md and tests/sim/README.md against the code that they describe.

A page about the code is read by somebody who does not know it, and who looks for what it names. So
every file, folder and function that these pages name must be there; and the rooms and the states of
a claim must be those of check_includes.py and of src/protocol/claim.cpp.

Run as python3 -B tests/lint/check_architecture.py
"""

import re
import unittest
from pathlib import Path
from typing import NamedTuple

from check_includes import BESIDE_THE_COMMAND, MAY_INCLUDE, ROOMS

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
SIMULATOR = ROOT / "tests/sim/README.md"
CLAIM = ROOT / "src/protocol/claim.cpp"
CLAIM_HEADER = ROOT / "src/protocol/claim.hpp"

ENDINGS = "cpp|hpp|py|md|txt|svg|json|cmake"
QUOTED = re.compile(r"`([^`\s]+)`|\]\(([^)#\s]+)[^)]*\)")
BARE = re.compile(rf"(?<![\w/.<-])[\w-]+(?:/[\w-]+)*\.(?:{ENDINGS})\b")
CALL = re.compile(r"`([\w./-]+)` `(\w+)\(\)`")
PARTS = {"L": "looking", "W": "waiting", "P": "publishing", "R": "replacing", "V": "verifying",
         "X": "withdrawing"}


class Problem(NamedTuple):
    """One name of something that is not there."""

    line: int
    what: str

    def __str__(self):
        return f"line {self.line}: {self.what}"


def is_path(name):
    """Is this word between backticks, or target of a link, the path of a file of ours?"""
    is_elsewhere = name.startswith(("/", "-", "http", "build/", "bench."))
    looks_like_one = re.fullmatch(r"\.?[\w.*-]+(/[\w.*-]+)*/?", name) is not None
    return looks_like_one and not is_elsewhere and (
        "/" in name or re.search(rf"\.({ENDINGS}|\d)$", name) is not None)


def found(name, folders):
    """The files or folders that `name` stands for."""
    return [path for folder in folders for path in folder.glob(name.rstrip("/"))]


def problems_of(text, folders):
    """What `text` names, and what is in none of the `folders`."""
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        names = [one or other for one, other in QUOTED.findall(line) if is_path(one or other)]
        for name in dict.fromkeys(names + BARE.findall(line)):
            if not found(name, folders):
                problems.append(Problem(number, f"{name}: no such file"))
        for name, function in CALL.findall(line):
            there = [path for path in found(name, folders) if path.is_file()]
            if not any(re.search(rf"\b{function}\(", path.read_text(encoding="utf-8"))
                       for path in there):
                problems.append(Problem(number, f"{name}: no {function}() there"))
    return problems


def rows_of(text, first):
    """The rows of the table whose first column is headed `first`, each as a list of cells."""
    table = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M).group(1)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def rooms_in(cell):
    """The rooms that a cell names, also by one of their headers."""
    return {name.split("/")[0] for name in re.findall(r"`([^`]+)`", cell)}


def verdicts_of(code):
    """Verdict -> the parts that give it, as the comments of Claim::next() have it."""
    cases = re.findall(r"case Verdict::(\w+): +// ((?:[LWPRVX] ?)+)", code)
    return {verdict: {PARTS[letter] for letter in letters.split()} for verdict, letters in cases}


def drawing_of(text):
    """The drawing of a claim: the lines that are indented, from its start on."""
    return re.search(r"^    start .*\n(?:    .*\n)+", text, re.M).group()


class ThePages(unittest.TestCase):
    """Name what is there."""

    def check(self, page, *folders):
        problems = problems_of(page.read_text(encoding="utf-8"), folders)
        self.assertEqual(problems, [], "\n" + "\n".join(map(str, problems)))

    def test_architecture(self):
        self.check(ARCHITECTURE, ROOT, ROOT / "src")

    def test_simulator(self):
        self.check(SIMULATOR, ROOT, ROOT / "src", SIMULATOR.parent)

    def test_architecture_is_short(self):
        self.assertLessEqual(len(ARCHITECTURE.read_text(encoding="utf-8").splitlines()), 130)


class TheRooms(unittest.TestCase):
    """Are those of check_includes.py."""

    def test_all_are_there_with_their_arrows(self):
        rows = {cells[0].strip("`/"): cells for cells in rows_of(
            ARCHITECTURE.read_text(encoding="utf-8"), "room")}
        self.assertEqual(set(rows), {"main.cpp", *ROOMS})
        for room in ROOMS:
            allowed = {name.split("/")[0] for name in MAY_INCLUDE[room]}
            self.assertEqual(rooms_in(rows[room][2]), allowed, room)
        self.assertIn("five headers of `sys/`", rows["process"][2])
        self.assertEqual(len(BESIDE_THE_COMMAND), 5)


class TheClaim(unittest.TestCase):
    """Is drawn, and told, as claim.cpp has it."""

    def setUp(self):
        self.text = ARCHITECTURE.read_text(encoding="utf-8")
        self.code = CLAIM.read_text(encoding="utf-8")
        self.verdicts = verdicts_of(self.code)

    def test_every_case_was_read(self):
        self.assertEqual(len(self.verdicts), self.code.count("case Verdict::"))

    def test_verdicts_and_who_gives_them(self):
        told = {cells[0].strip("`"): set(cells[1].split(", "))
                for cells in rows_of(self.text, "verdict")}
        self.assertEqual(told, self.verdicts)

    def test_drawing(self):
        drawn = set(re.findall(r"[A-Za-z_]+", drawing_of(self.text)))
        known = set(re.findall(r"[A-Za-z]\w*", re.sub(r"//.*", "", self.code)))
        known |= {name.rstrip("_") for name in known}
        self.assertEqual(drawn - known, set())
        self.assertEqual((set(self.verdicts) | set(PARTS.values())) - drawn, set())

    def test_parts(self):
        header = CLAIM_HEADER.read_text("utf-8")
        members = re.findall(r"^  (\w+) (\w+)_(?:\{contest_\})?;", header, re.M)
        parts = {name for kind, name in members if kind.lower() == name} - {"contest"}
        self.assertEqual(parts, set(PARTS.values()))


class TheChecker(unittest.TestCase):
    """Finds what is not there, and lets the rest through."""

    def problems(self, text):
        return [str(problem) for problem in problems_of(text, (ROOT, ROOT / "src"))]

    def test_what_is_not_there_is_found(self):
        for text in ("`verbs/nothing.cpp`", "see nothing.hpp", "`tests/none/`", "`src/no*.cpp`",
                     "[x](tests/none.txt)", "`man/ufl.9`", "`protocol/claim.cpp` `no_such()`",
                     "    tests/sim/none.txt", "`verbs/none.cpp` `run()`"):
            with self.subTest(text):
                self.assertTrue(self.problems("x\n" + text))
                self.assertTrue(self.problems("x\n" + text)[0].startswith("line 2: "))

    def test_what_is_there_is_let_through(self):
        for text in ("`protocol/claim.cpp` `next()`", "src/main.cpp", "`tests/sim/`", "`.ci/run`",
                     "`tests/sim/mutants*.cpp`", "`ufl L true`", "`build/test/ufl_sim`", "and/or",
                     "`man/ufl.1`", "`/proc/self/mountinfo`", "`main()`", "[x](README.md#use)"):
            with self.subTest(text):
                self.assertEqual(self.problems(text), [])


if __name__ == "__main__":
    unittest.main()
