"""The nets of the course, built and started."""

import math
from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn

from ..norm_torch import BatchNorm1d, BatchNorm2d
from .layers import AddSD, BatchRenorm, Dropout, GhostBatchNorm, Noise, ResidualBlock, RMSNorm, Scale

NORMS = ("none", "batch", "layer", "group", "instance", "rms")
ODD_NORMS = ("renorm", "add_sd")  # `BatchRenorm` and `AddSD`: for one experiment each
FLAT_NORMS = tuple(norm for norm in NORMS if norm != "instance")  # a single value cannot be normalized
INITS = ("he", "torch")
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


def cnn(
    norm="batch", width=8, init="he", seed=0, shape=(1, 8, 8), classes=10, ghost=None, after=False, dropout=0.0
):  # fmt: skip
    """A convolutional net for small images, 8 x 8 with one channel unless told otherwise.

        [conv 3x3 - norm - relu - maxpool 2]  twice,  [conv 3x3 - norm - relu]  once,  dropout,  linear

    norm     one of NORMS: 'none', 'batch', 'layer', 'group' (4 groups of channels), 'instance', 'rms'; or of ODD_NORMS
    width    channels of the first convolution; the other two have twice as many
    init     'he': normal, variance 2 / fan_in (1 / fan_in in the linear layer, which has no relu behind it);
             'torch': uniform within 1 / sqrt(fan_in), the scale PyTorch uses when nobody asks. Biases start at 0.
    seed     of the weights
    shape, classes   of one image (C, H, W), and how many classes there are: `data.Data` knows both
    ghost    with norm 'batch': images that are normalized together, see `GhostBatchNorm`; None: all of the batch
    after    the norm stands after the relu: conv - relu - norm; the convolution then has a bias
    dropout  share of the last layer's inputs that are set to 0 in training, see `Dropout`; 0: there is none
    Returns nn.Sequential, (N, C, H, W) to (N, classes), with layers named conv1, norm1, relu1, pool1, ... linear.
    Raises ValueError for an unknown norm or init, a width below 1, an image below 4 x 4, fewer than 2 classes, a ghost
    with another norm, or a dropout outside [0, 1).
    Source: He et al. 2015, equation 10, for the initialization.
    """
    _one_of("norm", norm, (*NORMS, *ODD_NORMS))
    _one_of("init", init, INITS)
    if width < 1:
        raise ValueError(f"width is {width}; a convolution needs 1 channel or more")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it must be a share from 0 to below 1")
    C, H, W = _image(shape, classes, smallest=4)  # two poolings leave a quarter
    sizes = (C, width, 2 * width, 2 * width)
    layers = OrderedDict()
    with torch.random.fork_rng(devices=[]):  # building a layer draws weights nobody uses: leave the caller's stream be
        for i, (c_in, c_out) in enumerate(pairwise(sizes), start=1):
            # The shift of the normalization does the bias's work: a bias before it would be without effect.
            layers[f"conv{i}"] = nn.Conv2d(c_in, c_out, 3, padding=1, bias=norm == "none" or after)
            pair = [_norm(norm, BatchNorm2d, c_out, i, ghost), {f"relu{i}": nn.ReLU()}]
            for part in reversed(pair) if after else pair:
                layers |= part
            if i < 3:
                layers[f"pool{i}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        if dropout:
            layers["dropout"] = Dropout(dropout, 1000 * seed)
        layers["linear"] = nn.Linear(sizes[-1] * (H // 4) * (W // 4), classes)
    return _initialize(nn.Sequential(layers).double(), init, seed)


def mlp(
    norm="batch", width=64, init="he", seed=0, depth=3, activation="relu", noise=0.0, shape=(1, 8, 8), classes=10,
    ghost=None,
):  # fmt: skip
    """A fully connected net for small images.

        flatten,  [linear - norm - noise - activation]  depth times,  linear

    norm        one of NORMS, but not 'instance', which needs positions to average over
    width       units of each hidden layer
    init        'he' or 'torch' as in `cnn`, or a number, the gain: normal, standard deviation gain / sqrt(fan_in) in
                the hidden layers ('he' is the gain sqrt(2)) and 1 / sqrt(fan_in) in the last. Biases start at 0.
    seed        of the weights, and of the noise
    depth       hidden layers
    activation  'relu', 'tanh', 'sigmoid', or 'identity', which is none at all
    noise       level of the `Noise` in front of each activation; 0: there is none
    shape, classes, ghost   as in `cnn`
    Returns nn.Sequential, (N, C, H, W) to (N, classes), with layers named linear1, norm1, relu1, ... linear.
    Raises ValueError for an unknown norm, init or activation, a width or depth below 1, a negative noise, an image
    without pixels, or fewer than 2 classes.
    """
    _check_mlp(norm, (*FLAT_NORMS, *ODD_NORMS), width, init, depth, activation)
    if not noise >= 0:
        raise ValueError(f"noise is {noise}; it must be 0 (none) or more")
    pixels = math.prod(_image(shape, classes))
    layers = OrderedDict(flatten=nn.Flatten())
    with torch.random.fork_rng(devices=[]):
        for i, (c_in, c_out) in enumerate(pairwise([pixels] + depth * [width]), start=1):
            layers[f"linear{i}"] = nn.Linear(c_in, c_out, bias=norm == "none")
            layers |= _norm(norm, BatchNorm1d, c_out, i, ghost)
            if noise:
                layers[f"noise{i}"] = Noise(noise, 1000 * seed + i)
            layers[f"{activation}{i}"] = ACTIVATIONS[activation]()
        layers["linear"] = nn.Linear(width, classes)
    return _initialize(nn.Sequential(layers).double(), init, seed)


def residual(norm="batch", width=64, init="he", seed=0, depth=3, activation="relu", shape=(1, 8, 8), classes=10):
    """A fully connected net in which every hidden layer adds to what it is given.

        flatten, linear,  h + scale * linear(activation(norm(h)))  depth times,  norm, activation, linear

    norm   as in `mlp`, or 'skip_init': no normalization, but a learned scale for each block that starts at
           0, so that the untrained net is as deep as its first and last layer (the other norms have no scale)
    The other arguments, and what is returned and raised, are as in `mlp`; blocks are named block1, block2, ...
    Source: He et al. 2016b, "Identity mappings in deep residual networks", for the order within a block; De & Smith
    2020, "Batch normalization biases residual blocks towards the identity function", for 'skip_init'.
    """
    _check_mlp(norm, (*FLAT_NORMS, *ODD_NORMS, "skip_init"), width, init, depth, activation)
    pixels = math.prod(_image(shape, classes))
    with torch.random.fork_rng(devices=[]):
        layers = OrderedDict(flatten=nn.Flatten(), linear0=nn.Linear(pixels, width))
        for i in range(1, depth + 1):
            branch = OrderedDict(_norm(norm, BatchNorm1d, width, ""))
            branch |= {activation: ACTIVATIONS[activation](), "linear": nn.Linear(width, width)}
            if norm == "skip_init":
                branch["scale"] = Scale()
            layers[f"block{i}"] = ResidualBlock(branch)
        layers |= _norm(norm, BatchNorm1d, width, depth + 1)
        layers |= {f"{activation}{depth + 1}": ACTIVATIONS[activation](), "linear": nn.Linear(width, classes)}
    return _initialize(nn.Sequential(layers).double(), init, seed)


def _norm(norm, batch_norm, channels, number, ghost=None):
    """The normalization of one layer under its name, or nothing."""
    if ghost is not None:
        if norm != "batch":
            raise ValueError(f"ghost is {ghost} and norm {norm!r}; only norm 'batch' has ghost batches")
        return {f"norm{number}": GhostBatchNorm(channels, ghost)}
    if norm == "add_sd":
        return {f"norm{number}": AddSD(channels)}
    if norm == "renorm":
        return {f"norm{number}": BatchRenorm(channels)}
    if norm == "batch":
        return {f"norm{number}": batch_norm(channels)}
    if norm == "layer":  # over the channels and positions of one example, with a scale and a shift for each channel
        return {f"norm{number}": nn.GroupNorm(1, channels)}
    if norm == "group":
        return {f"norm{number}": nn.GroupNorm(4, channels)}
    if norm == "instance":
        return {f"norm{number}": nn.GroupNorm(channels, channels)}
    if norm == "rms":
        return {f"norm{number}": RMSNorm(channels)}
    return {}


@torch.no_grad()
def _initialize(net, init, seed):
    """Draw the weights layer by layer from one generator; normalizations draw nothing, so the draws stay aligned."""
    generator = torch.Generator().manual_seed(seed)
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        fan_in = layer.weight[0].numel()
        if init == "torch":
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
        else:
            gain_squared = 1 if layer is layers[-1] else 2 if init == "he" else init**2  # the last feeds no relu
            layer.weight.normal_(0, (gain_squared / fan_in) ** 0.5, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    return net


def _image(shape, classes, smallest=1):
    """C, H, W of an image that a net can be built for."""
    if len(shape) != 3 or min(shape) < 1 or min(shape[1:]) < smallest:
        raise ValueError(f"shape is {tuple(shape)}; it must be (C, H, W), with {smallest} x {smallest} pixels or more")
    if classes < 2:
        raise ValueError(f"classes is {classes}; a net that classifies needs 2 or more")
    return shape


def _check_mlp(norm, norms, width, init, depth, activation):
    _one_of("norm", norm, norms)
    if not isinstance(init, int | float):
        _one_of("init", init, INITS)
    _one_of("activation", activation, tuple(ACTIVATIONS))
    if width < 1 or depth < 1:
        raise ValueError(f"width is {width} and depth {depth}; both must be 1 or more")


def _one_of(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}")
