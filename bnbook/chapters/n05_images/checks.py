"""The exercises of notebook 05."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import batch, channels_last, far_from_zero, gamma_beta, singles

from . import functions
from .questions import QUESTIONS


def _numbered(*shape):
    """A different number at every index, so that any two arrangements of them differ."""
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape) + 0.5


def _example():
    """Two signals of 3 steps; channel 0 counts from 10 on, channel 1 from 20 on."""
    return np.array([[[10.0, 11.0, 12.0], [20.0, 21.0, 22.0]], [[13.0, 14.0, 15.0], [23.0, 24.0, 25.0]]])


SHAPES = {
    "images x (5, 3, 4, 6)": (5, 3, 4, 6),
    "a table x (5, 3)": (5, 3),
    "signals x (4, 3, 5)": (4, 3, 5),
    "volumes x (2, 3, 4, 5, 6)": (2, 3, 4, 5, 6),
    "one image x (1, 3, 4, 6)": (1, 3, 4, 6),
    "images of one channel x (5, 1, 4, 6)": (5, 1, 4, 6),
    "as many images as channels, x (3, 3, 4, 4)": (3, 3, 4, 4),
}


def _to_rows_probes():
    probes = [Probe(says, (_numbered(*shape),)) for says, shape in SHAPES.items()]
    channels_last = np.moveaxis(_numbered(5, 4, 6, 3), -1, 1)
    return [*probes, Probe("images x (5, 3, 4, 6) not contiguous", (channels_last,))]


to_rows = Exercise(
    name="to_rows",
    room=__name__,
    finished=functions.to_rows,
    inputs=("x",),
    outputs=("rows",),
    probes=_to_rows_probes,
    example=lambda: (_example(),),
    hints=(
        "Two steps: bring the channels to the end, then let reshape join all the other axes.",
        "np.moveaxis(x, 1, -1) turns (N, C, H, W) into (N, H, W, C) and works for any number of axes.",
        "return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])",
    ),
)


def _from_rows_probes():
    probes = []
    for says, shape in SHAPES.items():
        rows = functions.to_rows(_numbered(*shape))
        probes.append(Probe(f"rows {rows.shape} of {says}", (rows, shape)))
    return probes


from_rows = Exercise(
    name="from_rows",
    room=__name__,
    finished=functions.from_rows,
    inputs=("rows", "shape"),
    outputs=("x",),
    probes=_from_rows_probes,
    example=lambda: (functions.to_rows(_example()), (2, 2, 3)),
    hints=(
        "Undo the two steps of to_rows in the opposite order: first cut the rows apart, then move the channels back.",
        "In the table the channels are last, so reshape to (N, H, W, C). N, C, *positions = shape serves any number "
        "of axes.",
        "N, C, *positions = shape, then return np.moveaxis(rows.reshape(N, *positions, C), -1, 1)",
    ),
)


# --- the repair ------------------------------------------------------------------------------------------------------


def _batch_norm_probes():
    vectors = gamma_beta
    return [
        Probe("images x (5, 3, 4, 6), eps 0.1", (batch(5, 3, 4, 6), *vectors(), 0.1)),
        Probe("images x (5, 3, 4, 6), no eps given", (batch(5, 3, 4, 6), *vectors())),
        Probe("a table x (5, 3), eps 0.1", (batch(5, 3), *vectors(), 0.1)),
        Probe("signals x (4, 3, 5), eps 0.1", (batch(4, 3, 5), *vectors(), 0.1)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", (batch(2, 3, 3), *vectors(), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.01", (batch(2, 3, 4, 5, 6), *vectors(), 0.01)),
        Probe("images x (5, 3, 4, 6) not contiguous, eps 0.1", (channels_last(batch(5, 3, 4, 6)), *vectors(), 0.1)),
        Probe("one image x (1, 3, 4, 6), eps 0.1", (batch(1, 3, 4, 6), *vectors(), 0.1)),
        Probe("float32 images x (8, 3, 4, 6) around 10,000", (far_from_zero(8, 3, 4, 6), *singles(*vectors())), 0.02),
    ]


batch_norm = Exercise(
    name="batch_norm",
    room=__name__,
    finished=norm_numpy.batch_norm,
    inputs=("x", "gamma", "beta", "eps"),
    outputs=("y", "mean", "var"),
    probes=_batch_norm_probes,
    # Two signals of two steps: in channel 0 the variances of the steps are 1 and 25, that of their means is 16, in
    # channel 1 9, 1 and 4; with 7 the sums make roots, and no other average of variances is the same.
    example=lambda: (
        np.array([[[1.0, 5.0], [5.0, 13.0]], [[3.0, 15.0], [11.0, 11.0]]]),
        np.array([2.0, 4.0]),
        np.array([1.0, 5.0]),
        7.0,
    ),
    hints=(
        "Only the line for var is wrong. How many variances does it compute before it averages them, and around what?",
        "Each position's variance is taken around that position's own mean. One variance around the channel's mean is "
        "needed, over every axis that the mean in the line above is taken over.",
        "var = x.var(axes, keepdims=True), or ((x - mean) ** 2).mean(axes, keepdims=True).",
    ),
)


def _remove_bias_probes():
    bias, mean = np.array([0.5, -2.0, 4.0]), np.array([3.0, 1.5, -0.25])
    return [
        Probe("bias (3,), running_mean (3,)", (bias.copy(), mean.copy())),
        Probe("a bias of 0", (np.zeros(4), np.array([1.0, -2.0, 0.5, 8.0]))),
        Probe("a new layer, whose running_mean is 0", (bias.copy(), np.zeros(3))),
        Probe("one channel", (np.array([0.75]), np.array([-2.5]))),
        Probe("small biases, large means", (1e-3 * bias, 1e3 + mean)),
    ]


remove_bias = Exercise(
    name="remove_bias",
    room=__name__,
    finished=functions.remove_bias,
    inputs=("bias", "running_mean"),
    outputs=("running_mean",),
    probes=_remove_bias_probes,
    example=lambda: (np.array([2.0, -1.0]), np.array([3.0, 5.0])),
    hints=(
        "Write down what evaluation subtracts: (x + bias) - running_mean. Without the bias it is x - (something).",
        "The something is one number per channel; no epsilon, no gamma, no reshape is needed.",
        "(x + bias) - running_mean = x - (running_mean - bias): return the bracket.",
    ),
)

EXERCISES = (
    to_rows,
    from_rows,
    batch_norm,
    remove_bias,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
