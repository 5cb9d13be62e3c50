"""What batches do to a layer: too few values, batches unlike each other, evaluation data from elsewhere."""

import math

from ..moments import unlike
from .finding import found, get

QUARTER = 0.25  # sd


def too_few_values(layer):
    """A single value per channel, or so few that the mean's error exceeds a quarter sd."""
    if layer.family != "batch" or not layer.calls or layer.frozen or not (layer.training or not layer.model.training):
        return None
    if layer.values == 1:
        why = "A batch gives each channel a single value, whose variance is 0: training raises or outputs beta. "
        return _few(layer, "error", 1, 1, "value per channel", why, 16)
    data = layer.train
    if data is None or data.constant.all():
        return None
    live = ~data.constant
    own = data.example_noise.square()[live]
    # The biased variance lacks what the batch's mean took: with that put back, independent rows have 1 / sqrt(n)
    # exactly, and at n = 16 rounding must not decide.
    error = float((own / (data.biased_var[live] + own)).mean().sqrt())
    if error <= QUARTER * 1.001:
        return None
    wanted = math.ceil(data.examples * (error / QUARTER) ** 2 - 1e-6)
    why = f"With {data.examples} examples a batch the mean of a channel is known to {error:.2g} of its sd only. "
    return _few(layer, "warning", error, QUARTER, "sd of error in a batch's mean", why, wanted)


def _few(layer, severity, number, threshold, unit, why, wanted):
    why += f"{wanted} examples a batch would do; or GroupNorm, or statistics that are frozen, which need no batch."
    fix = f"loader = torch.utils.data.DataLoader(loader.dataset, batch_size={wanted}, shuffle=True, drop_last=True)"
    return found(layer, "too-few-values", severity, number, threshold, unit, why, fix)


def last_batch_of_one(model):
    """The last batch of an epoch has one example, and a layer has one value per channel of it."""
    if model.last_batch is None:
        return None
    lonely = [x for x in model.layers if x.family == "batch" and x.values and x.values <= max(model.batch_size, 1)]
    if not lonely:
        return None
    total, size = model.last_batch
    why = f"{total} examples in batches of {size} leave a last batch of one, which BatchNorm refuses in training. "
    why += "The error comes at the end of the first epoch."
    fix = "loader = torch.utils.data.DataLoader(loader.dataset, loader.batch_size, shuffle=True, drop_last=True)"
    return found(lonely[0], "last-batch-of-one", "warning", 1, 1, "example in the last batch", why, fix)


def one_value_per_group(layer):
    """GroupNorm, InstanceNorm or LayerNorm over a single value."""
    if layer.family == "batch" or layer.values != 1:
        return None
    why = f"Every {layer.family} that this {layer.kind} normalizes holds a single value, so its output is beta "
    why += "whatever comes in. "
    why += "Fewer groups, or another norm, leave something to normalize."
    parent, _, last = layer.name.rpartition(".")
    fix = f'setattr(model.get_submodule("{parent}"), "{last}", torch.nn.LayerNorm(model.get_submodule("{layer.name}").'
    fix += ("num_channels))" if layer.family == "group" else "num_features))") if layer.family != "layer" else ""
    if layer.family == "layer":
        fix = f'setattr(model.get_submodule("{parent}"), "{last}", torch.nn.Identity())'
    return found(layer, "one-value-per-group", "error", 1, 1, f"value per {layer.family}", why, fix)


def batches_not_alike(model):
    """Batches differ more than their examples' own spread allows."""
    layers = [layer for layer in model.layers if layer.family == "batch" and layer.quiet is not None]
    if model.loader_kinds or not layers:
        return None
    worst = max(layers, key=lambda layer: layer.quiet.between[3])
    if not unlike(worst.quiet.between):
        return None
    f, _, _, excess = worst.quiet.between
    why = f"Batches differ {f:.3g} times as much as shuffled examples would: sorted by class, or one session or "
    why += "source per batch. "
    why += "The net learns with company that single examples in evaluation do not have."
    fix = "loader = torch.utils.data.DataLoader(loader.dataset, loader.batch_size or 64, shuffle=True, drop_last=True)"
    unit = "sd of the examples' means"
    return found("", "batches-not-alike", "warning", excess, QUARTER, unit, why, fix)


def batches_of_two_kinds(model):
    """Batches of two kinds by turns, as a GAN's discriminator sees them: statistics between the two."""
    if not model.loader_kinds:
        return None
    why = "Batches of two kinds come by turns (real and fake?), and running statistics lie between the two. "
    why += "Evaluation fits neither as training did."
    fix = "model.train()  # a discriminator is used in training mode; or put both kinds into each batch"
    return found("", "running-stats-stale", "note", 2, 1, "kinds of batches", why, fix)


def eval_data_differs(model):
    """The model's input on eval_loader is shifted or scaled beyond what batches of training data show."""
    if model.eval_shift is None:
        return None
    number, threshold, unit, what = model.eval_shift
    why = f"The evaluation data are {what} against the training data: not divided by 255, another mean, another "
    why += "channel order? "
    why += "Running statistics are right for the training data's preparation only."
    fix = (
        'for name, data in (("training", loader), ("evaluation", eval_loader)):\n'
        "    x = next(iter(data))\n"
        "    x = (x[0] if isinstance(x, (tuple, list)) else x).transpose(0, 1).flatten(1)\n"
        "    print(name, x.mean(1)[:3], x.std(1)[:3])"
    )
    return found("", "eval-data-differs", "warning", number, threshold, unit, why, fix)


def dead_channels(layer):
    """Constant on all batches."""
    if layer.family != "batch" or layer.train is None or not layer.train.constant.any():
        return None
    share = float(layer.train.constant.float().mean())
    severity = "warning" if share > 0.1 and not layer.from_input else "note"
    where = "pixels that never change" if layer.from_input else "units that died before it"
    why = f"{int(layer.train.constant.sum())} of {layer.channels} channels are constant on all batches: {where}. "
    why += "They are normalized to 0 and give beta, and no gradient flows back through them."
    source = f'source = model.get_submodule("{layer.source}")\ntorch.nn.init.kaiming_normal_(source.weight)'
    fix = source if layer.source_kind in ("linear", "conv") else get(layer) + "print(layer.running_var)"
    return found(layer, "dead-channels", severity, share, 0.1, "of the channels", why, fix)


def padding_counted(layer):
    """Zeros shared by all channels at the ends of examples count as data."""
    if layer.family != "batch" or layer.padding < 0.05:
        return None
    why = f"{layer.padding:.0%} of its input are zeros in all channels at the ends of examples of unlike lengths: "
    why += "padding. "
    why += "It pulls the mean to 0 and shrinks the variance by a share that differs from batch to batch."
    fix = (
        get(layer)
        + "# normalize what is no padding: y = x.clone(); y.transpose(1, 2)[mask] = layer(x.transpose(1, 2)[mask])"
    )
    return found(layer, "padding-counted", "warning", layer.padding, 0.05, "of the positions", why, fix)


LAYER_RULES = (too_few_values, one_value_per_group, dead_channels, padding_counted)
MODEL_RULES = (last_batch_of_one, batches_not_alike, batches_of_two_kinds, eval_data_differs)
