"""Computes the figures of a small study once more, from its nets by numpy, and compares evaluations and tables.

usage: check_figures.py TABLES.json FILE…   TABLES.json: what `pipeline table NAME --format json` prints;
FILE…: the artifacts. Prints what was compared; exits 1 at the first difference.
"""
import json
import math
import re
import sys

import h5py
import numpy as np

# Student's t at 97.5 %, by degrees of freedom.
T975 = {1: 12.706204736174698, 2: 4.302652729696142, 3: 3.182446305284263, 4: 2.7764451051977987}
SPLITS = ["group", "retained", "train", "test", "test_label", "test_other"]
WHOLE = {
    "distance": "comparison/parameter_distance", "kl": "comparison/kl", "changed": "comparison/changed",
    "mia_auc": "forgetting/membership_auc", "f1": "forgetting/f1", "relearning": "forgetting/relearning_steps",
}
compared = 0


def require(found, expected, tolerance, what):
    """Both NaN, or equal within the tolerance, relative to the larger of 1e-3 and the expected magnitude."""
    global compared
    compared += 1
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


def convolve(x, weight, bias, padding):
    """[n, c, h, w] by [o, c, i, j]: the windows as rows of a matrix."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    windows = windows.transpose(0, 2, 3, 1, 4, 5)
    n, height, width = windows.shape[:3]
    result = windows.reshape(n * height * width, -1) @ weight.reshape(len(weight), -1).T + bias
    return result.reshape(n, height, width, -1).transpose(0, 3, 1, 2)


def pool(x):
    n, channels, height, width = x.shape
    return x.reshape(n, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))


def log_probabilities(net, images):
    """Of LeNet-5 with ReLU and max-pooling, on bytes [n, 28, 28], normalised as MNIST is."""
    names = ["conv1", "conv2", "fc1", "fc2", "fc3"]
    p = {name: [net.read(f"/parameters/{name}.{kind}") for kind in ("weight", "bias")] for name in names}
    parts = []
    for start in range(0, len(images), 500):
        x = ((images[start:start + 500] / 255 - 0.1307) / 0.3081).astype(np.float32)[:, None]
        x = pool(np.maximum(convolve(x, *p["conv1"], padding=2), 0))
        x = pool(np.maximum(convolve(x, *p["conv2"], padding=0), 0)).reshape(len(x), -1)
        for name in ("fc1", "fc2"):
            x = np.maximum(x @ p[name][0].T + p[name][1], 0)
        x = (x @ p["fc3"][0].T + p["fc3"][1]).astype(np.float64)
        x -= x.max(axis=1, keepdims=True)
        parts.append(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))
    return np.concatenate(parts)


class Study:
    def __init__(self, paths):
        self.artifacts = [Artifact(path) for path in paths]
        self.by_content = {artifact.attrs["content"]: artifact for artifact in self.artifacts}
        self.outputs = {}
        self.images = {}

    def of(self, stage):
        return [artifact for artifact in self.artifacts if artifact.stage == stage]

    def output(self, net, images):
        """Log-probabilities of a net on the train and test images, and the labels of these."""
        if images not in self.images:
            source = self.by_content[images]
            self.images[images] = {
                split: (source.read(f"/{split}/images"), source.read(f"/{split}/labels"))
                for split in ("train", "test")}
        key = (net, images)
        if key not in self.outputs:
            self.outputs[key] = {
                split: (log_probabilities(self.by_content[net], pixels), labels)
                for split, (pixels, labels) in self.images[images].items()}
        return self.outputs[key]

    def check(self, evaluation):
        images, net, group = (evaluation.inputs[slot] for slot in ("images", "net", "group"))
        label = evaluation.parameters["label"]
        removed = self.by_content[group].read("/indices")
        own = self.output(net, images)
        labels = {split: own[split][1] for split in own}
        train, test = np.arange(len(labels["train"])), np.arange(len(labels["test"]))
        members = {
            "group": ("train", removed), "retained": ("train", np.setdiff1d(train, removed)),
            "train": ("train", train), "test": ("test", test),
            "test_label": ("test", test[labels["test"] == label]),
            "test_other": ("test", test[labels["test"] != label]),
        }

        def figures(output):
            result = {}
            for split, (source, indices) in members.items():
                logs, truth = output[source]
                losses = -logs[indices, truth[indices]]
                result[split] = {
                    "loss": losses.mean(), "accuracy": (logs[indices].argmax(axis=1) == truth[indices]).mean()}
            return result

        references = evaluation.several("reference")
        others = [other for other in references if other != net]
        mine = figures(own)
        known = [figures(self.output(other, images)) for other in references]
        against = [figures(self.output(other, images)) for other in others]
        for split in SPLITS:
            count = len(members[split][1])
            for name, tolerance in (("loss", 2e-5), ("accuracy", 0)):
                # An image whose two best classes are about equal may fall to either.
                absolute = 1e-6 if name == "loss" else 1.01 / count
                value = mine[split][name]
                gap = value - np.mean([f[split][name] for f in against]) if against else math.nan
                spread = np.std([f[split][name] for f in known], ddof=1) if len(known) > 1 else math.nan
                for suffix, expected in (("", value), ("_gap", gap), ("_spread", spread)):
                    found = evaluation.read(f"/metrics/{split}/{name}{suffix}")
                    if abs(found - expected) <= absolute:
                        found = expected
                    require(found, expected, tolerance, f"{evaluation.path} {split}/{name}{suffix}")
        self.check_comparison(evaluation, own, [self.output(other, images) for other in others], others)
        logs, truth = own["train"]
        inside = -logs[removed, truth[removed]]
        kinds = np.unique(truth[removed])
        outside = members["test"][1] if len(kinds) > 1 else test[labels["test"] == kinds[0]]
        outside = -own["test"][0][outside, labels["test"][outside]]
        area = np.mean((inside[:, None] < outside) + 0.5 * (inside[:, None] == outside))
        require(evaluation.read("/metrics/forgetting/membership_auc"), area, 1e-3, f"{evaluation.path} AUC")
        a, b = (evaluation.read(f"/metrics/{split}/accuracy") for split in ("group", "test_other"))
        f1 = 2 * (1 - a) * b / (1 - a + b)
        require(evaluation.read("/metrics/forgetting/f1"), f1, 1e-12, f"{evaluation.path} F1")

    def check_comparison(self, evaluation, own, outputs, others):
        def parameters(content):
            with h5py.File(self.by_content[content].path) as file:
                return np.concatenate([p[()].ravel() for _, p in sorted(file["parameters"].items())])

        mine = parameters(evaluation.inputs["net"]).astype(np.float64)
        logs = own["test"][0]
        expected = {"parameter_distance": [], "kl": [], "changed": []}
        for content, output in zip(others, outputs):
            other = output["test"][0]
            expected["parameter_distance"].append(np.linalg.norm(mine - parameters(content)))
            expected["kl"].append((np.exp(other) * (other - logs)).sum(axis=1).mean())
            expected["changed"].append((logs.argmax(axis=1) != other.argmax(axis=1)).mean())
        for name, values in expected.items():
            mean = np.mean(values) if values else math.nan
            require(evaluation.read(f"/metrics/comparison/{name}"), mean, 1e-3, f"{evaluation.path} {name}")


def rows(study, table):
    """The evaluations of a table: (label, axis values, artifact)."""
    result = []
    for key, content in table.inputs["rows"].items():
        label, _, point = key.partition("[")
        axes = dict(pair.split("=") for pair in point.rstrip("]").split(",") if pair)
        result.append((label, axes, study.by_content[content]))
    return result


def values(evaluations, all_rows, split, metric, over):
    """The values of a cell's evaluations; "in spreads" takes the root mean square of those at its point."""
    if metric in WHOLE:
        return [float(e.read("/metrics/" + WHOLE[metric])) for _, _, e in evaluations]
    name = {"gap": "loss_gap", "accuracy_gap": "accuracy_gap", "gap_spread": "loss_gap",
            "accuracy_gap_spread": "accuracy_gap"}.get(metric, metric)
    found = [float(e.read(f"/metrics/{split}/{name}")) for _, _, e in evaluations]
    if not metric.endswith("_spread"):
        return found

    def point(axes):
        return {axis: value for axis, value in axes.items() if axis != over}

    result = []
    for value, (_, axes, _) in zip(found, evaluations):
        spreads = [float(e.read(f"/metrics/{split}/{name.replace('gap', 'spread')}"))
                   for _, other, e in all_rows if point(other) == point(axes)]
        result.append(value / math.sqrt(np.mean(np.square(spreads))))
    return result


def check_pivot(study, table, document):
    over, columns = table.parameters["over"], document["column_axis"]
    everything = rows(study, table)

    def belongs(cell, label, axes):
        return axes.get(columns) == cell.get("column") and all(
            (label if axis == "scheme" else axes.get(axis, "")) == value
            for axis, value in cell["rows"].items())

    for cell in document["cells"]:
        here = [row for row in everything if belongs(cell, row[0], row[1])]
        here.sort(key=lambda row: int(row[1].get(over, 0)))
        expected = values(here, everything, cell["split"], cell["metric"], over)
        what = f"{document['title']}: {cell['figure']} of {cell['rows']} at {cell.get('column')}"
        if cell["count"] != len(expected):
            sys.exit(f"{what}: {cell['count']} values, expected {len(expected)}")
        for found, value in zip(cell["values"], expected):
            require(found, value if math.isfinite(value) else math.nan, 1e-12, what)
        if all(map(math.isfinite, expected)):
            require(cell["mean"], np.mean(expected), 1e-9, what + ": mean")
            if len(expected) > 1:
                deviation = np.std(expected, ddof=1)
                half = T975[len(expected) - 1] * deviation / math.sqrt(len(expected))
                require(cell["standard_deviation"], deviation, 1e-6, what + ": standard deviation")
                require(cell["confidence_half_width"], half, 1e-6, what + ": half-width")


def check_solves(study, table, document):
    """The small table of solves: of each label, the evaluations that a solve stands behind."""
    kinds = table.parameters.get("schemes", [])
    solved = {}
    for label, axes, evaluation in rows(study, table):
        if math.isfinite(evaluation.attrs["residual"]):
            name = " ".join(axes[kind] for kind in kinds if kind in axes) or label
            solved.setdefault(name, []).append(evaluation.attrs)
    records = document["appendices"][0]["records"] if solved else []
    if [record["solves_of"] for record in records] != sorted(solved):
        sys.exit(f"{document['title']}: the solves are not those of {sorted(solved)}")
    for record in records:
        facts = solved[record["solves_of"]]
        what = f"{document['title']}: solves of {record['solves_of']}"
        require(record["rows"], len(facts), 0, what + ": rows")
        require(record["residual"], max(f["residual"] for f in facts), 1e-12, what + ": residual")
        for name in ("iterations", "products"):
            require(record[name + "_least"], min(f[name] for f in facts), 0, f"{what}: {name}")
            require(record[name + "_most"], max(f[name] for f in facts), 0, f"{what}: {name}")
        for name, source in (("1st_order", "predicted_change"), ("2nd_order", "predicted_change_second_order"),
                             ("actual", "actual_change")):
            require(record[name], np.mean([f[source] for f in facts]), 1e-9, f"{what}: {name}")


def check_differences(study, table, document):
    own, reference = table.parameters["scheme"], table.parameters["reference"]
    split, columns, over = (table.parameters[name] for name in ("split", "columns", "over"))
    loss = {(label, axes[columns], axes[over]): float(e.read(f"/metrics/{split}/loss"))
            for label, axes, e in rows(study, table)}
    points = {key[1:] for key in loss}

    def difference(other, point):
        retrained = loss[(reference, *point)]
        return abs(loss[(own, *point)] - retrained) - abs(loss[(other, *point)] - retrained)

    adjusted = {}
    for record in document["records"]:
        at = record["at"]
        if at == "all":
            repeats = sorted({repeat for _, repeat in points})
            sample = [np.mean([difference(record["against"], p) for p in points if p[1] == r]) for r in repeats]
        else:
            sample = [difference(record["against"], p) for p in sorted(points) if p[0] == at]
        what = f"{document['title']}: against {record['against']} at {at}"
        mean, deviation = np.mean(sample), np.std(sample, ddof=1)
        error = deviation / math.sqrt(len(sample))
        half = T975[len(sample) - 1] * error
        require(record["pairs"], len(sample), 0, what + ": pairs")
        require(record["closer_in"], sum(d < 0 for d in sample), 0, what + ": closer in")
        require(record["mean_difference"], mean, 1e-9, what)
        require(record["mean_difference_lower"], mean - half, 1e-6, what + ": lower end")
        require(record["mean_difference_upper"], mean + half, 1e-6, what + ": upper end")
        # With one degree of freedom Student's t is Cauchy's law.
        if len(sample) == 2:
            p = 1 - 2 / math.pi * math.atan(abs(mean) / error)
            require(record["p"], p, 1e-6, what + ": p")
            adjusted.setdefault(at == "all", []).append((p, record["p_adjusted"], what))
    for family in adjusted.values():
        bound = 0
        for place, (p, found, what) in enumerate(sorted(family)):
            bound = max(bound, min(1, (len(family) - place) * p))
            require(found, bound, 1e-6, what + ": p adjusted")


def check_calibration(study, table, document):
    """The score of a setting: mean of |gap of the group's loss| + |gap of the retained loss| to retraining."""
    reference, settings, kinds = (table.parameters[name] for name in ("reference", "settings", "schemes"))
    everything = rows(study, table)

    def loss(evaluation, split):
        return float(evaluation.read(f"/metrics/{split}/loss"))

    def score(axes, evaluation):
        retrained = [e for label, other, e in everything
                     if label == reference and all(axes.get(axis, v) == v for axis, v in other.items())]
        return sum(abs(loss(evaluation, split) - np.mean([loss(e, split) for e in retrained]))
                   for split in ("group", "retained"))

    chosen = {}
    for record in document["records"]:
        setting = dict(part.split(" ") for part in record["setting"].split(", "))
        here = [(axes, e) for label, axes, e in everything if label != reference
                and (" ".join(axes[kind] for kind in kinds if kind in axes) or label) == record["scheme"]
                and all(axes.get(axis, "") == setting.get(axis, "") for axis in settings)]
        expected = np.mean([score(axes, e) for axes, e in here])
        what = f"{document['title']}: {record['scheme']} at {record['setting']}"
        require(record["groups"], len(here), 0, what + ": groups")
        require(record["score"], expected, 1e-9, what)
        failed = sum(not e.attrs["converged"] for _, e in here)
        require(record["not_converged"], failed, 0, what + ": not converged")
        chosen.setdefault(record["scheme"], []).append((failed > 0, expected, record["choice"] == "chosen"))
    for scheme, candidates in chosen.items():
        best = min(candidates)
        if not best[0] and ([c[2] for c in candidates].count(True) != 1 or not best[2]):
            sys.exit(f"{document['title']}: another setting of {scheme} is chosen than that of the least score")


def ranks(values):
    values = np.asarray(values)
    return np.array([np.mean(np.flatnonzero(np.sort(values) == value)) for value in values])


def check_correlation(study, table, document):
    everything = rows(study, table)
    for record in document["records"]:
        split = "group" if record["change_of_loss_on"] == "removed images" else "test"
        effects = [e for label, _, e in everything if label == record["groups_of_kind"]]
        predicted, actual = ([float(e.read(f"/effects/{split}/{name}")) for e in effects]
                             for name in ("predicted", "actual"))
        what = f"{document['title']}: {record['groups_of_kind']} on {split}"
        require(record["groups"], len(effects), 0, what + ": groups")
        require(record["slope"], np.polyfit(predicted, actual, 1)[0], 1e-6, what + ": slope")
        require(record["Pearson"], np.corrcoef(predicted, actual)[0, 1], 1e-9, what + ": Pearson")
        spearman = np.corrcoef(ranks(predicted), ranks(actual))[0, 1]
        require(record["Spearman"], spearman, 1e-9, what + ": Spearman")
        require(record["mean_predicted"], np.mean(predicted), 1e-9, what + ": mean predicted")
        require(record["mean_actual"], np.mean(actual), 1e-9, what + ": mean actual")


CHECKS = {
    "table": [check_pivot, check_solves], "differences": [check_differences, check_solves],
    "calibration": [check_calibration, check_solves], "correlation": [check_correlation, check_solves],
}


def main():
    study = Study(sys.argv[2:])
    evaluations = [e for e in study.of("evaluate") if study.by_content[e.inputs["net"]].attrs["net"] == "lenet"]
    for evaluation in evaluations:
        study.check(evaluation)
    with open(sys.argv[1]) as file:
        documents = json.load(file)
    # One table is a document of its own, several are by their nodes.
    documents = [documents] if "title" in documents else list(documents.values())
    tables = [table for stage in CHECKS for table in study.of(stage)]
    for document in documents:
        same = [table for table in tables if table.parameters["title"] == document["title"]]
        if len(same) != 1:
            sys.exit(f"{len(same)} artifacts are of the table '{document['title']}'")
        for check in CHECKS[same[0].stage]:
            check(study, same[0], document)
    print(f"{compared} figures of {len(evaluations)} evaluations and {len(documents)} tables")


main()
