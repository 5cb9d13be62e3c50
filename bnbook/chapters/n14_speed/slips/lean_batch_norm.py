"""Wrong answers to the exercise `lean_batch_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- lean_batch_norm(x, gamma, beta, eps) -> y, mean, var (and what memory it takes) ----------------------------------


def _lean(x, gamma, beta, eps, statistics=None, inside=True):
    """The finished one, with its parts open to mistakes."""
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = planes.sum((0, 2)) / m
    y = planes - mean[:, None]
    var = np.einsum("ncs,ncs->c", y, y) / m
    if statistics:
        mean, var = statistics(mean, var, m)
    y *= (gamma / (np.sqrt(var + eps) if inside else np.sqrt(var) + eps))[:, None]
    y += beta[:, None]
    return y.reshape(x.shape), mean, var


@slip_of("lean_batch_norm")
def the_textbook_with_its_temporaries(x, gamma, beta, eps=1e-5):
    """one formula for y: right, but every operation in it makes an array as large as x. At its peak it holds 3
    activations beyond x, and 1, y itself, is enough: make y = x - mean, then y *= ... and y += ..."""
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean, var = x.mean(axes), x.var(axes)
    x_hat = (x - mean.reshape(column)) / np.sqrt(var + eps).reshape(column)
    y = x_hat * gamma.reshape(column)
    y = y + beta.reshape(column)
    return y, mean, var


@slip_of("lean_batch_norm")
def squares_as_a_temporary(x, gamma, beta, eps=1e-5):
    """(y * y).mean(...) for the variance, or y = y * ... for y *= ..., or any other second array as large as x: the
    peak is 2 activations in place of 1. np.einsum('ncs,ncs->c', y, y) adds the products up without keeping them."""
    planes = x.reshape(*x.shape[:2], -1)
    mean = planes.mean((0, 2))
    y = planes - mean[:, None]
    var = (y * y).mean((0, 2))
    y *= (gamma / np.sqrt(var + eps))[:, None]
    y += beta[:, None]
    return y.reshape(x.shape), mean, var


@slip_of("lean_batch_norm")
def the_variance_before_y(x, gamma, beta, eps=1e-5):
    """x.var(...) before y = x - mean: the peak is 1 and yet 2 large arrays are made. NumPy's var computes x - mean for
    itself and throws it away, and y = x - mean makes it once more. Make y first; its squares give the variance."""
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean, var = x.mean(axes), x.var(axes)
    y = x - mean.reshape(column)
    y *= (gamma / np.sqrt(var + eps)).reshape(column)
    y += beta.reshape(column)
    return y, mean, var


_kept = {}


@slip_of("lean_batch_norm")
def the_same_y_again(x, gamma, beta, eps=1e-5):
    """keeping the array of y from call to call: no memory is fetched the second time, but the y of the first call is
    overwritten while somebody still uses it. With 2 layers of one shape the net is wrong. Make y anew in each call; a
    caller who wants old memory used says so, as with norm_fast's out=."""
    y, mean, var = _lean(x, gamma, beta, eps)
    y = np.copyto(_kept.setdefault(x.shape, y), y) or _kept[x.shape]
    return y, mean, var


@slip_of("lean_batch_norm")
def the_variance_from_x(x, gamma, beta, eps=1e-5):
    """x where y should stand in the einsum: the mean of x squared, which is the variance plus the square of the mean.
    On the example your var is {var}, it is {right_var}. The squares are those of y = x - mean."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var + mean * mean))


@slip_of("lean_batch_norm")
def dividing_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """the variance divided by m - 1: on the example {var}, with m = 3 it is {right_var}. BatchNorm normalizes by the
    biased one; m - 1 belongs to the running variance."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m / (m - 1)))


@slip_of("lean_batch_norm")
def forgetting_to_divide_by_m(x, gamma, beta, eps=1e-5):
    """the sum of the squares, not their mean: einsum adds up and divides by nothing, so var is {var} in place of
    {right_var} on the example, where m = 3."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m))


@slip_of("lean_batch_norm")
def dividing_by_the_images(x, gamma, beta, eps=1e-5):
    """the squares divided by N: a channel has m = N * S values, 120 in x (5, 3, 4, 6) and not 5. x.size // C counts
    them. (In a table, such as the example, N and m are the same.)"""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m / len(x)))


@slip_of("lean_batch_norm")
def raw_sums(x, gamma, beta, eps=1e-5):
    """mean(x^2) - mean(x)^2 for the variance: no pass over y, and the idea of the next step, `line`. But around 10,000
    in float32 both terms agree in all 7 digits, and what is left is noise (notebook 02). Square y = x - mean."""
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = planes.sum((0, 2)) / m
    var = np.einsum("ncs,ncs->c", planes, planes) / m - mean * mean
    with np.errstate(invalid="ignore"):
        slope = gamma / np.sqrt(var + eps)
    y = planes * slope[:, None]
    y += (beta - mean * slope)[:, None]
    return y.reshape(x.shape), mean, var


@slip_of("lean_batch_norm")
def a_fixed_eps(x, gamma, beta, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. Called with 0.1 the example is {y}, expected
    {right_y}."""
    return _lean(x, gamma, beta, 1e-5)


@slip_of("lean_batch_norm")
def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    """np.sqrt(var) + eps: epsilon stands under the root, np.sqrt(var + eps). With eps = 0.1 your y on the example is
    {y}, expected {right_y}."""
    return _lean(x, gamma, beta, eps, inside=False)


@slip_of("lean_batch_norm")
def shifting_before_scaling(x, gamma, beta, eps=1e-5):
    """y += beta before y *= gamma / std: then beta is scaled as well. On the example y is {y}, expected {right_y}.
    First times, then plus."""
    y, mean, var = _lean(x, gamma, np.zeros_like(beta), eps)
    return y + (beta * gamma / np.sqrt(var + eps)).reshape(1, -1, *[1] * (x.ndim - 2)), mean, var


@slip_of("lean_batch_norm")
def leaving_gamma_out(x, gamma, beta, eps=1e-5):
    """no gamma: y /= std normalizes, but the learned scale is missing: on the example y is {y}, not {right_y}."""
    return _lean(x, np.ones_like(gamma), beta, eps)


@slip_of("lean_batch_norm")
def writing_y_into_x(x, gamma, beta, eps=1e-5):
    """x -= mean: that saves the last array too, and destroys the caller's x, which backward needs. 1 new array is
    allowed: y = x - mean."""
    y, mean, var = _lean(x, gamma, beta, eps)
    x[...] = y
    return x, mean, var


@slip_of("lean_batch_norm")
def a_flat_result(x, gamma, beta, eps=1e-5):
    """y in the shape (N, C, S) of the planes: for x (5, 3, 4, 6) you return (5, 3, 24). A reshape(x.shape) is missing
    in the return."""
    y, mean, var = _lean(x, gamma, beta, eps)
    return y.reshape(*x.shape[:2], -1), mean, var
