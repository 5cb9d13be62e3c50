"""What the experiments of notebook 07 share: the settings, the arms, and how runs of them become a table."""

import copy
from dataclasses import replace

import pandas as pd
import torch

from bnbook import nets
from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all

RELU = Setting(net="mlp", width=64, depth=5, every=5, steps=300, lr=0.1)
SIGMOID = Setting(net="mlp", width=100, depth=3, every=5, steps=300, activation="sigmoid", init=1.0, lr=0.5)
# No bend at all, and no noise of batches: each seed has 200 images of its own, and every step sees all of them.
LINEAR = Setting(net="mlp", width=64, activation="identity", init=1.0, images=200, batch_size=200, steps=60)

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
LINEAR_CASES = {
    f"{depth} layers, {lr:g}": replace(LINEAR, depth=depth, lr=lr)
    for depth, lr in ((10, 0.01), (10, 0.03), (25, 0.003), (25, 0.01))
}
ARMS = {
    "none": {"norm": "none"},
    "none_noisy": {"norm": "none", "noise": 1.0},
    "start": {"norm": "none", "standardized": True},
    "start_noisy": {"norm": "none", "standardized": True, "noise": 1.0},
    "batch": {"norm": "batch"},
    "noisy": {"norm": "batch", "noise": 1.0},
    "noisier": {"norm": "batch", "noise": 2.0},
}


def over_cases(data, cases, arms, seeds, watch, device, progress, keep, changes=None):
    """Train every arm of every case, seed after seed.

    cases    {name: Setting}
    arms     names in ARMS; arms that share a case and a seed share weights and batches
    changes  fields of Setting that are the same for all of them
    Returns labels (a dict for each run: case, arm, seed) and the runs, as `run_all` does.
    """
    labels = results.grid(case=cases, arm=arms, seed=range(seeds))
    settings = [
        replace(cases[each["case"]], **ARMS[each["arm"]], **(changes or {}), seed=each["seed"]) for each in labels
    ]
    return labels, run_all(settings, data, device, progress, watch, keep)


def tabled(labels, runs, curve=lambda step: False):
    """The long table of runs, with the measure steps_to_90 (nan: never) at the last step.

    curve  called with a step: whether the accuracy at that step is kept; the last one always is. Steps to 90 % are as
           fine as the runs' `every`, whatever is kept
    """
    table = results.table(labels, runs)
    last = max(runs[0]["step"])
    keep = (table["measure"] != "test_accuracy") | table["step"].map(curve) | (table["step"] == last)
    steps = [{**label, "step": last, "value": results.steps_to(run)} for label, run in zip(labels, runs, strict=True)]
    steps = pd.DataFrame(steps).assign(measure="steps_to_90").astype({"value": float})
    return pd.concat([table[keep], steps], ignore_index=True)


def over_looks(table, measure, after=0):
    """The mean of a measure over the looks at each run, as a table with a row a run; nan where a run diverged.

    after  looks up to this step are left out
    A run has diverged if a number is missing or above 1e6: what blows up may end with all units dead, and finite.
    """
    looks = results.of(table, measure, "all")
    looks = looks.assign(value=looks["value"].where(looks["value"] < 1e6))
    looks = looks[looks["step"] > after] if after else looks
    means = looks.groupby(["case", "arm", "seed"], sort=False)["value"].agg(lambda values: values.mean(skipna=False))
    return means.reset_index().assign(step=looks["step"].max(), measure=measure)


def steps_to_90(table, last):
    """Steps to 90 % of each run, as a table; a run that never gets there counts as if it did at the last step."""
    steps = results.of(table, "steps_to_90")
    return steps.assign(value=steps["value"].fillna(last))


@torch.no_grad()
def layer_inputs(net, x, training=True):
    """What the activations of every net of a stack get: a list of (N, P, units), first layer first.

    training  in training mode, or else in evaluation mode
    It works on a copy, so neither the running statistics nor the noise to come change.
    """
    net, found = copy.deepcopy(net).train(training), []
    for name, layer in net.named_children():
        if name.rstrip("0123456789") in nets.ACTIVATIONS:
            layer.register_forward_pre_hook(lambda layer, z: found.append(z[0].permute(2, 0, 1).cpu().numpy().copy()))
    net(x)
    return found
