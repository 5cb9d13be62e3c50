"""Batches whose images have something in common: a class, or a session."""

import copy
from dataclasses import replace

import numpy as np
import torch

from bnbook.lab.engine import run_all, tensors
from bnbook.lab.results import versions

from .rates import MLP, tuned


def one_class(
    data, seeds=8, classes=(1, 2, 5), norms=("none", "layer", "batch", "renorm"), batch_size=32, steps=400,
    tuning_seeds=5, device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Test accuracy after training with few classes in each batch, each arm at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    classes     how many classes are in a batch: 2 are 0 and 1, then 1 and 2, and so on; the test images are all
    norms       normalizations of the fully connected net
    batch_size, steps, tuning_seeds   of the training, see `tuned`
    Returns a dict: experiment, versions, seeds, classes, batch_size, steps, guessing, arms: what `tuned` returns for
    each norm, with 'classes' added.
    """
    arms = []
    for number in classes:
        dealt = by_classes(data, number, batch_size, steps)
        bases = [replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=True) for norm in norms]
        for arm in tuned(bases, dealt, seeds, tuning_seeds, device, progress, keep):
            arms.append({"classes": number, **arm})
    return {
        "experiment": "one_class",
        "versions": versions(),
        "seeds": seeds,
        "classes": list(classes),
        "batch_size": batch_size,
        "steps": steps,
        "guessing": 1 / data.classes,
        "arms": arms,
    }


def by_classes(data, number, batch_size, batches):
    """data whose training images are batches, one after the other, each of `number` classes only."""
    rng, picked = np.random.default_rng(0), []
    for batch in range(batches):
        chosen = (np.arange(number) + batch) % data.classes  # in turn, so that all are seen equally often
        pool = np.flatnonzero(np.isin(data.y_train, chosen))
        picked.append(rng.choice(pool, batch_size, replace=len(pool) < batch_size))
    picked = np.concatenate(picked)
    return data._replace(x_train=data.x_train[picked], y_train=data.y_train[picked])


def shared_nuisance(
    data, seeds=5, norms=("none", "batch"), batch_size=32, steps=300, tuning_seeds=3,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Training images come in sessions, each with a contrast and a brightness of its own; what if a batch is a session?

        x <- contrast * x + brightness        contrast log-uniform from 1/3 to 3, brightness uniform within 0.5

    The same images are trained on in two ways: each batch a session, and shuffled, so that a batch has all kinds. The
    test images come in such sessions as well, new ones. Every arm has its best rate for evaluation mode.

    data        data.Data
    seeds       runs per arm, 2 or more
    norms       normalizations of the fully connected net
    batch_size  images in a session, in training and in test
    steps, tuning_seeds   of the training, see `tuned`; there are as many sessions as steps
    Returns a dict: experiment, versions, seeds, batch_size, steps, arms: what `tuned` returns for each norm, with
    together (bool: each batch is a session) and in_training_mode (test accuracy by the statistics of each test
    session, one per seed).
    """
    rng = np.random.default_rng(0)
    x, y = _sessions(data.x_train, data.y_train, batch_size, steps, rng)
    x_val, y_val = _sessions(data.x_val, data.y_val, batch_size, -(-len(data.x_val) // batch_size), rng)
    x_test, y_test = _sessions(data.x_test, data.y_test, batch_size, -(-len(data.x_test) // batch_size), rng)
    sessions = type(data)(x, y, x_val, y_val, x_test, y_test)
    arms = []
    for together in (True, False):
        bases = [replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=together) for norm in norms]
        for base, arm in zip(bases, tuned(bases, sessions, seeds, tuning_seeds, device, progress, keep), strict=True):
            again = [replace(base, lr=arm["lr"], every=steps, seed=seed) for seed in range(seeds)]
            found = run_all(again, sessions, device, watch=_in_training_mode(sessions, device))
            own = [run["watched"]["accuracy"][-1] for run in found]
            arms.append({"together": together, **arm, "in_training_mode": own})
    return {
        "experiment": "shared_nuisance",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "steps": steps,
        "arms": arms,
    }


def _sessions(x, y, size, number, rng):
    """`number` sessions of `size` images each, drawn anew for each: x, y."""
    picked = np.concatenate([rng.choice(len(x), size, replace=len(x) < size) for _ in range(number)])
    contrast = 3 ** rng.uniform(-1, 1, number).repeat(size)[:, None, None, None]
    brightness = rng.uniform(-0.5, 0.5, number).repeat(size)[:, None, None, None]
    return contrast * x[picked] + brightness, y[picked]


def _in_training_mode(sessions, device):
    """A watch function: test accuracy by the statistics of each session, after the last step."""
    *_, x_test, y_test = tensors(sessions, device)

    @torch.no_grad()
    def watch(moment):
        if moment.x is not None:
            return None
        size = moment.settings[0].batch_size
        net = copy.deepcopy(moment.net).train()
        logits = torch.cat([net(part) for part in x_test.split(size)], 1)
        return {"accuracy": (logits.argmax(2) == y_test).double().mean(1)}

    return watch
