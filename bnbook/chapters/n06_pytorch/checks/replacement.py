"""The exercise `replace_batch_norm`."""

import numpy as np
import torch
from torch import nn

from bnbook import norm_torch
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from .parts import born_as, difference, numbers, values

_OURS = (norm_torch.BatchNorm1d, norm_torch.BatchNorm2d, norm_torch.BatchNorm3d)


class _Scaled(nn.BatchNorm2d):
    """Somebody's subclass with another forward: not ours to replace."""

    def forward(self, x):
        return 2 * super().forward(x)


def _net(name):
    """A network of nn's layers with a history: trained values, a frozen layer, uncommon settings."""
    shared = nn.BatchNorm2d(4, eps=0.1, momentum=0.3)
    nets = {
        "a row of layers": [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=0.2), nn.ReLU()],
        "blocks inside blocks": [
            nn.Conv2d(3, 4, 3),
            nn.Sequential(
                *(nn.BatchNorm2d(4, momentum=None), nn.ReLU()),
                nn.Sequential(nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5, eps=0.1, affine=False)).eval(),
                *(nn.Flatten(), nn.BatchNorm1d(20, track_running_stats=False), nn.Linear(20, 2)),
            ),
        ],
        "volumes, the weight frozen": [nn.Unflatten(2, (2, 2)), nn.BatchNorm3d(3, momentum=0.5), nn.Flatten()],
        "a subclass and a SyncBatchNorm": [_Scaled(3), nn.SyncBatchNorm(3), nn.BatchNorm2d(3, eps=0.1)],
        "one layer in two places": [nn.Conv2d(3, 4, 1), shared, nn.ReLU(), nn.Conv2d(4, 4, 1), shared],
    }
    torch.manual_seed(0)
    net = nn.BatchNorm2d(3, eps=0.1) if name == "a net that is itself a BatchNorm" else nn.Sequential(*nets[name])
    random = np.random.default_rng(0)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.is_floating_point():
                value.copy_(torch.from_numpy(0.5 + random.random(tuple(value.shape))))
    if "frozen" in name:
        net[1].weight.requires_grad_(False)
    return net


def _use(yours, name):
    """Replace, and look at what the net does and what became of what others hold: parameters, buffers, hooks, modes."""
    with born_as(torch.float64):
        with torch.random.fork_rng(devices=[]):
            net, calls = _net(name), []
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.register_forward_hook(lambda *_: calls.append("after forward"))
                module.register_forward_pre_hook(lambda *_: calls.append("before forward"))
                module.register_full_backward_hook(lambda *_: calls.append("after backward"))
        parameters, buffers = _ids(net.parameters()), _ids(net.buffers())
        net = yours(net)
        return None if net is None else _state_of(net, calls, parameters, buffers)


def _ids(tensors):
    return {id(v): v for v in tensors}  # the tensors too, so that no id is used again


def _state_of(net, calls, parameters, buffers):
    layers = [(name or "net", module) for name, module in net.named_modules(remove_duplicate=False)]
    layers = [(name, module) for name, module in layers if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    kinds = ", ".join(f"{name} {_whose(module)}" for name, module in layers)
    modes = ", ".join(name for name, module in net.named_modules() if not module.training)
    learning = ", ".join(name for name, parameter in net.named_parameters() if parameter.requires_grad)
    kept = [len(set(map(id, v)) & set(held)) for v, held in ((net.parameters(), parameters), (net.buffers(), buffers))]
    x = torch.from_numpy(values(4, 3, 4, 4)).requires_grad_()
    found = []
    for train in (True, False):
        if not train:
            net.eval()
        y = net(x)
        found += [numbers(y), numbers(torch.autograd.grad((y**3).sum(), x)[0])]
    statistics = np.concatenate([numbers(b).ravel() for b in net.buffers()] or [np.zeros(0)])
    hooks = [np.array(calls.count(when)) for when in ("before forward", "after forward", "after backward")]
    texts = [text or "none" for text in (kinds, modes, learning, ", ".join(net.state_dict()))]
    return *texts, *map(np.array, kept), *found, statistics, *hooks


def _whose(module):
    theirs = type(module).__module__.startswith("torch.")
    return "torch.nn" if theirs else "ours" if type(module) in _OURS else "a subclass"


replace_batch_norm = Exercise(
    name="replace_batch_norm",
    room=__package__,
    finished=norm_torch.replace_batch_norm,
    inputs=("net",),
    outputs=(
        "whose layers",
        "modules in evaluation mode",
        "Parameters that learn",
        "names in the state_dict",
        "number of Parameters that are still the same objects",
        "number of buffers that are still the same objects",
        "y in training",
        "dx in training",
        "y in evaluation",
        "dx in evaluation",
        "buffers afterwards",
        "number of calls of forward pre-hooks",
        "number of calls of forward hooks",
        "number of calls of backward hooks",
    ),
    probes=lambda: [
        Probe(name, (name,))
        for name in (
            *("a row of layers", "blocks inside blocks", "a net that is itself a BatchNorm"),
            *("volumes, the weight frozen", "a subclass and a SyncBatchNorm", "one layer in two places"),
        )
    ],
    example=lambda: ("a row of layers",),
    difference=difference,
    observe=_use,
    also=(norm_torch.replaceable, norm_torch._sorted_out),
    hints=(
        "net.modules() gives every layer at every depth, the net itself first. What has to become of an nn.BatchNorm2d "
        "among them?",
        "Our layer differs from nn's in nothing but `forward`, and Python finds that method through the class of the "
        "object. So the object can stay, with everything that it holds.",
        "A dict from nn's three classes to ours; for each module, if type(module) is in it, "
        "module.__class__ = that[type(module)]. At the end: return net.",
    ),
)
