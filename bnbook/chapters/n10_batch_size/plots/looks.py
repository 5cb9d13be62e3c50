"""What the drawings of notebook 10 have in common: looks, axes, numbers in words."""

import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

BLUE, RED, GREY = ARMS["batch"]["color"], "#D55E00", "0.45"
MARKERS = {"none": "o", "layer": "D", "group": "^", "batch": "s", "renorm": "v", "frozen": "o"}
NETS = {"mlp": "fully connected", "cnn": "convolutional"}


def reported(table, measure="test_accuracy", **where):
    """The reported runs at their end, without twins; a frame."""
    return results.of(table, measure, twin=0, **where)


def percent(table, measure="test_accuracy", **where):
    """Mean of the reported runs, in per cent."""
    return 100 * float(reported(table, measure, **where)["value"].mean())


def with_interval(table, measure="test_accuracy", **where):
    """Mean and the interval of it, in per cent: three floats."""
    values = 100 * reported(table, measure, **where)["value"].to_numpy()
    return float(values.mean()), *results.interval(values)


def said(row):
    """A comparison in words: '-0.4 [-0.7, -0.1] less'; whole points where the interval is longer than 5 of them."""
    return f"{points(row)} {row['verdict']}"


def points(row):
    """The difference and its interval."""
    digits = 0 if row["high"] - row["low"] > 5 else 1
    return results.spread(row["mean"], row["low"], row["high"], digits)


def with_mark(row):
    """The difference and its interval with a mark for the verdict, where words take too much room, see `legend`."""
    return points(row) + {"more": " *", "less": " *", "no difference": " ="}.get(row["verdict"], "")


def legend(rows, margin):
    """What the marks of a table of such rows mean."""
    return (
        f"in points. *: settled; =: none (within {margin:g}); no mark: not settled here. Holm for {len(rows)} of them"
    )


def bare(arm):
    """An arm's label without its 'with'."""
    return ARMS[arm]["label"].removeprefix("with ")


def line_with_band(ax, x, lowest, mean, highest, norm, **style):
    """One arm with its band, in its colour, line style and marker."""
    look = {**ARMS[norm], "marker": MARKERS[norm], "markersize": 5, **style}
    ax.fill_between(x, lowest, highest, color=look["color"], alpha=0.18, linewidth=0)
    ax.plot(x, mean, **look)


def line_with_interval(ax, x, found, norm, **style):
    """One arm from a list of (mean, low, high), one for each x."""
    mean, low, high = np.transpose(found)
    line_with_band(ax, x, low, mean, high, norm, **style)


def sizes_axis(ax, sizes, label):
    """A logarithmic horizontal axis with a tick at each size."""
    ax.set(xscale="log", xlabel=label)
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
