"""Faults: what a run stands on. Full and read-only disks, the kernel short of memory, closed streams, signals."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from laboratory import NULL, Laboratory, children


def disks(options):
    """A full disk and a read-only one: a clear error, nothing partial, and a rerun that goes on"""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stress-"))
    mount = folder / "cache"
    mount.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], capture_output=True).returncode != 0:
        shutil.rmtree(folder)
        return [("full and read-only disks", "skipped: needs root")]
    try:
        lab = Laboratory(20, folder=folder, block=400_000)
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
        assert stale.returncode == 66 and "Read-only" in stale.stderr, stale.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
    finally:
        subprocess.run(["umount", str(mount)])
        shutil.rmtree(folder, ignore_errors=True)
    return [
        ("disk full in the middle of a run", "exit 1, the reason named, nothing partial; goes on once there is room"),
        ("read-only cache", "exit 0 when all is up to date, else exit 66 and the reason")]


def memory_group():
    """A memory control group of 300 MB to run in; None where this process may make none."""
    for path in map(pathlib.Path, ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")):
        control = path / "cgroup.subtree_control"
        if (path / "memory.limit_in_bytes").exists() or control.exists() and "memory" in control.read_text():
            group = path / f"stress-{os.getpid()}"
            try:
                group.mkdir()
            except OSError:
                return None
            first = group / "memory.limit_in_bytes"
            (first if first.exists() else group / "memory.max").write_text(str(300 << 20))
            return group
    return None


def memory(options):
    """The kernel ends a worker because memory ran out: its own node fails and says so, and nothing else fails"""
    group = memory_group()
    if group is None:
        return [("a worker that the kernel ends", "skipped: needs root and a memory control group")]
    try:
        # `tail` keeps what has no line end, and so takes all that there is.
        lab = Laboratory(6, work="if [ $0 = evaluate3 ]; then "
                         "head -c 900000000 /dev/zero | (sleep 0.5; exec tail) > /dev/null; fi;")
        errors = lab.folder / "errors"
        with open(errors, "w") as stream:
            process = subprocess.Popen(
                ["sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec "$@"', str(group),
                 # Said by hand: a run would find that its group has too little for any node.
                 *lab.command("--keep-going", "--memory", "8G", jobs=1)],
                stdout=NULL, stderr=stream)
            while not lab.executions().get("evaluate3"):
                assert process.poll() is None, errors.read_text()
                time.sleep(0.01)
            # The kernel takes what has the highest score: the worker rather than the program, which is there already.
            time.sleep(0.2)
            for worker in children(process):
                pathlib.Path(f"/proc/{worker}/oom_score_adj").write_text("1000")
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
    return [("a worker that the kernel ends for memory", "its node fails and says so; 11 of 11 others are done")]


def outputs(options):
    """Nobody reads what a run says, or it is asked to stop"""
    lab = Laboratory(10)
    for redirection in ("<&- >&- 2>&-", "2>&1 | head -1 > /dev/null", "> /dev/full 2>&1"):
        lab.clear()
        line = " ".join(lab.command()) + " " + redirection
        status = subprocess.run(["bash", "-c", line + "; exit ${PIPESTATUS[0]}"]).returncode
        assert status in (0, 1), (redirection, status)
        assert lab.run().returncode == 0 and len(lab.artifacts()) == lab.nodes, redirection
    lab.close()
    slow = Laboratory(10, work="sleep 0.1;")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        slow.clear()
        # Under nohup hang-ups are ignored, which a child inherits.
        before = signal.signal(number, signal.SIG_DFL)
        process = slow.start()
        signal.signal(number, before)
        while not slow.executions():
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait() == 130, number
        assert slow.verify().returncode == 0
    slow.close()
    return [
        ("closed, broken or full standard streams", "no crash, all artifacts"),
        ("SIGINT, SIGTERM, SIGHUP", "exit 130, nothing left running")]
