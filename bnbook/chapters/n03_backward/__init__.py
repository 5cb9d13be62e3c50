"""Notebook 03, backward: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What is the gradient of BatchNorm, and why is it a projection?"
AIMS = (
    "Why moving one value moves all outputs",
    "where each of the three terms of the formula comes from",
    r"why the gradient of a channel sums to 0 and is (nearly) orthogonal to $\hat x$",
    "how wrong code passes a gradient check, and how to choose a check that it cannot pass",
    "what has to be kept in memory",
)
MINUTES = 100
BUILDS = "`batch_norm_backward` in stages and closed, `normalize_backward`, `directional_check`"
