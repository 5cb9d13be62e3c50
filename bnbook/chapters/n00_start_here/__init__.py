"""Notebook 00, start here: what it asks, teaches and lets you build. Importing this imports nothing else."""

QUESTION = "What is this course, and how do you work with it?"
AIMS = ("What the rest of the course explains, and how its exercises, checks, hints, solutions and predictions work",)
MINUTES = 20
BUILDS = "`batch_axes`"
