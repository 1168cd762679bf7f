"""The tests mirror the headers: tests/<folder>/<name>.cpp holds the one suite "<folder>/<name>".

CTest runs the suites by these names, so a test elsewhere would be run under a wrong name or, worse, forgotten.
"""

import os
import re

import cxx
import seeded

_SUITE = re.compile(r'\bTEST_SUITE(?:_BEGIN)?\s*\(\s*"([^"]*)"')
_OTHERS = ("fuzz/", "consumers/", "architecture/", "support/")


def check(top):
    findings = []
    for path in cxx.sources(os.path.join(top, "tests"), ".", endings=(".cpp",)):
        path = os.path.normpath(path).replace(os.sep, "/")
        if "/" not in path or path.startswith(_OTHERS):
            continue
        text = cxx.without_comments(cxx.read(os.path.join(top, "tests", path)))
        name = path.removesuffix(".cpp")
        suites = _SUITE.findall(text)
        cases = re.search(r"\b(?:TEST_CASE|TEST_CASE_FIXTURE|TEST_CASE_TEMPLATE)\s*\(", text)
        if suites and any(suite != name for suite in suites):
            findings.append(f'tests/{path}:1: the suite must be "{name}", not "{suites[0]}"')
        elif cases and not suites:
            findings.append(f'tests/{path}:1: the cases need TEST_SUITE_BEGIN("{name}") before them')
        elif cases and text.index("TEST_SUITE") > cases.start():
            findings.append(f'tests/{path}:1: a case stands before TEST_SUITE_BEGIN("{name}")')
        elif not cases:
            findings.append(f"tests/{path}:1: no test case; what tests share belongs into tests/support/")
    return findings


GOOD = 'TEST_SUITE_BEGIN("smtp/reply");\nTEST_CASE("a reply")\n{\n}\nTEST_SUITE_END();\n'

CASES = [
    ("a suite of the right name", {"tests/smtp/reply.cpp": GOOD, "tests/main.cpp": "", "tests/support/a.cpp": ""}, []),
    ("a suite of another name", {"tests/smtp/command.cpp": GOOD}, ["tests/smtp/command.cpp", '"smtp/command"', '"smtp/reply"']),
    ("no suite", {"tests/live/a.cpp": 'TEST_CASE("a")\n{\n}\n'}, ['TEST_SUITE_BEGIN("live/a")']),
    ("a suite in a comment", {"tests/smtp/reply.cpp": "// " + GOOD}, ["TEST_SUITE_BEGIN"]),
    ("a case before the suite", {"tests/smtp/reply.cpp": 'TEST_CASE("b")\n{\n}\n' + GOOD}, ["before"]),
    ("no case", {"tests/smtp/reply.cpp": "int a;\n"}, ["no test case"]),
]

if __name__ == "__main__":
    seeded.main(check, CASES, cxx.ROOT, "suites")
