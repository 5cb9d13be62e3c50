"""Stored arms, trained once more."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all

from .companions import by_classes
from .rates import NETS

BROKEN_DOWN = 0.8  # an arm below this on average: which of its images are right is chance, see `again`


def again(arms, data, seeds=2, device="cpu", progress=False):
    """Train stored arms once more, at their stored rates.

    Where training breaks down, images changed by 1e-15 of themselves change an accuracy by 0.2, so only the breakdown
    is compared. Elsewhere the accuracies must come out again; choose arms whose twins, trained on such images, part by
    no image (of `ghost_batches` those with 8 and more, not "none" at its large rate).

    arms   some of the arms of `batch_sizes`, `ghost_batches` or `one_class`
    data   data.Data, the same as then
    seeds  how many of the stored seeds
    Returns a list of dicts, one per arm: stored, live (accuracies of these seeds), agrees (bool: equal to one image; for
    a stored mean below 0.8 that the live mean is below it, too).
    """
    found = []
    for arm in arms:
        given = {name: arm[name] for name in ("net", "norm", "batch_size", "ghost", "steps", "lr")}
        base = replace(NETS[arm["net"]], **given, every=arm["steps"], together="classes" in arm)
        dealt = by_classes(data, arm["classes"], base.batch_size, base.steps) if base.together else data
        runs = run_all([replace(base, seed=seed) for seed in range(seeds)], dealt, device, progress)
        stored, live = arm["accuracy"][:seeds], [run["test_accuracy"][-1] for run in runs]
        same = np.abs(np.subtract(live, stored)).max() < 1.5 / len(data.y_test)
        agrees = np.mean(live) < BROKEN_DOWN if np.mean(arm["accuracy"]) < BROKEN_DOWN else same
        found.append({"stored": stored, "live": live, "agrees": bool(agrees)})
    return found
