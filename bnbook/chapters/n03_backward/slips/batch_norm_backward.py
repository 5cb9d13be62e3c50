"""Wrong answers to the exercise `batch_norm_backward`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.grading.inputs import columns
from bnbook.norm_numpy import batch_axes

# --- batch_norm_backward(dy, x, gamma, mean, var, eps) -> dx, dgamma, dbeta ----------------------------------------
# The first channel of the small example is the batch of the graph that notebook 03 draws: dinv_std 12, dvar -0.09375.


def _right(dy, x, gamma, mean, var, eps, *, one=1.0, other=1.0, of=None, by=None):
    """The right gradients in one formula whose parts can be bent.

    one, other  factors on the two parts that are taken away      by  in place of inv_std, in front of the bracket
    of          in place of x_hat, in dgamma and in the bracket
    """
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = columns(x, gamma, mean, var)
    inv_std = 1 / np.sqrt(v + eps)
    x_hat = (x - mu) * inv_std if of is None else of
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    sum_x_hat, sum_one = columns(x, dgamma, dbeta)
    bracket = dy - one * sum_one / m - other * x_hat * sum_x_hat / m
    return g * (inv_std if by is None else by) * bracket, dgamma, dbeta


@slip_of("batch_norm_backward")
def constant_statistics(dy, x, gamma, mean, var, eps=1e-5):
    """treating mean and var as constants: gamma * dy / std is what one value does to itself, but it also moves the mean
    and the variance of the whole batch. Your dx starts with {dx}, the gradient with {right_dx}. (In evaluation mode,
    where the statistics are stored ones, it is right.)"""
    return _right(dy, x, gamma, mean, var, eps, one=0, other=0)


@slip_of("batch_norm_backward")
def without_the_mean_path(dy, x, gamma, mean, var, eps=1e-5):
    """forgetting the path through the mean, or sending 0 along it: shifting a whole channel changes no output, so the
    sum of dx over a channel is 0; yours is not. In stages: dmean = -sum(ddeviation), with both parts of ddeviation in
    it (-1.5 on the drawn graph; the part from var alone sums to 0), and each x gets dmean / m."""
    return _right(dy, x, gamma, mean, var, eps, one=0)


@slip_of("batch_norm_backward")
def without_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """losing the path through the variance, by forgetting it or by giving all values of a channel the same share (2 *
    mean * dvar / m in place of 2 * deviation * dvar / m): your dx starts with {dx} and should start with {right_dx}. In
    stages: deviation has 2 arrows out, and on the drawn graph (0.25, 0.0625, -0.3125) comes back from var."""
    return _right(dy, x, gamma, mean, var, eps, other=0)


@slip_of("batch_norm_backward")
def raw_x_in_place_of_x_hat(dy, x, gamma, mean, var, eps=1e-5):
    """taking x where x_hat belongs: dgamma and the last term of dx need the normalized values, made again from x, mean
    and var. On the example x is (1, 4, 10) in the first channel and x_hat (-1, -0.25, 1.25)."""
    return _right(dy, x, gamma, mean, var, eps, of=x)


@slip_of("batch_norm_backward")
def deviation_in_place_of_x_hat(dy, x, gamma, mean, var, eps=1e-5):
    """taking x - mean where x_hat belongs: it has not been divided by the standard deviation. On the example that
    is 4, and the deviation, (-4, -1, 5) in the first channel, 4 times too large."""
    return _right(dy, x, gamma, mean, var, eps, of=x - columns(x, mean)[0])


@slip_of("batch_norm_backward")
def means_for_sums(dy, x, gamma, mean, var, eps=1e-5):
    """averaging dgamma and dbeta: gamma touches all m values of a channel, and what comes back is added up. Your dbeta
    is {dbeta}, the sum is {right_dbeta}. (Whether the loss is a mean over the batch is already in dy.)"""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    m = x.size // x.shape[1]
    return dx, dgamma / m, dbeta / m


@slip_of("batch_norm_backward")
def sums_for_means(dy, x, gamma, mean, var, eps=1e-5):
    """taking away sums in place of means: dx holds dbeta / m and x_hat * dgamma / m. Without the division by m = 3 your
    dx starts with {dx} on the example, and should start with {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m, other=m)


@slip_of("batch_norm_backward")
def n_for_m(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by N, the number of images: a channel has m = N * H * W values. For a table the two are the same, for 5
    images of 4 x 6 you divide by 5 and not by 120."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m / len(x), other=m / len(x))


@slip_of("batch_norm_backward")
def m_minus_1_in_dx(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by m - 1: the forward pass divided by m, both in the mean and in the variance, so its gradient does,
    too. With m = 3 your dx starts with {dx} in place of {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m / (m - 1), other=m / (m - 1))


@slip_of("batch_norm_backward")
def m_minus_1_in_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by m - 1 on the way back through the variance: that would belong to the unbiased variance, but var was
    the mean over all m. On the example, m = 3, your dx starts with {dx}, it should start with {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, other=m / (m - 1))


@slip_of("batch_norm_backward")
def unbiased_variance(dy, x, gamma, mean, var, eps=1e-5):
    """turning var into the unbiased variance first, var * m / (m - 1): the forward pass divided by the biased one, 14
    on the example and not 21, and what it used is what counts."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, np.asarray(var) * m / (m - 1), eps)


@slip_of("batch_norm_backward")
def adding_the_x_hat_term(dy, x, gamma, mean, var, eps=1e-5):
    """a plus before the x_hat term, or dvar without its minus: the slope of (var + eps)^(-1/2) is negative, so x_hat *
    dgamma / m is taken away, and dvar is -0.09375 on the drawn graph. Your dx starts with {dx}, it should start with
    {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=-1)


@slip_of("batch_norm_backward")
def adding_the_mean_term(dy, x, gamma, mean, var, eps=1e-5):
    """a plus before dbeta / m: deviation = x - mean falls when the mean rises, so dmean carries a minus. Without it the
    sum of your dx is not 0."""
    return _right(dy, x, gamma, mean, var, eps, one=-1)


@slip_of("batch_norm_backward")
def without_gamma(dy, x, gamma, mean, var, eps=1e-5):
    """leaving gamma out of dx: y = gamma * x_hat + beta, so dx_hat = gamma * dy. A test with gamma = 1 cannot see it;
    on the example gamma is (2, -1) and your dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, np.ones_like(gamma), mean, var, eps)


@slip_of("batch_norm_backward")
def gamma_twice(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying by gamma twice: once for dx_hat = gamma * dy, and once more at the end. With gamma = (2, -1), as on
    the example, your dx starts with {dx} and should start with {right_dx}."""
    return _right(dy, x, np.square(gamma), mean, var, eps)


@slip_of("batch_norm_backward")
def gamma_on_the_first_term_alone(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying only the first of three terms by gamma: dbeta and dgamma are sums of dy, not of gamma * dy. Either
    take means of dx_hat = gamma * dy, or put gamma before the bracket. On the example yours starts with {dx}, not
    {right_dx}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    g, v = columns(x, gamma, var)
    removed = _right(dy, x, np.ones_like(gamma), mean, var, eps)[0] - dy / np.sqrt(v + eps)
    return g * dy / np.sqrt(v + eps) + removed, dgamma, dbeta


@slip_of("batch_norm_backward")
def gamma_in_dgamma(dy, x, gamma, mean, var, eps=1e-5):
    """using dx_hat = gamma * dy for dgamma: gamma multiplies x_hat, so its own gradient is sum(dy * x_hat), without
    gamma. Yours is {dgamma}, it should be {right_dgamma}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, gamma * dgamma, dbeta


@slip_of("batch_norm_backward")
def gamma_in_dbeta(dy, x, gamma, mean, var, eps=1e-5):
    """summing dx_hat for dbeta: beta is added behind the multiplication by gamma, so nothing but dy comes back to it.
    Your dbeta is {dbeta}, it should be {right_dbeta}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, dgamma, gamma * dbeta


@slip_of("batch_norm_backward")
def statistics_made_again(dy, x, gamma, mean, var, eps=1e-5):
    """computing the variance from x once more: the forward pass has returned mean and var, and a backward pass that
    ignores them reads x 1 or 2 times more for nothing. On one input var is 2 times the variance of x, to see whether
    you use it."""
    x_wide, axes = np.asarray(x, np.float64), batch_axes(x.ndim)
    return _right(dy, x_wide, gamma, x_wide.mean(axes), x_wide.var(axes), eps)


@slip_of("batch_norm_backward")
def mean_and_var_exchanged(dy, x, gamma, mean, var, eps=1e-5):
    """mean and var exchanged: you subtract the variance and divide by the root of the mean, which has no root where it
    is negative. On the example mean is 5 and var 14 in the first channel: dgamma is {dgamma}, it should be
    {right_dgamma}."""
    with np.errstate(invalid="ignore"):
        return _right(dy, x, gamma, var, mean, eps)


@slip_of("batch_norm_backward")
def without_eps(dy, x, gamma, mean, var, eps=1e-5):
    """leaving eps out: the forward pass divided by sqrt(var + eps), and a constant channel, var = 0, makes yours divide
    by 0. On the example var is 14 and eps 2: dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, 0)


@slip_of("batch_norm_backward")
def eps_outside_the_root(dy, x, gamma, mean, var, eps=1e-5):
    """adding eps to the standard deviation: it belongs inside the root, where the forward pass has it. On the example
    sqrt(14 + 2) = 4, yours is sqrt(14) + 2 = 5.742."""
    return _right(dy, x, gamma, mean, np.square(np.sqrt(var) + eps), 0)


@slip_of("batch_norm_backward")
def fixed_eps(dy, x, gamma, mean, var, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and the gradient belongs to another forward pass.
    On the example eps is 2."""
    return _right(dy, x, gamma, mean, var, 1e-5)


@slip_of("batch_norm_backward")
def eps_not_handed_on(dy, x, gamma, mean, var, eps=1e-5):
    """calling normalize_backward without eps: it then takes its default, 1e-5, while x_hat was made with the eps that
    was asked for. On the example, where eps is 2, dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, by=1 / np.sqrt(columns(x, var)[0] + 1e-5))


@slip_of("batch_norm_backward")
def another_default_for_eps(dy, x, gamma, mean, var, eps=1e-3):
    """another default for eps: called without it, yours takes 0.001 and the forward pass 1e-5. Only a channel whose
    variance is that small can show it."""
    return _right(dy, x, gamma, mean, var, eps)


@slip_of("batch_norm_backward")
def std_for_var(dy, x, gamma, mean, var, eps=1e-5):
    """taking var for the standard deviation: dividing by var + eps without the root. On the example that is 16 in place
    of 4, in x_hat and before the bracket: dx starts with {dx}, and should with {right_dx}."""
    return _right(dy, x, gamma, mean, np.square(np.asarray(var) + eps), 0)


@slip_of("batch_norm_backward")
def not_dividing_by_std(dy, x, gamma, mean, var, eps=1e-5):
    """not dividing by the standard deviation at the end: the bracket is the gradient for a channel with std 1. On the
    example std is 4, so your dx is 4 times too large: {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, by=1.0)


@slip_of("batch_norm_backward")
def multiplying_by_std(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying by the standard deviation: in the forward pass it divides, and a gradient is scaled by the same
    factor as the values, 1 / 4 on the example. Yours is 16 times too large."""
    return _right(dy, x, gamma, mean, var, eps, by=np.sqrt(columns(x, var)[0] + eps))


@slip_of("batch_norm_backward")
def dvar_exponent(dy, x, gamma, mean, var, eps=1e-5):
    """(var + eps)^(-1/2) in dvar, where -3/2 belongs: differentiating lowers the exponent by 1. On the example you use
    1 / 4 where 1 / 64 should stand, 16 times too much of the x_hat term: dvar is -1.5 on the drawn graph, not
    -0.09375."""
    return _right(dy, x, gamma, mean, var, eps, other=columns(x, var)[0] + eps)


@slip_of("batch_norm_backward")
def no_2_in_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """losing the 2 of the square: var = mean(deviation^2), so what goes back to deviation is 2 * deviation * dvar / m.
    On the drawn graph (0.25, 0.0625, -0.3125) comes back there, and you send half of it: your dx starts with {dx} in
    place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=0.5)


@slip_of("batch_norm_backward")
def no_half_in_dvar(dy, x, gamma, mean, var, eps=1e-5):
    """losing the 1/2 of the root: dvar = -1/2 * (var + eps)^(-3/2) * dinv_std, on the drawn graph -0.09375; yours is
    -0.1875, and the x_hat term is taken away twice: dx starts with {dx}, it should start with {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=2)


@slip_of("batch_norm_backward")
def undivided_share_of_the_mean(dy, x, gamma, mean, var, eps=1e-5):
    """adding the whole dmean to every row of x: each x has a share of 1 / m in the mean, so dmean / m comes back to it,
    -0.5 on the drawn graph, where dmean is -1.5. Your dx starts with {dx}, and should start with {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, one=x.size // x.shape[1])


@slip_of("batch_norm_backward")
def undivided_share_of_the_variance(dy, x, gamma, mean, var, eps=1e-5):
    """2 * deviation * dvar without the 1 / m: var is a mean of m squares, and each has a share of 1 / m in it. On the
    example, m = 3, your dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=x.size // x.shape[1])


@slip_of("batch_norm_backward")
def dvar_exponent_without_its_minus(dy, x, gamma, mean, var, eps=1e-5):
    """(var + eps)^(3/2) in dvar, the minus of the exponent lost: the slope of (var + eps)^(-1/2) is -1/2 * (var +
    eps)^(-3/2). On the drawn graph you multiply by 64 where 1 / 64 should stand: dvar is -384 and not -0.09375."""
    return _right(dy, x, gamma, mean, var, eps, other=(columns(x, var)[0] + eps) ** 3)


@slip_of("batch_norm_backward")
def dinv_std_from_x_hat(dy, x, gamma, mean, var, eps=1e-5):
    """x_hat for deviation on the way through var, as in dinv_std = sum(dx_hat * x_hat) or 2 * x_hat * dvar / m: x_hat
    is deviation * inv_std, and what was multiplied there, and squared, is deviation. With x_hat in dinv_std it is 3 on
    the drawn graph and should be 12."""
    return _right(dy, x, gamma, mean, var, eps, other=1 / np.sqrt(columns(x, var)[0] + eps))


@slip_of("batch_norm_backward")
def dinv_std_from_x(dy, x, gamma, mean, var, eps=1e-5):
    """dinv_std = sum(dx_hat * x): what inv_std was multiplied by is the deviation, x - mean. On the drawn graph
    dinv_std comes out as 42 and should be 12, as 2 * -4 + 0 * -1 + 4 * 5."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    axes = batch_axes(x.ndim)
    g, mu, v = columns(x, gamma, mean, var)
    inv_std = 1 / np.sqrt(v + eps)
    through_var = (x - mu) * inv_std**2 * (dy * x).mean(axes, keepdims=True)
    ddeviation = dy - through_var
    return g * inv_std * (ddeviation - ddeviation.mean(axes, keepdims=True)), dgamma, dbeta


@slip_of("batch_norm_backward")
def dinv_std_from_dy(dy, x, gamma, mean, var, eps=1e-5):
    """dinv_std = sum(dy * deviation): to the product deviation * inv_std comes back dx_hat = gamma * dy, and both of
    its factors get that. With gamma = 2 on the drawn graph dinv_std is 12, yours 6; only the path through deviation has
    its gamma."""
    return _right(dy, x, gamma, mean, var, eps, other=1 / columns(x, gamma)[0])


@slip_of("batch_norm_backward")
def dvar_without_eps(dy, x, gamma, mean, var, eps=1e-5):
    """leaving eps out of dvar alone: inv_std is (var + eps)^(-1/2), and its slope -1/2 * (var + eps)^(-3/2) has the
    same eps, 2 on the drawn graph, where dvar is -0.09375 and yours -0.1145."""
    v = columns(x, var)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return _right(dy, x, gamma, mean, var, eps, other=((v + eps) / v) ** 1.5)


@slip_of("batch_norm_backward")
def ddeviation_without_inv_std(dy, x, gamma, mean, var, eps=1e-5):
    """dx_hat without inv_std on the way to deviation: x_hat = deviation * inv_std, so (2, 0, 4) on the drawn graph is
    multiplied by 0.25 and arrives as (0.5, 0, 1). Without it dmean becomes -6 there, and is to be -1.5."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    axes = batch_axes(x.ndim)
    g, mu, v = columns(x, gamma, mean, var)
    inv_std = 1 / np.sqrt(v + eps)
    x_hat = (x - mu) * inv_std
    ddeviation = dy - inv_std * x_hat * (dy * x_hat).mean(axes, keepdims=True)
    return g * (ddeviation - ddeviation.mean(axes, keepdims=True)), dgamma, dbeta


@slip_of("batch_norm_backward")
def only_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """what comes back from var in place of what came from x_hat: 2 arrows leave deviation, and the second must be added
    (+=) to the first, not overwrite it. On the drawn graph 0.5, 0, 1 and 0.25, 0.0625, -0.3125 come back to it."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    x_hat = (x - columns(x, mean)[0]) / np.sqrt(columns(x, var)[0] + eps)
    through_var = x_hat * columns(x, dgamma)[0] / (x.size // x.shape[1])
    through_var = through_var - through_var.mean(batch_axes(x.ndim), keepdims=True)
    return -columns(x, gamma)[0] / np.sqrt(columns(x, var)[0] + eps) * through_var, dgamma, dbeta


@slip_of("batch_norm_backward")
def dmean_not_summed(dy, x, gamma, mean, var, eps=1e-5):
    """dmean = -ddeviation, not summed: one mean served all m deviations, and what comes back from them is added up
    before it is shared out again. On the drawn graph dmean is one number, -1.5. Your dx starts with {dx}, and should
    with {right_dx}."""
    g, mu, v = columns(x, gamma, mean, var)
    inv_std, m = 1 / np.sqrt(v + eps), x.size // x.shape[1]
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    ddeviation = g * inv_std * (dy - (x - mu) * inv_std * columns(x, dgamma)[0] / m)
    return ddeviation * (1 - 1 / m), dgamma, dbeta


@slip_of("batch_norm_backward")
def dvar_not_summed(dy, x, gamma, mean, var, eps=1e-5):
    """not summing in dvar: one variance serves all m values of a channel, so what comes back from them is added up
    before it goes on: on the drawn graph dinv_std is 12 = -8 + 0 + 20. Your dx starts with {dx}, and the sum makes it
    {right_dx}."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    through_var = x_hat * dy * x_hat / m
    ddeviation = dy - through_var
    return g / np.sqrt(v + eps) * (ddeviation - ddeviation.mean(axes, keepdims=True)), dgamma, dbeta


@slip_of("batch_norm_backward")
def returning_dx_hat(dy, x, gamma, mean, var, eps=1e-5):
    """returning dx_hat for dx: gamma * dy is the gradient behind the normalization; it has still to go back through it.
    On the example it starts with {dx}; before the normalization it is {right_dx}."""
    return columns(x, gamma)[0] * dy, *_right(dy, x, gamma, mean, var, eps)[1:]


@slip_of("batch_norm_backward")
def swapping_dgamma_and_dbeta(dy, x, gamma, mean, var, eps=1e-5):
    """returning dx, dbeta, dgamma: the order is dx, dgamma, dbeta. Your second output is {dgamma}, it should be
    {right_dgamma}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, dbeta, dgamma


@slip_of("batch_norm_backward")
def keeping_the_axes(dy, x, gamma, mean, var, eps=1e-5):
    """returning dgamma and dbeta with the summed axes kept as 1: the numbers are right, but an optimizer needs the
    gradient of gamma in the shape of gamma, (3,) and not (1, 3). Leave keepdims out there, or use ravel()."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, *columns(x, dgamma, dbeta)


@slip_of("batch_norm_backward")
def summing_over_the_batch_alone(dy, x, gamma, mean, var, eps=1e-5):
    """summing over axis 0 alone: right for a table (N, C), but for images (5, 3, 4, 6) it leaves 24 sums in every
    channel, one per pixel position. gamma acts on the batch and on all positions: sum over batch_axes(x.ndim)."""
    g, mu, v = columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    dgamma, dbeta = (dy * x_hat).sum(0), dy.sum(0)
    return g / np.sqrt(v + eps) * (dy - dbeta / len(x) - x_hat * dgamma / len(x)), dgamma, dbeta


@slip_of("batch_norm_backward")
def averaging_over_the_batch_alone(dy, x, gamma, mean, var, eps=1e-5):
    """averaging over axis 0 alone in dx, while dgamma and dbeta are summed over everything: mean and var were those of
    a whole channel, 120 values in 5 images of 4 x 6, and the two means in dx are over the same values."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    g, mu, v = columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    dx = dy - dy.mean(0, keepdims=True) - x_hat * (dy * x_hat).mean(0, keepdims=True)
    return g / np.sqrt(v + eps) * dx, dgamma, dbeta


@slip_of("batch_norm_backward")
def without_reshaping_the_vectors(dy, x, gamma, mean, var, eps=1e-5):
    """leaving gamma, mean and var as (C,): NumPy lines a vector up with the last axis, and channels are axis 1. For a
    table they are the same; for images reshape to (1, C, 1, 1)."""
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    x_hat = (x - mean) / np.sqrt(var + eps)
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    return gamma / np.sqrt(var + eps) * (dy - dbeta / m - x_hat * dgamma / m), dgamma, dbeta


@slip_of("batch_norm_backward")
def writing_into_dy(dy, x, gamma, mean, var, eps=1e-5):
    """writing into dy: dy *= gamma changes the caller's array, and dgamma and dbeta, made from it afterwards, are off
    by gamma, (2, -1) on the example. Write dx_hat = gamma * dy, a new array."""
    dy *= columns(x, gamma)[0]
    return _right(dy, x, np.ones_like(gamma), mean, var, eps)


@slip_of("batch_norm_backward")
def writing_into_x(dy, x, gamma, mean, var, eps=1e-5):
    """writing into x: x -= mean changes the array of the layer before, whose own backward pass may still need it; the 3
    outputs are right and the next ones are not. Write x - mean."""
    mu = columns(x, mean)[0]
    x -= mu
    return _right(dy, x + mu, gamma, mean, var, eps)
