"""The exercises and the questions of notebook 09."""

import numpy as np
import torch
from torch import nn

from .. import nets
from ..experiments import depth
from .compare import Probe, array_difference, kind_of
from .exercise import Exercise
from .question import Question


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
    finished=depth.measured_growth,
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
    finished=depth.predicted_growth,
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
    """The layer at its start, then as if an optimizer had set alpha."""
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
    if start is None:
        return None
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(alpha)
    return (counts, *start, *_step(layer, x, dy))


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


def _scale_probe(says, *shape):
    random = np.random.default_rng(shape)
    return Probe(says, (random.normal(0.7, 2, shape), random.normal(0.2, 1, shape), 1.5))


Scale = Exercise(
    name="Scale",
    finished=nets.Scale,
    inputs=("x", "dy", "alpha"),
    outputs=(
        *("numbers", "y at the start", "dx at the start", "dalpha at the start"),
        *("y with alpha 1.5", "dx with alpha 1.5", "dalpha with alpha 1.5"),
    ),
    probes=lambda: [
        _scale_probe("x (4, 3)", 4, 3),
        _scale_probe("x (2, 3, 4, 4), images", 2, 3, 4, 4),
        _scale_probe("x (1, 5)", 1, 5),
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

_EXPERIMENTS = "from bnbook import experiments; "


def _stored(arm, depth):
    """What to type for one cell of the stored trainings: its test accuracy in per cent."""
    return (
        f"{_EXPERIMENTS}cells = experiments.evidence('trainability')['cells']; "
        f"[round(100 * c['mean']) for c in cells if (c['arm'], c['depth']) == ('{arm}', {depth})]"
    )


def _predicted(h, slope, digits):
    """What to type for the growth of one non-linearity."""
    samples = "a = np.random.default_rng(1).normal(size=1_000_000)"
    return f"{samples}; float(np.sqrt(np.mean(({slope}) ** 2) / np.var({h})).round({digits}))"


def _one_case(batch_size):
    case = f"cases=[('batch', 'relu', 2**0.5, {batch_size})]"
    call = f"experiments.gradient_growth(data.digits(), seeds=2, depth=20, {case})"
    return f"{_EXPERIMENTS}round(float({call}['cases'][0]['mean']), 1)"


def _share_of_block(number, digits):
    call = "experiments.skip_connections(data.digits(), seeds=1, depth=20)"
    arm = f"[arm for arm in {call}['arms'] if arm['name'] == 'batch'][0]"
    return f"{_EXPERIMENTS}round({arm}['share'][0][{number - 1}], {digits})"


_SKIP_INIT = (
    "from bnbook import nets; shut = nets.residual('skip_init', depth=5); "
    "some = torch.tensor(data.digits().x_train[:64]); loss_of_it = shut(some).square().sum(); loss_of_it.backward(); "
)


QUESTIONS = (
    Question(
        "depth-no-mean",
        1,
        "What is divided by is then the mean square, 1/2, and the slopes' mean square is 1/2 as well: they cancel.",
        {
            1.21: (
                "That has the variance in it, which is smaller because the mean was subtracted. Now the mean stays: "
                "root of mean(slope^2) over mean(h^2):",
                "a = np.random.default_rng(1).normal(size=1_000_000); "
                "float(np.sqrt(np.mean(a > 0) / np.mean(np.maximum(a, 0) ** 2)).round(2))",
                "1.0",
            ),
            0.83: (
                "That is the ratio of the two divisors, sqrt(0.341 / 0.5). It has to be multiplied by the 1.21 from "
                "before:",
                "a = np.random.default_rng(1).normal(size=1_000_000); r = np.maximum(a, 0); "
                "float((1.2112 * np.sqrt(r.var() / np.mean(r**2))).round(2))",
                "1.0",
            ),
        },
    ),
    Question(
        "depth-below-one",
        "none",
        "var(f(z)) is at most mean(f'(z)^2) for a normal z: what has a small slope has an even smaller spread.",
        {
            "tanh": (
                "Its small slopes make its outputs lie close together, and BatchNorm divides by that. The growth:",
                _predicted("np.tanh(a)", "1 - np.tanh(a) ** 2", 1),
                "1.1",
            ),
            "a flat ReLU": (
                "Half the slope, but also half the spread of h, and BatchNorm divides by it: the 1/2 cancels like the "
                "weights do. The growth:",
                _predicted("0.5 * np.maximum(a, 0)", "0.5 * (a > 0)", 2),
                "1.21",
            ),
        },
    ),
    Question(
        "depth-batch",
        "faster",
        "The variance of 8 numbers is now and then small by accident, and the gradient is divided by it.",
        {
            "slower": (
                "BatchNorm does remove a larger part of the gradient, 2 directions of 8. But it divides by a variance "
                "that is often too small; the mean of 1/var for batches of 8, where var is 1 on average:",
                "few = np.random.default_rng(1).normal(size=(100_000, 8)).var(1); "
                "float((few.mean() / few).mean().round(1))",
                "1.4",
            ),
            "the same": (
                "The four steps assumed a large batch: a variance without accidents. Per layer with batches of 8:",
                _one_case(8),
                "1.3",
            ),
        },
    ),
    Question(
        "depth-share",
        "a tenth",
        "Ten equal amounts have been piled up, the input's and those of 9 blocks; the next one is a tenth of that.",
        {
            "as large": (
                "So it is, nearly, without normalization, where a block sees its input grow and adds as much again. "
                "With BatchNorm at its entrance block 10 adds what block 1 added:",
                _share_of_block(10, 1),
                "0.1",
            ),
            "a thousandth": (
                "That would be shrinking by half in every block. The blocks add equal amounts, only what they are "
                "added to grows. Even block 20 still adds a share of:",
                _share_of_block(20, 2),
                "0.05",
            ),
        },
    ),
    Question(
        "depth-first-step",
        "only alpha",
        "The gradient of alpha is gradient times branch, not 0; that of the branch's weights has the factor alpha = 0.",
        {
            "everything": (
                "On its way into the branch the gradient is multiplied by alpha, which is 0. Size of the gradient of "
                "some weights in a branch:",
                _SKIP_INIT + "float(shut.block3.linear.weight.grad.norm())",
                "0.0",
            ),
            "nothing": (
                "The product is 0, but its slope in alpha is the branch, and that is not 0. How many of 5 alphas have "
                "a gradient:",
                _SKIP_INIT + "sum(bool(p.grad) for name, p in shut.named_parameters() if 'alpha' in name)",
                "5",
            ),
        },
    ),
    Question(
        "depth-explosion",
        "BatchNorm",
        "Exploding gradients at the start and all. What the gradient is like before the first step does not decide.",
        {
            "He": (
                "A fine start, but nothing keeps it, and its images look alike in the deep layers. Stored test "
                "accuracy in %:",
                _stored("plain, none", 20),
                "[43]",
            ),
            "neither": (
                "At 20 layers both learn something. With BatchNorm, stored test accuracy in %:",
                _stored("plain, batch", 20),
                "[82]",
            ),
        },
    ),
    Question(
        "depth-eighty",
        "above 90 %",
        "So it is not normalizing as such that makes depth possible, but blocks that start by changing little.",
        {
            "below 20 %": (
                "So it goes in a residual net without normalization and without SkipInit. With it, in %:",
                _stored("residual, skip_init", 80),
                "[95]",
            ),
            "about 50 %": (
                "At the start it is a net of two layers, and those learn the digits well. Stored, in %:",
                _stored("residual, skip_init", 80),
                "[95]",
            ),
        },
    ),
    Question(
        "depth-only-norms",
        "above 90 %",
        "Random units are features as well; gamma and beta choose among them and set their thresholds.",
        {
            "about 10 %": (
                "Guessing would be all if nothing could be learned. One such training, share of test images right:",
                "from dataclasses import replace; from bnbook import experiments; "
                "from bnbook.experiments.depth import ONLY; "
                "trained = experiments.run(replace(ONLY, trainable='norm', lr=10.0), data.digits()); "
                "round(trained['test_accuracy'][-1], 1)",
                "0.9",
            ),
            "about 50 %": (
                "It sounds fair for so few numbers, but they are 768, and a linear classifier of the 64 pixels has "
                "fewer:",
                "10 * 64 + 10",
                "650",
            ),
        },
    ),
)
