"""The drawings of notebook 10."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

BLUE, RED, GREY = ARMS["batch"]["color"], "#D55E00", "0.45"
MARKERS = {"none": "o", "layer": "D", "group": "^", "batch": "s", "renorm": "v"}
NETS = {"mlp": "fully connected", "cnn": "convolutional"}


def _percent(values):
    return 100 * float(np.mean(values))


def _with_interval(arm, key="accuracy"):
    low, high = (100 * end for end in arm["interval"])
    return f"{_percent(arm[key]):.1f} % [{low:.1f}, {high:.1f}]"


def _line(ax, x, lowest, mean, highest, norm, **style):
    """One arm with its band, in its colour, line style and marker."""
    look = {**ARMS[norm], "marker": MARKERS[norm], "markersize": 5, **style}
    ax.fill_between(x, lowest, highest, color=look["color"], alpha=0.18, linewidth=0)
    ax.plot(x, mean, **look)


def _sizes_axis(ax, sizes, label):
    ax.set(xscale="log", xlabel=label)
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()


# --- statistics ------------------------------------------------------------------------------------------------------


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
        "  images in the batch        " + "".join(f"{size:6}" for size in data["sizes"]),
        "  explained (%)              " + "".join(f"{100 * share:6.0f}" for share in data["explained"]),
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
        _sizes_axis(ax, data["sizes"], "N, images in the batch")
        ax.set_yscale("log")
        ax.set_yticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
        ax.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    slopes = {kind: layer["slope"] for kind, layer in data["layers"].items()}
    named = ", ".join(f"N^{slope:.2f} {NETS[kind]}" for kind, slope in slopes.items())
    figure.suptitle(f"The error of the batch mean falls as {named}")
    lines = [f"The error of the batch mean falls as {named};", _worth(data["layers"])]
    lines.append(f"  {'images in the batch':38}" + "".join(f"{size:7}" for size in data["sizes"]))
    for kind, layer in data["layers"].items():
        for key, name in (("mean", "mean"), ("mean_theory", "1 / sqrt(m)"), ("var", "variance")):
            values = "".join(f"{value:7.3f}" for value in layer[key])
            lines.append(f"  {NETS[kind] + ', ' + name:38}{values}")
    return axes, "\n".join(lines)


def _worth(layers):
    said = [
        f"{layer['positions']} value{'s' * (layer['positions'] > 1)} of an image are worth {layer['worth']:.0f} "
        f"({NETS[kind]})"
        for kind, layer in layers.items()
    ]
    return "in independent values, " + ", ".join(said).replace("1 value of an image are", "the 1 value of an image is")


# --- accuracy against batch size -------------------------------------------------------------------------------------


def batch_sizes(data):
    """Test accuracy against batch size, one panel per net, one line per normalization.

    data   what experiments.batch_sizes returned
    Returns axes (an array, one per net), text.
    """
    kinds = list(dict.fromkeys(arm["net"] for arm in data["arms"]))
    figure, axes = plt.subplots(1, len(kinds), figsize=(max(6, 4.3 * len(kinds)), 3.9), sharey=True, squeeze=False)
    lines, verdicts = [], []
    for ax, kind in zip(axes[0], kinds, strict=True):
        arms = [arm for arm in data["arms"] if arm["net"] == kind]
        sizes = sorted({arm["batch_size"] for arm in arms})
        for norm in dict.fromkeys(arm["norm"] for arm in arms):
            own = sorted((arm for arm in arms if arm["norm"] == norm), key=lambda arm: arm["batch_size"])
            mean = [_percent(arm["accuracy"]) for arm in own]
            _errors(ax, [arm["batch_size"] for arm in own], own, norm)
            lines.append(f"  {NETS[kind] + ' ' + ARMS[norm]['label']:44}" + "".join(f"{value:7.1f}" for value in mean))
        _sizes_axis(ax, sizes, "images in a batch")
        ax.set_title(f"{NETS[kind]}: {_smallest(arms, sizes[0])}")
        lines.insert(len(lines) - len({arm["norm"] for arm in arms}), f"{'  images in a batch':46}" + _row(sizes))
        verdicts.append(f"{NETS[kind]}, batches of {sizes[0]}: {_against(arms, sizes[0])}")
    axes[0, 0].set_ylabel("test images wrong (%)")
    handles = {label: line for ax in axes[0] for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    figure.suptitle(f"Each arm at its own best rate (mean and 95 % interval of {data['seeds']} seeds)")
    verdicts += [""] * (2 - len(verdicts))
    return axes[0], "\n".join([*verdicts, f"All in %, {data['seeds']} seeds:", *lines])


def _row(values):
    return "".join(f"{value:7}" for value in values)


def _at(arms, size):
    return {arm["norm"]: arm for arm in arms if arm["batch_size"] == size}


def _others(found):
    """The arms that know no companions: neither BatchNorm nor batch renormalization."""
    return {norm: arm for norm, arm in found.items() if norm not in ("batch", "renorm")}


def _errors(ax, sizes, arms, norm):
    """Share of wrong test images of the arms of one norm, with the interval of the mean, on a logarithmic axis."""
    low, high = (100 * (1 - np.array([arm["interval"][end] for arm in arms])) for end in (1, 0))
    mean = [100 - _percent(arm["accuracy"]) for arm in arms]
    _line(ax, sizes, low, mean, high, norm)
    ax.set_yscale("log")
    ax.set_yticks([1, 2, 3, 5, 10, 20, 50], ["1", "2", "3", "5", "10", "20", "50"])
    ax.minorticks_off()


def _smallest(arms, size):
    """What BatchNorm does at the smallest size, for a title."""
    found = _at(arms, size)
    if "batch" not in found:
        return f"batches of {size} and more"
    return f"{_percent(found['batch']['accuracy']):.0f} % right with BatchNorm at {size}"


def _against(arms, size):
    """BatchNorm against the best of the others at one size, with a verdict from the intervals."""
    found = _at(arms, size)
    others = _others(found)
    if "batch" not in found or not others:
        return "no comparison with BatchNorm"
    norm, best = max(others.items(), key=lambda item: np.mean(item[1]["accuracy"]))
    batch = found["batch"]
    worse, better = batch["interval"][1] < best["interval"][0], batch["interval"][0] > best["interval"][1]
    verdict = "worse" if worse else "better" if better else "no clear difference"
    label = ARMS[norm]["label"].removeprefix("with ")
    return f"BatchNorm {_with_interval(batch)}, {label} {_with_interval(best)}: {verdict}"


def ghost_batches(data):
    """Test accuracy against the size of the ghost batches, the gradient always from the same number of images.

    data   what experiments.ghost_batches returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.6))
    arms = {arm["ghost"]: arm for arm in data["arms"] if arm["norm"] == "batch"}
    sizes = sorted(arms)
    mean = [_percent(arms[size]["accuracy"]) for size in sizes]
    _errors(ax, sizes, [arms[size] for size in sizes], "batch")
    none = [arm for arm in data["arms"] if arm["norm"] == "none"]
    for arm in none:
        ax.axhline(100 - _percent(arm["accuracy"]), **{**ARMS["none"], "linewidth": 1.5})
    _sizes_axis(ax, sizes, f"images normalized together (of {data['batch_size']} whose gradient is averaged)")
    ax.set_ylabel("test images wrong (%)")
    ax.legend(loc="upper right")
    worst = arms[sizes[0]]
    ax.set_title(
        f"Gradient of {data['batch_size']} images, statistics of {sizes[0]}: {_percent(worst['accuracy']):.0f} % right "
        f"(statistics of {sizes[-1]}: {mean[-1]:.0f} %)"
    )
    best = max(sizes[:-1], key=lambda size: np.mean(arms[size]["accuracy"]))
    gain = 100 * np.subtract(arms[best]["accuracy"], arms[sizes[-1]]["accuracy"])
    lines = [
        f"Statistics of {sizes[0]}: {_with_interval(worst)}, although the gradient is that of {data['batch_size']};",
        f"best parts: {best}, {gain.mean():+.1f} points against parts of {sizes[-1]}, "
        f"larger for {np.sum(gain > 0)} of {len(gain)} seeds",
        f"  {'images normalized together':28}" + _row(sizes),
        f"  {'test accuracy (%)':28}" + "".join(f"{value:7.1f}" for value in mean),
        f"  {'learning rate':28}" + "".join(f"{arms[size]['lr']:7.3g}" for size in sizes),
    ]
    return ax, "\n".join(lines + [f"  {ARMS['none']['label']}: {_with_interval(arm)}" for arm in none])


# --- which images share a batch --------------------------------------------------------------------------------------


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
        mean = [_percent(arm["accuracy"]) for arm in own]
        _line(ax, [arm["classes"] for arm in own], low, mean, high, norm)
        lines.append(f"  {ARMS[norm]['label']:28}" + "".join(f"{value:7.0f}" for value in mean))
    guessing = 100 * data["guessing"]
    ax.axhline(guessing, color="0.4", linewidth=0.8, linestyle=":")
    ax.text(data["classes"][-1], guessing + 1, "guessing", ha="right", va="bottom", color="0.3")
    ax.set(ylim=(0, 102), xlabel="classes in a training batch", ylabel="test accuracy (%)")
    ax.set_xticks(data["classes"])
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    few = {arm["norm"]: arm for arm in data["arms"] if arm["classes"] == data["classes"][0]}
    said = ", ".join(f"{_percent(few[norm]['accuracy']):.0f} % {ARMS[norm]['label']}" for norm in few)
    number = f"{data['classes'][0]} class{'es' * (data['classes'][0] > 1)}"
    ax.set_title(
        f"{number} in a batch: {_percent(few['batch']['accuracy']):.0f} % with BatchNorm" if "batch" in few else number
    )
    first = [
        f"Trained with {number} in each batch of {data['batch_size']}, {data['seeds']} seeds, test accuracy:",
        said,
    ]
    return ax, "\n".join([*first, f"  {'classes in a batch':28}" + _row(data["classes"]), *lines])


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
            train, test = _percent(arm["in_training_mode"]), _percent(arm["accuracy"])
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
            f"BatchNorm trained by session: {_percent(own['in_training_mode']):.0f} % in training mode, "
            f"{_percent(own['accuracy']):.0f} % in evaluation mode"
        )
        second = f"trained on the same images shuffled: {_percent(found[False]['accuracy']):.0f} % in evaluation mode"
    else:
        second = f"{data['seeds']} seeds"
    figure.suptitle(first)
    return axes, "\n".join([f"{first};", f"{second} ({data['seeds']} seeds)", *lines])


# --- accumulation, fine-tuning ---------------------------------------------------------------------------------------


def accumulation(data):
    """Relative error of the accumulated gradient against the size of the micro-batches.

    data   what experiments.accumulation returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.7))
    lines, floor = [], 1e-17
    for arm in data["arms"]:
        error = np.maximum(np.array(arm["error"]), floor)
        label = f"{ARMS[arm['norm']]['label']}, {arm['net']}"
        face = ARMS[arm["norm"]]["color"] if arm["net"] == "mlp" else "white"
        _line(
            *(ax, data["sizes"], error.min(1), np.exp(np.log(error).mean(1)), error.max(1), arm["norm"]),
            label=label,
            markerfacecolor=face,
        )
        exact = error.max() < 1e-10
        said = "equal to 1e-10" if exact else "".join(f"{value:9.2g}" for value in np.median(error, 1))
        lines.append(f"  {label:32}{said}")
    _sizes_axis(ax, data["sizes"], f"images in a micro-batch (together {data['batch_size']})")
    ax.set(yscale="log", ylabel="relative error of the gradient")
    ax.invert_xaxis()
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    wrong = sorted({arm["norm"] for arm in data["arms"] if np.max(arm["error"]) > 1e-10})
    said = " and ".join(ARMS[norm]["label"] for norm in wrong) or "for none of the nets"
    ax.set_title(f"Accumulating changes the gradient: {said}")
    ghosts = bool(data["from_ghosts"]) and np.max(data["from_ghosts"]) < 1e-6
    first = [f"The accumulated gradient is another one than that of the whole batch: {said};"]
    first.append(f"with BatchNorm it is that of ghost batches (to 1e-6): {ghosts}")
    head = f"  {'images in a micro-batch':32}" + "".join(f"{size:9}" for size in data["sizes"])
    return ax, "\n".join([*first, f"Median relative error over {data['seeds']} seeds:", head, *lines])


def fine_tuning(data):
    """Accuracy on the new and on the old kind of images after fine-tuning, frozen and not.

    data   what experiments.fine_tuning returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    names = {"new": "on the new kind (mirrored)", "old": "on the old kind"}
    looks = ((False, BLUE, "s", "BatchNorm in training mode"), (True, "#009E73", "o", "BatchNorm frozen"))
    for ax, key in zip(axes, names, strict=True):
        for frozen, color, marker, label in looks:
            values = 100 * np.array([arm[key] for arm in data["arms"] if arm["frozen"] == frozen])
            ax.fill_between(data["sizes"], values.min(1), values.max(1), color=color, alpha=0.2, linewidth=0)
            linestyle = (0, (5, 2)) if frozen else "-"
            ax.plot(data["sizes"], values.mean(1), color=color, marker=marker, linestyle=linestyle, label=label)
        ax.axhline(_percent(data["before"][key]), color=GREY, linestyle=":", label="before fine-tuning")
        _sizes_axis(ax, data["sizes"], "images in a batch of the fine-tuning")
        ax.set_title(names[key])
    axes[0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    said = [
        f"{difference['size']}: {100 * difference['mean']:+z.0f} points, {_verdict(difference['interval'])}"
        for difference in data["differences"]
    ]
    figure.suptitle(f"Freezing BatchNorm, batches of {said[0]}" + (f"; of {said[-1]}" if len(said) > 1 else ""))
    lines = [f"Frozen minus not frozen, on the new kind, at its best rate each; {data['seeds']} seeds, batches of"]
    lines.append("; ".join(said))
    before = {key: _percent(data["before"][key]) for key in names}
    lines.append(f"  before fine-tuning: new {before['new']:.0f} %, old {before['old']:.0f} %")
    for arm in data["arms"]:
        state = "frozen" if arm["frozen"] else "in training mode"
        new, old = _percent(arm["new"]), _percent(arm["old"])
        lines.append(f"  batches of {arm['size']:2}, BatchNorm {state:17} new {new:.0f} %, old {old:.0f} %")
    return axes, "\n".join(lines)


def _verdict(interval):
    low, high = interval
    return "better" if low > 0 else "worse" if high < 0 else "no clear difference"
