"""Batch Normalization as GPU kernels in Triton: as few passes over memory as it takes.

Read after norm_torch.
Built in notebook 14.

What counts on a GPU is how often the large arrays cross its memory bus: forward reads x twice and writes y, backward
reads x and dy twice and writes dx, and nothing else is as large as x. A program (a block of threads) takes a share of
one channel, or of up to 64 neighbouring ones where the channels are the last axis in memory, and goes through it tile
by tile. How many programs share a channel depends on the GPU. Their results are merged in a second small pass, in a
fixed order, so that two runs give the same bits. Sums are float32, of x minus a pivot near the mean.

The kernels are for NVIDIA's GPUs. What is on another device, such as a net after .cpu() or on an AMD GPU, whose
compiler does not know `maxnreg`, is computed by norm_torch; so are float64 and empty input. TRITON_INTERPRET=1 in the
environment before Python starts runs the kernels without a GPU, slowly, in Triton's interpreter.
"""

import functools
import math

import torch
import triton
import triton.language as tl
from triton.language import constexpr

from . import norm_torch

WARPS = 4  # of 32 threads, per program
TILE = 2048  # numbers in a tile: 16 per thread, so that several loads of 16 bytes are on their way at the same time
REGISTERS = 64  # per thread: enough for two sums of a tile, and so few that 8 programs fit on a multiprocessor
PROGRAMS = 8  # per multiprocessor

# --- the kernels -----------------------------------------------------------------------------------------------------
# In memory x is a matrix: rows of L numbers, N * C of them, and CHANNELS is 1; or the channels come last, rows of C
# numbers, N * L of them, and CHANNELS is more. The grid is (blocks of CHANNELS channels, shares of a block): share s of
# P takes tiles s, s + P, s + 2 P, ..., so that programs which run side by side read memory side by side.
#
# What ends in _ptr is the address of the first number of an array; the functions below make the arrays.
#     x_ptr, y_ptr, dy_ptr, dx_ptr         (N, C, *)   all four in the layout of x, in the dtype of x (dy: its own)
#     gamma_ptr, beta_ptr                  (C,)        or None for 1 and 0
#     mean_ptr, var_ptr                    (C,)        float64 where `_merge` made them, any float where they are given
#     running_mean_ptr, running_var_ptr    (C,)        moved in place, or both None
#     partial_ptr                          (C, 4, P)   float32, of `_statistics`; (2, C, P) of `_sums`
#     sums_ptr                             (2, C)      float32: what `_sums` found, added over the shares
#     dgamma_ptr                           (C,)        float32
#     vector_ptr                           (C,)        one of these vectors, or None
# In a kernel c is (1, CHANNELS), the numbers of its channels, and a tile is (ROWS * COLS, CHANNELS).


@triton.jit
def _tile(t, c, N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr):
    """Tile t of channels c: offsets and mask (ROWS * COLS, CHANNELS), and how many values of a channel are in it."""
    # UNIT divides the row of the matrix, so this changes no number. But from the product the compiler sees that each
    # row starts on a whole vector, and loads 16 bytes at a time instead of one number.
    if CHANNELS == 1:
        L = L // UNIT * UNIT
    else:
        C = C // UNIT * UNIT
    across = _pieces(L, COLS)
    top, left = t // across * ROWS, t % across * COLS
    value = tl.arange(0, ROWS * COLS)[:, None]
    n, i = top + value // COLS, left + value % COLS
    if CHANNELS == 1:
        offsets = (n.to(tl.int64) * C + c) * L + i  # 64 bits from the start: N * C alone may be more than 2^31
    else:
        offsets = i.to(tl.int64) * C + c  # N is 1 here, and the rows of all images are L
    return offsets, (n < N) & (i < L) & (c < C), tl.minimum(N - top, ROWS) * tl.minimum(L - left, COLS)


@triton.jit
def _pieces(length, size: constexpr):
    """How many pieces of this size cover the length: tl.cdiv adds before it divides, and leaves 32 bits on the way."""
    return (length - 1) // size + 1


@triton.jit
def _channels(CHANNELS: constexpr):
    """The channels (1, CHANNELS) of this block; from C on there are none, which masks have to say."""
    return tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)[None, :]


@triton.jit
def _place(c, P):
    """Where the P numbers of channel c begin, one for each share: in 64 bits, since C * P may be more than 2^31."""
    return c.to(tl.int64) * P


@triton.jit
def _vector(vector_ptr, c, C, default: constexpr):
    """What a (C,) vector says of channels c; the default where there is no vector."""
    if vector_ptr is None:
        numbers = tl.full(c.shape, default, tl.float32)
    else:
        numbers = tl.load(vector_ptr + c, c < C, other=default)
    return numbers


@triton.jit
def _centre(mean_ptr, c, C):
    """The mean as two float32 numbers: one to subtract from x at once, and the rest that its rounding left out."""
    exact = tl.load(mean_ptr + c, c < C, other=0.0).to(tl.float64)
    centre = exact.to(tl.float32)
    return centre, (exact - centre.to(tl.float64)).to(tl.float32)


@triton.jit
def _statistics(x_ptr, partial_ptr, N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr):
    """Into partial, of each share: the number of values, a pivot, mean - pivot, and the squares around the mean."""
    c, share, P = _channels(CHANNELS), tl.program_id(1), tl.num_programs(1)
    # The pivot is the mean of the first tile. The means of T tiles lie within sqrt(T) standard deviations of the mean
    # of all, so that the subtraction after the loop costs no more than a few digits, however large the mean is.
    offsets, mask, size = _tile(share, c, N, C, L, UNIT, ROWS, COLS, CHANNELS)
    pivot = tl.sum(tl.load(x_ptr + offsets, mask, other=0.0).to(tl.float32), 0, keep_dims=True) / size
    # Each thread adds up its own numbers of every tile: threads wait for each other once, after the loop.
    total = tl.zeros((ROWS * COLS, CHANNELS), tl.float32)
    squares = tl.zeros((ROWS * COLS, CHANNELS), tl.float32)
    count = 0
    for t in range(share, _pieces(N, ROWS) * _pieces(L, COLS), P):
        offsets, mask, size = _tile(t, c, N, C, L, UNIT, ROWS, COLS, CHANNELS)
        centred = tl.where(mask, tl.load(x_ptr + offsets, mask, other=0.0).to(tl.float32) - pivot, 0.0)
        total += centred
        squares += centred * centred
        count += size
    rest = tl.sum(total, 0, keep_dims=True) / count
    around = tl.sum(squares, 0, keep_dims=True) - count * rest * rest
    to = partial_ptr + 4 * _place(c, P) + share
    tl.store(to, tl.zeros_like(rest) + count, c < C)
    tl.store(to + P, pivot, c < C)
    tl.store(to + 2 * P, rest, c < C)
    tl.store(to + 3 * P, around, c < C)


@triton.jit
def _merge(partial_ptr, mean_ptr, var_ptr, running_mean_ptr, running_var_ptr, momentum, P, SHARES: constexpr):
    """mean and var of a channel from those of its shares, by Chan's formula; moves running statistics, if given.

    squares around the mean = sum over shares of (squares around their mean + count * (their mean - mean)^2)
    """
    c, share = tl.program_id(0), tl.arange(0, SHARES)
    first, mask = partial_ptr + 4 * _place(c, P), share < P
    at = first + share
    count = tl.load(at, mask, other=0.0)
    pivot = tl.load(first + P)  # from here on that of the first share serves for all
    shift = tl.load(at + P, mask, other=0.0) - pivot + tl.load(at + 2 * P, mask, other=0.0)
    m = tl.sum(count)
    rest = tl.sum(count * shift) / m
    around = tl.sum(tl.load(at + 3 * P, mask, other=0.0) + count * (shift - rest) * (shift - rest))
    new_var = tl.where(around < 0, 0.0, around) / m  # where and not maximum: NaN has to stay NaN
    new_mean = pivot.to(tl.float64) + rest
    tl.store(mean_ptr + c, new_mean)
    tl.store(var_ptr + c, new_var)
    if running_mean_ptr is not None:
        old_mean, old_var = tl.load(running_mean_ptr + c).to(tl.float32), tl.load(running_var_ptr + c).to(tl.float32)
        tl.store(running_mean_ptr + c, (1 - momentum) * old_mean + momentum * new_mean.to(tl.float32))
        tl.store(running_var_ptr + c, (1 - momentum) * old_var + momentum * new_var * (m / (m - 1)))


@triton.jit
def _normalize(
    x_ptr, y_ptr, mean_ptr, var_ptr, gamma_ptr, beta_ptr, eps,
    N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr,
):  # fmt: skip
    """y = (x - mean) * scale + beta, where scale = gamma / sqrt(var + eps)."""
    c = _channels(CHANNELS)
    centre, rest = _centre(mean_ptr, c, C)
    scale = _vector(gamma_ptr, c, C, 1.0) * tl.rsqrt(_vector(var_ptr, c, C, 1.0).to(tl.float32) + eps)
    shift = _vector(beta_ptr, c, C, 0.0) - rest * scale
    tiles = _pieces(N, ROWS) * _pieces(L, COLS)
    for t in range(tl.program_id(1), tiles, tl.num_programs(1)):
        # Backwards: what `_statistics` read last is still in the GPU's cache.
        offsets, mask, size = _tile(tiles - 1 - t, c, N, C, L, UNIT, ROWS, COLS, CHANNELS)
        centred = tl.load(x_ptr + offsets, mask).to(tl.float32) - centre
        tl.store(y_ptr + offsets, centred * scale + shift, mask)


@triton.jit
def _sums(
    dy_ptr, x_ptr, mean_ptr, partial_ptr,
    N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr,
):  # fmt: skip
    """Into partial, of each share: sum(dy) and sum(dy * (x - centre))."""
    c, share, P = _channels(CHANNELS), tl.program_id(1), tl.num_programs(1)
    centre, rest = _centre(mean_ptr, c, C)
    total = tl.zeros((ROWS * COLS, CHANNELS), tl.float32)
    products = tl.zeros((ROWS * COLS, CHANNELS), tl.float32)
    for t in range(share, _pieces(N, ROWS) * _pieces(L, COLS), P):
        offsets, mask, size = _tile(t, c, N, C, L, UNIT, ROWS, COLS, CHANNELS)
        gradient = tl.load(dy_ptr + offsets, mask, other=0.0).to(tl.float32)  # 0 outside, so x needs no care there
        total += gradient
        products += gradient * (tl.load(x_ptr + offsets, mask, other=0.0).to(tl.float32) - centre)
    to = partial_ptr + _place(c, P) + share
    tl.store(to, tl.sum(total, 0, keep_dims=True), c < C)
    tl.store(to + _place(P, C), tl.sum(products, 0, keep_dims=True), c < C)


@triton.jit
def _input_gradient(
    dy_ptr, x_ptr, dx_ptr, mean_ptr, var_ptr, gamma_ptr, sums_ptr, dgamma_ptr, eps,
    N, C, L, UNIT: constexpr, ROWS: constexpr, COLS: constexpr, CHANNELS: constexpr,
):  # fmt: skip
    """dx = a * dy + b * (x - mean) + d, with three numbers per channel; stores dgamma on the way."""
    c, m = _channels(CHANNELS), 1.0 * N * L
    centre, rest = _centre(mean_ptr, c, C)
    inv_std = tl.rsqrt(_vector(var_ptr, c, C, 1.0).to(tl.float32) + eps)
    along_one = _vector(sums_ptr, c, C, 0.0)  # dbeta
    along_x_hat = (_vector(sums_ptr + C, c, C, 0.0) - rest * along_one) * inv_std  # dgamma
    a = _vector(gamma_ptr, c, C, 1.0) * inv_std
    b = -a * inv_std * along_x_hat / m
    d = -a * along_one / m - b * rest
    if tl.program_id(1) == 0:
        tl.store(dgamma_ptr + c, along_x_hat, c < C)
    tiles = _pieces(N, ROWS) * _pieces(L, COLS)
    for t in range(tl.program_id(1), tiles, tl.num_programs(1)):
        offsets, mask, size = _tile(tiles - 1 - t, c, N, C, L, UNIT, ROWS, COLS, CHANNELS)
        centred = tl.load(x_ptr + offsets, mask).to(tl.float32) - centre
        tl.store(dx_ptr + offsets, a * tl.load(dy_ptr + offsets, mask).to(tl.float32) + b * centred + d, mask)


# --- the functions ---------------------------------------------------------------------------------------------------

INTERPRETED = not isinstance(_tile, triton.JITFunction)


def batch_norm(x, gamma, beta, eps=1e-5):
    """Training-time Batch Normalization: each channel by the statistics of this batch.

        y = gamma * (x - mean) / sqrt(var + eps) + beta

    x      (N, C, *)  contiguous or channels last; of any other layout a copy is made
    gamma  (C,)       scale, or None for 1
    beta   (C,)       shift, or None for 0
    eps    added to the variance, so in the units of x squared
    Returns y (N, C, *), mean (C,), var (C,), the two in float64 and var biased. The sums behind them are float32: y is
    exact to 2e-6 up to mean / sd = 1e4. norm_torch computes second derivatives, and everything where x is float64.
    Raises what norm_torch.batch_norm raises.
    Source: Ioffe & Szegedy 2015, algorithm 1; the merging: Chan, Golub & LeVeque 1983.
    """
    if not _for_kernels(x, gamma, beta):
        return norm_torch.batch_norm(x, gamma, beta, eps)
    norm_torch._check(x, gamma, beta, None, None, True, eps)
    y, mean, var = norm_torch._apply(BatchNormFunction, x, gamma, beta, eps, None, None, 0.0)
    return y, mean.reshape(-1), var.reshape(-1)


def batch_norm_backward(dy, x, gamma, mean, var, eps=1e-5):
    """Gradients of the loss through `batch_norm`. Only x is kept from the forward pass: x_hat is made again.

        dgamma = sum(dy * x_hat)      dbeta = sum(dy)
        dx = gamma / sqrt(var + eps) * (dy - dbeta / m - x_hat * dgamma / m)

    dy         (N, C, *)  gradient of the loss with respect to y
    x, gamma   (N, C, *)  and (C,): what `batch_norm` was given
    mean, var  (C,)       what it returned
    Returns dx (N, C, *) in the dtype of x, dgamma (C,) and dbeta (C,) in float32: numbers without an autograd graph.
    Source: Ioffe & Szegedy 2015, section 3; derived in notebook 03.
    """
    if not _for_kernels(x, dy, gamma, mean, var):
        return norm_torch.batch_norm_backward(dy, x, gamma, mean, var, eps)
    x, grid, sizes = _plan(x)
    dy, vectors = _arranged(dy, sizes["CHANNELS"] > 1), _contiguous(mean, var, gamma)
    partial = x.new_empty(2, x.shape[1], grid[1], dtype=torch.float32)
    dx, dgamma = torch.empty_like(x), partial.new_empty(x.shape[1])
    with torch.cuda.device_of(x):
        _sums[grid](dy, x, vectors[0], partial, **sizes)
        sums = partial.sum(2)
        _input_gradient[grid](dy, x, dx, *vectors, sums, dgamma, eps, **sizes)
    return dx, dgamma, sums[0]


def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """Inference: the same formula with stored statistics, so an affine map of x that no other image can change.

        y = gamma * (x - running_mean) / sqrt(running_var + eps) + beta

    x             (N, C, *)   one image is enough
    gamma, beta   (C,)        scale and shift, or None
    running_mean, running_var (C,)   constants: no gradient flows into them
    Returns y (N, C, *). If a gradient is asked for, norm_torch computes it.
    Raises what norm_torch.batch_norm_eval raises.
    Source: Ioffe & Szegedy 2015, algorithm 2, line 11.
    """
    if not _for_kernels(x, gamma, beta, running_mean, running_var):
        return norm_torch.batch_norm_eval(x, gamma, beta, running_mean, running_var, eps)
    norm_torch._check(x, gamma, beta, running_mean, running_var, False, eps)
    if not torch.is_grad_enabled():
        return _affine(x, running_mean, running_var, gamma, beta, eps)
    # Copies: a training step may overwrite the layer's buffers while this pass still waits for its backward.
    mean, var = (v.to(torch.float64, copy=True) for v in (running_mean, running_var))
    return _Eval.apply(x, gamma, beta, *norm_torch._columns(x, mean, var), eps)


class BatchNormFunction(norm_torch.BatchNormFunction):
    """batch_norm for autograd. Running statistics, where given, are moved in place by the kernel that merges."""

    generate_vmap_rule = False  # a kernel cannot read the stacks that vmap makes: torch then says so

    @staticmethod
    def forward(x, gamma, beta, eps, running_mean, running_var, momentum):
        x, grid, sizes = _plan(x)
        C, P = x.shape[1], grid[1]
        partial = x.new_empty(C, 4, P, dtype=torch.float32)
        mean, var = (x.new_empty(1, C, *[1] * (x.ndim - 2), dtype=torch.float64) for _ in ("mean", "var"))
        with torch.cuda.device_of(x):
            _statistics[grid](x, partial, **sizes)
            _merge[(C,)](partial, mean, var, running_mean, running_var, momentum, P, triton.next_power_of_2(P))
        return _affine(x, mean, var, gamma, beta, eps), mean, var

    @staticmethod
    def setup_context(ctx, inputs, output):
        norm_torch.BatchNormFunction.setup_context(ctx, inputs[:4], output)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        if torch.is_grad_enabled() or dy is None or dmean is not None or dvar is not None:
            # Second derivatives, and gradients of mean and var: too rare for kernels of their own.
            pairs = (dy, x), (dmean, mean), (dvar, var)
            given = [torch.zeros_like(v) if d is None else d for d, v in pairs]
            return *norm_torch.BatchNormFunction.backward(ctx, *given), None, None, None
        dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, mean, var, ctx.eps)
        _, gamma_learns, beta_learns, *_ = ctx.needs_input_grad
        return dx, dgamma if gamma_learns else None, dbeta if beta_learns else None, None, None, None, None


class _Eval(norm_torch._Eval):
    """batch_norm_eval for autograd: only the forward pass is a kernel."""

    generate_vmap_rule = False

    @staticmethod
    def forward(x, gamma, beta, mean, var, eps):
        return _affine(x, mean, var, gamma, beta, eps)


def _affine(x, mean, var, gamma, beta, eps):
    """y from x and its statistics."""
    x, grid, sizes = _plan(x)
    y = torch.empty_like(x)
    with torch.cuda.device_of(x):
        _normalize[grid](x, y, *_contiguous(mean, var, gamma, beta), eps, **sizes)
    return y


def _plan(x):
    """x in one of the two layouts, the grid (blocks, shares), and the arguments that describe tiles to every kernel."""
    last = x.ndim > 3 and not x.is_contiguous() and (_is_last(x) or _is_last(torch.empty_like(x, device="meta")))
    return _arranged(x, last), *_cover(x.shape[0], x.shape[1], math.prod(x.shape[2:]), last, x.device)


@functools.lru_cache(1000)
def _cover(N, C, L, last, device):
    """The grid and the tiles for one shape and layout."""
    if C == 1 or last or L == 1:
        N, L, last = 1, N * L, C > 1
    if last:
        channels = min(triton.next_power_of_2(C), 64)  # of 16 bits they fill a cache line
        rows, cols = 1, TILE // channels
    else:  # long pieces of a row are read fastest, but the last piece should not hang far over its end
        channels, cols = 1, min((2**k for k in range(TILE.bit_length())), key=lambda b: triton.cdiv(L, b) * (b + 32))
        rows = TILE // cols
    processors = torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
    blocks, tiles = triton.cdiv(C, channels), triton.cdiv(N, rows) * triton.cdiv(L, cols)
    each = triton.cdiv(tiles, max(1, min(tiles, PROGRAMS * processors // blocks)))
    sizes = dict(N=N, C=C, L=L, UNIT=math.gcd(C if last else L, 16), ROWS=rows, COLS=cols, CHANNELS=channels)
    return (blocks, triton.cdiv(tiles, each)), dict(sizes, num_warps=WARPS, maxnreg=REGISTERS)


def _is_last(x):
    """Are the channels the last axis in memory? Of a part of an image, its `empty_like` tells how torch arranges it."""
    return x.movedim(1, -1).is_contiguous()


def _arranged(x, last):
    """x with its channels last in memory, or else contiguous; a copy only where it is not."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x.contiguous()


def _contiguous(*vectors):
    return [v if v is None else v.contiguous() for v in vectors]


def _for_kernels(x, *others):
    """Is x for the kernels? What is not on an NVIDIA GPU, float64, and nothing at all are left to norm_torch.

    So is what lies on several devices: the kernels would follow an address into another device's memory.
    """
    here = INTERPRETED or (x.is_cuda and torch.version.hip is None)  # PyTorch calls AMD's GPUs cuda, too
    together = all(v is None or v.device == x.device for v in others)
    return here and together and x.dtype != torch.float64 and x.numel() > 0


def _forward(self, input):
    """y (N, C, *) from x (N, C, *): by this batch in training, by the running statistics otherwise."""
    x, running, count = input, (self.running_mean, self.running_var), self.num_batches_tracked
    try:
        self._check_input_dim(x)
    except ValueError:
        return norm_torch._forward(self, x)  # raises it with a sentence that says what to do
    if norm_torch._is_exported(self) or not _for_kernels(x, self.weight, self.bias, *running):
        return norm_torch._forward(self, x)
    if not self.training and any(v is not None for v in running):
        return batch_norm_eval(x, self.weight, self.bias, *running, self.eps)
    tracks = self.training and self.track_running_stats
    norm_torch._check(x, self.weight, self.bias, *(running if tracks else (None, None)), True, self.eps)
    fused = tracks and self.momentum is not None and all(v is not None and v.is_contiguous() for v in running)
    moved = (*running, float(self.momentum)) if fused else (None, None, 0.0)
    y, mean, var = norm_torch._apply(BatchNormFunction, x, self.weight, self.bias, self.eps, *moved)
    if tracks and not fused:
        norm_torch._track(self, mean.detach().reshape(-1), var.detach().reshape(-1), norm_torch._count(x, mean))
    elif fused and count is not None:
        count.add_(1)
    if tracks:
        norm_torch._save_something(mean)
    return y


class BatchNorm1d(norm_torch.BatchNorm1d):
    """nn.BatchNorm1d computed by this module: x (N, C) or (N, C, L). Arguments and attributes are nn.BatchNorm1d's.

    Not promised: torch.compile, torch.export of training, torch.func, jit, fx, and forward-mode differentiation.
    """

    forward = _forward


class BatchNorm2d(norm_torch.BatchNorm2d):
    """nn.BatchNorm2d computed by this module: x (N, C, H, W). What is not promised: see BatchNorm1d."""

    forward = _forward


class BatchNorm3d(norm_torch.BatchNorm3d):
    """nn.BatchNorm3d computed by this module: x (N, C, D, H, W). What is not promised: see BatchNorm1d."""

    forward = _forward


class LazyBatchNorm1d(norm_torch.LazyBatchNorm1d):
    """nn.LazyBatchNorm1d: its first batch tells it C and makes it a BatchNorm1d of this module."""

    forward, cls_to_become = _forward, BatchNorm1d


class LazyBatchNorm2d(norm_torch.LazyBatchNorm2d):
    """nn.LazyBatchNorm2d: its first batch tells it C and makes it a BatchNorm2d of this module."""

    forward, cls_to_become = _forward, BatchNorm2d


class LazyBatchNorm3d(norm_torch.LazyBatchNorm3d):
    """nn.LazyBatchNorm3d: its first batch tells it C and makes it a BatchNorm3d of this module."""

    forward, cls_to_become = _forward, BatchNorm3d


_LAYERS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d)
_OURS = {theirs: ours for ours in _LAYERS for theirs in ours.__mro__[1:3]}  # norm_torch's, and torch.nn's


def replace_batch_norm(net, strict=False):
    """Turn every BatchNorm1d, 2d and 3d of torch.nn or norm_torch in net into ours, in place, as norm_torch's does.

    net     nn.Module, may be a BatchNorm itself
    strict  raise if a BatchNorm would be left, such as a subclass or SyncBatchNorm; `replaceable(net)` tells which
    Returns net.
    Raises ValueError if strict and a BatchNorm would be left; net is then unchanged.
    """
    found = replaceable(net)
    if strict and found.left:
        raise ValueError(found.refusal())
    for name in found.replaced:
        module = net.get_submodule(name)
        module.__class__ = _OURS[type(module)]
    return net


def replaceable(net):
    """Which BatchNorms of net `replace_batch_norm` replaces, and which it leaves for what reason. Nothing is changed.

    net  nn.Module, may be a BatchNorm itself
    Returns replaced {name: class}, left {name: reason}, a pair that prints line by line; what is ours is in neither.
    """
    return norm_torch._sorted_out(net, _OURS)
