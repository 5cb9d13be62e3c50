"""Is there a gain, and what is its cause? And how fast is nonsense learned by heart?"""

import matplotlib.pyplot as plt
import pandas as pd

from bnbook.lab import results
from bnbook.lab.style import ARMS

from ..experiments.generalization import LOSSES, at_equal_loss, steps_needed
from .dots import dot, percent, shown

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
    cases, rows = list(data["best"]), _compared(data)
    figure, axes = plt.subplots(1, len(cases), figsize=(10, 3.6), sharey=True, squeeze=False)
    names = [name for name in CONTROLS if name in data["best"][cases[0]]]
    for ax, case in zip(axes[0], cases, strict=True):
        for y, name in enumerate(names):
            if (case, name, "none") in rows.index:
                dot(ax, rows.loc[(case, name, "none")], y)
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set(yticks=range(len(names)), yticklabels=[CONTROLS[name] for name in names], ylim=(len(names) - 0.5, -0.5))
        none = percent(data["table"], case=case, arm="none")
        ax.set(xlabel="points against no norm", title=f"{case[:-7]} training images\nnone: {none}")
    gains = ", ".join(f"{rows.loc[(case, 'batch', 'none')]['mean']:+.1f}" for case in cases)
    title = f"BatchNorm minus none: {gains} points of test accuracy"
    figure.suptitle(title)
    first = f"{title} for {', '.join(case[:-7] for case in cases)} training images."
    second = f"Each arm at its own best rate, {data['seeds']} seeds, paired [95 % interval]."
    lines = [line for case in cases for line in _in_words(data, case, rows)]
    last = "*: not 0 by Holm's rule, for all comparisons of the figure, and for all at equal loss."
    return axes[0], "\n".join([first, "", second, *lines, last])


def _compared(data):
    """Every comparison of the figure, and every one at equal loss: a frame by case, arm (or loss) and against.

    Each of these two families is judged by `holm`.
    """
    arms, at_equal = [], []
    for case, best in data["best"].items():
        table = data["table"][data["table"]["case"] == case]
        pairs = [(name, "none") for name in CONTROLS if name in best]
        pairs += [("whole_set", "batch")] if "whole_set" in best else []
        arms += [{"case": case, **results.compare(table, *pair, "test_accuracy")} for pair in pairs]
        for loss in LOSSES:
            found = results.compare(at_equal_loss(table, loss), "batch", "none", "accuracy", step="all")
            at_equal.append({"case": case, **found, "arm": loss})
    frames = [results.holm(rows).astype({"arm": object}) for rows in (arms, at_equal)]
    return pd.concat(frames).set_index(["case", "arm", "against"])


def _in_words(data, case, rows):
    best = data["best"][case]
    rates = " and ".join(f"{best[name]:g}" for name in ("none", "batch"))
    none = percent(data["table"], case=case, arm="none")
    lines = [f"{case[:-7]} training images, none {none} (best rates: none and BatchNorm {rates}):"]
    lines += [f"  {CONTROLS[name]}: {_marked(rows.loc[(case, name, 'none')])}" for name in CONTROLS if name in best]
    if "whole_set" in best:
        lines.append(f"  all images' statistics minus the batch's: {_marked(rows.loc[(case, 'whole_set', 'batch')])}")
    for loss in LOSSES:
        row = rows.loc[(case, loss, "none")]
        reached = f"({row['pairs']} seeds)" if row["pairs"] < data["seeds"] else ""
        lines.append(f"  at equal training loss {loss:g}: BatchNorm minus none {_marked(row)} {reached}".rstrip())
    return lines


def _marked(row):
    return f"{shown(row)}{'*' if row['verdict'] in ('more', 'less') else ''}" if row["pairs"] > 1 else "not reached"


def random_labels(data):
    """How fast labels that mean nothing are learned by heart.

    data   what experiments.random_labels returned
    Returns ax, text.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    needed, lines = steps_needed(data["table"], data["steps"]), []
    for norm, rate in data["best"].items():
        curve = results.of(data["table"], "known_accuracy", step="all", arm=norm).groupby("step")["value"].mean()
        steps = results.of(needed, "steps_needed", arm=norm)["value"]
        low, high = results.interval(steps)
        ax.plot(curve.index, 100 * curve, **ARMS[norm])
        ax.axvspan(low, high, color=ARMS[norm]["color"], alpha=0.2, linewidth=0)
        lines.append(
            f"  {ARMS[norm]['label']}: {results.spread(steps.mean(), low, high, 0, sign=False)} steps, "
            f"reached in {(steps < data['steps']).sum()} of {data['seeds']} runs (rate {rate:g})"
        )
    ratio = _ratio(needed)
    title = f"Without BatchNorm it takes {ratio['mean']:.1f} times the steps to learn {data['images']} random labels"
    ax.set(
        xlabel="training step (shaded: 99 % reached, 95 % interval)", ylabel="training labels known (%)", title=title
    )
    ax.legend(loc="lower right")
    first = f"{title} [{ratio['low']:.1f}, {ratio['high']:.1f}]."
    second = f"Steps until 99 % are known, each arm at its fastest rate, {data['seeds']} seeds, to 4 steps:"
    return ax, "\n".join([first, "", second, *lines])


def _ratio(needed):
    """Steps without BatchNorm over steps with it; each number of steps is known to 4, so to 2 on either side."""
    fewest = needed["value"].min()
    return results.compare(needed, "none", "batch", "steps_needed", ratio=True, known_to=fewest / (fewest - 2))
