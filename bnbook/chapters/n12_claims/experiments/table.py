"""All claims, judged by what is stored, and some of the stored runs made again."""

import pandas as pd
import torch
from torch import nn

from bnbook.lab import results
from bnbook.lab.engine import Setting, build, tensors

from . import page, sayings
from .generalization import CONTROLS
from .robustness import tested
from .tuning import AGAIN, base, reported

PARTS = ("generalization", "random_labels", "dimensions", "adding", "robustness", "folklore")


def judged(parts, data):
    """Every claim with its verdict.

    parts  {name: what the experiment returned}, for the names in PARTS
    data   data.Data, for `all_examples`
    Returns a list of Claim.
    """
    parts = {**parts, "examples": all_examples(data)}
    return [make(parts) for make in (*page.CLAIMS, *sayings.CLAIMS)]


def made_again(data, parts, seeds=AGAIN, device="cpu"):
    """Train some of the stored runs anew: do they come out as stored?

    data, parts   as for `judged`
    seeds         how many runs of each arm, at most 4
    Returns {what: `results.Again`}.
    """
    small, deep = f"{parts['generalization']['sizes'][0]} images", f"{parts['adding']['depths'][-1]} layers"
    size, depth = parts["generalization"]["sizes"][0], parts["adding"]["depths"][-1]
    runs = [
        ("generalization", small, {arm: base(data, size, **CONTROLS[arm]) for arm in ("none", "batch")}, None),
        ("adding", deep, {"add_sd": base(data, 1000, net="mlp", depth=depth, norm="add_sd")}, None),
        ("robustness", "clean", {"batch": base(data, parts["robustness"]["images"])}, tested(data)),
    ]
    measures = ("clean accuracy", "noise 0.5 accuracy", "dark accuracy")
    found = {}
    for name, case, arms, watch in runs:
        part = parts[name]
        live = reported(data, arms, case, part["best"][case], seeds, watch=watch, device=device)
        stored = pd.concat([part["table"].assign(twin=0), part["twins"]], ignore_index=True)
        for measure in measures if watch else ("test_accuracy",):
            what = f"{name}, {case}: {measure.replace('_', ' ')}"
            found[what] = results.again(live, stored, measure, 1 / len(data.y_test))
    return found


def all_examples(data, batch_size=32):
    """How far BatchNorm's output for a batch is from what the statistics of the batch, and of all images, would give.

    Returns a dict: batch, all (the largest differences, in standard deviations), mean (the largest mean of a channel
    of the output).
    """
    x = tensors(data, "cpu")[0]
    with torch.no_grad():
        maps = build(Setting(norm="none"), data).conv1(x)
        batch = maps[:batch_size]
        y = nn.BatchNorm2d(maps.shape[1], eps=1e-30, affine=False).double()(batch)
        off = {
            name: (y - (batch - h.mean((0, 2, 3), keepdim=True)) / h.std((0, 2, 3), correction=0, keepdim=True))
            for name, h in (("batch", batch), ("all", maps))
        }
    found = off | {"mean": y.mean((0, 2, 3))}
    return {name: values.abs().max().item() for name, values in found.items()}
