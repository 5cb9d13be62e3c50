"""bnbook.norm_numpy, judged by PyTorch in float64, by exact arithmetic and by hand."""

import itertools
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from arrays import SHAPES, batch, near, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import norm_numpy as bn

# relative to the largest entry, for arithmetic in float64 rounded once to the dtype
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-7, np.float16: 1e-3}


def torch_batch_norm(x, gamma, beta, dy, eps):
    """y, dx, dgamma, dbeta by PyTorch in float64."""
    x, gamma, beta = (torch.tensor(np.asarray(a, np.float64), requires_grad=True) for a in (x, gamma, beta))
    y = F.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
    y.backward(torch.tensor(np.asarray(dy, np.float64)))
    return [t.detach().numpy() for t in (y, x.grad, gamma.grad, beta.grad)]


# --- by hand -----------------------------------------------------------------------------------------------------


def test_a_hand_computed_table():
    # columns 1 3 5 and 10 30 20: means 3 and 20, variances (4 + 0 + 4) / 3 and (100 + 100 + 0) / 3; eps is 0
    x = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])
    y, mean, var = bn.batch_norm(x, np.array([2.0, -1.0]), np.array([1.0, 5.0]), eps=0.0)
    near(mean, [3, 20])
    near(var, [8 / 3, 200 / 3])
    root = 1.5**0.5  # 2 / sqrt(8/3) = 10 / sqrt(200/3)
    near(y, [[1 - 2 * root, 5 + root], [1, 5 - root], [1 + 2 * root, 5]])


def test_running_statistics_by_hand():
    new_mean, new_var = bn.update_running(np.array([1.0]), np.array([2.0]), np.array([3.0]), np.array([6.0]), 4, 0.25)
    near(new_mean, [0.75 * 1 + 0.25 * 3])
    near(new_var, [0.75 * 2 + 0.25 * 6 * 4 / 3])


# --- PyTorch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize("shape", [s for s in SHAPES])
def test_forward_and_backward_equal_pytorch(shape, eps):
    x, (gamma, beta) = batch(shape), vectors(shape[1])
    dy = np.random.default_rng(1).normal(size=shape)
    y, dx, dgamma, dbeta = torch_batch_norm(x, gamma, beta, dy, eps)
    ours, mean, var = bn.batch_norm(x, gamma, beta, eps)
    near(ours, y)
    near(mean, np.moveaxis(x, 1, 0).reshape(shape[1], -1).mean(1))
    near(var, np.moveaxis(x, 1, 0).reshape(shape[1], -1).var(1))
    ours_dx, ours_dgamma, ours_dbeta = bn.batch_norm_backward(dy, x, gamma, mean, var, eps)
    assert np.abs(ours_dx - dx).max() < 1e-12 * np.abs(dy).max() * np.abs(gamma).max() / np.sqrt(var.min() + eps)
    near(ours_dgamma, dgamma)
    near(ours_dbeta, dbeta)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(40, 3), (8, 3, 6, 4)])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_each_dtype_gives_the_float64_numbers_rounded_once(dtype, shape, offset):
    x, (gamma, beta) = batch(shape, offset, dtype), vectors(3)
    dy = batch(shape, 0.0, dtype, seed=1)
    truth = torch_batch_norm(x, gamma, beta, dy, 1e-5)
    y, mean, var = bn.batch_norm(x, gamma, beta)
    dx, dgamma, dbeta = bn.batch_norm_backward(dy, x, gamma, mean, var)
    assert y.dtype == dx.dtype == dtype and mean.dtype == var.dtype == np.float64
    for ours, expected in zip((y, dx, dgamma, dbeta), truth, strict=True):
        near(ours, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("ratio", [0, 30, 1e3, 1e4])
@pytest.mark.parametrize("shape", [(64, 3), (8, 3, 16, 16)])
def test_float32_stays_within_1e_6_of_the_truth_far_from_zero(ratio, shape):
    x, (gamma, beta) = batch(shape, ratio, np.float32), vectors(3)
    dy = batch(shape, 0.0, np.float32, seed=1)
    truth = torch_batch_norm(x, gamma, beta, dy, 1e-5)
    y, mean, var = bn.batch_norm(x, gamma, beta)
    for ours, expected in zip((y, *bn.batch_norm_backward(dy, x, gamma, mean, var)), truth, strict=True):
        near(ours, expected, 1e-6)
    evaluated = bn.batch_norm_eval(x, gamma, beta, mean, var)
    near(evaluated, truth[0], 1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluation_equals_pytorch(shape):
    x, (gamma, beta) = batch(shape), vectors(shape[1])
    mean, var = np.linspace(-1, 4, shape[1]), np.linspace(0.2, 3, shape[1])
    expected = F.batch_norm(*(torch.tensor(a) for a in (x, mean, var, gamma, beta)), False, 0.1, 1e-3)
    near(bn.batch_norm_eval(x, gamma, beta, mean, var, 1e-3), expected)


@pytest.mark.parametrize("momentum", [0.1, 0.9, None])
def test_the_layer_equals_pytorchs_in_training_and_evaluation(momentum):
    ours, theirs = bn.BatchNorm(3, 1e-4, momentum), torch.nn.BatchNorm2d(3, 1e-4, momentum, dtype=torch.float64)
    ours.gamma, ours.beta = vectors(3)
    theirs.weight.data, theirs.bias.data = torch.tensor(ours.gamma), torch.tensor(ours.beta)
    for step, training in enumerate((True, True, True, False, True, False)):
        ours.training = training
        theirs.train(training)
        x, dy = batch((step + 2, 3, 2, 3), seed=step), batch((step + 2, 3, 2, 3), seed=step + 9)
        t = torch.tensor(x, requires_grad=True)
        theirs.zero_grad()
        expected = theirs(t)
        expected.backward(torch.tensor(dy))
        near(ours.forward(x), expected.detach())
        near(ours.backward(dy), t.grad, 1e-11)
        near(ours.dgamma, theirs.weight.grad)
        near(ours.dbeta, theirs.bias.grad)
        near(ours.running_mean, theirs.running_mean)
        near(ours.running_var, theirs.running_var)
        assert ours.num_batches_tracked == theirs.num_batches_tracked


def test_folding_is_exact_for_linear_and_convolution_with_and_without_bias():
    random = np.random.default_rng(3)
    mean, var, (gamma, beta) = random.normal(size=4), random.uniform(0.2, 2, 4), vectors(4)
    for layer, x, bias in [
        (F.linear, random.normal(size=(5, 3)), random.normal(size=4)),
        (F.conv2d, random.normal(size=(2, 3, 6, 5)), random.normal(size=4)),
        (F.conv2d, random.normal(size=(2, 3, 6, 5)), None),
    ]:
        weight = random.normal(size=(4, 3) if layer is F.linear else (4, 3, 3, 3))
        out = layer(*(None if a is None else torch.tensor(a) for a in (x, weight, bias))).numpy()
        expected = bn.batch_norm_eval(out, gamma, beta, mean, var, 1e-3)
        folded = bn.fold(weight, bias, gamma, beta, mean, var, 1e-3)
        near(layer(*(torch.tensor(a) for a in (x, *folded))).numpy(), expected)


def transposed_convolutions():
    """Transposed convolutions with evaluation-mode BatchNorms behind them, in float64, with a history; and an input."""
    torch.manual_seed(0)
    cases = [
        (1, 4, 6, dict(kernel_size=3)),
        (1, 4, 4, dict(kernel_size=2, stride=2, groups=4, output_padding=1)),
        (2, 4, 6, dict(kernel_size=3, stride=2, groups=2, output_padding=1)),
        (2, 6, 6, dict(kernel_size=(2, 3), groups=3, dilation=2)),
        (2, 5, 5, dict(kernel_size=3, padding=1)),  # weight and channels alone do not show that it is transposed
        (3, 2, 4, dict(kernel_size=2, groups=2)),
    ]
    for (rank, channels, out, options), bias in itertools.product(cases, (True, False)):
        kinds = getattr(torch.nn, f"ConvTranspose{rank}d"), getattr(torch.nn, f"BatchNorm{rank}d")
        conv, norm = kinds[0](channels, out, bias=bias, **options).double(), kinds[1](out, eps=0.1).double().eval()
        for value in (*norm.parameters(), norm.running_mean, norm.running_var):
            torch.nn.init.uniform_(value, 0.5, 2)
        yield conv, norm, torch.randn(2, channels, *range(3, 3 + rank), dtype=torch.float64)


def test_folding_into_a_transposed_convolution_is_exact_for_any_groups():
    for conv, norm, x in transposed_convolutions():
        expected = norm(conv(x)).detach()
        tensors = (conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        arrays = [None if v is None else v.detach().numpy() for v in tensors]
        weight, bias = bn.fold(*arrays, norm.eps, transposed=True)
        assert weight.shape == arrays[0].shape and bias.shape == (conv.out_channels,)
        conv.weight, conv.bias = (torch.nn.Parameter(torch.tensor(v)) for v in (weight, bias))
        near(conv(x).detach(), expected)
        if conv.in_channels != conv.out_channels:
            with pytest.raises(ValueError, match="expected"):  # it is not folded as something else
                bn.fold(*arrays, norm.eps)


def test_folding_refuses_a_transposed_weight_that_does_not_fit_the_batch_norm():
    for shape, out in (((4, 3, 2), 4), ((4, 3, 2), 9), ((4, 2, 3, 3), 6)):
        words = rf"the BatchNorm has {out} channels and weight is .*{shape[1]} times a number of groups that divides 4"
        with pytest.raises(ValueError, match=words):
            bn.fold(np.ones(shape), None, None, None, np.ones(out), np.ones(out), transposed=True)
    with pytest.raises(ValueError, match=r"bias has shape \(4,\), expected \(6,\)"):
        bn.fold(np.ones((4, 3, 2)), np.ones(4), None, None, np.ones(6), np.ones(6), transposed=True)


@pytest.mark.parametrize("shape", [(5, 6), (4, 6, 5), (3, 6, 4, 2)])
def test_the_relatives_equal_pytorch(shape):
    x, (gamma, beta) = batch(shape), vectors(6)
    t, g, b = (torch.tensor(a) for a in (x, gamma, beta))
    for groups in (1, 2, 3, 6) if len(shape) > 2 else (1, 2, 3):
        near(bn.group_norm(x, gamma, beta, groups), F.group_norm(t, groups, g, b))
    near(bn.layer_norm(x, gamma, beta), F.group_norm(t, 1, g, b))
    if len(shape) > 2:
        near(bn.instance_norm(x, gamma, beta), F.instance_norm(t, weight=g, bias=b))
    else:
        near(bn.layer_norm(x, gamma, beta), F.layer_norm(t, (6,), g, b))
        near(bn.rms_norm(x, gamma, 1e-5), F.rms_norm(t, (6,), g, 1e-5))


@pytest.mark.parametrize("shape", [(5, 6), (4, 6, 5), (3, 6, 4, 2)])
@pytest.mark.parametrize("scaled", [True, False])
def test_gradients_through_group_norm_equal_autograds(shape, scaled):
    x, dy, (gamma, beta) = batch(shape), batch(shape, seed=1), vectors(6)
    t, g, b = (torch.tensor(a, requires_grad=True) for a in (x, gamma, beta))
    for groups in (1, 2, 3) if len(shape) > 2 else (1, 2):  # of groups of two values only eps gets through
        y = F.group_norm(t, groups, g, b) if scaled else F.group_norm(t, groups)
        expected = torch.autograd.grad(y, (t, g, b)[: 3 if scaled else 1], torch.tensor(dy))
        found = bn.group_norm_backward(dy, x, gamma if scaled else None, groups)
        for ours, theirs in zip(found, expected, strict=False):
            near(ours, theirs)


SINGLE = [((1, 6), 6), ((4, 6), 6), ((1, 6, 1), 6), ((2, 6, 1, 1), 6), ((3, 1), 1), ((2, 6, 0), 2)]  # shape, groups


@pytest.mark.parametrize("shape, groups", SINGLE)
def test_one_value_per_group_is_refused_as_by_pytorch_where_pytorch_looks(shape, groups):
    x, (gamma, beta) = batch(shape), vectors(shape[1])
    calls = [
        lambda: bn.group_norm(x, gamma, beta, groups),
        lambda: bn.group_norm_backward(x, x, gamma, groups),
        *[lambda: bn.instance_norm(x, gamma, beta)] * (groups == shape[1]),
        *[lambda: bn.layer_norm(x, gamma, beta)] * (groups == 1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=rf"num_groups is {groups}: fewer than two values per image and group"):
            call()
    judges = [lambda: F.group_norm(torch.tensor(x[:1]), groups)] * (x.size > 0)
    for judge in [*judges, *[lambda: F.instance_norm(torch.tensor(x))] * (groups == 6 and x.ndim > 2)]:
        with pytest.raises(ValueError, match="Expected more than 1"):
            judge()


def test_two_values_per_group_are_enough_and_no_images_are_no_mistake():
    for shape, groups in (((1, 6), 3), ((1, 6, 2), 6), ((0, 6, 2), 3), ((0, 6), 3)):
        x = batch(shape)
        near(bn.group_norm(x, None, None, groups), F.group_norm(torch.tensor(x), groups))
        assert bn.group_norm_backward(x, x, None, groups)[0].shape == shape


# --- invariants ------------------------------------------------------------------------------------------------------

# (a compiler flag of old inductor builds flushes subnormal numbers to 0 for the whole process)
numbers = st.floats(-3, 3, allow_subnormal=False).map(lambda v: round(v, 3))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0.1, 50), numbers, st.sampled_from(SHAPES))
def test_scaling_and_shifting_the_input_changes_nothing_when_eps_is_0(seed, a, b, shape):
    x = batch(shape, seed=seed)
    near(bn.normalize(a * x + b, bn.batch_axes(x.ndim), 0.0)[0], bn.normalize(x, bn.batch_axes(x.ndim), 0.0)[0], 1e-9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(SHAPES))
def test_the_gradient_has_no_part_along_1_nor_along_x_hat_when_eps_is_0(seed, shape):
    x, axes = batch(shape, seed=seed), bn.batch_axes(len(shape))
    x_hat, _, var = bn.normalize(x, axes, 0.0)
    dx = bn.normalize_backward(batch(shape, 0.0, seed=seed + 1), x_hat, var, axes, 0.0)
    assert np.abs(dx.sum(axes)).max() < 1e-8 and np.abs((dx * x_hat).sum(axes)).max() < 1e-8


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(1e-6, 1))
def test_gamma_std_and_beta_mean_give_the_input_back(seed, eps):
    x = batch((6, 3, 4), seed=seed)
    _, mean, var = bn.batch_norm(x, None, None, eps)
    near(bn.batch_norm(x, np.sqrt(var + eps), mean, eps)[0], x)


def test_order_of_images_and_memory_layout_do_not_matter():
    x, (gamma, beta) = batch((5, 3, 4, 6)), vectors(3)
    y, _, _ = bn.batch_norm(x, gamma, beta)
    order = [3, 0, 4, 1, 2]
    near(bn.batch_norm(x[order], gamma, beta)[0], y[order])
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    near(bn.batch_norm(last, gamma, beta)[0], y)
    near(bn.batch_norm(np.repeat(x, 2, axis=3)[..., ::2], gamma, beta)[0], y)


# --- manners ---------------------------------------------------------------------------------------------------------


def calls(x):
    C = x.shape[1]
    (gamma, beta), mean, var = vectors(C), np.full(C, 2.0), np.full(C, 1.5)
    axes, keep = bn.batch_axes(x.ndim), (1, C) + (1,) * (x.ndim - 2)
    return {
        "normalize": (x, axes),
        "normalize_backward": (x, x[::-1].copy(), var.reshape(keep), axes),
        "batch_norm": (x, gamma, beta),
        "batch_norm_backward": (x[::-1].copy(), x, gamma, mean, var),
        "batch_norm_eval": (x, gamma, beta, mean, var),
        "update_running": (mean, var, mean + 1, var + 1, 5),
        "fold": (x, np.full(len(x), 0.5), *(np.full(len(x), v) for v in (2.0, 3.0, 0.1, 1.0))),
        "group_norm": (x, gamma, beta, 1),
        "group_norm_backward": (x[::-1].copy(), x, gamma, 1),
        "layer_norm": (x, gamma, beta),
        "instance_norm": (x, gamma, beta),
        "rms_norm": (x, gamma),
    }


@pytest.mark.parametrize("name", calls(batch((5, 3, 4))))
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_no_function_writes_into_its_arguments_or_warns(name, dtype):
    for x in (batch((5, 3, 4), dtype=dtype), batch((5, 3, 4), 6e4 if dtype == np.float16 else 1e4, dtype)):
        for bad in (None, np.nan, np.inf):
            if bad is not None:
                x[0, 1, 0] = bad
            arguments, kept = calls(x)[name], calls(x.copy())[name]
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                getattr(bn, name)(*arguments)
            for after, before in zip(arguments, kept, strict=True):
                np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_stay_in_their_channel(bad):
    x, (gamma, beta) = batch((5, 3, 4)), vectors(3)
    dy = batch((5, 3, 4), seed=1)
    good, good_mean, good_var = bn.batch_norm(x, gamma, beta)
    good_dx = bn.batch_norm_backward(dy, x, gamma, good_mean, good_var)[0]
    x[2, 1, 3] = bad
    y, mean, var = bn.batch_norm(x, gamma, beta)
    dx, dgamma, dbeta = bn.batch_norm_backward(dy, x, gamma, mean, var)
    assert np.isnan(y[:, 1]).any() and not np.isfinite(mean[1])
    near(y[:, [0, 2]], good[:, [0, 2]])
    near(dx[:, [0, 2]], good_dx[:, [0, 2]])
    assert np.isfinite(dgamma[[0, 2]]).all() and np.isfinite(dbeta).all()


def test_gamma_and_beta_may_be_left_out():
    x, (gamma, beta) = batch((5, 3, 4)), vectors(3)
    ones, zeros = np.ones(3), np.zeros(3)
    near(bn.batch_norm(x, None, beta)[0], bn.batch_norm(x, ones, beta)[0])
    near(bn.batch_norm(x, gamma, None)[0], bn.batch_norm(x, gamma, zeros)[0])
    near(bn.batch_norm_eval(x, None, None, ones, ones), bn.batch_norm_eval(x, ones, zeros, ones, ones))
    near(bn.batch_norm_backward(x, x, None, ones, ones)[0], bn.batch_norm_backward(x, x, ones, ones, ones)[0])
    near(bn.group_norm(x, None, None, 3), bn.instance_norm(x, ones, zeros))


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: bn.batch_norm(np.ones(3), None, None), r"x has shape \(3,\), expected \(N, C\) or \(N, C, ...\)"),
        (
            lambda: bn.batch_norm(np.ones((1, 3)), None, None),
            r"x has shape \(1, 3\): fewer than two values per channel",
        ),
        (
            lambda: bn.batch_norm(np.ones((0, 3)), None, None),
            r"x has shape \(0, 3\): fewer than two values per channel",
        ),
        (lambda: bn.batch_norm(np.ones((1, 3, 1, 1)), None, None), "fewer than two values per channel"),
        (lambda: bn.batch_norm(np.ones((4, 3)), np.ones(4), None), r"gamma has shape \(4,\), expected \(3,\)"),
        (lambda: bn.batch_norm(np.ones((4, 3)), None, np.ones((1, 3))), r"beta has shape \(1, 3\), expected \(3,\)"),
        (lambda: bn.batch_norm(np.ones((4, 3), int), None, None), r"x holds int64, expected floats.*astype\(float\)"),
        (
            lambda: bn.batch_norm_backward(np.ones((4, 3)), np.ones((5, 3)), None, np.ones(3), np.ones(3)),
            "dy has shape",
        ),
        (lambda: bn.batch_norm_eval(np.ones((4, 3)), None, None, np.ones(2), np.ones(3)), "running_mean has shape"),
        (lambda: bn.update_running(*[np.ones(3)] * 4, m=1), "m is 1: the unbiased variance divides by m - 1"),
        (lambda: bn.fold(np.ones((4, 3)), np.ones(3), *[np.ones(4)] * 4), r"bias has shape \(3,\), expected \(4,\)"),
        (lambda: bn.group_norm(np.ones((4, 6)), None, None, 4), "num_groups is 4 and x has 6 channels"),
        (lambda: bn.group_norm_backward(np.ones((4, 6)), np.ones((5, 6)), None, 2), "dy has shape"),
        (lambda: bn.instance_norm(np.ones(4), None, None), r"x has shape \(4,\), expected \(N, C\)"),
        (lambda: bn.normalize([[1, 2]], (0,)), "x holds int64"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("C", [3, 300])
def test_a_large_variance_is_never_negative_where_the_one_pass_formula_is(C):
    x = (np.random.default_rng(0).normal(size=(64, C)) + 1e4).astype(np.float32)
    one_pass = (x * x).mean(0) - x.mean(0) ** 2
    _, _, var = bn.batch_norm(x, None, None)
    assert one_pass.min() < 0 < var.min()
    near(var, x.astype(np.float64).var(0))


# --- merging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_merging_in_any_order_gives_the_statistics_of_all(offset):
    heaps = np.split(np.random.default_rng(2).normal(offset, 2, (60, 3)), [7, 8, 30])
    together = np.concatenate(heaps)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        whole = 0, np.zeros(3), np.zeros(3)
        for heap in (heaps[i] for i in order):
            whole = bn.merge(*whole, len(heap), heap.mean(0), ((heap - heap.mean(0)) ** 2).sum(0))
        assert whole[0] == 60
        np.testing.assert_allclose(whole[1], together.mean(0), rtol=1e-13)
        np.testing.assert_allclose(whole[2] / 60, together.var(0), rtol=1e-9)


def test_an_empty_heap_changes_nothing_on_either_side():
    heap, nothing = (5, np.array([2.0, -3.0]), np.array([7.0, 0.0])), (0, np.zeros(2), np.zeros(2))
    for merged in (bn.merge(*heap, *nothing), bn.merge(*nothing, *heap), bn.merge(*heap, 0, 0.0, 0.0)):
        assert all(np.array_equal(a, b) for a, b in zip(merged, heap, strict=True))
