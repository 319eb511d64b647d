#!/usr/bin/env python3
"""Computes the figures of pipelines that have been run once more, by NumPy and SciPy, and compares them.

usage: figures.py [--run] [--evaluations N] NAME[:OPTION…] …      such as  figures.py 'steps:--set repeat=10'

Every table of the pipelines is computed from its evaluations (means, intervals, tests, corrections, margins, matched
factors, calibration, scores, attacks), and N evaluations (default 5), drawn at random, from their nets and images. The
second program is that of the tests, Tests/EndToEndTests/Figures. --run brings the pipelines up to date first; without it
no node runs. Exits 1 where a figure differs. PIPELINE names the
executable (default: .build/release/pipeline), PIPELINE_CACHE the cache; it wants h5py, NumPy and SciPy.
"""
import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = os.environ.get("PIPELINE", str(ROOT / ".build/release/pipeline"))
CHECKER = ROOT / "Tests/EndToEndTests/Figures/check_figures.py"


def asked(*words):
    answer = subprocess.run([PIPELINE, *words], cwd=ROOT, capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"figures.py: 'pipeline {shlex.join(words)}' failed:\n{answer.stderr}")
    return answer.stdout


def check(words, evaluations, runs):
    """What the second program says of one pipeline, named by words such as `random:--set repeat=50`."""
    name, _, options = words.partition(":")
    options = shlex.split(options)
    if runs:
        asked("run", name, *options)
    nodes = json.loads(asked("status", name, *options, "--nodes", "--json"))
    files = sorted({node["path"] for node in nodes if node["standing"] == "fresh"})
    with tempfile.NamedTemporaryFile("w", suffix=".json") as tables:
        tables.write(asked("table", name, *options, "--format", "json"))
        tables.flush()
        command = [sys.executable, str(CHECKER), "--evaluations", str(evaluations), tables.name, "-"]
        answer = subprocess.run(command, input="\n".join(files), capture_output=True, text=True)
    said = answer.stdout.strip() or answer.stderr.strip()
    print(f"{shlex.join([name, *options])}: {said}", flush=True)
    return answer.returncode == 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--evaluations", type=int, default=5)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    sys.exit(0 if all([check(words, options.evaluations, options.run) for words in options.names]) else 1)


if __name__ == "__main__":
    main()
