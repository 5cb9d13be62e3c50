"""Notebook 01, why normalize: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Why normalize: what happens to activations and gradients 20 layers deep?"
AIMS = (
    "Why a network of 20 layers is touchy about the size of its weights",
    "what saturation is, and how rare at the start",
    "what vanishes with sigmoids",
    "what normalizing every layer repairs, and what it makes worse",
    "how He initialization does without it, and where that ends",
)
MINUTES = 65
BUILDS = "`standardize`, `saturation`, `he_std`"
