"""The figures of notebook 15."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import compare, holm, interval, of, printed, spread
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
    table, rows = of(data["table"], "test_accuracy", twin=0), differences(data["table"])
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
    mean, bounds = grouped.mean(), [interval(values) for _, values in grouped]
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
    for (kind, size), part in of(table, "test_accuracy", twin=0).groupby(["net", "size"], sort=False):
        for arm in sorted(set(part["arm"]) - {"batch"}, reverse=True):
            row = compare(part, arm, "batch", "test_accuracy", margin=MARGIN)
            rows.append({"net": kind, "size": int(size), **row})
    return holm(rows)


def _row(rows, kind, size, arm="replica"):
    return next(row for _, row in rows.iterrows() if (row["net"], row["size"], row["arm"]) == (kind, size, arm))


def _points(row):
    digits = 0 if row["high"] - row["low"] > 5 else 1
    return spread(row["mean"], row["low"], row["high"], digits)


def _marked(row):
    return _points(row) + {"more": " *", "less": " *", "no difference": " ="}.get(row["verdict"], "")


def _gap(rows, kind, size):
    row = _row(rows, kind, size)
    return f"{abs(row['mean']):.0f} points at {size}" if row["verdict"] == "less" else row["verdict"]


def _first(rows, kinds):
    lines = ["Each device by its own statistics minus all devices together, in points, 2 images on each:"]
    for kind in kinds:
        row = _row(rows, kind, rows.loc[rows["net"] == kind, "size"].min())
        lines.append(f"{NAMES[kind]} {_points(row)} {row['verdict']}")
    return "\n".join([lines[0], "; ".join(lines[1:]) + "."])


def _table(table, rows, kinds):
    found = []
    for kind in kinds:
        own = table[table["net"] == kind]
        for size in sorted(own["size"].unique().tolist()):
            means = 100 * own[own["size"] == size].groupby("arm")["value"].mean()
            cells = {"each": means["replica"], "all": means["batch"], "group": means["group"]}
            against = {f"{name} - all": _marked(_row(rows, kind, size, arm)) for arm, name in COLUMNS.items()}
            found.append(
                {"net, images": f"{NAMES[kind]}, {size}", **{k: f"{v:.1f}" for k, v in cells.items()}, **against}
            )
    return [
        "",
        f"Test accuracy in %, {table['seed'].nunique()} seeds; each: every device by itself, group: GroupNorm.",
        f"Differences in points. *: settled; =: none (within {MARGIN}); no mark: not settled here. "
        f"Holm for {len(rows)} of them",
        printed(found),
    ]


COLUMNS = {"replica": "each", "group": "group"}
