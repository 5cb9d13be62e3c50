"""The drawings of notebook 06."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS


def autograd_function():
    """What goes in and out of the three methods of an autograd Function.

    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(8, 2.9))
    ax.set(xlim=(0, 10), ylim=(0, 4.2), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    blue, orange = ARMS["batch"]["color"], "#B35900"
    boxes = {"forward": (5, 3.6, blue), "setup_context": (5, 2.1, "black"), "backward": (5, 0.6, orange)}
    for name, (x, y, color) in boxes.items():
        frame = dict(boxstyle="round,pad=0.5", facecolor="white", edgecolor=color, linewidth=2)
        ax.text(x, y, name, ha="center", va="center", family="monospace", color=color, bbox=frame)
    for y, left, right, color, direction in (
        (3.6, "x, gamma, beta, eps", "y, mean, var", blue, "->"),
        (0.6, "dx, dgamma, dbeta, None", "dy, dmean, dvar", orange, "<-"),
    ):
        ax.text(0.1, y, left, va="center", color=color, family="monospace")
        ax.text(9.9, y, right, va="center", ha="right", color=color, family="monospace")
        for start, end in ((2.9, 3.8), (6.3, 7.6)):
            ax.annotate("", (end, y), (start, y), arrowprops=dict(arrowstyle=direction, color=color, linewidth=2))
    for start, end in ((3.15, 2.55), (1.65, 1.05)):
        ax.annotate("", (5, end), (5, start), arrowprops=dict(arrowstyle="->", color="black", linewidth=1.5))
    ax.text(5.15, 1.35, "ctx keeps x, gamma, mean, var, eps", va="center")
    ax.set_title("An autograd Function: one gradient comes in for each output, one goes out for each input")
    text = (
        "Three boxes below each other: forward turns x, gamma, beta, eps into y, mean, var;\n"
        "setup_context puts what backward needs into ctx;\n"
        "backward gets dy, dmean, dvar and returns dx, dgamma, dbeta and None for eps."
    )
    return ax, text


def graph_nodes(data):
    """How many nodes of old graphs hang on running_mean after each training step.

    data   what experiments.graph_nodes returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3))
    arms = {"kept": ("none", "stored with its graph"), "detached": ("batch", "stored with detach()")}
    for name, (arm, label) in arms.items():
        style = {key: ARMS[arm][key] for key in ("color", "linestyle")}
        ax.plot(data["step"], data[name], label=label, **style)
    ax.set(xlabel="training step", ylabel="graph nodes (number)", xlim=(0, data["step"][-1]))
    ax.set_title("A buffer that keeps its graph drags every step so far behind it")
    ax.legend()
    kept = ", ".join(f"{data[name][-1]} {label}" for name, (_, label) in arms.items())
    lines = [f"Graph nodes that running_mean keeps alive after {data['step'][-1]} steps of training: {kept}.", ""]
    for name, (_, label) in arms.items():
        lines.append(f"  {label}: copy.deepcopy(net) works: {data['copied'][name]}")
    return ax, "\n".join(lines)


def same_losses(data):
    """The losses of two networks that ought to be one, on top of each other, and below them their difference.

    data   what experiments.same_losses returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True, height_ratios=(3, 2))
    step, theirs, ours = (np.array(data[name]) for name in ("step", "theirs", "ours"))
    apart = np.abs(ours - theirs)
    axes[0].plot(step, theirs, color=ARMS["none"]["color"], linewidth=5, label="torch.nn's BatchNorm")
    axes[0].plot(step, ours, color=ARMS["batch"]["color"], linewidth=1.5, label="ours")
    axes[0].set(ylabel="loss (cross-entropy, nats)", ylim=(0, None), xlim=(0, step[-1]))
    axes[0].legend()
    axes[1].semilogy(step, np.maximum(apart, 1e-17), ".", color="black", markersize=4)
    axes[1].axhline(1e-10, color="0.4", linewidth=1, linestyle=":")
    axes[1].text(step[-1], 1.5e-10, "tolerance", ha="right", va="bottom", color="0.3")
    axes[1].set(xlabel="training step", ylabel="difference (nats)", ylim=(5e-18, max(1e-8, 10 * apart.max())))
    bound = next((b for b in (1e-12, 1e-10, 1e-6, 1e-3) if apart.max() < b), None)
    verdict = f"the same to {bound:g}" if bound else f"up to {apart.max():.2g} apart"
    figure.suptitle(f"{len(step)} steps of training, the losses are {verdict}")
    text = (
        f"The loss falls from {theirs[0]:.2f} to {theirs[-1]:.2f} in {len(step)} steps; "
        f"the two losses are {verdict} at every step.\n"
        f"Test accuracy: {100 * data['accuracy_theirs']:.1f} % with torch.nn's, "
        f"{100 * data['accuracy_ours']:.1f} % with ours."
    )
    return axes, text
