"""The experiment of notebook 07 on gradients: how much the layers below change them."""

import numpy as np
import torch
from torch.func import functional_call

from bnbook import train
from bnbook.lab.results import versions

from ..functions import gradient_change
from .cases import CASES, LINEAR, LINEAR_CASES, over_cases, tabled


def gradient_shift(
    data, seeds=20, cases=tuple(CASES), arms=("none", "batch"), steps=300, device="cpu", progress=False, keep=None
):
    """How much a layer's gradient changes when only the layers below it have made their step.

        G_i   gradient of the weights of layer i, at the weights before the step
        G'_i  the same batch, the same weights in layer i and above, the layers below after the step

    data   data.Data
    cases  names in CASES
    arms   names in ARMS without noise; arms that share a case and a seed are paired
    steps  of training; looks are taken before steps 0, 10, ..., 90
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, steps, cases, and table (case, arm, seed, step, measure, value): at
    each look the means over the layers from the second to the last of relative and cosine, see `gradient_change`, nan
    where a run diverged; at the last step test_accuracy, steps_to_90, train_loss.
    Source: Santurkar et al. 2018, definition 2.1.
    """
    settings = {case: CASES[case] for case in cases}
    found = over_cases(data, settings, arms, seeds, _watch, device, progress, keep, {"steps": steps})
    return {
        "experiment": "gradient_shift",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "table": tabled(*found),
    }


def deep_linear(
    data, seeds=20, cases=tuple(LINEAR_CASES), arms=("none", "batch"), device="cpu", progress=False, keep=None
):
    """`gradient_shift` of deep nets without activations, which descend the loss of all their 200 images at each step.

        64 units a layer, weights normal with sd 1 / sqrt(fan_in), 60 steps; every seed has its own images

    data   data.Data
    cases  names in LINEAR_CASES
    arms   'none' and 'batch'
    keep   a file for finished groups, see `run_all`
    Returns a dict as `gradient_shift` does; looks are taken before steps 0, 10, ..., 50, and at the last step there are
    train_loss and train_accuracy, in evaluation mode.
    Source: Santurkar et al. 2018, figure 3b and appendix A: 25 layers, squared error on normal numbers, other rates.
    """
    settings = {case: LINEAR_CASES[case] for case in cases}
    steps = LINEAR.steps
    found = over_cases(data, settings, arms, seeds, _watch, device, progress, keep, {"every": steps})
    return {
        "experiment": "deep_linear",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "table": tabled(*found),
    }


def _watch(moment):
    """Relative change and cosine, means over the layers from the second on, before each tenth of 100 steps."""
    if moment.step % 10 or moment.step >= 100 or moment.x is None:
        return None
    pairs = _gradients(moment)
    with np.errstate(all="ignore"):  # a run may diverge
        changes = [[gradient_change(*pair) for pair in zip(*layer, strict=True)] for layer in pairs]
    relative, cosine = np.mean(changes, axis=0).T  # over layers, for each member
    return {"relative": relative, "cosine": cosine}


def _gradients(moment):
    """(G_i, G'_i) of each layer from the second on: pairs of (P, ...) arrays. The net stays as it is."""
    old = {name: p.detach() for name, p in moment.net.named_parameters()}
    layers = [name for name in old if name.startswith("linear") and name.endswith("weight")]
    numbers = {name: _layer_number(name) for name in old}
    lr = torch.tensor([setting.lr for setting in moment.settings], dtype=moment.x.dtype, device=moment.x.device)
    before = _gradient_at(moment, old, old)
    new = {name: p - lr.view(-1, *(1,) * (p.dim() - 1)) * before[name] for name, p in old.items()}
    pairs = []
    for layer in layers[1:]:
        below = {name: new[name] if numbers[name] < numbers[layer] else p for name, p in old.items()}
        pairs.append([g[layer].cpu().numpy() for g in (before, _gradient_at(moment, below, [layer]))])
    return pairs


def _layer_number(name):
    """Which layer a parameter belongs to: 3 for 'linear3.weight' and 'norm3.bias'; the last one, 'linear', has none."""
    digits = "".join(c for c in name.split(".")[0] if c.isdigit())
    return int(digits) if digits else float("inf")


def _gradient_at(moment, parameters, wanted):
    """Gradients of the loss of the batch to come, at these parameters, with respect to those wanted, by name."""
    leaves = {name: p.clone().requires_grad_(name in wanted) for name, p in parameters.items()}
    kept = {name: b.clone() for name, b in moment.net.named_buffers()}  # the running statistics stay as they are
    moment.net.train()
    loss = train.per_member_loss(functional_call(moment.net, {**leaves, **kept}, (moment.x,)), moment.y)
    return dict(zip(wanted, torch.autograd.grad(loss.sum(), [leaves[name] for name in wanted]), strict=True))
