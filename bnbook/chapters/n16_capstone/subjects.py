"""Small nets on which the checks of notebook 16 try a function: no scale, shift or statistic is 0 or 1."""

import copy
import functools

import torch
from torch import nn

from . import functions


def _mlp(dropout=0.0):
    norms = nn.BatchNorm1d(5, eps=0.1, momentum=0.3), nn.BatchNorm1d(4, eps=0.5, momentum=0.3)
    return nn.Sequential(
        *(nn.Linear(6, 5), norms[0], nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(5, 4), norms[1], nn.ReLU(), nn.Linear(4, 3)),
    )


def _cnn(norm=nn.BatchNorm2d):
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), norm(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, bias=False), norm(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)),
    )


def _scattered():
    return nn.Sequential(
        *(nn.BatchNorm1d(6, eps=0.1), nn.Linear(6, 5), nn.ReLU(), nn.BatchNorm1d(5, eps=0.1)),
        *(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)),
    )


def _one_relu():
    relu = nn.ReLU()
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), relu, nn.Conv2d(4, 4, 3), relu, nn.BatchNorm2d(4, eps=0.1)),
        *(nn.Flatten(), nn.Linear(16, 3)),
    )


def _plain():
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, eps=0.1, affine=False), nn.ReLU(), nn.Linear(5, 3))


def _small():
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, eps=0.1), nn.ReLU(), nn.Linear(2, 3))


_NETS = {
    "mlp": _mlp,
    "dropout": lambda: _mlp(0.5),
    "cnn": _cnn,
    "group": lambda: _cnn(lambda channels: nn.GroupNorm(2, channels)),
    "residual": lambda: functions.residual_net("batch", (1, 4, 4), 3, width=4).train(),
    "scattered": _scattered,
    "one relu": _one_relu,
    "plain": _plain,
    "small": _small,
}
_IMAGES = {"small": (2,)} | dict.fromkeys(("cnn", "group", "one relu", "residual"), (1, 4, 4))  # (6,) for the others


def net(kind):
    """A new net, in evaluation mode but for 'residual', float64."""
    return copy.deepcopy(_made(kind))


@functools.cache
@torch.no_grad()
def _made(kind):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(16)
        made = _NETS[kind]().double()
        for parameter in made.parameters():
            if parameter.dim() == 1:  # scales, shifts and biases
                parameter.copy_(0.4 + torch.randn(parameter.shape, dtype=torch.float64))
        made.train()
        for x in images(kind, [9, 9, 9], seed=1):  # statistics of other images than those of the probes
            made(2 * x + 1)
    return made.train(kind == "residual")


def images(kind, sizes, seed=0):
    """A list of batches for the net of this kind."""
    random, shape = torch.Generator().manual_seed(seed), _IMAGES.get(kind, (6,))
    return [0.5 + torch.randn(size, *shape, generator=random, dtype=torch.float64) for size in sizes]


def batch_norms(module):
    """Its BatchNorm layers, in order."""
    return [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def program(kind, how):
    """The net of this kind as a program that is off: 'half' as large again, wrong in the 'last' image, 'lower'."""
    right = net(kind).eval()

    def run(x):
        y = right(x)
        if how == "half":
            return 1.5 * y
        if how == "lower":
            return y - 0.01
        y = y.clone()
        y[-1] += 0.2
        return y

    return run
