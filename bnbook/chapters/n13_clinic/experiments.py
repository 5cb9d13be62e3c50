"""The patients of notebook 13: small trainings, each broken in one way, with what their owners logged."""

import copy
import functools
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from bnbook.data import digits

from .functions import right
from .wards import Checkpointed, Shared, mlp, mlp_norm_last

STEPS, EVERY, BATCH, RATE = 120, 10, 50, 0.3


@dataclass
class Patient:
    """A training run that somebody brings to the clinic.

    net     as it was left, in the mode in which it is used
    loader  training batches (x, y), a list
    x, y    validation data as its owner prepared them
    log     {column: numbers}; "step" and what was logged then
    """

    net: nn.Module
    loader: list
    x: torch.Tensor
    y: torch.Tensor
    log: dict = field(default_factory=dict)

    @property
    def x_train(self):
        """All training images."""
        return torch.cat([x for x, _ in self.loader])

    @property
    def y_train(self):
        """All training labels."""
        return torch.cat([y for _, y in self.loader])


def patient(number):
    """A new copy of patient `number`, 1 to 12; 0 is in good health.

    Raises ValueError for another number.
    """
    if number not in _WARD:
        raise ValueError(f"there is no patient {number!r}; the patients are 0 (in good health) to 12")
    return copy.deepcopy(_admit(number))


def repaired(number):
    """The run of a patient whose net has to be trained again, without its fault.

    Raises ValueError for a patient who can be cured as he is.
    """
    if number not in _REPAIRED:
        raise ValueError(f"patient {number!r} needs no new training; those who do are {', '.join(map(str, _REPAIRED))}")
    return copy.deepcopy(_admit(number, True))


def after_each_batch(found, batches=30):
    """Per cent of the validation images right after each of a few more batches in training mode; no weight moves."""
    net, hits = copy.deepcopy(found.net), []
    for x, _ in found.loader[:batches]:
        with torch.no_grad():
            net.train()(x)
        hits.append(right(net, found.x, found.y))
    return hits


@functools.cache
def _admit(number, cured=False):
    """Trained in float64, so that its log is the same on every machine; used in float32, as most nets are."""
    with torch.random.fork_rng(devices=[]):
        found = (_REPAIRED if cured else _WARD)[number]()
    single = lambda v: v.float() if v.is_floating_point() else v  # noqa: E731
    loader = [(single(x), single(y)) for x, y in found.loader]
    return Patient(copy.deepcopy(found.net).float(), loader, single(found.x), single(found.y), found.log)


@functools.cache
def _images():
    """Training and validation digits as float64 tensors (N, 64), pixels 0 to 1."""
    d = digits()
    x, t = (torch.as_tensor(v.reshape(len(v), -1)) for v in (d.x_train, d.x_test))
    x, t = (v / v.max() for v in (x, t))
    return x, torch.as_tensor(d.y_train), t, torch.as_tensor(d.y_test)


def _batches(order=None, seed=0, size=BATCH):
    """Training batches in this order or a shuffled one; what fills no batch is left out."""
    x, y, *_ = _images()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)) if order is None else order
    order = order[: len(order) // size * size]
    return list(zip(x[order].split(size), y[order].split(size), strict=True))


def _train(net, batches, steps=STEPS, lr=RATE, validate=None, mode=nn.Module.train):
    """Plain SGD over the batches again and again; `validate(net)` every few steps. Returns the log."""
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr)
    log = {"step": [], "training loss": [], "validation": []}
    mode(net)
    for step in range(1, steps + 1):
        x, y = batches[(step - 1) % len(batches)]
        optimizer.zero_grad()
        value = F.cross_entropy(net(x), y)
        value.backward()
        optimizer.step()
        if validate and step % EVERY == 0:
            log["step"].append(step)
            log["training loss"].append(value.item())
            log["validation"].append(validate(net))
            mode(net)
    return log


def _run(net, batches=None, x=None, validate=None, mode=nn.Module.train, **keywords):
    """A patient trained and validated as usual, but for what is handed in."""
    *_, x_test, y = _images()
    x, batches = x_test if x is None else x, _batches() if batches is None else batches
    log = _train(net, batches, validate=validate or (lambda net: right(net, x, y)), mode=mode, **keywords)
    return Patient(net.eval(), batches, x, y, log)


def _healthy():
    return copy.deepcopy(_trained())


@functools.cache
def _trained():
    return _run(mlp())


def _momentum_too_small():
    return _run(mlp(lambda width: nn.BatchNorm1d(width, momentum=0.001)))


def _validation_not_scaled():
    return _run(mlp(), x=255 * _images()[2])


def _eval_forgotten():
    """Validated in training mode, in batches of 25 sorted by class, and left so."""
    *_, x, y = _images()
    order = y.argsort(stable=True)
    x, y = x[order], y[order]

    def validate(net):
        with torch.no_grad():
            hits = [(net(a).argmax(1) == b).double() for a, b in zip(x.split(25), y.split(25), strict=True)]
        return 100 * torch.cat(hits).mean().item()

    found = _run(mlp(), validate=validate)
    return Patient(found.net.train(), found.loader, x, y, found.log)


def _sorted_batches():
    return _run(mlp(), _batches(_images()[1].argsort(stable=True)))


def _parameters_only():
    """The owner saved `dict(net.named_parameters())` and loaded it with strict=False."""
    found = _healthy()
    fresh = mlp(seed=5)
    fresh.load_state_dict(dict(found.net.named_parameters()), strict=False)
    return Patient(fresh.eval(), found.loader, found.x, found.y, {"before": right(found.net, found.x, found.y)})


def _exchanged():
    """A converter wrote variances where means belong."""
    found = _run(mlp_norm_last())
    before = right(found.net, found.x, found.y)
    for norm in (m for m in found.net if isinstance(m, nn.BatchNorm1d)):
        norm.running_mean, norm.running_var = norm.running_var, norm.running_mean
    return Patient(found.net, found.loader, found.x, found.y, {"before": before})


def _one_bad_batch():
    found = _healthy()
    x = found.loader[0][0].clone()
    x[0, 0] = torch.inf
    with torch.no_grad():
        found.net.train()(x)
    found.net.eval()
    return found


def _constant_groups():
    return _run(mlp(lambda width: nn.GroupNorm(width, width)))


def _shared_layer():
    return _run(Shared())


def _checkpointed():
    return _run(Checkpointed())


def _frozen_but_moving():
    """The body is frozen; a new head learns other images (darker ones: odd or even) with the net in training mode."""
    found = _healthy()
    *body, old_head = found.net
    before = right(found.net, found.x, found.y)
    for parameter in found.net.parameters():
        parameter.requires_grad_(False)
    new = nn.Sequential(*body, nn.Linear(64, 2).double())
    _train(new, [(0.3 * x + 0.3, y % 2) for x, y in found.loader], steps=40)
    net = nn.Sequential(*body, old_head)
    return Patient(net, found.loader, found.x, found.y, {"before": before})


def _keras_momentum():
    """The number 0.99 of a Keras net, carried over as it stands."""
    return _run(mlp(lambda width: nn.BatchNorm1d(width, momentum=0.99)), _batches(size=16), lr=0.1)


_WARD = {
    0: _healthy,
    1: _momentum_too_small,
    2: _validation_not_scaled,
    3: _eval_forgotten,
    4: _shared_layer,
    5: _sorted_batches,
    6: _constant_groups,
    7: _parameters_only,
    8: _exchanged,
    9: _one_bad_batch,
    10: _frozen_but_moving,
    11: _checkpointed,
    12: _keras_momentum,
}
_REPAIRED = {
    4: lambda: _run(Shared(own=True)),
    5: _healthy,
    6: lambda: _run(mlp(lambda width: nn.GroupNorm(4, width))),
    11: lambda: _run(Checkpointed(momentum=1 - 0.9**0.5)),
    12: lambda: _run(mlp(), _batches(size=16), lr=0.1),
}
