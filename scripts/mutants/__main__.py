"""Puts faults into the code, one at a time, and says which of them no test notices.

usage: python3 scripts/mutants [--check] [--write PAGE] [--jobs N] [--missing] [--turns] [AREA | AREA/FAULT …]

Without areas, all. --check compares the lists with the code and runs nothing: each old text has to be found exactly once.
A run copies the checkout to .build/mutants, builds it once with a switch for each fault, and runs the suites of each area
without a fault and then with each. --missing tries only faults that have no outcome yet, or survived. The page is written
after each fault, so that a run may be ended at any time and go on later with --missing.
"""
import argparse
import concurrent.futures
import pathlib
import signal
import sys

import faults as lists
from laboratory import Laboratory
from report import NOTICED, Results, count, difference, page, share, survivors
from suites import FACTOR, NotGreen, Suites

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".build" / "mutants"


def read_options():
    parser = argparse.ArgumentParser(description="Says which faults no test notices.", prog="scripts/mutants")
    parser.add_argument("--check", action="store_true", help="only compares the lists with the code")
    parser.add_argument("--write", type=pathlib.Path, help="the page to write")
    parser.add_argument("--jobs", type=int, default=2, help="how many faults are tried at a time (default: 2)")
    parser.add_argument("--missing", action="store_true", help="only faults without an outcome, and survivors")
    parser.add_argument("--turns", action="store_true", help="one fault of each area, then the next of each, and so on")
    parser.add_argument("chosen", nargs="*", metavar="AREA", help="areas, or single faults as AREA/FAULT")
    return parser.parse_args()


def choose(all_areas, words):
    """The faults that words name, in their order; all for none."""
    faults = [fault for area in all_areas.values() for fault in area.real]
    known = set(all_areas) | set(map(str, faults))
    for word in words:
        if word not in known:
            sys.exit(f"there is no area or fault {word}; the areas are {', '.join(all_areas)}")
    if not words:
        return faults
    return list(dict.fromkeys(fault for word in words for fault in faults if word in (fault.area, str(fault))))


def check(all_areas):
    """Ends the program where a list is stale."""
    found = lists.problems(ROOT, all_areas)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        sys.exit(f"{len(found)} faults have no place in the code any more: mend their lists in scripts/mutants/faults")


def run(all_areas, chosen, results, jobs, said):
    """Tries faults and prints each as it comes; returns what made areas whose tests fail without any fault."""
    suites = Suites(Laboratory(ROOT, FOLDER / "checkout"))
    suites.laboratory.fill(all_areas)
    suites.laboratory.build()
    red = {}

    def judge(fault):
        if fault.area in red:
            return
        try:
            outcome = suites.judge(fault, all_areas[fault.area])
        except NotGreen as error:
            red[fault.area] = str(error)
            return print(error, flush=True)
        results.put(fault, outcome)
        print(f"{fault}: {outcome.ending} ({outcome.seconds:.0f} s) {outcome.by}", flush=True)
        said()

    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        for future in concurrent.futures.as_completed([pool.submit(judge, fault) for fault in chosen]):
            future.result()
    finally:
        # After Ctrl-C, what runs comes to its end and nothing more is tried.
        pool.shutdown(cancel_futures=True)
    return red


def main():
    options = read_options()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    all_areas = lists.areas()
    check(all_areas)
    if options.check:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = Results(FOLDER / "results.json")
    chosen = choose(all_areas, options.chosen)
    if options.missing:
        chosen = [fault for fault in chosen if (results.of(fault) or {}).get("ending") not in NOTICED]
    if options.turns:
        chosen = lists.in_turns(chosen)

    def write():
        if options.write:
            options.write.write_text(page(all_areas, results, FACTOR), encoding="utf-8")

    red = run(all_areas, chosen, results, options.jobs, write)
    for fault in survivors(all_areas, results):
        print(f"\n{fault}: {fault.wrong}\n{difference(fault)}")
    figures = [count(area, results) for area in all_areas.values()]
    tried, noticed = (sum(figure[index] for figure in figures) for index in (1, 2))
    print(f"\n{noticed} of {tried} noticed ({share(noticed, tried)})")
    write()
    if red:
        sys.exit(f"without any fault, tests fail in {', '.join(red)}")


if __name__ == "__main__":
    main()
