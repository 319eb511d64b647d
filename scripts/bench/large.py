#!/usr/bin/env python3
"""Runs commands that make and read a file of 1 GB, and prints a table of memory and time beside cp and sha256sum.

usage: large.py [MEGABYTES]      default: 1000; exits with 1 where a bar is broken

PIPELINE names the executable under test, BENCH_DIR the folder that it works in. The bars: 300 MB resident, and 1.5 times
the seconds of a copy and a checksum, which are taken anew before each node, since the machine may be busy. The last row is a run in
which nothing has changed.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from engine import NULL, PIPELINE

MEMORY_BAR = 300e6
TIME_BAR = 1.5
FILE = """stages:
  make: {stage: command, parameters: {argv: [cp, "SOURCE", big], outputs: [big]}}
  take: {stage: command, inputs: {i: make}, parameters: {argv: [touch, o], outputs: [o]}}
  read: {stage: command, parameters: {argv: [touch, o], files: [source], outputs: [o]}}
"""
WHAT = {"make": "a command makes it", "take": "a command reads it from another", "read": "a command reads it from the project"}


def seconds(command, folder):
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=NULL, stderr=NULL)
    return time.perf_counter() - start


def write(path, megabytes):
    """Bytes that no file system can pack."""
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))


def peak(folder, node):
    log = subprocess.run([PIPELINE, "log", "large", node, "--json"], cwd=folder, check=True, capture_output=True)
    return json.loads(log.stdout)[0]["peakMemory"]


def measure(folder, megabytes):
    """Rows of (what, seconds, ratio, bytes of memory)."""
    source = folder / "pipelines" / "source"
    source.parent.mkdir()
    write(source, megabytes)
    (folder / "pipelines" / "large.yaml").write_text(FILE.replace("SOURCE", str(source)))
    rows = []
    for node, what in WHAT.items():
        reference = seconds(["cp", source, folder / "copy"], folder) + seconds(["sha256sum", source], folder)
        (folder / "copy").unlink()
        rows.append((f"cp and sha256sum, before {node}", reference, 1.0, None))
        # The plan reads the files of the project for the key, unless an earlier run has done so; a node comes on top.
        planning = seconds([PIPELINE, "plan", "large"], folder)
        taken = seconds([PIPELINE, "run", "large", node, "--sync-after", "1e9"], folder) - planning
        rows.append((what, taken, taken / reference, peak(folder, node)))
    subprocess.run([PIPELINE, "run", "large"], cwd=folder, check=True, stdout=NULL, stderr=NULL)
    idle = seconds([PIPELINE, "run", "large"], folder)
    rows.append(("a run without a change", idle, idle / reference, None))
    return rows


def main():
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        rows = measure(pathlib.Path(folder), megabytes)
    print(f"| a file of {megabytes} MB | seconds | ratio | peak memory |\n|---|---|---|---|")
    for what, taken, ratio, memory in rows:
        print(f"| {what} | {taken:.2f} | {ratio:.2f} | {f'{memory / 1e6:.0f} MB' if memory else ''} |")
    broken = [what for what, _, ratio, memory in rows if ratio > TIME_BAR or (memory or 0) > MEMORY_BAR]
    for what in broken:
        print(f"over the bar: {what}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
