"""One training loop: the same batches for every arm of a comparison."""

import contextlib
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
    x, y = on_device(net, x, y)
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


@torch.no_grad()
def evaluate(net, x, y, batch_size=1000):
    """Mean cross-entropy and accuracy in evaluation mode; the net gets back the mode it had.

    net         nn.Module  (N, ...) to (N, classes)
    x, y        (N, ...), (N,)  arrays or tensors, as in `fit`
    batch_size  examples at a time: memory only, in evaluation mode no example sees another
    Returns loss, accuracy: two floats, the accuracy between 0 and 1.
    Raises ValueError if x and y differ in length or are empty.
    """
    x, y = on_device(net, x, y)
    loss = correct = 0.0
    with evaluating(net):
        for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            logits = net(images)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    return loss / len(x), correct / len(x)


@contextlib.contextmanager
def evaluating(net):
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


def on_device(net, x, y):
    """x and y as tensors on the net's device, x in its dtype."""
    like = next(net.parameters())
    x = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    y = torch.as_tensor(y, device=like.device)
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x has {len(x)} examples and y {len(y)} labels; they must be equally many, and not none")
    return x, y
