"""What notebook 08 builds: what a net with BatchNorm makes of the size of its weights."""

import numpy as np


def invariance_check(f, gradient, w, a):
    """Three numbers that are 0 if f depends on the direction of w alone, not on its length.

        change   = f(a w) - f(w)
        mismatch = |a gradient(a w) - gradient(w)| / |gradient(w)|
        cosine   = w . gradient(a w) / (|w| |gradient(a w)|)

    f         function of w: a number
    gradient  function of w: the gradient of f there, shaped like w
    w         any shape
    a         factor, positive
    Returns change, mismatch, cosine: three numbers.
    """
    before, after = gradient(w), gradient(a * w)
    change = f(a * w) - f(w)
    mismatch = np.linalg.norm(a * after - before) / np.linalg.norm(before)
    cosine = np.sum(w * after) / (np.linalg.norm(w) * np.linalg.norm(after))
    return change, mismatch, cosine


def effective_rate(lr, weight):
    """How fast the direction of each unit's weights learns, if only the direction matters.

        lr / |w|^2        w: the weights of one unit

    lr      learning rate
    weight  (units, *)  weights of a layer, an array or a tensor
    Returns (units,).
    Source: van Laarhoven 2017, "L2 regularization versus batch and weight normalization".
    """
    return lr / (weight.reshape(len(weight), -1) ** 2).sum(1)


def equilibrium(lr, weight_decay, gradient):
    """Where weight decay and the growth of scale-invariant weights balance.

        length^4 = lr * gradient^2 / (2 * weight_decay)        angle = sqrt(2 * lr * weight_decay)

    lr            learning rate
    weight_decay  in the step w <- w - lr * (g + weight_decay * w); lr * weight_decay is small against 1
    gradient      length of the gradient where the weights have length 1 (root of the mean square over steps)
    Returns length (of the weights), angle (by which a step turns them, in radians).
    Source: Wan et al. 2021, "Spherical motion dynamics", without momentum.
    """
    length = (lr * gradient**2 / (2 * weight_decay)) ** 0.25
    return length, np.sqrt(2 * lr * weight_decay)
