"""How many dimensions features have, in front of the norm, behind it, and in depth."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS


def dimensions(data):
    """How many dimensions the features have before and after BatchNorm, and how many are left in depth.

    data   what experiments.dimensions returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    layers = data["layers"]
    _before_and_after(axes[0], layers)
    _in_depth(axes[1], data)
    kept = all(layer["rank_before"] == layer["rank_after"] for layer in layers)
    apart = min(values[-1] for values in data["deep"]["batch"]) > max(values[-1] for values in data["deep"]["none"])
    title = f"BatchNorm {'keeps' if kept else 'changes'} the rank{', and keeps deep features apart' if apart else ''}"
    figure.suptitle(title)
    return axes, _in_words(data, kept)


def _before_and_after(ax, layers):
    for i, layer in enumerate(layers):
        for kind, color, marker in (("rank", "#555555", "_"), ("effective", ARMS["batch"]["color"], "o")):
            for where, at, fill in (("before", i - 0.15, "none"), ("after", i + 0.15, "full")):
                values, size = layer[f"{kind}_{where}"], 14 if marker == "_" else 5
                style = {"color": color, "marker": marker, "markersize": size, "fillstyle": fill, "linestyle": "none"}
                ax.plot(at + np.linspace(-0.06, 0.06, len(values)), values, **style)
    ax.set(xticks=range(len(layers)), xticklabels=[f"norm {i + 1}\nbefore | after" for i in range(len(layers))])
    ax.set(ylabel="dimensions", ylim=(0, None), title="bar: rank, dot: effective rank, one per net")


def _in_depth(ax, data):
    for norm, values in data["deep"].items():
        values, color = np.array(values), ARMS[norm]["color"]
        ax.fill_between(data["depths"], values.min(0), values.max(0), color=color, alpha=0.2, linewidth=0)
        ax.plot(data["depths"], values.mean(0), marker="o", markersize=4, **ARMS[norm])
    ax.set(xlabel="layers of an untrained net", ylabel="effective rank", ylim=(0, None), xticks=data["depths"])
    ax.set_title("mean and range over nets")
    ax.legend()


def _in_words(data, kept):
    layers, means = data["layers"], lambda key: [np.mean(layer[key]) for layer in data["layers"]]
    effective = [
        f"{a:.1f} -> {b:.1f}" for a, b in zip(means("effective_before"), means("effective_after"), strict=True)
    ]
    deepest = ", ".join(f"{norm} {np.mean(values, 0)[-1]:.1f}" for norm, values in data["deep"].items())
    ks, reference = [f"{v:.2f}" for v in means("normality")], [f"{v:.3f}" for v in means("reference")]
    return "\n".join(
        [
            f"Rank before and after each norm the same: {kept}; effective rank {', '.join(effective)}.",
            f"After {data['depths'][-1]} random layers: {deepest}.",
            f"Largest change of the size of a correlation below 1e-9: {_largest(layers, 'largest_change') < 1e-9}; "
            f"input rebuilt to 1e-9 sd: {_largest(layers, 'rebuilt') < 1e-9}.",
            f"Control, projection on 3 axes: rank {data['pca']['rank']}, rebuilt to {data['pca']['rebuilt']:.1f} sd.",
            f"Distance from a normal distribution (KS) in each norm: {', '.join(ks)};",
            f"of as many normal numbers: {', '.join(reference)}.",
        ]
    )


def _largest(layers, key):
    return max(max(layer[key]) for layer in layers)
