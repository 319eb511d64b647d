"""Faults: the power is cut, and the disk has what was synced and any part of the rest."""
import collections
import concurrent.futures
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import uuid

from disk import KINDS, Disk, traced
from laboratory import PIPELINE, PLACE, Laboratory


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


def power(options):
    """A power cut at any instant: nothing wrong is believed, nothing synced is lost, the next run ends with the same bytes"""
    rows = []
    for sync_after in (0, 10):
        lab = Laboratory(4, block=9000)
        if not is_possible(lab.folder):
            lab.close()
            return [("power cuts", "skipped: needs root and strace")]
        cuts = 12 if options.short else 300
        done = cut_often(lab, sync_after, cuts, options.seed)
        lab.close()
        rows += [
            (f"`--sync-after {sync_after}`: cuts at random instants, on ext4 or XFS, NFS, and a looser kind",
             f"{cuts} ({', '.join(str(done[kind]) for kind in KINDS)})"),
            ("files with other bytes than were written, left by the cuts", done["torn"]),
            ("of these believed by the next run, or wrong artifacts after it", 0),
            ("results synced before the cut, and lost", f"0 of {done['synced']}")]
    return rows


def cut_often(lab, sync_after, cuts, seed):
    """Traces one run and cuts the power at `cuts` of its instants; returns what was met."""
    more = ["--sync-after", str(sync_after)]
    trace = lab.folder / "traces"
    trace.mkdir()
    answer = subprocess.run(traced(lab.command(*more), trace), capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    expected = lab.artifacts()
    assert len(expected) == lab.nodes
    disk = Disk(lab.cache, list(trace.glob("trace.*")))
    whole = {path: file for path, file in snapshot(lab.cache).items() if not path.startswith("runs/")}
    final, _ = disk.after_cut(disk.sequence, "server", Everything())
    assert whole.items() <= final.items(), "the model of the disk does not end where the run did"
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


def snapshot(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nodes_by_key(cache):
    """What a command writes to the log, by action key: `evaluate3` of `evaluate[i=3]`."""
    names = {}
    for record in (cache / "actions").glob("*/*"):
        node = next(line.split(" ", 1)[1] for line in record.read_text().splitlines() if line.startswith("node "))
        names[record.name] = node.replace("[i=", "").replace("]", "")
    return names


def cut(lab, disk, number, seed, expected, synced, more):
    """Cuts the power once, and runs again on what the disk has; returns what was met."""
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    instant = rng.randint(1, disk.sequence)
    where = f"seed {seed}, cut {number} after operation {instant} of {disk.sequence}, {kind}"
    done = collections.Counter({kind: 1})
    # The commands name their log by its path: the folder of this cut takes the place of the laboratory's.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stress-cut-", dir=PLACE))
    second = Laboratory(lab.width, folder=folder, block=9000)
    shutil.copy(lab.file, second.file)
    spread(disk, instant, kind, rng, second.cache)
    done["torn"] = sum(expected[name] != digest for name, digest in second.artifacts().items())
    before = after_boot(folder, lab.folder)
    answer = lab.run(*more, "--lease", "0.5", before=before)
    assert answer.returncode == 0, f"{where}: {answer.stderr}"
    found = second.artifacts()
    wrong = [name for name, digest in found.items() if expected[name] != digest]
    assert not wrong and len(found) == len(expected), f"{where}: {wrong} have other bytes, {len(found)} are there"
    again = second.executions()
    kept = {name for name, sequence in synced.items() if sequence <= instant and kind != "loose"}
    lost = kept & set(again)
    assert not lost, f"{where}: {lost} were synced and made again"
    done["synced"] = len(kept)
    check = subprocess.run([*before, PIPELINE, "cache", "verify", "--cache", str(lab.cache)],
                           capture_output=True, text=True)
    # What was torn of logs, leases, and records that the run could do without is named, and nobody believes it.
    harmless = "experiments|runs|leases|joins" + ("" if synced else "|actions")
    damaged = [line for line in check.stdout.splitlines() if line.startswith(str(lab.cache))]
    assert check.returncode in (0, 1) and all(re.search(f"/({harmless})/", line) for line in damaged), \
        f"{where}: {check.stdout}{check.stderr}"
    answer = lab.run(*more, before=before)
    assert answer.returncode == 0 and second.executions() == again, f"{where}: the second run was not up to date"
    second.close()
    return done


def spread(disk, instant, kind, rng, folder):
    """Writes what the disk has after a cut."""
    files, folders = disk.after_cut(instant, kind, rng)
    for path in folders:
        (folder / path).mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
