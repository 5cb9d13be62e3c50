"""The experiments of notebook 09: gradients of untrained nets, and which deep nets train."""

from dataclasses import asdict, replace

import numpy as np
import torch
from scipy.special import ndtri

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import Setting, build, run_all, tensors
from bnbook.lab.results import interval, versions
from bnbook.lab.shared import inside

from .functions import measured_growth, predicted_growth

evidence = results.shelf(__file__)

# --- gradients of untrained nets --------------------------------------------------------------------------------------

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
            sizes.append(_gradient_sizes(net, x[chosen], y[chosen]))
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


def _gradient_sizes(net, x, y):
    """Size of the gradient with respect to the output of each layer, relative to that of the last: a list."""
    logits, _, h = inside(net, x)
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y), h)
    size = np.array([g.norm().item() for g in gradients])
    return (size / size[-1]).tolist()


def skip_connections(data, seeds=5, depth=40, width=256, batch_size=128, device="cpu", progress=False):
    """What the blocks of an untrained residual net add to their input, and how gradients come back through them.

    data   data.Data; each seed takes other images
    seeds  nets per arm, 2 or more
    depth  blocks, or layers of the plain net
    Returns a dict: experiment, versions, depth, seeds, arms: for each name ('plain', a net with BatchNorm and no skip
    connections, or the norm of a residual net), size (of the gradient behind each layer or block, relative to the last
    one's) and, of residual nets, share (variance over the images of what a block adds, relative to that of its input,
    each summed over the units): one list over layers or blocks for each seed.
    """
    x, y, *_ = tensors(data, device)
    base = Setting(net="residual", width=width, depth=depth)
    settings = {"plain": replace(base, net="mlp")} | {norm: replace(base, norm=norm) for norm in RESIDUAL_NORMS}
    arms = []
    for name, setting in settings.items():
        found = {"size": [], "share": []}
        for seed in range(seeds):
            chosen = torch.from_numpy(np.random.default_rng(seed).permutation(len(x))[:batch_size]).to(x.device)
            net = build(replace(setting, seed=seed), data).to(device)
            if name == "plain":
                found["size"].append(_gradient_sizes(net, x[chosen], y[chosen]))
                continue
            logits, skip = _blocks(net, x[chosen])
            gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y[chosen]), skip[1:])
            size = np.array([g.norm().item() for g in gradients])
            found["size"].append((size / size[-1]).tolist())
            pairs = [(a.detach(), b.detach()) for a, b in zip(skip[:-1], skip[1:], strict=True)]
            found["share"].append([((b - a).var(0).sum() / a.var(0).sum()).item() for a, b in pairs])
        arms.append({"name": name, **found})
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


# --- training ---------------------------------------------------------------------------------------------------------

DEEP = Setting(net="mlp", width=32, steps=200, every=200)
DEEP_ARMS = {
    "plain, none": replace(DEEP, norm="none"),
    "plain, start": replace(DEEP, norm="none", standardized=True),
    "plain, batch": DEEP,
    "residual, none": replace(DEEP, net="residual", norm="none"),
    "residual, batch": replace(DEEP, net="residual"),
    "residual, skip_init": replace(DEEP, net="residual", norm="skip_init"),
}
DEEP_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def trainability(
    data, seeds=8, depths=(5, 20, 40, 80), rates=DEEP_RATES, arms=DEEP_ARMS, device="cpu", progress=False, keep=None
):
    """How well plain and residual nets train as they get deeper, each arm at its own best learning rate.

    data    data.Data; the rate is chosen on its validation images, the accuracy reported on its test images
    seeds   runs per arm, depth and rate, 2 or more
    depths  hidden layers, or blocks
    rates   learning rates to choose from: all of them, or a dict (arm, depth) to some
    arms    name to Setting
    keep    a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, settings (of each arm), cells: for each arm and depth, rates, validation and
    test (accuracies, one list per rate, one number per seed), best (the rate), accuracy (on the test images at that
    rate, one per seed), its mean and interval.
    """
    grid = [
        (name, depth, rates[name, depth] if isinstance(rates, dict) else rates) for depth in depths for name in arms
    ]
    settings = [
        replace(arms[name], depth=depth, lr=lr, seed=seed)
        for name, depth, some in grid
        for lr in some
        for seed in range(seeds)
    ]
    runs = iter(run_all(settings, data, device, progress, _on_validation_images(data, device), keep))
    cells = [{"arm": name, "depth": depth, **_tuned(runs, some, seeds)} for name, depth, some in grid]
    return {
        "experiment": "trainability",
        "versions": versions(),
        "seeds": seeds,
        "settings": {name: asdict(arm) for name, arm in arms.items()},
        "cells": cells,
    }


def _on_validation_images(data, device):
    """A watch function: the accuracy on the validation images after the last step."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x, y = torch.as_tensor((data.x_val - mean) / sd, device=device), torch.as_tensor(data.y_val, device=device)

    def watch(moment):
        if moment.x is None:
            return {"validation": train.evaluate_all(moment.net, x, y)[1]}

    return watch


def _tuned(runs, rates, seeds):
    """The next runs, rate by rate: their accuracies, and the test accuracies at the rate best on validation images."""
    runs = [[next(runs) for _ in range(seeds)] for _ in rates]
    validation = [[run["watched"]["validation"][-1] for run in row] for row in runs]
    test = [[run["test_accuracy"][-1] for run in row] for row in runs]
    best = int(np.argmax(np.mean(validation, axis=1)))
    return {
        "rates": list(rates),
        "validation": validation,
        "test": test,
        "best": rates[best],
        "accuracy": test[best],
        "mean": float(np.mean(test[best])),
        "interval": interval(test[best]),
    }


def agreement(again, stored, kind="residual"):
    """Do trainings that were made again reach what the stored ones reached?

    again, stored  two results of `trainability`
    kind           what the names of the arms that are compared start with. Residual nets of 20 blocks give the same
                   numbers when their images are changed by 1e-15 of themselves, as another processor's rounding does;
                   plain nets of 20 layers part there, by 0.05 of accuracy with BatchNorm and by up to 0.3 without
    Returns a dict: runs (how many are in both), compared (those of that kind), apart (the largest difference of their
    test accuracies; None if there are none).
    """
    ours, theirs = _accuracies(again), _accuracies(stored)
    both = ours.keys() & theirs.keys()
    apart = [abs(ours[key] - theirs[key]) for key in both if key[0].startswith(kind)]
    return {"runs": len(both), "compared": len(apart), "apart": max(apart, default=None)}


def _accuracies(results):
    """Test accuracy of each training, by arm, depth, rate and seed."""
    return {
        (cell["arm"], cell["depth"], lr, seed): accuracy
        for cell in results["cells"]
        for lr, row in zip(cell["rates"], cell["test"], strict=True)
        for seed, accuracy in enumerate(row)
    }


ONLY = Setting(net="mlp", width=128, steps=300, every=300)
ONLY_RATES = {
    "all": (0.1, 0.3, 1.0, 3.0),
    "norm": (1.0, 3.0, 10.0, 30.0),
    "head": (0.1, 0.3, 1.0, 3.0),
    "few": (1.0, 3.0, 10.0, 30.0),
}


def only_norms(data, seeds=5, rates=ONLY_RATES, setting=ONLY, device="cpu", progress=False, keep=None):
    """A net with BatchNorm of which only a part is trained, each part at its own best learning rate.

    data     data.Data; the rate is chosen on its validation images, the accuracy reported on its test images
    seeds    runs per part and rate, 2 or more
    rates    part ('all', 'norm', 'head', 'few', see `Setting.trainable`) to learning rates to choose from
    setting  Setting of the net
    keep     a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, setting, parts: for each part its trainable numbers (a count), rates,
    validation, test, best, accuracy, mean and interval as in `trainability`.
    Source: Frankle et al. 2021, "Training BatchNorm and only BatchNorm".
    """
    settings = [
        replace(setting, trainable=part, lr=lr, seed=seed)
        for part, some in rates.items()
        for lr in some
        for seed in range(seeds)
    ]
    runs = iter(run_all(settings, data, device, progress, _on_validation_images(data, device), keep))
    parts = [
        {"part": part, "numbers": _numbers(replace(setting, trainable=part), data), **_tuned(runs, some, seeds)}
        for part, some in rates.items()
    ]
    return {
        "experiment": "only_norms",
        "versions": versions(),
        "seeds": seeds,
        "setting": asdict(setting),
        "parts": parts,
    }


def _numbers(setting, data):
    """How many numbers are trained."""
    trained = [p for p in build(setting, data).parameters() if p.requires_grad]
    if setting.trainable == "few":
        return sum(2 * len(weight) for weight in trained)
    return sum(p.numel() for p in trained)
