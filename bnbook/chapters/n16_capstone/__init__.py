"""Notebook 16, the capstone: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Can you do it alone?"
AIMS = (
    "To choose a normalization and defend the choice with a measurement",
    "to tune a learning rate and say how much room it has",
    "to recalibrate, freeze, fold and export a net, and to show each time that it worked",
)
MINUTES = 95
BUILDS = "`residual_block`, `choose`, `recalibrate`, `freeze`, `fold_net`, `gap`"
