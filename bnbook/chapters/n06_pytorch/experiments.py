"""The experiments of notebook 06."""

import copy
import itertools

import torch

from bnbook import norm_torch, train
from bnbook.lab.engine import Setting, build, tensors


def same_losses(data, theirs=None, ours=None, lr=0.2, steps=150, seed=0, device="cpu"):
    """Two networks that ought to be the same one, trained on the same batches: how far apart are their losses?

    data          data.Data
    theirs, ours  nn.Module, on one device; they are trained in place. None: nets.cnn with torch.nn's BatchNorm, and
                  with this package's
    lr, steps     learning rate and number of steps, see `train.fit`
    seed          of the weights (where the nets are None) and of the batch order
    Returns a dict: experiment, lr, step, theirs, ours (the loss of each batch before its step), and loss_ and accuracy_
    of both on the test set: in evaluation mode, since training never looks at the running statistics.
    """
    if ours is None:
        ours = build(Setting(seed=seed), data).to(device)
        theirs = copy.deepcopy(ours)
        for module in theirs.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.__class__ = torch.nn.BatchNorm2d
    x_train, y_train, x_test, y_test = tensors(data, device)
    results = {"experiment": "same_losses", "lr": lr, "step": list(range(1, steps + 1))}
    for name, net in (("theirs", theirs), ("ours", ours)):
        results[name] = train.fit(net, x_train, y_train, lr, steps=steps, seed=seed).tolist()
        results[f"loss_{name}"], results[f"accuracy_{name}"] = train.evaluate(net, x_test, y_test)
    return results


def graph_nodes(leaky=None, steps=50):
    """What hangs on a running mean that was stored with its graph: train a small net and count, after each step.

    leaky  a class like nn.BatchNorm2d whose forward forgets detach(); None: the shortest such layer
    steps  training steps
    Returns a dict: experiment, step, kept and detached (nodes of graphs that can be reached from running_mean, with
    this layer and with the package's), copied (whether copy.deepcopy accepts the net of each after training).
    """
    results = {"experiment": "graph_nodes", "step": list(range(1, steps + 1)), "copied": {}}
    for name, layer in (("kept", leaky or _Leaky), ("detached", norm_torch.BatchNorm2d)):
        generator = torch.Generator().manual_seed(0)
        net, counts = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), layer(3)), []
        for _ in range(steps):
            net(torch.randn(4, 1, 6, 6, generator=generator)).square().sum().backward()
            counts.append(_nodes_behind(net[1].running_mean))
        results[name] = counts
        try:
            results["copied"][name] = copy.deepcopy(net) is not None
        except RuntimeError:  # only tensors without a graph can be copied
            results["copied"][name] = False
    return results


class _Leaky(torch.nn.BatchNorm2d):
    def forward(self, x):
        self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean((0, 2, 3))
        return torch.nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True)


def _nodes_behind(tensor):
    found, ahead = set(), [tensor.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in found:
            found.add(node)
            ahead += [before for before, _ in node.next_functions]
    return len(found)


def drop_in(theirs, ours, device="cpu"):
    """Are two BatchNorm2d classes the same layer, whatever the flags? In float64, on the CPU and on device.

    theirs, ours  classes, called with 3 channels and the flags
    Returns a list of dicts, one for each combination of affine, track_running_stats and momentum: the flags, and
    equal, whether all outputs, gradients and buffers agree to 10 digits in three training steps and one evaluation.
    """
    rows = []
    for affine, tracks, momentum in itertools.product((True, False), (True, False), (0.1, None)):
        flags = {"affine": affine, "track_running_stats": tracks, "momentum": momentum}
        pairs = []
        for where in {"cpu", device}:
            pairs += zip(_trace(theirs(3, **flags), where), _trace(ours(3, **flags), where), strict=True)
        rows.append({**flags, "equal": all(torch.allclose(a, b, rtol=1e-10, atol=1e-10) for a, b in pairs)})
    return rows


def _trace(layer, device):
    """Outputs, gradients and buffers of three training steps and one evaluation, on batches of different sizes."""
    layer, found, generator = layer.to(device, torch.float64), [], torch.Generator().manual_seed(0)
    for step in range(4):
        x = 3 + 2 * torch.randn(4 + step, 3, 2, 5, generator=generator, dtype=torch.float64)
        x = x.to(device).requires_grad_()
        y = layer.train(step < 3)(x)
        gradients = torch.autograd.grad(y.pow(3).sum(), [x, *layer.parameters()])
        found += [y, *gradients, *(buffer.clone() for buffer in layer.buffers())]
    return found
