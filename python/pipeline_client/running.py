"""Starts a run, follows its progress, and tells what it has done."""
from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import PipelineError, RunFailed

_NODE = re.compile(r"^\[(\d+)/(\d+)\] (.*?)  (.*)$")
_BEGIN = re.compile(r": (\d+) of \d+ nodes to bring up to date")


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a line of its log."""

    done: int
    """Nodes that are finished, failed ones too."""
    total: int
    """Nodes that were not up to date when the run began."""
    line: str
    """What the run has just said."""
    node: str | None = None
    """The node that has just finished or failed; None for any other line."""

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True)
class RanNode:
    """A node that a run has run."""

    node: str
    reasons: list[str]


@dataclass(frozen=True)
class FailedNode:
    """A node that has failed."""

    node: str
    message: str
    log: str | None = None
    """The file of all that it printed."""


@dataclass(frozen=True)
class RunReport:
    """What a run has done."""

    ran: list[RanNode]
    up_to_date: int
    unchanged: int
    """Nodes whose inputs were made again with the same content."""
    failed: list[FailedNode] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    """Nodes that did not run because one before them failed."""
    interrupted: bool = False
    seconds: float = 0.0

    @staticmethod
    def read(text: str) -> RunReport:
        """The report that `run --json` prints."""
        value: dict[str, Any] = json.loads(text)
        return RunReport(
            ran=[RanNode(ran["node"], list(ran["reasons"])) for ran in value["ran"]],
            up_to_date=value["upToDate"], unchanged=value["unchanged"],
            failed=[FailedNode(one["node"], one["message"], one.get("log")) for one in value["failed"]],
            blocked=list(value["blocked"]), interrupted=value["interrupted"], seconds=value["seconds"])


def follow(
    command: Sequence[str], folder: str, progress: Callable[[Progress], None] | None, check: bool
) -> RunReport:
    """Runs `pipeline run … --json`, and calls `progress` after each line that it says meanwhile.

    Ctrl-C, and an exception of `progress`, end the run cleanly before they go on. Raises `RunFailed` if a node has
    failed and `check` is true, and `PipelineError` if the run could not begin.
    """
    lines: list[str] = []
    # A file, since a pipe that nobody reads meanwhile would fill up.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        with subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.PIPE, encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                _listen(process, lines, progress)
            except BaseException:
                # Not SIGINT: a script in the background of a shell has its children ignore that.
                process.terminate()
                process.communicate()
                raise
        answer.seek(0)
        text = answer.read()
    status = process.returncode
    words = "\n".join(line for line in lines if not _NODE.match(line) and not _BEGIN.search(line))
    if not text:
        raise PipelineError(words or f"pipeline ended with {status}", status)
    report = RunReport.read(text)
    if check and status != 0:
        raise RunFailed(words or f"pipeline ended with {status}", report, status)
    return report


def _listen(
    process: subprocess.Popen[str], lines: list[str], progress: Callable[[Progress], None] | None
) -> None:
    done, total = 0, 0
    assert process.stderr is not None
    for line in process.stderr:
        line = line.rstrip("\n")
        lines.append(line)
        node = None
        if match := _NODE.match(line):
            done, total, node = int(match[1]), int(match[2]), match[3]
        elif match := _BEGIN.search(line):
            total = int(match[1])
        if progress:
            progress(Progress(done, total, line, node))
