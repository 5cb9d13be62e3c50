"""norm_triton against float64 truth, norm_torch and torch.nn: on a GPU, or else by Triton's interpreter on the CPU.

The kernels are also compiled for an H100, which needs none; what an H100 then does with them is for a machine with one.
"""

import inspect
import itertools
import math
import os
import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
if not GPU:
    # Triton reads it when it is first imported: here, since pytest imports all test files before it runs a test.
    os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton", reason="Triton exists for Linux only")

from bnbook import norm_torch  # noqa: E402
from bnbook import norm_triton as ours  # noqa: E402

NEEDS_GPU = pytest.mark.skipif(not GPU, reason="this machine has no CUDA device")

# One row per dtype: how far y and the gradients may be from the truth, relative to the largest of each.
TOLERANCE = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


@pytest.fixture(autouse=True)
def one_thread_and_a_seed():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def many_programs(monkeypatch):
    """Tiles of 64 numbers and many programs, so that small arrays have several shares of several tiles per channel."""
    monkeypatch.setattr(ours, "TILE", 64)
    monkeypatch.setattr(ours, "PROGRAMS", 16)
    ours._cover.cache_clear()
    yield
    ours._cover.cache_clear()


def shares(x):
    """How many programs work on one channel of x."""
    return ours._plan(x)[1][1]


def errors(x, dy, gamma, beta, eps=1e-5):
    """The largest error of each output against float64 arithmetic on the same numbers, in units of what it is made of."""
    y, mean, var = ours.batch_norm(x, gamma, beta, eps)
    dx, dgamma, dbeta = ours.batch_norm_backward(dy, x, gamma, mean, var, eps)
    assert y.dtype == dx.dtype == x.dtype and mean.shape == var.shape == dgamma.shape == dbeta.shape == x.shape[1:2]
    x, dy, gamma, beta = (v if v is None else v.double() for v in (x, dy, gamma, beta))
    truth, mean64, var64 = norm_torch.batch_norm(x, gamma, beta, eps)
    gradients = norm_torch.batch_norm_backward(dy, x, gamma, mean64, var64, eps)
    axes, one_step = (0, *range(2, x.ndim)), norm_torch._scale(var64, gamma, eps).abs().max() * dy.abs().max()
    x_hat = norm_torch.batch_norm(x, None, None, eps)[0]
    return {
        "y": (y - truth).abs().max() / truth.abs().max(),
        "mean": (mean - mean64).abs().max() / var64.sqrt().max(),
        "var": ((var - var64).abs() / (var64 + eps)).max(),
        "dx": (dx - gradients[0]).abs().max() / one_step,
        "dgamma": ((dgamma - gradients[1]).abs() / (dy * x_hat).abs().sum(axes)).max(),
        "dbeta": ((dbeta - gradients[2]).abs() / dy.abs().sum(axes)).max(),
    }


def assert_true(x, dy=None, gamma="random", beta="random", limit=None):
    """Every output is as near to the truth as the dtype of x allows; 32-bit ones are near even if x has 16 bits."""
    C = x.shape[1]
    dy = torch.randn(x.shape, device=DEVICE).to(x.dtype) if dy is None else dy
    gamma = torch.rand(C, device=DEVICE) + 0.5 if isinstance(gamma, str) else gamma
    beta = torch.randn(C, device=DEVICE) if isinstance(beta, str) else beta
    for name, error in errors(x, dy, gamma, beta).items():
        allowed = limit or (TOLERANCE[x.dtype] if name in ("y", "dx") else 5e-6)
        assert error < allowed, f"{name} of {tuple(x.shape)} {x.dtype} {x.stride()}: {error:.1e}"


# --- values and gradients --------------------------------------------------------------------------------------------

SHAPES = [
    *[(6, 3), (2, 1), (37, 5), (129, 70)],
    *[(4, 3, 5), (1, 3, 2), (2, 3, 1), (1, 1, 9), (3, 2, 200), (33, 2, 1)],
    *[(4, 3, 5, 7), (1, 3, 1, 2), (2, 3, 1, 1), (1, 5, 33, 3), (5, 1, 1, 9), (9, 2, 8, 8), (1, 66, 3, 5)],
    *[(2, 3, 4, 5, 6), (1, 2, 1, 1, 2), (3, 4, 1, 7, 1)],
]


def layouts(x):
    """x as it is and, if it is an image or a volume, with the channels last in memory."""
    yield x
    if x.ndim > 3:
        yield x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def test_every_shape_and_layout_is_as_in_float64():
    for shape in SHAPES:
        for x in layouts(2 + 3 * torch.randn(shape, device=DEVICE)):
            assert_true(x)


@pytest.mark.usefixtures("many_programs")
def test_several_programs_per_channel_are_as_in_float64():
    most = 0
    for shape in SHAPES:
        for x in layouts(2 + 3 * torch.randn(shape, device=DEVICE)):
            assert_true(x)
            most = max(most, shares(x))
    assert most >= 5


@settings(deadline=None, max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=5).filter(lambda s: 3 * s[1] <= math.prod(s) < 700),
    tile=st.sampled_from([64, 128]),
    programs=st.integers(1, 40),
    last=st.booleans(),
    offset=st.sampled_from([0.0, 3.0, -1e3]),
)
def test_any_shape_tile_and_number_of_programs_is_as_in_float64(monkeypatch, shape, tile, programs, last, offset):
    x = offset + torch.randn(shape, device=DEVICE)
    monkeypatch.setattr(ours, "TILE", tile)
    monkeypatch.setattr(ours, "PROGRAMS", programs)
    ours._cover.cache_clear()
    assert_true(list(layouts(x))[-1 if last else 0], limit=2e-5)
    ours._cover.cache_clear()
