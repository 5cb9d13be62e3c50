"""The experiments of notebook 02."""

import copy
import math

import numpy as np
import torch
from torch import nn

from bnbook.lab.engine import Setting
from bnbook.lab.shared import trained_mlp


def variance_errors(offsets=(0, 1, 10, 100, 1000, 10_000), batches=20, m=512):
    """Two formulas for a variance, in float16 and float32, on data further and further from zero.

        one pass: mean(x^2) - mean(x)^2          two passes: mean((x - mean(x))^2)

    offsets  means of the data, whose standard deviation is 1
    batches  random batches; the worst of them counts
    m        values per batch
    Returns a dict: experiment, offsets, batches, errors (formula: one relative error per offset, None if not finite;
    float16 stops where its neighbouring numbers lie further apart than half a standard deviation).
    The truth is the variance of the *rounded* data, its sums made exactly (math.fsum).
    """
    formulas = {
        "one pass, float16": (np.float16, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float16": (np.float16, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "one pass, float32": (np.float32, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float32": (np.float32, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "bnbook: float64 inside": (np.float32, lambda x: np.mean((x - np.mean(x, dtype=np.float64)) ** 2)),
    }
    errors = {}
    for name, (dtype, formula) in formulas.items():
        held = [offset for offset in offsets if np.spacing(dtype(offset)) <= 0.5]
        worst = [max(_variance_error(offset, seed, m, dtype, formula) for seed in range(batches)) for offset in held]
        errors[name] = [error if np.isfinite(error) else None for error in worst]
    return {"experiment": "variance_errors", "offsets": list(offsets), "batches": batches, "errors": errors}


def _variance_error(offset, seed, m, dtype, formula):
    x = (np.random.default_rng(seed).normal(size=m) + offset).astype(dtype)
    mean = math.fsum(x.tolist()) / m
    truth = math.fsum((v - mean) ** 2 for v in x.tolist()) / m
    with np.errstate(over="ignore", invalid="ignore"):
        error = abs(float(formula(x)) - truth) / truth
    return error if np.isfinite(error) else np.inf


def with_batch_norm(data, batch_norm, lr=0.2, seed=0, device="cpu"):
    """The net of notebook 00 with BatchNorm, trained, and what a function makes of it in the place of its layers.

    data        data.Data; the net is trained on its training images and looks at all its test images in one batch
    batch_norm  called as batch_norm(x, gamma, beta) with NumPy arrays; the first thing it returns is used
    lr, seed    of the training, in notebook 00's range
    Returns theirs, yours, labels, seen: logits (N, classes) by the net's own layers in training mode and by batch_norm,
    labels (N,), and for each of the three layers what batch_norm got and what it gave, both (N, C, H, W).
    """
    net, x_test, y_test = trained_mlp(data, Setting(lr=lr, seed=seed), device)
    changed, seen = copy.deepcopy(net), []
    for name, layer in net.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            setattr(changed, name, _Calls(batch_norm, layer, seen))
    with torch.no_grad():
        theirs, yours = (each(x_test).cpu().numpy() for each in (net, changed))
    return theirs, yours, y_test.cpu().numpy(), seen


class _Calls(nn.Module):
    """A layer that only calls a function of NumPy arrays, with the scale and shift of another layer."""

    def __init__(self, function, layer, seen):
        super().__init__()
        self.function, self.seen = function, seen
        self.gamma, self.beta = (v.detach().cpu().numpy() for v in (layer.weight, layer.bias))

    def forward(self, x):
        numbers = x.cpu().numpy()
        y = self.function(numbers, self.gamma, self.beta)[0]
        self.seen.append((numbers, y))
        return torch.from_numpy(y).to(x)
