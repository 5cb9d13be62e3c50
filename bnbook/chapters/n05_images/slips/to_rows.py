"""Wrong answers to the exercise `to_rows`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- to_rows(x) -> rows -----------------------------------------------------------------------------------------------


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
def the_move_alone(x):
    """moving the channels and stopping there: (5, 3, 4, 6) has become (5, 4, 6, 3), and the axes of images, lines and
    columns are still three. A table has one axis of rows: .reshape(-1, C) joins them."""
    return np.moveaxis(x, 1, -1)


@slip_of("to_rows")
def the_new_axis_1_for_c(x):
    """asking for x.shape[1] after the move: there stands H now, 4 in place of C = 3, since x is (N, H, W, C). Take C
    before the move, or x.shape[-1] after it."""
    x = np.moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[1])


@slip_of("to_rows")
def a_table_on_its_side(x):
    """.reshape(C, -1) after the right move: rows and columns of the table are exchanged, and a row now holds whole
    pixels one behind the other, {rows} on the example. C counts the columns: .reshape(-1, C)."""
    return np.moveaxis(x, 1, -1).reshape(x.shape[1], -1)


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


@slip_of("to_rows")
def transposing_images_alone(x):
    """x.transpose(0, 2, 3, 1): it names four axes, which a table does not have and a volume exceeds. np.moveaxis(x, 1,
    -1) does the same for images and works for any number of axes."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
