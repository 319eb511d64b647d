"""The two methods of unlearn.py for a LeNet, in PyTorch.

usage: unlearn_torch.py ascent|scrub SEED      reads inputs/net, inputs/group, inputs/images; writes net.h5
"""
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPOCHS, BATCH = 2, 64
SETTINGS = {
    "ascent": {"rate": 0.01, "beta": 0.95},
    "scrub": {"rate": 0.01, "alpha": 0.5, "gamma": 1.0, "away": 0.1},
}


class LeNet(nn.Module):
    """The architecture `lenet`: pipeline stages train."""

    def __init__(self, channels, flat, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(flat, 120), nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


def batches(members):
    return members[torch.randperm(len(members))].split(BATCH)


def step(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def ascent(net, old, x, y, retained, group, rate, beta):
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    for kept in batches(retained):
        gone = group[torch.randperm(len(group))[:BATCH]]
        loss, forgotten = F.cross_entropy(net(x[kept]), y[kept]), F.cross_entropy(net(x[gone]), y[gone])
        step(optimiser, beta * loss - (1 - beta) * forgotten)


def scrub(net, old, x, y, retained, group, rate, alpha, gamma, away):
    def distance(members):
        return F.kl_div(F.log_softmax(net(x[members]), 1), old[members], reduction="batchmean")

    optimiser = torch.optim.SGD(net.parameters(), lr=away * rate)
    for gone in batches(group):
        step(optimiser, -distance(gone))
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    for kept in batches(retained):
        step(optimiser, alpha * distance(kept) + gamma * F.cross_entropy(net(x[kept]), y[kept]))


def main():
    method, seed = sys.argv[1], int(sys.argv[2])
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    with h5py.File("inputs/images") as file:
        pixels, labels = file["train/images"][...], file["train/labels"][...]
    with h5py.File("inputs/group") as file:
        group = torch.from_numpy(file["indices"][...])
    with h5py.File("inputs/net") as file:
        state = {name: torch.from_numpy(file["parameters"][name][...]) for name in file["parameters"]}
    x = torch.from_numpy(pixels)
    x = (x.view(len(x), -1, *x.shape[-2:]) / 255 - 0.1307) / 0.3081
    y = torch.from_numpy(labels.astype(np.int64))
    net = LeNet(x.shape[1], state["fc1.weight"].shape[1], len(state["fc3.bias"]))
    net.load_state_dict(state)
    retained = torch.from_numpy(np.setdiff1d(np.arange(len(x)), group))
    with torch.no_grad():
        old = torch.cat([F.softmax(net(part), 1) for part in x.split(1000)])
    for _ in range(EPOCHS):
        {"ascent": ascent, "scrub": scrub}[method](net, old, x, y, retained, group, **SETTINGS[method])
    with h5py.File("net.h5", "w") as file:
        for name, tensor in net.state_dict().items():
            file[f"parameters/{name}"] = tensor.numpy()


main()
