"""Small networks that differ only in their normalization.

Read after data.
Used from notebook 00 on.

Nets made with the same seed have the same convolution and linear weights, whatever their normalization: what then
differs between their trainings is due to the normalization. Parameters are float64, because training in float32
gives other digits on another machine.
"""

import math
from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn

from bnbook.norm_torch import BatchNorm1d, BatchNorm2d

NORMS = ("none", "batch")
INITS = ("he", "torch")
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def cnn(norm="batch", width=8, init="he", seed=0, shape=(1, 8, 8), classes=10):
    """A convolutional net, by default for one-channel 8 x 8 images and ten classes.

        [conv 3x3 - norm - relu - maxpool 2]  twice,  [conv 3x3 - norm - relu]  once,  linear

    norm   'none' or 'batch'
    width  channels of the first convolution; the other two have twice as many
    init   'he': normal, variance 2 / fan_in (1 / fan_in in the linear layer, which has no relu behind it);
           'torch': uniform within 1 / sqrt(fan_in), the scale PyTorch uses when nobody asks. Biases start at 0.
    seed   of the weights
    shape, classes   of one image (C, H, W), and how many classes there are: `data.Data` knows both
    Returns nn.Sequential, (N, C, H, W) to (N, classes), with layers named conv1, norm1, relu1, pool1, ... linear.
    Raises ValueError for an unknown norm or init, a width below 1, an image below 4 x 4, or fewer than 2 classes.
    Source: He et al. 2015, equation 10, for the initialization.
    """
    _one_of("norm", norm, NORMS)
    _one_of("init", init, INITS)
    if width < 1:
        raise ValueError(f"width is {width}; a convolution needs 1 channel or more")
    C, H, W = _image(shape, classes, smallest=4)  # two poolings leave a quarter
    sizes = (C, width, 2 * width, 2 * width)
    layers = OrderedDict()
    with torch.random.fork_rng(devices=[]):  # building a layer draws weights nobody uses: leave the caller's stream be
        for i, (c_in, c_out) in enumerate(pairwise(sizes), start=1):
            # The shift of BatchNorm does the bias's work, so a bias before it would be a parameter without effect.
            layers[f"conv{i}"] = nn.Conv2d(c_in, c_out, 3, padding=1, bias=norm == "none")
            if norm == "batch":
                layers[f"norm{i}"] = BatchNorm2d(c_out)
            layers[f"relu{i}"] = nn.ReLU()
            if i < 3:
                layers[f"pool{i}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(sizes[-1] * (H // 4) * (W // 4), classes)
    return _initialize(nn.Sequential(layers).double(), init, seed)


def mlp(norm="batch", width=64, init="he", seed=0, depth=3, activation="relu", shape=(1, 8, 8), classes=10):
    """A fully connected net, by default for one-channel 8 x 8 images and ten classes.

        flatten,  [linear - norm - activation]  depth times,  linear

    norm        'none' or 'batch'
    width       units of each hidden layer
    init        'he' or 'torch' as in `cnn`, or a number, the gain: normal, standard deviation gain / sqrt(fan_in) in
                the hidden layers ('he' is the gain sqrt(2)) and 1 / sqrt(fan_in) in the last. Biases start at 0.
    seed        of the weights
    depth       hidden layers
    activation  'relu', 'tanh' or 'sigmoid'
    shape, classes   as in `cnn`
    Returns nn.Sequential, (N, C, H, W) to (N, classes), with layers named linear1, norm1, relu1, ... linear.
    Raises ValueError for an unknown norm, init or activation, a width or depth below 1, an image without pixels, or
    fewer than 2 classes.
    """
    _one_of("norm", norm, NORMS)
    if not isinstance(init, int | float):
        _one_of("init", init, INITS)
    _one_of("activation", activation, tuple(ACTIVATIONS))
    if width < 1 or depth < 1:
        raise ValueError(f"width is {width} and depth {depth}; both must be 1 or more")
    pixels = math.prod(_image(shape, classes))
    layers = OrderedDict(flatten=nn.Flatten())
    with torch.random.fork_rng(devices=[]):
        for i, (c_in, c_out) in enumerate(pairwise([pixels] + depth * [width]), start=1):
            layers[f"linear{i}"] = nn.Linear(c_in, c_out, bias=norm == "none")
            if norm == "batch":
                layers[f"norm{i}"] = BatchNorm1d(c_out)
            layers[f"{activation}{i}"] = ACTIVATIONS[activation]()
        layers["linear"] = nn.Linear(width, classes)
    return _initialize(nn.Sequential(layers).double(), init, seed)


@torch.no_grad()
def _initialize(net, init, seed):
    """Draw the weights layer by layer from one generator; normalizations draw nothing, so the draws stay aligned."""
    generator = torch.Generator().manual_seed(seed)
    layers = [layer for layer in net.children() if isinstance(layer, nn.Conv2d | nn.Linear)]
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


def _one_of(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}")
