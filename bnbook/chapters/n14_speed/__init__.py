"""Notebook 14, speed: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What limits BatchNorm's speed, and how near can you get?"
AIMS = (
    "Why bytes, and not operations, set the ceiling",
    "why a formula written nicely is slow",
    "what must be kept for backward, and what need not",
    "which short cuts cost accuracy",
    "how to read a Triton kernel",
)
MINUTES = 80
BUILDS = "`lean_batch_norm`, `merge`, `backward_coefficients`, `affine_block`"
