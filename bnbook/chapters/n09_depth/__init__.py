"""Notebook 09, depth: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Does BatchNorm make very deep networks trainable?"
AIMS = (
    "Why BatchNorm itself makes gradients explode, whatever the size of the weights and with every non-linearity",
    "why small batches make it worse",
    "why a residual network does not suffer from it",
    "that an exploding gradient at the start is not the whole story",
    "which part of the credit for very deep networks belongs to BatchNorm",
)
MINUTES = 75
BUILDS = "`measured_growth`, `predicted_growth`, SkipInit's `Scale`, `train_only_norms`"
