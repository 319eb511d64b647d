#!/usr/bin/env python3
"""Writes the tables in docs/tables anew from the cache. Runs no node.

usage: tables.py [FILE…]      default: every page in docs/tables

A table stands between the lines
    <!-- pipeline table NAME [NODE] [--set KEY=VALUE …] -->
    <!-- end -->
and is what that command prints with --format markdown; what stands around it stays. A table that is not up to date is left
as it is, named, and makes the exit code 1. PIPELINE names the executable (default: .build/release/pipeline), PIPELINE_CACHE
the cache.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = os.environ.get("PIPELINE", str(ROOT / ".build/release/pipeline"))
TABLE = re.compile(r"^<!-- pipeline (?P<words>table [^\n]*[^\s]) -->\n(?P<body>.*?)^<!-- end -->$", re.M | re.S)
MARK = re.compile(r"^<!-- (?:pipeline .*|end) -->$", re.M)


def printed(words):
    """What `pipeline table …` prints, or None where the table is not up to date."""
    answer = subprocess.run(
        [PIPELINE, *shlex.split(words), "--format", "markdown"], cwd=ROOT, capture_output=True, text=True)
    if answer.returncode == 0:
        return answer.stdout
    print(f"tables.py: left as it was: {words}", file=sys.stderr)
    print("".join(f"  {line}\n" for line in answer.stderr.splitlines()), file=sys.stderr, end="")
    return None


def renewed(text):
    """The page with its tables written anew, and how many were left as they were."""
    left = 0

    def table(match):
        nonlocal left
        words = match["words"]
        answer = printed(words)
        if answer is None:
            left += 1
            return match[0]
        # Titles become captions, since headings belong to the page.
        captions = re.sub(r"^### (.*)$", r"**\1**", answer, flags=re.M)
        return f"<!-- pipeline {words} -->\n\n`pipeline {words}`\n\n{captions}<!-- end -->"

    return TABLE.sub(table, text), left


def main():
    if not os.access(PIPELINE, os.X_OK):
        sys.exit(f"tables.py: there is no program {PIPELINE}: 'make run' builds it")
    left = 0
    for path in map(pathlib.Path, sys.argv[1:] or sorted((ROOT / "docs/tables").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        if len(MARK.findall(text)) != 2 * len(TABLE.findall(text)) or any(
            MARK.search(match["body"]) for match in TABLE.finditer(text)):
            sys.exit(f"tables.py: {path}: each '<!-- pipeline table … -->' needs an '<!-- end -->' of its own")
        page, count = renewed(text)
        left += count
        if page != text:
            path.write_text(page, encoding="utf-8")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
