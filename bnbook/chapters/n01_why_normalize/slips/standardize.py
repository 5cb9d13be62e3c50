"""Wrong answers to the exercise `standardize`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- standardize(x) -> x_hat ---------------------------------------------------------------------------------------


@slip_of("standardize")
def standardize_by_m_minus_1(x):
    """dividing the variance by m - 1: that estimates the spread of a population from a sample, but this very
    table is to have sd 1. Your first row is {x_hat}, it should be {right_x_hat}. (x.std(0) divides by m; ddof=1,
    torch.std and pandas divide by m - 1.)"""
    return (x - x.mean(0)) / x.std(0, ddof=1)


@slip_of("standardize")
def standardize_rows(x):
    """working along axis 1: that makes every *row* mean 0, and mixes square metres with numbers of rooms. A mean
    over axis 0 runs down a column. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


@slip_of("standardize")
def standardize_rows_without_keepdims(x):
    """taking mean and sd over axis 1: x.mean(1) runs along a row. The table x (5, 3) then has 5 means, one per row,
    and they do not line up with its 3 columns. Over axis 0 there are 3, and they line up by themselves."""
    return (x - x.mean(1)) / x.std(1)


@slip_of("standardize")
def standardize_by_one_sd(x):
    """one sd for the whole table: x.std() without an axis is 1 number, and the loudest column makes it. The columns
    are centred, but not equally wide: your first row is {x_hat}, it should be {right_x_hat}. Write x.std(0)."""
    return (x - x.mean(0)) / x.std()


@slip_of("standardize")
def standardize_the_wrong_way_round(x):
    """mean - x in place of x - mean: mean 0 and sd 1 are right, but the sign of every number is turned, and the
    largest flat becomes the smallest. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x.mean(0) - x) / x.std(0)


@slip_of("standardize")
def standardize_the_whole_table(x):
    """one mean and one sd for everything: x.mean() without an axis is 1 number, dominated by the loudest column.
    On the example every column needs its own: the means are 3 and 20. Your first row is {x_hat}, not
    {right_x_hat}."""
    return (x - x.mean()) / x.std()


@slip_of("standardize")
def standardize_by_the_variance(x):
    """dividing by the variance: the root is missing. A column ten times as wide then comes out ten times
    *narrower*, with sd 1 / sd; on the example the first row is {x_hat} in place of {right_x_hat}."""
    return (x - x.mean(0)) / x.var(0)


@slip_of("standardize")
def standardize_without_the_mean(x):
    """dividing by sd, but not subtracting the mean: sd is 1 now, yet the first row, {x_hat}, should be
    {right_x_hat}. 'Mean 0' needs x - x.mean(0)."""
    return x / x.std(0)


@slip_of("standardize")
def standardize_only_the_mean(x):
    """subtracting the mean and stopping there: the columns are centred, but as wide as before: {x_hat} in the
    first row, in the old units. Divide by the standard deviation: {right_x_hat}."""
    return x - x.mean(0)


@slip_of("standardize")
def standardize_to_the_range(x):
    """scaling to the range 0 to 1: (x - min) / (max - min) is min-max scaling; its sd depends on the two extreme
    values alone. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x - x.min(0)) / (x.max(0) - x.min(0))


@slip_of("standardize")
def standardize_by_the_range(x):
    """dividing by max - min: centred, but the width is measured by two values only. Your first row is {x_hat};
    by the standard deviation it is {right_x_hat}."""
    return (x - x.mean(0)) / (x.max(0) - x.min(0))


@slip_of("standardize")
def standardize_by_the_largest(x):
    """dividing by the largest absolute deviation: then everything fits into -1 to 1, but sd is less than 1: the
    first row is {x_hat} where {right_x_hat} is expected."""
    deviation = x - x.mean(0)
    return deviation / np.abs(deviation).max(0)


@slip_of("standardize")
def standardize_multiplying(x):
    """multiplying by sd: what was wide becomes wider still, sd ends at sd * sd. Divide: your first row is
    {x_hat}, it should be {right_x_hat}."""
    return (x - x.mean(0)) * x.std(0)


@slip_of("standardize")
def standardize_adding(x):
    """adding the standard deviation: some web pages say 'subtract the mean and add the standard deviation'.
    Adding moves a column, it cannot change its width: {x_hat} in the first row; dividing gives {right_x_hat}."""
    return (x - x.mean(0)) + x.std(0)


@slip_of("standardize")
def standardize_without_brackets(x):
    """x - mean / sd without brackets: Python divides first, so only mean / sd is subtracted and the width stays.
    Write (x - mean) / sd; the first row becomes {right_x_hat}, yours is {x_hat}."""
    return x - x.mean(0) / x.std(0)


@slip_of("standardize")
def standardize_subtracting_late(x):
    """x / sd - mean: the mean is subtracted after the division, when it is no longer the mean of what stands
    there. On the example the first row is {x_hat}; subtract first and it is {right_x_hat}."""
    return x / x.std(0) - x.mean(0)


@slip_of("standardize")
def standardize_by_the_median(x):
    """subtracting the median: it is the mean only in a symmetric column. In 0, 0, 6 the median is 0 and the mean
    is 2; a column so centred does not sum to 0."""
    return (x - np.median(x, 0)) / x.std(0)


@slip_of("standardize")
def standardize_by_absolute_deviation(x):
    """averaging |x - mean| for the width: that is the mean absolute deviation, 1.333 for 1, 3, 5, where sd is
    1.633. Your first row is {x_hat}, it should be {right_x_hat}."""
    deviation = x - x.mean(0)
    return deviation / np.abs(deviation).mean(0)


@slip_of("standardize")
def standardize_to_length_1(x):
    """dividing by the length of the column, the root of the *sum* of squares: with 3 rows everything comes out
    sqrt(3) = 1.73 times too small, {x_hat}, not {right_x_hat}. Take the root of the mean of squares."""
    deviation = x - x.mean(0)
    return deviation / np.linalg.norm(deviation, axis=0)


@slip_of("standardize")
def standardize_by_the_mean_square(x):
    """taking the root of mean(x^2): that measures the distance from 0, mean included. For 1, 3, 5 it is 3.416,
    the distance from the mean is 1.633: square the *deviations*."""
    return (x - x.mean(0)) / np.sqrt((x**2).mean(0))


@slip_of("standardize")
def standardize_in_one_pass(x):
    """computing the variance as mean(x^2) - mean(x)^2: right on paper, but near 10,000 in float32 the two terms
    agree in all their 7 digits and their difference is noise. Subtract the mean first, then square."""
    return (x - x.mean(0)) / np.sqrt((x * x).mean(0) - x.mean(0) ** 2)


@slip_of("standardize")
def standardize_with_eps(x):
    """adding 1e-5 to the variance: that is the eps of notebook 02, which protects a constant column. It has a
    price, a narrow column comes out narrower (sd 0.004 becomes 0.78 and not 1), so here it is left out."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


@slip_of("standardize")
def standardize_with_a_guard(x):
    """adding 1e-8 to the standard deviation: it avoids 0 / 0 and makes every column a little narrower than 1, by
    2.5e-6 where sd is 0.004. This exercise wants the plain formula; notebook 02 puts the guard in its place."""
    return (x - x.mean(0)) / (x.std(0) + 1e-8)


@slip_of("standardize")
def standardize_returning_everything(x):
    """returning mean and sd as well: useful, and the next notebook's function does so, but here 1 thing is
    returned, the table."""
    return (x - x.mean(0)) / x.std(0), x.mean(0), x.std(0)


@slip_of("standardize")
def standardize_in_place(x):
    """writing into x: x -= x.mean(0) changes the caller's table, whose means 3 and 20 in the example are then
    lost. Write x = x - x.mean(0), which makes a new one."""
    x -= x.mean(0)
    x /= x.std(0)
    return x


@slip_of("standardize")
def standardize_by_each_own_deviation(x):
    """dividing each number by its own deviation: the squares have to be averaged before the root, else only signs are
    left, -1 and 1. Your first row is {x_hat}; it should be {right_x_hat}."""
    deviation = x - x.mean(0)
    return deviation / np.sqrt(deviation**2)


@slip_of("standardize")
def standardize_halved_by_precedence(x):
    """writing the root as ** 1/2: Python reads (var ** 1) / 2, half of the variance. Write ** 0.5, ** (1/2) or np.sqrt.
    On the example you start with {x_hat}, where {right_x_hat} is asked for."""
    return (x - x.mean(0)) / (x.var(0) ** 1 / 2)
