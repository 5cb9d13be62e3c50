"""The questions of notebook 10, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question


def _accuracy(experiment, **which):
    """What to type for the mean accuracy of stored runs, in whole per cent."""
    chosen = ", ".join(f"{name}={value!r}" for name, value in which.items())
    return (
        f"table = experiments.evidence('{experiment}')['table']; "
        f"round(100 * results.of(table, 'test_accuracy', twin=0, {chosen})['value'].mean())"
    )


QUESTIONS = (
    Question(
        "batch-two",
        "b",
        "The mean lies in the middle, both are equally far from it, and that distance is the standard deviation.",
        {
            "a": (
                "Being close together does not help: the standard deviation is just as small. What comes out, to three "
                "digits:",
                "batch_norm(np.array([[3.0], [3.2]]), None, None)[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
            "c": (
                "It is subtracted and divided, so their place is forgotten. The same two numbers a thousand higher:",
                "batch_norm(np.array([[1003.0], [1003.2]]), None, None)[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
        },
    ),
    Question(
        "batch-four-times",
        32,
        "The error falls with the root of the number: four times as many images, half the error.",
        {
            16: (
                "Twice as many images divide the error by 1.41 only. The error of a mean of 16, as a share of that of "
                "8:",
                "float(np.round(np.sqrt(8 / 16), 2))",
                "0.71",
            ),
            64: (
                "Eight times as many divide it by 2.83, more than was asked. The error of a mean of 64, as a share of "
                "that of 8:",
                "float(np.round(np.sqrt(8 / 64), 2))",
                "0.35",
            ),
        },
    ),
    Question(
        "batch-collapse",
        "mlp",
        "There a statistic is made of 2 numbers. In the cnn it is made of 2 times the number of positions, 8 at least.",
        {
            "both": (
                "What counts is not how many images a batch has, but m, how many numbers go into one mean. In the "
                "three normalizations of the cnn, at 2 images:",
                "[2 * height * width for height, width in ((8, 8), (4, 4), (2, 2))]",
                "[128, 32, 8]",
            ),
            "cnn": (
                "It has *more* numbers in each mean. Its stored accuracy with BatchNorm, batches of 2, in %:",
                _accuracy("batch_sizes", net="cnn", arm="batch", batch_size=2),
                "97",
            ),
            "neither": (
                "With m = 2 only the sign of a difference survives. Stored accuracy of the mlp with BatchNorm, batches "
                "of 2, in %:",
                _accuracy("batch_sizes", net="mlp", arm="batch", batch_size=2),
                "47",
            ),
        },
    ),
    Question(
        "batch-ghost",
        "b",
        "The statistics decide, not the gradient: what each unit says of an image is still a sign, +1 or -1, and an "
        "average over 256 gradients does not bring back what the sign has lost.",
        {
            "a": (
                "The gradient is as smooth as that of 256, but of a net that is normalized by 2 images. Stored "
                "accuracy with parts of 2, in %:",
                _accuracy("ghost_batches", arm="parts of 2"),
                "58",
            ),
            "c": (
                "The average is over gradients, not over nets. The other end, all 256 normalized together, in %:",
                _accuracy("ghost_batches", arm="parts of 256"),
                "98",
            ),
        },
    ),
    Question(
        "batch-accumulate",
        "b",
        "Only BatchNorm lets an example see its companions; accumulated, it is normalized by other companions.",
        {
            "a": (
                "A sum may be taken in parts if each term stays the same. With BatchNorm the terms change. Relative "
                "error of the accumulated gradient, micro-batches of 32 in place of 64, is it above 10 %?",
                "error = experiments.accumulation(data.digits(), 1, ('batch',), "
                "sizes=(32,))['arms'][0]['error']; int(error[0][0] > 0.1)",
                "1",
            ),
            "c": (
                "Without BatchNorm each example's gradient is its own, and a mean of means of equal size is the mean. "
                "Relative error without normalization, is it below 1e-12?",
                "error = experiments.accumulation(data.digits(), 1, ('none',), "
                "sizes=(2,))['arms'][0]['error']; int(error[0][0] < 1e-12)",
                "1",
            ),
        },
    ),
    Question(
        "batch-one-class",
        "c",
        "What all images of a batch have in common is its mean, and that is subtracted: here it is the class.",
        {
            "a": (
                "The images are the same, but BatchNorm takes away what is common to a batch. Ink of three images of a "
                "one and of three of an eight, each batch normalized, its mean:",
                "ones, eights = np.array([[9.0], [10.0], [11.0]]), np.array([[24.0], [26.0], [28.0]]); "
                "[float(batch_norm(v, None, None)[0].mean().round(3)) for v in (ones, eights)]",
                "[0.0, 0.0]",
            ),
            "b": (
                "That is what the net *without* BatchNorm loses, and hardly that. With it, what a class differs in "
                "from the others is gone from every layer. What is left of a difference of 16 between two batches:",
                "ones, eights = np.array([[9.0], [10.0], [11.0]]), np.array([[24.0], [26.0], [28.0]]); "
                "float((batch_norm(eights, None, None)[0].mean() - batch_norm(ones, None, None)[0].mean()).round(3))",
                "0.0",
            ),
        },
    ),
    Question(
        "batch-session",
        "b",
        "In training each session's contrast and brightness are normalized away; in evaluation mode nobody does it.",
        {
            "a": (
                "Evaluation uses one mean for all sessions; training took one from each. Brightness of two sessions, "
                "after normalizing each by itself and both together:",
                "dark, bright = np.array([[1.0], [3.0]]), np.array([[11.0], [13.0]]); both = "
                "batch_norm(np.concatenate([dark, bright]), None, None)[0].ravel().round(1).tolist(); "
                "[batch_norm(bright, None, None)[0].ravel().round(1).tolist(), both]",
                "[[-1.0, 1.0], [-1.2, -0.8, 0.8, 1.2]]",
            ),
            "c": (
                "A test session normalized by itself looks like every training session, whatever its brightness: there "
                "training mode is the easier one. Two sessions, the second brighter by 10, normalized each by itself, "
                "differ by",
                "dark = np.array([[1.0], [2.0], [6.0]]); "
                "float(np.abs(batch_norm(dark + 10, None, None)[0] - batch_norm(dark, None, None)[0]).max().round(6))",
                "0.0",
            ),
        },
    ),
    Question(
        "batch-freeze",
        "a",
        "In evaluation mode BatchNorm uses the statistics of the long first training, and no image sees another.",
        {
            "b": (
                "Fresh statistics would be better if they were good; those of 2 images are off, root mean square and "
                "in standard deviations, by",
                "float(standard_error(1.0, 2).round(2))",
                "0.71",
            ),
            "c": (
                "They are different functions: with m = 2 a unit in training mode says +1 or -1 and nothing else. How "
                "many different outputs, rounded, for 100 different pairs:",
                "pairs = np.random.default_rng(0).normal(size=(100, 2, 1)); "
                "len({float(v) for pair in pairs for v in batch_norm(pair, None, None)[0].ravel().round(0)})",
                "2",
            ),
        },
    ),
)
