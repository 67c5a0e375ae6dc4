# SPDX-License-Identifier: MIT
"""What is left to see of what was written to a terminal."""

import re
import unicodedata


def width(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """As much of a terminal as ufl uses; anything else is an error."""

    def __init__(self, columns):
        self.columns = columns
        self.rows = [[]]  # characters; a wide one fills two places
        self.column = 0
        self.widest = 0
        self.wrapped = False

    def feed(self, output):
        for part in re.findall(r"\x1b\[\d*[A-Za-z]|.", output.decode(), re.S):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.rows.append([])
            elif part == "\x1b[K":
                del self.rows[-1][self.column:]
            elif part.isprintable() or unicodedata.combining(part):
                self.put(part)
            else:
                raise AssertionError(f"{part!r} came to the terminal in {output!r}")
        return self

    def put(self, character):
        if self.column + width(character) > self.columns:
            self.wrapped = True
            self.rows.append([])
            self.column = 0
        row, end = self.rows[-1], self.column + width(character)
        row += [" "] * (self.column - len(row))
        row[self.column:end] = [character, *[""] * (width(character) - 1)]
        self.column = end
        self.widest = max(self.widest, self.column)

    def text(self):
        return ["".join(row).rstrip() for row in self.rows]
