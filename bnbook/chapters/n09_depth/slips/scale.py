"""Wrong answers to the exercise `Scale`."""

import torch
from torch import nn

from bnbook.grading.exercise import slip_of

# --- Scale: alpha, a Parameter that starts at 0; forward(x) = alpha * x -----------------------------------------------


class _Scale(nn.Module):
    """All of it right, for slips whose mistake is in one place."""

    def __init__(self, start=0.0):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(start))

    def forward(self, x):
        return self.alpha * x


@slip_of("Scale")
def scale_starting_at_1():
    """starting at 1: then nothing is different from the net without normalization, whose blocks double the signal
    40 times. The point of SkipInit is the start at 0, where every block adds nothing."""
    return _Scale(1.0)


@slip_of("Scale")
def scale_starting_at_a_tenth():
    """starting at 0.1: small is good as well (De & Smith allow anything up to 1 / sqrt(depth)), but here it is to be
    exactly 0, so that the untrained net is as shallow as its two outer layers."""
    return _Scale(0.1)


@slip_of("Scale")
class scale_without_a_parameter(_Scale):  # noqa: N801 (slips are named like the functions that they are)
    """a plain tensor: only nn.Parameter is found by net.parameters(), so the optimizer never sees alpha and every
    block stays shut, at 0, for ever."""

    def __init__(self):
        super().__init__()
        del self.alpha
        self.alpha = torch.zeros((), requires_grad=True)


@slip_of("Scale")
class scale_as_a_buffer(_Scale):  # noqa: N801
    """register_buffer: buffers are what is stored and *not* trained, such as running_mean. alpha is to be learned, so
    it is an nn.Parameter; at 0 your blocks would add nothing for ever."""

    def __init__(self):
        super().__init__()
        del self.alpha
        self.register_buffer("alpha", torch.zeros(()))


@slip_of("Scale")
def scale_frozen():
    """requires_grad=False: a Parameter that gets no gradient is not trained, and alpha stays at 0."""
    layer = _Scale()
    layer.alpha.requires_grad_(False)
    return layer


@slip_of("Scale")
class scale_with_a_skip(_Scale):  # noqa: N801
    """adding x as well: the block around this layer adds its input already, x + branch(x). With two of them the signal
    doubles at every block, even at alpha = 0."""

    def forward(self, x):
        return x + self.alpha * x


@slip_of("Scale")
class scale_by_a_number(_Scale):  # noqa: N801
    """alpha.item() (or .detach()): that takes the number out of the graph, alpha gets the gradient 0, and it stays
    where it starts."""

    def forward(self, x):
        return self.alpha.item() * x


@slip_of("Scale")
class scale_adding(_Scale):  # noqa: N801
    """alpha + x: at alpha = 0 the whole branch comes through, which is the plain net. Multiply."""

    def forward(self, x):
        return self.alpha + x


@slip_of("Scale")
class scale_forgetting_alpha(_Scale):  # noqa: N801
    """returning x: alpha is there but is not used, so the branch comes through at full size, factor 1."""

    def forward(self, x):
        return x


@slip_of("Scale")
class scale_made_anew(_Scale):  # noqa: N801
    """making alpha in `forward`: each call then starts again at 0, and what the optimizer has done is thrown away.
    Make it once, in __init__."""

    def forward(self, x):
        self.alpha = nn.Parameter(torch.zeros((), dtype=x.dtype))
        return self.alpha * x


@slip_of("Scale")
class scale_cutting_the_branch_off(_Scale):  # noqa: N801
    """x.detach() or x.data: alpha learns, but no gradient goes back into the branch (0 where it should be alpha times
    dy), so its weights stay random."""

    def forward(self, x):
        return self.alpha * x.detach()


@slip_of("Scale")
class scale_in_place(_Scale):  # noqa: N801
    """x.mul_(alpha) or x *= alpha: that overwrites the tensor that was handed in, which somebody else may still need.
    At alpha = 0 all of it becomes 0."""

    def forward(self, x):
        return x.mul_(self.alpha)


@slip_of("Scale")
class scale_with_a_sigmoid(_Scale):  # noqa: N801
    """a sigmoid around alpha, as in gates: sigmoid(0) is 0.5, so the untrained block is half open, and it could never
    be shut or turn negative."""

    def forward(self, x):
        return torch.sigmoid(self.alpha) * x


@slip_of("Scale")
class scale_squared(_Scale):  # noqa: N801
    """alpha squared, to keep it positive: the slope of alpha^2 at 0 is 0, so alpha gets the gradient 0 at its start
    and never leaves it. Gradient descent needs a slope where it starts."""

    def forward(self, x):
        return self.alpha**2 * x


@slip_of("Scale")
class scale_without_a_gradient(_Scale):  # noqa: N801
    """torch.no_grad around the product: nothing in it gets a gradient, 0 for alpha and for the branch."""

    def forward(self, x):
        with torch.no_grad():
            return self.alpha * x


@slip_of("Scale")
class scale_by_the_absolute_value(_Scale):  # noqa: N801
    """alpha.abs(): |alpha| has no slope at its start, so alpha gets the gradient 0 there and never leaves it; and with
    alpha = -0.5 the layer would not turn x round. alpha may have either sign."""

    def forward(self, x):
        return self.alpha.abs() * x


@slip_of("Scale")
class scale_through_a_relu(_Scale):  # noqa: N801
    """a ReLU around alpha: at its start, 0, PyTorch gives the ReLU the slope 0, so alpha gets no gradient, and below 0
    the branch would be shut. Multiply by alpha itself, which may be negative."""

    def forward(self, x):
        return torch.relu(self.alpha) * x


@slip_of("Scale")
class scale_clamped(_Scale):  # noqa: N801
    """alpha.clamp(min=0): alpha learns upwards, but once it is below 0, such as -0.5, it gets no gradient any more and
    the branch stays shut. Nothing is to hold alpha on one side."""

    def forward(self, x):
        return self.alpha.clamp(min=0) * x


@slip_of("Scale")
class scale_in_training_only(_Scale):  # noqa: N801
    """x unchanged in evaluation mode: then another net is tested than was trained. BatchNorm has two modes, since it
    needs a batch; a product with 1 number needs none, so do not ask for self.training."""

    def forward(self, x):
        return self.alpha * x if self.training else x


@slip_of("Scale")
class scale_with_two_axes(_Scale):  # noqa: N801
    """an alpha of shape (1, 1): one number is asked for, and this is a table of one, which makes a table of whatever
    has a single axis: (3,) comes out as (1, 3). torch.zeros(()) has no axes."""

    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1, 1))
