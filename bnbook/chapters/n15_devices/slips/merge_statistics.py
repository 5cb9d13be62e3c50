"""Wrong answers to the exercise `merge_statistics`."""

import torch

from bnbook.grading.exercise import slip_of
from bnbook.norm_torch import merge_statistics as right


@slip_of("merge_statistics")
def merge_statistics_mean_of_means(counts, means, squares):
    """averaging the means as if all ranks had equally many values: 2 values around 2 and 4 around 7 have the mean
    {right_mean}, not {mean}. Weigh each mean by its count."""
    n, mean = counts.sum(), means.mean(0)
    shares = (counts / n.clamp(min=1))[:, None]
    return n, mean, squares.sum(0) / n.clamp(min=1) + (shares * (means - mean) ** 2).sum(0)


@slip_of("merge_statistics")
def merge_statistics_within_only(counts, means, squares):
    """leaving out how far the ranks' means lie apart: {var} is the spread within the ranks alone. Their means, 2 and 7,
    are not the common one, and that is spread too: {right_var} in all."""
    n, mean, _ = right(counts, means, squares)
    return n, mean, squares.sum(0) / n.clamp(min=1)


@slip_of("merge_statistics")
def merge_statistics_mean_of_variances(counts, means, squares):
    """taking the average of the ranks' variances: the smaller rank counts as much as the larger one, and the distance
    of the means 2 and 7 is forgotten. You return {var}, all values together have {right_var}."""
    n, mean, _ = right(counts, means, squares)
    return n, mean, (squares / counts.clamp(min=1)[:, None]).mean(0)


@slip_of("merge_statistics")
def merge_statistics_unbiased(counts, means, squares):
    """dividing by n - 1: BatchNorm normalizes by the biased variance, with n = 6 below it: {right_var}, yours {var}.
    The n / (n - 1) belongs to the running variance alone."""
    n, mean, var = right(counts, means, squares)
    return n, mean, var * n / (n - 1).clamp(min=1)


@slip_of("merge_statistics")
def merge_statistics_ranks_counted(counts, means, squares):
    """n = len(counts): that counts the ranks, {n} of them, and not their values, {right_n}."""
    _, mean, var = right(counts, means, squares)
    return torch.tensor(len(counts)), mean, var


@slip_of("merge_statistics")
def merge_statistics_unweighted_distance(counts, means, squares):
    """adding the squared distance of each mean once for the rank and not once for each of its values: a rank with 4
    values moves 4 of them. Multiply by the count: {right_var} in place of {var}."""
    n, mean, _ = right(counts, means, squares)
    there = (counts > 0)[:, None]
    return n, mean, (squares.sum(0) + (there * (means - mean) ** 2).sum(0)) / n.clamp(min=1)


@slip_of("merge_statistics")
def merge_statistics_spread_of_means(counts, means, squares):
    """taking the variance of the means: it knows where the ranks lie, at 2 and 7, and nothing of the spread inside
    them: {var} in place of {right_var}."""
    n, mean, _ = right(counts, means, squares)
    return n, mean, ((counts / n.clamp(min=1))[:, None] * (means - mean) ** 2).sum(0)


@slip_of("merge_statistics")
def merge_statistics_not_divided(counts, means, squares):
    """returning the sum of squares: it is the numerator, {var}. Divided by n = 6 it is the variance, {right_var}."""
    n, mean, var = right(counts, means, squares)
    return n, mean, var * n


@slip_of("merge_statistics")
def merge_statistics_distance_added_whole(counts, means, squares):
    """dividing only the squares by n, and adding n_i * (mean_i - mean)^2 undivided: both parts are sums over all 6
    values. {right_var}, yours {var}."""
    n, mean, _ = right(counts, means, squares)
    return n, mean, squares.sum(0) / n.clamp(min=1) + (counts[:, None] * (means - mean) ** 2).sum(0)


@slip_of("merge_statistics")
def merge_statistics_nothing_by_nothing(counts, means, squares):
    """dividing by n where n is 0: with no value anywhere that makes nan. Divide by n.clamp(min=1); then mean and var
    are 0 there, and nothing else changes."""
    n = counts.sum()
    shares = (counts / n)[:, None]
    mean = (shares * means).sum(0)
    return n, mean, squares.sum(0) / n + (shares * (means - mean) ** 2).sum(0)


@slip_of("merge_statistics")
def merge_statistics_empty_ranks_averaged_in(counts, means, squares):
    """counting every rank with 1 value or more, counts.clamp(min=1): a rank without values has the mean 0 only because
    nothing else was there, and pulls the common one towards it. Its weight is 0; clamp n, not the counts."""
    n, weights = counts.sum(), counts.clamp(min=1)
    shares = (weights / weights.sum())[:, None] * (n > 0)
    mean = (shares * means).sum(0)
    return n, mean, squares.sum(0) / weights.sum() + (shares * (means - mean) ** 2).sum(0)


@slip_of("merge_statistics")
def merge_statistics_over_channels(counts, means, squares):
    """adding up over the wrong axis: axis 0 are the ranks, axis 1 the channels, and one channel must not see another.
    Sum over 0."""
    n = counts.sum()
    shares = (counts / n.clamp(min=1))[:, None]
    return n, (shares * means).sum(1), squares.sum(1) / n.clamp(min=1)


@slip_of("merge_statistics")
def merge_statistics_raw_moments(counts, means, squares):
    """going back to E[x^2] - E[x]^2: around a million both are 1e12, float64 has 16 digits, and their difference keeps
    4 of them. Add distances from the mean, not from 0."""
    n = counts.sum()
    shares = (counts / n.clamp(min=1))[:, None]
    mean, second = (shares * means).sum(0), squares.sum(0) / n.clamp(min=1) + (shares * means**2).sum(0)
    return n, mean, second - mean**2
