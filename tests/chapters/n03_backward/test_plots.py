"""The drawings of notebook 03 show their data, say what they show, and nothing lies on another."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from bnbook.chapters.n03_backward import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


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
    assert text.splitlines()[-1].split() == ["loss", "y", "1,", "0,", "2"] and text.count("back from") == 1


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
    assert floor["what is left"] == pytest.approx([0, floor["dx_hat - its mean"][1]], abs=1e-12)
    assert np.linalg.norm(floor["what is left"]) == pytest.approx(np.linalg.norm(left))
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


def test_no_label_of_the_first_picture_lies_on_an_arrow_or_on_another_label():
    x_hat, dx_hat = np.array([-1.0, -0.25, 1.25]), np.array([2.0, 0.0, 4.0])
    axes, _ = plots.projection(x_hat, dx_hat, np.full(3, 2.0), x_hat * np.mean(x_hat * dx_hat))
    axes[0].figure.canvas.draw()
    for ax in axes:
        labels = [text for text in ax.texts if text.get_text()]
        boxes = {text.get_text(): text.get_window_extent() for text in labels}
        lines = [line for line in ax.get_lines() if line.get_linestyle() != ":" and len(line.get_xdata()) == 2]
        for name, box in boxes.items():
            assert not [other for other, second in boxes.items() if other != name and box.overlaps(second)], name
            for line in lines:  # an arrow is drawn over an invisible line
                ends = ax.transData.transform(line.get_xydata())
                between = ends[0] + np.linspace(0, 1, 101)[:, None] * (ends[1] - ends[0])
                assert not any(box.contains(*point) for point in between), name


def test_the_parabola_is_lowest_at_the_mean_and_there_as_high_as_the_variance():
    x = np.array([1.0, 4.0, 10.0])
    ax, text = plots.parabola(x)
    curve = ax.get_lines()[0].get_xydata()
    lowest = curve[np.argmin(curve[:, 1])]
    assert lowest == pytest.approx([5, 14]) and curve[0, 1] == pytest.approx(14 + 6.5**2)
    assert [line.split() for line in text.splitlines()[3:]] == [
        ["mean", "14.0000"],
        ["mean", "+", "0.01", "14.0001"],
        ["mean", "+", "1", "15.0000"],
    ]
    assert "its height is var, 14.0000." in text.splitlines()[0]
