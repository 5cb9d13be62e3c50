"""The exercise `BatchNormFunction`."""

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from bnbook import norm_torch
from bnbook.grading.compare import Probe, kind_of
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import far_from_zero

from .parts import gradients, numbers, values


def _use(yours, x, gamma, beta, eps, dy, dmean, dvar, closer=False):
    """What apply returns, the gradients through each of the three and the derivatives of those; where a closer look is
    asked for, also what is kept and what comes of it."""
    inputs = [torch.from_numpy(v).requires_grad_() for v in (x, gamma, beta)]  # the same memory: writing shows
    dy, dmean, dvar = (torch.from_numpy(v) for v in (dy, dmean, dvar))
    dy.requires_grad_()
    first = _outputs(yours, inputs, eps)
    if first is None:
        return None
    y, mean, var = first
    found = gradients((y * dy).sum(), inputs, create_graph=True)
    random = np.random.default_rng(2)
    along = sum((g * torch.from_numpy(random.normal(size=g.shape))).sum() for g in found)
    second = gradients(along, [inputs[0], inputs[1], dy])
    through_mean = gradients((_outputs(yours, inputs, eps)[1].reshape(-1) * dmean).sum(), inputs[:1])
    through_var = gradients((_outputs(yours, inputs, eps)[2].reshape(-1) * dvar).sum(), inputs[:1])
    tensors = [y, mean.reshape(-1), var.reshape(-1), *found, *through_mean, *through_var, *second]
    seen = _closer_look(yours, inputs, eps, dy) if closer else _AS_IT_SHOULD_BE
    return *map(numbers, tensors), sum(v.requires_grad for v in first), *seen


_AS_IT_SHOULD_BE = (1, 0, 0, 0)  # what `_closer_look` sees of a right Function


def _closer_look(yours, inputs, eps, dy):
    return (
        _large_arrays_kept(lambda: _outputs(yours, inputs, eps), inputs[0]),
        _wrong_after_a_change(yours, inputs, 0, eps, dy),
        _wrong_after_a_change(yours, inputs, 1, eps, dy),
        _errors_without_numpy(yours, inputs, eps),
    )


def _outputs(yours, inputs, eps):
    result = getattr(yours, "apply", yours)(*inputs, eps)
    if result is not None and not (isinstance(result, tuple) and len(result) == 3):
        raise TypeError(f"forward returned {kind_of(result)}, expected 3 tensors: y, mean, var")
    return result


def _large_arrays_kept(call, x):
    """How many arrays as large as x autograd keeps for the way back."""
    kept = set()

    def note(saved):
        storage = saved.untyped_storage()
        if storage.nbytes() >= x.numel() * x.element_size():
            kept.add(storage.data_ptr())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        result = call()  # held until all is counted: what is kept dies with it
    return len(kept) if result else 0


def _wrong_after_a_change(yours, inputs, which, eps, dy):
    """1 if dx comes out wrong, and no error is raised, where an input is overwritten after forward, as an optimizer or
    an in-place ReLU does it."""
    dy, dx = dy.detach(), []
    for overwrites in (False, True):
        fresh = [v.detach().clone().requires_grad_() for v in inputs]
        y = _outputs(yours, fresh, eps)[0]
        if overwrites:
            with torch.no_grad():
                fresh[which].sin_()
        try:
            dx += gradients((y * dy).sum(), fresh[:1])
        except RuntimeError:
            return 0
    return int(not torch.allclose(*dx))


class _NoNumPy(TorchFunctionMode):
    """As on a GPU, no tensor can be handed to NumPy."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.numpy, torch.Tensor.__array__):
            raise TypeError("can't convert this tensor to numpy: it could be on a GPU")
        return function(*args, **(kwargs or {}))


def _errors_without_numpy(yours, inputs, eps):
    """1 if it fails where there is no way over NumPy."""
    inputs = [v.detach().clone().requires_grad_() for v in inputs]
    try:
        with _NoNumPy():
            gradients(_outputs(yours, inputs, eps)[0].sum(), inputs)
    except TypeError:
        return 1
    return 0


def _probe(says, x, eps, *closer, tolerance=None):
    random = np.random.default_rng(1)
    gamma, beta = np.array([1.5, -0.7, 2.0]), np.array([0.3, -2.0, 5.0])
    args = [x, gamma, beta, random.normal(size=x.shape), *random.normal(size=(2, 3))]
    x, gamma, beta, *backwards = (v.astype(x.dtype, copy=v is not x) for v in args)
    return Probe(says, (x, gamma, beta, eps, *backwards, *closer), tolerance)


def _probes():
    not_contiguous = np.moveaxis(np.ascontiguousarray(np.moveaxis(values(4, 3, 2, 5), 1, -1)), -1, 1)
    return [
        _probe("a table x (5, 3), eps 0.1", values(5, 3), 0.1),
        _probe("images x (5, 3, 4, 6), eps 0.1", values(5, 3, 4, 6), 0.1, True),
        _probe("signals x (4, 3, 5), eps 0.01", values(4, 3, 5), 0.01),
        _probe("images x (4, 3, 2, 5) not contiguous, eps 0.1", not_contiguous, 0.1),
        _probe("volumes x (2, 3, 2, 3, 4), eps 0.1", values(2, 3, 2, 3, 4), 0.1),
        _probe("a batch of 3, x (3, 3), eps 1e-5", values(3, 3), 1e-5),
        _probe("float32 images x (8, 3, 4, 6) around 10,000, eps 0.1", far_from_zero(8, 3, 4, 6), 0.1, tolerance=0.02),
    ]


def _example():
    x, dy = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]]), np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]])
    return x, np.array([2.0, -1.0]), np.array([1.0, 5.0]), 0.1, dy, np.array([3.0, 6.0]), np.array([3.0, 6.0])


BatchNormFunction = Exercise(
    name="BatchNormFunction",
    room=__package__,
    finished=norm_torch.BatchNormFunction,
    inputs=("x", "gamma", "beta", "eps", "dy", "dmean", "dvar"),
    outputs=(
        *("y", "mean", "var", "dx", "dgamma", "dbeta", "dx_through_mean", "dx_through_var"),
        *("d2x", "d2gamma", "d2dy"),  # derivatives of dx, dgamma and dbeta by x, gamma and dy
        "number of outputs that have a gradient",
        "number of arrays as large as x kept for backward",
        "number of wrong dx where x is overwritten before backward",
        "number of wrong dx where gamma is overwritten before backward",
        "number of errors where no tensor can go to NumPy, as on a GPU",
    ),
    probes=_probes,
    example=_example,
    observe=_use,
    also=(norm_torch._moments, norm_torch._affine, norm_torch._gradients, norm_torch._parameter_gradients),
    hints=(
        "forward computes, setup_context keeps what backward will need, backward returns four things, one for each "
        "argument of forward: dx, dgamma, dbeta, and None for eps.",
        "forward: x_hat, mean, var = normalize(x, (0, *range(2, x.ndim)), eps), then scale and shift with gamma and "
        "beta reshaped to (C, 1, ..., 1). setup_context: x, gamma, _, ctx.eps = inputs and "
        "ctx.save_for_backward(x, gamma, *output[1:]).",
        "backward: dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, mean, var, ctx.eps), and dx gets "
        "two more terms, dmean / m + 2 * dvar * (x - mean) / m, m = x.numel() / x.shape[1], vectors as (C, 1, ..., 1). "
        "(The package's own source has x - mean in two parts, centred and rest, for the sake of float32 alone.)",
    ),
)
