"""The exercises of notebook 12."""

import numpy as np

from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from . import functions
from .questions import QUESTIONS


def _cloud(n, c, offset=3.0):
    """A cloud of points away from 0, wider in some directions than in others, with correlated columns."""
    random = np.random.default_rng((n, c))
    return random.normal(size=(n, c)) * np.linspace(0.3, 2, c) @ random.normal(size=(c, c)) + offset


effective_rank = Exercise(
    name="effective_rank",
    room=__name__,
    finished=functions.effective_rank,
    inputs=("h",),
    outputs=("rank",),
    probes=lambda: [
        Probe("h (40, 4)", (_cloud(40, 4),)),
        Probe("h (6, 3)", (_cloud(6, 3),)),
        Probe("h (200, 8) around 0", (_cloud(200, 8, 0.0),)),
        Probe("h (4, 6), fewer points than features", (_cloud(4, 6),)),
        Probe("h (50, 5), every second row of a larger table", (_cloud(100, 5, -10.0)[::2],)),
        Probe("h (30, 2) on a line, all but a thousandth", (_cloud(30, 2) @ np.array([[1.0, 2.0], [1.0, 2.002]]),)),
    ],
    example=lambda: (np.array([[1.0, 4.0], [3.0, 8.0], [5.0, 6.0], [7.0, 10.0]]),),
    hints=(
        "Three steps: subtract the mean of each column, find the variances along the cloud's own axes, put them into "
        "the formula.",
        "The eigenvalues of the covariance matrix: np.linalg.eigvalsh(np.cov(h.T)). Or the squared singular values of "
        "the centred table, np.linalg.svd(h - h.mean(0), compute_uv=False) ** 2; a common factor cancels.",
        "in code:\n    l = np.linalg.svd(h - h.mean(0), compute_uv=False) ** 2\n    return l.sum() ** 2 / (l**2).sum()",
    ),
)


def _word(name, yours, expected, probe):
    """A sentence if yours is not what is expected, a word (or, of two wrong answers, the same truth value), or None."""
    same = yours is expected if yours is None or expected is None else _plain(yours) == _plain(expected)
    return None if same else f"{name} is {yours!r}, expected {expected!r}"


def _plain(value):
    """A word, True and NumPy's True as they compare: kind and value."""
    return (bool, bool(value)) if isinstance(value, (bool, np.bool_)) else (type(value), value)


verdict = Exercise(
    name="verdict",
    room=__name__,
    finished=functions.verdict,
    inputs=("low", "high", "margin"),
    outputs=("verdict",),
    difference=_word,
    probes=lambda: [
        Probe("low 1, high 3, no margin given", (1.0, 3.0)),
        Probe("low -3, high -1, no margin given", (-3.0, -1.0)),
        Probe("low -1, high 3, no margin given", (-1.0, 3.0)),
        Probe("low 0.1, high 0.3, no margin given", (0.1, 0.3)),
        Probe("low -0.2, high 0.3, margin 0.5", (-0.2, 0.3, 0.5)),
        Probe("low 0.1, high 0.3, margin 0.5", (0.1, 0.3, 0.5)),
        Probe("low -5, high 0.6, margin 0.5", (-5.0, 0.6, 0.5)),
        Probe("low 3, high 9, margin 0.5", (3.0, 9.0, 0.5)),
        Probe("low -3, high -1, margin 0.5", (-3.0, -1.0, 0.5)),
        Probe("low 0.5, high 2, margin 0.5", (0.5, 2.0, 0.5)),
        Probe("low -1, high 0.5, margin 0.5", (-1.0, 0.5, 0.5)),
        Probe("low -0.4, high 0.2, margin -0.5", (-0.4, 0.2, -0.5)),
    ],
    example=lambda: (-0.2, 0.3, 0.5),
    hints=(
        "Draw the interval and the margin on a line. There are three cases: all of it to the right, all of it to the "
        "left, the margin inside.",
        "Which end decides whether *all* of it lies to the right of the margin?",
        "in code:\n    if low > margin:\n        return 'true'\n    if high < margin:\n        return 'false'\n"
        "    return 'not settled here'",
    ),
)


def _pictures(*shape):
    """Pixels between 0 and 1, some of them black or white, and a gradient with zeros in it."""
    random = np.random.default_rng(shape)
    x = np.clip(random.uniform(-0.3, 1.2, size=shape), 0.02, 1)
    x.flat[:3] = 0.0, 1.0, 0.97
    gradient = random.normal(size=shape) * 0.01
    gradient.flat[[1, 2, 5]] = 0.02, 0.01, 0.0
    gradient.flat[0] = -0.03
    return x, gradient


def _grey(*shape):
    """Pictures without black and white, so that there is room at both ends."""
    x, gradient = _pictures(*shape)
    return 0.2 + 0.5 * x, gradient + 0.002


fgsm = Exercise(
    name="fgsm",
    room=__name__,
    finished=functions.fgsm,
    inputs=("x", "gradient", "eps"),
    outputs=("image",),
    probes=lambda: [
        Probe("x (4, 1, 3, 5), eps 0.1", (*_pictures(4, 1, 3, 5), 0.1)),
        Probe("x (2, 3, 4, 4), eps 0.3", (*_pictures(2, 3, 4, 4), 0.3)),
        Probe("x (2, 1, 4, 4) grey, eps 0.15", (*_grey(2, 1, 4, 4), 0.15)),
        Probe("x (3, 1, 8, 8), eps 0", (*_pictures(3, 1, 8, 8), 0.0)),
        Probe("x (7,), one row of pixels, eps 0.05", (*_pictures(7), 0.05)),
    ],
    example=lambda: (np.array([0.05, 0.5, 0.95, 0.3, 0.6]), np.array([-0.02, 0.001, 0.04, 0.0, -0.03]), 0.1),
    hints=(
        "Every pixel may move by eps. In which direction does the loss rise? The gradient says so, pixel by pixel.",
        "np.sign(gradient) is -1, 0 or 1 for each pixel; np.clip(values, 0, 1) cuts off what lies outside.",
        "in code:\n    return np.clip(x + eps * np.sign(gradient), 0, 1)",
    ),
)

EXERCISES = (
    effective_rank,
    verdict,
    fgsm,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
