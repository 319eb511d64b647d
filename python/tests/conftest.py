"""A small project in a folder of its own, with the program that PIPELINE_PROGRAM names."""
from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from pipeline_client import Project

PIPELINE = """
axes: {data: [1], seed: 3}
stages:
  images: {stage: load-images, parameters: {folder: data.npz}}
  base: {stage: train, parameters: {net: softmax, epochs: 2, batch_size: 10}}
  fit:
    stage: command
    for: [data, seed]
    parameters: {outputs: [m.json, note.txt], metrics: m.json}
    cases:
      even: {argv: [sh, -c, "echo '{\\"x\\": '$((2 * ${seed}))'}' > m.json; echo ${seed} > note.txt"]}
      odd: {argv: [sh, -c, "echo '{\\"x\\": '$((2 * ${seed} + 1))'}' > m.json; echo ${seed} > note.txt"]}
  table: {inputs: [rows: fit], parameters: {columns: data, over: seed}}
"""


@pytest.fixture(scope="session")
def program() -> str:
    """The program under test."""
    named = os.environ.get("PIPELINE_PROGRAM") or shutil.which("pipeline")
    if not named:
        pytest.skip("there is no program pipeline: name it in PIPELINE_PROGRAM")
    return str(pathlib.Path(named).resolve())


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a pipeline file that is wanting its data."""
    (tmp_path / "pipelines" / "fragments").mkdir(parents=True)
    (tmp_path / "pipelines" / "small.yaml").write_text(PIPELINE)
    (tmp_path / "pipelines" / "fragments" / "part.yaml").write_text("axes: {a: 2}\n")
    return tmp_path


@pytest.fixture
def project(folder: pathlib.Path, program: str) -> Project:
    """The project of that folder."""
    return Project(folder, program=program)
