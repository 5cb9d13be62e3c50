"""Wrong answers to the exercise `effective_rank`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- effective_rank(h) -> rank -------------------------------------------------------------------------------------


def _spread(h):
    return np.linalg.svd(h - h.mean(0), compute_uv=False) ** 2


@slip_of("effective_rank")
def effective_rank_around_zero(h):
    """not subtracting the mean: a cloud far from 0 then looks like one long line, from 0 to the cloud. On the example
    you find {rank}, around its own centre it is {right_rank}."""
    spread = np.linalg.svd(h, compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_of_the_rows(h):
    """subtracting the mean of each row: axis=1 centres every point over its features, so the cloud stays where it is.
    On the example {rank} in place of {right_rank}; the mean of each feature runs over axis 0."""
    spread = np.linalg.svd(h - h.mean(1, keepdims=True), compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_around_one_mean(h):
    """h.mean() without an axis: one number for all columns, so a cloud whose features have unlike means stays away from
    0. On the example you find {rank}; with one mean per feature, axis 0, it is {right_rank}."""
    spread = np.linalg.svd(h - h.mean(), compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_of_singular_values(h):
    """using the singular values as they are: variances are their squares. Unsquared, small directions count too much:
    {rank} on the example, {right_rank} with variances."""
    s = np.linalg.svd(h - h.mean(0), compute_uv=False)
    return s.sum() ** 2 / (s**2).sum()


@slip_of("effective_rank")
def effective_rank_squared_twice(h):
    """squaring once too often: the eigenvalues of the covariance are variances already, and squaring them first lets
    the widest direction drown the others: {rank} on the example, not {right_rank}."""
    spread = _spread(h) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_as_the_rank(h):
    """counting the directions with any spread at all: that is the ordinary rank, {rank} on the example. A direction
    with a millionth of the spread counts as much as the widest; here it should hardly count: {right_rank}."""
    return float(np.linalg.matrix_rank(h - h.mean(0)))


@slip_of("effective_rank")
def effective_rank_of_the_columns(h):
    """taking the variance of each column: correlated columns then count as if each had something new to say. On the
    example {rank}; the eigenvalues of the covariance matrix give {right_rank}."""
    var = h.var(0)
    return var.sum() ** 2 / (var**2).sum()


@slip_of("effective_rank")
def effective_rank_of_correlations(h):
    """dividing each column by its standard deviation first: that is the effective rank *after* BatchNorm, and asked is
    the cloud as it is. (On the example, whose columns are equally wide, both are {right_rank}.)"""
    spread = _spread(h / h.std(0))
    return spread.sum() ** 2 / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_upside_down(h):
    """turning the fraction over: sum(l^2) / sum(l)^2 is {rank} on the example, and never above 1. One over it is the
    number of directions, {right_rank}."""
    spread = _spread(h)
    return (spread**2).sum() / spread.sum() ** 2


@slip_of("effective_rank")
def effective_rank_without_the_upper_square(h):
    """sum(l) / sum(l^2): then the answer depends on the units, a cloud twice as wide gets a quarter. On the example
    {rank}; with the square of the sum it is {right_rank}."""
    spread = _spread(h) / len(h)
    return spread.sum() / (spread**2).sum()


@slip_of("effective_rank")
def effective_rank_of_means(h):
    """means in place of sums: mean(l)^2 / mean(l^2) is smaller by the number of directions, {rank} on the example
    instead of {right_rank}, and at most 1."""
    spread = _spread(h)
    return spread.mean() ** 2 / (spread**2).mean()


@slip_of("effective_rank")
def effective_rank_by_the_widest(h):
    """dividing the sum by the largest: that is the *stable* rank, {rank} on the example. It ignores how the rest is
    spread; the participation ratio is {right_rank}."""
    spread = _spread(h)
    return spread.sum() / spread.max()


@slip_of("effective_rank")
def effective_rank_by_entropy(h):
    """taking exp of the entropy: that is Roy and Vetterli's effective rank (with variances), {rank} on the example. A
    fine measure, but another one; this exercise wants the participation ratio, {right_rank}."""
    share = _spread(h) / _spread(h).sum()
    share = share[share > 0]
    return np.exp(-(share * np.log(share)).sum())


@slip_of("effective_rank")
def effective_rank_at_95_percent(h):
    """counting how many directions hold 95 % of the spread: whole numbers only, {rank} on the example, and 95 is a
    choice. The participation ratio needs none: {right_rank}."""
    share = np.cumsum(_spread(h)) / _spread(h).sum()
    return float(1 + np.sum(share < 0.95))
