"""The figures of notebook 14 show what was measured, and their texts say it."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n14_speed import plots
from bnbook.chapters.n14_speed.experiments import OPERATIONS, PASSES

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def measured(seconds=None):
    """A copy of 8 MB takes 1 ms, so a pass 0.5 ms; every version takes its passes, but for what seconds says."""
    times = {"copy": 1e-3, "read": 5e-4, "matrix product": 2 * 512**3 / 80e9}
    times |= {name: 5e-4 * count for name, count in PASSES.items()} | (seconds or {})
    shape = {"shape": "2x1000x1000", "bytes": 8_000_000, "times": {name: [t] * 3 for name, t in times.items()}}
    machine = {"device": "a machine", "date": "2026-01-02", "clock": "CPU time, one thread"}
    return {"machine": machine, "passes": PASSES, "operations": OPERATIONS, "shapes": [shape]}


def test_grey_bars_are_passes_and_coloured_ones_time_in_the_same_unit():
    axes, text = plots.fewer_passes(measured({"F.batch_norm": 1e-2}))
    counted, timed = (np.array([bar.get_width() for bar in bars]) for bars in axes[0].containers)
    assert counted.tolist() == [15, 10, 8, 6, 3, 3]
    np.testing.assert_allclose(timed, [15, 10, 8, 6, 3, 20])
    assert "takes 20 % of the textbook's time" in text.splitlines()[0]
    assert "a machine, 2026-01-02" in text
    assert "F.batch_norm     3 passes, time of 20" in text and "lean_batch_norm  8 passes, time of 8" in text


def test_two_shapes_give_a_range():
    data = measured()
    data["shapes"] += measured({"norm_fast": 3e-3})["shapes"]
    axes, text = plots.fewer_passes(data)
    assert len(axes) == 2 and "takes 20 to 40 % of the textbook's time" in text


def test_a_version_that_takes_no_longer_than_its_passes_lies_on_the_roof():
    ax, text = plots.roofline(measured({"F.batch_norm": 6e-3}))
    roof, *marks = ax.get_lines()
    marks = {mark.get_label().partition(" ")[2]: (*mark.get_xdata(), *mark.get_ydata()) for mark in marks}
    x, y = marks["norm_fast"]
    assert x == pytest.approx(5 / 12) and y == pytest.approx(16 * 5 / 12)  # at 16 GB/s
    assert marks["F.batch_norm"][1] == pytest.approx(y / 4)
    assert roof.get_xdata()[1] == pytest.approx(80 / 16) and roof.get_ydata()[1] == pytest.approx(80)
    assert "16 GB/s for a copy, 80 billion operations" in text and "below 5.0 operations per byte" in text
    assert "norm_fast 100 %" in text and "F.batch_norm 25 %" in text


@pytest.mark.parametrize(
    "tail, says", [(1.0, "two threads faster on average"), (90.0, "two threads slower on average")]
)
def test_the_threads_are_judged_by_the_mean_alone_and_in_company(tail, says):
    alone = {"shape": "128x16x8x8", "busy": 0, "wall": {"1": [2.0] * 20, "2": [1.0] * 20}, "cpu": {"1": 2.0, "2": 2.0}}
    beside = {**alone, "busy": 3, "wall": {"1": [2.0] * 20, "2": [1.0] * 19 + [tail]}}
    axes, text = plots.threads([alone, beside])
    assert axes[0].get_title() == "alone: two threads faster on average"
    assert axes[1].get_title() == f"beside 3 busy programs: {says}"
    assert f"beside 3 busy programs, 2 threads: median 1.00, mean {(19 + tail) / 20:.2f}, slowest {tail:.1f}" in text
    assert [max(line.get_ydata()) for ax in axes for line in ax.get_lines()] == [100] * 4


def test_axes_have_labels_with_units():
    axes, _ = plots.fewer_passes(measured())
    assert axes[0].get_xlabel() == "passes over the activation"
    ax, _ = plots.roofline(measured())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("operations per byte moved", "billion operations per second")
