"""Wrong answers to the exercise `group_norm_backward`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import batch_axes, normalize, normalize_backward

from .parts import by_groups, column


def _backward(dy, x, gamma, num_groups, eps, projection=None, cut=None, axes=(2,), gamma_first=True):
    """The right answer, with parts to exchange: the projection, the shape in groups, its axes, where gamma comes."""
    cut = cut or (len(x), num_groups, -1)
    x_hat, _, var = normalize(x.reshape(cut), axes, eps)
    scale = column(gamma, x)
    dx_hat = (scale * dy if gamma_first else dy).reshape(cut)
    project = projection or (lambda dx_hat, x_hat, var: normalize_backward(dx_hat, x_hat, var, axes, eps))
    dx = project(dx_hat, x_hat, var).reshape(x.shape)
    x_hat, over = x_hat.reshape(x.shape), batch_axes(x.ndim)
    return dx if gamma_first else scale * dx, (dy * x_hat).sum(over), dy.sum(over)


def _mean(a):
    return a.mean(2, keepdims=True)


@slip_of("group_norm_backward")
def constants_for_statistics(dy, x, gamma, num_groups, eps=1e-5):
    """dx = gamma * dy / std alone: mean and variance depend on x too, and their two terms are missing. dx must sum to 0
    over each group: yours is {dx} in the first image, expected {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: d / np.sqrt(var + eps))


@slip_of("group_norm_backward")
def without_the_mean_term(dy, x, gamma, num_groups, eps=1e-5):
    """leaving out mean(dx_hat): a shift of the whole group changes nothing in y, so dx must sum to 0 over a group.
    Your first image: {dx}."""
    return _backward(
        dy, x, gamma, num_groups, eps, lambda d, x_hat, var: (d - x_hat * _mean(d * x_hat)) / np.sqrt(var + eps)
    )


@slip_of("group_norm_backward")
def without_the_x_hat_term(dy, x, gamma, num_groups, eps=1e-5):
    """leaving out x_hat * mean(dx_hat * x_hat): stretching a group changes nothing in y (but for eps), so nothing
    along x_hat may come back. In the first image you have {dx}, 2 terms are to be subtracted: {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: (d - _mean(d)) / np.sqrt(var + eps))


@slip_of("group_norm_backward")
def with_a_plus(dy, x, gamma, num_groups, eps=1e-5):
    """adding the part along x_hat: a projection *removes* it, minus in front of both means. What should go to 0 is
    doubled: {dx} against {right_dx}."""
    return _backward(
        dy,
        x,
        gamma,
        num_groups,
        eps,
        lambda d, x_hat, var: (d - _mean(d) + x_hat * _mean(d * x_hat)) / np.sqrt(var + eps),
    )


@slip_of("group_norm_backward")
def gamma_after_the_projection(dy, x, gamma, num_groups, eps=1e-5):
    """gamma * normalize_backward(dy): harmless in BatchNorm, where a statistic sees one channel and so one gamma. A
    group has several, and the means must be of gamma * dy. First image: {dx}, expected {right_dx}."""
    return _backward(dy, x, gamma, num_groups, eps, gamma_first=False)


@slip_of("group_norm_backward")
def gamma_forgotten(dy, x, gamma, num_groups, eps=1e-5):
    """dx without gamma: y is gamma * x_hat + beta, so what arrives at x_hat is gamma * dy. You return {dx} for the
    first image, with gamma it is {right_dx}."""
    ones = np.ones_like(gamma)
    return _backward(dy, x, ones, num_groups, eps)


@slip_of("group_norm_backward")
def over_the_axes_of_batch_norm(dy, x, gamma, num_groups, eps=1e-5):
    """the projection of BatchNorm: means over the images, one per channel. Group norm's statistics never left the
    image, so a dy for image 0 cannot reach image 1; in yours it does."""
    axes = batch_axes(x.ndim)
    x_hat, _, var = normalize(x, axes, eps)
    dx = normalize_backward(column(gamma, x) * dy, x_hat, var, axes, eps)
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


@slip_of("group_norm_backward")
def of_one_group(dy, x, gamma, num_groups, eps=1e-5):
    """ignoring num_groups: one mean over the whole image is layer norm, 1 group. In the example channels 0 and 1 are
    one group, 2 and 3 another: {right_dx}, you return {dx}."""
    return _backward(dy, x, gamma, 1, eps)


@slip_of("group_norm_backward")
def of_groups_of_that_size(dy, x, gamma, num_groups, eps=1e-5):
    """groups of num_groups channels each: with 6 channels and num_groups = 2 yours are 3 groups. The second axis of the
    reshape is num_groups itself."""
    return _backward(dy, x, gamma, x.shape[1] // num_groups, eps)


@slip_of("group_norm_backward")
def of_every_third_channel(dy, x, gamma, num_groups, eps=1e-5):
    """groups of channels dealt out in turn: channel 0 goes with 3 of 6 when there are 3 groups. The forward pass took
    neighbours, 0 with 1, and the way back must be the same."""
    cut = (len(x), x.shape[1] // num_groups, num_groups, -1)
    return _backward(dy, x, gamma, num_groups, eps, cut=cut, axes=(1, 3))


@slip_of("group_norm_backward")
def at_each_position(dy, x, gamma, num_groups, eps=1e-5):
    """means over the channels of a group only: a group of 2 channels and 15 pixels is 30 numbers with one mean; yours
    are 15 means of 2. The positions belong to the group."""
    cut = (len(x), num_groups, x.shape[1] // num_groups, -1)
    return _backward(dy, x, gamma, num_groups, eps, cut=cut)


@slip_of("group_norm_backward")
def dgamma_per_group(dy, x, gamma, num_groups, eps=1e-5):
    """dgamma and dbeta summed over the group, one for every image and group: but gamma is (C,), one for each channel
    and the same for all images. dgamma is {dgamma}, expected {right_dgamma}: sum over every axis but 1."""
    dx, _, _ = _backward(dy, x, gamma, num_groups, eps)
    cut = (len(x), num_groups, -1)
    x_hat = normalize(x.reshape(cut), (2,), eps)[0]
    return dx, (dy.reshape(cut) * x_hat).sum(2), dy.reshape(cut).sum(2)


@slip_of("group_norm_backward")
def dgamma_shared_in_a_group(dy, x, gamma, num_groups, eps=1e-5):
    """one dgamma for all channels of a group: they share mean and variance, not gamma. Yours is {dgamma}, each channel
    by itself gives {right_dgamma}."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    size = len(gamma) // num_groups
    return dx, *(np.repeat(v.reshape(num_groups, size).sum(1), size) for v in (dgamma, dbeta))


@slip_of("group_norm_backward")
def dgamma_of_the_batch_only(dy, x, gamma, num_groups, eps=1e-5):
    """summing dgamma over axis 0 only: in images that leaves (C, H, W), one number for every pixel. PyTorch's LayerNorm
    has such a gamma, group norm has C numbers: sum over the positions too."""
    dx, _, _ = _backward(dy, x, gamma, num_groups, eps)
    return dx, (dy * by_groups(x, num_groups, eps)).sum(0), dy.sum(0)


@slip_of("group_norm_backward")
def dgamma_as_a_mean(dy, x, gamma, num_groups, eps=1e-5):
    """averaging where a sum belongs: gamma[c] stands in front of every value of its channel and collects from all of
    them. dbeta = {dbeta}, the sum is {right_dbeta}: 2 images, so twice as much."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    values = x.size / x.shape[1]
    return dx, dgamma / values, dbeta / values


@slip_of("group_norm_backward")
def dgamma_with_x(dy, x, gamma, num_groups, eps=1e-5):
    """dgamma = sum(dy * x): gamma multiplies x_hat, the normalized values, so they are what its gradient contains.
    {dgamma}, expected {right_dgamma}."""
    dx, _, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, (dy * x).sum(batch_axes(x.ndim)), dbeta


@slip_of("group_norm_backward")
def dgamma_with_x_hat_of_batch_norm(dy, x, gamma, num_groups, eps=1e-5):
    """dgamma from BatchNorm's x_hat: normalize(x, batch_axes(x.ndim)) is another array than the groups made, and gamma
    multiplied theirs. Take the x_hat of dx, .reshape(x.shape): dgamma is {right_dgamma}, yours {dgamma}."""
    dx, _, dbeta = _backward(dy, x, gamma, num_groups, eps)
    axes = batch_axes(x.ndim)
    return dx, (dy * normalize(x, axes, eps)[0]).sum(axes), dbeta


@slip_of("group_norm_backward")
def dgamma_and_dbeta_of_dx_hat(dy, x, gamma, num_groups, eps=1e-5):
    """summing gamma * dy in place of dy: dx_hat is what arrives *behind* gamma, dgamma and dbeta belong in front of it.
    dbeta is the sum of dy, {right_dbeta}; yours is {dbeta}."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, gamma * dgamma, gamma * dbeta


@slip_of("group_norm_backward")
def dgamma_with_gamma_in_it(dy, x, gamma, num_groups, eps=1e-5):
    """a factor gamma in dgamma: it came in by dx_hat, which is gamma * dy, or by y, which is gamma * x_hat. Plain dy
    times plain x_hat, summed, is {right_dgamma}; you return {dgamma}."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, gamma * dgamma, dbeta


@slip_of("group_norm_backward")
def dgamma_and_dbeta_swapped(dy, x, gamma, num_groups, eps=1e-5):
    """dbeta in the place of dgamma: the order is dx, dgamma, dbeta. The second output of the example is {right_dgamma};
    yours is {dgamma}, the plain sums of dy."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx, dbeta, dgamma


@slip_of("group_norm_backward")
def dx_without_eps(dy, x, gamma, num_groups, eps=1e-5):
    """eps left out of the way back: the forward pass divided by sqrt(var + eps), so that root stands in dx as well.
    With eps = 0.1: {right_dx}, without {dx}."""
    return _backward(dy, x, gamma, num_groups, 0.0)


@slip_of("group_norm_backward")
def dx_with_its_own_eps(dy, x, gamma, num_groups, eps=1e-5):
    """a fixed 1e-5: the argument eps is not handed on to normalize and normalize_backward. For 0.1 the first image is
    {right_dx}, you have {dx}."""
    return _backward(dy, x, gamma, num_groups, 1e-5)


@slip_of("group_norm_backward")
def dx_with_eps_in_the_forward_half_only(dy, x, gamma, num_groups, eps=1e-5):
    """an eps for x_hat and another one for the projection: normalize got yours, normalize_backward kept its default, so
    dx is divided by a root that never stood in y. {dx} becomes {right_dx} once both agree."""
    return _backward(dy, x, gamma, num_groups, eps, lambda d, x_hat, var: normalize_backward(d, x_hat, var, (2,)))


@slip_of("group_norm_backward")
def dx_with_keras_eps(dy, x, gamma, num_groups, eps=1e-3):
    """1e-3 when eps is not given: forward and backward pass must have the same default, here 1e-5, or the gradient
    belongs to another function."""
    return _backward(dy, x, gamma, num_groups, eps)


@slip_of("group_norm_backward")
def dx_by_the_variance(dy, x, gamma, num_groups, eps=1e-5):
    """dividing dx by var + eps: one root is missing, and a group with standard deviation 10 gets a gradient 10 times
    too small. {dx}, expected {right_dx}."""
    return _backward(
        dy,
        x,
        gamma,
        num_groups,
        eps,
        lambda d, x_hat, var: (d - _mean(d) - x_hat * _mean(d * x_hat)) / (var + eps),
    )


@slip_of("group_norm_backward")
def dx_left_in_groups(dy, x, gamma, num_groups, eps=1e-5):
    """dx in the shape of the groups: it is right number by number, but the layer before expects the shape of x, (2, 4)
    in the example. End with .reshape(x.shape)."""
    dx, dgamma, dbeta = _backward(dy, x, gamma, num_groups, eps)
    return dx.reshape(len(x), num_groups, -1), dgamma, dbeta
