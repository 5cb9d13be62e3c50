"""Small networks that differ only in their normalization, and many of one shape as one network.

Read after data.
Used from notebook 00 on; stacks from notebook 07 on.

Nets made with the same seed have the same convolution and linear weights, whatever their normalization: what then
differs between their trainings is due to the normalization. Parameters are float64, because training in float32
gives other digits on another machine.
"""

import copy
import math
from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from bnbook.norm_torch import BatchNorm1d, BatchNorm2d

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


# --- BatchNorm with small batches: notebook 10 ---


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


# --- for the claims: notebook 12 ---


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

    level  1: meant to be as much as in the paper (its limits .5 and 1.25, its .1; from memory, not checked there)
    seed   of the noise
    Source: Santurkar et al. 2018, "How does batch normalization help optimization?", section 2.1, for the idea.
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

    net  nn.Sequential, as `mlp` or `cnn` return it with norm 'none'; its last layer stays as it is
    x    (N, C, H, W)  some hundred training images
    Returns net.
    Raises ValueError if net has a normalization, or a unit has the same value for all of x.
    Source: Mishkin & Matas 2016, "All you need is a good init".
    """
    layers = list(net.children())
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


# --- many nets as one ----------------------------------------------------------------------------------------------


class Stack(nn.Sequential):
    """P nets of one shape as one net: parameters and buffers keep their names and gain a first dimension P.

    Nets of this size spend their time on calls, not on arithmetic; one call for all of them is what a GPU and one core
    both like. Each member has its own parameters, statistics and noise, and sees nothing of its neighbours.

    nets  list of nn.Sequential from `mlp`, `cnn` or `residual` with equal arguments (init and seed may differ)
    forward(x): x (P, N, C, H, W), or (N, C, H, W) for the same images to every member; returns (P, N, classes).
    Inside, images are (N, P * C, H, W) and features (P, C, N), which suits PyTorch's own kernels. The first layer gets
    (N, P, C, H, W): to flatten it no number has to be moved.
    Raises ValueError if the nets differ in shape, TypeError for a layer that cannot be stacked.
    """

    def __init__(self, nets):
        if len({tuple((name, v.shape) for name, v in net.state_dict().items()) for net in nets}) != 1:
            raise ValueError(f"got {len(nets)} nets of different shapes; only nets of one shape can be stacked")
        super().__init__(_children(nets))
        self.members = len(nets)

    def forward(self, x):
        """Logits of every member, (P, N, classes)."""
        x = x.expand(self.members, *x.shape[-4:]).transpose(0, 1)
        return super().forward(x).transpose(1, 2)

    def member(self, i, net):
        """Give net, which has the shape of a member, the parameters and buffers of member i; returns net."""
        net.load_state_dict({name: value[i] for name, value in self.state_dict().items()})
        return net


class Together(nn.Module):
    """One layer of each of P nets, as one layer."""

    def __init__(self, layers, forward):
        super().__init__()
        self.members, self._forward = len(layers), forward
        self.layers = (layers,)  # hidden in a tuple: their parameters are copied below, and are not this module's
        for name, p in layers[0]._parameters.items():
            if p is None:  # a layer without a bias
                self.register_parameter(name, None)
                continue
            stacked = torch.stack([layer.get_parameter(name).detach() for layer in layers])
            self.register_parameter(name, nn.Parameter(stacked, requires_grad=p.requires_grad))
        for name, _ in layers[0].named_buffers():
            self.register_buffer(name, torch.stack([layer.get_buffer(name) for layer in layers]))

    def forward(self, x):
        """What the layers give, each for its own part of x."""
        return self._forward(self, self.layers[0], x)


def _children(nets, in_place=True):
    names = [name for name, _ in nets[0].named_children()]
    return OrderedDict((name, _stacked([net.get_submodule(name) for net in nets], in_place)) for name in names)


def _stacked(layers, in_place):
    first = layers[0]
    for kind, forward in _FORWARD.items():
        if isinstance(first, kind):
            return Together(layers, forward)
    if isinstance(first, ResidualBlock):
        return ResidualBlock(_children(layers, in_place=False))  # the sum still needs what goes into the branch
    if isinstance(first, nn.ReLU):
        return nn.ReLU(in_place)  # the same numbers; one array less to go through memory at every layer
    if isinstance(first, (nn.Tanh, nn.Sigmoid, nn.Identity, nn.MaxPool2d)):
        return copy.deepcopy(first)  # these do the same to every number, or to every channel
    raise TypeError(f"{type(first).__name__} is not among the layers that can be stacked: {', '.join(_stackable())}")


def _linear(stack, layers, x):  # (P, C, N)
    if stack.bias is None:
        return torch.bmm(stack.weight, x)
    return torch.baddbmm(stack.bias[..., None], stack.weight, x)


def _conv(stack, layers, x):  # (N, P * C, H, W), or (N, P, C, H, W)
    bias = None if stack.bias is None else stack.bias.flatten()
    x = x.flatten(1, 2) if x.dim() == 5 else x
    return F.conv2d(x, stack.weight.flatten(0, 1), bias, padding=layers[0].padding, groups=stack.members)


def _batch_norm(stack, layers, x):
    """PyTorch's own kernel (or the layer's), to which all members' channels are one long row of channels."""
    shape = x.shape
    x = x.reshape(1, -1, shape[-1]) if x.dim() == 3 else x
    vectors = (stack.running_mean, stack.running_var, stack.weight, stack.bias)
    kernel = getattr(layers[0], "kernel", F.batch_norm)
    y = kernel(x, *(v.view(-1) for v in vectors), stack.training, layers[0].momentum, layers[0].eps)
    if stack.training:
        stack.num_batches_tracked.add_(1)
    # Not .view: of a view, autograd would copy all that the ReLU behind it does in place.
    return torch.ops.aten._unsafe_view(y, shape)


def _by_examples(stack, layers, x):
    """The layer's own arithmetic, to which all members' channels are one long row of channels."""
    first = layers[0]
    norm = first.by_parts if isinstance(first, GhostBatchNorm) else first.pulled
    if x.dim() == 4:
        return norm(x, stack, stack.training)
    y = norm(x.permute(2, 0, 1).flatten(1), stack, stack.training)  # (P, C, N) to (N, P * C)
    return y.unflatten(1, x.shape[:2]).permute(1, 2, 0)


def _group_norm(stack, layers, x):
    groups, eps = layers[0].num_groups, layers[0].eps
    if x.dim() == 4:
        return F.group_norm(x, stack.members * groups, stack.weight.flatten(), stack.bias.flatten(), eps)
    grouped = x.view(stack.members, groups, -1, x.shape[-1])
    centred = grouped - grouped.mean(2, keepdim=True)
    x_hat = centred * (centred.square().mean(2, keepdim=True) + eps).rsqrt()
    return torch.addcmul(stack.bias[..., None], stack.weight[..., None], x_hat.view(x.shape))


def _rms_norm(stack, layers, x):
    eps, shape = layers[0].eps, x.shape
    if x.dim() == 3:
        return stack.weight[..., None] * x * (x.square().mean(1, keepdim=True) + eps).rsqrt()
    x = x.unflatten(1, (stack.members, -1))
    inv = (x.square().mean((2, 3, 4), keepdim=True) + eps).rsqrt()
    return (stack.weight[..., None, None] * x * inv).view(shape)


def _flatten(stack, layers, x):  # (N, P * C, H, W) or (N, P, C, H, W) to (P, C * H * W, N)
    return x.reshape(len(x), stack.members, -1).permute(1, 2, 0)


def _scale(stack, layers, x):
    return stack.alpha[:, None, None] * x


def _noise(stack, layers, x):
    if not stack.training:
        return x
    draws = [layer.draw(x.shape[2], x.shape[1], x) for layer in layers]  # each member's own, as if it were alone
    s, t = (torch.stack(part).transpose(1, 2) for part in zip(*draws, strict=True))
    return s * x + t


def _dropout(stack, layers, x):
    if not stack.training:
        return x
    return x * torch.stack([layer.draw(x.shape[2], x.shape[1], x).T for layer in layers])


_FORWARD = {
    **{GhostBatchNorm: _by_examples, BatchRenorm: _by_examples},  # before the class that they are made of
    **{nn.Linear: _linear, nn.Conv2d: _conv, nn.modules.batchnorm._BatchNorm: _batch_norm, nn.GroupNorm: _group_norm},
    RMSNorm: _rms_norm,
    **{nn.Flatten: _flatten, Scale: _scale, Noise: _noise, Dropout: _dropout},
}


def _stackable():
    return [kind.__name__.strip("_") for kind in (*_FORWARD, *ACTIVATIONS.values(), nn.MaxPool2d)]


# --- building --------------------------------------------------------------------------------------------------------


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
