# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Instructions of a message outside of the kernel, counted by Callgrind: they hardly change with the load of the machine."""

import re
import shutil
import subprocess

from load.rig import sink

NO_CHUNKING = ("--chunking", "0")
TLS = ("--tls", "implicit")
RUNS = [  # who, its arguments, the sink's options
    ("burst, DATA", "smtp_load", ["--mode", "burst"], NO_CHUNKING),
    ("burst, DATA, 50 connections", "smtp_load", ["--mode", "burst", "--conns", "50"], NO_CHUNKING),
    ("burst, BDAT", "smtp_load", ["--mode", "burst"], ()),
    ("chunked", "smtp_load", ["--mode", "chunked"], ()),
    ("pipelined", "smtp_load", ["--mode", "pipelined"], ()),
    ("pipelined, by the pool", "smtp_load", ["--mode", "pipelined", "--via", "pool"], ()),
    ("sequential", "smtp_load", ["--mode", "sequential"], ()),
    ("burst, DATA, TLS", "smtp_load", ["--mode", "burst", *TLS], (*TLS, *NO_CHUNKING)),
    ("a connection each", "smtp_load", ["--reuse", "0"], ()),
    ("floor pipex", "floor", ["--shape", "pipex"], ()),
    ("floor bdat", "floor", ["--shape", "bdat"], ()),
    ("floor classic", "floor", ["--shape", "classic"], ()),
]


def collected(rig, program, port, size, n, arguments):
    ca = ["--ca", str(rig.folder / "ca.pem")] if "--tls" in arguments else []
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", rig.program(program), "--port",
                           str(port), "--file", str(rig.message(size)), "--n", str(n), *arguments, *ca], capture_output=True,
                          text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise RuntimeError("under Callgrind: " + done.stderr.strip()[-300:])
    return int(found.group(1))


def count(rig):
    if not shutil.which("valgrind"):
        raise RuntimeError("there is no valgrind")
    sizes = ("1k", "10k", "100k")
    print(f"{'instructions of a message':32}" + "".join(f"{s:>12}" for s in sizes))
    for title, program, arguments, options in RUNS:
        line = f"{title:32}"
        for size in sizes:
            server = sink(rig, size, options, spin=False)
            try:
                few, many = (200, 700) if size != "100k" else (50, 150)
                a, b = (collected(rig, program, server.port, size, n, arguments) for n in (few, many))
            finally:
                server.stop()
            line += f"{(b - a) / (many - few):12.0f}"
        print(line, flush=True)
    return 0
