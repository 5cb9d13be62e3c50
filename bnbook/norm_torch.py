"""Batch Normalization in PyTorch: autograd Functions, and drop-in layers for any device.

Read after norm_numpy.
Built in notebook 06.

The formulas are those of norm_numpy; three things are new. The backward pass is handed to autograd, and keeps nothing
as large as x but x. Passes over float32 data stay in float32 and lose nothing: x is centred before anything is summed,
the sums end in float64, and what a float32 mean leaves out is put back (`_centre`). And the layers are nn.BatchNorm1d,
2d and 3d with another `forward`, so that flags, state_dict, repr and isinstance are PyTorch's own.
"""

import contextlib
import inspect
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = 131072  # numbers that stay in a core's cache from one step to the next: 512 KB of float32
_is_exporting = getattr(torch.compiler, "is_exporting", torch.jit.is_tracing)  # an older torch cannot be asked


def normalize(x, axes, eps=1e-5):
    """Shift and scale x to mean 0 and variance 1 (a little less, because of eps) along the given axes.

        x_hat = (x - mean) / sqrt(var + eps)

    x      any shape
    axes   tuple      the axes averaged over: (0, 2, 3) is batch norm of (N, C, H, W), (1, 2, 3) layer norm
    eps    added to the variance, so in the units of x squared
    Returns x_hat (like x), mean, var (the averaged axes kept as 1; float64, on mps float32); var is biased.
    Source: Ioffe & Szegedy 2015, algorithm 1, lines 1 to 3.
    """
    mean, var, centred, rest = _moments(x, axes)
    return _affine(centred, rest, var, None, None, eps).to(x.dtype), mean, var


def normalize_backward(dx_hat, x_hat, var, axes, eps=1e-5):
    """Gradient through `normalize`: remove what lies along 1 and along x_hat, divide by the standard deviation.

        dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps)

    dx_hat  like x_hat  gradient of the loss with respect to x_hat
    x_hat, var, axes    what `normalize` returned, and its axes
    Returns dx (like dx_hat).
    Source: Ioffe & Szegedy 2015, section 3, with the three chain-rule terms collected; derived in notebook 03.
    """
    m, wide = _count(x_hat, var), x_hat.to(_wide(x_hat))
    along_one, along_x_hat = _sum(dx_hat, axes) / m, _sum(dx_hat * wide, axes) / m
    inv_std = torch.rsqrt(var + eps).expand(along_one.shape)
    a, b, c = _factors(x_hat, inv_std, -inv_std * along_x_hat, -inv_std * along_one)
    return (wide * b).add_(dx_hat * a).add_(c).to(dx_hat.dtype)


def batch_norm(x, gamma, beta, eps=1e-5):
    """Training-time Batch Normalization: each channel by the statistics of this batch.

        y = gamma * (x - mean) / sqrt(var + eps) + beta

    x      (N, C, *)  16-bit floats are computed in float32 and rounded once
    gamma  (C,)       scale, or None for 1
    beta   (C,)       shift, or None for 0
    eps    added to the variance, so in the units of x squared
    Returns y (N, C, *), mean (C,), var (C,), each differentiable any number of times; var is biased. mean and var are
    float64 (float32 on mps, where the gradients are therefore exact to 1e-7 * mean / sd only).
    Raises what F.batch_norm raises: ValueError for one value per channel or eps <= 0, RuntimeError for a wrong number
    of channels or dtypes that do not go together.
    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    _check(x, gamma, beta, None, None, True, eps)
    y, mean, var = _apply(BatchNormFunction, x, gamma, beta, eps)
    return y, mean.reshape(-1), var.reshape(-1)


def batch_norm_backward(dy, x, gamma, mean, var, eps=1e-5):
    """Gradients of the loss through `batch_norm`. Only x is kept from the forward pass: x_hat is made again.

        dgamma = sum(dy * x_hat)      dbeta = sum(dy)
        dx = gamma / sqrt(var + eps) * (dy - dbeta / m - x_hat * dgamma / m)

    dy         (N, C, *)  gradient of the loss with respect to y
    x, gamma   (N, C, *)  and (C,): what `batch_norm` was given
    mean, var  (C,)       what it returned
    Returns dx (N, C, *) in the dtype of x, dgamma (C,) and dbeta (C,) in that of mean.
    Source: Ioffe & Szegedy 2015, section 3; derived in notebook 03.
    """
    mean, var = _columns(x, mean, var)
    return _gradients(dy, x, gamma, mean, var, eps)


def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """Inference: the same formula with stored statistics, so an affine map of x that no other image can change.

        y = gamma * (x - running_mean) / sqrt(running_var + eps) + beta

    x             (N, C, *)   one image is enough
    gamma, beta   (C,)        scale and shift, or None
    running_mean, running_var (C,)   constants: no gradient flows into them
    Returns y (N, C, *).
    Raises what F.batch_norm raises: RuntimeError if a vector is not (C,), ValueError for eps < 0.
    Source: Ioffe & Szegedy 2015, algorithm 2, line 11.
    """
    _check(x, gamma, beta, running_mean, running_var, False, eps)
    # Copies: a training step may overwrite the layer's buffers while this pass still waits for its backward.
    mean, var = (v.to(_sum_dtype(x), copy=True) for v in (running_mean, running_var))
    return _apply(_Eval, x, gamma, beta, *_columns(x, mean, var), eps)


def update_running(running_mean, running_var, mean, var, m, momentum=0.1):
    """Move the running statistics a step towards those of this batch.

        running = (1 - momentum) * running + momentum * batch        with the *unbiased* batch variance

    running_mean, running_var  (C,)   so far
    mean, var                  (C,)   of this batch, as `batch_norm` returns them: var is biased
    m             values per channel: N * H * W
    momentum      weight of the new batch (an optimizer's momentum is the weight of the old)
    Returns running_mean (C,), running_var (C,), new tensors in the dtypes of the old.
    Raises ValueError if m < 2: one value has no variance.
    Source: torch.nn.BatchNorm2d. Ioffe & Szegedy 2015, algorithm 2, line 10, has the same m / (m - 1).
    """
    if m < 2:
        raise ValueError(f"m is {m}: the unbiased variance divides by m - 1, so it needs 2 or more values per channel.")
    new_mean = (1 - momentum) * running_mean.to(mean.dtype) + momentum * mean
    new_var = (1 - momentum) * running_var.to(var.dtype) + momentum * (var * (m / (m - 1)))
    return new_mean.to(running_mean.dtype), new_var.to(running_var.dtype)


def fold(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5, transposed=False):
    """Merge an evaluation-mode BatchNorm into the linear or convolution layer *before* it.

        weight' = weight * s        bias' = (bias - running_mean) * s + beta        s = gamma / sqrt(running_var + eps)

    weight      (out, in, *), of a transposed convolution (in, out / groups, *)
    bias        (out,), or None for 0
    gamma, beta, running_mean, running_var  (out,)   of the BatchNorm; gamma and beta may be None
    transposed  True for nn.ConvTranspose: where out = in, the weight does not show it. groups follow from the shapes
    Returns weight (like weight), bias (out,).
    Raises ValueError if a vector is not (out,), or out / groups does not fit.
    Source: Jacob et al. 2018 (arXiv 1712.05877), section 3.2.
    """
    vectors = dict(bias=bias, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    out, groups = _out_and_groups(tuple(weight.shape), running_mean.numel(), transposed)
    for name, v in vectors.items():
        if v is not None and v.shape != (out,):
            raise ValueError(
                f"{name} has shape {tuple(v.shape)}, expected ({out},): one number for each output channel of weight "
                f"{tuple(weight.shape)}."
            )
    scale = _scale(running_var.to(_sum_dtype(weight)), gamma, eps)
    shift = (0 if bias is None else bias) - running_mean.to(scale.dtype)
    shift = shift * scale + (0 if beta is None else beta)
    if transposed:  # the inputs of a group have the outputs of that group, and so a row of scales, in common
        scale = scale.reshape(groups, -1).repeat_interleave(len(weight) // groups, 0)
    scale = scale.reshape(*scale.shape, *[1] * (weight.ndim - scale.ndim))
    return (weight * scale).to(weight.dtype), shift.to(weight.dtype)


def _out_and_groups(shape, out, transposed):
    """Outputs and groups of the layer with a weight of this shape, before a BatchNorm of `out` channels."""
    if not transposed:
        return shape[0], 1
    per_group = shape[1]
    if out % per_group or shape[0] % (out // per_group):
        raise ValueError(
            f"the BatchNorm has {out} channels and weight is {shape}, expected of a transposed convolution (in, out / "
            f"groups, *): {out} must be {per_group} times a number of groups that divides {shape[0]}. Leave transposed "
            "out for any other layer."
        )
    return out, out // per_group


class BatchNormFunction(torch.autograd.Function):
    """batch_norm for autograd: y, mean, var = BatchNormFunction.apply(x, gamma, beta, eps).

    mean and var keep the averaged axes as 1. They are differentiable outputs, or second derivatives would be wrong.
    """

    generate_vmap_rule = True  # vmap sends whole stacks through these methods, so nothing below looks at a value

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean, var, centred, rest = _moments(x, _axes(x))
        return _like(x, _affine(centred, rest, var, gamma, beta, eps)), mean, var

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma, *output[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        dx, dgamma, dbeta = _gradients(dy, x, gamma, mean, var, ctx.eps, dmean, dvar)
        _, gamma_learns, beta_learns, *_ = ctx.needs_input_grad
        return dx, dgamma if gamma_learns else None, dbeta if beta_learns else None, None


BatchNormFunction.forward.__signature__ = inspect.signature(BatchNormFunction.forward)  # or apply reads it every time


class _Eval(torch.autograd.Function):
    """batch_norm_eval for autograd, which by itself would keep x - running_mean beside x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, gamma, beta, mean, var, eps):
        return _like(x, _affine(*_centre(x, mean), var, gamma, beta, eps))

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, mean, var, ctx.eps = inputs
        ctx.save_for_backward(x, gamma, mean, var)

    @staticmethod
    def backward(ctx, dy):
        x, gamma, mean, var = ctx.saved_tensors
        _, gamma_learns, beta_learns, *_ = ctx.needs_input_grad
        dx = (dy * _scale(var, gamma, ctx.eps).to(_wide(x))).to(x.dtype)
        dgamma = dbeta = None
        if gamma_learns or beta_learns:  # a frozen layer saves four passes
            found = _parameter_gradients(dy, *_centre(x, mean), torch.rsqrt(var + ctx.eps))
            dgamma, dbeta = (v.reshape(-1) for v in found)
        return dx, dgamma if gamma_learns else None, dbeta if beta_learns else None, None, None, None


def _apply(function, *args):
    """Through autograd where something may want a gradient; plain otherwise, which torch 2.4 needs to compile it."""
    return function.apply(*args) if torch.is_grad_enabled() else function.forward(*args)


def _gradients(dy, x, gamma, mean, var, eps, dmean=None, dvar=None):
    """batch_norm_backward; what reaches mean and var adds dmean / m + 2 * dvar * (x - mean) / m to dx."""
    m, inv_std, (centred, rest) = _count(x, var), torch.rsqrt(var + eps), _centre(x, mean)
    dy = torch.zeros_like(x) if dy is None else dy
    dgamma, dbeta = _parameter_gradients(dy, centred, rest, inv_std)
    # A line for each channel, dy, and a factor: all in the memory of x - mean.
    through_var = None if dvar is None else 2 * dvar / m * (centred - rest)
    b = dgamma * inv_std / -m
    a = inv_std if gamma is None else inv_std * gamma.reshape(var.shape)
    dx = _steps(centred, ("mul", b), ("add", dbeta / -m - b * rest), ("add", dy), ("mul", a))
    dx = dx if dmean is None else dx + dmean / m
    dx = dx if dvar is None else dx + through_var
    return dx.to(x.dtype), dgamma.reshape(-1), dbeta.reshape(-1)


def _parameter_gradients(dy, centred, rest, inv_std):
    """dgamma and dbeta with the averaged axes kept as 1."""
    dbeta = _sum(dy, _axes(dy))
    return (_sum_of_products(dy, centred, _axes(dy)) - rest * dbeta) * inv_std, dbeta


def _moments(x, axes):
    """Mean and variance with the averaged axes kept as 1, and x - mean in two parts."""
    total = _sum(x, axes)
    m = _count(x, total)
    pivot = (total / m).detach().to(_wide(x))  # a few float32 roundings away from the mean: near enough
    centred = x - pivot
    rest = _sum(centred, axes) / m
    var = _sum_of_products(centred, centred, axes) / m - rest * rest
    mean = pivot + rest.nan_to_num()  # where x holds inf the mean is inf, as in torch.nn, but the rest inf - inf
    return mean, var.clamp(min=0), centred, rest  # 1e7 equal values and one other can round to -1e-16


def _centre(x, mean):
    """x - mean in two parts: x - pivot in float32, and a small rest per channel, to be subtracted later.

    The mean as a float32 is up to 5e-4 standard deviations off when mean / sd is 1e4, so the rest matters. Any pivot
    near the mean gives the same difference: it is a constant, and a gradient of the mean flows through the rest.
    """
    pivot = mean.detach().to(_wide(x))
    return x - pivot, mean - pivot


def _steps(x, *steps):
    """x.mul(v) or x.add(v) for each step (operation, v), written over x if possible.

    Fresh memory costs more than the arithmetic. Not if a graph may need x; a compiler sees by itself what to overwrite.
    """
    over = not (torch.is_grad_enabled() or torch.compiler.is_compiling())
    for operation, v in steps:
        v = v.to(x.dtype)
        try:
            x = getattr(x, operation + "_" * over)(v)
        except RuntimeError:  # under vmap v may be a whole stack of vectors, and x a single tensor
            x = getattr(x, operation)(v)
    return x


def _scale(var, gamma, eps):
    inv_std = torch.rsqrt(var + eps)
    return inv_std if gamma is None else inv_std * gamma.reshape(var.shape)


def _affine(centred, rest, var, gamma, beta, eps):
    """gamma * (centred - rest) / sqrt(var + eps) + beta, as one scale and one shift per channel."""
    scale = _scale(var, gamma, eps)
    shift = -rest * scale if beta is None else beta.reshape(var.shape) - rest * scale
    return _steps(centred, ("mul", scale), ("add", shift))


def _factors(x, *vectors):
    """The vectors in the dtype of a pass over x. Stacked, vmap makes each as large as what it is added to in place."""
    return torch.stack(vectors).to(_wide(x)).unbind()


def _sum_of_products(x, z, axes):
    """_sum(x * z, axes), and no memory for x * z where that would be large."""
    planes = x is z and x.ndim > 2 and axes == _axes(x) and x.is_contiguous() and x.shape[2:].numel() <= 4096
    if planes and not torch.is_grad_enabled():
        norms = torch.linalg.vector_norm(x, dim=axes[1:], keepdim=True)
        return norms.to(_sum_dtype(x)).square().sum(axes, keepdim=True)
    blocks = list(zip(_blocks(x), _blocks(z), strict=True))
    if len(blocks) > 1:
        scratch = torch.empty_like(blocks[0][0], dtype=torch.promote_types(x.dtype, z.dtype))
        with contextlib.suppress(RuntimeError):  # vmap has no out=
            return _total([_within(torch.mul(u, v, out=scratch[: len(u)]), axes) for u, v in blocks], axes)
    return _sum(x * z, axes)


def _sum(x, axes):
    """The sum over axes, kept as 1: pairwise in float32 within a sample (of (N, C): within a channel), then in float64.

    In float64 from the start, torch would first copy x in float64: 20 times the cost.
    """
    return _total([_within(u, axes) for u in (_blocks(x) if x.ndim == 2 else [x])], axes)


def _within(x, axes):
    return x.sum(axes[1:] or axes, keepdim=True, dtype=_wide(x))


def _total(parts, axes):
    sums = parts[0] if len(parts) == 1 else torch.cat(parts)
    return sums.sum(axes, keepdim=True, dtype=_sum_dtype(sums))


def _blocks(x):
    """x, or a large x cut along its first axis into blocks that stay in a CPU's cache. A compiler cuts by itself."""
    if torch.compiler.is_compiling() or torch.is_grad_enabled():  # asked first: a size asked for would be a guard
        return (x,)
    large = x.device.type == "cpu" and x.numel() > 4 * BLOCK
    return x.split(max(1, BLOCK // x[0].numel())) if large else (x,)


def _wide(x):
    """The dtype of a pass over x: float32 for 16-bit x, otherwise its own."""
    return torch.promote_types(x.dtype, torch.float32)


def _sum_dtype(x):
    """The dtype of sums and of everything per channel: float64, which Apple's GPUs do not have."""
    return torch.float32 if x.device.type == "mps" else torch.float64


def _axes(x):
    return (0, *range(2, x.ndim))


def _count(x, v):
    """m, how many values of x stand behind each number of v; at least 1, so that N = 0 divides nothing by nothing."""
    return max(x.numel() // max(v.numel(), 1), 1)


def _columns(x, *vectors):
    """(C,) vectors shaped (C, 1, ..., 1), so that they line up with axis 1 of x."""
    return [v.reshape(-1, *[1] * (x.ndim - 2)) for v in vectors]


def _like(x, y):
    """y in the dtype and layout that torch.nn gives it: channels last where x has that order, else ready for y.view."""
    channels_last = y.ndim > 3 and y.movedim(1, -1).is_contiguous()
    return y.to(x.dtype) if channels_last else y.to(x.dtype).contiguous()


def _check(x, gamma, beta, running_mean, running_var, training, eps):
    """Raise what PyTorch raises here, with a sentence that says what to do.

    What is an error, and of which class, differs between versions and devices; so the installed one is asked.
    """
    problem = _problem(x, gamma, beta, running_mean, running_var, training, eps)
    if problem is None:
        return
    running_mean, running_var = (v if v is None else v.clone() for v in (running_mean, running_var))
    try:
        F.batch_norm(x, running_mean, running_var, gamma, beta, training, 0.1, eps)
    except Exception as error:
        raise type(error)(problem) from error


def _problem(x, gamma, beta, running_mean, running_var, training, eps):
    """What was got, what was expected and what to do about it; None if all is well."""
    shape, half = tuple(x.shape), x.dtype in (torch.float16, torch.bfloat16)
    if len(shape) < 2:
        return f"x has shape {shape}, expected (N, C) or (N, C, ...): the batch first, channels second."
    if x.layout != torch.strided:
        return f"x is {x.layout}, expected a dense tensor: use x.to_dense()."
    if not half and x.dtype not in (torch.float32, torch.float64):
        return f"x holds {x.dtype}, expected float64, float32, float16 or bfloat16: use x.float()."
    if (running_mean is None) != (running_var is None) or (running_mean is None and not training):
        return "running_mean and running_var: one is missing. Give both; in training, both may be None."
    vectors = {"gamma (weight)": gamma, "beta (bias)": beta, "running_mean": running_mean, "running_var": running_var}
    vectors = {name: v for name, v in vectors.items() if v is not None}
    for name, v in vectors.items():
        if v.numel() != shape[1] or ("running" in name and v.ndim != 1):
            return (
                f"{name} has shape {tuple(v.shape)}, expected ({shape[1]},): one number for each channel (axis 1) of x "
                f"{shape}. Set num_features={shape[1]}, or move the channels to axis 1."
            )
        if "running" in name and v.requires_grad and torch.is_grad_enabled():
            return f"{name} requires a gradient, but running statistics are constants: use {name}.detach()."
        if v.dtype != x.dtype and not (half and all(u.dtype == torch.float32 for u in vectors.values())):
            return (
                f"{name} holds {v.dtype} and x {x.dtype}, expected the same (or float32 throughout for a 16-bit x): "
                "convert x with x.to(dtype), or the layer with layer.to(dtype)."
            )
    if training and x.numel() == shape[1]:
        return (
            f"x has shape {shape}, one value per channel: there is no spread to divide by. Use a batch of 2 or more "
            "(drop_last=True in the DataLoader), or evaluate with layer.eval()."
        )
    if eps < 0 or (training and eps <= 0):
        return f"eps is {eps}, expected a small positive number such as 1e-5: it keeps the square root away from 0."
    return None


def _forward(self, input):
    """y (N, C, *) from x (N, C, *): by this batch in training, by the running statistics otherwise."""
    x = input  # the name by which torch.nn takes it
    try:
        self._check_input_dim(x)
    except ValueError as error:
        raise ValueError(
            f"{type(self).__name__} {error}, x has shape {tuple(x.shape)}: BatchNorm1d takes (N, C) and (N, C, L), 2d "
            "(N, C, H, W), 3d (N, C, D, H, W). If the batch axis is missing, use x.unsqueeze(0)."
        ) from error
    if _is_exported(self) or x.numel() == 0:  # or nothing to compute: torch.nn's rules for nothing
        return nn.modules.batchnorm._BatchNorm.forward(self, x)
    if not self.training and not (self.running_mean is None and self.running_var is None):
        return batch_norm_eval(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
    tracks = self.training and self.track_running_stats
    if tracks:
        _check(x, self.weight, self.bias, self.running_mean, self.running_var, True, self.eps)
    y, mean, var = batch_norm(x, self.weight, self.bias, self.eps)
    if tracks:
        _track(self, mean.detach(), var.detach(), _count(x, mean))
        _save_something(mean)
    return y


def _is_exported(layer):
    """Is it recorded, for evaluation elsewhere? Then torch's operator stands for it: in ONNX one node, easily fused."""
    return not layer.training and (_is_exporting() or torch.jit.is_tracing())


def _track(layer, mean, var, m):
    """Count the batch and move the running statistics: in place, since they are buffers that others may hold."""
    count, momentum, buffers = layer.num_batches_tracked, layer.momentum, (layer.running_mean, layer.running_var)
    if momentum is None:
        momentum = 0.0 if count is None else 1 / (count + 1).to(mean.dtype)  # a tensor: vmap cannot read a number
    try:
        if all(v is not None for v in buffers):
            new = update_running(*buffers, mean, var, m, momentum)
            buffers[0].copy_(new[0])
            buffers[1].copy_(new[1])
        if count is not None:
            count.add_(1)
    except RuntimeError as error:
        if not any(words in str(error) for words in ("captured Tensor", "vmap: inplace")):
            raise  # another device, no memory left: there is nothing to add to what torch says
        raise RuntimeError(
            "the running statistics cannot be changed in place here. Inside torch.func.grad or vmap, pass the buffers "
            "through torch.func.functional_call (one set per model), or use track_running_stats=False."
        ) from error


def _save_something(mean):
    """Save a small tensor for a backward pass that never comes, as the last thing that a training pass saves.

    A checkpoint (torch.utils.checkpoint) computes its layers once more, and stops as soon as it has all that was saved.
    Without this it would stop before the running statistics move a second time, as they do in torch.nn.
    """
    mean.square()


class BatchNorm1d(nn.BatchNorm1d):
    """nn.BatchNorm1d computed by this module: x (N, C) or (N, C, L). Arguments and attributes are nn.BatchNorm1d's.

    torch.compile, torch.export, torch.onnx and torch.func (grad, vmap, jacrev) work; exported for evaluation, the layer
    is PyTorch's own operator (from torch 2.7 on), with that operator's accuracy. Not promised: torch.jit.script, and
    jit.trace of training, torch.fx tracing, eager-mode fuse_modules (use `fold`), and forward-mode differentiation
    (jvp, jacfwd), since a Function that defines it can no longer be compiled.
    """

    forward = _forward


class BatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d computed by this module: x (N, C, H, W). What is not promised: see BatchNorm1d."""

    forward = _forward


class BatchNorm3d(nn.BatchNorm3d):
    """nn.BatchNorm3d computed by this module: x (N, C, D, H, W). What is not promised: see BatchNorm1d."""

    forward = _forward


class LazyBatchNorm1d(nn.LazyBatchNorm1d):
    """nn.LazyBatchNorm1d: its first batch tells it C and makes it a BatchNorm1d of this module."""

    forward, cls_to_become = _forward, BatchNorm1d


class LazyBatchNorm2d(nn.LazyBatchNorm2d):
    """nn.LazyBatchNorm2d: its first batch tells it C and makes it a BatchNorm2d of this module."""

    forward, cls_to_become = _forward, BatchNorm2d


class LazyBatchNorm3d(nn.LazyBatchNorm3d):
    """nn.LazyBatchNorm3d: its first batch tells it C and makes it a BatchNorm3d of this module."""

    forward, cls_to_become = _forward, BatchNorm3d


# --- one batch on several processes ----------------------------------------------------------------------------------


def merge_statistics(counts, means, squares):
    """Mean and variance of values that lie in several places, from what each place knows of its own.

        n = sum n_i     mean = sum(n_i mean_i) / n     var = (sum M_i + sum n_i (mean_i - mean)^2) / n

    counts   (P,)     n_i, how many values a channel has at each of P places; some may be 0
    means    (P, C)   mean_i
    squares  (P, C)   M_i, the sum of (x - mean_i)^2
    Returns n (a tensor of one number), mean (C,), var (C,), biased. With no value at all, n = 0 and zeros.
    Source: Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances",
    equations 2.1, for any number of places. No large squares are subtracted from each other, only means.
    """
    n, shares = counts.sum(), (counts / counts.sum().clamp(min=1))[:, None]
    pivot = means[counts.argmax()]  # near the mean, so that its rounding is that of the spread, not of the mean
    mean = pivot + (shares * (means - pivot)).sum(0)
    return n, mean, squares.sum(0) / n.clamp(min=1) + (shares * (means - mean).square()).sum(0)


class _SyncFunction(torch.autograd.Function):
    """batch_norm of the batches of all processes together: y, mean, var, n = apply(x, gamma, beta, eps, group)."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps, group):
        counts, means, squares = _gathered(x, group)
        n, mean, var = merge_statistics(counts, means, squares)
        ctx.save_for_backward(x, gamma, mean, var, n)
        ctx.eps, ctx.group = eps, group
        ctx.mark_non_differentiable(mean, var, n)
        column, variance = _columns(x, mean, var)
        return _like(x, _affine(*_centre(x, column), variance, gamma, beta, eps)), mean, var, n

    @staticmethod
    def backward(ctx, dy, *_):
        if torch.is_grad_enabled():
            raise RuntimeError(
                "SyncBatchNorm has no second derivative: create_graph=True would have to exchange gradients of "
                "gradients between the processes. Use BatchNorm1d, 2d or 3d (statistics per process), or leave it out."
            )
        x, gamma, mean, var, n = ctx.saved_tensors
        mean, var = _columns(x, mean, var)
        inv_std, (centred, rest) = torch.rsqrt(var + ctx.eps), _centre(x, mean)
        dgamma, dbeta = _parameter_gradients(dy, centred, rest, inv_std)
        sums = torch.stack((dgamma, dbeta)).contiguous()
        torch.distributed.all_reduce(sums, group=ctx.group)
        all_dgamma, all_dbeta = sums / n.clamp(min=1)
        a = inv_std if gamma is None else inv_std * gamma.reshape(var.shape)
        b = -all_dgamma * inv_std
        dx = _steps(centred, ("mul", b), ("add", -all_dbeta - b * rest), ("add", dy), ("mul", a)).to(x.dtype)
        # This process' share: DistributedDataParallel averages the gradients of parameters itself.
        found = [v.reshape(-1).to(gamma.dtype) if gamma is not None else None for v in (dgamma, dbeta)]
        return dx, *found, None, None


def _gathered(x, group):
    """What every process of the group knows of its batch: counts (P,), means (P, C), squares (P, C). One message."""
    C = x.shape[1]
    if x.numel():
        mean, var, *_ = _moments(x, _axes(x))
        own = torch.cat([v.reshape(-1) for v in (mean, var * _count(x, mean))])
    else:
        own = torch.zeros(2 * C, dtype=_sum_dtype(x), device=x.device)
    own = torch.cat([own.new_tensor([x.numel() / max(C, 1)]), own])
    all_ = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size(group))]
    torch.distributed.all_gather(all_, own, group=group)
    counts, means, squares = torch.stack(all_).split((1, C, C), 1)
    return counts.reshape(-1), means, squares


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm whose batch is that of all processes together: x (N, C, *) on each, N may differ and may be 0.

        mean, var   of all values of a channel, on all processes of the group (one all_gather of 1 + 2 C numbers)
        dx          by the sums of dy and dy * x_hat over all of them (one all_reduce of 2 C numbers)

    Arguments, attributes, buffers and state_dict are nn.SyncBatchNorm's. Unlike that it runs on CPUs (gloo), also under
    DistributedDataParallel, which refuses every nn.SyncBatchNorm there: so it is no subclass of it. gamma and beta get
    the gradient of this process' loss, as all parameters do. Without torch.distributed, in a group of one and in
    evaluation it is BatchNorm1d, 2d or 3d. All processes of a group must call it equally often, forward and backward;
    if one of them dies, the others get an error, at the latest after the timeout of the group.
    Raises what `batch_norm` raises; ValueError on all processes if there is one value per channel altogether.
    RuntimeError for create_graph=True: there are no second derivatives.
    """

    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, process_group=None,
        device=None, dtype=None,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device=device, dtype=dtype)
        self.process_group = process_group

    _check_input_dim = nn.SyncBatchNorm._check_input_dim

    def forward(self, input):
        x, group = input, self.process_group
        if not self.training or not _several(group):
            return _forward(self, x)
        self._check_input_dim(x)
        several = x.new_zeros(2, *x.shape[1:]) if len(x) < 2 else x  # how many there are is known after the exchange
        tracks = self.track_running_stats
        buffers = (self.running_mean, self.running_var) if tracks else (None, None)
        _check(several, self.weight, self.bias, *buffers, True, self.eps)
        y, mean, var, n = _SyncFunction.apply(x, self.weight, self.bias, self.eps, group)
        n = int(n)
        if n < 2:
            raise ValueError(
                f"all processes together have {n} value(s) per channel, expected 2 or more: there is no spread to "
                "divide by."
            )
        if tracks:
            _track(self, mean, var, n)
            _save_something(mean)
        return y

    @classmethod
    def convert(cls, net, process_group=None):
        """Turn every BatchNorm of net (torch's, ours, nn.SyncBatchNorm) into this class, in place; `revert` undoes it.

        Parameters, buffers, hooks and mode stay, as with `replace_batch_norm`. Subclasses of others are left.
        net            nn.Module, may be a BatchNorm itself
        process_group  of processes that share a batch; None: all (or the one that an nn.SyncBatchNorm has)
        Returns net.
        """
        for module in net.modules():
            if type(module) in _SYNCED:
                module._converted_from = type(module)
                module.process_group = process_group or getattr(module, "process_group", None)
                module.__class__ = cls
        return net

    @classmethod
    def revert(cls, net, to=None):
        """Turn every layer of this class in net back into the class it was converted from, in place.

        to  a class, such as nn.BatchNorm2d, for layers that were made as SyncBatchNorm; ValueError if there are some
            and it is missing; net is then unchanged
        Returns net.
        """
        found = {name: module for name, module in net.named_modules() if type(module) is cls}
        unknown = [name or "the net itself" for name, module in found.items() if not hasattr(module, "_converted_from")]
        if unknown and to is None:
            raise ValueError(
                f"{', '.join(unknown)} was made as SyncBatchNorm, which fits 1d, 2d and 3d: say which class it is to "
                "become, with to=nn.BatchNorm2d or another."
            )
        for module in found.values():
            kind = module.__dict__.pop("_converted_from", to)
            if kind is not nn.SyncBatchNorm:
                del module.process_group
            module.__class__ = kind
        return net


def _several(group):
    """Whether there are other processes in the group."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return there and torch.distributed.get_world_size(group) > 1


_LAYERS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d)
_SYNCED = {*_LAYERS[:3], nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm}  # what `convert` takes
_OURS = {getattr(nn, ours.__name__): ours for ours in _LAYERS}  # by the class of torch.nn whose place they take


def replace_batch_norm(net, strict=False):
    """Turn every nn.BatchNorm1d, 2d and 3d in net, lazy ones too, into ours, in place. All others are left.

    Only the class of a module changes, so its Parameters (which an optimizer may hold), buffers, hooks and mode stay.
    net     nn.Module, may be a BatchNorm itself
    strict  raise if a BatchNorm would be left, such as a subclass or SyncBatchNorm; `replaceable(net)` tells which
    Returns net.
    Raises ValueError if strict and a BatchNorm would be left; net is then unchanged.
    """
    found = replaceable(net)
    if strict and found.left:
        raise ValueError(found.refusal())
    for name in found.replaced:
        module = net.get_submodule(name)
        module.__class__ = _OURS[type(module)]
    return net


def replaceable(net):
    """Which BatchNorms of net `replace_batch_norm` replaces, and which it leaves for what reason. Nothing is changed.

    net  nn.Module, may be a BatchNorm itself
    Returns replaced {name: class}, left {name: reason}, a pair that prints line by line; what is ours is in neither.
    """
    return _sorted_out(net, _OURS)


class Replaceable(NamedTuple):
    """The BatchNorms of a net by their names in it ("" is the net itself): those replaced, those left and why."""

    replaced: dict
    left: dict

    def __repr__(self):
        lines = []
        for title, found in (("replaced", self.replaced), ("left", self.left)):
            lines += [f"{title}: {len(found)}", *("  " + line for line in _by_reason(found))]
        return "\n".join(lines)

    def refusal(self):
        """Why nothing was replaced, in a sentence."""
        left, all_of_them = len(self.left), len(self.left) + len(self.replaced)
        return (
            f"{left} of {all_of_them} BatchNorms cannot be replaced, so none was. {'; '.join(_by_reason(self.left))}. "
            "Change these by hand first, or leave strict out."
        )


def _by_reason(found, shown=3):
    """For each class or reason a line with the names of the first layers that have it."""
    reasons = {}
    for name, says in found.items():
        reasons.setdefault(says, []).append(name or "the net itself")
    for says, names in reasons.items():
        more = f" and {len(names) - shown} more" if len(names) > shown else ""
        yield f"{', '.join(names[:shown])}{more}: {says}"


def _sorted_out(net, ours):
    found = Replaceable({}, {})
    for name, module in net.named_modules():
        kind = getattr(module, "original_name", type(module).__name__)  # the first is what torch.jit keeps of a class
        looks_like_one = "BatchNorm" in kind and hasattr(module, "running_mean")
        if isinstance(module, tuple(ours.values())):
            continue
        if type(module) in ours and "forward" not in vars(module):
            found.replaced[name] = kind
        elif looks_like_one or isinstance(module, nn.modules.batchnorm._BatchNorm):
            found.left[name] = f"{kind}, {_reason_to_leave(module)}"
    return found


def _reason_to_leave(module):
    if isinstance(module, torch.jit.ScriptModule):
        return "compiled by torch.jit"
    if not isinstance(module, nn.modules.batchnorm._BatchNorm):
        return "not made from nn.BatchNorm1d, 2d or 3d"
    if "forward" in vars(module):
        return "on which somebody has set another forward, which would go on being used"
    if isinstance(module, nn.SyncBatchNorm):
        return "whose statistics are those of all processes together"
    if nn.utils.parametrize.is_parametrized(module):
        return "a class that a parametrization needs: replace first, parametrize then"
    return "a subclass, whose own code would be lost"
