"""Stored arms, trained once more."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all

from .companions import by_classes
from .rates import NETS

BROKEN_DOWN = 0.8  # a mean accuracy below this is a breakdown


def again(arms, data, seeds=2, device="cpu", progress=False):
    """Train stored arms once more, at their stored rates.

    Images changed by 1e-15 of themselves stand for another machine. They change no image of the arms that the notebook
    repeats, except where 4 values or fewer make a statistic of the fully connected net: there an accuracy moves by 0.2,
    and only whether it breaks down is compared. (Nets without normalization at large rates part by a few images, too.)

    arms   some of the arms of `batch_sizes`, `ghost_batches` or `one_class`
    data   data.Data, the same as then
    seeds  how many of the stored seeds
    Returns a list of dicts, one per arm: stored, live (accuracies of these seeds), agrees (bool: equal to one image; of
    a net with few values to a statistic: whether the mean is below 0.8, as the stored mean).
    """
    found = []
    for arm in arms:
        given = {name: arm[name] for name in ("net", "norm", "batch_size", "ghost", "steps", "lr")}
        base = replace(NETS[arm["net"]], **given, every=arm["steps"], together="classes" in arm)
        dealt = by_classes(data, arm["classes"], base.batch_size, base.steps) if base.together else data
        runs = run_all([replace(base, seed=seed) for seed in range(seeds)], dealt, device, progress)
        stored, live = arm["accuracy"][:seeds], [run["test_accuracy"][-1] for run in runs]
        broken = [bool(np.mean(accuracies) < BROKEN_DOWN) for accuracies in (live, arm["accuracy"])]
        same = np.abs(np.subtract(live, stored)).max() < 1.5 / len(data.y_test)
        found.append({"stored": stored, "live": live, "agrees": broken[0] == broken[1] and (_rough(arm) or bool(same))})
    return found


def _rough(arm):
    """Whether rounding errors grow in this arm: few values make a statistic."""
    values = arm["ghost"] or arm["batch_size"]
    return arm["net"] == "mlp" and arm["norm"] in ("batch", "renorm") and values <= 4
