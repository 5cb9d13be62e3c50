"""What the experiments of two notebooks need: a trained net, a look inside, one statistic for all channels."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from bnbook import nets, train

from .images import tensors
from .results import check_seeds, compare, holm, interval, versions
from .setting import Setting, build

SMALL = Setting(net="mlp", width=64, lr=0.5, batch_size=32, steps=100)  # reaches 97 % of the test images


def trained_mlp(data, setting=SMALL, device="cpu", watch=None):
    """A small fully connected net with BatchNorm, trained on the digits; what notebook 04 looks at.

    data     data.Data
    setting  Setting
    watch    called as watch(net, step), see `train.fit`
    Returns net (left in training mode), x_test, y_test (tensors, scaled as for training).
    """
    x_train, y_train, x_test, y_test = tensors(data, device)
    net = build(setting, data).to(device)
    train.fit(net, x_train, y_train, setting.lr, setting.batch_size, setting.steps, setting.seed, watch)
    return net, x_test, y_test


def inside(net, x):
    """Logits, and what each activation layer of net gets (z) and gives (h): two lists of (N, C), first layer first."""
    z, h = [], []
    for name, layer in net.named_children():
        before, x = x, layer(x)
        if name.rstrip("0123456789") in nets.ACTIVATIONS:
            z.append(before)
            h.append(x)
    return x, z, h


def shared_statistic(data, seeds=8, spreads=(0.0, 3.0), lr=0.5, steps=120):
    """BatchNorm with statistics per channel against one mean and variance for all channels together.

    Before training every filter is multiplied by its own exp(spread * normal number): 0 leaves them alike, as good
    initializations do; with 3 two thirds lie between 1/20 and 20. The rate 0.5 was the best of 0.2, 0.5, 1 and 2 in
    three of the four arms, and within half a point of the best in the fourth (on the test images: slightly flattering
    to all).

    data     data.Data
    seeds    runs per arm, 2 or more; arms of equal seed share weights and batches
    spreads  of the logarithm of the filters' scales
    Returns a dict: experiment, versions, lr, steps, arms (per spread and norm, 'batch' or 'shared': sd, the standard
    deviation of every channel of every run after the first normalization, before training; accuracy on the test
    images, its mean and interval), differences (per spread: 'batch' against 'shared', see `results.compare` and
    `results.holm`, in points). The split is fixed: intervals are over weights, filters' scales and batches.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    kinds = [(spread, norm) for spread in spreads for norm in ("batch", "shared")]
    arms = [_arm_of_shared_statistic(data, norm, spread, seeds, lr, steps) for spread, norm in kinds]
    rows = [
        {"spread": arm["spread"], "arm": arm["norm"], "seed": seed, "value": value}
        for arm in arms
        for seed, value in enumerate(arm["accuracy"])
    ]
    found = pd.DataFrame(rows).assign(step=steps, measure="test_accuracy")
    compared = [compare(found[found["spread"] == each], "batch", "shared", "test_accuracy") for each in spreads]
    return {
        "experiment": "shared_statistic",
        "versions": versions(),
        "lr": lr,
        "steps": steps,
        "arms": arms,
        "differences": holm(compared).assign(spread=spreads).to_dict("records"),
    }


def _arm_of_shared_statistic(data, norm, spread, seeds, lr, steps):
    x, y, x_test, y_test = tensors(data, "cpu")
    sd, accuracy = [], []
    for seed in range(seeds):
        net = _with_unequal_filters(norm, spread, seed, data)
        with torch.no_grad():
            sd += net[:2](x).std((0, 2, 3), correction=0).tolist()
        net = _with_unequal_filters(norm, spread, seed, data)  # that pass has moved the running statistics
        train.fit(net, x, y, lr, 64, steps, seed)
        accuracy.append(train.evaluate(net, x_test, y_test)[1])
    means = {"mean": float(np.mean(accuracy)), "interval": list(interval(accuracy))}
    return {"spread": spread, "norm": norm, "sd": sd, "accuracy": accuracy, **means}


class _SharedStatistic(nn.Module):
    """What 'normalize over all the pixels in a batch' says when taken literally; gamma and beta stay per channel."""

    def __init__(self, num_features):
        super().__init__()
        self.norm = nn.BatchNorm1d(1, affine=False, dtype=torch.float64)
        self.gamma = nn.Parameter(torch.ones(num_features, 1, 1, dtype=torch.float64))
        self.beta = nn.Parameter(torch.zeros(num_features, 1, 1, dtype=torch.float64))

    def forward(self, x):
        return self.gamma * self.norm(x.flatten(1)[:, None]).reshape(x.shape) + self.beta


def _with_unequal_filters(norm, spread, seed, data):
    net, rng = build(Setting(seed=seed), data), np.random.default_rng(seed)
    for i in (1, 2, 3):
        weight = net.get_submodule(f"conv{i}").weight
        scales = np.exp(spread * rng.normal(size=len(weight)))
        weight.data *= torch.from_numpy(scales).reshape(-1, 1, 1, 1)
        if norm == "shared":
            setattr(net, f"norm{i}", _SharedStatistic(len(weight)))
    return net
