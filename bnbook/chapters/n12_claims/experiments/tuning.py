"""Each arm at its own best learning rate, chosen on validation images and reported on others; paired differences."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import Setting, run_all
from bnbook.lab.results import interval

# Neighbours differ by a factor of 1.6: with a factor of 3 the gap between two arms depended on where the grid fell.
RATES = (0.01, 0.016, 0.025, 0.04, 0.063, 0.1, 0.16)
STEPS = {100: 200, 300: 300, 1000: 400}


def base(data, images, **how):
    """The Setting all arms start from: SGD with momentum, the rate falling to 0, each seed with its own images.

    how  fields of Setting that are to be otherwise; an mlp is 64 units wide unless this says something else
    """
    images = min(images, len(data.x_train))
    steps = next((STEPS[size] for size in sorted(STEPS) if images <= size), 400)
    usual = {"images": images, "batch_size": min(32, images // 8 * 8), "steps": steps, "every": steps}
    width = {"width": 64} if how.get("net") == "mlp" else {}
    return Setting(**{**usual, **width, "momentum": 0.9, "schedule": "cosine", **how})


def tuned(data, arms, seeds, rates=RATES, **how):
    """Train every arm at every rate with every seed, and keep the rate with the best mean validation accuracy.

    An arm whose best rate is the largest goes on upwards, by the same factor, until a larger one is worse.

    data   data.Data
    arms   name to Setting; lr and seed are varied here
    seeds  runs per arm and rate: arms of equal seed have the same images, weights and batches
    how    device, progress, keep: for `run_all`
    Returns a dict: name to rate, at_the_edge (of the rates), rates (those tried), val (mean accuracy at each rate),
    test (accuracy at the chosen rate, one per seed), train_loss (likewise, None where a run diverged).
    """

    def trained(arm, rates):
        grid = [replace(arm, lr=lr, seed=seed) for lr in rates for seed in range(seeds)]
        runs = run_all(grid, data, **how)
        return [runs[i : i + seeds] for i in range(0, len(runs), seeds)]

    found = {}
    for name, arm in arms.items():
        tried, at = list(rates), trained(arm, rates)
        val = [_validation(runs) for runs in at]
        while 1 < len(rates) and np.argmax(val) == len(val) - 1 and len(val) < len(rates) + 5:
            tried.append(float(f"{tried[-1] * rates[-1] / rates[-2]:.2g}"))
            at += trained(arm, tried[-1:])
            val.append(_validation(at[-1]))
        best = int(np.argmax(val))
        found[name] = {
            "rate": tried[best],
            "at_the_edge": len(val) > 1 and best in (0, len(val) - 1),
            "rates": tried,
            "val": val,
            "test": [run["test_accuracy"][-1] for run in at[best]],
            "train_loss": [run["train_loss"] for run in at[best]],
        }
    return found


def _validation(runs):
    return float(np.mean([run["val_accuracy"][-1] for run in runs]))


def paired(a, b):
    """Mean of a - b and its interval, in percentage points; a, b: one accuracy per seed, in the same order."""
    difference = 100 * np.subtract(a, b)
    return {"mean": float(difference.mean()), "interval": list(interval(difference))}
