"""Hooks on a model for the time of a diagnosis: what enters every norm layer, how often, and from where."""

import contextlib
import inspect
from collections import Counter, defaultdict

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from . import moments
from .sites import Site
from .trace import Tag, Trace

BATCH_NORM = inspect.signature(F.batch_norm)


class Pass:
    """What one forward pass shows. Keys are sites.

    inputs, outputs   lists of BatchMoments, one a call
    values            list of values per channel or group, one a call
    """

    def __init__(self, examples, look=False, look_out=False, trace=None, training=None):
        self.examples, self.look, self.look_out, self.trace = examples, look, look_out, trace
        self.training = training  # what calls of F.batch_norm are told, None: what they are given
        self.inputs, self.outputs, self.values = defaultdict(list), defaultdict(list), defaultdict(list)
        self.calls, self.late = Counter(), Counter()
        self.shapes, self.tags, self.paddings, self.out_ids = {}, {}, {}, {}
        self.told = {}  # functional: whether it normalized by the batch
        self.same_shape = {}  # module: shape, where a tensor went in and one of its shape came out
        self.backward = False


class Watch:
    """Hooks on every module; `during(Pass)` makes them report to it."""

    def __init__(self, root, prefix, sites):
        self.names = {module: prefix + name for name, module in root.named_modules()}
        self.root, self.sites = root, list(sites)
        self.by_module = {site.module: site for site in sites}
        self.by_call = {}
        self.now, self.stack, self.ordinals = None, [], Counter()
        for module in root.modules():
            module.register_forward_pre_hook(self._before, with_kwargs=True)
            module.register_forward_hook(self._after, with_kwargs=True)

    @contextlib.contextmanager
    def during(self, what):
        """Report to this Pass; calls of F.batch_norm are seen inside."""
        self.now, self.stack, self.ordinals = what, [], Counter()
        try:
            with _Functions(self) if what.trace or self.by_call else contextlib.nullcontext():
                yield what
        finally:
            self.now = None

    def _before(self, module, args, kwargs):
        if self.now is None:
            return
        self.stack.append(module)
        site, x = self.by_module.get(module), _first(args, kwargs)
        if site is not None and x is not None:
            self.enter(site, x)
        elif self.now.trace is not None and x is not None and not self.now.backward:
            # Perhaps a home-made norm: noted under the module until that is known.
            self.now.calls[module] += 1
            self.now.tags.setdefault(module, self.now.trace.about(x))

    def _after(self, module, args, kwargs, output):
        if self.now is None:
            return
        if self.stack:
            self.stack.pop()
        site, x = self.by_module.get(module), _first(args, kwargs)
        if self.now.trace is not None:
            self.now.trace.wrote(self.names[module], module, output)
            alike = isinstance(x, torch.Tensor) and isinstance(output, torch.Tensor) and x.shape == output.shape
            if alike and x.ndim > 1 and not type(module).__module__.startswith("torch."):
                self.now.same_shape.setdefault(module, tuple(x.shape))
                self.now.out_ids.setdefault(module, []).append(output)
        if site is not None and isinstance(output, torch.Tensor):
            self.leave(site, output)

    def enter(self, site, x):
        """A norm is about to see x."""
        now = self.now
        if now.backward:
            now.late[site] += 1
            return
        now.calls[site] += 1
        now.values[site].append(_values(site, x))
        now.shapes.setdefault(site, tuple(x.shape))
        if now.trace is not None:
            now.tags.setdefault(site, now.trace.about(x))
        if now.look and site.family == "batch" and x.ndim > 1:
            now.inputs[site].append(moments.of_batch(x, site.axis, now.examples))
            if x.ndim == 3 and site not in now.paddings:
                now.paddings[site] = padding(x, site.axis)

    def leave(self, site, y):
        """A norm has returned y."""
        now = self.now
        if now.trace is not None:
            now.out_ids.setdefault(site, []).append(y)
        if now.look_out and site.family == "batch" and site.unusual and y.ndim > 1:
            now.outputs[site].append(moments.of_batch(y, site.axis, now.examples))

    def function(self, func, args, kwargs):
        """A function of torch is called somewhere in the model."""
        owner = self.stack[-1] if self.stack else self.root
        if func is not F.batch_norm or owner in self.by_module:
            result = func(*args, **kwargs)
            if self.now is not None and self.now.trace is not None:
                self.now.trace.after(func, args, result)
            return result
        bound = BATCH_NORM.bind(*args, **kwargs)
        bound.apply_defaults()
        site = self._call_site(owner, bound.arguments)
        self.enter(site, bound.arguments["input"])
        self.now.told.setdefault(site, bool(bound.arguments["training"]))
        if self.now.training is not None:
            bound.arguments["training"] = self.now.training or site.original[0] is None
        if site.override is not None and not bound.arguments["training"]:
            bound.arguments["running_mean"], bound.arguments["running_var"] = site.override
        result = func(*bound.args, **bound.kwargs)
        self.leave(site, result)
        if self.now.trace is not None:
            self.now.trace.put(Tag(result, site.name, "norm", 1))
        return result

    def _call_site(self, owner, arguments):
        pair = arguments["running_mean"], arguments["running_var"]
        self.ordinals[owner] += 1
        stored = {id(t): name for name, t in self.root.named_buffers()}
        key = stored.get(id(pair[0])) or (owner, self.ordinals[owner])
        if key not in self.by_call:
            site = Site(self.names[owner], owner, how="functional", stats=pair)
            site.kind = "F.batch_norm" if self.ordinals[owner] == 1 else f"F.batch_norm, call {self.ordinals[owner]}"
            site.call = {name: arguments[name] for name in ("weight", "bias", "eps", "momentum")}
            self.by_call[key] = site
            self.sites.append(site)
        return self.by_call[key]

    def add(self, site):
        """A home-made layer was found."""
        self.sites.append(site)
        self.by_module[site.module] = site


class _Functions(TorchFunctionMode):
    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.watch.function(func, args, kwargs or {})


def tracing(batch_tensors):
    """A new Trace that knows the model's input."""
    trace = Trace()
    for tensor in batch_tensors:
        trace.put(Tag(tensor, "", "input", None))
    return trace


def _first(args, kwargs):
    return next((a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)), None)


def _values(site, x):
    """Values that share one mean in this call."""
    pixels = x[0, 0].numel() if x.ndim > 1 else 1
    module = site.module
    if site.family == "group":
        return pixels * (x.shape[1] // module.num_groups)
    if site.family == "instance":
        return x[0].numel() if x.ndim == module._get_no_batch_dim() else pixels
    if site.family == "layer":
        return int(torch.tensor(module.normalized_shape).prod())
    return x.numel() // x.shape[site.axis] if x.ndim > 1 else len(x)


def padding(x, axis):
    """Share of positions of x (N, C, L) that are 0 in all channels at the end of examples of unlike lengths.

    Returns (share, shift): shift is how far that moves a channel's statistics, the larger of the mean's shift in sd of
    the rest and of the log of the sd's ratio, root mean square over channels.
    """
    x = x.detach().float().movedim(axis, 1)
    empty = (x == 0).all(1)
    tail = empty.flip(1).int().cummin(1).values.flip(1).bool()
    lengths, share = tail.sum(1), float(tail.float().mean())
    if not 0 < share < 1 or len(lengths.unique()) == 1 or (empty & ~tail).any():
        return 0.0, 0.0
    kept = x.movedim(1, -1)[~tail]
    mean, sd = kept.mean(0), kept.std(0).clamp_min(1e-30)
    every = x.movedim(1, -1).flatten(0, 1)
    shift = torch.maximum(((every.mean(0) - mean) / sd).abs(), (every.std(0) / sd).log().abs())
    return share, float(shift.square().mean().sqrt())


def disable_sync(root):
    """SyncBatchNorm normalizes by its own device's batch while it is diagnosed: no process waits for others."""
    for module in root.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and hasattr(module, "process_group"):
            module.forward = nn.modules.batchnorm._BatchNorm.forward.__get__(module)
