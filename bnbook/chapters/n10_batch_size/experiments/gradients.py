"""The gradient of many small batches, added up for one step."""

from dataclasses import replace

import numpy as np
import torch

from bnbook import nets, train
from bnbook.lab.engine import build, tensors
from bnbook.lab.results import versions

from ..functions import accumulated_gradient
from .rates import NETS


def accumulation(
    data, seeds=5, norms=("none", "layer", "group", "batch"), batch_size=64, sizes=(32, 16, 8, 4, 2), device="cpu"
):
    """How far the gradient accumulated over micro-batches is from that of the whole batch.

        error = |accumulated - whole| / |whole|        over all parameters of a net that was trained for 50 steps

    data        data.Data
    seeds       nets per arm
    norms       normalizations, of the fully connected net and of the cnn
    batch_size  images of the whole batch, the first test images; fewer if there are fewer
    sizes       images in a micro-batch, divisors of batch_size
    Returns a dict: experiment, versions, seeds, batch_size, sizes, arms (per net and norm: error, one list per size,
    one number per seed), from_ghosts (for BatchNorm in the fully connected net, one list per size: distance of the
    accumulated gradient from that of ghost batches of this size, in the same units).
    """
    x_train, y_train, x_test, y_test = tensors(data, device)
    batch_size = min(batch_size, 2 ** int(np.log2(len(y_test))))  # a power of 2, for `sizes` divide it
    sizes = [size for size in sizes if size <= batch_size]
    x, y = x_test[:batch_size], y_test[:batch_size]
    arms, ghosts = [], []
    for kind, norm in [(kind, norm) for kind in ("mlp", "cnn") for norm in norms]:
        base = replace(NETS[kind], norm=norm)
        trained = nets.Stack([build(replace(base, seed=seed), data) for seed in range(seeds)]).to(x)
        train.fit_all(trained, x_train, y_train, 0.1, steps=50, seeds=list(range(seeds)))
        whole, gradient = _gradient(trained)(x, y), _gradient(trained)
        accumulated = [accumulated_gradient(gradient, x, y, size) for size in sizes]
        arms.append({"net": kind, "norm": norm, "error": [_distance(g, whole) for g in accumulated]})
        if (kind, norm) == ("mlp", "batch"):
            for size, g in zip(sizes, accumulated, strict=True):
                ghost = nets.Stack([build(replace(base, ghost=size, seed=seed), data) for seed in range(seeds)]).to(x)
                ghost.load_state_dict(trained.state_dict())
                ghosts.append(_distance(g, _gradient(ghost)(x, y)))
    return {
        "experiment": "accumulation",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "sizes": list(sizes),
        "arms": arms,
        "from_ghosts": ghosts,
    }


def _gradient(stack):
    """A function: a batch x, y to the gradients of the mean loss of each member of a stack, (P, parameters)."""

    def gradient(x, y):
        loss = train.per_member_loss(stack.train()(x), y).sum()
        return torch.cat([g.flatten(1) for g in torch.autograd.grad(loss, list(stack.parameters()))], 1)

    return gradient


def _distance(a, b):
    """|a - b| / |b| for each member: a list."""
    return ((a - b).norm(dim=1) / b.norm(dim=1)).tolist()
