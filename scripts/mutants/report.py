"""What a run has found: kept between partial runs, and written as the page `docs/checks/mutants.md`."""
import json
import pathlib
import textwrap

# What somebody has to say of the runs behind the figures, if anything.
NOTES = pathlib.Path(__file__).parent / "notes.md"
NOTICED = ("failed", "crashed", "timed out")
HEAD = """\
# Mutants

Tests that pass say little of tests that could not fail. So the code is made wrong on purpose, in one place at a time, and the suites
of that place are run: do they notice? `make mutants` does it, and writes this page. `make mutants AREA=cache` does it for some areas
(`AREA="cache gc"`) and leaves the figures of the others. It takes some hours of one core and is not part of `make test`; that each
fault still has its place in the code is part of `make lint`.

Each fault is one sentence of what a user would see, a place, and what stands there instead: `scripts/mutants/faults`, a list for
each area. The faults were written from what the code means, before anybody looked at the tests of that place. One build has them all,
each behind a switch that an environment variable sets (*mutant schemata*, Untch, Offutt and Harrold 1993).

A fault is *noticed* if a test of its area fails, and fails again alone or with its suites; or if the tests crash, or take more than {factor}
times as long as without it. Comparisons with stored results notice any change but do not know what is right; they run last, and what
only they noticed is counted apart.

"""
EQUIVALENT = """
## Faults that are none

Nobody noticed these, and nobody can. They count for nothing above.

"""
TAIL = """
## How to add a fault

Add a `[[fault]]` to the list of its area: `file`; `old`, which stands there once (or is the first after the text `after`); `new`;
and `wrong`, what a user would see. Both are expressions of one type, or statements with `statement = true`. A fault that changes nothing
that anybody can see is none: replace it, or say why in `equivalent`.

A survivor names a rule that no test holds. Write the test from the rule, not from the fault.
"""


class Results:
    """The last outcome of each fault, in a file."""

    def __init__(self, path):
        self.path = path
        self.outcomes = json.loads(path.read_text()) if path.exists() else {}

    def put(self, fault, outcome):
        self.outcomes[str(fault)] = {
            "ending": outcome.ending, "by": outcome.by, "seconds": round(outcome.seconds, 1), "place": place(fault)}
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.outcomes, indent=1, sort_keys=True, ensure_ascii=False))
        partial.replace(self.path)

    def of(self, fault):
        """The outcome of a fault as it stands in its list now; None if it has not been tried."""
        outcome = self.outcomes.get(str(fault))
        return outcome if outcome and outcome["place"] == place(fault) else None


def place(fault):
    return [fault.file, fault.after, fault.old, fault.new]


def count(area, results):
    """Of an area's faults: all, tried, noticed, noticed by stored results alone."""
    outcomes = [outcome for outcome in map(results.of, area.real) if outcome]
    noticed = [outcome for outcome in outcomes if outcome["ending"] in NOTICED]
    stored = [outcome for outcome in noticed if outcome["by"].startswith("stored results")]
    return len(area.real), len(outcomes), len(noticed), len(stored)


def difference(fault):
    """What a fault takes away and what it puts there, as in a patch."""
    lines = [f"{sign} {line}" for sign, text in (("-", fault.old), ("+", fault.new))
             for line in textwrap.dedent(text).splitlines() or [""]]
    return "\n".join([f"# {fault.file}"] + lines)


def survivors(all_areas, results):
    return [fault for area in all_areas.values() for fault in area.real
            if (outcome := results.of(fault)) and outcome["ending"] == "survived"]


def page(all_areas, results, factor):
    """The page, with the latest figures of all areas."""
    rows = [(area.name, area.about.rstrip("."), *count(area, results)) for area in all_areas.values()]
    faults, tried, noticed, stored = (sum(row[index] for row in rows) for index in (2, 3, 4, 5))
    text = HEAD.format(factor=factor)
    text += f"**{noticed} of {tried} faults are noticed ({share(noticed, tried)}), {stored} of them by stored results alone.**"
    text += f" {faults - tried} of {faults} have not been tried.\n\n" if tried < faults else "\n\n"
    text += "| area | what it is | faults | tried | noticed | by stored results alone |\n|---|---|---:|---:|---:|---:|\n"
    for row in rows:
        text += f"| {' | '.join(map(str, row))} |\n"
    text += f"\n{NOTES.read_text(encoding='utf-8').strip()}\n" if NOTES.exists() else ""
    left = survivors(all_areas, results)
    text += "\n## Survivors\n\n" if left else ""
    for fault in left:
        text += f"{fault}: {fault.wrong}\n\n```diff\n{difference(fault)}\n```\n\n"
    same = [fault for area in all_areas.values() for fault in area.faults if fault.equivalent]
    text += EQUIVALENT if same else ""
    for fault in same:
        text += f"{fault}: {fault.equivalent}\n\n```diff\n{difference(fault)}\n```\n\n"
    return text.rstrip("\n") + "\n" + TAIL


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "none"
