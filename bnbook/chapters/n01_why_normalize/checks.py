"""The exercises of notebook 01."""

import numpy as np

from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from . import functions
from .questions import QUESTIONS


def _table(*shape):
    """Columns of which none is symmetric, at -3, 0.5 and 10, with spreads 2, 0.004 and 150."""
    random = np.random.default_rng(shape)
    lopsided = random.normal(size=shape) ** 2 + random.normal(size=shape)
    return np.array([-3.0, 0.5, 10.0]) + np.array([2.0, 0.004, 150.0]) * lopsided


def _far_from_zero(*shape):
    return (np.random.default_rng(7).normal(size=shape) + 1e4).astype(np.float32)


standardize = Exercise(
    name="standardize",
    room=__name__,
    finished=functions.standardize,
    inputs=("x",),
    outputs=("x_hat",),
    probes=lambda: [
        Probe("x (5, 3)", (_table(5, 3),)),
        Probe("x (3, 3), as many rows as columns", (_table(3, 3),)),
        Probe("x (40, 3)", (_table(40, 3),)),
        Probe("x (6, 3) with its rows backwards in memory", (_table(6, 3)[::-1],)),
        Probe("x (2, 3), two rows", (_table(2, 3),)),
        Probe("x (500, 3) float32 around 10,000", (_far_from_zero(500, 3),), 0.02),
    ],
    example=lambda: (np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]]),),
    hints=(
        "Two lines: subtract from each column its mean, then divide each column by its standard deviation.",
        "axis 0 runs down the rows, so x.mean(axis=0) is one mean per column, of shape (C,), and x - x.mean(axis=0) "
        "lines up by itself.",
        "return (x - x.mean(axis=0)) / x.std(axis=0)",
    ),
)


def _outputs(*shape):
    """Outputs of tanh of which some lie near -1 (more of them than near 1), some between, one at 1 exactly."""
    random = np.random.default_rng(shape)
    h = np.tanh(random.normal(-0.4, 1.8, size=shape))
    h.flat[:7] = -0.99, 0.96, -0.97, 1.0, 0.1, -0.98, 0.985
    return h


saturation = Exercise(
    name="saturation",
    room=__name__,
    finished=functions.saturation,
    inputs=("h", "slope"),
    outputs=("share",),
    probes=lambda: [
        Probe("h (6, 5), no slope given", (_outputs(6, 5),)),
        Probe("h (6, 5), slope 0.05", (_outputs(6, 5), 0.05)),
        Probe("h (6, 5), slope 0.5", (_outputs(6, 5), 0.5)),
        Probe("h (40, 7), slope 0.1", (_outputs(40, 7), 0.1)),
        Probe("h (9,), one unit, slope 0.2", (_outputs(9), 0.2)),
        Probe("h (4, 3, 5), slope 0.7", (_outputs(4, 3, 5), 0.7)),
    ],
    example=lambda: (np.array([[-0.99, 0.96], [0.2, 0.99], [-0.98, -0.5]]), 0.05),
    hints=(
        "First the slope of every output, an array like h. Then: for which share of them is it below the limit?",
        "The slope where tanh gives h is 1 - h**2. Comparing an array with a number gives an array of True and False, "
        "and True counts as 1.",
        "return np.mean(1 - h**2 < slope)",
    ),
)

he_std = Exercise(
    name="he_std",
    room=__name__,
    finished=functions.he_std,
    inputs=("fan_in",),
    outputs=("std",),
    probes=lambda: [Probe(f"fan_in = {n}", (n,)) for n in (8, 64, 100, 9 * 16, 1, 2, 3)],
    example=lambda: (8,),
    hints=(
        "Put step 2 into step 1: what is mean(z^2) of a layer in terms of mean(z^2) of the layer before it?",
        "fan_in * std^2 * mean(z^2) / 2 is to be mean(z^2): so fan_in * std^2 / 2 = 1.",
        "Solve for std: return np.sqrt(2 / fan_in)",
    ),
)

EXERCISES = (
    standardize,
    saturation,
    he_std,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
