"""What tests/test_norm_sync.py lets real processes do: each function is called on every rank at once."""

import os
import time
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from bnbook.norm_torch import SyncBatchNorm

# name: images of each rank, shape of one, what is added to the values, dtype, arguments of the layer
CASES = {
    "two": ((3, 5), (4,), 0.0, torch.float64, {}),
    "three, one of them without images": ((4, 0, 2), (2, 3, 3), 1.0, torch.float64, {}),
    "four, single images": ((1, 1, 0, 1), (3, 5), 0.0, torch.float64, {"momentum": None}),
    "no gamma": ((2, 3), (3, 2, 2, 2), 0.0, torch.float64, {"affine": False}),
    "no buffers": ((2, 3), (3,), 0.0, torch.float64, {"track_running_stats": False}),
    "far from 0": ((40, 60), (3, 8, 8), 1e4, torch.float32, {}),
}
HALF = ((4, 4), (3, 5), 0.0, torch.bfloat16, {})
STEPS, LR = 3, 0.1


def whole(name, case):
    """x, dy, gamma, beta of all ranks together, the same in every process."""
    sizes, shape, offset, dtype, _ = case
    rng = torch.Generator().manual_seed(len(name))

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    x, dy = 2 * normal(sum(sizes), *shape) + offset, normal(sum(sizes), *shape)
    return x.to(dtype), dy.to(dtype), normal(shape[0]), normal(shape[0])


def layer_of(kind, case, gamma, beta, dtype, **more):
    """A layer of this kind with these parameters."""
    layer = kind(case[1][0], **case[4], **more).to(dtype)
    if layer.affine:
        layer.weight.data.copy_(gamma)
        layer.bias.data.copy_(beta)
    return layer


def one_case(name, case, rank, group):
    x, dy, gamma, beta = whole(name, case)
    ends = [sum(case[0][:i]) for i in range(len(case[0]) + 1)]
    own = slice(ends[rank], ends[rank + 1])
    parameters = torch.float32 if case[3] is torch.bfloat16 else case[3]
    layer = layer_of(SyncBatchNorm, case, gamma, beta, parameters, process_group=group)
    x = x[own].clone().requires_grad_()
    y = layer(x)
    y.backward(dy[own])
    found = {"y": y.detach(), "dx": x.grad, **{k: v.clone() for k, v in layer.named_buffers()}}
    return found | {f"d{k}": p.grad for k, p in layer.named_parameters()}


def small_net(norm):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), norm(6), nn.ReLU(), nn.Linear(6, 3)).double()


def batch(step, rank=None, each=4, world=4):
    rng = torch.Generator().manual_seed(step)
    x = torch.randn(world * each, 5, generator=rng, dtype=torch.float64)
    y = torch.randint(3, (world * each,), generator=rng)
    return (x, y) if rank is None else (x[each * rank : each * (rank + 1)], y[each * rank : each * (rank + 1)])


def train(net, rank=None):
    """Three steps of SGD; the parameters and buffers after them."""
    optimizer = torch.optim.SGD(net.parameters(), LR)
    for step in range(STEPS):
        x, y = batch(step, rank)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return {name.removeprefix("module."): v.clone() for name, v in net.state_dict().items()}


def refusals():
    """What the layer says to what it cannot do, on this rank; no rank is left waiting."""
    layer, found = SyncBatchNorm(3).double(), {}
    x = torch.ones(int(dist.get_rank() == 0), 3, dtype=torch.float64)
    for name, act in {
        "one value": lambda: layer(x),
        "second": lambda: torch.autograd.grad(
            layer(torch.ones(2, 3, dtype=torch.float64, requires_grad=True)).sum(), layer.weight, create_graph=True
        ),
    }.items():
        try:
            act()
        except (ValueError, RuntimeError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def everything():
    """All cases, a small net, and what is refused."""
    rank, groups = dist.get_rank(), {size: dist.new_group(range(size)) for size in (2, 3, 4)}
    found = {}
    for name, case in {**CASES, "half": HALF}.items():
        if rank < len(case[0]):
            found[name] = one_case(name, case, rank, groups[len(case[0])])
    found["net"] = train(DistributedDataParallel(small_net(SyncBatchNorm)), rank)
    found["refusals"] = refusals()
    return found


def failing(how):
    """Rank 1 'dies' or 'hangs' before the second pass: the others' error and after how many seconds it came."""
    group = dist.new_group(timeout=timedelta(seconds=1))
    layer, x = SyncBatchNorm(3, process_group=group), torch.randn(4, 3)
    layer(x)
    if dist.get_rank() == 1:
        if how == "dies":
            os._exit(7)
        return time.sleep(2)
    began = time.monotonic()
    try:
        layer(x)
    except RuntimeError as error:
        if how == "dies":
            raise
        return f"{type(error).__name__}: {error}", time.monotonic() - began
