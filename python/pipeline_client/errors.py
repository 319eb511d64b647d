"""What can go wrong, as one kind of error with the program's own words."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .running import RunReport


class PipelineError(Exception):
    """The program could not do what it was asked, or a file is not what it should be.

    `status` is the program's exit code, if it was started: 1 a stage failed or there is no such result, 64 wrong usage,
    65 a wrong pipeline file or parameter, 66 an input that can't be had, 130 interrupted.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RunFailed(PipelineError):
    """Nodes of a run have failed; `report` tells which, and what else the run has done."""

    def __init__(self, message: str, report: RunReport, status: int | None = None) -> None:
        super().__init__(message, status)
        self.report = report
