"""Faults: the power is cut, and the disk has what was synced and any part of the rest."""
import collections
import concurrent.futures
import json
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import uuid

from disk import KINDS, Disk, traced
from laboratory import PIPELINE, PLACE, Laboratory, Study


def power(options):
    """A power cut at any instant: nothing wrong is believed, nothing synced lost, the next run ends with the same bytes"""
    rows = []
    for sync_after in (0, 10):
        done = collections.Counter()
        for make, cuts in ((lambda: Laboratory(4, block=9000), 200), (Study, 100)):
            lab = make()
            if not is_possible(lab.folder):
                lab.close()
                return [("power cuts", "skipped: needs root and strace")]
            done += cut_often(lab, sync_after, cuts // 20 if options.short else cuts, options.seed)
            lab.close()
        kinds = ", ".join(f"{done[kind]} {kind}" for kind in KINDS)
        rows += [
            (f"`--sync-after {sync_after}`: power cuts at random instants of a fan of commands and of a small study, by kind of "
             "disk (`scripts/stress/disk.py`)", f"{done['cuts']} ({kinds})"),
            ("artifacts with other bytes than were written, left by the cuts; believed by a run", f"{done['torn']}; 0"),
            ("results that were synced before a cut; lost", f"{done['synced']}; 0"),
            ("next runs that ended with the same bytes", f"{done['cuts']} of {done['cuts']}")]
    return rows


def after_boot(folder, place):
    """A prefix that runs a command as after another boot of this host, with one folder in the place of another."""
    boot = folder / "boot"
    boot.write_text(f"{uuid.uuid4()}\n")
    return ["unshare", "--mount", "sh", "-c",
            f'mount --bind "$0" "{place}" && mount --bind "{place}/boot" /proc/sys/kernel/random/boot_id && exec "$@"',
            str(folder)]


def is_possible(folder):
    if shutil.which("strace") is None:
        return False
    probe = subprocess.run(traced(["true"], folder), capture_output=True).returncode == 0
    return probe and subprocess.run([*after_boot(folder, folder), "true"], capture_output=True).returncode == 0


def cut_often(lab, sync_after, cuts, seed):
    """Traces one run and cuts the power at `cuts` of its instants; returns what was met."""
    more = ["--sync-after", str(sync_after), "--json"]
    trace = lab.folder / "traces"
    trace.mkdir()
    answer = subprocess.run(traced(lab.command(*more), trace), capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    expected = lab.artifacts()
    assert len(expected) == lab.nodes
    disk = Disk(lab.cache, list(trace.glob("trace.*")))
    shutil.rmtree(trace)
    whole = {str(path.relative_to(lab.cache)): path.read_bytes() for path in lab.cache.rglob("*") if path.is_file()}
    final, _ = disk.after_cut(disk.sequence, "server", Everything())
    assert whole == final, f"the model of the disk does not end where the run did: {whole.keys() ^ final.keys()}"
    names = nodes_by_key(lab.cache)
    synced = {names[key]: sequence for key, sequence in disk.synced_keys("actions").items()}
    assert len(synced) == (lab.nodes if sync_after == 0 else 0), synced
    done = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for met in pool.map(lambda number: cut(lab, disk, number, seed, expected, synced, more), range(cuts)):
            done.update(met)
    return done


class Everything:
    """In place of a random generator: whatever may have arrived, has."""

    def choice(self, values):
        return "all" if "all" in values else values[0]


def nodes_by_key(cache):
    """The nodes of action keys, as their records tell them."""
    names = {}
    for record in (cache / "actions").glob("*/*"):
        names[record.name] = next(
            line.split(" ", 1)[1] for line in record.read_text().splitlines() if line.startswith("node "))
    return names


def cut(lab, disk, number, seed, expected, synced, more):
    """Cuts the power once, and runs again on what the disk has; returns what was met."""
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    instant = rng.randint(1, disk.sequence)
    where = f"seed {seed}, cut {number} after operation {instant} of {disk.sequence}, {kind}"
    # Commands name their log by its path: a copy of the laboratory takes its place.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stress-cut-", dir=PLACE))
    shutil.copytree(lab.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cache", "log"))
    spread(disk, instant, kind, rng, folder / "cache")
    left = lab.artifacts(folder / "cache")
    before = after_boot(folder, lab.folder)
    again = ran(lab.run(*more, "--lease", "0.5", before=before), where)
    found = lab.artifacts(folder / "cache")
    wrong = [name for name, digest in found.items() if expected[name] != digest]
    assert not wrong and len(found) == len(expected), f"{where}: {wrong} have other bytes, {len(found)} are there"
    kept = {name for name, sequence in synced.items() if sequence <= instant and kind != "loose"}
    assert kept.isdisjoint(again), f"{where}: {kept & again} were synced and made again"
    check_rest(lab, before, where, bool(synced))
    assert not ran(lab.run(*more, before=before), where), f"{where}: the second run was not up to date"
    shutil.rmtree(folder)
    torn = sum(expected[name] != digest for name, digest in left.items())
    return {"cuts": 1, kind: 1, "torn": torn, "synced": len(kept)}


def spread(disk, instant, kind, rng, folder):
    """Writes what the disk has after a cut."""
    files, folders = disk.after_cut(instant, kind, rng)
    for path in ["", *folders]:
        (folder / path).mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)


def ran(answer, where):
    """The nodes that a run made."""
    assert answer.returncode == 0, f"{where}: {answer.stderr}"
    return {node["node"] for node in json.loads(answer.stdout)["ran"]}


def check_rest(lab, before, where, is_synced):
    """What was torn of logs, leases, and records that the run could do without is named, and nobody believes it."""
    harmless = "experiments|runs|leases|joins|digests" + ("" if is_synced else "|actions")
    check = subprocess.run([*before, PIPELINE, "cache", "verify", "--cache", str(lab.cache)],
                           capture_output=True, text=True)
    damaged = [line for line in check.stdout.splitlines() if line.startswith(str(lab.cache))]
    assert check.returncode in (0, 1), f"{where}: {check.stderr}"
    assert all(re.search(f"/({harmless})/", line) for line in damaged), f"{where}: {check.stdout}"
