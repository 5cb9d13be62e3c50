"""Wrong answers to the exercise `fold_net`."""

import copy
from itertools import pairwise

import torch
from torch import nn

from bnbook.grading.exercise import slip_of
from bnbook.norm_torch import fold

# --- fold_net(net) -> net ---------------------------------------------------------------------------------------------

_LAYERS, _NORMS = (nn.Conv2d, nn.Linear), nn.modules.batchnorm._BatchNorm


def _into(layer, norm, eps=None, gamma=True, bias=True):
    eps = norm.eps if eps is None else eps
    vectors = (norm.weight if gamma else None, norm.bias, norm.running_mean, norm.running_var, eps)
    weight, shift = fold(layer.weight, layer.bias if bias else None, *vectors)
    layer.weight, layer.bias = nn.Parameter(weight.detach()), nn.Parameter(shift.detach())


def _fold(net, pair=_into, parts=None, copied=True, keep=False):
    """The finished function, with what is done to a pair, and where, handed in."""
    net = copy.deepcopy(net).eval() if copied else net.eval()
    for part in [m for m in net.modules() if isinstance(m, nn.Sequential)] if parts is None else parts(net):
        for place, (layer, norm) in enumerate(pairwise(part), start=1):
            if isinstance(layer, _LAYERS) and isinstance(norm, _NORMS):
                pair(layer, norm)
                if not keep:
                    part[place] = nn.Identity()
    return net


@slip_of("fold_net")
def only_the_outermost(net):
    """going through the children of the net and not of its blocks: a residual block is a Sequential inside of the
    Sequential. Of the 3 BatchNorms of the residual CNN, 2 are still there."""
    return _fold(net, parts=lambda net: [net])


@slip_of("fold_net")
def in_place(net):
    """no copy: the net that you were given is folded, and cannot be trained on, nor compared with what comes out.
    Begin with copy.deepcopy(net), 1 line."""
    return _fold(net, copied=False)


@slip_of("fold_net")
def the_norm_left(net):
    """the weights folded and the BatchNorm left where it was: everything is normalized twice, as y shows.
    nn.Identity() takes its place, 1 line."""
    return _fold(net, keep=True)


@slip_of("fold_net")
def another_eps(net):
    """the default of fold, eps=1e-5, in place of the layer's own, norm.eps: one digit in a thousand for a small
    variance, and easily missed; where eps is 0.1 it is plain to see. On the example y is {y}, expected
    {right_y}."""
    return _fold(net, lambda layer, norm: _into(layer, norm, eps=1e-5))


@slip_of("fold_net")
def gamma_forgotten(net):
    """None for gamma: the scale that the BatchNorm has learned is lost, and beta is not. On the example y is {y},
    expected {right_y}."""
    return _fold(net, lambda layer, norm: _into(layer, norm, gamma=False))


@slip_of("fold_net")
def bias_forgotten(net):
    """None for the layer's own bias: right for a convolution made with bias=False, and wrong for every other layer,
    whose bias is scaled along. On the example y is {y}, expected {right_y}."""
    return _fold(net, lambda layer, norm: _into(layer, norm, bias=False))


@slip_of("fold_net")
def thrown_away(net):
    """the BatchNorm replaced by nn.Identity() and nothing folded: 0 of its four vectors arrive anywhere. First
    fold, then replace."""
    return _fold(net, lambda layer, norm: None)


@slip_of("fold_net")
def across_a_relu(net):
    """every BatchNorm folded into the last convolution or linear layer before it, whatever stands between: a ReLU
    between them is not linear, so y is wrong where one of the probes has one. Neighbours only, 1 apart."""

    def walk(net):
        last = None
        for part in net.modules():
            for name, module in part.named_children():
                last = module if isinstance(module, _LAYERS) else last
                if isinstance(module, _NORMS) and last is not None:
                    _into(last, module)
                    setattr(part, name, nn.Identity())
        return net

    return walk(copy.deepcopy(net).eval())


@slip_of("fold_net")
def a_shared_relu_passed_over(net):
    """going through named_children(): a module that stands at two places, such as one ReLU for the whole net, comes up
    at the first of them only, and a convolution looks like the neighbour of the BatchNorm behind its ReLU,
    1 pair too many. pairwise(part) goes through every place."""
    net = copy.deepcopy(net).eval()
    for part in [m for m in net.modules() if isinstance(m, nn.Sequential)]:
        for (_, layer), (name, norm) in pairwise(part.named_children()):
            if isinstance(layer, _LAYERS) and isinstance(norm, _NORMS):
                _into(layer, norm)
                setattr(part, name, nn.Identity())
    return net


@slip_of("fold_net")
def variance_without_its_root(net):
    """dividing by running_var + eps: the standard deviation is its root. A variance of 4 shrinks weights to a
    quarter that should be halved. On the example y is {y}, expected {right_y}."""

    def pair(layer, norm):
        squared = copy.deepcopy(norm)
        squared.running_var, squared.eps = (norm.running_var + norm.eps) ** 2, 0.0
        _into(layer, squared)

    return _fold(net, pair)


@slip_of("fold_net")
def left_in_training_mode(net):
    """a copy in the mode of the original and not in evaluation mode: what could not be folded, such as a BatchNorm
    at the input, then normalizes by the batch. Call .eval() on the copy, 1 word."""
    folded = _fold(net)
    for module in folded.modules():
        module.training = True
    with torch.no_grad():
        return folded
