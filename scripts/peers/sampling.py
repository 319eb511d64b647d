"""Peer: solver sampled-cg in PyTorch, with other ways to draw the sample, on the system of an influence artifact.

usage: sampling.py IMAGES.h5 NET.h5 INFLUENCE.h5 [--share S] [--power P] [--inner T] [--largest] [--refine]
Needs torch, h5py and numpy; the artifacts are those of `images`, `base` and `influence` (first order, curvature
gauss-newton) of one pipeline. Prints the trace's share of the images with the largest, then, after each iteration over all
curvature images, the true relative residual and the products so far, those over the sample counted by its share.
"""
import argparse
import json
import pathlib
import sys

import h5py
import numpy as np
import torch
from torch.func import functional_call, jvp, vjp

sys.path.append(str(pathlib.Path(__file__).parent.parent / "oracles"))
from torch_check import load_net, load_split


class System:
    """The damped Gauss-Newton matrix of a net over some images."""

    def __init__(self, net, images, shift):
        self.net, self.images, self.shift = net, images, shift
        self.parameters = {name: value.clone() for name, value in net.state_dict().items()}

    def product(self, v, places, weights):
        """The mean over all images of the weighted curvature of those at some places, times v, without the shift."""
        sizes = [p.numel() for p in self.parameters.values()]
        direction = {k: part.reshape(p.shape) for (k, p), part in zip(self.parameters.items(), v.float().split(sizes))}
        total = torch.zeros(sum(sizes), dtype=torch.float64)
        for chunk, weight in zip(places.split(500), weights.split(500)):
            logits, change = jvp(
                lambda p: functional_call(self.net, p, (self.images[chunk],)), (self.parameters,), (direction,))
            p = logits.softmax(1)
            bent = (p * change - p * (p * change).sum(1, keepdim=True)) * weight[:, None].float()
            _, back = vjp(lambda p: functional_call(self.net, p, (self.images[chunk],)), self.parameters)
            gradient = back(bent)[0]
            total += torch.cat([gradient[name].flatten() for name in self.parameters]).double()
        return total / len(self.images)

    def solve(self, rhs, tolerance, places, weights):
        """Conjugate gradients; the solution and the number of products."""
        x, r = torch.zeros_like(rhs), rhs.clone()
        d, made = r.clone(), 0
        while r.norm() > tolerance * rhs.norm():
            q = self.product(d, places, weights) + self.shift * d
            step = (r @ r) / (d @ q)
            last = r @ r
            x, r, made = x + step * d, r - step * q, made + 1
            d = r + (r @ r) / last * d
        return x, made


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs=3)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--power", type=float, default=1)
    parser.add_argument("--inner", type=float, default=0.3)
    parser.add_argument("--largest", action="store_true", help="those with the largest traces, without weights")
    parser.add_argument("--refine", action="store_true", help="add each solution as it is, without conjugation")
    options = parser.parse_args()
    images, net_path, influence = options.files
    net, decay = load_net(net_path)
    with h5py.File(influence) as file:
        chosen = torch.tensor(file["hessian_indices"][...])
        rhs = torch.tensor(file["gradient"][...]).double()
        damping = json.loads(file.attrs["parameters"])["damping"]
    system = System(net, load_split(images, "train")[0][chosen], damping + decay)
    n = len(chosen)
    with torch.no_grad():
        p = torch.cat([net(part) for part in system.images.split(1000)]).softmax(1).double()
        trace = (1 - (p * p).sum(1)).clamp(min=0)
        share = trace.sort(descending=True).values.cumsum(0) / trace.sum()
        print("share of the traces:", ", ".join(f"{k} images {share[k - 1]:.3f}" for k in (n // 40, n // 10, n // 5)))
        size, score = round(options.share * n), trace**options.power
        low, high = 0.0, float(1 / score[score > 0].min())
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if (middle * score).clamp(max=1).sum() < size else (low, middle)
        chance = (high * score).clamp(max=1)
        drawn = torch.tensor(np.random.default_rng(1).random(n)) < chance
        places = trace.argsort(descending=True)[:size] if options.largest else drawn.nonzero().flatten()
        weights = torch.ones(size).double() if options.largest else 1 / chance[drawn]
        every, ones = torch.arange(n), torch.ones(n).double()
        x, r, d, cost = torch.zeros_like(rhs), rhs.clone(), None, 0.0
        for iteration in range(13):
            residual = float(r.norm() / rhs.norm())
            print(f"iteration {iteration}: residual {residual:.2e}, products {cost:.1f}", flush=True)
            if residual < 1e-3:
                break
            z, made = system.solve(r, max(options.inner, 3e-4 / residual), places, weights)
            if d is None or options.refine:
                d = z
            else:
                d = z + (z @ (r - last)) / overlap * d
            last, overlap = r.clone(), z @ r
            q = system.product(d, every, ones) + system.shift * d
            step = 1.0 if options.refine else (d @ r) / (d @ q)
            x, r, cost = x + step * d, r - step * q, cost + made * options.share + 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
