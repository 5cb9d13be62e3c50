"""Wrong answers to the exercise of notebook 00."""

from bnbook.grading.exercise import slip_of


@slip_of(
    "batch_axes",
    ask="An image batch averaged like that has which shape left, and how many means should one channel have?",
)
def only_the_batch(ndim):
    """averaging over the batch alone: right for (N, C), but for images of 8 x 8 it leaves 64 means per channel, one
    for each pixel position. Your function returns {axes} for ndim = 4, so H and W are missing."""
    return (0,)


@slip_of("batch_axes", ask="How many means are left? And how many channels has a colour photograph?")
def every_axis(ndim):
    """averaging over everything: {axes} for ndim = 4 includes axis 1, so all channels would share 1 mean. A channel
    that is 20 times larger than the others would then decide for all of them. Leave axis 1 out."""
    return tuple(range(ndim))


@slip_of("batch_axes", ask="If I add a second image to the batch, does the mean of the first one change with yours?")
def only_the_positions(ndim):
    """averaging over the pixels of one image: {axes} for ndim = 4 leaves out axis 0, so every image gets its own mean.
    That layer exists and is called instance norm; BatchNorm has its name from including axis 0."""
    return tuple(range(2, ndim))


@slip_of("batch_axes", ask="What do the numbers that share one of your means have in common: the image or the channel?")
def all_but_the_batch(ndim):
    """averaging within each image: {axes} for ndim = 4 is layer norm, one mean per image. BatchNorm keeps axis 1 (the
    channels) apart, not axis 0 (the images)."""
    return tuple(range(1, ndim))


@slip_of("batch_axes", ask="Where do the channels stand in (N, C, H, W), counted from 0?")
def all_but_the_last(ndim):
    """leaving out the last axis: {axes} for ndim = 4 fits channels-last data (N, H, W, C), TensorFlow's usual layout.
    In this course and in PyTorch channels are axis 1, (N, C, H, W)."""
    return tuple(range(ndim - 1))


@slip_of("batch_axes", ask="What is the last axis called of an array with four axes?")
def counted_from_one(ndim):
    """counting axes from 1: NumPy counts from 0, so the batch is axis 0 and the channels are axis 1. Your {axes} for
    ndim = 4 names axis 4, which an array with 4 axes does not have."""
    return (1, *range(3, ndim + 1))


@slip_of("batch_axes", ask="What does yours return for a table, and what does np.mean say to it?")
def always_images(ndim):
    """a fixed answer for images: {axes} whatever ndim is. For a table (N, C), ndim = 2, there are no axes 2 and 3, and
    np.mean would raise an AxisError. Build the tuple from ndim."""
    return (0, 2, 3)


@slip_of("batch_axes", ask="What shape is left when np.mean gets your axes: is it one number for each channel?")
def the_axis_that_is_kept(ndim):
    """naming the axis that is kept: {axes} holds the channels. np.mean wants the axes that disappear, which are all
    the others: ndim - 1 of them, 3 for images."""
    return (1,)


@slip_of("batch_axes", ask="How many entries has the tuple that you return, and what type is the second?")
def without_the_star(ndim):
    """leaving out the star: (0, range(2, 4)) has 2 entries, a number and a range. The star unpacks the range:
    (0, *range(2, 4)) is (0, 2, 3)."""
    return (0, range(2, ndim))


@slip_of("batch_axes", ask="list(range(2, 5)): where does it stop?")
def one_axis_too_many(ndim):
    """going one too far: {axes} for ndim = 4 names axis 4, but counted from 0 the last one is axis 3. range stops
    before its end, so range(2, ndim) is already 2 and 3."""
    return (0, *range(2, ndim + 1))


@slip_of("batch_axes", ask="Which axes are those, one by one?")
def how_many(ndim):
    """counting the axes: {axes} is how many axes are averaged over, for ndim = 4. np.mean wants to know which ones, as
    a tuple."""
    return ndim - 1


@slip_of("batch_axes", ask="What does np.mean say if you hand it your answer?")
def a_list(ndim):
    """a list: the axes are right, but np.mean(x, axis={axes}) raises TypeError: 'list' object cannot be interpreted as
    an integer. Round brackets make a tuple of them: (0, *range(2, ndim)), or tuple(...) around your list."""
    return [0, *range(2, ndim)]


@slip_of("batch_axes", ask="What does np.mean say if you hand it your answer?")
def a_set(ndim):
    """a set: the 3 axes for ndim = 4 are right, but np.mean raises TypeError: 'set' object cannot be interpreted as an
    integer. Put tuple(...) around it; the order of the axes does not matter."""
    return set(range(ndim)) - {1}


@slip_of("batch_axes", ask="What is type((0)), and what is type((0,))?")
def without_the_comma(ndim):
    """leaving out the comma where there is one axis: for ndim = 2 you return (0), which Python reads as the number 0.
    A tuple of one needs a comma: (0,)."""
    return (0, *range(2, ndim)) if ndim > 2 else 0
