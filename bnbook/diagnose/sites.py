"""Where a model normalizes: its norm layers, its calls of F.batch_norm, its home-made layers, and their statistics."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from .record import LayerRecord


class Site:
    """One place where a model normalizes.

    name     qualified name of the module it belongs to
    how      "module", "functional", "home-made"
    family   "batch", "group", "instance", "layer"
    stats    names of the attributes (or the tensors themselves, for a call) that hold running mean and variance
    axis     the axis of its input that holds the channels
    """

    def __init__(self, name, module, family="batch", how="module", stats=("running_mean", "running_var"), axis=1):
        self.name, self.module, self.family, self.how, self.axis = name, module, family, how, axis
        self.stats, self.kind = stats, type(module).__name__
        self.call = {}  # arguments of F.batch_norm, for a call
        self.measured = {}
        self.original = self.read()
        self.override = None  # (mean, var) that a call is given instead of its own

    def read(self):
        """Running mean and variance as they are now (clones), or (None, None)."""
        pair = [getattr(self.module, s, None) if isinstance(s, str) else s for s in self.stats]
        if not all(isinstance(t, torch.Tensor) and not lazy(t) for t in pair):
            return None, None
        return tuple(t.detach().clone() for t in pair)

    def write(self, mean, var):
        """Evaluate with these from now on; the attributes are exchanged, no tensor is written into."""
        if self.original[0] is None:
            return
        new = [t.to(old).reshape(old.shape) for t, old in zip((mean, var), self.original, strict=True)]
        if self.how == "functional":
            self.override = tuple(new)
            return
        for name, tensor in zip(self.stats, new, strict=True):
            holder = self.module._buffers if name in self.module._buffers else self.module.__dict__
            holder[name] = tensor

    @property
    def unusual(self):
        """Its forward pass is not nn's, so that it may not do what its statistics say."""
        return self.how != "module" or type(self.module).forward not in (_BatchNorm.forward, nn.SyncBatchNorm.forward)


def lazy(tensor):
    """Not materialized yet: a lazy layer that has seen no input."""
    return isinstance(tensor, nn.parameter.UninitializedTensorMixin)


def find(root, prefix=""):
    """A Site for every norm module of a model, in the order in which they are registered."""
    sites = []
    for name, module in root.named_modules():
        unshaped = any(lazy(t) for t in (*module.parameters(False), *module.buffers(False)))
        if (family := family_of(module)) and not unshaped:
            sites.append(Site(prefix + name, module, family))
    return sites


def family_of(module):
    """ "batch", "group", "instance", "layer", or None for whatever is no norm of torch.nn (or a frozen copy of one)."""
    if isinstance(module, _BatchNorm):
        return "batch"
    if isinstance(module, _InstanceNorm):
        return "instance"
    if isinstance(module, nn.GroupNorm):
        return "group"
    return "layer" if isinstance(module, nn.LayerNorm) else None


def describe(site, root, decayed=()):
    """The LayerRecord of a site as far as no data are needed."""
    module, call = site.module, site.call
    gamma, beta = _affine(site)
    mean, var = site.original
    trainable = [t.requires_grad for t in (gamma, beta) if t is not None]
    count = getattr(module, "num_batches_tracked", None) if site.how != "functional" else None
    return LayerRecord(
        name=site.name,
        kind=site.kind,
        family=site.family,
        how=site.how,
        dims=next((d for d in (1, 2, 3) if f"{d}d" in site.kind), 0),
        channels=_length(mean, gamma, getattr(module, "num_features", 0)),
        eps=call.get("eps", getattr(module, "eps", 1e-5)),
        momentum=call.get("momentum", site.measured.get("momentum", getattr(module, "momentum", 0.1))),
        gamma=_vector(gamma),
        beta=_vector(beta),
        affine_frozen=bool(trainable) and not any(trainable),
        running_mean=_vector(mean),
        running_var=_vector(var),
        count=None if not isinstance(count, torch.Tensor) or lazy(count) else int(count),
        buffer_dtype=None if mean is None else mean.dtype,
        tracks=bool(getattr(module, "track_running_stats", True)) if isinstance(module, _NormBase) else True,
        training=module.training,
        decayed=any(t is not None and id(t) in decayed for t in (gamma, beta)),
        in_branch_end=gamma is not None and bool((gamma == 0).all()),
        measured=site.measured,
    )


def is_frozen(site, root):
    """Meant to keep its statistics: its parameters (or those around it) are frozen while others of the model train."""
    if not any(p.requires_grad for p in root.parameters()):
        return False
    own = list(site.module.parameters(recurse=False))
    if not own:
        parents = [m for m in root.modules() if any(child is site.module for child in m.children())]
        own = list(parents[0].parameters()) if parents else []
    return bool(own) and not any(p.requires_grad for p in own)


def _affine(site):
    """gamma and beta: the tensors themselves, or None."""
    if site.how == "functional":
        pair = site.call.get("weight"), site.call.get("bias")
    elif site.how == "home-made":
        pair = tuple(
            next((t for n, t in site.module.named_parameters(recurse=False) if n in names), None)
            for names in (("weight", "gamma", "scale", "g", "a", "w"), ("bias", "beta", "shift", "b"))
        )
    else:
        pair = getattr(site.module, "weight", None), getattr(site.module, "bias", None)
    return tuple(None if t is None or lazy(t) else t for t in pair)


def _vector(tensor):
    # A copy even of a float64 tensor on the CPU: the passes to come change the buffers.
    return None if tensor is None else tensor.detach().to("cpu", torch.float64, copy=True).reshape(-1)


def _length(*candidates):
    return next((c if isinstance(c, int) else c.numel() for c in candidates if c is not None), 0)
