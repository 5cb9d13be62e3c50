"""The exercises of notebook 13."""

import functools

import numpy as np
import torch
from torch import nn

from bnbook.diagnose import Finding, diagnose
from bnbook.grading import desk
from bnbook.grading.compare import Probe, array_difference, kind_of
from bnbook.grading.exercise import Exercise, is_stub

from . import functions
from .questions import QUESTIONS


def _numbers(value):
    """A tensor as an array; what is not there as an empty one."""
    return np.zeros(0) if value is None else value.detach().numpy().copy()


def _difference(name, yours, expected, probe):
    """As for arrays; texts have to be equal."""
    if not isinstance(expected, str):
        return array_difference(name, yours, expected, probe)
    return None if yours == expected else f"{name}: yours {yours}, expected {expected}"


# --- home-made layers ------------------------------------------------------------------------------------------------


def _batch(shape, seed, offset=0.0):
    """Three channels with means -3, 0.5 and 10 and spreads 2, 0.3 and 1.5, every entry of its own."""
    random = np.random.default_rng((*shape, seed))
    column = (1, 3, *[1] * (len(shape) - 2))
    mean, spread = np.reshape([-3.0, 0.5, 10.0], column), np.reshape([2.0, 0.3, 1.5], column)
    return mean + spread * random.normal(size=shape) + offset


def _use_layer(yours, eps, first, second, alone):
    """Two training steps, an evaluation, and one more of a copy that got back what was saved."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.from_numpy(first).dtype)  # .double() would miss what is not registered
    try:
        layer = yours(3, eps)
        return None if layer is None else _trace(yours, layer, eps, first, second, alone)
    finally:
        torch.set_default_dtype(usual)


def _trace(yours, layer, eps, first, second, alone):
    _set(layer, weight=[1.5, -0.7, 2.0], bias=[0.3, -2.0, 5.0])
    found = []
    for batch in (first, second):
        x = torch.from_numpy(batch.copy()).requires_grad_()
        y = layer.train()(1.0 * x)  # a graph behind it, as in a network
        if y is None:
            return None
        if not isinstance(y, torch.Tensor):
            raise TypeError(f"forward returned {kind_of(y)}, expected one tensor: y")
        dy = torch.from_numpy(np.random.default_rng(1).normal(size=batch.shape).astype(batch.dtype))
        dx = torch.autograd.grad((y * dy).sum(), x, materialize_grads=True)[0] if y.requires_grad else torch.zeros(0)
        found = [_numbers(y), _numbers(dx)]
    kept = ("running_mean", "running_var")
    graph = [name for name in kept if getattr(getattr(layer, name, None), "grad_fn", None) is not None]
    for name in graph:  # noted; an evaluation that fails because of it would hide the rest
        setattr(layer, name, getattr(layer, name).detach())
    x = torch.from_numpy(alone)
    copied = yours(3, eps)
    copied.load_state_dict(layer.state_dict())
    with torch.no_grad():
        evaluated, after = layer.eval()(x), copied.eval()(x)
    statistics = [_numbers(getattr(layer, name, None)) for name in kept]
    names = ", ".join(name for name, _ in layer.named_parameters()) or "none"
    saved = ", ".join(layer.state_dict()) or "nothing"
    moved = ", ".join(name for name, _ in layer.named_buffers()) or "nothing"
    texts = saved, names, moved, ", ".join(graph) or "none"
    return *found, *statistics, _numbers(evaluated), _numbers(after), *texts


def _set(layer, **values):
    for name, value in values.items():
        if getattr(layer, name, None) is not None:
            with torch.no_grad():
                getattr(layer, name).copy_(torch.tensor(value))


_OUTPUTS = (
    *("y in step 2", "dx in step 2", "running_mean", "running_var", "y in evaluation"),
    *("y after saving and loading", "what is saved", "what is trained", "the buffers"),
    "statistics that keep a graph",
)


def _layer_probes(tail=()):
    def probes():
        def three(offset=0.0, sizes=(5, 4, 2), dtype=np.float64):
            return [_batch((n, 3, *tail), i, offset).astype(dtype) for i, n in enumerate(sizes)]

        return [
            Probe("two training steps with 5 and 4 examples, then an evaluation, eps 0.1", (0.1, *three())),
            Probe("the same with 8 and 6 examples, eps 1e-5", (1e-5, *three(sizes=(8, 6, 1)))),
            Probe("the same in float32 with all values near 10,000", (1e-5, *three(1e4, dtype=np.float32)), 0.02),
        ]

    return probes


def _layer_example(tail=()):
    def example():
        return (0.1, *(_batch((n, 3, *tail), i).round(1) for i, n in enumerate((3, 3, 2))))

    return example


def _layer(finished, hints, tail=(), **more):
    return Exercise(
        name=finished.__name__,
        room=__name__,
        finished=finished,
        inputs=("eps", "x in step 1", "x in step 2", "x in evaluation"),
        outputs=_OUTPUTS,
        probes=_layer_probes(tail),
        example=_layer_example(tail),
        difference=_difference,
        observe=_use_layer,
        hints=hints,
        **more,
    )


ForgetfulNorm = _layer(
    functions.ForgetfulNorm,
    (
        "Which of the four vectors would a file hold that torch.save(layer.state_dict()) wrote?",
        "What is learned is an nn.Parameter. What is kept, but not learned, has another way of being registered.",
        'self.register_buffer("running_mean", torch.zeros(width)), and the same with "running_var" and ones.',
    ),
    also=(functions.NormForward,),
)
HeavyNorm = _layer(
    functions.HeavyNorm,
    (
        "What does a running mean know of the step that it was made in, besides numbers?",
        "mean has a graph behind it, and the average of it and the old one has both. y needs that graph, the running "
        "statistics do not.",
        "Write mean.detach() and var.detach() in the two lines that set running_mean and running_var, and only there.",
    ),
    also=(functions.NormState,),
)
GrowingNorm = _layer(
    functions.GrowingNorm,
    (
        "y is right. Compare dx with that of nn.BatchNorm2d: the right one sums to 0 in each channel.",
        "Under no_grad mean and var are constants for the gradient. They depend on x: compute them outside.",
        "Only the two lines with lerp_ belong under no_grad; mean, var = ... and m = ... come before it.",
    ),
    tail=(2, 3),
    also=(functions.NormState,),
)
FarNorm = _layer(
    functions.FarNorm,
    (
        "In float32 a number near 100,000,000 has steps of 8. Which line computes such numbers?",
        "The variance is the mean of the squared deviations from the mean: subtract first, square then.",
        "var = ((x - mean) ** 2).mean(0), or x.var(0, correction=0).",
    ),
    also=(functions.NormState,),
)
CloseNorm = _layer(
    functions.CloseNorm,
    (
        "There are two mistakes. Both vanish in large batches of large variance.",
        "x.std(0) divides by N - 1, which is right for the running variance and wrong for y. And where does eps stand "
        "in nn.BatchNorm1d?",
        "mean, var = x.mean(0), x.var(0, correction=0); the running variance gets x.var(0); the last line divides by "
        "(var + self.eps).sqrt().",
    ),
    also=(functions.NormState,),
)

# --- a rule ----------------------------------------------------------------------------------------------------------


def _net(momentum=0.1, norm=None, tracks=True):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = norm or nn.BatchNorm1d(4, momentum=momentum, track_running_stats=tracks)
        return nn.Sequential(nn.Linear(6, 4), first, nn.ReLU(), nn.Linear(4, 4), nn.BatchNorm1d(4, momentum=0.001))


def _images(momentum):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 2), nn.BatchNorm2d(4, momentum=momentum), nn.Flatten(), nn.Linear(16, 3))


_HIDDEN = {
    "an MLP with momentum 0.5 in batches of 20": lambda: (_net(0.5), (20, 6)),
    "an MLP with momentum 0.5 in batches of 40": lambda: (_net(0.5), (40, 6)),
    "an MLP with momentum 1 in batches of 90": lambda: (_net(1.0), (90, 6)),
    "an MLP with momentum 0.1 in batches of 4": lambda: (_net(0.1), (4, 6)),
    "an MLP with momentum 0.1 in batches of 16": lambda: (_net(0.1), (16, 6)),
    "a CNN with momentum 0.5 in batches of 5 with 4 pixels each": lambda: (_images(0.5), (5, 1, 3, 3)),
    "a CNN with momentum 0.5 in batches of 12 with 4 pixels each": lambda: (_images(0.5), (12, 1, 3, 3)),
    "an MLP with momentum None": lambda: (_net(None), (4, 6)),
    "an MLP with LayerNorm": lambda: (_net(norm=nn.LayerNorm(4)), (4, 6)),
    "an MLP without running statistics": lambda: (_net(0.5, tracks=False), (4, 6)),
    "an MLP without data": lambda: (_net(0.9), None),
}


@functools.cache
def _records(name):
    """The layers of a hidden model, as `diagnose` hands them to a rule."""
    net, shape = _HIDDEN[name]()
    batches = None if shape is None else torch.from_numpy(np.random.default_rng(0).normal(size=(3, *shape))).float()
    layers = []
    diagnose(net, None if shape is None else list(batches), rules=[layers.append])
    return layers


def _ask_rule(yours, name):
    """What this rule adds to the findings for a hidden model."""
    if is_stub(yours):
        return None
    answers = [yours(layer) for layer in _records(name)]
    added = [answer for answer in answers if answer is not None]
    for answer in added:
        if not isinstance(answer, Finding):
            raise ValueError(f"the rule returned {kind_of(answer)}; it must return a Finding or None")
    texts = [
        ", ".join(map(str, values))
        for values in zip(*((f.layer or "the model", f.name, f.severity) for f in added), strict=True)
    ]
    numbers = [np.array([f.measured[i] for f in added]) for i in (0, 1)]
    return *(texts or ["none"] * 3), *numbers


noisy_statistics = Exercise(
    name="noisy_statistics",
    room=__name__,
    finished=functions.noisy_statistics,
    inputs=("model",),
    outputs=("layers found", "name", "severity", "error", "limit"),
    probes=lambda: [Probe(name, (name,)) for name in _HIDDEN],
    example=lambda: ("an MLP with momentum 0.1 in batches of 4",),
    difference=_difference,
    observe=_ask_rule,
    hints=(
        "First what it does not concern, and return None for that: layer.family, layer.has_stats, layer.momentum and "
        "layer.values say so.",
        "error = math.sqrt(layer.momentum / (2 - layer.momentum) / layer.values); above 0.1 return a Finding, whose "
        'measured is (error, 0.1, "sd").',
        'return Finding("noisy-statistics", "warning", layer.name, (error, 0.1, "sd"), "Two sentences why.", '
        '"the fix, as code").',
    ),
)

EXERCISES = (ForgetfulNorm, HeavyNorm, GrowingNorm, FarNorm, CloseNorm, noisy_statistics)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
