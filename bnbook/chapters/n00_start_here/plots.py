"""The drawings of notebook 00."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from bnbook.lab.results import spread
from bnbook.lab.style import ARMS


def first_look(data):
    """Test accuracy over training steps, one panel per learning rate, the mean over seeds in a band from worst to best.

    data   what experiments.first_look returned
    Returns axes (an array, one per learning rate), text.
    """
    rates = list(dict.fromkeys(arm["lr"] for arm in data["arms"]))
    size = (2.6 * len(rates), 3.0)
    figure, axes = plt.subplots(1, len(rates), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, lr in zip(axes[0], rates, strict=True):
        arms = [arm for arm in data["arms"] if arm["lr"] == lr]
        for arm in arms:
            _curve(ax, arm)
        ax.axhline(10, color="0.4", linewidth=0.8, linestyle=":")
        ax.set(title=f"learning rate {lr:g}\n{_who_trains(arms)}", xlabel="training step")
        ax.set(xlim=(0, arms[0]["step"][-1]), ylim=(0, 100))
    axes[0, 0].set_ylabel("test accuracy (%)")
    axes[0, -1].text(1.02, 10, "guessing", transform=axes[0, -1].get_yaxis_transform(), va="center")
    lines, _ = axes[0, 0].get_legend_handles_labels()
    band = Patch(color="0.5", alpha=0.25, linewidth=0, label=f"mean and range of {data['arms'][0]['seeds']} seeds")
    figure.legend(handles=[*lines, band], loc="outside lower center", ncols=len(lines) + 1)
    figure.suptitle(_first_look_title(data, rates))
    return axes[0], _first_look_text(data, rates)


def _curve(ax, arm):
    style = ARMS[arm["norm"]]
    lowest, highest, mean = ([100 * a for a in arm[key]] for key in ("lowest", "highest", "mean"))
    ax.fill_between(arm["step"], lowest, highest, color=style["color"], alpha=0.25, linewidth=0)
    ax.plot(arm["step"], mean, linewidth=2, **style)


def _who_trains(arms):
    """Verdict over the arms at one rate: an arm trains if none of its runs diverged, fails if all did."""
    if any(0 < arm["diverged"] < arm["seeds"] for arm in arms):
        return "some runs fail"
    trained = [arm["norm"] for arm in arms if not arm["diverged"]]
    if len(trained) == len(arms):
        return "trains with and without"
    return f"trains only {ARMS[trained[0]]['label']}" if trained else "trains neither way"


def _first_look_title(data, rates):
    with_norm, without = (
        sum(arm["norm"] == norm and not arm["diverged"] for arm in data["arms"]) for norm in ("batch", "none")
    )
    return f"With BatchNorm the net trains at {with_norm} of {len(rates)} learning rates, without it at {without}"


def _first_look_text(data, rates):
    some = data["arms"][0]
    lines = [
        f"{_first_look_title(data, rates)}.",
        "",
        f"Test accuracy after {some['step'][-1]} steps: mean over {some['seeds']} seeds [95 % interval], "
        "and the paired difference in points.",
    ]
    for lr, difference in zip(rates, data["differences"], strict=True):
        lines.append(f"Learning rate {lr:g}")
        lines += [f"  {ARMS[arm['norm']]['label']}: {_final(arm)}" for arm in data["arms"] if arm["lr"] == lr]
        if difference is not None:
            verdict = {"more": "BatchNorm is better", "less": "BatchNorm is worse"}
            found = spread(difference["mean"], difference["low"], difference["high"])
            lines.append(f"  difference: {found}, {verdict.get(difference['verdict'], difference['verdict'])}")
    if any(arm["diverged"] for arm in data["arms"]):  # the criterion of `train.diverged`
        lines.append("A run does not train if its loss over the training images ends above half of guessing's.")
    return "\n".join(lines)


def _final(arm):
    if arm["diverged"]:
        return f"{arm['diverged']} of {arm['seeds']} runs do not train"
    low, high = (100 * end for end in arm["final_interval"])
    return f"{100 * arm['final_mean']:.1f} % [{low:.1f}, {high:.1f}]"


def shared_mean(axes, shape=(3, 3, 4, 4)):
    """Which numbers of a batch (N, C, H, W) share one mean: those of equal colour.

    axes   tuple  the axes averaged over
    shape  sizes of the batch to draw
    Returns axes (an array (N, C) of small images), text.
    """
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    index = np.indices(shape)
    group = np.ravel_multi_index([index[a] for a in kept], [shape[a] for a in kept]) if kept else np.zeros(shape, int)
    count = int(group.max()) + 1
    N, C = shape[:2]
    figure, grid = plt.subplots(N, C, figsize=(1.25 * C + 0.6, 1.15 * N + 0.7), squeeze=False)
    for n in range(N):
        for c in range(C):
            ax = grid[n, c]
            ax.pcolormesh(
                group[n, c], cmap="cividis", vmin=0, vmax=max(count - 1, 1), edgecolors="white", linewidth=0.8
            )
            ax.set(xticks=[], yticks=[], aspect="equal")
        grid[n, 0].set_ylabel(f"image {n}")
    for c in range(C):
        grid[0, c].set_title(f"channel {c}")
    each = int(np.prod(shape)) // count
    figure.suptitle(f"axes {axes}: {count} mean{'s' * (count != 1)}, each of {each} numbers")
    means = f"leaves {count} mean{'s' * (count != 1)}, each of {each} numbers"
    return grid, f"Numbers of one colour share a mean: averaging {shape} over axes {axes} {means}."
