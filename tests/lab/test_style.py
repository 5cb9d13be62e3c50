import copy
import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from bnbook import plots
from bnbook.plots.train_eval import KEPT

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
    colors = {name: matplotlib.colors.to_rgb(style["color"]) for name, style in plots.ARMS.items()}
    none, batch = (np.dot(colors[name], (0.299, 0.587, 0.114)) for name in ("none", "batch"))
    assert abs(none - batch) > 0.2, "the two that are drawn together nearly everywhere"
    assert len(set(colors.values())) == len({str(style["linestyle"]) for style in plots.ARMS.values()}) == len(colors)


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


def test_the_drawing_of_a_function_names_what_goes_in_and_out():
    ax, text = plots.autograd_function()
    shown = " ".join(artist.get_text() for artist in ax.texts)
    for word in (
        "forward",
        "setup_context",
        "backward",
        "x, gamma, beta, eps",
        "y, mean, var",
        "dy, dmean, dvar",
        "None",
    ):
        assert word in shown
    assert "returns dx, dgamma, dbeta and None for eps" in text


def test_graph_nodes_are_drawn_and_said_as_they_were_counted():
    data = {"step": [1, 2, 3], "kept": [6, 11, 16], "detached": [0, 0, 0], "copied": {"kept": False, "detached": True}}
    ax, text = plots.graph_nodes(data)
    assert [list(line.get_ydata()) for line in ax.get_lines()] == [[6, 11, 16], [0, 0, 0]]
    assert (
        "graph: 16; copy.deepcopy(net) works: False" in text and "detach(): 0; copy.deepcopy(net) works: True" in text
    )


@pytest.mark.parametrize(
    "apart, verdict", [(1e-15, "the same to 1e-12"), (1e-8, "the same to 1e-06"), (0.1, "up to 0.1")]
)
def test_the_verdict_on_two_curves_is_computed_from_them(apart, verdict):
    data = {"step": [1, 2, 3], "theirs": [2.0, 1.5, 1.0], "ours": [2.0, 1.5, 1.0 + apart]}
    axes, text = plots.same_losses({**data, "accuracy_theirs": 0.98, "accuracy_ours": 0.97})
    assert verdict in text and verdict in axes[0].figure.get_suptitle()
    assert "98.0 % with torch.nn's, 97.0 % with ours" in text
    np.testing.assert_allclose(axes[0].get_lines()[1].get_ydata(), data["ours"])
    low, high = axes[1].get_ylim()
    assert low < 1e-17 and high > apart


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


# --- notebook 03 -----------------------------------------------------------------------------------------------------


def _graph():
    """The values of the notebook, and gradients by autograd, arrow by arrow."""
    x, dy = torch.tensor([1.0, 4.0, 10.0], requires_grad=True), torch.tensor([1.0, 0.0, 2.0])
    gamma, beta = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    # One copy of a value for each arrow that leaves it, so that autograd tells them apart.
    to_mean, to_deviation = (x * 1 for _ in range(2))
    mean = to_mean.mean()
    deviation = to_deviation - mean
    to_var, to_x_hat = (deviation * 1 for _ in range(2))
    var = (to_var**2).mean()
    inv_std = (var + 2) ** -0.5
    x_hat = to_x_hat * inv_std
    y = gamma * x_hat + beta
    along = {("x", "mean"): to_mean, ("x", "deviation"): to_deviation, ("mean", "deviation"): mean}
    along |= {("deviation", "var"): to_var, ("deviation", "x_hat"): to_x_hat, ("var", "inv_std"): var}
    along |= {("inv_std", "x_hat"): inv_std, ("x_hat", "y"): x_hat, ("gamma", "y"): gamma, ("beta", "y"): beta}
    along |= {("y", "loss"): y}
    gradients = torch.autograd.grad((dy * y).sum(), [*along.values(), x])
    nodes = dict(
        x=x, mean=mean, deviation=deviation, var=var, inv_std=inv_std, x_hat=x_hat, y=y, gamma=gamma, beta=beta
    )
    values = {name: value.detach().numpy() for name, value in nodes.items()}
    return values, dict(zip(along, (g.numpy() for g in gradients), strict=False)), gradients[-1].numpy()


def _texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_the_graph_shows_each_value_and_each_gradient_and_dx_as_autograd_has_it():
    values, gradients, dx = _graph()
    ax, text = plots.backward_graph(values, gradients)
    shown = _texts(ax)
    for numbers in ("1, 4, 10", "-4, -1, 5", "14", "0.25", "-1, -0.25, 1.25"):
        assert numbers in shown and numbers in text
    for numbers in ("12", "-0.09375", "0.5, 0, 1", "0.25, 0.0625, -0.3125", "0.75, 0.0625, 0.6875", "-1.5"):
        assert numbers in shown and numbers in text
    assert "dx = 0.25, -0.4375, 0.1875" in shown and dx.tolist() == [0.25, -0.4375, 0.1875]
    assert "?" not in shown and ax.get_title().endswith("11 of 11 known")


def test_what_is_not_known_yet_is_a_question_mark():
    values, gradients, _ = _graph()
    ax, text = plots.backward_graph(values, {("y", "loss"): gradients["y", "loss"]})
    assert _texts(ax).count("?") == 10 and ax.get_title().endswith("1 of 11 known")
    assert not any(shown.startswith("dx") for shown in _texts(ax))
    assert text.count("back from") == 1


def test_no_number_of_the_graph_lies_on_another():
    ax, _ = plots.backward_graph(*_graph()[:2])
    ax.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts if text.get_text()]
    for i, (name, box) in enumerate(boxes):
        assert ax.figure.bbox.x0 <= box.x0 and box.x1 <= ax.figure.bbox.x1, name
        for other, second in boxes[:i]:
            assert not box.padded(-1).overlaps(second), (name, other)


def test_the_projection_is_drawn_with_1_upwards_and_says_what_is_left():
    x_hat, dx_hat = np.array([-4.0, -1.0, 5.0]) / np.sqrt(14), np.array([2.0, 0.0, 4.0])
    along_x_hat = x_hat * np.mean(x_hat * dx_hat)
    axes, text = plots.projection(x_hat, dx_hat, np.full(3, 2.0), along_x_hat)
    left = dx_hat - 2 - along_x_hat
    assert f"{100 * np.linalg.norm(left) / np.linalg.norm(dx_hat):.0f} % of its length" in axes[0].figure.get_suptitle()
    assert "sum of what is left: 0.00; times x_hat: 0.00" in text
    floor = {a.get_text(): np.array(a.xy) for a in axes[1].texts if a.get_text()}
    assert floor["x_hat"] == pytest.approx([np.sqrt(3), 0])
    assert floor["left"] == pytest.approx([0, floor["dx_hat - its mean"][1]], abs=1e-12)
    assert np.linalg.norm(floor["left"]) == pytest.approx(np.linalg.norm(left))
    space = {a.get_text(): np.array(a.xy) for a in axes[0].texts if a.get_text()}
    assert space["1 = (1, 1, 1)"][0] == pytest.approx(0, abs=1e-6) and space["1 = (1, 1, 1)"][1] > 0
    # an arrow in space is the sum of its coordinates along the three example axes
    scale = 1.2 * 1.15 * max(1.5, 2 * np.sqrt(3))
    total = sum(dx_hat[i] * space[f"example {i + 1}"] / scale for i in range(3))
    assert total == pytest.approx(space["dx_hat"])


def test_a_gradient_of_which_nothing_is_left_is_drawn_too():
    x_hat = np.array([-4.0, -1.0, 5.0]) / np.sqrt(14)
    axes, text = plots.projection(x_hat, 2 * x_hat + 1, np.ones(3), 2 * x_hat)
    assert "0 % of its length is left" in axes[0].figure.get_suptitle()
    axes[0].figure.canvas.draw()


# --- notebook 04 ---------------------------------------------------------------------------------------------------


def test_companions_shows_ten_companies_and_counts_all_images():
    picture = np.eye(8).tolist()
    data = {
        "size": 31,
        "truth": [4, 7],
        "labels": [[[4] * 9 + [9], [7] * 10], [[4] * 10, [1] * 10]],
        "evaluated": [[4, 7], [4, 7]],
        "shown": {
            **{
                "image": picture,
                "companions": [[picture] * 2] * 10,
                "labels": [4] * 9 + [9],
                "evaluated": 4,
                "truth": 4,
            }
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


# --- notebook 05 ---------------------------------------------------------------------------------------------------


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
    assert "right                                  mean  0.00  0.00  0.00   sd  1.00  1.00  1.00" in text
    assert "far too bright" in text


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
    before, after = text.splitlines()
    assert "means 0.00 to 0.00, standard deviations 1.00 to 1.00" in after
    assert before.split("skewness")[1] == after.split("skewness")[1]


def _sizes():
    sizes, rows = np.array([2, 8, 32]), []
    for worth in (32.0, 128.0):
        rows.append((1 / np.sqrt(sizes * worth)).tolist())
    numbers = {"sizes": sizes.tolist(), "pixels": 64, "errors": rows, "slopes": [-0.5, -0.5]}
    return {"experiment": "sample_size", **numbers, "slope": -0.5, "slope_interval": [-0.5, -0.5], "worth": [32, 128]}


def test_sample_size_draws_what_was_measured_and_what_independent_pixels_would_give():
    ax, text = plots.sample_size(_sizes())
    measured, independent = ax.get_lines()
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
    differences = [{"mean": 0.01, "interval": [-0.01, 0.03]}, {"mean": 0.46, "interval": [0.4, 0.5]}]
    axes, text = plots.shared_statistic({"steps": 120, "lr": 0.5, "arms": arms, "differences": differences})
    assert "equal filters, one per channel: 97.0 % [96.0, 98.0]; widest channel / narrowest at the start: 1.0" in text
    assert "unequal filters, one for all: 50.0 %" in text and "at the start: above 20" in text
    assert "equal filters, difference: +1.0 points [-1.0, +3.0]" in text
    assert (
        axes[0].figure.get_suptitle()
        == "One statistic for all costs 1.0 points with equal filters, 46 with unequal filters"
    )
    assert axes[1].get_ylim() == (0, 100) and axes[0].get_yscale() == "log"


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
