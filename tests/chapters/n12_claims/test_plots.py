"""The drawings of notebook 12: they show the numbers they are given, and say what these show."""

import copy

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook.chapters.n12_claims import experiments, plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("claims")


NAMES = ("generalization", "random_labels", "dimensions", "robustness", "adding", "folklore")


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_labels_and_a_verdict_in_its_first_line(stored, name):
    axes, text = getattr(plots, name)(stored["parts"][name])
    for ax in np.atleast_1d(axes):
        assert ax.get_xlabel() or len(ax.get_xticklabels())
    assert len(text.splitlines()) >= 3 and text.splitlines()[0].endswith(".")


def test_generalization_draws_each_difference_with_its_interval(stored):
    part = stored["parts"]["generalization"]
    axes, text = plots.generalization(part)
    for ax, size in zip(axes, part["sizes"], strict=True):
        dots = {line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1}
        for name, difference in size["differences"].items():
            if name != "whole_set - batch":
                assert difference["mean"] in dots
    assert f"{part['sizes'][0]['differences']['batch']['mean']:+.1f}" in text.splitlines()[0]


def test_other_numbers_get_another_verdict(stored):
    part = copy.deepcopy(stored["parts"]["robustness"])
    hardest = [name for name in part["differences"] if name.startswith("noise")][-1]
    for norm in part["differences"][hardest]:
        part["differences"][hardest][norm] = {"mean": 3.0, "interval": [2.0, 4.0]}
    assert (
        "beats no norm, layer norm, group norm, instance norm and loses to none of the four"
        in plots.robustness(part)[1]
    )
    labels = copy.deepcopy(stored["parts"]["random_labels"])
    labels["ratio"] = 0.5
    assert "takes 0.5 times the steps" in plots.random_labels(labels)[1]


def test_robustness_draws_the_mean_accuracy_over_the_noise(stored):
    part = stored["parts"]["robustness"]
    axes, _ = plots.robustness(part)
    line = axes[0].get_lines()[list(part["arms"]).index("batch")]
    accuracy = part["arms"]["batch"]["accuracy"]
    expected = [100 * np.mean(accuracy[name]) for name in accuracy if name == "clean" or name.startswith("noise")]
    np.testing.assert_allclose(line.get_ydata(), expected)


def test_the_table_lists_every_claim_with_its_verdict_and_every_line(stored):
    ax, text = plots.claims(stored)
    for row in stored["rows"]:
        assert f"{row['verdict'].upper()}: BatchNorm {row['claim']}\n    true if {row['sharpened']}\n" in text
        assert f"    source: {row['source']}" in text
        assert all(f"    {found['what']}: " in text for found in row["measured"])
    points = sum(len(row["measured"]) for row in stored["rows"] if row["unit"] == "points")
    assert len(ax.get_yticks()) == points
    counts = [row["verdict"] for row in stored["rows"]]
    assert f"{counts.count('false')} false" in text.splitlines()[0]


def test_no_figure_says_minus_zero(stored):
    for name in NAMES:
        assert "-0.0 " not in getattr(plots, name)(stored["parts"][name])[1].replace("-0.0x", "")
