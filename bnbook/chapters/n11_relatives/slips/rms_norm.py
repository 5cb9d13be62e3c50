"""Wrong answers to the exercise `rms_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import batch_axes, normalize

from .parts import column


def _divided(x, gamma, square, eps):
    return column(gamma, x) * x / np.sqrt(square + eps)


def _per_image(x):
    return tuple(range(1, x.ndim))


@slip_of("rms_norm")
def rms_norm_with_the_mean_subtracted(x, gamma, eps=1e-5):
    """subtracting the mean: that is layer norm without beta. In RMS norm the mean stays, and the ratio of 3
    and 4 with it: {right_y} after gamma. Yours made them opposites first: {y}."""
    return column(gamma, x) * normalize(x, _per_image(x), eps)[0]


@slip_of("rms_norm")
def rms_norm_by_the_standard_deviation(x, gamma, eps=1e-5):
    """dividing by the standard deviation: x.var() takes the mean away before it squares, here nothing is taken away.
    For 3 and 4 the deviation is 0.5, the root mean square 3.54."""
    return _divided(x, gamma, x.var(_per_image(x), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_without_the_root(x, gamma, eps=1e-5):
    """dividing by the mean square: the R of RMS is missing. A picture 10 times as bright comes out 10 times darker;
    {y} in the first row, it should be {right_y}."""
    return column(gamma, x) * x / ((x**2).mean(_per_image(x), keepdims=True) + eps)


@slip_of("rms_norm")
def rms_norm_by_the_length(x, gamma, eps=1e-5):
    """summing the squares: that gives every image length 1, and each of 1,000 values then shrinks to about 0.03. The
    M of RMS is a mean; the first row is {right_y}, yours {y}."""
    return _divided(x, gamma, (x**2).sum(_per_image(x), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_over_the_batch(x, gamma, eps=1e-5):
    """averaging over axis 0 as BatchNorm does: each channel by all images, so the images 3, 4 and 6, 12 of the
    example get mixed. An image by itself: every axis but 0."""
    return _divided(x, gamma, (x**2).mean(batch_axes(x.ndim), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_per_channel(x, gamma, eps=1e-5):
    """each channel of each image by itself: then no channel can be louder than another, and in a table a single number
    is divided by its own size, which leaves its sign: {y}. One root mean square for the image."""
    axes = tuple(range(2, x.ndim))
    return _divided(x, gamma, (x**2).mean(axes, keepdims=True) if axes else x**2, eps)


@slip_of("rms_norm")
def rms_norm_at_each_position(x, gamma, eps=1e-5):
    """averaging over axis 1 alone: every pixel by itself, as a transformer treats its tokens. Here an image (3, 5, 6)
    has one root mean square, not 30: average over the positions as well."""
    return _divided(x, gamma, (x**2).mean(1, keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_of_the_last_axis(x, gamma, eps=1e-5):
    """axis -1 alone: right where the features are last, as in a transformer's (N, T, C). In images (N, C, H, W) that is
    a mean over one line of W pixels. tuple(range(1, x.ndim)) is every axis but the batch."""
    return _divided(x, gamma, (x**2).mean(-1, keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_of_everything(x, gamma, eps=1e-5):
    """one number for the whole batch: (x**2).mean() without axes. The loudest image then silences the others; in the
    example the first row is {y}, by itself it is {right_y}."""
    return _divided(x, gamma, (x**2).mean(), eps)


@slip_of("rms_norm")
def rms_norm_with_eps_outside(x, gamma, eps=1e-5):
    """adding eps after the root: sqrt(mean square) + 0.1 is larger than sqrt(mean square + 0.1). PyTorch puts it
    inside; your first row is {y}, expected {right_y}."""
    return column(gamma, x) * x / (np.sqrt((x**2).mean(_per_image(x), keepdims=True)) + eps)


@slip_of("rms_norm")
def rms_norm_without_eps(x, gamma, eps=1e-5):
    """no eps at all: a black image is 0 / 0 = nan, and a nearly black one is blown up to full size. Add eps to the
    mean square: {right_y}, you have {y}."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), 0.0)


@slip_of("rms_norm")
def rms_norm_with_a_floor(x, gamma, eps=1e-5):
    """np.maximum(mean square, eps): it guards against 0 as well, but above eps it does nothing, while adding eps
    always shifts a little: {right_y} with eps = 0.1, yours {y}."""
    return _divided(x, gamma, np.maximum((x**2).mean(_per_image(x), keepdims=True), eps), 0.0)


@slip_of("rms_norm")
def rms_norm_with_its_own_eps(x, gamma, eps=1e-5):
    """a fixed 1e-5 inside: the eps that was handed over, 0.1 in the example, is ignored. You return {y} where it asks
    for {right_y}."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), 1e-5)


@slip_of("rms_norm")
def rms_norm_with_llamas_eps(x, gamma, eps=1e-6):
    """1e-6 as the default: that is what Llama's code has; this course uses 1e-5 everywhere, and an image of mean square
    1e-5 comes out 1.35 times too large without anyone noticing."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_by_the_mean_size(x, gamma, eps=1e-5):
    """averaging |x|: the mean of 3 and 4 is 3.5, their root mean square 3.54. Near, but every large value counts less:
    squares, mean, root, in this order."""
    return _divided(x, gamma, np.abs(x).mean(_per_image(x), keepdims=True) ** 2, eps)


@slip_of("rms_norm")
def rms_norm_by_the_squared_mean(x, gamma, eps=1e-5):
    """squaring the mean: mean(x)^2 and mean(x^2) differ by the variance, and the mean may be 0 while the image is not.
    Square first: for 3 and 4 it is 12.5, not 12.25."""
    return _divided(x, gamma, x.mean(_per_image(x), keepdims=True) ** 2, eps)


@slip_of("rms_norm")
def rms_norm_without_gamma(x, gamma, eps=1e-5):
    """leaving gamma out: the plain quotient {y} is the start of training, where gamma is 1; here it should be
    {right_y}."""
    return _divided(x, np.ones_like(gamma), (x**2).mean(_per_image(x), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_with_one_plus_gamma(x, gamma, eps=1e-5):
    """multiplying by 1 + gamma: Gemma stores gamma - 1, so that weights start at 0, and files from there need it. Here
    gamma is the factor itself: {right_y}, you return {y}."""
    return _divided(x, 1 + gamma, (x**2).mean(_per_image(x), keepdims=True), eps)


@slip_of("rms_norm")
def rms_norm_with_gamma_along_the_last_axis(x, gamma, eps=1e-5):
    """gamma * x without a reshape: a (C,) vector meets the last axis, W, and 3 channels do not fit onto 6 columns.
    The channels are axis 1: gamma.reshape(-1, *[1] * (x.ndim - 2))."""
    return gamma * x / np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)


@slip_of("rms_norm")
def rms_norm_multiplying(x, gamma, eps=1e-5):
    """multiplying by the root mean square: loud images get louder still, {y}. Divide, so that 3 and 4 become about
    0.85 and 1.13 before gamma."""
    return column(gamma, x) * x * np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)


@slip_of("rms_norm")
def rms_norm_in_place(x, gamma, eps=1e-5):
    """x /= ...: the caller's 3 and 4 are gone afterwards, and a residual connection around the norm would add the wrong
    thing. x / ... makes a new array."""
    x /= np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)
    return column(gamma, x) * x


@slip_of("rms_norm")
def rms_norm_with_a_half_outside(x, gamma, eps=1e-5):
    """rms = (square + eps) ** 1/2: a power binds before a division, so that is half the mean square. With ** 0.5 or
    np.sqrt it is a root: {right_y}, yours {y}."""
    return column(gamma, x) * x / (((x**2).mean(_per_image(x), keepdims=True) + eps) / 2)


@slip_of("rms_norm")
def rms_norm_halved_by_a_power(x, gamma, eps=1e-5):
    """dividing by (square + eps) ** 1/2 in the same line: Python reads (x / (square + eps) ** 1) / 2, and takes no root
    anywhere. np.sqrt(square + eps) cannot be misread: {right_y} in the first row, not {y}."""
    return column(gamma, x) * x / ((x**2).mean(_per_image(x), keepdims=True) + eps) / 2


@slip_of("rms_norm")
def rms_norm_without_keepdims(x, gamma, eps=1e-5):
    """leaving keepdims=True out: the mean squares are then (N,), and NumPy lines them up with the *last* axis of x, 6
    columns where there are 4 images. With it they keep axes of length 1 and meet their own image."""
    return _divided(x, gamma, (x**2).mean(_per_image(x)), eps)
