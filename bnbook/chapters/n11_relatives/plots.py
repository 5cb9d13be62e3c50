"""The drawings of notebook 11."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from bnbook.lab.style import ARMS

MARKERS = {"none": "o", "batch": "s", "layer": "v", "group": "^", "instance": "D", "rms": "P"}
SHORT = {"none": "none", "batch": "batch", "layer": "layer", "group": "group", "instance": "instance", "rms": "RMS"}


def cubes(N=3, C=6, positions=4, num_groups=3):
    """The numbers of a batch as a block of images, channels and positions; one mean is taken of all blue ones.

    N, C, positions  sizes to draw; positions stands for H * W
    num_groups       of group norm; divides C
    Returns axes (an array, one for each of batch, layer, group and instance norm), text.
    """
    image, channel, _ = np.indices((N, C, positions))
    size = C // num_groups
    same = {
        "batch": channel == C - 1,
        "layer": image == 0,
        "group": (image == 0) & (channel // size == num_groups - 1),
        "instance": (image == 0) & (channel == C - 1),
    }
    figure, axes = plt.subplots(1, 4, figsize=(8.6, 2.7), subplot_kw={"projection": "3d"})
    lines = [f"In a batch of {N} images with {C} channels of {positions} numbers each, the blue numbers share a mean:"]
    for ax, (name, dark) in zip(axes, same.items(), strict=True):
        _block(ax, dark.transpose(1, 0, 2))
        means = dark.size // dark.sum()
        label = f"group, {num_groups} groups" if name == "group" else name
        ax.set_title(f"{label}\n{means} means of {dark.sum()} numbers", y=0.94)
        lines.append(f"  {name:8} {means:2} means, each of {dark.sum():2} numbers")
    figure.suptitle("Which numbers share one mean and one variance?")
    return axes, "\n".join(lines)


def _block(ax, dark):
    """A block of small cubes, (C, N, positions)."""
    ax.voxels(
        np.ones_like(dark), facecolors=np.where(dark, ARMS["batch"]["color"], "#E8E8E8"), edgecolor="0.4", linewidth=0.4
    )
    ax.set(xticks=[], yticks=[], zticks=[], xlabel="channels", ylabel="images")
    ax.text(-0.4, 0, dark.shape[2] / 2, "positions", "z", ha="right", va="center")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.labelpad = -13
        axis.pane.set_visible(False)
        axis.line.set_visible(False)
    ax.set_box_aspect(dark.shape)


def invariances(data):
    """Which changes a normalization does not notice: a table of dark ('same') and white cells.

    data   what experiments.invariances returned
    Returns axes, text.
    """
    table = np.array(list(data["norms"].values()))
    figure, ax = plt.subplots(figsize=(8.6, 0.6 + 0.42 * len(table)))
    ax.pcolormesh(table, cmap="Blues", vmin=0, vmax=2, edgecolors="white", linewidth=2)
    for row, column in np.ndindex(*table.shape):
        ax.text(column + 0.5, row + 0.5, "same" if table[row, column] else "changes", ha="center", va="center")
    ticks = [name.replace(" x", "\nx").replace(" +", "\n+").replace("other ", "other\n") for name in data["changes"]]
    ax.set(xticks=np.arange(len(ticks)) + 0.5, xticklabels=ticks, yticks=np.arange(len(table)) + 0.5)
    ax.set_yticklabels(data["norms"])
    ax.tick_params(axis="x", labelsize=9)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    counts = {name: sum(same) for name, same in data["norms"].items()}
    most = max(counts, key=counts.get)
    first = f"Of {len(ticks)} changes {most} norm does not notice {counts[most]}, more than any other"
    if list(counts.values()).count(counts[most]) > 1:
        first = f"Of {len(ticks)} changes no norm does not notice more than {counts[most]}"
    figure.suptitle(first)
    by_change = zip(data["changes"], table.T, strict=True)
    blind = {
        change: [name for name, same in zip(data["norms"], column, strict=True) if same] for change, column in by_change
    }
    lines = [f"  {change:16} same output with {', '.join(names) or 'none'}" for change, names in blind.items()]
    return ax, "\n".join([f"{first}.", "What leaves the output as it is:", *lines])


def relatives(data):
    """Every norm against learning rate, batch size and noise: three experiments in one figure, and one table.

    data   what experiments.relatives returned
    Returns axes (an array (2, 2)), text.
    """
    figure, axes = plt.subplots(2, 2, figsize=(8.6, 7.4))
    large = max(arm["batch_size"] for arm in data["chosen"])
    _rates(axes[0, 0], data, large)
    _batches(axes[0, 1], data)
    chosen = [arm for arm in data["chosen"] if arm["batch_size"] == large]
    _distortions(axes[1, 0], chosen, {"clean": 0.0} | _levels(data, "noise"))
    axes[1, 0].set(xlabel="sd of the noise (black to white = 1)")
    axes[1, 0].set_title(f"noise in the test images only\nat 0.3: {_batch_and_others(data, 'noise 0.3')} right")
    _distortions(axes[1, 1], chosen, {"clean": 1.0} | _levels(data, "contrast"))
    axes[1, 1].set(xlabel="contrast (1 = as in training)")
    axes[1, 1].set_title(
        f"less contrast in the test images only\nat 0.2: {_batch_and_others(data, 'contrast 0.2')} right"
    )
    axes[1, 1].invert_xaxis()
    handles, _ = axes[0, 0].get_legend_handles_labels()
    band = Patch(color="0.5", alpha=0.2, linewidth=0, label=f"mean, 95 % interval of {data['seeds']} seeds")
    figure.legend(handles=[*handles, band], loc="outside lower center", ncols=4)
    figure.suptitle("\n".join(line.split(" (")[0] for line in _verdict(data)))
    return axes, "\n".join([*_verdict(data), *_table(data)])


def _levels(data, kind):
    """Name of each test set with that distortion: how much of it."""
    return {name: float(name.split()[1]) for name in data["chosen"][0] if name.startswith(kind)}


def _batch_and_others(data, name):
    """Mean accuracies of BatchNorm and of all others in one column, in words."""
    column = _column(data, name)
    others = [100 * of["mean"] for norm, of in column.items() if norm != "batch"]
    return f"batch {100 * column['batch']['mean']:.0f} %, the others {_from_to(others, '.0f')} %"


def _from_to(values, digits):
    low, high = (format(end, digits) for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _line(ax, where, values, norm, seeds):
    """Mean and 95 % interval (normal) of values (points, seeds), in percent."""
    values, style = 100 * np.array(values), ARMS[norm]
    half = 1.96 * values.std(1, ddof=1) / np.sqrt(seeds)
    low, high = values.mean(1) - half, values.mean(1) + half
    ax.fill_between(where, low, high, color=style["color"], alpha=0.2, linewidth=0)
    ax.plot(where, values.mean(1), marker=MARKERS[norm], markersize=5, **style | {"linewidth": 1.5})


def _rates(ax, data, large):
    for norm in data["columns"][0]["norms"]:
        arms = [arm for arm in data["arms"] if (arm["batch_size"], arm["norm"]) == (large, norm)]
        _line(ax, [arm["lr"] for arm in arms], [arm["clean"] for arm in arms], norm, data["seeds"])
    largest = {norm: 10 ** of["mean"] for norm, of in _column(data, "largest rate").items()}
    others = _from_to([rate for norm, rate in largest.items() if norm != "batch"], ".1f")
    ax.set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="test accuracy (%)")
    ax.set_title(f"batches of {large}, largest rate that trains:\nbatch {largest['batch']:.1f}, the others {others}")


def _batches(ax, data):
    """Accuracy of each norm with large batches (filled) and small ones (hollow), side by side in its colour."""
    sizes = sorted({arm["batch_size"] for arm in data["chosen"]})
    norms = list(_column(data, "decades of rates"))
    means = {size: [100 * _column(data, f"batch of {size}")[norm]["mean"] for norm in norms] for size in sizes}
    for i, size in enumerate(sizes):
        ends = [[100 * end for end in _column(data, f"batch of {size}")[norm]["interval"]] for norm in norms]
        face = {} if size == max(sizes) else {"markerfacecolor": "white"}
        for at, norm in enumerate(norms):
            where, bars = at + 0.3 * (i - (len(sizes) - 1) / 2), np.abs(np.subtract(ends[at], means[size][at]))
            look = {"marker": MARKERS[norm], "color": ARMS[norm]["color"], "capsize": 3, "linewidth": 1.2}
            ax.errorbar(where, means[size][at], bars[:, None], **look, **face)
        ax.errorbar([], [], [], marker="o", linestyle="none", color="black", label=f"batch of {size}", **face)
    ax.set(
        xticks=range(len(norms)),
        xticklabels=[SHORT[norm] for norm in norms],
        xlabel=f"each at its own rate, {data['examples']:,} images seen",
    )
    ax.set_ylabel("test accuracy (%)")
    ax.legend(loc="lower center")
    gains = dict(zip(norms, np.subtract(means[sizes[0]], means[sizes[-1]]), strict=True))
    others = _from_to([gain for norm, gain in gains.items() if norm != "batch"], "+.1f")
    title = f"batches of {sizes[0]}"
    if len(sizes) > 1:
        title = (
            f"from batches of {sizes[-1]} to {sizes[0]}, in points:\nbatch {gains['batch']:+.1f}, the others {others}"
        )
    ax.set_title(title)


def _distortions(ax, chosen, where):
    for arm in chosen:
        _line(ax, list(where.values()), [arm[name] for name in where], arm["norm"], len(arm["clean"]))
    ax.set(ylim=(0, 100), ylabel="test accuracy (%)")


def _column(data, name):
    return next(column["norms"] for column in data["columns"] if column["name"] == name)


def _against(column):
    """How many norms BatchNorm is better than, and worse than, by intervals without 0; of how many."""
    ends = [of["against"]["interval"] for norm, of in column.items() if norm != "batch"]
    return sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends), len(ends)


def _verdict(data):
    better, worse = [], []
    for column in data["columns"]:
        above, below, of = _against(column["norms"])
        better += [column["name"]] * (above == of)
        worse += [column["name"]] * (below == of)
    return (
        f"BatchNorm is better than all others at: {', '.join(better) or 'nothing'}",
        f"and worse than all others at: {', '.join(worse) or 'nothing'} (paired by seed, 95 % intervals without 0).",
    )


def _table(data):
    """One line for each norm, one column for each question, and what BatchNorm wins and loses in each."""
    columns = data["columns"]
    lines = [f"Mean over {data['seeds']} seeds [95 % interval], accuracies in %:"]
    lines.append(f"{'':9}" + "".join(f"{column['name']:>17}" for column in columns))
    for norm in columns[0]["norms"]:
        lines.append(f"{SHORT[norm]:9}" + "".join(f"{_cell(c['name'], c['norms'][norm]):>17}" for c in columns))
    for row, place in (("better", 0), ("worse", 1)):
        counts = [f"{_against(column['norms'])[place]} of {_against(column['norms'])[2]}" for column in columns]
        lines.append(f"BN {row:6}" + "".join(f"{count:>17}" for count in counts))
    return lines


def _cell(name, found):
    mean, (low, high) = found["mean"], found["interval"]
    if name == "largest rate":
        return f"{10**mean:.2f} [{10**low:.2f},{10**high:.2f}]"
    if name == "decades of rates":
        return f"{mean:.2f} [{low:.2f},{high:.2f}]"
    return f"{100 * mean:.1f} [{100 * low:.1f},{100 * high:.1f}]"
