#!/usr/bin/env python3
#
# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT
#
"""What including posthorn costs: each umbrella by itself, beside asio.hpp and asio/ssl.hpp.

Compiles files that only include, in turns, and prints medians of processor time and peak memory of the compiler, and their
ratios to Asio alone. Exit status 1 if posthorn/smtp.hpp is above its limit and --check was given.

    CXX=g++ python3 benchmarks/compile.py [--rounds 5] [--define ASIO_SEPARATE_COMPILATION] [--check]
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "include")

BASELINE = "asio.hpp + asio/ssl.hpp"
LIMITED = "posthorn/smtp.hpp"
LIMIT = 1.3

UNITS = {
    BASELINE: ["asio.hpp", "asio/ssl.hpp"],
    "posthorn/coro.hpp": ["posthorn/coro.hpp"],
    LIMITED: ["posthorn/smtp.hpp"],
    "posthorn/httpmail.hpp": ["posthorn/httpmail.hpp"],
    "posthorn/posthorn.hpp": ["posthorn/posthorn.hpp"],
    "imnxport.h": ["imnxport.h"],
    "posthorn/legacy.hpp": ["posthorn/legacy.hpp"],
}


def has_header(command, header):
    run = subprocess.run(command + ["-E", "-x", "c++", "-o", os.devnull, "-"], input=f"#include <{header}>\n",
                         text=True, stderr=subprocess.DEVNULL)
    return run.returncode == 0


def compiler_command(defines):
    command = shlex.split(os.environ.get("CXX", "g++")) + ["-std=c++20"]
    # As CMakeLists.txt does it: what is installed is used.
    for header, macro in (("idn2.h", "POSTHORN_WITH_IDN2=1"), ("stringprep.h", "POSTHORN_WITH_LIBIDN=1")):
        if has_header(command, header):
            defines = defines + [macro]
    defines = ["ASIO_STANDALONE", "ASIO_NO_DEPRECATED"] + defines
    return (command + ["-O2"] + [f"-D{d}" for d in defines] +
            [f"-I{INCLUDE}", f"-I{os.path.join(INCLUDE, 'posthorn', 'legacy')}"])


def compile_once(command, source):
    """Seconds of processor time, seconds of wall time, and MiB at the peak, of one compilation."""
    start = os.times().elapsed
    process = subprocess.Popen(command + ["-c", "-o", os.devnull, source])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = os.times().elapsed - start
    if process.returncode != 0:
        sys.exit(f"{source} does not compile")
    # The peak is the largest of the driver and the processes it waited for: the compiler proper.
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024


def measure(command, units, rounds):
    figures = {name: [] for name in units}
    with tempfile.TemporaryDirectory() as folder:
        sources = {}
        for number, (name, headers) in enumerate(units.items()):
            sources[name] = os.path.join(folder, f"unit{number}.cpp")
            with open(sources[name], "w", encoding="utf-8") as file:
                file.writelines(f"#include <{header}>\n" for header in headers)
        for _ in range(rounds):
            for name, source in sources.items():
                figures[name].append(compile_once(command, source))
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--define", action="append", default=[], metavar="MACRO")
    arguments.add_argument("--only", action="append", default=[], metavar="NAME", help="a part of a unit's name")
    arguments.add_argument("--check", action="store_true", help=f"fail if {LIMITED} costs more than {LIMIT} times Asio")
    options = arguments.parse_args()

    command = compiler_command(options.define)
    units = {name: headers for name, headers in UNITS.items()
             if not options.only or name == BASELINE or any(part in name for part in options.only)}
    if not has_header(command, "expat.h"):
        for name in ("posthorn/httpmail.hpp", "posthorn/legacy.hpp"):
            units.pop(name, None)

    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    print(f"{version}; {' '.join(a for a in command[1:] if not a.startswith('-I'))}; median of {options.rounds} rounds")
    print(f"{'only includes':26} {'CPU s':>7} {'wall s':>7} {'MiB':>6} {'x time':>7} {'x memory':>9}")
    medians = measure(command, units, options.rounds)
    base = medians[BASELINE]
    for name, (cpu, wall, memory) in medians.items():
        print(f"{name:26} {cpu:7.2f} {wall:7.2f} {memory:6.0f} {cpu / base[0]:7.2f} {memory / base[2]:9.2f}")
    if LIMITED not in medians:
        return 0
    met = medians[LIMITED][0] <= LIMIT * base[0] and medians[LIMITED][2] <= LIMIT * base[2]
    print(f"{LIMITED} <= {LIMIT} x time and memory of {BASELINE}: {'met' if met else 'not met'}")
    return 1 if options.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
