"""Runs of several arms, every net at the learning rate that suits it best."""

from dataclasses import replace

import pandas as pd
import torch

from bnbook.lab import results
from bnbook.lab.engine import Setting, run_all

MLP, CNN = Setting(net="mlp", width=64, depth=3), Setting(net="cnn", width=8)
NETS = {"mlp": MLP, "cnn": CNN}
TWINS, TWIN_SEEDS = range(1, 6), (0, 1)  # of the runs that the notebook makes again: five each, and the same two seeds


def at_best_rates(label, bases, data, seeds, best=None, twins=(), watch=None, device="cpu", progress=False, keep=None):
    """Runs of several arms, each at the learning rate that is best for it on the validation images.

    All arms are tried at the same rates, a factor of 2 apart, around 0.4 for batches of 32 or more and in proportion to
    smaller ones, see `results.tune`: on the validation images, by 8 seeds of their own, in float32. The runs that are
    reported are tested on the test images, in float64.

    label  a dict of what these runs have in common, columns of the tables before arm, lr, seed, twin
    bases  {arm: Setting}; lr, seed and twin are of no account
    seeds  runs per arm, 2 or more
    best   rates chosen before, as returned: only the arms in it are trained, without twins
    twins  arms of which two seeds get twins, see `results.again`
    watch  of the runs that are reported, see `run_all`
    Returns a dict: table, tuning (the table of the runs that chose), best (a list of dicts: label, arm, lr, and trains:
    False if no rate was better than guessing by 5 points. It is then run at the best of them all the same).
    Raises ValueError if seeds is below 2, and what `results.tune` refuses.
    """
    results.check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    bases = {arm: replace(base, every=base.steps) for arm, base in bases.items()}

    def train(labels, data, **more):
        settings = [replace(bases[one["arm"]], lr=one["lr"], seed=one["seed"], twin=one["twin"]) for one in labels]
        table = results.table([{**label, **one} for one in labels], run_all(settings, data, **how, **more))
        return table[table["step"] > 0]  # of the untrained nets nothing is asked

    if best is None:
        first = next(iter(bases.values()))
        tuning, chosen = chosen_rates(train, bases, data, first.batch_size)
        found = [{**label, "arm": arm, **rate} for arm, rate in chosen.items()]
    else:
        tuning, twins = None, ()
        found = [one for one in best if label.items() <= one.items() and one["arm"] in bases]
    runs = [{"arm": one["arm"], "lr": one["lr"], **run} for one in found for run in members(seeds, one["arm"] in twins)]
    return {"table": train(runs, data, watch=watch) if runs else None, "tuning": tuning, "best": found}


def chosen_rates(train, arms, data, batch_size, rates=None):
    """The table of the tuning, and {arm: {lr, trains}}.

    train  called as train(labels, data, dtype=torch.float32), labels with arm, lr, seed and twin; returns a table
    """
    centre = 0.4 * min(batch_size, 32) / 32
    rates = rates or [centre * 2.0**power for power in range(-2, 3)]
    validation = data._replace(x_test=data.x_val, y_test=data.y_val)

    def on_validation_images(labels):
        table = train([{**one, "twin": 0} for one in labels], validation, dtype=torch.float32)
        return table.assign(measure=table["measure"].replace("test_accuracy", "val_accuracy")).drop(columns="twin")

    tuning, best = results.tune(on_validation_images, tuple(arms), rates, 1 / data.classes)
    means = results.of(tuning, "val_accuracy").groupby(["arm", "lr"])["value"].mean()
    chosen = {arm: float(results.best_of(means[arm]) if rate is None else rate) for arm, rate in best.items()}
    return tuning, {arm: {"lr": chosen[arm], "trains": rate is not None} for arm, rate in best.items()}


def members(seeds, twins):
    """Which runs an arm has: dicts of seed and twin."""
    own = results.grid(seed=range(seeds), twin=(0,))
    return own + (results.grid(seed=[seed for seed in TWIN_SEEDS if seed < seeds], twin=TWINS) if twins else [])


def joined(parts):
    """What several calls of `at_best_rates` returned, as one; no tuning if nothing was tuned."""
    tables = {name: [part[name] for part in parts if part[name] is not None] for name in ("table", "tuning")}
    found = {name: pd.concat(each, ignore_index=True) for name, each in tables.items() if each}
    return {**found, "best": [one for part in parts for one in part["best"]]}


def with_twins(stored):
    """Those of the best rates whose runs have twins: what the notebook makes again.

    stored  what an experiment returned that tunes
    Returns a list, to be given to the same experiment as `best`.
    """
    twins = stored["table"][stored["table"]["twin"] > 0]
    names = [name for name in stored["best"][0] if name != "trains"]
    there = set(twins[names].itertuples(index=False, name=None))
    return [one for one in stored["best"] if tuple(one[name] for name in names) in there]
