"""What is done to a net that is built: a standardized start, and what of it may be trained."""

import torch
from torch import nn

from .layers import Dropout, Noise, RMSNorm


def standardizing(weight, bias, z):
    """Weight and bias with which each unit of a layer has mean 0 and variance 1, where with the given ones it has z.

        weight <- weight / sd,   bias <- (bias - mean) / sd        mean, sd of each unit's z

    weight  (units, *)      bias  (units,)
    z       (N, units, *)   what the layer gives for some hundred examples
    Returns weight (units, *), bias (units,).
    Source: Salimans & Kingma 2016, "Weight normalization", section 3.
    """
    axes = tuple(axis for axis in range(z.ndim) if axis != 1)
    per_unit = (-1, *(1,) * (z.ndim - 2))
    mean = z.mean(axes)
    sd = ((z - mean.reshape(per_unit)) ** 2).mean(axes) ** 0.5
    return weight / sd.reshape(-1, *(1,) * (weight.ndim - 1)), (bias - mean) / sd


@torch.no_grad()
def standardize_start(net, x):
    """Change net in place so that, on x, what every activation gets has mean 0 and variance 1; nothing keeps it so.

    It is `standardizing` for one hidden layer after the other, first layer first. This is what BatchNorm does before
    the first step, and BatchNorm without the rest: the control that tells a good start from normalizing at every step.

    net  nn.Sequential, as `mlp` or `cnn` return it with norm 'none'; its last layer stays as it is. Noise and dropout
         are left out, so that a net with them starts from the weights of the same net without
    x    (N, C, H, W)  some hundred training images
    Returns net.
    Raises ValueError if net has a normalization, or a unit has the same value for all of x.
    Source: Mishkin & Matas 2016, "All you need is a good init".
    """
    layers = [layer for layer in net.children() if not isinstance(layer, Noise | Dropout)]
    hidden = [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)][:-1]
    if any(layer.bias is None for layer in hidden) or not hidden:
        raise ValueError("the net has a normalization or no hidden layer; build it with norm='none'")
    for layer in layers:
        if layer in hidden:
            weight, bias = standardizing(layer.weight, layer.bias, layer(x))
            if not bias.isfinite().all():
                raise ValueError("a unit has the same value for every image; use more images, or another init")
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        x = layer(x)
    return net


def train_only_norms(net):
    """Let only the scales and shifts of the normalizations be trained; every other parameter stays as it is.

    net  nn.Module  changed in place: requires_grad of each of its parameters
    Returns how many numbers are left to train.
    Source: Frankle et al. 2021, "Training BatchNorm and only BatchNorm".
    """
    norms = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, RMSNorm)
    for layer in net.modules():
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(isinstance(layer, norms))
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)


def freeze_batch_norms(net):
    """Keep every BatchNorm of net in evaluation mode for good: `net.train()` wakes it up no more.

    Its running statistics then stay as they are, and no example sees another; scale and shift are still trained.

    net  nn.Module or Stack, changed in place
    Returns net.
    """
    for module in net.modules():
        if hasattr(module, "running_mean"):
            module.eval()
            module.train = lambda mode=True, module=module: module  # what net.train() calls, for each part of net
    return net
