"""Results on their way to another cache: cut off at random, spoilt on the remote, and files that mean harm."""
import collections
import hashlib
import os
import random
import resource
import shutil
import struct
import subprocess
import time

from damage import flipped, overwrite
from laboratory import NULL, PIPELINE, Laboratory


def travel(options):
    """Results on their way to another cache: interrupted at random, then complete and identical"""
    wanted = 8 if options.short else 100
    rng, cuts, rounds = random.Random(options.seed), collections.Counter(), 0
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
    # How long each takes: it is cut off anywhere within that.
    took = {way: duration(command, target) for way, (command, target) in ways.items()}
    while min(cuts[way] for way in ways) < wanted // (3 if options.short else 1):
        way = list(ways)[rounds % 3]
        command, target = ways[way]
        shutil.rmtree(target, ignore_errors=True)
        while cut(command, rng.uniform(0.01, took[way])):
            cuts[way] += 1
            if rng.random() < 0.5:
                break
        assert subprocess.run(command, stdout=NULL, stderr=NULL).returncode == 0
        assert lab.artifacts(target) == expected, f"seed {options.seed}, {way} of round {rounds}: other results"
        assert subprocess.run([PIPELINE, "cache", "verify", "--cache", str(target)], stdout=NULL).returncode == 0
        rounds += 1
    rows = [("times that a push, a pull and an import were cut off", f"{cuts['push']}, {cuts['pull']}, {cuts['import']}"),
            ("rounds after which the same command completed them, byte for byte", f"{rounds} of {rounds}"),
            *spoilt(lab, ways["pull"][0], remote, other, expected, rng, 3 if options.short else 30),
            *hostile(lab, closure, other)]
    lab.close()
    return rows


def duration(command, target):
    shutil.rmtree(target, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command, stdout=NULL, stderr=NULL, check=True)
    return time.perf_counter() - start


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


def spoilt(lab, command, remote, other, expected, rng, rounds):
    """A byte of one artifact of the remote is flipped: the pull names it, takes all else, and takes it once it is mended."""
    for number in range(rounds):
        shutil.rmtree(other, ignore_errors=True)
        path = rng.choice(sorted((remote / "artifacts").glob("*/*.h5")))
        whole = path.read_bytes()
        overwrite(path, flipped(whole, rng.randrange(8 * len(whole))))
        answer = subprocess.run(command, capture_output=True, text=True)
        assert answer.returncode == 1 and path.name[:12] in answer.stderr, answer.stderr
        found = lab.artifacts(other)
        assert found == {name: digest for name, digest in expected.items() if name != path.name}, f"round {number}"
        overwrite(path, whole)
        assert subprocess.run(command, stdout=NULL, stderr=NULL).returncode == 0
        assert lab.artifacts(other) == expected
    return [("flipped bytes on a remote that a pull found, named and did not take", f"{rounds} of {rounds}")]


def entry(name, data):
    return struct.pack("<Q", len(name)) + name + struct.pack("<Q", len(data)) + data


def sealed(*entries):
    """A closure with its digest, whatever is in it."""
    body = b"pipeline closure 1\n" + entry(b"pipeline", b"x") + entry(b"keys", b"") + b"".join(entries) + struct.pack("<Q", 0)
    return body + hashlib.sha256(body).digest()


def hostile(lab, closure, other):
    """Files that mean harm: each is refused, and nothing is written, in the cache or beside it."""
    whole, path = closure.read_bytes(), lab.folder / "hostile"
    key = b"ab" * 32
    names = [b"../../evil", b"/tmp/evil", b"artifacts/../../evil", b"artifacts/ab/../" + key + b".h5", b"leases/" + key,
             b"actions/ab/" + key + b"/../../../evil", b"experiments/x.log", b"artifacts/ab/" + key + b".h5\0.txt", b""]
    cases = {f"the name {name}": sealed(entry(name, b"evil")) for name in names}
    cases["an artifact without a record"] = sealed(entry(b"artifacts/ab/" + key + b".h5", b"evil"))
    cases["a length beyond the end"] = sealed(struct.pack("<Q", 1 << 62))
    cases["a size beyond the end"] = sealed(struct.pack("<Q", 4) + b"keys" + struct.pack("<Q", (1 << 63) - 1))
    cases["a wrong digest"] = whole[:-1] + bytes([whole[-1] ^ 1])
    cases["a flipped byte"] = flipped(whole, len(whole) // 2)
    cases["the first half"] = whole[:len(whole) // 2]
    cases["more after the end"] = whole + b"x"
    shutil.rmtree(other, ignore_errors=True)
    before = {*lab.folder.iterdir(), other}
    for name, data in cases.items():
        path.write_bytes(data)
        refuse(path, other, name)
    # 10 GB of zeros, with and without a header: refused in no time and in no memory.
    for head in (b"", b"pipeline closure 1\n"):
        path.write_bytes(head)
        os.truncate(path, 10 << 30)
        start = time.perf_counter()
        refuse(path, other, "10 GB of zeros")
        assert time.perf_counter() - start < 60
    path.unlink()
    assert {*lab.folder.iterdir(), other} == before, "something was written beside the cache"
    return [("hostile files that an import refused, without a result written", f"{len(cases) + 2} of {len(cases) + 2}")]


def refuse(path, other, name):
    answer = subprocess.run(
        [PIPELINE, "import", str(path), "--cache", str(other)], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)))
    assert answer.returncode == 66 and answer.stderr.startswith("error: "), f"{name}: {answer}"
    written = [each for kind in ("artifacts", "actions", "plans", "joins") for each in other.glob(f"{kind}/*/*")]
    assert not written, f"{name}: {written}"
