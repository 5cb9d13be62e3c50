"""Notebook 10, batch size: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "When does BatchNorm break: how small may a batch be?"
AIMS = (
    'Why "too small" must be said in values per channel, not in images',
    "that an accumulated gradient is not that of a large batch, and whose gradient it is",
    "what batch renormalization repairs and what not",
    "when to freeze BatchNorm, and when not to",
)
MINUTES = 95
BUILDS = "`standard_error`, `ghost_batch_norm`, `accumulated_gradient`, `batch_renorm`"
