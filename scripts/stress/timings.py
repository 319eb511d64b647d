"""The timings of the page: this engine beside ninja and beside other tools, by the scripts in scripts/bench."""
import subprocess
import sys

from laboratory import ROOT


def cells(script, *arguments):
    """The rows of the table that a script prints."""
    answer = subprocess.run(
        [sys.executable, str(ROOT / "scripts/bench" / script), *arguments], stdout=subprocess.PIPE, text=True)
    assert answer.returncode == 0, f"{script} failed"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in answer.stdout.splitlines()[2:]]


def speed(options):
    """Speed beside ninja"""
    return cells("engine.py", "5")


def peers(options):
    """Speed beside other tools"""
    return cells("tools.py", "--limit", str(options.limit))
