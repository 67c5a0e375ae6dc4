# SPDX-License-Identifier: MIT
"""Holds "include what you use" for the standard library: who spells std::uint32_t includes <cstdint>.

One standard header may include another, and the next release of the library may not: Debian 13 did
not build for want of a <cstdint>. What a header of ufl includes may be relied on, also through other
headers of ufl; what a standard or system header includes may not.

Run as python3 -B tests/lint/check_standard_includes.py
"""

import functools
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREES = ("src", "tests")

# Header -> the names that it declares, and that a program of this kind uses.
STANDARD = {
    "algorithm": "all_of any_of binary_search clamp copy copy_if copy_n count count_if equal fill "
                 "find find_if find_if_not for_each generate is_sorted lower_bound max_element "
                 "min_element mismatch none_of partition remove_if replace reverse rotate search "
                 "shuffle sort stable_sort transform unique upper_bound max min",
    "array": "array", "atomic": "atomic atomic_flag memory_order_relaxed",
    "bit": "bit_cast countl_zero countr_zero has_single_bit popcount rotl",
    "charconv": "from_chars to_chars", "chrono": "chrono",
    "cmath": "ceil floor isfinite isnan llround log lround pow round sqrt",
    "condition_variable": "condition_variable",
    "cstdint": "int8_t int16_t int32_t int64_t intmax_t intptr_t uint8_t uint16_t uint32_t "
               "uint64_t uintmax_t uintptr_t",
    "cstdio": "FILE fclose fopen fprintf fputs fread fwrite perror printf snprintf",
    "cstdlib": "_Exit abort exit free getenv malloc strtol system",
    "cstring": "memchr memcmp memcpy memmove memset strchr strcmp strerror strlen strncmp",
    "ctime": "gmtime localtime mktime strftime time time_t tm",
    "deque": "deque", "exception": "current_exception exception exception_ptr rethrow_exception",
    "filesystem": "filesystem", "fstream": "fstream ifstream ofstream",
    "functional": "bind_front cref function greater invoke less not_fn plus ref",
    "future": "async future promise", "initializer_list": "initializer_list",
    "iomanip": "setfill setprecision setw", "iostream": "cerr cin clog cout",
    "iterator": "advance back_inserter distance inserter istreambuf_iterator",
    "limits": "numeric_limits", "list": "list", "map": "map multimap",
    "memory": "make_shared make_unique shared_ptr unique_ptr weak_ptr",
    "mutex": "call_once lock_guard mutex scoped_lock unique_lock",
    "numeric": "accumulate iota reduce", "optional": "make_optional nullopt optional",
    "queue": "priority_queue queue",
    "random": "discrete_distribution mt19937 mt19937_64 random_device uniform_int_distribution",
    "set": "multiset set", "span": "span",
    "sstream": "istringstream ostringstream stringstream",
    "stdexcept": "invalid_argument logic_error out_of_range runtime_error",
    "string": "getline stoi stoul stoull string to_string", "string_view": "string_view",
    "system_error": "errc error_code generic_category make_error_code system_category system_error",
    "thread": "jthread thread this_thread", "tuple": "make_tuple tie tuple",
    "type_traits": "decay_t is_same_v remove_cvref_t underlying_type_t",
    "typeinfo": "type_info", "unordered_map": "unordered_map", "unordered_set": "unordered_set",
    "utility": "as_const exchange forward in_place make_pair move pair swap",
    "variant": "get_if holds_alternative monostate variant visit", "vector": "vector",
}
# Names that several headers declare: any of them will do.
SEVERAL = {
    "ostream": ("iosfwd", "ostream", "iostream", "fstream", "sstream"),
    "istream": ("iosfwd", "istream", "iostream", "fstream", "sstream"),
    "ptrdiff_t": ("cstddef",),
    "size_t": ("cstddef", "cstdio", "cstdlib", "cstring", "ctime"),
}
HEADERS_OF = {name: (header,) for header, names in STANDARD.items() for name in names.split()}
HEADERS_OF.update(SEVERAL)

# errno and its values: no name of namespace std.
ERRNO = re.compile(r"\berrno\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"|"(?:\\.|[^"\\\n])*"'
    r"|^\s*#\s*include[^\n]*", re.S | re.M)


@functools.cache
def text_of(path):
    """What the file holds; nothing if there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def reached(text, seen=None):
    """Every header that `text` includes itself or through headers of ufl."""
    seen = set() if seen is None else seen
    for header in INCLUDE.findall(text):
        if header not in seen:
            seen.add(header)
            for tree in TREES:
                reached(text_of(ROOT / tree / header), seen)
    return seen


def problems_of(text):
    """Lines that say which name of `text` lacks which header."""
    headers = reached(text)
    code = NOT_CODE.sub("", text)
    wanted = {name: HEADERS_OF[name] for name in re.findall(r"\bstd::(\w+)", code)
              if name in HEADERS_OF}
    if ERRNO.search(code):
        wanted["errno"] = ("cerrno", "errno.h")
    return [f"{name}: include <{of[0]}>" for name, of in sorted(wanted.items())
            if headers.isdisjoint(of)]


class TheSources(unittest.TestCase):
    """src/ and tests/ include what they use."""

    def test_include_what_they_use(self):
        files = [p for tree in TREES for p in sorted((ROOT / tree).rglob("*.[ch]pp"))]
        self.assertIn(ROOT / "src/sys/name_watch.cpp", files)
        problems = [f"{path.relative_to(ROOT)}: {what}"
                    for path in files for what in problems_of(text_of(path))]
        self.assertEqual(problems, [], "\n" + "\n".join(problems))


class TheChecker(unittest.TestCase):
    """It sees what lacks, and what is there."""

    def test_what_lacks(self):
        self.assertEqual(problems_of("std::uint32_t x;"), ["uint32_t: include <cstdint>"])
        self.assertEqual(problems_of("#include <string>\nstd::string_view x;"),
                         ["string_view: include <string_view>"])
        self.assertEqual(problems_of("int x = errno;"), ["errno: include <cerrno>"])

    def test_what_is_there(self):
        for text in ("#include <cstdint>\nstd::uint32_t x;", "// std::uint32_t",
                     'f("std::vector");', "#include <ctime>\nstd::size_t x;", "std::unknown x;",
                     '#include "seams/clock.hpp"\nstd::chrono::seconds x;'):
            with self.subTest(text):
                self.assertEqual(problems_of(text), [])


if __name__ == "__main__":
    unittest.main()
