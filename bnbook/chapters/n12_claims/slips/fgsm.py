"""Wrong answers to the exercise `fgsm`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- fgsm(x, gradient, eps) -> image ---------------------------------------------------------------------------------


@slip_of("fgsm")
def fgsm_downhill(x, gradient, eps):
    """minus in place of plus: that is a step of training, it *lowers* the loss, and the net becomes surer of the right
    answer. On the example {image}, it should be {right_image}."""
    return np.clip(x - eps * np.sign(gradient), 0, 1)


@slip_of("fgsm")
def fgsm_without_the_sign(x, gradient, eps):
    """adding eps times the gradient: gradients with respect to pixels are tiny, 0.001 or so, and nothing would be seen
    of them. The sign lets every pixel go the whole eps: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient, 0, 1)


@slip_of("fgsm")
def fgsm_without_clipping(x, gradient, eps):
    """leaving out min and max: 1.05 is no grey level. A picture has values from 0 to 1, so cut off what lies outside:
    {right_image} on the example, yours {image}."""
    return x + eps * np.sign(gradient)


@slip_of("fgsm")
def fgsm_clipping_the_change(x, gradient, eps):
    """clipping the change and not the image: np.clip(eps * sign, 0, 1) cuts off all that would get darker, and the sum
    can still leave 0 to 1. Clip x + eps * sign: {right_image} on the example, yours {image}."""
    return x + np.clip(eps * np.sign(gradient), 0, 1)


@slip_of("fgsm")
def fgsm_clipped_from_below_only(x, gradient, eps):
    """cutting off below 0 but not above 1: pixels can become whiter than white, {image} on the example. Both ends:
    {right_image}."""
    return np.maximum(x + eps * np.sign(gradient), 0)


@slip_of("fgsm")
def fgsm_clipped_to_minus_one(x, gradient, eps):
    """clipping to -1 and 1: these images go from 0 (black) to 1 (white), so -0.05 must become 0. On the example
    {image}, expected {right_image}."""
    return np.clip(x + eps * np.sign(gradient), -1, 1)


@slip_of("fgsm")
def fgsm_clipped_to_the_image(x, gradient, eps):
    """clipping to the smallest and largest pixel of the batch: an image may become darker than it was, as long as it
    stays between 0 and 1. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.sign(gradient), x.min(), x.max())


@slip_of("fgsm")
def fgsm_by_the_sign_of_the_image(x, gradient, eps):
    """the sign of x in place of the gradient's: pixels are 0 or more, so every inked pixel just gets brighter by eps,
    and the net was not asked. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.sign(x), 0, 1)


@slip_of("fgsm")
def fgsm_scaled_to_the_largest(x, gradient, eps):
    """dividing by the largest gradient: then 1 pixel goes the whole eps, and the others less. If each may move by eps,
    the loss rises most when each does: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient / np.abs(gradient).max(), 0, 1)


@slip_of("fgsm")
def fgsm_scaled_to_length_1(x, gradient, eps):
    """dividing by the length of the gradient: that is the strongest step of *length* eps. Here every single pixel may
    go eps: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient / np.linalg.norm(gradient), 0, 1)


@slip_of("fgsm")
def fgsm_by_percent(x, gradient, eps):
    """multiplying by 1 + eps * sign: a black pixel, 0, then cannot move at all, and most of a digit's picture is black.
    Add: {right_image} on the example, yours {image}."""
    return np.clip(x * (1 + eps * np.sign(gradient)), 0, 1)


@slip_of("fgsm")
def fgsm_with_one_sign(x, gradient, eps):
    """one sign for all pixels, that of the mean: then the whole picture becomes brighter or darker by eps. Each pixel
    has its own: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * np.sign(gradient.mean()), 0, 1)


@slip_of("fgsm")
def fgsm_upwards_only(x, gradient, eps):
    """gradient > 0 in place of its sign: True is 1 and False is 0, so pixels that should get darker stay as they are:
    {image} on the example, expected {right_image}."""
    return np.clip(x + eps * (gradient > 0), 0, 1)


@slip_of("fgsm")
def fgsm_moving_what_does_not_matter(x, gradient, eps):
    """counting a gradient of 0 as positive: where the loss does not depend on a pixel there is no reason to move it,
    and np.sign(0) is 0. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.where(gradient >= 0, 1, -1), 0, 1)


@slip_of("fgsm")
def fgsm_by_dividing_by_the_size(x, gradient, eps):
    """gradient / np.abs(gradient) for the sign: right but for pixels whose gradient is 0, where 0 / 0 is nan, and one
    nan makes the whole loss nan. np.sign(0) is 0. {image} on the example, expected {right_image}."""
    with np.errstate(invalid="ignore"):
        return np.clip(x + eps * gradient / np.abs(gradient), 0, 1)


@slip_of("fgsm")
def fgsm_in_grey_levels(x, gradient, eps):
    """dividing eps by 255: right for an eps in grey levels; this one is in the units of x, where white is 1. {image} on
    the example, expected {right_image}."""
    return np.clip(x + eps / 255 * np.sign(gradient), 0, 1)


@slip_of("fgsm")
def fgsm_the_change_alone(x, gradient, eps):
    """returning the change without the image: {image} on the example is what is to be added to x, and x is missing:
    {right_image}."""
    return eps * np.sign(gradient)


@slip_of("fgsm")
def fgsm_in_place(x, gradient, eps):
    """writing into x: x += ... changes the caller's images, and the next attack, with another eps, starts from the
    attacked ones. Write x = x + ..., which makes 1 new array."""
    x += eps * np.sign(gradient)
    return np.clip(x, 0, 1)
