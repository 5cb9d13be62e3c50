"""Accuracy on spoilt images."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .dots import percent, shown

MARKERS = dict(zip(("none", "batch", "layer", "group", "instance", "batch_own"), "os^vDP", strict=True))


def robustness(data):
    """Accuracy on spoilt test images of nets trained on clean ones, and of nets trained on noisy ones.

    data   what experiments.robustness returned
    Returns axes (an array of 3), text.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), sharey=True, width_ratios=(1, 1, 1.6))
    tests = [measure.removesuffix(" accuracy") for measure in _measures(data) if not measure.startswith("own ")]
    noises = [name for name in tests if name.startswith("noise")]
    others = [name for name in tests if name not in noises and name != "clean"]
    for ax, case in zip(axes, ("clean", "noisy"), strict=False):
        _over_noise(ax, data, case, noises)
    _other_tests(axes[2], data, others)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rows = {
        "clean": _compared(data, "clean", ["clean", *noises, *others]),
        "noisy": _compared(data, "noisy", ["clean", *noises, "contrast", "dark"]),
    }
    hardest = rows["clean"][rows["clean"]["test"] == noises[-1]].set_index("against")["verdict"]
    ahead, behind = ([norm for norm, found in hardest.items() if found == word] for word in ("more", "less"))
    title = f"At {noises[-1]} BatchNorm beats {_and(ahead)} and loses to {_and(behind)}"
    figure.suptitle(title)
    own = ", ".join(
        f"{test} {percent(data['table'], f'own {test} accuracy', case='clean', arm='batch')}"
        for test in ("clean", "contrast", "dark", noises[-1])
    )
    lines = [
        f"{title}.",
        "",
        f"BatchNorm in %, then BatchNorm minus the other in points, {data['seeds']} seeds, paired [95 % interval];",
        "*: not 0 by Holm's rule over the table.",
        _table(data, rows["clean"], "clean"),
        f"BatchNorm with the statistics of the spoilt images themselves: {own}.",
        "Trained on images with noise of an sd from 0 to 0.4:",
        _table(data, rows["noisy"], "noisy"),
    ]
    return axes, "\n".join(lines)


def _measures(data):
    names = data["table"].loc[data["table"]["arm"] == "batch", "measure"].drop_duplicates()
    return [name for name in names if name.endswith(" accuracy")]


def _over_noise(ax, data, case, noises):
    sds = [0.0, *(float(name.split()[1]) for name in noises)]
    for arm, marker in MARKERS.items():
        norm, own = ("batch", "own ") if arm == "batch_own" else (arm, "")
        means = [_mean(data, f"{own}{name} accuracy", case, norm) for name in ("clean", *noises)]
        ax.plot(sds, means, marker=marker, markersize=5, **ARMS[arm])
    ax.set(xlabel="sd of the noise (black to white: 1)", title=f"trained on {case} images")
    if case == "clean":
        ax.set_ylabel("test accuracy (%)")


def _other_tests(ax, data, others):
    for i, (arm, marker) in enumerate(MARKERS.items()):
        norm, own = ("batch", "own ") if arm == "batch_own" else (arm, "")
        for x, name in enumerate(others):
            if f"{own}{name} accuracy" in _measures(data):
                y = _mean(data, f"{own}{name} accuracy", "clean", norm)
                ax.plot(x + (i - 2.5) / 8, y, marker, color=ARMS[arm]["color"], markersize=7)
    ax.set(xticks=range(len(others)), xticklabels=[name.replace(" ", "\n") for name in others])
    ax.set(xlabel="way to spoil the image", title="trained on clean images")
    ax.grid(axis="x", visible=False)


def _mean(data, measure, case, arm):
    return 100 * np.mean(results.of(data["table"], measure, case=case, arm=arm)["value"])


def _compared(data, case, tests):
    """BatchNorm against each other norm in each test, judged together by `holm`."""
    table = data["table"][data["table"]["case"] == case]
    others = [norm for norm in data["best"][case] if norm != "batch"]
    rows = [
        {"test": test, **results.compare(table, "batch", norm, f"{test} accuracy")} for test in tests for norm in others
    ]
    return results.holm(rows)


def _table(data, rows, case):
    """Accuracy of BatchNorm in each test, and its difference from each other norm."""
    lines = []
    for test, some in rows.groupby("test", sort=False):
        cells = {
            row["against"]: shown(row) + ("*" if row["verdict"] in ("more", "less") else "")
            for _, row in some.iterrows()
        }
        lines.append(
            {"test": test, "batch": percent(data["table"], f"{test} accuracy", case=case, arm="batch"), **cells}
        )
    return results.printed(lines)


def _and(names):
    return ", ".join("no norm" if name == "none" else f"{name} norm" for name in names) or "none of the four"
