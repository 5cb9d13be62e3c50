"""Does it generalize better, and what is the reason if so? And does it keep a net from memorizing nonsense?"""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import run_all
from bnbook.lab.results import check_seeds, interval, versions

from .tuning import RATES, base, paired, tuned

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


def generalization(data, device="cpu", progress=False, seeds=8, keep=None, sizes=SIZES, rates=RATES):
    """Test accuracy with and without BatchNorm, each at its own best rate, and with controls that separate the causes.

    data   data.Data; its parts are pooled, and each seed deals its own training, validation and test images
    seeds  runs per arm and rate, 2 or more; they serve for choosing the rate (validation images) and for the report
           (test images)
    sizes  numbers of training images, at most those of data
    rates  learning rates tried for every arm
    Returns a dict: experiment, versions, seeds, rates, sizes (per size: images; arms, name to what `tuned` returns;
    differences, name to `paired` against 'none', and 'whole_set - batch'; matched, see `at_equal_loss`). All controls
    run at the smallest size, none at the largest, SOME between; 'whole_set' (BatchNorm with the statistics of the
    whole training set at every step) has, beyond 100 images, the rate of 'batch': it takes images / 32 times as long.
    Raises ValueError if seeds is below 2, or there are too few images.
    """
    check_seeds(seeds)
    how, found = {"device": device, "progress": progress, "keep": keep}, []
    sizes = sorted({min(size, len(data.x_train)) for size in sizes})
    for size in sizes:
        chosen = ALL if size == sizes[0] else SOME if size < sizes[-1] else ("none", "batch")
        settings = {name: base(data, size, **CONTROLS[name]) for name in chosen}
        slow = settings.pop("whole_set", None)
        arms = tuned(data, settings, seeds, rates, **how)
        if slow is not None:
            its_rates = rates if size <= 100 else (arms["batch"]["rate"],)
            arms |= tuned(data, {"whole_set": slow}, seeds, its_rates, **how)
        differences = {name: paired(arm["test"], arms["none"]["test"]) for name, arm in arms.items() if name != "none"}
        if slow is not None:
            differences["whole_set - batch"] = paired(arms["whole_set"]["test"], arms["batch"]["test"])
        matched = at_equal_loss(data, size, {name: arms[name]["rate"] for name in ("none", "batch")}, seeds, how)
        found.append({"images": size, "arms": arms, "differences": differences, "matched": matched})
    return {
        "experiment": "generalization",
        "versions": versions(),
        "seeds": seeds,
        "rates": list(rates),
        "sizes": found,
    }


def at_equal_loss(data, size, rates, seeds, how):
    """BatchNorm minus none in test accuracy at the moment when each first has the same training loss.

    rates  name to learning rate, for 'none' and 'batch'
    Returns a list, per loss: loss, reached (seeds in which both arms get there), difference (None below 2 of them).
    """
    settings = [
        replace(base(data, size, norm=norm, every=10), lr=rates[norm], seed=seed)
        for norm in ("none", "batch")
        for seed in range(seeds)
    ]
    runs, rows = run_all(settings, data, **how), []
    for loss in LOSSES:
        first = [
            next((a for a, b in zip(run["test_accuracy"], run["train_losses"], strict=True) if b and b < loss), None)
            for run in runs
        ]
        both = [(b, a) for a, b in zip(first[:seeds], first[seeds:], strict=True) if None not in (a, b)]
        difference = paired(*zip(*both, strict=True)) if len(both) > 1 else None
        rows.append({"loss": loss, "reached": len(both), "difference": difference})
    return rows


def random_labels(data, device="cpu", progress=False, seeds=8, keep=None, images=100, rates=RATES[1:5], steps=400):
    """How many steps it takes to learn labels by heart that say nothing about the images, each arm at its best rate.

    data   data.Data; all labels are replaced by random ones
    seeds  runs per arm and rate, 2 or more: each its own images, weights and batches
    images, rates, steps   to train on; rates of which the fastest counts; at most so many steps, at a constant rate
    Returns a dict: experiment, versions, seeds, images, steps, arms (per norm: rate, its at_the_edge, steps_needed (per
    seed: until 99 % of the training labels are right; the steps trained if that is never), mean, interval, reached
    (seeds), step and train_accuracy, the mean curve at that rate), ratio (of the means), ratio_interval.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    random = np.random.default_rng(0)
    nonsense = [random.integers(data.classes, size=len(y)) for y in data[1::2]]
    data = type(data)(*(part for pair in zip(data[::2], nonsense, strict=True) for part in pair))
    arms = {}
    for norm in ("none", "batch"):
        start = base(data, images, norm=norm, steps=steps, every=20, schedule="constant")
        grid = [replace(start, lr=lr, seed=seed) for lr in rates for seed in range(seeds)]
        runs = run_all(grid, data, device, progress, keep=keep)
        needed = np.reshape([_until(run, 0.99, steps) for run in runs], (len(rates), seeds))
        best = int(np.argmin(needed.mean(1)))
        fastest = runs[best * seeds : (best + 1) * seeds]
        arms[norm] = {
            "rate": rates[best],
            "at_the_edge": best in (0, len(rates) - 1),
            "reached": int((needed[best] < steps).sum()),
            "steps_needed": needed[best].tolist(),
            "mean": float(needed[best].mean()),
            "interval": list(interval(needed[best])),
            "step": fastest[0]["step"],
            "train_accuracy": np.mean([run["train_accuracy"] for run in fastest], 0).tolist(),
        }
    logs = np.log(np.divide(arms["none"]["steps_needed"], arms["batch"]["steps_needed"]))
    return {
        "experiment": "random_labels",
        "versions": versions(),
        "seeds": seeds,
        "images": start.images,
        "steps": steps,
        "arms": arms,
        "ratio": float(np.exp(logs.mean())),
        "ratio_interval": np.exp(interval(logs)).tolist(),
    }


def _until(run, share, steps):
    """The first step at which this share of the training labels is right, or the last."""
    return next((s for s, a in zip(run["step"], run["train_accuracy"], strict=True) if a >= share), steps)
