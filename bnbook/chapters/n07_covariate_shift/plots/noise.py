"""The drawing of notebook 07 of nets with noise in front of every activation."""

import matplotlib.pyplot as plt

from bnbook.lab.results import compare, holm, of, printed, spread
from bnbook.lab.style import ARMS

from ..experiments import over_looks, steps_to_90
from .parts import dots, legend, log_axis, steps_in_words

_COMPARED = (
    ("start", "none"),
    ("batch", "none"),
    ("noisy", "none"),
    ("noisier", "none"),
    ("noisy", "batch"),
    ("none_noisy", "none"),
    ("start_noisy", "start"),
)


def noisy_batch_norm(data):
    """Accuracy over training with and without noise in every layer, and how far the layers' inputs move meanwhile.

    data   what experiments.noisy_batch_norm returned
    Returns axes (3 rows, one column per case), text.
    """
    table, cases = data["table"], data["cases"]
    arms = list(dict.fromkeys(table["arm"]))
    without = [arm for arm in arms if arm.startswith(("none", "start"))]
    figsize, heights = (1.6 + 2.7 * len(cases), 8.2), (2, 2, 0.25 * len(arms))
    figure, axes = plt.subplots(3, len(cases), sharey="row", figsize=figsize, height_ratios=heights, squeeze=False)
    found = noise_differences(data)
    for column, case in zip(axes.T, cases, strict=True):
        _curves(column[0], table, case, ["none", *(arm for arm in arms if arm not in without)])
        _curves(column[1], table, case, without)
        for row, arm in enumerate(arms):
            dots(column[2], row, arm, _drift(table, case, arm))
        column[0].set(title=f"{case}\nnoisy BatchNorm against none:\n{_faster(found, case, 'noisy', 'none')}")
        column[1].set(title=f"noise without BatchNorm:\n{_faster(found, case, 'none_noisy', 'none')}")
        column[2].set(xlabel="drift in 10 steps (sd)", ylim=(len(arms) - 0.5, -0.5))
        log_axis(column[2])
        column[2].set_yticks(range(len(arms)), [ARMS[arm]["label"] for arm in arms])
    axes[0, 0].set_ylabel("test accuracy (%)\nmedian and range of seeds")
    axes[1, 0].set_ylabel("test accuracy (%)")
    legend(figure, axes[2, 0], columns=3)
    faster = sum(_faster(found, case, "noisy", "none") == "faster" for case in cases)
    title = f"With noise BatchNorm is still faster than no normalization in {faster} of {len(cases)} settings"
    figure.suptitle(title)
    rows = [_in_words(table, case, arm) for case in cases for arm in arms]
    shown = found.assign(steps=[spread(*row, digits=0) for row in found[["mean", "low", "high"]].to_numpy()])
    shown["arm"], shown["against"] = (shown[name].map(lambda arm: ARMS[arm]["label"]) for name in ("arm", "against"))
    lines = [
        f"{title}.",
        "",
        f"Steps to 90 %, median of {data['seeds']} seeds [fewest, most]; accuracy at the end, drift (means):",
        printed(rows, 2),
        "Steps to 90 %, difference [95 % interval], verdicts after Holm:",
        printed(shown[["setting", "arm", "against", "steps", "verdict"]]),
    ]
    return axes, "\n".join(lines)


def noise_differences(data):
    """Steps to 90 % of arms with noise against those without, and of all against none: a DataFrame, see `holm`.

    data  what experiments.noisy_batch_norm returned
    A run that never gets there counts as if it did at the last step: the true difference is at least as large.
    """
    steps, there = steps_to_90(data["table"], data["steps"]), set(data["table"]["arm"])
    compared = [pair for pair in _COMPARED if set(pair) <= there]
    rows = [
        {"setting": case, **compare(steps[steps["case"] == case], *pair, "steps_to_90", known_to=2.5)}
        for case in data["cases"]
        for pair in compared
    ]
    found = holm(rows)
    return found.assign(verdict=found["verdict"].replace({"less": "faster", "more": "slower"}))


def _faster(found, case, arm, against):
    row = found[(found["setting"] == case) & (found["arm"] == arm) & (found["against"] == against)]
    return row["verdict"].iloc[0] if len(row) else ""


def _curves(ax, table, case, arms):
    for arm in arms:
        runs = of(table, "test_accuracy", "all", case=case, arm=arm)
        curves, color = 100 * runs.pivot(index="step", columns="seed", values="value"), ARMS[arm]["color"]
        ax.fill_between(curves.index, curves.min(axis=1), curves.max(axis=1), color=color, alpha=0.2, linewidth=0)
        ax.plot(curves.index, curves.median(axis=1), **ARMS[arm])
    ax.axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    ax.set(xlabel="training step", ylim=(0, 100))


def _drift(table, case, arm):
    means = over_looks(table, "distance")
    return means.loc[(means["case"] == case) & (means["arm"] == arm), "value"]


def _in_words(table, case, arm):
    accuracy = of(table, "test_accuracy", case=case, arm=arm)["value"].mean()
    return {
        "setting": case,
        "": ARMS[arm]["label"],
        "steps": steps_in_words(of(table, "steps_to_90", case=case, arm=arm)["value"], True),
        "accuracy (%)": round(100 * accuracy),
        "drift (sd)": _drift(table, case, arm).mean(),
    }
