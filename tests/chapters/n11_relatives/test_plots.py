"""The drawings of notebook 11 show and say what the data say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bnbook.chapters.n11_relatives import plots
from bnbook.chapters.n11_relatives.experiments import SPOILT
from bnbook.lab import results

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
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert text.splitlines()[0] == "Of 2 changes a norm does not notice 1, more than any other."
    assert "everything x 3   same output with a" in text and "other images     same output with none" in text


SHIFTS = (-0.01, 0.0, 0.02)  # of three seeds


def made_up(batch=0.97, none=0.9, noisy=0.5, largest=1.0):
    """What experiments.relatives returns, by hand: two norms, three rates and two cases; own statistics add 0.02."""
    rows = []
    for case in ("9 steps of 64", "9 steps of 2"):
        for arm, good in (("none", none), ("batch", batch)):
            for lr in (0.1, 0.4, 1.0, 10.0) if "64" in case else (0.1,):
                fails = lr > (largest if arm == "batch" else 0.1)
                spoilt = 0.7 if arm == "none" else noisy
                means = {"test_accuracy": 0.1 if fails else good, "diverged": float(fails)}
                means |= {f"{name} accuracy": spoilt for name in SPOILT}
                if arm == "batch":
                    means |= {f"own {name} accuracy": spoilt + 0.02 for name in SPOILT} | {"own clean accuracy": good}
                for seed, shift in enumerate(SHIFTS):
                    label = {"case": case, "arm": arm, "lr": lr, "seed": seed, "twin": 0, "step": 9}
                    shift = shift * (2 if arm == "batch" else 1)
                    rows += [
                        label | {"measure": name, "value": mean + shift * (name != "diverged")}
                        for name, mean in means.items()
                    ]
    cases = {"9 steps of 64": [64, 9], "9 steps of 2": [2, 9]}
    best = {case: {"none": 0.1, "batch": 0.1} for case in cases}
    return {"cases": cases, "sweep": [0.1, 0.4, 1.0, 10.0], "seeds": 3, "best": best, "table": pd.DataFrame(rows)}


def test_the_first_two_lines_are_the_verdicts_of_the_data():
    axes, text = plots.relatives(made_up())
    better, worse = text.splitlines()[:2]
    assert better.endswith("at: decades of rates, largest rate, 9 steps of 64, 9 steps of 2")
    assert worse == "and worse than all others at: nothing (paired by seed; Holm, 5 %)."
    assert better in axes[0].figure.get_suptitle()
    # Three seeds that agree to the digit: a largest rate is as open as the grid, half a step of both, on each side.
    assert "15.81 [1.58, 158.11]" in text
    close = plots.relatives(made_up(largest=0.4))[1]
    assert "3.16 [0.79, 12.65]" in close and "at: decades of rates, 9 steps" in close.splitlines()[0]
    better, worse = plots.relatives(made_up(batch=0.88, none=0.9))[1].splitlines()[:2]
    assert better.endswith("at: decades of rates, largest rate")
    assert worse.startswith("and worse than all others at: nothing"), "-2.3 points, and three seeds"
    better, worse = plots.relatives(made_up(batch=0.8, none=0.9))[1].splitlines()[:2]
    assert better.endswith("at: largest rate") and worse.startswith("and worse than all others at: 9 steps of 64,")
    better, worse = plots.distortions(made_up())[1].splitlines()[:2]
    assert better.endswith("at: nothing") and f"at: {', '.join(SPOILT)} (paired" in worse


def test_lines_and_dots_are_means_and_their_students_intervals():
    axes, _ = plots.relatives(made_up())
    lines = {line.get_label(): line for line in axes[0].get_lines()}
    mean = 100 * np.mean(SHIFTS)
    np.testing.assert_allclose(lines["without normalization"].get_ydata(), [90 + mean] + [10 + mean] * 3)
    np.testing.assert_allclose(lines["with BatchNorm"].get_ydata(), [97 + 2 * mean] * 3 + [10 + 2 * mean])
    none, batch = axes[1].containers[:2]
    ends = [bar.get_segments()[0][:, 1] for bar in (none[2][0], batch[2][0])]
    np.testing.assert_allclose(ends[0], results.interval(100 * np.add(0.9, SHIFTS)))
    np.testing.assert_allclose(ends[1], results.interval(100 * np.add(0.97, np.multiply(2, SHIFTS))))
    axes, _ = plots.distortions(made_up())
    noise = axes[0].get_lines()
    np.testing.assert_allclose(noise[0].get_xdata(), [0, 0.1, 0.3])
    np.testing.assert_allclose(noise[1].get_ydata(), np.add([97, 50, 50], 2 * mean))
    np.testing.assert_allclose(noise[2].get_ydata(), np.add([97, 52, 52], 2 * mean))
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["faint", "contrast", "dark", "specks", "shift"]


def test_every_arm_is_named_once_in_a_legend():
    for axes, _ in (plots.relatives(made_up()), plots.distortions(made_up())):
        names = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
        assert len(names) == len(set(names)) == len(axes[0].get_lines())


def test_the_tables_have_a_line_for_each_norm_with_intervals_and_counts():
    lines = plots.relatives(made_up())[1].split("\n\n")[1].splitlines()
    assert lines[0].split()[:4] == ["mean", "decades", "of", "rates"]
    assert lines[1].split() == ["none", "0.02", "0.20", "90.3%", "90.3%"]
    assert lines[3].startswith("batch against") and lines[4].startswith("none ")
    assert "+7.3 [" in lines[4] and lines[5].split() == ["more", *["1", "of", "1"] * 4]
    assert lines[6].split() == ["less", *["0", "of", "1"] * 4]
    lines = plots.distortions(made_up())[1].split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in lines[1:8]] == [name.split()[0] for name in SPOILT]
    assert lines[1].split() == ["faint", "70.3%", "50.7%", "52.7%"]
    assert lines[8].split()[:3] == ["batch", "against", "none"] and "-20 [-2" in lines[9]
    assert lines[16].split()[:3] == ["own", "against", "none"] and "-18 [-2" in lines[17]
