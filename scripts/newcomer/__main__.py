"""Plays a newcomer's first hour, from an empty folder to an own method, and checks each step's outcome.

usage: python3 scripts/newcomer [--short] [--program PATH] [--keep]

--short makes the large file small; everything else is the same. Nothing but the installed program, Python and a shell is used.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile

import steps
from lab import ROOT, Lab, seconds


def main():
    parser = argparse.ArgumentParser(prog="scripts/newcomer", description="Plays a newcomer's first hour.")
    parser.add_argument("--short", action="store_true", help="the large file has 20 MB instead of 1 GB")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/pipeline")
    parser.add_argument("--keep", action="store_true", help="keeps the folder, and prints where it is")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="newcomer-"))
    lab = Lab(folder, options.program.resolve())
    lab.megabytes = 20 if options.short else 1000
    try:
        for step in steps.ALL:
            took = seconds(lambda: step(lab))
            print(f"{took:6.1f} s  {step.__doc__.splitlines()[0]}", flush=True)
    finally:
        if options.keep:
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as fault:
        sys.exit(f"newcomer: {fault}")
