"""What is noted about a model and each of its normalization layers; the rules read these records and nothing else."""

from dataclasses import dataclass, field

import torch

from .moments import Moments


@dataclass
class LayerRecord:
    """One normalization layer, as it is and as the batches show it. Vectors are (C,) in float64 on the CPU.

    name               qualified name in the model that was given
    kind               its class, "F.batch_norm" for a call without a layer
    family             "batch", "group", "instance" or "layer"
    how                "module" (nn.BatchNorm and subclasses), "functional" or "home-made"
    dims               the dims of its class: 1, 2, 3; 0 if unknown
    channels, eps, momentum   as built; momentum None is the plain average
    gamma, beta        or None
    affine_frozen      gamma and beta exist and none of them requires a gradient
    frozen             its parameters are frozen while others of the model train
    running_mean, running_var, count   buffers, or None
    buffer_dtype       dtype of running_mean, or None
    tracks             the flag track_running_stats
    training           mode as given
    calls              calls in one forward pass (0: never called; None: not run)
    calls_in_backward  further calls while gradients were computed
    values             smallest number of values per channel (or per group) in a usual batch, or None
    train              Moments of its input, everything in training mode as in training; None without data
    per_call           the same for each call of a forward pass, where there are several
    quiet              Moments of its input when only BatchNorm layers are in training mode (no dropout)
    out_train, out_eval   Moments of its output in these two
    input_shape        shape of its input in the first batch
    source, source_kind   who wrote its input and nothing between: a module's name; "linear", "conv", "norm", "input"
    source_bias        that module has a bias
    feature_axis       the axis of its input on which the last Linear or Conv wrote its features, None if unknown
    from_input         only element-wise functions between the model's input and this layer
    is_output          its output is the model's output
    in_branch_end      the last norm of a residual branch, as far as can be seen
    padding            share of positions that are 0 in all channels, at the ends of examples
    padding_shift      how far the mean or log sd of the rest lies from that of everything, in sd
    decayed            gamma or beta are in an optimizer group with weight decay
    measured           numbers found by probing a home-made layer, {fault name: (number, threshold, unit)}
    model              the ModelRecord it belongs to
    """

    name: str
    kind: str
    family: str = "batch"
    how: str = "module"
    dims: int = 0
    channels: int = 0
    eps: float = 1e-5
    momentum: float | None = 0.1
    gamma: torch.Tensor | None = None
    beta: torch.Tensor | None = None
    affine_frozen: bool = False
    frozen: bool = False
    running_mean: torch.Tensor | None = None
    running_var: torch.Tensor | None = None
    count: int | None = None
    buffer_dtype: torch.dtype | None = None
    tracks: bool = True
    training: bool = True
    calls: int | None = None
    calls_in_backward: int = 0
    values: int | None = None
    train: Moments | None = None
    per_call: list = field(default_factory=list)
    quiet: Moments | None = None
    out_train: Moments | None = None
    out_eval: Moments | None = None
    input_shape: tuple | None = None
    source: str | None = None
    source_kind: str | None = None
    source_bias: bool = False
    feature_axis: int | None = None
    from_input: bool = False
    is_output: bool = False
    in_branch_end: bool = False
    padding: float = 0.0
    padding_shift: float = 0.0
    decayed: bool = False
    measured: dict = field(default_factory=dict)
    model: "ModelRecord" = None

    @property
    def has_stats(self):
        """It has running statistics to evaluate with."""
        return self.running_mean is not None and self.running_var is not None

    @property
    def stats_as_made(self):
        """Running statistics are still 0 and 1."""
        return self.has_stats and bool((self.running_mean == 0).all() and (self.running_var == 1).all())

    @property
    def affine_as_made(self):
        """beta (without one, gamma) still has one value for all channels; None where there are none that could tell.

        gamma alone proves nothing: DCGAN and others draw it at random.
        """
        told = self.gamma if self.beta is None else self.beta
        if told is None:
            return None
        return bool((told == told[0]).all()) if len(told) > 1 else float(told[0]) in (0.0, 1.0)

    @property
    def stats_finite(self):
        """No NaN and no infinity in the running statistics."""
        return self.has_stats and bool(self.running_mean.isfinite().all() and self.running_var.isfinite().all())

    @property
    def learns(self):
        """Its statistics are meant to be those of the data: not frozen, and not fresh from the constructor."""
        frozen = self.frozen and not (self.model.training and self.training)
        return self.family == "batch" and self.has_stats and not frozen

    @property
    def start_weight(self):
        """What the 0 and 1 it was made with still weigh in the running statistics: (1 - momentum)^count."""
        if self.count is None:
            return 0.0
        if self.momentum is None:
            return float(self.count == 0)
        return (1 - self.momentum) ** self.count


@dataclass
class ModelRecord:
    """The whole model: mode, what its outputs do, what is known about its loader.

    training          mode as given
    trained           gamma, beta, a count or statistics somewhere are not as made
    wrappers          classes it was wrapped in
    batch_size        examples in a usual batch, None without data
    batches           number of batches that went through
    last_batch        (len(dataset), batch_size) where the last batch has a single example, else None
    regression        the loss compares the output with real numbers
    loader_kinds      batches of two kinds came by turns
    stale_gap         mean squared change of the output when statistics are recalibrated, in units of its variance
    losses            (mean loss as it is, with recalibrated statistics), None without a loss
    batch_gap         the same between recalibrated statistics and those of the batch: what one batch's noise does
    eps_gap           the same when eps is taken away where it dominates
    companion_flips   share of predictions that change with the other examples of the batch, None if not measured
    eval_shift        (number, threshold, unit, what) if eval_loader's input lies elsewhere, else None
    layers            list of LayerRecord
    """

    training: bool = True
    trained: bool = False
    wrappers: tuple = ()
    batch_size: int | None = None
    batches: int = 0
    last_batch: tuple | None = None
    regression: bool = False
    loader_kinds: bool = False
    stale_gap: float = 0.0
    losses: tuple | None = None
    batch_gap: float = 0.0
    eps_gap: float = 0.0
    companion_flips: float | None = None
    eval_shift: tuple | None = None
    layers: list = field(default_factory=list)
