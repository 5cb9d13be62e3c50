"""The drawings of notebook 11."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.lab import results
from bnbook.lab.style import ARMS

from . import experiments

MARKERS = {"none": "o", "batch": "s", "layer": "v", "group": "^", "instance": "D", "rms": "P"}
SHORT = {"none": "none", "batch": "batch", "layer": "layer", "group": "group", "instance": "instance", "rms": "RMS"}
SHORT["own"] = "own"
HOLM = " (paired by seed; Holm, 5 %)."


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
    short = []
    for ax, (name, dark) in zip(axes, same.items(), strict=True):
        _block(ax, dark.transpose(1, 0, 2))
        means = dark.size // dark.sum()
        label = f"group, {num_groups} groups" if name == "group" else name
        ax.set_title(f"{label}\n{means} means of {dark.sum()} numbers", y=0.94)
        short.append(f"{means} in {name} norm")
        lines.append(f"  {name:8} {means:2} means, each of {dark.sum():2} numbers")
    figure.suptitle("Which numbers share one mean and one variance?")
    first = f"Four times the same block of numbers, with those in blue that share a mean. Means: {', '.join(short)}."
    return axes, "\n".join([first, "", *lines])


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
    table = np.array(list(data["norms"].values())).T
    _, ax = plt.subplots(figsize=(8.6, 0.9 + 0.3 * len(table)))
    ax.pcolormesh(table, cmap="Blues", vmin=0, vmax=2, edgecolors="white", linewidth=2)
    for row, column in np.ndindex(*table.shape):
        ax.text(column + 0.5, row + 0.5, "same" if table[row, column] else "changes", ha="center", va="center")
    ax.set(xticks=np.arange(table.shape[1]) + 0.5, yticks=np.arange(len(table)) + 0.5)
    ax.set_xticklabels([name.replace(" (", "\n(") for name in data["norms"]])
    ax.set_yticklabels(data["changes"])
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    counts = {name: sum(same) for name, same in data["norms"].items()}
    most = max(counts, key=counts.get)
    first = f"Of {len(table)} changes {most} norm does not notice {counts[most]}, more than any other"
    if list(counts.values()).count(counts[most]) > 1:
        first = f"Of {len(table)} changes no norm does not notice more than {counts[most]}"
    ax.figure.suptitle(first)
    lines = [
        f"  {change:16} same output with {', '.join(np.array(list(data['norms']))[same]) or 'none'}"
        for change, same in zip(data["changes"], table, strict=True)
    ]
    return ax, "\n".join([f"{first}.", "", "What leaves the output as it is:", *lines])


# --- the experiment --------------------------------------------------------------------------------------------------


def relatives(data):
    """How every norm learns: accuracy against learning rate, and at its own rate after three trainings.

    data   what experiments.relatives returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.6), width_ratios=(1, 1.1))
    columns = experiments.learning(data)
    _sweep(axes[0], data)
    _side_by_side(axes[1], {column.name: column.values for column in columns[2:]})
    axes[1].set(title="each norm at its own best rate", ylabel="test accuracy (%)")
    _legend(figure, axes[0])
    figure.suptitle("\n".join(verdict(columns)))
    tables = _written(_means(columns), "mean") + _written(_differences(columns), "batch against")
    return axes, "\n".join([*verdict(columns, HOLM), "", *tables])


def distortions(data, case=None):
    """What every norm bears: accuracy on spoilt test images, all of them trained on clean ones.

    data   what experiments.relatives returned
    case   which of its cases; the first, if None
    Returns axes (an array of 2), text.
    """
    case = case or next(iter(data["cases"]))
    columns, own = experiments.bearing(data, case), experiments.bearing(data, case, "own")
    table = experiments.with_own(experiments.at_own_rates(data, case))
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.6), width_ratios=(1, 1.8))
    _noise(axes[0], table)
    grays = {column.name: column.values for column in columns if "noise" not in column.name}
    _side_by_side(axes[1], grays)
    axes[1].set(title="other changes of the test images alone", ylim=(0, 100))
    _legend(figure, axes[1])
    figure.suptitle("\n".join(verdict(columns)))
    tables = [(_means(columns), "mean"), (_differences(columns, 0), "batch against")]
    tables += [(_differences(own, 0), "own against")]
    return axes, "\n".join(
        [*verdict(columns, HOLM), "", *(line for table, of in tables for line in _written(table.T, of))]
    )


def _sweep(ax, data):
    first = next(iter(data["cases"]))
    table = data["table"]
    table = table[(table["case"] == first) & (table["twin"] == 0) & table["lr"].isin(data["sweep"])]
    table = results.of(table[table["seed"] < experiments.SWEPT_SEEDS], "test_accuracy")
    for norm in data["best"][first]:
        values = table[table["arm"] == norm].pivot(index="lr", columns="seed", values="value")
        _line(ax, values.index, values, norm)
    ax.set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="test accuracy (%)", title=first)


def _noise(ax, table):
    levels = [name for name in dict.fromkeys(table["measure"]) if name.startswith("noise")]
    for arm in _arms(table):
        rows = [results.of(table, name, arm=arm)["value"].to_numpy() for name in ["test_accuracy", *levels]]
        _line(ax, [0.0, *(float(name.split()[1]) for name in levels)], rows, arm)
    ax.set(ylim=(0, 100), xlabel="sd of the noise (black to white = 1)", ylabel="test accuracy (%)")
    ax.set_title("noise in the test images alone")


def _line(ax, where, values, arm):
    """Mean of values (points, seeds) in percent, and Student's 95 % interval of that mean."""
    low, high = np.transpose([results.interval(row) for row in 100 * np.asarray(values)])
    look = _look(arm)
    ax.fill_between(where, low, high, color=look["color"], alpha=0.15, linewidth=0)
    ax.plot(where, 100 * np.mean(values, axis=1), **look)


def _side_by_side(ax, values):
    """Mean and Student's 95 % interval of each arm in percent, a group of arms for each name."""
    arms = _arms(next(iter(values.values())))
    for place, (_, table) in enumerate(values.items()):
        for i, arm in enumerate(arms):
            found = 100 * results.of(table, table["measure"].iloc[0], arm=arm)["value"]
            low, high = results.interval(found)
            look = _look(arm) | {"linestyle": "none", "elinewidth": 1.2}
            if place:
                del look["label"]  # named once
            x, mean = place + 0.8 * ((i + 0.5) / len(arms) - 0.5), found.mean()
            ax.errorbar(x, mean, [[mean - low], [high - mean]], **look)
    for edge in np.arange(len(values) - 1) + 0.5:
        ax.axvline(edge, color="0.85", linewidth=1)
    ax.grid(False, axis="x")
    ax.set(xticks=range(len(values)), xlim=(-0.5, len(values) - 0.5))
    ax.set_xticklabels([name.replace(" of ", "\nof ") for name in values])


def _arms(table):
    return list(dict.fromkeys(table["arm"]))


def _look(arm):
    if arm == "own":
        own = {"label": "BatchNorm, test statistics", "markerfacecolor": "white", "linestyle": (0, (1, 1))}
        return ARMS["batch"] | own | {"marker": "s", "markersize": 5, "linewidth": 1.5}
    return ARMS[arm] | {"marker": MARKERS[arm], "markersize": 5, "linewidth": 1.5}


def _legend(figure, ax):
    title = "mean, and Student's 95 % interval of the mean, over seeds"
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, title=title)


# --- in words --------------------------------------------------------------------------------------------------------


def verdict(columns, how=""):
    """Two lines: in which columns of `experiments` BatchNorm is better, and worse, than every other norm."""
    all_are = {
        verdict: [column.name for column in columns if (column.rows["verdict"] == verdict).all()]
        for verdict in ("more", "less")
    }
    return (
        f"BatchNorm is better than all others at: {', '.join(all_are['more']) or 'nothing'}",
        f"and worse than all others at: {', '.join(all_are['less']) or 'nothing'}{how}",
    )


def _means(columns):
    """The mean of every arm (rows) in every column: a DataFrame of texts."""
    found = {}
    for name, values, _ in columns:
        by_arm = values.groupby("arm", sort=False)["value"]
        if name == "largest rate":
            found[name] = by_arm.apply(lambda rates: f"{np.exp(np.log(rates).mean()):.2f}".replace("nan", ""))
        else:
            found[name] = by_arm.mean().map("{:.2f}".format if "decades" in name else "{:.1%}".format)
    return pd.DataFrame(found).reindex([arm for arm in SHORT if arm in by_arm.groups]).rename(index=SHORT)


def _differences(columns, digits=1):
    """One arm against every other (rows) in every column, and how many it is above and below: a DataFrame of texts."""
    found = {}
    for name, _, rows in columns:
        how = {"digits": digits}
        if not rows["measure"].iloc[0].endswith("accuracy"):
            how = {"digits": 2, "sign": name != "largest rate"}
        cells = [results.spread(*row, **how) for row in rows[["mean", "low", "high"]].itertuples(index=False)]
        counts = [f"{(rows['verdict'] == verdict).sum()} of {len(rows)}" for verdict in ("more", "less")]
        found[name] = cells + counts
    return pd.DataFrame(found, index=[*(SHORT[arm] for arm in columns[0].rows["against"]), "more", "less"])


def _written(frame, corner):
    """Lines: a table of texts, with what its rows and columns are in the corner."""
    return results.printed(frame.rename_axis(corner).reset_index()).splitlines()
