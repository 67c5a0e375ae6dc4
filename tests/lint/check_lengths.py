# SPDX-License-Identifier: MIT
"""Holds that a file of the tests has at most 400 lines, or says why in its first comment.

A test is read when it fails, by somebody who does not know it. A long file is split by subject,
except where that makes it worse: one table, one long scenario. Then its first comment has a line
"More than 400 lines: " and the reason. The files of src/ have no such way out (check_includes.py).

Run as python3 -B tests/lint/check_lengths.py
"""

import re
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MOST_LINES = 400
SUFFIXES = (".cpp", ".hpp", ".py")
REASON = re.compile(rf"^(?:// )?More than {MOST_LINES} lines: \S", re.M)


def first_comment(text):
    """The comment, or docstring, that a file begins with; behind "#!" and the licence."""
    lines = text.splitlines()
    while lines and (lines[0].startswith("#!") or "SPDX-License-Identifier" in lines[0]):
        del lines[0]
    found = re.match(r'"""(.*?)"""|(?://[^\n]*(?:\n|\Z))+', "\n".join(lines), re.S)
    return found.group() if found else ""


def is_too_long(text):
    """More lines than MOST_LINES, and no reason why."""
    return len(text.splitlines()) > MOST_LINES and not REASON.search(first_comment(text))


class TheTests(unittest.TestCase):
    """tests/ keeps the rule."""

    def test_are_short_or_say_why_not(self):
        files = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8")
                 for path in TESTS.rglob("*") if path.suffix in SUFFIXES}
        for known in ("bench/bench.py", "contract/file_system_contract_test.cpp", "e2e/support.py",
                      "lint/check_lengths.py", "sim/run.hpp", "unit/claim_test.cpp"):
            self.assertIn(known, files)
        too_long = {file for file, text in files.items() if is_too_long(text)}
        self.assertEqual(too_long, set(), "split them, or say why not (see above)")


class TheChecker(unittest.TestCase):
    """It counts lines, and hears reasons in the first comment alone."""

    CPP = "// SPDX-License-Identifier: MIT\n"
    PYTHON = "#!/usr/bin/env python3\n# SPDX-License-Identifier: MIT\n"

    def test_length(self):
        for start in (self.CPP, self.PYTHON):
            rest = MOST_LINES - start.count("\n")
            self.assertFalse(is_too_long(start + "x\n" * rest))
            self.assertTrue(is_too_long(start + "x\n" * (rest + 1)))

    def test_reasons(self):
        reason = f"More than {MOST_LINES} lines: it is one table."
        rest = "x\n" * MOST_LINES
        for start in (f"{self.CPP}//\n// A table.\n//\n// {reason}\n", f"{self.CPP}// {reason}\n",
                      f'{self.PYTHON}"""A table.\n\n{reason}\n"""\n'):
            self.assertFalse(is_too_long(start + rest), start)
        for start in (f"{self.CPP}//\n// A table.\n\n// {reason}\n", f"{self.CPP}\n// {reason}\n",
                      f'{self.PYTHON}"""A table."""\n\n# {reason}\n',
                      f"{self.CPP}// More than {MOST_LINES} lines:\n"):
            self.assertTrue(is_too_long(start + rest), start)


if __name__ == "__main__":
    unittest.main()
