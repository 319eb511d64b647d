"""The figures of evaluations, computed from the nets by numpy: a second program for the stage `evaluate`."""
import math

import h5py
import numpy as np

from artifacts import Artifact, require, require_between

SPLITS = ["group", "retained", "train", "test", "test_label", "test_other"]


def convolve(x, weight, bias, padding):
    """[c, n, h, w] by [o, c, i, j] to [o, n, h', w']: the windows as columns of a matrix."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    outputs, channels, high, wide = weight.shape
    height, width = x.shape[2] - high + 1, x.shape[3] - wide + 1
    windows = np.empty((channels, high, wide, x.shape[1], height, width), x.dtype)
    for row in range(high):
        for column in range(wide):
            windows[:, row, column] = x[:, :, row:row + height, column:column + width]
    result = weight.reshape(outputs, -1) @ windows.reshape(channels * high * wide, -1) + bias[:, None]
    return result.reshape(outputs, -1, height, width)


def pool(x):
    rows = np.maximum(x[:, :, ::2], x[:, :, 1::2])
    return np.maximum(rows[..., ::2], rows[..., 1::2])


def log_probabilities(net, images):
    """Of LeNet-5 with ReLU and max-pooling, on bytes [n, 28, 28], normalised as MNIST is."""
    names = ["conv1", "conv2", "fc1", "fc2", "fc3"]
    p = {name: [net.read(f"/parameters/{name}.{kind}") for kind in ("weight", "bias")] for name in names}
    parts = []
    for start in range(0, len(images), 250):
        x = ((images[start:start + 250] / 255 - 0.1307) / 0.3081).astype(np.float32)[None]
        x = pool(np.maximum(convolve(x, *p["conv1"], padding=2), 0))
        x = pool(np.maximum(convolve(x, *p["conv2"], padding=0), 0))
        x = x.transpose(1, 0, 2, 3).reshape(x.shape[1], -1)
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
                losses, right = -logs[indices, truth[indices]], logs[indices].argmax(axis=1) == truth[indices]
                result[split] = {
                    "loss": losses.mean() if len(indices) else math.nan,
                    "accuracy": right.mean() if len(indices) else math.nan}
            return result

        references = evaluation.several("reference")
        others = [other for other in references if other != net]
        mine = figures(own)
        known = [figures(self.output(other, images)) for other in references]
        against = [figures(self.output(other, images)) for other in others]
        for split in SPLITS:
            count = max(1, len(members[split][1]))
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
        # Two losses that are equal up to the rounding of float32 may stand in either order.
        gap, doubt = outside - inside[:, None], 2e-5 * np.maximum(outside, inside[:, None])
        least, most = np.mean(gap > doubt), np.mean(gap >= -doubt)
        found = evaluation.read("/metrics/forgetting/membership_auc")
        require_between(found, least, most, f"{evaluation.path} AUC")
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
