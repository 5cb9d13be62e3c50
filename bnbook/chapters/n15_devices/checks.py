"""The exercises of notebook 15."""

import numpy as np
import torch

from bnbook import norm_torch
from bnbook.grading import desk
from bnbook.grading.compare import Probe, as_outputs, kind_of
from bnbook.grading.exercise import Exercise

from . import functions
from .questions import QUESTIONS

# --- merge_statistics ------------------------------------------------------------------------------------------------


def _known(*parts):
    """What each rank knows of its values (n, C): counts, means, squares."""
    parts = [torch.as_tensor(part, dtype=torch.float64) for part in parts]
    counts = torch.tensor([float(len(part)) for part in parts], dtype=torch.float64)
    means = torch.stack([part.mean(0) if len(part) else part.new_zeros(part.shape[1]) for part in parts])
    squares = [(part - mean).square().sum(0) for part, mean in zip(parts, means, strict=True)]
    return counts, means, torch.stack(squares)


def _parts(*sizes, offset=0.0):
    random = np.random.default_rng(sizes)
    scale, shift = np.array([2.0, 0.3, 5.0]), np.array([3.0, -1.0, 10.0])
    return [scale * random.normal(size=(n, 3)) + shift * (1 + 0.3 * i) + offset for i, n in enumerate(sizes)]


merge_statistics = Exercise(
    name="merge_statistics",
    room=__name__,
    finished=norm_torch.merge_statistics,
    inputs=("counts", "means", "squares"),
    outputs=("n", "mean", "var"),
    probes=lambda: [
        Probe("2 ranks with 4 and 6 values, 3 channels", _known(*_parts(4, 6))),
        Probe("4 ranks with 5 values each", _known(*_parts(5, 5, 5, 5))),
        Probe("3 ranks with 1, 7 and 2 values", _known(*_parts(1, 7, 2))),
        Probe("4 ranks, one of them without values", _known(*_parts(3, 0, 6, 2))),
        Probe("1 rank", _known(*_parts(5))),
        Probe("2 ranks, no value anywhere", _known(*_parts(0, 0))),
        Probe("3 ranks with values around a million", _known(*_parts(20, 9, 30, offset=1e6)), 1e-7),
    ],
    example=lambda: _known([[1.0], [3.0]], [[4.0], [6.0], [8.0], [10.0]]),  # 2 values around 2, 4 around 7
    hints=(
        "The mean is a weighted one: a rank with twice as many values counts twice. That is counts / n, one for each "
        "rank, as a column beside means (P, C).",
        "The squares of a rank are taken around its own mean. Around the common mean they are larger by n_i times the "
        "square of the distance of the two. Add up, divide by n, and let n be 1 there if it is 0.",
        "in code:\n    n = counts.sum()\n    shares = (counts / n.clamp(min=1))[:, None]\n"
        "    mean = (shares * means).sum(0)\n"
        "    var = squares.sum(0) / n.clamp(min=1) + (shares * (means - mean) ** 2).sum(0)\n    return n, mean, var",
    ),
)


# --- sync_backward ---------------------------------------------------------------------------------------------------


def _on_ranks(yours, dy, x, counts, gamma, *eps):
    """ranks_waiting, and from all ranks dx (N, C, *), dgamma (P, C), dbeta (P, C); nan from ranks that wait."""
    mean, var = x.mean((0, *range(2, x.ndim))), x.var((0, *range(2, x.ndim)), correction=0)
    n, dys, xs = x.numel() // x.shape[1], dy.split(counts), x.split(counts)

    def call(rank, all_reduce):
        own = dys[rank].clone(), xs[rank].clone()
        return yours(*own, gamma.clone(), mean.clone(), var.clone(), n, all_reduce, *eps)

    results, waiting = functions.in_turn(call, len(counts))
    if any(result is None for result in results.values()):
        return None
    for result in results.values():
        if as_outputs(result, 3) is None:
            raise TypeError(f"a rank returned {kind_of(result)}, expected 3 outputs, dx, dgamma, dbeta")
    missing = [torch.full_like(v, torch.nan) for v in (gamma, gamma)]
    found = [results.get(rank, (torch.full_like(dys[rank], torch.nan), *missing)) for rank in range(len(counts))]
    dx, dgamma, dbeta = zip(*found, strict=True)
    return waiting, torch.cat(dx).numpy(), torch.stack(dgamma).numpy(), torch.stack(dbeta).numpy()


def _batch(counts, *shape, C=3):
    random = torch.Generator().manual_seed(sum(counts) + len(shape))
    column = (1, C, *[1] * len(shape))
    x, dy = torch.randn(2, sum(counts), C, *shape, generator=random, dtype=torch.float64)
    scale, shift = (torch.linspace(a, b, C, dtype=torch.float64).reshape(column) for a, b in ((0.5, 3), (-2, 4)))
    return dy + 0.4, scale * x + shift, list(counts), torch.linspace(1.5, -0.7, C, dtype=torch.float64)


sync_backward = Exercise(
    name="sync_backward",
    room=__name__,
    finished=functions.sync_backward,
    inputs=("dy", "x", "counts", "gamma", "eps"),
    outputs=("ranks_waiting", "dx", "dgamma", "dbeta"),
    probes=lambda: [
        Probe("2 ranks with 4 and 3 images, x (N, 3), eps 0.1", (*_batch((4, 3)), 0.1)),
        Probe("3 ranks with 2 images (3, 2, 4) each, eps 0.1", (*_batch((2, 2, 2), 2, 4), 0.1)),
        Probe("3 ranks with 3, 0 and 2 images, x (N, 3), eps 0.1", (*_batch((3, 0, 2)), 0.1)),
        Probe("4 ranks with 1, 4, 2, 1 images (3, 5), eps 0.1", (*_batch((1, 4, 2, 1), 5), 0.1)),
        Probe("1 rank with 5 images, x (N, 3), eps 0.1", (*_batch((5,)), 0.1)),
        Probe("2 ranks with 2 images (3, 4) each, eps not given", _batch((2, 2), 4)),
    ],
    example=lambda: (
        torch.tensor([[1.0], [0.0], [0.0], [3.0]], dtype=torch.float64),
        torch.tensor([[1.0], [3.0], [5.0], [11.0]], dtype=torch.float64),
        [2, 2],
        torch.tensor([2.0], dtype=torch.float64),
        0.25,  # the variance is 14, so the standard deviation 3.775
    ),
    hints=(
        "Begin as in one process: x_hat by mean and var as they are given, then dgamma = sum(dy * x_hat) and dbeta = "
        "sum(dy) of your own images. These two are what you return; what dx needs are their sums over all ranks.",
        "Put copies of both into one tensor, torch.stack((dgamma, dbeta)), and give that to all_reduce once: it is "
        "overwritten. On every rank, one without images too, or the others wait. Then divide by n, not by your own m.",
        "in code:\n    axes, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))\n"
        "    inv_std = 1 / torch.sqrt(var + eps)\n"
        "    x_hat = (x - mean.reshape(column)) * inv_std.reshape(column)\n"
        "    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)\n"
        "    sums = torch.stack((dgamma, dbeta))\n    all_reduce(sums)\n"
        "    a, b = (v.reshape(column) for v in sums / n)\n"
        "    dx = (gamma * inv_std).reshape(column) * (dy - b - x_hat * a)\n    return dx, dgamma, dbeta",
    ),
    observe=_on_ranks,
)


# --- running_on_ranks ------------------------------------------------------------------------------------------------


def _means(steps, *ranks):
    return np.random.default_rng(steps).normal(2, 3, (steps, *ranks))


running_on_ranks = Exercise(
    name="running_on_ranks",
    room=__name__,
    finished=functions.running_on_ranks,
    inputs=("means", "broadcast", "restart", "momentum"),
    outputs=("running",),
    probes=lambda: [
        Probe("5 steps on 4 ranks, no broadcast, momentum 0.3", (_means(5, 4), False, None, 0.3)),
        Probe("5 steps on 4 ranks with broadcast, momentum 0.3", (_means(5, 4), True, None, 0.3)),
        Probe("6 steps on 3 ranks, started again after 2, no broadcast", (_means(6, 3), False, 2, 0.3)),
        Probe("6 steps on 3 ranks, started again after 2, with broadcast", (_means(6, 3), True, 2, 0.3)),
        Probe("3 steps on 2 ranks, 4 channels, with broadcast", (_means(3, 2, 4), True, None, 0.2)),
        Probe("4 steps on 2 ranks, started again after 3, 4 channels", (_means(4, 2, 4), False, 3, 0.2)),
        Probe("1 step on 3 ranks with broadcast", (_means(1, 3), True, None, 0.2)),
        Probe("4 steps on 2 ranks, no broadcast, nothing else given", (_means(4, 2), False)),
    ],
    example=lambda: (np.array([[8.0, 0.0], [4.0, 2.0]]), True, None, 0.5),
    hints=(
        "Two things happen in a step, in this order: perhaps all ranks get the number of rank 0, and then each moves "
        "its own towards the mean of its own batch.",
        "A checkpoint holds the numbers of rank 0, and whoever starts from it has these: at that step, the same as a "
        "broadcast. With broadcast the restart changes nothing.",
        "in code:\n    running = np.zeros(means.shape[1:])\n    for step, mean in enumerate(means):\n"
        "        if broadcast or step == restart:\n"
        "            running = np.broadcast_to(running[0], running.shape)\n"
        "        running = (1 - momentum) * running + momentum * mean\n    return running",
    ),
)


# --- bytes_exchanged -------------------------------------------------------------------------------------------------

bytes_exchanged = Exercise(
    name="bytes_exchanged",
    room=__name__,
    finished=functions.bytes_exchanged,
    inputs=("shape", "ranks", "itemsize"),
    outputs=("statistics", "activations"),
    probes=lambda: [
        Probe("images (2, 64, 56, 56) on 4 ranks", ((2, 64, 56, 56), 4)),
        Probe("the same in 16 bits", ((2, 64, 56, 56), 4, 2)),
        Probe("a table (16, 100) on 2 ranks", ((16, 100), 2)),
        Probe("signals (3, 7, 50) on 8 ranks, 8 bytes a number", ((3, 7, 50), 8, 8)),
        Probe("one rank", ((4, 3, 5, 5), 1)),
    ],
    example=lambda: ((2, 3, 10, 10), 4, 4),
    hints=(
        "Count numbers first. Statistics: 1 + 2 C go forward, and 2 C sums backward; what N, H, W are does not matter. "
        "Activations: N C H W numbers forward, as many backward.",
        "Then the ring: an all_gather costs (ranks - 1) times a rank's bytes, an all_reduce 2 (ranks - 1) / ranks "
        "times. Statistics and sums have 8 bytes a number, activations itemsize.",
        "in code:\n    C, size = shape[1], np.prod(shape) * itemsize\n"
        "    gather, reduce = ranks - 1, 2 * (ranks - 1) / ranks\n"
        "    return gather * (1 + 2 * C) * 8 + reduce * 2 * C * 8, 2 * gather * size",
    ),
)

EXERCISES = (merge_statistics, sync_backward, running_on_ranks, bytes_exchanged)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
