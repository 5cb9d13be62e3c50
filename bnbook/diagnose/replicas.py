"""Do the replicas of a model, or a checkpoint and its model, hold the same running statistics?"""

import torch
from torch import nn

from .forward import unwrap
from .report import Report
from .rules.finding import found

HALF = 0.5  # sd: beyond what one batch of 4 independent values explains


def compare_replicas(models):
    """Do buffers of replicas differ beyond the noise of one batch?

    models   list of at least two nn.Modules or state_dicts
    Returns Report with `replicas-differ` for each layer where they do. By default DDP gives every rank the statistics
    of its own batches, so that ranks differ a little: up to half an sd in the mean, a factor of 1.65 in the sd.
    Raises ValueError for fewer than two, or replicas with other layers or shapes.
    """
    models = list(models)
    if len(models) < 2:
        raise ValueError(f"compare_replicas wants at least two models or state_dicts, got {len(models)}")
    states = [_statistics(model) for model in models]
    if any(state.keys() != states[0].keys() for state in states):
        odd = next(i for i, state in enumerate(states) if state.keys() != states[0].keys())
        raise ValueError(f"replica {odd} has other layers with running statistics than replica 0")
    findings = [_compare(name, [state[name] for state in states]) for name in states[0]]
    return Report([finding for finding in findings if finding is not None], len(states[0]))


def _statistics(model):
    """{layer: (running_mean, running_var)} in float64."""
    if isinstance(model, nn.Module):
        model = unwrap(model)[0].state_dict()
    if not isinstance(model, dict):
        raise ValueError(f"compare_replicas wants models or state_dicts, got {type(model).__name__}")
    names = [key.removesuffix("running_mean") for key in model if key.endswith("running_mean")]
    pairs = {name: (model[name + "running_mean"], model.get(name + "running_var")) for name in names}
    return {
        name.rstrip(".").removeprefix("module."): tuple(t.detach().cpu().double() for t in pair)
        for name, pair in pairs.items()
    }


def _compare(name, pairs):
    if len({tuple(mean.shape) for mean, _ in pairs}) > 1:
        raise ValueError(f"replicas have running_mean of different shapes in {name}")
    means, sds = (
        torch.stack([mean for mean, _ in pairs]),
        torch.stack([var for _, var in pairs]).clamp_min(1e-30).sqrt(),
    )
    shift = (means.amax(0) - means.amin(0)) / sds.mean(0)
    logs = (sds.amax(0) / sds.amin(0)).log()
    size = float((shift.square() + logs.square()).mean().sqrt())
    if size <= HALF:
        return None
    why = f"The running statistics of {len(pairs)} replicas differ by more than their batches' chance. "
    why += "They saw different data (a sampler without set_epoch, one rank's evaluation), or a checkpoint does not "
    why += "belong to its model."
    fix = "model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)  # or broadcast the buffers of rank 0"
    return found(name, "replicas-differ", "warning", size, HALF, "sd between replicas", why, fix)
