"""The questions of notebook 01, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question


def _one_arm(activation, gain, norm, seeds=1):
    """What to type for one line of the figures, with fewer seeds."""
    call = (
        f"experiments.twenty_layers(data.digits(), '{activation}', gains=({gain},), norms=('{norm}',), seeds={seeds})"
    )
    return f"arm = {call}['arms'][0]; "


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
                "moved = experiments.after_training(data.digits(), norms=('none',), seeds=1); "
                "round(moved['arms'][0]['spread']['mean'][-1], 1)",
                "4.5",
            ),
            "vanished": (
                "Training moves the weights to tell the digits apart, so images come out more different, not less. In "
                "layer 10 of such a run, as a multiple of the start:",
                "moved = experiments.after_training(data.digits(), norms=('none',), seeds=1); "
                "round(moved['arms'][0]['spread']['mean'][9])",
                "2",
            ),
        },
    ),
)
