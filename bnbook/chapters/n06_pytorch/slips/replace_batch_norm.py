"""Wrong answers to the exercise `replace_batch_norm`."""

import copy

from torch import nn

from bnbook import norm_torch
from bnbook.grading.exercise import slip_of

# --- replace_batch_norm(net) -> net ---------------------------------------------------------------------------------

OURS = {
    nn.BatchNorm1d: norm_torch.BatchNorm1d,
    nn.BatchNorm2d: norm_torch.BatchNorm2d,
    nn.BatchNorm3d: norm_torch.BatchNorm3d,
}


def _made_new(old):
    """A new layer of ours with the settings of the old one."""
    like = old.running_mean if old.weight is None else old.weight
    kind = dict(device=like.device, dtype=like.dtype) if like is not None else {}
    settings = (old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats)
    return OURS[type(old)](*settings, **kind)


def _same_state(new, old):
    """old's everything in new: the very same parameters, buffers, hooks and mode."""
    new.__dict__ = old.__dict__
    return new


def _rebuild(net, make):
    """net with make(layer) in place of each BatchNorm, at every depth and at the root."""
    if type(net) in OURS:
        return make(net)
    for name, child in net.named_children():
        setattr(net, name, _rebuild(child, make))
    return net


@slip_of("replace_batch_norm")
def only_the_top(net):
    """looking at the children of net only: children() is one level deep, and real networks are blocks inside
    blocks. In a net of 3 levels the layers of the inner ones stay as they were. Use net.modules(), which goes through
    everything, or call your function again for each child."""
    for child in net.children():
        if type(child) in OURS:
            child.__class__ = OURS[type(child)]
    return net


@slip_of("replace_batch_norm")
def not_the_root(net):
    """overlooking a net that is itself a BatchNorm: it has 0 children, so a loop over children never sees it.
    net.modules() begins with the net itself."""
    for child in net.children():
        _rebuild(child, lambda old: old)
    if type(net) not in OURS:
        _rebuild(net, lambda old: _same_state(_made_new(old), old))
    return net


@slip_of("replace_batch_norm")
def new_layers_over_children(net):
    """setting new layers over the children of net: 2 things are lost. load_state_dict copies the numbers into new
    Parameters, and an optimizer made before still moves the old ones, which the net no longer uses. And a net that is
    itself a BatchNorm has no children, so nothing is replaced. Look for a way that keeps each object and changes what
    it does."""
    for name, child in net.named_children():
        if type(child) in OURS:
            new = _made_new(child)
            new.load_state_dict(child.state_dict())
            setattr(net, name, new)
        else:
            new_layers_over_children(child)
    return net


@slip_of("replace_batch_norm")
def the_name_alone(net):
    """giving a name in your function another value: module = BatchNorm2d(...) in a loop changes what the name stands
    for, and nothing in net, which comes back with 0 of its layers replaced. Change the object itself, or the place in
    its parent that holds it."""
    return net


@slip_of("replace_batch_norm")
def two_dimensions_only(net):
    """replacing nn.BatchNorm2d alone: fully connected parts have BatchNorm1d, volumes BatchNorm3d. All 3 are
    wanted."""
    return _rebuild(net, lambda old: _same_state(_made_new(old), old) if type(old) is nn.BatchNorm2d else old)


@slip_of("replace_batch_norm")
def fresh_layers(net):
    """putting freshly made layers in: weight 1, bias 0, mean 0, variance 1. All that was trained in them is gone. What
    was in the old layer has to be in the new one; module.__class__ = ... leaves it where it is."""
    return _rebuild(net, _made_new)


@slip_of("replace_batch_norm")
def copied_parameters(net):
    """copying the numbers into new Parameters (load_state_dict): the output is the same, but an optimizer made before
    still moves the old ones, 0 of which the net uses now: the new ones never change. The new layer has to hold the
    very same Parameter objects."""

    def copied(old):
        new = _made_new(old).train(old.training)
        new.load_state_dict(old.state_dict())
        return new

    return _rebuild(net, copied)


@slip_of("replace_batch_norm")
def copied_buffers(net):
    """handing over the Parameters but copying the buffers: whoever else holds them (an average of models, a
    distributed wrapper) then watches 3 tensors per layer that nobody updates any more."""

    def copied(old):
        new = _made_new(old)
        buffers = {name: None if b is None else b.clone() for name, b in old._buffers.items()}
        new.__dict__ = {**old.__dict__, "_buffers": buffers}
        return new

    return _rebuild(net, copied)


@slip_of("replace_batch_norm")
def statistics_forgotten(net):
    """handing over weight and bias but not the running statistics: training goes on as before, evaluation divides by
    the initial variance 1. running_mean, running_var and num_batches_tracked are 3 buffers, to be kept as well."""

    def made(old):
        new = _made_new(old).train(old.training)
        new.weight, new.bias = old.weight, old.bias
        new._forward_hooks = old._forward_hooks
        return new

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def settings_forgotten(net):
    """making the new layers with num_features alone: eps goes back to 1e-5 and momentum to 0.1, and affine=False is
    gone. Hand on eps, momentum, affine and track_running_stats too, or change the class and nothing else."""

    def made(old):
        new = _same_state(_made_new(old), old)
        new.eps, new.momentum = 1e-5, 0.1
        return new

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def mode_forgotten(net):
    """leaving every new layer in training mode: modules are born with training = True. A layer that was frozen with
    .eval(), as in fine-tuning, then uses its batch again and moves its 2 statistics."""

    def made(old):
        return _same_state(_made_new(old), old).train()

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def hooks_forgotten(net):
    """losing the hooks of the old layer: someone who registered a forward hook (to look at activations, say) is called
    0 times from then on. A new object has none; an object whose class is changed keeps them."""

    def made(old):
        new = _made_new(old)
        empty = type(old._forward_hooks)()
        new.__dict__ = {**old.__dict__, "_forward_hooks": empty}
        return new

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def subclasses_too(net):
    """asking isinstance(module, nn.BatchNorm2d): every subclass that somebody wrote with another forward passes the
    question too, and what it did in addition is gone (by nn.modules.batchnorm._BatchNorm even SyncBatchNorm passes).
    Ask for the exact type, type(module) is nn.BatchNorm2d, and so for all 3."""
    for module in net.modules():
        for theirs, ours in OURS.items():
            if isinstance(module, theirs):
                module.__class__ = ours
    return net


@slip_of("replace_batch_norm")
def a_copy(net):
    """changing a deep copy: what you return has new Parameters, and the optimizer and everyone else still hold those
    of the old net: 0 of them are in yours. Change the net that you were given."""
    return norm_torch.replace_batch_norm(copy.deepcopy(net))


@slip_of("replace_batch_norm")
def shared_layer_made_twice(net):
    """making one new layer for each *place*: a layer that stands in 2 places is one layer, with one running mean that
    both update. named_children() lists it once, and the other place keeps the old layer (or gets another new one).
    Changing the class in place needs no bookkeeping."""

    def visit(module):
        seen = set()
        for name, child in list(module._modules.items()):
            if type(child) in OURS and child not in seen:
                seen.add(child)
                module._modules[name] = _same_state(_made_new(child), child)
            elif type(child) not in OURS:
                visit(child)
        return module

    return _same_state(_made_new(net), net) if type(net) in OURS else visit(net)
