"""What notebook 15 builds beside `norm_torch.merge_statistics`: gradients, buffers and bytes of several devices."""

import inspect

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from bnbook import nets, norm_torch


def sync_backward(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    """One rank's gradients through the BatchNorm whose batch is that of all ranks together.

        dx = gamma / sqrt(var + eps) * (dy - sum(dy) / n - x_hat * sum(dy * x_hat) / n)     sums over all ranks

    dy, x         (N, C, *)  of this rank: gradient of its loss, and what went in; N may be 0
    gamma         (C,)       scale
    mean, var, n  (C,), (C,) and a number, of all ranks together: what `merge_statistics` returns
    all_reduce    function: all_reduce(v) overwrites v by its sum over all ranks, as torch.distributed.all_reduce does
    Returns dx (N, C, *), the gradient of the sum of all losses; and of this rank's own loss dgamma (C,), dbeta (C,).
    Source: Ioffe & Szegedy 2015, section 3, with the batch spread over ranks.
    """
    axes, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    inv_std = 1 / torch.sqrt(var + eps)
    x_hat = (x - mean.reshape(column)) * inv_std.reshape(column)
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    sums = torch.stack((dgamma, dbeta))
    all_reduce(sums)
    along_x_hat, along_one = (v.reshape(column) for v in sums / n)
    dx = (gamma * inv_std).reshape(column) * (dy - along_one - x_hat * along_x_hat)
    return dx, dgamma, dbeta


def running_on_ranks(means, broadcast, restart=None, momentum=0.1):
    """The running mean on each rank after training with DistributedDataParallel and statistics of each rank by itself.

        running[r] = (1 - momentum) * running[r] + momentum * means[t, r]        beginning with 0

    means      (steps, P)  mean of the batch of step t on rank r; a last axis for channels may follow
    broadcast  whether every forward pass begins by copying the buffers of rank 0 to all
    restart    None, or t: after t steps all processes were started again from the checkpoint that rank 0 had written
    momentum   weight of the new batch
    Returns running (P,), or (P, C).
    Source: DistributedDataParallel's arguments broadcast_buffers and (from torch 2.13 on) forward_sync_buffers.
    """
    running = np.zeros(means.shape[1:])
    for step, mean in enumerate(means):
        if broadcast or step == restart:
            running = np.broadcast_to(running[0], running.shape)
        running = (1 - momentum) * running + momentum * mean
    return running


def bytes_exchanged(shape, ranks, itemsize=4):
    """Bytes that each rank sends for one BatchNorm of a common batch, forward and backward, in a ring of P ranks.

        all_gather of k bytes of each rank  (P - 1) * k        all_reduce of k bytes  2 * (P - 1) / P * k

    shape     of the activation on one rank, (N, C, *)
    ranks     P
    itemsize  bytes of a number of the activation; statistics and sums are float64, 8 bytes
    Returns statistics  an all_gather of 1 + 2 C numbers forward, an all_reduce of 2 C numbers backward
            activations an all_gather of x forward, one of dy backward: every rank then does all by itself
    Source: Patarasuk & Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".
    """
    C, size = shape[1], int(np.prod(shape)) * itemsize
    statistics = (ranks - 1) * (1 + 2 * C) * 8 + 2 * (ranks - 1) / ranks * 2 * C * 8
    return statistics, 2 * (ranks - 1) * size


# --- what the notebook lets ranks do, and does in one process beside it ----------------------------------------------


def distributed(net, broadcast=True):
    """DistributedDataParallel(net, broadcast_buffers=broadcast), whatever the installed torch calls that argument."""
    names = inspect.signature(DistributedDataParallel.__init__).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
    return DistributedDataParallel(net, **{name: broadcast})


def wrapped(norm="batch", synchronized=False):
    """On a rank: the small fully connected net in float64 under DDP, its BatchNorms synchronized or not."""
    net = nets.mlp(norm=norm).double()
    return distributed(norm_torch.SyncBatchNorm.convert(net) if synchronized else net)


def share(x, rank, ranks):
    """The part of a batch that belongs to one of P ranks: consecutive images, as many on each; ValueError if uneven."""
    if len(x) % ranks:
        raise ValueError(f"the batch has {len(x)} images, expected a multiple of {ranks}: each rank gets as many")
    return x.chunk(ranks)[rank]


def gradient(net, x, y):
    """Gradient of the mean loss of a batch, all parameters in one vector."""
    net.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])


def gradient_on_rank(x, y, norm="batch", synchronized=False):
    """On a rank: the gradient of its share of a batch, as DDP leaves it, averaged over the ranks."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    return gradient(wrapped(norm, synchronized), share(x, rank, ranks), share(y, rank, ranks))


def trained(net, x, y, batches, lr, rank=0, ranks=1):
    """SGD on the given batches, each rank on its share of them; the parameters afterwards, in one vector.

    batches  (steps, batch) of indices into x, y, the same on every rank
    """
    for batch in batches:
        own = share(torch.as_tensor(batch), rank, ranks)
        gradient(net, x[own], y[own])
        with torch.no_grad():
            for p in net.parameters():
                p -= lr * p.grad
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def buffers_on_rank(means, broadcast, checkpoint=None, norm=nn.BatchNorm1d):
    """On a rank: state_dict of a BatchNorm under DDP after a forward pass for each row of means (steps, P).

    Its batch in step t is means[t, rank] - 1 and means[t, rank] + 1; momentum is 0.5.
    """
    layer = norm(1, momentum=0.5).double()
    layer.load_state_dict(checkpoint or layer.state_dict())
    net = distributed(layer, broadcast)
    for mean in means[:, dist.get_rank()]:
        net(mean + torch.tensor([[-1.0], [1.0]]).double())
    return layer.state_dict()


def goes_through(backward, dy, x, counts, gamma, eps=1e-5):
    """Whether a test of `backward` passes: on simulated ranks it gives what autograd gives for the joined batch.

    backward         function like `sync_backward`
    dy, x, counts    of all ranks together, and how many images each has
    Compared are dx, and the sums over ranks of dgamma and dbeta; a rank that waits for ever is a failure.
    """
    beta, leaves = torch.zeros_like(gamma), [v.clone().requires_grad_() for v in (x, gamma)]
    y = norm_torch.batch_norm(leaves[0], leaves[1], beta.requires_grad_(), eps)[0]
    expected = torch.autograd.grad(y, (*leaves, beta), dy)
    mean, var = x.mean(0), x.var(0, correction=0)
    dys, xs = dy.split(counts), x.split(counts)
    results, waiting = in_turn(
        lambda r, all_reduce: backward(dys[r], xs[r], gamma, mean, var, len(x), all_reduce, eps), len(counts)
    )
    if waiting:
        return False
    dx, dgamma, dbeta = zip(*(results[rank] for rank in range(len(counts))), strict=True)
    pairs = zip((torch.cat(dx), sum(dgamma), sum(dbeta)), expected, strict=True)
    return all(torch.allclose(found, right, rtol=0, atol=1e-9) for found, right in pairs)


def in_turn(call, ranks):
    """What call(rank, all_reduce) returns on each rank, in one process, and how many ranks would wait for ever.

    The calls are made again from the start whenever all have come to a further all_reduce, whose sum is known then.

    call  function of a rank and an all_reduce as in `sync_backward`; it must not depend on how often it is called
    Returns {rank: result} of those that return, and the number of the others.
    """
    sums = []
    while True:
        results, sent = {}, {}
        for rank in range(ranks):
            try:
                results[rank] = call(rank, _AllReduce(sums, sent, rank))
            except _WaitsError:
                pass
        if len(sent) < ranks:
            return results, len(sent)
        sums.append(sum(sent.values()))


class _WaitsError(BaseException):
    """Not an Exception, which a call may handle by itself."""


class _AllReduce:
    """Overwrites v by the next sum that is known; the first that is not stops the rank."""

    def __init__(self, sums, sent, rank):
        self.known, self.sent, self.rank = iter(sums), sent, rank

    def __call__(self, v):
        total = next(self.known, None)
        if total is None:
            self.sent[self.rank] = v.detach().clone()
            raise _WaitsError
        v.copy_(total)
