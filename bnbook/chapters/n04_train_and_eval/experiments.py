"""The experiments of notebook 04."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import update_bn
from tqdm.auto import tqdm

from bnbook import train
from bnbook.lab.engine import build, tensors
from bnbook.lab.results import check_seeds, compare, grid, holm, interval, versions
from bnbook.lab.shared import SMALL, trained_mlp


def companions(data, seeds=5, images=100, size=31, device="cpu", progress=False):
    """One image in a batch with images of a single class: which label does a net in training mode give it?

    data    data.Data
    seeds   nets, with different weights and batch orders
    images  test images to try
    size    companions, which are training images; each class has one set of them
    Returns a dict: experiment, versions, size, truth (per test image), labels (per seed and test image: the label with
    companions of each class), evaluated (per seed and test image: the label in evaluation mode), shown (of the first
    net, and of the images right in evaluation mode and sometimes in training mode, the one with the most different
    labels: image, two companions of each class, labels, evaluated, truth).
    """
    x_train, y_train, *_ = tensors(data, device)
    groups = [x_train[y_train == c][:size] for c in range(data.classes)]
    labels, evaluated = [], []
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x_test, _ = trained_mlp(data, replace(SMALL, seed=seed), device)
        evaluated.append(_labels(net.eval(), [x_test[:images]]).tolist())
        batches = [[torch.cat([x[None], group]) for x in x_test[:images]] for group in groups]
        first = [_labels_in_training_mode(net, group)[:: size + 1] for group in batches]
        labels.append(torch.stack(first, 1).tolist())
    truth = data.y_test[:images].tolist()
    kinds = [len(set(row)) * (e == t in row) for row, e, t in zip(labels[0], evaluated[0], truth, strict=True)]
    best = int(np.argmax(kinds))
    shown = {
        "image": data.x_test[best, 0].tolist(),
        "labels": labels[0][best],
        "evaluated": evaluated[0][best],
        "truth": truth[best],
        "companions": [data.x_train[data.y_train == c][:2, 0].tolist() for c in range(data.classes)],
    }
    return {
        "experiment": "companions",
        "versions": versions(),
        "size": size,
        "truth": truth,
        "labels": labels,
        "evaluated": evaluated,
        "shown": shown,
    }


def forgotten_eval(data, seeds=5, sizes=(2, 4, 10, 20, 50, 100, 250, 500), device="cpu", progress=False):
    """Test accuracy of a net that was left in training mode, by batch size, for shuffled and for class-sorted data.

    data   data.Data
    seeds  runs, 2 or more
    sizes  test batch sizes; what fills no batch is left out, so choose divisors of the number of test images
    Returns a dict: experiment, versions, sizes, evaluated (accuracy in evaluation mode, one per seed), shuffled,
    by_class (accuracies in training mode, one list per size, one number per seed), interval (of the mean of
    `evaluated`).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    sizes = [size for size in sizes if size <= len(data.y_test)]
    evaluated, shuffled, by_class = [], [[] for _ in sizes], [[] for _ in sizes]
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x, y = trained_mlp(data, replace(SMALL, seed=seed), device)
        evaluated.append(train.evaluate(net, x, y)[1])
        orders = torch.as_tensor(np.random.default_rng(seed).permutation(len(y))), torch.argsort(y, stable=True)
        for size, *found in zip(sizes, shuffled, by_class, strict=True):
            for order, accuracies in zip(orders, found, strict=True):
                order = order[: len(y) // size * size].to(y.device)
                labels = _labels_in_training_mode(net, x[order].split(size))
                accuracies.append((labels == y[order]).double().mean().item())
    return {
        "experiment": "forgotten_eval",
        "versions": versions(),
        "sizes": list(sizes),
        "evaluated": evaluated,
        "shuffled": shuffled,
        "by_class": by_class,
        "interval": list(interval(evaluated)),
    }


def two_domains(data, seeds=3, contrast=0.2, brightness=5.0, steps=100, device="cpu", progress=False):
    """One net, and so one layer, for images of two cameras: each training step takes a batch of either.

    The second camera's images are contrast * x + brightness, in units of the standard deviation of all pixels.

    data   data.Data
    seeds  runs
    steps  of training; the loss is the sum of the two batches' losses
    Returns a dict: experiment, versions, training, evaluation, own (test accuracies, per camera one number per seed: in
    training mode, the test images of that camera as one batch; in evaluation mode; in evaluation mode after a pass
    over the training images of that camera alone).
    """
    x_train, y_train, x_test, y_test = tensors(data, device)
    cameras, found = (lambda x: x, lambda x: contrast * x + brightness), {"training": [[], []]}
    found |= {key: [[], []] for key in ("evaluation", "own")}
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net = build(replace(SMALL, seed=seed), data).to(device)
        optimizer = torch.optim.SGD(net.parameters(), lr=SMALL.lr)
        for batch in torch.from_numpy(train.batch_order(len(x_train), SMALL.batch_size, steps, seed)).to(device):
            losses = [F.cross_entropy(net(camera(x_train[batch])), y_train[batch]) for camera in cameras]
            optimizer.zero_grad()
            sum(losses).backward()
            optimizer.step()
        for position, camera in enumerate(cameras):
            own = copy.deepcopy(net)
            update_bn(camera(x_train).split(100), own)
            labels = _labels_in_training_mode(net, [camera(x_test)])
            found["training"][position].append((labels == y_test).double().mean().item())
            for key, tested in (("evaluation", copy.deepcopy(net)), ("own", own)):
                found[key][position].append(train.evaluate(tested, camera(x_test), y_test)[1])
    return {"experiment": "two_domains", "versions": versions(), **found}


def train_eval_gap(data, seeds=20, steps=(1, 2, 5, 10, 20, 35, 50, 75, 100), device="cpu", progress=False):
    """How far evaluation mode is from training mode during a training, for several ways to keep running statistics.

        gap = |logits in evaluation mode - logits in training mode| / |logits in training mode|

    The test images are one batch of 500 in training mode. In training mode no output depends on the running statistics,
    so all ways are followed along one and the same training.

    data   data.Data
    seeds  runs, 2 or more: other weights and other batches, on one split of the images
    steps  when to look
    Returns a dict: experiment, versions, seeds, step, table (see `lab.results`; arm: 'training mode', whose gap is 0,
    and the ways to keep running statistics; measured are gap and test_accuracy).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    runs = [
        _gaps(data, replace(SMALL, seed=seed, steps=max(steps)), steps, device)
        for seed in tqdm(range(seeds), unit="run", disable=None if progress else True)
    ]
    rows = [
        {"arm": name, "seed": seed, "step": step, "measure": measure, "value": value}
        for seed, run in enumerate(runs)
        for name, arm in run.items()
        for measure, values in arm.items()
        for step, value in zip(steps, values, strict=True)
    ]
    return {
        "experiment": "train_eval_gap",
        "versions": versions(),
        "seeds": seeds,
        "step": list(steps),
        "table": pd.DataFrame(rows),
    }


def recalibrating(table, steps, margin=1.0):
    """What recalibration after some of the steps does to the accuracy, against each way to keep running statistics.

    table   of `train_eval_gap`
    margin  points of test accuracy: less counts as no difference
    Returns a DataFrame, a row for each way and step, see `results.compare` and `results.holm`.
    """
    kinds = grid(against=[name for name in table["arm"].unique() if name.startswith("momentum")], step=steps)
    rows = [compare(table, "recalibrated", each["against"], "test_accuracy", each["step"], margin) for each in kinds]
    return holm([{**row, "step": each["step"]} for row, each in zip(rows, kinds, strict=True)])


def _gaps(data, setting, steps, device):
    """One run of `train_eval_gap`: name of the arm: gap and test_accuracy at each of the steps."""
    x_train, _, x_test, y_test = tensors(data, device)
    history, found = [], {}

    def watch(net, step):
        layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm1d)]
        if step == 0:
            for layer in layers:
                layer.momentum = 1.0  # the buffers then hold the last batch's mean and unbiased variance, nothing else
            return
        history.append(torch.cat([torch.stack([layer.running_mean, layer.running_var]) for layer in layers], 1))
        if step not in steps:
            return
        with torch.no_grad():
            by_batch = copy.deepcopy(net)(x_test)
        arms = {"training mode": by_batch}
        for name, statistics in _averages(torch.stack(history)).items():
            for layer, part in zip(layers, statistics.split(setting.width, 1), strict=True):
                layer.running_mean, layer.running_var = part.clone()
            arms[name] = _logits(net, x_test)
        update_bn(x_train.split(100), net)
        arms["recalibrated"] = _logits(net, x_test)
        for name, logits in arms.items():
            arm = found.setdefault(name, {"gap": [], "test_accuracy": []})
            arm["gap"].append(((logits - by_batch).norm() / by_batch.norm()).item())
            arm["test_accuracy"].append((logits.argmax(1) == y_test).double().mean().item())

    trained_mlp(data, setting, device, watch)
    return found


def _averages(history):
    """Running statistics after the batches of history (batches, 2, features), means first, then variances."""
    start = torch.zeros_like(history[0])
    start[1] = 1
    averages = {"momentum=None": history.mean(0)}
    for momentum in (0.1, 0.01):
        running = start
        for batch in history:
            running = (1 - momentum) * running + momentum * batch
        left = (1 - momentum) ** len(history)
        averages[f"momentum={momentum:g}"] = running
        averages[f"momentum={momentum:g}, corrected"] = (running - left * start) / (1 - left)
    return averages


def biased_variance(data, seeds=5, batch_size=8, steps=150, margin=1.0, device="cpu", progress=False):
    """Does it matter for the accuracy whether the running variance is the unbiased one?

    data        data.Data
    seeds       runs, 2 or more: other weights and other batches, on one split of the images
    batch_size  small, so that (m - 1) / m is far from 1; not 4, where rounding errors grow to another net in 300 steps
    steps       of training
    margin      points of test accuracy: less counts as no difference
    Returns a dict: experiment, versions, batch_size, seeds, table (see `lab.results`; arm 'unbiased' or 'biased'),
    difference (biased against unbiased, see `results.compare`).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    rows = []
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x, y = trained_mlp(data, replace(SMALL, lr=0.1, batch_size=batch_size, steps=steps, seed=seed), device)
        for arm, factor in (("unbiased", 1.0), ("biased", (batch_size - 1) / batch_size)):
            for layer in net.modules():
                if isinstance(layer, torch.nn.BatchNorm1d):
                    layer.running_var *= factor  # after 150 steps nothing is left of the start
            rows.append({"arm": arm, "seed": seed, "value": train.evaluate(net, x, y)[1]})
    table = pd.DataFrame(rows).assign(step=steps, measure="test_accuracy")
    return {
        "experiment": "biased_variance",
        "versions": versions(),
        "batch_size": batch_size,
        "seeds": seeds,
        "table": table,
        "difference": compare(table, "biased", "unbiased", "test_accuracy", margin=margin),
    }


@torch.no_grad()
def _logits(net, x):
    return net.eval()(x)


@torch.no_grad()
def _labels(net, batches):
    return torch.cat([net(batch).argmax(1) for batch in batches])


def _labels_in_training_mode(net, batches):
    """The labels that a net left in training mode gives; a copy runs, because its running statistics move."""
    return _labels(copy.deepcopy(net).train(), batches)
