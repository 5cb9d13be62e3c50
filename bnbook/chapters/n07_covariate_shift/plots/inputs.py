"""The drawings of notebook 07 on what layers get."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.lab.results import compare, holm, printed, spread
from bnbook.lab.style import ARMS

from ..experiments import over_looks
from .parts import case_dots, case_panels, counted, legend, log_axis, steps_in_words


def unit_inputs(data, arms=None):
    """Accuracy over training, and between which values most inputs of one unit lie meanwhile, a panel for each arm.

    data   what experiments.unit_inputs returned
    arms   which of its arms to draw; None: all
    Returns axes (an array, one more than arms), text.
    """
    found = [arm for arm in data["arms"] if arms is None or arm["arm"] in arms]
    figure, axes = plt.subplots(1, 1 + len(found), figsize=(1.5 + 2.5 * len(found), 3.3))
    for arm in found:
        curves, style = 100 * np.array(arm["accuracy"]), ARMS[arm["arm"]]
        axes[0].fill_between(arm["accuracy_step"], curves.min(0), curves.max(0), color=style["color"], alpha=0.25, lw=0)
        axes[0].plot(arm["accuracy_step"], curves.mean(0), **style)
    axes[0].axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    axes[0].set(xlabel="training step", ylabel="test accuracy (%)", ylim=(0, 100), title="mean and range of seeds")
    for ax, arm in zip(axes[1:], found, strict=True):
        low, middle, high = np.transpose(arm["curves"])
        ax.fill_between(arm["step"], low, high, color=ARMS[arm["arm"]]["color"], alpha=0.3, lw=0)
        ax.plot(arm["step"], middle, **ARMS[arm["arm"]])
        ax.set(xlabel="training step", title=f"{_short(arm)}\nmedian moves over {np.mean(arm['range']):.1f}")
        ax.sharey(axes[1])
    first, _, last = data["percentiles"]
    axes[1].set_ylabel(f"input of a unit: median,\n{first}th to {last}th percentile")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(found))
    names = [ARMS[arm["arm"]]["label"] for arm in found]
    verdict = "Steps to 90 %: " + ", ".join(
        f"{steps_in_words(arm['steps_to_90'])} {name}" for arm, name in zip(found, names, strict=True)
    )
    figure.suptitle(verdict)
    rows = {"": names, "steps to 90 %": [steps_in_words(arm["steps_to_90"], True) for arm in found]}
    for key, column in (("range", "median moves over"), ("spread", "width at the start")):
        rows[column] = [spread(np.mean(v), min(v), max(v), 2, sign=False) for v in (arm[key] for arm in found)]
    lines = [
        f"{verdict}.",
        "",
        f"All {data['seeds']} seeds [lowest, highest], and all units of the last hidden layer:",
        printed(pd.DataFrame(rows)),
    ]
    return axes, "\n".join(lines)


def _short(arm):
    """The label of an arm up to its comma."""
    return ARMS[arm["arm"]]["label"].split(",")[0]


def input_drift(data):
    """How far the layers' inputs move in ten steps, in three ways of measuring.

    data   what experiments.input_drift returned
    Returns axes (an array of 3), text.
    """
    table, cases = data["table"], data["cases"]
    figure, axes = case_panels(cases, 3)
    for ax, (measure, unit, title) in zip(axes, _PANELS, strict=True):
        case_dots(ax, data, over_looks(table, measure))
        log_axis(ax)
        ax.set(xlabel=f"distance in 10 steps ({unit})", title=title)
    legend(figure, axes[0])
    factors = drift_factors(data)
    less = {name: counted(rows["verdict"], "more")[0] for name, rows in factors.items()}
    title = "With BatchNorm inputs move less in {in sd} of {n} settings in sd, in {own units} in own units, in "
    title = (title + "{evaluation} in evaluation mode").format(**less, n=len(cases))
    figure.suptitle(title)
    lines = [
        f"{title}.",
        "",
        f"Without : with BatchNorm, {data['seeds']} seeds [95 % interval]; * not settled after Holm:",
        printed(pd.DataFrame({"setting": cases} | {name: _factors(rows) for name, rows in factors.items()})),
        *_left_out(over_looks(table, "distance")),
    ]
    return axes, "\n".join(lines)


_PANELS = (
    ("distance", "sd", "training mode, in sd"),
    ("absolute", "units of the input", "training mode, own units"),
    ("eval_distance", "sd", "evaluation mode, in sd"),
)
_FACTORS = {  # column: measure, and after which step
    "in sd": ("distance", 0),
    "their mean": ("mean", 0),
    "own units": ("absolute", 0),
    "evaluation": ("eval_distance", 0),
    "from step 50": ("eval_distance", 50),
}


def drift_factors(data):
    """How many times less inputs move with BatchNorm: for each column of the table a DataFrame, a row for each case.

    data  what experiments.input_drift returned
    Factors are geometric means; 'more' is: without BatchNorm they move more. Verdicts are after Holm over all of them.
    """
    cases, rows, last = data["cases"], [], data["table"]["step"].max()
    columns = {name: how for name, how in _FACTORS.items() if how[1] < last}  # a short training has no late looks
    for measure, after in columns.values():
        means = over_looks(data["table"], measure, after)
        rows += [compare(means[means["case"] == case], "none", "batch", measure, ratio=True) for case in cases]
    rows = holm(rows)
    starts = range(0, len(rows), len(cases))
    return {
        name: rows[start : start + len(cases)].reset_index(drop=True)
        for name, start in zip(columns, starts, strict=True)
    }


def _left_out(runs):
    """A line for each case and arm with runs that diverge."""
    diverged = runs[runs["value"].isna()].groupby(["case", "arm"], sort=False).size()
    return [
        f"Runs left out because they diverge: {n} of {case}, {ARMS[arm]['label']}"
        for (case, arm), n in diverged.items()
    ]


def _factors(rows):
    """'8.7 [8.2, 9.2]' for each row, with a star where it is not settled on which side of 1 it lies."""
    return [
        "runs diverge"
        if np.isnan(row["mean"])
        else "{} [{}, {}]".format(*(_two_digits(row[name]) for name in ("mean", "low", "high")))
        + "*" * (row["verdict"] == "not settled here")
        for _, row in rows.iterrows()
    ]


def _two_digits(value):
    """A factor in two digits: 8.8, 22, 450."""
    return f"{float(f'{value:.2g}'):g}"
