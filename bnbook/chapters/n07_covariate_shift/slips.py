"""Wrong answers to the exercises of notebook 07."""

import numpy as np

# --- standardizing(weight, bias, z) -> weight, bias ------------------------------------------------------------------


def _column(per_unit):
    return per_unit.reshape(-1, 1)


def standardizing_with_the_old_bias(weight, bias, z):
    """leaving the bias alone: the weights are right, so every unit has sd 1 now, but around another mean. On the
    example the bias should become {right_bias}; yours is {bias}, as before."""
    return weight / _column(z.std(0)), bias + 0


def standardizing_the_bias_alone(weight, bias, z):
    """dividing the bias and not the weights: z is a sum of both, so both must shrink. Your weight is still {weight} in
    the first row, expected {right_weight}."""
    return weight + 0, (bias - z.mean(0)) / z.std(0)


def standardizing_without_dividing_the_bias(weight, bias, z):
    """bias - mean, not divided: (z - mean) / sd divides *everything*, the bias included. Yours is {bias} on the
    example, where {right_bias} is right."""
    return weight / _column(z.std(0)), bias - z.mean(0)


def standardizing_subtracting_late(weight, bias, z):
    """bias / sd - mean: the mean was measured in the units before the division, so subtract it first: (bias - mean) /
    sd. For the example that is {right_bias}, and not {bias}."""
    return weight / _column(z.std(0)), bias / z.std(0) - z.mean(0)


def standardizing_forgetting_the_bias(weight, bias, z):
    """-mean / sd: that is right for a bias of 0. But z contains the bias that is there already; replace it and it is
    missing. Try the example, whose first bias is 1: {bias} instead of {right_bias}."""
    return weight / _column(z.std(0)), -z.mean(0) / z.std(0)


def standardizing_with_a_bias_of_0(weight, bias, z):
    """setting the bias to 0: BatchNorm's shift does start at 0, but after it has subtracted the mean. Here the bias has
    to do the subtracting."""
    return weight / _column(z.std(0)), np.zeros_like(bias)


def standardizing_adding_the_mean(weight, bias, z):
    """adding the mean: the new outputs then have twice the old mean, in sd, where 0 is wanted. A minus gives
    {right_bias}, your plus {bias}."""
    return weight / _column(z.std(0)), (bias + z.mean(0)) / z.std(0)


def standardizing_by_the_variance(weight, bias, z):
    """dividing by the variance: an sd of 4 then becomes 4 / 16 = 0.25 and not 1. Take the root; the first row of the
    weights is {weight}, it should be {right_weight}."""
    return weight / _column(z.var(0)), (bias - z.mean(0)) / z.var(0)


def standardizing_by_m_minus_1(weight, bias, z):
    """the sd that divides by N - 1: BatchNorm normalizes by the one that divides by N (np.std does so by itself,
    PyTorch's std needs correction=0). With 2 rows the difference is a factor of 1.41."""
    sd = z.std(0, ddof=1)
    return weight / _column(sd), (bias - z.mean(0)) / sd


def standardizing_by_one_sd(weight, bias, z):
    """one sd for the whole layer: each unit has its own, 2 and 4 in the example; a common one leaves the wide wide and
    the narrow narrow."""
    return weight / z.std(), (bias - z.mean(0)) / z.std()


def standardizing_by_one_mean_and_sd(weight, bias, z):
    """z.mean() and z.std() without an axis: that standardizes all units as one crowd. axis 0 runs over the examples and
    leaves a number per unit; your bias comes out as {bias}."""
    return weight / z.std(), (bias - z.mean()) / z.std()


def standardizing_the_columns(weight, bias, z):
    """weight / sd without a reshape: NumPy lines sd up with the *last* axis, the inputs. A unit's weights are a row, so
    sd must be a column, (units, 1): sd[:, None]. If the layer is not square this fails at once, if it is (2 x 2 here)
    it is silently wrong."""
    return weight / z.std(0), (bias - z.mean(0)) / z.std(0)


def standardizing_over_the_units(weight, bias, z):
    """averaging over axis 1: that gives one mean per example, as layer normalization does. A unit is a column of z:
    take axis 0, which leaves {right_bias} as bias on the example."""
    mean, sd = z.mean(1), z.std(1)
    return weight / _column(sd), (bias - mean) / sd


def standardizing_multiplying(weight, bias, z):
    """multiplying by sd: a wide unit becomes wider still. With sd 4 the new one is 16; dividing gives 1."""
    return weight * _column(z.std(0)), (bias - z.mean(0)) * z.std(0)


def standardizing_the_weights_themselves(weight, bias, z):
    """standardizing each unit's weights: that is weight standardization, another method. What must have sd 1 is z, the
    sum over real inputs, and its sd was measured: {right_weight} for the first unit, yours is {weight}."""
    return (weight - _column(weight.mean(1))) / _column(weight.std(1) + 1e-12), (bias - z.mean(0)) / z.std(0)


def standardizing_to_length_1(weight, bias, z):
    """dividing by the length of the weights: weight normalization does that. It makes sd 1 only for inputs that are
    independent and have sd 1 themselves; hidden layers' are not. Divide by the sd of z."""
    length = np.linalg.norm(weight, axis=1)
    return weight / _column(length), (bias - z.mean(0)) / length


def standardizing_moving_the_weights(weight, bias, z):
    """subtracting the mean from the weights as well: a shift of z belongs into the bias alone. Your first row is
    {weight}; divided only, it is {right_weight}."""
    mean, sd = z.mean(0), z.std(0)
    return (weight - _column(mean)) / _column(sd), (bias - mean) / sd


def standardizing_with_eps(weight, bias, z):
    """adding 1e-5 to the variance, as a BatchNorm layer does: its eps protects units that happen to be constant in some
    batch. Here it would leave a narrow unit narrower than 1; the plain sd is asked for."""
    sd = np.sqrt(z.var(0) + 1e-5)
    return weight / _column(sd), (bias - z.mean(0)) / sd


def standardizing_with_a_tiny_eps(weight, bias, z):
    """adding 1e-8 to the sd: a habit against division by 0. Here it makes a unit whose sd is 0.01 a millionth too
    narrow; the plain sd is asked for."""
    sd = z.std(0) + 1e-8
    return weight / _column(sd), (bias - z.mean(0)) / sd


def standardizing_returning_z(weight, bias, z):
    """returning the standardized outputs: {weight} are numbers for these examples only. What is asked for is a layer
    that gives them, 1 weight matrix and 1 bias."""
    return (z - z.mean(0)) / z.std(0), (bias - z.mean(0)) / z.std(0)


def standardizing_in_place(weight, bias, z):
    """writing into weight and bias: `/=` changes the caller's arrays, and the check compares them before and after.
    weight / sd[:, None] and (bias - mean) / sd make 2 new arrays."""
    weight /= _column(z.std(0))
    bias -= z.mean(0)
    bias /= z.std(0)
    return weight, bias


standardizing = [
    standardizing_with_the_old_bias,
    standardizing_the_bias_alone,
    standardizing_without_dividing_the_bias,
    standardizing_subtracting_late,
    standardizing_forgetting_the_bias,
    standardizing_with_a_bias_of_0,
    standardizing_adding_the_mean,
    standardizing_by_the_variance,
    standardizing_by_m_minus_1,
    standardizing_by_one_sd,
    standardizing_by_one_mean_and_sd,
    standardizing_the_columns,
    standardizing_over_the_units,
    standardizing_multiplying,
    standardizing_the_weights_themselves,
    standardizing_to_length_1,
    standardizing_moving_the_weights,
    standardizing_with_eps,
    standardizing_with_a_tiny_eps,
    standardizing_returning_z,
    standardizing_in_place,
]


# --- wasserstein_1d(a, b) -> distance --------------------------------------------------------------------------------


def wasserstein_without_sorting(a, b):
    """comparing image by image: that measures how much each image's value has changed. Whether the *distribution* has
    changed is another question: 1, 2, 9 and 9, 1, 2 are the same three numbers. Sort both: {right_distance} on the
    example, yours is {distance}."""
    return np.abs(a - b).mean(0)


def wasserstein_sorting_one(a, b):
    """sorting only a: then its smallest number meets whichever comes first in b. Both must be in order, and the
    distance is {right_distance}, not {distance}."""
    return np.abs(np.sort(a, axis=0) - b).mean(0)


def wasserstein_in_opposite_order(a, b):
    """sorting one up and the other down: the smallest travels to the place of the largest, the dearest way of all:
    {distance} where {right_distance} is enough."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)[::-1]).mean(0)


def wasserstein_of_the_means(a, b):
    """taking the absolute value last: the mean of the differences is the difference of the means, so a distribution
    that only grows wider seems not to move at all: -1, 1 against -5, 5 gives 0. Put np.abs inside the mean."""
    return np.abs((np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0))


def wasserstein_with_signs(a, b):
    """forgetting abs: movements up and down cancel, and the result can be negative; yours is {distance}. A distance
    adds up |a - b|: {right_distance}."""
    return (np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0)


def wasserstein_sorting_within_images(a, b):
    """np.sort without an axis: it sorts along the *last* one, the units of one image. Samples are rows; with axis=0
    each unit's column is sorted by itself. (With 1 unit alone both are the same.)"""
    return np.abs(np.sort(a) - np.sort(b)).mean(0)


def wasserstein_of_everything(a, b):
    """throwing all units into one heap: np.sort(..., axis=None) gives 1 distance for the whole layer, and one unit can
    hide behind another. Every unit keeps its own."""
    return np.abs(np.sort(a, axis=None) - np.sort(b, axis=None)).mean()


def wasserstein_averaged_over_units(a, b):
    """.mean() without an axis at the end: that averages over the units too. Leave it to the caller; here each of the
    units, 3 in the first input, has a distance."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean()


def wasserstein_averaged_per_rank(a, b):
    """averaging over the last axis: after sorting, a row holds the k-th smallest of *different* units, so its mean
    belongs to none of them. Average over axis 0, the samples."""
    moved = np.abs(np.sort(a, axis=0) - np.sort(b, axis=0))
    return moved.mean(-1)


def wasserstein_summed(a, b):
    """summing: {distance} is the way of all samples together, and doubles with twice as many images. Per sample it is
    {right_distance}: mean, not sum."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).sum(0)


def wasserstein_2(a, b):
    """squaring: the root of the mean square is the Wasserstein-*2* distance, in which long ways count more. Asked is
    the first one, the mean of |a - b|: {right_distance}; yours is {distance}."""
    return np.sqrt(((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2).mean(0))


def wasserstein_squared(a, b):
    """leaving the square without its root: {distance} is in squared units, so halving all numbers would quarter it. Use
    the absolute value, np.abs; expected {right_distance}."""
    return ((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2).mean(0)


def wasserstein_largest(a, b):
    """the longest way only: max tells of the 1 sample that had farthest to go, {distance} on the example. All samples
    share in the mean."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).max(0)


def wasserstein_median(a, b):
    """the median of the ways: half of the samples may then move as far as they like without being noticed. The
    definition averages: {right_distance} on the example, you have {distance}."""
    return np.median(np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)), axis=0)


def wasserstein_of_the_medians(a, b):
    """comparing the two medians: one number out of each column, blind to everything that happens left and right of it.
    On the example {distance}, with all of them {right_distance}."""
    return np.abs(np.median(a, axis=0) - np.median(b, axis=0))


def wasserstein_in_sd(a, b):
    """dividing by the sd of a: a useful unit, and the experiments below use it. But the function itself gives the
    distance in the units of a, {right_distance}; you return {distance}."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0) / a.std(0)


def wasserstein_kolmogorov_smirnov(a, b):
    """the largest gap between the two distribution functions: that is Kolmogorov and Smirnov's statistic, at most 1,
    which does not care *how far* things moved. Yours is {distance}, the mean way {right_distance}."""
    points = np.concatenate([a, b])[:, None]
    return np.abs((a[None] <= points).mean(1) - (b[None] <= points).mean(1)).max(0)


def wasserstein_sorting_all_columns_alike(a, b):
    """ordering the rows by the first unit: the other columns are carried along unsorted, so only unit 0 is right.
    np.sort with axis=0 sorts every column for itself."""
    first_a, first_b = (np.argsort(v.reshape(len(v), -1)[:, 0], kind="stable") for v in (a, b))
    return np.abs(a[first_a] - b[first_b]).mean(0)


def wasserstein_in_place(a, b):
    """a.sort(axis=0): the *method* sorts the caller's array itself, and the images are mixed up for good. np.sort(a,
    axis=0) makes a sorted copy; then 1 and 2 keep their places in a."""
    a.sort(axis=0)
    b.sort(axis=0)
    return np.abs(a - b).mean(0)


wasserstein_1d = [
    wasserstein_without_sorting,
    wasserstein_sorting_one,
    wasserstein_in_opposite_order,
    wasserstein_of_the_means,
    wasserstein_with_signs,
    wasserstein_sorting_within_images,
    wasserstein_of_everything,
    wasserstein_averaged_over_units,
    wasserstein_averaged_per_rank,
    wasserstein_summed,
    wasserstein_2,
    wasserstein_squared,
    wasserstein_largest,
    wasserstein_median,
    wasserstein_of_the_medians,
    wasserstein_in_sd,
    wasserstein_kolmogorov_smirnov,
    wasserstein_sorting_all_columns_alike,
    wasserstein_in_place,
]


# --- gradient_change(g, g_prime) -> relative, cosine -----------------------------------------------------------------


def _length(g):
    return np.sqrt(np.sum(g * g))


def _cosine(g, g_prime):
    return np.sum(g * g_prime) / (_length(g) * _length(g_prime))


def change_relative_to_the_new(g, g_prime):
    """dividing by |g_prime|: the change is measured against what the step was made with, the gradient *before*. On the
    example {relative} in place of {right_relative}."""
    return _length(g - g_prime) / _length(g_prime), _cosine(g, g_prime)


def change_relative_to_both(g, g_prime):
    """dividing by the mean of both lengths: symmetric, but not the definition here, which asks by what share of |g| it
    has changed: {right_relative}, you have {relative}."""
    return 2 * _length(g - g_prime) / (_length(g) + _length(g_prime)), _cosine(g, g_prime)


def change_absolute(g, g_prime):
    """not dividing at all: |g - g_prime| is what the paper's definition says, but a net with gradients 10 times as
    large then seems to shift 10 times as much. Divide by |g|: {right_relative} on the example, not {relative}."""
    return _length(g - g_prime), _cosine(g, g_prime)


def change_of_the_length(g, g_prime):
    """subtracting the lengths: a gradient that turns by 90 degrees and keeps its length would have changed by 0. First
    subtract, then take the length; here that gives {right_relative} and not {relative}."""
    return abs(_length(g) - _length(g_prime)) / _length(g), _cosine(g, g_prime)


def change_squared(g, g_prime):
    """leaving out the roots: {relative} is the square of {right_relative}, the share that is asked for. A length is the
    root of the sum of squares."""
    return _length(g - g_prime) ** 2 / _length(g) ** 2, _cosine(g, g_prime)


def change_by_absolute_values(g, g_prime):
    """adding up absolute values: that is the L1 norm. The definition uses the L2 norm, the usual length of an arrow:
    for (3, 4) it is 5, and yours would be 7."""
    return np.abs(g - g_prime).sum() / np.abs(g).sum(), _cosine(g, g_prime)


def change_entry_by_entry(g, g_prime):
    """dividing entry by entry: entries near 0 then decide everything, since by chance they change by hundreds of per
    cent. Take both lengths first, then divide 1 number by another; expected {right_relative}, got {relative}."""
    with np.errstate(divide="ignore"):
        return np.mean(np.abs(g - g_prime) / np.abs(g)), _cosine(g, g_prime)


def change_of_the_direction_alone(g, g_prime):
    """giving both length 1 before subtracting: what is left is the turn, and that the cosine says already. Doubling a
    gradient must count as a change of 1. On the example {relative} where {right_relative} is right."""
    return _length(g / _length(g) - g_prime / _length(g_prime)), _cosine(g, g_prime)


def change_in_percent(g, g_prime):
    """giving per cent: {relative} on the example, asked is the plain ratio {right_relative}."""
    return 100 * _length(g - g_prime) / _length(g), _cosine(g, g_prime)


def change_with_a_dot_product(g, g_prime):
    """returning <g, g_prime> itself as the cosine: it grows with the lengths, to {cosine} here. Divide by both of them
    and it lies between -1 and 1: {right_cosine}."""
    return _length(g - g_prime) / _length(g), np.sum(g * g_prime)


def change_dividing_by_one_length(g, g_prime):
    """dividing the dot product by |g| squared: that is right if both are equally long. In general both lengths belong
    there, |g| |g_prime|: {right_cosine}; yours is {cosine} and can be larger than 1."""
    return _length(g - g_prime) / _length(g), np.sum(g * g_prime) / np.sum(g * g)


def change_cosine_of_rows(g, g_prime):
    """a cosine for every row, averaged: the gradient of a layer is 1 arrow with as many entries as there are weights,
    not a bundle of arrows. Multiply and add up over *all* entries."""
    dots = np.atleast_1d((g * g_prime).sum(-1))
    lengths = np.atleast_1d(np.sqrt((g * g).sum(-1)) * np.sqrt((g_prime * g_prime).sum(-1)))
    return _length(g - g_prime) / _length(g), np.mean(dots / lengths)


def change_as_an_angle(g, g_prime):
    """returning the angle: {cosine} radians is the arc whose cosine, {right_cosine}, was asked for. Leave np.arccos
    out."""
    return _length(g - g_prime) / _length(g), np.arccos(np.clip(_cosine(g, g_prime), -1, 1))


def change_as_a_cosine_distance(g, g_prime):
    """1 - cosine: SciPy calls that the cosine distance, 0 for the same direction. Here the same direction is to give 1:
    {right_cosine} on the example, you return {cosine}."""
    return _length(g - g_prime) / _length(g), 1 - _cosine(g, g_prime)


def change_without_a_sign(g, g_prime):
    """the absolute value of the cosine: a gradient that has turned right round has -1, the worst there is, and yours
    calls it 1, the best."""
    return _length(g - g_prime) / _length(g), abs(_cosine(g, g_prime))


def change_as_a_correlation(g, g_prime):
    """subtracting the means first: np.corrcoef gives the correlation, which ignores what all entries have in common. A
    cosine keeps it; you find {cosine} where {right_cosine} is expected."""
    return _length(g - g_prime) / _length(g), np.corrcoef(g.ravel(), g_prime.ravel())[0, 1]


def change_as_a_matrix_product(g, g_prime):
    """g @ g_prime: for two matrices that is a matrix product, which needs other shapes and gives another matrix. The
    dot product of all entries is np.sum(g * g_prime), 1 number."""
    return _length(g - g_prime) / _length(g), g @ g_prime / (_length(g) * _length(g_prime))


def change_the_other_way_round(g, g_prime):
    """returning cosine, relative: the order is relative first. Your first output is {relative}, which is the cosine,
    {right_cosine}."""
    return _cosine(g, g_prime), _length(g - g_prime) / _length(g)


def change_by_matrix_norms(g, g_prime):
    """np.linalg.norm(g, 2): for a matrix that is the *spectral* norm, how much it stretches a vector at most. Leave the
    2 out, and it is the length over all entries."""
    spectral = lambda v: np.linalg.norm(v, 2)  # noqa: E731
    return spectral(g - g_prime) / spectral(g), np.sum(g * g_prime) / (spectral(g) * spectral(g_prime))


def change_per_unit(g, g_prime):
    """np.linalg.norm with an axis: that leaves one length for each row, and so several numbers where 1 for the whole
    layer is asked. Without an axis NumPy takes all entries together."""
    return (np.linalg.norm(g - g_prime, axis=-1) / np.linalg.norm(g, axis=-1)), _cosine(g, g_prime)


gradient_change = [
    change_relative_to_the_new,
    change_relative_to_both,
    change_absolute,
    change_of_the_length,
    change_squared,
    change_by_absolute_values,
    change_entry_by_entry,
    change_of_the_direction_alone,
    change_in_percent,
    change_with_a_dot_product,
    change_dividing_by_one_length,
    change_cosine_of_rows,
    change_as_an_angle,
    change_as_a_cosine_distance,
    change_without_a_sign,
    change_as_a_correlation,
    change_as_a_matrix_product,
    change_the_other_way_round,
    change_by_matrix_norms,
    change_per_unit,
]
