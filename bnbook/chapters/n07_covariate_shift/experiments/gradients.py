"""The experiment of notebook 07 on gradients: how much the layers below change them."""

import numpy as np
import torch
from torch.func import functional_call

from bnbook import train
from bnbook.lab.results import interval, steps_to, versions

from ..functions import gradient_change
from .cases import CASES, mean_over_looks, over_cases, pairs


def gradient_shift(
    data, seeds=8, cases=tuple(CASES), arms=("none", "batch"), steps=300, device="cpu", progress=False, keep=None
):
    """How much a layer's gradient changes when only the layers below it have made their step.

        G_i   gradient of the weights of layer i, at the weights before the step
        G'_i  the same batch, the same weights in layer i and above, the layers below after the step

    data   data.Data
    cases  names in CASES
    arms   names in ARMS without noise; arms that share a case and a seed are paired
    steps  of training; looks are taken before steps 0, 10, ..., 90
    keep   a file for finished groups, see `run_all`
    Returns a dict: experiment, seeds, steps, cases, arms (each with case, arm, steps_to_90, and one number per seed,
    the mean over looks and over the layers from the second to the last, of relative and cosine, see `gradient_change`),
    differences (per case BatchNorm minus none: pairs, relative, cosine, each with interval; None as in `input_drift`).
    Source: Santurkar et al. 2018, definition 2.1.
    """

    def watch(moment):
        if moment.step % 10 == 0 and moment.step < min(100, steps):
            pairs = _gradients(moment)
            with np.errstate(all="ignore"):  # a run may diverge
                changes = [[gradient_change(*pair) for pair in zip(*layer, strict=True)] for layer in pairs]
            relative, cosine = np.mean(changes, axis=0).T  # over layers, for each member
            return {"relative": relative, "cosine": cosine}

    found = over_cases(data, cases, arms, seeds, {"steps": steps}, watch, device, progress, keep)
    arms_found = [
        {
            **labels,
            "steps_to_90": [steps_to(run) for run in runs],
            "relative": [mean_over_looks(run, "relative") for run in runs],
            "cosine": [mean_over_looks(run, "cosine") for run in runs],
        }
        for labels, runs in found
    ]
    differences = [_difference(case, arms_found) for case in cases if {"none", "batch"} <= set(arms)]
    return {
        "experiment": "gradient_shift",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "cases": list(cases),
        "arms": arms_found,
        "differences": differences,
    }


def _difference(case, arms):
    """BatchNorm minus none, paired by seed."""
    found = {"case": case}
    for name in ("relative", "cosine"):
        none, batch = pairs(case, arms, name)
        found["pairs"] = len(none)
        found[name] = float((batch - none).mean()) if len(none) > 1 else None
        found[f"{name}_interval"] = list(interval(batch - none)) if len(none) > 1 else None
    return found


def _gradients(moment):
    """(G_i, G'_i) of each layer from the second on: pairs of (P, ...) arrays. The net stays as it is."""
    old = {name: p.detach() for name, p in moment.net.named_parameters()}
    layers = [name for name in old if name.startswith("linear") and name.endswith("weight")]
    numbers = {name: _layer_number(name) for name in old}
    lr = torch.tensor([setting.lr for setting in moment.settings], dtype=moment.x.dtype, device=moment.x.device)
    before = _gradient_at(moment, old)
    new = {name: p - lr.view(-1, *(1,) * (p.dim() - 1)) * before[name] for name, p in old.items()}
    pairs = []
    for layer in layers[1:]:
        below = {name: new[name] if numbers[name] < numbers[layer] else p for name, p in old.items()}
        pairs.append([g[layer].cpu().numpy() for g in (before, _gradient_at(moment, below))])
    return pairs


def _layer_number(name):
    """Which layer a parameter belongs to: 3 for 'linear3.weight' and 'norm3.bias'; the last one, 'linear', has none."""
    digits = "".join(c for c in name.split(".")[0] if c.isdigit())
    return int(digits) if digits else float("inf")


def _gradient_at(moment, parameters):
    """Gradients of the loss of the batch to come, at these parameters, by name."""
    leaves = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    kept = {name: b.clone() for name, b in moment.net.named_buffers()}  # the running statistics stay as they are
    moment.net.train()
    loss = train.per_member_loss(functional_call(moment.net, {**leaves, **kept}, (moment.x,)), moment.y)
    return dict(zip(leaves, torch.autograd.grad(loss.sum(), list(leaves.values())), strict=True))
