"""The drawings of notebook 07."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

MARKERS = {"none": "s", "start": "D", "batch": "o", "noisy": "v", "noisier": "^"}


def unit_inputs(data, arms=None):
    """Accuracy over training, and between which values most inputs of one unit lie meanwhile, a panel for each arm.

    data   what experiments.unit_inputs returned
    arms   which of its arms to draw; None: all
    Returns axes (an array, one more than arms), text.
    """
    found = [arm for arm in data["arms"] if arms is None or arm["arm"] in arms]
    figure, axes = plt.subplots(1, 1 + len(found), figsize=(1.5 + 2.5 * len(found), 3.3))
    for arm in found:
        curves, style = 100 * np.array(arm["accuracy"]), ARMS[arm["arm"]]
        axes[0].fill_between(arm["accuracy_step"], curves.min(0), curves.max(0), color=style["color"], alpha=0.25, lw=0)
        axes[0].plot(arm["accuracy_step"], curves.mean(0), **style)
    axes[0].axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    axes[0].set(xlabel="training step", ylabel="test accuracy (%)", ylim=(0, 100), title="mean and range of seeds")
    for ax, arm in zip(axes[1:], found, strict=True):
        low, middle, high = np.transpose(arm["curves"])
        ax.fill_between(arm["step"], low, high, color=ARMS[arm["arm"]]["color"], alpha=0.3, lw=0)
        ax.plot(arm["step"], middle, **ARMS[arm["arm"]])
        ax.set(xlabel="training step", title=f"{_short(arm)}\nmedian moves over {np.mean(arm['range']):.1f}")
        ax.sharey(axes[1])
    first, _, last = data["percentiles"]
    axes[1].set_ylabel(f"input of a unit: median,\n{first}th to {last}th percentile")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(found))
    verdict = "Steps to 90 %: " + ", ".join(
        f"{_steps(arm['steps_to_90'])} {ARMS[arm['arm']]['label']}" for arm in found
    )
    figure.suptitle(verdict)
    ways = ", ".join(f"{np.mean(arm['range']):.1f} {ARMS[arm['arm']]['label']}" for arm in found)
    lines = [
        f"{verdict}.",
        f"Way of a unit's median: {ways}.",
        f"Over {data['seeds']} seeds [lowest, highest], units of the last hidden layer:",
    ]
    for arm in found:
        lines.append(f"  {ARMS[arm['arm']]['label']}: steps to 90 % {_steps(arm['steps_to_90'], True)};")
        moved, spread = (
            _with_interval(np.mean(arm[key]), (min(arm[key]), max(arm[key])), "{:.2f}".format)
            for key in ("range", "spread")
        )
        lines.append(f"    a unit's median moves over {moved}, width at the start {spread}")
    return axes, "\n".join(lines)


def input_drift(data):
    """How far the layers' inputs move in ten steps: the whole distribution on the left, its mean on the right.

    data   what experiments.input_drift returned
    Returns axes (an array of 2), text.
    """
    figure, axes = _case_panels(data)
    for ax, key in zip(axes, ("distance", "mean"), strict=True):
        for arm in data["arms"]:
            _dots(ax, _row(data, arm), arm["arm"], arm[key])
        _log_axis(ax)
    axes[0].set(xlabel="Wasserstein-1 distance in 10 steps (sd)", title="how far a unit's inputs move")
    axes[1].set(xlabel="shift of the mean in 10 steps (sd)", title="how far their mean moves")
    _legend(figure, axes[0])
    there = [factor for factor in data["factors"] if factor["distance"] is not None]
    less = sum(factor["distance_interval"][0] > 1 for factor in there)
    title = f"With BatchNorm the inputs move less in {less} of {len(there)} settings"
    figure.suptitle(title)
    distance, mean = ([_two_digits(f(factor[key] for factor in there)) for f in (min, max)] for key in _MOVED)
    lines = [
        f"{title}: by a factor of {distance[0]} to {distance[1]}.",
        f"Their means alone move less by a factor of {mean[0]} to {mean[1]}.",
        f"Without : with BatchNorm, {data['seeds']} seeds [95 % interval]:",
    ]
    for factor in data["factors"]:
        if factor["distance"] is None:
            lines.append(f"  {factor['case']:21} runs diverge")
            continue
        inputs, means = (_with_interval(factor[key], factor[f"{key}_interval"], _two_digits) for key in _MOVED)
        few = "" if factor["pairs"] == data["seeds"] else f" ({factor['pairs']} pairs, the others diverge)"
        lines.append(f"  {factor['case']:21} inputs {inputs:16} means {means}{few}")
    return axes, "\n".join(lines)


_MOVED = ("distance", "mean")


def gradient_shift(data):
    """How much gradients change when the layers below have moved, and how long training takes.

    data   what experiments.gradient_shift returned
    Returns axes (an array of 2), text.
    """
    figure, axes = _case_panels(data)
    for arm in data["arms"]:
        _dots(axes[0], _row(data, arm), arm["arm"], arm["relative"])
        _dots(axes[1], _row(data, arm), arm["arm"], _all_steps(data, arm["case"], arm["arm"]))
    axes[0].set(xlabel="|G - G'| / |G|", title="how much the gradient changes", xlim=(0, None))
    axes[1].set(xlabel=f"steps to 90 % ({data['steps']}: not reached)", title="how long training takes", xlim=(0, None))
    _legend(figure, axes[0])
    there = [d for d in data["differences"] if d["relative"] is not None]
    verdicts = [_sign(d["relative_interval"]) for d in there]
    less, more, unclear = (verdicts.count(verdict) for verdict in ("less", "more", "unclear"))
    title = f"With BatchNorm gradients change less in {less} of {len(verdicts)} settings, more in {more}"
    figure.suptitle(title)
    lines = [
        f"{title}, no clear difference in {unclear}.",
        _does_the_calmer_net_win(data, there),
        f"BatchNorm minus none, {data['seeds']} seeds [95 % interval], and median steps to 90 %, none / BatchNorm:",
    ]
    for d, verdict in zip(there, verdicts, strict=True):
        change, cosine = (_with_interval(d[key], d[f"{key}_interval"], "{:+z.2f}".format) for key in _CHANGED)
        steps = " / ".join(_steps(_arm(data, d["case"], arm)["steps_to_90"]) for arm in ("none", "batch"))
        lines.append(f"  {d['case']:21} change {change}, cosine {cosine}, steps {steps}: {verdict}")
    return axes, "\n".join(lines)


_CHANGED = ("relative", "cosine")


def _does_the_calmer_net_win(data, differences):
    """Is the faster net the one whose gradients change less? Over the cases in which both differ clearly."""
    won = []
    for d in differences:
        sooner = _all_steps(data, d["case"], "none") - _all_steps(data, d["case"], "batch")
        calmer = _sign(d["relative_interval"], "batch", "none")
        faster = "batch" if (sooner > 0).all() else "none" if (sooner < 0).all() else "neither"
        if calmer in ("batch", "none") and faster != "neither":
            won.append(calmer == faster)
    return (
        f"Where one net is faster with every seed, it is the one with less change in {sum(won)} of {len(won)} settings."
    )


def noisy_batch_norm(data):
    """Accuracy over training with noise behind every BatchNorm, and how far the inputs of the layers move meanwhile.

    data   what experiments.noisy_batch_norm returned
    Returns axes (2 rows, one column per case), text.
    """
    cases, arms = data["cases"], list(dict.fromkeys(arm["arm"] for arm in data["arms"]))
    shape = {"figsize": (1.2 + 2.7 * len(cases), 5.2), "height_ratios": (2.4, 1), "squeeze": False}
    figure, axes = plt.subplots(2, len(cases), sharex="row", sharey="row", **shape)
    for arm in data["arms"]:
        top, bottom = axes[:, cases.index(arm["case"])]
        lowest, middle, highest = (100 * np.array(arm[key]) for key in ("lowest", "median", "highest"))
        top.fill_between(arm["step"], lowest, highest, color=ARMS[arm["arm"]]["color"], alpha=0.2, linewidth=0)
        top.plot(arm["step"], middle, **ARMS[arm["arm"]])
        _dots(bottom, arms.index(arm["arm"]), arm["arm"], arm["distance"])
    for (top, bottom), case in zip(axes.T, cases, strict=True):
        top.set(title=f"{case}\n{_against_none(data, case)}", xlabel="training step", ylim=(0, 100))
        top.axhline(90, color="0.4", linewidth=0.8, linestyle=":")
        bottom.set(xlabel="drift in 10 steps (sd)", ylim=(len(arms) - 0.5, -0.5))
        _log_axis(bottom)
        bottom.set_yticks(range(len(arms)), [ARMS[arm]["label"] for arm in arms])
    axes[0, 0].set_ylabel("test accuracy (%)\nmedian and range of seeds")
    _legend(figure, axes[0, 0])
    faster = sum(_against_none(data, case).endswith("faster") for case in cases)
    title = f"With noise BatchNorm is still faster than no normalization in {faster} of {len(cases)} settings"
    figure.suptitle(title)
    drift = {(arm["case"], arm["arm"]): _mean(arm["distance"]) for arm in data["arms"]}
    times = [_two_digits(f(drift[case, "noisy"] / drift[case, "batch"] for case in cases)) for f in (min, max)]
    lines = [
        f"{title}.",
        f"The inputs of its layers drift {times[0]} to {times[1]} times as far as with BatchNorm alone.",
        f"Median steps to 90 % of {data['seeds']} seeds [fewest, most], minus none's [95 % interval], accuracy:",
    ]
    for case in cases:
        lines.append(f"{case}")
        lines += [_noise_in_words(data, case, arm, drift[case, arm]) for arm in arms]
    return axes, "\n".join(lines)


def _against_none(data, case, arm="noisy"):
    verdict = _sign(_difference_of(data, case, arm)["interval"], "faster", "slower", "no clear difference")
    return f"with noise: {verdict}"


def _noise_in_words(data, case, arm, drift):
    found, d = _arm(data, case, arm), _difference_of(data, case, arm)
    against = f", {_with_interval(d['steps'], d['interval'], '{:+z.0f}'.format)}" if d else ""
    accuracy = 100 * np.mean(found["accuracy"])
    steps = _steps(found["steps_to_90"], True)
    return f"  {ARMS[arm]['label']}: {steps}{against}, {accuracy:.0f} %, drift {drift:.2g} sd"


# --- parts -----------------------------------------------------------------------------------------------------------


def _case_panels(data):
    """Two panels beside each other, with one row for each case."""
    cases = data["cases"]
    figure, axes = plt.subplots(1, 2, figsize=(8.8, 1.6 + 0.36 * len(cases)), sharey=True)
    axes[0].set_ylim(len(cases) - 0.5, -0.5)
    axes[0].set_yticks(range(len(cases)), cases)
    for ax in axes:
        ax.grid(axis="y", visible=False)
        for row in range(len(cases) - 1):
            ax.axhline(row + 0.5, color="0.9", linewidth=0.8)
    return figure, axes


def _dots(ax, row, arm, values):
    """Mean and range in one row of those values that are there: a run that diverged has none."""
    style, values = ARMS[arm], [value for value in values if value is not None]
    if not values:
        return
    ax.plot([min(values), max(values)], [row, row], color=style["color"], linewidth=2, solid_capstyle="round")
    ax.plot(np.mean(values), row, MARKERS[arm], color=style["color"], markersize=5.5, label=style["label"])


def _log_axis(ax):
    """From one power of ten to another, so that there are numbers at both ends."""
    values = np.concatenate([line.get_xdata() for line in ax.get_lines() if line.get_label() in _LABELS])
    ax.set(xscale="log", xlim=(10 ** np.floor(np.log10(values.min())), 10 ** np.ceil(np.log10(values.max()))))


_LABELS = [style["label"] for style in ARMS.values()]


def _short(arm):
    """The label of an arm up to its comma."""
    return ARMS[arm["arm"]]["label"].split(",")[0]


def _mean(values):
    """Mean of those that are there, nan if none is."""
    return np.mean([value for value in values if value is not None] or [np.nan])


def _row(data, arm):
    """Where the marks of an arm are: the arms of a case a little apart."""
    arms = list(dict.fromkeys(other["arm"] for other in data["arms"]))
    return data["cases"].index(arm["case"]) + 0.25 * (arms.index(arm["arm"]) - (len(arms) - 1) / 2)


def _legend(figure, ax):
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=len(once))


def _arm(data, case, name):
    return next(arm for arm in data["arms"] if (arm["case"], arm["arm"]) == (case, name))


def _difference_of(data, case, name):
    return next((d for d in data["differences"] if (d["case"], d["arm"]) == (case, name)), None)


def _all_steps(data, case, name):
    """Steps to 90 % of each seed; a run that never gets there counts as if it did at the last step."""
    return np.array([data["steps"] if n is None else n for n in _arm(data, case, name)["steps_to_90"]])


def _steps(values, whole=False):
    """Median, and if whole is true also the fewest and the most, of steps of which some may be None."""
    ordered = sorted(values, key=lambda n: (n is None, n))
    names = ["never" if n is None else str(n) for n in ordered]
    middle = names[len(names) // 2]  # the upper one of two, so that it is a number that occurred
    return f"{middle} [{names[0]}, {names[-1]}]" if whole else middle


def _sign(interval, below="less", above="more", neither="unclear"):
    low, high = interval
    return below if high < 0 else above if low > 0 else neither


def _two_digits(value):
    """A factor in two digits: 8.8, 22, 450."""
    return f"{float(f'{value:.2g}'):g}"


def _with_interval(value, interval, how):
    return f"{how(value)} [{how(interval[0])}, {how(interval[1])}]"
