"""The drawings of notebook 08 show what went in, and their verdicts are computed from it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bnbook.chapters.n08_learning_rates import plots

RATES = [0.01, 0.1, 1.0, 10.0, 100.0]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def _table(values, **label):
    """Long rows from {(what varies): a value per seed}; the names of what varies are in label['by']."""
    by = label.pop("by")
    rows = [
        {**label, **dict(zip(by, key, strict=True)), "seed": seed, "twin": 0, "value": value}
        for key, some in values.items()
        for seed, value in enumerate(some)
    ]
    return pd.DataFrame(rows)


def _sweep(batch_ceiling=10.0, arms=("none", "batch", "start"), steps=(300,)):
    """Three seeds, each good from 0.1 up to its arm's ceiling."""
    tops = {"none": 1.0, "batch": batch_ceiling, "start": 1.0}
    accuracies = {
        (init, arm, lr, step): ([0.2, 0.3, 0.25] if lr < 0.1 else [0.96, 1.0, 0.98] if lr <= tops[arm] else [0.1] * 3)
        for init in ("he", "torch")
        for arm in arms
        for lr in RATES
        for step in steps
    }
    table = _table(accuracies, by=("init", "arm", "lr", "step"), depth=5, measure="test_accuracy")
    return {"seeds": 3, "rates": RATES, "steps": list(steps), "table": table}


def test_the_sweep_is_drawn_in_per_cent_and_its_verdict_is_about_both_initializations():
    axes, text = plots.learning_rates(_sweep())
    assert [ax.get_title() for ax in axes] == ["5 layers, He init", "5 layers, default init"]
    curve = {line.get_label(): line.get_ydata() for line in axes[0].get_lines()}
    np.testing.assert_allclose(curve["with BatchNorm"], [25, 98, 98, 98, 10])
    assert text.startswith(
        "Accuracy over the learning rate. BatchNorm's band of good rates is wider in 2 of 2 cases after 300"
    )
    assert "98.0 % at 0.1" in text and "or more" not in text.split("interval")[1]
    axes, text = plots.learning_rates(_sweep(steps=(300, 1000)))
    assert len(axes) == 4 and "in 2 of 2 cases after 300 steps, in 2 of 2 cases after 1000 steps" in text


def test_equal_bands_are_no_verdict():
    assert "wider in 0 of 2 cases" in plots.learning_rates(_sweep(batch_ceiling=1.0))[1]


def test_a_band_that_the_grid_cuts_off_is_said_to_be_wider():
    _, text = plots.learning_rates(_sweep(batch_ceiling=100.0))
    assert "] or more" in text


def test_a_sweep_without_the_pair_has_no_verdict_about_it():
    assert plots.learning_rates(_sweep(arms=("start",)))[1].split(". ", 1)[1].startswith("There is no pair with")


def test_good_rates_have_a_bar_for_each_arm_and_the_ceilings_ratio_beside_it():
    axes, text = plots.good_rates(_sweep())
    bars = [line for line in axes[0].get_lines() if line.get_marker() == "None"]
    assert len(bars) == 3 and len(axes) == 2
    assert text.startswith("BatchNorm's ceiling is higher in 0 of 2 cases after 300 steps")  # rates ten times apart
    assert "Trained for one length." in text
    (row,) = (line for line in text.splitlines()[7:10] if line.startswith("with BatchNorm"))
    assert row.split(maxsplit=2)[2].split(maxsplit=1) == ["32", "(10 [1, 100])"]


def test_edges_that_move_are_told():
    early, late = _sweep(steps=(300,))["table"], _sweep(steps=(1000,))["table"]
    late["lr"] *= 0.3
    data = _sweep() | {"steps": [300, 1000], "table": pd.concat([early, late])}
    assert "From 300 to 1000 steps, bands of 6 nets: left edge x 0.3 (" in plots.good_rates(data)[1]


def test_the_heat_map_has_a_row_for_each_seed_and_says_where_all_are_good():
    axes, text = plots.rate_heat_map(_sweep(), 5, "he", 300)
    picture = axes[1].images[0].get_array()
    np.testing.assert_allclose(picture[0], [20, 96, 96, 96, 10])
    assert "without normalization: good for all 3 seeds from 0.1 to 1; seeds differ at no rate" in text


def _matched(none, batch, diverged=0.0):
    """Two steps of three seeds at one rate."""
    measured = {("reached", arm, 20): some for arm, some in (("none", none), ("batch", batch))}
    measured |= {("diverged", arm, 20): [diverged] * 3 for arm in ("none", "batch")}
    curves = {10: [0.7, 0.8, 0.9], 20: [0.9, 0.91, 0.92]}
    measured |= {("test_accuracy", arm, step): some for arm in ("none", "batch") for step, some in curves.items()}
    batch_ends = {("test_accuracy", "batch", 20): [0.93, 0.941, 0.949]}
    table = _table(measured | batch_ends, by=("measure", "arm", "step"), lr=0.01)
    return {"seeds": 3, "goal": 0.9, "steps": 20, "table": table}


@pytest.mark.parametrize(
    "none, batch, says, speed",
    [
        ([100, 100, 110], [300, 310, 300], "slower at 0.01 and faster at no rate", "slower"),
        ([300, 310, 300], [100, 100, 110], "slower at no rate and faster at 0.01", "faster"),
        ([100, 200, 300], [200, 100, 300], "slower at no rate and faster at no rate", "not settled here"),
        ([np.nan] * 3, [100, 100, 110], "slower at no rate and faster at no rate", "only with BatchNorm"),
        ([100, np.nan, 100], [100, 100, 110], "slower at no rate and faster at no rate", "not all get there"),
    ],
)
def test_who_is_faster_at_a_rate_is_decided_by_all_seeds(none, batch, says, speed):
    axes, text = plots.matched_rates(_matched(none, batch))
    assert text.splitlines()[0] == f"At the same learning rate BatchNorm is {says}." and speed in text.splitlines()[-1]
    assert "+3.0 [+2.8, +3.2]" in text and text.splitlines()[-1].endswith("more") and len(axes) == 1


def test_no_difference_is_given_where_runs_fail():
    assert "some runs diverge" in plots.matched_rates(_matched([100, 110, 100], [10, 20, 10], diverged=1.0))[1]


def _extreme(percent=0.8, growth=(810.0, 81_000.0)):
    rates = (1.0, 1e4, 1e6)
    measured = {
        ("test_accuracy", arm, lr, step): [0.95, 0.95] if lr == 1.0 else [percent, percent]
        for arm in ("none", "batch", "sphere")
        for lr in rates
        for step in (10, 20)
    }
    measured |= {("test_accuracy", "frozen", 0.0, step): [0.8, 0.8] for step in (10, 20)}
    lengths = {1.0: 1.0, 1e4: growth[0], 1e6: growth[1]}
    measured |= {("length", "batch", lr, 0): [5.0, 5.0] for lr in rates}
    measured |= {("length", "batch", lr, step): [5 * lengths[lr]] * 2 for lr in rates for step in (10, 20)}
    table = _table(measured, by=("measure", "arm", "lr", "step"))
    return {"seeds": 2, "rates": list(rates), "steps": [10, 20], "table": table}


def test_extreme_rates_draw_three_curves_and_the_frozen_line():
    axes, text = plots.extreme_rates(_extreme())
    assert [ax.get_title() for ax in axes] == ["10 steps", "20 steps"]
    np.testing.assert_allclose(axes[1].get_lines()[1].get_ydata(), [95, 80, 80])
    np.testing.assert_allclose(axes[1].get_lines()[3].get_ydata(), 80)
    assert "Good over 2.5 decades with BatchNorm, 2.5 if the length is kept, 2.5 without (10 steps)." in text
    assert "or more" in text and "growth" not in text.split("become longer")[1]  # cut off: no difference of widths
    assert "(80 %): without normalization; with BatchNorm; BatchNorm, length kept." in text
    assert "Within 10 points of frozen hidden weights (80 %): none." in plots.extreme_rates(_extreme(0.3))[1]


def test_no_digits_are_told_of_runs_beyond_divergence():
    """What the last rates give is told by its order of magnitude, so another machine's digits make the same text."""
    numbers = ((0.83, 81_000.0), (0.84, 93_000.0), (0.79, 12_345.0))
    told = [plots.extreme_rates(_extreme(percent, (810.0, growth)))[1] for percent, growth in numbers]
    lines = {tuple(line for line in text.splitlines() if "1,000,000" in line or "Within" in line) for text in told}
    assert len(lines) == 1 and "more than 100 times at 10,000, more than 10,000 times at 1,000,000" in told[0]


def test_scale_invariance_says_to_which_power_of_ten_it_holds():
    exact = {"norm": "batch", "eps": 1e-30, "change": [2e-16] * 3, "mismatch": [1e-15] * 3, "cosine": [0.0] * 3}
    usual = {"norm": "batch", "eps": 1e-5, "change": [0.5, 0.1, 1e-5], "mismatch": [0.1] * 3, "cosine": [0.0] * 3}
    none = {"norm": "none", "eps": None, "change": [1, 1, 9], "mismatch": [1, 1, 9], "cosine": [0.1, 0.1, 0.1]}
    axes, text = plots.scale_invariance({"factors": [1e-3, 0.1, 10.0], "arms": [exact, usual, none]})
    assert "BatchNorm, eps 1e-30: change, mismatch and cosine are 0 to 1e-14 at every factor." in text.splitlines()[0]
    assert text.splitlines()[2].split() == [*"largest of the three a = 0.001 a = 0.1 a = 10".split()] and len(axes) == 3
    assert text.splitlines()[4].split()[-3:] == ["0.5", "0.1", "0.1"] and "below 1e-13" in text


def test_equal_losses_are_told_from_others():
    arms = [
        {"factor": 1.0, "hidden_lr": 0.1, "loss": [2.0, 1.0], "apart": 0.0},
        {"factor": 10.0, "hidden_lr": 10.0, "loss": [2.0, 1.0], "apart": 1e-15},
        {"factor": 10.0, "hidden_lr": 0.1, "loss": [2.0, 1.5], "apart": 0.5},
    ]
    ax, text = plots.equivalent_rates({"lr": 0.1, "steps": 2, "arms": arms})
    assert "1 of 2 have the same losses, to 1e-14 as weights x 1 with rate 0.1." in text and "others" in text
    assert "1 of 2 have the same losses" in ax.get_title()


def _growth(grows, off):
    arm = {"norm": "batch", "lr": 1.0, "square": [[1, 2], [1, 4]], "effective": [[1, 0.5], [1, 0.3]]}
    return {"seeds": 2, "step": [0, 10], "arms": [{**arm, "off": off, "grows": grows}]}


@pytest.mark.parametrize("grows, off, says", [(True, 1e-15, "only grows"), (False, 0.06, "does not only grow")])
def test_norm_growth_says_whether_it_grows(grows, off, says):
    axes, text = plots.norm_growth(_growth(grows, off))
    assert f"With BatchNorm |w|² {says}, here up to x 3 (2 seeds)." in text and "x 0.4" in text
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
    assert "The angle is within 5 % of the prediction in 2 of 2 settings." in text.splitlines()[0]
    assert text.splitlines()[-1].split()[-4:] == ["0.14", "0.14", "1.0", "1.0"]
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
        ([1.0, 2.0, 1.5], [0.1, 0.2, 0.16], "flatter with BatchNorm"),
        ([0.1, 0.2, 0.16], [1.0, 2.0, 1.5], "flatter without BatchNorm"),
        ([0.1, 2.0, 0.5], [1.0, 1.5, 1.2], "not settled here"),
    ],
)
def test_flatter_is_what_is_flatter_by_the_ratio_of_ranges(none, batch, says):
    axes, text = plots.along_gradient(_along(none, batch))
    assert (
        text.splitlines()[0] == f"The change of the loss along the gradient: {says} (He init)."
        and says in axes[0].get_title()
    )
    np.testing.assert_allclose(axes[0].get_lines()[1].get_ydata(), [0, 0.4], atol=1e-12)
