"""The exercises and the questions of notebook 12."""

import numpy as np

from ..experiments.claims import measure
from .compare import Probe
from .exercise import Exercise
from .question import Question


def _cloud(n, c, offset=3.0):
    """A cloud of points away from 0, wider in some directions than in others, with correlated columns."""
    random = np.random.default_rng((n, c))
    return random.normal(size=(n, c)) * np.linspace(0.3, 2, c) @ random.normal(size=(c, c)) + offset


effective_rank = Exercise(
    name="effective_rank",
    finished=measure.effective_rank,
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
        "l = np.linalg.svd(h - h.mean(0), compute_uv=False) ** 2; return l.sum() ** 2 / (l**2).sum()",
    ),
)


def _word(name, yours, expected, probe):
    """A sentence if yours is not the word that is expected, or None."""
    return None if isinstance(yours, str) and yours == expected else f"{name} is {yours!r}, expected {expected!r}"


verdict = Exercise(
    name="verdict",
    finished=measure.verdict,
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
        "if low > margin: return 'true';  if high < margin: return 'false';  return 'not settled here'",
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
    finished=measure.fgsm,
    inputs=("x", "gradient", "eps"),
    outputs=("image",),
    probes=lambda: [
        Probe("x (4, 1, 3, 5), eps 0.1", (*_pictures(4, 1, 3, 5), 0.1)),
        Probe("x (2, 3, 4, 4), eps 0.3", (*_pictures(2, 3, 4, 4), 0.3)),
        Probe("x (2, 1, 4, 4) grey, eps 0.15", (*_grey(2, 1, 4, 4), 0.15)),
        Probe("x (3, 1, 8, 8), eps 0", (*_pictures(3, 1, 8, 8), 0.0)),
        Probe("x (7,), one row of pixels, eps 0.05", (*_pictures(7), 0.05)),
    ],
    example=lambda: (np.array([0.0, 0.5, 0.95, 0.3]), np.array([-0.02, 0.001, 0.04, 0.0]), 0.1),
    hints=(
        "Every pixel may move by eps. In which direction does the loss rise? The gradient says so, pixel by pixel.",
        "np.sign(gradient) is -1, 0 or 1 for each pixel; np.clip(values, 0, 1) cuts off what lies outside.",
        "return np.clip(x + eps * np.sign(gradient), 0, 1)",
    ),
)

_STORED = "from bnbook import experiments; found = experiments.evidence('claims')['parts']"
_SIZES = f"{_STORED}['generalization']['sizes'][1]['differences']; "

QUESTIONS = (
    Question(
        "claims-interval",
        "false",
        "All of [-0.4, 0.9] lies below 1: whatever the effect is, it is not a point.",
        {
            "not settled here": (
                "That would be the answer to 'is it more than 0?', which is another claim. Is the upper end below 1?",
                "bool(0.9 < 1)",
                "True",
            ),
            "true": (
                "Even the upper end, the best case, is below what the claim promises. By how much:",
                "round(1 - 0.9, 1)",
                "0.1",
            ),
        },
    ),
    Question(
        "claims-add",
        2,
        "Adding a number to all values moves them and leaves them as wide as they were.",
        {
            1: (
                "1 is what *dividing* by the sd gives. Two numbers with mean 3 and sd 2:",
                "pair = np.array([1.0, 5.0]); float((pair - pair.mean() + pair.std()).std())",
                "2.0",
            ),
            4: (
                "Adding the same number to all of them makes no distance between them longer; it moves the mean, to",
                "pair = np.array([1.0, 5.0]); float((pair - pair.mean() + pair.std()).mean())",
                "2.0",
            ),
        },
    ),
    Question(
        "claims-rank",
        "the same",
        "Every channel is shifted and scaled by itself, which can be undone: nothing is merged, nothing is lost.",
        {
            "smaller": (
                "That is what a projection does, such as PCA. Four columns, standardized, have the rank:",
                "columns = np.random.default_rng(0).normal(size=(50, 4)); "
                "int(np.linalg.matrix_rank((columns - columns.mean(0)) / columns.std(0)))",
                "4",
            ),
            "larger": (
                "Scaling columns makes no new directions. Two columns of which one is 5 times the other:",
                "columns = np.random.default_rng(0).normal(size=(50, 1)) * np.array([1, 5]); "
                "int(np.linalg.matrix_rank((columns - columns.mean(0)) / columns.std(0)))",
                "1",
            ),
        },
    ),
    Question(
        "claims-freedom",
        6,
        "A shift of all eight and a stretch of all eight leave the output as it is: two ways to move are lost.",
        {
            8: (
                "So it is in evaluation mode, where the statistics are constants. In training a shift of all is lost:",
                "eight = np.arange(8.0); moved = eight + 7; "
                "bool(np.allclose(moved - moved.mean(), eight - eight.mean()))",
                "True",
            ),
            7: (
                "That counts the shift, and forgets the stretch: three times as wide a channel gives",
                "eight = 3 * np.arange(8.0); float((eight / eight.std()).std().round(3))",
                "1.0",
            ),
        },
    ),
    Question(
        "claims-cause",
        "most of it stays",
        "With the statistics of all training images there is no noise of the batch, and most of the gain is left.",
        {
            "vanishes": (
                "So it would be if the noise were the reason. Without the noise, in points, the gain here is",
                f"{_SIZES}round(found['whole_set']['mean'], 1)",
                "1.9",
            ),
            "doubles": (
                "That would say that the noise does harm. The change, in points, when the noise is taken away:",
                f"{_SIZES}round(found['whole_set - batch']['mean'], 1)",
                "-0.4",
            ),
        },
    ),
    Question(
        "claims-labels",
        "fewer",
        "What makes training faster makes learning by heart faster, too.",
        {
            "more": (
                "That is what 'reduces overfitting' would predict. Steps with BatchNorm, as a share of those without:",
                f"{_STORED}['random_labels']; round(1 / found['ratio'], 1)",
                "0.5",
            ),
            "as many": (
                "Nothing forbids it, but it is not so. Without BatchNorm it takes this many times the steps:",
                f"{_STORED}['random_labels']; round(found['ratio'], 1)",
                "2.2",
            ),
        },
    ),
    Question(
        "claims-dark",
        "instance",
        "It takes mean and spread from the image itself. (Something is lost all the same: the border of zeros that a "
        "convolution puts around an image does not get darker with it.)",
        {
            "batch": (
                "In evaluation mode BatchNorm divides by the spread of the *training* images. Its accuracy, in %:",
                f"{_STORED}['robustness']['arms']['batch']['accuracy']['dark']; round(100 * float(np.mean(found)), 1)",
                "20.1",
            ),
            "none": (
                "Everything in it shrinks, but the biases do not, and they take over. Its accuracy, in %:",
                f"{_STORED}['robustness']['arms']['none']['accuracy']['dark']; round(100 * float(np.mean(found)), 1)",
                "22.4",
            ),
        },
    ),
)
