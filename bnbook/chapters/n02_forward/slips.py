"""Wrong answers to the exercises of notebook 02."""

import numpy as np

from ..norm_numpy import batch_axes


def _standardize(x, axes, eps):
    """The right x_hat, mean and var, for slips whose mistake is elsewhere."""
    mean = x.mean(axes, keepdims=True)
    var = x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


def _columns(x, *vectors):
    return [np.reshape(v, (1, -1) + (1,) * (x.ndim - 2)) for v in vectors]


def _finish(x, x_hat, mean, var, gamma, beta):
    g, b = _columns(x, gamma, beta)
    return g * x_hat + b, np.ravel(mean), np.ravel(var)


# --- normalize(x, axes, eps) -> x_hat, mean, var -------------------------------------------------------------------


def normalize_dividing_by_m_minus_1(x, axes, eps=1e-5):
    """dividing the variance by m - 1: that estimates the spread of a population, but here the batch itself is to have
    variance 1. On the example your var is {var}; divided by m it is {right_var}. (np.var divides by m; ddof=1,
    torch.var and pandas divide by m - 1.)"""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True, ddof=1)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_eps_outside_the_root(x, axes, eps=1e-5):
    """adding eps to the standard deviation: the formula is sqrt(var + eps), with eps inside. With var = 0 and eps =
    1e-5 the inner form divides by 0.0032, the outer one by 0.00001, 316 times less."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / (np.sqrt(var) + eps), mean, var


def normalize_without_eps(x, axes, eps=1e-5):
    """leaving eps out: a column that is constant has var = 0, and you divide 0 by 0. With eps = 0.1, as in this check,
    every other column is off too. Divide by sqrt(var + eps)."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var), mean, var


def normalize_without_the_root(x, axes, eps=1e-5):
    """dividing by the variance, without the square root: x in metres has a variance in square metres, so x_hat would
    be in 1 / metres. On the example your x_hat starts with {x_hat}; it should start with {right_x_hat}. Divide by
    sqrt(var + eps)."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / (var + eps), mean, var


def normalize_adding_the_std(x, axes, eps=1e-5):
    """adding the standard deviation where it divides: some web pages say 'subtract the mean and add the standard
    deviation'. Then the mean of x_hat is the standard deviation, and its spread is what it was: on the example
    x_hat starts with {x_hat}, and it should start with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) + np.sqrt(var + eps), mean, var


def normalize_multiplying_by_the_std(x, axes, eps=1e-5):
    """multiplying by the standard deviation: a column with spread 10 then gets spread 100 and not 1. On the example
    x_hat starts with {x_hat}; divide, and it starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) * np.sqrt(var + eps), mean, var


def normalize_without_centring(x, axes, eps=1e-5):
    """not subtracting the mean: x / std has spread 1 but keeps its offset: on the example x_hat starts with {x_hat},
    all of one sign. It should start with {right_x_hat}, around 0."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return x / np.sqrt(var + eps), mean, var


def normalize_by_mean_square(x, axes, eps=1e-5):
    """taking the mean of x^2 for the variance: the variance is the mean of (x - mean)^2. On the example your var is
    {var}, it should be {right_var}; the difference is mean^2."""
    mean, var = x.mean(axes, keepdims=True), (x**2).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_in_one_pass(x, axes, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: true on paper, but in float32 with a mean of 10,000 both terms
    are near 100,000,000, where neighbouring float32 numbers lie 8 apart, so a variance of 1 is lost and can come
    out negative. Subtract the mean first, then square."""
    mean = x.mean(axes, keepdims=True)
    var = (x * x).mean(axes, keepdims=True) - mean * mean
    with np.errstate(invalid="ignore"):
        return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_by_mean_absolute_deviation(x, axes, eps=1e-5):
    """averaging |x - mean| in place of (x - mean)^2: that is the mean absolute deviation. On the example your var is
    {var}; the mean of the squares is {right_var}."""
    mean = x.mean(axes, keepdims=True)
    var = np.abs(x - mean).mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_summing(x, axes, eps=1e-5):
    """summing the squares without dividing by their number: your var is {var} on the example, 3 times what it should
    be, {right_var}, because 3 values were summed. Use the mean of the squared deviations."""
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).sum(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_to_the_range(x, axes, eps=1e-5):
    """scaling to the range 0 to 1: (x - min) / (max - min) is min-max scaling, where one outlier squeezes all the
    others. On the example x_hat starts with {x_hat}; it should start with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    low, high = x.min(axes, keepdims=True), x.max(axes, keepdims=True)
    return (x - low) / (high - low + eps), mean, var


def normalize_returning_std(x, axes, eps=1e-5):
    """returning the standard deviation in place of the variance: x_hat is right, but the third output is to be var. On
    the example you return {var}, its square is {right_var}."""
    x_hat, mean, var = _standardize(x, axes, eps)
    return x_hat, mean, np.sqrt(var)


def normalize_returning_var_plus_eps(x, axes, eps=1e-5):
    """returning var + eps: x_hat is right, but eps belongs to the division, not to the variance that is handed on. On
    the example you return {var}, the variance is {right_var}."""
    x_hat, mean, var = _standardize(x, axes, eps)
    return x_hat, mean, var + eps


def normalize_swapping_mean_and_var(x, axes, eps=1e-5):
    """returning x_hat, var, mean: the order is x_hat, mean, var. On the example your second output is {mean}; the mean
    is {right_mean}."""
    x_hat, mean, var = _standardize(x, axes, eps)
    return x_hat, var, mean


def normalize_without_keepdims(x, axes, eps=1e-5):
    """dropping the averaged axes of mean and var: x_hat is right, but the caller needs mean and var with those axes
    kept as 1, for example (1, 3, 1, 1) and not (3,), so that x - mean lines up. Use keepdims=True."""
    x_hat, mean, var = _standardize(x, axes, eps)
    return x_hat, mean.squeeze(axes), var.squeeze(axes)


def normalize_without_keepdims_anywhere(x, axes, eps=1e-5):
    """leaving out keepdims=True: in a table x - mean lines up all the same, (5, 3) with (3,). In images (5, 3, 4, 6)
    the 3 means line up with the last axis, of length 6, and it fails. Write x.mean(axes, keepdims=True), and var
    alike."""
    mean, var = x.mean(axes), x.var(axes)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_the_wrong_way_round(x, axes, eps=1e-5):
    """mean - x in place of x - mean: the spread is right, but the sign of every number is turned: x_hat starts with
    {x_hat} on the example, it should start with {right_x_hat}."""
    x_hat, mean, var = _standardize(x, axes, eps)
    return -x_hat, mean, var


def normalize_without_brackets(x, axes, eps=1e-5):
    """x - mean / sqrt(...) without brackets: Python divides first, so the spread stays what it was. On the example
    x_hat starts with {x_hat}; (x - mean) / sqrt(var + eps) starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return x - mean / np.sqrt(var + eps), mean, var


def normalize_adding_eps_last(x, axes, eps=1e-5):
    """adding eps after the division: it has to keep the denominator from being 0, and here it only shifts the result.
    On the example x_hat starts with {x_hat}; with sqrt(var + eps) it starts with {right_x_hat}."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var) + eps, mean, var


def normalize_dividing_by_N(x, axes, eps=1e-5):
    """dividing the sum of squares by len(x): right for a table, but in images (5, 3, 4, 6) averaged over axes
    (0, 2, 3) each channel has m = 5 * 4 * 6 = 120 values, not 5. The mean over axes counts them for you."""
    mean = x.mean(axes, keepdims=True)
    var = ((x - mean) ** 2).sum(axes, keepdims=True) / len(x)
    return (x - mean) / np.sqrt(var + eps), mean, var


def normalize_over_axis_0(x, axes, eps=1e-5):
    """always averaging over axis 0: the argument axes is not used. With axes (0, 2, 3) an image batch has one mean per
    channel; axis 0 alone leaves 24 means in a channel of 4 x 6 pixels. Pass axes on to mean and var."""
    return _standardize(x, (0,), eps)


def normalize_over_everything(x, axes, eps=1e-5):
    """averaging over the whole array: mean() and var() without axes give 1 number for everything, whatever axes says.
    Pass axes on, with keepdims=True."""
    return _standardize(x, tuple(range(x.ndim)), eps)


def normalize_over_the_other_axes(x, axes, eps=1e-5):
    """averaging over the axes that were to be kept: axes are the ones that disappear, as in np.mean(x, axes). With
    axes (0,) a 5 x 3 table has 3 means, one per column, not 5."""
    return _standardize(x, tuple(a for a in range(x.ndim) if a not in axes), eps)


def normalize_with_fixed_eps(x, axes, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. With eps = 0.1, as in this check, the denominator
    of a column with var 0 is 0.32, yours is 0.0032."""
    return _standardize(x, axes, 1e-5)


def normalize_with_another_default(x, axes, eps=1e-3):
    """another default for eps: called without eps, your function behaves as if it were 0.001 (TensorFlow's default),
    not 1e-5. It shows only where var is as small as eps."""
    return _standardize(x, axes, eps)


def normalize_with_squared_eps(x, axes, eps=1e-5):
    """squaring eps: eps stands in the formula as it is, sqrt(var + eps), in the units of x squared. With eps = 0.1 you
    add 0.01."""
    return _standardize(x, axes, eps**2)


def normalize_with_a_floor(x, axes, eps=1e-5):
    """taking the larger of var and eps: that also avoids a division by 0, but the formula adds: sqrt(var + eps). With
    var = 0.05 and eps = 0.1 you divide by 0.32, the formula by 0.39."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(np.maximum(var, eps)), mean, var


def normalize_in_place(x, axes, eps=1e-5):
    """writing into x: x -= mean changes the caller's array, who then trains on numbers that have lost their mean (here
    {right_mean} on the example). Write x = x - mean, which makes a new one."""
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x -= mean
    return x / np.sqrt(var + eps), mean, var


normalize = [
    normalize_dividing_by_m_minus_1,
    normalize_eps_outside_the_root,
    normalize_without_eps,
    normalize_without_the_root,
    normalize_adding_the_std,
    normalize_multiplying_by_the_std,
    normalize_without_centring,
    normalize_by_mean_square,
    normalize_in_one_pass,
    normalize_by_mean_absolute_deviation,
    normalize_summing,
    normalize_to_the_range,
    normalize_returning_std,
    normalize_returning_var_plus_eps,
    normalize_swapping_mean_and_var,
    normalize_without_keepdims,
    normalize_without_keepdims_anywhere,
    normalize_the_wrong_way_round,
    normalize_without_brackets,
    normalize_adding_eps_last,
    normalize_dividing_by_N,
    normalize_over_axis_0,
    normalize_over_everything,
    normalize_over_the_other_axes,
    normalize_with_fixed_eps,
    normalize_with_another_default,
    normalize_with_squared_eps,
    normalize_with_a_floor,
    normalize_in_place,
]


# --- batch_norm(x, gamma, beta, eps) -> y, mean, var ---------------------------------------------------------------


def dividing_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """dividing the variance by m - 1: BatchNorm normalizes by the variance of this very batch, divided by m. On the
    example your var is {var}, it should be {right_var}. (The m - 1 form has its place: PyTorch stores it in
    running_var.)"""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True, ddof=1)
    return _finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


def returning_the_unbiased_variance(x, gamma, beta, eps=1e-5):
    """returning the variance divided by m - 1: y is right, but var is to be the one that normalized, divided by m. On
    the example you return {var}, it should be {right_var}; update_running makes the m / (m - 1) correction later,
    once."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    m = x.size / x.shape[1]
    return _finish(x, x_hat, mean, var * m / (m - 1), gamma, beta)


def swapping_gamma_and_beta(x, gamma, beta, eps=1e-5):
    """swapping gamma and beta: y = gamma * x_hat + beta. gamma multiplies, beta is added. On the example your y starts
    with {y}, it should start with {right_y}."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), beta, gamma)


def without_gamma(x, gamma, beta, eps=1e-5):
    """leaving gamma out: every channel then has spread 1, and the network cannot choose another. At the start of
    training gamma is 1 and nobody notices; on the example it is 2 and -1, so y starts with {y} in place of
    {right_y}."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), np.ones_like(gamma), beta)


def without_beta(x, gamma, beta, eps=1e-5):
    """leaving beta out: y = gamma * x_hat keeps every channel centred at 0, whatever the next ReLU needs. A test with
    beta = 0 cannot see it; in the example the columns of y are to be centred at 1 and 5, yours start with {y}, not
    {right_y}."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), gamma, np.zeros_like(beta))


def without_gamma_and_beta(x, gamma, beta, eps=1e-5):
    """returning x_hat as y: normalizing is only half of the layer. The two vectors handed in, on the example gamma =
    (2, -1) and beta = (1, 5), are not used at all: y starts with {y}; scaled and shifted it starts with {right_y}."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), np.ones_like(gamma), np.zeros_like(beta))


def scaling_beta_too(x, gamma, beta, eps=1e-5):
    """gamma * (x_hat + beta): a bracket too many, the scale reaches beta. On the example the columns of your y are
    centred at gamma * beta = 2 and -5; they are to be centred at beta = 1 and 5."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), gamma, gamma * beta)


def subtracting_beta(x, gamma, beta, eps=1e-5):
    """subtracting beta: a minus where the formula has a plus. Your y is centred at -beta: it starts with {y} on the
    example, 2 * beta below {right_y}."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), gamma, -beta)


def scaling_before_normalizing(x, gamma, beta, eps=1e-5):
    """scaling and shifting x before it is normalized: normalizing takes both away again. gamma = 2 then changes y by
    nothing but eps: on the example y starts with {y}, it should start with {right_y}. First normalize, then gamma,
    beta."""
    g, b = _columns(x, gamma, beta)
    x_hat, mean, var = _standardize(g * x + b, batch_axes(x.ndim), eps)
    return x_hat, mean.ravel(), var.ravel()


def statistics_over_the_batch_alone(x, gamma, beta, eps=1e-5):
    """averaging over the batch alone, axis 0: right for a table (N, C), but in images of 4 x 6 pixels it gives each
    pixel position its own mean, 24 in every channel. A filter is the same everywhere, so BatchNorm averages over
    positions too."""
    x_hat, mean, var = _standardize(x, (0,), eps)
    axes = tuple(range(2, x.ndim))
    return _finish(x, x_hat, mean.mean(axes, keepdims=True), var.mean(axes, keepdims=True), gamma, beta)


def one_statistic_per_position(x, gamma, beta, eps=1e-5):
    """averaging over the batch alone, axis 0, and returning every mean: a batch of images (5, 3, 4, 6) then has 72
    means where BatchNorm has 3, one per channel. Average over batch_axes(x.ndim)."""
    g, b = _columns(x, gamma, beta)
    x_hat, mean, var = _standardize(x, (0,), eps)
    return g * x_hat + b, mean[0], var[0]


def statistics_per_image(x, gamma, beta, eps=1e-5):
    """averaging over the pixels of each image, without the batch: that is instance norm. A batch of 5 images with 3
    channels then has 15 means; BatchNorm has 3. Axis 0 belongs to the average."""
    axes = tuple(range(2, x.ndim)) or (0,)
    x_hat, mean, var = _standardize(x, axes, eps)
    return _finish(x, x_hat, mean.mean(0), var.mean(0), gamma, beta)


def statistics_per_example(x, gamma, beta, eps=1e-5):
    """averaging within each example, over its channels: that is layer norm. In a table 5 x 3 it makes 5 means, one per
    row; BatchNorm makes 3, one per column."""
    g, b = _columns(x, gamma, beta)
    x_hat, mean, var = _standardize(x, tuple(range(1, x.ndim)), eps)
    return g * x_hat + b, mean.ravel(), var.ravel()


def statistics_over_everything(x, gamma, beta, eps=1e-5):
    """one mean and variance for everything: 'over all the pixels in a batch' must be read per channel. On the example
    the columns have the means {right_mean}, and a common one is far from both. Keep axis 1 out of the average."""
    C = x.shape[1]
    x_hat, mean, var = _standardize(x, tuple(range(x.ndim)), eps)
    return _finish(x, x_hat, np.full(C, mean.item()), np.full(C, var.item()), gamma, beta)


def channels_taken_to_be_last(x, gamma, beta, eps=1e-5):
    """taking the last axis for the channels: right for (N, H, W, C), but here channels are axis 1, (N, C, H, W). For 6
    columns of pixels you return 6 means."""
    x_hat, mean, var = _standardize(x, tuple(range(x.ndim - 1)), eps)
    g, b = (gamma, beta) if x.shape[-1] == len(gamma) else (np.resize(v, x.shape[-1]) for v in (gamma, beta))
    return g * x_hat + b, mean.ravel(), var.ravel()


def mixing_channels_in_reshape(x, gamma, beta, eps=1e-5):
    """x.reshape(-1, C) without moving the channels to the end: reshape only recuts the row of numbers in memory, so
    for images each of your 3 columns holds pixels of all channels. Write np.moveaxis(x, 1, -1).reshape(-1, C), or
    use axes."""
    rows = x.reshape(-1, x.shape[1])
    x_hat, mean, var = _standardize(rows, (0,), eps)
    return (gamma * x_hat + beta).reshape(x.shape), mean.ravel(), var.ravel()


def averaging_the_variances_of_positions(x, gamma, beta, eps=1e-5):
    """averaging the variances of the pixel positions: each is taken around its own mean, so the spread *between*
    positions is lost. Two positions at 0 and 10 that never change have variance 0 each and 25 together. Use one
    mean per channel."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(0, keepdims=True).mean(axes, keepdims=True)
    return _finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


def averaging_the_variances_of_images(x, gamma, beta, eps=1e-5):
    """averaging the variances of the single images: the spread *between* images is lost. A black image (all 0) and a
    white one (all 1) have variance 0 each and 0.25 together. Take the variance over all axes but 1 at once."""
    axes = batch_axes(x.ndim)
    mean = x.mean(axes, keepdims=True)
    var = x.var(axes[1:], keepdims=True).mean(0, keepdims=True) if x.ndim > 2 else x.var(0, keepdims=True)
    return _finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


def vectors_along_the_last_axis(x, gamma, beta, eps=1e-5):
    """not reshaping gamma and beta: NumPy lines a vector of shape (3,) up with the *last* axis. For (5, 3, 4, 6) that
    is the axis of length 6, and it fails. Give them the shape (1, 3, 1, 1): gamma.reshape(1, -1, 1, 1), for any
    ndim."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return gamma * x_hat + beta, mean.ravel(), var.ravel()


def vectors_shaped_for_images(x, gamma, beta, eps=1e-5):
    """giving gamma and beta the shape (1, C, 1, 1) always: right for images, with 4 axes. A table (5, 3) then turns
    into (1, 3, 5, 3). The shape must have as many axes as x: gamma.reshape(1, -1, *[1] * (x.ndim - 2))."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1), mean.ravel(), var.ravel()


def without_keepdims(x, gamma, beta, eps=1e-5):
    """dropping the averaged axes before x - mean: in images (5, 3, 4, 6) the 3 means line up with the last axis, of
    length 6, and it fails. Keep them as 1 (keepdims=True, as normalize does), and reshape gamma and beta alike."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes), x.var(axes)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean, var


def images_only(x, gamma, beta, eps=1e-5):
    """fixing the axes to (0, 2, 3): right for images, but a table (N, C) has no axes 2 and 3. batch_axes(x.ndim) is
    (0,) for a table, (0, 2) for signals, (0, 2, 3) for images."""
    return _finish(x, *_standardize(x, (0, 2, 3), eps), gamma, beta)


def tables_only(x, gamma, beta, eps=1e-5):
    """written for tables: with axis 0 and no reshape it works for (N, C), and for images, (5, 3, 4, 6), gamma of shape
    (3,) does not line up. Average over batch_axes(x.ndim), and reshape gamma and beta to (1, C, 1, 1)."""
    mean, var = x.mean(0), x.var(0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean, var


def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    """adding eps to the standard deviation: it belongs inside the root, sqrt(var + eps). With var = 0 and eps = 0.1
    the inner form divides by 0.32, the outer one by 0.1."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return _finish(x, (x - mean) / (np.sqrt(var) + eps), mean, var, gamma, beta)


def without_eps(x, gamma, beta, eps=1e-5):
    """leaving eps out: it keeps a constant channel (var = 0) from a division by 0, and with eps = 0.1, as in this
    check, it shows in every channel. Divide by sqrt(var + eps)."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), 0.0), gamma, beta)


def with_fixed_eps(x, gamma, beta, eps=1e-5):
    """a fixed eps of 1e-5: the argument eps is ignored. If you call normalize, pass eps on. With eps = 0.1 and var = 0
    the denominator is 0.32, yours is 0.0032."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), 1e-5), gamma, beta)


def with_another_default(x, gamma, beta, eps=1e-3):
    """another default for eps: called without eps, your function uses 0.001 (TensorFlow's default) and not 1e-5. It
    shows only in a channel whose variance is about as small as eps."""
    return _finish(x, *_standardize(x, batch_axes(x.ndim), eps), gamma, beta)


def without_the_root(x, gamma, beta, eps=1e-5):
    """dividing by the variance, without the root: a channel ten times larger would come out ten times *smaller*. On
    the example y starts with {y}, it should start with {right_y}. Divide by sqrt(var + eps)."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return _finish(x, (x - mean) / (var + eps), mean, var, gamma, beta)


def adding_the_std(x, gamma, beta, eps=1e-5):
    """subtracting the mean and *adding* the standard deviation, as some web pages put it: the spread of each channel
    then stays what it was. On the example y starts with {y}, it should start with {right_y}. Divide."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return _finish(x, (x - mean) + np.sqrt(var + eps), mean, var, gamma, beta)


def without_centring(x, gamma, beta, eps=1e-5):
    """not subtracting the mean: x / std keeps the offset of the channel, {right_mean} on the example, in units of its
    standard deviation. y starts with {y}, it should start with {right_y}."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return _finish(x, x / np.sqrt(var + eps), mean, var, gamma, beta)


def in_one_pass(x, gamma, beta, eps=1e-5):
    """computing the variance as mean(x^2) - mean(x)^2: in float32 at a mean of 10,000 the two terms are near
    100,000,000, where neighbouring numbers lie 8 apart, so a variance of 1 drowns and can come out negative.
    Subtract first, then square."""
    axes = batch_axes(x.ndim)
    mean = x.mean(axes, keepdims=True)
    var = (x * x).mean(axes, keepdims=True) - mean * mean
    with np.errstate(invalid="ignore"):
        return _finish(x, (x - mean) / np.sqrt(var + eps), mean, var, gamma, beta)


def returning_the_std(x, gamma, beta, eps=1e-5):
    """returning the standard deviation in place of the variance: y is right, but the third output is var. On the
    example you return {var}, it should be {right_var}; running_var would average the wrong thing."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return _finish(x, x_hat, mean, np.sqrt(var), gamma, beta)


def returning_var_plus_eps(x, gamma, beta, eps=1e-5):
    """returning var + eps: y is right, but evaluation will add eps again. On the example you return {var}, it should
    be {right_var}."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return _finish(x, x_hat, mean, var + eps, gamma, beta)


def swapping_mean_and_var(x, gamma, beta, eps=1e-5):
    """returning y, var, mean: the order is y, mean, var. On the example your second output is {mean}, the mean is
    {right_mean}."""
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return _finish(x, x_hat, var, mean, gamma, beta)


def returning_the_statistics_of_y(x, gamma, beta, eps=1e-5):
    """returning mean and variance of the *output*: those are beta and nearly gamma^2, which nobody needs. The running
    statistics need those of x: on the example the mean is {right_mean}, you return {mean}."""
    y, _, _ = _finish(x, *_standardize(x, batch_axes(x.ndim), eps), gamma, beta)
    axes = batch_axes(x.ndim)
    return y, y.mean(axes), y.var(axes)


def keeping_the_axes_of_mean(x, gamma, beta, eps=1e-5):
    """returning mean and var with the averaged axes kept as 1: inside they are (1, 3, 1, 1), but what is returned is
    one number per channel, (3,): mean.ravel(), var.ravel()."""
    g, b = _columns(x, gamma, beta)
    x_hat, mean, var = _standardize(x, batch_axes(x.ndim), eps)
    return g * x_hat + b, mean, var


def in_place(x, gamma, beta, eps=1e-5):
    """writing into x: x -= mean changes the array of whoever called, and the backward pass, which needs x, would get
    numbers with mean 0 where they had {right_mean}. Write x - mean, which makes a new array."""
    axes = batch_axes(x.ndim)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x -= mean
    return _finish(x, x / np.sqrt(var + eps), mean, var, gamma, beta)


batch_norm = [
    dividing_by_m_minus_1,
    returning_the_unbiased_variance,
    swapping_gamma_and_beta,
    without_gamma,
    without_beta,
    without_gamma_and_beta,
    scaling_beta_too,
    subtracting_beta,
    scaling_before_normalizing,
    statistics_over_the_batch_alone,
    one_statistic_per_position,
    statistics_per_image,
    statistics_per_example,
    statistics_over_everything,
    channels_taken_to_be_last,
    mixing_channels_in_reshape,
    averaging_the_variances_of_positions,
    averaging_the_variances_of_images,
    vectors_along_the_last_axis,
    vectors_shaped_for_images,
    without_keepdims,
    images_only,
    tables_only,
    eps_outside_the_root,
    without_eps,
    with_fixed_eps,
    with_another_default,
    without_the_root,
    adding_the_std,
    without_centring,
    in_one_pass,
    returning_the_std,
    returning_var_plus_eps,
    swapping_mean_and_var,
    returning_the_statistics_of_y,
    keeping_the_axes_of_mean,
    in_place,
]
