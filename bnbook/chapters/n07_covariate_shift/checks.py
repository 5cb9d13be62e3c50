"""The exercises and the questions of notebook 07."""

import numpy as np

from .. import nets
from ..experiments import shift
from .compare import Probe
from .exercise import Exercise
from .question import Question


def _layer(N, units, inputs):
    """weight, bias and outputs of a layer whose units have means up to 5 and spreads up to 30."""
    random = np.random.default_rng((N, units, inputs))
    spread = np.geomspace(0.004, 30, units)
    weight = spread[:, None] * random.normal(0.3, 1, size=(units, inputs))
    bias = random.uniform(1, 5, size=units) * np.resize([1, -1], units)
    return weight, bias, (random.normal(size=(N, inputs)) ** 2 - 0.4) @ weight.T + bias


standardizing = Exercise(
    name="standardizing",
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
    finished=shift.wasserstein_1d,
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
    finished=shift.gradient_change,
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


_INSIDE = "from bnbook import experiments; "
_ONCE = f"{_INSIDE}once = experiments.unit_inputs(data.digits(), seeds=2, arms=('start',), steps=100)['arms'][0]; "


def _change(case, arm):
    """What to type for the gradient change of one arm, with two seeds."""
    call = f"experiments.gradient_shift(data.digits(), 2, ('{case}',), ('{arm}',), steps=91)"
    return f"{_INSIDE}found = {call}['arms'][0]; round(sum(found['relative']) / 2, 1)"


def _noisy(case, arm, steps):
    """What to type for the steps to 90 % of one arm, with two seeds."""
    call = f"experiments.noisy_batch_norm(data.digits(), 2, ('{case}',), ('none', '{arm}'), {steps})"
    return f"{_INSIDE}found = {call}['arms'][1]; "


QUESTIONS = (
    Question(
        "shift-spread",
        "without",
        "There the units start with nearly the same number for every image, and have to find their way to where they "
        "tell images apart. With BatchNorm they start there.",
        {
            "with": (
                "The mean of each batch is subtracted in every step; only the learned shift can move it. How far the "
                "median of a unit moves with BatchNorm, in one such run:",
                f"{_INSIDE}found = experiments.unit_inputs(data.digits(), 2, ('batch',), steps=100)['arms'][0]; "
                "round(sum(found['range']) / 2, 1)",
                "0.2",
            ),
            "both alike": (
                "The learned shift moves slowly. Half the way that the median goes without BatchNorm, in 450 steps, is "
                "0.6. With it, in the first 100:",
                f"{_INSIDE}found = experiments.unit_inputs(data.digits(), 2, ('batch',), steps=100)['arms'][0]; "
                "round(sum(found['range']) / 2, 1)",
                "0.2",
            ),
        },
    ),
    Question(
        "shift-once",
        "as with BatchNorm",
        "All three nets differ only in their first steps and in what keeps them there. The good first step is what "
        "counts here.",
        {
            "as without": (
                "Nothing keeps its units where they are, true, but they do start with sd 1 as BatchNorm's. Do two such "
                "runs get to 90 % within 100 steps?",
                _ONCE + "str(all(n is not None and n < 100 for n in once['steps_to_90'])) + ', both in less than 100'",
                "True, both in less than 100",
            ),
            "halfway between": (
                "Halfway would be some 200 steps. Are two such runs there after 100?",
                _ONCE + "str(all(n is not None and n < 100 for n in once['steps_to_90'])) + ', both in less than 100'",
                "True, both in less than 100",
            ),
        },
    ),
    Question(
        "shift-order",
        0,
        "They are the same three numbers, and a distribution knows no order: nothing has to be moved.",
        {
            4: (
                "That compares image by image. But the question is whether the *distribution* has changed, so the "
                "way from sorted to sorted counts:",
                "float(np.abs(np.sort([1, 4, 7]) - np.sort([7, 1, 4])).mean())",
                "0.0",
            ),
            12: (
                "That is the sum of the changes image by image. Sorted, both are the same:",
                "int(np.abs(np.sort([1, 4, 7]) - np.sort([7, 1, 4])).sum())",
                "0",
            ),
        },
    ),
    Question(
        "shift-mean",
        "beta",
        "Whatever the layers below do, the batch mean is subtracted; then beta is added. So the mean over the batch is "
        "beta, exactly, and moves as beta does.",
        {
            "nothing": (
                "It would be 0 for ever without the learned shift. But there is one:",
                "from bnbook import norm_numpy; x = np.random.default_rng(0).normal(3, 2, (50, 1)); "
                "float(norm_numpy.batch_norm(x, np.ones(1), np.full(1, 0.25))[0].mean().round(3))",
                "0.25",
            ),
            "all layers below": (
                "They move x. But x + 1000 and x have the same output; the largest difference is",
                "from bnbook import norm_numpy; x = np.random.default_rng(0).normal(3, 2, (50, 1)); "
                "gamma, beta = np.ones(1), np.zeros(1); "
                "y, y_moved = (norm_numpy.batch_norm(v, gamma, beta)[0] for v in (x, x + 1000)); "
                "float(np.abs(y - y_moved).max().round(6))",
                "0.0",
            ),
        },
    ),
    Question(
        "shift-he",
        "less",
        "Here the net without BatchNorm is near the largest learning rate that it bears: each step of the lower layers "
        "turns the upper ones' gradients far.",
        {
            "more": (
                "So Santurkar and others found it, for other nets. In this one, without BatchNorm, do the gradients "
                "change by more than half of their length?",
                _change("ReLU, He, 0.1", "none") + " > 0.5",
                "True",
            ),
            "the same": (
                "It is clearly apart. With BatchNorm the share is below a half:",
                _change("ReLU, He, 0.1", "batch") + " < 0.5",
                "True",
            ),
        },
    ),
    Question(
        "shift-default",
        "more",
        "Without BatchNorm this net sits on a plateau: its gradients and its steps are tiny, so little changes. "
        "Nothing changes where nothing is learned.",
        {
            "less": (
                "As before? But the net without BatchNorm has weights so small that it hardly moves. Its gradients "
                "change by a share of",
                _change("ReLU, default, 0.1", "none"),
                "0.1",
            ),
            "the same": (
                "With BatchNorm the net learns, and its gradients change by more than half of their length. Without it "
                "they change by a share of",
                _change("ReLU, default, 0.1", "none"),
                "0.1",
            ),
        },
    ),
    Question(
        "shift-noise",
        "BatchNorm",
        "The noise throws the inputs about at every step, and the net learns all the same, some steps later at most.",
        {
            "none": (
                "If drift were what slows a net down, yes. Do two runs with noise get to 90 % within 100 steps?",
                _noisy("ReLU, default, 0.1", "noisy", 100) + "str(None not in found['steps_to_90']) + ', within 100'",
                "True, within 100",
            ),
            "neither": (
                "It is not even slow. Do two runs with noise get to 90 % within 100 steps?",
                _noisy("ReLU, default, 0.1", "noisy", 100) + "str(None not in found['steps_to_90']) + ', within 100'",
                "True, within 100",
            ),
        },
    ),
)
