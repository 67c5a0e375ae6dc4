# SPDX-License-Identifier: MIT
"""What the numbers were measured on."""

import datetime
import os
import platform
import re


def _unescaped(path):
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def file_system(directory):
    """The type of the file system that `directory` is on, as mount(8) names it."""
    device = os.stat(directory).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    path = os.path.realpath(directory)
    best, kind = -1, "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            fields, _, rest = line.partition(" - ")
            point = _unescaped(fields.split()[4])
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            # The device decides where mounts hide one another; btrfs and overlays show another.
            score = len(point) + (1 << 16) * (fields.split()[2] == number)
            if inside and score >= best:
                best, kind = score, rest.split()[0]
    return kind


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as table:
            for line in table:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _distribution():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def describe(directory):
    """The machine, as a dictionary; `directory` is where the lock files are."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "file system": file_system(directory),
        "load at the start": round(os.getloadavg()[0], 2),
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
    }
