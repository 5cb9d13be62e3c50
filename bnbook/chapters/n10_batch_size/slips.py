"""Wrong answers to the exercises of notebook 10."""

import numpy as np

from ..norm_numpy import batch_norm, batch_norm_eval

# --- standard_error(sd, m) -> error --------------------------------------------------------------------------------


def standard_error_without_the_root(sd, m):
    """dividing by m: errors of different sign cancel in part, but not that well. Four times as many values halve the
    error, they do not quarter it; on the example that is {right_error}, not {error}."""
    return sd / m


def standard_error_squared(sd, m):
    """returning sd^2 / m: that is the *variance* of the mean, in squared units, {error} on the example. How far it
    typically is from the truth is the root, {right_error}."""
    return sd**2 / m


def standard_error_with_the_root_over_both(sd, m):
    """taking the root of sd / m: the variances add, so the root belongs over sd^2 / m, which leaves sd / sqrt(m). On
    the example {right_error}; yours is {error}."""
    return np.sqrt(sd / m)


def standard_error_by_m_minus_1(sd, m):
    """dividing by sqrt(m - 1): the m - 1 belongs to *estimating* sd from the sample; here sd is known. With m = 2 you
    are off by the factor 1.41."""
    return sd / np.sqrt(m - 1)


def standard_error_growing(sd, m):
    """multiplying by sqrt(m): that is how wide the *sum* of m values is. The mean is the sum / m, so it is
    {right_error} on the example, where you have {error}."""
    return sd * np.sqrt(m)


def standard_error_constant(sd, m):
    """returning sd: that is how far a *single* value is from the mean, whatever m. Averaging 9 values brings the
    example's {error} down to {right_error}."""
    return sd + 0 * m


def standard_error_without_sd(sd, m):
    """leaving sd out: 1 / sqrt(m) is the error in standard deviations, {error} on the example. In the units of the
    values it is sd times that, {right_error}."""
    return 1 / np.sqrt(m)


def standard_error_at_95_percent(sd, m):
    """multiplying by 1.96: that is half the width of a 95 % interval. Asked is the standard error itself,
    {right_error} on the example, not {error}."""
    return 1.96 * sd / np.sqrt(m)


def standard_error_upside_down(sd, m):
    """sqrt(m) / sd: that *grows* with the number of values, {error} on the example. Turn the fraction over:
    {right_error}."""
    return np.sqrt(m) / sd


def standard_error_of_a_difference(sd, m):
    """sqrt(2 / m) * sd: that is how far two means of m values each are from *each other*. From the truth a mean is
    {right_error} on the example, sqrt(2) times less."""
    return sd * np.sqrt(2 / m)


standard_error = [
    standard_error_without_the_root,
    standard_error_squared,
    standard_error_with_the_root_over_both,
    standard_error_by_m_minus_1,
    standard_error_growing,
    standard_error_constant,
    standard_error_without_sd,
    standard_error_at_95_percent,
    standard_error_upside_down,
    standard_error_of_a_difference,
]


# --- ghost_batch_norm(x, gamma, beta, size, eps) -> y ----------------------------------------------------------------


def _vector(v, x):
    return v.reshape(-1, *[1] * (x.ndim - 2))


def _axes(x):
    return (0, *range(2, x.ndim))


def ghost_batch_norm_of_the_whole_batch(x, gamma, beta, size, eps=1e-5):
    """normalizing the whole batch: size is not used. Each part of the example is to have its own mean, so its first
    row is {right_y}; by the mean of all it is {y}. Ghosts know only their own size = 2 companions."""
    return batch_norm(x, gamma, beta, eps)[0]


def ghost_batch_norm_with_size_parts(x, gamma, beta, size, eps=1e-5):
    """cutting into `size` parts: np.split(x, size) makes size parts of N / size examples. Asked are N / size parts of
    size examples: 12 images in parts of 4 are 3 parts, not 4."""
    return np.concatenate([batch_norm(part, gamma, beta, eps)[0] for part in np.split(x, size)])


def ghost_batch_norm_of_every_kth(x, gamma, beta, size, eps=1e-5):
    """taking every k-th example: x[i::k] deals the batch out like cards. The parts are to be neighbours, x[0:size],
    x[size:2 * size] and so on: the first row becomes {right_y}, yours is {y}."""
    parts, y = len(x) // size, np.empty_like(x)
    for i in range(parts):
        y[i::parts] = batch_norm(x[i::parts], gamma, beta, eps)[0]
    return y


def ghost_batch_norm_by_the_first_part(x, gamma, beta, size, eps=1e-5):
    """using the statistics of the first part for all: they were computed once, before the loop. The second part has a
    mean of its own: in the example 20 and 5, not 2 and 20."""
    _, mean, var = batch_norm(x[:size], None, None, eps)
    return batch_norm_eval(x, gamma, beta, mean, var, eps)


def ghost_batch_norm_by_the_mean_statistics(x, gamma, beta, size, eps=1e-5):
    """averaging the statistics of the parts and normalizing all by the average: that is what the *running* statistics
    may do. In training each part is normalized by its own; the first row is {right_y}, yours {y}."""
    found = [batch_norm(x[i : i + size], None, None, eps)[1:] for i in range(0, len(x), size)]
    mean, var = np.mean(found, 0)
    return batch_norm_eval(x, gamma, beta, mean, var, eps)


def ghost_batch_norm_mean_only(x, gamma, beta, size, eps=1e-5):
    """taking the mean from the part, but the variance from the whole batch: both belong to the part. First row {y},
    expected {right_y}: 2 values always end near +1 and -1, before gamma and beta."""
    _, _, var = batch_norm(x, None, None, eps)
    centred = [x[i : i + size] - x[i : i + size].mean(_axes(x), keepdims=True) for i in range(0, len(x), size)]
    return batch_norm_eval(np.concatenate(centred), gamma, beta, 0 * var, var, eps)


def ghost_batch_norm_without_the_last_part(x, gamma, beta, size, eps=1e-5):
    """stopping a part too early: range(0, len(x) - size, size) leaves the last part out, and its rows come back as
    they went in. range(0, len(x), size) ends with it; with N = 4 and size = 2 it starts at 0 and 2."""
    y = x.copy()
    for i in range(0, len(x) - size, size):
        y[i : i + size] = batch_norm(x[i : i + size], gamma, beta, eps)[0]
    return y


def ghost_batch_norm_overlapping(x, gamma, beta, size, eps=1e-5):
    """moving on by one example instead of by size: range(len(x) - size + 1) makes parts that overlap, and each row is
    overwritten by the last part it is in. The step of range is size, 2 in the example."""
    y = x.copy()
    for i in range(len(x) - size + 1):
        y[i : i + size] = batch_norm(x[i : i + size], gamma, beta, eps)[0]
    return y


def ghost_batch_norm_stacked(x, gamma, beta, size, eps=1e-5):
    """leaving the parts in an array of their own: np.stack adds an axis, (N / size, size, C, ...). The parts are one
    batch again with np.concatenate: 4 rows in the example, in the order they came."""
    return np.stack([batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)])


def ghost_batch_norm_joined_at_the_channels(x, gamma, beta, size, eps=1e-5):
    """joining the parts along axis 1: np.concatenate(parts, axis=1) puts examples of different parts beside each other
    as if they were channels. The default, axis 0, puts them one after the other: 4 rows again."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)], 1)


def ghost_batch_norm_of_channels(x, gamma, beta, size, eps=1e-5):
    """averaging over the channels as well: each part has one mean for everything in it. A ghost batch is smaller, not
    coarser: every one of the 2 channels keeps a mean of its own. First row {y}, expected {right_y}."""
    parts = x.reshape(-1, size, *x.shape[1:])
    axes = tuple(range(1, parts.ndim))
    x_hat = (parts - parts.mean(axes, keepdims=True)) / np.sqrt(parts.var(axes, keepdims=True) + eps)
    return _vector(gamma, x) * x_hat.reshape(x.shape) + _vector(beta, x)


def ghost_batch_norm_for_tables_only(x, gamma, beta, size, eps=1e-5):
    """averaging over axis 0 of each part only: right for a table (N, C), but images have one mean per channel, over
    H and W too: here 4 * 5 = 20 positions would each get their own. Call batch_norm for each part."""
    parts = x.reshape(-1, size, *x.shape[1:])
    x_hat = (parts - parts.mean(1, keepdims=True)) / np.sqrt(parts.var(1, keepdims=True) + eps)
    return _vector(gamma, x) * x_hat.reshape(x.shape) + _vector(beta, x)


def ghost_batch_norm_scaled_twice(x, gamma, beta, size, eps=1e-5):
    """applying gamma and beta in the parts and once more to the result: the first row is {y} in place of {right_y}.
    Once is enough; batch_norm with None, None leaves them out."""
    parts = [batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]
    return _vector(gamma, x) * np.concatenate(parts) + _vector(beta, x)


def ghost_batch_norm_without_gamma(x, gamma, beta, size, eps=1e-5):
    """leaving gamma and beta out: the parts are normalized, but every channel is to be scaled by gamma and shifted by
    beta, from {y} to {right_y} in the first row."""
    return np.concatenate([batch_norm(x[i : i + size], None, None, eps)[0] for i in range(0, len(x), size)])


def ghost_batch_norm_normalized_again(x, gamma, beta, size, eps=1e-5):
    """normalizing the joined parts once more by the whole batch: the second pass shrinks what eps = 0.1 left below sd
    1. Each number is normalized once, by its own part: {right_y} in the first row, not {y}."""
    parts = [batch_norm(x[i : i + size], None, None, eps)[0] for i in range(0, len(x), size)]
    return batch_norm(np.concatenate(parts), gamma, beta, eps)[0]


def ghost_batch_norm_with_fixed_eps(x, gamma, beta, size, eps=1e-5):
    """not handing eps on: batch_norm then takes its default 1e-5, whatever eps says. With 0.1 the first row is
    {right_y}, yours {y}."""
    return np.concatenate([batch_norm(x[i : i + size], gamma, beta)[0] for i in range(0, len(x), size)])


def ghost_batch_norm_returning_everything(x, gamma, beta, size, eps=1e-5):
    """joining all that batch_norm returns: it gives y, mean, var, and only y, number 0, is wanted of each part."""
    found = [batch_norm(x[i : i + size], gamma, beta, eps) for i in range(0, len(x), size)]
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


ghost_batch_norm = [
    ghost_batch_norm_of_the_whole_batch,
    ghost_batch_norm_with_size_parts,
    ghost_batch_norm_of_every_kth,
    ghost_batch_norm_by_the_first_part,
    ghost_batch_norm_by_the_mean_statistics,
    ghost_batch_norm_mean_only,
    ghost_batch_norm_without_the_last_part,
    ghost_batch_norm_overlapping,
    ghost_batch_norm_stacked,
    ghost_batch_norm_joined_at_the_channels,
    ghost_batch_norm_of_channels,
    ghost_batch_norm_for_tables_only,
    ghost_batch_norm_scaled_twice,
    ghost_batch_norm_without_gamma,
    ghost_batch_norm_normalized_again,
    ghost_batch_norm_with_fixed_eps,
    ghost_batch_norm_returning_everything,
]


# --- accumulated_gradient(gradient, x, y, size) -> g -----------------------------------------------------------------


def _cut(x, y, size):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


def accumulated_gradient_unweighted(gradient, x, y, size):
    """averaging the micro-batches' gradients as if all were equally large: the last one has only 1 example in the
    example, and counts as much as the one with 2. Weigh each by its number of examples: {right_g}, yours {g}."""
    return sum(gradient(*part) for part in _cut(x, y, size)) / len(_cut(x, y, size))


def accumulated_gradient_summed(gradient, x, y, size):
    """adding up without dividing: that is what several loss.backward() do if the loss is not scaled. {g}, expected
    {right_g}: a learning rate that is too large by the number of micro-batches, 2."""
    return sum(gradient(*part) for part in _cut(x, y, size))


def accumulated_gradient_weighted_sum(gradient, x, y, size):
    """weighing by the number of examples, but not dividing by their total: sum(n_i * g_i) is the gradient of the
    *summed* loss, 3 times that of the mean: {g}, expected {right_g}."""
    return sum(len(part[0]) * gradient(*part) for part in _cut(x, y, size))


def accumulated_gradient_divided_by_size(gradient, x, y, size):
    """dividing the sum by size: size is how many *examples* a micro-batch has. Three examples in micro-batches of 2
    make 2 gradients; weigh them 2 and 1 and divide by 3: {right_g}, yours {g}."""
    return sum(gradient(*part) for part in _cut(x, y, size)) / size


def accumulated_gradient_weighted_by_size(gradient, x, y, size):
    """weighing every micro-batch by size: the last one is smaller, 1 example in place of 2, and weighs 1. Take
    len(x[i:i + size]): {right_g}, yours {g}."""
    return sum(size * gradient(*part) for part in _cut(x, y, size)) / len(x)


def accumulated_gradient_of_the_whole_batch(gradient, x, y, size):
    """calling gradient once, with everything: that is what does not fit into memory. Without BatchNorm the numbers are
    even the same; with it they are not, and one of the 5 gradients tried here has a batch_norm in it."""
    return gradient(x, y)


def accumulated_gradient_one_by_one(gradient, x, y, size):
    """going through the examples one at a time: size is ignored. As long as no example sees another that gives the same
    as any size; batch_norm over a micro-batch of 1 has nothing to compare with."""
    return sum(gradient(x[i : i + 1], y[i : i + 1]) for i in range(len(x))) / len(x)


def accumulated_gradient_dropping_the_rest(gradient, x, y, size):
    """leaving out the last, smaller micro-batch: len(x) // size rounds down, and 1 of the 3 examples is never seen:
    {g}, expected {right_g}."""
    whole = len(x) // size * size
    return sum(size * gradient(*part) for part in _cut(x[:whole], y[:whole], size)) / whole


def accumulated_gradient_of_the_last(gradient, x, y, size):
    """keeping only the last micro-batch: g = ... in the loop overwrites what was there (as zero_grad() inside the loop
    does). Add to it: {right_g}, you return {g}."""
    return gradient(*_cut(x, y, size)[-1])


def accumulated_gradient_of_the_first(gradient, x, y, size):
    """returning inside the loop: then the first micro-batch is the only one, {g}. The return belongs after the loop, at
    the left margin of it: {right_g}."""
    return gradient(*_cut(x, y, size)[0])


def accumulated_gradient_with_all_labels(gradient, x, y, size):
    """cutting x but not y: every micro-batch is compared with the *first* labels. Cut both at the same places: in the
    example 2 labels, then 1; {right_g}, yours {g}."""
    parts = _cut(x, y, size)
    return sum(len(part) * gradient(part, y[: len(part)]) for part, _ in parts) / len(x)


def accumulated_gradient_divided_twice(gradient, x, y, size):
    """dividing by the number of micro-batches *and* by the number of examples: gradient already is that of a mean.
    Yours is {g}, expected {right_g}."""
    return sum(len(part[0]) * gradient(*part) for part in _cut(x, y, size)) / len(x) / len(_cut(x, y, size))


def accumulated_gradient_of_every_kth(gradient, x, y, size):
    """dealing the examples out, x[i::k]: for a net without BatchNorm any cut will do. With it, who is with whom counts;
    asked are neighbours, x[i:i + size], 4 together where size is 4."""
    k = -(-len(x) // size)
    return sum(len(x[i::k]) * gradient(x[i::k], y[i::k]) for i in range(k)) / len(x)


def accumulated_gradient_as_a_list(gradient, x, y, size):
    """returning the list of the micro-batches' gradients: the optimizer wants 1 gradient, their weighted mean,
    {right_g} on the example."""
    return [gradient(*part) for part in _cut(x, y, size)]


accumulated_gradient = [
    accumulated_gradient_unweighted,
    accumulated_gradient_summed,
    accumulated_gradient_weighted_sum,
    accumulated_gradient_divided_by_size,
    accumulated_gradient_weighted_by_size,
    accumulated_gradient_of_the_whole_batch,
    accumulated_gradient_one_by_one,
    accumulated_gradient_dropping_the_rest,
    accumulated_gradient_of_the_last,
    accumulated_gradient_of_the_first,
    accumulated_gradient_with_all_labels,
    accumulated_gradient_divided_twice,
    accumulated_gradient_of_every_kth,
    accumulated_gradient_as_a_list,
]


# --- batch_renorm(x, gamma, beta, running_mean, running_var, r_max, d_max, eps) -> y, mean, var ----------------------


def _pulled(
    x, gamma, beta, running_mean, running_var, r_max, d_max, eps, *, r=None, d=None, clip_r=None, clip_d=None, y=None,
    running_std=None,
):  # fmt: skip
    """batch_renorm, any step of which can be replaced."""
    x_hat, mean, var = batch_norm(x, None, None, eps)
    std = np.sqrt(var + eps)
    running_std = np.sqrt(running_var + eps) if running_std is None else running_std
    r = r(std, running_std) if r else std / running_std
    d = d(mean, running_mean, std, running_std) if d else (mean - running_mean) / running_std
    r = clip_r(r) if clip_r else np.clip(r, 1 / r_max, r_max)
    d = clip_d(d) if clip_d else np.clip(d, -d_max, d_max)
    r, d, scale, shift = (_vector(v, x) for v in (r, d, gamma, beta))
    return (y(x_hat, r, d, scale, shift) if y else scale * (x_hat * r + d) + shift), mean, var


def batch_renorm_without_r_and_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """plain batch_norm: r and d are missing. They are what pulls the first row from {y} to {right_y}; with r_max = 1
    and d_max = 0 the two agree."""
    return batch_norm(x, gamma, beta, eps)


def batch_renorm_as_evaluation(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """normalizing by the running statistics: without limits that is what r and d come to. With r_max = 1.5 and d_max =
    0.5 they may go only part of the way: {right_y} in the first row, yours {y}."""
    _, mean, var = batch_norm(x, None, None, eps)
    return batch_norm_eval(x, gamma, beta, running_mean, running_var, eps), mean, var


def batch_renorm_with_r_upside_down(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """running_std / std: x_hat has been divided by the batch's std; multiplying by std / running_std puts the running
    one in its place. The other way round doubles the error: {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, r=lambda s, rs: rs / s)


def batch_renorm_of_variances(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing the variances: r is a ratio of standard deviations, so a root is missing. Where the variance is 4 times
    as large, r is 2. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, r=lambda s, rs: s**2 / rs**2)


def batch_renorm_by_running_var(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing by running_var where running_std is meant: sqrt(running_var + eps) is the standard deviation, 2 if the
    variance is 4. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, running_std=running_var)


def batch_renorm_without_eps(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving eps out of running_std: where the running variance is 2e-5 and eps 0.1 that makes r 70 times too large.
    It must be in both roots, or r is not 1 when both variances are equal."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, running_std=np.sqrt(running_var))


def batch_renorm_without_a_floor(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r from above only: np.minimum(r, r_max) lets r fall to 0. The floor is 1 / r_max: at most r_max times
    wider, at most r_max times narrower, 1.5 in the example."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: np.minimum(r, r_max))


def batch_renorm_with_r_from_1(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r to 1 ... r_max: then nothing can ever get narrower. A batch that is *less* spread than usual needs an
    r below 1: the limits are 1 / r_max and r_max."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: np.clip(r, 1, r_max))


def batch_renorm_without_limits_on_r(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not limiting r: d is clipped, r is not. Where a batch is 50 times as wide as usual, so is your output. np.clip(r,
    1 / r_max, r_max); first row {right_y}, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: r)


def batch_renorm_without_limits_on_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not limiting d: r is clipped, d is not. At the start the running mean may be 10 standard deviations away.
    np.clip(d, -d_max, d_max); first row {right_y}, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: d)


def batch_renorm_with_d_positive(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting d to 0 ... d_max: a batch whose mean is *below* the running one needs a negative d. The limits are
    -d_max and d_max, 0.5 on both sides in the example."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: np.clip(d, 0, d_max))


def batch_renorm_with_d_inverted(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting d to 1 / d_max ... d_max: those are the limits of a *factor*, as r is. d is added, and its neutral value
    is 0: -d_max ... d_max. First row {y}, expected {right_y}."""

    def limited(d):
        return np.minimum(np.maximum(d, 1 / d_max), d_max) if d_max else 0 * d

    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=limited)


def batch_renorm_with_d_turned(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """running_mean - mean: the batch's mean has been subtracted, and is to be put back, so d has the sign of mean -
    running_mean. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: (rm - m) / rs)


def batch_renorm_with_d_in_units_of_x(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not dividing d by running_std: x_hat is in standard deviations, mean - running_mean in the units of x. First row
    {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: m - rm)


def batch_renorm_with_d_by_the_batch(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing d by the batch's std: x_hat * r is already in *running* standard deviations, and d is added to that. So
    d has the running one below, too: {right_y} in the first row, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: (m - rm) / s)


def batch_renorm_with_d_first(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """(x_hat + d) * r: d is added after the multiplication; it is in running standard deviations already. With r = 1.5
    yours is 1.5 times too large a shift: {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: g * ((h + d) * r) + b
    )


def batch_renorm_with_d_outside(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """gamma * x_hat * r + d + beta: brackets are missing, gamma scales d too. With gamma = 2 the shift is half of what
    it should be: {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: g * h * r + d + b
    )


def batch_renorm_without_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving d out: the width is corrected, the place is not. A batch that is brighter than usual still comes out with
    the mean beta, its own mean being gone: {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: 0 * d)


def batch_renorm_with_swapped_limits(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r by d_max and d by r_max: the arguments come in the order r_max, d_max, 1.5 and 0.5 in the example.
    First row {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps,
        clip_r=lambda r: np.minimum(np.maximum(r, 1 / max(d_max, 1e-9)), d_max),
        clip_d=lambda d: np.clip(d, -r_max, r_max),
    )  # fmt: skip


def batch_renorm_in_another_order(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """y, var, mean: all three are right, but the caller takes the second for the mean and would move running_mean
    towards {mean}, a variance."""
    y, mean, var = _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps)
    return y, var, mean


def batch_renorm_returning_the_running(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """returning running_mean and running_var: y is right, but what comes out is what went in. The caller needs the
    *batch's* mean and var to move the running ones: {right_mean}, you return {mean}."""
    y, _, _ = _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps)
    return y, running_mean, running_var


batch_renorm = [
    batch_renorm_without_r_and_d,
    batch_renorm_as_evaluation,
    batch_renorm_with_r_upside_down,
    batch_renorm_of_variances,
    batch_renorm_by_running_var,
    batch_renorm_without_eps,
    batch_renorm_without_a_floor,
    batch_renorm_with_r_from_1,
    batch_renorm_without_limits_on_r,
    batch_renorm_without_limits_on_d,
    batch_renorm_with_d_positive,
    batch_renorm_with_d_inverted,
    batch_renorm_with_d_turned,
    batch_renorm_with_d_in_units_of_x,
    batch_renorm_with_d_by_the_batch,
    batch_renorm_with_d_first,
    batch_renorm_with_d_outside,
    batch_renorm_without_d,
    batch_renorm_with_swapped_limits,
    batch_renorm_returning_the_running,
    batch_renorm_in_another_order,
]
