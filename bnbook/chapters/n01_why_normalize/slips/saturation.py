"""Wrong answers to the exercise `saturation`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- saturation(h, slope) -> share ---------------------------------------------------------------------------------


@slip_of("saturation")
def saturation_of_the_positive(h, slope=0.05):
    """looking at the positive end only: tanh is flat at -1 as well as at 1. On the example you find {share},
    with both ends it is {right_share}. The square in 1 - h^2 takes care of the sign."""
    return np.mean(h > np.sqrt(1 - slope))


@slip_of("saturation")
def saturation_without_the_square(h, slope=0.05):
    """1 - h in place of 1 - h^2: at h = -0.99 that is 1.99, far from flat, but tanh is as flat there as at 0.99.
    The derivative of tanh at z is 1 - tanh(z)^2; you find {share}, expected {right_share}."""
    return np.mean(1 - h < slope)


@slip_of("saturation")
def saturation_by_the_distance(h, slope=0.05):
    """comparing 1 - |h| with slope: that is how near h is to the end, not how steep tanh is there. At h = 0.96
    the distance is 0.04, the slope still 0.078. The slope is 1 - h^2."""
    return np.mean(1 - np.abs(h) < slope)


@slip_of("saturation")
def saturation_counting(h, slope=0.05):
    """counting: {share} outputs of the example are saturated, asked is which *share* of them, {right_share}.
    Divide by how many there are: np.mean of the comparison does both."""
    return np.sum(1 - h**2 < slope)


@slip_of("saturation")
def saturation_per_image(h, slope=0.05):
    """dividing the count by the number of rows: that is saturated outputs per image, {share} on the example, and
    can be above 1. A share divides by all h.size outputs: {right_share}."""
    return np.sum(1 - h**2 < slope) / len(h)


@slip_of("saturation")
def saturation_in_percent(h, slope=0.05):
    """giving percent: {share} on the example, where a share between 0 and 1 is asked for, {right_share}."""
    return 100 * np.mean(1 - h**2 < slope)


@slip_of("saturation")
def saturation_of_the_others(h, slope=0.05):
    """the wrong way round: {share} of the example are *not* saturated. Saturated means that the slope is small,
    so 1 - h^2 < slope: {right_share}."""
    return np.mean(1 - h**2 > slope)


@slip_of("saturation")
def saturation_by_the_output(h, slope=0.05):
    """comparing |h| itself with slope: nearly every output is larger than 0.05 in size. What is to be small is
    the derivative 1 - h^2; you find {share}, it is {right_share}."""
    return np.mean(np.abs(h) > slope)


@slip_of("saturation")
def saturation_near_zero(h, slope=0.05):
    """looking for h^2 < slope: outputs near 0 are where tanh is *steepest*, with slope 1. It is flat near -1 and
    1, where 1 - h^2 is small."""
    return np.mean(h**2 < slope)


@slip_of("saturation")
def saturation_applying_tanh_again(h, slope=0.05):
    """applying tanh once more: h already is tanh(z). In 1 - tanh(h)^2 nothing can fall below 0.42, so at slope
    0.05 you never find any. With h at hand the slope is 1 - h^2."""
    return np.mean(1 - np.tanh(h) ** 2 < slope)


@slip_of("saturation")
def saturation_of_a_sigmoid(h, slope=0.05):
    """using h * (1 - h): that is the derivative of the sigmoid in terms of its output. For tanh it is 1 - h^2,
    which gives {right_share} on the example; yours gives {share}."""
    return np.mean(h * (1 - h) < slope)


@slip_of("saturation")
def saturation_per_unit(h, slope=0.05):
    """averaging over the images only: that leaves one share per column, {share} on the example. Asked is 1
    number for the whole layer: np.mean without an axis."""
    return np.mean(1 - h**2 < slope, axis=0)


@slip_of("saturation")
def saturation_of_units_ever(h, slope=0.05):
    """counting a unit as soon as 1 image saturates it: with many images that is nearly every unit. Count
    outputs, each image by itself: {right_share} on the example, you find {share}."""
    return np.mean((1 - h**2 < slope).any(axis=0))


@slip_of("saturation")
def saturation_of_the_mean(h, slope=0.05):
    """averaging h first: a unit that is at -1 for half of the images and at +1 for the others has mean 0 and
    looks steep, though it is flat for all of them. Compare every output, then average."""
    return np.mean(1 - h.mean(0) ** 2 < slope)


@slip_of("saturation")
def saturation_as_the_mean_slope(h, slope=0.05):
    """returning the mean slope: mean(1 - h^2) is {share} on the example, a fine measure, but another one. Asked
    is how many lie below the limit, {right_share}."""
    return np.mean(1 - h**2)


@slip_of("saturation")
def saturation_at_exactly_1(h, slope=0.05):
    """asking for |h| == 1: tanh reaches 1 only by rounding, from |z| = 19 on. Long before, at |z| = 2.18, the
    slope is down to 0.05."""
    return np.mean(np.abs(h) == 1)


@slip_of("saturation")
def saturation_with_fixed_slope(h, slope=0.05):
    """writing 0.05 where slope should stand: the argument is ignored. With slope = 0.5, as in this check,
    everything beyond |h| = 0.71 counts."""
    return np.mean(1 - h**2 < 0.05)


@slip_of("saturation")
def saturation_with_another_default(h, slope=0.1):
    """another default: called without slope, your function takes 0.1 and counts from |h| = 0.949 on; with 0.05
    it counts from 0.975 on."""
    return np.mean(1 - h**2 < slope)
