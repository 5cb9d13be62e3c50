"""The questions of notebook 12, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

_GAIN = (
    "table = experiments.evidence('generalization')['table']; table = table[table['case'] == '300 images']; "
    "round(results.compare(table, 'whole_set', '{}', 'test_accuracy')['mean'], 1)"
)
_STEPS = (
    "found = experiments.evidence('random_labels'); needed = experiments.steps_needed(found['table'], found['steps']); "
    "round(results.compare(needed, '{}', '{}', 'steps_needed', ratio=True)['mean'], 1)"
)
_DARK = (
    "table = experiments.evidence('robustness')['table']; "
    "found = results.of(table, 'dark accuracy', case='clean', arm='{}'); round(100 * float(found['value'].mean()), 1)"
)

QUESTIONS = (
    Question(
        "claims-interval",
        "false",
        "All of [-0.4, 0.9] lies below 1: whatever the effect is, it is not a point.",
        {
            "not settled here": (
                "That would be the answer to 'is it more than 0?', which is another claim. Is the upper end below 1?",
                "bool(0.9 < 1)",
                "True",
            ),
            "true": (
                "Even the upper end, the best case, is below what the claim promises. By how much:",
                "round(1 - 0.9, 1)",
                "0.1",
            ),
        },
    ),
    Question(
        "claims-add",
        2,
        "Adding a number to all values moves them and leaves them as wide as they were.",
        {
            1: (
                "1 is what *dividing* by the sd gives. Two numbers with mean 3 and sd 2:",
                "pair = np.array([1.0, 5.0]); float((pair - pair.mean() + pair.std()).std())",
                "2.0",
            ),
            4: (
                "Adding the same number to all of them makes no distance between them longer; it moves the mean, to",
                "pair = np.array([1.0, 5.0]); float((pair - pair.mean() + pair.std()).mean())",
                "2.0",
            ),
        },
    ),
    Question(
        "claims-rank",
        "the same",
        "Every channel is shifted and scaled by itself, which can be undone: nothing is merged, nothing is lost.",
        {
            "smaller": (
                "That is what a projection does, such as PCA. Four columns, standardized, have the rank:",
                "columns = np.random.default_rng(0).normal(size=(50, 4)); "
                "int(np.linalg.matrix_rank((columns - columns.mean(0)) / columns.std(0)))",
                "4",
            ),
            "larger": (
                "Scaling columns makes no new directions. Two columns of which one is 5 times the other:",
                "columns = np.random.default_rng(0).normal(size=(50, 1)) * np.array([1, 5]); "
                "int(np.linalg.matrix_rank((columns - columns.mean(0)) / columns.std(0)))",
                "1",
            ),
        },
    ),
    Question(
        "claims-freedom",
        6,
        "A shift of all eight and a stretch of all eight leave the output as it is: two ways to move are lost.",
        {
            8: (
                "So it is in evaluation mode, where the statistics are constants. In training a shift of all is lost:",
                "eight = np.arange(8.0); moved = eight + 7; "
                "bool(np.allclose(moved - moved.mean(), eight - eight.mean()))",
                "True",
            ),
            7: (
                "That counts the shift, and forgets the stretch: three times as wide a channel gives",
                "eight = 3 * np.arange(8.0); float((eight / eight.std()).std().round(3))",
                "1.0",
            ),
        },
    ),
    Question(
        "claims-cause",
        "a lead",
        "With the statistics of all training images there is no noise of the batch, and the net is still ahead. How "
        "much of the lead the noise adds is another question, and not settled here.",
        {
            "nothing": (
                "So it would be if the noise alone were the reason. Without the noise, in points, the lead here is",
                _GAIN.format("none"),
                "0.9",
            ),
            "twice the lead": (
                "That would say that the noise does harm. The change, in points, when the noise is taken away:",
                _GAIN.format("batch"),
                "-0.4",
            ),
        },
    ),
    Question(
        "claims-labels",
        "fewer",
        "What makes training faster makes learning by heart faster, too.",
        {
            "more": (
                "That is what 'reduces overfitting' would predict. Steps with BatchNorm, as a share of those without:",
                _STEPS.format("batch", "none"),
                "0.5",
            ),
            "as many": (
                "Nothing forbids it, but it is not so. Without BatchNorm it takes this many times the steps:",
                _STEPS.format("none", "batch"),
                "2.0",
            ),
        },
    ),
    Question(
        "claims-dark",
        "instance",
        "It takes mean and spread from the image itself. (Something is lost all the same: the border of zeros that a "
        "convolution puts around an image does not get darker with it.)",
        {
            "batch": (
                "In evaluation mode BatchNorm divides by the spread of the *training* images. Its accuracy, in %:",
                _DARK.format("batch"),
                "13.4",
            ),
            "none": (
                "Everything in it shrinks, but the biases do not, and they take over. Its accuracy, in %:",
                _DARK.format("none"),
                "22.7",
            ),
        },
    ),
)
