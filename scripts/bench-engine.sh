#!/usr/bin/env bash
# Times the engine beside ninja on the same graphs and prints a table of medians: bench-engine.sh [RUNS [SECTION…]]
# Sections: noop, first, toy, plan (default: all). Needs ninja and python3. PIPELINE names the executable under test,
# BENCH_DIR the folder that it works in (default: memory, so that no disk is timed, where there is room for it).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIPELINE="${PIPELINE:-$PWD/.build/release/pipeline}"
command -v ninja > /dev/null || { echo "bench-engine.sh: ninja is missing: apt-get install ninja-build" >&2; exit 66; }
exec python3 - "$@" << 'PYTHON'
import os, pathlib, resource, shutil, statistics, subprocess, sys, tempfile, time

runs = max(1, int(sys.argv[1])) if len(sys.argv) > 1 else 5
sections = sys.argv[2:] or ["noop", "first", "toy", "plan"]
pipeline = os.environ["PIPELINE"]
memory = "/dev/shm"
place = os.environ.get("BENCH_DIR") or (
  memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30 else None)
root = pathlib.Path(tempfile.mkdtemp(prefix="bench-engine-", dir=place))
null = subprocess.DEVNULL


def write_ninja(n):
  folder = root / f"ninja{n}"
  folder.mkdir()
  (folder / "src").write_text("x")
  names = [f"e{i}" for i in range(n)]
  (folder / "build.ninja").write_text(
    "rule cp\n  command = cat $in > $out\nbuild b: cp src\n" + "".join(f"build {e}: cp b\n" for e in names)
    + "build all: cp " + " ".join(names) + "\n")
  return folder


def write_pipeline(n):
  folder = root / f"pipeline{n}"
  folder.mkdir()
  (folder / "src").write_text("x")
  (folder / "fan.yaml").write_text(f"""axes:
  i: {n}
stages:
  base:
    stage: command
    parameters: {{argv: [sh, -c, "cat src > b"], files: [src], outputs: [b]}}
  evaluate:
    stage: command
    for: [i]
    inputs: {{base: base}}
    parameters: {{argv: [sh, -c, "cat inputs/base/b > e${{i}}"], outputs: ["e${{i}}"]}}
  summary:
    stage: command
    inputs: {{parts: evaluate}}
    parameters: {{argv: [sh, -c, "cat inputs/parts/*/e* > sum"], outputs: [sum]}}
""")
  return folder


def seconds(command):
  start = time.perf_counter()
  subprocess.run(command, check=True, stdout=null, stderr=null)
  return time.perf_counter() - start


def ninja(folder): return ["ninja", "-C", str(folder), "-j2", "all"]
def run(folder): return [pipeline, "run", str(folder / "fan.yaml"), "--cache", str(folder / "cache"), "--jobs", "2"]


def row(name, ours, bar, theirs=None):
  def ms(values): return f"{statistics.median(values) * 1000:.1f} ms"
  ratio = f"{statistics.median(ours) / statistics.median(theirs):.2f}" if theirs else ""
  print(f"| {name} | {ms(ours)} | {ms(theirs) if theirs else ''} | {ratio} | {bar} | {len(ours)} |", flush=True)


print("| what | pipeline | ninja | ratio | bar | runs |\n|---|---|---|---|---|---|", flush=True)
try:
  print(f"| start of the process (`--version`) | "
        f"{statistics.median(seconds([pipeline, '--version']) for _ in range(20)) * 1000:.1f} ms | | | | 20 |")
  if "noop" in sections:
    for n, bar in ((1000, "≤ 30 ms"), (10000, "≤ 80 ms and ≤ 2 × ninja")):
      theirs, ours = write_ninja(n), write_pipeline(n)
      print(f"(making {n:,} nodes once)", file=sys.stderr, flush=True)
      seconds(ninja(theirs)), seconds(run(ours))
      # Once more: the first run without work has met files that are not in memory yet.
      seconds(run(ours))
      pairs = [(seconds(run(ours)), seconds(ninja(theirs))) for _ in range(max(runs, 15))]
      row(f"nothing to do, {n:,} nodes", [p[0] for p in pairs], bar, [p[1] for p in pairs])
      shutil.rmtree(theirs), shutil.rmtree(ours)
  if "first" in sections:
    ours, theirs = [], []
    for _ in range(runs):
      folder, other = write_pipeline(1000), write_ninja(1000)
      ours.append(seconds(run(folder)))
      theirs.append(seconds(ninja(other)))
      shutil.rmtree(folder), shutil.rmtree(other)
    row("first run, 1,000 commands, 2 jobs", ours, "≤ 2 × ninja", theirs)
  toy = pathlib.Path(pipeline).with_name("ToyWorker")
  if "toy" in sections and toy.exists():
    times = []
    for number in range(runs):
      folder = root / f"toy{number}"
      folder.mkdir()
      # 2 × 500 + 2 nodes that add integers, in two worker processes.
      times.append(seconds([str(toy), "run", str(folder / "cache"), str(folder / "log"), "2", "30", "500", "0"]) / 1002)
      shutil.rmtree(folder)
    row("first run, a node that adds integers", times, "≤ 1 ms")
  if "plan" in sections:
    folder = write_pipeline(100000)
    row("plan of 100,000 nodes",
        [seconds([pipeline, "plan", str(folder / "fan.yaml"), "--cache", str(folder / "cache")]) for _ in range(runs)],
        "< 2 s")
    wide = root / "wide.yaml"
    wide.write_text("""axes: {i: 3000, j: 3000}
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
""")
    row("plan of a 3,000 × 3,000 gather",
        [seconds([pipeline, "plan", str(wide), "--cache", str(root / "none")]) for _ in range(runs)], "< 1 s")
    # The largest of all children so far; the plan of 100,000 nodes is the larger one.
    probe = subprocess.run(
      [sys.executable, "-c", "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
       "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
       pipeline, "plan", str(wide), "--cache", str(root / "none")], check=True, capture_output=True, text=True)
    print(f"| memory of that gather | {int(probe.stdout) / 1024:.0f} MB | | | < 300 MB | 1 |")
finally:
  shutil.rmtree(root, ignore_errors=True)
PYTHON
