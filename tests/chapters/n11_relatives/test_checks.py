"""The exercises of notebook 11: right answers in any style pass, wrong ones that nobody listed are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bnbook import norm_numpy
from bnbook.chapters.n11_relatives import checks


def column(vector, x):
    return np.reshape(vector, (-1,) + (1,) * (x.ndim - 2))


def group_by_group(x, gamma, beta, num_groups, eps=1e-5):
    size, wide = x.shape[1] // num_groups, x.astype(np.float64)
    y = np.empty_like(wide)
    for n in range(len(x)):
        for first in range(0, x.shape[1], size):
            part = wide[n, first : first + size]
            y[n, first : first + size] = (part - part.mean()) / np.sqrt(part.var() + eps)
    return column(gamma, x) * y + column(beta, x)


def with_five_axes(x, gamma, beta, num_groups, eps=1e-5):
    N, C, *positions = x.shape
    cut = x.reshape(N, num_groups, C // num_groups, *positions)
    axes = tuple(range(2, cut.ndim))
    mean, var = cut.mean(axes, keepdims=True), cut.var(axes, keepdims=True)
    x_hat = ((cut - mean) / np.sqrt(var + eps)).reshape(x.shape)
    return x_hat * column(gamma, x) + column(beta, x)


def with_torch(x, gamma, beta, num_groups, eps=1e-5):
    return F.group_norm(*_group_norm_arguments(x, num_groups, gamma, beta), eps).numpy()


def _group_norm_arguments(x, num_groups, gamma, beta):
    x, gamma, beta = (torch.tensor(a.copy(), dtype=torch.float64) for a in (x, gamma, beta))
    return x, num_groups, gamma, beta


def by_slices_joined(x, gamma, beta, num_groups, eps=1e-5):
    parts = np.split(x, num_groups, axis=1)
    x_hat = np.concatenate([norm_numpy.normalize(p, tuple(range(1, x.ndim)), eps)[0] for p in parts], axis=1)
    return column(gamma, x) * x_hat + column(beta, x)


def with_torch_in_the_dtype_it_comes_in(x, gamma, beta, num_groups, eps=1e-5):
    return F.group_norm(torch.tensor(x), num_groups, torch.tensor(gamma), torch.tensor(beta), eps)


@pytest.mark.parametrize(
    "yours",
    [group_by_group, with_five_axes, with_torch, with_torch_in_the_dtype_it_comes_in, by_slices_joined],
)
def test_group_norm_in_any_style_is_accepted(yours):
    verdict = checks.group_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_an_error_on_the_numbers_far_from_zero_is_not_taken_for_a_rounding_error():
    def only_doubles(x, gamma, beta, num_groups, eps=1e-5):
        if x.dtype != np.float64:
            raise TypeError("float64 only")
        return norm_numpy.group_norm(x, gamma, beta, num_groups, eps)

    verdict = checks.group_norm.judge(only_doubles)
    assert verdict.kind == "raised" and verdict.slip is None


def image_by_image(x, gamma, eps=1e-5):
    return np.stack([column(gamma, x) * image / (np.mean(image**2) + eps) ** 0.5 for image in x])


def by_the_length(x, gamma, eps=1e-5):
    rows = x.reshape(len(x), -1)
    size = np.sqrt(np.einsum("nm,nm->n", rows, rows) / rows.shape[1] + eps)
    return (rows / size[:, None]).reshape(x.shape) * column(gamma, x)


def with_torchs_rms_norm(x, gamma, eps=1e-5):
    return column(gamma, x) * F.rms_norm(torch.tensor(x.copy()), x.shape[1:], eps=eps).numpy()


@pytest.mark.parametrize("yours", [image_by_image, by_the_length, with_torchs_rms_norm])
def test_rms_norm_in_any_style_is_accepted(yours):
    verdict = checks.rms_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def with_autograd(dy, x, gamma, num_groups, eps=1e-5):
    leaves = [torch.tensor(a.copy(), requires_grad=True) for a in (x, gamma, np.zeros_like(gamma))]
    y = F.group_norm(leaves[0], num_groups, *leaves[1:], eps)
    return tuple(g.numpy() for g in torch.autograd.grad(y, leaves, torch.tensor(dy.copy())))


def in_stages(dy, x, gamma, num_groups, eps=1e-5):
    grouped = x.reshape(len(x), num_groups, -1)
    deviation = grouped - grouped.mean(2, keepdims=True)
    inv_std = 1 / np.sqrt((deviation**2).mean(2, keepdims=True) + eps)
    x_hat = (deviation * inv_std).reshape(x.shape)
    dx_hat, m = (column(gamma, x) * dy).reshape(grouped.shape), grouped.shape[2]
    dvar = (dx_hat * deviation).sum(2, keepdims=True) * -0.5 * inv_std**3
    ddeviation = dx_hat * inv_std + 2 * deviation * dvar / m
    dx = ddeviation - ddeviation.mean(2, keepdims=True)
    axes = tuple(a for a in range(x.ndim) if a != 1)
    return dx.reshape(x.shape), (dy * x_hat).sum(axes), dy.sum(axes)


def image_and_group_as_a_batch_norm(dy, x, gamma, num_groups, eps=1e-5):
    """A group of an image is a channel of BatchNorm with a batch of one."""
    rows, dx_hat = (a.reshape(1, len(x) * num_groups, -1) for a in (x, column(gamma, x) * dy))
    _, mean, var = norm_numpy.batch_norm(rows, None, None, eps)
    dx = norm_numpy.batch_norm_backward(dx_hat, rows, None, mean, var, eps)[0]
    x_hat = norm_numpy.group_norm(x, None, None, num_groups, eps)
    return dx.reshape(x.shape), *(np.moveaxis(a, 1, 0).reshape(len(gamma), -1).sum(1) for a in (dy * x_hat, dy))


@pytest.mark.parametrize("yours", [with_autograd, in_stages, image_and_group_as_a_batch_norm])
def test_group_norm_backward_in_any_style_is_accepted(yours):
    verdict = checks.group_norm_backward.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_dgamma_from_the_x_hat_of_batch_norm_is_told_so_and_not_blamed_on_dx():
    def yours(dy, x, gamma, num_groups, eps=1e-5):
        dx, _, dbeta = norm_numpy.group_norm_backward(dy, x, gamma, num_groups, eps)
        x_hat = norm_numpy.batch_norm(x, None, None, eps)[0]
        return dx, (dy * x_hat).sum(norm_numpy.batch_axes(x.ndim)), dbeta

    message = checks.group_norm_backward.judge(yours).message
    assert "That is what dgamma from BatchNorm's x_hat gives" in message and "image 1" not in message


def test_dgamma_and_dbeta_of_dx_hat_are_told_so():
    def yours(dy, x, gamma, num_groups, eps=1e-5):
        dx_hat, axes = column(gamma, x) * dy, norm_numpy.batch_axes(x.ndim)
        x_hat = norm_numpy.group_norm(x, None, None, num_groups, eps)
        dx = norm_numpy.group_norm_backward(dy, x, gamma, num_groups, eps)[0]
        return dx, (dx_hat * x_hat).sum(axes), dx_hat.sum(axes)

    verdict = checks.group_norm_backward.judge(yours)
    assert verdict.kind == "wrong" and "summing gamma * dy in place of dy" in verdict.message


@pytest.mark.parametrize("by", ["dx_hat", "y"])
def test_a_gamma_too_many_in_dgamma_is_not_blamed_on_one_of_its_two_sources(by):
    """sum(dx_hat * x_hat) and sum(dy * y) are the same numbers where beta is left out."""

    def yours(dy, x, gamma, num_groups, eps=1e-5):
        dx, _, dbeta = norm_numpy.group_norm_backward(dy, x, gamma, num_groups, eps)
        x_hat, axes = norm_numpy.group_norm(x, None, None, num_groups, eps), norm_numpy.batch_axes(x.ndim)
        products = {"dx_hat": (column(gamma, x) * dy) * x_hat, "y": dy * (column(gamma, x) * x_hat)}
        return dx, products[by].sum(axes), dbeta

    message = " ".join(checks.group_norm_backward.judge(yours).message.split())
    assert "it came in by dx_hat, which is gamma * dy, or by y, which is gamma * x_hat" in message


def test_one_value_per_group_is_not_asked_for():
    """PyTorch answers beta there, except for one image; an exercise that is silent about it must accept both."""
    alone = np.random.default_rng(0).normal(size=(4, 6))
    beta = torch.arange(6.0, dtype=torch.float64)
    assert torch.allclose(F.group_norm(torch.tensor(alone), 6, None, beta), beta.expand(4, 6), atol=1e-6)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.group_norm(torch.tensor(alone[:1]), 6, None, beta)
    with pytest.raises(ValueError, match="fewer than two values per image and group"):
        norm_numpy.group_norm(alone, None, None, 6)
    np.testing.assert_allclose(with_five_axes(alone, np.ones(6), beta.numpy(), 6), beta.expand(4, 6), atol=1e-12)
    for yours in (with_five_axes, norm_numpy.group_norm):
        assert checks.group_norm.judge(yours).kind == "agrees"


off = st.one_of(st.floats(1e-3, 2), st.floats(-1.5, -1e-3))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, off, st.floats(0.3, 1).filter(lambda p: abs(p - 0.5) > 1e-3))
def test_a_bent_norm_is_refused(mean_off, scale_off, power):
    def bent_group(mean_by=1.0, scale=1.0, power=0.5):
        def yours(x, gamma, beta, num_groups, eps=1e-5):
            cut = x.reshape(len(x), num_groups, -1)
            mean, var = mean_by * cut.mean(2, keepdims=True), cut.var(2, keepdims=True)
            x_hat = (scale * (cut - mean) / (var + eps) ** power).reshape(x.shape)
            return column(gamma, x) * x_hat + column(beta, x)

        return yours

    def bent_rms(scale=1.0, power=0.5):
        def yours(x, gamma, eps=1e-5):
            square = np.mean(x**2, tuple(range(1, x.ndim)), keepdims=True)
            return scale * column(gamma, x) * x / (square + eps) ** power

        return yours

    assert checks.rms_norm.judge(bent_rms()).kind == "agrees"
    for how in ({"mean_by": 1 + mean_off}, {"scale": 1 + scale_off}, {"power": power}):
        assert checks.group_norm.judge(bent_group(**how)).kind == "wrong", how
        if "mean_by" not in how:
            assert checks.rms_norm.judge(bent_rms(**how)).kind == "wrong", how


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(["dx", "dgamma", "dbeta"]), off, st.integers(2, 5), st.floats(0, 0.999))
def test_one_entry_of_one_gradient_at_one_rank_off_is_refused(output, by, rank, where):
    def yours(dy, x, gamma, num_groups, eps=1e-5):
        found = norm_numpy.group_norm_backward(dy, x, gamma, num_groups, eps)
        outputs = dict(zip(("dx", "dgamma", "dbeta"), found, strict=True))
        if x.ndim == rank:
            flat = outputs[output].reshape(-1)
            flat[int(where * flat.size)] *= 1 + by
        return tuple(outputs.values())

    assert checks.group_norm_backward.judge(yours).kind == "wrong"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 6).filter(lambda g: 6 % g == 0), st.floats(1e-7, 1e-2).filter(lambda e: abs(e / 1e-5 - 1) > 0.01))
def test_a_fixed_number_of_groups_and_another_default_for_eps_are_refused(groups, default):
    fixed = {
        "group_norm": lambda x, g, b, num_groups, eps=1e-5: norm_numpy.group_norm(x, g, b, groups, eps),
        "group_norm_backward": lambda dy, x, g, num, eps=1e-5: norm_numpy.group_norm_backward(dy, x, g, groups, eps),
    }
    other = {
        "group_norm": lambda x, g, b, num_groups, eps=default: norm_numpy.group_norm(x, g, b, num_groups, eps),
        "group_norm_backward": lambda dy, x, g, n, eps=default: norm_numpy.group_norm_backward(dy, x, g, n, eps),
        "rms_norm": lambda x, g, eps=default: norm_numpy.rms_norm(x, g, eps),
    }
    for name, yours in (*fixed.items(), *other.items()):
        assert getattr(checks, name).judge(yours).kind == "wrong", name


def test_the_numbers_in_the_texts_of_slips_are_right():
    """Those that no placeholder fills in."""
    assert np.sqrt(1e-5) == pytest.approx(0.0032, abs=5e-5) and np.sqrt(2e-5) == pytest.approx(0.0045, abs=5e-5)
    assert np.sqrt((1e-5 + 1e-3) / (1e-5 + 1e-5)) == pytest.approx(7, abs=0.2), "Keras' eps at variance 1e-5"
    assert np.sqrt(2e-5 / 1.1e-5) == pytest.approx(1.35, abs=5e-3), "Llama's eps at mean square 1e-5"
    assert (
        np.sqrt(12.5) == pytest.approx(3.54, abs=5e-3)
        and 3.5**2 == 12.25
        and 1000**-0.5 == pytest.approx(0.03, abs=2e-3)
    )
    assert (np.array([3, 4]) / np.sqrt(12.5)).round(2).tolist() == [0.85, 1.13]
