"""The experiments of notebook 07 on what layers get, over training: where a unit's inputs lie, how far they move."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all, tensors
from bnbook.lab.results import steps_to, versions

from ..functions import wasserstein_1d
from .cases import ARMS, CASES, SIGMOID, layer_inputs, over_cases, tabled

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
    """How far the layers' inputs move in ten steps, on 500 fixed training images.

    data   data.Data
    cases  names in CASES
    arms   names in ARMS; arms that share a case and a seed are paired
    steps  a look is taken at step 0 and after every ten
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, steps, cases, and table (case, arm, seed, step, measure, value). At
    every fiftieth step there is the mean, over the five looks since, all layers and units, of what `movement` finds
    in training mode, and as eval_distance, eval_mean and eval_absolute in evaluation mode. A run that diverges has nan.
    """
    watch = drift_since(tensors(data, device)[0][:500], modes=("", "eval_"))
    settings = {case: CASES[case] for case in cases}
    found = over_cases(data, settings, arms, seeds, watch, device, progress, keep, {"steps": steps, "every": steps})
    return {
        "experiment": "input_drift",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "table": tabled(*found),
    }


def drift_since(x, modes=("",), until=np.inf):
    """A watch function: how far the inputs of the layers, on images x, have moved from one tenth step to the next.

    modes  '' for training mode, 'eval_' for evaluation mode: what the names of the measures begin with
    until  the last step at which to look
    It answers at every fiftieth step and after the last: the means, over the looks since, of what `movement` finds.
    """
    last, since = {}, []

    def watch(moment):
        if moment.step % 10 or moment.step > until:
            return None
        now = {mode: layer_inputs(moment.net, x, training=not mode) for mode in modes}
        before = dict(last)
        last.update(now)
        if moment.step == 0:  # what was before is of other nets
            since.clear()
            return None
        since.append({mode + name: value for mode in modes for name, value in _over_layers(before, now, mode).items()})
        if moment.step % 50 and moment.x is not None:
            return None
        means = {name: np.mean([look[name] for look in since], axis=0) for name in since[0]}
        since.clear()
        return means

    return watch


def _over_layers(before, now, mode):
    layers = [movement(*pair) for pair in zip(before[mode], now[mode], strict=True)]
    return {name: np.mean([layer[name] for layer in layers], axis=0) for name in layers[0]}


def movement(before, after):
    """How far the inputs of one layer have moved: means over its units.

    before, after  (N, P, units)  the inputs of P nets, for the same images
    Returns a dict of (P,):
        distance  `wasserstein_1d`, in sd of the unit's input before
        mean      how far the unit's mean has moved, in the same unit
        absolute  `wasserstein_1d`, in the units of the inputs
    """
    with np.errstate(all="ignore"):  # a run may diverge
        sd, way = before.std(0), wasserstein_1d(before, after)
        found = {"distance": way / sd, "mean": np.abs(after.mean(0) - before.mean(0)) / sd, "absolute": way}
    return {name: values.mean(1) for name, values in found.items()}
