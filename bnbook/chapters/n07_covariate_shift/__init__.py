"""Notebook 07, covariate shift: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Is internal covariate shift what BatchNorm reduces, and is that why it works?"
AIMS = (
    "What internal covariate shift is, in two definitions that do not say the same",
    "which half of the claim holds and which does not",
    "what a control is good for",
    "why a result found with one initialization can turn round with another",
)
MINUTES = 70
BUILDS = "`standardizing`, `wasserstein_1d`, `gradient_change`"
