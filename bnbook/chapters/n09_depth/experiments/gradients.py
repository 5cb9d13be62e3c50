"""Gradients of untrained nets: how they grow from layer to layer, and from block to block."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from scipy.special import ndtri

from bnbook import nets
from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import interval, versions
from bnbook.lab.shared import inside

from ..functions import measured_growth, predicted_growth

# norm, activation, gain, images in the batch
BY_GAIN = tuple((norm, "relu", gain, 128) for norm in ("none", "batch") for gain in (0.5, 2**0.5, 2.0))
BY_BATCH = tuple(("batch", f, 2**0.5, size) for f in ("relu", "tanh", "identity") for size in (8, 32, 128))


def gradient_growth(data, seeds=5, cases=BY_GAIN + BY_BATCH, depth=40, width=256, device="cpu", progress=False):
    """How the gradient grows on its way back through an untrained net: by size of the weights, batch, non-linearity.

    data   data.Data; each seed takes other images
    seeds  nets per case, 2 or more
    cases  tuples: norm, activation, gain (weights have standard deviation gain / sqrt(fan_in)), images in the batch
    depth, width   of the nets
    Returns a dict: experiment, versions, depth, width, seeds, cases: for each norm, activation, gain, batch_size,
    size (of the gradient with respect to the layer's output, relative to the last layer's: one list over layers for
    each seed), growth (per layer, away from both ends: one per seed) and its mean and interval; and predicted: the
    growth of each non-linearity with large batches, see `predicted_growth`.
    """
    x, y, *_ = tensors(data, device)
    found = []
    for norm, activation, gain, size in dict.fromkeys(cases):
        arm = Setting(net="mlp", norm=norm, width=width, init=gain, depth=depth, activation=activation)
        sizes = []
        for seed in range(seeds):
            chosen = torch.from_numpy(np.random.default_rng(seed).permutation(len(x))[:size]).to(x.device)
            net = build(replace(arm, seed=seed), data).to(device)
            sizes.append(_of_layers(net, x[chosen], y[chosen])["size"])
        growth = measured_growth(np.transpose(sizes)[_ENDS : depth - _ENDS])
        case = {"norm": norm, "activation": activation, "gain": gain, "batch_size": size, "size": sizes}
        found.append(case | {"growth": growth.tolist(), "mean": growth.mean(), "interval": interval(growth)})
    return {
        "experiment": "gradient_growth",
        "versions": versions(),
        "depth": depth,
        "width": width,
        "seeds": seeds,
        "cases": found,
        "predicted": {name: float(predicted_growth(*f(_NORMAL))) for name, f in _NON_LINEARITIES.items()},
    }


# z to f(z), f'(z); and a standard normal z as numbers that are equally likely
_NON_LINEARITIES = {
    "relu": lambda z: (np.maximum(z, 0), z > 0),
    "tanh": lambda z: (np.tanh(z), 1 - np.tanh(z) ** 2),
    "identity": lambda z: (z, np.ones_like(z)),
}
_NORMAL = ndtri((np.arange(100_000) + 0.5) / 100_000)
_ENDS = 5  # layers at either end that feel the images or the loss


def _of_layers(net, x, y):
    """Of one plain net, over its layers: sizes of gradients."""
    logits, _, h = inside(net, x)
    return {"size": _sizes(logits, y, h)}


def _sizes(logits, y, h):
    """Sizes of the gradient of the loss with respect to each of h, relative to that of the last: a list."""
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y), h)
    size = np.array([g.norm().item() for g in gradients])
    return (size / size[-1]).tolist()


def skip_connections(data, seeds=5, depth=40, width=256, batch_size=128, device="cpu", progress=False):
    """What the blocks of an untrained residual net add to their input, and how gradients come back through them.

    data   data.Data; each seed takes other images
    seeds  nets per arm, 2 or more
    depth  blocks, or layers of the plain net
    Returns a dict: experiment, versions, depth, width, batch_size, seeds, arms: for each name ('plain', a net with
    BatchNorm and no skip connections, or the norm of a residual net), size (of the gradient behind each layer or block,
    relative to the last one's), growth (size behind the first block, one per seed) and, of residual nets, with v the
    variance over the images of each unit of what a block is given: given (mean of v over the units), inverse (mean of
    1 / v) and share (variance of what the block adds, relative to v, each summed over the units): one list over layers
    or blocks for each seed.
    """
    x, y, *_ = tensors(data, device)
    base = Setting(net="residual", width=width, depth=depth)
    settings = {"plain": replace(base, net="mlp")} | {norm: replace(base, norm=norm) for norm in RESIDUAL_NORMS}
    arms = []
    for name, setting in settings.items():
        measure, found = _of_layers if name == "plain" else _of_blocks, []
        for seed in range(seeds):
            chosen = torch.from_numpy(np.random.default_rng(seed).permutation(len(x))[:batch_size]).to(x.device)
            net = build(replace(setting, seed=seed), data).to(device)
            found.append(measure(net, x[chosen], y[chosen]))
        lists = {key: [each[key] for each in found] for key in found[0]}
        arms.append({"name": name, **lists, "growth": [size[0] for size in lists["size"]]})
    return {
        "experiment": "skip_connections",
        "versions": versions(),
        "depth": depth,
        "width": width,
        "batch_size": batch_size,
        "seeds": seeds,
        "arms": arms,
    }


RESIDUAL_NORMS = ("none", "batch", "skip_init")


def _blocks(net, x):
    """Logits, and what goes into the first block and comes out of each: a list of (N, C)."""
    skip = []
    for name, layer in net.named_children():
        x = layer(x)
        if name == "linear0" or isinstance(layer, nets.ResidualBlock):
            skip.append(x)
    return x, skip


def _of_blocks(net, x, y):
    """Of one residual net, over its blocks: sizes of gradients, what the blocks are given, and what they add."""
    logits, skip = _blocks(net, x)
    given = torch.stack([h.detach().var(0, correction=0) for h in skip[:-1]])  # (blocks, units)
    added = torch.stack([(b - a).detach().var(0, correction=0) for a, b in pairwise(skip)])
    return {
        "size": _sizes(logits, y, skip[1:]),
        "given": given.mean(1).tolist(),
        "inverse": (1 / given).mean(1).tolist(),
        "share": (added.sum(1) / given.sum(1)).tolist(),
    }
