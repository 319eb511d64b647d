"""A project: its pipelines, their nodes and results, by way of the program `pipeline`."""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .artifact import Artifact
from .errors import PipelineError
from .running import Progress, RunReport, follow

if TYPE_CHECKING:
    import pandas

PROGRAM = "PIPELINE_PROGRAM"
"""The variable of the environment that names the program, where it is not `pipeline` on the PATH."""


@dataclass(frozen=True)
class Node:
    """One stage at one set of axis values."""

    name: str
    """As on the command line: `retrain[size=500,repeat=3]`."""
    stage: str
    """The stage in the pipeline file."""
    label: str | None
    """The case, of a stage that has any."""
    type: str
    """The stage type, such as `train`."""
    axes: dict[str, Any]
    standing: str
    """`fresh`, `stale`, `failed` or `running`."""
    message: str | None = None
    """Why it has failed."""
    path: pathlib.Path | None = None
    """The file of its artifact, if it is fresh."""
    pipeline: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the pipeline file was given, as by `--set`."""


class Project:
    """The project of a folder: the nearest folder upwards that has `pipelines` or a file `pipeline.yaml`."""

    def __init__(
        self, folder: str | os.PathLike[str] = ".", *, cache: str | os.PathLike[str] | None = None,
        program: str | os.PathLike[str] | None = None,
    ) -> None:
        """Finds the project and the program.

        The program is the one given, or that of the variable PIPELINE_PROGRAM, or `pipeline` on the PATH. Raises
        `PipelineError` where there is none.
        """
        self.root = _root(pathlib.Path(folder).resolve())
        self.cache = None if cache is None else pathlib.Path(cache).resolve()
        named = os.fspath(program) if program is not None else os.environ.get(PROGRAM) or "pipeline"
        found = shutil.which(named)
        if found is None:
            raise PipelineError(
                f"the program '{named}' is not there: install it, name it in {PROGRAM}, or give Project the argument "
                "program")
        self.program = str(pathlib.Path(found).resolve())

    def pipelines(self) -> list[str]:
        """The names of the project's pipelines, sorted."""
        files = [path for path in self.root.glob("*.yaml")]
        for path in (self.root / "pipelines").rglob("*.yaml"):
            if "fragments" not in path.relative_to(self.root).parts:
                files.append(path)
        return sorted({path.stem for path in files})

    def nodes(
        self, pipeline: str, settings: Mapping[str, Any] | None = None, *, stage: str | None = None, **axes: Any
    ) -> list[Node]:
        """The nodes of a pipeline in the order of the plan; if so asked, only those of a stage and at some axis values.

        `project.nodes("tiny", stage="evaluate", size=200)`; `settings` are as of `--set`. Values are compared as in the
        program's patterns: 200, 200.0 and "200" are one value. The list is empty if no node has those values. Raises
        `PipelineError` for a stage that the pipeline does not have, and for an axis that the stage (without one: the
        pipeline) does not have.
        """
        answer = json.loads(self._ask("status", pipeline, "--nodes", "--json", *_set(settings)))
        nodes = [
            Node(
                name=one["node"], stage=one["stage"], label=one.get("label"), type=one["type"],
                axes=dict(one["axes"]), standing=one["standing"], message=one.get("message"),
                path=self.root / one["path"] if "path" in one else None, pipeline=pipeline,
                settings=dict(settings or {}))
            for one in answer]
        return _chosen(nodes, f"pipeline '{pipeline}'", stage, axes)

    def frame(self, pipeline: str, settings: Mapping[str, Any] | None = None, **axes: Any) -> pandas.DataFrame:
        """The same as a DataFrame, a row a node and a column an axis. Raises `PipelineError` without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise PipelineError("a DataFrame needs pandas: pip install pandas; nodes() does without") from error
        return pandas.DataFrame([
            {"node": node.name, "stage": node.stage, "label": node.label, "type": node.type, **node.axes,
             "standing": node.standing, "path": None if node.path is None else str(node.path)}
            for node in self.nodes(pipeline, settings, **axes)])

    def artifact(
        self, node: Node | str, name: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> Artifact:
        """Opens the current result of a node: `artifact(node)`, or `artifact("tiny", "retrain[size=200,repeat=0]")`.

        The file's bytes are compared with their digest before. Raises `PipelineError` if there is no current result.
        """
        if isinstance(node, Node):
            pipeline, name, settings = node.pipeline, node.name, node.settings
        else:
            pipeline = node
        if name is None:
            raise PipelineError(f"which node of '{pipeline}'? give its name, too")
        return Artifact(self.root / self._ask("path", pipeline, name, *_set(settings)).rstrip("\n"))

    def table(
        self, pipeline: str, name: str | None = None, settings: Mapping[str, Any] | None = None, *,
        form: str = "text",
    ) -> str:
        """A table of a pipeline, or all of them, as text, markdown, csv or json."""
        return self._ask("table", pipeline, *([name] if name else []), "--format", form, *_set(settings))

    def run(
        self, pipeline: str, *nodes: str, settings: Mapping[str, Any] | None = None, jobs: int | None = None,
        keep_going: bool = False, progress: Callable[[Progress], None] | None = None, check: bool = True,
    ) -> RunReport:
        """Brings nodes (all if none is named) of a pipeline up to date.

        `progress` is called after each line of the run's log. Raises `RunFailed` if a node fails, unless `check` is
        false; its `report` is what else would be returned.
        """
        options = _set(settings) + (["--jobs", str(jobs)] if jobs is not None else [])
        options += ["--keep-going"] if keep_going else []
        command = self._command("run", pipeline, *nodes, "--json", *options)
        return follow(command, str(self.root), progress, check)

    def _command(self, *arguments: str) -> list[str]:
        cache = ["--cache", str(self.cache)] if self.cache is not None else []
        return [self.program, *arguments, *cache]

    def _ask(self, *arguments: str) -> str:
        answer = subprocess.run(
            self._command(*arguments), cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8")
        if answer.returncode != 0:
            words = answer.stderr.strip() or f"pipeline ended with {answer.returncode}"
            raise PipelineError(words, answer.returncode)
        return answer.stdout


def _root(folder: pathlib.Path) -> pathlib.Path:
    for place in [folder, *folder.parents]:
        if (place / "pipelines").is_dir() or (place / "pipeline.yaml").is_file():
            return place
    return folder


def _chosen(nodes: list[Node], place: str, stage: str | None, axes: Mapping[str, Any]) -> list[Node]:
    """Those of a stage and at some axis values; a name that none of the nodes has is an error, not an empty list."""
    if stage is not None:
        stages = dict.fromkeys(node.stage for node in nodes)
        if stage not in stages:
            raise PipelineError(f"{place} has no nodes of a stage '{stage}'; {_listed('stages', stages)}")
        nodes, place = [node for node in nodes if node.stage == stage], f"stage '{stage}'"
    there = dict.fromkeys(axis for node in nodes for axis in node.axes)
    for axis in axes:
        if axis not in there:
            raise PipelineError(f"{place} has no axis '{axis}'; {_listed('axes', there)}")
    return [
        node for node in nodes
        if all(axis in node.axes and _is_same(node.axes[axis], value) for axis, value in axes.items())]


def _listed(what: str, names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f"its {what} are: {text}" if text else f"it has no {what}"


def _is_same(found: Any, asked: Any) -> bool:
    """Whether an axis value is the one asked for, by the rule of the program's patterns: one text, or one number."""
    text = _text(asked)
    if _text(found) == text:
        return True
    # True is an int in Python, but no number in a pipeline file.
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False
    try:
        return found == float(text)
    except ValueError:
        return False


def _text(value: Any) -> str:
    """A value as on the command line: a text bare, everything else as JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def _set(settings: Mapping[str, Any] | None) -> list[str]:
    # Values are YAML, of which JSON is a part.
    return [word for name, value in (settings or {}).items() for word in ("--set", f"{name}={json.dumps(value)}")]
