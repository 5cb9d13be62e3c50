"""What notebook 07 builds: how far a distribution moved, and how far a gradient turned."""

import numpy as np


def wasserstein_1d(a, b):
    """How far the numbers in a must be moved, on average, to become those in b: the Wasserstein-1 distance.

        mean over k of |k-th smallest of a - k-th smallest of b|

    a, b  (N, *)  N samples of each unit, in any order
    Returns the distance of each unit, (*), in the units of a.
    Source: Santambrogio 2015, "Optimal transport for applied mathematicians", section 2.1.
    """
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(axis=0)


def gradient_change(g, g_prime):
    """How much a gradient has changed: by what share of its length, and how far it has turned.

        relative = |g - g_prime| / |g|,    cosine = <g, g_prime> / (|g| |g_prime|)

    g, g_prime  any one shape  the gradient before and after
    Returns relative, cosine: two numbers. Unchanged gradients give 0 and 1.
    Source: Santurkar et al. 2018, definition 2.1 and figure 4.
    """
    relative = np.linalg.norm(g - g_prime) / np.linalg.norm(g)
    cosine = np.sum(g * g_prime) / (np.linalg.norm(g) * np.linalg.norm(g_prime))
    return relative, cosine
