"""How many dimensions features have, in front of the norm, behind it, and in depth."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS


def dimensions(data):
    """How many dimensions the features have before and after BatchNorm, and how many are left in depth.

    data   what experiments.dimensions returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    norms = [f"norm {i}" for i in range(1, len(data["channels"]) + 1)]
    _before_and_after(axes[0], data["table"], norms)
    deep = _deep(data)
    _in_depth(axes[1], data["depths"], deep)
    kept = all(
        np.array_equal(_values(data["table"], "rank", norm, "before"), _values(data["table"], "rank", norm, "after"))
        for norm in norms
    )
    apart = deep["batch"][-1].min() > deep["none"][-1].max()
    title = f"BatchNorm {'keeps' if kept else 'changes'} the rank{', and keeps deep features apart' if apart else ''}"
    figure.suptitle(title)
    return axes, _in_words(data, norms, deep, kept)


def _values(table, measure, case, arm):
    return results.of(table, measure, case=case, arm=arm)["value"].to_numpy()


def _deep(data):
    """Norm to the effective rank in each depth, (depths, seeds)."""
    return {
        norm: np.array([_values(data["table"], "effective_rank", f"depth {depth}", norm) for depth in data["depths"]])
        for norm in ("none", "layer", "batch")
    }


def _before_and_after(ax, table, norms):
    for i, norm in enumerate(norms):
        for measure, color, marker in (("rank", "#555555", "_"), ("effective_rank", ARMS["batch"]["color"], "o")):
            for arm, at, fill in (("before", i - 0.15, "none"), ("after", i + 0.15, "full")):
                values, size = _values(table, measure, norm, arm), 14 if marker == "_" else 5
                style = {"color": color, "marker": marker, "markersize": size, "fillstyle": fill, "linestyle": "none"}
                ax.plot(at + np.linspace(-0.06, 0.06, len(values)), values, **style)
    ax.set(xticks=range(len(norms)), xticklabels=[f"{norm}\nbefore | after" for norm in norms])
    ax.set(ylabel="dimensions", ylim=(0, None), title="bar: rank, dot: effective rank, one per net")


def _in_depth(ax, depths, deep):
    for norm, values in deep.items():
        ax.fill_between(depths, values.min(1), values.max(1), color=ARMS[norm]["color"], alpha=0.2, linewidth=0)
        ax.plot(depths, values.mean(1), marker="o", markersize=4, **ARMS[norm])
    ax.set(xlabel="layers of an untrained net", ylabel="effective rank", ylim=(0, None), xticks=depths)
    ax.set_title("mean and range over nets")
    ax.legend()


def _in_words(data, norms, deep, kept):
    table = data["table"]

    def both(measure, digits):
        pairs = ([_values(table, measure, norm, arm).mean() for arm in ("before", "after")] for norm in norms)
        return ", ".join(f"{before:.{digits}f} -> {after:.{digits}f}" for before, after in pairs)

    largest = {
        name: max(_values(table, name, norm, "after").max() for norm in norms) for name in ("largest_change", "rebuilt")
    }
    return "\n".join(
        [
            f"Rank before and after each norm the same: {kept}; effective rank {both('effective_rank', 1)}.",
            f"After {data['depths'][-1]} random layers: "
            + ", ".join(f"{norm} {values[-1].mean():.1f}" for norm, values in deep.items())
            + ".\n",
            f"Largest change of the size of a correlation below 1e-9: {largest['largest_change'] < 1e-9}; "
            f"input rebuilt to 1e-9 sd: {largest['rebuilt'] < 1e-9}.",
            f"Control, projection on 3 axes: rank {data['pca']['rank']}, rebuilt to {data['pca']['rebuilt']:.1f} sd.",
            f"Distance of a channel from a normal distribution (KS), median: {both('normality', 3)}.",
        ]
    )
