"""Wrong answers to the exercise `from_rows`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- from_rows(rows, shape) -> x --------------------------------------------------------------------------------------


def _apart(rows, shape):
    """The rows cut back into images, channels still last: (N, *, C)."""
    return rows.reshape(shape[0], *shape[2:], shape[1])


@slip_of("from_rows")
def reshaping_straight_back(rows, shape):
    """rows.reshape(shape): the shape is right and the pictures are scrambled, because in the table the channels of a
    pixel lie side by side. The example should become {right_x}; yours is {x}. Reshape to (N, H, W, C), then move the
    last axis."""
    return rows.reshape(shape)


@slip_of("from_rows")
def leaving_the_channels_last(rows, shape):
    """not moving the channels back: you return (N, H, W, C), for (5, 3, 4, 6) an array of (5, 4, 6, 3). One
    np.moveaxis(..., -1, 1) is missing."""
    return _apart(rows, shape)


@slip_of("from_rows")
def moving_the_axes_as_before(rows, shape):
    """the same np.moveaxis(..., 1, -1) as in to_rows: doing it again is not undoing it. From (5, 4, 6, 3) it gives (5,
    6, 3, 4); the inverse is np.moveaxis(..., -1, 1)."""
    return np.moveaxis(_apart(rows, shape), 1, -1)


@slip_of("from_rows")
def swapping_the_last_axis_with_axis_1(rows, shape):
    """np.swapaxes(..., 1, -1): that exchanges C with H and leaves W between them, (N, C, W, H). (5, 3, 6, 4) in place
    of (5, 3, 4, 6) is easily seen; a square picture would only be mirrored along its diagonal."""
    return np.swapaxes(_apart(rows, shape), 1, -1)


@slip_of("from_rows")
def transposing_the_rows(rows, shape):
    """rows.T.reshape(shape): rows.T is (C, N * H * W), all images of channel 0 first, but shape wants both channels of
    image 0 first. Yours begins with {x}, it should begin with {right_x}."""
    return rows.T.reshape(shape)


@slip_of("from_rows")
def leaving_the_channels_first(rows, shape):
    """stopping at (C, N, H, W): rows.T.reshape(C, N, H, W) is right, with axes 0 and 1 still to be exchanged. For (5,
    3, 4, 6) you return 3 'images' of 5 'channels'."""
    return rows.T.reshape(shape[1], shape[0], *shape[2:])


@slip_of("from_rows")
def columns_in_place_of_lines(rows, shape):
    """exchanging H and W in the reshape: the rows run along the lines of a picture, so it is (N, H, W, C). With 6
    before 4, lines are cut in the wrong places."""
    return np.moveaxis(rows.reshape(shape[0], *shape[:1:-1], shape[1]), -1, 1)


@slip_of("from_rows")
def lines_cut_in_wrong_places(rows, shape):
    """reshaping to (N, W, H, C) and then turning that over: the shape is right again, but to_rows wrote line after
    line, W = 6 pixels long, and you read lines of 4. Reshape to (N, H, W, C)."""
    ndim = len(shape)
    read = rows.reshape(shape[0], *shape[:1:-1], shape[1])
    return np.transpose(read, (0, ndim - 1, *range(ndim - 2, 0, -1)))


@slip_of("from_rows")
def reading_positions_before_images(rows, shape):
    """taking the table for position by position: its first H * W rows are image 0, its first N rows are not pixel 0. On
    the example you return {x}, it should be {right_x}. N comes first in the reshape."""
    N, C, *positions = shape
    return np.moveaxis(rows.reshape(*positions, N, C), (-2, -1), (0, 1))


@slip_of("from_rows")
def one_long_line(rows, shape):
    """keeping the pixels of an image in one line, (N, C, H * W): for (5, 3, 4, 6) you return (5, 3, 24). Cut it into
    lines again: the sizes of the positions are shape[2:]."""
    return np.moveaxis(rows.reshape(shape[0], -1, shape[1]), -1, 1)


@slip_of("from_rows")
def back_to_images_alone(rows, shape):
    """unpacking N, C, H, W = shape: a table has 2 sizes and a volume 5. N, C, *positions = shape takes any number, and
    *positions puts them into the reshape."""
    N, C, H, W = shape
    return np.moveaxis(rows.reshape(N, H, W, C), -1, 1)


@slip_of("from_rows")
def sizes_of_images_alone(rows, shape):
    """asking for shape[2] and shape[3]: images have them, a table (5, 3) has neither and a volume one more.
    *shape[2:] puts into the reshape however many there are."""
    return np.moveaxis(rows.reshape(shape[0], shape[2], shape[3], shape[1]), -1, 1)
