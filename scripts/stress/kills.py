"""Faults: kill -9 at a random instant."""
import collections
import concurrent.futures
import os
import random
import signal
import time

from laboratory import Laboratory, children


def kills(options):
    """kill -9 of the scheduler or of a worker at a random instant"""
    # Several caches at once: a crowded machine stops a process at more different places than an idle one.
    loops = 2 if options.short else 4
    shares = [options.kills // loops + (k < options.kills % loops) for k in range(loops)]
    with concurrent.futures.ThreadPoolExecutor(loops) as pool:
        results = list(pool.map(kill_loop, [options.seed + k for k in range(loops)], shares))
    done = sum(results, collections.Counter())
    assert done["lost"] == 0
    return [
        ("kills at random instants",
         f"{done['kills']} ({done['of the scheduler']} of the scheduler, {done['of a worker']} of a worker)"),
        ("published artifacts lost", done["lost"]), ("partial or wrong artifacts found", 0),
        ("`cache verify` after each kill", "clean"),
        ("reruns to the end that gave the bytes of an undisturbed run", f"{done['reruns']} of {done['reruns']}"),
        ("executions that had to be repeated (a kill may cost two)", done["executions beyond one a node"])]


def kill_loop(seed, kills):
    """One cache that is killed again and again; returns what was done."""
    lab, rng, done = Laboratory(20), random.Random(seed), collections.Counter()
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
        before, hit = strike(lab, rng, length)
        # Follows a machine that becomes quicker or slower, so that few runs end before their kill.
        length *= 1.02 if hit else 0.9
        if hit:
            done["kills"] += 1
            done[hit] += 1
            in_this_cache += 1
        where = f"seed {seed}, kill {done['kills']}"
        found = lab.artifacts() if lab.cache.exists() else {}
        done["lost"] += max(0, before - len(found))
        for name, digest in found.items():
            assert expected.get(name) == digest, f"{where}: {name} is not what an undisturbed run makes"
        if lab.cache.exists():
            check = lab.verify()
            assert check.returncode == 0, f"{where}: {check.stdout}"
        if len(found) == lab.nodes or in_this_cache >= 12:
            finish(lab, expected, in_this_cache, where, done)
            in_this_cache = 0
    lab.close()
    return done


def strike(lab, rng, length):
    """Starts a run and kills one of its processes.

    Returns how many artifacts there were just before, and what was hit: None where the run was quicker.
    """
    process = lab.start()
    # Some after the end of a run that starts from nothing, so that the last steps are hit, too.
    time.sleep(rng.uniform(0, length * 1.05))
    victims = children(process)
    before = len(lab.artifacts()) if lab.cache.exists() else 0
    victim = rng.choice(victims) if victims and rng.random() < 0.4 else process.pid
    hit = None
    if process.poll() is None:
        try:
            os.kill(victim, signal.SIGKILL)
            hit = "of the scheduler" if victim == process.pid else "of a worker"
        except ProcessLookupError:
            pass
    process.wait()
    return before, hit


def finish(lab, expected, kills, where, done):
    """Runs to the end, compares with an undisturbed run, and clears the cache."""
    last = lab.run()
    assert last.returncode == 0, f"{where}: {last.stderr}"
    assert lab.artifacts() == expected, f"{where}: a rerun gives other bytes"
    # A kill loses what was running, on two jobs, and no more.
    executions = sum(lab.executions().values())
    assert executions <= lab.nodes + 2 * kills, f"{where}: {executions} executions, {kills} kills"
    done["executions beyond one a node"] += executions - lab.nodes
    done["reruns"] += 1
    lab.clear()
