"""The exercises of notebook 10."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import batch, channels_last, gamma_beta, table

from . import functions
from .questions import QUESTIONS

standard_error = Exercise(
    name="standard_error",
    room=__name__,
    finished=functions.standard_error,
    inputs=("sd", "m"),
    outputs=("error",),
    probes=lambda: [
        Probe("sd 6, m 9", (6.0, 9)),
        Probe("sd 1, m 2", (1.0, 2)),
        Probe("sd 0.25, m 256", (0.25, 256)),
        Probe("sd 3, m 1: a single value", (3.0, 1)),
        Probe("three channels, sd (2, 0.004, 150), m 32", (np.array([2.0, 0.004, 150.0]), 32)),
    ],
    example=lambda: (6.0, 9),
    hints=(
        "The variance of a sum of m independent values is m * sd^2. And the mean is the sum divided by m.",
        "Dividing by m divides the variance by m^2: m * sd^2 / m^2 = sd^2 / m. Asked is its root.",
        "return sd / np.sqrt(m)",
    ),
)


def _ghost_probes():
    whole = batch(12, 3)
    return [
        Probe("a table x (6, 3) in parts of 2, eps 0.1", (batch(6, 3), *gamma_beta(), 2, 0.1)),
        Probe("a table x (12, 3) in parts of 4, no eps given", (whole, *gamma_beta(), 4)),
        Probe("images x (6, 3, 4, 5) in parts of 3, eps 0.1", (batch(6, 3, 4, 5), *gamma_beta(), 3, 0.1)),
        Probe("images x (4, 3, 4, 5) one by one, eps 0.1", (batch(4, 3, 4, 5), *gamma_beta(), 1, 0.1)),
        Probe("a table x (5, 3) in one part, eps 0.1", (batch(5, 3), *gamma_beta(), 5, 0.1)),
        Probe("signals x (8, 3, 5) not contiguous, in parts of 2", (channels_last(batch(8, 3, 5)), *gamma_beta(), 2)),
    ]


ghost_batch_norm = Exercise(
    name="ghost_batch_norm",
    room=__name__,
    finished=functions.ghost_batch_norm,
    inputs=("x", "gamma", "beta", "size", "eps"),
    outputs=("y",),
    probes=_ghost_probes,
    example=lambda: (
        np.array([[1.0, 10.0], [3.0, 30.0], [18.0, 4.0], [22.0, 6.0]]),
        np.array([2.0, -1.0]),
        np.array([1.0, 5.0]),
        2,
        0.1,
    ),
    hints=(
        "batch_norm does the work, once for each part. What is left is cutting the batch and joining what comes out.",
        "The parts are x[i : i + size] for i in range(0, len(x), size); batch_norm(...)[0] is the y of one part.",
        "parts = [batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]; "
        "return np.concatenate(parts)",
    ),
)


class _Named:
    """A function that is shown in messages as its formula."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, x, y):
        return self.function(x, y)

    def __repr__(self):
        return self.name


def _linear(w):
    return _Named("x.T @ (x @ w - y) / n", lambda x, y: x.T @ (x @ w - y) / len(x))


def _behind_batch_norm(w):
    """Gradient of a linear layer behind a BatchNorm: what an example is depends on who is in the batch with it."""

    def gradient(x, y):
        z = norm_numpy.batch_norm(x, None, None, 0.1)[0]
        return z.T @ (z @ w - y) / len(x)

    return _Named("the same with batch_norm(x)", gradient)


def _accumulation_probes():
    random = np.random.default_rng(10)
    x, y = random.normal(1, 2, (12, 3)), random.normal(size=12)
    w, matrix, targets = random.normal(size=3), random.normal(size=(3, 2)), random.normal(size=(12, 2))
    return [
        Probe("6 examples in micro-batches of 2", (_linear(w), x[:6], y[:6], 2)),
        Probe("7 examples in micro-batches of 3, the last of 1", (_linear(w), x[:7], y[:7], 3)),
        Probe("5 examples and room for 8", (_linear(w), x[:5], y[:5], 8)),
        Probe(  # 4, 4 and 2: three parts of nearly the same size are other companions
            "10 examples in micro-batches of 4, a batch_norm in the gradient",
            (_behind_batch_norm(w), x[:10], y[:10], 4),
        ),
        Probe("11 examples in micro-batches of 2, a matrix of weights", (_linear(matrix), x[:11], targets[:11], 2)),
    ]


accumulated_gradient = Exercise(
    name="accumulated_gradient",
    room=__name__,
    finished=functions.accumulated_gradient,
    inputs=("gradient", "x", "y", "size"),
    outputs=("g",),
    probes=_accumulation_probes,
    example=lambda: (
        _linear(np.array([1.0, -1.0])),
        np.array([[1.0, 2.0], [3.0, 1.0], [4.0, 2.0]]),
        np.array([1.0, 0.0, -1.0]),
        2,
    ),
    hints=(
        "gradient gives that of a *mean* over its examples. A mean over 2 and a mean over 1 make a mean over 3 how?",
        "Multiply each micro-batch's gradient by its number of examples, which turns the mean into a sum; add them up; "
        "divide by all examples.",
        "total = 0; for i in range(0, len(x), size): part = x[i : i + size]; total = total + len(part) * "
        "gradient(part, y[i : i + size]); after the loop: return total / len(x)",
    ),
)


def _renorm_probes():
    near = np.array([-2.0, 0.3, 8.0]), np.array([5.0, 2e-5, 1.4])
    far = np.array([-6.0, 0.5, 14.0]), np.array([0.5, 1e-3, 30.0])
    vectors = gamma_beta
    images, signals = batch(5, 3, 4, 6), channels_last(batch(4, 3, 5))
    return [
        Probe("a table x (5, 3), r_max 100, d_max 100, eps 0.1", (batch(5, 3), *vectors(), *near, 100.0, 100.0, 0.1)),
        Probe("a table x (5, 3), r_max 1.5, d_max 0.5, eps 0.1", (batch(5, 3), *vectors(), *near, 1.5, 0.5, 0.1)),
        Probe("a table x (5, 3), r_max 1, d_max 0, eps 0.1", (batch(5, 3), *vectors(), *near, 1.0, 0.0, 0.1)),
        Probe(
            "other running statistics, r_max 1.5, d_max 0.5, eps 0.1", (batch(5, 3), *vectors(), *far, 1.5, 0.5, 0.1)
        ),
        Probe("images x (5, 3, 4, 6), r_max 3, d_max 5, no eps given", (images, *vectors(), *far, 3.0, 5.0)),
        Probe("signals x (4, 3, 5) not contiguous, r_max 1.2, d_max 0.3", (signals, *vectors(), *far, 1.2, 0.3, 0.01)),
    ]


batch_renorm = Exercise(
    name="batch_renorm",
    room=__name__,
    finished=functions.batch_renorm,
    inputs=("x", "gamma", "beta", "running_mean", "running_var", "r_max", "d_max", "eps"),
    outputs=("y", "mean", "var"),
    probes=_renorm_probes,
    example=lambda: (
        table(),
        np.array([2.0, -1.0]),
        np.array([1.0, 5.0]),
        np.array([2.0, 10.0]),
        np.array([4.0, 25.0]),
        1.5,
        0.5,
        0.1,
    ),
    hints=(
        "x_hat, mean, var = batch_norm(x, None, None, eps); then r and d, one number for each channel; then one line "
        "for y.",
        "std is np.sqrt(var + eps), running_std the same with running_var. r is std / running_std, limited by np.clip "
        "to 1 / r_max ... r_max; d is (mean - running_mean) / running_std, limited to -d_max ... d_max.",
        "With all four vectors reshaped, v.reshape(-1, *[1] * (x.ndim - 2)): y = gamma * (x_hat * r + d) + beta, and "
        "return y, mean, var.",
    ),
)

EXERCISES = (
    standard_error,
    ghost_batch_norm,
    accumulated_gradient,
    batch_renorm,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
