"""What follows from the sweeps of notebook 08: bands and ceilings, seed by seed, and one arm against another."""

import numpy as np
import pandas as pd

from bnbook.lab import results

BASELINE = {"batch_momentum": "momentum"}  # what an arm is compared with; 'none' for all others
GOOD = 0.9  # of the best accuracy
WORKS = 0.5  # of the test images


def best(table):
    """The highest accuracy, as a mean over seeds, that any arm reached at any rate: a Series, step to accuracy."""
    own = _own(table)
    labels = [name for name in own.columns if name not in ("seed", "value")]
    return own.groupby(labels)["value"].mean().groupby("step").max()


def _own(table):
    """Test accuracies after training at some rate, without twins."""
    found = results.of(table, "test_accuracy", "all", twin=0)
    return found[(found["step"] > 0) & (found["lr"] > 0)]


def bands(table):
    """Where the band of good rates is, how wide, and up to which rate a net trains at all: of each seed.

    table  of `learning_rates` or `extreme_rates`
    Returns a table of the same kind, without lr, with the measures
        band         decades of good rates, see `results.band`; best is that after as many steps
        left, right  the smallest and the largest good rate, read off the same straight lines; nan if none is good
        enclosed     1 if rates that are no good lie on both sides
        ceiling      up to which rate at least half of the test images are right, see `results.ceiling`
    """
    own, highest = _own(table), best(table)
    labels = [name for name in own.columns if name not in ("lr", "measure", "value")]
    rows = []
    for key, part in own.groupby(labels, sort=False):
        label = dict(zip(labels, key, strict=True))
        lr, accuracy = part.sort_values("lr")[["lr", "value"]].to_numpy().T
        found = _of_one(lr, accuracy, highest[label["step"]])
        rows += [label | {"measure": name, "value": value} for name, value in found.items()]
    return pd.DataFrame(rows)


def _of_one(lr, accuracy, highest):
    """The measures of `bands` for accuracies at rates."""
    left, right = edges(lr, accuracy, GOOD * highest)
    return {
        "band": results.band(lr, accuracy, highest, GOOD),
        "left": left,
        "right": right,
        "enclosed": float(results.enclosed(accuracy, highest, GOOD)),
        "ceiling": results.ceiling(lr, accuracy >= WORKS),
    }


def edges(lr, accuracy, limit):
    """The smallest and the largest rate with accuracy >= limit, between straight lines over log10(lr); nan if none."""
    fine = np.linspace(np.log10(lr[0]), np.log10(lr[-1]), 4001)
    good = fine[np.interp(fine, np.log10(lr), accuracy) >= limit]
    return (10 ** good[0], 10 ** good[-1]) if len(good) else (np.nan, np.nan)


def compared(table):
    """Every arm against the one without normalization, in each case of `learning_rates`, after each number of steps.

    Returns a DataFrame, a row for each measure, case and arm: what `results.compare` says of the bands (in decades) and
    of the ceilings (ratios, known no better than to half a step of the rates), all of it together under `results.holm`.
    Ceilings are compared where each seed of both arms has one.
    """
    rows = []
    for (depth, init, step), part in bands(table).groupby(["depth", "init", "step"], sort=False):
        there = dict.fromkeys(part["arm"])
        for arm in there:
            against = BASELINE.get(arm, "none")
            if arm != against and against in there:
                label = {"depth": depth, "init": init, "step": step}
                rows.append(label | results.compare(part, arm, against, "band", step))
                rows.append(label | ratio(part, arm, against, "ceiling", step, half_step(table)))
    rows = [row for row in rows if row["pairs"]]
    return results.holm(rows) if rows else pd.DataFrame(rows)


def ratio(part, arm, against, measure, step, known_to):
    """`results.compare` of rates; no pairs unless every seed of both arms has such a rate."""
    rates = part[(part["measure"] == measure) & (part["step"] == step) & part["arm"].isin((arm, against))]
    if rates["value"].isna().any():
        return {"pairs": 0}
    return results.compare(part, arm, against, measure, step, ratio=True, known_to=known_to)


def half_step(table):
    """The factor between the rates of a table, halved (its root): a ceiling is known no better."""
    rates = sorted(set(table.loc[table["arm"] == table["arm"].iloc[0], "lr"]))
    return (rates[1] / rates[0]) ** 0.5 if len(rates) > 1 else 1.0


def moved(table):
    """How the edges of the band move with the length of training: the last number of steps against the first.

    table  of `learning_rates`
    Returns a DataFrame, a row for each edge, case and arm that was trained for all lengths and has a band in each seed:
    ratios by `results.compare`, paired by seed, under `results.holm`.
    """
    found, rows = bands(table), []
    steps = sorted(set(found["step"]))
    long = found[found["step"].isin(steps) & (len(steps) > 1)]
    for (depth, init, name), part in long.groupby(["depth", "init", "arm"], sort=False):
        if set(part["step"]) == set(steps):
            by_length = part.assign(arm=part["step"], step=0)
            for edge in ("left", "right"):
                label = {"depth": depth, "init": init, "of": name}
                rows.append(label | ratio(by_length, steps[-1], steps[0], edge, 0, half_step(table)))
    rows = [row for row in rows if row["pairs"]]
    return results.holm(rows) if rows else pd.DataFrame(rows)


def one_trains(table, lr=1.0):
    """Whether at this rate every net with BatchNorm trains and no plain one does: a conclusion for `results.again`."""
    accuracy = table[(table["measure"] == "test_accuracy") & (table["lr"] == lr)].groupby("arm")["value"]
    return bool(accuracy.min()["batch"] >= WORKS > accuracy.max()["none"])


def at_the_same_rate(data, margin=1.0):
    """BatchNorm against none at each rate of `matched_rates`: steps to 90 %, and accuracy in the end.

    margin  points of accuracy that count as no difference
    Returns a DataFrame, a row for each rate and measure: what `results.compare` says, all of it together under
    `results.holm`. Steps are known to half of the 10 between two measurements. There is no row of speed where an arm
    has a seed that never gets there, none of accuracy where a run diverges: its digits mean nothing.
    """
    table, rows = data["table"][data["table"]["twin"] == 0], []
    for lr, part in table.groupby("lr"):
        if results.of(part, "reached")["value"].notna().all():
            rows.append({"lr": lr} | results.compare(part, "batch", "none", "reached", known_to=5))
        if not results.of(part, "diverged")["value"].any():
            rows.append({"lr": lr} | results.compare(part, "batch", "none", "test_accuracy", margin=margin))
    return results.holm(rows) if rows else pd.DataFrame(rows)


def widened(table):
    """What BatchNorm adds to the band of `extreme_rates` while lengths are kept, and what their growth adds to that.

    Returns a DataFrame, a row for each pair of arms and number of steps: decades by `results.compare`, under Holm.
    Where a band of either arm is wider than the rates tried, there is no such row.
    """
    found, rows = bands(table), []
    for step in sorted(set(found["step"])):
        for pair in (("sphere", "none"), ("batch", "sphere")):
            part = found[(found["step"] == step) & found["arm"].isin(pair)]
            if part.loc[part["measure"] == "enclosed", "value"].all():
                rows.append({"step": step} | results.compare(part, *pair, "band", step))
    return results.holm(rows) if rows else pd.DataFrame(rows)


def twins_agree(table, image):
    """At which rates does a change of the weights by 1e-15 change a result?

    table  of `learning_rates`, with twins
    image  what one test image counts
    Returns rows: rate, and for each arm whether all twins of all runs end within one image of the run itself.
    """
    runs = results.of(table, "test_accuracy", "all")
    twins, own = runs[runs["twin"] > 0], runs[runs["twin"] == 0]
    keys = [name for name in runs.columns if name not in ("twin", "value")]
    both = twins.merge(own, on=keys, suffixes=("", "_own"))
    both["agrees"] = (both["value"] - both["value_own"]).abs() <= 1.001 * image
    found = both.groupby(["lr", "arm"], sort=False)["agrees"].all().unstack("arm")
    return [{"rate": f"{lr:.2g}", **row} for lr, row in found.to_dict("index").items()]
