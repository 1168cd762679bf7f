"""How every header of the library starts and ends.

The licence comment, a comment that says what the header is for, a guard named after its path, and the #endif at the end.
A header that only forwards to another one, as another spelling of its name does, needs no guard of its own.
"""

import os
import re

import cxx
import seeded

LICENCE = """//
// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT
//
"""


def guard_of(header):
    return re.sub(r"[^A-Z0-9]", "_", header.upper())


def findings_in(header, text, guards):
    if not text.startswith(LICENCE):
        return [(1, "the file starts with another text than the licence comment (see core/version.hpp)")]
    if not re.match(r"\n// [^\n]{10,}\n(?://[^\n]*\n)*\n", text[len(LICENCE):]):
        return [(LICENCE.count("\n") + 2, "after the licence and a blank line, a comment says what this header is for, "
                                          "followed by a blank line")]
    lines = cxx.without_comments(text).split("\n")
    code = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if code and all(line.startswith("#include") for _, line in code):
        return []
    guard = guard_of(header)
    first = code[0] if code else (len(lines), "")
    second = code[1][1] if len(code) > 1 else ""
    if first[1] != f"#ifndef {guard}" or second != f"#define {guard}":
        return [(first[0], f"the guard must be {guard}: #ifndef and #define before any other code")]
    if code[-1][1] != "#endif":
        return [(code[-1][0], f"the last line must be the #endif of {guard}")]
    if not text.endswith("\n") or text.endswith("\n\n"):
        return [(len(lines), "the file must end with one line feed")]
    if guards.setdefault(guard, header) != header:
        return [(first[0], f"the guard {guard} is used by <{guards[guard]}> too: one of the two must only forward")]
    return []


def check(top):
    findings, guards = [], {}
    tree = os.path.join(top, "include")
    for header in cxx.sources(tree, "posthorn", endings=(".hpp", ".ipp", ".h")):
        text = cxx.read(os.path.join(tree, header))
        findings += [f"include/{header}:{line}: {what}" for line, what in findings_in(header, text, guards)]
    return findings


GOOD = LICENCE + """
// Says what this header is for,
// in one or two lines.

#ifndef POSTHORN_CORE_A_B_HPP
#define POSTHORN_CORE_A_B_HPP

#include <cstddef>

#endif
"""
PATH = "include/posthorn/core/a_b.hpp"

CASES = [
    ("a good header", {PATH: GOOD}, []),
    ("a forwarding header without guard",
     {"include/posthorn/legacy/Old.h": LICENCE + "\n// The other spelling of old.h.\n\n#include <posthorn/legacy/old.h>\n"}, []),
    ("no licence", {PATH: GOOD.removeprefix(LICENCE)}, [PATH + ":1", "licence"]),
    ("another licence", {PATH: GOOD.replace("MIT", "BSL-1.0")}, [PATH + ":1", "licence"]),
    ("a blank line before the licence", {PATH: "\n" + GOOD}, ["licence"]),
    ("no word about its purpose", {PATH: GOOD.replace("// Says what this header is for,\n// in one or two lines.\n\n", "")},
     [PATH + ":7", "what this header is for"]),
    ("an empty word about its purpose", {PATH: GOOD.replace("Says what this header is for,", "")}, ["what this header is for"]),
    ("a guard of another path", {PATH: GOOD.replace("CORE_A_B", "A_B")}, [PATH + ":10", "POSTHORN_CORE_A_B_HPP"]),
    ("a guard tested but not defined", {PATH: GOOD.replace("#define POSTHORN_CORE_A_B_HPP", "#define A")}, ["must be"]),
    ("code before the guard", {PATH: GOOD.replace("#ifndef", "#include <string>\n#ifndef")}, ["before any other code"]),
    ("no guard at all", {PATH: LICENCE + "\n// Says what this is for.\n\n#include <string>\nint a;\n"}, ["must be"]),
    ("code after the guard", {PATH: GOOD + "int a;\n"}, ["last line"]),
    ("no line feed at the end", {PATH: GOOD.rstrip("\n")}, ["one line feed"]),
    ("two headers with one guard",
     {"include/posthorn/core/A.hpp": GOOD.replace("A_B", "A"), "include/posthorn/core/a.hpp": GOOD.replace("A_B", "A")},
     ["POSTHORN_CORE_A_HPP", "too"]),
]

if __name__ == "__main__":
    seeded.main(check, CASES, cxx.ROOT, "headers")
