"""The exercises of notebook 07."""

import numpy as np

from bnbook import nets
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from . import functions
from .questions import QUESTIONS


def _layer(N, units, inputs):
    """weight, bias and outputs of a layer whose units have means up to 5 and spreads up to 30."""
    random = np.random.default_rng((N, units, inputs))
    spread = np.geomspace(0.004, 30, units)
    weight = spread[:, None] * random.normal(0.3, 1, size=(units, inputs))
    bias = random.uniform(1, 5, size=units) * np.resize([1, -1], units)
    return weight, bias, (random.normal(size=(N, inputs)) ** 2 - 0.4) @ weight.T + bias


standardizing = Exercise(
    name="standardizing",
    room=__name__,
    finished=nets.standardizing,
    inputs=("weight", "bias", "z"),
    outputs=("weight", "bias"),
    probes=lambda: [
        Probe("weight (3, 4), z (6, 3)", _layer(6, 3, 4)),
        Probe("weight (3, 3), z (5, 3), as many units as inputs", _layer(5, 3, 3)),
        Probe("weight (4, 4), z (4, 4), and as many examples", _layer(4, 4, 4)),
        Probe("weight (1, 3), z (7, 1), one unit", _layer(7, 1, 3)),
        Probe("weight (2, 5), z (2, 2), two examples", _layer(2, 2, 5)),
    ],
    example=lambda: (
        np.array([[2.0, 0.0], [1.0, 1.0]]),
        np.array([1.0, -1.0]),
        np.array([[1.0, 0.0], [5.0, 8.0]]),
    ),
    hints=(
        "First mean and sd of each unit: z has one column per unit, so average over axis 0. Then, what do weights and "
        "bias have to be for the layer to give (z - mean) / sd?",
        "(W h + b - mean) / sd = (W / sd) h + (b - mean) / sd. A unit's weights are a row of weight, so there sd must "
        "be a column: sd[:, None].",
        "mean, sd = z.mean(axis=0), z.std(axis=0); return weight / sd[:, None], (bias - mean) / sd",
    ),
)


def _samples(*shape):
    """Two sets of samples of lopsided distributions, in no order; the first unit of b has the numbers of a, mixed."""
    random = np.random.default_rng(shape)
    a, b = random.normal(size=shape) ** 2, 3 * random.normal(size=shape) ** 2 - 1
    if len(shape) > 1:
        b[:, 0] = random.permutation(a[:, 0])
    return a, b


wasserstein_1d = Exercise(
    name="wasserstein_1d",
    room=__name__,
    finished=functions.wasserstein_1d,
    inputs=("a", "b"),
    outputs=("distance",),
    probes=lambda: [
        Probe("a and b (5, 3)", _samples(5, 3)),
        Probe("a and b (4, 4), as many samples as units", _samples(4, 4)),
        Probe("a and b (30, 2)", _samples(30, 2)),
        Probe("a and b (6,), one unit", _samples(6)),
        Probe("a and b (7, 2, 3)", _samples(7, 2, 3)),
    ],
    example=lambda: (np.array([2.0, 9.0, 1.0]), np.array([8.0, 2.0, 6.0])),
    hints=(
        "Which number of a goes to which of b? No two ways need cross: the smallest goes to the smallest.",
        "np.sort(a, axis=0) sorts each column by itself and leaves a as it is. Then subtract, and average what is "
        "left without its sign.",
        "return np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean(axis=0)",
    ),
)


def _two_gradients(*shape, turn=1.0, scale=1.0):
    random = np.random.default_rng(shape)
    g = random.normal(0.4, 1, size=shape)
    return scale * g, scale * (0.7 * g + turn * random.normal(size=shape))


gradient_change = Exercise(
    name="gradient_change",
    room=__name__,
    finished=functions.gradient_change,
    inputs=("g", "g_prime"),
    outputs=("relative", "cosine"),
    probes=lambda: [
        Probe("g and g_prime (3, 4)", _two_gradients(3, 4)),
        Probe("g and g_prime (7,)", _two_gradients(7, turn=0.3)),
        Probe("g and g_prime (4, 4), turned by more than 90 degrees", _two_gradients(4, 4, turn=-2.0)),
        Probe("g and g_prime (2, 3, 5), a filter's", _two_gradients(2, 3, 5, turn=2.0)),
        Probe("g and g_prime (5, 2), of size 1e-6", _two_gradients(5, 2, scale=1e-6)),
        Probe("g_prime is -2 g, g (2, 3)", (_two_gradients(2, 3)[0], -2 * _two_gradients(2, 3)[0])),
    ],
    example=lambda: (np.array([3.0, 4.0]), np.array([0.0, 2.0])),
    hints=(
        "Both gradients are arrows with as many coordinates as the layer has weights, whatever their shape. How long "
        "is the arrow from one tip to the other, compared with g? And which angle is between them?",
        "np.linalg.norm(g) is the length of g, over all entries; np.sum(g * g_prime) is the dot product, and that is "
        "|g| |g_prime| cosine.",
        "relative = norm(g - g_prime) / norm(g); cosine = np.sum(g * g_prime) / (norm(g) * norm(g_prime)), with "
        "norm = np.linalg.norm",
    ),
)

EXERCISES = (
    standardizing,
    wasserstein_1d,
    gradient_change,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
