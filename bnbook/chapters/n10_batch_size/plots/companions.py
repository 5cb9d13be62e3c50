"""Batches whose images have something in common: a class, or a session."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from .looks import GREY, MARKERS, line_with_band, percent, row


def one_class(data):
    """Test accuracy against the number of classes in a training batch, one line per normalization.

    data   what experiments.one_class returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.7))
    lines = []
    for norm in dict.fromkeys(arm["norm"] for arm in data["arms"]):
        own = [arm for arm in data["arms"] if arm["norm"] == norm]
        low, high = (100 * np.array([arm["interval"][end] for arm in own]) for end in (0, 1))
        mean = [percent(arm["accuracy"]) for arm in own]
        line_with_band(ax, [arm["classes"] for arm in own], low, mean, high, norm)
        lines.append(f"  {ARMS[norm]['label']:28}" + "".join(f"{value:7.0f}" for value in mean))
    guessing = 100 * data["guessing"]
    ax.axhline(guessing, color="0.4", linewidth=0.8, linestyle=":")
    ax.text(data["classes"][-1], guessing + 1, "guessing", ha="right", va="bottom", color="0.3")
    ax.set(ylim=(0, 102), xlabel="classes in a training batch", ylabel="test accuracy (%)")
    ax.set_xticks(data["classes"])
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    few = {arm["norm"]: arm for arm in data["arms"] if arm["classes"] == data["classes"][0]}
    said = ", ".join(f"{percent(few[norm]['accuracy']):.0f} % {ARMS[norm]['label']}" for norm in few)
    number = f"{data['classes'][0]} class{'es' * (data['classes'][0] > 1)}"
    ax.set_title(
        f"{number} in a batch: {percent(few['batch']['accuracy']):.0f} % with BatchNorm" if "batch" in few else number
    )
    first = [
        f"Trained with {number} in each batch of {data['batch_size']}, {data['seeds']} seeds, test accuracy:",
        said,
    ]
    return ax, "\n".join([*first, f"  {'classes in a batch':28}" + row(data["classes"]), *lines])


def shared_nuisance(data):
    """Accuracy in training and evaluation mode, trained with a session in each batch, and shuffled.

    data   what experiments.shared_nuisance returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    lines = []
    for ax, together in zip(axes, (True, False), strict=True):
        arms = [arm for arm in data["arms"] if arm["together"] == together]
        for i, arm in enumerate(arms):
            for shift, key, filled in ((-0.15, "in_training_mode", False), (0.15, "accuracy", True)):
                values, color = 100 * np.array(arm[key]), ARMS[arm["norm"]]["color"]
                face = color if filled else "white"
                jitter = i + shift + np.linspace(-0.05, 0.05, len(values))
                ax.plot(jitter, values, MARKERS[arm["norm"]], color=color, markerfacecolor=face, markersize=5)
                ax.plot([i + shift - 0.1, i + shift + 0.1], [values.mean()] * 2, color="black", linewidth=1.5)
        ax.set_xticks(range(len(arms)), [ARMS[arm["norm"]]["label"].replace(" ", "\n", 1) for arm in arms])
        ax.set_title("each training batch is a session" if together else "the same images, shuffled")
        ax.set_xlim(-0.5, len(arms) - 0.5)
        lines.append("  each training batch a session:" if together else "  the same images, shuffled:")
        for arm in arms:
            train, test = percent(arm["in_training_mode"]), percent(arm["accuracy"])
            lines.append(
                f"    {ARMS[arm['norm']]['label']:24} training mode {train:.0f} %, evaluation mode {test:.0f} %"
            )
    axes[0].set_ylabel("test accuracy (%)")
    for face, label in (("white", "training mode (by each test session)"), (GREY, "evaluation mode")):
        axes[0].plot([], [], "o", color=GREY, markerfacecolor=face, label=label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    first = "nothing to compare: no arm with BatchNorm"
    found = {arm["together"]: arm for arm in data["arms"] if arm["norm"] == "batch"}
    if found:
        own = found[True]
        first = (
            f"BatchNorm trained by session: {percent(own['in_training_mode']):.0f} % in training mode, "
            f"{percent(own['accuracy']):.0f} % in evaluation mode"
        )
        second = f"trained on the same images shuffled: {percent(found[False]['accuracy']):.0f} % in evaluation mode"
    else:
        second = f"{data['seeds']} seeds"
    figure.suptitle(first)
    return axes, "\n".join([f"{first};", f"{second} ({data['seeds']} seeds)", *lines])
