"""Writes what the stages `import-net`, `load-images` and `command` take from programs."""
from __future__ import annotations

import json
import math
import os
import pathlib
import struct
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from .errors import PipelineError

HDF5_ENDINGS = (".h5", ".hdf5")


def write_net(path: str | os.PathLike[str], state_dict: Mapping[str, Any]) -> None:
    """Writes the tensors of a net for `import-net`: as safetensors, or as HDF5 if the name ends in .h5 or .hdf5.

    Tensors may be NumPy's or PyTorch's. They are written as float32, integers (batch normalisation's counters) as
    int64. Raises `PipelineError` for a value that is not finite or a name of another kind.
    """
    place = pathlib.Path(path)
    tensors = {name: _tensor(name, value) for name, value in state_dict.items()}
    if not tensors:
        raise PipelineError("there is no tensor to write")
    if place.suffix in HDF5_ENDINGS:
        with h5py.File(place, "w") as file:
            for name, tensor in tensors.items():
                file[f"parameters/{name}"] = tensor
    elif place.suffix == ".safetensors":
        place.write_bytes(_safetensors(tensors))
    else:
        raise PipelineError(f"'{place.name}' ends neither in .safetensors nor in .h5")


def write_images(
    path: str | os.PathLike[str], train_images: npt.ArrayLike, train_labels: npt.ArrayLike,
    test_images: npt.ArrayLike, test_labels: npt.ArrayLike,
) -> None:
    """Writes a data set for `load-images` as one .npz file.

    Images are bytes, [n, height, width], [n, height, width, channels] or [n, channels, height, width] with 1 or 3
    channels; labels are integers from 0 to 255, one an image. Raises `PipelineError` for anything else.
    """
    place = pathlib.Path(path)
    if place.suffix != ".npz":
        raise PipelineError(f"'{place.name}' does not end in .npz")
    arrays: dict[str, npt.NDArray[Any]] = {}
    for split, images, labels in [("train", train_images, train_labels), ("test", test_images, test_labels)]:
        pixels, classes = np.ascontiguousarray(images), np.ascontiguousarray(labels)
        if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
            raise PipelineError(
                f"the {split} images are {pixels.dtype} {list(pixels.shape)}, expected uint8 of 3 or 4 dimensions")
        if not np.issubdtype(classes.dtype, np.integer) or classes.shape != pixels.shape[:1]:
            raise PipelineError(
                f"the {split} labels are {classes.dtype} {list(classes.shape)}, expected integers [{pixels.shape[0]}]")
        if classes.size and not 0 <= classes.min() <= classes.max() <= 255:
            raise PipelineError(f"the {split} labels go from {classes.min()} to {classes.max()}, expected 0 to 255")
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = pixels, classes.astype(np.uint8)
    np.savez_compressed(
        place, train_images=arrays["train_images"], train_labels=arrays["train_labels"],
        test_images=arrays["test_images"], test_labels=arrays["test_labels"])


def write_metrics(path: str | os.PathLike[str], metrics: Mapping[str, float]) -> None:
    """Writes figures by name for the parameter `metrics` of `command`."""
    wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
    if wrong:
        raise PipelineError(f"'{wrong[0]}' is {metrics[wrong[0]]}, which JSON can't say")
    text = json.dumps({name: float(value) for name, value in metrics.items()}, indent=1, sort_keys=True)
    pathlib.Path(path).write_text(text + "\n", encoding="utf-8")


def _tensor(name: str, value: Any) -> npt.NDArray[Any]:
    # PyTorch's tensors may stand on another device and in a graph of derivatives.
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if np.issubdtype(array.dtype, np.integer):
        return np.asarray(array, dtype="<i8", order="C")
    if not np.issubdtype(array.dtype, np.floating):
        raise PipelineError(f"'{name}' is {array.dtype}, expected numbers")
    if not np.isfinite(array).all():
        raise PipelineError(f"'{name}' has values that are not finite")
    return np.asarray(array, dtype="<f4", order="C")


def _safetensors(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The header's length (u64), the header (JSON), the data: the format's public description."""
    header: dict[str, Any] = {}
    body = b""
    for name, tensor in tensors.items():
        data = tensor.tobytes()
        kind = "I64" if tensor.dtype == np.dtype("<i8") else "F32"
        header[name] = {
            "dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body
