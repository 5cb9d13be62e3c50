"""Wrong answers to the exercise `group_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import normalize

from .parts import by_groups, column


def _scaled(x_hat, gamma, beta):
    return column(gamma, x_hat) * x_hat + column(beta, x_hat)


@slip_of("group_norm")
def group_norm_of_every_third_channel(x, gamma, beta, num_groups, eps=1e-5):
    """dealing the channels out to the groups in turn: with 6 channels and 3 groups yours are 0 and 3, 1 and 4, 2 and
    5. Groups are neighbours: 0 and 1, 2 and 3, 4 and 5, which is how reshape(N, num_groups, ...) cuts them."""
    N, C = x.shape[:2]
    dealt = x.reshape(N, C // num_groups, num_groups, -1)
    return _scaled(normalize(dealt, (1, 3), eps)[0].reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_with_groups_of_that_size(x, gamma, beta, num_groups, eps=1e-5):
    """taking num_groups for the number of channels in a group: with 6 channels, 2 groups are 3 channels each, yours
    are 3 groups of 2. Cut axis 1 into num_groups pieces, and let -1 find out how long they are."""
    N, C = x.shape[:2]
    cut = x.reshape(N, C // num_groups, num_groups, -1)
    return _scaled(normalize(cut, (2, 3), eps)[0].reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_over_the_batch(x, gamma, beta, num_groups, eps=1e-5):
    """averaging over the images too: then an image depends on its companions again, the one thing group norm is there
    to avoid. On the example the second image changes your first row, {y}; alone it is {right_y}."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, -1)
    return _scaled(normalize(grouped, (0, 2), eps)[0].reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_at_each_position(x, gamma, beta, num_groups, eps=1e-5):
    """averaging over the channels of a group at every pixel by itself: 2 channels then leave only +1 and -1 of a
    pixel. The positions belong into the same mean: one per image and group."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, C // num_groups, -1)
    return _scaled(normalize(grouped, (2,), eps)[0].reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_without_groups_per_channel(x, gamma, beta, num_groups, eps=1e-5):
    """normalizing each channel of each image by itself: that is instance norm, C groups, whatever num_groups says. On
    the example, a table, a channel of an image is a single number, and only beta is left: {y}."""
    return _scaled(normalize(x, tuple(range(2, x.ndim)), eps)[0] if x.ndim > 2 else 0 * x, gamma, beta)


@slip_of("group_norm")
def group_norm_without_groups_per_image(x, gamma, beta, num_groups, eps=1e-5):
    """one mean for a whole image: that is layer norm, 1 group, whatever num_groups says. In the example the numbers 1
    and 3 then share a mean with 10 and 30: {y} in place of {right_y}."""
    return _scaled(normalize(x, tuple(range(1, x.ndim)), eps)[0], gamma, beta)


@slip_of("group_norm")
def group_norm_of_blocks_of_the_batch(x, gamma, beta, num_groups, eps=1e-5):
    """x.reshape(num_groups, -1): without N in front the whole batch is cut into num_groups blocks of images, and no
    channel was ever separated from another. Each image needs its own: reshape(N, num_groups, -1)."""
    return _scaled(normalize(x.reshape(num_groups, -1), (1,), eps)[0].reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_with_eps_outside(x, gamma, beta, num_groups, eps=1e-5):
    """sqrt(var) + eps in place of sqrt(var + eps): where the variance is 1e-5, as in one group here, that is 0.0032
    and not 0.0045. eps goes under the root, as in notebook 02."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / (grouped.std(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_without_eps(x, gamma, beta, num_groups, eps=1e-5):
    """leaving eps out: dividing by the bare standard deviation turns a flat patch into 0 / 0. With eps = 0.1 the
    first row of the example is {right_y}, yours is {y}."""
    return _scaled(by_groups(x, num_groups, 0.0), gamma, beta)


@slip_of("group_norm")
def group_norm_with_its_own_eps(x, gamma, beta, num_groups, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. Called with 0.1 you return {y}, expected
    {right_y}."""
    return _scaled(by_groups(x, num_groups, 1e-5), gamma, beta)


@slip_of("group_norm")
def group_norm_with_keras_eps(x, gamma, beta, num_groups, eps=1e-3):
    """another default: 1e-3 is what Keras' layer takes when nobody says, PyTorch's and ours take 1e-5. In a group of
    variance 1e-5 the result is then 7 times too small."""
    return _scaled(by_groups(x, num_groups, eps), gamma, beta)


@slip_of("group_norm")
def group_norm_by_m_minus_1(x, gamma, beta, num_groups, eps=1e-5):
    """dividing the squares by m - 1: the group speaks for itself, nothing is estimated, so m. (torch.var divides by
    m - 1 unless told correction=0.) Your first row is {y}, expected {right_y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    m = grouped.shape[2]
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) * m / (m - 1) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_by_the_variance(x, gamma, beta, num_groups, eps=1e-5):
    """dividing by var + eps without the root: a group 10 times as wide comes out 10 times narrower. The first row of
    the example becomes {y} and should be {right_y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / (grouped.var(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_by_the_mean_variance(x, gamma, beta, num_groups, eps=1e-5):
    """averaging the variances of the channels of a group: each was taken around its channel's own mean, so the spread
    *between* the channels is missing. In the example, a table, nothing else is there, and you divide by sqrt(0.1)."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, C // num_groups, -1)
    var = grouped.var(3, keepdims=True).mean(2, keepdims=True)
    x_hat = (grouped - grouped.mean((2, 3), keepdims=True)) / np.sqrt(var + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_in_one_pass(x, gamma, beta, num_groups, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: near 10,000 in float32 the two terms agree in all 7 digits and
    what is left is noise. Subtract the mean first, or call normalize, which does."""
    grouped = x.reshape(len(x), num_groups, -1)
    mean = grouped.mean(2, keepdims=True)
    var = (grouped * grouped).mean(2, keepdims=True) - mean * mean
    return _scaled(((grouped - mean) / np.sqrt(var + eps)).reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_scaled_first(x, gamma, beta, num_groups, eps=1e-5):
    """multiplying by gamma before the normalization: it then enters mean and variance, and one gamma in a group
    bends all its channels. Normalize first; {y} should be {right_y}."""
    return by_groups(column(gamma, x) * x, num_groups, eps) + column(beta, x)


@slip_of("group_norm")
def group_norm_without_gamma_and_beta(x, gamma, beta, num_groups, eps=1e-5):
    """returning x_hat: mean 0 and variance 1, but gamma and beta are not applied. Your first row is {y}; with scale
    and shift it is {right_y}."""
    return by_groups(x, num_groups, eps)


@slip_of("group_norm")
def group_norm_with_gamma_and_beta_swapped(x, gamma, beta, num_groups, eps=1e-5):
    """gamma and beta in each other's place: gamma multiplies, beta is added. You return {y} for the first row where
    {right_y} is meant."""
    return _scaled(by_groups(x, num_groups, eps), beta, gamma)


@slip_of("group_norm")
def group_norm_with_gamma_along_the_last_axis(x, gamma, beta, num_groups, eps=1e-5):
    """gamma * x_hat without a reshape: NumPy lines a (C,) vector up with the *last* axis, which is W in images, and
    6 channels do not fit onto 5 columns. gamma.reshape(-1, 1, 1), with one 1 for every axis behind the channels."""
    return gamma * by_groups(x, num_groups, eps) + beta


@slip_of("group_norm")
def group_norm_without_the_mean(x, gamma, beta, num_groups, eps=1e-5):
    """dividing only: sqrt(mean(x^2)) is how far the values are from 0, and a group around 10 stays around 1 after the
    division. Subtract the mean of the group: {right_y}, yours is {y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = grouped / np.sqrt((grouped**2).mean(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_of_images_only(x, gamma, beta, num_groups, eps=1e-5):
    """N, C, H, W = x.shape: that is right for images and an error for a table with its 2 axes. x.reshape(N,
    num_groups, -1) serves any number of axes."""
    N, C, H, W = x.shape
    x_hat = normalize(x.reshape(N, num_groups, C // num_groups, H, W), (2, 3, 4), eps)[0].reshape(N, C, H, W)
    return gamma.reshape(1, C, 1, 1) * x_hat + beta.reshape(1, C, 1, 1)


@slip_of("group_norm")
def group_norm_left_in_groups(x, gamma, beta, num_groups, eps=1e-5):
    """returning the grouped array: the numbers are right, but the layer must give back the shape it got, and gamma
    was applied per group. .reshape(x.shape) comes before gamma; the first row is {right_y}."""
    x_hat = normalize(x.reshape(len(x), num_groups, -1), (2,), eps)[0]
    return gamma[:num_groups, None] * x_hat + beta[:num_groups, None]


@slip_of("group_norm")
def group_norm_in_place(x, gamma, beta, num_groups, eps=1e-5):
    """writing into x: a reshape is a view of the same memory, so grouped -= mean changes the caller's 1, 3, 10, 30 as
    well. Write grouped = grouped - mean."""
    grouped = x.reshape(len(x), num_groups, -1)
    grouped -= grouped.mean(2, keepdims=True)
    x_hat = grouped / np.sqrt((grouped**2).mean(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_with_a_half_outside(x, gamma, beta, num_groups, eps=1e-5):
    """std = (var + eps) ** 1/2: a power binds before a division, so that is half the variance, and no root. With ** 0.5
    or np.sqrt it is one; the first row is {right_y}, yours {y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / ((grouped.var(2, keepdims=True) + eps) / 2)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


@slip_of("group_norm")
def group_norm_halved_by_a_power(x, gamma, beta, num_groups, eps=1e-5):
    """dividing by (var + eps) ** 1/2 in the same line: Python reads ((x - mean) / (var + eps) ** 1) / 2, without any
    root. np.sqrt(var + eps) cannot be misread: {right_y} in the first row, not {y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / (grouped.var(2, keepdims=True) + eps) / 2
    return _scaled(x_hat.reshape(x.shape), gamma, beta)
