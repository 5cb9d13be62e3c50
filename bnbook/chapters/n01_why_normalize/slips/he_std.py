"""Wrong answers to the exercise `he_std`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- he_std(fan_in) -> std -----------------------------------------------------------------------------------------


@slip_of("he_std")
def he_std_as_a_variance(fan_in):
    """returning the variance: 2 / fan_in is {std} for fan_in = 8, its root, the standard deviation, is
    {right_std}. np.random's `scale` is a standard deviation."""
    return 2 / fan_in


@slip_of("he_std")
def he_std_without_the_2(fan_in):
    """sqrt(1 / fan_in): right without an activation, and nearly right for tanh (Glorot's sqrt(2 / (fan_in +
    fan_out)) is the same in a square layer). A ReLU halves the mean square, and after 20 layers 1 / 2^20 is left
    of it."""
    return np.sqrt(1 / fan_in)


@slip_of("he_std")
def he_std_with_the_2_outside(fan_in):
    """2 / sqrt(fan_in): the 2 belongs under the root. Each layer then doubles the mean square, a factor of
    1,000,000 after 20. For fan_in = 8 you return {std}, expected {right_std}."""
    return 2 / np.sqrt(fan_in)


@slip_of("he_std")
def he_std_with_the_root_of_2_alone(fan_in):
    """sqrt(2) / fan_in: the root must cover fan_in too, for a sum of n numbers is sqrt(n) times as wide as one,
    not n times. For fan_in = 8 you return {std}, expected {right_std}."""
    return np.sqrt(2) / fan_in


@slip_of("he_std")
def he_std_upside_down(fan_in):
    """sqrt(fan_in / 2): more inputs need *smaller* weights. For fan_in = 8 you return {std}, which is 1 over the
    right {right_std}."""
    return np.sqrt(fan_in / 2)


@slip_of("he_std")
def he_std_halving_on_the_wrong_side(fan_in):
    """sqrt(1 / (2 fan_in)): the ReLU halves the mean square, so the weights must make up for it: times 2, not
    divided by 2. Solve fan_in * std^2 / 2 = 1; for fan_in = 8 that is {right_std}, not {std}."""
    return np.sqrt(1 / (2 * fan_in))


@slip_of("he_std")
def he_std_by_the_variance_of_h(fan_in):
    """using the variance of h: after a ReLU it is 0.341 of mean(z^2), because the mean of h is not 0. But z =
    sum of w * h adds up the mean square of h, mean included, and that is 0.5. For fan_in = 8 you return {std},
    not {right_std}."""
    return np.sqrt(2 / ((1 - 1 / np.pi) * fan_in))


@slip_of("he_std")
def he_std_as_the_bound(fan_in):
    """sqrt(6 / fan_in): that is the *bound* of a uniform distribution with the right spread (PyTorch's
    kaiming_uniform_), sqrt(3) times its standard deviation. For fan_in = 8: {std} against {right_std}."""
    return np.sqrt(6 / fan_in)


@slip_of("he_std")
def he_std_as_pytorch_starts(fan_in):
    """sqrt(1 / (3 fan_in)): what nn.Linear does when nobody asks, uniform within 1 / sqrt(fan_in). It is sqrt(6)
    = 2.45 times too small for a ReLU; for fan_in = 8 {std}, not {right_std}."""
    return np.sqrt(1 / (3 * fan_in))


@slip_of("he_std")
def he_std_with_whole_numbers(fan_in):
    """2 // fan_in: // drops everything after the point, so for fan_in = 8 nothing is left, {std}. With / it is
    {right_std}."""
    return np.sqrt(2 // fan_in)


@slip_of("he_std")
def he_std_counting_the_bias(fan_in):
    """counting the bias as one more input: the bias starts at 0 and adds nothing to the spread, so fan_in is the
    number of inputs, 8 and not 9: {right_std}, you return {std}."""
    return np.sqrt(2 / (fan_in + 1))


@slip_of("he_std")
def he_std_as_the_gain(fan_in):
    """returning the gain alone: sqrt(2) is the factor for the ReLU; it still has to be divided by sqrt(fan_in),
    or 8 inputs make z sqrt(8) times too wide: {std}, expected {right_std}."""
    return np.sqrt(2)


@slip_of("he_std")
def he_std_halved_by_precedence(fan_in):
    """(2 / fan_in) ** 1/2: Python takes the power first, and ** 1 changes nothing; then it halves. For fan_in = 8 that
    is {std}, where the root is {right_std}. Brackets or a decimal make a root of it: ** (1/2), ** 0.5, np.sqrt."""
    return (2 / fan_in) ** 1 / 2
