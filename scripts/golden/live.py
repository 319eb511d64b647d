"""PyTorch's side of the live comparison in Tests/NeuralNetTests: a net, its data and a direction in, its figures out.

usage: python live.py FOLDER

FOLDER holds case.json (net, channels, learning_rate, and the names and shapes of parameters and buffers), their
values and the direction as float32 (parameters, buffers, direction), and bytes (pixels, labels). Written back are
result.json, float64 gradient, hessian and gauss_newton at the given parameters, and as float32 the state_dict after
ten steps of training (trained, trained_buffers). PyTorch works in float64. Needs numpy and torch.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

from make_golden import derivatives, descend
from nets import NETS

folder = pathlib.Path(sys.argv[1])
case = json.loads((folder / "case.json").read_text())


def tensors(name, layouts):
    flat = torch.tensor(np.fromfile(folder / name, dtype="<f4").astype(np.float64))
    parts = torch.split(flat, [int(np.prod(layout["shape"])) for layout in layouts])
    return {layout["name"]: part.view(layout["shape"]) for layout, part in zip(layouts, parts)}


def write(name, parts, kind):
    flat = torch.cat([part.detach().reshape(-1).double() for part in parts])
    flat.numpy().astype(kind).tofile(folder / name)


net = NETS[case["net"]]().double()
state = tensors("parameters", case["parameters"]) | tensors("buffers", case["buffers"])
net.load_state_dict(state, strict=True)
direction = tensors("direction", case["parameters"])
pixels = np.fromfile(folder / "pixels", dtype=np.uint8).astype(np.float64)
x = torch.tensor((pixels / 255 - 0.1307) / 0.3081).view(-1, case["channels"], 28, 28)
y = torch.tensor(np.fromfile(folder / "labels", dtype=np.uint8).astype(np.int64))

net.eval()
loss, gradient, hessian, gauss_newton = derivatives(net, x, y, list(direction.values()))
write("gradient", gradient, "<f8")
write("hessian", hessian, "<f8")
write("gauss_newton", gauss_newton, "<f8")
net.train()
losses = descend(net, x, y, case["learning_rate"])
net.eval()
after = F.cross_entropy(net(x), y).item()
trained = net.state_dict()
write("trained", [trained[layout["name"]] for layout in case["parameters"]], "<f4")
if case["buffers"]:
    write("trained_buffers", [trained[layout["name"]] for layout in case["buffers"]], "<f4")
(folder / "result.json").write_text(json.dumps(
    {"torch": torch.__version__, "loss": loss, "losses": losses, "loss_after": after}))
