"""Wrong answers to the exercise `affine_block`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- affine_block(program, x, y, slope, shift, L, BLOCK) -> y ---------------------------------------------------------


def _block(x, y, slope, shift, channels, offsets, loads=None, stores=None):
    inside = offsets < x.size
    loads, stores = (inside if mask is None else mask for mask in (loads, stores))
    y.store(offsets, x.load(offsets, loads) * slope.load(channels) + shift.load(channels), stores)


@slip_of("affine_block")
def no_mask(program, x, y, slope, shift, L, BLOCK):
    """no mask: 30 numbers in blocks of 8 leave a last block of 6, whose lanes 6 and 7 read and overwrite what lies
    behind the array. On a GPU that is somebody else's memory, and often no error at all."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, True, True)


@slip_of("affine_block")
def no_mask_in_the_store(program, x, y, slope, shift, L, BLOCK):
    """the mask in load only: the two lanes of the last block of 30 = 3 * 8 + 6 that read nothing still write, behind
    the end of y. Every store needs it as well."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, None, True)


@slip_of("affine_block")
def no_mask_in_the_load(program, x, y, slope, shift, L, BLOCK):
    """the mask in store only: what is read behind the end of x is never written, so y is right, but 2 lanes have read
    foreign memory, and on a GPU that can end the whole program."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, True, None)


@slip_of("affine_block")
def one_lane_too_many(program, x, y, slope, shift, L, BLOCK):
    """offsets <= x.size in the mask: the last number of x has offset size - 1, so this lets 1 lane read and write
    behind the end. Use <."""
    offsets = program * BLOCK + np.arange(BLOCK)
    mask = offsets <= x.size
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, mask, mask)


@slip_of("affine_block")
def every_program_the_first_block(program, x, y, slope, shift, L, BLOCK):
    """np.arange(BLOCK) without program * BLOCK: every program works on the same first block, and the rest of y stays as
    it was, -9 here. On the example y is {y}."""
    offsets = np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


@slip_of("affine_block")
def program_without_the_block_size(program, x, y, slope, shift, L, BLOCK):
    """program + np.arange(BLOCK): neighbouring programs then start 1 number apart, not BLOCK, and the end of y is never
    reached. On the example y is {y}."""
    offsets = program + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


@slip_of("affine_block")
def program_times_the_row(program, x, y, slope, shift, L, BLOCK):
    """program * L + np.arange(BLOCK): a program has a block of BLOCK numbers, not a row of L. Where L is smaller, as on
    the example, 3 to 4, blocks overlap, and of a longer y the end is never reached; where it is larger, gaps stay."""
    offsets = program * L + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


@slip_of("affine_block")
def every_program_the_whole(program, x, y, slope, shift, L, BLOCK):
    """all of y in every program: the result is right, but 1,000 programs do the work 1,000 times. This one's share is
    the numbers from program * BLOCK on, BLOCK of them."""
    offsets = np.arange(x.size)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


@slip_of("affine_block")
def reading_the_whole(program, x, y, slope, shift, L, BLOCK):
    """all of x read in every program, and one block of it written: y is right, but of 1,000 programs each reads 1,000
    times what it needs, and reading is what takes the time. Load at the offsets of this program's block."""
    offsets = program * BLOCK + np.arange(BLOCK)
    mask, channels = offsets < x.size, offsets // L % slope.size
    whole = x.load(np.arange(x.size))[np.minimum(offsets, x.size - 1)]
    y.store(offsets, whole * slope.load(channels) + shift.load(channels), mask)


@slip_of("affine_block")
def one_channel_per_program(program, x, y, slope, shift, L, BLOCK):
    """the channel of the first lane for all: a block of BLOCK numbers can begin in one channel and end in the next, as
    on the example, blocks of 4 and rows of 3: y is {y}, expected {right_y}. Each lane has its own channel."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets[:1] // L % slope.size, offsets)


@slip_of("affine_block")
def program_as_the_channel(program, x, y, slope, shift, L, BLOCK):
    """slope.load(program): that would be right if each program had one row, BLOCK = L. On the example, BLOCK = 4 and
    L = 3, y is {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, np.array([program % slope.size]), offsets)


@slip_of("affine_block")
def channels_that_never_begin_again(program, x, y, slope, shift, L, BLOCK):
    """offsets // L as the channel: it counts the rows of all images, 0, 1, ..., N * C - 1, and from the second image on
    slope has no such entry. The remainder by C = slope.size is missing."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L, offsets)


@slip_of("affine_block")
def channels_last(program, x, y, slope, shift, L, BLOCK):
    """offsets % C as the channel: so it is in memory where the channels are last, (N, L, C). Here L numbers of one
    channel lie side by side. On the example y is {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets % slope.size, offsets)


@slip_of("affine_block")
def the_place_in_the_row(program, x, y, slope, shift, L, BLOCK):
    """offsets % L as the channel: that is the place within a row; which row it is, is offsets // L. On the example y is
    {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets % L, offsets)


@slip_of("affine_block")
def no_shift(program, x, y, slope, shift, L, BLOCK):
    """slope * x alone: the shift is missing, 0.5 in the second channel of the example, where y is {y} in place of
    {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    mask, channels = offsets < x.size, offsets // L % slope.size
    y.store(offsets, x.load(offsets, mask) * slope.load(channels), mask)
