"""Wrong answers to the exercise `normalize_backward`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- normalize_backward(dx_hat, x_hat, var, axes, eps) -> dx -------------------------------------------------------


def _means(dx_hat, x_hat, axes):
    """The two means of the right formula, for slips whose mistake is elsewhere."""
    return dx_hat.mean(axes, keepdims=True), (dx_hat * x_hat).mean(axes, keepdims=True)


@slip_of("normalize_backward")
def normalize_constant_statistics(dx_hat, x_hat, var, axes, eps=1e-5):
    """treating mean and var as constants: dx_hat / std is what one value does to itself, but it also moves the mean and
    the variance that all the others are measured by. Yours starts with {dx}, the gradient with {right_dx}. (In
    evaluation mode the statistics are constants, and there it is right.)"""
    return dx_hat / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_without_the_mean_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """forgetting the path through the mean: mean(dx_hat) is not subtracted (or something that is 0, such as
    mean(x_hat), in its place). The sum of dx over a channel must be 0, because adding the same number to all of x
    changes nothing; yours is not."""
    _, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_without_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """losing the path through the variance: x_hat * mean(dx_hat * x_hat) is not subtracted, or in its place
    mean(dx_hat) * mean(x_hat), which is 0: first the product, then its mean. Stretching a channel hardly changes x_hat,
    so dx must be nearly orthogonal to it; yours starts with {dx}, and should with {right_dx}."""
    along_one, _ = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_with_sums(dx_hat, x_hat, var, axes, eps=1e-5):
    """subtracting sums in place of means: both are to be divided by m. On the example m is 3, so you take away three
    times too much, and dx starts with {dx} in place of {right_dx}."""
    along_one, along_x_hat = (v * (dx_hat.size / var.size) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_adding_the_x_hat_term(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding the part along x_hat: both parts are taken away. With a plus that part is doubled: dx starts with {dx} and
    should start with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one + x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_adding_the_mean(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding mean(dx_hat): it is to be subtracted, so that dx sums to 0. With the plus the sum of your dx is twice that
    of dx_hat over the standard deviation."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat + along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_without_x_hat_in_front(dx_hat, x_hat, var, axes, eps=1e-5):
    """subtracting mean(dx_hat * x_hat) itself: that is how long the part along x_hat is, 1 number per channel. The part
    is that number times x_hat, which differs from row to row."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_removing_x_hat_completely(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by sum(x_hat^2) in place of m: that removes the part along x_hat to the last digit, which geometry would
    like. But sum(x_hat^2) is not m, it is m * var / (var + eps), and the gradient divides by m: on the example dx
    starts with {dx}, and should start with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    square = (x_hat**2).mean(axes, keepdims=True)
    return (dx_hat - along_one - x_hat * along_x_hat / np.where(square, square, 1)) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_with_m_minus_1(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by m - 1: the forward pass used m for the mean and for the variance, so the backward pass does, too.
    With m = 3 you take away 3 / 2 of what you should."""
    m = dx_hat.size / var.size
    along_one, along_x_hat = (v * m / (m - 1) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_with_m_minus_1_for_the_variance(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing the part along x_hat by m - 1, as if the forward pass had used the unbiased variance: it did not. On the
    example, with m = 3, dx starts with {dx} in place of {right_dx}."""
    m = dx_hat.size / var.size
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat * m / (m - 1)) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_with_n_for_m(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing both sums by len(dx_hat), the number of images: that is m only for a table. For 5 images of 4 x 6 pixels
    a channel has m = 120 values; mean(axes, keepdims=True) counts them for you."""
    along_one, along_x_hat = (v * (dx_hat.size / var.size / len(dx_hat)) for v in _means(dx_hat, x_hat, axes))
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_without_the_bracket(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing only the last term: without brackets the division by the standard deviation, 4 on the example, binds to
    the x_hat term alone. All three terms belong into the bracket: dx_hat, its mean, and the part along x_hat."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return dx_hat - along_one - x_hat * along_x_hat / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_half_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """losing the factor 2 of the square: the slope of deviation^2 is 2 * deviation, and that 2 cancels the 1/2 of the
    root. Without it half of the part along x_hat stays: dx starts with {dx}, and should with {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat / 2) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_twice_the_var_path(dx_hat, x_hat, var, axes, eps=1e-5):
    """losing the factor 1/2 of the root: the slope of (var + eps)^(-1/2) is -1/2 * (var + eps)^(-3/2). Without the 1/2
    you take away the part along x_hat twice: on the example {dx} in place of {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - 2 * x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_not_dividing(dx_hat, x_hat, var, axes, eps=1e-5):
    """not dividing by the standard deviation: the two parts are removed rightly, but x is in units of x and x_hat has
    none. On the example the standard deviation is 4 and your dx 4 times too large."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return dx_hat - along_one - x_hat * along_x_hat


@slip_of("normalize_backward")
def normalize_multiplying(dx_hat, x_hat, var, axes, eps=1e-5):
    """multiplying by the standard deviation: a channel spread twice as wide makes x_hat half as steep in x, so divide.
    On the example the standard deviation is 4, and yours is 16 times too large."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) * np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_dividing_by_the_variance(dx_hat, x_hat, var, axes, eps=1e-5):
    """dividing by var + eps without the root: on the example by 16 and not by 4, so dx starts with {dx} in place of
    {right_dx}."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / (var + eps)


@slip_of("normalize_backward")
def normalize_without_eps(dx_hat, x_hat, var, axes, eps=1e-5):
    """leaving eps out: the forward pass divided by sqrt(var + eps), so the backward pass does, too. With var = 0 yours
    divides by 0; on the example var is 14 and eps 2."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var)


@slip_of("normalize_backward")
def normalize_eps_outside(dx_hat, x_hat, var, axes, eps=1e-5):
    """adding eps after the root: it stands inside, sqrt(var + eps), as in the forward pass. On the example sqrt(14 + 2)
    is 4, and yours is 5.742."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / (np.sqrt(var) + eps)


@slip_of("normalize_backward")
def normalize_fixed_eps(dx_hat, x_hat, var, axes, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and the gradient then belongs to another forward
    pass. On the example eps is 2."""
    return normalize_with_another_default(dx_hat, x_hat, var, axes, 1e-5)


@slip_of("normalize_backward")
def normalize_with_another_default(dx_hat, x_hat, var, axes, eps=1e-3):
    """another default for eps: called without eps yours behaves as if it were 0.001, the forward pass as if it were
    1e-5. It shows only where var is as small as eps."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    return (dx_hat - along_one - x_hat * along_x_hat) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_over_axis_0(dx_hat, x_hat, var, axes, eps=1e-5):
    """always averaging over axis 0: the argument axes is not used. For images the axes are (0, 2, 3), and each channel
    has 1 mean, not one per pixel."""
    return normalize_with_another_default(dx_hat, x_hat, var, (0,), eps)


@slip_of("normalize_backward")
def normalize_over_everything(dx_hat, x_hat, var, axes, eps=1e-5):
    """averaging over the whole array: mean() without axes gives 1 number for all channels together. Pass axes on, with
    keepdims=True."""
    return normalize_with_another_default(dx_hat, x_hat, var, tuple(range(dx_hat.ndim)), eps)


@slip_of("normalize_backward")
def normalize_without_keepdims(dx_hat, x_hat, var, axes, eps=1e-5):
    """dropping the averaged axes: mean(axes) of (5, 3, 4, 6) over (0, 2, 3) has shape (3,), and NumPy lines that up
    with the last axis. Use keepdims=True."""
    return (dx_hat - dx_hat.mean(axes) - x_hat * (dx_hat * x_hat).mean(axes)) / np.sqrt(var + eps)


@slip_of("normalize_backward")
def normalize_in_place(dx_hat, x_hat, var, axes, eps=1e-5):
    """writing into dx_hat: dx_hat -= ... changes the caller's array, and the gradient of whatever else used it is lost.
    Write dx = dx_hat - ..., which makes 1 new array."""
    along_one, along_x_hat = _means(dx_hat, x_hat, axes)
    dx_hat -= along_one + x_hat * along_x_hat
    return dx_hat / np.sqrt(var + eps)
