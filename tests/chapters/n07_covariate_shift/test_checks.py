"""The exercises of notebook 07: right answers in any style pass, wrong ones that nobody listed are refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cosine as cosine_distance
from scipy.stats import wasserstein_distance

from bnbook import nets
from bnbook.chapters.n07_covariate_shift import checks
from bnbook.chapters.n07_covariate_shift.functions import gradient_change, wasserstein_1d


def solved_for_z_hat(weight, bias, z):
    scale = 1 / np.sqrt(np.mean((z - np.mean(z, axis=0)) ** 2, axis=0))
    return np.diag(scale) @ weight, scale * (bias - z.mean(axis=0))


def unit_by_unit(weight, bias, z):
    weight, bias = weight.copy(), bias.copy()
    for unit, column in enumerate(z.T):
        weight[unit] /= column.std()
        bias[unit] = (bias[unit] - column.mean()) / column.std()
    return weight, bias


def transposed(weight, bias, z):
    sd = z.std(axis=0, keepdims=True)
    return (weight.T / sd).T, ((bias - z.mean(axis=0)) / sd)[0]


def with_torch(weight, bias, z):
    weight, bias, z = (torch.tensor(v) for v in (weight, bias, z))
    var, mean = torch.var_mean(z, 0, correction=0)
    return weight / var.sqrt()[:, None], (bias - mean) / var.sqrt()


@pytest.mark.parametrize("yours", [solved_for_z_hat, unit_by_unit, transposed, with_torch])
def test_standardizing_in_any_style_is_accepted(yours):
    verdict = checks.standardizing.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_standardizing_gives_a_layer_whose_units_have_mean_0_and_sd_1():
    random = np.random.default_rng(0)
    x, weight, bias = random.normal(2, 3, (50, 4)), random.normal(size=(6, 4)), random.normal(size=6)
    weight, bias = nets.standardizing(weight, bias, x @ weight.T + bias)
    z = x @ weight.T + bias
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-13)
    np.testing.assert_allclose(z.std(0), 1, rtol=1e-13)


def by_scipy(a, b):
    columns = zip(a.reshape(len(a), -1).T, b.reshape(len(b), -1).T, strict=True)
    return np.reshape([wasserstein_distance(u, v) for u, v in columns], a.shape[1:])


def by_plain_lists(a, b):
    if a.ndim == 1:
        return math.fsum(abs(u - v) for u, v in zip(sorted(a), sorted(b), strict=True)) / len(a)
    return [by_plain_lists(a[:, i], b[:, i]) for i in range(a.shape[1])]


def by_quantiles(a, b):
    ranks = np.linspace(0, 1, len(a))
    return np.mean(np.abs(np.quantile(a, ranks, axis=0) - np.quantile(b, ranks, axis=0)), axis=0)


@pytest.mark.parametrize(
    "yours", [by_scipy, by_plain_lists, by_quantiles, lambda x, y: wasserstein_1d(torch.tensor(x).numpy(), y)]
)
def test_wasserstein_in_any_style_is_accepted(yours):
    verdict = checks.wasserstein_1d.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def by_scipy_and_norm(g, g_prime):
    return np.linalg.norm((g - g_prime).ravel()) / np.linalg.norm(g.ravel()), 1 - cosine_distance(
        g.ravel(), g_prime.ravel()
    )


def by_vdot(g, g_prime):
    d = g_prime - g
    return math.sqrt(np.vdot(d, d) / np.vdot(g, g)), np.vdot(g, g_prime) / math.sqrt(
        np.vdot(g, g) * np.vdot(g_prime, g_prime)
    )


def by_torch(g, g_prime):
    g, g_prime = torch.tensor(g).flatten(), torch.tensor(g_prime).flatten()
    return (g - g_prime).norm() / g.norm(), torch.nn.functional.cosine_similarity(g, g_prime, dim=0, eps=1e-30)


@pytest.mark.parametrize("yours", [by_scipy_and_norm, by_vdot, by_torch, lambda a, b: list(gradient_change(a, b))])
def test_gradient_change_in_any_style_is_accepted(yours):
    verdict = checks.gradient_change.judge(yours)
    assert verdict.kind == "agrees", verdict.message


off = st.one_of(st.floats(1e-3, 2), st.floats(-1.5, -1e-3))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, st.sampled_from([0, 1]), st.integers(0, 7))
def test_one_entry_of_a_standardized_layer_off_is_refused(by, output, where):
    def yours(weight, bias, z):
        result = nets.standardizing(weight, bias, z)
        result[output].reshape(-1)[where % result[output].size] *= 1 + by
        return result

    assert checks.standardizing.judge(yours).kind == "wrong"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, st.floats(0.3, 3).filter(lambda p: abs(p - 1) > 1e-3))
def test_another_factor_or_power_of_the_way_is_refused(by, power):
    assert checks.wasserstein_1d.judge(lambda a, b: (1 + by) * wasserstein_1d(a, b)).kind == "wrong"

    def bent(a, b):
        return (np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)) ** power).mean(0)

    assert checks.wasserstein_1d.judge(bent).kind == "wrong"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, st.sampled_from([0, 1]))
def test_a_gradient_change_that_is_off_is_refused(by, output):
    def yours(g, g_prime):
        result = list(gradient_change(g, g_prime))
        result[output] *= 1 + by
        return result

    assert checks.gradient_change.judge(yours).kind == "wrong"


def test_the_numbers_in_the_texts_of_slips_that_nothing_fills_in():
    assert np.std([1, 5], ddof=1) / np.std([1, 5]) == pytest.approx(1.41, abs=5e-3)
    assert np.linalg.norm([3, 4]) == 5 and np.abs([3, 4]).sum() == 7
    assert abs((np.sort([-1, 1]) - np.sort([-5, 5])).mean()) == 0 and wasserstein_1d([-1, 1], [-5, 5]) == 4


def test_the_mean_of_differences_taken_first_is_told_the_order_of_all_three_steps():
    for yours in (
        lambda a, b: np.abs(a.mean(0) - b.mean(0)),
        lambda a, b: np.abs((np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0)),
    ):
        said = " ".join(checks.wasserstein_1d.judge(yours).message.split())
        assert "That is what comparing the two means" in said
        assert "sort both along axis 0, take np.abs of the differences, and last the mean" in said


def test_what_the_method_sort_returns_is_explained():
    verdict = checks.wasserstein_1d.judge(lambda a, b: np.abs(a.sort(axis=0) - b.sort(axis=0)).mean(axis=0))
    assert verdict.kind == "raised" and "the *method* sorts a itself and returns None" in verdict.message


@pytest.mark.parametrize(
    "exercise, yours, says",
    [
        (
            checks.standardizing,
            lambda weight, bias, z: (weight / z.std(0)[:, None], bias - z.mean(0) / z.std(0)),
            "bias - mean / sd without brackets",
        ),
        (
            checks.gradient_change,
            lambda g, h: (np.linalg.norm(g - h) / np.linalg.norm(g), by_precedence(g, h)),
            "dot / |g| * |g_prime| without brackets",
        ),
    ],
)
def test_missing_brackets_are_named(exercise, yours, says):
    assert f"That is what {says}" in exercise.judge(yours).message


def by_precedence(g, h):
    return np.sum(g * h) / np.linalg.norm(g) * np.linalg.norm(h)


def test_a_bias_divided_by_the_variance_beside_right_weights_is_not_told_that_the_weights_are_wrong():
    def yours(weight, bias, z):
        return weight / z.std(0)[:, None], (bias - z.mean(0)) / z.var(0)

    said = checks.standardizing.judge(yours).message
    assert 'Only "bias" is off: it is what dividing by the variance gives.' in said
    assert "   weight " not in said and "should be" not in said
