"""Accuracy against the size of a batch, and of its ghosts."""

import matplotlib.pyplot as plt

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .looks import NETS, bare, legend, line_with_interval, percent, reported, said, sizes_axis, with_interval, with_mark

ALONE = ("none", "layer", "group")  # the arms that know no companions
MARGIN = 0.5  # points: a smaller difference counts as none


def batch_sizes(data):
    """Test accuracy against batch size, one panel per net, one line per normalization.

    data   what experiments.batch_sizes returned
    Returns axes (an array, one per net), text.
    """
    table = reported(data["table"])
    kinds = list(table["net"].unique())
    figure, axes = plt.subplots(1, len(kinds), figsize=(max(6, 4.3 * len(kinds)), 3.9), sharey=True, squeeze=False)
    for ax, kind in zip(axes[0], kinds, strict=True):
        own = table[table["net"] == kind]
        sizes = sorted(own["batch_size"].unique().tolist())
        for arm in own["arm"].unique():
            _errors(ax, sizes, [with_interval(data["table"], net=kind, batch_size=n, arm=arm) for n in sizes], arm)
        sizes_axis(ax, sizes, "images in a batch")
        ax.set_title(f"{NETS[kind]}: {_smallest(own, sizes[0])}")
    axes[0, 0].set_ylabel("test images wrong (%)")
    handles = {label: line for ax in axes[0] for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    seeds = _seeds(table, kinds)
    figure.suptitle("Each arm at its own best rate (means and 95 % intervals)")
    rows = differences(data["table"])
    verdicts = [_first(rows, table, kind) for kind in kinds]
    return axes[0], "\n".join([*verdicts, "", f"Test accuracy in %, {seeds}:", *_means(table, kinds), *_tables(rows)])


def differences(table):
    """What is compared with what: BatchNorm with each arm without companions, batch renormalization with two arms.

    table  of batch_sizes
    Returns the DataFrame of `results.holm` over all of them, with net and batch_size, a row for each comparison.
    """
    pairs = [("batch", against) for against in ALONE] + [("renorm", "batch"), ("renorm", "layer")]
    rows = []
    for (kind, size), part in reported(table).groupby(["net", "batch_size"], sort=False):
        there = set(part["arm"])
        for arm, against in pairs:
            if {arm, against} <= there:
                row = results.compare(part, arm, against, "test_accuracy", margin=MARGIN)
                rows.append({"net": kind, "batch_size": size, **row})
    return results.holm(rows) if rows else None


def _seeds(table, kinds):
    numbers = {NETS[kind]: table.loc[table["net"] == kind, "seed"].nunique() for kind in kinds}
    if len(set(numbers.values())) == 1:
        return f"{max(numbers.values())} seeds"
    return ", ".join(f"{name} {number} seeds" for name, number in numbers.items())


def _errors(ax, sizes, found, arm):
    """Share of wrong test images of one arm with the interval of its mean, on a logarithmic axis."""
    line_with_interval(ax, sizes, [(100 - mean, 100 - high, 100 - low) for mean, low, high in found], arm)
    ax.set_yscale("log")
    ax.set_yticks([1, 2, 3, 5, 10, 20, 50], ["1", "2", "3", "5", "10", "20", "50"])
    ax.minorticks_off()


def _smallest(own, size):
    """What BatchNorm does at the smallest size, for a title."""
    found = own[(own["arm"] == "batch") & (own["batch_size"] == size)]["value"]
    return f"{100 * found.mean():.0f} % right with BatchNorm at {size}" if len(found) else f"batches of {size} and more"


def _first(rows, table, kind):
    """BatchNorm against GroupNorm at the smallest size of a net, in one line."""
    size = table.loc[table["net"] == kind, "batch_size"].min()
    where = f"{NETS[kind]}, batches of {size}:"
    if rows is None:
        return f"{where} no comparison with BatchNorm"
    own = rows[(rows["net"] == kind) & (rows["batch_size"] == size) & (rows["arm"] == "batch")]
    if own.empty:
        return f"{where} no comparison with BatchNorm"
    row = own.iloc[-1]
    means = {arm: percent(table, net=kind, batch_size=size, arm=arm) for arm in ("batch", row["against"])}
    found = f"BatchNorm {means['batch']:.0f} %, {bare(row['against'])} {means[row['against']]:.0f} %"
    return f"{where} {found}, difference {said(row)}."


def _means(table, kinds):
    """A table for each net: a row per arm, a column per size."""
    found = []
    for kind in kinds:
        own = table[table["net"] == kind]
        means = 100 * own.groupby(["arm", "batch_size"], sort=False)["value"].mean().unstack()
        rows = [{NETS[kind]: ARMS[arm]["label"], **_one_digit(row)} for arm, row in means.iterrows()]
        found.append(results.printed(rows))
    return found


def _one_digit(means):
    return {f"{size}": f"{mean:.1f}" for size, mean in means.items()}


def _tables(rows):
    """BatchNorm, then batch renormalization, against others: a row per net and size, a column per arm."""
    if rows is None:
        return []
    lines = ["Differences " + legend(rows, MARGIN)]
    for arm, own in rows.groupby("arm", sort=False):
        found = []
        for (kind, size), part in own.groupby(["net", "batch_size"], sort=False):
            cells = {f"minus {bare(row['against'])}": with_mark(row) for _, row in part.iterrows()}
            found.append({bare(arm): f"{NETS[kind]}, {size}", **cells})
        lines.append(results.printed(found))
    return lines


def ghost_batches(data):
    """Test accuracy against the size of the ghost batches, the gradient always from the same number of images.

    data   what experiments.ghost_batches returned
    Returns axes, text.
    """
    table, sizes, whole = data["table"], data["ghosts"], data["ghosts"][-1]
    figure, ax = plt.subplots(figsize=(6.8, 3.6))
    found = {size: with_interval(table, arm=f"parts of {size}") for size in sizes}
    _errors(ax, sizes, list(found.values()), "batch")
    none = with_interval(table, arm="none")
    ax.axhline(100 - none[0], **{**ARMS["none"], "linewidth": 1.5})
    sizes_axis(ax, sizes, f"images normalized together (of {data['batch_size']} whose gradient is averaged)")
    ax.set_ylabel("test images wrong (%)")
    ax.legend(loc="upper right")
    ax.set_title(
        f"Gradient of {data['batch_size']} images, statistics of {sizes[0]}: {found[sizes[0]][0]:.0f} % right "
        f"(statistics of {whole}: {found[whole][0]:.0f} %)"
    )
    rows = against_whole(data)
    return ax, "\n".join(_ghosts_in_words(data, found, none, rows))


def against_whole(data):
    """Each size of part against the whole batch, by `results.holm`; data of ghost_batches."""
    parts = [f"parts of {size}" for size in data["ghosts"]]
    own = reported(data["table"])
    return results.holm([results.compare(own, arm, parts[-1], "test_accuracy", margin=MARGIN) for arm in parts[:-1]])


def _ghosts_in_words(data, found, none, rows):
    sizes, whole = data["ghosts"], data["ghosts"][-1]
    lr = data["table"].groupby("arm")["lr"].first()
    lines = [
        f"Statistics of {sizes[0]}: {found[sizes[0]][0]:.0f} %, although the gradient is that of {data['batch_size']};"
    ]
    better = [row["arm"] for _, row in rows.iterrows() if row["verdict"] == "more"]
    lines.append(
        f"better than statistics of all {whole}: {', '.join(better) or 'no part, as far as is settled here'}.\n"
    )
    table = []
    for size, comparison in zip(sizes, [*rows.to_dict("records"), None], strict=True):
        row = {"normalized together": size, "rate": lr[f"parts of {size}"], "right (%)": f"{found[size][0]:.1f}"}
        table.append({**row, f"minus {whole} together (points)": said(comparison) if comparison else ""})
    table.append({"normalized together": None, "rate": lr["none"], "right (%)": f"{none[0]:.1f}"})
    return [*lines, results.printed(table)]
