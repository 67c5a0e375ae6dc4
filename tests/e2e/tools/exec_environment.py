#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run PROGRAM with exactly the environment in FILE: entries, each ended by a NUL.

    exec_environment.py FILE PROGRAM [ARG]...

os.execve() takes a mapping, and so cannot hand over an entry twice, or one without "=".
"""

import ctypes
import os
import sys


def c_array(words):
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def main():
    with open(sys.argv[1], "rb") as file:
        environment = file.read().split(b"\0")[:-1]
    arguments = [os.fsencode(word) for word in sys.argv[2:]]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.execve(arguments[0], c_array(arguments), c_array(environment))
    sys.exit(f"exec {sys.argv[2]}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
