"""What `diagnose` touches is put back: parameters, gradients, buffers, modes, hooks, attributes, random state.

Forward passes in training mode move running statistics, power iterations and whatever a layer keeps in an attribute,
and backward passes fill `.grad`. So everything a module holds is noted before and put back after, also when the model
raises or the user presses Ctrl-C.
"""

import contextlib
import random

import numpy as np
import torch

CONTAINERS = (dict, list, set)


@contextlib.contextmanager
def untouched(*models, sources=()):
    """Leave every module of the models, and the random state, as they were at entry, whatever happens inside.

    models   nn.Module
    sources  loaders, whose own generators are put back as well
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_random_state(sources))
        for model in models:
            stack.enter_context(_model(model))
        yield


@contextlib.contextmanager
def _model(model):
    modules = list(model.modules())
    dicts = [(module.__dict__, dict(module.__dict__)) for module in modules]
    classes = [type(module) for module in modules]  # a lazy layer becomes another class at its first batch
    notes = _Notes()
    for module in modules:
        for value in module.__dict__.values():
            notes.take(value)
    try:
        yield
    finally:
        for now, before in dicts:
            now.clear()
            now.update(before)
        for module, kind in zip(modules, classes, strict=True):
            if type(module) is not kind:
                module.__class__ = kind
        notes.put_back()


def spare_buffers(model):
    """Let copies stand in for all buffers until `untouched` puts the buffers themselves back.

    Training mode writes into buffers in place, and a graph of the user's own may still need their present content.
    """
    copies = {}
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and not isinstance(buffer, torch.nn.parameter.UninitializedTensorMixin):
                module._buffers[name] = copies.setdefault(id(buffer), buffer.detach().clone())


class _Notes:
    """Contents of tensors and containers, by identity: one that several modules share is noted once."""

    def __init__(self):
        self.seen, self.tensors, self.containers = set(), [], []

    def take(self, value, depth=0):
        if id(value) in self.seen:
            return
        if isinstance(value, torch.Tensor):
            self.seen.add(id(value))
            self.tensors.append(_TensorNote(value))
        elif isinstance(value, CONTAINERS) and depth < 4:
            self.seen.add(id(value))
            self.containers.append((value, value.copy()))
            for item in list(value.values()) if isinstance(value, dict) else list(value):
                self.take(item, depth + 1)

    def put_back(self):
        for container, content in self.containers:
            container.clear()
            container.extend(content) if isinstance(container, list) else container.update(content)
        for note in self.tensors:
            note.put_back()


class _TensorNote:
    """A tensor's object, memory, numbers, flags, gradient and hooks."""

    def __init__(self, tensor):
        self.tensor, self.kind = tensor, type(tensor)
        self.requires_grad = tensor.requires_grad
        self.lazy = isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin)
        self.memory = None if self.lazy else tensor.detach()
        self.numbers = None if self.lazy else tensor.detach().clone()
        self.leaf = tensor.is_leaf
        self.grad = tensor.grad if self.leaf and not self.lazy else None
        # A hook that steps an optimizer in the middle of backward has no business in a diagnosis.
        self.hooks = getattr(tensor, "_post_accumulate_grad_hooks", None)
        self.hook_items = dict(self.hooks) if self.hooks else {}
        if self.hook_items:
            self.hooks.clear()
        if self.grad is not None:
            tensor.grad = None

    def put_back(self):
        tensor = self.tensor
        if self.lazy:
            if type(tensor) is not self.kind:  # it got a shape
                tensor.data = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
                tensor.__class__ = self.kind
            tensor.grad = None
            return
        with torch.no_grad():
            if tensor.dtype != self.memory.dtype or tensor.data_ptr() != self.memory.data_ptr():
                tensor.data = self.memory
            # Only what changed is written: a graph of the user's own that waits for its backward stays valid.
            if not _same_bytes(self.memory, self.numbers):
                self.memory.copy_(self.numbers)
        if self.leaf:
            if tensor.requires_grad != self.requires_grad:
                tensor.requires_grad_(self.requires_grad)
            tensor.grad = self.grad
        if self.hook_items:
            self.hooks.update(self.hook_items)


def _same_bytes(a, b):
    """Equal bit for bit, NaN included."""
    try:
        return torch.equal(a.contiguous().view(-1).view(torch.uint8), b.contiguous().view(-1).view(torch.uint8))
    except RuntimeError:  # sparse, quantized and the like: write them back unseen
        return False


@contextlib.contextmanager
def _random_state(sources):
    generators = [generator for source in sources for generator in _generators(source)]
    states = [generator.get_state() for generator in generators]
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    cpu, plain, legacy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        random.setstate(plain)
        np.random.set_state(legacy)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _generators(loader):
    owners = (loader, getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None))
    found = {id(g): g for owner in owners if isinstance(g := getattr(owner, "generator", None), torch.Generator)}
    return list(found.values())
