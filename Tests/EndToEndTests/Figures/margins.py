"""Margins, attacks and datamodeling scores, computed from the nets by numpy: a second program for their stages."""
import math
import sys

import numpy as np

from artifacts import require, t975


def check_margins(study, margins):
    """ln p - ln(1 - p) of the label, in double precision from the log-probabilities of another forward pass."""
    split, label = margins.parameters["split"], margins.parameters["label"]
    logs, labels = study.output(margins.inputs["net"], margins.inputs["images"])[split]
    indices = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    if list(margins.read("/indices")) != list(indices):
        sys.exit(f"{margins.path}: other images than those asked for")
    rows = logs[indices]
    own = rows[np.arange(len(rows)), labels[indices]]
    others = rows.copy()
    others[np.arange(len(rows)), labels[indices]] = -np.inf
    expected = own - np.log(np.exp(others).sum(axis=1))
    # A margin of float32 features: errors are of the logits' size, not of the margin's.
    scale = np.abs(expected).max()
    require(np.abs(margins.read("/margins") - expected).max() / scale, 0, 1e-1, f"{margins.path} margins")
    group = margins.inputs.get("group")
    removed = study.by_content[group].read("/indices") if group else []
    if list(np.isin(indices, removed)) != list(margins.read("/removed").astype(bool)):
        sys.exit(f"{margins.path}: other images are marked than those of the group")


def log_density(x, mean, deviation):
    return -math.log(deviation) - ((x - mean) / deviation) ** 2 / 2


def check_attack(study, attack):
    """Each image's log ratio of two normal densities, fitted to the nets of the other groups; the rates by sorting."""
    target, control = (study.by_content[attack.inputs[slot]] for slot in ("target", "control"))
    removed = target.read("/removed").astype(bool)
    kinds = {}
    for slot in ("unlearned", "retrained"):
        nets = [study.by_content[content] for content in attack.several(slot)]
        nets = [n for n in nets if list(n.read("/removed").astype(bool)) != list(removed)]
        nets = [(n.read("/margins"), n.read("/removed").astype(bool)) for n in nets]
        known = [[margins[i] for margins, without in nets if without[i]] for i in range(len(removed))]
        squares = sum(((np.array(k) - np.mean(k)) ** 2).sum() for k in known if len(k) > 1)
        pooled = math.sqrt(squares / sum(len(k) - 1 for k in known if len(k) > 1))
        kinds[slot] = known, pooled
    least = attack.parameters["least"]
    images = [i for i in np.flatnonzero(removed) if min(len(known[i]) for known, _ in kinds.values()) >= least]
    scores = []
    for net in (target, control):
        margins = net.read("/margins")
        own = []
        for i in images:
            pair = []
            for known, pooled in kinds.values():
                own_deviation = attack.parameters["deviation"] == "image"
                deviation = np.std(known[i], ddof=1) if own_deviation else pooled
                pair.append(log_density(margins[i], np.mean(known[i]), deviation))
            own.append(pair[0] - pair[1])
        scores.append(np.array(own))
    for name, expected in zip(("unlearned", "retrained"), scores):
        for found, value in zip(attack.read(f"/scores/{name}"), expected, strict=True):
            require(found, value, 1e-8, f"{attack.path} score {name}")
    positives, negatives = scores
    area = np.mean((positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives))
    require(attack.read("/metrics/auc"), area, 1e-12, f"{attack.path} AUC")
    for name, rate in (("1", 0.01), ("5", 0.05)):
        threshold = np.sort(negatives)[::-1][int(rate * len(negatives) + 1e-9)]
        require(attack.read(f"/metrics/tpr_at_{name}_percent"), np.mean(positives > threshold), 1e-12,
                f"{attack.path} rate at {name} %")
    require(attack.read("/metrics/images"), len(images), 0, f"{attack.path} images")


def middle_ranks(x):
    """By image, the middle ranks over the groups (axis 0)."""
    less = (x[None] < x[:, None]).sum(axis=1)
    return less + ((x[None] == x[:, None]).sum(axis=1) + 1) / 2


def score_of(predicted, actual):
    a, b = (middle_ranks(x) - (len(x) + 1) / 2 for x in (predicted, actual))
    size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.mean((a * b).sum(axis=0)[size > 0] / size[size > 0])


def check_datamodeling(study, score):
    """The mean over the images of Spearman's rho over the groups, of changes of loss or margin."""
    def measure(content):
        margins = study.by_content[content].read("/margins")
        return margins if score.parameters["measure"] == "margin" else np.logaddexp(0, -margins)

    before = measure(score.inputs["before"])

    def nets(slot):
        """By axis values: the changes of each net."""
        result = {}
        for key, content in score.inputs[slot].items():
            result.setdefault(key.partition("[")[2], []).append((key, measure(content) - before))
        return result

    predicted, actual = nets("predicted"), nets("actual")
    points = list(predicted)
    p = np.array([predicted[point][0][1] for point in points])
    a = np.array([np.mean([change for _, change in actual[point]], axis=0) for point in points])
    require(score.read("/metrics/lds"), score_of(p, a), 1e-9, f"{score.path} LDS")
    require(score.read("/metrics/groups"), len(points), 0, f"{score.path} groups")
    left = np.array([score_of(np.delete(p, i, 0), np.delete(a, i, 0)) for i in range(len(points))])
    n = len(points)
    error = math.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    t = t975(n - 1)
    center = score_of(p, a)
    require(score.read("/metrics/lds_lower"), max(-1, center - t * error), 1e-7, f"{score.path} lower end")
    require(score.read("/metrics/lds_upper"), min(1, center + t * error), 1e-7, f"{score.path} upper end")


CHECKS = {"margins": check_margins, "attack": check_attack, "datamodeling": check_datamodeling}
