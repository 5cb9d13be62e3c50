"""Wrong answers to the exercise `batch_norm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.grading.inputs import columns
from bnbook.norm_numpy import batch_axes

from .parts import finish, standardize


@slip_of("batch_norm", ask="Whose spread is to become 1: that of this batch, or that of all images there are?")
def dividing_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """dividing the variance by m - 1: BatchNorm normalizes by the variance of this very batch, divided by m. On the
    example your var is {var}, it should be {right_var}. (The m - 1 form has its place: PyTorch stores it in
    running_var.)"""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True, ddof=1)
    return finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="By which variance did you divide, and which one do you hand on?")
def returning_the_unbiased_variance(x, gamma, beta, eps=1e-5):
    """returning the variance divided by m - 1: y is right, but var is to be the one that normalized, divided by m. On
    the example you return {var}, it should be {right_var}; update_running makes the m / (m - 1) correction later,
    once."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    m = x.size / x.shape[1]
    return finish(x, x_hat, mean, var * m / (m - 1), gamma, beta)


@slip_of("batch_norm", ask="With gamma = 0, what should be left of y? What does yours leave?")
def swapping_gamma_and_beta(x, gamma, beta, eps=1e-5):
    """swapping gamma and beta: y = gamma * x_hat + beta. gamma multiplies, beta is added. On the example your y starts
    with {y}, it should start with {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), beta, gamma)


@slip_of("batch_norm", ask="Call yours with gamma twice as large: what changes in y?")
def without_gamma(x, gamma, beta, eps=1e-5):
    """leaving gamma out: every channel then has spread 1, and the network cannot choose another. At the start of
    training gamma is 1 and nobody notices; on the example it is 2 and -1, so y starts with {y} in place of
    {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), np.ones_like(gamma), beta)


@slip_of("batch_norm", ask="Call yours with another beta: what changes in y?")
def without_beta(x, gamma, beta, eps=1e-5):
    """leaving beta out: y = gamma * x_hat keeps every channel centred at 0, whatever the next ReLU needs. A test with
    beta = 0 cannot see it; in the example the columns of y are to be centred at 1 and 5, yours start with {y}, not
    {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, np.zeros_like(beta))


@slip_of("batch_norm", ask="Which of the four arguments does your last line use?")
def without_gamma_and_beta(x, gamma, beta, eps=1e-5):
    """returning x_hat as y: normalizing is only half of the layer. The two vectors handed in, on the example gamma =
    (2, -1) and beta = (1, 5), are not used at all: y starts with {y}; scaled and shifted it starts with {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), np.ones_like(gamma), np.zeros_like(beta))


@slip_of("batch_norm", ask="What should the mean of a channel of y be, in terms of gamma and beta?")
def scaling_beta_too(x, gamma, beta, eps=1e-5):
    """gamma * (x_hat + beta): a bracket too many, the scale reaches beta. On the example the columns of your y are
    centred at gamma * beta = 2 and -5; they are to be centred at beta = 1 and 5."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, gamma * beta)


@slip_of("batch_norm", ask="With beta = 5, around which number should that channel of y lie?")
def subtracting_beta(x, gamma, beta, eps=1e-5):
    """subtracting beta: a minus where the formula has a plus. Your y is centred at -beta: it starts with {y} on the
    example, 2 * beta below {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, -beta)


@slip_of("batch_norm", ask="What does normalizing do to a column that was multiplied by 2 just before?")
def scaling_before_normalizing(x, gamma, beta, eps=1e-5):
    """scaling and shifting x before it is normalized: normalizing takes both away again. gamma = 2 then changes y by
    nothing but eps: on the example y starts with {y}, it should start with {right_y}. First normalize, then gamma,
    beta."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(g * x + b, batch_axes(x.ndim), eps)
    return x_hat, mean.ravel(), var.ravel()


@slip_of(
    "batch_norm",
    ask="How many means does a channel of an image batch get in yours? And what is the same at every position?",
)
def statistics_over_the_batch_alone(x, gamma, beta, eps=1e-5):
    """averaging over the batch alone, axis 0: right for a table (N, C), but in images of 4 x 6 pixels it gives each
    pixel position its own mean, 24 in every channel. A filter is the same everywhere, so BatchNorm averages over
    positions too."""
    x_hat, mean, var = standardize(x, (0,), eps)
    axes = tuple(range(2, x.ndim))
    return finish(x, x_hat, mean.mean(axes, keepdims=True), var.mean(axes, keepdims=True), gamma, beta)


@slip_of("batch_norm", ask="Which shape has your mean for images (5, 3, 4, 6), and how many channels are there?")
def one_statistic_per_position(x, gamma, beta, eps=1e-5):
    """averaging over the batch alone, axis 0, and returning every mean: a batch of images (5, 3, 4, 6) then has 72
    means where BatchNorm has 3, one per channel. Average over batch_axes(x.ndim)."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(x, (0,), eps)
    return g * x_hat + b, mean[0], var[0]


@slip_of("batch_norm", ask="If I exchange the second image of the batch, does y of the first change? Should it?")
def statistics_per_image(x, gamma, beta, eps=1e-5):
    """averaging over the pixels of each image, without the batch: that is instance norm. A batch of 5 images with 3
    channels then has 15 means; BatchNorm has 3. Axis 0 belongs to the average."""
    axes = tuple(range(2, x.ndim)) or (0,)
    x_hat, mean, var = standardize(x, axes, eps)
    return finish(x, x_hat, mean.mean(0), var.mean(0), gamma, beta)


@slip_of("batch_norm", ask="For a table 5 x 3: five means or three?")
def statistics_per_example(x, gamma, beta, eps=1e-5):
    """averaging within each example, over its channels: that is layer norm. In a table 5 x 3 it makes 5 means, one per
    row; BatchNorm makes 3, one per column."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(x, tuple(range(1, x.ndim)), eps)
    return g * x_hat + b, mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="One channel is 20 times as wide as the other. What are their spreads after yours?")
def statistics_over_everything(x, gamma, beta, eps=1e-5):
    """one mean and variance for everything: 'over all the pixels in a batch' must be read per channel. On the example
    the columns have the means {right_mean}, and a common one is far from both. Keep axis 1 out of the average."""
    C = x.shape[1]
    x_hat, mean, var = standardize(x, tuple(range(x.ndim)), eps)
    return finish(x, x_hat, np.full(C, mean.item()), np.full(C, var.item()), gamma, beta)


@slip_of("batch_norm", ask="Where do the channels stand in (N, C, H, W), counted from 0?")
def channels_taken_to_be_last(x, gamma, beta, eps=1e-5):
    """taking the last axis for the channels: right for (N, H, W, C), but here channels are axis 1, (N, C, H, W). For 6
    columns of pixels you return 6 means."""
    x_hat, mean, var = standardize(x, tuple(range(x.ndim - 1)), eps)
    g, b = (gamma, beta) if x.shape[-1] == len(gamma) else (np.resize(v, x.shape[-1]) for v in (gamma, beta))
    return g * x_hat + b, mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="np.arange(6).reshape(1, 3, 2).reshape(-1, 3): which channels are in column 0?")
def mixing_channels_in_reshape(x, gamma, beta, eps=1e-5):
    """x.reshape(-1, C) without moving the channels to the end: reshape only recuts the row of numbers in memory, so
    for images each of your 3 columns holds pixels of all channels. Write np.moveaxis(x, 1, -1).reshape(-1, C), or
    use axes."""
    rows = x.reshape(-1, x.shape[1])
    x_hat, mean, var = standardize(rows, (0,), eps)
    return (gamma * x_hat + beta).reshape(x.shape), mean.ravel(), var.ravel()


@slip_of(
    "batch_norm",
    ask="Two pixels, one always 0, the other always 10: what is the variance of all their values? And by yours?",
)
def averaging_the_variances_of_positions(x, gamma, beta, eps=1e-5):
    """averaging the variances of the pixel positions: each is taken around its own mean, so the spread *between*
    positions is lost. Two positions at 0 and 10 that never change have variance 0 each and 25 together. Use one
    mean per channel."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(0, keepdims=True).mean(axes, keepdims=True)
    return finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="A black image and a white one: what is the variance of all their pixels? And by yours?")
def averaging_the_variances_of_images(x, gamma, beta, eps=1e-5):
    """averaging the variances of the single images: the spread *between* images is lost. A black image (all 0) and a
    white one (all 1) have variance 0 each and 0.25 together. Take the variance over all axes but 1 at once."""
    axes = batch_axes(x.ndim)
    mean = x.mean(axes, keepdims=True)
    var = x.var(axes[1:], keepdims=True).mean(0, keepdims=True) if x.ndim > 2 else x.var(0, keepdims=True)
    return finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="With which axis of (5, 3, 4, 6) does NumPy line up a vector of 3?")
def vectors_along_the_last_axis(x, gamma, beta, eps=1e-5):
    """not reshaping gamma and beta: NumPy lines a vector of shape (3,) up with the *last* axis. For (5, 3, 4, 6) that
    is the axis of length 6, and it fails. Give them the shape (1, 3, 1, 1): gamma.reshape(1, -1, 1, 1), for any
    ndim."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return gamma * x_hat + beta, mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="Which shape has your gamma times a table (5, 3)?")
def vectors_shaped_for_images(x, gamma, beta, eps=1e-5):
    """giving gamma and beta the shape (1, C, 1, 1) always: right for images, with 4 axes. A table (5, 3) then turns
    into (1, 3, 5, 3). The shape must have as many axes as x: gamma.reshape(1, -1, *[1] * (x.ndim - 2))."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1), mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="Which shape has your mean for images, and with which axis does it line up in x - mean?")
def without_keepdims(x, gamma, beta, eps=1e-5):
    """dropping the averaged axes before x - mean: in images (5, 3, 4, 6) the 3 means line up with the last axis, of
    length 6, and it fails. Keep them as 1 (keepdims=True, as normalize does), and reshape gamma and beta alike."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes), x.var(axes)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean, var


@slip_of("batch_norm", ask="What does yours do with a table (5, 3)?")
def images_only(x, gamma, beta, eps=1e-5):
    """fixing the axes to (0, 2, 3): right for images, but a table (N, C) has no axes 2 and 3. batch_axes(x.ndim) is
    (0,) for a table, (0, 2) for signals, (0, 2, 3) for images."""
    return finish(x, *standardize(x, (0, 2, 3), eps), gamma, beta)


@slip_of("batch_norm", ask="Which shape has x.mean(0) for images (5, 3, 4, 6)? How many means should there be?")
def tables_only(x, gamma, beta, eps=1e-5):
    """written for tables: with axis 0 and no reshape it works for (N, C), and for images, (5, 3, 4, 6), gamma of shape
    (3,) does not line up. Average over batch_axes(x.ndim), and reshape gamma and beta to (1, C, 1, 1)."""
    mean, var = x.mean(0), x.var(0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean, var


@slip_of("batch_norm", ask="What does yours divide by where var is 0 and eps 0.1, and what does the formula?")
def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    """adding eps to the standard deviation: it belongs inside the root, sqrt(var + eps). With var = 0 and eps = 0.1
    the inner form divides by 0.32, the outer one by 0.1."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return finish(x, (x - mean) / (np.sqrt(var) + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="What comes out for a channel whose numbers are all the same?")
def without_eps(x, gamma, beta, eps=1e-5):
    """leaving eps out: it keeps a constant channel (var = 0) from a division by 0, and with eps = 0.1, as in this
    check, it shows in every channel. Divide by sqrt(var + eps)."""
    return finish(x, *standardize(x, batch_axes(x.ndim), 0.0), gamma, beta)


@slip_of("batch_norm", ask="If I call yours with eps=0.1 and with eps=10, do the results differ?")
def with_fixed_eps(x, gamma, beta, eps=1e-5):
    """a fixed eps of 1e-5: the argument eps is ignored. If you call normalize, pass eps on. With eps = 0.1 and var = 0
    the denominator is 0.32, yours is 0.0032."""
    return finish(x, *standardize(x, batch_axes(x.ndim), 1e-5), gamma, beta)


@slip_of("batch_norm", ask="Read the first line of your function beside ours: what is different?")
def with_another_default(x, gamma, beta, eps=1e-3):
    """another default for eps: called without eps, your function uses 0.001 (TensorFlow's default) and not 1e-5. It
    shows only in a channel whose variance is about as small as eps."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, beta)


@slip_of("batch_norm", ask="A channel ten times as large: how large is it after yours?")
def without_the_root(x, gamma, beta, eps=1e-5):
    """dividing by the variance, without the root: a channel ten times larger would come out ten times *smaller*. On
    the example y starts with {y}, it should start with {right_y}. Divide by sqrt(var + eps)."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return finish(x, (x - mean) / (var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="What is the standard deviation of your y, channel by channel, with gamma 1?")
def adding_the_std(x, gamma, beta, eps=1e-5):
    """subtracting the mean and *adding* the standard deviation, as some web pages put it: the spread of each channel
    then stays what it was. On the example y starts with {y}, it should start with {right_y}. Divide."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return finish(x, (x - mean) + np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="What is the mean of your y, channel by channel, with beta 0?")
def without_centring(x, gamma, beta, eps=1e-5):
    """not subtracting the mean: x / std keeps the offset of the channel, {right_mean} on the example, in units of its
    standard deviation. y starts with {y}, it should start with {right_y}."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return finish(x, x / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="In float32, how far apart are two neighbouring numbers near 100,000,000?")
def in_one_pass(x, gamma, beta, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: in float32 at a mean of 10,000 the two terms are near
    100,000,000, where neighbouring numbers lie 8 apart, so a variance of 1 drowns and can come out negative.
    Subtract first, then square."""
    axes = batch_axes(x.ndim)
    mean = x.mean(axes, keepdims=True)
    var = (x * x).mean(axes, keepdims=True) - mean * mean
    with np.errstate(invalid="ignore"):
        return finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="Square your third output: which of the two is called var in the formula?")
def returning_the_std(x, gamma, beta, eps=1e-5):
    """returning the standard deviation in place of the variance: y is right, but the third output is var. On the
    example you return {var}, it should be {right_var}; running_var would average the wrong thing."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return finish(x, x_hat, mean, np.sqrt(var), gamma, beta)


@slip_of("batch_norm", ask="What does x.var say for the same axes, and who will add eps again later?")
def returning_var_plus_eps(x, gamma, beta, eps=1e-5):
    """returning var + eps: y is right, but evaluation will add eps again. On the example you return {var}, it should
    be {right_var}."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return finish(x, x_hat, mean, var + eps, gamma, beta)


@slip_of("batch_norm", ask="Which of your outputs should be near the numbers of x themselves?")
def swapping_mean_and_var(x, gamma, beta, eps=1e-5):
    """returning y, var, mean: the order is y, mean, var. On the example your second output is {mean}, the mean is
    {right_mean}."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return finish(x, x_hat, var, mean, gamma, beta)


@slip_of("batch_norm", ask="Of what are the mean and the variance that evaluation will need: of x or of y?")
def returning_the_statistics_of_y(x, gamma, beta, eps=1e-5):
    """returning mean and variance of the *output*: those are beta and nearly gamma^2, which nobody needs. The running
    statistics need those of x: on the example the mean is {right_mean}, you return {mean}."""
    y, _, _ = finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, beta)
    axes = batch_axes(x.ndim)
    return y, y.mean(axes), y.var(axes)


@slip_of("batch_norm", ask="Which shape has your mean for images? What does the docstring want?")
def keeping_the_axes_of_mean(x, gamma, beta, eps=1e-5):
    """returning mean and var with the averaged axes kept as 1: inside they are (1, 3, 1, 1), but what is returned is
    one number per channel, (3,): mean.ravel(), var.ravel()."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return g * x_hat + b, mean, var


@slip_of("batch_norm", ask="Print x before and after the call: whose numbers have changed?")
def in_place(x, gamma, beta, eps=1e-5):
    """writing into x: x -= mean changes the array of whoever called, and the backward pass, which needs x, would get
    numbers with mean 0 where they had {right_mean}. Write x - mean, which makes a new array."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x -= mean
    return finish(x, x / np.sqrt(var + eps), mean, var, gamma, beta)


@slip_of("batch_norm", ask="What happens in yours to a channel whose gamma is -1?")
def squaring_gamma(x, gamma, beta, eps=1e-5):
    """squaring gamma: gamma scales a standard deviation, so it stands in the formula as it is. A gamma of 1 hides it; a
    negative one loses its sign: on the example gamma is 2 and -1, and y starts with {y}, not with {right_y}."""
    return finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma**2, beta)


@slip_of("batch_norm", ask="Which shape has your mean for images (5, 3, 4, 6)?")
def taking_only_the_first_entry_of_mean(x, gamma, beta, eps=1e-5):
    """returning mean[0] and var[0]: in a table that takes the averaged axis away, (1, 3) to (3,). For images mean is
    (1, 3, 1, 1) and mean[0] is (3, 1, 1): two axes are left. mean.ravel() is (3,) for any number of axes."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return g * x_hat + b, mean[0], var[0]


@slip_of("batch_norm", ask="How many axes has mean if x is a table?")
def indexing_mean_as_for_images(x, gamma, beta, eps=1e-5):
    """indexing with [0, :, 0, 0]: that fits images, where mean has 4 axes, (1, 3, 1, 1). Of a table it has 2, and NumPy
    raises IndexError, too many indices. Flatten it with ravel(), whatever its number of axes."""
    g, b = columns(x, gamma, beta)
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return g * x_hat + b, mean[0, :, 0, 0], var[0, :, 0, 0]


@slip_of("batch_norm", ask="Which shape has your gamma times a table (5, 3)?")
def vectors_with_two_axes_behind(x, gamma, beta, eps=1e-5):
    """giving gamma and beta the shape (C, 1, 1) always: right for images. A table (5, 3) times (3, 1, 1) is a block
    (3, 5, 3), and for volumes they line up with another axis. As many 1s are needed as x has axes after the channels:
    gamma.reshape(-1, *[1] * (x.ndim - 2))."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return gamma[:, None, None] * x_hat + beta[:, None, None], mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="How many axes stand behind the channels in a table, in signals, in images?")
def vectors_as_a_column(x, gamma, beta, eps=1e-5):
    """a column for the vectors, gamma[:, None]: that suits signals (N, C, L), where one axis follows the channels. In a
    table none does, so 5 rows meet 3 and NumPy refuses; in images two do. The number of 1s after C must be
    x.ndim - 2."""
    x_hat, mean, var = standardize(x, batch_axes(x.ndim), eps)
    return gamma[:, None] * x_hat + beta[:, None], mean.ravel(), var.ravel()


@slip_of("batch_norm", ask="How many channels has the example, and how many means do you return?")
def returning_one_channels_statistics(x, gamma, beta, eps=1e-5):
    """returning the mean and the variance of channel 0 alone: y is right, but every channel has its own. On the example
    you return the mean {mean}, and there are two: {right_mean}."""
    y, mean, var = finish(x, *standardize(x, batch_axes(x.ndim), eps), gamma, beta)
    return y, mean[0], var[0]
