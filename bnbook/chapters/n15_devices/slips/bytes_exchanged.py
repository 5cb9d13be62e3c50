"""Wrong answers to the exercise `bytes_exchanged`."""

import numpy as np

from bnbook.grading.exercise import slip_of


def _ring(ranks):
    """Factors of an all_gather and of an all_reduce."""
    return ranks - 1, 2 * (ranks - 1) / ranks


def _statistics(C, ranks, gather, reduce, itemsize=8):
    return gather * (1 + 2 * C) * itemsize + reduce * 2 * C * itemsize


def _activations(shape, ranks, itemsize):
    return 2 * (ranks - 1) * int(np.prod(shape)) * itemsize


@slip_of("bytes_exchanged")
def bytes_exchanged_in_numbers(shape, ranks, itemsize=4):
    """counting numbers and not bytes: a number of the statistics has 8 bytes, one of the activation itemsize. You
    return {statistics} and {activations}, expected {right_statistics} and {right_activations}."""
    return _statistics(shape[1], ranks, *_ring(ranks), 1), _activations(shape, ranks, 1)


@slip_of("bytes_exchanged")
def bytes_exchanged_without_the_count(shape, ranks, itemsize=4):
    """leaving out how many values each rank has: mean and squares alone cannot be merged, so 1 + 2 C numbers travel
    forward. {statistics} bytes, expected {right_statistics}."""
    C, (gather, reduce) = shape[1], _ring(ranks)
    return gather * 2 * C * 8 + reduce * 2 * C * 8, _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_forward_only(shape, ranks, itemsize=4):
    """counting the forward pass only: backward 2 C sums are exchanged as well, and of the activations dy as much as x.
    {statistics} and {activations} bytes, expected {right_statistics} and {right_activations}."""
    C, (gather, _) = shape[1], _ring(ranks)
    return gather * (1 + 2 * C) * 8, _activations(shape, ranks, itemsize) / 2


@slip_of("bytes_exchanged")
def bytes_exchanged_in_itemsize(shape, ranks, itemsize=4):
    """giving the statistics the size of the activation's numbers: they are computed and sent in float64, 8 bytes, also
    of a 16-bit x. {statistics} bytes, expected {right_statistics}."""
    return _statistics(shape[1], ranks, *_ring(ranks), itemsize), _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_reduced_as_gathered(shape, ranks, itemsize=4):
    """giving an all_reduce the cost of an all_gather: in a ring the sums are added up on the way, each rank passing on
    1 part of P at a time, which makes 2 (P - 1) / P times the bytes and not P - 1. {statistics}, expected
    {right_statistics}."""
    gather, _ = _ring(ranks)
    return _statistics(shape[1], ranks, gather, gather), _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_half_a_ring(shape, ranks, itemsize=4):
    """going round the ring once in all_reduce: one round adds the parts up, a second one hands the sums out, so it is
    2 (P - 1) / P. {statistics} bytes, expected {right_statistics}."""
    gather, reduce = _ring(ranks)
    return _statistics(shape[1], ranks, gather, reduce / 2), _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_of_all_ranks(shape, ranks, itemsize=4):
    """adding up over all ranks: asked is what each one sends. Divide by their number, 4 in the example:
    {right_statistics}, yours {statistics}."""
    statistics = _statistics(shape[1], ranks, *_ring(ranks))
    return ranks * statistics, ranks * _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_to_itself(shape, ranks, itemsize=4):
    """counting P pieces in place of P - 1: a rank has its own already, so 1 rank sends nothing at all. {statistics}
    bytes, expected {right_statistics}."""
    return _statistics(shape[1], ranks, ranks, 2), 2 * ranks * int(np.prod(shape)) * itemsize


@slip_of("bytes_exchanged")
def bytes_exchanged_images_for_channels(shape, ranks, itemsize=4):
    """taking axis 0 for the channels: it is the images, 2 in the example. Statistics are one per channel, axis 1:
    {right_statistics} bytes, yours {statistics}."""
    return _statistics(shape[0], ranks, *_ring(ranks)), _activations(shape, ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_without_positions(shape, ranks, itemsize=4):
    """counting N C numbers of the activation: each has H W positions as well, 100 in the example. {activations} bytes,
    expected {right_activations}."""
    return _statistics(shape[1], ranks, *_ring(ranks)), _activations(shape[:2], ranks, itemsize)


@slip_of("bytes_exchanged")
def bytes_exchanged_statistics_per_image(shape, ranks, itemsize=4):
    """sending statistics of each image: a mean is taken over all images and positions of the rank, so there are 2
    numbers per channel whatever N is. {statistics} bytes, expected {right_statistics}."""
    gather, reduce = _ring(ranks)
    C, N = shape[1], shape[0]
    return gather * (1 + 2 * N * C) * 8 + reduce * 2 * N * C * 8, _activations(shape, ranks, itemsize)
