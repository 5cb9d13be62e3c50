"""The experiments of notebook 05."""

import numpy as np
import torch

from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import check_seeds, interval, versions
from bnbook.lab.shared import shared_statistic as shared_statistic


def sample_size(data, seeds=5, sizes=(2, 4, 8, 16, 32, 64, 128, 256), draws=400):
    """How far the mean of a batch is from the mean of all images, on feature maps of the first convolution.

    data   data.Data; the training images are used
    seeds  networks, each with batches of its own; 2 or more
    sizes  batch sizes N
    draws  batches per size, drawn with replacement
    Returns a dict: experiment, versions, sizes, pixels (H * W), errors (one list over the sizes per network: root mean
    square over batches and channels, in standard deviations of the channel), slopes (of log error against log N, one
    per network), slope (their mean), slope_interval, worth (per network: how many independent pixels would give the
    error that one image gives), channels (of all networks: worth of each by itself, and sum of its filter's weights).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    x = tensors(data, "cpu")[0]
    errors, worth, channels = [], [], {"worth": [], "sum": []}
    for seed in range(seeds):
        with torch.no_grad():
            conv = build(Setting(seed=seed), data).conv1
            maps = conv(x).numpy()
        # A mean over N, H and W is the mean over N of the images' means, so these are all that is needed.
        image_means = (maps.mean((2, 3)) - maps.mean((0, 2, 3))) / maps.std((0, 2, 3))
        rng = np.random.default_rng(seed)
        batches = [image_means[rng.integers(0, len(x), (draws, N))].mean(1) for N in sizes]
        errors.append([float(np.sqrt(np.mean(means**2))) for means in batches])
        worth.append(float(1 / np.mean(image_means**2)))
        channels["worth"] += (1 / np.mean(image_means**2, axis=0)).tolist()
        channels["sum"] += conv.weight.detach().sum((1, 2, 3)).tolist()
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
        "channels": channels,
    }
