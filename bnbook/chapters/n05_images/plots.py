"""The drawings of notebook 05."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import printed, spread
from bnbook.lab.style import ARMS


def photographs(x, normalized):
    """Photographs and what several ways to normalize make of them, a column for each way.

    x           (N, 3, H, W)  colours between 0 and 1
    normalized  {title: (N, 3, H, W)}, drawn with 0 as middle gray, -2 as black and 2 as full
    Returns axes (an array, one row per photograph), text.
    """
    columns = {"the batch": x, **{title: _visible(x_hat) for title, x_hat in normalized.items()}}
    figure, axes = plt.subplots(len(x), len(columns), figsize=(1.75 * len(columns), 1.22 * len(x) + 0.6), squeeze=False)
    for column, (title, pictures) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(title, fontsize=9)
        for ax, picture in zip(column, pictures, strict=True):
            _show(ax, picture)
    title = f"{len(x)} photographs, normalized in {len(normalized)} ways"
    figure.suptitle(title)
    rows = [
        {"mean and sd of": " ".join(title.split())}
        | {name: f"{values[:, c].mean():z.2f}, {values[:, c].std():.2f}" for c, name in enumerate(COLOURS)}
        for title, values in {"the batch": x, **normalized}.items()
    ]
    ways = "; ".join(" ".join(name.split()) for name in normalized)
    return axes, f"{title}: {ways}.\n\n{printed(rows)}"


COLOURS = ("red", "green", "blue")


def averaged_axes(x, x_hat, axes):
    """Left, which numbers of a batch of two share a mean; right, what normalizing makes of two photographs.

    x      (2, 3, H, W)  colours between 0 and 1
    x_hat  (2, 3, H, W)  normalized, drawn as in `photographs`
    axes   tuple         the axes averaged over
    Returns axes (an array (2, 4) of drawings), text.
    """
    small = (2, 3, 4, 6)
    kept = [axis for axis in range(4) if axis not in axes]
    index = np.indices(small)
    group = np.ravel_multi_index([index[a] for a in kept], [small[a] for a in kept]) if kept else np.zeros(small, int)
    figure, grid = plt.subplots(2, 4, figsize=(7.6, 2.7), width_ratios=(1, 1, 1, 1.35))
    for n in range(2):
        for c, name in enumerate(COLOURS):
            cells = group[n, c]
            grid[n, c].pcolormesh(cells, vmin=0, vmax=max(group.max(), 1), edgecolors="white", linewidth=0.6)
            grid[n, c].set(xticks=[], yticks=[], aspect="equal", title=name if n == 0 else "")
            grid[n, c].invert_yaxis()
        grid[n, 0].set_ylabel(f"image {n}")
        _show(grid[n, 3], _visible(x_hat)[n])
    means = int(np.prod([x.shape[axis] for axis in kept]))
    each = x.size // means
    title = f"averaged over {_named(axes)}: {_count(means, 'mean')}, each of {_count(each, 'number')}"
    figure.suptitle(f"{title}\nequal colour = one mean (a sketch of 4 x 6 pixels)", fontsize=10)
    left = x_hat.mean((0, 2, 3))
    return grid, f"{title}. Means of red, green, blue afterwards: {', '.join(f'{v:z.2f}' for v in left)}."


def _named(axes):
    return ", ".join("NCHW"[axis] for axis in axes) or "nothing"


def _count(number, word):
    return f"{number:,} {word}{'s' * (number != 1)}"


def _visible(x_hat):
    return np.clip(0.5 + x_hat / 4, 0, 1)


def _show(ax, picture):
    ax.imshow(np.moveaxis(picture, 0, -1))
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def feature_maps(images, before, after):
    """Images, and below each other what every channel of a convolution makes of them before and after normalizing.

    images         (N, H, W)     brightness between 0 and 1
    before, after  (M, C, H, W)  feature maps of a batch; those of its first N images are drawn
    Returns axes (an array (2 * N, C + 1)), text.
    """
    N, C = len(images), before.shape[1]
    figure, axes = plt.subplots(2 * N, C + 1, figsize=(0.9 * (C + 1) + 0.6, 0.84 * 2 * N + 0.7))
    for row in range(2 * N):
        n, maps = row // 2, (before, after)[row % 2]
        # One scale for all channels: whether they are alike is the question.
        limit = np.abs(maps[:N]).max()
        for c in range(C):
            drawn = axes[row, c + 1].imshow(maps[n, c], cmap="PuOr", vmin=-limit, vmax=limit)
        axes[row, 1].set_ylabel(("before", "after")[row % 2])
        figure.colorbar(drawn, ax=axes[row, :], shrink=0.9, aspect=8)
        axes[row, 0].axis("off")
        if row % 2 == 0:
            axes[row, 0].imshow(images[n], cmap="gray_r", vmin=0, vmax=1)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    for c in range(C):
        axes[0, c + 1].set_title(f"channel {c}", fontsize=9)
    first, second = (v.std((0, 2, 3)).max() / v.std((0, 2, 3)).min() for v in (before, after))
    figure.suptitle(
        f"Before, the widest channel is {first:.1f} times as wide as the narrowest; after, {second:.1f} times"
    )
    means = [v.mean((0, 2, 3)) for v in (before, after)]
    text = (
        f"The widest channel has {first:.1f} times the standard deviation of the narrowest before, {second:.1f} times "
        f"after,\nover the batch of {len(before)} images; means {_range(means[0])} before, {_range(means[1])} after."
    )
    return axes, text


def channel_histograms(before, after):
    """A histogram for every channel, before and after normalizing, on one axis each.

    before, after  (N, C, H, W)
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True)
    C = before.shape[1]
    for ax, maps, title in zip(axes, (before, after), ("before", "after"), strict=True):
        low, high = np.percentile(maps, (0.1, 99.9))
        bins = np.linspace(low, high, 60)
        for c in range(C):
            height, _ = np.histogram(maps[:, c], bins, density=True)
            base = C - 1 - c  # channel 0 at the top
            ax.fill_between(bins[:-1], base, base + 0.85 * height / height.max(), step="post", alpha=0.6, linewidth=0)
            mean, sd = maps[:, c].mean(), maps[:, c].std()
            ax.plot([mean - sd, mean + sd], [base, base], color="black", linewidth=1.5)
            ax.plot([mean], [base], "|", color="black", markersize=9, markeredgewidth=2)
        ax.set_title(
            f"{title}: means {_range(maps.mean((0, 2, 3)))}\nstandard deviations {_range(maps.std((0, 2, 3)))}"
        )
        ax.grid(axis="y", visible=False)
    axes[0].set(yticks=range(C), yticklabels=[f"channel {c}" for c in reversed(range(C))], xlabel="units of x")
    axes[1].set_xlabel("standard deviations of the channel")
    title = "One histogram for each channel, before and after normalizing"
    figure.suptitle(title)
    skew = [
        ((v - v.mean((0, 2, 3), keepdims=True)) ** 3).mean((0, 2, 3)) / v.std((0, 2, 3)) ** 3 for v in (before, after)
    ]
    rows = [
        {"": name, "means": _range(v.mean((0, 2, 3))), "standard deviations": _range(v.std((0, 2, 3)))}
        | {"skewness": _range(k)}
        for name, v, k in zip(("before", "after"), (before, after), skew, strict=True)
    ]
    same = "Each keeps its shape; afterwards all have the same mean and width."
    return axes, f"{title}. {same}\n\n{printed(rows)}"


def _range(values):
    return f"{values.min():z.2f} to {values.max():z.2f}"


def sample_size(data):
    """Error of the batch mean against the batch size, and what one image is worth against the sum of the filter.

    data   what experiments.sample_size returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=(3, 2))
    ax = axes[0]
    sizes, errors = np.array(data["sizes"]), np.array(data["errors"])
    color = ARMS["batch"]["color"]
    ax.fill_between(sizes, errors.min(0), errors.max(0), color=color, alpha=0.2, linewidth=0)
    ax.plot(sizes, errors.mean(0), color=color, marker="o", label=f"measured, mean and range of {len(errors)} networks")
    independent = 1 / np.sqrt(sizes * data["pixels"])
    ax.plot(sizes, independent, color="black", linestyle=(0, (4, 1.5)), label="1 / sqrt(N * H * W): independent pixels")
    ax.set_xscale("log", base=2)
    ax.set(yscale="log", xticks=sizes, xticklabels=sizes, xlabel="batch size N (images)")
    ax.set_ylabel("error of the batch mean\n(standard deviations of the channel)")
    ax.legend()
    slope = spread(data["slope"], *data["slope_interval"], digits=3, sign=False)
    ax.set_title(f"The error of a channel's mean falls\nas N to the power {data['slope']:.2f}")
    by_channel, correlation = _worth_by_filter(axes[1], data)
    lowest, highest = min(by_channel), max(by_channel)
    text = (
        f"The error of a channel's mean falls with the batch size. Slope {slope} over {len(errors)} networks; "
        "1 / sqrt(N) would be -0.500.\n"
        f"At a batch of {sizes[0]} the error is {errors.mean(0)[0]:.2f} standard deviations; the mean of {sizes[0]} "
        f"independent numbers would have {sizes[0] ** -0.5:.2f}.\n\n"
        f"One image of {data['pixels']} pixels is worth {min(data['worth']):.0f} to {max(data['worth']):.0f} "
        f"independent ones, depending on the network,\nand {lowest:.0f} to {highest:.0f}, depending on the channel. "
        f"Correlation of log(worth) with the size of the filter's sum: {correlation:.2f}."
    )
    return axes, text


def _worth_by_filter(ax, data):
    """A dot for each channel; returns what each is worth, and the correlation."""
    worth, size = np.array(data["channels"]["worth"]), np.abs(data["channels"]["sum"])
    correlation = np.corrcoef(np.log(worth), size)[0, 1]
    ax.semilogy(size, worth, "o", color=ARMS["batch"]["color"], alpha=0.6, markersize=5)
    ax.axhline(data["pixels"], color="black", linestyle=(0, (4, 1.5)))
    ax.set(xlabel="|sum of the filter's weights|", ylabel="worth of one image\n(independent pixels)")
    ax.set_title(f"Worth more where the weights nearly cancel:\ncorrelation {correlation:.2f}, one dot per channel")
    return worth, correlation


def shared_statistic(data):
    """Statistics per channel against one for all: the spread of the channels at the start, the accuracy in the end.

    data   what experiments.shared_statistic returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.5))
    spreads = list(dict.fromkeys(arm["spread"] for arm in data["arms"]))
    for position, arm in enumerate(data["arms"]):
        style, marker, side = (ARMS["batch"], "o", -0.15) if arm["norm"] == "batch" else (ARMS["shared"], "^", 0.15)
        at = spreads.index(arm["spread"]) + side
        label = NAMES[arm["norm"]] if position < 2 else None
        points = {"color": style["color"], "marker": marker, "linestyle": "none", "alpha": 0.55, "markersize": 5}
        axes[0].plot(at + _sideways(arm["sd"]), arm["sd"], **points, label=label)
        accuracy = 100 * np.array(arm["accuracy"])
        axes[1].plot(at + _sideways(accuracy), accuracy, **points)
        axes[1].plot([at - 0.1, at + 0.1], [accuracy.mean()] * 2, color="black", linewidth=2)
        axes[1].plot([at, at], [100 * end for end in arm["interval"]], color="black", linewidth=1.2)
    ticks = [_filters(each) for each in spreads]
    for ax in axes:
        ax.set(xticks=range(len(spreads)), xticklabels=ticks, xlim=(-0.5, len(spreads) - 0.5))
    axes[0].set(
        yscale="log", ylabel="sd of a channel after the first norm", title="before training, one dot per channel"
    )
    axes[1].set(ylim=(0, 100), ylabel="test accuracy (%)", title="after training, one dot per seed")
    figure.legend(loc="outside lower center", ncols=2)
    losses = [difference["mean"] for difference in data["differences"]]
    title = (
        f"After {data['steps']} steps one statistic for all costs {losses[0]:.1f} points with {ticks[0]}, "
        f"{losses[-1]:.0f} with {ticks[-1]}"
    )
    figure.suptitle(title)
    return axes, f"{title}.\n\n{_shared_text(data)}"


NAMES = {"batch": "one statistic per channel", "shared": ARMS["shared"]["label"]}


def _shared_text(data):
    seeds = len(data["arms"][0]["accuracy"])
    arms = [
        {
            "filters": _filters(arm["spread"]),
            "normalized by": NAMES[arm["norm"]],
            "test accuracy, %": spread(*(100 * end for end in (arm["mean"], *arm["interval"])), sign=False),
            "widest / narrowest at the start": _ratio(arm["sd"]),
        }
        for arm in data["arms"]
    ]
    says = {"more": "one per channel is better", "less": "one for all is better"}
    paired = [
        f"  {_filters(found['spread'])}: {spread(found['mean'], found['low'], found['high'])}, "
        f"{says.get(found['verdict'], found['verdict'])}"
        for found in data["differences"]
    ]
    lines = [f"After {data['steps']} steps: mean over {seeds} seeds [95 % interval].", printed(arms)]
    return "\n".join([*lines, "One per channel minus one for all, paired, in points:", *paired])


def _sideways(values):
    """Small steps to the side, so that dots do not hide each other."""
    return np.linspace(-0.08, 0.08, len(values))


def _filters(scales):
    return "equal filters" if scales == 0 else "unequal filters" if scales == 3 else f"filters of spread {scales:g}"


def _ratio(sd):
    ratio = max(sd) / min(sd)
    return f"{ratio:.1f}" if ratio < 20 else "above 20"
