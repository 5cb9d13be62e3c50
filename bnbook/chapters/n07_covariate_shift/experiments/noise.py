"""The experiment of notebook 07 that puts the shift back in: BatchNorm with noise behind it."""

import numpy as np

from bnbook.lab.engine import tensors
from bnbook.lab.results import interval, steps_to, versions

from .cases import layer_inputs, mean_over_looks, over_cases
from .drift import movement


def noisy_batch_norm(
    data, seeds=8, cases=("ReLU, He, 0.1", "ReLU, default, 0.1", "sigmoid, gain 1, 0.5"),
    arms=("none", "batch", "noisy", "noisier"), steps=450, device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Does BatchNorm still train fast if noise shifts what every layer gets, anew at each step?

    data   data.Data
    cases  names in CASES
    arms   names in ARMS; 'noisy' is `nets.Noise` of level 1 behind each BatchNorm, 'noisier' of level 2
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, seeds, steps, cases, arms (each with case, arm, step, the lowest, median and highest
    accuracy over the seeds at each, and per seed: distance, as in `input_drift`, steps_to_90, accuracy at the end),
    differences (per case and noisy arm: steps to 90 % minus those of the net without normalization, with interval; a
    run that never gets there counts as if it did at the last step).
    Source: Santurkar et al. 2018, section 2.1.
    """
    x = tensors(data, device)[0][:500]
    looks = {}

    def watch(moment):
        if moment.step % 10 or moment.step > 200:
            return None
        before, looks["last"] = looks.get("last"), layer_inputs(moment.net, x)
        if moment.step == 0:
            return None
        layers = [movement(*pair) for pair in zip(before, looks["last"], strict=True)]
        return {"distance": np.mean([layer["distance"] for layer in layers], axis=0)}

    found = over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = [labels | _summary(runs) for labels, runs in found]
    return {
        "experiment": "noisy_batch_norm",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "arms": arms_found,
        "differences": _slower(cases, arms_found, steps),
    }


def _summary(runs):
    """Summary over the seeds of one arm, see `noisy_batch_norm`."""
    curves = np.array([run["test_accuracy"] for run in runs])
    return {
        "step": runs[0]["step"],
        "lowest": curves.min(0).round(4).tolist(),
        "median": np.median(curves, 0).round(4).tolist(),
        "highest": curves.max(0).round(4).tolist(),
        "distance": [mean_over_looks(run, "distance") for run in runs],
        "steps_to_90": [steps_to(run) for run in runs],
        "accuracy": curves[:, -1].tolist(),
    }


def _slower(cases, arms, steps):
    """Steps to 90 % minus those without normalization, paired by seed, for each other arm."""
    differences = []
    for case in cases:
        none = next((arm for arm in arms if (arm["case"], arm["arm"]) == (case, "none")), None)
        if none is None:  # not among the arms asked for
            continue
        for arm in (arm for arm in arms if arm["case"] == case and arm is not none):
            mine, theirs = ([steps if n is None else n for n in each["steps_to_90"]] for each in (arm, none))
            paired = np.subtract(mine, theirs)
            found = {"case": case, "arm": arm["arm"], "steps": float(paired.mean())}
            differences.append({**found, "interval": list(interval(paired))})
    return differences
