"""The drawings of notebook 00 show their data, say what they show, and nothing lies on another."""

import copy
import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook import train
from bnbook.chapters.n00_start_here import plots

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
    assert "difference: +1.0 [-0.5, +2.5], not settled here" in text
    assert "difference: +1.0 [+0.5, +1.5], BatchNorm is better" in text
    data = _look()
    data["differences"][0] = _difference(-1.0, -2.0, -0.01, "less")
    assert "difference: -1.0 [-2.0, +0.0], BatchNorm is worse" in plots.first_look(data)[1]


def test_the_text_gives_no_digits_of_runs_that_diverged():
    _, text = plots.first_look(_look())
    last = text[text.index("Learning rate 1\n") :].splitlines()[:-1]  # the last line holds for all of them
    assert last[1].strip() == "without normalization: 5 of 5 runs do not train"
    assert not any("difference" in line for line in last)
    assert not re.search(r"\b(nan|None|inf)\b|-0\.0\b", text)


def test_the_text_says_when_a_run_counts_as_not_trained():
    says = "A run does not train if its loss over the training images ends above half of guessing's."
    assert plots.first_look(_look())[1].endswith(says)
    assert train.diverged(np.log(10) / 2 + 1e-6) and not train.diverged(np.log(10) / 2 - 1e-6)
    data = _look()
    data["arms"][4] = _arm("none", 1.0, 0, 0.8)
    assert says not in plots.first_look(data)[1]


@pytest.mark.parametrize("axes", [(0, 2, 3), (0,), (2, 3), (1, 2, 3), (0, 1, 2, 3)])
def test_numbers_that_share_a_mean_have_one_colour(axes):
    grid, text = plots.shared_mean(axes)
    numbers = np.random.default_rng(0).normal(size=(3, 3, 4, 4))
    means = np.broadcast_to(numbers.mean(axes, keepdims=True), numbers.shape).ravel()
    colours = np.array([ax.collections[0].get_array() for ax in grid.flat]).reshape(numbers.shape).ravel()
    assert ((means[:, None] == means) == (colours[:, None] == colours)).all()
    count = len(set(means))
    assert text.endswith(f"leaves {count} mean{'s' * (count > 1)}, each of {numbers.size // count} numbers.")


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
    differences = [_difference(1.0, -0.5, 2.5, "not settled here"), _difference(1.0, 0.5, 1.5, "more"), None]
    return copy.deepcopy({"experiment": "first_look", "arms": arms, "differences": differences})


def _difference(mean, low, high, verdict):
    return {"mean": mean, "low": low, "high": high, "verdict": verdict}


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
