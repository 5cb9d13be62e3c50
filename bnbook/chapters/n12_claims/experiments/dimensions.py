"""Does it reduce dimensions, remove correlations, or make outputs Gaussian? What it does to a cloud of features."""

import numpy as np
import torch
from scipy.stats import kstest

from bnbook import train
from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import check_seeds, interval, versions

from ..functions import effective_rank

DEPTHS = (1, 10, 30, 60)


def dimensions(data, device="cpu", seeds=8, depths=DEPTHS):
    """Rank, effective rank, correlations and shape of the features before and after BatchNorm.

    data    data.Data
    seeds   trained CNNs, and random deep nets per arm, 2 or more
    depths  layers of a random net of 64 ReLU units per layer at which its effective rank is measured
    Returns a dict: experiment, versions, seeds; layers (one per normalization of the CNN: channels, and one number per
    seed, before and after it, for rank and effective rank; the largest change of a correlation; correlation, the mean
    size of one between two channels, and correlation_before; rebuilt, the largest error of the input rebuilt from the
    output, in sd; normality, the Kolmogorov-Smirnov distance of the median channel from a normal distribution, and
    reference, that of as many normal numbers); freedom (m to the rank of dy/dx of one channel in a batch of m); depths,
    deep (per norm: effective rank at each depth, a list per seed); pca (rank and rebuilt of a projection on 3 axes, the
    control); changes (name to mean and interval: effective_rank, in the last normalization, and deep, BatchNorm minus
    none in the deepest layer).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    x, y, x_test, _ = tensors(data, device)
    per_seed = []
    for seed in range(seeds):
        net = build(Setting(seed=seed), data).to(device)
        train.fit(net, x, y, 0.2, min(64, len(x)), 120, seed)
        per_seed.append(_each_norm(net.eval(), x_test))
    layers = [{key: [layer[key] for layer in some] for key in some[0]} for some in zip(*per_seed, strict=True)]
    deep = {
        norm: [_deep(norm, seed, data, x_test, depths) for seed in range(seeds)] for norm in ("none", "layer", "batch")
    }
    last, deepest = layers[-1], np.subtract(deep["batch"], deep["none"])[:, -1]
    gain = np.subtract(last["effective_after"], last["effective_before"])
    changes = {"effective_rank": gain, "deep": deepest}
    return {
        "experiment": "dimensions",
        "versions": versions(),
        "seeds": seeds,
        "layers": layers,
        "freedom": {str(m): degrees_of_freedom(m) for m in (2, 4, 8, 16)},
        "depths": list(depths),
        "deep": deep,
        "pca": _projection(last["channels"][0]),
        "changes": {k: {"mean": float(np.mean(v)), "interval": list(interval(v))} for k, v in changes.items()},
    }


@torch.no_grad()
def _each_norm(net, x):
    """What each normalization of a net in evaluation mode does to the test images: a list of dicts."""
    found = []
    for name, layer in net.named_children():
        before, x = x, layer(x)
        if name.startswith("norm"):
            found.append(_compared(_rows(before), _rows(x)))
    return found


def _rows(x):
    """(N, C, H, W) as a table (N * H * W, C)."""
    return x.movedim(1, -1).flatten(0, -2).cpu().numpy()


def _compared(before, after):
    between = ~np.eye(before.shape[1], dtype=bool)
    correlations = [np.corrcoef(h.T)[between] for h in (before, after)]
    scale = after.std(0) / before.std(0) * np.sign((before * (after - after.mean(0))).sum(0))
    rebuilt = (after - after.mean(0)) / scale + before.mean(0)
    standardized = (after - after.mean(0)) / after.std(0)
    normal = np.random.default_rng(0).normal(size=len(after))
    return {
        "channels": before.shape[1],
        "rank_before": int(np.linalg.matrix_rank(before - before.mean(0))),
        "rank_after": int(np.linalg.matrix_rank(after - after.mean(0))),
        "effective_before": float(effective_rank(before)),
        "effective_after": float(effective_rank(after)),
        # a negative gamma turns the sign of a correlation, not its size
        "largest_change": float(np.abs(np.abs(correlations[0]) - np.abs(correlations[1])).max()),
        "correlation_before": float(np.abs(correlations[0]).mean()),
        "correlation": float(np.abs(correlations[1]).mean()),
        "rebuilt": float(np.abs((rebuilt - before) / before.std(0)).max()),
        "normality": float(np.median([kstest(channel, "norm").statistic for channel in standardized.T])),
        "reference": float(kstest(normal, "norm").statistic),
    }


def degrees_of_freedom(m, eps=0.0):
    """The rank of dy/dx for one channel in a batch of m values: how many ways the output can move with the input.

    m    values, 2 or more
    eps  as in BatchNorm; with 0 the rank is exactly m - 2
    Returns an int.
    """
    x = torch.from_numpy(np.random.default_rng(m).normal(3, 2, m))

    def normalized(x):
        return (x - x.mean()) / (x.var(correction=0) + eps).sqrt()

    return int(torch.linalg.matrix_rank(torch.autograd.functional.jacobian(normalized, x), atol=1e-9, rtol=0.0))


@torch.no_grad()
def _deep(norm, seed, data, x, depths):
    """Effective rank of what a random net has after each of these depths."""
    net = build(Setting(net="mlp", norm=norm, width=64, depth=max(depths), seed=seed), data).to(x.device)
    found = []
    for name, layer in net.named_children():
        x = layer(x)
        if name in {f"relu{depth}" for depth in depths}:
            found.append(float(effective_rank(x.cpu().numpy())))
    return found


def _projection(channels):
    """The control that does reduce dimensions: normal numbers projected onto their 3 widest directions."""
    h = np.random.default_rng(0).normal(size=(1000, channels)) * np.linspace(1, 2, channels)
    widest = np.linalg.svd(h - h.mean(0), full_matrices=False)[2][:3]
    projected = (h - h.mean(0)) @ widest.T @ widest
    error = np.abs(projected + h.mean(0) - h) / h.std(0)
    return {"rank": int(np.linalg.matrix_rank(projected)), "rebuilt": float(error.max())}
