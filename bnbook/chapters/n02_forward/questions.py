"""The questions of notebook 02, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

QUESTIONS = (
    Question(
        "forward-table-means",
        3,
        "One for each channel, and a channel is a column: 5 values go into each mean.",
        {
            5: (
                "5 is the number of rows: one mean per example is layer norm. One mean per column has the shape",
                "np.ones((5, 3)).mean(axis=0).shape",
                "(3,)",
            ),
            1: (
                "One mean for the whole table would mix ink with darkness. PyTorch's layer for 3 channels keeps:",
                "torch.nn.BatchNorm1d(3).running_mean.shape[0]",
                "3",
            ),
            15: (
                "15 is how many numbers there are; a mean of one number is that number. How many share one mean:",
                "np.ones((5, 3)).size / np.ones((5, 3)).mean(axis=0).size",
                "5.0",
            ),
        },
    ),
    Question(
        "forward-divisor",
        "m",
        "The mean square of (x - mean) / sqrt(var) is sum / (m * var), which is 1 when var = sum / m.",
        {
            "m - 1": (
                "That estimates a population from a sample; the sample itself then comes out with (m - 1) / m.",
                "v = np.array([1.0, 3.0, 5.0]); float(np.mean((v - v.mean()) ** 2 / v.var(ddof=1)).round(3))",
                "0.667",
            ),
            "m + 1": (
                "Then the normalized column is too wide, (m + 1) / m.",
                "v = np.array([1.0, 3.0, 5.0]); float(np.mean((v - v.mean()) ** 2 / (v.var() * 3 / 4)).round(3))",
                "1.333",
            ),
        },
    ),
    Question(
        "forward-constant",
        0,
        "Every deviation is 0, and 0 / sqrt(0 + eps) is 0: a channel that says nothing is kept silent.",
        {
            "nan": (
                "That was without eps. Now the denominator is sqrt(1e-5), about 0.0032.",
                "v = np.ones(5); float(((v - v.mean()) / np.sqrt(v.var() + 1e-5)).max())",
                "0.0",
            ),
            1: (
                "The variance of the others becomes 1; but a column without any deviation has nothing to scale.",
                "v = np.ones(5); float(((v - v.mean()) / np.sqrt(v.var() + 1e-5)).var())",
                "0.0",
            ),
        },
    ),
    Question(
        "forward-units",
        "the same",
        "Shift and scale of a channel cancel: x_hat counts standard deviations, and those have no unit.",
        {
            "ten times larger": (
                "The deviations are, but so is the standard deviation they are divided by.",
                "v = np.array([[1.0], [3.0], [6.0]]); "
                "float((normalize(10 * v + 3, (0,))[0] / normalize(v, (0,))[0]).max().round(3))",
                "1.0",
            ),
            "ten times smaller": (
                "The division undoes the factor once, it does not divide twice.",
                "v = np.array([[1.0], [3.0], [5.0]]); float(normalize(10 * v + 3, (0,))[0].std().round(3))",
                "1.0",
            ),
        },
    ),
    Question(
        "forward-shape",
        "the same shape",
        "Subtracting and dividing by one number relabels the axis; every bar stays where it was.",
        {
            "a gaussian": (
                "Normalized is not normally distributed. A Gaussian repeats no value; the share of exactly 1:",
                "v = data.digits().x_train[:, 0, 4, 4]; float(np.mean(v == 1).round(2))",
                "0.3",
            ),
            "uniform": (
                "Then half of the images would have between 0.25 and 0.75 ink in this pixel. The share that has:",
                "v = data.digits().x_train[:, 0, 4, 4]; float(np.mean(np.abs(v - 0.5) < 0.25).round(2))",
                "0.21",
            ),
        },
    ),
    Question(
        "forward-identity",
        "c",
        "x_hat was divided by sqrt(var + eps), so multiplying by the same number brings x - mean back, exactly.",
        {
            "a": (
                "gamma = 1 leaves the spread at 1: that is how training begins, not how x comes back.",
                "v = np.array([1.0, 3.0, 5.0]); float((1 * normalize(v, (0,))[0] + v.mean()).std().round(3))",
                "1.0",
            ),
            "b": (
                "The variance is in squared units; a column with standard deviation 1.63 would come back with 2.67.",
                "v = np.array([1.0, 3.0, 5.0]); float((v.var() * normalize(v, (0,))[0] + v.mean()).std().round(2))",
                "2.67",
            ),
            "d": (
                "That divides a second time: the spread ends at 1 / 1.63.",
                "v = np.array([1.0, 3.0, 5.0]); float((normalize(v, (0,))[0] / v.std() + v.mean()).std().round(2))",
                "0.61",
            ),
        },
    ),
    Question(
        "forward-image-means",
        16,
        "One per channel; each is a mean of 32 * 8 * 8 = 2,048 numbers.",
        {
            1: (
                "'Over all the pixels in a batch' must be read per channel.",
                "torch.nn.BatchNorm2d(16).running_mean.shape[0]",
                "16",
            ),
            1024: (
                "16 * 8 * 8 is one mean per pixel position: axis 0 alone, as for a table.",
                "np.ones((32, 16, 8, 8)).mean(axis=(0, 2, 3)).size",
                "16",
            ),
            32: (
                "32 is the number of images. One mean per image is an average over axes 1, 2 and 3 (layer norm):",
                "np.ones((32, 16, 8, 8)).mean(axis=(1, 2, 3)).size",
                "32",
            ),
            64: (
                "64 = 8 * 8 would be one mean per position in the picture, the channels thrown together: axes 0 and 1.",
                "np.ones((32, 16, 8, 8)).mean(axis=(0, 1)).size",
                "64",
            ),
            512: (
                "32 * 16 is one mean per image and channel: that is instance norm.",
                "normalize(np.zeros((32, 16, 8, 8)), batch_axes(4))[1].size",
                "16",
            ),
            2048: (
                "That is how many numbers go into each mean, not how many means there are.",
                "32 * 16 * 8 * 8 // 2048",
                "16",
            ),
        },
    ),
    Question(
        "forward-one-pass",
        "c",
        "Near 100,000,000 neighbouring float32 numbers lie 8 apart, so a difference of 1 cannot be seen.",
        {
            "a": (
                "float32 keeps about 7 digits, and the two numbers differ in the ninth: the difference is lost before "
                "they are subtracted. The gap between neighbours at 100,000,000:",
                "float(np.spacing(np.float32(1e8)))",
                "8.0",
            ),
            "b": (
                "It is a multiple of 8, but rounding goes either way: the two terms differ by some such steps.",
                "big = np.float32(1e8); [float(big + np.float32(step) - big) for step in (1, 5)]",
                "[0.0, 8.0]",
            ),
        },
    ),
    Question(
        "forward-batch-of-two",
        "b",
        "Two values lie at mean - d and mean + d with standard deviation d: only the order is left of them.",
        {
            "a": (
                "Small batch does not mean small effect: the standard deviation shrinks with the difference.",
                "normalize(np.array([[19.0], [20.0]]), (0,))[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
            "c": (
                "Far apart or near, always the same two numbers.",
                "normalize(np.array([[3.0], [900.0]]), (0,))[0].ravel().round(3).tolist()",
                "[-1.0, 1.0]",
            ),
        },
    ),
)
