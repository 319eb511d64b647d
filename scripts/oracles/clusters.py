#!/usr/bin/env python3
"""Holds the inertia of our k-means against scikit-learn's best of 10 starts.

    python3 scripts/oracles/clusters.py PIPELINE [CLUSTER.h5 FEATURES.h5] ...

needs numpy, h5py and scikit-learn. PIPELINE is the executable. Clusters scikit-learn's 1,797 digits of 8 × 8 pixels,
written as images of 28 × 28, and reads the given artifacts of k-means with their features; prints both inertias and
exits 1 where the greatest of ours is more than 0.1 % above the least of theirs.
"""

import itertools
import pathlib
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

PIPELINE = """
axes:
  k: [3, 10, 20, 50]
  seed: [1, 2, 3]
stages:
  images: {{stage: load-images, parameters: {{folder: "{folder}/data"}}}}
  features: {{inputs: {{images: images}}, parameters: {{extractor: pixels}}}}
  cluster:
    for: [k, seed]
    inputs: {{features: features}}
    parameters: {{method: k-means, clusters: "${{k}}", seed: "${{seed}}"}}
"""


def write_idx(path, array):
    with open(path, "wb") as file:
        file.write(struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape))
        file.write(np.ascontiguousarray(array, np.uint8).tobytes())


def theirs(x, k):
    return [KMeans(k, n_init=10, random_state=seed, tol=0, max_iter=1000).fit(x).inertia_ for seed in (1, 2, 3)]


def ours_of_digits(executable, folder):
    digits = load_digits()
    data = pathlib.Path(folder) / "data"
    data.mkdir()
    images = np.zeros((len(digits.images), 28, 28), np.uint8)
    images[:, :8, :8] = digits.images * 15
    for split in ("train", "t10k"):
        write_idx(data / f"{split}-images-idx3-ubyte", images)
        write_idx(data / f"{split}-labels-idx1-ubyte", digits.target)
    path = pathlib.Path(folder) / "digits.yaml"
    path.write_text(PIPELINE.format(folder=folder))
    command = ["--cache", folder + "/cache"]
    subprocess.run([executable, "run", str(path), *command], check=True, stderr=subprocess.DEVNULL)
    x = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    for k in (3, 10, 20, 50):
        inertias = []
        for seed in (1, 2, 3):
            artifact = subprocess.run([executable, "path", str(path), f"cluster[k={k},seed={seed}]", *command],
                                      check=True, capture_output=True, text=True).stdout.strip()
            with h5py.File(artifact) as file:
                inertias.append(float(file["inertia"][()]))
                assignment = file["assignment"][...]
            again = sum(((x[assignment == c] - x[assignment == c].mean(0, dtype=np.float64)) ** 2).sum()
                        for c in range(k))
            assert abs(again - inertias[-1]) < 1e-6 * again, "the inertia is not that of the assignment"
        yield f"digits, k = {k}", inertias, theirs(x.astype(np.float64), k)


def ours_of_artifacts(paths):
    for path, features in zip(paths[::2], paths[1::2]):
        with h5py.File(path) as file, h5py.File(features) as source:
            k, inertia, x = len(file["fractions"]), float(file["inertia"][()]), source["features"][...].astype(np.float64)
            if file.attrs["metric"] in ("cosine", b"cosine"):
                x /= np.linalg.norm(x, axis=1, keepdims=True)
        yield f"{len(x):,} × {x.shape[1]}, k = {k}", [inertia], theirs(x, k)


def main():
    executable, failed = str(pathlib.Path(sys.argv[1]).resolve()), False
    print("| data | ours, seeds 1 to 3 | scikit-learn, best of 10, three seeds | worst of ours by their least |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, ours, peers in itertools.chain(ours_of_digits(executable, folder), ours_of_artifacts(sys.argv[2:])):
            excess = max(ours) / min(peers) - 1
            failed |= excess > 1e-3
            print(f"| {name} | {', '.join(f'{x:.4f}' for x in ours)} | {', '.join(f'{x:.4f}' for x in peers)} "
                  f"| {100 * excess:+.3f} % |")
    return failed


sys.exit(1 if main() else 0)
