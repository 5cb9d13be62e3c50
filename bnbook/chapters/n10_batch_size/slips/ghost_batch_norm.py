"""Wrong answers to the exercise `ghost_batch_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import batch_norm, batch_norm_eval

from .parts import vector


def _axes(x):
    return (0, *range(2, x.ndim))


@slip_of("ghost_batch_norm")
def ghost_batch_norm_of_the_whole_batch(x, gamma, beta, size, eps=1e-5):
    """normalizing by all images: either size is not used, or it cuts channels, x[:, i:i + size], and these have means
    of their own anyway. Cut images, x[i:i + size], so that each knows only its size = 2 companions: the first row of
    the example is then {right_y}, yours is {y}."""
    return batch_norm(x, gamma, beta, eps)[0]


@slip_of("ghost_batch_norm")
def ghost_batch_norm_cutting_channels(x, gamma, beta, size, eps=1e-5):
    """cutting channels, x[:, i:i + size]: axis 1 holds the channels, so gamma and beta have one number too many for
    each piece. The images are axis 0, x[i:i + size], 2 rows of the example at a time."""
    parts = [batch_norm(x[:, i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]
    return np.concatenate(parts, axis=1)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_cutting_channels_to_the_last(x, gamma, beta, size, eps=1e-5):
    """cutting channels, and only as many as there are, range(0, x.shape[1], size): the parts are to be images. Where
    size is 3 and there are 3 channels that is the whole batch, elsewhere gamma does not fit. Cut x[i:i + size]."""
    parts = [batch_norm(x[:, i : i + size], gamma, beta, eps)[0] for i in range(0, x.shape[1], size)]
    return np.concatenate(parts, axis=1)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_with_size_parts(x, gamma, beta, size, eps=1e-5):
    """cutting into `size` parts: np.split(x, size) makes size parts of N / size examples. Asked are N / size parts of
    size examples: 12 images in parts of 4 are 3 parts, not 4."""
    return np.concatenate([batch_norm(part, gamma, beta, eps)[0] for part in np.split(x, size)])


@slip_of("ghost_batch_norm")
def ghost_batch_norm_of_every_kth(x, gamma, beta, size, eps=1e-5):
    """taking every k-th example: x[i::k] deals the batch out like cards. The parts are to be neighbours, x[0:size],
    x[size:2 * size] and so on: the first row becomes {right_y}, yours is {y}."""
    parts, y = len(x) // size, np.empty_like(x)
    for i in range(parts):
        y[i::parts] = batch_norm(x[i::parts], gamma, beta, eps)[0]
    return y


@slip_of("ghost_batch_norm")
def ghost_batch_norm_by_the_first_part(x, gamma, beta, size, eps=1e-5):
    """using the statistics of the first part for all: they were computed once, before the loop. The second part has a
    mean of its own: in the example 20 and 5, not 2 and 20."""
    _, mean, var = batch_norm(x[:size], None, None, eps)
    return batch_norm_eval(x, gamma, beta, mean, var, eps)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_by_the_mean_statistics(x, gamma, beta, size, eps=1e-5):
    """averaging the statistics of the parts and normalizing all by the average: that is what the *running* statistics
    may do. In training each part is normalized by its own; the first row is {right_y}, yours {y}."""
    found = [batch_norm(x[i : i + size], None, None, eps)[1:] for i in range(0, len(x), size)]
    mean, var = np.mean(found, 0)
    return batch_norm_eval(x, gamma, beta, mean, var, eps)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_mean_only(x, gamma, beta, size, eps=1e-5):
    """taking the mean from the part, but the variance from the whole batch: both belong to the part. First row {y},
    expected {right_y}: 2 values always end near +1 and -1, before gamma and beta."""
    _, _, var = batch_norm(x, None, None, eps)
    centred = [x[i : i + size] - x[i : i + size].mean(_axes(x), keepdims=True) for i in range(0, len(x), size)]
    return batch_norm_eval(np.concatenate(centred), gamma, beta, 0 * var, var, eps)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_without_the_last_part(x, gamma, beta, size, eps=1e-5):
    """stopping a part too early: range(0, len(x) - size, size) leaves the last part out, and its rows come back as
    they went in. range(0, len(x), size) ends with it; with N = 4 and size = 2 it starts at 0 and 2."""
    y = x.copy()
    for i in range(0, len(x) - size, size):
        y[i : i + size] = batch_norm(x[i : i + size], gamma, beta, eps)[0]
    return y


@slip_of("ghost_batch_norm")
def ghost_batch_norm_overlapping(x, gamma, beta, size, eps=1e-5):
    """moving on by one example instead of by size: range(len(x) - size + 1) makes parts that overlap, and each row is
    overwritten by the last part it is in. The step of range is size, 2 in the example."""
    y = x.copy()
    for i in range(len(x) - size + 1):
        y[i : i + size] = batch_norm(x[i : i + size], gamma, beta, eps)[0]
    return y


@slip_of("ghost_batch_norm")
def ghost_batch_norm_stacked(x, gamma, beta, size, eps=1e-5):
    """leaving the parts apart: a list of them, or np.stack, has an axis of its own, (N / size, size, C, ...). They are
    one batch again with np.concatenate: 4 rows in the example, in the order they came."""
    return np.stack([batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)])


@slip_of("ghost_batch_norm")
def ghost_batch_norm_joined_at_the_channels(x, gamma, beta, size, eps=1e-5):
    """joining the parts along axis 1: np.concatenate(parts, axis=1) puts examples of different parts beside each other
    as if they were channels. The default, axis 0, puts them one after the other: 4 rows again."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)], 1)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_of_channels(x, gamma, beta, size, eps=1e-5):
    """averaging over the channels as well: each part has one mean for everything in it. A ghost batch is smaller, not
    coarser: every one of the 2 channels keeps a mean of its own. First row {y}, expected {right_y}."""
    parts = x.reshape(-1, size, *x.shape[1:])
    axes = tuple(range(1, parts.ndim))
    x_hat = (parts - parts.mean(axes, keepdims=True)) / np.sqrt(parts.var(axes, keepdims=True) + eps)
    return vector(gamma, x) * x_hat.reshape(x.shape) + vector(beta, x)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_for_tables_only(x, gamma, beta, size, eps=1e-5):
    """averaging over axis 0 of each part only: right for a table (N, C), but images have one mean per channel, over
    H and W too: here 4 * 5 = 20 positions would each get their own. Call batch_norm for each part."""
    parts = x.reshape(-1, size, *x.shape[1:])
    x_hat = (parts - parts.mean(1, keepdims=True)) / np.sqrt(parts.var(1, keepdims=True) + eps)
    return vector(gamma, x) * x_hat.reshape(x.shape) + vector(beta, x)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_scaled_twice(x, gamma, beta, size, eps=1e-5):
    """applying gamma and beta in the parts and once more to the result: the first row is {y} in place of {right_y}.
    Once is enough; batch_norm with None, None leaves them out."""
    parts = [batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]
    return vector(gamma, x) * np.concatenate(parts) + vector(beta, x)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_without_gamma(x, gamma, beta, size, eps=1e-5):
    """leaving gamma and beta out: the parts are normalized, but every channel is to be scaled by gamma and shifted by
    beta, from {y} to {right_y} in the first row."""
    return np.concatenate([batch_norm(x[i : i + size], None, None, eps)[0] for i in range(0, len(x), size)])


@slip_of("ghost_batch_norm")
def ghost_batch_norm_normalized_again(x, gamma, beta, size, eps=1e-5):
    """normalizing the joined parts once more by the whole batch: the second pass shrinks what eps = 0.1 left below sd
    1. Each number is normalized once, by its own part: {right_y} in the first row, not {y}."""
    parts = [batch_norm(x[i : i + size], None, None, eps)[0] for i in range(0, len(x), size)]
    return batch_norm(np.concatenate(parts), gamma, beta, eps)[0]


@slip_of("ghost_batch_norm")
def ghost_batch_norm_with_fixed_eps(x, gamma, beta, size, eps=1e-5):
    """not handing eps on: batch_norm then takes its default 1e-5, whatever eps says. With 0.1 the first row is
    {right_y}, yours {y}."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta)[0] for i in range(0, len(x), size)])


@slip_of("ghost_batch_norm")
def ghost_batch_norm_returning_everything(x, gamma, beta, size, eps=1e-5):
    """joining all that batch_norm returns: it gives y, mean, var, and only y, number 0, is wanted of each part."""
    found = [batch_norm(x[i : i + size], gamma, beta, eps) for i in range(0, len(x), size)]
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


@slip_of("ghost_batch_norm")
def ghost_batch_norm_joining_tuples(x, gamma, beta, size, eps=1e-5):
    """joining what batch_norm returns as it is: that is y, mean and var together, 3 arrays of different shapes. Take y
    alone, batch_norm(...)[0], before np.concatenate."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta, eps) for i in range(0, len(x), size)])


@slip_of("ghost_batch_norm")
def ghost_batch_norm_of_the_first_part_alone(x, gamma, beta, size, eps=1e-5):
    """returning inside the loop: the first part is then the only one, 2 rows of the example's 4. Collect the parts in
    a list, and return after the loop."""
    return batch_norm(x[:size], gamma, beta, eps)[0]


@slip_of("ghost_batch_norm")
def ghost_batch_norm_of_the_last_part_alone(x, gamma, beta, size, eps=1e-5):
    """keeping the last part alone: y = ... in the loop overwrites the part before it. Append each to a list; the
    example has 2 parts and 4 rows."""
    return batch_norm(x[-size:], gamma, beta, eps)[0]


@slip_of("ghost_batch_norm")
def ghost_batch_norm_by_the_last_part(x, gamma, beta, size, eps=1e-5):
    """normalizing everything after the loop: mean and var have been overwritten in it, and are those of the last part,
    of the means 20 and 5. Normalize inside, where they belong to x[i:i + size]."""
    _, mean, var = batch_norm(x[-size:], None, None, eps)
    return batch_norm_eval(x, gamma, beta, mean, var, eps)


@slip_of("ghost_batch_norm")
def ghost_batch_norm_counting_parts(x, gamma, beta, size, eps=1e-5):
    """x[i:i + size] for i in range(len(x) // size): i counts the parts there, so the second begins at row 1. Let i grow
    by size, range(0, len(x), size): 0 and 2 in the example."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(len(x) // size)])
