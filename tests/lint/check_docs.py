# SPDX-License-Identifier: MIT
"""Holds man/ufl.1 against `ufl --help` and against what the program does.

Run as UFL_BINARY=build/dev/ufl python3 -B tests/lint/check_docs.py
"""

import json
import re
import shutil
import subprocess
import tempfile
import unittest

from ufl_help import (ENVIRONMENT, HELP, NAMES, OPTIONS, PATIENCE, ROOT, UFL, VERBS, Option, read,
                      run)

MAN = ROOT / "man/ufl.1"
OUTPUTS = {"UFL_LOCKFILE", "UFL_TOKEN", "UFL_TOKENS"}
VALUES = {"-l": "60", "--lease": "60", "--on-lost": "warn"}  # the other options take 1


def section(page, name):
    """The lines of one section of an mdoc page."""
    found = re.search(rf"^\.Sh {re.escape(name)}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return found.group(1) if found else ""


def options_of_man(page):
    options = []
    for item in re.findall(r"^\.It (Fl .*)$", section(page, "OPTIONS"), re.M):
        flags, value = (re.split(" (?:Ar|Cm) ", item, maxsplit=1) + [""])[:2]
        names = tuple("-" + name for name in re.findall(r"Fl (\S+)", flags))
        options.append(Option(names, re.sub(r" Ns| Cm| ", "", value)))
    return options


class Help(unittest.TestCase):
    """The yardstick itself was read in full."""

    def test_every_line_that_shows_an_option_was_read(self):
        lines = [line for line in HELP.splitlines() if re.match(r" {2,6}-", line)]
        self.assertEqual(len(OPTIONS), len(lines))
        self.assertIn(Option(("-h", "--help"), ""), OPTIONS)
        self.assertIn(Option(("-p", "--prefix"), "STR"), OPTIONS)

    def test_the_verbs_were_read(self):
        self.assertIn("--acquire", VERBS)
        self.assertLessEqual(set(VERBS), set(NAMES))

    def is_known(self, *words):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run([UFL, *words, "lock"], cwd=directory, env=ENVIRONMENT,
                                  capture_output=True, timeout=PATIENCE, check=False)
            return done.returncode != 64

    def test_ufl_knows_each_option(self):
        # No option means something to every verb. -c brings the command with it.
        company = [["-c", "true"], *([verb] for verb in VERBS)]
        company += [[verb, "--token", "1"] for verb in VERBS]
        for name, takes_value in NAMES.items():
            with self.subTest(name):
                option = [name, VALUES.get(name, "1")] if takes_value else [name]
                self.assertTrue(any(self.is_known(*words, *option) for words in company))


class ManPage(unittest.TestCase):
    """man/ufl.1 says what --help and the program say."""

    def setUp(self):
        self.page = read(MAN)
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def test_options_names_values_and_order(self):
        self.assertEqual(options_of_man(self.page), OPTIONS)

    def test_no_other_option_is_mentioned(self):
        # .Fl is for ufl's own options; "Fl -" is the separator. Flags may share a word: Fl nv.
        for line in self.page.splitlines():
            if not line.startswith("."):
                continue
            for flag in re.findall(r"\bFl (\S+)", line):
                name = "-" + flag.partition("=")[0]
                is_cluster = not flag.startswith("-") and "-" + flag[0] in NAMES
                self.assertTrue(name in NAMES or name == "--" or is_cluster, line)

    def test_variables(self):
        inputs = set(re.search(r"^Environment:((?:\s+UFL_\w+)+)$", HELP, re.M).group(1).split())
        documented = re.findall(r"^\.It Ev (UFL_\w+)$", section(self.page, "ENVIRONMENT"), re.M)
        self.assertEqual(sorted(documented), sorted(inputs | OUTPUTS))

    def test_variables_that_ufl_sets(self):
        text = run(UFL, "lock", "env", cwd=self.directory.name)
        self.assertEqual(set(re.findall(r"^(UFL_\w+)=", text, re.M)), OUTPUTS)

    def test_exit_statuses(self):
        # 128+n is no status of ufl's.
        statuses = set(re.findall(r"\b\d{2,3}\b(?!\+)", HELP[HELP.index("Exit status:"):]))
        items = re.findall(r"^\.It (.*)$", section(self.page, "EXIT STATUS"), re.M)
        documented = set(re.findall(r"\d+", " ".join(items)))
        self.assertEqual(documented, statuses)

    def keys(self, name):
        """The keys that a section lists."""
        return re.findall(r"^\.It Li (\w+)$", section(self.page, name), re.M)

    def test_keys_of_the_lock_file(self):
        run(UFL, "--acquire", "detached", cwd=self.directory.name)
        text = run(UFL, "--lease", "60", "lock", "cat", "lock", "detached",
                   cwd=self.directory.name)
        written = [set(json.loads(line)) for line in text.splitlines() if line.startswith("{")]
        self.assertEqual(len(written), 2)
        # Where machine-id(5) names none there is none to be written: some containers and images.
        self.assertEqual(set().union(*written) | {"machine"}, set(self.keys("FILES")))

    def test_keys_of_the_status(self):
        status = json.loads(run(UFL, "--status", "--json", "lock", cwd=self.directory.name))
        self.assertEqual(self.keys("STATUS"), list(status))

    def test_keys_of_the_report(self):
        report = self.directory.name + "/report"
        run(UFL, "--report", report, "lock", "true", cwd=self.directory.name)
        self.assertEqual(self.keys("REPORT FILE"), list(json.loads(run("cat", report))))

    def test_version(self):
        project = re.search(r"project\(\s*ufl\s+VERSION (\S+)", read(ROOT / "CMakeLists.txt"))
        version = run(UFL, "--version")
        self.assertEqual(version, f"ufl {project.group(1)}\n")
        for shown in re.findall(r"\bufl (\d+\.\d+\.\d+)", self.page):
            self.assertEqual(f"ufl {shown}\n", version, "man/ufl.1 names another version")

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing(self):
        pages = sorted((ROOT / "man").iterdir())
        self.assertEqual([page.name for page in pages], ["ufl-protocol.7", "ufl.1"])
        done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *pages], capture_output=True,
                              text=True, check=False, timeout=PATIENCE)
        self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))


if __name__ == "__main__":
    unittest.main()
