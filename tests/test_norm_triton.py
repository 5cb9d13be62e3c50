"""norm_triton against float64 truth, norm_torch and torch.nn: on a GPU, or else by Triton's interpreter on the CPU.

The kernels are also compiled for an H100, which needs none; what an H100 then does with them is for a machine with one.
"""

import inspect
import itertools
import json
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
from torch.utils.checkpoint import checkpoint

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
# The interpreters of Triton 3.0 to 3.3 stumble over NumPy 2.4 (with 3.2 and 3.3 the kernels do compile for a GPU).
triton = pytest.importorskip("triton", None if GPU else "3.7", reason="Triton exists for Linux only")

import triton.language as tl  # noqa: E402
from triton.language import constexpr  # noqa: E402

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
    """The largest error of each output against float64 arithmetic on the same numbers, in units of its parts."""
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
    *[(4, 3, 5, 7), (1, 3, 1, 2), (2, 3, 1, 1), (1, 5, 33, 3), (5, 1, 1, 9), (9, 2, 8, 8)],
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
    for shape in ((150, 3), (3, 2, 150), (33, 1, 7), (9, 2, 7, 4), (4, 3, 4, 2, 5)):
        for x in layouts(2 + 3 * torch.randn(shape, device=DEVICE)):
            assert shares(x) >= 3
            assert_true(x)


@settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=5).filter(lambda s: 3 * s[1] <= math.prod(s) < 500),
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_results_are_rounded_once(dtype):
    half_ulp = torch.finfo(dtype).eps / 2 * 1.001
    if dtype == torch.bfloat16 and ours.INTERPRETED:
        half_ulp *= 2  # the interpreter cuts the digits off; a GPU rounds
    for x in layouts(torch.randn(16, 6, 5, 5, device=DEVICE).to(dtype)):
        gamma, beta, dy = torch.rand(6, device=DEVICE) + 0.5, torch.randn(6, device=DEVICE), torch.randn_like(x)
        y, mean, var = ours.batch_norm(x, gamma, beta)
        dx, *_ = ours.batch_norm_backward(dy, x, gamma, mean, var)
        exact, mean64, var64 = norm_torch.batch_norm(x.double(), gamma.double(), beta.double())
        exact_dx, *_ = norm_torch.batch_norm_backward(dy.double(), x.double(), gamma.double(), mean64, var64)
        assert y.dtype == dx.dtype == dtype and mean.dtype == var.dtype == torch.float64
        torch.testing.assert_close(y.double(), exact, rtol=half_ulp, atol=2e-6)
        torch.testing.assert_close(dx.double(), exact_dx, rtol=half_ulp, atol=2e-6)
        assert_true(x, dy, gamma.to(dtype), beta.to(dtype))


@pytest.mark.usefixtures("many_programs")
def test_float32_is_within_2e_6_of_float64_up_to_a_mean_of_1e4_standard_deviations():
    for ratio, sd in ((1e3, 1), (-1e3, 0.01), (1e4, 100)):
        for x in layouts((sd * (ratio + torch.randn(16, 2, 5, 4, dtype=torch.float64))).float().to(DEVICE)):
            assert_true(x, limit=2e-6)


@pytest.mark.usefixtures("many_programs")
def test_a_first_tile_far_from_the_mean_costs_few_digits():
    x = torch.randn(40, 1, 64, device=DEVICE)
    x[0] += 1e6  # the pivot of the first share lies several standard deviations from the mean
    assert_true(x, limit=1e-5)


@pytest.mark.usefixtures("many_programs")
def test_two_runs_give_the_same_bits():
    for x in layouts(torch.randn(16, 2, 5, 3, device=DEVICE)):
        dy, runs = torch.randn_like(x), []
        for _ in range(2):
            y, mean, var = ours.batch_norm(x, None, None)
            runs.append((y, mean, var, *ours.batch_norm_backward(dy, x, None, mean, var)))
        assert all(itertools.starmap(torch.equal, zip(*runs, strict=True)))


def test_scale_and_shift_may_be_missing_and_eps_large():
    x, dy = torch.randn(2, 7, 3, 4, device=DEVICE)
    ones, zeros = torch.ones(3, device=DEVICE), torch.zeros(3, device=DEVICE)
    assert_true(x, dy, None, zeros), assert_true(x, dy, ones, None), assert_true(x, dy, None, None)
    assert max(errors(x, dy, ones, zeros, eps=10.0).values()) < 2e-6


def test_a_constant_channel_has_variance_zero_and_y_is_beta():
    x = torch.full((7, 2, 11, 13), 1e4 / 3, device=DEVICE)
    y, mean, var = ours.batch_norm(x, None, torch.tensor([2.0, -3.0], device=DEVICE))
    assert (var >= 0).all() and (var < 1e-3).all() and (mean - x[0, 0, 0, 0].double()).abs().max() < 1e-3
    assert (y[:, 0] - 2).abs().max() < 1e-3 and (y[:, 1] + 3).abs().max() < 1e-3


@pytest.mark.filterwarnings("ignore:invalid value")  # NumPy, in the interpreter
def test_nan_and_inf_spoil_their_own_channel_only():
    for value in (math.nan, math.inf):
        for x in layouts(torch.randn(5, 3, 4, 4, device=DEVICE)):
            x[1, 1, 2, 3] = value
            y, mean, var = ours.batch_norm(x, None, None)
            assert y[:, 1].isnan().all() and not mean[1].isfinite() and var[1].isnan()
            assert y[:, ::2].isfinite().all() and mean[::2].isfinite().all() and var[::2].isfinite().all()


LAYOUTS = {
    "rows and columns swapped": lambda: torch.randn(3, 6).T,
    "length before channels": lambda: torch.randn(4, 5, 3).transpose(1, 2),
    "channels last": lambda: torch.randn(4, 3, 5, 6).to(memory_format=torch.channels_last),
    "channels last, one pixel": lambda: torch.randn(4, 3, 1, 1).to(memory_format=torch.channels_last),
    "channels last, one channel": lambda: torch.randn(4, 1, 3, 2).to(memory_format=torch.channels_last),
    "channels last, every second row": lambda: torch.randn(4, 3, 6, 5).to(memory_format=torch.channels_last)[:, :, ::2],
    "channels last 3d": lambda: torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d),
    "batch and channels swapped": lambda: torch.randn(3, 4, 5, 6).transpose(0, 1),
    "every second channel and column": lambda: torch.randn(4, 6, 5, 12)[:, ::2, :, ::2],
    "not at the start of its memory": lambda: torch.randn(4 * 3 * 5 + 1)[1:].view(4, 3, 5),
    "expanded over the batch": lambda: torch.randn(1, 3, 5, 6).expand(4, 3, 5, 6),
}


def test_every_layout_is_as_in_float64_and_y_and_dx_have_the_strides_that_torch_gives():
    for name, make in LAYOUTS.items():
        x = make().to(DEVICE)
        dy = torch.randn(x.shape[:2] + (1,) * (x.ndim - 2), device=DEVICE).expand(x.shape)
        assert_true(x, dy)
        y, mean, var = ours.batch_norm(x, None, None)
        assert y.stride() == norm_torch.batch_norm(x, None, None)[0].stride(), name
        assert ours.batch_norm_backward(dy, x, None, mean, var)[0].stride() == y.stride(), name


def test_evaluation_is_as_in_float64_with_and_without_gradients():
    vectors = [torch.randn(3, device=DEVICE) for _ in range(3)] + [torch.rand(3, device=DEVICE) + 0.5]
    gamma, beta, mean, var = vectors
    for dtype, shape in itertools.product(TOLERANCE, ((1, 3), (2, 3, 9), (1, 3, 5, 7))):
        for x in layouts((3 + torch.randn(shape, device=DEVICE)).to(dtype)):
            exact = norm_torch.batch_norm_eval(x.double(), *(v.double() for v in vectors))
            with torch.no_grad():
                y = ours.batch_norm_eval(x, gamma, beta, mean, var)
            leaves = x.clone().requires_grad_(), gamma.clone().requires_grad_()
            same = ours.batch_norm_eval(*leaves, beta, mean, var)
            judge = norm_torch.batch_norm_eval(*leaves, beta, mean, var)
            assert y.dtype == dtype and y.stride() == x.stride() and torch.equal(y, same.detach())
            assert (y - exact).abs().max() < TOLERANCE[dtype] * exact.abs().max()
            dy = torch.randn_like(y)
            for a, b in zip(*(torch.autograd.grad(out, leaves, dy) for out in (same, judge)), strict=True):
                torch.testing.assert_close(a, b)


@triton.jit
def offsets_of_tile(out_ptr, t, N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr):
    offsets, mask, size = ours._tile(t, ours._channels(CHANNELS), N, C, L, UNIT, ROWS, COLS, CHANNELS)
    to = out_ptr + tl.arange(0, ROWS * COLS)[:, None] * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    tl.store(to, tl.where(mask, offsets, -size))


def test_offsets_count_beyond_2_to_the_31():
    out = torch.empty(16, dtype=torch.int64, device=DEVICE)
    length = 2**30 + 8  # 3 * 5 rows of it: the last tile has 8 numbers of each of the last 2 rows
    offsets_of_tile[(1,)](out, 2**27 + 1 + 2**27, 3, 1, length, 8, 2, 8, 1)
    assert out.tolist() == [2 * length + 2**30 + i for i in range(8)] + [-8] * 8
    offsets_of_tile[(1,)](out, 2**29 - 1, 1, 3, 2**31, 1, 1, 4, 4)
    rows = [[3 * (2**31 - 4 + i) + c for c in range(3)] + [-4] for i in range(4)]
    assert out.tolist() == sum(rows, [])


def test_offsets_are_right_where_images_times_channels_alone_are_beyond_2_to_the_31():
    out, images, channels = torch.empty(16, dtype=torch.int64, device=DEVICE), 2**20, 4096
    offsets_of_tile[(1,)](out, images // 8 - 1, images, channels, 2, 2, 8, 2, 1)  # the last 8 images of channel 0
    rows = [(images - 8 + n) * channels for n in range(8)]
    assert out.tolist() == [2 * row + i for row in rows for i in range(2)] and out[-2] > 2**32


@triton.jit
def number_of_tiles(out_ptr, N, L, ROWS: constexpr, COLS: constexpr):
    tl.store(out_ptr, ours._pieces(N, ROWS) * ours._pieces(L, COLS))


def test_the_number_of_tiles_is_right_up_to_rows_of_2_to_the_31_numbers():
    out = torch.empty(1, dtype=torch.int64, device=DEVICE)
    for N, L, rows, cols in ((1, 2**31 - 1, 1, 2048), (2**31 - 1, 2, 1024, 2), (1, 2**31 + 5, 2, 2048), (7, 9, 2, 4)):
        number_of_tiles[(1,)](out, N, L, rows, cols)
        assert out.item() == math.ceil(N / rows) * math.ceil(L / cols)


@triton.jit
def place_of_a_channel(out_ptr, c, P):
    tl.store(out_ptr, ours._place(tl.full((1, 1), c, tl.int32), P).sum())


def test_every_channel_has_its_own_place_for_what_its_shares_found_beyond_2_to_the_31_too():
    out = torch.empty(1, dtype=torch.int64, device=DEVICE)
    for c, P in ((3, 7), (2**31 - 1, 1056)):
        place_of_a_channel[(1,)](out, c, P)
        assert out.item() == c * P


@NEEDS_GPU
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_on_a_gpu_large_arrays_are_as_in_float64(dtype):
    for shape in ((64, 64, 56, 56), (32, 256, 14, 14), (20, 6, 128, 129), (65536, 33)):
        for offset in (0, 1e3 if dtype == torch.float32 else 3):
            for x in layouts((offset + torch.randn(shape, device=DEVICE)).to(dtype)):
                assert_true(x, limit=1e-5 if dtype == torch.float32 else TOLERANCE[dtype])


@NEEDS_GPU
def test_on_a_gpu_more_than_2_to_the_31_numbers_are_normalized():
    if torch.cuda.get_device_properties(0).total_memory < 40e9:
        pytest.skip("this GPU has less than 40 GB")
    for x in layouts(torch.randn(3, 3, 2**14, 2**14, device=DEVICE, dtype=torch.float16)):
        y, mean, var = ours.batch_norm(x, None, None)
        dx, dgamma, dbeta = ours.batch_norm_backward(x, x, None, mean, var)
        assert mean.abs().max() < 1e-3 and (var - 1).abs().max() < 1e-3
        for image in (0, 2):
            torch.testing.assert_close(y[image].float(), x[image].float(), rtol=5e-3, atol=5e-3)
            assert dx[image].abs().max() < 1e-2  # with dy = x the gradient is 0


# --- autograd --------------------------------------------------------------------------------------------------------


def test_gradients_of_y_mean_and_var_and_second_derivatives_equal_norm_torch():
    results = []
    for library, dtype in ((norm_torch, torch.float64), (ours, torch.float32)):
        torch.manual_seed(0)
        leaves = [v.to(DEVICE, dtype).requires_grad_() for v in (torch.randn(4, 3, 5), torch.randn(3), torch.randn(3))]
        y, mean, var = library.batch_norm(*leaves, 0.1)
        found = [
            torch.autograd.grad(f, leaves[: 2 if f is y else 1], retain_graph=True) for f in (mean.sum(), var.sum())
        ]
        first = torch.autograd.grad(y.pow(3).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.pow(2).sum() for g in first), leaves)
        found += [first, second, torch.autograd.grad(library.batch_norm(*leaves, 0.1)[0].pow(3).sum(), leaves)]
        results.append([v.detach().double() for group in found for v in group])
    for a, b in zip(*results, strict=True):
        assert (a - b).abs().max() < 1e-5 * b.abs().max().clamp(min=1)


def test_frozen_parameters_get_no_gradient_and_nothing_as_large_as_x_is_kept_but_x():
    x, gamma = torch.randn(4, 3, 50, device=DEVICE, requires_grad=True), torch.ones(3, device=DEVICE)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda v: kept.append(v) or v, lambda v: v):
        y = ours.batch_norm(x, gamma, torch.zeros(3, device=DEVICE, requires_grad=True))[0]
    assert [v.data_ptr() for v in kept if v.numel() > 10] == [x.data_ptr()]
    y.sum().backward()
    assert gamma.grad is None and x.grad.shape == x.shape


def test_vmap_is_refused_by_name():
    with pytest.raises(RuntimeError, match="vmap"):
        torch.func.vmap(lambda x: ours.batch_norm(x, None, None)[0])(torch.randn(2, 4, 3, 5, device=DEVICE))


# --- what it is called with ------------------------------------------------------------------------------------------


def test_names_and_arguments_are_those_of_norm_torch():
    for name in ("batch_norm", "batch_norm_backward", "batch_norm_eval", "replace_batch_norm", "replaceable"):
        assert inspect.signature(getattr(ours, name)) == inspect.signature(getattr(norm_torch, name)), name


def test_float64_and_empty_input_are_left_to_norm_torch():
    x = torch.randn(4, 3, 5, dtype=torch.float64, device=DEVICE)
    gamma, mean, var = torch.rand(3, 3, dtype=torch.float64, device=DEVICE)
    for name, arguments in (
        ("batch_norm", (x, gamma, None)),
        ("batch_norm_backward", (x, x, gamma, mean, var)),
        ("batch_norm_eval", (x, gamma, None, mean, var)),
    ):
        torch.testing.assert_close(
            getattr(ours, name)(*arguments), getattr(norm_torch, name)(*arguments), rtol=0, atol=0
        )
    assert torch.autograd.gradcheck(lambda x: ours.batch_norm(x, gamma, None)[0], x.clone().requires_grad_())
    layer = ours.BatchNorm1d(3, device=DEVICE)
    assert layer(torch.ones(0, 3, 5, device=DEVICE)).shape == (0, 3, 5) and layer.num_batches_tracked == 1


def test_errors_are_those_of_norm_torch():
    x, three, five = torch.randn(4, 3, 2, device=DEVICE), torch.ones(3, device=DEVICE), torch.ones(5, device=DEVICE)
    calls = [
        lambda m: m.batch_norm(x[:1, :, :1], None, None),
        lambda m: m.batch_norm(x, five, None),
        lambda m: m.batch_norm(x, None, None, eps=0.0),
        lambda m: m.batch_norm(x.int(), None, None),
        lambda m: m.batch_norm(x[0, 0], None, None),
        lambda m: m.batch_norm_eval(x, None, None, five, three),
        lambda m: m.batch_norm_eval(x, three.double(), None, three, three),
        lambda m: m.BatchNorm2d(3, device=DEVICE)(x),
        lambda m: m.BatchNorm1d(5, device=DEVICE)(x),
        lambda m: m.BatchNorm1d(3, device=DEVICE)(x[:1, :, :1]),
        lambda m: m.BatchNorm1d(5, device=DEVICE).eval()(x),
    ]
    for call in calls:
        with pytest.raises((ValueError, RuntimeError, IndexError)) as theirs:
            call(norm_torch)
        with pytest.raises(theirs.type, match=re.escape(str(theirs.value))):
            call(ours)


def test_tensors_of_several_devices_are_refused_in_torchs_words():
    x, three, away = torch.ones(4, 3, device=DEVICE), torch.ones(3, device=DEVICE), torch.ones(3, device="meta")
    calls = [
        lambda m: m.batch_norm(x, away, None),
        lambda m: m.batch_norm_backward(x, x, None, away, three),
        lambda m: m.batch_norm_eval(x, None, None, three, away),
        *[lambda m, t=t: m.BatchNorm1d(3, device="meta").train(t)(x) for t in (True, False)],
    ]
    for call in calls:
        for library in (norm_torch, ours):
            with pytest.raises(RuntimeError, match="is not on the expected device"):
                call(library)


def real_triton(code, **environment):
    """Run code in a Python without the interpreter; what it printed, and its errors."""
    environment |= {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, env=environment)
    return ran.stdout, ran.stderr


# A net that was trained on a GPU, back on the CPU; what its layers and the functions give there, and norm_torch's.
ON_THE_CPU = """
import torch
from torch import nn
from bnbook import norm_torch, norm_triton

assert not norm_triton.INTERPRETED
torch.manual_seed(0)
x, gamma, mean, var = torch.randn(4, 3), torch.rand(3), torch.rand(3), torch.rand(3)
found = []
for library in (norm_torch, norm_triton):
    layer = library.replace_batch_norm(nn.Sequential(nn.BatchNorm1d(3)))
    assert type(layer[0]) is library.BatchNorm1d
    leaf = x.clone().requires_grad_()
    y = layer(leaf)
    y.pow(3).sum().backward()
    more = [*library.batch_norm(x, gamma, None), *library.batch_norm_backward(x, x, gamma, mean, var)]
    more += [layer.eval()(x), library.batch_norm_eval(x, gamma, None, mean, var)]
    found.append([y, leaf.grad, *layer.parameters(), *layer.buffers(), *more])
print(all(map(torch.equal, *found)))
"""


def test_what_is_not_on_an_nvidia_gpu_is_computed_by_norm_torch(monkeypatch):
    assert real_triton(ON_THE_CPU) == ("True\n", "")
    # An AMD GPU calls itself cuda. The compiler there knows no maxnreg, so nothing is to reach the kernels.
    monkeypatch.setattr(ours, "INTERPRETED", False)
    on_a_gpu = type("OnAGPU", (), {"is_cuda": True, "dtype": torch.float32, "numel": lambda self: 1})()
    for version, expected in ((None, True), ("6.2", False)):
        monkeypatch.setattr(torch.version, "hip", version)
        assert ours._for_kernels(on_a_gpu) == expected


# --- layers ----------------------------------------------------------------------------------------------------------


def step(layer, x, dy):
    """y, gradients and state after one forward and backward pass."""
    x = x.detach().requires_grad_()
    layer.zero_grad()
    y = layer(x)
    y.backward(dy)
    return [y.detach(), x.grad, *(p.grad for p in layer.parameters()), *(b.clone() for b in layer.buffers())]


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_layers_equal_torch_in_training_and_evaluation_with_every_flag(dtype):
    flags = [{}, {"momentum": None}, {"momentum": 1.0, "eps": 0.1}, {"affine": False}, {"track_running_stats": False}]
    for flag, (name, shape) in itertools.product(flags, (("BatchNorm1d", (6, 3)), ("BatchNorm2d", (4, 3, 5, 4)))):
        theirs, mine = (getattr(library, name)(3, device=DEVICE, **flag) for library in (nn, ours))
        assert repr(mine) == repr(theirs) and isinstance(mine, type(theirs))
        for parameter in theirs.parameters():
            nn.init.normal_(parameter)
        mine.load_state_dict(theirs.state_dict())
        for train in (True, True, False):
            x, dy = ((2 + torch.randn(shape, device=DEVICE)).to(dtype) for _ in "xy")
            for a, b in zip(step(mine.train(train), x, dy), step(theirs.train(train), x, dy), strict=True):
                assert a.dtype == b.dtype
                torch.testing.assert_close(a, b, rtol=2 * TOLERANCE[dtype], atol=4 * TOLERANCE[dtype])
        assert mine.state_dict().keys() == theirs.state_dict().keys()
        theirs.load_state_dict(mine.state_dict())


def test_running_statistics_are_as_in_float64_and_moved_in_place_also_where_they_are_no_block_of_memory():
    x = 5 + 2 * torch.randn(6, 3, 4, 4, device=DEVICE)
    layer, slices = ours.BatchNorm2d(3, momentum=0.3, device=DEVICE), ours.BatchNorm2d(3, momentum=0.3, device=DEVICE)
    slices.running_mean, slices.running_var = torch.zeros(3, 2, device=DEVICE)[:, 0], torch.ones(6, device=DEVICE)[::2]
    held = layer.running_mean
    for step in (layer, slices):
        step(x)
        torch.testing.assert_close(step.running_mean.double(), 0.3 * x.double().mean((0, 2, 3)), rtol=1e-6, atol=1e-6)
        unbiased = x.double().var((0, 2, 3))
        torch.testing.assert_close(step.running_var.double(), 0.7 + 0.3 * unbiased, rtol=1e-6, atol=1e-6)
        assert step.num_batches_tracked == 1
    assert held is layer.running_mean


def test_a_half_precision_layer_and_autocast_work():
    x = torch.randn(8, 3, 4, 4, device=DEVICE)
    layer = ours.BatchNorm2d(3, device=DEVICE).half()
    y = layer(x.half())
    y.float().pow(2).sum().backward()
    assert y.dtype == layer.running_mean.dtype == layer.weight.grad.dtype == torch.float16
    torch.testing.assert_close(layer.weight.grad.float(), torch.full((3,), 256.0, device=DEVICE), rtol=2e-3, atol=0)
    torch.testing.assert_close(y.float(), F.batch_norm(x, None, None, training=True), rtol=2e-3, atol=2e-3)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        assert ours.BatchNorm2d(3, device=DEVICE)(x.bfloat16()).dtype == torch.bfloat16


def test_losses_are_the_same_after_replace_batch_norm():
    def train(replace):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), norm_torch.BatchNorm2d(4), nn.Flatten(2), nn.BatchNorm1d(4)
        ).to(DEVICE)
        if replace:
            held = [id(v) for v in itertools.chain(net.parameters(), net.buffers())]
            assert ours.replace_batch_norm(net) is net and type(net[1]) is type(net[2]) is ours.BatchNorm2d
            assert held == [id(v) for v in itertools.chain(net.parameters(), net.buffers())]
        optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.1), []
        for _ in range(3):
            loss = (net(torch.randn(6, 1, 5, 5, device=DEVICE)) - 1).pow(2).mean()
            optimizer.zero_grad(), loss.backward(), optimizer.step()
            losses.append(loss.item())
        return losses

    assert train(True) == pytest.approx(train(False), rel=1e-4)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_checkpointing_equals_torch_double_counting_included(reentrant, momentum):
    results = []
    for library in (nn, ours):
        torch.manual_seed(1)
        norms = [library.BatchNorm2d(3, momentum=momentum, device=DEVICE) for _ in "ab"]
        net, x = nn.Sequential(norms[0], nn.Sigmoid(), norms[1]), torch.randn(4, 3, 2, 2, device=DEVICE)
        checkpoint(net, x.requires_grad_(), use_reentrant=reentrant).pow(3).sum().backward()
        assert all(norm.num_batches_tracked == 2 for norm in norms)
        results.append([x.grad, *(p.grad for p in net.parameters()), *net.buffers()])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(torch.compiler, "is_exporting"), reason="this torch cannot be asked if it is exporting")
def test_exported_for_evaluation_a_layer_is_torchs_operator():
    x = torch.randn(4, 3, 5, 5, device=DEVICE)
    found = []
    for library in (nn, ours):
        graph = torch.export.export(library.BatchNorm2d(3, device=DEVICE).eval(), (x,)).graph
        found.append([node.target for node in graph.nodes if node.op == "call_function"])
    assert found == [[torch.ops.aten.batch_norm.default]] * 2


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_layers_of_torch_and_of_norm_torch_are_replaced_lazy_ones_too_and_the_rest_is_named():
    layers = [nn.BatchNorm1d(3), norm_torch.BatchNorm2d(3), nn.LazyBatchNorm2d(), norm_torch.LazyBatchNorm3d()]
    net = nn.ModuleList([*layers, ours.BatchNorm3d(3), nn.SyncBatchNorm(3), nn.GroupNorm(1, 3)]).to(DEVICE)
    found = ours.replaceable(net)
    assert found.replaced == dict(zip("0123", (type(layer).__name__ for layer in layers), strict=True))
    assert list(found.left) == ["5"] and found.left["5"].startswith("SyncBatchNorm, whose statistics")
    with pytest.raises(ValueError, match="1 of 5 BatchNorms cannot be replaced, so none was. 5: SyncBatchNorm"):
        ours.replace_batch_norm(net, strict=True)
    assert [type(layer) for layer in net[:4]] == [type(layer) for layer in layers]
    kinds = [ours.BatchNorm1d, ours.BatchNorm2d, ours.LazyBatchNorm2d, ours.LazyBatchNorm3d, ours.BatchNorm3d]
    assert [type(layer) for layer in ours.replace_batch_norm(net)[:5]] == kinds
    theirs, x = nn.LazyBatchNorm2d(), torch.randn(4, 3, 2, 2, device=DEVICE)
    torch.testing.assert_close(net[2](x), theirs(x), rtol=1e-5, atol=1e-5)
    assert type(net[2]) is ours.BatchNorm2d
    assert ours.replaceable(net) == ({}, found.left)


# --- an H100 ---------------------------------------------------------------------------------------------------------

# Triton's launcher runs as on an H100, with the arguments that the functions give it, but stops once it has compiled.
# For each kernel: which, for what, the registers and bytes of stack of a thread, and how it reads and writes memory.
COMPILE = """
import json, os, re, subprocess, tempfile
import torch, triton, triton.backends.nvidia
from triton.backends.compiler import GPUTarget
from bnbook import norm_triton

class H100:
    get_current_device = lambda self: 0
    get_current_stream = lambda self, device=None: 0
    get_current_target = lambda self: GPUTarget("cuda", 90, 32)

def compile(kernel, *args, grid, warmup, **kwargs):
    compiled = run(kernel, *args, grid=grid, warmup=True, **kwargs)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        tool = os.path.join(os.path.dirname(triton.backends.nvidia.__file__), "bin", "cuobjdump")
        usage = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True).stdout
    sizes = map(int, re.search(r"REG:(\\d+) STACK:(\\d+)", usage).groups())
    memory = sorted(set(re.findall(r"\\b(?:ld|st)\\.global\\.[.\\w]*", compiled.asm["ptx"])))
    print(json.dumps([kernel.__name__, case, *sizes, memory]))

triton.runtime.driver.set_active(H100())
run, triton.JITFunction.run = triton.JITFunction.run, compile
norm_triton._for_kernels = lambda *_: True
norm_triton.PROGRAMS *= 132

for shape in CASES:
    for dtype in DTYPES:
        for last in (False, True)[: len(shape) // 2]:
            x = torch.empty(shape, dtype=dtype)
            x = x.to(memory_format=torch.channels_last) if last else x
            case = [shape, x.element_size(), last]
            layer = norm_triton.BatchNorm2d(shape[1], affine=shape[1] > 1)
            layer = layer if len(shape) == 4 else norm_triton.BatchNorm1d(shape[1], affine=False).to(dtype)
            layer(x.requires_grad_()).sum().backward()
            with torch.no_grad():
                layer.eval()(x)
"""


def compiled(tmp_path, shapes, dtypes):
    """What the kernels become for these shapes and dtypes, in both layouts."""
    code = COMPILE.replace("CASES", repr(shapes)).replace("DTYPES", repr(dtypes))
    out, said = real_triton(code, TRITON_CACHE_DIR=str(tmp_path))
    assert not said, said
    return [json.loads(line) for line in out.splitlines()]


def test_on_an_h100_all_programs_fit_and_memory_is_read_16_bytes_at_a_time(tmp_path):
    found = compiled(tmp_path, [(8, 64, 56, 56), (8, 256, 14, 14)], tuple(TOLERANCE))
    assert {name for name, *_ in found} == {"_statistics", "_merge", "_normalize", "_sums", "_input_gradient"}
    for name, (shape, size, last), registers, stack, memory in found:
        # A multiprocessor has 65536 registers. A few may be set aside once, before the loop over the tiles.
        assert registers * 32 * ours.WARPS * ours.PROGRAMS <= 65536 and stack <= 64, name
        if name != "_merge":  # rows of 14 * 14 numbers start at multiples of 4 only
            wide = "v2.b32" if size == 2 and shape[2] == 14 and not last else "v4.b32"
            assert f"ld.global.{wide}" in memory, (name, shape, size, last, memory)
            assert name not in ("_normalize", "_input_gradient") or f"st.global.{wide}" in memory
            assert not any(access.endswith("b16") for access in memory)


def test_the_kernels_compile_for_an_h100_where_sizes_are_1_or_odd_and_vectors_missing(tmp_path):
    found = compiled(tmp_path, [(1, 1, 9), (5, 3, 7), (6, 5), (1, 5, 9, 9), (4, 1, 3, 3)], (torch.bfloat16,))
    assert len(found) == 5 * 6 + 2 * 6  # five kernels and one more for evaluation, two layouts for images
