"""The exercises of notebook 01: right answers in any style pass, wrong ones that nobody listed are refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from bnbook import norm_numpy
from bnbook.chapters.n01_why_normalize import checks, functions
from bnbook.grading.exercise import CheckFailed


def in_one_expression(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def with_keepdims(x):
    mean = np.mean(x, axis=0, keepdims=True)
    var = np.mean((x - mean) ** 2, axis=0, keepdims=True)
    return (x - mean) / np.sqrt(var)


def column_by_column(x):
    result = np.empty_like(x)
    for c in range(x.shape[1]):
        column = x[:, c]
        result[:, c] = (column - column.mean()) / column.std()
    return result


def with_plain_sums(x):
    rows = x.tolist()
    columns = []
    for column in zip(*rows, strict=True):
        mean = math.fsum(column) / len(column)
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
        columns.append([(v - mean) / sd for v in column])
    return [list(row) for row in zip(*columns, strict=True)]


def with_torch(x):
    x = torch.tensor(x.copy())
    return (x - x.mean(0)) / x.std(0, correction=0)


def with_scikit_learn(x):
    return StandardScaler().fit_transform(x.astype(np.float64))


def with_normalize(x):
    return norm_numpy.normalize(x, (0,), 0)[0]


@pytest.mark.parametrize(
    "yours",
    [
        *(in_one_expression, with_keepdims, column_by_column, with_plain_sums),
        *(with_torch, with_scikit_learn, with_normalize, lambda table: in_one_expression(table).astype(np.float64)),
    ],
)
def test_standardize_in_any_style_is_accepted(yours):
    verdict = checks.standardize.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def by_loop(h, slope=0.05):
    flat = [1 for value in np.ravel(h) if 1 - value * value < slope]
    return len(flat) / np.size(h)


def by_threshold(h, limit=0.05):
    return (np.abs(h) > np.sqrt(1 - limit)).mean()


def by_the_derivative_at_z(h, slope=0.05):
    with np.errstate(divide="ignore"):
        return np.count_nonzero(1 / np.cosh(np.arctanh(h)) ** 2 < slope) / h.size


@pytest.mark.parametrize(
    "yours", [by_loop, by_threshold, by_the_derivative_at_z, lambda h, s=0.05: 1 - np.mean(1 - h * h >= s)]
)
def test_saturation_in_any_style_is_accepted(yours):
    verdict = checks.saturation.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@pytest.mark.parametrize(
    "yours",
    [
        lambda fan_in: math.sqrt(2 / fan_in),
        lambda n: (2 / n) ** 0.5,
        lambda fan_in: np.sqrt(2) / np.sqrt(fan_in),
        lambda fan_in: torch.nn.init.calculate_gain("relu") / math.sqrt(fan_in),
    ],
)
def test_he_std_in_any_style_is_accepted(yours):
    assert checks.he_std.judge(yours).kind == "agrees"


off = st.one_of(st.floats(1e-3, 2), st.floats(-1.5, -1e-3))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(off, off, st.floats(0.2, 1).filter(lambda p: abs(p - 0.5) > 1e-3))
def test_a_bent_standardize_is_refused(mean_off, scale_off, power):
    def bent(mean_by=1.0, scale=1.0, power=0.5):
        return lambda x: scale * (x - mean_by * x.mean(0)) / x.var(0) ** power

    assert checks.standardize.judge(bent()).kind == "agrees"
    for how in ({"mean_by": 1 + mean_off}, {"scale": 1 + scale_off}, {"power": power}):
        assert checks.standardize.judge(bent(**how)).kind == "wrong", how


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 14), off)
def test_one_entry_of_one_table_off_is_refused(where, by):
    def yours(x):
        result = functions.standardize(x)
        if x.shape == (5, 3):
            result.reshape(-1)[where] *= 1 + by
        return result

    assert checks.standardize.judge(yours).kind == "wrong"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(1.15, 5), st.booleans())
def test_a_limit_elsewhere_is_refused(factor, smaller):
    factor = 1 / factor if smaller else factor
    assert checks.saturation.judge(lambda h, slope=0.05: np.mean(1 - h**2 < slope * factor)).kind == "wrong"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(0.1, 10).filter(lambda k: abs(k - 2) > 1e-3), st.floats(0.1, 2).filter(lambda p: abs(p - 0.5) > 1e-3))
def test_another_constant_or_power_for_he_is_refused(constant, power):
    assert checks.he_std.judge(lambda n: np.sqrt(constant / n)).kind == "wrong"
    assert checks.he_std.judge(lambda n: np.sqrt(2) / n**power).kind == "wrong"


@pytest.mark.parametrize(
    "exercise, yours, name",
    [
        (checks.standardize, lambda x: (x - x.mean(0)) / np.abs(x - x.mean(0)), "dividing each number by its own"),
        (checks.standardize, lambda x: (x - x.mean(0)) / (x.var(0) ** 1 / 2), "writing the root as ** 1/2"),
        (checks.he_std, lambda n: (2 / n) ** 1 / 2, "(2 / fan_in) ** 1/2"),
    ],
)
def test_a_likely_mistake_is_called_by_its_name(exercise, yours, name):
    assert f"That is what {name}" in exercise.judge(yours).message


def test_several_results_where_one_is_expected_are_described(capsys):
    with pytest.raises(CheckFailed):
        checks.standardize(lambda x: (x - x.mean(0), x.std(0)))
    out = capsys.readouterr().out
    assert "x_hat is 2 outputs, expected numbers of shape (5, 3)" in out
    assert "x_hat    yours 2 outputs   expected [[-1.225, -1.225], " in out


def test_the_slips_that_do_harm_in_20_layers_say_the_right_numbers():
    """Numbers in the texts of slips that no placeholder fills in."""
    assert 1 - 0.96**2 == pytest.approx(0.078, abs=5e-4) and math.atanh(math.sqrt(0.95)) == pytest.approx(
        2.18, abs=5e-3
    )
    assert 1 - math.tanh(1) ** 2 == pytest.approx(0.42, abs=5e-3) and math.tanh(19.1) == 1 and math.tanh(18) < 1
    assert (1 - 1 / math.pi) / 2 == pytest.approx(0.341, abs=5e-4) and math.sqrt(6) == pytest.approx(2.45, abs=5e-3)
    assert 0.004 / math.sqrt(0.004**2 + 1e-5) == pytest.approx(0.78, abs=5e-3) and 2**20 == pytest.approx(1e6, rel=0.05)
    assert 1e-8 / 0.004 == pytest.approx(2.5e-6) and math.sqrt(0.9) == pytest.approx(0.949, abs=5e-4)
    assert np.sqrt(np.mean(np.square([1, 3, 5]))) == pytest.approx(3.416, abs=5e-4)
    assert np.mean(np.abs(np.array([1, 3, 5]) - 3)) == pytest.approx(1.333, abs=5e-4)
