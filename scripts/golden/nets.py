"""The nets in PyTorch, with the names, shapes and state_dict that docs/compute.md tells of."""
import torch.nn as nn
import torch.nn.functional as F


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
