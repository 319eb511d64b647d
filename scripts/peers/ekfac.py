"""Peer: EK-FAC influences by kronfluence on the same net, groups and test images as the pipeline `datamodeling`.

usage: ekfac.py [--queries N] [--damping D] [--pipeline PROGRAM] [--set KEY=VALUE…]
Needs torch, kronfluence, h5py, numpy and scipy, and `pipeline run datamodeling` with the same words brought up to date.
Prints for each size the linear datamodeling score over the first N test images: that of each scheme of ours, of EK-FAC's
sum over the group's images, and of one retrained net as a prediction of the others.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import h5py
import numpy as np
import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore", category=FutureWarning)  # Of kronfluence's calls of PyTorch.

from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from scipy.stats import spearmanr

sys.path.append(str(pathlib.Path(__file__).parent.parent / "oracles"))
from torch_check import load_net, load_split

NAME = "datamodeling"


class Classification(Task):
    """Cross-entropy, as the nets were trained, and as what is measured at a test image."""

    def compute_train_loss(self, batch, model, sample=False):
        logits = model(batch[0])
        if not sample:
            return F.cross_entropy(logits, batch[1], reduction="sum")
        with torch.no_grad():
            drawn = torch.multinomial(torch.softmax(logits.detach(), dim=-1), 1).flatten()
        return F.cross_entropy(logits, drawn, reduction="sum")

    def compute_measurement(self, batch, model):
        return F.cross_entropy(model(batch[0]), batch[1], reduction="sum")


def score(predicted, actual):
    """The mean over images of Spearman's rho over groups."""
    values = [spearmanr(predicted[:, i], actual[:, i]).statistic for i in range(predicted.shape[1])]
    return np.nanmean(values)


def pairwise(net, train, test, damping):
    """[queries, images]: the change of a query's loss when an image is removed, up to a factor."""
    with tempfile.TemporaryDirectory() as folder:
        task = Classification()
        analyzer = Analyzer("lds", prepare_model(net, task), task, cpu=True, output_dir=folder, disable_tqdm=True)
        data, queries = (torch.utils.data.TensorDataset(*split) for split in (train, test))
        analyzer.fit_all_factors("ekfac", data, per_device_batch_size=1000,
                                 factor_args=FactorArguments(strategy="ekfac"))
        analyzer.compute_pairwise_scores(
            "scores", "ekfac", queries, data, per_device_query_batch_size=500, per_device_train_batch_size=1000,
            score_args=ScoreArguments(damping_factor=damping))
        return analyzer.load_pairwise_scores("scores")["all_modules"].numpy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--damping", type=float, default=None, help="default: kronfluence's, .1 of the mean eigenvalue")
    parser.add_argument("--pipeline", default=".build/release/pipeline")
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    words = [word for setting in options.set for word in ("--set", setting)]

    def path(node):
        return subprocess.run([options.pipeline, "path", NAME, node, *words], check=True, text=True,
                              capture_output=True).stdout.strip()

    def read(node, name):
        with h5py.File(path(node)) as file:
            return file[name][...]

    with h5py.File(path("table")) as file:
        rows = json.loads(file.attrs["inputs"])["rows"]
    sizes = sorted({int(key.partition("size=")[2].rstrip("]")) for key in rows})
    schemes = sorted({key.partition("[")[0] for key in rows})
    net, _ = load_net(path("base"))
    train, test = (load_split(path("images"), split) for split in ("train", "test"))
    test = tuple(part[: options.queries] for part in test)
    influence = pairwise(net, train, test, options.damping)

    def loss(node):
        return np.logaddexp(0, -read(node, "/margins"))[: options.queries]

    before = loss("before")
    for size in sizes:
        with h5py.File(path(f"score[{schemes[0]},size={size}]")) as file:
            repeats = int(file["metrics/groups"][()])
        points = [f"size={size},repeat={r}" for r in range(repeats)]
        seeds = np.array([[loss(f"actual[{seed},{point}]") - before for point in points]
                          for seed in ("retrain", "retrain-again", "retrain-third")])
        actual = seeds.mean(axis=0)
        groups = [read(f"group[{point}]", "/indices") for point in points]
        ekfac = np.array([influence[:, group].sum(axis=1) for group in groups])
        print(f"size {size}, {repeats} groups, {options.queries} test images")
        for scheme in schemes:
            ours = np.array([loss(f"predicted[{scheme},{point}]") - before for point in points])
            print(f"  {scheme}: {score(ours, actual):.3f}")
        print(f"  EK-FAC: {score(ekfac, actual):.3f}")
        print(f"  one seed for the others: {score(seeds[0], seeds[1:].mean(axis=0)):.3f}")


main()
