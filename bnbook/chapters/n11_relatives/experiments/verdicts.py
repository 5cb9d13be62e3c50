"""What follows from the stored runs: computed when it is shown."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from bnbook import nets
from bnbook.lab import results

from .training import SWEPT_SEEDS


def at_own_rates(found, case):
    """The runs of one case in which each norm has the rate chosen for it, a row per measure."""
    table, best = found["table"], found["best"][case]
    rates = table["arm"].map({norm: np.nan if lr is None else lr for norm, lr in best.items()})
    return table[(table["case"] == case) & (table["twin"] == 0) & np.isclose(table["lr"], rates)]


def at_one_rate(found, lr):
    """The runs of the first case in which all norms have this rate: BatchNorm's own is the largest of all."""
    table, first = found["table"], next(iter(found["cases"]))
    return table[(table["case"] == first) & (table["twin"] == 0) & (table["lr"] == lr)]


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
