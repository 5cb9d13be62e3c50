"""The exercises and the questions of notebook 10."""

import numpy as np

from .. import norm_numpy, train
from .compare import Probe
from .exercise import Exercise
from .inputs import batch, channels_last, gamma_beta, table
from .question import Question

standard_error = Exercise(
    name="standard_error",
    finished=norm_numpy.standard_error,
    inputs=("sd", "m"),
    outputs=("error",),
    probes=lambda: [
        Probe("sd 6, m 9", (6.0, 9)),
        Probe("sd 1, m 2", (1.0, 2)),
        Probe("sd 0.25, m 256", (0.25, 256)),
        Probe("sd 3, m 1: a single value", (3.0, 1)),
        Probe("three channels, sd (2, 0.004, 150), m 32", (np.array([2.0, 0.004, 150.0]), 32)),
    ],
    example=lambda: (6.0, 9),
    hints=(
        "The variance of a sum of m independent values is m * sd^2. And the mean is the sum divided by m.",
        "Dividing by m divides the variance by m^2: m * sd^2 / m^2 = sd^2 / m. Asked is its root.",
        "return sd / np.sqrt(m)",
    ),
)


def _ghost_probes():
    whole = batch(12, 3)
    return [
        Probe("a table x (6, 3) in parts of 2, eps 0.1", (batch(6, 3), *gamma_beta(), 2, 0.1)),
        Probe("a table x (12, 3) in parts of 4, no eps given", (whole, *gamma_beta(), 4)),
        Probe("images x (6, 3, 4, 5) in parts of 3, eps 0.1", (batch(6, 3, 4, 5), *gamma_beta(), 3, 0.1)),
        Probe("images x (4, 3, 4, 5) one by one, eps 0.1", (batch(4, 3, 4, 5), *gamma_beta(), 1, 0.1)),
        Probe("a table x (5, 3) in one part, eps 0.1", (batch(5, 3), *gamma_beta(), 5, 0.1)),
        Probe("signals x (8, 3, 5) not contiguous, in parts of 2", (channels_last(batch(8, 3, 5)), *gamma_beta(), 2)),
    ]


ghost_batch_norm = Exercise(
    name="ghost_batch_norm",
    finished=norm_numpy.ghost_batch_norm,
    inputs=("x", "gamma", "beta", "size", "eps"),
    outputs=("y",),
    probes=_ghost_probes,
    example=lambda: (
        np.array([[1.0, 10.0], [3.0, 30.0], [18.0, 4.0], [22.0, 6.0]]),
        *(np.array([2.0, -1.0]), np.array([1.0, 5.0]), 2, 0.1),
    ),
    hints=(
        "batch_norm does the work, once for each part. What is left is cutting the batch and joining what comes out.",
        "The parts are x[i : i + size] for i in range(0, len(x), size); batch_norm(...)[0] is the y of one part.",
        "parts = [batch_norm(x[i : i + size], gamma, beta, eps)[0] for i in range(0, len(x), size)]; "
        "return np.concatenate(parts)",
    ),
)


class _Named:
    """A function that is shown in messages as its formula."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, x, y):
        return self.function(x, y)

    def __repr__(self):
        return self.name


def _linear(w):
    return _Named("x.T @ (x @ w - y) / n", lambda x, y: x.T @ (x @ w - y) / len(x))


def _behind_batch_norm(w):
    """Gradient of a linear layer behind a BatchNorm: what an example is depends on who is in the batch with it."""

    def gradient(x, y):
        z = norm_numpy.batch_norm(x, None, None, 0.1)[0]
        return z.T @ (z @ w - y) / len(x)

    return _Named("the same with batch_norm(x)", gradient)


def _accumulation_probes():
    random = np.random.default_rng(10)
    x, y = random.normal(1, 2, (12, 3)), random.normal(size=12)
    w, matrix, targets = random.normal(size=3), random.normal(size=(3, 2)), random.normal(size=(12, 2))
    return [
        Probe("6 examples in micro-batches of 2", (_linear(w), x[:6], y[:6], 2)),
        Probe("7 examples in micro-batches of 3, the last of 1", (_linear(w), x[:7], y[:7], 3)),
        Probe("5 examples and room for 8", (_linear(w), x[:5], y[:5], 8)),
        Probe(  # 4, 4 and 2: three parts of nearly the same size are other companions
            "10 examples in micro-batches of 4, a batch_norm in the gradient",
            (_behind_batch_norm(w), x[:10], y[:10], 4),
        ),
        Probe("11 examples in micro-batches of 2, a matrix of weights", (_linear(matrix), x[:11], targets[:11], 2)),
    ]


accumulated_gradient = Exercise(
    name="accumulated_gradient",
    finished=train.accumulated_gradient,
    inputs=("gradient", "x", "y", "size"),
    outputs=("g",),
    probes=_accumulation_probes,
    example=lambda: (
        _linear(np.array([1.0, -1.0])),
        *(np.array([[1.0, 2.0], [3.0, 1.0], [4.0, 2.0]]), np.array([1.0, 0.0, -1.0]), 2),
    ),
    hints=(
        "gradient gives that of a *mean* over its examples. A mean over 2 and a mean over 1 make a mean over 3 how?",
        "Multiply each micro-batch's gradient by its number of examples, which turns the mean into a sum; add them up; "
        "divide by all examples.",
        "total = 0; for i in range(0, len(x), size): part = x[i : i + size]; total = total + len(part) * "
        "gradient(part, y[i : i + size]); after the loop: return total / len(x)",
    ),
)


def _renorm_probes():
    near = np.array([-2.0, 0.3, 8.0]), np.array([5.0, 2e-5, 1.4])
    far = np.array([-6.0, 0.5, 14.0]), np.array([0.5, 1e-3, 30.0])
    vectors = gamma_beta
    images, signals = batch(5, 3, 4, 6), channels_last(batch(4, 3, 5))
    return [
        Probe("a table x (5, 3), r_max 100, d_max 100, eps 0.1", (batch(5, 3), *vectors(), *near, 100.0, 100.0, 0.1)),
        Probe("a table x (5, 3), r_max 1.5, d_max 0.5, eps 0.1", (batch(5, 3), *vectors(), *near, 1.5, 0.5, 0.1)),
        Probe("a table x (5, 3), r_max 1, d_max 0, eps 0.1", (batch(5, 3), *vectors(), *near, 1.0, 0.0, 0.1)),
        Probe(
            "other running statistics, r_max 1.5, d_max 0.5, eps 0.1", (batch(5, 3), *vectors(), *far, 1.5, 0.5, 0.1)
        ),
        Probe("images x (5, 3, 4, 6), r_max 3, d_max 5, no eps given", (images, *vectors(), *far, 3.0, 5.0)),
        Probe("signals x (4, 3, 5) not contiguous, r_max 1.2, d_max 0.3", (signals, *vectors(), *far, 1.2, 0.3, 0.01)),
    ]


batch_renorm = Exercise(
    name="batch_renorm",
    finished=norm_numpy.batch_renorm,
    inputs=("x", "gamma", "beta", "running_mean", "running_var", "r_max", "d_max", "eps"),
    outputs=("y", "mean", "var"),
    probes=_renorm_probes,
    example=lambda: (
        *(table(), np.array([2.0, -1.0]), np.array([1.0, 5.0]), np.array([2.0, 10.0]), np.array([4.0, 25.0])),
        *(1.5, 0.5, 0.1),
    ),
    hints=(
        "x_hat, mean, var = batch_norm(x, None, None, eps); then r and d, one number for each channel; then one line "
        "for y.",
        "std is np.sqrt(var + eps), running_std the same with running_var. r is std / running_std, limited by np.clip "
        "to 1 / r_max ... r_max; d is (mean - running_mean) / running_std, limited to -d_max ... d_max.",
        "With all four vectors reshaped, v.reshape(-1, *[1] * (x.ndim - 2)): y = gamma * (x_hat * r + d) + beta, and "
        "return y, mean, var.",
    ),
)


_STORED = "from bnbook import experiments; arms = experiments.evidence('{}')['arms']; "
_SIZES, _GHOSTS = _STORED.format("batch_sizes"), _STORED.format("ghost_batches")


def _accuracy(condition):
    """What to type for the mean accuracies of the stored arms that fulfil a condition, in whole per cent."""
    return f"[round(100 * np.mean(a['accuracy'])) for a in arms if {condition}]"


QUESTIONS = (
    Question(
        "batch-two",
        "b",
        "The mean lies in the middle, both are equally far from it, and that distance is the standard deviation.",
        {
            "a": (
                "Being close together does not help: the standard deviation is just as small. What comes out, to three "
                "digits:",
                "batch_norm(np.array([[3.0], [3.2]]), None, None)[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
            "c": (
                "It is subtracted and divided, so their place is forgotten. The same two numbers a thousand higher:",
                "batch_norm(np.array([[1003.0], [1003.2]]), None, None)[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
        },
    ),
    Question(
        "batch-four-times",
        32,
        "The error falls with the root of the number: four times as many images, half the error.",
        {
            16: (
                "Twice as many images divide the error by 1.41 only. The error of a mean of 16, as a share of that of "
                "8:",
                "float(np.round(np.sqrt(8 / 16), 2))",
                "0.71",
            ),
            64: (
                "Eight times as many divide it by 2.83, more than was asked. The error of a mean of 64, as a share of "
                "that of 8:",
                "float(np.round(np.sqrt(8 / 64), 2))",
                "0.35",
            ),
        },
    ),
    Question(
        "batch-collapse",
        "mlp",
        "There a statistic is made of 2 numbers. In the cnn it is made of 2 times the number of positions, 8 at least.",
        {
            "both": (
                "What counts is not how many images a batch has, but m, how many numbers go into one mean. In the "
                "three normalizations of the cnn, at 2 images:",
                "[2 * height * width for height, width in ((8, 8), (4, 4), (2, 2))]",
                "[128, 32, 8]",
            ),
            "cnn": (
                "It has *more* numbers in each mean. Its stored accuracy with BatchNorm, batches of 2, in %:",
                _SIZES + _accuracy("(a['net'], a['norm'], a['batch_size']) == ('cnn', 'batch', 2)"),
                "[97]",
            ),
            "neither": (
                "With m = 2 only the sign of a difference survives. Stored accuracy of the mlp with BatchNorm, batches "
                "of 2, in %:",
                _SIZES + _accuracy("(a['net'], a['norm'], a['batch_size']) == ('mlp', 'batch', 2)"),
                "[49]",
            ),
        },
    ),
    Question(
        "batch-ghost",
        "b",
        "The statistics decide, not the gradient: what each unit says of an image is still a sign, +1 or -1, and an "
        "average over 256 gradients does not bring back what the sign has lost.",
        {
            "a": (
                "The gradient is as smooth as that of 256, but of a net that is normalized by 2 images. Stored "
                "accuracy with parts of 2, in %:",
                _GHOSTS + _accuracy("a['ghost'] == 2"),
                "[52]",
            ),
            "c": (
                "The average is over gradients, not over nets. Stored accuracies with parts of 2 and of all 256, in %:",
                _GHOSTS + _accuracy("a['ghost'] in (2, 256)"),
                "[52, 98]",
            ),
        },
    ),
    Question(
        "batch-accumulate",
        "b",
        "Only BatchNorm lets an example see its companions; accumulated, it is normalized by other companions.",
        {
            "a": (
                "A sum may be taken in parts if each term stays the same. With BatchNorm the terms change. Relative "
                "error of the accumulated gradient, micro-batches of 32 in place of 64, is it above 10 %?",
                "from bnbook import experiments; error = experiments.accumulation(data.digits(), 1, ('batch',), "
                "sizes=(32,))['arms'][0]['error']; int(error[0][0] > 0.1)",
                "1",
            ),
            "c": (
                "Without BatchNorm each example's gradient is its own, and a mean of means of equal size is the mean. "
                "Relative error without normalization, is it below 1e-12?",
                "from bnbook import experiments; error = experiments.accumulation(data.digits(), 1, ('none',), "
                "sizes=(2,))['arms'][0]['error']; int(error[0][0] < 1e-12)",
                "1",
            ),
        },
    ),
    Question(
        "batch-one-class",
        "c",
        "What all images of a batch have in common is its mean, and that is subtracted: here it is the class.",
        {
            "a": (
                "The images are the same, but BatchNorm takes away what is common to a batch. Ink of three images of a "
                "one and of three of an eight, each batch normalized, its mean:",
                "ones, eights = np.array([[9.0], [10.0], [11.0]]), np.array([[24.0], [26.0], [28.0]]); "
                "[float(batch_norm(v, None, None)[0].mean().round(3)) for v in (ones, eights)]",
                "[0.0, 0.0]",
            ),
            "b": (
                "That is what the net *without* BatchNorm loses, and hardly that. With it, what a class differs in "
                "from the others is gone from every layer. What is left of a difference of 16 between two batches:",
                "ones, eights = np.array([[9.0], [10.0], [11.0]]), np.array([[24.0], [26.0], [28.0]]); "
                "float((batch_norm(eights, None, None)[0].mean() - batch_norm(ones, None, None)[0].mean()).round(3))",
                "0.0",
            ),
        },
    ),
    Question(
        "batch-session",
        "b",
        "In training each session's contrast and brightness are normalized away; in evaluation mode nobody does it.",
        {
            "a": (
                "Evaluation uses one mean for all sessions; training took one from each. Brightness of two sessions, "
                "after normalizing each by itself and both together:",
                "dark, bright = np.array([[1.0], [3.0]]), np.array([[11.0], [13.0]]); both = "
                "batch_norm(np.concatenate([dark, bright]), None, None)[0].ravel().round(1).tolist(); "
                "[batch_norm(bright, None, None)[0].ravel().round(1).tolist(), both]",
                "[[-1.0, 1.0], [-1.2, -0.8, 0.8, 1.2]]",
            ),
            "c": (
                "A test session normalized by itself looks like every training session, whatever its brightness: there "
                "training mode is the easier one. Two sessions, the second brighter by 10, normalized each by itself, "
                "differ by",
                "dark = np.array([[1.0], [2.0], [6.0]]); "
                "float(np.abs(batch_norm(dark + 10, None, None)[0] - batch_norm(dark, None, None)[0]).max().round(6))",
                "0.0",
            ),
        },
    ),
    Question(
        "batch-freeze",
        "a",
        "In evaluation mode BatchNorm uses the statistics of the long first training, and no image sees another.",
        {
            "b": (
                "Fresh statistics would be better if they were good; those of 2 images are off, root mean square and "
                "in standard deviations, by",
                "float(standard_error(1.0, 2).round(2))",
                "0.71",
            ),
            "c": (
                "They are different functions: with m = 2 a unit in training mode says +1 or -1 and nothing else. How "
                "many different outputs, rounded, for 100 different pairs:",
                "pairs = np.random.default_rng(0).normal(size=(100, 2, 1)); "
                "len({float(v) for pair in pairs for v in batch_norm(pair, None, None)[0].ravel().round(0)})",
                "2",
            ),
        },
    ),
)
