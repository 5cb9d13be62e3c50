"""The exercises of notebook 08."""

import numpy as np

from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise
from bnbook.lab import results

from . import functions
from .questions import QUESTIONS

# --- band ------------------------------------------------------------------------------------------------------------


def _grid(step=0.5, first=-3.0, n=9):
    return 10 ** (first + step * np.arange(n))


def _hill():
    return np.array([0.11, 0.35, 0.62, 0.88, 0.95, 0.93, 0.71, 0.12, 0.10])


band = Exercise(
    name="band",
    room=__name__,
    finished=results.band,
    inputs=("lr", "accuracy", "best", "share"),
    outputs=("width",),
    probes=lambda: [
        Probe("nine rates, half a decade apart, best 0.95, share 0.8", (_grid(), _hill(), 0.95, 0.8)),
        Probe("the same without a share", (_grid(), _hill(), 0.95)),
        Probe("the same arm, but another one reached 0.96", (_grid(), _hill(), 0.96, 0.85)),
        Probe("a weaker arm, best 0.96, share 0.5", (_grid(), 0.6 * _hill(), 0.96, 0.5)),
        Probe("an arm that never gets there", (_grid(), 0.5 * _hill(), 0.96)),
        Probe("a dip in the middle", (_grid(), np.where(_hill() == 0.95, 0.3, _hill()), 0.95, 0.7)),
        Probe("rates at unequal distances", (np.array([0.001, 0.01, 0.02, 0.5, 4.0]), _hill()[1:6], 0.95)),
        Probe("good at every rate", (_grid(0.25, -2, 4), np.array([0.9, 0.94, 0.95, 0.92]), 0.95, 0.8)),
        Probe("a net that guesses everywhere", (_grid(), np.full(9, 0.1), 0.95)),
    ],
    example=lambda: (np.array([0.01, 0.1, 1.0, 10.0]), np.array([0.5, 0.9, 0.9, 0.1]), 1.0, 0.8),
    hints=(
        "Go from rate to rate. A piece of the axis log10(lr) counts in full if both its ends are good, in part if one "
        "is, not at all if none is.",
        "With above = accuracy - share * best, a piece from low < 0 to high > 0 lies above the line for the part "
        "high / (high - low) of its width.",
        "For each i: low, high = sorted(above[i : i + 2]); good = 1 if low >= 0, high / (high - low) if high > 0 (and "
        "low < 0), else 0; add good * (log10(lr[i + 1]) - log10(lr[i])).",
    ),
)

# --- invariance_check ------------------------------------------------------------------------------------------------


class _Named:
    """A function that a message can show."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, w):
        return self.function(w)

    def __repr__(self):
        return self.name


def _squares(w, a):
    """A parabola around a point that is not 0: no invariance, and gradients that are not parallel."""
    centre = np.linspace(-1.0, 2.0, w.size).reshape(w.shape)
    f = _Named("sum((w - centre) ** 2)", lambda w: float(np.sum((w - centre) ** 2)))
    return f, _Named("2 (w - centre)", lambda w: 2 * (w - centre)), w, a


def _waves(w, a):
    f = _Named("sum(sin(w)) + sum(w)", lambda w: float(np.sum(np.sin(w)) + np.sum(w)))
    return f, _Named("cos(w) + 1", lambda w: np.cos(w) + 1), w, a


def _w(*shape):
    return np.random.default_rng(shape).normal(0.5, 1, size=shape)


invariance_check = Exercise(
    name="invariance_check",
    room=__name__,
    finished=functions.invariance_check,
    inputs=("f", "gradient", "w", "a"),
    outputs=("change", "mismatch", "cosine"),
    probes=lambda: [
        Probe("f a parabola, w (4,), a = 2", _squares(_w(4), 2.0)),
        Probe("f a parabola, w (4,), a = 0.1", _squares(_w(4), 0.1)),
        Probe("f = sum(sin(w) + w), w (5,), a = 3", _waves(_w(5), 3.0)),
        Probe("f = sum(sin(w) + w), w (3, 4), a = 0.5", _waves(_w(3, 4), 0.5)),
        Probe("f a parabola, w (3, 2, 2), a = 1.5", _squares(_w(3, 2, 2), 1.5)),
    ],
    example=lambda: _squares(np.array([3.0, 4.0]), 2.0),
    hints=(
        "Five numbers and arrays are enough: f and gradient at w, f and gradient at a * w, and w itself.",
        "np.linalg.norm(v) is the length of an array of any shape, np.sum(v * u) the inner product.",
        "before, after = gradient(w), gradient(a * w); mismatch = norm(a * after - before) / norm(before); cosine = "
        "np.sum(w * after) / (norm(w) * norm(after)).",
    ),
)

# --- effective_rate --------------------------------------------------------------------------------------------------

effective_rate = Exercise(
    name="effective_rate",
    room=__name__,
    finished=functions.effective_rate,
    inputs=("lr", "weight"),
    outputs=("rate",),
    probes=lambda: [
        Probe("lr = 0.1, weight (3, 4)", (0.1, _w(3, 4))),
        Probe("lr = 3, weight (4, 4), as many units as inputs", (3.0, _w(4, 4))),
        Probe("lr = 0.5, weight (2, 7), lengths near 0.01", (0.5, 0.005 * _w(2, 7))),
        Probe("lr = 2, filters (4, 3, 2, 2)", (2.0, _w(4, 3, 2, 2))),
        Probe("lr = 0.1, one unit, weight (1, 5)", (0.1, _w(1, 5))),
    ],
    example=lambda: (0.1, np.array([[3.0, -4.0], [1.0, 1.0]])),
    hints=(
        "One number per unit. The weights of unit 0 are weight[0], whatever its shape.",
        "weight.reshape(len(weight), -1) has one row per unit; the squared length of a row is the sum of its squares.",
        "return lr / (weight.reshape(len(weight), -1) ** 2).sum(1)",
    ),
)

# --- equilibrium -----------------------------------------------------------------------------------------------------

equilibrium = Exercise(
    name="equilibrium",
    room=__name__,
    finished=functions.equilibrium,
    inputs=("lr", "weight_decay", "gradient"),
    outputs=("length", "angle"),
    probes=lambda: [
        Probe("lr 0.5, decay 0.01, gradient 3", (0.5, 0.01, 3.0)),
        Probe("lr 0.1, decay 0.001, gradient 0.2", (0.1, 0.001, 0.2)),
        Probe("lr 2, decay 0.03, gradient 1.7", (2.0, 0.03, 1.7)),
        Probe("lr 0.02, decay 0.5, gradient 10", (0.02, 0.5, 10.0)),
    ],
    example=lambda: (0.5, 0.01, 4.0),
    hints=(
        "In equilibrium |w|^2 loses as much by decay as it gains by the step. Loss: 2 * lr * decay * |w|^2. Gain, by "
        "Pythagoras: lr^2 |g|^2.",
        "At length |w| the gradient is gradient / |w|. So 2 * lr * decay * |w|^2 = lr^2 * gradient^2 / |w|^2: solve "
        "for |w|^4. The angle is the step divided by the length, lr * (gradient / |w|) / |w|.",
        "length = (lr * gradient**2 / (2 * weight_decay)) ** 0.25 and angle = np.sqrt(2 * lr * weight_decay).",
    ),
)

EXERCISES = (
    band,
    invariance_check,
    effective_rate,
    equilibrium,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
