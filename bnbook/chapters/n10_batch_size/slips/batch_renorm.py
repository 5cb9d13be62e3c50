"""Wrong answers to the exercise `batch_renorm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import batch_norm, batch_norm_eval

from .parts import vector


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
    r, d, scale, shift = (vector(v, x) for v in (r, d, gamma, beta))
    return (y(x_hat, r, d, scale, shift) if y else scale * (x_hat * r + d) + shift), mean, var


@slip_of("batch_renorm")
def batch_renorm_without_r_and_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """plain batch_norm: r and d are missing. They are what pulls the first row from {y} to {right_y}; with r_max = 1
    and d_max = 0 the two agree."""
    return batch_norm(x, gamma, beta, eps)


@slip_of("batch_renorm")
def batch_renorm_as_evaluation(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """normalizing by the running statistics: without limits that is what r and d come to. With r_max = 1.5 and d_max =
    0.5 they may go only part of the way: {right_y} in the first row, yours {y}."""
    _, mean, var = batch_norm(x, None, None, eps)
    return batch_norm_eval(x, gamma, beta, running_mean, running_var, eps), mean, var


@slip_of("batch_renorm")
def batch_renorm_with_r_upside_down(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """running_std / std: x_hat has been divided by the batch's std; multiplying by std / running_std puts the running
    one in its place. The other way round doubles the error: {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, r=lambda s, rs: rs / s)


@slip_of("batch_renorm")
def batch_renorm_of_variances(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing the variances: r is a ratio of standard deviations, so a root is missing. Where the variance is 4 times
    as large, r is 2. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, r=lambda s, rs: s**2 / rs**2)


@slip_of("batch_renorm")
def batch_renorm_by_running_var(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing by running_var where running_std is meant: sqrt(running_var + eps) is the standard deviation, 2 if the
    variance is 4. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, running_std=running_var)


@slip_of("batch_renorm")
def batch_renorm_without_eps(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving eps out of running_std: where the running variance is 2e-5 and eps 0.1 that makes r 70 times too large.
    It must be in both roots, or r is not 1 when both variances are equal."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, running_std=np.sqrt(running_var))


@slip_of("batch_renorm")
def batch_renorm_without_eps_in_std(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving eps out of the batch's std: x_hat was divided by sqrt(var + eps), and r is to undo just that. In channels
    of variance 1e-5 and with eps 0.1 your r is 100 times too small before it is limited."""
    return _pulled(
        x,
        gamma,
        beta,
        running_mean,
        running_var,
        r_max,
        d_max,
        eps,
        r=lambda s, rs: np.sqrt(np.maximum(s**2 - eps, 0)) / rs,
    )


@slip_of("batch_renorm")
def batch_renorm_without_any_eps(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving eps out of r and d: both roots hold it, std = sqrt(var + eps) and running_std = sqrt(running_var + eps),
    or a channel whose variance is far below eps = 0.1 is pulled to the wrong place."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps,
        r=lambda s, rs: np.sqrt(np.maximum(s**2 - eps, 0)) / rs, running_std=np.sqrt(running_var),
    )  # fmt: skip


@slip_of("batch_renorm")
def batch_renorm_without_a_floor(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r from above only: r is positive, so np.minimum(r, r_max), or a lower limit of 0 or -r_max, lets it fall
    to 0. The floor is 1 / r_max: at most r_max times wider, at most r_max times narrower, 1.5 in the example."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: np.minimum(r, r_max))


@slip_of("batch_renorm")
def batch_renorm_with_r_from_1(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r to 1 ... r_max: then nothing can ever get narrower. A batch that is *less* spread than usual needs an
    r below 1: the limits are 1 / r_max and r_max."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: np.clip(r, 1, r_max))


@slip_of("batch_renorm")
def batch_renorm_without_limits_on_r(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not limiting r: d is clipped, r is not. Where a batch is 50 times as wide as usual, so is your output. np.clip(r,
    1 / r_max, r_max); first row {right_y}, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_r=lambda r: r)


@slip_of("batch_renorm")
def batch_renorm_without_limits_on_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not limiting d: r is clipped, d is not. At the start the running mean may be 10 standard deviations away.
    np.clip(d, -d_max, d_max); first row {right_y}, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: d)


@slip_of("batch_renorm")
def batch_renorm_with_d_positive(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting d to 0 ... d_max: a batch whose mean is *below* the running one needs a negative d. The limits are
    -d_max and d_max, 0.5 on both sides in the example."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: np.clip(d, 0, d_max))


@slip_of("batch_renorm")
def batch_renorm_with_d_inverted(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting d to 1 / d_max ... d_max: those are the limits of a *factor*, as r is. d is added, and its neutral value
    is 0: -d_max ... d_max. First row {y}, expected {right_y}."""

    def limited(d):
        return np.minimum(np.maximum(d, 1 / d_max), d_max) if d_max else 0 * d

    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=limited)


@slip_of("batch_renorm")
def batch_renorm_with_d_turned(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """running_mean - mean: the batch's mean has been subtracted, and is to be put back, so d has the sign of mean -
    running_mean. First row {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: (rm - m) / rs)


@slip_of("batch_renorm")
def batch_renorm_with_d_in_units_of_x(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """not dividing d by running_std: x_hat is in standard deviations, mean - running_mean in the units of x. First row
    {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: m - rm)


@slip_of("batch_renorm")
def batch_renorm_with_d_by_the_batch(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """dividing d by the batch's std: x_hat * r is already in *running* standard deviations, and d is added to that. So
    d has the running one below, too: {right_y} in the first row, yours {y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, d=lambda m, rm, s, rs: (m - rm) / s)


@slip_of("batch_renorm")
def batch_renorm_with_d_first(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """(x_hat + d) * r: d is added after the multiplication; it is in running standard deviations already. With r = 1.5
    yours is 1.5 times too large a shift: {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: g * ((h + d) * r) + b
    )


@slip_of("batch_renorm")
def batch_renorm_with_d_outside(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """gamma * x_hat * r + d + beta: brackets are missing, gamma scales d too. With gamma = 2 the shift is half of what
    it should be: {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: g * h * r + d + b
    )


@slip_of("batch_renorm")
def batch_renorm_without_d(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """leaving d out: the width is corrected, the place is not. A batch that is brighter than usual still comes out with
    the mean beta, its own mean being gone: {y}, expected {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, clip_d=lambda d: 0 * d)


@slip_of("batch_renorm")
def batch_renorm_with_swapped_limits(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """limiting r by d_max and d by r_max: the arguments come in the order r_max, d_max, 1.5 and 0.5 in the example.
    First row {y}, expected {right_y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps,
        clip_r=lambda r: np.minimum(np.maximum(r, 1 / max(d_max, 1e-9)), d_max),
        clip_d=lambda d: np.clip(d, -r_max, r_max),
    )  # fmt: skip


@slip_of("batch_renorm")
def batch_renorm_returning_the_running(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """returning running_mean and running_var: y is right, but what comes out is what went in. The caller needs the
    *batch's* mean and var to move the running ones: {right_mean}, you return {mean}."""
    y, _, _ = _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps)
    return y, running_mean, running_var


@slip_of("batch_renorm")
def batch_renorm_in_another_order(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """y, var, mean: all three are right, but the caller takes the second for the mean and would move running_mean
    towards {mean}, a variance."""
    y, mean, var = _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps)
    return y, var, mean


@slip_of("batch_renorm")
def batch_renorm_returning_the_unbiased(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """returning the unbiased var: y is right, but var is to be the one of batch_norm, divided by m; update_running
    multiplies by m / (m - 1) itself. You return {var}, expected {right_var}."""
    y, mean, var = _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps)
    m = x.size // x.shape[1]
    return y, mean, var * m / (m - 1)


@slip_of("batch_renorm")
def batch_renorm_without_gamma_and_beta(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """returning x_hat * r + d: gamma and beta come last, and are missing. The first row is then {y}; scaled and shifted
    it is {right_y}."""
    return _pulled(x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: h * r + d)


@slip_of("batch_renorm")
def batch_renorm_of_the_finished_output(x, gamma, beta, running_mean, running_var, r_max, d_max, eps=1e-5):
    """correcting what batch_norm(x, gamma, beta) gives: r would stretch beta, and d would miss gamma. r and d belong to
    x_hat, batch_norm(x, None, None): {right_y} and not {y}."""
    return _pulled(
        x, gamma, beta, running_mean, running_var, r_max, d_max, eps, y=lambda h, r, d, g, b: (g * h + b) * r + d
    )
