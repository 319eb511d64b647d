"""Faults: two users of one group on one cache, and two hosts with different processors."""
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from damage import flipped, overwrite
from laboratory import PIPELINE, Laboratory, Study

GROUP = 65000


def user(number):
    """A prefix that runs a command as a user of the group, under umask 002."""
    return ["setpriv", f"--reuid={GROUP + number}", f"--regid={GROUP}", "--clear-groups", "sh", "-c",
            'umask 002; exec "$@"', "sh"]


def group(options):
    """Two users of one group share a cache under umask 002; two hosts share one with different kernels"""
    return share() + variants()


def share():
    with tempfile.TemporaryDirectory(prefix="stress-program-") as place:
        # The users may not see the folder of the program.
        program = pathlib.Path(place) / "pipeline"
        shutil.copy(PIPELINE, program)
        os.chmod(place, 0o755)
        if os.getuid() != 0 or subprocess.run([*user(1), str(program), "--version"], capture_output=True).returncode:
            return [("two users of one group", "skipped: needs root and setpriv")]
        # A folder that nobody may write stays in the scratch folder of each node.
        lab = Laboratory(6, work="mkdir -p locked/in; touch locked/in/f; chmod -R a-w locked;")
        lab.program = str(program)
        os.chown(lab.folder, GROUP + 1, GROUP)
        os.chmod(lab.folder, 0o2775)
        lab.log.touch()
        os.chmod(lab.log, 0o666)
        rows = take_turns(lab) + at_once(lab)
        lab.close()
    return rows


def take_turns(lab):
    answer = lab.run(before=user(1))
    assert answer.returncode == 0, answer.stderr
    answer = lab.run("--set", "tag=1", before=user(2))
    assert answer.returncode == 0 and "6 nodes run, 7 up to date, 1 unchanged" in answer.stderr, answer.stderr
    artifacts = list((lab.cache / "artifacts").glob("*/*"))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in artifacts), "an artifact can be written"
    # One damages what the other has made, and either finds and heals it.
    path = artifacts[0]
    overwrite(path, flipped(path.read_bytes(), 4000))
    check = subprocess.run([*user(2), lab.program, "cache", "verify", "--cache", str(lab.cache)],
                           capture_output=True, text=True)
    assert check.returncode == 1 and "1 set aside" in check.stdout, check.stdout + check.stderr
    for number, tag in ((1, 0), (2, 1)):
        answer = lab.run("--set", f"tag={tag}", before=user(number))
        assert answer.returncode == 0, answer.stderr
    for number in (1, 2):
        answer = subprocess.run(
            [*user(number), lab.program, "cache", "gc", "--older-than", "0", "--keep-last", "1", "--cache", str(lab.cache)],
            capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    left = [path.name for path in (lab.cache / "tmp").iterdir()]
    assert left == [], f"left in tmp: {left}"
    return [("each runs, verifies, heals and collects what the other has made", "exit 0; artifacts read-only"),
            ("folders without write permission that commands left in their scratch folders", "removed")]


def at_once(lab):
    lab.clear()
    lab.log.touch()
    os.chmod(lab.log, 0o666)
    processes = [lab.start(before=user(1 + number % 2)) for number in range(4)]
    assert all(process.wait() == 0 for process in processes)
    counts = lab.executions()
    assert len(counts) == lab.nodes and set(counts.values()) == {1}, counts.most_common(3)
    return [(f"2 users × 2 processes at once, {lab.nodes} keys: executions", "each key once")]


def variants():
    """Two hosts with different kernels over one cache: who made what is recorded, and a healing that mixes them says so."""
    lab = Study()

    def call(variant, *arguments):
        # The best that this processor runs, or the one that all run.
        environment = {name: value for name, value in os.environ.items() if name != "PIPELINE_KERNELS"} | variant
        answer = subprocess.run([PIPELINE, *arguments, "--cache", str(lab.cache)],
                                capture_output=True, text=True, env=environment)
        assert answer.returncode == 0, answer.stderr
        return answer

    def made_by():
        return {row["stage"]: (row["variant"], pathlib.Path(row["path"]).read_bytes())
                for row in json.loads(call({}, "cache", "list", "--json").stdout)}

    base, best, run = {"PIPELINE_KERNELS": "baseline"}, {}, ("run", str(lab.file))
    call(base, *run)
    first = made_by()
    assert {variant for variant, _ in first.values()} == {"baseline"}, first
    assert "3 up to date" in call(best, *run).stderr and made_by() == first, "keys name no variant"
    for path in (lab.cache / "artifacts").glob("*/*"):
        if path.read_bytes() == first["train"][1]:
            path.unlink()
    said = call(best, *run).stderr
    after = made_by()
    lab.close()
    if after["train"] == first["train"]:
        return [("two hosts with different kernels", "skipped: this processor runs one variant")]
    assert "made again with other bytes (variant" in said and "before baseline" in said, said
    assert after["features"] == first["features"] and after["train"][0] != "baseline"
    return [("what one host made with `baseline` kernels is up to date on another, and says who made it", "3 of 3"),
            ("a net that the other host makes again to other bytes", "said, with both variants; its features stay")]
