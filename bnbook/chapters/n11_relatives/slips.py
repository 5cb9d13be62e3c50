"""Wrong answers to the exercises of notebook 11."""

import numpy as np

from bnbook.norm_numpy import batch_axes, normalize, normalize_backward


def _column(vector, x):
    return vector.reshape(-1, *[1] * (x.ndim - 2))


def _scaled(x_hat, gamma, beta):
    return _column(gamma, x_hat) * x_hat + _column(beta, x_hat)


def _by_groups(x, num_groups, eps):
    """x_hat of group norm, the right one."""
    return normalize(x.reshape(len(x), num_groups, -1), (2,), eps)[0].reshape(x.shape)


# --- group_norm(x, gamma, beta, num_groups, eps) -> y ----------------------------------------------------------------


def group_norm_of_every_third_channel(x, gamma, beta, num_groups, eps=1e-5):
    """dealing the channels out to the groups in turn: with 6 channels and 3 groups yours are 0 and 3, 1 and 4, 2 and
    5. Groups are neighbours: 0 and 1, 2 and 3, 4 and 5, which is how reshape(N, num_groups, ...) cuts them."""
    N, C = x.shape[:2]
    dealt = x.reshape(N, C // num_groups, num_groups, -1)
    return _scaled(normalize(dealt, (1, 3), eps)[0].reshape(x.shape), gamma, beta)


def group_norm_with_groups_of_that_size(x, gamma, beta, num_groups, eps=1e-5):
    """taking num_groups for the number of channels in a group: with 6 channels, 2 groups are 3 channels each, yours
    are 3 groups of 2. Cut axis 1 into num_groups pieces, and let -1 find out how long they are."""
    N, C = x.shape[:2]
    cut = x.reshape(N, C // num_groups, num_groups, -1)
    return _scaled(normalize(cut, (2, 3), eps)[0].reshape(x.shape), gamma, beta)


def group_norm_over_the_batch(x, gamma, beta, num_groups, eps=1e-5):
    """averaging over the images too: then an image depends on its companions again, the one thing group norm is there
    to avoid. On the example the second image changes your first row, {y}; alone it is {right_y}."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, -1)
    return _scaled(normalize(grouped, (0, 2), eps)[0].reshape(x.shape), gamma, beta)


def group_norm_at_each_position(x, gamma, beta, num_groups, eps=1e-5):
    """averaging over the channels of a group at every pixel by itself: 2 channels then leave only +1 and -1 of a
    pixel. The positions belong into the same mean: one per image and group."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, C // num_groups, -1)
    return _scaled(normalize(grouped, (2,), eps)[0].reshape(x.shape), gamma, beta)


def group_norm_without_groups_per_channel(x, gamma, beta, num_groups, eps=1e-5):
    """normalizing each channel of each image by itself: that is instance norm, C groups, whatever num_groups says. On
    the example, a table, a channel of an image is a single number, and only beta is left: {y}."""
    return _scaled(normalize(x, tuple(range(2, x.ndim)), eps)[0] if x.ndim > 2 else 0 * x, gamma, beta)


def group_norm_without_groups_per_image(x, gamma, beta, num_groups, eps=1e-5):
    """one mean for a whole image: that is layer norm, 1 group, whatever num_groups says. In the example the numbers 1
    and 3 then share a mean with 10 and 30: {y} in place of {right_y}."""
    return _scaled(normalize(x, tuple(range(1, x.ndim)), eps)[0], gamma, beta)


def group_norm_of_blocks_of_the_batch(x, gamma, beta, num_groups, eps=1e-5):
    """x.reshape(num_groups, -1): without N in front the whole batch is cut into num_groups blocks of images, and no
    channel was ever separated from another. Each image needs its own: reshape(N, num_groups, -1)."""
    return _scaled(normalize(x.reshape(num_groups, -1), (1,), eps)[0].reshape(x.shape), gamma, beta)


def group_norm_with_eps_outside(x, gamma, beta, num_groups, eps=1e-5):
    """sqrt(var) + eps in place of sqrt(var + eps): where the variance is 1e-5, as in one group here, that is 0.0032
    and not 0.0045. eps goes under the root, as in notebook 02."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / (grouped.std(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


def group_norm_without_eps(x, gamma, beta, num_groups, eps=1e-5):
    """leaving eps out: dividing by the bare standard deviation turns a flat patch into 0 / 0. With eps = 0.1 the
    first row of the example is {right_y}, yours is {y}."""
    return _scaled(_by_groups(x, num_groups, 0.0), gamma, beta)


def group_norm_with_its_own_eps(x, gamma, beta, num_groups, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. Called with 0.1 you return {y}, expected
    {right_y}."""
    return _scaled(_by_groups(x, num_groups, 1e-5), gamma, beta)


def group_norm_with_keras_eps(x, gamma, beta, num_groups, eps=1e-3):
    """another default: 1e-3 is what Keras' layer takes when nobody says, PyTorch's and ours take 1e-5. In a group of
    variance 1e-5 the result is then 7 times too small."""
    return _scaled(_by_groups(x, num_groups, eps), gamma, beta)


def group_norm_by_m_minus_1(x, gamma, beta, num_groups, eps=1e-5):
    """dividing the squares by m - 1: the group speaks for itself, nothing is estimated, so m. (torch.var divides by
    m - 1 unless told correction=0.) Your first row is {y}, expected {right_y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    m = grouped.shape[2]
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) * m / (m - 1) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


def group_norm_by_the_variance(x, gamma, beta, num_groups, eps=1e-5):
    """dividing by var + eps without the root: a group 10 times as wide comes out 10 times narrower. The first row of
    the example becomes {y} and should be {right_y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = (grouped - grouped.mean(2, keepdims=True)) / (grouped.var(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


def group_norm_by_the_mean_variance(x, gamma, beta, num_groups, eps=1e-5):
    """averaging the variances of the channels of a group: each was taken around its channel's own mean, so the spread
    *between* the channels is missing. In the example, a table, nothing else is there, and you divide by sqrt(0.1)."""
    N, C = x.shape[:2]
    grouped = x.reshape(N, num_groups, C // num_groups, -1)
    var = grouped.var(3, keepdims=True).mean(2, keepdims=True)
    x_hat = (grouped - grouped.mean((2, 3), keepdims=True)) / np.sqrt(var + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


def group_norm_in_one_pass(x, gamma, beta, num_groups, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: near 10,000 in float32 the two terms agree in all 7 digits and
    what is left is noise. Subtract the mean first, or call normalize, which does."""
    grouped = x.reshape(len(x), num_groups, -1)
    mean = grouped.mean(2, keepdims=True)
    var = (grouped * grouped).mean(2, keepdims=True) - mean * mean
    return _scaled(((grouped - mean) / np.sqrt(var + eps)).reshape(x.shape), gamma, beta)


def group_norm_scaled_first(x, gamma, beta, num_groups, eps=1e-5):
    """multiplying by gamma before the normalization: it then enters mean and variance, and one gamma in a group
    bends all its channels. Normalize first; {y} should be {right_y}."""
    return _by_groups(_column(gamma, x) * x, num_groups, eps) + _column(beta, x)


def group_norm_without_gamma_and_beta(x, gamma, beta, num_groups, eps=1e-5):
    """returning x_hat: mean 0 and variance 1, but gamma and beta are not applied. Your first row is {y}; with scale
    and shift it is {right_y}."""
    return _by_groups(x, num_groups, eps)


def group_norm_with_gamma_and_beta_swapped(x, gamma, beta, num_groups, eps=1e-5):
    """gamma and beta in each other's place: gamma multiplies, beta is added. You return {y} for the first row where
    {right_y} is meant."""
    return _scaled(_by_groups(x, num_groups, eps), beta, gamma)


def group_norm_with_gamma_along_the_last_axis(x, gamma, beta, num_groups, eps=1e-5):
    """gamma * x_hat without a reshape: NumPy lines a (C,) vector up with the *last* axis, which is W in images, and
    6 channels do not fit onto 5 columns. gamma.reshape(-1, 1, 1), with one 1 for every axis behind the channels."""
    return gamma * _by_groups(x, num_groups, eps) + beta


def group_norm_without_the_mean(x, gamma, beta, num_groups, eps=1e-5):
    """dividing only: sqrt(mean(x^2)) is how far the values are from 0, and a group around 10 stays around 1 after the
    division. Subtract the mean of the group: {right_y}, yours is {y}."""
    grouped = x.reshape(len(x), num_groups, -1)
    x_hat = grouped / np.sqrt((grouped**2).mean(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


def group_norm_of_images_only(x, gamma, beta, num_groups, eps=1e-5):
    """N, C, H, W = x.shape: that is right for images and an error for a table with its 2 axes. x.reshape(N,
    num_groups, -1) serves any number of axes."""
    N, C, H, W = x.shape
    x_hat = normalize(x.reshape(N, num_groups, C // num_groups, H, W), (2, 3, 4), eps)[0].reshape(N, C, H, W)
    return gamma.reshape(1, C, 1, 1) * x_hat + beta.reshape(1, C, 1, 1)


def group_norm_left_in_groups(x, gamma, beta, num_groups, eps=1e-5):
    """returning the grouped array: the numbers are right, but the layer must give back the shape it got, and gamma
    was applied per group. .reshape(x.shape) comes before gamma; the first row is {right_y}."""
    x_hat = normalize(x.reshape(len(x), num_groups, -1), (2,), eps)[0]
    return gamma[:num_groups, None] * x_hat + beta[:num_groups, None]


def group_norm_in_place(x, gamma, beta, num_groups, eps=1e-5):
    """writing into x: a reshape is a view of the same memory, so grouped -= mean changes the caller's 1, 3, 10, 30 as
    well. Write grouped = grouped - mean."""
    grouped = x.reshape(len(x), num_groups, -1)
    grouped -= grouped.mean(2, keepdims=True)
    x_hat = grouped / np.sqrt((grouped**2).mean(2, keepdims=True) + eps)
    return _scaled(x_hat.reshape(x.shape), gamma, beta)


group_norm = [
    group_norm_of_every_third_channel,
    group_norm_with_groups_of_that_size,
    group_norm_over_the_batch,
    group_norm_at_each_position,
    group_norm_without_groups_per_channel,
    group_norm_without_groups_per_image,
    group_norm_of_blocks_of_the_batch,
    group_norm_with_eps_outside,
    group_norm_without_eps,
    group_norm_with_its_own_eps,
    group_norm_with_keras_eps,
    group_norm_by_m_minus_1,
    group_norm_by_the_variance,
    group_norm_by_the_mean_variance,
    group_norm_in_one_pass,
    group_norm_scaled_first,
    group_norm_without_gamma_and_beta,
    group_norm_with_gamma_and_beta_swapped,
    group_norm_with_gamma_along_the_last_axis,
    group_norm_without_the_mean,
    group_norm_of_images_only,
    group_norm_left_in_groups,
    group_norm_in_place,
]


# --- rms_norm(x, gamma, eps) -> y ------------------------------------------------------------------------------------


def _divided(x, gamma, square, eps):
    return _column(gamma, x) * x / np.sqrt(square + eps)


def _per_image(x):
    return tuple(range(1, x.ndim))


def rms_norm_with_the_mean_subtracted(x, gamma, eps=1e-5):
    """subtracting the mean: that is layer norm without beta. In RMS norm the mean stays, and the ratio of 3
    and 4 with it: {right_y} after gamma. Yours made them opposites first: {y}."""
    return _column(gamma, x) * normalize(x, _per_image(x), eps)[0]


def rms_norm_by_the_standard_deviation(x, gamma, eps=1e-5):
    """dividing by the standard deviation: x.var() takes the mean away before it squares, here nothing is taken away.
    For 3 and 4 the deviation is 0.5, the root mean square 3.54."""
    return _divided(x, gamma, x.var(_per_image(x), keepdims=True), eps)


def rms_norm_without_the_root(x, gamma, eps=1e-5):
    """dividing by the mean square: the R of RMS is missing. A picture 10 times as bright comes out 10 times darker;
    {y} in the first row, it should be {right_y}."""
    return _column(gamma, x) * x / ((x**2).mean(_per_image(x), keepdims=True) + eps)


def rms_norm_by_the_length(x, gamma, eps=1e-5):
    """summing the squares: that gives every image length 1, and each of 1,000 values then shrinks to about 0.03. The
    M of RMS is a mean; the first row is {right_y}, yours {y}."""
    return _divided(x, gamma, (x**2).sum(_per_image(x), keepdims=True), eps)


def rms_norm_over_the_batch(x, gamma, eps=1e-5):
    """averaging over axis 0 as BatchNorm does: each channel by all images, so the images 3, 4 and 6, 12 of the
    example get mixed. An image by itself: every axis but 0."""
    return _divided(x, gamma, (x**2).mean(batch_axes(x.ndim), keepdims=True), eps)


def rms_norm_per_channel(x, gamma, eps=1e-5):
    """each channel of each image by itself: then no channel can be louder than another, and in a table a single number
    is divided by its own size, which leaves its sign: {y}. One root mean square for the image."""
    axes = tuple(range(2, x.ndim))
    return _divided(x, gamma, (x**2).mean(axes, keepdims=True) if axes else x**2, eps)


def rms_norm_at_each_position(x, gamma, eps=1e-5):
    """averaging over axis 1 alone: every pixel by itself, as a transformer treats its tokens. Here an image (3, 5, 6)
    has one root mean square, not 30: average over the positions as well."""
    return _divided(x, gamma, (x**2).mean(1, keepdims=True), eps)


def rms_norm_of_the_last_axis(x, gamma, eps=1e-5):
    """axis -1 alone: right where the features are last, as in a transformer's (N, T, C). In images (N, C, H, W) that is
    a mean over one line of W pixels. tuple(range(1, x.ndim)) is every axis but the batch."""
    return _divided(x, gamma, (x**2).mean(-1, keepdims=True), eps)


def rms_norm_of_everything(x, gamma, eps=1e-5):
    """one number for the whole batch: (x**2).mean() without axes. The loudest image then silences the others; in the
    example the first row is {y}, by itself it is {right_y}."""
    return _divided(x, gamma, (x**2).mean(), eps)


def rms_norm_with_eps_outside(x, gamma, eps=1e-5):
    """adding eps after the root: sqrt(mean square) + 0.1 is larger than sqrt(mean square + 0.1). PyTorch puts it
    inside; your first row is {y}, expected {right_y}."""
    return _column(gamma, x) * x / (np.sqrt((x**2).mean(_per_image(x), keepdims=True)) + eps)


def rms_norm_without_eps(x, gamma, eps=1e-5):
    """no eps at all: a black image is 0 / 0 = nan, and a nearly black one is blown up to full size. Add eps to the
    mean square: {right_y}, you have {y}."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), 0.0)


def rms_norm_with_a_floor(x, gamma, eps=1e-5):
    """np.maximum(mean square, eps): it guards against 0 as well, but above eps it does nothing, while adding eps
    always shifts a little: {right_y} with eps = 0.1, yours {y}."""
    return _divided(x, gamma, np.maximum((x**2).mean(_per_image(x), keepdims=True), eps), 0.0)


def rms_norm_with_its_own_eps(x, gamma, eps=1e-5):
    """a fixed 1e-5 inside: the eps that was handed over, 0.1 in the example, is ignored. You return {y} where it asks
    for {right_y}."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), 1e-5)


def rms_norm_with_llamas_eps(x, gamma, eps=1e-6):
    """1e-6 as the default: that is what Llama's code has; this course uses 1e-5 everywhere, and an image of mean square
    1e-5 comes out 1.35 times too large without anyone noticing."""
    return _divided(x, gamma, (x**2).mean(_per_image(x), keepdims=True), eps)


def rms_norm_by_the_mean_size(x, gamma, eps=1e-5):
    """averaging |x|: the mean of 3 and 4 is 3.5, their root mean square 3.54. Near, but every large value counts less:
    squares, mean, root, in this order."""
    return _divided(x, gamma, np.abs(x).mean(_per_image(x), keepdims=True) ** 2, eps)


def rms_norm_by_the_squared_mean(x, gamma, eps=1e-5):
    """squaring the mean: mean(x)^2 and mean(x^2) differ by the variance, and the mean may be 0 while the image is not.
    Square first: for 3 and 4 it is 12.5, not 12.25."""
    return _divided(x, gamma, x.mean(_per_image(x), keepdims=True) ** 2, eps)


def rms_norm_without_gamma(x, gamma, eps=1e-5):
    """leaving gamma out: the plain quotient {y} is the start of training, where gamma is 1; here it should be
    {right_y}."""
    return _divided(x, np.ones_like(gamma), (x**2).mean(_per_image(x), keepdims=True), eps)


def rms_norm_with_one_plus_gamma(x, gamma, eps=1e-5):
    """multiplying by 1 + gamma: Gemma stores gamma - 1, so that weights start at 0, and files from there need it. Here
    gamma is the factor itself: {right_y}, you return {y}."""
    return _divided(x, 1 + gamma, (x**2).mean(_per_image(x), keepdims=True), eps)


def rms_norm_with_gamma_along_the_last_axis(x, gamma, eps=1e-5):
    """gamma * x without a reshape: a (C,) vector meets the last axis, W, and 3 channels do not fit onto 6 columns.
    The channels are axis 1: gamma.reshape(-1, *[1] * (x.ndim - 2))."""
    return gamma * x / np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)


def rms_norm_multiplying(x, gamma, eps=1e-5):
    """multiplying by the root mean square: loud images get louder still, {y}. Divide, so that 3 and 4 become about
    0.85 and 1.13 before gamma."""
    return _column(gamma, x) * x * np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)


def rms_norm_in_place(x, gamma, eps=1e-5):
    """x /= ...: the caller's 3 and 4 are gone afterwards, and a residual connection around the norm would add the wrong
    thing. x / ... makes a new array."""
    x /= np.sqrt((x**2).mean(_per_image(x), keepdims=True) + eps)
    return _column(gamma, x) * x


rms_norm = [
    rms_norm_with_the_mean_subtracted,
    rms_norm_by_the_standard_deviation,
    rms_norm_without_the_root,
    rms_norm_by_the_length,
    rms_norm_over_the_batch,
    rms_norm_per_channel,
    rms_norm_at_each_position,
    rms_norm_of_the_last_axis,
    rms_norm_of_everything,
    rms_norm_with_eps_outside,
    rms_norm_without_eps,
    rms_norm_with_a_floor,
    rms_norm_with_its_own_eps,
    rms_norm_with_llamas_eps,
    rms_norm_by_the_mean_size,
    rms_norm_by_the_squared_mean,
    rms_norm_without_gamma,
    rms_norm_with_one_plus_gamma,
    rms_norm_with_gamma_along_the_last_axis,
    rms_norm_multiplying,
    rms_norm_in_place,
]


# --- group_norm_backward(dy, x, gamma, num_groups, eps) -> dx, dgamma, dbeta -----------------------------------------


def _backward(dy, x, gamma, num_groups, eps, projection=None, cut=None, axes=(2,), gamma_first=True):
    """The right answer, with parts to exchange: the projection, the shape in groups, its axes, where gamma comes."""
    cut = cut or (len(x), num_groups, -1)
    x_hat, _, var = normalize(x.reshape(cut), axes, eps)
    scale = _column(gamma, x)
    dx_hat = (scale * dy if gamma_first else dy).reshape(cut)
    project = projection or (lambda dx_hat, x_hat, var: normalize_backward(dx_hat, x_hat, var, axes, eps))
    dx = project(dx_hat, x_hat, var).reshape(x.shape)
    x_hat, over = x_hat.reshape(x.shape), batch_axes(x.ndim)
    return dx if gamma_first else scale * dx, (dy * x_hat).sum(over), dy.sum(over)


def _mean(a):
    return a.mean(2, keepdims=True)


def constants_for_statistics(dy, x, gamma, num_groups, eps=1e-5):
    """dx = gamma * dy / std alone: mean and variance depend on x too, and their two terms are missing. dx must sum to 0
    over each group: yours is {dx} in the first image, expected {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: d / np.sqrt(var + eps))


def without_the_mean_term(dy, x, gamma, num_groups, eps=1e-5):
    """leaving out mean(dx_hat): a shift of the whole group changes nothing in y, so dx must sum to 0 over a group.
    Your first image: {dx}."""
    return _backward(
        dy, x, gamma, num_groups, eps, lambda d, x_hat, var: (d - x_hat * _mean(d * x_hat)) / np.sqrt(var + eps)
    )


def without_the_x_hat_term(dy, x, gamma, num_groups, eps=1e-5):
    """leaving out x_hat * mean(dx_hat * x_hat): stretching a group changes nothing in y (but for eps), so nothing
    along x_hat may come back. In the first image you have {dx}, 2 terms are to be subtracted: {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: (d - _mean(d)) / np.sqrt(var + eps))


def with_a_plus(dy, x, gamma, num_groups, eps=1e-5):
    """adding the part along x_hat: a projection *removes* it, minus in front of both means. What should go to 0 is
    doubled: {dx} against {right_dx}."""
    return _backward(
        *(dy, x, gamma, num_groups, eps),
        lambda d, x_hat, var: (d - _mean(d) + x_hat * _mean(d * x_hat)) / np.sqrt(var + eps),
    )


def gamma_after_the_projection(dy, x, gamma, num_groups, eps=1e-5):
    """gamma * normalize_backward(dy): harmless in BatchNorm, where a statistic sees one channel and so one gamma. A
    group has several, and the means must be of gamma * dy. First image: {dx}, expected {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, gamma_first=False)


def gamma_forgotten(dy, x, gamma, num_groups, eps=1e-5):
    """dx without gamma: y is gamma * x_hat + beta, so what arrives at x_hat is gamma * dy. You return {dx} for the
    first image, with gamma it is {right_dx}."""
    ones = np.ones_like(gamma)
    return _backward(dy, x, ones, num_groups, eps)


def over_the_axes_of_batch_norm(dy, x, gamma, num_groups, eps=1e-5):
    """the projection of BatchNorm: means over the images, one per channel. Group norm's statistics never left the
    image, so a dy for image 0 cannot reach image 1; in yours it does."""
    axes = batch_axes(x.ndim)
    x_hat, _, var = normalize(x, axes, eps)
    dx = normalize_backward(_column(gamma, x) * dy, x_hat, var, axes, eps)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


def of_one_group(dy, x, gamma, num_groups, eps=1e-5):
    """num_groups is not used: one mean over the whole image is layer norm, 1 group. In the example channels 0 and 1 are
    one group, 2 and 3 another: {right_dx}, you return {dx}."""
    return _backward(dy, x, gamma, 1, eps)


def of_groups_of_that_size(dy, x, gamma, num_groups, eps=1e-5):
    """groups of num_groups channels each: with 6 channels and num_groups = 2 yours are 3 groups. The second axis of the
    reshape is num_groups itself."""
    return _backward(dy, x, gamma, x.shape[1] // num_groups, eps)


def of_every_third_channel(dy, x, gamma, num_groups, eps=1e-5):
    """groups of channels dealt out in turn: channel 0 goes with 3 of 6 when there are 3 groups. The forward pass took
    neighbours, 0 with 1, and the way back must be the same."""
    cut = (len(x), x.shape[1] // num_groups, num_groups, -1)
    return _backward(dy, x, gamma, num_groups, eps, cut=cut, axes=(1, 3))


def at_each_position(dy, x, gamma, num_groups, eps=1e-5):
    """means over the channels of a group only: a group of 2 channels and 15 pixels is 30 numbers with one mean; yours
    are 15 means of 2. The positions belong to the group."""
    cut = (len(x), num_groups, x.shape[1] // num_groups, -1)
    return _backward(dy, x, gamma, num_groups, eps, cut=cut)


def dgamma_per_group(dy, x, gamma, num_groups, eps=1e-5):
    """dgamma and dbeta summed over the group, one for every image and group: but gamma is (C,), one for each channel
    and the same for all images. dgamma is {dgamma}, expected {right_dgamma}: sum over every axis but 1."""
    dx, _, _ = _backward(dy, x, gamma, num_groups, eps)
    cut = (len(x), num_groups, -1)
    x_hat = normalize(x.reshape(cut), (2,), eps)[0]
    return dx, (dy.reshape(cut) * x_hat).sum(2), dy.reshape(cut).sum(2)


def dgamma_shared_in_a_group(dy, x, gamma, num_groups, eps=1e-5):
    """one dgamma for all channels of a group: they share mean and variance, not gamma. Yours is {dgamma}, each channel
    by itself gives {right_dgamma}."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    size = len(gamma) // num_groups
    return dx, *(np.repeat(v.reshape(num_groups, size).sum(1), size) for v in (dgamma, dbeta))


def dgamma_of_the_batch_only(dy, x, gamma, num_groups, eps=1e-5):
    """summing dgamma over axis 0 only: in images that leaves (C, H, W), one number for every pixel. PyTorch's LayerNorm
    has such a gamma, group norm has C numbers: sum over the positions too."""
    dx, _, _ = _backward(dy, x, gamma, num_groups, eps)
    return dx, (dy * _by_groups(x, num_groups, eps)).sum(0), dy.sum(0)


def dgamma_as_a_mean(dy, x, gamma, num_groups, eps=1e-5):
    """averaging where a sum belongs: gamma[c] stands in front of every value of its channel and collects from all of
    them. dbeta = {dbeta}, the sum is {right_dbeta}: 2 images, so twice as much."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    values = x.size / x.shape[1]
    return dx, dgamma / values, dbeta / values


def dgamma_with_x(dy, x, gamma, num_groups, eps=1e-5):
    """dgamma = sum(dy * x): gamma multiplies x_hat, the normalized values, so they are what its gradient contains.
    {dgamma}, expected {right_dgamma}."""
    dx, _, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, (dy * x).sum(batch_axes(x.ndim)), dbeta


def dgamma_and_dbeta_swapped(dy, x, gamma, num_groups, eps=1e-5):
    """dbeta in the place of dgamma: the order is dx, dgamma, dbeta. The second output of the example is {right_dgamma};
    yours is {dgamma}, the plain sums of dy."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, dbeta, dgamma


def dx_without_eps(dy, x, gamma, num_groups, eps=1e-5):
    """eps left out of the way back: the forward pass divided by sqrt(var + eps), so that root stands in dx as well.
    With eps = 0.1: {right_dx}, without {dx}."""
    return _backward(dy, x, gamma, num_groups, 0.0)


def dx_with_its_own_eps(dy, x, gamma, num_groups, eps=1e-5):
    """a fixed 1e-5: the argument eps is not handed on to normalize and normalize_backward. For 0.1 the first image is
    {right_dx}, you have {dx}."""
    return _backward(dy, x, gamma, num_groups, 1e-5)


def dx_with_eps_in_the_forward_half_only(dy, x, gamma, num_groups, eps=1e-5):
    """an eps for x_hat and another one for the projection: normalize got yours, normalize_backward kept its default, so
    dx is divided by a root that never stood in y. {dx} becomes {right_dx} once both agree."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: normalize_backward(d, x_hat, var, (2,)))


def dx_with_keras_eps(dy, x, gamma, num_groups, eps=1e-3):
    """1e-3 when eps is not given: forward and backward pass must have the same default, here 1e-5, or the gradient
    belongs to another function."""
    return _backward(dy, x, gamma, num_groups, eps)


def dx_by_the_variance(dy, x, gamma, num_groups, eps=1e-5):
    """dividing dx by var + eps: one root is missing, and a group with standard deviation 10 gets a gradient 10 times
    too small. {dx}, expected {right_dx}."""
    return _backward(
        *(dy, x, gamma, num_groups, eps),
        lambda d, x_hat, var: (d - _mean(d) - x_hat * _mean(d * x_hat)) / (var + eps),
    )


def dx_left_in_groups(dy, x, gamma, num_groups, eps=1e-5):
    """dx in the shape of the groups: it is right number by number, but the layer before expects the shape of x, (2, 4)
    in the example. End with .reshape(x.shape)."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx.reshape(len(x), num_groups, -1), dgamma, dbeta


group_norm_backward = [
    constants_for_statistics,
    without_the_mean_term,
    without_the_x_hat_term,
    with_a_plus,
    gamma_after_the_projection,
    gamma_forgotten,
    over_the_axes_of_batch_norm,
    of_one_group,
    of_groups_of_that_size,
    of_every_third_channel,
    at_each_position,
    dgamma_per_group,
    dgamma_shared_in_a_group,
    dgamma_of_the_batch_only,
    dgamma_as_a_mean,
    dgamma_with_x,
    dgamma_and_dbeta_swapped,
    dx_without_eps,
    dx_with_its_own_eps,
    dx_with_eps_in_the_forward_half_only,
    dx_with_keras_eps,
    dx_by_the_variance,
    dx_left_in_groups,
]
