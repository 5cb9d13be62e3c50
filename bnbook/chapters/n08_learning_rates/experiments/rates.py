"""The experiments of notebook 08 that sweep learning rates; what follows from them is in `conclusions`."""

from dataclasses import replace

import numpy as np

from bnbook.lab import results
from bnbook.lab.engine import Setting, hidden_weights, run_all

# Quarter decades from 0.00056 to 18: far enough for every arm to fail at both ends, whether after 300 or 1000 steps.
RATES = tuple(round(10 ** (k / 4), 6) for k in range(-13, 6))
STEPS = (300, 1000)
NET = Setting(net="mlp", width=64, depth=5)
ARMS = {
    "none": {"norm": "none"},
    "batch": {"norm": "batch"},
    "layer": {"norm": "layer"},
    "start": {"norm": "none", "standardized": True},
    "clip": {"norm": "none", "clip": 1.0},
    "momentum": {"norm": "none", "momentum": 0.9},
    "batch_momentum": {"norm": "batch", "momentum": 0.9},
}
LONG = {5: ("none", "batch")}  # layers, and arms that are trained on: all of them would take an hour
GOAL = 0.9
# What the notebook trains again and compares with what is stored; beside it, for twins alone, the plain net's cliff.
CALM, CLIFF = RATES[3:11:2], RATES[12]
AGAIN = {"depth": (5,), "init": ("he",), "arm": ("none", "batch"), "lr": (*CALM, CLIFF), "seed": range(3)}


def learning_rates(
    data, seeds=5, depths=(5, 10), inits=("he", "torch"), arms=tuple(ARMS), rates=RATES, steps=STEPS, twins=5,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Which learning rates train a net? Several arms, many rates, and one rate for the whole of a run.

    data    data.Data
    seeds   runs per arm and rate, 2 or more; arms that share a seed have the same weights and the same batches
    depths  hidden layers of the MLP, 64 units each, ReLU
    inits   'he', 'torch' (PyTorch's default) or both
    arms    of none, batch, layer, start (standardized once, no normalization), clip (gradient shortened to norm 1),
            momentum (0.9, no normalization), batch_momentum
    rates   learning rates, increasing; the arms with momentum get a tenth of each, which makes steps of the same size
    steps   of SGD, batches of 64, after which accuracy is measured, in one run, as its rate is constant. Only none
            and batch with 5 layers are trained on after the first of these: see LONG
    twins   of each run that the notebook makes again (see AGAIN), see `results.again`
    keep    a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, rates, steps and table (depth, init, arm, lr, seed, twin); `bands` says
    what follows.
    Raises ValueError if seeds is below 2 or an arm is unknown.
    """
    _check(seeds, arms)
    varied = {"depth": depths, "init": inits, "arm": arms, "lr": rates, "seed": range(seeds), "twin": (0,)}
    labels = [label | {"lr": _rate(**label)} for label in _with_twins(results.grid(**varied), AGAIN, twins)]
    settings = [
        replace(NET, **_of_setting(label), **ARMS[label["arm"]], **_length(label, steps, _is_long(label)))
        for label in labels
    ]
    table = results.table(labels, run_all(settings, data, device, progress, keep=keep))
    return _found("learning_rates", seeds, table[table["step"].isin(steps)], rates=list(rates), steps=list(steps))


def _check(seeds, arms):
    results.check_seeds(seeds)
    unknown = [arm for arm in arms if arm not in ARMS]
    if unknown:
        raise ValueError(f"arm {unknown[0]!r} is unknown; the arms are {', '.join(ARMS)}")


def _with_twins(labels, again, twins):
    """labels, and after them the twins of those whose values are all among `again`."""
    same = [label for label in labels if all(label[name] in values for name, values in again.items())]
    return labels + [label | {"twin": twin} for twin in range(1, twins + 1) for label in same]


def _rate(arm, lr, **_):
    return round(lr * (1 - ARMS[arm].get("momentum", 0)), 7)


def _of_setting(label):
    return {name: value for name, value in label.items() if name != "arm"}


def _is_long(label):
    return label["arm"] in LONG.get(label["depth"], ())


def _length(label, steps, long=True):
    """How long a run is, and how often it is measured; twins serve the runs made again, which are short."""
    return {"steps": max(steps) if long and not label["twin"] else min(steps), "every": int(np.gcd.reduce(steps))}


def _found(name, seeds, table, **given):
    versions = results.versions()
    return {"experiment": name, "versions": versions, "seeds": seeds, **given, "table": table.reset_index(drop=True)}


def matched_rates(
    data, seeds=5, rates=(0.01, 0.03, 0.1, 0.3, 1.0), arms=("none", "batch"), steps=1000, twins=5,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Two nets at the same learning rate, from small to large: which is faster, and which is better in the end?

    data   data.Data
    seeds  runs per arm and rate, 2 or more, paired
    rates  learning rates
    arms   'none' and 'batch', or others of ARMS: the 5-layer MLP of `learning_rates`, He initialization
    twins  of each run that the notebook makes again, see `results.again`
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, goal (0.9), steps and table (lr, arm, seed, twin). Its measure reached
    is the step at which test accuracy is `goal` or more for the first time, to 10 steps; nan: never. Test accuracy
    itself is given every 10 steps up to 100, and every 50 from there on.
    Raises ValueError as `learning_rates` does.
    """
    _check(seeds, arms)
    varied = results.grid(lr=rates, arm=arms, seed=range(seeds), twin=(0,))
    labels = _with_twins(varied, {"lr": (0.01,), "seed": range(2)}, twins)
    settings = [replace(NET, **_of_setting(label), **ARMS[label["arm"]], steps=steps, every=10) for label in labels]
    runs = run_all(settings, data, device, progress, keep=keep)
    reached = [{"step": [steps], "reached": [results.steps_to(run, GOAL)]} for run in runs]
    table = results.table(labels, [run | {"watched": found} for run, found in zip(runs, reached, strict=True)])
    shown = (table["step"] <= 100) | (table["step"] % 50 == 0) | (table["step"] == steps)
    return _found("matched_rates", seeds, table[shown], goal=GOAL, steps=steps)


def extreme_rates(data, seeds=5, rates=None, steps=STEPS, twins=5, device="cpu", progress=False, keep=None):
    """The learning rate of the hidden weights alone, up to a million: the last layer, gamma and beta keep 0.1.

    data   data.Data
    seeds  runs per arm and rate, 2 or more, paired
    rates  of the hidden weights; default: half decades from 0.001 to a million
    steps  of SGD, after which accuracy is measured
    twins  of each run that the notebook makes again, see `results.again`
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, rates, steps and table (arm, lr, seed, twin), with the measure length
    (of all hidden weights). Arms: none, batch, sphere (BatchNorm, and after each step every hidden unit's weights get
    back the length they had at the start); and frozen, lr 0: BatchNorm with hidden weights that stay as they are, what
    the other parameters can do by themselves.
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    rates = [float(10 ** (k / 2)) for k in range(-6, 13)] if rates is None else list(rates)
    labels = results.grid(arm=("none", "batch", "sphere"), lr=rates, seed=range(seeds), twin=(0,))
    labels += results.grid(arm=("frozen",), lr=(0.0,), seed=range(seeds), twin=(0,))
    labels = _with_twins(labels, {"lr": (0.0, 0.1), "seed": range(2)}, twins)
    settings = [_extreme(label, steps) for label in labels]
    table = results.table(labels, run_all(settings, data, device, progress, watch=_hidden_length, keep=keep))
    return _found("extreme_rates", seeds, table[table["step"].isin((0, *steps))], rates=rates, steps=list(steps))


def _extreme(label, steps):
    kind = {"norm": "none" if label["arm"] == "none" else "batch", "sphere": label["arm"] == "sphere"}
    setting = replace(NET, **_of_setting(label), **kind, **_length(label, steps))
    return replace(setting, lr=0.1, hidden_lr=label["lr"] or 1e-30)  # 0 is no learning rate


def _hidden_length(moment):
    """Length of all hidden weights of each member, whenever accuracy is measured."""
    if moment.step % moment.settings[0].every:
        return None
    squares = [
        moment.net.get_parameter(name).detach().flatten(1).square().sum(1) for name in hidden_weights(moment.net)
    ]
    return {"length": sum(squares).sqrt()}
