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
        ("a.h5", {"w": ["text"]}, "expected numbers"),
    ]:
        with pytest.raises(PipelineError, match=words):
            write_net(tmp_path / name, tensors)
    assert not list(tmp_path.iterdir())


def test_wrong_images_are_refused(tmp_path: pathlib.Path) -> None:
    images, labels = np.zeros((4, 2, 2), np.uint8), np.arange(4)
    for name, one, two, words in [
        ("a.npy", images, labels, "does not end in .npz"), ("a.npz", images / 255, labels, "expected uint8"),
        ("a.npz", images[0], labels[:2], "expected uint8"), ("a.npz", images, labels / 2, "expected integers"),
        ("a.npz", images, labels[:3], r"expected integers \[4\]"), ("a.npz", images, labels - 1, "from -1 to 2"),
    ]:
        with pytest.raises(PipelineError, match=words):
            write_images(tmp_path / name, one, two, images, labels)


def test_metrics_are_json(tmp_path: pathlib.Path) -> None:
    write_metrics(tmp_path / "m.json", {"b": np.float32(0.5), "a": 2})
    assert (tmp_path / "m.json").read_text() == '{\n "a": 2.0,\n "b": 0.5\n}\n'
    with pytest.raises(PipelineError, match="'a' is nan"):
        write_metrics(tmp_path / "m.json", {"a": float("nan")})


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
