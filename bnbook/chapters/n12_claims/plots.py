"""The drawings of notebook 12."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from bnbook.lab.style import ARMS

VERDICTS = {
    "true": ("#0072B2", "o"),
    "false": ("#D55E00", "X"),
    "not settled here": ("#777777", "s"),
    "depends": ("#009E73", "D"),
}
CONTROLS = {
    "batch": "BatchNorm",
    "whole_set": "BatchNorm, statistics of all training images",
    "ghost": "BatchNorm, ghost batches of 8",
    "start": "standardized once, at the start",
    "dropout": "dropout 0.5",
    "decay": "weight decay 0.01",
    "batch_dropout": "BatchNorm and dropout",
    "batch_decay": "BatchNorm and weight decay",
}
ADD_SD = {"label": "mean subtracted, sd added", "color": "#D55E00", "linestyle": (0, (5, 1, 1, 1, 1, 1))}


def generalization(data):
    """Test accuracy minus that of the net without normalization, arm by arm, for each number of training images.

    data   what experiments.generalization returned
    Returns axes (an array, one per number of images), text.
    """
    sizes = data["sizes"]
    figure, axes = plt.subplots(1, len(sizes), figsize=(10, 3.6), sharey=True, squeeze=False)
    names = [name for name in CONTROLS if name in sizes[0]["arms"]]
    lines = []
    for ax, size in zip(axes[0], sizes, strict=True):
        for y, name in enumerate(names):
            if name in size["differences"]:
                _dot(ax, size["differences"][name], y, *_sign(size["differences"][name]["interval"]))
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set(yticks=range(len(names)), yticklabels=[CONTROLS[name] for name in names], ylim=(len(names) - 0.5, -0.5))
        none = 100 * np.mean(size["arms"]["none"]["test"])
        ax.set(xlabel="points against no norm", title=f"{size['images']} training images\nnone: {none:.1f} %")
        rates = " and ".join(f"{size['arms'][name]['rate']:g}" for name in ("none", "batch"))
        lines.append(f"{size['images']} training images, none {none:.1f} % (best rates: none and BatchNorm {rates}):")
        lines += [
            f"  {CONTROLS[name]}: {_of(size['differences'][name])}" for name in names if name in size["differences"]
        ]
        if "whole_set - batch" in size["differences"]:
            lines.append(f"  all images' statistics minus the batch's: {_of(size['differences']['whole_set - batch'])}")
        lines += [f"  at equal training loss {row['loss']:g}: {_matched(row)}" for row in size["matched"]]
    gains = [size["differences"]["batch"]["mean"] for size in sizes]
    title = f"BatchNorm minus none: {', '.join(f'{gain:+.1f}' for gain in gains)} points of test accuracy"
    figure.suptitle(title)
    first = f"{title} for {', '.join(str(size['images']) for size in sizes)} training images."
    second = f"Each arm at its own best rate, {data['seeds']} seeds, paired [95 % interval]."
    return axes[0], "\n".join([first, second, *lines])


def _matched(row):
    if row["difference"] is None:
        return "not reached by both"
    return f"BatchNorm minus none {_of(row['difference'])} ({row['reached']} seeds)"


def _of(difference, digits=1):
    low, high = difference["interval"]
    return f"{difference['mean']:+z.{digits}f} [{low:+z.{digits}f}, {high:+z.{digits}f}]"


def _sign(interval):
    return VERDICTS["true" if interval[0] > 0 else "false" if interval[1] < 0 else "not settled here"]


def _dot(ax, difference, y, color, marker):
    ax.plot(difference["interval"], [y, y], color=color, linewidth=2, solid_capstyle="butt")
    ax.plot(difference["mean"], y, marker, color=color, markersize=7)


def random_labels(data):
    """How fast labels that mean nothing are learned by heart.

    data   what experiments.random_labels returned
    Returns ax, text.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    lines = []
    for norm, arm in data["arms"].items():
        style = ARMS[norm]
        ax.plot(arm["step"], 100 * np.array(arm["train_accuracy"]), **style)
        ax.axvspan(*arm["interval"], color=style["color"], alpha=0.2, linewidth=0)
        low, high = arm["interval"]
        lines.append(
            f"  {style['label']}: {arm['mean']:.0f} steps [{low:.0f}, {high:.0f}], "
            f"reached in {arm['reached']} of {data['seeds']} runs (rate {arm['rate']:g})"
        )
    low, high = data["ratio_interval"]
    title = f"Without BatchNorm it takes {data['ratio']:.1f} times the steps to learn {data['images']} random labels"
    ax.set(
        xlabel="training step (shaded: 99 % reached, 95 % interval)", ylabel="training labels known (%)", title=title
    )
    ax.legend(loc="lower right")
    first = f"{title} [{low:.1f}, {high:.1f}]."
    return ax, "\n".join(
        [first, f"Steps until 99 % are known, each arm at its fastest rate, {data['seeds']} seeds:", *lines]
    )


def dimensions(data):
    """How many dimensions the features have before and after BatchNorm, and how many are left in depth.

    data   what experiments.dimensions returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    layers = data["layers"]
    for i, layer in enumerate(layers):
        for kind, color, marker in (("rank", "#555555", "_"), ("effective", ARMS["batch"]["color"], "o")):
            for where, at in (("before", i - 0.15), ("after", i + 0.15)):
                values = layer[f"{kind}_{where}"]
                style = {
                    "color": color,
                    "marker": marker,
                    "linestyle": "none",
                    "fillstyle": "full" if where == "after" else "none",
                }
                axes[0].plot(
                    at + np.linspace(-0.06, 0.06, len(values)), values, markersize=14 if marker == "_" else 5, **style
                )
    axes[0].set(xticks=range(len(layers)), xticklabels=[f"norm {i + 1}\nbefore | after" for i in range(len(layers))])
    axes[0].set(ylabel="dimensions", ylim=(0, None), title="bar: rank, dot: effective rank, one per net")
    for norm, values in data["deep"].items():
        values = np.array(values)
        axes[1].fill_between(
            data["depths"], values.min(0), values.max(0), color=ARMS[norm]["color"], alpha=0.2, linewidth=0
        )
        axes[1].plot(data["depths"], values.mean(0), marker="o", markersize=4, **ARMS[norm])
    axes[1].set(xlabel="layers of an untrained net", ylabel="effective rank", ylim=(0, None), xticks=data["depths"])
    axes[1].set_title("mean and range over nets")
    axes[1].legend()
    kept = all(layer["rank_before"] == layer["rank_after"] for layer in layers)
    apart = min(values[-1] for values in data["deep"]["batch"]) > max(values[-1] for values in data["deep"]["none"])
    title = f"BatchNorm {'keeps' if kept else 'changes'} the rank{', and keeps deep features apart' if apart else ''}"
    figure.suptitle(title)
    effective = [
        f"{np.mean(layer['effective_before']):.1f} -> {np.mean(layer['effective_after']):.1f}" for layer in layers
    ]
    deepest = ", ".join(f"{norm} {np.mean(values, 0)[-1]:.1f}" for norm, values in data["deep"].items())
    reference = [f"{np.mean(layer['reference']):.3f}" for layer in layers]
    ks = [f"{np.mean(layer['normality']):.2f}" for layer in layers]
    return axes, "\n".join(
        [
            f"Rank before and after each norm the same: {kept}; effective rank {', '.join(effective)}.",
            f"After {data['depths'][-1]} random layers: {deepest}.",
            f"Largest change of the size of a correlation below 1e-9: {_largest(layers, 'largest_change') < 1e-9}; "
            f"input rebuilt to 1e-9 sd: {_largest(layers, 'rebuilt') < 1e-9}.",
            f"Control, projection on 3 axes: rank {data['pca']['rank']}, rebuilt to {data['pca']['rebuilt']:.1f} sd.",
            f"Distance from a normal distribution (KS) in each norm: {', '.join(ks)};",
            f"of as many normal numbers: {', '.join(reference)}.",
        ]
    )


def _largest(layers, key):
    return max(max(layer[key]) for layer in layers)


def robustness(data):
    """Accuracy on spoilt test images of nets trained on clean ones.

    data   what experiments.robustness returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.7), sharey=True, width_ratios=(1, 1.5))
    noises = [name for name in data["arms"]["batch"]["accuracy"] if name.startswith("noise")]
    others = [name for name in data["arms"]["batch"]["accuracy"] if name not in noises and name != "clean"]
    for i, (arm, found) in enumerate(data["arms"].items()):
        style = OWN if arm == "batch_own" else ARMS[arm]
        means = {name: 100 * np.mean(values) for name, values in found["accuracy"].items()}
        sds = [0.0, *(float(name.split()[1]) for name in noises)]
        axes[0].plot(sds, [means["clean"], *(means[name] for name in noises)], marker=MARKERS[i], markersize=5, **style)
        for x, name in enumerate(others):
            if name in means:
                axes[1].plot(x + (i - 2.5) / 8, means[name], MARKERS[i], color=style["color"], markersize=7)
    axes[0].set(
        xlabel="sd of the noise (black to white: 1)", ylabel="test accuracy (%)", title="normal noise on the pixels"
    )
    axes[1].set(
        xticks=range(len(others)),
        xticklabels=[name.replace(" ", "\n") for name in others],
        title="other ways to spoil an image",
    )
    axes[1].grid(axis="x", visible=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    hardest, norms = noises[-1], [norm for norm in data["arms"] if norm not in ("batch", "batch_own")]
    ahead = [norm for norm in norms if data["differences"][hardest][norm]["interval"][0] > 0]
    behind = [norm for norm in norms if data["differences"][hardest][norm]["interval"][1] < 0]
    title = f"At {hardest} BatchNorm beats {_and(ahead)} and loses to {_and(behind)}"
    figure.suptitle(title)
    names = ["clean", *noises, *others]
    width = max(len(name) for name in names)
    head = f"  {'':{width}} {'batch':>7}" + "".join(f" {norm:>22}" for norm in norms)
    rows = [
        f"  {name:{width}} {100 * np.mean(data['arms']['batch']['accuracy'][name]):6.1f}%"
        + "".join(f" {_of(data['differences'][name][norm]):>22}" for norm in norms)
        for name in names
    ]
    own = [
        f"{name} {100 * np.mean(values):.1f} %"
        for name, values in data["arms"]["batch_own"]["accuracy"].items()
        if name in ("clean", "contrast", "dark", hardest)
    ]
    return axes, "\n".join(
        [
            f"{title}.",
            f"BatchNorm in %, then BatchNorm minus the other in points, {data['seeds']} seeds, paired [95 % interval]:",
            *(head, *rows, f"BatchNorm with the statistics of the spoilt images themselves: {', '.join(own)}."),
        ]
    )


OWN = {"label": "BatchNorm, statistics of the test images", "color": "#56B4E9", "linestyle": (0, (1, 1))}
MARKERS = "os^vDPX"


def _and(names):
    return ", ".join("no norm" if name == "none" else f"{name} norm" for name in names) or "none of the four"


def adding(data):
    """Adding the standard deviation in place of dividing by it: accuracy over learning rates, and the output's spread.

    data   what experiments.adding returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    styles = {**{norm: ARMS[norm] for norm in ("none", "batch")}, "add_sd": ADD_SD}
    for (norm, arm), marker in zip(data["arms"].items(), "^os", strict=True):
        axes[0].plot(arm["rates"], 100 * np.array(arm["val"]), marker=marker, markersize=5, **styles[norm])
    axes[0].set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="validation accuracy (%)")
    axes[0].set_title(f"{data['depth']} hidden layers, mean of {data['seeds']} seeds")
    axes[0].legend(loc="lower left")
    factors = [float(factor) for factor in data["scales"]]
    for norm, marker in (("batch", "o"), ("add_sd", "s")):
        spread = [made[norm][1] for made in data["scales"].values()]
        axes[1].plot(factors, spread, marker=marker, markersize=5, **styles[norm])
    axes[1].set(
        xscale="log",
        yscale="log",
        xlabel="input multiplied by",
        ylabel="sd of the output",
        title="sd 1 whatever the input, or the input's",
    )
    largest = {norm: max(usable, default=None) for norm, usable in data["usable"].items()}
    title = f"Adding the sd in place of dividing: {_of(data['difference'])} points"
    figure.suptitle(title)
    rates = ", ".join(
        f"{styles[norm]['label']} {rate:g}" if rate else f"{styles[norm]['label']} none"
        for norm, rate in largest.items()
    )
    lines = [
        f"  {styles[norm]['label']}: {100 * np.mean(arm['test']):.1f} % at rate {arm['rate']:g}"
        for norm, arm in data["arms"].items()
    ]
    return axes, "\n".join(
        [f"{title} of test accuracy, each at its own best rate.", f"Largest usable rate: {rates}.", *lines]
    )


def folklore(data):
    """Sayings about BatchNorm: what each costs or gains in test accuracy.

    data   what experiments.folklore returned
    Returns ax, text.
    """
    rows = [("behind the ReLU minus before it", data["place"]["difference"])]
    rows += [(f"BatchNorm minus none, {_NETS[net]}", kind["difference"]) for net, kind in data["kinds"].items()]
    for net, sizes in data["batches"].items():
        rows += [
            (f"BatchNorm minus none, {_NETS[net]}, batches of {size}", found["difference"])
            for size, found in sizes.items()
        ]
    rows += [
        (f"BatchNorm, gain {gain} minus He's", difference) for gain, difference in data["starts"]["own_rate"].items()
    ]
    rows += [
        (f"with minus without biases, norm {where} the ReLU", b["difference"]) for where, b in data["bias"].items()
    ]
    figure, ax = plt.subplots(figsize=(8.5, 4))
    for y, (_, difference) in enumerate(rows):
        _dot(ax, difference, y, *_sign(difference["interval"]))
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set(yticks=range(len(rows)), yticklabels=[name for name, _ in rows], ylim=(len(rows) - 0.5, -0.5))
    ax.set_xscale("symlog", linthresh=2, linscale=1.5)
    ax.set(xlabel="test accuracy (points; beyond 2 the scale is logarithmic)")
    ticks = [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20]
    ax.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
    worst = min(rows, key=lambda row: row[1]["mean"])
    title = f"The largest loss: {worst[1]['mean']:+.0f} points ({worst[0]})"
    figure.suptitle(title)
    lines = [f"  {name}: {_of(difference)}" for name, difference in rows]
    for gain, arm in data["starts"]["arms"]["batch"].items():
        none = data["starts"]["arms"]["none"][gain]
        reached = [f"{100 * np.mean(one['test']):.1f} % at rate {one['rate']:g}" for one in (arm, none)]
        lines.append(f"  gain {gain}: BatchNorm {reached[0]}, none {reached[1]}")
    for net, sizes in data["batches"].items():
        both = [f"{100 * np.mean(sizes['2'][norm]['test']):.1f} %" for norm in ("batch", "none")]
        lines.append(f"  batches of 2, {_NETS[net]}: BatchNorm {both[0]}, none {both[1]}")
    return ax, "\n".join(
        [f"{title}.", f"Test accuracy in points, {data['seeds']} seeds, paired [95 % interval]:", *lines]
    )


_NETS = {"mlp": "fully connected", "cnn": "convolutional"}


def claims(data):
    """All that was measured in points of accuracy, claim by claim; the text is the table of verdicts.

    data   what experiments.claims returned
    Returns ax, text.
    """
    rows = [(row, found) for row in data["rows"] if row["unit"] == "points" for found in row["measured"]]
    figure, ax = plt.subplots(figsize=(9, 0.24 * len(rows) + 1.4))
    for y, (_, found) in enumerate(rows):
        color, marker = VERDICTS[found["verdict"]]
        _dot(ax, {"mean": found["mean"], "interval": [found["low"], found["high"]]}, y, color, marker)
        ax.plot(found["margin"], y, "|", color="black", markersize=9)
    names = [f"{row['claim']}: {found['what']}" for row, found in rows]
    ax.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -0.5))
    ax.tick_params(axis="y", labelsize=8)
    ax.set_xscale("symlog", linthresh=2, linscale=1.5)
    ticks = [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20, 50]
    ax.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
    ax.set(xlabel="points of accuracy in favour of the claim; black: the margin")
    counts = {verdict: sum(row["verdict"] == verdict for row in data["rows"]) for verdict in VERDICTS}
    title = f"Of {len(data['rows'])} claims: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}"
    ax.set_title(title)
    handles = [Line2D([], [], color=c, marker=m, label=v) for v, (c, m) in list(VERDICTS.items())[:3]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    kept = [row["claim"] for row in data["rows"] if row["verdict"] == "true"]
    lines = [f"{title}.", f"True without conditions: BatchNorm {'; '.join(kept) or '(none of them)'}."]
    lines.append(f"Effects in favour of the claim, mean [95 % interval over {data['seeds']} seeds]:")
    for row in data["rows"]:
        lines += [f"{row['verdict'].upper()}: BatchNorm {row['claim']}", f"    true if {row['sharpened']}"]
        lines += [f"    {found['what']}: {_effect(found, row['unit'])}" for found in row["measured"]]
        lines.append(f"    source: {row['source']}")
    return ax, "\n".join(lines)


def _effect(found, unit):
    """A measured line in digits that do not depend on the machine."""
    if max(abs(found[key]) for key in ("mean", "low", "high")) < 1e-6:
        return f"0 {unit} (below a millionth)"
    return f"{found['mean']:+z.2g} [{found['low']:+z.2g}, {found['high']:+z.2g}] {unit}"
