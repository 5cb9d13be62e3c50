"""The experiments of notebook 08 on the loss along the gradient."""

from dataclasses import replace

import numpy as np
import torch
from torch.func import functional_call

from bnbook import train
from bnbook.lab.engine import Moment, build, run_all, tensors
from bnbook.lab.results import check_seeds, versions

from .scale import NET, buffers, of_hidden_weights, with_eps

# Half of what suits the 10-layer net without normalization best; from 0.1 on its digits differ between machines.
RATE = 0.05
STEPS = (0.025, 0.05, 0.1, 0.2)


def along_gradient(
    data, seeds=5, depth=10, inits=("he", "torch"), norms=("none", "batch"), steps=200,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """How far the gradient of a batch can be trusted: the loss along it, every 20 steps of a training at rate 0.05.

        w - eta * g,   g the gradient at w of the batch to come,   eta from half the rate to four times as much

    data    data.Data
    seeds   runs per arm, 2 or more
    depth   of an MLP of 64 ReLU units per layer
    keep    a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, depth, steps, lr, step, eta, arms: init, norm, loss (seed 0: at each
    probe, the loss at w and at each eta), accuracy (at the end), and per seed, the median over probes of
        range       largest minus smallest loss along the line
        descends    whether every eta lowers the loss (here the mean over probes, a share)
        change      largest |g(eta) - g| / |g|
        smoothness  largest |g(eta) - g| / (eta |g|)
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    base = replace(NET, lr=RATE, depth=depth, steps=steps)
    grid = [(init, norm) for init in inits for norm in norms]
    settings = [replace(base, init=init, norm=norm, every=steps, seed=s) for init, norm in grid for s in range(seeds)]
    runs = run_all(settings, data, device, progress, _look_along, keep)
    found = [
        {"init": init, "norm": norm} | _summary(runs[i * seeds : (i + 1) * seeds])
        for i, (init, norm) in enumerate(grid)
    ]
    return {
        "experiment": "along_gradient",
        "versions": versions(),
        "seeds": seeds,
        "depth": depth,
        "steps": steps,
        "lr": RATE,
        "step": runs[0]["watched"]["step"],
        "eta": list(STEPS),
        "arms": found,
    }


def _summary(runs):
    """Summary of one arm, see `along_gradient`."""
    loss, change = (np.array([run["watched"][key] for run in runs]) for key in ("loss", "change"))
    return {
        "loss": _rounded(loss[0]),
        "accuracy": [run["test_accuracy"][-1] for run in runs],
        "range": _rounded(np.median(np.ptp(loss, -1), 1)),
        "descends": _rounded((loss[..., 1:] < loss[..., :1]).all(-1).mean(1)),
        "change": _rounded(np.median(change.max(-1), 1)),
        "smoothness": _rounded(np.median((change / STEPS).max(-1), 1)),
    }


def _look_along(moment: Moment):
    """Loss (P, 1 + etas) and relative change of the gradient (P, etas) along the gradient of the batch to come."""
    if moment.x is None or moment.step % 20:
        return None
    moment.net.train()
    here = {name: p.detach() for name, p in moment.net.named_parameters()}

    def look(values):
        values = {name: value.clone().requires_grad_() for name, value in values.items()}
        logits = functional_call(moment.net, {**values, **buffers(moment.net)}, (moment.x,))
        loss = train.per_member_loss(logits, moment.y)
        return loss.detach(), torch.autograd.grad(loss.sum(), list(values.values()))

    loss, g = look(here)
    losses, changes = [loss], []
    for eta in STEPS:
        there = {name: value - eta * part for (name, value), part in zip(here.items(), g, strict=True)}
        loss, moved = look(there)
        losses.append(loss)
        changes.append(_norm([m - p for m, p in zip(moved, g, strict=True)]) / _norm(g))
    return {"loss": torch.stack(losses, 1), "change": torch.stack(changes, 1)}


def _rounded(values):
    return [_rounded(v) for v in values] if np.ndim(values) else float(f"{values:.5g}")


def _norm(parts):
    return sum(part.flatten(1).square().sum(1) for part in parts).sqrt()


def rescaled_smoothness(data, factors=(0.1, 1.0, 10.0), seed=0, device="cpu"):
    """One function of the images, written with small and with large hidden weights: how smooth is its loss?

    data     data.Data; the loss is that of the first 256 training images, the net an MLP with BatchNorm, eps 1e-30
    factors  a, of the hidden weights
    Returns a list of dicts: factor, loss, smoothness: the largest |g(eta) - g| / (eta |g|) along the gradient of the
    hidden weights, for eta = a^2 times `STEPS`, which makes steps of the same relative size.
    """
    x, y, _, _ = tensors(data, device)
    net = with_eps(build(replace(NET, seed=seed), data).to(device), 1e-30)
    f, gradient, w = of_hidden_weights(net, x[:256], y[:256])
    found = []
    for a in factors:
        g = gradient(a * w)
        changes = [(a**2 * eta, np.linalg.norm(gradient(a * w - a**2 * eta * g) - g)) for eta in STEPS]
        smoothness = max(change / (eta * np.linalg.norm(g)) for eta, change in changes)
        found.append({"factor": a, "loss": f(a * w), "smoothness": float(smoothness)})
    return found
