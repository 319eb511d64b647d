"""What is written is taken by the stages that import it, and what they would refuse is refused beforehand."""
from __future__ import annotations

import json
import pathlib
import struct

import h5py
import numpy as np
import pytest

from pipeline_client import PipelineError, Project, write_images, write_metrics, write_net

TENSORS = {"fc1.weight": np.arange(12.0).reshape(3, 4) / 7, "fc1.bias": np.float32([1, 2, 3]), "n.counter": np.int64(5)}


def test_safetensors_are_as_described(tmp_path: pathlib.Path) -> None:
    write_net(tmp_path / "a.safetensors", TENSORS)
    data = (tmp_path / "a.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    assert {name: (one["dtype"], one["shape"]) for name, one in header.items()} == {
        "fc1.weight": ("F32", [3, 4]), "fc1.bias": ("F32", [3]), "n.counter": ("I64", [])}
    begin, end = header["fc1.weight"]["data_offsets"]
    assert (np.frombuffer(body[begin:end], "<f4") == TENSORS["fc1.weight"].astype("f4").ravel()).all()
    assert max(one["data_offsets"][1] for one in header.values()) == len(body)


def test_hdf5_is_laid_out_as_ours(tmp_path: pathlib.Path) -> None:
    write_net(tmp_path / "a.h5", TENSORS)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["parameters/fc1.weight"].dtype == np.float32 and file["parameters/n.counter"].shape == ()


def test_tensors_of_pytorch_are_taken(tmp_path: pathlib.Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(4, 3)
    write_net(tmp_path / "a.h5", layer.state_dict())
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["parameters/weight"][...] == layer.weight.detach().numpy()).all()


def test_wrong_nets_are_refused(tmp_path: pathlib.Path) -> None:
    for name, tensors, words in [
        ("a.pt", TENSORS, "ends neither in"), ("a.h5", {}, "no tensor"), ("a.h5", {"w": [np.nan]}, "not finite"),
        ("a.h5", {"w": ["text"]}, "expected numbers"), ("a.h5", {"w": [[1], [1, 2]]}, "'w' can't be an array"),
        ("a.h5", {"w": [1e39]}, "not finite as float32"), ("a.h5", {"w": np.float64([0, -1e300])}, "not finite"),
        ("a.h5", {"n": np.uint64(1 << 63)}, "integers above 9223372036854775807"),
    ]:
        with pytest.raises(PipelineError, match=words):
            write_net(tmp_path / name, tensors)
    assert not list(tmp_path.iterdir())


def test_the_largest_values_are_written(tmp_path: pathlib.Path) -> None:
    largest = float(np.finfo(np.float32).max)
    write_net(tmp_path / "a.h5", {"w": np.float64([largest, -largest]), "n": np.uint64((1 << 63) - 1)})
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["parameters/w"][...] == [largest, -largest]).all()
        assert file["parameters/n"][()] == (1 << 63) - 1


def test_labels_may_stand_in_a_column(tmp_path: pathlib.Path) -> None:
    images, labels = np.zeros((4, 2, 2), np.uint8), np.arange(4)
    write_images(tmp_path / "a.npz", images, labels[:, None], images, labels)
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["train_labels"] == labels).all() and arrays["train_labels"].shape == (4,)


def test_wrong_images_are_refused(tmp_path: pathlib.Path) -> None:
    images, labels = np.zeros((4, 2, 2), np.uint8), np.arange(4)
    for name, one, two, words in [
        ("a.npy", images, labels, "does not end in .npz"), ("a.npz", images / 255, labels, "expected uint8"),
        ("a.npz", images[0], labels[:2], "expected uint8"), ("a.npz", images, labels / 2, "expected integers"),
        ("a.npz", images, labels[:3], r"expected integers \[4\]"), ("a.npz", images, labels - 1, "from -1 to 2"),
    ]:
        with pytest.raises(PipelineError, match=words):
            write_images(tmp_path / name, one, two, images, labels)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [
    (4, 4, 14, 14), (4, 14, 14, 4), (4, 5, 14, 14), (4, 2, 14, 14), (4, 3, 14, 3), (4, 1, 5, 3), (0, 6, 5), (4, 0, 5),
    (4, 6, 0), (4, 3, 0, 14),
])
def test_shapes_are_refused_as_by_the_stage(
    folder: pathlib.Path, project: Project, tmp_path: pathlib.Path, shape: tuple[int, ...]
) -> None:
    images, labels, good = np.zeros(shape, np.uint8), np.zeros(shape[0], np.uint8), np.zeros((2, 3, 14, 14), np.uint8)
    two = np.zeros(2, np.uint8)
    numbers = ", ".join(map(str, shape))
    for split, arrays in [("train", (images, labels, good, two)), ("test", (good, two, images, labels))]:
        with pytest.raises(PipelineError, match=rf"the {split} images are uint8 \[{numbers}\].*, expected "):
            write_images(tmp_path / "a.npz", *arrays)
    assert not (tmp_path / "a.npz").exists()
    np.savez(
        folder / "pipelines" / "data.npz", train_images=images, train_labels=labels, test_images=images,
        test_labels=labels)
    with pytest.raises(PipelineError, match=r"data.npz: train_images: .*, expected "):
        project.run("small", "images")


def test_splits_are_of_one_shape(folder: pathlib.Path, project: Project) -> None:
    place, labels = folder / "pipelines" / "data.npz", np.arange(4) % 2
    first, last, grey = (np.zeros((4, *rest), np.uint8) for rest in [(3, 6, 5), (6, 5, 3), (6, 5)])
    with pytest.raises(PipelineError, match=r"test images are \[1, 6, 5\] .*, expected \[3, 6, 5\]"):
        write_images(place, first, labels, grey, labels)
    np.savez(place, train_images=first, train_labels=labels, test_images=grey, test_labels=labels)
    with pytest.raises(PipelineError, match="shape of the test images"):
        project.run("small", "images")
    # One shape, written in two ways.
    for one, other in [(first, last), (grey, grey[..., np.newaxis])]:
        write_images(place, one, labels, other, labels)
        project.run("small", "images")


def test_images_of_more_than_an_archive_takes_are_refused(tmp_path: pathlib.Path) -> None:
    # Of zeros that are never touched, so that they take no memory.
    large = np.zeros((1, 1 << 15, 1 << 15), np.uint8)
    with pytest.raises(PipelineError, match="expected at most 1073741696 bytes"):
        write_images(tmp_path / "a.npz", large, [0], large, [0])


def test_metrics_are_json(tmp_path: pathlib.Path) -> None:
    write_metrics(tmp_path / "m.json", {"b": np.float32(0.5), "a": 2})
    assert (tmp_path / "m.json").read_text() == '{\n "a": 2.0,\n "b": 0.5\n}\n'
    # A run that has diverged has a figure, too.
    write_metrics(tmp_path / "m.json", {"a": float("nan"), "b": np.inf})
    assert (tmp_path / "m.json").read_text() == '{\n "a": NaN,\n "b": Infinity\n}\n'
    with pytest.raises(PipelineError, match="no figure to write"):
        write_metrics(tmp_path / "m.json", {})


def test_wrong_metrics_are_refused(tmp_path: pathlib.Path) -> None:
    for value, words in [
        (None, "NoneType"), (np.zeros(2), "ndarray"), (np.zeros(1), "ndarray"), ([1.0], "list"), ("0.5", "str"),
        (1j, "complex"), (np.complex64(1), "complex64"), (10 ** 400, "int"),
    ]:
        with pytest.raises(PipelineError, match=f"'a' is of the type {words}, expected one float64"):
            write_metrics(tmp_path / "m.json", {"b": 1, "a": value})  # type: ignore[dict-item]
    for name in ("", "a/b", "/a", "a/", ".", "..", "a\0b", "\ud800", 3, None):
        with pytest.raises(PipelineError, match="can't be the name of a figure, expected a text"):
            write_metrics(tmp_path / "m.json", {"b": 1, name: 1})  # type: ignore[dict-item]
    with pytest.raises(PipelineError, match="256 bytes, expected at most 255"):
        write_metrics(tmp_path / "m.json", {"é" * 128: 1})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", "a\0b", "é" * 128, "...", "a b", "é" * 127 + "e"])
def test_names_of_figures_are_those_that_a_command_may_have(
    folder: pathlib.Path, project: Project, name: str
) -> None:
    figures = folder / "pipelines" / "figures.json"
    (folder / "pipelines" / "figures.yaml").write_text(
        "stages: {own: {stage: command, parameters: {argv: [cp, figures.json, m.json], files: [figures.json], "
        "outputs: [m.json], metrics: m.json}}}\n")
    refused = name not in ("...", "a b", "é" * 127 + "e")
    if refused:
        with pytest.raises(PipelineError):
            write_metrics(figures, {name: 1.5})
        figures.write_text(json.dumps({name: 1.5}))
        with pytest.raises(PipelineError, match="can't be that of a figure" if "\0" not in name else "no JSON object"):
            project.run("figures")
    else:
        write_metrics(figures, {name: 1.5})
        project.run("figures")
        with project.artifact("figures", "own") as own:
            assert own.metrics() == {name: 1.5}


@pytest.mark.parametrize("ending", ["h5", "safetensors"])
def test_a_net_goes_round(folder: pathlib.Path, project: Project, ending: str) -> None:
    labels = np.arange(40) % 4
    images = np.zeros((40, 3, 5, 5), np.uint8)
    images[np.arange(40), 0, labels] = 250
    write_images(folder / "pipelines" / "data.npz", images, labels, images, labels)
    taken = f"  taken: {{stage: import-net, inputs: [images], parameters: {{file: mine.{ending}, net: softmax}}}}\n"
    project.run("small", "base")
    with project.artifact("small", "base") as base:
        state = base.state_dict()
    state["linear.bias"] = state["linear.bias"] + 1
    write_net(folder / "pipelines" / f"mine.{ending}", state)
    with (folder / "pipelines" / "small.yaml").open("a") as file:
        file.write(taken)
    project.run("small", "taken")
    with project.artifact("small", "taken") as net:
        assert net.attributes["input"] == "3,5,5"
        assert all((net.state_dict()[name] == state[name]).all() for name in state)
