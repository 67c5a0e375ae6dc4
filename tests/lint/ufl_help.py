# SPDX-License-Identifier: MIT
"""What `ufl --help` says, read for the checks of this directory.

It is printed from the table that the parser goes by, so it is what the man page and the completions
are measured with.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
UFL = os.path.abspath(os.environ.get("UFL_BINARY", ROOT / "build/dev/ufl"))
PATIENCE = 60  # seconds, for a program that hangs
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


HELP = run(UFL, "--help")
OPTIONS = options_of_help(HELP)
NAMES = by_name(OPTIONS)
# "ufl --release|--check --token TOKEN LOCKFILE"
VERBS = tuple("|".join(re.findall(r"^ +ufl (--\S+)", HELP, re.M)).split("|"))
