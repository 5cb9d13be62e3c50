"""Wrong answers to the exercise `BatchNorm`."""

import numpy as np

from bnbook.grading.exercise import slip_of
from bnbook.norm_numpy import BatchNorm as _BatchNorm
from bnbook.norm_numpy import batch_norm as _batch_norm
from bnbook.norm_numpy import batch_norm_backward
from bnbook.norm_numpy import batch_norm_eval as _batch_norm_eval
from bnbook.norm_numpy import update_running as _update_running

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


@slip_of("BatchNorm")
class MomentumInverted(_Layer):
    """momentum as the weight of the old: with momentum 0.1 your layer keeps 10 % of what it knew and takes 90 % from
    the last batch. After the first batch of the example running_mean is {running_mean}, it should be
    {right_running_mean}."""

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 1 - self.momentum


@slip_of("BatchNorm")
class DoesNotHandMomentumOn(_Layer):
    """update_running called without momentum: it then takes its default, 0.1, whatever the layer was made with. On the
    example, made with 0.25, running_mean is {running_mean} and should be {right_running_mean}."""

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 0.1


@slip_of("BatchNorm")
class HandsNoneOn(_Layer):
    """handing momentum=None to update_running: nothing can be multiplied by None. It stands for the plain average: make
    it 1 / num_batches_tracked first, 1 at the first batch, 1 / 2 at the second."""

    def weight(self):
        return self.momentum


@slip_of("BatchNorm")
class DividesBeforeItCounts(_Layer):
    """the weight 1 / num_batches_tracked before the batch is counted: at the first batch that divides by 0. Count it
    first, then its weight is 1."""

    def weight(self):
        return 1 / (self.num_batches_tracked - 1) if self.momentum is None else self.momentum


@slip_of("BatchNorm")
class StartsInEvaluation(_Layer):
    """training starting as False: a new layer is in training mode, as PyTorch's are, and is switched to evaluation when
    training is over. Yours evaluates its first batch: num_batches_tracked is {num_batches_tracked} on the example and
    should be {right_num_batches_tracked}."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.training = False


@slip_of("BatchNorm")
class TracksTheBiasedVariance(_Layer):
    """the biased variance in running_var: batches of 2 then teach the layer half of the true variance. update_running
    multiplies by m / (m - 1); on the example running_var should be {right_running_var}, yours is {running_var}."""

    def track(self, mean, var, m):
        super().track(mean, var * (m - 1) / m, m)


@slip_of("BatchNorm")
class CountsOnlyTheBatch(_Layer):
    """m = N, the number of images: in a convolutional net a channel has N * H * W values. With 2 images of 2 pixels the
    factor m / (m - 1) is 4 / 3; with m = 2 it would be 2."""

    def track(self, mean, var, m):
        super().track(mean, var, max(len(self.x), 2))


@slip_of("BatchNorm")
class LearnsInEvaluation(_Layer):
    """running statistics that move in evaluation mode too: then every image that is tested changes the net, and testing
    twice gives two answers. num_batches_tracked should be {right_num_batches_tracked} after the example's one
    training batch, yours is {num_batches_tracked}."""

    def tracks(self):
        return True


@slip_of("BatchNorm")
class CountsInEvaluation(_Layer):
    """counting the batches of evaluation: num_batches_tracked says how many batches the running statistics are made of,
    {right_num_batches_tracked} on the example. Yours says {num_batches_tracked}, and with momentum=None the next
    average has a wrong weight."""

    def forward(self, x):
        y = super().forward(x)
        self.num_batches_tracked += not self.training
        return y


@slip_of("BatchNorm")
class EvaluatesByTheBatch(_Layer):
    """the statistics of the batch in evaluation mode: the output for an image then depends on its companions, which is
    what this mode exists to prevent. On the example y in evaluation starts with {y in evaluation}; by the running
    statistics it starts with {right_y in evaluation}."""

    def output(self, x):
        return self.in_training(x)


@slip_of("BatchNorm")
class TrainsByTheRunningStatistics(_Layer):
    """normalizing by the running statistics in training mode: they come into play in evaluation only. In training this
    batch is normalized by its own mean and variance, or the first step would divide by running_var = 1 whatever x
    is. On the example y in training starts with {y in training}, it should start with {right_y in training}."""

    def output(self, x):
        return self.in_evaluation(x)


@slip_of("BatchNorm")
class TrainsByTheUpdatedStatistics(_Layer):
    """training mode that moves the running statistics first and normalizes by what they have become: these are for
    evaluation alone. A training batch is normalized by its own mean and variance (and then BatchNorm also fixes its
    spread). On the example y in training starts with {y in training} in place of {right_y in training}."""

    def forward(self, x):
        y = super().forward(x)
        return self.in_evaluation(x)[0] if self.training else y


@slip_of("BatchNorm")
class TrainsByTheUnbiasedVariance(_Layer):
    """the unbiased variance in the division: the batch itself is normalized by its variance divided by m, and only
    running_var gets the factor m / (m - 1). With 4 values per channel your y is 13 % too small; on the example y in
    training starts with {y in training}, not with {right_y in training}."""

    def in_training(self, x):
        _, mean, var = _batch_norm(x, None, None)
        m = x.size // x.shape[1]
        return _batch_norm_eval(x, self.gamma, self.beta, mean, var * m / (m - 1), self.eps), mean, var


@slip_of("BatchNorm")
class TracksTheStandardDeviation(_Layer):
    """the standard deviation in running_var: batch_norm_eval takes the root itself. On the example running_var should
    be {right_running_var}, yours is {running_var}."""

    def track(self, mean, var, m):
        super().track(mean, np.sqrt(var * m / (m - 1)) * (m - 1) / m, m)


@slip_of("BatchNorm")
class VarianceStartsAtZero(_Layer):
    """running_var starting at 0: a net evaluated before its first training step would divide by sqrt(eps). PyTorch
    starts at 1, the variance of a channel that is normalized already. After the example's first batch running_var is
    {running_var}, it should be {right_running_var}."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.running_var = 0 * self.running_var


@slip_of("BatchNorm")
class MeanStartsAtOne(_Layer):
    """running_mean starting at 1: mean 0 and variance 1 are the statistics that change nothing, so those are where it
    starts. After the example's first batch it is {running_mean} and should be {right_running_mean}."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.running_mean = 1 + self.running_mean


@slip_of("BatchNorm")
class StartsWithTheFirstBatch(_Layer):
    """taking over the statistics of the first batch as they are: that avoids the early bias and is a fine idea, but it
    is not what PyTorch does, which weighs the first batch with momentum like every other. On the example running_mean
    should be {right_running_mean}, yours is {running_mean}."""

    def weight(self):
        return 1.0 if self.num_batches_tracked == 1 else super().weight()


@slip_of("BatchNorm")
class CorrectsTheEarlyBias(_Layer):
    """dividing by 1 - (1 - momentum)^t as Adam does: it removes the early bias, and PyTorch's layer does not do it, so
    the two part in the first steps. On the example running_mean should be {right_running_mean} after one batch; yours
    is {running_mean}, the batch's own."""

    def track(self, mean, var, m):
        self.raw = _update_running(*getattr(self, "raw", (0 * mean, 0 * var)), mean, var, m, self.weight())
        left = 0 if self.momentum is None else (1 - self.momentum) ** self.num_batches_tracked
        self.running_mean, self.running_var = (v / (1 - left) for v in self.raw)


@slip_of("BatchNorm")
class NeverMoves(_Layer):
    """running statistics that never move: after all the training they are still 0 and 1, and evaluation normalizes
    nothing. Call update_running in every training step and store what it returns: on the example running_mean becomes
    {right_running_mean}."""

    def track(self, mean, var, m):
        pass


@slip_of("BatchNorm")
class VarianceNeverMoves(_Layer):
    """a running_var that never moves: it stays at {running_var}. Both statistics are updated in each training step;
    on the example running_var becomes {right_running_var}."""

    def track(self, mean, var, m):
        kept = self.running_var
        super().track(mean, var, m)
        self.running_var = kept


@slip_of("BatchNorm")
class DoesNotCount(_Layer):
    """num_batches_tracked staying 0: count every batch seen in training mode. momentum=None needs the count, as batch
    number t has the weight 1 / t."""

    def forward(self, x):
        y = super().forward(x)
        self.num_batches_tracked = 0
        return y


@slip_of("BatchNorm")
class NoneMeansATenth(_Layer):
    """taking momentum=None for 0.1: None asks for the plain average of all batches so far, that is the weight 1 / t for
    batch number t. (`momentum or 0.1` does this.)"""

    def weight(self):
        return 0.1 if self.momentum is None else self.momentum


@slip_of("BatchNorm")
class ZeroMeansNone(_Layer):
    """taking momentum=0 for None: 0 is a number, and says that the running statistics stay as they are. (`momentum or
    1 / t` does this: 0 counts as false. Ask `momentum is None`.)"""

    def weight(self):
        return self.momentum or 1 / self.num_batches_tracked


@slip_of("BatchNorm")
class OverwritesNone(_Layer):
    """writing the weight into self.momentum: None becomes 1 / 1 at the first batch, is None no longer at the second,
    and from then on each batch replaces everything. `eps` and `momentum` never change; make the weight a local name."""

    def weight(self):
        if self.momentum is None:
            self.momentum = 1 / self.num_batches_tracked
        return self.momentum


@slip_of("BatchNorm")
class AnotherDefaultEps(_Layer):
    """eps=1e-3 as the default, as in Keras: PyTorch's is 1e-5, and a layer made without eps is to behave like its.
    It shows in a channel whose variance is as small, and hardly anywhere else."""

    def __init__(self, num_features, eps=1e-3, momentum=0.1):
        super().__init__(num_features, eps, momentum)


@slip_of("BatchNorm")
class KerassDefaultMomentum(_Layer):
    """momentum=0.99 as the default, and as the weight of the new batch: the number is Keras', its meaning PyTorch's, so
    a layer made without momentum keeps 1 % of what it knew. What Keras calls 0.99 is 0.01 here; the default is 0.1."""

    def __init__(self, num_features, eps=1e-5, momentum=0.99):
        super().__init__(num_features, eps, momentum)


@slip_of("BatchNorm")
class KerassDefaults(_Layer):
    """both of Keras' defaults, eps=1e-3 and momentum=0.99, in a layer that weighs the new batch by momentum: carried
    over from Keras, the pair is eps=1e-3, momentum=0.01. This layer is PyTorch's: eps=1e-5, momentum=0.1."""

    def __init__(self, num_features, eps=1e-3, momentum=0.99):
        super().__init__(num_features, eps, momentum)


class _CountsAsKeras(_Layer):
    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 1 - self.momentum


@slip_of("BatchNorm")
class KerassMomentum(_CountsAsKeras):
    """Keras' momentum, the weight of the old, with Keras' default 0.99: one fits the other, but a layer that is to be
    exchanged for PyTorch's needs its meaning. Given 0.25, as on the example, yours moves running_mean to
    {running_mean}, PyTorch's to {right_running_mean}."""

    def __init__(self, num_features, eps=1e-5, momentum=0.99):
        super().__init__(num_features, eps, momentum)


@slip_of("BatchNorm")
class KerassLayer(_CountsAsKeras):
    """Keras' layer: momentum weighs the old and is 0.99 unless given, eps is 1e-3. The same net gives other numbers
    there. Here momentum weighs the new (0.1), eps is 1e-5, and on the example running_var becomes {right_running_var},
    yours {running_var}."""

    def __init__(self, num_features, eps=1e-3, momentum=0.99):
        super().__init__(num_features, eps, momentum)


@slip_of("BatchNorm")
class StoresTheStatisticsExchanged(_Layer):
    """what update_running returns stored the wrong way round: it returns running_mean, running_var, in this order. On
    the example your running_mean is {running_mean}, which is nearly the variance; it should be {right_running_mean}."""

    def track(self, mean, var, m):
        super().track(mean, var, m)
        self.running_mean, self.running_var = self.running_var, self.running_mean


@slip_of("BatchNorm")
class EvaluatesWithTheStatisticsExchanged(_Layer):
    """handing batch_norm_eval the running_var before the running_mean: its arguments are x, gamma, beta, running_mean,
    running_var, eps. A negative mean has no root, which gives nan. y in evaluation starts with {y in evaluation} on the
    example and should with {right_y in evaluation}."""

    def in_evaluation(self, x):
        mean, var = self.running_mean, self.running_var
        return _batch_norm_eval(x, self.gamma, self.beta, var, mean, self.eps), mean, var


@slip_of("BatchNorm")
class AveragesOneTooMany(_Layer):
    """the weight 1 / (t + 1) for batch number t: then the starting values 0 and 1 count as a batch. The first batch has
    weight 1 and wipes them out: count it first, divide afterwards."""

    def weight(self):
        return 1 / (self.num_batches_tracked + 1) if self.momentum is None else self.momentum


@slip_of("BatchNorm")
class OneStatisticForAllChannels(_Layer):
    """one mean and variance for all channels together: each channel has its own. On the example running_mean is
    {running_mean}, both alike; it should be {right_running_mean}."""

    def of_batch(self, x):
        return np.full(x.shape[1], x.mean()), np.full(x.shape[1], x.var())


@slip_of("BatchNorm")
class ForgetsEps(_Layer):
    """not handing eps on: the functions then use their default, 1e-5, whatever the layer was made with. With eps = 0.1
    a channel of variance 0.1 is divided by 0.45, not by 0.32."""

    def forward(self, x):
        given, self.eps = self.eps, 1e-5
        y = super().forward(x)
        self.eps = given
        return y


@slip_of("BatchNorm")
class SwapsGammaAndBeta(_Layer):
    """gamma and beta in the wrong places: y = gamma * x_hat + beta. At their start, 1 and 0, it would give y = 1
    everywhere; on the example y in evaluation starts with {y in evaluation}, not with {right_y in evaluation}."""

    def forward(self, x):
        self.gamma, self.beta = self.beta, self.gamma
        y = super().forward(x)
        self.gamma, self.beta = self.beta, self.gamma
        return y


@slip_of("BatchNorm")
class GammaStartsAtZero(_Layer):
    """gamma starting at 0: the new layer's y is beta = 0, whatever x is, and no gradient reaches the layer before. It
    starts at 1. (Some residual nets do start the last gamma of a block at 0, on purpose.)"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gamma = 0 * self.gamma


@slip_of("BatchNorm")
class BackwardTakesConstants(_Layer):
    """dx = dy * gamma / std in training mode too: there mean and variance depend on x, and two terms are subtracted,
    along 1 and along x_hat. On the example dx in training starts with {dx in training}, right is
    {right_dx in training}; batch_norm_backward does it. The short form belongs to evaluation mode."""

    def backward(self, dy):
        dx, self.dgamma, self.dbeta = batch_norm_backward(dy, self.x, self.gamma, self.mean, self.var, self.eps)
        return _batch_norm_eval(dy, self.gamma, None, np.zeros_like(self.mean), self.var, self.eps)


@slip_of("BatchNorm")
class BackwardAlwaysProjects(_Layer):
    """the training formula in evaluation mode too: the running statistics are constants, so y is gamma / std times x
    plus a constant, and dx is gamma / std times dy, nothing subtracted: on the example dx in evaluation should start
    with {right_dx in evaluation}, and yours with {dx in evaluation}."""

    def backward(self, dy):
        dx, self.dgamma, self.dbeta = batch_norm_backward(dy, self.x, self.gamma, self.mean, self.var, self.eps)
        return dx


@slip_of("BatchNorm")
class BackwardByTheRunningStatistics(_Layer):
    """the running statistics in the backward pass of training: x was normalized by the batch's mean and variance, and
    its gradient needs the same. Keep the two that batch_norm returned: 2 vectors of C numbers."""

    def backward(self, dy):
        self.mean, self.var = self.running_mean, self.running_var
        return super().backward(dy)


@slip_of("BatchNorm")
class BackwardWithoutEps(_Layer):
    """a backward pass that is not handed eps: its functions then take 1e-5, and forward used what the layer was made
    with. On the example, where eps is 0.1, dx in training starts with {dx in training} in place of
    {right_dx in training}."""

    def backward(self, dy):
        given, self.eps = self.eps, 1e-5
        dx = super().backward(dy)
        self.eps = given
        return dx


@slip_of("BatchNorm")
class GammasGradientByTheBatch(_Layer):
    """dgamma by the statistics of the batch after an evaluation pass: gamma multiplied (x - running_mean) / sqrt(
    running_var + eps) there, and its gradient is the sum of dy times just that. dx is right. On the example dgamma is
    {dgamma}, it should be {right_dgamma}."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.dgamma = batch_norm_backward(dy, self.x, self.gamma, *self.of_batch(self.x), self.eps)[1]
        return dx


@slip_of("BatchNorm")
class BackwardLooksAtTheModeNow(_Layer):
    """asking `self.training` in backward: what counts is the mode of the forward pass. Someone who trains, calls eval()
    to test, and only then runs the backward pass of step 1 gets the other formula. Remember the mode in forward."""

    def backward(self, dy):
        now, self.by_batch = self.by_batch, self.training
        dx = super().backward(dy)
        self.by_batch = now
        return dx


@slip_of("BatchNorm")
class SwapsTheGradients(_Layer):
    """dgamma and dbeta exchanged: batch_norm_backward returns dx, dgamma, dbeta, in that order. dbeta is the sum of dy:
    on the example {right_dbeta}; yours is {dbeta}."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.dgamma, self.dbeta = self.dbeta, self.dgamma
        return dx


@slip_of("BatchNorm")
class AveragesTheGradients(_Layer):
    """dividing dgamma and dbeta by m: every value of the channel uses the same gamma, and its contributions add up. If
    the loss is a mean, the 1 / m is in dy already. On the example dbeta should be {right_dbeta}, yours is {dbeta}."""

    def backward(self, dy):
        dx = super().backward(dy)
        m = dy.size / dy.shape[1]
        self.dgamma, self.dbeta = self.dgamma / m, self.dbeta / m
        return dx
