"""The exercises of notebook 03."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.grading.inputs import batch, channels_last, far_from_zero, gamma_beta, with_a_constant_channel

from . import functions
from .questions import QUESTIONS

# --- normalize_backward --------------------------------------------------------------------------------------------


def _coming_back(x):
    """A gradient in the shape of x, whose mean and whose part along x_hat are not 0 in any channel or image."""
    random = np.random.default_rng((*x.shape, 3))
    return random.normal(size=x.shape) + 0.6 + 0.5 * np.sin(x)


def _through_normalize(x, axes, *eps):
    x_hat, _, var = norm_numpy.normalize(x.astype(np.float64), axes, *eps)
    return _coming_back(x), x_hat, var, axes, *eps


def _constant():
    return with_a_constant_channel(batch(4, 3, 5))


def _normalize_backward_probes():
    through = _through_normalize
    return [
        Probe("dx_hat (5, 3), axes (0,), eps 0.1", through(batch(5, 3), (0,), 0.1)),
        Probe("dx_hat (5, 3), axes (0,), no eps given", through(batch(5, 3), (0,))),
        Probe("dx_hat (5, 3, 4, 6), axes (0, 2, 3), eps 0.1", through(batch(5, 3, 4, 6), (0, 2, 3), 0.1)),
        Probe("dx_hat (5, 3, 4, 6), axes (1, 2, 3), eps 0.1", through(batch(5, 3, 4, 6), (1, 2, 3), 0.1)),
        Probe(
            "dx_hat (4, 3, 5) not contiguous, axes (0, 2), eps 0.01",
            through(channels_last(batch(4, 3, 5)), (0, 2), 0.01),
        ),
        Probe("dx_hat (4, 3, 5) with a constant channel, axes (0, 2), no eps given", through(_constant(), (0, 2))),
        Probe("dx_hat (2, 3), axes (0,), eps 0.1", through(batch(2, 3), (0,), 0.1)),
    ]


# By hand: means 5 and 3, variance 14, and with eps = 2 the standard deviation is 4.
def _x():
    return np.array([[1.0, 8.0], [4.0, 2.0], [10.0, -1.0]])


def _dy():
    return np.array([[1.0, 1.0], [0.0, 2.0], [2.0, 0.0]])


normalize_backward = Exercise(
    name="normalize_backward",
    room=__name__,
    finished=norm_numpy.normalize_backward,
    inputs=("dx_hat", "x_hat", "var", "axes", "eps"),
    outputs=("dx",),
    probes=_normalize_backward_probes,
    example=lambda: (2 * _dy(), *norm_numpy.normalize(_x(), (0,), 2.0)[::2], (0,), 2.0),
    hints=(
        "Three terms in a bracket, and one division: the formula above, line by line.",
        "Both means are over axes with keepdims=True, so that they line up again: dx_hat.mean(axes, keepdims=True).",
        "along_x_hat = (dx_hat * x_hat).mean(axes, keepdims=True); then "
        "(dx_hat - dx_hat.mean(axes, keepdims=True) - x_hat * along_x_hat) / np.sqrt(var + eps).",
    ),
)


# --- batch_norm_backward -------------------------------------------------------------------------------------------


def _through_batch_norm(x, *eps):
    gamma, beta = gamma_beta()
    _, mean, var = norm_numpy.batch_norm(x, gamma, beta, *eps)
    return _coming_back(x).astype(x.dtype), x, gamma, mean, var, *eps


def _with_twice_the_variance(x, eps):
    """The statistics handed in are what counts. (Only var: with another mean the right forms differ.)"""
    dy, x, gamma, mean, var, eps = _through_batch_norm(x, eps)
    return dy, x, gamma, mean, 2 * var, eps


def _batch_norm_backward_probes():
    through = _through_batch_norm
    return [
        Probe("a table x (5, 3), eps 0.1", through(batch(5, 3), 0.1)),
        Probe("a table x (5, 3), no eps given", through(batch(5, 3))),
        Probe("images x (5, 3, 4, 6), eps 0.1", through(batch(5, 3, 4, 6), 0.1)),
        Probe("signals x (4, 3, 5), eps 0.1", through(batch(4, 3, 5), 0.1)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", through(batch(2, 3, 3), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.01", through(batch(2, 3, 4, 5, 6), 0.01)),
        Probe("images x (5, 3, 4, 6) not contiguous, eps 0.1", through(channels_last(batch(5, 3, 4, 6)), 0.1)),
        Probe("one image x (1, 3, 4, 6), eps 0.1", through(batch(1, 3, 4, 6), 0.1)),
        Probe("a batch of 2, x (2, 3), eps 0.1", through(batch(2, 3), 0.1)),
        Probe("a constant channel in x (4, 3, 5), no eps given", through(_constant())),
        Probe("a table x (5, 3) and twice its variance as var, eps 0.1", _with_twice_the_variance(batch(5, 3), 0.1)),
        Probe("float32 images x (8, 3, 4, 6) around 10,000", through(far_from_zero(8, 3, 4, 6)), 0.02),
    ]


def _batch_norm_backward_example():
    return _dy(), _x(), np.array([2.0, -1.0]), np.array([5.0, 3.0]), np.array([14.0, 14.0]), 2.0


batch_norm_backward = Exercise(
    name="batch_norm_backward",
    room=__name__,
    finished=norm_numpy.batch_norm_backward,
    inputs=("dy", "x", "gamma", "mean", "var", "eps"),
    outputs=("dx", "dgamma", "dbeta"),
    probes=_batch_norm_backward_probes,
    example=_batch_norm_backward_example,
    hints=(
        "First make x_hat again: reshape gamma, mean and var so that they line up with axis 1 of x (notebook 02), then "
        "x_hat = (x - mean) / np.sqrt(var + eps).",
        "dgamma and dbeta are sums over batch_axes(x.ndim); both ways to dx start from dx_hat = gamma * dy. In stages, "
        "go through the graph from the right, sum wherever one number served many, add where two arrows left one node. "
        "m is x.size // x.shape[1]. The drawn graph is a test: dinv_std 12, dvar -0.09375, dmean -1.5.",
        "In stages: dinv_std = sum(dx_hat * deviation); dvar = -0.5 * (var + eps) ** -1.5 * dinv_std; ddeviation = "
        "dx_hat * inv_std + 2 * deviation * dvar / m; dx = ddeviation - mean(ddeviation). In closed form: "
        "dx = normalize_backward(dx_hat, x_hat, var, axes, eps).",
    ),
)


# --- directional_check ---------------------------------------------------------------------------------------------


class _Named:
    """A function that a message can show."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, x):
        return self.function(x)

    def __repr__(self):
        return self.name


def _cube(x, u, v, *h):
    f = _Named("x ** 3", lambda x: x**3)
    kept = x.copy()
    return f, _Named("3 x ** 2 * u", lambda u: 3 * kept**2 * u), x, u, v, *h


def _layer(*h):
    weight = np.random.default_rng(2).normal(size=(5, 3))
    v, u = np.array([1.0, -0.5, 2.0, 0.3, -1.2]), np.array([0.4, 2.0, -1.5])
    x = np.array([0.2, 1.0, -0.7, 0.5, 1.1])
    return _Named("x @ weight", lambda x: x @ weight), _Named("weight @ u", lambda u: weight @ u), x, u, v, *h


def _batch_norm_check(*h):
    x, gamma, beta = batch(5, 3)[:, :1], *(v[:1] for v in gamma_beta())
    kept, (y, mean, var) = x.copy(), norm_numpy.batch_norm(x, gamma, beta, 0.1)
    forward = _Named("batch_norm(x, ...)", lambda x: norm_numpy.batch_norm(x, gamma, beta, 0.1)[0])
    backward = _Named(
        "batch_norm_backward(u, x, ...)",
        lambda u: norm_numpy.batch_norm_backward(u, kept, gamma, mean, var, 0.1)[0],
    )
    return forward, backward, x, _coming_back(x), _coming_back(2 * y), *h


def _directional_check_probes():
    x, u, v = (np.array(a) for a in ([1.0, 2.0, -0.5, 3.0], [1.0, -2.0, 0.5, 0.25], [2.0, 1.0, -3.0, 0.5]))
    return [
        Probe("f(x) = x ** 3, h 0.1", _cube(x.copy(), u, v, 0.1)),
        Probe("f(x) = x ** 3 near 0, no h given", _cube(1e-5 * x, u, v)),
        Probe("f(x) = x @ weight, from 5 numbers to 3, h 0.1", _layer(0.1)),
        Probe("f = batch_norm of a (5, 1) table, h 0.001", _batch_norm_check(1e-3)),
    ]


directional_check = Exercise(
    name="directional_check",
    room=__name__,
    finished=functions.directional_check,
    inputs=("f", "backward", "x", "u", "v", "h"),
    outputs=("slope", "claim"),
    probes=_directional_check_probes,
    example=lambda: _cube(np.array([1.0, 2.0]), np.array([3.0, 1.0]), np.array([2.0, -1.0]), 0.1),
    hints=(
        "Two lines: slope calls f twice, claim calls backward once.",
        "<a, b> is np.sum(a * b). The step goes from x - h * v to x + h * v, a way of 2 * h.",
        "slope = np.sum(u * (f(x + h * v) - f(x - h * v))) / (2 * h) and claim = np.sum(backward(u) * v).",
    ),
)

EXERCISES = (
    normalize_backward,
    batch_norm_backward,
    directional_check,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
