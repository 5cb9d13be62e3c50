"""The exercises and the questions of notebook 02."""

import numpy as np

from .. import norm_numpy
from .compare import Probe
from .exercise import Exercise
from .inputs import batch, channels_last, far_from_zero, gamma_beta, singles, table, with_a_constant_channel
from .question import Question


def _normalize_probes():
    return [
        Probe("x (5, 3), axes (0,), eps 0.1", (batch(5, 3), (0,), 0.1)),
        Probe("x (5, 3), axes (0,), no eps given", (batch(5, 3), (0,))),
        Probe("x (5, 3, 4, 6), axes (0, 2, 3), eps 0.1", (batch(5, 3, 4, 6), (0, 2, 3), 0.1)),
        Probe("x (5, 3, 4, 6), axes (1, 2, 3), eps 0.1", (batch(5, 3, 4, 6), (1, 2, 3), 0.1)),
        Probe("x (4, 3, 5) not contiguous, axes (0, 2), eps 0.01", (channels_last(batch(4, 3, 5)), (0, 2), 0.01)),
        Probe(
            "x (4, 3, 5) with a constant channel, axes (0, 2), no eps given",
            (with_a_constant_channel(batch(4, 3, 5)), (0, 2)),
        ),
        Probe("x (2, 3), axes (0,), eps 0.1", (batch(2, 3), (0,), 0.1)),
        Probe("x (8, 3, 4, 6) float32 around 10,000, axes (0, 2, 3)", (far_from_zero(8, 3, 4, 6), (0, 2, 3)), 0.02),
    ]


normalize = Exercise(
    name="normalize",
    finished=norm_numpy.normalize,
    inputs=("x", "axes", "eps"),
    outputs=("x_hat", "mean", "var"),
    probes=_normalize_probes,
    example=lambda: (table(), (0,), 0.1),
    hints=(
        "Three lines, one for each step above: the mean, the mean of the squared deviations, the division by a root.",
        "x.mean(axes, keepdims=True) keeps the averaged axes as 1, so that x - mean lines up whatever axes is.",
        "var = ((x - mean) ** 2).mean(axes, keepdims=True), and x_hat = (x - mean) / np.sqrt(var + eps).",
    ),
)


def _batch_norm_probes():
    vectors = gamma_beta
    return [
        Probe("a table x (5, 3), eps 0.1", (batch(5, 3), *vectors(), 0.1)),
        Probe("a table x (5, 3), no eps given", (batch(5, 3), *vectors())),
        Probe("images x (5, 3, 4, 6), eps 0.1", (batch(5, 3, 4, 6), *vectors(), 0.1)),
        Probe("signals x (4, 3, 5), eps 0.1", (batch(4, 3, 5), *vectors(), 0.1)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", (batch(2, 3, 3), *vectors(), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.01", (batch(2, 3, 4, 5, 6), *vectors(), 0.01)),
        Probe(
            "images x (5, 3, 4, 6) not contiguous, eps 0.1",
            (channels_last(batch(5, 3, 4, 6)), *vectors(), 0.1),
        ),
        Probe("one image x (1, 3, 4, 6), eps 0.1", (batch(1, 3, 4, 6), *vectors(), 0.1)),
        Probe("a batch of 2, x (2, 3), eps 0.1", (batch(2, 3), *vectors(), 0.1)),
        Probe(
            "a constant channel in x (4, 3, 5), no eps given",
            (with_a_constant_channel(batch(4, 3, 5)), *vectors()),
        ),
        Probe("float32 images x (8, 3, 4, 6) around 10,000", (far_from_zero(8, 3, 4, 6), *singles(*vectors())), 0.02),
    ]


batch_norm = Exercise(
    name="batch_norm",
    finished=norm_numpy.batch_norm,
    inputs=("x", "gamma", "beta", "eps"),
    outputs=("y", "mean", "var"),
    probes=_batch_norm_probes,
    example=lambda: (table(), np.array([2.0, -1.0]), np.array([1.0, 5.0]), 0.1),
    hints=(
        "normalize does most of it: call it with batch_axes(x.ndim) and eps, then scale and shift what it returns.",
        "gamma and beta are (C,), and must line up with axis 1: gamma.reshape(1, -1, 1, 1) for images, and for any "
        "number of axes gamma.reshape(-1, *[1] * (x.ndim - 2)).",
        "x_hat, mean, var = normalize(x, batch_axes(x.ndim), eps); y = gamma * x_hat + beta with the reshaped vectors; "
        "return y, mean.ravel(), var.ravel().",
    ),
)

QUESTIONS = (
    Question(
        "forward-table-means",
        3,
        "One for each channel, and a channel is a column: 5 values go into each mean.",
        {
            5: (
                "5 is the number of rows: one mean per example is layer norm. One mean per column has the shape",
                "np.ones((5, 3)).mean(axis=0).shape",
                "(3,)",
            ),
            1: (
                "One mean for the whole table would mix ink with darkness. PyTorch's layer for 3 channels keeps:",
                "torch.nn.BatchNorm1d(3).running_mean.shape[0]",
                "3",
            ),
            15: (
                "15 is how many numbers there are; a mean of one number is that number. How many share one mean:",
                "np.ones((5, 3)).size / np.ones((5, 3)).mean(axis=0).size",
                "5.0",
            ),
        },
    ),
    Question(
        "forward-divisor",
        "m",
        "The mean square of (x - mean) / sqrt(var) is sum / (m * var), which is 1 when var = sum / m.",
        {
            "m - 1": (
                "That estimates a population from a sample; the sample itself then comes out with (m - 1) / m.",
                "v = np.array([1.0, 3.0, 5.0]); float(np.mean((v - v.mean()) ** 2 / v.var(ddof=1)).round(3))",
                "0.667",
            ),
            "m + 1": (
                "Then the normalized column is too wide, (m + 1) / m.",
                "v = np.array([1.0, 3.0, 5.0]); float(np.mean((v - v.mean()) ** 2 / (v.var() * 3 / 4)).round(3))",
                "1.333",
            ),
        },
    ),
    Question(
        "forward-constant",
        0,
        "Every deviation is 0, and 0 / sqrt(0 + eps) is 0: a channel that says nothing is kept silent.",
        {
            "nan": (
                "That was without eps. Now the denominator is sqrt(1e-5), about 0.0032.",
                "v = np.ones(5); float(((v - v.mean()) / np.sqrt(v.var() + 1e-5)).max())",
                "0.0",
            ),
            1: (
                "The variance of the others becomes 1; but a column without any deviation has nothing to scale.",
                "v = np.ones(5); float(((v - v.mean()) / np.sqrt(v.var() + 1e-5)).var())",
                "0.0",
            ),
        },
    ),
    Question(
        "forward-units",
        "the same",
        "Shift and scale of a channel cancel: x_hat counts standard deviations, and those have no unit.",
        {
            "ten times larger": (
                "The deviations are, but so is the standard deviation they are divided by.",
                "v = np.array([[1.0], [3.0], [6.0]]); "
                "float((normalize(10 * v + 3, (0,))[0] / normalize(v, (0,))[0]).max().round(3))",
                "1.0",
            ),
            "ten times smaller": (
                "The division undoes the factor once, it does not divide twice.",
                "v = np.array([[1.0], [3.0], [5.0]]); float(normalize(10 * v + 3, (0,))[0].std().round(3))",
                "1.0",
            ),
        },
    ),
    Question(
        "forward-shape",
        "the same shape",
        "Subtracting and dividing by one number relabels the axis; every bar stays where it was.",
        {
            "a gaussian": (
                "Normalized is not normally distributed. A Gaussian repeats no value; the share of exactly 1:",
                "v = data.digits().x_train[:, 0, 4, 4]; float(np.mean(v == 1).round(2))",
                "0.3",
            ),
            "uniform": (
                "Then half of the images would have between 0.25 and 0.75 ink in this pixel. The share that has:",
                "v = data.digits().x_train[:, 0, 4, 4]; float(np.mean(np.abs(v - 0.5) < 0.25).round(2))",
                "0.21",
            ),
        },
    ),
    Question(
        "forward-identity",
        "c",
        "x_hat was divided by sqrt(var + eps), so multiplying by the same number brings x - mean back, exactly.",
        {
            "a": (
                "gamma = 1 leaves the spread at 1: that is how training begins, not how x comes back.",
                "v = np.array([1.0, 3.0, 5.0]); float((1 * normalize(v, (0,))[0] + v.mean()).std().round(3))",
                "1.0",
            ),
            "b": (
                "The variance is in squared units; a column with standard deviation 1.63 would come back with 2.67.",
                "v = np.array([1.0, 3.0, 5.0]); float((v.var() * normalize(v, (0,))[0] + v.mean()).std().round(2))",
                "2.67",
            ),
            "d": (
                "That divides a second time: the spread ends at 1 / 1.63.",
                "v = np.array([1.0, 3.0, 5.0]); float((normalize(v, (0,))[0] / v.std() + v.mean()).std().round(2))",
                "0.61",
            ),
        },
    ),
    Question(
        "forward-image-means",
        16,
        "One per channel; each is a mean of 32 * 8 * 8 = 2,048 numbers.",
        {
            1: (
                "'Over all the pixels in a batch' must be read per channel.",
                "torch.nn.BatchNorm2d(16).running_mean.shape[0]",
                "16",
            ),
            1024: (
                "16 * 8 * 8 is one mean per pixel position: axis 0 alone, as for a table.",
                "np.ones((32, 16, 8, 8)).mean(axis=(0, 2, 3)).size",
                "16",
            ),
            512: (
                "32 * 16 is one mean per image and channel: that is instance norm.",
                "normalize(np.zeros((32, 16, 8, 8)), batch_axes(4))[1].size",
                "16",
            ),
            2048: (
                "That is how many numbers go into each mean, not how many means there are.",
                "32 * 16 * 8 * 8 // 2048",
                "16",
            ),
        },
    ),
    Question(
        "forward-one-pass",
        "c",
        "Near 100,000,000 neighbouring float32 numbers lie 8 apart, so a difference of 1 cannot be seen.",
        {
            "a": (
                "float32 has 7 digits, and 8 of them are the same in both numbers. The gap between neighbours there:",
                "float(np.spacing(np.float32(1e8)))",
                "8.0",
            ),
            "b": (
                "It is a multiple of 8, but rounding goes either way: the two terms differ by some such steps.",
                "big = np.float32(1e8); [float(big + np.float32(step) - big) for step in (1, 5)]",
                "[0.0, 8.0]",
            ),
        },
    ),
    Question(
        "forward-batch-of-two",
        "b",
        "Two values lie at mean - d and mean + d with standard deviation d: only the order is left of them.",
        {
            "a": (
                "Small batch does not mean small effect: the standard deviation shrinks with the difference.",
                "normalize(np.array([[19.0], [20.0]]), (0,))[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
            "c": (
                "Far apart or near, always the same two numbers.",
                "normalize(np.array([[3.0], [900.0]]), (0,))[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
        },
    ),
)
