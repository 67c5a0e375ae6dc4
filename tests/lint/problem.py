# SPDX-License-Identifier: MIT
"""What the lint tests find."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One line that breaks a rule."""

    file: str
    line: int
    what: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.what}"
