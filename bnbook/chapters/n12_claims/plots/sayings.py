"""Adding the standard deviation, and the folklore."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from ..experiments.page import NETS
from .dots import dot, shown, sign, signed_points

STYLES = {
    "none": ARMS["none"],
    "batch": ARMS["batch"],
    "add_sd": {"label": "mean subtracted, sd added", "color": "#D55E00", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
}


def adding(data):
    """Adding the standard deviation in place of dividing by it: accuracy over learning rates, and the output's spread.

    data   what experiments.adding returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    for (norm, arm), marker in zip(data["arms"].items(), "^os", strict=True):
        axes[0].plot(arm["rates"], 100 * np.array(arm["val"]), marker=marker, markersize=5, **STYLES[norm])
    axes[0].set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="validation accuracy (%)")
    axes[0].set_title(f"{data['depth']} hidden layers, mean of {data['seeds']} seeds")
    axes[0].legend(loc="lower left")
    factors = [float(factor) for factor in data["scales"]]
    for norm, marker in (("batch", "o"), ("add_sd", "s")):
        spread = [made[norm][1] for made in data["scales"].values()]
        axes[1].plot(factors, spread, marker=marker, markersize=5, **STYLES[norm])
    axes[1].set(xscale="log", yscale="log", xlabel="input multiplied by", ylabel="sd of the output")
    axes[1].set_title("sd 1 whatever the input, or the input's")
    title = f"Adding the sd in place of dividing: {shown(data['difference'])} points"
    figure.suptitle(title)
    label = {norm: STYLES[norm]["label"] for norm in data["arms"]}
    largest = {norm: max(usable, default=None) for norm, usable in data["usable"].items()}
    rates = ", ".join(f"{label[norm]} {rate:g}" if rate else f"{label[norm]} none" for norm, rate in largest.items())
    first = [f"{title} of test accuracy, each at its own best rate.", f"Largest usable rate: {rates}."]
    return axes, "\n".join(first + [f"  {label[norm]}: {_reached(arm)}" for norm, arm in data["arms"].items()])


def folklore(data):
    """Sayings about BatchNorm: what each costs or gains in test accuracy.

    data   what experiments.folklore returned
    Returns ax, text.
    """
    rows = _differences(data)
    figure, ax = plt.subplots(figsize=(8.5, 4))
    for y, (_, difference) in enumerate(rows):
        dot(ax, difference, y, *sign(difference["interval"]))
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set(yticks=range(len(rows)), yticklabels=[name for name, _ in rows], ylim=(len(rows) - 0.5, -0.5))
    ax.set(xlabel="test accuracy (points; beyond 2 the scale is logarithmic)")
    signed_points(ax, [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20])
    worst = min(rows, key=lambda row: row[1]["mean"])
    title = f"The largest loss: {worst[1]['mean']:+.0f} points ({worst[0]})"
    figure.suptitle(title)
    lines = [f"  {name}: {shown(difference)}" for name, difference in rows]
    starts = data["starts"]["arms"]
    lines += [
        f"  gain {gain}: BatchNorm {_reached(arm)}, none {_reached(starts['none'][gain])}"
        for gain, arm in starts["batch"].items()
    ]
    for net, sizes in data["batches"].items():
        both = [f"{100 * np.mean(sizes['2'][norm]['test']):.1f} %" for norm in ("batch", "none")]
        lines.append(f"  batches of 2, {NETS[net]}: BatchNorm {both[0]}, none {both[1]}")
    unit = f"Test accuracy in points, {data['seeds']} seeds, paired [95 % interval]:"
    return ax, "\n".join([f"{title}.", unit, *lines])


def _reached(arm):
    return f"{100 * np.mean(arm['test']):.1f} % at rate {arm['rate']:g}"


def _differences(data):
    """What is drawn: pairs of name and difference."""
    versus = "BatchNorm minus none, "
    return [
        ("behind the ReLU minus before it", data["place"]["difference"]),
        *((versus + NETS[net], kind["difference"]) for net, kind in data["kinds"].items()),
        *(
            (f"{versus}{NETS[net]}, batches of {size}", found["difference"])
            for net, sizes in data["batches"].items()
            for size, found in sizes.items()
        ),
        *((f"BatchNorm, gain {gain} minus He's", found) for gain, found in data["starts"]["own_rate"].items()),
        *((f"with minus without biases, norm {at} the ReLU", b["difference"]) for at, b in data["bias"].items()),
    ]
