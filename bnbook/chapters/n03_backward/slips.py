"""Wrong answers to the exercises of notebook 03."""

import numpy as np

from ..norm_numpy import batch_axes


def _columns(x, *vectors):
    return [np.reshape(v, (1, -1) + (1,) * (x.ndim - 2)) for v in vectors]


# --- normalize_backward(dx_hat, x_hat, var, axes, eps) -> dx -------------------------------------------------------


def _means(dx_hat, x_hat, axes):
    """The two means of the right formula, for slips whose mistake is elsewhere."""
    return dx_hat.mean(axes, keepdims=True), (dx_hat * x_hat).mean(axes, keepdims=True)


def normalize_constant_statistics(dx_hat, x_hat, var, axes, eps=1e-5):
    """treating mean and var as constants: dx_hat / std is what one value does to itself, but it also moves the mean and
    the variance that all the others are measured by. Yours starts with {dx}, the gradient with {right_dx}. (In
    evaluation mode the statistics are constants, and there it is right.)"""
    return dx_hat / np.sqrt(var + eps)


def normalize_without_the_mean_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """forgetting the path through the mean: mean(dx_hat) is not subtracted. The sum of dx over a channel must be 0,
    because adding the same number to all of x changes nothing; yours is not."""
    _, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_without_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """forgetting the path through the variance: x_hat * mean(dx_hat * x_hat) is not subtracted. Stretching a channel
    hardly changes x_hat, so dx must be nearly orthogonal to it; yours starts with {dx}, and should with {right_dx}."""
    along_one, _ = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one) / np.sqrt(var + eps)


def normalize_with_sums(dx_hat, x_hat, var, axes, eps=1e-5):
    """subtracting sums in place of means: both are to be divided by m. On the example m is 3, so you take away three
    times too much, and dx starts with {dx} in place of {right_dx}."""
    along_one, along_x_hat = (v * (dx_hat.size / var.size) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_adding_the_x_hat_term(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding the part along x_hat: both parts are taken away. With a plus that part is doubled: dx starts with {dx} and
    should start with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one + x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_adding_the_mean(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding mean(dx_hat): it is to be subtracted, so that dx sums to 0. With the plus the sum of your dx is twice that
    of dx_hat over the standard deviation."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat + along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_without_x_hat_in_front(dx_hat, x_hat, var, axes, eps=1e-5):
    """subtracting mean(dx_hat * x_hat) itself: that is how long the part along x_hat is, 1 number per channel. The part
    is that number times x_hat, which differs from row to row."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - along_x_hat) / np.sqrt(var + eps)


def normalize_removing_x_hat_completely(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by sum(x_hat^2) in place of m: that removes the part along x_hat to the last digit, which geometry would
    like. But sum(x_hat^2) is not m, it is m * var / (var + eps), and the gradient divides by m: on the example dx
    starts with {dx}, and should start with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    square = (x_hat**2).mean(axes, keepdims=True)
    return (dx_hat - along_one - x_hat * along_x_hat / np.where(square, square, 1)) / np.sqrt(var + eps)


def normalize_with_m_minus_1(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by m - 1: the forward pass used m for the mean and for the variance, so the backward pass does, too.
    With m = 3 you take away 3 / 2 of what you should."""
    m = dx_hat.size / var.size
    along_one, along_x_hat = (v * m / (m - 1) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_with_m_minus_1_for_the_variance(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing the part along x_hat by m - 1, as if the forward pass had used the unbiased variance: it did not. On the
    example, with m = 3, dx starts with {dx} in place of {right_dx}."""
    m = dx_hat.size / var.size
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat * m / (m - 1)) / np.sqrt(var + eps)


def normalize_with_n_for_m(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing both sums by len(dx_hat), the number of images: that is m only for a table. For 5 images of 4 x 6 pixels
    a channel has m = 120 values; mean(axes, keepdims=True) counts them for you."""
    along_one, along_x_hat = (v * (dx_hat.size / var.size / len(dx_hat)) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_without_the_bracket(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing only the last term: without brackets the division by the standard deviation, 4 on the example, binds to
    the x_hat term alone. All three terms belong into the bracket: dx_hat, its mean, and the part along x_hat."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return dx_hat - along_one - x_hat * along_x_hat / np.sqrt(var + eps)


def normalize_half_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """losing the factor 2 of the square: the slope of deviation^2 is 2 * deviation, and that 2 cancels the 1/2 of the
    root. Without it half of the part along x_hat stays: dx starts with {dx}, and should with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat / 2) / np.sqrt(var + eps)


def normalize_twice_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """losing the factor 1/2 of the root: the slope of (var + eps)^(-1/2) is -1/2 * (var + eps)^(-3/2). Without the 1/2
    you take away the part along x_hat twice: on the example {dx} in place of {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - 2 * x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_not_dividing(dx_hat, x_hat, var, axes, eps=1e-5):
    """not dividing by the standard deviation: the two parts are removed rightly, but x is in units of x and x_hat has
    none. On the example the standard deviation is 4 and your dx 4 times too large."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return dx_hat - along_one - x_hat * along_x_hat


def normalize_multiplying(dx_hat, x_hat, var, axes, eps=1e-5):
    """multiplying by the standard deviation: a channel spread twice as wide makes x_hat half as steep in x, so divide.
    On the example the standard deviation is 4, and yours is 16 times too large."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) * np.sqrt(var + eps)


def normalize_dividing_by_the_variance(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by var + eps without the root: on the example by 16 and not by 4, so dx starts with {dx} in place of
    {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / (var + eps)


def normalize_without_eps(dx_hat, x_hat, var, axes, eps=1e-5):
    """leaving eps out: the forward pass divided by sqrt(var + eps), so the backward pass does, too. With var = 0 yours
    divides by 0; on the example var is 14 and eps 2."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var)


def normalize_eps_outside(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding eps after the root: it stands inside, sqrt(var + eps), as in the forward pass. On the example sqrt(14 + 2)
    is 4, and yours is 5.742."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / (np.sqrt(var) + eps)


def normalize_fixed_eps(dx_hat, x_hat, var, axes, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and the gradient then belongs to another forward
    pass. On the example eps is 2."""
    return normalize_with_another_default(dx_hat, x_hat, var, axes, 1e-5)


def normalize_with_another_default(dx_hat, x_hat, var, axes, eps=1e-3):
    """another default for eps: called without eps yours behaves as if it were 0.001, the forward pass as if it were
    1e-5. It shows only where var is as small as eps."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


def normalize_over_axis_0(dx_hat, x_hat, var, axes, eps=1e-5):
    """always averaging over axis 0: the argument axes is not used. For images the axes are (0, 2, 3), and each channel
    has 1 mean, not one per pixel."""
    return normalize_with_another_default(dx_hat, x_hat, var, (0,), eps)


def normalize_over_everything(dx_hat, x_hat, var, axes, eps=1e-5):
    """averaging over the whole array: mean() without axes gives 1 number for all channels together. Pass axes on, with
    keepdims=True."""
    return normalize_with_another_default(dx_hat, x_hat, var, tuple(range(dx_hat.ndim)), eps)


def normalize_without_keepdims(dx_hat, x_hat, var, axes, eps=1e-5):
    """dropping the averaged axes: mean(axes) of (5, 3, 4, 6) over (0, 2, 3) has shape (3,), and NumPy lines that up
    with the last axis. Use keepdims=True."""
    return (dx_hat - dx_hat.mean(axes) - x_hat * (dx_hat * x_hat).mean(axes)) / np.sqrt(var + eps)


def normalize_in_place(dx_hat, x_hat, var, axes, eps=1e-5):
    """writing into dx_hat: dx_hat -= ... changes the caller's array, and the gradient of whatever else used it is lost.
    Write dx = dx_hat - ..., which makes 1 new array."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    dx_hat -= along_one + x_hat * along_x_hat
    return dx_hat / np.sqrt(var + eps)


normalize_backward = [
    normalize_constant_statistics,
    normalize_without_the_mean_path,
    normalize_without_the_var_path,
    normalize_with_sums,
    normalize_adding_the_x_hat_term,
    normalize_adding_the_mean,
    normalize_without_x_hat_in_front,
    normalize_removing_x_hat_completely,
    normalize_with_m_minus_1,
    normalize_with_m_minus_1_for_the_variance,
    normalize_with_n_for_m,
    normalize_without_the_bracket,
    normalize_half_the_var_path,
    normalize_twice_the_var_path,
    normalize_not_dividing,
    normalize_multiplying,
    normalize_dividing_by_the_variance,
    normalize_without_eps,
    normalize_eps_outside,
    normalize_fixed_eps,
    normalize_with_another_default,
    normalize_over_axis_0,
    normalize_over_everything,
    normalize_without_keepdims,
    normalize_in_place,
]


# --- batch_norm_backward(dy, x, gamma, mean, var, eps) -> dx, dgamma, dbeta ----------------------------------------


def _right(dy, x, gamma, mean, var, eps, *, one=1.0, other=1.0, of=None, by=None):
    """The right gradients in one formula whose parts can be bent.

    one, other  factors on the two parts that are taken away      by  in place of inv_std, in front of the bracket
    of          in place of x_hat, in dgamma and in the bracket
    """
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = _columns(x, gamma, mean, var)
    inv_std = 1 / np.sqrt(v + eps)
    x_hat = (x - mu) * inv_std if of is None else of
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    sum_x_hat, sum_one = _columns(x, dgamma, dbeta)
    bracket = dy - one * sum_one / m - other * x_hat * sum_x_hat / m
    return g * (inv_std if by is None else by) * bracket, dgamma, dbeta


def constant_statistics(dy, x, gamma, mean, var, eps=1e-5):
    """treating mean and var as constants: gamma * dy / std is what one value does to itself, but it also moves the mean
    and the variance of the whole batch. Your dx starts with {dx}, the gradient with {right_dx}. (In evaluation mode,
    where the statistics are stored ones, it is right.)"""
    return _right(dy, x, gamma, mean, var, eps, one=0, other=0)


def without_the_mean_path(dy, x, gamma, mean, var, eps=1e-5):
    """forgetting the path through the mean: shifting a whole channel changes no output, so the sum of dx over a channel
    is 0; yours is not. In stages: dmean = -sum(ddeviation) goes back to x as dmean / m."""
    return _right(dy, x, gamma, mean, var, eps, one=0)


def without_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """forgetting the path through the variance: the two means are removed, but x also feeds var. Your dx starts with
    {dx} and should start with {right_dx}. In stages: deviation has 2 arrows out, to x_hat and to var, and what comes
    back along both is added."""
    return _right(dy, x, gamma, mean, var, eps, other=0)


def raw_x_in_place_of_x_hat(dy, x, gamma, mean, var, eps=1e-5):
    """taking x where x_hat belongs: dgamma and the last term of dx need the normalized values, made again from x, mean
    and var. On the example x is (1, 4, 10) in the first channel and x_hat (-1, -0.25, 1.25)."""
    return _right(dy, x, gamma, mean, var, eps, of=x)


def deviation_in_place_of_x_hat(dy, x, gamma, mean, var, eps=1e-5):
    """taking x - mean where x_hat belongs: it has not been divided by the standard deviation. On the example that
    is 4, and the deviation, (-4, -1, 5) in the first channel, 4 times too large."""
    return _right(dy, x, gamma, mean, var, eps, of=x - _columns(x, mean)[0])


def means_for_sums(dy, x, gamma, mean, var, eps=1e-5):
    """averaging dgamma and dbeta: gamma touches all m values of a channel, and what comes back is added up. Your dbeta
    is {dbeta}, the sum is {right_dbeta}. (Whether the loss is a mean over the batch is already in dy.)"""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    m = x.size // x.shape[1]
    return dx, dgamma / m, dbeta / m


def sums_for_means(dy, x, gamma, mean, var, eps=1e-5):
    """taking away sums in place of means: dx holds dbeta / m and x_hat * dgamma / m. Without the division by m = 3 your
    dx starts with {dx} on the example, and should start with {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m, other=m)


def n_for_m(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by N, the number of images: a channel has m = N * H * W values. For a table the two are the same, for 5
    images of 4 x 6 you divide by 5 and not by 120."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m / len(x), other=m / len(x))


def m_minus_1_in_dx(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by m - 1: the forward pass divided by m, both in the mean and in the variance, so its gradient does,
    too. With m = 3 your dx starts with {dx} in place of {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, one=m / (m - 1), other=m / (m - 1))


def m_minus_1_in_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """dividing by m - 1 on the way back through the variance: that would belong to the unbiased variance, but var was
    the mean over all m. On the example, m = 3, your dx starts with {dx}, it should start with {right_dx}."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, var, eps, other=m / (m - 1))


def unbiased_variance(dy, x, gamma, mean, var, eps=1e-5):
    """turning var into the unbiased variance first, var * m / (m - 1): the forward pass divided by the biased one, 14
    on the example and not 21, and what it used is what counts."""
    m = x.size // x.shape[1]
    return _right(dy, x, gamma, mean, np.asarray(var) * m / (m - 1), eps)


def adding_the_x_hat_term(dy, x, gamma, mean, var, eps=1e-5):
    """a plus before the x_hat term: the slope of (var + eps)^(-1/2) is negative, so x_hat * dgamma / m is taken away.
    On the example your dx starts with {dx}, it should start with {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=-1)


def adding_the_mean_term(dy, x, gamma, mean, var, eps=1e-5):
    """a plus before dbeta / m: deviation = x - mean falls when the mean rises, so dmean carries a minus. Without it the
    sum of your dx is not 0."""
    return _right(dy, x, gamma, mean, var, eps, one=-1)


def without_gamma(dy, x, gamma, mean, var, eps=1e-5):
    """leaving gamma out of dx: y = gamma * x_hat + beta, so dx_hat = gamma * dy. A test with gamma = 1 cannot see it;
    on the example gamma is (2, -1) and your dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, np.ones_like(gamma), mean, var, eps)


def gamma_twice(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying by gamma twice: once for dx_hat = gamma * dy, and once more at the end. With gamma = (2, -1), as on
    the example, your dx starts with {dx} and should start with {right_dx}."""
    return _right(dy, x, np.square(gamma), mean, var, eps)


def gamma_on_the_first_term_alone(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying only the first of three terms by gamma: dbeta and dgamma are sums of dy, not of gamma * dy. Either
    take means of dx_hat = gamma * dy, or put gamma before the bracket. On the example yours starts with {dx}, not
    {right_dx}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    g, v = _columns(x, gamma, var)
    removed = _right(dy, x, np.ones_like(gamma), mean, var, eps)[0] - dy / np.sqrt(v + eps)
    return g * dy / np.sqrt(v + eps) + removed, dgamma, dbeta


def gamma_in_dgamma(dy, x, gamma, mean, var, eps=1e-5):
    """using dx_hat = gamma * dy for dgamma: gamma multiplies x_hat, so its own gradient is sum(dy * x_hat), without
    gamma. Yours is {dgamma}, it should be {right_dgamma}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, gamma * dgamma, dbeta


def without_eps(dy, x, gamma, mean, var, eps=1e-5):
    """leaving eps out: the forward pass divided by sqrt(var + eps), and a constant channel, var = 0, makes yours divide
    by 0. On the example var is 14 and eps 2: dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, 0)


def eps_outside_the_root(dy, x, gamma, mean, var, eps=1e-5):
    """adding eps to the standard deviation: it belongs inside the root, where the forward pass has it. On the example
    sqrt(14 + 2) = 4, yours is sqrt(14) + 2 = 5.742."""
    return _right(dy, x, gamma, mean, np.square(np.sqrt(var) + eps), 0)


def fixed_eps(dy, x, gamma, mean, var, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and the gradient belongs to another forward pass.
    On the example eps is 2."""
    return _right(dy, x, gamma, mean, var, 1e-5)


def eps_not_handed_on(dy, x, gamma, mean, var, eps=1e-5):
    """calling normalize_backward without eps: it then takes its default, 1e-5, while x_hat was made with the eps that
    was asked for. On the example, where eps is 2, dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, by=1 / np.sqrt(_columns(x, var)[0] + 1e-5))


def another_default_for_eps(dy, x, gamma, mean, var, eps=1e-3):
    """another default for eps: called without it, yours takes 0.001 and the forward pass 1e-5. Only a channel whose
    variance is that small can show it."""
    return _right(dy, x, gamma, mean, var, eps)


def std_for_var(dy, x, gamma, mean, var, eps=1e-5):
    """taking var for the standard deviation: dividing by var + eps without the root. On the example that is 16 in place
    of 4, in x_hat and before the bracket: dx starts with {dx}, and should with {right_dx}."""
    return _right(dy, x, gamma, mean, np.square(np.asarray(var) + eps), 0)


def not_dividing_by_std(dy, x, gamma, mean, var, eps=1e-5):
    """not dividing by the standard deviation at the end: the bracket is the gradient for a channel with std 1. On the
    example std is 4, so your dx is 4 times too large: {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, by=1.0)


def multiplying_by_std(dy, x, gamma, mean, var, eps=1e-5):
    """multiplying by the standard deviation: in the forward pass it divides, and a gradient is scaled by the same
    factor as the values, 1 / 4 on the example. Yours is 16 times too large."""
    return _right(dy, x, gamma, mean, var, eps, by=np.sqrt(_columns(x, var)[0] + eps))


def dvar_exponent(dy, x, gamma, mean, var, eps=1e-5):
    """(var + eps)^(-1/2) in dvar, where -3/2 belongs: differentiating lowers the exponent by 1. On the example you use
    1 / 4 where 1 / 64 should stand, 16 times too much of the x_hat term."""
    return _right(dy, x, gamma, mean, var, eps, other=_columns(x, var)[0] + eps)


def no_2_in_the_var_path(dy, x, gamma, mean, var, eps=1e-5):
    """losing the 2 of the square: var = mean(deviation^2), so what goes back to deviation is 2 * deviation * dvar / m.
    On the example half of the x_hat term is missing, and your dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=0.5)


def no_half_in_dvar(dy, x, gamma, mean, var, eps=1e-5):
    """losing the 1/2 of the root: dvar = -1/2 * (var + eps)^(-3/2) * sum(...). Without it the x_hat term is taken away
    twice: your dx starts with {dx}, it should start with {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=2)


def undivided_share_of_the_mean(dy, x, gamma, mean, var, eps=1e-5):
    """adding the whole dmean to every row of x: each x has a share of 1 / m in the mean, so dmean / m comes back to it.
    On the example dx starts with {dx}, and should start with {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, one=x.size // x.shape[1])


def undivided_share_of_the_variance(dy, x, gamma, mean, var, eps=1e-5):
    """2 * deviation * dvar without the 1 / m: var is a mean of m squares, and each has a share of 1 / m in it. On the
    example, m = 3, your dx starts with {dx} in place of {right_dx}."""
    return _right(dy, x, gamma, mean, var, eps, other=x.size // x.shape[1])


def dvar_not_summed(dy, x, gamma, mean, var, eps=1e-5):
    """not summing in dvar: one variance serves all m values of a channel, so what comes back from them is added up
    before it goes on. On the example your dx starts with {dx}, and the sum makes it {right_dx}."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = _columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    through_var = x_hat * dy * x_hat / m
    ddeviation = dy - through_var
    return g / np.sqrt(v + eps) * (ddeviation - ddeviation.mean(axes, keepdims=True)), dgamma, dbeta


def returning_dx_hat(dy, x, gamma, mean, var, eps=1e-5):
    """returning dx_hat for dx: gamma * dy is the gradient behind the normalization; it has still to go back through it.
    On the example it starts with {dx}; before the normalization it is {right_dx}."""
    return _columns(x, gamma)[0] * dy, *_right(dy, x, gamma, mean, var, eps)[1:]


def swapping_dgamma_and_dbeta(dy, x, gamma, mean, var, eps=1e-5):
    """returning dx, dbeta, dgamma: the order is dx, dgamma, dbeta. Your second output is {dgamma}, it should be
    {right_dgamma}."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, dbeta, dgamma


def keeping_the_axes(dy, x, gamma, mean, var, eps=1e-5):
    """returning dgamma and dbeta with the summed axes kept as 1: the numbers are right, but an optimizer needs the
    gradient of gamma in the shape of gamma, (3,) and not (1, 3). Leave keepdims out there, or use ravel()."""
    dx, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    return dx, *_columns(x, dgamma, dbeta)


def summing_over_the_batch_alone(dy, x, gamma, mean, var, eps=1e-5):
    """summing over axis 0 alone: right for a table (N, C), but for images (5, 3, 4, 6) it leaves 24 sums in every
    channel, one per pixel position. gamma acts on the batch and on all positions: sum over batch_axes(x.ndim)."""
    g, mu, v = _columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    dgamma, dbeta = (dy * x_hat).sum(0), dy.sum(0)
    return g / np.sqrt(v + eps) * (dy - dbeta / len(x) - x_hat * dgamma / len(x)), dgamma, dbeta


def averaging_over_the_batch_alone(dy, x, gamma, mean, var, eps=1e-5):
    """averaging over axis 0 alone in dx, while dgamma and dbeta are summed over everything: mean and var were those of
    a whole channel, 120 values in 5 images of 4 x 6, and the two means in dx are over the same values."""
    _, dgamma, dbeta = _right(dy, x, gamma, mean, var, eps)
    g, mu, v = _columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    dx = dy - dy.mean(0, keepdims=True) - x_hat * (dy * x_hat).mean(0, keepdims=True)
    return g / np.sqrt(v + eps) * dx, dgamma, dbeta


def without_reshaping_the_vectors(dy, x, gamma, mean, var, eps=1e-5):
    """leaving gamma, mean and var as (C,): NumPy lines a vector up with the last axis, and channels are axis 1. For a
    table they are the same; for images reshape to (1, C, 1, 1)."""
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    x_hat = (x - mean) / np.sqrt(var + eps)
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    return gamma / np.sqrt(var + eps) * (dy - dbeta / m - x_hat * dgamma / m), dgamma, dbeta


def writing_into_dy(dy, x, gamma, mean, var, eps=1e-5):
    """writing into dy: dy *= gamma changes the caller's array, and dgamma and dbeta, made from it afterwards, are off
    by gamma, (2, -1) on the example. Write dx_hat = gamma * dy, a new array."""
    dy *= _columns(x, gamma)[0]
    return _right(dy, x, np.ones_like(gamma), mean, var, eps)


def writing_into_x(dy, x, gamma, mean, var, eps=1e-5):
    """writing into x: x -= mean changes the array of the layer before, whose own backward pass may still need it; the 3
    outputs are right and the next ones are not. Write x - mean."""
    mu = _columns(x, mean)[0]
    x -= mu
    return _right(dy, x + mu, gamma, mean, var, eps)


batch_norm_backward = [
    constant_statistics,
    without_the_mean_path,
    without_the_var_path,
    raw_x_in_place_of_x_hat,
    deviation_in_place_of_x_hat,
    means_for_sums,
    sums_for_means,
    n_for_m,
    m_minus_1_in_dx,
    m_minus_1_in_the_var_path,
    unbiased_variance,
    adding_the_x_hat_term,
    adding_the_mean_term,
    without_gamma,
    gamma_twice,
    gamma_on_the_first_term_alone,
    gamma_in_dgamma,
    without_eps,
    eps_outside_the_root,
    fixed_eps,
    eps_not_handed_on,
    another_default_for_eps,
    std_for_var,
    not_dividing_by_std,
    multiplying_by_std,
    dvar_exponent,
    no_2_in_the_var_path,
    no_half_in_dvar,
    undivided_share_of_the_mean,
    undivided_share_of_the_variance,
    dvar_not_summed,
    returning_dx_hat,
    swapping_dgamma_and_dbeta,
    keeping_the_axes,
    summing_over_the_batch_alone,
    averaging_over_the_batch_alone,
    without_reshaping_the_vectors,
    writing_into_dy,
    writing_into_x,
]


# --- directional_check(f, backward, x, u, v, h) -> slope, claim ----------------------------------------------------


def _slope(f, x, u, v, h):
    return np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)


def _claim(backward, u, v):
    return np.sum(backward(u) * v)


def one_sided(f, backward, x, u, v, h=1e-5):
    """stepping forward only: (f(x + h v) - f(x)) / h is off by h times the second derivative, the two-sided difference
    only by h^2. On the example, with h = 0.1, your slope is {slope}, two-sided it is {right_slope}."""
    return np.sum(u * (f(x + h * v) - f(x))) / h, _claim(backward, u, v)


def dividing_by_h(f, backward, x, u, v, h=1e-5):
    """dividing by h: from x - h v to x + h v it is a way of 2 h. Your slope is {slope}, twice what it should be,
    {right_slope}."""
    return 2 * _slope(f, x, u, v, h), _claim(backward, u, v)


def without_u(f, backward, x, u, v, h=1e-5):
    """summing f without u: that is the slope of sum(f), the loss for which u is all 1. For BatchNorm that loss is
    constant and hides every mistake. On the example the slope is {slope} in place of {right_slope}."""
    return np.sum(f(x + h * v) - f(x - h * v)) / (2 * h), _claim(backward, u, v)


def with_u_of_ones(f, backward, x, u, v, h=1e-5):
    """using 1 in place of u on both sides: the two numbers belong together, but they test one loss, sum(f), and not the
    one that was asked for. On the example slope is {slope} in place of {right_slope}."""
    ones = np.ones_like(u)
    return _slope(f, x, ones, v, h), _claim(backward, ones, v)


def averaging(f, backward, x, u, v, h=1e-5):
    """taking means in place of sums: <a, b> is the sum of a * b. The mean divides slope by the size of u and claim by
    that of v, which differ as soon as f changes the shape. On the example yours are {slope} and {claim}, to be
    {right_slope} and {right_claim}."""
    slope = np.mean(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return slope, np.mean(backward(u) * v)


def unit_direction(f, backward, x, u, v, h=1e-5):
    """dividing v by its length for the step but not for the claim: then the slope is per unit of length, the claim per
    length of v. On the example slope is {slope} in place of {right_slope}."""
    return _slope(f, x, u, v / np.linalg.norm(v), h), _claim(backward, u, v)


def backward_of_v(f, backward, x, u, v, h=1e-5):
    """passing v to backward: a direction v lives where x does, and backward takes what lives where f(x) does, that is
    u. Where f treats each value by itself, as x ** 3 does, both come out alike; from 5 numbers to 3 it fails."""
    return _slope(f, x, u, v, h), np.sum(backward(v) * u)


def backward_of_f(f, backward, x, u, v, h=1e-5):
    """passing f(x) to backward: it takes a gradient, u, not a value. On the example claim is {claim}, it should be
    {right_claim}."""
    return _slope(f, x, u, v, h), _claim(backward, f(x), v)


def claim_without_v(f, backward, x, u, v, h=1e-5):
    """summing backward(u) without v: that claims the slope in the direction (1, 1, ...), but the step went along v. On
    the example claim is {claim}, along v it is {right_claim}."""
    return _slope(f, x, u, v, h), np.sum(backward(u))


def numbers_not_summed(f, backward, x, u, v, h=1e-5):
    """not summing: u * (f(x + h v) - f(x - h v)) / (2 h) is an array; slope is 1 number, its sum, and so is claim."""
    return u * (f(x + h * v) - f(x - h * v)) / (2 * h), backward(u) * v


def claim_first(f, backward, x, u, v, h=1e-5):
    """returning claim, slope: the order is slope, claim. On the example your first output is {slope}, the slope is
    {right_slope}."""
    return _claim(backward, u, v), _slope(f, x, u, v, h)


def slope_twice(f, backward, x, u, v, h=1e-5):
    """returning the same number twice: a check that never calls backward agrees with every mistake. On the example the
    claim is {right_claim} and not {claim}."""
    slope = _slope(f, x, u, v, h)
    return slope, slope


def fixed_step(f, backward, x, u, v, h=1e-5):
    """writing 1e-5 where h should stand: the argument is ignored. On the example h is 0.1, and the slope of a cube then
    shows it: {right_slope}, yours is {slope}."""
    return _slope(f, x, u, v, 1e-5), _claim(backward, u, v)


def another_step(f, backward, x, u, v, h=1e-3):
    """another default for h: called without it your step is 0.001, not 1e-5. Too long a step sees the bend of the
    function, too short a one nothing but rounding."""
    return _slope(f, x, u, v, h), _claim(backward, u, v)


def stepping_in_place(f, backward, x, u, v, h=1e-5):
    """writing into x: x += h * v moves the caller's point, and 1 step back does not undo the rounding. Write f(x + h *
    v)."""
    x += h * v
    up = f(x)
    x -= 2 * h * v
    return np.sum(u * (up - f(x))) / (2 * h), _claim(backward, u, v)


directional_check = [
    one_sided,
    dividing_by_h,
    without_u,
    with_u_of_ones,
    averaging,
    unit_direction,
    backward_of_v,
    backward_of_f,
    claim_without_v,
    numbers_not_summed,
    claim_first,
    slope_twice,
    fixed_step,
    another_step,
    stepping_in_place,
]
