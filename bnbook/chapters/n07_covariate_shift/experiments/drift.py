"""The experiments of notebook 07 on what layers get, over training: where a unit's inputs lie, how far they move."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all, tensors
from bnbook.lab.results import interval, steps_to, versions

from ..functions import wasserstein_1d
from .cases import ARMS, CASES, SIGMOID, layer_inputs, mean_over_looks, over_cases, pairs

# --- what a unit gets ------------------------------------------------------------------------------------------------

PERCENTILES = (15, 50, 85)


def unit_inputs(
    data, seeds=5, arms=("none", "batch", "start"), lr=0.5, steps=450, device="cpu", progress=False, keep=None
):
    """Percentiles of what the sigmoids of the last hidden layer get, over training: the first figure of the paper.

        pixels-100-100-100-classes, sigmoids, plain SGD, batches of 60, weights normal with sd 1 / sqrt(fan_in)

    data   data.Data; percentiles are over its first 500 training images, in training mode
    arms   'none', 'batch', 'start' (standardized once, then without normalization)
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, seeds, lr, percentiles, arms (each with arm, step, accuracy (one curve per seed), and
    steps_to_90), and in each arm, of the last hidden layer,
        curves  of one unit of the first seed, the one whose median moves as far as that of most: (checks, 3)
        range   over how much a unit's median moves during training: mean over units, one per seed
        spread  85th minus 15th percentile at the start: mean over units, one per seed
    Source: Ioffe & Szegedy 2015, section 4.1 and figure 1.
    """
    x = tensors(data, device)[0][:500]

    def watch(moment):
        if moment.step % 10 == 0:
            z = layer_inputs(moment.net, x)[-1]
            return {"percentiles": np.percentile(z, PERCENTILES, axis=0).transpose(1, 2, 0)}  # (P, units, 3)

    base = replace(SIGMOID, lr=lr, steps=steps, batch_size=60)
    grid = [replace(base, **ARMS[arm], seed=seed) for arm in arms for seed in range(seeds)]
    runs = run_all(grid, data, device, progress, watch, keep)
    found = [_percentiles(arm, runs[i * seeds : (i + 1) * seeds]) for i, arm in enumerate(arms)]
    return {
        "experiment": "unit_inputs",
        "versions": versions(),
        "seeds": seeds,
        "lr": lr,
        "percentiles": list(PERCENTILES),
        "arms": found,
    }


def _percentiles(arm, runs):
    """Summary of one arm, see `unit_inputs`."""
    values = np.array([run["watched"]["percentiles"] for run in runs])  # (seeds, checks, units, 3)
    medians = np.ptp(values[..., 1], axis=1)  # (seeds, units)
    usual = np.argsort(medians[0])[medians.shape[1] // 2]
    return {
        "arm": arm,
        "step": runs[0]["watched"]["step"],
        "curves": values[0, :, usual].tolist(),
        "range": medians.mean(1).tolist(),
        "spread": (values[:, 0, :, 2] - values[:, 0, :, 0]).mean(1).tolist(),
        "accuracy_step": runs[0]["step"],
        "accuracy": [run["test_accuracy"] for run in runs],
        "steps_to_90": [steps_to(run) for run in runs],
    }


# --- drift -----------------------------------------------------------------------------------------------------------


def input_drift(
    data, seeds=8, cases=tuple(CASES), arms=("none", "start", "batch"), steps=200, device="cpu", progress=False,
    keep=None,
):  # fmt: skip
    """How far the layers' inputs move in ten steps, on 500 fixed training images in training mode.

    data   data.Data
    cases  names in CASES
    arms   names in ARMS; arms that share a case and a seed are paired
    steps  a look is taken at step 0 and after every ten
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, seeds, steps, cases, arms (each with case, arm, and one number per seed, the mean over
    looks, layers and units, of
        distance  `wasserstein_1d` from one look to the next
        mean      how far the unit's mean has moved
    both in sd of the unit's input at the earlier look), factors (per case: how many times less the input moves with
    BatchNorm than without: pairs of runs that did not diverge, and distance, mean, each with interval). A run that
    diverged has None, and so has a case with fewer than two pairs.
    """
    x = tensors(data, device)[0][:500]
    looks = {}

    def watch(moment):
        if moment.step % 10:
            return None
        before, looks["last"] = looks.get("last"), layer_inputs(moment.net, x)
        if moment.step == 0:  # `before` is of other nets
            return None
        layers = [movement(*pair) for pair in zip(before, looks["last"], strict=True)]
        return {name: np.mean([layer[name] for layer in layers], axis=0) for name in layers[0]}

    found = over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = [
        labels | {name: [mean_over_looks(run, name) for run in runs] for name in ("distance", "mean")}
        for labels, runs in found
    ]
    factors = [_factor(case, arms_found) for case in cases if {"none", "batch"} <= set(arms)]
    return {
        "experiment": "input_drift",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "arms": arms_found,
        "factors": factors,
    }


def movement(before, after):
    """distance and mean of one layer, see `input_drift`: (P,) each, from (N, P, units)."""
    with np.errstate(all="ignore"):  # a run may diverge
        sd = before.std(0)
        distance = wasserstein_1d(before, after) / sd
        mean = np.abs(after.mean(0) - before.mean(0)) / sd
    return {"distance": distance.mean(1), "mean": mean.mean(1)}


def _factor(case, arms):
    """How many times less the inputs move with BatchNorm: geometric mean over seeds and its interval."""
    found = {"case": case}
    for name in ("distance", "mean"):
        none, batch = pairs(case, arms, name)
        logs = np.log(none / batch)
        found["pairs"] = len(logs)
        found[name] = float(np.exp(logs.mean())) if len(logs) > 1 else None
        found[f"{name}_interval"] = np.exp(interval(logs)).tolist() if len(logs) > 1 else None
    return found
