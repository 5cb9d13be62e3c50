"""What stands before and after a layer, and how often it is called."""

import math

from .finding import found, get, renew

QUARTER = 0.25  # sd


def train_eval_gap(layer):
    """The layer's output differs between modes beyond noise, with statistics recalibrated."""
    if layer.out_train is None or layer.out_eval is None or not layer.has_stats:
        return _dropout_shift(layer)
    size, noise = _apart(layer.out_train, layer.out_eval)
    if size <= max(QUARTER, 3 * noise):
        return _dropout_shift(layer)
    why = "Its output in evaluation differs from that in training by more than chance, although its statistics "
    why += "were collected anew. "
    why += "The two modes compute different formulas, and this is the first layer where it shows."
    fix = "# its forward must compute gamma * (x - mean) / sqrt(var + eps) + beta in both modes\n"
    fix += f'setattr(model.get_submodule("{layer.name.rpartition(".")[0]}"), "{layer.name.rpartition(".")[2]}", '
    fix += f"torch.nn.BatchNorm{layer.dims or max(len(layer.input_shape or ()) - 2, 1)}d({layer.channels}, "
    fix += f"eps={layer.eps:g}))"
    return found(layer, "train-eval-gap", "warning", size, max(QUARTER, 3 * noise), "sd of its output", why, fix)


def _dropout_shift(layer):
    """A note where dropout before a layer gives training another variance than evaluation."""
    if layer.quiet is None or layer.train is None or not layer.learns:
        return None
    live = ~(layer.train.constant | layer.quiet.constant)
    if not live.any():
        return None
    logs = 0.5 * (layer.train.var / layer.quiet.var)[live].log()
    # Both are of the same batches: what is left of chance is how unlike the channels are.
    noise = logs.std() / math.sqrt(len(logs)) if len(logs) > 1 else 0.0
    shift = abs(float(logs.mean()))
    if shift <= max(0.05, 4 * float(noise)):
        return None
    why = f"Dropout before this layer makes its input's sd {math.exp(float(logs.mean())):.3g} times as large in "
    why += "training as in evaluation. "
    why += "Running statistics are those of training; dropout after the last BatchNorm has no such effect."
    fix = renew(layer) + "  # after setting p of the dropout before it to 0"
    return found(layer, "train-eval-gap", "note", shift, 0.05, "log sd between modes", why, fix)


def _apart(a, b):
    """(distance, noise) of two Moments: shift in sd and log sd ratio, root mean square over channels."""
    live = ~(a.constant & b.constant)
    if not live.any():
        return 0.0, 1.0
    sd = a.sd.maximum(b.sd)[live]
    shift, logs = ((a.mean - b.mean)[live] / sd), (a.sd / b.sd)[live].log().clamp(-50, 50)
    size = float((shift.square() + logs.square()).mean().sqrt())
    noise = sum((m.mean_noise[live] / sd).square() + (m.var_noise[live] / (2 * sd.square())).square() for m in (a, b))
    return (size if size == size else math.inf), float((noise / a.batches).mean().sqrt())


def shared_layer(layer):
    """One layer called at several places with unlike statistics."""
    if layer.family != "batch" or len(layer.per_call) < 2 or not layer.learns:
        return None
    calls = [call for call in layer.per_call if call is not None]
    size, noise = max((_apart(a, b) for i, a in enumerate(calls) for b in calls[:i]), default=(0.0, 0.0))
    if size <= max(QUARTER, 3 * noise):
        return None
    why = f"This layer is called {layer.calls} times in a forward pass on inputs {size:.2g} sd apart, and has one "
    why += "pair of statistics for all. "
    why += "In training each call uses its own batch, in evaluation none fits."
    fix = "import copy\n" + get(layer)
    fix += f"layers = torch.nn.ModuleList(copy.deepcopy(layer) for _ in range({layer.calls}))  # one for each place"
    return found(layer, "shared-layer", "warning", size, max(QUARTER, 3 * noise), "sd between its calls", why, fix)


def updated_more_than_once(layer):
    """Statistics move again in the backward pass."""
    if (
        layer.family != "batch"
        or not layer.calls_in_backward
        or not (layer.learns and layer.tracks)
        or layer.momentum == 0
    ):
        return None
    why = f"The layer runs {layer.calls_in_backward} more times in the backward pass, and its statistics move each "
    why += "time: activation checkpointing. "
    why += "The new batch gets more weight than momentum says; with momentum below, twice is as much as once."
    if layer.momentum is None:
        fix = get(layer) + "layer.momentum = 0.1"
    else:
        fix = get(layer) + f"layer.momentum = {1 - (1 - layer.momentum) ** (1 / (1 + layer.calls_in_backward)):.4g}"
    fix += '  # two small steps as far as one; the warning stays: ignore=["updated-more-than-once"]'
    return found(layer, "updated-more-than-once", "warning", layer.calls_in_backward, 0, "calls in backward", why, fix)


def never_called(layer):
    """A BatchNorm that forward does not use."""
    if layer.family != "batch" or layer.calls != 0 or layer.calls_in_backward:
        return None
    why = "The forward pass did not call this layer. "
    why += "Its parameters are never trained, and DDP waits for their gradients."
    parent, _, last = layer.name.rpartition(".")
    fix = f'setattr(model.get_submodule("{parent}"), "{last}", torch.nn.Identity())'
    return found(layer, "never-called", "note", 0, 0, "calls", why, fix)


def redundant_bias(layer):
    """A bias straight into BatchNorm."""
    if layer.family != "batch" or layer.source_kind not in ("linear", "conv") or not layer.source_bias or layer.frozen:
        return None
    why = f"{layer.source} adds a bias, and this layer subtracts it again with the mean. "
    why += "It gets no gradient and costs memory; beta does its work."
    fix = f'source = model.get_submodule("{layer.source}")\n' + get(layer)
    fix += "if layer.running_mean is not None:\n    layer.running_mean.sub_(source.bias.detach())\nsource.bias = None"
    return found(layer, "redundant-bias", "note", 1, 0, "bias", why, fix)


def normalized_twice(layer):
    """A norm feeding a norm."""
    if layer.source_kind != "norm":
        return None
    why = f"Its input comes straight from another norm, {layer.source}. "
    why += "The second undoes the first one's gamma and beta where they act on the same axes."
    parent, _, last = layer.name.rpartition(".")
    fix = f'setattr(model.get_submodule("{parent}"), "{last}", torch.nn.Identity())'
    return found(layer, "normalized-twice", "note", 2, 1, "norms in a row", why, fix)


def norm_on_output(layer):
    """Every batch's output has the same mean and spread."""
    if layer.family != "batch" or not layer.is_output:
        return None
    severity = "warning" if layer.model.regression else "note"
    why = "The model ends in this layer: in training every batch's output has mean beta and sd gamma, whatever the "
    why += "targets are. "
    why += "A regression cannot fit batches whose targets differ; before a contrastive loss it is meant so."
    parent, _, last = layer.name.rpartition(".")
    fix = f'setattr(model.get_submodule("{parent}"), "{last}", torch.nn.Identity())'
    return found(layer, "norm-on-output", severity, 1, 0, "norm at the output", why, fix)


def features_not_on_axis_1(layer):
    """BatchNorm1d normalizes another axis than the one that the layer before it wrote."""
    shape = layer.input_shape
    if layer.family != "batch" or layer.how == "home-made" or layer.feature_axis in (None, 1) or len(shape or ()) < 3:
        return None
    why = f"The features of its input {shape} lie on axis {layer.feature_axis}, where the layer before it wrote "
    why += "them; BatchNorm takes axis 1. "
    why += "Positions are normalized instead of features: transpose before and after."
    parent, _, last = layer.name.rpartition(".")
    fix = (
        "class OnAxis(torch.nn.Module):\n"
        "    def __init__(self, norm, axis):\n"
        "        super().__init__()\n"
        "        self.norm, self.axis = norm, axis\n"
        "    def forward(self, x):\n"
        "        return self.norm(x.transpose(1, self.axis)).transpose(1, self.axis)\n"
        f'setattr(model.get_submodule("{parent}"), "{last}",\n'
        f"        OnAxis(torch.nn.BatchNorm{len(shape) - 2}d({shape[layer.feature_axis]}), {layer.feature_axis}))"
    )
    return found(layer, "features-not-on-axis-1", "warning", layer.feature_axis, 1, "axis of the features", why, fix)


RULES = (
    *(train_eval_gap, shared_layer, updated_more_than_once, never_called, redundant_bias, normalized_twice),
    *(norm_on_output, features_not_on_axis_1),
)
