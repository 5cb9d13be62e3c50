"""Wrong answers to the exercise `wasserstein_1d`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- wasserstein_1d(a, b) -> distance --------------------------------------------------------------------------------


@slip_of("wasserstein_1d")
def wasserstein_without_sorting(a, b):
    """comparing image by image: that measures how much each image's value has changed. Whether the *distribution* has
    changed is another question: 1, 2, 9 and 9, 1, 2 are the same three numbers. Sort both before you subtract:
    {right_distance} on the example, yours is {distance}."""
    return np.abs(a - b).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_sorting_one(a, b):
    """sorting only a: then its smallest number meets whichever comes first in b. Both must be in order, and the
    distance is {right_distance}, not {distance}."""
    return np.abs(np.sort(a, axis=0) - b).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_in_opposite_order(a, b):
    """sorting one up and the other down: the smallest travels to the place of the largest, the dearest way of all:
    {distance} where {right_distance} is enough."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)[::-1]).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_of_the_means(a, b):
    """comparing the two means (np.abs after the mean comes to the same): a distribution that only grows wider then
    seems not to move at all, -1, 1 against -5, 5 gives 0. Three steps in this order: sort both along axis 0, take
    np.abs of the differences, and last the mean."""
    return np.abs((np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0))


@slip_of("wasserstein_1d")
def wasserstein_with_signs(a, b):
    """forgetting abs: movements up and down cancel, and the result can be negative; yours is {distance}. A distance
    adds up |a - b| of the sorted numbers, and abs comes before the mean: {right_distance}."""
    return (np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_sorting_within_images(a, b):
    """np.sort without an axis: it sorts along the *last* one, the units of one image. Samples are rows; with axis=0
    each unit's column is sorted by itself. (With 1 unit alone both are the same.)"""
    return np.abs(np.sort(a) - np.sort(b)).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_of_everything(a, b):
    """throwing all units into one heap: np.sort(..., axis=None) gives 1 distance for the whole layer, and one unit can
    hide behind another. Every unit keeps its own."""
    return np.abs(np.sort(a, axis=None) - np.sort(b, axis=None)).mean()


@slip_of("wasserstein_1d")
def wasserstein_averaged_over_units(a, b):
    """.mean() without an axis at the end: that averages over the units too. Leave it to the caller; here each of the
    units, 3 in the first input, has a distance."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean()


@slip_of("wasserstein_1d")
def wasserstein_averaged_per_rank(a, b):
    """averaging over the last axis: after sorting, a row holds the k-th smallest of *different* units, so its mean
    belongs to none of them. Average over axis 0, the samples."""
    moved = np.abs(np.sort(a, axis=0) - np.sort(b, axis=0))
    return moved.mean(-1)


@slip_of("wasserstein_1d")
def wasserstein_summed(a, b):
    """summing: {distance} is the way of all samples together, and doubles with twice as many images. Per sample it is
    {right_distance}: mean, not sum."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).sum(0)


@slip_of("wasserstein_1d")
def wasserstein_2(a, b):
    """squaring: the root of the mean square is the Wasserstein-*2* distance, in which long ways count more. Asked is
    the first one, the mean of |a - b|: {right_distance}; yours is {distance}."""
    return np.sqrt(((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2).mean(0))


@slip_of("wasserstein_1d")
def wasserstein_squared(a, b):
    """leaving the square without its root: {distance} is in squared units, so halving all numbers would quarter it. Use
    the absolute value, np.abs; expected {right_distance}."""
    return ((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_largest(a, b):
    """the longest way only: max tells of the 1 sample that had farthest to go, {distance} on the example. All samples
    share in the mean."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).max(0)


@slip_of("wasserstein_1d")
def wasserstein_median(a, b):
    """the median of the ways: half of the samples may then move as far as they like without being noticed. The
    definition averages: {right_distance} on the example, you have {distance}."""
    return np.median(np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)), axis=0)


@slip_of("wasserstein_1d")
def wasserstein_of_the_medians(a, b):
    """comparing the two medians: one number out of each column, blind to everything that happens left and right of it.
    On the example {distance}, with all of them {right_distance}."""
    return np.abs(np.median(a, axis=0) - np.median(b, axis=0))


@slip_of("wasserstein_1d")
def wasserstein_in_sd(a, b):
    """dividing by the sd of a: a useful unit, and the experiments below use it. But the function itself gives the
    distance in the units of a, {right_distance}; you return {distance}."""
    return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(0) / a.std(0)


@slip_of("wasserstein_1d")
def wasserstein_kolmogorov_smirnov(a, b):
    """the largest gap between the two distribution functions: that is Kolmogorov and Smirnov's statistic, at most 1,
    which does not care *how far* things moved. Yours is {distance}, the mean way {right_distance}."""
    points = np.concatenate([a, b])[:, None]
    return np.abs((a[None] <= points).mean(1) - (b[None] <= points).mean(1)).max(0)


@slip_of("wasserstein_1d")
def wasserstein_sorting_all_columns_alike(a, b):
    """ordering the rows by the first unit: the other columns are carried along unsorted, so only unit 0 is right.
    np.sort with axis=0 sorts every column for itself."""
    first_a, first_b = (np.argsort(v.reshape(len(v), -1)[:, 0], kind="stable") for v in (a, b))
    return np.abs(a[first_a] - b[first_b]).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_in_place(a, b):
    """a.sort(axis=0): the *method* sorts the caller's array itself, and the images are mixed up for good. np.sort(a,
    axis=0) makes a sorted copy; then 1 and 2 keep their places in a."""
    a.sort(axis=0)
    b.sort(axis=0)
    return np.abs(a - b).mean(0)


@slip_of("wasserstein_1d")
def wasserstein_by_the_method(a, b):
    """subtracting what a.sort(axis=0) returns: the *method* sorts a itself and returns None, and None - None is no
    number. np.sort(a, axis=0) returns a sorted copy, and 2 copies can be subtracted."""
    a, b = a.copy(), b.copy()
    return np.abs(a.sort(axis=0) - b.sort(axis=0)).mean(0)
