"""Does it reduce dimensions, remove correlations, or make outputs Gaussian? What it does to a cloud of features."""

import numpy as np
import torch
from scipy.stats import kstest

from bnbook import train
from bnbook.lab import results
from bnbook.lab.engine import Setting, build, tensors

from ..functions import effective_rank
from .tuning import joined, long

DEPTHS = (1, 10, 30, 60)


def dimensions(data, device="cpu", seeds=8, depths=DEPTHS):
    """Rank, effective rank, correlations and shape of the features before and after BatchNorm.

    data    data.Data
    seeds   trained CNNs, and random deep nets per arm, 2 or more
    depths  layers of a random net of 64 ReLU units per layer at which its effective rank is measured
    Returns a dict: experiment, versions, seeds, depths, channels (of each normalization of the CNN), pca (rank and
    rebuilt of a projection on 3 axes, the control), and table, with the cases
        norm 1, norm 2, ...   the CNN's, arms 'before' and 'after': rank, effective_rank, correlation (mean size of one
                              between two channels), normality (Kolmogorov-Smirnov distance of the median channel from a
                              normal distribution); of 'after' also, against before: moved (how far the mean of a
                              channel is from where it was, in sd, mean of all channels), largest_change (of the size of
                              a correlation), rebuilt (largest error of the input rebuilt from the output, in sd)
        depth 1, ...          untrained nets, arms 'none', 'layer', 'batch': effective_rank
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    x, y, x_test, _ = tensors(data, device)
    parts, channels = [], []
    for seed in range(seeds):
        net = build(Setting(seed=seed), data).to(device)
        train.fit(net, x, y, 0.2, min(64, len(x)), 120, seed)
        channels = [len(layer.weight) for name, layer in net.named_children() if name.startswith("norm")]
        parts.append(_each_norm(net.eval(), x_test, seed))
    for norm in ("none", "layer", "batch"):
        parts += [_deep(norm, seed, data, x_test, depths) for seed in range(seeds)]
    return {
        "experiment": "dimensions",
        "versions": results.versions(),
        "seeds": seeds,
        "depths": list(depths),
        "channels": channels,
        "pca": _projection(channels[0]),
        "table": joined(parts),
    }


@torch.no_grad()
def _each_norm(net, x, seed):
    """What each normalization of a net in evaluation mode does to the test images: a table."""
    labels, found = [], []
    for name, layer in net.named_children():
        before, x = x, layer(x)
        if name.startswith("norm"):
            labels += results.grid(case=[f"norm {name[4:]}"], arm=["before", "after"], seed=[seed])
            found += _compared(_rows(before), _rows(x))
    return long(labels, found, step=120)


def _rows(x):
    """(N, C, H, W) as a table (N * H * W, C)."""
    return x.movedim(1, -1).flatten(0, -2).cpu().numpy()


def _compared(before, after):
    """Two clouds of features (N, C), each as measured alone, the second also against the first: two dicts."""
    between = ~np.eye(before.shape[1], dtype=bool)
    correlations = [np.corrcoef(h.T)[between] for h in (before, after)]
    scale = after.std(0) / before.std(0) * np.sign((before * (after - after.mean(0))).sum(0))
    rebuilt = (after - after.mean(0)) / scale + before.mean(0)
    against = {
        "moved": np.abs((after.mean(0) - before.mean(0)) / before.std(0)).mean(),
        # a negative gamma turns the sign of a correlation, not its size
        "largest_change": np.abs(np.abs(correlations[0]) - np.abs(correlations[1])).max(),
        "rebuilt": np.abs((rebuilt - before) / before.std(0)).max(),
    }
    return [_alone(before, correlations[0]), _alone(after, correlations[1]) | against]


def _alone(h, correlations):
    standardized = (h - h.mean(0)) / h.std(0)
    return {
        "rank": np.linalg.matrix_rank(h - h.mean(0)),
        "effective_rank": effective_rank(h),
        "correlation": np.abs(correlations).mean(),
        "normality": np.median([kstest(channel, "norm").statistic for channel in standardized.T]),
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
    """Effective rank of what a random net has after each of these depths: a table."""
    net = build(Setting(net="mlp", norm=norm, width=64, depth=max(depths), seed=seed), data).to(x.device)
    found = []
    for name, layer in net.named_children():
        x = layer(x)
        if name in {f"relu{depth}" for depth in depths}:
            found.append({"effective_rank": effective_rank(x.cpu().numpy())})
    labels = results.grid(case=[f"depth {depth}" for depth in sorted(depths)], arm=[norm], seed=[seed])
    return long(labels, found)


def _projection(channels):
    """The control that does reduce dimensions: normal numbers projected onto their 3 widest directions."""
    h = np.random.default_rng(0).normal(size=(1000, channels)) * np.linspace(1, 2, channels)
    widest = np.linalg.svd(h - h.mean(0), full_matrices=False)[2][:3]
    projected = (h - h.mean(0)) @ widest.T @ widest
    error = np.abs(projected + h.mean(0) - h) / h.std(0)
    return {"rank": int(np.linalg.matrix_rank(projected)), "rebuilt": float(error.max())}
