"""Wrong answers to the exercise `batch_norm_eval`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.grading.inputs import columns
from bnbook.norm_numpy import batch_axes, normalize
from bnbook.norm_numpy import batch_norm as _batch_norm
from bnbook.norm_numpy import batch_norm_eval as _batch_norm_eval

# --- batch_norm_eval(x, gamma, beta, running_mean, running_var, eps) -> y -------------------------------------------


@slip_of(
    "batch_norm_eval", ask="What does yours give for a batch of one image? And where do the stored numbers come in?"
)
def eval_by_the_batch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """normalizing by the statistics of this batch: that is training mode. The two vectors handed in are not used, the
    answer for an image depends on its companions, and a batch of 1 has no spread at all. On the example y starts with
    {y}; with the stored statistics it starts with {right_y}."""
    g, b = columns(x, gamma, beta)
    return g * normalize(x, batch_axes(x.ndim), eps)[0] + b


@slip_of("batch_norm_eval", ask="Which of your lines uses running_mean?")
def eval_calling_batch_norm(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """calling batch_norm: that computes the mean and the variance of this very batch, and refuses a batch of 1. Take
    running_mean and running_var, (2, 10) and (4, 25) on the example: then y starts with {right_y} and not with {y}."""
    return _batch_norm(x, gamma, beta, eps)[0]


@slip_of("batch_norm_eval", ask="What is x minus the mean of the batch if there is one image in it?")
def eval_with_half_of_each(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """taking the mean from the batch and the variance from the store: then an image alone in its batch is its own mean,
    and y is beta, whatever the image. Both come from the store: y starts with {right_y} on the example, yours with
    {y}."""
    mean = np.asarray(x, np.float64).mean(batch_axes(x.ndim))
    return _batch_norm_eval(x, gamma, beta, mean, running_var, eps)


@slip_of("batch_norm_eval", ask="What does yours give for an x that is exactly running_mean? What should it be?")
def eval_without_the_mean(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """not subtracting running_mean: the network was trained on centred channels and now gets them with their offset. On
    the example y starts with {y}, it should start with {right_y}."""
    return _batch_norm_eval(x, gamma, beta, np.zeros_like(running_mean), running_var, eps)


@slip_of("batch_norm_eval", ask="What does yours give for an x that is exactly running_mean? What should it be?")
def eval_adding_the_mean(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """adding running_mean: a plus where the formula has a minus, so the offset doubles in place of vanishing: y starts
    with {y} on the example, not {right_y}."""
    return _batch_norm_eval(x, gamma, beta, -np.asarray(running_mean), running_var, eps)


@slip_of(
    "batch_norm_eval", ask="Which of the two stored vectors do you take the root of, and can that one be negative?"
)
def eval_with_mean_and_var_exchanged(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """running_mean and running_var exchanged: you subtract a variance and take the root of a mean, which is nan where
    that is negative. On the example y starts with {y}, it should start with {right_y}."""
    return _batch_norm_eval(x, gamma, beta, running_var, running_mean, eps)


@slip_of("batch_norm_eval", ask="With running_var 4, by how much should x be divided?")
def eval_without_the_root(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """dividing by running_var + eps without the root: running_var is a variance. A channel with variance 4 is to be
    divided by 2, you divide by 4. On the example y starts with {y} in place of {right_y}."""
    g, b, mean, var = columns(x, gamma, beta, running_mean, running_var)
    return g * (x - mean) / (var + eps) + b


@slip_of("batch_norm_eval", ask="In which units is running_mean: those of x, or those of y?")
def eval_subtracting_after_scaling(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """scale * x - running_mean + beta: the mean is in the units of x and has to be scaled together with it. Either
    (x - mean) * scale, or the shift beta - mean * scale. On the example y starts with {y}, not {right_y}."""
    g, b, mean, var = columns(x, gamma, beta, running_mean, running_var)
    return x * g / np.sqrt(var + eps) - mean + b


@slip_of("batch_norm_eval", ask="For one image m is 1: by what do you divide? And who made that correction already?")
def eval_correcting_again(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """multiplying running_var by m / (m - 1): update_running did that when it stored it. And m is a property of the
    training batches, not of the batch that is evaluated: for one image you divide by 0."""
    m = x.size / x.shape[1]
    with np.errstate(all="ignore"):
        return _batch_norm_eval(x, gamma, beta, running_mean, running_var * np.float64(m) / (m - 1), eps)


@slip_of("batch_norm_eval", ask="With gamma = 0, what should be left of y? What does yours leave?")
def eval_swapping_gamma_and_beta(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """swapping gamma and beta: gamma multiplies and beta is added, in evaluation as in training. On the example y
    should start with {right_y}, and yours with {y}."""
    return _batch_norm_eval(x, beta, gamma, running_mean, running_var, eps)


@slip_of("batch_norm_eval", ask="Call yours with gamma twice as large: what changes in y?")
def eval_without_gamma(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving gamma out: the scale was learned together with everything behind it. As long as gamma is 1 nobody
    notices; on the example it is 2 and -1."""
    return _batch_norm_eval(x, None, beta, running_mean, running_var, eps)


@slip_of("batch_norm_eval", ask="Call yours with another beta: what changes in y?")
def eval_without_beta(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving beta out: every channel is then centred at 0 again, which is not where training left it. The example has
    beta = 1 and 5, so y starts with {right_y}; yours starts with {y}."""
    return _batch_norm_eval(x, gamma, None, running_mean, running_var, eps)


@slip_of("batch_norm_eval", ask="With running_var 0 and eps 0.1, what does yours divide by, and what does training?")
def eval_with_eps_outside(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """eps outside the root: sqrt(running_var + eps), as in training. With a stored variance of 0 and eps = 0.1 the
    right divisor is 0.32, yours 0.1."""
    g, b, mean, var = columns(x, gamma, beta, running_mean, running_var)
    return g * (x - mean) / (np.sqrt(var) + eps) + b


@slip_of("batch_norm_eval", ask="A channel that never varied in training has running_var 0. What do you divide by?")
def eval_without_eps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """no eps: a channel that never varied in training has running_var near 0, and you divide by that. The same eps as
    in training belongs inside the root: with eps = 0.1 no divisor is below 0.32."""
    with np.errstate(all="ignore"):
        return _batch_norm_eval(x, gamma, beta, running_mean, running_var, 0.0)


@slip_of("batch_norm_eval", ask="If I call yours with eps=0.1 and with eps=10, do the results differ?")
def eval_with_fixed_eps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """1e-5 written into the formula: the argument eps does nothing. A net trained with eps = 0.1 needs 0.1 here too."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, 1e-5)


@slip_of("batch_norm_eval", ask="Read the first line of your function beside ours: what is different?")
def eval_with_another_default(x, gamma, beta, running_mean, running_var, eps=1e-3):
    """a default of 0.001 for eps, as in Keras: the course and PyTorch take 1e-5, and training and evaluation must
    agree."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps)


@slip_of("batch_norm_eval", ask="With which axis of (5, 3, 4, 6) does NumPy line up a vector of 3?")
def eval_vectors_along_the_last_axis(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """vectors not reshaped: NumPy lines up a (C,) vector with the last axis, which is the channel axis only in a table
    (N, C). For images all four vectors need the shape (1, C, 1, 1)."""
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta


@slip_of("batch_norm_eval", ask="Print the shapes of all four vectors, just before they are used: are they alike?")
def eval_with_one_vector_not_reshaped(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """running_var not reshaped: the other three line up with axis 1, this one with the last axis. A table (5, 3) does
    not show it, images (5, 3, 4, 6) do."""
    g, b, mean = columns(x, gamma, beta, running_mean)
    return g * (x - mean) / np.sqrt(running_var + eps) + b


@slip_of("batch_norm_eval", ask="Which shape has your gamma times a table (5, 3)?")
def eval_for_images_only(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """reshape(1, -1, 1, 1) for every input: right for images, but a table (5, 3) becomes (5, 3, 5, 3) or fails. As many
    ones as x has axes behind axis 1: [1] * (x.ndim - 2)."""
    g, b, mean, var = (np.reshape(v, (1, -1, 1, 1)) for v in (gamma, beta, running_mean, running_var))
    return g * (x - mean) / np.sqrt(var + eps) + b


@slip_of("batch_norm_eval", ask="How many outputs does the docstring name?")
def eval_returning_statistics(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """returning y together with the statistics: batch_norm computes a mean and a variance and hands them on; here they
    came in as arguments, so there is 1 output, y."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps), running_mean, running_var


@slip_of("batch_norm_eval", ask="Print running_mean before and after the call: what would the next test image meet?")
def eval_updating(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """moving running_mean: evaluation would then learn from the test images, and the second image would get other
    statistics than the first. Running statistics move in training mode only; here they are read, 0 times written."""
    y = _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps)
    running_mean += 0.1 * (x.mean(batch_axes(x.ndim)) - running_mean)
    return y
