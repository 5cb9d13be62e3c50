"""Stored arms, trained once more."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all

from .companions import by_classes
from .rates import NETS


def again(arms, data, seeds=2, device="cpu", progress=False):
    """Train stored arms once more, at their stored rates.

    arms   some of the arms of `batch_sizes`, `ghost_batches` or `one_class`
    data   data.Data, the same as then
    seeds  how many of the stored seeds
    Returns a list of dicts, one per arm: stored, live (accuracies of these seeds), agrees (bool: the live mean lies
    within the range of all stored seeds, give or take a point).
    """
    found = []
    for arm in arms:
        given = {name: arm[name] for name in ("net", "norm", "batch_size", "ghost", "steps", "lr")}
        base = replace(NETS[arm["net"]], **given, every=arm["steps"], together="classes" in arm)
        dealt = by_classes(data, arm["classes"], base.batch_size, base.steps) if base.together else data
        runs = run_all([replace(base, seed=seed) for seed in range(seeds)], dealt, device, progress)
        live = [run["test_accuracy"][-1] for run in runs]
        agrees = min(arm["accuracy"]) - 0.01 <= np.mean(live) <= max(arm["accuracy"]) + 0.01
        found.append({"stored": arm["accuracy"][:seeds], "live": live, "agrees": bool(agrees)})
    return found
