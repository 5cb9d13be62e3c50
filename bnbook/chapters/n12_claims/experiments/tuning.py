"""Each arm at its own best learning rate, chosen on other seeds than those reported; one long table of the runs."""

from dataclasses import replace

import pandas as pd
import torch

from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all

# Neighbours differ by a factor of 1.6: with a factor of 3 the gap between two arms depended on where the grid fell.
RATES = (0.016, 0.025, 0.04, 0.063, 0.1, 0.16, 0.25)
STEPS = {100: 200, 300: 300, 1000: 400}
TWINS, AGAIN = 5, 4  # how often, and how many of, the runs that the notebook makes again are stored as twins


def base(data, images, **how):
    """The Setting all arms start from: SGD with momentum, the rate falling to 0, each seed with its own images.

    how  fields of Setting that are to be otherwise; an mlp is 64 units wide unless this says something else
    """
    images = min(images, len(data.x_train))
    steps = next((STEPS[size] for size in sorted(STEPS) if images <= size), 400)
    usual = {"images": images, "batch_size": min(32, images // 8 * 8), "steps": steps, "every": steps}
    width = {"width": 64} if how.get("net") == "mlp" else {}
    return Setting(**{**usual, **width, "momentum": 0.9, "schedule": "cosine", **how})


def tuned(data, cases, seeds, rates=RATES, again=(), reach=3, watch=None, watch_tuning=None, **how):
    """Train every arm at the rate that suits it best: in each case all arms are tried at the same rates.

    data    data.Data
    cases   {case: {arm: Setting}}; lr and seed are varied here
    seeds   reported runs per arm, numbered from 0, in float64; arms of equal seed have the same images, weights and
            batches. Rates are chosen by `results.tune` on 8 others, in float32, by their validation accuracy
    rates   to begin with; reach: how many decades `results.tune` may go on from there
    again   (case, arm) whose first runs a notebook makes again: twins of them are stored
    watch, watch_tuning   of the reported and of the tuning runs, for `run_all`
    how     device, progress, keep: for `run_all`
    Returns a dict of table, tuning, best ({case: {arm: rate, or None if it does not train}}) and, if asked for, twins.
    """
    tuning, best = [], {}
    for case, arms in cases.items():
        at_once = {arm: replace(setting, every=setting.steps) for arm, setting in arms.items()}  # no curves

        def tried(labels, case=case, arms=at_once):
            runs = _trained(data, arms, labels, watch=watch_tuning, dtype=torch.float32, **how)
            return at_the_end(results.table([{"case": case, **label} for label in labels], runs), "val_accuracy")

        found, best[case] = results.tune(tried, tuple(arms), rates, 1 / data.classes, reach=reach)
        tuning.append(found)
    parts = [reported(data, arms, case, best[case], seeds, watch=watch, **how) for case, arms in cases.items()]
    found = {"table": joined(parts), "tuning": joined(tuning), "best": best}
    if again:
        found["twins"] = joined([_twins(data, cases[case][arm], case, arm, best, watch, how) for case, arm in again])
    return found


def reported(data, arms, case, best, seeds, watch=None, **how):
    """The runs of each arm at its rate, seeds from 0: a table with case, arm, lr and seed.

    arms  {arm: Setting}     best  {arm: rate}; an arm whose rate is None has no runs
    Measured are test_accuracy, train_losses and what watch returns, after the start.
    """
    labels = [
        {"arm": arm, "lr": best[arm], "seed": seed} for arm in arms if best[arm] is not None for seed in range(seeds)
    ]
    runs = _trained(data, arms, labels, watch=watch, **how)
    found = results.table([{"case": case, **label} for label in labels], runs)
    left_out = ("val_accuracy", "train_accuracy", "train_loss", "diverged")
    return found[(found["step"] > 0) & ~found["measure"].isin(left_out)].reset_index(drop=True)


def _twins(data, setting, case, arm, best, watch, how):
    """What `results.again` needs beside the first reported runs of an arm: the last step of each twin of them."""
    parts = []
    for twin in range(1, TWINS + 1):
        arms = {arm: replace(setting, twin=twin, every=setting.steps)}
        part = reported(data, arms, case, best[case], AGAIN, watch=watch, **how)
        part.insert(part.columns.get_loc("step"), "twin", twin)
        parts.append(part[part["measure"].str.endswith("accuracy")])
    return joined(parts)


def _trained(data, arms, labels, **how):
    settings = [replace(arms[label["arm"]], lr=label["lr"], seed=label["seed"]) for label in labels]
    return run_all(settings, data, **how)


def at_the_end(table, measure):
    """Each run's last row of a measure."""
    return results.of(table, measure).reset_index(drop=True)


def joined(tables):
    """Tables with the same columns as one."""
    return pd.concat(tables, ignore_index=True)


def long(labels, found, step=0):
    """A long table of single numbers: for each label (a dict) a dict, measure to value."""
    rows = [
        {**label, "step": step, "measure": name, "value": float(value)}
        for label, values in zip(labels, found, strict=True)
        for name, value in values.items()
    ]
    return pd.DataFrame(rows)
