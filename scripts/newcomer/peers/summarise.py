"""usage: summarise.py FOLDER OUTPUT      the mean over seeds of each figure, by model and data set"""
import csv
import json
import pathlib
import statistics
import sys

folder, output = map(pathlib.Path, sys.argv[1:])
groups = {}
for path in sorted(folder.glob("*/m.json")):
    model, data, _ = path.parent.name.split("-")
    for name, value in json.loads(path.read_text()).items():
        groups.setdefault((model, data, name), []).append(value)
with open(output, "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["model", "data", "metric", "n", "mean"])
    for (model, data, name), values in sorted(groups.items()):
        writer.writerow([model, data, name, len(values), statistics.fmean(values)])
