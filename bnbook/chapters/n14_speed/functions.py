"""What notebook 14 builds: BatchNorm with fewer passes over memory."""

import sys
import tracemalloc

import numpy as np


def centred_once(x, gamma, beta, eps=1e-5):
    """The textbook's formula, but x - mean is computed once, and gamma / std is one factor."""
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    centred = x - x.mean(axes, keepdims=True)
    var = (centred * centred).mean(axes)
    return centred * (gamma / np.sqrt(var + eps)).reshape(column) + beta.reshape(column)


def lean_batch_norm(x, gamma, beta, eps=1e-5):
    """Training-time Batch Normalization without temporaries: y is made first and is its own scratch.

    x      (N, C, *)
    gamma  (C,)       scale
    beta   (C,)       shift
    eps    added to the variance, so in the units of x squared
    Returns y (N, C, *), mean (C,), var (C,).
    """
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = np.einsum("ncs->nc", planes).sum(0) / m
    y = planes - mean[:, None]
    var = np.einsum("ncs,ncs->c", y, y) / m
    y *= (gamma / np.sqrt(var + eps))[:, None]
    y += beta[:, None]
    return y.reshape(x.shape), mean, var


def line(x, gamma, beta, eps=1e-5):
    """Both sums from x itself, then y = slope * x + shift. The variance is E[x^2] - E[x]^2: not safe far from 0."""
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = np.einsum("ncs->nc", planes).sum(0) / m
    var = np.einsum("ncs,ncs->c", planes, planes) / m - mean * mean
    slope = gamma / np.sqrt(var + eps)
    y = planes * slope[:, None]
    y += (beta - mean * slope)[:, None]
    return y.reshape(x.shape)


def backward_coefficients(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """Three numbers per channel that make dx of the two large arrays: dx = a * dy + b * x + c.

    gamma          (C,)  scale
    mean, var      (C,)  of the batch
    dgamma, dbeta  (C,)  sum(dy * x_hat) and sum(dy), over the m values of a channel
    Returns a, b, c, each (C,).
    """
    inv_std = 1 / np.sqrt(var + eps)
    a = gamma * inv_std
    b = -a * inv_std * dgamma / m
    c = -a * dbeta / m - b * mean
    return a, b, c


def affine_block(program, x, y, slope, shift, L, BLOCK):
    """One program of a GPU: y = slope * x + shift for numbers program * BLOCK, ... of the memory of x (N, C, L).

    program       0, 1, 2, ...: which block of BLOCK numbers is mine
    x, y          Memory of N * C * L numbers: x to load from, y to store into
    slope, shift  Memory of C numbers
    L             length of a row, that is of one channel of one image
    Returns None: what it did stands in y.
    """
    offsets = program * BLOCK + np.arange(BLOCK)
    mask = offsets < x.size
    channels = offsets // L % slope.size
    values = x.load(offsets, mask) * slope.load(channels) + shift.load(channels)
    y.store(offsets, values, mask)


class Memory:
    """Numbers in a row, loaded and stored many at a time, as by tl.load and tl.store of Triton.

    A GPU reads or overwrites whatever lies behind the end of an array. This counts how often that would have happened.
    """

    def __init__(self, numbers):
        self.numbers = np.array(numbers, np.float64).ravel()
        self.size, self.read_outside, self.written_outside = self.numbers.size, 0, 0

    def load(self, offsets, mask=True, other=0.0):
        """The numbers at offsets; other where mask is False, and nothing is read there."""
        offsets, mask = np.broadcast_arrays(offsets, mask)
        inside = (offsets >= 0) & (offsets < self.size)
        self.read_outside += int((mask & ~inside).sum())
        return np.where(mask, np.where(inside, self.numbers[np.where(inside, offsets, 0)], np.nan), other)

    def store(self, offsets, values, mask=True):
        """Write values at offsets, where mask is True."""
        offsets, values, mask = np.broadcast_arrays(offsets, values, mask)
        inside = (offsets >= 0) & (offsets < self.size)
        self.written_outside += int((mask & ~inside).sum())
        self.numbers[offsets[mask & inside]] = values[mask & inside]


def peak(function, *arguments):
    """The most memory that `function(*arguments)` holds at a time beyond what was there, in arrays like the first."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = function(*arguments)
        top = tracemalloc.get_traced_memory()[1]
        del result
    finally:
        tracemalloc.stop()
    return (top - before) / arguments[0].nbytes


def arrays_made(function, *arguments):
    """How many arrays as large as the first argument `function(*arguments)` makes, those that are dropped at once too.

    Line by line: the most memory that a line holds beyond what was there before it, rounded to whole such arrays.
    """
    size, made, held = arguments[0].nbytes, 0, 0

    def next_line(frame, event, argument):
        nonlocal made, held
        now, top = tracemalloc.get_traced_memory()
        made += round((top - held) / size)
        held = now
        tracemalloc.reset_peak()
        return next_line

    before = sys.gettrace()
    tracemalloc.start()
    try:
        held = tracemalloc.get_traced_memory()[0]
        sys.settrace(next_line)
        result = function(*arguments)
        sys.settrace(before)
        next_line(None, "end", None)
        del result
    finally:
        sys.settrace(before)
        tracemalloc.stop()
    return made
