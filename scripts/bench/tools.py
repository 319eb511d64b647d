#!/usr/bin/env python3
"""Times the same 1,000 commands, and then nothing to do, in this engine, ninja, Snakemake and DVC; prints a table.

usage: tools.py [--limit SECONDS]      a tool that takes longer is ended; default: 600

A tool that is not on PATH is named as missing. PIPELINE names the executable under test.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import graphs
from engine import NULL, PIPELINE, place

NODES = 1000
# The tool, its program and arguments, and how often "nothing to do" is timed.
TOOLS = {
    "pipeline": ("this engine", [PIPELINE, "run", "fan.yaml", "--cache", "cache", "--jobs", "2"], 9),
    "ninja": ("ninja", ["ninja", "-j2", "all"], 9),
    "snakemake": ("Snakemake", ["snakemake", "-c2"], 1),
    "dvc": ("DVC", ["dvc", "repro", "-q"], 1),
}


def clock(command, folder, limit):
    """Seconds that a command takes; None where it takes longer than `limit` and was ended."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=NULL, stderr=NULL, start_new_session=True)
    try:
        assert process.wait(limit) == 0, command
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    return time.perf_counter() - start


def version(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[0]


def measure(tool, root, limit):
    """The row of one tool."""
    name, command, times = TOOLS[tool]
    if not shutil.which(command[0]):
        return name, "not on PATH", ""
    if tool != "pipeline":
        name += " " + version(command[0])
    folder = graphs.write(tool, root / tool, NODES)
    if tool == "dvc":
        subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    first = clock(command, folder, limit)
    if first is None:
        return name, f"more than {limit} s, ended", "not reached"
    again = statistics.median(clock(command, folder, limit) for _ in range(times))
    return name, f"{first:.3g} s", f"{again:.3g} s"


def main():
    parser = argparse.ArgumentParser(description="Times the same graph in several tools.")
    parser.add_argument("--limit", type=int, default=600, help="seconds after which a tool is ended")
    options = parser.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="bench-tools-", dir=place()))
    print("| tool | first run | nothing to do |\n|---|---|---|", flush=True)
    try:
        for tool in TOOLS:
            print("| " + " | ".join(measure(tool, root, options.limit)) + " |", flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
