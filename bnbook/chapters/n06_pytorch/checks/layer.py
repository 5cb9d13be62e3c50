"""The exercise `BatchNorm2d`."""

import copy

import numpy as np
import torch
from torch import nn

from bnbook import norm_torch
from bnbook.grading.compare import Probe, kind_of
from bnbook.grading.exercise import Exercise

from .parts import born_as, difference, gradients, numbers, values

_STEPS = ((2, 3, 2, 1), (3, 3, 2, 1), (4, 3, 1, 2))  # small, so that m and m - 1 differ
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


def _use(yours, settings, dtype="float64", offset=0.0):
    """Two training steps, one without gradients, and one evaluation, which wants a gradient; then what is stored, what
    others see of it, and what a copy, a reloaded and a 16-bit layer do."""
    if getattr(yours, "forward", None) is nn.BatchNorm2d.forward:
        raise NotImplementedError("forward is still that of nn.BatchNorm2d")
    with born_as(getattr(torch, dtype)):
        layer = yours(3, *settings)
        return None if layer is None else _trace(layer, lambda: yours(3, *settings), offset)


def _trace(layer, another, offset):
    _set(layer, weight=[1.5, -0.7, 2.0], bias=[0.3, -2.0, 5.0])
    held = {name: getattr(layer, name, None) for name in _BUFFERS}
    found, graph = [], {}
    for step, shape in enumerate(_STEPS):
        result = _step(layer.train(), shape, offset, gradients_wanted=step < 2)
        if result is None:
            return None
        found += [*result, *_statistics(layer)]
        graph |= dict.fromkeys(name for name in ("running_mean", "running_var") if _has_graph(layer, name))
    new = [name for name, tensor in held.items() if getattr(layer, name, None) is not tensor]
    for name in graph:  # noted; an evaluation that fails because of it would hide the rest
        setattr(layer, name, getattr(layer, name).detach())
    found += [*_step(layer.eval(), _STEPS[1], offset, gradients_wanted=True), *_statistics(layer)]
    found.append(numbers(getattr(layer, "num_batches_tracked", None)))
    found += _after_loading(another(), layer, offset)
    names = ", ".join(name for name, _ in layer.named_parameters()) or "none"
    kind = "an nn.BatchNorm2d" if isinstance(layer, nn.BatchNorm2d) else "no nn.BatchNorm2d"
    return (
        *found,
        *(", ".join(layer.state_dict()) or "nothing", names, ", ".join(graph) or "none", ", ".join(new) or "none"),
        *(_refusal(layer), kind, _copied(another()), _in_16_bits(another())),
    )


def _step(layer, shape, offset, gradients_wanted):
    """y, dx, dweight, dbias; the input has a graph behind it, as in a network."""
    x = values(*shape) + offset
    below = torch.from_numpy(x).to(torch.get_default_dtype()).requires_grad_()
    with torch.set_grad_enabled(gradients_wanted):
        y = layer(1.0 * below)
    if y is None:
        return None
    if not isinstance(y, torch.Tensor):
        raise TypeError(f"forward returned {kind_of(y)}, expected one tensor: y")
    wanted = [below, *(getattr(layer, name, None) for name in ("weight", "bias"))]
    dy = torch.from_numpy(np.random.default_rng(shape).normal(size=shape))
    grads = [v if v is None else gradients((y * dy).sum(), [v], retain_graph=True)[0] for v in wanted]
    return [numbers(y), *map(numbers, grads)]


def _set(layer, **vectors):
    for name, value in vectors.items():
        if getattr(layer, name, None) is not None:
            with torch.no_grad():
                getattr(layer, name).copy_(torch.tensor(value))


def _statistics(layer):
    return [numbers(getattr(layer, name, None)) for name in ("running_mean", "running_var")]


def _has_graph(layer, name):
    value = getattr(layer, name, None)
    return value is not None and value.grad_fn is not None


def _copied(layer):
    """What copy.deepcopy makes of the layer: does it train on by itself, as for a running average of models?"""
    _step(layer.train(), _STEPS[1], 0.0, gradients_wanted=True)  # which leave their traces in some layers
    before = _statistics(layer)
    try:
        _step(copy.deepcopy(layer).train(), _STEPS[0], 0.0, gradients_wanted=False)
    except Exception as error:
        return f"fails ({type(error).__name__})"
    return "works" if all(map(np.array_equal, before, _statistics(layer))) else "moves the statistics of the original"


def _after_loading(fresh, layer, offset):
    """The statistics of a new layer that has loaded the state_dict and goes on where the old one stopped."""
    with torch.no_grad():
        fresh.load_state_dict({name: tensor.clone() for name, tensor in layer.state_dict().items()})
    _step(fresh.train(), _STEPS[0], offset, gradients_wanted=False)
    return [v.copy() for v in _statistics(fresh)]


def _in_16_bits(layer):
    """The dtypes of y and running_mean for a float16 x, as from autocast, whose squares are beyond float16."""
    layer = layer.float().train()
    x = (300 * torch.from_numpy(values(4, 3, 2, 2))).half()
    with torch.no_grad():
        y = layer(x)
    kept = [v for v in (getattr(layer, name, None) for name in ("running_mean", "running_var")) if v is not None]
    kinds = [str(v.dtype).removeprefix("torch.") for v in (y, *kept[:1])]
    finite = all(bool(v.isfinite().all()) for v in (y, *kept))
    return ", ".join([*kinds, "all finite" if finite else "not all finite"])


def _refusal(layer):
    """What one value per channel raises in training."""
    try:
        layer.train()(torch.from_numpy(values(1, 3, 1, 1)).to(torch.get_default_dtype()))
    except Exception as error:
        return type(error).__name__
    return "nothing"


_OUTPUTS = (
    *(
        f"{name} {when}"
        for when in ("in step 1", "in step 2", "in step 3, under no_grad", "in evaluation")
        for name in ("y", "dx", "dweight", "dbias", "running_mean", "running_var")
    ),
    "num_batches_tracked",
    "running_mean a step after loading the state_dict",
    "running_var a step after loading the state_dict",
    "names in the state_dict",
    "names of the parameters",
    "statistics that keep a graph",
    "buffers that are other tensors than before training",
    "raised for one value per channel",
    "kind of layer",
    "copy.deepcopy",
    "y and running_mean for a float16 x",
)

BatchNorm2d = Exercise(
    name="BatchNorm2d",
    room=__package__,
    finished=norm_torch.BatchNorm2d,
    inputs=("eps, momentum, affine, track_running_stats", "dtype", "offset"),
    outputs=_OUTPUTS,
    probes=lambda: [
        Probe("a layer with eps 0.1 and momentum 0.3, 3 training steps and 1 evaluation", ((0.1, 0.3),)),
        Probe("a layer with the usual settings", ((),)),
        Probe("a layer with momentum=None", ((0.1, None),)),
        Probe("a layer with momentum=0.0 and affine=False", ((0.1, 0.0, False),)),
        Probe("a layer with track_running_stats=False", ((0.1, 0.3, True, False),)),
        Probe("a float32 layer, x around 10,000", ((0.1, 0.3), "float32", 1e4), 0.02),
    ],
    example=lambda: ((0.1, 0.3, True, True),),
    difference=difference,
    observe=_use,
    also=(norm_torch._forward, norm_torch._track, norm_torch._is_exported, norm_torch._save_something),
    hints=(
        "Two cases: in evaluation, if there are running statistics, batch_norm_eval with them; otherwise batch_norm, "
        "followed, if the layer is training and tracks, by the update.",
        "self.training, self.track_running_stats, self.weight, self.bias, self.eps, self.momentum and the "
        "three buffers are there already: nn.BatchNorm2d.__init__ made them. Detach mean and var before storing them.",
        "The update, in this order: self.num_batches_tracked += 1; weight = 1 / self.num_batches_tracked if "
        "self.momentum is None else self.momentum; new = update_running(self.running_mean, self.running_var, "
        "mean.detach(), var.detach(), x.numel() // x.shape[1], weight); self.running_mean.copy_(new[0]); "
        "self.running_var.copy_(new[1]).",
    ),
)
