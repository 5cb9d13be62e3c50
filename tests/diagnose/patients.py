"""Small nets on digits, trained until they work, and what is done to break them. Judged elsewhere."""

import functools

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bnbook.data import digits as bundled


@functools.cache
def digits(images=False):
    """Training and test digits as float32 tensors: x_train, y_train, x_test, y_test; pixels 0 to 1."""
    d = bundled()
    x, t = (torch.as_tensor(v, dtype=torch.float32) for v in (d.x_train, d.x_test))
    shape = (-1, 1, 8, 8) if images else (-1, 64)
    y, u = (torch.as_tensor(v, dtype=torch.long) for v in (d.y_train, d.y_test))
    return x.reshape(shape), y, t.reshape(shape), u


def loader(images=False, batch=64, seed=0, shuffle=True, **keywords):
    """Batches of training digits, shuffled by a generator of their own."""
    x, y, *_ = digits(images)
    g = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(x, y), batch, shuffle=shuffle, generator=g if shuffle else None, **keywords)


def mlp(norm=nn.BatchNorm1d, seed=0, width=64):
    """64-64-64-10 with a norm before each ReLU, and no bias where it would do nothing."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Linear(64, width, bias=False), norm(width), nn.ReLU()),
        *(nn.Linear(width, width, bias=False), norm(width), nn.ReLU(), nn.Linear(width, 10)),
    )


def cnn(norm=nn.BatchNorm2d, seed=0, width=12):
    """Two convolutions with norms, global average, linear."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, width, 3, padding=1, bias=False), norm(width), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10)),
    )


def train(net, images=False, steps=100, lr=0.1, batch=64, seed=0, batches=None, loss=F.cross_entropy, **keywords):
    """The net after so many steps of SGD with momentum on shuffled digits, or what `batches` yields; in eval mode."""
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr, momentum=0.9, **keywords)
    net.train()
    source = endless(loader(images, batch, seed, drop_last=batch < 1000)) if batches is None else iter(batches)
    for _, (x, y) in zip(range(steps), source, strict=False):
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()
    return net.eval()


def endless(batches):
    """Epoch after epoch."""
    while True:
        yield from batches


def accuracy(net, images=False):
    """Share of test digits right, in the mode the net is in."""
    *_, x, y = digits(images)
    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


MAKE = {"mlp": mlp, "cnn": cnn}


def norms(net):
    """Its BatchNorm layers, in order."""
    return [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def norm_class(kind):
    """BatchNorm1d for the MLP, 2d for the CNN."""
    return nn.BatchNorm2d if kind == "cnn" else nn.BatchNorm1d


def made_with(kind, steps=100, layer=None, **keywords):
    """A net of that kind trained with norms made with these keywords (or by `layer`)."""
    norm = layer or norm_class(kind)
    return train(MAKE[kind](lambda width: norm(width, **keywords)), kind == "cnn", steps)


def data(kind, **keywords):
    """The kind's loader."""
    return loader(kind == "cnn", **keywords)
