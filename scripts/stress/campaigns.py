"""Campaigns: pilots that are killed, asked to end and started anew at random, and a submit whose terminal closes."""
import collections
import json
import os
import pty
import random
import signal
import subprocess
import time

from deaths import NOTE, Deaths
from laboratory import NULL, PIPELINE, Laboratory, children

PILOTS = 3


def campaigns(options):
    """Pilots of a campaign, killed and asked to end at random instants: it ends without a hand"""
    wanted = 20 if options.short else 300
    rng, done = random.Random(options.seed), collections.Counter()
    while done["struck"] < wanted:
        lab = Laboratory(20, work=NOTE + "sleep 0.05;")
        assert lab.run().returncode == 0
        expected = lab.artifacts()
        lab.clear()
        deaths = Deaths(lab)
        campaign(lab, rng, wanted, done, deaths)
        where = f"seed {options.seed}, campaign {done['campaigns']}"
        assert lab.artifacts() == expected, f"{where}: other results than those of one run"
        assert lab.verify().returncode == 0
        beyond, most = deaths.check(where)
        done["beyond"] += beyond
        done["most"] = max(done["most"], most)
        done["campaigns"] += 1
        lab.close()
    return [
        ("campaigns of 42 nodes with three pilots", done["campaigns"]),
        ("pilots killed, workers killed, pilots asked to end",
         f"{done['pilot killed']}, {done['worker killed']}, {done['asked to end']}"),
        ("campaigns that ended with the bytes of one run", f"{done['campaigns']} of {done['campaigns']}"),
        ("results made again after they were published; starts that no death explains", "0; 0"),
        ("starts beyond one a node, each after a death; most of one node", f"{done['beyond']}; {done['most']}"),
        *closing()]


def submit(lab, *more):
    answer = subprocess.run([PIPELINE, "submit", str(lab.file), "--cache", str(lab.cache), *(more or ["--via", "none"])],
                            capture_output=True, text=True, check=True)
    return answer.stdout.split()[-1]


def pilot(lab, name):
    command = [PIPELINE, "run", "--campaign", name, "--cache", str(lab.cache), "--jobs", "1", "--memory", "1G"]
    return subprocess.Popen([*command, "--grace", "1"], stdout=NULL, stderr=NULL, stdin=NULL)


def state(lab, name):
    answer = subprocess.run([PIPELINE, "campaigns", name, "--cache", str(lab.cache), "--json"],
                            capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)[0]


def campaign(lab, rng, wanted, done, deaths):
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
        strike(pilots[victim], rng, done, deaths)
        if pilots[victim].poll() is not None:
            pilots[victim] = pilot(lab, name)
    for each in pilots:
        each.wait(timeout=120)
    # A worker that was killed has failed its node, which a submit tries again.
    while state(lab, name)["state"] != "done":
        assert submit(lab) == name
        pilot(lab, name).wait(timeout=120)


def strike(process, rng, done, deaths):
    workers = [each for each in children(process) if rng.random() < 0.5]
    kind, target, number = rng.choice([
        ("pilot killed", process.pid, signal.SIGKILL), ("asked to end", process.pid, signal.SIGTERM),
        ("worker killed", workers[0] if workers else process.pid, signal.SIGKILL)])
    if target == process.pid and kind == "worker killed":
        kind = "pilot killed"
    deaths.note(target)
    try:
        os.kill(target, number)
    except ProcessLookupError:
        return
    done[kind] += 1
    done["struck"] += 1
    if target == process.pid:
        process.wait(timeout=60)


def closing():
    """A terminal that closes as soon as submit has returned: its pilots go on."""
    # No command ends before the terminal has closed, however slow the shell is to hang up.
    lab = Laboratory(10, work="until [ -e FOLDER/closed ]; do sleep 0.05; done;")
    shell, terminal = pty.fork()
    if shell == 0:
        # Job control, as people have it: whoever hangs up signals all jobs of the session.
        os.execvp("bash", ["bash", "--norc", "-i", "-c", 'shopt -s huponexit; "$@"; echo submitted; exec sleep 60', "bash",
                           PIPELINE, "submit", str(lab.file), "--cache", str(lab.cache), "--via", "local:2"])
    said = b""
    while b"submitted" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    os.waitpid(shell, 0)
    assert not lab.artifacts(), "a command ended before the terminal closed"
    (lab.folder / "closed").touch()
    end = time.monotonic() + 60
    while not list(lab.cache.glob("campaigns/*/ended")):
        assert time.monotonic() < end, "the campaign stood still after the terminal had closed"
        time.sleep(0.1)
    assert len(lab.artifacts()) == lab.nodes and set(lab.executions().values()) == {1}
    lab.close()
    return [("results of a submit after its terminal had closed, without a hand", f"{lab.nodes} of {lab.nodes}")]
