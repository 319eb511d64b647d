"""Campaigns in figures: file calls a node under a crowd of pilots, pilots beside one run, and a model of a large cluster.

usage: python3 scripts/bench/campaigns.py [--nodes N] [--pilots P,P,…] [--build FOLDER] [--study NAME] [--set K=V] [CASE…]

The cases: `crowd` counts by strace the calls on the cache's files that pilots and workers make, for toy nodes; `beside`
times two pilots of one core and one run with two jobs, in turns; `study` does the same with a pipeline of the project and a
SLURM of two nodes with two pilots each, and compares what they made (as root; it wants a quiet machine and, with the default
`coherent-label0 --set repeat=5`, half an hour); `model` runs the program campaign-model, in which pilots, scheduler,
leases and news are the real ones, and time and the latencies of a network file system are virtual.
"""
import argparse
import collections
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NULL = subprocess.DEVNULL
# Calls by a name or on a folder, and data; those on pipes and of the program's start name no file of the cache.
TRACED = "%file,read,pread64,write,fsync,getdents64,fstat,lseek"


def submit(options, folder, width, seconds=0):
    answer = subprocess.run([options.build / "ToyWorker", "submit", folder / "cache", folder / "log", str(width), str(seconds)],
                            check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def pilot(options, folder, campaign):
    # CACHE CAMPAIGN JOBS MEMORY LEASE IDLE TIME GRACE
    return [options.build / "ToyWorker", "pilot", folder / "cache", campaign, "1", str(1 << 30), "180", "60", "0", "5"]


def crowd(options):
    for count in options.pilots:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="crowd-", dir="/dev/shm"))
        campaign = submit(options, folder, options.nodes // 2 - 1)
        start = time.perf_counter()
        traced = [subprocess.Popen(
            ["strace", "-f", "-qq", "-y", "-e", "trace=" + TRACED, "-e", "signal=none", "-o", folder / f"trace{number}",
             *pilot(options, folder, campaign)], stdout=NULL, stderr=NULL) for number in range(count)]
        status = [each.wait() for each in traced]
        seconds = time.perf_counter() - start
        nodes = collections.Counter(
            line.split()[6] for line in (folder / "log").read_text().splitlines() if line.startswith("start "))
        calls = collections.Counter()
        for number in range(count):
            with open(folder / f"trace{number}", errors="replace") as trace:
                for line in trace:
                    if str(folder / "cache") in line:
                        calls[re.split(r"\W", line.split(None, 1)[1], maxsplit=1)[0]] += 1
        total = sum(calls.values())
        most = ", ".join(f"{name} {number / len(nodes):.1f}" for name, number in calls.most_common(8))
        print(f"crowd: {count} pilots, {len(nodes)} nodes, each {max(nodes.values())} times at most, "
              f"{total / len(nodes):.1f} calls a node ({most}), {seconds:.0f} s under strace, "
              f"exit codes {sorted(set(status))}", flush=True)
        shutil.rmtree(folder)


def beside(options):
    """Nodes that compute for a tenth of a second each, as two pilots and as two jobs of one run."""
    ratios = []
    for _ in range(options.rounds):
        seconds = []
        for way in ("run", "pilots"):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="beside-", dir="/dev/shm"))
            file = folder / "fan.yaml"
            file.write_text(
                "axes: {i: 100}\nstages:\n  work:\n    stage: command\n    for: [i]\n    parameters:\n"
                "      argv: [python3, -c, \"sum(range(3000000)); open('o', 'w').write('${i}')\"]\n      outputs: [o]\n")
            base = [options.build / "pipeline", "run", file, "--cache", folder / "cache", "--jobs", "2"]
            if way == "pilots":
                base = [options.build / "pipeline", "submit", file, "--cache", folder / "cache", "--via", "local:2", "--wait"]
            start = time.perf_counter()
            subprocess.run(base, check=True, stdout=NULL, stderr=NULL)
            seconds.append(time.perf_counter() - start)
            shutil.rmtree(folder)
        ratios.append(seconds[1] / seconds[0])
        print(f"beside: run {seconds[0]:.2f} s, pilots {seconds[1]:.2f} s", flush=True)
    print(f"beside: pilots take {statistics.median(ratios):.3f} of the run's time (median of {len(ratios)})")


def study(options):
    """A pipeline of the project by one run with two jobs, and by two pilots on each of two nodes: contents and time."""
    sys.path.insert(0, str(ROOT / "scripts/stress"))
    import cluster
    # Four pilots of one core each share the cores of this machine, which the run has, too.
    slurm = cluster.Cluster(CORES="2", MEMORY="8000")
    ratios = []
    try:
        for number in range(options.rounds):
            seconds, contents = [], []
            for way in ("run", "pilots"):
                folder = pathlib.Path(tempfile.mkdtemp(prefix="study-", dir=options.place))
                (folder / "cache").mkdir()
                (folder / "cache/downloads").symlink_to(options.downloads.resolve())
                sets = [word for each in options.set for word in ("--set", each)]
                words = [options.study, *sets, "--cache", folder / "cache"]
                start = time.perf_counter()
                if way == "run":
                    subprocess.run([options.build / "pipeline", "run", *words, "--jobs", "2"], check=True, cwd=ROOT, stdout=NULL,
                                   stderr=NULL)
                else:
                    slurm.run(options.build / "pipeline", "submit", *words, "--pilots", 4, "--cpus", 1, "--memory", "3800M",
                              "--wait")
                seconds.append(time.perf_counter() - start)
                contents.append(cluster.contents(folder / "cache"))
                made = collections.Counter(
                    event["key"] for run in (folder / "cache/runs").glob("*.jsonl")
                    for event in map(json.loads, run.read_text().splitlines()) if event["event"] == "ran")
                assert set(made.values()) == {1} and len(made) == len(contents[-1]), f"{way}: {made.most_common(3)}"
                shutil.rmtree(folder)
            assert contents[0] == contents[1], "pilots have made other contents than the run"
            ratios.append(seconds[1] / seconds[0])
            print(f"study: {options.study}, {len(contents[0])} keys, each once, the same contents: run --jobs 2 "
                  f"{seconds[0]:.1f} s, 2 nodes × 2 pilots {seconds[1]:.1f} s", flush=True)
    finally:
        slurm.close()
    print(f"study: pilots take {statistics.median(ratios):.3f} of the run's time (median of {len(ratios)})")


def model(options):
    for count, nodes, seconds, capacity in [(10, 2000, 0.25, 0), (100, options.nodes, 0.25, 0), (1000, options.nodes, 0.25, 0),
                                            (1000, 3 * options.nodes, 0.25, 0), (1000, options.nodes, 0.25, 100_000)]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="model-", dir="/dev/shm"))
        start = time.perf_counter()
        answer = subprocess.run([options.build / "campaign-model", folder / "cache", str(count), str(nodes), str(seconds), str(capacity)],
                                capture_output=True, text=True)
        print(f"model: {answer.stdout.strip()}  server {capacity or 'of any number of'} calls/s  "
              f"({time.perf_counter() - start:.0f} s of this machine, exit code {answer.returncode})", flush=True)
        shutil.rmtree(folder)


CASES = {"crowd": crowd, "beside": beside, "study": study, "model": model}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--pilots", type=lambda text: [int(word) for word in text.split(",")], default=[1, 10, 100])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / ".build/release", help="where the programs are")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--study", default="coherent-label0", metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--downloads", type=pathlib.Path, default=ROOT / "cache/downloads")
    parser.add_argument("--place", default="/dev/shm", help="where the caches of 'study' are")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []])
    options = parser.parse_args()
    if options.study == "coherent-label0" and not options.set:
        options.set = ["repeat=5"]
    for name in options.cases or CASES:
        CASES[name](options)


if __name__ == "__main__":
    main()
