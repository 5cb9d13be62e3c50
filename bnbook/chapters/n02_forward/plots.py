"""The drawings of notebook 02."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import printed
from bnbook.lab.style import ARMS


def images(pictures, titles):
    """Small pictures in a row.

    pictures  (N, H, W)  from 0 (white) to 1 (black)
    titles    N texts, one above each
    Returns axes (an array, one per picture), text.
    """
    figure, axes = plt.subplots(1, len(pictures), figsize=(1.5 * len(pictures), 1.9), squeeze=False)
    for ax, picture, title in zip(axes[0], pictures, titles, strict=True):
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=title, xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    return axes[0], f"{len(pictures)} pictures: {'; '.join(', '.join(title.splitlines()) for title in titles)}."


def eps_placement(var, inside, outside):
    """What one unit of deviation becomes after the division, for both places where eps could stand.

    var              (n,)  variances, increasing
    inside, outside  (n,)  1 / sqrt(var + eps) and 1 / (sqrt(var) + eps)
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    ax.loglog(
        var, outside, color=ARMS["none"]["color"], linestyle=(0, (4, 1.5)), label="eps outside: 1 / (sqrt(var) + eps)"
    )
    ax.loglog(var, inside, color=ARMS["batch"]["color"], label="eps inside: 1 / sqrt(var + eps)")
    ax.set(xlabel="variance of the channel (units of x squared)", ylabel="factor on the deviation (1 / units of x)")
    ax.legend()
    ratio = outside[0] / inside[0]
    ax.set_title(f"A channel that is almost constant: eps outside the root amplifies it {ratio:.0f} times more")
    text = (
        f"Two curves over the variance of a channel. At variance {var[0]:.0e} the factor is {inside[0]:.0f} with eps "
        f"inside the root, {outside[0]:.0f} outside; at variance {var[-1]:g} both are {inside[-1]:.2f}."
    )
    return ax, text


def same_shape(x, x_hat, unit):
    """Histograms of one channel before and after normalizing.

    x, x_hat  (m,)  the same values before and after
    unit      what x is measured in
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharey=True)
    for ax, values, label in zip(axes, (x, x_hat), (unit, "standard deviations from the mean"), strict=True):
        ax.hist(values, bins=17, color=ARMS["batch"]["color"])
        ax.axvline(values.mean(), color="black", linewidth=1.2, linestyle="--")
        ax.set(xlabel=label, title=f"mean {values.mean():z.2f}, standard deviation {values.std():.2f}")
    axes[0].set_ylabel("number of images")
    axes[0].figure.suptitle("Normalizing changes the numbers on the axis, not the shape")
    skews = [float((((v - v.mean()) / v.std()) ** 3).mean()) for v in (x, x_hat)]
    return axes, (
        f"Two histograms of one shape, before and after normalizing: skewness {skews[0]:.3f} and {skews[1]:.3f}; "
        "a Gaussian has 0."
    )


def variance_errors(data):
    """How wrong two formulas for the variance are, against the distance of the data from zero.

    data   what experiments.variance_errors returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(7.5, 3.6))
    for (name, errors), (color, marker, linestyle) in zip(data["errors"].items(), FORMULAS, strict=True):
        known = [(offset, e) for offset, e in zip(data["offsets"], errors, strict=False) if e is not None]
        some = [(offset, e) for offset, e in known if e > 0]
        ax.plot(*zip(*some, strict=True), color=color, marker=marker, linestyle=linestyle, label=name)
        for offset in (offset for offset, e in known if e == 0):  # a logarithmic axis has no place for 0
            ax.plot(offset, 0.03, marker, color=color, mfc="white", transform=ax.get_xaxis_transform())
            ax.annotate("0", (offset, 0.03), (6, 0), ax.get_xaxis_transform(), "offset points", va="center")
    ax.axhline(1, color="0.4", linewidth=0.8, linestyle=":")
    ax.text(0, 2, "as wrong as the variance is large", color="0.3", va="bottom")
    ax.set_xscale("symlog", linthresh=1)
    ax.set(
        yscale="log",
        ylim=(1e-17, 1e3),
        xlim=(-0.3, 2 * data["offsets"][-1]),
        xlabel="mean of the data (standard deviations)",
        ylabel="relative error of the variance",
    )
    verdict = f"{_losers(data)}: far from zero, nothing is left of the variance"
    ax.set_title(verdict)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    rows = [
        {"formula": name, "mean of the data": data["offsets"][len(errors) - 1], "variance": _size(errors[-1])}
        for name, errors in data["errors"].items()
    ]
    first = "The error of the variance over the mean of the data, a curve for each formula."
    second = f"{verdict[0].upper()}{verdict[1:]}."
    heading = f"The worst of {data['batches']} batches with standard deviation 1:"
    return ax, "\n".join([first, second, "", heading, printed(rows)])


FORMULAS = [
    ("#E69F00", "^", ":"),
    ("#56B4E9", "v", ":"),
    ("#D55E00", "o", (0, (4, 1.5))),
    ("#0072B2", "s", "-"),
    ("black", "d", "-"),
]


def _losers(data):
    return " and ".join(name for name, e in data["errors"].items() if e[-1] is None or e[-1] > 1) or "none"


def _size(error):
    """An error in words that do not depend on the last digit."""
    if error is None:
        return "not a number: the squares overflow"
    bound = next((b for b in (1e-12, 1e-3, 0.1, 1) if error < b), None)
    return f"error below {bound:g}" if bound else "error larger than the variance itself"


def batch_norm_stages(everything, batch, x_hat, y):
    """One channel of a batch before and after normalizing and after scale and shift, over all values it could have had.

    everything  (M,)  values of the whole data set
    batch       (m,)  the values in this batch
    x_hat, y    (m,)  what batch_norm makes of them
    Returns axes (an array of 3), text.
    """
    figure, axes = plt.subplots(3, 1, figsize=(6.5, 4.2))
    lanes = [
        (batch, "x: ink of the images in the batch", (12, 28)),
        (x_hat, "x_hat: standard deviations from the batch's mean", (-5, 5)),
        (y, "y = gamma * x_hat + beta", (-5, 5)),
    ]
    axes[0].hist(everything, bins=40, range=(12, 28), density=True, color="0.85")
    for ax, (values, label, limits) in zip(axes, lanes, strict=True):
        top = ax.get_ylim()[1] if ax is axes[0] else 1
        mean, sd = values.mean(), values.std()
        ax.axvspan(mean - sd, mean + sd, color=ARMS["batch"]["color"], alpha=0.18, linewidth=0)
        ax.axvline(mean, color=ARMS["batch"]["color"], linestyle="--", linewidth=1.5)
        ax.plot(values, np.full(len(values), top / 2), "|", color="black", markersize=16)
        ax.set(xlim=limits, ylim=(0, top), yticks=[], xlabel=label)
    axes[0].set_title(f"A batch of {len(batch)}: dashed its mean, shaded one standard deviation to each side")
    text = f"One channel of a batch of {len(batch)}.  " + ";  ".join(
        f"{name}: mean {v.mean():z.2f}, sd {v.std():.2f}"
        for name, v in zip(("x", "x_hat", "y"), (batch, x_hat, y), strict=True)
    )
    return axes, text
