"""The questions of notebook 16: what a step proves, and what it does not."""

from bnbook.grading.question import Question

_EIGHT = "d = np.array([0.9, -0.4, 1.6, 0.2, -0.1, 1.3, 0.5, -0.2])"
_FROZEN = (
    "net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).requires_grad_(False).train(); "
    "_ = net(torch.arange(8.0).reshape(4, 2)); "
)

QUESTIONS = (
    Question(
        "capstone-images",
        "b",
        "The rates were tuned on validation images by other seeds, so a choice made on them is fair to every norm. The "
        "test images are looked at once, at the end, by the net that was chosen.",
        {
            "a": (
                "Whoever takes the best of several on the test images reports its luck, too. Four nets that are right "
                "in 95 % each and err independently (those that err together: less), 500 test images: the best of the "
                "four seems to be better by so many points:",
                "hits = np.random.default_rng(0).binomial(500, 0.95, (4000, 4)) / 5; "
                "round(float(hits.max(1).mean() - 95), 1)",
                "1.0",
            ),
            "c": (
                "A net can know its training images by heart, and then all norms look alike. A straight line of labels "
                "drawn by lot, learned by a nearest neighbour: right on its own images, and on 1,000 others:",
                "random = np.random.default_rng(0); x = random.normal(size=1000); y = random.integers(10, size=1000); "
                "new = random.normal(size=1000); labels = random.integers(10, size=1000); "
                "[round(float((y[abs(x - v[:, None]).argmin(1)] == t).mean()), 1) for v, t in ((x, y), (new, labels))]",
                "[1.0, 0.1]",
            ),
        },
    ),
    Question(
        "capstone-verdict",
        "c",
        "The interval, -0.1 to 1.1, holds 0, so nothing is shown to be better; and it leaves the margin of 1 point, so "
        "nothing is shown to be equal either. More seeds would settle it. Until then either choice can be defended.",
        {
            "a": (
                "The mean is above 0, and so it would be in half of all comparisons of equal norms. Its interval:",
                f"from bnbook.lab import results; {_EIGHT}; [round(v, 1) for v in results.interval(d)]",
                "[-0.1, 1.1]",
            ),
            "b": (
                "Equal within a point is a claim, too, and needs an interval inside of -1 to 1. Its upper end:",
                f"from bnbook.lab import results; {_EIGHT}; round(results.interval(d)[1], 1)",
                "1.1",
            ),
        },
    ),
    Question(
        "capstone-old",
        "35%",
        "Each batch leaves 0.9 of what was there, and 0.9 ** 10 = 0.35. So the average is not that of the images that "
        "you showed; reset first, and let momentum be None.",
        {
            "0%": (
                "A running mean that begins at 1, and ten batches of zeros. What is left of the 1:",
                "norm = torch.nn.BatchNorm1d(1); norm.running_mean.fill_(1); "
                "_ = [norm(torch.zeros(4, 1)) for i in range(10)]; round(float(norm.running_mean), 2)",
                "0.35",
            ),
            "10%": (
                "0.1 is what *one* new batch weighs. What the old ones weigh after ten new ones:",
                "round(0.9 ** 10, 2)",
                "0.35",
            ),
            "90%": (
                "That is left after one batch. After two, and after ten:",
                "[round(0.9 ** n, 2) for n in (2, 10)]",
                "[0.81, 0.35]",
            ),
        },
    ),
    Question(
        "capstone-frozen",
        "b",
        "requires_grad speaks of gradients. Running statistics are buffers, and a BatchNorm in training mode moves "
        "them by itself, whatever the optimizer may do.",
        {
            "a": (
                "A BatchNorm without one trainable parameter, one batch in training mode; its running mean began at 0. "
                "Has it moved?",
                _FROZEN + "bool((net[1].running_mean != 0).all())",
                "True",
            ),
            "c": (
                "Scale and shift are parameters, and those are frozen. After the same batch, all of them are as they "
                "were:",
                _FROZEN + "bool((net[1].weight == 1).all() and (net[1].bias == 0).all())",
                "True",
            ),
        },
    ),
    Question(
        "capstone-fold",
        "a",
        "Running statistics are constants in evaluation mode, so the norm is a scale and a shift of each channel. The "
        "others use the mean and variance of what comes in, and no constant weight can do that.",
        {
            "b": (
                "GroupNorm looks at each image. Twice the input is nearly the same output, which no convolution does. "
                "Largest difference of the two outputs, and of the inputs:",
                "norm = torch.nn.GroupNorm(1, 2, affine=False); x = torch.tensor([[1.0, 5.0], [2.0, 8.0]]); "
                "[round(float((f(2 * x) - f(x)).abs().max()), 2) for f in (norm, torch.nn.Identity())]",
                "[0.0, 8.0]",
            ),
            "c": (
                "In training mode the statistics are those of the batch. One image in two batches gives so different "
                "outputs (0 would be equal):",
                "norm = torch.nn.BatchNorm1d(1, affine=False); x = torch.tensor([[1.0], [2.0], [9.0]]); "
                "round(float((norm(x[:2])[0] - norm(x)[0]).abs()), 2)",
                "0.16",
            ),
        },
    ),
    Question(
        "capstone-rounding",
        "b",
        "float32 has 24 binary digits, 6e-8 of a number each; some dozens of sums, in another order, make a few 1e-7.",
        {
            "a": (
                "Another program adds in another order, and float32 sums depend on it. A thousand numbers added from "
                "the front and from the back, equal?",
                "v = np.random.default_rng(0).normal(size=1000).astype(np.float32); "
                "bool(np.cumsum(v)[-1] == np.cumsum(v[::-1])[-1])",
                "False",
            ),
            "c": (
                "A thousandth is far more than rounding. It is what a fold with the wrong eps or a net in the wrong "
                "mode gives, and a reason to look. A digit of float32:",
                "float(np.finfo(np.float32).eps) < 2e-7",
                "True",
            ),
        },
    ),
)
