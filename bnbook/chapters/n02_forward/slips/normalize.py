"""Wrong answers to the exercise `normalize`."""

import numpy as np

from bnbook.grading.exercise import slip_of

from .parts import standardize


@slip_of("normalize", ask="What is the mean square of your x_hat on this very batch? What did step 2 want it to be?")
def normalize_dividing_by_m_minus_1(x, axes, eps=1e-5):
    """dividing the variance by m - 1: that estimates the spread of a population, but here the batch itself is to have
    variance 1. On the example your var is {var}; divided by m it is {right_var}. (np.var divides by m; ddof=1,
    torch.var and pandas divide by m - 1.)"""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True, ddof=1)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What does yours divide by where var is 0 and eps 0.1, and what does the formula?")
def normalize_eps_outside_the_root(x, axes, eps=1e-5):
    """adding eps to the standard deviation: the formula is sqrt(var + eps), with eps inside. With var = 0 and eps =
    1e-5 the inner form divides by 0.0032, the outer one by 0.00001, 316 times less."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / (np.sqrt(var) + eps), mean, var


@slip_of("normalize", ask="What comes out for a column whose numbers are all the same?")
def normalize_without_eps(x, axes, eps=1e-5):
    """leaving eps out: a column that is constant has var = 0, and you divide 0 by 0. With eps = 0.1, as in this check,
    every other column is off too. Divide by sqrt(var + eps)."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var), mean, var


@slip_of("normalize", ask="x is in metres. In which unit is what you divide by?")
def normalize_without_the_root(x, axes, eps=1e-5):
    """dividing by the variance, without the square root: x in metres has a variance in square metres, so x_hat would
    be in 1 / metres. On the example your x_hat starts with {x_hat}; it should start with {right_x_hat}. Divide by
    sqrt(var + eps)."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / (var + eps), mean, var


@slip_of("normalize", ask="What is the standard deviation of your result, compared with that of x?")
def normalize_adding_the_std(x, axes, eps=1e-5):
    """adding the standard deviation where it divides: some web pages say 'subtract the mean and add the standard
    deviation'. Then the mean of x_hat is the standard deviation, and its spread is what it was: on the example
    x_hat starts with {x_hat}, and it should start with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) + np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="A column with spread 10: which spread has it after yours?")
def normalize_multiplying_by_the_std(x, axes, eps=1e-5):
    """multiplying by the standard deviation: a column with spread 10 then gets spread 100 and not 1. On the example
    x_hat starts with {x_hat}; divide, and it starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What is the mean of your x_hat, column by column?")
def normalize_without_centring(x, axes, eps=1e-5):
    """not subtracting the mean: x / std has spread 1 but keeps its offset: on the example x_hat starts with {x_hat},
    all of one sign. It should start with {right_x_hat}, around 0."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return x / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="If 1,000 is added to every number of a column, does your var change? Should it?")
def normalize_by_mean_square(x, axes, eps=1e-5):
    """taking the mean of x^2 for the variance: the variance is the mean of (x - mean)^2. On the example your var is
    {var}, it should be {right_var}; the difference is mean^2."""
    mean, var = x.mean(axes, keepdims=True), (x**2).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="In float32, how far apart are two neighbouring numbers near 100,000,000?")
def normalize_in_one_pass(x, axes, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: true on paper, but in float32 with a mean of 10,000 both terms
    are near 100,000,000, where neighbouring float32 numbers lie 8 apart, so a variance of 1 is lost and can come
    out negative. Subtract the mean first, then square."""
    mean = x.mean(axes, keepdims=True)
    var = (x * x).mean(axes, keepdims=True) - mean * mean
    with np.errstate(invalid="ignore"):
        return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of(
    "normalize",
    ask="What does step 2 do to a deviation before it averages: which of 3 and -3 counts more, and how much?",
)
def normalize_by_mean_absolute_deviation(x, axes, eps=1e-5):
    """averaging |x - mean| in place of (x - mean)^2: that is the mean absolute deviation. On the example your var is
    {var}; the mean of the squares is {right_var}."""
    mean = x.mean(axes, keepdims=True)
    var = np.abs(x - mean).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="If the batch is copied, so that every row is there twice, does your var change? Should it?")
def normalize_summing(x, axes, eps=1e-5):
    """summing the squares without dividing by their number: your var is {var} on the example, 3 times what it should
    be, {right_var}, because 3 values were summed. Use the mean of the squared deviations."""
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).sum(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What are mean and variance of your x_hat, column by column?")
def normalize_to_the_range(x, axes, eps=1e-5):
    """scaling to the range 0 to 1: (x - min) / (max - min) is min-max scaling, where one outlier squeezes all the
    others. On the example x_hat starts with {x_hat}; it should start with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    low, high = x.min(axes, keepdims=True), x.max(axes, keepdims=True)
    return (x - low) / (high - low + eps), mean, var


@slip_of("normalize", ask="Square your third output: which of the two is called var in the formula?")
def normalize_returning_std(x, axes, eps=1e-5):
    """returning the standard deviation in place of the variance: x_hat is right, but the third output is to be var. On
    the example you return {var}, its square is {right_var}."""
    x_hat, mean, var = standardize(x, axes, eps)
    return x_hat, mean, np.sqrt(var)


@slip_of("normalize", ask="What does x.var say for the same axes, and where does the difference come from?")
def normalize_returning_var_plus_eps(x, axes, eps=1e-5):
    """returning var + eps: x_hat is right, but eps belongs to the division, not to the variance that is handed on. On
    the example you return {var}, the variance is {right_var}."""
    x_hat, mean, var = standardize(x, axes, eps)
    return x_hat, mean, var + eps


@slip_of("normalize", ask="Which of your three outputs should be near the numbers of x themselves?")
def normalize_swapping_mean_and_var(x, axes, eps=1e-5):
    """returning x_hat, var, mean: the order is x_hat, mean, var. On the example your second output is {mean}; the mean
    is {right_mean}."""
    x_hat, mean, var = standardize(x, axes, eps)
    return x_hat, var, mean


@slip_of("normalize", ask="Which shapes have your mean and var, and can the caller still write x - mean?")
def normalize_without_keepdims(x, axes, eps=1e-5):
    """dropping the averaged axes of mean and var: x_hat is right, but the caller needs mean and var with those axes
    kept as 1, for example (1, 3, 1, 1) and not (3,), so that x - mean lines up. Use keepdims=True."""
    x_hat, mean, var = standardize(x, axes, eps)
    return x_hat, mean.squeeze(axes), var.squeeze(axes)


@slip_of(
    "normalize", ask="An image batch (5, 3, 4, 6) minus a mean of shape (3,): with which axis does NumPy line it up?"
)
def normalize_without_keepdims_anywhere(x, axes, eps=1e-5):
    """leaving out keepdims=True: in a table x - mean lines up all the same, (5, 3) with (3,). In images (5, 3, 4, 6)
    the 3 means line up with the last axis, of length 6, and it fails. Write x.mean(axes, keepdims=True), and var
    alike."""
    mean, var = x.mean(axes), x.var(axes)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="The largest number of a column: which sign has it in your x_hat?")
def normalize_the_wrong_way_round(x, axes, eps=1e-5):
    """mean - x in place of x - mean: the spread is right, but the sign of every number is turned: x_hat starts with
    {x_hat} on the example, it should start with {right_x_hat}."""
    x_hat, mean, var = standardize(x, axes, eps)
    return -x_hat, mean, var


@slip_of("normalize", ask="Which operation does Python do first in your last line?")
def normalize_without_brackets(x, axes, eps=1e-5):
    """x - mean / sqrt(...) without brackets: Python divides first, so the spread stays what it was. On the example
    x_hat starts with {x_hat}; (x - mean) / sqrt(var + eps) starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return x - mean / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="Where in your line could a division by 0 still happen?")
def normalize_adding_eps_last(x, axes, eps=1e-5):
    """adding eps after the division: it has to keep the denominator from being 0, and here it only shifts the result.
    On the example x_hat starts with {x_hat}; with sqrt(var + eps) it starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var) + eps, mean, var


@slip_of("normalize", ask="How many numbers go into one mean of an image batch (5, 3, 4, 6) over (0, 2, 3)?")
def normalize_dividing_by_N(x, axes, eps=1e-5):
    """dividing the sum of squares by len(x): right for a table, but in images (5, 3, 4, 6) averaged over axes
    (0, 2, 3) each channel has m = 5 * 4 * 6 = 120 values, not 5. The mean over axes counts them for you."""
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).sum(axes, keepdims=True) / len(x)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="Where in your function does the argument axes appear?")
def normalize_over_axis_0(x, axes, eps=1e-5):
    """always averaging over axis 0: the argument axes is not used. With axes (0, 2, 3) an image batch has one mean per
    channel; axis 0 alone leaves 24 means in a channel of 4 x 6 pixels. Pass axes on to mean and var."""
    return standardize(x, (0,), eps)


@slip_of("normalize", ask="How many means do you get for a table with three columns?")
def normalize_over_everything(x, axes, eps=1e-5):
    """averaging over the whole array: mean() and var() without axes give 1 number for everything, whatever axes says.
    Pass axes on, with keepdims=True."""
    return standardize(x, tuple(range(x.ndim)), eps)


@slip_of("normalize", ask="Does an axis that is handed to np.mean stay or disappear?")
def normalize_over_the_other_axes(x, axes, eps=1e-5):
    """averaging over the axes that were to be kept: axes are the ones that disappear, as in np.mean(x, axes). With
    axes (0,) a 5 x 3 table has 3 means, one per column, not 5."""
    return standardize(x, tuple(a for a in range(x.ndim) if a not in axes), eps)


@slip_of("normalize", ask="If I call yours with eps=0.1 and with eps=10, do the results differ?")
def normalize_with_fixed_eps(x, axes, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. With eps = 0.1, as in this check, the denominator
    of a column with var 0 is 0.32, yours is 0.0032."""
    return standardize(x, axes, 1e-5)


@slip_of("normalize", ask="Read the first line of your function beside ours: what is different?")
def normalize_with_another_default(x, axes, eps=1e-3):
    """another default for eps: called without eps, your function behaves as if it were 0.001 (TensorFlow's default),
    not 1e-5. It shows only where var is as small as eps."""
    return standardize(x, axes, eps)


@slip_of("normalize", ask="With var = 0 and eps = 0.1, what stands under your root?")
def normalize_with_squared_eps(x, axes, eps=1e-5):
    """squaring eps: eps stands in the formula as it is, sqrt(var + eps), in the units of x squared. With eps = 0.1 you
    add 0.01."""
    return standardize(x, axes, eps**2)


@slip_of("normalize", ask="With var = eps, what stands under your root, and what in the formula?")
def normalize_with_a_floor(x, axes, eps=1e-5):
    """taking the larger of var and eps: that also avoids a division by 0, but the formula adds: sqrt(var + eps). With
    var = 0.05 and eps = 0.1 you divide by 0.32, the formula by 0.39."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(np.maximum(var, eps)), mean, var


@slip_of("normalize", ask="Print x before and after the call: whose numbers have changed?")
def normalize_in_place(x, axes, eps=1e-5):
    """writing into x: x -= mean changes the caller's array, who then trains on numbers that have lost their mean (here
    {right_mean} on the example). Write x = x - mean, which makes a new one."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x -= mean
    return x / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="Add up x minus your middle value: is the sum 0 in each column?")
def normalize_by_the_median(x, axes, eps=1e-5):
    """taking the median for the mean: on the example the middle values of the columns are {mean}, their means
    {right_mean}. The deviations from a median do not sum to 0. Use x.mean(axes, keepdims=True)."""
    mean = np.median(x, axes, keepdims=True)
    var = ((x - mean) ** 2).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What is the mean of your x_hat, column by column?")
def normalize_around_the_median(x, axes, eps=1e-5):
    """subtracting the median, with the variance as it should be: on the example the middle values of the columns are
    {mean}, their means {right_mean}, and x_hat does not average to 0. Use x.mean(axes, keepdims=True)."""
    mean, var = np.median(x, axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="With axes (0, 2, 3), over how many axes do you average?")
def normalize_over_the_first_of_the_axes(x, axes, eps=1e-5):
    """using axes[0] alone: right for a table, where axes is (0,). Of axes (0, 2, 3) only 0 is averaged over, and in a
    batch (5, 3, 4, 6) that leaves 72 means where there should be 3. Hand the whole tuple to mean and var."""
    return standardize(x, axes[0], eps)


@slip_of("normalize", ask="With axes (0, 2, 3), over how many axes do you average?")
def normalize_over_the_last_of_the_axes(x, axes, eps=1e-5):
    """taking the last entry, axes[-1], and forgetting the rest: every row of 6 pixels then gets a mean of its own, 60
    of them in images of the shape (5, 3, 4, 6). x.mean accepts all of axes at once."""
    return standardize(x, axes[-1], eps)


@slip_of("normalize", ask="In which unit is var if x is in metres? And what you divide by?")
def normalize_squaring_the_variance(x, axes, eps=1e-5):
    """squaring the variance under the root: sqrt(var**2 + eps) is the variance again, as long as eps is small. The
    standard deviation is sqrt(var + eps): var is a square already, in squared units. On the example x_hat starts
    with {x_hat} in place of {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var**2 + eps), mean, var


@slip_of("normalize", ask="How many numbers are in your var, and how many columns has x?")
def normalize_without_averaging_the_squares(x, axes, eps=1e-5):
    """squaring the deviations and not averaging them: each entry is then divided by its own deviation, and what is left
    of x is nearly its sign: x_hat starts with {x_hat} on the example, and should start with {right_x_hat}. The
    variance is one number per column: .mean(axes, keepdims=True) of the squares."""
    mean = x.mean(axes, keepdims=True)
    var = (x - mean) ** 2
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What is the mean of the deviations, before anything is squared?")
def normalize_averaging_before_squaring(x, axes, eps=1e-5):
    """averaging the deviations and then squaring: their mean is 0, so this var is 0 up to rounding, and all is divided
    by sqrt(eps). On the example it should be {right_var}. Square first: ((x - mean) ** 2).mean(axes, keepdims=True)."""
    mean = x.mean(axes, keepdims=True)
    var = (x - mean).mean(axes, keepdims=True) ** 2
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="How often does eps stand in the formula, and how often in your lines?")
def normalize_adding_eps_twice(x, axes, eps=1e-5):
    """adding eps twice, to var and then again under the root: eps belongs into the root alone. On the example you
    return the var {var}, which is {right_var} and 0.1 more, and divide by sqrt(var + 0.2)."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True) + eps
    return (x - mean) / np.sqrt(var + eps), mean, var


@slip_of("normalize", ask="What is 9 ** 1 / 2 in Python?")
def normalize_halved_by_precedence(x, axes, eps=1e-5):
    """(var + eps) ** 1/2 for the root: ** binds more tightly than /, so this is half of var + eps. Brackets help,
    ** (1/2), or np.sqrt. On the example x_hat starts with {x_hat}; it should start with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / ((var + eps) ** 1 / 2), mean, var
