"""usage: fit.py MODEL DATA SEED [RIDGE]      writes m.json: errors on a quarter of the rows that the seed chooses"""
import csv
import json
import math
import random
import sys

from models import MODELS


def errors(model, path, seed, *options):
    with open(path) as file:
        rows = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
    random.Random(seed).shuffle(rows)
    test, train = rows[: len(rows) // 4], rows[len(rows) // 4:]
    predict = MODELS[model](train, *options)
    misses = [predict(x) - y for x, y in test]
    return {"rmse": math.sqrt(sum(m * m for m in misses) / len(misses)), "mae": sum(map(abs, misses)) / len(misses)}


if __name__ == "__main__":
    model, path, seed, *options = sys.argv[1:]
    with open("m.json", "w") as file:
        json.dump(errors(model, path, int(seed), *map(float, options)), file)
