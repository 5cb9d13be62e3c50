"""The experiments of notebook 11."""

import contextlib
import copy
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from bnbook import nets, train
from bnbook.lab import distort, results
from bnbook.lab.engine import Setting, run_all

evidence = results.shelf(__file__)


class Case(NamedTuple):
    """How long is trained on which batches, and the learning rates with which the search for each norm's own begins."""

    batch_size: int
    steps: int
    rates: tuple


CASES = {
    "100 steps of 64": Case(64, 100, (0.1, 0.2, 0.4, 0.8)),
    "400 steps of 64": Case(64, 400, (0.1, 0.2, 0.4, 0.8)),
    "3200 steps of 2": Case(2, 3200, (0.0125, 0.025, 0.05, 0.1)),
}
# To failure on both sides in the first case: by factors of 2, then, where norms stop training, ten rates to a decade.
SWEEP = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.25, 0.315, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0)
SWEPT_SEEDS = 8
# Made again by the notebook, so stored with twins: the first case at this rate.
AGAIN = {"lr": 0.1, "seeds": (0, 1), "twins": 5}


def relatives(data, norms=nets.NORMS, cases=None, sweep=SWEEP, seeds=20, device="cpu", progress=False, keep=None):
    """The same three experiments for every norm: learning rates, batches and lengths, and spoilt test images.

    data      data.Data: trained on its first part, learning rates chosen on the second, accuracies from the third
    norms     of nets.NORMS, 'batch' among them, for the small CNN; arms that share a seed have the same weights, the
              same batches and the same noise in the test images
    cases     {name: Case}, CASES if None; each norm has its own best rate in each of them, see `results.tune`
    sweep     learning rates of the first case, increasing, for 8 seeds: from which `limits` follow
    seeds     runs per norm and case at its own rate, 2 or more
    Returns a dict: experiment, versions, seeds, cases ({name: [batch_size, steps]}), sweep, best ({case: {norm:
    rate}}), tuning (the table of `results.tune` of all cases), and table: columns case, arm, lr, seed, twin, step,
    measure, value; measures are test_accuracy, train_loss, diverged, 'NAME accuracy' for each test set of `spoilt`, and
    for 'batch' 'own NAME accuracy', with the statistics of that set in place of the stored ones, all after the last
    step.
    Raises ValueError if seeds is below 2 or 'batch' is missing.
    """
    results.check_seeds(seeds)
    if "batch" not in norms:
        raise ValueError(f"norms is {tuple(norms)}; every norm is compared with 'batch', so it must be one of them")
    cases = cases or CASES

    def measured(labels, watch, dtype=torch.float64):
        settings = [case_setting(cases[label["case"]], label) for label in labels]
        found = results.table(labels, run_all(settings, data, device, progress, watch, keep, dtype))
        return found[found["step"] > 0].reset_index(drop=True)

    tuning, best = _tuned(measured, data, norms, cases)
    return {
        "experiment": "relatives",
        "versions": results.versions(),
        "seeds": seeds,
        "cases": {name: [case.batch_size, case.steps] for name, case in cases.items()},
        "sweep": list(sweep),
        "best": best,
        "tuning": tuning,
        "table": measured(_labels(norms, best, sweep, seeds), _accuracies_when_spoilt(data)),
    }


def case_setting(case, label):
    """The Setting of one training of `relatives`: of a Case, and a label with arm, lr, seed and perhaps twin."""
    own = {"norm": label["arm"], "lr": label["lr"], "seed": label["seed"], "twin": label.get("twin", 0)}
    return Setting(net="cnn", batch_size=case.batch_size, steps=case.steps, every=case.steps, **own)


def _tuned(measured, data, norms, cases):
    """The table of all tuning runs, and {case: {norm: rate}}."""
    tuning, best, watch = [], {}, _validation_accuracy(data)
    for name, case in cases.items():

        def train_at(labels, name=name):
            found = measured([{"case": name} | label for label in labels], watch, torch.float32)
            return found[found["measure"] == "val_accuracy"]

        tried, found = results.tune(train_at, norms, case.rates, chance=1 / data.classes)
        best[name] = {arm: rate and float(rate) for arm, rate in found.items()}
        tuning.append(tried)
    return pd.concat(tuning, ignore_index=True), best


def _labels(norms, best, sweep, seeds):
    """What is trained: the sweep of the first case, every case at the rates chosen, and twins; no run twice."""
    first = next(iter(best))
    swept = results.grid(case=[first], arm=norms, lr=sweep, seed=range(min(SWEPT_SEEDS, seeds)), twin=[0])
    own = results.grid(case=best, arm=norms, seed=range(seeds))
    own = [label | {"lr": best[label["case"]][label["arm"]], "twin": 0} for label in own]
    twins = results.grid(case=[first], arm=norms, lr=[AGAIN["lr"]], seed=AGAIN["seeds"], twin=range(AGAIN["twins"] + 1))
    order = ("case", "arm", "lr", "seed", "twin")
    wanted = [tuple(label[name] for name in order) for label in [*swept, *own, *twins] if label["lr"] is not None]
    return [dict(zip(order, label, strict=True)) for label in dict.fromkeys(wanted)]


# --- what is measured at the end of a training -----------------------------------------------------------------------


def spoilt(data, seeds):
    """The test images as they are and spoilt in one way each, standardized as the training images are.

    seeds  of the noise, one for each of P nets
    Returns a dict, name to (P, N, C, H, W): what `lab.distort.distorted` makes of pixels between black and white, and
    faint, a quarter of the distance from the mean gray of the training images, which standardization makes 0.
    """
    mean, sd = data.x_train.mean(), data.x_train.std()
    pixels = torch.as_tensor(data.x_test).expand(len(seeds), *data.x_test.shape)
    found = {name: (images - mean) / sd for name, images in distort.distorted(pixels, seeds).items()}
    return found | {"faint": 0.25 * found["clean"]}


def _accuracies_when_spoilt(data):
    """A watch function: accuracy on each set of `spoilt`, with BatchNorm also by the statistics of that set."""

    def watch(moment):
        if moment.x is not None:
            return None
        sets, net = spoilt(data, [setting.seed for setting in moment.settings]), moment.net
        clean = sets.pop("clean")  # `run_all` measures that one itself
        found = {f"{name} accuracy": _right(net, x, data.y_test) for name, x in sets.items()}
        if moment.settings[0].norm == "batch":
            own = copy.deepcopy(net).train()  # a copy: a pass in training mode moves the running statistics
            sets["clean"] = clean
            found |= {f"own {name} accuracy": _right(own, x, data.y_test, training=True) for name, x in sets.items()}
        return found

    return watch


def _validation_accuracy(data):
    """A watch function: accuracy on the validation images."""
    x_val = torch.as_tensor((data.x_val - data.x_train.mean()) / data.x_train.std())

    def watch(moment):
        return {"val_accuracy": _right(moment.net, x_val, data.y_val)} if moment.x is None else None

    return watch


@torch.no_grad()
def _right(net, x, y, training=False):
    """Share of images (N, C, H, W), or (P, N, C, H, W), that each of P nets gives its label: (P,)."""
    with contextlib.nullcontext() if training else train.evaluating(net):
        logits = net(x.to(next(net.parameters())))
    return (logits.argmax(-1).cpu() == torch.as_tensor(y)).double().mean(1)


# --- what follows ----------------------------------------------------------------------------------------------------


def at_own_rates(found, case):
    """The runs of one case in which each norm has the rate chosen for it, a row per measure."""
    table, best = found["table"], found["best"][case]
    rates = table["arm"].map({norm: np.nan if lr is None else lr for norm, lr in best.items()})
    return table[(table["case"] == case) & (table["twin"] == 0) & np.isclose(table["lr"], rates)]


def with_own(table):
    """A table with BatchNorm once more as arm 'own', by the statistics of the test images and not the stored ones."""
    own = table["measure"].str.startswith("own ")
    measures = table.loc[own, "measure"].str.removeprefix("own ").replace("clean accuracy", "test_accuracy")
    anew = table[own & (table["arm"] == "batch")].assign(arm="own", measure=measures)
    return pd.concat([table[~own], anew], ignore_index=True)


def limits(found):
    """What the sweep says of each norm and seed: a table with the measures

    decades  of learning rates with 90 % or more of the best mean accuracy that any norm reached, see `results.band`
    largest  the rate up to which training works, see `results.ceiling`; missing where it works at none
    """
    table = found["table"]
    swept = table[table["lr"].isin(found["sweep"]) & (table["seed"] < SWEPT_SEEDS) & (table["twin"] == 0)]
    swept = swept[swept["case"] == next(iter(found["cases"]))]
    accuracy, failed = (
        results.of(swept, measure).pivot(index=["arm", "seed"], columns="lr", values="value")
        for measure in ("test_accuracy", "diverged")
    )
    best, lr = accuracy.groupby("arm").mean().max(axis=None), accuracy.columns.to_numpy()
    decades = accuracy.apply(lambda row: results.band(lr, row, best), axis=1)
    largest = failed.apply(lambda row: results.ceiling(lr, row == 0), axis=1)
    wide = pd.DataFrame({"decades": decades, "largest": largest}).reset_index().assign(step=0)
    return wide.melt(id_vars=["arm", "seed", "step"], var_name="measure", value_name="value")


def half_a_step(sweep, rates):
    """The factor by which rates that `results.ceiling` read off a sweep may be wrong: the root of the steps around."""
    sweep, rates = np.asarray(sweep), np.asarray(rates)
    after = np.searchsorted(sweep, rates[np.isfinite(rates)])
    return float(np.sqrt(np.max(sweep[after] / sweep[after - 1])))


class Column(NamedTuple):
    """One question to all norms: a table of one measure, and `compare` of one arm with each of the others by `holm`."""

    name: str
    values: pd.DataFrame
    rows: pd.DataFrame


def column(name, table, measure, arm="batch", **how):
    """A Column; with `how` as in `results.compare`. Each column is one family of conclusions."""
    values = results.of(table, measure)
    others = [norm for norm in nets.NORMS if norm != "batch" and norm in set(values["arm"])]
    return Column(name, values, results.holm([results.compare(values, arm, other, measure, **how) for other in others]))


def learning(found):
    """BatchNorm against every other norm: band of rates (decades), largest rate (a factor), accuracy of each case."""
    table = limits(found)
    known_to = half_a_step(found["sweep"], results.of(table, "largest")["value"])
    return [
        column("decades of rates", table, "decades"),
        column("largest rate", table, "largest", ratio=True, known_to=known_to),
        *(column(case, at_own_rates(found, case), "test_accuracy") for case in found["cases"]),
    ]


def change(found, before, after):
    """What another case does to each norm, both times at its own rate: `compare` of the two, by `holm`."""
    rows = []
    for norm in found["best"][before]:
        runs = pd.concat([at_own_rates(found, case) for case in (before, after)], ignore_index=True)
        runs = runs[runs["arm"] == norm].assign(arm=runs["case"])
        rows.append({"norm": norm} | results.compare(runs, after, before, "test_accuracy"))
    return results.holm(rows)


SPOILT = ("faint", "contrast", "dark", "noise 0.1", "noise 0.3", "specks", "shift")


def bearing(found, case=None, arm="batch"):
    """One arm, 'batch' or 'own', against every other norm: accuracy on spoilt images, in the first case or another."""
    table = with_own(at_own_rates(found, case or next(iter(found["cases"]))))
    return [column(name, table, f"{name} accuracy", arm) for name in SPOILT]


# --- algebra ---------------------------------------------------------------------------------------------------------

# What is done to the input of the norm, given other numbers of its shape, and which part of the output is looked at.
AT_THE_NORM = {
    "everything x 3": (lambda x, other: 3 * x, np.s_[:]),
    "everything + 5": (lambda x, other: x + 5, np.s_[:]),
    "one image x 3": (lambda x, other: np.concatenate([3 * x[:1], x[1:]]), np.s_[:]),
    "one image + 5": (lambda x, other: np.concatenate([x[:1] + 5, x[1:]]), np.s_[:]),
    "one channel x 3": (lambda x, other: np.concatenate([3 * x[:, :1], x[:, 1:]], 1), np.s_[:]),
    "one channel + 5": (lambda x, other: np.concatenate([x[:, :1] + 5, x[:, 1:]], 1), np.s_[:]),
    "other images": (lambda x, other: np.concatenate([x[:1], other[1:]]), np.s_[:1]),
    "other channels": (lambda x, other: np.concatenate([x[:, :1], other[:, 1:]], 1), np.s_[:, :1]),
}
# What is done to the pictures in front of the convolution in front of the norm.
AT_THE_PICTURES = {
    "pictures x 3": lambda pictures: 3 * pictures,
    "pictures + 5": lambda pictures: pictures + 5,
    "one picture x 3": lambda pictures: np.concatenate([3 * pictures[:1], pictures[1:]]),
    "one picture + 5": lambda pictures: np.concatenate([pictures[:1] + 5, pictures[1:]]),
}


def invariances(norms=None):
    """Which changes of its input, and of the pictures in front of the layer before it, does a normalization not notice?

    The layer is a convolution without padding and bias, which gives its 6 channels from pictures of 3.

    norms  {name: function of x (4, 6, 5, 5), without scale and shift}; by default PyTorch's, 3 groups, and
           BatchNorm in both modes
    Returns a dict: experiment, changes (names), norms {name: True or False for each change: the output is the same
    to 1e-4}. 'one' image or channel is the first; for 'other images' and 'other channels' all but the first are
    exchanged, and the output of the first is compared.
    Source: the pictures' lines are the columns on the data in table 1 of Ba et al. 2016.
    """
    random = np.random.default_rng(0)
    pictures, others = random.normal(1, 2, (2, 4, 3, 7, 7))
    filters = torch.as_tensor(random.normal(0.2, 0.3, (6, 3, 3, 3)))

    def layer(of):
        return F.conv2d(torch.as_tensor(of), filters).numpy()

    x, other = layer(pictures), layer(others)
    inputs = {name: (change(x, other), part) for name, (change, part) in AT_THE_NORM.items()}
    inputs |= {name: (layer(change(pictures)), np.s_[:]) for name, change in AT_THE_PICTURES.items()}
    found = {}
    for name, norm in (norms or _torchs()).items():
        y = norm(x)
        found[name] = [bool(np.abs(norm(z)[part] - y[part]).max() < 1e-4) for z, part in inputs.values()]
    return {"experiment": "invariances", "changes": list(inputs), "norms": found}


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
