"""The figures of notebook 15."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

MARGIN = 0.5  # points: a smaller difference counts as none
NAMES = {"mlp": "fully connected", "cnn": "convolutional"}
LABELS = {"batch": {"label": "BatchNorm of all devices together"}}  # which is BatchNorm as elsewhere
MARKERS = {"replica": "v", "batch": "s", "group": "^"}


def replicas(data):
    """Wrong test images against images on each device, one panel per net, one line per arm.

    data   what experiments.replicas returned
    Returns axes (an array, one per net), text.
    """
    table, rows = results.of(data["table"], "test_accuracy", twin=0), differences(data["table"])
    kinds = list(table["net"].unique())
    figure, axes = plt.subplots(1, len(kinds), figsize=(4.2 * max(len(kinds), 2), 3.6), sharey=True, squeeze=False)
    for ax, kind in zip(axes[0], kinds, strict=True):
        own = table[table["net"] == kind]
        for arm in own["arm"].unique():
            _line(ax, own[own["arm"] == arm], arm)
        sizes = sorted(own["size"].unique())
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.set(xlabel="images on each of 4 devices", title=f"{NAMES[kind]}: {_gap(rows, kind, sizes[0])}")
        ax.set_xlim(1.8, 4.2)
    axes[0, 0].set(ylabel="test images wrong (%)", yscale="log")
    axes[0, 0].set_yticks([1, 2, 3, 5, 10, 20, 50], ["1", "2", "3", "5", "10", "20", "50"])
    axes[0, 0].minorticks_off()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("Whose statistics? Each arm at its best rate (means and 95 % intervals)")
    return axes[0], "\n".join([_first(rows, kinds), *_table(table, rows, kinds)])


def _line(ax, own, arm):
    grouped = own.groupby("size")["value"]
    mean, bounds = grouped.mean(), [results.interval(values) for _, values in grouped]
    low, high = np.transpose(bounds)
    look = ARMS[arm] | LABELS.get(arm, {})
    ax.fill_between(mean.index, 100 * (1 - high), 100 * (1 - low), color=look["color"], alpha=0.18, linewidth=0)
    ax.plot(mean.index, 100 * (1 - mean), marker=MARKERS[arm], markersize=5, **look)


def differences(table):
    """Statistics of each device, and GroupNorm, against those of all devices together, with Holm's correction.

    table  of experiments.replicas
    Returns a DataFrame, as `results.holm`, with net and size.
    """
    rows = []
    for (kind, size), part in results.of(table, "test_accuracy", twin=0).groupby(["net", "size"], sort=False):
        for arm in sorted(set(part["arm"]) - {"batch"}, reverse=True):
            row = results.compare(part, arm, "batch", "test_accuracy", margin=MARGIN)
            rows.append({"net": kind, "size": int(size), **row})
    return results.holm(rows)


def _row(rows, kind, size, arm="replica"):
    return next(row for _, row in rows.iterrows() if (row["net"], row["size"], row["arm"]) == (kind, size, arm))


def _said(row):
    digits = 0 if row["high"] - row["low"] > 5 else 1
    return f"{results.spread(row['mean'], row['low'], row['high'], digits)} {row['verdict']}"


def _gap(rows, kind, size):
    row = _row(rows, kind, size)
    return f"{abs(row['mean']):.0f} points at {size}" if row["verdict"] == "less" else row["verdict"]


def _first(rows, kinds):
    found = [f"{NAMES[kind]} {_said(_row(rows, kind, rows.loc[rows['net'] == kind, 'size'].min()))}" for kind in kinds]
    return f"Own statistics of each device minus those of all, in points, 2 images on each: {'; '.join(found)}."


def _table(table, rows, kinds):
    found = []
    for kind in kinds:
        own = table[table["net"] == kind]
        for size in sorted(own["size"].unique().tolist()):
            means = 100 * own[own["size"] == size].groupby("arm")["value"].mean()
            cells = {"each device": means["replica"], "all": means["batch"], "GroupNorm": means["group"]}
            against = {f"{name} minus all": _said(_row(rows, kind, size, arm)) for arm, name in COLUMNS.items()}
            found.append({"net": NAMES[kind], "images": size, **{k: f"{v:.1f}" for k, v in cells.items()}, **against})
    seeds = ", ".join(f"{NAMES[kind]} {table.loc[table['net'] == kind, 'seed'].nunique()} seeds" for kind in kinds)
    legend = f"no difference: within {MARGIN} points; Holm's correction for {len(rows)} comparisons."
    return ["", f"Test accuracy in %, {seeds}; {legend}", results.printed(found)]


COLUMNS = {"replica": "each device", "group": "GroupNorm"}
