"""Paired comparisons, matched factors and shares of parts, computed from their inputs by numpy and scipy."""
import math
import sys

import numpy as np
from scipy import stats

from artifacts import WHOLE, require, rows, t975


class Differences:
    """The pairs and spreads of one figure of a `differences` artifact."""

    def __init__(self, table, everything, figure):
        parameters = table.parameters
        self.scheme, self.columns, self.over = (parameters[name] for name in ("scheme", "columns", "over"))
        self.references = [parameters["reference"], *parameters["again"]]
        self.control, self.untouched = parameters["control"], parameters["untouched"]
        self.factor = math.sqrt(1 + 1 / len(self.references))
        is_gap = parameters["endpoint"] == "step-length"
        path = f"{parameters['split']}/loss" if is_gap else WHOLE.get(figure, figure.replace(".", "/"))
        self.raw = [(label, axes, float(e.read(f"/metrics/{path}"))) for label, axes, e in everything]
        self.values = [(label, axes, abs(value - self.mean_of(self.references, axes)) if is_gap else value)
                       for label, axes, value in self.raw if label not in self.references]

    def mean_of(self, labels, axes):
        return np.mean([value for label, other, value in self.raw if label in labels
                        and all(axes.get(axis, v) == v for axis, v in other.items())])

    def setting(self, axes):
        return ", ".join(f"{axis} {axes[axis]}" for axis in sorted(axes) if axis not in (self.columns, self.over))

    def pairs(self, scheme, against, setting):
        """(column, repeat, own figure, the other's) of a scheme's rows at a setting."""
        return [(axes[self.columns], axes[self.over], value,
                 np.mean([v for name, other, v in self.values if name == against
                          and all(axes.get(axis, x) == x for axis, x in other.items())]))
                for label, axes, value in self.values
                if label == scheme and self.setting(axes) in ("", setting)]

    def unit(self, column):
        """A spread with its factor: within groups, pooled by degrees of freedom."""
        groups = {}
        for label, axes, value in self.raw:
            if label in [*self.references, self.control] and axes.get(self.columns, column) == column:
                groups.setdefault(str(sorted(axes.items())), []).append(value)
        groups = [np.array(group) for group in groups.values() if len(group) > 1]
        if not groups:
            return math.nan
        squares = sum(((group - group.mean()) ** 2).sum() for group in groups)
        return self.factor * math.sqrt(squares / sum(len(group) - 1 for group in groups))

    def sample(self, scheme, against, setting, at, pooling):
        here = self.pairs(scheme, against, setting)
        if at != "all":
            return [own - other for column, _, own, other in here if column == at]
        scaled = [(repeat, (own - other) / self.unit(column) if pooling == "spread" else math.log(own / other))
                  for column, repeat, own, other in here]
        return [np.mean([d for r, d in scaled if r == repeat]) for repeat in sorted({r for r, _ in scaled})]


def two_sided(sample):
    return stats.ttest_1samp(sample, 0).pvalue


def check_differences(study, table, document):
    everything, parameters = rows(study, table), table.parameters
    figures, families = {}, {}
    for record in document["records"]:
        figure = record["figure"]
        if figure not in figures:
            figures[figure] = Differences(table, everything, figure)
        data, at, setting = figures[figure], record["at"], record.get("setting") or ""
        sample = data.sample(data.scheme, record["against"], setting, at, parameters["pooling"])
        what = f"{document['title']}: {figure} against {record['against']} at {at}"
        mean, half = np.mean(sample), t975(len(sample) - 1) * np.std(sample, ddof=1) / math.sqrt(len(sample))
        require(record["pairs"], len(sample), 0, what + ": pairs")
        if parameters["endpoint"] == "figures":
            sign = 1 if parameters["better"] == "smaller" else -1
            require(record["better_in"], sum(sign * d < 0 for d in sample), 0, what + ": better in")
        else:
            require(record["closer_in"], sum(d < 0 for d in sample), 0, what + ": closer in")
        require(record["mean_difference"], mean, 1e-9, what)
        require(record["mean_difference_lower"], mean - half, 1e-6, what + ": lower end")
        require(record["mean_difference_upper"], mean + half, 1e-6, what + ": upper end")
        require(record["p"], two_sided(sample), 1e-6, what + ": p")
        ranked = [d for d in sample if d != 0]
        require(record["p_signed_rank"], stats.wilcoxon(ranked, method="exact").pvalue if ranked else 1, 1e-9,
                what + ": p signed rank")
        margin = parameters["margin"] * (1 if at == "all" else data.unit(at))
        if at == "all" and parameters["pooling"] != "spread":
            margin = math.nan
        if "margin" in record:
            require(record["margin"], margin, 1e-9, what + ": margin")
            tails = [stats.ttest_1samp(sample, end, alternative=side).pvalue
                     for end, side in ((-margin, "greater"), (margin, "less"))]
            require(record["p_equivalence"], max(tails), 1e-6, what + ": p equivalence")
        if data.untouched:
            controls = data.sample(data.untouched, data.control, setting, at, parameters["pooling"])
            require(record["control_p"], two_sided(controls), 1e-6, what + ": control p")
        kind = (at == "all", record["against"] in (data.untouched, data.control))
        families.setdefault(kind, []).append((two_sided(sample), record["p_adjusted"], what))
    for family in families.values():
        bound = 0
        for place, (p, found, what) in enumerate(sorted(family)):
            bound = max(bound, min(1, (len(family) - place) * p))
            require(found, bound, 1e-6, what + ": p adjusted")


def check_factors(study, table, document):
    """The factor of a row: where the mean curve, in logarithms, meets the mean of the retrained nets."""
    found = {(record["scheme"], record["setting"]): record for record in document["records"]}
    for label, axes, match in rows(study, table):
        curves = [study.by_content[content] for content in match.several("rows")]
        grid = curves[0].read("/factors")
        losses = np.mean([curve.read("/loss") for curve in curves], axis=0)
        target = np.mean([float(curve.read("/retrained")) for curve in curves])
        end = int(np.argmax(losses >= target))
        if end == 0:
            untouched = np.mean([float(curve.read("/untouched")) for curve in curves])
            expected = grid[0] * (target - untouched) / (losses[0] - untouched)
        else:
            expected = np.exp(np.interp(np.log(target), np.log(losses[end - 1:end + 1]), np.log(grid[end - 1:end + 1])))
        record = found[(label, ", ".join(f"{axis} {value}" for axis, value in axes.items()))]
        what = f"{document['title']}: {record['scheme']} at {record['setting']}"
        require(record["factor"], expected, 1e-9, what)
        require(record["groups"], len(curves), 0, what + ": groups")
        require(record["retrained_self_loss"], target, 1e-9, what + ": retrained")


def check_shares(study, table, document):
    """Shares of the steps' norms and of the losses at the net before removal, means over the repeats."""
    cells = {}
    for label, axes, net in rows(study, table):
        norms = np.linalg.norm(net.read("/steps/change").astype(float), axis=1)
        sizes = net.read("/steps/size")
        losses = np.where(sizes > 0, sizes * net.read("/steps/original_loss"), 0)
        setting = ", ".join(f"{axis} {value}" for axis, value in axes.items() if axis != table.parameters["over"])
        names = net.parameters["order"] if net.parameters["partition"] in ("group", "shuffled") else None
        for step in range(len(norms)):
            part = names[step] if names else f"step {step + 1}"
            cells.setdefault((label, setting, part), []).append(
                (norms[step] / norms.sum(), losses[step] / losses.sum(), sizes[step] / sizes.sum()))
    if len(cells) != len(document["records"]):
        sys.exit(f"{document['title']}: {len(document['records'])} rows, expected {len(cells)}")
    for record in document["records"]:
        expected = np.mean(cells[(record["scheme"], record["setting"], record["part"])], axis=0)
        for name, value in zip(("share_of_the_change", "share_of_the_loss", "share_of_images"), expected):
            require(record[name], value, 1e-9, f"{document['title']}: {record['part']}, {name}")
