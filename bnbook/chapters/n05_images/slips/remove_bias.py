"""Wrong answers to the exercise `remove_bias`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- remove_bias(bias, running_mean) -> running_mean ------------------------------------------------------------------


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
