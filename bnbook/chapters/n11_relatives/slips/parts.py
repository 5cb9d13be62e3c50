"""What the wrong answers to several exercises of this notebook are made of."""

from bnbook.norm_numpy import normalize


def column(vector, x):
    """vector (C,), so shaped that it lines up with axis 1 of x."""
    return vector.reshape(-1, *[1] * (x.ndim - 2))


def by_groups(x, num_groups, eps):
    """x_hat of group norm, the right one."""
    return normalize(x.reshape(len(x), num_groups, -1), (2,), eps)[0].reshape(x.shape)
