"""Results: one HDF5 file each, of which nothing is read before it is asked for."""
from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from .errors import PipelineError


class Artifact(Mapping[str, "h5py.Dataset"]):
    """A result that is open for reading: a mapping of paths to datasets, as `pipeline stages TYPE` lists them.

    `artifact["metrics/group/loss"]` is an h5py dataset; `[...]`, `[()]` or a slice of it reads the file. Close it, or
    use it in a `with`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Opens a file. Raises `PipelineError` if it is no result of `pipeline`."""
        self.path = pathlib.Path(path)
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise PipelineError(f"{self.path} can't be read: {error}") from error
        if "stage" not in self._file.attrs:
            self._file.close()
            raise PipelineError(f"{self.path} is HDF5, but no result of pipeline: it lacks the attribute 'stage'")

    # How it was made

    @property
    def attributes(self) -> dict[str, Any]:
        """All root attributes: what `pipeline stages TYPE` lists, and how the artifact was made."""
        return {name: _plain(value) for name, value in self._file.attrs.items()}

    @property
    def stage(self) -> str:
        """The stage type that made it, such as `train`."""
        return str(_plain(self._file.attrs["stage"]))

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that it was made with."""
        return self._json("parameters")

    @property
    def inputs(self) -> dict[str, Any]:
        """By slot the hash of the content that it was made of; of a gather, one for each member."""
        return self._json("inputs")

    @property
    def content(self) -> str:
        """The hash of what it says; equal results have equal ones."""
        return str(_plain(self._file.attrs["content"]))

    def _json(self, name: str) -> dict[str, Any]:
        value = json.loads(str(_plain(self._file.attrs[name])))
        return dict(value)

    # What it holds

    def __getitem__(self, path: str) -> h5py.Dataset:
        """The dataset of a path, with or without a slash in front."""
        found = self._file.get(path)
        if not isinstance(found, h5py.Dataset):
            raise KeyError(f"{self.path.name} of {self.stage} has no dataset '{path}'; it has {', '.join(self)}")
        return found

    def __iter__(self) -> Iterator[str]:
        """The paths of all datasets, sorted."""
        paths: list[str] = []
        self._file.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
        return iter(sorted(paths))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The tensors of a net by name, with names and shapes as in a PyTorch `state_dict`.

        They are in the order of the program's flat vectors. The parameters come first: one after the other, each in C
        order, they are the p numbers of `/influence`, of `/gradient` or of a row of `/steps/change`. The buffers of
        batch normalisation (`running_mean`, `running_var`, `num_batches_tracked`) come last and are in no vector.
        `torch.from_numpy` takes each tensor. Raises `PipelineError` if this is no net.
        """
        group = self._file.get("parameters")
        if group is None:
            raise PipelineError(f"{self.path.name} of {self.stage} is no net")
        return {name: group[name][...] for name in sorted(group, key=_place)}

    def images(self, split: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Images and labels of the split `train` or `test` of a data set.

        Images are [n, height, width], in colour [n, 3, height, width]; nets see (pixel / 255 − 0.1307) / 0.3081.
        """
        return self[f"{split}/images"][...], self[f"{split}/labels"][...]

    def metrics(self) -> dict[str, float]:
        """The figures of an evaluation (`group/loss`), or of a command that names them."""
        return {path.removeprefix("metrics/"): float(self[path][()]) for path in self if path.startswith("metrics/")}

    def files(self) -> list[str]:
        """The names of the files of a command or a picture."""
        return [path.removeprefix("files/") for path in self if path.startswith("files/")]

    def file(self, name: str) -> bytes:
        """One of those files."""
        data: npt.NDArray[np.uint8] = self[f"files/{name}"][...]
        return data.tobytes()

    # Opening and closing

    def close(self) -> None:
        """Closes the file; what has been read stays."""
        self._file.close()

    def __enter__(self) -> Artifact:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Artifact({str(self.path)!r})"


_MODULES = ("conv", "layer", "downsample", "fc")
"""What the modules of a net are called, in the order in which a net applies them."""

_PARAMETERS = ("weight", "bias")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _place(name: str) -> tuple[bool, list[tuple[int, int, bool]], int]:
    """The place of a tensor among the others of its net, to sort by.

    HDF5 gives names back by the alphabet: `bias` before `weight`, `bn1` before `conv1`, `fc10` before `fc2`. The flat
    vectors have PyTorch's order, which is that of the net's own making: a module after those that it follows, and in
    it the weight before the bias. The names tell that order.
    """
    *modules, tensor = name.split(".")
    tensors = (*_PARAMETERS, *_BUFFERS)
    kind = tensors.index(tensor) if tensor in tensors else len(tensors)
    return tensor in _BUFFERS, [_module_place(module) for module in modules], kind


def _module_place(module: str) -> tuple[int, int, bool]:
    # Those of one word go by their number, and so do the numbers of a Sequential. A normalisation follows the
    # convolution of its number.
    word = module.rstrip("0123456789")
    is_normalisation = word == "bn"
    kind = "conv" if is_normalisation else word
    return _MODULES.index(kind) if kind in _MODULES else 0, int(module[len(word):] or 0), is_normalisation


def _plain(value: Any) -> Any:
    """An attribute as a value of Python's own."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic):
        return value.item()
    return value
