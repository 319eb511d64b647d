"""The figures of tables, computed from the evaluations: a second program for what tables show."""
import math
import sys

import numpy as np

from artifacts import require

# Student's t at 97.5 %, by degrees of freedom.
T975 = {1: 12.706204736174698, 2: 4.302652729696142, 3: 3.182446305284263, 4: 2.7764451051977987}
WHOLE = {
    "distance": "comparison/parameter_distance", "kl": "comparison/kl", "changed": "comparison/changed",
    "mia_auc": "forgetting/membership_auc", "f1": "forgetting/f1", "relearning": "forgetting/relearning_steps",
}


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
    everything = [(label, axes, float(e.read(f"/metrics/{split}/loss"))) for label, axes, e in rows(study, table)]

    def partners(label, axes):
        return [(other, loss) for name, other, loss in everything
                if name == label and all(axes.get(axis, value) == value for axis, value in other.items())]

    def gap(axes, loss):
        return abs(loss - np.mean([retrained for _, retrained in partners(reference, axes)]))

    def setting(axes):
        return ", ".join(f"{axis} {axes[axis]}" for axis in sorted(axes) if axis not in (columns, over))

    def differences(record):
        """(column, repeat, difference) of the scheme's rows at the record's setting."""
        return [(axes[columns], axes[over],
                 gap(axes, loss) - np.mean([gap(*other) for other in partners(record["against"], axes)]))
                for label, axes, loss in everything
                if label == own and setting(axes) == (record.get("setting") or "")]

    adjusted = {}
    for record in document["records"]:
        at, here = record["at"], differences(record)
        if at == "all":
            repeats = sorted({repeat for _, repeat, _ in here})
            sample = [np.mean([d for _, r, d in here if r == repeat]) for repeat in repeats]
        else:
            sample = [d for column, _, d in here if column == at]
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
