"""What notebook 05 builds: images as tables and back, and the bias that BatchNorm makes superfluous."""

import numpy as np

from bnbook.norm_numpy import as_floats


def to_rows(x):
    """Images as a table with one row per pixel, in reading order: image by image, line by line.

    x   (N, C, *)
    Returns rows (m, C), m = N * product of *; a table (N, C) comes back as it is.
    Raises ValueError if x has fewer than two axes.
    """
    if np.ndim(x) < 2:
        raise ValueError(
            f"x has shape {np.shape(x)}, expected (N, C) or (N, C, ...): the batch first, channels second."
        )
    return np.moveaxis(x, 1, -1).reshape(-1, np.shape(x)[1])


def from_rows(rows, shape):
    """The images of which `to_rows` made a table.

    rows   (m, C)
    shape  (N, C, *)   of the images, m = N * product of *
    Returns x (N, C, *).
    Raises ValueError if rows does not fit the shape.
    """
    N, C, *positions = shape
    m = N * int(np.prod(positions))
    if np.shape(rows) != (m, C):
        raise ValueError(f"rows has shape {np.shape(rows)}, expected {(m, C)}: one row per pixel of images {shape}.")
    return np.moveaxis(np.reshape(rows, (N, *positions, C)), -1, 1)


def remove_bias(bias, running_mean):
    """The running mean that lets the layer before a BatchNorm do without its bias.

        (x + bias) - running_mean = x - (running_mean - bias)

    bias          (C,)   of the linear or convolution layer whose output goes straight into the BatchNorm
    running_mean  (C,)   of the BatchNorm
    Returns running_mean (C,), a new array. Evaluation gives the same as before, and so does training, where the mean
    of the batch took the bias away in any case.
    Raises ValueError if the two differ in shape.
    """
    bias, running_mean = as_floats("bias", bias), as_floats("running_mean", running_mean)
    if bias.shape != running_mean.shape:
        raise ValueError(
            f"bias has shape {bias.shape} and running_mean {running_mean.shape}, expected both (C,): one number each "
            "for every channel."
        )
    return running_mean - bias
