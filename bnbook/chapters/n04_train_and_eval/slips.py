"""Wrong answers to the exercises of notebook 04."""

import numpy as np

from ..norm_numpy import BatchNorm as _BatchNorm
from ..norm_numpy import batch_axes, batch_norm_backward, normalize
from ..norm_numpy import batch_norm as _batch_norm
from ..norm_numpy import batch_norm_eval as _batch_norm_eval
from ..norm_numpy import update_running as _update_running
from .forward import _columns

# --- update_running(running_mean, running_var, mean, var, m, momentum) -> running_mean, running_var ------------------


def _mix(old, new, momentum):
    return (1 - momentum) * old + momentum * new


def momentum_inverted(running_mean, running_var, mean, var, m, momentum=0.1):
    """momentum as the weight of the old: that is how TensorFlow, Keras and every optimizer count it. PyTorch's is the
    weight of the new batch: momentum 0.1 keeps 90 % of the old value, yours keeps 10 %. On the example your
    running_mean is {running_mean}, it should be {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, 1 - momentum)


def tracking_the_biased_variance(running_mean, running_var, mean, var, m, momentum=0.1):
    """averaging the variance as it came: var was divided by m, and on average that is too small for the whole data set,
    by (m - 1) / m: half at m = 2. Multiply it by m / (m - 1) first. On the example your running_var is {running_var},
    it should be {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var, momentum)


def correction_upside_down(running_mean, running_var, mean, var, m, momentum=0.1):
    """multiplying by (m - 1) / m: the biased variance is already too small and this makes it smaller still. The factor
    is m / (m - 1), 2 at m = 2. Your running_var is {running_var} on the example, not {right_running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var * (m - 1) / m, momentum)


def dividing_by_m_minus_1_alone(running_mean, running_var, mean, var, m, momentum=0.1):
    """var / (m - 1): var is a mean already, divided by m, so it must be multiplied by m before it is divided by
    m - 1. With 40 values per channel yours is 40 times too small."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var / (m - 1), momentum)


def correcting_the_mean_too(running_mean, running_var, mean, var, m, momentum=0.1):
    """giving the mean the factor m / (m - 1) as well: a mean of m values is right on average as it is; only the
    variance, measured around that mean, comes out too small. Your running_mean is {running_mean} on the example, not
    {right_running_mean}."""
    return _mix(running_mean, mean * m / (m - 1), momentum), _mix(running_var, var * m / (m - 1), momentum)


def correcting_the_average(running_mean, running_var, mean, var, m, momentum=0.1):
    """multiplying the whole new running_var by m / (m - 1): the old value has had its correction and gets it again at
    every step: 1.25 to the power of 100 after 100 batches with m = 5. Correct only the variance of the new batch."""
    return _mix(running_mean, mean, momentum), _mix(running_var, var, momentum) * m / (m - 1)


def keeping_only_the_last_batch(running_mean, running_var, mean, var, m, momentum=0.1):
    """returning the statistics of this batch: nothing of the old ones is left, so what is stored jumps from batch to
    batch. On the example running_mean should move from 0 a part of the way, to {right_running_mean}; yours is at
    {running_mean}."""
    return 1.0 * np.asarray(mean), var * m / (m - 1)


def adding_without_forgetting(running_mean, running_var, mean, var, m, momentum=0.1):
    """adding momentum * new to the whole of the old: the two weights must sum to 1, so the old one is multiplied by
    1 - momentum. Yours grows without end; running_var on the example is {running_var}, it should be
    {right_running_var}."""
    return running_mean + momentum * mean, running_var + momentum * var * m / (m - 1)


def moving_away(running_mean, running_var, mean, var, m, momentum=0.1):
    """a step in the wrong direction: old + momentum * (old - new) moves away from the batch. It should be old +
    momentum * (new - old): running_mean is {running_mean} on the example, it should be {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, -momentum)


def averaging_standard_deviations(running_mean, running_var, mean, var, m, momentum=0.1):
    """averaging standard deviations and squaring the result: what is averaged is the variance. The two differ: of the
    variances 1 and 9 the mean is 5, and the square of the mean of 1 and 3 is 4."""
    std = _mix(np.sqrt(running_var), np.sqrt(var * m / (m - 1)), momentum)
    return _mix(running_mean, mean, momentum), std**2


def tracking_the_standard_deviation(running_mean, running_var, mean, var, m, momentum=0.1):
    """storing the standard deviation under the name of the variance: evaluation takes the root of running_var, and it
    would be taken twice. On the example running_var should be {right_running_var}, yours is {running_var}."""
    return _mix(running_mean, mean, momentum), _mix(running_var, np.sqrt(var * m / (m - 1)), momentum)


def merging_the_spread_of_the_means(running_mean, running_var, mean, var, m, momentum=0.1):
    """adding the spread between the old mean and the new one: right if the two were to be merged into one big data set,
    and more than PyTorch does, which averages the variances and nothing else. Here that adds
    momentum * (1 - momentum) * (mean - running_mean)^2: your running_var on the example is {running_var}, PyTorch's
    {right_running_var}."""
    new_mean, new_var = _update_running(running_mean, running_var, mean, var, m, momentum)
    return new_mean, new_var + momentum * (1 - momentum) * (mean - running_mean) ** 2


def leaving_the_variance_alone(running_mean, running_var, mean, var, m, momentum=0.1):
    """moving only the mean: running_var stays {running_var}, what it was before; it has to follow its batches too, and
    on the example to reach {right_running_var}."""
    return _mix(running_mean, mean, momentum), 1.0 * np.asarray(running_var)


def fixed_momentum(running_mean, running_var, mean, var, m, momentum=0.1):
    """writing 0.1 where momentum should stand: the argument is ignored. With momentum 1 the new batch replaces
    everything, yours keeps 90 % of the old."""
    return _update_running(running_mean, running_var, mean, var, m, 0.1)


def another_default_momentum(running_mean, running_var, mean, var, m, momentum=0.01):
    """another default: called without momentum, your function behaves as if it were 0.01, not 0.1. (Keras' default of
    0.99 is 0.01 in PyTorch's way of counting.)"""
    return _update_running(running_mean, running_var, mean, var, m, momentum)


def updating_in_place(running_mean, running_var, mean, var, m, momentum=0.1):
    """writing into running_mean and running_var: the caller's arrays change under its hands, which is up to the layer,
    not to this function. running_mean *= 0.9 writes; running_mean = 0.9 * running_mean makes a new array."""
    running_mean[:], running_var[:] = _update_running(running_mean, running_var, mean, var, m, momentum)
    return running_mean, running_var


def returning_variance_first(running_mean, running_var, mean, var, m, momentum=0.1):
    """returning running_var, running_mean: the order is the mean first. Your first output is {running_mean} on the
    example; the mean is {right_running_mean}."""
    return _update_running(running_mean, running_var, mean, var, m, momentum)[::-1]


update_running = [
    momentum_inverted,
    tracking_the_biased_variance,
    correction_upside_down,
    dividing_by_m_minus_1_alone,
    correcting_the_mean_too,
    correcting_the_average,
    keeping_only_the_last_batch,
    adding_without_forgetting,
    moving_away,
    averaging_standard_deviations,
    tracking_the_standard_deviation,
    merging_the_spread_of_the_means,
    leaving_the_variance_alone,
    fixed_momentum,
    another_default_momentum,
    updating_in_place,
    returning_variance_first,
]


# --- batch_norm_eval(x, gamma, beta, running_mean, running_var, eps) -> y -------------------------------------------


def eval_by_the_batch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """normalizing by the statistics of this batch: that is training mode. The two vectors handed in are not used, the
    answer for an image depends on its companions, and a batch of 1 has no spread at all. On the example y starts with
    {y}; with the stored statistics it starts with {right_y}."""
    g, b = _columns(x, gamma, beta)
    return g * normalize(x, batch_axes(x.ndim), eps)[0] + b


def eval_calling_batch_norm(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """calling batch_norm: that computes the mean and the variance of this very batch, and refuses a batch of 1. Take
    running_mean and running_var, (2, 10) and (4, 25) on the example: then y starts with {right_y} and not with {y}."""
    return _batch_norm(x, gamma, beta, eps)[0]


def eval_with_half_of_each(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """taking the mean from the batch and the variance from the store: then an image alone in its batch is its own mean,
    and y is beta, whatever the image. Both come from the store: y starts with {right_y} on the example, yours with
    {y}."""
    mean = np.asarray(x, np.float64).mean(batch_axes(x.ndim))
    return _batch_norm_eval(x, gamma, beta, mean, running_var, eps)


def eval_without_the_mean(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """not subtracting running_mean: the network was trained on centred channels and now gets them with their offset. On
    the example y starts with {y}, it should start with {right_y}."""
    return _batch_norm_eval(x, gamma, beta, np.zeros_like(running_mean), running_var, eps)


def eval_adding_the_mean(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """adding running_mean: a plus where the formula has a minus, so the offset doubles in place of vanishing: y starts
    with {y} on the example, not {right_y}."""
    return _batch_norm_eval(x, gamma, beta, -np.asarray(running_mean), running_var, eps)


def eval_without_the_root(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """dividing by running_var + eps without the root: running_var is a variance. A channel with variance 4 is to be
    divided by 2, you divide by 4. On the example y starts with {y} in place of {right_y}."""
    g, b, mean, var = _columns(x, gamma, beta, running_mean, running_var)
    return g * (x - mean) / (var + eps) + b


def eval_subtracting_after_scaling(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """scale * x - running_mean + beta: the mean is in the units of x and has to be scaled together with it. Either
    (x - mean) * scale, or the shift beta - mean * scale. On the example y starts with {y}, not {right_y}."""
    g, b, mean, var = _columns(x, gamma, beta, running_mean, running_var)
    return x * g / np.sqrt(var + eps) - mean + b


def eval_correcting_again(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """multiplying running_var by m / (m - 1): update_running did that when it stored it. And m is a property of the
    training batches, not of the batch that is evaluated: for one image you divide by 0."""
    m = x.size / x.shape[1]
    with np.errstate(all="ignore"):
        return _batch_norm_eval(x, gamma, beta, running_mean, running_var * np.float64(m) / (m - 1), eps)


def eval_swapping_gamma_and_beta(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """swapping gamma and beta: gamma multiplies and beta is added, in evaluation as in training. On the example y
    should start with {right_y}, and yours with {y}."""
    return _batch_norm_eval(x, beta, gamma, running_mean, running_var, eps)


def eval_without_gamma(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving gamma out: the scale was learned together with everything behind it. As long as gamma is 1 nobody
    notices; on the example it is 2 and -1."""
    return _batch_norm_eval(x, None, beta, running_mean, running_var, eps)


def eval_without_beta(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving beta out: every channel is then centred at 0 again, which is not where training left it. The example has
    beta = 1 and 5, so y starts with {right_y}; yours starts with {y}."""
    return _batch_norm_eval(x, gamma, None, running_mean, running_var, eps)


def eval_with_eps_outside(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """eps outside the root: sqrt(running_var + eps), as in training. With a stored variance of 0 and eps = 0.1 the
    right divisor is 0.32, yours 0.1."""
    g, b, mean, var = _columns(x, gamma, beta, running_mean, running_var)
    return g * (x - mean) / (np.sqrt(var) + eps) + b


def eval_without_eps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """no eps: a channel that never varied in training has running_var near 0, and you divide by that. The same eps as
    in training belongs inside the root: with eps = 0.1 no divisor is below 0.32."""
    with np.errstate(all="ignore"):
        return _batch_norm_eval(x, gamma, beta, running_mean, running_var, 0.0)


def eval_with_fixed_eps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """1e-5 written into the formula: the argument eps does nothing. A net trained with eps = 0.1 needs 0.1 here too."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, 1e-5)


def eval_with_another_default(x, gamma, beta, running_mean, running_var, eps=1e-3):
    """a default of 0.001 for eps, as in Keras: the course and PyTorch take 1e-5, and training and evaluation must
    agree."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps)


def eval_vectors_along_the_last_axis(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """vectors not reshaped: NumPy lines up a (C,) vector with the last axis, which is the channel axis only in a table
    (N, C). For images all four vectors need the shape (1, C, 1, 1)."""
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta


def eval_with_one_vector_not_reshaped(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """running_var not reshaped: the other three line up with axis 1, this one with the last axis. A table (5, 3) does
    not show it, images (5, 3, 4, 6) do."""
    g, b, mean = _columns(x, gamma, beta, running_mean)
    return g * (x - mean) / np.sqrt(running_var + eps) + b


def eval_for_images_only(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """reshape(1, -1, 1, 1) for every input: right for images, but a table (5, 3) becomes (5, 3, 5, 3) or fails. As many
    ones as x has axes behind axis 1: [1] * (x.ndim - 2)."""
    g, b, mean, var = (np.reshape(v, (1, -1, 1, 1)) for v in (gamma, beta, running_mean, running_var))
    return g * (x - mean) / np.sqrt(var + eps) + b


def eval_returning_statistics(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """returning y together with the statistics: batch_norm computes a mean and a variance and hands them on; here they
    came in as arguments, so there is 1 output, y."""
    return _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps), running_mean, running_var


def eval_updating(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """moving running_mean: evaluation would then learn from the test images, and the second image would get other
    statistics than the first. Running statistics move in training mode only; here they are read, 0 times written."""
    y = _batch_norm_eval(x, gamma, beta, running_mean, running_var, eps)
    running_mean += 0.1 * (x.mean(batch_axes(x.ndim)) - running_mean)
    return y


batch_norm_eval = [
    eval_by_the_batch,
    eval_calling_batch_norm,
    eval_with_half_of_each,
    eval_without_the_mean,
    eval_adding_the_mean,
    eval_without_the_root,
    eval_subtracting_after_scaling,
    eval_correcting_again,
    eval_swapping_gamma_and_beta,
    eval_without_gamma,
    eval_without_beta,
    eval_with_eps_outside,
    eval_without_eps,
    eval_with_fixed_eps,
    eval_with_another_default,
    eval_vectors_along_the_last_axis,
    eval_with_one_vector_not_reshaped,
    eval_for_images_only,
    eval_returning_statistics,
    eval_updating,
]


# --- BatchNorm: .forward(x) -> y, .backward(dy) -> dx --------------------------------------------------------------


class _Layer(_BatchNorm):
    """The finished layer in parts, so that a slip is one part of it."""

    def forward(self, x):
        self.x, self.by_batch = x, self.training
        y, self.mean, self.var = self.output(x)
        if self.tracks():
            mean, var = self.of_batch(x)
            self.num_batches_tracked += 1
            self.track(mean, var, x.size // x.shape[1])
        return y

    def tracks(self):
        return self.training

    def of_batch(self, x):
        return _batch_norm(x, None, None)[1:]

    def output(self, x):
        return self.in_training(x) if self.training else self.in_evaluation(x)

    def in_training(self, x):
        return _batch_norm(x, self.gamma, self.beta, self.eps)

    def in_evaluation(self, x):
        mean, var = self.running_mean, self.running_var
        return _batch_norm_eval(x, self.gamma, self.beta, mean, var, self.eps), mean, var

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else self.momentum

    def track(self, mean, var, m):
        old = self.running_mean, self.running_var
        self.running_mean, self.running_var = _update_running(*old, mean, var, m, self.weight())


class MomentumInverted(_Layer):
    """momentum as the weight of the old: with momentum 0.1 your layer keeps 10 % of what it knew and takes 90 % from
    the last batch. After the first batch of the example running_mean is {running_mean}, it should be
    {right_running_mean}."""

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 1 - self.momentum


class TracksTheBiasedVariance(_Layer):
    """the biased variance in running_var: batches of 2 then teach the layer half of the true variance. update_running
    multiplies by m / (m - 1); on the example running_var should be {right_running_var}, yours is {running_var}."""

    def track(self, mean, var, m):
        super().track(mean, var * (m - 1) / m, m)


class CountsOnlyTheBatch(_Layer):
    """m = N, the number of images: in a convolutional net a channel has N * H * W values. With 2 images of 2 pixels the
    factor m / (m - 1) is 4 / 3; with m = 2 it would be 2."""

    def track(self, mean, var, m):
        super().track(mean, var, max(len(self.x), 2))


class LearnsInEvaluation(_Layer):
    """running statistics that move in evaluation mode too: then every image that is tested changes the net, and testing
    twice gives two answers. num_batches_tracked should be {right_num_batches_tracked} after the example's one
    training batch, yours is {num_batches_tracked}."""

    def tracks(self):
        return True


class CountsInEvaluation(_Layer):
    """counting the batches of evaluation: num_batches_tracked says how many batches the running statistics are made of,
    {right_num_batches_tracked} on the example. Yours says {num_batches_tracked}, and with momentum=None the next
    average has a wrong weight."""

    def forward(self, x):
        y = super().forward(x)
        self.num_batches_tracked += not self.training
        return y


class EvaluatesByTheBatch(_Layer):
    """the statistics of the batch in evaluation mode: the output for an image then depends on its companions, which is
    what this mode exists to prevent. On the example y starts with {y}; by the running statistics it starts with
    {right_y}."""

    def output(self, x):
        return self.in_training(x)


class TrainsByTheRunningStatistics(_Layer):
    """normalizing by the running statistics in training mode: they come into play in evaluation only. In training this
    batch is normalized by its own mean and variance, or the first step would divide by running_var = 1 whatever x
    is."""

    def output(self, x):
        return self.in_evaluation(x)


class TrainsByTheUnbiasedVariance(_Layer):
    """the unbiased variance in the division: the batch itself is normalized by its variance divided by m, and only
    running_var gets the factor m / (m - 1). With 4 values per channel your y is 13 % too small."""

    def in_training(self, x):
        _, mean, var = _batch_norm(x, None, None)
        m = x.size // x.shape[1]
        return _batch_norm_eval(x, self.gamma, self.beta, mean, var * m / (m - 1), self.eps), mean, var


class TracksTheStandardDeviation(_Layer):
    """the standard deviation in running_var: batch_norm_eval takes the root itself. On the example running_var should
    be {right_running_var}, yours is {running_var}."""

    def track(self, mean, var, m):
        super().track(mean, np.sqrt(var * m / (m - 1)) * (m - 1) / m, m)


class VarianceStartsAtZero(_Layer):
    """running_var starting at 0: a net evaluated before its first training step would divide by sqrt(eps). PyTorch
    starts at 1, the variance of a channel that is normalized already. After the example's first batch running_var is
    {running_var}, it should be {right_running_var}."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.running_var = 0 * self.running_var


class MeanStartsAtOne(_Layer):
    """running_mean starting at 1: mean 0 and variance 1 are the statistics that change nothing, so those are where it
    starts. After the example's first batch it is {running_mean} and should be {right_running_mean}."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.running_mean = 1 + self.running_mean


class StartsWithTheFirstBatch(_Layer):
    """taking over the statistics of the first batch as they are: that avoids the early bias and is a fine idea, but it
    is not what PyTorch does, which weighs the first batch with momentum like every other. On the example running_mean
    should be {right_running_mean}, yours is {running_mean}."""

    def weight(self):
        return 1.0 if self.num_batches_tracked == 1 else super().weight()


class CorrectsTheEarlyBias(_Layer):
    """dividing by 1 - (1 - momentum)^t as Adam does: it removes the early bias, and PyTorch's layer does not do it, so
    the two part in the first steps. On the example running_mean should be {right_running_mean} after one batch; yours
    is {running_mean}, the batch's own."""

    def track(self, mean, var, m):
        self.raw = _update_running(*getattr(self, "raw", (0 * mean, 0 * var)), mean, var, m, self.weight())
        left = 0 if self.momentum is None else (1 - self.momentum) ** self.num_batches_tracked
        self.running_mean, self.running_var = (v / (1 - left) for v in self.raw)


class NeverMoves(_Layer):
    """running statistics that never move: after all the training they are still 0 and 1, and evaluation normalizes
    nothing. Call update_running in every training step and store what it returns: on the example running_mean becomes
    {right_running_mean}."""

    def track(self, mean, var, m):
        pass


class VarianceNeverMoves(_Layer):
    """a running_var that never moves: it stays at {running_var}. Both statistics are updated in each training step;
    on the example running_var becomes {right_running_var}."""

    def track(self, mean, var, m):
        kept = self.running_var
        super().track(mean, var, m)
        self.running_var = kept


class DoesNotCount(_Layer):
    """num_batches_tracked staying 0: count every batch seen in training mode. momentum=None needs the count, as batch
    number t has the weight 1 / t."""

    def forward(self, x):
        y = super().forward(x)
        self.num_batches_tracked = 0
        return y


class NoneMeansATenth(_Layer):
    """taking momentum=None for 0.1: None asks for the plain average of all batches so far, that is the weight 1 / t for
    batch number t. (`momentum or 0.1` does this.)"""

    def weight(self):
        return 0.1 if self.momentum is None else self.momentum


class AveragesOneTooMany(_Layer):
    """the weight 1 / (t + 1) for batch number t: then the starting values 0 and 1 count as a batch. The first batch has
    weight 1 and wipes them out: count it first, divide afterwards."""

    def weight(self):
        return 1 / (self.num_batches_tracked + 1) if self.momentum is None else self.momentum


class OneStatisticForAllChannels(_Layer):
    """one mean and variance for all channels together: each channel has its own. On the example running_mean is
    {running_mean}, both alike; it should be {right_running_mean}."""

    def of_batch(self, x):
        return np.full(x.shape[1], x.mean()), np.full(x.shape[1], x.var())


class ForgetsEps(_Layer):
    """not handing eps on: the functions then use their default, 1e-5, whatever the layer was made with. With eps = 0.1
    a channel of variance 0.1 is divided by 0.45, not by 0.32."""

    def forward(self, x):
        given, self.eps = self.eps, 1e-5
        y = super().forward(x)
        self.eps = given
        return y


class SwapsGammaAndBeta(_Layer):
    """gamma and beta in the wrong places: y = gamma * x_hat + beta. At their start, 1 and 0, it would give y = 1
    everywhere; on the example y starts with {y}, not with {right_y}."""

    def forward(self, x):
        self.gamma, self.beta = self.beta, self.gamma
        y = super().forward(x)
        self.gamma, self.beta = self.beta, self.gamma
        return y


class GammaStartsAtZero(_Layer):
    """gamma starting at 0: the new layer's y is beta = 0, whatever x is, and no gradient reaches the layer before. It
    starts at 1. (Some residual nets do start the last gamma of a block at 0, on purpose.)"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gamma = 0 * self.gamma


class BackwardTakesConstants(_Layer):
    """dx = dy * gamma / std in training mode too: there mean and variance depend on x, and two terms are subtracted,
    along 1 and along x_hat. sum(dx) over a channel must be 0; batch_norm_backward does it. The short form is right in
    evaluation mode."""

    def backward(self, dy):
        dx, self.dgamma, self.dbeta = batch_norm_backward(dy, self.x, self.gamma, self.mean, self.var, self.eps)
        return _batch_norm_eval(dy, self.gamma, None, np.zeros_like(self.mean), self.var, self.eps)


class BackwardAlwaysProjects(_Layer):
    """the training formula in evaluation mode too: the running statistics are constants, so y is gamma / std times x
    plus a constant, and dx is gamma / std times dy. Nothing is subtracted: sum(dx) need not be 0."""

    def backward(self, dy):
        dx, self.dgamma, self.dbeta = batch_norm_backward(dy, self.x, self.gamma, self.mean, self.var, self.eps)
        return dx


class BackwardByTheRunningStatistics(_Layer):
    """the running statistics in the backward pass of training: x was normalized by the batch's mean and variance, and
    its gradient needs the same. Keep the two that batch_norm returned: 2 vectors of C numbers."""

    def backward(self, dy):
        self.mean, self.var = self.running_mean, self.running_var
        return super().backward(dy)


class BackwardLooksAtTheModeNow(_Layer):
    """asking `self.training` in backward: what counts is the mode of the forward pass. Someone who trains, calls eval()
    to test, and only then runs the backward pass of step 1 gets the other formula. Remember the mode in forward."""

    def backward(self, dy):
        now, self.by_batch = self.by_batch, self.training
        dx = super().backward(dy)
        self.by_batch = now
        return dx


class SwapsTheGradients(_Layer):
    """dgamma and dbeta exchanged: batch_norm_backward returns dx, dgamma, dbeta, in that order. dbeta is the sum of dy:
    on the example {right_dbeta}; yours is {dbeta}."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.dgamma, self.dbeta = self.dbeta, self.dgamma
        return dx


class AveragesTheGradients(_Layer):
    """dividing dgamma and dbeta by m: every value of the channel uses the same gamma, and its contributions add up. If
    the loss is a mean, the 1 / m is in dy already. On the example dbeta should be {right_dbeta}, yours is {dbeta}."""

    def backward(self, dy):
        dx = super().backward(dy)
        m = dy.size / dy.shape[1]
        self.dgamma, self.dbeta = self.dgamma / m, self.dbeta / m
        return dx


BatchNorm = [
    MomentumInverted,
    TracksTheBiasedVariance,
    CountsOnlyTheBatch,
    LearnsInEvaluation,
    CountsInEvaluation,
    EvaluatesByTheBatch,
    TrainsByTheRunningStatistics,
    TrainsByTheUnbiasedVariance,
    TracksTheStandardDeviation,
    VarianceStartsAtZero,
    MeanStartsAtOne,
    StartsWithTheFirstBatch,
    CorrectsTheEarlyBias,
    NeverMoves,
    VarianceNeverMoves,
    DoesNotCount,
    NoneMeansATenth,
    AveragesOneTooMany,
    OneStatisticForAllChannels,
    ForgetsEps,
    SwapsGammaAndBeta,
    GammaStartsAtZero,
    BackwardTakesConstants,
    BackwardAlwaysProjects,
    BackwardByTheRunningStatistics,
    BackwardLooksAtTheModeNow,
    SwapsTheGradients,
    AveragesTheGradients,
]


# --- fold(weight, bias, gamma, beta, running_mean, running_var, eps) -> weight, bias --------------------------------


def _folded(weight, bias, gamma, beta, mean, scale):
    """weight and bias with a given scale, for slips whose mistake is in the scale."""
    bias = 0 if bias is None else bias
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), (bias - mean) * scale + beta


def _scale(gamma, running_var, eps):
    return gamma / np.sqrt(running_var + eps)


def ignoring_the_bias(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """dropping the layer's own bias: it reaches BatchNorm together with the rest, so it is part of what is shifted and
    scaled: (bias - running_mean) * s + beta. On the example the new bias is {bias}, it should be {right_bias}."""
    return _folded(weight, None, gamma, beta, running_mean, _scale(gamma, running_var, eps))


def bias_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """adding the old bias unscaled: BatchNorm multiplies everything that comes in by s, the bias too. On the example
    the new bias should be {right_bias}, yours is {bias}."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, None, gamma, beta + (0 if bias is None else bias), running_mean, s)


def mean_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """subtracting running_mean after the scaling: bias * s - running_mean + beta. It is subtracted from what comes in,
    before, so it has to be inside the bracket: (bias - running_mean) * s + beta, which is {right_bias} on the example
    and not {bias}."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, bias, gamma, beta - running_mean, 0, s)


def forgetting_the_mean(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving running_mean out: the folded layer then puts out its channels with the offset that BatchNorm was there to
    remove. On the example the bias is {bias} and should be {right_bias}."""
    return _folded(weight, bias, gamma, beta, 0, _scale(gamma, running_var, eps))


def adding_the_mean(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """bias + running_mean: BatchNorm subtracts the mean. On the example the bias comes out as {bias}, right is
    {right_bias}."""
    return _folded(weight, bias, gamma, beta, -running_mean, _scale(gamma, running_var, eps))


def forgetting_beta(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """beta missing from the new bias: while beta is 0 this goes unnoticed; on the example it is 1 and 5, and the bias
    should be {right_bias}."""
    return _folded(weight, bias, gamma, 0, running_mean, _scale(gamma, running_var, eps))


def scaling_beta(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """beta inside the bracket: BatchNorm adds beta after the scaling, so it is not multiplied by s. On the example your
    bias is {bias}, not {right_bias}."""
    return _folded(weight, bias, gamma, 0, running_mean - beta, _scale(gamma, running_var, eps))


def forgetting_gamma(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """gamma missing from the scale: s = gamma / sqrt(running_var + eps). At gamma = 1 nothing is wrong; on the example
    gamma is 2 and -1 and the first row of the weight should be {right_weight}, yours is {weight}."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(1.0, running_var, eps))


def weight_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """a new bias with the old weight: the division by the standard deviation has to go somewhere, into the weight. Its
    first row on the example should become {right_weight}."""
    return 1.0 * weight, _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, eps))[1]


def scaling_the_input_channels(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """scaling along axis 1: a weight is (out, in, ...), and BatchNorm stands behind the layer, so its channels are the
    outputs, axis 0. With 4 in and 4 out nothing complains. Reshape s to (out, 1, 1, 1), not to (1, in, 1, 1)."""
    s = _scale(gamma, running_var, eps)
    return weight * s.reshape(1, -1, *[1] * (weight.ndim - 2)), _folded(weight, bias, gamma, beta, running_mean, s)[1]


def scaling_along_the_last_axis(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """weight * s without a reshape: NumPy lines s up with the last axis, which is the kernel's width, or the inputs of
    a linear layer. Reshape it to (out, 1, ..., 1); a weight (4, 4, 3, 3) needs three ones."""
    s = _scale(gamma, running_var, eps)
    return weight * s, _folded(weight, bias, gamma, beta, running_mean, s)[1]


def convolutions_only(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """reshape(-1, 1, 1, 1) for every weight: a linear layer's is (out, in) and becomes four-dimensional. Use as many
    ones as weight has axes behind the first: [1] * (weight.ndim - 1)."""
    s = _scale(gamma, running_var, eps)
    return weight * s.reshape(-1, 1, 1, 1), _folded(weight, bias, gamma, beta, running_mean, s)[1]


def fold_without_eps(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """no eps in the scale: the layer that is replaced divides by sqrt(running_var + eps). A channel with a variance
    near eps, such as 1e-5, comes out 41 % too large."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, 0.0))


def fold_with_eps_outside(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """sqrt(running_var) + eps: the layer that is replaced has eps inside the root. For a running_var of 1e-5 and eps
    1e-5 the right divisor is 0.0045, yours 0.0032."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma / (np.sqrt(running_var) + eps))


def fold_without_the_root(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """gamma / (running_var + eps), the root forgotten: a channel with variance 4 is to be divided by 2. The first row
    of the weight is {weight} on the example, it should be {right_weight}."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma / (running_var + eps))


def multiplying_by_the_std(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """multiplying by the standard deviation: the scale is gamma divided by it. With variance 4 and gamma = 1 the weight
    is to be halved, not doubled."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma * np.sqrt(running_var + eps))


def fold_with_fixed_eps(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """1e-5 in place of the argument eps: a net trained with another one, such as Keras' 0.001, is folded wrongly."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, 1e-5))


def fold_with_another_default(weight, bias, gamma, beta, running_mean, running_var, eps=1e-3):
    """0.001 as the default for eps: without an argument it should be 1e-5, PyTorch's."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, eps))


def only_with_a_bias(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """not expecting bias = None: a convolution before BatchNorm usually has none, because BatchNorm removes it. Take 0
    for it."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, bias - 0 * beta, gamma, beta, running_mean, s)


def folding_into_the_layer_after(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """folding as if BatchNorm stood before the layer: it scales the inputs, axis 1, and sends beta - running_mean * s
    through the weight. Here it stands behind it: s belongs to axis 0, and on the example the bias becomes
    {right_bias}."""
    s = _scale(gamma, running_var, eps)
    through = weight.sum(tuple(range(2, weight.ndim))) @ (beta - running_mean * s)
    return weight * s.reshape(1, -1, *[1] * (weight.ndim - 2)), (0 if bias is None else bias) + through


def folding_in_place(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """weight *= ...: that changes the layer of the caller, who may want to compare the two nets, and folding twice then
    scales by s * s. weight * s makes a new array and leaves the 1 you got alone."""
    s = _scale(gamma, running_var, eps)
    new_bias = _folded(weight, bias, gamma, beta, running_mean, s)[1]
    weight *= s.reshape(-1, *[1] * (weight.ndim - 1))
    return weight, new_bias


fold = [
    ignoring_the_bias,
    bias_not_scaled,
    mean_not_scaled,
    forgetting_the_mean,
    adding_the_mean,
    forgetting_beta,
    scaling_beta,
    forgetting_gamma,
    weight_not_scaled,
    scaling_the_input_channels,
    scaling_along_the_last_axis,
    convolutions_only,
    fold_without_eps,
    fold_with_eps_outside,
    fold_without_the_root,
    multiplying_by_the_std,
    fold_with_fixed_eps,
    fold_with_another_default,
    only_with_a_bias,
    folding_into_the_layer_after,
    folding_in_place,
]
