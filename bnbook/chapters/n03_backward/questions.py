"""The questions of notebook 03, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

QUESTIONS = (
    Question(
        "backward-nudge",
        3,
        "The mean and the variance moved, and every x_hat is measured by them. The first one even rose.",
        {
            1: (
                "It would be 1 if mean and var were constants; but they are made from x. The changes in thousandths:",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "(1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0])).round(3).tolist()",
                "[0.021, -0.057, 0.036]",
            ),
            2: (
                "The mean moves by a third of the nudge only, so the nudged value moves away from it. How far, in "
                "thousandths:",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "float((1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]))[2].round(3))",
                "0.036",
            ),
            0: (
                "Normalizing forgets a shift of *all* values; this moves one. Its x_hat moves, in thousandths, by",
                "x = np.array([1.0, 4.0, 10.0]); up = x + [0, 0, 0.001]; "
                "float((1000 * (normalize(up, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]))[2].round(3))",
                "0.036",
            ),
        },
    ),
    Question(
        "backward-beta",
        3,
        "beta was handed to all three y, so what comes back is added: 1 + 0 + 2.",
        {
            1: (
                "1 is the mean of dy. Nothing in y = gamma * x_hat + beta divides by 3: raise beta by 1, and the loss "
                "rises by",
                "y, dy = np.array([-1.0, 0.5, 3.5]), np.array([1.0, 0.0, 2.0]); "
                "float(np.sum(dy * (y + 1)) - np.sum(dy * y))",
                "3.0",
            ),
            6: (
                "6 is the sum of gamma * dy. gamma multiplies x_hat, not beta. What autograd says:",
                "b = torch.ones(1, requires_grad=True); "
                "out = 2 * torch.tensor([-1.0, -0.25, 1.25]) + b; "
                "float(torch.autograd.grad((torch.tensor([1.0, 0.0, 2.0]) * out).sum(), b)[0])",
                "3.0",
            ),
        },
    ),
    Question(
        "backward-sum",
        0,
        "Raising all three x by the same amount changes no deviation, so not the loss either: its slope in the "
        "direction (1, 1, 1), which is the sum of dx, is 0.",
        {
            1.5: (
                "1.5 is the sum of what comes back to deviation. The mean sends back -0.5 to each x as well:",
                "float(sum([0.75, 0.0625, 0.6875]) + 3 * (-0.5))",
                "0.0",
            ),
            3: (
                "3 is the sum of dy. But raise all x by 7, and this is how much x_hat changes at most:",
                "x = np.array([1.0, 4.0, 10.0]); "
                "float(np.abs(normalize(x + 7, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0]).max())",
                "0.0",
            ),
            6: (
                "6 is the sum of dx_hat, before it goes back through the normalization. The slope of the loss when all "
                "x rise together:",
                "x, dx_hat = np.array([1.0, 4.0, 10.0]), np.array([2.0, 0.0, 4.0]); "
                "float(np.sum(dx_hat * (normalize(x + 1, (0,), 2.0)[0] - normalize(x, (0,), 2.0)[0])))",
                "0.0",
            ),
        },
    ),
    Question(
        "backward-line",
        "a line",
        "Three dimensions, two taken away: what is orthogonal to both 1 and x_hat is a line.",
        {
            "all of space": (
                "That is dx for constant statistics. The number of directions left:",
                "one, x_hat = np.ones(3), np.array([-4.0, -1.0, 5.0]) / np.sqrt(14); "
                "int(np.linalg.matrix_rank(np.eye(3) - np.outer(one, one) / 3 - np.outer(x_hat, x_hat) / 3))",
                "1",
            ),
            "a plane": (
                "One direction, 1, leaves a plane; but x_hat is taken away as well, and it lies in that plane: their "
                "dot product is",
                "float(np.ones(3) @ np.array([-4.0, -1.0, 5.0]) / np.sqrt(14))",
                "0.0",
            ),
            "a point": (
                "That is a batch of 2. Of three directions two are taken away, and left are",
                "3 - int(np.linalg.matrix_rank([[1.0, 1.0, 1.0], [-4.0, -1.0, 5.0]]))",
                "1",
            ),
        },
    ),
    Question(
        "backward-blind",
        2,
        "sum(y) is m * beta and sum(y^2) nearly m * (gamma^2 + beta^2), whatever x is: the right dx is 0, or nearly.",
        {
            1: (
                "sum(y) is one. The other: y has a fixed mean and a fixed spread, so sum(y^2) is fixed too, up to eps. "
                "With 4 values, gamma 2 and beta 1, for two quite different batches:",
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float((batch_norm(v, np.array([2.0]), np.array([1.0]))[0] ** 2).sum().round(3)) for v in (a, b)]",
                "[20.0, 20.0]",
            ),
            3: (
                "A random u does not see only mean and spread. sum(u * y) for two batches:",
                "u = np.array([[1.0], [-2.0], [0.5], [3.0]]); "
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float((u * batch_norm(v, np.array([2.0]), np.array([1.0]))[0]).sum().round(2)) for v in (a, b)]",
                "[-1.3, 6.43]",
            ),
            0: (
                "Look at the sum of y for two quite different batches, beta = 1:",
                "a, b = np.array([[1.0], [4.0], [10.0], [2.0]]), np.array([[50.0], [-7.0], [0.0], [3.0]]); "
                "[float(batch_norm(v, np.array([2.0]), np.array([1.0]))[0].sum().round(3)) for v in (a, b)]",
                "[4.0, 4.0]",
            ),
        },
    ),
    Question(
        "backward-keep",
        1,
        "x, with mean and var, two numbers per channel: x_hat is made again from them.",
        {
            0: (
                "dx needs x_hat, and mean and var do not determine it: these two batches share both, and differ.",
                "a, b = np.array([1.0, 4.0, 10.0]), np.array([10.0, 4.0, 1.0]); "
                "(float(a.mean() - b.mean()), float(a.var() - b.var()))",
                "(0.0, 0.0)",
            ),
            2: (
                "x_hat need not be kept beside x: it is one subtraction and one product away. The difference to a kept "
                "one:",
                "x = np.array([1.0, 4.0, 10.0]); x_hat, mean, var = normalize(x, (0,)); "
                "float(np.abs((x - mean) / np.sqrt(var + 1e-5) - x_hat).max())",
                "0.0",
            ),
            3: (
                "x, deviation and x_hat differ by a shift and a factor per channel: one of them gives the others.",
                "x = np.array([1.0, 4.0, 10.0]); x_hat, mean, var = normalize(x, (0,)); "
                "float(np.abs((x - mean) / np.sqrt(var + 1e-5) - x_hat).max())",
                "0.0",
            ),
        },
    ),
    Question(
        "backward-eval",
        "b",
        "Stored statistics do not depend on x: both detours are gone, and with them the projection.",
        {
            "a": (
                "The formula of training would take parts away that were never put in. The sum of dx in evaluation "
                "mode, for dy of ones and running_var 1:",
                "t = torch.tensor([[1.0], [4.0], [10.0]], requires_grad=True); "
                "out = torch.nn.BatchNorm1d(1).eval()(t); "
                "round(float(torch.autograd.grad(out.sum(), t)[0].sum()), 3)",
                "3.0",
            ),
            "c": (
                "Evaluation mode switches the statistics of the batch off, not the gradient. One entry of dx for dy "
                "= 1 and running_var 1:",
                "t = torch.tensor([[1.0], [4.0], [10.0]], requires_grad=True); "
                "out = torch.nn.BatchNorm1d(1).eval()(t); "
                "round(float(torch.autograd.grad(out.sum(), t)[0][0]), 3)",
                "1.0",
            ),
        },
    ),
)
