"""What came of the runs: stored, summed up, with intervals."""

import functools
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap


def interval(values, level=0.95):
    """Confidence interval of a mean: the percentile bootstrap, the same at every call.

    values  (n,)  one number per seed; for a comparison of arms that share seeds, the differences
    level   confidence level
    Returns low, high: two floats.
    Raises ValueError if there are fewer than 2 values.
    Source: Efron & Tibshirani 1993, chapter 13. With 5 values it is somewhat too short; it is never longer than
    the spread of the values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} value(s); an interval needs 2 or more")
    found = bootstrap((values,), np.mean, n_resamples=5000, confidence_level=level, method="percentile", rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def band(lr, accuracy, best, share=0.9):
    """Width of the band of good learning rates, in decades.

        how much of the axis log10(lr) has  accuracy >= share * best,  with straight lines from rate to rate

    lr        (n,)  learning rates, increasing
    accuracy  (n,)  accuracy reached at each
    best      the best accuracy that any arm of the comparison reached
    share     part of best that counts as good
    Returns a float: 1 if a factor of 10 is good.
    """
    where, above = np.log10(lr), np.asarray(accuracy) - share * best
    width = 0.0
    for i in range(len(where) - 1):
        low, high = sorted(above[i : i + 2])
        if high > 0 or low == 0:  # else no part of this piece lies above the line
            good = 1.0 if low >= 0 else high / (high - low)
            width += good * (where[i + 1] - where[i])
    return float(width)


def check_seeds(seeds):
    """Raises ValueError if there are too few seeds for an interval."""
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")


def steps_to(run, accuracy=0.9):
    """How many steps a run needs until its test accuracy is 0.9 or more, for the first time: the measure of speed.

    run       what `run` returned; it is as fine as its Setting's `every`
    accuracy  between 0 and 1
    Returns an int, or None if the run never gets there.
    """
    return next((step for step, a in zip(run["step"], run["test_accuracy"], strict=True) if a >= accuracy), None)


def versions():
    """The versions a result depends on: a dict, name to version."""
    packages = {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
    return {**packages, "torch": str(torch.__version__)}  # with its build, such as +cpu


def save(results, path):
    """Write what an experiment returned as JSON; `load` gives back an equal dict."""
    Path(path).write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(path):
    """Read what `save` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def shelf(file):
    """The function that reads what is stored in a room: `evidence = results.shelf(__file__)` in its experiments.

    file  a file of the room, `bnbook/chapters/nXX_name/experiments.py` or one further down
    Returns a function: the name of an experiment that takes minutes to its stored results, with settings, versions and
    the command that made them. It raises ValueError if nothing is stored under that name.
    """
    return functools.partial(_read, room_of(file) / "evidence")


def room_of(file):
    """The folder of the room that a file of it lies in."""
    file = Path(file)
    return next(folder for folder in file.parents if folder.parent.name == "chapters")


def _read(folder, name):
    path = folder / f"{name}.json"
    if not path.exists():
        stored = ", ".join(sorted(file.stem for file in folder.glob("*.json"))) or "nothing"
        raise ValueError(f"no evidence is stored for {name!r} in {folder.parent.name}; stored: {stored}")
    return load(path)


def summary(runs):
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


def difference(none, batch):
    """BatchNorm minus no normalization, paired by seed; None where an arm has a run that diverged."""
    failed = none["diverged"] or batch["diverged"]
    paired = np.subtract(batch["final"], none["final"])
    return {
        "lr": none["lr"],
        "mean": None if failed else float(paired.mean()),
        "interval": None if failed else list(interval(paired)),
    }


def jsonable(value):
    """Nested lists of numbers, None where a number is not finite: JSON knows no nan."""
    return [jsonable(v) for v in value] if np.ndim(value) else float(value) if np.isfinite(value) else None
