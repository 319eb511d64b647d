"""Writes the golden vectors that Tests/NeuralNetTests compare with: PyTorch's losses, gradients and products.

usage: python make_golden.py > Tests/NeuralNetTests/Golden/pytorch.json

Parameters, images, labels and directions come from the hash below, so that the tests can make the same ones;
PyTorch works in float64, and the file holds norms and every so-many-th number. Made with torch 2.15.0.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

from nets import NETS

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


def derivatives(net, x, y, v):
    """The mean loss, its gradient, and the exact Hessian's and the Gauss-Newton matrix's product with v."""
    parameters = list(net.parameters())
    loss = F.cross_entropy(net(x), y)
    gradient = torch.autograd.grad(loss, parameters, create_graph=True)
    hessian = torch.autograd.grad(gradient, parameters, grad_outputs=v)
    names = [key for key, _ in net.named_parameters()]

    def logits(*values):
        return torch.func.functional_call(net, dict(zip(names, values)), (x,))

    z, jv = torch.func.jvp(logits, tuple(parameters), tuple(v))
    p = torch.softmax(z, 1)
    hjv = p * (jv - (p * jv).sum(1, keepdim=True)) / len(y)
    gauss_newton = torch.func.vjp(logits, *parameters)[1](hjv)
    return loss.item(), gradient, hessian, gauss_newton


def descend(net, x, y, rate):
    """Ten steps of SGD over all images; the loss before each."""
    optimiser = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


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
    loss, gradient, hessian, gauss_newton = derivatives(net, x, y, v)
    result = {
        "layouts": layouts,
        "loss": loss,
        "gradient": sampled(gradient),
        "hessianProduct": sampled(hessian),
        "gaussNewtonProduct": sampled(gauss_newton),
    }
    if name in ("lenet", "resnet18-4"):
        result["neurons"] = neuron_means(net, x, y)
    net.train()
    # Through batch normalisation a ReLU that rounding switches moves the losses: at larger rates PyTorch's own float32
    # is more than 1e-4 off its float64 after ten steps (1e-2 at 0.05, 2e-5 at 0.0002).
    result["trainingLosses"] = descend(net, x, y, 2e-4 if is_resnet else 0.05)
    if is_resnet:
        result["buffers"] = [{"name": key, "shape": list(b.shape)} for key, b in net.named_buffers()]
        result["trainedBuffers"] = sampled([b.double() for b in net.buffers()])
    return result


def neuron_means(net, x, y):
    """Means over batch and space of each convolution's and linear layer's output, and of its gradient."""
    outputs = {}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out}))
        for name, module in net.named_modules() if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))]
    loss = F.cross_entropy(net(x), y)
    gradients = torch.autograd.grad(loss, list(outputs.values()))
    for hook in hooks:
        hook.remove()

    def mean(t):
        return t.mean(dim=[d for d in range(t.dim()) if d != 1]).tolist()

    values = dict(zip(outputs, zip(outputs.values(), gradients)))
    return {name: {"output": mean(values[name][0]), "gradient": mean(values[name][1])}
            for name, module in net.named_modules() if name in values}


if __name__ == "__main__":
    versions = {"torch": torch.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
    json.dump({"versions": versions, "nets": {name: golden(name) for name in NETS}}, sys.stdout)
