"""Wrong answers to the exercises of notebook 12."""

import numpy as np

# --- effective_rank(h) -> rank -------------------------------------------------------------------------------------


def _spread(h):
    return np.linalg.svd(h - h.mean(0), compute_uv=False) ** 2


def effective_rank_around_zero(h):
    """not subtracting the mean: a cloud far from 0 then looks like one long line, from 0 to the cloud. On the example
    you find {rank}, around its own centre it is {right_rank}."""
    spread = np.linalg.svd(h, compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


def effective_rank_of_the_rows(h):
    """subtracting the mean of each row: axis=1 centres every point over its features, so the cloud stays where it is.
    On the example {rank} in place of {right_rank}; the mean of each feature runs over axis 0."""
    spread = np.linalg.svd(h - h.mean(1, keepdims=True), compute_uv=False) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


def effective_rank_of_singular_values(h):
    """using the singular values as they are: variances are their squares. Unsquared, small directions count too much:
    {rank} on the example, {right_rank} with variances."""
    s = np.linalg.svd(h - h.mean(0), compute_uv=False)
    return s.sum() ** 2 / (s**2).sum()


def effective_rank_squared_twice(h):
    """squaring once too often: the eigenvalues of the covariance are variances already, and squaring them first lets
    the widest direction drown the others: {rank} on the example, not {right_rank}."""
    spread = _spread(h) ** 2
    return spread.sum() ** 2 / (spread**2).sum()


def effective_rank_as_the_rank(h):
    """counting the directions with any spread at all: that is the ordinary rank, {rank} on the example. A direction
    with a millionth of the spread counts as much as the widest; here it should hardly count: {right_rank}."""
    return float(np.linalg.matrix_rank(h - h.mean(0)))


def effective_rank_of_the_columns(h):
    """taking the variance of each column: correlated columns then count as if each had something new to say. On the
    example {rank}; the eigenvalues of the covariance matrix give {right_rank}."""
    var = h.var(0)
    return var.sum() ** 2 / (var**2).sum()


def effective_rank_of_correlations(h):
    """dividing each column by its standard deviation first: that is the effective rank *after* BatchNorm, and asked is
    the cloud as it is. (On the example, whose columns are equally wide, both are {right_rank}.)"""
    spread = _spread(h / h.std(0))
    return spread.sum() ** 2 / (spread**2).sum()


def effective_rank_upside_down(h):
    """turning the fraction over: sum(l^2) / sum(l)^2 is {rank} on the example, and never above 1. One over it is the
    number of directions, {right_rank}."""
    spread = _spread(h)
    return (spread**2).sum() / spread.sum() ** 2


def effective_rank_without_the_upper_square(h):
    """sum(l) / sum(l^2): then the answer depends on the units, a cloud twice as wide gets a quarter. On the example
    {rank}; with the square of the sum it is {right_rank}."""
    spread = _spread(h) / len(h)
    return spread.sum() / (spread**2).sum()


def effective_rank_of_means(h):
    """means in place of sums: mean(l)^2 / mean(l^2) is smaller by the number of directions, {rank} on the example
    instead of {right_rank}, and at most 1."""
    spread = _spread(h)
    return spread.mean() ** 2 / (spread**2).mean()


def effective_rank_by_the_widest(h):
    """dividing the sum by the largest: that is the *stable* rank, {rank} on the example. It ignores how the rest is
    spread; the participation ratio is {right_rank}."""
    spread = _spread(h)
    return spread.sum() / spread.max()


def effective_rank_by_entropy(h):
    """taking exp of the entropy: that is Roy and Vetterli's effective rank (with variances), {rank} on the example. A
    fine measure, but another one; this exercise wants the participation ratio, {right_rank}."""
    share = _spread(h) / _spread(h).sum()
    share = share[share > 0]
    return np.exp(-(share * np.log(share)).sum())


def effective_rank_at_95_percent(h):
    """counting how many directions hold 95 % of the spread: whole numbers only, {rank} on the example, and 95 is a
    choice. The participation ratio needs none: {right_rank}."""
    share = np.cumsum(_spread(h)) / _spread(h).sum()
    return float(1 + np.sum(share < 0.95))


effective_rank = [
    effective_rank_around_zero,
    effective_rank_of_the_rows,
    effective_rank_of_singular_values,
    effective_rank_squared_twice,
    effective_rank_as_the_rank,
    effective_rank_of_the_columns,
    effective_rank_of_correlations,
    effective_rank_upside_down,
    effective_rank_without_the_upper_square,
    effective_rank_of_means,
    effective_rank_by_the_widest,
    effective_rank_by_entropy,
    effective_rank_at_95_percent,
]


# --- verdict(low, high, margin) -> verdict ---------------------------------------------------------------------------

OPEN = "not settled here"


def verdict_against_zero(low, high, margin=0.0):
    """comparing with 0 in place of margin: "at least half a point" is another claim than "more than nothing". On the
    example, [-0.2, 0.3] against 0.5, you say {verdict}; all of it lies below 0.5: {right_verdict}."""
    return "true" if low > 0 else "false" if high < 0 else OPEN


def verdict_of_the_mean(low, high, margin=0.0):
    """looking at the middle alone: with [-1, 3] and margin 0 the middle is 1, but -1 is as possible. The interval is
    there to say so."""
    return "true" if (low + high) / 2 > margin else "false"


def verdict_of_the_best_case(low, high, margin=0.0):
    """calling it true as soon as the upper end reaches the margin: [-5, 0.6] against 0.5 would be "true". It could be
    true; true it is when the *lower* end is above."""
    return "true" if high > margin else "false"


def verdict_without_a_third_answer(low, high, margin=0.0):
    """ "not shown to be true" taken for "false": [-1, 3] against 0 says neither. An experiment that is too small proves
    nothing, least of all that there is no effect."""
    return "true" if low > margin else "false"


def verdict_of_any_difference(low, high, margin=0.0):
    """taking "significantly different" for "true": [-3, -1] against 0 is clearly different, in the other direction.
    That makes the claim false."""
    return "true" if low > margin or high < margin else OPEN


def verdict_the_wrong_way_round(low, high, margin=0.0):
    """true and false exchanged: [1, 3] against 0 lies above the margin, so the claim "the effect is larger" is true.
    On the example you say {verdict}, it is {right_verdict}."""
    return "false" if low > margin else "true" if high < margin else OPEN


def verdict_with_the_margin_below(low, high, margin=0.0):
    """comparing with -margin: then a small *loss* passes as an effect. On the example [-0.2, 0.3] is above -0.5, and
    you say {verdict}; against +0.5 it is {right_verdict}."""
    return "true" if low > -margin else "false" if high < -margin else OPEN


def verdict_open_around_zero(low, high, margin=0.0):
    """stopping as soon as 0 is inside: "not significant" is no answer to the question about 0.5. On the example
    [-0.2, 0.3] holds 0, and yet all of it lies below 0.5: {right_verdict}, you say {verdict}."""
    if low <= 0 <= high:
        return OPEN
    return "true" if low > margin else "false" if high < margin else OPEN


def verdict_by_the_width(low, high, margin=0.0):
    """comparing the width of the interval with the margin: a wide interval far above 0.5, such as [3, 9], settles the
    claim all the same. What counts is on which side of the margin it lies."""
    if high - low > margin:
        return OPEN
    return "true" if low > margin else "false"


def verdict_true_at_the_margin(low, high, margin=0.0):
    """>= in place of >: with the lower end at the margin itself, [0.5, 2] against 0.5, an effect of just 0.5 is still
    possible, and "larger than 0.5" is not shown."""
    return "true" if low >= margin else "false" if high < margin else OPEN


def verdict_false_at_the_margin(low, high, margin=0.0):
    """<= in place of <: [-1, 0.5] against 0.5 touches the margin, so this interval leaves the question open. It is a
    convention, and it is the same at both ends: strictly above, strictly below."""
    return "true" if low > margin else "false" if high <= margin else OPEN


def verdict_of_the_size(low, high, margin=0.0):
    """taking the size of the effect without its sign: [-3, -1] is larger than 0.5 "in size", and a harm. The claim
    says larger, so it is false."""
    if min(abs(low), abs(high)) > margin and low * high > 0:
        return "true"
    return "false" if max(abs(low), abs(high)) < margin else OPEN


def verdict_with_a_margin_of_its_own(low, high, margin=0.5):
    """another default: called without a margin, your function demands 0.5; the docstring says 0. So [0.1, 0.3] is no
    longer true."""
    return "true" if low > margin else "false" if high < margin else OPEN


verdict = [
    verdict_against_zero,
    verdict_of_the_mean,
    verdict_of_the_best_case,
    verdict_without_a_third_answer,
    verdict_of_any_difference,
    verdict_the_wrong_way_round,
    verdict_with_the_margin_below,
    verdict_open_around_zero,
    verdict_by_the_width,
    verdict_true_at_the_margin,
    verdict_false_at_the_margin,
    verdict_of_the_size,
    verdict_with_a_margin_of_its_own,
]


# --- fgsm(x, gradient, eps) -> image ---------------------------------------------------------------------------------


def fgsm_downhill(x, gradient, eps):
    """minus in place of plus: that is a step of training, it *lowers* the loss, and the net becomes surer of the right
    answer. On the example {image}, it should be {right_image}."""
    return np.clip(x - eps * np.sign(gradient), 0, 1)


def fgsm_without_the_sign(x, gradient, eps):
    """adding eps times the gradient: gradients with respect to pixels are tiny, 0.001 or so, and nothing would be seen
    of them. The sign lets every pixel go the whole eps: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient, 0, 1)


def fgsm_without_clipping(x, gradient, eps):
    """leaving out min and max: 1.1 is no grey level. A picture has values from 0 to 1, so cut off what lies outside:
    {right_image} on the example, yours {image}."""
    return x + eps * np.sign(gradient)


def fgsm_clipped_from_below_only(x, gradient, eps):
    """cutting off below 0 but not above 1: pixels can become whiter than white, {image} on the example. Both ends:
    {right_image}."""
    return np.maximum(x + eps * np.sign(gradient), 0)


def fgsm_clipped_to_minus_one(x, gradient, eps):
    """clipping to -1 and 1: these images go from 0 (black) to 1 (white), so -0.05 must become 0. On the example
    {image}, expected {right_image}."""
    return np.clip(x + eps * np.sign(gradient), -1, 1)


def fgsm_clipped_to_the_image(x, gradient, eps):
    """clipping to the smallest and largest pixel of the batch: an image may become darker than it was, as long as it
    stays between 0 and 1. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.sign(gradient), x.min(), x.max())


def fgsm_by_the_sign_of_the_image(x, gradient, eps):
    """the sign of x in place of the gradient's: pixels are 0 or more, so every inked pixel just gets brighter by eps,
    and the net was not asked. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.sign(x), 0, 1)


def fgsm_scaled_to_the_largest(x, gradient, eps):
    """dividing by the largest gradient: then 1 pixel goes the whole eps, and the others less. If each may move by eps,
    the loss rises most when each does: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient / np.abs(gradient).max(), 0, 1)


def fgsm_scaled_to_length_1(x, gradient, eps):
    """dividing by the length of the gradient: that is the strongest step of *length* eps. Here every single pixel may
    go eps: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * gradient / np.linalg.norm(gradient), 0, 1)


def fgsm_by_percent(x, gradient, eps):
    """multiplying by 1 + eps * sign: a black pixel, 0, then cannot move at all, and most of a digit's picture is black.
    Add: {right_image} on the example, yours {image}."""
    return np.clip(x * (1 + eps * np.sign(gradient)), 0, 1)


def fgsm_with_one_sign(x, gradient, eps):
    """one sign for all pixels, that of the mean: then the whole picture becomes brighter or darker by eps. Each pixel
    has its own: {right_image} on the example, yours {image}."""
    return np.clip(x + eps * np.sign(gradient.mean()), 0, 1)


def fgsm_upwards_only(x, gradient, eps):
    """gradient > 0 in place of its sign: True is 1 and False is 0, so pixels that should get darker stay as they are:
    {image} on the example, expected {right_image}."""
    return np.clip(x + eps * (gradient > 0), 0, 1)


def fgsm_moving_what_does_not_matter(x, gradient, eps):
    """counting a gradient of 0 as positive: where the loss does not depend on a pixel there is no reason to move it,
    and np.sign(0) is 0. {image} on the example, expected {right_image}."""
    return np.clip(x + eps * np.where(gradient >= 0, 1, -1), 0, 1)


def fgsm_in_grey_levels(x, gradient, eps):
    """dividing eps by 255: right for an eps in grey levels; this one is in the units of x, where white is 1. {image} on
    the example, expected {right_image}."""
    return np.clip(x + eps / 255 * np.sign(gradient), 0, 1)


def fgsm_the_change_alone(x, gradient, eps):
    """returning the change without the image: {image} on the example is what is to be added to x, and x is missing:
    {right_image}."""
    return eps * np.sign(gradient)


def fgsm_in_place(x, gradient, eps):
    """writing into x: x += ... changes the caller's images, and the next attack, with another eps, starts from the
    attacked ones. Write x = x + ..., which makes 1 new array."""
    x += eps * np.sign(gradient)
    return np.clip(x, 0, 1)


fgsm = [
    fgsm_downhill,
    fgsm_without_the_sign,
    fgsm_without_clipping,
    fgsm_clipped_from_below_only,
    fgsm_clipped_to_minus_one,
    fgsm_clipped_to_the_image,
    fgsm_by_the_sign_of_the_image,
    fgsm_scaled_to_the_largest,
    fgsm_scaled_to_length_1,
    fgsm_by_percent,
    fgsm_with_one_sign,
    fgsm_upwards_only,
    fgsm_moving_what_does_not_matter,
    fgsm_in_grey_levels,
    fgsm_the_change_alone,
    fgsm_in_place,
]
