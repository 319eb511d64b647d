"""Artifacts as h5py reads them, the rows of a table, and the comparison of two figures."""
import json
import math
import sys

import h5py
from scipy import stats

compared = [0]
WHOLE = {
    "distance": "comparison/parameter_distance", "kl": "comparison/kl", "changed": "comparison/changed",
    "mia_auc": "forgetting/membership_auc", "f1": "forgetting/f1", "relearning": "forgetting/relearning_steps",
}


def t975(degrees):
    """Student's t at 97.5 %."""
    return stats.t.ppf(0.975, degrees)


def require(found, expected, tolerance, what):
    """Both NaN, or equal within the tolerance, relative to the larger of 1e-3 and the expected magnitude."""
    compared[0] += 1
    if found is None:
        found = math.nan
    if math.isnan(expected) and math.isnan(found):
        return
    if not abs(found - expected) <= tolerance * max(abs(expected), 1e-3):
        sys.exit(f"{what}: found {found}, expected {expected}")


def require_between(found, least, most, what):
    """Within two bounds, for what rounding may move from one to the other."""
    compared[0] += 1
    if not least - 1e-12 <= found <= most + 1e-12:
        sys.exit(f"{what}: found {found}, expected {least} to {most}")


class Artifact:
    def __init__(self, path):
        self.path = path
        with h5py.File(path) as file:
            self.attrs = dict(file.attrs)
            self.stage = self.attrs["stage"]
            self.inputs = json.loads(self.attrs["inputs"])
            self.parameters = json.loads(self.attrs["parameters"])
        self.figures = {}

    def read(self, name):
        if name in self.figures:
            return self.figures[name]
        with h5py.File(self.path) as file:
            value = file[name][()]
        if name.startswith("/metrics/"):  # Tables ask for them many times.
            self.figures[name] = value
        return value

    def several(self, slot):
        """The contents of a slot of any number."""
        value = self.inputs.get(slot, {})
        return [value] if isinstance(value, str) else list(value.values())


def rows(study, table):
    """The evaluations of a table: (label, axis values, artifact)."""
    result = []
    for key, content in table.inputs["rows"].items():
        label, _, point = key.partition("[")
        axes = dict(pair.split("=") for pair in point.rstrip("]").split(",") if pair)
        result.append((label, axes, study.by_content[content]))
    return result
