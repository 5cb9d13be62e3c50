"""norm_torch against torch.nn, F.batch_norm, gradcheck, float64, and arithmetic done by hand."""

import copy
import inspect
import io
import itertools
import pickle
import re
import shutil
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, grad, jacrev, stack_module_state, vmap
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from bnbook import norm_numpy
from bnbook import norm_torch as ours

# One row per dtype: how far two correct implementations may differ in y and gradients of size 1.
TOLERANCE = {
    torch.float64: dict(rtol=1e-11, atol=1e-11),
    torch.float32: dict(rtol=1e-5, atol=1e-5),
    torch.float16: dict(rtol=2e-3, atol=2e-3),
    torch.bfloat16: dict(rtol=1.6e-2, atol=1.6e-2),
}
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=NO_GPU)]
KINDS = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}  # by x.ndim


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def twins(ndim, C, dtype=torch.float32, device="cpu", **flags):
    """nn's layer and ours in the same state, which is no special one."""
    theirs = getattr(nn, KINDS[ndim])(C, device=device, dtype=dtype, **flags)
    with torch.no_grad():
        for name, tensor in itertools.chain(theirs.named_parameters(), theirs.named_buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(C) if name in ("bias", "running_mean") else torch.rand(C) + 0.5)
    mine = getattr(ours, KINDS[ndim])(C, device=device, dtype=dtype, **flags)
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


def run(layer, x, dy=None):
    """y, gradients and state after one forward and backward pass, as a flat dict."""
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(torch.ones_like(y) if dy is None else dy)
    grads = {f"d{name}": p.grad.clone() for name, p in layer.named_parameters()}
    state = {name: b.clone() for name, b in layer.named_buffers()}
    return {"y": y.detach(), "dx": x.grad, **grads, **state}


def assert_equal(got, expected, **tolerance):
    """Equal dicts of tensors: names, shapes, dtypes, and values relative to the largest of each."""
    assert got.keys() == expected.keys()
    for name in expected:
        a, b = got[name], expected[name]
        finite = b[b.isfinite()]
        scale = max(1.0, finite.abs().max().item()) if finite.numel() else 1.0
        limits = tolerance or TOLERANCE.get(b.dtype, dict(rtol=0, atol=0))
        torch.testing.assert_close(
            a, b, rtol=limits["rtol"], atol=limits["atol"] * scale, equal_nan=True, msg=lambda m, n=name: f"{n}: {m}"
        )


def assert_twins_agree(theirs, mine, *inputs, modes=(True, True, False)):
    """Several steps in training, then evaluation: y, dx, parameter gradients and buffers after each."""
    for train in modes:
        for x in inputs:
            dy = torch.randn(x.shape, dtype=x.dtype, device=x.device)
            assert_equal(run(mine.train(train), x, dy), run(theirs.train(train), x, dy))


# --- values, gradients, statistics -----------------------------------------------------------------------------------

# Every argument that a layer of the installed version may have; num_features and device are chosen by the test.
ARGUMENTS = {
    "eps": [1e-5, 0.1],
    "momentum": [0.1, 1.0, None],
    "affine": [True, False],
    "track_running_stats": [True, False],
    "dtype": [torch.float32, torch.float64],
    "bias": [True, False],
}


@pytest.mark.parametrize("ndim", KINDS)
def test_every_combination_of_constructor_arguments_equals_torch(ndim):
    accepted = inspect.signature(getattr(nn, KINDS[ndim])).parameters
    assert inspect.signature(getattr(ours, KINDS[ndim])).parameters.keys() == accepted.keys()
    assert accepted.keys() - {"num_features", "device"} <= ARGUMENTS.keys(), "a new argument: add it to the table"
    names = [name for name in ARGUMENTS if name in accepted]
    for values in itertools.product(*(ARGUMENTS[name] for name in names)):
        flags = dict(zip(names, values, strict=True))
        theirs, mine = twins(ndim, 3, **flags)
        assert repr(mine) == repr(theirs)
        assert_twins_agree(theirs, mine, 3 + 2 * torch.randn(4, 3, *range(2, ndim), dtype=flags["dtype"]))


SHAPES = [
    *[(6, 3), (2, 1), (2, 7), (129, 5), (0, 3)],
    *[(4, 3, 5), (1, 3, 2), (2, 3, 1), (3, 1, 7), (1, 1, 2), (0, 3, 5), (2, 3, 0)],
    *[(4, 3, 5, 7), (1, 3, 1, 2), (2, 3, 1, 1), (1, 5, 33, 3), (5, 1, 1, 9), (0, 3, 2, 2), (2, 3, 0, 2), (0, 3, 0, 1)],
    *[(2, 3, 4, 5, 6), (1, 2, 1, 1, 2), (2, 1, 3, 1, 1), (3, 4, 1, 7, 1), (0, 2, 3, 3, 3), (2, 2, 3, 0, 3)],
]


@pytest.mark.parametrize("device", DEVICES)
def test_every_shape_that_torch_accepts_equals_torch(device):
    for shape in SHAPES:
        x = 2 + 3 * torch.randn(shape, dtype=torch.float64, device=device)
        assert_twins_agree(*twins(len(shape), shape[1], torch.float64, device), x)


def test_a_layer_without_vectors_takes_any_number_of_channels():
    theirs, mine = twins(4, 3, affine=False, track_running_stats=False)
    assert_twins_agree(theirs, mine, torch.randn(4, 5, 2, 3), torch.randn(2, 1, 2, 3), torch.randn(4, 0, 2, 3))


def test_an_empty_batch_changes_only_the_count_and_is_taken_with_any_channels_as_in_torch():
    for channels, momentum in itertools.product((3, 5), (0.1, None)):
        assert_twins_agree(*twins(4, 3, momentum=momentum), torch.randn(0, channels, 2, 2))
    y, mean, var = ours.batch_norm(torch.randn(0, 3, 2), torch.ones(3, requires_grad=True), torch.ones(3))
    assert y.shape == (0, 3, 2) and mean.shape == var.shape == (3,)
    y.sum().backward()
    assert ours.batch_norm_eval(y.detach(), None, None, torch.zeros(3), torch.ones(3)).shape == (0, 3, 2)


LAYOUTS = {
    "rows and columns swapped": lambda: torch.randn(3, 6).T,
    "expanded over the batch, 2-d": lambda: torch.randn(1, 3).expand(6, 3),
    "length before channels": lambda: torch.randn(4, 5, 3).transpose(1, 2),
    "channels last": lambda: torch.randn(4, 3, 5, 6).to(memory_format=torch.channels_last),
    "channels last, one image": lambda: torch.randn(1, 3, 5, 6).to(memory_format=torch.channels_last),
    "channels last, every second row": lambda: torch.randn(4, 3, 6, 5).to(memory_format=torch.channels_last)[:, :, ::2],
    "channels last 3d": lambda: torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d),
    "batch and channels swapped": lambda: torch.randn(3, 4, 5, 6).transpose(0, 1),
    "all axes reversed": lambda: torch.randn(6, 5, 3, 4).permute(3, 2, 1, 0),
    "every second channel and column": lambda: torch.randn(4, 6, 5, 12)[:, ::2, :, ::2],
    "flipped": lambda: torch.randn(4, 3, 5, 6).flip(3),
    "expanded over the batch": lambda: torch.randn(1, 3, 5, 6).expand(4, 3, 5, 6),
    "expanded over channels": lambda: torch.randn(4, 1, 5, 6).expand(4, 3, 5, 6),
    "expanded over columns": lambda: torch.randn(4, 3, 5, 1).expand(4, 3, 5, 6),
}


@pytest.mark.parametrize("device", DEVICES)
def test_every_layout_equals_torch_and_y_has_torchs_strides(device):
    for layout, make in LAYOUTS.items():
        x = make().to(device)
        theirs, mine = twins(x.ndim, 3, device=device)
        assert_twins_agree(theirs, mine, x)
        for train in (True, False):
            assert mine.train(train)(x).stride() == theirs.train(train)(x).stride(), layout


def test_a_gradient_of_y_may_be_expanded_and_of_any_layout():
    x = torch.randn(4, 3, 5, 6, dtype=torch.float64)
    gradients = [
        torch.randn(1, 3, 1, 1).expand(4, 3, 5, 6),
        torch.ones(()).expand(4, 3, 5, 6),
        torch.randn(4, 3, 5, 6).to(memory_format=torch.channels_last),
        torch.randn(3, 4, 5, 6).transpose(0, 1),
    ]
    theirs, mine = twins(4, 3, torch.float64)
    for dy, train in itertools.product(gradients, (True, False)):
        assert_equal(run(mine.train(train), x, dy.double()), run(theirs.train(train), x, dy.double()))


@pytest.mark.parametrize("device", DEVICES)
def test_every_dtype_that_torch_accepts_equals_torch(device):
    pairs = [(dtype, dtype) for dtype in TOLERANCE] + [(torch.float16, torch.float32), (torch.bfloat16, torch.float32)]
    for (x_dtype, layer_dtype), ndim in itertools.product(pairs, KINDS):
        theirs, mine = twins(ndim, 3, layer_dtype, device)
        x = (3 + 2 * torch.randn(8, 3, *range(2, ndim))).to(device, x_dtype)
        for train in (True, True, False):
            dy = torch.randn(x.shape, device=device).to(x_dtype)
            exact = run(copy.deepcopy(theirs).double().train(train), x.double(), dy.double())
            expected, got = run(theirs.train(train), x, dy), run(mine.train(train), x, dy)
            assert {k: v.dtype for k, v in got.items()} == {k: v.dtype for k, v in expected.items()}
            # With a 16-bit layer torch rounds its mean to 16 bits and is off by 1e-2: then float64 is the judge.
            judge = exact if layer_dtype in (torch.float16, torch.bfloat16) else expected
            assert_equal(got, {k: v.to(got[k].dtype) for k, v in judge.items()}, **TOLERANCE[x_dtype])
            theirs.load_state_dict(mine.state_dict())
    theirs, mine = twins(4, 3)
    x = torch.randn(4, 3, 2, 2).half()
    assert_equal(run(mine.half(), x), run(theirs.half(), x), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_results_are_rounded_once(dtype, device):
    x, dy = (torch.randn(64, 8, 5, 5, device=device).to(dtype) for _ in "xy")
    gamma, beta = torch.rand(8, device=device) + 0.5, torch.randn(8, device=device)
    y, mean, var = ours.batch_norm(x, gamma, beta)
    dx, *_ = ours.batch_norm_backward(dy, x, gamma, mean, var)
    wide = [t.double() for t in (x, gamma, beta)]
    exact, mean64, var64 = ours.batch_norm(*wide)
    exact_dx, *_ = ours.batch_norm_backward(dy.double(), *wide[:2], mean64, var64)
    assert y.dtype == dx.dtype == dtype
    half_ulp = torch.finfo(dtype).eps / 2 * 1.001
    torch.testing.assert_close(y.double(), exact, rtol=half_ulp, atol=1e-6)
    torch.testing.assert_close(dx.double(), exact_dx, rtol=half_ulp, atol=1e-6)
    torch.testing.assert_close((mean, var), (mean64, var64), rtol=1e-6, atol=1e-6)


def exact_and_float32(x, dy, gamma, beta, *running):
    """(y, dx, dgamma, dbeta) from ours in float32, and from torch in float64 on the same numbers."""

    def mine(x, gamma, beta):
        return ours.batch_norm_eval(x, gamma, beta, *running) if running else ours.batch_norm(x, gamma, beta)[0]

    def exact(x, gamma, beta):
        return F.batch_norm(x, *([v.double() for v in running] or [None, None]), gamma, beta, not running, 0.1, 1e-5)

    for function, dtype in ((exact, torch.float64), (mine, torch.float32)):
        leaves = [t.to(dtype, copy=True).requires_grad_() for t in (x, gamma, beta)]
        y = function(*leaves)
        yield y.detach(), *torch.autograd.grad(y, leaves, dy.to(dtype))


@pytest.mark.parametrize("device", DEVICES)
def test_float32_is_within_1e_6_of_float64_up_to_a_mean_of_1e4_standard_deviations(device):
    shapes = [(4096, 8), (100, 5), (16, 6, 50), (64, 16, 16, 16), (1, 8, 200, 200), (3, 5, 1, 1), (4, 8, 3, 9, 9)]
    for shape, ratio, sd in itertools.product(shapes, (0, 3, 1e2, 1e3, 1e4, -1e4), (1, 0.01, 100)):
        C, axes = shape[1], (0, *range(2, len(shape)))
        x = (sd * (ratio + torch.randn(shape, dtype=torch.float64))).float().to(device)
        dy, gamma, beta = (torch.randn(s, device=device) for s in (shape, C, C))
        running = x.double().mean(axes).float(), x.double().var(axes).float()
        for statistics in ((), running):
            exact, mine = exact_and_float32(x, dy, gamma, beta, *statistics)
            for name, a, b in zip(("y", "dx", "dgamma", "dbeta"), mine, exact, strict=True):
                error = ((a.double() - b).abs().max() / b.abs().max()).item()
                assert error < 1e-6, f"{name} of {shape}, mean {ratio} sd, eval {bool(statistics)}: {error:.1e}"


def test_float32_channels_last_is_within_1e_6_too():
    x = (1e4 + torch.randn(16, 8, 28, 28)).to(memory_format=torch.channels_last)
    exact, mine = exact_and_float32(x, torch.randn(x.shape), torch.randn(8), torch.randn(8))
    for a, b in zip(mine, exact, strict=True):
        assert (a.double() - b).abs().max() < 1e-6 * b.abs().max()


@pytest.mark.filterwarnings("ignore:Please use `torch.vmap`")  # torch 2.4 says so of its own code
def test_an_array_that_is_cut_into_blocks_is_no_exception(monkeypatch):
    monkeypatch.setattr(ours, "BLOCK", 6)
    with torch.no_grad():
        assert [len(block) for block in ours._blocks(torch.ones(64, 3))] == [2] * 32
    for test, *arguments in (
        (test_every_shape_that_torch_accepts_equals_torch, "cpu"),
        (test_every_layout_equals_torch_and_y_has_torchs_strides, "cpu"),
        (test_every_dtype_that_torch_accepts_equals_torch, "cpu"),
        (test_float32_is_within_1e_6_of_float64_up_to_a_mean_of_1e4_standard_deviations, "cpu"),
        (test_float32_channels_last_is_within_1e_6_too,),
        (test_first_and_second_derivatives_pass_gradcheck,),
        (test_no_function_writes_into_its_arguments,),
        (test_vmap_over_parameters_buffers_and_x_equals_torch_and_raises_where_torch_raises, (True, True, True)),
    ):
        torch.manual_seed(0)
        test(*arguments)
    x, stack = torch.randn(50, 3, requires_grad=True), torch.randn(4, 50, 3)
    y = ours.BatchNorm1d(3)(x)
    (together,) = torch.autograd.grad(y, x, stack, is_grads_batched=True, retain_graph=True)
    alone = [torch.autograd.grad(y, x, dy, retain_graph=True)[0] for dy in stack]
    torch.testing.assert_close(together, torch.stack(alone))


def test_mean_and_var_are_float64_on_cpu_for_every_input_dtype():
    for dtype in TOLERANCE:
        _, mean, var = ours.batch_norm(torch.randn(4, 3, 2).to(dtype), None, None)
        assert mean.dtype == var.dtype == torch.float64 and mean.shape == var.shape == (3,)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4 / 3, -1e30])
def test_a_constant_channel_has_variance_zero_and_y_is_beta(constant):
    x = torch.full((7, 2, 11, 13), constant)
    y, mean, var = ours.batch_norm(x, torch.ones(2), torch.tensor([2.0, -3.0]))
    assert (var >= 0).all() and (var <= 1e-12 * (1 + constant**2)).all()
    torch.testing.assert_close(mean, x[0, :, 0, 0].double(), rtol=1e-7, atol=0)
    if abs(constant) < 1e6:
        torch.testing.assert_close(y, torch.tensor([2.0, -3.0]).view(1, 2, 1, 1).expand_as(y), rtol=1e-5, atol=1e-5)


def test_var_is_never_negative():
    x = torch.full((20_000_000, 1), 123.456)  # here the two terms of the variance round the wrong way
    x[5] *= 1 + 2e-7
    assert ours.normalize(x, (0,))[2].item() >= 0


def test_a_3_by_2_batch_gives_what_paper_and_pencil_give():
    # Column 1 is 1, 2, 6: mean 3, deviations -2 -1 3, variance 14/3; column 2 is 0, 0, 3: mean 1, variance 2.
    # With eps = 4/3 and 2 the square roots are sqrt(6) and 2; one eps for both, so the columns go separately.
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [6.0, 3.0]], dtype=torch.float64)
    gamma, beta = torch.tensor([6.0, 4.0], dtype=torch.float64), torch.tensor([1.0, -1.0], dtype=torch.float64)
    y1, mean, var = ours.batch_norm(x, gamma, beta, 4 / 3)
    root = 6**0.5
    torch.testing.assert_close(y1[:, 0], torch.tensor([1 - 2 * root, 1 - root, 1 + 3 * root], dtype=torch.float64))
    y2, mean2, var2 = ours.batch_norm(x, gamma, beta, 2.0)
    assert y2[:, 1].tolist() == pytest.approx([-3, -3, 3])
    assert mean.tolist() == pytest.approx([3, 1]) and var.tolist() == pytest.approx([14 / 3, 2])
    # dy = 1, 0, 0 in column 2: x_hat = -1/2, -1/2, 1; dbeta 1, dgamma -1/2; dx = 2 * (dy - 1/3 + x_hat / 6).
    dy = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    dx, dgamma, dbeta = ours.batch_norm_backward(dy, x, gamma, mean2, var2, 2.0)
    assert dbeta.tolist() == [0, 1] and dgamma.tolist() == pytest.approx([0, -0.5])
    assert dx[:, 1].tolist() == pytest.approx([7 / 6, -5 / 6, -1 / 3])
    # 3 values: the tracked variance is 3/2 of the biased one; half-way from 0 and 1.
    running = ours.update_running(torch.zeros(2), torch.ones(2), mean, var, 3, momentum=0.5)
    assert running[0].tolist() == pytest.approx([1.5, 0.5]) and running[1].tolist() == pytest.approx([4, 2])


# --- the functions by themselves -------------------------------------------------------------------------------------


def test_normalize_is_batch_layer_group_and_instance_norm_by_the_choice_of_axes():
    x = (5 + torch.randn(4, 6, 5, 3)).double()
    judges = {
        (0, 2, 3): F.batch_norm(x, None, None, training=True, eps=0.1),
        (1, 2, 3): F.layer_norm(x, x.shape[1:], eps=0.1),
        (2, 3): F.instance_norm(x, eps=0.1),
        (-1,): F.layer_norm(x, x.shape[-1:], eps=0.1),
    }
    for axes, judge in judges.items():
        x_hat, mean, var = ours.normalize(x, axes, 0.1)
        torch.testing.assert_close(x_hat, judge)
        torch.testing.assert_close(mean, x.mean(axes, keepdim=True))
        torch.testing.assert_close(var, x.var(axes, correction=0, keepdim=True))
    groups = ours.normalize(x.reshape(4, 3, -1), (2,), 0.1)[0].reshape(x.shape)
    torch.testing.assert_close(groups, F.group_norm(x, 3, eps=0.1))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("axes", [(0, 2, 3), (1, 2, 3), (2, 3), (0,), (3,)])
def test_normalize_backward_equals_autograd(axes, dtype):
    x = (3 + torch.randn(4, 3, 5, 2)).to(dtype).requires_grad_()
    dx_hat = torch.randn(x.shape).to(dtype)
    x_hat, _, var = ours.normalize(x, axes, 0.1)
    dx = ours.normalize_backward(dx_hat, x_hat.detach(), var.detach(), axes, 0.1)
    assert dx.dtype == x_hat.dtype == dtype
    torch.testing.assert_close(dx, *torch.autograd.grad(x_hat, x, dx_hat), **TOLERANCE[dtype])


@pytest.mark.parametrize("ndim", KINDS)
def test_batch_norm_backward_equals_autograd_of_torch(ndim):
    x = (3 + torch.randn(4, 3, *range(2, ndim))).double().requires_grad_()
    gamma, beta = torch.randn(3).double().requires_grad_(), torch.randn(3).double().requires_grad_()
    dy = torch.randn(x.shape).double()
    _, mean, var = ours.batch_norm(x.detach(), gamma.detach(), None, 0.1)
    got = ours.batch_norm_backward(dy, x.detach(), gamma.detach(), mean, var, 0.1)
    y = F.batch_norm(x, None, None, gamma, beta, True, eps=0.1)
    torch.testing.assert_close(got, torch.autograd.grad(y, (x, gamma, beta), dy))
    y = F.batch_norm(x, None, None, None, None, True, eps=0.1)
    plain = ours.batch_norm_backward(dy, x.detach(), None, mean, var, 0.1)
    torch.testing.assert_close(plain[0], *torch.autograd.grad(y, x, dy))
    torch.testing.assert_close(plain[1:], got[1:])


def functions_of_float64_leaves():
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    gamma = torch.randn(2, dtype=torch.float64, requires_grad=True)
    beta = torch.randn(2, dtype=torch.float64, requires_grad=True)
    running = torch.randn(2, dtype=torch.float64), torch.rand(2, dtype=torch.float64) + 0.5
    yield lambda x, g, b: ours.batch_norm(x, g, b, 0.1), (x, gamma, beta)
    yield lambda x, g: ours.batch_norm(x, g, None, 0.1), (x, gamma)
    yield lambda x, b: ours.batch_norm(x, None, b, 0.1), (x, beta)
    yield lambda x: ours.batch_norm(x, None, None, 0.1), (x,)
    yield lambda g, b: ours.batch_norm(x.detach(), g, b, 0.1), (gamma, beta)
    yield lambda x, g, b: ours.batch_norm_eval(x, g, b, *running, 0.1), (x, gamma, beta)
    yield lambda g: ours.batch_norm_eval(x.detach(), g, None, *running, 0.1), (gamma,)
    yield lambda x, b: ours.batch_norm_eval(x, None, b, *running, 0.1), (x, beta)
    yield lambda x: ours.batch_norm_eval(x, None, None, *running, 0.1), (x,)
    yield lambda x: ours.normalize(x, (0, 2), 0.1), (x,)
    yield lambda x: ours.normalize(x, (1,), 0.1), (x,)


@pytest.mark.filterwarnings("ignore:Please use `torch.vmap`")  # torch 2.4 checks batched gradients by its older vmap
def test_first_and_second_derivatives_pass_gradcheck():
    for function, leaves in functions_of_float64_leaves():
        assert torch.autograd.gradcheck(function, leaves, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(function, leaves)


def test_second_derivatives_equal_torch_in_training_and_evaluation():
    for train, ndim in itertools.product((True, False), KINDS):
        x, results = (2 + torch.randn(4, 3, *range(2, ndim))).double(), []
        for layer in twins(ndim, 3, torch.float64):
            leaf = x.clone().requires_grad_()
            leaves = leaf, *layer.train(train).parameters()
            first = torch.autograd.grad(layer(leaf).pow(3).sum(), leaves, create_graph=True)
            results.append(torch.autograd.grad(sum(g.pow(2).sum() for g in first), leaves))
        torch.testing.assert_close(results[1], results[0], rtol=1e-9, atol=1e-9)


def test_update_running_is_pure_and_refuses_a_single_value():
    before = torch.zeros(3), torch.ones(3)
    mean, var = torch.full((3,), 2.0), torch.full((3,), 4.0)
    new_mean, new_var = ours.update_running(*before, mean, var, 5, momentum=0.25)
    torch.testing.assert_close(new_mean, torch.full((3,), 0.5))
    torch.testing.assert_close(new_var, torch.full((3,), 0.75 + 0.25 * 5))
    assert before[0].eq(0).all() and before[1].eq(1).all() and mean.eq(2).all() and var.eq(4).all()
    for m in (0, 1):
        with pytest.raises(ValueError, match=f"m is {m}: .* 2 or more values"):
            ours.update_running(*before, mean, var, m)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fold_gives_the_same_network_without_the_layer(affine, bias):
    layers = [
        (nn.Linear(4, 3, bias), torch.randn(5, 4)),
        (nn.Conv1d(4, 3, 2, bias=bias), torch.randn(5, 4, 6)),
        (nn.Conv2d(4, 3, 2, bias=bias), torch.randn(5, 4, 6, 6)),
        (nn.Conv3d(4, 3, 2, bias=bias), torch.randn(5, 4, 3, 3, 3)),
    ]
    for before, x in layers:
        theirs, mine = twins(x.ndim, 3, affine=affine)
        expected = theirs.eval()(before(x))
        kept = before.weight.clone()
        weight, shift = ours.fold(
            before.weight, before.bias, mine.weight, mine.bias, mine.running_mean, mine.running_var, mine.eps
        )
        assert weight.dtype == before.weight.dtype and torch.equal(before.weight, kept)
        folded = copy.deepcopy(before)
        folded.weight, folded.bias = nn.Parameter(weight), nn.Parameter(shift)
        torch.testing.assert_close(folded(x), expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"gamma has shape \(4,\), expected \(3,\)"):
        ours.fold(torch.ones(3, 4), None, torch.ones(4), None, torch.ones(3), torch.ones(3))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fold_gives_the_same_network_for_transposed_convolutions_of_any_groups(affine, bias):
    layers = [
        (nn.ConvTranspose1d(4, 6, 3, bias=bias), torch.randn(5, 4, 6)),
        (nn.ConvTranspose1d(4, 4, 2, stride=2, output_padding=1, groups=4, bias=bias), torch.randn(5, 4, 6)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=bias), torch.randn(5, 4, 3, 4)),
        (nn.ConvTranspose2d(5, 5, 3, padding=1, dilation=2, bias=bias), torch.randn(2, 5, 6, 6)),
        (nn.ConvTranspose3d(2, 4, 2, groups=2, bias=bias), torch.randn(2, 2, 3, 3, 3)),
    ]
    for before, x in layers:
        theirs, mine = twins(x.ndim, before.out_channels, affine=affine)
        expected, shape = theirs.eval()(before(x)), before.weight.shape
        tensors = (before.weight, before.bias, mine.weight, mine.bias, mine.running_mean, mine.running_var)
        before.weight, before.bias = (nn.Parameter(v) for v in ours.fold(*tensors, mine.eps, transposed=True))
        assert before.weight.shape == shape
        torch.testing.assert_close(before(x), expected, rtol=1e-5, atol=1e-5)
    for out, words in (
        (4, r"4 channels and weight is \(4, 3, 2\).* 3 times a number of groups that divides 4"),
        (9, "9"),
    ):
        with pytest.raises(ValueError, match=words):
            ours.fold(torch.ones(4, 3, 2), None, None, None, torch.ones(out), torch.ones(out), transposed=True)


def test_names_and_arguments_are_those_of_norm_numpy():
    names = [
        "normalize",
        "normalize_backward",
        "batch_norm",
        "batch_norm_backward",
        "batch_norm_eval",
        "update_running",
    ]
    for name in [*names, "fold"]:
        assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(norm_numpy, name)), name


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    shape=st.tuples(st.integers(2, 6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    scale=st.floats(1e-3, 1e3).map(lambda v: np.float32(v).item()),
    shift=st.floats(-1e3, 1e3).map(lambda v: np.float32(v).item()),
    seed=st.integers(0, 99),
)
def test_y_forgets_scale_and_shift_of_x_and_dx_is_orthogonal_to_both(shape, scale, shift, seed):
    generator = torch.Generator().manual_seed(seed)
    x, dy = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in "xy")
    y, mean, var = ours.batch_norm(x, None, None, 1e-12)
    y2, mean2, var2 = ours.batch_norm(scale * x + shift, None, None, 1e-12 * scale**2)
    torch.testing.assert_close(y2, y, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(mean2, scale * mean + shift, rtol=1e-9, atol=1e-9 * (1 + abs(shift)))
    torch.testing.assert_close(var2, scale**2 * var, rtol=1e-6, atol=1e-9 * scale**2)
    dx, _, dbeta = ours.batch_norm_backward(dy, x, None, mean, var, 1e-12)
    size = dy.abs().sum((0, 2, 3)) / var.sqrt()
    assert (dx.sum((0, 2, 3)).abs() <= 1e-9 * size).all()
    assert ((dx * y).sum((0, 2, 3)).abs() <= 1e-6 * size).all()
    torch.testing.assert_close(dbeta, dy.sum((0, 2, 3)))
    order = torch.randperm(shape[0], generator=generator)
    torch.testing.assert_close(ours.batch_norm(x[order], None, None, 1e-12)[0], y[order], rtol=1e-9, atol=1e-9)


# --- the layer as a module -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", KINDS)
def test_state_is_loaded_and_saved_both_ways_and_from_old_files(ndim):
    theirs, mine = twins(ndim, 3)
    x = torch.randn(4, 3, *range(2, ndim))
    mine(x)
    file = io.BytesIO()
    torch.save(mine.state_dict(), file)
    file.seek(0)
    theirs.load_state_dict(torch.load(file, weights_only=True))
    assert list(mine.state_dict()) == list(theirs.state_dict())
    assert mine.state_dict()._metadata == theirs.state_dict()._metadata
    torch.testing.assert_close(mine.eval()(x), theirs.eval()(x))
    old = copy.deepcopy(theirs.state_dict())  # version 1 did not count batches
    del old["num_batches_tracked"], old._metadata[""]["version"]
    fresh = getattr(ours, KINDS[ndim])(3)
    fresh.load_state_dict(old)
    assert fresh.num_batches_tracked == 0
    torch.testing.assert_close(fresh.eval()(x), theirs.eval()(x))
    plain = getattr(ours, KINDS[ndim])(3, track_running_stats=False)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        plain.load_state_dict(theirs.state_dict())


@pytest.mark.filterwarnings("ignore:You are using `torch.load`")  # torch 2.4 on its own unpickling
@pytest.mark.parametrize("ndim", KINDS)
def test_the_layer_is_torchs_in_class_name_signature_copy_and_pickle(ndim):
    theirs, mine = twins(ndim, 3, eps=0.1, momentum=None)
    assert isinstance(mine, type(theirs)) and type(mine).__name__ == type(theirs).__name__
    assert repr(nn.Sequential(mine)) == repr(nn.Sequential(theirs))
    assert inspect.signature(mine.forward).parameters.keys() == inspect.signature(theirs.forward).parameters.keys()
    x = torch.randn(4, 3, *range(2, ndim))
    mine(input=x)
    for twin in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
        assert type(twin) is type(mine)
        assert_equal(run(twin, x), run(copy.deepcopy(mine), x))
    before = mine.num_batches_tracked.clone()
    copy.deepcopy(mine)(x)
    assert mine.num_batches_tracked == before
    mine.reset_parameters()
    assert mine.num_batches_tracked == 0 and mine.running_mean.eq(0).all() and mine.weight.eq(1).all()


def test_flags_changed_after_construction_act_as_in_torch():
    def tracking_off(layer):
        layer.track_running_stats = False

    def nothing_stored(layer):
        layer.running_mean = layer.running_var = None

    def nothing_counted(layer):
        layer.num_batches_tracked = None

    def plain_average(layer):
        layer.momentum = None

    def all_three(layer):
        nothing_stored(layer), nothing_counted(layer), plain_average(layer)

    def other_numbers(layer):
        layer.momentum, layer.eps = 0, 0.5

    def frozen_parameters(layer):
        layer.requires_grad_(False)

    changes = [tracking_off, nothing_stored, nothing_counted, plain_average, all_three, other_numbers]
    for change, later in itertools.product(changes, changes):
        theirs, mine = twins(4, 3, torch.float64)
        for layer in (theirs, mine):
            layer(torch.ones(2, 3, 2, 2, dtype=torch.float64).cumsum(0))
            change(layer), later(layer)
        assert_twins_agree(theirs, mine, torch.randn(4, 3, 2, 2, dtype=torch.float64))
    for train in (True, False):
        results = []
        theirs, mine = twins(4, 3, torch.float64)
        x = torch.randn(4, 3, 2, 2, dtype=torch.float64)
        for layer in (theirs, mine):
            frozen_parameters(layer)
            leaf = x.clone().requires_grad_()
            results.append(torch.autograd.grad(layer.train(train)(leaf).pow(3).sum(), leaf))
        torch.testing.assert_close(*results)


def test_gradients_reach_only_the_tensors_that_ask_for_them():
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64)
    for train, wants in itertools.product((True, False), itertools.product((True, False), repeat=3)):
        theirs, mine = twins(4, 3, torch.float64)
        outcomes = []
        for layer in (theirs, mine):
            leaf = x.clone().requires_grad_(wants[0])
            layer.weight.requires_grad_(wants[1]), layer.bias.requires_grad_(wants[2])
            y = layer.train(train)(leaf)
            assert y.requires_grad == any(wants)
            if any(wants):
                y.pow(3).sum().backward()
            outcomes.append([None if t.grad is None else t.grad for t in (leaf, layer.weight, layer.bias)])
        for a, b in zip(*outcomes, strict=True):
            assert (a is None) == (b is None)
            if b is not None:
                torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_a_weight_of_shape_c_by_1_serves_forward_and_fails_backward_as_in_torch():
    x, results = torch.randn(4, 3, 2, 2), []
    for layer in twins(4, 3):
        layer.weight = nn.Parameter(layer.weight.detach().reshape(3, 1))
        layer.bias = nn.Parameter(layer.bias.detach().reshape(1, 3))
        results += [layer.train()(x), layer.eval()(x)]
        with pytest.raises(RuntimeError):
            layer.train()(x).sum().backward()
    torch.testing.assert_close(results[2:], results[:2], rtol=1e-5, atol=1e-5)


def test_no_grad_and_inference_mode_change_the_statistics_and_keep_no_graph():
    x = torch.randn(4, 3, 2, 2)
    for mode, train in itertools.product((torch.no_grad, torch.inference_mode), (True, False)):
        theirs, mine = twins(4, 3)
        with mode():
            y = [layer.train(train)(x) for layer in (theirs, mine)]
        torch.testing.assert_close(y[1], y[0], **TOLERANCE[torch.float32])
        assert not y[1].requires_grad and y[1].is_inference() == y[0].is_inference()
        torch.testing.assert_close(dict(mine.named_buffers()), dict(theirs.named_buffers()))


def test_the_running_statistics_never_hold_a_graph():
    for momentum in (0.1, None):
        _, mine = twins(4, 3, momentum=momentum)
        x = torch.randn(4, 3, 2, 2, requires_grad=True)
        for _ in range(3):
            mine(x)
        for buffer in mine.buffers():
            assert buffer.grad_fn is None and not buffer.requires_grad


def test_the_buffers_stay_the_same_tensors():
    _, mine = twins(4, 3)
    held = dict(mine.named_buffers())
    mine(torch.randn(4, 3, 2, 2))
    assert all(held[name] is buffer for name, buffer in mine.named_buffers())
    assert held["num_batches_tracked"] == 1


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_only_x_is_kept_for_backward_in_training_and_evaluation(dtype):
    for train in (True, False):
        _, mine = twins(4, 3, torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype)
        mine.train(train)
        x = torch.randn(8, 3, 5, 5).to(dtype).requires_grad_()
        kept = []

        def pack(tensor, kept=kept):
            kept.append(tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            y = mine(x)
        large = [t for t in kept if t.numel() > 3]
        assert len(large) == 1 and large[0].data_ptr() == x.data_ptr()
        y.sum().backward()


def test_an_evaluation_pass_survives_a_training_step_before_its_backward():
    for dtype in (torch.float32, torch.float64):
        _, mine = twins(4, 3, dtype)
        x = torch.randn(4, 3, 2, 2).to(dtype).requires_grad_()
        expected = torch.autograd.grad(mine.eval()(x).pow(2).sum(), (x, mine.weight))
        y = mine(x)
        mine.train()(torch.randn(4, 3, 2, 2).to(dtype) * 9)  # overwrites the buffers
        torch.testing.assert_close(torch.autograd.grad(y.pow(2).sum(), (x, mine.weight)), expected)


def test_two_training_passes_may_wait_for_one_backward():
    xs = [torch.randn(4, 3, 2, 2) for _ in "ab"]
    results = []
    for layer in twins(4, 3):
        sum(layer(x).pow(3).sum() for x in xs).backward()
        results.append({"dweight": layer.weight.grad, "dbias": layer.bias.grad, **dict(layer.named_buffers())})
    assert_equal(results[1], results[0])


def test_y_may_be_changed_in_place_and_a_changed_x_is_noticed_as_in_torch():
    results = []
    for layer in twins(4, 3):
        torch.manual_seed(1)
        x = torch.randn(4, 3, 2, 2, requires_grad=True)
        layer(x).mul_(2).relu_().sum().backward()
        results.append(x.grad)
        h = x * 1
        y = layer(h)
        h.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
    torch.testing.assert_close(results[1], results[0], **TOLERANCE[torch.float32])


def test_no_function_writes_into_its_arguments():
    x, dy = torch.randn(4, 3, 2, 5), torch.randn(4, 3, 2, 5)
    gamma, beta, mean, running_var, bias = (torch.rand(3) + 0.5 for _ in range(5))
    weight, var = torch.randn(3, 4), (torch.rand(3) + 0.5).double()
    calls = [
        (ours.normalize, (x, (0, 2, 3))),
        (ours.normalize_backward, (dy, x, var.view(3, 1, 1), (0, 2, 3))),
        (ours.batch_norm, (x, gamma, beta)),
        (ours.batch_norm_backward, (dy, x, gamma, mean, var)),
        (ours.batch_norm_eval, (x, gamma, beta, mean, running_var)),
        (ours.update_running, (mean, running_var, mean, var, 7)),
        (ours.fold, (weight, bias, gamma, beta, mean, running_var)),
    ]
    for function, arguments in calls:
        before = copy.deepcopy(arguments)
        for dtype in (torch.float32, torch.float64):
            cast = [a.to(dtype) if isinstance(a, torch.Tensor) and a.dtype == torch.float32 else a for a in arguments]
            kept = copy.deepcopy(cast)
            results = function(*cast)
            for a, b in zip(cast, kept, strict=True):
                assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, function.__name__
            pointers = {a.data_ptr() for a in cast if isinstance(a, torch.Tensor)}
            results = results if isinstance(results, tuple) else (results,)
            assert pointers.isdisjoint(r.data_ptr() for r in results), f"{function.__name__} returns an argument"
        assert all(torch.equal(a, b) for a, b in zip(before, arguments, strict=True) if isinstance(a, torch.Tensor))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_nan_and_infinity_stay_in_their_channel_as_in_torch(bad, dtype):
    for ndim in KINDS:
        theirs, mine = twins(ndim, 3, torch.float32 if dtype == torch.bfloat16 else dtype)
        x = torch.randn(6, 3, *range(2, ndim)).to(dtype)
        dy = torch.randn(x.shape).to(dtype)
        x[(2, 1, *[0] * (ndim - 2))] = bad
        expected, got = run(theirs, x, dy), run(mine, x, dy)
        assert_equal(got, expected, **TOLERANCE[dtype])
        assert got["y"][:, [0, 2]].isfinite().all() and got["dx"][:, [0, 2]].isfinite().all()
        for name in ("running_mean", "running_var", "dweight", "dbias"):
            assert got[name][[0, 2]].isfinite().all()
        theirs, mine = twins(ndim, 3, torch.float32 if dtype == torch.bfloat16 else dtype)
        assert_equal(run(mine.eval(), x, dy), run(theirs.eval(), x, dy), **TOLERANCE[dtype])


def test_large_and_small_numbers_neither_overflow_nor_vanish():
    for scale in (1e-30, 1e-15, 1e15):
        theirs, mine = twins(4, 3, eps=1e-5)
        x = scale * torch.randn(16, 3, 8, 8)
        got, expected = run(mine, x), run(theirs, x)
        for name in ("y", "dweight", "dbias", "running_mean", "running_var"):
            torch.testing.assert_close(got[name], expected[name], rtol=1e-4, atol=1e-4)


# --- errors ----------------------------------------------------------------------------------------------------------


def assigned(**tensors):
    def change(layer):
        for name, value in tensors.items():
            setattr(layer, name, nn.Parameter(value) if name in ("weight", "bias") else value)

    return change


X = torch.ones(4, 3, 2, 2)
# what is wrong; the layer, its flags and a change to it; x; the modes in which it is wrong; words of the sentence
ERRORS = [
    ("1 axis", "BatchNorm1d", {}, None, X[0, :, 0, 0], "te", r"shape \(3,\).*\(N, C\).*unsqueeze"),
    ("4 axes for 1d", "BatchNorm1d", {}, None, X, "te", r"BatchNorm1d expected 2D or 3D.*\(4, 3, 2, 2\).*2d"),
    ("3 axes for 2d", "BatchNorm2d", {}, None, X[0], "te", r"expected 4D.*\(3, 2, 2\).*unsqueeze"),
    ("4 axes for 3d", "BatchNorm3d", {}, None, X, "te", r"expected 5D.*\(N, C, D, H, W\)"),
    ("a list", "BatchNorm2d", {}, None, [1.0], "te", "list"),
    ("5 channels", "BatchNorm2d", {}, None, torch.ones(4, 5, 2, 2), "te", r"\(3,\), expected \(5,\).*num_features=5"),
    (
        "not affine",
        "BatchNorm2d",
        {"affine": False},
        None,
        torch.ones(4, 5, 2, 2),
        "te",
        "running_mean.*num_features=5",
    ),
    ("untracked", "BatchNorm2d", {"track_running_stats": False}, None, torch.ones(4, 5, 2, 2), "te", "gamma.*expected"),
    ("channels last", "BatchNorm1d", {}, None, torch.ones(4, 7, 3), "te", "move the channels to axis 1"),
    ("1 value", "BatchNorm2d", {}, None, X[:1, :, :1, :1], "t", r"\(1, 3, 1, 1\), one value.*layer.eval"),
    ("1 value", "BatchNorm1d", {"track_running_stats": False}, None, X[:1, :, 0, 0], "te", "one value.*batch of 2"),
    ("integers", "BatchNorm2d", {}, None, X.long(), "te", r"torch.int64, expected float64.*x.float\(\)"),
    ("booleans", "BatchNorm2d", {}, None, X.bool(), "te", "torch.bool, expected"),
    ("complex", "BatchNorm2d", {}, None, X.cfloat(), "te", "torch.complex64, expected"),
    (
        "integers, no vectors",
        "BatchNorm2d",
        {"affine": False, "track_running_stats": False},
        None,
        X.int(),
        "te",
        "int32",
    ),
    ("double x", "BatchNorm2d", {}, None, X.double(), "te", "torch.float32 and x torch.float64.*x.to"),
    ("half layer", "BatchNorm2d", {"dtype": torch.float16}, None, X, "te", "torch.float16 and x torch.float32"),
    ("two 16 bits", "BatchNorm2d", {"dtype": torch.bfloat16}, None, X.half(), "te", "bfloat16 and x torch.float16"),
    ("double weight", "BatchNorm2d", {}, assigned(weight=torch.ones(3).double()), X, "te", "gamma.*torch.float64"),
    ("half bias", "BatchNorm2d", {}, assigned(bias=torch.ones(3).half()), X, "te", "beta.*torch.float16"),
    ("double mean", "BatchNorm2d", {}, assigned(running_mean=torch.ones(3).double()), X, "te", "running_mean.*float64"),
    ("half weight", "BatchNorm2d", {}, assigned(weight=torch.ones(3).half()), X.half(), "te", "float32"),
    ("long weight", "BatchNorm2d", {}, assigned(weight=torch.ones(4)), X, "te", r"gamma \(weight\) has shape \(4,\)"),
    ("short bias", "BatchNorm2d", {}, assigned(bias=torch.ones(1)), X, "te", r"beta \(bias\) has shape \(1,\)"),
    ("mean of 5", "BatchNorm2d", {}, assigned(running_mean=torch.ones(5)), X, "te", r"running_mean has shape \(5,\)"),
    (
        "column var",
        "BatchNorm2d",
        {},
        assigned(running_var=torch.ones(3, 1)),
        X,
        "te",
        r"running_var has shape \(3, 1\)",
    ),
    ("no mean", "BatchNorm2d", {}, assigned(running_mean=None), X, "te", "one is missing"),
    ("no var", "BatchNorm2d", {}, assigned(running_var=None), X, "te", "one is missing"),
    ("learning", "BatchNorm2d", {}, lambda layer: layer.running_mean.requires_grad_(), X, "te", "running_mean.detach"),
    ("eps 0", "BatchNorm2d", {"eps": 0.0}, None, X, "t", "eps is 0.0, expected a small positive"),
    ("eps < 0", "BatchNorm2d", {"eps": -1e-3}, None, X, "te", "eps is -0.001, expected"),
    ("eps none", "BatchNorm2d", {"eps": None}, None, X, "te", "NoneType"),
    ("momentum text", "BatchNorm2d", {"momentum": "1"}, None, X, "t", "str"),
    ("meta x", "BatchNorm2d", {}, None, X.to("meta"), "te", "meta"),
    ("sparse x", "BatchNorm2d", {}, None, X.to_sparse(), "te", "parse"),
]


def outcome(call):
    try:
        return call(), None
    except Exception as error:
        return None, error


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[0])
def test_the_error_is_torchs_class_with_a_sentence_that_helps(case):
    _, kind, flags, change, x, modes, words = case
    for train in (True, False):
        layers = [getattr(library, kind)(3, **flags).train(train) for library in (nn, ours)]
        for layer in layers:
            if change is not None:
                change(layer)
        state = copy.deepcopy(layers[1].state_dict())
        (_, expected), (_, got) = (outcome(lambda layer=layer: layer(x)) for layer in layers)
        if ("t" if train else "e") not in modes:
            assert got is None
            continue
        assert type(got) is type(expected), f"{got!r} for {expected!r}"
        if expected is not None:  # an older PyTorch lets some of them pass
            assert re.search(words, str(got)), str(got)
            for name, tensor in layers[1].state_dict().items():
                assert torch.equal(tensor, state[name]), f"{name} changed although the call failed"


def test_the_functions_raise_what_f_batch_norm_raises():
    three, five = torch.ones(3), torch.ones(5)
    cases = [
        (X[:1, :, :1, :1], None, None, 1e-5),
        (X, five, None, 1e-5),
        (X, None, five, 1e-5),
        (X, three, three, 0.0),
        (X, three, three, -1.0),
        (X.int(), three, three, 1e-5),
        (X.double(), three, three, 1e-5),
        (X[0, :, 0, 0], None, None, 1e-5),
    ]
    for x, gamma, beta, eps in cases:
        _, expected = outcome(lambda a=(x, None, None, gamma, beta, True, 0.1, eps): F.batch_norm(*a))
        _, got = outcome(lambda a=(x, gamma, beta, eps): ours.batch_norm(*a))
        assert type(got) is type(expected)
    for running in ((three, None), (None, three), (None, None), (five, three), (three, five), (three.double(), three)):
        _, expected = outcome(lambda r=running: F.batch_norm(X, *r))
        _, got = outcome(lambda r=running: ours.batch_norm_eval(X, None, None, *r))
        assert type(got) is type(expected) and expected is not None


def statistics_on_another_device(library):
    layer = library.BatchNorm2d(3, affine=False)
    layer.running_mean, layer.running_var = layer.running_mean.to("meta"), layer.running_var.to("meta")
    return layer


def statistics_made_in_inference_mode(library):
    with torch.inference_mode():
        return library.BatchNorm2d(3, affine=False)


@pytest.mark.parametrize(
    "make, words",
    [
        (statistics_on_another_device, "ensor on device (cpu|meta) is not on the expected device"),
        (statistics_made_in_inference_mode, "Inplace update to inference tensor outside InferenceMode"),
    ],
)
def test_what_keeps_the_statistics_from_moving_is_said_in_torchs_words(make, words):
    _, expected = outcome(lambda: make(nn)(X))
    _, got = outcome(lambda: make(ours)(X))
    assert type(got) is type(expected) is RuntimeError and got.__cause__ is None
    assert re.match("T?" + words, str(expected)) and re.match("T?" + words, str(got))


def test_a_lack_of_memory_stays_one_and_counts_nothing(monkeypatch):
    lack = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def update_running(*_):
        raise lack

    layer = ours.BatchNorm2d(3)
    monkeypatch.setattr(ours, "update_running", update_running)
    assert outcome(lambda: layer(X))[1] is lack and layer.num_batches_tracked == 0


# --- torch.func, autocast, compilers, tools --------------------------------------------------------------------------


def stacks(library, momentum, train):
    """Seven models as stacked parameters and buffers, and their seven inputs."""
    torch.manual_seed(0)
    models = [library.BatchNorm2d(3, momentum=momentum, dtype=torch.float64) for _ in range(7)]
    for model in models:
        nn.init.normal_(model.weight), nn.init.normal_(model.running_mean), model.train(train)
    parameters, buffers = stack_module_state(models)
    parameters = {name: p.detach() for name, p in parameters.items()}
    return models[0], parameters, buffers, torch.randn(7, 4, 3, 2, 2, dtype=torch.float64)


@pytest.mark.parametrize("batched", [b for b in itertools.product((True, False), repeat=3) if any(b)], ids=str)
def test_vmap_over_parameters_buffers_and_x_equals_torch_and_raises_where_torch_raises(batched):
    for momentum, train, differentiate in itertools.product((0.1, None), (True, False), (True, False)):

        def everything(library, momentum=momentum, train=train, differentiate=differentiate):
            model, *stacked = stacks(library, momentum, train)
            first = [{k: v[0].clone() for k, v in d.items()} for d in stacked[:2]] + [stacked[2][0]]
            arguments = [s if b else f for s, f, b in zip(stacked, first, batched, strict=True)]

            def loss(parameters, buffers, x):
                return functional_call(model, (parameters, buffers), (x,)).pow(3).sum()

            def forward(parameters, buffers, x):
                return functional_call(model, (parameters, buffers), (x,))

            mapped = vmap(grad(loss, (0, 2)) if differentiate else forward, tuple(0 if b else None for b in batched))
            return mapped(*arguments), arguments[1]

        (expected, their_error), (got, error) = outcome(lambda: everything(nn)), outcome(lambda: everything(ours))
        if their_error is None:
            assert error is None, error
            torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
        elif batched[1] and momentum is None and train:
            assert error is None and got[1]["num_batches_tracked"].eq(1).all()  # torch reads a number; ours does not
        else:
            assert type(error) is type(their_error) and "functional_call" in str(error)


def test_vmap_over_plain_averages_equals_one_model_after_the_other():
    model, parameters, buffers, x = stacks(ours, None, True)
    singles = [{k: v[i].clone() for k, v in buffers.items()} for i in range(7)]
    for _ in range(3):
        y = vmap(lambda p, b, x: functional_call(model, (p, b), (x,)))(parameters, buffers, x)
    for i, single in enumerate(singles):
        judge = nn.BatchNorm2d(3, momentum=None, dtype=torch.float64)
        judge.load_state_dict({**{k: v[i] for k, v in parameters.items()}, **single})
        for _ in range(3):
            expected = judge(x[i])
        torch.testing.assert_close(y[i], expected)
        for name, buffer in judge.named_buffers():
            torch.testing.assert_close(buffers[name][i], buffer)


def test_vmap_along_other_axes_nested_and_over_one_vector_equals_torch():
    x = torch.randn(2, 5, 4, 3, 2, 2, dtype=torch.float64)
    vectors = {"weight": torch.randn(5, 3, dtype=torch.float64), "bias": torch.randn(5, 3, dtype=torch.float64)}
    results = []
    for layer in twins(4, 3, torch.float64):
        for train in (True, False):
            layer.train(train)
            layer.track_running_stats = not train
            results += [vmap(vmap(layer))(x), vmap(layer, in_dims=1, out_dims=2)(x[0].transpose(0, 1))]
            results += [vmap(layer)(x[0].permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3))]
            for name, vector in vectors.items():
                rest = {k: v.detach() for k, v in layer.named_parameters() if k != name}

                def loss(vector, name=name, rest=rest, layer=layer):
                    return functional_call(layer, {name: vector, **rest}, (x[0, 0],)).pow(3).sum()

                results += [vmap(loss)(vector), vmap(grad(loss))(vector)]
            results += [
                jacrev(layer)(x[0, 0]),
                jacrev(jacrev(lambda x, layer=layer: layer(x).pow(3).sum()))(x[0, 0, :2]),
            ]
        torch.manual_seed(0)
    half = len(results) // 2
    mine, theirs = results[half:], results[:half]
    assert len(mine) == 18
    torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-8)


def test_grad_with_buffers_as_arguments_equals_torch_and_captured_ones_raise_as_in_torch():
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64)
    results = []
    for layer in twins(4, 3, torch.float64):
        parameters = {k: v.detach() for k, v in layer.named_parameters()}
        buffers = {k: v.clone() for k, v in layer.named_buffers()}

        def loss(parameters, buffers, x, layer=layer):
            return functional_call(layer, (parameters, buffers), (x,)).pow(3).sum(), buffers

        gradients, after = grad(loss, (0, 2), has_aux=True)(parameters, buffers, x)
        results.append((gradients, after, buffers))
        with pytest.raises(RuntimeError):
            grad(lambda x, layer=layer: layer(x).pow(3).sum())(x)
        with pytest.raises(RuntimeError):
            grad(lambda b, layer=layer: functional_call(layer.eval(), b, (x,)).sum())(
                {"running_mean": torch.ones(3).double()}
            )
    assert results[1][2]["num_batches_tracked"] == 1
    torch.testing.assert_close(results[1], results[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("device", DEVICES)
def test_autocast_gives_torchs_dtypes_and_values(dtype, device):
    if not torch.amp.is_autocast_available(device):
        pytest.skip(f"no autocast on {device}")
    conv = nn.Conv2d(2, 3, 3, device=device)
    x = torch.randn(4, 2, 6, 6, device=device)
    results = []
    for layer in twins(4, 3, device=device):
        for train in (True, False):
            layer.train(train)
            with torch.autocast(device, dtype=dtype):
                y, y32 = layer(conv(x)), layer(x[:, :1].expand(-1, 3, -1, -1))
                loss = (y.float() ** 2).sum() + y32.sum()
            loss.backward()
            results.append((y.dtype, y32.dtype, y.detach(), layer.weight.grad.clone(), layer.running_var.clone()))
    for a, b in zip(results[2:], results[:2], strict=True):
        assert a[:2] == b[:2]
        torch.testing.assert_close(a[2:], b[2:], **TOLERANCE[dtype])


def small_net(library, train, **flags):
    conv = nn.Conv2d(2, 3, 3, bias=False, dtype=torch.float64)
    return nn.Sequential(conv, library.BatchNorm2d(3, dtype=torch.float64, **flags), nn.ReLU()).train(train)


def run_compiled(compiled, x, dy):
    return {name.replace("_orig_mod.", ""): value for name, value in run(compiled, x, dy).items()}


# The compilers warn about PyTorch's own internals, whatever they compile.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("flags", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}], ids=str)
def test_a_compiled_layer_equals_torch_in_one_graph(train, flags):
    torch._dynamo.reset()
    net, judge = small_net(ours, train, **flags), small_net(nn, train, **flags)
    judge.load_state_dict(net.state_dict())
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    for n in (4, 6):  # 6 compiles again, with a symbolic batch
        x, dy = (torch.randn(n, *shape, dtype=torch.float64) for shape in ((2, 5, 5), (3, 3, 3)))
        assert_equal(run_compiled(compiled, x, dy), run(judge, x, dy))
    with torch.no_grad():
        torch.testing.assert_close(compiled.eval()(x), judge.eval()(x))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "cl"))), reason="inductor needs a C++ compiler")
def test_inductor_equals_torch(tmp_path, monkeypatch):
    # Its own cache: the shared one hands code made for one vector unit to a process that is told to use another.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    theirs, mine = twins(4, 3)
    x, dy = torch.randn(4, 3, 5, 6), torch.randn(4, 3, 5, 6)
    assert_equal(run_compiled(torch.compile(mine, fullgraph=True), x, dy), run(theirs, x, dy))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("train", [True, False])
def test_an_exported_layer_equals_torch(train):
    x, more = torch.randn(4, 2, 5, 5, dtype=torch.float64), torch.randn(7, 2, 5, 5, dtype=torch.float64)
    any_batch = ({0: torch.export.Dim("batch", min=2)},)
    for shapes, inputs in ((None, [x]), (any_batch, [x, more])):
        net, judge = small_net(ours, train), small_net(nn, train)
        judge.load_state_dict(net.state_dict())
        exported = torch.export.export(net, (x,), dynamic_shapes=shapes).module()
        torch.testing.assert_close(net.state_dict(), judge.state_dict())  # exporting is no training step
        for value in inputs:
            torch.testing.assert_close(exported(value), judge(value))
        for name, buffer in exported.named_buffers():  # torch 2.4 leaves out what evaluation does not read
            torch.testing.assert_close(buffer, judge.get_buffer(name))


def operators(net, x, **options):
    """What a net becomes for torch.export, operator by operator."""
    graph = torch.export.export(net, (x,), **options).graph
    return [node.target for node in graph.nodes if node.op == "call_function"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(torch.compiler, "is_exporting"), reason="this torch cannot be asked if it is exporting")
@pytest.mark.parametrize("flags", [{}, {"affine": False}, {"track_running_stats": False}], ids=str)
def test_exported_for_evaluation_the_layer_is_torchs_operator(flags):
    x = torch.randn(4, 2, 5, 5, dtype=torch.float64)
    for options in ({}, {"strict": True}, {"dynamic_shapes": ({0: torch.export.Dim("batch", min=2)},)}):
        expected = operators(small_net(nn, False, **flags), x, **options)
        assert torch.ops.aten.batch_norm.default in expected
        assert operators(small_net(ours, False, **flags), x, **options) == expected
    assert not ours._is_exporting()  # and afterwards it is computed by us again


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_traced_for_evaluation_the_layer_is_torchs_operator_for_any_batch():
    net, judge = small_net(ours, False), small_net(nn, False)
    judge.load_state_dict(net.state_dict())
    traced = torch.jit.trace(net, torch.randn(4, 2, 5, 5, dtype=torch.float64))
    assert "aten::batch_norm" in str(traced.inlined_graph)
    x = torch.randn(7, 2, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(traced(x), judge(x))


def test_update_bn_recomputes_the_statistics_as_for_torchs_layer():
    batches = [torch.randn(5, 3, 4) + i for i in range(3)]
    results = []
    for layer in twins(3, 3):
        net = nn.Sequential(layer, nn.ReLU()).eval()
        torch.optim.swa_utils.update_bn(batches, net)
        assert layer.momentum == 0.1 and not layer.training
        results.append(dict(layer.named_buffers()))
    assert_equal(results[1], results[0])


def test_convert_sync_batchnorm_and_fuse_find_the_layer():
    _, mine = twins(4, 3)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(mine))[0]
    assert type(converted) is nn.SyncBatchNorm and converted.weight is mine.weight
    conv = nn.Conv2d(2, 3, 3).eval()
    fused = nn.utils.fusion.fuse_conv_bn_eval(conv, mine.eval())
    x = torch.randn(2, 2, 5, 5)
    torch.testing.assert_close(fused(x), mine(conv(x)), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast")  # torch 2.4 on itself
@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("place", ["first", "last", "alone", "both ends"])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_checkpointing_equals_torch_double_counting_included(reentrant, place, momentum):
    results = []
    for library in (nn, ours):
        torch.manual_seed(1)
        norms = [library.BatchNorm2d(3, momentum=momentum) for _ in range(2 if place == "both ends" else 1)]
        between = {"first": [nn.Sigmoid()], "last": [nn.Conv2d(3, 3, 1)], "both ends": [nn.Sigmoid()]}.get(place, [])
        net = nn.Sequential(*(between + norms if place == "last" else [norms[0], *between, *norms[1:]])).double()
        x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
        checkpoint(net, x, use_reentrant=reentrant).pow(3).sum().backward()
        assert all(norm.num_batches_tracked == 2 for norm in norms)
        gradients = {f"d{name}": p.grad for name, p in net.named_parameters()}
        results.append({"dx": x.grad, **gradients, **dict(net.named_buffers())})
    assert_equal(results[1], results[0])


@pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast")
@pytest.mark.parametrize("change", ["frozen", "evaluating", "untracked"])
def test_checkpointing_equals_torch_where_nothing_is_learned_or_tracked(change):
    results = []
    for layer in twins(4, 3):
        layer.requires_grad_(change != "frozen").train(change != "evaluating")
        layer.track_running_stats = change != "untracked"
        torch.manual_seed(1)
        x = torch.randn(4, 3, 2, 2, requires_grad=True)
        checkpoint(layer, x, use_reentrant=False).pow(3).sum().backward()
        results.append({"dx": x.grad, **dict(layer.named_buffers())})
    assert_equal(results[1], results[0])


def test_losses_are_the_same_after_replace_batch_norm():
    def train(replace):
        torch.manual_seed(0)
        shared = nn.BatchNorm2d(4, dtype=torch.float64)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, dtype=torch.float64),
            shared,
            nn.ReLU(),
            shared,
            nn.Sequential(nn.Flatten(2), nn.BatchNorm1d(4)),
        ).double()
        calls = []
        net[1].register_forward_hook(lambda module, inputs, y: calls.append(type(module)))
        net[4][1].register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
        net[4][1].eval().requires_grad_(False)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        held = [id(t) for t in itertools.chain(net.parameters(), net.buffers())]
        if replace:
            assert ours.replace_batch_norm(net) is net
            assert net[1] is net[3] is shared and type(shared) is ours.BatchNorm2d and shared.training
            assert type(net[4][1]) is ours.BatchNorm1d and not net[4][1].training
        assert held == [id(t) for t in itertools.chain(net.parameters(), net.buffers())]
        losses = []
        for _ in range(10):
            loss = net(torch.randn(8, 1, 5, 5, dtype=torch.float64)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert len(calls) == 20
        return losses, net.state_dict()

    (losses, state), (expected, expected_state) = train(True), train(False)
    assert losses == pytest.approx(expected, rel=1e-10)
    torch.testing.assert_close(state, expected_state)


class ReLUBatchNorm2d(nn.BatchNorm2d):
    """As in timm: BatchNorm and what comes after it."""

    def forward(self, x):
        return super().forward(x).relu()


class FrozenBatchNorm2d(nn.Module):
    """As in torchvision: no subclass of nn.BatchNorm2d."""

    def __init__(self):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(2))


@pytest.fixture
def zoo():
    """A net with every kind of BatchNorm, and some layers that are none."""
    parametrized, patched, compiled = nn.BatchNorm2d(2), nn.BatchNorm3d(2), nn.BatchNorm1d(2)
    nn.utils.parametrize.register_parametrization(parametrized, "weight", nn.Softplus())
    patched.forward = patched.forward
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules are a new feature, torch.jit an old one
        lazy, compiled = nn.LazyBatchNorm3d(), torch.jit.script(compiled)
    return nn.ModuleDict(
        {
            **{"one": nn.BatchNorm1d(2), "two": nn.ModuleList([nn.BatchNorm2d(2), nn.BatchNorm3d(2)]), "lazy": lazy},
            **{"act": ReLUBatchNorm2d(2), "sync": nn.SyncBatchNorm(2), "parametrized": parametrized},
            **{"patched": patched, "frozen": FrozenBatchNorm2d(), "compiled": compiled},
            **{"ours": ours.BatchNorm2d(2), "instance": nn.InstanceNorm2d(2, affine=True, track_running_stats=True)},
            **{"group": nn.GroupNorm(1, 2), "linear": nn.Linear(2, 2)},
        }
    )


REPLACED = {"one": "BatchNorm1d", "two.0": "BatchNorm2d", "two.1": "BatchNorm3d", "lazy": "LazyBatchNorm3d"}
LEFT = {
    "act": "ReLUBatchNorm2d, a subclass",
    "sync": "SyncBatchNorm, whose statistics are those of all processes",
    "parametrized": "ParametrizedBatchNorm2d, a class that a parametrization needs",
    "patched": "BatchNorm3d, on which somebody has set another forward",
    "frozen": "FrozenBatchNorm2d, not made from nn.BatchNorm1d, 2d or 3d",
    "compiled": "BatchNorm1d, compiled by torch.jit",
}


def test_replaceable_names_every_batch_norm_and_the_reason_for_each_that_is_left(zoo):
    before = [type(module) for module in zoo.modules()]
    replaced, left = ours.replaceable(zoo)
    assert replaced == REPLACED and left.keys() == LEFT.keys()
    for name, reason in LEFT.items():
        assert left[name].startswith(reason)
    assert before == [type(module) for module in zoo.modules()]
    ours.replace_batch_norm(zoo)
    assert ours.replaceable(zoo) == ({}, left)


def test_replace_batch_norm_touches_exactly_what_replaceable_says(zoo):
    before = dict(zoo.named_modules())
    kinds = {name: type(module) for name, module in before.items()}
    assert ours.replace_batch_norm(zoo) is zoo
    for name, module in zoo.named_modules():
        assert module is before[name]
        assert type(module) is (getattr(ours, REPLACED[name]) if name in REPLACED else kinds[name]), name
    assert type(ours.replace_batch_norm(nn.BatchNorm3d(2))) is ours.BatchNorm3d


def test_strict_raises_before_it_changes_anything(zoo):
    kinds = [type(module) for module in zoo.modules()]
    with pytest.raises(ValueError, match="^6 of 10 BatchNorms cannot be replaced, so none was.*sync: SyncBatchNorm"):
        ours.replace_batch_norm(zoo, strict=True)
    assert kinds == [type(module) for module in zoo.modules()]
    for name in LEFT:
        del zoo[name]
    assert type(ours.replace_batch_norm(zoo, strict=True)["one"]) is ours.BatchNorm1d
    with pytest.raises(ValueError, match="1 of 1 BatchNorms .* the net itself: ReLUBatchNorm2d"):
        ours.replace_batch_norm(ReLUBatchNorm2d(2), strict=True)


def test_what_replaceable_returns_is_short_however_many_layers_there_are():
    net = nn.Sequential(*(nn.BatchNorm2d(2) for _ in range(50)), nn.SyncBatchNorm(2), nn.Sequential(nn.BatchNorm1d(2)))
    assert repr(ours.replaceable(net)).splitlines() == [
        "replaced: 51",
        "  0, 1, 2 and 47 more: BatchNorm2d",
        "  51.0: BatchNorm1d",
        "left: 1",
        "  50: SyncBatchNorm, whose statistics are those of all processes together",
    ]
    assert repr(ours.replaceable(nn.BatchNorm1d(2))) == "replaced: 1\n  the net itself: BatchNorm1d\nleft: 0"


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature", "ignore:You are using `torch.load`")
@pytest.mark.parametrize("ndim", KINDS)
def test_a_lazy_layer_is_ours_from_its_first_batch_on(ndim, monkeypatch):
    name, computed, original = f"Lazy{KINDS[ndim]}", [], ours.batch_norm
    theirs, mine = (getattr(nn, name)(eps=0.1, momentum=0.3) for _ in "ab")
    mine = ours.replace_batch_norm(nn.Sequential(mine))
    assert type(mine[0]) is getattr(ours, name) and repr(mine[0]) == repr(theirs)
    assert type(pickle.loads(pickle.dumps(mine))[0]) is type(mine[0])
    monkeypatch.setattr(ours, "batch_norm", lambda *a: computed.append(1) or original(*a))
    for step in (1, 2):
        x = torch.randn(4, 3, *range(2, ndim))
        torch.testing.assert_close(mine(x), theirs(x), rtol=1e-5, atol=1e-5)
        assert len(computed) == step and type(mine[0]) is getattr(ours, KINDS[ndim])
    torch.testing.assert_close(mine[0].state_dict(), theirs.state_dict())


def test_a_replaced_layer_that_is_parametrized_later_or_pruned_before_trains_like_torchs():
    results = []
    for library in (nn, ours):
        torch.manual_seed(1)
        layer = nn.BatchNorm2d(3, dtype=torch.float64)
        prune.random_unstructured(layer, "weight", 1)
        net = nn.Sequential(nn.BatchNorm2d(3, dtype=torch.float64), layer)
        if library is ours:
            ours.replace_batch_norm(net, strict=True)
        nn.utils.parametrize.register_parametrization(net[0], "weight", nn.Softplus())
        net(torch.randn(4, 3, 2, 2, dtype=torch.float64)).pow(3).sum().backward()
        results.append({**{n: p.grad for n, p in net.named_parameters()}, **dict(net.named_buffers())})
    assert_equal(results[1], results[0])


def test_the_docstrings_say_where_the_module_stands_and_what_is_not_promised():
    assert "\nRead after norm_numpy.\nBuilt in notebook 06.\n" in ours.__doc__
    for word in ("jit.script", "torch.fx", "fuse_modules", "jvp"):
        assert word in ours.BatchNorm1d.__doc__
