"""Faults: others that use the same cache, on this host and on another, and a collection beside a run."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from laboratory import NULL, PIPELINE, ROOT, Laboratory


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
    """A process of its own host: another host name, its own processes, network and mounts, a clock `ahead` seconds ahead."""
    clock = ["--time", "--monotonic", str(ahead), "--boottime", str(ahead)] if ahead else []
    return ["unshare", "--uts", "--pid", "--net", "--mount", *clock, "--fork", "--kill-child", "--mount-proc", "sh", "-c",
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


def network(options):
    """Campaigns of two hosts with processes and networks of their own, over a file system that imitates NFS's caches"""
    probe = Laboratory(1)
    possible = os.access("/dev/fuse", os.W_OK) and works(other_host("probe") + stale(probe, 1))
    probe.close()
    if not possible:
        return [("two hosts over a network file system", "skipped: needs root and /dev/fuse")]
    rows = []
    for seconds in (3,) if options.short else (3, 30):
        for dies in (False, True):
            rows.append(one_network(10 if options.short else 60, seconds, dies))
    return rows


def stale(lab, seconds):
    """A prefix that runs a command where the laboratory's cache is on such a file system."""
    for name in ("server", "cache"):
        (lab.folder / name).mkdir(exist_ok=True)
    return [sys.executable, str(ROOT / "scripts/stress/stale.py"), str(lab.folder / "server"), str(lab.cache), str(seconds)]


def one_network(width, seconds, dies):
    """Two hosts with two pilots each; one host may die. The lease outlasts the caches, as that of a campaign does."""
    lab = Laboratory(width, work="sleep 0.05;")
    assert lab.run().returncode == 0
    expected = lab.artifacts()
    lab.clear()
    before = [other_host(f"host{number}") + stale(lab, seconds) for number in range(2)]
    submit = subprocess.run([*before[0], PIPELINE, "submit", str(lab.file), "--cache", str(lab.cache), "--via", "none"],
                            capture_output=True, text=True)
    assert submit.returncode == 0, submit.stderr
    name = submit.stdout.split()[-1]
    command = [PIPELINE, "run", "--campaign", name, "--cache", str(lab.cache), "--jobs", "1", "--memory", "1G", "--lease",
               str(2 * seconds)]
    both = 'for k in 1 2; do "$@" & done; wait'
    start = time.perf_counter()
    first, second = (subprocess.Popen([*prefix, "sh", "-c", both, "sh", *command], stdout=NULL, stderr=NULL) for prefix in before)
    if dies:
        time.sleep(2)
        first.kill()
    assert second.wait(timeout=300) == 0
    first.wait(timeout=300)
    took = time.perf_counter() - start
    counts = lab.executions()
    server = lab.folder / "server"
    assert lab.artifacts(server) == expected and (server / "campaigns" / name / "ended").exists()
    # Two pilots die with their host, each at one node.
    assert sum(counts.values()) <= lab.nodes + 2 * dies, counts.most_common(4)
    check = subprocess.run([PIPELINE, "cache", "verify", "--cache", str(server)], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout
    lab.close()
    told = f"attributes and names cached for {seconds} s, {lab.nodes} nodes, 2 hosts × 2 pilots"
    return (f"{told}, one host dies: executions beyond one a node" if dies else f"{told}: executions beyond one a node",
            f"{sum(counts.values()) - lab.nodes}; done after {took:.0f} s")


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


# Of any age, and of the last question only: whatever may go at all.
COLLECT = ["cache", "gc", "--older-than", "0", "--keep-last", "1"]


def collection(options):
    """Collections beside a run never take what it needs"""
    lab = Laboratory(15, work="sleep 0.03;")
    process = lab.start()
    removed = times = 0
    # A collection refuses a cache that is not there yet.
    while not lab.cache.exists() and process.poll() is None:
        time.sleep(0.005)
    while process.poll() is None:
        for more in ([], ["--max-size", "1K"]):
            answer = subprocess.run(
                [PIPELINE, *COLLECT, "--cache", str(lab.cache), *more], capture_output=True, text=True)
            assert answer.returncode == 0, answer.stderr
            # A collection that comes as the run ends may take its results; while it is in progress none may.
            if any((lab.cache / "tmp").glob("*-run")):
                removed += int(re.search(r"removed (\d+) files", answer.stdout)[1])
                times += 1
    assert process.returncode == 0 and set(lab.executions().values()) == {1} and removed == 0
    lab.close()
    return [(f"files that {times} collections took from a run in progress", removed), *delays(options)]


def delays(options):
    """Delays each system call of a collection and of an audit in turn, while runs start and end many nodes"""
    if shutil.which("strace") is None or not works(["strace", "-o", "/dev/null"]):
        return [("delayed calls", "skipped: needs strace")]
    lab = Laboratory(4)
    assert lab.run().returncode == 0
    # Each question makes four nodes anew, and takes the others as they are. Asked again, it has nothing to do.
    script = 'n=0; while [ ! -e "$0" ]; do n=$((n+1)); for k in 1 2; do "$@" --set tag=$n || exit 1; done; done'
    runs = subprocess.Popen(["sh", "-c", script, str(lab.folder / "stop"), *lab.command()],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    delayed = 0
    for command, statuses in ((COLLECT, (0,)), (["cache", "verify"], (0,))):
        line = [PIPELINE, *command, "--cache", str(lab.cache)]
        for call in ("getdents64", "openat", "newfstatat", "read", "unlink"):
            count = count_calls(line, call)
            for number in range(1, count + 1, max(1, count // (2 if options.short else 40))):
                answer = subprocess.run(
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:delay_enter=150000:when={number}", *line], capture_output=True, text=True)
                assert answer.returncode in statuses, f"{call} {number}: {answer.stdout}{answer.stderr}"
                delayed += 1
    (lab.folder / "stop").touch()
    errors = runs.communicate()[1]
    assert runs.returncode == 0, errors
    counts = lab.executions()
    questions = counts["again0"]
    for name, times in counts.items():
        expected = questions if name.startswith("again") else 1
        assert times == expected, f"{name} ran {times} times in {questions} runs"
    lab.close()
    return [
        ("system calls of collections and audits delayed by 0.15 s, each beside runs", delayed),
        (f"nodes that {questions} runs had to make twice, or an audit called damaged", 0)]


def count_calls(line, call):
    """How often a command makes a system call."""
    with tempfile.NamedTemporaryFile() as trace:
        subprocess.run(["strace", "-f", "-qq", "-o", trace.name, "-e", f"trace={call}", *line], capture_output=True)
        return sum(1 for _ in open(trace.name))
