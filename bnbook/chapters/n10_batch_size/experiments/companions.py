"""Batches whose images have something in common: a class, or a session."""

import copy
from dataclasses import replace

import numpy as np
import torch

from bnbook.lab.engine import tensors
from bnbook.lab.results import check_seeds, versions

from .rates import MLP, at_best_rates, joined


def one_class(
    data, seeds=20, classes=(1, 2, 5, 10), norms=("none", "layer", "batch", "renorm"), batch_size=32, steps=400,
    best=None, device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Test accuracy after training with few classes in each batch, each arm at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    classes     how many classes are in a batch: 2 are 0 and 1, then 1 and 2, and so on; the test images are all
    norms       normalizations of the fully connected net
    batch_size, steps   of the training
    best        rates chosen before, as returned: only these arms are trained
    Returns a dict: experiment, versions, seeds, batch_size, steps, guessing, and table, tuning, best as `at_best_rates`
    returns them, with a column classes.
    """
    check_seeds(seeds)
    parts, how = [], {"device": device, "progress": progress, "keep": keep}
    for number in classes:
        dealt = by_classes(data, number, batch_size, steps)
        bases = {norm: replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=True) for norm in norms}
        twins = ("none", "batch", "renorm") if number == 1 else ()  # the notebook makes these again
        label = {"classes": number}
        parts.append(at_best_rates(label, bases, dealt, seeds, best, twins, **how))
    return {
        "experiment": "one_class",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "steps": steps,
        "guessing": 1 / data.classes,
        **joined(parts),
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
    data, seeds=20, norms=("none", "batch"), batch_size=32, steps=300, best=None,
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
    steps       of training; there are as many sessions
    best        rates chosen before, as returned: only these arms are trained
    Returns a dict: experiment, versions, seeds, batch_size, steps, and table, tuning, best as `at_best_rates` returns
    them, with a column together (each batch is a session) and two measures: test_accuracy, in evaluation mode, and
    session_accuracy, in training mode, by the statistics of each test session.
    """
    check_seeds(seeds)
    rng = np.random.default_rng(0)
    x, y = _sessions(data.x_train, data.y_train, batch_size, steps, rng)
    x_val, y_val = _sessions(data.x_val, data.y_val, batch_size, -(-len(data.x_val) // batch_size), rng)
    x_test, y_test = _sessions(data.x_test, data.y_test, batch_size, -(-len(data.x_test) // batch_size), rng)
    sessions = type(data)(x, y, x_val, y_val, x_test, y_test)
    parts, how = [], {"device": device, "progress": progress, "keep": keep}
    for together in (True, False):
        bases = {norm: replace(MLP, norm=norm, batch_size=batch_size, steps=steps, together=together) for norm in norms}
        label, twins = {"together": together}, norms if together else ()  # the notebook makes these again
        parts.append(
            at_best_rates(label, bases, sessions, seeds, best, twins, _in_training_mode(sessions, device), **how)
        )
    return {
        "experiment": "shared_nuisance",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "steps": steps,
        **joined(parts),
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
        return {"session_accuracy": (logits.argmax(2) == y_test).double().mean(1)}

    return watch
