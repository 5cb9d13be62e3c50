"""Accuracy against the size of a batch, and of its ghosts."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from .looks import NETS, line_with_band, percent, row, sizes_axis, with_interval


def batch_sizes(data):
    """Test accuracy against batch size, one panel per net, one line per normalization.

    data   what experiments.batch_sizes returned
    Returns axes (an array, one per net), text.
    """
    kinds = list(dict.fromkeys(arm["net"] for arm in data["arms"]))
    figure, axes = plt.subplots(1, len(kinds), figsize=(max(6, 4.3 * len(kinds)), 3.9), sharey=True, squeeze=False)
    lines, verdicts = [], []
    for ax, kind in zip(axes[0], kinds, strict=True):
        arms = [arm for arm in data["arms"] if arm["net"] == kind]
        sizes = sorted({arm["batch_size"] for arm in arms})
        for norm in dict.fromkeys(arm["norm"] for arm in arms):
            own = sorted((arm for arm in arms if arm["norm"] == norm), key=lambda arm: arm["batch_size"])
            mean = [percent(arm["accuracy"]) for arm in own]
            _errors(ax, [arm["batch_size"] for arm in own], own, norm)
            lines.append(f"  {NETS[kind] + ' ' + ARMS[norm]['label']:44}" + "".join(f"{value:7.1f}" for value in mean))
        sizes_axis(ax, sizes, "images in a batch")
        ax.set_title(f"{NETS[kind]}: {_smallest(arms, sizes[0])}")
        lines.insert(len(lines) - len({arm["norm"] for arm in arms}), f"{'  images in a batch':46}" + row(sizes))
        verdicts.append(f"{NETS[kind]}, batches of {sizes[0]}: {_against(arms, sizes[0])}")
    axes[0, 0].set_ylabel("test images wrong (%)")
    handles = {label: line for ax in axes[0] for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    figure.suptitle(f"Each arm at its own best rate (mean and 95 % interval of {data['seeds']} seeds)")
    verdicts += [""] * (2 - len(verdicts))
    return axes[0], "\n".join([*verdicts, f"All in %, {data['seeds']} seeds:", *lines])


def _at(arms, size):
    return {arm["norm"]: arm for arm in arms if arm["batch_size"] == size}


def _others(found):
    """The arms that know no companions: neither BatchNorm nor batch renormalization."""
    return {norm: arm for norm, arm in found.items() if norm not in ("batch", "renorm")}


def _errors(ax, sizes, arms, norm):
    """Share of wrong test images of the arms of one norm, with the interval of the mean, on a logarithmic axis."""
    low, high = (100 * (1 - np.array([arm["interval"][end] for arm in arms])) for end in (1, 0))
    mean = [100 - percent(arm["accuracy"]) for arm in arms]
    line_with_band(ax, sizes, low, mean, high, norm)
    ax.set_yscale("log")
    ax.set_yticks([1, 2, 3, 5, 10, 20, 50], ["1", "2", "3", "5", "10", "20", "50"])
    ax.minorticks_off()


def _smallest(arms, size):
    """What BatchNorm does at the smallest size, for a title."""
    found = _at(arms, size)
    if "batch" not in found:
        return f"batches of {size} and more"
    return f"{percent(found['batch']['accuracy']):.0f} % right with BatchNorm at {size}"


def _against(arms, size):
    """BatchNorm against the best of the others at one size, with a verdict from the intervals."""
    found = _at(arms, size)
    others = _others(found)
    if "batch" not in found or not others:
        return "no comparison with BatchNorm"
    norm, best = max(others.items(), key=lambda item: np.mean(item[1]["accuracy"]))
    batch = found["batch"]
    worse, better = batch["interval"][1] < best["interval"][0], batch["interval"][0] > best["interval"][1]
    verdict = "worse" if worse else "better" if better else "not settled here"
    label = ARMS[norm]["label"].removeprefix("with ")
    return f"BatchNorm {with_interval(batch)}, {label} {with_interval(best)}: {verdict}"


def ghost_batches(data):
    """Test accuracy against the size of the ghost batches, the gradient always from the same number of images.

    data   what experiments.ghost_batches returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.6))
    arms = {arm["ghost"]: arm for arm in data["arms"] if arm["norm"] == "batch"}
    sizes = sorted(arms)
    mean = [percent(arms[size]["accuracy"]) for size in sizes]
    _errors(ax, sizes, [arms[size] for size in sizes], "batch")
    none = [arm for arm in data["arms"] if arm["norm"] == "none"]
    for arm in none:
        ax.axhline(100 - percent(arm["accuracy"]), **{**ARMS["none"], "linewidth": 1.5})
    sizes_axis(ax, sizes, f"images normalized together (of {data['batch_size']} whose gradient is averaged)")
    ax.set_ylabel("test images wrong (%)")
    ax.legend(loc="upper right")
    worst = arms[sizes[0]]
    ax.set_title(
        f"Gradient of {data['batch_size']} images, statistics of {sizes[0]}: {percent(worst['accuracy']):.0f} % right "
        f"(statistics of {sizes[-1]}: {mean[-1]:.0f} %)"
    )
    best = max(sizes[:-1], key=lambda size: np.mean(arms[size]["accuracy"]))
    gain = 100 * np.subtract(arms[best]["accuracy"], arms[sizes[-1]]["accuracy"])
    lines = [
        f"Statistics of {sizes[0]}: {with_interval(worst)}, although the gradient is that of {data['batch_size']};",
        f"best parts: {best}, {gain.mean():+.1f} points against parts of {sizes[-1]}, "
        f"larger for {np.sum(gain > 0)} of {len(gain)} seeds",
        f"  {'images normalized together':28}" + row(sizes),
        f"  {'test accuracy (%)':28}" + "".join(f"{value:7.1f}" for value in mean),
        f"  {'learning rate':28}" + "".join(f"{arms[size]['lr']:7.3g}" for size in sizes),
    ]
    return ax, "\n".join(lines + [f"  {ARMS['none']['label']}: {with_interval(arm)}" for arm in none])
