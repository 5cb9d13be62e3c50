"""How a figure looks and what it says: one colour and one line style for each arm, and the alternative text."""

# Okabe and Ito's palette; the pairs drawn together also differ in lightness and line style.
ARMS = {
    "none": {"label": "without normalization", "color": "#E69F00", "linestyle": (0, (4, 1.5))},
    "batch": {"label": "with BatchNorm", "color": "#0072B2", "linestyle": "-"},
    "start": {"label": "standardized once, at the start", "color": "#009E73", "linestyle": (0, (6, 1.5, 1, 1.5))},
    "noisy": {"label": "noisy BatchNorm", "color": "#56B4E9", "linestyle": (0, (1, 1))},
    "noisier": {"label": "twice the noise", "color": "#7A3E9D", "linestyle": (0, (3, 2))},
    "none_noisy": {"label": "no normalization, noise", "color": "#B45F06", "linestyle": (0, (1, 3))},
    "start_noisy": {"label": "standardized once, noise", "color": "#2E7D5B", "linestyle": (0, (6, 1, 1, 1, 1, 1))},
    "layer": {"label": "with LayerNorm", "color": "#CC79A7", "linestyle": (0, (2, 1))},
    "group": {"label": "with GroupNorm", "color": "#8A6D00", "linestyle": (0, (7, 2))},
    "instance": {"label": "with InstanceNorm", "color": "#666666", "linestyle": (0, (1, 2))},
    "rms": {"label": "with RMSNorm", "color": "#9467BD", "linestyle": (0, (4, 1, 1, 1))},
    "renorm": {"label": "with batch renormalization", "color": "#1B5E20", "linestyle": (0, (9, 2))},
    "frozen": {"label": "with BatchNorm frozen", "color": "#882255", "linestyle": (0, (5, 2))},
    "clip": {"label": "gradient clipping", "color": "#D55E00", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "momentum": {"label": "momentum 0.9", "color": "#A0522D", "linestyle": (0, (2, 2))},
    "batch_momentum": {"label": "BatchNorm, momentum 0.9", "color": "#00308F", "linestyle": (0, (8, 1, 1, 1))},
    "sphere": {"label": "BatchNorm, length kept", "color": "#AA4499", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
    "batch_own": {
        "label": "BatchNorm, statistics of the test images",
        "color": "#6BAED6",
        "linestyle": (0, (2, 2, 1, 2)),
    },
    "add_sd": {"label": "mean subtracted, sd added", "color": "#E6550D", "linestyle": (0, (3, 3))},
    "skip_init": {"label": "SkipInit", "color": "#000000", "linestyle": (0, (3, 1, 1, 1))},
    # One mean and variance for all channels together.
    "shared": {"label": "one statistic for all channels", "color": "#B2182B", "linestyle": (0, (5, 3))},
    # One net with BatchNorm, its running statistics kept in several ways.
    "momentum=0.01": {"label": "momentum=0.01", "color": "#E08214", "linestyle": (0, (4, 2))},
    "momentum=0.01, corrected": {"label": "momentum=0.01, corrected", "color": "#DE77AE", "linestyle": (0, (1, 0))},
    "momentum=None": {"label": "momentum=None", "color": "#1B9E77", "linestyle": (0, (12, 1))},
    "momentum=0.1": {"label": "momentum=0.1", "color": "#2166AC", "linestyle": (0, (8, 1))},
    "recalibrated": {"label": "recalibrated", "color": "#1A1A1A", "linestyle": (0, (16, 1))},
}


def alternative(text):
    """What stands for a picture where it cannot be seen: the text up to its first blank line, in one line.

    The functions of `plots` put there, in a sentence or two, what the figure shows; tables come after the blank line,
    because read aloud nobody follows their columns.
    """
    return " ".join(text.strip().split("\n\n")[0].split())
