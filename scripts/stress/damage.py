"""Faults: files of the cache with other bytes than were written."""
import hashlib
import random
import subprocess

from laboratory import PIPELINE, Laboratory

# A whole record or artifact proves itself; a log proves each of its lines, so that a cut at a line's end is not seen.
WHOLE = ("artifacts", "actions", "plans", "joins")


def flips(options):
    """A flipped bit or a cut in any file of the cache: it is found and named, and the next run heals what it needs"""
    lab, rng = Laboratory(20), random.Random(options.seed + 1)
    assert lab.run().returncode == 0
    expected = lab.artifacts()
    lab.keep()
    count = 40 if options.short else 400
    sections = [*WHOLE, "experiments", "runs"]
    healed = cuts = 0
    for number in range(count):
        section = sections[number % len(sections)]
        path = rng.choice([p for p in (lab.cache / section).rglob("*") if p.is_file()])
        data = path.read_bytes()
        bit = rng.randrange(len(data) * 8)
        if section in WHOLE and rng.random() < 0.25:
            overwrite(path, data[:bit // 8])
            cuts += 1
        else:
            overwrite(path, flipped(data, bit))
        check = lab.verify()
        assert check.returncode == 1 and str(path) in check.stdout, f"bit {bit} of {path} was not found"
        if section == "artifacts":
            assert "fan/" in check.stdout, check.stdout
            answer = lab.run()
            assert answer.returncode == 0 and "1 node run" in answer.stderr, answer.stderr
        if section in WHOLE:
            assert lab.run().returncode == 0 and lab.artifacts() == expected, f"bit {bit} of {path}: healed to other bytes"
            assert lab.verify().returncode == 0
            healed += 1
        lab.restore()
    met = read_damaged(lab, rng, expected, 5 if options.short else 50)
    lab.close()
    return [
        ("bits flipped and files cut, in every kind of file", f"{count} ({cuts} cut)"),
        ("found and named by `cache verify`", count),
        ("damaged artifacts and records: the next run is complete, the same bytes, `cache verify` clean",
         f"{healed} of {healed}"),
        ("damaged inputs healed to the same bytes by the run that read them", f"{met} of {met}")]


def read_damaged(lab, rng, expected, times):
    """Damages inputs that nobody verifies, so that the worker that reads them meets the damage; returns `times`."""
    records = [r for r in (lab.cache / "actions").rglob("*") if r.is_file()]
    evaluations = [r.name for r in records if "node evaluate[" in r.read_text()]
    for number in range(times):
        key = rng.choice(evaluations)
        path = lab.cache / "artifacts" / key[:2] / (key + ".h5")
        data = path.read_bytes()
        overwrite(path, flipped(data, rng.randrange(len(data) * 8)))
        # The tag makes all nodes run that take an evaluation.
        answer = lab.run("--set", f"tag={number + 1}")
        assert answer.returncode == 0, answer.stderr
        assert hashlib.sha256(path.read_bytes()).hexdigest() == expected[path.name], "healed to other bytes"
        assert lab.verify().returncode == 0
    return times


def fuzz(options):
    """Artifacts, records and logs of any bytes: every command ends in time and by itself, and a run heals"""
    lab, rng = Laboratory(4), random.Random(options.seed + 2)
    assert lab.run().returncode == 0
    expected = lab.artifacts()
    lab.keep()
    rounds = 15 if options.short else 300
    calls = 0

    def call(*arguments):
        nonlocal calls
        calls += 1
        # A hang raises TimeoutExpired.
        answer = subprocess.run([PIPELINE, *arguments, "--cache", str(lab.cache)], capture_output=True, timeout=60)
        assert answer.returncode in (0, 1, 66), f"{arguments}: {answer.returncode}, {answer.stderr[-500:]}"
        return answer.returncode

    pipeline = str(lab.file)
    for _ in range(rounds):
        for path in rng.sample([p for p in lab.cache.rglob("*") if p.is_file()], rng.randint(1, 6)):
            overwrite(path, mutated(path.read_bytes(), rng))
        for command in (
            ["plan", pipeline], ["status", pipeline], ["path", pipeline, "summary"], ["explain", pipeline, "summary"],
            ["log", "fan"], ["compare", "fan~0", pipeline], ["timeline", "fan~0"], ["cache", "list"],
            ["cache", "gc", "--dry-run", "--max-size", "1K"]):
            if not options.short or rng.random() >= 0.5:
                call(*command)
        call("cache", "verify")
        assert call("run", pipeline, "--jobs", "2") == 0 and lab.artifacts().items() >= expected.items()
        lab.restore()
    lab.close()
    return [
        ("caches with up to six files of a seeded mutator's bytes", rounds),
        ("commands that crashed or hung", f"0 of {calls}"),
        ("runs that made all results anew or found them, the same bytes", f"{rounds} of {rounds}")]


def overwrite(path, data):
    """Puts other bytes in place, whatever the file's permissions."""
    path.chmod(0o644)
    path.write_bytes(data)


def flipped(data, bit):
    data = bytearray(data)
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def mutated(data, rng):
    """The bytes after one to three changes: cut, overwritten, deleted, doubled or one bit flipped."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(max(1, len(data)))
        end = min(len(data), start + rng.randint(1, 64))
        kind = rng.randrange(5)
        if kind == 0:
            del data[start:]
        elif kind == 1:
            data[start:end] = rng.randbytes(end - start)
        elif kind == 2:
            del data[start:end]
        elif kind == 3:
            data[start:start] = data[start:end]
        elif data:
            data[min(start, len(data) - 1)] ^= 1 << rng.randrange(8)
    return bytes(data)
