"""Notebook 05, images: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "How does BatchNorm work in a convolutional network?"
AIMS = (
    "Why there is one mean per *channel*, and not one per pixel or one for all",
    "why BatchNorm of images is BatchNorm of a table",
    r"what $N \cdot H \cdot W$ is worth as a sample size",
    "why convolutions before BatchNorm have no bias",
)
MINUTES = 80
BUILDS = "`to_rows`, `from_rows`, a repaired `batch_norm`, `remove_bias`"
