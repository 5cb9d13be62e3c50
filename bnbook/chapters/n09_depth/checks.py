"""The exercises of notebook 09."""

import numpy as np
import torch
from torch import nn

from bnbook import nets
from bnbook.grading import desk
from bnbook.grading.compare import Probe, array_difference, kind_of
from bnbook.grading.exercise import Exercise

from . import functions
from .questions import QUESTIONS


def _difference(name, yours, expected, probe):
    """As for arrays; texts have to be equal."""
    if not isinstance(expected, str):
        return array_difference(name, yours, expected, probe)
    return None if yours == expected else f"{name}: yours {yours}, expected {expected}"


def _sizes(*shape):
    """Gradients that grow by about 1.3 per layer on their way back, unevenly."""
    random = np.random.default_rng(shape)
    return 1.3 ** np.cumsum(random.uniform(-0.5, 2.5, size=shape), axis=0)[::-1] * random.uniform(0.8, 1.2, shape)


measured_growth = Exercise(
    name="measured_growth",
    room=__name__,
    finished=functions.measured_growth,
    inputs=("sizes",),
    outputs=("growth",),
    probes=lambda: [
        Probe("sizes (5,)", (_sizes(5),)),
        Probe("sizes (40,)", (_sizes(40),)),
        Probe("sizes (2,), two layers", (np.array([9.0, 2.0]),)),
        Probe("sizes (7,), shrinking on the way back", (_sizes(7)[::-1].copy(),)),
        Probe("sizes (20, 3), three seeds", (_sizes(20, 3),)),
    ],
    example=lambda: (np.array([8.0, 2.0, 1.0]),),
    hints=(
        "From the last layer to the first there are L - 1 steps. If each multiplied by the same number, which power of "
        "it would be the total?",
        "The total is sizes[0] / sizes[-1]: the gradient arrives at the first layer last.",
        "return (sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1))",
    ),
)


def _through(f, slope, *shape):
    """f(z) and f'(z) of some standardized numbers."""
    z = np.random.default_rng(shape).normal(size=shape)
    z = (z - z.mean()) / z.std()
    return f(z), slope(z)


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


predicted_growth = Exercise(
    name="predicted_growth",
    room=__name__,
    finished=functions.predicted_growth,
    inputs=("h", "slope"),
    outputs=("growth",),
    probes=lambda: [
        Probe("a ReLU, 50 numbers", _through(lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0), 50)),
        Probe("tanh, 40 numbers", _through(np.tanh, lambda z: 1 - np.tanh(z) ** 2, 40)),
        Probe("no non-linearity, 30 numbers", _through(lambda z: z, np.ones_like, 30)),
        Probe("a sigmoid, (20, 3)", _through(_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z)), 20, 3)),
        Probe("a leaky ReLU, (6, 5)", _through(lambda z: np.maximum(z, 0.1 * z), lambda z: 0.1 + 0.9 * (z > 0), 6, 5)),
    ],
    example=lambda: (np.array([0.0, 0.0, 1.0, 3.0]), np.array([0.0, 0.0, 1.0, 1.0])),
    hints=(
        "The three factors of the square: mean(slope^2), the weights, and 1 over the variance that BatchNorm divides "
        "by. Which two contain the weights, and what happens to them?",
        "mean(slope^2) / var(h) is left of the square of the gradient. Asked is its size.",
        "return np.sqrt(np.mean(slope**2) / np.var(h))",
    ),
)


# --- Scale -----------------------------------------------------------------------------------------------------------


def _use_scale(yours, x, dy, alpha):
    """The layer at its start, then as if an optimizer had set alpha, and then in evaluation mode."""
    layer = yours()
    if layer is None:
        return None
    if not isinstance(layer, nn.Module):
        raise TypeError(f"Scale() is {kind_of(layer)}, expected an nn.Module: class Scale(nn.Module)")
    layer = layer.double()
    numbers = [sum(p.numel() for p in layer.parameters() if p.requires_grad == trained) for trained in (True, False)]
    stored = sum(value.numel() for value in layer.state_dict().values())
    counts = f"{numbers[0]} trained, {numbers[1]} frozen, {stored} in the state_dict"
    start = _step(layer, x, dy)
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(alpha)
    later, evaluated = _step(layer, x, dy), _step(layer.eval(), x, dy)
    return None if None in (start, later, evaluated) else (counts, *start, *later, evaluated[0])


def _step(layer, x, dy):
    """y, dx and the gradient of every parameter."""
    below = torch.from_numpy(x.copy()).requires_grad_()
    held = [p for p in layer.parameters() if p.requires_grad]
    given = 1.0 * below
    y = layer(given)
    x[...] = given.detach().numpy()  # shows a layer that writes into what it is given
    if y is None:
        return None
    if not isinstance(y, torch.Tensor):
        raise TypeError(f"forward returned {kind_of(y)}, expected one tensor: alpha * x")
    grads = [torch.zeros(())] * 2
    if y.requires_grad:
        grads = torch.autograd.grad((y * torch.from_numpy(dy)).sum(), [below, *held], materialize_grads=True)
    dalpha = sum((g.sum() for g in grads[1:]), torch.zeros(())).item()
    dx = grads[0].expand(below.shape)
    return y.detach().numpy().copy(), dx.numpy().copy(), dalpha


def _scale_probe(says, *shape, alpha=1.5):
    random = np.random.default_rng(shape)
    return Probe(f"{says}, alpha {alpha:g} later", (random.normal(0.7, 2, shape), random.normal(0.2, 1, shape), alpha))


Scale = Exercise(
    name="Scale",
    room=__name__,
    finished=nets.Scale,
    inputs=("x", "dy", "alpha"),
    outputs=(
        "numbers",
        "y at the start",
        "dx at the start",
        "dalpha at the start",
        "y with another alpha",
        "dx with another alpha",
        "dalpha with another alpha",
        "y in evaluation mode",
    ),
    probes=lambda: [
        _scale_probe("x (4, 3)", 4, 3),
        _scale_probe("x (2, 3, 4, 4), images", 2, 3, 4, 4, alpha=-0.5),
        _scale_probe("x (3,), one axis", 3),
    ],
    example=lambda: (np.array([[2.0, -1.0]]), np.array([[1.0, 1.0]]), 1.5),
    difference=_difference,
    observe=_use_scale,
    hints=(
        "Two lines in __init__ (the first is super().__init__()) and one in forward. What must alpha be so that "
        "net.parameters() finds it?",
        "self.alpha = nn.Parameter(torch.zeros(())): one number, no axes, learned.",
        "forward returns self.alpha * x, and nothing else: the sum with the input is the block's work.",
    ),
)


# --- train_only_norms -------------------------------------------------------------------------------------------------


def _net(name):
    """A net as people write them."""
    residual = nets.ResidualBlock(nn.Sequential(nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 5)))
    layers = {
        "layers without names": (nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)),
        "images": (nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)),
        "a residual block": (nn.Linear(4, 5), residual, nn.BatchNorm1d(5, affine=False), nn.Linear(5, 2, bias=False)),
        "GroupNorm and LayerNorm": (nn.Linear(4, 6), nn.GroupNorm(2, 6), nn.LayerNorm(6), nn.Linear(6, 2)),
        "volumes, in evaluation mode": (nn.Conv3d(1, 3, 2), nn.BatchNorm3d(3), nn.Flatten(), nn.Linear(24, 2)),
        "a net that was frozen": (nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nets.mlp("batch", 6, depth=2) if name == "nets.mlp" else nn.Sequential(*layers[name])
        for p in net.parameters():
            nn.init.uniform_(p)  # as after training: gamma and beta set back to 1 and 0 would be seen
    return net.requires_grad_(name != "a net that was frozen").train("evaluation" not in name)


def _use_train_only(yours, name):
    """What can be trained afterwards, and whether anything else has changed."""
    net = _net(name)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    count = yours(net)
    if count is None:
        return None
    trained = ", ".join(name for name, p in net.named_parameters() if p.requires_grad) or "none"
    modes = ", ".join(name or "net" for name, layer in net.named_modules() if not layer.training) or "none"
    same = before.keys() == net.state_dict().keys() and all(
        torch.equal(before[name], value) for name, value in net.state_dict().items()
    )
    return trained, count, modes, "none" if same else "some"


train_only_norms = Exercise(
    name="train_only_norms",
    room=__name__,
    finished=nets.train_only_norms,
    inputs=("net",),
    outputs=("trained parameters", "numbers left", "layers in evaluation mode", "values changed"),
    probes=lambda: [
        Probe(name, (name,))
        for name in (
            *("layers without names", "images", "a residual block", "GroupNorm and LayerNorm"),
            *("volumes, in evaluation mode", "a net that was frozen", "nets.mlp"),
        )
    ],
    example=lambda: ("layers without names",),
    difference=_difference,
    observe=_use_train_only,
    hints=(
        "net.modules() gives every layer at every depth. isinstance says what a layer is, p.requires_grad_(True or "
        "False) whether its parameter p is trained.",
        "layer.parameters(recurse=False) are a layer's own parameters, without those of layers inside it. The kinds: "
        "(nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm).",
        "for layer in net.modules(): for p in layer.parameters(recurse=False): p.requires_grad_(isinstance(layer, "
        "kinds)). Then return the sum of p.numel() over the parameters that require a gradient.",
    ),
)

EXERCISES = (
    measured_growth,
    predicted_growth,
    Scale,
    train_only_norms,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
