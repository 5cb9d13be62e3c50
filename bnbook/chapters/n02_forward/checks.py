"""The exercises of notebook 02."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import (
    batch,
    channels_last,
    far_from_zero,
    gamma_beta,
    singles,
    with_a_constant_channel,
)

from .questions import QUESTIONS


def _table():
    """Two columns with the means 4 and 20, small enough to follow by hand; their medians are others, 3 and 10."""
    return np.array([[1.0, 10.0], [3.0, 40.0], [8.0, 10.0]])


def _normalize_probes():
    return [
        Probe("x (5, 3), axes (0,), eps 0.1", (batch(5, 3), (0,), 0.1)),
        Probe("x (5, 3), axes (0,), no eps given", (batch(5, 3), (0,))),
        Probe("x (5, 3, 4, 6), axes (0, 2, 3), eps 0.1", (batch(5, 3, 4, 6), (0, 2, 3), 0.1)),
        Probe("x (5, 3, 4, 6), axes (1, 2, 3), eps 0.1", (batch(5, 3, 4, 6), (1, 2, 3), 0.1)),
        Probe("x (4, 3, 5) not contiguous, axes (0, 2), eps 0.01", (channels_last(batch(4, 3, 5)), (0, 2), 0.01)),
        Probe(
            "x (4, 3, 5) with a constant channel, axes (0, 2), no eps given",
            (with_a_constant_channel(batch(4, 3, 5)), (0, 2)),
        ),
        Probe("x (2, 3), axes (0,), eps 0.1", (batch(2, 3), (0,), 0.1)),
        Probe("x (8, 3, 4, 6) float32 around 10,000, axes (0, 2, 3)", (far_from_zero(8, 3, 4, 6), (0, 2, 3)), 0.02),
    ]


normalize = Exercise(
    name="normalize",
    room=__name__,
    finished=norm_numpy.normalize,
    inputs=("x", "axes", "eps"),
    outputs=("x_hat", "mean", "var"),
    probes=_normalize_probes,
    example=lambda: (_table(), (0,), 0.1),
    hints=(
        "Three lines, one for each step above: the mean, the mean of the squared deviations, the division by a root.",
        "x.mean(axes, keepdims=True) keeps the averaged axes as 1, so that x - mean lines up whatever axes is.",
        "var = ((x - mean) ** 2).mean(axes, keepdims=True), and x_hat = (x - mean) / np.sqrt(var + eps).",
    ),
)


def _batch_norm_probes():
    vectors = gamma_beta
    return [
        Probe("a table x (5, 3), eps 0.1", (batch(5, 3), *vectors(), 0.1)),
        Probe("a table x (5, 3), no eps given", (batch(5, 3), *vectors())),
        Probe("images x (5, 3, 4, 6), eps 0.1", (batch(5, 3, 4, 6), *vectors(), 0.1)),
        Probe("signals x (4, 3, 5), eps 0.1", (batch(4, 3, 5), *vectors(), 0.1)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", (batch(2, 3, 3), *vectors(), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.01", (batch(2, 3, 4, 5, 6), *vectors(), 0.01)),
        Probe(
            "images x (5, 3, 4, 6) not contiguous, eps 0.1",
            (channels_last(batch(5, 3, 4, 6)), *vectors(), 0.1),
        ),
        Probe("one image x (1, 3, 4, 6), eps 0.1", (batch(1, 3, 4, 6), *vectors(), 0.1)),
        Probe("a batch of 2, x (2, 3), eps 0.1", (batch(2, 3), *vectors(), 0.1)),
        Probe(
            "a constant channel in x (4, 3, 5), no eps given",
            (with_a_constant_channel(batch(4, 3, 5)), *vectors()),
        ),
        Probe("float32 images x (8, 3, 4, 6) around 10,000", (far_from_zero(8, 3, 4, 6), *singles(*vectors())), 0.02),
    ]


batch_norm = Exercise(
    name="batch_norm",
    room=__name__,
    finished=norm_numpy.batch_norm,
    inputs=("x", "gamma", "beta", "eps"),
    outputs=("y", "mean", "var"),
    probes=_batch_norm_probes,
    example=lambda: (_table(), np.array([2.0, -1.0]), np.array([1.0, 5.0]), 0.1),
    hints=(
        "normalize does most of it: call it with batch_axes(x.ndim) and eps, then scale and shift what it returns.",
        "gamma and beta are (C,), and must line up with axis 1: gamma.reshape(1, -1, 1, 1) for images, and for any "
        "number of axes gamma.reshape(-1, *[1] * (x.ndim - 2)).",
        "x_hat, mean, var = normalize(x, batch_axes(x.ndim), eps); y = gamma * x_hat + beta with the reshaped vectors; "
        "return y, mean.ravel(), var.ravel().",
    ),
)

EXERCISES = (
    normalize,
    batch_norm,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
