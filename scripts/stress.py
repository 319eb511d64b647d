"""Does to the engine what the world does: kills, flipped bits, several hosts, full and read-only disks.

usage: stress.py [--short] [--kills N] [--pieces FILE] [--write docs/reliability.md] [CASE…]

Each case raises AssertionError when a guarantee is broken; the figures go to standard output and into the pieces, from
which --write makes the page, so that cases may be run one by one and at different times. The cases `speed` and `peers`
are timings and want a quiet machine; ninja, snakemake and dvc are timed where they are on PATH. Cases that need root
(other hosts, small disks) say that they were skipped without it.
"""
import argparse, collections, concurrent.futures, hashlib, json, os, pathlib, random, re, shutil, signal, statistics, subprocess, sys, tempfile, time

PIPELINE = os.environ.get("PIPELINE", str(pathlib.Path(__file__).resolve().parent.parent / ".build/release/pipeline"))
NULL = subprocess.DEVNULL
# In memory where there is room: ext4 without a journal looks past every inode freed of late, and most are here.
PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None


class Lab:
  """A folder with a pipeline of commands and a cache. Each node writes a line to a log as it starts."""

  def __init__(self, width, work="", folder=None, block=0):
    self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="stress-", dir=PLACE))
    self.width, self.log, self.cache = width, self.folder / "log", self.folder / "cache"
    (self.folder / "src").write_text("x\n")
    grow = f"head -c {block} /dev/zero | tr '\\\\0' 'y' >> " if block else ": "
    note = f"echo $0 >> {self.log}; {work}"
    (self.folder / "fan.yaml").write_text(f"""parameters:
  tag: 0
axes:
  i: {width}
stages:
  base:
    stage: command
    parameters: {{argv: [sh, -c, "{note} cat src > b", base], files: [src], outputs: [b]}}
  evaluate:
    stage: command
    for: [i]
    inputs: {{base: base}}
    parameters: {{argv: [sh, -c, "{note} (cat inputs/base/b; echo $0) > e; {grow} e", "evaluate${{i}}"], outputs: [e]}}
  again:
    stage: command
    for: [i]
    inputs: {{from: evaluate}}
    parameters: {{argv: [sh, -c, "{note} (cat inputs/from/e; echo $0) > a", "again${{i}}", "${{tag}}"], outputs: [a]}}
  summary:
    stage: command
    inputs: {{parts: again}}
    parameters: {{argv: [sh, -c, "{note} cat inputs/parts/*/a > sum", summary], outputs: [sum]}}
""")

  @property
  def nodes(self): return 2 * self.width + 2

  def keep(self):
    """Keeps a copy of the cache, to which `restore` goes back."""
    shutil.copytree(self.cache, self.folder / "kept")

  def restore(self):
    shutil.rmtree(self.cache)
    shutil.copytree(self.folder / "kept", self.cache)

  def command(self, *more, jobs=2, name="run"):
    common = [PIPELINE, name, str(self.folder / "fan.yaml"), "--cache", str(self.cache)]
    return common + (["--jobs", str(jobs)] if name == "run" else []) + list(more)

  def run(self, *more, jobs=2, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run(self.command(*more, jobs=jobs), **options)

  def start(self, *more, jobs=2, before=()):
    return subprocess.Popen(list(before) + self.command(*more, jobs=jobs), stdout=NULL, stderr=NULL)

  def verify(self):
    return subprocess.run([PIPELINE, "cache", "verify", "--cache", str(self.cache)], capture_output=True, text=True)

  def artifacts(self):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (self.cache / "artifacts").glob("*/*.h5")}

  def executions(self):
    return collections.Counter(self.log.read_text().split() if self.log.exists() else [])

  def clear(self):
    shutil.rmtree(self.cache, ignore_errors=True)
    self.log.unlink(missing_ok=True)

  def close(self): shutil.rmtree(self.folder, ignore_errors=True)


def children(process):
  """The workers of a scheduler."""
  try:
    return [int(p) for p in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
  except OSError:
    return []


def kill_loop(seed, kills):
  """One cache that is killed again and again; returns what was done."""
  lab, rng, done = Lab(20), random.Random(seed), collections.Counter()
  assert lab.run().returncode == 0
  start = time.perf_counter()
  lab.clear()
  assert lab.run().returncode == 0
  length = time.perf_counter() - start
  expected = lab.artifacts()
  assert len(expected) == lab.nodes
  lab.clear()
  in_this_cache = 0
  while done["kills"] < kills:
    process = lab.start()
    # Some after the end of a run that starts from nothing, so that the last steps are hit, too.
    time.sleep(rng.uniform(0, length * 1.05))
    victims = children(process)
    before = len(lab.artifacts()) if lab.cache.exists() else 0
    victim = rng.choice(victims) if victims and rng.random() < 0.4 else process.pid
    if process.poll() is None:
      try:
        os.kill(victim, signal.SIGKILL)
        done["kills"] += 1
        done["of the scheduler" if victim == process.pid else "of a worker"] += 1
        in_this_cache += 1
      except ProcessLookupError:
        pass
    process.wait()
    where = f"seed {seed}, kill {done['kills']}"
    found = lab.artifacts() if lab.cache.exists() else {}
    done["lost"] += max(0, before - len(found))
    for name, digest in found.items():
      assert expected.get(name) == digest, f"{where}: {name} is not what an undisturbed run makes"
    if lab.cache.exists():
      check = lab.verify()
      assert check.returncode == 0, f"{where}: {check.stdout}"
    if len(found) == lab.nodes or in_this_cache >= 12:
      last = lab.run()
      assert last.returncode == 0, f"{where}: {last.stderr}"
      assert lab.artifacts() == expected, f"{where}: a rerun gives other bytes"
      # A kill loses what was running, on two jobs, and no more.
      executions = sum(lab.executions().values())
      assert executions <= lab.nodes + 2 * in_this_cache, f"{where}: {executions} executions, {in_this_cache} kills"
      done["artifacts"] += lab.nodes
      done["executions beyond one a node"] += executions - lab.nodes
      done["reruns"] += 1
      in_this_cache = 0
      lab.clear()
  lab.close()
  return done


def kills(options, figures):
  """kill -9 of the scheduler or of a worker at a random instant, then whatever must hold after it."""
  # Several caches at once: a crowded machine stops a process at more different places than an idle one.
  loops = 2 if options.short else 4
  shares = [options.kills // loops + (k < options.kills % loops) for k in range(loops)]
  with concurrent.futures.ThreadPoolExecutor(loops) as pool:
    results = list(pool.map(kill_loop, [options.seed + k for k in range(loops)], shares))
  done = sum(results, collections.Counter())
  assert done["lost"] == 0
  figures["kills"] = [
    ("kills at random instants",
     f"{done['kills']} ({done['of the scheduler']} of the scheduler, {done['of a worker']} of a worker)"),
    ("published artifacts lost", done["lost"]), ("partial or wrong artifacts found", 0),
    ("`cache verify` after each kill", "clean"),
    ("reruns to the end, byte-identical to an undisturbed run", f"{done['reruns']} of {done['reruns']}"),
    ("executions that the kills cost, of the two at most that each can", done["executions beyond one a node"])]


def flips(options, figures):
  """A flipped bit or a cut in any file of the cache is found and named; the next run heals what it needs."""
  lab, rng = Lab(20), random.Random(options.seed + 1)
  assert lab.run().returncode == 0
  expected = lab.artifacts()
  lab.keep()
  count = 40 if options.short else 400
  sections = ["artifacts", "actions", "plans", "joins", "experiments", "runs"]
  healed = cuts = 0
  for number in range(count):
    section = sections[number % len(sections)]
    path = rng.choice([p for p in (lab.cache / section).rglob("*") if p.is_file()])
    data = path.read_bytes()
    bit = rng.randrange(len(data) * 8)
    if section in ("artifacts", "actions", "plans", "joins") and rng.random() < 0.25:
      damaged = data[:bit // 8]
      cuts += 1
    else:
      damaged = bytearray(data)
      damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(damaged))
    check = lab.verify()
    assert check.returncode == 1 and str(path) in check.stdout, f"bit {bit} of {path} was not found"
    if section == "artifacts":
      assert "fan/" in check.stdout, check.stdout
      answer = lab.run()
      assert answer.returncode == 0 and "1 nodes run" in answer.stderr, answer.stderr
    if section in ("artifacts", "actions", "plans", "joins"):
      assert lab.run().returncode == 0 and lab.artifacts() == expected, f"bit {bit} of {path}: healed to other bytes"
      assert lab.verify().returncode == 0
      healed += 1
    lab.restore()
  evaluations = [r.name for r in (lab.cache / "actions").rglob("*") if r.is_file() and "node evaluate[" in r.read_text()]
  met = 5 if options.short else 50
  for number in range(met):
    # Nobody has verified: the worker that reads the damaged artifact meets it. The tag makes all that take it run.
    key = rng.choice(evaluations)
    path = lab.cache / "artifacts" / key[:2] / (key + ".h5")
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))
    answer = lab.run("--set", f"tag={number + 1}")
    assert answer.returncode == 0, answer.stderr
    assert hashlib.sha256(path.read_bytes()).hexdigest() == expected[path.name], "healed to other bytes"
    assert lab.verify().returncode == 0
  lab.close()
  figures["flips"] = [
    ("bits flipped and files cut, in every kind of file", f"{count} ({cuts} cut)"),
    ("found and named by `cache verify`", count),
    ("damaged artifacts and records: the next run is complete, the same bytes, `cache verify` clean",
     f"{healed} of {healed}"),
    ("damaged inputs healed to the same bytes by the run that read them", f"{met} of {met}")]


def fuzz(options, figures):
  """Artifacts, records and logs of any bytes: every command ends in time and by itself, and a run heals."""
  lab, rng = Lab(4), random.Random(options.seed + 2)
  assert lab.run().returncode == 0
  expected = lab.artifacts()
  lab.keep()
  rounds = 15 if options.short else 300
  calls = 0

  def call(*arguments):
    nonlocal calls
    calls += 1
    # A hang raises TimeoutExpired.
    answer = subprocess.run([PIPELINE, *arguments, "--cache", str(lab.cache)], capture_output=True, timeout=60)
    assert answer.returncode in (0, 1, 66), f"{arguments}: {answer.returncode}, {answer.stderr[-500:]}"
    return answer.returncode

  def mutate(data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
      start = rng.randrange(max(1, len(data)))
      end = min(len(data), start + rng.randint(1, 64))
      kind = rng.randrange(5)
      if kind == 0: del data[start:]
      elif kind == 1: data[start:end] = rng.randbytes(end - start)
      elif kind == 2: del data[start:end]
      elif kind == 3: data[start:start] = data[start:end]
      elif data: data[min(start, len(data) - 1)] ^= 1 << rng.randrange(8)
    return bytes(data)

  pipeline = str(lab.folder / "fan.yaml")
  for _ in range(rounds):
    for path in rng.sample([p for p in lab.cache.rglob("*") if p.is_file()], rng.randint(1, 6)):
      path.write_bytes(mutate(path.read_bytes()))
    for command in (["plan", pipeline], ["status", pipeline], ["path", pipeline, "summary"], ["explain", pipeline, "summary"],
                    ["log", "fan"], ["compare", "fan~0", pipeline], ["timeline", "fan~0"], ["cache", "list"],
                    ["cache", "gc", "--dry-run", "--max-size", "1K"]):
      if options.short and rng.random() < 0.5: continue
      call(*command)
    call("cache", "verify")
    assert call("run", pipeline, "--jobs", "2") == 0 and lab.artifacts().items() >= expected.items()
    lab.restore()
  lab.close()
  figures["fuzz"] = [
    ("caches with up to six files of a seeded mutator's bytes", rounds),
    ("commands that crashed or hung", f"0 of {calls}"),
    ("runs that made all results anew or found them, the same bytes", f"{rounds} of {rounds}")]


def sharing(options, figures):
  """Processes that want the same keys at once: each key executes once."""
  width = 20 if options.short else 199
  lab = Lab(width, work="sleep 0.01;")
  processes = [lab.start() for _ in range(4)]
  assert all(p.wait() == 0 for p in processes)
  counts = lab.executions()
  assert len(counts) == lab.nodes and set(counts.values()) == {1}, counts.most_common(3)
  assert lab.verify().returncode == 0
  lab.close()
  figures["sharing"] = [
    (f"4 processes on one cache, {lab.nodes} keys: executions", f"{sum(counts.values())}, each key once")]


def other_host(name, ahead=0):
  """A process of its own host: another host name, its own process numbers, a clock that is `ahead` seconds ahead."""
  clock = ["--time", "--monotonic", str(ahead), "--boottime", str(ahead)] if ahead else []
  return ["unshare", "--uts", "--pid", *clock, "--fork", "--kill-child", "--mount-proc", "sh", "-c",
          'hostname "$0"; exec "$@"', name]


def hosts(options, figures):
  """Two hosts over one folder, which can't see each other's processes; one of them dies."""
  if subprocess.run(other_host("probe") + ["true"], capture_output=True).returncode != 0:
    figures["hosts"] = [("two hosts over one folder", "skipped: needs root")]
    return
  lab = Lab(20 if options.short else 199, work="sleep 0.01;")
  # Ten minutes apart, where the kernel has time namespaces; no clock of another host is ever looked at.
  skew = 600 if subprocess.run(other_host("probe", 600) + ["true"], capture_output=True).returncode == 0 else 0
  processes = [lab.start(before=other_host(f"host{k % 2}", skew * (k % 2))) for k in range(4)]
  assert all(p.wait() == 0 for p in processes)
  counts = lab.executions()
  assert len(counts) == lab.nodes and set(counts.values()) == {1}, counts.most_common(3)
  lab.close()

  lab = Lab(8, work="sleep 0.3;")
  first = lab.start("--lease", "2", before=other_host("host0"))
  while not lab.executions().get("evaluate0"): time.sleep(0.02)
  second = lab.start("--lease", "2", before=other_host("host1", skew))
  time.sleep(0.2)
  first.kill()
  first.wait()
  gone = time.perf_counter()
  assert second.wait() == 0
  took = time.perf_counter() - gone
  counts = lab.executions()
  assert len(counts) == lab.nodes and sum(counts.values()) <= lab.nodes + 2, counts.most_common(4)
  assert lab.verify().returncode == 0
  # One lease to be sure that the owner is gone, and the work itself.
  assert took < 2 + 1.5 + lab.nodes * 0.35, took
  lab.close()
  figures["hosts"] = [
    (f"2 hosts × 2 processes over one folder, {2 * (20 if options.short else 199) + 2} keys, clocks {skew} s apart: executions",
     "each key once"),
    ("a host that dies with two nodes running, lease 2 s: the other is done after", f"{took:.1f} s"),
    ("nodes executed twice because of it", sum(counts.values()) - lab.nodes)]


def disks(options, figures):
  """A full disk and a read-only one: a clear error, nothing partial, and a rerun that goes on."""
  folder = pathlib.Path(tempfile.mkdtemp(prefix="stress-"))
  mount = folder / "cache"
  mount.mkdir()
  if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], capture_output=True).returncode != 0:
    figures["disks"] = [("full and read-only disks", "skipped: needs root")]
    shutil.rmtree(folder)
    return
  try:
    lab = Lab(20, folder=folder, block=400_000)
    full = lab.run()
    # Whoever met the full disk first says so: a stage's program, HDF5 or the engine, each in its own words.
    assert full.returncode == 1 and "no space left" in full.stderr.lower(), full.stderr
    assert lab.verify().returncode == 0
    kept = lab.artifacts()
    subprocess.run(["mount", "-o", "remount,size=64m", str(mount)], check=True)
    assert lab.run().returncode == 0
    after = lab.artifacts()
    assert all(after[name] == digest for name, digest in kept.items()) and len(after) == lab.nodes
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    fresh = lab.run()
    assert fresh.returncode == 0, fresh.stderr
    stale = lab.run("--set", "i=21")
    assert stale.returncode == 1 and "Read-only" in stale.stderr, stale.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
  finally:
    subprocess.run(["umount", str(mount)])
    shutil.rmtree(folder, ignore_errors=True)
  figures["disks"] = [
    ("disk full in the middle of a run", "exit 1, the reason named, nothing partial; goes on once there is room"),
    ("read-only cache", "exit 0 when all is up to date, else exit 1 and the reason")]


def memory(options, figures):
  """The kernel ends a worker because memory ran out: its own node fails, says so, and nothing else does."""
  group = next((pathlib.Path(p) for p in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup") if pathlib.Path(
    p, "memory.limit_in_bytes").exists() or "memory" in (pathlib.Path(p, "cgroup.subtree_control").read_text()
    if pathlib.Path(p, "cgroup.subtree_control").exists() else "")), None)
  try:
    group = (group or pathlib.Path("/nonexistent")) / f"stress-{os.getpid()}"
    group.mkdir()
  except OSError:
    figures["memory"] = [("a worker that the kernel ends", "skipped: needs root and a memory control group")]
    return
  try:
    version1 = (group / "memory.limit_in_bytes").exists()
    (group / ("memory.limit_in_bytes" if version1 else "memory.max")).write_text(str(300 << 20))
    # `tail` keeps what has no line end, and so takes all that there is.
    lab = Lab(6, work="if [ $0 = evaluate3 ]; then "
              "head -c 900000000 /dev/zero | (sleep 0.5; exec tail) > /dev/null; fi;")
    errors = lab.folder / "errors"
    with open(errors, "w") as stream:
      process = subprocess.Popen(
        ["sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec "$@"', str(group)] + lab.command("--keep-going", jobs=1),
        stdout=NULL, stderr=stream)
      while not lab.executions().get("evaluate3"): time.sleep(0.01)
      # The kernel takes what has the highest score: the worker rather than the program, which is there already.
      time.sleep(0.2)
      for worker in children(process): pathlib.Path(f"/proc/{worker}/oom_score_adj").write_text("1000")
      process.wait()
    said = errors.read_text()
    assert process.returncode == 1 and "error: evaluate[i=3]" in said, said
    assert said.count("error: ") == 1 and "signal 9" in said and "memory" in said, said
    # The others: one source, five of each step.
    assert len(lab.artifacts()) == 11 and lab.verify().returncode == 0
    assert lab.run().returncode == 0 and len(lab.artifacts()) == lab.nodes
    lab.close()
  finally:
    for _ in range(50):
      try:
        group.rmdir()
        break
      except OSError:
        time.sleep(0.02)
  figures["memory"] = [("a worker that the kernel ends for memory", "its node fails and says so; 11 of 11 others are done")]


def outputs(options, figures):
  """Nobody reads what it says, or it is asked to stop."""
  lab = Lab(10)
  for redirection in ("<&- >&- 2>&-", "2>&1 | head -1 > /dev/null", "> /dev/full 2>&1"):
    lab.clear()
    line = " ".join(lab.command()) + " " + redirection
    status = subprocess.run(["bash", "-c", line + "; exit ${PIPESTATUS[0]}"]).returncode
    assert status in (0, 1), (redirection, status)
    assert lab.run().returncode == 0 and len(lab.artifacts()) == lab.nodes, redirection
  slow = Lab(10, work="sleep 0.1;")
  for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    slow.clear()
    # Under nohup hang-ups are ignored, which a child inherits.
    before = signal.signal(number, signal.SIG_DFL)
    process = slow.start()
    signal.signal(number, before)
    while not slow.executions(): time.sleep(0.01)
    process.send_signal(number)
    assert process.wait() == 130, number
    assert slow.verify().returncode == 0
  lab.close(), slow.close()
  figures["outputs"] = [
    ("closed, broken or full standard streams", "no crash, all artifacts"),
    ("SIGINT, SIGTERM, SIGHUP", "exit 130, nothing left running")]


def collection(options, figures):
  """Collections beside a run never take what it needs."""
  lab = Lab(15, work="sleep 0.03;")
  process = lab.start()
  removed = times = 0
  while process.poll() is None:
    for more in ([], ["--max-size", "1K"]):
      answer = subprocess.run([PIPELINE, "cache", "gc", "--cache", str(lab.cache), *more], capture_output=True, text=True)
      assert answer.returncode == 0, answer.stderr
      # A collection that comes as the run ends may take its results; while it is in progress none may.
      if any((lab.cache / "tmp").glob("*-run")):
        removed += int(re.search(r"removed (\d+) files", answer.stdout)[1])
        times += 1
  assert process.returncode == 0 and set(lab.executions().values()) == {1} and removed == 0
  lab.close()
  figures["collection"] = [(f"files that {times} collections took from a run in progress", removed)]


def speed(options, figures):
  """Medians beside ninja, by scripts/bench-engine.sh."""
  script = pathlib.Path(__file__).resolve().parent / "bench-engine.sh"
  rows = figures.get("speed", [])
  for section in options.sections.split(","):
    answer = subprocess.run(["bash", str(script), "5", section], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in answer.stdout.splitlines()[2:]]
    new = {row[0]: row for row in cells}
    rows = [row for row in rows if row[0] not in new] + list(new.values())
  figures["speed"] = rows


def peers(options, figures):
  """The same 1,000 commands and nothing to do, beside other tools."""
  n, rows = 1000, []
  root = pathlib.Path(tempfile.mkdtemp(prefix="stress-peers-", dir=PLACE))
  names = [f"e{i}" for i in range(n)]

  def clock(command, folder, limit=600):
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=NULL, stderr=NULL, start_new_session=True)
    try:
      assert process.wait(limit) == 0, command
    except subprocess.TimeoutExpired:
      os.killpg(process.pid, signal.SIGKILL)
      process.wait()
      return None
    return time.perf_counter() - start

  def fresh(name):
    (root / name).mkdir()
    (root / name / "src").write_text("x")
    return root / name

  def show(seconds): return f"{seconds:.3g} s"

  def version(tool): return subprocess.run([tool, "--version"], capture_output=True, text=True).stdout.split()[0]

  def measure(name, command, folder, again=9):
    first = clock(command, folder, options.limit)
    if first is None:
      return rows.append((name, f"more than {options.limit} s, ended", "not reached"))
    rows.append((name, show(first), show(statistics.median(clock(command, folder, options.limit) for _ in range(again)))))

  folder = fresh("pipeline")
  (folder / "fan.yaml").write_text(f"""axes: {{i: {n}}}
stages:
  base: {{stage: command, parameters: {{argv: [sh, -c, "cat src > b"], files: [src], outputs: [b]}}}}
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
  measure("this engine", [PIPELINE, "run", "fan.yaml", "--cache", "cache", "--jobs", "2"], folder)
  if shutil.which("ninja"):
    folder = fresh("ninja")
    (folder / "build.ninja").write_text(
      "rule cp\n  command = cat $in > $out\nbuild b: cp src\n" + "".join(f"build {e}: cp b\n" for e in names)
      + "build all: cp " + " ".join(names) + "\n")
    measure(f"ninja {version('ninja')}", ["ninja", "-j2", "all"], folder)
  else:
    rows.append(("ninja", "not on PATH", ""))
  if shutil.which("snakemake"):
    folder = fresh("snakemake")
    (folder / "Snakefile").write_text(
      'rule all:\n    input: "sum"\nrule base:\n    input: "src"\n    output: "b"\n    shell: "cat {input} > {output}"\n'
      'rule evaluate:\n    input: "b"\n    output: "e{i}"\n    shell: "cat {input} > {output}"\n'
      f'rule summary:\n    input: [f"e{{i}}" for i in range({n})]\n    output: "sum"\n    shell: "cat {{input}} > {{output}}"\n')
    measure(f"Snakemake {version('snakemake')}", ["snakemake", "-c2"], folder, again=1)
  else:
    rows.append(("Snakemake", "not on PATH", ""))
  if shutil.which("dvc"):
    folder = fresh("dvc")
    (folder / "dvc.yaml").write_text(
      "stages:\n  base:\n    cmd: cat src > b\n    deps: [src]\n    outs: [b]\n  evaluate:\n"
      f"    foreach: [{','.join(map(str, range(n)))}]\n    do:\n      cmd: cat b > e${{item}}\n      deps: [b]\n"
      f'      outs: ["e${{item}}"]\n  summary:\n    cmd: cat e* > sum\n    deps: [{",".join(names)}]\n    outs: [sum]\n')
    subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    measure(f"DVC {version('dvc')}", ["dvc", "repro", "-q"], folder, again=1)
  else:
    rows.append(("DVC", "not on PATH", ""))
  shutil.rmtree(root, ignore_errors=True)
  figures["peers"] = rows


CHECKS = [kills, flips, fuzz, sharing, hosts, disks, memory, outputs, collection]
TIMINGS = [speed, peers]


def page(figures):
  """The page with its figures."""
  text = """# Reliability

What `make stress` did to the engine, and what came of it. Every line is checked by the script, which stops at the first
guarantee that does not hold. `make test` runs short forms of all.

"""
  for case in CHECKS:
    if case.__name__ not in figures: continue
    text += f"## {case.__doc__.splitlines()[0].rstrip('.')}\n\n| | |\n|---|---|\n"
    text += "".join(f"| {name} | {value} |\n" for name, value in figures[case.__name__]) + "\n"
  text += """## Held by tests

Leases on file systems without hard links, hosts whose times of day differ, a claim that a dead process left
(`ProcessTests`); seeded mutations of every index and record, half of them with digests that fit (`CompletionTests`,
`RecordFuzzTests`), of artifacts (`ArtifactFuzzTests`) and of pipeline files (`FuzzTests`); random graphs, edits and
failures against a scheduler of 50 lines (`ModelTests`).

"""
  if "speed" in figures:
    text += """## Speed

Cold processes, warm files, medians, ours and ninja in turn (`scripts/bench-engine.sh 5`; in memory, two cores).

| | pipeline | ninja | ratio | bar | runs |
|---|---|---|---|---|---|
"""
    text += "".join("| " + " | ".join(row) + " |\n" for row in figures["speed"]) + "\n"
    text += """On ext4 without a journal, first runs of both depend on how many files were deleted in the last minute, since that file
system looks past every inode freed of late, and each command frees a folder, its inputs and its outputs.

"""
  if "peers" in figures:
    text += """## Beside other tools

1 node, 1,000 that take it, 1 that takes those, each a `cat`; 2 jobs, in memory; first runs once, nothing to do the median
of 9 (Snakemake and DVC: once).

| | first run | nothing to do |
|---|---|---|
"""
    text += "".join(f"| {name} | {first} | {second} |\n" for name, first, second in figures["peers"]) + "\n"
  return text.rstrip("\n") + "\n"


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--short", action="store_true")
  parser.add_argument("--write", help="the page to write from all pieces")
  parser.add_argument("--kills", type=int)
  parser.add_argument("--seed", type=int, default=1)
  parser.add_argument("--limit", type=int, default=600, help="seconds after which another tool is ended")
  parser.add_argument("--sections", default="noop,first,toy,plan", help="of scripts/bench-engine.sh")
  parser.add_argument("--pieces", help="keeps the figures of the cases between several calls")
  parser.add_argument("cases", nargs="*")
  options = parser.parse_args()
  options.kills = options.kills or (50 if options.short else 1000)
  chosen = [c for c in CHECKS + TIMINGS if c.__name__ in options.cases]
  unknown = set(options.cases) - {c.__name__ for c in chosen} - {"none"}
  if unknown: parser.error(f"no case {', '.join(unknown)}; there are {', '.join(c.__name__ for c in CHECKS + TIMINGS)}")
  if not options.cases: chosen = CHECKS if options.short else CHECKS + TIMINGS
  pieces = pathlib.Path(options.pieces) if options.pieces else None
  # A shell starts its background jobs deaf to Ctrl-C, and they would hand that on to what they start.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  figures = json.loads(pieces.read_text()) if pieces and pieces.exists() else {}
  for case in chosen:
    start = time.perf_counter()
    case(options, figures)
    print(f"{case.__name__}: {time.perf_counter() - start:.0f} s", flush=True)
    for row in figures[case.__name__]: print("  " + ": ".join(map(str, row)), flush=True)
    if pieces:
      # Another call may have added to it meanwhile.
      known = json.loads(pieces.read_text()) if pieces.exists() else {}
      pieces.write_text(json.dumps(known | {case.__name__: figures[case.__name__]}))
      figures = known | figures
  if options.write: pathlib.Path(options.write).write_text(page(figures))


if __name__ == "__main__":
  main()
