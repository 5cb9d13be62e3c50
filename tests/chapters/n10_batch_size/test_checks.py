"""The exercises of notebook 10: right answers in any style pass, wrong ones that nobody listed are refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bnbook.chapters.n10_batch_size import checks, functions
from bnbook.norm_numpy import batch_norm

off = st.one_of(st.floats(1e-3, 2), st.floats(-0.9, -1e-3))


# --- standard_error --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "yours",
    [
        lambda sd, m: sd / m**0.5,
        lambda sd, m: sd * m**-0.5,
        lambda sd, m: np.sqrt(np.square(sd) / m),
        lambda sd, m: sd / math.sqrt(m),
        lambda sigma, n: np.sqrt(n * sigma**2) / n,
    ],
)
def test_standard_error_in_any_style_is_accepted(yours):
    assert checks.standard_error.judge(yours).kind == "agrees"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(off, st.floats(0.1, 2).filter(lambda p: abs(p - 0.5) > 1e-3))
def test_another_factor_or_power_is_refused(by, power):
    assert checks.standard_error.judge(lambda sd, m: (1 + by) * sd / np.sqrt(m)).kind == "wrong"
    assert checks.standard_error.judge(lambda sd, m: sd / m**power).kind == "wrong"
    assert checks.standard_error.judge(lambda sd, m: np.asarray(sd) ** (2 * power) / np.sqrt(m)).kind == "wrong"


@pytest.mark.parametrize("yours", [lambda sd, m: sd / m**1 / 2, lambda sd, m: (sd**2 / m) ** 1 / 2])
def test_a_power_of_1_divided_by_2_is_told_to_be_no_root(yours):
    verdict = checks.standard_error.judge(yours)
    assert verdict.kind == "wrong" and "** 1/2" in verdict.message


# --- ghost_batch_norm ------------------------------------------------------------------------------------------------


def by_split(x, gamma, beta, size, eps=1e-5):
    return np.vstack([batch_norm(part, gamma, beta, eps)[0] for part in np.split(x, len(x) // size)])


def by_filling(x, gamma, beta, size, eps=1e-5):
    y, start = np.empty_like(x), 0
    while start < len(x):
        y[start : start + size], _, _ = batch_norm(x[start : start + size], gamma, beta, eps)
        start += size
    return y


def with_a_part_axis(x, gamma, beta, size, eps=1e-5):
    parts = x.reshape(-1, size, *x.shape[1:])
    axes = (1, *range(3, parts.ndim))
    shape = (-1, *[1] * (x.ndim - 2))
    x_hat = (parts - parts.mean(axes, keepdims=True)) / np.sqrt(parts.var(axes, keepdims=True) + eps)
    return (gamma.reshape(shape) * x_hat + beta.reshape(shape)).reshape(x.shape)


def with_torch(x, gamma, beta, size, eps=1e-5):
    parts = torch.tensor(x.copy()).split(size)
    vectors = torch.tensor(gamma), torch.tensor(beta)
    return torch.cat([nn.functional.batch_norm(part, None, None, *vectors, True, 0.1, eps) for part in parts])


@pytest.mark.parametrize("yours", [by_split, by_filling, with_a_part_axis, with_torch])
def test_ghost_batch_norm_in_any_style_is_accepted(yours):
    verdict = checks.ghost_batch_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 17), off)
def test_one_entry_of_one_ghost_off_is_refused(where, by):
    def yours(x, gamma, beta, size, eps=1e-5):
        y = functions.ghost_batch_norm(x, gamma, beta, size, eps)
        if x.shape == (6, 3):
            y.reshape(-1)[where] *= 1 + by
        return y

    assert checks.ghost_batch_norm.judge(yours).kind == "wrong"


def test_who_cuts_the_channels_is_told_so():
    """BatchNorm treats channels one by one: with gamma and beta cut as well it is that of all images."""

    def cut_with_gamma(x, gamma, beta, size, eps=1e-5):
        cuts = [slice(i, i + size) for i in range(0, x.shape[1], size)]
        return np.concatenate([batch_norm(x[:, cut], gamma[cut], beta[cut], eps)[0] for cut in cuts], axis=1)

    def cut_alone(x, gamma, beta, size, eps=1e-5):
        return np.concatenate([batch_norm(x[:, i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)])

    for yours, says in ((cut_with_gamma, "or it cuts channels, x[:, i:i + size]"), (cut_alone, "cutting channels")):
        verdict = checks.ghost_batch_norm.judge(yours)
        assert verdict.slip is not None and says in " ".join(verdict.message.split())
    assert "gamma has shape (3,), expected (2,)" in str(checks.ghost_batch_norm.judge(cut_alone).error)


def test_a_list_of_the_parts_is_told_to_be_joined():
    verdict = checks.ghost_batch_norm.judge(
        lambda x, g, b, size, eps=1e-5: [batch_norm(part, g, b, eps)[0] for part in np.split(x, len(x) // size)]
    )
    message = " ".join(verdict.message.split())
    assert verdict.kind == "wrong" and "leaving the parts apart gives: a list of them" in message


# --- accumulated_gradient --------------------------------------------------------------------------------------------


def with_a_loop(gradient, x, y, size):
    total, start = 0, 0
    while start < len(x):
        part = x[start : start + size]
        total = total + len(part) / len(x) * gradient(part, y[start : start + size])
        start += size
    return total


def by_average(gradient, x, y, size):
    cuts = range(size, len(x), size)
    parts = list(zip(np.split(x, cuts), np.split(y, cuts), strict=True))
    return np.average([gradient(*part) for part in parts], axis=0, weights=[len(part[0]) for part in parts])


def into_one_array(gradient, x, y, size):
    g = None
    for start in range(0, len(x), size):
        weight = min(size, len(x) - start) / len(x)
        new = weight * gradient(x[start : start + size], y[start : start + size])
        g = new if g is None else g + new
    return g


@pytest.mark.parametrize("yours", [with_a_loop, by_average, into_one_array])
def test_accumulated_gradient_in_any_style_is_accepted(yours):
    verdict = checks.accumulated_gradient.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off)
def test_another_weight_of_the_last_micro_batch_is_refused(by):
    def yours(gradient, x, y, size):
        weights = [len(x[i : i + size]) for i in range(0, len(x), size)]
        weights[-1] *= 1 + by
        parts = [gradient(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]
        return sum(w * part for w, part in zip(weights, parts, strict=True)) / len(x)

    assert checks.accumulated_gradient.judge(yours).kind == "wrong"


def test_micro_batches_that_are_cut_elsewhere_are_refused():
    def yours(gradient, x, y, size):
        parts = zip(*(np.array_split(v, -(-len(x) // size)) for v in (x, y)), strict=True)
        return sum(len(part) * gradient(part, labels) for part, labels in parts) / len(x)

    assert checks.accumulated_gradient.judge(yours).kind == "wrong"


def test_the_messages_show_the_gradient_as_a_formula_and_no_address():
    message = checks.accumulated_gradient.judge(lambda gradient, x, y, size: 3 * gradient(x, y)).message
    assert "gradient = x.T @ (x @ w - y) / n, x = [[1, 2], [3, 1], [4, 2]]" in message and "0x" not in message


# --- batch_renorm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lowest", [0, -1])
def test_limits_on_r_that_are_no_floor_are_told_so(lowest):
    """r is positive: np.clip(r, -r_max, r_max) and np.clip(r, 0, r_max) are np.minimum(r, r_max)."""

    def yours(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
        x_hat, mean, var = batch_norm(x, None, None, eps)
        running_std = np.sqrt(running_var + eps)
        r = np.clip(np.sqrt(var + eps) / running_std, lowest * r_max, r_max)
        d = np.clip((mean - running_mean) / running_std, -d_max, d_max)
        r, d, gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (r, d, gamma, beta))
        return gamma * (x_hat * r + d) + beta, mean, var

    message = " ".join(checks.batch_renorm.judge(yours).message.split())
    assert "limiting r from above only" in message and "a lower limit of 0 or -r_max" in message


def stepwise(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    axes = (0, *range(2, x.ndim))
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean, var = x.mean(axes), x.var(axes)
    std, running_std = np.sqrt(var + eps), np.sqrt(running_var + eps)
    r = np.minimum(np.maximum(std / running_std, 1 / r_max), r_max)
    d = np.sign(mean - running_mean) * np.minimum(np.abs(mean - running_mean) / running_std, d_max)
    y = (x - mean.reshape(shape)) / std.reshape(shape) * r.reshape(shape) + d.reshape(shape)
    return gamma.reshape(shape) * y + beta.reshape(shape), mean, var


def by_batch_norm(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """With r and d inside gamma and beta."""
    _, mean, var = batch_norm(x, None, None, eps)
    running_std = np.sqrt(running_var + eps)
    r = np.clip(np.sqrt(var + eps) / running_std, 1 / r_max, r_max)
    d = np.clip((mean - running_mean) / running_std, -d_max, d_max)
    return batch_norm(x, gamma * r, gamma * d + beta, eps)


@pytest.mark.parametrize("yours", [stepwise, by_batch_norm])
def test_batch_renorm_in_any_style_is_accepted(yours):
    verdict = checks.batch_renorm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, st.sampled_from(["r", "d", "r_max", "d_max", "mean", "var"]))
def test_a_bent_batch_renorm_is_refused(by, part):
    def yours(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
        factor = dict.fromkeys(("r", "d", "r_max", "d_max", "mean", "var"), 1.0) | {part: 1 + by}
        x_hat, mean, var = batch_norm(x, None, None, eps)
        running_std = np.sqrt(running_var + eps)
        r = np.sqrt(var + eps) / running_std * factor["r"]
        d = (mean - running_mean) / running_std * factor["d"]
        r = np.minimum(np.maximum(r, 1 / r_max), factor["r_max"] * r_max)
        d = np.maximum(np.minimum(d, factor["d_max"] * d_max), -d_max)
        r, d, gamma, beta = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (r, d, gamma, beta))
        return gamma * (x_hat * r + d) + beta, mean * factor["mean"], var * factor["var"]

    assert checks.batch_renorm.judge(yours).kind == "wrong"


def test_the_slips_say_the_right_numbers():
    """Numbers in the texts of slips that no placeholder fills in."""
    assert math.sqrt(2) == pytest.approx(1.41, abs=5e-3) and math.sqrt(0.1 / 2e-5) == pytest.approx(70, abs=1)
    x = np.array([[1.0, 10.0], [3.0, 30.0], [18.0, 4.0], [22.0, 6.0]])
    assert x[:2].mean(0).tolist() == [2, 20] and x[2:].mean(0).tolist() == [20, 5]
    assert functions.standard_error(6, 9) == 2
    three = functions.accumulated_gradient(lambda x, y: {2: 4.0, 1: 1.0}[len(x)], [0, 0, 0], [0, 0, 0], 2)
    assert three == 3, "as the notebook says to follow by hand"
