"""Faults: others that use the same cache, on this host and on another, and a collection beside a run."""
import re
import subprocess
import time

from laboratory import PIPELINE, Laboratory


def sharing(options):
    """Processes that want the same keys at once: each key executes once"""
    lab = Laboratory(20 if options.short else 199, work="sleep 0.01;")
    processes = [lab.start() for _ in range(4)]
    assert all(p.wait() == 0 for p in processes)
    counts = lab.executions()
    assert len(counts) == lab.nodes and set(counts.values()) == {1}, counts.most_common(3)
    assert lab.verify().returncode == 0
    lab.close()
    return [(f"4 processes on one cache, {lab.nodes} keys: executions", f"{sum(counts.values())}, each key once")]


def other_host(name, ahead=0):
    """A process of its own host: another host name, its own process numbers, a clock that is `ahead` seconds ahead."""
    clock = ["--time", "--monotonic", str(ahead), "--boottime", str(ahead)] if ahead else []
    return ["unshare", "--uts", "--pid", *clock, "--fork", "--kill-child", "--mount-proc", "sh", "-c",
            'hostname "$0"; exec "$@"', name]


def works(prefix):
    return subprocess.run(prefix + ["true"], capture_output=True).returncode == 0


def hosts(options):
    """Two hosts over one folder, which can't see each other's processes; one of them dies"""
    if not works(other_host("probe")):
        return [("two hosts over one folder", "skipped: needs root")]
    lab = Laboratory(20 if options.short else 199, work="sleep 0.01;")
    # Ten minutes apart, where the kernel has time namespaces; no clock of another host is ever looked at.
    skew = 600 if works(other_host("probe", 600)) else 0
    processes = [lab.start(before=other_host(f"host{k % 2}", skew * (k % 2))) for k in range(4)]
    assert all(p.wait() == 0 for p in processes)
    counts = lab.executions()
    assert len(counts) == lab.nodes and set(counts.values()) == {1}, counts.most_common(3)
    lab.close()
    took, twice = death_of_a_host(skew)
    return [
        (f"2 hosts × 2 processes over one folder, {lab.nodes} keys, clocks {skew} s apart: executions", "each key once"),
        ("a host that dies with two nodes running, lease 2 s: the other is done after", f"{took:.1f} s"),
        ("nodes executed twice because of it", twice)]


def death_of_a_host(skew):
    """Kills one of two hosts at work: seconds until the other is done, and how many nodes were executed twice."""
    lab = Laboratory(8, work="sleep 0.3;")
    first = lab.start("--lease", "2", before=other_host("host0"))
    while not lab.executions().get("evaluate0"):
        time.sleep(0.02)
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
    return took, sum(counts.values()) - lab.nodes


def collection(options):
    """Collections beside a run never take what it needs"""
    lab = Laboratory(15, work="sleep 0.03;")
    process = lab.start()
    removed = times = 0
    while process.poll() is None:
        for more in ([], ["--max-size", "1K"]):
            answer = subprocess.run(
                [PIPELINE, "cache", "gc", "--cache", str(lab.cache), *more], capture_output=True, text=True)
            assert answer.returncode == 0, answer.stderr
            # A collection that comes as the run ends may take its results; while it is in progress none may.
            if any((lab.cache / "tmp").glob("*-run")):
                removed += int(re.search(r"removed (\d+) files", answer.stdout)[1])
                times += 1
    assert process.returncode == 0 and set(lab.executions().values()) == {1} and removed == 0
    lab.close()
    return [(f"files that {times} collections took from a run in progress", removed)]
