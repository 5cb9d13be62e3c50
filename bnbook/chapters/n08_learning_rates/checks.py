"""The exercises and the questions of notebook 08."""

import numpy as np

from ..experiments import decay, rates, scale
from .compare import Probe
from .exercise import Exercise
from .question import Question

# --- band ------------------------------------------------------------------------------------------------------------


def _grid(step=0.5, first=-3.0, n=9):
    return 10 ** (first + step * np.arange(n))


def _hill():
    return np.array([0.11, 0.35, 0.62, 0.88, 0.95, 0.93, 0.71, 0.12, 0.10])


band = Exercise(
    name="band",
    finished=rates.band,
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
    finished=scale.invariance_check,
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
    finished=scale.effective_rate,
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
    finished=decay.equilibrium,
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

# --- questions -------------------------------------------------------------------------------------------------------

_INSIDE = "from bnbook import experiments; "


def _runs(rates, reading="run['diverged']", **setting):
    """What to type to train the chapter's net at some rates."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in setting.items())
    call = f"experiments.Setting(net='mlp', width=64, depth=5, steps=300, every=300, {arguments}, lr=rate)"
    tried = f"tried = experiments.run_all([{call} for rate in {rates}], data.digits()); "
    return f"{_INSIDE}{tried}[{reading} for run in tried]"


_ROUND = "round(run['test_accuracy'][-1], 1)"
_FLAT = (
    _INSIDE + "flat = experiments.along_gradient(data.digits(), seeds=2, inits=('torch',), steps=40)['arms']; "
    "[round(float(np.mean(arm['range'])), 1) for arm in flat]"
)

QUESTIONS = (
    Question(
        "rates-ratio",
        "3 to 30",
        "About one order of magnitude: much, and less than the thousandfold that one reads of.",
        {
            "below 2": (
                "Without normalization these nets are gone at rate 1. With it, does one fail at 0.3, 1 and 2?",
                _runs((0.3, 1.0, 2.0), norm="batch"),
                "[False, False, False]",
            ),
            "above 100": (
                "It does not become immune: the last layer has no BatchNorm. Does it fail at rates 1 and 30?",
                _runs((1.0, 30.0), norm="batch"),
                "[False, True]",
            ),
        },
    ),
    Question(
        "rates-start",
        "as wide as with He",
        "One standardization repairs a bad start, as He initialization does, and then it is an ordinary net again.",
        {
            "as wide as with BatchNorm": (
                "At the large rates the net has no protection left. Standardized once, does it fail at 0.1 and at 1?",
                _runs((0.1, 1.0), norm="none", init="torch", standardized=True),
                "[False, True]",
            ),
            "as narrow as before": (
                "The narrow band of default initialization is a slow start, and the start is what was repaired. "
                "Accuracy at rate 0.03:",
                _runs((0.03,), _ROUND, norm="none", init="torch", standardized=True),
                "[0.9]",
            ),
        },
    ),
    Question(
        "rates-small",
        "without",
        "At a small rate this net, with its good start, does not need what BatchNorm gives.",
        {
            "with": (
                "'BatchNorm speeds up training' leaves out at which rate. After 150 steps at 0.01, the accuracy with "
                "BatchNorm, minus that without, is negative:",
                _INSIDE + "short = [experiments.run(experiments.Setting(net='mlp', width=64, depth=5, norm=norm, "
                "lr=0.01, steps=150, every=150), data.digits()) for norm in ('none', 'batch')]; "
                "[int(short[1]['test_accuracy'][-1] < short[0]['test_accuracy'][-1])]",
                "[1]",
            ),
            "no clear difference": (
                "They end near each other, but on the way one is ahead, for every seed. Seeds out of 2 in which the "
                "plain net is the first at 90 %:",
                _INSIDE
                + "small = experiments.matched_rates(data.digits(), seeds=2, rates=(0.01,), steps=500)['arms']; "
                "sum(b is None or n < b for n, b in zip(small[0]['reached'], small[1]['reached']))",
                "2",
            ),
        },
    ),
    Question(
        "rates-scaled",
        "a tenth",
        "The same change of w turns weights ten times as long by a tenth of the angle, and only the angle matters.",
        {
            "the same": (
                "Only for a straight line. Take the smallest function of direction alone, w1 / |w|, at (3, 4) and at "
                "(30, 40): its slope along w2 is",
                "slope = lambda w: -w[0] * w[1] / np.hypot(*w) ** 3; "
                "[round(float(slope(w)), 4) for w in ((3, 4), (30, 40))]",
                "[-0.096, -0.0096]",
            ),
            "ten times": (
                "Then a long vector would be easier to turn than a short one. How far does a step of 1 at right angles "
                "turn a vector of length 1 and one of length 10, in radians?",
                "[round(float(np.arctan(1 / length)), 2) for length in (1, 10)]",
                "[0.79, 0.1]",
            ),
        },
    ),
    Question(
        "rates-equivalent",
        10,
        "Ten times as long with a tenth of the gradient: for the same relative step, 10 * 10 times the rate.",
        {
            1: (
                "That makes up for the length, but the gradient is smaller too. The relative step lr * |g| / |w|, "
                "before and after, with |w| and |g| = 1 at the start:",
                "[0.1 * 1 / 1, round(1 * 0.1 / 10, 4)]",
                "[0.1, 0.01]",
            ),
            0.1: (
                "The function is the same, not its gradient. The relative step lr * |g| / |w| before and after:",
                "[0.1 * 1 / 1, round(0.1 * 0.1 / 10, 4)]",
                "[0.1, 0.001]",
            ),
            0.001: (
                "The wrong way: longer weights need longer steps. The relative step lr * |g| / |w| before and after:",
                "[0.1 * 1 / 1, round(0.001 * 0.1 / 10, 6)]",
                "[0.1, 1e-05]",
            ),
        },
    ),
    Question(
        "rates-extreme",
        "about 80 %",
        "The first step makes the weights so long that they hardly turn any more; the other layers learn on top.",
        {
            "about 10 %": (
                "That is what happens to a net without BatchNorm, and with the length kept. Here, at a million:",
                _runs((0.1,), _ROUND, norm="batch", hidden_lr=1e6),
                "[0.8]",
            ),
            "about 98 %": (
                "So good it is up to some hundreds. Far beyond, it comes near to one whose hidden weights never moved:",
                _runs((0.1,), _ROUND, norm="batch", hidden_lr=1e-30),
                "[0.8]",
            ),
        },
    ),
    Question(
        "rates-flat",
        "flatter",
        "It hardly reacts to its weights at all, and so it cannot learn either. Flat is not the same as trainable.",
        {
            "as flat": (
                "The range of the loss along the gradient, without and with BatchNorm, after 40 steps of training:",
                _FLAT,
                "[0.0, 0.3]",
            ),
            "steeper": (
                "So it is with He initialization. With the small default weights little of the input arrives at the "
                "end, so changing weights changes little: ranges without and with BatchNorm",
                _FLAT,
                "[0.0, 0.3]",
            ),
        },
    ),
)
