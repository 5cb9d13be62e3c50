"""The drawings of notebook 11 show and say what the data say."""

import copy

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n11_relatives import plots
from bnbook.chapters.n11_relatives.experiments import columns

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_cubes_count_the_means_that_normalize_computes():
    axes, text = plots.cubes(N=2, C=4, positions=3, num_groups=2)
    x = np.zeros((2, 4, 3))
    counts = {
        "batch": x.mean((0, 2)).size,
        "layer": x.mean((1, 2)).size,
        "group": x.reshape(2, 2, 6).mean(2).size,
        "instance": x.mean(2).size,
    }
    for ax, (name, count) in zip(axes, counts.items(), strict=True):
        assert f"{count} means of {x.size // count} numbers" in ax.get_title() and name in ax.get_title()
        assert f"{name:8} {count:2} means, each of {x.size // count:2} numbers" in text


def test_a_table_of_invariances_is_drawn_cell_by_cell():
    data = {"changes": ["everything x 3", "other images"], "norms": {"a": [True, False], "b": [False, False]}}
    ax, text = plots.invariances(data)
    assert [cell.get_text() for cell in ax.texts] == ["same", "changes", "changes", "changes"]
    assert text.splitlines()[0] == "Of 2 changes a norm does not notice 1, more than any other."
    assert "everything x 3   same output with a" in text and "other images     same output with none" in text


def _data(batch=0.97, none=0.9, noisy=0.5):
    """What experiments.relatives returns, small and by hand: three seeds, two norms, two rates and two batch sizes."""
    arms = []
    for size, rates in ((64, (0.1, 1.0)), (2, (0.1,))):
        for norm, good in (("none", none), ("batch", batch)):
            for lr in rates:
                fails = norm == "none" and lr == 1.0
                clean = [0.1] * 3 if fails else [good - 0.01, good, good + 0.01]
                noise = 0.7 if norm == "none" else noisy
                arms.append(
                    {
                        "batch_size": size,
                        "norm": norm,
                        "lr": lr,
                        "failed": [int(fails)] * 3,
                        "val": clean,
                        "clean": clean,
                    }
                    | {f"noise {level}": [noise - 0.01, noise, noise + 0.01] for level in (0.1, 0.3)}
                    | {f"contrast {factor}": [noise - 0.01, noise, noise + 0.01] for factor in (0.5, 0.2)}
                )
    chosen = [arm for arm in arms if arm["lr"] == 0.1]
    return {"seeds": 3, "examples": 640, "arms": arms, "chosen": chosen, "columns": columns(arms, chosen)}


def test_the_first_two_lines_are_the_verdicts_of_the_data():
    axes, text = plots.relatives(_data())
    better, worse = text.splitlines()[:2]
    assert better == "BatchNorm is better than all others at: decades of rates, largest rate, batch of 64, batch of 2"
    assert worse.startswith("and worse than all others at: noise 0.3, contrast 0.2 (paired by seed")
    assert better in axes[0, 0].figure.get_suptitle()
    better, worse = plots.relatives(_data(batch=0.9, noisy=0.8))[1].splitlines()[:2]
    assert (
        better.endswith("decades of rates, largest rate, noise 0.3, contrast 0.2") and "others at: nothing (" in worse
    )


def test_lines_and_dots_are_the_means_of_the_seeds():
    data = _data()
    kept = copy.deepcopy(data)
    axes, _ = plots.relatives(data)
    assert data == kept
    rates = {line.get_label(): line for line in axes[0, 0].get_lines()}
    np.testing.assert_allclose(rates["without normalization"].get_ydata(), [90, 10])
    np.testing.assert_allclose(rates["with BatchNorm"].get_ydata(), [97, 97])
    noise = axes[1, 0].get_lines()[1]
    np.testing.assert_allclose(noise.get_xdata(), [0, 0.1, 0.3])
    np.testing.assert_allclose(noise.get_ydata(), [97, 50, 50])
    contrast = axes[1, 1].get_lines()[0]
    np.testing.assert_allclose(contrast.get_xdata(), [1, 0.5, 0.2])
    assert [ax.get_title().splitlines()[1] for ax in axes.flat] == [
        "batch 1.0, the others 0.1",
        "batch +0.0, the others +0.0",
        "at 0.3: batch 50 %, the others 70 % right",
        "at 0.2: batch 50 %, the others 70 % right",
    ]


def test_the_table_has_a_line_for_each_norm_with_intervals_and_counts():
    lines = plots.relatives(_data())[1].splitlines()
    head = next(i for i, line in enumerate(lines) if "decades of rates" in line and i > 1)
    assert lines[head + 1].split()[0] == "none" and "90.0 [89.0,91.0]" in lines[head + 1]
    assert lines[head + 3].split() == ["BN", "better", *["1", "of", "1"] * 4, *["0", "of", "1"] * 2]
    assert max(map(len, lines)) <= 112, "wider lines wrap in a notebook"
