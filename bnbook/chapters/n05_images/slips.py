"""Wrong answers to the exercises of notebook 05; those to its repair of `batch_norm` are in forward.py."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.grading.inputs import columns
from bnbook.norm_numpy import batch_axes

# --- to_rows(x) -> rows --------------------------------------------------------------------------------------------


@slip_of("to_rows")
def reshaping_without_moving_axes(x):
    """x.reshape(-1, C) alone: reshape only recuts the row of numbers in memory, where a whole channel of an image comes
    before the next, so neighbouring pixels become 'channels'. On the example the first column should hold 10, 11, 12,
    ...; yours begins with the row {rows}. First move axis 1 to the end."""
    return x.reshape(-1, x.shape[1])


@slip_of("to_rows")
def reshaping_to_channels_first(x):
    """x.reshape(C, -1).T: the shape is right, but memory holds image after image, not channel after channel, so the
    first image is spread over all columns. Your first row is {rows}, one pixel is {right_rows}. Swap the axes before
    the reshape."""
    return x.reshape(x.shape[1], -1).T


@slip_of("to_rows")
def reshaping_the_transpose(x):
    """x.T.reshape(-1, C): .T turns *all* axes round, (N, C, H, W) becomes (W, H, C, N), and the images stand where the
    channels should: your first row is {rows}, a pixel is {right_rows}. np.moveaxis(x, 1, -1) moves one axis only."""
    return x.T.reshape(-1, x.shape[1])


@slip_of("to_rows")
def moving_the_last_axis_to_1(x):
    """np.moveaxis(x, -1, 1): the source is named first, then the target, so this brings W to where the channels were,
    and the lines stand last: (5, 3, 4, 6) becomes (5, 6, 3, 4). The channels are axis 1 and are to go to the end:
    np.moveaxis(x, 1, -1)."""
    return np.moveaxis(x, -1, 1).reshape(-1, x.shape[1])


@slip_of("to_rows")
def one_row_per_channel(x):
    """a table with a row for each channel: it is right but lying on its side, 2 rows on the example, the first {rows}.
    BatchNorm's tables are (N, C), channels in columns: add .T."""
    return np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)


@slip_of("to_rows")
def one_row_per_image(x):
    """x.reshape(N, -1): one row per image makes a column of every pixel of every channel, 3 * 4 * 6 = 72 columns for
    (5, 3, 4, 6). Normalizing those is one mean per position, the thing that BatchNorm of images does not do."""
    return x.reshape(len(x), -1)


@slip_of("to_rows")
def one_row_per_image_and_channel(x):
    """one row per image *and* channel: for (5, 3, 4, 6) that is 15 rows of 24 pixels. Channels
    must be the columns, 3 of them, or they have no statistic of their own."""
    return x.reshape(x.shape[0] * x.shape[1], -1)


@slip_of("to_rows")
def one_column_for_everything(x):
    """one long column: all channels in it share one mean, which is 17.5 on the example, where channel 0 lies between 10
    and 15 and channel 1 between 20 and 25. C columns, please: .reshape(-1, C) after the move."""
    return x.reshape(-1, 1)


@slip_of("to_rows")
def columns_before_lines(x):
    """swapping axis 1 with the last: that brings the channels to the end, and W to where H was, (N, W, H, C). Each
    picture is then read by columns: right statistics, but row 1 is the pixel *below*. np.moveaxis keeps H before W."""
    return np.swapaxes(x, 1, -1).reshape(-1, x.shape[1])


@slip_of("to_rows")
def positions_before_images(x):
    """putting the batch behind the positions: rows 0 and 1 are then the same pixel of image 0 and image 1. The means do
    not mind, but the table is to be read image by image: axis 0 stays first."""
    return np.moveaxis(x, (0, 1), (-2, -1)).reshape(-1, x.shape[1])


@slip_of("to_rows")
def averaging_the_positions(x):
    """averaging each picture to one number per channel: that is global average pooling, and leaves N rows, 5 for (5, 3,
    4, 6). BatchNorm's spread is that of single pixels, N * H * W = 120 rows."""
    return x.mean(tuple(range(2, x.ndim))) if x.ndim > 2 else x.copy()


@slip_of("to_rows")
def of_images_alone(x):
    """unpacking N, C, H, W = x.shape: right for images, but a table has 2 axes and a volume 5. x.shape[1] is C whatever
    the number of axes, and -1 in reshape counts the rows for you."""
    N, C, H, W = x.shape
    return np.moveaxis(x, 1, -1).reshape(N * H * W, C)


# --- from_rows(rows, shape) -> x -----------------------------------------------------------------------------------


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


# --- remove_bias(bias, running_mean) -> running_mean ---------------------------------------------------------------


@slip_of("remove_bias")
def adding_the_bias(bias, running_mean):
    """adding the bias: the running mean is *subtracted*, so adding to it takes the bias away a second time. On the
    example you return {running_mean}, it should be {right_running_mean}: without its bias the channel's mean is lower
    by the bias."""
    return running_mean + bias


@slip_of("remove_bias")
def the_difference_turned_round(bias, running_mean):
    """bias - running_mean: what is subtracted from x must be the old running mean *less* the bias. You return
    {running_mean}, minus one times {right_running_mean}."""
    return bias - running_mean


@slip_of("remove_bias")
def leaving_the_mean_as_it_was(bias, running_mean):
    """changing nothing: in training that is right, the next batch has its own mean. In evaluation the stored mean
    {running_mean} still expects the bias, and every channel is off by bias / std."""
    return running_mean.copy()


@slip_of("remove_bias")
def starting_from_zero(bias, running_mean):
    """starting again from zeros: the old mean was measured over many batches, and only its part 'bias' is gone. On the
    example the rest is {right_running_mean}."""
    return np.zeros_like(running_mean)


@slip_of("remove_bias")
def the_bias_alone(bias, running_mean):
    """-bias alone: x - (-bias) puts the bias back, but the old running mean is lost. It is {right_running_mean} on the
    example, you return {running_mean}."""
    return -bias


@slip_of("remove_bias")
def the_mean_in_place(bias, running_mean):
    """running_mean -= bias: the numbers are right, but they are written into the caller's array. Called twice, it
    subtracts the bias 2 times. running_mean - bias makes a new array."""
    running_mean -= bias
    return running_mean


@slip_of("remove_bias")
def one_shift_for_all_channels(bias, running_mean):
    """subtracting the mean of the biases: every channel has its own bias, as it has its own mean. You return
    {running_mean}, and {right_running_mean} is needed."""
    return running_mean - bias.mean()


@slip_of("remove_bias")
def a_step_with_momentum(bias, running_mean):
    """moving a tenth of the way: that is how a *noisy* estimate is updated. Here the change is
    known exactly, so all of it is made at once: {right_running_mean}, not {running_mean}."""
    return 0.9 * running_mean + 0.1 * (running_mean - bias)


@slip_of("remove_bias")
def shaped_for_images(bias, running_mean):
    """a bias of shape (C, 1, 1), as if for a picture: both vectors are (C,), and (C, 1, 1) with (C,) makes a cube of
    C * 1 * C numbers. Subtract them as they are."""
    return running_mean - bias.reshape(-1, 1, 1)


# --- batch_norm(x, gamma, beta, eps) -> y, mean (C,), var (C,): the line for var -------------------------------------


def _with(var, x, gamma, beta, eps):
    """What the function to repair returns with another line for var: all else in it is right."""
    axes = batch_axes(x.ndim)
    gamma, beta = columns(x, gamma, beta)
    mean = x.mean(axes, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean.ravel(), np.ravel(var)


@slip_of("batch_norm")
def as_it_came(x, gamma, beta, eps=1e-5):
    """averaging the variances of the positions: each is taken around its own position's mean, so the spread
    between the positions is missing, and var comes out {var} instead of {right_var}. Average over all of
    batch_axes(x.ndim) at once."""
    return _with(x.var(0, keepdims=True).mean(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def a_variance_for_each_position(x, gamma, beta, eps=1e-5):
    """a variance for each position: x.var(0, keepdims=True) still has C * H * W numbers, and right it would be for
    tables alone. A channel has one variance, {right_var} here: average over the positions as well."""
    return _with(x.var(0, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def averaging_the_variances_of_images(x, gamma, beta, eps=1e-5):
    """averaging the variances of the images: now the spread between the images is missing where it was that between
    the positions, and var is {var} instead of {right_var}. One x.var over the batch *and* the positions."""
    each = x.var(tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else np.zeros_like(x)
    return _with(each.mean(0, keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def a_variance_for_each_image(x, gamma, beta, eps=1e-5):
    """a variance for each image: averaging over the positions alone is instance norm's variance. Axis 0 belongs to
    it, too: batch_axes(x.ndim) names all of them."""
    return _with(x.var(tuple(range(2, x.ndim)), keepdims=True) if x.ndim > 2 else np.zeros_like(x), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_variance_of_the_means(x, gamma, beta, eps=1e-5):
    """the variance of the positions' means: that is the part which was forgotten, {var} here, and only that part.
    The whole is x.var(axes), {right_var}: within the positions and between them."""
    var = x.mean(0, keepdims=True).var(batch_axes(x.ndim), keepdims=True)
    return _with(var, x, gamma, beta, eps)


@slip_of("batch_norm")
def divided_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """dividing the variance by m - 1: {var} in place of {right_var}. Normalizing takes the biased variance, of all
    N * H * W numbers; the unbiased one goes into the running average, notebook 04."""
    return _with(x.var(batch_axes(x.ndim), keepdims=True, ddof=1), x, gamma, beta, eps)


@slip_of("batch_norm")
def of_all_channels(x, gamma, beta, eps=1e-5):
    """one variance for all channels: x.var() without axes averages over the channels as well. A channel's var is that
    of its own numbers; batch_axes(x.ndim) leaves axis 1 out."""
    return _with(np.full((1, x.shape[1]) + (1,) * (x.ndim - 2), x.var()), x, gamma, beta, eps)


@slip_of("batch_norm")
def one_number_for_all_channels(x, gamma, beta, eps=1e-5):
    """one variance for all channels: x.var() without axes is a single number, so var has shape (1,) where (C,) is
    needed. Each channel has its own; batch_axes(x.ndim) leaves axis 1 out."""
    return _with(x.var(), x, gamma, beta, eps)


@slip_of("batch_norm")
def without_keepdims(x, gamma, beta, eps=1e-5):
    """x.var(axes) without keepdims: (C,) lines up with the *last* axis of x, not with axis 1. The mean two lines above
    keeps its axes: do the same."""
    return _with(x.var(batch_axes(x.ndim)), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_mean_square(x, gamma, beta, eps=1e-5):
    """the mean of the squares: x ** 2 is taken around 0, not around the mean, so var is {var} instead of {right_var}.
    Square x - mean, or let x.var do it."""
    return _with((x**2).mean(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_standard_deviation(x, gamma, beta, eps=1e-5):
    """x.std in place of x.var: the root is taken in the next line, so it is taken twice. var is {var}, it should be
    {right_var}."""
    return _with(x.std(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)


@slip_of("batch_norm")
def the_sum_of_squares(x, gamma, beta, eps=1e-5):
    """a sum where a mean belongs: var is {var}, which is m times {right_var}. With more images or larger ones it would
    grow without end."""
    mean = x.mean(batch_axes(x.ndim), keepdims=True)
    return _with(((x - mean) ** 2).sum(batch_axes(x.ndim), keepdims=True), x, gamma, beta, eps)
