# SPDX-License-Identifier: MIT
"""The picture for the README, drawn by gnuplot: bench.svg."""

import os
import shutil
import subprocess

_NEEDED = ("uncontended", "hand-off", "throughput")

# Colours that colour-blind people can tell apart; the two that matter, and quieter ones.
_OURS, _REFERENCE = "#1f5fa8", "#c1440e"
_OTHERS = ("#6f9a3e", "#8a6bb0", "#b08a2e", "#7a7a7a", "#4aa3a3")

_HEAD = """
set terminal svg size 960,400 font "sans-serif,13" background "white"
set output "bench.svg"
set multiplot
set border linecolor rgb "#444444"
set tics textcolor rgb "#222222" nomirror
set grid linecolor rgb "#dddddd" linewidth 1
"""

_DOTS = """
set origin 0,0
set size 0.47,1
set lmargin at screen 0.10
set rmargin at screen 0.45
set tmargin at screen 0.80
set bmargin at screen 0.16
set logscale x
set xrange [*:*] noextend
set offsets graph 0.06, graph 0.06, 0, 0
set yrange [%(rows)d-0.4:-0.6]
set format x "%%g"
set xlabel "milliseconds (median)" textcolor rgb "#222222"
set key at screen 0.095,0.965 left top samplen 1 reverse Left textcolor rgb "#222222"
plot NaN with points pointtype 7 pointsize 0.7 linecolor rgb "#444444" \\
       title "free lock: the whole of TOOL LOCK true", \\
     NaN with points pointtype 9 pointsize 0.8 linecolor rgb "#444444" \\
       title "hand-off: one ends, the one that waits starts", \\
     $dots using 3:1:3:4:($1):($1):ytic(2) with xyerrorbars notitle pointtype 0 \\
       linewidth 1 linecolor rgb "#bbbbbb", \\
     $dots using 3:1:5 with points pointtype 7 pointsize 0.7 linecolor rgb variable notitle, \\
     $dots using 4:1:5 with points pointtype 9 pointsize 0.8 linecolor rgb variable notitle
"""

_LINES = """
unset key
set title "processes that all want the lock: time for each turn" textcolor rgb "#222222"
set origin 0.47,0
set size 0.53,1
set lmargin at screen 0.55
set rmargin at screen 0.86
unset offsets
set xrange [%(first)g:%(last)g]
set yrange [1:10] noreverse
set logscale xy
set yrange [*:*]
set xtics (%(counts)s)
set ytics autofreq
set format y "%%g"
set xlabel "processes"
set ylabel "milliseconds" textcolor rgb "#222222" offset 1
set key at screen 0.87,0.80 left top vertical reverse Left maxrows 20 samplen 2 \
        textcolor rgb "#222222"
plot %(curves)s
unset multiplot
"""


# Point types of gnuplot; filled ones are for the two that matter.
_HOLLOW = (4, 6, 8, 10, 12, 14)


def _colours(names):
    others = iter(_OTHERS * 2)
    return {name: _OURS if name == "ufl" else _REFERENCE if name == "flock" else next(others)
            for name in names}


def _dots(parts, colours):
    """Rows of: number, tool, milliseconds for a free lock, for a hand-off, colour."""
    rows = []
    for name, colour in colours.items():
        free = parts["uncontended"]["rows"][name]["median"]
        handed = parts["hand-off"]["rows"][name]["pairs"]["gaps"]["median"]
        label = f"{{/:Bold {name}}}" if name == "ufl" else name
        rows.append(f'{len(rows)} "{label}" {free * 1e3} '
                    f'{handed * 1e3 if handed else "NaN"} 0x{colour[1:]}')
    return "$dots << END\n" + "\n".join(rows) + "\nEND\n"


def _curves(result, colours):
    """(data blocks, the words for `plot`)."""
    blocks, words = [], []
    for number, (name, colour) in enumerate(colours.items()):
        points = [f"{count} {cell['per_turn'] * 1e3}" for count, cell
                  in result["rows"][name]["growth"].items() if cell["per_turn"]]
        if points:
            width, point = {"ufl": (3, 5), "flock": (3, 7)}.get(name, (1.3, _HOLLOW[number % 6]))
            label = f"{{/:Bold {name}}}" if name == "ufl" else name
            blocks.append(f"$curve{number} << END\n" + "\n".join(points) + "\nEND\n")
            words.append(f'$curve{number} using 1:2 with linespoints linewidth {width} '
                         f'pointtype {point} pointsize 0.7 linecolor rgb "{colour}" '
                         f'title "{label}"')
    return "".join(blocks), ", ".join(words)


def script(results):
    """What gnuplot is told."""
    parts = results["parts"]
    colours = _colours([tool["name"] for tool in results["tools"]])
    counts = parts["throughput"]["counts"]
    blocks, words = _curves(parts["throughput"], colours)
    return (_HEAD + _dots(parts, colours) + blocks + _DOTS % {"rows": len(colours)}
            + _LINES % {"first": counts[0] * 0.8, "last": counts[-1] * 1.25,
                        "counts": ", ".join(map(str, counts)), "curves": words})


def draw(results, out):
    """Write bench.svg into `out`; return a line that says what became of it."""
    if not all(part in results["parts"] for part in _NEEDED):
        return "no picture: it needs the parts " + ", ".join(_NEEDED)
    if shutil.which("gnuplot") is None:
        return "no picture: gnuplot (package gnuplot-nox) is not installed"
    done = subprocess.run(["gnuplot"], input=script(results), cwd=out, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        return f"no picture: gnuplot: {done.stdout.strip()}"
    return f"drawn: {os.path.join(out, 'bench.svg')}"
