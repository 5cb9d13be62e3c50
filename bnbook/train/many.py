"""The same loop for many nets of one shape at once: `batches` are made first, then `descend` goes through them."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from .one import batch_order, evaluating, on_device


class Batches(NamedTuple):
    """What P nets are shown, step by step, on their device: made by `batches`.

    x       (examples, ...)             all examples there are, in the nets' dtype
    number  (P, steps, batch_size)      which of them make each batch
    labels  (P, steps, batch_size)      of these, some of them replaced if there is label noise
    place   (P, steps, batch_size)      where the same stand among the n that a net trains on
    whole   (P, n, ...) or None         all that a net trains on, if every step sends all of it through the net
    """

    x: torch.Tensor
    number: torch.Tensor
    labels: torch.Tensor
    place: torch.Tensor
    whole: torch.Tensor | None

    @property
    def steps(self):
        """How many batches there are for each net."""
        return self.number.shape[1]

    def at(self, step):
        """The examples (P, batch_size, ...) and labels (P, batch_size) of a step."""
        number = self.number[:, step]
        examples = self.x.index_select(0, number.flatten()).view(*number.shape, *self.x.shape[1:])
        return examples, self.labels[:, step]


def batches(
    net, x, y, batch_size=64, steps=120, seeds=0, label_noise=0.0, order=None, pool=None, whole_set=False
):  # fmt: skip
    """The batches on which `descend` trains the P nets of net.

    net          nn.Module whose parameters are (P, ...): it says P, device and dtype
    x, y         (N, ...), (N,)  as in `fit`
    batch_size, steps       as in `fit`
    seeds        (P,) seeds of the batch orders, or one for all
    label_noise  share of the labels of each batch that are replaced by random ones, anew each time
    order        (P, steps, batch_size) indices of the examples of each batch, if it is not to be that of the seeds
    pool         (P, n)  which examples each net trains on; None: all
    whole_set    every step sends all the examples through the net, though the loss is that of the batch: BatchNorm
                 then has the statistics, and their gradient, of the whole training set; n / batch_size times the work
    Returns Batches.
    Raises ValueError if label_noise is not between 0 and 1, order has another shape, x and y differ in length, or
    `batch_order` refuses.
    """
    x, y = on_device(net, x, y)
    members = len(next(net.parameters()))
    seeds, n = np.broadcast_to(seeds, members).tolist(), len(y) if pool is None else pool.shape[1]
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise is {label_noise}; it must be a share between 0 and 1")
    if order is None:
        orders = {seed: batch_order(n, batch_size, steps, seed) for seed in set(seeds)}
        order = np.stack([orders[seed] for seed in seeds])
    if np.shape(order) != (members, steps, batch_size):
        raise ValueError(f"order has shape {np.shape(order)}, expected {(members, steps, batch_size)}")
    place = torch.as_tensor(order, device=y.device)
    number = place if pool is None else pool.gather(1, place.flatten(1)).view_as(place)
    everything = x[torch.arange(n).expand(members, -1) if pool is None else pool] if whole_set else None
    return Batches(x, number, _noisy(y[number], label_noise, seeds, int(y.max()) + 1), place, everything)


def _noisy(labels, share, seeds, classes):
    """labels (P, steps, batch_size), with a share of them replaced by random ones."""
    for member, seed in enumerate(seeds if share else ()):
        rng = np.random.default_rng([seed, 1])
        replaced = torch.from_numpy(rng.random(labels.shape[1:]) < share).to(labels.device)
        random = torch.from_numpy(rng.integers(classes, size=labels.shape[1:])).to(labels.device)
        labels[member] = torch.where(replaced, random, labels[member])
    return labels


@dataclass(frozen=True)
class Descent:
    """How a step is made from gradients, for each of P nets by itself.

        v <- momentum * v + dL/dw + weight_decay * w,    w <- w - share * lr * v

    lr            number or (P,) learning rates, or a function: name of a parameter to one of these
    momentum      weight of the old step in the new one: PyTorch's SGD
    weight_decay  number or (P,), or a function: name of a parameter to one of these
    clip          largest norm of a net's gradient, over all its parameters; a longer one is shortened to it
    schedule      of the share: 'constant' (1), or 'cosine': it falls from 1 to 0 along half a cosine
    after_step    called as after_step(net) after each step, without gradients; it may change parameters
    Raises ValueError for an unknown schedule. Rates that are not positive and decays below 0 are refused by `descend`.
    """

    lr: float | Sequence[float] | Callable
    momentum: float = 0.0
    weight_decay: float | Sequence[float] | Callable = 0.0
    clip: float | None = None
    schedule: str = "constant"
    after_step: Callable | None = None

    def __post_init__(self):
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule is {self.schedule!r}; it must be 'constant' or 'cosine'")

    def share(self, step, steps):
        """The part of the learning rates that the schedule leaves for a step."""
        return (1 + math.cos(math.pi * step / steps)) / 2 if self.schedule == "cosine" else 1.0


def descend(net, batches, descent, watch=None):
    """Train P nets of one shape in place, each with its own learning rate and batches, as `fit` trains one.

    A net that diverges disturbs no other, and gives no warning: its loss turns inf or nan.

    net      nn.Module (P, N, ...) to (P, N, classes) whose parameters are (P, ...), such as nets.Stack; parameters
             that do not require a gradient stay as they are; it is left in training mode
    batches  Batches, as `batches` makes them for this net
    descent  Descent
    watch    called as watch(net, step, x, y) before the first step (step 0) and after each, with the batch to come,
             (P, batch_size, ...) and (P, batch_size), after the last with None, None; it may change the net's mode
    Returns the loss of each batch before its step, (steps, P) float64.
    Raises ValueError if a learning rate is not positive, a weight decay is below 0, or their number is wrong.
    """
    losses = torch.empty(batches.steps, len(next(net.parameters())), dtype=batches.x.dtype, device=batches.x.device)
    net.train()
    with _Mover(net, descent) as mover:
        for step in range(batches.steps):
            x, y = batches.at(step)
            if watch is not None:
                watch(net, step, x, y)
                net.train()
            logits = net(x) if batches.whole is None else _of(net(batches.whole), batches.place[:, step])
            loss = per_member_loss(logits, y)
            losses[step] = loss.detach()
            mover.step(loss.sum(), descent.share(step, batches.steps))
            if descent.after_step is not None:
                with torch.no_grad():
                    descent.after_step(net)
    if watch is not None:
        watch(net, batches.steps, None, None)
    net.train()
    return losses.double().cpu().numpy()


def fit_all(net, x, y, lr, batch_size=64, steps=120, seeds=0, watch=None):
    """`fit` for P nets of one shape at once: `descend` on the `batches` of x, y; the arguments are explained there."""
    return descend(net, batches(net, x, y, batch_size, steps, seeds), Descent(lr), watch)


def per_member_loss(logits, y):
    """Mean cross-entropy of each net: logits (P, N, classes), y (P, N) or (N,) give (P,)."""
    return F.cross_entropy(logits.transpose(1, 2), y.expand(logits.shape[:2]), reduction="none").mean(1)


@torch.no_grad()
def evaluate_all(net, x, y, batch_size=1000):
    """`evaluate` for P nets of one shape at once: losses, accuracies, two (P,) float64 arrays."""
    x, y = on_device(net, x, y)
    loss = correct = 0.0
    with evaluating(net):
        for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            logits = net(images)
            loss = loss + per_member_loss(logits, labels).double() * len(labels)
            correct = correct + (logits.argmax(-1) == labels).double().sum(1)
    return (loss / len(x)).cpu().numpy(), (correct / len(x)).cpu().numpy()


def _of(logits, place):
    """The logits (P, n, classes) of the examples at place (P, batch_size)."""
    return logits.gather(1, place[..., None].expand(-1, -1, logits.shape[-1]))


class _Mover:
    """A Descent at work on P nets; `with` it, gradients move the parameters.

    Each parameter moves as soon as its gradient is there, and the gradient is gone before the next one comes: all of
    them together do not fit into the cache. Only clipping has to see all of them first.
    """

    def __init__(self, net, descent):
        parameters = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
        self.parameters, self.momentum, self.clip = [p for _, p in parameters], descent.momentum, descent.clip
        self.scales = [-_per_member(f"lr of {name}", _named(descent.lr, name), p) for name, p in parameters]
        decays = [(_named(descent.weight_decay, name), p) for name, p in parameters]
        decays = [_per_member("weight_decay", values, p, positive=False) for values, p in decays]
        self.decays = [values if values.any() else None for values in decays]
        self.velocity = [torch.zeros_like(p) if self.momentum else None for p in self.parameters]
        self.share, self.hooks = None, []

    def __enter__(self):
        for i, p in enumerate(self.parameters if self.clip is None else ()):
            self.hooks.append(p.register_post_accumulate_grad_hook(functools.partial(self._arrived, i)))
        return self

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()

    def step(self, loss, share):
        """Move the parameters of all nets against the gradient of loss, by share of their learning rates."""
        self.share = share
        if self.clip is None:
            for p in self.parameters:
                p.grad = None
            loss.backward()
        else:
            for i, gradient in enumerate(_clipped(torch.autograd.grad(loss, self.parameters), self.clip)):
                self._move(i, gradient)
        self.share = None

    def _arrived(self, i, p):
        if self.share is not None:  # a backward of watch's own moves nothing
            self._move(i, p.grad)
            p.grad = None

    @torch.no_grad()
    def _move(self, i, gradient):
        p, decay, velocity = self.parameters[i], self.decays[i], self.velocity[i]
        if decay is not None:
            gradient = gradient + decay * p
        if velocity is not None:
            gradient = velocity.mul_(self.momentum).add_(gradient)
        p.addcmul_(gradient, self.scales[i], value=self.share)


def _named(value, name):
    """What a number, a list or a function of the parameter's name says of the parameter of this name."""
    return value(name) if callable(value) else value


def _per_member(name, values, parameter, positive=True):
    """values, one number or one for each member, as a tensor that multiplies the parameter."""
    members = len(parameter)
    values = torch.as_tensor(values, dtype=parameter.dtype, device=parameter.device)
    if values.shape not in ((), (members,)) or not (values > 0 if positive else values >= 0).all():
        wanted = "positive" if positive else "0 or more"
        raise ValueError(f"{name} is {values.tolist()}; it must be one number for each of {members} nets, {wanted}")
    return values.expand(members).reshape(-1, *(1,) * (parameter.dim() - 1))


def _clipped(gradients, clip):
    """Gradients of P nets, those of each net shortened together to the norm clip if they are longer."""
    norm = sum(g.flatten(1).square().sum(1) for g in gradients).sqrt()
    factor = (clip / (norm + 1e-6)).clamp(max=1)  # as torch.nn.utils.clip_grad_norm_; nan stays nan
    return [g * factor.view(-1, *(1,) * (g.dim() - 1)) for g in gradients]
