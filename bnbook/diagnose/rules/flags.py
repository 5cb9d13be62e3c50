"""What flags, counts and buffers show, with or without data."""

from .finding import UPDATE, found, get, renew, replace


def not_trained_yet(layer):
    """Gamma, beta, count and statistics are all as made."""
    made = layer.stats_as_made or not layer.has_stats
    if layer.family != "batch" or not made or layer.count or layer.affine_as_made is False:
        return None
    if layer.affine_as_made is None and layer.model.trained:
        return None
    why = "Gamma is constant, beta is 0 and the statistics are 0 and 1: this layer has not been trained. "
    why += "What its statistics say cannot be judged yet."
    return found(layer, "not-trained-yet", "note", layer.count or 0, 0, "batches tracked", why, "model.train()")


def running_stats_untouched(layer):
    """Weights are trained, statistics still the 0 and 1 they were made with."""
    if layer.family != "batch" or not layer.stats_as_made or not_trained_yet(layer) or layer.calls == 0:
        return None
    zero = layer.momentum == 0
    why = (
        "Its weights are trained, but running_mean is still 0 and running_var 1, so evaluation normalizes by nothing. "
    )
    if zero:
        why += "momentum is 0: the new batch has no weight."
    elif "AveragedModel" in layer.model.wrappers:
        why += "AveragedModel averages parameters, not statistics: they have to be collected for the averaged weights."
    else:
        why += "Parameters were copied without buffers, or no batch went through in training mode."
    fix = (get(layer) + "layer.momentum = 0.1\n" if zero else "") + renew(layer)
    return found(layer, "running-stats-untouched", "error", layer.count or 0, 0, "batches tracked", why, fix)


def running_stats_not_finite(layer):
    """NaN or infinity in a buffer."""
    if layer.family != "batch" or not layer.has_stats or layer.stats_finite:
        return None
    bad = int((~layer.running_mean.isfinite() | ~layer.running_var.isfinite()).sum())
    half = layer.buffer_dtype is not None and layer.buffer_dtype.itemsize == 2
    why = f"{bad} of {layer.channels} channels have NaN or infinity in their running statistics. "
    if half:
        why += f"The buffers are {str(layer.buffer_dtype).removeprefix('torch.')}, whose range is too small for "
        why += "them: keep norms in float32."
        fix = get(layer) + "layer.float()\nlayer.reset_running_stats()\n" + UPDATE
    else:
        why += "One batch with such a value suffices, and the average never recovers."
        fix = (get(layer) + "layer.reset_running_stats()\n" if layer.how == "module" else "") + renew(layer)
    return found(layer, "running-stats-not-finite", "error", bad, 0, "channels", why, fix)


def running_var_invalid(layer):
    """Negative, or zero where the data varies."""
    if layer.family != "batch" or not layer.has_stats:
        return None
    bad = layer.running_var < 0
    if layer.train is not None and len(layer.train.constant) == len(bad):
        bad = bad | ((layer.running_var == 0) & ~layer.train.constant)
    if not bad.any():
        return None
    worst = layer.running_var[bad].min()
    why = f"running_var is not a variance in {int(bad.sum())} channels, first in channel {int(bad.nonzero()[0])}. "
    why += "Below -eps the output is NaN; at 0 it is the input divided by the root of eps."
    fix = (get(layer) + "layer.reset_running_stats()\n" if layer.how == "module" else "") + renew(layer)
    return found(layer, "running-var-invalid", "error", worst, 0, "variance", why, fix)


def momentum_convention(layer):
    """The new batch has weight 0.9 or more."""
    if layer.family != "batch" or not layer.has_stats or not layer.tracks:
        return None
    if layer.momentum is None or layer.momentum < 0.9 - 1e-6:  # a home-made layer's is measured
        return None
    why = f"momentum {layer.momentum:g} is here the weight of the new batch, so the last batch is all that counts. "
    why += f"In Keras and TensorFlow it is the weight of the old average: {1 - layer.momentum:.3g} was meant."
    fix = get(layer) + f"layer.momentum = {max(1 - layer.momentum, 0.001):.3g}\n" + renew(layer)
    return found(layer, "momentum-convention", "warning", layer.momentum, 0.9, "weight of the new batch", why, fix)


def flag_contradicts_buffers(layer):
    """track_running_stats was changed after the layer was made."""
    if layer.family != "batch" or layer.how != "module" or layer.tracks == layer.has_stats:
        return None
    if layer.has_stats:
        why = "track_running_stats is False, yet there are buffers: evaluation uses them, and training no longer "
        why += "moves them. "
        fix = get(layer) + f"layer.track_running_stats = True\n{UPDATE}"
    else:
        why = "track_running_stats is True, yet there are no buffers: evaluation normalizes by the batch. "
        fix = get(layer) + "layer.track_running_stats = False"
    why += "The flag counts when the layer is made; later it only makes the two modes disagree."
    return found(layer, "flag-contradicts-buffers", "warning", layer.tracks, layer.has_stats, "as the flag", why, fix)


def training_mode_in_eval(layer):
    """The model is in evaluation mode, this layer is not."""
    if layer.family != "batch":
        return None
    by_call = layer.has_stats and "batch-in-evaluation" in layer.measured
    if not by_call and (layer.how == "functional" or layer.model.training or not layer.training):
        return None
    why = "The model is in evaluation mode, but this layer normalizes by the batch it gets. "
    why += "Predictions depend on their companions, and every evaluation moves the statistics."
    fix = "model.eval()"
    if by_call:
        fix = (
            "# in its forward: F.batch_norm(..., training=self.training)"
            if layer.how == "functional"
            else replace(layer)
        )
    return found(layer, "training-mode-in-eval", "error", 1, 0, "layer in training mode", why, fix)


def eval_mode_in_training(layer):
    """The model is in training mode, this layer is not."""
    if layer.family != "batch" or layer.how != "module" or not layer.model.training or layer.training:
        return None
    why = "The model is in training mode, this layer in evaluation mode: it normalizes by its running statistics. "
    why += "That is how a layer is frozen; if it was not meant, model.train() was forgotten after an evaluation."
    return found(
        layer, "eval-mode-in-training", "note", 1, 0, "layer in evaluation mode", why, get(layer) + "layer.train()"
    )


def frozen_but_moving(layer):
    """Affine parameters are frozen, the layer is in training mode and tracks."""
    if layer.family != "batch" or not (layer.affine_frozen and layer.has_stats and layer.tracks):
        return None
    if not (layer.model.training and layer.training) or layer.momentum == 0:
        return None
    why = "Gamma and beta are frozen, but requires_grad does not stop running_mean and running_var. "
    why += "They move to the new data while the frozen weights expect the old ones."
    fix = get(layer) + "layer.eval()  # after every model.train()"
    return found(layer, "frozen-but-moving", "warning", 1, 0, "frozen layer in training mode", why, fix)


def scale_near_zero(layer):
    """Gamma ~ 0, but for the zero-initialized last norm of a residual branch."""
    if layer.family != "batch" or layer.gamma is None or layer.in_branch_end or not layer.gamma.isfinite().all():
        return None
    small = layer.gamma.abs() < 1e-3 * layer.gamma.abs().max()
    if not small.any():
        return None
    why = f"Gamma is nearly 0 in {int(small.sum())} of {layer.channels} channels, whose input no longer matters. "
    why += "They can be pruned, or weight decay on gamma was too strong."
    fix = get(layer) + "torch.nn.init.ones_(layer.weight)"
    return found(layer, "scale-near-zero", "note", layer.gamma.abs().min(), 1e-3, "of the largest gamma", why, fix)


def decay_on_norm(layer):
    """The optimizer decays gamma or beta."""
    if not layer.decayed:
        return None
    why = "The optimizer's weight decay pulls gamma and beta of this layer to 0. "
    why += "They do not make a function more complex; most recipes decay weights only."
    fix = (
        "norms = [p for p in model.parameters() if p.ndim == 1]\n"
        "others = [p for p in model.parameters() if p.ndim != 1]\n"
        'decay = max(g["weight_decay"] for g in optimizer.param_groups)\n'
        'groups = [{"params": others, "weight_decay": decay}, {"params": norms, "weight_decay": 0.0}]\n'
        "optimizer = type(optimizer)(groups, lr=optimizer.defaults['lr'])"
    )
    return found(layer, "decay-on-norm", "note", 1, 0, "parameters decayed", why, fix)


RULES = (
    *(not_trained_yet, running_stats_untouched, running_stats_not_finite, running_var_invalid, momentum_convention),
    *(flag_contradicts_buffers, training_mode_in_eval, eval_mode_in_training, frozen_but_moving, scale_near_zero),
    decay_on_norm,
)
