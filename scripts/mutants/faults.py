"""The faults: single places of the code, each with what else could stand there and what a user would then see."""
import dataclasses
import pathlib
import re
import tomllib
import zlib

LISTS = pathlib.Path(__file__).parent / "faults"


# What no expression begins or ends with: a keyword, an operator, an argument's label, an assignment, a branch.
FRAGMENT = re.compile(
    r"^((if|guard|where|return|let|var|for|while)\b|\?\?|&&|\|\||[=<>*/]|\w+: |[\w.]+ = )|(\?\?|&&|\|\||[-+*/=<>])$|\] \{.*\}$")


class Stale(Exception):
    """A fault that does not fit the code any more: what has changed has to be put into its list."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault. `old` stands in the file once, or is the first after `after`, which then stands there once."""
    area: str
    name: str
    file: str
    old: str
    new: str
    wrong: str
    after: str = ""
    # Whether old and new are statements; else they are expressions of one type.
    statement: bool = False
    # Why no user can see it, where that was found after nobody noticed: it is shown as such, and counts for nothing.
    equivalent: str = ""

    def __str__(self):
        return f"{self.area}/{self.name}"

    @property
    def number(self):
        """What the switch knows it by: the same in each run, so that a new fault changes no other file."""
        return zlib.crc32(str(self).encode()) or 1

    def place(self, text):
        """Where the old text begins."""
        start = 0
        if self.after:
            if text.count(self.after) != 1:
                raise Stale(f"{self}: {self.file} has {text.count(self.after)} times: {self.after}")
            start = text.index(self.after) + len(self.after)
        found = text.count(self.old, start)
        if found != 1 and not (self.after and found > 1):
            raise Stale(f"{self}: {self.file} has {found} times: {self.old}")
        place = text.index(self.old, start)
        bare = re.sub(r"[(\[{].*[)\]}]|\".*\"", "", self.old, flags=re.DOTALL)
        if not self.statement and " " in bare.strip() and re.match(r"[\w.(\[]", text[place + len(self.old):]):
            raise Stale(f"{self}: in {self.file} the expression goes on after: {self.old}")
        if not self.statement and self.old.startswith(".") and re.search(r"[\w.)\]}]$", text[:place]):
            raise Stale(f"{self}: in {self.file} the expression begins before: {self.old}")
        return place

    @property
    def is_whole(self):
        """Whether all brackets are closed where they are opened, and an expression is one, so that a switch can stand there."""
        closing = {")": "(", "]": "[", "}": "{"}
        for text in (self.old, self.new):
            opened = []
            if not self.statement and FRAGMENT.search(text):
                return False
            for bracket in re.findall(r"[][(){},]", re.sub(r'"(?:\\.|[^"\\])*"', "", text)):
                if bracket == ",":
                    if not opened and not self.statement:
                        return False
                elif bracket not in closing:
                    opened.append(bracket)
                elif not opened or opened.pop() != closing[bracket]:
                    return False
            if opened:
                return False
        return True

    def switch(self):
        """The text that has both, and a switch between them."""
        on = f"mutantIsOn({self.number})"
        if self.statement:
            return f"if ({on}) {{ {self.new} }} else {{ {self.old} }}"
        return f"({on} ? ({self.new}) : ({self.old}))"


@dataclasses.dataclass(frozen=True)
class Area:
    """A part of the code: its faults, and the suites that a developer runs who works there."""
    name: str
    about: str
    # Targets of tests, or suites of one, as TARGET.SUITE.
    tests: tuple[str, ...]
    # Those of them that are nearest, and run first.
    near: tuple[str, ...]
    # Suites that compare with stored results: they notice any change, but say nothing of what is right.
    stored: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def real(self):
        """The faults that count: those that somebody can see."""
        return [fault for fault in self.faults if not fault.equivalent]

    @property
    def phases(self):
        """What runs one after the other, as chosen and skipped suites: the nearest, the others, stored results."""
        parts = [(self.near, ()), (self.tests, self.near + self.stored), (self.stored, ())]
        return [(chosen, skipped) for chosen, skipped in parts if chosen]


def read(path):
    """The area of one list."""
    text = path.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    faults = []
    for entry in table["fault"]:
        entry = {key: value.strip() if isinstance(value, str) else value for key, value in entry.items()}
        faults.append(Fault(area=path.stem, **entry))
    about = text.partition("\n")[0].lstrip("# ")
    suites = {key: tuple(table.get(key, ())) for key in ("tests", "near", "stored")}
    return Area(path.stem, about, **suites, faults=tuple(faults))


def areas(folder=LISTS):
    """All areas by name."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.toml"))}


def in_turns(chosen):
    """The faults in turns of their areas, so that a run that is cut short has tried some of each."""
    places = {}
    turn = [places.setdefault(fault.area, []).append(fault) or len(places[fault.area]) for fault in chosen]
    return [fault for _, fault in sorted(zip(turn, chosen), key=lambda pair: pair[0])]


def rewritten(path, text, faults):
    """A file with a switch at the place of each of its faults."""
    spans = sorted(((fault.place(text), fault) for fault in faults), key=lambda span: span[0])
    parts = ['#include "MutantSwitch.h"\n' if path.endswith((".c", ".h")) else "import MutantSwitch\n"]
    end = 0
    for start, fault in spans:
        if start < end:
            raise Stale(f"{fault}: another fault has part of its place in {path}")
        parts += [text[end:start], fault.switch()]
        end = start + len(fault.old)
    return "".join(parts + [text[end:]])


def by_file(faults):
    """The faults of each file."""
    files = {}
    for fault in faults:
        files.setdefault(fault.file, []).append(fault)
    return files


def problems(root, all_areas):
    """What of the lists does not fit the code, one line each."""
    found = []
    faults = [fault for area in all_areas.values() for fault in area.faults]
    numbers = {}
    for fault in faults:
        other = numbers.setdefault(fault.number, fault)
        if other is not fault:
            found.append(f"{fault}: {other} has its name or number")
        if not fault.is_whole:
            found.append(f"{fault}: it is no whole expression or statement")
    for path, group in by_file(faults).items():
        file = root / path
        if not file.is_file():
            found.append(f"{group[0]}: there is no file {path}")
            continue
        text = file.read_text(encoding="utf-8")
        stale = []
        for fault in group:
            try:
                fault.place(text)
            except Stale as error:
                stale.append(str(error))
        if not stale:
            try:
                rewritten(path, text, group)
            except Stale as error:
                stale.append(str(error))
        found += stale
    return found
