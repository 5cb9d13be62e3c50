"""The same functions in NumPy with the fewest passes over memory; docs/speed.md says on which CPUs that beats PyTorch.

Read after norm_numpy.
Built in notebook 14.

What costs time is how often the numbers travel, and how many loops NumPy makes of them. Five tricks:

- Raw sums (`_sums`): sum(x) and sum(x * x) need one pass, and BLAS adds them up without a temporary. All the rest is
  per channel: y is a line, slope * x + shift, and dx is such a line plus dy. Backward needs x and nothing else.
- Tiles (`_tiles`): what takes several steps is done on some 512 KB at a time, which stay in the core's own cache.
- No temporaries but of a tile (`_line`): the result is its own scratch. The first touch of fresh memory costs more
  than the arithmetic, so out= gives an old array a second life.
- Long rows (`_tiles`): NumPy pays 60 ns for every row of a loop. So small images are laid end to end until a row is
  long, and the factors repeated to its length. It also copies an operand that it broadcasts, if a row of it is shorter
  than its buffer of 8192 numbers. So the buffer is made smaller (`np.setbufsize`).
- A pivot (`_guess`, `_pivot`): E[x^2] - E[x]^2 loses digits where mean^2 is several times the variance. There the sums
  are those of x - pivot, and 64 numbers of each channel are enough to guess one, so that one pass still suffices. A
  line loses less: only where mean^2 is far larger it, too, starts from a pivot, the mean as far as float32 holds it.

Within a tile float32 stays float32; sums over tiles and everything per channel are float64. float16 is widened to
float32, a tile at a time. What fits into none of this (slices, NaN, numbers whose squares or factors leave float32) is
handed to norm_numpy.
"""

import numpy as np

from . import norm_numpy
from .norm_numpy import as_batch, as_floats, normalize, normalize_backward, silent, update_running

__all__ = ["normalize", "normalize_backward", "batch_norm", "batch_norm_backward", "batch_norm_eval", "update_running"]

TILE = 131072  # numbers in a tile: 512 KB of float32, half of a usual second-level cache
PLANE = 1024  # from so many numbers on, a plane (H, W) is a row by itself
ROW = 2048  # numbers that make a row long
DOT = 64  # from so many on, it has a dot product of its own
LONG = 2048  # a dot product in float32 is never longer
SMALL = 32768  # numbers of an x that is read twice sooner than looked at before
ONES = {np.dtype(name): np.ones(LONG, name) for name in ("float32", "float64")}
WIDE = {np.dtype("float16"): np.dtype("float32")} | {dtype: dtype for dtype in ONES}  # what each is computed in
# Up to which mean^2 / var float32 is exact to 5e-7 without a pivot: sums of x * x, sums of dy * x, a line.
SQUARES, PRODUCTS, LINE = 3, 2.4, 16


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
        mean, var = _moments(planes[1], x.size // x.shape[1])
        if _normalize(*planes, gamma, beta, mean, var, eps):
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
    if planes and _fits(mean, var) and _fits(inv_std, most=1e8):
        pivot, rest = _pivot(mean, var, PRODUCTS, x.dtype)
        dbeta, dgamma = _sums(*planes[1:], pivot)
        dgamma = (dgamma - rest * dbeta) * inv_std
        pivot, rest = _pivot(mean, var, LINE, x.dtype)
        a = inv_std if gamma is None else inv_std * gamma
        b = dgamma * inv_std / -m
        c = dbeta / -m - b * rest
        if _fits(dgamma, dbeta, a, b, c):
            size = TILE // 4 if dx is dy else TILE
            for _, dx_t, x_t, dy_t, a_t, *line in _tiles(planes, (a, b, c, pivot), size=size, write=True):
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
    if not (planes and _normalize(*planes, gamma, beta, mean, var, eps)):
        y[...] = norm_numpy.batch_norm_eval(x, gamma, beta, mean, var, eps)
    return y


def _moments(x, m):
    """Mean and variance of each channel of x (N, C, S), m numbers each."""
    pivot = _guess(x)
    rest, var = _about(x, m, pivot)
    mean = rest if pivot is None else pivot + rest
    if not (rest * rest <= SQUARES * var).all():  # a bad guess, or none
        pivot = _rounded(mean, x.dtype)
        rest, var = _about(x, m, pivot)
        mean, var = pivot + rest, np.maximum(var, 0)
    return mean, var


def _about(x, m, pivot):
    """Mean and variance of x - pivot, per channel."""
    rest, var = _sums(x, None, pivot) / m
    var -= rest * rest
    return rest, var


def _guess(x):
    """A pivot by 64 numbers of each channel; None where x may be counted from 0, or is too small to look."""
    (N, C, S), some = x.shape, min(x.shape[2], 8)
    if x.size < SMALL:
        return None
    seen = x[:: max(1, N * some // 64), :, (S - some) // 2 : (S + some) // 2].astype(WIDE[x.dtype], copy=False)
    m, sums, squares = seen.size // C, np.einsum("ncs->c", seen), np.einsum("ncs,ncs->c", seen, seen)
    # mean^2 <= limit * var, without a division. A little more than the limit: few numbers see a few channels wrong.
    limit = 1.2 * SQUARES
    return None if (sums * sums <= limit / (1 + limit) * m * squares).all() else _rounded(sums / m, x.dtype)


def _rounded(mean, dtype):
    """The mean as far as an array of this dtype can be counted from it."""
    return mean.astype(WIDE[dtype]).astype(np.float64)


def _pivot(mean, var, limit, dtype):
    """None where mean^2 / var is at most limit, otherwise the mean, rounded; and what the pivot leaves of the mean."""
    if (mean * mean <= limit * var).all():
        return None, mean
    pivot = _rounded(mean, dtype)
    return pivot, mean - pivot


def _normalize(y, x, gamma, beta, mean, var, eps):
    """Write slope * (x - pivot) + shift into y, tile by tile. False, and nothing written, if the numbers do not fit."""
    inv_std = 1 / np.sqrt(var + eps)
    pivot, rest = _pivot(mean, var, LINE, x.dtype)
    slope = inv_std if gamma is None else inv_std * gamma
    shift = rest * -slope if beta is None else beta - rest * slope
    if not (_fits(mean, var, slope, shift) and _fits(inv_std, most=1e8)):
        return False
    for _, y_t, x_t, *line in _tiles((y, x), (slope, shift, pivot), write=True):
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
    if S < DOT:  # a sum over rows: many short ones
        how = dict(row=1 if pivot is None else ROW, size=TILE if pivot is None else TILE // 2, most=4096)
    elif pivot is None:  # dot products alone keep nothing in the cache: tiles only have to be few
        how = dict(plane=DOT, size=4 * TILE)
    else:
        how = dict(size=min(max(TILE // 2, x.size // 16), 2 * TILE))
    # A dot product's sum for every plane, or, where planes are small, the sum over all images.
    shape = (2, C) if S < DOT else (2, N * C) if S >= how.get("plane", PLANE) else (2, N, C)
    found = np.zeros(shape, WIDE[x.dtype] if DOT <= S <= LONG else np.float64)
    _add_tiles(found, S, _tiles((x,) if dy is None else (x, dy), (pivot,), **how))
    return found if S < DOT else np.ones(N) @ found.reshape(2, N, C)


def _add_tiles(found, S, tiles):
    """Write into found, as `_sums` shapes it, what comes of each tile."""
    for where, x_t, *dy_t, p in tiles:
        x_t = x_t if p is None else x_t - p
        dy_t = dy_t[0] if dy_t else x_t
        if S < DOT:
            found[:, where[1]] += _sums_of_columns(dy_t, x_t, S, found[0, where[1]].size)
        else:
            found[:, *where] = _sums_of_planes(dy_t, x_t, S, found[0, *where].shape)


def _sums_of_planes(a, b, S, shape):
    """Sums of a and of a * b over each plane of S numbers in a tile of such a shape, (2, *shape)."""
    inner = shape[1:] if not (a.flags.c_contiguous and b.flags.c_contiguous) else ()  # views, never copies
    sums = _sums_of_rows(a.reshape(-1, *inner, S), b.reshape(-1, *inner, S))
    return [s.reshape(shape) for s in sums]


def _sums_of_rows(a, b):
    """Sums of a and of a * b over the last axis: a BLAS call a row, the pieces of a long one added in float64."""
    if a.shape[-1] <= LONG:
        ones = ONES[a.dtype][: a.shape[-1]]
        return np.vecdot(a, ones) if len(ones) >= 256 else a @ ones, np.vecdot(a, b)  # gemv is slow for long rows
    pieces = [(a[..., i : i + LONG], b[..., i : i + LONG]) for i in range(0, a.shape[-1], LONG)]
    return sum(np.array(_sums_of_rows(*piece), np.float64) for piece in pieces)


def _sums_of_columns(a, b, S, k):
    """Sums of a and of a * b over each column, one BLAS call for all, added up for each of k channels: (2, k)."""
    ones = ONES[a.dtype][: len(a)]
    sums = np.array((ones @ a, np.einsum("nd,nd->d", a, a) if a is b else ones @ (a * b)), np.float64)
    return sums if sums.shape[1] == k else sums.reshape(2, -1, k, S).sum((1, 3))


def _tiles(arrays, vectors, plane=PLANE, row=ROW, size=TILE, most=None, write=False):
    """Cut arrays (N, C, S) into tiles of size numbers: of planes where S >= plane, or of rows of row to most numbers.

    Yields where the tile lies, as slices of the N * C planes, or of images and channels; each array's tile; and each
    vector (C,) in a shape that broadcasts over it. A vector may be None and stays so. float16 is seen as float32: tiles
    are copies, and if write, what stands in the first one goes back.
    """
    dtype = WIDE[arrays[0].dtype]
    if arrays[0].shape[2] >= plane:
        tiles = _tiles_of_planes(arrays, vectors, size, dtype)
    else:
        tiles = _tiles_of_rows(arrays, vectors, row, size, most, dtype)
    for where, *tile in tiles:
        if arrays[0].dtype in ONES:
            yield where, *tile
            continue
        narrow, factors = tile[: len(arrays)], tile[len(arrays) :]
        wide = [a.astype(np.float32) for a in narrow]
        yield where, *wide, *factors
        if write:
            narrow[0][...] = wide[0]


def _tiles_of_planes(arrays, vectors, size, dtype):
    """As `_tiles`, planes for rows: every number of a vector is one factor of a row."""
    N, C, S = arrays[0].shape
    if vectors[0] is not None:
        np.setbufsize(16)  # no copies of factors; silent sets it back
    arrays = [a.reshape(N * C, S) for a in arrays]
    vectors = [v if v is None else np.tile(v.astype(dtype), N)[:, None] for v in vectors]
    for n in range(0, N * C, step := max(1, size // S)):
        where = slice(n, n + step)
        yield (where,), *[v if v is None else v[where] for v in (*arrays, *vectors)]


def _tiles_of_rows(arrays, vectors, row, size, most, dtype):
    """As `_tiles`, a row is several images: a power of two that divides N (N & -N is the largest one).

    Or channels of one image, so few that the factors repeated to its length stay small.
    """
    N, C, S = arrays[0].shape
    images = min(max(1, (N & -N) // 8), 1 << ((row - 1) // (C * S)).bit_length())
    most = most or max(32768, N * C * S // 128)
    k = -(-C // -(-C * S // most))  # rounded up, so that all parts are about as large
    if images * C * S >= ROW:
        np.setbufsize(16)
    arrays, step = [a.reshape(N // images, -1) for a in arrays], min(max(1, size // (images * k * S)), 512)
    rows = [v if v is None else np.empty((images, k, S), dtype) for v in vectors]
    for c in range(0, C, k):
        channels, columns = slice(c, c + k), slice(images * c * S, images * (c + k) * S)
        factors = [v if v is None else _repeat(v[channels], out) for v, out in zip(vectors, rows, strict=True)]
        for n in range(0, N // images, step):
            where = slice(n * images, (n + step) * images), channels
            yield where, *[a[n : n + step, columns] for a in arrays], *factors


def _repeat(v, row):
    """The vector v (C,), each number S times and all of that for each image, written into row (images, C, S)."""
    row = row[:, : len(v)]
    row[...] = v[:, None]
    return row.reshape(1, -1)


def _fits(*vectors, most=1e30):
    """Whether float32 holds what is made of such numbers, and no NaN. 1 / sd: less than 1e8, for dy * x."""
    return all([v @ v < most * most for v in vectors])


def _planes(*arrays):
    """The arrays as (N, C, S), if channels-last as (N * S, C, 1); None if they are not all alike and contiguous."""
    out, *others = arrays
    if out.dtype not in WIDE or out.size == 0:
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
