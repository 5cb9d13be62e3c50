"""One colour and one line style for each arm, throughout the course."""

# Okabe and Ito's palette; the pairs drawn together also differ in lightness and line style.
ARMS = {
    "none": {"label": "without normalization", "color": "#E69F00", "linestyle": (0, (4, 1.5))},
    "batch": {"label": "with BatchNorm", "color": "#0072B2", "linestyle": "-"},
    "start": {"label": "standardized once, at the start", "color": "#009E73", "linestyle": (0, (6, 1.5, 1, 1.5))},
    "noisy": {"label": "noisy BatchNorm", "color": "#56B4E9", "linestyle": (0, (1, 1))},
    "noisier": {"label": "twice the noise", "color": "#7A3E9D", "linestyle": (0, (3, 2))},
    "layer": {"label": "with LayerNorm", "color": "#CC79A7", "linestyle": (0, (2, 1))},
    "group": {"label": "with GroupNorm", "color": "#8A6D00", "linestyle": (0, (7, 2))},
    "instance": {"label": "with InstanceNorm", "color": "#666666", "linestyle": (0, (1, 2))},
    "rms": {"label": "with RMSNorm", "color": "#9467BD", "linestyle": (0, (4, 1, 1, 1))},
    "renorm": {"label": "with batch renormalization", "color": "#1B5E20", "linestyle": (0, (9, 2))},
    "clip": {"label": "gradient clipping", "color": "#D55E00", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "batch_own": {
        "label": "with BatchNorm, statistics of the test images",
        "color": "#56B4E9",
        "linestyle": (0, (1, 1)),
    },
    "add_sd": {"label": "mean subtracted, sd added", "color": "#D55E00", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "skip_init": {"label": "SkipInit", "color": "#000000", "linestyle": (0, (3, 1, 1, 1))},
}
