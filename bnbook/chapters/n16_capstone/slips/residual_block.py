"""Wrong answers to the exercise `residual_block`."""

from torch import nn

from bnbook import nets
from bnbook.grading.exercise import slip_of

# --- residual_block(channels, norm) -> a module -----------------------------------------------------------------------


def _conv(channels, norm, padding=1, bias=None):
    return nn.Conv2d(channels, channels, 3, padding=padding, bias=norm is nn.Identity if bias is None else bias)


def _branch(channels, norm, **options):
    first, second = _conv(channels, norm, **options), _conv(channels, norm, **options)
    return first, norm(channels), nn.ReLU(), second, norm(channels)


@slip_of("residual_block")
def no_way_around(channels, norm):
    """nn.Sequential in place of nets.ResidualBlock: the branch alone, to which nothing is added. With all weights
    at 0 a residual block gives its input back; this gives 0."""
    return nn.Sequential(*_branch(channels, norm))


@slip_of("residual_block")
def one_norm(channels, norm):
    """a single normalization: what the second convolution gives is then added as large as it happens to be. The
    example trains {numbers_trained} numbers, two norms make it {right_numbers_trained}."""
    return nets.ResidualBlock(*_branch(channels, norm)[:4])


@slip_of("residual_block")
def the_same_norm_twice(channels, norm):
    """one normalization at both places: in training mode each call takes its own batch statistics, but there is 1
    running mean for 2 kinds of input, and evaluation mode fits neither (patient 4 of the clinic)."""
    conv1, norm1, relu, conv2, _ = _branch(channels, norm)
    return nets.ResidualBlock(conv1, norm1, relu, conv2, norm1)


@slip_of("residual_block")
def relu_at_the_end(channels, norm):
    """a second ReLU at the end of the branch: then a block can only add, never subtract, and the sum grows with
    every block. Its place is behind the sum, where residual_net puts it; within the branch there is 1."""
    return nets.ResidualBlock(*_branch(channels, norm), nn.ReLU())


@slip_of("residual_block")
def norm_before_the_convolution(channels, norm):
    """norm - relu - conv, twice: the order of He et al. 2016b, and a good one. But asked is conv - norm, since a
    BatchNorm is folded into the convolution before it; here 0 of the 2 could be."""
    conv1, norm1, _, conv2, norm2 = _branch(channels, norm)
    return nets.ResidualBlock(norm1, nn.ReLU(), conv1, norm2, nn.ReLU(), conv2)


@slip_of("residual_block")
def no_relu(channels, norm):
    """nothing between the two halves: in evaluation mode two convolutions in a row are 1 linear map, however many
    weights they have. A ReLU belongs between norm and second convolution."""
    conv1, norm1, _, conv2, norm2 = _branch(channels, norm)
    return nets.ResidualBlock(conv1, norm1, conv2, norm2)


@slip_of("residual_block")
def bias_everywhere(channels, norm):
    """bias=True whatever follows, PyTorch's default: BatchNorm, as in the example, subtracts each channel's mean
    and takes the bias away again, so {numbers_trained} numbers are trained where {right_numbers_trained} do the same.
    Behind norms that leave some of it, it is left out to keep the nets alike."""
    return nets.ResidualBlock(*_branch(channels, norm, bias=True))


@slip_of("residual_block")
def bias_nowhere(channels, norm):
    """bias=False whatever follows: right before a norm, whose beta shifts. nn.Identity has 0 shifts, and without a
    bias the net without normalization would be compared with one hand tied."""
    return nets.ResidualBlock(*_branch(channels, norm, bias=False))


@slip_of("residual_block")
def no_padding(channels, norm):
    """no padding=1: each 3 x 3 convolution then takes a row and a column off at each side, and what is left cannot
    be added to x, which is 4 larger each way."""
    return nets.ResidualBlock(*_branch(channels, norm, padding=0))
