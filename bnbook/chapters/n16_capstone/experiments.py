"""The measurement of notebook 16: several normalizations of one net, each at the rate that suits it."""

from typing import NamedTuple

import pandas as pd
import torch

from bnbook import nets, train
from bnbook.lab import results

from . import functions

CANDIDATES = ("batch", "group", "layer", "none")
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
STEPS, BATCH, TOGETHER = 100, 16, 20


class Images(NamedTuple):
    """Images of three parts as float64 tensors, scaled by mean and sd of the training images, with their labels."""

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_val: torch.Tensor
    y_val: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor

    def batches(self, size=50, labels=True):
        """All training images as a list of batches (x, y); y is None without labels. What fills no batch is left out.

        Fewer than size: one batch of all.
        """
        parts = zip(self.x_train.split(size), self.y_train.split(size), strict=True)
        return [(x, y if labels else None) for x, y in parts if len(x) == min(size, len(self.x_train))]


def scaled(data, change=None):
    """The Images of data, its pixels changed before they are scaled (by the numbers of the unchanged ones)."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    change = change or (lambda pixels: pixels)
    parts = [(change(x) - mean) / sd if i % 2 == 0 else x for i, x in enumerate(data)]
    return Images(*map(torch.as_tensor, parts))


def another_scanner(pixels):
    """A quarter of the contrast, around the same middle grey: 0.5 + (pixels - 0.5) / 4, as `lab.distort` has it."""
    return 0.5 + 0.25 * (pixels - 0.5)


def which_norm(data, seeds=8, norms=CANDIDATES, rates=RATES, width=6, block=functions.residual_block):
    """Validation accuracy of a small residual CNN with each normalization, at its best learning rate.

    Each norm is tried at the same rates by 8 seeds of their own (`results.tune`), then trained at its best one by other
    seeds; arms of equal seed share weights and batches. The test images have no part in it.

    data   data.Data
    seeds  runs per norm, 2 or more
    norms  names in functions.NORMS, two or more
    rates  to begin with
    width, block   as in `functions.residual_net`
    Returns a dict: experiment, versions, norms (those that train), steps, best (norm to rate, None: does not train),
    and the tables tuning (arm, lr, seed) and table; measured is val_accuracy after 100 steps in batches of 16.
    Raises ValueError for fewer than 2 seeds or norms, and what `results.tune` refuses.
    """
    results.check_seeds(seeds)
    if len(set(norms)) < 2:
        raise ValueError(f"norms is {tuple(norms)}; a comparison needs two or more")
    images = scaled(data)

    def runs(labels):
        groups = [[one for one in labels if one["arm"] == norm] for norm in norms]
        groups = [group[i : i + TOGETHER] for group in groups for i in range(0, len(group), TOGETHER)]
        return pd.concat([_trained(group, images, data, width, block) for group in groups], ignore_index=True)

    tuning, best = results.tune(runs, norms, rates, 1 / data.classes)
    trains = [norm for norm in norms if best[norm] is not None]
    table = runs([{"arm": norm, "lr": best[norm], "seed": seed} for norm in trains for seed in range(seeds)])
    return {
        "experiment": "which_norm",
        "versions": results.versions(),
        "norms": trains,
        "steps": STEPS,
        "best": best,
        "tuning": tuning,
        "table": table,
    }


def _trained(labels, images, data, width, block):
    """The table of runs of one norm: labels with arm, lr and seed."""
    norm, seeds = labels[0]["arm"], [one["seed"] for one in labels]
    net = nets.Stack([functions.residual_net(norm, data.shape, data.classes, seed, width, block) for seed in seeds])
    train.fit_all(net, images.x_train, images.y_train, [one["lr"] for one in labels], BATCH, STEPS, seeds)
    accuracy = train.evaluate_all(net, images.x_val, images.y_val)[1]
    return pd.DataFrame(labels).assign(step=STEPS, measure="val_accuracy", value=accuracy)


def bands(found):
    """For each norm that trains, what its tuning says.

    found  what `which_norm` returned
    Returns a list of dicts: norm, best rate, accuracy (mean at it, over the tuning's seeds), lowest and highest (ends
    of the rates that reach 90 % of the best of all norms, around its best one), decades (the width of all such
    rates, see `results.band`), enclosed (rates that are no good were tried on both sides).
    """
    means = found["tuning"].groupby(["arm", "lr"])["value"].mean().unstack()
    best, rates, rows = means.max().max(), means.columns.to_numpy(), []
    for norm in found["norms"]:
        row = means.loc[norm].to_numpy()
        lowest, highest = _around(rates, row, 0.9 * best, found["best"][norm])
        rows.append(
            {
                "norm": norm,
                "best rate": float(found["best"][norm]),
                "accuracy": float(row.max()),
                "lowest": lowest,
                "highest": highest,
                "decades": results.band(rates, row, best),
                "enclosed": results.enclosed(row, best),
            }
        )
    return rows


def _around(rates, accuracy, enough, best):
    """The ends of the rates around the best one at which accuracy is enough, interpolated on the log axis."""
    middle = int((abs(rates - best)).argmin())
    ends = []
    for way in (-1, 1):
        i = middle
        while 0 <= i + way < len(rates) and accuracy[i + way] >= enough:
            i += way
        end = rates[i]
        if 0 <= i + way < len(rates) and accuracy[i] >= enough:
            part = (accuracy[i] - enough) / (accuracy[i] - accuracy[i + way])
            end = rates[i] * (rates[i + way] / rates[i]) ** part
        ends.append(float(end))
    return ends
