"""Gradients, buffers and bytes of several ranks, judged by torch on the joined batch and by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bnbook.chapters.n15_devices import checks, functions
from bnbook.chapters.n15_devices.functions import (
    bytes_exchanged,
    goes_through,
    in_turn,
    running_on_ranks,
    sync_backward,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (3, 2, 5)])
@pytest.mark.parametrize("counts", [(4, 4), (1, 0, 7), (2, 3, 1, 2)])
def test_gradients_of_all_ranks_are_torchs_for_the_joined_batch(counts, shape):
    x, dy, gamma, beta = 3 * normal(8, *shape) + 5, normal(8, *shape, seed=1), normal(shape[0]), normal(shape[0])
    leaves = [v.clone().requires_grad_() for v in (x, gamma, beta)]
    expected = torch.autograd.grad(F.batch_norm(leaves[0], None, None, *leaves[1:], True, 0.1, 0.1), leaves, dy)
    axes = (0, *range(2, x.ndim))
    mean, var, n = x.mean(axes), x.var(axes, correction=0), x.numel() // shape[0]
    dys, xs = dy.split(counts), x.split(counts)

    def call(rank, all_reduce):
        return sync_backward(dys[rank], xs[rank], gamma, mean, var, n, all_reduce, 0.1)

    results, waiting = in_turn(call, len(counts))
    dx, dgamma, dbeta = zip(*(results[rank] for rank in range(len(counts))), strict=True)
    assert waiting == 0
    for found, right in zip((torch.cat(dx), sum(dgamma), sum(dbeta)), expected, strict=True):
        assert (found - right).abs().max() <= 1e-12
    alone, _ = in_turn(lambda rank, _: call(rank, lambda v: None), len(counts))
    apart = torch.cat([alone[rank][0] for rank in range(len(counts))]) - expected[0]
    assert apart.abs().max() > 1e-3  # without the exchange


def test_a_loss_of_the_sum_lets_wrong_backward_passes_through_and_unequal_ranks_let_none():
    x, dy, gamma = 2 * normal(8, 3) + 5, normal(8, 3, seed=1), normal(3)
    passed = {
        (loss, sizes): {
            slip.__name__ for slip in checks.sync_backward.slips() if goes_through(slip, grad, x, sizes, gamma)
        }
        for loss, grad in (("sum", torch.ones_like(dy)), ("random", dy))
        for sizes in ((2, 2, 2, 2), (1, 3, 0, 4))
    }
    assert {"sync_backward_without_gamma", "sync_backward_without_x_hat"} <= passed["sum", (2, 2, 2, 2)]
    assert passed["random", (2, 2, 2, 2)] == {"sync_backward_mean_of_means", "sync_backward_leaves_when_empty"}
    assert passed["random", (1, 3, 0, 4)] == set()
    assert goes_through(sync_backward, dy, x, (1, 3, 0, 4), gamma)


def test_ranks_in_turn_get_the_sums_of_all_and_those_left_waiting_are_counted():
    def call(rank, all_reduce):
        first = torch.tensor([10.0**rank])
        all_reduce(first)
        second = first * (rank == 0)
        if rank < 2:
            all_reduce(second)
        return first.item(), second.item()

    assert in_turn(call, 2) == ({0: (11.0, 11.0), 1: (11.0, 11.0)}, 0)
    assert in_turn(call, 4) == ({2: (1111.0, 0.0), 3: (1111.0, 0.0)}, 2)


def test_running_means_by_hand():
    means = np.array([[8.0, 0.0], [4.0, 2.0]])  # two steps on two ranks, momentum 1/2
    assert running_on_ranks(means, False, None, 0.5).tolist() == [4.0, 1.0]  # 8/4 + 4/2 and 0/4 + 2/2
    assert running_on_ranks(means, True, None, 0.5).tolist() == [4.0, 3.0]  # the second begins with 4 of rank 0
    assert running_on_ranks(means, False, 1, 0.5).tolist() == [4.0, 3.0]  # so it does after a restart
    assert running_on_ranks(means, True, 1, 0.5).tolist() == [4.0, 3.0]
    assert means.tolist() == [[8.0, 0.0], [4.0, 2.0]]


def sent_in_a_ring(ranks, size, reduce):
    """How many numbers a rank sends in a ring that is played: each hands one piece to its neighbour, round by round."""
    held = [[{rank} for _ in range(ranks)] if reduce else [{r} & {rank} for r in range(ranks)] for rank in range(ranks)]
    rounds = 0
    while any(piece != (set(range(ranks)) if reduce else {i}) for own in held for i, piece in enumerate(own)):
        handed = [((rank - rounds) % ranks, held[rank][(rank - rounds) % ranks]) for rank in range(ranks)]
        for rank, (i, piece) in enumerate(handed):
            held[(rank + 1) % ranks][i] = held[(rank + 1) % ranks][i] | piece
        rounds += 1
    return rounds * size * (1 / ranks if reduce else 1)


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_bytes_are_those_of_a_ring_that_is_played(ranks):
    statistics, activations = bytes_exchanged((2, 3, 10, 10), ranks)
    gathered, reduced = sent_in_a_ring(ranks, 7, False), sent_in_a_ring(ranks, 6, True)
    assert statistics == pytest.approx(8 * (gathered + reduced))
    assert activations == 4 * 2 * sent_in_a_ring(ranks, 600, False)
    assert bytes_exchanged((2, 3, 10, 10), ranks, 2) == (statistics, activations / 2)
    assert bytes_exchanged((9, 3, 1, 1), ranks)[0] == statistics  # by channels alone


def test_in_one_process_the_shares_of_a_batch_are_consecutive_and_equal():
    assert [functions.share(torch.arange(8), rank, 4).tolist() for rank in range(4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize("size", [3, 5, 10])
def test_a_batch_that_cannot_be_shared_equally_is_refused(size):
    with pytest.raises(ValueError, match=f"^the batch has {size} images, expected a multiple of 4: "):
        functions.share(torch.arange(size), 0, 4)
