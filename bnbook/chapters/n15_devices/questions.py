"""The questions of notebook 15, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question


def _accuracy(sizes):
    """What to type for the mean accuracy of stored runs with the statistics of each device, in whole per cent."""
    return (
        "table = experiments.evidence('replicas')['table']; of = dict(net='mlp', twin=0, arm='replica'); "
        f"[round(100 * results.of(table, 'test_accuracy', size=n, **of)['value'].mean()) for n in {sizes}]"
    )


_TWO_RANKS = "parts = np.array([[0.0, 2.0], [10.0, 12.0]]); "
_ONE_MEAN = "v = np.array([[0.0], [1.0], [4.0], [9.0]]); "

QUESTIONS = (
    Question(
        "devices-batch",
        2,
        "A layer sees what its process has. DistributedDataParallel exchanges gradients, not statistics.",
        {
            8: (
                "8 images go into one step, but no process has more than its share, and nn.BatchNorm1d asks nobody. "
                "The images of rank 0:",
                "functions.share(torch.arange(8), 0, 4).tolist()",
                "[0, 1]",
            ),
            4: (
                "4 is the number of ranks. What one of them can average over is its share of the 8 images:",
                "len(functions.share(torch.arange(8), 0, 4))",
                "2",
            ),
        },
    ),
    Question(
        "devices-gradient",
        "b",
        "The average of four gradients is the gradient of the average of four losses; in each of these the images of a "
        "rank are normalized among themselves.",
        {
            "a": (
                "An average of gradients is that of the joined batch if each image's loss is its own. Here what an "
                "image becomes depends on its companions: the second of four numbers, alone with the first, and "
                "among all four:",
                _ONE_MEAN + "[float(norm_numpy.batch_norm(w, None, None)[0][1, 0].round(2)) for w in (v[:2], v)]",
                "[1.0, -0.71]",
            ),
            "c": (
                "All four are averaged, whatever each was normalized by: of gradients 1, 2, 3 and 4 every rank gets",
                "float(np.mean([1, 2, 3, 4]))",
                "2.5",
            ),
        },
    ),
    Question(
        "devices-variance",
        "smaller",
        "Each is a spread around the mean of its own rank, which fits that rank best; how far the ranks' means lie "
        "apart is missing.",
        {
            "equal": (
                "That needs equal means on all ranks. Two ranks with 0, 2 and 10, 12: the average of their variances, "
                "and the variance of all four numbers:",
                _TWO_RANKS + "[float(parts.var(1).mean()), float(parts.var())]",
                "[1.0, 26.0]",
            ),
            "larger": (
                "Small batches make noisy variances, but none is too large on average. Two ranks with 0, 2 and 10, "
                "12: what all have more than the average of both is the variance of their means:",
                _TWO_RANKS + "[float(parts.var() - parts.var(1).mean()), float(parts.mean(1).var())]",
                "[25.0, 25.0]",
            ),
        },
    ),
    Question(
        "devices-sum",
        0,
        "The normalized values of a channel add up to 0 whatever x is, so their sum has no gradient.",
        {
            1: (
                "dy is 1, and then the mean of dy is subtracted, which is 1. For 8 random numbers, the largest entry "
                "of dx:",
                "x = torch.randn(8, 1, dtype=torch.float64, requires_grad=True); "
                "y = norm_torch.batch_norm(x, None, None)[0]; "
                "float(torch.autograd.grad(y.sum(), x)[0].abs().max().round(decimals=9))",
                "0.0",
            ),
            0.125: (
                "1/8 would be that of a mean of x. The sum of the normalized values does not move at all, for x and "
                "for another x:",
                _ONE_MEAN
                + "[float(abs(norm_numpy.batch_norm(w, None, None)[0].sum()).round(9)) for w in (v, v**2 + 5)]",
                "[0.0, 0.0]",
            ),
        },
    ),
    Question(
        "devices-two",
        "c",
        "With 2 numbers in a mean only the sign of their difference survives, as in notebook 10. The other six images "
        "are there, on other devices.",
        {
            "a": (
                "The step is the same, and its gradient an average over 8 images in both. But of two images each is +1 "
                "or -1 in every unit. Stored accuracy with the statistics of each device, in %:",
                _accuracy((2,)),
                "[44]",
            ),
            "b": (
                "So it is with 3 images on each. Stored accuracy with the statistics of each device, 2 and 3 images, "
                "in %:",
                _accuracy((2, 3)),
                "[44, 89]",
            ),
        },
    ),
    Question(
        "devices-buffers",
        "b",
        "At the start of each forward pass the buffers of rank 0 overwrite all others, and rank 0 writes the "
        "checkpoint.",
        {
            "a": (
                "Nothing is averaged. Rank 0 saw batches with mean 1, the three others with mean 9, 100 steps long; "
                "the running mean of rank 0:",
                "means = np.array([[1.0, 9, 9, 9]] * 100); float(functions.running_on_ranks(means, True)[0].round(2))",
                "1.0",
            ),
            "c": (
                "The last rank has its own last batch in its number, until the next forward pass: with mean 1 on rank "
                "0 and 9 on rank 3, 100 steps long, rank 0 and rank 3 have",
                "means = np.array([[1.0, 9, 9, 9]] * 100); "
                "functions.running_on_ranks(means, True)[[0, 3]].round(1).tolist()",
                "[1.0, 1.8]",
            ),
        },
    ),
    Question(
        "devices-accumulate",
        8,
        "A forward pass is what a layer sees: 2 images on each of 4 ranks. The gradients of 8 such passes are added, "
        "their statistics are not.",
        {
            64: (
                "The optimizer's step has 64 images. But each forward pass is over when the next one comes, and has "
                "been normalized by then. Images in one pass, all ranks together:",
                "len(functions.share(torch.arange(64), 0, 8))",
                "8",
            ),
            2: (
                "That is one rank's share; SyncBatchNorm merges those of all 4 of them:",
                "4 * len(functions.share(torch.arange(8), 0, 4))",
                "8",
            ),
        },
    ),
)
