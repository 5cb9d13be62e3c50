"""The experiments of notebook 11."""

import numpy as np
import torch
from torch.nn import functional as F

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all, tensors
from bnbook.lab.results import check_seeds, interval, versions

evidence = results.shelf(__file__)

# {batch size: learning rates to try}, to failure on both sides at 64; a smaller batch needs smaller ones.
RATES = {
    64: (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0),
    2: (0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
}
NOISE = (0.1, 0.2, 0.3, 0.4, 0.5)


def relatives(data, norms=nets.NORMS, rates=RATES, seeds=8, examples=6400, device="cpu", progress=False, keep=None):
    """The same three experiments for every norm: learning rates, batch sizes, and noise in the test images alone.

    data      data.Data: trained on its first part, learning rates chosen on the second, accuracies from the third
    norms     of nets.NORMS, 'batch' among them, for the small CNN; arms that share a seed have the same weights and
              the same batches
    rates     {batch size: learning rates to try}, increasing
    seeds     runs per arm, 2 or more
    examples  images seen in a training: examples // batch size steps of plain SGD
    Returns a dict: experiment, versions, seeds, examples, arms (one per batch size, norm and rate: batch_size, norm,
    lr, and one entry per seed of failed (1 or 0), val, and each test set of `distorted`), chosen (the arms whose rate
    is best on the validation images, one per batch size and norm), columns (see `columns`). Accuracies are between 0
    and 1. Print no digits of runs made anew at or above the largest rate that trains.
    Raises ValueError if seeds is below 2 or 'batch' is missing.
    """
    check_seeds(seeds)
    if "batch" not in norms:
        raise ValueError(f"norms is {tuple(norms)}; every norm is compared with 'batch', so it must be one of them")
    cells = [(size, norm, lr) for size in rates for norm in norms for lr in rates[size]]
    settings = [cell_setting(*cell, seed, examples) for cell in cells for seed in range(seeds)]
    runs = run_all(settings, data, device, progress, watch=_examine(data, device), keep=keep)
    arms = [_arm(*cell, runs[i * seeds : (i + 1) * seeds]) for i, cell in enumerate(cells)]
    chosen = [
        max((arm for arm in arms if (arm["batch_size"], arm["norm"]) == (size, norm)), key=lambda a: np.mean(a["val"]))
        for size in rates
        for norm in norms
    ]
    return {
        "experiment": "relatives",
        "versions": versions(),
        "seeds": seeds,
        "examples": examples,
        "arms": arms,
        "chosen": chosen,
        "columns": columns(arms, chosen),
    }


def cell_setting(batch_size, norm, lr, seed, examples=6400):
    """The Setting of one training of `relatives`."""
    steps = examples // batch_size
    return Setting(net="cnn", norm=norm, lr=lr, batch_size=batch_size, steps=steps, every=steps, seed=seed)


def distorted(data, device="cpu"):
    """The test images as they are and distorted, standardized as the training images are.

    Returns a dict, name to (N, C, H, W): clean; noise 0.1 to noise 0.5, normal noise of that standard deviation on
    every pixel, where black and white lie 1 apart, not clipped; contrast 0.5 and 0.2, the distance of every pixel
    from the mean gray of the training images multiplied by that; brighter 0.3, that much added to every pixel.
    """
    clean, sd = tensors(data, device)[2], data.x_train.std()
    noise = torch.as_tensor(np.random.default_rng(0).normal(size=clean.shape), device=clean.device)
    found = {"clean": clean} | {f"noise {level:g}": clean + level / sd * noise for level in NOISE}
    return found | {"contrast 0.5": 0.5 * clean, "contrast 0.2": 0.2 * clean, "brighter 0.3": clean + 0.3 / sd}


def _examine(data, device):
    """A watch function that measures accuracies at the end of training."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x_val = torch.as_tensor((data.x_val - mean) / sd, device=device)
    sets = {"val": (x_val, data.y_val)} | {name: (x, data.y_test) for name, x in distorted(data, device).items()}

    def watch(moment):
        if moment.x is None:
            return {name: train.evaluate_all(moment.net, *pair)[1] for name, pair in sets.items()}
        return None

    return watch


def _arm(batch_size, norm, lr, runs):
    accuracies = {name: [round(run["watched"][name][-1], 6) for run in runs] for name in runs[0]["watched"]}
    del accuracies["step"]
    return {
        "batch_size": batch_size,
        "norm": norm,
        "lr": lr,
        "failed": [int(run["diverged"]) for run in runs],
        **accuracies,
    }


def columns(arms, chosen):
    """The columns of the one table: for each a value per norm and seed, and BatchNorm compared with every other norm.

        decades of rates    learning rates with 90 % or more of the best mean accuracy of any arm, at the largest batch
        largest rate        at which training works, at the largest batch, as its log10
        batch of ...        test accuracy at the chosen rate
        noise 0.3, contrast 0.2   test accuracy on distorted images, at the largest batch and the chosen rate

    arms, chosen  as in `relatives`
    Returns a list of dicts: name, and norms, {norm: seeds (a value for each), mean, interval, against}; against is
    mean and interval of BatchNorm minus this norm, paired by seed (None for BatchNorm itself).
    """
    sizes = sorted({arm["batch_size"] for arm in chosen}, reverse=True)
    best = max(np.mean(arm["clean"]) for arm in arms if arm["batch_size"] == sizes[0])
    norms = list(dict.fromkeys(arm["norm"] for arm in chosen))
    at = {(arm["batch_size"], arm["norm"]): arm for arm in chosen}
    swept = {n: [arm for arm in arms if (arm["batch_size"], arm["norm"]) == (sizes[0], n)] for n in norms}
    found = {
        "decades of rates": {norm: _decades(swept[norm], best) for norm in norms},
        "largest rate": {norm: _largest(swept[norm]) for norm in norms},
        **{f"batch of {size}": {norm: at[size, norm]["clean"] for norm in norms} for size in sizes},
        **{name: {norm: at[sizes[0], norm][name] for norm in norms} for name in ("noise 0.3", "contrast 0.2")},
    }
    return [{"name": name, "norms": _compared(values)} for name, values in found.items()]


def _decades(arms, best, share=0.9):
    """Width of the good part of the axis log10(lr) for each seed, with straight lines from rate to rate."""
    where = np.log10([arm["lr"] for arm in arms])
    above = np.array([arm["clean"] for arm in arms]) - share * best
    low, high = np.sort([above[:-1], above[1:]], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        good = np.where(low >= 0, 1.0, np.where(high > 0, high / (high - low), 0.0))
    return (np.diff(where) @ good).tolist()


def _largest(arms):
    """log10 of the largest learning rate that works, for each seed; the smallest of all where none does."""
    works = [[np.log10(arm["lr"]) if not failed else -np.inf for failed in arm["failed"]] for arm in arms]
    return np.maximum(np.max(works, axis=0), np.log10(arms[0]["lr"])).tolist()


def _compared(values):
    """{norm: summary} from {norm: a value per seed}."""
    found = {}
    for norm, seeds in values.items():
        paired = np.subtract(values["batch"], seeds)
        against = None if norm == "batch" else {"mean": float(paired.mean()), "interval": list(interval(paired))}
        mean = {"mean": float(np.mean(seeds)), "interval": list(interval(seeds))}
        found[norm] = {"seeds": list(seeds), **mean, "against": against}
    return found


def run_again(data, stored, arm, seeds=(0,), device="cpu"):
    """Repeat trainings of an arm of the stored `relatives`: by how much do its accuracies differ?

    At rates up to 0.1 rounding errors do not grow: images changed by 1e-15 of themselves, which stand for another
    machine, change no accuracy of any norm (4 seeds). At larger ones they do, in instance norm first.

    stored  what experiments.evidence("relatives") returned
    arm     one of its arms
    seeds   which of its runs
    Returns a float: the largest difference of any accuracy, in shares of 1; one of 500 test images is 0.002.
    """
    key = arm["batch_size"], arm["norm"], arm["lr"]
    settings = [cell_setting(*key, seed, stored["examples"]) for seed in seeds]
    again = _arm(*key, run_all(settings, data, device, watch=_examine(data, device)))
    names = [name for name in again if name not in ("batch_size", "norm", "lr", "failed")]
    return max(abs(again[name][i] - arm[name][seed]) for name in names for i, seed in enumerate(seeds))


# --- what changes nothing --------------------------------------------------------------------------------------------

# A change to x (N, C, H, W), and which part of the output to compare; `other` is a second array like x.
CHANGES = {
    "everything x 3": (lambda x, other: 3 * x, np.s_[:]),
    "everything + 5": (lambda x, other: x + 5, np.s_[:]),
    "one image x 3": (lambda x, other: np.concatenate([3 * x[:1], x[1:]]), np.s_[:]),
    "one image + 5": (lambda x, other: np.concatenate([x[:1] + 5, x[1:]]), np.s_[:]),
    "one channel x 3": (lambda x, other: np.concatenate([3 * x[:, :1], x[:, 1:]], 1), np.s_[:]),
    "one channel + 5": (lambda x, other: np.concatenate([x[:, :1] + 5, x[:, 1:]], 1), np.s_[:]),
    "other images": (lambda x, other: np.concatenate([x[:1], other[1:]]), np.s_[:1]),
    "other channels": (lambda x, other: np.concatenate([x[:, :1], other[:, 1:]], 1), np.s_[:, :1]),
}


def invariances(norms=None):
    """Which changes of its input does a normalization not notice?

    norms  {name: function of x (4, 6, 5, 5), without scale and shift}; by default PyTorch's, 3 groups, and
           BatchNorm in both modes
    Returns a dict: experiment, changes (names), norms {name: True or False for each change: the output is the same
    to 1e-4}. 'one' image or channel is the first; for 'other images' and 'other channels' all but the first are
    exchanged, and the output of the first is compared.
    """
    random = np.random.default_rng(0)
    x, other = random.normal(1, 2, (2, 4, 6, 5, 5))
    found = {}
    for name, norm in (norms or _torchs()).items():
        y = norm(x)
        pairs = [(norm(change(x, other))[part], y[part]) for change, part in CHANGES.values()]
        found[name] = [bool(np.abs(after - before).max() < 1e-4) for after, before in pairs]
    return {"experiment": "invariances", "changes": list(CHANGES), "norms": found}


def _torchs():
    """PyTorch's normalizations as functions of arrays."""
    stored = torch.full((6,), 0.5, dtype=torch.float64), torch.full((6,), 3.0, dtype=torch.float64)
    functions = {
        "batch (training)": lambda x: F.batch_norm(x, None, None, training=True),
        "batch (evaluation)": lambda x: F.batch_norm(x, *stored),
        "layer": lambda x: F.layer_norm(x, x.shape[1:]),
        "group": lambda x: F.group_norm(x, 3),
        "instance": F.instance_norm,
        "rms": lambda x: F.rms_norm(x, x.shape[1:], eps=1e-5),
    }
    return {name: lambda x, f=f: f(torch.as_tensor(x)).numpy() for name, f in functions.items()}
