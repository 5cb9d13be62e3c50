"""Does it generalize better, and what is the reason if so? And does it keep a net from memorizing nonsense?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from bnbook import train
from bnbook.lab import results
from bnbook.lab.engine import pooled, run_all

from .tuning import RATES, base, tuned

SIZES = (100, 300, 1000)
LOSSES = (0.3, 0.1, 0.03, 0.01)
# What each arm changes in the net without normalization.
CONTROLS = {
    "none": {"norm": "none"},
    "batch": {},
    "whole_set": {"whole_set": True},
    "ghost": {"ghost": 8},
    "start": {"norm": "none", "standardized": True},
    "dropout": {"norm": "none", "dropout": 0.5},
    "decay": {"norm": "none", "weight_decay": 0.01},
    "batch_dropout": {"dropout": 0.5},
    "batch_decay": {"weight_decay": 0.01},
}
ALL, SOME = tuple(CONTROLS), ("none", "batch", "whole_set", "start")


def generalization(data, device="cpu", progress=False, seeds=20, keep=None, sizes=SIZES, rates=RATES):
    """Test accuracy with and without BatchNorm, each at its own best rate, and with controls that separate the causes.

    data   data.Data; its parts are pooled, and each seed deals its own training, validation and test images
    seeds  reported runs per arm, 2 or more
    sizes  numbers of training images, at most those of data
    rates  learning rates tried for every arm, to begin with
    Returns a dict: experiment, versions, seeds, sizes, and table, tuning, best and twins as `tuned` returns them, with
    a case for each size. All controls run at the smallest size, none at the largest, SOME between; 'whole_set' is
    BatchNorm with the statistics of the whole training set at every step. 'none' and 'batch' are measured 20 times
    along the way.
    Raises ValueError if seeds is below 2, or there are too few images.
    """
    results.check_seeds(seeds)
    sizes = sorted({min(size, len(data.x_train)) for size in sizes})
    cases = {}
    for size in sizes:
        chosen = ALL if size == sizes[0] else SOME if size < sizes[-1] else ("none", "batch")
        cases[f"{size} images"] = arms = {name: base(data, size, **CONTROLS[name]) for name in chosen}
        for name in ("none", "batch"):
            arms[name] = replace(arms[name], every=max(1, arms[name].steps // 20))
    again = [(f"{sizes[0]} images", arm) for arm in ("none", "batch")]
    found = tuned(data, cases, seeds, rates, again, device=device, progress=progress, keep=keep)
    return {
        "experiment": "generalization",
        "versions": results.versions(),
        "seeds": seeds,
        "sizes": sizes,
        **found,
    }


def at_equal_loss(table, loss):
    """Test accuracy at the moment when the training loss of a run first falls below loss.

    table  of one case, with the measures train_losses and test_accuracy along the way
    Returns a table with the measure accuracy: a row for each run, nan if it does not get there.
    """
    keys = ["arm", "seed", "step"]
    losses, accuracies = (
        results.of(table, name, step="all").set_index(keys)["value"] for name in ("train_losses", "test_accuracy")
    )
    runs = losses.index.droplevel("step").unique()
    first = losses[losses < loss].reset_index().groupby(["arm", "seed"])["step"].min().reindex(runs)
    found = first.reset_index().assign(measure="accuracy")
    return found.assign(value=accuracies.reindex(pd.MultiIndex.from_frame(found[keys])).to_numpy())


def random_labels(
    data, device="cpu", progress=False, seeds=20, keep=None, images=100, rates=(0.01, 0.016, 0.025, 0.04, 0.063),
    steps=400,
):  # fmt: skip
    """How many steps it takes to learn labels by heart that say nothing about the images, each arm at its best rate.

    data   data.Data; all labels are replaced by random ones
    seeds  reported runs per arm, 2 or more: each its own images, weights and batches
    images, rates, steps   to train on; rates tried to begin with, of which the fastest counts; at most so many steps,
           at a constant rate
    Returns a dict: experiment, versions, seeds, images, steps, and table (measure known_accuracy: the share of its
    training labels that a net gets right in evaluation mode, every 4 steps), tuning (measure spared: the share of the
    steps that were not needed), best.
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    random = np.random.default_rng(0)
    nonsense = [random.integers(data.classes, size=len(y)) for y in data[1::2]]
    data = type(data)(*(part for pair in zip(data[::2], nonsense, strict=True) for part in pair))
    start = {
        norm: base(data, images, norm=norm, steps=steps, every=steps, schedule="constant") for norm in ("none", "batch")
    }
    how = {"device": device, "progress": progress, "keep": keep, "watch": _known(data)}

    def trained(labels, dtype=torch.float64):
        settings = [replace(start[label["arm"]], lr=label["lr"], seed=label["seed"]) for label in labels]
        found = results.table(labels, run_all(settings, data, **how, dtype=dtype))
        return results.of(found, "known_accuracy", step="all").reset_index(drop=True)

    def tried(labels):
        needed = steps_needed(trained(labels, torch.float32), steps)
        return needed.assign(measure="spared", value=1 - needed["value"] / steps)

    tuning, best = results.tune(tried, ("none", "batch"), rates, chance=0.0, measure="spared")
    labels = [{"arm": arm, "lr": lr, "seed": seed} for arm, lr in best.items() if lr for seed in range(seeds)]
    return {
        "experiment": "random_labels",
        "versions": results.versions(),
        "seeds": seeds,
        "images": start["none"].images,
        "steps": steps,
        "table": trained(labels),
        "tuning": tuning,
        "best": best,
    }


def _known(data, every=4):
    """A watch function: the share of the training labels that each net of a group gets right, every so many steps."""
    own = {}

    @torch.no_grad()
    def known(moment):
        if moment.step == 0:
            x, y, split = pooled(data, moment.settings, next(moment.net.parameters()))
            own["x"], own["y"] = x[split["train"]], y[split["train"]]
        if moment.step == 0 or moment.step % every:
            return None
        with train.evaluating(moment.net):
            right = moment.net(own["x"]).argmax(-1) == own["y"]
        return {"known_accuracy": right.double().mean(1)}

    return known


def steps_needed(table, steps, share=0.99):
    """The first step at which a run knows this share of its training labels; steps, if that is never.

    table  as `random_labels` returns it
    Returns a table with the measure steps_needed, a row for each run.
    """
    known = results.of(table, "known_accuracy", step="all")
    labels = [name for name in known.columns if name not in ("step", "measure", "value")]
    first = known[known["value"] >= share].groupby(labels)["step"].min().rename("value").reset_index()
    runs = known[labels].drop_duplicates().merge(first, on=labels, how="left")
    return runs.assign(step=steps, measure="steps_needed", value=runs["value"].fillna(steps).astype(float))
