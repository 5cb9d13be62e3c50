"""The drawings of notebook 09 of trained nets: how deep they may be, and what gamma and beta can do alone."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.style import ARMS

from .gradients import in_words


def trainability(data):
    """Test accuracy by depth, each arm at its own best rate: left plain nets, right residual ones.

    data   what experiments.trainability returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.8), sharey=True)
    arms, depths = (list(dict.fromkeys(cell[key] for cell in data["cells"])) for key in ("arm", "depth"))
    cells = {(cell["arm"], cell["depth"]): cell for cell in data["cells"]}
    for ax, kind in zip(axes, ("plain", "residual"), strict=True):
        for arm, marker in zip([arm for arm in arms if arm.startswith(kind)], "sDo", strict=False):
            mean = 100 * np.array([cells[arm, depth]["mean"] for depth in depths])
            low, high = 100 * np.array([cells[arm, depth]["interval"] for depth in depths]).T
            ax.fill_between(depths, low, high, color=ARMS[arm.split(", ")[1]]["color"], alpha=0.25, linewidth=0)
            ax.plot(depths, mean, marker=marker, markersize=5, **ARMS[arm.split(", ")[1]])
        ax.set(xscale="log", xlabel="hidden layers" if kind == "plain" else "blocks", ylim=(0, 100))
        ax.set_xticks(depths, depths)
        ax.set_xticks([], minor=True)
        ax.set_title(f"{kind}, depth {depths[-1]}: {_best(cells, arms, kind, depths[-1])} at best")
        ax.legend(fontsize=8)
    axes[0].set_ylabel("test accuracy (%)")
    steps = next(iter(data["settings"].values()))["steps"]
    figure.suptitle(f"{_who_trains(cells, arms, depths[-1])} ({steps} steps, own best rate, {data['seeds']} seeds)")
    best = {kind: _best(cells, arms, kind, depths[-1]) for kind in ("plain", "residual")}
    lines = [
        f"{depths[-1]} layers, each arm at its own best rate: the best plain net gets {best['plain']} of the test "
        "images right,",
        f"the best residual net {best['residual']}. {_who_trains(cells, arms, depths[-1])}.",
        f"Test accuracy in %, mean [95 % interval] over {data['seeds']} seeds, {steps} steps, by depth",
    ]
    lines.append(f"  {'':40}" + "".join(f"{depth:<14}" for depth in depths).rstrip())
    for arm in arms:
        row = "".join(f"{_percent(cells[arm, depth]):14}" for depth in depths)
        lines.append(f"  {in_words(arm):40}{row}".rstrip())
    lines += [
        f"  depth {depths[-1]}, 90 % or more at the rates {_good_rates(cells[arm, depths[-1]])}: {in_words(arm)}"
        for arm in arms
        if cells[arm, depths[-1]]["mean"] >= 0.9
    ]
    return axes, "\n".join(lines)


def _good_rates(cell):
    """The rates at which 9 of 10 test images are right, in the mean over the seeds."""
    return ", ".join(f"{lr:g}" for lr, test in zip(cell["rates"], cell["test"], strict=True) if np.mean(test) >= 0.9)


def _percent(cell):
    low, high = cell["interval"]
    return f"{100 * cell['mean']:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def _best(cells, arms, kind, depth):
    return f"{100 * max(cells[arm, depth]['mean'] for arm in arms if arm.startswith(kind)):.0f} %"


def _who_trains(cells, arms, depth):
    """Arms that get at least 9 of 10 test images right."""
    trained = [in_words(arm) for arm in arms if cells[arm, depth]["mean"] >= 0.9]
    return f"At depth {depth} above 90 %: {' and '.join(trained) or 'none'}"


PARTS = {
    "all": "everything",
    "norm": "gamma and beta",
    "head": "the last layer",
    "few": "two random weights per unit",
}


def only_norms(data):
    """Test accuracy by which part of the net was trained, each at its own best rate, one mark per seed.

    data   what experiments.only_norms returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(7.2, 2.9))
    parts = {part["part"]: part for part in data["parts"]}
    for row, part in enumerate(parts.values()):
        low, high = (100 * end for end in part["interval"])
        ax.barh(row, 100 * part["mean"], height=0.6, color=ARMS["batch"]["color"], alpha=0.35)
        ax.plot([low, high], [row, row], color="black", linewidth=2)
        ax.plot(100 * np.array(part["accuracy"]), np.full(len(part["accuracy"]), row), "k|", markersize=9)
        ax.text(100 * part["mean"] - 2, row, f"{100 * part['mean']:.0f} %", ha="right", va="center")
    labels = [f"{PARTS[name]}\n{part['numbers']:,} numbers" for name, part in parts.items()]
    ax.set_yticks(range(len(parts)), labels)
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="test accuracy (%)")
    norm, every = parts["norm"], parts["all"]
    share = f"{100 * norm['numbers'] / every['numbers']:.1f} % of the numbers"
    ax.set_title(f"Training only gamma and beta, {share}: {100 * norm['mean']:.0f} % right")
    lines = [
        f"Training only gamma and beta, {share}, gets {100 * norm['mean']:.0f} % of the test images right, training "
        f"everything {100 * every['mean']:.0f} %;",
        f"against the same number of random weights {_against(norm, parts['few'])}, against the last layer alone "
        f"{_against(norm, parts['head'])}.",
        f"Test accuracy, mean [95 % interval] over {data['seeds']} seeds, at the rate best on validation images:",
    ]
    lines += [
        f"  {PARTS[name]:29}{part['numbers']:7,} numbers  {_percent(part)}  rate {part['best']:g}"
        for name, part in parts.items()
    ]
    return ax, "\n".join(lines)


def _against(a, b):
    """Paired difference of two parts, in points, and whether it is clear; for few seeds the range of the seeds."""
    points = 100 * np.subtract(a["accuracy"], b["accuracy"])
    clear = (
        "ahead in every seed" if points.min() > 0 else "behind in every seed" if points.max() < 0 else "no clear order"
    )
    return f"{points.mean():+.1f} points ({clear})"
