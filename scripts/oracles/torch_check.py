"""Holds artifacts to PyTorch: loads them with h5py alone and computes their figures anew.

usage: torch_check.py net IMAGES.h5 NET.h5              the net's test accuracy in an equal PyTorch net
       torch_check.py influence IMAGES.h5 NET.h5 GROUP.h5 INFLUENCE.h5
                                                        the residual of (G + λ + damping) x = q (g + λθ)
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


def check_influence(images, net, group, artifact):
    model, decay = load_net(net)
    x, y = load_split(images, "train")
    theta = {name: p.detach() for name, p in model.named_parameters()}
    names, shapes = list(theta), [theta[name].shape for name in theta]

    def flat(tensors):
        return torch.cat([t.reshape(-1) for t in tensors])

    def tree(vector):
        parts = torch.split(vector, [int(np.prod(shape)) for shape in shapes])
        return {name: part.view(shape) for name, part, shape in zip(names, parts, shapes)}

    with h5py.File(artifact) as file:
        change = torch.tensor(file["influence"][...])
        gradient = torch.tensor(file["gradient"][...])
        hessian = torch.tensor(file["hessian_indices"][...])
        damping, residual = float(file.attrs["damping"]), float(file.attrs["residual"])
        scale = json.loads(file.attrs["parameters"])["scale"]
    with h5py.File(group) as file:
        removed = torch.tensor(file["indices"][...])

    loss = F.cross_entropy(model(x[removed]), y[removed])
    mean = flat(torch.autograd.grad(loss, list(model.parameters())))
    if scale == "mean":
        mean = mean + decay * flat(theta.values())
    good = verdict("gradient, relative difference", float((gradient - mean).norm() / mean.norm()), 0, 1e-4)

    def product(vector):
        total = torch.zeros_like(vector, dtype=torch.float64)
        for k in range(0, len(hessian), 500):
            rows = hessian[k : k + 500]
            call = lambda parameters: torch.func.functional_call(model, parameters, x[rows])
            logits, tangent = torch.func.jvp(call, (theta,), (tree(vector),))
            p = logits.softmax(1)
            weighted = p * tangent - p * (p * tangent).sum(1, keepdim=True)
            _, pull = torch.func.vjp(call, theta)
            (back,) = pull(weighted)
            total += flat([back[name] for name in names]).double()
        return total / len(hessian) + (decay + damping) * vector.double()

    n, m = len(x), len(removed)
    target = mean.double() * (m / (n - m) if scale == "mean" else m / n)
    again = float((target - product(change)).norm() / target.norm())
    return verdict("residual", residual, again, 1e-3) and good


checks = {"net": check_net, "evaluate": check_evaluate, "influence": check_influence}
sys.exit(0 if checks[sys.argv[1]](*sys.argv[2:]) else 1)
