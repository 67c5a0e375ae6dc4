#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed: one file that brings along what it can, and needs none of what a static glibc
cannot bring. UFL_BINARY is that of the release preset, which .ci/release builds."""

import os
import subprocess
import unittest

UFL = os.environ["UFL_BINARY"]


def linked_statically():
    """Whether the compiler can: glibc's static archive is not installed everywhere."""
    return subprocess.run(["c++", "-static", "-x", "c++", "-", "-o", "/dev/null"], check=False,
                          input=b"int main() {}", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).returncode == 0


class StaticTest(unittest.TestCase):
    def headers(self, *options):
        return subprocess.run(["readelf", "-W", *options, UFL], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def test_brings_its_libraries_along(self):
        needed = [line for line in self.headers("-d").splitlines() if "(NEEDED)" in line]
        for library in ("stdc++", "gcc_s", "boost", "fmt"):
            self.assertFalse([line for line in needed if library in line])

    @unittest.skipUnless(linked_statically(), "no static glibc here")
    def test_needs_no_dynamic_linker(self):
        self.assertNotIn("INTERP", self.headers("-l"))
        self.assertNotIn("(NEEDED)", self.headers("-d"))

    # They would be loaded when ufl runs, from whatever glibc is there then.
    def test_asks_no_name_service(self):
        with open(UFL, "rb") as file:
            content = file.read()
        for name in (b"nsswitch.conf", b"libnss_"):
            # assertNotIn would print all of the binary.
            self.assertTrue(name not in content, f"{UFL} holds {name.decode()}")

    def test_has_no_writable_code(self):
        loads = [line.split() for line in self.headers("-l").splitlines() if " LOAD " in line]
        self.assertTrue(loads)
        for load in loads:
            self.assertNotIn("RWE", "".join(load[6:-1]))


if __name__ == "__main__":
    unittest.main()
