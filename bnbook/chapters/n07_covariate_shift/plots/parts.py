"""Parts of the drawings of notebook 07: rows of dots, one for each setting, and steps in words."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from ..experiments import over_looks


def case_panels(cases, panels):
    """Panels beside each other, with one row for each case."""
    figure, axes = plt.subplots(1, panels, figsize=(2.2 + 3.2 * panels, 1.6 + 0.36 * len(cases)), sharey=True)
    axes[0].set_ylim(len(cases) - 0.5, -0.5)
    axes[0].set_yticks(range(len(cases)), cases)
    for ax in axes:
        ax.grid(axis="y", visible=False)
        for row in range(len(cases) - 1):
            ax.axhline(row + 0.5, color="0.9", linewidth=0.8)
    return figure, axes


def case_dots(ax, data, table):
    """For every case a row, in it for every arm a dot: the values of a table with one row a run, mean and range."""
    arms = list(dict.fromkeys(data["table"]["arm"]))
    for (case, arm), values in table.groupby(["case", "arm"], sort=False)["value"]:
        dots(ax, data["cases"].index(case) + 0.25 * (arms.index(arm) - (len(arms) - 1) / 2), arm, values)


def dots(ax, row, arm, values):
    """Mean and range in one row of those values that are there: a run that diverged has none."""
    style, values = ARMS[arm], values.dropna()
    if len(values):
        ax.plot([values.min(), values.max()], [row, row], color=style["color"], linewidth=2, solid_capstyle="round")
        ax.plot(values.mean(), row, "o", color=style["color"], markersize=5.5, label=style["label"])


def log_axis(ax):
    """From one power of ten to another, so that there are numbers at both ends."""
    values = np.concatenate([line.get_xdata() for line in ax.get_lines() if line.get_label() in _LABELS])
    ax.set(xscale="log", xlim=(10 ** np.floor(np.log10(values.min())), 10 ** np.ceil(np.log10(values.max()))))


_LABELS = [style["label"] for style in ARMS.values()]


def legend(figure, ax, columns=None):
    """One legend below all panels, with each arm once."""
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=columns or len(once))


def steps_in_words(values, whole=False):
    """Median, and if whole is true also the fewest and the most, of steps of which some may be nan or None: 'never'."""
    ordered = np.sort(np.array([np.nan if value is None else value for value in values], dtype=float))  # nan last
    names = ["never" if np.isnan(n) else f"{n:.0f}" for n in ordered]
    middle = names[len(names) // 2]  # the upper one of two, so that it is a number that occurred
    return f"{middle} [{names[0]}, {names[-1]}]" if whole else middle


def counted(verdicts, *names):
    """How many of the verdicts have each of these names."""
    return [list(verdicts).count(name) for name in names]


def of_case(table, measure, case, after=0):
    """The means over looks of one case, to be compared: a table with a row a run."""
    means = over_looks(table, measure, after)
    return means[means["case"] == case]
