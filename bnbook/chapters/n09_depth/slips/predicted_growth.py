"""Wrong answers to the exercise `predicted_growth`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- predicted_growth(h, slope) -> growth -----------------------------------------------------------------------------


@slip_of("predicted_growth")
def predicted_growth_without_the_root(h, slope):
    """leaving out the root: pi / (pi - 1) = 1.467 for the ReLU is by how much the *square* of the gradient grows. Its
    size grows by the root, 1.211."""
    return np.mean(slope**2) / np.var(h)


@slip_of("predicted_growth")
def predicted_growth_by_the_mean_square(h, slope):
    """dividing by mean(h^2): that is He's calculation, with the mean included, and gives 1 for every ReLU. BatchNorm
    subtracts the mean first, so what it divides by is the *variance*: {right_growth} on the example, not {growth}."""
    return np.sqrt(np.mean(slope**2) / np.mean(h**2))


@slip_of("predicted_growth")
def predicted_growth_by_the_mean_slope(h, slope):
    """averaging the slopes before squaring: for the ReLU that is 0.5^2 = 0.25, but half of the slopes are 1 and stay
    1 when squared: 0.5. Square first, then average."""
    return np.sqrt(np.mean(slope) ** 2 / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_by_m_minus_1(h, slope):
    """dividing the sum by m - 1 in the variance: BatchNorm normalizes by the variance divided by m, np.var's default.
    On the example that is 1.5, yours 2."""
    return np.sqrt(np.mean(slope**2) / np.var(h, ddof=1))


@slip_of("predicted_growth")
def predicted_growth_upside_down(h, slope):
    """variance over slopes: {growth} on the example, 1 over the right {right_growth}. BatchNorm *divides* by the
    spread of h, so a small variance makes gradients large."""
    return np.sqrt(np.var(h) / np.mean(slope**2))


@slip_of("predicted_growth")
def predicted_growth_by_the_sd(h, slope):
    """np.std inside the root: under the root everything is squared, so there it is the variance. For the example you
    get {growth}, with np.var {right_growth}."""
    return np.sqrt(np.mean(slope**2) / np.std(h))


@slip_of("predicted_growth")
def predicted_growth_with_half_a_root(h, slope):
    """the root of the variance only: the slopes are squared too and need it as well. sqrt(mean(slope^2)) / sd is
    {right_growth} on the example, yours {growth}."""
    return np.mean(slope**2) / np.std(h)


@slip_of("predicted_growth")
def predicted_growth_without_the_square(h, slope):
    """slopes that are not squared: unnoticed with a ReLU, whose slopes are 0 and 1, but wrong for tanh, where it turns
    1.085 into 1.24. What is followed is the square of the gradient, so the slope is squared."""
    return np.sqrt(np.mean(slope) / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_by_the_variance_of_the_slope(h, slope):
    """the variance of the slope: with no non-linearity all slopes are 1, their variance is 0, and your gradient
    vanishes. The mean square counts, mean included."""
    return np.sqrt(np.var(slope) / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_entry_by_entry(h, slope):
    """no mean over the slopes: you return {growth}, one number for each entry. A unit adds up many gradients, of which
    the mean square is passed on: 1 number."""
    return np.sqrt(slope**2 / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_column_by_column(h, slope):
    """averaging over axis 0 only: h may have any shape, and 1 number for all of it is asked for; np.mean and np.var
    without an axis."""
    return np.sqrt(np.mean(slope**2, axis=0) / np.var(h, axis=0))


@slip_of("predicted_growth")
def predicted_growth_by_a_sum(h, slope):
    """the sum of the squared slopes: it grows with the number of entries, 2 on the example where the mean is 0.5."""
    return np.sqrt(np.sum(slope**2) / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_multiplying(h, slope):
    """multiplying by the variance: BatchNorm divides by it on the way forward, and the chain rule hands the same
    1 / sd back: {right_growth} on the example, not {growth}."""
    return np.sqrt(np.mean(slope**2) * np.var(h))


@slip_of("predicted_growth")
def predicted_growth_with_hes_2(h, slope):
    """He's factor of 2: the weights multiply the gradient *and* the spread that BatchNorm divides by, so their size
    cancels, whatever it is. Without the 2 the example gives {right_growth}, yours {growth}."""
    return np.sqrt(2 * np.mean(slope**2) / np.var(h))


@slip_of("predicted_growth")
def predicted_growth_with_the_upper_half_of_a_root(h, slope):
    """the root above the line only: sqrt(mean(slope^2)) / var(h) divides by the *square* of what BatchNorm divides by.
    Put the whole fraction under the root, or divide by np.std(h): {right_growth}, and not {growth}."""
    return np.sqrt(np.mean(slope**2)) / np.var(h)


@slip_of("predicted_growth")
def predicted_growth_of_a_half(h, slope):
    """`** 1/2` in place of a root: a power is taken before anything is divided, so this halves the square. Write ** 0.5
    or np.sqrt; you find {growth} where {right_growth} is right."""
    return (np.mean(slope**2) / np.var(h)) ** 1 / 2
