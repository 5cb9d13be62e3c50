"""Wrong answers to the exercise `measured_growth`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- measured_growth(sizes) -> growth ---------------------------------------------------------------------------------


@slip_of("measured_growth")
def measured_growth_upside_down(sizes):
    """the last size over the first: that is the growth on the way *forwards*. Gradients travel from the last layer to
    the first, so what grows has its large number in front: {right_growth} on the example, you find {growth}."""
    return (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1))


@slip_of("measured_growth")
def measured_growth_counting_layers(sizes):
    """the L-th root: between 3 layers there are only 2 steps, so the exponent is 1 / (L - 1). On the example that
    makes {right_growth}, not {growth}."""
    return (sizes[0] / sizes[-1]) ** (1 / len(sizes))


@slip_of("measured_growth")
def measured_growth_averaging_the_factors(sizes):
    """adding the factors up and dividing: the ordinary mean of 2 and 4 is 3, but 3 * 3 is 9, and the gradient grew by
    8 in all. Factors are multiplied, so their mean is a root: {right_growth}."""
    return (sizes[:-1] / sizes[1:]).mean(0)


@slip_of("measured_growth")
def measured_growth_in_total(sizes):
    """the growth through all layers: {growth} on the example. Asked is the factor of 1 layer, of which L - 1 in a row
    give that total: take the root."""
    return sizes[0] / sizes[-1]


@slip_of("measured_growth")
def measured_growth_dividing_for_the_root(sizes):
    """dividing the total by L - 1 (as `** 1 / (L - 1)` does, too): that shares out a sum. A product is shared out by a
    root, and its exponent needs brackets, ** (1 / (L - 1)), since a power is taken before anything is divided: 8 in
    two steps is 2.83 each, not 4."""
    return sizes[0] / sizes[-1] / (len(sizes) - 1)


@slip_of("measured_growth")
def measured_growth_as_a_logarithm(sizes):
    """the growth of the logarithm: {growth} on the example, the slope of the line on a logarithmic scale. np.exp
    turns it into the factor, {right_growth}."""
    return np.log(sizes[0] / sizes[-1]) / (len(sizes) - 1)


@slip_of("measured_growth")
def measured_growth_by_differences(sizes):
    """subtracting neighbours: gradients do not grow by an amount but by a factor, 4 and then 2 on the example, where
    you find {growth}. Divide."""
    return (sizes[:-1] - sizes[1:]).mean(0)


@slip_of("measured_growth")
def measured_growth_by_the_median(sizes):
    """the median of the factors: one odd layer then counts for nothing, and the L - 1 factors no longer multiply to
    the total (8 on the example). The mean that does is the geometric one."""
    return np.median(sizes[:-1] / sizes[1:], axis=0)


@slip_of("measured_growth")
def measured_growth_with_a_square_root(sizes):
    """the square root: right for 3 layers, where there are 2 steps. With L layers it is the root of order L - 1, the
    power 1 / (L - 1)."""
    return (sizes[0] / sizes[-1]) ** 0.5


@slip_of("measured_growth")
def measured_growth_mixing_two_logarithms(sizes):
    """10 to the power of a natural logarithm: np.log belongs to np.exp. Mixed up, a factor of 2.83 turns into
    {growth}."""
    return 10 ** (np.log(sizes[0] / sizes[-1]) / (len(sizes) - 1))


@slip_of("measured_growth")
def measured_growth_of_everything(sizes):
    """averaging over the seeds as well: sizes may have more axes than layers, such as 1 column for each seed, and each
    keeps its own growth. sizes[0] and sizes[-1] are rows; no further mean is needed."""
    return np.mean((sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1)))


@slip_of("measured_growth")
def measured_growth_by_a_fitted_line(sizes):
    """fitting a line to the logarithms: a fair estimate too, but another one, in which layers in the middle count
    less and which need not multiply to the total, 8 on the example. Here only the 2 ends are asked for."""
    layer = np.arange(len(sizes))
    return np.exp(-np.polyfit(layer, np.log(sizes), 1)[0])


@slip_of("measured_growth")
def measured_growth_of_the_last_step(sizes):
    """one step only, from the last layer to the one before: {growth} on the example. A mean over all L - 1 steps is
    steadier: {right_growth}."""
    return sizes[-2] / sizes[-1]


@slip_of("measured_growth")
def measured_growth_of_the_sizes(sizes):
    """the geometric mean of the sizes themselves: how large the gradient is, {growth}, not by how much it grows from
    layer to layer, {right_growth}."""
    return np.exp(np.log(sizes).mean(0))


@slip_of("measured_growth")
def measured_growth_with_brackets_too_few(sizes):
    """`1 / L - 1` as the exponent: Python divides first and then subtracts 1, which is a power below 0, {growth} on the
    example. The bracket belongs around L - 1: ** (1 / (L - 1)) gives {right_growth}."""
    return (sizes[0] / sizes[-1]) ** (1 / len(sizes) - 1)
