"""The drawings of notebook 05 show their data, say what they show, and nothing lies on another."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n05_images import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def _maps(*shape):
    C = shape[1]
    scale, level = (np.linspace(*ends, C).reshape(1, C, 1, 1) for ends in ((1, 4), (-2, 2)))
    return np.random.default_rng(0).normal(size=shape) * scale + level


def _normalized(maps):
    return (maps - maps.mean((0, 2, 3), keepdims=True)) / maps.std((0, 2, 3), keepdims=True)


def test_photographs_show_the_batch_first_and_say_each_mean_and_sd():
    x = np.random.default_rng(0).uniform(size=(2, 3, 7, 9))
    axes, text = plots.photographs(x, {"right": _normalized(x), "far too\nbright": x + 10})
    assert axes.shape == (2, 3) and [ax.get_title() for ax in axes[0]] == ["the batch", "right", "far too\nbright"]
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), np.moveaxis(x[1], 0, -1))
    assert axes[0, 2].images[0].get_array().min() == 1
    first, _, heading, *rows = text.splitlines()
    assert first == "2 photographs, normalized in 2 ways: right; far too bright." and heading.split()[-3:] == [
        "red",
        "green",
        "blue",
    ]
    assert rows[1].split() == ["right", *["0.00,", "1.00"] * 3] and rows[2].startswith("far too bright ")
    assert rows[0].split()[2] == f"{x[:, 0].mean():.2f}," and rows[0].split()[-1] == f"{x[:, 2].std():.2f}"


@pytest.mark.parametrize(
    "axes, says",
    [((0, 2, 3), "3 means, each of 126 numbers"), ((), "378 means"), ((0, 1, 2, 3), "1 mean, each of 378")],
)
def test_averaged_axes_counts_the_means_and_colours_what_shares_one(axes, says):
    x = np.random.default_rng(0).uniform(size=(2, 3, 7, 9))
    grid, text = plots.averaged_axes(x, x - x.mean(axes, keepdims=True), axes)
    assert says in text and grid.shape == (2, 4)
    colours = np.stack([[grid[n, c].collections[0].get_array() for c in range(3)] for n in range(2)])
    sizes = [size for axis, size in enumerate((2, 3, 4, 6)) if axis not in axes]
    assert len(np.unique(colours)) == np.prod(sizes, dtype=int)


def test_feature_maps_are_drawn_on_one_scale_for_all_channels():
    maps = _maps(10, 4, 5, 5)
    axes, text = plots.feature_maps(np.zeros((2, 5, 5)), maps, _normalized(maps))
    assert axes.shape == (4, 5)
    limits = {image.get_clim() for ax in axes[0, 1:] for image in ax.images}
    assert len(limits) == 1 and np.allclose(axes[2, 1].images[0].get_array(), maps[1, 0])
    ratio = maps.std((0, 2, 3)).max() / maps.std((0, 2, 3)).min()
    assert f"{ratio:.1f} times" in text and "1.0 times after" in text
    assert f"{ratio:.1f} times" in axes[0, 0].figure.get_suptitle()


def test_channel_histograms_have_a_row_for_each_channel_and_say_what_stays():
    maps = _maps(50, 4, 5, 5)
    axes, text = plots.channel_histograms(maps, _normalized(maps))
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [f"channel {c}" for c in (3, 2, 1, 0)]
    heading, before, after = (line.split() for line in text.splitlines()[2:])
    assert heading == ["means", "standard", "deviations", "skewness"]
    assert after[1:7] == ["0.00", "to", "0.00", "1.00", "to", "1.00"] and before[1:7] != after[1:7]
    assert before[-3:] == after[-3:]


def _sizes():
    sizes, rows = np.array([2, 8, 32]), []
    for worth in (32.0, 128.0):
        rows.append((1 / np.sqrt(sizes * worth)).tolist())
    numbers = {"sizes": sizes.tolist(), "pixels": 64, "errors": rows, "slopes": [-0.5, -0.5]}
    numbers["channels"] = {"worth": [200.0, 100.0, 50.0, 25.0], "sum": [0.0, -1.0, 2.0, -3.0]}
    return {"experiment": "sample_size", **numbers, "slope": -0.5, "slope_interval": [-0.5, -0.5], "worth": [32, 128]}


def test_sample_size_draws_what_was_measured_and_what_independent_pixels_would_give():
    (ax, by_filter), text = plots.sample_size(_sizes())
    measured, independent = ax.get_lines()
    dots, pixels = by_filter.get_lines()
    assert list(dots.get_xdata()) == [0, 1, 2, 3] and list(dots.get_ydata()) == [200, 100, 50, 25]
    assert list(pixels.get_ydata()) == [64, 64] and "and 25 to 200, depending on the channel" in text
    assert "the size of the filter's sum: -1.00" in text
    np.testing.assert_allclose(measured.get_ydata(), np.mean(_sizes()["errors"], axis=0))
    np.testing.assert_allclose(independent.get_ydata(), 1 / np.sqrt([128, 512, 2048]))
    assert "Slope -0.500 [-0.500, -0.500] over 2 networks" in text and "is worth 32 to 128 independent ones" in text
    assert "would have 0.71" in text and ax.get_xlabel() == "batch size N (images)"


def test_shared_statistic_gives_both_arms_and_their_differences():
    arms = [
        {"spread": spread, "norm": norm, "sd": sd, "accuracy": [mean - 0.01, mean + 0.01], "mean": mean}
        for spread, norm, sd, mean in (
            (0.0, "batch", [1.0, 1.0], 0.97),
            (0.0, "shared", [0.5, 1.5], 0.96),
            (3.0, "batch", [0.9, 1.0], 0.96),
            (3.0, "shared", [0.01, 2.0], 0.5),
        )
    ]
    for arm in arms:
        arm["interval"] = [arm["mean"] - 0.01, arm["mean"] + 0.01]
    differences = [
        {"spread": 0.0, "mean": 1.0, "low": -1.0, "high": 3.0, "verdict": "not settled here"},
        {"spread": 3.0, "mean": 46.0, "low": 40.0, "high": 50.0, "verdict": "more"},
    ]
    axes, text = plots.shared_statistic({"steps": 120, "lr": 0.5, "arms": arms, "differences": differences})
    first, _, *rows = text.splitlines()
    assert rows[0] == "After 120 steps: mean over 2 seeds [95 % interval]."
    assert rows[2].startswith("equal filters ") and rows[2].endswith(
        "one statistic per channel      97.0 [96.0, 98.0] 1.0"
    )
    assert "one statistic for all channels 50.0 " in rows[5] and rows[5].endswith("above 20")
    assert rows[-2:] == [
        "  equal filters: +1.0 [-1.0, +3.0], not settled here",
        "  unequal filters: +46.0 [+40.0, +50.0], one per channel is better",
    ]
    said = "After 120 steps one statistic for all costs 1.0 points with equal filters, 46 with unequal filters"
    assert axes[0].figure.get_suptitle() == said and first == f"{said}."
    assert axes[1].get_ylim() == (0, 100) and axes[0].get_yscale() == "log"
