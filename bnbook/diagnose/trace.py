"""Who wrote a tensor, and on which axis its features lie: followed through one forward pass."""

import torch
from torch import nn

from .sites import family_of

KEEP = {"contiguous", "clone", "to", "float", "double", "half", "type_as", "detach"}
TURN = {"transpose", "transpose_", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "__get__", "t", "adjoint"}
ELEMENTWISE = {
    *("relu", "relu_", "relu6", "gelu", "silu", "elu", "celu", "selu", "leaky_relu", "leaky_relu_", "tanh", "sigmoid"),
    *("hardtanh", "hardswish", "hardsigmoid", "mish", "softplus", "softsign", "dropout", "threshold", "abs", "square"),
    *("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "true_divide", "__add__", "__mul__", "__rmul__"),
    *("__radd__", "__iadd__", "__imul__", "feature_dropout", "dropout1d", "dropout2d", "alpha_dropout", "clamp", "exp"),
}
PRIMES = (2, 3, 5, 7, 11, 13)
CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Tag:
    """What is known about a tensor: the module that wrote it, nothing between if `exact`, and its features' axis."""

    def __init__(self, tensor, name, kind, axis, exact=True, bias=False):
        self.tensor, self.name, self.kind, self.axis, self.exact, self.bias = tensor, name, kind, axis, exact, bias

    def moved(self, tensor, axis, exact):
        """The same for a tensor made from it."""
        return Tag(tensor, self.name, self.kind, axis, self.exact and exact, self.bias)


class Trace:
    """Tags by tensor, for one forward pass; the tensors are held so long that no address is used twice."""

    def __init__(self):
        self.tags = {}

    def about(self, tensor):
        """The Tag of a tensor, or None."""
        return self.tags.get(id(tensor))

    def put(self, tag):
        self.tags[id(tag.tensor)] = tag

    def wrote(self, name, module, output):
        """A module of torch.nn returned this tensor."""
        if not isinstance(output, torch.Tensor):
            return
        if isinstance(module, nn.Linear):
            self.put(Tag(output, name, "linear", output.ndim - 1, bias=module.bias is not None))
        elif isinstance(module, CONVS):
            self.put(Tag(output, name, "conv", 1, bias=module.bias is not None))
        elif family_of(module):
            before = self.about(output)
            self.put(Tag(output, name, "norm", before.axis if before else None))

    def after(self, func, args, result):
        """A function of torch was called: its result is a turned or element-wise changed copy, or unknown."""
        tag = next((self.about(a) for a in args if isinstance(a, torch.Tensor) and self.about(a)), None)
        if tag is None or not isinstance(result, torch.Tensor) or self.about(result):
            return
        name = getattr(func, "__name__", "")
        if name in TURN and result.ndim == tag.tensor.ndim:
            self.put(tag.moved(result, _turned(func, args, tag), True))
        elif result.shape == tag.tensor.shape and name in KEEP:
            self.put(tag.moved(result, tag.axis, True))
        elif result.shape == tag.tensor.shape and name in ELEMENTWISE:
            self.put(tag.moved(result, tag.axis, False))


def _turned(func, args, tag):
    """Where the features' axis goes: the same call on a tensor without numbers whose sizes are all different."""
    if tag.axis is None:
        return None
    with torch._C.DisableTorchFunction():
        try:
            shape = func(torch.empty(PRIMES[: tag.tensor.ndim], device="meta"), *args[1:]).shape
        except (RuntimeError, TypeError, IndexError):
            return None
    wanted = PRIMES[tag.axis]
    return list(shape).index(wanted) if wanted in shape else None
