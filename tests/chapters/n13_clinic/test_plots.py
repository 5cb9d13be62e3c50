"""The drawing of notebook 13 shows what was logged, and its table says the same."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from bnbook.chapters.n13_clinic import plots
from bnbook.chapters.n13_clinic.experiments import Patient

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def logged(loss, hits):
    steps = list(range(10, 130, 10))
    return Patient(None, [], None, None, {"step": steps, "training loss": [loss] * 12, "validation": [hits] * 12})


def test_curves_draws_each_log_and_labels_axes_with_units():
    axes, text = plots.curves({"in good health": logged(0.01, 98.0), "patient 1": logged(2.5, 10.4)})
    assert [line.get_label() for line in axes[1].lines] == ["in good health", "patient 1"]
    assert list(axes[0].lines[1].get_ydata()) == [2.5] * 12 and list(axes[1].lines[0].get_ydata()) == [98.0] * 12
    assert all(ax.get_title() and ax.get_xlabel() and ax.get_ylabel() for ax in axes)
    looks = {(line.get_color(), str(line.get_linestyle()), line.get_marker()) for line in axes[0].lines}
    assert len(looks) == 2
    first, table = text.split("\n\n")
    assert first.endswith("At the end in good health: loss 0.01, 98 % right; patient 1: loss 2.50, 10 % right.")
    assert table == plots.logged({"in good health": logged(0.01, 98.0), "patient 1": logged(2.5, 10.4)})


def test_the_table_has_a_row_a_patient_with_loss_and_accuracy_at_four_steps():
    head, first, second = plots.logged({"healthy": logged(0.01, 98.0), "2": logged(2.5, 10.4)}).splitlines()
    assert head.split()[-4:] == ["10", "50", "90", "120"]
    assert first.split() == ["healthy", *["0.01", "/", "98"] * 4] and second.split()[0] == "2"
    assert second.count("2.50 / 10") == 4 and len(head) == len(first) == len(second)
