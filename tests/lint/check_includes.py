# SPDX-License-Identifier: MIT
"""Holds the include rule of the rooms and a list of banned calls.

Arrows point one way: main -> cli, verbs -> protocol, process, report, sys -> seams; and process ->
single headers of sys. What touches the world (clocks, randomness, files, processes, stdout) lives
in few rooms, and the rest is handed it. Each problem names file and line and what to do instead.

Run as python3 -B tests/lint/check_includes.py
"""

import re
import unittest
from pathlib import Path

from problem import Problem

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
SPDX = "// SPDX-License-Identifier: MIT"

ROOMS = ("cli", "process", "protocol", "report", "seams", "sys", "verbs")

# Questions to the kernel about one process, or about our own descriptors, that need no seam. The
# warden and the bystander ask them in processes of their own, which have no world of main()'s.
BESIDE_THE_COMMAND = ("sys/command_signs.hpp", "sys/descriptors.hpp", "sys/pidfd.hpp",
                      "sys/process_info.hpp", "sys/standard_fds.hpp")

# Room -> what it may include besides itself: rooms, or single headers.
MAY_INCLUDE = {
    "main": ROOMS,
    "cli": ("protocol/lease.hpp", "report", "seams"),
    "verbs": ("cli/options.hpp", "process", "protocol", "report", "seams", "sys"),
    "report": ("protocol", "seams"),
    "process": ("seams", *BESIDE_THE_COMMAND),
    "protocol": ("seams",),
    "sys": ("seams",),
    "seams": (),
}

FILES = "take a FileSystem (seams/file_system.hpp), or ask a function of src/sys"

# Headers of libraries: pattern, the rooms that may include them, what the others do instead.
LIBRARIES = (
    (r"CLI/", ("cli",), "ask cli/parse.hpp for Options"),
    (r"boost/process", ("process",), "use process/child.hpp"),
    (r"boost/asio", ("process", "sys"), "use process/event_loop.hpp"),
    (r"(filesystem|fstream|dirent\.h|sys/(file|inotify|mount|stat|statfs|statvfs|xattr)\.h)$",
     ("sys",), FILES),
)

# System calls on files whose names other classes have, too: these only after a lone "::".
AMBIGUOUS_FILE_CALLS = "access|link|mount|open|remove|stat|truncate"
# The others, however they are qualified.
FILE_CALLS = (
    r"chdir|chmod|chown|chroot|creat|eaccess|euidaccess|faccessat|fallocate|fchmod(at)?|"
    r"fchown(at)?|fdatasync|fdopendir|flock|fopen|freopen|fstat(at|fs|vfs)?|fsync|ftruncate|ftw|"
    r"f?utimens|getcwd|glob|inotify_(add_watch|init1?|rm_watch)|lchown|linkat|lstat|mkdir(at)?|"
    r"mkd?temp|mkfifo(at)?|mknod(at)?|mko?stemp|nftw|open(at2?|dir)|posix_fallocate|readdir|"
    r"readlink(at)?|realpath|rename(at2?)?|rmdir|scandir|statfs|statvfs|statx|symlink(at)?|"
    r"sync_file_range|syncfs|tmpfile|umask|unlink(at)?|utimensat")

# The pure rooms include the C++ standard library and what is named here, nothing else.
PURE_ROOMS = ("protocol", "seams")
PURE_LIBRARIES = r"boost/json\b"
IMPURE_STANDARD = ("csignal", "filesystem", "fstream", "iostream", "mutex", "thread")

OUTPUT = "say() of sys/standard_error.hpp writes to stderr; stdout belongs to the command"
CLOCK = "take a Clock (seams/clock.hpp)"
WAIT = "wait in the event loop: EventLoop::at() or a WaitUntil step"
IDENTITY = "take an Identity (seams/identity.hpp)"

# Calls: pattern, the rooms or files that may make them, what the others do instead.
CALLS = (
    (r"\bsystem_clock\s*::\s*now\b", ("sys",), CLOCK),
    (r"\b(steady|high_resolution)_clock\s*::\s*now\b", ("sys",), CLOCK),
    (r"\b(clock_gettime|gettimeofday)\s*\(", ("sys",), CLOCK),
    (r"\bsleep_(for|until)\b", (), WAIT),
    (r"\b(u|nano)?sleep\s*\(", (), WAIT),
    (r"\brandom_device\b", ("sys",), IDENTITY),
    (r"\bgetpid\s*\(", ("sys", "process"), IDENTITY),
    (r"\bgethostname\s*\(", ("sys",), IDENTITY),
    (r"\b(filesystem|fs)\s*::", ("sys",), FILES),
    (r"\bnamespace(\s+\w+\s*=)?(\s*::)?\s*std\s*::\s*filesystem\b", ("sys",), FILES),
    (r"\b[io]?fstream\b", ("sys",), FILES),
    (rf"(?<![\w.>])({FILE_CALLS})\s*\(", ("sys",), FILES),
    (rf"(?<![\w>])::\s*({AMBIGUOUS_FILE_CALLS})\s*\(", ("sys",), FILES),
    (r"\b(quick_)?exit\s*\(", (), "return an Ending or a status to main(), or throw"),
    (r"\bcout\b", (), OUTPUT),
    (r"\b(v?printf|puts|putchar)\s*\(", (), OUTPUT),
    (r"\b(stdout|STDOUT_FILENO)\b", ("sys/standard_output.cpp",), OUTPUT),
    (r"\b(stderr|STDERR_FILENO|cerr|clog)\b", 
     ("protocol/assert.cpp", "sys/standard_error.cpp", "sys/terminal.cpp"), OUTPUT),
    (r"\bfmt\s*::\s*print(ln)?\b", (), OUTPUT),
)


def without_comments(text, keep_strings):
    """`text` with comments blanked, and unless `keep_strings` literals, too; lines stay lines."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"'
        r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        is_comment = match.group().startswith("/")
        if keep_strings and not is_comment:
            return match.group()
        return ("" if is_comment else '""') + "\n" * match.group().count("\n")

    return pattern.sub(blank, text)


def room_of(file):
    """The room of a path below src/: "main" for the files of src/ itself."""
    return file.split("/")[0] if "/" in file else "main"


def include_problem(room, file, header, is_project):
    """Why `file` in `room` must not include `header`; None if it may."""
    if is_project:
        allowed = (room, *MAY_INCLUDE[room])
        if header in allowed or header.split("/")[0] in allowed:
            return None
        if header.split("/")[0] not in ROOMS:
            return f'"{header}" names no room; write "room/file.hpp", or <...> for a library'
        may = ", ".join(MAY_INCLUDE[room]) or "nothing"
        return (f'{room} must not include "{header}" (besides itself: {may}); '
                "turn the arrow round or pass a value")
    if room in PURE_ROOMS:
        third_party = "/" in header or header.endswith(".h")
        if (third_party and not re.match(PURE_LIBRARIES, header)) or header in IMPURE_STANDARD:
            return (f"<{header}> in {room}, which is pure; "
                    "do it in src/sys or src/process, behind a seam")
    for pattern, rooms, instead in LIBRARIES:
        if re.match(pattern, header) and room not in rooms:
            return f"<{header}> belongs to {' and '.join(rooms)}; {instead}"
    if re.match("boost/(asio|process)", header) and file.endswith(".hpp"):
        return f"<{header}> in a header slows every build; include it in the .cpp (forward declare)"
    return None


def problems_of(file, text):
    """What is wrong with the source `file` (its path below src/) that holds `text`."""
    room = room_of(file)
    problems = []
    if room not in MAY_INCLUDE:
        return [Problem(file, 1, f"src/{room} is no room; name it in MAY_INCLUDE, with its arrows")]
    lines = text.splitlines()
    if not lines or lines[0] != SPDX:
        problems.append(Problem(file, 1, f"the first line is not {SPDX}"))
    if len(lines) > MOST_LINES:
        problems.append(Problem(file, MOST_LINES + 1,
                                f"{len(lines)} lines, more than {MOST_LINES}; split it in two"))
    include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
    for number, line in enumerate(without_comments(text, keep_strings=True).splitlines(), 1):
        found = include.match(line)
        what = found and include_problem(room, file, found.group(2), found.group(1) == '"')
        if what:
            problems.append(Problem(file, number, what))
    for number, line in enumerate(without_comments(text, keep_strings=False).splitlines(), 1):
        if include.match(line):
            continue
        for pattern, places, instead in CALLS:
            found = re.search(pattern, line)
            if found and room not in places and file not in places:
                problems.append(Problem(file, number, f"{found.group().strip()}: {instead}"))
    return problems


def sources():
    """All sources, as paths below src/."""
    source = ROOT / "src"
    return sorted(str(path.relative_to(source)) for path in source.rglob("*.[ch]pp"))


class TheSources(unittest.TestCase):
    """src/ keeps the rules."""

    def test_keep_the_rules(self):
        problems = []
        for file in sources():
            problems += problems_of(file, (ROOT / "src" / file).read_text(encoding="utf-8"))
        self.assertEqual(problems, [], "\n" + "\n".join("src/" + str(p) for p in problems))

    def test_were_all_read(self):
        self.assertEqual({room_of(file) for file in sources()}, set(MAY_INCLUDE))
        self.assertIn("main.cpp", sources())
        self.assertIn("protocol/claim.hpp", sources())

    def test_have_only_known_endings(self):
        known = {".cpp", ".hpp", ".txt"}
        files = [path for path in (ROOT / "src").rglob("*") if path.is_file()]
        self.assertEqual([str(path) for path in files if path.suffix not in known], [])

    def test_tests_have_an_spdx_line_too(self):
        paths = [p for p in (ROOT / "tests").rglob("*") if p.suffix in (".cpp", ".hpp", ".py")]
        self.assertIn(Path(__file__).resolve(), paths)
        for path in paths:
            with self.subTest(str(path.relative_to(ROOT))):
                start = path.read_text(encoding="utf-8").splitlines()[:2]  # "#!" may be first
                self.assertIn("SPDX-License-Identifier: MIT", "".join(start))


class TheChecker(unittest.TestCase):
    """Each rule catches what it is for, at the right line, and lets the rest through."""

    def problems(self, file, *lines):
        return [str(p) for p in problems_of(file, "\n".join((SPDX, *lines)) + "\n")]

    def assert_caught(self, file, line, *fragments):
        with self.subTest(f"{file}: {line}"):
            problems = self.problems(file, "", line, "int x;")
            self.assertEqual(len(problems), 1, problems)
            self.assertTrue(problems[0].startswith(f"{file}:3: "), problems)
            for fragment in fragments:
                self.assertIn(fragment, problems[0])

    def assert_fine(self, file, *lines):
        with self.subTest(f"{file}: {lines}"):
            self.assertEqual(self.problems(file, *lines), [])

    def test_rooms(self):
        arrows = {(room, other) for room in MAY_INCLUDE for other in ROOMS}
        for room, other in arrows:
            file = "main.cpp" if room == "main" else f"{room}/x.cpp"
            line = f'#include "{other}/y.hpp"'
            if other == room or other in MAY_INCLUDE[room]:
                self.assert_fine(file, line)
            else:
                self.assert_caught(file, line, "must not include", f"{other}/y.hpp")
        for room, other in (("cli", "verbs"), ("process", "sys"), ("protocol", "report"),
                            ("protocol", "sys"), ("report", "verbs"), ("seams", "protocol"),
                            ("sys", "process"), ("sys", "protocol"), ("verbs", "cli")):
            self.assertNotIn(other, MAY_INCLUDE[room], "this arrow must never be allowed")

    def test_verbs_see_the_options_only(self):
        self.assert_fine("verbs/run.cpp", '#include "cli/options.hpp"')
        self.assert_caught("verbs/run.cpp", '#include "cli/parse.hpp"', "cli/options.hpp")
        self.assert_caught("verbs/run.cpp", '#  include "cli/parse.hpp" // for now', "verbs")

    def test_process_sees_what_it_needs_beside_the_command(self):
        self.assert_fine("process/warden.cpp", '#include "sys/descriptors.hpp"')
        self.assert_caught("process/warden.cpp", '#include "sys/file_io.hpp"', "sys/pidfd.hpp")

    def test_unknown_places(self):
        self.assert_caught("cli/a.cpp", '#include "options.hpp"', "room/file.hpp")
        self.assert_caught("cli/a.cpp", '#include "../seams/clock.hpp"', "room/file.hpp")
        self.assertIn("no room", self.problems("util/a.cpp", "int x;")[0])

    def test_libraries(self):
        self.assert_fine("cli/parse.cpp", "#include <CLI/CLI.hpp>")
        self.assert_caught("verbs/run.cpp", "#include <CLI/CLI.hpp>", "cli/parse.hpp")
        self.assert_caught("main.cpp", "#include <CLI/App.hpp>", "cli")
        self.assert_fine("process/child.cpp", "#include <boost/process/v2/process.hpp>")
        self.assert_caught("sys/a.cpp", "#include <boost/process.hpp>", "process/child.hpp")
        self.assert_caught("process/a.hpp", "#include <boost/process/v2.hpp>", "header")
        self.assert_fine("process/a.cpp", "#include <boost/asio/io_context.hpp>")
        self.assert_fine("sys/a.cpp", "#include <boost/asio.hpp>")
        self.assert_caught("verbs/a.cpp", "#include <boost/asio.hpp>", "event_loop")
        self.assert_caught("sys/a.hpp", "#include <boost/asio/io_context.hpp>", "forward")
        self.assert_fine("process/a.hpp", "namespace boost::asio {", "class io_context;", "}")

    def test_headers_of_file_systems(self):
        for header in ("filesystem", "fstream", "dirent.h", "sys/stat.h", "sys/inotify.h"):
            self.assert_fine("sys/a.hpp", f"#include <{header}>")
            self.assert_caught("process/a.cpp", f"#include <{header}>", "FileSystem")
            self.assert_caught("report/a.hpp", f"#include <{header}>", header)
        self.assert_fine("process/a.cpp", "#include <fcntl.h>", "#include <sys/statistics.h>")

    def test_the_protocol_is_pure(self):
        for header in ("unistd.h", "fcntl.h", "sys/stat.h", "signal.h", "csignal", "pthread.h",
                       "poll.h", "fmt/format.h", "CLI/CLI.hpp", "boost/asio.hpp", "thread",
                       "boost/process.hpp", "filesystem", "boost/jsonish.hpp"):
            for file in ("protocol/a.cpp", "protocol/a.hpp", "seams/a.hpp"):
                self.assert_caught(file, f"#include <{header}>", header, "pure")
        self.assert_fine("protocol/a.cpp", "#include <boost/json/parse.hpp>", "#include <chrono>")
        self.assert_fine("sys/a.cpp", "#include <unistd.h>", "#include <sys/stat.h>")

    def test_calls(self):
        for code, allowed in {
            "auto t = std::chrono::system_clock::now();": "sys",
            "auto t = std::chrono::steady_clock :: now();": "sys",
            "::clock_gettime(CLOCK_BOOTTIME, &t);": "sys",
            "std::random_device d;": "sys",
            "auto p = ::getpid();": "sys",
            "gethostname(name, size);": "sys",
            "std::filesystem::path p;": "sys",
            "fs::path p;": "sys",
            "namespace fs = std::filesystem;": "sys",
            "namespace files = ::std::filesystem;": "sys",
            "using namespace std::filesystem;": "sys",
            "std::ifstream file{name};": "sys",
            "int fd = ::open(name, O_RDONLY);": "sys",
            "if (::stat (name, &info) != 0) return;": "sys",
            "return fstat(fd, &info);": "sys",
            "::readlink(name, text, size);": "sys",
            "unlink(name);": "sys",
            "std::rename(from, to);": "sys",
            "::inotify_add_watch(fd, name, mask);": "sys",
            "auto* d = ::opendir(name);": "sys",
            "std::cout << 1;": None,
            'printf("x");': None,
            'std::puts("x");': None,
            "std::fputs(text, stdout);": "sys/standard_output.cpp",
            "::write(STDOUT_FILENO, text, 1);": "sys/standard_output.cpp",
            "::write(STDERR_FILENO, text, 1);": "sys/standard_error.cpp",
            "std::cerr << 1;": "sys/standard_error.cpp",
            "std::this_thread::sleep_for(d);": None,
            "usleep(1);": None,
            "::sleep(1);": None,
            "std::exit(1);": None,
            "exit (1);": None,
            'fmt::print("x");': None,
        }.items():
            for file in ("protocol/a.cpp", "verbs/a.cpp", "report/a.hpp"):
                self.assert_caught(file, code)
            if allowed:
                self.assert_fine(allowed if "/" in allowed else f"{allowed}/a.cpp", code)
        self.assert_caught("verbs/a.cpp", "auto t = steady_clock::now();", "seams/clock.hpp")

    def test_what_only_looks_like_a_call(self):
        self.assert_fine(
            "verbs/a.cpp", "// exit(1), std::cout and system_clock::now() are banned",
            "/* stdout", " * belongs to the command: printf(x) */", 'say("exit(3), stdout");',
            "std::snprintf(text, size, format);", "::_exit(127);", "int on_exit(int);",
            "char c = '\"'; // puts(x)", "int n = 10'000; int m = 1'0; // usleep(1)",
            'auto r = R"(std::cout "x")";', "my_printf(x);", "int sleeping(int);",
            "term_.open(at);", "int LeaseTerm::open(Mono at) {", "std::ranges::remove(all, one);",
            "if (inotify_is_spare(8)) return;",
            "pipe->open();", "loop.stat(1);", "auto a = status.realpath(x);", "int ofs::f();")
        self.assert_caught("verbs/a.cpp", "char c = '\"'; std::cout << c;", "cout")
        self.assert_caught("verbs/a.cpp", "int n = 1'0; std::cout << '0';", "cout")
        self.assert_fine("cli/a.cpp", '// #include "verbs/run.hpp"')

    def test_spdx_line(self):
        self.assertIn("main.cpp:1:", str(problems_of("main.cpp", "int x;\n")[0]))
        self.assertIn("SPDX", str(problems_of("main.cpp", "")[0]))
        self.assertEqual(problems_of("main.cpp", SPDX + "\n"), [])

    def test_length(self):
        longest = [""] * (MOST_LINES - 1)
        self.assertEqual(self.problems("main.cpp", *longest), [])
        self.assertIn(f"main.cpp:{MOST_LINES + 1}:", self.problems("main.cpp", *longest, "")[0])


if __name__ == "__main__":
    unittest.main()
