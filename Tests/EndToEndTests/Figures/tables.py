"""The figures of tables, computed from the evaluations: a second program for what tables show."""
import math
import sys

import numpy as np

from artifacts import WHOLE, require, rows, t975
from comparisons import check_differences, check_factors, check_shares

def values(evaluations, all_rows, split, metric, over):
    """The values of a cell's evaluations; "in spreads" takes the root mean square of those at its point."""
    if metric in WHOLE:
        return [float(e.read("/metrics/" + WHOLE[metric])) for _, _, e in evaluations]
    if split == "own":
        return [float(e.read("/metrics/" + metric)) for _, _, e in evaluations]
    name = {"gap": "loss_gap", "accuracy_gap": "accuracy_gap", "gap_spread": "loss_gap",
            "accuracy_gap_spread": "accuracy_gap"}.get(metric, metric)
    found = [float(e.read(f"/metrics/{split}/{name}")) for _, _, e in evaluations]
    if not metric.endswith("_spread"):
        return found

    def point(axes):
        return {axis: value for axis, value in axes.items() if axis != over}

    result = []
    for value, (_, axes, own) in zip(found, evaluations):
        spreads = [float(e.read(f"/metrics/{split}/{name.replace('gap', 'spread')}"))
                   for _, other, e in all_rows if point(other) == point(axes)]
        # A net like k retrained ones differs from their mean by √(1 + 1/k) spreads.
        result.append(value / math.sqrt(np.mean(np.square(spreads))) / math.sqrt(1 + 1 / own.attrs["references"]))
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
                half = t975(len(expected) - 1) * deviation / math.sqrt(len(expected))
                require(cell["standard_deviation"], deviation, 1e-6, what + ": standard deviation")
                require(cell["confidence_half_width"], half, 1e-6, what + ": half-width")


def check_solves(study, table, document):
    """The small table of solves: of each label, the evaluations that a solve stands behind."""
    kinds = table.parameters.get("schemes", [])
    solved = {}
    for label, axes, evaluation in rows(study, table):
        # Figures of other stages than evaluations have no solve of their own.
        if math.isfinite(evaluation.attrs.get("residual", math.nan)):
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
            # A column without a figure is left out.
            require(record.get(name), np.mean([f[source] for f in facts]), 1e-9, f"{what}: {name}")


def check_calibration(study, table, document):
    """The score of a setting: mean over groups of the sum over the splits of |gap of the loss| to retraining."""
    parameters = table.parameters
    settings, kinds, control = (parameters[name] for name in ("settings", "schemes", "control"))
    references = [parameters["reference"], *parameters["again"]]
    everything = rows(study, table)

    def loss(evaluation, split):
        return float(evaluation.read(f"/metrics/{split}/loss"))

    def score(axes, evaluation):
        retrained = [e for label, other, e in everything
                     if label in references and all(axes.get(axis, v) == v for axis, v in other.items())]
        return sum(abs(loss(evaluation, split) - np.mean([loss(e, split) for e in retrained]))
                   for split in parameters["splits"])

    def is_held(axes):
        return axes.get(parameters["held_axis"]) in parameters["held"]

    chosen = {}
    for record in document["records"]:
        setting = dict(part.split(" ") for part in record["setting"].split(", "))
        here = [(axes, e) for label, axes, e in everything if label not in references and label != control
                and (" ".join(axes[kind] for kind in kinds if kind in axes) or label) == record["scheme"]
                and all(axes.get(axis, "") == setting.get(axis, "") for axis in settings)]
        own = [score(axes, e) for axes, e in here if not is_held(axes)]
        expected = np.mean(own)
        what = f"{document['title']}: {record['scheme']} at {record['setting']}"
        require(record["groups"], len(own), 0, what + ": groups")
        require(record["score"], expected, 1e-9, what)
        if parameters["held"]:
            held = np.mean([score(axes, e) for axes, e in here if is_held(axes)])
            require(record["held_out"], held, 1e-9, what + ": held out")
        failed = sum(not e.attrs["converged"] for _, e in here)
        require(record["not_converged"], failed, 0, what + ": not converged")
        chosen.setdefault(record["scheme"], []).append((failed > 0, expected, record["choice"] == "chosen"))
    for scheme, candidates in chosen.items():
        best = min(candidates)
        if not best[0] and ([c[2] for c in candidates].count(True) != 1 or not best[2]):
            sys.exit(f"{document['title']}: another setting of {scheme} is chosen than that of the least score")


def check_agreement(study, table, document):
    """The share of the images that two clusterings give the same number."""
    clusterings = [study.by_content[content] for content in table.several("clusters")]
    clusterings = [dict(zip(c.read("/indices"), c.read("/assignment"))) for c in clusterings]
    expected = []
    for first, a in enumerate(clusterings):
        for b in clusterings[first + 1:]:
            common = a.keys() & b.keys()
            expected.append(np.mean([a[image] == b[image] for image in common]))
    for record, value in zip(document["records"], expected, strict=True):
        require(record["same_part"], value, 1e-12, f"{document['title']}: {record['clustering']}, {record['and']}")


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
    "agreement": [check_agreement], "factors": [check_factors], "part-shares": [check_shares],
}
