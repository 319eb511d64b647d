"""Projects: found, listed, run, followed, and their results read, beside h5py by itself."""
from __future__ import annotations

import pathlib

import h5py
import numpy as np
import pytest

import pipeline_client
from pipeline_client import PipelineError, Progress, Project, RunFailed


@pytest.fixture
def data(folder: pathlib.Path) -> pathlib.Path:
    """Images of three classes, each bright in rows of its own."""
    labels = np.arange(60) % 3
    images = np.zeros((60, 6, 5), np.uint8)
    images[np.arange(60), 2 * labels] = 200
    place = folder / "pipelines" / "data.npz"
    pipeline_client.write_images(place, images[:45], labels[:45], images[45:], labels[45:])
    return folder


def test_a_project_is_found_upwards(folder: pathlib.Path, program: str) -> None:
    deep = folder / "pipelines" / "fragments"
    assert Project(deep, program=program).root == folder
    assert Project(folder, program=program).pipelines() == ["small"]
    with pytest.raises(PipelineError, match="PIPELINE_PROGRAM"):
        Project(folder, program="no-such-program")


def test_a_run_is_followed_and_told(data: pathlib.Path, project: Project) -> None:
    seen: list[Progress] = []
    report = project.run("small", progress=seen.append)
    assert {ran.node for ran in report.ran} == {node.name for node in project.nodes("small")}
    assert len(report.ran) == 9 and not report.failed and not report.interrupted
    ended = [step for step in seen if step.node]
    assert [step.done for step in ended] == list(range(1, 10)) and {step.total for step in ended} == {9}
    assert {step.node for step in ended} == {ran.node for ran in report.ran}
    again = project.run("small")
    assert again.ran == [] and again.up_to_date == 9


def test_nodes_have_axes_standings_and_files(data: pathlib.Path, project: Project) -> None:
    before = project.nodes("small")
    assert {node.standing for node in before} == {"stale"} and all(node.path is None for node in before)
    project.run("small", "fit[seed=1]")
    fits = project.nodes("small", stage="fit", seed=1)
    assert [(node.name, node.label, node.type) for node in fits] == [
        ("fit[even,data=1,seed=1]", "even", "command"), ("fit[odd,data=1,seed=1]", "odd", "command")]
    assert all(node.axes == {"data": 1, "seed": 1} for node in fits)
    for node in fits:
        assert node.standing == "fresh" and node.path is not None and node.path.is_file()
    assert {node.standing for node in project.nodes("small", seed=0)} == {"stale"}
    assert len(project.nodes("small", {"seed": 5}, stage="fit")) == 10


def test_stages_and_axes_that_are_not_there_are_named(data: pathlib.Path, project: Project) -> None:
    with pytest.raises(PipelineError, match="no nodes of a stage 'nope'; its stages are: images, base, fit, table"):
        project.nodes("small", stage="nope")
    with pytest.raises(PipelineError, match="pipeline 'small' has no axis 'nope'; its axes are: data, seed"):
        project.nodes("small", nope=3)
    with pytest.raises(PipelineError, match="stage 'base' has no axis 'seed'; it has no axes"):
        project.nodes("small", stage="base", seed=1)
    with pytest.raises(PipelineError, match="no nodes of a stage 'fit\\[even\\]'"):
        project.nodes("small", stage="fit[even]")


@pytest.mark.parametrize(("asked", "found"), [
    (2, ["2"]), ("2", ["2"]), (2.0, ["2"]), ("2.0", ["2"]), (np.int64(2), ["2"]), (np.float64(0.5), ["0.5"]),
    ("0.5", ["0.5"]), ("5e-1", ["0.5"]), ("low", ["low"]), ("07", ["07"]), (7, []), (True, ["true"]), ("true", ["true"]),
    (1, []), ("True", []), (None, []), ([2], []), ("none", []),
])
def test_axis_values_are_compared_as_in_patterns(
    folder: pathlib.Path, project: Project, asked: object, found: list[str]
) -> None:
    (folder / "pipelines" / "axis.yaml").write_text("""
axes: {rate: [2, 0.5, low, "07", true]}
stages: {one: {stage: command, for: rate, parameters: {argv: [sh, -c, ":"], outputs: [o]}}}
""")
    assert [node.name for node in project.nodes("axis", rate=asked)] == [f"one[rate={value}]" for value in found]


def test_nodes_are_a_data_frame(data: pathlib.Path, project: Project) -> None:
    pandas = pytest.importorskip("pandas")
    project.run("small", "fit")
    frame = project.frame("small", stage="fit")
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 6
    assert sorted(frame["seed"]) == [0, 0, 1, 1, 2, 2] and set(frame["label"]) == {"even", "odd"}
    assert set(frame["standing"]) == {"fresh"}


def test_artifacts_are_read_by_need(data: pathlib.Path, project: Project) -> None:
    project.run("small")
    with project.artifact("small", "base") as net:
        assert net.stage == "train" and net.parameters["net"] == "softmax"
        with h5py.File(net.path) as raw:
            assert list(net) == ["history/accuracy", "history/learning_rate", "history/loss",
                                 "parameters/linear.bias", "parameters/linear.weight"]
            state = net.state_dict()
            assert {name: value.shape for name, value in state.items()} == {"linear.bias": (3,), "linear.weight": (3, 30)}
            assert (state["linear.weight"] == raw["parameters/linear.weight"][...]).all()
            assert net.content == raw.attrs["content"] and net.attributes["input"] == "1,6,5"
        assert isinstance(net["history/loss"], h5py.Dataset)
        with pytest.raises(KeyError, match="has no dataset 'history/lost'"):
            net["history/lost"]
    with project.artifact("small", "images") as images:
        pixels, labels = images.images("train")
        assert pixels.shape == (45, 6, 5) and (labels == np.arange(45) % 3).all()
        assert (pixels[4, 2] == 200).all() and pixels[4].sum() == 1000
    node = project.nodes("small", stage="fit", seed=2)[1]
    with project.artifact(node) as fit:
        assert fit.metrics() == {"x": 5.0} and fit.files() == ["m.json", "note.txt"] and fit.file("note.txt") == b"2\n"
        with pytest.raises(PipelineError, match="is no net"):
            fit.state_dict()
    other = data / "other.h5"
    with h5py.File(other, "w") as raw:
        raw["a"] = 1
    for path in (other, data / "gone.h5", data / "pipelines" / "small.yaml"):
        with pytest.raises(PipelineError, match=str(path.name)):
            pipeline_client.Artifact(path)


def test_what_the_program_says_is_said(data: pathlib.Path, project: Project) -> None:
    with pytest.raises(PipelineError, match="no pipeline is called 'smal'") as unknown:
        project.nodes("smal")
    assert unknown.value.status == 66
    with pytest.raises(PipelineError, match="no current artifact") as stale:
        project.artifact("small", "base")
    assert stale.value.status == 1
    with pytest.raises(PipelineError) as wrong:
        project.run("small", settings={"base.epochs": "many"})
    assert wrong.value.status == 65 and "an integer" in str(wrong.value)


def test_failures_are_told_with_the_rest(data: pathlib.Path, project: Project) -> None:
    text = (data / "pipelines" / "small.yaml").read_text()
    bad = "  bad: {stage: command, parameters: {argv: [sh, -c, 'echo words >&2; exit 3'], outputs: [o]}}\n"
    (data / "pipelines" / "small.yaml").write_text(text + bad)
    with pytest.raises(RunFailed, match="exited with status 3") as failed:
        project.run("small", keep_going=True)
    report = failed.value.report
    assert [one.node for one in report.failed] == ["bad"] and len(report.ran) == 9 and failed.value.status == 1
    assert report.failed[0].log and "words" in pathlib.Path(data / report.failed[0].log).read_text()
    assert project.run("small", check=False).failed[0].node == "bad"
    assert [node.message for node in project.nodes("small", stage="bad")] != [None]


def test_tables_come_as_text(data: pathlib.Path, project: Project) -> None:
    project.run("small")
    lines = [line for line in project.table("small", form="csv").splitlines() if line]
    assert len(lines) == 3 and [line.split(",")[0] for line in lines[1:]] == ["even", "odd"]
    assert ",3," in lines[1]  # three seeds


def test_an_end_from_outside_leaves_a_clean_cache(data: pathlib.Path, project: Project) -> None:
    def stop(step: Progress) -> None:
        if step.node:
            raise RuntimeError("enough")

    # Nodes of a third of a second: the end comes before the last of them on any machine.
    (data / "pipelines" / "slow.yaml").write_text("""
axes: {seed: 9}
stages:
  slow:
    stage: command
    for: seed
    parameters: {argv: [sh, -c, "sleep 0.3; echo ${seed} > out"], outputs: [out]}
""")
    with pytest.raises(RuntimeError, match="enough"):
        project.run("slow", progress=stop)
    assert not list((data / "cache" / "tmp").glob("*"))
    rest = project.run("slow")
    assert rest.failed == [] and 0 < len(rest.ran) < 9


def test_the_cache_may_stand_elsewhere(data: pathlib.Path, program: str, tmp_path: pathlib.Path) -> None:
    project = Project(data, program=program, cache=tmp_path / "own")
    project.run("small", "fit")
    assert not (data / "cache").exists()
    assert all(node.path and node.path.is_relative_to(tmp_path / "own") for node in project.nodes("small", stage="fit"))
