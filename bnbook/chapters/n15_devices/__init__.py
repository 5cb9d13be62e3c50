"""Notebook 15, devices: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What does a batch mean on several devices?"
AIMS = (
    "Whose images a mean is made of when four devices share a batch",
    "how statistics are merged, and gradients with them",
    "which running statistics a checkpoint holds",
    "what it costs to exchange them",
    "when a test of all this cannot fail",
)
MINUTES = 80
BUILDS = "`merge_statistics`, `sync_backward`, `running_on_ranks`, `bytes_exchanged`"
