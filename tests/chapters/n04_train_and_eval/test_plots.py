"""The drawings of notebook 04 show their data, say what they show, and nothing lies on another."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bnbook.chapters.n04_train_and_eval import plots
from bnbook.chapters.n04_train_and_eval.plots import KEPT

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_companions_shows_ten_companies_and_counts_all_images():
    picture = np.eye(8).tolist()
    data = {
        "size": 31,
        "truth": [4, 7],
        "labels": [[[4] * 9 + [9], [7] * 10], [[4] * 10, [1] * 10]],
        "evaluated": [[4, 7], [4, 7]],
        "shown": {
            "image": picture,
            "companions": [[picture] * 2] * 10,
            "labels": [4] * 9 + [9],
            "evaluated": 4,
            "truth": 4,
        },
    }
    axes, text = plots.companions(data)
    assert [ax.get_title() for ax in axes.flat] == [f"with {c}s: 4" for c in range(9)] + ["with 9s: 9"]
    assert "One 4, one net in training mode, 2 different labels" in axes.flat[0].figure.get_suptitle()
    assert "for 25 % of the images" in text and "Right in evaluation mode: 100 %" in text
    assert "Right among companions of their own class: 75 %" in text  # of 4, 7 and 4, but not of the last 7


def test_the_gap_drawing_shows_means_and_says_verdicts():
    names, steps = list(KEPT), [5, 20, 50, 100]
    behind = {
        "momentum=0.01": (0.05, 0.15, 0.1),
        "momentum=0.1": (0.0, 0.004, 0.002),
        "momentum=None": (-0.1, 0.1, 0.0),
    }
    kinds = [(i, name, seed, step) for i, name in enumerate(names) for seed in range(3) for step in steps]
    rows = [("gap", name, seed, step, (0.1, 0.2, 0.3)[seed] * i) for i, name, seed, step in kinds]
    rows += [
        ("test_accuracy", name, seed, step, (0.5, 0.6, 0.7)[seed] - behind.get(name, (0, 0, 0))[seed])
        for _, name, seed, step in kinds
    ]
    rows += [(*row[:1], "training mode", *row[2:]) for row in rows if row[1] == names[0]]
    table = pd.DataFrame(rows, columns=["measure", "arm", "seed", "step", "value"])
    axes, text = plots.train_eval_gap({"step": steps, "seeds": 3, "table": table})
    for i, line in enumerate(axes[0].get_lines()):
        np.testing.assert_allclose(line.get_ydata(), 0.2 * i)
    assert axes[0].figure.get_suptitle().startswith(f"Farthest off to the end: {names[-1]}")
    lines = {line.get_label(): line for line in axes[0].get_lines()}
    on_one_another = ["momentum=0.01, corrected", "momentum=None", "recalibrated"]  # as they nearly are at first
    widths = [lines[name].get_linewidth() for name in on_one_another]
    assert all(wide >= 2 * narrow for wide, narrow in itertools.pairwise(widths)), "none is hidden by the next"
    assert "+10.0 [-2.4, +22.4], not settled here" in text, "Student's, 2 degrees of freedom"
    first, _, _, row = text.splitlines()[:4]
    assert f"0.80 with {names[-1]}" in first and row.startswith("momentum=0.01 ") and row.count("0.00 / 50 %") == 4


@pytest.mark.parametrize(
    "differences, said",
    [
        ((0.10, 0.11, 0.12), "a gain"),
        ((-0.10, -0.11, -0.12), "a loss"),
        ((0.001, -0.001, 0.0), "less than a point"),
        ((0.1, -0.1, 0.0), "not settled here"),
    ],
)
def test_what_recalibration_brings_is_said_in_words_that_follow_from_the_numbers(differences, said):
    rows = [
        {"arm": name, "seed": seed, "step": step, "measure": measure, "value": 0.5 + (name == "recalibrated") * d}
        for name in (*KEPT, "training mode")
        for seed, d in enumerate(differences)
        for step in (5, 20, 50, 100)
        for measure in ("gap", "test_accuracy")
    ]
    _, text = plots.train_eval_gap({"step": [5, 20, 50, 100], "seeds": 3, "table": pd.DataFrame(rows)})
    changes = text.splitlines()[-4:]
    assert [line.count(said) for line in changes] == [2] * 4, text


def test_forgotten_eval_is_drawn_in_per_cent_with_the_sorted_case_apart():
    data = {"sizes": [2, 20, 500], "evaluated": [0.9, 1.0], "interval": [0.9, 1.0]}
    data |= {"shuffled": [[0.4, 0.6], [0.8, 1.0], [0.9, 1.0]], "by_class": [[0.1, 0.1], [0.1, 0.3], [0.9, 1.0]]}
    ax, text = plots.forgotten_eval(data)
    assert ax.get_title() == "Without eval(): 90 % in shuffled batches of 20, 20 % in sorted ones"
    drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    np.testing.assert_allclose(drawn["training mode, sorted by class"], [10, 20, 95])
    assert "95.0 % [90.0, 100.0]" in text and text.splitlines()[4].split()[1:] == ["50", "90", "95"]


def test_folding_errors_are_told_apart_inside_and_at_the_border():
    border = np.pad(np.zeros((2, 2)), 1, constant_values=0.5)
    axes, text = plots.folding_errors({"with": border, "without": np.full((3, 3), 1e-15)})
    assert [ax.get_title().split("\n")[1] for ax in axes] == ["wrong at the border", "equal everywhere"]
    assert text.startswith("Pixel by pixel, how far two outputs differ: with, without. They differ with with.\n\n")
    assert "with: inside equal to 1e-10, at the border off by up to 0.50" in text
