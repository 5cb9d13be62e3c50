"""Wrong answers to the exercise `recalibrate`."""

import torch

from bnbook.grading.exercise import slip_of

from ..subjects import batch_norms

# --- recalibrate(net, batches) -> net ---------------------------------------------------------------------------------


def _run(net, batches, momentum=None, reset=True, training=True, back=True):
    """The finished function with one part of it left out."""
    norms, modes = batch_norms(net), [(layer, layer.training) for layer in net.modules()]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        if reset:
            norm.reset_running_stats()
        norm.momentum = momentum if momentum != "own" else norm.momentum
    net.train(training)
    with torch.no_grad():
        for x, _ in batches:
            net(x)
    for norm, own in zip(norms, momenta, strict=True):
        norm.momentum = own
    for layer, mode in modes if back else ():
        layer.training = mode
    return net


@slip_of("recalibrate")
def the_old_ones_kept(net, batches):
    """no reset_running_stats: with momentum None the plain average goes on from where it was, so the old statistics
    weigh as much as the batches that made them. 3 old batches and 6 new ones: a third of the mean is old."""
    return _run(net, batches, reset=False)


@slip_of("recalibrate")
def momentum_as_it_is(net, batches):
    """the momentum as it is: an average that forgets. From 0 and 1 on, with momentum 0.1, the last of 6 batches
    weighs 0.1, the first 0.06, and the 0 and 1 of the reset still 0.53. Set it to None for the pass."""
    return _run(net, batches, momentum="own")


@slip_of("recalibrate")
def in_evaluation_mode(net, batches):
    """without net.train(): a BatchNorm in evaluation mode looks at no batch, so after the reset its statistics stay
    0 and 1, which is worse than before."""
    return _run(net, batches, training=False)


@slip_of("recalibrate")
def left_in_training_mode(net, batches):
    """net.train() and no way back: the statistics are right, and the next evaluation does not use them, it
    normalizes by its own batch. Give every part the mode that it had; 1 line."""
    return _run(net, batches, back=False)


@slip_of("recalibrate")
def momentum_left_at_none(net, batches):
    """momentum left at None: if this net is trained on, each new batch counts for less and less, 1 / k of the k-th,
    and the statistics stop following the weights."""
    _run(net, batches)
    for norm in batch_norms(net):
        norm.momentum = None
    return net


@slip_of("recalibrate")
def parameters_reset(net, batches):
    """reset_parameters() in place of reset_running_stats(): it sets the running statistics back, and gamma to 1 and
    beta to 0 as well, which were learned. On the example {parameters_changed} parameters are other ones
    afterwards."""
    norms, modes = batch_norms(net), [(layer, layer.training) for layer in net.modules()]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_parameters()
    _run(net, batches, reset=False)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for layer, mode in modes:
        layer.training = mode
    return net


@slip_of("recalibrate")
def one_batch(net, batches):
    """one batch only: its mean is off by about 1 / sqrt(m) standard deviations, for 8 values a third of one. Go
    through all batches."""
    return _run(net, batches[:1])


@slip_of("recalibrate")
def reset_for_every_batch(net, batches):
    """the reset inside the loop: each batch wipes out what those before it gave, and the last one alone is left; it
    counts {batches_counted} in place of {right_batches_counted}."""
    for batch in batches:
        _run(net, [batch])
    return net


@slip_of("recalibrate")
def an_epoch_of_training(net, batches):
    """steps of an optimizer on the way: that is training, in which statistics run after weights that move.
    Recalibration changes 0 parameters; it needs no loss and no label."""
    modes = [(layer, layer.training) for layer in net.modules()]
    _run(net, batches, back=False)
    for x, _ in batches:
        gradients = torch.autograd.grad(net.eval()(x).square().mean(), list(net.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(net.parameters(), gradients, strict=True):
                parameter -= 0.01 * gradient
    for layer, mode in modes:
        layer.training = mode
    return net
