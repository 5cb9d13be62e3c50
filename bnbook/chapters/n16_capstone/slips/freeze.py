"""Wrong answers to the exercise `freeze`."""

from torch import nn

from bnbook import nets
from bnbook.grading.exercise import slip_of

from ..subjects import batch_norms

# --- freeze(net) -> net -----------------------------------------------------------------------------------------------


def _linear(net):
    return [layer for layer in net.modules() if isinstance(layer, nn.Linear)]


def _only(net, *layers):
    net.requires_grad_(False)
    for layer in layers:
        layer.requires_grad_(True)
    return net


@slip_of("freeze")
def gradients_only(net):
    """requires_grad alone (or with net.eval(), which the next net.train() undoes): the BatchNorms normalize by each
    small batch, and their statistics move with it. On the example y is off by {off_by_the_batch} because of the
    batch."""
    return _only(net, _linear(net)[-1])


@slip_of("freeze")
def batch_norms_only(net):
    """freezing the BatchNorms and nothing else: 200 images then train every weight of the net, and what they do not
    show is forgotten."""
    return nets.freeze_batch_norms(net)


@slip_of("freeze")
def scale_and_shift_trained(net):
    """gamma and beta left trainable: a good recipe of its own (notebook 10 has it), but asked is a body that stays
    bit for bit, and 2 numbers for each channel of it move here."""
    return nets.freeze_batch_norms(_only(net, _linear(net)[-1], *batch_norms(net)))


@slip_of("freeze")
def everything(net):
    """requires_grad False for all, the last layer as well: then nothing of the loss has a gradient, and backward()
    raises an error. The last layer gets its True back, 1 line."""
    return nets.freeze_batch_norms(_only(net))


@slip_of("freeze")
def every_linear_layer_trained(net):
    """all linear layers left trainable: of an MLP that is nearly the whole net. Only the last of them, number -1 of
    the list, is new for the new images."""
    return nets.freeze_batch_norms(_only(net, *_linear(net)))


@slip_of("freeze")
def statistics_not_tracked(net):
    """track_running_stats = False: the running statistics stay, and are not used, since training mode goes on
    normalizing by the batch: y is off by {off_by_the_batch} on the example. Evaluation mode is what freezes."""
    for norm in batch_norms(net):
        norm.track_running_stats = False
    return _only(net, _linear(net)[-1])


@slip_of("freeze")
def momentum_0(net):
    """momentum = 0: the running mean and variance stay (the count of batches goes on), and yet each training batch
    is normalized by itself, so the last layer learns from outputs that evaluation never gives, {off_by_the_batch}
    away."""
    for norm in batch_norms(net):
        norm.momentum = 0.0
    return _only(net, _linear(net)[-1])


@slip_of("freeze")
def the_whole_body_in_evaluation(net):
    """every layer but the last kept in evaluation mode: then dropout is off for good, too, and with 200 images one
    would like to have it. Only a BatchNorm has statistics to protect."""
    last = _linear(net)[-1]
    for module in net.modules():
        if module not in (net, last):
            module.eval()
            module.train = lambda mode=True, module=module: module
    return _only(net, last)
