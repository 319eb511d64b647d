"""Would Kronecker factors speed up the solve of an influence? Counts iterations of conjugate gradients in PyTorch.

usage: kronecker.py IMAGES.h5 NET.h5 [--label L] [--n N] [--damping D] [--iterations I]
Solves (G + (λ + δ)I) x = g for g the mean gradient of 3,500 images of a label and G the Gauss-Newton matrix over N images,
without a preconditioner, with K-FAC (Martens and Grosse 2015) and with EK-FAC (George et al. 2018). Their factors are of
the exact Fisher matrix, by one backward pass for each class. Prints iterations and residuals. Needs torch, h5py, numpy.
"""
import argparse
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch.func import functional_call, jvp, vjp

sys.path.append(str(pathlib.Path(__file__).parent.parent / "oracles"))
from torch_check import load_net, load_split

CLASSES, BATCH, GROUP = 10, 500, 3500


class Problem:
    """The system, with vectors as one flat tensor in float64."""

    def __init__(self, net, decay, x, damping):
        self.net, self.x, self.decay, self.damping = net, x, decay, damping
        self.theta = {name: p.detach() for name, p in net.named_parameters()}

    def flat(self, parts):
        return torch.cat([parts[name].reshape(-1) for name in self.theta]).double()

    def tree(self, vector):
        pieces = torch.split(vector, [p.numel() for p in self.theta.values()])
        return {name: piece.view(p.shape) for (name, p), piece in zip(self.theta.items(), pieces)}

    def product(self, vector):
        total, direction = torch.zeros_like(vector), self.tree(vector.float())
        for start in range(0, len(self.x), BATCH):
            def logits(theta, x=self.x[start:start + BATCH]):
                return functional_call(self.net, theta, x)
            z, change = jvp(logits, (self.theta,), (direction,))
            p = z.softmax(1)
            _, pull = vjp(logits, self.theta)
            total += self.flat(pull(p * (change - (p * change).sum(1, keepdim=True)))[0])
        return total / len(self.x) + (self.decay + self.damping) * vector


class Factors:
    """Layer by layer, the mean products of inputs and of output gradients, and the second moments in their bases."""

    def __init__(self, problem):
        self.problem = problem
        self.layers = [(name, layer) for name, layer in problem.net.named_modules()
                       if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))]
        self.inputs, self.gradients = {}, {}
        hooks = []
        for name, layer in self.layers:
            hooks.append(layer.register_forward_hook(
                lambda _, x, __, name=name: self.inputs.__setitem__(name, x[0].detach())))
            hooks.append(layer.register_full_backward_hook(
                lambda _, __, d, name=name: self.gradients.__setitem__(name, d[0].detach())))
        left, right = {}, {}
        for name, a, d in self.passes():
            left[name] = left.get(name, 0) + torch.einsum("bli,blj->ij", a, a) / CLASSES
            right[name] = right.get(name, 0) + torch.einsum("bli,blj->ij", d, d) / a.shape[1]
        n = len(problem.x)
        self.bases = {name: (torch.linalg.eigh(left[name] / n), torch.linalg.eigh(right[name] / n)) for name in left}
        self.products = {name: torch.outer(g[0].clamp(min=0), a[0].clamp(min=0)) for name, (a, g) in self.bases.items()}
        self.moments = {}
        for name, a, d in self.passes():
            (_, u), (_, v) = self.bases[name]
            rotated = torch.einsum("blo,bli->boi", d @ v, a @ u)
            self.moments[name] = self.moments.get(name, 0) + (rotated**2).sum(0) / n
        for hook in hooks:
            hook.remove()

    def passes(self):
        """(layer, inputs [b, places, in + 1], output gradients [b, places, out]) of each batch and class."""
        for start in range(0, len(self.problem.x), BATCH):
            z = self.problem.net(self.problem.x[start:start + BATCH].clone().requires_grad_(True))
            p = z.softmax(1).detach()
            for c in range(CLASSES):
                root = p[:, c:c + 1].sqrt() * (F.one_hot(torch.tensor(c), CLASSES) - p)
                (z * root).sum().backward(retain_graph=c < CLASSES - 1)
                for name, layer in self.layers:
                    a, d = self.inputs[name], self.gradients[name]
                    if isinstance(layer, torch.nn.Conv2d):
                        a = F.unfold(a, layer.kernel_size, padding=layer.padding, stride=layer.stride).transpose(1, 2)
                        d = d.flatten(2).transpose(1, 2)
                    else:
                        a, d = a[:, None], d[:, None]
                    yield name, torch.cat([a, torch.ones(*a.shape[:2], 1)], 2).double(), d.double()

    def preconditioner(self, eigenvalues):
        shift = self.problem.decay + self.problem.damping

        def apply(vector):
            tree, out = self.problem.tree(vector), {}
            for name, _ in self.layers:
                weight, bias = tree[name + ".weight"], tree[name + ".bias"]
                (_, u), (_, v) = self.bases[name]
                matrix = torch.cat([weight.reshape(len(weight), -1), bias[:, None]], 1)
                matrix = v @ (v.T @ matrix @ u / (eigenvalues[name] + shift)) @ u.T
                out[name + ".weight"], out[name + ".bias"] = matrix[:, :-1], matrix[:, -1]
            return self.problem.flat(out)
        return apply


def solve(problem, rhs, precondition, iterations, tolerance=1e-3):
    """The relative residual after each iteration."""
    r, z = rhs.clone(), precondition(rhs)
    p, rz, residuals = z.clone(), rhs @ z, []
    while len(residuals) < iterations and (not residuals or residuals[-1] > tolerance):
        product = problem.product(p)
        r -= rz / (p @ product) * product
        residuals.append(float(r.norm() / rhs.norm()))
        z = precondition(r)
        p, rz = z + (r @ z) / rz * p, r @ z
    return residuals


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("images")
    parser.add_argument("net")
    parser.add_argument("--label", type=int, default=0)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--damping", type=float, default=0.00316)
    parser.add_argument("--iterations", type=int, default=150)
    options = parser.parse_args()
    torch.manual_seed(0)
    net, decay = load_net(options.net)
    x, y = load_split(options.images, "train")
    group = torch.nonzero(y == options.label)[:GROUP, 0]
    F.cross_entropy(net(x[group]), y[group]).backward()
    problem = Problem(net, decay, x[torch.randperm(len(x))[:options.n]], options.damping)
    rhs = problem.flat({name: p.grad for name, p in net.named_parameters()})
    factors = Factors(problem)
    ways = {"none": lambda v: v, "K-FAC": factors.preconditioner(factors.products),
            "EK-FAC": factors.preconditioner(factors.moments)}
    for name, way in ways.items():
        residuals = solve(problem, rhs, way, options.iterations)
        print(f"{name}: {len(residuals)} iterations to {residuals[-1]:.2g}; after each ten: "
              + " ".join(f"{residual:.2g}" for residual in residuals[9::10]), flush=True)


main()
