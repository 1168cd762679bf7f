# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Do the tools do what they say? Not how fast."""

import json
import subprocess

from load.rig import sink


def check(rig):
    """That the tools do what they say, not how fast."""
    failures = []

    def expect(what, truth):
        print(("ok      " if truth else "FAILED  ") + what)
        if not truth:
            failures.append(what)

    def load(program, port, size, *arguments):
        done = subprocess.run([rig.program(program), "--host", "127.0.0.1", "--port", str(port), "--file",
                               str(rig.message(size)), *arguments], capture_output=True, text=True, check=False, timeout=120)
        figures = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return done.returncode, figures

    def against(options, size, work):
        server = sink(rig, size, options)
        try:
            work(server.port)
        finally:
            told = json.loads(server.stop().strip().splitlines()[-1])
        return told

    tls = ("--tls", "implicit", "--user", "user", "--pass", "pass")
    secured = ["--tls", "implicit", "--ca", str(rig.folder / "ca.pem"), "--auth", "1"]
    for mode in ("sequential", "pipelined", "chunked", "burst", "fastest"):
        for size in ("1k", "100k"):
            for conns in (1, 7):
                for more in ([], ["--stream", "1"]):
                    got = {}
                    seen = against((), size, lambda port: got.update(enumerate(load(
                        "smtp_load", port, size, "--n", "50", "--conns", str(conns), "--mode", mode, *more))))
                    expect(f"smtp_load {mode} {size} over {conns} {' '.join(more)}",
                           got[0] == 0 and got[1].get("messages") == 50 and seen["accepted"] == 50 and seen["wrong"] == 0
                           and seen["connections"] == conns)
    trips = {}
    against((), "1k", lambda port: [trips.update({m: load("smtp_load", port, "1k", "--n", "200", "--mode", m)[1]})
                                    for m in ("sequential", "pipelined", "chunked", "burst")])
    wanted = {"sequential": 4, "pipelined": 2, "chunked": 1}
    for mode, n in wanted.items():
        expect(f"smtp_load {mode} makes {n} round trips", abs(trips[mode].get("round_trips_per_message", 0) - n) < 0.05)
    expect("smtp_load burst makes few round trips", trips["burst"].get("round_trips_per_message", 9) < 0.5)
    for name, arguments, sessions in (("", [], 0), (", resumed", ["--reuse", "0"], 1), (", fresh", ["--reuse", "0", "--resume", "0"], 0)):
        for program in ("smtp_load", "floor"):
            shape = ["--shape", "bdat1"] if program == "floor" else []
            got = {}
            seen = against(tls, "10k", lambda port: got.update(enumerate(load(
                program, port, "10k", "--n", "20", *secured, *arguments, *shape))))
            expect(f"{program} with TLS and a login{name}", got[0] == 0 and seen["accepted"] == 20
                   and (seen["resumed"] > 0) == bool(sessions) and seen["connections"] == (20 if arguments else 1))
    starttls = {}
    seen = against(("--tls", "starttls"), "1k", lambda port: starttls.update(enumerate(load(
        "smtp_load", port, "1k", "--n", "20", "--tls", "starttls", "--ca", str(rig.folder / "ca.pem")))))
    expect("smtp_load with STARTTLS", starttls[0] == 0 and seen["accepted"] == 20)
    for shape in ("classic", "pipe", "pipex", "bdat1", "bdat"):
        for conns in (1, 7):
            got = {}
            seen = against((), "10k", lambda port: got.update(enumerate(load(
                "floor", port, "10k", "--n", "100", "--conns", str(conns), "--shape", shape))))
            expect(f"floor {shape} over {conns}", got[0] == 0 and seen["accepted"] == 100 and seen["wrong"] == 0)
    # What must fail does.
    for mode in ("sequential", "pipelined", "chunked", "burst"):
        got = {}
        seen = against(("--refuse", "10"), "1k", lambda port: got.update(enumerate(load(
            "smtp_load", port, "1k", "--n", "50", "--mode", mode))))
        expect(f"smtp_load {mode} fails if messages are refused", got[0] != 0 and seen["accepted"] == 45 and seen["refused"] == 5)
    text = bytearray(rig.message("10k").read_bytes())
    for what, change in (("an octet changed", lambda t: t.__setitem__(5000, t[5000] ^ 1)), ("an octet lost", lambda t: t.pop(5000)),
                         ("a line more", lambda t: t.extend(b"more\r\n"))):
        broken = bytearray(text)
        change(broken)
        (rig.folder / "broken").write_bytes(broken)
        rig.made["broken"] = rig.folder / "broken"
        for mode in ("pipelined", "chunked"):
            got = {}
            seen = against((), "10k", lambda port: got.update(enumerate(load(
                "smtp_load", port, "broken", "--n", "3", "--mode", mode))))
            expect(f"the sink notices {what}, {mode}", got[0] != 0 and seen["wrong"] == 3 and seen["accepted"] == 0)
        if what != "a line more":
            continue
        seen = against(("--verify", "body"), "10k", lambda port: load("smtp_load", port, "broken", "--n", "3", "--mode", "pipelined"))
        expect("the sink notices it in the body alone", seen["wrong"] == 3)
    other = text.replace(b"Subject: benchmark", b"Subject: another one", 1)
    (rig.folder / "other").write_bytes(other)
    rig.made["other"] = rig.folder / "other"
    seen = against(("--verify", "body"), "10k", lambda port: load("smtp_load", port, "other", "--n", "3", "--mode", "pipelined"))
    expect("another header section is none of --verify body's business", seen["accepted"] == 3 and seen["wrong"] == 0)
    print(f"{len(failures)} failed")
    return 1 if failures else 0
