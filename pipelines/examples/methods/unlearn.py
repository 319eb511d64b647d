"""Two ways to remove a group from an mlp or a softmax net, in NumPy.

usage: unlearn.py ascent|scrub SEED      reads inputs/net, inputs/group, inputs/images; writes net.h5

ascent: gradient descent on β·(loss on the retained) − (1 − β)·(loss on the group), NegGrad+ of Kurmanji et al. 2023.
scrub: SCRUB of the same paper: away from the old net's outputs on the group, towards them and the labels elsewhere.
"""
import sys

import h5py
import numpy as np

EPOCHS, BATCH = 2, 64
SETTINGS = {
    "ascent": {"rate": 0.01, "beta": 0.95},
    "scrub": {"rate": 0.01, "alpha": 0.5, "gamma": 1.0, "away": 0.1},
}


class Net:
    """Linear layers with ReLU between them; the names are those of a PyTorch state_dict."""

    def __init__(self, tensors):
        self.names = sorted({name.rpartition(".")[0] for name in tensors}, key=lambda name: (len(name), name))
        self.layers = [
            [tensors[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias")] for name in self.names]

    def forward(self, x):
        """The outputs, and the input of each layer."""
        inputs = []
        for index, (weight, bias) in enumerate(self.layers):
            inputs.append(x)
            x = x @ weight.T + bias
            if index + 1 < len(self.layers):
                x = np.maximum(x, 0)
        return x, inputs

    def descend(self, inputs, slope, rate):
        """One step against a gradient, which is given by the outputs' slope [images, classes]."""
        for index in reversed(range(len(self.layers))):
            weight, bias = self.layers[index]
            below = (slope @ weight) * (inputs[index] > 0)
            weight -= rate * slope.T @ inputs[index]
            bias -= rate * slope.sum(axis=0)
            slope = below


def softmax(outputs):
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def batches(random, members):
    order = random.permutation(members)
    return [order[start:start + BATCH] for start in range(0, len(order), BATCH)]


def ascent(net, old, x, hot, retained, group, random, rate, beta):
    for kept in batches(random, retained):
        gone = random.choice(group, min(BATCH, len(group)), replace=False)
        both = np.concatenate([kept, gone])
        outputs, inputs = net.forward(x[both])
        share = np.where(np.arange(len(both)) < len(kept), beta / len(kept), (beta - 1) / len(gone))
        net.descend(inputs, (softmax(outputs) - hot[both]) * share[:, None], rate)


def scrub(net, old, x, hot, retained, group, random, rate, alpha, gamma, away):
    # The slope of KL(old ‖ new) by the outputs is new − old.
    for gone in batches(random, group):
        outputs, inputs = net.forward(x[gone])
        net.descend(inputs, -(softmax(outputs) - old[gone]) / len(gone), away * rate)
    for kept in batches(random, retained):
        outputs, inputs = net.forward(x[kept])
        new = softmax(outputs)
        net.descend(inputs, (alpha * (new - old[kept]) + gamma * (new - hot[kept])) / len(kept), rate)


def main():
    method, seed = sys.argv[1], int(sys.argv[2])
    with h5py.File("inputs/images") as file:
        pixels, labels = file["train/images"][...], file["train/labels"][...]
    with h5py.File("inputs/group") as file:
        group = file["indices"][...]
    with h5py.File("inputs/net") as file:
        tensors = {name: file["parameters"][name][...] for name in file["parameters"]}
    net = Net(tensors)
    x = (pixels.reshape(len(pixels), -1) / 255 - 0.1307) / 0.3081
    hot = np.eye(len(net.layers[-1][1]))[labels]
    old = softmax(net.forward(x)[0])
    retained = np.setdiff1d(np.arange(len(x)), group)
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        {"ascent": ascent, "scrub": scrub}[method](net, old, x, hot, retained, group, random, **SETTINGS[method])
    with h5py.File("net.h5", "w") as file:
        for name, layer in zip(net.names, net.layers):
            for part, tensor in zip(("weight", "bias"), layer):
                file[f"parameters/{name}.{part}"] = tensor.astype(np.float32)


main()
