# SPDX-License-Identifier: MIT
"""Holds `ufl --help`, man/ufl.1 and the three completions against one another.

ufl --help is printed from the table that the parser goes by, so it is what the others are measured
with. Run as UFL_BINARY=build/dev/ufl python3 -B tests/lint/check_docs.py
"""

import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from support import can_open_terminals  # noqa: E402
UFL = os.path.abspath(os.environ.get("UFL_BINARY", ROOT / "build/dev/ufl"))
MAN = ROOT / "man/ufl.1"
BASH = ROOT / "completions/ufl.bash"
ZSH = ROOT / "completions/_ufl"
FISH = ROOT / "completions/ufl.fish"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
OUTPUTS = {"UFL_LOCKFILE", "UFL_TOKEN"}
PATIENCE = 60  # seconds, for a shell that hangs
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("UFL_")}
ENVIRONMENT |= {"LC_ALL": "C.UTF-8", "TERM": "dumb"}


class Option(NamedTuple):
    """One option: its names in order, and what its value is called (empty: a flag)."""

    names: tuple
    value: str


def run(*words, **options):
    """Run a program to its end; its stdout as text. It must succeed."""
    environment = options.pop("env", ENVIRONMENT)
    return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, check=True, text=True,
                          stdout=subprocess.PIPE, timeout=PATIENCE, **options).stdout


def read(path):
    return path.read_text(encoding="utf-8")


def by_name(options):
    """{name: does it take a value?}"""
    return {name: bool(option.value) for option in options for name in option.names}


def options_of_help(text):
    options = []
    for line in text.splitlines():
        if not re.match(r" +-", line):
            continue
        names = re.split(r" {2,}", line.strip())[0]
        *names, value = names.replace(",", "").split() + [""]
        if not names[-1].startswith("-"):
            value = names.pop()
        options.append(Option(tuple(names), value))
    return options


def section(page, name):
    """The lines of one section of an mdoc page."""
    found = re.search(rf"^\.Sh {re.escape(name)}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return found.group(1) if found else ""


def options_of_man(page):
    options = []
    for item in re.findall(r"^\.It (Fl .*)$", section(page, "OPTIONS"), re.M):
        flags, _, value = item.partition(" Ar ")
        names = tuple("-" + name for name in re.findall(r"Fl (\S+)", flags))
        options.append(Option(names, re.sub(r" Ns| Cm| ", "", value)))
    return options


def options_of_bash(script):
    options = {}
    for variable, takes_value in (("flags", False), ("valued", True)):
        words = re.search(rf"local {variable}='([^']*)'", script).group(1).split()
        options |= dict.fromkeys(words, takes_value)
    return options


def options_of_zsh(script):
    options = {}
    specs = re.findall(r"(?:\{(-[^}]*)\}'|'(-[^\[']*))\[[^]]*\](:?)", script)
    for several, one, colon in specs:
        for name in (several or one).split(","):
            options[name.rstrip("+=")] = bool(colon)
    return options


def options_of_fish(script):
    options = {}
    for line in re.findall(r"^complete -c ufl .*", script.replace("\\\n", ""), re.M):
        words = shlex.split(line)
        takes_value = "-x" in words or "-r" in words
        for switch, word in zip(words, words[1:]):
            if switch in ("-s", "-l"):
                options[("-" if switch == "-s" else "--") + word] = takes_value
    return options


HELP = run(UFL, "--help")
OPTIONS = options_of_help(HELP)
NAMES = by_name(OPTIONS)


class Help(unittest.TestCase):
    """The yardstick itself was read in full."""

    def test_every_line_that_shows_an_option_was_read(self):
        lines = [line for line in HELP.splitlines() if re.match(r" {2,6}-", line)]
        self.assertEqual(len(OPTIONS), len(lines))
        self.assertIn(Option(("-h", "--help"), ""), OPTIONS)
        self.assertIn(Option(("-p", "--prefix"), "STR"), OPTIONS)

    def test_ufl_knows_each_option(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, takes_value in NAMES.items():
                with self.subTest(name):
                    # 1 is a value that each option takes; -c brings the command with it.
                    value = ["1"] if takes_value else []
                    command = [] if name in ("-c", "--command") else ["true"]
                    done = subprocess.run([UFL, name, *value, "lock", *command], cwd=directory,
                                          env=ENVIRONMENT, capture_output=True,
                                          timeout=PATIENCE, check=False)
                    self.assertNotEqual(done.returncode, 64, done.stderr)


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
        inputs = set(re.search(r"^Environment: (.*)$", HELP, re.M).group(1).split())
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

    def test_keys_of_the_lock_file(self):
        record = run(UFL, "lock", "cat", "lock", cwd=self.directory.name).splitlines()[1]
        documented = re.findall(r"^\.It Li (\w+)$", section(self.page, "FILES"), re.M)
        self.assertLessEqual(set(json.loads(record)), set(documented))

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


class Completions(unittest.TestCase):
    """What the completions say, as text: no shell is needed."""

    def test_bash(self):
        self.assertEqual(options_of_bash(read(BASH)), NAMES)

    def test_zsh(self):
        self.assertEqual(options_of_zsh(read(ZSH)), NAMES)

    def test_fish(self):
        self.assertEqual(options_of_fish(read(FISH)), NAMES)


class Shell:
    """What each shell really offers. Subclasses bring complete(line): the words that are
    offered at the end of `line`; a command `mine` has the completion --my-option."""

    where_options_fit = ("ufl -", "ufl alock -", "ufl -- -weird -")

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="ufl-docs-")
        self.addCleanup(shutil.rmtree, self.directory)
        Path(self.directory, "alock").touch()

    def complete(self, line):
        raise NotImplementedError

    def assert_offers_lock_file(self, line):
        with self.subTest(line):
            self.assertIn("alock", self.complete(line))

    def test_every_option_and_no_other(self):
        for line in self.where_options_fit:
            with self.subTest(line):
                self.assertEqual(set(self.complete(line)), set(NAMES))
        longs = {name for name in NAMES if name.startswith("--")}
        self.assertEqual(set(self.complete("ufl --")), longs)

    def test_a_value_is_neither_option_nor_lock_file(self):
        for name in (name for name, takes_value in NAMES.items() if takes_value):
            with self.subTest(name):
                offered = set(self.complete(f"ufl {name} "))
                self.assertFalse(offered & {"alock", *NAMES})
            attached = f"{name}=1" if name.startswith("--") else f"{name}1"
            self.assert_offers_lock_file(f"ufl {name} 1 al")
            self.assert_offers_lock_file(f"ufl {attached} al")
        self.assert_offers_lock_file("ufl -nw 1 al")

    def test_a_flag_takes_no_value(self):
        enough = ("-h", "--help", "-V", "--version")  # nothing needs to follow these
        for name in (n for n, takes_value in NAMES.items() if not takes_value and n not in enough):
            self.assert_offers_lock_file(f"ufl {name} al")

    def test_auto(self):
        for line in ("ufl -d a", "ufl --delay a", "ufl --delay=a", "ufl alock -nd a"):
            with self.subTest(line):
                words = [word.removeprefix("--delay=") for word in self.complete(line)]
                self.assertEqual(words, ["auto"])

    def test_the_command(self):
        for line in ("ufl alock ech", "ufl -- -weird ech", "ufl alock -w 5 -- ech"):
            with self.subTest(line):
                self.assertIn("echo", self.complete(line))

    def test_no_option_after_the_command(self):
        for line in ("ufl alock no-such-command -", "ufl alock -- no-such-command --",
                     "ufl -w 5 alock no-such-command x --"):
            with self.subTest(line):
                self.assertFalse(set(self.complete(line)) & set(NAMES))

    def test_no_command_after_c(self):
        for line in ("ufl -c x alock ech", "ufl alock --command=x ech"):
            with self.subTest(line):
                self.assertNotIn("echo", self.complete(line))

    def test_the_commands_own_completion(self):
        for line in ("ufl alock mine --my", "ufl -w 5 -- alock -- mine --my"):
            with self.subTest(line):
                self.assertEqual(self.complete(line), ["--my-option"])


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(Shell, unittest.TestCase):
    """The function that readline calls, called as readline does."""

    SCRIPT = r"""
        . "$1"; [[ $2 ]] && . "$2"
        files=
        compopt() { if [[ "$1 $2" == '-o default' ]]; then files=1; fi; }
        complete -W --my-option mine
        COMP_LINE=$3 COMP_POINT=${#3} typed=$4; shift 4
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _ufl ufl "$typed" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
        if [[ $files ]]; then compgen -f -- "$typed"; fi
        exit 0"""

    def complete(self, line, helpers=""):
        words = re.findall(r"[^\s=]+|=", line) + ([""] if line.endswith(" ") else [])
        typed = "" if words[-1] == "=" else words[-1]
        return run("bash", "--norc", "-c", self.SCRIPT, "bash", BASH, helpers, line, typed, *words,
                   cwd=self.directory).split()

    @unittest.skipUnless(os.path.exists(BASH_COMPLETION), "bash-completion is not installed")
    def test_the_commands_own_completion(self):
        without_helpers = self.complete
        self.complete = lambda line: without_helpers(line, BASH_COMPLETION)
        super().test_the_commands_own_completion()

    @unittest.skipUnless(os.path.exists(BASH_COMPLETION), "bash-completion is not installed")
    def test_with_helpers(self):
        self.assertIn("echo", self.complete("ufl -n alock ech", BASH_COMPLETION))
        self.assertIn("--version", self.complete("ufl alock --vers", BASH_COMPLETION))


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class Fish(Shell, unittest.TestCase):
    """fish tells by itself what it would offer."""

    HOMES = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    where_options_fit = ("ufl -", "ufl alock -")  # fish itself offers none after --

    def complete(self, line):
        script = 'source $argv[1]; complete -c mine -l my-option; complete -C "$argv[2]"'
        text = run("fish", "-c", script, FISH, line, cwd=self.directory,
                   env=ENVIRONMENT | {name: self.directory for name in self.HOMES})
        return [word.split("\t")[0] for word in text.splitlines()]


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
@unittest.skipUnless(can_open_terminals(), "no pseudo-terminals here: is devpts mounted?")
class Zsh(Shell, unittest.TestCase):
    """zsh completes only in its line editor, so in a terminal; compadd is where the words end."""

    SETUP = r"""
        fpath=({completions} $fpath)
        autoload -Uz compinit && compinit -D -u
        _mine() {{ compadd -- --my-option }}
        compdef _mine mine
        compadd() {{
          if [[ ${{@[1,(i)(-|--)]}} != *-[OAD]\ * ]]; then
            local -a hits
            builtin compadd -O hits "$@"
            print -rl -- $hits >>offered
          fi
          builtin compadd "$@"
        }}
        offer() {{ zle complete-word; : >answered }}
        zle -N offer
        bindkey '^I' offer
        setopt no_auto_list no_auto_menu no_beep
        zstyle ':completion:*' list-grouped no
        : >answered
        """

    def setUp(self):
        super().setUp()
        setup = Path(self.directory, "setup")
        setup.write_text(self.SETUP.format(completions=shlex.quote(str(ZSH.parent))))
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            try:
                os.chdir(self.directory)
                os.execvpe("zsh", ["zsh", "-f", "-i"], ENVIRONMENT | {"HOME": self.directory})
            finally:
                os._exit(127)
        self.addCleanup(self.end)
        self.send(". ./setup\n")

    def end(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.terminal)

    def send(self, keys):
        """Type `keys` and wait until the file `answered` appears."""
        answered = Path(self.directory, "answered")
        answered.unlink(missing_ok=True)
        os.write(self.terminal, keys.encode())
        deadline = time.monotonic() + PATIENCE
        while not answered.exists():
            self.assertLess(time.monotonic(), deadline, f"no answer to {keys!r}")
            if select.select([self.terminal], [], [], 0.01)[0]:
                os.read(self.terminal, 4096)

    def complete(self, line):
        offered = Path(self.directory, "offered")
        offered.write_text("")
        self.send("\x15" + line + "\t")  # Ctrl-U empties the line
        return list(dict.fromkeys(read(offered).splitlines()))


if __name__ == "__main__":
    unittest.main()
