"""The drawings of notebook 04 show their data, say what they show, and nothing lies on another."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
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
    names = list(KEPT)
    arms = {n: {"gap": [[0.1 * i] * 4, [0.3 * i] * 4], "accuracy": [[0.5] * 4, [0.7] * 4]} for i, n in enumerate(names)}
    arms["training mode"] = arms[names[0]]
    recalibration = {
        "momentum=0.01": [{"mean": 0.1, "interval": [0.05, 0.15]}] * 4,
        "momentum=0.1": [{"mean": 0.01, "interval": [-0.01, 0.02]}] * 4,
        "momentum=None": [{"mean": -0.01, "interval": [-0.02, -0.001]}] * 4,
    }
    data = {"step": [5, 20, 50, 100], "seeds": 2, "arms": arms, "recalibration": recalibration}
    axes, text = plots.train_eval_gap(data)
    for i, line in enumerate(axes[0].get_lines()):
        np.testing.assert_allclose(line.get_ydata(), 0.2 * i)
    assert axes[0].figure.get_suptitle().startswith(f"Farthest off to the end: {names[-1]}")
    lines = {line.get_label(): line for line in axes[0].get_lines()}
    on_one_another = ["momentum=0.01, corrected", "momentum=None", "recalibrated"]  # as they nearly are at first
    widths = [lines[name].get_linewidth() for name in on_one_another]
    assert all(wide >= 2 * narrow for wide, narrow in itertools.pairwise(widths)), "none is hidden by the next"
    for said in ("+10.0 [+5.0, +15.0], a gain", "+1.0 [-1.0, +2.0], no clear", "-1.0 [-2.0, -0.1], a loss", " / 60 %"):
        assert said in text


def test_forgotten_eval_is_drawn_in_per_cent_with_the_sorted_case_apart():
    data = {"sizes": [2, 20, 500], "evaluated": [0.9, 1.0], "interval": [0.9, 1.0]}
    data |= {"shuffled": [[0.4, 0.6], [0.8, 1.0], [0.9, 1.0]], "by_class": [[0.1, 0.1], [0.1, 0.3], [0.9, 1.0]]}
    ax, text = plots.forgotten_eval(data)
    assert ax.get_title() == "Without eval(): 90 % in shuffled batches of 20, 20 % in sorted ones"
    drawn = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    np.testing.assert_allclose(drawn["training mode, sorted by class"], [10, 20, 95])
    assert "95.0 % [90.0, 100.0]" in text and text.splitlines()[2].split()[1:] == ["50", "90", "95"]


def test_folding_errors_are_told_apart_inside_and_at_the_border():
    border = np.pad(np.zeros((2, 2)), 1, constant_values=0.5)
    axes, text = plots.folding_errors({"with": border, "without": np.full((3, 3), 1e-15)})
    assert [ax.get_title().split("\n")[1] for ax in axes] == ["wrong at the border", "equal everywhere"]
    assert "with: inside equal to 1e-10, at the border off by up to 0.50" in text
