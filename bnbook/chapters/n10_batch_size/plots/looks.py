"""What the drawings of notebook 10 have in common: looks, axes, numbers in words."""

import numpy as np

from bnbook.lab.style import ARMS

BLUE, RED, GREY = ARMS["batch"]["color"], "#D55E00", "0.45"
MARKERS = {"none": "o", "layer": "D", "group": "^", "batch": "s", "renorm": "v"}
NETS = {"mlp": "fully connected", "cnn": "convolutional"}


def percent(values):
    """The mean of shares of 1, in per cent."""
    return 100 * float(np.mean(values))


def with_interval(arm):
    """Mean accuracy of an arm with its interval, in per cent."""
    low, high = (100 * end for end in arm["interval"])
    return f"{percent(arm['accuracy']):.1f} % [{low:.1f}, {high:.1f}]"


def line_with_band(ax, x, lowest, mean, highest, norm, **style):
    """One arm with its band, in its colour, line style and marker."""
    look = {**ARMS[norm], "marker": MARKERS[norm], "markersize": 5, **style}
    ax.fill_between(x, lowest, highest, color=look["color"], alpha=0.18, linewidth=0)
    ax.plot(x, mean, **look)


def sizes_axis(ax, sizes, label):
    """A logarithmic horizontal axis with a tick at each size."""
    ax.set(xscale="log", xlabel=label)
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()


def row(values):
    """Values as a line of a table, seven characters each."""
    return "".join(f"{value:7}" for value in values)
