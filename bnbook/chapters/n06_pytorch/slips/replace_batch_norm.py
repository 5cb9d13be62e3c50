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


_HOOKS = [name for name in vars(nn.Module()) if "hooks" in name]


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


def _with(old, **changed):
    """A new layer with everything of old but what is changed."""
    new = _made_new(old)
    new.__dict__ = {**old.__dict__, **changed}
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
def in_training_mode_after_it(net):
    """net.train() at the end: the layers are right, but every module is now in training mode, also those that somebody
    had frozen with .eval(): 3 in one of the check's nets, whose BatchNorm then uses its batch and moves its
    statistics. Leave the modes as they are."""
    return norm_torch.replace_batch_norm(net).train()


@slip_of("replace_batch_norm")
def everything_learns(net):
    """net.requires_grad_(True), or new Parameters with the old numbers made to learn: 1 weight of the check is frozen,
    as in fine-tuning, and now the optimizer moves it. Whether a Parameter learns is part of what must survive."""
    return norm_torch.replace_batch_norm(net).requires_grad_(True)


@slip_of("replace_batch_norm")
def converted_to_sync(net):
    """nn.SyncBatchNorm.convert_sync_batchnorm: it goes through a net in just this way, but what it puts in are
    SyncBatchNorms, whose statistics are those of all processes together: 0 of the layers are ours. And it makes new
    objects, so hooks are lost."""
    return nn.SyncBatchNorm.convert_sync_batchnorm(net)


@slip_of("replace_batch_norm")
def synchronized_ones_too(net):
    """replacing SyncBatchNorm as well: its statistics are those of all processes together, ours of 1 process, so a net
    trained on several GPUs would quietly normalize in smaller batches. It is not yours to touch: the three exact
    types, nn.BatchNorm1d, 2d and 3d, are."""
    for module in net.modules():
        if type(module) is nn.SyncBatchNorm:
            module.__class__ = norm_torch.BatchNorm2d
    return norm_torch.replace_batch_norm(net)


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
        return _with(old, _buffers={name: None if b is None else b.clone() for name, b in old._buffers.items()})

    return _rebuild(net, copied)


@slip_of("replace_batch_norm")
def statistics_forgotten(net):
    """handing over weight and bias but not the running statistics: training goes on as before, evaluation divides by
    the initial variance 1. running_mean, running_var and num_batches_tracked are 3 buffers, to be kept as well."""

    def made(old):
        return _with(old, _buffers=_made_new(old)._buffers)

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
        fresh = _made_new(old)
        return _with(old, **{name: vars(fresh)[name] for name in _HOOKS})

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def hooks_before_forward_forgotten(net):
    """taking over _forward_hooks and no others: there are more kinds, and a pre-hook, which sees x before the layer
    does, is called 0 times now. Nobody wants to keep a list of them all: change the class, and each stays."""

    def made(old):
        fresh = _made_new(old)
        return _with(old, **{name: vars(fresh)[name] for name in _HOOKS if name != "_forward_hooks"})

    return _rebuild(net, made)


@slip_of("replace_batch_norm")
def hooks_and_the_root(net):
    """moving Parameters, buffers and mode into new layers, over the children: 2 things are left. Hooks belong to the
    old object and are not called any more, and a net that is itself a BatchNorm has no children, so it stays nn's. Both
    are settled by changing module.__class__ for each of net.modules()."""
    for name, child in net.named_children():
        if type(child) in OURS:
            fresh = _made_new(child)
            setattr(net, name, _with(child, **{name: vars(fresh)[name] for name in _HOOKS}))
        else:
            hooks_and_the_root(child)
    return net


@slip_of("replace_batch_norm")
def subclasses_too(net):
    """asking isinstance(module, nn.BatchNorm2d): every subclass that somebody wrote with another forward passes the
    question too, and what it did in addition is gone. Ask for the exact type, type(module) is nn.BatchNorm2d, and so
    for all 3."""
    for module in net.modules():
        for theirs, ours in OURS.items():
            if isinstance(module, theirs):
                module.__class__ = ours
    return net


@slip_of("replace_batch_norm")
def every_batch_norm(net):
    """asking isinstance(module, nn.modules.batchnorm._BatchNorm): that is the base of all of them, SyncBatchNorm and
    everybody's subclasses among them, so a net of the check loses 2 layers that were not yours to touch. A dict with
    the three exact types as keys does not find them."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.__class__ = OURS.get(type(module), norm_torch.BatchNorm2d)
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
