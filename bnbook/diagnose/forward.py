"""How a model is found inside its wrappers, fed with a batch, and its output read."""

import contextlib
import itertools

import torch
from torch import nn

WRAPPERS = {"DistributedDataParallel", "DataParallel", "AveragedModel", "FullyShardedDataParallel", "DeepSpeedEngine"}


def unwrap(model):
    """The module inside `torch.compile`, DDP and AveragedModel: (module, prefix of its names, the wrappers)."""
    prefix, wrappers = "", []
    while True:
        name = type(model).__name__
        if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            step = "_orig_mod"
        elif name in WRAPPERS or name.startswith("ModelEma"):
            step, inner = "module", model.module
        else:
            return model, prefix, tuple(wrappers)
        model, prefix = inner, prefix + step + "."
        wrappers.append(name)


def device_of(model, device=None):
    """The device asked for, else that of the model's first tensor."""
    first = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device(device) if device is not None else torch.device("cpu") if first is None else first.device


def take(loader, batches, device):
    """The first `batches` batches, on the device. The loader is read no further."""
    with contextlib.closing(_Reader(loader)) as reader:
        return [to_device(batch, device) for batch in itertools.islice(reader, batches)]


class _Reader:
    """Iterates over a loader; closing it stops a DataLoader's workers now and not when memory is next collected."""

    def __init__(self, loader):
        self.keep = getattr(loader, "persistent_workers", False)
        self.iterator = iter(loader)

    def __iter__(self):
        return self.iterator

    def close(self):
        if hasattr(self.iterator, "_shutdown_workers") and not self.keep:
            self.iterator._shutdown_workers()


def to_device(batch, device):
    """Every tensor of a batch (nested tuples, lists, dicts) on the device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return tuple(to_device(value, device) for value in batch)
    return batch


def tensors(tree):
    """Every tensor in nested tuples, lists and dicts (a transformers ModelOutput is a dict)."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, tuple | list) else ()
    return [tensor for item in items for tensor in tensors(item)]


def inputs(batch):
    """What of a batch goes into the model: the tensor, the first of a tuple, the dict."""
    return batch[0] if isinstance(batch, tuple | list) else batch


def size(batch):
    """Examples in a batch: the length of its first tensor."""
    return next((len(tensor) for tensor in tensors(inputs(batch)) if tensor.ndim), 1)


def call(model, batch, forward=None):
    """The model's output for a batch, as the user calls it."""
    if forward is not None:
        return forward(model, batch)
    x = inputs(batch)
    return model(**x) if isinstance(x, dict) else model(*x) if isinstance(x, tuple | list) else model(x)


def target(batch):
    """What a loss compares the output with: the second of a tuple, the dict itself, None for a lone tensor."""
    if isinstance(batch, tuple | list):
        return batch[1] if len(batch) > 1 else None
    return batch if isinstance(batch, dict) else None


def objective(output, batch, loss, projections):
    """What is differentiated: the user's loss, or a random projection of the output. None where nothing can be."""
    if loss is not None:
        value = loss(output, target(batch))
    else:
        floats = [t for t in tensors(output) if t.is_floating_point() and t.requires_grad]
        value = sum((t * torch.randn(t.shape, generator=projections).to(t)).sum() for t in floats) if floats else None
    usable = isinstance(value, torch.Tensor) and value.requires_grad
    return value.sum() if usable else None


def rows(output, examples):
    """The output as one row of float32 per example (examples, K); None where there is no such tensor."""
    parts = [t for t in tensors(output) if t.ndim and len(t) == examples and _real(t)]
    return torch.cat([t.detach().float().reshape(examples, -1) for t in parts], 1) if parts else None


def _real(tensor):
    return tensor.is_floating_point()


def predictions(output):
    """The class predicted for every example (and pixel): the largest along axis 1; None where there are no classes."""
    first = next((t for t in tensors(output) if t.ndim >= 2 and t.shape[1] > 1 and _real(t)), None)
    return None if first is None else first.detach().argmax(1)


def joined(one, other, half, n):
    """The first half of one batch and the second half of another, in the nesting of the first."""
    if isinstance(one, torch.Tensor):
        return torch.cat([one[:half], other[half:n]]) if one.ndim and one.shape == other.shape else one
    if isinstance(one, dict):
        return {key: joined(one[key], other[key], half, n) for key in one}
    if isinstance(one, tuple | list):
        return tuple(joined(a, b, half, n) for a, b in zip(one, other, strict=True))
    return one
