"""Wrong answers to the exercise `standard_error`."""

import numpy as np

from bnbook.grading.exercise import slip_of


@slip_of("standard_error")
def standard_error_without_the_root(sd, m):
    """dividing by m: errors of different sign cancel in part, but not that well. Four times as many values halve the
    error, they do not quarter it; on the example that is {right_error}, not {error}."""
    return sd / m


@slip_of("standard_error")
def standard_error_squared(sd, m):
    """returning sd^2 / m: that is the *variance* of the mean, in squared units, {error} on the example. How far it
    typically is from the truth is the root, {right_error}."""
    return sd**2 / m


@slip_of("standard_error")
def standard_error_with_the_root_over_both(sd, m):
    """taking the root of sd / m: the variances add, so the root belongs over sd^2 / m, which leaves sd / sqrt(m). On
    the example {right_error}; yours is {error}."""
    return np.sqrt(sd / m)


@slip_of("standard_error")
def standard_error_by_m_minus_1(sd, m):
    """dividing by sqrt(m - 1): the m - 1 belongs to *estimating* sd from the sample; here sd is known. With m = 2 you
    are off by the factor 1.41."""
    return sd / np.sqrt(m - 1)


@slip_of("standard_error")
def standard_error_growing(sd, m):
    """multiplying by sqrt(m): that is how wide the *sum* of m values is. The mean is the sum / m, so it is
    {right_error} on the example, where you have {error}."""
    return sd * np.sqrt(m)


@slip_of("standard_error")
def standard_error_constant(sd, m):
    """returning sd: that is how far a *single* value is from the mean, whatever m. Averaging 9 values brings the
    example's {error} down to {right_error}."""
    return sd + 0 * m


@slip_of("standard_error")
def standard_error_without_sd(sd, m):
    """leaving sd out: 1 / sqrt(m) is the error in standard deviations, {error} on the example. In the units of the
    values it is sd times that, {right_error}."""
    return 1 / np.sqrt(m)


@slip_of("standard_error")
def standard_error_at_95_percent(sd, m):
    """multiplying by 1.96: that is half the width of a 95 % interval. Asked is the standard error itself,
    {right_error} on the example, not {error}."""
    return 1.96 * sd / np.sqrt(m)


@slip_of("standard_error")
def standard_error_upside_down(sd, m):
    """sqrt(m) / sd: that *grows* with the number of values, {error} on the example. Turn the fraction over:
    {right_error}."""
    return np.sqrt(m) / sd


@slip_of("standard_error")
def standard_error_of_a_difference(sd, m):
    """sqrt(2 / m) * sd: that is how far two means of m values each are from *each other*. From the truth a mean is
    {right_error} on the example, sqrt(2) times less."""
    return sd * np.sqrt(2 / m)


@slip_of("standard_error")
def standard_error_with_a_half_outside(sd, m):
    """writing ** 1/2: a power binds before a division, so that is (** 1) / 2, a half and no root. Write ** 0.5 or
    np.sqrt: {right_error} on the example, not {error}."""
    return sd / m / 2


@slip_of("standard_error")
def standard_error_with_a_half_outside_the_square(sd, m):
    """writing (sd ** 2 / m) ** 1/2: that is half of sd^2 / m, as ** 1 comes first. With ** (1 / 2) it is the root,
    {right_error} on the example; yours is {error}."""
    return sd**2 / m / 2
