"""Runs one fuzz target over its seeds and a bounded number of inputs derived from them.

usage: run.py PROGRAM CORPUS RUNS SECONDS

The seed of the random numbers is fixed, addresses are not randomised where the system allows that, and new inputs go to a
folder that is thrown away: every run does the same. A crashing input is kept beside the program; add it to the corpus once
it is understood.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile


def fixed_addresses():
    """The command that switches address randomisation off, on which libFuzzer's choices depend; or nothing."""
    command = ["setarch", "-R"]
    if shutil.which("setarch") and subprocess.run(command + ["true"], stderr=subprocess.DEVNULL).returncode == 0:
        return command
    return []


def main(program, corpus, runs, seconds):
    seeds = [f for f in os.listdir(corpus) if not f.startswith(".")] if os.path.isdir(corpus) else []
    if not seeds:
        sys.exit(f"{corpus}: no seeds. Put at least one typical input there, one file each.")
    with tempfile.TemporaryDirectory() as found:
        done = subprocess.run(
            [*fixed_addresses(), program, f"-runs={max(int(runs), 2 * len(seeds))}", f"-max_total_time={seconds}", "-seed=1", "-timeout=10",
             "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={program}.", found, corpus],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    print(done.stdout[-20000:])
    if done.returncode != 0:
        sys.exit(f"{program} failed with status {done.returncode}; the input is named above ('Test unit written to')")
    executed = re.search(r"stat::number_of_executed_units: +(\d+)", done.stdout)
    if not executed or int(executed[1]) < len(seeds):
        sys.exit(f"{program} did not run all of its {len(seeds)} seeds: raise POSTHORN_FUZZ_SECONDS")


if __name__ == "__main__":
    main(*sys.argv[1:])
