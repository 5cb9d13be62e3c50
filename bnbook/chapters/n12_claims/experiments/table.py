"""All claims in one table: every experiment run, some of it run again, and the verdicts that follow."""

import numpy as np
import torch
from torch import nn

from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import versions
from bnbook.lab.shared import shared_statistic

from . import page, sayings
from .dimensions import dimensions
from .folklore import adding, folklore
from .generalization import CONTROLS, generalization, random_labels
from .robustness import robustness, tested
from .tuning import base, tuned


def claims(data, device="cpu", progress=False, seeds=8, keep=None):
    """Every experiment on what people say about BatchNorm, and the verdicts.

    data   data.Data
    seeds  runs per arm, 2 or more
    Returns a dict: experiment, versions, seeds, parts (what generalization, random_labels, dimensions, adding,
    shared_statistic, robustness and folklore return, and examples), rows (see `table`). About 20 minutes of one core.
    Raises ValueError if seeds is below 2.
    """
    how = {"device": device, "progress": progress, "seeds": seeds, "keep": keep}
    parts = {
        "shared_statistic": shared_statistic(data, seeds),  # first, for it refuses fewer than 64 images
        "generalization": generalization(data, **how),
        "random_labels": random_labels(data, **how),
        "dimensions": dimensions(data, device, seeds),
        "adding": adding(data, **how),
        "robustness": robustness(data, **how),
        "folklore": folklore(data, **how),
        "examples": all_examples(data),
    }
    for arm in parts["shared_statistic"]["arms"]:
        del arm["sd"]  # of every channel: needed for a figure of notebook 05 only
    return {"experiment": "claims", "versions": versions(), "seeds": seeds, "parts": parts, "rows": table(parts)}


def table(parts):
    """The verdicts, from the numbers alone.

    parts  as `claims` returns them
    Returns a list of dicts: claim, sharpened (when it would be true), unit, measured (a list: what, mean, low, high,
    margin, verdict), source (what larger studies or the paper say), verdict (see `claim.overall`).
    """
    return [make(parts).stored() for make in (*page.CLAIMS, *sayings.CLAIMS)]


def rerun(data, parts, seeds=4, device="cpu"):
    """Train some of the stored runs anew: do they come out as stored?

    data, parts   as `claims` took and returned them
    seeds         how many runs of each arm
    Returns a list of dicts: what, stored and now (accuracies, one per seed), agree (to two test images, for a
    rounding error can turn an image that lies on the edge). With images changed by 1e-15 of themselves, as another
    processor's rounding does, all of them come out the same to the last image: tried 3 times with 4 seeds.
    """
    size, cells = parts["generalization"]["sizes"][0], []
    arms = {name: (size["arms"][name], base(data, size["images"], **CONTROLS[name])) for name in ("none", "batch")}
    deep = {"net": "mlp", "depth": parts["adding"]["depth"], "norm": "add_sd"}
    arms["add_sd"] = (parts["adding"]["arms"]["add_sd"], base(data, 1000, **deep))
    for name, (arm, setting) in arms.items():
        now = tuned(data, {name: setting}, seeds, (arm["rate"],), device=device)[name]
        cells.append((f"{setting.images} images, {name}", arm["test"], now["test"]))
    arm = parts["robustness"]["arms"]["batch"]
    accuracy, _ = tested(data, base(data, parts["robustness"]["images"]), arm["rate"], seeds, device=device)
    cells += [(f"batch, {name}", arm["accuracy"][name], accuracy[name]) for name in ("clean", "noise 0.5", "dark")]
    found = [{"what": what, "stored": stored[:seeds], "now": now} for what, stored, now in cells]
    close = 2.001 / len(data.y_test)
    return [{**cell, "agree": bool(np.abs(np.subtract(cell["stored"], cell["now"])).max() < close)} for cell in found]


def all_examples(data, batch_size=32):
    """How far BatchNorm's output for a batch is from what the statistics of the batch, and of all images, would give.

    Returns a dict: batch, all (the largest differences, in standard deviations).
    """
    x = tensors(data, "cpu")[0]
    with torch.no_grad():
        maps = build(Setting(norm="none"), data).conv1(x)
        batch = maps[:batch_size]
        y = nn.BatchNorm2d(maps.shape[1], eps=1e-30, affine=False).double()(batch)
        off = {
            name: (y - (batch - h.mean((0, 2, 3), keepdim=True)) / h.std((0, 2, 3), correction=0, keepdim=True))
            .abs()
            .max()
            for name, h in (("batch", batch), ("all", maps))
        }
    return {name: value.item() for name, value in off.items()}
