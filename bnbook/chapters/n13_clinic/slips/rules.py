"""Wrong answers to the exercise `noisy_statistics`."""

import math

from bnbook.diagnose import Finding
from bnbook.grading.exercise import slip_of


def _finding(layer, error, limit=0.1, severity="warning", where=None):
    where = layer.name if where is None else where
    return Finding("noisy-statistics", severity, where, (error, limit, "sd"), "Noise.", "")


def _concerned(layer):
    return layer.family == "batch" and layer.has_stats and layer.momentum is not None and layer.values is not None


def _error(layer):
    return math.sqrt(layer.momentum / (2 - layer.momentum) / layer.values)


@slip_of("noisy_statistics")
def momentum_for_its_share(layer):
    """taking momentum / values under the root: the squared weights p^2, p^2 (1 - p)^2, ... add up to p / (2 - p),
    half of what you took where p is small. On the example your error is {error}, and it should be {right_error}."""
    error = math.sqrt(layer.momentum / layer.values) if _concerned(layer) else 0
    return _finding(layer, error) if error > 0.1 else None


@slip_of("noisy_statistics")
def no_root(layer):
    """leaving out the root: p / (2 - p) / values is the variance of the running mean in units of the channel's. The
    error in standard deviations is its root, 0.1 where the variance is 0.01, so yours misses layers."""
    error = _error(layer) ** 2 if _concerned(layer) else 0
    return _finding(layer, error) if error > 0.1 else None


@slip_of("noisy_statistics")
def batch_size_for_values(layer):
    """counting examples where values are asked: in a CNN each image brings H * W values to a channel, so 12 images of 4
    pixels are 48 values and not 12. layer.values has counted them."""
    error = math.sqrt(layer.momentum / (2 - layer.momentum) / layer.model.batch_size) if _concerned(layer) else 0
    return _finding(layer, error) if error > 0.1 else None


@slip_of("noisy_statistics")
def the_wrong_way_round(layer):
    """reporting layers whose error is below 0.1: those are the healthy ones. Return None for them, and a Finding
    above."""
    return _finding(layer, _error(layer)) if _concerned(layer) and _error(layer) < 0.1 else None


@slip_of("noisy_statistics")
def always(layer):
    """returning a Finding for each layer that has the numbers: a rule that cannot be silent says nothing. Compare the
    error with 0.1 first."""
    return _finding(layer, _error(layer)) if _concerned(layer) else None


@slip_of("noisy_statistics")
def plain_average_forgotten(layer):
    """computing with a momentum of None: momentum=None is the plain average of all batches, whose error shrinks from
    step to step. Return None for it, before the line with 2 - layer.momentum."""
    concerned = layer.family == "batch" and layer.has_stats and layer.values is not None
    return _finding(layer, _error(layer)) if concerned and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def no_data_forgotten(layer):
    """dividing by layer.values where there are none: diagnose(model) without a loader has counted nothing, and values
    is None, not 0. Return None then."""
    concerned = layer.family == "batch" and layer.has_stats and layer.momentum is not None
    return _finding(layer, _error(layer)) if concerned and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def without_statistics_too(layer):
    """speaking of running statistics that a layer does not have: LayerNorm keeps none, nor does a BatchNorm with
    track_running_stats=False, although layer.momentum says 0.1. Ask layer.has_stats first."""
    concerned = layer.momentum is not None and layer.values is not None
    return _finding(layer, _error(layer)) if concerned and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def measured_swapped(layer):
    """writing the limit first: measured is (number, threshold, unit), so the error comes first and 0.1 second."""
    return _finding(layer, 0.1, _error(layer)) if _concerned(layer) and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def only_a_note(layer):
    """calling it a note: a note leaves report.ok True, and the exit code of bnbook diagnose 0, so no CI run would stop.
    The exercise asks for a warning."""
    return _finding(layer, _error(layer), severity="note") if _concerned(layer) and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def of_the_model(layer):
    """leaving the layer's name empty: "" stands for the whole model. With 2 layers the reader has to know which one it
    is: layer.name."""
    return _finding(layer, _error(layer), where="") if _concerned(layer) and _error(layer) > 0.1 else None


@slip_of("noisy_statistics")
def a_truth_value(layer):
    """returning True or False: a rule returns a Finding, which carries name, number, reason and fix, or None. diagnose
    refuses anything else, 0 included."""
    return bool(_concerned(layer) and _error(layer) > 0.1)


@slip_of("noisy_statistics")
def momentum_of_keras(layer):
    """taking 1 - momentum for the weight of the new batch: PyTorch's momentum 0.1 is that weight already; Keras would
    call it 0.9."""
    if not _concerned(layer):
        return None
    p = 1 - layer.momentum
    error = math.sqrt(p / (2 - p) / layer.values)
    return _finding(layer, error) if error > 0.1 else None
