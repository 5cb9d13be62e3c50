"""Running statistics against the data's, beyond what chance and the outputs' own noise explain."""

import math

import torch

from .finding import found, get, renew, replace

QUARTER = 0.25  # sd: what counts as a gap of one layer
OUTPUT = 1 / 9  # of the output's variance: it is off by a third of its sd, more than any healthy net here by its lag


def gap(layer, mean=None, var=None):
    """How far running statistics lie from the data's: sqrt(mean over channels of (shift / sd)^2 + (log sd ratio)^2).

    Returns (gap, noise): noise is what the batches' own fluctuation lets one expect of it. Constant channels are left
    out; a variance that is none makes it infinite.
    """
    data, live = layer.train, ~layer.train.constant
    mean, var = (layer.running_mean if mean is None else mean), (layer.running_var if var is None else var)
    if not live.any() or len(mean) != len(data.mean):
        return 0.0, 1.0
    # eps bounds what a variance near 0 can do to the output, so it bounds the ratio too.
    logs = 0.5 * ((var + layer.eps) / (data.var + layer.eps)).log()
    shift = (mean - data.mean) / (data.var + layer.eps).sqrt()
    square = (shift.square() + logs.square())[live].mean()
    weight = new_weight(layer) + 1 / data.batches
    relative = data.var_noise / (2 * (data.var + layer.eps))
    noise = ((data.mean_noise.square() / (data.var + layer.eps) + relative.square())[live].mean() * weight).sqrt()
    return (float(square.sqrt()) if square.isfinite() else math.inf), float(noise)


def new_weight(layer):
    """Variance of the running average in units of one batch's: momentum / (2 - momentum), or 1 / count."""
    if layer.momentum is None:
        return 1 / max(layer.count or 1, 1)
    return layer.momentum / (2 - layer.momentum)


def _comparable(layer):
    """There are statistics of its own and of the data, and they can be held against each other."""
    data = layer.train
    fits = layer.learns and data is not None and len(layer.running_mean) == len(data.mean)
    return fits and not layer.stats_as_made and layer.stats_finite


def _far(layer, sure):
    """(gap, threshold) if this layer is far from the data and the outputs show it, else None.

    Without a cause that flags and counts show (`sure`), the weights may just have moved fast until the last step, so
    that evaluation lags a little in a sound net as well: twice as much is asked for.
    """
    if not _comparable(layer):
        return None
    model, (size, noise), times = layer.model, gap(layer), 1 if sure else 2
    threshold = times * max(QUARTER, 2 * noise)
    if model.losses is not None and model.losses[0] <= model.losses[1]:
        return None  # trained with these statistics (frozen by eval()): recalibration would harm
    shown = model.stale_gap is None or model.stale_gap > max(OUTPUT, 2 * times * model.batch_gap)
    return (size, threshold) if shown and size > threshold else None


def _cause(layer):
    """Why the statistics lag, as a sentence; None if neither the start nor old weights explain it."""
    return _sure_cause(layer) or _young(layer)


def _young(layer):
    """Training was so short that the average has hardly settled: weights of its beginning move fast."""
    if layer.count is None or not layer.momentum or layer.count >= 10 / layer.momentum:
        return None
    window = 1 / layer.momentum
    return f"Only {layer.count} batches went through: weights still move fast, and an average over {window:.0f} lags."


def _sure_cause(layer):
    """A cause that wrappers, flags and counts show."""
    model = layer.model
    if any(w == "AveragedModel" or w.startswith("ModelEma") for w in model.wrappers):
        return "The weights were averaged, and the statistics belong to other weights."
    if layer.start_weight > 0.05:
        small = layer.momentum is not None and layer.momentum < 0.05
        reason = f"momentum {layer.momentum:g} is too small" if small else f"{layer.count} batches are too few"
        return f"The 0 and 1 of the start still weigh {layer.start_weight:.0%}: {reason}."
    live = ~layer.train.constant
    if live.any() and (layer.start_weight / (layer.train.var[live] + layer.eps)).median() > QUARTER:
        return "The data's variance is so small that the 1 of the start still outweighs it."
    if layer.momentum is None:
        return "momentum=None averages over all batches since the start, most of them seen with older weights."
    if layer.momentum < 0.05:
        window = 1 / layer.momentum
        return f"At momentum {layer.momentum:g} they average over the last {window:.0f} batches and older weights."
    return _fits_start(layer) if layer.count is None else None


def _fits_start(layer):
    """A layer without a count: do its statistics lie on the line from 0 and 1 to the data's?"""
    data = layer.train
    target, here = torch.cat([data.mean, data.var - 1]), torch.cat([layer.running_mean, layer.running_var - 1])
    weight = float((here @ target) / (target @ target).clamp_min(1e-30))
    left = float((here - weight * target).norm() / (target - here).norm().clamp_min(1e-30))
    near = left < 0.3 and weight < 0.95
    return (
        f"The 0 and 1 of the start still weigh {1 - weight:.0%}: momentum or the number of steps is too small."
        if near
        else None
    )


def running_stats_stale(layer):
    """Farther from the data than noise explains, and the old start or old weights explain it."""
    if not _comparable(layer) or (cause := _cause(layer)) is None:
        return None
    if (far := _far(layer, sure=_sure_cause(layer) is not None)) is None:
        return None
    why = "Running statistics lag behind the data, and evaluation is wrong by that. " + cause
    slow = layer.momentum is not None and layer.momentum < 0.05 and layer.how == "module"
    fix = (get(layer) + "layer.momentum = 0.1\n" if slow else "") + renew(layer)
    return found(layer, "running-stats-stale", "warning", *far, "sd from the data", why, fix)


def stats_of_other_data(layer):
    """The same gap, settled: other data went through in training mode."""
    if not _comparable(layer) or _cause(layer) is not None or (far := _far(layer, sure=False)) is None:
        return None
    ratio = float((layer.running_var / layer.train.var.clamp_min(1e-30))[~layer.train.constant].log().mean().exp())
    why = f"Running statistics are settled, but not on this loader's data: their variance is {ratio:.3g} times the "
    why += "data's. "
    why += "Other data went through in training mode (an evaluation without eval(), noise, fakes), or the weights "
    why += "were exchanged afterwards."
    return found(layer, "stats-of-other-data", "warning", *far, "sd from the data", why, renew(layer))


def statistics_exchanged(layer):
    """Mean and variance fit the data after exchanging them."""
    if not layer.learns or not layer.has_stats or layer.stats_as_made or not layer.stats_finite:
        return None
    mean, var = layer.running_mean, layer.running_var
    if (mean < 0).any():
        return None
    if layer.train is None:
        if len(var) < 4 or (var < 0).float().mean() < QUARTER:
            return None
        size, other = math.inf, 0.0
    else:
        (size, _), (other, noise) = gap(layer), gap(layer, mean=var, var=mean)
        if size < max(QUARTER, 2 * other) or other > max(2 * QUARTER, 3 * noise):
            return None
    why = "After exchanging them, running_mean and running_var fit the data: a converter mixed them up. "
    why += "Where the mean is negative the output is NaN."
    fix = get(layer) + "layer.running_mean, layer.running_var = layer.running_var.clone(), layer.running_mean.clone()"
    return found(layer, "statistics-exchanged", "error", size, max(QUARTER, 2 * other), "sd from the data", why, fix)


def running_var_biased(layer):
    """Matches the biased variance at a small m, where it matters."""
    if "running-var-biased" in layer.measured and layer.values and layer.values <= 32:
        ratio, limit = layer.measured["running-var-biased"][0], 1.0
    elif _comparable(layer) and layer.values and 2 < layer.values <= 32 and gap(layer)[0] < 2 * QUARTER:
        logs = (layer.running_var / layer.train.var.clamp_min(1e-30))[~layer.train.constant].log()
        target, mean = math.log(1 - 1 / layer.values), float(logs.mean())
        error = float(logs.std()) / math.sqrt(max(len(logs), 1))
        # Channels move together, so four standard errors of independent ones are no luxury; it is only a note.
        if not (mean < -4 * error and abs(mean - target) < abs(target) / 2):
            return None
        ratio, limit = math.exp(mean), 1.0
    else:
        return None
    why = f"running_var is {ratio:.3g} of the unbiased variance, which is (m - 1) / m at the {layer.values} values "
    why += "a channel has here. "
    why += "Evaluation then divides by a standard deviation that is too small."
    fix = replace(layer) if layer.how == "home-made" else renew(layer)
    return found(layer, "running-var-biased", "note", ratio, limit, "of the unbiased variance", why, fix)


def no_running_stats(layer):
    """Evaluation by the batch."""
    if layer.family != "batch" or layer.has_stats or layer.calls == 0:
        return None
    if layer.how == "home-made" and "batch-in-evaluation" not in layer.measured:
        return None
    flips = layer.model.companion_flips
    severity = "note" if flips is not None and flips < 0.01 else "warning"
    told = "was not measured" if flips is None else f"is {flips:.1%}"
    why = "There are no running statistics, so evaluation normalizes each example by its companions. "
    why += f"The share of predictions that change with other companions {told}."
    fix = (
        get(layer)
        + f"layer.track_running_stats = True\nlayer.register_buffer('running_mean', torch.zeros({layer.channels}))\n"
    )
    fix += f"layer.register_buffer('running_var', torch.ones({layer.channels}))\n"
    fix += "layer.register_buffer('num_batches_tracked', torch.tensor(0))\n" + renew(layer)
    if layer.how == "home-made":
        fix = replace(layer) + "\n" + renew(layer)
    return found(layer, "no-running-stats", severity, flips or 0, 0.01, "of the predictions change", why, fix)


def eps_dominates(layer):
    """The median live channel's variance lies below eps."""
    if layer.family != "batch" or layer.train is None or layer.train.constant.all():
        return None
    var = float(layer.train.biased_var[~layer.train.constant].median())
    if var >= layer.eps:
        return None
    changed = layer.model.eps_gap > max(OUTPUT, 2 * layer.model.batch_gap)
    why = f"The median channel's variance, {var:.2g}, lies below eps = {layer.eps:g}: the layer does not normalize. "
    why += "Scale its input up, or make eps smaller."
    fix = get(layer) + f"layer.eps = {max(var / 1000, 1e-12):.1g}"
    return found(layer, "eps-dominates", "warning" if changed else "note", var, layer.eps, "variance", why, fix)


RULES = (
    *(running_stats_stale, stats_of_other_data, statistics_exchanged, running_var_biased, no_running_stats),
    eps_dominates,
)
