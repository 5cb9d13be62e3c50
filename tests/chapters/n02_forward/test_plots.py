"""The drawings of notebook 02 show their data as they are."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n02_forward import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_an_error_of_zero_is_drawn_as_zero_and_not_as_a_small_number():
    errors = dict.fromkeys(["a", "b", "c", "d"], [1e-3, 1e-2, None]) | {"exact": [2e-16, 0.0, 0.0]}
    ax, text = plots.variance_errors({"offsets": [0, 10, 100], "batches": 3, "errors": errors})
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn["exact"].get_ydata()) == [2e-16] and list(drawn["a"].get_ydata()) == [1e-3, 1e-2]
    hollow = [line for line in ax.get_lines() if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in hollow] == [10, 100]
    assert sum(annotation.get_text() == "0" for annotation in ax.texts) == 2
    assert ax.get_ylim()[0] < 2e-16
    assert text.splitlines()[-1].split(maxsplit=2) == ["exact", "100", "error below 1e-12"]
    assert text.splitlines()[5].split(maxsplit=2) == ["a", "100", "not a number: the squares overflow"]


def test_both_places_of_eps_are_drawn_and_compared():
    v = np.array([1e-8, 1.0, 10.0])
    ax, text = plots.eps_placement(v, 1 / np.sqrt(v + 1e-5), 1 / (np.sqrt(v) + 1e-5))
    assert "the factor is 316 with eps inside the root, 9091 outside; at variance 10 both are 0.32" in text
    assert ax.get_title().endswith("amplifies it 29 times more")
    # the two numbers that the text below the figure makes of them
    assert 1e-4 * 9091 == pytest.approx(0.91, abs=5e-3) and 1e-4 * 316 == pytest.approx(0.03, abs=5e-3)
