"""A SLURM of two nodes on this host: pilots as array tasks, whose jobs and daemons are struck at random."""
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from laboratory import NULL, PIPELINE, ROOT, Laboratory

CLUSTER = str(ROOT / "scripts/slurm/cluster.sh")


class Cluster:
    """The daemons of one SLURM, and programs that find them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="slurm-")
        self.environment = dict(os.environ, PORT="17867", KILL_WAIT="3", SLURMD_TIMEOUT="5",
                                SLURM_CONF=f"{self.folder}/slurm.conf")
        self.control("start")

    def control(self, *words):
        subprocess.run([CLUSTER, words[0], self.folder, *words[1:]], env=self.environment, check=True, stdout=NULL,
                       stderr=NULL, close_fds=True)

    def run(self, *words, check=True):
        return subprocess.run(list(map(str, words)), env=self.environment, check=check, capture_output=True, text=True)

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


def struck(slurm, options):
    wanted = 10 if options.short else 100
    rng, done = random.Random(options.seed), collections.Counter()
    while done["strikes"] < wanted:
        lab = Laboratory(20, work="sleep 0.3;")
        assert lab.run().returncode == 0
        expected = lab.artifacts()
        lab.clear()
        lab.log.write_text("")
        submit = [PIPELINE, "submit", lab.file, "--cache", lab.cache, "--pilots", 4, "--cpus", 1, "--memory", "800M",
                  "--time", "10m"]
        name = slurm.run(*submit).stdout.split()[-1]
        while (now := state(slurm, lab, name))["state"] not in ("done", "failed"):
            if now["state"] == "left":
                # All tasks of the array are gone: whoever cares submits again.
                slurm.run(*submit)
                done["submits again"] += 1
            elif done["strikes"] < wanted and now["pilots"]:
                strike(slurm, now, rng, done)
            time.sleep(rng.uniform(0.2, 1.0))
        assert state(slurm, lab, name)["state"] == "done", "a strike has failed a node"
        assert lab.artifacts() == expected
        assert lab.verify().returncode == 0
        counts = collections.Counter(lab.log.read_text().split())
        done["beyond"] += sum(counts.values()) - lab.nodes
        done["most"] = max(done["most"], *counts.values())
        done["campaigns"] += 1
        lab.close()
    kinds = ("killed", "cancelled", "requeued", "slurmd", "slurmctld")
    return [
        ("campaigns of 42 nodes with four array tasks on two nodes", done["campaigns"]),
        ("pilots killed; tasks cancelled; requeued; slurmd killed and started; slurmctld killed and started",
         "; ".join(str(done[kind]) for kind in kinds)),
        ("campaigns that ended with the bytes of one run", f"{done['campaigns']} of {done['campaigns']}"),
        ("executions beyond one a node; most of one node", f"{done['beyond']}; {done['most']}"),
        ("submits after all tasks were gone", done["submits again"])]


def strike(slurm, now, rng, done):
    pilot = rng.choice(now["pilots"])
    kind = rng.choice(["killed", "killed", "cancelled", "requeued", "slurmd", "slurmctld"])
    if kind == "killed":
        try:
            os.kill(pilot["process"], 9)
        except ProcessLookupError:
            return
    elif kind in ("slurmd", "slurmctld"):
        slurm.control("restart", kind if kind == "slurmctld" else rng.choice(["slurmd-n1", "slurmd-n2"]))
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
