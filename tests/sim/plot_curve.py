# SPDX-License-Identifier: MIT
"""Draws what ufl_curve prints (stdin) as protocol-curve.svg (stdout)."""

import csv
import math
import sys

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 78, 20, 46, 62
TOP_DECADE = 6  # 10^6 per million: every entry
COLOURS = ("#c1440e", "#1f5fa8", "#2e7d32")  # readable for colour-blind people, too
ORIGINAL_RULE = 0.4 / 1.1  # D = V on the share of ufl_curve


def x_of(part, last):
    return LEFT + (WIDTH - LEFT - RIGHT) * part / last


def y_of(rate):
    """Decades from 1 up; below the axis break, zero."""
    floor = HEIGHT - BOTTOM
    if rate <= 0:
        return floor
    height = floor - TOP - 24
    return floor - 24 - height * max(0.0, math.log10(rate)) / TOP_DECADE


def text(x, y, words, anchor="middle", colour="#222", size=13, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
            f'font-size="{size}"{more}>{words}</text>')


def line(x1, y1, x2, y2, colour="#ddd", more=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}"{more}/>')


def axes(last):
    parts = []
    for decade in range(TOP_DECADE + 1):
        y = y_of(10 ** decade)
        words = "1" if decade == 0 else f"{10 ** decade:,}".replace(",", "\u202f")
        parts += [line(LEFT, y, WIDTH - RIGHT, y), text(LEFT - 8, y + 4, words, "end")]
    parts += [line(LEFT, y_of(0), WIDTH - RIGHT, y_of(0), "#222"),
              text(LEFT - 8, y_of(0) + 4, "none", "end")]
    for tenth in range(0, int(last * 10) + 1, 2):
        parts.append(text(x_of(tenth / 10, last), HEIGHT - BOTTOM + 20, f"{tenth / 10:.1f}"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(text(middle, HEIGHT - 14, "verification delay D / (2V + B + W)", size=14))
    parts.append(text(14, 22, "two holders at once, per million entries (simulated, hostile share)",
                      "start", size=14))
    for part, words in ((ORIGINAL_RULE, "D = V"), (1.0, "D = 2V + B + W")):
        x = x_of(part, last)
        parts += [line(x, TOP, x, y_of(0), "#666", ' stroke-dasharray="5 4"'),
                  text(x, TOP - 6, words, colour="#444")]
    return parts


def curve(name, points, colour, last, key_y):
    path = " ".join(f"{x_of(part, last):.1f},{y_of(rate):.1f}" for part, rate in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    parts += [f'<circle cx="{x_of(p, last):.1f}" cy="{y_of(r):.1f}" r="3" fill="{colour}"/>'
              for p, r in points]
    return parts + [text(x_of(0.40, last), key_y, name, "start", colour, more=' font-weight="bold"')]


def main():
    curves = {}
    for row in csv.DictReader(sys.stdin):
        point = (float(row["part of the bound"]), float(row["per million"]))
        curves.setdefault(row["contenders"], []).append(point)
    last = max(part for points in curves.values() for part, _ in points) * 1.02
    parts = axes(last)
    for index, (name, points) in enumerate(curves.items()):
        parts += curve(name, points, COLOURS[index], last, y_of(200) + 20 * index)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
          f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">')
    print("<!-- SPDX-License-Identifier: MIT; made by the CMake target curve -->")
    print(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    print("\n".join(parts))
    print("</svg>")


if __name__ == "__main__":
    main()
