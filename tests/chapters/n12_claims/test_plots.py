"""The drawings of notebook 12: they show the numbers they are given, and say what these show."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bnbook import data
from bnbook.chapters.n12_claims import experiments, plots
from bnbook.chapters.n12_claims.plots.sayings import ceilings
from bnbook.lab import results

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def parts():
    return {name: experiments.evidence(name) for name in experiments.PARTS}


@pytest.fixture(scope="module")
def claims(parts):
    return experiments.judged(parts, data.digits())


@pytest.mark.parametrize("name", experiments.PARTS)
def test_every_figure_has_labels_and_a_verdict_in_its_first_line(parts, name):
    axes, text = getattr(plots, name)(parts[name])
    for ax in np.atleast_1d(axes):
        assert ax.get_xlabel() or len(ax.get_xticklabels())
    assert len(text.splitlines()) >= 3 and text.splitlines()[0].endswith(".")
    assert "-0.0 " not in text and "nan" not in text


def test_generalization_draws_each_difference_with_its_interval(parts):
    part = parts["generalization"]
    axes, text = plots.generalization(part)
    for ax, (case, best) in zip(axes, part["best"].items(), strict=True):
        dots = {line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1}
        wide = results.of(part["table"], "test_accuracy", case=case).pivot(index="seed", columns="arm", values="value")
        expected = {100 * (wide[arm] - wide["none"]).mean() for arm in best if arm != "none"}
        assert sorted(dots) == pytest.approx(sorted(expected))
        assert f"{100 * (wide['batch'] - wide['none']).mean():+.1f}" in text.splitlines()[0]


def changed(part, by, **where):
    """part, with by added to all values whose columns are as in where."""
    table = part["table"]
    chosen = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    return part | {"table": table.assign(value=table["value"] + np.where(chosen, by, 0.0))}


def test_other_numbers_get_another_verdict(parts):
    part = changed(parts["robustness"], 1.0, case="clean", arm="batch", measure="noise 0.5 accuracy")
    beats = "beats no norm, layer norm, group norm, instance norm and loses to none of the four"
    assert beats in plots.robustness(part)[1]
    part = changed(parts["adding"], 1.0, case="8 layers", arm="add_sd", measure="test_accuracy")
    assert plots.adding(part)[1].split("8 layers: ")[1].startswith("+9")
    table = parts["random_labels"]["table"]
    swapped = table.assign(arm=table["arm"].map({"none": "batch", "batch": "none"}))
    assert "takes 0." in plots.random_labels(parts["random_labels"] | {"table": swapped})[1]


def test_robustness_draws_the_mean_accuracy_over_the_noise(parts):
    axes, _ = plots.robustness(parts["robustness"])
    for ax, case in zip(axes, ("clean", "noisy"), strict=False):
        tests = [f"{name} accuracy" for name in ("clean", "noise 0.1", "noise 0.2", "noise 0.3", "noise 0.5")]
        table = parts["robustness"]["table"]
        expected = [
            100
            * table.loc[
                (table["case"] == case) & (table["arm"] == "batch") & (table["measure"] == test), "value"
            ].mean()
            for test in tests
        ]
        np.testing.assert_allclose(ax.get_lines()[1].get_ydata(), expected)


def test_the_ratio_of_the_largest_usable_rates_is_read_off_the_grid():
    rates = (0.01, 0.02, 0.04, 0.08, 0.16)
    works = {("batch", 100): 4, ("batch", 101): 4, ("add_sd", 100): 1, ("add_sd", 101): 2}
    rows = [
        (arm, seed, lr, 0.9 if i < many else 0.1) for (arm, seed), many in works.items() for i, lr in enumerate(rates)
    ]
    tuning = pd.DataFrame(rows, columns=["arm", "seed", "lr", "value"]).assign(step=1, measure="val_accuracy")
    assert ceilings(tuning)["mean"] == pytest.approx(np.sqrt(8 * 4))


def test_the_table_lists_every_claim_with_its_verdict_and_every_line(claims):
    ax, text = plots.verdicts(claims)
    for claim in claims:
        assert f"{claim.verdict.upper()}: BatchNorm {claim.claim}\n    true if {claim.sharpened}\n" in text
        assert f"    source: {claim.source}" in text
        assert all(f"    {line.what}: " in text for line in claim.lines)
    assert len(ax.get_yticks()) == sum(len(claim.lines) for claim in claims if claim.unit == "points")
    counts = [claim.verdict for claim in claims]
    assert f"{counts.count('false')} false" in text.splitlines()[0]


def test_the_opening_table_has_one_row_for_each_claim(claims):
    head, *lines = plots.table(claims).splitlines()
    assert max(map(len, lines)) <= 109
    rows = []
    for line in lines:  # what is folded belongs to the row above
        rows[len(rows) - line.startswith(" ") :] = [f"{rows[-1]} {line.strip()}" if line.startswith(" ") else line]
    assert head.split() == ["BatchNorm", "...", "verdict", "evidence"] and len(rows) == len(claims)
    for claim, row in zip(claims, rows, strict=True):
        assert row.startswith(claim.claim) and f" {claim.verdict} " in row and claim.decisive[0].what in row
