"""Wrong answers to the exercise `effective_rate`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- effective_rate(lr, weight) -> rate ------------------------------------------------------------------------------


def _rows(weight):
    return weight.reshape(len(weight), -1)


@slip_of("effective_rate")
def effective_rate_by_the_length(lr, weight):
    """dividing by |w| once: the step lr * g is compared with |w|, that is one factor; but g itself is 1 / |w| times
    the gradient on the unit sphere, and that is the other. lr / |w|^2: {right_rate}, not {rate}."""
    return lr / np.sqrt((_rows(weight) ** 2).sum(1))


@slip_of("effective_rate")
def effective_rate_multiplied(lr, weight):
    """multiplying by |w|^2: longer weights turn more *slowly*. With |w| = 5 and lr = 0.1 it is 0.1 / 25 = 0.004, you
    find {rate}."""
    return lr * (_rows(weight) ** 2).sum(1)


@slip_of("effective_rate")
def effective_rate_upside_down(lr, weight):
    """|w|^2 / lr: that is the inverse, {rate} on the example; a rate grows with lr: {right_rate}."""
    return (_rows(weight) ** 2).sum(1) / lr


@slip_of("effective_rate")
def effective_rate_of_the_layer(lr, weight):
    """adding up the squares of the whole layer: BatchNorm normalizes every unit by itself, so each has its own length
    and its own rate, {right_rate} on the example, where you give 1 number."""
    return lr / (weight**2).sum()


@slip_of("effective_rate")
def effective_rate_of_the_inputs(lr, weight):
    """summing over axis 0: that runs over the units and gives one number per *input*. The weights of unit 0 are the
    row weight[0], so sum over axis 1: {right_rate}."""
    return lr / (weight**2).sum(0)


@slip_of("effective_rate")
def effective_rate_of_the_second_axis(lr, weight):
    """summing over axis 1 only: enough for a linear layer, but a filter has 3 axes of weights, and (units, C, 3, 3)
    leaves 9 numbers per unit. Reshape to (units, -1) first."""
    return lr / (weight**2).sum(1)


@slip_of("effective_rate")
def effective_rate_by_the_mean(lr, weight):
    """taking the mean of the squares: the squared length is their *sum*. With 2 inputs your rate is twice too large:
    {rate}, expected {right_rate}."""
    return lr / (_rows(weight) ** 2).mean(1)


@slip_of("effective_rate")
def effective_rate_by_the_sum(lr, weight):
    """squaring the sum: (w1 + w2)^2 is not w1^2 + w2^2; for 3 and -4 it is 1 and not 25. Square first, then add up."""
    return lr / _rows(weight).sum(1) ** 2


@slip_of("effective_rate")
def effective_rate_by_absolute_values(lr, weight):
    """adding up absolute values: |3| + |4| = 7 is another length; the one that the gradient is at right angles to is
    the root of the sum of squares, 5. Your rates: {rate}, expected {right_rate}."""
    return lr / np.abs(_rows(weight)).sum(1) ** 2


@slip_of("effective_rate")
def effective_rate_by_the_largest(lr, weight):
    """taking the largest weight for the length: it misses all the others; for 3 and 4 the square of the length is 25,
    not 16. You find {rate}."""
    return lr / np.abs(_rows(weight)).max(1) ** 2


@slip_of("effective_rate")
def effective_rate_without_lr(lr, weight):
    """leaving lr out: {rate} is the rate at lr = 1. With the learning rate it is {right_rate}."""
    return 1 / (_rows(weight) ** 2).sum(1)


@slip_of("effective_rate")
def effective_rate_squared(lr, weight):
    """squaring lr as well: (lr / |w|)^2 treats both alike, but (w, lr) and (a w, a^2 lr) are equivalent: lr to the
    power of 1 goes with |w| to the power of 2. Expected {right_rate}, yours {rate}."""
    return lr**2 / (_rows(weight) ** 2).sum(1)


@slip_of("effective_rate")
def effective_rate_to_the_fourth(lr, weight):
    """squaring twice: (w ** 2).sum() already is |w|^2, and squared again it is |w|^4 = 625 for |w| = 5. You find
    {rate}, expected {right_rate}."""
    return lr / (_rows(weight) ** 2).sum(1) ** 2


@slip_of("effective_rate")
def effective_rate_with_a_guard(lr, weight):
    """adding a small number below: 1e-5 protects against weights of length 0, which BatchNorm could not normalize
    anyway, and makes the rate of short weights too small, by 10 % at |w| = 0.01. Here the plain formula is asked."""
    return lr / ((_rows(weight) ** 2).sum(1) + 1e-5)


@slip_of("effective_rate")
def effective_rate_keeping_an_axis(lr, weight):
    """keepdims: the shape is (units, 1) then; asked is one number per unit, (units,): {right_rate}."""
    return lr / (_rows(weight) ** 2).sum(1, keepdims=True)
