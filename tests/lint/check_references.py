# SPDX-License-Identifier: MIT
"""Finds references to documents that a reader of this repository does not have.

A comment that says "as the design document wants it" explains nothing to somebody who has only the
repository. Such a reference is replaced by the reason itself, or by a paper that can be found.

Run as python3 -B tests/lint/check_references.py
"""

import re
import unittest
from pathlib import Path

from problem import Problem

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("src", "tests", "man", "completions", "cmake", ".ci")
ENDINGS = {".cpp", ".hpp", ".py", ".sh", ".txt", ".cmake", ".md", ".json", ".1", ".7", ".bash",
           ".fish", ""}

# Written by `bench`, not kept in the repository.
GENERATED = {"bench.md"}

GAP = r"[\s/#*]+"  # also from one line of a comment to the next
DESIGN = re.compile(
    rf"\bdesign(\s*[:§]|{GAP}(section|chapter|document|doc|notes?|page)\b)"
    rf"|\b(see|per|as{GAP}in|says){GAP}(the|our){GAP}design\b", re.I)
MARKDOWN = re.compile(r"[\w-]+\.md\b")


def problems_of(file, text, documents):
    """The references in `text` that lead nowhere; `documents`: the Markdown files that exist."""
    found = [(match, "a design document that no reader has; say the reason, or cite a paper")
             for match in DESIGN.finditer(text)]
    found += [(match, "no such document; say the reason instead")
              for match in MARKDOWN.finditer(text) if match.group() not in documents | GENERATED]
    return sorted(Problem(file, text.count("\n", 0, match.start()) + 1,
                          f"{re.sub(GAP, ' ', match.group())}: {what}") for match, what in found)


def texts():
    """Every file that people read or edit."""
    paths = [path for place in PLACES for path in (ROOT / place).rglob("*")]
    paths += ROOT.glob("*")
    return sorted(path for path in paths
                  if path.is_file() and path.suffix in ENDINGS and "__pycache__" not in path.parts
                  and not path.name.startswith(".git"))


def documents():
    """The names of the Markdown files of the repository."""
    return {path.name for path in texts() if path.suffix == ".md"}


class TheRepository(unittest.TestCase):
    """Refers to what it holds."""

    def test_refers_to_no_document_that_is_not_there(self):
        problems = []
        for path in texts():
            if path != Path(__file__).resolve():  # which has wrong ones to try
                file = str(path.relative_to(ROOT))
                problems += problems_of(file, path.read_text(encoding="utf-8"), documents())
        self.assertEqual(problems, [], "\n" + "\n".join(map(str, problems)))

    def test_was_read(self):
        names = {str(path.relative_to(ROOT)) for path in texts()}
        for name in ("README.md", "CMakeLists.txt", "src/main.cpp", "src/protocol/claim.hpp",
                     "tests/lint/check_includes.py", "man/ufl.1", "completions/_ufl", ".ci/run"):
            self.assertIn(name, names)
        self.assertIn("README.md", documents())


class TheChecker(unittest.TestCase):
    """Finds each kind of reference, at the right line, and lets the rest through."""

    def problems(self, text):
        return [str(problem) for problem in problems_of("a.cpp", text, {"README.md"})]

    def test_a_design_document_is_found(self):
        for text in ("design section 8", "the design document", "(design: Fischer)", "design §3",
                     "see the design", "as in our design", "Design chapter 2",
                     "// as the design\n// section 8 says", "# design\n#\n#   section 8"):
            with self.subTest(text):
                self.assertEqual(len(self.problems(f"x\n{text}\n")), 1)
        self.assertTrue(self.problems("\n\n// (design: x)")[0].startswith("a.cpp:3: design:"))

    def test_a_markdown_file_that_is_not_there_is_found(self):
        problems = self.problems("README.md and bench.md\nsee ../plans/plan.md, 2\n")
        self.assertEqual(problems, ["a.cpp:2: plan.md: no such document; say the reason instead"])

    def test_other_words_are_let_through(self):
        for text in ("a design that holds", "designed: no", "RFC 9562, section 4", "by design",
                     "redesign: x", "x.mdoc", "cmd.md5"):
            with self.subTest(text):
                self.assertEqual(self.problems(text), [])


if __name__ == "__main__":
    unittest.main()
