"""The drawings of notebook 01."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import printed
from bnbook.lab.style import ARMS

from .functions import saturation

# One colour and one marker per gain, smallest first.
GAINS = [("#56B4E9", "v"), ("#0072B2", "o"), ("#E69F00", "s"), ("#D55E00", "^"), ("#CC79A7", "D")]
QUANTITIES = {
    "sd": "sd of z over the images",
    "saturated": "saturated outputs (%)",
    "gradient": "gradient of h (last layer = 1)",
    "weights": "gradient of W, relative to W",
}
SMALLEST = {"sd": 1e-6, "gradient": 1e-6, "weights": 1e-8}  # what a picture still shows of a line


def twenty_layers(data, panels=(("sd", "none"), ("sd", "batch"))):
    """What activations and gradients are like in each layer, one line per size of the weights.

    data    what experiments.twenty_layers returned
    panels  from left to right: (quantity, norm), quantity 'sd', 'saturated', 'gradient' or 'weights', norm 'none' or
            'batch'
    Returns axes (an array, one per panel), text.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.1 * len(panels), 3.6), squeeze=False)
    axes, seen, lines = axes[0], [], []
    for ax, (quantity, norm) in zip(axes, panels, strict=True):
        arms = [arm for arm in data["arms"] if arm["norm"] == norm]
        for arm, (color, marker) in zip(arms, GAINS, strict=False):
            _over_layers(ax, arm[quantity], quantity, color, marker, label=f"gain {arm['gain']:.3g}")
        ax.set(xlabel="layer", ylabel=QUANTITIES[quantity], title=_what_happens(quantity, norm, arms))
        seen.append(f"{QUANTITIES[quantity]}, {' '.join(ax.get_title().split())}")
        rows = [{"gain": arm["gain"], **_in_words(quantity, arm)} for arm in arms]
        lines += [f"{_HEADINGS[quantity]}, {ARMS[norm]['label']}:", printed(rows)]
    for quantity in QUANTITIES:
        _common_scale([ax for ax, panel in zip(axes, panels, strict=True) if panel[0] == quantity], quantity)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    seeds = f"mean and range of {data['seeds']} seeds"
    figure.suptitle(f"{data['depth']} layers of {data['activation']}, untrained ({seeds})")
    return axes, "\n".join([f"{data['depth']} layers of {data['activation']}: {'; '.join(seen)}.", "", *lines])


def _over_layers(ax, values, quantity, color, marker, **style):
    layer = np.arange(1, len(values["mean"]) + 1)
    lowest, mean, highest = ((100 if quantity == "saturated" else 1) * np.array(values[k]) for k in _BAND)
    ax.fill_between(layer, lowest, highest, color=color, alpha=0.25, linewidth=0)
    ax.plot(layer, mean, color=color, marker=marker, markersize=4, linewidth=1.5, **style)
    ax.set_xticks([1, *range(5, len(layer) + 1, 5)])


_BAND = ("lowest", "mean", "highest")


def _common_scale(axes, quantity):
    """The same scale for the same quantity; below what SMALLEST says and above ten million lines leave the picture."""
    if not axes:
        return
    if quantity == "saturated":
        limits = (-2, 82)
    else:
        heights = np.concatenate([line.get_ydata() for ax in axes for line in ax.get_lines()])
        limits = (max(heights.min() / 2, SMALLEST[quantity]), min(heights.max() * 2, 1e7))
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
        alike = f" ({len(arms)} lines on one another)" if len(arms) > 1 else ""
        return f"{label}\n{_amount(end[0])} in layer {layer}{alike}"
    return f"{label}\nfrom {_amount(min(end))} to {_amount(max(end))} in layer {layer}"


_HEADINGS = {
    "sd": "sd of z over the images",
    "saturated": "saturated outputs, in %",
    "gradient": "gradient of the outputs, 1 in the last layer; its factor per layer on the way back",
    "weights": "gradient of the weights relative to the weights",
}


def _in_words(quantity, arm):
    """What is printed of one arm: a dict, name of the column to its text or number."""
    mean = arm[quantity]["mean"]
    first, last = "layer 1", f"layer {len(mean)}"
    if quantity == "saturated":
        return {"worst layer": round(100 * max(mean)), last: round(100 * mean[-1])}
    if quantity == "gradient":
        return {first: _amount(mean[0]), "factor": f"{arm['growth']:.2f}"}
    return {first: _amount(mean[0]), last: _amount(mean[-1])}


def _amount(value):
    """A size in digits that do not depend on the machine."""
    if value < 1e-6:
        return "below 0.000001"
    if value > 1e6:
        return "above 1,000,000"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 100 else np.format_float_positional(rounded, trim="-")


def histograms(outputs, layers=(1, 5, 10, 20)):
    """Outputs of tanh in some of the layers, one row per size of the weights.

    outputs  gain: list over layers of (N, units)
    layers   which to draw, counted from 1
    Returns axes (an array, a row per gain), text.
    """
    size = (8.4, 1.6 * len(outputs) + 0.8)
    figure, axes = plt.subplots(len(outputs), len(layers), figsize=size, sharex=True, sharey=True, squeeze=False)
    rows = []
    for row, (gain, h) in zip(axes, outputs.items(), strict=True):
        rows.append({"gain": gain})
        for ax, layer in zip(row, layers, strict=True):
            values = h[layer - 1]
            sd, share = values.std(0).mean(), saturation(values)
            _histogram(ax, values)
            ax.set_title(f"layer {layer}: sd {_amount(sd)}", fontsize="medium")
            rows[-1][f"layer {layer}"] = f"{_amount(sd)}, {100 * share:.0f} %"
        row[0].set_ylabel(f"gain {gain:.3g}\noutputs (%)")
    for ax in axes[-1]:
        ax.set(xlabel="output of tanh", ylim=(0, _TALLEST), xticks=(-1, 0, 1))
    shares = [saturation(h[layers[-1] - 1]) for h in outputs.values()]
    sds = [h[layers[-1] - 1].std(0).mean() for h in outputs.values()]
    least, most = _amount(min(sds)), f"{100 * max(shares):.0f} %"
    verdict = f"In layer {layers[-1]} the sd is {least} at one gain, and at another {most} are saturated"
    figure.suptitle(verdict)
    heading = "Outputs of tanh: sd over the images, and share that is saturated"
    return axes, "\n".join([f"Histograms of the outputs of tanh. {verdict}.", "", heading, printed(rows)])


_TALLEST = 30  # percent; what all outputs share would hide everything else


def _histogram(ax, values):
    """Percentages of the outputs, a bar that is cut off with its number beside it."""
    counts, edges = np.histogram(values, bins=41, range=(-1, 1))
    heights = 100 * counts / values.size
    ax.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=ARMS["batch"]["color"])
    tallest = int(heights.argmax())
    if heights[tallest] > _TALLEST:
        ax.text(edges[tallest + 1] + 0.05, 0.68 * _TALLEST, f"{heights[tallest]:.0f} %")


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
    lines = [f"At learning rate {data['lr']:g}, mean of {data['seeds']} seeds [lowest, highest]:"]
    for arm in data["arms"]:
        label = ARMS[arm["norm"]]["label"]
        spread, shift = (
            _range(arm[key]["mean"][-1], arm[key]["lowest"][-1], arm[key]["highest"][-1]) for key in labels
        )
        changes.append(f"x {arm['spread']['mean'][-1]:.1f} {label}")
        lines.append(f"  {label}, layer {last}: spread x {spread}, mean moved by {shift} sd")
    figure.suptitle(f"Spread in layer {last} after training: {', '.join(changes)}")
    changed = " and ".join(changes)
    first = f"After {data['steps']} steps the spread of a unit over the images is, in layer {last}, {changed}."
    return axes, "\n".join([first, "", *lines])


def _range(mean, lowest, highest):
    return f"{mean:.1f} [{lowest:.1f}, {highest:.1f}]"
