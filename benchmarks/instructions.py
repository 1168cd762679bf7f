#!/usr/bin/env python3
#
# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT
#
"""Counts the instructions of each core by callgrind, and compares them with benchmarks/instructions.txt.

Counts do not depend on what else the machine does, so a regression of some per cent is seen. They depend on the compiler and
the C library: the file has them for each. Exit status 1 if a core needs more than it should, or is not in the file; 2 if
there are no counts for this compiler.

    CXX=g++ python3 benchmarks/instructions.py [--write] [--tolerance 3] [--no-install]
"""

import argparse
import glob
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile

BENCHMARKS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(BENCHMARKS)
COUNTS = os.path.join(BENCHMARKS, "instructions.txt")
HEAD = """# Instructions for one call of each core, counted by callgrind: compiler, core, count.
# Renewed by `python3 benchmarks/instructions.py --write`, which keeps the lines of other compilers.
"""


def install():
    script = '. "$0/tests/support/packages.sh" && install_packages $packages_build $packages_benchmarks'
    subprocess.run(["sh", "-c", script, ROOT], check=True)


def toolchain(compiler):
    """What the counts depend on, as one word."""
    macros = subprocess.run(compiler + ["-std=c++20", "-dM", "-E", "-x", "c++", "-"], input="#include <version>\n",
                            capture_output=True, text=True, check=True).stdout
    value = dict(re.findall(r"^#define (\w+) (.*)$", macros, re.M))
    name = "clang" if "__clang__" in value else "gcc"
    version = [value["__clang_major__"], value["__clang_minor__"]] if name == "clang" else \
        [value["__GNUC__"], value["__GNUC_MINOR__"]]
    return f"{name}-{'.'.join(version)}-{platform.machine()}-{'-'.join(platform.libc_ver())}"


def count(compiler):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "cores")
        subprocess.run(compiler + ["-std=c++20", "-O2", "-DASIO_STANDALONE", "-DASIO_NO_DEPRECATED",
                                   f"-I{os.path.join(ROOT, 'include')}",
                                   os.path.join(BENCHMARKS, "instructions", "cores.cpp"), "-o", program,
                                   "-lssl", "-lcrypto", "-pthread"], check=True)
        run = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.path.join(folder, 'out')}",
                              program], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"callgrind failed:\n{run.stderr}")
        rounds = int(run.stdout.split()[0])
        counts = {}
        for path in glob.glob(os.path.join(folder, "out.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            name = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            if name and total:
                counts[name.group(1)] = round(int(total.group(1)) / rounds)
        if not counts:
            sys.exit("callgrind wrote no counts")
        return counts


def read_counts():
    counts = {}
    if os.path.exists(COUNTS):
        with open(COUNTS, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    tools, core, number = line.split()
                    counts[tools, core] = int(number)
    return counts


def write_counts(counts):
    with open(COUNTS, "w", encoding="utf-8") as file:
        file.write(HEAD)
        file.writelines(f"{tools} {core} {number}\n" for (tools, core), number in sorted(counts.items()))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--write", action="store_true", help="make the counts of now the ones to compare with")
    arguments.add_argument("--tolerance", type=float, default=3.0, metavar="PERCENT")
    arguments.add_argument("--no-install", action="store_true", help="do not install missing packages")
    options = arguments.parse_args()
    if not options.no_install:
        install()

    compiler = shlex.split(os.environ.get("CXX", "g++"))
    tools = toolchain(compiler)
    known = read_counts()
    measured = count(compiler)
    wrong = []
    print(f"{tools}: instructions for one call")
    for core, number in sorted(measured.items()):
        before = known.get((tools, core))
        change = "" if before is None else f"{(number / before - 1) * 100:+7.2f} %"
        print(f"{core:26} {number:9} {change}")
        if before is None:
            wrong.append(f"{core} is not in instructions.txt")
        elif number > before * (1 + options.tolerance / 100):
            wrong.append(f"{core} needs {number} instructions, and should need {before}")
    gone = [core for (t, core) in known if t == tools and core not in measured]
    wrong += [f"{core} was not measured" for core in gone]

    if options.write:
        kept = {key: number for key, number in known.items() if key[0] != tools}
        kept.update({(tools, core): number for core, number in measured.items()})
        write_counts(kept)
        return 0
    if not any(t == tools for t, _ in known):
        print(f"instructions.txt has no counts of {tools}: --write adds them")
        return 2
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
