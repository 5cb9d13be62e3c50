"""What a loader, a loss and the batches themselves show, before they enter the model."""

import torch

from . import forward, moments


def last_batch_of_one(loader):
    """(len(dataset), batch_size) of a loader whose last batch has one example, else None."""
    size, sampler = getattr(loader, "batch_size", None), getattr(loader, "sampler", None)
    try:
        total = len(sampler) if sampler is not None else len(loader.dataset)
    except (TypeError, AttributeError):
        return None
    one = isinstance(size, int) and size > 1 and total > size and total % size == 1
    return (total, size) if one and not getattr(loader, "drop_last", False) else None


def is_regression(loss, y):
    """The loss compares with real numbers: by its name, or because the targets are neither classes nor 0 and 1."""
    if loss is None:
        return False
    name = getattr(loss, "__name__", type(loss).__name__).lower()
    if any(word in name for word in ("mse", "l1", "huber", "gaussiannll", "poissonnll")):
        return True
    real = isinstance(y, torch.Tensor) and y.is_floating_point()
    return real and not any(word in name for word in ("bce", "cross", "kl")) and bool(((y != 0) & (y != 1)).any())


def spread(loader):
    """Evaluation data are often sorted: of a DataLoader's dataset take examples from all over."""
    dataset, size = getattr(loader, "dataset", None), getattr(loader, "batch_size", None)
    shuffled = not isinstance(getattr(loader, "sampler", None), torch.utils.data.SequentialSampler)
    if shuffled or not size or not hasattr(dataset, "__len__"):
        return loader
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0)).tolist()
    return (loader.collate_fn([dataset[i] for i in order[k : k + size]]) for k in range(0, len(order), size))


def eval_shift(train, other):
    """Does the model's input in evaluation lie elsewhere than what batches of training data show?

    Returns (number, threshold, unit, what) or None. The shift of a channel's mean counts beyond a quarter sd, its scale
    beyond a factor of 2, both only beyond what batches of either differ by themselves.
    """
    a, b = (_input_moments(batches) for batches in (train, other))
    if a is None or b is None or len(a.mean) != len(b.mean):
        return None
    live = ~(a.constant & b.constant)
    if not live.any():
        return None
    sd = a.sd[live].clamp_min(float(a.sd.max()) * 1e-3)
    noise = 4 * (a.mean_noise.square() / a.batches + b.mean_noise.square() / b.batches)[live].sqrt()
    gap = ((b.mean - a.mean)[live].abs() - noise).clamp_min(0) / sd
    shift = float(gap.square().mean().sqrt())
    scale = float((0.5 * (b.var[live].sum() / a.var[live].sum()).log()).exp())
    if max(scale, 1 / max(scale, 1e-30)) > 2:
        return (scale, 2.0, "times the sd of the training data", "scaled")
    return (shift, 0.25, "sd of the training data", "shifted") if shift > 0.25 else None


def _input_moments(batches):
    first = [
        next((t for t in forward.tensors(forward.inputs(b)) if t.is_floating_point() and t.ndim > 1), None)
        for b in batches
    ]
    if not first or any(x is None for x in first):
        return None
    return moments.pool([moments.of_batch(x, 1, len(x)) for x in first])
