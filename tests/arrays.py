"""Numbers that several test files judge the arithmetic on."""

import numpy as np

SHAPES = [(5, 3), (2, 3), (4, 3, 5), (1, 3, 7), (5, 3, 4, 6), (2, 3, 1, 1), (3, 1, 2, 2), (2, 3, 4, 5, 6)]


def batch(shape, offset=3.0, dtype=np.float64, seed=0):
    """Normal numbers around offset, with another spread in each channel."""
    random = np.random.default_rng(seed)
    spread = np.linspace(0.5, 2, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    return (random.normal(size=shape) * spread + offset).astype(dtype)


def vectors(C):
    """gamma and beta (C,), of both signs."""
    return np.linspace(-1.5, 2, C) + 0.1, np.linspace(3, -2, C)


def near(a, b, tolerance=1e-12):
    """Assert that a is b, shape and all, up to rounding relative to the largest number of b."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    assert np.abs(a - b).max(initial=0) <= tolerance * max(1e-300, np.abs(b).max(initial=0)), np.abs(a - b).max()
