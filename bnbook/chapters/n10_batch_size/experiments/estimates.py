"""How wrong the mean and the variance of a batch are."""

from dataclasses import replace

import numpy as np
import torch

from bnbook import train
from bnbook.lab.engine import build, tensors
from bnbook.lab.results import versions

from .rates import NETS


def outputs_by_batch(data, sizes=(2, 4, 8, 32, 256), images=400, seed=0):
    """What BatchNorm makes of the same numbers, the ink of each image, in shuffled batches of several sizes.

    data    data.Data; ink is the sum of an image's pixels
    sizes   images in a batch
    images  training images to take, cut to a multiple of each size
    seed    of the shuffles
    Returns a dict: experiment, versions, sizes, x and x_hat (one list per size: ink in standard deviations from the
    mean of all images, and what the batch makes of it), explained (one per size: share of the variance of x_hat that
    follows from x by a straight line, the squared correlation).
    """
    ink = data.x_train.sum((1, 2, 3))
    ink, rng = (ink - ink.mean()) / ink.std(), np.random.default_rng(seed)
    sizes = [size for size in sizes if size <= len(ink)]
    found = {"x": [], "x_hat": [], "explained": []}
    for size in sizes:
        number = max(min(images, len(ink)) // size, 1)
        batches = ink[rng.permutation(len(ink))[: number * size]].reshape(number, size)
        deviation = batches - batches.mean(1, keepdims=True)
        x_hat = deviation / np.sqrt(np.mean(deviation**2, 1, keepdims=True) + 1e-5)
        found["x"].append(batches.ravel().tolist())
        found["x_hat"].append(x_hat.ravel().tolist())
        found["explained"].append(float(np.corrcoef(batches.ravel(), x_hat.ravel())[0, 1] ** 2))
    return {"experiment": "outputs_by_batch", "versions": versions(), "sizes": list(sizes), **found}


def statistics_error(data, sizes=(2, 4, 8, 16, 32, 64, 128, 256), draws=400, seed=0, device="cpu"):
    """How far the mean and the variance of a batch are from those of all training images, by batch size.

    Measured on what the second normalization of a trained net gets, over all its channels. Batches are drawn with
    replacement, so that theory holds for them.

    data   data.Data
    sizes  N, images in a batch
    draws  batches per size
    seed   of the batches, the weights and the training
    Returns a dict: experiment, versions, sizes, layers ('mlp', one value per image and channel, and 'cnn', H * W), each
    with positions (values per image and channel), mean and var (one per size: root mean square over draws and channels
    of the error, of the mean in standard deviations, of the variance as a share of it), mean_theory (1 / sqrt(m), m =
    N * positions), var_theory (for m independent values with the kurtosis found), slope (of log error of the mean over
    log N), worth (how many independent values the positions of one image are worth: error^2 = 1 / (N * worth)), share
    (of the variance, what belongs to the position: the variance of the positions' means over all images).
    """
    x_train, y_train, *_ = tensors(data, device)
    rng, layers = np.random.default_rng(seed), {}
    for kind in ("mlp", "cnn"):
        setting = replace(NETS[kind], lr=0.2, steps=100, seed=seed)
        net = build(setting, data).to(device)
        train.fit(net, x_train, y_train, setting.lr, setting.batch_size, setting.steps, seed)
        z = _before(net.eval(), "norm2", x_train).cpu().numpy()
        z = z.reshape(*z.shape[:2], -1)  # (N, C, positions)
        layers[kind] = _errors(z[:, z.std((0, 2)) > 0], sizes, draws, rng)
    return {"experiment": "statistics_error", "versions": versions(), "sizes": list(sizes), "layers": layers}


@torch.no_grad()
def _before(net, name, x):
    """What the layer called name gets."""
    for child, layer in net.named_children():
        if child == name:
            return x
        x = layer(x)


def _errors(z, sizes, draws, rng):
    """One entry of `layers`, see `statistics_error`; z (N, C, positions)."""
    positions, mean, var = z.shape[2], z.mean((0, 2)), z.var((0, 2))
    kurtosis = np.mean((z - mean[:, None]) ** 4, (0, 2)) / var**2
    # Sums over positions and images are all that the statistics of a batch need.
    first, second = z.mean(2), (z**2).mean(2)
    found = {"positions": positions, "mean": [], "var": [], "mean_theory": [], "var_theory": []}
    for size in sizes:
        picked = rng.integers(len(z), size=(draws, size))
        means = first[picked].mean(1)
        variances = second[picked].mean(1) - means**2
        m = size * positions
        found["mean"].append(_rms((means - mean) / np.sqrt(var)))
        found["var"].append(_rms(variances / var - 1))
        found["mean_theory"].append(float(m**-0.5))
        # of the biased variance: bias 1/m, and variance of a sample variance
        found["var_theory"].append(_rms(np.sqrt((kurtosis - (m - 3) / (m - 1)) / m * ((m - 1) / m) ** 2 + 1 / m**2)))
    slope = np.polyfit(np.log(sizes), np.log(found["mean"]), 1)[0]
    worth = np.mean([1 / (n * error**2) for n, error in zip(sizes, found["mean"], strict=True)])
    share = np.mean(z.mean(0).var(1) / var)
    return {**found, "slope": float(slope), "worth": float(worth), "share": float(share)}


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
