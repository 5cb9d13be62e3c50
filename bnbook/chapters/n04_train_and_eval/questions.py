"""The questions of notebook 04, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

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
        "train-eval-freeze",
        "d",
        "The mode decides which statistics are used; net.train() sets it for every layer, so eval() comes after it.",
        {
            "a": (
                "That stops gamma and beta. Running statistics are buffers and need no gradient: a batch with mean 5 "
                "moves running_mean by a tenth of that.",
                "bn = torch.nn.BatchNorm1d(1).requires_grad_(False); bn(torch.tensor([[4.0], [6.0]])); "
                "round(bn.running_mean.item(), 2)",
                "0.5",
            ),
            "b": (
                "Set later, it stops the writing and not the use: in training mode the layer still normalizes by the "
                "batch. With running_mean 0 and running_var 1 a frozen layer would return 4 and 6:",
                "bn = torch.nn.BatchNorm1d(1); bn.track_running_stats = False; "
                "bn(torch.tensor([[4.0], [6.0]])).ravel().round().tolist()",
                "[-1.0, 1.0]",
            ),
            "c": (
                "Then what is stored stays, and is not used: in training mode the batch normalizes itself. With "
                "running_mean 0 and running_var 1 a frozen layer would return 4 and 6:",
                "bn = torch.nn.BatchNorm1d(1, momentum=0.0); "
                "(bn.running_mean.item(), bn(torch.tensor([[4.0], [6.0]])).ravel().round().tolist())",
                "(0.0, [-1.0, 1.0])",
            ),
        },
    ),
)
