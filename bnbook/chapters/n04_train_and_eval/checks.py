"""The exercises of notebook 04."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import batch, channels_last, far_from_zero, gamma_beta, singles, table

from .questions import QUESTIONS


def _old():
    return np.array([-2.0, 0.3, 8.0]), np.array([5.0, 0.02, 1.4])


def _new():
    return np.array([-3.0, 0.5, 10.0]), np.array([4.0, 1.6e-5, 2.25])


def _update_running_probes():
    return [
        Probe("a batch with m = 2, momentum 0.25", (*_old(), *_new(), 2, 0.25)),
        Probe("a batch with m = 5, no momentum given", (*_old(), *_new(), 5)),
        Probe("a batch with m = 40, momentum 0.9", (*_old(), *_new(), 40, 0.9)),
        Probe("a batch with m = 3, momentum 1: the new replaces the old", (*_old(), *_new(), 3, 1.0)),
        Probe("a first batch, from 0 and 1, m = 4, momentum 0.01", (np.zeros(3), np.ones(3), *_new(), 4, 0.01)),
    ]


update_running = Exercise(
    name="update_running",
    room=__name__,
    finished=norm_numpy.update_running,
    inputs=("running_mean", "running_var", "mean", "var", "m", "momentum"),
    outputs=("running_mean", "running_var"),
    probes=_update_running_probes,
    example=lambda: (
        np.array([1.0, 10.0]),
        np.array([2.0, 30.0]),
        np.array([3.0, 20.0]),
        np.array([4.0, 90.0]),
        3,
        0.25,
    ),
    hints=(
        "Two weighted means, one for each statistic: 1 - momentum is the weight of the old, momentum that of the new.",
        "Before it is averaged, the variance of the batch is multiplied by m / (m - 1). The mean needs no correction.",
        "unbiased = var * m / (m - 1); return (1 - momentum) * running_mean + momentum * mean, and the same with "
        "running_var and unbiased.",
    ),
)


def _stored():
    """Running statistics unlike those of any probe's batch; one variance is near the usual eps."""
    return np.array([-2.0, 0.3, 8.0]), np.array([5.0, 2e-5, 1.4])


def _batch_norm_eval_probes():
    vectors = lambda: (*gamma_beta(), *_stored())  # noqa: E731
    return [
        Probe("a table x (5, 3), eps 0.1", (batch(5, 3), *vectors(), 0.1)),
        Probe("a table x (5, 3), no eps given", (batch(5, 3), *vectors())),
        Probe("one example x (1, 3), eps 0.1", (batch(1, 3), *vectors(), 0.1)),
        Probe("images x (5, 3, 4, 6), eps 0.1", (batch(5, 3, 4, 6), *vectors(), 0.1)),
        Probe("signals x (4, 3, 5) not contiguous, eps 0.01", (channels_last(batch(4, 3, 5)), *vectors(), 0.01)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", (batch(2, 3, 3), *vectors(), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.1", (batch(2, 3, 4, 5, 6), *vectors(), 0.1)),
        Probe("float32 images x (2, 3, 4, 6) around 10,000", (far_from_zero(2, 3, 4, 6), *singles(*vectors())), 0.02),
    ]


batch_norm_eval = Exercise(
    name="batch_norm_eval",
    room=__name__,
    finished=norm_numpy.batch_norm_eval,
    inputs=("x", "gamma", "beta", "running_mean", "running_var", "eps"),
    outputs=("y",),
    probes=_batch_norm_eval_probes,
    example=lambda: (
        *(table(), np.array([2.0, -1.0]), np.array([1.0, 5.0]), np.array([2.0, 10.0]), np.array([4.0, 25.0]), 0.1),
    ),
    hints=(
        "The formula is that of batch_norm. Only: no mean and no variance is computed, both are handed in.",
        "All four vectors are (C,) and must line up with axis 1: v.reshape(-1, *[1] * (x.ndim - 2)) for each of them.",
        "With the reshaped vectors: return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta.",
    ),
)


def _after(layer_class, arguments, parameters, modes, dy, *batches):
    """What is left of a layer after it was shown the batches, each in its mode; a last mode may follow them.

    If dy is given, backward gets its first rows after each forward pass, when the next mode is set already.
    Returns the last y of each mode, the running statistics, the last dx of each mode, and the last dgamma and dbeta.
    """
    layer = layer_class(*arguments)
    if layer is None:
        return None
    if parameters is not None:
        layer.gamma, layer.beta = (v.copy() for v in parameters)
    y, dx = ({"train": _NOTHING, "eval": _NOTHING} for _ in range(2))
    for mode, x, then in zip(modes, batches, [*modes[1:], modes[-1]], strict=False):
        if mode == "eval" or y["eval"] is not _NOTHING:  # a new layer is in training mode by itself
            layer.training = mode == "train"
        y[mode] = layer.forward(x)
        if y[mode] is not None and dy is not None:
            if then == "eval":
                layer.training = False
            dx[mode] = layer.backward(dy[: len(x)])
        if y[mode] is None or dx[mode] is None:
            return None
    state = (getattr(layer, name, None) for name in ("running_mean", "running_var", "num_batches_tracked"))
    gradients = (_NOTHING if dy is None else getattr(layer, name, None) for name in ("dgamma", "dbeta"))
    return *y.values(), *state, *dx.values(), *gradients


_NOTHING = np.zeros(0)  # nothing asked, nothing compared


def _layer_probes():
    """Traces, shortest first, so that the first one that differs says where to look."""
    own, images = (3, 0.1, 0.3), [batch(n, 3, 1, 2) for n in (2, 3, 4)]
    dy = np.random.default_rng(5).normal(1, 2, (4, 3, 1, 2))
    alone = batch(1, 3, 1, 2) + 1

    def probe(says, arguments, modes, *batches, dy=None, parameters=True):
        return Probe(says, (arguments, gamma_beta() if parameters else None, modes.split(), dy, *batches))

    return [
        probe("a new BatchNorm(3), 1 training batch (5, 3)", (3,), "train", batch(5, 3), parameters=False),
        probe("a new BatchNorm(3), 1 evaluation batch (5, 3)", (3,), "eval", batch(5, 3), parameters=False),
        probe("BatchNorm(3, eps=0.1, momentum=0.3), 1 training batch (2, 3, 1, 2)", own, "train", images[0]),
        probe("BatchNorm(3, eps=0.1, momentum=0.3), 3 training batches", own, "train train train", *images),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), 2 training batches, then 1 image in evaluation", own),
            *("train train eval", *images[:2], alone),
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, evaluate twice, train", own),
            *("train eval eval train", images[0], alone, images[1], images[2]),
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=None), train, evaluate, train, train", (3, 0.1, None)),
            *("train eval train train", images[0], alone, *images[1:]),
        ),
        probe("BatchNorm(3, eps=0.1, momentum=0): nothing is to move", (3, 0.1, 0.0), "train train", *images[:2]),
        probe(
            "BatchNorm(3, eps=0.1, momentum=0.3), train twice, then backward", own, "train train", *images[1:], dy=dy
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, switch to evaluation, then backward", own),
            *("train eval", images[2]),
            dy=dy,
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, evaluate, with a backward pass after each", own),
            *("train eval", *images[1:]),
            dy=dy,
        ),
    ]


BatchNorm = Exercise(
    name="BatchNorm",
    room=__name__,
    finished=norm_numpy.BatchNorm,
    inputs=("arguments", "(gamma, beta)", "modes", "dy", "x", "x"),
    outputs=(
        *("y in training", "y in evaluation", "running_mean", "running_var", "num_batches_tracked"),
        *("dx in training", "dx in evaluation", "dgamma", "dbeta"),
    ),
    probes=_layer_probes,
    example=lambda: (
        (2, 0.1, 0.25),
        (np.array([2.0, -1.0]), np.array([1.0, 5.0])),
        ("train", "eval"),
        np.array([[1.0, 0.0], [0.0, 2.0], [2.0, 1.0]]),
        *(table(), table()[:2]),
    ),
    hints=(
        "The arithmetic is written: batch_norm, batch_norm_eval, update_running, batch_norm_backward. The layer keeps "
        "what they need and calls them.",
        "__init__: gamma ones, beta zeros, running_mean zeros, running_var ones, num_batches_tracked 0, training True. "
        "forward keeps x, the mean and var it normalized by, and the mode, for backward. m is x.size // x.shape[1].",
        "backward: dx, self.dgamma, self.dbeta = batch_norm_backward(dy, x, gamma, mean, var, eps) after a training "
        "pass. After an evaluation pass dx is gamma / sqrt(running_var + eps) * dy instead, because the running "
        "statistics are constants; dgamma and dbeta are as before, with mean and var the running ones.",
    ),
    observe=_after,
)


def _layer(*shape):
    random = np.random.default_rng(shape)
    return random.normal(size=shape), random.normal(1, 2, shape[0])


def _fold_probes():
    gamma, beta = np.array([1.5, -0.7, 2.0, 0.4]), np.array([0.3, -2.0, 5.0, 1.0])
    stored = lambda: (gamma.copy(), beta.copy(), np.array([-2.0, 0.3, 8.0, 1.0]), np.array([5.0, 1e-5, 1.4, 0.3]))  # noqa: E731
    return [
        Probe("a linear layer, weight (4, 4), eps 0.1", (*_layer(4, 4), *stored(), 0.1)),
        Probe("a linear layer, weight (4, 4), no eps given", (*_layer(4, 4), *stored())),
        Probe("a linear layer, weight (4, 3), eps 0.1", (*_layer(4, 3), *stored(), 0.1)),
        Probe("a convolution, weight (4, 4, 3, 3), eps 0.1", (*_layer(4, 4, 3, 3), *stored(), 0.1)),
        Probe("a convolution, weight (4, 2, 4, 4), eps 0.1", (*_layer(4, 2, 4, 4), *stored(), 0.1)),
        Probe("a convolution without bias, weight (4, 4, 5)", (_layer(4, 4, 5)[0], None, *stored(), 0.1)),
    ]


fold = Exercise(
    name="fold",
    room=__name__,
    finished=norm_numpy.fold,
    inputs=("weight", "bias", "gamma", "beta", "running_mean", "running_var", "eps"),
    outputs=("weight", "bias"),
    probes=_fold_probes,
    example=lambda: (
        *(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0])),
        *(np.array([2.0, -1.0]), np.array([1.0, 5.0]), np.array([4.0, 8.0]), np.array([4.0, 25.0]), 0.1),
    ),
    hints=(
        "Put z = weight x + bias into y = s * (z - running_mean) + beta. What then multiplies x is the new weight.",
        "s is (out,), one number for each output, that is axis 0 of weight: s.reshape(-1, *[1] * (weight.ndim - 1)).",
        "s = gamma / np.sqrt(running_var + eps); the new weight is weight * s (reshaped), the new bias "
        "(bias - running_mean) * s + beta, with 0 for a bias that is None.",
    ),
)

EXERCISES = (
    update_running,
    batch_norm_eval,
    BatchNorm,
    fold,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
