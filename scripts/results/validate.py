#!/usr/bin/env python3
"""Runs pipelines/checks/logistic.yaml and holds its tables to bars: removals predicted by influence, against refits.

usage: validate.py [OUT.md]      default: docs/tables/logistic-checks.md; exits 1 where a bar that must hold is missed

PIPELINE names the executable (default: .build/release/pipeline), PIPELINE_CACHE the cache.
"""
import csv
import dataclasses
import io
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = os.environ.get("PIPELINE", str(ROOT / ".build/release/pipeline"))
SPLITS = ("removed images", "test")
HEAD = """# Removals from logistic regression: the bars

Written by `make validate`, which runs `pipelines/checks/logistic.yaml`. The tables behind it stand in [logistic.md](logistic.md);
[validation](../validation.md) says what they mean.

"""


@dataclasses.dataclass
class Check:
    """A figure and its bar. Not every bar must hold: a series of one or two terms is no good approximation for a coherent
    group, which is a result and no defect."""
    name: str
    value: float
    bar: float
    at_least: bool
    must_hold: bool

    @property
    def met(self):
        return self.value >= self.bar if self.at_least else self.value <= self.bar


def table(node):
    answer = subprocess.run(
        [PIPELINE, "table", "logistic", node, "--format", "csv"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return list(csv.DictReader(io.StringIO(answer.stdout)))


def figure(rows, kind, split, column):
    """One figure of a table of correlations."""
    return float(next(r for r in rows if r["groups_of_kind"] == kind and r["change_of_loss_on"] == split)[column])


def checks(linear, loss, errors):
    """All checks, from the rows of the three tables."""
    for split in SPLITS:
        yield Check(f"leave one out, loss on {split}: Pearson ≥ .99",
                    figure(linear, "one image (first order)", split, "Pearson"), .99, True, True)
    for kind in ("random", "coherent"):
        for scheme in ("first order", "second order"):
            yield Check(f"{kind} groups, {scheme}, gᵀΔ, total loss of the removed images: Spearman ≥ .9",
                        figure(linear, f"{kind} ({scheme})", "removed images", "Spearman"), .9, True, True)
        for split in SPLITS:
            for scheme in ("first order", "second order", "newton"):
                yield Check(f"{kind} groups, {scheme}, loss at θ + Δ, mean on {split}: Spearman ≥ .9",
                            figure(loss, f"{kind} ({scheme})", split, "Spearman"), .9, True,
                            kind == "random" or scheme == "newton")
    for line in errors:
        kind, share = line["groups_of_kind"], 100 * float(line["share_removed"])
        ratio = float(line["second-order_:_first-order"])
        name = f"{kind} groups, {share:g} %: second order's error"
        yield Check(f"{name} below first order's", ratio, 1, False, True)
        yield Check(f"{name} at most half of first order's", ratio, .5, False, kind == "random")


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/tables/logistic-checks.md"
    run = subprocess.run([PIPELINE, "run", "logistic"], cwd=ROOT, stdout=subprocess.DEVNULL)
    if run.returncode != 0:
        sys.exit(run.returncode)
    found = list(checks(table("linear"), table("loss"), table("errors")))
    verdict = f"{sum(check.met for check in found)} of {len(found)} met."
    text = HEAD + "| check | measured | |\n|---|---|---|\n"
    text += "".join(f"| {c.name} | {c.value:.4f} | {'met' if c.met else 'missed'} |\n" for c in found)
    out.write_text(f"{text}\n{verdict}\n", encoding="utf-8")
    print(verdict)
    missed = [check.name for check in found if check.must_hold and not check.met]
    for name in missed:
        print(f"validate.py: a bar that must hold is missed: {name}", file=sys.stderr)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
