"""What the experiments of notebook 07 share: the settings, the arms, and what is measured in each of them."""

import copy
from dataclasses import replace

import numpy as np
import torch

from bnbook import nets
from bnbook.lab.engine import Setting, run_all

RELU = Setting(net="mlp", width=64, depth=5, every=5, steps=300, lr=0.1)
SIGMOID = Setting(net="mlp", width=100, depth=3, every=5, steps=300, activation="sigmoid", init=1.0, lr=0.5)

CASES = {
    "ReLU, He, 0.01": replace(RELU, lr=0.01),
    "ReLU, He, 0.1": RELU,
    "ReLU, He, 0.3": replace(RELU, lr=0.3),
    "ReLU, default, 0.1": replace(RELU, init="torch"),
    "ReLU, default, 0.3": replace(RELU, init="torch", lr=0.3),
    "tanh, gain 1, 0.1": replace(RELU, activation="tanh", init=1.0),
    "tanh, gain 1, 0.3": replace(RELU, activation="tanh", init=1.0, lr=0.3),
    "sigmoid, gain 1, 0.5": SIGMOID,
    "sigmoid, gain 1, 1": replace(SIGMOID, lr=1.0),
}
ARMS = {
    "none": {"norm": "none"},
    "start": {"norm": "none", "standardized": True},
    "batch": {"norm": "batch"},
    "noisy": {"norm": "batch", "noise": 1.0},
    "noisier": {"norm": "batch", "noise": 2.0},
}


def over_cases(data, cases, arms, seeds, changes, watch, device, progress, keep):
    """Train every arm of every case; a list of ({'case': ..., 'arm': ...}, runs)."""
    labels = [{"case": case, "arm": arm} for case in cases for arm in arms]
    grid = [
        replace(CASES[each["case"]], **ARMS[each["arm"]], **changes, seed=seed)
        for each in labels
        for seed in range(seeds)
    ]
    runs = run_all(grid, data, device, progress, watch, keep)
    return [(each, runs[i * seeds : (i + 1) * seeds]) for i, each in enumerate(labels)]


def mean_over_looks(run, name):
    """Mean over the looks at one run, None if it diverged."""
    values = run["watched"][name]
    return None if None in values else float(np.mean(values))


def pairs(case, arms, name):
    """What was found without and with BatchNorm, two arrays: the seeds of which no run diverged."""
    none, batch = (arm_of(arms, case, arm)[name] for arm in ("none", "batch"))
    both = [pair for pair in zip(none, batch, strict=True) if None not in pair]
    return np.array(both).reshape(-1, 2).T


def arm_of(arms, case, name):
    """The arm of that case and name."""
    return next(arm for arm in arms if (arm["case"], arm["arm"]) == (case, name))


def same_runs(live, stored, names):
    """Whether each arm of live has the numbers that stored has for the same case, arm and seeds, to four digits.

    So it is on another processor: images changed by 1e-15 of themselves, as by its rounding, change distances and
    gradients of the notebook's trainings by 1e-13 at most. Near divergence they may part.

    live, stored  what one of the experiments returned, live for the first seeds alone
    names         of the numbers, one per seed
    """
    pairs = [(arm, arm_of(stored["arms"], arm["case"], arm["arm"])) for arm in live["arms"]]
    return all(np.allclose(a[name], b[name][: live["seeds"]], rtol=1e-4) for a, b in pairs for name in names)


@torch.no_grad()
def layer_inputs(net, x):
    """What the activations of every net of a stack get in training mode: a list of (N, P, units), first layer first.

    It works on a copy, so neither the running statistics nor the noise to come change.
    """
    net, found = copy.deepcopy(net).train(), []
    for name, layer in net.named_children():
        if name.rstrip("0123456789") in nets.ACTIVATIONS:
            layer.register_forward_pre_hook(lambda layer, z: found.append(z[0].permute(2, 0, 1).cpu().numpy().copy()))
    net(x)
    return found
