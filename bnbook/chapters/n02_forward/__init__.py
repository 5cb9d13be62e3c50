"""Notebook 02, forward: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "How do you normalize a batch, and why scale and shift afterwards?"
AIMS = (
    "Which numbers share one mean",
    "why the variance is divided by $m$ and not by $m-1$",
    r"why $\varepsilon$ stands inside the root",
    "what normalizing forgets and what it leaves alone",
    r"what $\gamma$ and $\beta$ give back",
    "why the order of two subtractions decides whether float32 works",
)
MINUTES = 65
BUILDS = "`normalize`, `batch_norm`"
