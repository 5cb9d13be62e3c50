"""The same functions in NumPy with the fewest passes over memory: on images faster than PyTorch in training.

Read after norm_numpy.
Built in notebook 14.

NumPy computes faster than memory delivers, so what costs time is how often the numbers travel. Five tricks:

- Raw sums (`_sums`): sum(x) and sum(x * x) need one pass, and BLAS adds them up without a temporary. All the rest is
  per channel: y is a line, slope * x + shift, and dx is such a line plus dy. Backward needs x and nothing else.
- Tiles (`_tiles`): what takes several steps is done on 512 KB at a time, which stay in the core's own cache.
- No temporaries (`_line`): the result is its own scratch. The first touch of fresh memory costs more than the
  arithmetic, so out= gives an old array a second life.
- Long rows (`_tiles`): NumPy pays 60 ns for every row of a loop. So small images are laid end to end until a row is
  long, and the factors repeated to its length. It also copies an operand that it broadcasts, if a row of it is shorter
  than its buffer of 8192 numbers. So the buffer is made smaller (`np.setbufsize`).
- A pivot (`_pivot`): E[x^2] - E[x]^2 is inexact where the mean is far from 0. There the sums are taken once more, of
  x - pivot, where the pivot is the mean as far as float32 can hold it; what it leaves out goes into the shift.

Within a tile float32 stays float32; sums over tiles and everything per channel are float64. What fits into none of this
(float16, slices, NaN, numbers whose squares leave float32) is handed to norm_numpy.
"""

import numpy as np

from . import norm_numpy
from .norm_numpy import as_batch, as_floats, normalize, normalize_backward, silent, update_running

__all__ = ["normalize", "normalize_backward", "batch_norm", "batch_norm_backward", "batch_norm_eval", "update_running"]

TILE = 131072  # numbers in a tile: 512 KB of float32, half of a usual second-level cache
ROW = 1024  # numbers that make a row long
LONG = 2048  # from so many numbers on, a plane (H, W) is a row by itself; a dot product in float32 is never longer
DOT = 64  # from so many on, it has a dot product of its own
ONES = {np.dtype(name): np.ones(LONG, name) for name in ("float32", "float64")}


@silent
def batch_norm(x, gamma, beta, eps=1e-5, *, out=None):
    """Training-time Batch Normalization, as norm_numpy.batch_norm: three passes over memory (read, read, write).

    out  array like x to write y into, may be x itself; by default a new one
    Returns y (N, C, *), mean (C,), var (C,).
    Raises ValueError as norm_numpy.batch_norm does, and if out is not like x.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta)
    y = _output(out, x)
    planes = _planes(y, x)
    if planes and x.size > x.shape[1]:
        mean, var, pivot = _moments(planes[1], x.size // x.shape[1])
        if _normalize(*planes, gamma, beta, mean, var, pivot, eps):
            return y, mean, var
    y[...], mean, var = norm_numpy.batch_norm(x, gamma, beta, eps)
    return y, mean, var


@silent
def batch_norm_backward(dy, x, gamma, mean, var, eps=1e-5, *, out=None):
    """Gradients of the loss through `batch_norm`, as norm_numpy.batch_norm_backward: five passes over memory.

        dx = a * (b * x + c + dy)        a = gamma / std      b = -dgamma / (m * std)      c = -dbeta / m - b * mean

    out  array like x to write dx into, may be dy or x itself; by default a new one
    Returns dx (N, C, *), dgamma (C,), dbeta (C,).
    Raises ValueError as norm_numpy.batch_norm_backward does, and if out is not like x.
    """
    x, dy = as_batch("x", x, gamma=gamma, mean=mean, var=var), as_floats("dy", dy)
    dx = _output(out, x)
    planes, m = _planes(dx, x, dy), x.size // max(x.shape[1], 1)
    mean, var = np.asarray(mean, np.float64), np.asarray(var, np.float64)
    inv_std = 1 / np.sqrt(var + eps)
    if planes and _fits(var, inv_std):
        pivot = _pivot(x, mean, var)
        rest = mean if pivot is None else mean - pivot
        dbeta, dgamma = _sums(*planes[1:], pivot)
        dgamma = (dgamma - rest * dbeta) * inv_std
        if _fits(dgamma, dbeta):
            a = inv_std if gamma is None else inv_std * gamma
            b = dgamma * inv_std / -m
            c = dbeta / -m - b * rest
            size = TILE // 4 if dx is dy else TILE
            for _, _, dx_t, x_t, dy_t, a_t, *line in _tiles(planes, (a, b, c, pivot), LONG, ROW, size):
                np.add(_line(x_t, *line, None if dx is dy else dx_t), dy_t, out=dx_t)
                dx_t *= a_t
            return dx, dgamma, dbeta
    dx[...], dgamma, dbeta = norm_numpy.batch_norm_backward(dy, x, gamma, mean, var, eps)
    return dx, dgamma, dbeta


@silent
def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps=1e-5, *, out=None):
    """Inference, as norm_numpy.batch_norm_eval: two passes over memory.

    out  array like x to write y into, may be x itself; by default a new one
    Returns y (N, C, *).
    Raises ValueError as norm_numpy.batch_norm_eval does, and if out is not like x.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    y = _output(out, x)
    planes = _planes(y, x)
    mean, var = np.asarray(running_mean, np.float64), np.asarray(running_var, np.float64)
    if not (planes and _normalize(*planes, gamma, beta, mean, var, _pivot(x, mean, var), eps)):
        y[...] = norm_numpy.batch_norm_eval(x, gamma, beta, mean, var, eps)
    return y


def _moments(x, m):
    """Mean and variance of each channel of x (N, C, S), m numbers each, and the pivot from which they were counted."""
    mean, var = _sums(x) / m
    var -= mean * mean
    pivot = _pivot(x, mean, var)
    if pivot is not None:
        rest, var = _sums(x, None, pivot) / m
        mean, var = pivot + rest, np.maximum(var - rest * rest, 0)
    return mean, var, pivot


def _pivot(x, mean, var):
    """None where x may be counted from 0, otherwise the mean as far as the dtype of x can hold it."""
    return None if (mean * mean <= var).all() else mean.astype(x.dtype).astype(np.float64)


def _normalize(y, x, gamma, beta, mean, var, pivot, eps):
    """Write slope * (x - pivot) + shift into y, tile by tile. False, and nothing written, if the numbers do not fit."""
    inv_std = 1 / np.sqrt(var + eps)
    if not _fits(var, inv_std):
        return False
    slope = inv_std if gamma is None else inv_std * gamma
    shift = (mean if pivot is None else mean - pivot) * -slope
    for _, _, y_t, x_t, *line in _tiles((y, x), (slope, shift if beta is None else shift + beta, pivot), LONG, ROW):
        _line(x_t, *line, y_t)
    return True


def _line(x, slope, shift, pivot, out):
    """slope * (x - pivot) + shift, into out: from the second step on, every operand is in the cache."""
    if pivot is not None:
        x = out = np.subtract(x, pivot, out=out)
    out = np.multiply(x, slope, out=out)
    return np.add(out, shift, out=out)


def _sums(x, dy=None, pivot=None):
    """Per channel the sums of dy and of dy * (x - pivot), in float64; without dy, x - pivot stands for it."""
    N, C, S = x.shape
    found = np.zeros((2, N * C if S >= DOT else C))
    size = TILE if pivot is None else TILE // 2  # with a pivot, x - pivot takes as much again
    for n, c, x_t, *dy_t, p in _tiles((x,) if dy is None else (x, dy), (pivot,), DOT, 1, size):
        x_t = x_t if p is None else x_t - p
        dy_t = dy_t[0] if dy_t else x_t
        if S >= DOT:
            found[0, n : n + len(x_t)], found[1, n : n + len(x_t)] = _sums_of_rows(dy_t, x_t)
        else:
            columns = _sums_of_columns(dy_t, x_t)
            found[:, c] += columns if S == 1 else columns.reshape(2, -1, S).sum(2)
    return found if S < DOT else np.ones(N) @ found.reshape(2, N, C)


def _sums_of_rows(a, b):
    """Sums of a and of a * b over each row: a BLAS call for each, the pieces of a long row added in float64."""
    if a.shape[1] <= LONG:
        return a @ ONES[a.dtype][: a.shape[1]], np.vecdot(a, b)
    pieces = [(a[:, i : i + LONG], b[:, i : i + LONG]) for i in range(0, a.shape[1], LONG)]
    return sum(np.array(_sums_of_rows(*piece), np.float64) for piece in pieces)


def _sums_of_columns(a, b):
    """Sums of a and of a * b over each column, (2, columns): one BLAS call for all columns."""
    ones = ONES[a.dtype][: len(a)]
    return np.array((ones @ a, ones @ (a * b)), np.float64)


def _tiles(arrays, vectors, plane, row, size=TILE):
    """Cut arrays (N, C, S) into tiles of size numbers: of planes where S >= plane, or of rows of about row numbers.

    Yields the number of the first row, the channels, each array's tile, and each vector (C,) in a shape that broadcasts
    over it. A vector may be None and stays so.
    """
    (N, C, S), dtype = arrays[0].shape, arrays[0].dtype
    if S >= plane:  # every number of a vector is one factor
        if S >= LONG:
            np.setbufsize(16)  # no copies of factors; silent sets it back
        arrays = [a.reshape(N * C, S) for a in arrays]
        vectors = [v if v is None else np.tile(v.astype(dtype), N)[:, None] for v in vectors]
        for n in range(0, N * C, step := max(1, size // S)):
            yield n, None, *[v if v is None else v[n : n + step] for v in (*arrays, *vectors)]
        return
    # A row is several images: a power of two that divides N (N & -N is the largest one). Or channels of one image, so
    # few that the factors repeated to its length stay small.
    images = min(max(1, (N & -N) // 8), 1 << ((row - 1) // (C * S)).bit_length())
    k = -(-C // -(-C * S // max(32768, N * C * S // 128)))  # rounded up, so that all parts are about as large
    if images * C * S >= ROW:
        np.setbufsize(16)
    arrays, step = [a.reshape(N // images, -1) for a in arrays], min(max(1, size // (images * k * S)), 512)
    rows = [v if v is None else np.empty((images, k, S), dtype) for v in vectors]
    for c in range(0, C, k):
        channels, columns = slice(c, min(c + k, C)), slice(images * c * S, images * (c + k) * S)
        factors = [v if v is None else _repeat(v[channels], row) for v, row in zip(vectors, rows, strict=True)]
        for n in range(0, N // images, step):
            yield n, channels, *[a[n : n + step, columns] for a in arrays], *factors


def _repeat(v, row):
    """The vector v (C,), each number S times and all of that for each image, written into row (images, C, S)."""
    row = row[:, : len(v)]
    row[...] = v[:, None]
    return row.reshape(1, -1)


def _fits(v, w):
    """Whether float32 holds what is made of such numbers: v up to 1e30, w up to 1e15, and no NaN."""
    return v @ v < 1e60 and w @ w < 1e30


def _planes(*arrays):
    """The arrays as (N, C, S), if channels-last as (N * S, C, 1); None if they are not all alike and contiguous."""
    out, *others = arrays
    if out.dtype not in ONES or out.size == 0:
        return None
    for a in others:
        if a.dtype != out.dtype or a.shape != out.shape or (a is not out and np.may_share_memory(a, out)):
            return None
    N, C, *_ = out.shape
    if all([a.flags.c_contiguous for a in arrays]):
        return [a.reshape(N, C, -1) for a in arrays]
    views = [np.moveaxis(a, 1, -1) for a in arrays]
    return [a.reshape(-1, C, 1) for a in views] if all([a.flags.c_contiguous for a in views]) else None


def _output(out, x):
    """out, if it can take the result, or a new array."""
    if out is None:
        return np.empty_like(x)
    if not isinstance(out, np.ndarray) or out.shape != x.shape or out.dtype != x.dtype:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"out is {got}, expected an array like x, {x.dtype} {x.shape}: use np.empty_like(x).")
    return out
