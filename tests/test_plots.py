import copy
import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_there_is_one_panel_per_rate_with_both_arms_in_percent():
    axes, _ = plots.first_look(_look())
    assert len(axes) == 3
    for ax, (none, batch) in zip(axes, _pairs(_look()), strict=True):
        drawn = {line.get_label(): line for line in ax.get_lines()}
        for arm, label in ((none, "without normalization"), (batch, "with BatchNorm")):
            np.testing.assert_allclose(drawn[label].get_ydata(), 100 * np.array(arm["mean"]))
            assert list(drawn[label].get_xdata()) == arm["step"]
        for arm, band in zip((none, batch), ax.collections, strict=True):
            heights = band.get_paths()[0].vertices[:, 1]
            assert heights.min() == pytest.approx(100 * min(arm["lowest"]))
            assert heights.max() == pytest.approx(100 * max(arm["highest"]))


def test_axes_have_labels_with_units_and_a_common_scale():
    axes, _ = plots.first_look(_look())
    assert axes[0].get_ylabel() == "test accuracy (%)"
    assert {ax.get_xlabel() for ax in axes} == {"training step"}
    assert {ax.get_ylim() for ax in axes} == {(0.0, 100.0)}


def test_titles_say_what_the_data_show():
    axes, text = plots.first_look(_look())
    said = "With BatchNorm the net trains at 3 of 3 learning rates, without it at 2"
    assert axes[0].figure.get_suptitle() == said and said in text
    assert [ax.get_title().split("\n") for ax in axes] == [
        ["learning rate 0.02", "trains with and without"],
        ["learning rate 0.2", "trains with and without"],
        ["learning rate 1", "trains only with BatchNorm"],
    ]


@pytest.mark.parametrize(
    "none, batch, verdict",
    [
        (5, 5, "trains neither way"),
        (0, 5, "trains only without normalization"),
        (2, 0, "some runs fail"),
        (5, 1, "some runs fail"),
    ],
)
def test_other_data_get_other_titles(none, batch, verdict):
    data = _look()
    data["arms"][4:] = _arm("none", 1.0, none, 0.8), _arm("batch", 1.0, batch, 0.81)
    axes, text = plots.first_look(data)
    assert axes[2].get_title().endswith(verdict)
    assert f"trains at {2 + (batch == 0)} of 3 learning rates, without it at {2 + (none == 0)}" in text


def test_the_text_gives_numbers_with_intervals_and_computed_verdicts():
    _, text = plots.first_look(_look())
    assert "after 20 steps: mean over 5 seeds [95 % interval]" in text
    assert "without normalization: 80.0 % [79.0, 81.0]" in text
    assert "difference: +1.0 [-0.5, +2.5], no clear difference" in text
    assert "difference: +1.0 [+0.5, +1.5], BatchNorm is better" in text
    data = _look()
    data["differences"][0] = {"lr": 0.02, "mean": -0.01, "interval": [-0.02, -0.0001]}
    assert "difference: -1.0 [-2.0, +0.0], BatchNorm is worse" in plots.first_look(data)[1]


def test_the_text_gives_no_digits_of_runs_that_diverged():
    _, text = plots.first_look(_look())
    last = text[text.index("Learning rate 1\n") :].splitlines()
    assert last[1].strip() == "without normalization: 5 of 5 runs do not train"
    assert not any("difference" in line for line in last)
    assert not re.search(r"\b(nan|None|inf)\b|-0\.0\b", text)


def test_arms_can_be_told_apart_in_grey_and_by_line_style():
    grey = [np.dot(matplotlib.colors.to_rgb(style["color"]), (0.299, 0.587, 0.114)) for style in plots.ARMS.values()]
    assert min(np.abs(np.subtract.outer(grey, grey))[~np.eye(len(grey), dtype=bool)]) > 0.2
    assert len({str(style["linestyle"]) for style in plots.ARMS.values()}) == len(plots.ARMS)


def test_no_label_is_clipped_or_lies_on_another():
    axes, _ = plots.first_look(_look())
    figure = axes[0].figure
    figure.canvas.draw()
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    boxes = [text.get_window_extent() for text in texts]
    inside = [figure.bbox.padded(1).fully_containsx(box.x0) and box.x1 <= figure.bbox.x1 + 1 for box in boxes]
    assert all(inside), [text.get_text() for text, ok in zip(texts, inside, strict=True) if not ok]
    for i, box in enumerate(boxes):
        for j in range(i):
            assert not box.padded(-1).overlaps(boxes[j]), (texts[i].get_text(), texts[j].get_text())


def test_the_data_are_left_as_they_were_and_the_picture_is_small():
    data = _look()
    axes, _ = plots.first_look(data)
    assert data == _look()
    stream = io.BytesIO()
    axes[0].figure.savefig(stream, dpi=90)
    assert 10_000 < len(stream.getvalue()) < 80_000


def _look():
    """What experiments.first_look returns, small and by hand: at 0.02 unclear, at 0.2 better, at 1 only BatchNorm."""
    arms = []
    for lr, failed in ((0.02, 0), (0.2, 0), (1.0, 5)):
        arms += [_arm("none", lr, failed, 0.8), _arm("batch", lr, 0, 0.81)]
    differences = [
        {"lr": 0.02, "mean": 0.01, "interval": [-0.005, 0.025]},
        {"lr": 0.2, "mean": 0.01, "interval": [0.005, 0.015]},
        {"lr": 1.0, "mean": None, "interval": None},
    ]
    return copy.deepcopy({"experiment": "first_look", "arms": arms, "differences": differences})


def _arm(norm, lr, failed, final):
    mean = [0.1, 0.1, 0.1] if failed else [0.1, final / 2, final]
    return {
        **{"norm": norm, "lr": lr, "seeds": 5, "diverged": failed, "step": [0, 10, 20], "mean": mean},
        **{"lowest": [a - 0.02 for a in mean], "highest": [a + 0.02 for a in mean]},
        "final_mean": None if failed else final,
        "final_interval": None if failed else [final - 0.01, final + 0.01],
    }


def _pairs(data):
    return zip(data["arms"][::2], data["arms"][1::2], strict=True)


# --- notebook 01 -----------------------------------------------------------------------------------------------------


def _layers(gain, sd, norm):
    """One arm as experiments.twenty_layers returns it, by hand: three layers."""
    band = lambda mean: {"mean": mean, "lowest": [0.9 * v for v in mean], "highest": [1.1 * v for v in mean]}  # noqa: E731
    return {
        **{"norm": norm, "gain": gain, "growth": 1.25, "sd": band(sd)},
        **{"saturated": band([0.4, 0.1, 0.2]), "gradient": band([2000.0, 30.0, 1.0])},
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
    assert axes[2].get_title() == "with BatchNorm\n1 in layer 3, whatever the gain"
    assert "gain 1     1, below 0.000001" in text and "gain 2     40 %, 20 %" in text and "layers of tanh" in text
    _, text = plots.twenty_layers(_twenty(), [("gradient", "none")])
    assert "gain 2     2,000, x 1.25" in text


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
    assert "accuracy" not in text and "After 7 steps at learning rate 0.01, 2 seeds" in text
