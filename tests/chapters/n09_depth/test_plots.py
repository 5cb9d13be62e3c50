"""The drawings of notebook 09 say what their data say, and nothing that is written down beforehand."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n09_depth import plots


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def case(norm, activation, gain, batch_size, growth):
    size = [[factor * growth ** (9 - layer) for layer in range(10)] for factor in (0.9, 1.1)]
    found = {"norm": norm, "activation": activation, "gain": gain, "batch_size": batch_size, "size": size}
    return found | {"growth": [growth] * 2, "mean": growth, "interval": [growth - 0.01, growth + 0.01]}


GROWTH = {
    "depth": 10,
    "width": 8,
    "seeds": 2,
    "predicted": {"relu": 1.25, "tanh": 1.125, "identity": 1.0},
    "cases": [
        *(case("none", "relu", gain, 64, gain) for gain in (0.5, 2.0)),
        *(case("batch", "relu", gain, 64, 1.5) for gain in (0.5, 2.0)),
        *(case("batch", f, 2.0, size, 2.0) for f, size in (("relu", 8), ("identity", 8), ("identity", 64))),
    ],
}


def test_growth_is_drawn_per_layer_and_per_batch_size_and_told_in_numbers():
    axes, text = plots.gradient_growth(GROWTH)
    assert len(axes) == 2 and len(plots.gradient_growth(GROWTH, ["batch"])[0]) == 1
    first, second = text.splitlines()[:2]
    assert "grows by 1.500 [1.490, 1.510] per layer" in first and "(prediction 1.250)" in first
    assert second.startswith("to 38 times its size through 10 layers") and "0.50 to 2.00 without" in second
    heights = axes[0].get_lines()[0].get_ydata()
    np.testing.assert_allclose(heights, (0.9 * 1.1) ** 0.5 * 0.5 ** np.arange(9, -1, -1.0))
    assert "B = 8        2.000 [1.990, 2.010], sqrt((B-2)/(B-3)) = 1.095" in text
    assert axes[0].get_title() == "BatchNorm: x 1.50 per layer, whatever the gain"


SKIPS = {
    "depth": 20,
    "width": 8,
    "batch_size": 16,
    "seeds": 2,
    "arms": [
        {"name": "plain", "size": [[2.0 ** (19 - b) for b in range(20)]] * 2, "share": []},
        {"name": "none", "size": [[3.0 ** (19 - b) for b in range(20)]] * 2, "share": [[1.0] * 20] * 2},
        {"name": "batch", "size": [[4.0] + [1.0] * 19] * 2, "share": [[1 / b for b in range(1, 21)]] * 2},
        {"name": "skip_init", "size": [[1.0] * 20] * 2, "share": [[0.0] * 20] * 2},
    ],
}


def test_skip_connections_are_told_by_growth_and_share():
    axes, text = plots.skip_connections(SKIPS)
    assert text.splitlines()[0].endswith("grows 520,000-fold, with skip connections 4-fold:")
    assert "block 10: 0.100, block 20: 0.050" in text.splitlines()[1]
    assert "residual, SkipInit" in text and len(axes[0].get_lines()) == 3 and len(axes[1].get_lines()) == 4


def cell(arm, depth, mean):
    accuracy = [mean - 0.01, mean + 0.01]
    return {
        "arm": arm,
        "depth": depth,
        "accuracy": accuracy,
        "mean": mean,
        "interval": accuracy,
        "best": 0.1,
        "rates": [0.1, 1.0, 2.0],
        "test": [accuracy, [0.0, 0.1], [0.91, 0.93]],
    }


DEEP = {
    "seeds": 2,
    "settings": {"plain, none": {"steps": 7}},
    "cells": [
        cell(arm, depth, mean)
        for depth, means in ((5, (0.9, 0.95, 0.97, 0.96)), (80, (0.1, 0.2, 0.98, 0.5)))
        for arm, mean in zip(
            ("plain, none", "plain, batch", "residual, batch", "residual, skip_init"), means, strict=True
        )
    ],
}


def test_trainability_says_who_trains_at_the_largest_depth():
    axes, text = plots.trainability(DEEP)
    first, second = text.splitlines()[:2]
    assert "80 layers" in first and "best plain net gets 20 %" in first
    assert second == "the best residual net 98 %. At depth 80 above 90 %: residual, with BatchNorm."
    assert (
        axes[0].figure.get_suptitle()
        == "At depth 80 above 90 %: residual, with BatchNorm (7 steps, own best rate, 2 seeds)"
    )
    assert "depth 80, 90 % or more at the rates 0.1, 2: residual, with BatchNorm" in text
    assert "90 [89, 91]" in text and [line.get_ydata().tolist() for line in axes[1].get_lines()] == [[97, 98], [96, 50]]
    worse = copy.deepcopy(DEEP)
    for one in worse["cells"]:
        one["mean"] = 0.3
    assert "At depth 80 above 90 %: none" in plots.trainability(worse)[1]


def part(name, numbers, accuracy):
    found = {"part": name, "numbers": numbers, "accuracy": accuracy, "mean": float(np.mean(accuracy)), "best": 1.0}
    return found | {"interval": [min(accuracy), max(accuracy)]}


def test_parts_are_compared_pairwise_and_only_called_ahead_if_every_seed_is():
    data = {"seeds": 2, "parts": [part("all", 1000, [0.98, 0.98]), part("norm", 50, [0.92, 0.94])]}
    data["parts"] += [part("head", 60, [0.93, 0.91]), part("few", 50, [0.9, 0.91])]
    ax, text = plots.only_norms(data)
    first, second = text.splitlines()[:2]
    assert "gamma and beta, 5.0 % of the numbers, gets 93 %" in first and "everything 98 %" in first
    assert "+2.5 points (ahead in every seed)" in second and "+1.0 points (no clear order)" in second
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([98, 93, 92, 90.5])
