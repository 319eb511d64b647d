"""A SLURM of two nodes on this host: pilots as array tasks, whose jobs and daemons are struck at random."""
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from deaths import NOTE, Deaths
from laboratory import NULL, PIPELINE, ROOT, Laboratory

CLUSTER = str(ROOT / "scripts/slurm/cluster.sh")
SLURMD_TIMEOUT = 5
PILOTS = 20


class Cluster:
    """The daemons of one SLURM, and programs that find them."""

    def __init__(self, **environment):
        self.folder = tempfile.mkdtemp(prefix="slurm-")
        # Ports of its own: another checkout may be tested beside this one.
        port = str(20000 + 3 * (os.getpid() % 4000))
        self.environment = dict(os.environ, PORT=port, KILL_WAIT="3", SLURMD_TIMEOUT=str(SLURMD_TIMEOUT),
                                SLURM_CONF=f"{self.folder}/slurm.conf", **environment)
        try:
            self.control("start")
        except subprocess.CalledProcessError:
            self.close()
            raise

    def control(self, *words):
        subprocess.run([CLUSTER, words[0], self.folder, *words[1:]], env=self.environment, check=True, stdout=NULL,
                       stderr=NULL, close_fds=True)

    def run(self, *words, check=True):
        return subprocess.run(list(map(str, words)), env=self.environment, check=check, capture_output=True, text=True)

    def remember(self):
        """Waits until slurmctld has written down what it knows now. What it is told and does is on disk within five seconds: one
        that is killed before forgets jobs, and starts tasks that are at work a second time, which drains their nodes."""
        file, now = pathlib.Path(self.folder, "state/job_state"), time.time()
        while time.time() < now + 6 and not (file.exists() and file.stat().st_mtime > now):
            time.sleep(0.1)

    def close(self):
        self.control("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def cluster(options):
    """Campaigns on a SLURM of two nodes: tasks cancelled and requeued, pilots killed, daemons down and up"""
    if os.getuid() != 0 or not shutil.which("slurmctld", path="/usr/sbin"):
        return [("skipped", "needs root and SLURM")]
    slurm = Cluster()
    try:
        return struck(slurm, options) + same(slurm, options)
    finally:
        slurm.close()


def state(slurm, lab, name):
    answer = slurm.run(PIPELINE, "campaigns", name, "--cache", lab.cache, "--json")
    return json.loads(answer.stdout)[0]


KINDS = {
    "killed": "pilots killed", "cancelled": "tasks cancelled", "requeued": "tasks requeued", "preempted": "preemptions",
    "slurmd": "slurmd killed and started", "away": "slurmd away for longer than its timeout",
    "down": "nodes set down and resumed", "slurmctld": "slurmctld killed and started",
    "restarted": "slurmctld restarted"}


def struck(slurm, options):
    """Campaigns whose pilots, nodes and daemons are struck until they end."""
    wanted = 5 if options.short else options.strikes
    rng, done = random.Random(options.seed), collections.Counter()
    while done["strikes"] < wanted:
        where = f"seed {options.seed}, campaign {done['campaigns']}"
        one_campaign(slurm, rng, done, wanted, where, "sleep 0.3;" if options.short else "sleep 1;", [])
        print(f"  {where}: {dict(done)}", file=sys.stderr, flush=True)
    rows = [
        (f"campaigns of 42 nodes, each an array of {PILOTS} tasks, of which two nodes run four at a time", done["campaigns"]),
        ("; ".join(KINDS.values()), "; ".join(str(done[kind]) for kind in KINDS))]
    if not options.short:
        before = done["campaigns"]
        # A minute is the least that SLURM knows, and the pilots are not told of it.
        dead = one_campaign(slurm, rng, done, 0, "wall time", "sleep 8;", ["--sbatch-arg=--time=1"])
        assert dead
        rows.append((f"tasks that reached their wall time, in {done['campaigns'] - before} more", len(dead)))
    return rows + [
        ("campaigns that ended by what was submitted once, with the bytes of one run",
         f"{done['campaigns']} of {done['campaigns']}"),
        ("results made again after they were published; starts that no death explains", "0; 0"),
        ("starts beyond one a node, each after a death; most of one node", f"{done['beyond']}; {done['most']}"),
        ("nodes of SLURM that it had drained resumed, and jobs that it held released", done["administered"])]


def one_campaign(slurm, rng, done, wanted, where, work, more):
    """One submit, whose tasks come to its end whatever is done to them. Returns the pilots that died."""
    lab = Laboratory(20, work=NOTE + work)
    assert subprocess.run(lab.command(jobs=20), capture_output=True).returncode == 0
    expected = lab.artifacts()
    lab.clear()
    deaths, seen = Deaths(lab), set()
    # More tasks than run at a time: those that wait take the place of those that are struck dead.
    submit = [PIPELINE, "submit", lab.file, "--cache", lab.cache, "--pilots", PILOTS, "--cpus", 1, "--memory", "800M",
              "--time", "10m", *more]
    name = slurm.run(*submit).stdout.split()[-1]
    while (now := state(slurm, lab, name))["state"] not in ("done", "failed"):
        # A slurmctld that is on its way up does not answer.
        assert now["state"] != "left" or slurm.run("squeue", check=False).returncode, f"{where}: all tasks are gone, work is left"
        seen |= {each["process"] for each in now["pilots"]}
        if done["strikes"] < wanted and now["pilots"]:
            strike(slurm, now, rng, done, deaths)
        done["administered"] += administer(slurm)
        time.sleep(rng.uniform(0.2, 1.0))
    deadline = time.monotonic() + 120
    while slurm.run("squeue", "-h", "--name", name, check=False).stdout:
        # Who is at work ends, and who comes now finds that nothing is left.
        assert time.monotonic() < deadline, f"{where}: tasks stay although the campaign has ended"
        done["administered"] += administer(slurm)
        time.sleep(0.5)
    # A pilot that has not come to the end was ended by somebody, or has died.
    dead = {process for process in seen | deaths.pilots() if not lives(process)} - ended_well(lab)
    deaths.dead |= dead
    assert state(slurm, lab, name)["state"] == "done", f"{where}: a strike has failed a node"
    assert lab.artifacts() == expected, where
    assert lab.verify().returncode == 0, where
    for log in lab.cache.glob(f"campaigns/{name}/output/*.log"):
        assert not re.search("error: (?!Detected)|Fatal|Crash", said := log.read_text(errors="replace")) \
            or "slurmstepd" in said, f"{where}: {said}"
    beyond, most = deaths.check(where, with_programs=True)
    done["beyond"] += beyond
    done["most"] = max(done["most"], most)
    done["campaigns"] += 1
    lab.close()
    return dead


def ended_well(lab):
    """The pilots whose records say that they came to the end of the campaign."""
    processes = set()
    for run in (lab.cache / "runs").glob("*.jsonl"):
        events = [json.loads(line) for line in run.read_text().splitlines()]
        if events[-1]["event"] == "end" and events[-1]["message"] != "interrupted":
            processes.add(events[0]["owner"]["process"])
    return processes


def administer(slurm):
    """Does what a cluster's administrator does: SLURM drains a node and holds a job where it finds a step of the same job
    still alive, as it may after its daemon was away. Returns how often."""
    times = 0
    for line in slurm.run("sinfo", "-h", "-N", "-p", "all", "-o", "%N %T", check=False).stdout.splitlines():
        node, status = line.split()
        if status.startswith(("drain", "down")):
            slurm.run("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)
            times += 1
    for line in slurm.run("squeue", "-h", "-r", "-t", "PD", "-o", "%i %r", check=False).stdout.splitlines():
        job, reason = line.split(" ", 1)
        if "held" in reason:
            slurm.run("scontrol", "release", job, check=False)
            times += 1
    return times


def lives(process):
    """Whether a process is at work: process 1 of a container may reap the dead late."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def strike(slurm, now, rng, done, deaths):
    pilot = rng.choice(now["pilots"])
    kind = rng.choice(list(KINDS) + ["killed", "requeued"])
    node = rng.choice(["n1", "n2"])
    if kind in ("killed", "cancelled", "requeued"):
        deaths.note(pilot["process"])
    else:
        deaths.note()
    if kind == "killed":
        try:
            os.kill(pilot["process"], 9)
        except ProcessLookupError:
            return
    elif kind == "slurmctld":
        slurm.remember()
        slurm.control("restart", kind)
    elif kind == "restarted":
        slurm.control("restart", "slurmctld", "TERM")
    elif kind == "slurmd":
        slurm.control("restart", f"slurmd-{node}")
    elif kind == "away":
        slurm.control("down", f"slurmd-{node}")
        time.sleep(SLURMD_TIMEOUT + 3)
        slurm.control("restart", f"slurmd-{node}")
    elif kind == "down":
        slurm.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=struck", check=False)
        time.sleep(1)
        slurm.run("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)
    elif kind == "preempted":
        slurm.run("sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1", check=False)
    elif pilot.get("job"):
        word = ["scancel"] if kind == "cancelled" else ["scontrol", "requeue"]
        slurm.run(*word, pilot["job"], check=False)
    done[kind] += 1
    done["strikes"] += 1


def same(slurm, options):
    """Two nodes with two pilots each, on a pipeline of the study; the short form takes a fan of programs."""
    lab = Laboratory(10)
    if not options.short:
        lab.file = ROOT / "pipelines/examples/tiny.yaml"
        if not lab.file.exists():
            lab.file = next((ROOT / "pipelines").rglob("tiny.yaml"))
        for cache in (lab.cache, lab.folder / "other"):
            cache.mkdir()
            (cache / "downloads").symlink_to(ROOT / "cache/downloads")
    start = time.perf_counter()
    assert lab.run().returncode == 0
    alone = time.perf_counter() - start
    other = lab.folder / "other"
    start = time.perf_counter()
    slurm.run(PIPELINE, "submit", lab.file, "--cache", other, "--pilots", 4, "--cpus", 1, "--memory", "1900M", "--wait")
    crowd = time.perf_counter() - start
    assert contents(other) == contents(lab.cache)
    made = collections.Counter(
        json.loads(line)["key"] for run in (other / "runs").glob("*.jsonl")
        for line in run.read_text().splitlines() if json.loads(line)["event"] == "ran")
    assert set(made.values()) == {1} and len(made) == len(contents(other))
    lab.close()
    return [(f"{lab.file.stem}: {len(made)} keys by two pilots on each of two nodes; contents as of one run",
             f"each key once, the same; {crowd:.1f} s beside {alone:.1f} s")]


def contents(cache):
    """SHA-256 of each artifact by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in pathlib.Path(cache).glob("artifacts/*/*.h5")}
