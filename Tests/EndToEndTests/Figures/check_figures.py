"""Computes the figures of a small study once more, from its nets by numpy, and compares evaluations and tables.

usage: check_figures.py [--evaluations N] TABLES.json FILE…
TABLES.json: what `pipeline table NAME --format json` prints; FILE…: the artifacts, or - for a list on standard input.
N: how many evaluations and margins are computed from their nets, drawn at random (default: all). Tables are checked
whole, from the evaluations. Prints what was compared; exits 1 at the first difference.
"""
import argparse
import json
import random
import sys

sys.dont_write_bytecode = True  # The checkout stays as it is.
import margins
from artifacts import compared
from nets import Study
from tables import CHECKS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evaluations", type=int, default=None)
    parser.add_argument("tables")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    files = sys.stdin.read().splitlines() if options.files == ["-"] else options.files
    study = Study(files)

    def drawn(artifacts):
        some = options.evaluations is not None and len(artifacts) > options.evaluations
        return random.sample(artifacts, options.evaluations) if some else artifacts

    evaluations = drawn([e for e in study.of("evaluate") if study.by_content[e.inputs["net"]].attrs["net"] == "lenet"])
    for evaluation in evaluations:
        study.check(evaluation)
    for stage, check in margins.CHECKS.items():
        artifacts = study.of(stage)
        for artifact in drawn(artifacts) if stage == "margins" else artifacts:
            check(study, artifact)
    with open(options.tables) as file:
        documents = json.load(file)
    # One table is a document of its own, several are by their nodes.
    documents = [documents] if "title" in documents else list(documents.values())
    tables = [table for stage in CHECKS for table in study.of(stage)]
    for document in documents:
        same = [table for table in tables if table.parameters["title"] == document["title"]]
        if len(same) != 1:
            sys.exit(f"{len(same)} artifacts are of the table '{document['title']}'")
        for check in CHECKS[same[0].stage]:
            check(study, same[0], document)
    print(f"{compared[0]} figures of {len(evaluations)} evaluations and {len(documents)} tables")


main()
