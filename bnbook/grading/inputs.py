"""The inputs that the checks of the arithmetic share, made so that every known slip shows on them."""

import numpy as np


def table():
    """Two columns with the means 3 and 20, small enough to follow by hand."""
    return np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]])


def batch(*shape):
    """Numbers on which the known slips differ: channel means -3, 0.5 and 10, spreads 2, 0.004 (its square is near 1e-5,
    the usual eps) and 1.5, one pattern of positions and one shift of images shared by all channels."""
    random = np.random.default_rng(shape)
    pattern = random.normal(size=(1, 1, *shape[2:]))
    images = random.normal(size=(shape[0], 1, *[1] * (len(shape) - 2)))
    noise = random.normal(size=shape) + 0.7 * pattern + 0.5 * images
    mean, spread = (np.reshape(v, (1, 3) + (1,) * (len(shape) - 2)) for v in ([-3.0, 0.5, 10.0], [2.0, 0.004, 1.5]))
    return mean + spread * noise


def with_a_constant_channel(x):
    """x with 7 everywhere in channel 2: a variance of 0."""
    x[:, 2] = 7.0
    return x


def channels_last(x):
    """The same numbers with the channels last in memory: not contiguous."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def far_from_zero(*shape):
    """float32 with a mean of 10,000 standard deviations, where E[x^2] - E[x]^2 fails."""
    random = np.random.default_rng(7)
    return (random.normal(size=shape) + 1e4).astype(np.float32)


def singles(*vectors):
    """The vectors in float32: PyTorch takes no float64 beside a float32 x."""
    return tuple(v.astype(np.float32) for v in vectors)


def gamma_beta():
    """Scales of both signs, none of them 1, and shifts, none of them 0."""
    return np.array([1.5, -0.7, 2.0]), np.array([0.3, -2.0, 5.0])


def columns(x, *vectors):
    """The vectors (C,), each shaped so that it lines up with axis 1 of x: what many wrong answers do right."""
    return [np.reshape(v, (1, -1) + (1,) * (x.ndim - 2)) for v in vectors]
