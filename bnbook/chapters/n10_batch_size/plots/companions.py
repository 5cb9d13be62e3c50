"""Batches whose images have something in common: a class, or a session."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .looks import GREY, MARKERS, bare, legend, line_with_interval, percent, reported, said, with_interval, with_mark

MARGIN = 1.0  # points: a smaller difference counts as none


def one_class(data):
    """Test accuracy against the number of classes in a training batch, one line per normalization.

    data   what experiments.one_class returned
    Returns axes, text.
    """
    table = reported(data["table"])
    classes, arms = sorted(table["classes"].unique().tolist()), list(table["arm"].unique())
    figure, ax = plt.subplots(figsize=(6.8, 3.7))
    for arm in arms:
        line_with_interval(ax, classes, [with_interval(data["table"], classes=n, arm=arm) for n in classes], arm)
    guessing = 100 * data["guessing"]
    ax.axhline(guessing, color="0.4", linewidth=0.8, linestyle=":")
    ax.text(classes[-1], guessing + 1, "guessing", ha="right", va="bottom", color="0.3")
    ax.set(ylim=(0, 102), xscale="log", xlabel="classes in a training batch", ylabel="test accuracy (%)")
    ax.set_xticks(classes, map(str, classes))
    ax.minorticks_off()
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    number = f"{classes[0]} class{'es' * (classes[0] > 1)}"
    few = {arm: percent(data["table"], classes=classes[0], arm=arm) for arm in arms}
    ax.set_title(f"{number} in a batch" + (f": {few['batch']:.0f} % with BatchNorm" if "batch" in few else ""))
    said_of = ", ".join(f"{few[arm]:.0f} % {ARMS[arm]['label']}" for arm in arms)
    lines = [
        f"Trained with {number} in each batch of {data['batch_size']}, {data['seeds']} seeds, test accuracy:",
        f"{said_of}.",
        "",
    ]
    lines += [_untrained(data, one) for one in data["best"] if not one["trains"]]
    return ax, "\n".join([*lines, *_by_classes(table, classes, arms)])


def _untrained(data, one):
    tried = results.of(data["tuning"], "val_accuracy", arm=one["arm"], classes=one["classes"])
    low, high = tried["lr"].min(), tried["lr"].max()
    return (
        f"{one['classes']} class{'es' * (one['classes'] > 1)} in a batch, {bare(one['arm'])}: does not train "
        f"(no rate from {low:.1g} to {high:,.0f} is 5 points better than guessing)"
    )


def _by_classes(table, classes, arms):
    """Accuracies, then those with few classes in a batch minus those with most: lines, a row per arm."""
    rows = [
        {
            "classes in a batch": ARMS[arm]["label"],
            **{f"{n}": f"{percent(table, classes=n, arm=arm):.0f}" for n in classes},
        }
        for arm in arms
    ]
    differences = from_most(table)
    if differences is None:
        return [results.printed(rows)]
    few = [
        {
            f"minus {classes[-1]} in a batch": ARMS[arm]["label"],
            **{f"{row['arm']}": with_mark(row) for _, row in own.iterrows()},
        }
        for arm, own in differences.groupby("of", sort=False)
    ]
    return [results.printed(rows), "Differences " + legend(differences, MARGIN), results.printed(few)]


def from_most(table):
    """Each number of classes against the largest, for each arm: the DataFrame of `results.holm`, arm in column 'of'."""
    own = reported(table)
    classes, rows = sorted(own["classes"].unique().tolist()), []
    for arm, part in own.groupby("arm", sort=False):
        by_number = part.assign(arm=part["classes"])  # what is compared here is not the norm
        for n in classes[:-1]:
            rows.append({"of": arm, **results.compare(by_number, n, classes[-1], "test_accuracy", margin=MARGIN)})
    return results.holm(rows) if rows else None


def shared_nuisance(data):
    """Accuracy in training and evaluation mode, trained with a session in each batch, and shuffled.

    data   what experiments.shared_nuisance returned
    Returns axes (an array of 2), text.
    """
    table, arms = data["table"], list(data["table"]["arm"].unique())
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.5), sharey=True)
    for ax, together in zip(axes, (True, False), strict=True):
        for i, arm in enumerate(arms):
            for shift, measure, filled in ((-0.15, "session_accuracy", False), (0.15, "test_accuracy", True)):
                values = 100 * reported(table, measure, together=together, arm=arm)["value"].to_numpy()
                color = ARMS[arm]["color"]
                face, jitter = color if filled else "white", i + shift + np.linspace(-0.08, 0.08, len(values))
                ax.plot(jitter, values, MARKERS[arm], color=color, markerfacecolor=face, markersize=4)
                ax.plot([i + shift - 0.12, i + shift + 0.12], [values.mean()] * 2, color="black", linewidth=1.5)
        ax.set_xticks(range(len(arms)), [ARMS[arm]["label"].replace(" ", "\n", 1) for arm in arms])
        ax.set_title(_HOW[together])
        ax.set_xlim(-0.5, len(arms) - 0.5)
    axes[0].set_ylabel("test accuracy (%)")
    for face, label in (("white", "training mode (by each test session)"), (GREY, "evaluation mode")):
        axes[0].plot([], [], "o", color=GREY, markerfacecolor=face, label=label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    first, second = _sessions_in_words(table, arms, data["seeds"])
    figure.suptitle(first)
    return axes, "\n".join([f"{first};", f"{second}.", "", *_sessions_in_a_table(table, arms)])


_HOW = {True: "each training batch is a session", False: "the same images, shuffled"}


def _sessions_in_words(table, arms, seeds):
    if "batch" not in arms:
        return "nothing to compare: no arm with BatchNorm", f"{seeds} seeds"
    mode = {
        measure: percent(table, measure, together=True, arm="batch")
        for measure in ("session_accuracy", "test_accuracy")
    }
    first = (
        f"BatchNorm trained by session: {mode['session_accuracy']:.0f} % in training mode, "
        f"{mode['test_accuracy']:.0f} % in evaluation mode"
    )
    shuffled = percent(table, together=False, arm="batch")
    return first, f"trained on the same images shuffled: {shuffled:.0f} % in evaluation mode ({seeds} seeds)"


def _sessions_in_a_table(table, arms):
    rows, differences = [], between_modes(table)
    for (together, arm), row in zip([(t, a) for t in _HOW for a in arms], differences, strict=True):
        means = {
            name: f"{percent(table, measure, together=together, arm=arm):.0f} %" for measure, name in _MODES.items()
        }
        rows.append(
            {"": f"{_HOW[together]}, {ARMS[arm]['label']}", **means, "evaluation minus training (points)": said(row)}
        )
    return [results.printed(rows)]


_MODES = {"session_accuracy": "training mode", "test_accuracy": "evaluation mode"}


def between_modes(table):
    """Evaluation mode against training mode: what `results.compare` says of each way of training and each arm."""
    rows = []
    for together in _HOW:
        for arm in table["arm"].unique():
            both = [reported(table, measure, together=together, arm=arm) for measure in _MODES]
            part = _as_arms(both, _MODES.values())
            rows.append(results.compare(part, *reversed(_MODES.values()), "test_accuracy", margin=MARGIN))
    return rows


def shuffled_or_not(table, arm="batch"):
    """An arm trained on shuffled images against the same trained by session, both in evaluation mode."""
    both = [reported(table, together=together, arm=arm) for together in _HOW]
    return results.compare(_as_arms(both, _HOW.values()), *reversed(_HOW.values()), "test_accuracy", margin=MARGIN)


def _as_arms(parts, names):
    """Parts of a table that `results.compare` is to tell apart, by names of their own."""
    parts = [part.assign(arm=name, measure="test_accuracy") for part, name in zip(parts, names, strict=True)]
    return pd.concat(parts)
