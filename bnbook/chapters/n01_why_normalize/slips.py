"""Wrong answers to the exercises of notebook 01."""

import numpy as np

# --- standardize(x) -> x_hat ---------------------------------------------------------------------------------------


def standardize_by_m_minus_1(x):
    """dividing the variance by m - 1: that estimates the spread of a population from a sample, but this very
    table is to have sd 1. Your first row is {x_hat}, it should be {right_x_hat}. (x.std(0) divides by m; ddof=1,
    torch.std and pandas divide by m - 1.)"""
    return (x - x.mean(0)) / x.std(0, ddof=1)


def standardize_rows(x):
    """working along axis 1: that makes every *row* mean 0, and mixes square metres with numbers of rooms. A mean
    over axis 0 runs down a column. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def standardize_rows_without_keepdims(x):
    """taking mean and sd over axis 1: x.mean(1) runs along a row. The table x (5, 3) then has 5 means, one per row,
    and they do not line up with its 3 columns. Over axis 0 there are 3, and they line up by themselves."""
    return (x - x.mean(1)) / x.std(1)


def standardize_by_one_sd(x):
    """one sd for the whole table: x.std() without an axis is 1 number, and the loudest column makes it. The columns
    are centred, but not equally wide: your first row is {x_hat}, it should be {right_x_hat}. Write x.std(0)."""
    return (x - x.mean(0)) / x.std()


def standardize_the_wrong_way_round(x):
    """mean - x in place of x - mean: mean 0 and sd 1 are right, but the sign of every number is turned, and the
    largest flat becomes the smallest. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x.mean(0) - x) / x.std(0)


def standardize_the_whole_table(x):
    """one mean and one sd for everything: x.mean() without an axis is 1 number, dominated by the loudest column.
    On the example every column needs its own: the means are 3 and 20. Your first row is {x_hat}, not
    {right_x_hat}."""
    return (x - x.mean()) / x.std()


def standardize_by_the_variance(x):
    """dividing by the variance: the root is missing. A column ten times as wide then comes out ten times
    *narrower*, with sd 1 / sd; on the example the first row is {x_hat} in place of {right_x_hat}."""
    return (x - x.mean(0)) / x.var(0)


def standardize_without_the_mean(x):
    """dividing by sd, but not subtracting the mean: sd is 1 now, yet the first row, {x_hat}, should be
    {right_x_hat}. 'Mean 0' needs x - x.mean(0)."""
    return x / x.std(0)


def standardize_only_the_mean(x):
    """subtracting the mean and stopping there: the columns are centred, but as wide as before: {x_hat} in the
    first row, in the old units. Divide by the standard deviation: {right_x_hat}."""
    return x - x.mean(0)


def standardize_to_the_range(x):
    """scaling to the range 0 to 1: (x - min) / (max - min) is min-max scaling; its sd depends on the two extreme
    values alone. Your first row is {x_hat}, it should be {right_x_hat}."""
    return (x - x.min(0)) / (x.max(0) - x.min(0))


def standardize_by_the_range(x):
    """dividing by max - min: centred, but the width is measured by two values only. Your first row is {x_hat};
    by the standard deviation it is {right_x_hat}."""
    return (x - x.mean(0)) / (x.max(0) - x.min(0))


def standardize_by_the_largest(x):
    """dividing by the largest absolute deviation: then everything fits into -1 to 1, but sd is less than 1: the
    first row is {x_hat} where {right_x_hat} is expected."""
    deviation = x - x.mean(0)
    return deviation / np.abs(deviation).max(0)


def standardize_multiplying(x):
    """multiplying by sd: what was wide becomes wider still, sd ends at sd * sd. Divide: your first row is
    {x_hat}, it should be {right_x_hat}."""
    return (x - x.mean(0)) * x.std(0)


def standardize_adding(x):
    """adding the standard deviation: some web pages say 'subtract the mean and add the standard deviation'.
    Adding moves a column, it cannot change its width: {x_hat} in the first row; dividing gives {right_x_hat}."""
    return (x - x.mean(0)) + x.std(0)


def standardize_without_brackets(x):
    """x - mean / sd without brackets: Python divides first, so only mean / sd is subtracted and the width stays.
    Write (x - mean) / sd; the first row becomes {right_x_hat}, yours is {x_hat}."""
    return x - x.mean(0) / x.std(0)


def standardize_subtracting_late(x):
    """x / sd - mean: the mean is subtracted after the division, when it is no longer the mean of what stands
    there. On the example the first row is {x_hat}; subtract first and it is {right_x_hat}."""
    return x / x.std(0) - x.mean(0)


def standardize_by_the_median(x):
    """subtracting the median: it is the mean only in a symmetric column. In 0, 0, 6 the median is 0 and the mean
    is 2; a column so centred does not sum to 0."""
    return (x - np.median(x, 0)) / x.std(0)


def standardize_by_absolute_deviation(x):
    """averaging |x - mean| for the width: that is the mean absolute deviation, 1.333 for 1, 3, 5, where sd is
    1.633. Your first row is {x_hat}, it should be {right_x_hat}."""
    deviation = x - x.mean(0)
    return deviation / np.abs(deviation).mean(0)


def standardize_to_length_1(x):
    """dividing by the length of the column, the root of the *sum* of squares: with 3 rows everything comes out
    sqrt(3) = 1.73 times too small, {x_hat}, not {right_x_hat}. Take the root of the mean of squares."""
    deviation = x - x.mean(0)
    return deviation / np.linalg.norm(deviation, axis=0)


def standardize_by_the_mean_square(x):
    """taking the root of mean(x^2): that measures the distance from 0, mean included. For 1, 3, 5 it is 3.416,
    the distance from the mean is 1.633: square the *deviations*."""
    return (x - x.mean(0)) / np.sqrt((x**2).mean(0))


def standardize_in_one_pass(x):
    """computing the variance as mean(x^2) - mean(x)^2: right on paper, but near 10,000 in float32 the two terms
    agree in all their 7 digits and their difference is noise. Subtract the mean first, then square."""
    return (x - x.mean(0)) / np.sqrt((x * x).mean(0) - x.mean(0) ** 2)


def standardize_with_eps(x):
    """adding 1e-5 to the variance: that is the eps of notebook 02, which protects a constant column. It has a
    price, a narrow column comes out narrower (sd 0.004 becomes 0.78 and not 1), so here it is left out."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


def standardize_with_a_guard(x):
    """adding 1e-8 to the standard deviation: it avoids 0 / 0 and makes every column a little narrower than 1, by
    2.5e-6 where sd is 0.004. This exercise wants the plain formula; notebook 02 puts the guard in its place."""
    return (x - x.mean(0)) / (x.std(0) + 1e-8)


def standardize_returning_everything(x):
    """returning mean and sd as well: useful, and the next notebook's function does so, but here 1 thing is
    returned, the table."""
    return (x - x.mean(0)) / x.std(0), x.mean(0), x.std(0)


def standardize_in_place(x):
    """writing into x: x -= x.mean(0) changes the caller's table, whose means 3 and 20 in the example are then
    lost. Write x = x - x.mean(0), which makes a new one."""
    x -= x.mean(0)
    x /= x.std(0)
    return x


standardize = [
    standardize_by_m_minus_1,
    standardize_rows,
    standardize_rows_without_keepdims,
    standardize_by_one_sd,
    standardize_the_wrong_way_round,
    standardize_the_whole_table,
    standardize_by_the_variance,
    standardize_without_the_mean,
    standardize_only_the_mean,
    standardize_to_the_range,
    standardize_by_the_range,
    standardize_by_the_largest,
    standardize_multiplying,
    standardize_adding,
    standardize_without_brackets,
    standardize_subtracting_late,
    standardize_by_the_median,
    standardize_by_absolute_deviation,
    standardize_to_length_1,
    standardize_by_the_mean_square,
    standardize_in_one_pass,
    standardize_with_eps,
    standardize_with_a_guard,
    standardize_returning_everything,
    standardize_in_place,
]


# --- saturation(h, slope) -> share ---------------------------------------------------------------------------------


def saturation_of_the_positive(h, slope=0.05):
    """looking at the positive end only: tanh is flat at -1 as well as at 1. On the example you find {share},
    with both ends it is {right_share}. The square in 1 - h^2 takes care of the sign."""
    return np.mean(h > np.sqrt(1 - slope))


def saturation_without_the_square(h, slope=0.05):
    """1 - h in place of 1 - h^2: at h = -0.99 that is 1.99, far from flat, but tanh is as flat there as at 0.99.
    The derivative of tanh at z is 1 - tanh(z)^2; you find {share}, expected {right_share}."""
    return np.mean(1 - h < slope)


def saturation_by_the_distance(h, slope=0.05):
    """comparing 1 - |h| with slope: that is how near h is to the end, not how steep tanh is there. At h = 0.96
    the distance is 0.04, the slope still 0.078. The slope is 1 - h^2."""
    return np.mean(1 - np.abs(h) < slope)


def saturation_counting(h, slope=0.05):
    """counting: {share} outputs of the example are saturated, asked is which *share* of them, {right_share}.
    Divide by how many there are: np.mean of the comparison does both."""
    return np.sum(1 - h**2 < slope)


def saturation_per_image(h, slope=0.05):
    """dividing the count by the number of rows: that is saturated outputs per image, {share} on the example, and
    can be above 1. A share divides by all h.size outputs: {right_share}."""
    return np.sum(1 - h**2 < slope) / len(h)


def saturation_in_percent(h, slope=0.05):
    """giving percent: {share} on the example, where a share between 0 and 1 is asked for, {right_share}."""
    return 100 * np.mean(1 - h**2 < slope)


def saturation_of_the_others(h, slope=0.05):
    """the wrong way round: {share} of the example are *not* saturated. Saturated means that the slope is small,
    so 1 - h^2 < slope: {right_share}."""
    return np.mean(1 - h**2 > slope)


def saturation_by_the_output(h, slope=0.05):
    """comparing |h| itself with slope: nearly every output is larger than 0.05 in size. What is to be small is
    the derivative 1 - h^2; you find {share}, it is {right_share}."""
    return np.mean(np.abs(h) > slope)


def saturation_near_zero(h, slope=0.05):
    """looking for h^2 < slope: outputs near 0 are where tanh is *steepest*, with slope 1. It is flat near -1 and
    1, where 1 - h^2 is small."""
    return np.mean(h**2 < slope)


def saturation_applying_tanh_again(h, slope=0.05):
    """applying tanh once more: h already is tanh(z). In 1 - tanh(h)^2 nothing can fall below 0.42, so at slope
    0.05 you never find any. With h at hand the slope is 1 - h^2."""
    return np.mean(1 - np.tanh(h) ** 2 < slope)


def saturation_of_a_sigmoid(h, slope=0.05):
    """using h * (1 - h): that is the derivative of the sigmoid in terms of its output. For tanh it is 1 - h^2,
    which gives {right_share} on the example; yours gives {share}."""
    return np.mean(h * (1 - h) < slope)


def saturation_per_unit(h, slope=0.05):
    """averaging over the images only: that leaves one share per column, {share} on the example. Asked is 1
    number for the whole layer: np.mean without an axis."""
    return np.mean(1 - h**2 < slope, axis=0)


def saturation_of_units_ever(h, slope=0.05):
    """counting a unit as soon as 1 image saturates it: with many images that is nearly every unit. Count
    outputs, each image by itself: {right_share} on the example, you find {share}."""
    return np.mean((1 - h**2 < slope).any(axis=0))


def saturation_of_the_mean(h, slope=0.05):
    """averaging h first: a unit that is at -1 for half of the images and at +1 for the others has mean 0 and
    looks steep, though it is flat for all of them. Compare every output, then average."""
    return np.mean(1 - h.mean(0) ** 2 < slope)


def saturation_as_the_mean_slope(h, slope=0.05):
    """returning the mean slope: mean(1 - h^2) is {share} on the example, a fine measure, but another one. Asked
    is how many lie below the limit, {right_share}."""
    return np.mean(1 - h**2)


def saturation_at_exactly_1(h, slope=0.05):
    """asking for |h| == 1: tanh reaches 1 only by rounding, from |z| = 19 on. Long before, at |z| = 2.18, the
    slope is down to 0.05."""
    return np.mean(np.abs(h) == 1)


def saturation_with_fixed_slope(h, slope=0.05):
    """writing 0.05 where slope should stand: the argument is ignored. With slope = 0.5, as in this check,
    everything beyond |h| = 0.71 counts."""
    return np.mean(1 - h**2 < 0.05)


def saturation_with_another_default(h, slope=0.1):
    """another default: called without slope, your function takes 0.1 and counts from |h| = 0.949 on; with 0.05
    it counts from 0.975 on."""
    return np.mean(1 - h**2 < slope)


saturation = [
    saturation_of_the_positive,
    saturation_without_the_square,
    saturation_by_the_distance,
    saturation_counting,
    saturation_per_image,
    saturation_in_percent,
    saturation_of_the_others,
    saturation_by_the_output,
    saturation_near_zero,
    saturation_applying_tanh_again,
    saturation_of_a_sigmoid,
    saturation_per_unit,
    saturation_of_units_ever,
    saturation_of_the_mean,
    saturation_as_the_mean_slope,
    saturation_at_exactly_1,
    saturation_with_fixed_slope,
    saturation_with_another_default,
]


# --- he_std(fan_in) -> std -----------------------------------------------------------------------------------------


def he_std_as_a_variance(fan_in):
    """returning the variance: 2 / fan_in is {std} for fan_in = 8, its root, the standard deviation, is
    {right_std}. np.random's `scale` is a standard deviation."""
    return 2 / fan_in


def he_std_without_the_2(fan_in):
    """sqrt(1 / fan_in): right without an activation, and nearly right for tanh (Glorot's sqrt(2 / (fan_in +
    fan_out)) is the same in a square layer). A ReLU halves the mean square, and after 20 layers 1 / 2^20 is left
    of it."""
    return np.sqrt(1 / fan_in)


def he_std_with_the_2_outside(fan_in):
    """2 / sqrt(fan_in): the 2 belongs under the root. Each layer then doubles the mean square, a factor of
    1,000,000 after 20. For fan_in = 8 you return {std}, expected {right_std}."""
    return 2 / np.sqrt(fan_in)


def he_std_with_the_root_of_2_alone(fan_in):
    """sqrt(2) / fan_in: the root must cover fan_in too, for a sum of n numbers is sqrt(n) times as wide as one,
    not n times. For fan_in = 8 you return {std}, expected {right_std}."""
    return np.sqrt(2) / fan_in


def he_std_upside_down(fan_in):
    """sqrt(fan_in / 2): more inputs need *smaller* weights. For fan_in = 8 you return {std}, which is 1 over the
    right {right_std}."""
    return np.sqrt(fan_in / 2)


def he_std_halving_on_the_wrong_side(fan_in):
    """sqrt(1 / (2 fan_in)): the ReLU halves the mean square, so the weights must make up for it: times 2, not
    divided by 2. Solve fan_in * std^2 / 2 = 1; for fan_in = 8 that is {right_std}, not {std}."""
    return np.sqrt(1 / (2 * fan_in))


def he_std_by_the_variance_of_h(fan_in):
    """using the variance of h: after a ReLU it is 0.341 of mean(z^2), because the mean of h is not 0. But z =
    sum of w * h adds up the mean square of h, mean included, and that is 0.5. For fan_in = 8 you return {std},
    not {right_std}."""
    return np.sqrt(2 / ((1 - 1 / np.pi) * fan_in))


def he_std_as_the_bound(fan_in):
    """sqrt(6 / fan_in): that is the *bound* of a uniform distribution with the right spread (PyTorch's
    kaiming_uniform_), sqrt(3) times its standard deviation. For fan_in = 8: {std} against {right_std}."""
    return np.sqrt(6 / fan_in)


def he_std_as_pytorch_starts(fan_in):
    """sqrt(1 / (3 fan_in)): what nn.Linear does when nobody asks, uniform within 1 / sqrt(fan_in). It is sqrt(6)
    = 2.45 times too small for a ReLU; for fan_in = 8 {std}, not {right_std}."""
    return np.sqrt(1 / (3 * fan_in))


def he_std_with_whole_numbers(fan_in):
    """2 // fan_in: // drops everything after the point, so for fan_in = 8 nothing is left, {std}. With / it is
    {right_std}."""
    return np.sqrt(2 // fan_in)


def he_std_counting_the_bias(fan_in):
    """counting the bias as one more input: the bias starts at 0 and adds nothing to the spread, so fan_in is the
    number of inputs, 8 and not 9: {right_std}, you return {std}."""
    return np.sqrt(2 / (fan_in + 1))


def he_std_as_the_gain(fan_in):
    """returning the gain alone: sqrt(2) is the factor for the ReLU; it still has to be divided by sqrt(fan_in),
    or 8 inputs make z sqrt(8) times too wide: {std}, expected {right_std}."""
    return np.sqrt(2)


he_std = [
    he_std_as_a_variance,
    he_std_without_the_2,
    he_std_with_the_2_outside,
    he_std_with_the_root_of_2_alone,
    he_std_upside_down,
    he_std_halving_on_the_wrong_side,
    he_std_by_the_variance_of_h,
    he_std_as_the_bound,
    he_std_as_pytorch_starts,
    he_std_with_whole_numbers,
    he_std_counting_the_bias,
    he_std_as_the_gain,
]
