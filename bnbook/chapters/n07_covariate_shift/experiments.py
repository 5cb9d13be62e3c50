"""The experiments of notebook 07: three measures of internal covariate shift, and what each says about speed."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch.func import functional_call

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all, tensors
from bnbook.lab.results import interval, steps_to, versions

from .functions import gradient_change, wasserstein_1d

evidence = results.shelf(__file__)

_RELU = Setting(net="mlp", width=64, depth=5, every=5, steps=300, lr=0.1)
_SIGMOID = Setting(net="mlp", width=100, depth=3, every=5, steps=300, activation="sigmoid", init=1.0, lr=0.5)

CASES = {
    "ReLU, He, 0.01": replace(_RELU, lr=0.01),
    "ReLU, He, 0.1": _RELU,
    "ReLU, He, 0.3": replace(_RELU, lr=0.3),
    "ReLU, default, 0.1": replace(_RELU, init="torch"),
    "ReLU, default, 0.3": replace(_RELU, init="torch", lr=0.3),
    "tanh, gain 1, 0.1": replace(_RELU, activation="tanh", init=1.0),
    "tanh, gain 1, 0.3": replace(_RELU, activation="tanh", init=1.0, lr=0.3),
    "sigmoid, gain 1, 0.5": _SIGMOID,
    "sigmoid, gain 1, 1": replace(_SIGMOID, lr=1.0),
}
ARMS = {
    "none": {"norm": "none"},
    "start": {"norm": "none", "standardized": True},
    "batch": {"norm": "batch"},
    "noisy": {"norm": "batch", "noise": 1.0},
    "noisier": {"norm": "batch", "noise": 2.0},
}


# --- what a unit gets, over training ---------------------------------------------------------------------------------

PERCENTILES = (15, 50, 85)


def unit_inputs(data, seeds=5, arms=("none", "batch", "start"), lr=0.5, steps=450, device="cpu", progress=False):
    """Percentiles of what the sigmoids of the last hidden layer get, over training: the first figure of the paper.

        pixels-100-100-100-classes, sigmoids, plain SGD, batches of 60, weights normal with sd 1 / sqrt(fan_in)

    data   data.Data; percentiles are over its first 500 training images, in training mode
    arms   'none', 'batch', 'start' (standardized once, then without normalization)
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
            z = _inputs(moment.net, x)[-1]
            return {"percentiles": np.percentile(z, PERCENTILES, axis=0).transpose(1, 2, 0)}  # (P, units, 3)

    base = replace(_SIGMOID, lr=lr, steps=steps, batch_size=60)
    grid = [replace(base, **ARMS[arm], seed=seed) for arm in arms for seed in range(seeds)]
    runs = run_all(grid, data, device, progress, watch)
    found = [_percentiles(arm, runs[i * seeds : (i + 1) * seeds]) for i, arm in enumerate(arms)]
    return {
        **{"experiment": "unit_inputs", "versions": versions(), "seeds": seeds, "lr": lr},
        **{"percentiles": list(PERCENTILES), "arms": found},
    }


def _percentiles(arm, runs):
    """Summary of one arm, see `unit_inputs`."""
    values = np.array([run["watched"]["percentiles"] for run in runs])  # (seeds, checks, units, 3)
    medians = np.ptp(values[..., 1], axis=1)  # (seeds, units)
    usual = np.argsort(medians[0])[medians.shape[1] // 2]
    return {
        **{"arm": arm, "step": runs[0]["watched"]["step"], "curves": values[0, :, usual].tolist()},
        **{"range": medians.mean(1).tolist(), "spread": (values[:, 0, :, 2] - values[:, 0, :, 0]).mean(1).tolist()},
        **{"accuracy_step": runs[0]["step"], "accuracy": [run["test_accuracy"] for run in runs]},
        "steps_to_90": [steps_to(run) for run in runs],
    }


@torch.no_grad()
def _inputs(net, x):
    """What the activations of every net of a stack get in training mode: a list of (N, P, units), first layer first.

    It works on a copy, so neither the running statistics nor the noise to come change.
    """
    net, found = copy.deepcopy(net).train(), []
    for name, layer in net.named_children():
        if name.rstrip("0123456789") in nets.ACTIVATIONS:
            layer.register_forward_pre_hook(lambda layer, z: found.append(z[0].permute(2, 0, 1).cpu().numpy().copy()))
    net(x)
    return found


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
        before, looks["last"] = looks.get("last"), _inputs(moment.net, x)
        if moment.step == 0:  # `before` is of other nets
            return None
        moved = [_moved(*pair) for pair in zip(before, looks["last"], strict=True)]
        return {name: np.mean([layer[name] for layer in moved], axis=0) for name in moved[0]}

    found = _over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = [
        {**labels, **{name: [_mean(run, name) for run in runs] for name in ("distance", "mean")}}
        for labels, runs in found
    ]
    factors = [_factor(case, arms_found) for case in cases if {"none", "batch"} <= set(arms)]
    return {
        **{"experiment": "input_drift", "versions": versions(), "seeds": seeds, "steps": steps},
        **{"cases": list(cases), "arms": arms_found, "factors": factors},
    }


def _moved(before, after):
    """distance and mean of one layer, see `input_drift`: (P,) each, from (N, P, units)."""
    with np.errstate(all="ignore"):  # a run may diverge
        sd = before.std(0)
        distance = wasserstein_1d(before, after) / sd
        mean = np.abs(after.mean(0) - before.mean(0)) / sd
    return {"distance": distance.mean(1), "mean": mean.mean(1)}


def _mean(run, name):
    """Mean over the looks at one run, None if it diverged."""
    values = run["watched"][name]
    return None if None in values else float(np.mean(values))


def _pairs(case, arms, name):
    """What was found without and with BatchNorm, two arrays: the seeds of which no run diverged."""
    none, batch = (_arm(arms, case, arm)[name] for arm in ("none", "batch"))
    pairs = [pair for pair in zip(none, batch, strict=True) if None not in pair]
    return np.array(pairs).reshape(-1, 2).T


def _factor(case, arms):
    """How many times less the inputs move with BatchNorm: geometric mean over seeds and its interval."""
    found = {"case": case}
    for name in ("distance", "mean"):
        none, batch = _pairs(case, arms, name)
        logs = np.log(none / batch)
        found["pairs"] = len(logs)
        found[name] = float(np.exp(logs.mean())) if len(logs) > 1 else None
        found[f"{name}_interval"] = np.exp(interval(logs)).tolist() if len(logs) > 1 else None
    return found


def _arm(arms, case, name):
    return next(arm for arm in arms if (arm["case"], arm["arm"]) == (case, name))


def _over_cases(data, cases, arms, seeds, changes, watch, device, progress, keep):
    """Train every arm of every case; a list of ({'case': ..., 'arm': ...}, runs)."""
    labels = [{"case": case, "arm": arm} for case in cases for arm in arms]
    grid = [
        replace(CASES[each["case"]], **ARMS[each["arm"]], **changes, seed=seed)
        for each in labels
        for seed in range(seeds)
    ]
    runs = run_all(grid, data, device, progress, watch, keep)
    return [(each, runs[i * seeds : (i + 1) * seeds]) for i, each in enumerate(labels)]


def same_runs(live, stored, names):
    """Whether each arm of live has the numbers that stored has for the same case, arm and seeds, to four digits.

    live, stored  what one of the experiments above and below returned, live for the first seeds alone
    names         of the numbers, one per seed
    """
    pairs = [(arm, _arm(stored["arms"], arm["case"], arm["arm"])) for arm in live["arms"]]
    return all(np.allclose(a[name], b[name][: live["seeds"]], rtol=1e-4) for a, b in pairs for name in names)


# --- gradients -------------------------------------------------------------------------------------------------------


def gradient_shift(
    data, seeds=8, cases=tuple(CASES), arms=("none", "batch"), steps=300, device="cpu", progress=False, keep=None
):
    """How much a layer's gradient changes when only the layers below it have made their step.

        G_i   gradient of the weights of layer i, at the weights before the step
        G'_i  the same batch, the same weights in layer i and above, the layers below after the step

    data   data.Data
    cases  names in CASES
    arms   names in ARMS without noise; arms that share a case and a seed are paired
    steps  of training; looks are taken before steps 0, 10, ..., 90
    Returns a dict: experiment, seeds, steps, cases, arms (each with case, arm, steps_to_90, and one number per seed,
    the mean over looks and over the layers from the second to the last, of relative and cosine, see `gradient_change`),
    differences (per case BatchNorm minus none: pairs, relative, cosine, each with interval; None as in `input_drift`).
    Source: Santurkar et al. 2018, definition 2.1.
    """

    def watch(moment):
        if moment.step % 10 == 0 and moment.step < min(100, steps):
            pairs = _gradients(moment)
            with np.errstate(all="ignore"):  # a run may diverge
                changes = [[gradient_change(*pair) for pair in zip(*layer, strict=True)] for layer in pairs]
            relative, cosine = np.mean(changes, axis=0).T  # over layers, for each member
            return {"relative": relative, "cosine": cosine}

    found = _over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = [
        {
            **{**labels, "steps_to_90": [steps_to(run) for run in runs]},
            **{name: [_mean(run, name) for run in runs] for name in ("relative", "cosine")},
        }
        for labels, runs in found
    ]
    differences = [_difference(case, arms_found) for case in cases if {"none", "batch"} <= set(arms)]
    return {
        **{"experiment": "gradient_shift", "versions": versions(), "seeds": seeds, "steps": steps},
        **{"cases": list(cases), "arms": arms_found, "differences": differences},
    }


def _difference(case, arms):
    """BatchNorm minus none, paired by seed."""
    found = {"case": case}
    for name in ("relative", "cosine"):
        none, batch = _pairs(case, arms, name)
        found["pairs"] = len(none)
        found[name] = float((batch - none).mean()) if len(none) > 1 else None
        found[f"{name}_interval"] = list(interval(batch - none)) if len(none) > 1 else None
    return found


def _gradients(moment):
    """(G_i, G'_i) of each layer from the second on: pairs of (P, ...) arrays. The net stays as it is."""
    old = {name: p.detach() for name, p in moment.net.named_parameters()}
    layers = [name for name in old if name.startswith("linear") and name.endswith("weight")]
    numbers = {name: _layer_number(name) for name in old}
    lr = torch.tensor([setting.lr for setting in moment.settings], dtype=moment.x.dtype, device=moment.x.device)
    before = _gradient_at(moment, old)
    new = {name: p - lr.view(-1, *(1,) * (p.dim() - 1)) * before[name] for name, p in old.items()}
    pairs = []
    for layer in layers[1:]:
        below = {name: new[name] if numbers[name] < numbers[layer] else p for name, p in old.items()}
        pairs.append([g[layer].cpu().numpy() for g in (before, _gradient_at(moment, below))])
    return pairs


def _layer_number(name):
    """Which layer a parameter belongs to: 3 for 'linear3.weight' and 'norm3.bias'; the last one, 'linear', has none."""
    digits = "".join(c for c in name.split(".")[0] if c.isdigit())
    return int(digits) if digits else float("inf")


def _gradient_at(moment, parameters):
    """Gradients of the loss of the batch to come, at these parameters, by name."""
    leaves = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    kept = {name: b.clone() for name, b in moment.net.named_buffers()}  # the running statistics stay as they are
    moment.net.train()
    loss = train.per_member_loss(functional_call(moment.net, {**leaves, **kept}, (moment.x,)), moment.y)
    return dict(zip(leaves, torch.autograd.grad(loss.sum(), list(leaves.values())), strict=True))


# --- noise -----------------------------------------------------------------------------------------------------------


def noisy_batch_norm(
    data, seeds=8, cases=("ReLU, He, 0.1", "ReLU, default, 0.1", "sigmoid, gain 1, 0.5"),
    arms=("none", "batch", "noisy", "noisier"), steps=450, device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Does BatchNorm still train fast if noise shifts what every layer gets, anew at each step?

    data   data.Data
    cases  names in CASES
    arms   names in ARMS; 'noisy' is `nets.Noise` of level 1 behind each BatchNorm, 'noisier' of level 2
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
        before, looks["last"] = looks.get("last"), _inputs(moment.net, x)
        if moment.step == 0:
            return None
        return {"distance": np.mean([_moved(*p)["distance"] for p in zip(before, looks["last"], strict=True)], axis=0)}

    found = _over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = []
    for labels, runs in found:
        curves = np.array([run["test_accuracy"] for run in runs])
        quantiles = {"lowest": curves.min(0), "median": np.median(curves, 0), "highest": curves.max(0)}
        arms_found.append(
            {
                **{**labels, "step": runs[0]["step"]},
                **{name: values.round(4).tolist() for name, values in quantiles.items()},
                **{"distance": [_mean(run, "distance") for run in runs]},
                **{"steps_to_90": [steps_to(run) for run in runs], "accuracy": curves[:, -1].tolist()},
            }
        )
    return {
        **{"experiment": "noisy_batch_norm", "versions": versions(), "seeds": seeds, "steps": steps},
        **{"cases": list(cases), "arms": arms_found, "differences": _slower(cases, arms_found, steps)},
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
