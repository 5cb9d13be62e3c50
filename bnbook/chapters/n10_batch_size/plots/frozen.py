"""Fine-tuning with BatchNorm frozen or not."""

import matplotlib.pyplot as plt
import numpy as np

from .looks import BLUE, GREY, percent, sizes_axis


def fine_tuning(data):
    """Accuracy on the new and on the old kind of images after fine-tuning, frozen and not.

    data   what experiments.fine_tuning returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    names = {"new": "on the new kind (mirrored)", "old": "on the old kind"}
    looks = ((False, BLUE, "s", "BatchNorm in training mode"), (True, "#009E73", "o", "BatchNorm frozen"))
    for ax, key in zip(axes, names, strict=True):
        for frozen, color, marker, label in looks:
            values = 100 * np.array([arm[key] for arm in data["arms"] if arm["frozen"] == frozen])
            ax.fill_between(data["sizes"], values.min(1), values.max(1), color=color, alpha=0.2, linewidth=0)
            linestyle = (0, (5, 2)) if frozen else "-"
            ax.plot(data["sizes"], values.mean(1), color=color, marker=marker, linestyle=linestyle, label=label)
        ax.axhline(percent(data["before"][key]), color=GREY, linestyle=":", label="before fine-tuning")
        sizes_axis(ax, data["sizes"], "images in a batch of the fine-tuning")
        ax.set_title(names[key])
    axes[0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    said = [
        f"{difference['size']}: {100 * difference['mean']:+z.0f} points, {_verdict(difference['interval'])}"
        for difference in data["differences"]
    ]
    figure.suptitle(f"Freezing BatchNorm, batches of {said[0]}" + (f"; of {said[-1]}" if len(said) > 1 else ""))
    lines = [f"Frozen minus not frozen, on the new kind, at its best rate each; {data['seeds']} seeds, batches of"]
    lines.append("; ".join(said))
    before = {key: percent(data["before"][key]) for key in names}
    lines.append(f"  before fine-tuning: new {before['new']:.0f} %, old {before['old']:.0f} %")
    for arm in data["arms"]:
        state = "frozen" if arm["frozen"] else "in training mode"
        new, old = percent(arm["new"]), percent(arm["old"])
        lines.append(f"  batches of {arm['size']:2}, BatchNorm {state:17} new {new:.0f} %, old {old:.0f} %")
    return axes, "\n".join(lines)


def _verdict(interval):
    low, high = interval
    return "better" if low > 0 else "worse" if high < 0 else "not settled here"
