"""One training loop, and the same loop for many nets at once: the same batches for every arm of a comparison.

Read after nets.
Used from notebook 00 on.
"""

import contextlib
import functools
import math

import numpy as np
import torch
from torch.nn import functional as F


def batch_order(n, batch_size, steps, seed=0):
    """Which examples make which batch: the examples are shuffled, dealt out, and shuffled again when they run out.

    n           examples to draw from
    batch_size  examples per batch; what is left of a shuffle and fills no batch is dropped
    steps       batches wanted
    seed        of the shuffles
    Returns (steps, batch_size), int64 indices.
    Raises ValueError if batch_size is not between 1 and n, or steps is negative.
    """
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size is {batch_size}; with {n} training examples it must be between 1 and {n}")
    if steps < 0:
        raise ValueError(f"steps is {steps}; it must be 0 or more")
    rng = np.random.default_rng(seed)
    per_epoch = n // batch_size
    shuffles = [rng.permutation(n)[: per_epoch * batch_size] for _ in range(math.ceil(steps / per_epoch))]
    return np.array(shuffles, dtype=np.int64).reshape(-1, batch_size)[:steps]


def fit(net, x, y, lr, batch_size=64, steps=120, seed=0, watch=None):
    """Train net in place with plain SGD on the cross-entropy; it is left in training mode.

        w <- w - lr * dL/dw,   L the mean over the batch

    net         nn.Module  (N, ...) to (N, classes)
    x, y        (N, ...), (N,)  arrays or tensors; moved to the net's device, x to its dtype
    lr          learning rate
    batch_size, steps, seed     as in `batch_order`: the same three give the same batches to every net
    watch       called as watch(net, step) before the first step (step 0) and after each; it may evaluate
                the net and change its mode, not its parameters
    Returns the loss of each batch before its step, (steps,) float64. A run that diverges goes on silently to
    the end, and its losses turn inf or nan.
    Raises ValueError if lr is not positive, x and y differ in length, or `batch_order` refuses.
    """
    if not lr > 0:
        raise ValueError(f"lr is {lr}; it must be positive")
    x, y = _on_device(net, x, y)
    order = torch.from_numpy(batch_order(len(x), batch_size, steps, seed)).to(x.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses = np.empty(steps)
    if watch is not None:
        watch(net, 0)
    for step, batch in enumerate(order):
        net.train()
        loss = F.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[step] = loss.item()
        if watch is not None:
            watch(net, step + 1)
    net.train()
    return losses


def fit_all(
    net, x, y, lr, batch_size=64, steps=120, seeds=0, momentum=0.0, weight_decay=0.0, clip=None, label_noise=0.0,
    watch=None, after_step=None, order=None, pool=None, schedule="constant", whole_set=False,
):  # fmt: skip
    """Train P nets of one shape in place, each with its own learning rate and batches, as `fit` trains one.

        v <- momentum * v + dL/dw + weight_decay * w,    w <- w - lr * v        for each net by itself

    A net that diverges disturbs no other, and gives no warning: its loss turns inf or nan.

    net           nn.Module (P, N, ...) to (P, N, classes) whose parameters are (P, ...), such as nets.Stack; parameters
                  that do not require a gradient stay as they are
    x, y          (N, ...), (N,)  as in `fit`
    lr            (P,) learning rates, or a function: name of a parameter to (P,)
    batch_size, steps       as in `fit`
    seeds         (P,) seeds of the batch orders, or one for all
    momentum      weight of the old step in the new one: PyTorch's SGD
    weight_decay  number or (P,), or a function: name of a parameter to one of these
    clip          largest norm of a net's gradient, over all its parameters; a longer one is shortened to it
    label_noise   share of the labels of each batch that are replaced by random ones, anew each time
    watch         called as watch(net, step, x, y) before the first step (step 0) and after each, with the batch to
                  come, (P, batch_size, ...) and (P, batch_size), after the last with None, None
    after_step    called as after_step(net) after each step, without gradients; it may change parameters
    order         (P, steps, batch_size) indices of the examples of each batch, if it is not to be that of the seeds
    pool          (P, n)  which examples each net trains on; None: all
    schedule      'constant', or 'cosine': the learning rates fall to 0 along half a cosine
    whole_set     every step sends all the examples through the net, though the loss is that of the batch: BatchNorm
                  then has the statistics, and their gradient, of the whole training set; n / batch_size times the work
    Returns the loss of each batch before its step, (steps, P) float64.
    Raises ValueError if a learning rate is not positive, their number or the shape of order is wrong, and what `fit`
    refuses.
    """
    x, y = _on_device(net, x, y)
    members = len(next(net.parameters()))
    seeds = np.broadcast_to(seeds, members).tolist()
    if schedule not in ("constant", "cosine"):
        raise ValueError(f"schedule is {schedule!r}; it must be 'constant' or 'cosine'")
    place, order, labels = _batches(y, batch_size, steps, seeds, label_noise, order, pool)
    everything = x[torch.arange(len(x)).expand(members, -1) if pool is None else pool] if whole_set else None
    losses = torch.empty(steps, members, dtype=x.dtype, device=x.device)
    net.train()
    with _Descent(net, lr, weight_decay, momentum, clip) as descent:
        for step in range(steps):
            batch = x.index_select(0, order[:, step].flatten()).view(members, batch_size, *x.shape[1:])
            if watch is not None:
                watch(net, step, batch, labels[:, step])
                net.train()
            logits = net(batch) if everything is None else _of(net(everything), place[:, step])
            loss = per_member_loss(logits, labels[:, step])
            losses[step] = loss.detach()
            descent.step(loss.sum(), (1 + math.cos(math.pi * step / steps)) / 2 if schedule == "cosine" else 1.0)
            if after_step is not None:
                with torch.no_grad():
                    after_step(net)
    if watch is not None:
        watch(net, steps, None, None)
    net.train()
    return losses.double().cpu().numpy()


def per_member_loss(logits, y):
    """Mean cross-entropy of each net: logits (P, N, classes), y (P, N) or (N,) give (P,)."""
    return F.cross_entropy(logits.transpose(1, 2), y.expand(logits.shape[:2]), reduction="none").mean(1)


@torch.no_grad()
def evaluate_all(net, x, y, batch_size=1000):
    """`evaluate` for P nets of one shape at once: losses, accuracies, two (P,) float64 arrays."""
    x, y = _on_device(net, x, y)
    loss = correct = 0.0
    with _evaluating(net):
        for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            logits = net(images)
            loss = loss + per_member_loss(logits, labels).double() * len(labels)
            correct = correct + (logits.argmax(-1) == labels).double().sum(1)
    return (loss / len(x)).cpu().numpy(), (correct / len(x)).cpu().numpy()


class _Descent:
    """Stochastic gradient descent for P nets; `with` it, gradients move the parameters.

    Each parameter moves as soon as its gradient is there, and the gradient is gone before the next one comes: all of
    them together do not fit into the cache. Only clipping has to see all of them first.
    """

    def __init__(self, net, lr, weight_decay, momentum, clip):
        parameters = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
        rates = lr if callable(lr) else lambda name: lr
        decays = weight_decay if callable(weight_decay) else lambda name: weight_decay
        self.parameters, self.momentum, self.clip = [p for _, p in parameters], momentum, clip
        self.scales = [-_per_member(f"lr of {name}", rates(name), p) for name, p in parameters]
        decay = [_per_member("weight_decay", decays(name), p, positive=False) for name, p in parameters]
        self.decay = [values if values.any() else None for values in decay]
        self.velocity = [torch.zeros_like(p) if momentum else None for p in self.parameters]
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
        p, decay, velocity = self.parameters[i], self.decay[i], self.velocity[i]
        if decay is not None:
            gradient = gradient + decay * p
        if velocity is not None:
            gradient = velocity.mul_(self.momentum).add_(gradient)
        p.addcmul_(gradient, self.scales[i], value=self.share)


def _per_member(name, values, parameter, positive=True):
    """values, one number or one for each member, as a tensor that multiplies the parameter."""
    members = len(parameter)
    values = torch.as_tensor(values, dtype=parameter.dtype, device=parameter.device)
    if values.shape not in ((), (members,)) or not (values > 0 if positive else values >= 0).all():
        wanted = "positive" if positive else "0 or more"
        raise ValueError(f"{name} is {values.tolist()}; it must be one number for each of {members} nets, {wanted}")
    return values.expand(members).reshape(-1, *(1,) * (parameter.dim() - 1))


def _of(logits, place):
    """The logits (P, n, classes) of the examples at place (P, batch_size)."""
    return logits.gather(1, place[..., None].expand(-1, -1, logits.shape[-1]))


def _batches(y, batch_size, steps, seeds, label_noise, order, pool):
    """The examples of the batches, (P, steps, batch_size): their place in the pool, their number, their labels."""
    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise is {label_noise}; it must be a share between 0 and 1")
    if order is None:
        n = len(y) if pool is None else pool.shape[1]
        orders = {seed: batch_order(n, batch_size, steps, seed) for seed in set(seeds)}
        order = np.stack([orders[seed] for seed in seeds])
    if np.shape(order) != (len(seeds), steps, batch_size):
        raise ValueError(f"order has shape {np.shape(order)}, expected {(len(seeds), steps, batch_size)}")
    place = torch.as_tensor(order, device=y.device)
    order = place if pool is None else pool.gather(1, place.flatten(1)).view_as(place)
    labels = y[order]
    if label_noise:
        for member, seed in enumerate(seeds):
            rng = np.random.default_rng([seed, 1])
            replaced = torch.from_numpy(rng.random(order.shape[1:]) < label_noise).to(y.device)
            random = torch.from_numpy(rng.integers(int(y.max()) + 1, size=order.shape[1:])).to(y.device)
            labels[member] = torch.where(replaced, random, labels[member])
    return place, order, labels


def _clipped(gradients, clip):
    """Gradients of P nets, those of each net shortened together to the norm clip if they are longer."""
    norm = sum(g.flatten(1).square().sum(1) for g in gradients).sqrt()
    factor = (clip / (norm + 1e-6)).clamp(max=1)  # as torch.nn.utils.clip_grad_norm_; nan stays nan
    return [g * factor.view(-1, *(1,) * (g.dim() - 1)) for g in gradients]


@torch.no_grad()
def evaluate(net, x, y, batch_size=1000):
    """Mean cross-entropy and accuracy in evaluation mode; the net gets back the mode it had.

    net         nn.Module  (N, ...) to (N, classes)
    x, y        (N, ...), (N,)  arrays or tensors, as in `fit`
    batch_size  examples at a time: memory only, in evaluation mode no example sees another
    Returns loss, accuracy: two floats, the accuracy between 0 and 1.
    Raises ValueError if x and y differ in length or are empty.
    """
    x, y = _on_device(net, x, y)
    loss = correct = 0.0
    with _evaluating(net):
        for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            logits = net(images)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    return loss / len(x), correct / len(x)


@contextlib.contextmanager
def _evaluating(net):
    """`with` it, net is in evaluation mode; then every part of it is as before, also if something went wrong."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, training in modes:  # one by one: a part may have been frozen in evaluation mode on purpose
            module.training = training


def diverged(loss, classes=10):
    """Whether a run counts as one that did not train, by its final loss over the whole training set.

        loss not finite, or above ln(classes) / 2

    Looking for nan alone misses most failures: a net whose units have died stays finite, at ln(classes), for ever.
    A run that is merely slow is counted too, so give it enough steps.

    loss     final training loss, as `evaluate` returns it
    classes  number of classes; guessing gives the loss ln(classes)
    Returns bool.
    """
    return not loss <= math.log(classes) / 2  # written so that nan is caught as well


def _on_device(net, x, y):
    like = next(net.parameters())
    x = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    y = torch.as_tensor(y, device=like.device)
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x has {len(x)} examples and y {len(y)} labels; they must be equally many, and not none")
    return x, y
