"""Holds artifacts to PyTorch: loads them with h5py alone and computes their figures anew.

usage: torch_check.py net IMAGES.h5 NET.h5              the net's test accuracy in an equal PyTorch net
       torch_check.py influence IMAGES.h5 NET.h5 GROUP.h5 INFLUENCE.h5
                                                        residual, gradient and losses of any scheme of influence
       torch_check.py evaluate IMAGES.h5 NET.h5 GROUP.h5 EVALUATE.h5
                                                        the six splits
Needs h5py, numpy and torch. Exits 1 where a figure is off.
"""
import json
import pathlib
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).parent.parent / "golden"))
from nets import NETS, ResNet


def load_net(path):
    with h5py.File(path) as file:
        name, width = file.attrs["net"], int(file.attrs["width"])
        net = ResNet(width, 1) if name == "resnet18" else NETS[name]()
        state = {name: torch.tensor(file["parameters"][name][...]) for name in file["parameters"]}
        decay = float(file.attrs["weight_decay"])
    net.load_state_dict(state)
    return net.eval(), decay


def load_split(path, split):
    with h5py.File(path) as file:
        images = torch.tensor(file[f"{split}/images"][...], dtype=torch.float32).unsqueeze(1)
        labels = torch.tensor(file[f"{split}/labels"][...].astype(np.int64))
    return (images / 255 - 0.1307) / 0.3081, labels


@torch.no_grad()
def evaluate(net, images, labels):
    logits = torch.cat([net(images[k : k + 1000]) for k in range(0, len(images), 1000)])
    return F.cross_entropy(logits, labels, reduction="none").double(), (logits.argmax(1) == labels).double()


def verdict(name, ours, theirs, bound):
    good = abs(ours - theirs) <= bound
    print(f"{name}: ours {ours:.6g}, PyTorch {theirs:.6g}, bound {bound:g}: {'same' if good else 'DIFFERS'}")
    return good


def check_net(images, net):
    model, _ = load_net(net)
    _, right = evaluate(model, *load_split(images, "test"))
    print(f"test accuracy in PyTorch {100 * right.mean():.2f} %")
    return True


def check_evaluate(images, net, group, artifact):
    model, _ = load_net(net)
    train, test = (evaluate(model, *load_split(images, split)) for split in ("train", "test"))
    labels = load_split(images, "test")[1]
    with h5py.File(group) as file:
        inside = torch.zeros(len(train[0]), dtype=torch.bool)
        inside[torch.tensor(file["indices"][...])] = True
    with h5py.File(artifact) as file:
        label = json.loads(file.attrs["parameters"])["label"]
        label = -1 if label is None else label
        splits = {
            "group": (train, inside), "retained": (train, ~inside), "train": (train, inside | ~inside),
            "test": (test, labels >= 0), "test_label": (test, labels == label), "test_other": (test, labels != label)}
        good = True
        for name, ((loss, right), rows) in splits.items():
            if rows.any():
                good &= verdict(f"{name} loss", file[f"metrics/{name}/loss"][()], float(loss[rows].mean()), 1e-5)
                good &= verdict(
                    f"{name} accuracy", file[f"metrics/{name}/accuracy"][()], float(right[rows].mean()), 2e-4)
    return good


class Derivatives:
    """Gradients and curvature products of a net's mean cross-entropy over images, without regulariser."""

    def __init__(self, model, x, y, curvature):
        self.model, self.x, self.y, self.curvature = model, x, y, curvature
        self.theta = {name: p.detach() for name, p in model.named_parameters()}

    def flat(self, tensors):
        return torch.cat([t.reshape(-1) for t in tensors])

    def tree(self, vector):
        parts = torch.split(vector, [p.numel() for p in self.theta.values()])
        return {name: part.view(p.shape) for (name, p), part in zip(self.theta.items(), parts)}

    def batches(self, rows):
        return (rows[k : k + 500] for k in range(0, len(rows), 500))

    def gradient(self, rows):
        total = 0
        for part in self.batches(rows):
            loss = F.cross_entropy(self.model(self.x[part]), self.y[part], reduction="sum")
            total = total + self.flat(torch.autograd.grad(loss, list(self.model.parameters()))).double()
        return total / len(rows)

    def product(self, rows, vector):
        total = 0
        for part in self.batches(rows):
            x, y = self.x[part], self.y[part]
            call = lambda parameters: torch.func.functional_call(self.model, parameters, x)
            direction = (self.tree(vector.float()),)
            if self.curvature == "hessian":
                gradient = torch.func.grad(lambda p: F.cross_entropy(call(p), y, reduction="sum"))
                _, back = torch.func.jvp(gradient, (self.theta,), direction)
            else:
                logits, tangent = torch.func.jvp(call, (self.theta,), direction)
                p = logits.softmax(1)
                _, pull = torch.func.vjp(call, self.theta)
                (back,) = pull(p * tangent - p * (p * tangent).sum(1, keepdim=True))
            total = total + self.flat([back[name] for name in self.theta]).double()
        return total / len(rows)

    def loss(self, rows, change):
        moved = {name: p + d for (name, p), d in zip(self.theta.items(), self.tree(change).values())}
        with torch.no_grad():
            call = lambda part: torch.func.functional_call(self.model, moved, self.x[part])
            losses = [F.cross_entropy(call(part), self.y[part], reduction="none") for part in self.batches(rows)]
        return float(torch.cat(losses).double().mean())


class Solve:
    """A stored influence: what it says of itself, and the system H̃ Δ = b that it claims to solve."""

    def __init__(self, images, net, group, artifact):
        model, decay = load_net(net)
        x, y = load_split(images, "train")
        with h5py.File(artifact) as file:
            settings = json.loads(file.attrs["parameters"])
            self.stored = {name: torch.tensor(file[name][...]) for name in file if isinstance(file[name], h5py.Dataset)}
            self.losses = {
                (split, kind): float(file[f"loss_change/{split}/{kind}"][()])
                for split in ("group", "retained") for kind in ("first_order", "second_order", "actual")}
            self.damping, self.residual, self.norm, self.misfit = (
                float(file.attrs[name]) for name in ("damping", "residual", "gradient_norm", "misfit"))
        with h5py.File(group) as file:
            self.removed = torch.tensor(file["indices"][...])
        self.scheme, self.scale, self.gradient = settings["scheme"], settings["scale"], settings["gradient"]
        self.d = Derivatives(model, x, y, settings["curvature"])
        self.theta = self.d.flat(self.d.theta.values()).double()
        self.change, self.rows, self.own = (
            self.stored[name] for name in ("influence", "hessian_indices", "group_indices"))
        self.n, self.m, self.decay = len(x), len(self.removed), decay
        self.inside = torch.zeros(self.n, dtype=torch.bool)
        self.inside[self.removed] = True
        newton = self.scheme == "newton"
        self.lam = decay * self.n / (self.n - self.m) if newton and self.scale == "koh" else decay
        self.weight = self.m / (self.n - self.m) if self.scale == "mean" or newton else self.m / self.n

    def mean(self):
        """The group's mean gradient, with the regulariser's share in scale mean."""
        return self.d.gradient(self.removed) + (self.decay * self.theta if self.scale == "mean" else 0)

    def right(self, mean):
        """The right-hand side b."""
        if self.scheme == "newton" and self.gradient == "retained":
            return -(self.d.gradient(torch.arange(self.n)[~self.inside]) + self.lam * self.theta)
        return mean * self.weight

    def product(self, vector):
        return self.d.product(self.rows, vector) + (self.lam + self.damping) * vector.double()

    def relative(self, right, solution):
        return float((right - self.product(solution)).norm() / right.norm())


def second_order_residual(solve, b):
    first = solve.stored["first_order"]
    bend = solve.d.product(solve.own, first) * (solve.m / solve.n)
    if solve.scale == "mean":
        bend = (solve.d.product(solve.own, first) - solve.d.product(solve.rows, first)) * solve.weight
    return max(solve.relative(b, first), solve.relative(bend, solve.change.double() - first.double()))


def residual(solve, b):
    """The true residual by the scheme's own definition, and whether what else the scheme promises holds."""
    if solve.scheme == "second-order":
        return second_order_residual(solve, b), True
    if solve.scheme == "pif":
        first, chosen = solve.stored["first_order"], solve.stored["selected"]
        applied = torch.zeros_like(first)
        applied[chosen] = first[chosen]
        off = float((applied - solve.change).abs().max())
        return solve.relative(b, first), verdict("projected change, largest difference", off, 0, 0)
    if solve.scheme == "fif":
        chosen = solve.stored["selected"]
        return float((b - solve.product(solve.change))[chosen].norm() / b[chosen].norm()), True
    if solve.scheme == "gif":
        chosen = solve.stored["selected"]
        rest = b - solve.product(solve.change)
        again = float(solve.product(rest)[chosen].norm() / solve.product(b)[chosen].norm())
        return again, verdict("misfit", solve.misfit, float(rest.norm() / b.norm()), 1e-3)
    return solve.relative(b, solve.change), True


def check_losses(solve):
    """Predicted and actual changes of loss, on the group and on retained curvature images."""
    good, change = True, solve.change
    still = torch.zeros_like(change)
    for split, part in ("group", solve.own), ("retained", solve.rows[~solve.inside[solve.rows]]):
        slope = float(solve.d.gradient(part) @ change.double())
        bend = float(solve.d.product(part, change) @ change.double()) / 2
        actual = solve.d.loss(part, change) - solve.d.loss(part, still)
        for kind, theirs in ("first_order", slope), ("second_order", slope + bend), ("actual", actual):
            ours = solve.losses[split, kind]
            good &= verdict(f"{split} loss, {kind}", ours, theirs, 1e-3 * abs(theirs) + 1e-6)
    return good


def check_influence(images, net, group, artifact):
    solve = Solve(images, net, group, artifact)
    mean = solve.mean()
    off = float((solve.stored["gradient"] - mean).norm() / mean.norm())
    good = verdict("gradient, relative difference", off, 0, 1e-4)
    everything = float((solve.d.gradient(torch.arange(solve.n)) + solve.decay * solve.theta).norm())
    good &= verdict("gradient norm", solve.norm, everything, 1e-4 * everything)
    again, kept = residual(solve, solve.right(mean))
    good &= kept
    good &= verdict(f"{solve.scheme}: residual", solve.residual, again, 1e-3)
    return good & check_losses(solve)


if __name__ == "__main__":
    checks = {"net": check_net, "evaluate": check_evaluate, "influence": check_influence}
    sys.exit(0 if checks[sys.argv[1]](*sys.argv[2:]) else 1)
