"""Wrong answers to the exercise `directional_check`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- directional_check(f, backward, x, u, v, h) -> slope, claim ----------------------------------------------------


def _slope(f, x, u, v, h):
    return np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h)


def _claim(backward, u, v):
    return np.sum(backward(u) * v)


@slip_of("directional_check")
def one_sided(f, backward, x, u, v, h=1e-5):
    """stepping forward only: (f(x + h v) - f(x)) / h is off by h times the second derivative, the two-sided difference
    only by h^2. On the example, with h = 0.1, your slope is {slope}, two-sided it is {right_slope}."""
    return np.sum(u * (f(x + h * v) - f(x))) / h, _claim(backward, u, v)


@slip_of("directional_check")
def dividing_by_h(f, backward, x, u, v, h=1e-5):
    """dividing by h: from x - h v to x + h v it is a way of 2 h. Your slope is {slope}, twice what it should be,
    {right_slope}."""
    return 2 * _slope(f, x, u, v, h), _claim(backward, u, v)


@slip_of("directional_check")
def precedence(f, backward, x, u, v, h=1e-5):
    """/ 2 * h without brackets: Python goes from the left, so that is half of it times h. The way is 2 h, and the
    division takes all of it: / (2 * h). On the example slope is {slope} in place of {right_slope}."""
    return _slope(f, x, u, v, h) * h**2, _claim(backward, u, v)


@slip_of("directional_check")
def without_u(f, backward, x, u, v, h=1e-5):
    """summing f without u: that is the slope of sum(f), the loss for which u is all 1. For BatchNorm that loss is
    constant and hides every mistake. On the example the slope is {slope} in place of {right_slope}."""
    return np.sum(f(x + h * v) - f(x - h * v)) / (2 * h), _claim(backward, u, v)


@slip_of("directional_check")
def with_u_of_ones(f, backward, x, u, v, h=1e-5):
    """using 1 in place of u on both sides: the two numbers belong together, but they test one loss, sum(f), and not the
    one that was asked for. On the example slope is {slope} in place of {right_slope}."""
    ones = np.ones_like(u)
    return _slope(f, x, ones, v, h), _claim(backward, ones, v)


@slip_of("directional_check")
def averaging(f, backward, x, u, v, h=1e-5):
    """taking means in place of sums: <a, b> is the sum of a * b. The mean divides slope by the size of u and claim by
    that of v, which differ as soon as f changes the shape. On the example yours are {slope} and {claim}, to be
    {right_slope} and {right_claim}."""
    slope = np.mean(u * (f(x + h * v) - f(x - h * v))) / (2 * h)
    return slope, np.mean(backward(u) * v)


@slip_of("directional_check")
def unit_direction(f, backward, x, u, v, h=1e-5):
    """dividing v by its length for the step but not for the claim: then the slope is per unit of length, the claim per
    length of v. On the example slope is {slope} in place of {right_slope}."""
    return _slope(f, x, u, v / np.linalg.norm(v), h), _claim(backward, u, v)


@slip_of("directional_check")
def backward_of_v(f, backward, x, u, v, h=1e-5):
    """passing v to backward: a direction v lives where x does, and backward takes what lives where f(x) does, that is
    u. Where f treats each value by itself, as x ** 3 does, both come out alike; from 5 numbers to 3 it fails."""
    return _slope(f, x, u, v, h), np.sum(backward(v) * u)


@slip_of("directional_check")
def backward_of_f(f, backward, x, u, v, h=1e-5):
    """passing f(x) to backward: it takes a gradient, u, not a value. On the example claim is {claim}, it should be
    {right_claim}."""
    return _slope(f, x, u, v, h), _claim(backward, f(x), v)


@slip_of("directional_check")
def claim_without_v(f, backward, x, u, v, h=1e-5):
    """summing backward(u) without v: that claims the slope in the direction (1, 1, ...), but the step went along v. On
    the example claim is {claim}, along v it is {right_claim}."""
    return _slope(f, x, u, v, h), np.sum(backward(u))


@slip_of("directional_check")
def numbers_not_summed(f, backward, x, u, v, h=1e-5):
    """not summing: u * (f(x + h v) - f(x - h v)) / (2 h) is an array; slope is 1 number, its sum, and so is claim."""
    return u * (f(x + h * v) - f(x - h * v)) / (2 * h), backward(u) * v


@slip_of("directional_check")
def claim_first(f, backward, x, u, v, h=1e-5):
    """returning claim, slope: the order is slope, claim. On the example your first output is {slope}, the slope is
    {right_slope}."""
    return _claim(backward, u, v), _slope(f, x, u, v, h)


@slip_of("directional_check")
def slope_twice(f, backward, x, u, v, h=1e-5):
    """returning the same number twice: a check that never calls backward agrees with every mistake. On the example the
    claim is {right_claim} and not {claim}."""
    slope = _slope(f, x, u, v, h)
    return slope, slope


@slip_of("directional_check")
def fixed_step(f, backward, x, u, v, h=1e-5):
    """writing 1e-5 where h should stand: the argument is ignored. On the example h is 0.1, and the slope of a cube then
    shows it: {right_slope}, yours is {slope}."""
    return _slope(f, x, u, v, 1e-5), _claim(backward, u, v)


@slip_of("directional_check")
def another_step(f, backward, x, u, v, h=1e-3):
    """another default for h: called without it your step is 0.001, not 1e-5. Too long a step sees the bend of the
    function, too short a one nothing but rounding."""
    return _slope(f, x, u, v, h), _claim(backward, u, v)


@slip_of("directional_check")
def stepping_in_place(f, backward, x, u, v, h=1e-5):
    """writing into x: x += h * v moves the caller's point, and 1 step back does not undo the rounding. Write f(x + h *
    v)."""
    x += h * v
    up = f(x)
    x -= 2 * h * v
    return np.sum(u * (up - f(x))) / (2 * h), _claim(backward, u, v)
