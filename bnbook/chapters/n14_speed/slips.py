"""Wrong answers to the exercises of notebook 14."""

import numpy as np

# --- lean_batch_norm(x, gamma, beta, eps) -> y, mean, var (and its peak of memory) ------------------------------------


def _lean(x, gamma, beta, eps, statistics=None, inside=True):
    """The finished one, with its parts open to mistakes."""
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = planes.sum((0, 2)) / m
    y = planes - mean[:, None]
    var = np.einsum("ncs,ncs->c", y, y) / m
    if statistics:
        mean, var = statistics(mean, var, m)
    y *= (gamma / (np.sqrt(var + eps) if inside else np.sqrt(var) + eps))[:, None]
    y += beta[:, None]
    return y.reshape(x.shape), mean, var


def the_textbook_with_its_temporaries(x, gamma, beta, eps=1e-5):
    """one formula for y: right, but every operation in it makes an array as large as x. At its peak it holds 3
    activations beyond x, and 1, y itself, is enough: make y = x - mean, then y *= ... and y += ..."""
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean, var = x.mean(axes), x.var(axes)
    x_hat = (x - mean.reshape(column)) / np.sqrt(var + eps).reshape(column)
    y = x_hat * gamma.reshape(column)
    y = y + beta.reshape(column)
    return y, mean, var


def squares_as_a_temporary(x, gamma, beta, eps=1e-5):
    """(y * y).mean(...) for the variance, or y = y * ... for y *= ..., or any other second array as large as x: the
    peak is 2 activations in place of 1. np.einsum('ncs,ncs->c', y, y) adds the products up without keeping them."""
    planes = x.reshape(*x.shape[:2], -1)
    mean = planes.mean((0, 2))
    y = planes - mean[:, None]
    var = (y * y).mean((0, 2))
    y *= (gamma / np.sqrt(var + eps))[:, None]
    y += beta[:, None]
    return y.reshape(x.shape), mean, var


def the_variance_from_x(x, gamma, beta, eps=1e-5):
    """x where y should stand in the einsum: the mean of x squared, which is the variance plus the square of the mean.
    On the example your var is {var}, it is {right_var}. The squares are those of y = x - mean."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var + mean * mean))


def dividing_by_m_minus_1(x, gamma, beta, eps=1e-5):
    """the variance divided by m - 1: on the example {var}, with m = 3 it is {right_var}. BatchNorm normalizes by the
    biased one; m - 1 belongs to the running variance."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m / (m - 1)))


def forgetting_to_divide_by_m(x, gamma, beta, eps=1e-5):
    """the sum of the squares, not their mean: einsum adds up and divides by nothing, so var is {var} in place of
    {right_var} on the example, where m = 3."""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m))


def dividing_by_the_images(x, gamma, beta, eps=1e-5):
    """the squares divided by N: a channel has m = N * S values, 120 in x (5, 3, 4, 6) and not 5. x.size // C counts
    them. (In a table, such as the example, N and m are the same.)"""
    return _lean(x, gamma, beta, eps, lambda mean, var, m: (mean, var * m / len(x)))


def raw_sums(x, gamma, beta, eps=1e-5):
    """mean(x^2) - mean(x)^2 for the variance: no pass over y, and the idea of the next step, `line`. But around 10,000
    in float32 both terms agree in all 7 digits, and what is left is noise (notebook 02). Square y = x - mean."""
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = planes.sum((0, 2)) / m
    var = np.einsum("ncs,ncs->c", planes, planes) / m - mean * mean
    with np.errstate(invalid="ignore"):
        slope = gamma / np.sqrt(var + eps)
    y = planes * slope[:, None]
    y += (beta - mean * slope)[:, None]
    return y.reshape(x.shape), mean, var


def a_fixed_eps(x, gamma, beta, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored. Called with 0.1 the example is {y}, expected
    {right_y}."""
    return _lean(x, gamma, beta, 1e-5)


def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    """np.sqrt(var) + eps: epsilon stands under the root, np.sqrt(var + eps). With eps = 0.1 your y on the example is
    {y}, expected {right_y}."""
    return _lean(x, gamma, beta, eps, inside=False)


def shifting_before_scaling(x, gamma, beta, eps=1e-5):
    """y += beta before y *= gamma / std: then beta is scaled as well. On the example y is {y}, expected {right_y}.
    First times, then plus."""
    y, mean, var = _lean(x, gamma, np.zeros_like(beta), eps)
    return y + (beta * gamma / np.sqrt(var + eps)).reshape(1, -1, *[1] * (x.ndim - 2)), mean, var


def leaving_gamma_out(x, gamma, beta, eps=1e-5):
    """no gamma: y /= std normalizes, but the learned scale is missing: on the example y is {y}, not {right_y}."""
    return _lean(x, np.ones_like(gamma), beta, eps)


def writing_y_into_x(x, gamma, beta, eps=1e-5):
    """x -= mean: that saves the last array too, and destroys the caller's x, which backward needs. 1 new array is
    allowed: y = x - mean."""
    y, mean, var = _lean(x, gamma, beta, eps)
    x[...] = y
    return x, mean, var


def a_flat_result(x, gamma, beta, eps=1e-5):
    """y in the shape (N, C, S) of the planes: for x (5, 3, 4, 6) you return (5, 3, 24). A reshape(x.shape) is missing
    in the return."""
    y, mean, var = _lean(x, gamma, beta, eps)
    return y.reshape(*x.shape[:2], -1), mean, var


lean_batch_norm = [
    the_textbook_with_its_temporaries,
    squares_as_a_temporary,
    the_variance_from_x,
    dividing_by_m_minus_1,
    forgetting_to_divide_by_m,
    dividing_by_the_images,
    raw_sums,
    a_fixed_eps,
    eps_outside_the_root,
    shifting_before_scaling,
    leaving_gamma_out,
    writing_y_into_x,
    a_flat_result,
]


# --- backward_coefficients(gamma, mean, var, dgamma, dbeta, m, eps) -> a, b, c ----------------------------------------


def _three(gamma, var, dgamma, eps, m):
    inv_std = 1 / np.sqrt(var + eps)
    a = gamma * inv_std
    return inv_std, a, -a * inv_std * dgamma / m


def one_inv_std_too_few(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """one 1 / std in b: there are two, the one in front of the bracket and the one in x_hat = (x - mean) / std. On the
    example std is 1; where it is 2, b is twice too large."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    b = b / inv_std
    return a, b, -a * dbeta / m - b * mean


def a_plus_before_x(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """b with a plus: the part of dy along x_hat is taken away. On the example b is {b}, it should be {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, -b, -a * dbeta / m + b * mean


def leaving_the_mean_out(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """c without the mean: x_hat has x - mean in it, so - b * mean stays for c. On the example c is {c} and should be
    {right_c}; the sum of dx over the channel would not be 0."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta / m


def adding_b_times_mean(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """+ b * mean in c: b * (x - mean) is b * x *minus* b * mean. On the example c is {c}, expected {right_c}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta / m + b * mean


def sums_in_place_of_means(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dgamma and dbeta not divided by m: both are sums over the m values, and dx takes away their mean. On the example,
    m = 4, b is {b} in place of {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, 1)
    return a, b, -a * dbeta - b * mean


def dividing_dgamma_only(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dbeta not divided by m in c: b is right, but c is {c} on the example, where m = 4 and c should be {right_c}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta - b * mean


def leaving_gamma_out_of_a(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """no gamma: y = gamma * x_hat + beta, so all of dx is multiplied by it, and with it a, b and c. On the example it
    is 2."""
    inv_std, a, b = _three(np.ones_like(gamma), var, dgamma, eps, m)
    return a, b, -a * dbeta / m - b * mean


def gamma_in_dgamma_once_more(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """gamma twice in b: dgamma = sum(dy * x_hat) has no gamma in it, and a has one already. On the example, gamma = 2,
    b is {b}, expected {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    b = b * gamma
    return a, b, -a * dbeta / m - b * mean


def leaving_eps_out(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """1 / np.sqrt(var) without epsilon: forward divided by np.sqrt(var + eps), and so must backward. A channel whose
    variance is 0 gives 1 / 0; on the example a is {a}, expected {right_a}."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inv_std, a, b = _three(gamma, var, dgamma, 0.0, m)
        return a, b, -a * dbeta / m - b * mean


def a_fixed_eps_in_the_coefficients(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and backward must divide by what forward divided
    by. With 0.0625 the example's std is 1; with 1e-5 a is {a}, expected {right_a}."""
    inv_std, a, b = _three(gamma, var, dgamma, 1e-5, m)
    return a, b, -a * dbeta / m - b * mean


def eps_beside_the_root(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """np.sqrt(var) + eps: epsilon stands under the root, as in forward. On the example a is {a}, expected {right_a}."""
    inv_std = 1 / (np.sqrt(var) + eps)
    a = gamma * inv_std
    b = -a * inv_std * dgamma / m
    return a, b, -a * dbeta / m - b * mean


def the_variance_for_the_deviation(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """1 / (var + eps) for 1 / np.sqrt(var + eps): the root is missing. On the example both are 1 and nobody sees it;
    where the standard deviation is 2, a is half of what it should be."""
    inv_std = 1 / (var + eps)
    a = gamma * inv_std
    b = -a * inv_std * dgamma / m
    return a, b, -a * dbeta / m - b * mean


def dgamma_and_dbeta_exchanged(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dgamma and dbeta in each other's place: x_hat stands beside dgamma, so dgamma goes with x, into b, and dbeta into
    c alone. On the example b is {b}, expected {right_b}."""
    inv_std, a, b = _three(gamma, var, dbeta, eps, m)
    return a, b, -a * dgamma / m - b * mean


def the_standard_deviation_upside_down(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """gamma * std for a: the slope of y against x is gamma / std. Where std is 2 your a is 4 times too large."""
    std = np.sqrt(var + eps)
    a = gamma * std
    b = -a * std * dgamma / m
    return a, b, -a * dbeta / m - b * mean


backward_coefficients = [
    one_inv_std_too_few,
    a_plus_before_x,
    leaving_the_mean_out,
    adding_b_times_mean,
    sums_in_place_of_means,
    dividing_dgamma_only,
    leaving_gamma_out_of_a,
    gamma_in_dgamma_once_more,
    leaving_eps_out,
    a_fixed_eps_in_the_coefficients,
    eps_beside_the_root,
    the_variance_for_the_deviation,
    dgamma_and_dbeta_exchanged,
    the_standard_deviation_upside_down,
]


# --- merge(m_a, mean_a, M2_a, m_b, mean_b, M2_b) -> m, mean, M2 -------------------------------------------------------


def _merged(m_a, mean_a, m_b, mean_b):
    m, d = m_a + m_b, mean_b - mean_a
    return m, d, mean_a + d * m_b / m


def adding_the_squares_alone(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """M2_a + M2_b: each is around its own mean, and the distance of the two means is lost. On the example M2 is {M2},
    it should be {right_M2}. This is the variance *within* the heaps."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b


def averaging_the_means(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """(mean_a + mean_b) / 2: true for heaps of equal size only. On the example, 2 numbers around 1 and 6 around 5, the
    mean is {right_mean} and not {mean}."""
    m, d, _ = _merged(m_a, mean_a, m_b, mean_b)
    return m, (mean_a + mean_b) / 2, M2_a + M2_b + d * d * m_a * m_b / m


def weights_the_wrong_way_round(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d * m_a / m added to mean_a: the larger heap b is, the nearer to mean_b lies the mean, so it is m_b / m. On the
    example you get {mean}, expected {right_mean}."""
    m, d, _ = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean_a + d * m_a / m, M2_a + M2_b + d * d * m_a * m_b / m


def the_distance_not_squared(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d in place of d^2: M2 has the units of x squared. On the example, d = 4, you get {M2}, expected {right_M2}; with
    mean_b below mean_a it could even become negative."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * m_a * m_b / m


def not_dividing_by_m(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d^2 * m_a * m_b without / m: on the example M2 is {M2}, it should be {right_M2}. With two single numbers 0 and 2,
    M2 = 1 + 1 = 2 and not 4."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * d * m_a * m_b


def moving_heap_b_only(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """m_b * d^2: as if only heap b were seen from another point, and that were mean_a. The new mean is neither; on the
    example M2 is {M2}, expected {right_M2}."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + m_b * d * d


def averaging_the_squares(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """(m_a * M2_a + m_b * M2_b) / m for the inner part: that is how one averages variances, but M2 is a sum, and sums
    are added. On the example {M2} in place of {right_M2}."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, (m_a * M2_a + m_b * M2_b) / m + d * d * m_a * m_b / m


def returning_the_variance(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """M2 divided by m: that is the variance, {M2} on the example, and the next merge expects M2 = {right_M2}. Divide
    once, at the very end."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, (M2_a + M2_b + d * d * m_a * m_b / m) / m


def by_the_raw_squares(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """going back to sums of squares, M2 + m * mean^2, and subtracting again: right on paper, and it throws away what
    the formula is for. Around a million the squares are 1e12 and a sum of 30 of them loses the digits of M2."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    raw = M2_a + m_a * mean_a * mean_a + M2_b + m_b * mean_b * mean_b
    return m, mean, raw - m * mean * mean


def an_empty_heap_divided_by(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """the harmonic mean 1 / (1 / m_a + 1 / m_b) of the sizes: equal to m_a * m_b / m, but it divides by m_a, and 0 is
    where every running count begins."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * d / (1 / m_a + 1 / m_b)


merge = [
    adding_the_squares_alone,
    averaging_the_means,
    weights_the_wrong_way_round,
    the_distance_not_squared,
    not_dividing_by_m,
    moving_heap_b_only,
    averaging_the_squares,
    returning_the_variance,
    by_the_raw_squares,
    an_empty_heap_divided_by,
]


# --- affine_block(program, x, y, slope, shift, L, BLOCK) -> y ---------------------------------------------------------


def _block(x, y, slope, shift, channels, offsets, loads=None, stores=None):
    inside = offsets < x.size
    loads, stores = (inside if mask is None else mask for mask in (loads, stores))
    y.store(offsets, x.load(offsets, loads) * slope.load(channels) + shift.load(channels), stores)


def no_mask(program, x, y, slope, shift, L, BLOCK):
    """no mask: 30 numbers in blocks of 8 leave a last block of 6, whose lanes 6 and 7 read and overwrite what lies
    behind the array. On a GPU that is somebody else's memory, and often no error at all."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, True, True)


def no_mask_in_the_store(program, x, y, slope, shift, L, BLOCK):
    """the mask in load only: the two lanes of the last block of 30 = 3 * 8 + 6 that read nothing still write, behind
    the end of y. Every store needs it as well."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, None, True)


def no_mask_in_the_load(program, x, y, slope, shift, L, BLOCK):
    """the mask in store only: what is read behind the end of x is never written, so y is right, but 2 lanes have read
    foreign memory, and on a GPU that can end the whole program."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, True, None)


def one_lane_too_many(program, x, y, slope, shift, L, BLOCK):
    """offsets <= x.size in the mask: the last number of x has offset size - 1, so this lets 1 lane read and write
    behind the end. Use <."""
    offsets = program * BLOCK + np.arange(BLOCK)
    mask = offsets <= x.size
    _block(x, y, slope, shift, offsets // L % slope.size, offsets, mask, mask)


def every_program_the_first_block(program, x, y, slope, shift, L, BLOCK):
    """np.arange(BLOCK) without program * BLOCK: every program works on the same first block, and the rest of y stays as
    it was, -9 here. On the example y is {y}."""
    offsets = np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


def program_without_the_block_size(program, x, y, slope, shift, L, BLOCK):
    """program + np.arange(BLOCK): neighbouring programs then start 1 number apart, not BLOCK, and the end of y is never
    reached. On the example y is {y}."""
    offsets = program + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


def program_times_the_row(program, x, y, slope, shift, L, BLOCK):
    """program * L + np.arange(BLOCK): a program has a block of BLOCK numbers, not a row of L. Where L is smaller, as on
    the example, 3 to 4, blocks overlap, and of a longer y the end is never reached; where it is larger, gaps stay."""
    offsets = program * L + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


def every_program_the_whole(program, x, y, slope, shift, L, BLOCK):
    """all of y in every program: the result is right, but 1,000 programs do the work 1,000 times. This one's share is
    the numbers from program * BLOCK on, BLOCK of them."""
    offsets = np.arange(x.size)
    _block(x, y, slope, shift, offsets // L % slope.size, offsets)


def one_channel_per_program(program, x, y, slope, shift, L, BLOCK):
    """the channel of the first lane for all: a block of BLOCK numbers can begin in one channel and end in the next, as
    on the example, blocks of 4 and rows of 3: y is {y}, expected {right_y}. Each lane has its own channel."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets[:1] // L % slope.size, offsets)


def program_as_the_channel(program, x, y, slope, shift, L, BLOCK):
    """slope.load(program): that would be right if each program had one row, BLOCK = L. On the example, BLOCK = 4 and
    L = 3, y is {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, np.array([program % slope.size]), offsets)


def channels_that_never_begin_again(program, x, y, slope, shift, L, BLOCK):
    """offsets // L as the channel: it counts the rows of all images, 0, 1, ..., N * C - 1, and from the second image on
    slope has no such entry. The remainder by C = slope.size is missing."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets // L, offsets)


def channels_last(program, x, y, slope, shift, L, BLOCK):
    """offsets % C as the channel: so it is in memory where the channels are last, (N, L, C). Here L numbers of one
    channel lie side by side. On the example y is {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets % slope.size, offsets)


def the_place_in_the_row(program, x, y, slope, shift, L, BLOCK):
    """offsets % L as the channel: that is the place within a row; which row it is, is offsets // L. On the example y is
    {y}, expected {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    _block(x, y, slope, shift, offsets % L, offsets)


def no_shift(program, x, y, slope, shift, L, BLOCK):
    """slope * x alone: the shift is missing, 0.5 in the second channel of the example, where y is {y} in place of
    {right_y}."""
    offsets = program * BLOCK + np.arange(BLOCK)
    mask, channels = offsets < x.size, offsets // L % slope.size
    y.store(offsets, x.load(offsets, mask) * slope.load(channels), mask)


affine_block = [
    no_mask,
    no_mask_in_the_store,
    no_mask_in_the_load,
    one_lane_too_many,
    every_program_the_first_block,
    program_without_the_block_size,
    program_times_the_row,
    every_program_the_whole,
    one_channel_per_program,
    program_as_the_channel,
    channels_that_never_begin_again,
    channels_last,
    the_place_in_the_row,
    no_shift,
]
