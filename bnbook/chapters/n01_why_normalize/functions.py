"""What notebook 01 builds, and a measure of its own."""

import numpy as np

from bnbook.norm_numpy import as_floats, silent


@silent
def standardize(x):
    """Each column of a table to mean 0 and standard deviation 1: `normalize(x, (0,), eps=0)[0]`.

        (x - mean) / sd

    x  (N, C)
    Returns (N, C). A column of equal numbers has no spread to divide by and becomes nan (or rounding noise): the
    eps of `normalize` is for that.
    Raises ValueError if x is not an array of floats.
    Source: LeCun, Bottou, Orr & Mueller 1998, "Efficient BackProp", section 4.3.
    """
    x = as_floats("x", x)
    deviation = x - x.mean(0, dtype=np.float64)
    sd = np.sqrt(np.mean(deviation**2, 0))
    return (deviation / sd).astype(x.dtype)


def saturation(h, slope=0.05):
    """Share of tanh outputs that lie where tanh is nearly flat, so that hardly any gradient passes.

        mean(1 - h^2 < slope)        because the derivative of tanh at z is 1 - tanh(z)^2 = 1 - h^2

    h      any shape   outputs of tanh, between -1 and 1
    slope  an output whose slope is below this counts as saturated; 0.05 is |h| > 0.975, or |z| > 2.18
    Returns a float between 0 and 1.
    """
    return float(np.mean(1 - np.asarray(h) ** 2 < slope))


def he_std(fan_in):
    """Standard deviation of the weights with which a ReLU layer keeps the mean square of its inputs.

        sqrt(2 / fan_in)        mean(z^2) = fan_in * std^2 * mean(h^2), and mean(h^2) = mean(z^2) / 2 after a ReLU

    fan_in  numbers that one unit adds up: inputs of a linear layer, C * kH * kW of a convolution
    Returns a float.
    Source: He et al. 2015 (arXiv 1502.01852), equation 10.
    """
    return float(np.sqrt(2 / fan_in))


def same_digit(z, labels):
    """How often the nearest other image shows the same digit: whether images still differ by what they show.

    z       (N, C)  one row per image; the distance is Euclidean
    labels  (N,)
    Returns a float between 0 and 1; with ten digits guessing gives 0.1.
    """
    squares = (z**2).sum(1)
    distance = squares[:, None] + squares - 2 * z @ z.T
    np.fill_diagonal(distance, np.inf)
    return float(np.mean(labels[distance.argmin(1)] == labels))
