#!/usr/bin/env python3
# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Runs load generators of several libraries against the verifying sink, in turns, and compares what a message costs.

Started by run.sh, which installs and builds what this needs.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from load.check import check
from load.instructions import count
from load.report import Result, markdown, print_scenario, write_readme
from load.rig import Rig, Server, sink
from load.scenarios import scenarios

HERE = pathlib.Path(__file__).resolve().parent


def command(rig, scenario, contender, port, n, conns=None):
    """@return The arguments; None if the program is not there."""
    size = scenario.size
    conns = conns or scenario.conns
    if contender.external:
        program = shutil.which(contender.program) or shutil.which(contender.program, path="/usr/sbin:/usr/local/sbin")
        if not program:
            return None
        reuse = [] if "--reuse" in scenario.arguments else ["-d"]
        return [rig.program("measure"), str(n), program, *reuse, "-s", str(conns), "-m", str(n),
                "-F", str(rig.message(size).with_suffix(".source")), "-f", "load@example.org", "-t", "sink@example.net",
                "-M", "load.example.org", f"inet:127.0.0.1:{port}"]
    arguments = list(scenario.arguments)
    if contender.arguments[:1] == ["--tls"]:
        arguments = arguments[2:] if arguments[:1] == ["--tls"] else arguments
    arguments += contender.arguments
    if "--tls" in arguments:
        arguments += ["--ca", str(rig.folder / "ca.pem")]
    if contender.program.endswith(".py"):
        program = [sys.executable, str(HERE / "peers" / contender.program)]
    elif contender.program.endswith(".js"):
        node = shutil.which("node") or shutil.which("nodejs")
        if not node or not (rig.build / "node_modules" / "nodemailer").exists():
            return None
        program = [node, str(HERE / "peers" / contender.program)]
    else:
        program = rig.program(contender.program)
        if not program:
            return None
        program = [program]
    return [*program, "--host", "127.0.0.1", "--port", str(port), "--n", str(n), "--conns", str(conns), "--file", str(
                rig.message(size)), *arguments]


def start(rig, arguments):
    environment = dict(os.environ, NODE_PATH=str(rig.build / "node_modules"))
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                            preexec_fn=rig.pin(rig.client_core))


def finish(process, seconds):
    """@return The figures. @throws RuntimeError if not all was accepted."""
    try:
        out, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise RuntimeError(f"nothing after {seconds} s") from None
    if process.returncode != 0:
        raise RuntimeError((complaint.strip() or out.strip() or f"exit code {process.returncode}")[:1000])
    return json.loads(out.strip().splitlines()[-1])


def run_scenario(rig, scenario, rounds, scale, with_peers):
    result = Result()
    servers, ports, expected = {}, {}, {}
    contenders = [c for c in scenario.contenders if with_peers or not c.peer]
    try:
        for c in contenders:
            options = tuple(scenario.sink)
            if c.sink[:1] == ("--tls",):
                options = ()
            options += c.sink
            if options not in servers:
                server = sink(rig, scenario.size, options, not scenario.relay)
                servers[options] = [server]
                ports[options] = server.port
                expected[options] = 0
                if scenario.relay:
                    way = Server(rig, [rig.program("relay"), "--to", str(server.port), "--delay-us", "25000"])
                    servers[options].append(way)
                    ports[options] = way.port
            c.key = options
            result.runs[c.name] = []
        if scenario.relay:
            run_at_once(rig, scenario, contenders, ports, expected, result)
        else:
            for number in range(1 if scenario.once else rounds):
                run_round(rig, scenario, contenders, ports, expected, result, number, scale)
    finally:
        ended = any(s.process.poll() is not None for all_of_it in servers.values() for s in all_of_it)
        if ended:
            print("run.sh: somebody else has ended the sink or the relay", file=sys.stderr)
        told = {options: [s.stop() for s in reversed(all_of_it)][-1] for options, all_of_it in servers.items()}
    if ended:
        raise RuntimeError(f"{scenario.name}: not measured to its end")
    for options, text in told.items():
        seen = json.loads(text.strip().splitlines()[-1])
        if expected[options] is None:  # somebody failed here, which is told
            continue
        if seen["wrong"] or seen["accepted"] != expected[options]:
            raise RuntimeError(f"{scenario.name}: the sink has seen {seen}, but {expected[options]} messages were reported")
    return result


def expect(expected, key, n):
    if expected[key] is not None:
        expected[key] += n


def run_round(rig, scenario, contenders, ports, expected, result, number, scale):
    turn = number % len(contenders)
    for c in contenders[turn:] + contenders[:turn]:
        if c.name in result.missing:
            continue
        n = max(1, int(scenario.n * c.n * scale)) if scenario.n > 1 else scenario.n
        n = max(n, scenario.conns) if scenario.n > 1 else n
        arguments = command(rig, scenario, c, ports[c.key], n)
        if arguments is None:
            result.missing[c.name] = "not installed"
            continue
        try:
            figures = finish(start(rig, arguments), 300)
            expect(expected, c.key, n)
            if c.external and scenario.n > 1:  # what it costs to start it belongs to no message
                one = finish(start(rig, command(rig, scenario, c, ports[c.key], 1)), 60)
                expect(expected, c.key, 1)
                figures["cpu_us_per_message"] = max(0.0, (figures["cpu_seconds"] - one["cpu_seconds"]) * 1e6 / (n - 1))
            if scenario.sessions:
                few = finish(start(rig, command(rig, scenario, c, ports[c.key], 4, 1)), 60)
                expect(expected, c.key, 4)
                figures["session_peak_kib"] = (figures["peak_rss_kib"] - few["peak_rss_kib"]) / (scenario.conns - 1)
            result.runs[c.name].append(figures)
        except RuntimeError as e:
            if not c.peer:
                raise RuntimeError(f"{scenario.name}: {c.name}: {e}") from None
            result.missing[c.name] = str(e)
            result.runs[c.name] = []
            expected[c.key] = None


def run_at_once(rig, scenario, contenders, ports, expected, result):
    """All together: they do little but wait."""
    running = []
    for c in contenders:
        arguments = command(rig, scenario, c, ports[c.key], scenario.n)
        if arguments is None:
            result.missing[c.name] = "not installed"
        else:
            running.append((c, start(rig, arguments)))
    for c, process in running:
        try:
            result.runs[c.name].append(finish(process, 120))
            expect(expected, c.key, scenario.n)
        except RuntimeError as e:
            if not c.peer:
                raise RuntimeError(f"{scenario.name}: {c.name}: {e}") from None
            result.missing[c.name] = str(e)
            expected[c.key] = None


def main():
    options = argparse.ArgumentParser(prog="run.sh", description=__doc__.splitlines()[0])
    options.add_argument("--build", required=True, help="where the programs are")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", action="append", metavar="SCENARIO", help="one of --list; may be repeated")
    options.add_argument("--quick", action="store_true", help="few messages, for a look")
    options.add_argument("--no-peers", action="store_true", help="posthorn and the floor only")
    options.add_argument("--spin", type=int, default=1, help="0: the sink sleeps when there is nothing to do")
    options.add_argument("--readme", help="the file whose table is written")
    options.add_argument("--json", help="where all figures go")
    options.add_argument("--list", action="store_true")
    options.add_argument("--check", action="store_true", help="check the tools instead")
    options.add_argument("--instructions", action="store_true", help="count instructions instead")
    options = options.parse_args()

    everything = scenarios()
    if options.list:
        for s in everything:
            print(f"{s.name:20} {s.title}")
        return 0
    unknown = set(options.only or []) - {s.name for s in everything}
    if unknown:
        print("no such scenario: " + ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends, too
    rig = Rig(options)
    try:
        if options.check:
            return check(rig)
        if options.instructions:
            return count(rig)
        done = []
        begin = time.monotonic()
        for s in everything:
            if options.only and s.name not in options.only:
                continue
            result = run_scenario(rig, s, options.rounds, 0.1 if options.quick else 1.0, not options.no_peers)
            done.append((s, result))
            print_scenario(s, result)
        print(f"\n{time.monotonic() - begin:.0f} s")
        if options.json:
            raw = {s.name: {"runs": r.runs, "missing": r.missing} for s, r in done}
            pathlib.Path(options.json).write_text(json.dumps(raw, indent=1), encoding="utf-8")
        if options.readme:
            write_readme(options.readme, markdown(rig, done, options.rounds))
        return 0
    except RuntimeError as e:
        print(f"run.sh: {e}", file=sys.stderr)
        return 1
    finally:
        rig.close()


if __name__ == "__main__":
    sys.exit(main())
