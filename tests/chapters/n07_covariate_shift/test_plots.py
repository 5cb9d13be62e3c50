"""The drawings of notebook 07: titles and texts say what the data say, whatever they say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n07_covariate_shift import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def _unit_inputs():
    def arm(name, steps, moved):
        curves = [[-1 + moved * i / 2, moved * i / 2, 1 + moved * i / 2] for i in range(3)]
        return {
            "arm": name,
            "step": [0, 10, 20],
            "curves": curves,
            "range": [moved, moved],
            "spread": [2.0, 2.1],
            "accuracy_step": [0, 20],
            "accuracy": [[0.1, 0.9], [0.1, 0.8]],
            "steps_to_90": steps,
        }

    arms = [arm("none", [400, None], 1.2), arm("batch", [30, 35], 0.2), arm("start", [40, 35], 1.0)]
    return {"seeds": 2, "percentiles": [15, 50, 85], "arms": arms}


def test_unit_inputs_has_a_panel_for_the_accuracy_and_one_for_each_arm():
    axes, text = plots.unit_inputs(_unit_inputs())
    assert len(axes) == 4
    np.testing.assert_allclose(axes[1].get_lines()[0].get_ydata(), [0, 0.6, 1.2])
    np.testing.assert_allclose(axes[0].get_lines()[0].get_ydata(), [10, 85])
    verdict = "never without normalization, 35 with BatchNorm, 40 standardized once, at the start"
    assert axes[0].figure.get_suptitle() == f"Steps to 90 %: {verdict}" and text.startswith(
        f"Steps to 90 %: {verdict}."
    )
    assert text.splitlines()[1].startswith(
        "Way of a unit's median: 1.2 without normalization, 0.2 with BatchNorm, 1.0 "
    )
    assert "median moves over 0.20 [0.20, 0.20], width at the start 2.05 [2.00, 2.10]" in text
    assert "steps to 90 % never [400, never]" in text
    axes, text = plots.unit_inputs(_unit_inputs(), ["none", "batch"])
    assert len(axes) == 3 and "standardized" not in text


def _input_drift(factor=8.8, low=7.0):
    arms = [
        {"case": case, "arm": arm, "distance": [0.1, 0.2], "mean": [0.3, 0.1]}
        for case in "ab"
        for arm in ("none", "start", "batch")
    ]
    arms[0]["distance"] = [None, 0.4]
    found = {"distance_interval": [low, 10.0], "mean": 101.4, "mean_interval": [99.0, 104.0]}
    missing = dict.fromkeys(("distance", "distance_interval", "mean", "mean_interval"))
    factors = [{"case": "a", "pairs": 1, **missing}, {"case": "b", "pairs": 2, "distance": factor, **found}]
    return {"seeds": 2, "cases": ["a", "b"], "arms": arms, "factors": factors}


def test_input_drift_says_in_how_many_settings_inputs_move_less():
    axes, text = plots.input_drift(_input_drift())
    title = "With BatchNorm the inputs move less in 1 of 1 settings"
    assert axes[0].figure.get_suptitle() == title
    assert text.splitlines()[0] == f"{title}: by a factor of 8.8 to 8.8."
    assert "a                     runs diverge" in text
    assert "b                     inputs 8.8 [7, 10]" in text and "means 100 [99, 100]" in text
    assert [line.get_text() for line in axes[0].get_yticklabels()] == ["a", "b"]
    assert "in 0 of 1 settings" in plots.input_drift(_input_drift(1.1, 0.9))[1]


def _gradient_shift(first=(-0.5, -0.3), second=(0.3, 0.6)):
    steps = {"none": [100, 200], "batch": [20, 30]}
    arms = [
        {"case": case, "arm": arm, "relative": [0.5, 0.6], "cosine": [0.9, 0.8], "steps_to_90": steps[arm]}
        for case in "ab"
        for arm in ("none", "batch")
    ]
    differences = [
        {"case": case, "pairs": 2, "relative": np.mean(i), "relative_interval": i, "cosine": 0.1}
        | {"cosine_interval": [0.0, 0.2]}
        for case, i in zip("ab", (first, second), strict=True)
    ]
    return {"seeds": 2, "steps": 300, "cases": ["a", "b"], "arms": arms, "differences": differences}


@pytest.mark.parametrize(
    "first, second, title, wins",
    [
        ((-0.5, -0.3), (0.3, 0.6), "less in 1 of 2 settings, more in 1", "1 of 2"),
        ((0.1, 0.3), (0.3, 0.6), "less in 0 of 2 settings, more in 2", "0 of 2"),
        ((-0.1, 0.3), (-0.6, -0.3), "less in 1 of 2 settings, more in 0", "1 of 1"),
    ],
)
def test_gradient_shift_counts_signs_and_whether_the_calmer_net_is_faster(first, second, title, wins):
    axes, text = plots.gradient_shift(_gradient_shift(first, second))
    assert axes[0].figure.get_suptitle() == f"With BatchNorm gradients change {title}"
    first_line, second_line = text.splitlines()[:2]
    assert first_line.startswith(f"With BatchNorm gradients change {title}, no clear difference in ")
    assert second_line.endswith(f"it is the one with less change in {wins} settings.")
    assert "cosine +0.10 [+0.00, +0.20], steps 200 / 30" in text


def _noisy(low=-200.0, high=-100.0):
    arms = [
        {
            "case": "a",
            "arm": arm,
            "step": [0, 5],
            "distance": [drift, drift],
            "accuracy": [0.9, 0.92],
            "lowest": [0.1, 0.8],
            "median": [0.1, 0.9],
            "highest": [0.2, 0.95],
            "steps_to_90": [30, None],
        }
        for arm, drift in (("none", 0.2), ("batch", 0.02), ("noisy", 0.3), ("noisier", 0.5))
    ]
    differences = [
        {"case": "a", "arm": arm, "steps": -150.0, "interval": [low, high]} for arm in ("batch", "noisy", "noisier")
    ]
    return {"seeds": 2, "steps": 300, "cases": ["a"], "arms": arms, "differences": differences}


@pytest.mark.parametrize(
    "interval, verdict, count",
    [((-200, -100), "faster", 1), ((100, 200), "slower", 0), ((-10, 20), "no clear difference", 0)],
)
def test_noisy_batch_norm_says_whether_it_is_still_faster_and_how_much_more_its_inputs_drift(interval, verdict, count):
    axes, text = plots.noisy_batch_norm(_noisy(*interval))
    assert axes.shape == (2, 1) and axes[0, 0].get_title() == f"a\nwith noise: {verdict}"
    first, second = text.splitlines()[:2]
    assert first == f"With noise BatchNorm is still faster than no normalization in {count} of 1 settings."
    assert "drift 15 to 15 times as far as with BatchNorm alone" in second
    assert f"noisy BatchNorm: never [30, never], -150 [{interval[0]:+}, {interval[1]:+}], 91 %, drift 0.3 sd" in text
    assert "without normalization: never [30, never], 91 %, drift 0.2 sd" in text


@pytest.mark.parametrize(
    "draw, data",
    [
        (plots.unit_inputs, _unit_inputs),
        (plots.input_drift, _input_drift),
        (plots.gradient_shift, _gradient_shift),
        (plots.noisy_batch_norm, _noisy),
    ],
)
def test_every_axis_has_a_label_and_every_panel_a_title(draw, data):
    axes, text = draw(data())
    for ax in np.ravel(axes):
        assert ax.get_xlabel()
    for ax in np.ravel(axes)[: 1 if draw is plots.noisy_batch_norm else None]:
        assert ax.get_title()
    assert all(len(line) <= 120 for line in text.splitlines())
