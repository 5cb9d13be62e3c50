"""Wrong forwards of home-made layers, for tables and images alike."""

import torch

from bnbook.grading.exercise import slip_of

from ..functions import NormState

ALL = ("HeavyNorm", "GrowingNorm", "FarNorm", "CloseNorm")


class _Layer(NormState):
    """All of it right, in steps that a slip can bend."""

    def forward(self, x):
        self.column = (1, -1, *[1] * (x.ndim - 2))
        mean, var = self.stored()
        if self.training:
            mean, var = self.statistics(x)
            self.keep(mean.detach(), var.detach(), x.numel() // x.shape[1])
        return self.normalize(x, mean, var)

    def stored(self):
        return self.running_mean, self.running_var

    def axes(self, x):
        return (0, *range(2, x.ndim))

    def statistics(self, x):
        return x.mean(self.axes(x)), x.var(self.axes(x), correction=0)

    def keep(self, mean, var, m):
        with torch.no_grad():
            self.running_mean.lerp_(mean, 0.1)
            self.running_var.lerp_(var * m / (m - 1), 0.1)

    def root(self, var):
        return (var + self.eps).sqrt()

    def normalize(self, x, mean, var):
        mean, root = (v.reshape(self.column) for v in (mean, self.root(var)))
        return self.weight.reshape(self.column) * (x - mean) / root + self.bias.reshape(self.column)


@slip_of(*ALL)
class graph_kept(_Layer):
    """keeping running_mean and running_var with their graph: each step hangs on to the one before, so memory grows step
    by step (24 MiB in 100 steps of a tiny net), and copy.deepcopy of the layer fails. All numbers are right, that is
    why nobody notices. Detach what goes into the two buffers, or write them under torch.no_grad()."""

    def forward(self, x):
        self.column = (1, -1, *[1] * (x.ndim - 2))
        mean, var = self.stored()
        if self.training:
            m = x.numel() // x.shape[1]
            mean, var = self.statistics(x)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var * m / (m - 1)
        return self.normalize(x, mean, var)


@slip_of(*ALL)
class only_mean_detached(_Layer):
    """detaching the mean and not the variance: running_var still keeps the graph of every step, and with it the
    activations of all of them. There are 2 running statistics, and both need it."""

    def keep(self, mean, var, m):
        super().keep(mean, var, m)

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            m = x.numel() // x.shape[1]
            _, var = self.statistics(x)
            self.running_var = self.running_var + 0 * var * m
        return y


@slip_of(*ALL)
class constants_for_statistics(_Layer):
    """detaching mean and var before they normalize (or taking them under no_grad): y is right and dx is not. For the
    gradient they are constants then, so nothing holds the weights before the layer back: in 300 steps of a small MLP
    they grow fourfold, and it gets stuck at 86 per cent. The right dx sums to 0 in each channel; yours does not. Only
    the copies for the buffers are detached."""

    def statistics(self, x):
        return [v.detach() for v in super().statistics(x)]


@slip_of(*ALL)
class mean_detached(_Layer):
    """detaching the mean alone before it normalizes: dx then lacks the term that subtracts its average, so each channel
    of dx no longer sums to 0, although y is right. The gradient has to flow through both statistics."""

    def normalize(self, x, mean, var):
        return super().normalize(x, mean.detach(), var)


@slip_of(*ALL)
class one_pass_variance(_Layer):
    """computing var as mean(x * x) - mean * mean: near 10,000 the squares are near 100,000,000, where float32 counts in
    steps of 8, so a variance of 1 drowns, and where it comes out negative its root is NaN. Subtract the mean first:
    ((x - mean) ** 2).mean(...)."""

    def statistics(self, x):
        mean = x.mean(self.axes(x))
        return mean, (x * x).mean(self.axes(x)) - mean * mean


@slip_of(*ALL)
class unbiased_normalizer(_Layer):
    """normalizing by the variance divided by m - 1: that one speaks for the population and belongs into running_var
    only. With m = 4 it makes y smaller by 13 per cent. torch.var divides by m - 1 unless you write correction=0."""

    def normalize(self, x, mean, var):
        m = x.numel() // x.shape[1]
        return super().normalize(x, mean, var * m / (m - 1) if self.training else var)


@slip_of(*ALL)
class eps_outside_root(_Layer):
    """adding eps to the standard deviation: it belongs to the variance, under the root. In a channel with variance 0
    yours divides by eps, 0.1 here, and not by its root, 0.32; the two agree only where eps vanishes."""

    def root(self, var):
        return var.sqrt() + self.eps


@slip_of(*ALL)
class eps_forgotten(_Layer):
    """leaving eps out: with eps 0.1 every output is too large, and a channel that is constant in a batch, whose
    variance is 0, gives NaN. Write (var + self.eps).sqrt()."""

    def root(self, var):
        return var.sqrt()


@slip_of(*ALL)
class biased_running_variance(_Layer):
    """averaging the biased variance: running_var speaks for examples that are not in the batch, so PyTorch multiplies
    by m / (m - 1) first, which is 4 / 3 for m = 4. The variance in y needs no such factor."""

    def keep(self, mean, var, m):
        super().keep(mean, var * (m - 1) / m, m)


@slip_of(*ALL)
class momentum_reversed(_Layer):
    """giving the new batch the weight 0.9 and the old average 0.1: that is Keras' number taken for PyTorch's. The
    statistics then follow the last batch. With lerp_ the number is the weight of the new one."""

    def keep(self, mean, var, m):
        with torch.no_grad():
            self.running_mean.lerp_(mean, 0.9)
            self.running_var.lerp_(var * m / (m - 1), 0.9)


@slip_of(*ALL)
class evaluated_by_the_batch(_Layer):
    """normalizing by the batch in evaluation as well: the answer for 1 example then depends on its companions. After
    .eval() the running statistics are the only ones to use."""

    def forward(self, x):
        y = super().forward(x)
        return y if self.training else self.normalize(x, *self.statistics(x))


@slip_of(*ALL)
class one_for_all_channels(_Layer):
    """taking one mean and one variance for all channels: the channel around 10 and the one around -3 keep their
    distance, so nothing is normalized. Average over the examples (and positions), axis 0 first, and never over axis
    1."""

    def statistics(self, x):
        mean, var = x.mean(), x.var(correction=0)
        return mean.expand(x.shape[1]), var.expand(x.shape[1])


@slip_of("GrowingNorm")
class m_without_positions(_Layer):
    """taking the number of images for m: a channel of images has N * H * W values, with 4 images of 2 x 3 pixels 24 and
    not 4, so the factor of running_var is 24 / 23 and not 4 / 3. m = x.numel() / x.shape[1]."""

    def forward(self, x):
        self.positions = x[0, 0].numel()
        return super().forward(x)

    def keep(self, mean, var, m):
        super().keep(mean, var, m // self.positions)


@slip_of("CloseNorm")
class as_it_was_brought(_Layer):
    """handing in the layer as it was brought, with both mistakes: x.std(0) divides by N - 1 = 3 where y wants 4, and
    eps is added to the standard deviation where the variance wants it."""

    def normalize(self, x, mean, var):
        m = len(x)
        std = (var * m / (m - 1) if self.training else var).sqrt()
        return self.weight * (x - mean) / (std + self.eps) + self.bias
