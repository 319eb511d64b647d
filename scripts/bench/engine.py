#!/usr/bin/env python3
"""Times the engine beside ninja on the same graphs and prints a table of medians.

usage: engine.py [RUNS [SECTION…]]      sections: start, noop, first, toy, plan (default: all; 30 runs)

Needs ninja. PIPELINE names the executable under test, BENCH_DIR the folder that it works in (default: memory, so that no
disk is timed, where there is room for it). The engine and ninja take turns, each as a new process on files in memory.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import graphs

PIPELINE = os.environ.get("PIPELINE", str(pathlib.Path(__file__).resolve().parents[2] / ".build/release/pipeline"))
NULL = subprocess.DEVNULL
WIDE = """axes: {i: 3000, j: 3000}
stages:
  first:
    stage: command
    for: [i]
    parameters: {argv: [sh, -c, "echo ${i} > a"], outputs: [a]}
  second:
    stage: command
    for: [j]
    inputs: {all: first}
    parameters: {argv: [sh, -c, "cat inputs/all/*/a > b${j}"], outputs: ["b${j}"]}
"""


def place():
    """The folder that graphs are written to: BENCH_DIR, or memory where there is room."""
    memory = "/dev/shm"
    room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30
    return os.environ.get("BENCH_DIR") or (memory if room else None)


def processor():
    """The kind of processor, and how many of it the engine may use."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        facts = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    kind = f"{facts.get('model name')}, family {facts.get('cpu family')}, model {facts.get('model')}"
    return f"{len(os.sched_getaffinity(0))} × {kind}"


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=NULL, stderr=NULL)
    return time.perf_counter() - start


def turns(runs, *commands):
    """The seconds of each command, which take turns."""
    times = [[seconds(command) for command in commands] for _ in range(runs)]
    return [list(column) for column in zip(*times)]


def ninja(folder, *options):
    return ["ninja", "-C", str(folder), "-j2", *options, "all"]


def run(folder):
    return [PIPELINE, "run", str(folder / "fan.yaml"), "--cache", str(folder / "cache"), "--jobs", "2"]


def plan(file, cache):
    return [PIPELINE, "plan", str(file), "--cache", str(cache)]


def row(name, ours, bar, theirs=None):
    def ms(values):
        return f"{statistics.median(values) * 1000:.1f} ms"

    ratio = f"{statistics.median(ours) / statistics.median(theirs):.2f}" if theirs else ""
    print(f"| {name} | {ms(ours)} | {ms(theirs) if theirs else ''} | {ratio} | {bar} | {len(ours)} |", flush=True)


def start(_, runs):
    """The start of the process, and the size of what is installed."""
    ours, theirs = turns(runs, [PIPELINE, "--version"], ["ninja", "--version"])
    row("start of the process (`--version`)", ours, "≤ 3 × ninja", theirs)
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, PIPELINE], check=True)
        print(f"| the program as it is installed | {os.path.getsize(file.name) / 1e6:.1f} MB | | | < 40 MB | 1 |")


def noop(root, runs):
    """Nothing to do, in three sizes."""
    for n, bar in ((1000, "≤ 1.3"), (10_000, "≤ .7"), (100_000, "≤ .4")):
        theirs = graphs.write("ninja", root / f"ninja{n}", n)
        ours = graphs.write("pipeline", root / f"pipeline{n}", n)
        print(f"(making {n:,} nodes once)", file=sys.stderr, flush=True)
        seconds(ninja(theirs))
        seconds(run(ours))
        # Once more: the first run without work has met files that are not in memory yet.
        seconds(run(ours))
        row(f"nothing to do, {n:,} nodes", *with_bar(turns(runs, run(ours), ninja(theirs)), f"{bar} × ninja"))
        shutil.rmtree(theirs)
        shutil.rmtree(ours)


def with_bar(times, bar):
    return times[0], bar, times[1]


def first(root, runs):
    """First runs of commands."""
    ours, theirs = [], []
    for _ in range(runs):
        folder, other = graphs.write("pipeline", root / "first", 1000), graphs.write("ninja", root / "ninja", 1000)
        ours.append(seconds(run(folder)))
        theirs.append(seconds(ninja(other)))
        shutil.rmtree(folder)
        shutil.rmtree(other)
    row("first run, 1,000 commands, 2 jobs", ours, "≤ 1.4 × ninja", theirs)


def toy(root, runs):
    """First runs of stages that add integers: what the engine itself takes for a node."""
    program = pathlib.Path(PIPELINE).with_name("ToyWorker")
    if not program.exists():
        print(f"(no {program}: 'swift build -c release --product ToyWorker' builds it)", file=sys.stderr)
        return
    times = []
    for number in range(runs):
        folder = root / f"toy{number}"
        folder.mkdir()
        # 2 × 500 + 2 nodes that add integers, in two worker processes.
        command = [str(program), "run", str(folder / "cache"), str(folder / "log"), "2", "30", "500", "0"]
        times.append(seconds(command) / 1002)
        shutil.rmtree(folder)
    row("first run, a node that adds integers", times, "≤ 1 ms")


def plans(root, runs):
    """Plans of many nodes and of many edges."""
    wide = root / "wide.yaml"
    wide.write_text(WIDE)
    row("plan of a 3,000 × 3,000 gather", *turns(runs, plan(wide, root / "none")), "< 1 s")
    print(f"| memory of that gather | {peak(plan(wide, root / 'none')):.0f} MB | | | < 300 MB | 1 |")
    # Without the node that takes all others: a dry run of ninja's takes a minute for its 100,000 inputs.
    folder, other = (graphs.write_fan(tool, root / f"many-{tool}", 100_000) for tool in ("pipeline", "ninja"))
    commands = plan(folder / "fan.yaml", folder / "cache"), ["ninja", "-C", str(other), "-n"]
    row("plan of 100,000 nodes, beside `ninja -n`", *with_bar(turns(runs, *commands), "≤ 1 × ninja"))


def peak(command):
    """The peak resident set of a program in MB."""
    process = subprocess.Popen(command, stdout=NULL, stderr=NULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_maxrss / 1024


SECTIONS = {"start": start, "noop": noop, "first": first, "toy": toy, "plan": plans}


def main():
    runs = max(1, int(sys.argv[1])) if len(sys.argv) > 1 else 30
    sections = sys.argv[2:] or list(SECTIONS)
    unknown = set(sections) - SECTIONS.keys()
    if unknown:
        sys.exit(f"engine.py: no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if not shutil.which("ninja"):
        print("engine.py: ninja is missing: apt-get install ninja-build", file=sys.stderr)
        sys.exit(66)
    root = pathlib.Path(tempfile.mkdtemp(prefix="bench-engine-", dir=place()))
    print(f"processor: {processor()}", file=sys.stderr)
    print("| what | pipeline | ninja | ratio | bar | runs |\n|---|---|---|---|---|---|", flush=True)
    try:
        for section in sections:
            SECTIONS[section](root, runs)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
