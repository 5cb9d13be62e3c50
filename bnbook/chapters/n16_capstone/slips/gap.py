"""Wrong answers to the exercise `gap`."""

import torch

from bnbook import train
from bnbook.grading.exercise import slip_of

# --- gap(net, run, x) -> a number -------------------------------------------------------------------------------------


@torch.no_grad()
def _both(net, run, x):
    with train.evaluating(net):
        return net(x), run(x)


@slip_of("gap")
def in_the_mode_it_has(net, run, x):
    """net(x) in whatever mode the net is in: after training that is training mode, in which it normalizes by the
    batch, and a right program seems to be wrong. On the example {gap} in place of {right_gap}."""
    with torch.no_grad():
        expected = net(x)
        return float((run(x) - expected).abs().max() / expected.abs().max())


@slip_of("gap")
def left_in_evaluation_mode(net, run, x):
    """net.eval() and no way back: the number is right, and whoever trains this net on afterwards trains it with
    statistics that stand still, without 1 word of warning."""
    expected, found = _both(net, run, x)
    net.eval()
    return float((found - expected).abs().max() / expected.abs().max())


@slip_of("gap")
def the_mean_difference(net, run, x):
    """the mean of the differences in place of the largest: one wrong image among 300 hides in it, a 300th of its
    size. On the example {gap}, expected {right_gap}."""
    expected, found = _both(net, run, x)
    return float((found - expected).abs().mean() / expected.abs().max())


@slip_of("gap")
def with_its_sign(net, run, x):
    """the largest difference with its sign: a program that is too small everywhere gets a number below 0, and
    passes every test of the kind `< 1e-6`. Take .abs() first."""
    expected, found = _both(net, run, x)
    return float((found - expected).max() / expected.abs().max())


@slip_of("gap")
def not_relative(net, run, x):
    """the difference itself, not divided: 0.001 is much for logits around 0.01 and rounding for logits around
    10,000. On the example {gap}, expected {right_gap}."""
    expected, found = _both(net, run, x)
    return float((found - expected).abs().max())


@slip_of("gap")
def entry_by_entry(net, run, x):
    """each difference divided by its own entry: a logit that happens to be near 0 then makes rounding look like an
    error. Divide the largest difference by the largest entry; where all are half as large again both give 0.5."""
    expected, found = _both(net, run, x)
    return float(((found - expected) / expected).abs().max())


@slip_of("gap")
def the_first_image_only(net, run, x):
    """one image: programs exported with one example go wrong with the second, and x[:1] never asks for it. Compare
    all of x."""
    expected, found = _both(net, run, x[:1])
    return float((found - expected).abs().max() / expected.abs().max())


@slip_of("gap")
def by_the_class(net, run, x):
    """the share of images whose class is another one: logits that are half as large again have the same largest
    entry, so it says {gap} on the example, where the outputs are off by {right_gap}. Compare numbers, not
    decisions."""
    expected, found = _both(net, run, x)
    return float((found.argmax(1) != expected.argmax(1)).double().mean())


@slip_of("gap")
def by_the_programs_own_size(net, run, x):
    """dividing by the largest output of run: a program that is 1.5 times too large is forgiven a third of it, and
    one that gives infinity everything. The net is the measure."""
    expected, found = _both(net, run, x)
    return float((found - expected).abs().max() / found.abs().max())
