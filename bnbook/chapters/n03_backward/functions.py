"""Is a backward pass the gradient of a forward pass? Built in notebook 03.

It stands here and not in norm_numpy because it knows nothing about BatchNorm: it judges any pair of functions.
"""

import numpy as np


def directional_check(f, backward, x, u, v, h=1e-5):
    """Two numbers that agree if backward is right: the same slope by two forward passes and by one backward pass.

        slope = <u, f(x + h v) - f(x - h v)> / (2 h)        claim = <backward(u), v>

    f         function of x alone
    backward  function of u: the gradient of <u, f(x)> with respect to x, at x
    x         any shape   where to check
    u         like f(x)   what comes back from the loss: random, since a loss such as sum(f) can hide mistakes
    v         like x      direction of the step
    h         length of the step, in units of x / v: a long one sees the bend of f, a short one its rounding
    Returns slope, claim: two numbers.
    """
    slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return slope, np.sum(backward(u) * v)
