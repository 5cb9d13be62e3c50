"""Notebook 11, relatives: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What changes if other axes are averaged?"
AIMS = (
    "Which numbers share a mean in each norm",
    "what each of them does not notice",
    "why LayerNorm in PyTorch has more parameters than you think",
    "why the norms of single images need no evaluation mode",
    "which one to take when, and what stored statistics cost BatchNorm where images are not as in training",
)
MINUTES = 75
BUILDS = "`group_norm`, `rms_norm`, `group_norm_backward`"
