"""Accuracy on spoilt images."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from .dots import shown

OWN = {"label": "BatchNorm, statistics of the test images", "color": "#56B4E9", "linestyle": (0, (1, 1))}
MARKERS = "os^vDPX"


def robustness(data):
    """Accuracy on spoilt test images of nets trained on clean ones.

    data   what experiments.robustness returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.7), sharey=True, width_ratios=(1, 1.5))
    tests = list(data["arms"]["batch"]["accuracy"])
    noises = [name for name in tests if name.startswith("noise")]
    others = [name for name in tests if name not in noises and name != "clean"]
    _lines(axes, data, noises, others)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    hardest, norms = noises[-1], [norm for norm in data["arms"] if norm not in ("batch", "batch_own")]
    intervals = {norm: data["differences"][hardest][norm]["interval"] for norm in norms}
    ahead = [norm for norm, (low, _) in intervals.items() if low > 0]
    behind = [norm for norm, (_, high) in intervals.items() if high < 0]
    title = f"At {hardest} BatchNorm beats {_and(ahead)} and loses to {_and(behind)}"
    figure.suptitle(title)
    own = [
        f"{name} {100 * np.mean(values):.1f} %"
        for name, values in data["arms"]["batch_own"]["accuracy"].items()
        if name in ("clean", "contrast", "dark", hardest)
    ]
    unit = f"BatchNorm in %, then BatchNorm minus the other in points, {data['seeds']} seeds, paired [95 % interval]:"
    last = f"BatchNorm with the statistics of the spoilt images themselves: {', '.join(own)}."
    return axes, "\n".join([f"{title}.", unit, *_rows(data, ["clean", *noises, *others], norms), last])


def _lines(axes, data, noises, others):
    sds = [0.0, *(float(name.split()[1]) for name in noises)]
    for i, (arm, found) in enumerate(data["arms"].items()):
        style = OWN if arm == "batch_own" else ARMS[arm]
        means = {name: 100 * np.mean(values) for name, values in found["accuracy"].items()}
        axes[0].plot(sds, [means["clean"], *(means[name] for name in noises)], marker=MARKERS[i], markersize=5, **style)
        for x, name in enumerate(others):
            if name in means:
                axes[1].plot(x + (i - 2.5) / 8, means[name], MARKERS[i], color=style["color"], markersize=7)
    axes[0].set(xlabel="sd of the noise (black to white: 1)", ylabel="test accuracy (%)")
    axes[0].set_title("normal noise on the pixels")
    axes[1].set(xticks=range(len(others)), xticklabels=[name.replace(" ", "\n") for name in others])
    axes[1].set_title("other ways to spoil an image")
    axes[1].grid(axis="x", visible=False)


def _rows(data, names, norms):
    """The table: accuracy of BatchNorm, and its difference from each other norm."""
    width = max(len(name) for name in names)
    head = f"  {'':{width}} {'batch':>7}" + "".join(f" {norm:>22}" for norm in norms)
    return [head] + [
        f"  {name:{width}} {100 * np.mean(data['arms']['batch']['accuracy'][name]):6.1f}%"
        + "".join(f" {shown(data['differences'][name][norm]):>22}" for norm in norms)
        for name in names
    ]


def _and(names):
    return ", ".join("no norm" if name == "none" else f"{name} norm" for name in names) or "none of the four"
