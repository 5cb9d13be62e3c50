"""Wrong answers to the exercises of notebook 09."""

import numpy as np
import torch
from torch import nn

# --- measured_growth(sizes) -> growth ---------------------------------------------------------------------------------


def measured_growth_upside_down(sizes):
    """the last size over the first: that is the growth on the way *forwards*. Gradients travel from the last layer to
    the first, so what grows has its large number in front: {right_growth} on the example, you find {growth}."""
    return (sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1))


def measured_growth_counting_layers(sizes):
    """the L-th root: between 3 layers there are only 2 steps, so the exponent is 1 / (L - 1). On the example that
    makes {right_growth}, not {growth}."""
    return (sizes[0] / sizes[-1]) ** (1 / len(sizes))


def measured_growth_averaging_the_factors(sizes):
    """adding the factors up and dividing: the ordinary mean of 2 and 4 is 3, but 3 * 3 is 9, and the gradient grew by
    8 in all. Factors are multiplied, so their mean is a root: {right_growth}."""
    return (sizes[:-1] / sizes[1:]).mean(0)


def measured_growth_in_total(sizes):
    """the growth through all layers: {growth} on the example. Asked is the factor of 1 layer, of which L - 1 in a row
    give that total: take the root."""
    return sizes[0] / sizes[-1]


def measured_growth_dividing_for_the_root(sizes):
    """dividing the total by L - 1: that shares out a sum. A product is shared out by the root; 8 in two steps is
    2.83 each, not 4."""
    return sizes[0] / sizes[-1] / (len(sizes) - 1)


def measured_growth_as_a_logarithm(sizes):
    """the growth of the logarithm: {growth} on the example, the slope of the line on a logarithmic scale. np.exp
    turns it into the factor, {right_growth}."""
    return np.log(sizes[0] / sizes[-1]) / (len(sizes) - 1)


def measured_growth_by_differences(sizes):
    """subtracting neighbours: gradients do not grow by an amount but by a factor, 4 and then 2 on the example, where
    you find {growth}. Divide."""
    return (sizes[:-1] - sizes[1:]).mean(0)


def measured_growth_by_the_median(sizes):
    """the median of the factors: one odd layer then counts for nothing, and the L - 1 factors no longer multiply to
    the total (8 on the example). The mean that does is the geometric one."""
    return np.median(sizes[:-1] / sizes[1:], axis=0)


def measured_growth_with_a_square_root(sizes):
    """the square root: right for 3 layers, where there are 2 steps. With L layers it is the root of order L - 1, the
    power 1 / (L - 1)."""
    return (sizes[0] / sizes[-1]) ** 0.5


def measured_growth_mixing_two_logarithms(sizes):
    """10 to the power of a natural logarithm: np.log belongs to np.exp. Mixed up, a factor of 2.83 turns into
    {growth}."""
    return 10 ** (np.log(sizes[0] / sizes[-1]) / (len(sizes) - 1))


def measured_growth_of_everything(sizes):
    """averaging over the seeds as well: sizes may have more axes than layers, such as 1 column for each seed, and each
    keeps its own growth. sizes[0] and sizes[-1] are rows; no further mean is needed."""
    return np.mean((sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1)))


def measured_growth_by_a_fitted_line(sizes):
    """fitting a line to the logarithms: a fair estimate too, but another one, in which layers in the middle count
    less and which need not multiply to the total, 8 on the example. Here only the 2 ends are asked for."""
    layer = np.arange(len(sizes))
    return np.exp(-np.polyfit(layer, np.log(sizes), 1)[0])


def measured_growth_of_the_last_step(sizes):
    """one step only, from the last layer to the one before: {growth} on the example. A mean over all L - 1 steps is
    steadier: {right_growth}."""
    return sizes[-2] / sizes[-1]


def measured_growth_of_the_sizes(sizes):
    """the geometric mean of the sizes themselves: how large the gradient is, {growth}, not by how much it grows from
    layer to layer, {right_growth}."""
    return np.exp(np.log(sizes).mean(0))


measured_growth = [
    measured_growth_upside_down,
    measured_growth_counting_layers,
    measured_growth_averaging_the_factors,
    measured_growth_in_total,
    measured_growth_dividing_for_the_root,
    measured_growth_as_a_logarithm,
    measured_growth_by_differences,
    measured_growth_by_the_median,
    measured_growth_with_a_square_root,
    measured_growth_mixing_two_logarithms,
    measured_growth_of_everything,
    measured_growth_by_a_fitted_line,
    measured_growth_of_the_last_step,
    measured_growth_of_the_sizes,
]


# --- predicted_growth(h, slope) -> growth -----------------------------------------------------------------------------


def predicted_growth_without_the_root(h, slope):
    """leaving out the root: pi / (pi - 1) = 1.467 for the ReLU is by how much the *square* of the gradient grows. Its
    size grows by the root, 1.211."""
    return np.mean(slope**2) / np.var(h)


def predicted_growth_by_the_mean_square(h, slope):
    """dividing by mean(h^2): that is He's calculation, with the mean included, and gives 1 for every ReLU. BatchNorm
    subtracts the mean first, so what it divides by is the *variance*: {right_growth} on the example, not {growth}."""
    return np.sqrt(np.mean(slope**2) / np.mean(h**2))


def predicted_growth_by_the_mean_slope(h, slope):
    """averaging the slopes before squaring: for the ReLU that is 0.5^2 = 0.25, but half of the slopes are 1 and stay
    1 when squared: 0.5. Square first, then average."""
    return np.sqrt(np.mean(slope) ** 2 / np.var(h))


def predicted_growth_by_m_minus_1(h, slope):
    """dividing the sum by m - 1 in the variance: BatchNorm normalizes by the variance divided by m, np.var's default.
    On the example that is 1.5, yours 2."""
    return np.sqrt(np.mean(slope**2) / np.var(h, ddof=1))


def predicted_growth_upside_down(h, slope):
    """variance over slopes: {growth} on the example, 1 over the right {right_growth}. BatchNorm *divides* by the
    spread of h, so a small variance makes gradients large."""
    return np.sqrt(np.var(h) / np.mean(slope**2))


def predicted_growth_by_the_sd(h, slope):
    """np.std inside the root: under the root everything is squared, so there it is the variance. For the example you
    get {growth}, with np.var {right_growth}."""
    return np.sqrt(np.mean(slope**2) / np.std(h))


def predicted_growth_with_half_a_root(h, slope):
    """the root of the variance only: the slopes are squared too and need it as well. sqrt(mean(slope^2)) / sd is
    {right_growth} on the example, yours {growth}."""
    return np.mean(slope**2) / np.std(h)


def predicted_growth_without_the_square(h, slope):
    """slopes that are not squared: unnoticed with a ReLU, whose slopes are 0 and 1, but wrong for tanh, where it turns
    1.085 into 1.24. What is followed is the square of the gradient, so the slope is squared."""
    return np.sqrt(np.mean(slope) / np.var(h))


def predicted_growth_by_the_variance_of_the_slope(h, slope):
    """the variance of the slope: with no non-linearity all slopes are 1, their variance is 0, and your gradient
    vanishes. The mean square counts, mean included."""
    return np.sqrt(np.var(slope) / np.var(h))


def predicted_growth_entry_by_entry(h, slope):
    """no mean over the slopes: you return {growth}, one number for each entry. A unit adds up many gradients, of which
    the mean square is passed on: 1 number."""
    return np.sqrt(slope**2 / np.var(h))


def predicted_growth_column_by_column(h, slope):
    """averaging over axis 0 only: h may have any shape, and 1 number for all of it is asked for; np.mean and np.var
    without an axis."""
    return np.sqrt(np.mean(slope**2, axis=0) / np.var(h, axis=0))


def predicted_growth_by_a_sum(h, slope):
    """the sum of the squared slopes: it grows with the number of entries, 2 on the example where the mean is 0.5."""
    return np.sqrt(np.sum(slope**2) / np.var(h))


def predicted_growth_multiplying(h, slope):
    """multiplying by the variance: BatchNorm divides by it on the way forward, and the chain rule hands the same
    1 / sd back: {right_growth} on the example, not {growth}."""
    return np.sqrt(np.mean(slope**2) * np.var(h))


def predicted_growth_with_hes_2(h, slope):
    """He's factor of 2: the weights multiply the gradient *and* the spread that BatchNorm divides by, so their size
    cancels, whatever it is. Without the 2 the example gives {right_growth}, yours {growth}."""
    return np.sqrt(2 * np.mean(slope**2) / np.var(h))


predicted_growth = [
    predicted_growth_without_the_root,
    predicted_growth_by_the_mean_square,
    predicted_growth_by_the_mean_slope,
    predicted_growth_by_m_minus_1,
    predicted_growth_upside_down,
    predicted_growth_by_the_sd,
    predicted_growth_with_half_a_root,
    predicted_growth_without_the_square,
    predicted_growth_by_the_variance_of_the_slope,
    predicted_growth_entry_by_entry,
    predicted_growth_column_by_column,
    predicted_growth_by_a_sum,
    predicted_growth_multiplying,
    predicted_growth_with_hes_2,
]


# --- Scale: alpha, a Parameter that starts at 0; forward(x) = alpha * x -----------------------------------------------


class _Scale(nn.Module):
    """All of it right, for slips whose mistake is in one place."""

    def __init__(self, start=0.0):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(start))

    def forward(self, x):
        return self.alpha * x


def scale_starting_at_1():
    """starting at 1: then nothing is different from the net without normalization, whose blocks double the signal
    40 times. The point of SkipInit is the start at 0, where every block adds nothing."""
    return _Scale(1.0)


def scale_starting_at_a_tenth():
    """starting at 0.1: small is good as well (De & Smith allow anything up to 1 / sqrt(depth)), but here it is to be
    exactly 0, so that the untrained net is as shallow as its two outer layers."""
    return _Scale(0.1)


class scale_without_a_parameter(_Scale):  # noqa: N801 (slips are named like the functions that they are)
    """a plain tensor: only nn.Parameter is found by net.parameters(), so the optimizer never sees alpha and every
    block stays shut, at 0, for ever."""

    def __init__(self):
        super().__init__()
        del self.alpha
        self.alpha = torch.zeros((), requires_grad=True)


class scale_as_a_buffer(_Scale):  # noqa: N801
    """register_buffer: buffers are what is stored and *not* trained, such as running_mean. alpha is to be learned, so
    it is an nn.Parameter; at 0 your blocks would add nothing for ever."""

    def __init__(self):
        super().__init__()
        del self.alpha
        self.register_buffer("alpha", torch.zeros(()))


def scale_frozen():
    """requires_grad=False: a Parameter that gets no gradient is not trained, and alpha stays at 0."""
    layer = _Scale()
    layer.alpha.requires_grad_(False)
    return layer


class scale_with_a_skip(_Scale):  # noqa: N801
    """adding x as well: the block around this layer adds its input already, x + branch(x). With two of them the signal
    doubles at every block, even at alpha = 0."""

    def forward(self, x):
        return x + self.alpha * x


class scale_by_a_number(_Scale):  # noqa: N801
    """alpha.item() (or .detach()): that takes the number out of the graph, alpha gets the gradient 0, and it stays
    where it starts."""

    def forward(self, x):
        return self.alpha.item() * x


class scale_adding(_Scale):  # noqa: N801
    """alpha + x: at alpha = 0 the whole branch comes through, which is the plain net. Multiply."""

    def forward(self, x):
        return self.alpha + x


class scale_forgetting_alpha(_Scale):  # noqa: N801
    """returning x: alpha is there but is not used, so the branch comes through at full size, factor 1."""

    def forward(self, x):
        return x


class scale_made_anew(_Scale):  # noqa: N801
    """making alpha in `forward`: each call then starts again at 0, and what the optimizer has done is thrown away.
    Make it once, in __init__."""

    def forward(self, x):
        self.alpha = nn.Parameter(torch.zeros((), dtype=x.dtype))
        return self.alpha * x


class scale_cutting_the_branch_off(_Scale):  # noqa: N801
    """x.detach() or x.data: alpha learns, but no gradient goes back into the branch (0 where it should be alpha times
    dy), so its weights stay random."""

    def forward(self, x):
        return self.alpha * x.detach()


class scale_in_place(_Scale):  # noqa: N801
    """x.mul_(alpha) or x *= alpha: that overwrites the tensor that was handed in, which somebody else may still need.
    At alpha = 0 all of it becomes 0."""

    def forward(self, x):
        return x.mul_(self.alpha)


class scale_with_a_sigmoid(_Scale):  # noqa: N801
    """a sigmoid around alpha, as in gates: sigmoid(0) is 0.5, so the untrained block is half open, and it could never
    be shut or turn negative."""

    def forward(self, x):
        return torch.sigmoid(self.alpha) * x


class scale_squared(_Scale):  # noqa: N801
    """alpha squared, to keep it positive: the slope of alpha^2 at 0 is 0, so alpha gets the gradient 0 at its start
    and never leaves it. Gradient descent needs a slope where it starts."""

    def forward(self, x):
        return self.alpha**2 * x


class scale_without_a_gradient(_Scale):  # noqa: N801
    """torch.no_grad around the product: nothing in it gets a gradient, 0 for alpha and for the branch."""

    def forward(self, x):
        with torch.no_grad():
            return self.alpha * x


Scale = [
    scale_starting_at_1,
    scale_starting_at_a_tenth,
    scale_without_a_parameter,
    scale_as_a_buffer,
    scale_frozen,
    scale_with_a_skip,
    scale_by_a_number,
    scale_adding,
    scale_forgetting_alpha,
    scale_made_anew,
    scale_cutting_the_branch_off,
    scale_in_place,
    scale_with_a_sigmoid,
    scale_squared,
    scale_without_a_gradient,
]


# --- train_only_norms(net) -> count -----------------------------------------------------------------------------------

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def _count(net):
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def train_only_norms_by_their_name(net):
    """looking for "norm" in the name: in nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)) the names are 1.weight and
    1.bias, and nothing is found. What a layer *is* says isinstance."""
    for name, p in net.named_parameters():
        p.requires_grad_("norm" in name)
    return _count(net)


def train_only_norms_by_the_number_of_axes(net):
    """taking every parameter with 1 axis: gamma and beta have one, but so have the biases of linear layers and
    convolutions."""
    for p in net.parameters():
        p.requires_grad_(p.dim() == 1)
    return _count(net)


def train_only_norms_at_the_top(net):
    """net.children(): that is the first level only. The BatchNorm inside a residual block is one level down, and its
    gamma and beta stay as they were, as do the block's weights; net.modules() goes through all levels, 1 by 1."""
    for layer in net.children():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return _count(net)


def train_only_norms_freezing_everything(net):
    """freezing all of it: requires_grad_(False) for the whole net leaves 0 numbers to train. Turn the normalizations
    on again."""
    net.requires_grad_(False)
    return _count(net)


def train_only_norms_gamma_alone(net):
    """the weight of each normalization and not its bias: gamma *and* beta, 2 numbers per channel."""
    net.requires_grad_(False)
    for layer in net.modules():
        if isinstance(layer, _NORMS) and layer.weight is not None:
            layer.weight.requires_grad_(True)
    return _count(net)


def train_only_norms_by_an_attribute(net):
    """layer.requires_grad = ...: a layer has no such switch; Python makes a new attribute that nobody reads, and all
    {numbers left} numbers are trained. The method requires_grad_, with its underscore, reaches the parameters."""
    for layer in net.modules():
        layer.requires_grad = isinstance(layer, _NORMS)
    return _count(net)


def train_only_norms_of_one_kind(net):
    """nn.BatchNorm1d alone: images have BatchNorm2d, and GroupNorm and LayerNorm have a gamma and a beta too. The
    common class is nn.modules.batchnorm._BatchNorm; isinstance takes a tuple of 3."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, nn.BatchNorm1d))
    return _count(net)


def train_only_norms_of_batch_norm(net):
    """BatchNorm only: GroupNorm and LayerNorm have a scale and a shift for each channel as well, and in such a net you
    leave 0 numbers to train."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, nn.modules.batchnorm._BatchNorm))
    return _count(net)


def train_only_norms_without_switching_off(net):
    """switching gamma and beta on: in a new net all parameters are on already, so {numbers left} numbers of the example
    are trained in place of {right_numbers left}. It is the *others* that have to be set, to False."""
    for layer in net.modules():
        if isinstance(layer, _NORMS):
            for p in layer.parameters(recurse=False):
                p.requires_grad_(True)
    return _count(net)


def train_only_norms_without_switching_on(net):
    """switching off only: in a net that somebody froze before, gamma and beta are then still frozen, and 0 numbers are
    left to train. Set both, True and False."""
    for layer in net.modules():
        if not isinstance(layer, _NORMS):
            for p in layer.parameters(recurse=False):
                p.requires_grad_(False)
    return _count(net)


def train_only_norms_counting_tensors(net):
    """counting the tensors: {numbers left} on the example. Asked is how many *numbers* they hold, {right_numbers left}:
    add up p.numel()."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return sum(1 for p in net.parameters() if p.requires_grad)


def train_only_norms_counting_everything(net):
    """counting the frozen ones as well: {numbers left} numbers on the example are in the net, {right_numbers left} of
    them can still move."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return sum(p.numel() for p in net.parameters())


def train_only_norms_by_evaluation_mode(net):
    """eval() for the other layers: the mode says which statistics BatchNorm uses, it freezes nothing; all
    {numbers left} numbers of the example are still trained."""
    for layer in net.modules():
        if not isinstance(layer, _NORMS):
            layer.training = False
    return _count(net)


def train_only_norms_the_wrong_way_round(net):
    """freezing the normalizations and training the rest: usual in fine-tuning with small batches, but the opposite of
    what is asked, {numbers left} numbers in place of {right_numbers left}."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(not isinstance(layer, _NORMS))
    return _count(net)


def train_only_norms_with_the_last_layer(net):
    """the last layer as well: it is common to train a new one, and then the accuracy says little about gamma and beta.
    Here it keeps its random weights: {right_numbers left} numbers, not {numbers left}."""
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)][-1:]
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS) or layer in last)
    return _count(net)


train_only_norms = [
    train_only_norms_by_their_name,
    train_only_norms_by_the_number_of_axes,
    train_only_norms_at_the_top,
    train_only_norms_freezing_everything,
    train_only_norms_gamma_alone,
    train_only_norms_by_an_attribute,
    train_only_norms_of_one_kind,
    train_only_norms_of_batch_norm,
    train_only_norms_without_switching_off,
    train_only_norms_without_switching_on,
    train_only_norms_counting_tensors,
    train_only_norms_counting_everything,
    train_only_norms_by_evaluation_mode,
    train_only_norms_the_wrong_way_round,
    train_only_norms_with_the_last_layer,
]
