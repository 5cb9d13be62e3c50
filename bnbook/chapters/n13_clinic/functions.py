"""Measurements, repaired layers and a rule of notebook 13."""

import copy
import math

import torch
from torch import nn

from bnbook.diagnose import Finding

# --- measurements ----------------------------------------------------------------------------------------------------


def right(net, x, y, training=False):
    """Per cent of x that net labels y, in evaluation or in training mode (one batch); net stays as it was.

    net       (N, *) to (N, classes)
    x, y      (N, *), (N,)
    training  normalize by the batch, as in training
    """
    twin = copy.deepcopy(net).train(training)
    with torch.no_grad():
        return 100 * (twin(x).argmax(1) == y).double().mean().item()


def recalibrated(net, loader):
    """A copy of net whose running statistics are the plain averages over the loader, in evaluation mode."""
    twin = copy.deepcopy(net)
    torch.optim.swa_utils.update_bn(loader, twin)
    return twin.eval()


def statistics(net):
    """(mean of running_mean, mean of running_var) of the first BatchNorm of net, over its channels."""
    layer = next(m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    return layer.running_mean.mean().item(), layer.running_var.mean().item()


def count(net):
    """num_batches_tracked of the first layer of net that has one."""
    return next(int(m.num_batches_tracked) for m in net.modules() if hasattr(m, "num_batches_tracked"))


def calls(net, x):
    """How often each BatchNorm of net is called in one forward pass in evaluation mode: a list, largest last."""
    found, twin = {}, copy.deepcopy(net).eval()
    for module in twin.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.register_forward_hook(lambda layer, *_: found.update({layer: found.get(layer, 0) + 1}))
    with torch.no_grad():
        twin(x)
    return sorted(found.values())


# --- five layers, repaired -------------------------------------------------------------------------------------------


class NormForward(nn.Module):
    """The forward of a BatchNorm of tables (N, C); what it keeps is left to a subclass."""

    def forward(self, x):
        """x (N, C) to y (N, C); in training mode the running statistics move by a tenth."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(var * len(x) / (len(x) - 1), 0.1)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


class NormState(nn.Module):
    """What a BatchNorm keeps: weight, bias, eps, running_mean, running_var; its forward is left to a subclass."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))


class ForgetfulNorm(NormForward):
    """Repaired: the statistics are buffers, so they are saved, loaded and moved with the layer."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))


class HeavyNorm(NormState):
    """Repaired: what goes into the running statistics is detached, so no step's graph is kept."""

    def forward(self, x):
        """x (N, C) to y (N, C)."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean.detach()
            self.running_var = 0.9 * self.running_var + 0.1 * var.detach() * len(x) / (len(x) - 1)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


class GrowingNorm(NormState):
    """Repaired: the gradient flows through mean and variance; only the running statistics are without one."""

    def forward(self, x):
        """x (N, C, H, W) to y (N, C, H, W)."""
        mean, var, column = self.running_mean, self.running_var, (1, -1, 1, 1)
        if self.training:
            m = x.numel() / x.shape[1]
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(var * m / (m - 1), 0.1)
        scale = self.weight / (var + self.eps).sqrt()
        return (x - mean.reshape(column)) * scale.reshape(column) + self.bias.reshape(column)


class FarNorm(NormState):
    """Repaired: the variance is the mean of squared deviations, also far from zero."""

    def forward(self, x):
        """x (N, C) to y (N, C)."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean = x.mean(0)
            var = ((x - mean) ** 2).mean(0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(var * len(x) / (len(x) - 1), 0.1)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


class CloseNorm(NormState):
    """Repaired: the biased variance normalizes, the unbiased one is averaged, and eps stands under the root."""

    def forward(self, x):
        """x (N, C) to y (N, C)."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(x.var(0), 0.1)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


# --- a rule ----------------------------------------------------------------------------------------------------------


def noisy_statistics(layer):
    """A rule for `diagnose`: the running mean of a BatchNorm hangs on so few values that it is mostly noise.

        error = sqrt(p / (2 - p) / values),   p the momentum, in standard deviations of the channel

    layer  a diagnose.LayerRecord
    Returns a Finding (a warning, with measured (error, 0.1, "sd")) if the error exceeds 0.1, else None; None, too, for
    other families than "batch", without a momentum (a plain average), without running statistics or without data.
    Source: the variance of p * sum of (1 - p)^k x_k with independent x_k is p / (2 - p) that of one.
    """
    if layer.family != "batch" or not layer.has_stats or layer.momentum is None or layer.values is None:
        return None
    error = math.sqrt(layer.momentum / (2 - layer.momentum) / layer.values)
    if error <= 0.1:
        return None
    why = f"With momentum {layer.momentum:g} and {layer.values} values a batch its running mean is off by noise."
    fix = f'model.get_submodule("{layer.name}").momentum = 0.01'
    return Finding("noisy-statistics", "warning", layer.name, (error, 0.1, "sd"), why, fix)
