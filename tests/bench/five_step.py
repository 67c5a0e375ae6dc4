# SPDX-License-Identifier: MIT
"""The five steps of a UUID lock file, as people write them in a script.

    five_step.py LOCK DELAY RETRY COMMAND [ARG]...

Look; create the file with a new UUID in it; wait DELAY seconds; read it back; run; remove.
While somebody else holds it, look again every RETRY seconds. It has what the idea needs and
nothing else: no signals, no dead holders, no leases.
"""

import os
import subprocess
import sys
import time
import uuid


def acquire(lock, delay, retry):
    """Return once `lock` holds our UUID."""
    token = str(uuid.uuid4())
    while True:
        if not os.path.exists(lock):
            try:
                with open(lock, "x", encoding="ascii") as file:
                    file.write(token)
            except FileExistsError:
                continue
            time.sleep(delay)
            try:
                with open(lock, encoding="ascii") as file:
                    if file.read() == token:
                        return
            except FileNotFoundError:
                continue
        time.sleep(retry)


def main():
    """Run the command of the command line under the lock; exit as it did."""
    lock, delay, retry, *command = sys.argv[1:]
    acquire(lock, float(delay), float(retry))
    try:
        status = subprocess.run(command, check=False).returncode
    finally:
        os.remove(lock)
    sys.exit(status)


if __name__ == "__main__":
    main()
