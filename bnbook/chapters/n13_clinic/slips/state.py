"""Wrong answers to the exercise `ForgetfulNorm`: what a layer keeps, and how."""

import torch
from torch import nn

from bnbook.grading.exercise import slip_of

from ..functions import NormForward


class _Layer(NormForward):
    """All of it right, in steps that a slip can bend."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.learn(width)
        self.remember(width)

    def learn(self, width):
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def remember(self, width):
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))


@slip_of("ForgetfulNorm")
class plain_tensors(_Layer):
    """keeping the statistics as plain tensors: an nn.Module does not know them. state_dict leaves them out, so the
    layer comes back from a file with mean 0 and variance 1, and .to(device) leaves them behind. Register both as
    buffers."""

    def remember(self, width):
        self.running_mean, self.running_var = torch.zeros(width), torch.ones(width)


@slip_of("ForgetfulNorm")
class statistics_as_parameters(_Layer):
    """making the statistics nn.Parameters: now they are saved, but net.parameters() lists 4 vectors where 2 are
    learned, and weight decay, freezing and counting take the other two for weights. They are kept, not learned:
    buffers."""

    def remember(self, width):
        self.running_mean, self.running_var = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.ones(width))


@slip_of("ForgetfulNorm")
class only_the_mean(_Layer):
    """registering the mean and not the variance: running_var is still forgotten, and comes back as 1. Both vectors need
    register_buffer."""

    def remember(self, width):
        self.register_buffer("running_mean", torch.zeros(width))
        self.running_var = torch.ones(width)


@slip_of("ForgetfulNorm")
class not_persistent(_Layer):
    """registering with persistent=False: such a buffer moves with .to(device) but is not saved, so after loading the
    mean is 0 and the variance 1 again. Leave that argument out."""

    def remember(self, width):
        self.register_buffer("running_mean", torch.zeros(width), persistent=False)
        self.register_buffer("running_var", torch.ones(width), persistent=False)


@slip_of("ForgetfulNorm")
class starts_exchanged(_Layer):
    """starting the mean at 1 and the variance at 0: the pair that changes nothing is mean 0 and variance 1. After 2
    steps your start still weighs 0.81."""

    def remember(self, width):
        self.register_buffer("running_mean", torch.ones(width))
        self.register_buffer("running_var", torch.zeros(width))


@slip_of("ForgetfulNorm")
class variance_starts_at_zero(_Layer):
    """starting the variance at 0, like the mean: a new layer in evaluation mode would then divide by the root of eps,
    and blow everything up by 316. With ones it leaves its input alone."""

    def remember(self, width):
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.zeros(width))


@slip_of("ForgetfulNorm")
class everything_a_buffer(_Layer):
    """registering weight and bias as buffers as well: they are saved, but no optimizer sees them, so gamma stays 1 and
    beta 0 for ever. What is learned stays an nn.Parameter."""

    def learn(self, width):
        self.register_buffer("weight", torch.ones(width))
        self.register_buffer("bias", torch.zeros(width))


@slip_of("ForgetfulNorm")
class other_names(_Layer):
    """registering under names of your own: the numbers are right, but a file of nn.BatchNorm1d cannot be loaded into
    the layer, nor the other way round. The 2 names are running_mean and running_var."""

    def remember(self, width):
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("var", torch.ones(width))

    running_mean = property(lambda self: self.mean)
    running_var = property(lambda self: self.var)
