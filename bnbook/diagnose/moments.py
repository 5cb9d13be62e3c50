"""Per-channel mean and variance of what enters a layer, and how far chance alone moves them from batch to batch.

The pixels of an image are not independent, so sd / sqrt(m) is far too small a noise. Examples are (nearly) independent:
noise is estimated from the means of single examples, and from what batches really do.
"""

import math
from dataclasses import dataclass, replace

import torch

RARE = 4.5  # standard deviations of a normal: by chance 3 times in a million


@dataclass(frozen=True)
class BatchMoments:
    """What one call of a layer saw; all (C,) in float64 on the CPU."""

    examples: int  # independent rows: what a batch holds, even where a layer sees N * L rows
    values: int  # m, values per channel
    mean: torch.Tensor
    var: torch.Tensor  # biased
    mean_spread: torch.Tensor  # variance of the examples' own means, unbiased
    root_mean: torch.Tensor  # mean over examples of their own root mean square about the batch mean
    root_spread: torch.Tensor  # variance of the same, unbiased
    var_spread: torch.Tensor  # variance of the examples' own mean squares about the batch mean, unbiased
    low: torch.Tensor
    high: torch.Tensor


def of_batch(x, axis, examples):
    """BatchMoments of x with its channels on `axis`; `examples` is the size of the model's batch.

    Where the first axis of x is a multiple of it (tokens, points, two views), consecutive rows form one example.
    """
    x = x.detach()
    x = (x if x.dtype in (torch.float32, torch.float64) else x.float()).movedim(axis, -1)
    channels = x.shape[-1]
    count = examples if 0 < examples <= len(x) and len(x) % examples == 0 else len(x)
    x = x.reshape(count, -1, channels)
    own = x.mean(1)
    mean = _wide(own).mean(0)
    squares = _wide((x - mean.to(x)).square().mean(1))
    var, root = squares.mean(0), squares.sqrt()
    return BatchMoments(
        examples=count,
        values=x.shape[0] * x.shape[1],
        mean=mean.cpu().double(),
        var=var.cpu().double(),
        mean_spread=_unbiased(_wide(own)).cpu().double(),
        root_mean=root.mean(0).cpu().double(),
        root_spread=_unbiased(root).cpu().double(),
        var_spread=_unbiased(squares).cpu().double(),
        low=_wide(x.amin((0, 1))).cpu().double(),
        high=_wide(x.amax((0, 1))).cpu().double(),
    )


def _wide(x):
    """Sums end in float64; mps has none."""
    return x if x.device.type == "mps" else x.double()


def _unbiased(rows):
    """Variance over rows; NaN for a single one, which has none."""
    return rows.var(0) if len(rows) > 1 else torch.full_like(rows[0], math.nan)


@dataclass(frozen=True)
class Moments:
    """What several batches say about a layer's input; vectors are (C,)."""

    batches: int
    examples: float  # per batch, the median
    values: float  # m per batch, the median
    mean: torch.Tensor
    var: torch.Tensor  # unbiased, the mean over batches: what running_var tracks
    biased_var: torch.Tensor
    mean_noise: torch.Tensor  # sd of one batch's mean
    var_noise: torch.Tensor  # sd of one batch's variance
    example_noise: torch.Tensor  # sd of one batch's mean as the examples' own spread explains it
    between: tuple  # (F, its degrees of freedom, sd of batches beyond chance in sd of the examples' means)
    two_kinds: bool  # batches by turns: every other one is alike, neighbours are not
    constant: torch.Tensor  # bool: the same value everywhere, in every batch

    @property
    def sd(self):
        """Standard deviation per channel; never 0, so that one may divide by it."""
        return self.var.sqrt().clamp_min(1e-30)


def pool(calls):
    """Moments of a list of BatchMoments; None for an empty one. Batches half the usual size or less are left out."""
    usual = median([call.examples for call in calls])
    calls = [call for call in calls if 2 * call.examples > usual and call.values > 1]
    if not calls:
        return None
    means, biased = _stack(calls, "mean"), _stack(calls, "var")
    scale = torch.tensor([call.values / (call.values - 1) for call in calls], dtype=torch.float64)
    variances = biased * scale[:, None]
    n = torch.tensor([call.examples for call in calls], dtype=torch.float64)[:, None]
    by_examples = (_stack(calls, "mean_spread") / n).nanmean(0)
    mean_noise = _larger(by_examples, means)
    var_noise = _larger((_stack(calls, "var_spread") / n).nanmean(0), variances)
    low, high, mean = _stack(calls, "low").amin(0), _stack(calls, "high").amax(0), means.mean(0)
    return Moments(
        batches=len(calls),
        examples=usual,
        values=median([call.values for call in calls]),
        mean=mean,
        var=variances.mean(0),
        biased_var=biased.mean(0),
        mean_noise=mean_noise.sqrt(),
        var_noise=var_noise.sqrt(),
        example_noise=(by_examples if by_examples.isfinite().all() else mean_noise).sqrt(),
        between=_between(calls),
        two_kinds=two_kinds(calls),
        constant=(high - low) <= 1e-6 * torch.maximum(high.abs(), low.abs()),
    )


def _larger(by_examples, per_batch):
    """The larger of two variances: expected from the examples, and seen between batches (from 3 on)."""
    if len(per_batch) < 3:
        return by_examples.nan_to_num(0.0)
    # Channel by channel two estimates would often differ by chance: what counts is by how much they do on the whole.
    seen = per_batch.var(0)
    if not by_examples.isfinite().all():
        return seen
    ratio = seen.sum() / by_examples.sum().clamp_min(1e-300)
    return by_examples * ratio.clamp_min(1.0)


def _between(calls):
    """The stronger of two analyses of variance: of the examples' means, and of their own spreads."""
    sizes = {call.examples for call in calls} or {0}
    calls = [call for call in calls if call.examples == max(sizes)]
    if len(calls) < 3 or max(sizes) < 2:
        return (0.0, 1, 1, 0.0)
    n, var = max(sizes), _stack(calls, "var").mean(0)
    live = var > 0
    found = []
    for centre, spread in (("mean", "mean_spread"), ("root_mean", "root_spread")):
        between = _stack(calls, centre).var(0)[live]
        within = (_stack(calls, spread).mean(0) / n)[live]
        # Sums over channels, not the mean of their ratios: a channel that hardly varies must not decide.
        f = (between / var[live]).sum() / (within / var[live]).sum().clamp_min(1e-300)
        f = float(f.nan_to_num(0.0))
        found.append((f, len(calls) - 1, len(calls) * (n - 1), math.sqrt(max(f - 1, 0.0) / n)))
    return max(found)


def of_places(pooled, places):
    """Moments of a layer that is called at several places: their difference is no difference between batches."""
    places = [place for place in places if place is not None]
    noise = {name: torch.stack([getattr(p, name) for p in places]).mean(0) for name in ("mean_noise", "var_noise")}
    strongest = max(places, key=lambda place: place.between[3])
    return replace(pooled, between=strongest.between, two_kinds=strongest.two_kinds, **noise)


def f_tail_normal(f, above, below):
    """How many standard deviations of a normal an F ratio lies above what chance gives.

        z = ((1 - 2/(9 d2)) f^(1/3) - (1 - 2/(9 d1))) / sqrt(2/(9 d2) f^(2/3) + 2/(9 d1))

    f, above, below   the ratio and its degrees of freedom d1, d2
    Returns a float; 4.5 is exceeded by chance 3 times in a million.
    Source: Paulson 1942, An approximate normalization of the analysis of variance distribution.
    """
    a, b, root = 2 / (9 * below), 2 / (9 * above), f ** (1 / 3)
    return ((1 - a) * root - (1 - b)) / math.sqrt(a * root**2 + b)


def unlike(between):
    """Batches differ beyond chance, and by more than a quarter sd of the examples' means."""
    f, above, below, excess = between
    return f_tail_normal(f, above, below) > RARE and excess > 0.25


def two_kinds(calls):
    """Every other batch is alike, neighbours are not: real and fake by turns."""
    odd, even, every = (_between(part) for part in (calls[::2], calls[1::2], calls))
    return unlike(every) and not unlike(odd) and not unlike(even)


def _stack(calls, field):
    return torch.stack([getattr(call, field) for call in calls])


def median(numbers):
    """The upper median of a list, 0 for an empty one."""
    return sorted(numbers)[len(numbers) // 2] if numbers else 0
