"""Writes docs/reliability.md from the figures of all cases."""

HEAD = """# Reliability

What `make stress` did to the engine, and what came of it. The script checks every line, and stops at the first guarantee
that does not hold. `make test` runs a short form of each case. [Engine](engine.md) explains the guarantees.

All at once, or case by case on a machine that has other work; the pieces keep the figures until the page is written:

```sh
make stress
python3 scripts/stress --pieces stress.json power collection        # kills, flips, fuzz, sharing, hosts, group, …
python3 scripts/stress --pieces stress.json --strikes 300 network cluster    # as root; after scripts/setup.sh slurm
python3 scripts/stress --pieces stress.json --write docs/reliability.md speed peers
```

"""
TESTS = """## Held by tests

| what | test |
|---|---|
| leases where there are no hard links; hosts with different times of day; a claim that a dead process left | `ProcessTests` |
| seeded mutations of indexes and records, half of them with digests that fit | `CompletionTests`, `RecordFuzzTests` |
| mutations of artifacts, and of pipeline files | `ArtifactFuzzTests`, `FuzzTests` |
| folders that are no cache, and foreign files in one | `MarkTests`, `CacheFolderTests` |
| what collections keep, against a list of what was asked | `QuestionTests` |
| records of another boot; a lease that was lost in a long stop | `PowerCutTests`, `LostLeaseTests` |
| random graphs, edits and failures, against a scheduler of 50 lines | `ModelTests` |

"""
SPEED = """## Speed beside ninja

Medians of cold processes on warm files, in memory, on two cores. The engine and ninja take turns
(`python3 scripts/bench/engine.py`).

| | pipeline | ninja | ratio | bar | runs |
|---|---|---|---|---|---|
"""
DISK = """
On ext4 without a journal the first runs of both depend on how many files were deleted in the last minute. That file
system looks past every inode that was freed of late, and each command frees a folder, its inputs and its outputs.

"""
PEERS = """## Speed beside other tools

One node, 1,000 nodes that take it, and one node that takes those; each is a `cat`. Two jobs, in memory. First runs are
timed once; "nothing to do" is the median of 9 (Snakemake and DVC: once). `python3 scripts/bench/tools.py`.

| | first run | nothing to do |
|---|---|---|
"""


def title(case):
    return case.__doc__.splitlines()[0]


def page(checks, figures):
    """The page. `figures` has rows by the name of a case; a case without figures is left out."""
    text = HEAD
    for case in checks:
        if case.__name__ in figures:
            text += f"## {title(case)}\n\n| | |\n|---|---|\n"
            text += "".join(f"| {name} | {value} |\n" for name, value in figures[case.__name__]) + "\n"
    text += TESTS
    for name, head, foot in (("speed", SPEED, DISK), ("peers", PEERS, "\n")):
        if name in figures:
            text += head + "".join("| " + " | ".join(row) + " |\n" for row in figures[name]) + foot
    return text.rstrip("\n") + "\n"
