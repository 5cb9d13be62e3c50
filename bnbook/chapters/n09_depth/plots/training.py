"""The drawings of notebook 09 of trained nets: how deep they may be, and what gamma and beta can do alone."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .. import experiments
from .gradients import in_words

KINDS = {"plain": "plain, ReLU", "residual": "residual, ReLU", "tanh": "plain, tanh"}
MARKERS = {"none": "s", "start": "D", "batch": "o", "skip_init": "^"}


def trainability(data):
    """Test accuracy by depth, each arm at its own best rate: a row for each length of training, kinds side by side.

    data   what experiments.trainability returned
    Returns axes (lengths x kinds), text.
    """
    found = experiments.accuracies(data)
    lengths = sorted(found["length"].unique())
    kinds = [kind for kind in KINDS if found["arm"].str.startswith(kind).any()]
    figure, axes = plt.subplots(
        *(len(lengths), len(kinds)), figsize=(3.2 * len(kinds), 0.5 + 2.7 * len(lengths)), sharey=True, squeeze=False
    )
    for row, length in zip(axes, lengths, strict=True):
        for ax, kind in zip(row, kinds, strict=True):
            _panel(ax, found[(found["length"] == length) & found["arm"].str.startswith(kind)])
            ax.set_xticks(sorted(found["depth"].unique()), sorted(found["depth"].unique()))
            ax.set_xticks([], minor=True)
            ax.set_title(f"{KINDS[kind]}, {length} steps", fontsize=10)
        row[0].set_ylabel("test accuracy (%)")
    for ax, kind in zip(axes[-1], kinds, strict=True):
        ax.set_xlabel("blocks" if kind == "residual" else "hidden layers")
    for ax, kind in zip(axes[0], kinds, strict=True):
        if ax.has_data():
            ax.legend(fontsize=7, loc="center right" if kind == "residual" else "lower left")
    figure.suptitle(_headline(found))
    lines = [_deepest(found, length) for length in lengths]
    lines.append(f"\nTest accuracy in %, mean [95 % interval] over {data['seeds']} seeds, each at its own best rate:")
    return axes, "\n".join([*lines, *map(str, (_by_depth(found, length) for length in lengths))])


def _panel(ax, found):
    """Arms of one kind after one length of training; what does not train is a cross at chance."""
    for number, (arm, cells) in enumerate(found.groupby("arm", sort=False)):
        norm = arm.split(", ")[1]
        style = ARMS[norm]
        ax.fill_between(cells["depth"], cells["low"], cells["high"], color=style["color"], alpha=0.25, linewidth=0)
        ax.plot(cells["depth"], cells["mean"], marker=MARKERS[norm], markersize=5, **style)
        never = cells[cells["lr"].isna()]
        beside = never["depth"] * 1.07 ** (number - 1)  # not on top of each other
        ax.plot(beside, np.full(len(never), 10), "x", color=style["color"], markersize=6, markeredgewidth=2)
    ax.set(xscale="log", xlim=(4.2, 95), ylim=(0, 102))


def _by_depth(found, length):
    """A table: a row for each arm, a column for each depth."""
    part = found[found["length"] == length]
    texts = [
        "does not train" if pd.isna(cell.lr) else results.spread(cell.mean, cell.low, cell.high, 0, sign=False)
        for cell in part.itertuples()
    ]
    wide = part.assign(text=texts).pivot(index="arm", columns="depth", values="text").fillna("")
    wide = wide.loc[sorted(dict.fromkeys(part["arm"]), key=lambda arm: list(KINDS).index(arm.split(", ")[0]))]
    wide.index = [in_words(arm) for arm in wide.index]
    return results.printed(wide.rename(columns=str).reset_index(names=f"{length} steps, depth"))


def _deepest(found, length):
    part = found[found["length"] == length]
    depth = part["depth"].max()
    best = {
        kind: part[(part["depth"] == depth) & part["arm"].str.startswith(kind)]["mean"].max()
        for kind in ("plain", "residual")
    }
    words = {kind: "does not train" if np.isnan(value) else f"{value:.0f} %" for kind, value in best.items()}
    return f"After {length} steps, depth {depth}: best plain ReLU net {words['plain']}, residual {words['residual']}."


def _headline(found):
    """Which arms get at least 9 of 10 test images right, wherever they were trained to the largest depth."""
    deep = found["depth"].max()
    arms = [arm for arm, cells in found.groupby("arm", sort=False) if cells["depth"].max() == deep]
    good = [arm for arm in arms if (found.loc[found["arm"] == arm, "mean"] >= 90).all()]
    return f"Above 90 % down to depth {deep}: {' and '.join(map(in_words, good)) or 'none'} (x: does not train)"


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
    found = experiments.accuracies(data).set_index("arm")
    table = results.of(data["table"], "test_accuracy", twin=0)
    for row, (part, cell) in enumerate(found.iterrows()):
        seeds = 100 * table.loc[table["arm"] == part, "value"]
        ax.barh(row, cell["mean"], height=0.6, color=ARMS["batch"]["color"], alpha=0.35)
        ax.plot([cell["low"], cell["high"]], [row, row], color="black", linewidth=2)
        ax.plot(seeds, np.full(len(seeds), row), "k|", markersize=9)
        ax.text(seeds.min() - 2, row, f"{cell['mean']:.0f} %", ha="right", va="center")
    labels = [f"{PARTS[name]}\n{data['numbers'][name]:,} numbers" for name in found.index]
    ax.set_yticks(range(len(found)), labels)
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="test accuracy (%)")
    numbers, mean = data["numbers"], found["mean"]
    share = f"{100 * numbers['norm'] / numbers['all']:.1f} % of the numbers"
    ax.set_title(f"Training only gamma and beta, {share}: {mean['norm']:.0f} % right")
    rows = [
        {
            "trained": PARTS[part],
            "numbers": numbers[part],
            "rate": cell["lr"],
            "test accuracy (%)": results.spread(*cell[["mean", "low", "high"]], sign=False),
        }
        for part, cell in found.iterrows()
    ]
    lines = [
        f"Training only gamma and beta, {share}, gets {mean['norm']:.0f} % of the test images right, training "
        f"everything {mean['all']:.0f} %.",
        "",
        f"Mean [95 % interval] over {data['seeds']} seeds, at the rate best on validation images:",
        results.printed(rows),
        f"Differences in points; 'no difference' is one within {experiments.MARGIN:g} point:",
        verdicts(experiments.parts(data)),
    ]
    return ax, "\n".join(lines)


def verdicts(rows):
    """`experiments.comparisons` or `experiments.parts` on paper: differences in points, and what they say."""
    texts = [
        {word: str(row[name]) for word, name in (("steps", "length"), ("depth", "depth")) if name in row}
        | {name: PARTS.get(row[name], row[name]) for name in ("arm", "against")}
        | {"difference": results.spread(row["mean"], row["low"], row["high"]), "verdict": row["verdict"]}
        for _, row in rows.iterrows()
    ]
    return results.printed(texts)
