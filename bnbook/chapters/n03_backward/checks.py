"""The exercises and the questions of notebook 03."""

import numpy as np

from .. import norm_numpy
from . import gradient
from .compare import Probe
from .exercise import Exercise
from .inputs import batch, channels_last, far_from_zero, gamma_beta, with_a_constant_channel
from .question import Question

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
        Probe("float32 images x (8, 3, 4, 6) around 10,000", through(far_from_zero(8, 3, 4, 6)), 0.02),
    ]


def _batch_norm_backward_example():
    return _dy(), _x(), np.array([2.0, -1.0]), np.array([5.0, 3.0]), np.array([14.0, 14.0]), 2.0


batch_norm_backward = Exercise(
    name="batch_norm_backward",
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
        "m is x.size // x.shape[1].",
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
    finished=gradient.directional_check,
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

QUESTIONS = (
    Question(
        "backward-nudge",
        3,
        "The mean and the variance moved, and every x_hat is measured by them. The first one even rose.",
        {
            1: (
                "It would be 1 if mean and var were constants; but they are made from x. The changes in thousandths:",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "(1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0])).round(3).tolist()",
                "[0.021, -0.057, 0.036]",
            ),
            2: (
                "The mean moves by a third of the nudge only, so the nudged value moves away from it. How far, in "
                "thousandths:",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "float((1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]))[2].round(3))",
                "0.036",
            ),
            0: (
                "Normalizing forgets a shift of *all* values; this moves one. Its x_hat moves, in thousandths, by",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "float((1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]))[2].round(3))",
                "0.036",
            ),
        },
    ),
    Question(
        "backward-beta",
        3,
        "beta was handed to all three y, so what comes back is added: 1 + 0 + 2.",
        {
            1: (
                "1 is the mean of dy. Nothing in y = gamma * x_hat + beta divides by 3: raise beta by 1, and the loss "
                "rises by",
                "y, dy = np.array([-1.0, 0.5, 3.5]), np.array([1.0, 0.0, 2.0]); "
                "float(np.sum(dy * (y + 1)) - np.sum(dy * y))",
                "3.0",
            ),
            6: (
                "6 is the sum of gamma * dy. gamma multiplies x_hat, not beta. What autograd says:",
                "b = torch.ones(1, requires_grad=True); "
                "out = 2 * torch.tensor([-1.0, -0.25, 1.25]) + b; "
                "float(torch.autograd.grad((torch.tensor([1.0, 0.0, 2.0]) * out).sum(), b)[0])",
                "3.0",
            ),
        },
    ),
    Question(
        "backward-sum",
        0,
        "Raising all three x by the same amount changes no deviation, so not the loss either: its slope in the "
        "direction (1, 1, 1), which is the sum of dx, is 0.",
        {
            1.5: (
                "1.5 is the sum of what comes back to deviation. The mean sends back -0.5 to each x as well:",
                "float(sum([0.75, 0.0625, 0.6875]) + 3 * (-0.5))",
                "0.0",
            ),
            3: (
                "3 is the sum of dy. But raise all x by 7, and this is how much x_hat changes at most:",
                "x = np.array([1.0, 4.0, 10.0]); "
                "float(np.abs(normalize(x + 7, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]).max())",
                "0.0",
            ),
            6: (
                "6 is the sum of dx_hat, before it goes back through the normalization. The slope of the loss when all "
                "x rise together:",
                "x, dx_hat = np.array([1.0, 4.0, 10.0]), np.array([2.0, 0.0, 4.0]); "
                "float(np.sum(dx_hat * (normalize(x + 1, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0])))",
                "0.0",
            ),
        },
    ),
    Question(
        "backward-line",
        "a line",
        "Three dimensions, two taken away: what is orthogonal to both 1 and x_hat is a line.",
        {
            "all of space": (
                "That is dx for constant statistics. The number of directions left:",
                "one, x_hat = np.ones(3), np.array([-4.0, -1.0, 5.0]) / np.sqrt(14); "
                "int(np.linalg.matrix_rank(np.eye(3) - np.outer(one, one) / 3 - np.outer(x_hat, x_hat) / 3))",
                "1",
            ),
            "a plane": (
                "One direction, 1, leaves a plane; but x_hat is taken away as well, and it lies in that plane: their "
                "dot product is",
                "float(np.ones(3) @ np.array([-4.0, -1.0, 5.0]) / np.sqrt(14))",
                "0.0",
            ),
            "a point": (
                "That is a batch of 2. Of three directions two are taken away, and left are",
                "3 - int(np.linalg.matrix_rank([[1.0, 1.0, 1.0], [-4.0, -1.0, 5.0]]))",
                "1",
            ),
        },
    ),
    Question(
        "backward-blind",
        2,
        "sum(y) is m * beta and sum(y^2) nearly m * (gamma^2 + beta^2), whatever x is: the right dx is 0, or nearly.",
        {
            1: (
                "sum(y) is one. The other: y has a fixed mean and a fixed spread, so sum(y^2) is fixed too, up to eps. "
                "With 4 values, gamma 2 and beta 1, for two quite different batches:",
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float((batch_norm(v, np.array([2.0]), np.array([1.0]))[0] ** 2).sum().round(3)) for v in (a, b)]",
                "[20.0, 20.0]",
            ),
            3: (
                "A random u does not see only mean and spread. sum(u * y) for two batches:",
                "u = np.array([[1.0], [-2.0], [0.5], [3.0]]); "
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float((u * batch_norm(v, np.array([2.0]), np.array([1.0]))[0]).sum().round(2)) for v in (a, b)]",
                "[-1.3, 6.43]",
            ),
            0: (
                "Look at the sum of y for two quite different batches, beta = 1:",
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float(batch_norm(v, np.array([2.0]), np.array([1.0]))[0].sum().round(3)) for v in (a, b)]",
                "[4.0, 4.0]",
            ),
        },
    ),
    Question(
        "backward-keep",
        1,
        "x, with mean and var, two numbers per channel: x_hat is made again from them.",
        {
            0: (
                "dx needs x_hat, and mean and var do not determine it: these two batches share both, and differ.",
                "a, b = np.array([1.0, 4.0, 10.0]), np.array([10.0, 4.0, 1.0]); "
                "(float(a.mean() - b.mean()), float(a.var() - b.var()))",
                "(0.0, 0.0)",
            ),
            2: (
                "x_hat need not be kept beside x: it is one subtraction and one product away. The difference to a kept "
                "one:",
                "x = np.array([1.0, 4.0, 10.0]); x_hat, mean, var = normalize(x, (0,)); "
                "float(np.abs((x - mean) / np.sqrt(var + 1e-5) - x_hat).max())",
                "0.0",
            ),
            3: (
                "x, deviation and x_hat differ by a shift and a factor per channel: one of them gives the others.",
                "x = np.array([1.0, 4.0, 10.0]); x_hat, mean, var = normalize(x, (0,)); "
                "float(np.abs((x - mean) / np.sqrt(var + 1e-5) - x_hat).max())",
                "0.0",
            ),
        },
    ),
    Question(
        "backward-eval",
        "b",
        "Stored statistics do not depend on x: both detours are gone, and with them the projection.",
        {
            "a": (
                "The formula of training would take parts away that were never put in. The sum of dx in evaluation "
                "mode, for dy of ones and running_var 1:",
                "t = torch.tensor([[1.0], [4.0], [10.0]], requires_grad=True); "
                "out = torch.nn.BatchNorm1d(1).eval()(t); "
                "round(float(torch.autograd.grad(out.sum(), t)[0].sum()), 3)",
                "3.0",
            ),
            "c": (
                "Evaluation mode switches the statistics of the batch off, not the gradient. One entry of dx for dy "
                "= 1 and running_var 1:",
                "t = torch.tensor([[1.0], [4.0], [10.0]], requires_grad=True); "
                "out = torch.nn.BatchNorm1d(1).eval()(t); "
                "round(float(torch.autograd.grad(out.sum(), t)[0][0]), 3)",
                "1.0",
            ),
        },
    ),
)
