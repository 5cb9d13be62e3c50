"""The experiments of notebook 05."""

import numpy as np
import torch
from torch import nn

from bnbook import train

from .engine import Setting, build, tensors
from .results import interval, versions


def sample_size(data, seeds=5, sizes=(2, 4, 8, 16, 32, 64, 128, 256), draws=400):
    """How far the mean of a batch is from the mean of all images, on feature maps of the first convolution.

    data   data.Data; the training images are used
    seeds  networks, each with batches of its own; 2 or more
    sizes  batch sizes N
    draws  batches per size, drawn with replacement
    Returns a dict: experiment, versions, sizes, pixels (H * W), errors (one list over the sizes per network: root mean
    square over batches and channels, in standard deviations of the channel), slopes (of log error against log N, one
    per network), slope (their mean), slope_interval, worth (per network: how many independent pixels would give the
    error that one image gives).
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 networks, better 5")
    x = tensors(data, "cpu")[0]
    errors, worth = [], []
    for seed in range(seeds):
        with torch.no_grad():
            maps = build(Setting(seed=seed), data).conv1(x).numpy()
        # A mean over N, H and W is the mean over N of the images' means, so these are all that is needed.
        image_means = (maps.mean((2, 3)) - maps.mean((0, 2, 3))) / maps.std((0, 2, 3))
        rng = np.random.default_rng(seed)
        batches = [image_means[rng.integers(0, len(x), (draws, N))].mean(1) for N in sizes]
        errors.append([float(np.sqrt(np.mean(means**2))) for means in batches])
        worth.append(float(1 / np.mean(image_means**2)))
    slopes = [float(np.polyfit(np.log(sizes), np.log(row), 1)[0]) for row in errors]
    return {
        "experiment": "sample_size",
        "versions": versions(),
        "sizes": list(sizes),
        "pixels": maps.shape[2] * maps.shape[3],
        "errors": errors,
        "slopes": slopes,
        "slope": float(np.mean(slopes)),
        "slope_interval": list(interval(slopes)),
        "worth": worth,
    }


def shared_statistic(data, seeds=5, spreads=(0.0, 3.0), lr=0.5, steps=120):
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
    images, its mean and interval), differences (per spread: 'batch' minus 'shared', paired by seed).
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")
    x, y, x_test, y_test = tensors(data, "cpu")
    arms = []
    for spread in spreads:
        for norm in ("batch", "shared"):
            sd, accuracy = [], []
            for seed in range(seeds):
                net = _with_unequal_filters(norm, spread, seed, data)
                with torch.no_grad():
                    sd += net[:2](x).std((0, 2, 3), correction=0).tolist()
                net = _with_unequal_filters(norm, spread, seed, data)  # that pass has moved the running statistics
                train.fit(net, x, y, lr, 64, steps, seed)
                accuracy.append(train.evaluate(net, x_test, y_test)[1])
            means = {"mean": float(np.mean(accuracy)), "interval": list(interval(accuracy))}
            arms.append({"spread": spread, "norm": norm, "sd": sd, "accuracy": accuracy, **means})
    paired = [np.subtract(a["accuracy"], b["accuracy"]) for a, b in zip(arms[::2], arms[1::2], strict=True)]
    differences = [{"mean": float(np.mean(p)), "interval": list(interval(p))} for p in paired]
    return {
        **{"experiment": "shared_statistic", "versions": versions(), "lr": lr, "steps": steps},
        **{"arms": arms, "differences": differences},
    }


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
