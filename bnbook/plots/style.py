"""One colour and one line style for each arm, throughout the course."""

# Okabe and Ito's palette; the pairs drawn together also differ in lightness and line style.
ARMS = {
    "none": {"label": "without normalization", "color": "#E69F00", "linestyle": (0, (4, 1.5))},
    "batch": {"label": "with BatchNorm", "color": "#0072B2", "linestyle": "-"},
}
