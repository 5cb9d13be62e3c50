"""Notebook 04, train and eval: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Which statistics are used when there is no batch?"
AIMS = (
    "What `model.eval()` changes and what happens if you forget it",
    "what momentum means, and why two libraries mean opposite things",
    "why the first steps are biased",
    "where $m/(m-1)$ comes in",
    "when recalibrating helps and when it does not",
    "why a batch of 1 is an error",
    "where BatchNorm can be folded into a neighbour and where it cannot",
)
MINUTES = 100
BUILDS = "`update_running`, `batch_norm_eval`, the layer `BatchNorm`, `fold`"
