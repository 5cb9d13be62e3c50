"""The drawings of notebook 08 on scale invariance and on the loss along the gradient."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .rates import INITS

# Shades and markers for several values of one quantity, told apart in grey.
SERIES = [("#56B4E9", "o"), ("#0072B2", "s"), ("#000000", "^"), ("#D55E00", "v")]


def scale_invariance(data):
    """What `invariance_check` finds for hidden weights made longer and shorter.

    data  what experiments.scale_invariance returned
    Returns axes (an array of 3), text.
    """
    figure, axes = plt.subplots(1, 3, figsize=(9.4, 3.4))
    labels = {
        "change": "|change of the loss|",
        "mismatch": "mismatch of the gradient",
        "cosine": "|cosine(w, gradient)|",
    }
    for ax, (key, label) in zip(axes, labels.items(), strict=True):
        for arm, marker in zip(data["arms"], "os^", strict=False):
            style = dict(ARMS[arm["norm"]]) if arm["eps"] != 1e-5 else {**ARMS["noisy"]}
            style["label"] = _name(arm)
            ax.plot(data["factors"], np.maximum(arm[key], 1e-18), marker=marker, markersize=4, **style)
        ax.set(xscale="log", yscale="log", xlabel="factor a of the weights", title=label, ylim=(5e-19, 1e14))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rows = [{"largest of the three": _name(arm), **_worst(arm, data["factors"])} for arm in data["arms"]]
    exact = min(data["arms"], key=lambda arm: max(arm["mismatch"]))
    largest = max(max(exact[key]) for key in labels)
    verdict = f"{_name(exact)}: change, mismatch and cosine are 0 to {_power(largest)} at every factor"
    figure.suptitle(verdict)
    first = "How loss and gradient change with a factor of the weights."
    return axes, f"{first} {verdict}.\n\n{results.printed(rows)}"


def _name(arm):
    return ARMS["none"]["label"] if arm["eps"] is None else f"BatchNorm, eps {arm['eps']:g}"


def _power(value):
    """The next power of ten above a value, 1e-14 at least: below that, machines differ."""
    return f"1e-{min(int(np.floor(-np.log10(max(value, 1e-18)))), 14)}"


def _worst(arm, factors):
    worst = np.max([arm[key] for key in ("change", "mismatch", "cosine")], 0)
    shown = [i for i, a in enumerate(factors) if a in (1e-3, 0.1, 10)]
    return {f"a = {factors[i]:g}": _size(worst[i]) for i in shown}


def _size(value):
    return "below 1e-13" if value < 1e-13 else f"{value:.1g}"


def equivalent_rates(data):
    """Training losses of nets whose hidden weights differ in length alone.

    data  what experiments.equivalent_rates returned
    Returns ax, text.
    """
    _, ax = plt.subplots(figsize=(6.8, 3.8))
    first, *others = data["arms"]
    step = np.arange(len(first["loss"]))
    equal = [arm for arm in others if arm["apart"] < 1e-10]
    ax.plot(step, first["loss"], color=ARMS["batch"]["color"], label=f"weights as drawn, rate {first['hidden_lr']:g}")
    for arm, (color, marker) in zip(equal, SERIES[1:], strict=False):
        label = f"weights x {arm['factor']:g}, rate {arm['hidden_lr']:g}"
        shift = 4 * SERIES.index((color, marker))
        ax.plot(
            step[shift::12],
            np.array(arm["loss"])[shift::12],
            marker,
            color=color,
            fillstyle="none",
            markersize=6,
            label=label,
        )
    for arm in others:
        if arm not in equal:
            label = f"weights x {arm['factor']:g}, rate {arm['hidden_lr']:g}"
            ax.plot(step, arm["loss"], label=label, color=ARMS["none"]["color"], linestyle=ARMS["none"]["linestyle"])
    ax.set(yscale="log", xlabel="step (rate of the hidden weights; the others keep theirs)", ylabel="loss of the batch")
    far = max((arm["apart"] for arm in equal), default=0.0)
    title = f"{len(equal)} of {len(others)} have the same losses, to {_power(far)}"
    ax.set_title(f"{title}, over {data['steps']} steps")
    ax.legend()
    rows = [
        {
            "weights": f"x {arm['factor']:g}",
            "rate": f"{arm['hidden_lr']:g}",
            "losses": f"the same to {_power(arm['apart'])}" if arm in equal else "others",
        }
        for arm in others
    ]
    text = f"Of the nets with longer or shorter weights {title} as weights x 1 with rate {first['hidden_lr']:g}."
    return ax, f"{text}\n\n{results.printed(rows)}"


def norm_growth(data):
    """Squared length of the hidden weights over training, and what it does to the rate of their directions.

    data  what experiments.norm_growth returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.5))
    rows = []
    for arm, (color, marker) in zip(data["arms"], SERIES, strict=False):
        label = f"{'BatchNorm' if arm['norm'] == 'batch' else 'none'}, rate {arm['lr']:g}"
        for ax, key in zip(axes, ("square", "effective"), strict=True):
            values = np.array(arm[key])
            ax.fill_between(data["step"], values.min(0), values.max(0), color=color, alpha=0.25, linewidth=0)
            ax.plot(data["step"], values.mean(0), color=color, marker=marker, markevery=5, markersize=4, label=label)
        square, rate = (np.array(arm[key])[:, -1].mean() for key in ("square", "effective"))
        rows.append(
            {
                f"after {data['step'][-1]} steps": label,
                "|w|^2": f"x {_times(square)}",
                "at each step": "grows" if arm["grows"] else "also shrinks",
                "effective rate": f"x {_times(rate)}",
                "identity": f"to {_power(arm['off'])}"
                if arm["off"] < 1e-10
                else f"no, off by {100 * arm['off']:.0f} %",
            }
        )
    axes[0].set(title="|w|² of the hidden weights (start = 1)", xlabel="step", ylabel="multiple of the start")
    axes[1].set(title="effective rate lr / |w|² (start = 1)", xlabel="step", ylabel="multiple of the start")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(data["arms"]))
    batch = [arm for arm in data["arms"] if arm["norm"] == "batch"]
    always = all(arm["grows"] and arm["off"] < 1e-10 for arm in batch)
    most = max(np.array(arm["square"])[:, -1].mean() for arm in batch)
    verdict = f"With BatchNorm |w|² {'only grows' if always else 'does not only grow'}, here up to x {most:.2g}"
    figure.suptitle(verdict)
    said = f"The length of the weights over training. {verdict} ({data['seeds']} seeds)."
    return axes, f"{said}\n\n{results.printed(rows)}"


def _times(value):
    return f"{value:.3f}" if abs(value - 1) < 0.01 else f"{value:.2g}" if value < 0.9 or value > 1.1 else f"{value:.2f}"


def weight_decay_equilibrium(data):
    """Length of the weights from several starts, and the angle of a step against the prediction.

    data  what experiments.weight_decay_equilibrium returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.7), width_ratios=(1.1, 1))
    first = data["arms"][0]
    same = [arm for arm in data["arms"] if all(arm[key] == first[key] for key in ("noise", "lr", "weight_decay"))]
    for arm, (color, marker) in zip(same, SERIES, strict=False):
        length = np.array(arm["length"])
        axes[0].fill_between(arm["step"], length.min(0), length.max(0), color=color, alpha=0.25, linewidth=0)
        label = f"start x {arm['start']:.2g}"
        axes[0].plot(arm["step"], length.mean(0), color=color, marker=marker, markevery=8, markersize=4, label=label)
    predicted = np.mean([arm["predicted_length"] for arm in same])
    axes[0].axhline(predicted, color="0.3", linewidth=0.9, linestyle=":", label="predicted")
    axes[0].set(yscale="log", xlabel="step", ylabel="length of a unit's weights")
    axes[0].set_title(
        f"rate {first['lr']:g}, decay {first['weight_decay']:g}, {100 * first['noise']:.0f} % random labels"
    )
    axes[0].legend()
    names = [_setting(arm) for arm in data["arms"]]
    for y, arm in enumerate(data["arms"]):
        color = ARMS["batch" if arm["noise"] else "none"]["color"]
        axes[1].plot(arm["ratio"]["interval"], [y, y], color=color, linewidth=5, alpha=0.5)
        axes[1].plot(arm["ratio"]["mean"], y, "o" if arm["noise"] else "s", color=color)
    axes[1].axvline(1, color="0.3", linewidth=0.9, linestyle=":")
    axes[1].set_yticks(range(len(names)), names, fontsize=8)
    axes[1].set(xlabel="angle per step / sqrt(2 lr decay)", xlim=(0, 1.15), ylim=(len(names) - 0.5, -0.5))
    there = sum(0.95 < arm["ratio"]["interval"][0] and arm["ratio"]["interval"][1] < 1.05 for arm in data["arms"])
    verdict = f"The angle is within 5 % of the prediction in {there} of {len(names)} settings"
    axes[1].set_title("measured over predicted")
    figure.suptitle(verdict + (", and the length forgets its start" if _one(same) else ""))
    rows = [
        # as many digits as hold on another processor: rounding errors grow in these trainings
        {
            "setting": name,
            "angle": f"{np.mean(arm['angle']):.2g}",
            "predicted": f"{arm['predicted_angle']:.2g}",
            "ratio": f"{arm['ratio']['mean']:.1f}",
            "length ratio": f"{np.divide(*_lengths(arm)):.1f}",
        }
        for name, arm in zip(names, data["arms"], strict=True)
    ]
    said = f"The length of the weights over training, and the angle that they turn in a step. {verdict}."
    return axes, f"{said}\n\nLast third of {data['steps']} steps, {data['seeds']} seeds:\n\n{results.printed(rows)}"


def _setting(arm):
    labels = f"{100 * arm['noise']:.0f} % random labels" if arm["noise"] else "clean labels"
    return f"lr {arm['lr']:g}, decay {arm['weight_decay']:g}, start x {arm['start']:.2g}, {labels}"


def _lengths(arm):
    return np.mean(np.array(arm["length"])[:, -1]), np.mean(arm["predicted_length"])


def _one(arms):
    ends = [np.mean(np.array(arm["length"])[:, -1]) for arm in arms]
    return max(ends) < 1.1 * min(ends)


def along_gradient(data):
    """How the loss changes along the gradient of a batch, at many moments of a training.

    data  what experiments.along_gradient returned
    Returns axes (an array, one per initialization), text.
    """
    inits = list(dict.fromkeys(arm["init"] for arm in data["arms"]))
    figure, axes = plt.subplots(1, len(inits), figsize=(4.3 * len(inits), 3.5), squeeze=False)
    eta, rows, flatter = [0, *data["eta"]], [], _flatter(data)
    for ax, init in zip(axes[0], inits, strict=True):
        arms = [arm for arm in data["arms"] if arm["init"] == init]
        for arm in arms:
            change = np.array(arm["loss"]) - np.array(arm["loss"])[:, :1]
            style = ARMS[arm["norm"]]
            for i, line in enumerate(change):
                ax.plot(eta, line, **{**style, "label": style["label"] if i == 0 else None}, linewidth=1, alpha=0.7)
            rows.append({"init": INITS[init], "net": style["label"], **_measures(arm)})
        ax.axhline(0, color="0.3", linewidth=0.9, linestyle=":")
        ax.set(
            xticks=[*eta[:1], *eta[2:]],  # the second would touch the first
            xlabel=f"eta (trained at {data['lr']:g})",
            ylim=(-1, 3.2),
            title=f"{INITS[init]} init: {flatter[init]}",
        )
    axes[0, 0].set_ylabel("change of the batch's loss")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    verdicts = [f"{verdict} ({INITS[init]} init)" for init, verdict in flatter.items()]
    figure.suptitle(f"{data['depth']} layers, loss along the gradient at {len(data['step'])} moments (one seed)")
    return axes[0], f"The change of the loss along the gradient: {'; '.join(verdicts)}.\n\n{results.printed(rows)}"


def _measures(arm):
    values = {key: np.mean(arm[key]) for key in ("range", "descends", "change", "smoothness", "accuracy")}
    return {
        "range of loss": f"{values['range']:.1g}",
        "all descend": f"{100 * values['descends']:.0f} %",
        "gradient moves": f"x {values['change']:.1f}",
        "smoothness": f"{values['smoothness']:.1f}",
        "accuracy": f"{100 * values['accuracy']:.0f} %",
    }


def _flatter(data):
    """For each initialization, along whose gradient the loss varies less: by the ratio of ranges, paired by seed."""
    inits, norms = (list(dict.fromkeys(arm[key] for arm in data["arms"])) for key in ("init", "norm"))
    if not {"none", "batch"} <= set(norms):
        return dict.fromkeys(inits, "one net")
    labels = [{"init": arm["init"], "arm": arm["norm"]} for arm in data["arms"]]
    rows = [
        {**label, "seed": seed, "step": data["steps"], "measure": "range", "value": value}
        for label, arm in zip(labels, data["arms"], strict=True)
        for seed, value in enumerate(arm["range"])
    ]
    table = pd.DataFrame(rows)
    compared = [results.compare(table[table["init"] == init], "batch", "none", "range", ratio=True) for init in inits]
    return {init: _FLATTER[verdict] for init, verdict in zip(inits, results.holm(compared)["verdict"], strict=True)}


_FLATTER = {
    "more": "flatter without BatchNorm",
    "less": "flatter with BatchNorm",
    results.UNSETTLED: results.UNSETTLED,
}
