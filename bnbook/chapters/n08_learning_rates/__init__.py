"""Notebook 08, learning rates: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "How much larger a learning rate does BatchNorm tolerate, and against which baseline?"
AIMS = (
    'How to state "tolerates larger learning rates" as a number with an interval',
    "how much of it is initialization",
    "where BatchNorm does *not* help",
    "what scale invariance is and why it acts like a learning-rate schedule",
    "what weight decay does to a net with BatchNorm",
    'why "BatchNorm makes the loss smoother" is less of an explanation than it seems',
)
MINUTES = 95
BUILDS = "`band`, `invariance_check`, `effective_rate`, `equilibrium`"
