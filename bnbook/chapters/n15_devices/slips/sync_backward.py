"""Wrong answers to the exercise `sync_backward`."""

import torch

from bnbook.grading.exercise import slip_of


def _start(dy, x, mean, var, eps):
    """axes, a function that makes columns, inv_std, x_hat, dgamma, dbeta: what many wrong answers do right."""
    axes, shape = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))

    def column(v):
        return v.reshape(shape)

    inv_std = 1 / torch.sqrt(var + eps)
    x_hat = (x - column(mean)) * column(inv_std)
    return axes, column, inv_std, x_hat, (dy * x_hat).sum(axes), dy.sum(axes)


def _reduced(all_reduce, *vectors):
    sums = torch.stack(vectors)
    all_reduce(sums)
    return sums


def _dx(dy, x_hat, a, b, factor, column):
    return column(factor) * (dy - column(b) - x_hat * column(a))


@slip_of("sync_backward")
def sync_backward_own_sums(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """own sums only: mean and var are made of the images of all 2 ranks, so a change of one x moves the outputs on
    every rank, and all of their gradients count. Without all_reduce dx begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    return _dx(dy, x_hat, dgamma / n, dbeta / n, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_own_count(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """dividing the common sums by the own count m: they are sums over n = 4 values in the example, of which a rank has
    2. dx begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    a, b = _reduced(all_reduce, dgamma, dbeta) / max(x.numel() // x.shape[1], 1)
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_own_sums_and_count(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """everything by the own 2 images: that is the backward pass of BatchNorm on each rank by itself, while the forward
    pass was that of all ranks. Exchange the sums, divide by n: dx begins with {right_dx}, yours {dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    m = max(x.numel() // x.shape[1], 1)
    return _dx(dy, x_hat, dgamma / m, dbeta / m, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_parameters_of_all(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """returning the common sums as dgamma and dbeta: all_reduce overwrites what it gets, and DistributedDataParallel
    averages parameter gradients over the ranks once more, so dgamma and dbeta come out as many times too large as there
    are ranks. Return those of the own images, dbeta {right_dbeta} on rank 0 of the example, not {dbeta}; give
    all_reduce a copy."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    dgamma, dbeta = _reduced(all_reduce, dgamma, dbeta)
    return _dx(dy, x_hat, dgamma / n, dbeta / n, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_mean_of_means(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """averaging the ranks' means: a rank with 1 image then counts as much as one with 4. Exchange sums and divide by n
    once; the example has 2 images on each rank and does not show it."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    m, ranks = max(x.numel() // x.shape[1], 1), torch.ones(1, dtype=x.dtype)
    all_reduce(ranks)
    a, b = _reduced(all_reduce, dgamma / m, dbeta / m) / ranks
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_only_dbeta_exchanged(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """exchanging dbeta alone: the variance, too, is made of all images, and the way through it has the factor
    sum(dy * x_hat). 2 vectors have to travel; dx begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    (b,) = _reduced(all_reduce, dbeta)
    return _dx(dy, x_hat, dgamma / n, b / n, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_only_dgamma_exchanged(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """exchanging dgamma alone: a change of one x shifts the mean for all 4 images of the example, so sum(dy) has to be
    that of all ranks as well. dx begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    (a,) = _reduced(all_reduce, dgamma)
    return _dx(dy, x_hat, a / n, dbeta / n, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_leaves_when_empty(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """returning at once on a rank without images: it has nothing to add, but the others wait in all_reduce until it has
    called it, too, with 0 for both sums. An exchange is for all ranks or for none."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    if len(x) == 0:
        return torch.zeros_like(x), dgamma, dbeta
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_without_x_hat(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """subtracting only the mean of dy: the way through the variance is missing, x_hat times sum(dy * x_hat) / n. dx
    begins with {dx}, expected {right_dx}. A test whose dy is 1 everywhere does not see it."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    _, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, 0 * b, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_without_the_mean(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """forgetting the way through the mean: subtract sum(dy) / n, too, with the sum of all 4 images of the example. dx
    begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    a, _ = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, 0 * a, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_not_divided(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """subtracting the sums themselves: 1 / n belongs to both, as each x has only the share 1 / n in the mean. dx begins
    with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    a, b = _reduced(all_reduce, dgamma, dbeta)
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_without_gamma(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """leaving gamma out of dx: y is gamma * x_hat + beta, so the whole bracket is multiplied by gamma, 2 in the
    example. dx begins with {dx}, expected {right_dx}."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_without_inv_std(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """forgetting 1 / sqrt(var + eps) in front of the bracket: x was divided by 3.775 in the example, so is its
    gradient. dx begins with {dx}, expected {right_dx}."""
    _, column, _, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, gamma, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_eps_outside(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """adding eps to the standard deviation: it belongs to the variance, sqrt(14 + 0.25) in the example. dx begins with
    {dx}, expected {right_dx}."""
    var = (torch.sqrt(var) + eps).square()
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, 0.0)
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_own_statistics(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """making x_hat by mean and variance of the own images: the forward pass used the common ones, mean 5 and variance
    14 in the example, and they are given. dgamma is {dgamma} on rank 0, expected {right_dgamma}."""
    axes = (0, *range(2, x.ndim))
    if len(x):
        mean, own = x.mean(axes), x.var(axes, correction=0)
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, own if len(x) else var, eps)
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_dgamma_from_x(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """dgamma = sum(dy * x): gamma multiplies x_hat, and x only through it. On rank 0 of the example {right_dgamma},
    yours {dgamma}; sums of dy * x_hat are to travel, 2 per channel with those of dy."""
    axes, column, inv_std, x_hat, _, dbeta = _start(dy, x, mean, var, eps)
    dgamma = (dy * x).sum(axes)
    a, b = _reduced(all_reduce, dgamma, dbeta) / n
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta


@slip_of("sync_backward")
def sync_backward_averaged_parameters(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """dividing dgamma and dbeta by n: they are sums over the images, because the loss has already been divided where it
    is a mean. On rank 0 of the example dbeta is {right_dbeta}, not {dbeta}; in dx alone each is divided by 4."""
    _, column, inv_std, x_hat, dgamma, dbeta = _start(dy, x, mean, var, eps)
    dgamma, dbeta = dgamma / n, dbeta / n
    a, b = _reduced(all_reduce, dgamma, dbeta)
    return _dx(dy, x_hat, a, b, gamma * inv_std, column), dgamma, dbeta
