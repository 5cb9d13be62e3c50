"""The questions of notebook 11, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

_STORED = "stored = experiments.evidence('relatives'); "

QUESTIONS = (
    Question(
        "relatives-means",
        128,
        "4 for each of 32 images: no image shares a mean with another. Each is a mean of 4 * 8 * 8 = 256 numbers.",
        {
            4: (
                "That would be one per group for the whole batch. The groups of every image have means of their own:",
                "normalize(np.zeros((32, 16, 8, 8)).reshape(32, 4, -1), (2,))[1].size",
                "128",
            ),
            16: (
                "One per channel is BatchNorm. Here 4 channels share a mean, and images do not:",
                "normalize(np.zeros((32, 16, 8, 8)).reshape(32, 4, -1), (2,))[1].size",
                "128",
            ),
            32: (
                "One per image is layer norm, 1 group. 4 groups are 4 means for each of the images:",
                "32 * 4",
                "128",
            ),
            512: (
                "32 * 16 is one per image and channel, instance norm. 4 channels each make a group:",
                "32 * 16 // 4",
                "128",
            ),
        },
    ),
    Question(
        "relatives-one-image",
        "instance",
        "With N = 1 the axes (0, 2, 3) hold the same numbers as (2, 3): the pixels of one channel of one image.",
        {
            "layer": (
                "Layer norm mixes the channels, BatchNorm never does. Largest difference for such an image:",
                "from bnbook.norm_numpy import instance_norm, layer_norm; z = np.arange(24.0).reshape(1, 2, 3, 4); "
                "float(np.abs(batch_norm(z, None, None)[0] - layer_norm(z, None, None)).max().round(2))",
                "1.67",
            ),
            "none": (
                "Compare which numbers are averaged when there is only one image. Largest difference to instance norm:",
                "from bnbook.norm_numpy import instance_norm, layer_norm; z = np.arange(24.0).reshape(1, 2, 3, 4); "
                "float(np.abs(batch_norm(z, None, None)[0] - instance_norm(z, None, None)).max().round(9))",
                "0.0",
            ),
        },
    ),
    Question(
        "relatives-parameters",
        2048,
        "16 * 8 * 8 = 1,024 scales, one for every place of an image, and as many shifts.",
        {
            32: (
                "16 scales and 16 shifts: that is nn.GroupNorm(1, 16), which normalizes by the same numbers.",
                "sum(p.numel() for p in torch.nn.GroupNorm(1, 16).parameters())",
                "32",
            ),
            1024: (
                "16 * 8 * 8 scales are half of them: each place is shifted, too, by a number of its own.",
                "sum(p.numel() for p in torch.nn.LayerNorm((16, 8, 8)).parameters())",
                "2048",
            ),
            2: (
                "One mean and one variance per image are no parameters, they are computed. What is learned:",
                "tuple(torch.nn.LayerNorm((16, 8, 8)).weight.shape)",
                "(16, 8, 8)",
            ),
        },
    ),
    Question(
        "relatives-dgamma",
        "NHW",
        "gamma[c] multiplies every value of channel c, in all images: it collects from all of them.",
        {
            "CHW": (
                "Those are the axes of the *statistics* of layer norm. What is left would be one number per image:",
                "np.ones((5, 6, 4, 4)).sum((1, 2, 3)).shape",
                "(5,)",
            ),
            "HW": (
                "The statistics of an image stay in the image, but gamma is shared by all images:",
                "np.ones((5, 6, 4, 4)).sum((2, 3)).shape",
                "(5, 6)",
            ),
        },
    ),
    Question(
        "relatives-brighter",
        "b",
        "All four take their statistics from that image alone, so a factor on the image cancels (but for eps).",
        {
            "a": (
                "These two are blind to a factor on a *channel*. Does BatchNorm's output move:",
                "z = np.random.default_rng(0).normal(size=(4, 2, 3, 3)); "
                "brighter = np.concatenate([3 * z[:1], z[1:]]); "
                "bool(np.abs(batch_norm(z, None, None)[0] - batch_norm(brighter, None, None)[0]).max() > 0.01)",
                "True",
            ),
            "c": (
                "BatchNorm divides by the spread of the whole batch, and one image of 4 is a quarter of it. It moves:",
                "z = np.random.default_rng(0).normal(size=(4, 2, 3, 3)); "
                "brighter = np.concatenate([3 * z[:1], z[1:]]); "
                "bool(np.abs(batch_norm(z, None, None)[0] - batch_norm(brighter, None, None)[0]).max() > 0.01)",
                "True",
            ),
        },
    ),
    Question(
        "relatives-two",
        "b",
        "A mean is over N * H * W values: 128, 32 and 8 in the three layers, not 2. That is enough.",
        {
            "a": (
                "There two values make a mean, and become +1 and -1. Values to a mean in the last layer here:",
                "np.ones((2, 16, 2, 2)).size // 16",
                "8",
            ),
            "c": (
                "Most of the others gain by 32 times as many steps. Points that BatchNorm gains:",
                _STORED + "gains = experiments.change(stored, '100 steps of 64', '3200 steps of 2'); "
                "float(gains.set_index('norm')['mean']['batch'].round(1))",
                "-0.8",
            ),
        },
    ),
    Question(
        "relatives-noise",
        "neither",
        "At this noise it is settled against one of the five, the net without normalization, and open against four.",
        {
            "better": (
                "So it is with slight noise (0.1), as on clean images. How many of the five is it better than at 0.3?",
                _STORED + "table = next(c for c in experiments.bearing(stored) if c.name == 'noise 0.3').rows; "
                "int((table['verdict'] == 'more').sum())",
                "1",
            ),
            "worse": (
                "Its statistics are of clean images, so this is a good guess. How many of the five is it worse than?",
                _STORED + "table = next(c for c in experiments.bearing(stored) if c.name == 'noise 0.3').rows; "
                "int((table['verdict'] == 'less').sum())",
                "0",
            ),
        },
    ),
    Question(
        "relatives-dark",
        "c",
        "Standardized, it is a factor and a shift, and at the border of an image no norm undoes the shift.",
        {
            "a": (
                "A factor alone they would not notice. But the training images' mean is subtracted first: dark images "
                "are shifted, too, and each channel behind a convolution by another number. Layer norm's accuracy (%):",
                _STORED + "table = experiments.at_own_rates(stored, '100 steps of 64').query(\"arm == 'layer'\"); "
                "float((100 * table[table['measure'] == 'dark accuracy']['value'].mean()).round(1))",
                "25.9",
            ),
            "b": (
                "It comes closest: it alone takes a mean of each channel of each image. But the zeros around an image "
                "stay, and stand for a gray that a dark image has not. Its accuracy (%; 95.4 on clean images):",
                _STORED + "table = experiments.at_own_rates(stored, '100 steps of 64').query(\"arm == 'instance'\"); "
                "float((100 * table[table['measure'] == 'dark accuracy']['value'].mean()).round(1))",
                "64.5",
            ),
        },
    ),
)
