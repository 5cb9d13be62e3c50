"""The experiment of notebook 00."""

import numpy as np

from bnbook.lab.engine import Setting, run_all
from bnbook.lab.results import check_seeds, compare, interval, table, versions


def first_look(data, seeds=5, rates=(0.02, 0.2, 1.0), device="cpu", progress=False, keep=None):
    """The course's first picture: the same small CNN with and without BatchNorm, at three learning rates.

    Both arms have He initialization, and each pair the same weights and the same batches. The rates were picked from
    a scan of ten, to show three cases: a small one, one near the best for the net without normalization, and one
    five times as large. The split is fixed: the intervals cover weights and batch order, not which images are tested.

    data   data.Data, as from data.digits()
    seeds  runs per arm, 2 or more
    rates  learning rates
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, arms (one per rate and norm: test accuracy over steps and at the end),
    differences (BatchNorm minus none at the end, one per rate, see `results.compare`; None where a run diverged),
    runs (what `run` returns). Accuracies are between 0 and 1, differences in points.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    labels = [
        {"lr": lr, "arm": norm, "seed": seed} for lr in rates for norm in ("none", "batch") for seed in range(seeds)
    ]
    settings = [Setting(norm=each["arm"], lr=each["lr"], seed=each["seed"]) for each in labels]
    runs = run_all(settings, data, device, progress, keep=keep)
    arms = [_summary(runs[i : i + seeds]) for i in range(0, len(runs), seeds)]
    found, differences = table(labels, runs), []
    for lr, pair in zip(rates, zip(arms[::2], arms[1::2], strict=True), strict=True):
        compared = compare(found[found["lr"] == lr], "batch", "none", "test_accuracy")
        differences.append(None if any(arm["diverged"] for arm in pair) else compared)
    return {
        "experiment": "first_look",
        "versions": versions(),
        "arms": arms,
        "differences": differences,
        "runs": runs,
    }


def _summary(runs):
    """Summary over the seeds of one arm."""
    curves = np.array([run["test_accuracy"] for run in runs])
    failed = sum(run["diverged"] for run in runs)
    final = curves[:, -1].tolist()
    return {
        "norm": runs[0]["setting"]["norm"],
        "lr": runs[0]["setting"]["lr"],
        "seeds": len(runs),
        "diverged": failed,
        "step": runs[0]["step"],
        "mean": curves.mean(0).tolist(),
        "lowest": curves.min(0).tolist(),
        "highest": curves.max(0).tolist(),
        "final": final,
        "final_mean": None if failed else float(np.mean(final)),
        "final_interval": None if failed else list(interval(final)),
    }
