"""The exercises and the questions of notebook 04."""

import numpy as np

from .. import norm_numpy
from .compare import Probe
from .exercise import Exercise
from .inputs import batch, channels_last, far_from_zero, gamma_beta, singles, table
from .question import Question


def _old():
    return np.array([-2.0, 0.3, 8.0]), np.array([5.0, 0.02, 1.4])


def _new():
    return np.array([-3.0, 0.5, 10.0]), np.array([4.0, 1.6e-5, 2.25])


def _update_running_probes():
    return [
        Probe("a batch with m = 2, momentum 0.25", (*_old(), *_new(), 2, 0.25)),
        Probe("a batch with m = 5, no momentum given", (*_old(), *_new(), 5)),
        Probe("a batch with m = 40, momentum 0.9", (*_old(), *_new(), 40, 0.9)),
        Probe("a batch with m = 3, momentum 1: the new replaces the old", (*_old(), *_new(), 3, 1.0)),
        Probe("a first batch, from 0 and 1, m = 4, momentum 0.01", (np.zeros(3), np.ones(3), *_new(), 4, 0.01)),
    ]


update_running = Exercise(
    name="update_running",
    finished=norm_numpy.update_running,
    inputs=("running_mean", "running_var", "mean", "var", "m", "momentum"),
    outputs=("running_mean", "running_var"),
    probes=_update_running_probes,
    example=lambda: (np.zeros(2), np.ones(2), np.array([3.0, 20.0]), np.array([4.0, 90.0]), 3, 0.1),
    hints=(
        "Two weighted means, one for each statistic: 1 - momentum is the weight of the old, momentum that of the new.",
        "Before it is averaged, the variance of the batch is multiplied by m / (m - 1). The mean needs no correction.",
        "unbiased = var * m / (m - 1); return (1 - momentum) * running_mean + momentum * mean, and the same with "
        "running_var and unbiased.",
    ),
)


def _stored():
    """Running statistics unlike those of any probe's batch; one variance is near the usual eps."""
    return np.array([-2.0, 0.3, 8.0]), np.array([5.0, 2e-5, 1.4])


def _batch_norm_eval_probes():
    vectors = lambda: (*gamma_beta(), *_stored())  # noqa: E731
    return [
        Probe("a table x (5, 3), eps 0.1", (batch(5, 3), *vectors(), 0.1)),
        Probe("a table x (5, 3), no eps given", (batch(5, 3), *vectors())),
        Probe("one example x (1, 3), eps 0.1", (batch(1, 3), *vectors(), 0.1)),
        Probe("images x (5, 3, 4, 6), eps 0.1", (batch(5, 3, 4, 6), *vectors(), 0.1)),
        Probe("signals x (4, 3, 5) not contiguous, eps 0.01", (channels_last(batch(4, 3, 5)), *vectors(), 0.01)),
        Probe("signals as long as there are channels, x (2, 3, 3), eps 0.1", (batch(2, 3, 3), *vectors(), 0.1)),
        Probe("volumes x (2, 3, 4, 5, 6), eps 0.1", (batch(2, 3, 4, 5, 6), *vectors(), 0.1)),
        Probe("float32 images x (2, 3, 4, 6) around 10,000", (far_from_zero(2, 3, 4, 6), *singles(*vectors())), 0.02),
    ]


batch_norm_eval = Exercise(
    name="batch_norm_eval",
    finished=norm_numpy.batch_norm_eval,
    inputs=("x", "gamma", "beta", "running_mean", "running_var", "eps"),
    outputs=("y",),
    probes=_batch_norm_eval_probes,
    example=lambda: (
        *(table(), np.array([2.0, -1.0]), np.array([1.0, 5.0]), np.array([2.0, 10.0]), np.array([4.0, 25.0]), 0.1),
    ),
    hints=(
        "The formula is that of batch_norm. Only: no mean and no variance is computed, both are handed in.",
        "All four vectors are (C,) and must line up with axis 1: v.reshape(-1, *[1] * (x.ndim - 2)) for each of them.",
        "With the reshaped vectors: return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta.",
    ),
)


def _after(layer_class, arguments, parameters, modes, dy, *batches):
    """What is left of a layer after it was shown the batches, each in its mode; a last mode may follow them.

    Returns y of the last batch, the running statistics and, if dy is given, what backward makes of it.
    """
    layer = layer_class(*arguments)
    if layer is None:
        return None
    if parameters is not None:
        layer.gamma, layer.beta = (v.copy() for v in parameters)
    for mode, x in zip(modes, [*batches, None], strict=False):
        layer.training = mode == "train"
        if x is not None:
            y = layer.forward(x)
    gradients = (np.zeros(0),) * 3  # nothing asked, nothing compared
    if dy is not None and y is not None:
        dx = layer.backward(dy)
        y = None if dx is None else y
        gradients = dx, getattr(layer, "dgamma", None), getattr(layer, "dbeta", None)
    state = (getattr(layer, name, None) for name in ("running_mean", "running_var", "num_batches_tracked"))
    return None if y is None else (y, *state, *gradients)


def _layer_probes():
    """Traces, shortest first, so that the first one that differs says where to look."""
    own, images = (3, 0.1, 0.3), [batch(n, 3, 1, 2) for n in (2, 3, 4)]
    dy = np.random.default_rng(5).normal(1, 2, (4, 3, 1, 2))
    alone = batch(1, 3, 1, 2) + 1

    def probe(says, arguments, modes, *batches, dy=None, parameters=True):
        return Probe(says, (arguments, gamma_beta() if parameters else None, modes.split(), dy, *batches))

    return [
        probe("a new BatchNorm(3), 1 training batch (5, 3)", (3,), "train", batch(5, 3), parameters=False),
        probe("a new BatchNorm(3), 1 evaluation batch (5, 3)", (3,), "eval", batch(5, 3), parameters=False),
        probe("BatchNorm(3, eps=0.1, momentum=0.3), 1 training batch (2, 3, 1, 2)", own, "train", images[0]),
        probe("BatchNorm(3, eps=0.1, momentum=0.3), 3 training batches", own, "train train train", *images),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), 2 training batches, then 1 image in evaluation", own),
            *("train train eval", *images[:2], alone),
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, evaluate twice, train", own),
            *("train eval eval train", images[0], alone, images[1], images[2]),
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=None), train, evaluate, train, train", (3, 0.1, None)),
            *("train eval train train", images[0], alone, *images[1:]),
        ),
        probe(
            "BatchNorm(3, eps=0.1, momentum=0.3), train twice, then backward", own, "train train", *images[1:], dy=dy
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, evaluate, then backward", own),
            *("train eval", *images[1:]),
            dy=dy,
        ),
        probe(
            *("BatchNorm(3, eps=0.1, momentum=0.3), train, switch to evaluation, then backward", own),
            *("train eval", images[2]),
            dy=dy,
        ),
    ]


BatchNorm = Exercise(
    name="BatchNorm",
    finished=norm_numpy.BatchNorm,
    inputs=("arguments", "(gamma, beta)", "modes", "dy", "x", "x"),
    outputs=("y", "running_mean", "running_var", "num_batches_tracked", "dx", "dgamma", "dbeta"),
    probes=_layer_probes,
    example=lambda: (
        (2, 0.1, 0.1),
        (np.array([2.0, -1.0]), np.array([1.0, 5.0])),
        ("train", "eval"),
        np.array([[1.0, 0.0], [0.0, 2.0]]),
        *(table(), table()[:2]),
    ),
    hints=(
        "The arithmetic is written: batch_norm, batch_norm_eval, update_running, batch_norm_backward. The layer keeps "
        "what they need and calls them.",
        "__init__: gamma ones, beta zeros, running_mean zeros, running_var ones, num_batches_tracked 0, training True. "
        "forward keeps x, the mean and var it normalized by, and the mode, for backward. m is x.size // x.shape[1].",
        "backward: dx, self.dgamma, self.dbeta = batch_norm_backward(dy, x, gamma, mean, var, eps) after a training "
        "pass. After an evaluation pass dx is gamma / sqrt(running_var + eps) * dy instead, because the running "
        "statistics are constants; dgamma and dbeta are as before, with mean and var the running ones.",
    ),
    observe=_after,
)


def _layer(*shape):
    random = np.random.default_rng(shape)
    return random.normal(size=shape), random.normal(1, 2, shape[0])


def _fold_probes():
    gamma, beta = np.array([1.5, -0.7, 2.0, 0.4]), np.array([0.3, -2.0, 5.0, 1.0])
    stored = lambda: (gamma.copy(), beta.copy(), np.array([-2.0, 0.3, 8.0, 1.0]), np.array([5.0, 1e-5, 1.4, 0.3]))  # noqa: E731
    return [
        Probe("a linear layer, weight (4, 4), eps 0.1", (*_layer(4, 4), *stored(), 0.1)),
        Probe("a linear layer, weight (4, 4), no eps given", (*_layer(4, 4), *stored())),
        Probe("a linear layer, weight (4, 3), eps 0.1", (*_layer(4, 3), *stored(), 0.1)),
        Probe("a convolution, weight (4, 4, 3, 3), eps 0.1", (*_layer(4, 4, 3, 3), *stored(), 0.1)),
        Probe("a convolution, weight (4, 2, 4, 4), eps 0.1", (*_layer(4, 2, 4, 4), *stored(), 0.1)),
        Probe("a convolution without bias, weight (4, 4, 5)", (_layer(4, 4, 5)[0], None, *stored(), 0.1)),
    ]


fold = Exercise(
    name="fold",
    finished=norm_numpy.fold,
    inputs=("weight", "bias", "gamma", "beta", "running_mean", "running_var", "eps"),
    outputs=("weight", "bias"),
    probes=_fold_probes,
    example=lambda: (
        *(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0])),
        *(np.array([2.0, -1.0]), np.array([1.0, 5.0]), np.array([4.0, 8.0]), np.array([4.0, 25.0]), 0.1),
    ),
    hints=(
        "Put z = weight x + bias into y = s * (z - running_mean) + beta. What then multiplies x is the new weight.",
        "s is (out,), one number for each output, that is axis 0 of weight: s.reshape(-1, *[1] * (weight.ndim - 1)).",
        "s = gamma / np.sqrt(running_var + eps); the new weight is weight * s (reshaped), the new bias "
        "(bias - running_mean) * s + beta, with 0 for a bias that is None.",
    ),
)

QUESTIONS = (
    Question(
        "train-eval-companions",
        "b",
        "The batch's mean and variance are part of the computation, and the companions are part of the batch.",
        {
            "a": (
                "A net in training mode is no function of one image. The first of these examples, alone with one "
                "companion and with two:",
                "x = np.array([[1.0], [2.0], [9.0]]); "
                "[round(float(batch_norm(x[:n], None, None)[0][0, 0]), 2) for n in (2, 3)]",
                "[-1.0, -0.84]",
            ),
            "c": (
                "It is no matter of rounding: the companions decide whether the same number lies above or below the "
                "mean.",
                "[round(float(batch_norm(np.array([[5.0], [other]]), None, None)[0][0, 0])) for other in (4.0, 6.0)]",
                "[1, -1]",
            ),
        },
    ),
    Question(
        "train-eval-keras",
        0.01,
        "0.99 of the old and 0.01 of the new: PyTorch names the one, Keras the other.",
        {
            0.99: (
                "In PyTorch that would throw away 99 % of the old at every step. From 0, after one batch with mean 1:",
                "bn = torch.nn.BatchNorm1d(1, momentum=0.99); bn(torch.tensor([[0.0], [2.0]])); "
                "round(bn.running_mean.item(), 2)",
                "0.99",
            ),
            0.1: (
                "0.1 is PyTorch's default, which Keras would call 0.9. From 0, after 100 batches with mean 1:",
                "[round(1 - keep**100, 2) for keep in (0.99, 0.9)]",
                "[0.63, 1.0]",
            ),
        },
    ),
    Question(
        "train-eval-biased",
        2,
        "(m - 1) / m of the true variance, and m = 2: half of 4.",
        {
            4: (
                "Only if the deviations were taken from the true mean. The mean of two values lies between them, "
                "so near to both.",
                "x = np.random.default_rng(0).normal(3, 2, (100_000, 2)); round(float(x.var(axis=1).mean()), 1)",
                "2.0",
            ),
            8: (
                "Too large by 2 is what multiplying twice by m / (m - 1) would give; the biased variance is too small.",
                "x = np.random.default_rng(0).normal(3, 2, (100_000, 2)); "
                "round(float(x.var(axis=1).mean() / x.var()), 1)",
                "0.5",
            ),
        },
    ),
    Question(
        "train-eval-early",
        61,
        "Each step keeps 99 % of it: 0.99 to the power of 50 is 0.605.",
        {
            1: (
                "1 % is what one batch brings in. The starting value has the rest, and loses 1 % of itself per step.",
                "round(0.99**50, 3)",
                "0.605",
            ),
            50: (
                "Nearly: 50 steps would take 50 % if each took 1 % of the whole; each takes 1 % of what is left.",
                "round(0.99**50, 3)",
                "0.605",
            ),
            0: (
                "With momentum 0.1 it would be less than 1 %. With 0.01 it takes 459 steps to get there.",
                "[round(0.9**50, 3), round(0.99**459, 3)]",
                "[0.005, 0.01]",
            ),
        },
    ),
    Question(
        "train-eval-gap",
        "b",
        "0.99 to the power of 20 is 0.82: four fifths of what it stores is still the starting value.",
        {
            "a": (
                "It forgets the start in a few dozen steps. What is left of the start after 20 steps, for both:",
                "[round((1 - momentum) ** 20, 2) for momentum in (0.1, 0.01)]",
                "[0.12, 0.82]",
            ),
            "c": (
                "An average without a starting value has nothing to unlearn. The weights of its first three batches:",
                "[round(1 / 3, 2)] * 3",
                "[0.33, 0.33, 0.33]",
            ),
        },
    ),
    Question(
        "train-eval-sorted",
        "c",
        "In a batch of twos, what makes them twos is the mean of the batch, and the mean is subtracted.",
        {
            "a": (
                "True in evaluation mode, where nothing depends on the batch. In training mode a whole batch can be "
                "moved by 100 without any effect:",
                "x = np.array([[1.0], [2.0], [4.0]]); float(np.abs(batch_norm(x + 100, None, None)[0] - "
                "batch_norm(x, None, None)[0]).max().round(6))",
                "0.0",
            ),
            "b": (
                "That is what shuffled batches of 20 cost. Sorted is another matter: of two classes around 0 and 1, a "
                "batch of one class becomes exactly what a batch of the other becomes.",
                "x = np.array([[0.1], [-0.1]]); [batch_norm(x + c, None, None, 0)[0].ravel().round(3).tolist() "
                "for c in (0, 1)]",
                "[[1.0, -1.0], [1.0, -1.0]]",
            ),
        },
    ),
    Question(
        "train-eval-border",
        "b",
        "There the kernel reaches over the edge and meets zeros that no BatchNorm has shifted.",
        {
            "a": (
                "That holds without padding. With it, the zeros around the image get no shift. A shift of 1 under a "
                "kernel of ones, along a row of 4 pixels,",
                "torch.nn.functional.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 3), padding=1).ravel().tolist()",
                "[2.0, 3.0, 3.0, 2.0]",
            ),
            "c": (
                "Inside, the kernel sees real pixels only, and there the algebra is exact. Of 8 x 8 pixels under a "
                "3 x 3 kernel that is the share",
                "round(6 * 6 / (8 * 8), 2)",
                "0.56",
            ),
        },
    ),
    Question(
        "train-eval-one",
        "c",
        "m = N * H * W counts positions too: one image of 8 x 8 pixels has m = 64, one row of a table m = 1.",
        {
            "a": (
                "Then every net with a batch of 1 would fail. One image of 8 x 8 pixels in 16 channels:",
                "tuple(torch.nn.BatchNorm2d(16)(torch.rand(1, 16, 8, 8)).shape)",
                "(1, 16, 8, 8)",
            ),
            "b": (
                "Evaluation never fails for want of a spread; training does, where m = N * H * W is 1.",
                "batch_norm_eval(np.ones((1, 3)), None, None, np.zeros(3), np.ones(3), 0).tolist()",
                "[[1.0, 1.0, 1.0]]",
            ),
        },
    ),
)
