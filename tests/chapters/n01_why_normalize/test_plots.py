"""The drawings of notebook 01 show their data, say what they show, and nothing lies on another."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n01_why_normalize import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# --- notebook 01 -----------------------------------------------------------------------------------------------------


def _layers(gain, sd, norm):
    """One arm as experiments.twenty_layers returns it, by hand: three layers."""
    band = lambda mean: {"mean": mean, "lowest": [0.9 * v for v in mean], "highest": [1.1 * v for v in mean]}  # noqa: E731
    return {
        **{"norm": norm, "gain": gain, "growth": 1.25, "sd": band(sd)},
        **{"saturated": band([0.4, 0.1, 0.2]), "gradient": band([2000.0, 30.0, 1.0])},
        "weights": band([1e-3, 1e-5, 1e-9]),
    }


def _twenty():
    arms = [_layers(1.0, [1, 0.1, 1e-9], "none"), _layers(2.0, [2, 2, 2.5], "none"), _layers(1.0, [1, 1, 1], "batch")]
    return {"experiment": "twenty_layers", "activation": "tanh", "depth": 3, "seeds": 5, "arms": arms}


def test_every_gain_is_a_line_over_layers_in_the_panels_asked_for():
    axes, text = plots.twenty_layers(_twenty(), [("sd", "none"), ("saturated", "none"), ("sd", "batch")])
    assert [len(ax.get_lines()) for ax in axes] == [2, 2, 1]
    np.testing.assert_allclose(axes[1].get_lines()[0].get_ydata(), [40, 10, 20])
    assert list(axes[0].get_lines()[0].get_xdata()) == [1, 2, 3]
    assert axes[0].get_ylim() == axes[2].get_ylim() != axes[1].get_ylim()
    assert axes[0].get_title() == "without normalization\nfrom below 0.000001 to 2.5 in layer 3"
    assert axes[1].get_title() == "without normalization\nat most 40 % in any layer"
    assert axes[2].get_title() == "with BatchNorm\n1 in layer 3"
    lines = [line.split() for line in text.splitlines()]
    assert ["1", "1", "below", "0.000001"] in lines and ["2", "40", "20"] in lines and "layers of tanh" in text
    assert ["gain", "layer", "1", "layer", "3"] in lines and ["gain", "worst", "layer", "layer", "3"] in lines
    axes, text = plots.twenty_layers(_twenty(), [("gradient", "none"), ("weights", "none")])
    lines = [line.split() for line in text.splitlines()]
    assert ["2", "2,000", "1.25"] in lines and ["2", "0.001", "below", "0.000001"] in lines
    assert axes[0].get_ylabel() == "gradient of h (last layer = 1)" and axes[1].get_ylim()[0] == 1e-8


def test_lines_that_lie_on_one_another_are_counted_in_the_title():
    data = _twenty()
    data["arms"] += [_layers(gain, [1, 1, 1], "batch") for gain in (2.0, 3.0)]
    axes, _ = plots.twenty_layers(data, [("sd", "batch")])
    assert axes[0].get_title() == "with BatchNorm\n1 in layer 3 (3 lines on one another)"


def test_histograms_show_all_outputs_and_say_how_tall_a_cut_bar_is():
    random = np.random.default_rng(0)
    wide, ends, point = random.uniform(-1, 1, (50, 20)), np.sign(random.normal(size=(50, 20))), np.zeros((50, 20))
    axes, text = plots.histograms({0.5: [wide, point], 3: [wide, ends]}, layers=(1, 2))
    assert axes.shape == (2, 2)
    for ax, values in zip(axes.flat, (wide, point, wide, ends), strict=True):
        heights = [bar.get_height() for bar in ax.patches]
        assert sum(heights) == pytest.approx(100)
        assert max(heights) == pytest.approx(100 * np.histogram(values, 41, (-1, 1))[0].max() / values.size)
    assert [t.get_text() for t in axes[0, 1].texts] == ["100 %"] and not axes[0, 0].texts
    assert axes[0, 1].get_title() == "layer 2: sd below 0.000001"
    last = text.splitlines()[-1]
    assert last.split()[0] == "3" and last.endswith(" 0.99, 100 %")
    title = axes[0, 0].figure.get_suptitle()
    assert title in text.split("\n\n")[0]
    assert title == "In layer 2 the sd is below 0.000001 at one gain, and at another 100 % are saturated"


def test_last_layer_tells_images_apart_from_units():
    random = np.random.default_rng(0)
    same = np.repeat(random.uniform(-1, 1, size=(1, 40)), 50, axis=0)
    axes, text = plots.last_layer([1.0, 1e-8], same, (-1, 1), "20 layers")
    assert axes[2].get_title() == "0 % of variance is between images"
    assert (
        text == "20 layers: sd 1 in layer 1, below 0.000001 in layer 2; last layer: 0 % of variance is between images"
    )
    axes, _ = plots.last_layer([1.0, 1.0], random.uniform(0, 9, size=(500, 40)), (0, 4), "20 layers")
    assert "(last bar: 4 or more)" in axes[1].get_xlabel() and axes[2].get_title().startswith("100 %")


def test_after_training_says_how_far_each_arm_moved():
    band = lambda v: {"mean": [1.0, v], "lowest": [0.9, v / 2], "highest": [1.1, 2 * v]}  # noqa: E731
    arms = [
        {"norm": norm, "accuracy": [0.5, 0.7], "spread": band(spread), "shift": band(shift)}
        for norm, spread, shift in (("none", 4.0, 2.0), ("batch", 1.0, 0.01))
    ]
    data = {"experiment": "after_training", "lr": 0.01, "steps": 7, "depth": 2, "seeds": 2, "arms": arms}
    axes, text = plots.after_training(data)
    said = "Spread in layer 2 after training: x 4.0 without normalization, x 1.0 with BatchNorm"
    assert axes[0].figure.get_suptitle() == said
    assert "without normalization, layer 2: spread x 4.0 [2.0, 8.0], mean moved by 2.0 [1.0, 4.0] sd" in text
    assert "accuracy" not in text and "At learning rate 0.01, mean of 2 seeds" in text
    first = (
        "After 7 steps the spread of a unit over the images is, in layer 2, x 4.0 without normalization and x 1.0 with"
    )
    assert text.startswith(first)
