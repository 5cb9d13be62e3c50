"""Fine-tuning with BatchNorm frozen or not."""

import matplotlib.pyplot as plt

from bnbook.lab import results

from .looks import GREY, line_with_interval, percent, reported, said, sizes_axis, with_interval

MARGIN = 1.0  # points: a smaller difference counts as none
KINDS = {"test_accuracy": "new", "old_accuracy": "old"}


def fine_tuning(data):
    """Accuracy on the new and on the old kind of images after fine-tuning, frozen and not.

    data   what experiments.fine_tuning returned
    Returns axes (an array of 2), text.
    """
    table, sizes = data["table"], data["sizes"]
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    names = {"test_accuracy": "on the new kind (mirrored)", "old_accuracy": "on the old kind"}
    before = {measure: 100 * results.of(table, measure, step=0, twin=0)["value"].mean() for measure in names}
    for ax, (measure, name) in zip(axes, names.items(), strict=True):
        for arm, label in (("batch", "BatchNorm in training mode"), ("frozen", "BatchNorm frozen")):
            found = [with_interval(table, measure, batch_size=size, arm=arm) for size in sizes]
            line_with_interval(ax, sizes, found, arm, label=label)
        ax.axhline(before[measure], color=GREY, linestyle=":", label="before fine-tuning")
        sizes_axis(ax, sizes, "images in a batch of the fine-tuning")
        ax.set_title(name)
    axes[0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rows = frozen_against_not(table)
    new = [f"{row['batch_size']}: {said(row)}" for _, row in rows[rows["measure"] == "test_accuracy"].iterrows()]
    ends = rows[rows["measure"] == "test_accuracy"].iloc[[0, -1]].drop_duplicates()
    title = [f"{row['mean']:+z.0f} points ({row['verdict']})" for _, row in ends.iterrows()]
    figure.suptitle("Freezing BatchNorm, smallest and largest batches: " + ", ".join(title))
    lines = [
        f"Frozen minus not frozen, on the new kind, in points, at its best rate each; {data['seeds']} seeds, batches of"
    ]
    lines += [
        "; ".join(new) + ".",
        "",
        f"before fine-tuning: new {before['test_accuracy']:.0f} %, old {before['old_accuracy']:.0f} %",
    ]
    return axes, "\n".join([*lines, *(_in_a_table(table, sizes, rows, measure) for measure in names)])


def frozen_against_not(table):
    """Frozen against not frozen, for each size on the new kind, then on the old: the DataFrame of `results.holm`."""
    rows = []
    for measure in KINDS:
        for size, part in reported(table, measure).groupby("batch_size", sort=False):
            row = results.compare(part, "frozen", "batch", measure, margin=MARGIN)
            rows.append({"batch_size": size, **row})
    return results.holm(rows)


def _in_a_table(table, sizes, rows, measure):
    found = []
    for size in sizes:
        means = {arm: percent(table, measure, batch_size=size, arm=arm) for arm in ("batch", "frozen")}
        row = rows[(rows["batch_size"] == size) & (rows["measure"] == measure)].iloc[0]
        cells = {"training mode": f"{means['batch']:.0f} %", "frozen": f"{means['frozen']:.0f} %"}
        found.append({f"{KINDS[measure]} kind, batches of": size, **cells, "frozen minus not (points)": said(row)})
    return results.printed(found)
