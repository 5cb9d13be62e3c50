"""Many nets of one shape as one net."""

import copy
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from .build import ACTIVATIONS
from .layers import BatchRenorm, Dropout, GhostBatchNorm, Noise, ResidualBlock, RMSNorm, Scale


class Stack(nn.Sequential):
    """P nets of one shape as one net: parameters and buffers keep their names and gain a first dimension P.

    Nets of this size spend their time on calls, not on arithmetic; one call for all of them is what a GPU and one core
    both like. Each member has its own parameters, statistics and noise, and sees nothing of its neighbours.

    nets  list of nn.Sequential from `mlp`, `cnn` or `residual` with equal arguments (init and seed may differ)
    forward(x): x (P, N, C, H, W), or (N, C, H, W) for the same images to every member; returns (P, N, classes).
    Inside, images are (N, P * C, H, W) and features (P, C, N), which suits PyTorch's own kernels.
    Raises ValueError if the nets differ in shape, TypeError for a layer that cannot be stacked.
    """

    def __init__(self, nets):
        if len({tuple((name, v.shape) for name, v in net.state_dict().items()) for net in nets}) != 1:
            raise ValueError(f"got {len(nets)} nets of different shapes; only nets of one shape can be stacked")
        super().__init__(_children(nets))
        self.members, self.flattens = len(nets), isinstance(next(nets[0].children()), nn.Flatten)

    def forward(self, x):
        """Logits of every member, (P, N, classes)."""
        x = x.expand(self.members, *x.shape[-4:]).transpose(0, 1)
        if not self.flattens:  # what is flattened anyway need not be put side by side before
            x = x.flatten(1, 2)
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


# --- one forward for each kind of layer ------------------------------------------------------------------------------
# torch.func.vmap of the layer would do what each of these does, and give the same to 1e-12, but not as fast. Gradients
# of one step of 24 nets in float64, with one kind of layer by vmap, take so many times as long (CPU time of one thread,
# medians of paired ratios): Linear 1.6, BatchNorm 2.6, GroupNorm 1.4 (in a cnn 1.2), RMSNorm 1.25 (1.1), Conv2d 1.1,
# Scale 1.1; Flatten is a tie and shorter like this. `bench engine` measures whole nets by vmap against this file: an
# mlp with LayerNorm or GroupNorm is a tie there (inside a stack the same layer by vmap is slower, because of the order
# of its axes), all others are slower. And vmap can do nothing for Noise and Dropout, where each member has a generator
# of its own, nor for BatchRenorm, which reads a number from a buffer.


def _linear(stack, layers, x):  # (P, C, N)
    if stack.bias is None:
        return torch.bmm(stack.weight, x)
    return torch.baddbmm(stack.bias[..., None], stack.weight, x)


def _conv(stack, layers, x):  # (N, P * C, H, W)
    bias = None if stack.bias is None else stack.bias.flatten()
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
    GhostBatchNorm: _by_examples,  # these two before the class that they are made of
    BatchRenorm: _by_examples,
    nn.modules.batchnorm._BatchNorm: _batch_norm,
    nn.GroupNorm: _group_norm,
    RMSNorm: _rms_norm,
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.Flatten: _flatten,
    Scale: _scale,
    Noise: _noise,
    Dropout: _dropout,
}


def _stackable():
    return [kind.__name__.strip("_") for kind in (*_FORWARD, *ACTIVATIONS.values(), nn.MaxPool2d)]
