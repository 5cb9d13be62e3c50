"""The questions of notebook 05, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

QUESTIONS = (
    Question(
        "images-m",
        15052,
        "N * H * W = 2 * 71 * 106: every pixel of both pictures, of one channel.",
        {
            2: (
                "2 is the number of pictures: a mean of 2 numbers belongs to one pixel position. A channel has more:",
                "data.photos()[:, 0].size",
                "15052",
            ),
            7526: (
                "71 * 106 is one picture; BatchNorm takes the whole batch together, and so returns one mean per "
                "channel. How many:",
                "batch_norm(data.photos(), None, None)[1].size",
                "3",
            ),
            45156: (
                "That is every number there is; red, green and blue would then share a single mean. Divided by C:",
                "data.photos().size // data.photos().shape[1]",
                "15052",
            ),
        },
    ),
    Question(
        "images-two-photos",
        "b",
        "Two values are mean + d and mean - d with standard deviation d, so +1 and -1: which of the two is brighter.",
        {
            "a": (
                "That is what the 15,052 values of a channel give. Share of the values within 0.05 of +1 or -1 here:",
                "a = normalize(data.photos(), (0,))[0]; float(np.mean(np.abs(np.abs(a) - 1) < 0.05).round(2))",
                "0.97",
            ),
            "c": (
                "0 is what a batch of one picture gives, where the mean is the picture itself:",
                "float(np.abs(normalize(data.photos()[:1], (0,))[0]).max())",
                "0.0",
            ),
        },
    ),
    Question(
        "images-moved",
        "a",
        "A mean over all positions does not ask where a value stood: same mean, same variance, same picture, moved.",
        {
            "b": (
                "Its values enter the same two sums as before. Largest difference to the old picture, moved:",
                "a = data.digits().x_train[:64]; moved = a.copy(); moved[0] = np.roll(a[0], 1, axis=-1); "
                "before, after = (normalize(z, (0, 2, 3))[0] for z in (a, moved)); "
                "float(np.abs(np.roll(before[0], 1, axis=-1) - after[0]).max().round(9))",
                "0.0",
            ),
            "c": (
                "They would if the mean of the batch had changed. Largest change in the other 63 pictures:",
                "a = data.digits().x_train[:64]; moved = a.copy(); moved[0] = np.roll(a[0], 1, axis=-1); "
                "before, after = (normalize(z, (0, 2, 3))[0] for z in (a, moved)); "
                "float(np.abs(before[1:] - after[1:]).max().round(9))",
                "0.0",
            ),
        },
    ),
    Question(
        "images-reshape",
        3,
        "reshape takes the numbers as they lie in memory, picture by picture and channel by channel, and deals them "
        "out to the columns in turn: every column gets some of each channel.",
        {
            1: (
                "That is how it should be, but reshape does not know what an axis means. With x = c in channel c:",
                "a = np.ones((5, 3, 4, 6)) * np.arange(3.0).reshape(1, 3, 1, 1); "
                "np.unique(a.reshape(-1, 3)[:, 0]).tolist()",
                "[0.0, 1.0, 2.0]",
            ),
            2: (
                "All three come by, each for 24 / 3 = 8 rows at a time. With x = c in channel c:",
                "a = np.ones((5, 3, 4, 6)) * np.arange(3.0).reshape(1, 3, 1, 1); "
                "a.reshape(-1, 3)[[0, 8, 16], 0].tolist()",
                "[0.0, 1.0, 2.0]",
            ),
        },
    ),
    Question(
        "images-four-times",
        "half",
        "The variance of a mean of N independent images is 1 / N of one image's, so its square root falls as "
        "1 / sqrt(N): 4 times the images, half the error.",
        {
            "a quarter": (
                "The *variance* falls to a quarter; the error is its square root. Measured on random numbers:",
                "v = np.random.default_rng(0).normal(size=(20000, 64)); "
                "float((v.mean(1).std() / v[:, :16].mean(1).std()).round(1))",
                "0.5",
            ),
            "the same": (
                "Then a batch of one would do. Measured on random numbers, 64 against 16:",
                "v = np.random.default_rng(1).normal(size=(20000, 64)); "
                "float((v.mean(1).std() / v[:, :16].mean(1).std()).round(1))",
                "0.5",
            ),
        },
    ),
    Question(
        "images-shared",
        "b",
        "One number divides both channels, so their ratio stays. Only statistics of their own can make them equal.",
        {
            "a": (
                "That takes one standard deviation per channel. The ratio after a common one:",
                "a = np.random.default_rng(0).normal(size=(64, 2, 8, 8)) * np.array([[[1.0]], [[20.0]]]); "
                "sd = normalize(a, (0, 1, 2, 3))[0].std((0, 2, 3)); round(float(sd[1] / sd[0]))",
                "20",
            ),
            "c": (
                "Nothing takes a root of the ratio: both channels are divided by the same number, here about 14.",
                "a = np.random.default_rng(0).normal(size=(64, 2, 8, 8)) * np.array([[[1.0]], [[20.0]]]); "
                "round(float(normalize(a, (0, 1, 2, 3))[2].item() ** 0.5))",
                "14",
            ),
        },
    ),
    Question(
        "images-bias",
        "a",
        "The bias moves all values of its channel, and with them the mean that is subtracted: the loss does not "
        "notice. Its gradient is the sum of dx over the channel, and that is 0.",
        {
            "b": (
                "It is no small effect, it is none. The sum of dx over a channel, rounded to 9 digits:",
                "from bnbook.norm_numpy import batch_norm_backward; "
                "a = data.digits().x_train[:8]; b, mean, var = batch_norm(a, None, None); "
                "dx = batch_norm_backward(b**2, a, None, mean, var)[0]; abs(float(dx.sum().round(9)))",
                "0.0",
            ),
            "c": (
                "beta is added *after* the normalization, where no mean is subtracted any more. Its gradient is the "
                "sum of dy, here of 512 squares with mean 1; the bias before it would get 0:",
                "from bnbook.norm_numpy import batch_norm_backward; "
                "a = data.digits().x_train[:8]; b, mean, var = batch_norm(a, None, None); "
                "dbeta = batch_norm_backward(b**2, a, None, mean, var)[2]; round(float(dbeta[0]))",
                "512",
            ),
        },
    ),
    Question(
        "images-into-beta",
        "b",
        "The batch mean takes the bias away by itself, so what was put into beta comes on top. running_mean is the "
        "only place that evaluation reads and training does not.",
        {
            "a": (
                "beta is used in both modes, running_mean in evaluation alone. What 0.5 more in beta does to y in "
                "training:",
                "a = data.digits().x_train[:8]; shifted = batch_norm(a, None, np.array([0.5]))[0]; "
                "float((shifted - batch_norm(a, None, None)[0]).mean().round(3))",
                "0.5",
            ),
            "c": (
                "Running means are averages of the means of x, and x has not changed; beta comes after. The mean of "
                "the same batch with beta = 0.5 and without, difference:",
                "a = data.digits().x_train[:8]; "
                "float(batch_norm(a, None, np.array([0.5]))[1][0] - batch_norm(a, None, None)[1][0])",
                "0.0",
            ),
        },
    ),
)
