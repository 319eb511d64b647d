#!/usr/bin/env python3
"""Corrects the primary comparisons of the study jointly, over all labels and families, by Holm's method. Runs no node.

usage: joint.py NAME[:OPTION…] | PAGE.md …       such as  joint.py 'coherent-label0:--set repeat=50' docs/tables/steps.md

Takes of each pipeline the table `primary` as `pipeline table NAME primary --format json` prints it, or of a page of docs/tables
the same table as it was printed there, and of this the rows over all sizes against one step. Prints a Markdown table: each comparison with its p-value, that p-value after Holm's correction over
all rows of all pipelines, and the outcome by the rule of docs/study/protocol.md. PIPELINE names the executable (default:
.build/release/pipeline), PIPELINE_CACHE the cache.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = os.environ.get("PIPELINE", str(ROOT / ".build/release/pipeline"))
AGAINST = "1-step"
LEVEL = 0.05


def holm(pvalues):
    """p-values adjusted by Holm's step-down method (1979), in the order given."""
    adjusted, largest = [0.0] * len(pvalues), 0.0
    for place, index in enumerate(sorted(range(len(pvalues)), key=pvalues.__getitem__)):
        largest = max(largest, min(1.0, (len(pvalues) - place) * pvalues[index]))
        adjusted[index] = largest
    return adjusted


def outcome(record, adjusted):
    """The rule of the protocol for one row, with the p-value of the joint correction."""
    def below(name):
        return record.get(name) is not None and record[name] < LEVEL

    if not below("control_p"):
        return "not shown"
    words = []
    side = "closer" if record["mean_difference"] < 0 else "further"
    if adjusted < LEVEL and below("p_signed_rank") and record["ranks"] == side:
        words.append(side)
    if below("p_equivalence"):
        words.append("equivalent")
    return ", ".join(words) or "not shown"


def primary(words):
    """The rows over all sizes against one step of a pipeline, named by words such as `random --set repeat=50`, or of a page."""
    if words.endswith(".md"):
        return printed(pathlib.Path(words))
    name, _, options = words.partition(":")
    command = [PIPELINE, "table", name, "primary", *shlex.split(options), "--format", "json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"joint.py: {shlex.join(command)} failed:\n{answer.stderr}")
    records = json.loads(answer.stdout)["records"]
    label = " ".join([name, *re.findall(r"label=\S+", options)])
    return [(label, record) for record in records if record["at"] == "all" and record["against"] == AGAINST]


def printed(page):
    """The same rows of a page that has the table `primary`, with the digits that it has."""
    text = page.read_text()
    place = re.search(r"<!-- pipeline table \S+ primary .*?-->(.*?)<!-- end -->", text, re.DOTALL)
    if not place:
        sys.exit(f"joint.py: {page} has no table 'primary'")
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in place[1].splitlines() if line[:1] == "|"]
    records = []
    for cells in lines[2:]:
        row = dict(zip(lines[0], cells))
        if row["at"] != "all" or row["against"] != AGAINST:
            continue
        mean, lower, upper = map(float, re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", row["mean difference"]).groups())
        record = {"figure": row["figure"], "pairs": row["pairs"], "closer_in": row["closer in"], "ranks": row["ranks"],
                  "mean_difference": mean, "mean_difference_lower": lower, "mean_difference_upper": upper}
        for name in ("p", "p signed rank", "p equivalence", "control p"):
            record[name.replace(" ", "_")] = float(row[name])
        records.append((page.stem, record))
    return records


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rows = [row for words in sys.argv[1:] for row in primary(words)]
    adjusted = holm([record["p"] for _, record in rows])
    print("| pipeline | figure | pairs | closer in | mean difference, in spreads | p | p adjusted | p signed rank | "
          "p equivalence | control p | outcome |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for (name, record), p in zip(rows, adjusted):
        interval = "{mean_difference:.3f} ({mean_difference_lower:.3f} to {mean_difference_upper:.3f})".format(**record)
        figures = [record["p"], p, record["p_signed_rank"], record["p_equivalence"], record["control_p"]]
        cells = [name, record["figure"], record["pairs"], record["closer_in"], interval,
                 *("–" if f is None else f"{f:.3g}" for f in figures), outcome(record, p)]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
