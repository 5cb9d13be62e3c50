"""The experiments of notebook 08 that sweep learning rates; see `scale`, `decay` and `landscape` for why."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import Setting, hidden_weights, run_all
from bnbook.lab.results import band, check_seeds, interval, versions

# Quarter decades from 0.0003 to 32: far enough for every arm to fail at both ends.
RATES = tuple(round(10 ** (k / 4), 6) for k in range(-14, 7))
NET = Setting(net="mlp", width=64, depth=5, steps=300, every=300)
ARMS = {
    "none": {"norm": "none"},
    "batch": {"norm": "batch"},
    "layer": {"norm": "layer"},
    "clip": {"norm": "none", "clip": 1.0},
    "start": {"norm": "none", "standardized": True},
    "momentum": {"norm": "none", "momentum": 0.9},
    "batch_momentum": {"norm": "batch", "momentum": 0.9},
}
BASELINE = {"batch_momentum": "momentum"}  # the arm that a ratio of largest rates is taken to; 'none' for all others


def learning_rates(
    data, seeds=5, depths=(5, 10), inits=("he", "torch"), arms=tuple(ARMS), rates=RATES, steps=300,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """How wide is the band of good learning rates, and which is the largest that trains? Several arms, many rates.

    data    data.Data
    seeds   runs per arm and rate, 2 or more; arms that share a seed have the same weights and the same batches
    depths  hidden layers of the MLP, 64 units each, ReLU
    inits   'he', 'torch' or both
    arms    of none, batch, layer, clip (gradient shortened to norm 1), start (standardized once, no normalization),
            momentum (0.9, no normalization), batch_momentum
    rates   learning rates, increasing; the arms with momentum get a tenth of each, which makes steps of the same size
    steps   of SGD, batches of 64; a net that is slow has a lower left edge with more of them
    keep    a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, rates, best (the highest mean accuracy over seeds of any arm at any
    rate), arms: one for each depth, init and arm, with lr, accuracy and failed (both rates x seeds; failed: the final
    training loss is above half of that of guessing), and what `width_and_ceiling` adds. Print no digits of the runs
    near the largest rate that trains: rounding errors grow there.
    Raises ValueError if seeds is below 2 or an arm is unknown.
    """
    _check(seeds, arms)
    grid = [(depth, init, arm) for depth in depths for init in inits for arm in arms]
    settings = [
        replace(NET, depth=depth, init=init, **ARMS[arm], lr=lr, steps=steps, every=steps, seed=seed)
        for depth, init, arm in grid
        for lr in _rates(arm, rates)
        for seed in range(seeds)
    ]
    runs = run_all(settings, data, device, progress, keep=keep)
    found, each = [], len(rates) * seeds
    for i, (depth, init, arm) in enumerate(grid):
        part = runs[i * each : (i + 1) * each]
        accuracy = np.array([run["test_accuracy"][-1] for run in part]).reshape(-1, seeds)
        failed = np.array([run["diverged"] for run in part]).reshape(-1, seeds)
        key = {"depth": depth, "init": init, "arm": arm, "lr": _rates(arm, rates)}
        found.append({**key, "accuracy": accuracy.round(6).tolist(), "failed": failed.astype(int).tolist()})
    best = max(np.mean(arm["accuracy"], 1).max() for arm in found)
    return {
        "experiment": "learning_rates",
        "versions": versions(),
        "seeds": seeds,
        "rates": list(rates),
        "best": float(best),
        "arms": width_and_ceiling(found, best),
    }


def _check(seeds, arms):
    check_seeds(seeds)
    unknown = [arm for arm in arms if arm not in ARMS]
    if unknown:
        raise ValueError(f"arm {unknown[0]!r} is unknown; the arms are {', '.join(ARMS)}")


def _rates(arm, rates):
    return [round(lr * (1 - ARMS[arm].get("momentum", 0)), 7) for lr in rates]


def width_and_ceiling(arms, best, share=0.9):
    """The arms of `learning_rates` with their summaries over seeds.

    arms   as `learning_rates` returns them; share and best as in `band`
    Returns the arms, each with
        band     mean, interval, seeds (one width for each), enclosed (the first and the last rate are no good)
        largest  rate up to which training works, from the seed's best rate on without a failure between: seeds (one
                 for each, None if there is none), mean (geometric; None if a seed has none), and ratio, interval: to
                 the baseline's, paired by seed
    """
    return [{**arm, "band": _band(arm, best, share), "largest": _largest(arm, arms)} for arm in arms]


def _band(arm, best, share):
    accuracy = np.array(arm["accuracy"])
    widths = [band(arm["lr"], column, best, share) for column in accuracy.T]
    enclosed = bool((accuracy[[0, -1]] < share * best).all())
    return {"mean": float(np.mean(widths)), "interval": list(interval(widths)), "seeds": widths, "enclosed": enclosed}


def _largest(arm, arms):
    seeds = _largest_per_seed(arm)
    mean = None if None in seeds else float(np.exp(np.mean(np.log(seeds))))
    found = {"seeds": seeds, "mean": mean, "ratio": None, "interval": None}
    key = {"depth": arm["depth"], "init": arm["init"], "arm": BASELINE.get(arm["arm"], "none")}
    base = next((other for other in arms if key.items() <= other.items()), None)
    if base is not None and base["arm"] != arm["arm"]:
        against = _largest_per_seed(base)
        if None not in seeds + against:
            logs = np.log(seeds) - np.log(against)
            found |= {"ratio": float(np.exp(logs.mean())), "interval": np.exp(interval(logs)).tolist()}
    return found


def _largest_per_seed(arm):
    works, accuracy = ~np.array(arm["failed"], dtype=bool), np.array(arm["accuracy"])
    return [_up_to_a_failure(arm["lr"], *columns) for columns in zip(works.T, accuracy.T, strict=True)]


def _up_to_a_failure(lr, works, accuracy):
    """The largest rate up to which all work, from the best one on; None if none works."""
    if not works.any():
        return None
    best = int(np.argmax(np.where(works, accuracy, -1)))
    failed = np.flatnonzero(~works[best:])  # a rate that works beyond a failure is luck
    return float(lr[best + failed[0] - 1] if len(failed) else lr[-1])


def matched_rates(
    data, seeds=5, rates=(0.01, 0.03, 0.1, 0.3, 1.0), arms=("none", "batch"), steps=1000,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Two nets at the same learning rate, from small to large: which is faster, and which is better in the end?

    data   data.Data
    seeds  runs per arm and rate, 2 or more, paired
    arms   'none' and 'batch', or others of ARMS: the 5-layer MLP of `learning_rates`, He initialization
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, goal (0.9), steps, and arms, one for each rate and arm: lr, arm, step,
    accuracy (mean over seeds at each step), lowest, highest, reached (per seed, the first measured step at which the
    test accuracy is `goal` or more; None: never), final (accuracy at the end, per seed) and failed (how many seeds).
    Raises ValueError as `learning_rates` does.
    """
    _check(seeds, arms)
    grid = [(lr, arm) for lr in rates for arm in arms]
    settings = [
        replace(NET, **ARMS[arm], lr=lr, steps=steps, every=10, seed=seed) for lr, arm in grid for seed in range(seeds)
    ]
    runs = run_all(settings, data, device, progress, keep=keep)
    found = []
    for i, (lr, arm) in enumerate(grid):
        part = runs[i * seeds : (i + 1) * seeds]
        curves = np.array([run["test_accuracy"] for run in part])
        summary = {"accuracy": curves.mean(0), "lowest": curves.min(0), "highest": curves.max(0)}
        summary = {key: values.round(6).tolist() for key, values in summary.items()}
        reached = [int(part[0]["step"][np.argmax(c >= GOAL)]) if (c >= GOAL).any() else None for c in curves]
        key = {"lr": lr, "arm": arm, "step": part[0]["step"], "failed": sum(run["diverged"] for run in part)}
        found.append({**key, **summary, "reached": reached, "final": curves[:, -1].round(6).tolist()})
        if arm == "batch" and "none" in arms:
            none = next(other for other in found if (other["lr"], other["arm"]) == (lr, "none"))
            paired = np.subtract(found[-1]["final"], none["final"])
            found[-1]["difference"] = {"mean": float(paired.mean()), "interval": list(interval(paired))}
    return {
        "experiment": "matched_rates",
        "versions": versions(),
        "seeds": seeds,
        "goal": GOAL,
        "steps": steps,
        "arms": found,
    }


GOAL = 0.9


def extreme_rates(data, seeds=5, rates=None, steps=300, device="cpu", progress=False, keep=None):
    """The learning rate of the hidden weights alone, up to a million: the last layer, gamma and beta keep 0.1.

    data   data.Data
    seeds  runs per arm and rate, 2 or more, paired
    rates  of the hidden weights; default: half decades from 0.001 to a million
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, rates, best, arms: none, batch, sphere (BatchNorm, and after each step
    every hidden unit's weights get back the length they had at the start) with accuracy (rates x seeds), growth (of the
    length of all hidden weights, median over seeds; None if not finite), and band (None for frozen); and frozen
    (BatchNorm with hidden weights that stay as they are: what the other parameters can do by themselves).
    Raises ValueError if seeds is below 2.
    """
    _check(seeds, ())
    rates = [float(10 ** (k / 2)) for k in range(-6, 13)] if rates is None else list(rates)
    base = replace(NET, lr=0.1, steps=steps, every=steps)
    arms = {
        "none": {"norm": "none"},
        "batch": {"norm": "batch"},
        "sphere": {"norm": "batch", "sphere": True},
    }
    grid = [(name, arm, lr) for name, arm in arms.items() for lr in rates] + [("frozen", {"norm": "batch"}, 1e-30)]
    settings = [replace(base, **arm, hidden_lr=lr, seed=seed) for _, arm, lr in grid for seed in range(seeds)]
    runs = run_all(settings, data, device, progress, watch=_hidden_length, keep=keep)
    found = {name: {"accuracy": [], "growth": []} for name in (*arms, "frozen")}
    for i, (name, _, _) in enumerate(grid):
        part = runs[i * seeds : (i + 1) * seeds]
        found[name]["accuracy"].append([round(run["test_accuracy"][-1], 6) for run in part])
        lengths = [run["watched"]["length"] for run in part]
        found[name]["growth"].append(_median_growth(lengths))
    best = max(np.mean(arm["accuracy"], 1).max() for arm in found.values())
    for name in arms:
        widths = [band(rates, column, best) for column in np.array(found[name]["accuracy"]).T]
        found[name]["band"] = {"mean": float(np.mean(widths)), "interval": list(interval(widths)), "seeds": widths}
    return {
        "experiment": "extreme_rates",
        "versions": versions(),
        "seeds": seeds,
        "rates": rates,
        "best": float(best),
        "arms": [{"arm": name, **arm} for name, arm in found.items()],
    }


def _hidden_length(moment):
    """Length of all hidden weights of each member, before the first step and after the last."""
    if moment.step and moment.x is not None:
        return None
    squares = [
        moment.net.get_parameter(name).detach().flatten(1).square().sum(1) for name in hidden_weights(moment.net)
    ]
    return {"length": sum(squares).sqrt()}


def _median_growth(lengths):
    ends = [end / start for start, end in lengths if end is not None]
    return float(f"{np.median(ends):.4g}") if len(ends) == len(lengths) else None


def agreement(again, stored, up_to=0.0317):
    """Do runs that were made again reach what the stored ones reached?

    again, stored  two results of `learning_rates`, `matched_rates` or `extreme_rates`
    up_to          the largest learning rate that is compared. At 0.0317 and below no run of 300 steps parts when its
                   images are changed by 1e-15 of themselves, as another processor's rounding does; 5 layers with He
                   initialization still hold at 0.1, ten layers with BatchNorm part there by up to 0.11 of accuracy
    Returns a dict: runs (how many are in both), compared (those at rates up to `up_to`), apart (the largest difference
    of their test accuracies; None if there are none).
    """
    ours, theirs = _accuracies(again), _accuracies(stored)
    both = ours.keys() & theirs.keys()
    apart = [abs(ours[key] - theirs[key]) for key in both if key[-2] <= up_to]
    return {"runs": len(both), "compared": len(apart), "apart": max(apart, default=None)}


def _accuracies(results):
    """Accuracy at the end of each run, by what was varied; the last two parts of a key are rate and seed."""
    found = {}
    for arm in results["arms"]:
        rates = arm.get("lr", results.get("rates"))
        rates, table = (rates, arm["accuracy"]) if isinstance(rates, list) else ([rates], [arm.get("final")])
        rates = [0.0] if arm["arm"] == "frozen" else rates
        for lr, row in zip(rates, table, strict=True):
            for seed, value in enumerate(row):
                found[arm.get("depth"), arm.get("init"), arm["arm"], round(lr, 9), seed] = value
    return found
