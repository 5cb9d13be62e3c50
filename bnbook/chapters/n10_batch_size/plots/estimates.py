"""How wrong the mean and the variance of a batch are."""

import matplotlib.pyplot as plt

from bnbook.lab import results

from .looks import BLUE, NETS, RED, sizes_axis


def outputs_by_batch(data):
    """The same numbers before and after BatchNorm, one panel per batch size.

    data   what experiments.outputs_by_batch returned
    Returns axes (an array), text.
    """
    figure, axes = plt.subplots(1, len(data["sizes"]), figsize=(max(7.6, 1.85 * len(data["sizes"])), 2.7), sharey=True)
    for ax, size, x, x_hat, share in zip(axes, data["sizes"], data["x"], data["x_hat"], data["explained"], strict=True):
        ax.plot(x, x_hat, ".", color=BLUE, markersize=3, alpha=0.6)
        ax.plot([-3, 3], [-3, 3], color=RED, linewidth=1)
        ax.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), title=f"batches of {size}\n{100 * share:.0f} % explained")
    axes[0].set_ylabel("x_hat")
    figure.supxlabel("ink of the image (sd from the mean of all images)", fontsize="medium")
    first, last = data["sizes"][0], data["sizes"][-1]
    figure.suptitle(
        f"How much of x_hat is the image's own: {100 * data['explained'][0]:.0f} % in batches of {first}, "
        f"{100 * data['explained'][-1]:.0f} % in batches of {last}"
    )
    lines = [
        f"Share of the variance of x_hat that the image's own ink explains: {100 * data['explained'][0]:.0f} % in",
        f"batches of {first}, {100 * data['explained'][-1]:.0f} % in batches of {last}. Red: no change at all.",
        "",
        results.printed(
            [{"images in the batch": "explained (%)", **_by_size(data["sizes"], data["explained"], 100, 0)}]
        ),
    ]
    return axes, "\n".join(lines)


def statistics_error(data):
    """Error of the batch's mean and variance against the number of images, with theory.

    data   what experiments.statistics_error returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.6), sharex=True)
    looks = {"mlp": (BLUE, "s"), "cnn": ("#E69F00", "^")}
    for kind, layer in data["layers"].items():
        color, marker = looks[kind]
        label = f"{NETS[kind]}, {layer['positions']} position{'s' * (layer['positions'] > 1)}"
        for ax, key in zip(axes, ("mean", "var"), strict=True):
            ax.plot(data["sizes"], layer[key], marker, color=color, markersize=6, label=f"{label}: measured")
            ax.plot(data["sizes"], layer[f"{key}_theory"], color=color, linewidth=1.2, label=f"{label}: theory")
    axes[0].set(ylabel="error of the mean (sd)", title="mean: error 1 / sqrt(m) for m independent values")
    axes[1].set(ylabel="error of the variance (share)", title="variance: theory with the kurtosis found")
    for ax in axes:
        sizes_axis(ax, data["sizes"], "N, images in the batch")
        ax.set_yscale("log")
        ax.set_yticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
        ax.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    slopes = {kind: layer["slope"] for kind, layer in data["layers"].items()}
    named = ", ".join(f"N^{slope:.2f} {NETS[kind]}" for kind, slope in slopes.items())
    figure.suptitle(f"The error of the batch mean falls as {named}")
    lines = [f"The error of the batch mean falls as {named};", f"{_worth(data['layers'])}.", ""]
    lines += [_positions(kind, layer) for kind, layer in data["layers"].items() if layer["positions"] > 1]
    names = {"mean": "mean", "mean_theory": "1 / sqrt(m)", "var": "variance"}
    rows = [
        {"images in the batch": f"{NETS[kind]}, {name}", **_by_size(data["sizes"], layer[key], 1, 3)}
        for kind, layer in data["layers"].items()
        for key, name in names.items()
    ]
    lines.append(results.printed(rows))
    return axes, "\n".join(lines)


def _by_size(sizes, values, unit, digits):
    """Cells of a row, one for each size."""
    return {str(size): f"{unit * value:.{digits}f}" for size, value in zip(sizes, values, strict=True)}


def _worth(layers):
    said = [
        f"{layer['positions']} value{'s' * (layer['positions'] > 1)} of an image are worth {layer['worth']:.0f} "
        f"({NETS[kind]})"
        for kind, layer in layers.items()
    ]
    return "in independent values, " + ", ".join(said).replace("1 value of an image are", "the 1 value of an image is")


def _positions(kind, layer):
    """How much of that follows from what a position has in all images."""
    m, share = layer["positions"], layer["share"]
    return (
        f"{NETS[kind]}: {100 * share:.0f} % of the variance is between positions, the same in every image and so no "
        f"chance: {m} / (1 - {share:.2f}) = {m / (1 - share):.0f}"
    )
