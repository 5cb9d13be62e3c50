"""The drawings of notebook 01."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

# One colour and one marker per gain, smallest first.
GAINS = [("#56B4E9", "v"), ("#0072B2", "o"), ("#E69F00", "s"), ("#D55E00", "^"), ("#CC79A7", "D")]
QUANTITIES = {
    "sd": "sd of z over the images",
    "saturated": "saturated outputs (%)",
    "gradient": "gradient (last layer = 1)",
}


def twenty_layers(data, panels=(("sd", "none"), ("sd", "batch"))):
    """What activations and gradients are like in each layer, one line per size of the weights.

    data    what experiments.twenty_layers returned
    panels  from left to right: (quantity, norm), quantity 'sd', 'saturated' or 'gradient', norm 'none' or 'batch'
    Returns axes (an array, one per panel), text.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.1 * len(panels), 3.6), squeeze=False)
    axes, lines = axes[0], []
    for ax, (quantity, norm) in zip(axes, panels, strict=True):
        arms = [arm for arm in data["arms"] if arm["norm"] == norm]
        for arm, (color, marker) in zip(arms, GAINS, strict=False):
            _over_layers(ax, arm[quantity], quantity, color, marker, label=f"gain {arm['gain']:.3g}")
        ax.set(xlabel="layer", ylabel=QUANTITIES[quantity], title=_what_happens(quantity, norm, arms))
        lines += [f"{_HEADINGS[quantity]}, {ARMS[norm]['label']}:", *(_in_words(quantity, arm) for arm in arms)]
    for quantity in QUANTITIES:
        _common_scale([ax for ax, panel in zip(axes, panels, strict=True) if panel[0] == quantity], quantity)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    seeds = f"mean and range of {data['seeds']} seeds"
    figure.suptitle(f"{data['depth']} layers of {data['activation']}, untrained ({seeds})")
    return axes, "\n".join([f"{data['depth']} layers of {data['activation']}", *lines])


def _over_layers(ax, values, quantity, color, marker, **style):
    layer = np.arange(1, len(values["mean"]) + 1)
    lowest, mean, highest = ((100 if quantity == "saturated" else 1) * np.array(values[k]) for k in _BAND)
    ax.fill_between(layer, lowest, highest, color=color, alpha=0.25, linewidth=0)
    ax.plot(layer, mean, color=color, marker=marker, markersize=4, linewidth=1.5, **style)
    ax.set_xticks([1, *range(5, len(layer) + 1, 5)])


_BAND = ("lowest", "mean", "highest")


def _common_scale(axes, quantity):
    """The same scale for the same quantity; beyond a millionth and a million the lines leave the picture."""
    if not axes:
        return
    if quantity == "saturated":
        limits = (-2, 82)
    else:
        heights = np.concatenate([line.get_ydata() for ax in axes for line in ax.get_lines()])
        limits = (max(heights.min() / 2, 1e-6), min(heights.max() * 2, 1e7))
    for ax in axes:
        ax.set(ylim=limits, yscale="linear" if quantity == "saturated" else "log")


def _what_happens(quantity, norm, arms):
    """The verdict over all gains, as the title of a panel."""
    label = ARMS[norm]["label"]
    if quantity == "saturated":
        most = max(max(arm[quantity]["mean"]) for arm in arms)
        return f"{label}\nat most {100 * most:.0f} % in any layer"
    end = [arm[quantity]["mean"][-1 if quantity == "sd" else 0] for arm in arms]
    layer = len(arms[0]["sd"]["mean"]) if quantity == "sd" else 1
    if max(end) < 1.02 * min(end):
        return f"{label}\n{_amount(end[0])} in layer {layer}, whatever the gain"
    return f"{label}\nfrom {_amount(min(end))} to {_amount(max(end))} in layer {layer}"


_HEADINGS = {
    "sd": "sd of z over the images, first and last layer",
    "saturated": "saturated outputs, worst and last layer",
    "gradient": "gradient in the first layer (1 in the last), and its factor per layer on the way back",
}


def _in_words(quantity, arm):
    mean = arm[quantity]["mean"]
    start = f"  gain {arm['gain']:<4.3g}  "
    if quantity == "saturated":
        return start + f"{100 * max(mean):.0f} %, {100 * mean[-1]:.0f} %"
    second = f"x {arm['growth']:.2f}" if quantity == "gradient" else _amount(mean[-1])
    return start + f"{_amount(mean[0])}, {second}"


def _amount(value):
    """A size in digits that do not depend on the machine."""
    if value < 1e-6:
        return "below 0.000001"
    if value > 1e6:
        return "above 1,000,000"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 100 else np.format_float_positional(rounded, trim="-")


def last_layer(sds, h, limits, title):
    """One untrained net, layer by layer, and its last layer image by image.

    sds     standard deviation over the images of what the activation gets, one per layer
    h       (N, C)  outputs of the last layer
    limits  the smallest and the largest output to draw
    title   of the figure
    Returns axes (an array of 3), text.
    """
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4))
    layer = np.arange(1, len(sds) + 1)
    axes[0].semilogy(layer, np.maximum(sds, 1e-6), "o-", color=ARMS["batch"]["color"], markersize=4, linewidth=1.5)
    axes[0].set(
        ylim=(0.7e-6, 1e7), xlabel="layer", ylabel=QUANTITIES["sd"], title=f"layer {len(sds)}: {_amount(sds[-1])}"
    )
    axes[0].set_xticks([1, *range(5, len(sds) + 1, 5)])
    axes[1].hist(np.minimum(h, limits[1]).ravel(), bins=40, range=limits, color=ARMS["batch"]["color"])
    beyond = f" (last bar: {limits[1]} or more)" if (h > limits[1]).any() else ""
    axes[1].set(xlabel=f"output of layer {len(sds)}{beyond}", ylabel="number of outputs", title="all units, all images")
    picture = axes[2].imshow(h[:30, :30], vmin=limits[0], vmax=limits[1], aspect="auto", cmap="cividis")
    axes[2].set(xlabel="unit", ylabel="image", title=_stripes(h))
    axes[2].grid(False)
    figure.colorbar(picture, ax=axes[2], label="output")
    figure.suptitle(title)
    text = (
        f"{title}: sd {_amount(sds[0])} in layer 1, {_amount(sds[-1])} in layer {len(sds)}; last layer: {_stripes(h)}"
    )
    return axes, text


def _stripes(h):
    """How much of the spread of the outputs is between images, and not just between units."""
    spread = h.var(0).mean()
    share = spread / (spread + h.mean(0).var()) if spread > 0 else 0.0
    return f"{100 * share:.0f} % of variance is between images"


def after_training(data):
    """How far training moved what the units get, layer by layer.

    data   what experiments.after_training returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5))
    labels = {"spread": "sd after / sd before", "shift": "shift of the mean (sd before)"}
    for ax, key in zip(axes, labels, strict=True):
        for arm, marker in zip(data["arms"], "so", strict=False):
            style = ARMS[arm["norm"]]
            _over_layers(ax, arm[key], key, style["color"], marker, label=style["label"], linestyle=style["linestyle"])
        ax.set(yscale="log", xlabel="layer", ylabel=labels[key])
    axes[0].set_yticks([1, 2, 5, 10], ["1", "2", "5", "10"])
    axes[0].set_yticks([], minor=True)
    axes[0].set_title("spread of a unit over the images")
    axes[1].set_title("where the mean of a unit has gone")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(data["arms"]))
    last, changes = data["depth"], []
    lines = [f"After {data['steps']} steps at learning rate {data['lr']:g}, {data['seeds']} seeds [lowest, highest]:"]
    for arm in data["arms"]:
        label = ARMS[arm["norm"]]["label"]
        spread, shift = (
            _range(arm[key]["mean"][-1], arm[key]["lowest"][-1], arm[key]["highest"][-1]) for key in labels
        )
        changes.append(f"x {arm['spread']['mean'][-1]:.1f} {label}")
        lines.append(f"  {label}, layer {last}: spread x {spread}, mean moved by {shift} sd")
    figure.suptitle(f"Spread in layer {last} after training: {', '.join(changes)}")
    return axes, "\n".join(lines)


def _range(mean, lowest, highest):
    return f"{mean:.1f} [{lowest:.1f}, {highest:.1f}]"
