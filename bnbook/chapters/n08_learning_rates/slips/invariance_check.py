"""Wrong answers to the exercise `invariance_check`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- invariance_check(f, gradient, w, a) -> change, mismatch, cosine -------------------------------------------------


def _length(v):
    return np.sqrt(np.sum(v * v))


def _check(f, gradient, w, a, change=None, mismatch=None, cosine=None):
    """The right three numbers, with some of them replaced."""
    before, after = gradient(w), gradient(a * w)
    return (
        f(a * w) - f(w) if change is None else change,
        _length(a * after - before) / _length(before) if mismatch is None else mismatch,
        np.sum(w * after) / (_length(w) * _length(after)) if cosine is None else cosine,
    )


@slip_of("invariance_check")
def invariance_check_with_a_on_the_other_side(f, gradient, w, a):
    """multiplying gradient(w) by a: where the weights are a times as long, a step has a times *less* effect on the
    direction, so gradient(a w) is the smaller one, by 1 / a. Compare a * gradient(a w) with gradient(w); your mismatch
    is {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after - a * before) / _length(before))


@slip_of("invariance_check")
def invariance_check_of_equal_gradients(f, gradient, w, a):
    """comparing gradient(a w) with gradient(w) as they are: that asks whether f is a straight line. If only the
    direction counts, they differ by the factor a; on the example you find {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after - before) / _length(before))


@slip_of("invariance_check")
def invariance_check_dividing_by_a(f, gradient, w, a):
    """dividing gradient(a w) by a: it already is the smaller one if a is above 1. Multiply: with a = 10 and gradients
    of 0.1 and 1 only 10 * 0.1 - 1 is 0."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after / a - before) / _length(before))


@slip_of("invariance_check")
def invariance_check_not_relative(f, gradient, w, a):
    """leaving out the division by |gradient(w)|: 0.001 is much if the gradient is 0.001 long and nothing if it is
    1,000. Your mismatch is {mismatch}, relative it is {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(a * after - before))


@slip_of("invariance_check")
def invariance_check_relative_to_the_other(f, gradient, w, a):
    """dividing by |gradient(a w)|: the yardstick is the gradient before scaling, |gradient(w)|; with a = 10 the other
    is a tenth as long, so the mismatch comes out ten times as large."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(a * after - before) / _length(after))


@slip_of("invariance_check")
def invariance_check_of_lengths(f, gradient, w, a):
    """subtracting lengths: |a gradient(a w)| - |gradient(w)| is 0 also for two gradients of equal length that point in
    different directions. First the difference, then its length: {right_mismatch}, not {mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=abs(a * _length(after) - _length(before)) / _length(before))


@slip_of("invariance_check")
def invariance_check_with_squares(f, gradient, w, a):
    """forgetting the root: the sum of squares is the length times itself, so a mismatch of 0.1 becomes 0.01. You find
    {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=np.sum((a * after - before) ** 2) / np.sum(before**2))


@slip_of("invariance_check")
def invariance_check_never_at_a_w(f, gradient, w, a):
    """multiplying the gradient in place of the weights: a * gradient(w) - gradient(w) is (a - 1) gradient(w), so the
    mismatch is |a - 1| = {mismatch} for every f. Ask gradient at a * w."""
    before, after = gradient(w), gradient(a * w)
    _ = after
    return _check(f, gradient, w, a, mismatch=_length(a * before - before) / _length(before))


@slip_of("invariance_check")
def invariance_check_backwards(f, gradient, w, a):
    """f(w) - f(a w): the change is what comes out after minus what was there before; yours is {change}, expected
    {right_change}."""
    return _check(f, gradient, w, a, change=f(w) - f(a * w))


@slip_of("invariance_check")
def invariance_check_without_sign(f, gradient, w, a):
    """taking the absolute value of the change: then nobody sees whether longer weights raise or lower f.
    Where they lower it, the change is below 0."""
    return _check(f, gradient, w, a, change=abs(f(a * w) - f(w)))


@slip_of("invariance_check")
def invariance_check_relative_change(f, gradient, w, a):
    """dividing the change by f(w): where f is near 0, such as a loss at the end of training, 1 rounding error then
    looks like a change. Asked is f(a w) - f(w), {right_change}; yours is {change}."""
    return _check(f, gradient, w, a, change=f(a * w) / f(w) - 1)


@slip_of("invariance_check")
def invariance_check_adding_a(f, gradient, w, a):
    """w + a in place of a * w: that shifts every weight by {change} in f on the example, and is another direction.
    The invariance is one of scale: a * w gives {right_change}."""
    return _check(f, gradient, w, a, change=f(w + a) - f(w))


@slip_of("invariance_check")
def invariance_check_cosine_at_w(f, gradient, w, a):
    """taking the cosine at w: the third number asks for the gradient at a w, where a small a may have led into
    trouble, as eps does near 0. Yours is {cosine}, at a w it is {right_cosine}."""
    before = gradient(w)
    return _check(f, gradient, w, a, cosine=np.sum(w * before) / (_length(w) * _length(before)))


@slip_of("invariance_check")
def invariance_check_without_lengths(f, gradient, w, a):
    """leaving out the lengths: w . gradient is {cosine} on the example and grows with both; a cosine lies between -1
    and 1: {right_cosine}."""
    return _check(f, gradient, w, a, cosine=np.sum(w * gradient(a * w)))


@slip_of("invariance_check")
def invariance_check_between_gradients(f, gradient, w, a):
    """taking the cosine between the two gradients: that is 1 if they point the same way. Asked is the angle between
    the *weights* and the gradient, 90 degrees if only the direction counts: {right_cosine}, not {cosine}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, cosine=np.sum(before * after) / (_length(before) * _length(after)))


@slip_of("invariance_check")
def invariance_check_with_a_mixed_cosine(f, gradient, w, a):
    """dividing by |gradient(w)| in the cosine: the product has gradient(a w) in it, so its own length belongs below.
    You find {cosine}, which can exceed 1; it should be {right_cosine}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, cosine=np.sum(w * after) / (_length(w) * _length(before)))


@slip_of("invariance_check")
def invariance_check_by_matrix_norms(f, gradient, w, a):
    """np.linalg.norm(v, 2): for a matrix that is the *spectral* norm, how much it stretches a vector at most. Leave the
    2 out, and it is the length over all entries."""
    before, after = gradient(w), gradient(a * w)
    spectral = lambda v: np.linalg.norm(v, 2)  # noqa: E731
    cosine = np.sum(w * after) / (spectral(w) * spectral(after))
    return _check(f, gradient, w, a, mismatch=spectral(a * after - before) / spectral(before), cosine=cosine)


@slip_of("invariance_check")
def invariance_check_with_a_matrix_product(f, gradient, w, a):
    """w @ gradient(a w): for vectors that is the inner product, for 2 axes and more a matrix product, which needs other
    shapes. The sum over all entries is np.sum(w * gradient(a * w))."""
    after = gradient(a * w)
    return _check(f, gradient, w, a, cosine=w @ after / (_length(w) * _length(after)))


@slip_of("invariance_check")
def invariance_check_in_place(f, gradient, w, a):
    """writing into w: w *= a changes the caller's weights, so the second check would start from weights a = 2 times
    as long. Use a * w, which makes a new array."""
    before, start = gradient(w), f(w)
    w *= a
    after = gradient(w)
    cosine = np.sum(w * after) / (_length(w) * _length(after))
    return f(w) - start, _length(a * after - before) / _length(before), cosine


@slip_of("invariance_check")
def invariance_check_in_another_order(f, gradient, w, a):
    """returning mismatch first: the order is change, mismatch, cosine. Your change is {change}, which is the mismatch;
    expected {right_change}."""
    change, mismatch, cosine = _check(f, gradient, w, a)
    return mismatch, change, cosine


@slip_of("invariance_check")
def invariance_check_without_brackets(f, gradient, w, a):
    """product / |w| * |gradient(a w)| without brackets: Python goes from left to right, so the second length
    multiplies. Your cosine is {cosine}; with both lengths in brackets below the line it is {right_cosine}."""
    after = gradient(a * w)
    return _check(f, gradient, w, a, cosine=np.sum(w * after) / _length(w) * _length(after))
