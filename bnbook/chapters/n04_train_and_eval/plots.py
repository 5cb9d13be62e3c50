"""The drawings of notebook 04."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import of, printed, spread
from bnbook.lab.style import ARMS

from . import experiments

BLUE, RED = ARMS["batch"]["color"], "#D55E00"
# How the running statistics are kept. Where two lie on one another, the one that is drawn first is the wider.
KEPT = {
    "momentum=0.01": {"marker": "o"},
    "momentum=0.01, corrected": {"linewidth": 8, "alpha": 0.5, "solid_capstyle": "butt"},
    "momentum=None": {"linewidth": 3, "marker": "^"},
    "momentum=0.1": {"marker": "s"},
    "recalibrated": {"linewidth": 1, "marker": "v"},
}


def companions(data):
    """One image among companions of each class in turn, with the label that a net in training mode gives it.

    data   what experiments.companions returned
    Returns axes (an array of 10), text.
    """
    labels, truth = data["shown"]["labels"], data["shown"]["truth"]
    height, width = np.shape(data["shown"]["image"])
    figure, axes = plt.subplots(2, 5, figsize=(8.6, 2.5))
    for ax in axes.flat[len(labels) :]:  # fewer classes than ten
        ax.axis("off")
    for c, ax in zip(range(len(labels)), axes.flat, strict=False):  # at most ten are drawn
        gap = np.full((height, 1), np.nan)
        others = [part for other in data["shown"]["companions"][c] for part in (gap, other)]
        ax.imshow(np.hstack([data["shown"]["image"], gap, *others]), cmap="gray_r", vmin=0, vmax=1)
        ax.add_patch(plt.Rectangle((-0.5, -0.5), width, height, fill=False, color=BLUE, linewidth=2, clip_on=False))
        ax.text(len(others) / 2 * (width + 1) + width + 0.5, (height - 1) / 2, "...", va="center")
        right = labels[c] == truth
        ax.set_title(f"with {c}s: {labels[c]}", color=BLUE if right else RED, weight="normal" if right else "bold")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    figure.suptitle(
        f"One {truth}, one net in training mode, {len(set(labels))} different labels: the companions decide"
    )
    shares, kinds = [np.mean(v) for v in zip(*map(_changes, data["labels"]), strict=True)]
    own = np.mean([[row[t] == t for row, t in zip(run, data["truth"], strict=False)] for run in data["labels"]])
    right = np.mean([np.equal(run, data["truth"][: len(run)]) for run in data["evaluated"]])
    text = (
        f"The framed {truth} with {data['size']} companions of class 0, 1, ... {len(labels) - 1} is labelled "
        f"{_listed(labels)}. In evaluation mode: {data['shown']['evaluated']}.\n"
        f"Over {len(data['labels'][0])} test images and "
        f"{len(data['labels'])} nets: the label changes with the companions for {100 * shares:.0f} % of the images,\n"
        f"{kinds:.1f} different labels each. Right in evaluation mode: {100 * right:.0f} %. Right among companions of "
        f"their own class: {100 * own:.0f} %."
    )
    return axes, text


def _changes(labels):
    different = [len(set(row)) for row in labels]
    return np.mean([d > 1 for d in different]), np.mean(different)


def _listed(labels):
    return " ".join(map(str, labels))


def running_average(batches, running, corrected, truth, momentum):
    """A running mean and the batch means that it follows.

    batches     (T,)  the mean of each batch
    running     (T,)  the running mean after each batch, 50 or more of them, which started at 0
    corrected   (T,)  the same, divided by 1 - (1 - momentum)^t
    truth       mean of the whole data set
    momentum    weight of the new batch
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(7.5, 3.4))
    t = np.arange(1, len(batches) + 1)
    ax.plot(t, batches, ".", color="0.6", markersize=4, label="mean of each batch")
    ax.axhline(truth, color="0.4", linewidth=0.8, linestyle=":")
    ax.plot(t, corrected, color="#009E73", linestyle="-.", label="corrected for the start")
    ax.plot([0, *t], [0, *running], color=BLUE, label="running_mean")
    ax.set(xlim=(0, len(t)), ylim=(0, 1.25 * truth), xlabel="batches seen", ylabel="ink (sum of the pixels)")
    ax.axvline(50, color="0.7", linewidth=0.8)
    ax.legend(loc="lower right")
    left = (1 - momentum) ** 50
    ax.set_title(
        f"momentum {momentum:.2f}: after 50 batches {100 * left:.0f} % of running_mean is still the 0 it began with"
    )
    text = (
        f"True mean {truth:.2f}. After 50 batches: running_mean {running[49]:.2f}, corrected {corrected[49]:.2f}. "
        f"After {len(t)}: {running[-1]:.2f} and {corrected[-1]:.2f}. Standard deviation of the last 50: batch means "
        f"{batches[-50:].std():.2f}, corrected average {corrected[-50:].std():.2f}."
    )
    return ax, text


def train_eval_gap(data):
    """Gap between the two modes, and accuracy in evaluation mode, over a training, for several running statistics.

    data   what experiments.train_eval_gap returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.9), layout="constrained")
    gap, accuracy = _by_step(data["table"], "gap"), 100 * _by_step(data["table"], "test_accuracy")
    for name, extra in KEPT.items():
        style = {**ARMS[name], **extra}
        for ax, values in zip(axes, (gap.loc[name], accuracy.loc[name]), strict=True):
            color, range_ = style["color"], (values.min(), values.max())
            ax.fill_between(data["step"], *range_, color=color, alpha=0.15, linewidth=0)
            ax.plot(data["step"], values.mean(), markersize=4, **style)
    training = accuracy.loc["training mode"].mean()
    axes[1].plot(data["step"], training, color="0.5", linewidth=1, linestyle="--", label="training mode")
    for ax, label in zip(axes, ("gap (1 = as large as the logits)", "test accuracy (%)"), strict=True):
        ax.set(xscale="log", xlabel="training step", ylabel=label)
        ax.set_ylim(bottom=0)
        ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        ax.minorticks_off()
    axes[0].set_title("eval-mode outputs: distance from train-mode")
    axes[1].set_title("accuracy in evaluation mode")
    lines, names = axes[1].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=3)
    last = gap[data["step"][-1]].groupby("arm").mean()
    worst = last[list(KEPT)].idxmax()
    figure.suptitle(f"Farthest off to the end: {worst} (mean and range of {data['seeds']} seeds)")
    ends = f"{last[worst]:.2f} with {worst}, the farthest off, and {last['recalibrated']:.2f} recalibrated"
    first = f"The gap between the two modes over training: after {data['step'][-1]} steps {ends}; and the accuracy."
    return axes, "\n".join([first, "", *_gap_text(data, gap, accuracy)])


def _by_step(table, measure):
    """A frame: a row for each arm and seed, a column for each step."""
    return of(table, measure, "all").pivot(index=["arm", "seed"], columns="step", values="value")


def _gap_text(data, gap, accuracy):
    gap, accuracy = (values.groupby("arm").mean() for values in (gap, accuracy))
    rows = [
        {"gap / eval-mode accuracy at step": name}
        | {str(step): f"{gap.loc[name, step]:.2f} / {accuracy.loc[name, step]:.0f} %" for step in (5, 20, 50, 100)}
        for name in KEPT
    ]
    says = {"more": "a gain", "less": "a loss", "no difference": "less than a point"}
    changes = experiments.recalibrating(data["table"], (50, 100))
    changes["said"] = [
        f"{spread(row['mean'], row['low'], row['high'])}, {says.get(row['verdict'], row['verdict'])}"
        for row in changes.to_dict("records")
    ]
    changes = changes.pivot(index="against", columns="step", values="said").loc[list(KEPT)[:-1]].reset_index()
    heading = f"Recalibrating changes the accuracy, in points ({data['seeds']} seeds, paired, 95 %; verdicts by Holm):"
    changes.columns = ["against", *(f"after step {step}" for step in changes.columns[1:])]
    return [printed(rows), heading, printed(changes)]


def forgotten_eval(data):
    """Test accuracy in training mode against the size of the test batches, shuffled and sorted by class.

    data   what experiments.forgotten_eval returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    right = 100 * np.mean(data["evaluated"])
    ax.axhline(right, color="black", linewidth=1.5, label="evaluation mode, any batch, any order")
    for key, label, color, linestyle, marker in (
        ("shuffled", "training mode, shuffled", BLUE, "-", "s"),
        ("by_class", "training mode, sorted by class", RED, (0, (4, 1.5)), "o"),
    ):
        values = 100 * np.array(data[key])
        ax.fill_between(data["sizes"], values.min(1), values.max(1), color=color, alpha=0.2, linewidth=0)
        ax.plot(data["sizes"], values.mean(1), color=color, linestyle=linestyle, marker=marker, label=label)
    ax.axhline(10, color="0.4", linewidth=0.8, linestyle=":")
    ax.text(data["sizes"][-1], 11, "guessing", ha="right", va="bottom", color="0.3")
    ax.set(xscale="log", ylim=(0, 100), xlabel="images per test batch", ylabel="test accuracy (%)")
    ax.set_xticks(data["sizes"], map(str, data["sizes"]))
    ax.minorticks_off()
    ax.legend(loc="center left", bbox_to_anchor=(0.14, 0.42))
    sizes = data["sizes"]
    at = sizes.index(20) if 20 in sizes else 0
    shuffled, by_class = (100 * np.mean(data[key], 1) for key in ("shuffled", "by_class"))
    title = f"{shuffled[at]:.0f} % in shuffled batches of {sizes[at]}, {by_class[at]:.0f} % in sorted ones"
    ax.set_title(f"Without eval(): {title}")
    low, high = (100 * end for end in data["interval"])
    lines = [
        f"Evaluation mode: {right:.1f} % [{low:.1f}, {high:.1f}] right over {len(data['evaluated'])} seeds. "
        f"Training mode: {title}.",
        "",
        "Training mode, in %:",
    ]
    rows = [
        {"images per batch": name} | {str(size): round(a) for size, a in zip(sizes, values, strict=True)}
        for name, values in (("shuffled", shuffled), ("sorted by class", by_class))
    ]
    return ax, "\n".join([*lines, printed(rows)])


def folding_errors(errors):
    """Where on the image two nets differ.

    errors  name: (H, W) largest difference at each pixel
    Returns axes (an array, one per entry), text.
    """
    figure, axes = plt.subplots(1, len(errors), figsize=(2.9 * len(errors), 3.1), squeeze=False)
    top = max(error.max() for error in errors.values())
    for ax, (name, error) in zip(axes[0], errors.items(), strict=True):
        picture = ax.pcolormesh(error[::-1], cmap="cividis", vmin=0, vmax=top, edgecolors="0.3", linewidth=0.3)
        exact = error.max() < 1e-10
        ax.set(
            title=f"{name}\n{'equal everywhere' if exact else 'wrong at the border'}",
            xticks=[],
            yticks=[],
            aspect="equal",
        )
    figure.colorbar(picture, ax=axes[0], label="largest difference of an output", shrink=0.8)
    wrong = [name for name, error in errors.items() if error.max() >= 1e-10]
    names, told = ", ".join(errors), ", ".join(wrong) or "none"
    first = f"Pixel by pixel, how far two outputs differ: {names}. They differ with {told}."
    return axes[0], "\n".join([first, "", *(f"{name}: {_where(error)}" for name, error in errors.items())])


def _where(error):
    """In words, how large an error is inside and at the border of an image."""
    inside = error[1:-1, 1:-1].max()
    border = max(error[[0, -1]].max(), error[:, [0, -1]].max())
    said = [f"off by up to {e:.2f}" if e > 1e-10 else "equal to 1e-10" for e in (inside, border)]
    return f"inside {said[0]}, at the border {said[1]}"
