"""The exercises of notebook 02: right answers in any style pass, wrong ones are refused, the likely ones by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import norm_numpy
from bnbook.chapters.n02_forward import checks
from bnbook.norm_numpy import batch_axes

# --- wrong answers that nobody listed ------------------------------------------------------------------------------


def built(x, gamma, beta, eps, *, axes=None, mean_by=1.0, var_by=1.0, ddof=0, power=0.5, place="in", x_hat_by=1.0):
    """batch_norm in one formula whose parts can be bent."""
    axes = batch_axes(x.ndim) if axes is None else axes
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean = mean_by * x.mean(axes, keepdims=True)
    var = var_by * x.var(axes, keepdims=True, ddof=ddof)
    root = {"in": (var + eps) ** power, "out": var**power + eps, "none": var**power}[place]
    y = gamma.reshape(shape) * x_hat_by * (x - mean) / root + beta.reshape(shape)
    return y, mean, var


def bent(**how):
    def yours(x, gamma, beta, eps=1e-5):
        y, mean, var = built(x, gamma, beta, eps, **how)
        return y, mean.ravel(), var.ravel()

    return yours


def off_by(part):
    """A factor that differs from 1 by 1e-3 to 1."""
    return st.one_of(st.floats(1e-3, 1), st.floats(-1, -1e-3)).map(lambda d: {part: 1 + d})


single_changes = st.one_of(
    off_by("mean_by"),
    off_by("var_by"),
    off_by("x_hat_by"),
    st.sampled_from([{"mean_by": -1.0}, {"mean_by": 0.0}, {"x_hat_by": -1.0}, {"ddof": 1}]),
    st.floats(0.4, 1).filter(lambda p: abs(p - 0.5) > 1e-3).map(lambda p: {"power": p}),
    st.sampled_from([{"place": "out"}, {"place": "none"}]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(single_changes)
def test_a_bent_formula_is_refused(how):
    assert checks.batch_norm.judge(bent(**how)).kind == "wrong"


def test_the_unbent_formula_is_accepted():
    assert checks.batch_norm.judge(bent()).kind == "agrees"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 4)), st.integers(2, 5))
def test_any_other_choice_of_axes_at_any_rank_is_refused(axes, at_rank):
    """An axis missing or one too many, for arrays of one rank only."""
    axes = tuple(a for a in sorted(axes) if a < at_rank)

    def yours(x, gamma, beta, eps=1e-5):
        chosen = axes if x.ndim == at_rank else batch_axes(x.ndim)
        y, mean, var = built(x, gamma, beta, eps, axes=chosen)
        if mean.size == len(gamma):
            mean, var = mean.ravel(), var.ravel()
        return y, mean, var

    verdict = checks.batch_norm.judge(yours)
    assert (verdict.kind == "agrees") == (axes == batch_axes(at_rank))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.sampled_from(["y", "mean", "var"]),
    st.one_of(st.floats(1e-3, 10), st.floats(-2, -1e-3)),
    st.integers(2, 5),
    st.floats(0, 0.999),
)
def test_one_entry_of_one_output_at_one_rank_off_by_a_thousandth_is_refused(output, by, rank, where):
    def yours(x, gamma, beta, eps=1e-5):
        outputs = dict(zip(("y", "mean", "var"), norm_numpy.batch_norm(x, gamma, beta, eps), strict=True))
        if x.ndim == rank:
            flat = outputs[output].reshape(-1)
            flat[int(where * flat.size)] *= 1 + by
        return tuple(outputs.values())

    assert checks.batch_norm.judge(yours).kind == "wrong"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.sampled_from([0, 1, 2]), st.one_of(st.floats(0, 0.0999), st.floats(0.1001, 1)), st.permutations(range(3)))
def test_swapped_outputs_a_fixed_eps_and_overwritten_arguments_are_refused(argument, eps, order):
    def overwrites(*args):
        result = norm_numpy.batch_norm(*args)
        args[argument].reshape(-1)[0] += 1e-3
        return result

    def swaps(*args):
        result = norm_numpy.batch_norm(*args)
        return tuple(result[i] for i in order)

    assert checks.batch_norm.judge(overwrites).kind == "wrong"
    assert checks.batch_norm.judge(lambda x, g, b, given=1e-5: norm_numpy.batch_norm(x, g, b, eps)).kind == "wrong"
    assert (checks.batch_norm.judge(swaps).kind == "agrees") == (list(order) == [0, 1, 2])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(1e-6, 1e-2).filter(lambda eps: abs(eps / 1e-5 - 1) > 1e-3))
def test_another_default_for_eps_is_refused(default):
    def yours(x, gamma, beta, eps=default):
        return norm_numpy.batch_norm(x, gamma, beta, eps)

    assert checks.batch_norm.judge(yours).kind == "wrong"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(["x_hat", "mean", "var"]), st.one_of(st.floats(1e-3, 10), st.floats(-2, -1e-3)), st.floats(0, 0.999)
)
def test_normalize_with_one_entry_off_is_refused(output, by, where):
    def yours(x, axes, eps=1e-5):
        outputs = dict(zip(("x_hat", "mean", "var"), norm_numpy.normalize(x, axes, eps), strict=True))
        if axes == (1, 2, 3):
            flat = outputs[output].reshape(-1)
            flat[int(where * flat.size)] *= 1 + by
        return tuple(outputs.values())

    assert checks.normalize.judge(yours).kind == "wrong"


# --- right answers written in another way ---------------------------------------------------------------------------


def staged(x, gamma, beta, eps=1e-5):
    axes = batch_axes(x.ndim)
    shape = [1] * x.ndim
    shape[1] = -1
    total = x.sum(axis=axes, keepdims=True)
    m = x.size // x.shape[1]
    mean = total / m
    centred = x - mean
    squares = centred * centred
    var = squares.sum(axis=axes, keepdims=True) / m
    inverse = 1 / np.sqrt(var + eps)
    y = np.reshape(gamma, shape) * (centred * inverse) + np.reshape(beta, shape)
    return y, mean.flatten(), var.flatten()


def with_einsum(x, gamma, beta, eps=1e-5):
    m = x.size / x.shape[1]
    wide = x.astype(np.float64)
    rows = wide.reshape(len(x), x.shape[1], -1)
    mean = np.einsum("ncs->c", rows) / m
    centred = rows - mean[:, None]
    var = np.einsum("ncs,ncs->c", centred, centred) / m
    y = np.einsum("c,ncs->ncs", gamma / np.sqrt(var + eps), centred) + beta[:, None]
    return y.reshape(x.shape), mean, var


def with_moveaxis_and_rows(x, gamma, beta, eps=1e-5):
    last = np.moveaxis(x, 1, -1)
    rows = last.reshape(-1, x.shape[1])
    y = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps) * gamma + beta
    return np.moveaxis(y.reshape(last.shape), -1, 1), rows.mean(0), rows.var(0)


def with_other_argument_names(a, b, c, d=1e-5):
    return staged(a, b, c, d)


def as_float32_results(x, gamma, beta, eps=1e-5):
    return tuple(np.float32(r) for r in norm_numpy.batch_norm(x, gamma, beta, eps))


def as_lists(x, gamma, beta, eps=1e-5):
    return [r.tolist() for r in norm_numpy.batch_norm(x, gamma, beta, eps)]


def one_pass_but_in_float64(x, gamma, beta, eps=1e-5):
    wide = x.astype(np.float64)
    axes = batch_axes(x.ndim)
    mean, var = wide.mean(axes), (wide**2).mean(axes) - wide.mean(axes) ** 2
    scale = gamma / np.sqrt(var + eps)
    shift = beta - mean * scale
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return wide * scale.reshape(shape) + shift.reshape(shape), mean, var


def with_torch(x, gamma, beta, eps=1e-5):
    import torch

    x, gamma, beta = (torch.tensor(np.asarray(a)).double() for a in (x, gamma, beta))
    y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
    rows = x.movedim(1, 0).flatten(1)
    return y, rows.mean(1), rows.var(1, correction=0)


@pytest.mark.parametrize(
    "yours",
    [
        staged,
        with_einsum,
        with_moveaxis_and_rows,
        with_other_argument_names,
        as_float32_results,
        as_lists,
        one_pass_but_in_float64,
        with_torch,
    ],
)
def test_a_correct_rewriting_is_accepted(yours):
    verdict = checks.batch_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_a_plain_centred_float32_answer_passes_the_offset_probe_that_one_pass_fails():
    def plain(x, axes, eps=1e-5):
        mean = x.mean(axes, keepdims=True)
        var = ((x - mean) ** 2).mean(axes, keepdims=True)
        return (x - mean) / np.sqrt(var + eps), mean, var

    def one_pass(x, axes, eps=1e-5):
        mean = np.mean(x, axis=axes, keepdims=True)
        var = np.mean(np.square(x), axis=axes, keepdims=True) - np.square(mean)
        return (x - mean) / np.sqrt(np.maximum(var, 0) + eps), mean, var

    assert checks.normalize.judge(plain).kind == "agrees"
    verdict = checks.normalize.judge(one_pass)
    assert verdict.kind == "wrong" and verdict.slip.__name__ == "normalize_in_one_pass"


# --- likely mistakes, each written as a learner would ---------------------------------------------------------------


def with_statistics(make, divide=lambda deviation, var, eps: deviation / np.sqrt(var + eps)):
    """normalize with statistics of another kind, or another division."""

    def yours(x, axes, eps=1e-5):
        mean, var = make(x, axes)
        return divide(x - mean, var, eps), mean, var

    return yours


def usual(x, axes):
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def by_the_median(x, axes):
    middle = np.median(x, axis=axes, keepdims=True)
    return middle, np.mean(np.square(x - middle), axis=axes, keepdims=True)


LIKELY = {
    "taking the median for the mean": with_statistics(by_the_median),
    "subtracting the median": with_statistics(lambda x, axes: (by_the_median(x, axes)[0], usual(x, axes)[1])),
    "using axes[0] alone": with_statistics(lambda x, axes: usual(x, axes[0])),
    "taking the last entry, axes[-1]": with_statistics(lambda x, axes: usual(x, axes[-1])),
    "squaring the variance under the root": with_statistics(usual, lambda d, var, eps: d / np.sqrt(var**2 + eps)),
    "(var + eps) ** 1/2 for the root": with_statistics(usual, lambda d, var, eps: d / ((var + eps) ** 1 / 2)),
    "squaring the deviations and not averaging them": with_statistics(
        lambda x, axes: (usual(x, axes)[0], (x - usual(x, axes)[0]) ** 2)
    ),
    "averaging the deviations and then squaring": with_statistics(
        lambda x, axes: (usual(x, axes)[0], np.mean(x - usual(x, axes)[0], axis=axes, keepdims=True) ** 2)
    ),
    "another default for eps": lambda x, axes, eps=1e-3: norm_numpy.normalize(x, axes, eps),
}


@pytest.mark.parametrize("name", LIKELY)
def test_a_likely_mistake_in_normalize_is_called_by_its_name(name):
    assert f"That is what {name}" in checks.normalize.judge(LIKELY[name]).message


def with_own(what_to_return, shape=lambda v, x: v.reshape(1, -1, *[1] * (x.ndim - 2)), power=1):
    def yours(x, gamma, beta, eps=1e-5):
        axes = batch_axes(x.ndim)
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        y = shape(gamma, x) ** power * (x - mean) / np.sqrt(var + eps) + shape(beta, x)
        return y, what_to_return(mean), what_to_return(var)

    return yours


LIKELY_TOO = {
    "squaring gamma": with_own(np.ravel, power=2),
    "returning mean[0] and var[0]": with_own(lambda v: v[0]),
    "indexing with [0, :, 0, 0]": with_own(lambda v: v[0, :, 0, 0]),
    "returning the mean and the variance of channel 0 alone": with_own(lambda v: v.ravel()[0]),
    "returning mean and var with the averaged axes kept as 1": with_own(lambda v: v),
    "giving gamma and beta the shape (C, 1, 1) always": with_own(np.ravel, lambda v, x: v[:, None, None]),
    "a column for the vectors": with_own(np.ravel, lambda v, x: v[:, None]),
}


@pytest.mark.parametrize("name", LIKELY_TOO)
def test_a_likely_mistake_in_batch_norm_is_called_by_its_name(name):
    assert f"That is what {name}" in checks.batch_norm.judge(LIKELY_TOO[name]).message


def test_the_example_tells_the_mean_from_the_median_and_the_columns_from_one_another():
    for exercise in checks.EXERCISES:
        x = exercise.example()[0]
        assert not set(x.mean(0)) & set(np.median(x, 0)) and len({*x.mean(0), *x.var(0)}) == 4


def test_the_numbers_in_the_texts_of_slips_that_no_placeholder_fills_in_are_right():
    x = np.zeros((5, 3, 4, 6))
    assert [x.mean(axis).size for axis in (0, 3, (0, 2, 3))] == [72, 60, 3]
    assert (np.ones((3, 1, 1)) * np.ones((5, 3))).shape == (3, 5, 3)


@pytest.mark.parametrize("number", [32, 64])
def test_a_count_of_means_that_somebody_may_give_is_explained(number, capsys):
    checks.answer("forward-image-means", number)
    assert f"forward-image-means: not {number}. " in capsys.readouterr().out
