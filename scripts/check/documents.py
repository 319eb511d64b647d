#!/usr/bin/env python3
"""Looks for what is stale in the pages: links to nothing, paths and tests that are gone, pages that nobody links to.

usage: documents.py      exits 1 and names page and line where it finds something
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
# A path of the repository in back quotes; what a reader fills in or a shell expands is none.
PATH = re.compile(r"`((?:Sources|Tests|docs|scripts|pipelines)/[^`\s]*)`")
PLACEHOLDER = re.compile(r"[*<>${}…]|[A-Z]{3,}")
TEST = re.compile(r"`(\w+Tests)`")


def pages():
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {"#" + re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", h).lower()).replace(" ", "-") for h in heads}


def stale(page, tests, linked):
    """What is stale on one page, as line and words; adds the pages that it links to to `linked`."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for target, anchor in LINK.findall(line):
            path = (page.parent / target).resolve() if target else page
            if not path.exists():
                yield number, f"a link to {target}, which is not there"
            elif path.suffix == ".md":
                linked.add(path)
                if anchor and anchor not in anchors(path):
                    yield number, f"a link to {target}{anchor}: the page has no such heading"
        for path in PATH.findall(line):
            if not PLACEHOLDER.search(path) and not (ROOT / path).exists():
                yield number, f"the path {path}, which is not there"
        for name in TEST.findall(line):
            if name not in tests:
                yield number, f"the tests {name}: there is no such file or folder in Tests"


def main():
    tests = {path.stem for path in (ROOT / "Tests").rglob("*Tests*")}
    linked, found = {ROOT / "README.md", ROOT / "CHANGELOG.md"}, []
    for page in pages():
        found += [f"{page.relative_to(ROOT)}:{number}: {words}" for number, words in stale(page, tests, linked)]
    for page in pages():
        if page not in linked:
            found.append(f"{page.relative_to(ROOT)}:1: no other page links to this one")
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
