"""What the wrong answers to several exercises of this notebook are made of."""


def vector(v, x):
    """v (C,), so shaped that it lines up with axis 1 of x."""
    return v.reshape(-1, *[1] * (x.ndim - 2))
