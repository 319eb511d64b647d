"""The tensors of a net come in the order of the program's flat vectors, whatever HDF5 makes of their names."""
from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import h5py
import numpy as np
import pytest

from pipeline_client import Artifact, Project, write_images


def linear(*names: str) -> list[str]:
    """The parameters of layers with a bias."""
    return [f"{name}.{tensor}" for name in names for tensor in ("weight", "bias")]


def normalised(convolution: str, normalisation: str) -> list[str]:
    """The parameters of a convolution without a bias and of the normalisation behind it."""
    return [f"{convolution}.weight", *linear(normalisation)]


def resnet18() -> list[str]:
    """Of all widths: the parameters, then the buffers in the same order."""
    names = normalised("conv1", "bn1")
    for block in (f"layer{stage}.{place}" for stage in (1, 2, 3, 4) for place in (0, 1)):
        names += normalised(f"{block}.conv1", f"{block}.bn1") + normalised(f"{block}.conv2", f"{block}.bn2")
        if block in ("layer2.0", "layer3.0", "layer4.0"):
            names += normalised(f"{block}.downsample.0", f"{block}.downsample.1")
    layers = [name.removesuffix(".bias") for name in names if name.endswith(".bias")]
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return names + linear("fc") + [f"{layer}.{buffer}" for layer in layers for buffer in buffers]


# As Network.named lays them out (Sources/Numerics/NeuralNet/Network), buffers behind parameters as in NetFields.
# The Swift tests hold both to PyTorch's state_dict (Tests/NeuralNetTests/Golden/pytorch.json).
ORDERS = {
    "softmax": linear("linear"),
    "mlp": linear(*(f"fc{layer}" for layer in range(1, 13))),
    "lenet": linear("conv1", "conv2", "fc1", "fc2", "fc3"),
    "tinynet": linear("0", "2", "4", "6", "9"),
    "longer than tinynet": linear("0", "2", "4", "6", "8", "10", "13"),
    "resnet18": resnet18(),
}


@pytest.mark.parametrize("net", ORDERS)
def test_tensors_come_in_the_order_of_the_layers(tmp_path: pathlib.Path, net: str) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as raw:
        raw.attrs["stage"] = "train"
        for place, name in reversed(list(enumerate(ORDERS[net]))):
            raw[f"parameters/{name}"] = np.float32([place])
    with Artifact(tmp_path / "net.h5") as artifact:
        state = artifact.state_dict()
    assert list(state) == ORDERS[net]
    assert [int(value[0]) for value in state.values()] == list(range(len(state)))


def test_a_flat_change_is_added_to_every_net_of_the_program(folder: pathlib.Path, project: Project) -> None:
    told = subprocess.run(
        [project.program, "stages", "train", "--json"], capture_output=True, check=True, encoding="utf-8")
    choices = {one["name"]: one["type"] for one in json.loads(told.stdout)[0]["parameters"]}["net"]
    nets = choices.removeprefix("one of ").split(", ")
    assert {"softmax", "mlp", "lenet", "tinynet", "resnet18"} <= set(nets)
    # Narrow and small, with more layers than one digit counts.
    extra: dict[str, dict[str, Any]] = {"mlp": {"widths": [4] * 10}, "resnet18": {"width": 2}}
    images = np.random.default_rng(1).integers(0, 256, (40, 12, 13), np.uint8)
    write_images(folder / "pipelines" / "data.npz", images, np.arange(40) % 4, images, np.arange(40) % 4)
    cases = {net: {"net": net, **extra.get(net, {})} for net in nets}
    stages: dict[str, Any] = {
        "images": {"stage": "load-images", "parameters": {"folder": "data.npz"}},
        "net": {"stage": "train", "inputs": ["images"], "parameters": {"epochs": 1, "batch_size": 10}, "cases": cases},
        "group": {"inputs": ["images"], "parameters": {"size": 5}},
        "influence": {"for": "net", "inputs": ["images", "net", "group"], "parameters": {"iterations": 3}},
        "without": {"stage": "unlearn", "for": "net", "inputs": ["images", "net", "group", "influence"]},
    }
    (folder / "pipelines" / "flat.yaml").write_text(json.dumps({"stages": stages}))
    project.run("flat")
    for node in project.nodes("flat", stage="net"):
        with project.artifact(node) as artifact:
            state = artifact.state_dict()
        with project.artifact("flat", f"influence[{node.label}]") as artifact:
            change = artifact["influence"][...]
        # The lines of docs/use/python.md.
        for name, value in state.items():
            if name.endswith((".weight", ".bias")):
                state[name], change = value + change[:value.size].reshape(value.shape), change[value.size:]
        assert change.size == 0
        with project.artifact("flat", f"without[{node.label}]") as artifact:
            without = artifact.state_dict()
        assert list(state) == list(without), node.label
        for name, value in state.items():
            assert (value == without[name]).all(), (node.label, name)
