"""Writes what the stages `import-net`, `load-images` and `command` take from programs."""
from __future__ import annotations

import json
import math
import os
import pathlib
import re
import struct
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from .errors import PipelineError

HDF5_ENDINGS = (".h5", ".hdf5")

# What load-images takes of an array in an archive is 1 GiB with NumPy's header, which has 128 bytes.
_LARGEST = (1 << 30) - 128
# A step of a path; half a surrogate pair, which a str may hold, is no text in UTF-8.
_STEP = re.compile(r"[^/\0\ud800-\udfff]+")
# The bytes of a file's name in Linux, to which `command` holds the names of figures.
_LONGEST_NAME = 255


def write_net(path: str | os.PathLike[str], state_dict: Mapping[str, Any]) -> None:
    """Writes the tensors of a net for `import-net`: as safetensors, or as HDF5 if the name ends in .h5 or .hdf5.

    Tensors may be NumPy's or PyTorch's. They are written as float32, integers (batch normalisation's counters) as
    int64. Raises `PipelineError` for a value that is not finite as float32, an integer that int64 does not hold, what
    is no number, and a file name of another kind.
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
    channels; at least one in each split, and those of both splits of one shape. Labels are integers from 0 to 255,
    [n], one an image. Raises `PipelineError` for anything else, and for arrays of more than 1 GiB.
    """
    place = pathlib.Path(path)
    if place.suffix != ".npz":
        raise PipelineError(f"'{place.name}' does not end in .npz")
    train, shape = _images("train", train_images)
    test, test_shape = _images("test", test_images)
    if test_shape != shape:
        raise PipelineError(
            f"the test images are {test_shape} (channels, height, width), expected {shape} as the train images")
    np.savez_compressed(
        place, train_images=train, train_labels=_labels("train", train_labels, len(train)),
        test_images=test, test_labels=_labels("test", test_labels, len(test)))


def write_metrics(path: str | os.PathLike[str], metrics: Mapping[str, float]) -> None:
    """Writes figures by name for the parameter `metrics` of `command`.

    A name is one step of a path: a text of 1 to 255 bytes without '/' and NUL, not '.' and not '..'. A value is a
    number; NaN and infinity, as of a run that has diverged, are shown as "not finite" by tables. Raises `PipelineError`
    for anything else, and for no figure at all.
    """
    if not metrics:
        raise PipelineError("there is no figure to write, expected one or more")
    figures = {_figure_name(name): _figure(name, value) for name, value in metrics.items()}
    text = json.dumps(figures, indent=1, sort_keys=True)
    pathlib.Path(path).write_text(text + "\n", encoding="utf-8")


def _tensor(name: str, value: Any) -> npt.NDArray[Any]:
    # PyTorch's tensors may stand on another device and in a graph of derivatives.
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = _array(f"'{name}'", value)
    if np.issubdtype(array.dtype, np.integer):
        whole = np.asarray(array, dtype="<i8", order="C")
        if not (whole == array).all():
            raise PipelineError(f"'{name}' has integers above {np.iinfo(np.int64).max}, the largest of int64")
        return whole
    if not np.issubdtype(array.dtype, np.floating):
        raise PipelineError(f"'{name}' is {array.dtype}, expected numbers")
    # What is finite as float64 may not be so in the file.
    with np.errstate(over="ignore"):
        rounded = np.asarray(array, dtype="<f4", order="C")
    if not np.isfinite(rounded).all():
        raise PipelineError(f"'{name}' has values that are not finite as float32")
    return rounded


def _images(split: str, images: npt.ArrayLike) -> tuple[npt.NDArray[Any], list[int]]:
    """The images of a split as an array, and the shape of one as [channels, height, width]."""
    pixels = _array(f"the {split} images", images)
    found = f"the {split} images are {pixels.dtype} {list(pixels.shape)}"
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise PipelineError(f"{found}, expected uint8 of 3 or 4 dimensions")
    shape = [1, *pixels.shape[1:]]
    if pixels.ndim == 4:
        # As load-images finds the channels: by their number, if only one of the two places has it.
        _, *shape = pixels.shape
        is_first, is_last = shape[0] in (1, 3), shape[2] in (1, 3)
        if is_first == is_last:
            unclear = ", where two lengths may be the channels" if is_first else ""
            raise PipelineError(
                f"{found}{unclear}, expected [n, height, width], [n, height, width, channels] or "
                "[n, channels, height, width] with 1 or 3 channels")
        if is_last:
            shape = [shape[2], *shape[:2]]
    if pixels.size == 0:
        raise PipelineError(f"{found}, expected 1 image or more, of 1 pixel or more")
    if pixels.nbytes > _LARGEST:
        raise PipelineError(f"{found}, expected at most {_LARGEST} bytes; write larger ones as .npy files")
    return pixels, shape


def _labels(split: str, labels: npt.ArrayLike, count: int) -> npt.NDArray[np.uint8]:
    classes = _array(f"the {split} labels", labels)
    if classes.shape == (count, 1):  # A column, which load-images takes as well.
        classes = classes[:, 0]
    if not np.issubdtype(classes.dtype, np.integer) or classes.shape != (count,):
        raise PipelineError(
            f"the {split} labels are {classes.dtype} {list(classes.shape)}, expected integers [{count}]")
    if not 0 <= classes.min() <= classes.max() <= 255:
        raise PipelineError(f"the {split} labels go from {classes.min()} to {classes.max()}, expected 0 to 255")
    return classes.astype(np.uint8)


def _array(what: str, value: Any) -> npt.NDArray[Any]:
    try:
        # load-images takes arrays in C order alone.
        return np.asarray(value, order="C")
    except ValueError as error:
        raise PipelineError(f"{what} can't be an array: {error}") from error


def _figure_name(name: Any) -> str:
    # It becomes the name of a dataset, and as one step of a path it stays within its group.
    if not isinstance(name, str) or not _STEP.fullmatch(name) or name in (".", ".."):
        raise PipelineError(
            f"{name!r} can't be the name of a figure, expected a text without '/' and NUL, not empty, '.' or '..'")
    if len(name.encode()) > _LONGEST_NAME:
        raise PipelineError(f"the name '{name}' has {len(name.encode())} bytes, expected at most {_LONGEST_NAME}")
    return name


def _figure(name: str, value: Any) -> float:
    try:
        # Some of NumPy's versions take an array of one number for it, and drop a part of a complex number.
        if getattr(value, "ndim", 0) or isinstance(value, (complex, np.complexfloating)):
            raise TypeError("no single real number")
        math.isnan(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise PipelineError(f"'{name}' is of the type {type(value).__name__}, expected one float64: {error}") from error
    return float(value)


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
