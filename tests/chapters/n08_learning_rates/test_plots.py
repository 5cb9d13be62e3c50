"""The drawings of notebook 08 show what went in, and their verdicts are computed from it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n08_learning_rates import plots
from bnbook.chapters.n08_learning_rates.experiments import rates


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def _sweep(batch_ceiling=10.0):
    lr = [0.01, 0.1, 1.0, 10.0, 100.0]
    arms = []
    for depth, init in ((5, "he"), (5, "torch")):
        for arm, top in (("none", 1.0), ("batch", batch_ceiling), ("start", 1.0)):
            accuracy = [[0.2, 0.3]] + [[0.96, 1.0] if rate <= top else [0.1, 0.1] for rate in lr[1:]]
            failed = [[int(rate > top)] * 2 for rate in lr]
            arms.append({"depth": depth, "init": init, "arm": arm, "lr": lr, "accuracy": accuracy, "failed": failed})
    return {"seeds": 2, "rates": lr, "best": 0.98, "arms": rates.width_and_ceiling(arms, 0.98)}


def test_the_sweep_is_drawn_in_per_cent_and_its_verdict_is_about_both_initializations():
    data = _sweep()
    axes, text = plots.learning_rates(data)
    assert [ax.get_title() for ax in axes] == ["5 layers, He init", "5 layers, default init"]
    curve = {line.get_label(): line.get_ydata() for line in axes[0].get_lines()}
    np.testing.assert_allclose(curve["with BatchNorm"], [25, 98, 98, 98, 10])
    first, second = text.splitlines()[:2]
    none, batch = (data["arms"][i]["band"]["mean"] for i in (0, 1))
    assert first.startswith("BatchNorm widens the band of good rates in 2 of 2 cases: ")
    assert f"{none:.1f} to {batch:.1f} decades (5 layers, He)" in first
    assert "by a factor of 10 [10, 10] (5 layers, He), 10 [10, 10] (5 layers, default)" in second
    assert "98.0 % at 0.1" in text and "or more" not in text.split("x:")[1]


def test_a_band_that_the_grid_cuts_off_is_said_to_be_wider():
    _, text = plots.learning_rates(_sweep(batch_ceiling=100.0))
    assert "] or more" in text


def test_a_sweep_without_the_pair_has_no_verdict_about_it():
    data = _sweep()
    data["arms"] = [arm for arm in data["arms"] if arm["arm"] == "start"]
    assert "There is no pair" in plots.learning_rates(data)[1].splitlines()[1]


def test_band_widths_have_one_mark_for_each_arm_and_count_the_winners():
    axes, text = plots.band_widths(_sweep())
    assert text.startswith("The widest band is one with BatchNorm in 2 of 2 cases")
    assert sum(line.get_marker() == "o" for line in axes[0].get_lines()) == 3


def test_the_heat_map_has_a_row_for_each_seed_and_says_where_all_are_good():
    data = _sweep()
    axes, text = plots.rate_heat_map(data, 5, "he")
    picture = axes[1].images[0].get_array()
    np.testing.assert_allclose(picture, 100 * np.array(data["arms"][1]["accuracy"]).T)
    assert "without normalization: good for all 2 seeds from 0.1 to 1; seeds differ at 0 rates" in text


def _matched(none, batch, failed=0):
    curve = {"step": [0, 10, 20], "accuracy": [0.1, 0.8, 0.95], "lowest": [0.1, 0.7, 0.9], "highest": [0.1, 0.9, 1.0]}
    difference = {"mean": 0.01, "interval": [0.002, 0.02]}
    return {
        "seeds": 2,
        "goal": 0.9,
        "steps": 20,
        "arms": [
            {**curve, "lr": 0.01, "arm": "none", "reached": none, "final": [0.9, 0.9], "failed": failed},
            {**curve, "lr": 0.01, "arm": "batch", "reached": batch, "final": [0.9, 0.9], "failed": 0}
            | {"difference": difference},
        ],
    }


@pytest.mark.parametrize(
    "none, batch, says",
    [
        ([10, 10], [20, None], "slower at 0.01 and faster at no rate"),
        ([20, None], [10, 10], "slower at no rate and faster at 0.01"),
        ([10, 20], [20, 10], "slower at no rate and faster at no rate"),
        ([None, None], [None, None], "slower at no rate and faster at no rate"),
    ],
)
def test_who_is_faster_at_a_rate_is_decided_by_all_seeds(none, batch, says):
    axes, text = plots.matched_rates(_matched(none, batch))
    assert text.splitlines()[0] == f"At the same learning rate BatchNorm is {says}." and "+1.0 [+0.2, +2.0]" in text
    assert len(axes) == 1


def test_no_difference_is_given_where_runs_fail():
    assert "some runs fail" in plots.matched_rates(_matched([10, None], [10, 10], failed=1))[1]


def test_extreme_rates_draw_three_curves_and_the_frozen_line():
    width = {"mean": 2.0, "interval": [1.5, 2.5], "seeds": [1.5, 2.5]}
    arm = {"accuracy": [[0.9, 1.0], [0.7, 0.9]], "growth": [1.0, 3000.0], "band": width}
    arms = [{"arm": name, **arm} for name in ("none", "batch", "sphere")]
    data = {"seeds": 2, "rates": [1.0, 1e6], "best": 0.95, "arms": [*arms, {"arm": "frozen", "accuracy": [[0.5, 0.7]]}]}
    ax, text = plots.extreme_rates(data)
    np.testing.assert_allclose(ax.get_lines()[1].get_ydata(), [95, 80])
    np.testing.assert_allclose(ax.get_lines()[3].get_ydata(), 60)
    assert "Good over 2.0 decades with BatchNorm, 2.0 if the length is kept, 2.0 without." in text
    assert "with BatchNorm: more than half" in text and "[1.5, 2.5]" in text
    assert "Within 10 points of frozen hidden weights (60 %): none." in text
    assert "become longer: more than 1,000 times at 1,000,000" in text


def test_no_digits_are_told_of_runs_beyond_divergence():
    """What the last rates give is told by its order of magnitude, so another machine's digits make the same text."""
    texts = set()
    for percent, growth in ((0.83, 81_000.0), (0.84, 93_000.0), (0.79, 12_345.0)):
        width = {"mean": 2.0, "interval": [1.5, 2.5], "seeds": [1.5, 2.5]}
        arms = [
            {"arm": name, "accuracy": [[0.95, 0.95], [percent, percent]], "growth": [810.0, growth], "band": width}
            for name in ("none", "batch", "sphere")
        ]
        arms.append({"arm": "frozen", "accuracy": [[0.8, 0.8]]})
        texts.add(plots.extreme_rates({"seeds": 2, "rates": [1e4, 1e6], "best": 0.95, "arms": arms})[1])
    (text,) = texts
    assert "more than 100 times at 10,000, more than 10,000 times at 1,000,000" in text
    assert "(80 %): without normalization; with BatchNorm; BatchNorm, length kept." in text


def test_scale_invariance_says_to_which_power_of_ten_it_holds():
    exact = {"norm": "batch", "eps": 1e-30, "change": [2e-16] * 3, "mismatch": [1e-15] * 3, "cosine": [0.0] * 3}
    usual = {"norm": "batch", "eps": 1e-5, "change": [0.5, 0.1, 1e-5], "mismatch": [0.1] * 3, "cosine": [0.0] * 3}
    none = {"norm": "none", "eps": None, "change": [1, 1, 9], "mismatch": [1, 1, 9], "cosine": [0.1, 0.1, 0.1]}
    axes, text = plots.scale_invariance({"factors": [1e-3, 0.1, 10.0], "arms": [exact, usual, none]})
    assert text.startswith("BatchNorm, eps 1e-30: change, mismatch and cosine are 0 to 1e-14 at every factor.")
    assert "a = 0.001: 0.5" in text and "below 1e-13" in text and len(axes) == 3


def test_equal_losses_are_told_from_others():
    arms = [
        {"factor": 1.0, "hidden_lr": 0.1, "loss": [2.0, 1.0], "apart": 0.0},
        {"factor": 10.0, "hidden_lr": 10.0, "loss": [2.0, 1.0], "apart": 1e-15},
        {"factor": 10.0, "hidden_lr": 0.1, "loss": [2.0, 1.5], "apart": 0.5},
    ]
    ax, text = plots.equivalent_rates({"lr": 0.1, "steps": 2, "arms": arms})
    assert text.startswith("1 of 2 have the same losses, to 1e-14.") and "other losses" in text
    assert "1 of 2 have the same losses" in ax.get_title()


def _growth(grows, off):
    arm = {"norm": "batch", "lr": 1.0, "square": [[1, 2], [1, 4]], "effective": [[1, 0.5], [1, 0.3]]}
    return {"seeds": 2, "step": [0, 10], "arms": [{**arm, "off": off, "grows": grows}]}


@pytest.mark.parametrize("grows, off, says", [(True, 1e-15, "only grows"), (False, 0.06, "does not only grow")])
def test_norm_growth_says_whether_it_grows(grows, off, says):
    axes, text = plots.norm_growth(_growth(grows, off))
    assert f"With BatchNorm |w|² {says}, here up to x 3." in text and "effective rate x 0.4" in text
    np.testing.assert_allclose(axes[0].get_lines()[0].get_ydata(), [1, 3])


def _decayed(ratio, ends):
    arm = {"noise": 0.3, "lr": 1.0, "weight_decay": 0.01, "step": [0, 10], "angle": [0.14, 0.14]}
    arm |= {
        "predicted_length": [0.4, 0.4],
        "predicted_angle": 0.1414,
        "ratio": {"mean": ratio, "interval": [ratio, ratio]},
    }
    return {"seeds": 2, "steps": 10, "arms": [{**arm, "start": 1.0, "length": [[1.4, end]] * 2} for end in ends]}


def test_the_equilibrium_counts_settings_near_the_prediction_and_says_if_lengths_meet():
    axes, text = plots.weight_decay_equilibrium(_decayed(0.99, (0.40, 0.41)))
    assert text.startswith("The angle is within 5 % of the prediction in 2 of 2 settings.") and "0.14    1.0" in text
    assert "forgets its start" in axes[0].figure.get_suptitle()
    axes, text = plots.weight_decay_equilibrium(_decayed(0.5, (0.40, 0.80)))
    assert "in 0 of 2" in text and "forgets" not in axes[0].figure.get_suptitle()


def _along(none, batch):
    same = {"init": "he", "descends": [1.0], "change": [0.5], "smoothness": [2.0], "accuracy": [0.9]}
    arms = [
        {**same, "norm": "none", "loss": [[2.0, 1.9], [1.0, 1.4]], "range": none},
        {**same, "norm": "batch", "loss": [[2.0, 1.8], [1.0, 0.9]], "range": batch},
    ]
    return {"seeds": 2, "depth": 3, "steps": 40, "lr": 0.05, "step": [0, 20], "eta": [0.1], "arms": arms}


@pytest.mark.parametrize(
    "none, batch, says",
    [
        ([1.0, 2.0], [0.1, 0.2], "flatter with BatchNorm"),
        ([0.1, 0.2], [1.0, 2.0], "flatter without BatchNorm"),
        ([0.1, 2.0], [1.0, 1.5], "no clear difference"),
    ],
)
def test_flatter_is_what_is_flatter_for_every_seed(none, batch, says):
    axes, text = plots.along_gradient(_along(none, batch))
    assert text.splitlines()[0] == f"Along the gradient: {says} (He init)." and says in axes[0].get_title()
    np.testing.assert_allclose(axes[0].get_lines()[1].get_ydata(), [0, 0.4], atol=1e-12)
