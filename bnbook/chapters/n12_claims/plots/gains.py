"""Is there a gain, and what is its cause? And how fast is nonsense learned by heart?"""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from .dots import dot, shown, sign

CONTROLS = {
    "batch": "BatchNorm",
    "whole_set": "BatchNorm, statistics of all training images",
    "ghost": "BatchNorm, ghost batches of 8",
    "start": "standardized once, at the start",
    "dropout": "dropout 0.5",
    "decay": "weight decay 0.01",
    "batch_dropout": "BatchNorm and dropout",
    "batch_decay": "BatchNorm and weight decay",
}


def generalization(data):
    """Test accuracy minus that of the net without normalization, arm by arm, for each number of training images.

    data   what experiments.generalization returned
    Returns axes (an array, one per number of images), text.
    """
    sizes = data["sizes"]
    figure, axes = plt.subplots(1, len(sizes), figsize=(10, 3.6), sharey=True, squeeze=False)
    names = [name for name in CONTROLS if name in sizes[0]["arms"]]
    lines = [line for size in sizes for line in _in_words(size, names)]
    for ax, size in zip(axes[0], sizes, strict=True):
        for y, name in enumerate(names):
            if name in size["differences"]:
                dot(ax, size["differences"][name], y, *sign(size["differences"][name]["interval"]))
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set(yticks=range(len(names)), yticklabels=[CONTROLS[name] for name in names], ylim=(len(names) - 0.5, -0.5))
        ax.set(xlabel="points against no norm", title=f"{size['images']} training images\nnone: {_none(size)}")
    gains = [size["differences"]["batch"]["mean"] for size in sizes]
    title = f"BatchNorm minus none: {', '.join(f'{gain:+.1f}' for gain in gains)} points of test accuracy"
    figure.suptitle(title)
    first = f"{title} for {', '.join(str(size['images']) for size in sizes)} training images."
    second = f"Each arm at its own best rate, {data['seeds']} seeds, paired [95 % interval]."
    return axes[0], "\n".join([first, second, *lines])


def _none(size):
    return f"{100 * np.mean(size['arms']['none']['test']):.1f} %"


def _in_words(size, names):
    differences, none = size["differences"], _none(size)
    rates = " and ".join(f"{size['arms'][name]['rate']:g}" for name in ("none", "batch"))
    lines = [f"{size['images']} training images, none {none} (best rates: none and BatchNorm {rates}):"]
    lines += [f"  {CONTROLS[name]}: {shown(differences[name])}" for name in names if name in differences]
    if "whole_set - batch" in differences:
        lines.append(f"  all images' statistics minus the batch's: {shown(differences['whole_set - batch'])}")
    return lines + [f"  at equal training loss {row['loss']:g}: {_matched(row)}" for row in size["matched"]]


def _matched(row):
    if row["difference"] is None:
        return "not reached by both"
    return f"BatchNorm minus none {shown(row['difference'])} ({row['reached']} seeds)"


def random_labels(data):
    """How fast labels that mean nothing are learned by heart.

    data   what experiments.random_labels returned
    Returns ax, text.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    lines = []
    for norm, arm in data["arms"].items():
        style = ARMS[norm]
        ax.plot(arm["step"], 100 * np.array(arm["train_accuracy"]), **style)
        ax.axvspan(*arm["interval"], color=style["color"], alpha=0.2, linewidth=0)
        low, high = arm["interval"]
        lines.append(
            f"  {style['label']}: {arm['mean']:.0f} steps [{low:.0f}, {high:.0f}], "
            f"reached in {arm['reached']} of {data['seeds']} runs (rate {arm['rate']:g})"
        )
    low, high = data["ratio_interval"]
    title = f"Without BatchNorm it takes {data['ratio']:.1f} times the steps to learn {data['images']} random labels"
    ax.set(
        xlabel="training step (shaded: 99 % reached, 95 % interval)", ylabel="training labels known (%)", title=title
    )
    ax.legend(loc="lower right")
    first = f"{title} [{low:.1f}, {high:.1f}]."
    return ax, "\n".join(
        [first, f"Steps until 99 % are known, each arm at its fastest rate, {data['seeds']} seeds:", *lines]
    )
