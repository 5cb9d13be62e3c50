"""Notebook 12, claims: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "Which of the things people say about BatchNorm are true?"
AIMS = (
    "Which of two dozen claims survive",
    "what a claim needs before it can be tested",
    'why "not significant" is not "no effect", and why a small experiment may say neither true nor false',
    "how a badly tuned rival makes a claim look true",
    "a measure of dimension and an adversarial attack",
)
MINUTES = 70
BUILDS = "`verdict`, `effective_rank`, `fgsm`"
