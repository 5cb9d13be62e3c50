"""Wrong answers to the exercise `gradient_change`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- gradient_change(g, g_prime) -> relative, cosine -----------------------------------------------------------------


def _length(g):
    return np.sqrt(np.sum(g * g))


def _cosine(g, g_prime):
    return np.sum(g * g_prime) / (_length(g) * _length(g_prime))


@slip_of("gradient_change")
def change_relative_to_the_new(g, g_prime):
    """dividing by |g_prime|: the change is measured against what the step was made with, the gradient *before*. On the
    example {relative} in place of {right_relative}."""
    return _length(g - g_prime) / _length(g_prime), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_relative_to_both(g, g_prime):
    """dividing by the mean of both lengths: symmetric, but not the definition here, which asks by what share of |g| it
    has changed: {right_relative}, you have {relative}."""
    return 2 * _length(g - g_prime) / (_length(g) + _length(g_prime)), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_absolute(g, g_prime):
    """not dividing at all: |g - g_prime| is what the paper's definition says, but a net with gradients 10 times as
    large then seems to shift 10 times as much. Divide by |g|: {right_relative} on the example, not {relative}."""
    return _length(g - g_prime), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_of_the_length(g, g_prime):
    """subtracting the lengths: a gradient that turns by 90 degrees and keeps its length would have changed by 0. First
    subtract, then take the length; here that gives {right_relative} and not {relative}."""
    return abs(_length(g) - _length(g_prime)) / _length(g), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_squared(g, g_prime):
    """leaving out the roots: {relative} is the square of {right_relative}, the share that is asked for. A length is the
    root of the sum of squares."""
    return _length(g - g_prime) ** 2 / _length(g) ** 2, _cosine(g, g_prime)


@slip_of("gradient_change")
def change_by_absolute_values(g, g_prime):
    """adding up absolute values: that is the L1 norm. The definition uses the L2 norm, the usual length of an arrow:
    for (3, 4) it is 5, and yours would be 7."""
    return np.abs(g - g_prime).sum() / np.abs(g).sum(), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_entry_by_entry(g, g_prime):
    """dividing entry by entry: entries near 0 then decide everything, since by chance they change by hundreds of per
    cent. Take both lengths first, then divide 1 number by another; expected {right_relative}, got {relative}."""
    with np.errstate(divide="ignore"):
        return np.mean(np.abs(g - g_prime) / np.abs(g)), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_of_the_direction_alone(g, g_prime):
    """giving both length 1 before subtracting: what is left is the turn, and that the cosine says already. Doubling a
    gradient must count as a change of 1. On the example {relative} where {right_relative} is right."""
    return _length(g / _length(g) - g_prime / _length(g_prime)), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_in_percent(g, g_prime):
    """giving per cent: {relative} on the example, asked is the plain ratio {right_relative}."""
    return 100 * _length(g - g_prime) / _length(g), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_with_a_dot_product(g, g_prime):
    """returning <g, g_prime> itself as the cosine: it grows with the lengths, to {cosine} here. Divide by both of them
    and it lies between -1 and 1: {right_cosine}."""
    return _length(g - g_prime) / _length(g), np.sum(g * g_prime)


@slip_of("gradient_change")
def change_dividing_by_one_length(g, g_prime):
    """dividing the dot product by |g| squared: that is right if both are equally long. In general both lengths belong
    there, |g| |g_prime|: {right_cosine}; yours is {cosine} and can be larger than 1."""
    return _length(g - g_prime) / _length(g), np.sum(g * g_prime) / np.sum(g * g)


@slip_of("gradient_change")
def change_cosine_of_rows(g, g_prime):
    """a cosine for every row, averaged: the gradient of a layer is 1 arrow with as many entries as there are weights,
    not a bundle of arrows. Multiply and add up over *all* entries."""
    dots = np.atleast_1d((g * g_prime).sum(-1))
    lengths = np.atleast_1d(np.sqrt((g * g).sum(-1)) * np.sqrt((g_prime * g_prime).sum(-1)))
    return _length(g - g_prime) / _length(g), np.mean(dots / lengths)


@slip_of("gradient_change")
def change_as_an_angle(g, g_prime):
    """returning the angle: {cosine} radians is the arc whose cosine, {right_cosine}, was asked for. Leave np.arccos
    out."""
    return _length(g - g_prime) / _length(g), np.arccos(np.clip(_cosine(g, g_prime), -1, 1))


@slip_of("gradient_change")
def change_as_a_cosine_distance(g, g_prime):
    """1 - cosine: SciPy calls that the cosine distance, 0 for the same direction. Here the same direction is to give 1:
    {right_cosine} on the example, you return {cosine}."""
    return _length(g - g_prime) / _length(g), 1 - _cosine(g, g_prime)


@slip_of("gradient_change")
def change_without_a_sign(g, g_prime):
    """the absolute value of the cosine: a gradient that has turned right round has -1, the worst there is, and yours
    calls it 1, the best."""
    return _length(g - g_prime) / _length(g), abs(_cosine(g, g_prime))


@slip_of("gradient_change")
def change_as_a_correlation(g, g_prime):
    """subtracting the means first: np.corrcoef gives the correlation, which ignores what all entries have in common. A
    cosine keeps it; you find {cosine} where {right_cosine} is expected."""
    return _length(g - g_prime) / _length(g), np.corrcoef(g.ravel(), g_prime.ravel())[0, 1]


@slip_of("gradient_change")
def change_as_a_matrix_product(g, g_prime):
    """g @ g_prime: for two matrices that is a matrix product, which needs other shapes and gives another matrix. The
    dot product of all entries is np.sum(g * g_prime), 1 number."""
    return _length(g - g_prime) / _length(g), g @ g_prime / (_length(g) * _length(g_prime))


@slip_of("gradient_change")
def change_the_other_way_round(g, g_prime):
    """returning cosine, relative: the order is relative first. Your first output is {relative}, which is the cosine,
    {right_cosine}."""
    return _cosine(g, g_prime), _length(g - g_prime) / _length(g)


@slip_of("gradient_change")
def change_by_matrix_norms(g, g_prime):
    """np.linalg.norm(g, 2): for a matrix that is the *spectral* norm, how much it stretches a vector at most. Leave the
    2 out, and it is the length over all entries."""
    spectral = lambda v: np.linalg.norm(v, 2)  # noqa: E731
    return spectral(g - g_prime) / spectral(g), np.sum(g * g_prime) / (spectral(g) * spectral(g_prime))


@slip_of("gradient_change")
def change_per_unit(g, g_prime):
    """np.linalg.norm with an axis: that leaves one length for each row, and so several numbers where 1 for the whole
    layer is asked. Without an axis NumPy takes all entries together."""
    return (np.linalg.norm(g - g_prime, axis=-1) / np.linalg.norm(g, axis=-1)), _cosine(g, g_prime)


@slip_of("gradient_change")
def change_without_brackets(g, g_prime):
    """dot / |g| * |g_prime| without brackets: Python goes from left to right, so the second length multiplies. With
    brackets, dot / (|g| * |g_prime|), the cosine is {right_cosine}, and not {cosine}."""
    return _length(g - g_prime) / _length(g), np.sum(g * g_prime) / _length(g) * _length(g_prime)
