"""Layers that torch.nn does not have, or not so."""

import torch
from torch import nn
from torch.nn import functional as F


class ResidualBlock(nn.Sequential):
    """A branch of layers whose output is added to its input: x + branch(x)."""

    def forward(self, x):
        """x + branch(x)."""
        return x + super().forward(x)


class Scale(nn.Module):
    """Multiplication by one learned number, 0 at the start."""

    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        """alpha * x."""
        return self.alpha * x


class RMSNorm(nn.Module):
    """Each example divided by its root mean square over channels and positions; no mean is subtracted, nothing shifted.

        y = gamma * x / sqrt(mean of x^2 + eps)

    forward(x): (N, C, *); gamma is `weight`, (C,).
    Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4 (eps as in PyTorch).
    """

    def __init__(self, channels, eps=1e-5):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(channels)), eps

    def forward(self, x):
        """y, see above."""
        square = x.square().mean(tuple(range(1, x.dim())), keepdim=True)
        return self.weight.reshape(-1, *(1,) * (x.dim() - 2)) * x * (square + self.eps).rsqrt()


class GhostBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm that cuts a training batch into parts and normalizes each part by itself.

        y[part] = batch_norm(x[part])        for consecutive parts of `size` examples each

    The running statistics move by the mean of the parts' means and (unbiased) variances; in evaluation mode it is
    BatchNorm.

    channels  C
    size      examples of a part; must divide N, or ValueError is raised in `forward`
    Source: Hoffer et al. 2017, "Train longer, generalize better", algorithm 1 (whose running statistics move once for
    each part).
    """

    def __init__(self, channels, size):
        super().__init__(channels)
        self.size = size

    def forward(self, x):
        """y (N, C, *) from x (N, C, *)."""
        return self.by_parts(x, self, self.training)

    def by_parts(self, x, has, training):
        """y by the parameters and buffers of `has`, this layer or a stack of such layers."""
        vectors = [v.view(-1) for v in (has.running_mean, has.running_var, has.weight, has.bias)]
        if not training:
            return F.batch_norm(x, *vectors, False, 0.0, self.eps)
        if self.size < 1 or len(x) % self.size:
            raise ValueError(f"a batch of {len(x)} cannot be cut into parts of {self.size}; choose a divisor")
        parts = len(x) // self.size
        as_channels = x.unflatten(0, (parts, -1)).transpose(0, 1).flatten(1, 2)  # (size, parts * C, *)
        mean, var, weight, bias = (v.repeat(parts) for v in vectors)
        y = F.batch_norm(as_channels, mean, var, weight, bias, True, self.momentum, self.eps)
        for running, new in zip(vectors[:2], (mean, var), strict=True):
            running.copy_(new.view(parts, -1).mean(0))
        has.num_batches_tracked += 1
        return y.unflatten(1, (parts, -1)).transpose(0, 1).flatten(0, 1)


class BatchRenorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose training output is pulled to what evaluation would give, within limits that open in time.

        y = gamma * (x_hat * r + d) + beta        r, d as in norm_numpy.batch_renorm, and constants for the gradient

    In evaluation mode it is BatchNorm. The limits open linearly with the training batches seen: r_max from 1 and d_max
    from 0 (that is BatchNorm), because the running statistics of the first batches are worth nothing.

    channels      C
    r_max, d_max  limits in the end
    opening       training batches until then
    momentum      of the running statistics
    Source: Ioffe 2017, "Batch renormalization", algorithm 1, with its limits 3 and 5. It reaches them after 40,000 and
    25,000 steps, with momentum 0.01; this opening and this momentum are for trainings of some hundred steps.
    """

    def __init__(self, channels, r_max=3.0, d_max=5.0, opening=200, momentum=0.02):
        super().__init__(channels, momentum=momentum)
        self.r_max, self.d_max, self.opening = r_max, d_max, opening

    def forward(self, x):
        """y (N, C, *) from x (N, C, *)."""
        return self.pulled(x, self, self.training)

    def pulled(self, x, has, training):
        """y by the parameters and buffers of `has`, this layer or a stack of such layers."""
        vectors = [v.view(-1) for v in (has.running_mean, has.running_var, has.weight, has.bias)]
        running_mean, running_var, gamma, beta = vectors
        if not training:
            return F.batch_norm(x, *vectors, False, 0.0, self.eps)
        with torch.no_grad():
            opened = min(1.0, has.num_batches_tracked.max().item() / self.opening)
            r_max, d_max = 1 + opened * (self.r_max - 1), opened * self.d_max
            var, mean = torch.var_mean(x, [axis for axis in range(x.dim()) if axis != 1], correction=0)
            running_std = (running_var + self.eps).sqrt()
            r = ((var + self.eps).sqrt() / running_std).clamp(1 / r_max, r_max)
            d = ((mean - running_mean) / running_std).clamp(-d_max, d_max)
        has.num_batches_tracked += 1
        scale, shift = gamma * r, gamma * d + beta  # x_hat * r + d, scaled and shifted: BatchNorm with these two
        return F.batch_norm(x, running_mean, running_var, scale, shift, True, self.momentum, self.eps)


class _OtherBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A layer with BatchNorm's parameters and buffers whose `kernel` does something else; arguments: F.batch_norm's."""

    def _check_input_dim(self, x):
        pass

    def forward(self, x):
        if self.training:
            self.num_batches_tracked += 1
        vectors = (self.running_mean, self.running_var, self.weight, self.bias)
        return self.kernel(x, *vectors, self.training, self.momentum, self.eps)


class AddSD(_OtherBatchNorm):
    """What some web pages say BatchNorm does: subtract the mean of each channel and *add* its standard deviation.

        y = gamma * (x - mean + sqrt(var + eps)) + beta

    In training mode mean and var of the batch, in evaluation mode running averages of them.
    """

    @staticmethod
    def kernel(x, running_mean, running_var, weight, bias, training, momentum, eps):
        """y, see above; the arguments are those of F.batch_norm."""
        axes = [axis for axis in range(x.dim()) if axis != 1]
        mean, var = running_mean, running_var
        if training:
            var, mean = torch.var_mean(x, axes, correction=0)
            running_mean.lerp_(mean.detach(), momentum)
            running_var.lerp_(var.detach(), momentum)
        mean, sd, weight, bias = (
            v.reshape(-1, *(1,) * (x.dim() - 2)) for v in (mean, (var + eps).sqrt(), weight, bias)
        )
        return weight * (x - mean + sd) + bias


class Dropout(nn.Module):
    """In training mode each number is 0 with probability p and otherwise divided by 1 - p; in evaluation mode, nothing.

    p     share of numbers that are dropped
    seed  of the choices: a net draws the same ones alone and in a stack
    Source: Srivastava et al. 2014, "Dropout", section 10 (scaled in training, as PyTorch does).
    """

    def __init__(self, p, seed):
        super().__init__()
        self.p, self.generator = p, torch.Generator().manual_seed(seed)

    def draw(self, n, features, like):
        """A factor for each feature of each of n examples, (n, features), of the type of `like`."""
        kept = torch.rand(n, features, generator=self.generator, dtype=torch.float64) >= self.p
        return kept.to(like) / (1 - self.p)

    def forward(self, x):
        """x (N, C) with numbers dropped in training mode, x itself in evaluation mode."""
        return x * self.draw(*x.shape, x) if self.training else x


class Noise(nn.Module):
    """In training mode, a random scale and shift for every unit of every example; in evaluation mode, nothing.

        y = s * x + t,    t uniform within .1 of mu,    s normal around sigma with standard deviation .1

    where each unit has, anew at every step, a mu uniform within .5 * level and a sigma uniform from 1 to
    1 + .25 * level: the inputs of the next layer shift at every step, as violently as the level says.

    level  1: as much as in the paper, whose n_mu is 0.5, n_sigma 1.25 and r 0.1
    seed   of the noise
    Source: Santurkar et al. 2018, "How does batch normalization help optimization?", section 2.1 and
    appendix A, algorithm 1.
    """

    def __init__(self, level, seed):
        super().__init__()
        self.level, self.generator = level, torch.Generator().manual_seed(seed)

    def draw(self, n, features, like):
        """A scale and a shift for each of n examples: two (n, features) tensors, of the type of `like`."""
        uniform = torch.rand(2, features, generator=self.generator, dtype=torch.float64)
        mu, sigma = self.level * (uniform[0] - 0.5), 1 + 0.25 * self.level * uniform[1]
        t = mu + 0.2 * (torch.rand(n, features, generator=self.generator, dtype=torch.float64) - 0.5)
        s = sigma + 0.1 * torch.randn(n, features, generator=self.generator, dtype=torch.float64)
        return s.to(like), t.to(like)

    def forward(self, x):
        """x (N, C) with noise in training mode, x itself in evaluation mode."""
        if not self.training:
            return x
        s, t = self.draw(*x.shape, x)
        return s * x + t
