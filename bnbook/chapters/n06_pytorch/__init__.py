"""Notebook 06, pytorch: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "How do you put BatchNorm into a framework, on any device?"
AIMS = (
    "What a hand-written backward pass saves and what it must not lose",
    "what is a parameter and what is a buffer",
    "why running statistics must not keep the graph",
    "why one inherits from `nn.BatchNorm2d`",
    "what happens in 16 bits",
    "why the same code runs on a GPU",
)
MINUTES = 70
BUILDS = "`BatchNormFunction`, `BatchNorm2d`, `replace_batch_norm`"
