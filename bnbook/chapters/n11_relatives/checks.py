"""The exercises of notebook 11."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import channels_last, far_from_zero, singles

from .questions import QUESTIONS


def _six(*shape):
    """Six channels of different means and spreads: the two of group 1 of 3 have variances near 1e-5, the usual eps."""
    random = np.random.default_rng(shape)
    pattern = random.normal(size=(1, 1, *shape[2:]))
    noise = random.normal(size=shape) + 0.7 * pattern
    mean, spread = (
        np.reshape(v, (1, 6) + (1,) * (len(shape) - 2))
        for v in ([-3.0, -1.5, 0.5, 0.5, 10.0, 7.0], [2.0, 1.0, 0.004, 0.003, 1.5, 0.5])
    )
    return mean + spread * noise


def _gamma():
    return np.array([1.5, -0.7, 2.0, 0.4, -1.2, 3.0])


def _beta():
    return np.array([0.3, -2.0, 5.0, -0.6, 1.1, 0.2])


# What is asked of a group norm: shapes, numbers of groups, and an eps or none.
_CASES = [
    ("images x (4, 6, 3, 5), 3 groups, eps 0.1", (4, 6, 3, 5), 3, (0.1,)),
    ("images x (4, 6, 3, 5), 3 groups, no eps given", (4, 6, 3, 5), 3, ()),
    ("images x (4, 6, 3, 5), 2 groups, eps 0.1", (4, 6, 3, 5), 2, (0.1,)),
    ("images x (4, 6, 3, 5), 1 group, eps 0.1", (4, 6, 3, 5), 1, (0.1,)),
    ("images x (4, 6, 3, 5), 6 groups, eps 0.1", (4, 6, 3, 5), 6, (0.1,)),
    ("a table x (5, 6), 2 groups, eps 0.1", (5, 6), 2, (0.1,)),
    ("signals x (4, 6, 7), 3 groups, eps 0.01", (4, 6, 7), 3, (0.01,)),
    ("volumes x (2, 6, 2, 3, 4), 2 groups, eps 0.1", (2, 6, 2, 3, 4), 2, (0.1,)),
    ("as many images as channels, x (6, 6, 2, 2), 2 groups, eps 0.1", (6, 6, 2, 2), 2, (0.1,)),
    ("one image x (1, 6, 3, 5), 2 groups, eps 0.1", (1, 6, 3, 5), 2, (0.1,)),
]


def _group_norm_probes():
    probes = [Probe(says, (_six(*shape), _gamma(), _beta(), groups, *eps)) for says, shape, groups, eps in _CASES]
    turned, far = channels_last(_six(4, 6, 3, 5)), far_from_zero(4, 6, 3, 5)
    return [
        *probes,
        Probe("images x (4, 6, 3, 5) not contiguous, 3 groups, eps 0.1", (turned, _gamma(), _beta(), 3, 0.1)),
        Probe("float32 images x (4, 6, 3, 5) around 10,000, 2 groups", (far, *singles(_gamma(), _beta()), 2), 0.02),
    ]


group_norm = Exercise(
    name="group_norm",
    room=__name__,
    finished=norm_numpy.group_norm,
    inputs=("x", "gamma", "beta", "num_groups", "eps"),
    outputs=("y",),
    probes=_group_norm_probes,
    example=lambda: (
        np.array([[1.0, 3.0, 10.0, 30.0], [6.0, 2.0, 20.0, 60.0]]),
        np.array([2.0, -1.0, 1.0, 0.5]),
        np.array([0.0, 1.0, 0.0, 5.0]),
        2,
        0.1,
    ),
    hints=(
        "A reshape puts each group into one row, normalize does its work along that row, a second reshape undoes the "
        "first.",
        "x.reshape(len(x), num_groups, -1) is (N, num_groups, values of a group): normalize it over the axes (2,).",
        "x_hat = normalize(x.reshape(len(x), num_groups, -1), (2,), eps)[0].reshape(x.shape); then gamma and beta, "
        "each .reshape(-1, *[1] * (x.ndim - 2)), as in batch_norm.",
    ),
)


def _rms_norm_probes():
    gamma = _gamma()[:3]

    def images(*shape):
        return _six(shape[0], 6, *shape[2:])[:, ::2][:, : shape[1]]  # means -3, 0.5 and 10

    faint = images(5, 3)
    faint[1] *= 4e-4  # mean square near 1e-5
    black = images(4, 3, 2)
    black[2] = 0
    return [
        Probe("images x (4, 3, 5, 6), eps 0.1", (images(4, 3, 5, 6), gamma.copy(), 0.1)),
        Probe("a table x (5, 3) with a faint row, no eps given", (faint, gamma.copy())),
        Probe("a table x (5, 3), eps 0.1", (images(5, 3), gamma.copy(), 0.1)),
        Probe("signals x (4, 3, 7), eps 0.1", (images(4, 3, 7), gamma.copy(), 0.1)),
        Probe("signals with a black one, x (4, 3, 2), no eps given", (black, gamma.copy())),
        Probe("volumes x (2, 3, 2, 3, 4), eps 0.01", (images(2, 3, 2, 3, 4), gamma.copy(), 0.01)),
        Probe("as many images as channels, x (3, 3, 3, 3), eps 0.1", (images(3, 3, 3, 3), gamma.copy(), 0.1)),
        Probe("one image x (1, 3, 5, 6), eps 0.1", (images(1, 3, 5, 6), gamma.copy(), 0.1)),
    ]


rms_norm = Exercise(
    name="rms_norm",
    room=__name__,
    finished=norm_numpy.rms_norm,
    inputs=("x", "gamma", "eps"),
    outputs=("y",),
    probes=_rms_norm_probes,
    example=lambda: (np.array([[3.0, 4.0], [6.0, 12.0]]), np.array([2.0, -1.0]), 0.1),
    hints=(
        "Read the name backwards: square, mean, square root. Then divide x by it.",
        "Each image by itself is every axis but 0: tuple(range(1, x.ndim)), with keepdims=True so that it lines up.",
        "square = np.mean(x**2, tuple(range(1, x.ndim)), keepdims=True); return gamma.reshape(-1, *[1] * (x.ndim - 2)) "
        "* x / np.sqrt(square + eps).",
    ),
)


def _backward_probes():
    def dy(*shape):
        return np.random.default_rng((7, *shape)).normal(0.3, 1, size=shape)

    return [Probe(says, (dy(*shape), _six(*shape), _gamma(), groups, *eps)) for says, shape, groups, eps in _CASES]


group_norm_backward = Exercise(
    name="group_norm_backward",
    room=__name__,
    finished=norm_numpy.group_norm_backward,
    inputs=("dy", "x", "gamma", "num_groups", "eps"),
    outputs=("dx", "dgamma", "dbeta"),
    probes=_backward_probes,
    example=lambda: (
        np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, 3.0]]),
        np.array([[1.0, 3.0, 2.0, 3.0], [6.0, 2.0, 2.0, 1.0]]),
        np.array([2.0, -1.0, 1.0, 0.5]),
        2,
        0.1,
    ),
    hints=(
        "normalize the groups as in the forward pass, and hand gamma * dy, cut into the same groups, to "
        "normalize_backward. gamma and beta are still one per channel.",
        "grouped = x.reshape(len(x), num_groups, -1); x_hat, _, var = normalize(grouped, (2,), eps); dx_hat is gamma "
        "(reshaped as in the forward pass) * dy, reshaped like grouped. dgamma sums over batch_axes(x.ndim).",
        "dx = normalize_backward(dx_hat, x_hat, var, (2,), eps).reshape(x.shape); "
        "dgamma = (dy * x_hat.reshape(x.shape)).sum(batch_axes(x.ndim)); dbeta = dy.sum(batch_axes(x.ndim)).",
    ),
)

EXERCISES = (
    group_norm,
    rms_norm,
    group_norm_backward,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
