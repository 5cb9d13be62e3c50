"""What follows from the trainings of notebook 09, computed from their tables whenever it is shown.

All intervals are over initial weights and orders of batches, on one split of the images.
"""

import pandas as pd

from bnbook.lab import results

MARGIN = 1.0  # points of accuracy, 5 of 500 test images: a difference within it counts as none


def accuracies(stored):
    """What each arm reaches: of `trainability` for each depth and length of training, of `only_norms` for each part.

    stored  what the experiment returned
    Returns a DataFrame: arm, (depth, length,) lr, mean, low, high (95 %, of the accuracies in per cent); an arm that
    does not train has neither rate nor accuracy.
    """
    table = results.of(stored["table"], "test_accuracy", twin=0)
    cells = stored["best"]
    if isinstance(cells, dict):
        cells = [{"arm": arm, "lr": lr} for arm, lr in cells.items()]
    return pd.DataFrame([cell | _accuracy(table, cell) for cell in cells])


def _accuracy(table, cell):
    if cell["lr"] is None:
        return {}
    values = 100 * results.of(table, "test_accuracy", **cell)["value"]
    low, high = results.interval(values)
    return {"mean": values.mean(), "low": low, "high": high}


# arm, against, depths, margin: what notebook 09 says of two arms
PAIRS = (
    ("plain, batch", "plain, none", (20, 40), None),
    ("plain, batch", "plain, start", (20,), None),
    ("plain, start", "plain, none", (20,), None),
    ("tanh, batch", "tanh, none", (20, 40), None),
    ("residual, skip_init", "residual, batch", (20, 40, 80), MARGIN),
)
DEPTHS = ("residual, batch", "residual, skip_init")  # arms whose deepest nets are compared with their shallowest


def comparisons(stored):
    """The verdicts on `trainability`: arms of one depth and length, and two depths of one arm, paired by seed.

    stored  what `trainability` returned
    Returns a DataFrame as `results.holm` makes it (one family, all lengths), with depth and length.
    """
    table = results.of(stored["table"], "test_accuracy", twin=0)
    return results.holm([row for _, part in table.groupby("length") for row in (*_of_pairs(part), *_of_depths(part))])


def _of_pairs(part):
    """Rows of `results.compare`, one for each of PAIRS and depth at which both arms train; part: of one length."""
    for arm, against, depths, margin in PAIRS:
        for depth in depths:
            some = part[part["depth"] == depth]
            if {arm, against} <= set(some["arm"]):
                row = results.compare(some, arm, against, "test_accuracy", margin=margin)
                yield {"depth": depth, "length": part["length"].iloc[0]} | row


def _of_depths(part):
    """Rows of `results.compare` in which the depth stands for the arm, one for each of DEPTHS."""
    for arm in DEPTHS:
        some = part[part["arm"] == arm].drop(columns="arm").rename(columns={"depth": "arm"})
        first, last = some["arm"].min(), some["arm"].max()
        if first < last:
            row = results.compare(some, last, first, "test_accuracy", margin=MARGIN)
            row |= {"arm": f"{arm}, depth {last}", "against": f"depth {first}"}
            yield {"depth": last, "length": part["length"].iloc[0]} | row


def bands(stored, depth=80, length=200, arms=DEPTHS):
    """How wide is the band of good learning rates, in decades, for each arm? On validation images, see `results.band`.

    Returns a DataFrame: arm, decades (mean over the tuning seeds), to (the largest rate that is good, in the mean),
    enclosed (False: the band goes on beyond the rates tried); and the row of `results.compare` of the first two arms.
    """
    part = results.of(stored["tuning"], "val_accuracy", depth=depth, length=length)
    part = part[part["arm"].isin(arms)]
    means = part.groupby(["arm", "lr"])["value"].mean().unstack()
    best, rows, widths = means.to_numpy().max(), [], []
    for arm in arms:
        runs = part[part["arm"] == arm].pivot(index="seed", columns="lr", values="value")
        for seed, run in runs.iterrows():
            width = results.band(runs.columns, run, best)
            widths.append({"arm": arm, "seed": seed, "step": length, "measure": "decades", "value": width})
        mean = means.loc[arm].dropna()
        good = mean.index[mean >= 0.9 * best]
        rows.append({"arm": arm, "to": good.max(), "enclosed": results.enclosed(mean.to_numpy(), best)})
    widths = pd.DataFrame(widths)
    rows = pd.DataFrame(rows)
    rows.insert(1, "decades", [widths.loc[widths["arm"] == arm, "value"].mean() for arm in arms])
    return rows, results.compare(widths, *arms[:2], "decades")


def parts(stored):
    """The verdicts on `only_norms`: scales and shifts against the other parts, paired by seed; `results.holm`."""
    table = results.of(stored["table"], "test_accuracy", twin=0)
    pairs = [("norm", other) for other in stored["best"] if other != "norm"]
    return results.holm([results.compare(table, *pair, "test_accuracy", margin=MARGIN) for pair in pairs])


def ahead(table):
    """The arm whose mean is largest: what runs that are made again are to agree on, where their digits cannot."""
    return table.groupby("arm")["value"].mean().idxmax()
