"""The drawings of notebook 07: titles and texts say what the data say, whatever they say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from bnbook.chapters.n07_covariate_shift import plots

matplotlib.use("Agg")
SEEDS = 6
JITTER = np.linspace(-1, 1, SEEDS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def _rows(case, arm, step, **measured):
    """Rows of a table: for each measure one value a seed."""
    return [(case, arm, seed, step, name, v) for name, values in measured.items() for seed, v in enumerate(values)]


def _data(cases, rows, **rest):
    table = pd.DataFrame(rows, columns=["case", "arm", "seed", "step", "measure", "value"])
    return {"seeds": SEEDS, "cases": cases, "table": table, **rest}


UNIT_ARMS = {"none": ([400, None], 1.2), "batch": ([30, 35], 0.2), "start": ([40, 35], 1.0)}


def _unit_inputs():
    def arm(name, steps, moved):
        curves = [[-1 + moved * i / 2, moved * i / 2, 1 + moved * i / 2] for i in range(3)]
        return {
            "arm": name,
            "step": [0, 10, 20],
            "curves": curves,
            "range": [moved, moved],
            "spread": [2.0, 2.1],
            "accuracy_step": [0, 20],
            "accuracy": [[0.1, 0.9], [0.1, 0.8]],
            "steps_to_90": steps,
        }

    return {"seeds": 2, "percentiles": [15, 50, 85], "arms": [arm(name, *of) for name, of in UNIT_ARMS.items()]}


def test_unit_inputs_has_a_panel_for_the_accuracy_and_one_for_each_arm():
    axes, text = plots.unit_inputs(_unit_inputs())
    assert len(axes) == 4
    np.testing.assert_allclose(axes[1].get_lines()[0].get_ydata(), [0, 0.6, 1.2])
    np.testing.assert_allclose(axes[0].get_lines()[0].get_ydata(), [10, 85])
    verdict = "Steps to 90 %: never without normalization, 35 with BatchNorm, 40 standardized once, at the start"
    assert axes[0].figure.get_suptitle() == verdict and text.startswith(f"{verdict}.")
    lines = {line[:31].strip(): line[31:].split() for line in text.splitlines()}
    assert lines["without normalization"] == "never [400, never] 1.20 [1.20, 1.20] 2.05 [2.00, 2.10]".split()
    assert lines["with BatchNorm"][:4] == ["35", "[30,", "35]", "0.20"]
    axes, text = plots.unit_inputs(_unit_inputs(), ["none", "batch"])
    assert len(axes) == 3 and "standardized" not in text


def _input_drift(distance=8.8, absolute=0.5, evaluation=1.0):
    """Case b has these factors, in case a one seed without BatchNorm diverges in training mode."""
    rows = []
    for case in "ab":
        batch = 0.02 * (1 + 0.1 * JITTER)
        for arm in ("none", "start", "batch"):
            factors = {"distance": distance, "mean": 101.4, "absolute": absolute, "eval_distance": evaluation}
            noise = 1 + 0.01 * JITTER[::-1]
            values = {name: batch * (1 if arm == "batch" else factor * noise) for name, factor in factors.items()}
            for step in (50, 100):
                rows += _rows(case, arm, step, **values)
    data = _data(["a", "b"], rows)
    table = data["table"]
    table.loc[(table["case"] == "a") & (table["arm"] == "none") & (table["seed"] > 0), "value"] = np.nan
    return data


def test_input_drift_says_in_how_many_settings_inputs_move_less_in_each_unit():
    axes, text = plots.input_drift(_input_drift())
    title = "With BatchNorm inputs move less in 1 of 2 settings in sd, in 0 in own units, in 0 in evaluation mode"
    assert axes[0].figure.get_suptitle() == title and text.startswith(f"{title}.")
    a, b, left_out = text.splitlines()[-3:]
    assert left_out == "Runs left out because they diverge: 5 of a, without normalization"
    assert a.count("runs diverge") == 5
    assert b.split()[1:10] == "8.8 [8.7, 8.9] 100 [100, 100] 0.5 [0.5, 0.5]".split() and b.endswith(
        "1 [0.99, 1]* 1 [0.99, 1]*"
    )
    assert [line.get_text() for line in axes[0].get_yticklabels()] == ["a", "b"]
    assert (
        "in 0 of 2 settings in sd, in 1 in own units, in 1 in evaluation" in plots.input_drift(_input_drift(1, 3, 2))[1]
    )


def test_drift_factors_are_geometric_means_over_looks():
    data = _input_drift()
    table = data["table"]
    step_50 = (table["step"] == 50) & (table["arm"] == "none")
    table.loc[step_50, "value"] *= 3  # a mean over two looks, of which one is three times as large
    factors = plots.drift_factors(data)
    assert factors["in sd"]["mean"][1] == pytest.approx(2 * 8.8, rel=1e-3)
    assert factors["own units"]["verdict"][1] == "not settled here"  # 2 * 0.5
    assert factors["from step 50"]["mean"][1] == pytest.approx(1.0, rel=1e-3)


def _gradient_shift(first=-0.4, second=0.4, sooner=(80, 80)):
    """BatchNorm changes the gradient by first in case a, by second in case b, and is at 90 % so much sooner."""
    rows = []
    for case, change, steps in zip("ab", (first, second), sooner, strict=True):
        for arm in ("none", "batch"):
            more = (arm == "batch") * (change + 0.05 * JITTER)
            for step in (0, 10):
                rows += _rows(case, arm, step, relative=0.5 + more, cosine=0.9 - more)
            rows += _rows(case, arm, 300, steps_to_90=100 + 2 * JITTER - steps * (arm == "batch"))
    return _data(["a", "b"], rows, steps=300)


@pytest.mark.parametrize(
    "changes, sooner, title, wins",
    [
        ((-0.4, 0.4), (80, 80), "less in 1 of 2 settings, more in 1", "1 of 2"),
        ((0.2, 0.4), (80, -80), "less in 0 of 2 settings, more in 2", "1 of 2"),
        ((0.0, -0.4), (80, 80), "less in 1 of 2 settings, more in 0", "1 of 1"),
        (
            (0.03, -0.4),
            (80, 0),
            "less in 1 of 2 settings, more in 0",
            "0 of 0",
        ),  # a p of 0.03
    ],
)
def test_gradient_shift_counts_what_is_settled_and_whether_the_calmer_net_is_faster(changes, sooner, title, wins):
    axes, text = plots.gradient_shift(_gradient_shift(*changes, sooner))
    assert axes[0].figure.get_suptitle() == f"With BatchNorm gradients change {title}"
    first_line, second_line = text.splitlines()[:2]
    assert first_line.startswith(f"With BatchNorm gradients change {title}, not settled in ")
    assert second_line.endswith(f"the one with less change in {wins} settings.")


def test_gradient_shift_prints_differences_and_steps():
    row = plots.gradient_shift(_gradient_shift())[1].splitlines()[-2]
    assert "-0.40 [-0.44, -0.36]" in row and "less" in row and "+0.40 [+0.36, +0.44]" in row
    assert row.split()[-3:] == ["100", "20", "with"]
    data = _gradient_shift()
    steps = data["table"]["measure"] == "steps_to_90"
    data["table"].loc[steps & (data["table"]["arm"] == "none"), "value"] = np.nan
    assert plots.gradient_shift(data)[1].splitlines()[-2].split()[-3:] == ["never", "20", "with"]


def test_deep_linear_says_whether_the_lower_loss_goes_with_less_change():
    data = _gradient_shift()
    loss = data["table"].replace({"measure": {"steps_to_90": "train_loss"}})
    accuracy = loss[loss["measure"] == "train_loss"].assign(measure="train_accuracy", value=0.5)
    data["table"] = pd.concat([loss, accuracy], ignore_index=True)
    axes, text = plots.deep_linear(data)
    title = "Deep linear nets: with BatchNorm gradients change less in 1 of 2 settings, more in 1"
    assert axes[0].figure.get_suptitle() == title and text.startswith(f"{title}.")
    assert text.splitlines()[1].endswith("the net with the lower loss is the one with less change in 1 of 2 settings.")
    assert text.splitlines()[-1].split() == "b +0.40 [+0.36, +0.44] -80.00 [-80.00, -80.00] +0.0 [+0.0, +0.0]*".split()


ARMS = {"none": 0.2, "none_noisy": 0.8, "start": 0.1, "start_noisy": 0.3, "batch": 0.02, "noisy": 0.3, "noisier": 0.5}


def _noisy(sooner=150, noisy_sooner=-20):
    """'noisy' is at 90 % so much sooner than 'none' and 'batch', 'none_noisy' so much sooner than 'none'."""
    rows = []
    for arm, drift in ARMS.items():
        steps = 200 + 10 * np.roll(JITTER, len(arm)) - sooner * (arm == "noisy") - noisy_sooner * (arm == "none_noisy")
        for step in (0, 50):
            rows += _rows("a", arm, step, test_accuracy=0.5 + 0.4 * (step > 0) + 0.02 * JITTER)
        rows += _rows("a", arm, 50, distance=np.full(SEEDS, drift))
        rows += _rows("a", arm, 300, steps_to_90=steps, test_accuracy=0.91 + 0.02 * JITTER)
    return _data(["a"], rows, steps=300)


@pytest.mark.parametrize("sooner, verdict, count", [(150, "faster", 1), (-90, "slower", 0), (1, "not settled here", 0)])
def test_noisy_batch_norm_says_whether_it_is_still_faster(sooner, verdict, count):
    axes, text = plots.noisy_batch_norm(_noisy(sooner))
    assert axes.shape == (3, 1)
    assert axes[0, 0].get_title() == f"a\nnoisy BatchNorm against none:\n{verdict}"
    first = f"With noise BatchNorm is still faster than no normalization in {count} of 1 settings"
    assert text.startswith(f"{first}.") and axes[0, 0].figure.get_suptitle() == first
    row = next(line for line in text.splitlines() if line.startswith("a       noisy BatchNorm   "))
    assert row.split()[-2:] == ["91", "0.3"]


@pytest.mark.parametrize("sooner, verdict", [(-150, "slower"), (90, "faster"), (0, "not settled here")])
def test_noise_without_batch_norm_has_a_verdict_of_its_own(sooner, verdict):
    data = _noisy(noisy_sooner=sooner)
    assert plots.noisy_batch_norm(data)[0][1, 0].get_title().endswith(verdict)
    found = plots.noise_differences(data).set_index(["arm", "against"])
    assert len(found) == 7 and found.loc[("none_noisy", "none"), "verdict"] == verdict
    assert found.loc[("noisy", "none"), "mean"] == pytest.approx(-150)


def test_a_run_that_never_gets_there_counts_as_if_it_did_at_the_last_step():
    data = _noisy()
    never = (data["table"]["arm"] == "none_noisy") & (data["table"]["measure"] == "steps_to_90")
    data["table"].loc[never, "value"] = np.nan
    found = plots.noise_differences(data).set_index(["arm", "against"]).loc[("none_noisy", "none")]
    assert found["pairs"] == SEEDS and found["mean"] == pytest.approx(100) and found["verdict"] == "slower"
    assert "never [never, never]" in plots.noisy_batch_norm(data)[1]


@pytest.mark.parametrize(
    "draw, data",
    [
        (plots.unit_inputs, _unit_inputs),
        (plots.input_drift, _input_drift),
        (plots.gradient_shift, _gradient_shift),
        (plots.noisy_batch_norm, _noisy),
    ],
)
def test_every_axis_has_a_label_and_every_panel_a_title(draw, data):
    axes, text = draw(data())
    for ax in np.ravel(axes):
        assert ax.get_xlabel()
    for ax in np.ravel(axes)[: 2 if draw is plots.noisy_batch_norm else None]:
        assert ax.get_title()
    assert all(len(line) <= 120 for line in text.splitlines())
