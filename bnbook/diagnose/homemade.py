"""Home-made BatchNorm layers, found and judged by what they do to made-up inputs, not by their source.

A layer normalizes if scaling and shifting its whole input changes nothing. It is meant to be a BatchNorm if other
examples of the batch matter, or if it keeps statistics: LayerNorm, RMSNorm and the like are left alone. All probes run
on a copy in float64 with inputs so large that eps does not matter, unless they are about eps.
"""

import copy
import math

import torch
from torch import nn

from .sites import Site

SCALE = 1e3  # sd of the probes: an eps of 0.1 then changes the result by 5e-8
ERRORS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError, NotImplementedError)


def find(watch, scout):
    """Probe every module that returned a tensor of its input's shape, and every norm with a forward of its own.

    scout    the Pass that saw the shapes
    Adds a Site to the watch (and to the pass) for each BatchNorm found, with what is wrong with it in `measured`.
    """
    calling = {site.module for site in watch.sites if site.how == "functional"}
    for module, shape in scout.same_shape.items():
        site = watch.by_module.get(module)
        usual = site is not None and (site.family != "batch" or not site.unusual)
        if usual or module in calling or any(True for _ in module.children()):
            continue
        try:
            found = probe(module, shape, watch.names[module])
        except ERRORS:  # it wants other inputs than a plain tensor of this shape: nothing is known, nothing is said
            continue
        if found is None:
            continue
        if site is not None:
            site.measured.update(found.measured)
        else:
            watch.add(found)
            scout.shapes[found], scout.calls[found] = shape, scout.calls[module]
            scout.tags[found] = scout.tags.get(module)
            if module in scout.is_output:
                scout.is_output.add(found)


def probe(module, shape, name):
    """A Site for a BatchNorm-like module with its faults measured, or None for anything else."""
    x = _input(module, shape)
    y = _train(module, x)
    other = _train(module, _input(module, shape, seed=1))
    if (
        not _same(y, _train(module, 3 * x + 5 * SCALE))
        or y.std() < 1e-6
        or (y.shape == other.shape and _same(y, other))
    ):
        return None
    stats = _statistics(module, x)
    if not _depends_on_others(lambda v: _train(module, v), x) and not stats:
        return None
    invariant = {axis for axis in range(1, x.ndim) if x.shape[axis] > 1 and _invariant(module, x, y, axis)}
    axis = next(iter(invariant)) if len(invariant) == 1 else 1
    good = invariant == {1} or (invariant == {x.ndim - 1} and x.ndim > 2) or all(s == 1 for s in x.shape[1:])
    # Instance norm with running statistics scales every channel, yet of every example alone.
    good = good and _depends_on_others(lambda v: _train(module, v), x)
    roles, momentum = _roles(module, x, axis, stats) if good else ({}, None)
    pair = (roles.get("mean", ""), roles.get("var", ""))
    site = Site(name, module, how="home-made", stats=pair, axis=axis)
    if momentum is not None:
        site.measured["momentum"] = momentum
    if not good:
        site.measured["normalizes-wrong-axes"] = (float(len(invariant)), 1.0, "axes along which scales vanish")
        return site
    site.measured.update(_faults(module, x, axis, stats, roles))
    return site


def _faults(module, x, axis, stats, roles):
    """{fault name: (number, threshold, unit)} of a layer that normalizes its channels over the batch."""
    measures = {
        "no-gradient-through-statistics": (_gradient_left(module, x, axis), 1e-3, "of dx lies along the statistics"),
        "statistics-keep-graph": (_graph_kept(module, x, stats), 0.0, "statistics with a graph"),
        "statistics-not-buffers": (float(len([s for s in stats if _plain(module, s)])), 0.0, "plain tensors"),
        "unbiased-normalizer": (_bessel(module, x, axis), 0.5, "of m / (m - 1) divided out"),
        "eps-outside-root": (_eps_curve(module, x, axis), 1.7, "times eps' root where sd equals it (inside: 1.41)"),
        "one-pass-variance": (_offset_error(module, x), 0.05, "sd of error at mean 1e4, sd 1 in float32"),
    }
    found = {name: measure for name, measure in measures.items() if measure[0] > measure[1]}
    if "biased" in roles:
        found["running-var-biased"] = (roles["biased"], 1.0, "of the unbiased variance")
    if _depends_on_others(lambda v: isolated(module).eval()(v).detach(), x):
        found["batch-in-evaluation"] = (1.0, 0.0, "")
    return found


def isolated(module, dtype=torch.float64):
    """A copy on the CPU without hooks whose tensors may be changed; a statistic with a graph is copied as well."""
    twin = copy.copy(module)
    twin.__dict__ = {k: _copied(v, dtype) if isinstance(v, torch.Tensor) else v for k, v in module.__dict__.items()}
    twin._parameters = {
        k: v if v is None else nn.Parameter(_copied(v, dtype), v.is_floating_point())
        for k, v in module._parameters.items()
    }
    twin._buffers = {k: v if v is None else _copied(v, dtype) for k, v in module._buffers.items()}
    for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        twin.__dict__[hooks] = {}
    return twin


def _copied(tensor, dtype):
    tensor = tensor.detach().cpu().clone()
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _input(module, shape, seed=0, batch=8):
    """A probe of the layer's own shape; smaller maps and another batch where it takes them."""
    generator = torch.Generator().manual_seed(seed)
    small = (batch, shape[1], *(min(s, 5 + i) for i, s in enumerate(shape[2:])))
    if len(shape) == 3:  # channels may be last
        small = (batch, shape[1], shape[2])
    for attempt in (small, (batch, *shape[1:]), shape):
        x = SCALE * torch.randn(attempt, generator=generator, dtype=torch.float64)
        # Every channel, position and example has a scale and an offset of its own: no axis is like another.
        for axis, size in enumerate(attempt):
            view = [size if i == axis else 1 for i in range(len(attempt))]
            x = x * (0.5 + torch.rand(view, generator=generator, dtype=torch.float64))
        x = x + SCALE * torch.randn((1, *attempt[1:]), generator=generator, dtype=torch.float64)
        try:
            isolated(module).train()(x)
            return x
        except ERRORS:
            continue
    raise ValueError("it takes no input of this shape")


def _train(module, x):
    return isolated(module, x.dtype).train()(x).detach()


def _same(a, b, tolerance=1e-4):
    return bool((a - b).abs().max() <= tolerance * a.abs().max())


def _depends_on_others(function, x):
    changed = x.clone()
    changed[1:] = 3 * x[1:].roll(1, 0) + 2 * SCALE
    return not _same(function(x)[:1], function(changed)[:1])


def _invariant(module, x, y, axis):
    view = [x.shape[axis] if i == axis else 1 for i in range(x.ndim)]
    factors = torch.linspace(1, 3, x.shape[axis], dtype=x.dtype).reshape(view)
    return _same(y, _train(module, x * factors))


def _tensors(module):
    """Every buffer and plain tensor attribute of a layer by name; parameters are learned, not collected."""
    plain = {k: v for k, v in module.__dict__.items() if isinstance(v, torch.Tensor)}
    return {k: v for k, v in (plain | dict(module._buffers)).items() if v is not None and v.is_floating_point()}


def _plain(module, name):
    return name not in module._buffers


def _statistics(module, x):
    """Names of the tensors that a pass in training mode changes and that matter in evaluation mode."""
    twin = isolated(module).train()
    before = {k: v.detach().clone() for k, v in _tensors(twin).items()}
    twin(x)
    changed = [k for k, v in _tensors(twin).items() if k not in before or not torch.equal(v.detach(), before[k])]
    return [name for name in changed if _matters(module, name, x)]


def _matters(module, name, x):
    outputs = []
    for factor in (1.0, 2.0):
        twin = isolated(module).train()
        twin(x)
        holder = twin._buffers if name in twin._buffers else twin.__dict__
        holder[name] = holder[name].detach() * factor + SCALE * (factor - 1)
        outputs.append(twin.eval()(x).detach())
    return not _same(*outputs)


def _roles(module, x, axis, stats):
    """Which statistic is the mean and which the variance, and the weight of the new batch: ({role: name}, momentum)."""
    roles, momentum = {}, None
    for name in stats:
        if _tensors(module).get(name) is None or _tensors(module)[name].numel() != x.shape[axis]:
            continue
        moved = [_moved(module, name, start, x) for start in (1.0, 2.0)]
        weight = float(1 - (moved[1] - moved[0]).mean())
        if not 1e-6 < weight <= 1 + 1e-9:
            continue
        batch = (moved[0] - (1 - weight)) / weight
        dims = tuple(i for i in range(x.ndim) if i != axis)
        mean, biased, m = x.mean(dims), x.var(dims, correction=0), x.numel() / x.shape[axis]
        momentum = weight
        if _same(batch, mean):
            roles["mean"] = name
        elif _same(batch, biased * m / (m - 1), 1e-6):
            roles["var"] = name
        elif _same(batch, biased, 1e-6):
            roles["var"], roles["biased"] = name, (m - 1) / m
    return roles, momentum


def _moved(module, name, start, x):
    twin = isolated(module).train()
    holder = twin._buffers if name in twin._buffers else twin.__dict__
    holder[name] = torch.full_like(holder[name], start)
    twin(x)
    return _tensors(twin)[name].detach().reshape(-1)


def _gradient_left(module, x, axis):
    """How much of dx lies along 1 and along x_hat, where a BatchNorm's gradient has nothing: 0 if all is well."""
    leaf = x.clone().requires_grad_()
    y = isolated(module).train()(leaf)
    if not y.requires_grad:
        return 1.0
    generator = torch.Generator().manual_seed(0)
    dy = torch.randn(y.shape, generator=generator, dtype=y.dtype)
    (dx,) = torch.autograd.grad((y * dy).sum(), leaf)
    dims = tuple(i for i in range(x.ndim) if i != axis)
    x_hat = (x - x.mean(dims, keepdim=True)) / x.std(dims, correction=0, keepdim=True)
    size = dx.square().sum(dims).clamp_min(1e-300).sqrt() * math.sqrt(x.numel() / x.shape[axis])
    along = torch.maximum(dx.sum(dims).abs(), (dx * x_hat).sum(dims).abs())
    return float((along / size).max())


def _graph_kept(module, x, stats):
    twin = isolated(module).train()
    twin(x.clone().requires_grad_())
    tensors = _tensors(twin)
    return float(sum(tensors[name].requires_grad for name in stats if name in tensors))


def _slope(module, x, axis):
    """dy / dx per channel in training mode, and the biased sd per channel."""
    y = _train(module, x)
    dims = tuple(i for i in range(x.ndim) if i != axis)
    centred = x - x.mean(dims, keepdim=True)
    var = centred.square().mean(dims)
    return (centred * y).mean(dims) / var, var.sqrt()


def _bessel(module, x, axis):
    """Which part of m / (m - 1) is divided out: 0 for the biased variance, 1 for the unbiased one."""
    results = []
    for n in (2 if x.ndim > 2 else 4, 8):
        slope, sd = _slope(module, x[:n], axis)
        results.append((slope * sd, n * x[0].numel() / x.shape[axis]))
    (small, m_small), (large, m_large) = results
    live = large.abs() > 1e-6 * large.abs().max()
    ratio = float((small / large)[live].median())
    return (1 - ratio) / (1 - math.sqrt((1 - 1 / m_small) / (1 - 1 / m_large)))


def _eps_curve(module, x, axis):
    """The denominator at the sd that equals it at variance 0, in units of that: sqrt(2) if eps is inside, else 2."""
    gamma, sd = _slope(module, x, axis)
    gamma = gamma * sd
    live = gamma.abs() > 1e-6 * gamma.abs().max()
    unit = x / sd.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    root = float((gamma / _slope(module, 1e-9 * unit, axis)[0])[live].median())
    if not 1e-7 < root < 10:
        return 0.0
    return float((gamma / _slope(module, root * unit, axis)[0])[live].median()) / root


def _offset_error(module, x):
    """Largest error of the output in float32 at mean 1e4 and sd 1, in sd of the output."""
    dims = tuple(range(x.ndim))
    shifted = ((x - x.mean(dims)) / x.std() + 1e4).float()
    exact, single = _train(module, shifted.double()), _train(module, shifted)
    error = (single.double() - exact).abs().max() / exact.std().clamp_min(1e-30)
    return float(error) if error.isfinite() else math.inf
