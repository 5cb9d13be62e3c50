"""The exercises and the questions of notebook 01."""

import numpy as np

from .. import norm_numpy
from .compare import Probe
from .exercise import Exercise
from .question import Question


def _table(*shape):
    """Columns of which none is symmetric, at -3, 0.5 and 10, with spreads 2, 0.004 and 150."""
    random = np.random.default_rng(shape)
    lopsided = random.normal(size=shape) ** 2 + random.normal(size=shape)
    return np.array([-3.0, 0.5, 10.0]) + np.array([2.0, 0.004, 150.0]) * lopsided


def _far_from_zero(*shape):
    return (np.random.default_rng(7).normal(size=shape) + 1e4).astype(np.float32)


standardize = Exercise(
    name="standardize",
    finished=norm_numpy.standardize,
    inputs=("x",),
    outputs=("x_hat",),
    probes=lambda: [
        Probe("x (5, 3)", (_table(5, 3),)),
        Probe("x (3, 3), as many rows as columns", (_table(3, 3),)),
        Probe("x (40, 3)", (_table(40, 3),)),
        Probe("x (6, 3) with its rows backwards in memory", (_table(6, 3)[::-1],)),
        Probe("x (2, 3), two rows", (_table(2, 3),)),
        Probe("x (500, 3) float32 around 10,000", (_far_from_zero(500, 3),), 0.02),
    ],
    example=lambda: (np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]]),),
    hints=(
        "Two lines: subtract from each column its mean, then divide each column by its standard deviation.",
        "axis 0 runs down the rows, so x.mean(axis=0) is one mean per column, of shape (C,), and x - x.mean(axis=0) "
        "lines up by itself.",
        "return (x - x.mean(axis=0)) / x.std(axis=0)",
    ),
)


def _outputs(*shape):
    """Outputs of tanh of which some lie near -1 (more of them than near 1), some between, one at 1 exactly."""
    random = np.random.default_rng(shape)
    h = np.tanh(random.normal(-0.4, 1.8, size=shape))
    h.flat[:7] = -0.99, 0.96, -0.97, 1.0, 0.1, -0.98, 0.985
    return h


saturation = Exercise(
    name="saturation",
    finished=norm_numpy.saturation,
    inputs=("h", "slope"),
    outputs=("share",),
    probes=lambda: [
        Probe("h (6, 5), no slope given", (_outputs(6, 5),)),
        Probe("h (6, 5), slope 0.05", (_outputs(6, 5), 0.05)),
        Probe("h (6, 5), slope 0.5", (_outputs(6, 5), 0.5)),
        Probe("h (40, 7), slope 0.1", (_outputs(40, 7), 0.1)),
        Probe("h (9,), one unit, slope 0.2", (_outputs(9), 0.2)),
        Probe("h (4, 3, 5), slope 0.7", (_outputs(4, 3, 5), 0.7)),
    ],
    example=lambda: (np.array([[-0.99, 0.96], [0.2, 0.99], [-0.98, -0.5]]), 0.05),
    hints=(
        "First the slope of every output, an array like h. Then: for which share of them is it below the limit?",
        "The slope where tanh gives h is 1 - h**2. Comparing an array with a number gives an array of True and False, "
        "and True counts as 1.",
        "return np.mean(1 - h**2 < slope)",
    ),
)

he_std = Exercise(
    name="he_std",
    finished=norm_numpy.he_std,
    inputs=("fan_in",),
    outputs=("std",),
    probes=lambda: [Probe(f"fan_in = {n}", (n,)) for n in (8, 64, 100, 9 * 16, 1, 2, 3)],
    example=lambda: (8,),
    hints=(
        "Put step 2 into step 1: what is mean(z^2) of a layer in terms of mean(z^2) of the layer before it?",
        "fan_in * std^2 * mean(z^2) / 2 is to be mean(z^2): so fan_in * std^2 / 2 = 1.",
        "Solve for std: return np.sqrt(2 / fan_in)",
    ),
)


_INSIDE = "from bnbook import experiments; "


def _one_arm(activation, gain, norm, seeds=1):
    """What to type for one line of the figures, with fewer seeds."""
    call = (
        f"experiments.twenty_layers(data.digits(), '{activation}', gains=({gain},), norms=('{norm}',), seeds={seeds})"
    )
    return f"{_INSIDE}arm = {call}['arms'][0]; "


QUESTIONS = (
    Question(
        "why-loudest",
        "distance",
        "Its sd of 500 is 50 times that of the next column, so z goes up and down with it and with nothing else.",
        {
            "size": (
                "Weights of equal size pass each spread on as it is. That of the size, as a share of the distance's:",
                "float(np.array([46, 58, 62, 74]).std() / np.array([900, 1500, 100, 700]).std())",
                "0.02",
            ),
            "rooms": (
                "It may matter most for the rent, but its numbers are the smallest: its spread as a share of the "
                "distance's:",
                "float(np.array([1, 1, 3, 3]).std() / np.array([900, 1500, 100, 700]).std())",
                "0.002",
            ),
            "all alike": (
                "They would be after standardizing. As they are, the three spreads differ by factors:",
                "flats = np.array([[46, 1, 900], [58, 1, 1500], [62, 3, 100], [74, 3, 700]]); flats.std(0).tolist()",
                "[10.0, 1.0, 500.0]",
            ),
        },
    ),
    Question(
        "why-tanh-one",
        "shrinks",
        "tanh(z) is closer to 0 than z, always; a little is lost in each layer, and nothing brings it back.",
        {
            "stays": (
                "The sum keeps the size, but tanh does not. What is left of a spread of 1 after one tanh:",
                "z = np.random.default_rng(0).normal(size=100_000); float(np.tanh(z).std().round(2))",
                "0.63",
            ),
            "grows": (
                "With gain 1 the sum keeps the size, and tanh only shrinks. The largest |tanh(z)| / |z| from 0.1 to 5:",
                "z = np.linspace(0.1, 5, 50); float((np.tanh(z) / z).max().round(3))",
                "0.997",
            ),
        },
    ),
    Question(
        "why-saturated",
        "below 5 %",
        "A unit with spread 1 gets beyond 2.18 for 3 % of the images, and the spread falls from layer to layer.",
        {
            "about a third": (
                "Layer 1 gets numbers with a spread of 1 at most. The share of such outputs that is saturated:",
                "z = np.random.default_rng(0).normal(size=100_000); "
                "float(np.mean(1 - np.tanh(z) ** 2 < 0.05).round(2))",
                "0.03",
            ),
            "more than half": (
                "That takes weights several times as large. Even with a spread of 3 the share is:",
                "z = np.random.default_rng(0).normal(size=100_000); "
                "float(np.mean(1 - np.tanh(3 * z) ** 2 < 0.05).round(2))",
                "0.47",
            ),
        },
    ),
    Question(
        "why-sigmoid",
        "b",
        "The sigmoid's slope is 1/4 at most, so differences between images shrink to a quarter or less in each layer.",
        {
            "a": (
                "It turns flat beyond z = -4.4 and 4.4 only, twice as far out as tanh. The share with less than 5 % of "
                "the largest slope:",
                "z = np.random.default_rng(0).normal(size=100_000); h = 1 / (1 + np.exp(-z)); "
                "float(np.mean(4 * h * (1 - h) < 0.05).round(3))",
                "0.0",
            ),
            "c": (
                "It is a tanh stretched to twice the width and pressed to half the height: a quarter of the slope. Of "
                "a spread of 1, one sigmoid leaves",
                "z = np.random.default_rng(0).normal(size=100_000); float((1 / (1 + np.exp(-z))).std().round(2))",
                "0.21",
            ),
        },
    ),
    Question(
        "why-gradient",
        "larger",
        "The units that are not saturated multiply by weights three times as large, and they outweigh the others.",
        {
            "smaller": (
                "So one reads, but it forgets the weights. Per layer its square grows by gain^2 * mean(slope^2):",
                "z = np.random.default_rng(0).normal(0, 2.5, size=100_000); "
                "float((9 * np.mean((1 - np.tanh(z) ** 2) ** 2)).round(1))",
                "1.9",
            ),
            "the same": (
                "That takes a gain at which slope and weights cancel, a little above 1. At gain 3 the gradient is "
                "multiplied, per layer, by about:",
                _one_arm("tanh", 3.0, "none") + "round(arm['growth'], 1)",
                "1.4",
            ),
        },
    ),
    Question(
        "why-any-gain",
        "all",
        "The gain multiplies every number of a column, mean and spread alike, and standardizing divides it out again.",
        {
            "only 1": (
                "Standardizing does not ask how wide the column was before. Is it the same for one 3 times as wide?",
                "z = np.random.default_rng(0).normal(size=(50, 4)); "
                "int(np.allclose(standardize(3 * z), standardize(z)))",
                "1",
            ),
            "only 0.5 and 1": (
                "A large gain saturates tanh only if it reaches it; standardizing comes before. sd of what tanh gets:",
                "z = np.random.default_rng(0).normal(size=(50, 1)); float(standardize(100 * z).std().round(3))",
                "1.0",
            ),
        },
    ),
    Question(
        "why-norm-gradient",
        "larger",
        "Normalizing forwards is not normalizing backwards: per layer the gradient grows by about 1.2.",
        {
            "the same": (
                "What goes forwards is held at sd 1; the gradient is not normalized by anything. In layer 1, if it "
                "is 1 in layer 20:",
                _one_arm("relu", 1.0, "batch") + "round(arm['gradient']['mean'][0], -1)",
                "40.0",
            ),
            "smaller": (
                "Vanishing is what happens without it at this gain. The factor per layer, with BatchNorm:",
                _one_arm("relu", 1.0, "batch") + "round(arm['growth'], 1)",
                "1.2",
            ),
        },
    ),
    Question(
        "why-relu-half",
        0.5,
        "z is as often negative as positive, and both halves of the sum of squares are equal: the ReLU removes one.",
        {
            1: (
                "The negative half is set to 0, and it held half of the squares.",
                "z = np.random.default_rng(0).normal(size=1_000_000); float((np.maximum(z, 0) ** 2).mean().round(2))",
                "0.5",
            ),
            0.34: (
                "That is the *variance* of relu(z). Its mean is not 0, and the next layer adds up squares, mean "
                "included: variance + mean^2 is",
                "r = np.maximum(np.random.default_rng(0).normal(size=1_000_000), 0); "
                "float((r.var() + r.mean() ** 2).round(2))",
                "0.5",
            ),
            0.25: (
                "Half of the numbers become 0, but the others keep their full square; it is not halved twice.",
                "r = np.maximum(np.random.default_rng(0).normal(size=1_000_000), 0); float(np.mean(r**2).round(2))",
                "0.5",
            ),
        },
    ),
    Question(
        "why-drift",
        "several times wider",
        "He initialization sets the first weights. Every step changes those of all layers, and the changes multiply.",
        {
            "as at the start": (
                "The first step already changes all 20 layers. In one such run the spread in layer 20 has grown by the "
                "factor:",
                _INSIDE + "moved = experiments.after_training(data.digits(), norms=('none',), seeds=1); "
                "round(moved['arms'][0]['spread']['mean'][-1], 1)",
                "4.5",
            ),
            "vanished": (
                "Training moves the weights to tell the digits apart, so images come out more different, not less. In "
                "layer 10 of such a run, as a multiple of the start:",
                _INSIDE + "moved = experiments.after_training(data.digits(), norms=('none',), seeds=1); "
                "round(moved['arms'][0]['spread']['mean'][9])",
                "2",
            ),
        },
    ),
)
