"""The drawings of notebook 09 say what their data say, and nothing that is written down beforehand."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
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
        {"name": "plain", "size": [[2.0 ** (19 - b) for b in range(20)]] * 2, "growth": [2.0**19] * 2},
        {
            "name": "none",
            "size": [[3.0 ** (19 - b) for b in range(20)]] * 2,
            "growth": [3.0**19] * 2,
            "share": [[1.0] * 20] * 2,
        },
        {
            "name": "batch",
            "size": [[4.0] + [1.0] * 19] * 2,
            "growth": [4.0] * 2,
            "share": [[1 / b for b in range(1, 21)]] * 2,
        },
        {"name": "skip_init", "size": [[1.0] * 20] * 2, "growth": [1.0] * 2, "share": [[0.0] * 20] * 2},
    ],
}


def test_skip_connections_are_told_by_growth_and_share():
    axes, text = plots.skip_connections(SKIPS)
    assert text.splitlines()[0].endswith("grows 520,000-fold, with skip connections 4-fold:")
    assert "block 10: 0.100, block 20: 0.050" in text.splitlines()[1]
    assert "residual, SkipInit" in text and len(axes[0].get_lines()) == 3 and len(axes[1].get_lines()) == 4


def made_up(cells, **more):
    """A stored result whose runs lie 1 point on either side of the mean accuracy of a cell; None: does not train."""
    rows = [
        cell | {"seed": seed, "twin": 0, "step": 7, "measure": "test_accuracy", "value": mean + side}
        for cell, mean in cells
        if mean is not None
        for seed, side in enumerate((-0.01, 0.01))
    ]
    best = [cell | {"lr": None if mean is None else cell["lr"]} for cell, mean in cells]
    return {"seeds": 2, "best": best, "table": pd.DataFrame(rows)} | more


def deep(means):
    return made_up(
        [({"arm": arm, "depth": depth, "length": n, "lr": 0.1}, mean) for (arm, depth, n), mean in means.items()]
    )


MEANS = {
    **{("plain, none", depth, 200): mean for depth, mean in ((5, 0.9), (80, None))},
    **{("plain, batch", depth, 200): mean for depth, mean in ((5, 0.95), (80, 0.2))},
    **{("residual, batch", depth, 200): mean for depth, mean in ((5, 0.97), (80, 0.98))},
    ("plain, batch", 5, 1000): None,
    ("residual, batch", 5, 1000): 0.94,
    ("tanh, batch", 5, 1000): 0.99,
}


def test_trainability_says_who_trains_at_the_largest_depth_and_where_nothing_does():
    axes, text = plots.trainability(deep(MEANS))
    assert axes.shape == (2, 3) and axes[1, 2].get_title() == "plain, tanh, 1000 steps"
    lines = text.splitlines()
    assert lines[0] == "After 200 steps, depth 80: best plain ReLU net 20 %, residual 98 %."
    assert lines[1] == "After 1000 steps, depth 5: best plain ReLU net does not train, residual 94 %."
    assert "Above 90 % down to depth 80: residual, with BatchNorm (x" in axes[0, 0].figure.get_suptitle()
    (row,) = [line for line in lines if line.startswith("plain, without normalization")]
    assert row.endswith("does not train") and "90 [77, 103]" in row  # Student: 12.7 * 1.41 / 1.41 points on either side
    (cross,) = [line for line in axes[0, 0].get_lines() if line.get_marker() == "x" and len(line.get_xdata())]
    assert cross.get_xdata() == pytest.approx([80 / 1.07]) and cross.get_ydata().tolist() == [10.0]
    worse = plots.trainability(deep({key: 0.3 for key in MEANS}))[0]
    assert "down to depth 80: none" in worse[0, 0].figure.get_suptitle()


def test_parts_are_told_by_their_differences():
    means = {"all": 0.98, "norm": 0.93, "head": 0.93, "few": 0.905}
    cells = [({"arm": part, "lr": 1.0}, mean) for part, mean in means.items()]
    numbers = {"all": 1000, "norm": 50, "head": 60, "few": 50}
    stored = made_up(cells, numbers=numbers) | {"best": dict.fromkeys(means, 1.0)}
    ax, text = plots.only_norms(stored)
    assert text.splitlines()[0] == (
        "Training only gamma and beta, 5.0 % of the numbers, gets 93 % of the test images right, "
        "training everything 98 %."
    )
    assert "gamma and beta two random weights per unit +2.5 [+2.5, +2.5]" in text
    (level,) = [line for line in text.splitlines() if line.startswith("gamma and beta the last layer")]
    assert level.endswith("no difference")
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([98, 93, 93, 90.5])
