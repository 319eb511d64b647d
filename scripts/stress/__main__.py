"""Does to the engine what the world does: kills, flipped bits, several hosts, full and read-only disks.

usage: python3 scripts/stress [--short] [--kills N] [--strikes N] [--pieces FILE] [--write docs/reliability.md] [CASE…]

A case is a function that raises AssertionError where a guarantee is broken, and returns its figures as rows. They go to
standard output and into the pieces, from which --write makes the page, so that cases may run one by one and at different
times. The cases `speed` and `peers` are timings and want a quiet machine; they time ninja, Snakemake and DVC where these
are on PATH. Cases that need root or strace (other hosts and users, small disks, power cuts, delayed calls) say without it
that they were skipped.
"""
import argparse
import json
import pathlib
import signal
import time

from campaigns import campaigns
from cluster import cluster
from damage import flips, fuzz
from group import group
from kills import kills
from page import page
from power import power
from sharing import collection, hosts, network, sharing
from surroundings import disks, memory, outputs
from timings import peers, speed
from travel import travel

CHECKS = [kills, flips, fuzz, sharing, hosts, disks, memory, outputs, collection, group, power,
          campaigns, travel, network, cluster]
TIMINGS = [speed, peers]
CASES = {case.__name__: case for case in CHECKS + TIMINGS}


def read_options():
    parser = argparse.ArgumentParser(description="Does to the engine what the world does.", prog="scripts/stress")
    parser.add_argument("--short", action="store_true", help="fewer rounds of each case, and no timings")
    parser.add_argument("--write", type=pathlib.Path, help="the page to write from all pieces")
    parser.add_argument("--kills", type=int, help="how many kills (default: 1000; short: 50)")
    parser.add_argument("--strikes", type=int, default=300, help="how many at pilots and daemons of SLURM (short: 5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=600, help="seconds after which another tool is ended")
    parser.add_argument("--pieces", type=pathlib.Path, help="keeps the figures of the cases between several calls")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], metavar="CASE", help=", ".join(CASES))
    options = parser.parse_args()
    options.kills = options.kills or (50 if options.short else 1000)
    return options


def main():
    options = read_options()
    chosen = [CASES[name] for name in options.cases] or (CHECKS if options.short else CHECKS + TIMINGS)
    # A shell starts its background jobs deaf to Ctrl-C, and they would hand that on to what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pieces = options.pieces
    figures = json.loads(pieces.read_text()) if pieces and pieces.exists() else {}
    for case in chosen:
        start = time.perf_counter()
        rows = figures[case.__name__] = case(options)
        print(f"{case.__name__}: {time.perf_counter() - start:.0f} s", flush=True)
        for row in rows:
            print("  " + ": ".join(map(str, row)), flush=True)
        if pieces:
            # Another call may have added to it meanwhile.
            known = json.loads(pieces.read_text()) if pieces.exists() else {}
            pieces.write_text(json.dumps(known | {case.__name__: rows}))
            figures = known | figures
    if options.write:
        options.write.write_text(page(CHECKS, figures))


if __name__ == "__main__":
    main()
