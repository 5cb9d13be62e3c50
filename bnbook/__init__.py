"""bnbook: a course on Batch Normalization and the package it builds. `python -m bnbook` prints the map."""
