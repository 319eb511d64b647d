"""Writes the golden vectors that Tests/NeuralNetTests compare with: PyTorch's losses, gradients and products.

usage: python make_golden.py > Tests/NeuralNetTests/Golden/pytorch.json

Parameters, images, labels and directions come from the hash below, so that the tests can make the same ones;
PyTorch works in float64, and the file holds norms and every so-many-th number. Made with torch 2.15.0.
"""
import json
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGES, SAMPLES, STEPS = 64, 60, 10


def mix(salt, count):
    """32-bit words: a multiplicative hash of salt·2²⁴ + 0…count−1."""
    h = (np.arange(count, dtype=np.uint64) + np.uint64(salt << 24) + np.uint64(1)) & np.uint64(0xFFFFFFFF)
    for multiplier, shift in ((2654435761, 16), (2246822519, 13), (3266489917, 16)):
        h = (h * np.uint64(multiplier)) & np.uint64(0xFFFFFFFF)
        h ^= h >> np.uint64(shift)
    return h


def uniform(salt, count):
    """Floats in [−1, 1) with 24 bits."""
    return (mix(salt, count) >> np.uint64(8)).astype(np.float64) / 2**23 - 1


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def tinynet():
    layers, channels = [], 1
    for out in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, out, 3, 2, 1), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10))


def named(*modules):
    net = nn.Sequential(nn.Flatten())
    for name, module in modules:
        net.add_module(name, module)
    return net


NETS = {
    "lenet": LeNet,
    "tinynet": tinynet,
    "mlp": lambda: named(
        ("fc1", nn.Linear(784, 40)), ("relu1", nn.ReLU()), ("fc2", nn.Linear(40, 24)), ("relu2", nn.ReLU()),
        ("fc3", nn.Linear(24, 10))),
    "softmax": lambda: named(("linear", nn.Linear(784, 10))),
}


def fan_in(net, name):
    return net.state_dict()[name.rsplit(".", 1)[0] + ".weight"][0].numel()


def sampled(vector):
    vector = torch.cat([part.reshape(-1) for part in vector]).detach().numpy()
    step = max(1, len(vector) // SAMPLES)
    return {"norm": float(np.linalg.norm(vector)), "step": step, "values": vector[::step].tolist()}


def golden(name):
    net = NETS[name]().double()
    parameters = list(net.parameters())
    count = sum(p.numel() for p in parameters)
    words, directions, offset, layouts = uniform(1, count), uniform(2, count), 0, []
    v = []
    with torch.no_grad():
        for key, p in net.named_parameters():
            part = slice(offset, offset + p.numel())
            bound = np.float32(1) / np.sqrt(np.float32(fan_in(net, key)))
            values = words[part].astype(np.float32) * bound
            p.copy_(torch.tensor(values.astype(np.float64)).view_as(p))
            v.append(torch.tensor(directions[part]).view_as(p))
            layouts.append({"name": key, "shape": list(p.shape)})
            offset += p.numel()
    h = mix(3, IMAGES * 784)
    pixels = np.where(h & np.uint64(3) == 0, h >> np.uint64(24), 0).astype(np.float64)
    x = torch.tensor((pixels / 255 - 0.1307) / 0.3081).view(-1, 1, 28, 28)
    y = torch.tensor((mix(4, IMAGES) % np.uint64(10)).astype(np.int64))
    loss = F.cross_entropy(net(x), y)
    gradient = torch.autograd.grad(loss, parameters, create_graph=True)
    hessian = torch.autograd.grad(gradient, parameters, grad_outputs=v)
    names = [key for key, _ in net.named_parameters()]

    def logits(*values):
        return torch.func.functional_call(net, dict(zip(names, values)), (x,))

    z, jv = torch.func.jvp(logits, tuple(parameters), tuple(v))
    p = torch.softmax(z, 1)
    hjv = p * (jv - (p * jv).sum(1, keepdim=True)) / IMAGES
    gauss_newton = torch.func.vjp(logits, *parameters)[1](hjv)
    result = {
        "layouts": layouts,
        "loss": loss.item(),
        "gradient": sampled(gradient),
        "hessianProduct": sampled(hessian),
        "gaussNewtonProduct": sampled(gauss_newton),
    }
    optimiser = torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    result["trainingLosses"] = losses
    return result


versions = {"torch": torch.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
json.dump({"versions": versions, "nets": {name: golden(name) for name in NETS}}, sys.stdout)
