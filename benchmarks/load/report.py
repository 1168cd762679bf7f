# Copyright (c) 2026 the posthorn authors
#
# SPDX-License-Identifier: MIT

"""What the figures of a run come to: for the terminal, and the README's tables."""

import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


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
