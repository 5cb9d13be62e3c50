"""The drawings of notebook 06 show their data, say what they show, and nothing lies on another."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n06_pytorch import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


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
    assert "16 stored with its graph, 0 stored with detach()." in text.splitlines()[0]
    assert "graph: copy.deepcopy(net) works: False" in text and "detach(): copy.deepcopy(net) works: True" in text


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
