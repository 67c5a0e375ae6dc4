#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write to FILE, as JSON, which descriptors this process was given, and the lock file's content.

    describe_fds.py FILE [STATUS]

`fds` maps each number to its target and its open flags. The descriptor that reads the list is not
among them. Run it with python3 -I -S: nothing else is opened before. Ends with STATUS.
"""

import json
import os
import sys


def describe(fd):
    """What /proc tells of one descriptor, or None when it is not open."""
    try:
        target = os.readlink(f"/proc/self/fd/{fd}")
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
            fields = dict(line.split(":", 1) for line in info)
    except OSError:
        return None
    return {"target": target, "flags": fields["flags"].strip()}


def main():
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    still_open = []
    for fd in listed:
        try:
            os.fstat(fd)
            still_open.append(fd)
        except OSError:
            pass  # the one that read the list
    fds = {fd: describe(fd) for fd in still_open}
    lock = None
    if "UFL_LOCKFILE" in os.environ:
        with open(os.environ["UFL_LOCKFILE"], encoding="utf-8", errors="replace") as file:
            lock = file.read()
    partial = sys.argv[1] + ".partial"
    with open(partial, "w", encoding="utf-8") as out:
        json.dump({"fds": fds, "lock": lock, "token": os.environ.get("UFL_TOKEN")}, out)
    os.rename(partial, sys.argv[1])
    return int(sys.argv[2]) if len(sys.argv) > 2 else 0


if __name__ == "__main__":
    sys.exit(main())
