"""Is a backward pass the gradient of a forward pass? Built in notebook 03.

It stands here and not in norm_numpy because it knows nothing about BatchNorm: it judges any pair of functions.
"""

import numpy as np


def directional_check(f, backward, x, u, v, h=1e-5):
    """Two numbers that agree if backward is right: the same slope by two forward passes and by one backward pass.

        slope = <u, f(x + h v) - f(x - h v)> / (2 h)        claim = <backward(u), v>

    f         function of x alone
    backward  function of u: the gradient of <u, f(x)> with respect to x
    x         like v    where
    u         like f(x) the gradient that comes from behind: a random one sees more than ones
    v         like x    direction of the step
    h         length of the step, in units of x / v; the slope is off by about h^2 times the third derivative, and
              by rounding: 1e-16 * |f| / h
    Returns slope, claim: two numbers.
    """
    slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return slope, np.sum(backward(u) * v)
