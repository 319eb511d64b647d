#!/usr/bin/env python3
"""Measures a checkout against the rules of the house, and with --check fails on a broken one.

usage: house.py [--check] [ROOT…]      default: the checkout that the script stands in

Without --check it prints a table with one column for each ROOT, so that two states can be compared. The rules stand in
CONTRIBUTING.md, and what is still to be mended in debts.txt: no debt may grow, and of a paid one a note says so.
"""
import argparse
import dataclasses
import pathlib
import re
import sys

import functions

FUNCTION, FILE, FOLDER, PIPELINE, COLUMN = 60, 300, 20, 4_000, 120
# Broken rules that stand from before the rule, each with its figure. A debt may shrink and is then written down anew.
DEBTS = "scripts/check/debts.txt"
CODE = {".swift", ".c", ".h", ".py", ".sh"}
# Code that a program made, or that answers to another project's rules.
MADE = {"onnx.pb.swift"}
# Who declares a dataset, and who knows of no artifact at all.
NOT_OF_STAGES = re.compile(r"/(Engine|Formats|Numerics|Artifacts|PipelineCore|PipelineFile|PipelineExecution|HDF5|Datasets|Plot)/")
TYPES = "integer|number|string|boolean|list|integers|numbers|strings|stringMap|optionalInteger|optionalNumber|optionalString"
BY_STRING = re.compile(rf'(?:parameters|values|\$0)[?!]?\.(?:{TYPES})\("')
ATTRIBUTE = re.compile(rf'\b(?:file|reader)\)?\.(?:{TYPES})\("')
FOUNDATION = re.compile(r"^import Foundation$")
DATASET = re.compile(r'"/(?!(?:usr|bin|dev|proc|sys|tmp|etc|var|home)\b)[a-z_]')


@dataclasses.dataclass(frozen=True)
class Finding:
    """One broken rule at one place: how much was found, and how much the rule allows."""
    path: pathlib.Path
    line: int
    rule: str
    name: str
    value: int
    advice: str

    @property
    def key(self):
        return " ".join(filter(None, (str(self.path), self.rule, self.name)))

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}{f' of {self.name}' if self.name else ''}: {self.value}; {self.advice}"


class House:
    """A checkout: its files by kind, each read once."""

    def __init__(self, root):
        self.root = root
        self.files = {
            path.relative_to(root): path.read_text(encoding="utf-8")
            for folder in ("Sources", "Tests", "scripts", "python", ".ci")
            for path in sorted((root / folder).rglob("*"))
            if path.is_file() and path.suffix in CODE and path.name not in MADE and "__pycache__" not in path.parts}
        self.pipelines = {
            path.relative_to(root): path.read_text(encoding="utf-8")
            for path in sorted((root / "pipelines").rglob("*.yaml"))}
        self.functions = [
            (path, function) for path, text in self.files.items()
            for function in functions.functions(path.suffix, text)]

    def lines(self, folder="", suffixes=CODE):
        return sum(text.count("\n") for path, text in self.files.items()
                   if path.parts[0].startswith(folder) and path.suffix in suffixes)

    def places(self, pattern):
        """Where a pattern stands in code that knows of stages and declares no artifact."""
        return [(path, number) for path, text in self.files.items()
                if path.parts[0] == "Sources" and not NOT_OF_STAGES.search(f"/{path}")
                for number, line in enumerate(text.splitlines(), 1)
                for _ in pattern.finditer(line)]

    def folders(self):
        """Number of files by folder, of sources, tests, scripts, pages and pipelines."""
        count = {}
        for top in ("Sources", "Tests", "scripts", "docs", "pipelines"):
            for path in (self.root / top).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    folder = path.parent.relative_to(self.root)
                    count[folder] = count.get(folder, 0) + 1
        return count

    def broken(self):
        """Every place at which a rule is broken."""
        for path, function in self.functions:
            if function.lines > FUNCTION:
                yield Finding(path, function.line, "lines-of-function", function.name, function.lines,
                              f"at most {FUNCTION} are allowed: take a step out of it that has a name")
        for path, text in self.files.items():
            if text.count("\n") > FILE:
                yield Finding(path, 1, "lines-of-file", "", text.count("\n"),
                              f"at most {FILE} are allowed: split the file by purpose")
        for folder, count in self.folders().items():
            if count > FOLDER:
                yield Finding(folder, 1, "files-of-folder", "", count,
                              f"at most {FOLDER} are allowed: make folders by purpose")
        for path, text in self.pipelines.items():
            if (size := len(text.encode())) > PIPELINE:
                yield Finding(path, 1, "bytes-of-file", "", size,
                              f"at most {PIPELINE} are allowed: share what repeats")
            wide = [(len(line), number) for number, line in enumerate(text.splitlines(), 1) if len(line) > COLUMN]
            if wide:
                width, number = max(wide)
                yield Finding(path, number, "columns", "", width, f"at most {COLUMN} are allowed")
        yield from self.strings(BY_STRING, "parameters-by-string", "read a parameter by its token")
        yield from self.strings(
            DATASET, "dataset-paths", "only the artifact's type in Sources/Study/Artifacts spells a dataset's path")
        for path, text in self.files.items():
            if path.parts[0] != "Sources" or path.parts[1] == "Tools":
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if FOUNDATION.match(line):
                    yield Finding(path, number, "imports-foundation", "", 1,
                                  "it brings 30 MB of locales: FoundationEssentials, Glibc and Wording do without")

    def strings(self, pattern, rule, advice):
        """One finding for each file in which a pattern stands."""
        count = {}
        for path, number in self.places(pattern):
            count.setdefault(path, []).append(number)
        for path, lines in count.items():
            yield Finding(path, lines[0], rule, "", len(lines), advice)

    def rows(self):
        """The table: what is measured, and the figure."""
        longest = max(self.functions, key=lambda entry: entry[1].lines)
        sources = [entry for entry in self.functions if entry[0].parts[0] == "Sources"]
        in_sources = max(sources, key=lambda entry: entry[1].lines)
        files = {path: text.count("\n") for path, text in self.files.items()}
        file = max(files, key=files.get)
        source = max((path for path in files if path.parts[0] == "Sources"), key=files.get)
        folders = self.folders()
        full = max(folders, key=folders.get)
        widths = [len(line) for text in self.pipelines.values() for line in text.splitlines()]
        return [
            ("files of code", len(self.files)),
            ("lines of Sources", self.lines("Sources")),
            ("lines of Tests", self.lines("Tests")),
            ("lines of scripts", self.lines("scripts") + self.lines(".ci")),
            ("longest function of Sources", f"{in_sources[1].lines} ({in_sources[1].name}, {in_sources[0].name})"),
            ("longest function of all", f"{longest[1].lines} ({longest[1].name}, {longest[0].name})"),
            (f"functions over {FUNCTION} lines", sum(f.lines > FUNCTION for _, f in self.functions)),
            ("longest file of Sources", f"{files[source]} ({source.name})"),
            ("longest file of all", f"{files[file]} ({file.name})"),
            (f"files over {FILE} lines", sum(lines > FILE for lines in files.values())),
            ("parameters read by a string", len(self.places(BY_STRING))),
            ("attributes of artifacts read by a string", len(self.places(ATTRIBUTE))),
            ("dataset paths outside of the artifacts' types", len(self.places(DATASET))),
            ("bytes of pipelines", sum(len(text.encode()) for text in self.pipelines.values())),
            ("longest line of a pipeline", max(widths, default=0)),
            ("folders", len(folders)),
            ("most files in a folder", f"{folders[full]} ({full})"),
        ]


def check(root, debts):
    """Prints what is broken and no debt, and notes debts that are paid; returns whether nothing is broken."""
    owed = {}
    for line in debts.read_text(encoding="utf-8").splitlines() if debts.exists() else []:
        if line and not line.startswith("#"):
            key, _, value = line.rpartition(" ")
            owed[key] = int(value)
    found = {}
    for finding in House(root).broken():
        key = finding.key
        # Two functions of one name in a file are two debts.
        while key in found:
            key += "'"
        found[key] = finding
    worse = [finding for key, finding in found.items() if finding.value > owed.get(key, 0)]
    paid = [key for key in owed if key not in found or found[key].value < owed[key]]
    for finding in worse:
        print(finding, file=sys.stderr)
    for key in paid:
        now = f"write {found[key].value} for {owed[key]}" if key in found else "delete its line"
        print(f"{debts.relative_to(root)}: note: {key} is better than the debt: {now}", file=sys.stderr)
    return not worse


def main():
    parser = argparse.ArgumentParser(description="Measures a checkout against the rules of the house.")
    parser.add_argument("--check", action="store_true", help="fail on a broken rule that is no debt")
    parser.add_argument("roots", nargs="*", type=pathlib.Path, metavar="ROOT")
    options = parser.parse_args()
    roots = options.roots or [pathlib.Path(__file__).resolve().parents[2]]
    if options.check:
        sys.exit(0 if all([check(root, root / DEBTS) for root in roots]) else 1)
    tables = [House(root).rows() for root in roots]
    print("| measured | " + " | ".join(root.resolve().name for root in roots) + " |")
    print("|---|" + "---:|" * len(roots))
    for cells in zip(*tables):
        print(f"| {cells[0][0]} | " + " | ".join(str(value) for _, value in cells) + " |")


if __name__ == "__main__":
    main()
