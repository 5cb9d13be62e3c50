"""The drawings of notebook 16."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import interval
from bnbook.lab.style import ARMS

from . import experiments


def which_norm(found):
    """Accuracy against learning rate for each norm, the best rates marked, the line of 90 % of the best.

    found  what `experiments.which_norm` returned
    Returns axes, text: per norm its best rate, the accuracy there in whole per cent, and how wide its band is.
    """
    axes = plt.subplots(figsize=(7.0, 3.6))[1]
    tuning, rows = found["tuning"], experiments.bands(found)
    for row in rows:
        runs = tuning[tuning["arm"] == row["norm"]].groupby("lr")["value"]
        rates, mean = runs.mean().index.to_numpy(), 100 * runs.mean().to_numpy()
        low, high = np.array([interval(100 * values.to_numpy()) for _, values in runs]).T
        axes.plot(rates, mean, marker="o", markersize=3, **ARMS[row["norm"]])
        axes.fill_between(rates, low.clip(0), high.clip(max=100), color=ARMS[row["norm"]]["color"], alpha=0.12, lw=0)
    enough = 90 * max(row["accuracy"] for row in rows)
    axes.axhline(enough, color="0.4", linewidth=1, linestyle=":")
    axes.text(tuning["lr"].min(), enough + 1, "90 % of the best", color="0.3", fontsize=9, va="bottom")
    axes.set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="validation images right (%)")
    axes.set_title(
        f"Where each normalization trains ({found['steps']} steps; shaded: 95 % interval of the mean, 8 seeds)"
    )
    axes.legend(loc="lower left")
    shown = "Validation accuracy against learning rate, a line for each normalization:"
    return axes, "\n".join([shown, *map(_said, rows)])


def _said(row):
    width = "half a decade or more" if row["decades"] >= 0.5 else "less than half a decade"
    known = "" if row["enclosed"] else "; open at one end: try more rates"
    label, accuracy = ARMS[row["norm"]]["label"], 100 * row["accuracy"]
    return f"{label}: best at {row['best rate']:g}, {accuracy:.0f} %; good over {width}{known}"
