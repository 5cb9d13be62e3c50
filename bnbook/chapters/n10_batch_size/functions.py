"""What notebook 10 builds: small batches, and what is done about them."""

import numpy as np

from bnbook.norm_numpy import as_batch, as_column, batch_norm, silent


def standard_error(sd, m):
    """How far the mean of m independent values is from the true mean, as a root mean square.

        sd / sqrt(m)

    sd  standard deviation of one value
    m   values averaged
    Returns a number in the units of sd.
    """
    return sd / np.sqrt(m)


@silent
def ghost_batch_norm(x, gamma, beta, size, eps=1e-5):
    """BatchNorm that cuts the batch into parts and normalizes each part by itself.

        y[part] = batch_norm(x[part])        for consecutive parts of `size` examples each

    x            (N, C, *)
    gamma, beta  (C,)       or None
    size         examples of a part; must divide N
    Returns y (N, C, *).
    Raises ValueError if size does not divide N, and as `batch_norm` does.
    Source: Hoffer, Hubara & Soudry 2017 (arXiv 1705.08741), algorithm 1.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta)
    if size < 1 or len(x) % size:
        raise ValueError(f"size is {size} and x has {len(x)} examples: choose a divisor of {len(x)}.")
    parts = [batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]
    return np.concatenate(parts)


def accumulated_gradient(gradient, x, y, size):
    """The gradient of a batch from its micro-batches, as it is added up where the whole batch does not fit into memory.

        sum(n_i * gradient(x_i, y_i)) / N        over consecutive micro-batches of n_i examples

    It is the gradient of the batch if the loss is a mean over examples that do not see each other. With BatchNorm they
    do: it is then the gradient of ghost batches of that size.

    gradient  function: a batch x, y to the gradient of its *mean* loss, an array or a tensor
    x, y      (N, ...), (N,)
    size      examples in a micro-batch; the last may be smaller
    Returns what gradient returns.
    Raises ValueError if size is below 1.
    """
    if size < 1:
        raise ValueError(f"size is {size}; a micro-batch needs 1 example or more")
    starts = range(0, len(x), size)
    weighted = (len(x[i : i + size]) * gradient(x[i : i + size], y[i : i + size]) for i in starts)
    return sum(weighted) / len(x)


@silent
def batch_renorm(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """BatchNorm whose training output is pulled to what evaluation would give, within limits.

        y = gamma * (x_hat * r + d) + beta
        r = clip(std / running_std, 1 / r_max, r_max)      d = clip((mean - running_mean) / running_std, -d_max, d_max)

    x             (N, C, *)
    gamma, beta   (C,)       or None
    running_mean, running_var  (C,)   constants here: no gradient flows through r and d
    r_max, d_max  limits; 1 and 0 give `batch_norm`
    Returns y (N, C, *), mean (C,), var (C,).
    Raises ValueError as `batch_norm` does.
    Source: Ioffe 2017 (arXiv 1702.03275), algorithm 1.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    x_hat, mean, var = batch_norm(x.astype(np.float64), None, None, eps)
    running_std = np.sqrt(np.asarray(running_var, np.float64) + eps)
    r = np.clip(np.sqrt(var + eps) / running_std, 1 / r_max, r_max)
    d = np.clip((mean - np.asarray(running_mean)) / running_std, -d_max, d_max)
    y = as_column(gamma, 1.0, x) * (x_hat * as_column(r, 1.0, x) + as_column(d, 0.0, x)) + as_column(beta, 0.0, x)
    return y.astype(x.dtype), mean, var
