"""The experiments of notebook 01."""

import copy
from dataclasses import replace

import numpy as np
import torch

from bnbook import train
from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import versions
from bnbook.lab.shared import inside


def twenty_layers(
    data, activation="tanh", gains=(0.5, 1.0, 1.5, 3.0), norms=("none", "batch"), depth=20, seeds=5, device="cpu"
):
    """What activations and gradients are like in each layer of an untrained net, for several sizes of its weights.

    data        data.Data; its first 500 training images go through the net, in training mode
    activation  'tanh', 'sigmoid' or 'relu'
    gains       weights are normal with standard deviation gain / sqrt(fan_in)
    norms       'none', 'batch' or both; arms that share a seed and a gain have the same weights
    Returns a dict: experiment, activation, depth, seeds, arms (one per norm and gain), each with one list over layers
    for the mean, the lowest and the highest seed of
        sd         of what a unit's activation gets, over the images; mean over units
        saturated  share of activations whose slope is below 5 % of the largest slope (for 'relu': that are 0)
        gradient   size of dLoss/dh, h the layer's output, relative to that of the last layer; geometric mean over seeds
        weights    size of dLoss/dW, W the layer's weights, relative to that of W; geometric mean over seeds
    and growth: the factor by which the gradient grows per layer on its way from layer depth - 1 down to layer 5.
    """
    x, y, _, _ = tensors(data, device)
    arms = []
    for norm in norms:
        for gain in gains:
            arm = Setting(net="mlp", norm=norm, width=100, init=gain, depth=depth, activation=activation)
            untrained = [build(replace(arm, seed=seed), data) for seed in range(seeds)]
            runs = [_look_inside(net.to(device), x[:500], y[:500], activation) for net in untrained]
            found = _over_seeds(runs, ("sd", "saturated", *_SIZES))
            down = found["gradient"]["mean"]
            growth = (down[4] / down[-2]) ** (1 / (depth - 6))
            arms.append({"norm": norm, "gain": gain, **found, "growth": growth})
    return {
        "experiment": "twenty_layers",
        "versions": versions(),
        "activation": activation,
        "depth": depth,
        "seeds": seeds,
        "arms": arms,
    }


_SIZES = ("gradient", "weights")  # over many decades: their means are geometric


def _look_inside(net, x, y, activation):
    """sd, saturated, gradient and weights of each layer of net, see `twenty_layers`."""
    logits, z, h = inside(net, x)
    hidden = [layer.weight for name, layer in net.named_children() if name.startswith("linear") and name != "linear"]
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y), [*h, *hidden])
    size = np.array([g.norm().item() for g in gradients[: len(h)]])
    slope = {"tanh": lambda h: 1 - h**2, "sigmoid": lambda h: 4 * h * (1 - h), "relu": lambda h: (h > 0).double()}
    return {
        "sd": [a.std(0, correction=0).mean().item() for a in z],
        "saturated": [(slope[activation](a) < 0.05).double().mean().item() for a in h],
        "gradient": (size / size[-1]).tolist(),
        "weights": [(g.norm() / w.norm()).item() for g, w in zip(gradients[len(h) :], hidden, strict=True)],
    }


def _over_seeds(runs, keys):
    """For each key, the mean (the geometric one of gradients), the lowest and the highest seed, over the layers."""
    found = {}
    for key in keys:
        values = np.array([run[key] for run in runs])
        mean = np.exp(np.log(values).mean(0)) if key in _SIZES else values.mean(0)
        found[key] = {"mean": mean.tolist(), "lowest": values.min(0).tolist(), "highest": values.max(0).tolist()}
    return found


def after_training(data, norms=("none", "batch"), lr=0.015, steps=100, depth=20, seeds=5, device="cpu"):
    """How far training moves what the units of a He-initialized ReLU net get.

    data         data.Data; measured on its first 500 training images, with the statistics of these 500
    norms        'none', 'batch' or both; arms that share a seed have the same weights and the same batches
    lr, steps    of plain SGD, batches of 64
    Returns a dict: experiment, lr, steps, depth, seeds, arms (one per norm), each with accuracy (on the test images,
    one per seed) and one list over layers for the mean, the lowest and the highest seed of
        spread  a unit's standard deviation over the images after training, as a multiple of that before
        shift   how far a unit's mean has moved, in standard deviations before training
    both of what the ReLU gets, in the median unit of a layer. Print no digits of the accuracies: a deep net with
    BatchNorm multiplies rounding errors by about 3 in each of its first 30 steps, so they differ between machines.
    """
    x, y, x_test, y_test = tensors(data, device)
    arms = []
    for norm in norms:
        runs = []
        for seed in range(seeds):
            net = build(Setting(net="mlp", norm=norm, width=100, seed=seed, depth=depth), data).to(device)
            untrained = copy.deepcopy(net)
            train.fit(net, x, y, lr, steps=steps, seed=seed)
            accuracy = train.evaluate(net, x_test, y_test)[1]
            runs.append({"accuracy": accuracy, **_moved(untrained, net, x[:500])})
        arms.append({"norm": norm, "accuracy": [run["accuracy"] for run in runs], **_over_seeds(runs, _MOVED)})
    return {
        "experiment": "after_training",
        "versions": versions(),
        "lr": lr,
        "steps": steps,
        "depth": depth,
        "seeds": seeds,
        "arms": arms,
    }


_MOVED = ("spread", "shift")


@torch.no_grad()
def _moved(untrained, trained, x):
    """spread and shift of each layer, see `after_training`; both nets are in training mode."""
    before, after = (inside(net, x)[1] for net in (untrained, trained))
    pairs = list(zip(before, after, strict=True))
    return {
        "spread": [(b.std(0) / a.std(0)).median().item() for a, b in pairs],
        "shift": [((b.mean(0) - a.mean(0)).abs() / a.std(0)).median().item() for a, b in pairs],
    }
