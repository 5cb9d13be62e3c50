"""The questions of notebook 09, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question


def _stored(arm, depth, length=200):
    """What to type for one cell of the stored trainings: its test accuracy in per cent."""
    return (
        "found = experiments.accuracies(experiments.evidence('trainability')); "
        f"here = (found.arm == '{arm}') & (found.depth == {depth}) & (found.length == {length}); "
        "[round(m) for m in found[here]['mean']]"
    )


def _predicted(h, slope, digits):
    """What to type for the growth of one non-linearity."""
    samples = "a = np.random.default_rng(1).normal(size=1_000_000)"
    return f"{samples}; float(np.sqrt(np.mean(({slope}) ** 2) / np.var({h})).round({digits}))"


def _one_case(batch_size):
    case = f"cases=[('batch', 'relu', 2**0.5, {batch_size})]"
    call = f"experiments.gradient_growth(data.digits(), seeds=2, depth=20, {case})"
    return f"round(float({call}['cases'][0]['mean']), 1)"


def _share_of_block(number, digits):
    call = "experiments.skip_connections(data.digits(), seeds=1, depth=20)"
    arm = f"[arm for arm in {call}['arms'] if arm['name'] == 'batch'][0]"
    return f"round({arm}['share'][0][{number - 1}], {digits})"


_SKIP_INIT = (
    "from bnbook import nets; shut = nets.residual('skip_init', depth=5); "
    "some = torch.tensor(data.digits().x_train[:64]); loss_of_it = shut(some).square().sum(); loss_of_it.backward(); "
)


QUESTIONS = (
    Question(
        "depth-no-mean",
        1,
        "What is divided by is then the mean square, 1/2, and the slopes' mean square is 1/2 as well: they cancel.",
        {
            1.21: (
                "That has the variance in it, which is smaller because the mean was subtracted. Now the mean stays: "
                "root of mean(slope^2) over mean(h^2):",
                "a = np.random.default_rng(1).normal(size=1_000_000); "
                "float(np.sqrt(np.mean(a > 0) / np.mean(np.maximum(a, 0) ** 2)).round(2))",
                "1.0",
            ),
            0.83: (
                "That is the ratio of the two divisors, sqrt(0.341 / 0.5). It has to be multiplied by the 1.21 from "
                "before:",
                "a = np.random.default_rng(1).normal(size=1_000_000); r = np.maximum(a, 0); "
                "float((1.2112 * np.sqrt(r.var() / np.mean(r**2))).round(2))",
                "1.0",
            ),
        },
    ),
    Question(
        "depth-below-one",
        "none",
        "var(f(z)) is at most mean(f'(z)^2) for a normal z: what has a small slope has an even smaller spread.",
        {
            "tanh": (
                "Its small slopes make its outputs lie close together, and BatchNorm divides by that. The growth:",
                _predicted("np.tanh(a)", "1 - np.tanh(a) ** 2", 1),
                "1.1",
            ),
            "a flat ReLU": (
                "Half the slope, but also half the spread of h, and BatchNorm divides by it: the 1/2 cancels like the "
                "weights do. The growth:",
                _predicted("0.5 * np.maximum(a, 0)", "0.5 * (a > 0)", 2),
                "1.21",
            ),
        },
    ),
    Question(
        "depth-batch",
        "faster",
        "The variance of 8 numbers is now and then small by accident, and the gradient is divided by it.",
        {
            "slower": (
                "BatchNorm does remove a larger part of the gradient, 2 directions of 8. But it divides by a variance "
                "that is often too small; the mean of 1/var for batches of 8, where var is 1 on average:",
                "few = np.random.default_rng(1).normal(size=(100_000, 8)).var(1); "
                "float((few.mean() / few).mean().round(1))",
                "1.4",
            ),
            "the same": (
                "The four steps assumed a large batch: a variance without accidents. Per layer with batches of 8:",
                _one_case(8),
                "1.3",
            ),
        },
    ),
    Question(
        "depth-share",
        "a tenth",
        "About ten such amounts have been piled up, the input's and those of 9 blocks; one more is a tenth of that.",
        {
            "as large": (
                "So it is, nearly, without normalization, where a block sees its input grow and adds as much again. "
                "With BatchNorm at its entrance block 10 adds what block 1 added:",
                _share_of_block(10, 1),
                "0.1",
            ),
            "a thousandth": (
                "That would be shrinking by half in every block. The blocks add equal amounts, only what they are "
                "added to grows. Even block 20 still adds a share of:",
                _share_of_block(20, 2),
                "0.05",
            ),
        },
    ),
    Question(
        "depth-first-step",
        "only alpha",
        "The gradient of alpha is gradient times branch, not 0; that of the branch's weights has the factor alpha = 0.",
        {
            "everything": (
                "On its way into the branch the gradient is multiplied by alpha, which is 0. Size of the gradient of "
                "some weights in a branch:",
                _SKIP_INIT + "float(shut.block3.linear.weight.grad.norm())",
                "0.0",
            ),
            "nothing": (
                "The product is 0, but its slope in alpha is the branch, and that is not 0. How many of 5 alphas have "
                "a gradient:",
                _SKIP_INIT + "sum(bool(p.grad) for name, p in shut.named_parameters() if 'alpha' in name)",
                "5",
            ),
        },
    ),
    Question(
        "depth-explosion",
        "BatchNorm",
        "Exploding gradients at the start and all. What the gradient is like before the first step does not decide.",
        {
            "He": (
                "A fine start, but nothing keeps it, and its images look alike in the deep layers. Stored test "
                "accuracy in % after 200 steps (after 1000 it is 85, BatchNorm's 95):",
                _stored("plain, none", 20),
                "[46]",
            ),
            "neither": (
                "At 20 layers both learn something. With BatchNorm, stored test accuracy in %:",
                _stored("plain, batch", 20),
                "[82]",
            ),
        },
    ),
    Question(
        "depth-eighty",
        "above 90 %",
        "So it is not normalizing as such that makes depth possible, but blocks that start by changing little.",
        {
            "below 20 %": (
                "So it goes in a residual net without normalization and without SkipInit. With it, in %:",
                _stored("residual, skip_init", 80),
                "[95]",
            ),
            "about 50 %": (
                "At the start it is a net of two layers, and those learn the digits well. Stored, in %:",
                _stored("residual, skip_init", 80),
                "[95]",
            ),
        },
    ),
    Question(
        "depth-only-norms",
        "above 90 %",
        "Random units are features as well; gamma and beta choose among them and set their thresholds.",
        {
            "about 10 %": (
                "Guessing would be all if nothing could be learned. One such training, share of test images right:",
                "from dataclasses import replace; "
                "from bnbook.chapters.n09_depth.experiments import ONLY; "
                "from bnbook.lab.engine import run; "
                "trained = run(replace(ONLY, trainable='norm', lr=10.0), data.digits()); "
                "round(trained['test_accuracy'][-1], 1)",
                "0.9",
            ),
            "about 50 %": (
                "It sounds fair for so few numbers, but they are 768, and a linear classifier of the 64 pixels has "
                "fewer:",
                "10 * 64 + 10",
                "650",
            ),
        },
    ),
)
