"""The drawings of notebook 09 of untrained nets: how their gradients grow."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

LINES = {  # of one non-linearity
    "relu": {"label": "ReLU", "color": "#0072B2", "marker": "o"},
    "tanh": {"label": "tanh", "color": "#E69F00", "marker": "s"},
    "identity": {"label": "none (linear)", "color": "#000000", "marker": "D"},
}


def gradient_growth(data, panels=("gain", "batch")):
    """The gradient in each layer for several sizes of the weights; its growth per layer by batch size.

    data    what experiments.gradient_growth returned
    panels  from left to right: 'gain', 'batch'
    Returns axes (an array, one per panel), text.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(2.4 + 3.4 * len(panels), 3.9), squeeze=False)
    large = max(case["batch_size"] for case in data["cases"])
    by_gain = [case for case in data["cases"] if case["activation"] == "relu" and case["batch_size"] == large]
    by_batch = [case for case in data["cases"] if case["norm"] == "batch" and case["gain"] == _usual_gain(data)]
    for ax, panel in zip(axes[0], panels, strict=True):
        _panel_of_gains(ax, by_gain) if panel == "gain" else _panel_of_batches(ax, by_batch, data["predicted"])
    relu = next(case for case in by_gain if case["norm"] == "batch" and case["gain"] == _usual_gain(data))
    total = np.exp(np.log(np.array(relu["size"])[:, 0]).mean())
    if "gain" in panels:
        title = f"with BatchNorm and ReLU the gradient grows {_amount(total)}-fold"
    else:
        relus = sorted((c for c in by_batch if c["activation"] == "relu"), key=lambda case: case["batch_size"])
        few, many = relus[0], relus[-1]
        title = (
            f"ReLU, x {few['mean']:.2f} per layer in batches of {few['batch_size']}, "
            f"x {many['mean']:.2f} of {many['batch_size']}"
        )
    figure.suptitle(f"{data['depth']} untrained layers: {title}")
    lines = [] if "gain" in panels else [f"The growth of the gradient over the batch size: {title}."]
    lines += [
        f"With BatchNorm and ReLU the gradient grows by {_with_interval(relu)} per layer on its way back (prediction "
        f"{data['predicted']['relu']:.3f}),",
        f"to {_amount(total)} times its size through {data['depth']} layers{_by_gain(by_gain)}.",
        "",
        f"Growth per layer, mean [95 % interval] over {data['seeds']} nets:",
    ]
    if "gain" in panels:
        lines += [f"  {_short(case['norm']):13} gain {case['gain']:<7.3g} {_with_interval(case)}" for case in by_gain]
    if "batch" in panels:
        lines += [_of_batch(case) for case in by_batch]
        limits = ", ".join(f"{LINES[name]['label']} {value:.3f}" for name, value in data["predicted"].items())
        lines.append(f"  predicted for large batches: {limits}")
    return axes[0], "\n".join(lines)


def _by_gain(cases):
    """The growths over all sizes of the weights, where there are several."""
    spans = [f"{_span(cases, norm)} {word}" for norm, word in (("batch", "with BatchNorm"), ("none", "without"))]
    return f"; per layer for all gains: {spans[0]}, {spans[1]}" if len(cases) > 1 else ""


def _panel_of_gains(ax, cases):
    for case, marker in zip(cases, "vos^Dx", strict=False):
        style = {**ARMS[case["norm"]], "label": f"{_short(case['norm'])}, gain {case['gain']:.3g}"}
        _layers(ax, case["size"], style | {"marker": marker, "markevery": 5})
    ax.set(yscale="log", ylim=(1e-9, 1e7), xlabel="layer", ylabel="gradient (last layer = 1)")
    ax.set_title(f"BatchNorm: x {_span(cases, 'batch')} per layer, whatever the gain")
    ax.legend(fontsize=8)


def _panel_of_batches(ax, cases, predicted):
    for name, style in LINES.items():
        _growth_by_batch(ax, [case for case in cases if case["activation"] == name], style, predicted)
    sizes = sorted({case["batch_size"] for case in cases})
    b = np.geomspace(max(min(sizes), 4), max(sizes))
    ax.plot(b, _linear(b), color="black", linewidth=1, linestyle="--", label="sqrt((B-2)/(B-3))")
    ax.set(xscale="log", xlabel="images in the batch, B", ylabel="growth of the gradient per layer")
    ax.set_xticks(sizes, sizes)
    ax.set_xticks([], minor=True)
    ax.set_title("smaller batch, faster growth (dotted: prediction, large B)")
    ax.legend(fontsize=8)


def _linear(b):
    """Growth per layer of a linear net with BatchNorm and batches of b images."""
    return np.sqrt((b - 2) / (b - 3))


def _usual_gain(data):
    """The gain at which several batch sizes were tried."""
    gains = [case["gain"] for case in data["cases"] if case["norm"] == "batch"]
    return max(gains, key=gains.count)


def _layers(ax, size, style):
    """Geometric mean over the seeds, in a band from the lowest to the highest."""
    size = np.array(size)
    layer = np.arange(1, size.shape[1] + 1)
    ax.fill_between(layer, size.min(0), size.max(0), color=style["color"], alpha=0.25, linewidth=0)
    ax.plot(layer, np.exp(np.log(size).mean(0)), linewidth=1.5, markersize=4.5, **style)


def _growth_by_batch(ax, cases, style, predicted):
    if not cases:
        return
    cases = sorted(cases, key=lambda case: case["batch_size"])
    mean = np.array([case["mean"] for case in cases])
    low, high = np.array([case["interval"] for case in cases]).T
    ax.errorbar(
        *([case["batch_size"] for case in cases], mean, [mean - low, high - mean]),
        linestyle="none",
        capsize=3,
        markersize=5,
        **style,
    )
    ax.axhline(predicted[cases[0]["activation"]], color=style["color"], linewidth=1, linestyle=":")


def _of_batch(case):
    b, name = case["batch_size"], case["activation"]
    formula = f", sqrt((B-2)/(B-3)) = {_linear(b):.3f}" if name == "identity" and b > 3 else ""
    return f"  {LINES[name]['label']:13} B = {b:<8} {_with_interval(case)}{formula}"


def _span(cases, norm):
    means = [case["mean"] for case in cases if case["norm"] == norm]
    low, high = f"{min(means, default=np.nan):.2f}", f"{max(means, default=np.nan):.2f}"
    return low if low == high else f"{low} to {high}"


def _with_interval(case):
    low, high = case["interval"]
    return f"{case['mean']:.3f} [{low:.3f}, {high:.3f}]"


def _short(norm):
    return {"none": "no norm", "batch": "BatchNorm"}.get(norm, norm)


def _amount(value):
    """A size in two digits."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def skip_connections(data):
    """Left how much a block adds to its input, right the gradient behind each layer or block.

    data   what experiments.skip_connections returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.9))
    arms = {arm["name"]: arm for arm in data["arms"]}
    block = np.arange(1, data["depth"] + 1)
    for name, marker in zip(arms, "vsoD", strict=False):
        norm = "batch" if name == "plain" else name
        style = ARMS[norm] | {"label": in_words(name), "marker": marker, "markevery": 4}
        if name == "plain":
            style |= {"linestyle": (0, (1, 1)), "markerfacecolor": "none"}
        _layers(axes[1], arms[name]["size"], style)
        if np.min(arms[name].get("share", 0)) > 0:
            _layers(axes[0], arms[name]["share"], style)
    axes[0].plot(block, 1 / block, color="0.3", linewidth=1, linestyle="--", label="1 / block")
    axes[0].set(xscale="log", yscale="log", xlabel="block", ylabel="variance of the branch / of its input")
    axes[0].set_title(f"BatchNorm: block {data['depth']} adds {_share(arms['batch'], -1):.3f} of what it gets")
    axes[1].set(yscale="log", xlabel="layer or block", ylabel="gradient (last = 1)")
    axes[1].set_title("on the way back, from right to left")
    axes[0].legend(fontsize=8)
    axes[1].legend(fontsize=8)
    total = {name: np.exp(np.log(arm["growth"]).mean()) for name, arm in arms.items()}
    plain, repaired = _amount(total["plain"]), _amount(total["batch"])
    figure.suptitle(
        f"{data['depth']} untrained layers: the gradient grows {plain}-fold, in as many blocks {repaired}-fold"
    )
    lines = [
        f"Through {data['depth']} layers with BatchNorm the gradient grows {plain}-fold, with skip connections "
        f"{repaired}-fold:",
        f"block l adds about 1/l of what it gets (block 10: {_share(arms['batch'], 9):.3f}, block {data['depth']}: "
        f"{_share(arms['batch'], -1):.3f}), so deep blocks change little.",
        "",
        f"Mean over {data['seeds']} nets: growth of the gradient; share that block 1, 10 and {data['depth']} add",
    ]
    for name, arm in arms.items():
        shares = ", ".join(f"{_share(arm, at):.3f}" for at in (0, 9, -1)) if "share" in arm else "-"
        lines.append(f"  {in_words(name):40} x {_amount(total[name]):8} {shares}")
    return axes, "\n".join(lines)


def _share(arm, at):
    return np.mean(arm["share"], axis=0)[at]


def in_words(name):
    """An arm of `skip_connections` or `trainability` in words."""
    kind, norm = name.split(", ") if ", " in name else ("plain", "batch") if name == "plain" else ("residual", name)
    return f"{kind}, {ARMS[norm]['label']}"
