"""Artifacts as h5py reads them, and the comparison of two figures."""
import json
import math
import sys

import h5py

compared = [0]


def require(found, expected, tolerance, what):
    """Both NaN, or equal within the tolerance, relative to the larger of 1e-3 and the expected magnitude."""
    compared[0] += 1
    if found is None:
        found = math.nan
    if math.isnan(expected) and math.isnan(found):
        return
    if not abs(found - expected) <= tolerance * max(abs(expected), 1e-3):
        sys.exit(f"{what}: found {found}, expected {expected}")


class Artifact:
    def __init__(self, path):
        self.path = path
        with h5py.File(path) as file:
            self.attrs = dict(file.attrs)
            self.stage = self.attrs["stage"]
            self.inputs = json.loads(self.attrs["inputs"])
            self.parameters = json.loads(self.attrs["parameters"])

    def read(self, name):
        with h5py.File(self.path) as file:
            return file[name][()]

    def several(self, slot):
        """The contents of a slot of any number."""
        value = self.inputs.get(slot, {})
        return [value] if isinstance(value, str) else list(value.values())
