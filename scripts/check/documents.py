#!/usr/bin/env python3
"""Looks for what is stale in the pages: links to nothing, paths and tests that are gone, pages that nobody links to, modules
that the architecture page does not name.

usage: documents.py [ROOT]      exits 1 and names page and line where it finds something
"""
import pathlib
import re
import sys

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
# A path of the repository in back quotes. What a reader fills in, creates, or lets a shell expand need not be there.
PATH = re.compile(r"(?<!Create )`((?:Sources|Tests|docs|scripts|pipelines)/[^`\s]*)`")
PLACEHOLDER = re.compile(r"[*<>${}…]|[A-Z]{3,}")
TEST = re.compile(r"`(\w+Tests)`")
MODULE = re.compile(r'\.(?:target|executableTarget)\(\s*name: "([\w-]+)"(?![^()]*path: "Tests)')
ARCHITECTURE = "docs/architecture.md"


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {"#" + re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain}


def stale(root, page, tests, linked):
    """What is stale on one page, as line and words; adds the pages that it links to to `linked`."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for target, anchor in LINK.findall(line):
            path = (page.parent / target).resolve() if target else page
            if not path.exists():
                yield number, f"a link to {target}, which is not there"
            elif path.suffix == ".md":
                if path != page:
                    linked.add(path)
                if anchor and anchor not in anchors(path):
                    yield number, f"a link to {target}{anchor}: the page has no such heading"
        for path in PATH.findall(line):
            if not PLACEHOLDER.search(path) and not (root / path).exists():
                yield number, f"the path {path}, which is not there"
        for name in TEST.findall(line):
            if name not in tests:
                yield number, f"the tests {name}: there is no such file or folder in Tests"


def findings(root):
    """All that is stale in a checkout, as lines of page, line number and words."""
    pages = [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]
    tests = {path.stem for path in (root / "Tests").rglob("*Tests*")}
    linked = {root / "README.md", root / "CHANGELOG.md"}
    found = [f"{page.relative_to(root)}:{number}: {words}"
             for page in pages for number, words in stale(root, page, tests, linked)]
    found += [f"{page.relative_to(root)}:1: no other page links to this one" for page in pages if page not in linked]
    return found + unnamed(root)


def unnamed(root):
    """The modules of Package.swift that the architecture page does not name."""
    package, page = root / "Package.swift", root / ARCHITECTURE
    if not package.exists():
        return []
    text = page.read_text(encoding="utf-8")
    return [f"{ARCHITECTURE}:1: the module {name} is not named" for name in MODULE.findall(package.read_text(encoding="utf-8"))
            if not re.search(rf"\b{re.escape(name)}\b", text)]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    found = findings(root)
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
