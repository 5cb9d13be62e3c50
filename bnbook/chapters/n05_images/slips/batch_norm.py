"""Wrong answers to the exercise `batch_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.grading.inputs import columns
from bnbook.norm_numpy import batch_axes

# --- batch_norm(x, gamma, beta, eps) -> y, mean (C,), var (C,): the line for var --------------------------------------


def _with(var, x, gamma, beta, eps):
    """What the function to repair returns with another line for var: all else in it is right."""
    axes = batch_axes(x.ndim)
    gamma, beta = columns(x, gamma, beta)
    mean = x.mean(axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean.ravel(), np.ravel(var)


@slip_of("batch_norm")
def as_it_came(x, gamma, beta, eps=1e-5):
    """averaging the variances of the positions: each is taken around its own position's mean, so the spread
    between the positions is missing, and var comes out {var} instead of {right_var}. Take one variance, over all of
    batch_axes(x.ndim) at once."""
    return _with(x.var(0, keepdims=True).mean(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def a_variance_for_each_position(x, gamma, beta, eps=1e-5):
    """a variance for each position: x.var(0, keepdims=True) averages over the images alone. That is right for a table,
    where it leaves one number for each channel; of images it leaves C * H * W, on the example {var} in place of
    {right_var}. Take the positions into the axes, batch_axes(x.ndim)."""
    return _with(x.var(0, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def averaging_the_variances_of_images(x, gamma, beta, eps=1e-5):
    """averaging the variances of the images: what is missing now is the spread between the images, no longer that
    between the positions. var is {var} instead of {right_var}. One x.var over the batch *and* the positions."""
    each = x.var(tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else np.zeros_like(x)
    return _with(each.mean(0, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def a_variance_for_each_image(x, gamma, beta, eps=1e-5):
    """a variance for each image: averaging over the positions alone is instance norm's variance, on the example {var}
    for two channels of two images. Axis 0 belongs to it, too: batch_axes(x.ndim) names all of them."""
    return _with(x.var(tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else np.zeros_like(x), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_variance_of_the_means(x, gamma, beta, eps=1e-5):
    """the variance of the positions' means: that is the part which was forgotten, {var} here, and only that part.
    The whole is x.var(axes), {right_var}: within the positions and between them."""
    var = x.mean(0, keepdims=True).var(batch_axes(x.ndim), keepdims=True)
    return _with(var, x, gamma, beta, eps)


@slip_of("batch_norm")
def divided_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """dividing the variance by m - 1: {var} in place of {right_var}. Normalizing takes the biased variance, of all
    N * H * W numbers; the unbiased one goes into the running average, notebook 04."""
    return _with(x.var(batch_axes(x.ndim), keepdims=True, ddof=1), x, gamma, beta, eps)


@slip_of("batch_norm")
def of_all_channels(x, gamma, beta, eps=1e-5):
    """one variance for all channels: x.var() without axes averages over the channels as well, and gives {var} where
    each has its own, {right_var}. batch_axes(x.ndim) leaves axis 1 out."""
    return _with(np.full((1, x.shape[1]) + (1,) * (x.ndim - 2), x.var()), x, gamma, beta, eps)


@slip_of("batch_norm")
def one_number_for_all_channels(x, gamma, beta, eps=1e-5):
    """x.var() without axes: that is a single number for all channels, {var} on the example, where (C,) is needed:
    {right_var}. The axes are those of the mean, in the line above, which leave axis 1 out."""
    return _with(x.var(), x, gamma, beta, eps)


@slip_of("batch_norm")
def one_number_around_each_mean(x, gamma, beta, eps=1e-5):
    """averaging the squares over everything: ((x - mean) ** 2).mean() without axes is one number, {var}, the mean of
    the right ones, {right_var}. Hand the axes and keepdims=True to .mean, as in the line for the mean."""
    mean = x.mean(batch_axes(x.ndim), keepdims=True)
    return _with(((x - mean) ** 2).mean(), x, gamma, beta, eps)


@slip_of("batch_norm")
def averaging_the_squares_of_the_images(x, gamma, beta, eps=1e-5):
    """averaging the squares over axis 0 alone: x - mean is right, around the channel's mean, but each position keeps a
    number of its own, {var} on the example. Their average is what is wanted, {right_var}: .mean over the same axes as
    the mean."""
    mean = x.mean(batch_axes(x.ndim), keepdims=True)
    return _with(((x - mean) ** 2).mean(0, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def squares_not_averaged(x, gamma, beta, eps=1e-5):
    """(x - mean) ** 2 without .mean: that is one square for every number of x, and x - mean divided by its own root is
    near +1 or -1 everywhere. Average them: .mean(axes, keepdims=True) gives {right_var}."""
    return _with((x - x.mean(batch_axes(x.ndim), keepdims=True)) ** 2, x, gamma, beta, eps)


@slip_of("batch_norm")
def over_the_channels(x, gamma, beta, eps=1e-5):
    """x.var(1, keepdims=True): axis 1 is the one to keep. This compares the channels of one pixel with each other,
    which is what layer norm does with a table. The axes to average over are all the others."""
    return _with(x.var(1, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def of_the_images_means(x, gamma, beta, eps=1e-5):
    """the variance of the images' means: averaging over the positions first wipes out the spread within the pictures,
    and {var} is left of {right_var}. No mean may be taken before the variance."""
    var = x.mean(tuple(range(2, x.ndim)), keepdims=True).var(0, keepdims=True)
    return _with(var, x, gamma, beta, eps)


@slip_of("batch_norm")
def axes_of_images_alone(x, gamma, beta, eps=1e-5):
    """writing (0, 2, 3) for the axes: right for images, but tables have 2 axes and volumes 5. `axes`, two lines
    above, holds what fits."""
    return _with(x.var((0, 2, 3), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def positions_of_images_alone(x, gamma, beta, eps=1e-5):
    """x.var((2, 3)): a variance for each channel of each *image*, as instance norm has it, and only where there are
    four axes. Axis 0 is missing; `axes` holds it and fits tables and volumes, too."""
    return _with(x.var((2, 3), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def in_one_pass(x, gamma, beta, eps=1e-5):
    """the mean of the squares less the square of the mean: on paper the same, but both are near 1e8 when the mean is
    10,000, float32 keeps 7 digits, and their difference is noise, even negative. Subtract the mean first, or let x.var
    do it."""
    axes = batch_axes(x.ndim)
    return _with((x**2).mean(axes, keepdims=True) - x.mean(axes, keepdims=True) ** 2, x, gamma, beta, eps)


@slip_of("batch_norm")
def without_keepdims(x, gamma, beta, eps=1e-5):
    """x.var(axes) without keepdims: var is right, {var} on the example, but (C,) lines up with the *last* axis of x. So
    NumPy refuses to divide, or, where the last axis happens to be as long as there are channels, divides columns in
    place of channels. The line for the mean has keepdims=True: do the same."""
    return _with(x.var(batch_axes(x.ndim)), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_mean_square(x, gamma, beta, eps=1e-5):
    """the mean of the squares: x ** 2 is taken around 0, not around the mean, so var is {var} instead of {right_var}.
    Square x - mean, or let x.var do it."""
    return _with((x**2).mean(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_standard_deviation(x, gamma, beta, eps=1e-5):
    """x.std in place of x.var: the root is taken in the next line, so it is taken twice. var is {var}, it should be
    {right_var}."""
    return _with(x.std(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_sum_of_squares(x, gamma, beta, eps=1e-5):
    """a sum where a mean belongs: var is {var}, which is m times {right_var}. With more images or larger ones it would
    grow without end."""
    mean = x.mean(batch_axes(x.ndim), keepdims=True)
    return _with(((x - mean) ** 2).sum(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)
