"""The experiment of notebook 15 that takes minutes: whose statistics, with few images on each device."""

from dataclasses import replace

import pandas as pd
import torch

from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all

evidence = results.shelf(__file__)

RANKS = 4
NETS = {"mlp": Setting(net="mlp", width=64, depth=3), "cnn": Setting(net="cnn", width=8)}
GRID = {"mlp": (2, 3, 4), "cnn": (2, 4)}  # images on each device, by net
AGAIN = ("mlp", 2)  # what the notebook trains again, two seeds with five twins each, see `results.again`


def arms(base, size):
    """What is compared with `size` images on each device: {name: Setting}.

    replica  each device by its own images: in one process, ghost batches of that size
    batch    all devices together, which is BatchNorm of the joined batch
    group    GroupNorm, for which devices make no difference
    """
    base = replace(base, batch_size=RANKS * size)
    return {"replica": replace(base, ghost=size), "batch": base, "group": replace(base, norm="group")}


def replicas(data, seeds=20, grid=GRID, steps=600, best=None, device="cpu", progress=False, keep=None):
    """Test accuracy of nets trained on 4 devices with few images on each, by whose statistics normalize them.

    Every arm has its best learning rate on the validation images, found by 8 other seeds in float32, see
    `results.tune`. In evaluation mode an arm uses its running statistics; those of 'replica' are the average of the
    devices', which is kinder than what a checkpoint of one of them holds.

    data   data.Data
    seeds  runs per arm, 2 or more
    grid   {net: images on each device}
    steps  of training
    best   rates chosen before, as returned: only these arms are trained
    Returns a dict: experiment, versions, seeds, steps, table and tuning (columns net, size, arm, lr, seed, table also
    twin), best (a list of dicts: net, size, arm, lr).
    Raises ValueError if seeds is below 2, and what `results.tune` refuses.
    """
    results.check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    parts = {"table": [], "tuning": [], "best": []}
    for kind, sizes in grid.items():
        for size in sizes:
            label, own = {"net": kind, "size": size}, arms(replace(NETS[kind], steps=steps, every=steps), size)
            known = None if best is None else [one for one in best if label.items() <= one.items()]
            for name, found in _at_best_rates(label, own, data, seeds, known, how).items():
                parts[name] += found
    tables = {name: pd.concat(parts[name], ignore_index=True) for name in ("table", "tuning") if parts[name]}
    about = {"experiment": "replicas", "versions": results.versions(), "seeds": seeds, "steps": steps}
    return {**about, **tables, "best": parts["best"]}


def _at_best_rates(label, own, data, seeds, best, how):
    """Lists of table, tuning and best for one net and size."""

    def train(labels, data, **more):
        settings = [replace(own[one["arm"]], **{k: v for k, v in one.items() if k != "arm"}) for one in labels]
        table = results.table([{**label, **one} for one in labels], run_all(settings, data, **how, **more))
        return table[table["step"] > 0]  # of the untrained nets nothing is asked

    tuning = []
    if best is None:
        validation = data._replace(x_test=data.x_val, y_test=data.y_val)
        size = next(iter(own.values())).batch_size

        def on_validation_images(labels):
            table = train(labels, validation, dtype=torch.float32)
            return table.assign(measure=table["measure"].replace("test_accuracy", "val_accuracy"))

        rates = [float(f"{0.4 * size / 32 * 2.0**power:.6g}") for power in range(-2, 3)]
        tried, chosen = results.tune(on_validation_images, tuple(own), rates, 1 / data.classes)
        tuning, best = [tried], [{**label, "arm": arm, "lr": float(lr)} for arm, lr in chosen.items() if lr is not None]
    runs = [{"arm": one["arm"], "lr": one["lr"], **run} for one in best for run in _runs(label, seeds)]
    return {"table": [train(runs, data)] if runs else [], "tuning": tuning, "best": best}


def _runs(label, seeds):
    twins = results.grid(seed=range(2), twin=range(1, 6)) if tuple(label.values()) == AGAIN and seeds > 2 else []
    return results.grid(seed=range(seeds), twin=(0,)) + twins


def again(stored):
    """Those of the best rates that the notebook trains again: the fully connected net with two images on each device.

    stored  what `replicas` returned
    Returns a list, to be given to `replicas` as `best`.
    """
    return [one for one in stored["best"] if (one["net"], one["size"]) == AGAIN]
