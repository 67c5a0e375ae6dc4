# SPDX-License-Identifier: MIT
"""Holds the completions for bash, zsh and fish against `ufl --help`, as text and in the shells.

Run as UFL_BINARY=build/dev/ufl python3 -B tests/lint/check_completions.py
"""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

from ufl_help import ENVIRONMENT, NAMES, PATIENCE, ROOT, VERBS, read, run
sys.path.insert(0, str(ROOT / "tests/e2e"))
from support import can_open_terminals  # noqa: E402

BASH = ROOT / "completions/ufl.bash"
ZSH = ROOT / "completions/_ufl"
FISH = ROOT / "completions/ufl.fish"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


def options_of_bash(script):
    options = {}
    for variable, takes_value in (("flags", False), ("valued", True)):
        words = re.search(rf"local {variable}='([^']*)'", script).group(1).split()
        options |= dict.fromkeys(words, takes_value)
    return options


def options_of_zsh(script):
    options = {}
    specs = re.findall(r"(?:\{(-[^}]*)\}'|'(?:\([^)]*\))?(-[^\[']*))\[[^]]*\](:?)", script)
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
    child = os.getpid()  # zsh knows those on its terminal

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
                self.assertFalse(offered & ({*NAMES} if name == "--report" else {"alock", *NAMES}))
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

    def test_what_if_the_lock_is_lost(self):
        for line in ("ufl --on-lost ", "ufl --on-lost=", "ufl alock --on-lost "):
            with self.subTest(line):
                words = {word.removeprefix("--on-lost=") for word in self.complete(line)}
                self.assertEqual(words, {"kill", "warn"})

    def test_a_file_for_the_report(self):
        for line in ("ufl --report al", "ufl --report=al", "ufl --acquire alock --report al"):
            with self.subTest(line):
                words = [word.removeprefix("--report=") for word in self.complete(line)]
                self.assertEqual(words, ["alock"])

    def test_a_process(self):
        pid = str(self.child)
        for line in (f"ufl --acquire --pid {pid}", f"ufl alock --pid={pid}"):
            with self.subTest(line):
                words = [word.removeprefix("--pid=") for word in self.complete(line)]
                self.assertIn(pid, words)

    def test_no_token(self):
        for line in ("ufl --check --token ", "ufl --token=", "ufl alock --release --token "):
            with self.subTest(line):
                self.assertEqual(self.complete(line), [])

    def test_a_verb_takes_one_lock_file_and_no_command(self):
        for verb in (verb for verb in VERBS if verb != "--status"):
            for before in (f"ufl {verb}", f"ufl --token x {verb}", f"ufl {verb} --"):
                self.assert_offers_lock_file(f"{before} al")
            for before in (f"ufl {verb} alock", f"ufl alock {verb}", f"ufl {verb} -- alock"):
                for word in ("al", "ech"):
                    with self.subTest(before + " " + word):
                        self.assertEqual(self.complete(before + " " + word), [])

    def test_status_takes_lock_files(self):
        for before in ("ufl --status alock", "ufl alock --status", "ufl --status x -v alock",
                       "ufl --json --status -- -x alock", "ufl -- -x --status"):
            self.assert_offers_lock_file(before + " al")
            with self.subTest(before):
                self.assertNotIn("echo", self.complete(before + " ech"))

    def test_options_after_a_verb_and_its_lock_file(self):
        for line in ("ufl --check alock --to", "ufl alock --check --to"):
            with self.subTest(line):
                # fish 4 offers what has these letters somewhere, too.
                offered = {name for name in self.complete(line) if name.startswith("--to")}
                self.assertEqual(offered & set(NAMES), {"--token"})
        self.assertIn("--json", self.complete("ufl --status alock x --js"))

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
            (($#hits)) && print -rl -- $hits >>offered
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
