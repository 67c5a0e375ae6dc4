#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints "go-now" and waits for a signal to die of.

One process that does both: in `sh -c 'echo go-now; sleep 100'` a Ctrl-C that falls between the two may
reach dash alone, which then waits for the sleep to end.
"""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
print("go-now", flush=True)
signal.pause()
