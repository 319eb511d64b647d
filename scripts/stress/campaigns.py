"""Campaigns: pilots that are killed, asked to end and started anew at random; and results on their way that are cut off."""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import time

from laboratory import NULL, PIPELINE, Laboratory, children

PILOTS = 3


def campaigns(options):
    """Pilots of a campaign, killed and asked to end at random instants: it ends without a hand"""
    wanted = 20 if options.short else 300
    rng, done = random.Random(options.seed), collections.Counter()
    while done["struck"] < wanted:
        lab = Laboratory(20, work="sleep 0.05;")
        assert lab.run().returncode == 0
        expected = lab.artifacts()
        lab.clear()
        lab.log.write_text("")
        campaign(lab, rng, wanted, done)
        assert lab.artifacts() == expected, f"seed {options.seed}: other results than those of one run"
        assert lab.verify().returncode == 0
        counts = collections.Counter(lab.log.read_text().split())
        assert len(counts) == lab.nodes
        done["most"] = max(done["most"], *counts.values())
        done["beyond"] += sum(counts.values()) - lab.nodes
        done["campaigns"] += 1
        lab.close()
    return [
        ("campaigns of 42 nodes with three pilots", done["campaigns"]),
        ("pilots killed, workers killed, pilots asked to end",
         f"{done['pilot killed']}, {done['worker killed']}, {done['asked to end']}"),
        ("campaigns that ended with the bytes of one run", f"{done['campaigns']} of {done['campaigns']}"),
        ("executions beyond one a node; most of one node", f"{done['beyond']}; {done['most']}")]


def submit(lab):
    answer = subprocess.run([PIPELINE, "submit", str(lab.file), "--cache", str(lab.cache), "--via", "none"],
                            capture_output=True, text=True, check=True)
    return answer.stdout.split()[-1]


def pilot(lab, name):
    command = [PIPELINE, "run", "--campaign", name, "--cache", str(lab.cache), "--jobs", "1", "--memory", "1G"]
    return subprocess.Popen([*command, "--grace", "1"], stdout=NULL, stderr=NULL, stdin=NULL)


def state(lab, name):
    answer = subprocess.run([PIPELINE, "campaigns", name, "--cache", str(lab.cache), "--json"],
                            capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)[0]


def campaign(lab, rng, wanted, done):
    """One campaign, whose pilots are struck until it ends; each is followed by another."""
    name = submit(lab)
    pilots = [pilot(lab, name) for _ in range(PILOTS)]
    while any(each.poll() is None for each in pilots):
        time.sleep(rng.uniform(0.02, 0.4))
        victim = rng.randrange(PILOTS)
        if pilots[victim].poll() is not None or done["struck"] >= wanted:
            if (lab.cache / "campaigns" / name / "ended").exists():
                break
            continue
        strike(pilots[victim], rng, done)
        pilots[victim] = pilot(lab, name)
    for each in pilots:
        each.wait(timeout=120)
    # A worker that was killed has failed its node, which a submit tries again.
    while state(lab, name)["state"] != "done":
        assert submit(lab) == name
        pilot(lab, name).wait(timeout=120)


def strike(process, rng, done):
    workers = [each for each in children(process) if rng.random() < 0.2]
    kind, target, number = rng.choice([
        ("pilot killed", process.pid, signal.SIGKILL), ("asked to end", process.pid, signal.SIGTERM),
        ("worker killed", workers[0] if workers else process.pid, signal.SIGKILL)])
    if target == process.pid and kind == "worker killed":
        kind = "pilot killed"
    try:
        os.kill(target, number)
    except ProcessLookupError:
        return
    done[kind] += 1
    done["struck"] += 1
    if target == process.pid:
        process.wait(timeout=60)


def travel(options):
    """Results on their way to another cache: interrupted at random, then complete and identical"""
    rounds = 8 if options.short else 100
    rng, cuts = random.Random(options.seed), collections.Counter()
    lab = Laboratory(30, block=200_000)
    assert lab.run().returncode == 0
    expected = lab.artifacts()
    other, remote, closure = lab.folder / "other", lab.folder / "remote", lab.folder / "closure"
    subprocess.run([PIPELINE, "export", str(lab.file), "--cache", str(lab.cache), "--closure", str(closure)],
                   check=True, stdout=NULL)
    ways = {
        "push": ([PIPELINE, "cache", "push", str(remote), "--cache", str(lab.cache)], remote),
        "pull": ([PIPELINE, "cache", "pull", str(remote), "--cache", str(other)], other),
        "import": ([PIPELINE, "import", str(closure), "--cache", str(other)], other)}
    for number in range(rounds):
        way = list(ways)[number % 3]
        command, target = ways[way]
        shutil.rmtree(target, ignore_errors=True)
        while cut(command, rng.uniform(0.01, 0.25)):
            cuts[way] += 1
            if rng.random() < 0.5:
                break
        assert subprocess.run(command, stdout=NULL, stderr=NULL).returncode == 0
        found = lab.artifacts(target)
        assert found == expected, f"{way} of round {number}: other results"
        assert subprocess.run([PIPELINE, "cache", "verify", "--cache", str(target)], stdout=NULL).returncode == 0
    lab.close()
    return [("times that a push, a pull and an import were cut off", f"{cuts['push']}, {cuts['pull']}, {cuts['import']}"),
            ("rounds after which the same command completed them, byte for byte", f"{rounds} of {rounds}")]


def cut(command, seconds):
    """Starts a command and kills it after some time; whether it was still at work."""
    process = subprocess.Popen(command, stdout=NULL, stderr=NULL, stdin=NULL)
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
