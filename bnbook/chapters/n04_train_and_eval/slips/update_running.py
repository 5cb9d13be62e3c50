"""Wrong answers to the exercise `update_running`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import update_running as _update_running

# --- update_running(running_mean, running_var, mean, var, m, momentum) -> running_mean, running_var ------------------


def _mix(old, new, momentum):
    return (1 - momentum) * old + momentum * new


@slip_of(
    "update_running",
    ask="With momentum 0.1, what share of the old value is left after one batch with yours? And in PyTorch?",
)
def momentum_inverted(running_mean, running_var, mean, var, m, momentum=0.1):
    """momentum as the weight of the old: that is how TensorFlow, Keras and every optimizer count it. PyTorch's is the
    weight of the new batch: momentum 0.1 keeps 90 % of the old value, yours keeps 10 %. On the example your
    running_mean is {running_mean}, it should be {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, 1 - momentum)


@slip_of(
    "update_running",
    ask="Batches of 2 from a population with variance 4: around which number does your running_var settle?",
)
def tracking_the_biased_variance(running_mean, running_var, mean, var, m, momentum=0.1):
    """averaging the variance as it came: var was divided by m, and on average that is too small for the whole data set,
    by (m - 1) / m: half at m = 2. Multiply it by m / (m - 1) first. On the example your running_var is {running_var},
    it should be {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var, momentum)


@slip_of(
    "update_running",
    ask="Is the variance of a small batch too small or too large on average? Which way does your factor go?",
)
def correction_upside_down(running_mean, running_var, mean, var, m, momentum=0.1):
    """multiplying by (m - 1) / m: the biased variance is already too small and this makes it smaller still. The factor
    is m / (m - 1), 2 at m = 2. Your running_var is {running_var} on the example, not {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var * (m - 1) / m, momentum)


@slip_of("update_running", ask="Has var been divided by m already when it comes in? Then what is var times m?")
def dividing_by_m_minus_1_alone(running_mean, running_var, mean, var, m, momentum=0.1):
    """var / (m - 1): var is a mean already, divided by m, so it must be multiplied by m before it is divided by
    m - 1. With 40 values per channel yours is 40 times too small."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var / (m - 1), momentum)


@slip_of("update_running", ask="Is the mean of a small batch too small on average?")
def correcting_the_mean_too(running_mean, running_var, mean, var, m, momentum=0.1):
    """giving the mean the factor m / (m - 1) as well: a mean of m values is right on average as it is; only the
    variance, measured around that mean, comes out too small. Your running_mean is {running_mean} on the example, not
    {right_running_mean}."""
    return _mix(running_mean, mean * m / (m - 1), momentum), _mix(running_var, var * m / (m - 1), momentum)


@slip_of("update_running", ask="After 100 batches, how often has your factor been applied to the first one?")
def correcting_the_average(running_mean, running_var, mean, var, m, momentum=0.1):
    """multiplying the whole new running_var by m / (m - 1): the old value has had its correction and gets it again at
    every step: 1.25 to the power of 100 after 100 batches with m = 5. Correct only the variance of the new batch."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var, momentum) * m / (m - 1)


@slip_of("update_running", ask="What of the old value is left in what you return?")
def keeping_only_the_last_batch(running_mean, running_var, mean, var, m, momentum=0.1):
    """returning the statistics of this batch: nothing of the old ones is left, so what is stored jumps from batch to
    batch. On the example running_mean should move a part of the way, to {right_running_mean}; yours is at
    {running_mean}."""
    return 1.0 * np.asarray(mean), var * m / (m - 1)


@slip_of("update_running", ask="If every batch has mean 1, where does your running_mean go in 100 steps?")
def adding_without_forgetting(running_mean, running_var, mean, var, m, momentum=0.1):
    """adding momentum * new to the whole of the old: the two weights must sum to 1, so the old one is multiplied by
    1 - momentum. Yours grows without end; running_var on the example is {running_var}, it should be
    {right_running_var}."""
    return running_mean + momentum * mean, running_var + momentum * var * m / (m - 1)


@slip_of("update_running", ask="The old mean is 1, the new 3: between which numbers should the result lie?")
def moving_away(running_mean, running_var, mean, var, m, momentum=0.1):
    """a step in the wrong direction: old + momentum * (old - new) moves away from the batch. It should be old +
    momentum * (new - old): running_mean is {running_mean} on the example, it should be {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, -momentum)


@slip_of("update_running", ask="What is the mean of the variances 1 and 9? And the square of the mean of 1 and 3?")
def averaging_standard_deviations(running_mean, running_var, mean, var, m, momentum=0.1):
    """averaging standard deviations and squaring the result: what is averaged is the variance. The two differ: of the
    variances 1 and 9 the mean is 5, and the square of the mean of 1 and 3 is 4."""
    std = _mix(np.sqrt(running_var), np.sqrt(var * m / (m - 1)), momentum)
    return _mix(running_mean, mean, momentum), std**2


@slip_of("update_running", ask="Evaluation takes the root of what you store. How many roots is that together?")
def tracking_the_standard_deviation(running_mean, running_var, mean, var, m, momentum=0.1):
    """storing the standard deviation under the name of the variance: evaluation takes the root of running_var, and it
    would be taken twice. On the example running_var should be {right_running_var}, yours is {running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, np.sqrt(var * m / (m - 1)), momentum)


@slip_of(
    "update_running", ask="Which formula is the exercise's: one average for each number, or one for a merged data set?"
)
def merging_the_spread_of_the_means(running_mean, running_var, mean, var, m, momentum=0.1):
    """adding the spread between the old mean and the new one: right if the two were to be merged into one big data set,
    and more than PyTorch does, which averages the variances and nothing else. Here that adds
    momentum * (1 - momentum) * (mean - running_mean)^2: your running_var on the example is {running_var}, PyTorch's
    {right_running_var}."""
    new_mean, new_var = _update_running(running_mean, running_var, mean, var, m, momentum)
    return new_mean, new_var + momentum * (1 - momentum) * (mean - running_mean) ** 2


@slip_of("update_running", ask="Which of your two outputs is the same before and after the call?")
def leaving_the_variance_alone(running_mean, running_var, mean, var, m, momentum=0.1):
    """moving only the mean: running_var stays {running_var}, what it was before; it has to follow its batches too, and
    on the example to reach {right_running_var}."""
    return _mix(running_mean, mean, momentum), 1.0 * np.asarray(running_var)


@slip_of("update_running", ask="Call yours with momentum 1: what should be left of the old, and what is?")
def fixed_momentum(running_mean, running_var, mean, var, m, momentum=0.1):
    """writing 0.1 where momentum should stand: the argument is ignored. With momentum 1 the new batch replaces
    everything, yours keeps 90 % of the old."""
    return _update_running(running_mean, running_var, mean, var, m, 0.1)


@slip_of("update_running", ask="Read the first line of your function beside ours: what is different?")
def another_default_momentum(running_mean, running_var, mean, var, m, momentum=0.01):
    """another default: called without momentum, your function behaves as if it were 0.01, not 0.1. (Keras' default of
    0.99 is 0.01 in PyTorch's way of counting.)"""
    return _update_running(running_mean, running_var, mean, var, m, momentum)


@slip_of("update_running", ask="Called without momentum, what share of the old is left after one batch?")
def kerass_default(running_mean, running_var, mean, var, m, momentum=0.99):
    """0.99 as the default, as Keras has it: there it is the weight of the old, so Keras takes 1 % from a new batch.
    Here momentum weighs the new one, and called without it your function takes 99 %; the default is 0.1."""
    return _update_running(running_mean, running_var, mean, var, m, momentum)


@slip_of("update_running", ask="What does the docstring say that momentum multiplies: the old or the new?")
def kerass_counting(running_mean, running_var, mean, var, m, momentum=0.99):
    """counting as Keras does, the old times momentum, with Keras' default 0.99: in itself that fits together. PyTorch
    multiplies the new by momentum, by default 0.1: on the example, where it is given, running_mean moves to
    {running_mean} and should to {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, 1 - momentum)


@slip_of("update_running", ask="What is 8 / 4 - 1 in Python, and what is 8 / (4 - 1)?")
def correction_without_brackets(running_mean, running_var, mean, var, m, momentum=0.1):
    """var * m / m - 1 without brackets: Python divides first, and what is left is var - 1, below 0 for a quiet channel.
    Write m / (m - 1). On the example running_var is {running_var} in place of {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var * m / m - 1, momentum)


@slip_of("update_running", ask="What is 8 / 4 - 1 in Python, and what is 8 / (4 - 1)?")
def correction_without_brackets_in_the_sum(running_mean, running_var, mean, var, m, momentum=0.1):
    """momentum * var * m / m - 1 without brackets: m / m is 1, and the 1 is taken from the whole sum. Write
    momentum * var * m / (m - 1). On the example running_var is {running_var} in place of {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var, momentum) - 1


@slip_of("update_running", ask="Print running_mean before and after the call: whose array has changed?")
def updating_in_place(running_mean, running_var, mean, var, m, momentum=0.1):
    """writing into running_mean and running_var: the caller's arrays change under its hands, which is up to the layer,
    not to this function. running_mean *= 0.9 writes; running_mean = 0.9 * running_mean makes a new array."""
    running_mean[:], running_var[:] = _update_running(running_mean, running_var, mean, var, m, momentum)
    return running_mean, running_var


@slip_of("update_running", ask="Which of your outputs should be near the mean that came in?")
def returning_variance_first(running_mean, running_var, mean, var, m, momentum=0.1):
    """returning running_var, running_mean: the order is the mean first. Your first output is {running_mean} on the
    example; the mean is {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, momentum)[::-1]
