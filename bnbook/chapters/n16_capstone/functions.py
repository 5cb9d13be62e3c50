"""Finished functions of notebook 16: a block, a choice that can be defended, and what is done to a trained net."""

import copy
import math
from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn

from bnbook import nets, train
from bnbook.lab import results
from bnbook.norm_torch import BatchNorm2d, fold

# --- the net ---------------------------------------------------------------------------------------------------------

NORMS = {  # each is called with the number of channels
    "none": nn.Identity,
    "batch": BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(math.gcd(channels, 4), channels),
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "instance": lambda channels: nn.GroupNorm(channels, channels),
    "rms": nets.RMSNorm,
}


def residual_block(channels, norm):
    """A residual block of a CNN; it keeps the shape (N, channels, H, W).

        y = x + branch(x),      branch: conv 3x3 - norm - relu - conv 3x3 - norm

    norm  called as norm(channels): a new normalization. For nn.Identity, which has no shift, the convolutions have a
          bias; for all others they have none
    Returns a nets.ResidualBlock, which is an nn.Sequential that adds its input.
    Source: He et al. 2015, "Deep residual learning for image recognition", figure 2, without the last relu.
    """
    bias = norm is nn.Identity
    return nets.ResidualBlock(
        OrderedDict(
            conv1=nn.Conv2d(channels, channels, 3, padding=1, bias=bias),
            norm1=norm(channels),
            relu=nn.ReLU(),
            conv2=nn.Conv2d(channels, channels, 3, padding=1, bias=bias),
            norm2=norm(channels),
        )
    )


def residual_net(norm, shape, classes, seed=0, width=6, block=residual_block):
    """A small residual CNN, its weights drawn from seed (He), the same for every normalization.

        conv 3x3 - norm - relu - maxpool,  block - relu,  flatten, linear

    norm   a name in NORMS        shape, classes  of the images, see data.Data
    width  channels               block           called as block(channels, norm)
    The pooling is by 4 for images of 24 x 24 and more, else by 2.
    Returns nn.Sequential, (N, C, H, W) to (N, classes), float64.
    Raises ValueError for an unknown norm or images below 4 x 4.
    """
    (C, H, W), make = shape, NORMS.get(norm)
    if make is None or min(H, W) < 4:
        raise ValueError(f"norm is {norm!r}, images are {H} x {W}; norms are {', '.join(NORMS)}, images 4 x 4 or more")
    pool = 4 if min(H, W) >= 24 else 2
    with torch.random.fork_rng(devices=[]):  # the layers draw weights that nobody uses
        layers = OrderedDict(conv1=nn.Conv2d(C, width, 3, padding=1, bias=norm == "none"), norm1=make(width))
        layers |= {"relu1": nn.ReLU(), "pool1": nn.MaxPool2d(pool)}
        layers |= {"block1": block(width, make), "relu2": nn.ReLU(), "flatten": nn.Flatten()}
        layers["linear"] = nn.Linear(width * (H // pool) * (W // pool), classes)
    return _started(nn.Sequential(layers).double(), seed)


@torch.no_grad()
def _started(net, seed):
    generator = torch.Generator().manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            gain = 2 if isinstance(layer, nn.Conv2d) else 1
            layer.weight.normal_(0, (gain / layer.weight[0].numel()) ** 0.5, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
    return net


# --- the choice ------------------------------------------------------------------------------------------------------


def choose(table, prefer, margin=1.0):
    """The first of your preferences that is not shown to be worse than another one.

    table   a long table of paired runs (see bnbook.lab.results): arm, seed, step, measure, value
    prefer  arms, the one you would like best first
    margin  points of val_accuracy; a difference within them is none
    An arm is out if it is 'less' than any of the others, all its comparisons together (Holm).
    Returns the arm, and its comparisons with the others in the order of prefer: a DataFrame as `results.holm` returns.
    """
    for arm in prefer:
        rivals = [other for other in prefer if other != arm]
        rows = [results.compare(table, arm, rival, "val_accuracy", margin=margin) for rival in rivals]
        rows = results.holm(rows)
        if "less" not in set(rows["verdict"]):
            return arm, rows
    raise ValueError(f"every one of {', '.join(prefer)} is less than another one")  # the best mean never is


# --- a trained net ---------------------------------------------------------------------------------------------------


def recalibrate(net, batches):
    """Replace the running statistics of every BatchNorm by the plain average over these batches; change nothing else.

        running_mean = mean of the batches' means,  running_var = mean of their unbiased variances

    net      nn.Module, changed in place; it gets back its mode, and every layer its momentum
    batches  a list of (x, y)
    Returns net.
    Source: torch.optim.swa_utils.update_bn, which does the same (but sets all parts of net to one mode afterwards).
    """
    norms = [layer for layer in net.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta, modes = [norm.momentum for norm in norms], [(layer, layer.training) for layer in net.modules()]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    with torch.no_grad():
        for x, _ in batches:
            net(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for layer, training in modes:
        layer.training = training
    return net


def freeze(net):
    """Let only the last linear layer of net be trained: every other parameter, and every running statistic, stays.

    Every BatchNorm stays in evaluation mode for good: `net.train()` wakes it up no more.
    net  nn.Module, changed in place
    Returns net.
    """
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    for parameter in last.parameters():
        parameter.requires_grad_(True)
    return nets.freeze_batch_norms(net)


def fold_net(net):
    """A copy of net, in evaluation mode, in which every BatchNorm that follows a convolution or linear layer is folded.

    Looked at are neighbours in each nn.Sequential, blocks inside blocks too: an nn.Conv2d or nn.Linear and right behind
    it a BatchNorm, whose place nn.Identity takes. A BatchNorm that follows something else or keeps no running
    statistics, and every other normalization, stays.
    net  nn.Module, left as it is; each of its convolutions and linear layers is used in one place
    Returns the copy.
    """
    net = copy.deepcopy(net).eval()
    for part in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, norm) in enumerate(pairwise(part), start=1):  # named_children() gives a shared layer once
            pair = isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(norm, nn.modules.batchnorm._BatchNorm)
            if pair and norm.running_mean is not None:
                statistics = (norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps)
                weight, bias = fold(layer.weight, layer.bias, *statistics)
                layer.weight, layer.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
                part[place] = nn.Identity()
    return net


def gap(net, run, x):
    """How far another way to run net is off, in evaluation mode.

        max |run(x) - net(x)| / max |net(x)|

    net  nn.Module; it gets back the mode that it had
    run  called as run(x): a folded copy, or a program in another runtime
    x    (N, ...)
    Returns a float; 0 is equal, and rounding gives 1e-16 to 1e-15 in float64, 1e-7 to 1e-6 in float32.
    """
    with torch.no_grad(), train.evaluating(net):
        expected = net(x)
        return float((run(x) - expected).abs().max() / expected.abs().max())
