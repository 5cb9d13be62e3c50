"""Wrong answers to the exercise `train_only_norms`."""

import copy

from torch import nn

from bnbook.grading.exercise import slip_of

# --- train_only_norms(net) -> count -----------------------------------------------------------------------------------

_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def _count(net):
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def _right(net):
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return _count(net)


def _train_the_norms(net):
    """Evaluation mode, and training mode for the normalizations."""
    net.eval()
    for layer in net.modules():
        if isinstance(layer, _NORMS):
            layer.train()


@slip_of("train_only_norms")
def train_only_norms_by_their_name(net):
    """looking for "norm" in the name: in nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)) the names are 1.weight and
    1.bias, and nothing is found. What a layer *is* says isinstance."""
    for name, p in net.named_parameters():
        p.requires_grad_("norm" in name)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_by_the_number_of_axes(net):
    """taking every parameter with 1 axis: gamma and beta have one, but so have the biases of linear layers and
    convolutions."""
    for p in net.parameters():
        p.requires_grad_(p.dim() == 1)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_at_the_top(net):
    """net.children(): that is the first level only. The BatchNorm inside a residual block is one level down, and its
    gamma and beta stay as they were, as do the block's weights; net.modules() goes through all levels, 1 by 1."""
    for layer in net.children():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_freezing_everything(net):
    """freezing all of it, or switching the normalizations off again: 0 numbers are left to train. layer.requires_grad_
    reaches every layer *inside* layer, so the net itself must not come after its parts, as it does from the inside out
    (reversed). Freeze the whole net first, then switch the normalizations on, or use parameters(recurse=False)."""
    net.requires_grad_(False)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_gamma_alone(net):
    """the weight of each normalization and not its bias: gamma *and* beta, 2 numbers per channel."""
    net.requires_grad_(False)
    for layer in net.modules():
        if isinstance(layer, _NORMS) and layer.weight is not None:
            layer.weight.requires_grad_(True)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_by_an_attribute(net):
    """layer.requires_grad = ...: a layer has no such switch; Python makes a new attribute that nobody reads, and all
    {numbers left} numbers are trained. The method requires_grad_, with its underscore, reaches the parameters."""
    for layer in net.modules():
        layer.requires_grad = isinstance(layer, _NORMS)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_of_one_kind(net):
    """nn.BatchNorm1d alone: images have BatchNorm2d, and GroupNorm and LayerNorm have a gamma and a beta too. The
    common class is nn.modules.batchnorm._BatchNorm; isinstance takes a tuple of 3."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, nn.BatchNorm1d))
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_of_batch_norm(net):
    """BatchNorm only: GroupNorm and LayerNorm have a scale and a shift for each channel as well, and in such a net you
    leave 0 numbers to train."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, nn.modules.batchnorm._BatchNorm))
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_without_switching_off(net):
    """switching gamma and beta on: in a new net all parameters are on already, so {numbers left} numbers of the example
    are trained in place of {right_numbers left}. It is the *others* that have to be set, to False."""
    for layer in net.modules():
        if isinstance(layer, _NORMS):
            for p in layer.parameters(recurse=False):
                p.requires_grad_(True)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_without_switching_on(net):
    """switching off only: in a net that somebody froze before, gamma and beta are then still frozen, and 0 numbers are
    left to train. Set both, True and False."""
    for layer in net.modules():
        if not isinstance(layer, _NORMS):
            for p in layer.parameters(recurse=False):
                p.requires_grad_(False)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_counting_tensors(net):
    """counting the tensors: {numbers left} on the example. Asked is how many *numbers* they hold, {right_numbers left}:
    add up p.numel()."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return sum(1 for p in net.parameters() if p.requires_grad)


@slip_of("train_only_norms")
def train_only_norms_counting_everything(net):
    """counting the frozen ones as well: {numbers left} numbers on the example are in the net, {right_numbers left} of
    them can still move."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS))
    return sum(p.numel() for p in net.parameters())


@slip_of("train_only_norms")
def train_only_norms_by_evaluation_mode(net):
    """eval() for the other layers: the mode says which statistics BatchNorm uses, it freezes nothing; all
    {numbers left} numbers of the example are still trained."""
    for layer in net.modules():
        if not isinstance(layer, _NORMS):
            layer.training = False
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_the_wrong_way_round(net):
    """freezing the normalizations and training the rest: usual in fine-tuning with small batches, but the opposite of
    what is asked, {numbers left} numbers in place of {right_numbers left}."""
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(not isinstance(layer, _NORMS))
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_with_the_last_layer(net):
    """the last layer as well: it is common to train a new one, and then the accuracy says little about gamma and beta.
    Here it keeps its random weights: {right_numbers left} numbers, not {numbers left}."""
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)][-1:]
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, _NORMS) or layer in last)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_of_a_copy(net):
    """working on a copy (copy.deepcopy): the {right_numbers left} numbers are those of the copy, which is lost at the
    end of the function; the net that was handed in is as it was. Set requires_grad on net itself."""
    return _right(copy.deepcopy(net))


@slip_of("train_only_norms")
def train_only_norms_by_two_modes(net):
    """net.eval(), and train() for the normalizations: modes decide which statistics BatchNorm uses, and freeze nothing:
    {numbers left} numbers of the example are still trained. What is trained says requires_grad."""
    _train_the_norms(net)
    return _count(net)


@slip_of("train_only_norms")
def train_only_norms_and_two_modes(net):
    """changing the mode as well (net.eval(), then train() for the normalizations): requires_grad is right, and all
    {numbers left} numbers; but which layers are in evaluation mode is for the caller to say, here none."""
    _train_the_norms(net)
    return _right(net)


@slip_of("train_only_norms")
def train_only_norms_in_evaluation_mode(net):
    """net.eval() as well: requires_grad is right, with {numbers left} numbers, but BatchNorm then normalizes by its
    running statistics while gamma and beta are trained. Leave the mode to the caller."""
    net.eval()
    return _right(net)
