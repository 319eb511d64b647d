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

SAMPLES, STEPS = 60, 10


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


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, width, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage in range(4):
            outputs = width << stage
            self.add_module(f"layer{stage + 1}", nn.Sequential(
                Block(inputs, outputs, 1 if stage == 0 else 2), Block(outputs, outputs, 1)))
            inputs = outputs
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


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
    "resnet18-4": lambda: ResNet(4, 3),
    "resnet18-16": lambda: ResNet(16, 1),
}


def fan_in(net, name):
    return net.state_dict()[name.rsplit(".", 1)[0] + ".weight"][0].numel()


def sampled(vector):
    vector = torch.cat([part.reshape(-1) for part in vector]).detach().numpy()
    step = max(1, len(vector) // SAMPLES)
    return {"norm": float(np.linalg.norm(vector)), "step": step, "values": vector[::step].tolist()}


def fill_buffers(net):
    """Running statistics for the derivatives in evaluation mode: means in ±0.2, variances in 0.5…1.5."""
    offset = 0
    for key, buffer in net.named_buffers():
        words = uniform(5, offset + buffer.numel())[offset:].astype(np.float32)
        offset += buffer.numel()
        if key.endswith("running_mean"):
            buffer.copy_(torch.tensor(np.float32(0.2) * words))
        elif key.endswith("running_var"):
            buffer.copy_(torch.tensor(np.float32(1) + np.float32(0.5) * words))


def golden(name):
    net = NETS[name]().double().eval()
    is_resnet = name.startswith("resnet18")
    images, channels = (16, net.conv1.in_channels) if is_resnet else (64, 1)
    parameters = list(net.parameters())
    count = sum(p.numel() for p in parameters)
    words, directions, offset, layouts = uniform(1, count), uniform(2, count), 0, []
    v = []
    with torch.no_grad():
        for key, p in net.named_parameters():
            part = slice(offset, offset + p.numel())
            if p.dim() == 1 and is_resnet and not key.startswith("fc"):
                # Batch normalisation: weights in 0.5…1.5, biases in ±0.5.
                values = np.float32(0.5) * words[part].astype(np.float32)
                values += np.float32(1) if key.endswith("weight") else np.float32(0)
            else:
                bound = np.float32(1) / np.sqrt(np.float32(fan_in(net, key)))
                values = words[part].astype(np.float32) * bound
            p.copy_(torch.tensor(values.astype(np.float64)).view_as(p))
            v.append(torch.tensor(directions[part]).view_as(p))
            layouts.append({"name": key, "shape": list(p.shape)})
            offset += p.numel()
        fill_buffers(net)
    h = mix(3, images * channels * 784)
    pixels = np.where(h & np.uint64(3) == 0, h >> np.uint64(24), 0).astype(np.float64)
    x = torch.tensor((pixels / 255 - 0.1307) / 0.3081).view(-1, channels, 28, 28)
    y = torch.tensor((mix(4, images) % np.uint64(10)).astype(np.int64))
    loss = F.cross_entropy(net(x), y)
    gradient = torch.autograd.grad(loss, parameters, create_graph=True)
    hessian = torch.autograd.grad(gradient, parameters, grad_outputs=v)
    names = [key for key, _ in net.named_parameters()]

    def logits(*values):
        return torch.func.functional_call(net, dict(zip(names, values)), (x,))

    z, jv = torch.func.jvp(logits, tuple(parameters), tuple(v))
    p = torch.softmax(z, 1)
    hjv = p * (jv - (p * jv).sum(1, keepdim=True)) / images
    gauss_newton = torch.func.vjp(logits, *parameters)[1](hjv)
    result = {
        "layouts": layouts,
        "loss": loss.item(),
        "gradient": sampled(gradient),
        "hessianProduct": sampled(hessian),
        "gaussNewtonProduct": sampled(gauss_newton),
    }
    if name in ("lenet", "resnet18-4"):
        result["neurons"] = neuron_means(net, x, y)
    net.train()
    # Through batch normalisation a ReLU that rounding switches moves the losses: at larger rates PyTorch's own float32
    # is more than 1e-4 off its float64 after ten steps (1e-2 at 0.05, 2e-5 at 0.0002).
    optimiser = torch.optim.SGD(parameters, lr=2e-4 if is_resnet else 0.05, momentum=0.9, weight_decay=5e-4,
                                nesterov=True)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    result["trainingLosses"] = losses
    if is_resnet:
        result["buffers"] = [{"name": key, "shape": list(b.shape)} for key, b in net.named_buffers()]
        result["trainedBuffers"] = sampled([b.double() for b in net.buffers()])
    return result


def neuron_means(net, x, y):
    """Means over batch and space of each convolution's and linear layer's output, and of its gradient."""
    outputs = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out}))
        for name, module in net.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    loss = F.cross_entropy(net(x), y)
    gradients = torch.autograd.grad(loss, list(outputs.values()))
    for hook in hooks:
        hook.remove()

    def mean(t):
        return t.mean(dim=[d for d in range(t.dim()) if d != 1]).tolist()

    values = dict(zip(outputs, zip(outputs.values(), gradients)))
    return {name: {"output": mean(values[name][0]), "gradient": mean(values[name][1])}
            for name, module in net.named_modules() if name in values}


versions = {"torch": torch.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
json.dump({"versions": versions, "nets": {name: golden(name) for name in NETS}}, sys.stdout)
