"""The drawings of notebook 08 over learning rates; those on scale invariance are in `scale`."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

# The arms of this chapter that the others do not have.
MORE = {
    "momentum": {**ARMS["none"], "label": "momentum 0.9"},
    "batch_momentum": {**ARMS["batch"], "label": "BatchNorm, momentum 0.9"},
    "sphere": {"label": "BatchNorm, length kept", "color": "#000000", "linestyle": (0, (3, 1, 1, 1))},
}
STYLES = {**ARMS, **MORE}
INITS = {"he": "He", "torch": "default"}


def learning_rates(data, arms=("none", "batch", "start")):
    """Test accuracy over the learning rate, one panel for each depth and initialization.

    data  what experiments.learning_rates returned
    arms  the curves to draw, of those there are
    Returns axes (an array), text with all arms.
    """
    cases = _cases(data)
    rows = 1 if len(cases) < 3 else 2
    columns = -(-len(cases) // rows)
    size = (max(3.7 * columns, 6.5), 1.2 + 2.1 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for ax, (depth, init) in zip(axes.flat, cases, strict=False):
        for arm in _of(data, depth, init):
            if arm["arm"] in arms:
                _band(ax, arm["lr"], 100 * np.array(arm["accuracy"]), STYLES[arm["arm"]])
        ax.axhline(90 * data["best"], color="0.3", linewidth=0.9, linestyle=":")
        ax.set(xscale="log", ylim=(0, 102), title=f"{depth} layers, {INITS[init]} init")
        ax.set(xticks=[10**k for k in range(-3, 2) if min(data["rates"]) <= 10**k <= max(data["rates"])])
        ax.minorticks_off()
    for ax in axes[-1]:
        ax.set_xlabel("learning rate")
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy (%)")
    axes[0, 0].text(data["rates"][0], 90 * data["best"] + 1, "good", fontsize=8, color="0.3")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    verdict = _band_verdict(data)
    figure.suptitle(verdict[0].split(":")[0])
    return axes.ravel()[: len(cases)], "\n".join([*verdict, *_table(data)])


def _cases(data):
    return list(dict.fromkeys((arm["depth"], arm["init"]) for arm in data["arms"]))


def _of(data, depth, init):
    return [arm for arm in data["arms"] if (arm["depth"], arm["init"]) == (depth, init)]


def _band(ax, x, values, style):
    """Mean over seeds (the last axis) in a band from worst to best."""
    ax.fill_between(x, values.min(1), values.max(1), color=style["color"], alpha=0.25, linewidth=0)
    ax.plot(x, values.mean(1), **style)


def _band_verdict(data):
    """Two lines: the widths of the band without and with BatchNorm, and what the largest rates say."""
    widths, ratios, wider = [], [], 0
    for depth, init in _cases(data):
        found = {arm["arm"]: arm for arm in _of(data, depth, init)}
        if {"none", "batch"} <= found.keys():
            none, batch = (found[name]["band"] for name in ("none", "batch"))
            case = f"({depth} layers, {INITS[init]})"
            widths.append(f"{none['mean']:.1f} to {batch['mean']:.1f} decades {case}")
            dead = found["none"]["largest"]["mean"] is None
            ratios.append(f"{'no number, as some plain nets never train' if dead else _ratio(found['batch'])} {case}")
            wider += batch["interval"][0] > none["interval"][1]
    if not widths:
        return [f"Good learning rates of {len(data['arms'])} arms", "There is no pair with and without BatchNorm."]
    return [
        f"BatchNorm widens the band of good rates in {wider} of {len(widths)} cases: {', '.join(widths)}",
        f"Its largest working rate is higher by a factor of {', '.join(ratios)}.",
    ]


def _ratio(arm):
    largest = arm["largest"]
    if largest["ratio"] is None:
        return "?"
    low, high = largest["interval"]
    return f"{_short(largest['ratio'])} [{_short(low)}, {_short(high)}]"


def _short(value):
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _table(data):
    lines = [
        f"Good: accuracy of {90 * data['best']:.0f} % or more; {data['seeds']} seeds, [95 % interval].",
        "x: paired ratio to the net without normalization (BatchNorm with momentum: to momentum).",
    ]
    for depth, init in _cases(data):
        lines.append(
            f"{f'{depth} layers, {INITS[init]} init':34}best accuracy at   band (decades)      largest rate that works"
        )
        for arm in _of(data, depth, init):
            low, high = arm["band"]["interval"]
            mean = arm["largest"]["mean"]
            top = f"{mean:.2g}" if mean else "none" if not any(arm["largest"]["seeds"]) else "none for some seeds"
            if arm["largest"]["ratio"] is not None:
                top += f", x {_ratio(arm)}"
            means = np.mean(arm["accuracy"], 1)
            best = f"{100 * means.max():.1f} % at {arm['lr'][means.argmax()]:.2g}"
            open_end = "" if arm["band"]["enclosed"] else " or more"
            width = f"{arm['band']['mean']:.2f} [{low:.2f}, {high:.2f}]{open_end}"
            lines.append(f"  {STYLES[arm['arm']]['label']:32}{best:19}{width:20}{top}")
    return lines


def band_widths(data):
    """The width of the band of every arm, one panel for each depth and initialization.

    data  what experiments.learning_rates returned
    Returns axes (an array), text.
    """
    cases = _cases(data)
    names = list(dict.fromkeys(arm["arm"] for arm in data["arms"]))[::-1]
    figure, axes = plt.subplots(
        1, len(cases), figsize=(max(2.1 * len(cases) + 2, 6.5), 3.2), sharey=True, squeeze=False
    )
    for ax, (depth, init) in zip(axes[0], cases, strict=True):
        for arm in _of(data, depth, init):
            y, mean, style = names.index(arm["arm"]), arm["band"]["mean"], STYLES[arm["arm"]]
            ax.plot(arm["band"]["interval"], [y, y], color=style["color"], linewidth=5, alpha=0.5)
            ax.plot(mean, y, "o", color=style["color"])
            ax.annotate(f"{mean:.1f}", (mean, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
        ax.set(xlabel="band (decades)", title=f"{depth} layers, {INITS[init]} init", xlim=(-0.3, 3.9), xticks=range(4))
        ax.set(ylim=(-0.5, len(names) - 0.3))
    axes[0, 0].set_yticks(range(len(names)), [STYLES[name]["label"] for name in names])
    widest = {case: max(_of(data, *case), key=lambda arm: arm["band"]["mean"]) for case in cases}
    share = sum("batch" in arm["arm"] for arm in widest.values())
    title = f"The widest band is one with BatchNorm in {share} of {len(cases)} cases"
    figure.suptitle(f"{title} (mean and 95 % interval of {data['seeds']} seeds)")
    return axes[0], "\n".join([f"{title}.", *_table(data)])


def rate_heat_map(data, depth, init, arms=("none", "batch")):
    """Accuracy of every single run: one row per seed, one column per learning rate.

    data         what experiments.learning_rates returned
    depth, init  which of its cases
    arms         one panel each
    Returns axes (an array, one per arm), text.
    """
    found = {arm["arm"]: arm for arm in _of(data, depth, init)}
    figure, axes = plt.subplots(len(arms), 1, figsize=(6.8, 1.1 + 1.15 * len(arms)), sharex=True, squeeze=False)
    axes, lines = axes[:, 0], []
    for ax, name in zip(axes, arms, strict=True):
        accuracy = 100 * np.array(found[name]["accuracy"]).T
        picture = ax.imshow(accuracy, vmin=0, vmax=100, aspect="auto", cmap="cividis", interpolation="nearest")
        good = (accuracy >= 90 * data["best"]).sum(0)
        columns = [lr for lr, count in zip(found[name]["lr"], good, strict=True) if count == len(accuracy)]
        mixed = [lr for lr, count in zip(found[name]["lr"], good, strict=True) if 0 < count < len(accuracy)]
        span = f"from {_short(columns[0])} to {_short(columns[-1])}" if columns else "at no rate"
        says = f"{STYLES[name]['label']}: good for all {len(accuracy)} seeds {span}; seeds differ at {len(mixed)} rates"
        lines.append(says)
        ax.set(title=says, ylabel="seed", yticks=[0, len(accuracy) - 1])
        ax.grid(False)
    lr = np.array(found[arms[0]]["lr"])
    ticks = [i for i, rate in enumerate(lr) if abs(np.log10(rate) - round(np.log10(rate))) < 1e-3]
    axes[-1].set_xticks(ticks, [f"{lr[i]:g}" for i in ticks])
    axes[-1].set_xlabel("learning rate")
    figure.colorbar(picture, ax=list(axes), label="test accuracy (%)")
    figure.suptitle(f"{depth} layers, {INITS[init]} init: every run")
    return axes, "\n".join([f"{depth} layers, {INITS[init]} init; good is {90 * data['best']:.0f} % or more", *lines])


def matched_rates(data):
    """Accuracy over steps for two nets at the same learning rate, one panel for each rate.

    data  what experiments.matched_rates returned
    Returns axes (an array, one per rate), text.
    """
    rates = list(dict.fromkeys(arm["lr"] for arm in data["arms"]))
    size = (max(2.0 * len(rates) + 0.8, 4.5), 3.1)
    figure, axes = plt.subplots(1, len(rates), figsize=size, sharey=True, squeeze=False)
    verdicts, lines = {}, []
    for ax, lr in zip(axes[0], rates, strict=True):
        arms = {arm["arm"]: arm for arm in data["arms"] if arm["lr"] == lr}
        for name, arm in arms.items():
            style = STYLES[name]
            lowest, mean, highest = (100 * np.array(arm[key]) for key in ("lowest", "accuracy", "highest"))
            ax.fill_between(arm["step"], lowest, highest, color=style["color"], alpha=0.25, linewidth=0)
            ax.plot(arm["step"], mean, **style)
        verdicts[lr] = _faster(arms)
        ax.set(
            title=f"rate {lr:g}:\n{verdicts[lr]}",
            xlabel="step",
            ylim=(0, 102),
            xscale="log",
            xlim=(10, arm["step"][-1]),
        )
        lines.append(f"  {lr:<6g} {', '.join(_reached(name, arm) for name, arm in arms.items())}; {_final(arms)}")
    axes[0, 0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    slower = [f"{lr:g}" for lr, verdict in verdicts.items() if verdict == "BatchNorm slower"]
    faster = [f"{lr:g}" for lr, verdict in verdicts.items() if verdict == "BatchNorm faster"]
    title = f"BatchNorm is slower at {_list(slower)} and faster at {_list(faster)}"
    figure.suptitle(title)
    heading = f"Rate: median steps to {100 * data['goal']:.0f} %; test accuracy after {data['steps']} steps, "
    heading += "BatchNorm minus none, points [95 % interval]"
    return axes[0], "\n".join([f"At the same learning rate {title}.", heading, *lines])


def _list(values):
    return ", ".join(values) if values else "no rate"


def _median(arm):
    reached = [np.inf if step is None else step for step in arm["reached"]]
    return float(np.median(reached))


def _faster(arms):
    none, batch = (_median(arms[name]) for name in ("none", "batch"))
    pairs = [
        (np.inf if n is None else n, np.inf if b is None else b)
        for n, b in zip(arms["none"]["reached"], arms["batch"]["reached"], strict=True)
    ]
    if all(b > n for n, b in pairs):
        return "BatchNorm slower"
    if all(b < n for n, b in pairs):
        return "BatchNorm faster"
    return "no clear difference" if none == none and batch == batch else "neither"


def _reached(name, arm):
    median = _median(arm)
    return f"{'none' if name == 'none' else 'BatchNorm'} {'never' if np.isinf(median) else f'{median:.0f}'}"


def _final(arms):
    if any(arm["failed"] for arm in arms.values()):
        return "some runs fail"
    found = arms["batch"].get("difference")
    if found is None:
        return "accuracy not compared"
    low, high = (100 * end for end in found["interval"])
    return f"{100 * found['mean']:+z.1f} [{low:+z.1f}, {high:+z.1f}]"


def extreme_rates(data):
    """Test accuracy over the learning rate of the hidden weights alone.

    data  what experiments.extreme_rates returned
    Returns ax, text.
    """
    figure, ax = plt.subplots(figsize=(7.2, 3.9))
    arms = {arm["arm"]: arm for arm in data["arms"]}
    for name in ("none", "batch", "sphere"):
        _band(ax, data["rates"], 100 * np.array(arms[name]["accuracy"]), STYLES[name])
    frozen = 100 * np.mean(arms["frozen"]["accuracy"])
    ax.axhline(frozen, color="0.3", linewidth=0.9, linestyle=":")
    ax.text(data["rates"][-1], frozen - 1.5, "hidden weights frozen", ha="right", va="top", fontsize=8, color="0.3")
    ax.set(xscale="log", ylim=(0, 102), xlabel="learning rate of the hidden weights", ylabel="test accuracy (%)")
    widths = {name: arms[name]["band"] for name in ("none", "batch", "sphere")}
    title = (
        f"Good over {widths['batch']['mean']:.1f} decades with BatchNorm, {widths['sphere']['mean']:.1f} if the length "
        f"is kept,\n{widths['none']['mean']:.1f} without"
    )
    ax.set_title(title)
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.35))
    lines = [_at_the_last_rate(data["rates"][-1], {name: arms[name]["accuracy"] for name in widths}, frozen)]
    for name, width in widths.items():
        low, high = width["interval"]
        lines.append(f"  {STYLES[name]['label']:24} band {width['mean']:.1f} decades [{low:.1f}, {high:.1f}]")
    growth = dict(zip(data["rates"], arms["batch"]["growth"], strict=True))
    longer = ", ".join(f"{_at_least(growth[lr])} at {lr:,.0f}" for lr in (1e4, 1e6) if growth.get(lr))
    lines.append(f"  with BatchNorm the hidden weights become longer: {longer or 'no such rate was tried'}")
    return ax, "\n".join([title.replace("\n", " ") + ".", *lines])


def _at_the_last_rate(rate, accuracies, frozen):
    """Who is right how often there, in words: digits of runs beyond divergence differ from machine to machine."""
    last = {STYLES[name]["label"]: 100 * np.mean(accuracy[-1]) for name, accuracy in accuracies.items()}
    told = "; ".join(f"{name}: {_in_words(percent)}" for name, percent in last.items())
    near = "; ".join(name for name, percent in last.items() if abs(percent - frozen) < 10) or "none"
    return (
        f"Test images right at {rate:,.0f}. {told[0].upper()}{told[1:]}.\n"
        f"Within 10 points of frozen hidden weights ({frozen:.0f} %): {near}."
    )


def _in_words(percent):
    return "fewer than 20 %" if percent < 20 else "more than half" if percent > 50 else "20 to 50 %"


def _at_least(times):
    """A factor by its power of ten."""
    power = int(np.floor(np.log10(times)))
    return f"more than {10**power:,} times" if power > 0 else "less than 10 times"
