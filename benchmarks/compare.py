#!/usr/bin/env python3
# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""Runs load generators of several libraries against the verifying sink, in turns, and compares what a message costs.

Started by run.sh, which installs and builds what this needs.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
MIB = 1024 * 1024
SIZES = {"1k": 1024, "4k": 4096, "10k": 10240, "100k": 102400, "64m": 64 * MIB}
SIZE_NAMES = {"1k": "1 KiB", "4k": "4 KiB", "10k": "10 KiB", "100k": "100 KiB", "64m": "64 MiB"}


# ---- what is sent, and where ---------------------------------------------------------------------------------------------


def make_message(path, size):
    """Exactly `size` octets with CRLF; a line of fifty begins with a dot. It ends with an empty line, since smtp-source sends
    one whatever it is given."""
    head = (b"From: <load@example.org>\r\nTo: <sink@example.net>\r\nSubject: benchmark\r\n"
            b"Date: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n")
    block = b""
    for i in range(100):
        block += (b"." if i % 50 == 49 else b"") + b"%02d the quick brown fox jumps over the lazy dog and naps" % i + b"\r\n"
    rest = size - len(head) - 2
    body = (block * (rest // len(block) + 1))[:rest]
    body = body[:-4].rstrip(b"\r\n.")  # no end of a line cut in two
    body += b"x" * (rest - 2 - len(body)) + b"\r\n"
    text = head + body + b"\r\n"
    assert len(text) == size
    path.write_bytes(text)
    path.with_suffix(".source").write_bytes(text[:-2].replace(b"\r\n", b"\n")[:-1])


def make_certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=benchmark", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "sink.key", "-out", "sink.csr")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", "sink.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "ext", "-out", "sink.pem")


class Rig:
    """Programs, files and processors."""

    def __init__(self, options):
        self.build = pathlib.Path(options.build).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-bench-"))
        self.spin = options.spin
        cores = sorted(os.sched_getaffinity(0))
        self.client_core, self.sink_core = cores[0], cores[-1]
        self.pinned = len(cores) > 1
        make_certificates(self.folder)
        self.made = {}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, size):
        if size not in self.made:
            self.made[size] = self.folder / size
            make_message(self.made[size], SIZES[size])
        return self.made[size]

    def program(self, name):
        for place in (self.build / name, self.build / "peers" / name):
            if place.exists():
                return str(place)
        return None

    def pin(self, core):
        return (lambda: os.sched_setaffinity(0, {core})) if self.pinned else None


class Server:
    """The sink, or the relay before it."""

    def __init__(self, rig, arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, preexec_fn=rig.pin(rig.sink_core))
        first = self.process.stdout.readline()
        if not first.startswith("listening "):
            raise RuntimeError("cannot start " + " ".join(arguments))
        self.port = int(first.split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        rest = self.process.stdout.read()
        self.process.wait()
        return rest


def sink(rig, size, options, spin=True):
    arguments = [rig.program("sink"), "--file", str(rig.message(size)), *options]
    if "--tls" in options:
        arguments += ["--cert", str(rig.folder / "sink.pem"), "--key", str(rig.folder / "sink.key")]
    return Server(rig, arguments + ["--spin", "1" if rig.spin and spin else "0"])


# ---- who sends -----------------------------------------------------------------------------------------------------------


class Contender:
    """A load generator with its arguments.

    sink: more options for the sink. n: of messages, as a part of the scenario's. external: it tells nothing itself."""

    def __init__(self, name, program, arguments=(), sink=(), n=1.0, external=False, peer=True):
        self.name, self.program, self.arguments = name, program, list(arguments)
        self.sink, self.n, self.external, self.peer = tuple(sink), n, external, peer


def posthorn(name, *arguments, sink=(), n=1.0):
    return Contender(name, "smtp_load", arguments, sink, n, peer=False)


def floor(shape, *arguments, sink=(), n=1.0):
    return Contender("floor " + shape, "floor", ["--shape", shape, *arguments], sink, n, peer=False)


NO_CHUNKING = ("--chunking", "0")
SMTP_SOURCE = Contender("smtp-source", "smtp-source", external=True)
LIBCURL = Contender("libcurl", "peer_libcurl")
LIBESMTP = Contender("libesmtp", "peer_libesmtp")
LIBESMTP_TLS = Contender("libesmtp", "peer_libesmtp", ["--tls", "starttls"],
                         ("--tls", "starttls", "--tickets", "0"))  # it hangs when tickets arrive
POCO = Contender("POCO", "peer_poco", n=0.5)
SMTPLIB = Contender("smtplib", "peer_smtplib.py", n=0.5)
NODEMAILER = Contender("Nodemailer", "peer_nodemailer.js", n=0.1)
PEERS = [SMTP_SOURCE, LIBCURL, LIBESMTP, POCO, SMTPLIB, NODEMAILER]
TLS_PEERS = [LIBCURL, LIBESMTP_TLS, POCO, SMTPLIB, NODEMAILER]


class Goal:
    """What `who` must reach: a ratio to somebody else, or an amount."""

    def __init__(self, who, most, of=None, figure=None):
        self.who, self.most, self.of, self.figure = who, most, of, figure


class Scenario:
    def __init__(self, name, title, size, n, contenders, goals, conns=1, arguments=(), sink=(), figure="cpu_us_per_message",
                 unit="µs", relay=False, once=False, sessions=False):
        self.name, self.title, self.size, self.n, self.contenders, self.goals = name, title, size, n, contenders, goals
        self.conns, self.arguments, self.sink, self.figure, self.unit = conns, list(arguments), tuple(sink), figure, unit
        self.relay, self.once, self.sessions = relay, once, sessions


def small(size, conns, n, goals, more=()):
    return Scenario(
        f"{size}-{conns}", f"{SIZE_NAMES[size]}, {conns} connection{'s' if conns > 1 else ''}", size, n,
        [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"),
         floor("pipex"), floor("bdat"), *more, *PEERS], goals, conns)


def scenarios():
    tls = ("--tls", "implicit")
    login = ("--user", "user", "--pass", "pass")
    modes = [posthorn("posthorn pipelined", "--mode", "pipelined"), posthorn("posthorn sequential", "--mode", "sequential"),
             posthorn("posthorn chunked", "--mode", "chunked"), floor("pipe"), floor("classic"), floor("bdat1")]
    each = ["--tls", "implicit", "--auth", "1", "--reuse", "0"]
    result = [
        small("1k", 1, 10000,
              [Goal("posthorn", 0.35, "smtp-source"), Goal("posthorn", 1.5, "floor pipex"),
               Goal("posthorn pipelined", 1.5, "floor pipe"), Goal("posthorn sequential", 1.3, "floor classic"),
               Goal("posthorn sequential", 1.0, "smtp-source"), Goal("posthorn BDAT burst", 2.0)], modes),
        small("1k", 50, 20000, [Goal("posthorn", 0.3, "smtp-source")], modes),
        small("10k", 1, 10000, []),
        small("10k", 50, 10000, [Goal("posthorn", 0.35, "smtp-source")]),
        small("100k", 1, 4000, []),
        small("100k", 50, 4000, [Goal("posthorn", 0.5, "smtp-source")]),
        Scenario("10k-tls", "10 KiB, TLS 1.3, 1 connection", "10k", 5000,
                 [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"), floor("pipex"), floor("bdat"),
                  *TLS_PEERS], [Goal("posthorn", 0.35, "libcurl")], arguments=tls, sink=tls),
        Scenario("64m", "64 MiB out of a file", "64m", 1,
                 [posthorn("posthorn"), floor("bdat1"), SMTP_SOURCE, LIBCURL, LIBESMTP, POCO, SMTPLIB, NODEMAILER],
                 [Goal("posthorn", 1.4, "floor bdat1"), Goal("posthorn", 10 * 1024, figure="peak_rss_kib")],
                 arguments=["--stream", "1"], figure="cpu_seconds", unit="s"),
        Scenario("64m-tls", "64 MiB out of a file, TLS 1.3", "64m", 1,
                 [posthorn("posthorn"), floor("bdat1"), LIBCURL, LIBESMTP_TLS, POCO, SMTPLIB, NODEMAILER],
                 [Goal("posthorn", 1.3, "floor bdat1")], arguments=[*tls, "--stream", "1"], sink=tls, figure="cpu_seconds",
                 unit="s"),
        Scenario("tls-each", "TLS 1.3, login and QUIT for each message", "1k", 400,
                 [posthorn("posthorn", "--resume", "0"), floor("bdat1", "--resume", "0"), LIBCURL, POCO, SMTPLIB,
                  NODEMAILER], [Goal("posthorn", 1.15, "floor bdat1")], arguments=each, sink=[*tls, *login]),
        Scenario("tls-resumed", "the same, sessions resumed", "1k", 600,
                 [posthorn("posthorn"), floor("bdat1")], [Goal("posthorn", 1.3, "floor bdat1")], arguments=each,
                 sink=[*tls, *login]),
        Scenario("each", "a connection for each message", "1k", 4000,
                 [posthorn("posthorn"), floor("bdat1"), floor("pipe"), *PEERS], [Goal("posthorn", 1.7, "floor bdat1")],
                 arguments=["--reuse", "0"]),
        Scenario("rtt", "200 messages of 4 KiB, 50 ms round trip", "4k", 200,
                 [posthorn("posthorn", sink=NO_CHUNKING), posthorn("posthorn BDAT burst"), floor("pipex"), floor("bdat"),
                  *(Contender(p.name, p.program, p.arguments, external=p.external) for p in PEERS)],
                 [Goal("posthorn", 10.6), Goal("posthorn BDAT burst", 1.0)], figure="seconds", unit="s", relay=True, once=True),
    ]
    for conns, extra, limit, title in ((1000, (), 8, "1 000 sessions at once"), (10000, (), 8, "10 000 sessions at once"),
                                       (1000, tls, 40, "1 000 TLS sessions at once")):
        peers = [LIBCURL] if extra else [SMTP_SOURCE, LIBCURL]
        result.append(Scenario(
            f"sessions-{conns}{'-tls' if extra else ''}", title, "10k" if conns == 1000 and not extra else "1k", conns * 4,
            [posthorn("posthorn", "--hold", "1", sink=NO_CHUNKING), floor("pipex", "--hold", "1"),
             *(peers if conns == 1000 else ())], [Goal("posthorn", limit, figure="session_kib")], conns, extra, extra,
            sessions=True))
    return result


# ---- how ---------------------------------------------------------------------------------------------------------------


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


class Result:
    def __init__(self):
        self.runs = {}  # by contender: a list of figures, one for each round
        self.missing = {}  # by contender: why

    def median(self, who, figure):
        values = [run[figure] for run in self.runs.get(who, []) if run and run.get(figure) is not None]
        return (statistics.median(values), min(values), max(values)) if values else None

    def ratio(self, who, to, figure):
        """The median of the ratios of the rounds, the least and the greatest."""
        pairs = zip(self.runs.get(who, []), self.runs.get(to, []))
        ratios = [a[figure] / b[figure] for a, b in pairs if a and b and a.get(figure) and b.get(figure)]
        return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


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
        told = {options: [s.stop() for s in reversed(all_of_it)][-1] for options, all_of_it in servers.items()}
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


# ---- what is told ------------------------------------------------------------------------------------------------------


def number(value):
    value = max(value, 0)  # memory that was not needed may come out below nothing
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def spread(three, unit=""):
    return f"{number(three[0])}{unit} ({number(three[1])}-{number(three[2])})"


def print_scenario(scenario, result):
    print(f"\n{scenario.title}: {scenario.figure}, median (least-greatest)")
    for c in scenario.contenders:
        got = result.median(c.name, scenario.figure)
        if got is None:
            if c.name in result.missing:
                print(f"  {c.name:22} unavailable: {result.missing[c.name]}")
            continue
        line = f"  {c.name:22} {spread(got, ' ' + scenario.unit):32}"
        ratio = result.ratio(c.name, "posthorn", scenario.figure)
        if ratio and c.name != "posthorn":
            line += f" {spread(ratio)} x posthorn"
        more = [f"{label} {number(v[0])}" for label, key in
                (("round trips", "round_trips_per_message"), ("writes", "writes_per_message"), ("reads", "reads_per_message"),
                 ("allocations", "allocations_per_message"), ("KiB a session", "session_kib"),
                 ("at its peak", "session_peak_kib"), ("peak KiB", "peak_rss_kib"))
                if (v := result.median(c.name, key))]
        print(f"{line:86} {', '.join(more)}")
    for goal in scenario.goals:
        text = judge(scenario, goal, result)
        if text:
            print("  " + " | ".join(text))
    sys.stdout.flush()


def judge(scenario, goal, result):
    figure = goal.figure or scenario.figure
    units = {"peak_rss_kib": " KiB", "session_kib": " KiB"}
    unit = units.get(figure, " " + scenario.unit)
    got = result.ratio(goal.who, goal.of, figure) if goal.of else result.median(goal.who, figure)
    if not got:
        return None
    what = {"peak_rss_kib": "peak memory", "session_kib": "memory of a session"}.get(figure)
    against = goal.of if goal.of else what or "absolute"
    own = result.median(goal.who, figure)
    return [scenario.title, goal.who, spread(own, unit), against, f"<= {number(goal.most)}{' x' if goal.of else unit}",
            spread(got, " x" if goal.of else unit), "met" if got[0] <= goal.most else "**not met**"]


def versions(rig):
    def first_line(*arguments):
        try:
            out = subprocess.run(arguments, capture_output=True, text=True, check=False)
            return (out.stdout or out.stderr).strip().splitlines()[0]
        except (OSError, IndexError):
            return "?"

    def package(name):
        return first_line("dpkg-query", "-W", "-f=${Version}", name)

    cpu = "?"
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    compiler = "?"
    cache = rig.build.parent / "CMakeCache.txt"
    if cache.exists():
        found = re.search(r"^CMAKE_CXX_COMPILER:[A-Z]+=(.*)$", cache.read_text(), re.M)
        compiler = first_line(found.group(1), "--version") if found else "?"
    nodemailer = rig.build / "node_modules" / "nodemailer" / "package.json"
    peers = {"Postfix": package("postfix"), "libcurl": package("libcurl4"), "libesmtp": package("libesmtp6"),
             "POCO": package("libpoco-dev"), "Python": platform.python_version(),
             "Nodemailer": json.loads(nodemailer.read_text())["version"] if nodemailer.exists() else "?"}
    return [f"{cpu}, {os.cpu_count()} processors, {platform.system()} {platform.release()}",
            f"{datetime.date.today().isoformat()}; {compiler}, -O3; {first_line('openssl', 'version')}; "
            + ", ".join(f"{k} {v}" for k, v in peers.items() if v != "?")]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i < 2 else "---:" for i in range(len(head))) + "|"]
    return lines + ["| " + " | ".join(r) + " |" for r in rows]


def markdown(rig, done, rounds):
    lines = [BEGIN, "", f"`sh benchmarks/run.sh` measured this: {versions(rig)[0]}; {versions(rig)[1]}. Medians of {rounds} rounds "
             "in which all took turns, with the least and the greatest; client on one core, the sink, which compares every octet, on "
             "another. CPU is that of the client, user and system, for each message.", ""]
    columns = [s for s, _ in done if s.figure == "cpu_us_per_message" and not s.name.startswith("sessions")]
    names = []
    for s, r in done:
        names += [c.name for c in s.contenders if c.name not in names and r.runs.get(c.name)]
    rows = []
    for name in names:
        cells = [r.median(name, s.figure) if s in columns else None for s, r in done]
        cells = [number(c[0]) if c else "" for (s, _), c in zip(done, cells) if s in columns]
        if any(cells):
            rows.append([name, *cells])
    if rows:
        lines += ["CPU of a message in microseconds:", ""]
        lines += table(["", *(s.title for s in columns)], rows) + [""]
    rows = []
    for s, r in done:
        if s in columns:
            continue
        for c in s.contenders:
            got = r.median(c.name, s.figure)
            idle, busy = r.median(c.name, "session_kib"), r.median(c.name, "session_peak_kib")
            peak = r.median(c.name, "peak_rss_kib")
            if got:
                rows.append([s.title, c.name, spread(got, " " + s.unit), number(peak[0] / 1024) if peak else "",
                             number(idle[0]) if idle else "", number(busy[0]) if busy else ""])
    if rows:
        lines += table(["", "", "CPU, or time with a round trip", "peak MiB", "KiB an idle session", "KiB a session at its peak"], rows) + [""]
    rows = [row for s, r in done for g in s.goals if (row := judge(s, g, r))]
    if rows:
        lines += ["What was to be reached:", ""]
        lines += table(["scenario", "", "figure", "against", "required", "measured", ""], rows) + [""]
    gone = sorted({f"{who} ({s.title}): {why}" for s, r in done for who, why in r.missing.items()})
    if gone:
        lines += ["Not measured: " + "; ".join(gone) + ".", ""]
    return "\n".join(lines + [END])


def write_readme(path, text):
    readme = pathlib.Path(path)
    old = readme.read_text(encoding="utf-8")
    if BEGIN not in old or END not in old:
        raise RuntimeError(f"{path} lacks the marks {BEGIN} and {END}")
    head, rest = old.split(BEGIN, 1)
    readme.write_text(head + text + rest.split(END, 1)[1], encoding="utf-8")


# ---- does it work? -----------------------------------------------------------------------------------------------------


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
    rig = Rig(options)
    try:
        if options.check:
            return check(rig)
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
