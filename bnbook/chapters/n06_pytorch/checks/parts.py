"""What the checks of this notebook share: inputs, gradients, and the comparison of numbers and texts."""

import contextlib

import numpy as np
import torch

from bnbook.grading.compare import array_difference


def numbers(value):
    """A tensor as an array; what is not there as an empty one."""
    return np.zeros(0) if value is None else value.detach().numpy().copy()


def difference(name, yours, expected, probe):
    """As for arrays; texts have to be equal."""
    if not isinstance(expected, str):
        return array_difference(name, yours, expected, probe)
    return None if yours == expected else f"{name}: yours {yours}, expected {expected}"


def values(*shape):
    """Numbers on which the slips differ: three channels with means -3, 0.5 and 10 and spreads 2, 0.3 and 1.5."""
    random = np.random.default_rng(shape)
    mean, spread = (np.reshape(v, (1, 3) + (1,) * (len(shape) - 2)) for v in ([-3.0, 0.5, 10.0], [2.0, 0.3, 1.5]))
    return mean + spread * (random.normal(size=shape) + 0.5 * random.normal(size=(shape[0], *[1] * (len(shape) - 1))))


def gradients(loss, inputs, **how):
    """Gradients of loss, 0 where there is no way back."""
    if not loss.requires_grad:
        return [torch.zeros_like(v) for v in inputs]
    return torch.autograd.grad(loss, inputs, materialize_grads=True, **how)


@contextlib.contextmanager
def born_as(dtype):
    """New tensors, and so new layers, are of this dtype: .double() would miss what is not registered."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)
